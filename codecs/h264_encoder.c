/* SPDX-License-Identifier: GPL-3.0-or-later
 * H.264 encoder: libx264 through libavcodec, one thread, no delay.
 *
 * Slices stay within slice_bytes, so that packetization modes 0 and 1 can share
 * an encoder (RFC 6184 6.2, 6.3). There is no periodic IDR: one comes when it
 * is asked for, with the parameter sets before it. */
#include "codecs/annexb.h"
#include "codecs/av_picture.h"
#include "codecs/h264_level.h"
#include "codecs/video_int.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <stdio.h>
#include <stdlib.h>

struct h264_encoder {
	struct video_encoder base;
	AVCodecContext *ctx;
	AVFrame *frame;
	AVPacket *packet;
	int64_t count;
};

enum { PROFILE_MAIN = 77, PROFILE_HIGH = 100, CONSTRAINT_SET0 = 0x80 };

/* The buffer holds a third of a second: it bounds a key frame and the time it
 * needs on a link of that rate. */
static uint32_t buffer_bits(uint32_t bitrate)
{
	return bitrate / 3;
}

/* RFC 6184 8.1, Table 5: the profiles a receiver of profile_idc decodes. Streams
 * for Baseline and Extended are Constrained Baseline: no FMO, ASO or redundant
 * slices come from here. */
static const char *profile_name(const struct h264_format *f)
{
	if (f->profile_idc == PROFILE_HIGH)
		return "high";
	if (f->profile_idc == PROFILE_MAIN && !(f->profile_iop & CONSTRAINT_SET0))
		return "main";
	return "baseline";
}

static int level_idc(const struct video_params *p)
{
	return h264_level_for((p->width + 15u) / 16, (p->height + 15u) / 16, p->fps,
			      p->bitrate, buffer_bits(p->bitrate))->idc;
}

static void set_rate(AVCodecContext *ctx, uint32_t bitrate)
{
	ctx->bit_rate = ctx->rc_max_rate = bitrate;
	ctx->rc_buffer_size = (int)buffer_bits(bitrate);
}

static void configure(AVCodecContext *ctx, const struct video_params *p)
{
	ctx->width = p->width;
	ctx->height = p->height;
	ctx->pix_fmt = AV_PIX_FMT_YUV420P;
	ctx->time_base = (AVRational){ 1, (int)p->fps };
	ctx->framerate = (AVRational){ (int)p->fps, 1 };
	ctx->sample_aspect_ratio = (AVRational){ p->sar_num, p->sar_den };
	ctx->thread_count = 1;
	ctx->max_b_frames = 0;
	ctx->refs = 1;
	ctx->level = level_idc(p);
	ctx->color_range = AVCOL_RANGE_MPEG;
	ctx->colorspace = AVCOL_SPC_BT709;
	ctx->color_primaries = AVCOL_PRI_BT709;
	ctx->color_trc = AVCOL_TRC_BT709;
	set_rate(ctx, p->bitrate);
}

/* Measured at 1280×720 and 2 Mbit/s: CPU ms a frame and SSIM (of 90 frames; all in one
 * run, turn by turn) of eleven camera pictures in a grid, of three, and of one alone.
 *
 *                                         grid of 11     grid of 3      one
 * superfast                               3.94  .9516    4.02  .9695    5.07  .9861
 * without small partitions: taken         3.78  .9512    3.86  .9693    4.69  .9856
 * without fractions of samples (subme 0)  3.17  .9245    3.23  .9475    4.21  .9823
 * ultrafast with the loop filter: `fast`  3.08  .9214    3.11  .9452    3.82  .9809
 * the same with its subme 1               3.81  .9483    3.85  .9673    4.61  .9851
 * the same with adaptive quantization     3.29  .9273    3.35  .9521    4.16  .9812
 *
 * What else was tried changes less than was measured twice: range and kind of the
 * motion search (3.92), no psychovisual decisions (3.87), a loop filter of another
 * strength (3.02 to 3.04 of 3.08). Adaptive quantization costs a sixth at superfast for
 * .001. Slices cost 4 %; the loop filter 6 %, and .007 without; rate control (it looks
 * at each picture in small first) 8 %, and cannot be had otherwise through libavcodec.
 * At 1.5 Mbit/s the order is the same: .938, .959, .981 and .905, .931, .975 if fast. */
static int set_options(AVCodecContext *ctx, const struct video_params *p)
{
	char x264[160];
	int n = snprintf(x264, sizeof(x264),
			 "keyint=infinite:scenecut=0:slice-max-size=%u:repeat-headers=1:"
			 "aud=0:sliced-threads=0:weightp=0:aq-mode=0:partitions=none:"
			 "deblock=0,0:no-deblock=0",
			 p->slice_bytes);

	if (n < 0 || (size_t)n >= sizeof(x264) ||
	    av_opt_set(ctx->priv_data, "preset", p->fast ? "ultrafast" : "superfast", 0) < 0 ||
	    av_opt_set(ctx->priv_data, "tune", "zerolatency", 0) < 0 ||
	    av_opt_set(ctx->priv_data, "profile", profile_name(&p->format.h264), 0) < 0 ||
	    av_opt_set(ctx->priv_data, "forced-idr", "1", 0) < 0 ||
	    av_opt_set(ctx->priv_data, "x264-params", x264, 0) < 0)
		return -EINVAL;
	return 0;
}

static void h264_close(struct video_encoder *base)
{
	struct h264_encoder *self = (struct h264_encoder *)(void *)base;

	avcodec_free_context(&self->ctx);
	av_frame_free(&self->frame);
	av_packet_free(&self->packet);
	free(self);
}

int h264_encoder_context(struct AVCodecContext **out, const struct video_params *params)
{
	const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
	AVCodecContext *ctx;
	int r;

	if (!codec)
		return -ENOTSUP;
	ctx = avcodec_alloc_context3(codec);
	if (!ctx)
		return -ENOMEM;
	configure(ctx, params);
	r = set_options(ctx, params);
	if (!r && avcodec_open2(ctx, codec, NULL) < 0)
		r = -ENOTSUP;
	if (r < 0)
		avcodec_free_context(&ctx);
	else
		*out = ctx;
	return r;
}

static int h264_open(struct video_encoder **out, const struct video_params *params)
{
	struct h264_encoder *self = calloc(1, sizeof(*self));
	int r = -ENOMEM;

	if (!self)
		return -ENOMEM;
	self->base.params = *params;
	self->frame = av_frame_alloc();
	self->packet = av_packet_alloc();
	if (!self->frame || !self->packet)
		goto out;
	r = h264_encoder_context(&self->ctx, params);
	if (r < 0)
		goto out;
	*out = &self->base;
	return 0;
out:
	h264_close(&self->base);
	return r;
}

static int h264_encode(struct video_encoder *base, struct picture *picture, bool key,
		       struct coded **out)
{
	/* x264's description of itself: an SEI message nobody needs */
	static const uint32_t skip = 1u << NAL_SEI | 1u << NAL_FILLER;
	struct h264_encoder *self = (struct h264_encoder *)(void *)base;
	struct picture *p = picture_converted(picture, COLOUR_BT709);
	int r;

	if (!p)
		return -ENOMEM;
	self->frame->pts = self->count++;
	self->frame->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
	r = av_picture_send(self->ctx, self->frame, p);
	if (r < 0)
		return r;
	r = avcodec_receive_packet(self->ctx, self->packet);
	if (r == AVERROR(EAGAIN))
		return 0;
	if (r < 0)
		return -EIO;
	r = annexb_coded(out, self->packet->data, (size_t)self->packet->size, skip);
	av_packet_unref(self->packet);
	return r;
}

static void h264_bitrate(struct video_encoder *base, uint32_t bitrate)
{
	set_rate(((struct h264_encoder *)(void *)base)->ctx, bitrate);
}

const struct video_encoder_ops h264_encoder_ops = {
	.open = h264_open,
	.encode = h264_encode,
	.bitrate = h264_bitrate,
	.close = h264_close,
};
