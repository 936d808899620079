/* SPDX-License-Identifier: GPL-3.0-or-later
 * Colour conversion in place: BT.601 and BT.709, full to limited range.
 *
 * From Y'CbCr to Y'CbCr the way over R'G'B' is one linear map (ITU-R BT.601-7
 * section 2.5, BT.709-6 section 3, H.264 Annex E.2.1): luma takes a share of
 * both chroma samples, the chroma samples mix among themselves. The same map
 * serves luma at full and chroma at half resolution, so that nothing has to be
 * upsampled. 16-bit fixed point, in loops a compiler turns into vectors. */
#include "codecs/colour.h"

#include <math.h>

enum { LUMA_BITS = 6, CHROMA_BITS = 7, BLOCK = 16, MAX_CHROMA = 2048 };

struct map {
	int16_t yy, yu, yv;     /* luma: of Y in 1/64, of U-128 and V-128 in 1/64 */
	int16_t uu, uv, vu, vv; /* chroma, in 1/128 */
	int16_t y_add;
};

struct weights {
	double r, g, b;
};

static struct weights weights_of(enum colour c)
{
	if (c == COLOUR_BT709)
		return (struct weights){ 0.2126, 0.7152, 0.0722 };
	return (struct weights){ 0.299, 0.587, 0.114 };
}

static int16_t fixed(double v, int bits)
{
	return (int16_t)lrint(v * (1 << bits));
}

/* Column `cb` (else cr) of the map: what one unit of it becomes. */
static void column(struct weights f, struct weights t, bool cb, double *y, double *u, double *v)
{
	double r = cb ? 0 : 2 * (1 - f.r);
	double b = cb ? 2 * (1 - f.b) : 0;
	double g = cb ? -2 * f.b * (1 - f.b) / f.g : -2 * f.r * (1 - f.r) / f.g;

	*y = t.r * r + t.g * g + t.b * b;
	*u = (b - *y) / (2 * (1 - t.b));
	*v = (r - *y) / (2 * (1 - t.r));
}

static struct map map_of(enum colour from, bool full, enum colour to)
{
	struct weights f = weights_of(from), t = weights_of(to);
	double y_in = full ? 255 : 219, c_in = full ? 255 : 224;
	double yu, uu, vu, yv, uv, vv;
	struct map m;

	column(f, t, true, &yu, &uu, &vu);
	column(f, t, false, &yv, &uv, &vv);
	m.yy = fixed(219 / y_in, LUMA_BITS);
	m.yu = fixed(yu * 219 / c_in, LUMA_BITS);
	m.yv = fixed(yv * 219 / c_in, LUMA_BITS);
	m.uu = fixed(uu * 224 / c_in, CHROMA_BITS);
	m.uv = fixed(uv * 224 / c_in, CHROMA_BITS);
	m.vu = fixed(vu * 224 / c_in, CHROMA_BITS);
	m.vv = fixed(vv * 224 / c_in, CHROMA_BITS);
	/* black stays black, and rounding to nearest */
	m.y_add = (int16_t)((16 << LUMA_BITS) - (full ? 0 : 16 * m.yy) + (1 << (LUMA_BITS - 1)));
	return m;
}

static inline uint8_t clamp8(int16_t v)
{
	v = v < 0 ? 0 : v;
	return (uint8_t)(v > 255 ? 255 : v);
}

/* `n` chroma samples: mixes them and leaves what luma takes in `delta`. No sum
 * leaves 16 bits: the rows of the map add up to less than 2 at full scale. */
static inline void chroma_block(struct map m, uint8_t *restrict u, uint8_t *restrict v,
				int16_t *restrict delta, int n)
{
	for (int i = 0; i < n; i++) {
		int16_t cu = (int16_t)(u[i] - 128), cv = (int16_t)(v[i] - 128);
		int16_t mu = (int16_t)(m.uu * cu + m.uv * cv + (1 << (CHROMA_BITS - 1)));
		int16_t mv = (int16_t)(m.vu * cu + m.vv * cv + (1 << (CHROMA_BITS - 1)));

		delta[i] = (int16_t)(m.yu * cu + m.yv * cv + m.y_add);
		u[i] = clamp8((int16_t)((mu >> CHROMA_BITS) + 128));
		v[i] = clamp8((int16_t)((mv >> CHROMA_BITS) + 128));
	}
}

static inline void luma_block(int16_t yy, uint8_t *restrict y, const int16_t *restrict delta,
			      int n)
{
	for (int i = 0; i < n; i++)
		y[i] = clamp8((int16_t)((int16_t)(y[i] * yy + delta[i]) >> LUMA_BITS));
}

static void chroma_row(struct map m, uint8_t *u, uint8_t *v, int16_t *delta, int n)
{
	int i = 0;

	for (; i + BLOCK <= n; i += BLOCK)
		chroma_block(m, u + i, v + i, delta + i, BLOCK);
	chroma_block(m, u + i, v + i, delta + i, n - i);
}

static void luma_row(int16_t yy, uint8_t *y, const int16_t *delta, int n)
{
	int i = 0;

	for (; i + BLOCK <= n; i += BLOCK)
		luma_block(yy, y + i, delta + i, BLOCK);
	luma_block(yy, y + i, delta + i, n - i);
}

void picture_recolour(struct picture *self, enum colour to)
{
	int16_t delta[MAX_CHROMA], wide[2 * MAX_CHROMA];
	int cw = self->width / 2, ch = self->height / 2;
	struct map m;

	if (self->colour == to && !self->full_range)
		return;
	m = map_of(self->colour, self->full_range, to);
	for (int row = 0; row < ch; row++) {
		uint8_t *y = self->plane[0] + 2 * row * (long)self->stride[0];

		chroma_row(m, self->plane[1] + row * (long)self->stride[1],
			   self->plane[2] + row * (long)self->stride[2], delta, cw);
		for (int i = 0; i < cw; i++)
			wide[2 * i] = wide[2 * i + 1] = delta[i];
		luma_row(m.yy, y, wide, 2 * cw);
		luma_row(m.yy, y + self->stride[0], wide, 2 * cw);
	}
	self->colour = to;
	self->full_range = false;
}
