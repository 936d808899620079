/* SPDX-License-Identifier: GPL-3.0-or-later
 * The audio jitter buffer on a fake clock. */
#include "tests/unit/cmocka_head.h"

#include "tests/unit/jitter_sim.h"

#include <errno.h>

#define MINUTE_US 60000000ll

/* ---- a whole call -------------------------------------------------------- */

/* A sender whose clock is off by 200 ppm, for half an hour: 360 ms of drift. */
static void test_drift(void **state)
{
	static const struct {
		double skew;
		int jitter_ms;
	} cases[] = { { 200e-6, 0 }, { -200e-6, 0 }, { 200e-6, 20 }, { -200e-6, 20 } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sim s = { .length_us = 30 * MINUTE_US, .ptime_ms = 20, .rate = 8000,
				 .skew = cases[i].skew, .jitter_ms = cases[i].jitter_ms,
				 .settle_us = 20000000, .seed = (unsigned)i };

		sim_run(&s);
		assert_int_equal(s.lost, 0);
		assert_int_equal(s.waits, 0);
		assert_int_equal(s.stats.underrun, 0);
		assert_int_equal(s.stats.late, 0);
		assert_int_equal(s.wrong, 0);
		assert_in_range(s.excess_max + 100, 100, 121);
		assert_in_range(s.excess_min + 100, 80, 100);
		/* One way only, 5 ms at a time, as much as there was drift. */
		assert_in_range(cases[i].skew > 0 ? s.squeezed : s.stretched, 60, 80);
		assert_in_range(cases[i].skew > 0 ? s.stretched : s.squeezed, 0, 6);
	}
}

static void test_loss_and_jitter(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 3; seed++) {
		struct sim s = { .length_us = 5 * MINUTE_US, .ptime_ms = 20, .rate = 48000,
				 .loss = 0.05, .jitter_ms = 50, .seed = seed };

		sim_run(&s);
		assert_int_equal(s.gap_us, 0);
		assert_int_equal(s.wrong, 0);
		/* Only what the network lost is concealed, from the first second on. */
		assert_in_range(s.lost, s.sent / 25, s.sent * 6 / 100);
		assert_in_range(s.stats.late, 0, s.sent / 500);
		assert_in_range(s.stats.target_ms, 50, 70);
		assert_in_range(s.delay_max_us, 40000, 90000);
	}
}

static void test_depth_follows_jitter(void **state)
{
	static const struct {
		int jitter_ms;
		unsigned least, most;
	} cases[] = { { 0, 20, 20 }, { 10, 20, 25 }, { 40, 40, 55 }, { 100, 100, 115 },
		      { 200, 195, 215 } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sim s = { .length_us = 2 * MINUTE_US, .ptime_ms = 20, .rate = 16000,
				 .jitter_ms = cases[i].jitter_ms, .settle_us = MINUTE_US / 2,
				 .seed = 5 };

		sim_run(&s);
		assert_in_range(s.stats.target_ms, cases[i].least, cases[i].most);
		assert_in_range(s.lost, 0, s.sent / 200);
		assert_int_equal(s.gap_us, 0);
	}
}

static void test_silence_suppression(void **state)
{
	(void)state;
	for (int marker = 0; marker < 2; marker++)
		for (int64_t silence = 100000; silence <= 2000000; silence *= 3) {
			struct sim s = { .length_us = 2 * MINUTE_US, .ptime_ms = 20, .rate = 8000,
					 .jitter_ms = 20, .talk_us = 1000000, .silence_us = silence,
					 .marker = marker, .seed = (unsigned)silence };

			sim_run(&s);
			assert_int_equal(s.lost, 0);
			assert_int_equal(s.waits, 0);
			assert_int_equal(s.stats.late, 0);
			/* The last ones are still inside. */
			assert_in_range(s.played, s.sent - 4, s.sent);
		}
}

static void test_ptimes(void **state)
{
	(void)state;
	for (int ptime = 10; ptime <= 60; ptime += 10) {
		for (int jitter = 0; jitter <= 30; jitter += 30) {
			struct sim s = { .length_us = 2 * MINUTE_US, .ptime_ms = ptime, .rate = 8000,
					 .jitter_ms = jitter, .loss = 0.01, .skew = -100e-6,
					 .settle_us = MINUTE_US / 4, .seed = 9 };

			sim_run(&s);
			assert_int_equal(s.waits, 0);
			assert_int_equal(s.wrong, 0);
			assert_int_equal(s.stats.ptime_us, ptime * 1000);
			assert_in_range(s.stats.lost, s.sent / 400, s.sent / 40);
			assert_in_range(s.lost, 0, s.stats.lost);
		}
	}
}

/* ---- step by step -------------------------------------------------------- */

struct bench {
	struct jitter *j;
	int64_t now;
	uint32_t ssrc, time, rate;
	uint16_t seq;
	int ptime_ms;
	unsigned packets, lost, waits; /* pulled */
	int excess_ms;
	struct audio_packet out;
};

static void bench_init(struct bench *b)
{
	*b = (struct bench){ .now = 5000000, .ssrc = 1, .time = 4000, .rate = 8000, .seq = 65530,
			     .ptime_ms = 20 };
	assert_int_equal(jitter_new(&b->j, 20, 200), 0);
}

static int put_as(struct bench *b, uint16_t seq, uint32_t time, bool marker, bool comfort)
{
	uint8_t payload[100] = { (uint8_t)seq, (uint8_t)(seq >> 8) };
	struct rtp_packet p = { .pt = comfort ? 13 : 0, .marker = marker, .seq = seq,
				.timestamp = time, .ssrc = b->ssrc, .payload = payload,
				.payload_len = comfort ? 1 : sizeof payload };

	return jitter_put(b->j, &p, b->rate, comfort, (uint8_t)(p.seq & 127), b->now);
}

/* The next one of the sender. */
static void put_next(struct bench *b)
{
	assert_int_equal(put_as(b, b->seq, b->time, false, false), 0);
	b->seq++;
	b->time += (uint32_t)b->ptime_ms * b->rate / 1000;
}

static enum pull pull(struct bench *b)
{
	enum pull r = jitter_pull(b->j, b->now, &b->out, &b->excess_ms);

	b->packets += r == PULL_PACKET;
	if (r == PULL_PACKET)
		assert_int_equal(b->out.level, b->out.seq & 127);
	b->lost += r == PULL_LOST;
	b->waits += r == PULL_WAIT;
	return r;
}

/* `n` ptimes of talk: a packet in and one out each time. */
static void talk(struct bench *b, int n)
{
	while (n-- > 0) {
		put_next(b);
		pull(b);
		b->now += b->ptime_ms * 1000;
	}
}

static void settle(struct bench *b)
{
	talk(b, 60000 / b->ptime_ms);
	b->packets = b->lost = b->waits = 0;
}

static void bench_fini(struct bench *b)
{
	jitter_free(b->j);
}

static void test_order(void **state)
{
	struct bench b;
	struct jitter_stats st;

	(void)state;
	bench_init(&b);
	settle(&b);
	/* 1 0 3 3 2: disorder and a duplicate, all while nothing is due yet */
	uint16_t s = b.seq;
	uint32_t t = b.time;

	assert_int_equal(put_as(&b, (uint16_t)(s + 1), t + 160, false, false), 0);
	assert_int_equal(put_as(&b, s, t, false, false), 0);
	assert_int_equal(put_as(&b, (uint16_t)(s + 3), t + 480, false, false), 0);
	assert_int_equal(put_as(&b, (uint16_t)(s + 3), t + 480, false, false), -EALREADY);
	assert_int_equal(put_as(&b, (uint16_t)(s + 2), t + 320, false, false), 0);
	uint16_t expected = 0;

	for (int i = 0; i < 4; i++) {
		assert_int_equal(pull(&b), PULL_PACKET);
		if (i)
			assert_int_equal(b.out.seq, expected);
		expected = (uint16_t)(b.out.seq + 1);
		assert_int_equal(b.out.len, 100);
		assert_int_equal(b.out.data[0], b.out.seq & 0xff);
		b.now += 20000;
	}
	/* Played already. */
	assert_int_equal(put_as(&b, (uint16_t)(expected - 3), t, false, false), -ETIME);
	jitter_stats(b.j, &st);
	assert_int_equal(st.duplicate, 1);
	assert_int_equal(st.late, 1);
	assert_int_equal(st.lost, 0);
	bench_fini(&b);
}

static void test_refusals(void **state)
{
	struct bench b;
	static uint8_t big[1501];
	struct rtp_packet p = { .payload = big, .payload_len = sizeof big };

	(void)state;
	bench_init(&b);
	assert_int_equal(pull(&b), PULL_WAIT);
	assert_int_equal(jitter_put(b.j, &p, 8000, false, 0, b.now), -EMSGSIZE);
	p.payload_len = 1500;
	assert_int_equal(jitter_put(b.j, &p, 0, false, 0, b.now), -EINVAL);
	assert_int_equal(jitter_put(b.j, &p, 8000, false, 0, b.now), 0);
	b.now += 500000;
	assert_int_equal(pull(&b), PULL_PACKET);
	assert_int_equal(b.out.len, 1500);
	bench_fini(&b);
}

/* One is lost: the one after it comes along for error correction. */
static void test_lost_shows_next(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	settle(&b);
	b.seq++;
	b.time += 160;
	b.now += 20000;
	put_next(&b);
	put_next(&b);
	enum pull r;

	while ((r = pull(&b)) == PULL_PACKET)
		b.now += 20000;
	assert_int_equal(r, PULL_LOST);
	assert_int_equal(b.out.len, 100);
	assert_int_equal(b.out.seq, (uint16_t)(b.seq - 2));
	assert_int_equal(pull(&b), PULL_PACKET);
	assert_int_equal(b.out.seq, (uint16_t)(b.seq - 2));
	assert_int_equal(pull(&b), PULL_PACKET);
	assert_int_equal(b.out.seq, (uint16_t)(b.seq - 1));
	bench_fini(&b);
}

/* The sender stops in mid-speech: 100 ms of concealment, then silence; it goes on
 * and nothing of what it says is lost. */
static void test_stop_and_go(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	settle(&b);
	for (int i = 0; i < 50; i++) {
		pull(&b);
		b.now += 20000;
	}
	assert_in_range(b.lost, 4, 6);
	assert_in_range(b.packets, 0, 2);
	b.time += 50 * 160;
	b.lost = b.packets = 0;
	talk(&b, 50);
	assert_int_equal(b.lost, 0);
	assert_in_range(b.packets, 47, 50);
	bench_fini(&b);
}

/* A packet that was only late is played, and not counted as lost. */
static void test_late_one_is_played(void **state)
{
	struct bench b;
	struct jitter_stats before, after;

	(void)state;
	bench_init(&b);
	settle(&b);
	jitter_stats(b.j, &before);
	while (pull(&b) == PULL_PACKET)
		b.now += 20000;
	b.now += 20000;
	put_next(&b);
	assert_int_equal(pull(&b), PULL_PACKET);
	assert_int_equal(b.out.seq, (uint16_t)(b.seq - 1));
	jitter_stats(b.j, &after);
	assert_int_equal(after.lost, before.lost);
	assert_int_equal(after.late, before.late);
	bench_fini(&b);
}

/* What a sender may change in mid-call without a word, each by itself. */
static void change_ssrc(struct bench *b)
{
	b->ssrc ^= 0x55555555;
	b->seq = (uint16_t)(b->seq * 7 + 20000);
	b->time = b->time * 3 + 123456789;
}

static void change_sequence(struct bench *b)
{
	b->seq = (uint16_t)(b->seq + 30000);
}

static void change_time_forward(struct bench *b)
{
	b->time += 100000000;
}

static void change_time_back(struct bench *b)
{
	b->time -= 100000000;
}

static void change_time_little_back(struct bench *b)
{
	b->time -= 3000;
}

static void change_rate(struct bench *b)
{
	b->rate = b->rate == 8000 ? 48000 : 8000;
}

static void test_changes_unheard(void **state)
{
	void (*const change[])(struct bench *) = {
		change_ssrc, change_sequence, change_time_forward, change_time_back,
		change_time_little_back, change_rate,
	};

	(void)state;
	for (size_t i = 0; i < sizeof change / sizeof change[0]; i++) {
		struct bench b;

		bench_init(&b);
		settle(&b);
		for (int k = 0; k < 5; k++) {
			change[i](&b);
			talk(&b, 30);
			assert_in_range(b.excess_ms + 100, 80, 120);
		}
		assert_int_equal(b.lost, 0);
		assert_int_equal(b.waits, 0);
		assert_int_equal(b.packets, 150);
		bench_fini(&b);
	}
}

static void test_ptime_changes(void **state)
{
	static const int ptimes[] = { 20, 60, 10, 30, 20, 40, 10, 60, 20 };
	struct bench b;
	struct jitter_stats st;

	(void)state;
	bench_init(&b);
	settle(&b);
	for (size_t i = 0; i < sizeof ptimes / sizeof ptimes[0]; i++) {
		/* 600 ms of talk; the listener takes 20 ms a tick. */
		int64_t begin = b.now, have_us = 0, sent_us = 0;

		b.ptime_ms = ptimes[i];
		for (; b.now < begin + 600000; b.now += 10000) {
			/* A packet goes out when what it holds has been spoken. */
			while (sent_us + b.ptime_ms * 1000 <= b.now - begin + 10000) {
				put_next(&b);
				sent_us += b.ptime_ms * 1000;
			}
			if ((b.now - begin) % 20000)
				continue;
			while (have_us < 20000 && pull(&b) == PULL_PACKET)
				have_us += b.ptime_ms * 1000;
			have_us = have_us > 20000 ? have_us - 20000 : 0;
		}
		jitter_stats(b.j, &st);
		assert_int_equal(st.ptime_us, b.ptime_ms * 1000);
	}
	assert_int_equal(st.lost, 0);
	assert_int_equal(st.late, 0);
	/* A longer ptime comes later by the difference: then there is a wait or a
	 * concealed packet, but never more than that at a time. */
	assert_in_range(b.lost + b.waits, 0, 20);
	bench_fini(&b);
}

/* Key presses take sequence numbers that hold no sound. */
static void test_keys_are_no_loss(void **state)
{
	struct bench b;
	struct jitter_stats st;

	(void)state;
	bench_init(&b);
	settle(&b);
	for (int key = 0; key < 4; key++) {
		for (int i = 0; i < 10; i++) {
			struct rtp_packet p = { .pt = 101, .seq = b.seq++, .ssrc = b.ssrc,
						.timestamp = b.time };

			jitter_skip(b.j, &p, b.now);
			pull(&b);
			b.now += 20000;
		}
		b.time += 10 * 160;
		talk(&b, 20);
	}
	jitter_stats(b.j, &st);
	assert_int_equal(st.lost, 0);
	assert_int_equal(st.late, 0);
	assert_int_equal(b.lost, 0);
	assert_in_range(b.packets, 79, 81);
	bench_fini(&b);
}

/* Comfort noise, then nothing for long, then speech with and without marker. */
static void test_comfort_noise(void **state)
{
	struct bench b;

	(void)state;
	for (int marker = 0; marker < 2; marker++) {
		bench_init(&b);
		settle(&b);
		assert_int_equal(put_as(&b, b.seq++, b.time, false, true), 0);
		for (int i = 0; i < 500; i++) {
			pull(&b);
			assert_true(b.lost == 0);
			b.now += 20000;
		}
		b.time += 500 * 160;
		b.packets = b.waits = 0;
		assert_int_equal(put_as(&b, b.seq++, b.time, marker, false), 0);
		b.time += 160;
		b.now += 20000;
		talk(&b, 100);
		assert_int_equal(b.lost, 0);
		assert_in_range(b.packets, 98, 101);
		assert_in_range(b.excess_ms + 100, 80, 120);
		bench_fini(&b);
	}
}

/* Nobody pulls for ten seconds, then someone does: it is live at once. */
static void test_overflow(void **state)
{
	struct bench b;
	struct jitter_stats st;

	(void)state;
	bench_init(&b);
	settle(&b);
	for (int i = 0; i < 500; i++) {
		put_next(&b);
		b.now += 20000;
		jitter_stats(b.j, &st);
		assert_in_range(st.packets, 0, JITTER_SLOTS);
	}
	assert_true(st.overflow > 300);
	assert_int_equal(pull(&b), PULL_PACKET);
	assert_in_range((uint16_t)(b.seq - b.out.seq), 1, 4);
	bench_fini(&b);
}

/* The network holds everything for a second and gives it out at once. */
static void test_stall(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	settle(&b);
	for (int i = 0; i < 50; i++) {
		pull(&b);
		b.now += 20000;
	}
	for (int i = 0; i < 50; i++)
		put_next(&b);
	talk(&b, 50);
	/* At most 250 ms above the target are kept, to be squeezed away. */
	assert_in_range(b.excess_ms + 1000, 900, 1250);
	assert_in_range((uint16_t)(b.seq - b.out.seq), 1, 25);
	bench_fini(&b);
}

static void test_reset(void **state)
{
	struct bench b;
	struct jitter_stats st;

	(void)state;
	bench_init(&b);
	settle(&b);
	put_next(&b);
	put_next(&b);
	jitter_reset(b.j);
	assert_int_equal(pull(&b), PULL_WAIT);
	jitter_stats(b.j, &st);
	assert_int_equal(st.packets, 0);
	b.packets = b.lost = b.waits = 0;
	talk(&b, 50);
	assert_int_equal(b.lost, 0);
	assert_in_range(b.packets, 47, 50);
	bench_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drift), cmocka_unit_test(test_loss_and_jitter),
		cmocka_unit_test(test_depth_follows_jitter),
		cmocka_unit_test(test_silence_suppression), cmocka_unit_test(test_ptimes),
		cmocka_unit_test(test_order), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_lost_shows_next), cmocka_unit_test(test_stop_and_go),
		cmocka_unit_test(test_late_one_is_played), cmocka_unit_test(test_changes_unheard),
		cmocka_unit_test(test_ptime_changes), cmocka_unit_test(test_keys_are_no_loss),
		cmocka_unit_test(test_comfort_noise), cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_stall), cmocka_unit_test(test_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
