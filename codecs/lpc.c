/* SPDX-License-Identifier: GPL-3.0-or-later
 * Autocorrelation and the recursion of Levinson and Durbin. */
#include "codecs/lpc.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static void lpc_autocorrelation(const float *x, size_t n, unsigned order, double *r)
{
	for (unsigned lag = 0; lag <= order; lag++) {
		double sum = 0;

		for (size_t i = lag; i < n; i++)
			sum += (double)x[i] * x[i - lag];
		r[lag] = sum;
	}
	/* A floor of white noise 50 dB down keeps pure tones and digital
	 * silence from making the filter unstable. */
	r[0] = r[0] * 1.00001 + 1e-3;
}

void lpc_analyse(const float *x, size_t n, unsigned order, float *a, float *k)
{
	double r[LPC_MAX_ORDER + 1], c[LPC_MAX_ORDER + 1] = { 1 }, err;
	float w[1024];

	assert(order <= LPC_MAX_ORDER);
	if (n > sizeof(w) / sizeof(w[0])) {
		x += n - sizeof(w) / sizeof(w[0]);
		n = sizeof(w) / sizeof(w[0]);
	}
	for (size_t i = 0; i < n; i++)
		w[i] = x[i] * (float)(0.5 - 0.5 * cos(2 * M_PI * ((double)i + 0.5) / (double)n));
	lpc_autocorrelation(w, n, order, r);
	err = r[0];
	for (unsigned m = 1; m <= order; m++) {
		double next[LPC_MAX_ORDER + 1], acc = r[m], km;

		for (unsigned i = 1; i < m; i++)
			acc += c[i] * r[m - i];
		km = -acc / err;
		if (!(km > -0.9999 && km < 0.9999))
			km = km > 0 ? 0.9999 : -0.9999;
		memcpy(next, c, sizeof(next));
		for (unsigned i = 1; i < m; i++)
			next[i] = c[i] + km * c[m - i];
		next[m] = km;
		memcpy(c, next, sizeof(c));
		err *= 1 - km * km;
		k[m] = (float)km;
	}
	for (unsigned m = 1; m <= order; m++)
		a[m] = (float)c[m];
}
