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

/* True when sound coded for one suits the other: same codec, clock, parameters
 * (stereo does not count: we send mono). */
bool audio_format_equal(const struct codec_format *a, const struct codec_format *b);

/* `bitrate` in bit/s bounds codecs that can choose (Opus), 0: the default.
 * -ENOTSUP: this build has no such codec. */
int audio_encoder_new(struct audio_encoder **out, const struct codec_format *format,
		      uint32_t bitrate);
/* Encodes `samples` at audio_rate (10 to 60 ms in steps of 10; Opus: 10, 20, 40
 * or 60). Bytes written, 0 when nothing need be sent (DTX), or a negative errno.
 * CODEC_CN: writes a comfort noise payload (RFC 3389) that describes the frame. */
int audio_encode(struct audio_encoder *self, const int16_t *pcm, size_t samples,
		 uint8_t *buf, size_t cap);
/* Samples at the start of the last frame that its packet leaves out (G.729 when
 * speech begins in the middle): to be added to the packet's time. */
size_t audio_encoder_skipped(const struct audio_encoder *self);
/* Another encoder in the same state, so that a listener may change from one to
 * the other unheard. -ENOTSUP: this codec's state cannot be copied; feed a new
 * one what the old one heard last. */
int audio_encoder_fork(struct audio_encoder **out, const struct audio_encoder *from);
/* Expected loss in percent; steers in-band FEC. */
void audio_encoder_loss(struct audio_encoder *self, int percent);
struct audio_encoder *audio_encoder_free(struct audio_encoder *self);

int audio_decoder_new(struct audio_decoder **out, const struct codec_format *format);
/* Samples written at audio_rate, or -EBADMSG. CODEC_CN: none, the noise itself
 * comes from audio_conceal and does not fade. */
int audio_decode(struct audio_decoder *self, const uint8_t *data, size_t len,
		 int16_t *pcm, size_t cap);
/* Fills `samples` for a packet that did not arrive. `next` (may be NULL) is the
 * packet after it, for codecs that carry FEC. Fades to silence over 100 ms or so. */
int audio_conceal(struct audio_decoder *self, const uint8_t *next, size_t next_len,
		  int16_t *pcm, size_t samples);
/* True when the last packet announced silence (CN, a SID, Opus DTX): what
 * follows is not lost, and audio_conceal makes its comfort noise. */
bool audio_decoder_silent(const struct audio_decoder *self);
/* Duration of a packet in samples at audio_rate without decoding it, or -EBADMSG. */
int audio_packet_samples(const struct audio_decoder *self, const uint8_t *data, size_t len);
/* True when the packet itself says, without being decoded, that nobody speaks in it
 * (Opus: voice activity of its SILK layer, DTX). False where it does not tell. */
bool audio_packet_quiet(const struct audio_decoder *self, const uint8_t *data, size_t len);
struct audio_decoder *audio_decoder_free(struct audio_decoder *self);

/* Root mean square in dBov (RFC 6464): 0 is the loudest there is, -127 silence. */
int audio_level(const int16_t *pcm, size_t n);

/* Resamples mono sound between 8, 11.025, 16, 22.05, 24, 32, 44.1 and 48 kHz, with
 * a delay of 16 samples of the lower rate. */
struct resampler;
int resampler_new(struct resampler **out, uint32_t in_rate, uint32_t out_rate);
/* Consumes all of `in`, returns the samples written. `cap` must hold
 * n * out_rate / in_rate + 1 samples, else -ENOSPC and nothing is consumed. */
int resampler_run(struct resampler *self, const int16_t *in, size_t n, int16_t *out, size_t cap);
/* Another one in the same state. */
int resampler_fork(struct resampler **out, const struct resampler *from);
/* Forgets what it heard: silence came before. */
void resampler_reset(struct resampler *self);
struct resampler *resampler_free(struct resampler *self);

#endif
