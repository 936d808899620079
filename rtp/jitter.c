/* SPDX-License-Identifier: GPL-3.0-or-later
 * The audio jitter buffer: slots by extended sequence number, played along the
 * media time of jitter_clock. A packet is due at media time + base + target. */
#include "rtp/jitter.h"

#include "rtp/jitter_clock.h"

#include <errno.h>
#include <stdlib.h>

enum {
	MASK = JITTER_SLOTS - 1,
	RENUMBER = 100,          /* a sequence that jumps further begins anew */
	MARGIN_US = 10000,       /* above the lateness, for the consumer's tick */
	EARLY_US = 10000,        /* half a tick: due now rather than at the next one */
	CONCEAL_US = 100000,     /* a sender that stops is concealed so long */
	SILENCE_US = 120000,     /* a longer step between neighbours is silence */
	HOPELESS_US = 250000,    /* too far above the target to be squeezed away */
	NO_EXT = -1,
};

struct node {
	struct node *next;
	int64_t ext, media_us;
	bool quiet;              /* silence follows it */
	struct audio_packet packet;
};

struct jitter {
	int64_t min_us, max_us;
	bool started, playing;
	bool quiet;              /* what was played last announced silence */
	uint32_t ssrc;
	uint16_t ref_seq;        /* the newest packet: its number on the wire … */
	int64_t ref_ext;         /* … and here, where numbers go on over a new source */
	int64_t next;            /* extended number to be played next */
	int64_t position_us;     /* media time to be played next */
	int64_t debt_us;         /* concealed without moving on */
	struct node *slot[JITTER_SLOTS];
	int64_t skip[JITTER_SLOTS]; /* extended numbers that carry no audio */
	struct jitter_clock clock;
	struct transit transit;
	int64_t target_us;
	struct node *spare;
	struct jitter_stats stats;
};

/* ---- life ---------------------------------------------------------------- */

static void update_target(struct jitter *self)
{
	int64_t v = transit_late_us(&self->transit) + MARGIN_US;

	self->target_us = v < self->min_us ? self->min_us : v > self->max_us ? self->max_us : v;
}

int jitter_new(struct jitter **out, unsigned min_ms, unsigned max_ms)
{
	struct jitter *self = calloc(1, sizeof *self);

	if (!self)
		return -ENOMEM;
	if (!max_ms || max_ms > JITTER_MAX_MS)
		max_ms = JITTER_MAX_MS;
	if (!min_ms)
		min_ms = JITTER_MIN_MS;
	self->max_us = max_ms * 1000;
	self->min_us = (min_ms < max_ms ? min_ms : max_ms) * 1000;
	jitter_clock_init(&self->clock);
	transit_init(&self->transit);
	update_target(self);
	for (int i = 0; i < JITTER_SLOTS; i++)
		self->skip[i] = NO_EXT;
	*out = self;
	return 0;
}

static void give_back(struct jitter *self, struct node *node)
{
	node->next = self->spare;
	self->spare = node;
}

static struct node *take_slot(struct jitter *self, int64_t ext)
{
	struct node *node = self->slot[ext & MASK];

	if (!node || node->ext != ext)
		return NULL;
	self->slot[ext & MASK] = NULL;
	self->stats.packets--;
	return node;
}

static void drop_slot(struct jitter *self, int64_t ext)
{
	struct node *node = take_slot(self, ext);

	if (node)
		give_back(self, node);
}

/* The packet `ext` if it is here; it stays. */
static const struct node *peek(const struct jitter *self, int64_t ext)
{
	const struct node *node = self->slot[ext & MASK];

	return node && node->ext == ext ? node : NULL;
}

static bool is_skipped(const struct jitter *self, int64_t ext)
{
	return self->skip[ext & MASK] == ext;
}

void jitter_reset(struct jitter *self)
{
	for (int i = 0; i < JITTER_SLOTS; i++) {
		if (self->slot[i])
			drop_slot(self, self->slot[i]->ext);
		self->skip[i] = NO_EXT;
	}
	self->started = self->playing = self->quiet = false;
	self->debt_us = 0;
	self->clock.known = false;
}

struct jitter *jitter_free(struct jitter *self)
{
	struct node *node;

	if (!self)
		return NULL;
	jitter_reset(self);
	while ((node = self->spare)) {
		self->spare = node->next;
		free(node);
	}
	free(self);
	return NULL;
}

/* ---- in ------------------------------------------------------------------ */

/* Drops what is older than the ring can hold beside `ext`. */
static void make_room(struct jitter *self, int64_t ext)
{
	for (; self->next <= ext - JITTER_SLOTS; self->next++) {
		if (peek(self, self->next))
			self->stats.overflow++;
		drop_slot(self, self->next);
	}
}

/* The extended number. Another source, or a sequence that jumps, is numbered on
 * from the newest packet: what is here is played first. */
static int64_t extend(struct jitter *self, const struct rtp_packet *p, bool *renewed)
{
	int d = seq_diff(p->seq, self->ref_seq);
	int64_t ext;

	*renewed = false;
	if (!self->started) {
		self->started = true;
		self->ref_ext = self->next = JITTER_SLOTS;
		self->ref_seq = p->seq;
		self->ssrc = p->ssrc;
		return self->ref_ext;
	}
	if (p->ssrc != self->ssrc || d > RENUMBER || d < -RENUMBER) {
		*renewed = true;
		if (p->ssrc == self->ssrc && d > 0)
			self->stats.lost += (uint64_t)d - 1;
		self->ssrc = p->ssrc;
		d = 1;
	}
	ext = self->ref_ext + d;
	if (d > 0) {
		self->ref_ext = ext;
		self->ref_seq = p->seq;
		make_room(self, ext);
	}
	return ext;
}

static bool too_late(const struct jitter *self, int64_t ext)
{
	return ext < self->next || ext <= self->ref_ext - JITTER_SLOTS;
}

static int store(struct jitter *self, int64_t ext, int64_t media_us,
		 const struct rtp_packet *p, bool comfort, uint8_t level, int64_t now)
{
	struct node *node = self->spare;

	if (node)
		self->spare = node->next;
	else if (!(node = malloc(sizeof *node)))
		return -ENOMEM;
	node->ext = ext;
	node->media_us = media_us;
	/* Opus DTX and the SID of G.729 are two bytes or less. */
	node->quiet = comfort || p->payload_len <= 2;
	node->packet.pt = p->pt;
	node->packet.marker = p->marker;
	node->packet.seq = p->seq;
	node->packet.rtp_time = p->timestamp;
	node->packet.arrival_us = now;
	node->packet.level = level;
	node->packet.len = (uint16_t)p->payload_len;
	if (p->payload_len)
		memcpy(node->packet.data, p->payload, p->payload_len);
	self->slot[ext & MASK] = node;
	self->stats.packets++;
	return 0;
}

int jitter_put(struct jitter *self, const struct rtp_packet *packet, uint32_t clock_rate,
	       bool comfort, uint8_t level, int64_t now)
{
	int64_t ext, media_us;
	bool renewed;

	if (!clock_rate)
		return -EINVAL;
	if (packet->payload_len > sizeof ((struct audio_packet *)0)->data)
		return -EMSGSIZE;
	self->stats.put++;
	ext = extend(self, packet, &renewed);
	if (peek(self, ext) || is_skipped(self, ext)) {
		self->stats.duplicate++;
		return -EALREADY;
	}
	media_us = jitter_clock_media(&self->clock, self->transit.base_us, ext, packet->timestamp,
				      clock_rate, packet->marker, renewed, now);
	if (self->clock.ext == ext)
		self->clock.quiet = comfort || packet->payload_len <= 2;
	/* A late one counts too: it says how deep the buffer should be. */
	transit_note(&self->transit, now - media_us, now);
	update_target(self);
	if (too_late(self, ext)) {
		self->stats.late++;
		return -ETIME;
	}
	return store(self, ext, media_us, packet, comfort, level, now);
}

void jitter_skip(struct jitter *self, const struct rtp_packet *packet, int64_t now)
{
	bool renewed;
	int64_t ext;

	(void)now;
	if (!self->started || packet->ssrc != self->ssrc)
		return;
	ext = extend(self, packet, &renewed);
	if (!peek(self, ext) && !too_late(self, ext))
		self->skip[ext & MASK] = ext;
}

/* ---- out ----------------------------------------------------------------- */

static int64_t due_us(const struct jitter *self, int64_t media_us)
{
	return media_us + self->transit.base_us + self->target_us;
}

/* The first packet from `next` on, or NULL. */
static const struct node *first(const struct jitter *self)
{
	for (int64_t e = self->next; e <= self->ref_ext; e++)
		if (peek(self, e))
			return peek(self, e);
	return NULL;
}

/* Up to `ext`, what was not here is lost. */
static void move_to(struct jitter *self, int64_t ext)
{
	for (; self->next < ext; self->next++) {
		if (!peek(self, self->next) && !is_skipped(self, self->next))
			self->stats.lost++;
		drop_slot(self, self->next);
	}
}

/* What can never be squeezed away is jumped over. */
static void skip_hopeless(struct jitter *self, int64_t now)
{
	const struct node *node = first(self);

	if (!node || now - due_us(self, node->media_us) < HOPELESS_US)
		return;
	while (node && node->ext < self->ref_ext && now > due_us(self, node->media_us)) {
		move_to(self, node->ext + 1);
		self->stats.skipped++;
		node = first(self);
	}
	if (node)
		self->position_us = node->media_us;
}

static enum pull play(struct jitter *self, int64_t now, struct audio_packet *out, int *excess_ms)
{
	struct node *node = take_slot(self, self->next);

	*excess_ms = (int)((now - due_us(self, node->media_us)) / 1000);
	self->playing = true;
	self->next++;
	self->position_us = node->media_us + self->clock.ptime_us;
	self->debt_us = 0;
	self->quiet = node->quiet;
	/* The part of the array that is not used need not be copied. */
	memcpy(out, &node->packet, offsetof(struct audio_packet, data) + node->packet.len);
	give_back(self, node);
	return PULL_PACKET;
}

/* Filling, or silence: the first packet that is here, when it is due. */
static enum pull begin(struct jitter *self, int64_t now, struct audio_packet *out, int *excess_ms)
{
	const struct node *node = first(self);

	if (!node || now + EARLY_US < due_us(self, node->media_us))
		return PULL_WAIT;
	move_to(self, node->ext);
	return play(self, now, out, excess_ms);
}

static enum pull conceal(struct jitter *self, struct audio_packet *out)
{
	const struct node *after = peek(self, self->next);

	out->len = 0;
	if (after)
		memcpy(out, &after->packet,
		       offsetof(struct audio_packet, data) + after->packet.len);
	self->stats.concealed++;
	return PULL_LOST;
}

/* Conceals without moving on: the packet may still come. */
static enum pull conceal_waiting(struct jitter *self, struct audio_packet *out)
{
	if (!self->debt_us)
		self->stats.underrun++;
	self->debt_us += self->clock.ptime_us;
	out->len = 0;
	self->stats.concealed++;
	return PULL_LOST;
}

/* Nothing is here. */
static enum pull run_dry(struct jitter *self, struct audio_packet *out)
{
	if (!self->quiet && self->debt_us < CONCEAL_US)
		return conceal_waiting(self, out);
	self->playing = false;
	return PULL_WAIT;
}

/* The next one is missing, a later one is here. */
static enum pull missing(struct jitter *self, const struct node *later, int64_t now,
			 struct audio_packet *out, int *excess_ms)
{
	int64_t ptime = self->clock.ptime_us;

	/* Before it the sender was silent, or the hole is too long to conceal. */
	if (self->quiet || later->media_us - self->position_us > CONCEAL_US) {
		if (now + EARLY_US < due_us(self, later->media_us))
			return run_dry(self, out);
		move_to(self, later->ext);
		return play(self, now, out, excess_ms);
	}
	if (self->debt_us < CONCEAL_US && now + ptime <= due_us(self, self->position_us)) {
		*excess_ms = (int)((now - due_us(self, self->position_us)) / 1000);
		return conceal_waiting(self, out);
	}
	move_to(self, self->next + 1);
	self->position_us += ptime;
	if (self->debt_us >= ptime) {
		/* Its time was concealed already, when nothing was here. */
		self->debt_us -= ptime;
		return PULL_WAIT;
	}
	*excess_ms = (int)((now - due_us(self, self->position_us - ptime)) / 1000);
	return conceal(self, out);
}

/* In sequence, but is it time? */
static bool after_silence(const struct jitter *self, const struct node *node)
{
	int64_t gap = node->media_us - self->position_us;

	return gap > SILENCE_US || (gap > self->clock.ptime_us / 4 &&
				    (self->quiet || node->packet.marker));
}

enum pull jitter_pull(struct jitter *self, int64_t now, struct audio_packet *out,
		      int *excess_ms)
{
	int ignored;

	if (!excess_ms)
		excess_ms = &ignored;
	*excess_ms = 0;
	if (!self->started)
		return PULL_WAIT;
	skip_hopeless(self, now);
	if (!self->playing)
		return begin(self, now, out, excess_ms);
	for (;;) {
		const struct node *node;
		uint64_t lost = self->stats.lost;
		enum pull r;

		for (; is_skipped(self, self->next) && self->next <= self->ref_ext; self->next++)
			self->quiet = true; /* sound stops while a key is pressed */
		node = first(self);
		if (!node)
			return run_dry(self, out);
		if (node->ext == self->next) {
			if (after_silence(self, node) && now + EARLY_US < due_us(self, node->media_us))
				return PULL_WAIT;
			return play(self, now, out, excess_ms);
		}
		r = missing(self, node, now, out, excess_ms);
		/* One that was concealed before is stepped over: look again. */
		if (r != PULL_WAIT || !self->playing || self->stats.lost == lost)
			return r;
	}
}

void jitter_stats(const struct jitter *self, struct jitter_stats *out)
{
	int64_t depth = self->clock.media_us + self->clock.ptime_us - self->position_us;

	*out = self->stats;
	out->resync = self->clock.resyncs;
	out->target_ms = (uint32_t)(self->target_us / 1000);
	out->depth_ms = self->playing && depth > 0 ? (uint32_t)(depth / 1000) : 0;
	out->ptime_us = (uint32_t)self->clock.ptime_us;
}
