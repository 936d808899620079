/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTCP of a stream: reports at their times, NACK, key frame requests both ways,
 * rate requests. io thread. */
#ifndef BALAI_RTP_FEEDBACK_H
#define BALAI_RTP_FEEDBACK_H

#include "rtp/rate.h"
#include "rtp/rtcp.h"

#include <stdbool.h>

struct stream;
struct transport;
struct wire;

struct feedback {
	struct rtcp_timing timing;
	/* key frames we want */
	bool key_wanted;
	unsigned key_tries;
	int64_t key_next_us;
	uint8_t fir_seq;
	bool showed_pli, showed_fir; /* the peer asks so itself, whatever it negotiated */
	/* key frames wanted from us */
	int64_t key_asked_us;        /* last one passed on */
	bool key_asked;
	struct rate rate;
	bool rate_set;
	bool rate_waits;             /* a change is told later */
	int64_t rate_paid_us;        /* what was told is paid for then */
	uint8_t loss_told;           /* percent */
	/* a limit to confirm by TMMBN */
	bool tmmbn_due;
	struct rtcp_tmmb tmmbr;
	uint32_t tmmbr_from;
	bool reported;               /* a report went out: BYE makes sense */
	bool sender_reported;        /* and one since we began to send */
};

void feedback_init(struct feedback *self, struct wire *wire, int64_t now);
void feedback_apply(struct stream *s, int64_t now);
/* A key frame is wanted from the peer. */
void feedback_want_key(struct stream *s, int64_t now);
/* The peer needs a key frame of ours, as it said or as we know. */
void feedback_key_asked(struct stream *s, int64_t now);
/* One arrived. */
void feedback_got_key(struct stream *s);
/* The peer's report about us. */
void feedback_block(struct stream *s, const struct rtcp_block *block, int64_t now);
/* What may be sent changed: the encoder should know. */
void feedback_check_rate(struct stream *s, int64_t now);
/* The last report with BYE. */
void feedback_bye(struct stream *s, int64_t now);
/* A compound from the peer, already opened and of a trusted source. True when it
 * was well-formed. */
bool feedback_input(struct transport *t, const uint8_t *data, size_t len, int64_t now);
int64_t feedback_due(struct stream *s, int64_t now);
void feedback_tick(struct stream *s, int64_t now);

#endif
