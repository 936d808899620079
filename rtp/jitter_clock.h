/* SPDX-License-Identifier: GPL-3.0-or-later
 * The time inside the jitter buffer: RTP timestamps to one smooth media time,
 * the least transit lately, and how late packets come after it. Pure. */
#ifndef BALAI_RTP_JITTER_CLOCK_H
#define BALAI_RTP_JITTER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
	LATENESS_BUCKET_US = 5000, LATENESS_BUCKETS = 100,
	TRANSIT_WINDOW_S = 10,
};

/* Where the sender's timestamps stand on the axis of media time. */
struct jitter_clock {
	bool known;
	uint32_t rate;
	/* the newest packet in sequence: what the next is measured against */
	int64_t ext, media_us;
	uint32_t rtp_time;
	bool quiet;              /* it announced silence */
	int64_t ptime_us, ptime_seen_us;
	uint64_t resyncs;
};

/* Transit is arrival minus media time; the base is its least value of the last
 * seconds, `lateness` a forgetting histogram of how far above it packets came. */
struct transit {
	bool known;
	int64_t base_us;
	int64_t rest_us;         /* of moves of the base, not yet a whole bucket */
	struct { int64_t second, least_us; } window[TRANSIT_WINDOW_S];
	float lateness[LATENESS_BUCKETS], sum, gain;
};

void jitter_clock_init(struct jitter_clock *self);
/* The media time of the packet with extended number `ext` that arrived at now.
 * `renewed`: it is of another source or run than the one before, so that its
 * timestamp says nothing. Timestamps that jump are tied to where the sound goes
 * on; media time always grows with `ext`. */
int64_t jitter_clock_media(struct jitter_clock *self, int64_t base_us, int64_t ext,
			   uint32_t rtp_time, uint32_t rate, bool marker, bool renewed,
			   int64_t now);

void transit_init(struct transit *self);
/* A packet came `transit_us` after its media time. */
void transit_note(struct transit *self, int64_t transit_us, int64_t now);
/* Microseconds after the base by which 99 % of the packets have come. */
int64_t transit_late_us(const struct transit *self);

#endif
