/* SPDX-License-Identifier: GPL-3.0-or-later
 * Layouts: which rectangles, and who is in them. Pure. */
#ifndef BALAI_MCU_MP_LAYOUT_H
#define BALAI_MCU_MP_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

enum { LAYOUT_MAX_TILES = 16, LAYOUT_MAX_NAME = 64, LAYOUT_MAX_CELLS = 100 };

enum place_role {
	PLACE_OTHER,   /* whoever is there; a speaker who is not seen comes in here */
	PLACE_SPEAKER, /* the latest speaker; of several such places the latest ones */
	PLACE_FIXED,   /* only whom somebody puts there */
};

/* A rectangle of cells. */
struct layout_place {
	uint8_t x, y, w, h;
	uint8_t role;               /* enum place_role */
	char name[LAYOUT_MAX_NAME + 1]; /* "": has none */
};

/* A plain value: whoever uses one has a copy. */
struct layout {
	char name[LAYOUT_MAX_NAME + 1];
	bool automatic;        /* 1x1, 1+1, 2x2, 3x3 or 4x4, by how many there are */
	uint8_t columns, rows; /* cells that the canvas is divided into */
	uint8_t n;
	struct layout_place place[LAYOUT_MAX_TILES]; /* later ones lie over earlier */
};

/* The i-th of those built in, or that name's, case ignored; NULL: none. The
 * first is "auto". */
const struct layout *layout_builtin(unsigned i);
const struct layout *layout_by_name(const char *name);

/* An automatic layout as it is with so many pictures, and with room for slides
 * beside them: one that is built in. Any other is itself. */
const struct layout *layout_for(const struct layout *self, unsigned count, bool slides);

struct rect {
	uint16_t x, y, w, h;
};

/* The rectangles of a layout on a w×h canvas, all coordinates even; for an
 * automatic one that for `count` participants. Returns how many. Places of one
 * size in cells have one size in pixels; on a canvas that is too small for it
 * a place has no width or height. */
unsigned layout_rects(const struct layout *self, unsigned count, int w, int h,
		      struct rect rect[LAYOUT_MAX_TILES]);

/* Keeps who stands in which place from one moment to the next, so that a
 * change of speaker moves nobody who need not move. */
#define LAYOUT_SLIDES UINT32_MAX /* instead of an id: the slides of the meeting */

struct seating {
	uint32_t id[LAYOUT_MAX_TILES]; /* participant ids, 0: empty */
	unsigned n;
	uint32_t moved;      /* who made room for slides, 0: nobody; and from where */
	unsigned moved_from;
};

/* Who is there, for one viewer. */
struct crowd {
	const uint32_t *ids;      /* with a picture to show, in order of joining, without
				   * the viewer where self is left out */
	unsigned n_ids;
	const uint32_t *speakers; /* most recent first */
	unsigned n_speakers;
	const uint32_t *fixed;    /* who has which place, LAYOUT_MAX_TILES; 0: free;
				   * NULL: nobody has one */
	bool slides;              /* slides are shown beside them */
};

/* Seats for one viewer. Who holds a speaker's place keeps it until others have
 * spoken; at other places a speaker who is not seen takes that of who was silent
 * longest. A place that somebody has is theirs while they are in the crowd. Slides
 * have the largest place to themselves, whosever it is, but rather one that is not
 * PLACE_FIXED; of equal ones that of a speaker, then the first. Who made room for
 * them is there again when they are over.
 * `self` is the state from before and is updated. */
void seating_update(struct seating *self, const struct layout *layout,
		    const struct crowd *crowd);

#endif
