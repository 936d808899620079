/* SPDX-License-Identifier: GPL-3.0-or-later
 * Results kept by key. */
#include "base/keep.h"

#include "base/ref.h"

#include <string.h>

void keep_init(struct keep *self)
{
	memset(self->item, 0, sizeof(self->item));
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->made, NULL);
}

void keep_fini(struct keep *self)
{
	for (size_t i = 0; i < KEEP_ITEMS; i++)
		ref_drop(self->item[i].result);
	pthread_cond_destroy(&self->made);
	pthread_mutex_destroy(&self->lock);
}

/* Locked. The item of the key, else a free one (used not set), else NULL. */
static struct keep_item *find(struct keep *self, const uint8_t *key)
{
	struct keep_item *spare = NULL;

	for (size_t i = 0; i < KEEP_ITEMS; i++) {
		struct keep_item *it = &self->item[i];

		if (!it->used)
			spare = spare ? spare : it;
		else if (memcmp(it->key, key, KEEP_KEY) == 0)
			return it;
	}
	return spare;
}

void *keep_get(struct keep *self, const uint8_t key[static KEEP_KEY],
	       void *(*make)(void *arg), void *arg, bool *made)
{
	struct keep_item *it;
	void *result;

	*made = false;
	pthread_mutex_lock(&self->lock);
	while ((it = find(self, key)) && it->used && !it->result)
		pthread_cond_wait(&self->made, &self->lock);
	if (it && it->used) {
		result = ref_hold(it->result);
		pthread_mutex_unlock(&self->lock);
		return result;
	}
	if (it) {
		memcpy(it->key, key, KEEP_KEY);
		it->used = true;
	}
	pthread_mutex_unlock(&self->lock);

	*made = true;
	result = make(arg);
	if (it) {
		pthread_mutex_lock(&self->lock);
		it->result = ref_hold(result);
		it->used = result != NULL;
		pthread_cond_broadcast(&self->made);
		pthread_mutex_unlock(&self->lock);
	}
	return result;
}
