/* SPDX-License-Identifier: GPL-3.0-or-later
 * Fitting: a circle stays a circle, nothing leaves its tile, all is even. */
#include "mcu/mp/fit.h"

#include "tests/unit/cmocka_head.h"

#include <stdlib.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	enum fit fit;
	struct frame_shape picture, tile;
	struct fitting want;
} fit_table[] = {
	/* same shape: all of it */
	{ FIT_LETTERBOX, { 1280, 720, 1, 1 }, { 640, 360, 1, 1 },
	  { { 0, 0, 1280, 720 }, { 0, 0, 640, 360 } } },
	{ FIT_CROP, { 1280, 720, 1, 1 }, { 640, 360, 0, 0 },
	  { { 0, 0, 1280, 720 }, { 0, 0, 640, 360 } } },
	/* 4:3 in 16:9 */
	{ FIT_LETTERBOX, { 640, 480, 1, 1 }, { 1280, 720, 1, 1 },
	  { { 0, 0, 640, 480 }, { 160, 0, 960, 720 } } },
	{ FIT_CROP, { 640, 480, 1, 1 }, { 1280, 720, 1, 1 },
	  { { 0, 60, 640, 360 }, { 0, 0, 1280, 720 } } },
	/* CIF is 4:3 by its pixels of 12:11 */
	{ FIT_LETTERBOX, { 352, 288, 12, 11 }, { 1280, 720, 1, 1 },
	  { { 0, 0, 352, 288 }, { 160, 0, 960, 720 } } },
	{ FIT_CROP, { 352, 288, 12, 11 }, { 640, 360, 1, 1 },
	  { { 0, 36, 352, 216 }, { 0, 0, 640, 360 } } },
	/* 16:9 into CIF for an old endpoint */
	{ FIT_LETTERBOX, { 1280, 720, 1, 1 }, { 352, 288, 12, 11 },
	  { { 0, 0, 1280, 720 }, { 0, 36, 352, 216 } } },
	/* nearly 16:9: no border of two samples */
	{ FIT_LETTERBOX, { 848, 480, 1, 1 }, { 640, 360, 1, 1 },
	  { { 0, 0, 848, 478 }, { 0, 0, 640, 360 } } },
	{ FIT_LETTERBOX, { 1920, 1088, 1, 1 }, { 1280, 720, 1, 1 },
	  { { 0, 4, 1920, 1080 }, { 0, 0, 1280, 720 } } },
	/* … but where all of it matters */
	{ FIT_WHOLE, { 848, 480, 1, 1 }, { 640, 360, 1, 1 },
	  { { 0, 0, 848, 480 }, { 2, 0, 636, 360 } } },
	{ FIT_WHOLE, { 1366, 768, 1, 1 }, { 1280, 720, 1, 1 },
	  { { 0, 0, 1366, 768 }, { 0, 0, 1280, 720 } } },
	{ FIT_WHOLE, { 1024, 768, 1, 1 }, { 1024, 576, 1, 1 },
	  { { 0, 0, 1024, 768 }, { 128, 0, 768, 576 } } },
	/* portrait */
	{ FIT_LETTERBOX, { 360, 640, 1, 1 }, { 640, 360, 1, 1 },
	  { { 0, 0, 360, 640 }, { 218, 0, 202, 360 } } },
	/* is not cropped, too little would be left; a square is */
	{ FIT_CROP, { 360, 640, 1, 1 }, { 640, 360, 1, 1 },
	  { { 0, 0, 360, 640 }, { 218, 0, 202, 360 } } },
	{ FIT_CROP, { 400, 400, 1, 1 }, { 640, 360, 1, 1 },
	  { { 0, 86, 400, 226 }, { 0, 0, 640, 360 } } },
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fit_table); i++) {
		struct fitting f;

		fit_shape(&f, fit_table[i].fit, &fit_table[i].picture, &fit_table[i].tile);
		assert_memory_equal(&f, &fit_table[i].want, sizeof(f));
	}
}

static void check_inside(const struct rect *r, int w, int h)
{
	assert_int_equal((r->x | r->y | r->w | r->h) & 1, 0);
	assert_true(r->w >= 2 && r->h >= 2);
	assert_true(r->x + r->w <= w && r->y + r->h <= h);
}

/* A circle of the picture has this width to its height on the screen, in 1/1000. */
static int roundness(const struct fitting *f, const struct frame_shape *p,
		     const struct frame_shape *t)
{
	double x = (double)f->place.w / f->crop.w / p->sar_num * p->sar_den;
	double y = (double)f->place.h / f->crop.h;

	return (int)(1000 * x / y * t->sar_num / t->sar_den + 0.5);
}

static void test_circle(void **state)
{
	static const struct frame_shape picture[] = {
		{ 1280, 720, 1, 1 }, { 640, 480, 1, 1 }, { 352, 288, 12, 11 },
		{ 176, 144, 12, 11 }, { 720, 576, 16, 15 }, { 720, 480, 40, 33 },
		{ 720, 1280, 1, 1 }, { 1024, 768, 1, 1 }, { 704, 576, 12, 11 },
	};
	static const struct frame_shape tile[] = {
		{ 1280, 720, 1, 1 }, { 640, 360, 1, 1 }, { 426, 240, 1, 1 },
		{ 320, 180, 1, 1 }, { 852, 480, 1, 1 }, { 352, 288, 12, 11 },
		{ 1920, 1080, 1, 1 }, { 240, 134, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(picture) * ARRAY_SIZE(tile) * 2; i++) {
		const struct frame_shape *p = &picture[i / 2 % ARRAY_SIZE(picture)];
		const struct frame_shape *t = &tile[i / 2 / ARRAY_SIZE(picture)];
		struct fitting f;

		fit_shape(&f, i & 1 ? FIT_CROP : FIT_LETTERBOX, p, t);
		check_inside(&f.crop, p->w, p->h);
		check_inside(&f.place, t->w, t->h);
		assert_in_range(roundness(&f, p, t), 980, 1020);
	}
}

/* Shapes that no camera has still give rectangles that can be painted. */
static void test_extremes(void **state)
{
	static const struct frame_shape odd[] = {
		{ 2, 4096, 1, 65535 }, { 4096, 2, 65535, 1 }, { 2, 2, 0, 5 },
		{ 4096, 4096, 65535, 65535 }, { 2, 2, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(odd); k++) {
			struct fitting f;

			fit_shape(&f, FIT_LETTERBOX, &odd[i], &odd[k]);
			check_inside(&f.crop, odd[i].w, odd[i].h);
			check_inside(&f.place, odd[k].w, odd[k].h);
			fit_shape(&f, FIT_CROP, &odd[i], &odd[k]);
			check_inside(&f.crop, odd[i].w, odd[i].h);
			check_inside(&f.place, odd[k].w, odd[k].h);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_circle),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
