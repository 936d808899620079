/* SPDX-License-Identifier: GPL-3.0-or-later
 * One period out or in, blended over its whole length. */
#include "mcu/mp/stretch.h"

#include <math.h>
#include <string.h>

enum {
	LAG_MIN_US = 2500, LAG_MAX_US = 10000,
	MIN_US = 10000,
};

#define LIKE 0.6f        /* below it a joint would be heard */
#define QUIET_POWER 1000 /* mean square, -60 dBov: any joint will do */

static float likeness(const int16_t *x, size_t n, size_t lag)
{
	float xy = 0, xx = 1, yy = 1;

	for (size_t i = 0; i < n; i++) {
		float a = x[i], b = x[i + lag];

		xy += a * b;
		xx += a * a;
		yy += b * b;
	}
	return xy / sqrtf(xx * yy);
}

/* The lag at which the beginning is most like what follows, 0: none. The
 * comparison takes every step-th lag first, then those around the best. */
static size_t best_lag(const int16_t *x, size_t n, uint32_t rate, bool force)
{
	size_t min = (size_t)rate * LAG_MIN_US / 1000000, max = (size_t)rate * LAG_MAX_US / 1000000;
	size_t step = rate / 8000, best = 0, from, to, span;
	float most = -2, power = 0;

	if (n < (size_t)rate * MIN_US / 1000000)
		return 0;
	if (max > n / 2)
		max = n / 2;
	span = n - max;
	for (size_t lag = min; lag <= max; lag += step) {
		float l = likeness(x, span, lag);

		if (l > most) {
			most = l;
			best = lag;
		}
	}
	for (size_t i = 0; i < n; i++)
		power += (float)x[i] * x[i];
	if (power < QUIET_POWER * (float)n)
		return max;
	if (most < LIKE && !force)
		return 0;
	from = best > min + step ? best - step : min;
	to = best + step < max ? best + step : max;
	for (size_t lag = from; lag <= to; lag++) {
		float l = likeness(x, span, lag);

		if (l > most) {
			most = l;
			best = lag;
		}
	}
	return best;
}

size_t stretch_squeeze(int16_t *pcm, size_t n, uint32_t rate, bool force)
{
	size_t lag = best_lag(pcm, n, rate, force);

	if (!lag)
		return n;
	for (size_t i = 0; i < lag; i++) {
		float w = ((float)i + 0.5f) / (float)lag;

		pcm[i] = (int16_t)lrintf(pcm[i] * (1 - w) + pcm[i + lag] * w);
	}
	memmove(pcm + lag, pcm + 2 * lag, (n - 2 * lag) * sizeof(*pcm));
	return n - lag;
}

size_t stretch_stretch(int16_t *pcm, size_t n, size_t cap, uint32_t rate, bool force)
{
	size_t lag = best_lag(pcm, n, rate, force);

	if (!lag || n + lag > cap)
		return n;
	/* first lag | the second turning into the first | from the second on */
	memmove(pcm + 2 * lag, pcm + lag, (n - lag) * sizeof(*pcm));
	for (size_t i = 0; i < lag; i++) {
		float w = ((float)i + 0.5f) / (float)lag;

		pcm[lag + i] = (int16_t)lrintf(pcm[2 * lag + i] * (1 - w) + pcm[i] * w);
	}
	return n + lag;
}
