/* SPDX-License-Identifier: GPL-3.0-or-later
 * Worker pool. Actors that wait for their time or for a worker stand in one
 * binary heap ordered by due time; a worker takes the earliest that is due, or
 * sleeps until it is.
 *
 * An actor is IDLE (not in the heap), QUEUED (in it) or RUNNING (on a worker,
 * not in it). A post or schedule while RUNNING is remembered in `next_at` and
 * queues it again when the run ends. */
#include "base/pool.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum actor_state { ACTOR_IDLE, ACTOR_QUEUED, ACTOR_RUNNING };

#define NEVER INT64_MAX

struct actor {
	struct pool *pool;
	struct mailbox *mailbox;
	void (*run)(void *arg, int64_t now);
	void (*fini)(void *arg);
	void *arg;
	/* under pool->lock */
	enum actor_state state;
	int64_t due;        /* while QUEUED */
	int64_t next_at;    /* asked for while RUNNING, or NEVER */
	size_t index;       /* in the heap, while QUEUED */
	bool stopping;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t changed, quiet;
	struct actor **heap;
	size_t n, cap, actors;
	unsigned workers, started;
	pthread_t *thread;
	bool stop;
	struct pool_stats stats;
	char name[12];
};

/* ---- heap, lock held ------------------------------------------------------- */

static void heap_set(struct pool *p, size_t i, struct actor *a)
{
	p->heap[i] = a;
	a->index = i;
}

static void heap_up(struct pool *p, size_t i)
{
	struct actor *a = p->heap[i];

	while (i > 0 && p->heap[(i - 1) / 2]->due > a->due) {
		heap_set(p, i, p->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_set(p, i, a);
}

static void heap_down(struct pool *p, size_t i)
{
	struct actor *a = p->heap[i];

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= p->n)
			break;
		if (c + 1 < p->n && p->heap[c + 1]->due < p->heap[c]->due)
			c++;
		if (p->heap[c]->due >= a->due)
			break;
		heap_set(p, i, p->heap[c]);
		i = c;
	}
	heap_set(p, i, a);
}

/* The heap has room for every actor: actor_new grows it. */
static void heap_add(struct pool *p, struct actor *a)
{
	heap_set(p, p->n++, a);
	heap_up(p, p->n - 1);
}

static struct actor *heap_take(struct pool *p)
{
	struct actor *a = p->heap[0];

	p->n--;
	if (p->n) {
		heap_set(p, 0, p->heap[p->n]);
		heap_down(p, 0);
	}
	return a;
}

static void make_due(struct actor *a, int64_t at)
{
	struct pool *p = a->pool;

	switch (a->state) {
	case ACTOR_RUNNING:
		if (at < a->next_at)
			a->next_at = at;
		return;
	case ACTOR_QUEUED:
		if (at >= a->due)
			return;
		a->due = at;
		heap_up(p, a->index);
		break;
	case ACTOR_IDLE:
		a->due = at;
		a->state = ACTOR_QUEUED;
		heap_add(p, a);
		break;
	}
	/* Only a new earliest entry can concern a sleeping worker. */
	if (a->index == 0)
		pthread_cond_signal(&p->changed);
}

/* ---- workers ----------------------------------------------------------------- */

static void count_late(struct pool *p, int64_t late_us)
{
	static const int64_t edge[] = { 1000, 2000, 5000, 10000, 20000, 50000, 100000 };
	unsigned i = 0;

	while (i < 7 && late_us >= edge[i])
		i++;
	p->stats.late[i]++;
	p->stats.runs++;
}

/* Lock held at entry and exit. */
static void run_actor(struct pool *p, struct actor *a, int64_t now)
{
	bool stopping = a->stopping;
	int64_t spent;

	count_late(p, now - a->due);
	a->state = ACTOR_RUNNING;
	a->next_at = NEVER;
	/* What is due next may be taken by another worker meanwhile. */
	if (p->n)
		pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
	if (stopping) {
		mailbox_close(a->mailbox);
		if (a->fini)
			a->fini(a->arg);
		mailbox_free(a->mailbox);
	} else {
		mailbox_run(a->mailbox, a->arg);
		a->run(a->arg, now);
	}
	spent = clock_us() - now;
	pthread_mutex_lock(&p->lock);
	p->stats.busy_us += spent;
	if (stopping) {
		free(a);
		if (--p->actors == 0)
			pthread_cond_broadcast(&p->quiet);
		return;
	}
	a->state = ACTOR_IDLE;
	if (a->next_at != NEVER)
		make_due(a, a->next_at);
}

static void wait_until(struct pool *p, int64_t at)
{
	struct timespec ts = { at / 1000000, (at % 1000000) * 1000 };

	pthread_cond_timedwait(&p->changed, &p->lock, &ts);
}

static void *worker(void *arg)
{
	struct pool *p = arg;
	char name[16];

	pthread_mutex_lock(&p->lock);
	snprintf(name, sizeof(name), "%s-%u", p->name, p->started++ % 1000);
	pthread_setname_np(pthread_self(), name);
	while (!p->stop) {
		int64_t now;

		if (!p->n) {
			pthread_cond_wait(&p->changed, &p->lock);
			continue;
		}
		now = clock_us();
		if (p->heap[0]->due > now)
			wait_until(p, p->heap[0]->due);
		else
			run_actor(p, heap_take(p), now);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int pool_new(struct pool **out, const char *name, unsigned workers)
{
	struct pool *p = calloc(1, sizeof(*p));
	pthread_condattr_t attr;

	if (!p)
		return -ENOMEM;
	if (!workers) {
		long cores = sysconf(_SC_NPROCESSORS_ONLN);

		workers = cores > 0 ? (unsigned)cores : 1;
	}
	snprintf(p->name, sizeof(p->name), "%s", name);
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->changed, &attr);
	pthread_cond_init(&p->quiet, &attr);
	pthread_condattr_destroy(&attr);
	p->thread = calloc(workers, sizeof(*p->thread));
	if (!p->thread) {
		pool_free(p);
		return -ENOMEM;
	}
	for (; p->workers < workers; p->workers++) {
		int err = pthread_create(&p->thread[p->workers], NULL, worker, p);

		if (err) {
			pool_free(p);
			return -err;
		}
	}
	*out = p;
	return 0;
}

struct pool *pool_free(struct pool *p)
{
	if (!p)
		return NULL;
	pthread_mutex_lock(&p->lock);
	while (p->actors)
		pthread_cond_wait(&p->quiet, &p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->workers; i++)
		pthread_join(p->thread[i], NULL);
	pthread_cond_destroy(&p->changed);
	pthread_cond_destroy(&p->quiet);
	pthread_mutex_destroy(&p->lock);
	free(p->heap);
	free(p->thread);
	free(p);
	return NULL;
}

void pool_stats(const struct pool *self, struct pool_stats *out)
{
	struct pool *p = (struct pool *)(uintptr_t)self;

	pthread_mutex_lock(&p->lock);
	*out = p->stats;
	pthread_mutex_unlock(&p->lock);
}

/* ---- actors ------------------------------------------------------------------- */

static int heap_reserve(struct pool *p)
{
	struct actor **heap;
	size_t cap;

	if (p->actors < p->cap)
		return 0;
	cap = p->cap ? p->cap * 2 : 64;
	heap = realloc(p->heap, cap * sizeof(struct actor *));
	if (!heap)
		return -ENOMEM;
	p->heap = heap;
	p->cap = cap;
	return 0;
}

static void woken(void *arg)
{
	actor_schedule(arg, clock_us());
}

int actor_new(struct actor **out, struct pool *pool, size_t media_limit,
	      void (*run)(void *arg, int64_t now), void (*fini)(void *arg), void *arg)
{
	struct actor *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->pool = pool;
	a->run = run;
	a->fini = fini;
	a->arg = arg;
	a->next_at = NEVER;
	err = mailbox_new(&a->mailbox, media_limit, woken, a);
	if (err)
		goto out;
	pthread_mutex_lock(&pool->lock);
	err = heap_reserve(pool);
	if (!err)
		pool->actors++;
	pthread_mutex_unlock(&pool->lock);
	if (err)
		goto out;
	*out = a;
	return 0;
out:
	mailbox_free(a->mailbox);
	free(a);
	return err;
}

void actor_post(struct actor *self, struct msg *msg)
{
	mailbox_put(self->mailbox, msg);
}

void actor_schedule(struct actor *self, int64_t at)
{
	struct pool *p = self->pool;

	pthread_mutex_lock(&p->lock);
	make_due(self, at);
	pthread_mutex_unlock(&p->lock);
}

void actor_stop(struct actor *self)
{
	struct pool *p = self->pool;

	pthread_mutex_lock(&p->lock);
	assert(!self->stopping);
	self->stopping = true;
	make_due(self, clock_us());
	pthread_mutex_unlock(&p->lock);
}

uint64_t actor_dropped(const struct actor *self)
{
	return mailbox_dropped(self->mailbox);
}
