/* SPDX-License-Identifier: GPL-3.0-or-later
 * How much we may send to one peer: the least of what was negotiated, what it
 * asks for (TMMBR, RFC 5104 3.5.4; REMB) and what its loss reports allow
 * (draft-ietf-rmcat-gcc-02 section 6: under 2 % up by 8 % a second, over 10 %
 * down by half of the loss). Pure. */
#ifndef BALAI_RTP_RATE_H
#define BALAI_RTP_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	uint32_t min, max;       /* bit/s */
	uint32_t loss_rate;      /* what loss allows */
	uint32_t remb, tmmbr;    /* 0: not asked */
	int64_t remb_us;         /* when it came: it is forgotten after 10 s */
	int64_t report_us;       /* last report counted */
	int64_t down_us;         /* last time loss lowered it */
	uint32_t told;           /* what rate_changed said last */
	uint8_t loss;            /* smoothed, percent */
};

/* Starts at `max`. `min` at least 1. */
void rate_init(struct rate *self, uint32_t min, uint32_t max, int64_t now);
/* New negotiated limit; what loss allows is kept, but not above it. */
void rate_set_max(struct rate *self, uint32_t max);

/* A report block: `fraction` of 256 lost, since the report before. `rtt_us` 0:
 * unknown; after a decrease the next waits for 300 ms and one round trip. */
void rate_report(struct rate *self, uint8_t fraction, uint32_t rtt_us, int64_t now);
void rate_remb(struct rate *self, uint64_t bitrate, int64_t now);
/* `overhead` bytes a packet at `packets_per_second` are counted in the peer's
 * limit; ours does not count them. */
void rate_tmmbr(struct rate *self, uint64_t bitrate, unsigned overhead,
		unsigned packets_per_second, int64_t now);

/* Bit/s of media that may be sent now. */
uint32_t rate_get(struct rate *self, int64_t now);
/* True when rate_get differs enough from what this said before (5 % down, 10 %
 * up) that the encoder should know; *out then has it. */
bool rate_changed(struct rate *self, int64_t now, uint32_t *out);

#endif
