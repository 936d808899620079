/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where a picture stands in a tile: which part of it is shown, and on which
 * pixels, so that a circle stays a circle. Pure. */
#ifndef BALAI_MCU_MP_FIT_H
#define BALAI_MCU_MP_FIT_H

#include "mcu/mp/layout.h"
#include "mcu/mp/video.h"

/* Size and shape of the pixels of a picture or a tile. */
struct frame_shape {
	int w, h;             /* even */
	int sar_num, sar_den; /* sample aspect ratio; 0: square */
};

struct fitting {
	struct rect crop;  /* of the picture */
	struct rect place; /* on the tile, from its corner */
};

/* FIT_CROP cuts off at most half of the picture; else it is FIT_LETTERBOX.
 * All coordinates even, rounded to nearest. What differs from the tile's shape by
 * next to nothing fills it, but with FIT_WHOLE. */
void fit_shape(struct fitting *out, enum fit fit, const struct frame_shape *picture,
	       const struct frame_shape *tile);

#endif
