/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video encoders: which codec has which. */
#include "codecs/video_int.h"

#include <errno.h>

enum { SLICE_BYTES = 1200, MIN_SLICE_BYTES = 200 };

static const struct video_encoder_ops *ops_of(enum codec_id id)
{
	switch (id) {
	case CODEC_H264:
		return &h264_encoder_ops;
	case CODEC_VP8:
		return &vp8_encoder_ops;
	case CODEC_H263_1998:
	case CODEC_H263:
	case CODEC_H261:
		return &h263_encoder_ops;
	default:
		return NULL;
	}
}

static bool params_ok(const struct video_params *p)
{
	return p->width >= 16 && p->height >= 16 && p->width <= 4096 && p->height <= 4096 &&
	       p->width % 2 == 0 && p->height % 2 == 0 && p->fps > 0 && p->fps <= 240 &&
	       p->bitrate > 0 && p->bitrate <= 1000000000;
}

int video_encoder_new(struct video_encoder **out, const struct video_params *params)
{
	const struct video_encoder_ops *ops = ops_of(params->format.id);
	struct video_params p = *params;
	struct video_encoder *self;
	int r;

	if (!ops)
		return -ENOTSUP;
	if (!params_ok(&p))
		return -EINVAL;
	if (p.sar_num == 0 || p.sar_den == 0)
		p.sar_num = p.sar_den = 1;
	if (p.slice_bytes == 0)
		p.slice_bytes = SLICE_BYTES;
	if (p.slice_bytes < MIN_SLICE_BYTES)
		p.slice_bytes = MIN_SLICE_BYTES;
	video_init();
	r = ops->open(&self, &p);
	if (r < 0)
		return r;
	self->ops = ops;
	*out = self;
	return 0;
}

int video_encode(struct video_encoder *self, struct picture *picture, bool key,
		 struct coded **out)
{
	struct coded *frame = NULL;
	int r;

	if (picture->width != self->params.width || picture->height != self->params.height)
		return -EINVAL;
	r = self->ops->encode(self, picture, key, &frame);
	if (r < 0)
		return r;
	if (frame) {
		frame->codec = self->params.format.id;
		frame->time_us = picture->time_us;
		frame->rtp_time = video_rtp_time(picture->time_us);
		frame->width = self->params.width;
		frame->height = self->params.height;
	}
	*out = frame;
	return 0;
}

void video_encoder_bitrate(struct video_encoder *self, uint32_t bitrate)
{
	if (bitrate == 0 || bitrate > 1000000000 || bitrate == self->params.bitrate)
		return;
	self->params.bitrate = bitrate;
	self->ops->bitrate(self, bitrate);
}

struct video_encoder *video_encoder_free(struct video_encoder *self)
{
	if (self)
		self->ops->close(self);
	return NULL;
}

uint32_t video_rtp_time(int64_t time_us)
{
	return (uint32_t)(uint64_t)(time_us / 1000000 * 90000 + time_us % 1000000 * 9 / 100);
}
