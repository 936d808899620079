/* SPDX-License-Identifier: GPL-3.0-or-later
 * Waveform repetition in the manner of G.711 appendix I, without its delay:
 * the first joint is made by letting the linear predictor of the last sound ring
 * on while the repeated pitch period fades in. */
#include "codecs/plc.h"

#include "codecs/lpc.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLC_ORDER = 16,
	PLC_LAG_MIN_US = 2500, PLC_LAG_MAX_US = 15000, /* 400 to 66 Hz */
	PLC_MATCH_US = 10000,   /* the piece that is compared */
	PLC_PERIODS = 3,        /* repeated at most, to be less of a buzz */
	PLC_JOIN_US = 4000,
	PLC_HOLD_US = 15000,    /* full level for so long */
	PLC_FADE_US = 90000,    /* then down to nothing in so long */
	PLC_BACK_MAX_US = 10000,
};

struct plc {
	uint32_t rate;
	size_t len;             /* of the history, samples */
	bool heard;             /* anything at all */
	size_t lag;             /* pitch period */
	size_t period;          /* length of what is repeated now: 1..3 lags */
	size_t at;              /* position in it */
	size_t lost;            /* samples concealed since the last good one */
	size_t join;
	float *history;         /* what was heard, the latest at its end */
	float *frozen;          /* the same when the loss began */
	float *repeat;          /* PLC_PERIODS * longest lag */
	float ring[PLC_ORDER], a[PLC_ORDER + 1];
};

static size_t plc_samples(const struct plc *self, unsigned us)
{
	return (size_t)((uint64_t)self->rate * us / 1000000);
}

int plc_new(struct plc **out, uint32_t rate)
{
	struct plc *self;
	size_t repeat;

	if (rate < 8000 || rate > 48000)
		return -EINVAL;
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->rate = rate;
	repeat = PLC_PERIODS * plc_samples(self, PLC_LAG_MAX_US);
	/* Three periods, and a quarter of one before them to blend with. */
	self->len = repeat + plc_samples(self, PLC_LAG_MAX_US);
	self->join = plc_samples(self, PLC_JOIN_US);
	self->history = calloc(self->len, sizeof(*self->history));
	self->repeat = calloc(repeat, sizeof(*self->repeat));
	self->frozen = calloc(self->len, sizeof(*self->frozen));
	if (!self->history || !self->frozen || !self->repeat) {
		plc_free(self);
		return -ENOMEM;
	}
	*out = self;
	return 0;
}

struct plc *plc_free(struct plc *self)
{
	if (self) {
		free(self->history);
		free(self->frozen);
		free(self->repeat);
	}
	free(self);
	return NULL;
}

static int16_t plc_clip(float v)
{
	return (int16_t)lrintf(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
}

static void plc_remember(struct plc *self, const int16_t *pcm, size_t n)
{
	if (n >= self->len) {
		pcm += n - self->len;
		n = self->len;
	}
	memmove(self->history, self->history + n, (self->len - n) * sizeof(*self->history));
	for (size_t i = 0; i < n; i++)
		self->history[self->len - n + i] = pcm[i];
	self->heard = true;
}

/* How alike the last sound is to what was `lag` before it: normalized, in steps
 * of `step` samples. */
static float plc_likeness(const struct plc *self, size_t lag, size_t step)
{
	size_t n = plc_samples(self, PLC_MATCH_US);
	const float *x = self->history + self->len - n, *y = x - lag;
	float xy = 0, yy = 1, xx = 1;

	for (size_t i = 0; i < n; i += step) {
		xy += x[i] * y[i];
		xx += x[i] * x[i];
		yy += y[i] * y[i];
	}
	return xy / sqrtf(xx * yy);
}

/* The lag of the best likeness: coarse at 8 kHz, then fine around it. */
static size_t plc_pitch(const struct plc *self)
{
	size_t step = self->rate / 8000, min = plc_samples(self, PLC_LAG_MIN_US);
	size_t max = plc_samples(self, PLC_LAG_MAX_US), best = max, from, to;
	float likeness, most = -1;

	for (size_t lag = min; lag <= max; lag += step) {
		likeness = plc_likeness(self, lag, step);
		if (likeness > most + 0.01f) { /* the shorter of equals */
			most = likeness;
			best = lag;
		}
	}
	if (most < 0.4f) /* nothing periodic: the longest makes the least tone */
		return max;
	from = best > min + step ? best - step : min;
	to = best + step < max ? best + step : max;
	most = -1;
	for (size_t lag = from; lag <= to; lag++) {
		likeness = plc_likeness(self, lag, 1);
		if (likeness > most) {
			most = likeness;
			best = lag;
		}
	}
	return best;
}

/* Takes the last `periods` pitch periods for repetition. Their end is blended
 * into what stood before their beginning, so that the loop has no seam. */
static void plc_loop(struct plc *self, unsigned periods)
{
	size_t n = periods * self->lag, blend = self->lag / 4;
	const float *end = self->frozen + self->len;

	memcpy(self->repeat, end - n, n * sizeof(*self->repeat));
	for (size_t i = 0; i < blend; i++) {
		float w = ((float)i + 0.5f) / (float)blend;
		size_t at = n - blend + i;

		self->repeat[at] = self->repeat[at] * (1 - w) + (end - n - blend)[i] * w;
	}
	self->period = n;
}

static void plc_begin(struct plc *self)
{
	const float *end = self->history + self->len;
	float k[PLC_ORDER + 1];
	size_t n = plc_samples(self, 20000);

	memcpy(self->frozen, self->history, self->len * sizeof(*self->frozen));
	lpc_analyse(end - n, n, PLC_ORDER, self->a, k);
	memcpy(self->ring, end - PLC_ORDER, sizeof(self->ring));
	self->lag = plc_pitch(self);
	plc_loop(self, 1);
	self->at = 0;
}

/* The predictor's next sample with nothing to excite it. */
static float plc_ring(struct plc *self)
{
	float v = 0;

	for (unsigned i = 1; i <= PLC_ORDER; i++)
		v -= self->a[i] * self->ring[PLC_ORDER - i];
	memmove(self->ring, self->ring + 1, (PLC_ORDER - 1) * sizeof(*self->ring));
	self->ring[PLC_ORDER - 1] = v;
	return v;
}

static float plc_next(struct plc *self)
{
	size_t hold = plc_samples(self, PLC_HOLD_US), fade = plc_samples(self, PLC_FADE_US);
	float v, gain = 1;

	if (self->lost >= hold + fade)
		return 0;
	v = self->repeat[self->at];
	if (self->lost < self->join) {
		float w = ((float)self->lost + 0.5f) / (float)self->join;

		v = plc_ring(self) * (1 - w) + v * w;
	}
	if (self->lost > hold)
		gain = 1 - (float)(self->lost - hold) / (float)fade;
	self->lost++;
	if (++self->at == self->period) {
		self->at = 0;
		/* The longer it lasts, the more of the past is repeated. */
		if (self->period < PLC_PERIODS * self->lag)
			plc_loop(self, (unsigned)(self->period / self->lag) + 1);
	}
	return v * gain;
}

void plc_lost(struct plc *self, int16_t *pcm, size_t n)
{
	if (!self->heard) {
		memset(pcm, 0, n * sizeof(*pcm));
		return;
	}
	if (!self->lost)
		plc_begin(self);
	for (size_t i = 0; i < n; i++)
		pcm[i] = plc_clip(plc_next(self));
	plc_remember(self, pcm, n);
}

void plc_good(struct plc *self, int16_t *pcm, size_t n)
{
	/* G.711 I.2.7: a longer loss is left more gently. */
	size_t back = plc_samples(self, 4000) + self->lost / 10;
	size_t most = plc_samples(self, PLC_BACK_MAX_US);

	if (back > most)
		back = most;
	if (back > n)
		back = n;
	if (self->lost) {
		for (size_t i = 0; i < back; i++) {
			float w = ((float)i + 0.5f) / (float)back;

			pcm[i] = plc_clip(plc_next(self) * (1 - w) + pcm[i] * w);
		}
		self->lost = 0;
	}
	plc_remember(self, pcm, n);
}
