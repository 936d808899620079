/* SPDX-License-Identifier: GPL-3.0-or-later
 * The mixer and time: packet times, delay, clocks that disagree, packets that come too
 * late or not at all, ticks that were left out. */
#include "tests/unit/mix_room.h"

static void test_ptimes(void **state)
{
	static const unsigned times[] = { 10, 20, 30, 40, 50, 60 };
	static const enum codec_id codecs[] = { CODEC_PCMA, CODEC_G722, CODEC_OPUS, CODEC_L16 };

	(void)state;
	for (int c = 0; c < 4; c++) {
		uint32_t clock = codecs[c] == CODEC_OPUS ? 48000 : codecs[c] == CODEC_L16 ? 16000 : 8000;

		for (int t = 0; t < 6; t++) {
			unsigned want = times[t];
			struct mixer_leg_params params;
			struct room r;
			struct peer *a, *b;

			room_init(&r);
			r.now += 20000 * t; /* begin anywhere on the grid */
			a = room_add(&r, codecs[c], clock, 1010, true);
			b = room_add(&r, codecs[c], clock, 610, true);
			if (codecs[c] == CODEC_OPUS && want == 30)
				want = 20;
			if (codecs[c] == CODEC_OPUS && want == 50)
				want = 40;
			if (codecs[c] == CODEC_L16 && want == 50)
				want = 40;
			if (codecs[c] == CODEC_L16 && want == 60)
				want = 40;
			a->ptime = b->ptime = want;
			params = peer_params(a);
			params.ptime_ms = times[t];
			mix_set(&r.mix, &a->leg, &params);
			mix_set(&r.mix, &b->leg, &params);
			room_run(&r, 3000);
			assert_int_equal(a->gaps + a->bad_times + b->gaps + b->bad_times, 0);
			assert_int_equal(a->markers, 1);
			assert_in_range(a->frames, 3000 / want - 3, 3000 / want + 2);
			assert_true(heard_snr(a, &b->hz, 1, 500) > 30);
			assert_true(heard_db(a, 610, 500) > -14);
			assert_true(heard_db(a, 1010, 500) < -55);
			assert_true(heard_db(b, 1010, 500) > -14);
			/* The clock of the frames is the clock of the ticks. */
			assert_true(r.now - a->last_time_us <= 20000 + 2000 * (int64_t)want);
			room_fini(&r);
		}
	}
}

/* Sound is in the outgoing packet of the very tick in which it was pulled. */
static void test_latency(void **state)
{
	struct room r;
	struct peer *a, *b;
	size_t onset = 0;
	double spoken_ms, heard_ms;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_PCMU, 8000, 1000, false);
	b = room_add(&r, CODEC_PCMU, 8000, 1000, false);
	a->target_ms = b->target_ms = 20;
	room_run(&r, 1000);
	a->talking = true;
	spoken_ms = a->clock_ms;
	room_run(&r, 1000);
	while (onset < b->n_heard && abs(b->heard[onset]) < 1000)
		onset++;
	/* The first frame was sent in the first tick, at 0 ms. */
	heard_ms = (double)onset / 8;
	print_message("spoken at %.0f ms, sent at %.1f ms\n", spoken_ms, heard_ms);
	assert_true(heard_ms - spoken_ms <= 45);
	/* And for lip-sync it says so. */
	assert_in_range(a->leg.rx.delay_us, 19000, 45000);
	room_fini(&r);
}

/* Half an hour with clocks that disagree: nothing runs dry, nothing piles up,
 * nothing clicks. */
static void test_drift(void **state)
{
	static const double ppm[] = { 200, -200 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct room r;
		struct peer *a, *b;
		double pure;

		room_init(&r);
		a = room_add(&r, CODEC_PCMA, 8000, 330, true);
		b = room_add(&r, CODEC_L16, 48000, 0, false);
		a->ppm = ppm[i];
		a->target_ms = 40;
		b->stopped = true;
		room_run(&r, 2000);
		pure = 2 * M_PI * 330 / 48000 * 8000;
		a->depth_min = a->depth_max = 40;
		for (int k = 0; k < 1800; k += 10) {
			double rest, amp;

			b->n_heard = 0;
			room_run(&r, 10000);
			assert_int_equal(a->leg.rx.stats.concealed, 0);
			amp = tone_find(b->heard, 4800, 330, 48000, &rest);
			assert_true(fabs(amp / 8000 - 1) < 0.06);
			assert_true(tone_step(b->heard, b->n_heard) < pure * 1.3 + 60);
		}
		print_message("%+.0f ppm: %llu out, %llu in, depth %d to %d ms\n", ppm[i],
			      (unsigned long long)a->leg.rx.stats.squeezed,
			      (unsigned long long)a->leg.rx.stats.stretched, a->depth_min,
			      a->depth_max);
		/* 360 ms of drift in all, at 8 samples a millisecond. */
		if (ppm[i] > 0)
			assert_in_range(a->leg.rx.stats.squeezed, 300 * 8, 500 * 8);
		else
			assert_in_range(a->leg.rx.stats.stretched, 300 * 8, 500 * 8);
		assert_true(a->depth_min >= 20 && a->depth_max <= 60);
		assert_int_equal(b->gaps, 0);
		room_fini(&r);
	}
}

/* Much too much waits (a network that held its breath): gone soon. */
static void test_burst(void **state)
{
	struct room r;
	struct peer *a;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_G722, 8000, 500, true);
	room_add(&r, CODEC_G722, 8000, 0, false);
	a->target_ms = 40;
	room_run(&r, 1000);
	for (int i = 0; i < 10; i++) /* 200 ms at once */
		peer_speak(a, r.now);
	room_run(&r, 3000);
	a->depth_max = 0;
	room_run(&r, 200);
	assert_true(a->depth_max <= 80);
	assert_true(fabs(heard_db(r.peer[1], 500, 200) - 20 * log10(8000.0 / 32768)) < 1);
	room_fini(&r);
}

/* Lost packets: sound goes on, with and without FEC. */
static void test_loss(void **state)
{
	static const struct {
		enum codec_id codec;
		uint32_t clock;
	} row[] = { { CODEC_PCMU, 8000 }, { CODEC_G722, 8000 }, { CODEC_OPUS, 48000 } };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct room r;
		struct peer *a, *b;

		room_init(&r);
		a = room_add(&r, row[i].codec, row[i].clock, 300, true);
		b = room_add(&r, CODEC_L16, 48000, 0, false);
		a->format.opus.useinbandfec = true;
		a->target_ms = 40;
		a->drop_every = 20;
		room_run(&r, 6000);
		assert_in_range(a->leg.rx.stats.concealed, 14, 16);
		/* No hole of 20 ms anywhere. */
		for (size_t k = 48000; k + 960 < b->n_heard; k += 480)
			/* libopus ducks a tone for some 20 ms after a loss. */
			assert_true(tone_rms(b->heard + k, 960) >
				    (row[i].codec == CODEC_OPUS ? 600 : 2000));
		room_fini(&r);
	}
}

/* A sender that stops dead: faded, then silence, then it may come back. */
static void test_stop(void **state)
{
	struct room r;
	struct peer *a, *b;
	double pure = 2 * M_PI * 300 / 48000 * 8000;
	size_t at;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_PCMA, 8000, 300, true);
	b = room_add(&r, CODEC_L16, 48000, 0, false);
	room_run(&r, 2000);
	a->stopped = true;
	at = b->n_heard;
	room_run(&r, 2000);
	assert_true(tone_rms(b->heard + b->n_heard - 48000, 48000) < 5);
	a->stopped = false;
	room_run(&r, 1000);
	assert_true(heard_db(b, 300, 500) > -14);
	assert_true(tone_step(b->heard + at - 1000, b->n_heard - at) < pure * 1.6 + 300);
	assert_int_equal(b->gaps, 0);
	room_fini(&r);
}

/* Ticks that were left out (a machine that stood still): timestamps jump with
 * the clock, never back, and sound is whole again. */
static void test_left_out(void **state)
{
	struct room r;
	struct peer *a, *b;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_PCMU, 8000, 300, true);
	b = room_add(&r, CODEC_PCMU, 8000, 0, false);
	leg_flags(&r, b, unhold);
	room_run(&r, 1000);
	r.now += 500000;
	room_run(&r, 4000);
	assert_int_equal(b->gaps, 1);
	assert_int_equal(b->bad_times, 0);
	assert_int_equal(b->markers, 2);
	assert_int_equal(b->n_heard, 8 * 5500);
	assert_true(heard_db(b, 300, 500) > -14);
	(void)a;
	room_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ptimes),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
