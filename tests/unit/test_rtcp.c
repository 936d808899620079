/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTCP byte by byte, both ways, and what reports and timers say. The bytes of
 * `golden` are also read by tests/peer/rtcp with tshark. */
#include "tests/unit/cmocka_head.h"

#include "rtp/rtcp.h"
#include "tests/unit/rtcp_golden.h"

#include <errno.h>
#include <stdio.h>

#define SECOND 1000000ll

/* ---- writing ------------------------------------------------------------- */

static void test_golden(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(golden); i++) {
		uint8_t buf[512];
		struct writer w = writer_of(buf, sizeof buf);

		assert_int_equal(golden[i].write(&w), 0);
		if (writer_len(&w) != golden[i].len || memcmp(buf, golden[i].bytes, golden[i].len)) {
			for (size_t k = 0; k < writer_len(&w); k++)
				fprintf(stderr, "0x%02x, ", buf[k]);
			fail_msg("%s", golden[i].name);
		}
		/* Behind something else, and where it does not fit: whole or not at all. */
		for (size_t cap = 4; cap < golden[i].len + 4; cap++) {
			memset(buf, 0x5a, sizeof buf);
			w = writer_of(buf, cap);
			writer_u32(&w, 0x80c90000);
			assert_int_equal(golden[i].write(&w), -ENOSPC);
			assert_int_equal(writer_len(&w), 4);
			assert_false(w.bad);
			assert_int_equal(buf[cap], 0x5a);
		}
	}
}

static void test_write_limits(void **state)
{
	static uint8_t buf[4096];
	static struct rtcp_block block[32];
	static char name[300];
	struct rtcp_sender sender = { 0 };
	struct writer w = writer_of(buf, sizeof buf);
	struct rtcp_iter it;
	struct rtcp_packet p;
	const uint8_t *cname;
	size_t len;
	unsigned n = 0;

	(void)state;
	assert_int_equal(rtcp_write_sr(&w, 1, &sender, block, 32), -EINVAL);
	assert_int_equal(rtcp_write_rr(&w, 1, block, 32), -EINVAL);
	assert_int_equal(rtcp_write_nack(&w, 1, 2, NULL, 0), -EINVAL);
	assert_int_equal(writer_len(&w), 0);
	assert_int_equal(rtcp_write_rr(&w, 1, block, 31), 0);
	memset(name, 'x', sizeof name - 1);
	assert_int_equal(rtcp_write_sdes(&w, 1, name), 0);
	assert_int_equal(rtcp_begin(&it, buf, writer_len(&w), false), 0);
	assert_true(rtcp_next(&it, &p));
	struct rtcp_block b;

	while (rtcp_block_next(&p, &b))
		n++;
	assert_int_equal(n, 31);
	assert_true(rtcp_next(&it, &p));
	assert_true(rtcp_sdes_cname(&p, &cname, &len));
	assert_int_equal(len, 255);
}

/* ---- reading ------------------------------------------------------------- */

static void test_read_compound(void **state)
{
	uint8_t buf[1024];
	struct writer w = writer_of(buf, sizeof buf);
	enum rtcp_kind kinds[COUNT(golden)];
	struct rtcp_iter it;
	struct rtcp_packet p;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(golden); i++)
		if (golden[i].kind != RTCP_OTHER) {
			assert_int_equal(golden[i].write(&w), 0);
			kinds[n++] = golden[i].kind;
		}
	assert_int_equal(rtcp_begin(&it, buf, writer_len(&w), false), 0);
	for (size_t i = 0; i < n; i++) {
		assert_true(rtcp_next(&it, &p));
		assert_int_equal(p.kind, kinds[i]);
		assert_int_equal(p.ssrc, 0x11223344);
	}
	assert_false(rtcp_next(&it, &p));
}

static struct rtcp_packet read_one(const struct golden *g)
{
	struct rtcp_iter it;
	struct rtcp_packet p;

	assert_int_equal(rtcp_begin(&it, g->bytes, g->len, true), 0);
	assert_true(rtcp_next(&it, &p));
	return p;
}

static const struct golden *find(const char *name)
{
	for (size_t i = 0; i < COUNT(golden); i++)
		if (!strcmp(golden[i].name, name))
			return &golden[i];
	fail_msg("%s", name);
	return NULL;
}

static void test_read_reports(void **state)
{
	struct rtcp_packet p = read_one(find("sr"));
	struct rtcp_block b;
	const uint8_t *cname;
	size_t len;
	uint32_t ssrc;

	(void)state;
	assert_true(p.sender.ntp == 0xe1234567890abcdeu);
	assert_int_equal(p.sender.rtp_time, 160000);
	assert_int_equal(p.sender.packets, 1000);
	assert_int_equal(p.sender.octets, 160000);
	assert_true(rtcp_block_next(&p, &b));
	assert_int_equal(b.ssrc, 0x55667788);
	assert_int_equal(b.fraction, 64);
	assert_int_equal(b.lost, -2);
	assert_int_equal(b.highest, 0x00021234);
	assert_int_equal(b.jitter, 80);
	assert_int_equal(b.lsr, 0x45678901);
	assert_int_equal(b.dlsr, 0x00018000);
	assert_true(rtcp_block_next(&p, &b));
	assert_int_equal(b.lost, 0x7fffff);
	assert_false(rtcp_block_next(&p, &b));
	/* Not another kind's items. */
	assert_false(rtcp_bye_next(&p, &ssrc));
	assert_false(rtcp_remb_next(&p, &ssrc));
	assert_false(rtcp_sdes_cname(&p, &cname, &len));

	p = read_one(find("sdes"));
	assert_true(rtcp_sdes_cname(&p, &cname, &len));
	assert_int_equal(len, 7);
	assert_memory_equal(cname, "a@b.org", 7);

	p = read_one(find("bye with a reason"));
	assert_true(rtcp_bye_next(&p, &ssrc));
	assert_int_equal(ssrc, 0x11223344);
	assert_false(rtcp_bye_next(&p, &ssrc));
}

static void test_read_feedback(void **state)
{
	static const uint16_t lost[] = { 65530, 65533, 9, 11, 100 };
	struct rtcp_packet p = read_one(find("nack"));
	struct rtcp_tmmb t;
	uint32_t ssrc;
	uint16_t seq;
	uint8_t fir;

	(void)state;
	assert_int_equal(p.media_ssrc, 0x55667788);
	for (size_t i = 0; i < COUNT(lost); i++) {
		assert_true(rtcp_nack_next(&p, &seq));
		assert_int_equal(seq, lost[i]);
	}
	assert_false(rtcp_nack_next(&p, &seq));
	assert_false(rtcp_fir_next(&p, &ssrc, &fir));

	p = read_one(find("fir"));
	assert_true(rtcp_fir_next(&p, &ssrc, &fir));
	assert_int_equal(ssrc, 0x55667788);
	assert_int_equal(fir, 201);
	assert_false(rtcp_fir_next(&p, &ssrc, &fir));

	p = read_one(find("remb"));
	assert_true(p.remb == 1499136); /* 18 bits of mantissa */
	assert_true(rtcp_remb_next(&p, &ssrc));
	assert_int_equal(ssrc, 0x55667788);
	assert_true(rtcp_remb_next(&p, &ssrc));
	assert_int_equal(ssrc, 0x99aabbcc);
	assert_false(rtcp_remb_next(&p, &ssrc));

	p = read_one(find("tmmbr"));
	assert_true(rtcp_tmmb_next(&p, &t));
	assert_int_equal(t.ssrc, 0x55667788);
	assert_true(t.bitrate == 768000);
	assert_int_equal(t.overhead, 40);
	assert_false(rtcp_tmmb_next(&p, &t));
	p = read_one(find("tmmbn of nobody"));
	assert_false(rtcp_tmmb_next(&p, &t));
}

/* Rates from one bit to the largest there is, with the precision that is left. */
static void test_rates(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift < 64; shift++) {
		uint64_t rate = 0xb504f333f9de6484u >> shift;
		struct rtcp_tmmb t = { .ssrc = 1, .bitrate = rate, .overhead = 511 };
		uint8_t buf[64];
		struct writer w = writer_of(buf, sizeof buf);
		struct rtcp_iter it;
		struct rtcp_packet p;

		assert_int_equal(rtcp_write_remb(&w, 1, rate, NULL, 0), 0);
		assert_int_equal(rtcp_write_tmmbr(&w, 1, &t, 1), 0);
		assert_int_equal(rtcp_begin(&it, buf, writer_len(&w), true), 0);
		assert_true(rtcp_next(&it, &p));
		assert_true(p.remb <= rate && rate - p.remb <= rate >> 17);
		assert_true(rtcp_next(&it, &p));
		assert_true(rtcp_tmmb_next(&p, &t));
		assert_true(t.bitrate <= rate && rate - t.bitrate <= rate >> 16);
		assert_int_equal(t.overhead, 511);
	}
}

static void test_malformed(void **state)
{
	static const struct {
		const char *name;
		uint8_t bytes[40];
		size_t len;
		bool reduced;
		int result;
		enum rtcp_kind first;
	} row[] = {
		{ "nothing", { 0 }, 0, true, -EBADMSG, 0 },
		{ "half a header", { 0x80, 201 }, 2, true, -EBADMSG, 0 },
		{ "version 1", { 0x40, 201, 0, 0 }, 4, true, -EBADMSG, 0 },
		{ "longer than it is", { 0x80, 201, 0, 2, 0, 0, 0, 1 }, 8, true, -EBADMSG, 0 },
		{ "bytes behind", { 0x80, 201, 0, 0, 9 }, 5, true, -EBADMSG, 0 },
		{ "bad second", { 0x80, 201, 0, 0, 0x40, 201, 0, 0 }, 8, true, -EBADMSG, 0 },
		{ "reduced where it must not be", { 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2 }, 12, false,
		  -EBADMSG, 0 },
		{ "reduced where it may", { 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2 }, 12, true, 0, RTCP_PLI },
		{ "RR without even an SSRC", { 0x80, 201, 0, 0 }, 4, true, 0, RTCP_OTHER },
		{ "RR of fewer blocks", { 0x81, 201, 0, 1, 0, 0, 0, 1 }, 8, true, 0, RTCP_OTHER },
		{ "SR too short", { 0x80, 200, 0, 1, 0, 0, 0, 1 }, 8, true, 0, RTCP_OTHER },
		{ "BYE of fewer", { 0x82, 203, 0, 1, 0, 0, 0, 1 }, 8, true, 0, RTCP_OTHER },
		{ "PLI too short", { 0x81, 206, 0, 1, 0, 0, 0, 1 }, 8, true, 0, RTCP_OTHER },
		{ "FIR of nobody", { 0x84, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0 }, 12, true, 0, RTCP_OTHER },
		{ "AFB that is not REMB", { 0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'C', 0, 0, 0, 0 },
		  20, true, 0, RTCP_OTHER },
		{ "REMB of fewer", { 0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 1, 0, 0, 0 },
		  20, true, 0, RTCP_OTHER },
		{ "REMB of zero times 2^63", { 0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 0,
		  0xfc, 0, 0 }, 20, true, 0, RTCP_REMB },
		{ "SLI", { 0x82, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0 }, 16, true, 0, RTCP_OTHER },
		{ "TWCC", { 0x8f, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0 }, 16, true, 0, RTCP_OTHER },
		{ "XR", { 0x80, 207, 0, 1, 0, 0, 0, 1 }, 8, true, 0, RTCP_OTHER },
		{ "unknown", { 0x80, 219, 0, 0 }, 4, true, 0, RTCP_OTHER },
		{ "APP", { 0x81, 204, 0, 2, 0, 0, 0, 1, 'a', 'b', 'c', 'd' }, 12, true, 0, RTCP_APP },
		{ "SDES of nobody", { 0x80, 202, 0, 0 }, 4, true, 0, RTCP_SDES },
		{ "padding of all", { 0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4 }, 12, true, 0, RTCP_RR },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct rtcp_iter it;
		struct rtcp_packet p;
		int r = rtcp_begin(&it, row[i].bytes, row[i].len, row[i].reduced);

		if (r != row[i].result)
			fail_msg("%s: %d", row[i].name, r);
		if (r)
			continue;
		assert_true(rtcp_next(&it, &p));
		if (p.kind != row[i].first)
			fail_msg("%s: kind %d", row[i].name, p.kind);
		if (p.kind == RTCP_REMB)
			assert_true(p.remb == 0);
		assert_false(rtcp_next(&it, &p));
	}
}

/* The CNAME is found behind other items and chunks, and nothing is read past. */
static void test_sdes(void **state)
{
	static const struct {
		uint8_t bytes[40];
		size_t len;
		const char *cname;
	} row[] = {
		{ { 0x81, 202, 0, 3, 0, 0, 0, 1, 2, 1, 'n', 1, 1, 'c', 0, 0 }, 16, "c" },
		{ { 0x82, 202, 0, 5, 0, 0, 0, 1, 2, 1, 'n', 0, 0, 0, 0, 2, 1, 3, 'c', 'd', 'e', 0, 0, 0 }, 24, "cde" },
		{ { 0x82, 202, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 3, 'c', 'd', 'e', 0, 0, 0 }, 24, "cde" },
		{ { 0x81, 202, 0, 2, 0, 0, 0, 1, 1, 9, 'c', 'd' }, 12, NULL },
		{ { 0x81, 202, 0, 2, 0, 0, 0, 1, 2, 2, 'c', 'd' }, 12, NULL },
		{ { 0x81, 202, 0, 2, 0, 0, 0, 1, 1, 0, 0, 0 }, 12, "" },
		{ { 0x9f, 202, 0, 1, 0, 0, 0, 1 }, 8, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		const uint8_t *cname = NULL;
		struct rtcp_iter it;
		struct rtcp_packet p;
		size_t len = 0;

		assert_int_equal(rtcp_begin(&it, row[i].bytes, row[i].len, true), 0);
		assert_true(rtcp_next(&it, &p));
		if (rtcp_sdes_cname(&p, &cname, &len) != (row[i].cname != NULL))
			fail_msg("row %zu", i);
		if (!row[i].cname)
			continue;
		assert_int_equal(len, strlen(row[i].cname));
		assert_memory_equal(cname, row[i].cname, len);
	}
}

/* ---- reception ----------------------------------------------------------- */

static void test_ntp(void **state)
{
	static const int64_t times[] = { 0, 1, 999999, 1700000000123456, 2085978495999999,
					 2085978496000000, 4000000000000000 };

	(void)state;
	assert_true(rtcp_ntp(0) >> 32 == 2208988800u);
	for (size_t i = 0; i < COUNT(times); i++)
		assert_true(rtcp_ntp_us(rtcp_ntp(times[i])) == times[i]);
}

/* RFC 3550 6.4.1: the round trip is what is left when their delay is taken off. */
static void test_round_trip(void **state)
{
	int64_t wall = 1700000000 * SECOND;
	struct rtcp_peer peer = { 0 };
	struct rtcp_block b = { .lsr = (uint32_t)(rtcp_ntp(wall) >> 16), .dlsr = 65536 / 2 };

	(void)state;
	assert_true(rtcp_peer_rtt(&peer, &b, wall + 600000));
	assert_in_range(peer.rtt_last_us, 99970, 100030);
	assert_int_equal(peer.rtt_us, peer.rtt_last_us);
	assert_true(rtcp_peer_rtt(&peer, &b, wall + 700000));
	assert_in_range(peer.rtt_us, 112000, 113000);
	assert_false(rtcp_peer_rtt(&peer, &b, wall + 400000)); /* before it was sent */
	assert_false(rtcp_peer_rtt(&peer, &b, wall + 20 * SECOND));
	b.lsr = 0;
	assert_false(rtcp_peer_rtt(&peer, &b, wall + 600000));
	assert_in_range(peer.rtt_us, 112000, 113000);
}

static void test_block(void **state)
{
	struct rtp_source s;
	struct rtcp_peer peer = { 0 };
	struct rtcp_sender sr = { .ntp = 0x1122334455667788 };
	struct rtcp_block b;
	struct rtp_packet p = { .ssrc = 5, .seq = 65000 };
	int64_t now = 100 * SECOND;

	(void)state;
	rtp_source_init(&s);
	/* 1000 packets, every fourth missing, over a wrap */
	for (int i = 0; i < 1000; i++, p.seq++, p.timestamp += 160, now += 20000)
		if (i % 4 != 1)
			rtp_source_update(&s, &p, 8000, false, now);
	rtcp_block_fill(&b, &s, &peer, now);
	assert_int_equal(b.ssrc, 5);
	assert_int_equal(b.fraction, 64);
	assert_int_equal(b.lost, 250);
	assert_int_equal(b.highest, 65000 + 999);
	assert_int_equal(b.lsr, 0);
	assert_int_equal(b.dlsr, 0);
	/* the next interval begins: nothing lost in it */
	rtcp_peer_sr(&peer, &sr, now);
	for (int i = 0; i < 10; i++, p.seq++, p.timestamp += 160)
		rtp_source_update(&s, &p, 8000, false, now);
	rtcp_block_fill(&b, &s, &peer, now + 1500000);
	assert_int_equal(b.fraction, 0);
	assert_int_equal(b.lost, 250);
	assert_int_equal(b.lsr, 0x33445566);
	assert_int_equal(b.dlsr, 65536 * 3 / 2);
	/* duplicates: more came than was sent, which is no loss */
	p.seq--;
	for (int i = 0; i < 400; i++)
		rtp_source_update(&s, &p, 8000, false, now);
	rtcp_block_fill(&b, &s, &peer, now);
	assert_int_equal(b.fraction, 0);
	assert_int_equal(b.lost, -150);
	/* nothing at all came since */
	rtcp_block_fill(&b, &s, &peer, now);
	assert_int_equal(b.fraction, 0);
}

/* ---- timing -------------------------------------------------------------- */

static void test_timing(void **state)
{
	static const struct {
		bool avpf, sending;
		uint32_t bandwidth, members, senders;
		int64_t interval;        /* of the second report and later */
	} row[] = {
		{ false, true, 64000, 0, 0, 5000000 },
		{ false, true, 64000, 2, 1, 5000000 },
		{ true, true, 64000, 0, 0, 1000000 },
		{ false, true, 1500000, 0, 0, 240000 },
		{ false, true, 360000, 0, 0, 1000000 },
		{ true, true, 4000000, 0, 0, 1000000 },
		/* 100 members of 140 bytes share 75 % of 400 byte/s, 10 senders 25 % */
		{ false, false, 64000, 100, 10, 42000000 },
		{ false, true, 64000, 100, 10, 14000000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct rtcp_timing t = { .avpf = row[i].avpf, .sending = row[i].sending,
					 .bandwidth = row[i].bandwidth, .members = row[i].members,
					 .senders = row[i].senders };
		int64_t now = SECOND, least = INT64_MAX, most = 0, first;

		rtcp_timing_init(&t, i, now);
		first = rtcp_timing_next(&t) - now;
		assert_true(first >= 0 && first <= row[i].interval);
		for (int k = 0; k < 400; k++) {
			rtcp_timing_sent(&t, 140 - 28, now);
			int64_t d = rtcp_timing_next(&t) - now;

			least = d < least ? d : least;
			most = d > most ? d : most;
			now += d;
		}
		int64_t interval = rtcp_timing_interval(&t);

		if (interval < row[i].interval * 97 / 100 || interval > row[i].interval * 103 / 100)
			fail_msg("row %zu: %lld", i, (long long)interval);
		/* Between a half and one and a half, over e - 3/2. */
		assert_in_range(least, interval * 40 / 100, interval * 45 / 100);
		assert_in_range(most, interval * 115 / 100, interval * 124 / 100);
	}
}

static void test_timing_early(void **state)
{
	struct rtcp_timing t = { .bandwidth = 64000 };

	(void)state;
	rtcp_timing_init(&t, 1, 0);
	assert_false(rtcp_timing_early(&t, 100, 0));
	t.avpf = true;
	/* 400 byte/s would be the share; 1000 are granted, two seconds ahead. */
	for (int i = 0; i < 16; i++)
		assert_true(rtcp_timing_early(&t, 100, 0));
	assert_false(rtcp_timing_early(&t, 100, 0));
	assert_false(rtcp_timing_early(&t, 100, 10000));
	assert_true(rtcp_timing_early(&t, 100, 130000));
	assert_false(rtcp_timing_early(&t, 100, 130000));
	/* 4 Mbit/s: a compound each 5 ms */
	t.bandwidth = 4000000;
	for (int i = 1; i < 1000; i++)
		assert_true(rtcp_timing_early(&t, 90, 3 * SECOND + i * 5000));
}

/* A stream whose bandwidth is told later reports within seconds all the same. */
static void test_timing_untold(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 100; seed++) {
		struct rtcp_timing t = { 0 };

		rtcp_timing_init(&t, seed, 0);
		assert_in_range(rtcp_timing_next(&t), 0, 2500000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden), cmocka_unit_test(test_write_limits),
		cmocka_unit_test(test_read_compound), cmocka_unit_test(test_read_reports),
		cmocka_unit_test(test_read_feedback), cmocka_unit_test(test_rates),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_sdes),
		cmocka_unit_test(test_ntp), cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_block), cmocka_unit_test(test_timing),
		cmocka_unit_test(test_timing_early), cmocka_unit_test(test_timing_untold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
