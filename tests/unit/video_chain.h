/* SPDX-License-Identifier: GPL-3.0-or-later
 * For the tests of the video codecs: parameters, the worst picture, one frame coded,
 * and the chain of encoder, packetizer, a line that loses, depacketizer and decoder. */
#ifndef BALAI_TESTS_UNIT_VIDEO_CHAIN_H
#define BALAI_TESTS_UNIT_VIDEO_CHAIN_H

#include "base/ref.h"
#include "codecs/payload.h"
#include "codecs/video.h"
#include "tests/unit/clip.h"
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <string.h>

static inline struct video_params params_of(enum codec_id codec, int w, int h, uint32_t bitrate)
{
	struct video_params p = { .width = (uint16_t)w, .height = (uint16_t)h, .fps = 30,
				  .bitrate = bitrate };

	p.format.id = codec;
	if (codec == CODEC_H264)
		p.format.h264 = (struct h264_format){ 66, 0xe0, 31, .packetization_mode = 1 };
	return p;
}

static inline struct coded *encode(struct video_encoder *enc, struct picture *in, bool key)
{
	struct coded *f = NULL;

	assert_int_equal(video_encode(enc, in, key, &f), 0);
	return f;
}

/* White noise, changing: the worst an encoder can get. */
static inline struct picture *noise_picture(int w, int h, int n)
{
	struct picture *p = picture_new(w, h);
	uint32_t x = (uint32_t)n * 12345 + 1;

	for (int i = 0; i < 3; i++)
		for (int y = 0; y < h >> !!i; y++)
			for (int k = 0; k < w >> !!i; k++) {
				x = x * 1664525 + 1013904223;
				p->plane[i][y * p->stride[i] + k] = (uint8_t)(x >> 24);
			}
	p->time_us = 1 + n * 33333;
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

static inline void chain_init(struct chain *c, const struct video_params *p)
{
	memset(c, 0, sizeof(*c));
	assert_int_equal(video_encoder_new(&c->enc, p), 0);
	assert_int_equal(video_decoder_new(&c->dec, p->format.id), 0);
	assert_int_equal(unpacker_new(&c->unpacker, p->format.id), 0);
	c->mode = p->format.id == CODEC_H264 ? p->format.h264.packetization_mode : 1;
}

static inline void chain_fini(struct chain *c)
{
	video_encoder_free(c->enc);
	video_decoder_free(c->dec);
	unpacker_free(c->unpacker);
	ref_drop(c->arrived);
}

static inline int carry(void *arg, const uint8_t *head, size_t head_len, const uint8_t *body,
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
static inline int chain_run(struct chain *c, struct picture *in, bool key, struct coded **coded_out,
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

#endif
