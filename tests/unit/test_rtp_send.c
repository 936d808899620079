/* SPDX-License-Identifier: GPL-3.0-or-later
 * What sending stands on: history, pacer, rate. */
#include "tests/unit/cmocka_head.h"

#include "rtp/history.h"
#include "rtp/pacer.h"
#include "rtp/rate.h"

#include <errno.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define SECOND 1000000ll

/* ---- history ------------------------------------------------------------- */

static void fill(uint8_t *p, size_t len, unsigned seq)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(seq * 31 + i);
}

static void test_history(void **state)
{
	struct history *h;
	uint8_t p[1500], want[1500];
	size_t len;

	(void)state;
	assert_int_equal(history_new(&h, 256, 100000), 0);
	assert_null(history_get(h, 0, 0, SECOND, 0, &len));
	/* Over many laps of both rings: what is there is right, and it is the newest. */
	for (unsigned seq = 65000; seq < 70000; seq++) {
		size_t n = 100 + seq * 7 % 1400;
		unsigned here = 0;

		fill(p, n, seq);
		assert_int_equal(history_put(h, (uint16_t)seq, p, n, seq), 0);
		for (unsigned back = 0; back < 300 && seq - back >= 65000; back++) {
			const uint8_t *got = history_get(h, (uint16_t)(seq - back), seq, SECOND, 0, &len);

			if (!got)
				break;
			assert_int_equal(len, 100 + (seq - back) * 7 % 1400);
			fill(want, len, seq - back);
			assert_memory_equal(got, want, len);
			here++;
		}
		assert_in_range(here, seq - 65000 < 60 ? seq - 65000 + 1 : 60, 256);
	}
	history_clear(h);
	assert_null(history_get(h, (uint16_t)69999, 69999, SECOND, 0, &len));
	history_free(h);
}

static void test_history_times(void **state)
{
	struct history *h;
	size_t len;

	(void)state;
	assert_int_equal(history_new(&h, 16, 16384), 0);
	assert_int_equal(history_put(h, 7, (const uint8_t *)"abc", 3, 1000), 0);
	/* The first request is answered even within a round trip of sending. */
	assert_non_null(history_get(h, 7, 1000, SECOND, 50000, &len));
	assert_null(history_get(h, 7, 1001, SECOND, 50000, &len));
	assert_null(history_get(h, 7, 50000, SECOND, 50000, &len));
	assert_non_null(history_get(h, 7, 51001, SECOND, 50000, &len));
	assert_int_equal(len, 3);
	assert_non_null(history_get(h, 7, SECOND + 1000, SECOND, 50000, &len));
	assert_null(history_get(h, 7, 2 * SECOND, SECOND, 50000, &len));
	assert_null(history_get(h, 23, 1000, SECOND, 0, &len)); /* the same place */
	assert_null(history_get(h, 8, 1000, SECOND, 0, &len));
	history_free(h);
}

static void test_history_limits(void **state)
{
	static const struct { size_t packets, bytes; int result; } row[] = {
		{ 15, 16384, -EINVAL }, { 16, 16383, -EINVAL }, { 4097, 16384, -EINVAL },
		{ 16, 4194305, -EINVAL }, { 4096, 4194304, 0 }, { 17, 16384, 0 },
	};
	static uint8_t big[2049];
	struct history *h;

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		h = NULL;
		assert_int_equal(history_new(&h, row[i].packets, row[i].bytes), row[i].result);
		history_free(h);
	}
	assert_int_equal(history_new(&h, 16, 16384), 0);
	assert_int_equal(history_put(h, 1, big, 2049, 0), -EMSGSIZE);
	assert_int_equal(history_put(h, 1, big, 2048, 0), 0);
	assert_int_equal(history_put(h, 2, big, 0, 0), 0);
	history_free(h);
}

/* ---- pacer --------------------------------------------------------------- */

/* Sends a frame of packets of 1200 bytes as the pacer lets it, by its own clock;
 * returns how long it took. Notes the most that went within 5 ms. */
static int64_t send_frame(struct pacer *p, size_t bytes, int64_t *now, size_t *burst)
{
	int64_t begin = *now, window = *now;
	size_t in_window = 0;

	pacer_add(p, bytes, *now);
	while (bytes) {
		size_t n = bytes < 1200 ? bytes : 1200;
		int64_t next = pacer_next(p, *now);

		assert_true(next >= *now);
		if (next > *now) {
			assert_false(pacer_ready(p, *now));
			assert_true(next - *now < SECOND);
			*now = next;
			assert_true(pacer_ready(p, *now));
		}
		if (*now - window >= 5000) {
			window = *now;
			in_window = 0;
		}
		in_window += n;
		if (in_window > *burst)
			*burst = in_window;
		pacer_sent(p, n, *now);
		bytes -= n;
	}
	return *now - begin;
}

static void test_pacer_frames(void **state)
{
	static const struct {
		uint32_t rate;
		size_t frame, key;
		int64_t key_min_us, key_max_us;
	} row[] = {
		/* an ordinary frame of the rate goes at once; a key frame is spread */
		{ 300000, 1250, 8000, 20000, 70000 },
		{ 1000000, 4166, 20000, 30000, 60000 },
		{ 1500000, 6250, 80000, 60000, 100000 },
		{ 4000000, 16000, 120000, 60000, 100000 },
		{ 64000, 267, 30000, 60000, 100000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		int64_t now = SECOND;
		struct pacer p;
		size_t burst = 0;

		pacer_init(&p, row[i].rate, now);
		for (int k = 0; k < 30; k++) {
			int64_t begin = now;

			assert_int_equal(send_frame(&p, row[i].frame, &now, &burst), 0);
			now = begin + 33333;
		}
		burst = 0;
		int64_t took = send_frame(&p, row[i].key, &now, &burst);

		assert_in_range(took, row[i].key_min_us, row[i].key_max_us);
		/* Never the whole of it in one blow. */
		assert_true(burst < row[i].key * 7 / 10);
		assert_int_equal(p.queued, 0);
	}
}

/* Behind a key frame the next frames wait little, and all is gone in time. */
static void test_pacer_keeps_up(void **state)
{
	int64_t now = SECOND, late = 0;
	struct pacer p;
	size_t queue = 0;

	(void)state;
	pacer_init(&p, 1000000, now);
	for (int64_t t = 0; t < 1950000; t += 1000, now += 1000) {
		if (t % 33000 == 0) {
			size_t frame = t % 990000 == 0 ? 50000 : 4000;

			pacer_add(&p, frame, now);
			queue += frame;
		}
		while (queue && pacer_ready(&p, now)) {
			size_t n = queue < 1200 ? queue : 1200;

			pacer_sent(&p, n, now);
			queue -= n;
		}
		late = queue ? late + 1000 : 0;
		assert_true(late <= 240000);
	}
	assert_true(queue <= 4000);
}

/* Small steps of time add up to the same as large ones. */
static void test_pacer_steps(void **state)
{
	(void)state;
	for (int64_t step = 1; step <= 1000; step *= 10) {
		int64_t now = SECOND;
		struct pacer p;
		size_t sent = 0;

		pacer_init(&p, 400000, now);
		pacer_add(&p, 12500, now); /* what 100 ms carry at 2.5 times the rate */
		for (int64_t t = 0; t < 50000; t += step, now += step)
			if (pacer_ready(&p, now)) {
				pacer_sent(&p, 100, now);
				sent += 100;
			}
		/* 3000 at once and half of the rest. */
		assert_in_range(sent, step == 1000 ? 4900 : 9000, 9400);
	}
}

static void test_pacer_odds(void **state)
{
	struct pacer p;

	(void)state;
	pacer_init(&p, 0, 0);
	assert_true(pacer_ready(&p, 0));
	pacer_sent(&p, 1000000, 0); /* a resent packet nobody queued */
	assert_false(pacer_ready(&p, 0));
	assert_true(pacer_next(&p, 0) > 0);
	assert_true(pacer_next(&p, 0) < INT64_MAX / 2);
	pacer_add(&p, 5000, 0);
	pacer_clear(&p);
	assert_int_equal(p.queued, 0);
	pacer_set_rate(&p, 4000000000u);
	assert_true(pacer_ready(&p, 3600 * SECOND));
	/* Time that stands or goes back earns nothing and harms nothing. */
	pacer_sent(&p, 100000, 3600 * SECOND);
	assert_false(pacer_ready(&p, 3599 * SECOND));
	assert_false(pacer_ready(&p, 3600 * SECOND));
}

/* ---- rate ---------------------------------------------------------------- */

static void test_rate_loss(void **state)
{
	struct rate r;
	uint32_t told = 0, before;
	int64_t now = SECOND;

	(void)state;
	rate_init(&r, 100000, 2000000, now);
	assert_int_equal(rate_get(&r, now), 2000000);
	assert_false(rate_changed(&r, now, &told));
	/* 5 %: neither up nor down. */
	for (int i = 0; i < 20; i++)
		rate_report(&r, 13, 50000, now += SECOND);
	assert_int_equal(rate_get(&r, now), 2000000);
	/* 20 %: down by a tenth a report. */
	rate_report(&r, 51, 50000, now += SECOND);
	assert_in_range(rate_get(&r, now), 1795000, 1805000);
	assert_true(rate_changed(&r, now, &told));
	assert_int_equal(told, rate_get(&r, now));
	assert_false(rate_changed(&r, now, &told));
	/* Many reports about the same loss count once. */
	before = rate_get(&r, now);
	for (int i = 0; i < 10; i++)
		rate_report(&r, 51, 100000, now += 10000);
	assert_int_equal(rate_get(&r, now), before);
	/* A bad net takes it to the floor in some seconds, and no further. */
	for (int i = 0; i < 20; i++)
		rate_report(&r, 200, 50000, now += SECOND);
	assert_int_equal(rate_get(&r, now), 100000);
	assert_true(r.loss > 70);
	/* Without loss it comes back, 8 % a second whatever the reports' pace. */
	rate_report(&r, 0, 50000, now += SECOND);
	before = rate_get(&r, now);
	for (int i = 0; i < 10; i++)
		rate_report(&r, 0, 50000, now += 100000);
	assert_in_range(rate_get(&r, now), before * 107 / 100, before * 111 / 100);
	for (int i = 0; i < 60; i++)
		rate_report(&r, 0, 50000, now += SECOND);
	assert_int_equal(rate_get(&r, now), 2000000);
	assert_int_equal(r.loss, 0);
	assert_true(rate_changed(&r, now, &told));
	assert_int_equal(told, 2000000);
}

static void test_rate_asked(void **state)
{
	struct rate r;
	uint32_t told;
	int64_t now = SECOND;

	(void)state;
	rate_init(&r, 50000, 1000000, now);
	rate_remb(&r, 300000, now);
	assert_int_equal(rate_get(&r, now), 300000);
	assert_true(rate_changed(&r, now, &told));
	assert_int_equal(told, 300000);
	rate_remb(&r, 320000, now); /* not worth a word */
	assert_false(rate_changed(&r, now, &told));
	assert_int_equal(rate_get(&r, now + 10 * SECOND), 320000);
	assert_int_equal(rate_get(&r, now + 11 * SECOND), 1000000);
	assert_true(rate_changed(&r, now + 11 * SECOND, &told));
	/* TMMBR stands until it is changed; its overhead is not ours. */
	rate_tmmbr(&r, 500000, 40, 50, now);
	assert_int_equal(rate_get(&r, now + 100 * SECOND), 500000 - 40 * 8 * 50);
	rate_remb(&r, 200000, now + 100 * SECOND);
	assert_int_equal(rate_get(&r, now + 100 * SECOND), 200000);
	rate_tmmbr(&r, UINT64_MAX, 0, 0, now);
	rate_remb(&r, UINT64_MAX, now);
	assert_int_equal(rate_get(&r, now), 1000000);
	/* Nothing goes below the floor: that is for hold and mute. */
	rate_tmmbr(&r, 0, 511, 1000, now);
	assert_int_equal(rate_get(&r, now), 50000);
}

static void test_rate_negotiated(void **state)
{
	struct rate r;
	int64_t now = SECOND;

	(void)state;
	rate_init(&r, 50000, 1000000, now);
	rate_set_max(&r, 4000000); /* nothing was lost: all of it at once */
	assert_int_equal(rate_get(&r, now), 4000000);
	rate_report(&r, 128, 0, now += SECOND);
	assert_in_range(rate_get(&r, now), 2900000, 3100000);
	rate_set_max(&r, 8000000); /* loss had a say: it grows from there */
	assert_in_range(rate_get(&r, now), 2900000, 3100000);
	rate_set_max(&r, 500000);
	assert_int_equal(rate_get(&r, now), 500000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_history), cmocka_unit_test(test_history_times),
		cmocka_unit_test(test_history_limits), cmocka_unit_test(test_pacer_frames),
		cmocka_unit_test(test_pacer_keeps_up), cmocka_unit_test(test_pacer_steps),
		cmocka_unit_test(test_pacer_odds), cmocka_unit_test(test_rate_loss),
		cmocka_unit_test(test_rate_asked), cmocka_unit_test(test_rate_negotiated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
