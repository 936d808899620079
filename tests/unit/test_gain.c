/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codecs/audio.h"
#include "mcu/mp/gain.h"
#include "tests/unit/tone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

enum { SECONDS = 10, MOST = 48000 * SECONDS };

static int16_t in[MOST], out[MOST];
static double made[MOST];

/* Puts `in` at an RMS in dBFS, over the whole of it. */
static void to_level(size_t n, double db)
{
	double f = pow(10, db / 20) * 32768 / tone_rms(in, n);

	for (size_t i = 0; i < n; i++) {
		double v = in[i] * f;

		in[i] = (int16_t)lrint(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
	}
}

/* What leaves, and the largest gain there was. */
static float run(struct gain *g, size_t n, uint32_t rate)
{
	size_t tick = rate / 50;
	float most = 0;

	memcpy(out, in, n * sizeof(*in));
	for (size_t at = 0; at + tick <= n; at += tick) {
		gain_hear(g, audio_level(in + at, tick), in + at, tick, rate);
		gain_run(g, out + at, tick);
		most = g->db > most ? g->db : most;
	}
	return most;
}

static double level(const int16_t *x, size_t n)
{
	return 20 * log10(tone_rms(x, n) / 32768 + 1e-9);
}

/* -40 and -10 dBFS leave within 6 dB of each other after 3 s, in between too. */
static void test_speech(void **state)
{
	static const uint32_t rates[] = { 8000, 16000, 32000, 48000 };
	static const double levels[] = { -40, -34, -26, -20, -14, -10 };

	(void)state;
	for (unsigned r = 0; r < 4; r++) {
		for (unsigned seed = 1; seed <= 6; seed++) {
			double low = 0, high = -127;

			for (unsigned k = 0; k < 6; k++) {
				size_t n = rates[r] * 6;
				struct gain g;
				double l;

				voice_make(in, n, rates[r], seed);
				to_level(n, levels[k]);
				gain_init(&g);
				run(&g, n, rates[r]);
				l = level(out + n / 2, n / 2);
				low = l < low ? l : low;
				high = l > high ? l : high;
			}
			if (high - low > 6)
				print_message("%u Hz, voice %u: %.1f to %.1f dB\n", rates[r], seed,
					      low, high);
			assert_true(high - low <= 6);
			assert_true(low > -30 && high < -14);
		}
	}
}

/* ---- what is no speech ---------------------------------------------------------- */

static uint32_t seed;

static double noise(void)
{
	seed = seed * 1664525u + 1013904223u;
	return (double)seed / 4294967296.0 - 0.5;
}

enum kind { WHITE, PINK, RUMBLE, TYPING, WIND, HUM, STEADY, KNOCKS, KINDS };

static const char *const names[KINDS] = {
	"white", "pink", "rumble", "typing", "wind", "hum", "tone", "knocks",
};

static void make(enum kind kind, size_t n, double rate)
{
	double b0 = 0, b1 = 0, b2 = 0, y = 0, most = 0;

	seed = 7;
	for (size_t i = 0; i < n; i++) {
		double t = (double)i / rate, w = noise(), v = w;

		b0 = 0.99765 * b0 + w * 0.0990460;
		b1 = 0.96300 * b1 + w * 0.2965164;
		b2 = 0.57000 * b2 + w * 1.0526913;
		y += (w - y) * 2 * M_PI * 60 / rate;
		switch (kind) {
		case PINK: v = b0 + b1 + b2; break;
		case RUMBLE: v = y; break;
		case TYPING: v = fmod(t, 0.17) < 0.03 ? w : w / 100; break;
		case WIND: v = (b0 + b1) * (0.55 + 0.45 * sin(2 * M_PI * 1.3 * t)); break;
		case HUM: v = sin(2 * M_PI * 100 * t) + 0.3 * sin(2 * M_PI * 200 * t); break;
		case STEADY: v = sin(2 * M_PI * 440 * t); break;
		case KNOCKS: v = w * exp(-fmod(t, 0.6) * 30); break;
		default: break;
		}
		made[i] = v;
		most = fabs(v) > most ? fabs(v) : most;
	}
	for (size_t i = 0; i < n; i++)
		in[i] = (int16_t)lrint(made[i] / most * 30000);
}

static void test_no_speech(void **state)
{
	static const double levels[] = { -55, -45, -35, -25, -14 };

	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		for (unsigned k = 0; k < 5; k++) {
			for (uint32_t rate = 8000; rate <= 48000; rate *= 6) {
				size_t n = rate * SECONDS;
				struct gain g;

				make((enum kind)kind, n, rate);
				to_level(n, levels[k]);
				gain_init(&g);
				if (run(&g, n, rate) > 0)
					print_message("%s at %.0f dB, %u Hz: raised by %.1f dB\n",
						      names[kind], levels[k], rate, (double)g.db);
				assert_memory_equal(in, out, n * sizeof(*in));
			}
		}
	}
}

/* When the speaker stops, what is left of the room comes down to what it was. */
static void test_room_after_speech(void **state)
{
	const size_t n = 8000 * SECONDS, half = n / 2;
	struct gain g;

	(void)state;
	memset(in, 0, sizeof(in));
	voice_make(in, half, 8000, 2);
	to_level(half, -38);
	seed = 3;
	for (size_t i = half; i < n; i++)
		in[i] = (int16_t)lrint(noise() * 800);
	gain_init(&g);
	assert_true(run(&g, n, 8000) > 8);
	assert_memory_equal(in + n - 8000, out + n - 8000, 8000 * sizeof(*in));
	/* Who goes on is not learned anew: within half a second. */
	assert_true(g.learned > 8);
	voice_make(in, half, 8000, 2);
	to_level(half, -38);
	run(&g, half, 8000);
	assert_true(level(out + 8000, 8000) - level(in + 8000, 8000) > 8);
}

/* No step from tick to tick is heard, and nothing wraps around. */
static void test_smooth(void **state)
{
	const size_t n = 48000 * 6;
	struct gain g = { .db = 0 };

	(void)state;
	gain_init(&g);
	g.learned = 18;
	g.row = 9;
	g.since = 0;
	for (size_t at = 0; at < n; at += 960) {
		float before = g.db;

		tone_make(in, 960, at, 300, 30000, 48000);
		g.since = 0;
		gain_run(&g, in, 960);
		assert_true(g.db - before <= 1.01f);
		for (int i = 0; i < 960; i++)
			assert_true((sin(2 * M_PI * 300 * (double)(at + i) / 48000) >= -0.01) ==
				    (in[i] >= 0) || abs(in[i]) < 9000);
	}
	assert_true(g.db == 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_speech),
		cmocka_unit_test(test_no_speech),
		cmocka_unit_test(test_room_after_speech),
		cmocka_unit_test(test_smooth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
