/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who does not speak need not be decoded, and is heard at once when they do. */
#include "tests/unit/mix_room.h"

enum { QUIET = 20, LOUD = 8000 }; /* amplitudes: -67 and -15 dBov */

/* What the bytes say (RFC 6716 3.1, 3.2, 4.2.3). */
static void test_bytes(void **state)
{
	static const struct {
		const char *what;
		uint8_t len, data[8];
		bool quiet;
	} row[] = {
		{ "SILK 20 ms, voice", 3, { 0x48, 0x80, 1 }, false },
		{ "SILK 20 ms, no voice, LBRR of a voice", 3, { 0x48, 0x7f, 1 }, true },
		{ "SILK 10 ms, voice", 3, { 0x40, 0xff, 1 }, false },
		{ "SILK 60 ms, voice in the last third", 3, { 0x58, 0x20, 1 }, false },
		{ "SILK 60 ms, no voice", 3, { 0x58, 0x1f, 1 }, true },
		{ "stereo, voice in the side", 3, { 0x4c, 0x20, 1 }, false },
		{ "stereo, no voice", 3, { 0x4c, 0x5f, 1 }, true },
		{ "stereo 60 ms, voice in the side", 3, { 0x5c, 0x02, 1 }, false },
		{ "hybrid, no voice", 3, { 0x78, 0x00, 1 }, true },
		{ "hybrid, voice", 3, { 0x78, 0x80, 1 }, false },
		{ "two frames, the second with voice", 5, { 0x49, 0x00, 1, 0x80, 1 }, false },
		{ "two frames, no voice", 5, { 0x49, 0x00, 1, 0x00, 1 }, true },
		{ "CELT does not tell", 3, { 0x98, 0x00, 1 }, false },
		{ "DTX", 1, { 0x48 }, true },
		{ "two equal frames of odd length", 4, { 0x49, 0, 0, 0 }, false },
		{ "a count of no frames", 3, { 0x4b, 0x00, 1 }, false },
		{ "nothing", 0, { 0 }, false },
	};
	const struct codec_format opus = { .id = CODEC_OPUS, .clock_rate = 48000, .channels = 2 };
	const struct codec_format pcmu = { .id = CODEC_PCMU, .clock_rate = 8000, .channels = 1 };
	struct audio_decoder *dec, *other;

	(void)state;
	assert_int_equal(audio_decoder_new(&dec, &opus), 0);
	assert_int_equal(audio_decoder_new(&other, &pcmu), 0);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (audio_packet_quiet(dec, row[i].data, row[i].len) != row[i].quiet)
			fail_msg("%s", row[i].what);
		assert_false(audio_packet_quiet(other, row[i].data, row[i].len));
	}
	audio_decoder_free(dec);
	audio_decoder_free(other);
}

/* A quiet room is hardly decoded, its level known all the same; the first word is
 * heard as from a phone that was decoded all the time. */
static void test_onset(void **state)
{
	struct room r;
	struct peer *a, *l;
	uint64_t decoded;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_OPUS, 48000, 700, true);
	l = room_add(&r, CODEC_L16, 16000, 0, false);
	a->amplitude = QUIET;
	room_run(&r, 2000);
	decoded = a->leg.rx.stats.decoded;
	room_run(&r, 4000);
	assert_in_range(a->leg.rx.stats.rested, 150, 300);
	assert_in_range(a->leg.rx.stats.decoded - decoded, 1, 12);
	assert_in_range(-a->leg.level, 60, 75);
	assert_false(a->leg.in_mix);
	assert_true(r.mix.stats.rested == a->leg.rx.stats.rested);

	a->amplitude = LOUD;
	decoded = a->leg.rx.stats.decoded;
	room_run(&r, 120);
	/* As loud as it is meant to be in the last 40 ms, 80 ms after the first packet. */
	assert_in_range((int)lrint(100 - heard_db(l, 700, 40)), 111, 114);
	assert_true(a->leg.rx.stats.decoded - decoded >= 5);

	/* While one is mixed, nothing rests; half a second later it does again. */
	decoded = a->leg.rx.stats.rested;
	room_run(&r, 1000);
	assert_true(a->leg.rx.stats.rested == decoded);
	a->amplitude = QUIET;
	room_run(&r, 2000);
	assert_true(a->leg.rx.stats.rested > decoded + 50);
	room_fini(&r);
}

/* A crowd that all speaks: six are heard, the rest is listened to by turns. Who raises
 * their voice is heard, as they are. */
static void test_crowd(void **state)
{
	enum { CROWD = 24, LISTEN = 6, RUN_MS = 2000 };
	struct room r;
	struct peer *p[CROWD], *l;
	uint64_t decoded[CROWD], sum = 0;
	unsigned waited, k = CROWD - 1;

	(void)state;
	room_init(&r);
	r.mix.listen = LISTEN;
	for (int i = 0; i < CROWD; i++) {
		p[i] = room_add(&r, CODEC_OPUS, 48000, 500 + 60 * i, true);
		p[i]->amplitude = LOUD / 4;
	}
	l = room_add(&r, CODEC_L16, 16000, 0, false);
	room_run(&r, 1000);
	for (int i = 0; i < CROWD; i++)
		decoded[i] = p[i]->leg.rx.stats.decoded;
	room_run(&r, RUN_MS);
	for (int i = 0; i < CROWD; i++) {
		decoded[i] = p[i]->leg.rx.stats.decoded - decoded[i];
		assert_in_range(decoded[i], 12, RUN_MS / 20);
		assert_true(p[i]->leg.speech.active);
		sum += decoded[i];
	}
	/* those that are heard, and a few others */
	assert_in_range(sum, MIX_SPEAKERS * RUN_MS / 20, (MIX_SPEAKERS + LISTEN) * RUN_MS / 20);
	while (p[k]->leg.selected)
		k--;
	p[k]->amplitude = LOUD * 2;
	for (waited = 0; waited < 2000 && !p[k]->leg.selected; waited += 20)
		room_run(&r, 20);
	print_message("louder than a crowd: heard after %u ms\n", waited);
	assert_in_range(waited, 0, 500);
	room_run(&r, 200);
	assert_in_range((int)lrint(100 - heard_db(l, 500 + 60 * k, 100)), 105, 108);
	/* when most have ended, nobody who speaks is spared anything */
	for (int i = LISTEN; i < CROWD; i++)
		p[i]->amplitude = 0;
	room_run(&r, 1000);
	for (int i = 0; i < LISTEN; i++)
		decoded[i] = p[i]->leg.rx.stats.decoded;
	room_run(&r, RUN_MS);
	for (int i = 0; i < LISTEN; i++)
		assert_in_range(p[i]->leg.rx.stats.decoded - decoded[i], RUN_MS / 20 - 1,
				RUN_MS / 20 + 1);
	room_fini(&r);
}

/* Decoded after a rest, sound is what it would have been without one. */
static void test_state(void **state)
{
	static struct room r[2];
	struct peer *a[2], *l[2];
	size_t n = 48000 / 10;
	double error = 0, power = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		room_init(&r[i]);
		a[i] = room_add(&r[i], CODEC_OPUS, 48000, 700, true);
		l[i] = room_add(&r[i], CODEC_L16, 48000, 0, false);
		a[i]->amplitude = QUIET;
		for (int k = 0; k < 200; k++) {
			a[i]->amplitude = k < 190 ? QUIET : LOUD;
			/* In the second room somebody always hears it. */
			if (i)
				a[i]->leg.in_mix = true;
			room_run(&r[i], 20);
		}
	}
	assert_true(a[0]->leg.rx.stats.rested > 100);
	assert_true(a[1]->leg.rx.stats.rested == 0);
	assert_true(l[0]->n_heard == l[1]->n_heard);
	for (size_t i = l[0]->n_heard - n; i < l[0]->n_heard; i++) {
		double d = l[0]->heard[i] - l[1]->heard[i];

		error += d * d;
		power += (double)l[1]->heard[i] * l[1]->heard[i];
	}
	assert_true(power > 1e6 * (double)n);
	assert_true(10 * log10(power / (error + 1)) > 30);
	room_fini(&r[0]);
	room_fini(&r[1]);
}

/* No voice to its codec, but louder than a quiet room: heard soon. */
static void test_steady(void **state)
{
	struct room r;
	struct peer *a, *l;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_OPUS, 48000, 440, true);
	l = room_add(&r, CODEC_L16, 16000, 0, false);
	a->amplitude = QUIET;
	room_run(&r, 2000);
	for (int i = 0; i < 400; i++) { /* to -40 dBov in eight seconds */
		a->amplitude *= pow(10, 30.0 / 400 / 20);
		room_run(&r, 20);
	}
	room_run(&r, 600);
	assert_true(a->leg.in_mix);
	assert_true(heard_db(l, 440, 200) > -40);
	room_fini(&r);
}

/* Losses and holds while it rests: no sound is made of them, and none is missed. */
static void test_loss(void **state)
{
	struct room r;
	struct peer *a, *l;
	struct mixer_leg_params params;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_OPUS, 48000, 700, true);
	l = room_add(&r, CODEC_L16, 16000, 0, false);
	a->amplitude = QUIET;
	a->drop_every = 7;
	room_run(&r, 3000);
	assert_true(a->leg.rx.stats.rested > 80);
	assert_true(a->leg.rx.stats.concealed > 10);
	params = a->leg.params;
	params.receive = false;
	mix_set(&r.mix, &a->leg, &params);
	a->stopped = true;
	room_run(&r, 400);
	params.receive = true;
	mix_set(&r.mix, &a->leg, &params);
	assert_false(a->leg.rx.rest_of.now);
	a->stopped = false;
	a->drop_every = 0;
	a->amplitude = LOUD;
	room_run(&r, 400);
	assert_true(heard_db(l, 700, 100) > -14);
	room_fini(&r);
}

/* Who tells how loud they are (RFC 6464) rests with any codec, and is heard from the
 * first word. */
static void test_told(void **state)
{
	static const struct { enum codec_id codec; uint32_t clock; } row[] = {
		{ CODEC_PCMU, 8000 }, { CODEC_G722, 8000 }, { CODEC_OPUS, 48000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct peer *a, *b, *l;
		uint64_t decoded, rested;
		struct room r;

		room_init(&r);
		a = room_add(&r, row[i].codec, row[i].clock, 700, true);
		b = room_add(&r, CODEC_PCMU, 8000, 900, true);
		l = room_add(&r, CODEC_L16, 16000, 0, false);
		a->tells = true;
		a->amplitude = b->amplitude = QUIET;
		room_run(&r, 2000);
		decoded = a->leg.rx.stats.decoded;
		rested = a->leg.rx.stats.rested;
		room_run(&r, 4000);
		assert_in_range(a->leg.rx.stats.rested - rested, 180, 200);
		assert_in_range(a->leg.rx.stats.decoded - decoded, 1, 12);
		assert_in_range(-a->leg.level, 60, 75);
		/* the one that says nothing is listened to */
		assert_true(b->leg.rx.stats.rested == 0);
		a->amplitude = LOUD;
		room_run(&r, 120);
		assert_in_range((int)lrint(100 - heard_db(l, 700, 40)), 111, 114);
		room_run(&r, 1000);
		/* while it speaks it is decoded, though it said that it is quiet */
		rested = a->leg.rx.stats.rested;
		a->told = 127;
		room_run(&r, 1000);
		assert_true(a->leg.rx.stats.rested == rested);
		room_fini(&r);
	}
}

/* Whoever says that they are quiet and are not is found out within half a second. */
static void test_told_wrong(void **state)
{
	struct room r;
	struct peer *a, *l;

	(void)state;
	room_init(&r);
	a = room_add(&r, CODEC_PCMU, 8000, 700, true);
	l = room_add(&r, CODEC_L16, 16000, 0, false);
	a->tells = true;
	a->told = 127;
	a->amplitude = QUIET;
	room_run(&r, 2000);
	assert_true(a->leg.rx.stats.rested > 80);
	a->amplitude = LOUD;
	room_run(&r, 800);
	assert_true(a->leg.in_mix);
	assert_true(heard_db(l, 700, 100) > -14);
	room_fini(&r);
}

static void on_key(void *arg, uint32_t id, char key)
{
	struct room *r = arg;

	assert_int_equal(id, 1);
	assert_int_equal(key, '5');
	r->events++;
}

/* Keys in the sound of a phone whose quiet packets are not decoded, and of one whose
 * quiet sound is not searched for them. */
static void test_keys(void **state)
{
	static const struct { enum codec_id codec; uint32_t clock; } row[] = {
		{ CODEC_OPUS, 48000 }, { CODEC_PCMU, 8000 }, { CODEC_G722, 8000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct mixer_leg_params params;
		struct room r;
		struct peer *a;

		room_init(&r);
		r.mix.speakers = NULL;
		r.mix.key = on_key;
		a = room_add(&r, row[i].codec, row[i].clock, 770, true);
		a->hz2 = 1336;
		params = a->leg.params;
		params.hear_keys = true;
		mix_set(&r.mix, &a->leg, &params);
		for (unsigned k = 0; k < 6; k++) {
			a->amplitude = QUIET;
			room_run(&r, 2000 + 40 * k);
			assert_int_equal(r.events, k);
			a->amplitude = LOUD / 2;
			room_run(&r, 100);
			a->amplitude = QUIET;
			room_run(&r, 100);
			assert_int_equal(r.events, k + 1);
		}
		if (row[i].codec == CODEC_OPUS)
			assert_true(a->leg.rx.stats.rested > 200);
		else
			assert_true(a->leg.keyless > 0);
		room_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_onset), cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_told_wrong),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
