/* SPDX-License-Identifier: GPL-3.0-or-later
 * The audio jitter buffer: pure, the clock is passed in, and no lock inside
 * (the wire adds it). Packets go in as they arrive and come out in sequence
 * when the consumer needs more audio.
 *
 * It follows one media clock: each packet gets a media time in microseconds
 * that goes on smoothly over a changed SSRC, payload type, clock rate or ptime
 * and over timestamp jumps. The least transit of the last seconds is the base;
 * how far packets come after it, a forgetting histogram, gives the target depth.
 *
 * The consumer pulls whenever it has less than one tick of sound left. Of the
 * excess it takes away (squeezes) or fills up (stretches) a little per packet,
 * outside of some ±10 ms; the buffer itself jumps only over what is hopeless. */
#ifndef BALAI_RTP_JITTER_H
#define BALAI_RTP_JITTER_H

#include "rtp/packet.h"
#include "rtp/pull.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	JITTER_SLOTS = 128,     /* packets it can hold */
	JITTER_MIN_MS = 20, JITTER_MAX_MS = 400,
};

struct jitter;

struct jitter_stats {
	uint64_t put, late, duplicate, lost, concealed, overflow, skipped, resync, underrun;
	uint32_t target_ms;
	uint32_t depth_ms;      /* audio between the playing position and the newest packet */
	uint32_t packets;       /* in the buffer now */
	uint32_t ptime_us;      /* as observed */
};

/* `min_ms`, `max_ms`: bounds of the target depth; 0: the defaults. */
int jitter_new(struct jitter **out, unsigned min_ms, unsigned max_ms);
struct jitter *jitter_free(struct jitter *self);

/* Copies the payload of one audio packet that arrived at `now` (us, monotonic).
 * `clock_rate`: of its payload type, Hz. `comfort`: it is comfort noise (RFC
 * 3389), so that silence follows. `level` comes back with it. Telephone-event does
 * not come here, but its sequence numbers are told by jitter_skip. 0: stored; -EALREADY: duplicate;
 * -ETIME: too late; -EMSGSIZE: over 1500 bytes; -EINVAL: clock rate 0; -ENOMEM.
 * Memory is taken when the buffer first grows, and kept. */
int jitter_put(struct jitter *self, const struct rtp_packet *packet, uint32_t clock_rate,
	       bool comfort, uint8_t level, int64_t now);
/* A packet of this stream that carries no audio (telephone-event) had this
 * sequence number: it is not missing. */
void jitter_skip(struct jitter *self, const struct rtp_packet *packet, int64_t now);

/* The next packet in sequence. After PULL_LOST the position has moved by one
 * packet, except when the missing one may still come (it was not due yet, or
 * nothing newer is here): then it is played when it comes. PULL_WAIT: filling to
 * the target at first and after silence; a sender that stops in mid-speech is
 * concealed for 100 ms first. *excess_ms (may be NULL): depth above the target. */
enum pull jitter_pull(struct jitter *self, int64_t now, struct audio_packet *out,
		      int *excess_ms);

/* Forgets all packets and begins anew; the target depth stays. */
void jitter_reset(struct jitter *self);
void jitter_stats(const struct jitter *self, struct jitter_stats *out);

#endif
