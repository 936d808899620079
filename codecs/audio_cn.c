/* SPDX-License-Identifier: GPL-3.0-or-later
 * Comfort noise (RFC 3389): a level and the reflection coefficients of an
 * all-pole filter. "Encoding" describes a frame of background sound, "decoding"
 * takes such a description, and concealment makes noise that fits it. */
#include "codecs/audio_ops.h"
#include "codecs/lpc.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum {
	CN_ORDER = 8,      /* what we send */
	CN_MAX_ORDER = 24, /* what we use of what comes; RFC 3389 3.3 lets us cut */
	CN_QUIET = 75,     /* -dBov: below it nobody hears a colour */
	CN_SILENCE = 127,
};

struct cn_decoder {
	struct audio_decoder base;
	unsigned order;
	float k[CN_MAX_ORDER + 1], b[CN_MAX_ORDER + 1]; /* lattice */
	float gain, target;
	uint32_t random;
};

static int cn_encode(struct audio_encoder *base, const int16_t *pcm, size_t samples,
		     uint8_t *buf, size_t cap)
{
	float x[1024], a[CN_ORDER + 1], k[CN_ORDER + 1];
	size_t n = samples < 1024 ? samples : 1024;
	int level = -audio_level(pcm, samples);

	(void)base;
	if (cap < 1 + CN_ORDER)
		return -ENOSPC;
	buf[0] = (uint8_t)level;
	if (level >= CN_QUIET)
		return 1;
	for (size_t i = 0; i < n; i++)
		x[i] = pcm[samples - n + i];
	lpc_analyse(x, n, CN_ORDER, a, k);
	for (unsigned i = 1; i <= CN_ORDER; i++) /* 3.2: k = 258 (N - 127) / 32768 */
		buf[i] = (uint8_t)(127 + lrintf(k[i] * 32768 / 258));
	return 1 + CN_ORDER;
}

static int cn_dec_init(struct audio_decoder *base)
{
	struct cn_decoder *self = (struct cn_decoder *)base;

	self->random = 1;
	base->silent = true;
	return 0;
}

static int cn_packet_samples(const struct audio_decoder *self, const uint8_t *data, size_t len)
{
	(void)self;
	(void)data;
	(void)len;
	return 0; /* it lasts until something else comes */
}

static int cn_decode(struct audio_decoder *base, const uint8_t *data, size_t len,
		     int16_t *pcm, size_t cap)
{
	struct cn_decoder *self = (struct cn_decoder *)base;
	float residual = 1;
	unsigned order = (unsigned)(len - 1 < CN_MAX_ORDER ? len - 1 : CN_MAX_ORDER);

	(void)pcm;
	(void)cap;
	for (unsigned i = 1; i <= order; i++) {
		int v = data[i] == 255 ? 127 : data[i]; /* 255 is reserved */

		self->k[i] = (float)(258 * (v - 127)) / 32768;
		residual *= 1 - self->k[i] * self->k[i];
	}
	for (unsigned i = order; i < self->order; i++)
		self->b[i] = 0;
	self->order = order;
	/* White noise in [-1, 1) has the power 1/3; the filter gives back what
	 * the residual lacks. The level is of the result. */
	self->target = (data[0] & 0x7f) == CN_SILENCE ? 0 :
		32768 * powf(10, -(float)(data[0] & 0x7f) / 20) * sqrtf(3 * residual);
	return 0;
}

static float cn_noise(struct cn_decoder *self)
{
	/* Numerical Recipes' quick generator: good enough to be heard. */
	self->random = self->random * 1664525u + 1013904223u;
	return (float)(int32_t)self->random / 2147483648.0f;
}

static int cn_conceal(struct audio_decoder *base, const uint8_t *next, size_t next_len,
		      int16_t *pcm, size_t samples)
{
	struct cn_decoder *self = (struct cn_decoder *)base;
	float smooth = 64.0f / (float)base->rate; /* some 15 ms from level to level */

	(void)next;
	(void)next_len;
	for (size_t i = 0; i < samples; i++) {
		float f;

		self->gain += (self->target - self->gain) * smooth;
		f = cn_noise(self) * self->gain;
		for (unsigned m = self->order; m >= 1; m--) {
			f -= self->k[m] * self->b[m - 1];
			self->b[m] = self->b[m - 1] + self->k[m] * f;
		}
		/* A hostile description stands so near to the edge of stability
		 * that rounding pushes it over. */
		if (!(f > -1e6f && f < 1e6f)) {
			memset(self->b, 0, sizeof(self->b));
			f = 0;
		}
		self->b[0] = f;
		pcm[i] = (int16_t)(f > 32767 ? 32767 : f < -32768 ? -32768 : f);
	}
	return (int)samples;
}

const struct audio_ops audio_cn = {
	.enc_size = sizeof(struct audio_encoder),
	.dec_size = sizeof(struct cn_decoder),
	.encode = cn_encode,
	.dec_init = cn_dec_init,
	.decode = cn_decode,
	.conceal = cn_conceal,
	.packet_samples = cn_packet_samples,
};
