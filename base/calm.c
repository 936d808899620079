/* SPDX-License-Identifier: GPL-3.0-or-later
 * Memory given back at a calm moment. */
#include "base/calm.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

struct calm {
	struct timer *timer;
	int64_t quiet_us;
	void (*release)(void);
	unsigned now, most;     /* most: since the last time */
	unsigned count;
	bool waiting;           /* the timer is set */
	bool started;           /* there is a thread to be joined */
	pthread_t thread;
};

/* The allocator's locks are held for a few milliseconds each. */
static void *give_back(void *arg)
{
	const struct calm *self = arg;
	int64_t begun = clock_us();

	if (self->release)
		self->release();
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	log_info("event=memory_given_back us=%lld", (long long)(clock_us() - begun));
	return NULL;
}

static bool is_calm(const struct calm *self)
{
	return self->most && self->now <= self->most / 4;
}

static void join(struct calm *self)
{
	if (self->started)
		pthread_join(self->thread, NULL);
	self->started = false;
}

static void on_timer(void *arg)
{
	struct calm *self = arg;

	self->waiting = false;
	if (!is_calm(self))
		return;
	join(self);
	self->started = !pthread_create(&self->thread, NULL, give_back, self);
	if (!self->started) {
		log_warning("event=memory_kept error=\"no thread\"");
		return;
	}
	self->most = self->now;
	self->count++;
}

int calm_new(struct calm **out, struct loop *loop, int64_t quiet_us, void (*release)(void))
{
	struct calm *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->quiet_us = quiet_us;
	self->release = release;
	err = timer_new(&self->timer, loop, on_timer, self);
	if (err) {
		free(self);
		return err;
	}
	*out = self;
	return 0;
}

struct calm *calm_free(struct calm *self)
{
	if (!self)
		return NULL;
	timer_free(self->timer);
	join(self);
	free(self);
	return NULL;
}

/* A crowd that comes back puts it off; who comes and goes meanwhile does not. */
void calm_crowd(struct calm *self, unsigned n)
{
	self->now = n;
	if (n > self->most)
		self->most = n;
	if (is_calm(self) && !self->waiting) {
		timer_set(self->timer, self->quiet_us);
		self->waiting = true;
	} else if (!is_calm(self) && self->waiting) {
		timer_cancel(self->timer);
		self->waiting = false;
	}
}

unsigned calm_count(const struct calm *self)
{
	return self->count;
}
