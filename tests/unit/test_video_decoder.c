/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the video decoders promise: sizes, where they begin, and that nothing broken
 * is shown. */
#include "codecs/annexb.h"
#include "tests/unit/sps.h"
#include "tests/unit/video_chain.h"

#include <string.h>

/* 1920×1080 is coded as 1920×1088 and comes out as it went in; the size may
 * change in mid-stream, at a key frame. */
static void test_sizes(void **state)
{
	static const struct { int w, h; } size[] = {
		{ 1920, 1080 }, { 320, 180 }, { 176, 144 }, { 640, 480 }, { 322, 182 },
	};

	(void)state;
	for (int codec = CODEC_H264; codec <= CODEC_VP8; codec++) {
		struct video_decoder *dec;

		assert_int_equal(video_decoder_new(&dec, (enum codec_id)codec), 0);
		for (size_t i = 0; i < sizeof(size) / sizeof(*size); i++) {
			struct video_params p = params_of((enum codec_id)codec, size[i].w,
							  size[i].h, 2000000);
			struct video_encoder *enc;

			p.sar_num = 12;
			p.sar_den = 11;
			assert_int_equal(video_encoder_new(&enc, &p), 0);
			for (int n = 0; n < 2; n++) {
				struct picture *in = clip_picture(size[i].w, size[i].h, n);
				struct coded *f = encode(enc, in, false);
				struct picture *out = NULL;

				assert_int_equal(video_decode(dec, f, &out), 0);
				assert_non_null(out);
				assert_int_equal(out->width, size[i].w);
				assert_int_equal(out->height, size[i].h);
				assert_int_equal(out->sar_num, codec == CODEC_H264 ? 12 : 1);
				assert_int_equal(out->sar_den, codec == CODEC_H264 ? 11 : 1);
				ref_drop(out);
				ref_drop(f);
				ref_drop(in);
			}
			video_encoder_free(enc);
		}
		video_decoder_free(dec);
	}
}

/* A picture outlives its decoder, and so does what was scaled from it. */
static void test_picture_outlives(void **state)
{
	struct video_params p = params_of(CODEC_H264, 320, 180, 500000);
	struct picture *in = clip_picture(320, 180, 0), *out, *small;
	struct chain c;
	long live = ref_live();

	(void)state;
	chain_init(&c, &p);
	assert_int_equal(chain_run(&c, in, true, NULL, &out), 0);
	chain_fini(&c);
	small = picture_scaled(out, 0, 0, 320, 180, 160, 90);
	assert_true(clip_ssim(in, out) > 0.9);
	ref_drop(out);
	assert_non_null(small);
	ref_drop(small);
	assert_int_equal(ref_live(), live);
	ref_drop(in);
}

/* Decoding begins at a key frame; parameter sets may come in a frame before. */
static void test_begin(void **state)
{
	struct video_params p = params_of(CODEC_H264, 320, 180, 500000);
	struct picture *in = clip_picture(320, 180, 0), *out = NULL;
	struct video_encoder *enc;
	struct video_decoder *dec;
	struct coded *key, *delta, *params, *rest;

	(void)state;
	assert_int_equal(video_encoder_new(&enc, &p), 0);
	assert_int_equal(video_decoder_new(&dec, CODEC_H264), 0);
	key = encode(enc, in, true);
	delta = encode(enc, in, false);
	assert_int_equal(video_decode(dec, delta, &out), -EBADMSG);
	assert_int_equal(annexb_coded(&params, key->data, key->len, 1u << NAL_IDR), 0);
	assert_int_equal(annexb_coded(&rest, key->data, key->len,
				      1u << NAL_SPS | 1u << NAL_PPS), 0);
	/* without parameter sets nothing can be made of it */
	assert_int_equal(video_decode(dec, rest, &out), -EBADMSG);
	assert_null(out);
	assert_int_equal(video_decode(dec, params, &out), 0);
	assert_null(out);
	assert_int_equal(video_decode(dec, rest, &out), 0);
	assert_non_null(out);
	out = ref_drop(out);
	assert_int_equal(video_decode(dec, delta, &out), 0);
	assert_non_null(out);
	ref_drop(out);
	out = NULL;
	/* parameter sets are kept even out of a frame that cannot be used */
	video_decoder_free(dec);
	assert_int_equal(video_decoder_new(&dec, CODEC_H264), 0);
	key->corrupt = true;
	assert_int_equal(video_decode(dec, key, &out), -EBADMSG);
	assert_int_equal(video_decode(dec, rest, &out), 0);
	assert_non_null(out);
	ref_drop(out);
	ref_drop(key);
	ref_drop(delta);
	ref_drop(params);
	ref_drop(rest);
	ref_drop(in);
	video_encoder_free(enc);
	video_decoder_free(dec);
}

/* A frame without its last slices, and nobody said so: still not shown. */
static void test_missing_slices(void **state)
{
	struct video_params p = params_of(CODEC_H264, 640, 360, 4000000);
	struct video_encoder *enc;
	struct video_decoder *dec;
	struct picture *out = NULL;

	(void)state;
	assert_int_equal(video_encoder_new(&enc, &p), 0);
	assert_int_equal(video_decoder_new(&dec, CODEC_H264), 0);
	for (int n = 0; n < 12; n++) {
		struct picture *in = noise_picture(640, 360, n);
		struct coded *f = encode(enc, in, n == 6);
		bool cut = n == 3 || n == 7;

		assert_true(f->n_units > 4);
		if (cut) {
			f->n_units -= n == 3 ? 1 : 3;
			f->len = f->unit[f->n_units - 1].offset + f->unit[f->n_units - 1].len;
		}
		if ((n >= 3 && n < 6) || n >= 7) { /* from the damage to the next key */
			assert_int_equal(video_decode(dec, f, &out), -EBADMSG);
			assert_null(out);
		} else {
			assert_int_equal(video_decode(dec, f, &out), 0);
			assert_non_null(out);
			out = ref_drop(out);
		}
		ref_drop(f);
		ref_drop(in);
	}
	video_encoder_free(enc);
	video_decoder_free(dec);
}

/* Flipped bits and cut frames: refused or decoded, never a crash, never a size
 * that was not announced; and a key frame heals it all. */
static void hostile(enum codec_id codec, int w, int h)
{
	struct video_params p = params_of(codec, w, h, 800000);
	struct video_encoder *enc;
	struct video_decoder *dec;
	uint32_t x = 99;

	assert_int_equal(video_encoder_new(&enc, &p), 0);
	assert_int_equal(video_decoder_new(&dec, codec), 0);
	for (int n = 0; n < 200; n++) {
		struct picture *in = clip_picture(w, h, n), *out = NULL;
		struct coded *f = encode(enc, in, n % 10 == 0);

		if (!f) {
			ref_drop(in);
			continue;
		}
		if (n % 10 != 0) {
			for (int k = 0; k < 1 + n % 5; k++) {
				x = x * 1664525 + 1013904223;
				f->data[x % f->len] ^= (uint8_t)(1u << (x >> 29));
			}
			if (n % 3 == 0 && codec == CODEC_VP8)
				f->unit[0].len = (uint32_t)(f->len = 1 + x % f->len);
			video_decode(dec, f, &out);
		} else {
			assert_int_equal(video_decode(dec, f, &out), 0);
			assert_non_null(out);
			assert_int_equal(out->width, w);
		}
		ref_drop(out);
		ref_drop(f);
		ref_drop(in);
	}
	video_encoder_free(enc);
	video_decoder_free(dec);
}

static void test_hostile(void **state)
{
	(void)state;
	hostile(CODEC_H264, 320, 180);
	hostile(CODEC_VP8, 320, 180);
	hostile(CODEC_H263, 352, 288);
	hostile(CODEC_H263_1998, 176, 144);
	hostile(CODEC_H261, 352, 288);
}

/* A stream that would need more memory than the largest level is refused. */
static void test_bombs(void **state)
{
	/* 16383×16383; then 4096×2304 with as many reference pictures as level 5.2
	 * has, one more, sizes beyond it, more than 8 bits, 4:2:2 */
	static const uint8_t vp8[] = { 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff,
				       0x3f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const struct { struct sps_case c; int want; } sps[] = {
		{ { .profile = 66, .level = 52, .refs = 5, .mb_w = 256, .mb_h = 144 }, 0 },
		{ { .profile = 66, .level = 52, .refs = 6, .mb_w = 256, .mb_h = 144 }, -EBADMSG },
		{ { .profile = 66, .level = 52, .refs = 1, .mb_w = 256, .mb_h = 146 }, -EBADMSG },
		{ { .profile = 66, .level = 52, .refs = 1, .mb_w = 257, .mb_h = 10 }, -EBADMSG },
		{ { .profile = 110, .level = 31, .refs = 1, .chroma = 1, .depth = 2, .mb_w = 80,
		    .mb_h = 45 }, -EBADMSG },
		{ { .profile = 122, .level = 31, .refs = 1, .chroma = 2, .mb_w = 80, .mb_h = 45 },
		  -EBADMSG },
	};
	uint8_t nal[1024 + 4] = { 0, 0, 0, 1 };
	struct video_decoder *dec;
	struct picture *out = NULL;
	struct coded *f = coded_new(sizeof(vp8), 1);

	(void)state;
	f->codec = CODEC_VP8;
	f->len = sizeof(vp8);
	f->n_units = 1;
	f->unit[0].len = sizeof(vp8);
	memcpy(f->data, vp8, sizeof(vp8));
	assert_int_equal(video_decoder_new(&dec, CODEC_VP8), 0);
	assert_int_equal(video_decode(dec, f, &out), -EBADMSG);
	video_decoder_free(dec);
	ref_drop(f);
	for (size_t i = 0; i < sizeof(sps) / sizeof(*sps); i++) {
		size_t len = make_sps(&sps[i].c, nal + 4);

		assert_int_equal(annexb_coded(&f, nal, len + 4, 0), 0);
		assert_int_equal(video_decoder_new(&dec, CODEC_H264), 0);
		assert_int_equal(video_decode(dec, f, &out), sps[i].want);
		video_decoder_free(dec);
		ref_drop(f);
	}
	assert_null(out);
}

static void test_empty(void **state)
{
	struct video_decoder *dec;
	struct coded *f = coded_new(8, 1);
	struct picture *out = NULL;

	(void)state;
	for (int codec = CODEC_H264; codec <= CODEC_VP8; codec++) {
		assert_int_equal(video_decoder_new(&dec, (enum codec_id)codec), 0);
		f->codec = (enum codec_id)codec;
		f->len = 0;
		f->n_units = 0;
		assert_int_equal(video_decode(dec, f, &out), -EBADMSG);
		f->n_units = 1; /* of no length */
		f->len = 4;
		assert_int_equal(video_decode(dec, f, &out), codec == CODEC_VP8 ? -EBADMSG : 0);
		assert_null(out);
		f->codec = CODEC_OPUS;
		assert_int_equal(video_decode(dec, f, &out), -EBADMSG);
		video_decoder_free(dec);
	}
	ref_drop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_picture_outlives),
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_missing_slices),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
