/* SPDX-License-Identifier: GPL-3.0-or-later
 * Layouts as multiples of one cell: a tile is s×s cells of a n×n canvas, so
 * that it has the canvas's own aspect ratio (16:9 on a 16:9 canvas), and all
 * small tiles have one size and share their scaled pictures. */
#include "mcu/mp/layout.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	bool large; /* the first place belongs to the speaker */
} layout_table[LAYOUT_COUNT] = {
	[LAYOUT_AUTO] = { "auto", false },
	[LAYOUT_1X1] = { "1x1", false },
	[LAYOUT_1P1] = { "1+1", false },
	[LAYOUT_2X2] = { "2x2", false },
	[LAYOUT_3X3] = { "3x3", false },
	[LAYOUT_4X4] = { "4x4", false },
	[LAYOUT_1P5] = { "1+5", true },
	[LAYOUT_1P7] = { "1+7", true },
	[LAYOUT_SPEAKER] = { "speaker", true },
};

const char *layout_name(enum layout_id id)
{
	return (unsigned)id < LAYOUT_COUNT ? layout_table[id].name : "?";
}

int layout_by_name(enum layout_id *out, const char *name)
{
	for (unsigned i = 0; name && i < LAYOUT_COUNT; i++) {
		if (strcasecmp(layout_table[i].name, name) == 0) {
			*out = (enum layout_id)i;
			return 0;
		}
	}
	return -EINVAL;
}

static enum layout_id layout_for(enum layout_id id, unsigned count)
{
	if (id != LAYOUT_AUTO)
		return id;
	if (count <= 1)
		return LAYOUT_1X1;
	if (count <= 2)
		return LAYOUT_1P1;
	if (count <= 4)
		return LAYOUT_2X2;
	return count <= 9 ? LAYOUT_3X3 : LAYOUT_4X4;
}

static unsigned layout_places(enum layout_id id, unsigned count)
{
	switch (layout_for(id, count)) {
	case LAYOUT_1P1:
		return 2;
	case LAYOUT_2X2:
		return 4;
	case LAYOUT_3X3:
		return 9;
	case LAYOUT_4X4:
		return 16;
	case LAYOUT_1P5:
		return 6;
	case LAYOUT_1P7:
		return 8;
	default:
		return 1;
	}
}

/* A canvas of cols×rows cells, centred; what is left over stays black. */
struct cells {
	int x0, y0, w, h;
};

static struct cells cells_of(int w, int h, int div, int cols, int rows)
{
	struct cells c = { .w = w / div & ~1, .h = h / div & ~1 };

	c.x0 = (w - cols * c.w) / 2 & ~1;
	c.y0 = (h - rows * c.h) / 2 & ~1;
	return c;
}

static struct rect cells_rect(const struct cells *c, int col, int row, int size)
{
	return (struct rect){
		.x = (uint16_t)(c->x0 + col * c->w),
		.y = (uint16_t)(c->y0 + row * c->h),
		.w = (uint16_t)(size * c->w),
		.h = (uint16_t)(size * c->h),
	};
}

static unsigned rects_grid(int w, int h, int n, struct rect *rect)
{
	struct cells c = cells_of(w, h, n, n, n);
	unsigned k = 0;

	for (int row = 0; row < n; row++)
		for (int col = 0; col < n; col++)
			rect[k++] = cells_rect(&c, col, row, 1);
	return k;
}

static unsigned rects_side_by_side(int w, int h, struct rect *rect)
{
	struct cells c = cells_of(w, h, 2, 2, 1);

	rect[0] = cells_rect(&c, 0, 0, 1);
	rect[1] = cells_rect(&c, 1, 0, 1);
	return 2;
}

/* One of n-1 cells, small ones down the right side and along the bottom. */
static unsigned rects_large(int w, int h, int n, struct rect *rect)
{
	struct cells c = cells_of(w, h, n, n, n);
	unsigned k = 0;

	rect[k++] = cells_rect(&c, 0, 0, n - 1);
	for (int row = 0; row < n - 1; row++)
		rect[k++] = cells_rect(&c, n - 1, row, 1);
	for (int col = 0; col < n; col++)
		rect[k++] = cells_rect(&c, col, n - 1, 1);
	return k;
}

unsigned layout_rects(enum layout_id id, unsigned count, int w, int h,
		      struct rect rect[LAYOUT_MAX_TILES])
{
	if (w < 16 || h < 16 || w > 8192 || h > 8192)
		return 0;
	w &= ~1;
	h &= ~1;
	switch (layout_for(id, count)) {
	case LAYOUT_1P1:
		return rects_side_by_side(w, h, rect);
	case LAYOUT_2X2:
		return rects_grid(w, h, 2, rect);
	case LAYOUT_3X3:
		return rects_grid(w, h, 3, rect);
	case LAYOUT_4X4:
		return rects_grid(w, h, 4, rect);
	case LAYOUT_1P5:
		return rects_large(w, h, 3, rect);
	case LAYOUT_1P7:
		return rects_large(w, h, 4, rect);
	default:
		return rects_grid(w, h, 1, rect);
	}
}

/* ---- seating ---------------------------------------------------------------- */

struct crowd {
	const uint32_t *ids;
	unsigned n_ids;
	const uint32_t *speakers;
	unsigned n_speakers;
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

static int seat_free(const struct seating *self)
{
	return seat_of(self, 0);
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
			    unsigned from)
{
	int worst = -1;

	for (unsigned i = from; i < self->n; i++)
		if (self->id[i] && (worst < 0 || crowd_silence(c, self->id[i]) >
					       crowd_silence(c, self->id[worst])))
			worst = (int)i;
	return worst;
}

/* Who has left stands up; who sits beyond the last place of a smaller layout is
 * returned in `standing`, in order. */
static unsigned seating_clear(struct seating *self, const struct crowd *c, unsigned n,
			      uint32_t standing[LAYOUT_MAX_TILES])
{
	struct seating old = *self;
	unsigned n_standing = 0;

	if (old.n > LAYOUT_MAX_TILES)
		old.n = 0;
	memset(self, 0, sizeof(*self));
	self->n = n;
	for (unsigned i = 0; i < old.n; i++) {
		uint32_t id = old.id[i];

		if (!crowd_has(c, id) || seat_of(self, id) >= 0 ||
		    index_of(standing, n_standing, id) >= 0)
			continue;
		if (i < n)
			self->id[i] = id;
		else
			standing[n_standing++] = id;
	}
	return n_standing;
}

/* Gives a free place; otherwise that of whoever has been silent for longer than
 * `id`, counting from place `from`. */
static void seat_speaker(struct seating *self, const struct crowd *c, uint32_t id,
			 unsigned from)
{
	int seat = seat_free(self);

	if (seat < 0) {
		seat = seat_most_silent(self, c, from);
		if (seat < 0 || crowd_silence(c, self->id[seat]) <= crowd_silence(c, id))
			return;
	}
	self->id[seat] = id;
}

static void seat_if_free(struct seating *self, uint32_t id)
{
	int seat = seat_free(self);

	if (seat >= 0 && seat_of(self, id) < 0)
		self->id[seat] = id;
}

/* The large place: the latest speaker there is; without any, whoever has it
 * keeps it, and it is never empty while somebody could have it. */
static void seat_large(struct seating *self, const struct crowd *c)
{
	uint32_t id = 0, before = self->id[0];
	int seat;

	for (unsigned i = 0; i < c->n_speakers && !id; i++)
		if (crowd_has(c, c->speakers[i]))
			id = c->speakers[i];
	if (!id && before)
		return;
	for (unsigned i = 0; i < c->n_ids && !id; i++)
		if (c->ids[i] && seat_of(self, c->ids[i]) < 0)
			id = c->ids[i];
	for (unsigned i = 0; i < c->n_ids && !id; i++)
		id = c->ids[i];
	if (!id || id == before)
		return;
	seat = seat_of(self, id);
	self->id[0] = id;
	if (seat > 0)
		self->id[seat] = before;
	else if (before)
		seat_speaker(self, c, before, 1);
}

void seating_update(struct seating *self, enum layout_id id, const uint32_t *ids,
		    unsigned n_ids, const uint32_t *speakers, unsigned n_speakers)
{
	struct crowd c = { ids, n_ids, speakers, n_speakers };
	bool large = (unsigned)id < LAYOUT_COUNT && layout_table[id].large;
	uint32_t standing[LAYOUT_MAX_TILES];
	unsigned n_standing;

	n_standing = seating_clear(self, &c, layout_places(id, n_ids), standing);
	if (large)
		seat_large(self, &c);
	/* Who had a place before goes before who never had one. */
	for (unsigned i = 0; i < n_standing; i++)
		seat_if_free(self, standing[i]);
	for (unsigned i = 0; i < n_speakers; i++)
		if (crowd_has(&c, speakers[i]) && seat_of(self, speakers[i]) < 0)
			seat_speaker(self, &c, speakers[i], large ? 1 : 0);
	for (unsigned i = 0; i < n_ids && seat_free(self) >= 0; i++)
		if (ids[i])
			seat_if_free(self, ids[i]);
}
