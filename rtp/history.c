/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sent packets in a byte ring; entries by sequence number. */
#include "rtp/history.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	bool used;
	uint16_t seq;
	uint16_t len;
	uint64_t at;       /* position in the endless byte stream */
	int64_t first_us, last_us;
};

struct history {
	size_t n, bytes;
	uint64_t head;     /* where the next packet begins */
	struct entry *entry;
	uint8_t *data;
};

int history_new(struct history **out, size_t packets, size_t bytes)
{
	struct history *h;
	size_t n = 16;

	if (packets < 16 || packets > 4096 || bytes < 16384 || bytes > 4u << 20)
		return -EINVAL;
	while (n < packets)
		n *= 2;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->n = n;
	h->bytes = bytes;
	h->entry = calloc(n, sizeof(*h->entry));
	h->data = malloc(bytes);
	if (!h->entry || !h->data) {
		history_free(h);
		return -ENOMEM;
	}
	*out = h;
	return 0;
}

struct history *history_free(struct history *self)
{
	if (self) {
		free(self->entry);
		free(self->data);
		free(self);
	}
	return NULL;
}

int history_put(struct history *self, uint16_t seq, const uint8_t *data, size_t len, int64_t now)
{
	struct entry *e = &self->entry[seq & (self->n - 1)];
	size_t at = (size_t)(self->head % self->bytes);

	if (len > self->bytes / 8 || len > UINT16_MAX)
		return -EMSGSIZE;
	/* A packet stands in one piece: the rest of the ring's end is left. */
	if (at + len > self->bytes) {
		self->head += self->bytes - at;
		at = 0;
	}
	memcpy(self->data + at, data, len);
	*e = (struct entry){ true, seq, (uint16_t)len, self->head, now, now };
	self->head += len;
	return 0;
}

const uint8_t *history_get(struct history *self, uint16_t seq, int64_t now, int64_t max_age_us,
			   int64_t gap_us, size_t *len)
{
	struct entry *e = &self->entry[seq & (self->n - 1)];

	if (!e->used || e->seq != seq || self->head - e->at > self->bytes)
		return NULL;
	if (now - e->first_us > max_age_us || (e->last_us != e->first_us && now - e->last_us < gap_us))
		return NULL;
	/* The first repetition may follow at once; last_us tells the two apart. */
	e->last_us = now > e->first_us ? now : e->first_us + 1;
	*len = e->len;
	return self->data + e->at % self->bytes;
}

void history_clear(struct history *self)
{
	memset(self->entry, 0, self->n * sizeof(*self->entry));
}
