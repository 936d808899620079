/* SPDX-License-Identifier: GPL-3.0-or-later
 * Large blocks of memory, kept on free lists by size so that a steady state
 * neither allocates nor faults pages in. Bounded in bytes. Any thread. */
#ifndef BALAI_BASE_BUFPOOL_H
#define BALAI_BASE_BUFPOOL_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { BUFPOOL_SIZES = 32 };

struct bufpool_list {
	size_t size;
	void *head;
	uint64_t used; /* when last asked, for eviction */
};

struct bufpool {
	pthread_mutex_t lock;
	size_t limit; /* most bytes that lie free */
	size_t free_bytes, free_blocks;
	uint64_t tick, allocated; /* allocated: blocks taken from the system */
	struct bufpool_list list[BUFPOOL_SIZES];
};

#define BUFPOOL_INIT(bytes) { .lock = PTHREAD_MUTEX_INITIALIZER, .limit = (bytes) }

/* 64-byte aligned, content undefined, or NULL when out of memory. */
void *bufpool_get(struct bufpool *self, size_t size);
/* Gives a block of that size back. */
void bufpool_put(struct bufpool *self, void *block, size_t size);
/* Frees what lies free. */
void bufpool_trim(struct bufpool *self);

#endif
