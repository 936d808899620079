/* SPDX-License-Identifier: GPL-3.0-or-later
 * H.263 and H.261 encoders ⟨FFmpeg⟩, for old endpoints.
 *
 * The quantizer is ours, picture by picture: what FFmpeg's rate control spends
 * on a key frame has no bound. H.263 is the baseline without annexes, so that
 * the same stream serves RFC 2190 and RFC 4629. Each group of blocks has its
 * header, and where the payload format cannot divide one (RFC 2190 mode A, RFC
 * 4587 without a macroblock walker) a picture whose group does not fit a packet
 * is coded again, as a key frame and coarser, until every group fits. */
#include "codecs/av_picture.h"
#include "codecs/h263.h"
#include "codecs/video_int.h"

#include "base/ref.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_Q = 3, MAX_Q = 31, HEADER = 4, MAX_GOBS = 64, REFRESH = 128 };

/* Bit 3 of PTYPE (H.261 4.2.1.3), which stands behind 20 bits of start code and
 * 5 of temporal reference: this picture answers a request. */
enum { FREEZE_RELEASE = 0x10 };

struct h263_encoder {
	struct video_encoder base;
	AVCodecContext *ctx;
	AVFrame *frame;
	AVPacket *packet;
	int64_t count;
	unsigned since_key;
	double backlog;   /* bits sent beyond the rate */
	double cost;      /* bits × quantizer of the last predicted picture */
	double key_cost;  /* and of the last key frame */
	int last_q;
	bool whole_gobs;  /* the payload format divides no group */
	bool want_key;    /* the last picture could not be sent */
};

static bool size_ok(enum codec_id id, int w, int h)
{
	bool small = (w == 176 && h == 144) || (w == 352 && h == 288);

	if (id == CODEC_H261)
		return small;
	return small || (w == 128 && h == 96) || (w == 704 && h == 576) ||
	       (w == 1408 && h == 1152);
}

static void h263_close(struct video_encoder *base)
{
	struct h263_encoder *self = (struct h263_encoder *)(void *)base;

	avcodec_free_context(&self->ctx);
	av_frame_free(&self->frame);
	av_packet_free(&self->packet);
	free(self);
}

static void configure(AVCodecContext *ctx, const struct video_params *p)
{
	ctx->width = p->width;
	ctx->height = p->height;
	ctx->pix_fmt = AV_PIX_FMT_YUV420P;
	ctx->time_base = (AVRational){ 1, (int)p->fps };
	ctx->thread_count = 1;
	ctx->max_b_frames = 0;
	ctx->gop_size = 600; /* the most there is; key frames are asked for before */
	ctx->flags |= AV_CODEC_FLAG_QSCALE;
	ctx->qmin = 1;
	ctx->qmax = MAX_Q;
	ctx->mb_decision = FF_MB_DECISION_SIMPLE;
	ctx->me_cmp = FF_CMP_SAD;
}

static int h263_open(struct video_encoder **out, const struct video_params *params)
{
	enum codec_id id = params->format.id;
	const AVCodec *codec = avcodec_find_encoder(id == CODEC_H261 ? AV_CODEC_ID_H261
								     : AV_CODEC_ID_H263);
	struct h263_encoder *self;
	int r = -ENOMEM;

	if (!codec)
		return -ENOTSUP;
	if (!size_ok(id, params->width, params->height))
		return -EINVAL;
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->base.params = *params;
	self->whole_gobs = id != CODEC_H263_1998;
	self->cost = params->bitrate / params->fps * 8.0;
	self->key_cost = self->cost * 4;
	self->ctx = avcodec_alloc_context3(codec);
	self->frame = av_frame_alloc();
	self->packet = av_packet_alloc();
	if (!self->ctx || !self->frame || !self->packet)
		goto out;
	configure(self->ctx, params);
	r = -ENOTSUP;
	if (id != CODEC_H261 && av_opt_set(self->ctx->priv_data, "ps", "1", 0) < 0)
		goto out;
	if (avcodec_open2(self->ctx, codec, NULL) < 0)
		goto out;
	*out = &self->base;
	return 0;
out:
	h263_close(&self->base);
	return r;
}

/* Codes the picture once; the packet holds it afterwards. */
static int code(struct h263_encoder *self, struct picture *picture, bool key, int q)
{
	int r;

	av_packet_unref(self->packet);
	self->frame->pts = self->count++;
	self->frame->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_P;
	self->frame->quality = q * FF_QP2LAMBDA;
	r = av_picture_send(self->ctx, self->frame, ref_hold(picture));
	if (!r && avcodec_receive_packet(self->ctx, self->packet) < 0)
		r = -EIO;
	return r;
}

/* Bits of the largest group of blocks, headers included. */
static size_t largest_gob(const struct h263_encoder *self)
{
	const uint8_t *data = self->packet->data;
	size_t len = (size_t)self->packet->size, at = 0, next, largest = 0;
	bool h261 = self->base.params.format.id == CODEC_H261;

	for (; at < (h261 ? len * 8 : len); at = next) {
		next = h261 ? h261_next_start(data, len * 8, at + 1)
			    : h263_next_start(data, len, at + 1);
		largest = next - at > largest ? next - at : largest;
	}
	return h261 ? largest + 16 : largest * 8;
}

/* The quantizer that by experience makes a picture of so many bits. */
static int quantizer(double cost, double bits)
{
	double q = bits > 1 ? cost / bits : MAX_Q;

	return q < MIN_Q ? MIN_Q : q > MAX_Q ? MAX_Q : (int)(q + 0.5);
}

/* Codes until the picture is within bounds: a key frame within a third of a
 * second, no group beyond a packet. What was coded too large cannot be taken
 * back, as the next would be predicted from it: its successor is a key frame.
 * Noise that fits at no quantizer is left out, and no packet remains. */
static int code_bounded(struct h263_encoder *self, struct picture *p, bool *key)
{
	const struct video_params *v = &self->base.params;
	double per_picture = (double)v->bitrate / v->fps, window = v->bitrate / 3.0, size;
	double room = per_picture * (1 + 0.2 * (window / 2 - self->backlog) / window);
	int q = *key ? quantizer(self->key_cost, window * 0.6) : quantizer(self->cost, room);
	size_t gob_limit = (v->slice_bytes - HEADER) * 8;
	int r;

	/* A still picture gets better step by step: at once, its groups would
	 * outgrow their packets, and each refinement end in a key frame as coarse
	 * as the one before. */
	if (!*key && q < self->last_q - 1)
		q = self->last_q - 1;
	for (;;) {
		r = code(self, p, *key, q);
		if (r < 0)
			return r;
		size = self->packet->size * 8.0;
		*(*key ? &self->key_cost : &self->cost) = size * q;
		if (size <= window && (!self->whole_gobs || largest_gob(self) <= gob_limit))
			break;
		if (*key && q == MAX_Q) { /* coarser it does not get */
			if (size <= 4 * window && !self->whole_gobs)
				break;
			self->want_key = true;
			av_packet_unref(self->packet);
			return 0;
		}
		*key = true;
		q = q < 8 ? 8 : q + (q + 2) / 3;
		q = q > MAX_Q ? MAX_Q : q;
	}
	self->want_key = false;
	self->last_q = q;
	self->backlog += size;
	return 0;
}

/* Units: in H.263 from start code to start code; H.261 has its on bits, and is
 * one unit. */
static int collect(struct h263_encoder *self, bool key, struct coded **out)
{
	const uint8_t *data = self->packet->data;
	size_t len = (size_t)self->packet->size, at = 0, next;
	bool h261 = self->base.params.format.id == CODEC_H261;
	struct coded *f = coded_new(len, MAX_GOBS);

	if (!f)
		return -ENOMEM;
	memcpy(f->data, data, len);
	f->len = len;
	f->key = key;
	if (h261 && key && len > 3)
		f->data[3] |= FREEZE_RELEASE;
	for (; at < len && f->n_units < MAX_GOBS; at = next) {
		next = h261 || f->n_units == MAX_GOBS - 1 ? len
							  : h263_next_start(data, len, at + 1);
		f->unit[f->n_units++] = (struct coded_unit){ (uint32_t)at,
							     (uint32_t)(next - at) };
	}
	*out = f;
	return 0;
}

static int h263_encode(struct video_encoder *base, struct picture *picture, bool key,
		       struct coded **out)
{
	struct h263_encoder *self = (struct h263_encoder *)(void *)base;
	double rate = (double)base->params.bitrate / base->params.fps;
	struct picture *p;
	int r;

	self->backlog = self->backlog > rate ? self->backlog - rate : 0;
	/* H.263 5.3.1.1 wants each macroblock intra at least every 132 pictures,
	 * H.261 3.4 the same, against drift of the transforms. */
	key |= self->count == 0 || self->since_key >= REFRESH || self->want_key;
	if (!key && self->backlog > base->params.bitrate / 3.0)
		return 0;
	p = picture_converted(picture, COLOUR_BT601);
	if (!p)
		return -ENOMEM;
	r = code_bounded(self, p, &key);
	ref_drop(p);
	if (r == 0 && self->packet->size > 0) {
		self->since_key = key ? 0 : self->since_key + 1;
		r = collect(self, key, out);
	}
	av_packet_unref(self->packet);
	return r;
}

static void h263_bitrate(struct video_encoder *base, uint32_t bitrate)
{
	(void)base; /* in the parameters already */
	(void)bitrate;
}

const struct video_encoder_ops h263_encoder_ops = {
	.open = h263_open,
	.encode = h263_encode,
	.bitrate = h263_bitrate,
	.close = h263_close,
};
