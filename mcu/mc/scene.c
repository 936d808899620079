/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who sees whom: seats each participant's picture, and lets those who see the
 * same share one view. */
#include "mcu/mc/conference.h"

#include "base/log.h"
#include "base/ref.h"

#include <errno.h>
#include <stdio.h>
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

/* In the meeting with sound, and no picture is to be expected. */
static bool heard_only(const struct participant *p)
{
	if (!p->in || p->hidden || !participant_leg(p, MEDIA_AUDIO))
		return false;
	for (unsigned i = 0; i < DESC_MAX_LINES; i++)
		if (p->agreed[i].active && p->agreed[i].kind == MEDIA_VIDEO &&
		    p->agreed[i].role == ROLE_MAIN && p->agreed[i].receive)
			return false;
	return true;
}

static bool has_tile(const struct conference *c, const struct participant *p)
{
	return has_picture(p) || (c->settings.audio_only == AUDIO_ONLY_TILE && heard_only(p));
}

static const struct stage *stage_of(const struct conference *c, const struct participant *viewer)
{
	return viewer->stage ? viewer->stage : &c->stage;
}

/* Of one's own slides there is a picture where they come from. */
static bool sees_slides(const struct conference *c, const struct participant *viewer)
{
	return c->presenter && (shows_self(c) || !viewer || viewer->id != c->presenter);
}

/* Those who see everybody sit before one seating, whenever they came: what moved
 * before they were there would else give each a picture of their own. */
static bool sees_all(const struct conference *c, const struct participant *viewer)
{
	return stage_of(c, viewer) == &c->stage &&
	       (shows_self(c) || (!has_tile(c, viewer) && viewer->id != c->presenter));
}

/* `viewer` NULL: one of those who see everybody. `fixed`: who has which place in
 * the conference's own layout. */
static void seat(struct conference *c, const struct participant *viewer, struct seating *seating,
		 const uint32_t fixed[LAYOUT_MAX_TILES])
{
	const struct stage *stage = viewer ? stage_of(c, viewer) : &c->stage;
	const struct participant *left_out = shows_self(c) ? NULL : viewer;
	uint32_t *ids = calloc(c->n ? c->n : 1, sizeof(*ids));
	uint32_t speakers[16], own[LAYOUT_MAX_TILES];
	unsigned n = 0, n_speakers = 0;

	if (!ids)
		return;
	list_each(l, &c->participants) {
		struct participant *p = list_entry(l, struct participant, link);

		if (has_tile(c, p) && p != left_out)
			ids[n++] = p->id;
	}
	for (unsigned i = 0; i < c->n_speakers; i++) {
		if (!left_out || c->speaker[i] != left_out->id)
			speakers[n_speakers++] = c->speaker[i];
	}
	if (stage != &c->stage) {
		stage_fixed(stage, c, own);
		fixed = own;
	}
	seating_update(seating, &stage->layout,
		       &(struct crowd){ ids, n, speakers, n_speakers, fixed,
					sees_slides(c, viewer) });
	free(ids);
}

/* The name and the marks of whose picture the tile shows; NULL: none. */
static struct label *name_label(struct conference *c, const struct participant *p,
				const struct view_tile *tile, bool up)
{
	struct label_spec spec = {
		.style = !tile->source ? LABEL_TITLE : up ? LABEL_NAME_UP : LABEL_NAME,
		.w = tile->w, .h = tile->h,
		.marks = (p->secured ? LABEL_LOCK : 0) | (p->muted ? LABEL_MUTED : 0),
	};

	if (!tile->source)
		spec.marks |= LABEL_PHONE;
	else if (!c->settings.labels)
		return NULL;
	snprintf(spec.text, sizeof(spec.text), "%s", p->name);
	return video_label(c->controller->parts.video, &spec);
}

/* A tile of text alone, over what is there. */
static void add_text(struct conference *c, struct view_scene *scene, const struct rect *r,
		     const struct label_spec *spec)
{
	struct label *label = scene->n < VIEW_MAX_TILES ?
		video_label(c->controller->parts.video, spec) : NULL;

	if (label)
		scene->tile[scene->n++] = (struct view_tile){
			.x = r->x, .y = r->y, .w = r->w, .h = r->h, .label = label,
			.ground = GROUND_NONE,
		};
}

/* How many are heard only: in the upper right corner. */
static void add_count(struct conference *c, int w, int h, struct view_scene *scene)
{
	struct label_spec spec = { .style = LABEL_COUNT, .marks = LABEL_PHONE };
	struct rect r = { .h = (uint16_t)(h / 18 & ~1), .w = (uint16_t)(h / 7 & ~1) };
	unsigned n = 0;

	list_each(l, &c->participants)
		n += heard_only(list_entry(l, struct participant, link));
	if (!n || c->settings.audio_only != AUDIO_ONLY_COUNT)
		return;
	r.x = (uint16_t)(w - r.w);
	spec.w = r.w;
	spec.h = r.h;
	snprintf(spec.text, sizeof(spec.text), "+%u", n);
	add_text(c, scene, &r, &spec);
}

/* The operator's message: along the lower edge. */
static void add_notice(struct conference *c, const struct participant *viewer, int w, int h,
		       struct view_scene *scene)
{
	const char *text = conference_notice_for(c, viewer);
	struct label_spec spec = { .style = LABEL_MESSAGE };
	struct rect r = { .w = (uint16_t)w, .h = (uint16_t)(h / 6 & ~1) };

	if (!text)
		return;
	r.y = (uint16_t)(h - r.h);
	spec.w = r.w;
	spec.h = r.h;
	snprintf(spec.text, sizeof(spec.text), "%s", text);
	add_text(c, scene, &r, &spec);
}

/* Nothing is cut off slides and nothing lies over them, for any of it may matter. */
static void add_slides(struct conference *c, const struct rect *r, struct view_scene *scene)
{
	const struct participant *p = conference_participant(c, c->presenter);
	struct leg *slides = p ? participant_slides(p) : NULL;

	if (slides)
		scene->tile[scene->n++] = (struct view_tile){
			.source = leg_source(slides),
			.x = r->x, .y = r->y, .w = r->w, .h = r->h, .fit = FIT_WHOLE,
		};
}

/* Who gets the border: the loudest. Viewers who are not in their own picture want to
 * know who else speaks, also while they do so themselves. */
static uint32_t talker_for(const struct conference *c, const struct participant *viewer)
{
	if (!c->settings.labels)
		return 0;
	return shows_self(c) || c->talker[0] != viewer->id ? c->talker[0] : c->talker[1];
}

/* Does a picture that is laid over the place hide where its name would be? */
static bool name_hidden(const struct seating *s, const struct rect *rect, unsigned n, unsigned i)
{
	const struct rect *r = &rect[i];

	for (unsigned k = i + 1; k < n && k < s->n; k++) {
		const struct rect *o = &rect[k];

		if (s->id[k] && o->x < r->x + r->w * 2 / 3 && o->x + o->w > r->x &&
		    o->y < r->y + r->h && o->y + o->h > r->y + r->h * 7 / 8)
			return true;
	}
	return false;
}

static void add_person(struct conference *c, uint32_t id, const struct rect *r, uint32_t talker,
		       bool up, struct view_scene *scene)
{
	struct participant *p = id ? conference_participant(c, id) : NULL;
	struct view_tile *tile = &scene->tile[scene->n];

	if (!p || !has_tile(c, p))
		return;
	*tile = (struct view_tile){
		.source = has_picture(p) ? leg_source(participant_leg(p, MEDIA_VIDEO)) : NULL,
		.x = r->x, .y = r->y, .w = r->w, .h = r->h,
		.fit = c->settings.crop ? FIT_CROP : FIT_LETTERBOX,
		.border = p->id == talker,
	};
	tile->ground = tile->source ? GROUND_BLACK : GROUND_CARD;
	tile->label = name_label(c, p, tile, up);
	scene->n++;
}

/* The labels in it are references of the caller's: scene_clear. */
static void make_scene(struct conference *c, const struct participant *viewer,
		       int w, int h, struct view_scene *scene)
{
	const struct seating *s = &viewer->seating;
	bool slides = sees_slides(c, viewer);
	const struct layout *layout = layout_for(&stage_of(c, viewer)->layout,
						 s->n - slides, slides);
	struct rect rect[LAYOUT_MAX_TILES];
	unsigned n = layout_rects(layout, s->n, w, h, rect);
	uint32_t talker = n > 1 ? talker_for(c, viewer) : 0; /* alone it would say nothing */

	memset(scene, 0, sizeof(*scene));
	for (unsigned i = 0; i < n && i < s->n; i++) {
		if (s->id[i] == LAYOUT_SLIDES)
			add_slides(c, &rect[i], scene);
		else
			add_person(c, s->id[i], &rect[i], talker,
				   name_hidden(s, rect, n, i), scene);
	}
	add_count(c, w, h, scene);
	add_notice(c, viewer, w, h, scene);
}

static void scene_clear(struct view_scene *scene)
{
	for (uint32_t i = 0; i < scene->n; i++)
		ref_drop(scene->tile[i].label);
}

static bool same_scene(const struct view_scene *a, const struct view_scene *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct view_tile *s = &a->tile[i], *t = &b->tile[i];

		if (s->source != t->source || s->x != t->x || s->y != t->y ||
		    s->w != t->w || s->h != t->h || s->fit != t->fit ||
		    s->border != t->border || s->label != t->label || s->ground != t->ground)
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
	bool seated = false;

	conference_follow_slides(self);
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
		if (!sees_all(self, p)) {
			seat(self, p, &p->seating, fixed);
		} else {
			if (!seated)
				seat(self, NULL, &self->seating, fixed);
			seated = true;
			p->seating = self->seating;
		}
		make_scene(self, p, self->settings.profile->width,
			   self->settings.profile->height, &scene);
		s = choose(self, now, &scene);
		scene_clear(&scene); /* the view holds those it shows */
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
