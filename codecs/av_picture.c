/* SPDX-License-Identifier: GPL-3.0-or-later
 * A picture's planes in an AVFrame that holds it for as long as libavcodec does. */
#include "codecs/av_picture.h"

#include "base/ref.h"
#include "codecs/picture.h"

#include <errno.h>
#include <libavcodec/avcodec.h>

static void drop_picture(void *picture, uint8_t *data)
{
	(void)data;
	ref_drop(picture);
}

int av_picture_send(AVCodecContext *ctx, AVFrame *frame, struct picture *picture)
{
	int r;

	frame->buf[0] = av_buffer_create(picture->plane[0],
					 (size_t)picture->stride[0] * picture->height,
					 drop_picture, picture, AV_BUFFER_FLAG_READONLY);
	if (!frame->buf[0]) {
		ref_drop(picture);
		return -ENOMEM;
	}
	for (int i = 0; i < 3; i++) {
		frame->data[i] = picture->plane[i];
		frame->linesize[i] = picture->stride[i];
	}
	frame->width = picture->width;
	frame->height = picture->height;
	frame->format = AV_PIX_FMT_YUV420P;
	r = avcodec_send_frame(ctx, frame);
	av_frame_unref(frame);
	return r < 0 ? -EIO : 0;
}
