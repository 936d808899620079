/* SPDX-License-Identifier: GPL-3.0-or-later
 * G.722 at 64 kbit/s ⟨FFmpeg⟩. Two samples to a byte, at 16 kHz; FFmpeg is fed
 * frames of 10 ms, which cuts any packet time evenly. */
#include "codecs/audio_ops.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <string.h>

enum { G722_FRAME = 160 };

struct g722_encoder {
	struct audio_encoder base;
	AVCodecContext *ctx;
	AVFrame *frame;
	AVPacket *packet;
};

struct g722_decoder {
	struct audio_decoder base;
	AVCodecContext *ctx;
	AVFrame *frame;
	AVPacket *packet;
	uint8_t data[AUDIO_MAX_BYTES + AV_INPUT_BUFFER_PADDING_SIZE];
};

static int g722_open(AVCodecContext **out, const AVCodec *codec)
{
	AVCodecContext *ctx;

	if (!codec)
		return -ENOTSUP;
	ctx = avcodec_alloc_context3(codec);
	if (!ctx)
		return -ENOMEM;
	ctx->sample_fmt = AV_SAMPLE_FMT_S16;
	ctx->sample_rate = 16000;
	av_channel_layout_default(&ctx->ch_layout, 1);
	ctx->frame_size = G722_FRAME;
	ctx->thread_count = 1;
	if (avcodec_open2(ctx, codec, NULL) < 0) {
		avcodec_free_context(&ctx);
		return -ENOTSUP;
	}
	*out = ctx;
	return 0;
}

static int g722_enc_init(struct audio_encoder *base, uint32_t bitrate)
{
	struct g722_encoder *self = (struct g722_encoder *)base;
	int rc;

	(void)bitrate;
	rc = g722_open(&self->ctx, avcodec_find_encoder(AV_CODEC_ID_ADPCM_G722));
	if (rc)
		return rc;
	self->frame = av_frame_alloc();
	self->packet = av_packet_alloc();
	if (!self->frame || !self->packet)
		return -ENOMEM;
	self->frame->format = AV_SAMPLE_FMT_S16;
	self->frame->sample_rate = 16000;
	self->frame->nb_samples = G722_FRAME;
	if (av_channel_layout_copy(&self->frame->ch_layout, &self->ctx->ch_layout) ||
	    av_frame_get_buffer(self->frame, 0))
		return -ENOMEM;
	return 0;
}

static int g722_encode(struct audio_encoder *base, const int16_t *pcm, size_t samples,
		       uint8_t *buf, size_t cap)
{
	struct g722_encoder *self = (struct g722_encoder *)base;
	size_t len = 0;

	for (size_t i = 0; i < samples; i += G722_FRAME) {
		if (av_frame_make_writable(self->frame))
			return -ENOMEM;
		memcpy(self->frame->data[0], pcm + i, G722_FRAME * sizeof(*pcm));
		if (avcodec_send_frame(self->ctx, self->frame) ||
		    avcodec_receive_packet(self->ctx, self->packet))
			return -EIO;
		if (len + (size_t)self->packet->size > cap) {
			av_packet_unref(self->packet);
			return -ENOSPC;
		}
		memcpy(buf + len, self->packet->data, (size_t)self->packet->size);
		len += (size_t)self->packet->size;
		av_packet_unref(self->packet);
	}
	return (int)len;
}

static void g722_enc_fini(struct audio_encoder *base)
{
	struct g722_encoder *self = (struct g722_encoder *)base;

	av_packet_free(&self->packet);
	av_frame_free(&self->frame);
	avcodec_free_context(&self->ctx);
}

static int g722_dec_init(struct audio_decoder *base)
{
	struct g722_decoder *self = (struct g722_decoder *)base;
	int rc;

	rc = g722_open(&self->ctx, avcodec_find_decoder(AV_CODEC_ID_ADPCM_G722));
	if (rc)
		return rc;
	self->frame = av_frame_alloc();
	self->packet = av_packet_alloc();
	return self->frame && self->packet ? 0 : -ENOMEM;
}

static int g722_packet_samples(const struct audio_decoder *self, const uint8_t *data,
			       size_t len)
{
	(void)self;
	(void)data;
	return (int)(2 * len);
}

static int g722_decode(struct audio_decoder *base, const uint8_t *data, size_t len,
		       int16_t *pcm, size_t cap)
{
	struct g722_decoder *self = (struct g722_decoder *)base;
	int n;

	/* FFmpeg may read a little past the end. */
	memcpy(self->data, data, len);
	memset(self->data + len, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	self->packet->data = self->data;
	self->packet->size = (int)len;
	if (avcodec_send_packet(self->ctx, self->packet) ||
	    avcodec_receive_frame(self->ctx, self->frame))
		return -EBADMSG;
	n = self->frame->nb_samples;
	if (n < 0 || (size_t)n > cap)
		n = -EBADMSG;
	else
		memcpy(pcm, self->frame->data[0], (size_t)n * sizeof(*pcm));
	av_frame_unref(self->frame);
	return n;
}

static void g722_dec_fini(struct audio_decoder *base)
{
	struct g722_decoder *self = (struct g722_decoder *)base;

	av_packet_free(&self->packet);
	av_frame_free(&self->frame);
	avcodec_free_context(&self->ctx);
}

const struct audio_ops audio_g722 = {
	.enc_size = sizeof(struct g722_encoder),
	.dec_size = sizeof(struct g722_decoder),
	.needs_plc = true,
	.unit_ms = 10,
	.enc_init = g722_enc_init,
	.encode = g722_encode,
	.enc_fini = g722_enc_fini,
	.dec_init = g722_dec_init,
	.decode = g722_decode,
	.packet_samples = g722_packet_samples,
	.dec_fini = g722_dec_fini,
};
