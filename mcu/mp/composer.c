/* SPDX-License-Identifier: GPL-3.0-or-later
 * Composing: look which tiles have something new, make the canvas writable if
 * any has, paint those. */
#include "mcu/mp/composer.h"

#include "base/clock.h"
#include "base/ref.h"
#include "mcu/mp/engine.h"
#include "mcu/mp/overlay.h"
#include "mcu/mp/source.h"

#include <string.h>

enum { CARD_LUMA = 40 };

/* ---- canvas ----------------------------------------------------------------- */

static void canvas_fini(void *obj)
{
	struct canvas *self = obj;

	ref_drop(self->picture);
}

static struct canvas *canvas_new(int width, int height)
{
	struct canvas *self = ref_new(sizeof(*self), canvas_fini);

	if (!self)
		return NULL;
	self->picture = picture_new(width, height);
	if (!self->picture)
		return ref_drop(self);
	self->picture->sar_num = self->picture->sar_den = 1;
	self->picture->colour = COLOUR_BT709;
	self->picture->full_range = false;
	return self;
}

struct canvas *canvas_read(struct canvas *self, bool scaled)
{
	atomic_fetch_add_explicit(&self->readers, 1, memory_order_relaxed);
	if (scaled)
		self->kept = true;
	return ref_hold(self);
}

struct canvas *canvas_done(struct canvas *self)
{
	if (self)
		atomic_fetch_sub_explicit(&self->readers, 1, memory_order_release);
	return ref_drop(self);
}

static bool canvas_free(const struct canvas *self)
{
	return atomic_load_explicit(&self->readers, memory_order_acquire) == 0 &&
	       ref_count(self->picture) == 1;
}

/* ---- scene ------------------------------------------------------------------ */

void composer_init(struct composer *self, struct video_engine *engine, int width,
		   int height)
{
	memset(self, 0, sizeof(*self));
	self->engine = engine;
	self->width = width;
	self->height = height;
	self->blank_all = true;
}

static void tile_drop(const struct view_tile *tile)
{
	ref_drop(tile->source);
	ref_drop(tile->label);
}

static void composer_clear(struct composer *self)
{
	for (uint32_t i = 0; i < self->n; i++) {
		beat_let_go(&self->tile[i].beat);
		tile_drop(&self->tile[i].tile);
	}
	self->n = 0;
}

void composer_fini(struct composer *self)
{
	composer_clear(self);
	self->canvas = ref_drop(self->canvas);
}

void composer_release(struct composer *self)
{
	self->canvas = ref_drop(self->canvas);
	self->blank_all = true;
	self->n_blank = 0;
	for (uint32_t i = 0; i < self->n; i++)
		beat_let_go(&self->tile[i].beat);
}

static bool tiles_overlap(const struct view_tile *a, const struct view_tile *b)
{
	return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h &&
	       b->y < a->y + a->h;
}

static bool tiles_equal(const struct view_tile *a, const struct view_tile *b)
{
	return a->source == b->source && a->x == b->x && a->y == b->y && a->w == b->w &&
	       a->h == b->h && a->fit == b->fit && a->border == b->border &&
	       a->label == b->label && a->ground == b->ground;
}

static bool tile_valid(const struct composer *self, const struct view_tile *t)
{
	return t->w >= 2 && t->h >= 2 && !((t->x | t->y | t->w | t->h) & 1) &&
	       t->x + t->w <= self->width && t->y + t->h <= self->height;
}

/* Which later tiles lie on each; true if any do. */
static bool composer_layers(struct composer *self)
{
	bool any = false;

	for (uint32_t i = 0; i < self->n; i++) {
		struct composer_tile *a = &self->tile[i];

		a->above = 0;
		for (uint32_t k = i + 1; k < self->n; k++)
			if (tiles_overlap(&a->tile, &self->tile[k].tile))
				a->above |= UINT32_C(1) << k;
		any = any || a->above;
	}
	return any;
}

static void composer_blank(struct composer *self, const struct view_tile *t)
{
	if (self->n_blank == VIEW_MAX_TILES) {
		composer_release(self); /* scenes changed faster than they were painted */
		return;
	}
	self->blank[self->n_blank++] = (struct rect){ t->x, t->y, t->w, t->h };
}

/* A tile that was there before stays painted. */
static void composer_keep(struct composer *self, const struct composer_tile *old,
			  uint32_t n_old)
{
	for (uint32_t i = 0; i < n_old; i++) {
		bool kept = false;

		for (uint32_t k = 0; k < self->n && !kept; k++) {
			struct composer_tile *t = &self->tile[k];

			if (!tiles_equal(&t->tile, &old[i].tile))
				continue;
			t->serial = old[i].serial;
			t->black = old[i].black;
			t->dirty = old[i].dirty;
			t->bare = old[i].bare;
			t->place = old[i].place;
			t->label = old[i].label;
			t->beat = old[i].beat;
			kept = true;
		}
		if (!kept)
			composer_blank(self, &old[i].tile);
	}
}

void composer_set_scene(struct composer *self, const struct view_scene *scene)
{
	struct composer_tile old[VIEW_MAX_TILES];
	uint32_t n_old = self->n;
	bool layered = composer_layers(self);

	for (uint32_t i = 0; i < n_old; i++)
		beat_let_go(&self->tile[i].beat);
	memcpy(old, self->tile, sizeof(old));
	self->n = 0;
	for (uint32_t i = 0; i < scene->n && i < VIEW_MAX_TILES; i++) {
		if (!tile_valid(self, &scene->tile[i])) {
			tile_drop(&scene->tile[i]);
			continue;
		}
		self->tile[self->n++] = (struct composer_tile){
			.tile = scene->tile[i], .dirty = true, .bare = true,
		};
	}
	layered = composer_layers(self) || layered;
	if (layered)
		composer_release(self); /* paint everything: the order matters */
	else
		composer_keep(self, old, n_old);
	for (uint32_t i = 0; i < n_old; i++)
		tile_drop(&old[i].tile);
}

/* ---- painting --------------------------------------------------------------- */

/* What is to be shown in a tile now. */
struct look {
	struct picture *picture;
	const struct label_image *label;
	uint64_t serial;
	bool paint;
};

/* The picture of a tile at a tick. */
static void composer_take(struct composer *self, struct composer_tile *t, struct look *l)
{
	l->picture = source_picture(t->tile.source, &l->serial);
	if (!t->beat.early && l->picture)
		engine_count(self->engine, tiles_missed, beat_take(&t->beat, l->serial));
	else
		l->picture = beat_tick(&t->beat, l->picture, &l->serial);
}

bool composer_early(const struct composer *self)
{
	for (uint32_t i = 0; i < self->n; i++)
		if (self->tile[i].beat.early)
			return true;
	return false;
}

void composer_peek(struct composer *self)
{
	for (uint32_t i = 0; i < self->n; i++) {
		struct composer_tile *t = &self->tile[i];
		uint64_t serial = 0;
		struct picture *p;

		if (!t->beat.early || !t->tile.source)
			continue;
		p = source_picture(t->tile.source, &serial);
		if (p)
			engine_count(self->engine, tiles_missed, beat_take(&t->beat, serial));
		beat_hold(&t->beat, p, serial);
	}
}

static bool composer_look(struct composer *self, struct look look[VIEW_MAX_TILES])
{
	bool anew = self->blank_all || !self->canvas;
	bool any = self->n_blank || anew;

	for (uint32_t i = 0; i < self->n; i++) {
		struct composer_tile *t = &self->tile[i];
		struct look *l = &look[i];

		if (t->tile.source)
			composer_take(self, t, l);
		l->label = t->tile.label ? label_image(t->tile.label) : NULL;
		l->paint = l->paint || anew || t->dirty || l->label != t->label || t->black != !l->picture ||
			   (l->picture && l->serial != t->serial);
		for (uint32_t k = i + 1; l->paint && k < self->n; k++)
			if (t->above >> k & 1)
				look[k].paint = true;
		any = any || l->paint;
	}
	return any;
}

/* Do tiles that will be painted cover everything, so that what was there need
 * not be copied? Only those count that lie over no other. */
static bool composer_covered(const struct composer *self,
			     const struct look look[VIEW_MAX_TILES])
{
	uint32_t over = 0;
	int64_t area = 0;

	for (uint32_t i = 0; i < self->n; i++) {
		if (!look[i].paint)
			return false;
		over |= self->tile[i].above;
		if (over >> i & 1 || self->tile[i].tile.ground == GROUND_NONE)
			continue;
		area += (int64_t)self->tile[i].tile.w * self->tile[i].tile.h;
	}
	return area == (int64_t)self->width * self->height;
}

/* A canvas that nobody else reads, with what was painted so far unless
 * `covered`. */
static bool composer_writable(struct composer *self, bool covered)
{
	struct canvas *fresh;

	if (self->canvas && canvas_free(self->canvas) && !self->canvas->kept)
		return true;
	fresh = canvas_new(self->width, self->height);
	if (!fresh)
		return false;
	if (self->canvas && covered) {
		for (uint32_t i = 0; i < self->n; i++)
			self->tile[i].bare = true;
	} else if (self->canvas) {
		picture_blit(fresh->picture, self->canvas->picture, 0, 0);
	}
	if (self->canvas) {
		fresh->version = self->canvas->version;
		engine_count(self->engine, canvas_copies, 1);
	}
	ref_drop(self->canvas);
	self->canvas = fresh;
	return true;
}

static void canvas_black(struct canvas *self, const struct rect *r)
{
	picture_fill_black(self->picture, r->x, r->y, r->w, r->h);
}

/* A tile without a picture. */
static void canvas_ground(struct canvas *self, const struct view_tile *t)
{
	const struct rect whole = { t->x, t->y, t->w, t->h };
	int gap = t->h / 90 * 2;

	if (t->ground == GROUND_NONE)
		return;
	canvas_black(self, &whole);
	if (t->ground == GROUND_CARD)
		picture_fill(self->picture, t->x + gap, t->y + gap, t->w - 2 * gap,
				  t->h - 2 * gap, (struct sample){ CARD_LUMA, 128, 128 });
}

static void composer_paint_blank(struct composer *self)
{
	if (self->blank_all)
		picture_fill_black(self->canvas->picture, 0, 0, self->width, self->height);
	for (uint32_t i = 0; i < self->n_blank && !self->blank_all; i++)
		canvas_black(self->canvas, &self->blank[i]);
	self->blank_all = false;
	self->n_blank = 0;
}

/* Where the label was blended before is no picture to blend over once more. */
static void composer_clean_label(struct composer *self, const struct composer_tile *t)
{
	const struct rect r = { t->tile.x + t->label->x, t->tile.y + t->label->y, t->label->w,
				t->label->h };

	canvas_black(self->canvas, &r);
}

static void composer_decorate(struct composer *self, struct composer_tile *t,
			      const struct look *l)
{
	struct rect whole = { t->tile.x, t->tile.y, t->tile.w, t->tile.h };

	if (t->dirty)
		return; /* it was not painted */
	if (l->label)
		overlay_label(self->canvas->picture, t->tile.x, t->tile.y, l->label);
	if (t->tile.border)
		overlay_border(self->canvas->picture, &whole);
	t->label = l->label;
}

static void composer_paint(struct composer *self, struct composer_tile *t,
			   const struct look *l)
{
	struct rect whole = { t->tile.x, t->tile.y, t->tile.w, t->tile.h };
	struct picture *scaled;
	struct fitting f;
	int64_t began;

	if (!l->picture) {
		canvas_ground(self->canvas, &t->tile);
		t->black = true;
		t->dirty = t->bare = false;
		return;
	}
	fit_shape(&f, t->tile.fit,
		  &(struct frame_shape){ l->picture->width, l->picture->height,
					 l->picture->sar_num, l->picture->sar_den },
		  &(struct frame_shape){ t->tile.w, t->tile.h, 1, 1 });
	began = clock_us();
	scaled = picture_scaled(l->picture, f.crop.x, f.crop.y, f.crop.w, f.crop.h,
				f.place.w, f.place.h);
	engine_count(self->engine, scale_us, clock_us() - began);
	if (!scaled) { /* no memory: what is there stays, tried again next time */
		if (t->bare)
			canvas_black(self->canvas, &whole);
		t->dirty = true;
		return;
	}
	if ((t->bare || memcmp(&f.place, &t->place, sizeof(f.place)) != 0) &&
	    (f.place.w != t->tile.w || f.place.h != t->tile.h))
		canvas_black(self->canvas, &whole);
	else if (t->label && (f.place.w != t->tile.w || f.place.h != t->tile.h))
		composer_clean_label(self, t);
	picture_blit(self->canvas->picture, scaled, t->tile.x + f.place.x,
		     t->tile.y + f.place.y);
	ref_drop(scaled);
	t->place = f.place;
	t->serial = l->serial;
	t->black = t->dirty = t->bare = false;
}

static void composer_paint_all(struct composer *self, const struct look look[VIEW_MAX_TILES])
{
	uint64_t painted = 0;

	composer_paint_blank(self);
	for (uint32_t i = 0; i < self->n; i++) {
		if (!look[i].paint)
			continue;
		composer_paint(self, &self->tile[i], &look[i]);
		composer_decorate(self, &self->tile[i], &look[i]);
		painted++;
	}
	self->canvas->version++;
	engine_count(self->engine, tiles_painted, painted);
	engine_count(self->engine, tiles_unchanged, self->n - painted);
}

bool composer_run(struct composer *self, int64_t time_us)
{
	struct look look[VIEW_MAX_TILES] = { 0 };
	int64_t began = clock_us();
	bool changed = composer_look(self, look);

	if (changed) {
		changed = composer_writable(self, composer_covered(self, look));
		if (changed)
			composer_paint_all(self, look);
	} else {
		engine_count(self->engine, tiles_unchanged, self->n);
		/* An encoder may still have it: its time must not change under it. */
		if (!canvas_free(self->canvas))
			composer_writable(self, false);
	}
	if (self->canvas && canvas_free(self->canvas))
		self->canvas->picture->time_us = time_us;
	for (uint32_t i = 0; i < self->n; i++)
		ref_drop(look[i].picture);
	engine_count(self->engine, composed, 1);
	engine_count(self->engine, compose_us, clock_us() - began);
	return changed;
}
