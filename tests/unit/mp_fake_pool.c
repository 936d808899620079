/* SPDX-License-Identifier: GPL-3.0-or-later
 * A pool on the test's own thread, for tests of the video engine. */
#include "tests/unit/mp_fake_pool.h"

#include "base/clock.h"
#include "base/list.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* ---- pool -------------------------------------------------------------------- */

struct actor {
	struct list link;
	struct mailbox *mailbox;
	void (*run)(void *arg, int64_t now);
	void (*fini)(void *arg);
	void *arg;
	int64_t due; /* INT64_MAX: idle */
	bool stopping;
};

static struct list actors = { &actors, &actors };

static void woken(void *arg)
{
	actor_schedule(arg, clock_us());
}

int actor_new(struct actor **out, struct pool *pool, size_t media_limit,
	      void (*run)(void *arg, int64_t now), void (*fini)(void *arg), void *arg)
{
	struct actor *a = calloc(1, sizeof(*a));

	(void)pool;
	assert(a);
	a->run = run;
	a->fini = fini;
	a->arg = arg;
	a->due = INT64_MAX;
	if (mailbox_new(&a->mailbox, media_limit, woken, a)) {
		free(a);
		return -ENOMEM;
	}
	list_add(&actors, &a->link);
	*out = a;
	return 0;
}

void actor_post(struct actor *self, struct msg *msg)
{
	assert(!self->stopping);
	mailbox_put(self->mailbox, msg);
}

void actor_schedule(struct actor *self, int64_t at)
{
	assert(!self->stopping);
	if (at < self->due)
		self->due = at;
}

void actor_stop(struct actor *self)
{
	assert(!self->stopping);
	self->due = clock_us();
	self->stopping = true;
}

uint64_t actor_dropped(const struct actor *self)
{
	return mailbox_dropped(self->mailbox);
}

static void actor_run(struct actor *a)
{
	a->due = INT64_MAX;
	if (!a->stopping) {
		mailbox_run(a->mailbox, a->arg);
		a->run(a->arg, clock_us());
		return;
	}
	mailbox_close(a->mailbox);
	a->fini(a->arg);
	mailbox_free(a->mailbox);
	list_del(&a->link);
	free(a);
}

void fake_run(int64_t until)
{
	for (;;) {
		struct actor *first = NULL;

		list_each(l, &actors) {
			struct actor *a = list_entry(l, struct actor, link);

			if (!first || a->due < first->due)
				first = a;
		}
		if (!first || first->due > until)
			break;
		if (first->due > clock_us())
			clock_fake(first->due);
		actor_run(first);
	}
	clock_fake(until);
}

unsigned fake_actors(void)
{
	return (unsigned)list_count(&actors);
}
