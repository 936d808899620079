/* SPDX-License-Identifier: GPL-3.0-or-later
 * The table A-1 of ITU-T Q.24, both sides of each of its limits. */
#include "tests/unit/cmocka_head.h"

#include "codecs/audio.h"
#include "codecs/dtmf_tones.h"
#include "tests/unit/tone.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 8000 * 120 };

static int16_t pcm[MOST * 6];

static const char order[] = "123A456B789C*0#D";
static const double rows[] = { 697, 770, 852, 941 }, columns[] = { 1209, 1336, 1477, 1633 };

static uint32_t seed;

static double noise(void)
{
	double v = 0;

	for (int i = 0; i < 4; i++) {
		seed = seed * 1664525u + 1013904223u;
		v += (double)(seed >> 8) / 16777216.0 - 0.5;
	}
	return v * 1.7320508; /* of power 1 */
}

struct shape {
	double low_db, high_db;   /* dBov of each tone */
	double low_off, high_off; /* part of the frequency */
	double ms, pause_ms, hole_ms; /* a hole in its middle */
	double noise_db;          /* 0: none */
	uint32_t rate;
};

static const struct shape plain = { -13, -13, 0, 0, 60, 60, 0, 0, 8000 };

/* Every key once, beginning `shift` samples after a window does; how many were
 * told, and whether they were those and no others. */
static unsigned told(const struct shape *s, size_t shift, bool *right)
{
	char heard[64] = "";
	struct dtmf_tones d;
	size_t n = 0, each = (size_t)(s->ms * s->rate / 1000);
	size_t pause = (size_t)(s->pause_ms * s->rate / 1000);
	size_t tick = s->rate / 50;
	double sigma = s->noise_db < 0 ? pow(10, s->noise_db / 20) : 0;

	memset(pcm, 0, sizeof(pcm));
	seed = 5;
	n = shift;
	for (int k = 0; k < 16; k++, n += each + pause) {
		for (size_t i = 0; i < each; i++) {
			double t = (double)i / s->rate, hole = s->hole_ms / 2000;
			double mid = s->ms / 2000;
			double low = sin(2 * M_PI * rows[k / 4] * (1 + s->low_off) * t + k);
			double high = sin(2 * M_PI * columns[k % 4] * (1 + s->high_off) * t + 2 * k);
			double v = pow(10, s->low_db / 20) * low + pow(10, s->high_db / 20) * high;

			if (fabs(t - mid) < hole)
				v = 0;
			v = v * M_SQRT2 * 32768;
			pcm[n + i] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
		}
	}
	n = (n + 10 * tick) / tick * tick;
	for (size_t i = 0; sigma > 0 && i < n; i++)
		pcm[i] = (int16_t)(pcm[i] + sigma * noise() * 32768);
	dtmf_tones_init(&d);
	for (size_t at = 0; at < n; at += tick) {
		char key = dtmf_tones_hear(&d, pcm + at, tick, s->rate);

		if (key && strlen(heard) < sizeof(heard) - 1)
			strncat(heard, &key, 1);
	}
	if (right)
		*right = !strcmp(heard, order);
	return (unsigned)strlen(heard);
}

static void expect(const struct shape *s, bool key, const char *what)
{
	for (size_t shift = 0; shift < 240; shift += 7) {
		bool right;
		unsigned n = told(s, shift * (s->rate / 8000), &right);

		if (key ? !right : n)
			print_message("%s, shift %zu: %u keys\n", what, shift, n);
		assert_true(key ? right : !n);
	}
}

static void test_levels(void **state)
{
	/* 0 dBm0 of a sine is 3.14 dB under the most there is, a sine of -3.01 dBov. */
	static const double levels[] = { -9, -15, -20, -25, -28, -31 };
	static const double twists[] = { -8, -4, 4 };

	(void)state;
	for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		struct shape s = plain;

		s.low_db = s.high_db = levels[i];
		expect(&s, true, "level");
	}
	for (unsigned i = 0; i < 3; i++) {
		struct shape s = plain;

		s.high_db = s.low_db + twists[i];
		expect(&s, true, "twist");
		s.low_db -= 6;
		s.high_db -= 6;
		s.ms = 40;
		expect(&s, true, "twist, short");
	}
	expect(&(struct shape){ -58, -58, 0, 0, 60, 60, 0, 0, 8000 }, false, "-55 dBm");
	expect(&(struct shape){ -13, -25, 0, 0, 60, 60, 0, 0, 8000 }, false, "12 dB down");
	expect(&(struct shape){ -22, -13, 0, 0, 60, 60, 0, 0, 8000 }, false, "9 dB up");
	expect(&(struct shape){ -13, -90, 0, 0, 60, 60, 0, 0, 8000 }, false, "one tone");
}

static void test_frequencies(void **state)
{
	static const double off[][2] = {
		{ .015, .015 }, { -.015, -.015 }, { .015, -.015 }, { -.015, .015 }, { 0, .015 },
	};
	static const double wrong[][2] = {
		{ .035, 0 }, { -.035, 0 }, { 0, .035 }, { 0, -.035 }, { .035, .035 }, { .05, 0 },
		{ 0, -.05 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		struct shape s = plain;

		s.low_off = off[i][0];
		s.high_off = off[i][1];
		expect(&s, true, "off by 1.5 %");
		s.ms = s.pause_ms = 40;
		expect(&s, true, "off by 1.5 %, short");
	}
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct shape s = plain;

		s.low_off = wrong[i][0];
		s.high_off = wrong[i][1];
		expect(&s, false, "off by 3.5 %");
	}
}

static void test_times(void **state)
{
	static const struct shape keys[] = {
		{ -13, -13, 0, 0, 40, 40, 0, 0, 8000 },
		{ -13, -13, 0, 0, 40, 200, 0, 0, 8000 },
		{ -13, -13, 0, 0, 200, 40, 0, 0, 8000 },
		{ -13, -13, 0, 0, 3000, 100, 0, 0, 8000 },
		{ -13, -13, 0, 0, 200, 60, 10, 0, 8000 }, /* a hole is no end */
		{ -13, -13, 0, 0, 50, 50, 0, 0, 16000 },
		{ -13, -13, 0, 0, 50, 50, 0, 0, 48000 },
	};
	struct shape s = plain;

	(void)state;
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		expect(&keys[i], true, "time");
	s.ms = 23;
	expect(&s, false, "23 ms");
	s.ms = 15;
	expect(&s, false, "15 ms");
}

static void test_noise(void **state)
{
	struct shape s = plain;

	(void)state;
	s.noise_db = -13 - 15; /* 15 dB under each tone */
	expect(&s, true, "noise");
	s.ms = s.pause_ms = 50;
	expect(&s, true, "noise, short");
}

/* One key pressed twice is two. */
static void test_twice(void **state)
{
	struct dtmf_tones d;
	unsigned n = 0;

	(void)state;
	memset(pcm, 0, sizeof(pcm));
	for (size_t i = 0; i < 8000; i++) {
		size_t in = i % 640; /* 40 ms on, 40 off */

		if (in < 320)
			pcm[i] = (int16_t)(8000 * sin(2 * M_PI * 770 * (double)i / 8000) +
					   8000 * sin(2 * M_PI * 1336 * (double)i / 8000));
	}
	dtmf_tones_init(&d);
	for (size_t at = 0; at < 8800; at += 160) {
		char key = dtmf_tones_hear(&d, pcm + at, 160, 8000);

		assert_true(!key || key == '5');
		n += key != 0;
	}
	assert_int_equal(n, 13); /* 12.5 of them fit */
}

/* Nobody who speaks, and no noise, presses a key. */
static void test_talk_off(void **state)
{
	static const double levels[] = { -10, -20, -30 };

	(void)state;
	for (unsigned who = 1; who <= 10; who++) {
		for (unsigned k = 0; k < 3; k++) {
			struct dtmf_tones d;
			double f;

			voice_make(pcm, MOST / 4, 8000, who);
			f = pow(10, levels[k] / 20) * 32768 / tone_rms(pcm, MOST / 4);
			dtmf_tones_init(&d);
			for (size_t at = 0; at < MOST / 4; at += 160) {
				int16_t x[160];

				for (int i = 0; i < 160; i++) {
					double v = pcm[at + (size_t)i] * f;

					x[i] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
				}
				assert_int_equal(dtmf_tones_hear(&d, x, 160, 8000), 0);
			}
		}
	}
	seed = 9;
	for (size_t i = 0; i < MOST; i++)
		pcm[i] = (int16_t)(4000 * noise());
	{
		struct dtmf_tones d;

		dtmf_tones_init(&d);
		for (size_t at = 0; at < MOST; at += 160)
			assert_int_equal(dtmf_tones_hear(&d, pcm + at, 160, 8000), 0);
	}
}

/* Through the codecs that carry it. */
static void test_coded(void **state)
{
	static const enum codec_id ids[] = { CODEC_PCMU, CODEC_PCMA, CODEC_G722 };

	(void)state;
	for (unsigned c = 0; c < 3; c++) {
		struct codec_format f = { .id = ids[c], .clock_rate = 8000, .channels = 1 };
		struct audio_encoder *enc;
		struct audio_decoder *dec;
		uint32_t rate = audio_rate(&f);
		struct dtmf_tones d;
		char heard[64] = "";

		assert_int_equal(audio_encoder_new(&enc, &f, 0), 0);
		assert_int_equal(audio_decoder_new(&dec, &f), 0);
		dtmf_tones_init(&d);
		for (int k = 0; k < 16; k++) {
			for (int tick = 0; tick < 6; tick++) {
				int16_t x[320], y[AUDIO_MAX_SAMPLES];
				uint8_t buf[AUDIO_MAX_BYTES];
				int n = (int)rate / 50, len, got;
				char key;

				for (int i = 0; i < n; i++) {
					double t = (double)(tick * n + i) / rate;

					x[i] = tick > 2 ? 0 : (int16_t)
						(2000 * sin(2 * M_PI * rows[k / 4] * t) +
						 2000 * sin(2 * M_PI * columns[k % 4] * t));
				}
				len = audio_encode(enc, x, (size_t)n, buf, sizeof(buf));
				assert_true(len > 0);
				got = audio_decode(dec, buf, (size_t)len, y, AUDIO_MAX_SAMPLES);
				key = dtmf_tones_hear(&d, y, (size_t)got, rate);
				if (key)
					strncat(heard, &key, 1);
			}
		}
		assert_string_equal(heard, order);
		audio_encoder_free(enc);
		audio_decoder_free(dec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_frequencies),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_talk_off),
		cmocka_unit_test(test_coded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
