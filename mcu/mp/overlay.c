/* SPDX-License-Identifier: GPL-3.0-or-later
 * Blending and framing. */
#include "mcu/mp/overlay.h"

#include <stddef.h>

/* v / 255, rounded, for v up to 255². */
static inline unsigned div255(unsigned v)
{
	v += 128;
	return (v + (v >> 8)) >> 8;
}

static void blend_plane(uint8_t *restrict to, int stride, const uint8_t *restrict from,
			const uint8_t *restrict alpha, int w, int h)
{
	for (int y = 0; y < h; y++) {
		for (int x = 0; x < w; x++) {
			unsigned v = from[x] + div255(to[x] * (255u - alpha[x]));

			to[x] = (uint8_t)(v > 255 ? 255 : v);
		}
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
