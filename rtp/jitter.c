/* SPDX-License-Identifier: GPL-3.0-or-later
 * The audio jitter buffer.
 *
 * Times: a packet's media time says where its sound stands on one smooth axis;
 * transit = arrival - media time; base = the least transit lately; a packet is
 * due at media time + base + target. Sequence numbers are extended to 64 bits
 * and go on over a change of source, so that slots are found by number. */
#include "rtp/jitter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUCKET_MS = 5, BUCKETS = JITTER_MAX_MS / BUCKET_MS + 1,
	GROW = 8,                /* payload buffers taken at a time */
	MAX_PAYLOAD = 1500,
	PERCENTILE = 97,
};
#define WINDOW_US 4000000        /* of the least transit, two of them */
#define RESYNC_US 2000000        /* a transit so far off is another clock */
#define CONCEAL_US 100000        /* a sender that stops is concealed so long */
#define HOPELESS_US 300000       /* so far behind the target is jumped over */

enum slot_kind { SLOT_EMPTY, SLOT_AUDIO, SLOT_SKIP };

struct slot {
	enum slot_kind kind;
	int64_t ext;             /* extended sequence number */
	int64_t media_us, arrival_us;
	uint32_t rtp_time;
	uint16_t seq, len;
	uint8_t pt;
	bool marker, comfort;
	uint8_t *data;           /* from the free list while kind is SLOT_AUDIO */
};

struct block {
	struct block *next;
	uint8_t data[GROW][MAX_PAYLOAD];
};

struct jitter {
	unsigned min_ms, max_ms;
	struct slot slot[JITTER_SLOTS];
	uint8_t *free_data[JITTER_SLOTS];
	unsigned n_free, n_data;
	struct block *blocks;
	/* the axis */
	bool any;
	uint32_t ssrc, clock_rate, anchor_rtp;
	int64_t anchor_media;
	int64_t last_ext;        /* newest number seen */
	int64_t newest_media;
	/* transit */
	int64_t base, window_min[2], window_end;
	uint32_t hist[BUCKETS];  /* 16.16 share of all, forgetting */
	int64_t target_us, ptime_us;
	/* playing */
	bool playing, after_comfort;
	int64_t next;            /* extended number to play next */
	int64_t position;        /* media time to play next */
	int64_t concealed_us;    /* in a row */
	struct jitter_stats stats;
};

/* ---- payload memory ------------------------------------------------------------ */

static uint8_t *data_take(struct jitter *self)
{
	if (!self->n_free) {
		struct block *b;

		if (self->n_data + GROW > JITTER_SLOTS)
			return NULL;
		b = malloc(sizeof(*b));
		if (!b)
			return NULL;
		b->next = self->blocks;
		self->blocks = b;
		for (unsigned i = 0; i < GROW; i++)
			self->free_data[self->n_free++] = b->data[i];
		self->n_data += GROW;
	}
	return self->free_data[--self->n_free];
}

static struct slot *slot_of(struct jitter *self, int64_t ext)
{
	return &self->slot[(uint64_t)ext % JITTER_SLOTS];
}

static struct slot *find(struct jitter *self, int64_t ext)
{
	struct slot *s = slot_of(self, ext);

	return s->kind != SLOT_EMPTY && s->ext == ext ? s : NULL;
}

static void clear(struct jitter *self, struct slot *s)
{
	if (s->kind == SLOT_AUDIO) {
		self->free_data[self->n_free++] = s->data;
		self->stats.packets--;
	}
	s->kind = SLOT_EMPTY;
	s->data = NULL;
}

/* The lowest audio packet from `from` on, or NULL. */
static struct slot *first_audio(struct jitter *self, int64_t from)
{
	if (from < self->last_ext - JITTER_SLOTS)
		from = self->last_ext - JITTER_SLOTS;
	for (int64_t e = from; e <= self->last_ext; e++) {
		struct slot *s = find(self, e);

		if (s && s->kind == SLOT_AUDIO)
			return s;
	}
	return NULL;
}

/* ---- life ------------------------------------------------------------------------ */

static void seed(struct jitter *self)
{
	/* As if some packets had come a little late: the target begins there and
	 * is soon what was seen. */
	memset(self->hist, 0, sizeof(self->hist));
	self->hist[self->min_ms / BUCKET_MS] = 1u << 16;
	self->target_us = self->min_ms * 1000;
}

int jitter_new(struct jitter **out, unsigned min_ms, unsigned max_ms)
{
	struct jitter *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	self->min_ms = min_ms ? min_ms : JITTER_MIN_MS;
	self->max_ms = max_ms && max_ms <= JITTER_MAX_MS ? max_ms : JITTER_MAX_MS;
	if (self->min_ms > self->max_ms)
		self->min_ms = self->max_ms;
	self->ptime_us = 20000;
	seed(self);
	*out = self;
	return 0;
}

struct jitter *jitter_free(struct jitter *self)
{
	if (self) {
		while (self->blocks) {
			struct block *next = self->blocks->next;

			free(self->blocks);
			self->blocks = next;
		}
		free(self);
	}
	return NULL;
}

void jitter_reset(struct jitter *self)
{
	for (unsigned i = 0; i < JITTER_SLOTS; i++)
		clear(self, &self->slot[i]);
	self->any = self->playing = self->after_comfort = false;
	self->concealed_us = 0;
}

/* ---- transit -------------------------------------------------------------------- */

static void note_transit(struct jitter *self, int64_t transit, int64_t now)
{
	if (now >= self->window_end) {
		bool old = now - self->window_end >= WINDOW_US;

		self->window_min[1] = old ? transit : self->window_min[0];
		self->window_min[0] = transit;
		self->window_end = now + WINDOW_US;
	}
	if (transit < self->window_min[0])
		self->window_min[0] = transit;
	self->base = self->window_min[0] < self->window_min[1] ? self->window_min[0]
							       : self->window_min[1];
}

/* How late a packet came, into the histogram; the target is where PERCENTILE
 * of them have come, and the width of a bucket more. */
static void note_lateness(struct jitter *self, int64_t late_us)
{
	unsigned b = late_us < 0 ? 0 : (unsigned)(late_us / (BUCKET_MS * 1000));
	uint64_t sum = 0, all = 0;
	unsigned i;

	if (b >= BUCKETS)
		b = BUCKETS - 1;
	for (i = 0; i < BUCKETS; i++) {
		self->hist[i] -= self->hist[i] >> 9;
		all += self->hist[i];
	}
	/* Loss of rounding is made up for here, so that the sum stays 2^16. */
	self->hist[b] += (1u << 16) - (uint32_t)all;
	for (i = 0; i < BUCKETS - 1; i++) {
		sum += self->hist[i];
		if (sum * 100 >= (uint64_t)PERCENTILE << 16)
			break;
	}
	self->target_us = (int64_t)(i + 1) * BUCKET_MS * 1000;
	if (self->target_us < self->min_ms * 1000)
		self->target_us = self->min_ms * 1000;
	if (self->target_us > self->max_ms * 1000)
		self->target_us = self->max_ms * 1000;
}

/* ---- putting -------------------------------------------------------------------- */

static int64_t media_time(const struct jitter *self, uint32_t rtp_time)
{
	return self->anchor_media +
	       (int64_t)rtp_time_diff(rtp_time, self->anchor_rtp) * 1000000 / self->clock_rate;
}

/* Ties a timestamp to the axis where it goes on without a jump in transit. */
static void anchor(struct jitter *self, const struct rtp_packet *p, uint32_t clock_rate,
		   int64_t now)
{
	int64_t media = now - self->base;

	if (self->any) {
		if (media < self->newest_media + self->ptime_us)
			media = self->newest_media + self->ptime_us;
		self->stats.resync++;
	} else {
		media = now;
		self->window_min[0] = self->window_min[1] = self->base = 0;
		self->window_end = now + WINDOW_US;
	}
	self->anchor_rtp = p->timestamp;
	self->anchor_media = media;
	self->clock_rate = clock_rate;
}

/* The extended number of a packet, beginning anew where the source does. */
static int64_t extend(struct jitter *self, const struct rtp_packet *p, uint32_t clock_rate,
		      int64_t now)
{
	int ahead = seq_diff(p->seq, (uint16_t)self->last_ext);

	if (!self->any || p->ssrc != self->ssrc || ahead > 3000 || ahead < -3000) {
		anchor(self, p, clock_rate, now);
		if (self->any) {
			/* The next number with these low 16 bits, so that nothing seems
			 * lost between. */
			int64_t next = self->last_ext + 1;
			int64_t ext = next + (uint16_t)(p->seq - (uint16_t)next);

			/* What is still here is played first, then the jump. */
			self->ssrc = p->ssrc;
			return ext;
		}
		self->ssrc = p->ssrc;
		return (int64_t)p->seq + 65536;
	}
	if (clock_rate != self->clock_rate)
		anchor(self, p, clock_rate, now);
	return self->last_ext + ahead;
}

static void note_ptime(struct jitter *self, const struct slot *s)
{
	struct slot *before = find(self, s->ext - 1);
	int64_t d;

	if (!before || before->kind != SLOT_AUDIO || s->marker)
		return;
	d = s->media_us - before->media_us;
	if (d >= 2500 && d <= 120000)
		self->ptime_us = d;
}

static void store(struct jitter *self, struct slot *s, enum slot_kind kind, int64_t ext,
		  const struct rtp_packet *p)
{
	/* What stands here is older than everything the buffer spans. */
	if (s->kind == SLOT_AUDIO)
		self->stats.overflow++;
	clear(self, s);
	s->kind = kind;
	s->ext = ext;
	s->seq = p->seq;
	if (ext > self->last_ext || !self->any)
		self->last_ext = ext;
	self->any = true;
}

void jitter_skip(struct jitter *self, const struct rtp_packet *packet, int64_t now)
{
	int64_t ext;

	if (!self->any || packet->ssrc != self->ssrc)
		return;
	ext = extend(self, packet, self->clock_rate, now);
	if (ext > self->last_ext - JITTER_SLOTS && !find(self, ext))
		store(self, slot_of(self, ext), SLOT_SKIP, ext, packet);
}

int jitter_put(struct jitter *self, const struct rtp_packet *packet, uint32_t clock_rate,
	       bool comfort, int64_t now)
{
	int64_t ext, media;
	struct slot *s;

	if (!clock_rate)
		return -EINVAL;
	if (packet->payload_len > MAX_PAYLOAD)
		return -EMSGSIZE;
	self->stats.put++;
	ext = extend(self, packet, clock_rate, now);
	if (self->any && ext <= self->last_ext - JITTER_SLOTS)
		goto late;
	if (find(self, ext)) {
		self->stats.duplicate++;
		return -EALREADY;
	}
	media = media_time(self, packet->timestamp);
	if (now - media - self->base > RESYNC_US || now - media - self->base < -RESYNC_US) {
		anchor(self, packet, clock_rate, now);
		media = media_time(self, packet->timestamp);
	}
	note_transit(self, now - media, now);
	note_lateness(self, now - media - self->base);
	if (self->playing && ext < self->next)
		goto late;
	s = slot_of(self, ext);
	store(self, s, SLOT_AUDIO, ext, packet);
	s->data = data_take(self);
	if (!s->data) {
		s->kind = SLOT_EMPTY;
		return -ENOMEM;
	}
	memcpy(s->data, packet->payload, packet->payload_len);
	s->len = (uint16_t)packet->payload_len;
	s->pt = packet->pt;
	s->marker = packet->marker;
	s->comfort = comfort;
	s->rtp_time = packet->timestamp;
	s->arrival_us = now;
	s->media_us = media;
	self->stats.packets++;
	if (media > self->newest_media || self->stats.packets == 1)
		self->newest_media = media;
	note_ptime(self, s);
	return 0;
late:
	self->stats.late++;
	return -ETIME;
}

/* ---- pulling --------------------------------------------------------------------- */

static int64_t due(const struct jitter *self, int64_t media)
{
	return media + self->base + self->target_us;
}

static void give(const struct slot *s, struct audio_packet *out)
{
	out->pt = s->pt;
	out->marker = s->marker;
	out->seq = s->seq;
	out->rtp_time = s->rtp_time;
	out->arrival_us = s->arrival_us;
	out->len = s->len;
	memcpy(out->data, s->data, s->len);
}

static enum pull play(struct jitter *self, struct slot *s, struct audio_packet *out)
{
	give(s, out);
	self->playing = true;
	self->next = s->ext + 1;
	self->position = s->media_us + self->ptime_us;
	self->after_comfort = s->comfort;
	self->concealed_us = 0;
	clear(self, s);
	return PULL_PACKET;
}

/* Far behind the target: what would never be caught up with is thrown away. */
static void jump(struct jitter *self, int64_t now)
{
	struct slot *s;

	while (now - due(self, self->position) > HOPELESS_US &&
	       (s = first_audio(self, self->next)) != NULL && s->ext < self->last_ext &&
	       now - due(self, s->media_us) > 0) {
		self->next = s->ext + 1;
		self->position = s->media_us + self->ptime_us;
		clear(self, s);
		self->stats.skipped++;
	}
}

/* Filling, or after silence. */
static enum pull pull_first(struct jitter *self, int64_t now, struct audio_packet *out)
{
	struct slot *s = self->any ? first_audio(self, self->last_ext - JITTER_SLOTS + 1) : NULL;

	if (!s || now < due(self, s->media_us))
		return PULL_WAIT;
	return play(self, s, out);
}

static enum pull conceal(struct jitter *self, bool move, struct audio_packet *out)
{
	struct slot *after = find(self, self->next + 1);

	out->len = 0;
	if (move) {
		if (after && after->kind == SLOT_AUDIO)
			give(after, out);
		self->next++;
		self->position += self->ptime_us;
		self->stats.lost++;
	}
	self->concealed_us += self->ptime_us;
	self->stats.concealed++;
	return PULL_LOST;
}

/* The next packet is not here. */
static enum pull pull_missing(struct jitter *self, int64_t now, struct audio_packet *out)
{
	struct slot *s = first_audio(self, self->next);

	if (!s) {
		/* Nothing newer: the sender stopped, or everything is late. */
		if (!self->after_comfort && self->concealed_us < CONCEAL_US) {
			if (!self->concealed_us)
				self->stats.underrun++;
			return conceal(self, false, out);
		}
		self->playing = false;
		return PULL_WAIT;
	}
	if (s->media_us - self->position > CONCEAL_US || self->concealed_us >= CONCEAL_US) {
		/* A long hole: silence until what is behind it is due. */
		if (now < due(self, s->media_us))
			return PULL_WAIT;
		self->stats.lost += (uint64_t)(s->ext - self->next);
		return play(self, s, out);
	}
	return conceal(self, now >= due(self, self->position), out);
}

static enum pull pull_next(struct jitter *self, int64_t now, struct audio_packet *out)
{
	struct slot *s;

	if (!self->playing)
		return pull_first(self, now, out);
	jump(self, now);
	while ((s = find(self, self->next)) != NULL && s->kind == SLOT_SKIP) {
		clear(self, s);
		self->next++;
	}
	if (!s)
		return pull_missing(self, now, out);
	/* In sequence, but the sender was silent before it. */
	if (s->media_us - self->position > self->ptime_us / 2 && now < due(self, s->media_us))
		return PULL_WAIT;
	return play(self, s, out);
}

enum pull jitter_pull(struct jitter *self, int64_t now, struct audio_packet *out,
		      int *excess_ms)
{
	enum pull r = pull_next(self, now, out);

	if (excess_ms)
		*excess_ms = self->playing && r == PULL_PACKET ?
			(int)((now - due(self, self->position - self->ptime_us)) / 1000) : 0;
	return r;
}

void jitter_stats(const struct jitter *self, struct jitter_stats *out)
{
	int64_t depth = self->playing ? self->newest_media + self->ptime_us - self->position : 0;

	*out = self->stats;
	out->target_ms = (uint32_t)(self->target_us / 1000);
	out->depth_ms = depth > 0 ? (uint32_t)(depth / 1000) : 0;
	out->ptime_us = (uint32_t)self->ptime_us;
}
