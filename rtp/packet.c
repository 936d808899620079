/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP packets, header extensions, and the state of a source. */
#include "rtp/packet.h"

#include <errno.h>

/* ---- which protocol ------------------------------------------------------ */

enum demux packet_demux(const uint8_t *data, size_t len)
{
	if (len < 2)
		return DEMUX_UNKNOWN;
	if (data[0] <= 3)
		return DEMUX_STUN;
	if (data[0] >= 16 && data[0] <= 19)
		return DEMUX_ZRTP;
	if (data[0] >= 20 && data[0] <= 63)
		return DEMUX_DTLS;
	if (data[0] >= 64 && data[0] <= 79)
		return DEMUX_TURN;
	if (data[0] >= 128 && data[0] <= 191)
		return data[1] >= 192 && data[1] <= 223 ? DEMUX_RTCP : DEMUX_RTP;
	return DEMUX_UNKNOWN;
}

/* ---- one packet ---------------------------------------------------------- */

int rtp_parse(struct rtp_packet *out, const uint8_t *data, size_t len)
{
	struct cursor c = cursor_of(data, len);
	struct rtp_packet p = { 0 };
	uint8_t first = cursor_u8(&c), second = cursor_u8(&c);

	if (first >> 6 != 2)
		return -EBADMSG;
	p.marker = second >> 7;
	p.pt = second & 0x7f;
	p.seq = cursor_u16(&c);
	p.timestamp = cursor_u32(&c);
	p.ssrc = cursor_u32(&c);
	p.n_csrc = first & 15;
	p.csrc = cursor_bytes(&c, p.n_csrc * 4u);
	if (first & 0x10) {
		size_t ext_len;

		p.ext_profile = cursor_u16(&c);
		ext_len = cursor_u16(&c) * (size_t)4;

		/* Over 64 KiB cannot be inside a datagram. */
		if (ext_len > UINT16_MAX)
			return -EBADMSG;
		p.ext_len = (uint16_t)ext_len;
		p.ext = cursor_bytes(&c, ext_len);
	}
	if (c.bad)
		return -EBADMSG;
	p.payload = c.p;
	p.payload_len = cursor_left(&c);
	p.header_len = (size_t)(c.p - data);
	if (first & 0x20) {
		if (!p.payload_len)
			return -EBADMSG;
		p.padding = p.payload[p.payload_len - 1];
		if (!p.padding || p.padding > p.payload_len)
			return -EBADMSG;
		p.payload_len -= p.padding;
	}
	*out = p;
	return 0;
}

struct rtp_ext_iter rtp_ext_begin(const struct rtp_packet *packet)
{
	struct rtp_ext_iter it = { .c = cursor_of(packet->ext, packet->ext ? packet->ext_len : 0) };

	if (!packet->ext)
		it.none = true;
	else if ((packet->ext_profile & 0xfff0) == 0x1000)
		it.two_byte = true;
	else if (packet->ext_profile != 0xbede)
		it.none = true;
	return it;
}

bool rtp_ext_next(struct rtp_ext_iter *self, struct rtp_ext *out)
{
	while (!self->none && cursor_left(&self->c)) {
		uint8_t b = cursor_u8(&self->c);
		struct rtp_ext e;

		if (!b)
			continue; /* padding */
		if (self->two_byte) {
			e.id = b;
			e.len = cursor_u8(&self->c);
		} else {
			e.id = b >> 4;
			e.len = (uint8_t)((b & 15) + 1);
			/* 15 ends the walk (RFC 8285 4.2); 0 with a length is skipped. */
			if (e.id == 15)
				break;
		}
		e.data = cursor_bytes(&self->c, e.len);
		if (!e.data)
			break;
		if (!e.id)
			continue;
		*out = e;
		return true;
	}
	self->none = true;
	return false;
}

bool rtp_ext_find(const struct rtp_packet *packet, uint8_t id, struct rtp_ext *out)
{
	struct rtp_ext_iter it = rtp_ext_begin(packet);
	struct rtp_ext e;

	while (rtp_ext_next(&it, &e)) {
		if (e.id == id) {
			*out = e;
			return true;
		}
	}
	return false;
}

static void write_extensions(const struct rtp_ext *ext, size_t n_ext, struct writer *w)
{
	bool two_byte = false;
	size_t len = 0;

	for (size_t i = 0; i < n_ext; i++)
		two_byte |= ext[i].id > 14 || ext[i].len == 0 || ext[i].len > 16;
	for (size_t i = 0; i < n_ext; i++)
		len += ext[i].len + (two_byte ? 2u : 1u);
	writer_u16(w, two_byte ? 0x1000 : 0xbede);
	writer_u16(w, (unsigned)((len + 3) / 4));
	for (size_t i = 0; i < n_ext; i++) {
		if (two_byte) {
			writer_u8(w, ext[i].id);
			writer_u8(w, ext[i].len);
		} else {
			writer_u8(w, (unsigned)(ext[i].id << 4 | (ext[i].len - 1)));
		}
		writer_bytes(w, ext[i].data, ext[i].len);
	}
	for (; len % 4; len++)
		writer_u8(w, 0);
}

int rtp_write_header(const struct rtp_packet *self, const struct rtp_ext *ext, size_t n_ext,
		     struct writer *w)
{
	for (size_t i = 0; i < n_ext; i++)
		if (!ext[i].id)
			return -EINVAL;
	if (self->n_csrc > RTP_MAX_CSRC || self->pt > 127)
		return -EINVAL;
	writer_u8(w, 0x80u | (n_ext ? 0x10u : 0) | self->n_csrc);
	writer_u8(w, (self->marker ? 0x80u : 0) | self->pt);
	writer_u16(w, self->seq);
	writer_u32(w, self->timestamp);
	writer_u32(w, self->ssrc);
	writer_bytes(w, self->csrc, self->n_csrc * 4u);
	if (n_ext)
		write_extensions(ext, n_ext, w);
	return w->bad ? -ENOSPC : 0;
}

/* ---- the source ---------------------------------------------------------- */

/* RFC 3550 A.1. */
enum { MAX_DROPOUT = 3000, MAX_MISORDER = 100 };
#define RIVAL_SILENCE_US 500000
#define BAD_SEQ_NONE 0x10001u

void rtp_source_init(struct rtp_source *self)
{
	*self = (struct rtp_source){ .bad_seq = BAD_SEQ_NONE };
}

static void count_jitter(struct rtp_source *self, const struct rtp_packet *p,
			 uint32_t clock_rate, int64_t now)
{
	uint32_t transit;
	int32_t d;

	if (!clock_rate)
		return;
	if (clock_rate != self->clock_rate) {
		self->clock_rate = clock_rate;
		self->transit_known = false;
		self->jitter_q4 = 0;
	}
	transit = (uint32_t)(now / 1000000 * clock_rate + now % 1000000 * clock_rate / 1000000) -
		  p->timestamp;
	d = (int32_t)(transit - self->transit);
	self->transit = transit;
	/* Packets of one video frame share a timestamp and a jump is no jitter. */
	if (self->transit_known && d < (int32_t)clock_rate && d > -(int32_t)clock_rate) {
		uint32_t a = (uint32_t)(d < 0 ? -d : d);

		self->jitter_q4 += a - ((self->jitter_q4 + 8) >> 4);
	}
	self->transit_known = true;
}

static void begin(struct rtp_source *self, const struct rtp_packet *p, int64_t now)
{
	self->lost_before = rtp_source_lost(self);
	self->known = true;
	self->ssrc = p->ssrc;
	self->base_seq = self->max_seq = p->seq;
	self->cycles = 0;
	self->bad_seq = BAD_SEQ_NONE;
	self->received = 1;
	self->expected_prior = self->received_prior = 0;
	self->transit_known = false;
	self->rival_known = false;
	self->last_us = now;
}

/* Another SSRC: has it earned the stream? */
static enum source_verdict rival(struct rtp_source *self, const struct rtp_packet *p,
				 bool authentic, int64_t now)
{
	bool in_sequence = self->rival_known && self->rival_ssrc == p->ssrc &&
			   p->seq == (uint16_t)(self->rival_seq + 1);
	bool again = self->former_known && self->former_ssrc == p->ssrc &&
		     now - self->left_us < 2000000;

	if (again)
		self->contended = true;
	self->rival_known = true;
	self->rival_ssrc = p->ssrc;
	self->rival_seq = p->seq;
	if (self->contended && now - self->last_us < RIVAL_SILENCE_US)
		return SOURCE_DROP;
	if (!authentic && !in_sequence && now - self->last_us < RIVAL_SILENCE_US)
		return SOURCE_DROP;
	self->former_known = true;
	self->former_ssrc = self->ssrc;
	self->left_us = now;
	self->contended = false;
	begin(self, p, now);
	return SOURCE_NEW;
}

/* RFC 3550 A.1, update_seq. */
static enum source_verdict in_run(struct rtp_source *self, const struct rtp_packet *p,
				  bool authentic)
{
	uint16_t ahead = (uint16_t)(p->seq - self->max_seq);

	if (ahead < MAX_DROPOUT) {
		if (p->seq < self->max_seq)
			self->cycles += 65536;
		self->max_seq = p->seq;
	} else if (ahead <= 65536 - MAX_MISORDER) {
		if (!authentic && p->seq != self->bad_seq) {
			self->bad_seq = (uint16_t)(p->seq + 1);
			return SOURCE_DROP;
		}
		return SOURCE_RESTART;
	}
	self->bad_seq = BAD_SEQ_NONE;
	return SOURCE_OK;
}

enum source_verdict rtp_source_update(struct rtp_source *self, const struct rtp_packet *packet,
				      uint32_t clock_rate, bool authentic, int64_t now)
{
	enum source_verdict v;

	if (!self->known) {
		begin(self, packet, now);
		count_jitter(self, packet, clock_rate, now);
		return SOURCE_NEW;
	}
	if (packet->ssrc != self->ssrc) {
		v = rival(self, packet, authentic, now);
		if (v != SOURCE_DROP)
			count_jitter(self, packet, clock_rate, now);
		return v;
	}
	/* The present source spoke: the rival's run is broken. */
	self->rival_known = false;
	v = in_run(self, packet, authentic);
	if (v == SOURCE_DROP)
		return v;
	if (v == SOURCE_RESTART) {
		uint64_t lost = rtp_source_lost(self);

		begin(self, packet, now);
		self->lost_before = lost;
	} else {
		self->received++;
	}
	self->last_us = now;
	count_jitter(self, packet, clock_rate, now);
	return v;
}

uint32_t rtp_source_highest(const struct rtp_source *self)
{
	return self->cycles + self->max_seq;
}

uint64_t rtp_source_lost(const struct rtp_source *self)
{
	uint64_t expected;

	if (!self->known)
		return self->lost_before;
	expected = (uint64_t)rtp_source_highest(self) - self->base_seq + 1;
	return self->lost_before + (expected > self->received ? expected - self->received : 0);
}

uint32_t rtp_source_jitter_us(const struct rtp_source *self)
{
	return self->clock_rate ?
		(uint32_t)((uint64_t)(self->jitter_q4 >> 4) * 1000000 / self->clock_rate) : 0;
}
