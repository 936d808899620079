/* SPDX-License-Identifier: GPL-3.0-or-later
 * Inside codecs/: what each audio codec fills in. A codec's own state begins
 * with the common part. */
#ifndef BALAI_CODECS_AUDIO_OPS_H
#define BALAI_CODECS_AUDIO_OPS_H

#include "codecs/audio.h"
#include "codecs/plc.h"

struct audio_encoder {
	const struct audio_ops *ops;
	struct codec_format format;
	uint32_t rate;
	size_t skipped; /* samples at the start of the last frame that are not in the packet */
};

struct audio_decoder {
	const struct audio_ops *ops;
	struct codec_format format;
	uint32_t rate;
	bool silent;     /* the sender announced silence with its last packet */
	bool made_up;    /* by conceal: the last result is no more than a guess */
	struct plc *plc; /* codecs whose own concealment is poor, or none */
};

struct audio_ops {
	size_t enc_size, dec_size; /* 0: cannot */
	bool needs_plc;
	uint32_t unit_ms; /* a frame to be encoded is a multiple of it */

	/* All may assume checked arguments. NULL where there is nothing to do;
	 * fini also runs after a failed init. */
	int (*enc_init)(struct audio_encoder *self, uint32_t bitrate);
	/* The common part is done. NULL: not possible. */
	int (*enc_fork)(struct audio_encoder *self, const struct audio_encoder *from);
	int (*encode)(struct audio_encoder *self, const int16_t *pcm, size_t samples,
		      uint8_t *buf, size_t cap);
	void (*loss)(struct audio_encoder *self, int percent);
	void (*enc_fini)(struct audio_encoder *self);

	int (*dec_init)(struct audio_decoder *self);
	/* `cap` is at least what packet_samples said. */
	int (*decode)(struct audio_decoder *self, const uint8_t *data, size_t len,
		      int16_t *pcm, size_t cap);
	/* With needs_plc: made_up may be cleared, then the result counts. */
	int (*conceal)(struct audio_decoder *self, const uint8_t *next, size_t next_len,
		       int16_t *pcm, size_t samples);
	/* Samples, or -EBADMSG; not bounded. */
	int (*packet_samples)(const struct audio_decoder *self, const uint8_t *data,
			      size_t len);
	/* NULL: packets do not tell. */
	bool (*packet_quiet)(const uint8_t *data, size_t len);
	void (*dec_fini)(struct audio_decoder *self);
};

/* One of the rates that the resampler knows. */
bool audio_rate_known(uint32_t rate);

extern const struct audio_ops audio_pcmu, audio_pcma, audio_g722, audio_opus, audio_l16,
	audio_g729, audio_cn;

#endif
