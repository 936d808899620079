/* SPDX-License-Identifier: GPL-3.0-or-later
 * Latest-object slot. The lock covers a pointer swap and a count, no more. */
#include "base/slot.h"

#include "base/ref.h"

void slot_init(struct slot *self)
{
	pthread_mutex_init(&self->lock, NULL);
	self->latest = NULL;
	self->serial = 0;
}

void slot_fini(struct slot *self)
{
	self->latest = ref_drop(self->latest);
	pthread_mutex_destroy(&self->lock);
}

void slot_put(struct slot *self, void *obj)
{
	void *old;

	pthread_mutex_lock(&self->lock);
	old = self->latest;
	self->latest = obj;
	self->serial++;
	pthread_mutex_unlock(&self->lock);
	ref_drop(old);
}

void *slot_get(struct slot *self, uint64_t *serial)
{
	void *obj;

	pthread_mutex_lock(&self->lock);
	obj = ref_hold(self->latest);
	if (serial)
		*serial = self->serial;
	pthread_mutex_unlock(&self->lock);
	return obj;
}
