/* SPDX-License-Identifier: GPL-3.0-or-later
 * The composer: keeps one canvas up to date with the sources of a scene, and
 * paints only what changed. Belongs to a view's actor. */
#ifndef BALAI_MCU_MP_COMPOSER_H
#define BALAI_MCU_MP_COMPOSER_H

#include "mcu/mp/beat.h"
#include "mcu/mp/fit.h"
#include "mcu/mp/video.h"

#include <stdatomic.h>

/* The composed picture. Counted. It is repainted in place as long as nobody
 * reads it; otherwise the composer goes on with a copy. */
struct canvas {
	struct picture *picture;
	_Atomic uint32_t readers;
	bool kept;        /* composer: scaled copies were taken of it, which
			   * repainting would make wrong */
	uint64_t version; /* composer: grows when the content changes */
};

struct composer_tile {
	struct view_tile tile; /* holds source and label */
	const struct label_image *label; /* that is painted; NULL: none yet */
	uint64_t serial;       /* of the picture that is painted */
	bool black;            /* black is painted */
	bool dirty;            /* to be painted whatever the serial says */
	bool bare;             /* what is around the picture is not black yet */
	struct rect place;     /* of the picture, on the tile */
	struct beat beat;      /* when its picture is taken */
	uint32_t above;        /* later tiles that overlap it, a bit each */
};

struct composer {
	struct video_engine *engine; /* borrowed */
	int width, height;
	struct canvas *canvas;
	uint64_t version;
	uint32_t n;
	struct composer_tile tile[VIEW_MAX_TILES];
	uint32_t n_blank;            /* places to be made black */
	struct rect blank[VIEW_MAX_TILES];
	bool blank_all;              /* the whole canvas */
};

void composer_init(struct composer *self, struct video_engine *engine, int width,
		   int height);
void composer_fini(struct composer *self);

/* Takes over the references to the sources and labels in `scene`. Tiles that are not
 * inside the canvas are left out. */
void composer_set_scene(struct composer *self, const struct view_scene *scene);

/* Brings the canvas up to date and gives it the time. Returns whether anything
 * was painted. The canvas is NULL only when memory ran out. */
bool composer_run(struct composer *self, int64_t time_us);

/* Does any tile want its picture taken half a period before the tick? composer_peek
 * does that. */
bool composer_early(const struct composer *self);
void composer_peek(struct composer *self);

/* Lets the canvas go; the next run paints everything. */
void composer_release(struct composer *self);

/* For a reader on another thread: a reference that keeps the composer from
 * painting until it is given back. `scaled`: picture_scaled will be used. */
struct canvas *canvas_read(struct canvas *self, bool scaled);
struct canvas *canvas_done(struct canvas *self);

#endif
