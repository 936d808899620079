/* SPDX-License-Identifier: GPL-3.0-or-later
 * The control loop on a Sofia root. Messages from other threads wait in a
 * mailbox; an eventfd on the root wakes it. */
#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sofia-sip/su.h>
#include <sofia-sip/su_wait.h>

struct loop {
	su_root_t *root;
	struct mailbox *mailbox;
	int event_fd;
	struct loop_fd *watch;
	pthread_t thread;
};

struct timer {
	su_timer_t *su;
	void (*fn)(void *arg);
	void *arg;
};

struct loop_fd {
	struct loop *loop;
	su_wait_t wait;
	int index, fd;
	void (*fn)(void *arg, unsigned events);
	void *arg;
};

static void wake(void *arg)
{
	struct loop *self = arg;
	uint64_t one = 1;

	while (write(self->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void on_wake(void *arg, unsigned events)
{
	struct loop *self = arg;
	uint64_t n;

	(void)events;
	while (read(self->event_fd, &n, sizeof(n)) < 0 && errno == EINTR)
		;
	mailbox_run(self->mailbox, NULL);
}

int loop_new(struct loop **out)
{
	struct loop *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	su_init();
	self->thread = pthread_self();
	self->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (self->event_fd < 0) {
		err = -errno;
		goto out;
	}
	self->root = su_root_create(NULL);
	if (!self->root) {
		err = -ENOMEM;
		goto out;
	}
	su_root_threading(self->root, 0);
	err = mailbox_new(&self->mailbox, 0, wake, self);
	if (err)
		goto out;
	err = loop_fd_new(&self->watch, self, self->event_fd, LOOP_READ, on_wake, self);
	if (err)
		goto out;
	*out = self;
	return 0;
out:
	loop_free(self);
	return err;
}

struct loop *loop_free(struct loop *self)
{
	if (!self)
		return NULL;
	loop_fd_free(self->watch);
	mailbox_free(self->mailbox);
	if (self->root)
		su_root_destroy(self->root);
	if (self->event_fd >= 0)
		close(self->event_fd);
	su_deinit();
	free(self);
	return NULL;
}

void loop_run(struct loop *self)
{
	su_root_run(self->root);
}

void loop_step(struct loop *self, int ms)
{
	su_root_step(self->root, ms);
}

static void do_break(void *arg)
{
	su_root_break(((struct loop *)arg)->root);
}

void loop_stop(struct loop *self)
{
	if (loop_here(self))
		do_break(self);
	else
		loop_call(self, do_break, self);
}

void *loop_root(struct loop *self)
{
	return self->root;
}

bool loop_here(const struct loop *self)
{
	return pthread_equal(self->thread, pthread_self());
}

void loop_post(struct loop *self, struct msg *msg)
{
	mailbox_put(self->mailbox, msg);
}

struct plain_call {
	struct msg msg;
	void (*fn)(void *arg);
	void *arg;
};

static void plain_discard(struct msg *m)
{
	free(m);
}

static void plain_deliver(struct msg *m, void *owner)
{
	struct plain_call c = *(struct plain_call *)(void *)m;

	(void)owner;
	free(m);
	c.fn(c.arg);
}

int loop_call(struct loop *self, void (*fn)(void *arg), void *arg)
{
	struct plain_call *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->msg.deliver = plain_deliver;
	c->msg.discard = plain_discard;
	c->fn = fn;
	c->arg = arg;
	loop_post(self, &c->msg);
	return 0;
}

/* ---- timers ------------------------------------------------------------------- */

static void on_timer(su_root_magic_t *magic, su_timer_t *su, su_timer_arg_t *arg)
{
	struct timer *t = (struct timer *)arg;

	(void)magic;
	(void)su;
	t->fn(t->arg);
}

int timer_new(struct timer **out, struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct timer *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->su = su_timer_create(su_root_task(loop->root), 0);
	if (!t->su) {
		free(t);
		return -ENOMEM;
	}
	t->fn = fn;
	t->arg = arg;
	*out = t;
	return 0;
}

void timer_set(struct timer *self, int64_t delay_us)
{
	/* Rounded up: a timer never fires early. */
	int64_t ms = delay_us <= 0 ? 0 : (delay_us + 999) / 1000;

	su_timer_set_interval(self->su, on_timer, (su_timer_arg_t *)self,
			      ms > INT32_MAX ? INT32_MAX : (su_duration_t)ms);
}

void timer_cancel(struct timer *self)
{
	su_timer_reset(self->su);
}

struct timer *timer_free(struct timer *self)
{
	if (self) {
		su_timer_destroy(self->su);
		free(self);
	}
	return NULL;
}

/* ---- descriptors ---------------------------------------------------------------- */

static int su_events(unsigned events)
{
	return (events & LOOP_READ ? SU_WAIT_IN : 0) | (events & LOOP_WRITE ? SU_WAIT_OUT : 0);
}

static int on_fd(su_root_magic_t *magic, su_wait_t *w, su_wakeup_arg_t *arg)
{
	struct loop_fd *f = (struct loop_fd *)arg;
	int su = su_wait_events(w, f->fd);
	unsigned events = 0;

	(void)magic;
	if (su & SU_WAIT_IN)
		events |= LOOP_READ;
	if (su & SU_WAIT_OUT)
		events |= LOOP_WRITE;
	if (su & (SU_WAIT_ERR | SU_WAIT_HUP))
		events |= LOOP_HANGUP;
	f->fn(f->arg, events);
	return 0;
}

int loop_fd_new(struct loop_fd **out, struct loop *loop, int fd, unsigned events,
		void (*fn)(void *arg, unsigned events), void *arg)
{
	struct loop_fd *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->loop = loop;
	f->fd = fd;
	f->fn = fn;
	f->arg = arg;
	if (su_wait_create(&f->wait, fd, su_events(events)) < 0) {
		free(f);
		return -EIO;
	}
	f->index = su_root_register(loop->root, &f->wait, on_fd, (su_wakeup_arg_t *)f, 0);
	if (f->index < 0) {
		su_wait_destroy(&f->wait);
		free(f);
		return -EIO;
	}
	*out = f;
	return 0;
}

void loop_fd_events(struct loop_fd *self, unsigned events)
{
	su_root_eventmask(self->loop->root, self->index, self->fd, su_events(events));
}

struct loop_fd *loop_fd_free(struct loop_fd *self)
{
	if (self) {
		su_root_deregister(self->loop->root, self->index);
		free(self);
	}
	return NULL;
}
