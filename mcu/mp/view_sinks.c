/* SPDX-License-Identifier: GPL-3.0-or-later
 * The sinks of a view: which encoder serves which, and how a sink changes from
 * one to another without a gap. And the sinks' handles. */
#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"
#include "mcu/mp/engine.h"
#include "mcu/mp/view.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { SMALL_LEAST = 640 }; /* wide, to be made smaller */

#define LEAVE_US 2000000 /* the old encoder serves on until the new one has begun */
#define LOOK_US 1000000  /* between looks for equal encoders */
#define TWIN_US 5000000  /* equal for so long: brought together */

/* ---- encoders --------------------------------------------------------------- */

static struct view_encoder *encoder_find(struct view *self, const struct video_params *p)
{
	list_each(l, &self->encoders) {
		struct view_encoder *e = list_entry(l, struct view_encoder, link);

		if (encoder_params_equal(&e->params, p, true))
			return e;
	}
	return NULL;
}

static struct view_encoder *encoder_get(struct view *self, const struct video_params *p)
{
	struct view_encoder *e = encoder_find(self, p);

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	if (encoder_new(&e->encoder, self->engine, p)) {
		free(e);
		return NULL;
	}
	e->params = *p;
	list_add(&self->encoders, &e->link);
	return e;
}

static void encoder_put_back(struct view_encoder *e)
{
	if (e->members)
		return;
	list_del(&e->link);
	encoder_stop(e->encoder);
	free(e);
}

/* ---- members ---------------------------------------------------------------- */

static void member_detach(struct view *self, struct view_member *m)
{
	if (m->encoder) {
		encoder_leave(m->encoder->encoder, m->sink, m->generation);
		m->encoder->members--;
		encoder_put_back(m->encoder);
	}
	list_del(&m->link);
	self->n_members--;
	ref_drop(m->sink);
	free(m);
}

/* What an encoder for `asked` makes of the view as it is now. */
static int view_fit(const struct view *self, struct video_params *out,
		    const struct video_params *asked)
{
	int half = self->small ? 2 : 1;

	return encoder_fit(out, asked, self->width / half & ~1, self->height / half & ~1,
			   self->fps);
}

static int member_place(struct view *self, struct view_member *m)
{
	struct video_params p;
	int err = view_fit(self, &p, &m->asked);

	if (err) {
		log_warning("video=no-fit codec=%s error=%d",
			    codec_name(m->asked.format.id), err);
		return err;
	}
	m->encoder = encoder_get(self, &p);
	if (!m->encoder)
		return -ENOMEM;
	err = encoder_join(m->encoder->encoder, m->sink, m->generation);
	if (err) {
		encoder_put_back(m->encoder);
		m->encoder = NULL;
		return err;
	}
	m->encoder->members++;
	m->encoder->kick = true;
	return 0;
}

void view_join(struct view *self, struct sink *sink, uint32_t epoch,
	       const struct video_params *asked, int64_t now)
{
	struct view_member *m;

	(void)now;
	if (sink_closed(sink))
		return;
	m = calloc(1, sizeof(*m));
	if (!m) {
		log_error("video=sink-lost reason=memory");
		return;
	}
	m->sink = ref_hold(sink);
	m->generation = sink_generation(epoch, ++self->seq);
	m->asked = *asked;
	list_add(&self->members, &m->link);
	self->n_members++;
	/* Without an encoder it stays as it is until view_change. */
	(void)member_place(self, m);
}

static struct view_member *member_of(struct view *self, const struct sink *sink)
{
	list_each(l, &self->members) {
		struct view_member *m = list_entry(l, struct view_member, link);

		if (m->sink == sink && !m->leave_at)
			return m;
	}
	return NULL;
}

/* The same sink again, at the encoder that fits now; the old one serves it until
 * then. */
static void member_renew(struct view *self, struct view_member *m,
			 const struct video_params *asked, int64_t now)
{
	uint32_t epoch = (uint32_t)(m->generation >> 32);

	m->leave_at = now + LEAVE_US;
	view_join(self, m->sink, epoch, asked, now);
	if (!m->encoder)
		member_detach(self, m);
}

static bool member_alone(struct view *self, const struct view_member *m)
{
	list_each(l, &self->members) {
		struct view_member *other = list_entry(l, struct view_member, link);

		if (other != m && other->encoder == m->encoder && !other->leave_at)
			return false;
	}
	return true;
}

void view_change(struct view *self, struct sink *sink, const struct video_params *asked,
		 int64_t now)
{
	struct view_member *m = member_of(self, sink);
	struct video_params p;

	if (!m)
		return;
	if (!m->encoder || view_fit(self, &p, asked)) {
		member_renew(self, m, asked, now);
		return;
	}
	m->asked = *asked;
	if (encoder_params_equal(&p, &m->encoder->params, true))
		return;
	if (encoder_params_equal(&p, &m->encoder->params, false) && member_alone(self, m)) {
		m->encoder->params.bitrate = p.bitrate;
		encoder_bitrate(m->encoder->encoder, p.bitrate);
		return;
	}
	member_renew(self, m, asked, now);
}

void view_leave(struct view *self, struct sink *sink, int64_t now)
{
	struct view_member *m = member_of(self, sink);

	if (m && m->encoder)
		m->leave_at = now + LEAVE_US;
	else if (m)
		member_detach(self, m);
}

void view_dismiss(struct view *self)
{
	list_each_safe(l, &self->members)
		member_detach(self, list_entry(l, struct view_member, link));
}

/* ---- settling --------------------------------------------------------------- */

static void encoder_dissolve(struct view *self, struct view_encoder *e, int64_t now)
{
	/* Those that renewed are added at the end and are elsewhere. */
	list_each_safe(l, &self->members) {
		struct view_member *m = list_entry(l, struct view_member, link);

		if (m->encoder == e && !m->leave_at)
			member_renew(self, m, &m->asked, now);
	}
}

static void view_look_for_twins(struct view *self, int64_t now)
{
	list_each(l, &self->encoders) {
		struct view_encoder *e = list_entry(l, struct view_encoder, link);

		/* Found from the beginning: an earlier one, or itself. */
		if (encoder_find(self, &e->params) == e) {
			e->twin_since = 0;
		} else if (!e->twin_since) {
			e->twin_since = now;
		} else if (now - e->twin_since >= TWIN_US) {
			encoder_dissolve(self, e, now);
			e->twin_since = now;
		}
	}
}

/* Smaller pictures while the machine is overloaded; not smaller than anyone could
 * make out. */
static void view_look_at_load(struct view *self, int64_t now)
{
	bool small = self->width >= SMALL_LEAST && engine_small(self->engine, self->n_members);

	if (small == self->small)
		return;
	self->small = small;
	if (small)
		engine_count(self->engine, views_small, 1);
	else
		engine_uncount(self->engine, views_small, 1);
	list_each_safe(l, &self->members) {
		struct view_member *m = list_entry(l, struct view_member, link);
		struct video_params p;

		/* Those that renewed are added at the end and fit already. */
		if (m->encoder && !m->leave_at && !view_fit(self, &p, &m->asked) &&
		    !encoder_params_equal(&p, &m->encoder->params, false))
			member_renew(self, m, &m->asked, now);
	}
}

void view_settle(struct view *self, int64_t now)
{
	list_each_safe(l, &self->members) {
		struct view_member *m = list_entry(l, struct view_member, link);

		if (sink_superseded(m->sink, m->generation) ||
		    (m->leave_at && now >= m->leave_at))
			member_detach(self, m);
	}
	if (now >= self->look_at) {
		self->look_at = now + LOOK_US;
		view_look_for_twins(self, now);
		view_look_at_load(self, now);
	}
}

/* ---- orders from the control thread ----------------------------------------- */

enum sink_what { SINK_JOIN, SINK_CHANGE, SINK_LEAVE };

struct sink_msg {
	struct msg msg;
	enum sink_what what;
	struct sink *sink;
	uint32_t epoch;
	struct video_params params;
};

static void sink_discard(struct msg *msg)
{
	struct sink_msg *m = (struct sink_msg *)(void *)msg;

	ref_drop(m->sink);
	free(m);
}

static void sink_deliver(struct msg *msg, void *owner)
{
	struct sink_msg *m = (struct sink_msg *)(void *)msg;
	int64_t now = clock_us();

	switch (m->what) {
	case SINK_JOIN:
		view_join(owner, m->sink, m->epoch, &m->params, now);
		break;
	case SINK_CHANGE:
		view_change(owner, m->sink, &m->params, now);
		break;
	case SINK_LEAVE:
		view_leave(owner, m->sink, now);
		break;
	}
	sink_discard(msg);
}

static int sink_order(struct sink *self, struct view *view, enum sink_what what)
{
	struct sink_msg *m = calloc(1, sizeof(*m));

	if (!m) {
		log_error("video=order-lost reason=memory");
		return -ENOMEM;
	}
	*m = (struct sink_msg){
		.msg = { .deliver = sink_deliver, .discard = sink_discard },
		.what = what,
		.sink = ref_hold(self),
		.epoch = self->epoch,
		.params = self->params,
	};
	actor_post(view->actor, &m->msg);
	return 0;
}

static void sink_fini(void *obj)
{
	struct sink *self = obj;

	ref_drop(self->stream);
	ref_drop(self->engine);
}

int sink_new(struct sink **out, struct view *view, struct stream *stream,
	     const struct video_params *params)
{
	struct sink *self = ref_new(sizeof(*self), sink_fini);

	if (!self)
		return -ENOMEM;
	self->engine = ref_hold(view->engine);
	self->stream = ref_hold(stream);
	self->view = view;
	self->epoch = 1;
	self->params = *params;
	if (sink_order(self, view, SINK_JOIN)) {
		ref_drop(self);
		return -ENOMEM;
	}
	if (view->n_sinks++ == 0)
		view_watch(view, true);
	engine_count(self->engine, sinks, 1);
	*out = self;
	return 0;
}

void sink_set(struct sink *self, const struct video_params *params)
{
	self->params = *params;
	(void)sink_order(self, self->view, SINK_CHANGE);
}

void sink_move(struct sink *self, struct view *view)
{
	struct view *before = self->view;

	if (view == before)
		return;
	self->epoch++;
	if (sink_order(self, view, SINK_JOIN)) {
		self->epoch--;
		return;
	}
	/* Should this be lost, the old view finds out when the new one begins. */
	(void)sink_order(self, before, SINK_LEAVE);
	self->view = view;
	if (view->n_sinks++ == 0)
		view_watch(view, true);
	if (--before->n_sinks == 0)
		view_watch(before, false);
}

struct sink *sink_drop(struct sink *self)
{
	if (!self)
		return NULL;
	sink_close(self);
	engine_uncount(self->engine, sinks, 1);
	assert(self->view->n_sinks > 0);
	if (--self->view->n_sinks == 0)
		view_watch(self->view, false);
	actor_schedule(self->view->actor, clock_us());
	return ref_drop(self);
}
