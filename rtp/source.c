/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who sends in a stream, and how well it arrives: RFC 3550 A.1, A.3, A.8. */
#include "rtp/packet.h"

enum {
	MAX_DROPOUT = 3000, MAX_MISORDER = 100, /* RFC 3550 A.1 */
	SILENT_US = 500000,      /* after this another source may have the stream */
	CONTEND_US = 2000000,    /* two were heard within this: they go on side by side */
	RESUME_US = 1000000,     /* after this a jump needs no proof */
	NO_BAD_SEQ = 0x10000,
	MAX_CLOCK = 1000000,     /* Hz; no payload format has more */
};

void rtp_source_init(struct rtp_source *self)
{
	*self = (struct rtp_source){ .bad_seq = NO_BAD_SEQ };
}

uint32_t rtp_source_highest(const struct rtp_source *self)
{
	return self->cycles + self->max_seq;
}

static uint64_t lost_now(const struct rtp_source *self)
{
	uint64_t expected;

	if (!self->known)
		return 0;
	expected = (uint64_t)(uint32_t)(rtp_source_highest(self) - self->base_seq) + 1;
	return expected > self->received ? expected - self->received : 0;
}

uint64_t rtp_source_lost(const struct rtp_source *self)
{
	return self->lost_before + lost_now(self);
}

uint32_t rtp_source_jitter_us(const struct rtp_source *self)
{
	if (!self->clock_rate)
		return 0;
	return (uint32_t)((uint64_t)(self->jitter_q4 >> 4) * 1000000 / self->clock_rate);
}

/* The sequence begins with this packet. */
static void begin(struct rtp_source *self, const struct rtp_packet *packet)
{
	self->lost_before += lost_now(self);
	self->known = true;
	self->ssrc = packet->ssrc;
	self->base_seq = self->max_seq = packet->seq;
	self->bad_seq = NO_BAD_SEQ;
	self->cycles = 0;
	self->received = 0;
	self->expected_prior = self->received_prior = 0;
	self->transit_known = false;
	self->jitter_q4 = 0;
	self->rival_known = false;
}

static void take(struct rtp_source *self, const struct rtp_packet *packet,
		 uint32_t clock_rate, int64_t now)
{
	self->received++;
	self->last_us = now;
	self->rival_known = false;
	if (!clock_rate || clock_rate > MAX_CLOCK)
		return;
	if (clock_rate != self->clock_rate) {
		self->clock_rate = clock_rate;
		self->transit_known = false;
		self->jitter_q4 = 0;
	}
	/* Split, so that a long uptime does not overflow. */
	uint32_t arrival = (uint32_t)((uint64_t)(now / 1000000) * clock_rate +
				      (uint64_t)(now % 1000000) * clock_rate / 1000000);
	uint32_t transit = arrival - packet->timestamp;
	int64_t d = (int32_t)(transit - self->transit);

	if (d < 0)
		d = -d;
	/* A leap of the timestamps is not jitter. */
	if (self->transit_known && d < (int64_t)clock_rate * 2)
		self->jitter_q4 += (uint32_t)d - ((self->jitter_q4 + 8) >> 4);
	self->transit = transit;
	self->transit_known = true;
}

static bool may_take_over(struct rtp_source *self, const struct rtp_packet *packet,
			  bool authentic, int64_t now)
{
	bool silent = now - self->last_us > SILENT_US;

	if (self->former_known && packet->ssrc == self->former_ssrc &&
	    now - self->left_us < CONTEND_US && !silent) {
		self->contended = true;
		self->contended_us = now;
		self->left_us = now;
	}
	if (silent)
		return true;
	if (self->contended && now - self->contended_us < CONTEND_US)
		return false;
	if (authentic)
		return true;
	if (self->rival_known && self->rival_ssrc == packet->ssrc &&
	    packet->seq == (uint16_t)(self->rival_seq + 1))
		return true;
	self->rival_known = true;
	self->rival_ssrc = packet->ssrc;
	self->rival_seq = packet->seq;
	return false;
}

static enum source_verdict other_ssrc(struct rtp_source *self, const struct rtp_packet *packet,
				      uint32_t clock_rate, bool authentic, int64_t now)
{
	if (self->known) {
		if (!may_take_over(self, packet, authentic, now))
			return SOURCE_DROP;
		self->former_known = true;
		self->former_ssrc = self->ssrc;
		self->left_us = now;
		self->contended = false;
	}
	begin(self, packet);
	take(self, packet, clock_rate, now);
	return SOURCE_NEW;
}

enum source_verdict rtp_source_update(struct rtp_source *self, const struct rtp_packet *packet,
				      uint32_t clock_rate, bool authentic, int64_t now)
{
	uint16_t delta = (uint16_t)(packet->seq - self->max_seq);

	if (!self->known || packet->ssrc != self->ssrc)
		return other_ssrc(self, packet, clock_rate, authentic, now);
	if (delta < MAX_DROPOUT) {
		if (packet->seq < self->max_seq)
			self->cycles += 0x10000;
		self->max_seq = packet->seq;
	} else if (delta <= 0x10000 - MAX_MISORDER) {
		if (packet->seq != self->bad_seq && now - self->last_us < RESUME_US) {
			self->bad_seq = (packet->seq + 1) & 0xffff;
			return SOURCE_DROP;
		}
		begin(self, packet);
		take(self, packet, clock_rate, now);
		return SOURCE_RESTART;
	}
	take(self, packet, clock_rate, now);
	return SOURCE_OK;
}
