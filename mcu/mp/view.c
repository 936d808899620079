/* SPDX-License-Identifier: GPL-3.0-or-later
 * A view: an actor that ticks on an absolute clock while it has sinks, brings
 * its canvas up to date and hands it to its encoders. */
#include "mcu/mp/view.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"
#include "mcu/mp/engine.h"
#include "mcu/mp/source.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { VIEW_FPS_MAX = 60, VIEW_FPS_DEFAULT = 30 };

#define CLOSE_US 2000000     /* a dropped view serves those who moved away so long */
#define STILL_AFTER_US 2000000 /* nothing new for so long: fewer frames */
#define STILL_PERIOD_US 200000

/* ---- ticks ------------------------------------------------------------------ */

static bool view_still(const struct view *self, int64_t time)
{
	return time - self->last_change > STILL_AFTER_US;
}

/* Does a member ask for a key frame? */
static bool view_asked(struct view *self, const struct view_encoder *e)
{
	list_each(l, &self->members) {
		struct view_member *m = list_entry(l, struct view_member, link);

		if (m->encoder == e && atomic_load(&m->sink->key_requests))
			return true;
	}
	return false;
}

static void view_feed(struct view *self, struct view_encoder *e, int64_t time, int64_t period)
{
	int64_t own = 1000000 / e->params.fps;

	if (!e->kick && time < e->next_due - period / 2)
		return;
	if (view_still(self, time) && !e->kick && time - e->last_put < STILL_PERIOD_US &&
	    !view_asked(self, e))
		return;
	e->kick = false;
	e->last_put = time;
	e->next_due += own;
	if (e->next_due < time)
		e->next_due = time + own;
	encoder_put(e->encoder, self->composer.canvas, time, own > period ? own : period);
}

static void view_tick(struct view *self, int64_t now)
{
	unsigned divisor = engine_divisor(self->engine, self->n_members);
	int64_t period = 1000000 / self->fps * divisor;
	int64_t late = now - self->next_tick, missed = late / period;
	int64_t time = self->next_tick + missed * period;

	engine_tick(self->engine, late);
	engine_work(self->engine, 1 + (unsigned)(missed > 60 ? 60 : missed),
		    (unsigned)(missed > 60 ? 60 : missed), now);
	if (missed)
		engine_count(self->engine, ticks_skipped, (uint64_t)missed);
	self->next_tick = time + period;
	if (composer_run(&self->composer, time))
		self->last_change = time;
	self->peek_at = composer_early(&self->composer) ? time + period / 2 : 0;
	if (!self->composer.canvas)
		return;
	list_each(l, &self->encoders)
		view_feed(self, list_entry(l, struct view_encoder, link), time, period);
}

/* The first tick: the next one of its place in the period. */
static void view_begin(struct view *self, int64_t now)
{
	int64_t period = 1000000 / self->fps;
	int64_t first = now / period * period + self->phase * period / 1000000;

	self->ticking = true;
	self->next_tick = first < now ? first + period : first;
	self->last_change = now;
}

/* Control and the actor both have to be done with the actor: the later one stops
 * it. */
static void view_let_go(struct view *self)
{
	if (atomic_fetch_sub(&self->users, 1) == 1)
		actor_stop(self->actor);
}

static void view_end(struct view *self)
{
	self->ticking = false;
	composer_release(&self->composer);
	if (self->stopped || !atomic_load(&self->closing))
		return;
	self->stopped = true;
	view_let_go(self);
}

static void view_run(void *arg, int64_t now)
{
	struct view *self = arg;

	view_settle(self, now);
	if (atomic_load(&self->closing)) {
		if (!self->close_at)
			self->close_at = now + CLOSE_US;
		if (now >= self->close_at)
			view_dismiss(self);
	}
	if (!self->n_members) {
		view_end(self);
		return;
	}
	if (!self->ticking)
		view_begin(self, now);
	if (now >= self->next_tick) {
		view_tick(self, now);
	} else if (self->peek_at && now >= self->peek_at) {
		composer_peek(&self->composer);
		self->peek_at = 0;
	}
	actor_schedule(self->actor, self->peek_at ? self->peek_at : self->next_tick);
}

static void view_fini(void *arg)
{
	struct view *self = arg;

	view_dismiss(self);
	composer_fini(&self->composer);
	engine_uncount(self->engine, views, 1);
	engine_uncount(self->engine, views_small, self->small);
	ref_drop(self->engine);
	free(self);
}

/* ---- scene ------------------------------------------------------------------ */

struct scene_msg {
	struct msg msg;
	struct view_scene scene; /* holds the sources */
};

static void scene_discard(struct msg *msg)
{
	struct scene_msg *m = (struct scene_msg *)(void *)msg;

	for (uint32_t i = 0; i < m->scene.n; i++) {
		ref_drop(m->scene.tile[i].source);
		ref_drop(m->scene.tile[i].label);
	}
	free(m);
}

static void scene_deliver(struct msg *msg, void *owner)
{
	struct scene_msg *m = (struct scene_msg *)(void *)msg;
	struct view *self = owner;

	composer_set_scene(&self->composer, &m->scene);
	free(m);
}

void view_watch(struct view *self, bool on)
{
	for (uint32_t i = 0; i < self->n_shown; i++)
		source_watch(self->shown[i], on);
}

/* What the view watches from now on; new ones first, so that a source that stays
 * is never left alone. */
static void view_show(struct view *self, const struct view_scene *scene)
{
	struct source *before[VIEW_MAX_TILES];
	uint32_t n_before = self->n_shown;

	memcpy(before, self->shown, sizeof(before));
	self->n_shown = 0;
	for (uint32_t i = 0; i < scene->n && i < VIEW_MAX_TILES; i++)
		if (scene->tile[i].source)
			self->shown[self->n_shown++] = ref_hold(scene->tile[i].source);
	if (self->n_sinks)
		view_watch(self, true);
	for (uint32_t i = 0; i < n_before; i++) {
		if (self->n_sinks)
			source_watch(before[i], false);
		ref_drop(before[i]);
	}
}

void view_set_scene(struct view *self, const struct view_scene *scene)
{
	struct scene_msg *m = calloc(1, sizeof(*m));

	if (!m) {
		log_error("video=scene-lost reason=memory");
		return;
	}
	m->msg.deliver = scene_deliver;
	m->msg.discard = scene_discard;
	m->scene.n = scene->n < VIEW_MAX_TILES ? scene->n : VIEW_MAX_TILES;
	for (uint32_t i = 0; i < m->scene.n; i++) {
		m->scene.tile[i] = scene->tile[i];
		ref_hold(scene->tile[i].source);
		ref_hold(scene->tile[i].label);
	}
	view_show(self, scene);
	actor_post(self->actor, &m->msg);
}

/* ---- handle ----------------------------------------------------------------- */

int view_new(struct view **out, struct video_engine *engine, int width, int height,
	     unsigned fps)
{
	struct view *self;
	int err;

	if (width < 16 || height < 16 || width > 4096 || height > 4096 || (width | height) & 1)
		return -EINVAL;
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->width = width;
	self->height = height;
	self->fps = !fps ? VIEW_FPS_DEFAULT : fps > VIEW_FPS_MAX ? VIEW_FPS_MAX : fps;
	/* Steps of the golden ratio spread any number of views evenly. */
	self->phase = (int64_t)((uint64_t)atomic_fetch_add(&engine->view_index, 1) *
				618034 % 1000000);
	atomic_init(&self->users, 2);
	list_init(&self->members);
	list_init(&self->encoders);
	composer_init(&self->composer, engine, width, height);
	err = actor_new(&self->actor, engine->pool, 0, view_run, view_fini, self);
	if (err) {
		free(self);
		return err;
	}
	self->engine = ref_hold(engine);
	engine_count(engine, views, 1);
	*out = self;
	return 0;
}

struct view *view_drop(struct view *self)
{
	if (!self)
		return NULL;
	assert(self->n_sinks == 0);
	for (uint32_t i = 0; i < self->n_shown; i++)
		ref_drop(self->shown[i]);
	self->n_shown = 0;
	atomic_store(&self->closing, true);
	actor_schedule(self->actor, clock_us());
	view_let_go(self);
	return NULL;
}
