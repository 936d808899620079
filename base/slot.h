/* SPDX-License-Identifier: GPL-3.0-or-later
 * The latest of a stream of immutable counted objects: one writer replaces it,
 * any number of readers take a reference. Nobody waits for anybody's work. */
#ifndef BALAI_BASE_SLOT_H
#define BALAI_BASE_SLOT_H

#include <pthread.h>
#include <stdint.h>

struct slot {
	pthread_mutex_t lock;
	void *latest;
	uint64_t serial;
};

void slot_init(struct slot *self);
void slot_fini(struct slot *self);

/* Takes over the caller's reference to `obj` (NULL empties the slot). */
void slot_put(struct slot *self, void *obj);

/* A new reference to the latest object, or NULL. `serial` (may be NULL)
 * receives a number that grows with every put. */
void *slot_get(struct slot *self, uint64_t *serial);

#endif
