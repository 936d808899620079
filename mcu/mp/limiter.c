/* SPDX-License-Identifier: GPL-3.0-or-later
 * A gain per tick: down within 2 ms, up by 5 dB a second. */
#include "mcu/mp/limiter.h"

#include <math.h>

enum { ATTACK = 96, CEILING = 32000 };

#define RELEASE 1.0116f /* 0.1 dB a tick */

static int16_t clip(float v)
{
	return (int16_t)lrintf(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
}

void limiter_run(struct limiter *self, const int32_t *in, int16_t *out, size_t n)
{
	float gain = self->gain > 0 ? self->gain : 1, want = 1, slope;
	int64_t peak = 0;
	size_t ramp = n;

	for (size_t i = 0; i < n; i++) {
		int64_t v = in[i] < 0 ? -(int64_t)in[i] : in[i];

		if (v > peak)
			peak = v;
	}
	if (peak > CEILING)
		want = (float)CEILING / (float)peak;
	if (gain >= 1 && want >= 1) {
		for (size_t i = 0; i < n; i++)
			out[i] = (int16_t)in[i];
		self->gain = 1;
		return;
	}
	if (want < gain)
		ramp = n < ATTACK ? n : ATTACK;
	else
		want = want < gain * RELEASE ? want : gain * RELEASE;
	slope = (want - gain) / (float)ramp;
	for (size_t i = 0; i < n; i++) {
		if (i < ramp)
			gain += slope;
		out[i] = clip((float)in[i] * gain);
	}
	self->gain = want;
}
