/* SPDX-License-Identifier: GPL-3.0-or-later
 * The mixer on a clock of its own, with phones that are not there: who hears whom, how
 * well, and what it costs. */
#include "base/ref.h"
#include "mcu/mp/mix_tx.h"
#include "tests/unit/mix_room.h"

#include <stdio.h>

/* Three speak, a fourth listens: hears all, and no one hears themselves. */
static void test_three_tones(void **state)
{
	static const struct {
		enum codec_id codec;
		uint32_t clock;
		double snr, own;
	} row[] = {
		{ CODEC_L16, 48000, 60, 60 }, { CODEC_L16, 16000, 55, 60 },
		{ CODEC_PCMA, 8000, 32, 45 }, { CODEC_PCMU, 8000, 32, 45 },
		{ CODEC_G722, 8000, 40, 45 }, { CODEC_OPUS, 48000, 25, 45 },
	};
	static const double hz[] = { 440, 610, 1010 };

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct room r;
		double snr;

		room_init(&r);
		for (int k = 0; k < 4; k++)
			room_add(&r, row[i].codec, row[i].clock, k < 3 ? hz[k] : 2000, k < 3);
		room_run(&r, 3000);
		snr = heard_snr(r.peer[3], hz, 3, 1000);
		print_message("%s/%u: three tones %.1f dB", codec_name(row[i].codec), row[i].clock,
			      snr);
		assert_true(snr > row[i].snr);
		for (int k = 0; k < 3; k++) {
			double own = heard_db(r.peer[k], hz[k], 1000);
			double other = heard_db(r.peer[k], hz[(k + 1) % 3], 1000);

			print_message(", own %.0f of %.0f", own, other);
			assert_true(fabs(other - 20 * log10(8000.0 / 32768)) < 1);
			assert_true(own < other - row[i].own);
			assert_int_equal(r.peer[k]->bad_times + r.peer[k]->gaps, 0);
		}
		print_message("\n");
		room_fini(&r);
	}
}

/* Everybody has another codec, and all of them hear each other. */
static void test_all_codecs(void **state)
{
	static const struct {
		enum codec_id codec;
		uint32_t clock;
		double hz;
	} row[] = {
		{ CODEC_PCMU, 8000, 440 }, { CODEC_G722, 8000, 610 }, { CODEC_OPUS, 48000, 1010 },
		{ CODEC_L16, 44100, 1370 }, { CODEC_G729, 8000, 0 },
	};
	struct room r;

	(void)state;
	room_init(&r);
	for (int k = 0; k < 5; k++)
		room_add(&r, row[k].codec, row[k].clock, row[k].hz, row[k].hz > 0);
	room_run(&r, 3000);
	for (int a = 0; a < 4; a++)
		for (int b = 0; b < 4; b++) {
			double db = heard_db(r.peer[a], row[b].hz, 1000);

			if (a == b)
				assert_true(db < -55);
			else
				assert_true(fabs(db - 20 * log10(8000.0 / 32768)) < 1);
		}
	room_fini(&r);
}

/* Who starts or stops to speak is not heard as a click, by others or by
 * themselves: they change between the common encoder and their own. */
static void test_no_click(void **state)
{
	static const struct {
		enum codec_id codec;
		uint32_t clock;
		unsigned ptime;
	} row[] = {
		{ CODEC_L16, 48000, 10 }, { CODEC_PCMU, 8000, 20 }, { CODEC_PCMA, 8000, 30 },
		{ CODEC_G722, 8000, 20 }, { CODEC_G722, 8000, 60 }, { CODEC_OPUS, 48000, 20 },
		{ CODEC_OPUS, 48000, 40 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct room r;
		struct mixer_leg_params params;
		size_t from;
		uint32_t rate;

		room_init(&r);
		/* 1 hums all the time, 2 comes and goes, 3 and 4 listen. */
		for (int k = 0; k < 4; k++) {
			struct peer *p = room_add(&r, row[i].codec, row[i].clock,
						  k == 1 ? 700 : 300, k == 0);

			params = peer_params(p);
			params.ptime_ms = row[i].ptime;
			mix_set(&r.mix, &p->leg, &params);
		}
		room_run(&r, 2000);
		rate = audio_rate(&r.peer[1]->heard_format);
		from = r.peer[1]->n_heard - rate;
		for (int t = 0; t < 4; t++) {
			r.peer[1]->talking = true;
			room_run(&r, t < 2 ? 400 : 1540);
			r.peer[1]->talking = false;
			room_run(&r, t < 2 ? 4200 : 460);
		}
		/* 2 heard the hum of 1 and nothing else, all the time. */
		for (size_t k = from; k + rate / 10 < r.peer[1]->n_heard; k += rate / 10) {
			double rest, a = tone_find(r.peer[1]->heard + k, rate / 10, 300, rate,
						   &rest);
			int step = tone_step(r.peer[1]->heard + k, rate / 10);
			double pure = 2 * M_PI * 300 / rate * 8000;

			assert_true(fabs(a / 8000 - 1) < 0.1);
			assert_true(10 * log10(a * a / 2 / (rest + 1e-3)) > 25);
			if (step > 1.25 * pure + 500)
				print_message("%s step %d pure %.0f at %zu\n",
					      codec_name(row[i].codec), step, pure, k);
			assert_true(step < 1.25 * pure + 500);
		}
		/* 3 heard 1 throughout, and 2 without a click. */
		for (size_t k = from; k + rate / 10 < r.peer[2]->n_heard; k += rate / 10) {
			double pure = 2 * M_PI * 300 / rate * 8000 + 2 * M_PI * 700 / rate * 8000;

			assert_true(fabs(tone_find(r.peer[2]->heard + k, rate / 10, 300, rate,
						   NULL) / 8000 - 1) < 0.1);
			assert_true(tone_step(r.peer[2]->heard + k, rate / 10) < 1.25 * pure + 500);
		}
		for (int k = 0; k < 4; k++)
			assert_int_equal(r.peer[k]->gaps + r.peer[k]->bad_times, 0);
		assert_true(r.mix.stats.chains_forked >= 2);
		/* Opus waits for silence. */
		if (row[i].codec == CODEC_OPUS) {
			r.peer[0]->talking = false;
			room_run(&r, 4000);
		}
		assert_true(r.mix.stats.chains_merged >= 1);
		room_fini(&r);
	}
}

/* Opposites cancel inside the sum although together they are far too loud. */
static void test_clip_once(void **state)
{
	static const double hz[] = { 500 };
	struct room r;

	(void)state;
	room_init(&r);
	room_add(&r, CODEC_L16, 48000, 1000, true)->amplitude = 30000;
	room_add(&r, CODEC_L16, 48000, 1000, true)->amplitude = 30000;
	room_add(&r, CODEC_L16, 48000, 1000, true)->amplitude = -30000;
	room_add(&r, CODEC_L16, 48000, 1000, true)->amplitude = -30000;
	room_add(&r, CODEC_L16, 48000, 500, true);
	room_add(&r, CODEC_L16, 48000, 0, false);
	room_run(&r, 1000);
	assert_true(heard_snr(r.peer[5], hz, 1, 500) > 60);
	/* Without the opposites it is turned down, not cut to pieces. */
	r.peer[2]->talking = r.peer[3]->talking = r.peer[4]->talking = false;
	room_run(&r, 3000);
	assert_true(heard_snr(r.peer[5], (double[]){ 1000 }, 1, 500) > 40);
	room_fini(&r);
}

static void test_order(void **state)
{
	static const double hz[] = { 310, 440, 610, 1010, 1370, 1710, 2030, 2390 };
	static int16_t first[48000 * 2];
	size_t n = 0;

	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		struct room r;

		room_init(&r);
		for (int k = 0; k < 8; k++) {
			int who = turn ? 7 - k : k;
			struct peer *p = room_add(&r, CODEC_L16, 16000, hz[who], who > 0);

			p->leg.id = (uint32_t)who;
			p->amplitude = 2000;
		}
		room_run(&r, 2000);
		if (!turn) {
			n = r.peer[0]->n_heard;
			assert_true(n > 30000);
			memcpy(first, r.peer[0]->heard, n * 2);
		} else {
			assert_int_equal(r.peer[7]->n_heard, n);
			assert_memory_equal(r.peer[7]->heard, first, n * 2);
		}
		room_fini(&r);
	}
}

/* Twenty listeners cost one encoder, a speaker one more; silence costs no
 * resampling, and more than six at once are not mixed. */
static void test_cost(void **state)
{
	struct mix_stats before;
	struct room r;

	(void)state;
	room_init(&r);
	for (int k = 0; k < 20; k++)
		room_add(&r, CODEC_PCMU, 8000, 400 + 70 * k, false);
	room_run(&r, 1000);
	assert_int_equal(r.mix.stats.encoded, 50);
	assert_int_equal(r.mix.stats.sent, 1000);
	assert_int_equal(r.mix.stats.upsampled, 0);
	assert_int_equal(list_count(&r.mix.chains), 1);
	r.peer[0]->talking = r.peer[1]->talking = true;
	room_run(&r, 1000);
	before = r.mix.stats;
	room_run(&r, 1000);
	assert_int_equal(r.mix.stats.encoded - before.encoded, 150);
	assert_int_equal(r.mix.stats.sent - before.sent, 1000);
	assert_int_equal(r.mix.stats.upsampled - before.upsampled, 100);
	/* Back to one when they have been silent for a while. */
	r.peer[0]->talking = r.peer[1]->talking = false;
	room_run(&r, 5000);
	assert_int_equal(list_count(&r.mix.chains), 1);
	for (int k = 0; k < 12; k++) {
		r.peer[k]->talking = true;
		r.peer[k]->amplitude = 1000 + 300 * k;
	}
	room_run(&r, 1000);
	before = r.mix.stats;
	room_run(&r, 1000);
	assert_int_equal(r.mix.stats.upsampled - before.upsampled, 50 * MIX_SPEAKERS);
	/* The loudest are heard, the weakest are not. */
	assert_true(heard_db(r.peer[15], 400 + 70 * 11, 500) > -25);
	assert_true(heard_db(r.peer[15], 400, 500) < -50);
	room_fini(&r);
}

/* Different formats, bit rates and packet times are not shared. */
static void test_sharing_keys(void **state)
{
	struct mixer_leg_params params;
	struct room r;

	(void)state;
	room_init(&r);
	room_add(&r, CODEC_PCMU, 8000, 0, false);
	room_add(&r, CODEC_PCMU, 8000, 0, false);
	room_add(&r, CODEC_PCMA, 8000, 0, false);
	room_add(&r, CODEC_OPUS, 48000, 0, false);
	room_add(&r, CODEC_OPUS, 48000, 0, false);
	room_run(&r, 100);
	assert_int_equal(list_count(&r.mix.chains), 3);
	params = r.peer[4]->leg.params;
	params.bitrate = 16000;
	mix_set(&r.mix, &r.peer[4]->leg, &params);
	params = r.peer[1]->leg.params;
	params.ptime_ms = 40;
	mix_set(&r.mix, &r.peer[1]->leg, &params);
	room_run(&r, 100);
	assert_int_equal(list_count(&r.mix.chains), 5);
	params.send = false;
	mix_set(&r.mix, &r.peer[1]->leg, &params);
	room_run(&r, 100);
	assert_int_equal(list_count(&r.mix.chains), 4);
	room_fini(&r);
}

/* Legs come and go at random; no reference stays. */
static void test_churn(void **state)
{
	static const struct {
		enum codec_id codec;
		uint32_t clock;
	} row[] = { { CODEC_PCMU, 8000 }, { CODEC_G722, 8000 }, { CODEC_OPUS, 48000 },
		    { CODEC_L16, 16000 }, { CODEC_G729, 8000 } };
	long live = ref_live();
	uint32_t random = 1;
	struct room r;

	(void)state;
	room_init(&r);
	for (int i = 0; i < 300; i++) {
		random = random * 1664525u + 1013904223u;
		if (r.n < 8 || (r.n < 20 && random >> 31)) {
			unsigned c = (random >> 24) % 5;

			room_add(&r, row[c].codec, row[c].clock, 300 + (random >> 20) % 1000,
				 random >> 30 & 1);
		} else {
			unsigned k = (random >> 16) % r.n;
			struct peer *p = r.peer[k];

			mix_remove(&r.mix, &p->leg);
			r.peer[k] = r.peer[--r.n];
			peer_fini(p);
			free(p);
		}
		r.peer[(random >> 8) % r.n]->talking ^= true;
		room_run(&r, 60);
	}
	room_fini(&r);
	assert_int_equal(ref_live(), live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three_tones),
		cmocka_unit_test(test_all_codecs),
		cmocka_unit_test(test_no_click),
		cmocka_unit_test(test_clip_once),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_sharing_keys),
		cmocka_unit_test(test_churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
