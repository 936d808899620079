/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video codecs: one table of functions per codec, single-threaded inside
 * ⟨FFmpeg⟩. An encoder or decoder belongs to one actor at a time. */
#ifndef BALAI_CODECS_VIDEO_H
#define BALAI_CODECS_VIDEO_H

#include "codecs/codec.h"
#include "codecs/coded.h"
#include "codecs/picture.h"

struct video_encoder;
struct video_decoder;

struct video_params {
	struct codec_format format; /* what the far end receives: profile, level, max-* */
	uint16_t width, height;     /* even */
	uint16_t sar_num, sar_den;
	uint32_t fps;
	uint32_t bitrate;           /* bit/s */
	uint32_t slice_bytes;       /* the most bytes in one slice; 0: 1200 */
	bool fast;                  /* a fifth cheaper to encode, at some loss of quality */
};

/* -ENOTSUP: this build has no such encoder. */
int video_encoder_new(struct video_encoder **out, const struct video_params *params);
/* Encodes one picture of exactly the parameters' size. *out is NULL when the
 * rate control skipped it. `key`: an IDR or key frame is wanted now. The coded
 * frame has time_us of the picture and rtp_time in 90 kHz of it. */
int video_encode(struct video_encoder *self, struct picture *picture, bool key,
		 struct coded **out);
/* Takes effect with the next frame. */
void video_encoder_bitrate(struct video_encoder *self, uint32_t bitrate);
struct video_encoder *video_encoder_free(struct video_encoder *self);

int video_decoder_new(struct video_decoder **out, enum codec_id codec);
/* Decodes one frame. *out (new reference) is NULL when none came out.
 * -EBADMSG: broken or undecodable, a key frame is wanted. A torn picture is
 * never returned: after a loss nothing comes out until one is whole again. */
int video_decode(struct video_decoder *self, const struct coded *frame, struct picture **out);
struct video_decoder *video_decoder_free(struct video_decoder *self);

/* The largest picture and rate that a receiver with this format allows
 * (H.264 Annex A with max-mbps and max-fs, VP8 max-fs/max-fr, MPI), within
 * `width`×`height` at `fps` and the aspect ratio of these. -ENOTSUP when not
 * even QCIF fits. `bitrate` is lowered to what level and max-br allow. */
int video_fit(const struct codec_format *format, uint16_t *width, uint16_t *height,
	      uint32_t *fps, uint32_t *bitrate);

#endif
