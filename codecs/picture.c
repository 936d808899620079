/* SPDX-License-Identifier: GPL-3.0-or-later
 * Pictures: pooled memory, scaled copies kept with the picture ⟨libyuv⟩. */
#include "codecs/picture.h"

#include "base/bufpool.h"
#include "base/keep.h"
#include "base/ref.h"
#include "codecs/colour.h"

#include <libyuv.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

enum { MAX_SIDE = 4096, ALIGN = 64 };

struct picture_priv {
	struct picture pub; /* first */
	void *block;        /* from the pool, or NULL */
	size_t bytes;
	void (*release)(void *arg); /* gives foreign planes back */
	void *arg;
	struct keep scaled;
};

static struct bufpool pool = BUFPOOL_INIT((size_t)192 << 20);

static struct {
	_Atomic uint64_t scaled, shared, live, bytes;
} stats;

static struct picture_priv *priv_of(struct picture *self)
{
	return (struct picture_priv *)(void *)self;
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void sub(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_sub_explicit(counter, n, memory_order_relaxed);
}

static void picture_fini(void *arg)
{
	struct picture_priv *p = arg;

	keep_fini(&p->scaled);
	if (p->release)
		p->release(p->arg);
	bufpool_put(&pool, p->block, p->bytes);
	sub(&stats.live, 1);
	sub(&stats.bytes, p->bytes);
}

static bool size_ok(int width, int height)
{
	return width >= 2 && height >= 2 && width <= MAX_SIDE && height <= MAX_SIDE &&
	       width % 2 == 0 && height % 2 == 0;
}

static struct picture_priv *new_header(int width, int height)
{
	struct picture_priv *p = ref_new(sizeof(*p), picture_fini);

	if (!p)
		return NULL;
	p->pub.width = (uint16_t)width;
	p->pub.height = (uint16_t)height;
	p->pub.sar_num = p->pub.sar_den = 1;
	p->pub.colour = COLOUR_BT709;
	keep_init(&p->scaled);
	add(&stats.live, 1);
	return p;
}

struct picture *picture_new(int width, int height)
{
	struct picture_priv *p;
	size_t luma_stride, chroma_stride, luma, chroma;

	if (!size_ok(width, height))
		return NULL;
	p = new_header(width, height);
	if (!p)
		return NULL;
	luma_stride = ((size_t)width + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	chroma_stride = ((size_t)width / 2 + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	luma = luma_stride * (size_t)height;
	chroma = chroma_stride * (size_t)(height / 2);
	p->bytes = luma + 2 * chroma + ALIGN;
	add(&stats.bytes, p->bytes);
	p->block = bufpool_get(&pool, p->bytes);
	if (!p->block)
		return ref_drop(p);
	p->pub.plane[0] = p->block;
	p->pub.plane[1] = p->pub.plane[0] + luma;
	p->pub.plane[2] = p->pub.plane[1] + chroma;
	p->pub.stride[0] = (int)luma_stride;
	p->pub.stride[1] = p->pub.stride[2] = (int)chroma_stride;
	return &p->pub;
}

struct picture *picture_wrap(int width, int height, uint8_t *const plane[3],
			     const int stride[3], size_t bytes,
			     void (*release)(void *arg), void *arg)
{
	struct picture_priv *p;

	if (!size_ok(width, height))
		return NULL;
	p = new_header(width, height);
	if (!p)
		return NULL;
	for (int i = 0; i < 3; i++) {
		p->pub.plane[i] = plane[i];
		p->pub.stride[i] = stride[i];
	}
	p->bytes = bytes;
	add(&stats.bytes, bytes);
	p->release = release;
	p->arg = arg;
	return &p->pub;
}

void picture_fill(struct picture *self, int x, int y, int w, int h, struct sample colour)
{
	int right = x + w, bottom = y + h;

	x = x < 0 ? 0 : x & ~1;
	y = y < 0 ? 0 : y & ~1;
	right = right > self->width ? self->width : (right + 1) & ~1;
	bottom = bottom > self->height ? self->height : (bottom + 1) & ~1;
	if (x >= right || y >= bottom)
		return;
	I420Rect(self->plane[0], self->stride[0], self->plane[1], self->stride[1],
		 self->plane[2], self->stride[2], x, y, right - x, bottom - y,
		 colour.y, colour.u, colour.v);
}

void picture_fill_black(struct picture *self, int x, int y, int w, int h)
{
	picture_fill(self, x, y, w, h, (struct sample){ 16, 128, 128 });
}

/* First sample of plane i at luma position (x, y). */
static uint8_t *at(const struct picture *p, int i, int x, int y)
{
	int shift = i ? 1 : 0;

	return p->plane[i] + (ptrdiff_t)(y >> shift) * p->stride[i] + (x >> shift);
}

void picture_blit(struct picture *dst, const struct picture *src, int x, int y)
{
	int sx = 0, sy = 0, w = src->width, h = src->height;

	x &= ~1;
	y &= ~1;
	if (x < 0) {
		sx = -x;
		w += x;
		x = 0;
	}
	if (y < 0) {
		sy = -y;
		h += y;
		y = 0;
	}
	w = w > dst->width - x ? dst->width - x : w;
	h = h > dst->height - y ? dst->height - y : h;
	if (w <= 0 || h <= 0)
		return;
	I420Copy(at(src, 0, sx, sy), src->stride[0], at(src, 1, sx, sy), src->stride[1],
		 at(src, 2, sx, sy), src->stride[2], at(dst, 0, x, y), dst->stride[0],
		 at(dst, 1, x, y), dst->stride[1], at(dst, 2, x, y), dst->stride[2], w, h);
}

struct scale_job {
	struct picture *src;
	int cx, cy, cw, ch, w, h;
};

static void describe(struct picture *dst, const struct picture *src)
{
	dst->colour = src->colour;
	dst->full_range = src->full_range;
	dst->time_us = src->time_us;
}

static void *scale(void *arg)
{
	const struct scale_job *j = arg;
	struct picture *src = j->src, *dst = picture_new(j->w, j->h);

	if (!dst)
		return NULL;
	describe(dst, src);
	/* Box: averages all samples when shrinking by more than two, else bilinear. */
	if (I420Scale(at(src, 0, j->cx, j->cy), src->stride[0],
		      at(src, 1, j->cx, j->cy), src->stride[1],
		      at(src, 2, j->cx, j->cy), src->stride[2], j->cw, j->ch,
		      dst->plane[0], dst->stride[0], dst->plane[1], dst->stride[1],
		      dst->plane[2], dst->stride[2], j->w, j->h, kFilterBox) != 0)
		return ref_drop(dst);
	picture_recolour(dst, COLOUR_BT709);
	return dst;
}

static void drop_parent(void *arg)
{
	ref_drop(arg);
}

/* The rectangle as it is, without a copy: shows into the parent and holds it. */
static struct picture *window(const struct scale_job *j)
{
	struct picture *src = j->src, *p;
	uint8_t *plane[3];

	if (j->cw == src->width && j->ch == src->height)
		return ref_hold(src);
	for (int i = 0; i < 3; i++)
		plane[i] = at(src, i, j->cx, j->cy);
	p = picture_wrap(j->cw, j->ch, plane, src->stride, 0, drop_parent, src);
	if (!p)
		return NULL;
	ref_hold(src);
	describe(p, src);
	p->sar_num = src->sar_num;
	p->sar_den = src->sar_den;
	return p;
}

struct picture *picture_scaled(struct picture *self, int cx, int cy, int cw, int ch,
			       int w, int h)
{
	struct scale_job job = { self, cx, cy, cw, ch, w, h };
	uint16_t key[6] = { (uint16_t)cx, (uint16_t)cy, (uint16_t)cw, (uint16_t)ch,
			    (uint16_t)w, (uint16_t)h };
	uint8_t bytes[KEEP_KEY];
	struct picture *p;
	bool made;

	if (cx < 0 || cy < 0 || (cx | cy) & 1 || !size_ok(cw, ch) || !size_ok(w, h) ||
	    cx + cw > self->width || cy + ch > self->height)
		return NULL;
	if (cw == w && ch == h && self->colour == COLOUR_BT709 && !self->full_range)
		return window(&job);
	_Static_assert(sizeof(key) == KEEP_KEY, "a key is six sizes");
	memcpy(bytes, key, sizeof(bytes));
	p = keep_get(&priv_of(self)->scaled, bytes, scale, &job, &made);
	if (p)
		add(made ? &stats.scaled : &stats.shared, 1);
	return p;
}

struct picture *picture_converted(struct picture *self, enum colour to)
{
	struct picture *p;

	if (self->colour == to && !self->full_range)
		return ref_hold(self);
	p = picture_new(self->width, self->height);
	if (!p)
		return NULL;
	describe(p, self);
	p->sar_num = self->sar_num;
	p->sar_den = self->sar_den;
	picture_blit(p, self, 0, 0);
	picture_recolour(p, to);
	return p;
}

/* A quarter turn makes pixels that were wide tall. */
static struct picture *new_turned(const struct picture *src, bool across)
{
	struct picture *p = across ? picture_new(src->height, src->width) :
				     picture_new(src->width, src->height);

	if (!p)
		return NULL;
	describe(p, src);
	p->sar_num = across ? src->sar_den : src->sar_num;
	p->sar_den = across ? src->sar_num : src->sar_den;
	return p;
}

/* Mirrored left to right, then turned: H.264 D.2.27 has the same order, TS 26.114 says
 * none. libyuv turns a plane whose height is negative the other way up, which is a mirror
 * and half a turn. */
struct picture *picture_upright(struct picture *self, unsigned orientation)
{
	static const enum RotationMode mode[] = { kRotate0, kRotate90, kRotate180, kRotate270 };
	unsigned turns = orientation & ORIENT_TURNS;
	bool mirror = orientation & ORIENT_MIRROR;
	struct picture *p;

	if (!turns && !mirror)
		return ref_hold(self);
	p = new_turned(self, turns & 1);
	if (!p)
		return NULL;
	if (mirror)
		turns = (turns + 2) & ORIENT_TURNS;
	if (I420Rotate(self->plane[0], self->stride[0], self->plane[1], self->stride[1],
		       self->plane[2], self->stride[2], p->plane[0], p->stride[0], p->plane[1],
		       p->stride[1], p->plane[2], p->stride[2], self->width,
		       mirror ? -self->height : self->height, mode[turns]) != 0)
		return ref_drop(p);
	return p;
}

void picture_trim(void)
{
	bufpool_trim(&pool);
}

void picture_stats(struct picture_stats *out)
{
	out->scaled = atomic_load_explicit(&stats.scaled, memory_order_relaxed);
	out->scale_shared = atomic_load_explicit(&stats.shared, memory_order_relaxed);
	out->live = atomic_load_explicit(&stats.live, memory_order_relaxed);
	out->bytes = atomic_load_explicit(&stats.bytes, memory_order_relaxed);
	pthread_mutex_lock(&pool.lock);
	out->live += pool.free_blocks;
	out->bytes += pool.free_bytes;
	pthread_mutex_unlock(&pool.lock);
}
