/* SPDX-License-Identifier: GPL-3.0-or-later
 * Layouts and seating: tables, then properties over random meetings. */
#include "mcu/mp/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum { BUILTIN = 16 };

static void test_names(void **state)
{
	const struct layout *l;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; (l = layout_builtin(i)); i++, n++)
		assert_ptr_equal(layout_by_name(l->name), l);
	assert_int_equal(n, BUILTIN);
	assert_true(layout_builtin(0)->automatic);
	assert_string_equal(layout_by_name("SPEAKER")->name, "speaker");
	assert_null(layout_by_name("7x7"));
	assert_null(layout_by_name(NULL));
}

static const struct {
	const char *id;
	unsigned count;
	int w, h;
	unsigned n;
	unsigned which;
	struct rect rect;
} rect_table[] = {
	{ "auto", 0, 1280, 720, 1, 0, { 0, 0, 1280, 720 } },
	{ "auto", 1, 1280, 720, 1, 0, { 0, 0, 1280, 720 } },
	{ "auto", 2, 1280, 720, 2, 0, { 0, 180, 640, 360 } },
	{ "auto", 2, 1280, 720, 2, 1, { 640, 180, 640, 360 } },
	{ "auto", 3, 1280, 720, 4, 3, { 640, 360, 640, 360 } },
	{ "auto", 5, 1280, 720, 9, 4, { 426, 240, 426, 240 } },
	{ "auto", 9, 1280, 720, 9, 8, { 852, 480, 426, 240 } },
	{ "auto", 10, 1280, 720, 16, 15, { 960, 540, 320, 180 } },
	{ "auto", 200, 1920, 1080, 16, 5, { 480, 270, 480, 270 } },
	{ "1+5", 3, 1280, 720, 6, 0, { 0, 0, 852, 480 } },
	{ "1+5", 3, 1280, 720, 6, 1, { 852, 0, 426, 240 } },
	{ "1+5", 3, 1280, 720, 6, 3, { 0, 480, 426, 240 } },
	{ "1+5", 3, 1280, 720, 6, 5, { 852, 480, 426, 240 } },
	{ "1+7", 3, 1280, 720, 8, 0, { 0, 0, 960, 540 } },
	{ "1+7", 3, 1280, 720, 8, 4, { 0, 540, 320, 180 } },
	{ "speaker", 9, 640, 360, 1, 0, { 0, 0, 640, 360 } },
	{ "1+1", 1, 352, 288, 2, 1, { 176, 72, 176, 144 } },
	{ "2x2", 1, 176, 144, 4, 3, { 88, 72, 88, 72 } },
};

static void test_rect_table(void **state)
{
	struct rect r[LAYOUT_MAX_TILES];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rect_table); i++) {
		assert_int_equal(layout_rects(layout_by_name(rect_table[i].id), rect_table[i].count,
					      rect_table[i].w, rect_table[i].h, r),
				 rect_table[i].n);
		assert_memory_equal(&r[rect_table[i].which], &rect_table[i].rect,
				    sizeof(struct rect));
	}
	assert_int_equal(layout_rects(layout_by_name("4x4"), 1, 8, 8, r), 0);
}

static bool rects_overlap(const struct rect *a, const struct rect *b)
{
	return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h &&
	       b->y < a->y + a->h;
}

/* The only ones that lay pictures over others. */
static bool is_layered(const char *id)
{
	return !strcmp(id, "pip") || !strcmp(id, "overlay");
}

static void check_rects(const char *id, unsigned count, int w, int h)
{
	struct rect r[LAYOUT_MAX_TILES];
	unsigned n = layout_rects(layout_by_name(id), count, w, h, r);

	assert_in_range(n, 1, LAYOUT_MAX_TILES);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal((r[i].x | r[i].y | r[i].w | r[i].h) & 1, 0);
		assert_true(r[i].w >= 2 && r[i].h >= 2);
		assert_true(r[i].x + r[i].w <= w && r[i].y + r[i].h <= h);
		for (unsigned k = 0; k < i && !is_layered(id); k++)
			assert_false(rects_overlap(&r[i], &r[k]));
		/* 16:9 to within the rounding to even numbers */
		if (w * 9 == h * 16)
			assert_in_range(r[i].w * 9, (r[i].h - 4) * 16, (r[i].h + 4) * 16);
	}
}

static void test_rect_properties(void **state)
{
	static const int size[][2] = {
		{ 1280, 720 }, { 1920, 1080 }, { 640, 360 }, { 848, 480 }, { 352, 288 },
		{ 176, 144 }, { 1024, 768 }, { 426, 240 }, { 17, 16 }, { 3840, 2160 },
		{ 320, 180 }, { 721, 1281 },
	};

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(size); s++)
		for (unsigned i = 0; layout_builtin(i); i++)
			for (unsigned count = 0; count < 20; count++)
				check_rects(layout_builtin(i)->name, count, size[s][0],
					    size[s][1]);
}

/* ---- seating: one step a row, the state goes on from row to row --------------- */

struct step {
	const char *layout;
	uint32_t ids[20], speakers[8]; /* ended by 0 */
	uint32_t seats[LAYOUT_MAX_TILES];
	unsigned n;
	uint32_t fixed[LAYOUT_MAX_TILES];
};

static unsigned list_len(const uint32_t *l, unsigned max)
{
	unsigned n = 0;

	while (n < max && l[n])
		n++;
	return n;
}

static void run_steps(const struct step *step, size_t n)
{
	struct seating s = { 0 };

	for (size_t i = 0; i < n; i++) {
		seating_update(&s, layout_by_name(step[i].layout),
			       &(struct crowd){ step[i].ids, list_len(step[i].ids, 20),
						step[i].speakers, list_len(step[i].speakers, 8),
						step[i].fixed, false });
		assert_int_equal(s.n, step[i].n);
		assert_memory_equal(s.id, step[i].seats, s.n * sizeof(s.id[0]));
	}
}

static void test_seating_grid(void **state)
{
	static const struct step steps[] = {
		{ "auto", { 1 }, { 0 }, { 1 }, 1, { 0 } },
		{ "auto", { 1, 2 }, { 0 }, { 1, 2 }, 2, { 0 } },
		{ "auto", { 1, 2, 3 }, { 3 }, { 1, 2, 3, 0 }, 4, { 0 } },
		{ "auto", { 1, 2, 3, 4 }, { 3, 1 }, { 1, 2, 3, 4 }, 4, { 0 } },
		{ "auto", { 1, 3, 4 }, { 3, 1 }, { 1, 0, 3, 4 }, 4, { 0 } },
		{ "auto", { 1, 3, 4, 5 }, { 3, 1 }, { 1, 5, 3, 4 }, 4, { 0 } },
		/* a smaller grid: only who sat outside moves, into the free place */
		{ "auto", { 1, 4 }, { 3, 1 }, { 1, 4 }, 2, { 0 } },
		{ "auto", { 4 }, { 0 }, { 4 }, 1, { 0 } },
		{ "auto", { 0 }, { 0 }, { 0 }, 1, { 0 } },
	};
	static const struct step full[] = {
		{ "2x2", { 1, 2, 3, 4, 5, 6 }, { 0 }, { 1, 2, 3, 4 }, 4, { 0 } },
		/* nobody spoke: 1 has been silent longest */
		{ "2x2", { 1, 2, 3, 4, 5, 6 }, { 6 }, { 6, 2, 3, 4 }, 4, { 0 } },
		{ "2x2", { 1, 2, 3, 4, 5, 6 }, { 2, 6 }, { 6, 2, 3, 4 }, 4, { 0 } },
		{ "2x2", { 1, 2, 3, 4, 5, 6 }, { 5, 2, 6 }, { 6, 2, 5, 4 }, 4, { 0 } },
		{ "2x2", { 1, 2, 3, 4, 5, 6 }, { 4, 5, 2, 6 }, { 6, 2, 5, 4 }, 4, { 0 } },
		/* all have spoken: 6 longest ago */
		{ "2x2", { 1, 2, 3, 4, 5, 6 }, { 1, 4, 5, 2, 6 }, { 1, 2, 5, 4 }, 4, { 0 } },
		{ "2x2", { 1, 2, 3, 4, 5, 6 }, { 1, 4, 5, 2, 6 }, { 1, 2, 5, 4 }, 4, { 0 } },
	};

	(void)state;
	run_steps(steps, ARRAY_SIZE(steps));
	run_steps(full, ARRAY_SIZE(full));
}

static void test_seating_large(void **state)
{
	static const struct step speaker[] = {
		{ "speaker", { 1, 2, 3 }, { 0 }, { 1 }, 1, { 0 } },
		{ "speaker", { 1, 2, 3 }, { 3 }, { 3 }, 1, { 0 } },
		{ "speaker", { 1, 2, 3 }, { 0 }, { 3 }, 1, { 0 } }, /* silence: kept */
		{ "speaker", { 1, 2, 3 }, { 9, 2, 3 }, { 2 }, 1, { 0 } }, /* 9 is the viewer */
		{ "speaker", { 1, 3 }, { 0 }, { 1 }, 1, { 0 } },
	};
	static const struct step large[] = {
		{ "1+5", { 1, 2, 3 }, { 0 }, { 1, 2, 3, 0, 0, 0 }, 6, { 0 } },
		{ "1+5", { 1, 2, 3 }, { 3 }, { 3, 2, 1, 0, 0, 0 }, 6, { 0 } },
		{ "1+5", { 1, 2, 3, 4, 5, 6, 7, 8 }, { 3 }, { 3, 2, 1, 4, 5, 6 }, 6, { 0 } },
		/* 7 is not seen: takes the large place; 3 goes to the place of 1 */
		{ "1+5", { 1, 2, 3, 4, 5, 6, 7, 8 }, { 7, 3 }, { 7, 2, 3, 4, 5, 6 }, 6, { 0 } },
		{ "1+5", { 1, 2, 3, 4, 5, 6, 7, 8 }, { 7, 3 }, { 7, 2, 3, 4, 5, 6 }, 6, { 0 } },
		/* the one in the large place leaves */
		{ "1+5", { 1, 2, 3, 4, 5, 6, 8 }, { 7, 3 }, { 3, 2, 1, 4, 5, 6 }, 6, { 0 } },
		{ "1+5", { 2, 4 }, { 0 }, { 2, 0, 0, 4, 0, 0 }, 6, { 0 } },
		/* to a grid and back */
		{ "auto", { 2, 4 }, { 0 }, { 2, 4 }, 2, { 0 } },
		{ "1+7", { 2, 4 }, { 4 }, { 4, 2, 0, 0, 0, 0, 0, 0 }, 8, { 0 } },
	};

	(void)state;
	run_steps(speaker, ARRAY_SIZE(speaker));
	run_steps(large, ARRAY_SIZE(large));
}

/* Two large places, and places that somebody has. */
static void test_seating_places(void **state)
{
	static const struct step two[] = {
		{ "2+8", { 1, 2, 3, 4 }, { 0 }, { 1, 2, 3, 4 }, 10, { 0 } },
		{ "2+8", { 1, 2, 3, 4 }, { 3 }, { 3, 2, 1, 4 }, 10, { 0 } },
		/* the two latest stay, whoever of them speaks */
		{ "2+8", { 1, 2, 3, 4 }, { 2, 3 }, { 3, 2, 1, 4 }, 10, { 0 } },
		{ "2+8", { 1, 2, 3, 4 }, { 4, 2, 3 }, { 4, 2, 1, 3 }, 10, { 0 } },
		{ "2+8", { 1, 2, 3 }, { 4, 2, 3 }, { 3, 2, 1, 0 }, 10, { 0 } },
	};
	static const struct step pinned[] = {
		{ "1+5", { 1, 2, 3 }, { 0 }, { 1, 2, 3 }, 6, { 0 } },
		{ "1+5", { 1, 2, 3 }, { 3 }, { 2, 1, 3 }, 6, { 2 } },
		/* the one with a place speaks: nothing moves */
		{ "1+5", { 1, 2, 3 }, { 2, 3 }, { 2, 1, 3 }, 6, { 2 } },
		/* it goes: the latest speaker comes */
		{ "1+5", { 1, 3 }, { 3 }, { 3, 1, 0 }, 6, { 2 } },
		{ "2x2", { 1, 3 }, { 3 }, { 3, 1, 0 }, 4, { 0 } },
		{ "2x2", { 1, 3 }, { 3 }, { 0, 1, 0, 3 }, 4, { 0, 0, 0, 3 } },
		{ "2x2", { 1, 3, 4, 5, 6 }, { 6 }, { 6, 1, 4, 3 }, 4, { 0, 0, 0, 3 } },
		/* not there, twice, and nobody's */
		{ "2x2", { 1, 3 }, { 0 }, { 3, 1, 0, 0 }, 4, { 3, 9, 3, 0 } },
		{ "auto", { 1, 3 }, { 0 }, { 3, 1 }, 2, { 0, 1, 0, 3 } },
	};

	(void)state;
	run_steps(two, ARRAY_SIZE(two));
	run_steps(pinned, ARRAY_SIZE(pinned));
}

/* A layout of an administrator: a fixed place stays empty without its owner. */
static void test_seating_fixed(void **state)
{
	static const struct layout l = { "own", .columns = 3, .rows = 1, .n = 3, .place = {
		{ .w = 1, .h = 1, .role = PLACE_FIXED }, { .x = 1, .w = 1, .h = 1 },
		{ .x = 2, .w = 1, .h = 1, .role = PLACE_SPEAKER } } };
	static const uint32_t ids[] = { 1, 2, 3 }, fixed[LAYOUT_MAX_TILES] = { 3 };
	struct seating s = { { 2, 1, 3 }, 3, 0, 0 };

	(void)state;
	seating_update(&s, &l, &(struct crowd){ ids, 3, NULL, 0, NULL, false });
	assert_int_equal(s.id[0], 0);
	assert_int_equal(s.id[1], 1);
	assert_int_equal(s.id[2], 3);
	seating_update(&s, &l, &(struct crowd){ ids, 3, NULL, 0, fixed, false });
	assert_int_equal(s.id[0], 3);
	assert_int_equal(s.id[1], 1);
	assert_int_equal(s.id[2], 2);
	seating_update(&s, &l, &(struct crowd){ ids, 2, ids, 1, fixed, false });
	assert_int_equal(s.id[0], 0);
	assert_int_equal(s.id[1], 2);
	assert_int_equal(s.id[2], 1);
}

/* Slides have the largest place, and who was there another. */
struct slides_step {
	const char *layout;
	uint32_t ids[8], speakers[8];
	bool slides;
	const char *becomes; /* the layout with so many pictures */
	uint32_t seats[LAYOUT_MAX_TILES];
	uint32_t fixed[LAYOUT_MAX_TILES];
};

#define S LAYOUT_SLIDES

static void run_slides(const struct slides_step *step, size_t n)
{
	struct seating s = { 0 };

	for (size_t i = 0; i < n; i++) {
		unsigned count = list_len(step[i].ids, 8);
		const struct layout *l = layout_for(layout_by_name(step[i].layout), count,
						    step[i].slides);

		assert_string_equal(l->name, step[i].becomes);
		seating_update(&s, layout_by_name(step[i].layout),
			       &(struct crowd){ step[i].ids, count, step[i].speakers,
						list_len(step[i].speakers, 8), step[i].fixed,
						step[i].slides });
		assert_int_equal(s.n, l->n);
		assert_memory_equal(s.id, step[i].seats, s.n * sizeof(s.id[0]));
	}
}

static void test_seating_slides(void **state)
{
	static const struct slides_step automatic[] = {
		{ "auto", { 1, 2, 3 }, { 0 }, false, "2x2", { 1, 2, 3 }, { 0 } },
		{ "auto", { 1, 2, 3 }, { 0 }, true, "1+4", { S, 2, 3, 1 }, { 0 } },
		/* who speaks comes into no larger place */
		{ "auto", { 1, 2, 3 }, { 3, 2 }, true, "1+4", { S, 2, 3, 1 }, { 0 } },
		{ "auto", { 1, 2, 3, 4, 5 }, { 3 }, true, "1+9", { S, 2, 3, 1, 4, 5 }, { 0 } },
		{ "auto", { 1, 2, 3 }, { 0 }, true, "1+4", { S, 2, 3, 1 }, { 0 } },
		{ "auto", { 1, 2, 3 }, { 0 }, false, "2x2", { 1, 2, 3 }, { 0 } },
		/* who made room has gone when they are over */
		{ "auto", { 1, 2, 3 }, { 0 }, true, "1+4", { S, 2, 3, 1 }, { 0 } },
		{ "auto", { 2, 3, 4 }, { 0 }, true, "1+4", { S, 2, 3, 4 }, { 0 } },
		{ "auto", { 2, 3, 4 }, { 0 }, false, "2x2", { 0, 2, 3, 4 }, { 0 } },
		{ "auto", { 1 }, { 0 }, true, "1+4", { S, 1 }, { 0 } },
		{ "auto", { 1 }, { 0 }, false, "1x1", { 1 }, { 0 } },
		{ "auto", { 0 }, { 0 }, true, "1x1", { S }, { 0 } },
		{ "auto", { 0 }, { 0 }, false, "1x1", { 0 }, { 0 } },
	};
	/* slides came first: those present keep their order when they are over */
	static const struct slides_step first[] = {
		{ "auto", { 1, 3 }, { 0 }, true, "1+4", { S, 1, 3 }, { 0 } },
		{ "auto", { 1, 3 }, { 0 }, false, "1+1", { 1, 3 }, { 0 } },
		{ "auto", { 1, 3 }, { 0 }, false, "1+1", { 1, 3 }, { 0 } },
	};
	static const struct slides_step named[] = {
		{ "speaker", { 1, 2 }, { 2 }, false, "speaker", { 2 }, { 0 } },
		{ "speaker", { 1, 2 }, { 2 }, true, "speaker", { S }, { 0 } },
		{ "speaker", { 1, 2 }, { 1, 2 }, true, "speaker", { S }, { 0 } },
		{ "speaker", { 1, 2 }, { 1, 2 }, false, "speaker", { 1 }, { 0 } },
		/* the speaker goes on in the second of two large places */
		{ "2+8", { 1, 2, 3 }, { 3 }, true, "2+8", { S, 3, 1, 2 }, { 0 } },
		/* all alike: the first */
		{ "2x2", { 1, 2, 3 }, { 0 }, false, "2x2", { 1, 3, 0, 2 }, { 0 } },
		{ "2x2", { 1, 2, 3 }, { 0 }, true, "2x2", { S, 3, 1, 2 }, { 0 } },
		/* whoever has that place for good has it again after that */
		{ "1+5", { 1, 2, 3 }, { 3 }, false, "1+5", { 2, 3, 1 }, { 2 } },
		{ "1+5", { 1, 2, 3 }, { 3 }, true, "1+5", { S, 3, 1, 2 }, { 2 } },
		{ "1+5", { 1, 2, 3 }, { 3 }, false, "1+5", { 2, 3, 1 }, { 2 } },
	};

	(void)state;
	run_slides(automatic, ARRAY_SIZE(automatic));
	run_slides(first, ARRAY_SIZE(first));
	run_slides(named, ARRAY_SIZE(named));
}

/* What is kept free for somebody is not for slides, unless all is. */
static void test_seating_slides_fixed(void **state)
{
	struct layout l = { "own", .columns = 4, .rows = 2, .n = 3, .place = {
		{ .w = 2, .h = 2, .role = PLACE_FIXED }, { .x = 2, .w = 1, .h = 1 },
		{ .x = 3, .w = 1, .h = 2 } } };
	static const uint32_t ids[] = { 1 };
	struct seating s = { 0 };

	(void)state;
	seating_update(&s, &l, &(struct crowd){ ids, 1, NULL, 0, NULL, true });
	assert_int_equal(s.id[0], 0);
	assert_int_equal(s.id[1], 1);
	assert_int_equal(s.id[2], LAYOUT_SLIDES);
	l.place[1].role = l.place[2].role = PLACE_FIXED;
	seating_update(&s, &l, &(struct crowd){ ids, 1, NULL, 0, NULL, true });
	assert_int_equal(s.id[0], LAYOUT_SLIDES);
	assert_int_equal(s.id[1], 0);
	assert_int_equal(s.id[2], 0);
}

/* ---- properties -------------------------------------------------------------- */

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

struct meeting {
	uint32_t ids[24], speakers[24];
	unsigned n_ids, n_speakers;
	uint32_t next;
};

static void list_remove(uint32_t *l, unsigned *n, uint32_t id)
{
	for (unsigned i = 0; i < *n; i++) {
		if (l[i] == id) {
			memmove(&l[i], &l[i + 1], (*n - i - 1) * sizeof(*l));
			(*n)--;
			return;
		}
	}
}

static void meeting_step(struct meeting *m)
{
	uint32_t what = random_below(10);

	if (what < 3 && m->n_ids < 24) {
		m->ids[m->n_ids++] = ++m->next;
	} else if (what < 5 && m->n_ids) {
		uint32_t id = m->ids[random_below(m->n_ids)];

		list_remove(m->ids, &m->n_ids, id);
		if (random_below(2)) /* sometimes the speakers hear of it later */
			list_remove(m->speakers, &m->n_speakers, id);
	} else if (m->n_ids) {
		uint32_t id = m->ids[random_below(m->n_ids)];

		list_remove(m->speakers, &m->n_speakers, id);
		if (m->n_speakers == 24)
			m->n_speakers--;
		memmove(m->speakers + 1, m->speakers, m->n_speakers * sizeof(id));
		m->speakers[0] = id;
		m->n_speakers++;
	}
}

static int find(const uint32_t *l, unsigned n, uint32_t id)
{
	for (unsigned i = 0; i < n; i++)
		if (l[i] == id)
			return (int)i;
	return -1;
}

static void seat(struct seating *s, const char *id, const struct meeting *m)
{
	seating_update(s, layout_by_name(id),
		       &(struct crowd){ m->ids, m->n_ids, m->speakers, m->n_speakers, NULL, false });
}

/* With slides: one place is theirs, the others are whole. */
static void check_slides(const struct meeting *m, const struct seating *before, const char *id)
{
	const struct layout *l = layout_for(layout_by_name(id), m->n_ids, true);
	struct seating s = *before;
	unsigned seated = 0;

	seating_update(&s, layout_by_name(id), &(struct crowd){
		m->ids, m->n_ids, m->speakers, m->n_speakers, NULL, true });
	assert_int_equal(s.n, l->n);
	assert_int_equal(find(s.id, s.n, LAYOUT_SLIDES) >= 0, true);
	for (unsigned i = 0; i < s.n; i++) {
		seated += s.id[i] != 0;
		if (s.id[i])
			assert_int_equal(find(s.id, s.n, s.id[i]), i);
	}
	assert_int_equal(seated, s.n < m->n_ids + 1 ? s.n : m->n_ids + 1);
	/* over: whoever made room is there again */
	seat(&s, id, m);
	for (unsigned i = 0, large = 0; i < s.n && i < before->n; i++) {
		large += layout_by_name(id)->n && layout_by_name(id)->place[i].role == PLACE_SPEAKER;
		if (large == 1 && i == 0)
			assert_int_equal(s.id[i], before->id[i]);
	}
	assert_int_equal(find(s.id, s.n, LAYOUT_SLIDES), -1);
}

static void check_seats(const struct meeting *m, const struct seating *s,
			const char *id)
{
	struct rect r[LAYOUT_MAX_TILES];
	const struct layout *l = layout_by_name(id);
	unsigned seated = 0, large = 0, in_large = 0;

	assert_int_equal(s->n, layout_rects(layout_by_name(id), m->n_ids, 1280, 720, r));
	for (unsigned i = 0; i < s->n; i++) {
		large += l->place[i].role == PLACE_SPEAKER;
		if (!s->id[i])
			continue;
		seated++;
		in_large += l->place[i].role == PLACE_SPEAKER;
		assert_true(find(m->ids, m->n_ids, s->id[i]) >= 0);
		assert_int_equal(find(s->id, s->n, s->id[i]), i); /* once */
	}
	assert_int_equal(seated, s->n < m->n_ids ? s->n : m->n_ids);
	assert_int_equal(in_large, large < m->n_ids ? large : m->n_ids);
}

/* As many of the latest speakers as there are places are seen. */
static void check_speakers(const struct meeting *m, const struct seating *s,
			   const char *id)
{
	unsigned k = 0, large = 0;
	int at;

	for (unsigned i = 0; i < layout_by_name(id)->n; i++)
		large += layout_by_name(id)->place[i].role == PLACE_SPEAKER;
	for (unsigned i = 0; i < m->n_speakers && k < s->n; i++) {
		if (find(m->ids, m->n_ids, m->speakers[i]) < 0)
			continue;
		at = find(s->id, s->n, m->speakers[i]);
		assert_true(at >= 0);
		if (k++ < large)
			assert_int_equal(layout_by_name(id)->place[at].role, PLACE_SPEAKER);
	}
}

static void check_moves(const struct seating *old, const struct seating *s,
			const char *id)
{
	for (unsigned i = 0; i < old->n; i++) {
		int to = old->id[i] ? find(s->id, s->n, old->id[i]) : -1;

		if (to < 0 || to == (int)i || i >= s->n)
			continue;
		/* Only to or from a large place. */
		assert_true(layout_by_name(id)->place[to].role == PLACE_SPEAKER ||
			    layout_by_name(id)->place[i].role == PLACE_SPEAKER);
	}
}

static void test_seating_properties(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 200; seed++) {
		struct meeting m = { .next = seed * 1000 };
		struct seating s = { 0 };
		const char *id = "auto";

		random_state = seed;
		for (int i = 0; i < 200; i++) {
			struct seating old = s, again;

			meeting_step(&m);
			if (random_below(20) == 0)
				id = layout_builtin(random_below(BUILTIN))->name;
			seat(&s, id, &m);
			check_seats(&m, &s, id);
			check_speakers(&m, &s, id);
			check_moves(&old, &s, id);
			again = s;
			seat(&again, id, &m);
			assert_memory_equal(&again, &s, sizeof(s));
			check_slides(&m, &s, id);
		}
	}
}

/* A state that never was a seating does no harm. */
static void test_seating_garbage(void **state)
{
	static const uint32_t ids[] = { 7, 7, 0, 8 };
	struct seating s;

	(void)state;
	memset(&s, 0xff, sizeof(s));
	seating_update(&s, layout_by_name("2x2"), &(struct crowd){ ids, 4, ids, 4, NULL, false });
	assert_int_equal(s.n, 4);
	assert_true(find(s.id, 4, 7) >= 0 && find(s.id, 4, 8) >= 0);
	s.n = 4;
	for (int i = 0; i < 4; i++)
		s.id[i] = 7;
	seating_update(&s, layout_by_name("2x2"), &(struct crowd){ ids, 4, NULL, 0, NULL, false });
	assert_int_equal(s.id[0], 7);
	assert_int_equal(s.id[1], 8);
	assert_int_equal(s.id[2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_rect_table),
		cmocka_unit_test(test_rect_properties),
		cmocka_unit_test(test_seating_grid),
		cmocka_unit_test(test_seating_large),
		cmocka_unit_test(test_seating_places),
		cmocka_unit_test(test_seating_fixed),
		cmocka_unit_test(test_seating_slides),
		cmocka_unit_test(test_seating_slides_fixed),
		cmocka_unit_test(test_seating_properties),
		cmocka_unit_test(test_seating_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
