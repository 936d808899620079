/* SPDX-License-Identifier: GPL-3.0-or-later
 * Counted references: a small header stands before each object. */
#include "base/ref.h"

#include <assert.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

struct ref_head {
	_Alignas(max_align_t) atomic_uint count;
	void (*fini)(void *self);
};

static atomic_long live;

static struct ref_head *head_of(const void *self)
{
	return (struct ref_head *)(void *)((char *)(uintptr_t)self - sizeof(struct ref_head));
}

void *ref_new(size_t size, void (*fini)(void *self))
{
	struct ref_head *h;

	if (size > SIZE_MAX - sizeof(*h))
		return NULL;
	h = calloc(1, sizeof(*h) + size);
	if (!h)
		return NULL;
	atomic_init(&h->count, 1);
	h->fini = fini;
	atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
	return h + 1;
}

void *ref_hold(void *self)
{
	if (self) {
		unsigned before = atomic_fetch_add_explicit(&head_of(self)->count, 1,
							    memory_order_relaxed);
		assert(before > 0);
		(void)before;
	}
	return self;
}

void *ref_drop(void *self)
{
	struct ref_head *h;
	unsigned before;

	if (!self)
		return NULL;
	h = head_of(self);
	before = atomic_fetch_sub_explicit(&h->count, 1, memory_order_acq_rel);
	assert(before > 0);
	if (before == 1) {
		if (h->fini)
			h->fini(self);
		free(h);
		atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
	}
	return NULL;
}

unsigned ref_count(const void *self)
{
	return atomic_load_explicit(&head_of(self)->count, memory_order_relaxed);
}

long ref_live(void)
{
	return atomic_load_explicit(&live, memory_order_relaxed);
}
