/* SPDX-License-Identifier: GPL-3.0-or-later
 * Layouts and seating: tables, then properties over random meetings. */
#include "mcu/mp/layout.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void test_names(void **state)
{
	enum layout_id id;

	(void)state;
	for (int i = 0; i < LAYOUT_COUNT; i++) {
		assert_int_equal(layout_by_name(&id, layout_name((enum layout_id)i)), 0);
		assert_int_equal(id, i);
	}
	assert_string_equal(layout_name(LAYOUT_1P5), "1+5");
	assert_int_equal(layout_by_name(&id, "7x7"), -EINVAL);
	assert_int_equal(layout_by_name(&id, NULL), -EINVAL);
}

static const struct {
	enum layout_id id;
	unsigned count;
	int w, h;
	unsigned n;
	unsigned which;
	struct rect rect;
} rect_table[] = {
	{ LAYOUT_AUTO, 0, 1280, 720, 1, 0, { 0, 0, 1280, 720 } },
	{ LAYOUT_AUTO, 1, 1280, 720, 1, 0, { 0, 0, 1280, 720 } },
	{ LAYOUT_AUTO, 2, 1280, 720, 2, 0, { 0, 180, 640, 360 } },
	{ LAYOUT_AUTO, 2, 1280, 720, 2, 1, { 640, 180, 640, 360 } },
	{ LAYOUT_AUTO, 3, 1280, 720, 4, 3, { 640, 360, 640, 360 } },
	{ LAYOUT_AUTO, 5, 1280, 720, 9, 4, { 426, 240, 426, 240 } },
	{ LAYOUT_AUTO, 9, 1280, 720, 9, 8, { 852, 480, 426, 240 } },
	{ LAYOUT_AUTO, 10, 1280, 720, 16, 15, { 960, 540, 320, 180 } },
	{ LAYOUT_AUTO, 200, 1920, 1080, 16, 5, { 480, 270, 480, 270 } },
	{ LAYOUT_1P5, 3, 1280, 720, 6, 0, { 0, 0, 852, 480 } },
	{ LAYOUT_1P5, 3, 1280, 720, 6, 1, { 852, 0, 426, 240 } },
	{ LAYOUT_1P5, 3, 1280, 720, 6, 3, { 0, 480, 426, 240 } },
	{ LAYOUT_1P5, 3, 1280, 720, 6, 5, { 852, 480, 426, 240 } },
	{ LAYOUT_1P7, 3, 1280, 720, 8, 0, { 0, 0, 960, 540 } },
	{ LAYOUT_1P7, 3, 1280, 720, 8, 4, { 0, 540, 320, 180 } },
	{ LAYOUT_SPEAKER, 9, 640, 360, 1, 0, { 0, 0, 640, 360 } },
	{ LAYOUT_1P1, 1, 352, 288, 2, 1, { 176, 72, 176, 144 } },
	{ LAYOUT_2X2, 1, 176, 144, 4, 3, { 88, 72, 88, 72 } },
};

static void test_rect_table(void **state)
{
	struct rect r[LAYOUT_MAX_TILES];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rect_table); i++) {
		assert_int_equal(layout_rects(rect_table[i].id, rect_table[i].count,
					      rect_table[i].w, rect_table[i].h, r),
				 rect_table[i].n);
		assert_memory_equal(&r[rect_table[i].which], &rect_table[i].rect,
				    sizeof(struct rect));
	}
	assert_int_equal(layout_rects(LAYOUT_4X4, 1, 8, 8, r), 0);
}

static bool rects_overlap(const struct rect *a, const struct rect *b)
{
	return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h &&
	       b->y < a->y + a->h;
}

static void check_rects(enum layout_id id, unsigned count, int w, int h)
{
	struct rect r[LAYOUT_MAX_TILES];
	unsigned n = layout_rects(id, count, w, h, r);

	assert_in_range(n, 1, LAYOUT_MAX_TILES);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal((r[i].x | r[i].y | r[i].w | r[i].h) & 1, 0);
		assert_true(r[i].w >= 2 && r[i].h >= 2);
		assert_true(r[i].x + r[i].w <= w && r[i].y + r[i].h <= h);
		for (unsigned k = 0; k < i; k++)
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
		for (int id = 0; id < LAYOUT_COUNT; id++)
			for (unsigned count = 0; count < 20; count++)
				check_rects((enum layout_id)id, count, size[s][0],
					    size[s][1]);
}

/* ---- seating: one step a row, the state goes on from row to row --------------- */

struct step {
	enum layout_id layout;
	uint32_t ids[20], speakers[8]; /* ended by 0 */
	uint32_t seats[LAYOUT_MAX_TILES];
	unsigned n;
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
		seating_update(&s, step[i].layout, step[i].ids, list_len(step[i].ids, 20),
			       step[i].speakers, list_len(step[i].speakers, 8));
		assert_int_equal(s.n, step[i].n);
		assert_memory_equal(s.id, step[i].seats, s.n * sizeof(s.id[0]));
	}
}

static void test_seating_grid(void **state)
{
	static const struct step steps[] = {
		{ LAYOUT_AUTO, { 1 }, { 0 }, { 1 }, 1 },
		{ LAYOUT_AUTO, { 1, 2 }, { 0 }, { 1, 2 }, 2 },
		{ LAYOUT_AUTO, { 1, 2, 3 }, { 3 }, { 1, 2, 3, 0 }, 4 },
		{ LAYOUT_AUTO, { 1, 2, 3, 4 }, { 3, 1 }, { 1, 2, 3, 4 }, 4 },
		{ LAYOUT_AUTO, { 1, 3, 4 }, { 3, 1 }, { 1, 0, 3, 4 }, 4 },
		{ LAYOUT_AUTO, { 1, 3, 4, 5 }, { 3, 1 }, { 1, 5, 3, 4 }, 4 },
		/* a smaller grid: only who sat outside moves, into the free place */
		{ LAYOUT_AUTO, { 1, 4 }, { 3, 1 }, { 1, 4 }, 2 },
		{ LAYOUT_AUTO, { 4 }, { 0 }, { 4 }, 1 },
		{ LAYOUT_AUTO, { 0 }, { 0 }, { 0 }, 1 },
	};
	static const struct step full[] = {
		{ LAYOUT_2X2, { 1, 2, 3, 4, 5, 6 }, { 0 }, { 1, 2, 3, 4 }, 4 },
		/* nobody spoke: 1 has been silent longest */
		{ LAYOUT_2X2, { 1, 2, 3, 4, 5, 6 }, { 6 }, { 6, 2, 3, 4 }, 4 },
		{ LAYOUT_2X2, { 1, 2, 3, 4, 5, 6 }, { 2, 6 }, { 6, 2, 3, 4 }, 4 },
		{ LAYOUT_2X2, { 1, 2, 3, 4, 5, 6 }, { 5, 2, 6 }, { 6, 2, 5, 4 }, 4 },
		{ LAYOUT_2X2, { 1, 2, 3, 4, 5, 6 }, { 4, 5, 2, 6 }, { 6, 2, 5, 4 }, 4 },
		/* all have spoken: 6 longest ago */
		{ LAYOUT_2X2, { 1, 2, 3, 4, 5, 6 }, { 1, 4, 5, 2, 6 }, { 1, 2, 5, 4 }, 4 },
		{ LAYOUT_2X2, { 1, 2, 3, 4, 5, 6 }, { 1, 4, 5, 2, 6 }, { 1, 2, 5, 4 }, 4 },
	};

	(void)state;
	run_steps(steps, ARRAY_SIZE(steps));
	run_steps(full, ARRAY_SIZE(full));
}

static void test_seating_large(void **state)
{
	static const struct step speaker[] = {
		{ LAYOUT_SPEAKER, { 1, 2, 3 }, { 0 }, { 1 }, 1 },
		{ LAYOUT_SPEAKER, { 1, 2, 3 }, { 3 }, { 3 }, 1 },
		{ LAYOUT_SPEAKER, { 1, 2, 3 }, { 0 }, { 3 }, 1 }, /* silence: kept */
		{ LAYOUT_SPEAKER, { 1, 2, 3 }, { 9, 2, 3 }, { 2 }, 1 }, /* 9 is the viewer */
		{ LAYOUT_SPEAKER, { 1, 3 }, { 0 }, { 1 }, 1 },
	};
	static const struct step large[] = {
		{ LAYOUT_1P5, { 1, 2, 3 }, { 0 }, { 1, 2, 3, 0, 0, 0 }, 6 },
		{ LAYOUT_1P5, { 1, 2, 3 }, { 3 }, { 3, 2, 1, 0, 0, 0 }, 6 },
		{ LAYOUT_1P5, { 1, 2, 3, 4, 5, 6, 7, 8 }, { 3 }, { 3, 2, 1, 4, 5, 6 }, 6 },
		/* 7 is not seen: takes the large place; 3 goes to the place of 1 */
		{ LAYOUT_1P5, { 1, 2, 3, 4, 5, 6, 7, 8 }, { 7, 3 }, { 7, 2, 3, 4, 5, 6 }, 6 },
		{ LAYOUT_1P5, { 1, 2, 3, 4, 5, 6, 7, 8 }, { 7, 3 }, { 7, 2, 3, 4, 5, 6 }, 6 },
		/* the one in the large place leaves */
		{ LAYOUT_1P5, { 1, 2, 3, 4, 5, 6, 8 }, { 7, 3 }, { 3, 2, 1, 4, 5, 6 }, 6 },
		{ LAYOUT_1P5, { 2, 4 }, { 0 }, { 2, 0, 0, 4, 0, 0 }, 6 },
		/* to a grid and back */
		{ LAYOUT_AUTO, { 2, 4 }, { 0 }, { 2, 4 }, 2 },
		{ LAYOUT_1P7, { 2, 4 }, { 4 }, { 4, 2, 0, 0, 0, 0, 0, 0 }, 8 },
	};

	(void)state;
	run_steps(speaker, ARRAY_SIZE(speaker));
	run_steps(large, ARRAY_SIZE(large));
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

static bool layout_is_large(enum layout_id id)
{
	return id == LAYOUT_1P5 || id == LAYOUT_1P7 || id == LAYOUT_SPEAKER;
}

static void check_seats(const struct meeting *m, const struct seating *s,
			enum layout_id id)
{
	struct rect r[LAYOUT_MAX_TILES];
	unsigned seated = 0;

	assert_int_equal(s->n, layout_rects(id, m->n_ids, 1280, 720, r));
	for (unsigned i = 0; i < s->n; i++) {
		if (!s->id[i])
			continue;
		seated++;
		assert_true(find(m->ids, m->n_ids, s->id[i]) >= 0);
		assert_int_equal(find(s->id, s->n, s->id[i]), i); /* once */
	}
	assert_int_equal(seated, s->n < m->n_ids ? s->n : m->n_ids);
	if (layout_is_large(id) && m->n_ids)
		assert_int_not_equal(s->id[0], 0);
}

/* As many of the latest speakers as there are places are seen. */
static void check_speakers(const struct meeting *m, const struct seating *s,
			   enum layout_id id)
{
	unsigned k = 0;

	for (unsigned i = 0; i < m->n_speakers && k < s->n; i++) {
		if (find(m->ids, m->n_ids, m->speakers[i]) < 0)
			continue;
		if (k++ == 0 && layout_is_large(id))
			assert_int_equal(s->id[0], m->speakers[i]);
		assert_true(find(s->id, s->n, m->speakers[i]) >= 0);
	}
}

static void check_moves(const struct seating *old, const struct seating *s,
			enum layout_id id)
{
	for (unsigned i = 0; i < old->n; i++) {
		int to = old->id[i] ? find(s->id, s->n, old->id[i]) : -1;

		if (to < 0 || to == (int)i || i >= s->n)
			continue;
		/* Only to or from the large place. */
		assert_true(layout_is_large(id) && (to == 0 || i == 0));
	}
}

static void test_seating_properties(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 200; seed++) {
		struct meeting m = { .next = seed * 1000 };
		struct seating s = { 0 };
		enum layout_id id = LAYOUT_AUTO;

		random_state = seed;
		for (int i = 0; i < 200; i++) {
			struct seating old = s, again;

			meeting_step(&m);
			if (random_below(20) == 0)
				id = (enum layout_id)random_below(LAYOUT_COUNT);
			seating_update(&s, id, m.ids, m.n_ids, m.speakers, m.n_speakers);
			check_seats(&m, &s, id);
			check_speakers(&m, &s, id);
			check_moves(&old, &s, id);
			again = s;
			seating_update(&again, id, m.ids, m.n_ids, m.speakers,
				       m.n_speakers);
			assert_memory_equal(&again, &s, sizeof(s));
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
	seating_update(&s, LAYOUT_2X2, ids, 4, ids, 4);
	assert_int_equal(s.n, 4);
	assert_true(find(s.id, 4, 7) >= 0 && find(s.id, 4, 8) >= 0);
	s.n = 4;
	for (int i = 0; i < 4; i++)
		s.id[i] = 7;
	seating_update(&s, LAYOUT_2X2, ids, 4, NULL, 0);
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
		cmocka_unit_test(test_seating_properties),
		cmocka_unit_test(test_seating_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
