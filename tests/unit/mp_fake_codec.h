/* SPDX-License-Identifier: GPL-3.0-or-later
 * In place of the video codecs, for tests of the video engine's logic: a frame
 * says what its picture looks like, and what was encoded is kept to be seen. */
#ifndef BALAI_TESTS_UNIT_MP_FAKE_CODEC_H
#define BALAI_TESTS_UNIT_MP_FAKE_CODEC_H

#include "codecs/video.h"

enum fake_look { FAKE_FLAT, FAKE_CIRCLE };

/* What a frame decodes to. */
struct fake_frame {
	uint16_t width, height, sar_num, sar_den;
	uint8_t luma;
	enum fake_look look;
};

struct fake_codec {
	unsigned encoders, encoders_made, decoders, decoders_made, decoded;
	struct video_params params;  /* of the encoder made last */
	uint32_t bitrate;            /* as last set */
	struct picture *last;        /* a copy of the picture encoded last */
	struct picture *held;        /* the very picture, while `hold` is set */
	bool hold;
	unsigned skip;               /* so many next frames give nothing */
	bool fail;                   /* encoding fails */
	bool no_encoder;
};
extern struct fake_codec fake_codec;

struct coded *fake_coded(enum codec_id codec, const struct fake_frame *look, bool key,
			 bool corrupt, int64_t time_us);

/* The same flat picture, 640×360. */
struct coded *fake_flat(uint8_t luma, bool key, int64_t time_us);

/* Lets kept pictures go and starts anew. */
void fake_codec_reset(void);

#endif
