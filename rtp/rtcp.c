/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTCP packets: reading and writing. */
#include "rtp/rtcp.h"

#include <errno.h>

/* ---- reading --------------------------------------------------------------- */

int rtcp_begin(struct rtcp_iter *out, const uint8_t *data, size_t len, bool reduced)
{
	struct cursor c = cursor_of(data, len);
	bool first = true;

	if (!len || len % 4)
		return -EBADMSG;
	while (cursor_left(&c)) {
		uint8_t head = cursor_u8(&c), type = cursor_u8(&c);
		uint16_t words = cursor_u16(&c);
		const uint8_t *body = cursor_bytes(&c, words * 4u);

		if (c.bad || head >> 6 != 2)
			return -EBADMSG;
		if (first && !reduced && type != RTCP_TYPE_SR && type != RTCP_TYPE_RR)
			return -EBADMSG;
		/* Padding is allowed in the last packet only (RFC 3550 6.4.1). */
		if (head & 0x20) {
			if (cursor_left(&c) || !words || !body[words * 4 - 1] ||
			    body[words * 4 - 1] > words * 4)
				return -EBADMSG;
		}
		first = false;
	}
	out->c = cursor_of(data, len);
	return 0;
}

static void read_sender(struct rtcp_packet *p, struct cursor *c)
{
	p->sender.ntp = cursor_u64(c);
	p->sender.rtp_time = cursor_u32(c);
	p->sender.packets = cursor_u32(c);
	p->sender.octets = cursor_u32(c);
}

static enum rtcp_kind read_rtpfb(struct rtcp_packet *p, struct cursor *c)
{
	p->media_ssrc = cursor_u32(c);
	switch (p->count) {
	case 1:
		return cursor_left(c) >= 4 ? RTCP_NACK : RTCP_OTHER;
	case 3:
		return cursor_left(c) >= 8 ? RTCP_TMMBR : RTCP_OTHER;
	case 4:
		return RTCP_TMMBN; /* may be empty */
	}
	return RTCP_OTHER;
}

static enum rtcp_kind read_remb(struct rtcp_packet *p, struct cursor *c)
{
	uint32_t name = cursor_u32(c);
	uint8_t n = cursor_u8(c);
	uint32_t rate = cursor_u24(c);
	uint64_t mantissa = rate & 0x3ffff;
	unsigned exponent = rate >> 18;

	if (c->bad || name != 0x52454d42 /* "REMB" */ || cursor_left(c) < n * 4u)
		return RTCP_OTHER;
	p->remb = exponent > 46 && mantissa ? UINT64_MAX : mantissa << (exponent & 63);
	*c = cursor_sub(c, n * 4u);
	return RTCP_REMB;
}

static enum rtcp_kind read_psfb(struct rtcp_packet *p, struct cursor *c)
{
	p->media_ssrc = cursor_u32(c);
	switch (p->count) {
	case 1:
		return RTCP_PLI;
	case 4:
		return cursor_left(c) >= 8 ? RTCP_FIR : RTCP_OTHER;
	case 15:
		return read_remb(p, c);
	}
	return RTCP_OTHER;
}

static enum rtcp_kind read_body(struct rtcp_packet *p, struct cursor *c)
{
	switch (p->type) {
	case RTCP_TYPE_SR:
	case RTCP_TYPE_RR:
		p->ssrc = cursor_u32(c);
		if (p->type == RTCP_TYPE_SR)
			read_sender(p, c);
		if (cursor_left(c) < p->count * 24u)
			return RTCP_OTHER;
		return p->type == RTCP_TYPE_SR ? RTCP_SR : RTCP_RR;
	case RTCP_TYPE_SDES:
	case RTCP_TYPE_BYE: {
		struct cursor peek = *c;

		p->ssrc = p->count && cursor_left(&peek) >= 4 ? cursor_u32(&peek) : 0;
		if (p->type == RTCP_TYPE_SDES)
			return RTCP_SDES;
		return cursor_left(c) >= p->count * 4u ? RTCP_BYE : RTCP_OTHER;
	}
	case RTCP_TYPE_APP: {
		const uint8_t *name;

		p->ssrc = cursor_u32(c);
		name = cursor_bytes(c, 4);
		if (name)
			memcpy(p->app_name, name, 4);
		return RTCP_APP;
	}
	case RTCP_TYPE_RTPFB:
		p->ssrc = cursor_u32(c);
		return read_rtpfb(p, c);
	case RTCP_TYPE_PSFB:
		p->ssrc = cursor_u32(c);
		return read_psfb(p, c);
	}
	return RTCP_OTHER;
}

bool rtcp_next(struct rtcp_iter *self, struct rtcp_packet *out)
{
	struct rtcp_packet p = { 0 };
	uint8_t head;
	size_t len;

	if (!cursor_left(&self->c))
		return false;
	head = cursor_u8(&self->c);
	p.type = cursor_u8(&self->c);
	p.count = head & 31;
	len = cursor_u16(&self->c) * (size_t)4;
	p.items = cursor_sub(&self->c, len);
	if (self->c.bad)
		return false;
	if (head & 0x20)
		p.items.end -= p.items.end[-1];
	p.kind = read_body(&p, &p.items);
	if (p.items.bad)
		p.kind = RTCP_OTHER;
	*out = p;
	return true;
}

bool rtcp_block_next(struct rtcp_packet *self, struct rtcp_block *out)
{
	struct cursor *c = &self->items;
	uint32_t lost;

	if ((self->kind != RTCP_SR && self->kind != RTCP_RR) || !self->count)
		return false;
	self->count--;
	out->ssrc = cursor_u32(c);
	out->fraction = cursor_u8(c);
	lost = cursor_u24(c);
	out->lost = lost & 0x800000 ? (int32_t)(lost | 0xff000000u) : (int32_t)lost;
	out->highest = cursor_u32(c);
	out->jitter = cursor_u32(c);
	out->lsr = cursor_u32(c);
	out->dlsr = cursor_u32(c);
	return !c->bad;
}

bool rtcp_bye_next(struct rtcp_packet *self, uint32_t *ssrc)
{
	if (self->kind != RTCP_BYE || !self->count)
		return false;
	self->count--;
	*ssrc = cursor_u32(&self->items);
	return !self->items.bad;
}

bool rtcp_nack_next(struct rtcp_packet *self, uint16_t *seq)
{
	if (self->kind != RTCP_NACK)
		return false;
	if (!self->nack_mask) {
		uint16_t blp;

		if (cursor_left(&self->items) < 4)
			return false;
		self->nack_pid = cursor_u16(&self->items);
		blp = cursor_u16(&self->items);
		/* Bit 0 is the packet itself. */
		self->nack_mask = (uint32_t)blp << 1 | 1;
	}
	for (unsigned i = 0; i < 17; i++) {
		if (self->nack_mask >> i & 1) {
			self->nack_mask &= ~(1u << i);
			*seq = (uint16_t)(self->nack_pid + i);
			return true;
		}
	}
	return false;
}

bool rtcp_fir_next(struct rtcp_packet *self, uint32_t *ssrc, uint8_t *seq)
{
	if (self->kind != RTCP_FIR || cursor_left(&self->items) < 8)
		return false;
	*ssrc = cursor_u32(&self->items);
	*seq = cursor_u8(&self->items);
	cursor_skip(&self->items, 3);
	return true;
}

bool rtcp_remb_next(struct rtcp_packet *self, uint32_t *ssrc)
{
	if (self->kind != RTCP_REMB || cursor_left(&self->items) < 4)
		return false;
	*ssrc = cursor_u32(&self->items);
	return true;
}

/* RFC 5104 4.2.1.1: exponent 6, mantissa 17, overhead 9 bits. */
bool rtcp_tmmb_next(struct rtcp_packet *self, struct rtcp_tmmb *out)
{
	uint32_t v;
	uint64_t mantissa;
	unsigned exponent;

	if ((self->kind != RTCP_TMMBR && self->kind != RTCP_TMMBN) ||
	    cursor_left(&self->items) < 8)
		return false;
	out->ssrc = cursor_u32(&self->items);
	v = cursor_u32(&self->items);
	exponent = v >> 26;
	mantissa = v >> 9 & 0x1ffff;
	out->bitrate = exponent > 47 && mantissa ? UINT64_MAX : mantissa << exponent;
	out->overhead = v & 0x1ff;
	return true;
}

bool rtcp_sdes_cname(const struct rtcp_packet *self, const uint8_t **cname, size_t *len)
{
	struct cursor c = self->items;

	if (self->kind != RTCP_SDES)
		return false;
	for (unsigned chunk = 0; chunk < self->count && cursor_left(&c) >= 4; chunk++) {
		const uint8_t *start = c.p;
		uint8_t item;

		cursor_skip(&c, 4);
		while (!c.bad && (item = cursor_u8(&c)) != 0) {
			uint8_t n = cursor_u8(&c);
			const uint8_t *text = cursor_bytes(&c, n);

			if (text && item == 1) {
				*cname = text;
				*len = n;
				return true;
			}
		}
		/* A chunk ends at a multiple of four bytes. */
		if (!c.bad)
			cursor_skip(&c, (size_t)(4 - (c.p - start) % 4) % 4);
	}
	return false;
}

/* ---- writing ------------------------------------------------------------------ */

/* Each packet is written whole or not at all. */
static uint8_t *begin(struct writer *w, unsigned count, unsigned type, size_t len)
{
	uint8_t *p;

	if (w->bad || (size_t)(w->end - w->p) < len)
		return NULL;
	p = w->p;
	writer_u8(w, 0x80 | count);
	writer_u8(w, type);
	writer_u16(w, (unsigned)(len / 4 - 1));
	return p;
}

static void write_blocks(struct writer *w, const struct rtcp_block *block, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		writer_u32(w, block[i].ssrc);
		writer_u8(w, block[i].fraction);
		writer_u24(w, (uint32_t)block[i].lost & 0xffffff);
		writer_u32(w, block[i].highest);
		writer_u32(w, block[i].jitter);
		writer_u32(w, block[i].lsr);
		writer_u32(w, block[i].dlsr);
	}
}

int rtcp_write_sr(struct writer *w, uint32_t ssrc, const struct rtcp_sender *sender,
		  const struct rtcp_block *block, size_t n)
{
	if (n > 31)
		return -EINVAL;
	if (!begin(w, (unsigned)n, RTCP_TYPE_SR, 28 + n * 24))
		return -ENOSPC;
	writer_u32(w, ssrc);
	writer_u64(w, sender->ntp);
	writer_u32(w, sender->rtp_time);
	writer_u32(w, sender->packets);
	writer_u32(w, sender->octets);
	write_blocks(w, block, n);
	return 0;
}

int rtcp_write_rr(struct writer *w, uint32_t ssrc, const struct rtcp_block *block, size_t n)
{
	if (n > 31)
		return -EINVAL;
	if (!begin(w, (unsigned)n, RTCP_TYPE_RR, 8 + n * 24))
		return -ENOSPC;
	writer_u32(w, ssrc);
	write_blocks(w, block, n);
	return 0;
}

int rtcp_write_sdes(struct writer *w, uint32_t ssrc, const char *cname)
{
	size_t n = strnlen(cname, 255), len = 8 + 2 + n + 1;

	len = (len + 3) & ~(size_t)3;
	if (!begin(w, 1, RTCP_TYPE_SDES, len))
		return -ENOSPC;
	writer_u32(w, ssrc);
	writer_u8(w, 1);
	writer_u8(w, (unsigned)n);
	writer_bytes(w, cname, n);
	for (size_t i = 8 + 2 + n; i < len; i++)
		writer_u8(w, 0);
	return 0;
}

int rtcp_write_bye(struct writer *w, uint32_t ssrc, const char *reason)
{
	size_t n = reason ? strnlen(reason, 255) : 0, len = 8 + (reason ? (n + 4) & ~(size_t)3 : 0);

	if (!begin(w, 1, RTCP_TYPE_BYE, len))
		return -ENOSPC;
	writer_u32(w, ssrc);
	if (!reason)
		return 0;
	writer_u8(w, (unsigned)n);
	writer_bytes(w, reason, n);
	for (size_t i = 9 + n; i < len; i++)
		writer_u8(w, 0);
	return 0;
}

static int begin_feedback(struct writer *w, unsigned type, unsigned fmt, uint32_t ssrc,
			  uint32_t media_ssrc, size_t fci)
{
	if (!begin(w, fmt, type, 12 + fci))
		return -ENOSPC;
	writer_u32(w, ssrc);
	writer_u32(w, media_ssrc);
	return 0;
}

int rtcp_write_pli(struct writer *w, uint32_t ssrc, uint32_t media_ssrc)
{
	return begin_feedback(w, RTCP_TYPE_PSFB, 1, ssrc, media_ssrc, 0);
}

int rtcp_write_fir(struct writer *w, uint32_t ssrc, uint32_t media_ssrc, uint8_t seq)
{
	int err = begin_feedback(w, RTCP_TYPE_PSFB, 4, ssrc, 0, 8);

	if (err)
		return err;
	writer_u32(w, media_ssrc);
	writer_u8(w, seq);
	writer_u24(w, 0);
	return 0;
}

int rtcp_write_nack(struct writer *w, uint32_t ssrc, uint32_t media_ssrc, const uint16_t *seq,
		    size_t n)
{
	size_t pairs = 0;
	int err;

	if (!n)
		return -EINVAL;
	for (size_t i = 0; i < n; pairs++) {
		uint16_t pid = seq[i++];

		while (i < n && (uint16_t)(seq[i] - pid) <= 16)
			i++;
	}
	err = begin_feedback(w, RTCP_TYPE_RTPFB, 1, ssrc, media_ssrc, pairs * 4);
	for (size_t i = 0; !err && i < n;) {
		uint16_t pid = seq[i++], blp = 0;

		for (; i < n && (uint16_t)(seq[i] - pid) <= 16; i++)
			if (seq[i] != pid)
				blp |= (uint16_t)(1u << ((uint16_t)(seq[i] - pid) - 1));
		writer_u16(w, pid);
		writer_u16(w, blp);
	}
	return err;
}

int rtcp_write_remb(struct writer *w, uint32_t ssrc, uint64_t bitrate, const uint32_t *ssrcs,
		    size_t n)
{
	unsigned exponent = 0;
	int err;

	if (n > 255)
		return -EINVAL;
	while (bitrate >> exponent > 0x3ffff)
		exponent++;
	err = begin_feedback(w, RTCP_TYPE_PSFB, 15, ssrc, 0, 8 + n * 4);
	if (err)
		return err;
	writer_u32(w, 0x52454d42);
	writer_u8(w, (unsigned)n);
	writer_u24(w, exponent << 18 | (uint32_t)(bitrate >> exponent));
	for (size_t i = 0; i < n; i++)
		writer_u32(w, ssrcs[i]);
	return 0;
}

static int write_tmmb(struct writer *w, unsigned fmt, uint32_t ssrc,
		      const struct rtcp_tmmb *entry, size_t n)
{
	int err = begin_feedback(w, RTCP_TYPE_RTPFB, fmt, ssrc, 0, n * 8);

	for (size_t i = 0; !err && i < n; i++) {
		unsigned exponent = 0;

		while (entry[i].bitrate >> exponent > 0x1ffff)
			exponent++;
		writer_u32(w, entry[i].ssrc);
		writer_u32(w, exponent << 26 | (uint32_t)(entry[i].bitrate >> exponent) << 9 |
			      (entry[i].overhead & 0x1ffu));
	}
	return err;
}

int rtcp_write_tmmbr(struct writer *w, uint32_t ssrc, const struct rtcp_tmmb *entry, size_t n)
{
	return n ? write_tmmb(w, 3, ssrc, entry, n) : -EINVAL;
}

int rtcp_write_tmmbn(struct writer *w, uint32_t ssrc, const struct rtcp_tmmb *entry, size_t n)
{
	return write_tmmb(w, 4, ssrc, entry, n);
}
