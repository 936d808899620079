/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video packets into sequence. Slots are a ring by extended sequence number;
 * packet memory is taken when it is first needed, and kept. */
#include "rtp/reorder.h"

#include <errno.h>
#include <stdlib.h>

enum { MASK = REORDER_SLOTS - 1, MAX_ASKED = 5, SEEN_US = 5000, SEEN_PACKETS = 3, MIN_AGAIN_US = 20000 };

struct node {
	struct node *next;
	struct reorder_packet packet;
	uint8_t data[REORDER_MAX_PACKET];
};

struct slot_state {
	struct node *node;       /* NULL: missing (between next and highest) */
	uint8_t asked;
	int64_t since, asked_us; /* of a missing one */
};

struct reorder {
	bool started, lost;      /* lost: just before `next` */
	int64_t next, highest;   /* extended; next <= highest + 1 */
	int64_t wait_us;
	struct slot_state slot[REORDER_SLOTS];
	struct node *spare, *given;
	struct reorder_stats stats;
};

static struct slot_state *slot_of(struct reorder *self, int64_t ext)
{
	return &self->slot[ext & MASK];
}

int reorder_new(struct reorder **out)
{
	struct reorder *self = calloc(1, sizeof *self);

	if (!self)
		return -ENOMEM;
	self->wait_us = 30000;
	*out = self;
	return 0;
}

static void give_back(struct reorder *self, struct node *node)
{
	if (node) {
		node->next = self->spare;
		self->spare = node;
	}
}

/* Empties a slot; its packet is given back. */
static void clear_slot(struct reorder *self, int64_t ext)
{
	struct slot_state *s = slot_of(self, ext);

	if (s->node)
		self->stats.waiting--;
	give_back(self, s->node);
	*s = (struct slot_state){ 0 };
}

void reorder_reset(struct reorder *self)
{
	for (int i = 0; i < REORDER_SLOTS; i++)
		clear_slot(self, i);
	give_back(self, self->given);
	self->given = NULL;
	self->started = self->lost = false;
}

struct reorder *reorder_free(struct reorder *self)
{
	struct node *node;

	if (!self)
		return NULL;
	reorder_reset(self);
	while ((node = self->spare)) {
		self->spare = node->next;
		free(node);
	}
	free(self);
	return NULL;
}

void reorder_set_wait(struct reorder *self, int64_t wait_us)
{
	self->wait_us = wait_us;
}

static int store(struct reorder *self, struct slot_state *s, const struct rtp_packet *p,
		 uint8_t tag, int64_t now)
{
	struct node *node = self->spare;

	if (p->payload_len > REORDER_MAX_PACKET)
		return -EMSGSIZE;
	if (node)
		self->spare = node->next;
	else if (!(node = malloc(sizeof *node)))
		return -ENOMEM;
	if (p->payload_len)
		memcpy(node->data, p->payload, p->payload_len);
	node->packet = (struct reorder_packet){
		.seq = p->seq, .pt = p->pt, .marker = p->marker, .tag = tag,
		.timestamp = p->timestamp,
		.arrival_us = now, .data = node->data, .len = p->payload_len,
	};
	s->node = node;
	self->stats.waiting++;
	return 0;
}

/* The ring is too small for this one: what is oldest goes. */
static void make_room(struct reorder *self, int64_t ext)
{
	int64_t to = ext - REORDER_SLOTS + 1;

	if (to <= self->next)
		return;
	self->stats.overflow += (uint64_t)(to - self->next);
	for (int64_t e = self->next; e < to && e <= self->highest; e++)
		clear_slot(self, e);
	self->next = to;
	self->lost = true;
	if (self->highest < to - 1)
		self->highest = to - 1;
}

int reorder_put(struct reorder *self, const struct rtp_packet *packet, uint8_t tag, int64_t now,
		bool *lost)
{
	struct slot_state *s;
	int64_t ext;

	give_back(self, self->given);
	self->given = NULL;
	if (!self->started) {
		self->started = true;
		self->next = packet->seq + 0x10000ll;
		self->highest = self->next - 1;
	}
	ext = seq_extend(self->highest, packet->seq);
	if (ext < self->next) {
		self->stats.late++;
		return 0;
	}
	make_room(self, ext);
	for (int64_t e = self->highest + 1; e <= ext; e++)
		*slot_of(self, e) = (struct slot_state){ .since = now };
	if (ext > self->highest)
		self->highest = ext;
	s = slot_of(self, ext);
	if (s->node) {
		self->stats.duplicate++;
		return 0;
	}
	if (s->asked_us)
		self->stats.recovered++;
	if (ext != self->next)
		return store(self, s, packet, tag, now);
	*s = (struct slot_state){ 0 };
	self->next++;
	*lost = self->lost;
	self->lost = false;
	return 1;
}

bool reorder_get(struct reorder *self, int64_t now, struct reorder_packet *out)
{
	give_back(self, self->given);
	self->given = NULL;
	while (self->started && self->next <= self->highest) {
		struct slot_state *s = slot_of(self, self->next);

		if (s->node) {
			*out = s->node->packet;
			out->lost = self->lost;
			self->given = s->node;
			*s = (struct slot_state){ 0 };
			self->lost = false;
			self->next++;
			self->stats.waiting--;
			return true;
		}
		if (now - s->since < self->wait_us)
			return false;
		*s = (struct slot_state){ 0 };
		self->stats.lost++;
		self->lost = true;
		self->next++;
	}
	return false;
}

int64_t reorder_due(const struct reorder *self)
{
	const struct slot_state *s = &self->slot[self->next & MASK];

	if (!self->started || self->next > self->highest)
		return INT64_MAX;
	return s->node ? 0 : s->since + self->wait_us;
}

/* When to ask for the missing `ext`; INT64_MAX: never (again). */
static int64_t ask_at(const struct reorder *self, int64_t ext, int64_t rtt_us)
{
	const struct slot_state *s = &self->slot[ext & MASK];
	int64_t at;

	if (s->node || s->asked >= MAX_ASKED)
		return INT64_MAX;
	if (s->asked)
		at = s->asked_us + (rtt_us > MIN_AGAIN_US ? rtt_us : MIN_AGAIN_US);
	else if (self->highest - ext >= SEEN_PACKETS)
		at = s->since;
	else
		at = s->since + SEEN_US;
	return at + rtt_us > s->since + self->wait_us ? INT64_MAX : at;
}

size_t reorder_nacks(struct reorder *self, int64_t now, int64_t rtt_us, uint16_t *seq, size_t cap)
{
	size_t n = 0;

	for (int64_t e = self->next; self->started && e <= self->highest && n < cap; e++) {
		struct slot_state *s = slot_of(self, e);

		if (ask_at(self, e, rtt_us) > now)
			continue;
		if (now + rtt_us > s->since + self->wait_us) {
			s->asked = MAX_ASKED; /* its time passed unused */
			continue;
		}
		s->asked++;
		s->asked_us = now;
		seq[n++] = (uint16_t)e;
	}
	return n;
}

int64_t reorder_nack_due(const struct reorder *self, int64_t rtt_us)
{
	int64_t due = INT64_MAX;

	for (int64_t e = self->next; self->started && e <= self->highest; e++) {
		int64_t at = ask_at(self, e, rtt_us);

		if (at < due)
			due = at;
	}
	return due;
}

void reorder_stats(const struct reorder *self, struct reorder_stats *out)
{
	*out = self->stats;
}
