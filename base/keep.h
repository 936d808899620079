/* SPDX-License-Identifier: GPL-3.0-or-later
 * Results kept by key: who asks first makes the result, who asks for the same
 * meanwhile waits for it, later ones get it at once. Bounded; embedded in the
 * object whose results they are. Any thread. */
#ifndef BALAI_BASE_KEEP_H
#define BALAI_BASE_KEEP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEEP_ITEMS = 12, KEEP_KEY = 12 };

struct keep_item {
	uint8_t key[KEEP_KEY];
	bool used;
	void *result; /* a reference; NULL while it is made */
};

struct keep {
	pthread_mutex_t lock;
	pthread_cond_t made;
	struct keep_item item[KEEP_ITEMS];
};

void keep_init(struct keep *self);
/* Drops the kept results. Nobody may ask any more. */
void keep_fini(struct keep *self);

/* A new reference to the counted object that `make(arg)` made for `key`; NULL
 * when make gave NULL (which is not kept). make runs on the asking thread,
 * outside the lock. When all places are taken the result is not kept.
 * `*made` tells whether this call ran make. */
void *keep_get(struct keep *self, const uint8_t key[static KEEP_KEY],
	       void *(*make)(void *arg), void *arg, bool *made);

#endif
