/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video codecs as a chain: through an encoder, packets that may be lost, and a
 * decoder. */
#include "tests/unit/video_chain.h"

#include <stdio.h>

static void to_709(struct picture **p)
{
	struct picture *back = picture_converted(*p, COLOUR_BT709);

	assert_non_null(back);
	ref_drop(*p);
	*p = back;
}

static void round_trip(enum codec_id codec, int mode, int w, int h, uint32_t bitrate,
		       bool still, double want)
{
	struct video_params p = params_of(codec, w, h, bitrate);
	struct chain c;
	double ssim = 0, lowest = 1;
	long live = ref_live();

	p.format.h264.packetization_mode = (uint8_t)(codec == CODEC_H264 ? mode : 0);
	chain_init(&c, &p);
	for (int n = 0; n < (still ? 60 : 30); n++) {
		struct picture *in = clip_picture(w, h, still ? 0 : n), *out;
		int r;

		in->time_us = 1000000 + n * 33333;
		r = chain_run(&c, in, n == 0, NULL, &out);
		if (r == -EAGAIN) { /* the rate control may skip, but not the first */
			assert_true(n > 0 && codec != CODEC_H264);
			ref_drop(in);
			continue;
		}
		assert_int_equal(r, 0);
		assert_non_null(out); /* one in, one out */
		assert_int_equal(out->time_us, in->time_us);
		assert_int_equal(out->width, w);
		assert_int_equal(out->height, h);
		assert_int_equal(out->colour, codec == CODEC_H264 ? COLOUR_BT709 : COLOUR_BT601);
		assert_false(out->full_range);
		assert_int_equal(out->sar_num, codec > CODEC_VP8 ? 12 : 1);
		to_709(&out);
		ssim = clip_ssim(in, out);
		lowest = ssim < lowest ? ssim : lowest;
		ref_drop(in);
		ref_drop(out);
	}
	if (ssim < want)
		fprintf(stderr, "codec %d %dx%d: ssim %.4f, lowest %.4f\n", codec, w, h, ssim,
			lowest);
	assert_true(ssim >= want);
	chain_fini(&c);
	assert_int_equal(ref_live(), live);
}

static void test_round_trip(void **state)
{
	(void)state;
	round_trip(CODEC_H264, 1, 320, 180, 1000000, false, 0.90);
	round_trip(CODEC_H264, 0, 320, 180, 1000000, false, 0.90);
	round_trip(CODEC_VP8, 1, 320, 180, 1000000, false, 0.90);
	round_trip(CODEC_H264, 1, 1280, 720, 1500000, true, 0.95);
	round_trip(CODEC_VP8, 1, 1280, 720, 1500000, true, 0.95);
	round_trip(CODEC_H264, 1, 178, 98, 500000, false, 0.90); /* cropped both ways */
	round_trip(CODEC_H263_1998, 1, 352, 288, 1000000, false, 0.85);
	round_trip(CODEC_H263, 1, 352, 288, 1000000, false, 0.85);
	round_trip(CODEC_H261, 1, 352, 288, 1000000, false, 0.85);
	round_trip(CODEC_H263, 1, 176, 144, 256000, true, 0.95);
	round_trip(CODEC_H261, 1, 176, 144, 256000, true, 0.95);
	round_trip(CODEC_H263_1998, 1, 704, 576, 2000000, true, 0.90);
}

static void through_loss(enum codec_id codec, int w, int h)
{
	struct video_params p = params_of(codec, w, h, 1000000);
	struct chain c;
	bool key = true;
	int good = 0, bad = 0;

	chain_init(&c, &p);
	c.loss = 10;
	c.seed = 7;
	for (int n = 0; n < 300; n++) {
		struct picture *in = clip_picture(w, h, n), *out;
		int r = chain_run(&c, in, key, NULL, &out);

		key = r == -EBADMSG; /* asks, and the next one is */
		if (r == 0) {
			/* never torn: it looks like what was sent */
			assert_non_null(out);
			to_709(&out);
			assert_true(clip_ssim(in, out) > (codec > CODEC_VP8 ? 0.75 : 0.85));
			good++;
		} else {
			assert_null(out);
			bad++;
		}
		ref_drop(in);
		ref_drop(out);
	}
	assert_true(c.sent > c.kept);
	assert_true(bad > 0);
	assert_true(good > 240);
	chain_fini(&c);
}

static void test_loss(void **state)
{
	(void)state;
	through_loss(CODEC_H264, 320, 180);
	through_loss(CODEC_VP8, 320, 180);
	through_loss(CODEC_H263_1998, 352, 288);
	through_loss(CODEC_H263, 352, 288);
	through_loss(CODEC_H261, 352, 288);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
