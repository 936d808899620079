/* SPDX-License-Identifier: GPL-3.0-or-later
 * Names, marks and messages as small pictures to be laid over tiles.
 *
 *   control ──label_get──→ label_maker ──its thread──→ label_draw ──→ label.image
 *   composer (a worker) ──label_image──→ NULL, or what to blend
 *
 * Drawing may take long (a font is looked for in every script), so it happens on
 * a thread of its own with low priority; until it is done a tile is without. */
#ifndef BALAI_MCU_MP_LABEL_H
#define BALAI_MCU_MP_LABEL_H

#include "base/ref.h"

#include <stdbool.h>
#include <stdint.h>

enum { LABEL_MAX_TEXT = 480 }; /* bytes */

enum label_style {
	LABEL_NAME,    /* at the lower left of a tile */
	LABEL_NAME_UP, /* at the upper left */
	LABEL_TITLE,   /* in the middle of a tile without a picture */
	LABEL_COUNT,   /* of those who are heard only; fills its tile */
	LABEL_MESSAGE, /* wrapped; along the lower edge, as high as it has to be */
};

enum { LABEL_LOCK = 1, LABEL_MUTED = 2, LABEL_PHONE = 4 };

struct label_spec {
	enum label_style style;
	unsigned marks;     /* LABEL_LOCK … */
	uint16_t w, h;      /* of the tile, even */
	char text[LABEL_MAX_TEXT + 1]; /* made safe before (base/display.h) */
};

/* Planar 4:2:0, limited range BT.709, each sample multiplied by its alpha.
 * Strides are w and w/2. Immutable. */
struct label_image {
	uint16_t x, y, w, h; /* on the tile, even; w is 0 when there is nothing to see */
	uint8_t *luma, *alpha;       /* w×h */
	uint8_t *u, *v, *alpha_half; /* w/2 × h/2 */
};

/* ---- drawing (label.c) ----------------------------------------------------------- */

struct label_pen; /* fonts and what is kept of them; one thread at a time */

int label_pen_new(struct label_pen **out);
struct label_pen *label_pen_free(struct label_pen *self);
/* An image to be freed with free(). Without any font on the machine, marks only.
 * -ENOMEM. */
int label_draw(struct label_pen *self, const struct label_spec *spec,
	       struct label_image **out);

/* ---- labels, each made once (label_maker.c) --------------------------------------- */

struct label_maker;
struct label; /* counted */

struct label_maker_stats {
	uint32_t labels;  /* kept now */
	uint64_t drawn;
};

enum { LABEL_MAX_UNUSED = 64 }; /* kept for the next who shows them */

int label_maker_new(struct label_maker **out);
/* Waits for the label being drawn; those waiting are left out. */
struct label_maker *label_maker_free(struct label_maker *self);
/* The label: the same object for the same spec as long as somebody holds it. New
 * reference; NULL when out of memory. Control thread. */
struct label *label_get(struct label_maker *self, const struct label_spec *spec);
void label_maker_stats(const struct label_maker *self, struct label_maker_stats *out);

/* Its picture; NULL: not drawn yet. Any thread that holds it. */
const struct label_image *label_image(const struct label *self);

#endif
