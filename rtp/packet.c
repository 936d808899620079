/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP packets as bytes: RFC 3550 5.1, RFC 8285, RFC 7983, RFC 5761. */
#include "rtp/packet.h"

#include <errno.h>

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

/* The extension behind the CSRCs, RFC 3550 5.3.1. */
static void parse_extension(struct rtp_packet *p, struct cursor *c)
{
	p->ext_profile = cursor_u16(c);
	size_t words = cursor_u16(c);

	/* More than 64 KiB cannot be in one datagram; the cursor refuses it. */
	p->ext = cursor_bytes(c, words * 4);
	p->ext_len = p->ext ? (uint16_t)(words * 4) : 0;
}

int rtp_parse(struct rtp_packet *out, const uint8_t *data, size_t len)
{
	struct cursor c = cursor_of(data, len);
	struct rtp_packet p = { 0 };
	uint8_t b0 = cursor_u8(&c), b1 = cursor_u8(&c);

	p.n_csrc = b0 & 15;
	p.marker = b1 >> 7;
	p.pt = b1 & 127;
	p.seq = cursor_u16(&c);
	p.timestamp = cursor_u32(&c);
	p.ssrc = cursor_u32(&c);
	p.csrc = cursor_bytes(&c, (size_t)p.n_csrc * 4);
	if (b0 & 0x10)
		parse_extension(&p, &c);
	if (c.bad || b0 >> 6 != 2 || len > 65535)
		return -EBADMSG;
	p.header_len = (size_t)(c.p - data);
	p.payload = c.p;
	p.payload_len = cursor_left(&c);
	if (b0 & 0x20) {
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
	struct rtp_ext_iter it = { .c = cursor_of(packet->ext, packet->ext_len) };

	it.two_byte = (packet->ext_profile & 0xfff0) == 0x1000;
	it.none = !packet->ext || (!it.two_byte && packet->ext_profile != 0xbede);
	return it;
}

bool rtp_ext_next(struct rtp_ext_iter *self, struct rtp_ext *out)
{
	while (!self->none && cursor_left(&self->c) > 0) {
		uint8_t b = cursor_u8(&self->c);
		struct rtp_ext e = { 0 };

		if (b == 0)
			continue; /* padding, both forms */
		if (self->two_byte) {
			e.id = b;
			e.len = cursor_u8(&self->c);
		} else {
			if (b >> 4 == 15)
				break; /* RFC 8285 4.2: stop here */
			e.id = b >> 4;
			e.len = (b & 15) + 1;
		}
		e.data = cursor_bytes(&self->c, e.len);
		if (self->c.bad)
			break;
		if (!e.id)
			continue; /* 0 with a length: padding badly made */
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

	while (rtp_ext_next(&it, &e))
		if (e.id == id) {
			*out = e;
			return true;
		}
	return false;
}

/* An element of one byte. */
static bool one_byte(const struct rtp_packet *packet, uint8_t id, uint8_t mask, uint8_t *out)
{
	struct rtp_ext e;

	if (!packet->ext || !rtp_ext_find(packet, id, &e) || e.len != 1)
		return false;
	*out = e.data[0] & mask;
	return true;
}

/* 0 0 0 0 C F R1 R0. Which of its cameras took the picture (C) makes no difference. */
bool rtp_orientation(const struct rtp_packet *packet, uint8_t id, uint8_t *out)
{
	return one_byte(packet, id, 7, out);
}

/* The first bit, is it a voice, is not there or not right with everybody. */
bool rtp_audio_level(const struct rtp_packet *packet, uint8_t id, uint8_t *out)
{
	return one_byte(packet, id, 127, out);
}

static int write_extension(const struct rtp_ext *ext, size_t n_ext, struct writer *w)
{
	bool two_byte = false;
	size_t len = 0;

	for (size_t i = 0; i < n_ext; i++) {
		if (!ext[i].id)
			return -EINVAL;
		if (ext[i].id > 14 || !ext[i].len || ext[i].len > 16)
			two_byte = true;
		len += ext[i].len;
	}
	len += n_ext * (two_byte ? 2 : 1);
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
	return 0;
}

int rtp_write_header(const struct rtp_packet *self, const struct rtp_ext *ext,
		     size_t n_ext, struct writer *w)
{
	int r = 0;

	if (self->pt > 127 || self->n_csrc > RTP_MAX_CSRC || n_ext > 255)
		return -EINVAL;
	writer_u8(w, 0x80u | (n_ext ? 0x10 : 0) | self->n_csrc);
	writer_u8(w, (self->marker ? 0x80u : 0) | self->pt);
	writer_u16(w, self->seq);
	writer_u32(w, self->timestamp);
	writer_u32(w, self->ssrc);
	writer_bytes(w, self->csrc, (size_t)self->n_csrc * 4);
	if (n_ext)
		r = write_extension(ext, n_ext, w);
	if (!r && w->bad)
		r = -ENOSPC;
	return r;
}
