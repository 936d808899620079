/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "mcu/mp/chime.h"
#include "tests/unit/mix_peer.h"

enum { NOTES = 48000 * 28 / 100, MOST = 48000 };

static int32_t sum[MOST];

/* What is rung for, and how much sound that makes. */
static size_t ring(struct chime *c, unsigned times)
{
	size_t n = 0;

	memset(sum, 0, sizeof(sum));
	for (unsigned i = 0; i < times; i++)
		chime_ring(c, i % 2 ? CHIME_LEAVE : CHIME_JOIN);
	while (n + 960 <= MOST && chime_run(c, sum + n, 960))
		n += 960;
	return n;
}

static double note(size_t from, double hz)
{
	int16_t x[4800];

	for (size_t i = 0; i < 4800; i++)
		x[i] = (int16_t)sum[from + i];
	return tone_find(x, 4800, hz, 48000, NULL);
}

static void test_notes(void **state)
{
	struct chime c = { 0 };
	int most = 0, step = 0;

	(void)state;
	assert_false(chime_run(&c, sum, 960));
	assert_int_equal(ring(&c, 1), NOTES);
	assert_true(note(960, 392) > 500 && note(NOTES / 2 + 960, 587.3) > 500);
	assert_true(note(960, 587.3) < 50 && note(NOTES / 2 + 960, 392) < 50);
	for (size_t i = 1; i < NOTES; i++) {
		most = abs(sum[i]) > most ? abs(sum[i]) : most;
		step = abs(sum[i] - sum[i - 1]) > step ? abs(sum[i] - sum[i - 1]) : step;
	}
	/* Soft (-30 dBFS at most), and no click: no step a sine has not. */
	assert_true(most < 1036 && step < 90);
	/* Two: the second falls. */
	assert_int_equal(ring(&c, 2), 2 * NOTES);
	assert_true(note(NOTES + 960, 587.3) > 500 && note(NOTES * 3 / 2 + 960, 392) > 500);
}

/* A crowd is two, not a hundred. */
static void test_crowd(void **state)
{
	struct chime c = { 0 };

	(void)state;
	assert_int_equal(ring(&c, 100), 2 * NOTES);
}

/* Everybody in the meeting hears it, and nobody takes it for speech. */
static void test_mixed(void **state)
{
	static const struct mix_io io = { .pull = peer_pull, .send = peer_send };
	struct mix mix;
	struct peer p[3];
	int64_t now = 1000000000;

	(void)state;
	mix_init(&mix, &io, NULL);
	for (unsigned i = 0; i < 3; i++) {
		struct mixer_leg_params params;

		peer_init(&p[i], i + 1, i == 2 ? CODEC_G722 : CODEC_PCMA, 8000);
		p[i].talking = i == 0;
		params = peer_params(&p[i]);
		params.comfort_noise = i == 1;
		mix_add(&mix, &p[i].leg);
		mix_set(&mix, &p[i].leg, &params);
	}
	for (int tick = 0; tick < 100; tick++, now += MIX_TICK_US) {
		if (tick == 50)
			chime_ring(&mix.chime, CHIME_JOIN);
		for (unsigned i = 0; i < 3; i++)
			peer_run(&p[i], 1000000000, now);
		mix_tick(&mix, now);
	}
	for (unsigned i = 0; i < 3; i++) {
		uint32_t rate = audio_rate(&p[i].heard_format);
		const int16_t *x = p[i].heard + p[i].n_heard - rate;

		assert_true(tone_find(x + rate * 2 / 100, rate / 10, 392, rate, NULL) > 300);
		assert_true(tone_find(x + rate * 7 / 10, rate / 10, 392, rate, NULL) < 100);
		mix_remove(&mix, &p[i].leg);
		peer_fini(&p[i]);
	}
	mix_fini(&mix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
