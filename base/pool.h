/* SPDX-License-Identifier: GPL-3.0-or-later
 * A pool of workers that runs actors, earliest deadline first.
 *
 * An actor is state with a mailbox. It runs on at most one worker at a time,
 * so its run function needs no lock. */
#ifndef BALAI_BASE_POOL_H
#define BALAI_BASE_POOL_H

#include "base/mailbox.h"

#include <stdint.h>

struct pool;
struct actor;

struct pool_stats {
	uint64_t runs;        /* times an actor was run */
	uint64_t late[8];     /* how late it began: <1, <2, <5, <10, <20, <50, <100, more ms */
	int64_t busy_us;      /* time spent inside run functions, all workers */
};

/* `workers` threads (0: one per core), named `name`-N. */
int pool_new(struct pool **out, const char *name, unsigned workers);

/* Stops when every actor has been dropped; joins the workers. Control thread. */
struct pool *pool_free(struct pool *self);
void pool_stats(const struct pool *self, struct pool_stats *out);

/* A new actor. `run(arg, now)` is called on a worker after messages were put
 * or the actor was scheduled; messages are delivered with owner = arg just
 * before. `fini(arg)` is called on a worker as the actor's very last act. */
int actor_new(struct actor **out, struct pool *pool, size_t media_limit,
	      void (*run)(void *arg, int64_t now), void (*fini)(void *arg), void *arg);

/* Any thread. Takes the message and makes the actor ready, due at once. */
void actor_post(struct actor *self, struct msg *msg);

/* Any thread. Makes the actor ready at `at` (monotonic us); of several times
 * the earliest counts. The deadline orders it among the ready ones. */
void actor_schedule(struct actor *self, int64_t at);

/* Any thread, once. What waits is discarded, fini runs on a worker, then the
 * actor is freed. No further call on it is allowed. */
void actor_stop(struct actor *self);

uint64_t actor_dropped(const struct actor *self);

#endif
