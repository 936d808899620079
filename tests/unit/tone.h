/* SPDX-License-Identifier: GPL-3.0-or-later
 * Test sounds and how to judge them. */
#ifndef BALAI_TESTS_UNIT_TONE_H
#define BALAI_TESTS_UNIT_TONE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Samples from..from+n of a tone that began at sample 0. */
static inline void tone_make(int16_t *out, size_t n, size_t from, double hz, double amplitude,
			     double rate)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (int16_t)lrint(amplitude *
					sin(2 * M_PI * hz * (double)(from + i) / rate));
}

/* Amplitude of the tone in n samples, least squares; *rest (may be NULL): the
 * power of all that is not it (a constant counts as rest). */
static inline double tone_find(const int16_t *x, size_t n, double hz, double rate, double *rest)
{
	double ss = 0, cc = 0, sc = 0, xs = 0, xc = 0, xx = 0, det, a, b;

	for (size_t i = 0; i < n; i++) {
		double s = sin(2 * M_PI * hz * (double)i / rate);
		double c = cos(2 * M_PI * hz * (double)i / rate);

		ss += s * s;
		cc += c * c;
		sc += s * c;
		xs += x[i] * s;
		xc += x[i] * c;
		xx += (double)x[i] * x[i];
	}
	det = ss * cc - sc * sc;
	a = (xs * cc - xc * sc) / det;
	b = (xc * ss - xs * sc) / det;
	if (rest)
		*rest = (xx - a * xs - b * xc) / (double)n;
	return sqrt(a * a + b * b);
}

/* Signal to noise of a tone in dB. */
static inline double tone_snr(const int16_t *x, size_t n, double hz, double rate)
{
	double rest, a = tone_find(x, n, hz, rate, &rest);

	return 10 * log10(a * a / 2 / (rest > 1e-9 ? rest : 1e-9));
}

/* The largest step from sample to sample. */
static inline int tone_step(const int16_t *x, size_t n)
{
	int most = 0;

	for (size_t i = 1; i < n; i++)
		if (abs(x[i] - x[i - 1]) > most)
			most = abs(x[i] - x[i - 1]);
	return most;
}

static inline double tone_rms(const int16_t *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * x[i];
	return sqrt(sum / (double)n);
}

/* Something like a voice: a glottal buzz of wandering pitch through three
 * resonances, in syllables with pauses, and some noise. Deterministic. */
static inline void voice_make(int16_t *out, size_t n, double rate, unsigned seed)
{
	static const double formant[3] = { 600, 1200, 2500 };
	double y1[3] = { 0 }, y2[3] = { 0 }, phase = 0;
	uint32_t random = seed * 2654435761u + 1;

	for (size_t i = 0; i < n; i++) {
		double t = (double)i / rate, v = 0, x = 0;
		double pitch = 110 + 20 * sin(2 * M_PI * 0.7 * t) + seed % 7 * 15;
		double loud = sin(2 * M_PI * 2.5 * t);

		phase += pitch / rate;
		if (phase >= 1) {
			phase -= 1;
			x = 1;
		}
		random = random * 1664525u + 1013904223u;
		x += 0.01 * ((double)random / 4294967296.0 - 0.5);
		for (int f = 0; f < 3; f++) {
			double r = 0.97, w = 2 * M_PI * formant[f] * (1 + 0.1 * sin(3 * t)) / rate;
			double y = x + 2 * r * cos(w) * y1[f] - r * r * y2[f];

			y2[f] = y1[f];
			y1[f] = y;
			v += y / (f + 1);
		}
		v *= 2500 * (loud > 0 ? loud : 0);
		out[i] = (int16_t)(v > 30000 ? 30000 : v < -30000 ? -30000 : v);
	}
}

#endif
