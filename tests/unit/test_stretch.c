/* SPDX-License-Identifier: GPL-3.0-or-later
 * The small parts of the mixer: stretching, limiting, speech detection. */
#include "tests/unit/cmocka_head.h"

#include "mcu/mp/limiter.h"
#include "mcu/mp/speech.h"
#include "mcu/mp/stretch.h"
#include "tests/unit/tone.h"

#include <string.h>

/* A tone loses or gains periods and stays one: same level, no step. */
static void test_stretch_tone(void **state)
{
	static const uint32_t rates[] = { 8000, 16000, 48000 };
	static const double hz[] = { 150, 437, 1004 };
	static int16_t pcm[3000], all[100000];

	(void)state;
	for (int r = 0; r < 3; r++) {
		for (int h = 0; h < 3; h++) {
			for (int more = 0; more < 2; more++) {
				size_t frame = rates[r] / 50, made = 0, changed = 0;
				int pure;

				for (size_t i = 0; i < 40; i++) {
					size_t n = frame;

					tone_make(pcm, frame, i * frame, hz[h], 10000, rates[r]);
					if (i % 4 == 2)
						n = more ? stretch_stretch(pcm, frame, 3000,
									   rates[r], false)
							 : stretch_squeeze(pcm, frame, rates[r],
									   false);
					changed += n != frame;
					assert_true(n >= frame / 2 && n <= frame + frame / 2);
					assert_true(more ? n >= frame : n <= frame);
					memcpy(all + made, pcm, n * sizeof(*pcm));
					made += n;
				}
				assert_int_equal(changed, 10);
				tone_make(pcm, frame, 0, hz[h], 10000, rates[r]);
				pure = tone_step(pcm, frame);
				assert_true(tone_step(all, made) < pure * 1.25 + 50);
				assert_true(fabs(tone_rms(all, made) / 7071 - 1) < 0.03);
			}
		}
	}
}

/* Noise has no period: left alone unless forced. Silence can always go. */
static void test_stretch_noise(void **state)
{
	int16_t pcm[300];
	uint32_t random = 7;

	(void)state;
	for (int i = 0; i < 160; i++) {
		random = random * 1664525u + 1013904223u;
		pcm[i] = (int16_t)((int32_t)random / 65536 / 2);
	}
	assert_int_equal(stretch_squeeze(pcm, 160, 8000, false), 160);
	assert_true(stretch_squeeze(pcm, 160, 8000, true) < 160);
	memset(pcm, 0, sizeof(pcm));
	assert_int_equal(stretch_squeeze(pcm, 160, 8000, false), 80);
	assert_int_equal(stretch_stretch(pcm, 160, 300, 8000, false), 240);
	/* Too short, or no room. */
	assert_int_equal(stretch_squeeze(pcm, 79, 8000, true), 79);
	assert_int_equal(stretch_stretch(pcm, 160, 200, 8000, true), 160);
	assert_int_equal(stretch_squeeze(pcm, 80, 8000, false), 40);
	assert_int_equal(stretch_squeeze(pcm, 0, 8000, false), 0);
}

static void test_limiter(void **state)
{
	static int32_t in[960];
	static int16_t out[960], before[960];
	struct limiter l = { 0 };
	int loud = 0;

	(void)state;
	for (int i = 0; i < 960; i++)
		in[i] = (int32_t)(30000 * sin(i * 0.1));
	limiter_run(&l, in, out, 960);
	for (int i = 0; i < 960; i++)
		assert_int_equal(out[i], in[i]);
	/* Four times too loud: turned down, hardly cut. */
	for (int t = 0; t < 10; t++) {
		for (int i = 0; i < 960; i++)
			in[i] = (int32_t)(128000 * sin((t * 960 + i) * 0.1));
		memcpy(before, out, sizeof(out));
		limiter_run(&l, in, out, 960);
		if (t == 0)
			continue;
		for (int i = 0; i < 960; i++)
			loud += abs(out[i]) > 32100;
		assert_true(abs(out[0] - before[959]) < 4000);
	}
	assert_int_equal(loud, 0);
	assert_true(tone_snr(out, 960, 0.1 / 2 / M_PI * 48000, 48000) > 60);
	/* The extremes do not overflow. */
	for (int i = 0; i < 960; i++)
		in[i] = i % 2 ? INT32_MAX : INT32_MIN;
	limiter_run(&l, in, out, 960);
	/* Afterwards it comes up again within some seconds. */
	memset(in, 0, sizeof(in));
	for (int t = 0; t < 1100; t++)
		limiter_run(&l, in, out, 960);
	for (int i = 0; i < 960; i++)
		in[i] = i;
	limiter_run(&l, in, out, 960);
	for (int i = 0; i < 960; i++)
		assert_int_equal(out[i], i);
}

static void ticks(struct speech *s, int level, int n)
{
	while (n--)
		speech_tick(s, level);
}

static void test_speech(void **state)
{
	struct speech s;

	(void)state;
	speech_init(&s);
	ticks(&s, -127, 50);
	assert_false(s.active);
	/* The first loud tick is already mixed, but nobody speaks yet. */
	ticks(&s, -30, 1);
	assert_true(s.active);
	assert_false(s.speaking);
	/* A click alone goes by. */
	ticks(&s, -80, 60);
	assert_false(s.active);
	assert_false(s.speaking);
	/* Speech, with a pause between words, stays. */
	ticks(&s, -30, 15);
	assert_true(s.speaking);
	for (int i = 0; i < 10; i++) {
		ticks(&s, -75, 15);
		assert_true(s.active && s.speaking);
		ticks(&s, -25, 10);
		assert_true(s.active && s.speaking);
	}
	ticks(&s, -80, 30);
	assert_false(s.active);
	assert_true(s.speaking);
	ticks(&s, -80, 100);
	assert_false(s.speaking);
	/* A quiet fan is background after a while; a loud tone never is. */
	ticks(&s, -58, 1500);
	assert_false(s.active);
	ticks(&s, -20, 3000);
	assert_true(s.active && s.speaking);
	/* Speech over that fan. */
	speech_init(&s);
	ticks(&s, -58, 1500);
	ticks(&s, -40, 15);
	assert_true(s.active && s.speaking);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stretch_tone),
		cmocka_unit_test(test_stretch_noise),
		cmocka_unit_test(test_limiter),
		cmocka_unit_test(test_speech),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
