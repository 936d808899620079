/* SPDX-License-Identifier: GPL-3.0-or-later
 * Every 10 ms a window of 20 ms is looked at: the power of the eight frequencies
 * (Goertzel under a Hann window), how far the strongest two are off by the advance
 * of their phase, and how much else there is. How long a key has lasted is the sum
 * of its power over the windows, in units of its most: windows that it fills in
 * part count in part. */
#include "codecs/dtmf_tones.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define PI 3.14159265f
#define RATE 8000.0f

/* Rows, then columns, Hz (Q.23). */
static const float hertz[8] = { 697, 770, 852, 941, 1209, 1336, 1477, 1633 };
static const char keys[16] = {
	'1', '2', '3', 'A', '4', '5', '6', 'B', '7', '8', '9', 'C', '*', '0', '#', 'D',
};

/* Q.24 table A-1: 0 to -25 dBm a tone is a key, the high one may be 4 dB over the
 * low and 8 under it, 1.5 % off is one and 3.5 % is none, 40 ms long is one and
 * 23 ms is none, 10 ms of nothing is no end and 40 ms is. Limits lie between. */
#define LEAST 4e-4f        /* mean square of a tone at full scale 1: -34 dBov */
#define TWIST 4.0f         /* columns over rows: 6 dB */
#define TWIST_BACK 10.0f   /* rows over columns: 10 dB */
#define OFF 0.024f
#define PURE 0.75f         /* of all power: what a key has */
#define ROUGH 0.4f         /* and what its ends have */
#define ALONE 3.2f         /* over the others of its group: 5 dB */
#define STEADY 2.5f        /* from window to window: 4 dB */
#define LONG 2.6f          /* windows' worth: 30 ms with what the ends leave out */
#define GONE 0.25f         /* of the most: its pause has begun */

enum { GOOD = 2, AWAY = 3 };

/* What one window holds. */
struct look {
	float power[8], re[8], im[8];
	float all;
	int row, column;
};

void dtmf_tones_init(struct dtmf_tones *self)
{
	memset(self, 0, sizeof(*self));
	self->key = self->told = -1;
	for (int i = 0; i < DTMF_WINDOW; i++)
		self->window[i] = 0.5f - 0.5f * cosf(2 * PI * ((float)i + 0.5f) / DTMF_WINDOW);
}

/* The amplitude of a sine in a window, as mean square; and its phase at the end. */
static void goertzel(const float *x, float hz, float *power, float *re, float *im)
{
	float w = 2 * PI * hz / RATE, c = 2 * cosf(w), s1 = 0, s2 = 0;
	const float full = DTMF_WINDOW / 4.0f; /* of a sine of amplitude 1 under Hann */

	for (int i = 0; i < DTMF_WINDOW; i++) {
		float s = x[i] + c * s1 - s2;

		s2 = s1;
		s1 = s;
	}
	*re = s1 - s2 * cosf(w);
	*im = s2 * sinf(w);
	*power = (*re * *re + *im * *im) / (full * full) / 2;
}

static int strongest(const float *power)
{
	int best = 0;

	for (int i = 1; i < 4; i++)
		if (power[i] > power[best])
			best = i;
	return best;
}

static bool alone(const float *power, int best)
{
	for (int i = 0; i < 4; i++)
		if (i != best && power[i] * ALONE > power[best])
			return false;
	return true;
}

/* False: so soft that nothing can be there. */
static bool look(const struct dtmf_tones *self, struct look *out)
{
	float x[DTMF_WINDOW];

	out->all = 0;
	for (int i = 0; i < DTMF_WINDOW; i++) {
		x[i] = (float)self->pcm[i] / 32768 * self->window[i];
		out->all += x[i] * x[i];
	}
	out->all /= DTMF_WINDOW * 0.375f; /* the window's own power */
	if (out->all < LEAST)
		return false;
	for (int i = 0; i < 8; i++)
		goertzel(x, hertz[i], &out->power[i], &out->re[i], &out->im[i]);
	out->row = strongest(out->power);
	out->column = strongest(out->power + 4);
	return true;
}

/* How far a tone is off, as a part of its frequency, from the turn it made beyond
 * its own since the window before. */
static float off(const struct dtmf_tones *self, const struct look *l, int i, int tone)
{
	float before = atan2f(self->im[i], self->re[i]), now = atan2f(l->im[tone], l->re[tone]);
	float turn = now - before - 2 * PI * fmodf(hertz[tone] * DTMF_HOP / RATE, 1);

	turn = remainderf(turn, 2 * PI);
	return turn * RATE / (2 * PI * DTMF_HOP) / hertz[tone];
}

/* What a Hann window leaves of the power of a tone so far off. */
static float left(float part, int tone)
{
	float x = fabsf(part) * hertz[tone] * DTMF_WINDOW / RATE;
	float s = x < 0.01f ? 1 : x > 0.95f ? 0.5f : sinf(PI * x) / (PI * x) / (1 - x * x);

	return s * s;
}

/* All that Q.24 asks of a key, this window and the one before it. */
static bool is_key(const struct dtmf_tones *self, const struct look *l)
{
	int low = l->row, high = l->column + 4;
	float off_low = off(self, l, 0, low), off_high = off(self, l, 1, high);
	float p_low = l->power[low] / left(off_low, low);
	float p_high = l->power[high] / left(off_high, high);
	float before_low = self->re[0] * self->re[0] + self->im[0] * self->im[0];
	float now_low = l->re[low] * l->re[low] + l->im[low] * l->im[low];

	return p_low >= LEAST && p_high >= LEAST && fabsf(off_low) <= OFF &&
		fabsf(off_high) <= OFF && p_high <= p_low * TWIST && p_low <= p_high * TWIST_BACK &&
		p_low + p_high >= PURE * l->all && alone(l->power, l->row) &&
		alone(l->power + 4, l->column) && now_low <= before_low * STEADY &&
		before_low <= now_low * STEADY;
}

/* ---- from window to window --------------------------------------------------------- */

static void begin(struct dtmf_tones *self, int key)
{
	self->key = key;
	self->sum = self->peak = 0;
	self->good = 0;
}

/* The key that was told ends with a pause, or with another one. */
static void end_told(struct dtmf_tones *self, int key, float pair)
{
	if (self->told < 0)
		return;
	self->away = key == self->told && pair >= self->peak * GONE ? 0 : self->away + 1;
	if (self->away >= AWAY) {
		self->told = -1;
		begin(self, -1);
	}
}

static char window(struct dtmf_tones *self)
{
	struct look l;
	bool heard = look(self, &l);
	int key = heard ? l.row * 4 + l.column : -1;
	float pair = heard ? l.power[l.row] + l.power[l.column + 4] : 0;
	char told = 0;

	if (key >= 0 && pair < ROUGH * l.all)
		key = -1;
	end_told(self, key, pair);
	if (key < 0 || key != self->key) {
		if (self->told < 0 || key >= 0)
			begin(self, key);
	} else {
		self->good = is_key(self, &l) ? self->good + 1 : 0;
	}
	if (key < 0)
		return 0;
	self->peak = pair > self->peak ? pair : self->peak;
	self->sum += pair;
	if (self->good >= GOOD - 1 && key != self->told && self->sum >= LONG * self->peak) {
		self->told = key;
		self->away = 0;
		told = keys[key];
	}
	for (int i = 0; i < 2; i++) {
		self->re[i] = l.re[i ? l.column + 4 : l.row];
		self->im[i] = l.im[i ? l.column + 4 : l.row];
	}
	return told;
}

char dtmf_tones_hear(struct dtmf_tones *self, const int16_t *pcm, size_t n, uint32_t rate)
{
	size_t step = rate / 8000;
	char key = 0;

	if (rate % 8000 || !step)
		return 0;
	for (size_t at = 0; at + step <= n; at += step) {
		int sum = 0;
		char k;

		for (size_t i = 0; i < step; i++)
			sum += pcm[at + i];
		self->pcm[self->fill++] = (int16_t)(sum / (int)step);
		if (self->fill < DTMF_WINDOW)
			continue;
		k = window(self);
		key = k ? k : key;
		memmove(self->pcm, self->pcm + DTMF_HOP, DTMF_HOP * sizeof(*pcm));
		self->fill = DTMF_WINDOW - DTMF_HOP;
	}
	return key;
}
