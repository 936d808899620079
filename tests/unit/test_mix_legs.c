/* SPDX-License-Identifier: GPL-3.0-or-later
 * Legs of the mixer that are muted or held, change in mid-call or fall silent, and who
 * is said to speak. */
#include "tests/unit/mix_room.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_hold_music),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_peer_comfort_noise),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
