/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who sees whom: seats each participant's picture, and lets those who see the
 * same share one view. */
#include "mcu/mc/conference.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* With self="auto" the own picture is left out while every participant has a
 * view of their own anyway; in a larger meeting all share one. */
enum { SELF_AUTO_MOST = 9 };

static bool shows_self(const struct conference *c)
{
	switch (c->settings.self) {
	case SELF_YES:
		return true;
	case SELF_NO:
		return false;
	case SELF_AUTO:
		break;
	}
	return c->n > SELF_AUTO_MOST;
}

static bool has_picture(const struct participant *p)
{
	struct leg *video = participant_leg(p, MEDIA_VIDEO);

	return video && !p->hidden && leg_has_picture(video);
}

static const struct stage *stage_of(const struct conference *c, const struct participant *viewer)
{
	return viewer->stage ? viewer->stage : &c->stage;
}

/* `fixed`: who has which place in the conference's own layout. */
static void seat(struct conference *c, struct participant *viewer,
		 const uint32_t fixed[LAYOUT_MAX_TILES])
{
	const struct stage *stage = stage_of(c, viewer);
	uint32_t *ids = calloc(c->n ? c->n : 1, sizeof(*ids));
	uint32_t speakers[16], own[LAYOUT_MAX_TILES];
	unsigned n = 0, n_speakers = 0;

	if (!ids)
		return;
	list_each(l, &c->participants) {
		struct participant *p = list_entry(l, struct participant, link);

		if (has_picture(p) && (p != viewer || shows_self(c)))
			ids[n++] = p->id;
	}
	for (unsigned i = 0; i < c->n_speakers; i++) {
		if (c->speaker[i] != viewer->id || shows_self(c))
			speakers[n_speakers++] = c->speaker[i];
	}
	if (stage != &c->stage) {
		stage_fixed(stage, c, own);
		fixed = own;
	}
	seating_update(&viewer->seating, &stage->layout,
		       &(struct crowd){ ids, n, speakers, n_speakers, fixed });
	free(ids);
}

static void make_scene(struct conference *c, const struct participant *viewer,
		       int w, int h, struct view_scene *scene)
{
	struct rect rect[LAYOUT_MAX_TILES];
	unsigned n = layout_rects(&stage_of(c, viewer)->layout, viewer->seating.n, w, h, rect);

	memset(scene, 0, sizeof(*scene));
	for (unsigned i = 0; i < n && i < viewer->seating.n; i++) {
		struct participant *p = viewer->seating.id[i] ?
			conference_participant(c, viewer->seating.id[i]) : NULL;

		if (!p || !has_picture(p))
			continue;
		scene->tile[scene->n++] = (struct view_tile){
			.source = leg_source(participant_leg(p, MEDIA_VIDEO)),
			.x = rect[i].x, .y = rect[i].y, .w = rect[i].w, .h = rect[i].h,
			.fit = c->settings.crop ? FIT_CROP : FIT_LETTERBOX,
		};
	}
}

static bool same_scene(const struct view_scene *a, const struct view_scene *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct view_tile *s = &a->tile[i], *t = &b->tile[i];

		if (s->source != t->source || s->x != t->x || s->y != t->y ||
		    s->w != t->w || s->h != t->h || s->fit != t->fit)
			return false;
	}
	return true;
}

static struct showing *find_same(struct conference *c, const struct view_scene *scene,
				 bool taken)
{
	list_each(l, &c->views) {
		struct showing *s = list_entry(l, struct showing, link);

		if (s->taken == taken && same_scene(&s->scene, scene))
			return s;
	}
	return NULL;
}

static struct showing *showing_new(struct conference *c)
{
	const struct conf_profile *p = c->settings.profile;
	struct showing *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->width = p->width;
	s->height = p->height;
	s->fps = p->fps;
	if (view_new(&s->view, c->controller->parts.video, s->width, s->height, s->fps)) {
		free(s);
		return NULL;
	}
	list_add(&c->views, &s->link);
	return s;
}

static void showing_drop(struct showing *s)
{
	list_del(&s->link);
	view_drop(s->view);
	free(s);
}

static struct showing *showing_of(struct conference *c, const struct view *view)
{
	list_each(l, &c->views) {
		struct showing *s = list_entry(l, struct showing, link);

		if (s->view == view)
			return s;
	}
	return NULL;
}

/* The view for a viewer: one that already shows just this, else the one the
 * viewer looks at if nobody has claimed it, else a new one. */
static struct showing *choose(struct conference *c, const struct view *now,
			      const struct view_scene *scene)
{
	struct showing *s = find_same(c, scene, true);

	if (s)
		return s;
	s = find_same(c, scene, false);
	if (!s) {
		s = showing_of(c, now);
		if (!s || s->taken)
			s = showing_new(c);
		if (!s)
			return NULL;
	}
	s->taken = true;
	if (!same_scene(&s->scene, scene) || !s->scene.n) {
		s->scene = *scene;
		view_set_scene(s->view, scene);
	}
	return s;
}

void conference_arrange(struct conference *self)
{
	uint32_t fixed[LAYOUT_MAX_TILES];

	stage_fixed(&self->stage, self, fixed);
	list_each(l, &self->views)
		list_entry(l, struct showing, link)->taken = false;
	list_each(l, &self->participants) {
		struct participant *p = list_entry(l, struct participant, link);
		struct leg *video = participant_leg(p, MEDIA_VIDEO);
		struct view *now = p->view;
		struct view_scene scene;
		struct showing *s;
		int err;

		p->view = NULL;
		if (!p->in || !video || !leg_sends_video(video))
			continue;
		seat(self, p, fixed);
		make_scene(self, p, self->settings.profile->width,
			   self->settings.profile->height, &scene);
		s = choose(self, now, &scene);
		err = s ? leg_show(video, s->view) : -ENOMEM;
		if (err)
			log_error("no picture for participant conference=%s participant=%u error=%d",
				  self->number, p->id, err);
		else
			p->view = s->view;
	}
	list_each_safe(l, &self->views) {
		struct showing *s = list_entry(l, struct showing, link);

		if (!s->taken)
			showing_drop(s);
	}
}

void conference_drop_views(struct conference *self)
{
	list_each_safe(l, &self->views)
		showing_drop(list_entry(l, struct showing, link));
}
