/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video decoders ⟨FFmpeg⟩: one thread, no delay, whole pictures only.
 *
 * FFmpeg repairs damaged pictures by guessing and marks them; what is marked is
 * thrown away here. After damage nothing is decoded until a frame comes that
 * stands on its own, so that a torn picture or what is predicted from one is
 * never seen: whoever shows the stream keeps the last good picture. */
#include "codecs/annexb.h"
#include "codecs/h263.h"
#include "codecs/h264_sps.h"
#include "codecs/video_int.h"

#include "base/ref.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <pthread.h>
#include <stdlib.h>

struct video_decoder {
	enum codec_id codec;
	AVCodecContext *ctx;
	AVPacket *packet;
	AVFrame *frame;
	bool need_key;
	bool trying;    /* H.261: it is not known yet whether this picture stands */
	unsigned clean; /* and pictures decoded since the damage */
};

enum {
	MAX_SIDE = 4096,
	MAX_PIXELS = 4096 * 2304, /* the largest picture of level 5.2 */
	MAX_DPB_MBS = 184320,     /* decoded picture buffer of level 5.2 */
	H261_REFRESH = 132,       /* no macroblock goes longer without intra (3.4) */
};

static void no_log(void *ptr, int level, const char *fmt, va_list args)
{
	(void)ptr;
	(void)level;
	(void)fmt;
	(void)args;
}

static void init_once(void)
{
	av_log_set_callback(no_log);
}

void video_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_once);
}

static enum AVCodecID av_id(enum codec_id id)
{
	switch (id) {
	case CODEC_H264:
		return AV_CODEC_ID_H264;
	case CODEC_VP8:
		return AV_CODEC_ID_VP8;
	case CODEC_H263_1998:
	case CODEC_H263:
		return AV_CODEC_ID_H263;
	case CODEC_H261:
		return AV_CODEC_ID_H261;
	default:
		return AV_CODEC_ID_NONE;
	}
}

static int get_buffer(AVCodecContext *ctx, AVFrame *frame, int flags)
{
	if (frame->width > MAX_SIDE + 64 || frame->height > MAX_SIDE + 64)
		return AVERROR(EINVAL);
	return avcodec_default_get_buffer2(ctx, frame, flags);
}

/* No hardware, and nothing but 8-bit 4:2:0. */
static enum AVPixelFormat get_format(AVCodecContext *ctx, const enum AVPixelFormat *list)
{
	(void)ctx;
	for (; *list != AV_PIX_FMT_NONE; list++)
		if (*list == AV_PIX_FMT_YUV420P || *list == AV_PIX_FMT_YUVJ420P)
			return *list;
	return AV_PIX_FMT_NONE;
}

static void configure(AVCodecContext *ctx, enum codec_id codec)
{
	if (codec == CODEC_H261) /* its motion vectors tell intra from predicted */
		ctx->export_side_data |= AV_CODEC_EXPORT_DATA_MVS;
	ctx->thread_count = 1;
	ctx->flags |= AV_CODEC_FLAG_LOW_DELAY | AV_CODEC_FLAG_UNALIGNED;
	ctx->max_pixels = MAX_PIXELS;
	ctx->get_buffer2 = get_buffer;
	ctx->get_format = get_format;
	ctx->pkt_timebase = (AVRational){ 1, 1000000 };
}

int video_decoder_new(struct video_decoder **out, enum codec_id codec)
{
	const AVCodec *av = avcodec_find_decoder(av_id(codec));
	struct video_decoder *self;
	int r = -ENOMEM;

	if (!av || av_id(codec) == AV_CODEC_ID_NONE)
		return -ENOTSUP;
	video_init();
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->codec = codec;
	self->need_key = true;
	self->ctx = avcodec_alloc_context3(av);
	self->packet = av_packet_alloc();
	self->frame = av_frame_alloc();
	if (!self->ctx || !self->packet || !self->frame)
		goto out;
	configure(self->ctx, codec);
	r = -ENOTSUP;
	if (avcodec_open2(self->ctx, av, NULL) < 0)
		goto out;
	*out = self;
	return 0;
out:
	video_decoder_free(self);
	return r;
}

struct video_decoder *video_decoder_free(struct video_decoder *self)
{
	if (!self)
		return NULL;
	avcodec_free_context(&self->ctx);
	av_packet_free(&self->packet);
	av_frame_free(&self->frame);
	free(self);
	return NULL;
}

/* ---- what is in a frame ------------------------------------------------------- */

struct content {
	bool picture; /* coded picture data, not parameters only */
	bool entry;   /* decoding can begin here */
	bool params;  /* H.264 parameter sets */
	bool try;     /* whether it can is seen afterwards */
};

/* What this build is ready to hold in memory for a stream. */
static bool sps_ok(const uint8_t *nal, size_t len)
{
	struct h264_sps s;

	if (h264_sps_parse(&s, nal, len) < 0)
		return false;
	return s.chroma_format_idc == 1 && s.bit_depth_luma == 8 && s.bit_depth_chroma == 8 &&
	       s.mb_width * 16 <= MAX_SIDE && s.mb_height * 16 <= MAX_SIDE &&
	       (uint64_t)s.mb_width * s.mb_height <= MAX_PIXELS / 256 &&
	       (uint64_t)s.mb_width * s.mb_height * s.num_ref_frames <= MAX_DPB_MBS;
}

/* Slices of a picture come in order, the first of them with macroblock 0 (no
 * arbitrary slice order in the profiles we take). */
static int slice_order(int64_t *last_mb, const uint8_t *nal, size_t len)
{
	uint32_t mb;

	if (h264_first_mb(&mb, nal, len) < 0 || (*last_mb < 0 && mb != 0))
		return -EBADMSG;
	*last_mb = mb;
	return 0;
}

static int h264_content(struct content *c, const struct coded *frame)
{
	int64_t last_mb = -1;

	for (uint32_t i = 0; i < frame->n_units; i++) {
		const uint8_t *nal = frame->data + frame->unit[i].offset;
		size_t len = frame->unit[i].len;

		switch (len ? nal[0] & 31 : 0) {
		case NAL_IDR:
			c->entry = true;
			/* fallthrough */
		case NAL_SLICE:
			c->picture = true;
			if (slice_order(&last_mb, nal, len) < 0)
				return -EBADMSG;
			break;
		case NAL_SEI:
			c->entry |= h264_sei_recovery(nal, len);
			break;
		case NAL_SPS:
			if (!sps_ok(nal, len))
				return -EBADMSG;
			/* fallthrough */
		case NAL_PPS:
			c->params = true;
			break;
		}
	}
	return 0;
}

/* RFC 6386 9.1: frame tag, and in key frames start code and size. */
static int vp8_content(struct content *c, const struct coded *frame)
{
	const uint8_t *p = frame->data;
	bool key;
	size_t head, first;

	if (frame->len < 3)
		return -EBADMSG;
	key = !(p[0] & 1);
	head = key ? 10 : 3;
	first = (size_t)(p[0] | p[1] << 8 | p[2] << 16) >> 5;
	if (frame->len < head || first > frame->len - head)
		return -EBADMSG;
	if (key) {
		unsigned w = (p[6] | p[7] << 8) & 0x3fff, h = (p[8] | p[9] << 8) & 0x3fff;

		if (p[3] != 0x9d || p[4] != 0x01 || p[5] != 0x2a || w < 2 || h < 2 ||
		    w > MAX_SIDE || h > MAX_SIDE)
			return -EBADMSG;
	}
	c->picture = true;
	c->entry = key;
	return 0;
}

static int h263_content(struct content *c, const struct coded *frame)
{
	struct h263_picture p;

	if (h263_picture_parse(&p, frame->data, frame->len) < 0)
		return -EBADMSG;
	c->picture = true;
	c->entry = p.intra;
	return 0;
}

/* H.261 does not say whether a picture is intra, only its macroblocks do: that
 * is seen when it is decoded. */
static int h261_content(struct content *c, const struct coded *frame)
{
	struct h261_picture p;

	if (h261_picture_parse(&p, frame->data, frame->len) < 0)
		return -EBADMSG;
	c->picture = c->entry = c->try = true;
	return 0;
}

static int look(struct content *c, enum codec_id codec, const struct coded *frame)
{
	*c = (struct content){ 0 };
	switch (codec) {
	case CODEC_H264:
		return h264_content(c, frame);
	case CODEC_VP8:
		return vp8_content(c, frame);
	case CODEC_H261:
		return h261_content(c, frame);
	default:
		return h263_content(c, frame);
	}
}

/* ---- bytes for FFmpeg ---------------------------------------------------------- */

static void drop_coded(void *coded, uint8_t *data)
{
	(void)data;
	ref_drop(coded);
}

/* True when every NAL unit stands behind its start code already. */
static bool is_byte_stream(const struct coded *f)
{
	static const uint8_t start[4] = { 0, 0, 0, 1 };
	size_t at = 0;

	for (uint32_t i = 0; i < f->n_units; i++) {
		if (f->unit[i].offset != at + 4 || memcmp(f->data + at, start, 4) != 0)
			return false;
		at = (size_t)f->unit[i].offset + f->unit[i].len;
	}
	return at == f->len;
}

/* A byte stream of the units of a frame whose type has its bit in `types`. */
static struct coded *byte_stream(const struct coded *f, uint32_t types)
{
	size_t cap = 0;
	struct coded *out;

	for (uint32_t i = 0; i < f->n_units; i++)
		cap += f->unit[i].len + 4;
	out = coded_new(cap, 0);
	if (!out)
		return NULL;
	for (uint32_t i = 0; i < f->n_units; i++) {
		const uint8_t *nal = f->data + f->unit[i].offset;

		if (f->unit[i].len == 0 || !(types >> (nal[0] & 31) & 1))
			continue;
		out->data[out->len + 3] = 1;
		memcpy(out->data + out->len + 4, nal, f->unit[i].len);
		out->len += f->unit[i].len + 4;
	}
	return out;
}

/* Hands over the bytes without copying; takes the reference. */
static int send(struct video_decoder *self, struct coded *bytes, int64_t time_us)
{
	AVPacket *p = self->packet;
	int r;

	if (bytes->len == 0) { /* would mean the end of the stream */
		ref_drop(bytes);
		return -EBADMSG;
	}
	p->buf = av_buffer_create(bytes->data, bytes->len + AV_INPUT_BUFFER_PADDING_SIZE,
				  drop_coded, bytes, AV_BUFFER_FLAG_READONLY);
	if (!p->buf) {
		ref_drop(bytes);
		return -ENOMEM;
	}
	p->data = bytes->data;
	p->size = (int)bytes->len;
	p->pts = time_us;
	r = avcodec_send_packet(self->ctx, p);
	av_packet_unref(p);
	if (r == AVERROR(ENOMEM))
		return -ENOMEM;
	return r < 0 ? -EBADMSG : 0;
}

/* ---- pictures from FFmpeg ------------------------------------------------------- */

static void drop_frame(void *arg)
{
	AVFrame *frame = arg;

	av_frame_free(&frame);
}

/* Without a word in the stream: high definition is BT.709, the rest BT.601. */
static enum colour colour_of(const AVFrame *f)
{
	switch (f->colorspace) {
	case AVCOL_SPC_BT709:
		return COLOUR_BT709;
	case AVCOL_SPC_BT470BG:
	case AVCOL_SPC_SMPTE170M:
	case AVCOL_SPC_FCC:
	case AVCOL_SPC_SMPTE240M:
		return COLOUR_BT601;
	default:
		return f->height >= 720 ? COLOUR_BT709 : COLOUR_BT601;
	}
}

/* CIF and its relatives have pixels of 12:11 unless the stream says otherwise
 * (ITU-T H.261 3.1, H.263 4.1). */
static bool is_cif(int w, int h)
{
	return (w == 128 && h == 96) || (w == 176 && h == 144) || (w == 352 && h == 288) ||
	       (w == 704 && h == 576) || (w == 1408 && h == 1152);
}

static void describe(struct picture *p, const AVFrame *f, enum codec_id codec)
{
	AVRational sar = f->sample_aspect_ratio;

	p->time_us = f->pts == AV_NOPTS_VALUE ? 0 : f->pts;
	p->full_range = f->color_range == AVCOL_RANGE_JPEG || f->format == AV_PIX_FMT_YUVJ420P;
	p->colour = codec == CODEC_H264 ? colour_of(f) : COLOUR_BT601;
	if (sar.num > 0 && sar.den > 0 && sar.num <= UINT16_MAX && sar.den <= UINT16_MAX) {
		p->sar_num = (uint16_t)sar.num;
		p->sar_den = (uint16_t)sar.den;
	} else if (codec != CODEC_VP8 && is_cif(f->width, f->height)) {
		p->sar_num = 12;
		p->sar_den = 11;
	}
}

/* A picture over the frame's own memory. NULL when it is not one we can show. */
static struct picture *wrap(const AVFrame *f, enum codec_id codec)
{
	AVFrame *held;
	struct picture *p;
	int w = f->width & ~1, h = f->height & ~1;
	int bytes;

	if (f->format != AV_PIX_FMT_YUV420P && f->format != AV_PIX_FMT_YUVJ420P)
		return NULL;
	held = av_frame_clone(f);
	if (!held)
		return NULL;
	bytes = av_image_get_buffer_size(AV_PIX_FMT_YUV420P, f->width, f->height, 1);
	p = picture_wrap(w, h, held->data, held->linesize, bytes > 0 ? (size_t)bytes : 0,
			 drop_frame, held);
	if (!p) {
		av_frame_free(&held);
		return NULL;
	}
	describe(p, f, codec);
	return p;
}

static bool damaged(const AVFrame *f)
{
	return f->flags & AV_FRAME_FLAG_CORRUPT || f->decode_error_flags;
}

/* True when an H.261 picture shows nothing of what was before it: it has no
 * predicted macroblock, or so many pictures have passed that each one has been
 * intra. */
static bool h261_stands(struct video_decoder *self, const AVFrame *f)
{
	return !av_frame_get_side_data(f, AV_FRAME_DATA_MOTION_VECTORS) ||
	       ++self->clean > H261_REFRESH;
}

/* Takes what came out, the last one if there are several. */
static int receive(struct video_decoder *self, struct picture **out)
{
	struct picture *p = NULL;
	int r;

	while ((r = avcodec_receive_frame(self->ctx, self->frame)) == 0) {
		bool bad = damaged(self->frame) ||
			   (self->trying && !h261_stands(self, self->frame));

		if (damaged(self->frame))
			self->clean = 0;
		ref_drop(p);
		p = bad ? NULL : wrap(self->frame, self->codec);
		av_frame_unref(self->frame);
		if (!p)
			return -EBADMSG;
	}
	if (r != AVERROR(EAGAIN)) {
		ref_drop(p);
		return -EBADMSG;
	}
	*out = p;
	return 0;
}

/* ---- decoding -------------------------------------------------------------------- */

/* Parameter sets are worth keeping even out of a frame that cannot be decoded:
 * some peers send them once. */
static void keep_params(struct video_decoder *self, const struct coded *frame)
{
	struct coded *bytes = byte_stream(frame, 1u << NAL_SPS | 1u << NAL_PPS);
	struct picture *p = NULL;

	if (bytes && send(self, bytes, 0) == 0 && receive(self, &p) == 0)
		ref_drop(p);
}

static int decode(struct video_decoder *self, const struct coded *frame,
		  const struct content *content, struct picture **out)
{
	struct coded *bytes;
	int r;

	if (self->codec != CODEC_H264 || is_byte_stream(frame))
		bytes = ref_hold((void *)(uintptr_t)frame);
	else
		bytes = byte_stream(frame, UINT32_MAX);
	if (!bytes)
		return -ENOMEM;
	r = send(self, bytes, frame->time_us);
	if (!content->picture)
		return 0; /* FFmpeg complains that there is no picture */
	return r < 0 ? r : receive(self, out);
}

int video_decode(struct video_decoder *self, const struct coded *frame, struct picture **out)
{
	struct content content;
	struct picture *p = NULL;
	int r;

	if (frame->codec != self->codec || frame->len == 0 || frame->n_units == 0)
		return -EBADMSG;
	r = look(&content, self->codec, frame);
	if (r < 0 || frame->corrupt || (self->need_key && content.picture && !content.entry)) {
		self->need_key = true;
		self->clean = 0;
		if (r == 0 && content.params)
			keep_params(self, frame);
		return -EBADMSG;
	}
	self->trying = self->need_key && content.try;
	if (self->need_key && content.entry && !content.try)
		avcodec_flush_buffers(self->ctx);
	if (content.entry)
		self->need_key = false;
	r = decode(self, frame, &content, &p);
	if (r < 0)
		self->need_key = true;
	else
		*out = p;
	return r;
}
