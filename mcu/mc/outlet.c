/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mcu/mc/outlet.h"

#include "base/log.h"
#include "base/ref.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct outlet {
	struct loop *loop;
	void *owner;
	void (*event)(void *owner, const struct outlet_event *event);
};

struct outlet_msg {
	struct msg msg;
	struct outlet_event event;
};

static atomic_uint live;

static void outlet_fini(void *self)
{
	(void)self;
	atomic_fetch_sub(&live, 1);
}

int outlet_new(struct outlet **out, struct loop *loop, void *owner,
	       void (*event)(void *owner, const struct outlet_event *event))
{
	struct outlet *self = ref_new(sizeof(*self), outlet_fini);

	if (!self)
		return -ENOMEM;
	atomic_fetch_add(&live, 1);
	self->loop = loop;
	self->owner = owner;
	self->event = event;
	*out = self;
	return 0;
}

struct outlet *outlet_close(struct outlet *self)
{
	if (!self)
		return NULL;
	assert(loop_here(self->loop));
	self->owner = NULL;
	return ref_drop(self);
}

static void msg_discard(struct msg *m)
{
	ref_drop(((struct outlet_msg *)(void *)m)->event.outlet);
	free(m);
}

static void msg_deliver(struct msg *m, void *owner)
{
	struct outlet_event *e = &((struct outlet_msg *)(void *)m)->event;

	(void)owner;
	e->outlet->event(e->outlet->owner, e);
	msg_discard(m);
}

static struct outlet_msg *msg_new(struct outlet *self, int kind)
{
	struct outlet_msg *m = calloc(1, sizeof(*m));

	if (!m) {
		log_error("event lost, out of memory kind=%d", kind);
		return NULL;
	}
	m->msg.deliver = msg_deliver;
	m->msg.discard = msg_discard;
	m->event.outlet = ref_hold(self);
	m->event.kind = kind;
	return m;
}

void outlet_post(struct outlet *self, int kind, int64_t value)
{
	struct outlet_msg *m = msg_new(self, kind);

	if (m) {
		m->event.value = value;
		loop_post(self->loop, &m->msg);
	}
}

void outlet_post_ids(struct outlet *self, int kind, const uint32_t *ids, unsigned n)
{
	struct outlet_msg *m = msg_new(self, kind);

	if (m) {
		m->event.n = n > 16 ? 16 : n;
		memcpy(m->event.id, ids, m->event.n * sizeof(ids[0]));
		loop_post(self->loop, &m->msg);
	}
}

struct loop *outlet_loop(const struct outlet *self)
{
	return self->loop;
}

unsigned outlet_live(void)
{
	return atomic_load(&live);
}
