/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video packets into sequence, and what is asked for again. */
#include "tests/unit/cmocka_head.h"

#include "rtp/reorder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

struct bench {
	struct reorder *r;
	int64_t now;
	char out[256];           /* "1 2 !5 ": in order, ! where something is lost */
};

static void bench_init(struct bench *b, int64_t wait_us)
{
	*b = (struct bench){ .now = 1000000 };
	assert_int_equal(reorder_new(&b->r), 0);
	reorder_set_wait(b->r, wait_us);
}

static void note(struct bench *b, uint16_t seq, bool lost, const uint8_t *data, size_t len)
{
	size_t at = strlen(b->out);

	assert_int_equal(len, 10);
	assert_int_equal(data[0] << 8 | data[1], seq);
	snprintf(b->out + at, sizeof b->out - at, "%s%u ", lost ? "!" : "", seq);
}

static void drain(struct bench *b)
{
	struct reorder_packet p;

	while (reorder_get(b->r, b->now, &p)) {
		assert_int_equal(p.pt, 96);
		assert_int_equal(p.timestamp, p.seq * 10u);
		assert_int_equal(p.tag, (uint8_t)(p.seq * 7));
		note(b, p.seq, p.lost, p.data, p.len);
	}
}

static void put(struct bench *b, uint16_t seq)
{
	uint8_t data[10] = { (uint8_t)(seq >> 8), (uint8_t)seq };
	struct rtp_packet p = { .pt = 96, .seq = seq, .timestamp = seq * 10u, .payload = data,
				.payload_len = sizeof data };
	bool lost;
	int r = reorder_put(b->r, &p, (uint8_t)(seq * 7), b->now, &lost);

	assert_true(r == 0 || r == 1);
	if (r)
		note(b, seq, lost, data, sizeof data);
	memset(data, 0xee, sizeof data); /* what is kept is a copy */
	drain(b);
}

/* Steps: a packet (>= 0) or a wait of so many milliseconds (< 0). */
static void test_sequences(void **state)
{
	static const struct {
		const char *name;
		int step[16];
		const char *out;
		unsigned lost, late, duplicate;
	} row[] = {
		{ "in order", { 5, 6, 7, 8 }, "5 6 7 8 ", 0, 0, 0 },
		{ "over the wrap", { 65534, 65535, 65536, 65537 }, "65534 65535 0 1 ", 0, 0, 0 },
		{ "two swapped", { 5, 7, 6, 8 }, "5 6 7 8 ", 0, 0, 0 },
		{ "backwards", { 5, 9, 8, 7, 6 }, "5 6 7 8 9 ", 0, 0, 0 },
		{ "duplicates", { 5, 5, 7, 7, 6, 6 }, "5 6 7 ", 0, 2, 1 },
		{ "one lost", { 5, 7, 8, -19, 9, -1, 10 }, "5 !7 8 9 10 ", 1, 0, 0 },
		{ "not given up too early", { 5, 7, -19, 6 }, "5 6 7 ", 0, 0, 0 },
		{ "too late", { 5, 7, -20, 6, 8 }, "5 !7 8 ", 1, 1, 0 },
		{ "a second hole waits for itself", { 5, 7, -10, 9, -10, 10, -10, 11 }, "5 !7 !9 10 11 ", 2, 0, 0 },
		{ "a burst", { 5, 10, -20, 11 }, "5 !10 11 ", 4, 0, 0 },
		{ "lost, and the next is direct", { 5, 7, -20, 8, 9 }, "5 !7 8 9 ", 1, 0, 0 },
		{ "older than the first", { 5, 4, 6 }, "5 6 ", 0, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct reorder_stats st;
		struct bench b;

		bench_init(&b, 20000);
		for (size_t k = 0; k < COUNT(row[i].step) && row[i].step[k]; k++) {
			if (row[i].step[k] > 0) {
				put(&b, (uint16_t)row[i].step[k]);
				continue;
			}
			b.now += row[i].step[k] * -1000;
			drain(&b);
		}
		reorder_stats(b.r, &st);
		if (strcmp(b.out, row[i].out))
			fail_msg("%s: %s", row[i].name, b.out);
		if (st.lost != row[i].lost || st.late != row[i].late || st.duplicate != row[i].duplicate)
			fail_msg("%s: lost %llu late %llu duplicate %llu", row[i].name,
				 (unsigned long long)st.lost, (unsigned long long)st.late,
				 (unsigned long long)st.duplicate);
		reorder_free(b.r);
	}
}

static void test_due(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, 30000);
	assert_true(reorder_due(b.r) == INT64_MAX);
	put(&b, 1);
	assert_true(reorder_due(b.r) == INT64_MAX);
	put(&b, 3);
	assert_true(reorder_due(b.r) == b.now + 30000);
	b.now += 10000;
	put(&b, 5);
	assert_true(reorder_due(b.r) == b.now + 20000);
	reorder_set_wait(b.r, 15000);
	assert_true(reorder_due(b.r) == b.now + 5000);
	b.now += 5000;
	drain(&b);
	assert_string_equal(b.out, "1 !3 ");
	assert_true(reorder_due(b.r) == b.now + 10000);
	reorder_reset(b.r);
	assert_true(reorder_due(b.r) == INT64_MAX);
	put(&b, 9);
	assert_string_equal(b.out, "1 !3 9 ");
	reorder_free(b.r);
}

static size_t nacks(struct bench *b, int64_t rtt_us, uint16_t *seq)
{
	return reorder_nacks(b->r, b->now, rtt_us, seq, 8);
}

static void test_asking(void **state)
{
	struct bench b;
	uint16_t seq[8];
	struct reorder_stats st;

	(void)state;
	bench_init(&b, 149000);
	put(&b, 10);
	assert_int_equal(nacks(&b, 30000, seq), 0);
	assert_true(reorder_nack_due(b.r, 30000) == INT64_MAX);
	/* Mere disorder so far: 5 ms of patience … */
	put(&b, 12);
	assert_int_equal(nacks(&b, 30000, seq), 0);
	assert_true(reorder_nack_due(b.r, 30000) == b.now + 5000);
	b.now += 5000;
	assert_int_equal(nacks(&b, 30000, seq), 1);
	assert_int_equal(seq[0], 11);
	assert_int_equal(nacks(&b, 30000, seq), 0);
	assert_true(reorder_nack_due(b.r, 30000) == b.now + 30000);
	/* … or three packets behind the hole. */
	put(&b, 14);
	put(&b, 15);
	assert_int_equal(nacks(&b, 30000, seq), 0);
	put(&b, 16);
	assert_int_equal(nacks(&b, 30000, seq), 1);
	assert_int_equal(seq[0], 13);
	b.now += 29999;
	assert_int_equal(nacks(&b, 30000, seq), 0);
	b.now += 1;
	assert_int_equal(nacks(&b, 30000, seq), 2);
	assert_int_equal(seq[0], 11);
	assert_int_equal(seq[1], 13);
	/* It comes: not asked for any more. */
	put(&b, 11);
	assert_string_equal(b.out, "10 11 12 ");
	b.now += 30000;
	assert_int_equal(nacks(&b, 30000, seq), 1);
	b.now += 30000;
	assert_int_equal(nacks(&b, 30000, seq), 1);
	/* The answer would come after the hole is given up. */
	b.now += 30000;
	assert_int_equal(nacks(&b, 30000, seq), 0);
	assert_true(reorder_nack_due(b.r, 30000) == INT64_MAX);
	reorder_stats(b.r, &st);
	assert_int_equal(st.recovered, 1);
	/* The moment to ask passes unused: nothing is due for it any more. */
	reorder_reset(b.r);
	put(&b, 10);
	put(&b, 12);
	b.now += 120000;
	assert_int_equal(nacks(&b, 30000, seq), 0);
	assert_true(reorder_nack_due(b.r, 30000) == INT64_MAX);
	reorder_free(b.r);
}

static void test_asking_has_an_end(void **state)
{
	struct bench b;
	uint16_t seq[8];
	unsigned asked = 0;

	(void)state;
	bench_init(&b, 150000);
	put(&b, 10);
	put(&b, 12);
	/* An unknown or tiny round trip: every 20 ms, five times. */
	for (int i = 0; i < 150; i++, b.now += 1000)
		asked += (unsigned)nacks(&b, 0, seq);
	assert_int_equal(asked, 5);
	/* More holes than room: the oldest first. */
	reorder_reset(b.r);
	put(&b, 100);
	put(&b, 200);
	assert_int_equal(nacks(&b, 20000, seq), 8);
	for (int i = 0; i < 8; i++)
		assert_int_equal(seq[i], i < 8 ? 101 + i : 0);
	assert_int_equal(nacks(&b, 20000, seq), 8);
	assert_int_equal(seq[0], 109);
	/* A round trip longer than the wait: no use to ask. */
	reorder_set_wait(b.r, 10000);
	assert_int_equal(nacks(&b, 20000, seq), 0);
	reorder_free(b.r);
}

/* A jump over everything: what was held is given up, and it goes on. */
static void test_overflow(void **state)
{
	struct reorder_stats st;
	struct bench b;

	(void)state;
	bench_init(&b, 1000000);
	put(&b, 1);
	put(&b, 3);
	put(&b, 5000);
	reorder_stats(b.r, &st);
	assert_true(st.overflow > 0);
	assert_int_equal(st.waiting, 1);
	b.now += 1000000;
	drain(&b);
	assert_string_equal(b.out, "1 !5000 ");
	put(&b, 5001);
	assert_string_equal(b.out, "1 !5000 5001 ");
	/* Held back without end: never more than there are slots. */
	for (int i = 0; i < 5000; i++) {
		uint8_t data[10] = { 0 };
		struct rtp_packet p = { .pt = 96, .seq = (uint16_t)(5003 + i), .payload = data,
					.payload_len = sizeof data };
		bool lost;

		assert_true(reorder_put(b.r, &p, 0, b.now, &lost) >= 0);
		reorder_stats(b.r, &st);
		assert_in_range(st.waiting, 1, REORDER_SLOTS);
	}
	reorder_free(b.r);
}

static void test_sizes(void **state)
{
	static uint8_t big[REORDER_MAX_PACKET + 1];
	struct rtp_packet p = { .seq = 1, .payload = big, .payload_len = sizeof big };
	struct bench b;
	bool lost = true;

	(void)state;
	bench_init(&b, 1000);
	/* In sequence any size may pass; what has to be kept is bounded. */
	assert_int_equal(reorder_put(b.r, &p, 0, b.now, &lost), 1);
	assert_false(lost);
	p.seq = 3;
	assert_int_equal(reorder_put(b.r, &p, 0, b.now, &lost), -EMSGSIZE);
	p.payload_len--;
	assert_int_equal(reorder_put(b.r, &p, 0, b.now, &lost), 0);
	reorder_free(b.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences), cmocka_unit_test(test_due),
		cmocka_unit_test(test_asking), cmocka_unit_test(test_asking_has_an_end),
		cmocka_unit_test(test_overflow), cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
