/* SPDX-License-Identifier: GPL-3.0-or-later
 * Levels and limits: every level of Table A-1 and every parameter. */
#include "codecs/h264_level.h"
#include "codecs/video.h"
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdio.h>

struct row {
	const char *what;
	struct codec_format format;
	uint16_t w, h;
	uint32_t fps, bitrate;       /* asked */
	uint16_t want_w, want_h;
	uint32_t want_fps, want_bitrate;
	int want;
};

#define H264(...) { .id = CODEC_H264, .h264 = { __VA_ARGS__ } }
#define VP8(...) { .id = CODEC_VP8, .vp8 = { __VA_ARGS__ } }
#define H263(...) { .id = CODEC_H263, .h263 = { __VA_ARGS__ } }
#define LEVEL(l) H264(.profile_idc = 66, .profile_iop = 0xe0, .level_idc = (l))
#define HD 1920, 1080, 30, 4000000

static const struct row rows[] = {
	/* each level: the largest 16:9 picture that keeps 20 of 30 frames */
	{ "no parameters", H264(.profile_idc = 0), HD, 176, 144, 15, 64000, 0 },
	{ "1", LEVEL(10), HD, 176, 144, 15, 64000, 0 },
	{ "1b by set3", H264(.profile_idc = 66, .profile_iop = 0xf0, .level_idc = 11), HD,
	  176, 144, 15, 128000, 0 },
	{ "1b by idc 9", H264(.profile_idc = 100, .level_idc = 9), HD, 176, 144, 15, 128000, 0 },
	{ "1.1 high, set3 means intra", H264(.profile_idc = 100, .profile_iop = 0x10,
	  .level_idc = 11), HD, 256, 144, 20, 192000, 0 },
	{ "1.1", LEVEL(11), HD, 256, 144, 20, 192000, 0 },
	{ "1.2", LEVEL(12), HD, 352, 198, 20, 384000, 0 },
	{ "1.3", LEVEL(13), HD, 416, 234, 30, 768000, 0 },
	{ "2", LEVEL(20), HD, 416, 234, 30, 2000000, 0 },
	{ "2.1", LEVEL(21), HD, 576, 324, 26, 4000000, 0 },
	{ "2.2", LEVEL(22), HD, 672, 378, 20, 4000000, 0 },
	{ "3", LEVEL(30), HD, 832, 468, 25, 4000000, 0 },
	{ "3.1", LEVEL(31), HD, 1280, 720, 30, 4000000, 0 },
	{ "3.2", LEVEL(32), HD, 1504, 846, 30, 4000000, 0 },
	{ "4", LEVEL(40), HD, 1920, 1080, 30, 4000000, 0 },
	{ "4.1", LEVEL(41), HD, 1920, 1080, 30, 4000000, 0 },
	{ "4.2 at 60", LEVEL(42), 1920, 1080, 60, 80000000, 1920, 1080, 60, 50000000, 0 },
	{ "5", LEVEL(50), 3840, 2160, 30, 4000000, 3136, 1764, 27, 4000000, 0 },
	{ "5.1", LEVEL(51), 3840, 2160, 30, 4000000, 3840, 2160, 30, 4000000, 0 },
	{ "5.2", LEVEL(52), 3840, 2160, 60, 4000000, 3840, 2160, 60, 4000000, 0 },
	{ "6 counts as 5.2", LEVEL(60), 4096, 2304, 30, 300000000, 4096, 2304, 30, 240000000, 0 },
	{ "an unknown level is the lower one", LEVEL(15), HD, 416, 234, 30, 768000, 0 },
	{ "below all", LEVEL(1), HD, 176, 144, 15, 64000, 0 },
	/* what raises a level */
	{ "2.2 as Cisco rooms offer it", H264(.profile_idc = 66, .profile_iop = 0x80,
	  .level_idc = 22, .max_mbps = 490000, .max_fs = 8160), HD, 1920, 1080, 30, 4000000, 0 },
	{ "max-fs alone keeps the pace", H264(.profile_idc = 66, .level_idc = 22,
	  .max_fs = 3600), HD, 672, 378, 20, 4000000, 0 },
	{ "max-mbps alone", H264(.profile_idc = 66, .level_idc = 13, .max_mbps = 23760),
	  640, 480, 60, 4000000, 352, 264, 60, 768000, 0 },
	{ "max-fs of 720p, max-mbps of 720p30", H264(.profile_idc = 66, .level_idc = 12,
	  .max_fs = 3600, .max_mbps = 108000), HD, 1280, 720, 30, 384000, 0 },
	{ "max-br", H264(.profile_idc = 66, .level_idc = 13, .max_br = 1500), HD,
	  416, 234, 30, 1500000, 0 },
	{ "max-br below the level does not lower it", H264(.profile_idc = 66, .level_idc = 31,
	  .max_br = 100), HD, 1280, 720, 30, 4000000, 0 },
	{ "max-fs below the level does not lower it", H264(.profile_idc = 66, .level_idc = 31,
	  .max_fs = 100, .max_mbps = 100), HD, 1280, 720, 30, 4000000, 0 },
	{ "max-br beyond 32 bits", H264(.profile_idc = 66, .level_idc = 31,
	  .max_br = 4294967295u), HD, 1280, 720, 30, 4000000, 0 },
	{ "max-dpb and max-cpb change neither", H264(.profile_idc = 66, .level_idc = 13,
	  .max_dpb = 40000, .max_cpb = 9000), HD, 416, 234, 30, 768000, 0 },
	/* within what is asked */
	{ "smaller than allowed", LEVEL(31), 640, 360, 15, 500000, 640, 360, 15, 500000, 0 },
	{ "4:3", LEVEL(13), 640, 480, 30, 500000, 352, 264, 30, 500000, 0 },
	{ "CIF stays CIF", LEVEL(13), 352, 288, 30, 500000, 352, 288, 30, 500000, 0 },
	{ "upright", LEVEL(31), 720, 1280, 30, 500000, 720, 1280, 30, 500000, 0 },
	{ "a strip: sides are bounded", LEVEL(10), 800, 100, 15, 64000, 384, 48, 15, 64000,
	  0 },
	/* VP8 */
	{ "VP8 without limits", VP8(0), 1280, 720, 30, 1500000, 1280, 720, 30, 1500000, 0 },
	{ "VP8 max-fs", VP8(.max_fs = 1200), 1280, 720, 30, 1500000, 736, 414, 30, 1500000, 0 },
	{ "VP8 max-fr", VP8(.max_fr = 15), 1280, 720, 30, 1500000, 1280, 720, 15, 1500000, 0 },
	{ "VP8 both", VP8(.max_fr = 12, .max_fs = 396), 1280, 720, 30, 1500000,
	  416, 234, 12, 1500000, 0 },
	{ "VP8 too small", VP8(.max_fs = 98), 1280, 720, 30, 1500000, 0, 0, 0, 0, -ENOTSUP },
	/* H.263 */
	{ "H.263 CIF", H263(.cif = 1, .qcif = 1), HD, 352, 288, 30, 640000, 0 },
	{ "H.263 CIF=2", H263(.cif = 2, .qcif = 1), HD, 352, 288, 15, 640000, 0 },
	{ "H.263 4CIF=3", H263(.cif4 = 3, .cif = 1), HD, 704, 576, 10, 1500000, 0 },
	{ "H.263 maxbr", H263(.cif = 1, .maxbr = 3840), HD, 352, 288, 30, 384000, 0 },
	{ "H.263 without parameters", H263(.cif = 0), HD, 176, 144, 15, 192000, 0 },
	{ "H.263 none in the box", H263(.cif = 1), 320, 180, 30, 64000, 0, 0, 0, 0, -ENOTSUP },
	{ "not video", { .id = CODEC_OPUS }, HD, 0, 0, 0, 0, -ENOTSUP },
	{ "odd", LEVEL(31), 641, 360, 30, 64000, 0, 0, 0, 0, -EINVAL },
	{ "no rate", LEVEL(31), 640, 360, 0, 64000, 0, 0, 0, 0, -EINVAL },
};

static int check(const struct row *r)
{
	uint16_t w = r->w, h = r->h;
	uint32_t fps = r->fps, bitrate = r->bitrate;
	int got = video_fit(&r->format, &w, &h, &fps, &bitrate);
	bool same = got == r->want;

	if (same && got == 0)
		same = w == r->want_w && h == r->want_h && fps == r->want_fps &&
		       bitrate == r->want_bitrate;
	else if (same) /* untouched on failure */
		same = w == r->w && h == r->h && fps == r->fps && bitrate == r->bitrate;
	if (!same)
		fprintf(stderr, "%s: got %d %ux%u@%u %u\n", r->what, got, w, h, fps, bitrate);
	return same ? 0 : 1;
}

static void test_rows(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		failed += check(&rows[i]);
	assert_int_equal(failed, 0);
}

/* Whatever is asked, the answer is inside the limits, even, and not larger. */
static void test_always_inside(void **state)
{
	static const uint8_t levels[] = { 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 42, 51 };

	(void)state;
	for (size_t i = 0; i < sizeof(levels); i++)
		for (uint16_t w0 = 64; w0 <= 2048; w0 = (uint16_t)(w0 + 62))
			for (uint16_t h0 = 64; h0 <= 1200; h0 = (uint16_t)(h0 + 58)) {
				struct codec_format f = LEVEL(levels[i]);
				struct h264_level l = h264_limits(&f.h264);
				uint16_t w = w0, h = h0;
				uint32_t fps = 30, rate = 1000000, mw, mh;

				if (video_fit(&f, &w, &h, &fps, &rate) < 0)
					continue;
				mw = (w + 15u) / 16;
				mh = (h + 15u) / 16;
				assert_true(w <= w0 && h <= h0 && w >= 16 && h >= 16);
				assert_true((w | h) % 2 == 0);
				assert_true(h264_size_fits(l.max_fs, mw, mh));
				assert_true(mw * mh * fps <= l.max_mbps);
				assert_true(rate <= l.max_br * 1000);
			}
}

/* The level to signal: the lowest that holds the stream. */
static void test_level_for(void **state)
{
	static const struct {
		uint32_t w, h, fps, rate, idc;
	} r[] = {
		{ 176, 144, 15, 64000, 10 },     { 176, 144, 15, 100000, 9 },
		{ 176, 144, 30, 64000, 11 },     { 352, 288, 15, 384000, 12 },
		{ 352, 288, 30, 384000, 13 },    { 352, 288, 30, 1000000, 20 },
		{ 640, 360, 30, 1000000, 30 },   { 1280, 720, 30, 1500000, 31 },
		{ 1280, 720, 60, 1500000, 32 },  { 1920, 1080, 30, 4000000, 40 },
		{ 1920, 1080, 30, 25000000, 41 }, { 1920, 1080, 60, 4000000, 42 },
		{ 3840, 2160, 30, 4000000, 51 }, { 4096, 4096, 60, 4000000, 52 },
		{ 2048, 64, 5, 64000, 31 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(r) / sizeof(*r); i++) {
		const struct h264_level *l = h264_level_for((r[i].w + 15) / 16,
							    (r[i].h + 15) / 16, r[i].fps,
							    r[i].rate, r[i].rate / 3);

		if (l->idc != r[i].idc)
			fprintf(stderr, "%ux%u@%u %u: %u\n", r[i].w, r[i].h, r[i].fps, r[i].rate,
				l->idc);
		assert_int_equal(l->idc, r[i].idc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_always_inside),
		cmocka_unit_test(test_level_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
