/* SPDX-License-Identifier: GPL-3.0-or-later
 * H.264 parameter sets read back, and what is no parameter set; byte streams. */
#include "base/ref.h"
#include "codecs/annexb.h"
#include "codecs/h264_sps.h"
#include "tests/unit/cmocka_head.h"
#include "tests/unit/sps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BASE .profile = 66, .iop = 0xe0, .level = 31, .refs = 1

static const struct {
	struct sps_case c;
	uint32_t w, h;
	uint16_t sar_num, sar_den;
	int want;
} row[] = {
	{ { BASE, .mb_w = 80, .mb_h = 45 }, 1280, 720, 0, 0, 0 },
	{ { BASE, .mb_w = 120, .mb_h = 68, .crop = { 0, 0, 0, 4 } }, 1920, 1080, 0, 0, 0 },
	{ { BASE, .mb_w = 120, .mb_h = 68, .fields = true, .crop = { 0, 0, 0, 2 } }, 1920, 1080,
	  0, 0, 0 },
	{ { BASE, .mb_w = 22, .mb_h = 18, .crop = { 1, 2, 3, 4 } }, 346, 274, 0, 0, 0 },
	{ { BASE, .mb_w = 22, .mb_h = 18, .poc_type = 1, .vui = true, .sar_idc = 2 }, 352, 288,
	  12, 11, 0 },
	{ { BASE, .mb_w = 22, .mb_h = 18, .poc_type = 2, .vui = true, .sar_idc = 255,
	    .sar_num = 500, .sar_den = 3 }, 352, 288, 500, 3, 0 },
	{ { BASE, .mb_w = 22, .mb_h = 18, .vui = true, .sar_idc = 255, .sar_num = 1 }, 352, 288,
	  0, 0, 0 },
	{ { BASE, .mb_w = 22, .mb_h = 18, .vui = true, .sar_idc = 200 }, 352, 288, 0, 0, 0 },
	{ { BASE, .mb_w = 22, .mb_h = 18, .vui = true, .sar_idc = 16 }, 352, 288, 2, 1, 0 },
	{ { BASE, .mb_w = 80, .mb_h = 45, .vui = true, .hrd = true, .full = true, .matrix = 6,
	    .reorder = 2, .buffering = 4 }, 1280, 720, 0, 0, 0 },
	{ { .profile = 100, .level = 40, .refs = 4, .chroma = 1, .mb_w = 80, .mb_h = 45,
	    .scaling = true, .vui = true, .sar_idc = 1, .matrix = 1, .buffering = 4 },
	  1280, 720, 1, 1, 0 },
	{ { .profile = 244, .level = 40, .refs = 4, .chroma = 3, .depth = 2, .mb_w = 4,
	    .mb_h = 4, .scaling = true, .crop = { 1, 0, 1, 0 } }, 63, 63, 0, 0, 0 },
	{ { .profile = 110, .level = 40, .refs = 4, .chroma = 0, .mb_w = 4, .mb_h = 4,
	    .crop = { 1, 0, 0, 3 } }, 63, 61, 0, 0, 0 },
	/* impossible ones */
	{ { BASE, .mb_w = 2, .mb_h = 2, .crop = { 8, 8, 0, 0 } }, 0, 0, 0, 0, -EBADMSG },
	{ { BASE, .mb_w = 2, .mb_h = 2, .crop = { 0, 0, 0, 4294967294u } }, 0, 0, 0, 0, -EBADMSG },
	{ { BASE, .mb_w = 1057, .mb_h = 2 }, 0, 0, 0, 0, -EBADMSG },
	{ { BASE, .mb_w = 2, .mb_h = 4294967295u }, 0, 0, 0, 0, -EBADMSG },
	{ { .profile = 66, .level = 10, .refs = 17, .mb_w = 2, .mb_h = 2 }, 0, 0, 0, 0, -EBADMSG },
	{ { BASE, .mb_w = 2, .mb_h = 2, .poc_type = 3 }, 0, 0, 0, 0, -EBADMSG },
	{ { .profile = 100, .level = 10, .chroma = 4, .mb_w = 2, .mb_h = 2 }, 0, 0, 0, 0,
	  -EBADMSG },
	{ { .profile = 100, .level = 10, .chroma = 1, .depth = 7, .mb_w = 2, .mb_h = 2 }, 0, 0, 0,
	  0, -EBADMSG },
	{ { BASE, .mb_w = 0, .mb_h = 2 }, 0, 0, 0, 0, -EBADMSG },
};

static void check(const struct sps_case *c, const struct h264_sps *s)
{
	assert_int_equal(s->profile_idc, c->profile);
	assert_int_equal(s->profile_iop, c->iop);
	assert_int_equal(s->level_idc, c->level);
	assert_int_equal(s->id, 3);
	assert_int_equal(s->log2_max_frame_num, 9);
	assert_int_equal(s->poc_type, c->poc_type);
	assert_int_equal(s->num_ref_frames, c->refs);
	assert_int_equal(s->frame_mbs_only, !c->fields);
	assert_int_equal(s->chroma_format_idc, c->profile >= 100 ? c->chroma : 1);
	assert_int_equal(s->bit_depth_luma, 8 + c->depth);
	assert_int_equal(s->vui, c->vui);
	assert_int_equal(s->full_range, c->full);
	assert_int_equal(s->matrix, c->matrix ? c->matrix : 2);
	assert_int_equal(s->restriction, c->vui);
	if (c->vui) {
		assert_true(s->timing && s->fixed_rate);
		assert_int_equal(s->num_units_in_tick, 1);
		assert_int_equal(s->time_scale, 60);
		assert_int_equal(s->max_reorder, c->reorder);
		assert_int_equal(s->max_dec_buffering, c->buffering);
	}
}

static void test_sps(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		uint8_t nal[1024];
		size_t len = make_sps(&row[i].c, nal);
		struct h264_sps s = { .width = 12345 };
		int r = h264_sps_parse(&s, nal, len);

		if (r != row[i].want)
			fprintf(stderr, "row %zu: %d\n", i, r);
		assert_int_equal(r, row[i].want);
		if (r < 0) {
			assert_int_equal(s.width, 12345); /* untouched */
			continue;
		}
		assert_int_equal(s.width, row[i].w);
		assert_int_equal(s.height, row[i].h);
		assert_int_equal(s.sar_num, row[i].sar_num);
		assert_int_equal(s.sar_den, row[i].sar_den);
		check(&row[i].c, &s);
		/* every shorter one is refused: its last bit before the stop bit is missing */
		for (size_t cut = 0; cut + 1 < len; cut++) {
			r = h264_sps_parse(&s, nal, cut);
			assert_int_equal(r, r == 0 && row[i].c.vui ? 0 : -EBADMSG);
			if (r == 0) /* and what was there of the VUI is not believed */
				assert_true(s.vui_broken && s.sar_num == 0 && !s.timing);
		}
		nal[0] = 0x68;
		assert_int_equal(h264_sps_parse(&s, nal, len), -EBADMSG);
	}
}

/* Impossible usability information: the rest stands. */
static void test_broken_vui(void **state)
{
	static const struct sps_case c = { BASE, .mb_w = 80, .mb_h = 45, .vui = true,
					   .sar_idc = 2, .matrix = 1, .reorder = 17 };
	uint8_t nal[1024];
	struct h264_sps s;

	(void)state;
	assert_int_equal(h264_sps_parse(&s, nal, make_sps(&c, nal)), 0);
	assert_true(s.vui && s.vui_broken && !s.restriction && !s.colour_given);
	assert_int_equal(s.sar_num, 0);
	assert_int_equal(s.width, 1280);
}

static void test_slice_and_sei(void **state)
{
	static const uint8_t first[] = { 0x65, 0x88 }, mb5[] = { 0x41, 0x32 }, cut[] = { 0x41, 0 };
	/* two messages before the recovery point, sizes and types beyond 255 */
	uint8_t sei[700] = { 0x06, 5, 2, 1, 1, 0xff, 0x10, 0xff, 0x01 };
	uint32_t mb;

	(void)state;
	assert_int_equal(h264_first_mb(&mb, first, 2), 0);
	assert_int_equal(mb, 0);
	assert_int_equal(h264_first_mb(&mb, mb5, 2), 0);
	assert_int_equal(mb, 5);
	assert_int_equal(h264_first_mb(&mb, cut, 2), -EBADMSG);
	assert_int_equal(h264_first_mb(&mb, first, 1), -EBADMSG);
	for (size_t i = 9; i < 9 + 256; i++)
		sei[i] = 0x55;
	assert_false(h264_sei_recovery(sei, 9 + 256));
	sei[265] = 6;
	sei[266] = 1;
	assert_true(h264_sei_recovery(sei, 268));
	assert_false(h264_sei_recovery(sei, 264));
	assert_false(h264_sei_recovery(first, 2));
}

static void test_annexb(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int want;
		uint32_t units, skip;
		size_t first_len;
	} r[] = {
		{ "\0\0\1\x41\x88", 5, 0, 1, 0, 2 },
		{ "\0\0\0\1\x41\x88\0\0\1\x41", 10, 0, 2, 0, 2 },
		{ "\0\0\1\x41\x88\0\0\0\0\0\1\x65\x01", 13, 0, 2, 0, 2 }, /* trailing zeros */
		{ "xyz\0\0\1\x41\x88\0", 9, 0, 1, 0, 2 },
		{ "\0\0\1\0\0\1\x41\x88", 8, 0, 1, 0, 2 }, /* an empty one */
		{ "\0\0\1\x06\x01\0\0\1\x41\x88", 10, 0, 1, 1u << 6, 2 },
		{ "\0\0\1\x41\0\1\1\0\0\1", 10, 0, 1, 0, 4 },
		{ "\0\0\1\1\1\0\0\1\1", 9, 0, 2, 0, 2 },
		{ "\0\0\1", 3, -EBADMSG, 0, 0, 0 },
		{ "\0\0\2\x41", 4, -EBADMSG, 0, 0, 0 },
		{ "", 0, -EBADMSG, 0, 0, 0 },
		{ "\1\1\1\1", 4, -EBADMSG, 0, 0, 0 },
		{ "\0\0\1\x06", 4, -EBADMSG, 0, 1u << 6, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(r) / sizeof(*r); i++) {
		struct coded *f = NULL;

		assert_int_equal(annexb_coded(&f, (const uint8_t *)r[i].bytes, r[i].len, r[i].skip),
				 r[i].want);
		if (r[i].want < 0) {
			assert_null(f);
			continue;
		}
		assert_int_equal(f->n_units, r[i].units);
		assert_int_equal(f->unit[0].len, r[i].first_len);
		assert_memory_equal(f->data, "\0\0\0\1", 4);
		assert_int_equal(f->len, f->unit[f->n_units - 1].offset +
						 f->unit[f->n_units - 1].len);
		ref_drop(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sps),
		cmocka_unit_test(test_broken_vui),
		cmocka_unit_test(test_slice_and_sei),
		cmocka_unit_test(test_annexb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
