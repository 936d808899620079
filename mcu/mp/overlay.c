/* SPDX-License-Identifier: GPL-3.0-or-later
 * Blending and framing. */
#include "mcu/mp/overlay.h"

#include <stddef.h>

/* to × (255 - alpha) / 255, rounded, and the label's part, which is multiplied by
 * alpha already; all in 16 bits. A sum above 255 comes of rounding by one at most. */
static inline uint8_t blend(uint8_t to, uint8_t from, uint8_t alpha)
{
	uint16_t v = (uint16_t)(to * (uint8_t)(255 - alpha) + 128);

	v = (uint16_t)((uint16_t)(v + (v >> 8)) >> 8);
	v = (uint16_t)(v + from);
	return v > 255 ? 255 : (uint8_t)v;
}

enum { BLOCK = 16 }; /* a number of samples that compilers make vectors of */

static void blend_block(uint8_t *restrict to, const uint8_t *restrict from,
			const uint8_t *restrict alpha)
{
	for (int x = 0; x < BLOCK; x++)
		to[x] = blend(to[x], from[x], alpha[x]);
}

static void blend_plane(uint8_t *restrict to, int stride, const uint8_t *restrict from,
			const uint8_t *restrict alpha, int w, int h)
{
	for (int y = 0; y < h; y++) {
		int x = 0;

		for (; x + BLOCK <= w; x += BLOCK)
			blend_block(to + x, from + x, alpha + x);
		for (; x < w; x++)
			to[x] = blend(to[x], from[x], alpha[x]);
		to += stride;
		from += w;
		alpha += w;
	}
}

void overlay_label(struct picture *canvas, int x, int y, const struct label_image *label)
{
	int w = label->w, h = label->h;

	x += label->x;
	y += label->y;
	if (!w || x + w > canvas->width || y + h > canvas->height)
		return;
	blend_plane(canvas->plane[0] + (ptrdiff_t)y * canvas->stride[0] + x, canvas->stride[0],
		    label->luma, label->alpha, w, h);
	x /= 2;
	y /= 2;
	blend_plane(canvas->plane[1] + (ptrdiff_t)y * canvas->stride[1] + x, canvas->stride[1],
		    label->u, label->alpha_half, w / 2, h / 2);
	blend_plane(canvas->plane[2] + (ptrdiff_t)y * canvas->stride[2] + x, canvas->stride[2],
		    label->v, label->alpha_half, w / 2, h / 2);
}

/* A light green that is seen on dark and on bright pictures, BT.709. */
static const struct sample border_colour = { 164, 96, 78 };

void overlay_border(struct picture *canvas, const struct rect *tile)
{
	int size = tile->h / 90 & ~1;

	if (size < 2)
		size = 2;
	if (tile->w < 4 * size || tile->h < 4 * size)
		return;
	picture_fill(canvas, tile->x, tile->y, tile->w, size, border_colour);
	picture_fill(canvas, tile->x, tile->y + tile->h - size, tile->w, size, border_colour);
	picture_fill(canvas, tile->x, tile->y, size, tile->h, border_colour);
	picture_fill(canvas, tile->x + tile->w - size, tile->y, size, tile->h, border_colour);
}
