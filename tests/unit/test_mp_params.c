/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who shares an encoder with whom: what devices declare, fitted and compared. */
#include "mcu/mp/encoder.h"

#include "tests/unit/cmocka_head.h"

#include <errno.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct video_params h264(uint8_t profile, uint8_t iop, uint8_t level, uint8_t mode,
				uint32_t bitrate)
{
	return (struct video_params){
		.format = { .id = CODEC_H264, .clock_rate = 90000,
			    .h264 = { .profile_idc = profile, .profile_iop = iop,
				      .level_idc = level, .packetization_mode = mode } },
		.width = 1280, .height = 720, .fps = 30, .bitrate = bitrate,
	};
}

static struct video_params vp8(uint32_t max_fs, uint32_t bitrate)
{
	return (struct video_params){
		.format = { .id = CODEC_VP8, .clock_rate = 90000, .vp8 = { 0, max_fs } },
		.width = 1280, .height = 720, .fps = 30, .bitrate = bitrate,
	};
}

static bool shared(const struct video_params *a, const struct video_params *b)
{
	struct video_params x, y;

	assert_int_equal(encoder_fit(&x, a, 1280, 720, 30), 0);
	assert_int_equal(encoder_fit(&y, b, 1280, 720, 30), 0);
	return encoder_params_equal(&x, &y, true);
}

static void test_h264(void **state)
{
	struct video_params a = h264(66, 0xe0, 31, 1, 1500000);
	const struct video_params same[] = {
		h264(66, 0xe0, 31, 0, 1500000), /* mode: slices fit a packet anyway */
		h264(66, 0x80, 31, 1, 1500000), /* baseline gets constrained baseline */
		h264(66, 0xc0, 40, 1, 1500000), /* more than is needed */
		h264(66, 0xe0, 52, 0, 1450000), /* the same class of rates */
	};
	const struct video_params other[] = {
		h264(66, 0xe0, 31, 1, 1000000), /* rate */
		h264(66, 0xe0, 30, 1, 1500000), /* 720p does not fit */
		h264(100, 0, 31, 1, 1500000),   /* profile */
		vp8(0, 1500000),
	};
	struct video_params raised = h264(66, 0x80, 31, 0, 1500000);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		assert_true(shared(&a, &same[i]));
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		assert_false(shared(&a, &other[i]));
	raised.format.h264.max_fs = 8160;
	raised.format.h264.max_mbps = 490000;
	assert_true(shared(&a, &raised)); /* raised, but not by need */
	/* level 2.2 raised is needed: it may not get a stream of level 3.1 */
	raised.format.h264.level_idc = 22;
	assert_false(shared(&a, &raised));
}

static void test_vp8(void **state)
{
	struct video_params a = vp8(0, 1500000), b = vp8(3600, 1500000), c = vp8(1200, 1500000);

	(void)state;
	assert_true(shared(&a, &b));
	assert_false(shared(&a, &c)); /* 720p has 3600 macroblocks */
}

static void test_fit(void **state)
{
	struct video_params a = h264(66, 0xe0, 40, 1, 1500000), p;

	(void)state;
	a.width = 1920;
	a.height = 1080;
	a.fps = 60;
	assert_int_equal(encoder_fit(&p, &a, 1280, 720, 30), 0);
	assert_int_equal(p.width, 1280);
	assert_int_equal(p.height, 720);
	assert_int_equal(p.fps, 30);
	assert_int_equal(p.sar_num, 1);
	assert_int_equal(p.slice_bytes, 1200);
	assert_in_range(p.bitrate, 1500000 * 7 / 8, 1500000);
	/* level 1b keeps its mark, and is never taken for level 1.1 */
	a = h264(66, 0xf0, 11, 0, 128000);
	assert_int_equal(encoder_fit(&p, &a, 1280, 720, 30), 0);
	assert_int_equal(p.format.h264.level_idc, 11);
	assert_int_equal(p.format.h264.profile_iop & 0x10, 0x10);
	assert_true(p.width <= 176 && p.height <= 144);
}

static void test_rate_classes(void **state)
{
	struct video_params a = h264(66, 0xe0, 31, 1, 1), p;
	uint32_t before = 0, classes = 0;

	(void)state;
	for (uint32_t rate = 64000; rate < 4000000; rate += 1000) {
		a.bitrate = rate;
		assert_int_equal(encoder_fit(&p, &a, 1280, 720, 30), 0);
		assert_true(p.bitrate <= rate && p.bitrate >= rate / 9 * 8);
		assert_true(p.bitrate >= before);
		classes += p.bitrate != before;
		before = p.bitrate;
	}
	assert_in_range(classes, 40, 50); /* six octaves of eight */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_h264),
		cmocka_unit_test(test_vp8),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_rate_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
