/* SPDX-License-Identifier: GPL-3.0-or-later
 * The sending half of a stream: frames to RTP packets, paced, remembered for
 * NACK; keys by RFC 4733. io thread. */
#ifndef BALAI_RTP_SENDER_H
#define BALAI_RTP_SENDER_H

#include "codecs/coded.h"
#include "codecs/payload.h"
#include "rtp/history.h"
#include "rtp/pacer.h"
#include "rtp/rtcp.h"

#include <stdbool.h>

struct stream;
struct wire;

enum { DTMF_QUEUE = 16 };

/* The payloads of a frame, or the rest of one, that must wait for the pacer. */
struct queued_frame;

struct dtmf_tx {
	unsigned n;                    /* keys waiting or under way */
	struct { uint8_t event; uint16_t ms; } key[DTMF_QUEUE];
	bool running;
	unsigned packets, ends;        /* sent of this key */
	uint32_t timestamp;            /* of the event */
	int64_t begin_us, next_us;
};

struct sender {
	uint32_t ssrc, offset;
	uint16_t seq;
	bool begun;                    /* something was sent */
	bool starved;                  /* video: nothing goes out before a key frame */
	struct packer packer;
	struct pacer pacer;
	struct history *history;       /* NULL: no NACK negotiated */
	int64_t resend_until_us;       /* what was sent again is paid for then */
	struct queued_frame *head, **tail;
	size_t queued;                 /* bytes in the queue */
	/* for sender reports */
	uint32_t packets, octets;
	uint32_t map_rtp;              /* a timestamp as sent … */
	int64_t map_us;                /* … and its monotonic capture time */
	uint32_t clock_rate;
	int64_t last_us;
	struct dtmf_tx dtmf;
};

void sender_init(struct sender *self, struct wire *wire);
void sender_fini(struct sender *self);
/* New parameters of the stream (already in it). -ENOMEM. */
int sender_apply(struct stream *s, int64_t now);
/* Nothing more goes out: the queue is dropped. */
void sender_stop(struct stream *s);
/* One frame (borrowed): packetized and sent, or queued behind the pacer. */
void sender_frame(struct stream *s, const struct coded *frame, int64_t now);
/* The keys of the transport changed: nothing old may be sent again. */
void sender_rekeyed(struct stream *s);
/* Sends one packet again if it is known; true if it was. */
bool sender_resend(struct stream *s, uint16_t seq, int64_t now);
void sender_dtmf(struct stream *s, char key, unsigned ms, int64_t now);
void sender_set_rate(struct stream *s, uint32_t rate);
/* The RTP timestamp as it would be sent for something captured at `us`. */
uint32_t sender_time_at(const struct sender *self, int64_t us);
int64_t sender_due(struct stream *s, int64_t now);
void sender_tick(struct stream *s, int64_t now);

#endif
