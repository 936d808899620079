/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/load/clip.h"

#include "base/ref.h"
#include "codecs/payload.h"
#include "codecs/video.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The row of cells, in permille of the picture: a frame of black, then the
 * white and black references, then the bits. */
enum { CELLS = CLIP_BITS + 2, ROW_X = 80, ROW_W = 840, ROW_Y = 60, ROW_H = 140, EDGE = 20 };

static void fill(struct picture *p, int x, int y, int w, int h, uint8_t luma)
{
	for (int j = y; j < y + h && j < p->height; j++)
		memset(p->plane[0] + j * p->stride[0] + x, luma, (size_t)w);
	for (int c = 1; c < 3; c++)
		for (int j = y / 2; j < (y + h) / 2 && j < p->height / 2; j++)
			memset(p->plane[c] + j * p->stride[c] + x / 2, 128, (size_t)w / 2);
}

static void burn(struct picture *p, unsigned counter)
{
	int w = p->width, h = p->height;
	int x = w * ROW_X / 1000, rw = w * ROW_W / 1000;
	int y = h * ROW_Y / 1000, rh = h * ROW_H / 1000;
	int ex = w * EDGE / 1000, ey = h * EDGE / 1000;

	fill(p, (x - ex) & ~1, (y - ey) & ~1, rw + 2 * ex, rh + 2 * ey, 16);
	for (int i = 0; i < CELLS; i++) {
		int x0 = x + rw * i / CELLS, x1 = x + rw * (i + 1) / CELLS;
		bool on = i == 0 || (i > 1 && counter >> (CELLS - 1 - i) & 1);

		fill(p, x0 & ~1, y & ~1, (x1 - x0) & ~1, rh & ~1, on ? 235 : 16);
	}
}

static int cell_luma(const struct picture *p, int x, int y, int w, int h, int i)
{
	int cx = x + (w * ROW_X + w * ROW_W * (2 * i + 1) / (2 * CELLS)) / 1000;
	int cy = y + h * (2 * ROW_Y + ROW_H) / 2000;
	int sum = 0, n = 0;

	for (int j = cy - 1; j <= cy + 1; j++) {
		for (int k = cx - 1; k <= cx + 1; k++) {
			if (j < 0 || k < 0 || j >= p->height || k >= p->width)
				continue;
			sum += p->plane[0][j * p->stride[0] + k];
			n++;
		}
	}
	return n ? sum / n : 0;
}

int clip_read_counter(const struct picture *p, int x, int y, int w, int h)
{
	int white = cell_luma(p, x, y, w, h, 0), black = cell_luma(p, x, y, w, h, 1);
	int value = 0;

	if (white - black < 100)
		return -1;
	for (int i = 2; i < CELLS; i++) {
		int luma = cell_luma(p, x, y, w, h, i);
		int at = (luma - black) * 100 / (white - black);

		/* Between the two is neither: a blend of frames or a torn one. */
		if (at > 30 && at < 70)
			return -1;
		value = value * 2 + (at >= 70);
	}
	return value;
}

/* ---- sources of pictures ----------------------------------------------------------- */

struct feed {
	int width, height;
	/* a file */
	uint8_t *file;
	size_t len, at;
	AVCodecContext *ctx;
	AVCodecParserContext *parser;
	AVFrame *frame;
	AVPacket *packet;
};

static int read_file(const char *name, uint8_t **data, size_t *len)
{
	FILE *f = fopen(name, "rb");
	long size;

	if (!f)
		return -errno;
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	*data = size > 0 ? calloc(1, (size_t)size + AV_INPUT_BUFFER_PADDING_SIZE) : NULL;
	*len = *data ? fread(*data, 1, (size_t)size, f) : 0;
	fclose(f);
	return *len ? 0 : -EIO;
}

static int feed_open(struct feed *self, const char *file)
{
	const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);
	int err;

	if (!file)
		return 0;
	err = read_file(file, &self->file, &self->len);
	if (err)
		return err;
	self->ctx = avcodec_alloc_context3(codec);
	self->parser = av_parser_init(AV_CODEC_ID_H264);
	self->frame = av_frame_alloc();
	self->packet = av_packet_alloc();
	return avcodec_open2(self->ctx, codec, NULL) < 0 ? -EIO : 0;
}

static void feed_close(struct feed *self)
{
	avcodec_free_context(&self->ctx);
	if (self->parser)
		av_parser_close(self->parser);
	av_frame_free(&self->frame);
	av_packet_free(&self->packet);
	free(self->file);
}

/* The next frame of the file, from its beginning again at the end. */
static int feed_decode(struct feed *self)
{
	for (int tries = 0; tries < 200000; tries++) {
		int n;

		if (!avcodec_receive_frame(self->ctx, self->frame))
			return 0;
		if (self->at >= self->len)
			self->at = 0;
		n = av_parser_parse2(self->parser, self->ctx, &self->packet->data,
				     &self->packet->size, self->file + self->at,
				     (int)(self->len - self->at), 0, 0, 0);
		if (n < 0)
			return -EIO;
		self->at += (size_t)n;
		if (self->packet->size && avcodec_send_packet(self->ctx, self->packet) < 0)
			continue;
	}
	return -EIO;
}

static void draw_pattern(struct picture *p, unsigned n)
{
	for (int y = 0; y < p->height; y++) {
		uint8_t *row = p->plane[0] + y * p->stride[0];

		for (int x = 0; x < p->width; x++)
			row[x] = (uint8_t)(60 + ((x + 3 * (int)n) / 8 % 16) * 4 +
					   ((y + (int)n) / 16 % 8) * 6);
	}
	for (int c = 1; c < 3; c++)
		for (int y = 0; y < p->height / 2; y++)
			for (int x = 0; x < p->width / 2; x++)
				p->plane[c][y * p->stride[c] + x] =
					(uint8_t)(112 + ((x + (int)n * c) / 16 % 4) * 10);
}

static struct picture *feed_picture(struct feed *self, unsigned n)
{
	struct picture *p, *scaled;
	AVFrame *f = self->frame;

	if (!self->ctx) {
		p = picture_new(self->width, self->height);
		if (p)
			draw_pattern(p, n);
		return p;
	}
	if (feed_decode(self))
		return NULL;
	p = picture_new(f->width & ~1, f->height & ~1);
	if (!p)
		return NULL;
	for (int c = 0; c < 3; c++)
		for (int y = 0; y < p->height >> !!c; y++)
			memcpy(p->plane[c] + y * p->stride[c], f->data[c] + y * f->linesize[c],
			       (size_t)(p->width >> !!c));
	if (p->width == self->width && p->height == self->height)
		return p;
	scaled = picture_scaled(p, 0, 0, p->width, p->height, self->width, self->height);
	ref_drop(p);
	if (!scaled)
		return NULL;
	/* The kept copy is shared: the counter goes onto one of our own. */
	p = picture_new(self->width, self->height);
	if (p)
		picture_blit(p, scaled, 0, 0);
	ref_drop(scaled);
	return p;
}

/* ---- packets ------------------------------------------------------------------------- */

struct maker {
	struct clip *clip;
	size_t cap;
	unsigned cap_packets;
};

static int keep_payload(void *arg, const uint8_t *head, size_t head_len, const uint8_t *body,
			size_t body_len, bool last)
{
	struct maker *m = arg;
	struct clip *c = m->clip;

	if (c->len + head_len + body_len > m->cap) {
		uint8_t *data = realloc(c->data, m->cap * 2 + head_len + body_len);

		if (!data)
			return -ENOMEM;
		c->data = data;
		m->cap = m->cap * 2 + head_len + body_len;
	}
	if (c->n_packets == m->cap_packets) {
		unsigned cap = m->cap_packets ? m->cap_packets * 2 : 1024;
		struct clip_packet *p = realloc(c->packet, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		c->packet = p;
		m->cap_packets = cap;
	}
	c->packet[c->n_packets++] = (struct clip_packet){
		(uint32_t)c->len, (uint32_t)(head_len + body_len), last };
	if (head_len)
		memcpy(c->data + c->len, head, head_len);
	memcpy(c->data + c->len + head_len, body, body_len);
	c->len += head_len + body_len;
	return 0;
}

static int make_frame(struct maker *m, struct feed *feed, struct video_encoder *encoder,
		      struct packer *packer, unsigned n)
{
	struct clip *c = m->clip;
	struct picture *p = feed_picture(feed, n);
	struct coded *coded = NULL;
	bool key = n % (unsigned)c->fps == 0;
	int err;

	if (!p)
		return -EIO;
	p->sar_num = p->sar_den = 1;
	p->colour = COLOUR_BT709;
	p->time_us = (int64_t)n * 1000000 / c->fps;
	burn(p, n);
	err = video_encode(encoder, p, key, &coded);
	ref_drop(p);
	if (err)
		return err;
	c->frame[n].first = c->n_packets;
	if (coded) {
		err = payload_pack(packer, coded, 1, 1200, keep_payload, m);
		c->frame[n].key = coded->key;
	}
	c->frame[n].n = c->n_packets - c->frame[n].first;
	ref_drop(coded);
	return err;
}

int clip_new(struct clip **out, const char *file, enum codec_id codec, int width, int height,
	     int fps, unsigned seconds, uint32_t bitrate)
{
	struct clip *c = calloc(1, sizeof(*c));
	struct maker m = { .clip = c };
	struct feed feed = { .width = width, .height = height };
	struct packer packer = { 0 };
	struct video_encoder *encoder = NULL;
	struct video_params params = {
		.format = { .id = codec, .clock_rate = 90000, .channels = 1 },
		.width = (uint16_t)width, .height = (uint16_t)height,
		.sar_num = 1, .sar_den = 1, .fps = (uint32_t)fps, .bitrate = bitrate,
	};
	int err = c ? 0 : -ENOMEM;

	if (codec == CODEC_H264)
		params.format.h264 = (struct h264_format){ .profile_idc = 66, .profile_iop = 0xe0,
			.level_idc = 40, .packetization_mode = 1 };
	if (!err) {
		c->codec = codec;
		c->width = width;
		c->height = height;
		c->fps = fps;
		c->n_frames = (unsigned)fps * seconds;
		if (c->n_frames > CLIP_MODULO)
			c->n_frames = CLIP_MODULO / (unsigned)fps * (unsigned)fps;
		c->frame = calloc(c->n_frames, sizeof(*c->frame));
		err = c->frame ? feed_open(&feed, file) : -ENOMEM;
	}
	if (!err)
		err = video_encoder_new(&encoder, &params);
	for (unsigned n = 0; !err && n < c->n_frames; n++)
		err = make_frame(&m, &feed, encoder, &packer, n);
	video_encoder_free(encoder);
	feed_close(&feed);
	if (err) {
		clip_free(c);
		return err;
	}
	*out = c;
	return 0;
}

struct clip *clip_free(struct clip *self)
{
	if (self) {
		free(self->frame);
		free(self->packet);
		free(self->data);
		free(self);
	}
	return NULL;
}
