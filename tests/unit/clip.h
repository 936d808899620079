/* SPDX-License-Identifier: GPL-3.0-or-later
 * A synthetic moving clip and a measure of likeness, for tests and benches. */
#ifndef BALAI_TESTS_UNIT_CLIP_H
#define BALAI_TESTS_UNIT_CLIP_H

#include "codecs/picture.h"

#include <stddef.h>
#include <stdint.h>

static inline uint32_t clip_hash(uint32_t x)
{
	x = (x ^ 61) ^ (x >> 16);
	x *= 9;
	x ^= x >> 4;
	x *= 0x27d4eb2d;
	return x ^ (x >> 15);
}

static inline uint8_t clip_tri(int v)
{
	v &= 511;
	return (uint8_t)(16 + (v < 256 ? v : 511 - v) * 219 / 255);
}

/* Frame `n`: slow gradients with texture that pan, and a bright square that
 * moves over them. */
static inline void clip_draw(struct picture *p, int n)
{
	for (int y = 0; y < p->height; y++) {
		uint8_t *row = p->plane[0] + (ptrdiff_t)y * p->stride[0];

		for (int x = 0; x < p->width; x++) {
			uint32_t grain = clip_hash((uint32_t)(((x + n) / 4) * 7919 + y / 4)) & 15;
			int v = clip_tri((x + n) / 2 + y / 3) + (int)grain - 8;

			row[x] = (uint8_t)(v < 16 ? 16 : v > 235 ? 235 : v);
		}
	}
	for (int i = 1; i < 3; i++)
		for (int y = 0; y < p->height / 2; y++) {
			uint8_t *row = p->plane[i] + (ptrdiff_t)y * p->stride[i];

			for (int x = 0; x < p->width / 2; x++)
				row[x] = (uint8_t)(96 + clip_tri((x + n / 2 + y * i) / 2) / 4);
		}
	for (int y = p->height / 4; y < p->height / 2; y++) {
		int left = (n * 4) % (p->width * 3 / 4);

		for (int x = left; x < left + p->width / 8; x++)
			p->plane[0][(ptrdiff_t)y * p->stride[0] + x] = 220;
	}
}

static inline struct picture *clip_picture(int w, int h, int n)
{
	struct picture *p = picture_new(w, h);

	if (p) {
		clip_draw(p, n);
		p->time_us = 1000000 + (int64_t)n * 1000000 / 30;
	}
	return p;
}

/* Mean structural similarity of luma in windows of 8×8, step 4 (Wang et al.,
 * 2004); 1: equal. */
static inline double clip_ssim(const struct picture *a, const struct picture *b)
{
	const double c1 = 6.5025, c2 = 58.5225;
	double sum = 0;
	long n = 0;

	if (a->width != b->width || a->height != b->height)
		return 0;
	for (int y = 0; y + 8 <= a->height; y += 4)
		for (int x = 0; x + 8 <= a->width; x += 4) {
			long sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
			double ma, mb, va, vb, cov;

			for (int i = 0; i < 64; i++) {
				int pa = a->plane[0][(ptrdiff_t)(y + i / 8) * a->stride[0] + x + i % 8];
				int pb = b->plane[0][(ptrdiff_t)(y + i / 8) * b->stride[0] + x + i % 8];

				sa += pa;
				sb += pb;
				saa += pa * pa;
				sbb += pb * pb;
				sab += pa * pb;
			}
			ma = sa / 64.0;
			mb = sb / 64.0;
			va = saa / 64.0 - ma * ma;
			vb = sbb / 64.0 - mb * mb;
			cov = sab / 64.0 - ma * mb;
			sum += (2 * ma * mb + c1) * (2 * cov + c2) /
			       ((ma * ma + mb * mb + c1) * (va + vb + c2));
			n++;
		}
	return n ? sum / (double)n : 0;
}

#endif
