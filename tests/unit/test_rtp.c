/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP packets, header extensions, and who is listened to. */
#include "tests/unit/cmocka_head.h"

#include "rtp/packet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

/* ---- which protocol ------------------------------------------------------ */

static void test_demux(void **state)
{
	static const struct {
		uint8_t first, second;
		enum demux is;
	} row[] = {
		{ 0, 1, DEMUX_STUN }, { 1, 1, DEMUX_STUN }, { 3, 0, DEMUX_STUN },
		{ 4, 0, DEMUX_UNKNOWN }, { 15, 0, DEMUX_UNKNOWN }, { 16, 0, DEMUX_ZRTP },
		{ 19, 0, DEMUX_ZRTP }, { 20, 254, DEMUX_DTLS }, { 22, 254, DEMUX_DTLS },
		{ 63, 254, DEMUX_DTLS }, { 64, 0, DEMUX_TURN }, { 79, 0, DEMUX_TURN },
		{ 80, 0, DEMUX_UNKNOWN }, { 127, 0, DEMUX_UNKNOWN }, { 128, 0, DEMUX_RTP },
		{ 128, 191, DEMUX_RTP }, { 128, 192, DEMUX_RTCP }, { 129, 200, DEMUX_RTCP },
		{ 128, 223, DEMUX_RTCP }, { 128, 224, DEMUX_RTP }, { 191, 96, DEMUX_RTP },
		{ 192, 96, DEMUX_UNKNOWN }, { 255, 255, DEMUX_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		uint8_t d[2] = { row[i].first, row[i].second };

		assert_int_equal(packet_demux(d, 2), row[i].is);
		assert_int_equal(packet_demux(d, 1), DEMUX_UNKNOWN);
	}
	assert_int_equal(packet_demux(NULL, 0), DEMUX_UNKNOWN);
}

/* ---- packets ------------------------------------------------------------- */

#define FIXED 0x12, 0x34, 0x00, 0x00, 0x0f, 0xa0, 0xde, 0xad, 0xbe, 0xef

static void test_parse(void **state)
{
	static const struct {
		const char *name;
		uint8_t bytes[40];
		size_t len;
		int result;
		size_t header, payload, ext;
		uint8_t padding, csrc;
	} row[] = {
		{ "bare", { 0x80, 0x60, FIXED }, 12, 0, 12, 0, 0, 0, 0 },
		{ "payload", { 0x80, 0x60, FIXED, 1, 2, 3 }, 15, 0, 12, 3, 0, 0, 0 },
		{ "short", { 0x80, 0x60, FIXED }, 11, -EBADMSG, 0, 0, 0, 0, 0 },
		{ "empty", { 0 }, 0, -EBADMSG, 0, 0, 0, 0, 0 },
		{ "version 1", { 0x40, 0x60, FIXED }, 12, -EBADMSG, 0, 0, 0, 0, 0 },
		{ "version 3", { 0xc0, 0x60, FIXED }, 12, -EBADMSG, 0, 0, 0, 0, 0 },
		{ "two sources", { 0x82, 0x60, FIXED, 0, 0, 0, 1, 0, 0, 0, 2, 9 }, 21, 0, 20, 1, 0, 0, 2 },
		{ "a source cut off", { 0x82, 0x60, FIXED, 0, 0, 0, 1, 0, 0, 0 }, 19, -EBADMSG, 0, 0, 0, 0, 0 },
		{ "padding", { 0xa0, 0x60, FIXED, 7, 0, 0, 3 }, 16, 0, 12, 1, 0, 3, 0 },
		{ "all padding", { 0xa0, 0x60, FIXED, 0, 0, 0, 4 }, 16, 0, 12, 0, 0, 4, 0 },
		{ "too much padding", { 0xa0, 0x60, FIXED, 0, 0, 0, 5 }, 16, -EBADMSG, 0, 0, 0, 0, 0 },
		{ "padding of none", { 0xa0, 0x60, FIXED, 1, 0 }, 14, -EBADMSG, 0, 0, 0, 0, 0 },
		{ "padding without a byte", { 0xa0, 0x60, FIXED }, 12, -EBADMSG, 0, 0, 0, 0, 0 },
		{ "extension", { 0x90, 0x60, FIXED, 0xbe, 0xde, 0, 1, 0x10, 5, 0, 0, 8 }, 21, 0, 20, 1, 4, 0, 0 },
		{ "empty extension", { 0x90, 0x60, FIXED, 0xbe, 0xde, 0, 0, 8 }, 17, 0, 16, 1, 0, 0, 0 },
		{ "extension cut off", { 0x90, 0x60, FIXED, 0xbe, 0xde, 0, 2, 0x10, 5, 0, 0 }, 20, -EBADMSG, 0, 0, 0, 0, 0 },
		{ "its header cut off", { 0x90, 0x60, FIXED, 0xbe, 0xde, 0 }, 15, -EBADMSG, 0, 0, 0, 0, 0 },
		{ "huge extension", { 0x90, 0x60, FIXED, 0xbe, 0xde, 0xff, 0xff }, 16, -EBADMSG, 0, 0, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct rtp_packet p = { .pt = 200 };
		int r = rtp_parse(&p, row[i].bytes, row[i].len);

		if (r != row[i].result)
			fail_msg("%s: %d", row[i].name, r);
		if (r) {
			assert_int_equal(p.pt, 200); /* untouched */
			continue;
		}
		assert_int_equal(p.pt, 96);
		assert_int_equal(p.seq, 0x1234);
		assert_int_equal(p.timestamp, 4000);
		assert_int_equal(p.ssrc, 0xdeadbeef);
		assert_int_equal(p.header_len, row[i].header);
		assert_int_equal(p.payload_len, row[i].payload);
		assert_int_equal(p.ext_len, row[i].ext);
		assert_int_equal(p.padding, row[i].padding);
		assert_int_equal(p.n_csrc, row[i].csrc);
		assert_ptr_equal(p.payload, row[i].bytes + row[i].header);
	}
}

static void test_extensions(void **state)
{
	static const struct {
		const char *name;
		uint16_t profile;
		uint8_t bytes[16];
		uint16_t len;
		const char *found; /* id:len, … */
	} row[] = {
		{ "one", 0xbede, { 0x10, 0xaa, 0, 0 }, 4, "1:1 " },
		{ "three with padding", 0xbede, { 0x12, 1, 2, 3, 0, 0x20, 4, 0x31, 5, 6, 0, 0 }, 12,
		  "1:3 2:1 3:2 " },
		{ "stop at 15", 0xbede, { 0x10, 1, 0xf0, 2, 0x20, 3, 0, 0 }, 8, "1:1 " },
		{ "zero with a length", 0xbede, { 0x01, 1, 1, 0x20, 3, 0, 0, 0 }, 8, "2:1 " },
		{ "one cut off", 0xbede, { 0x10, 1, 0x2f, 2 }, 4, "1:1 " },
		{ "two bytes", 0x1000, { 1, 0, 2, 3, 9, 9, 9, 0, 200, 1, 7, 0 }, 12, "1:0 2:3 200:1 " },
		{ "two bytes with bits", 0x100f, { 5, 1, 1, 0 }, 4, "5:1 " },
		{ "two bytes cut off", 0x1000, { 5, 1, 1, 6 }, 4, "5:1 " },
		{ "two bytes too long", 0x1000, { 5, 3, 1, 6 }, 4, "" },
		{ "foreign", 0x1234, { 0x10, 1, 2, 3 }, 4, "" },
		{ "empty", 0xbede, { 0 }, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct rtp_packet p = { .ext_profile = row[i].profile, .ext = row[i].bytes,
					.ext_len = row[i].len };
		struct rtp_ext_iter it = rtp_ext_begin(&p);
		struct rtp_ext e;
		char found[64] = "";

		while (rtp_ext_next(&it, &e)) {
			size_t at = strlen(found);

			snprintf(found + at, sizeof found - at, "%u:%u ", e.id, e.len);
			assert_true(e.data >= row[i].bytes);
			assert_true(e.data + e.len <= row[i].bytes + row[i].len);
		}
		assert_false(rtp_ext_next(&it, &e));
		if (strcmp(found, row[i].found))
			fail_msg("%s: \"%s\"", row[i].name, found);
	}
	struct rtp_packet none = { 0 };
	struct rtp_ext_iter it = rtp_ext_begin(&none);
	struct rtp_ext e;

	assert_false(rtp_ext_next(&it, &e));
	assert_false(rtp_ext_find(&none, 1, &e));
}

static void test_orientation(void **state)
{
	static const struct {
		uint16_t profile, len;
		uint8_t bytes[8];
		int held; /* element 3; -1: not told */
	} row[] = {
		{ 0xbede, 4, { 0x30, 0x01 }, 1 },
		{ 0xbede, 8, { 0x10, 'v', 0x30, 0x07 }, 7 },
		{ 0xbede, 4, { 0x30, 0xfa }, 2 },       /* the camera, and bits of no meaning */
		{ 0xbede, 4, { 0x31, 0x01, 0x01 }, -1 }, /* two bytes */
		{ 0xbede, 4, { 0x40, 0x01 }, -1 },
		{ 0xbede, 4, { 0 }, -1 },
		{ 0x1000, 4, { 3, 1, 3 }, 3 },
		{ 0x1000, 4, { 3, 0 }, -1 },
		{ 0x1234, 4, { 0x30, 0x01 }, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct rtp_packet p = { .ext_profile = row[i].profile, .ext = row[i].bytes,
					.ext_len = row[i].len };
		uint8_t held = 99;

		assert_int_equal(rtp_orientation(&p, 3, &held), row[i].held >= 0);
		assert_int_equal(held, row[i].held >= 0 ? row[i].held : 99);
	}
	assert_false(rtp_orientation(&(struct rtp_packet){ 0 }, 3, &(uint8_t){ 0 }));
}

/* The voice bit is left out (RFC 6464 section 3). */
static void test_audio_level(void **state)
{
	static const uint8_t loud[] = { 0x10, 0x80, 0, 0 }, quiet[] = { 0x10, 0x7f, 0, 0 },
		voice[] = { 0x10, 0xff, 0, 0 }, two[] = { 0x11, 0x7f, 0x7f, 0 };
	static const struct { const uint8_t *bytes; int level; } row[] = {
		{ loud, 0 }, { quiet, 127 }, { voice, 127 }, { two, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct rtp_packet p = { .ext_profile = 0xbede, .ext = row[i].bytes, .ext_len = 4 };
		uint8_t level = 99;

		assert_int_equal(rtp_audio_level(&p, 1, &level), row[i].level >= 0);
		assert_int_equal(level, row[i].level >= 0 ? row[i].level : 99);
		assert_false(rtp_audio_level(&p, 2, &level));
	}
}

static void test_write(void **state)
{
	static const uint8_t sources[] = { 0, 0, 0, 1, 0, 0, 0, 2 };
	static const struct {
		struct rtp_ext ext[3];
		size_t n, len;
		uint16_t profile;
		int result;
	} row[] = {
		{ { { 0 } }, 0, 20, 0, 0 },
		{ { { 1, 1, (const uint8_t *)"a" } }, 1, 28, 0xbede, 0 },
		{ { { 14, 16, (const uint8_t *)"0123456789abcdef" }, { 2, 2, (const uint8_t *)"bc" } },
		  2, 44, 0xbede, 0 },
		{ { { 1, 0, (const uint8_t *)"" }, { 2, 2, (const uint8_t *)"bc" } }, 2, 32, 0x1000, 0 },
		{ { { 15, 1, (const uint8_t *)"a" } }, 1, 28, 0x1000, 0 },
		{ { { 1, 17, (const uint8_t *)"0123456789abcdefg" } }, 1, 44, 0x1000, 0 },
		{ { { 0, 1, (const uint8_t *)"a" } }, 1, 0, 0, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct rtp_packet in = { .marker = true, .pt = 111, .seq = 65535, .timestamp = 77,
					 .ssrc = 0x80000001, .n_csrc = 2, .csrc = sources }, out;
		uint8_t buf[64];
		struct writer w = writer_of(buf, sizeof buf);

		assert_int_equal(rtp_write_header(&in, row[i].ext, row[i].n, &w), row[i].result);
		if (row[i].result)
			continue;
		assert_int_equal(writer_len(&w), row[i].len);
		assert_int_equal(rtp_parse(&out, buf, writer_len(&w)), 0);
		assert_true(out.marker);
		assert_int_equal(out.pt, 111);
		assert_int_equal(out.seq, 65535);
		assert_int_equal(out.timestamp, 77);
		assert_int_equal(out.ssrc, 0x80000001);
		assert_int_equal(out.n_csrc, 2);
		assert_memory_equal(out.csrc, sources, 8);
		assert_int_equal(out.ext_profile, row[i].profile);
		assert_int_equal(out.payload_len, 0);
		for (size_t k = 0; k < row[i].n; k++) {
			struct rtp_ext e;

			assert_true(rtp_ext_find(&out, row[i].ext[k].id, &e));
			assert_int_equal(e.len, row[i].ext[k].len);
			if (e.len)
				assert_memory_equal(e.data, row[i].ext[k].data, e.len);
		}
		/* Every smaller buffer is refused. */
		for (size_t cap = 0; cap < row[i].len; cap++) {
			struct writer small = writer_of(buf, cap);

			assert_int_equal(rtp_write_header(&in, row[i].ext, row[i].n, &small), -ENOSPC);
		}
	}
	struct rtp_packet bad = { .pt = 128 };
	uint8_t buf[64];
	struct writer w = writer_of(buf, sizeof buf);

	assert_int_equal(rtp_write_header(&bad, NULL, 0, &w), -EINVAL);
	bad = (struct rtp_packet){ .n_csrc = 16 };
	assert_int_equal(rtp_write_header(&bad, NULL, 0, &w), -EINVAL);
	assert_int_equal(writer_len(&w), 0);
}

static void test_sequence(void **state)
{
	static const struct { uint16_t a, b; int d; } row[] = {
		{ 1, 0, 1 }, { 0, 1, -1 }, { 0, 65535, 1 }, { 65535, 0, -1 },
		{ 32767, 0, 32767 }, { 32769, 0, -32767 }, { 5, 5, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++)
		assert_int_equal(seq_diff(row[i].a, row[i].b), row[i].d);
	assert_int_equal(rtp_time_diff(10, 0xfffffff6), 20);
	assert_int_equal(rtp_time_diff(0xfffffff6, 10), -20);
	int64_t ext = 70000;

	for (int i = 0; i < 200000; i++) {
		ext = seq_extend(ext, (uint16_t)(70000 + i));
		assert_int_equal(ext, 70000 + i);
	}
	assert_int_equal(seq_extend(65536, 65535), 65535);
}

/* ---- the source ---------------------------------------------------------- */

/* One step: packets of one SSRC, and what becomes of each. */
struct step {
	uint32_t ssrc;
	uint16_t seq;
	int n, gap_ms;           /* packets, time before each */
	bool authentic;
	enum source_verdict first, rest;
};

static void run_steps(struct rtp_source *s, const struct step *step, size_t n, const char *name)
{
	int64_t now = 1000000;

	rtp_source_init(s);
	for (size_t i = 0; i < n; i++) {
		for (int k = 0; k < step[i].n; k++) {
			struct rtp_packet p = { .ssrc = step[i].ssrc,
						.seq = (uint16_t)(step[i].seq + k) };
			enum source_verdict v;

			now += step[i].gap_ms * 1000;
			v = rtp_source_update(s, &p, 8000, step[i].authentic, now);
			if (v != (k ? step[i].rest : step[i].first))
				fail_msg("%s: step %zu packet %d: %d", name, i, k, v);
		}
	}
}

static void test_source(void **state)
{
	static const struct {
		const char *name;
		struct step step[10];
		uint32_t ssrc, highest;
		uint64_t lost;
	} row[] = {
		{ "the first is taken at once", { { 1, 10, 3, 20, false, SOURCE_NEW, SOURCE_OK } }, 1, 12, 0 },
		{ "a hole, disorder, a wrap",
		  { { 1, 65530, 3, 20, false, SOURCE_NEW, SOURCE_OK }, { 1, 65534, 4, 20, false, SOURCE_OK, SOURCE_OK },
		    { 1, 65533, 1, 20, false, SOURCE_OK, SOURCE_OK }, { 1, 5, 1, 20, false, SOURCE_OK, SOURCE_OK } },
		  1, 65541, 3 },
		{ "another takes over with its second packet",
		  { { 1, 10, 5, 20, false, SOURCE_NEW, SOURCE_OK }, { 2, 500, 1, 20, false, SOURCE_DROP, SOURCE_OK },
		    { 2, 501, 5, 20, false, SOURCE_NEW, SOURCE_OK } }, 2, 505, 0 },
		{ "a stray packet does not",
		  { { 1, 10, 5, 20, false, SOURCE_NEW, SOURCE_OK }, { 2, 500, 1, 1, false, SOURCE_DROP, SOURCE_OK },
		    { 1, 15, 1, 20, false, SOURCE_OK, SOURCE_OK }, { 2, 501, 1, 1, false, SOURCE_DROP, SOURCE_OK },
		    { 1, 16, 1, 20, false, SOURCE_OK, SOURCE_OK }, { 2, 777, 1, 1, false, SOURCE_DROP, SOURCE_OK },
		    { 3, 778, 1, 1, false, SOURCE_DROP, SOURCE_OK } }, 1, 16, 0 },
		{ "proven by SRTP it does with its first",
		  { { 1, 10, 5, 20, true, SOURCE_NEW, SOURCE_OK }, { 2, 500, 5, 20, true, SOURCE_NEW, SOURCE_OK } },
		  2, 504, 0 },
		{ "two side by side: no flapping",
		  { { 1, 10, 5, 20, true, SOURCE_NEW, SOURCE_OK }, { 2, 500, 2, 1, true, SOURCE_NEW, SOURCE_OK },
		    { 1, 15, 1, 10, true, SOURCE_DROP, SOURCE_DROP }, { 2, 502, 1, 10, true, SOURCE_OK, SOURCE_OK },
		    { 1, 16, 5, 10, true, SOURCE_DROP, SOURCE_DROP }, { 2, 503, 2, 10, true, SOURCE_OK, SOURCE_OK },
		    { 1, 21, 1, 501, true, SOURCE_NEW, SOURCE_OK } }, 1, 21, 0 },
		{ "after silence, the first",
		  { { 1, 10, 5, 20, false, SOURCE_NEW, SOURCE_OK }, { 2, 500, 1, 600, false, SOURCE_NEW, SOURCE_OK } },
		  2, 500, 0 },
		{ "a restart with its second packet",
		  { { 1, 10, 5, 20, false, SOURCE_NEW, SOURCE_OK }, { 1, 30000, 1, 20, false, SOURCE_DROP, SOURCE_OK },
		    { 1, 30001, 3, 20, false, SOURCE_RESTART, SOURCE_OK } }, 1, 30003, 0 },
		{ "even an authentic one",
		  { { 1, 10, 5, 20, true, SOURCE_NEW, SOURCE_OK }, { 1, 65000, 1, 20, true, SOURCE_DROP, SOURCE_OK },
		    { 1, 15, 2, 20, true, SOURCE_OK, SOURCE_OK } }, 1, 16, 0 },
		{ "a restart after silence at once",
		  { { 1, 10, 5, 20, false, SOURCE_NEW, SOURCE_OK }, { 1, 30000, 2, 1500, false, SOURCE_RESTART, SOURCE_OK } },
		  1, 30001, 0 },
		{ "losses before a change stay counted",
		  { { 1, 10, 1, 20, false, SOURCE_NEW, SOURCE_OK }, { 1, 20, 1, 20, false, SOURCE_OK, SOURCE_OK },
		    { 2, 500, 1, 600, false, SOURCE_NEW, SOURCE_OK }, { 2, 503, 1, 20, false, SOURCE_OK, SOURCE_OK } },
		  2, 503, 11 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct rtp_source s;
		size_t n = 0;

		while (n < COUNT(row[i].step) && row[i].step[n].n)
			n++;
		run_steps(&s, row[i].step, n, row[i].name);
		if (s.ssrc != row[i].ssrc || rtp_source_highest(&s) != row[i].highest ||
		    rtp_source_lost(&s) != row[i].lost)
			fail_msg("%s: ssrc %u highest %u lost %llu", row[i].name, s.ssrc,
				 rtp_source_highest(&s), (unsigned long long)rtp_source_lost(&s));
	}
}

/* RFC 3550 A.8: even transit has none; a transit that goes ±5 ms settles at 10 ms;
 * leaps of the timestamp and a new clock are no jitter. */
static void test_jitter(void **state)
{
	struct rtp_source s;
	struct rtp_packet p = { .ssrc = 9 };
	int64_t now = 5000000;

	(void)state;
	rtp_source_init(&s);
	assert_int_equal(rtp_source_jitter_us(&s), 0);
	for (int i = 0; i < 500; i++, p.seq++, p.timestamp += 160, now += 20000)
		rtp_source_update(&s, &p, 8000, false, now);
	assert_int_equal(rtp_source_jitter_us(&s), 0);
	for (int i = 0; i < 500; i++, p.seq++, p.timestamp += 160, now += 20000)
		rtp_source_update(&s, &p, 8000, false, now + (i % 2 ? 5000 : -5000));
	assert_in_range(rtp_source_jitter_us(&s), 9000, 10500);
	p.timestamp += 1000000000;
	rtp_source_update(&s, &p, 8000, false, now + 5000);
	assert_in_range(rtp_source_jitter_us(&s), 9000, 10500);
	p.seq++;
	rtp_source_update(&s, &p, 48000, false, now);
	assert_int_equal(rtp_source_jitter_us(&s), 0);
	p.seq++;
	rtp_source_update(&s, &p, 0, false, now + 90000); /* says nothing */
	assert_int_equal(rtp_source_jitter_us(&s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_demux), cmocka_unit_test(test_parse),
		cmocka_unit_test(test_extensions), cmocka_unit_test(test_orientation),
		cmocka_unit_test(test_audio_level), cmocka_unit_test(test_write),
		cmocka_unit_test(test_sequence), cmocka_unit_test(test_source),
		cmocka_unit_test(test_jitter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
