/* SPDX-License-Identifier: GPL-3.0-or-later
 * Latching. */
#include "rtp/latch.h"

#include "rtp/io.h"
#include "rtp/packet.h"

#include <string.h>

enum {
	PROOF_STRANGER_FIRST = 5, /* packets in sequence: before anything is latched */
	PROOF_SAME_SSRC = 2,
	PROOF_SAME_HOST = 3,
	PROOF_STRANGER = 10,
	MAX_GAP = 16,             /* sequence numbers between two packets in a run */
};

enum {
	SILENCE_SAME_SSRC_US = 300000,
	SILENCE_SAME_HOST_US = 500000,
	SILENCE_STRANGER_US = 8000000,
	PREFER_SIGNALLED_US = 3000000, /* after latch_set the signalled host may still win */
	CANDIDATE_STALE_US = 1000000,
};

void latch_set(struct latch *self, const struct sockaddr_storage *signalled, bool follow,
	       int64_t now)
{
	self->follow = follow;
	if (self->set && (addr_equal(&self->signalled, signalled) || !addr_usable(signalled)))
		return;
	*self = (struct latch){ .follow = follow, .set = true, .signalled = *signalled, .set_us = now,
				.last_us = now };
}

static enum latch_verdict move(struct latch *self, const struct sockaddr_storage *from,
			       uint32_t ssrc, int64_t now)
{
	self->source = *from;
	self->ssrc = ssrc;
	self->last_us = now;
	memset(self->candidate, 0, sizeof(self->candidate));
	return LATCH_MOVED;
}

/* The candidate of this source, or the one that is least worth keeping. */
static struct latch_candidate *candidate_for(struct latch *self,
					     const struct sockaddr_storage *from, int64_t now)
{
	struct latch_candidate *worst = &self->candidate[0];

	for (int i = 0; i < LATCH_CANDIDATES; i++) {
		struct latch_candidate *c = &self->candidate[i];

		if (c->run && now - c->last_us > CANDIDATE_STALE_US)
			c->run = 0;
		if (c->run && addr_equal(&c->from, from))
			return c;
		if (c->run < worst->run || (c->run == worst->run && c->last_us < worst->last_us))
			worst = c;
	}
	worst->run = 0;
	worst->from = *from;
	return worst;
}

/* How many packets in sequence came from this source lately. */
static unsigned candidate_run(struct latch *self, const struct sockaddr_storage *from,
			      uint32_t ssrc, uint16_t seq, int64_t now)
{
	struct latch_candidate *c = candidate_for(self, from, now);
	int ahead = seq_diff(seq, c->seq);

	if (c->run && c->ssrc == ssrc && ahead > 0 && ahead <= MAX_GAP) {
		if (c->run < UINT8_MAX)
			c->run++;
	} else {
		c->run = 1;
	}
	c->ssrc = ssrc;
	c->seq = seq;
	c->last_us = now;
	return c->run;
}

static enum latch_verdict first_rtp(struct latch *self, const struct sockaddr_storage *from,
				    uint32_t ssrc, uint16_t seq, int64_t now)
{
	if (addr_same_host(from, &self->signalled))
		return move(self, from, ssrc, now);
	if (!self->follow)
		return LATCH_DROP;
	if (candidate_run(self, from, ssrc, seq, now) < PROOF_STRANGER_FIRST)
		return LATCH_DROP;
	return move(self, from, ssrc, now);
}

static bool may_take_over(const struct latch *self, const struct sockaddr_storage *from,
			  uint32_t ssrc, unsigned run, int64_t now)
{
	int64_t silence = now - self->last_us;
	bool same_host = addr_same_host(from, &self->signalled) ||
			 addr_same_host(from, &self->source);

	if (ssrc == self->ssrc && run >= PROOF_SAME_SSRC && silence >= SILENCE_SAME_SSRC_US)
		return true;
	if (same_host && run >= PROOF_SAME_HOST && silence >= SILENCE_SAME_HOST_US)
		return true;
	if (addr_equal(from, &self->signalled) && run >= PROOF_SAME_HOST &&
	    now - self->set_us <= PREFER_SIGNALLED_US)
		return true;
	return run >= PROOF_STRANGER && silence >= SILENCE_STRANGER_US;
}

enum latch_verdict latch_rtp(struct latch *self, const struct sockaddr_storage *from,
			     uint32_t ssrc, uint16_t seq, int64_t now)
{
	unsigned run;

	if (self->source.ss_family == AF_UNSPEC)
		return first_rtp(self, from, ssrc, seq, now);
	if (addr_equal(from, &self->source)) {
		self->ssrc = ssrc;
		self->last_us = now;
		return LATCH_OK;
	}
	if (!self->follow)
		return addr_same_host(from, &self->signalled) ? LATCH_OK : LATCH_DROP;
	run = candidate_run(self, from, ssrc, seq, now);
	return may_take_over(self, from, ssrc, run, now) ? move(self, from, ssrc, now) : LATCH_DROP;
}

enum latch_verdict latch_rtcp_mux(struct latch *self, const struct sockaddr_storage *from,
				  int64_t now)
{
	if (self->source.ss_family == AF_UNSPEC || !self->follow)
		return addr_same_host(from, &self->signalled) ? LATCH_OK : LATCH_DROP;
	if (!addr_equal(from, &self->source))
		return LATCH_DROP;
	self->last_us = now;
	return LATCH_OK;
}

enum latch_verdict latch_rtcp(struct latch *self, const struct sockaddr_storage *from,
			      const struct latch *rtp, int64_t now)
{
	const struct sockaddr_storage *host = rtp->source.ss_family != AF_UNSPEC && rtp->follow ?
		&rtp->source : &self->signalled;

	if (!addr_same_host(from, host))
		return LATCH_DROP;
	self->last_us = now;
	if (!self->follow || addr_equal(from, &self->source))
		return LATCH_OK;
	return move(self, from, 0, now);
}

enum latch_verdict latch_authentic(struct latch *self, const struct sockaddr_storage *from,
				   bool newest, int64_t now)
{
	if (addr_equal(from, &self->source)) {
		self->last_us = now;
		return LATCH_OK;
	}
	if (!self->follow || !newest)
		return LATCH_OK;
	return move(self, from, self->ssrc, now);
}

const struct sockaddr_storage *latch_dest(const struct latch *self)
{
	return self->follow && self->source.ss_family != AF_UNSPEC ? &self->source :
	       &self->signalled;
}
