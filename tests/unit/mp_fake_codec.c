/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video codecs for tests of the video engine. */
#include "tests/unit/mp_fake_codec.h"

#include "base/ref.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct fake_codec fake_codec;
/* Encoders and decoders run on any thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct video_encoder {
	struct video_params params;
	bool begun;
};

struct video_decoder {
	enum codec_id codec;
	bool whole;
};

struct coded *fake_coded(enum codec_id codec, const struct fake_frame *look, bool key,
			 bool corrupt, int64_t time_us)
{
	struct coded *c = coded_new(sizeof(*look), 1);

	assert(c);
	c->codec = codec;
	c->key = key;
	c->corrupt = corrupt;
	c->time_us = time_us;
	c->len = sizeof(*look);
	memcpy(c->data, look, sizeof(*look));
	return c;
}

struct coded *fake_flat(uint8_t luma, bool key, int64_t time_us)
{
	struct fake_frame look = { 640, 360, 1, 1, luma, FAKE_FLAT };

	return fake_coded(CODEC_H264, &look, key, false, time_us);
}

void fake_codec_reset(void)
{
	ref_drop(fake_codec.last);
	ref_drop(fake_codec.held);
	memset(&fake_codec, 0, sizeof(fake_codec));
}

/* ---- encoder ------------------------------------------------------------------ */

int video_encoder_new(struct video_encoder **out, const struct video_params *params)
{
	struct video_encoder *e;

	if (fake_codec.no_encoder)
		return -ENOTSUP;
	e = calloc(1, sizeof(*e));
	assert(e);
	e->params = *params;
	pthread_mutex_lock(&lock);
	fake_codec.params = *params;
	fake_codec.bitrate = params->bitrate;
	fake_codec.encoders++;
	fake_codec.encoders_made++;
	pthread_mutex_unlock(&lock);
	*out = e;
	return 0;
}

static void keep_copy(struct picture *picture)
{
	pthread_mutex_lock(&lock);
	ref_drop(fake_codec.last);
	fake_codec.last = picture_new(picture->width, picture->height);
	assert(fake_codec.last);
	picture_blit(fake_codec.last, picture, 0, 0);
	fake_codec.last->time_us = picture->time_us;
	if (fake_codec.hold) {
		ref_drop(fake_codec.held);
		fake_codec.held = ref_hold(picture);
	}
	pthread_mutex_unlock(&lock);
}

int video_encode(struct video_encoder *self, struct picture *picture, bool key,
		 struct coded **out)
{
	struct coded *c;

	assert(picture->width == self->params.width);
	assert(picture->height == self->params.height);
	*out = NULL;
	if (fake_codec.fail)
		return -EIO;
	keep_copy(picture);
	if (fake_codec.skip) {
		fake_codec.skip--;
		return 0;
	}
	c = coded_new(1, 1);
	assert(c);
	c->codec = self->params.format.id;
	c->key = key || !self->begun;
	c->time_us = picture->time_us;
	c->width = picture->width;
	c->height = picture->height;
	c->len = 1;
	self->begun = true;
	*out = c;
	return 0;
}

void video_encoder_bitrate(struct video_encoder *self, uint32_t bitrate)
{
	self->params.bitrate = bitrate;
	pthread_mutex_lock(&lock);
	fake_codec.bitrate = bitrate;
	pthread_mutex_unlock(&lock);
}

struct video_encoder *video_encoder_free(struct video_encoder *self)
{
	pthread_mutex_lock(&lock);
	if (self)
		fake_codec.encoders--;
	pthread_mutex_unlock(&lock);
	free(self);
	return NULL;
}

/* ---- decoder ------------------------------------------------------------------ */

int video_decoder_new(struct video_decoder **out, enum codec_id codec)
{
	struct video_decoder *d;

	if (codec != CODEC_H264 && codec != CODEC_VP8)
		return -ENOTSUP;
	d = calloc(1, sizeof(*d));
	assert(d);
	d->codec = codec;
	pthread_mutex_lock(&lock);
	fake_codec.decoders++;
	fake_codec.decoders_made++;
	pthread_mutex_unlock(&lock);
	*out = d;
	return 0;
}

static void draw(struct picture *p, const struct fake_frame *f)
{
	/* Three quarters of the picture's shorter side, round on the screen. */
	double side = f->height < f->width ? f->height : f->width;
	double ry = side * 0.375, rx = ry * f->sar_den / f->sar_num;

	for (int y = 0; y < f->height; y++) {
		for (int x = 0; x < f->width; x++) {
			double dx = (x + 0.5 - f->width / 2.0) / rx;
			double dy = (y + 0.5 - f->height / 2.0) / ry;
			bool in = f->look == FAKE_FLAT || dx * dx + dy * dy <= 1;

			p->plane[0][y * p->stride[0] + x] = in ? f->luma : 60;
		}
	}
	for (int y = 0; y < f->height / 2; y++) {
		memset(p->plane[1] + y * p->stride[1], 128, f->width / 2);
		memset(p->plane[2] + y * p->stride[2], 128, f->width / 2);
	}
	p->sar_num = f->sar_num;
	p->sar_den = f->sar_den;
	p->colour = COLOUR_BT709;
	p->full_range = false;
}

int video_decode(struct video_decoder *self, const struct coded *frame, struct picture **out)
{
	struct fake_frame f;
	struct picture *p;

	assert(frame->codec == self->codec);
	*out = NULL;
	if (frame->corrupt)
		self->whole = false;
	else if (frame->key)
		self->whole = true;
	if (!self->whole)
		return -EBADMSG;
	memcpy(&f, frame->data, sizeof(f));
	p = picture_new(f.width, f.height);
	assert(p);
	draw(p, &f);
	p->time_us = frame->time_us;
	pthread_mutex_lock(&lock);
	fake_codec.decoded++;
	pthread_mutex_unlock(&lock);
	*out = p;
	return 0;
}

struct video_decoder *video_decoder_free(struct video_decoder *self)
{
	pthread_mutex_lock(&lock);
	if (self)
		fake_codec.decoders--;
	pthread_mutex_unlock(&lock);
	free(self);
	return NULL;
}

/* ---- limits ------------------------------------------------------------------- */

int video_fit(const struct codec_format *format, uint16_t *width, uint16_t *height,
	      uint32_t *fps, uint32_t *bitrate)
{
	(void)fps;
	(void)bitrate;
	if (format->id == CODEC_H263) {
		*width = 352;
		*height = 288;
		return 0;
	}
	if (format->id != CODEC_H264)
		return 0;
	if (format->h264.level_idc < 12)
		return -ENOTSUP;
	if (format->h264.level_idc < 31 && *width > 640 && !format->h264.max_fs) {
		*width = 640;
		*height = 360;
	}
	return 0;
}
