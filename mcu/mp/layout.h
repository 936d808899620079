/* SPDX-License-Identifier: GPL-3.0-or-later
 * Layouts: which rectangles, and who is in them. Pure. */
#ifndef BALAI_MCU_MP_LAYOUT_H
#define BALAI_MCU_MP_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

enum layout_id {
	LAYOUT_AUTO,      /* 1, 1+1, 2x2, 3x3, 4x4 by how many there are */
	LAYOUT_1X1, LAYOUT_1P1, LAYOUT_2X2, LAYOUT_3X3, LAYOUT_4X4,
	LAYOUT_1P5, LAYOUT_1P7, /* active speaker large */
	LAYOUT_SPEAKER,   /* the active speaker only */
	LAYOUT_COUNT
};

const char *layout_name(enum layout_id id);
int layout_by_name(enum layout_id *out, const char *name); /* -EINVAL */

struct rect {
	uint16_t x, y, w, h;
};

enum { LAYOUT_MAX_TILES = 16 };

/* The rectangles of a layout on a w×h canvas, all coordinates even; for
 * LAYOUT_AUTO the one for `count` participants. Returns how many. The large
 * tile, if there is one, is the first. */
unsigned layout_rects(enum layout_id id, unsigned count, int w, int h,
		      struct rect rect[LAYOUT_MAX_TILES]);

/* Keeps who stands in which place from one moment to the next, so that a
 * change of speaker moves nobody who need not move. */
struct seating {
	uint32_t id[LAYOUT_MAX_TILES]; /* participant ids, 0: empty */
	unsigned n;
};

/* Seats for one viewer. `ids`: those with a picture to show, in order of
 * joining, without the viewer where self is left out. `speakers`: most recent
 * speaker first. The speaker who holds the large place keeps it until another
 * is there; in grids a speaker who is not seen takes the place of who was
 * silent longest. `self` is the state from before and is updated. */
void seating_update(struct seating *self, enum layout_id id, const uint32_t *ids,
		    unsigned n_ids, const uint32_t *speakers, unsigned n_speakers);

#endif
