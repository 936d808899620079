/* SPDX-License-Identifier: GPL-3.0-or-later
 * The mixer on a clock of its own, with phones that are not there. */
#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "mcu/mp/mix_tx.h"
#include "tests/unit/mix_room.h"

#include <stdio.h>

/* What remains of the last `ms` after these tones, dB below their sum. */
static double heard_snr(const struct peer *p, const double *hz, unsigned n_hz, unsigned ms)
{
	uint32_t rate = audio_rate(&p->heard_format);
	size_t n = (size_t)rate * ms / 1000;
	const int16_t *x = p->heard + p->n_heard - n;
	double *rest = malloc(n * sizeof(*rest)), all = 0, left = 0;

	for (size_t i = 0; i < n; i++) {
		rest[i] = x[i];
		all += rest[i] * rest[i];
	}
	for (int round = 0; round < 4; round++) { /* tones are not quite orthogonal */
		for (unsigned h = 0; h < n_hz; h++) {
			double s = 0, c = 0, w = 2 * M_PI * hz[h] / rate;

			for (size_t i = 0; i < n; i++) {
				s += rest[i] * sin(w * (double)i);
				c += rest[i] * cos(w * (double)i);
			}
			for (size_t i = 0; i < n; i++)
				rest[i] -= 2 / (double)n * (s * sin(w * (double)i) +
							    c * cos(w * (double)i));
		}
	}
	for (size_t i = 0; i < n; i++)
		left += rest[i] * rest[i];
	free(rest);
	return 10 * log10(all / (left + 1e-6));
}

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

static void leg_flags(struct room *r, struct peer *p, void (*change)(struct mixer_leg_params *))
{
	struct mixer_leg_params params = p->leg.params;

	change(&params);
	mix_set(&r->mix, &p->leg, &params);
}

static void hold(struct mixer_leg_params *p) { p->receive = false; }
static void unhold(struct mixer_leg_params *p) { p->receive = true; }
static void mute(struct mixer_leg_params *p) { p->muted = true; }
static void unmute(struct mixer_leg_params *p) { p->muted = false; }
static void deafen(struct mixer_leg_params *p) { p->deaf = true; }
static void undeafen(struct mixer_leg_params *p) { p->deaf = false; }
static void shut(struct mixer_leg_params *p) { p->send = false; }
static void unshut(struct mixer_leg_params *p) { p->send = true; }

/* Held, muted, deaf, not sent to: each does what it says, ten times over, and
 * nothing clicks. */
static void test_flags(void **state)
{
	struct room r;
	struct peer *a, *b;
	double pure = 2 * M_PI * 300 / 16000 * 8000;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_L16, 16000, 300, true);
	b = room_add(&r, CODEC_L16, 16000, 700, true);
	b->amplitude = 4000;
	room_run(&r, 1000);
	for (int i = 0; i < 10; i++) {
		unsigned frames;

		leg_flags(&r, a, i % 2 ? hold : mute);
		room_run(&r, 1000);
		assert_true(heard_db(b, 300, 800) < -70);
		assert_true(heard_db(a, 700, 800) > -20);
		if (i % 2)
			assert_int_equal(a->leg.level, -127);
		else
			assert_true(a->leg.level > -20); /* still measured */
		a->waiting = 0; /* what the wire does with a stream on hold */
		leg_flags(&r, a, i % 2 ? unhold : unmute);
		room_run(&r, 1000);
		assert_true(heard_db(b, 300, 500) > -14);

		leg_flags(&r, a, deafen);
		frames = a->frames;
		room_run(&r, 1000);
		assert_int_equal(a->frames, frames + 50);
		assert_true(tone_rms(a->heard + a->n_heard - 8000, 8000) < 1);
		assert_true(heard_db(b, 300, 500) > -14);
		leg_flags(&r, a, undeafen);
		room_run(&r, 1000);
		assert_true(heard_db(a, 700, 500) > -20);

		leg_flags(&r, b, shut);
		frames = b->frames;
		room_run(&r, 200);
		assert_int_equal(b->frames, frames);
		leg_flags(&r, b, unshut);
		room_run(&r, 1000);
		assert_true(heard_db(a, 700, 500) > -20);
		b->n_heard = 0;
		room_run(&r, 100);
	}
	(void)pure;
	room_fini(&r);
}

/* A held leg's music is not even looked at. */
static void test_hold_music(void **state)
{
	struct room r;
	struct peer *a, *b;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_PCMU, 8000, 300, true);
	b = room_add(&r, CODEC_PCMU, 8000, 700, false);
	leg_flags(&r, a, hold);
	room_run(&r, 1000);
	assert_int_equal(r.mix.stats.upsampled, 0);
	assert_int_equal(a->leg.rx.stats.decoded, 0);
	assert_true(tone_rms(b->heard + 1000, b->n_heard - 1000) < 10);
	room_fini(&r);
}

/* Payload type, codec, rate and packet time change in mid-call. */
static void test_changes(void **state)
{
	static const struct {
		enum codec_id codec;
		uint32_t clock;
		uint8_t pt;
		unsigned ptime;
	} row[] = {
		{ CODEC_PCMU, 8000, 0, 20 }, { CODEC_G722, 8000, 9, 20 },
		{ CODEC_OPUS, 48000, 111, 20 }, { CODEC_PCMA, 8000, 8, 60 },
		{ CODEC_PCMU, 8000, 0, 10 }, { CODEC_OPUS, 48000, 111, 60 },
		{ CODEC_G722, 8000, 9, 30 }, { CODEC_G729, 8000, 18, 20 },
		{ CODEC_PCMU, 8000, 0, 20 },
	};
	struct mixer_leg_params params;
	struct room r;
	struct peer *a, *b;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_PCMU, 8000, 300, true);
	b = room_add(&r, CODEC_L16, 48000, 0, false);
	params = peer_params(a);
	params.n_rx = 0;
	for (int i = 0; i < 5; i++) {
		static const int first[] = { 0, 1, 2, 3, 7 };

		params.rx[params.n_rx].pt = row[first[i]].pt;
		params.rx[params.n_rx++].format = (struct codec_format){
			.id = row[first[i]].codec, .clock_rate = row[first[i]].clock, .channels = 1 };
	}
	mix_set(&r.mix, &a->leg, &params);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		peer_codec(a, row[i].codec, row[i].clock, row[i].pt);
		a->ptime = row[i].ptime;
		room_run(&r, 2000);
		assert_true(heard_db(b, 300, 1000) > -15.5);
		/* Only at the change may it be less smooth, and not by much. */
		assert_true(tone_step(b->heard + b->n_heard - 96000, 96000) < 314 * 8);
		/* The same parameters again disturb nothing. */
		mix_set(&r.mix, &a->leg, &params);
	}
	assert_int_equal(a->leg.rx.stats.unknown_pt + a->leg.rx.stats.bad, 0);
	/* A payload type that nobody agreed on is counted and dropped. */
	peer_codec(a, CODEC_PCMU, 8000, 77);
	room_run(&r, 1000);
	assert_true(a->leg.rx.stats.unknown_pt > 20);
	assert_true(tone_rms(b->heard + b->n_heard - 9600, 9600) < 5);
	room_fini(&r);
}

/* Nobody speaks: silence goes on all the same, or comfort noise where agreed,
 * and the first sound after it has the marker. */
static void test_silence(void **state)
{
	struct mixer_leg_params params;
	struct room r;
	struct peer *a, *b, *c;
	unsigned frames, markers;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_PCMU, 8000, 300, false);
	b = room_add(&r, CODEC_PCMU, 8000, 0, false);
	c = room_add(&r, CODEC_PCMU, 8000, 0, false);
	params = peer_params(c);
	params.comfort_noise = true;
	mix_set(&r.mix, &c->leg, &params);
	room_run(&r, 1000);
	assert_int_equal(b->frames, 50);
	assert_int_equal(b->markers, 1);
	assert_in_range(c->noises, 2, 4);
	frames = c->frames;
	room_run(&r, 2000);
	assert_in_range(c->frames - frames, 4, 6);
	assert_int_equal(c->markers, 1);
	markers = c->markers;
	frames = c->frames;
	a->talking = true;
	room_run(&r, 1000);
	assert_int_equal(c->markers, markers + 1);
	assert_int_equal(c->frames - frames, 50);
	assert_true(heard_db(c, 300, 500) > -14);
	assert_int_equal(c->bad_times, 0);
	room_fini(&r);
}

/* A phone that sends comfort noise: heard as silence, back at once. */
static void test_peer_comfort_noise(void **state)
{
	struct mixer_leg_params params;
	struct room r;
	struct peer *a, *b;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_G722, 8000, 300, true);
	b = room_add(&r, CODEC_L16, 48000, 0, false);
	params = peer_params(a);
	params.rx[1].pt = 13;
	params.rx[1].format = (struct codec_format){ .id = CODEC_CN, .clock_rate = 8000 };
	params.n_rx = 2;
	mix_set(&r.mix, &a->leg, &params);
	room_run(&r, 1000);
	for (int i = 0; i < 3; i++) {
		struct audio_packet *p = &a->queue[(a->head + a->waiting) % PEER_QUEUE];

		a->stopped = true;
		p->pt = 13;
		p->len = 1;
		p->data[0] = 45;
		p->arrival_us = r.now;
		a->waiting++;
		a->misses = 1000; /* its buffer knows that silence follows */
		room_run(&r, 300);
		/* Its noise, as long as it counts as a pause between words. */
		assert_in_range(-audio_level(b->heard + b->n_heard - 9600, 9600), 42, 48);
		room_run(&r, 1700);
		assert_true(tone_rms(b->heard + b->n_heard - 9600, 9600) < 2);
		a->stopped = false;
		room_run(&r, 1000);
		assert_true(heard_db(b, 300, 500) > -14);
	}
	room_fini(&r);
}

static void test_events(void **state)
{
	struct room r;
	unsigned events;

	(void)state;
	room_init(&r);
	for (int k = 0; k < 20; k++)
		room_add(&r, CODEC_PCMU, 8000, 300 + 10 * k, false);
	room_run(&r, 1000);
	assert_int_equal(r.events, 0);
	r.peer[4]->talking = true;
	room_run(&r, 1000);
	assert_int_equal(r.events, 1);
	assert_int_equal(r.n_told, 1);
	assert_int_equal(r.told[0], 5);
	/* A louder one goes before it, after a moment and once. */
	r.peer[7]->amplitude = 30000;
	r.peer[4]->amplitude = 2000;
	r.peer[7]->talking = true;
	room_run(&r, 3000);
	assert_in_range(r.events, 2, 3);
	assert_int_equal(r.n_told, 2);
	assert_int_equal(r.told[0], 8);
	assert_int_equal(r.told[1], 5);
	/* Everybody at once and by turns: not more than ten a second. */
	events = r.events;
	for (int i = 0; i < 50; i++) {
		for (int k = 0; k < 20; k++)
			r.peer[k]->talking = (k * 7 + i) % 3 == 0;
		room_run(&r, 300);
	}
	assert_in_range(r.events - events, 1, 150);
	assert_int_equal(r.n_told, MIX_EVENT_MAX);
	for (int k = 0; k < 20; k++)
		r.peer[k]->talking = false;
	room_run(&r, 3000);
	assert_int_equal(r.n_told, 0);
	/* Muted people do not speak. */
	leg_flags(&r, r.peer[3], mute);
	r.peer[3]->talking = true;
	room_run(&r, 1000);
	assert_int_equal(r.n_told, 0);
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
		cmocka_unit_test(test_ptimes),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_hold_music),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_peer_comfort_noise),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
