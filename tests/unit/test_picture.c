/* SPDX-License-Identifier: GPL-3.0-or-later
 * Pictures: memory comes back, scaled copies are shared, colours are right. */
#include "base/ref.h"
#include "codecs/picture.h"
#include "tests/unit/clip.h"
#include "tests/unit/cmocka_head.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void test_sizes(void **state)
{
	static const struct { int w, h; bool ok; } row[] = {
		{ 2, 2, true }, { 4096, 4096, true }, { 352, 288, true }, { 1, 2, false },
		{ 2, 0, false }, { 3, 4, false }, { 4, 3, false }, { 4098, 2, false },
		{ -2, 2, false }, { 0, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct picture *p = picture_new(row[i].w, row[i].h);

		assert_int_equal(p != NULL, row[i].ok);
		if (p) {
			assert_true(p->stride[0] >= p->width && p->stride[1] >= p->width / 2);
			memset(p->plane[2] + (ptrdiff_t)(p->height / 2 - 1) * p->stride[2], 1,
			       (size_t)p->width / 2);
		}
		ref_drop(p);
	}
}

/* What is given back is what is taken next: no growth in a steady state. */
static void test_pool(void **state)
{
	struct picture *p = picture_new(1280, 720);
	uint8_t *memory = p->plane[0];
	struct picture_stats before, after;

	(void)state;
	ref_drop(p);
	picture_stats(&before);
	for (int i = 0; i < 100; i++) {
		p = picture_new(1280, 720);
		assert_ptr_equal(p->plane[0], memory);
		ref_drop(p);
	}
	picture_stats(&after);
	assert_int_equal(before.bytes, after.bytes);
	assert_int_equal(before.live, after.live);
}

static void test_fill_and_blit(void **state)
{
	struct picture *dst = picture_new(64, 48), *src = picture_new(32, 32);
	static const struct { int x, y; } at[] = {
		{ 0, 0 }, { 16, 8 }, { -10, -20 }, { 50, 40 }, { 64, 0 }, { -32, 0 }, { 0, 48 },
	};

	(void)state;
	memset(src->plane[0], 200, (size_t)src->stride[0] * 32);
	memset(src->plane[1], 90, (size_t)src->stride[1] * 16);
	memset(src->plane[2], 170, (size_t)src->stride[2] * 16);
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		picture_fill_black(dst, -4, -4, 100, 100);
		picture_blit(dst, src, at[i].x, at[i].y);
		for (int y = 0; y < 48; y++)
			for (int x = 0; x < 64; x++) {
				bool in = x >= at[i].x && x < at[i].x + 32 && y >= at[i].y &&
					  y < at[i].y + 32;

				assert_int_equal(dst->plane[0][y * dst->stride[0] + x],
						 in ? 200 : 16);
				assert_int_equal(dst->plane[1][y / 2 * dst->stride[1] + x / 2],
						 in ? 90 : 128);
				assert_int_equal(dst->plane[2][y / 2 * dst->stride[2] + x / 2],
						 in ? 170 : 128);
			}
	}
	picture_fill_black(dst, 70, 0, 10, 10); /* outside: nothing */
	ref_drop(dst);
	ref_drop(src);
}

static void test_scale_shared(void **state)
{
	struct picture *p = clip_picture(640, 360, 0), *a, *b, *c;
	struct picture_stats s0, s1;
	long live = ref_live();

	(void)state;
	picture_stats(&s0);
	a = picture_scaled(p, 0, 0, 640, 360, 320, 180);
	b = picture_scaled(p, 0, 0, 640, 360, 320, 180);
	c = picture_scaled(p, 0, 0, 480, 360, 320, 180);
	picture_stats(&s1);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_int_equal(s1.scaled - s0.scaled, 2);
	assert_int_equal(s1.scale_shared - s0.scale_shared, 1);
	assert_int_equal(a->width, 320);
	assert_int_equal(a->height, 180);
	assert_int_equal(a->time_us, p->time_us);
	ref_drop(a);
	ref_drop(b);
	ref_drop(c);
	/* more sizes than are kept: all right, each of them */
	for (int w = 16; w < 64; w += 2) {
		a = picture_scaled(p, 0, 0, 640, 360, w, 36);
		assert_int_equal(a->width, w);
		ref_drop(a);
	}
	/* the whole at its size is itself, a part at its size is no copy */
	a = picture_scaled(p, 0, 0, 640, 360, 640, 360);
	assert_ptr_equal(a, p);
	ref_drop(a);
	a = picture_scaled(p, 100, 50, 200, 100, 200, 100);
	assert_ptr_equal(a->plane[0], p->plane[0] + 50 * p->stride[0] + 100);
	assert_ptr_equal(a->plane[1], p->plane[1] + 25 * p->stride[1] + 50);
	ref_drop(p);
	assert_int_equal(a->plane[0][0], a->plane[0][0]); /* still there: it holds p */
	ref_drop(a);
	assert_int_equal(ref_live(), live - 1);
}

static void test_scale_refused(void **state)
{
	struct picture *p = picture_new(64, 64);
	static const int bad[][6] = {
		{ 0, 0, 66, 64, 32, 32 }, { 2, 0, 64, 64, 32, 32 }, { -2, 0, 32, 32, 32, 32 },
		{ 1, 0, 32, 32, 32, 32 }, { 0, 0, 0, 32, 32, 32 }, { 0, 0, 32, 32, 31, 32 },
		{ 0, 0, 32, 32, 32, 5000 }, { 0, 0, 32, 32, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_null(picture_scaled(p, bad[i][0], bad[i][1], bad[i][2], bad[i][3],
					   bad[i][4], bad[i][5]));
	ref_drop(p);
}

/* Half of it, and back from double: a smooth picture survives. */
static void test_scale_quality(void **state)
{
	struct picture *big = picture_new(640, 360), *small = picture_new(320, 180), *s, *t;

	(void)state;
	for (int y = 0; y < 360; y++)
		for (int x = 0; x < 640; x++)
			big->plane[0][y * big->stride[0] + x] = clip_tri((x + y) / 2);
	for (int y = 0; y < 180; y++)
		for (int x = 0; x < 320; x++)
			small->plane[0][y * small->stride[0] + x] = clip_tri(x + y);
	for (int i = 1; i < 3; i++) {
		memset(big->plane[i], 128, (size_t)big->stride[i] * 180);
		memset(small->plane[i], 128, (size_t)small->stride[i] * 90);
	}
	s = picture_scaled(big, 0, 0, 640, 360, 320, 180);
	assert_true(clip_ssim(s, small) > 0.99);
	t = picture_scaled(small, 0, 0, 320, 180, 640, 360);
	assert_true(clip_ssim(t, big) > 0.99);
	ref_drop(s);
	ref_drop(t);
	ref_drop(big);
	ref_drop(small);
}

struct asking {
	struct picture *p;
	struct picture *got[40];
};

static void *ask(void *arg)
{
	struct asking *a = arg;

	for (int i = 0; i < 40; i++)
		a->got[i] = picture_scaled(a->p, 0, 0, 640, 360, 64 + 16 * (i % 8), 64);
	return NULL;
}

/* Many ask at once: each size is scaled once and all get the same. */
static void test_scale_threads(void **state)
{
	enum { N = 6 };
	struct asking a[N];
	pthread_t t[N];
	struct picture_stats s0, s1;

	(void)state;
	for (int round = 0; round < 10; round++) {
		struct picture *p = clip_picture(640, 360, round);

		picture_stats(&s0);
		for (int i = 0; i < N; i++) {
			a[i].p = p;
			assert_int_equal(pthread_create(&t[i], NULL, ask, &a[i]), 0);
		}
		for (int i = 0; i < N; i++)
			pthread_join(t[i], NULL);
		picture_stats(&s1);
		assert_int_equal(s1.scaled - s0.scaled, 8);
		assert_int_equal(s1.scale_shared - s0.scale_shared, N * 40 - 8);
		for (int i = 0; i < N; i++)
			for (int k = 0; k < 40; k++) {
				assert_ptr_equal(a[i].got[k], a[0].got[k % 8]);
				if (i || k >= 8)
					ref_drop(a[i].got[k]);
			}
		for (int k = 0; k < 8; k++)
			ref_drop(a[0].got[k]);
		ref_drop(p);
	}
}

/* Colour bars (75 %, and white, black): the same R'G'B' written as full and
 * limited BT.601 and BT.709. By the formulas of BT.601-7 2.5 and BT.709-6 3. */
static const double bars[][3] = {
	{ 1, 1, 1 }, { .75, .75, 0 }, { 0, .75, .75 }, { 0, .75, 0 },
	{ .75, 0, .75 }, { .75, 0, 0 }, { 0, 0, .75 }, { 0, 0, 0 },
};

static void bar_yuv(const double *rgb, enum colour c, bool full, uint8_t yuv[3])
{
	double kr = c == COLOUR_BT709 ? 0.2126 : 0.299, kb = c == COLOUR_BT709 ? 0.0722 : 0.114;
	double y = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
	double u = (rgb[2] - y) / (2 * (1 - kb)), v = (rgb[0] - y) / (2 * (1 - kr));
	double out[3] = { full ? y * 255 : 16 + y * 219, 128 + u * (full ? 255 : 224),
			  128 + v * (full ? 255 : 224) };

	for (int i = 0; i < 3; i++)
		yuv[i] = (uint8_t)(out[i] > 254.5 ? 255 : out[i] + 0.5);
}

static struct picture *bars_picture(enum colour c, bool full)
{
	struct picture *p = picture_new(8 * 40, 32);

	p->colour = c;
	p->full_range = full;
	for (int bar = 0; bar < 8; bar++) {
		uint8_t yuv[3];

		bar_yuv(bars[bar], c, full, yuv);
		for (int i = 0; i < 3; i++) {
			int w = i ? 20 : 40, h = i ? 16 : 32;

			for (int y = 0; y < h; y++)
				memset(p->plane[i] + y * p->stride[i] + bar * w, yuv[i], (size_t)w);
		}
	}
	return p;
}

static int worst(const struct picture *a, const struct picture *b)
{
	int max = 0;

	for (int i = 0; i < 3; i++)
		for (int y = 0; y < a->height >> !!i; y++)
			for (int x = 0; x < a->width >> !!i; x++) {
				int d = abs(a->plane[i][y * a->stride[i] + x] -
					    b->plane[i][y * b->stride[i] + x]);

				max = d > max ? d : max;
			}
	return max;
}

static void test_colour(void **state)
{
	(void)state;
	for (int from = 0; from < 2; from++)
		for (int full = 0; full < 2; full++)
			for (int to = 0; to < 2; to++) {
				struct picture *in = bars_picture((enum colour)from, full);
				struct picture *want = bars_picture((enum colour)to, false);
				struct picture *out = picture_converted(in, (enum colour)to);

				assert_int_equal(out->colour, to);
				assert_false(out->full_range);
				assert_in_range(worst(out, want), 0, from == to && !full ? 0 : 2);
				assert_int_equal(out == in, from == to && !full);
				ref_drop(in);
				ref_drop(want);
				ref_drop(out);
			}
}

/* A scaled copy is converted, too, and one that needs only that. */
static void test_scaled_colour(void **state)
{
	struct picture *in = bars_picture(COLOUR_BT601, true), *want, *out;

	(void)state;
	want = bars_picture(COLOUR_BT709, false);
	out = picture_scaled(in, 0, 0, 320, 32, 320, 32);
	assert_int_equal(out->colour, COLOUR_BT709);
	assert_in_range(worst(out, want), 0, 2);
	ref_drop(out);
	out = picture_scaled(in, 40, 0, 40, 32, 20, 16); /* one bar */
	assert_int_equal(abs(out->plane[0][10] - want->plane[0][60]) <= 2, 1);
	assert_int_equal(abs(out->plane[1][2] - want->plane[1][30]) <= 2, 1);
	ref_drop(out);
	ref_drop(in);
	ref_drop(want);
}

/* Where a sample of the upright picture comes from: back by the quarter turns, one at a
 * time, then back by the mirror. */
static int sample_before(const struct picture *p, int plane, unsigned orientation, int x, int y)
{
	int w = p->width >> !!plane, h = p->height >> !!plane;

	for (unsigned i = orientation & ORIENT_TURNS; i > 0; i--) {
		/* what was turned this often is so high */
		int high = i % 2 ? h : w;
		int from_x = y, from_y = high - 1 - x;

		x = from_x;
		y = from_y;
	}
	if (orientation & ORIENT_MIRROR)
		x = w - 1 - x;
	return p->plane[plane][y * p->stride[plane] + x];
}

static void test_upright(void **state)
{
	static const int size[][2] = { { 64, 48 }, { 352, 288 }, { 90, 2 }, { 2, 2 } };

	(void)state;
	for (size_t s = 0; s < sizeof(size) / sizeof(*size); s++)
		for (unsigned o = 0; o < 16; o++) {
			struct picture *p = clip_picture(size[s][0], size[s][1], 7), *up;
			bool across = o & 1;

			p->sar_num = 12;
			p->sar_den = 11;
			p->colour = COLOUR_BT601;
			p->full_range = true;
			up = picture_upright(p, o);
			assert_int_equal(up == p, (o & 7) == 0);
			assert_int_equal(up->width, size[s][across]);
			assert_int_equal(up->height, size[s][!across]);
			assert_int_equal(up->sar_num, across ? 11 : 12);
			assert_int_equal(up->sar_den, across ? 12 : 11);
			assert_int_equal(up->colour, COLOUR_BT601);
			assert_true(up->full_range);
			assert_int_equal(up->time_us, p->time_us);
			for (int i = 0; i < 3; i++)
				for (int y = 0; y < up->height >> !!i; y++)
					for (int x = 0; x < up->width >> !!i; x++)
						if (up->plane[i][y * up->stride[i] + x] !=
						    sample_before(p, i, o, x, y))
							fail_msg("%d x %d, %u: plane %d at %d, %d",
								 size[s][0], size[s][1], o, i, x, y);
			ref_drop(up);
			ref_drop(p);
		}
}

/* TS 26.114 table 7.2: 1 is a picture that was turned to the left, and is turned back to
 * the right: what is on top in it comes to the right hand side. */
static void test_upright_sides(void **state)
{
	struct picture *p = picture_new(64, 32), *up;

	(void)state;
	picture_fill_black(p, 0, 0, 64, 32);
	picture_fill(p, 0, 0, 64, 8, (struct sample){ 200, 128, 128 });
	up = picture_upright(p, 1);
	assert_int_equal(up->plane[0][30 * up->stride[0] + 31], 200);
	assert_int_equal(up->plane[0][30 * up->stride[0] + 4], 16);
	ref_drop(up);
	up = picture_upright(p, 3);
	assert_int_equal(up->plane[0][30 * up->stride[0] + 31], 16);
	assert_int_equal(up->plane[0][30 * up->stride[0] + 4], 200);
	ref_drop(up);
	ref_drop(p);
}

static int released;

static void release(void *arg)
{
	released += *(int *)arg;
}

static void test_wrap(void **state)
{
	static uint8_t memory[64 * 64 * 3 / 2];
	uint8_t *plane[3] = { memory, memory + 4096, memory + 5120 };
	int stride[3] = { 64, 32, 32 }, one = 1;
	struct picture *p = picture_wrap(64, 64, plane, stride, sizeof(memory), release, &one);
	struct picture *part;

	(void)state;
	released = 0;
	assert_non_null(p);
	part = picture_scaled(p, 0, 0, 32, 32, 32, 32);
	ref_drop(p);
	assert_int_equal(released, 0);
	ref_drop(part);
	assert_int_equal(released, 1);
	assert_null(picture_wrap(63, 64, plane, stride, 0, release, &one));
	assert_int_equal(released, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_fill_and_blit),
		cmocka_unit_test(test_scale_shared),
		cmocka_unit_test(test_scale_refused),
		cmocka_unit_test(test_scale_quality),
		cmocka_unit_test(test_scale_threads),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_scaled_colour),
		cmocka_unit_test(test_upright),
		cmocka_unit_test(test_upright_sides),
		cmocka_unit_test(test_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
