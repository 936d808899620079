/* SPDX-License-Identifier: GPL-3.0-or-later
 * Codec names, coded frames and telephone events. */
#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "codecs/coded.h"
#include "codecs/payload.h"

#include <errno.h>
#include <string.h>

static void test_names(void **state)
{
	(void)state;
	for (int i = CODEC_NONE + 1; i < CODEC_COUNT; i++)
		assert_int_equal(codec_by_name(codec_name((enum codec_id)i)), i);
	assert_int_equal(codec_by_name("OPUS"), CODEC_OPUS);
	assert_int_equal(codec_by_name("h263-1998"), CODEC_H263_1998);
	assert_int_equal(codec_by_name("PCM"), CODEC_NONE);
	assert_int_equal(codec_by_name("none"), CODEC_NONE);
	assert_int_equal(codec_by_name(""), CODEC_NONE);
	assert_int_equal(codec_by_name(NULL), CODEC_NONE);
	assert_int_equal(codec_kind(CODEC_CN), MEDIA_AUDIO);
	assert_int_equal(codec_kind(CODEC_VP8), MEDIA_VIDEO);
	assert_int_equal(codec_kind((enum codec_id)99), MEDIA_OTHER);
	assert_int_equal(codec_clock_rate(CODEC_G722), 8000);
	assert_int_equal(codec_clock_rate(CODEC_L16), 0);
	assert_int_equal(codec_static_pt(CODEC_PCMU), 0);
	assert_int_equal(codec_static_pt(CODEC_G729), 18);
	assert_int_equal(codec_static_pt(CODEC_OPUS), -1);
}

static void test_coded(void **state)
{
	struct coded *f = coded_new(1000, 3);
	long live = ref_live();

	(void)state;
	assert_non_null(f);
	memset(f->data, 1, 1000);
	for (int i = 0; i < 64; i++)
		assert_int_equal(f->data[1000 + i], 0);
	f->unit[2] = (struct coded_unit){ 7, 9 };
	assert_int_equal(f->data[0], 1);
	ref_drop(f);
	assert_int_equal(ref_live(), live - 1);
	assert_null(coded_new((8 << 20) + 1, 1));
	assert_null(coded_new(SIZE_MAX, 1));
	assert_null(coded_new(1, UINT32_MAX));
}

static void test_dtmf(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t len;
		int rc;
		struct dtmf_event event;
	} row[] = {
		{ { 5, 0x8a, 0x03, 0x20 }, 4, 0, { 5, true, 10, 800 } },
		{ { 11, 0x0a, 0x00, 0xa0 }, 4, 0, { 11, false, 10, 160 } },
		{ { 11, 0x7f, 0xff, 0xff }, 4, 0, { 11, false, 63, 65535 } },
		{ { 1, 2, 3, 4, 5 }, 5, 0, { 1, false, 2, 0x304 } },
		{ { 1, 2, 3 }, 3, -EBADMSG, { 0 } },
		{ { 0 }, 0, -EBADMSG, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct dtmf_event e = { .event = 77 };
		uint8_t out[4];

		assert_int_equal(dtmf_event_parse(&e, row[i].bytes, row[i].len), row[i].rc);
		if (row[i].rc) {
			assert_int_equal(e.event, 77);
			continue;
		}
		assert_int_equal(e.event, row[i].event.event);
		assert_int_equal(e.end, row[i].event.end);
		assert_int_equal(e.volume, row[i].event.volume);
		assert_int_equal(e.duration, row[i].event.duration);
		assert_int_equal(dtmf_event_write(&e, out), 4);
		/* The reserved bit is written as zero. */
		assert_int_equal(out[0], row[i].bytes[0]);
		assert_int_equal(out[1], row[i].bytes[1] & 0xbf);
		assert_memory_equal(out + 2, row[i].bytes + 2, 2);
	}
	assert_int_equal(dtmf_event_parse(&(struct dtmf_event){ 0 }, NULL, 0), -EBADMSG);
}

static void test_keys(void **state)
{
	(void)state;
	for (int i = 0; i < 16; i++)
		assert_int_equal(dtmf_char_event(dtmf_event_char((uint8_t)i)), i);
	assert_int_equal(dtmf_event_char(16), 0); /* flash */
	assert_int_equal(dtmf_event_char(255), 0);
	assert_int_equal(dtmf_char_event('*'), 10);
	assert_int_equal(dtmf_char_event('d'), 15);
	assert_int_equal(dtmf_char_event('x'), -1);
	assert_int_equal(dtmf_char_event(0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_coded),
		cmocka_unit_test(test_dtmf),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
