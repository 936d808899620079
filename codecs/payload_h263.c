/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP payload formats for H.263: RFC 4629 ("H263-1998") and RFC 2190 ("H263"). */
#include "codecs/h263.h"
#include "codecs/payload_int.h"

#include <errno.h>

/* How many units from `i` on fit in `room` bytes together, at least one. */
static uint32_t run_of(const struct coded *f, uint32_t i, size_t room, size_t *bytes)
{
	uint32_t n = 0;

	*bytes = 0;
	while (i + n < f->n_units && (n == 0 || *bytes + f->unit[i + n].len <= room))
		*bytes += f->unit[i + n++].len;
	return n;
}

static bool is_key(const uint8_t *data, size_t len)
{
	struct h263_picture p;

	return h263_picture_parse(&p, data, len) == 0 && p.intra;
}

/* ---- RFC 4629 ------------------------------------------------------------------------ */

enum { P_BIT = 0x04, V_BIT = 0x02 }; /* 5.1, first byte */

/* A packet that begins with a start code has P set and leaves out the two zero
 * bytes; a group larger than a packet goes on in packets without (4.2, 4.3). */
int h263p_pack(const struct coded *frame, size_t mtu, payload_emit *emit, void *arg)
{
	size_t room = mtu - 2, bytes;
	uint32_t n;

	for (uint32_t i = 0; i < frame->n_units; i += n) {
		const uint8_t *data = frame->data + frame->unit[i].offset;
		size_t at = 2;

		n = run_of(frame, i, room + 2, &bytes);
		if (bytes < 3 || data[0] || data[1])
			return -EINVAL;
		while (at < bytes) {
			uint8_t head[2] = { at == 2 ? P_BIT : 0, 0 };
			size_t len = bytes - at < room ? bytes - at : room;
			int r = emit(arg, head, sizeof(head), data + at, len,
				     i + n == frame->n_units && at + len == bytes);

			if (r)
				return r;
			at += len;
		}
	}
	return 0;
}

/* Steps over the header; `zeros`: two zero bytes were left out. */
static int header_4629(struct cursor *c, bool *zeros)
{
	uint16_t head = cursor_u16(c);

	if (head & V_BIT << 8)
		cursor_u8(c); /* video redundancy coding */
	cursor_skip(c, head >> 3 & 0x3f); /* extra picture header */
	*zeros = (head & P_BIT << 8) != 0;
	return cursor_left(c) > 0 ? 0 : -EBADMSG;
}

static int h263p_put(struct unpacker *self, struct cursor c)
{
	static const uint8_t zero[2];
	struct gather *g = &self->frame;
	bool zeros, first = g->n_units == 0;
	int r = header_4629(&c, &zeros);

	if (r < 0)
		return r;
	if (first) {
		if (!zeros || (c.p[0] & 0xfc) != 0x80)
			return -EBADMSG; /* no picture start code */
		r = gather_unit(g);
	}
	if (r == 0 && zeros)
		r = gather_bytes(g, zero, sizeof(zero));
	if (r == 0)
		r = gather_bytes(g, c.p, cursor_left(&c));
	if (first && g->n_units) {
		self->begun = true;
		self->key = is_key(g->data, g->len);
	}
	if (g->n_units)
		gather_unit_end(g);
	return r;
}

static void nothing(struct unpacker *self)
{
	(void)self;
}

static bool h263p_is_key(struct cursor c)
{
	uint8_t start[16] = { 0 };
	bool zeros;
	size_t n;

	if (header_4629(&c, &zeros) < 0 || !zeros)
		return false;
	n = cursor_left(&c) < sizeof(start) - 2 ? cursor_left(&c) : sizeof(start) - 2;
	memcpy(start + 2, c.p, n);
	return is_key(start, n + 2);
}

const struct unpack_ops h263p_unpack_ops = {
	.put = h263p_put,
	.end = nothing,
	.is_key = h263p_is_key,
};

/* ---- RFC 2190 ------------------------------------------------------------------------ */

enum { MODE_A = 4, MODE_B = 8, MODE_C = 12 };

/* Mode A (5.1): groups of blocks whole. A larger one, which our own encoder
 * does not make, is divided all the same: receivers put the pieces together. */
int h263_pack(const struct coded *frame, size_t mtu, payload_emit *emit, void *arg)
{
	size_t room = mtu - MODE_A, bytes;
	struct h263_picture p;
	uint32_t n;

	if (h263_picture_parse(&p, frame->data, frame->len) < 0 || p.source_format == 7 || p.pb)
		return -EINVAL;
	for (uint32_t i = 0; i < frame->n_units; i += n) {
		const uint8_t *data = frame->data + frame->unit[i].offset;
		size_t at = 0;

		n = run_of(frame, i, room, &bytes);
		while (at < bytes) {
			uint8_t head[MODE_A] = { 0, (uint8_t)(p.source_format << 5 |
							      (p.intra ? 0 : 0x10) |
							      p.umv << 3 | p.sac << 2 | p.ap << 1),
						 0, 0 };
			size_t len = bytes - at < room ? bytes - at : room;
			int r = emit(arg, head, sizeof(head), data + at, len,
				     i + n == frame->n_units && at + len == bytes);

			if (r)
				return r;
			at += len;
		}
	}
	return 0;
}

/* Steps over the header of any mode: F, P, SBIT, EBIT stand in its first byte. */
static int header_2190(struct cursor *c, unsigned *start, unsigned *end)
{
	uint8_t first = cursor_u8(c);

	cursor_skip(c, (first & 0x80 ? first & 0x40 ? MODE_C : MODE_B : MODE_A) - 1);
	*start = first >> 3 & 7;
	*end = first & 7;
	return cursor_left(c) > 0 ? 0 : -EBADMSG;
}

static int h263_put(struct unpacker *self, struct cursor c)
{
	bool first = self->frame.n_units == 0;
	unsigned start, end;
	int r = header_2190(&c, &start, &end);
	size_t len = cursor_left(&c);

	if (r < 0)
		return r;
	if (first && (len < 3 || start || c.p[0] || c.p[1] || (c.p[2] & 0xfc) != 0x80))
		return -EBADMSG; /* no picture start code */
	r = unpacker_bits(self, c.p, len, start, end);
	if (first && r == 0) {
		self->begun = true;
		self->key = is_key(self->frame.data, self->frame.len);
	}
	return r;
}

static bool h263_is_key(struct cursor c)
{
	unsigned start, end;

	return header_2190(&c, &start, &end) == 0 && start == 0 && is_key(c.p, cursor_left(&c));
}

const struct unpack_ops h263_unpack_ops = {
	.put = h263_put,
	.end = nothing,
	.is_key = h263_is_key,
};
