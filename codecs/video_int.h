/* SPDX-License-Identifier: GPL-3.0-or-later
 * What every video codec of this room fills in. Room-internal. */
#ifndef BALAI_CODECS_VIDEO_INT_H
#define BALAI_CODECS_VIDEO_INT_H

#include "codecs/video.h"

/* One table per encoder; `open` has checked parameters. */
struct video_encoder_ops {
	int (*open)(struct video_encoder **out, const struct video_params *params);
	int (*encode)(struct video_encoder *self, struct picture *picture, bool key,
		      struct coded **out);
	void (*bitrate)(struct video_encoder *self, uint32_t bitrate);
	void (*close)(struct video_encoder *self); /* frees self */
};

/* First member of every encoder. */
struct video_encoder {
	const struct video_encoder_ops *ops;
	struct video_params params;
};

extern const struct video_encoder_ops h264_encoder_ops;
extern const struct video_encoder_ops vp8_encoder_ops;
extern const struct video_encoder_ops h263_encoder_ops; /* and H.261 */

/* An open libavcodec encoder with this room's options. The bench of what the
 * codecs alone cost asks for it too, so that both do the same work. */
struct AVCodecContext;
int h264_encoder_context(struct AVCodecContext **out, const struct video_params *params);

/* Monotonic microseconds in 90 kHz ticks. */
uint32_t video_rtp_time(int64_t time_us);

/* Silences FFmpeg's own log, once. */
void video_init(void);

#endif
