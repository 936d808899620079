/* SPDX-License-Identifier: GPL-3.0-or-later
 * One decoded picture: planar 4:2:0, 8 bits, counted, immutable once shared. */
#ifndef BALAI_CODECS_PICTURE_H
#define BALAI_CODECS_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum colour { COLOUR_BT601, COLOUR_BT709 };

struct picture {
	uint16_t width, height;     /* luma samples, even, 2..4096 */
	uint16_t sar_num, sar_den;  /* sample aspect ratio, never 0; square: 1/1 */
	enum colour colour;
	bool full_range;
	int64_t time_us;            /* monotonic capture time */
	uint8_t *plane[3];          /* Y, U, V */
	int stride[3];              /* bytes */
};

/* From a free list per size; NULL when out of memory or the size is not
 * allowed. Content undefined. Counted with ref_hold/ref_drop. Any thread. */
struct picture *picture_new(int width, int height);

/* A picture over memory of somebody else, given back with release(arg) when the
 * last reference goes (on failure, NULL, it stays with the caller).
 * `bytes`: for the statistics. */
struct picture *picture_wrap(int width, int height, uint8_t *const plane[3],
			     const int stride[3], size_t bytes,
			     void (*release)(void *arg), void *arg);

/* One colour, as samples. */
struct sample {
	uint8_t y, u, v;
};

/* That colour in the given rectangle, which is clipped and widened to even. */
void picture_fill(struct picture *self, int x, int y, int w, int h, struct sample colour);

/* Black (limited range) in the given rectangle, which is clipped. */
void picture_fill_black(struct picture *self, int x, int y, int w, int h);

/* A copy of `self` (limited range, BT.709 as it comes or converted) scaled to
 * exactly w×h from its rectangle (cx,cy,cw,ch), all even. Copies are kept with
 * the picture by size, so that n views share one scaling. New reference, NULL
 * when out of memory or the rectangle is not inside. Any thread; two that ask
 * for the same wait for one. Where nothing has to be scaled or converted the
 * result shows into `self` and holds it: do not write to it. */
struct picture *picture_scaled(struct picture *self, int cx, int cy, int cw, int ch,
			       int w, int h);

/* The whole picture in limited range of that matrix: itself when it is so
 * already, else a copy. New reference, NULL when out of memory. */
struct picture *picture_converted(struct picture *self, enum colour to);

/* How a camera was held, as RTP says it (3GPP TS 26.114 section 7.4.5): mirrored, and
 * then so many quarter turns clockwise put the picture upright. */
enum { ORIENT_TURNS = 3, ORIENT_MIRROR = 4 };

/* The picture upright: itself when it stands so already, else a copy. New reference,
 * NULL when out of memory. Other bits of `orientation` are not looked at. */
struct picture *picture_upright(struct picture *self, unsigned orientation);

/* Copies `src` into `dst` at (x, y), even, clipped. */
void picture_blit(struct picture *dst, const struct picture *src, int x, int y);

struct picture_stats {
	uint64_t scaled, scale_shared; /* scalings done, and answered from the kept copy */
	uint64_t live, bytes;          /* pictures in use or on the free list */
};
void picture_stats(struct picture_stats *out);
/* Frees the memory that is kept for pictures to come. Any thread. */
void picture_trim(void);

#endif
