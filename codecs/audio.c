/* SPDX-License-Identifier: GPL-3.0-or-later
 * Audio codecs: from a format to its function table, and the checks that are
 * the same for all of them. */
#include "codecs/audio.h"

#include "codecs/audio_ops.h"

#include <errno.h>
#include <stdlib.h>

static const struct audio_ops *audio_ops_of(const struct codec_format *format)
{
	switch (format->id) {
	case CODEC_PCMU:
		return &audio_pcmu;
	case CODEC_PCMA:
		return &audio_pcma;
	case CODEC_G722:
		return &audio_g722;
	case CODEC_OPUS:
		return &audio_opus;
	case CODEC_L16:
		return &audio_l16;
	case CODEC_G729:
		return &audio_g729;
	case CODEC_CN:
		return &audio_cn;
	default:
		return NULL;
	}
}

uint32_t audio_rate(const struct codec_format *format)
{
	switch (format->id) {
	case CODEC_PCMU:
	case CODEC_PCMA:
	case CODEC_G729:
		return 8000;
	case CODEC_G722:
		return 16000;
	case CODEC_OPUS:
		return 48000;
	case CODEC_CN:
		return format->clock_rate ? format->clock_rate : 8000;
	case CODEC_L16:
		return format->clock_rate;
	default:
		return 0;
	}
}

static bool opus_format_equal(const struct opus_format *a, const struct opus_format *b)
{
	return a->max_playback_rate == b->max_playback_rate &&
		a->max_average_bitrate == b->max_average_bitrate &&
		a->cbr == b->cbr && a->useinbandfec == b->useinbandfec && a->usedtx == b->usedtx;
}

bool audio_format_equal(const struct codec_format *a, const struct codec_format *b)
{
	if (a->id != b->id || a->clock_rate != b->clock_rate)
		return false;
	switch (a->id) {
	case CODEC_OPUS:
		return opus_format_equal(&a->opus, &b->opus);
	case CODEC_G729:
		return a->g729.annexb_no == b->g729.annexb_no;
	case CODEC_L16:
		return a->channels == b->channels;
	default:
		return true;
	}
}

int audio_encoder_new(struct audio_encoder **out, const struct codec_format *format,
		      uint32_t bitrate)
{
	const struct audio_ops *ops = audio_ops_of(format);
	struct audio_encoder *self;
	int rc;

	if (!ops || !ops->enc_size || !audio_rate_known(audio_rate(format)))
		return -ENOTSUP;
	self = calloc(1, ops->enc_size);
	if (!self)
		return -ENOMEM;
	self->ops = ops;
	self->format = *format;
	self->rate = audio_rate(format);
	rc = ops->enc_init ? ops->enc_init(self, bitrate) : 0;
	if (rc) {
		audio_encoder_free(self);
		return rc;
	}
	*out = self;
	return 0;
}

int audio_encode(struct audio_encoder *self, const int16_t *pcm, size_t samples,
		 uint8_t *buf, size_t cap)
{
	size_t unit = self->rate * self->ops->unit_ms / 1000;

	if (samples == 0 || samples > AUDIO_MAX_SAMPLES || samples > self->rate * 120 / 1000 ||
	    (unit && samples % unit))
		return -EINVAL;
	self->skipped = 0;
	return self->ops->encode(self, pcm, samples, buf, cap);
}

size_t audio_encoder_skipped(const struct audio_encoder *self)
{
	return self->skipped;
}

int audio_encoder_fork(struct audio_encoder **out, const struct audio_encoder *from)
{
	struct audio_encoder *self;
	int rc;

	if (!from->ops->enc_fork)
		return -ENOTSUP;
	self = calloc(1, from->ops->enc_size);
	if (!self)
		return -ENOMEM;
	self->ops = from->ops;
	self->format = from->format;
	self->rate = from->rate;
	rc = from->ops->enc_fork(self, from);
	if (rc) {
		audio_encoder_free(self);
		return rc;
	}
	*out = self;
	return 0;
}

void audio_encoder_loss(struct audio_encoder *self, int percent)
{
	if (percent < 0)
		percent = 0;
	if (self->ops->loss)
		self->ops->loss(self, percent > 100 ? 100 : percent);
}

struct audio_encoder *audio_encoder_free(struct audio_encoder *self)
{
	if (self && self->ops->enc_fini)
		self->ops->enc_fini(self);
	free(self);
	return NULL;
}

int audio_decoder_new(struct audio_decoder **out, const struct codec_format *format)
{
	const struct audio_ops *ops = audio_ops_of(format);
	struct audio_decoder *self;
	int rc;

	if (!ops || !ops->dec_size || !audio_rate_known(audio_rate(format)))
		return -ENOTSUP;
	self = calloc(1, ops->dec_size);
	if (!self)
		return -ENOMEM;
	self->ops = ops;
	self->format = *format;
	self->rate = audio_rate(format);
	rc = ops->needs_plc ? plc_new(&self->plc, self->rate) : 0;
	if (!rc && ops->dec_init)
		rc = ops->dec_init(self);
	if (rc) {
		audio_decoder_free(self);
		return rc;
	}
	*out = self;
	return 0;
}

int audio_decode(struct audio_decoder *self, const uint8_t *data, size_t len,
		 int16_t *pcm, size_t cap)
{
	int n = audio_packet_samples(self, data, len);

	if (n < 0)
		return n;
	if ((size_t)n > cap)
		return -EBADMSG;
	n = self->ops->decode(self, data, len, pcm, cap);
	if (n > 0 && self->plc)
		plc_good(self->plc, pcm, (size_t)n);
	return n;
}

int audio_conceal(struct audio_decoder *self, const uint8_t *next, size_t next_len,
		  int16_t *pcm, size_t samples)
{
	if (!samples)
		return 0;
	if (samples > AUDIO_MAX_SAMPLES)
		return -EINVAL;
	if (!next)
		next_len = 0;
	self->made_up = true;
	if (self->ops->conceal) {
		int n = self->ops->conceal(self, next, next_len, pcm, samples);

		if (n < 0 || !self->plc)
			return n;
	}
	if (self->made_up)
		plc_lost(self->plc, pcm, samples);
	else
		plc_good(self->plc, pcm, samples);
	return (int)samples;
}

int audio_packet_samples(const struct audio_decoder *self, const uint8_t *data, size_t len)
{
	int n;

	if (!data || !len || len > AUDIO_MAX_BYTES)
		return -EBADMSG;
	n = self->ops->packet_samples(self, data, len);
	if (n < 0 || n > AUDIO_MAX_SAMPLES)
		return -EBADMSG;
	return n;
}

bool audio_decoder_silent(const struct audio_decoder *self)
{
	return self->silent;
}

bool audio_packet_quiet(const struct audio_decoder *self, const uint8_t *data, size_t len)
{
	return len && self->ops->packet_quiet && self->ops->packet_quiet(data, len);
}

struct audio_decoder *audio_decoder_free(struct audio_decoder *self)
{
	if (!self)
		return NULL;
	if (self->ops->dec_fini)
		self->ops->dec_fini(self);
	plc_free(self->plc);
	free(self);
	return NULL;
}
