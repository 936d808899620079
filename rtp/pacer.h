/* SPDX-License-Identifier: GPL-3.0-or-later
 * How many bytes of video may go now: a leaky bucket, pure.
 *
 * What an ordinary frame at this rate needs goes out at once (latency); a large
 * frame is spread at 2.5 times the rate, but so that it is gone 100 ms after it
 * came, whatever that takes. */
#ifndef BALAI_RTP_PACER_H
#define BALAI_RTP_PACER_H

#include <stddef.h>
#include <stdint.h>

struct pacer {
	uint32_t rate;       /* bit/s the encoder aims at */
	int64_t last_us;     /* when `credit` was counted up last */
	int64_t credit;      /* millionths of a byte that may go; negative: ahead of the rate */
	size_t queued;       /* bytes told by pacer_add and not yet sent */
	int64_t need;        /* bytes a second, so that the queue is gone in time */
};

void pacer_init(struct pacer *self, uint32_t rate, int64_t now);
void pacer_set_rate(struct pacer *self, uint32_t rate);
/* A frame of `bytes` (packets with headers) was queued. */
void pacer_add(struct pacer *self, size_t bytes, int64_t now);
/* May a packet go now? Packets go one at a time, in order: send while this is
 * true, telling each by pacer_sent. Retransmissions are told too, unasked. */
int pacer_ready(struct pacer *self, int64_t now);
void pacer_sent(struct pacer *self, size_t bytes, int64_t now);
/* The queue was thrown away. */
void pacer_clear(struct pacer *self);
/* When pacer_ready turns true; now when it is already. */
int64_t pacer_next(struct pacer *self, int64_t now);

#endif
