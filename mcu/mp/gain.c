/* SPDX-License-Identifier: GPL-3.0-or-later
 * What is learned is the level of whole syllables, so the gain is known as soon as
 * two or three were heard and does not follow each word: it cannot pump. */
#include "mcu/mp/gain.h"

#include <math.h>
#include <string.h>

#define TARGET (-19.0f)    /* dBov of syllables; speech with its pauses is some 3 dB less */
#define EASY 2.0f          /* nearer than this is near enough */
#define MOST 18.0f
#define LEAST (-12.0f)
#define LEARN 0.2f         /* dB a tick: 10 dB/s */
#define RESUME 1.0f        /* back to what is learned, when the speaker goes on */
#define FALL 0.24f         /* 12 dB/s: nobody speaks, the room is not to be raised */
#define UNHEARD (-62.0f)   /* below this is no speech */
#define BELOW_HIGH 14.0f   /* a tick this far below the loudest is between syllables */
#define DIP 6.0f           /* a syllable ends when it has fallen by so much */
#define HIGH_FALL 0.1f     /* 5 dB/s */
#define PITCHED 0.6f       /* correlation with a period before */
#define BASS 0.95f         /* of a sample before, taken away: falls below 200 Hz or so */
#define MEMORY 150.0f      /* ticks of syllables that count */

enum {
	SHORTEST = 2, LONGEST = 30, /* ticks of a syllable; what lasts longer is a tone */
	PAUSE = 75,                 /* ticks after which nobody speaks */
	ROW = 2,                    /* syllables that make it speech */
	LAG_MIN = 10, LAG_MAX = 72, /* 400 to 55 Hz at 4 kHz */
};

void gain_init(struct gain *self)
{
	memset(self, 0, sizeof(*self));
	self->high = -127;
	self->since = PAUSE;
}

/* ---- is there a pitch? -------------------------------------------------------- */

/* The tick at 4 kHz, its bass taken away (rumble wanders slowly, and so is like
 * itself); false: a rate that does not divide. */
static bool gain_narrow(const int16_t *pcm, size_t n, uint32_t rate, float out[static GAIN_HISTORY])
{
	size_t step = rate / 4000;
	float last = 0;

	if (rate % 4000 || n != step * GAIN_HISTORY)
		return false;
	for (size_t i = 0; i < GAIN_HISTORY; i++) {
		int sum = 0;
		float now;

		for (size_t k = 0; k < step; k++)
			sum += pcm[i * step + k];
		now = (float)sum / (float)step;
		out[i] = i ? now - last * BASS : 0;
		last = now;
	}
	return true;
}

static float correlation(const float *a, const float *b)
{
	float ab = 0, aa = 1, bb = 1;

	for (size_t i = 0; i < GAIN_HISTORY; i++) {
		ab += a[i] * b[i];
		aa += a[i] * a[i];
		bb += b[i] * b[i];
	}
	return ab / sqrtf(aa * bb);
}

/* A period that repeats, having been unlike itself between: rumble is not. */
static bool gain_pitched(const float both[static 2 * GAIN_HISTORY])
{
	const float *now = both + GAIN_HISTORY;
	bool dipped = false;

	for (int lag = 1; lag <= LAG_MAX; lag++) {
		float r = correlation(now, now - lag);

		dipped = dipped || r < PITCHED / 2;
		if (dipped && lag >= LAG_MIN && r >= PITCHED)
			return true;
	}
	return false;
}

/* ---- syllables ------------------------------------------------------------------ */

/* How far the learned gain may move follows from what speech there was. */
static void gain_learn(struct gain *self)
{
	float away = TARGET - 10 * log10f(self->energy / self->ticks);
	float goal = away > EASY ? away - EASY : away < -EASY ? away + EASY : 0;
	float step;

	goal = goal > MOST ? MOST : goal < LEAST ? LEAST : goal;
	step = goal - self->learned;
	self->learned += step > LEARN ? LEARN : step < -LEARN ? -LEARN : step;
}

static void gain_syllable(struct gain *self)
{
	bool one = self->length >= SHORTEST && self->length <= LONGEST;

	if (one) {
		self->row = self->since < PAUSE ? self->row + 1 : 1;
		self->since = 0;
		self->energy += self->part;
		self->ticks += (float)self->length;
		if (self->ticks > MEMORY) {
			self->energy *= MEMORY / self->ticks;
			self->ticks = MEMORY;
		}
	}
	self->length = 0;
	self->part = 0;
}

void gain_hear(struct gain *self, int level, const int16_t *pcm, size_t n, uint32_t rate)
{
	float both[2 * GAIN_HISTORY], l = (float)level;
	bool voiced = false, ended;

	memcpy(both, self->old, sizeof(self->old));
	if (level <= UNHEARD || !gain_narrow(pcm, n, rate, both + GAIN_HISTORY))
		memset(both + GAIN_HISTORY, 0, sizeof(self->old));
	else
		voiced = gain_pitched(both);
	memcpy(self->old, both + GAIN_HISTORY, sizeof(self->old));

	self->high -= HIGH_FALL;
	if (voiced && l > self->high)
		self->high = l;
	self->since += self->since < PAUSE;
	ended = self->length && (l < self->peak - DIP || l < self->high - BELOW_HIGH);
	if (ended)
		gain_syllable(self);
	else if (self->length || (voiced && l > self->high - BELOW_HIGH)) {
		self->peak = self->length && self->peak > l ? self->peak : l;
		self->part += powf(10, l / 10);
		self->length++;
	}
	if (self->row >= ROW && self->since < PAUSE)
		gain_learn(self);
}

/* ---- applying -------------------------------------------------------------------- */

void gain_run(struct gain *self, int16_t *pcm, size_t n)
{
	bool speech = self->row >= ROW && self->since < PAUSE;
	float want = speech || self->learned < 0 ? self->learned : 0;
	float from = self->db, to, gain, step;

	to = want > from + RESUME ? from + RESUME : want < from - FALL ? from - FALL : want;
	self->db = to;
	if (from == 0 && to == 0)
		return;
	gain = powf(10, from / 20);
	step = (powf(10, to / 20) - gain) / (float)n;
	for (size_t i = 0; i < n; i++) {
		float v;

		gain += step;
		v = (float)pcm[i] * gain;
		pcm[i] = (int16_t)lrintf(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
	}
}
