/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video packets into sequence, with a bounded wait for those that are missing,
 * and the list of what to ask for again (RFC 4585 6.2.1). Pure. */
#ifndef BALAI_RTP_REORDER_H
#define BALAI_RTP_REORDER_H

#include "rtp/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REORDER_SLOTS = 512, REORDER_MAX_PACKET = 1600 };

struct reorder;

struct reorder_packet {
	uint16_t seq;
	uint8_t pt;
	bool marker;
	bool lost;               /* packets are missing just before it */
	uint8_t tag;             /* what reorder_put was given with it */
	uint32_t timestamp;
	int64_t arrival_us;
	const uint8_t *data;     /* the payload; borrowed until the next call */
	size_t len;
};

struct reorder_stats {
	uint64_t lost, late, duplicate, recovered, overflow;
	uint32_t waiting;        /* packets held back now */
};

int reorder_new(struct reorder **out);
struct reorder *reorder_free(struct reorder *self);
/* After a new source or a restart: forgets everything. */
void reorder_reset(struct reorder *self);

/* How long a missing packet is waited for from the moment its absence shows.
 * With NACK about 2 RTT + 20 ms, at most 150; without 10 to 30 ms. */
void reorder_set_wait(struct reorder *self, int64_t wait_us);

/* One packet that arrived at `now`; `tag` comes back with it.
 * 1: it is the next in sequence and nothing waits before it: it was not stored,
 *    the caller handles it now (its `lost` is in *lost) and then drains with
 *    reorder_get. 0: stored, or of no use (late, duplicate; counted): drain.
 * -EMSGSIZE, -ENOMEM: dropped. */
int reorder_put(struct reorder *self, const struct rtp_packet *packet, uint8_t tag, int64_t now,
		bool *lost);
/* The next packet that may go on at `now`: in sequence, or the first behind a
 * hole that was waited for long enough (`lost` is set). */
bool reorder_get(struct reorder *self, int64_t now, struct reorder_packet *out);
/* When reorder_get will have something without a further packet; INT64_MAX: never. */
int64_t reorder_due(const struct reorder *self);

/* Missing sequence numbers to ask for now, ascending, at most `cap`: first when
 * three later packets are here or 5 ms have passed (mere disorder closes by
 * itself), again after `rtt_us` (at least 20 ms), at most 5 times each, and not
 * when the answer would come too late. Marks them as asked. */
size_t reorder_nacks(struct reorder *self, int64_t now, int64_t rtt_us, uint16_t *seq, size_t cap);
/* When reorder_nacks will have something to say; INT64_MAX: never. */
int64_t reorder_nack_due(const struct reorder *self, int64_t rtt_us);

void reorder_stats(const struct reorder *self, struct reorder_stats *out);

#endif
