/* SPDX-License-Identifier: GPL-3.0-or-later
 * Audio codecs: one table of functions per codec. PCM is mono, 16 bits.
 * An encoder or decoder belongs to one thread at a time. */
#ifndef BALAI_CODECS_AUDIO_H
#define BALAI_CODECS_AUDIO_H

#include "codecs/codec.h"

#include <stddef.h>
#include <stdint.h>

struct audio_encoder;
struct audio_decoder;

/* The longest packet: 120 ms at 48 kHz. */
enum { AUDIO_MAX_SAMPLES = 5760, AUDIO_MAX_BYTES = 1500 };

/* The rate in Hz of the codec's PCM side (G.722: 16000, Opus: 48000). */
uint32_t audio_rate(const struct codec_format *format);

/* `bitrate` in bit/s bounds codecs that can choose (Opus), 0: the default.
 * -ENOTSUP: this build has no such codec. */
int audio_encoder_new(struct audio_encoder **out, const struct codec_format *format,
		      uint32_t bitrate);
/* Encodes `samples` at audio_rate (10 to 60 ms). Bytes written, 0 when nothing
 * need be sent (DTX), or a negative errno. */
int audio_encode(struct audio_encoder *self, const int16_t *pcm, size_t samples,
		 uint8_t *buf, size_t cap);
/* Expected loss in percent; steers in-band FEC. */
void audio_encoder_loss(struct audio_encoder *self, int percent);
struct audio_encoder *audio_encoder_free(struct audio_encoder *self);

int audio_decoder_new(struct audio_decoder **out, const struct codec_format *format);
/* Samples written at audio_rate, or -EBADMSG. */
int audio_decode(struct audio_decoder *self, const uint8_t *data, size_t len,
		 int16_t *pcm, size_t cap);
/* Fills `samples` for a packet that did not arrive. `next` (may be NULL) is the
 * packet after it, for codecs that carry FEC. Fades to silence over 100 ms or so. */
int audio_conceal(struct audio_decoder *self, const uint8_t *next, size_t next_len,
		  int16_t *pcm, size_t samples);
/* Duration of a packet in samples at audio_rate without decoding it, or -EBADMSG. */
int audio_packet_samples(const struct audio_decoder *self, const uint8_t *data, size_t len);
struct audio_decoder *audio_decoder_free(struct audio_decoder *self);

/* Resamples between 8, 16, 24, 32, 44.1 and 48 kHz, mono, low delay. `out_rate`
 * may be trimmed by `ppm` while running (clock drift). */
struct resampler;
int resampler_new(struct resampler **out, uint32_t in_rate, uint32_t out_rate);
/* Consumes all of `in`, returns the samples written (at most cap). */
int resampler_run(struct resampler *self, const int16_t *in, size_t n, int16_t *out, size_t cap);
struct resampler *resampler_free(struct resampler *self);

#endif
