/* SPDX-License-Identifier: GPL-3.0-or-later
 * Codecs whose every sample stands for itself: G.711 in both laws and L16
 * (RFC 3551 4.5.11, 4.5.14). */
#include "codecs/audio_ops.h"

#include <errno.h>

/* ---- G.711 ---------------------------------------------------------------- */

enum { ULAW_BIAS = 0x84, ULAW_CLIP = 32635 };

/* The position of the highest set bit; v is not 0. */
static int top_bit(unsigned v)
{
	return 31 - __builtin_clz(v);
}

static uint8_t ulaw_of(int16_t s)
{
	unsigned sign = s < 0 ? 0x80 : 0;
	unsigned v = (unsigned)(s < 0 ? -(int)s : s);
	unsigned seg;

	if (v > ULAW_CLIP)
		v = ULAW_CLIP;
	v += ULAW_BIAS;
	seg = (unsigned)top_bit(v) - 7; /* 0x84 has bit 7 on top */
	return (uint8_t)~(sign | seg << 4 | (v >> (seg + 3) & 0x0f));
}

static int16_t ulaw_to(uint8_t u)
{
	unsigned c = (uint8_t)~u;
	int v = (int)((((c & 0x0f) << 3) + ULAW_BIAS) << (c >> 4 & 7)) - ULAW_BIAS;

	return (int16_t)(c & 0x80 ? -v : v);
}

/* G.711 table 1: 13 significant bits; every second bit is inverted on the wire. */
static uint8_t alaw_of(int16_t s)
{
	unsigned sign = s < 0 ? 0 : 0x80;
	unsigned v = (unsigned)(s < 0 ? ~(int)s : s) >> 4;
	unsigned seg;

	if (v >= 32) { /* segments 0 and 1 are one straight line */
		seg = (unsigned)top_bit(v) - 3;
		v = seg << 4 | (v >> (seg - 1) & 0x0f);
	}
	return (uint8_t)((sign | v) ^ 0x55);
}

static int16_t alaw_to(uint8_t a)
{
	unsigned c = a ^ 0x55;
	unsigned seg = c >> 4 & 7;
	int v = (int)((c & 0x0f) << 4) + 8;

	if (seg)
		v = (v + 0x100) << (seg - 1);
	return (int16_t)(c & 0x80 ? v : -v);
}

/* No state beyond the common part. */
static int pcm_enc_fork(struct audio_encoder *self, const struct audio_encoder *from)
{
	(void)self;
	(void)from;
	return 0;
}

static int pcmu_encode(struct audio_encoder *self, const int16_t *pcm, size_t samples,
		       uint8_t *buf, size_t cap)
{
	(void)self;
	if (cap < samples)
		return -ENOSPC;
	for (size_t i = 0; i < samples; i++)
		buf[i] = ulaw_of(pcm[i]);
	return (int)samples;
}

static int pcma_encode(struct audio_encoder *self, const int16_t *pcm, size_t samples,
		       uint8_t *buf, size_t cap)
{
	(void)self;
	if (cap < samples)
		return -ENOSPC;
	for (size_t i = 0; i < samples; i++)
		buf[i] = alaw_of(pcm[i]);
	return (int)samples;
}

static int g711_packet_samples(const struct audio_decoder *self, const uint8_t *data,
			       size_t len)
{
	(void)self;
	(void)data;
	return (int)len;
}

static int pcmu_decode(struct audio_decoder *self, const uint8_t *data, size_t len,
		       int16_t *pcm, size_t cap)
{
	(void)self;
	(void)cap;
	for (size_t i = 0; i < len; i++)
		pcm[i] = ulaw_to(data[i]);
	return (int)len;
}

static int pcma_decode(struct audio_decoder *self, const uint8_t *data, size_t len,
		       int16_t *pcm, size_t cap)
{
	(void)self;
	(void)cap;
	for (size_t i = 0; i < len; i++)
		pcm[i] = alaw_to(data[i]);
	return (int)len;
}

const struct audio_ops audio_pcmu = {
	.enc_size = sizeof(struct audio_encoder),
	.dec_size = sizeof(struct audio_decoder),
	.needs_plc = true,
	.enc_fork = pcm_enc_fork,
	.encode = pcmu_encode,
	.decode = pcmu_decode,
	.packet_samples = g711_packet_samples,
};

const struct audio_ops audio_pcma = {
	.enc_size = sizeof(struct audio_encoder),
	.dec_size = sizeof(struct audio_decoder),
	.needs_plc = true,
	.enc_fork = pcm_enc_fork,
	.encode = pcma_encode,
	.decode = pcma_decode,
	.packet_samples = g711_packet_samples,
};

/* ---- L16 ------------------------------------------------------------------ */

static int l16_enc_init(struct audio_encoder *self, uint32_t bitrate)
{
	(void)bitrate;
	return self->format.channels > 1 ? -ENOTSUP : 0;
}

static int l16_dec_init(struct audio_decoder *self)
{
	return self->format.channels > 1 ? -ENOTSUP : 0;
}

static int l16_encode(struct audio_encoder *self, const int16_t *pcm, size_t samples,
		      uint8_t *buf, size_t cap)
{
	(void)self;
	if (cap < 2 * samples)
		return -ENOSPC;
	for (size_t i = 0; i < samples; i++) {
		buf[2 * i] = (uint8_t)((uint16_t)pcm[i] >> 8);
		buf[2 * i + 1] = (uint8_t)pcm[i];
	}
	return (int)(2 * samples);
}

static int l16_packet_samples(const struct audio_decoder *self, const uint8_t *data,
			      size_t len)
{
	(void)self;
	(void)data;
	return len % 2 ? -EBADMSG : (int)(len / 2);
}

static int l16_decode(struct audio_decoder *self, const uint8_t *data, size_t len,
		      int16_t *pcm, size_t cap)
{
	(void)self;
	(void)cap;
	for (size_t i = 0; i < len / 2; i++)
		pcm[i] = (int16_t)(uint16_t)(data[2 * i] << 8 | data[2 * i + 1]);
	return (int)(len / 2);
}

const struct audio_ops audio_l16 = {
	.enc_size = sizeof(struct audio_encoder),
	.dec_size = sizeof(struct audio_decoder),
	.needs_plc = true,
	.enc_init = l16_enc_init,
	.dec_init = l16_dec_init,
	.enc_fork = pcm_enc_fork,
	.encode = l16_encode,
	.decode = l16_decode,
	.packet_samples = l16_packet_samples,
};
