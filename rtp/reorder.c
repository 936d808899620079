/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video packets into sequence. A slot either holds a packet or remembers what
 * was done about a missing one. */
#include "rtp/reorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ASKS = 5 };
#define FIRST_ASK_US 5000
#define LEAST_RETRY_US 20000

struct slot {
	int64_t ext;
	bool used;                /* of this number, packet or hole */
	bool here;
	bool marker;
	uint8_t pt, asks;
	uint16_t len;
	uint32_t timestamp;
	int64_t at;               /* arrival; of a hole, when it was seen */
	int64_t asked_us;
	uint8_t *data;            /* REORDER_MAX_PACKET bytes, kept once taken */
};

struct reorder {
	struct slot slot[REORDER_SLOTS];
	bool any, lost;           /* lost: before the next packet given out */
	int64_t next, last;       /* to give out next; newest seen */
	int64_t wait_us;
	struct reorder_stats stats;
};

int reorder_new(struct reorder **out)
{
	struct reorder *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	self->wait_us = 20000;
	*out = self;
	return 0;
}

struct reorder *reorder_free(struct reorder *self)
{
	if (self) {
		for (unsigned i = 0; i < REORDER_SLOTS; i++)
			free(self->slot[i].data);
		free(self);
	}
	return NULL;
}

static struct slot *slot_of(struct reorder *self, int64_t ext)
{
	return &self->slot[(uint64_t)ext % REORDER_SLOTS];
}

static struct slot *find(struct reorder *self, int64_t ext)
{
	struct slot *s = slot_of(self, ext);

	return s->used && s->ext == ext ? s : NULL;
}

static void take(struct reorder *self, struct slot *s)
{
	if (s->here)
		self->stats.waiting--;
	s->used = s->here = false;
}

void reorder_reset(struct reorder *self)
{
	for (unsigned i = 0; i < REORDER_SLOTS; i++)
		take(self, &self->slot[i]);
	self->any = self->lost = false;
}

void reorder_set_wait(struct reorder *self, int64_t wait_us)
{
	self->wait_us = wait_us;
}

/* Steps over the number `next`, which is missing or too old to be kept. */
static void give_up(struct reorder *self)
{
	struct slot *s = find(self, self->next);

	if (s && s->here)
		self->stats.overflow++;
	else
		self->stats.lost++;
	if (s)
		take(self, s);
	self->lost = true;
	self->next++;
}

/* Marks what is missing between the newest packet and this one. */
static void note_holes(struct reorder *self, int64_t ext, int64_t now)
{
	/* Room first: the window ends at ext. */
	while (self->next <= ext - REORDER_SLOTS)
		give_up(self);
	for (int64_t e = self->last + 1 > self->next ? self->last + 1 : self->next; e < ext; e++) {
		struct slot *s = slot_of(self, e);

		s->ext = e;
		s->used = true;
		s->here = false;
		s->asks = 0;
		s->at = now;
		s->asked_us = now - 1000000;
	}
}

int reorder_put(struct reorder *self, const struct rtp_packet *packet, int64_t now, bool *lost)
{
	struct slot *s;
	int64_t ext;

	*lost = false;
	if (packet->payload_len > REORDER_MAX_PACKET)
		return -EMSGSIZE;
	if (!self->any) {
		self->any = true;
		self->next = (int64_t)packet->seq + 65536;
		self->last = self->next - 1;
	}
	ext = seq_extend(self->last, packet->seq);
	if (ext < self->next) {
		self->stats.late++;
		return 0;
	}
	s = find(self, ext);
	if (s && s->here) {
		self->stats.duplicate++;
		return 0;
	}
	if (ext > self->last) {
		note_holes(self, ext, now);
		self->last = ext;
	} else {
		self->stats.recovered++;
	}
	if (ext == self->next) {
		if (s)
			take(self, s);
		*lost = self->lost;
		self->lost = false;
		self->next++;
		return 1;
	}
	s = slot_of(self, ext);
	if (!s->data) {
		s->data = malloc(REORDER_MAX_PACKET);
		if (!s->data)
			return -ENOMEM;
	}
	s->ext = ext;
	s->used = s->here = true;
	s->marker = packet->marker;
	s->pt = packet->pt;
	s->timestamp = packet->timestamp;
	s->at = now;
	s->len = (uint16_t)packet->payload_len;
	memcpy(s->data, packet->payload, packet->payload_len);
	self->stats.waiting++;
	return 0;
}

bool reorder_get(struct reorder *self, int64_t now, struct reorder_packet *out)
{
	struct slot *s;

	while (self->any && self->next <= self->last) {
		s = find(self, self->next);
		if (s && s->here) {
			*out = (struct reorder_packet){
				.seq = (uint16_t)s->ext, .pt = s->pt, .marker = s->marker,
				.lost = self->lost, .timestamp = s->timestamp,
				.arrival_us = s->at, .data = s->data, .len = s->len };
			self->lost = false;
			take(self, s);
			self->next++;
			return true;
		}
		if (s && now - s->at < self->wait_us)
			return false;
		give_up(self);
	}
	return false;
}

int64_t reorder_due(const struct reorder *self)
{
	struct reorder *me = (struct reorder *)(uintptr_t)self;
	struct slot *s;

	if (!self->any || self->next > self->last)
		return INT64_MAX;
	s = find(me, self->next);
	if (!s || s->here)
		return INT64_MIN;
	return s->at + self->wait_us;
}

static int64_t retry_us(int64_t rtt_us)
{
	return rtt_us > LEAST_RETRY_US ? rtt_us : LEAST_RETRY_US;
}

/* When a hole is to be asked for next. */
static int64_t ask_due(const struct reorder *self, const struct slot *s, int64_t rtt_us)
{
	if (s->asks >= MAX_ASKS)
		return INT64_MAX;
	if (!s->asks)
		return s->at + FIRST_ASK_US;
	if (s->asked_us + retry_us(rtt_us) + rtt_us > s->at + self->wait_us)
		return INT64_MAX;
	return s->asked_us + retry_us(rtt_us);
}

size_t reorder_nacks(struct reorder *self, int64_t now, int64_t rtt_us, uint16_t *seq, size_t cap)
{
	size_t n = 0;

	for (int64_t e = self->next; self->any && e < self->last && n < cap; e++) {
		struct slot *s = find(self, e);

		if (!s || s->here || now < ask_due(self, s, rtt_us))
			continue;
		s->asks++;
		s->asked_us = now;
		seq[n++] = (uint16_t)e;
	}
	return n;
}

int64_t reorder_nack_due(const struct reorder *self, int64_t rtt_us)
{
	struct reorder *me = (struct reorder *)(uintptr_t)self;
	int64_t due = INT64_MAX;

	for (int64_t e = self->next; self->any && e < self->last; e++) {
		struct slot *s = find(me, e);

		if (s && !s->here) {
			int64_t at = ask_due(self, s, rtt_us);

			due = at < due ? at : due;
		}
	}
	return due;
}

void reorder_stats(const struct reorder *self, struct reorder_stats *out)
{
	*out = self->stats;
}
