/* SPDX-License-Identifier: GPL-3.0-or-later
 * Layouts as places of whole cells, and who sits in them. With as many columns
 * as rows a place of s×s cells has the canvas's own aspect ratio (16:9 on a 16:9
 * canvas), and all small ones have one size and share their scaled pictures. */
#include "mcu/mp/layout.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* ---- those built in ---------------------------------------------------------- */

#define SPEAKER(px, py, size) \
	{ .x = px, .y = py, .w = size, .h = size, .role = PLACE_SPEAKER }
#define SMALL(px, py, size) { .x = px, .y = py, .w = size, .h = size }
#define CELL(px, py) SMALL(px, py, 1)
#define ROW2(py) CELL(0, py), CELL(1, py)
#define ROW3(py) ROW2(py), CELL(2, py)
#define ROW4(py) ROW3(py), CELL(3, py)
#define ROW5(py) ROW4(py), CELL(4, py)
#define SIDE_BY_SIDE \
	.columns = 2, .rows = 4, .n = 2, .place = { \
		{ .x = 0, .y = 1, .w = 1, .h = 2 }, { .x = 1, .y = 1, .w = 1, .h = 2 } }

enum { AUTO, ONE, TWO, FOUR, NINE, SIXTEEN, ONE_FOUR, ONE_FIVE, ONE_SEVEN, ONE_NINE };

static const struct layout builtin[] = {
	[AUTO] = { "auto", .automatic = true },
	[ONE] = { "1x1", .columns = 1, .rows = 1, .n = 1, .place = { CELL(0, 0) } },
	[TWO] = { "1+1", SIDE_BY_SIDE },
	[FOUR] = { "2x2", .columns = 2, .rows = 2, .n = 4, .place = { ROW2(0), ROW2(1) } },
	[NINE] = { "3x3", .columns = 3, .rows = 3, .n = 9,
		   .place = { ROW3(0), ROW3(1), ROW3(2) } },
	[SIXTEEN] = { "4x4", .columns = 4, .rows = 4, .n = 16,
		      .place = { ROW4(0), ROW4(1), ROW4(2), ROW4(3) } },
	/* the speaker large, the others at its right and below */
	[ONE_FOUR] = { "1+4", .columns = 10, .rows = 10, .n = 5,
		       .place = { SPEAKER(0, 1, 8), SMALL(8, 1, 2), SMALL(8, 3, 2),
				  SMALL(8, 5, 2), SMALL(8, 7, 2) } },
	{ "1+5", .columns = 3, .rows = 3, .n = 6,
	  .place = { SPEAKER(0, 0, 2), CELL(2, 0), CELL(2, 1), ROW3(2) } },
	{ "1+7", .columns = 4, .rows = 4, .n = 8,
	  .place = { SPEAKER(0, 0, 3), CELL(3, 0), CELL(3, 1), CELL(3, 2), ROW4(3) } },
	[ONE_NINE] = { "1+9", .columns = 5, .rows = 5, .n = 10,
		       .place = { SPEAKER(0, 0, 4), CELL(4, 0), CELL(4, 1), CELL(4, 2),
				  CELL(4, 3), ROW5(4) } },
	/* the speaker in the middle, the others around */
	{ "1+12", .columns = 4, .rows = 4, .n = 13,
	  .place = { SPEAKER(1, 1, 2), ROW4(0), CELL(0, 1), CELL(3, 1), CELL(0, 2),
		     CELL(3, 2), ROW4(3) } },
	/* the two who spoke last, the others below */
	{ "2+8", .columns = 4, .rows = 4, .n = 10,
	  .place = { SPEAKER(0, 0, 2), SPEAKER(2, 0, 2), ROW4(2), ROW4(3) } },
	{ "side-by-side", SIDE_BY_SIDE },
	/* the speaker alone, with one other in the corner, with four along the edge */
	{ "speaker", .columns = 1, .rows = 1, .n = 1, .place = { SPEAKER(0, 0, 1) } },
	{ "pip", .columns = 25, .rows = 25, .n = 2,
	  .place = { SPEAKER(0, 0, 25), SMALL(18, 18, 6) } },
	{ "overlay", .columns = 25, .rows = 25, .n = 5,
	  .place = { SPEAKER(0, 0, 25), SMALL(1, 19, 5), SMALL(7, 19, 5), SMALL(13, 19, 5),
		     SMALL(19, 19, 5) } },
};

const struct layout *layout_builtin(unsigned i)
{
	return i < sizeof(builtin) / sizeof(builtin[0]) ? &builtin[i] : NULL;
}

const struct layout *layout_by_name(const char *name)
{
	const struct layout *l;

	for (unsigned i = 0; name && (l = layout_builtin(i)); i++)
		if (strcasecmp(l->name, name) == 0)
			return l;
	return NULL;
}

/* ---- rectangles --------------------------------------------------------------- */

/* Slides have four fifths of the width and height, however many there are. */
const struct layout *layout_for(const struct layout *self, unsigned count, bool slides)
{
	if (!self->automatic)
		return self;
	if (slides && count)
		return count <= 4 ? &builtin[ONE_FOUR] : &builtin[ONE_NINE];
	if (count <= 1)
		return &builtin[ONE];
	if (count <= 2)
		return &builtin[TWO];
	if (count <= 4)
		return &builtin[FOUR];
	return count <= 9 ? &builtin[NINE] : &builtin[SIXTEEN];
}

/* Rounded down to even numbers both where it begins and how long it is, so that
 * neighbours never meet and equal ones stay equal. */
static uint16_t cells_to_pixels(int cells, int size, int of)
{
	return (uint16_t)(cells * size / of & ~1);
}

unsigned layout_rects(const struct layout *self, unsigned count, int w, int h,
		      struct rect rect[LAYOUT_MAX_TILES])
{
	const struct layout *l = layout_for(self, count, false);

	if (w < 16 || h < 16 || w > 8192 || h > 8192)
		return 0;
	for (unsigned i = 0; i < l->n; i++) {
		const struct layout_place *p = &l->place[i];

		rect[i] = (struct rect){
			.x = cells_to_pixels(p->x, w & ~1, l->columns),
			.y = cells_to_pixels(p->y, h & ~1, l->rows),
			.w = cells_to_pixels(p->w, w & ~1, l->columns),
			.h = cells_to_pixels(p->h, h & ~1, l->rows),
		};
	}
	return l->n;
}

/* ---- seating ---------------------------------------------------------------- */

/* Places, a bit each. */
struct places {
	uint32_t speaker, other;
};

static int index_of(const uint32_t *ids, unsigned n, uint32_t id)
{
	for (unsigned i = 0; i < n; i++)
		if (ids[i] == id)
			return (int)i;
	return -1;
}

static int seat_of(const struct seating *self, uint32_t id)
{
	return index_of(self->id, self->n, id);
}

static int seat_free(const struct seating *self, uint32_t among)
{
	for (unsigned i = 0; i < self->n; i++)
		if (among >> i & 1 && !self->id[i])
			return (int)i;
	return -1;
}

static bool crowd_has(const struct crowd *c, uint32_t id)
{
	return id != 0 && index_of(c->ids, c->n_ids, id) >= 0;
}

/* Larger is longer silent. Of those who never spoke, who joined first has been
 * silent longest. */
static uint64_t crowd_silence(const struct crowd *c, uint32_t id)
{
	int i = index_of(c->speakers, c->n_speakers, id);

	if (i >= 0)
		return (uint64_t)i;
	i = index_of(c->ids, c->n_ids, id);
	return UINT64_C(1) << 40 | (UINT32_MAX - (uint32_t)i);
}

static int seat_most_silent(const struct seating *self, const struct crowd *c,
			    uint32_t among)
{
	int worst = -1;

	for (unsigned i = 0; i < self->n; i++)
		if (among >> i & 1 && self->id[i] &&
		    (worst < 0 || crowd_silence(c, self->id[i]) >
					  crowd_silence(c, self->id[worst])))
			worst = (int)i;
	return worst;
}

/* Those who had a place and have lost it, in order. */
struct standing {
	uint32_t id[2 * LAYOUT_MAX_TILES];
	unsigned n;
};

/* Who has left stands up; who sits beyond the last place of a smaller layout is
 * standing. */
static void seating_clear(struct seating *self, const struct crowd *c, unsigned n,
			  struct standing *standing)
{
	struct seating old = *self;

	if (old.n > LAYOUT_MAX_TILES)
		old.n = 0;
	memset(self->id, 0, sizeof(self->id));
	self->n = n;
	for (unsigned i = 0; i < old.n; i++) {
		uint32_t id = old.id[i];

		if (!crowd_has(c, id) || seat_of(self, id) >= 0 ||
		    index_of(standing->id, standing->n, id) >= 0)
			continue;
		if (i < n)
			self->id[i] = id;
		else
			standing->id[standing->n++] = id;
	}
}

/* How good a place is for slides. */
static int slides_rank(const struct layout_place *p)
{
	int rank = 2 * p->w * p->h + (p->role == PLACE_SPEAKER);

	return p->role == PLACE_FIXED ? rank - 4 * LAYOUT_MAX_CELLS * LAYOUT_MAX_CELLS : rank;
}

static unsigned place_for_slides(const struct layout *l)
{
	unsigned best = 0;

	for (unsigned i = 1; i < l->n; i++)
		if (slides_rank(&l->place[i]) > slides_rank(&l->place[best]))
			best = i;
	return best;
}

/* Whoever was there is standing. */
static void seat_slides(struct seating *self, const struct layout *layout,
			struct standing *standing)
{
	unsigned place = place_for_slides(layout);

	if (self->id[place]) {
		standing->id[standing->n++] = self->id[place];
		self->moved = self->id[place];
		self->moved_from = place;
	}
	self->id[place] = LAYOUT_SLIDES;
}

/* Slides are over that were there before anybody sat: all move up by their place,
 * which is the first one of an automatic layout. */
static void seat_up(struct seating *self)
{
	if (self->moved || self->n < 2 || self->n > LAYOUT_MAX_TILES ||
	    self->id[0] != LAYOUT_SLIDES)
		return;
	memmove(self->id, self->id + 1, (self->n - 1) * sizeof(self->id[0]));
	self->id[self->n - 1] = 0;
}

/* Slides are over. */
static void seat_back(struct seating *self, const struct crowd *c)
{
	int seat = seat_of(self, self->moved);
	unsigned place = self->moved_from;

	if (crowd_has(c, self->moved) && place < self->n && !self->id[place]) {
		if (seat >= 0)
			self->id[seat] = 0;
		self->id[place] = self->moved;
	}
	self->moved = self->moved_from = 0;
}

/* Puts those who have a place of their own into it, and says which places are
 * left for the others. */
static void seat_fixed(struct seating *self, const struct layout *layout,
		       const struct crowd *c, struct places *left,
		       struct standing *standing)
{
	*left = (struct places){ 0 };
	for (unsigned i = 0; i < self->n; i++) {
		uint32_t id = c->fixed ? c->fixed[i] : 0, before = self->id[i];
		enum place_role role = (enum place_role)layout->place[i].role;
		int seat;

		if (before == LAYOUT_SLIDES)
			continue;
		if (!crowd_has(c, id) || index_of(c->fixed, i, id) >= 0)
			id = 0;
		if (!id && role != PLACE_FIXED) {
			*(role == PLACE_SPEAKER ? &left->speaker : &left->other) |= UINT32_C(1) << i;
			continue;
		}
		if (id == before)
			continue;
		seat = id ? seat_of(self, id) : -1;
		if (seat >= 0)
			self->id[seat] = 0;
		self->id[i] = id;
		if (before)
			standing->id[standing->n++] = before;
	}
}

/* Gives a free place; otherwise that of whoever has been silent for longer than
 * `id`. */
static void seat_speaker(struct seating *self, const struct crowd *c, uint32_t id,
			 uint32_t among)
{
	int seat = seat_free(self, among);

	if (seat < 0) {
		seat = seat_most_silent(self, c, among);
		if (seat < 0 || crowd_silence(c, self->id[seat]) <= crowd_silence(c, id))
			return;
	}
	self->id[seat] = id;
}

static void seat_if_free(struct seating *self, uint32_t id, uint32_t among)
{
	int seat = seat_free(self, among);

	if (seat >= 0 && seat_of(self, id) < 0)
		self->id[seat] = id;
}

static bool seat_among(const struct seating *self, uint32_t id, uint32_t among)
{
	int seat = seat_of(self, id);

	return seat >= 0 && among >> seat & 1;
}

/* `id` comes to the speaker's place `to`; who was there goes where `id` comes
 * from, or to another place. */
static void seat_move(struct seating *self, const struct crowd *c, unsigned to,
		      uint32_t id, uint32_t other)
{
	uint32_t before = self->id[to];
	int seat = seat_of(self, id);

	self->id[to] = id;
	if (seat >= 0)
		self->id[seat] = before;
	else if (before)
		seat_speaker(self, c, before, other);
}

/* The latest speakers who have no place of their own, at most as many as there
 * are places for them. */
static unsigned latest_speakers(const struct seating *self, const struct crowd *c,
				const struct places *places,
				uint32_t latest[LAYOUT_MAX_TILES])
{
	unsigned most = (unsigned)__builtin_popcount(places->speaker), n = 0;

	for (unsigned i = 0; i < c->n_speakers && n < most; i++) {
		uint32_t id = c->speakers[i];

		if (crowd_has(c, id) && index_of(latest, n, id) < 0 &&
		    (seat_of(self, id) < 0 ||
		     seat_among(self, id, places->speaker | places->other)))
			latest[n++] = id;
	}
	return n;
}

/* Somebody for a speaker's place while nobody speaks: first who has none. */
static uint32_t somebody(const struct seating *self, const struct crowd *c,
			 const struct places *places)
{
	for (unsigned i = 0; i < c->n_ids; i++)
		if (c->ids[i] && seat_of(self, c->ids[i]) < 0)
			return c->ids[i];
	for (unsigned i = 0; i < c->n_ids; i++)
		if (c->ids[i] && seat_among(self, c->ids[i], places->other))
			return c->ids[i];
	return 0;
}

/* The speakers' places: who has one keeps it until others have spoken since, and
 * none is empty while somebody could have it. */
static void seat_large(struct seating *self, const struct crowd *c,
		       const struct places *places)
{
	uint32_t latest[LAYOUT_MAX_TILES];
	unsigned n = latest_speakers(self, c, places, latest);

	for (unsigned i = 0; i < n; i++) {
		int to = -1;

		if (seat_among(self, latest[i], places->speaker))
			continue;
		for (unsigned k = 0; k < self->n && to < 0; k++)
			if (places->speaker >> k & 1 &&
			    index_of(latest, n, self->id[k]) < 0)
				to = (int)k;
		if (to >= 0)
			seat_move(self, c, (unsigned)to, latest[i], places->other);
	}
	for (unsigned k = 0; k < self->n; k++) {
		uint32_t id;

		if (!(places->speaker >> k & 1) || self->id[k])
			continue;
		id = somebody(self, c, places);
		if (id)
			seat_move(self, c, k, id, places->other);
	}
}

void seating_update(struct seating *self, const struct layout *layout,
		    const struct crowd *c)
{
	const struct layout *l = layout_for(layout, c->n_ids, c->slides);
	struct standing standing = { 0 };
	struct places places;

	if (!c->slides && layout->automatic)
		seat_up(self);
	seating_clear(self, c, l->n, &standing);
	if (c->slides)
		seat_slides(self, l, &standing);
	else
		seat_back(self, c);
	seat_fixed(self, l, c, &places, &standing);
	seat_large(self, c, &places);
	/* Who had a place before goes before who never had one. */
	for (unsigned i = 0; i < standing.n; i++)
		seat_if_free(self, standing.id[i], places.other);
	for (unsigned i = 0; i < c->n_speakers; i++)
		if (crowd_has(c, c->speakers[i]) && seat_of(self, c->speakers[i]) < 0)
			seat_speaker(self, c, c->speakers[i], places.other);
	for (unsigned i = 0; i < c->n_ids && seat_free(self, places.other) >= 0; i++)
		if (c->ids[i])
			seat_if_free(self, c->ids[i], places.other);
}
