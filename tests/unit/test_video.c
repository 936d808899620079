/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video codecs: through an encoder, packets, and a decoder. */
#include "base/ref.h"
#include "codecs/annexb.h"
#include "codecs/h264_sps.h"
#include "codecs/payload.h"
#include "codecs/video.h"
#include "tests/unit/clip.h"
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct video_params params_of(enum codec_id codec, int w, int h, uint32_t bitrate)
{
	struct video_params p = { .width = (uint16_t)w, .height = (uint16_t)h, .fps = 30,
				  .bitrate = bitrate };

	p.format.id = codec;
	if (codec == CODEC_H264)
		p.format.h264 = (struct h264_format){ 66, 0xe0, 31, .packetization_mode = 1 };
	return p;
}

/* Encoder, packetizer, a line that loses, depacketizer, decoder. */
struct chain {
	struct video_encoder *enc;
	struct video_decoder *dec;
	struct packer packer;
	struct unpacker *unpacker;
	int mode;
	unsigned sent, kept; /* packets */
	uint32_t seed, loss; /* per mille */
	bool gap;
	uint32_t rtp_time;
	size_t largest, bytes;
	struct coded *arrived;
};

static void chain_init(struct chain *c, const struct video_params *p)
{
	memset(c, 0, sizeof(*c));
	assert_int_equal(video_encoder_new(&c->enc, p), 0);
	assert_int_equal(video_decoder_new(&c->dec, p->format.id), 0);
	assert_int_equal(unpacker_new(&c->unpacker, p->format.id), 0);
	c->mode = p->format.id == CODEC_H264 ? p->format.h264.packetization_mode : 1;
}

static void chain_fini(struct chain *c)
{
	video_encoder_free(c->enc);
	video_decoder_free(c->dec);
	unpacker_free(c->unpacker);
	ref_drop(c->arrived);
}

static int carry(void *arg, const uint8_t *head, size_t head_len, const uint8_t *body,
		 size_t body_len, bool last)
{
	struct chain *c = arg;
	uint8_t buf[1500];
	struct coded *f = NULL;

	assert_true(head_len + body_len <= 1200);
	memcpy(buf, head, head_len);
	if (body_len)
		memcpy(buf + head_len, body, body_len);
	c->sent++;
	c->bytes += head_len + body_len;
	if (clip_hash(c->seed++) % 1000 < c->loss) {
		c->gap = true;
		return 0;
	}
	c->kept++;
	assert_int_equal(unpacker_put(c->unpacker, buf, head_len + body_len, c->rtp_time, last,
				      c->gap, &f) == 0 || c->loss > 0, 1);
	c->gap = false;
	if (f) {
		assert_null(c->arrived);
		c->arrived = f;
	}
	return 0;
}

/* One picture through it all. *coded_out (may be NULL) receives the frame. What
 * the decoder said is returned, -EAGAIN when nothing arrived. */
static int chain_run(struct chain *c, struct picture *in, bool key, struct coded **coded_out,
		     struct picture **out)
{
	struct coded *f = NULL, *got;
	int r;

	*out = NULL;
	assert_int_equal(video_encode(c->enc, in, key, &f), 0);
	if (!f)
		return -EAGAIN;
	assert_int_equal(f->width, in->width);
	assert_int_equal(f->time_us, in->time_us);
	assert_int_equal(f->rtp_time, (uint32_t)(in->time_us * 9 / 100));
	c->rtp_time = f->rtp_time;
	assert_int_equal(payload_pack(&c->packer, f, c->mode, 1200, carry, c), 0);
	if (coded_out)
		*coded_out = f;
	else
		ref_drop(f);
	got = c->arrived;
	c->arrived = NULL;
	if (!got)
		return -EAGAIN;
	got->time_us = in->time_us;
	r = video_decode(c->dec, got, out);
	ref_drop(got);
	return r;
}

/* ---- quality ---------------------------------------------------------------------- */

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
			assert_true(n > 0 && codec == CODEC_VP8);
			ref_drop(in);
			continue;
		}
		assert_int_equal(r, 0);
		assert_non_null(out); /* one in, one out */
		assert_int_equal(out->time_us, in->time_us);
		assert_int_equal(out->width, w);
		assert_int_equal(out->height, h);
		assert_int_equal(out->colour, codec == CODEC_VP8 ? COLOUR_BT601 : COLOUR_BT709);
		assert_false(out->full_range);
		if (codec == CODEC_VP8) {
			struct picture *back = picture_converted(out, COLOUR_BT709);

			ref_drop(out);
			out = back;
		}
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
}

/* ---- loss --------------------------------------------------------------------------- */

static void through_loss(enum codec_id codec)
{
	struct video_params p = params_of(codec, 320, 180, 1000000);
	struct chain c;
	bool key = true;
	int good = 0, bad = 0;

	chain_init(&c, &p);
	c.loss = 10;
	c.seed = 7;
	for (int n = 0; n < 300; n++) {
		struct picture *in = clip_picture(320, 180, n), *out;
		int r = chain_run(&c, in, key, NULL, &out);

		key = r == -EBADMSG; /* asks, and the next one is */
		if (r == 0) {
			/* never torn: it looks like what was sent */
			assert_non_null(out);
			if (codec == CODEC_VP8) {
				struct picture *back = picture_converted(out, COLOUR_BT709);

				ref_drop(out);
				out = back;
			}
			assert_true(clip_ssim(in, out) > 0.85);
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
	through_loss(CODEC_H264);
	through_loss(CODEC_VP8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
