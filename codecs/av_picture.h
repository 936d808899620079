/* SPDX-License-Identifier: GPL-3.0-or-later
 * Pictures for libavcodec's encoders ⟨FFmpeg⟩. Room-internal. */
#ifndef BALAI_CODECS_AV_PICTURE_H
#define BALAI_CODECS_AV_PICTURE_H

struct AVCodecContext;
struct AVFrame;
struct picture;

/* Shows the picture to the encoder without copying, and takes over the reference.
 * Time, type and quality of `frame` are set before, and it is empty afterwards.
 * -ENOMEM, -EIO. */
int av_picture_send(struct AVCodecContext *ctx, struct AVFrame *frame, struct picture *picture);

#endif
