/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where a peer without ICE sends from, and so where we send to (RFC 4961,
 * RFC 7362). Pure.
 *
 * What SRTP vouches for is followed. Plain packets prove little, so:
 *  - the signalled address is believed at once, another port of the same host
 *    too (NAT, asymmetric devices), another host only after several packets in
 *    sequence;
 *  - once latched, packets from elsewhere are dropped; a new source takes over
 *    only after the old one fell silent, the sooner the more it resembles it:
 *    the same SSRC (which a stranger does not know) after 300 ms, the same host
 *    after 500 ms, a stranger after 8 s (longer than the RTCP interval, which
 *    counts as a sign of life, so that a silent phone is not stolen) with more
 *    proof;
 *  - many strangers at a time cannot push each other's proof away. */
#ifndef BALAI_RTP_LATCH_H
#define BALAI_RTP_LATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { LATCH_CANDIDATES = 4 };

struct latch_candidate {
	struct sockaddr_storage from;
	uint32_t ssrc;
	uint16_t seq;
	uint8_t run;             /* packets in sequence so far, 0: free */
	int64_t last_us;
};

struct latch {
	bool follow, set;
	struct sockaddr_storage signalled; /* AF_UNSPEC: not known */
	struct sockaddr_storage source;    /* AF_UNSPEC: not latched */
	uint32_t ssrc;                     /* last heard from the source */
	int64_t set_us, last_us;
	struct latch_candidate candidate[LATCH_CANDIDATES];
};

enum latch_verdict {
	LATCH_DROP,
	LATCH_OK,
	LATCH_MOVED,   /* take it; the destination is another now */
};

/* What the description says. The same again changes nothing, nor does an address
 * that is none (hold by 0.0.0.0); another address begins anew. */
void latch_set(struct latch *self, const struct sockaddr_storage *signalled, bool follow,
	       int64_t now);
/* A plain RTP packet, well-formed and of an expected payload type. */
enum latch_verdict latch_rtp(struct latch *self, const struct sockaddr_storage *from,
			     uint32_t ssrc, uint16_t seq, int64_t now);
/* Plain RTCP on the RTP socket: proves nothing, but shows that the source lives. */
enum latch_verdict latch_rtcp_mux(struct latch *self, const struct sockaddr_storage *from,
				  int64_t now);
/* Plain RTCP on its own socket: from the host that `rtp` is latched to. */
enum latch_verdict latch_rtcp(struct latch *self, const struct sockaddr_storage *from,
			      const struct latch *rtp, int64_t now);
/* Whatever was authenticated. `newest`: no older than what came before. */
enum latch_verdict latch_authentic(struct latch *self, const struct sockaddr_storage *from,
				   bool newest, int64_t now);
/* Where to send; AF_UNSPEC: not known yet. */
const struct sockaddr_storage *latch_dest(const struct latch *self);

#endif
