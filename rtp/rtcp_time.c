/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTCP reports: what they say about time and loss, and when they go. */
#include "rtp/rtcp.h"

/* Seconds from 1900 to 1970. */
#define NTP_EPOCH 2208988800ull

uint64_t rtcp_ntp(int64_t wall_us)
{
	uint64_t s = (uint64_t)(wall_us / 1000000), us = (uint64_t)(wall_us % 1000000);

	/* Rounded up, so that it comes back as the same microsecond. */
	return (s + NTP_EPOCH) << 32 | ((us << 32) + 999999) / 1000000;
}

int64_t rtcp_ntp_us(uint64_t ntp)
{
	uint64_t s = ntp >> 32, frac = ntp & 0xffffffff;

	/* Seconds with the top bit clear belong to the era from 2036. */
	if (!(s >> 31))
		s += 1ull << 32;
	return (int64_t)((s - NTP_EPOCH) * 1000000 + (frac * 1000000 >> 32));
}

void rtcp_peer_sr(struct rtcp_peer *self, const struct rtcp_sender *sr, int64_t now)
{
	self->sr_known = true;
	self->sr = *sr;
	self->sr_us = now;
}

bool rtcp_peer_rtt(struct rtcp_peer *self, const struct rtcp_block *block, int64_t wall_us)
{
	uint32_t now = (uint32_t)(rtcp_ntp(wall_us) >> 16);
	int32_t trip = (int32_t)(now - block->lsr - block->dlsr);
	uint32_t us;

	if (!block->lsr || trip < 0 || trip > 10 * 65536)
		return false;
	us = (uint32_t)((uint64_t)(uint32_t)trip * 1000000 >> 16);
	self->rtt_last_us = us;
	self->rtt_us = self->rtt_us ? (uint32_t)(((uint64_t)self->rtt_us * 7 + us) / 8) : us;
	if (!self->rtt_us)
		self->rtt_us = 1;
	return true;
}

void rtcp_block_fill(struct rtcp_block *out, struct rtp_source *source,
		     const struct rtcp_peer *peer, int64_t now)
{
	uint32_t highest = rtp_source_highest(source);
	uint32_t expected = highest - source->base_seq + 1;
	uint32_t received = (uint32_t)source->received;
	uint32_t of = expected - source->expected_prior, got = received - source->received_prior;
	int64_t lost = (int64_t)expected - (int64_t)source->received;
	int32_t missing = (int32_t)(of - got);

	source->expected_prior = expected;
	source->received_prior = received;
	*out = (struct rtcp_block){ .ssrc = source->ssrc, .highest = highest,
				    .jitter = source->jitter_q4 >> 4 };
	if (of && missing > 0)
		out->fraction = (uint8_t)((uint64_t)(uint32_t)missing * 256 / of > 255 ? 255 :
					  (uint64_t)(uint32_t)missing * 256 / of);
	out->lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : (int32_t)lost;
	if (peer && peer->sr_known) {
		int64_t since = now - peer->sr_us;

		out->lsr = (uint32_t)(peer->sr.ntp >> 16);
		if (since > 0)
			out->dlsr = since > 65535000000ll ? UINT32_MAX :
				    (uint32_t)(since * 65536 / 1000000);
	}
}

/* ---- timing ------------------------------------------------------------------------- */

#define UDP_IP_BYTES 28

enum { EARLY_MIN = 1000, EARLY_BURST_US = 2000000 }; /* bytes a second; ahead at most */

static uint32_t next_random(struct rtcp_timing *self)
{
	self->random = self->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(self->random >> 32);
}

int64_t rtcp_timing_interval(const struct rtcp_timing *self)
{
	uint32_t members = self->members ? self->members : 2;
	uint32_t senders = self->senders ? self->senders : 2;
	/* Not told yet: that of a telephone. */
	double share = (self->bandwidth ? self->bandwidth : 64000) / 8.0 * 0.05;
	double n = members, t, least = 5;

	if (share < 10)
		share = 10;
	if (senders <= members / 4) {
		if (self->sending) {
			share *= 0.25;
			n = senders;
		} else {
			share *= 0.75;
			n = members - senders;
		}
	}
	t = self->average_size / 16.0 * n / share;
	if (self->bandwidth > 72000)
		least = 360.0 / (self->bandwidth / 1000.0);
	if (self->avpf)
		least = 1;
	else if (self->initial)
		least /= 2;
	if (t < least)
		t = least;
	return (int64_t)(t * 1e6);
}

/* Between a half and one and a half intervals (RFC 3550 6.3.1), over e - 3/2. */
static void plan(struct rtcp_timing *self, int64_t from)
{
	double r = 0.5 + next_random(self) / 4294967296.0;

	self->next_us = from + (int64_t)((double)rtcp_timing_interval(self) * r / 1.21828);
}

void rtcp_timing_init(struct rtcp_timing *self, uint64_t random, int64_t now)
{
	self->random = random;
	self->initial = true;
	self->average_size = 128 * 16;
	self->last_us = now;
	/* Within half of the interval: a joiner's reports bring loss and lip-sync. */
	self->next_us = now + (int64_t)((double)rtcp_timing_interval(self) / 2 *
					(next_random(self) / 4294967296.0));
}

int64_t rtcp_timing_next(const struct rtcp_timing *self)
{
	return self->next_us;
}

static void count_size(struct rtcp_timing *self, size_t bytes)
{
	self->average_size += (uint32_t)(bytes + UDP_IP_BYTES) - self->average_size / 16;
}

void rtcp_timing_sent(struct rtcp_timing *self, size_t bytes, int64_t now)
{
	count_size(self, bytes);
	self->initial = false;
	self->last_us = now;
	plan(self, now);
}

bool rtcp_timing_early(struct rtcp_timing *self, size_t bytes, int64_t now)
{
	int64_t rate = self->bandwidth / 160; /* bytes a second: 5 % */

	if (!self->avpf)
		return false;
	if (rate < EARLY_MIN)
		rate = EARLY_MIN;
	if (self->early_us < now)
		self->early_us = now;
	if (self->early_us - now > EARLY_BURST_US)
		return false;
	self->early_us += (int64_t)(bytes + UDP_IP_BYTES) * 1000000 / rate;
	count_size(self, bytes);
	return true;
}
