/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP payload format for H.261: RFC 4587. Start codes stand on any bit, so that
 * neighbouring packets share a byte. */
#include "codecs/h263.h"
#include "codecs/payload_int.h"

#include <errno.h>

enum { HEAD = 4, I_BIT = 0x02, V_BIT = 0x01 }; /* 4.1; V: motion vectors may be there */

/* One packet of the bits from `from` to `to`. */
static int send_bits(const struct coded *f, size_t from, size_t to, bool last,
		     payload_emit *emit, void *arg)
{
	size_t first = from / 8, end = (to + 7) / 8;
	uint8_t head[HEAD] = { (uint8_t)((from % 8) << 5 | ((8 - to % 8) % 8) << 2 | V_BIT) };

	return emit(arg, head, sizeof(head), f->data + first, end - first, last);
}

/* Whole groups of blocks, as many as fit; then the other fields of the header
 * are zero. -EMSGSIZE when one does not fit (our own encoder makes none). */
int h261_pack(const struct coded *frame, size_t mtu, payload_emit *emit, void *arg)
{
	size_t room = mtu - HEAD, bits = frame->len * 8, from = 0, to = 0, next;

	for (size_t at = 0; at < bits; at = next) { /* nothing is sent in part */
		next = h261_next_start(frame->data, bits, at + 1);
		if ((next + 7) / 8 - at / 8 > room)
			return -EMSGSIZE;
	}
	while (from < bits) {
		int r;

		to = h261_next_start(frame->data, bits, from + 1);
		while (to < bits) {
			next = h261_next_start(frame->data, bits, to + 1);
			if ((next + 7) / 8 - from / 8 > room)
				break;
			to = next;
		}
		r = send_bits(frame, from, to, to == bits, emit, arg);
		if (r)
			return r;
		from = to;
	}
	return 0;
}

static int header(struct cursor *c, unsigned *start, unsigned *end)
{
	uint8_t first = cursor_u8(c);

	cursor_skip(c, HEAD - 1);
	*start = first >> 5;
	*end = first >> 2 & 7;
	return cursor_left(c) > 0 ? 0 : -EBADMSG;
}

/* Whether the picture at the front of the frame is a key frame. Intra (I) is a
 * promise about the whole stream (4.1), so it holds for the frame. */
static bool is_key(unsigned head, const uint8_t *data, size_t len)
{
	struct h261_picture p;

	return h261_picture_parse(&p, data, len) == 0 && (p.release || head & I_BIT);
}

static int h261_put(struct unpacker *self, struct cursor c)
{
	unsigned head = *c.p, start, end;
	struct gather *g = &self->frame;
	bool first = g->n_units == 0;
	struct h261_picture p;
	int r = header(&c, &start, &end);

	if (r == 0)
		r = unpacker_bits(self, c.p, cursor_left(&c), start, end);
	if (r < 0 || !first)
		return r;
	if (h261_picture_parse(&p, g->data, g->len) < 0) { /* no beginning */
		g->n_units = 0;
		g->len = 0;
		return -EBADMSG;
	}
	self->begun = true;
	self->key = is_key(head, g->data, g->len);
	return 0;
}

static void nothing(struct unpacker *self)
{
	(void)self;
}

static bool h261_is_key(struct cursor c)
{
	uint8_t front[8] = { 0 };
	unsigned head, start, end;
	size_t n;

	if (cursor_left(&c) == 0)
		return false;
	head = *c.p;
	if (header(&c, &start, &end) < 0)
		return false;
	n = cursor_left(&c) < sizeof(front) ? cursor_left(&c) : sizeof(front);
	memcpy(front, c.p, n);
	front[0] &= (uint8_t)(0xff >> start);
	return is_key(head, front, n);
}

const struct unpack_ops h261_unpack_ops = {
	.put = h261_put,
	.end = nothing,
	.is_key = h261_is_key,
};
