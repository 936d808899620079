/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP payload format for H.264: RFC 6184, packetization modes 0 and 1. */
#include "codecs/annexb.h"
#include "codecs/payload_int.h"

#include <errno.h>

enum { F_BIT = 0x80, NRI_BITS = 0x60, TYPE_BITS = 0x1f, FU_START = 0x80, FU_END = 0x40,
       STAP_MAX = 1500 };

/* ---- sending ----------------------------------------------------------------------- */

struct out {
	payload_emit *emit;
	void *arg;
	size_t mtu;
};

static const uint8_t *unit_data(const struct coded *f, uint32_t i)
{
	return f->data + f->unit[i].offset;
}

/* Parameter sets and their kin, which travel together (5.7.1). */
static bool gathers(const struct coded *f, uint32_t i)
{
	unsigned type = unit_data(f, i)[0] & TYPE_BITS;

	return type >= NAL_SEI && type <= NAL_AUD;
}

/* How many units from `i` on fit one STAP-A. */
static uint32_t run_of(const struct coded *f, uint32_t i, size_t mtu)
{
	size_t room = mtu < STAP_MAX ? mtu : STAP_MAX, size = 1;
	uint32_t n = 0;

	while (i + n < f->n_units && gathers(f, i + n) && size + 2 + f->unit[i + n].len <= room) {
		size += 2 + f->unit[i + n].len;
		n++;
	}
	return n;
}

/* 5.7.1: F is the OR, NRI the highest of the units inside. */
static int send_stap(const struct out *o, const struct coded *f, uint32_t i, uint32_t n, bool last)
{
	uint8_t buf[STAP_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	unsigned f_bit = 0, nri = 0;

	writer_u8(&w, NAL_STAP_A);
	for (uint32_t k = i; k < i + n; k++) {
		unsigned head = unit_data(f, k)[0];

		f_bit |= head & F_BIT;
		nri = (head & NRI_BITS) > nri ? head & NRI_BITS : nri;
		writer_u16(&w, f->unit[k].len);
		writer_bytes(&w, unit_data(f, k), f->unit[k].len);
	}
	if (w.bad)
		return -EMSGSIZE;
	buf[0] = (uint8_t)(f_bit | nri | NAL_STAP_A);
	return o->emit(o->arg, buf, writer_len(&w), NULL, 0, last);
}

/* 5.8: pieces of nearly equal size. */
static int send_fu(const struct out *o, const uint8_t *nal, size_t len, bool last)
{
	size_t body = len - 1, room = o->mtu - 2, pieces = (body + room - 1) / room;
	size_t piece = (body + pieces - 1) / pieces, at = 0;

	while (at < body) {
		size_t n = body - at < piece ? body - at : piece;
		bool end = at + n == body;
		uint8_t head[2] = { (uint8_t)((nal[0] & (F_BIT | NRI_BITS)) | NAL_FU_A),
				    (uint8_t)((at == 0 ? FU_START : 0) | (end ? FU_END : 0) |
					      (nal[0] & TYPE_BITS)) };
		int r = o->emit(o->arg, head, sizeof(head), nal + 1 + at, n, last && end);

		if (r)
			return r;
		at += n;
	}
	return 0;
}

int h264_pack(const struct coded *frame, int packetization_mode, size_t mtu,
	      payload_emit *emit, void *arg)
{
	struct out o = { emit, arg, mtu };
	uint32_t i = 0, n;
	int r;

	for (uint32_t k = 0; k < frame->n_units; k++)
		if (frame->unit[k].len == 0)
			return -EINVAL;
		else if (packetization_mode == 0 && frame->unit[k].len > mtu)
			return -EMSGSIZE;
	for (; i < frame->n_units; i += n) {
		const uint8_t *nal = unit_data(frame, i);
		size_t len = frame->unit[i].len;

		n = packetization_mode ? run_of(frame, i, mtu) : 0;
		if (n > 1) {
			r = send_stap(&o, frame, i, n, i + n == frame->n_units);
		} else {
			n = 1;
			if (len <= mtu)
				r = emit(arg, nal, 1, nal + 1, len - 1, i + 1 == frame->n_units);
			else
				r = send_fu(&o, nal, len, i + 1 == frame->n_units);
		}
		if (r)
			return r;
	}
	return 0;
}

/* ---- receiving ---------------------------------------------------------------------- */

static const uint8_t start_code[4] = { 0, 0, 0, 1 };

/* A unit whose first bytes these are begins. */
static int open_unit(struct unpacker *self, const uint8_t *data, size_t len)
{
	struct gather *g = &self->frame;
	size_t from = g->len;
	int r = gather_bytes(g, start_code, sizeof(start_code));

	if (r == 0)
		r = gather_unit(g);
	if (r < 0) {
		g->len = from;
		return r;
	}
	r = gather_bytes(g, data, len);
	if (r < 0)
		gather_unit_undo(g, from);
	self->unit_start = from;
	return r;
}

/* Is this a key frame, and is its beginning there? Only parameter sets or a
 * delimiter in front show that: an IDR slice that comes first may have lost
 * the parameter sets it needs. */
static void note_unit(struct unpacker *self, unsigned type)
{
	if (self->frame.n_units == 1)
		self->begun = type == NAL_SPS || type == NAL_AUD;
	self->key |= type == NAL_IDR;
}

static void close_fu(struct unpacker *self)
{
	if (!self->in_unit)
		return;
	/* its end did not come */
	self->in_unit = false;
	self->corrupt = true;
	gather_unit_undo(&self->frame, self->unit_start);
}

static int put_whole(struct unpacker *self, const uint8_t *nal, size_t len)
{
	int r = open_unit(self, nal, len);

	if (r < 0)
		return r;
	gather_unit_end(&self->frame);
	note_unit(self, nal[0] & TYPE_BITS);
	return 0;
}

static int put_stap(struct unpacker *self, struct cursor c)
{
	int r = 0;

	while (r == 0 && cursor_left(&c) > 0) {
		size_t len = cursor_u16(&c);
		const uint8_t *nal = cursor_bytes(&c, len);

		if (!nal || len == 0 || (nal[0] & TYPE_BITS) == 0 ||
		    (nal[0] & TYPE_BITS) >= NAL_STAP_A)
			return -EBADMSG;
		r = put_whole(self, nal, len);
	}
	return r;
}

static int begin_fu(struct unpacker *self, uint8_t indicator, uint8_t head)
{
	uint8_t nal = (uint8_t)((indicator & (F_BIT | NRI_BITS)) | (head & TYPE_BITS));
	int r = open_unit(self, &nal, 1);

	if (r < 0)
		return r;
	self->in_unit = true;
	note_unit(self, head & TYPE_BITS);
	return 0;
}

static int put_fu(struct unpacker *self, uint8_t indicator, struct cursor c)
{
	uint8_t head = cursor_u8(&c);
	size_t len = cursor_left(&c);
	const uint8_t *body = cursor_bytes(&c, len);
	int r = 0;

	if (c.bad || len == 0 || (head & TYPE_BITS) == 0 || (head & TYPE_BITS) >= NAL_STAP_A)
		return -EBADMSG;
	if (head & FU_START) {
		close_fu(self);
		r = begin_fu(self, indicator, head);
	} else if (!self->in_unit) {
		return -EBADMSG; /* its beginning did not come */
	}
	if (r == 0)
		r = gather_bytes(&self->frame, body, len);
	if (r < 0) {
		close_fu(self);
		return r;
	}
	if (head & FU_END) {
		gather_unit_end(&self->frame);
		self->in_unit = false;
	}
	return 0;
}

static int h264_put(struct unpacker *self, struct cursor c)
{
	const uint8_t *whole = c.p;
	size_t len = cursor_left(&c);
	uint8_t head = cursor_u8(&c);
	unsigned type = head & TYPE_BITS;

	if (type == NAL_FU_A)
		return put_fu(self, head, c);
	close_fu(self);
	if (type == NAL_STAP_A)
		return put_stap(self, c);
	if (type == 0 || type > NAL_STAP_A)
		return -EBADMSG; /* interleaved mode, never negotiated, or reserved */
	return put_whole(self, whole, len);
}

static bool key_type(unsigned type)
{
	return type == NAL_IDR || type == NAL_SPS;
}

static bool h264_is_key(struct cursor c)
{
	unsigned type = cursor_u8(&c) & TYPE_BITS;

	if (type == NAL_FU_A) {
		uint8_t head = cursor_u8(&c);

		return head & FU_START && key_type(head & TYPE_BITS);
	}
	if (type != NAL_STAP_A)
		return key_type(type);
	while (cursor_left(&c) > 0) {
		struct cursor unit = cursor_sub(&c, cursor_u16(&c));

		if (key_type(cursor_u8(&unit) & TYPE_BITS))
			return true;
	}
	return false;
}

const struct unpack_ops h264_unpack_ops = {
	.put = h264_put,
	.end = close_fu,
	.is_key = h264_is_key,
};
