/* SPDX-License-Identifier: GPL-3.0-or-later
 * Mailbox: a list behind a mutex that is held for a few instructions only. The
 * owner splices the whole queue out under the lock and works unlocked. */
#include "base/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct mailbox {
	pthread_mutex_t lock;
	struct msg *head, **tail;
	size_t media, media_limit;
	bool closed;
	_Atomic uint64_t dropped;
	void (*wake)(void *arg);
	void *arg;
};

int mailbox_new(struct mailbox **out, size_t media_limit, void (*wake)(void *arg), void *arg)
{
	struct mailbox *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	pthread_mutex_init(&self->lock, NULL);
	self->tail = &self->head;
	self->media_limit = media_limit;
	self->wake = wake;
	self->arg = arg;
	*out = self;
	return 0;
}

static void discard_all(struct msg *m)
{
	while (m) {
		struct msg *next = m->next;

		m->discard(m);
		m = next;
	}
}

struct mailbox *mailbox_free(struct mailbox *self)
{
	if (!self)
		return NULL;
	discard_all(self->head);
	pthread_mutex_destroy(&self->lock);
	free(self);
	return NULL;
}

/* Unlinks the oldest media message. Lock held; media > 0. */
static struct msg *take_oldest_media(struct mailbox *self)
{
	struct msg **pp = &self->head, *m;

	while (!(*pp)->media)
		pp = &(*pp)->next;
	m = *pp;
	*pp = m->next;
	if (!m->next)
		self->tail = pp;
	self->media--;
	return m;
}

void mailbox_put(struct mailbox *self, struct msg *msg)
{
	struct msg *old = NULL;
	bool was_empty = false;

	msg->next = NULL;
	pthread_mutex_lock(&self->lock);
	if (self->closed) {
		old = msg;
	} else {
		was_empty = !self->head;
		if (msg->media && self->media >= self->media_limit) {
			if (self->media) {
				old = take_oldest_media(self);
			} else {
				old = msg;
				msg = NULL;
			}
			atomic_fetch_add_explicit(&self->dropped, 1, memory_order_relaxed);
		}
		if (msg) {
			*self->tail = msg;
			self->tail = &msg->next;
			if (msg->media)
				self->media++;
		}
	}
	pthread_mutex_unlock(&self->lock);
	if (old)
		old->discard(old);
	if (was_empty && self->wake)
		self->wake(self->arg);
}

size_t mailbox_run(struct mailbox *self, void *owner)
{
	struct msg *m;
	size_t n = 0;

	pthread_mutex_lock(&self->lock);
	m = self->head;
	self->head = NULL;
	self->tail = &self->head;
	self->media = 0;
	pthread_mutex_unlock(&self->lock);
	while (m) {
		struct msg *next = m->next;

		m->deliver(m, owner);
		m = next;
		n++;
	}
	return n;
}

void mailbox_close(struct mailbox *self)
{
	struct msg *m;

	pthread_mutex_lock(&self->lock);
	self->closed = true;
	m = self->head;
	self->head = NULL;
	self->tail = &self->head;
	self->media = 0;
	pthread_mutex_unlock(&self->lock);
	discard_all(m);
}

uint64_t mailbox_dropped(const struct mailbox *self)
{
	return atomic_load_explicit(&self->dropped, memory_order_relaxed);
}

struct call_msg {
	struct msg msg;
	void (*fn)(void *arg, void *owner);
	void (*drop)(void *arg);
	void *arg;
};

static void call_discard(struct msg *m)
{
	struct call_msg *c = (struct call_msg *)(void *)m;

	if (c->drop)
		c->drop(c->arg);
	free(c);
}

static void call_deliver(struct msg *m, void *owner)
{
	struct call_msg *c = (struct call_msg *)(void *)m;

	c->fn(c->arg, owner);
	call_discard(m);
}

struct msg *msg_call(void (*fn)(void *arg, void *owner), void (*drop)(void *arg), void *arg)
{
	struct call_msg *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->msg.deliver = call_deliver;
	c->msg.discard = call_discard;
	c->fn = fn;
	c->drop = drop;
	c->arg = arg;
	return &c->msg;
}
