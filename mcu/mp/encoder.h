/* SPDX-License-Identifier: GPL-3.0-or-later
 * An encoder: an actor that makes frames of one view's canvas for all sinks
 * that want the same. Made, fed and stopped by the view's actor alone. */
#ifndef BALAI_MCU_MP_ENCODER_H
#define BALAI_MCU_MP_ENCODER_H

#include "mcu/mp/composer.h"
#include "mcu/mp/sink.h"

struct encoder;

/* `params` as encoder_fit made them. */
int encoder_new(struct encoder **out, struct video_engine *engine,
		const struct video_params *params);
/* It ends by itself; NULL is returned. */
struct encoder *encoder_stop(struct encoder *self);

/* Holds the sink; its first frame will be a key frame. */
int encoder_join(struct encoder *self, struct sink *sink, uint64_t generation);
void encoder_leave(struct encoder *self, struct sink *sink, uint64_t generation);

void encoder_bitrate(struct encoder *self, uint32_t bitrate);

/* The next picture; takes a reading reference. One that still waits is dropped
 * for it. `period_us`: by when it should be done. */
void encoder_put(struct encoder *self, struct canvas *canvas, int64_t time_us,
		 int64_t period_us);

/* What is made for a sink that asks for `asked`, of a canvas of width×height at
 * fps: fitted to what the far end receives, and rounded to classes so that equal
 * ones meet. -ENOTSUP: nothing fits. */
int encoder_fit(struct video_params *out, const struct video_params *asked, int width,
		int height, unsigned fps);

/* Would one encoder serve both? Bit rates are compared only if `rate`. */
bool encoder_params_equal(const struct video_params *a, const struct video_params *b,
			  bool rate);

#endif
