/* SPDX-License-Identifier: GPL-3.0-or-later
 * G.729 annex A with the silence frames of annex B (RFC 3551 4.5.6) ⟨bcg729⟩:
 * frames of 10 ms in 10 bytes; the last of a packet may be a SID of 2 bytes. */
#include "codecs/audio_ops.h"

#include <bcg729/decoder.h>
#include <bcg729/encoder.h>
#include <errno.h>
#include <string.h>

enum { G729_SAMPLES = 80, G729_BYTES = 10, G729_SID = 2 };

struct g729_encoder {
	struct audio_encoder base;
	bcg729EncoderChannelContextStruct *ctx;
};

struct g729_decoder {
	struct audio_decoder base;
	bcg729DecoderChannelContextStruct *ctx;
};

static int g729_enc_init(struct audio_encoder *base, uint32_t bitrate)
{
	struct g729_encoder *self = (struct g729_encoder *)base;

	(void)bitrate;
	self->ctx = initBcg729EncoderChannel(!base->format.g729.annexb_no);
	return self->ctx ? 0 : -ENOMEM;
}

static int g729_encode(struct audio_encoder *base, const int16_t *pcm, size_t samples,
		       uint8_t *buf, size_t cap)
{
	struct g729_encoder *self = (struct g729_encoder *)base;
	uint8_t sid[G729_SID];
	size_t len = 0, sid_len = 0, end = 0; /* end: of the speech in the packet */

	if (cap < samples / G729_SAMPLES * G729_BYTES)
		return -ENOSPC;
	for (size_t i = 0; i < samples; i += G729_SAMPLES) {
		uint8_t frame[16], n = 0;

		bcg729Encoder(self->ctx, pcm + i, frame, &n);
		if (n == G729_SID) {
			memcpy(sid, frame, sizeof(sid));
			sid_len = sizeof(sid);
		} else if (n == G729_BYTES) {
			/* Only a packet's last frame may be a SID. Silence
			 * before speech is left out of the packet, a hole
			 * inside it is bridged with the frame before. */
			if (!len)
				base->skipped = i;
			for (; len && end < i; end += G729_SAMPLES, len += G729_BYTES)
				memcpy(buf + len, buf + len - G729_BYTES, G729_BYTES);
			memcpy(buf + len, frame, G729_BYTES);
			len += G729_BYTES;
			end = i + G729_SAMPLES;
			sid_len = 0;
		}
	}
	memcpy(buf + len, sid, sid_len);
	return (int)(len + sid_len);
}

static void g729_enc_fini(struct audio_encoder *base)
{
	struct g729_encoder *self = (struct g729_encoder *)base;

	if (self->ctx)
		closeBcg729EncoderChannel(self->ctx);
}

static int g729_dec_init(struct audio_decoder *base)
{
	struct g729_decoder *self = (struct g729_decoder *)base;

	self->ctx = initBcg729DecoderChannel();
	return self->ctx ? 0 : -ENOMEM;
}

static int g729_packet_samples(const struct audio_decoder *base, const uint8_t *data,
			       size_t len)
{
	size_t rest = len % G729_BYTES;

	(void)base;
	(void)data;
	if (rest && rest != G729_SID)
		return -EBADMSG;
	return (int)((len / G729_BYTES + (rest != 0)) * G729_SAMPLES);
}

static int g729_decode(struct audio_decoder *base, const uint8_t *data, size_t len,
		       int16_t *pcm, size_t cap)
{
	struct g729_decoder *self = (struct g729_decoder *)base;
	size_t n = 0;

	(void)cap;
	for (; len >= G729_BYTES; len -= G729_BYTES, data += G729_BYTES, n += G729_SAMPLES)
		bcg729Decoder(self->ctx, data, G729_BYTES, 0, 0, 0, pcm + n);
	if (len) {
		bcg729Decoder(self->ctx, data, G729_SID, 0, 1, 0, pcm + n);
		n += G729_SAMPLES;
	}
	base->silent = len != 0;
	return (int)n;
}

/* Erased frames are the codec's own affair (G.729 4.4), and after a SID they
 * are its comfort noise (annex B.4.5). */
static int g729_conceal(struct audio_decoder *base, const uint8_t *next, size_t next_len,
			int16_t *pcm, size_t samples)
{
	struct g729_decoder *self = (struct g729_decoder *)base;

	(void)next;
	(void)next_len;
	for (size_t i = 0; i < samples; i += G729_SAMPLES) {
		size_t n = samples - i < G729_SAMPLES ? samples - i : G729_SAMPLES;
		int16_t frame[G729_SAMPLES] = { 0 };

		bcg729Decoder(self->ctx, NULL, 0, 1, 0, 0, frame);
		memcpy(pcm + i, frame, n * sizeof(*pcm));
	}
	return (int)samples;
}

static void g729_dec_fini(struct audio_decoder *base)
{
	struct g729_decoder *self = (struct g729_decoder *)base;

	if (self->ctx)
		closeBcg729DecoderChannel(self->ctx);
}

const struct audio_ops audio_g729 = {
	.enc_size = sizeof(struct g729_encoder),
	.dec_size = sizeof(struct g729_decoder),
	.unit_ms = 10,
	.enc_init = g729_enc_init,
	.encode = g729_encode,
	.enc_fini = g729_enc_fini,
	.dec_init = g729_dec_init,
	.decode = g729_decode,
	.conceal = g729_conceal,
	.packet_samples = g729_packet_samples,
	.dec_fini = g729_dec_fini,
};
