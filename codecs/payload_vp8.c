/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP payload format for VP8: RFC 7741. */
#include "codecs/payload_int.h"

#include <errno.h>

/* Section 4.2: the payload descriptor. */
enum {
	D_EXTENDED = 0x80, D_START = 0x10, D_PARTITION = 0x07, /* first byte */
	X_PICTURE_ID = 0x80, X_TL0PICIDX = 0x40, X_TID = 0x20, X_KEYIDX = 0x10,
	ID_LONG = 0x80, ID_MASK = 0x7fff
};

enum { HEAD = 4 };

int vp8_pack(struct packer *self, const struct coded *frame, size_t mtu,
	     payload_emit *emit, void *arg)
{
	size_t room = mtu - HEAD, pieces = (frame->len + room - 1) / room;
	size_t piece = pieces ? (frame->len + pieces - 1) / pieces : 0, at = 0;
	uint16_t id = self->picture_id & ID_MASK;

	if (frame->len == 0)
		return -EINVAL;
	self->picture_id = (id + 1) & ID_MASK;
	while (at < frame->len) {
		size_t n = frame->len - at < piece ? frame->len - at : piece;
		uint8_t head[HEAD] = { (uint8_t)(D_EXTENDED | (at == 0 ? D_START : 0)),
				       X_PICTURE_ID, (uint8_t)(0x80 | id >> 8), (uint8_t)id };
		int r = emit(arg, head, sizeof(head), frame->data + at, n,
			     at + n == frame->len);

		if (r)
			return r;
		at += n;
	}
	return 0;
}

/* Steps over the descriptor. True in *start when a frame begins here. */
static int descriptor(struct cursor *c, bool *start)
{
	uint8_t d = cursor_u8(c), x = d & D_EXTENDED ? cursor_u8(c) : 0;

	if (x & X_PICTURE_ID && cursor_u8(c) & ID_LONG)
		cursor_u8(c);
	if (x & X_TL0PICIDX)
		cursor_u8(c);
	if (x & (X_TID | X_KEYIDX))
		cursor_u8(c);
	*start = d & D_START && (d & D_PARTITION) == 0;
	return cursor_left(c) > 0 ? 0 : -EBADMSG;
}

static int vp8_put(struct unpacker *self, struct cursor c)
{
	bool start;
	int r = descriptor(&c, &start);

	if (r < 0)
		return r;
	if (start && self->frame.n_units == 0) {
		r = gather_unit(&self->frame);
		if (r < 0)
			return r;
		self->begun = true;
		self->key = !(c.p[0] & 1); /* RFC 6386 9.1 */
	} else if (self->frame.n_units == 0 || start) {
		return -EBADMSG; /* no beginning, or a second one */
	}
	r = gather_bytes(&self->frame, c.p, cursor_left(&c));
	gather_unit_end(&self->frame);
	return r;
}

static void vp8_end(struct unpacker *self)
{
	(void)self;
}

static bool vp8_is_key(struct cursor c)
{
	bool start;

	return descriptor(&c, &start) == 0 && start && !(c.p[0] & 1);
}

const struct unpack_ops vp8_unpack_ops = {
	.put = vp8_put,
	.end = vp8_end,
	.is_key = vp8_is_key,
};
