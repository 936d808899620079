/* SPDX-License-Identifier: GPL-3.0-or-later
 * Free lists of large blocks by size. */
#include "base/bufpool.h"

#include <stdlib.h>

/* Locked. */
static struct bufpool_list *list_of(struct bufpool *self, size_t size)
{
	struct bufpool_list *spare = NULL;

	for (size_t i = 0; i < BUFPOOL_SIZES; i++) {
		struct bufpool_list *l = &self->list[i];

		if (l->size == size)
			return l;
		if (!l->head && (!spare || l->used < spare->used))
			spare = l;
	}
	if (spare)
		spare->size = size;
	return spare;
}

/* Locked. */
static void *pop(struct bufpool *self, struct bufpool_list *l)
{
	void *block = l->head;

	l->head = *(void **)block;
	self->free_bytes -= l->size;
	self->free_blocks--;
	return block;
}

/* Locked. The list not asked for the longest that has something to give. */
static struct bufpool_list *oldest(struct bufpool *self)
{
	struct bufpool_list *old = NULL;

	for (size_t i = 0; i < BUFPOOL_SIZES; i++) {
		struct bufpool_list *l = &self->list[i];

		if (l->head && (!old || l->used < old->used))
			old = l;
	}
	return old;
}

void *bufpool_get(struct bufpool *self, size_t size)
{
	struct bufpool_list *l;
	void *block = NULL;

	pthread_mutex_lock(&self->lock);
	l = list_of(self, size);
	if (l) {
		l->used = ++self->tick;
		if (l->head)
			block = pop(self, l);
	}
	if (!block)
		self->allocated++;
	pthread_mutex_unlock(&self->lock);
	if (!block)
		block = aligned_alloc(64, (size + 63) & ~(size_t)63);
	return block;
}

void bufpool_put(struct bufpool *self, void *block, size_t size)
{
	struct bufpool_list *l, *old;
	void *doomed = NULL;

	if (!block)
		return;
	pthread_mutex_lock(&self->lock);
	l = size <= self->limit ? list_of(self, size) : NULL;
	if (!l) {
		pthread_mutex_unlock(&self->lock);
		free(block);
		return;
	}
	*(void **)block = l->head;
	l->head = block;
	self->free_bytes += size;
	self->free_blocks++;
	while (self->free_bytes > self->limit && (old = oldest(self))) {
		void *b = pop(self, old);

		*(void **)b = doomed;
		doomed = b;
	}
	pthread_mutex_unlock(&self->lock);
	while (doomed) {
		void *next = *(void **)doomed;

		free(doomed);
		doomed = next;
	}
}

void bufpool_trim(struct bufpool *self)
{
	struct bufpool_list *old;

	pthread_mutex_lock(&self->lock);
	while ((old = oldest(self)))
		free(pop(self, old));
	pthread_mutex_unlock(&self->lock);
}
