/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP payload formats of video: what they share. Frame limits, the end of a
 * frame, and which loss makes a frame corrupt. */
#include "codecs/payload_int.h"

#include "base/ref.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* ---- collecting ---------------------------------------------------------------- */

void gather_fini(struct gather *self)
{
	free(self->data);
	free(self->unit);
	*self = (struct gather){ 0 };
}

int gather_bytes(struct gather *self, const uint8_t *data, size_t len)
{
	if (len > FRAME_MAX_BYTES - self->len)
		return -ENOBUFS;
	if (self->len + len > self->cap) {
		size_t cap = self->cap ? self->cap : 16384;
		uint8_t *p;

		while (cap < self->len + len)
			cap *= 2;
		p = realloc(self->data, cap);
		if (!p)
			return -ENOMEM;
		self->data = p;
		self->cap = cap;
	}
	if (len)
		memcpy(self->data + self->len, data, len);
	self->len += len;
	return 0;
}

int gather_unit(struct gather *self)
{
	if (self->n_units >= FRAME_MAX_UNITS)
		return -ENOBUFS;
	if (self->n_units == self->units_cap) {
		uint32_t cap = self->units_cap ? self->units_cap * 2 : 64;
		struct coded_unit *p = realloc(self->unit, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		self->unit = p;
		self->units_cap = cap;
	}
	self->unit[self->n_units++] = (struct coded_unit){ (uint32_t)self->len, 0 };
	return 0;
}

void gather_unit_end(struct gather *self)
{
	struct coded_unit *u = &self->unit[self->n_units - 1];

	u->len = (uint32_t)self->len - u->offset;
}

void gather_unit_undo(struct gather *self, size_t len)
{
	self->n_units--;
	self->len = len;
}

int unpacker_bits(struct unpacker *self, const uint8_t *data, size_t len, unsigned start,
		  unsigned end)
{
	struct gather *g = &self->frame;
	uint8_t first;
	int r = 0;

	if (len == 0 || (len == 1 && start + end >= 8))
		return -EBADMSG;
	if (g->n_units == 0)
		r = gather_unit(g);
	else if ((start + self->end_bits) % 8 != 0)
		r = -EBADMSG;
	if (r < 0)
		return r;
	first = data[0] & (uint8_t)(0xff >> start);
	if (start && g->len)
		g->data[g->len - 1] |= first;
	else
		r = gather_bytes(g, &first, 1);
	if (r == 0)
		r = gather_bytes(g, data + 1, len - 1);
	if (r == 0 && end)
		g->data[g->len - 1] &= (uint8_t)(0xff << end);
	self->end_bits = (uint8_t)end;
	gather_unit_end(g);
	return r;
}

/* ---- frames ---------------------------------------------------------------------- */

static const struct unpack_ops *ops_of(enum codec_id codec)
{
	switch (codec) {
	case CODEC_H264:
		return &h264_unpack_ops;
	case CODEC_VP8:
		return &vp8_unpack_ops;
	case CODEC_H263_1998:
		return &h263p_unpack_ops;
	case CODEC_H263:
		return &h263_unpack_ops;
	case CODEC_H261:
		return &h261_unpack_ops;
	default:
		return NULL;
	}
}

int unpacker_new(struct unpacker **out, enum codec_id codec)
{
	struct unpacker *self;

	if (!ops_of(codec))
		return -ENOTSUP;
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->codec = codec;
	self->ops = ops_of(codec);
	*out = self;
	return 0;
}

struct unpacker *unpacker_free(struct unpacker *self)
{
	if (self) {
		gather_fini(&self->frame);
		ref_drop(self->ready);
		free(self);
	}
	return NULL;
}

static void begin(struct unpacker *self, uint32_t rtp_time)
{
	self->frame.len = 0;
	self->frame.n_units = 0;
	self->active = true;
	self->corrupt = self->key = self->begun = self->in_unit = false;
	self->gap_before = false;
	self->end_bits = 0;
	self->rtp_time = rtp_time;
}

/* The collected frame as one object; NULL when there is nothing in it. A frame
 * that misses what came before it stands all the same when it is a key frame
 * and its own first bytes are there. */
static struct coded *finish(struct unpacker *self)
{
	struct gather *g = &self->frame;
	struct coded *f;

	self->active = false;
	self->ops->end(self);
	self->corrupt |= self->gap_before && !(self->key && self->begun);
	/* An empty frame still tells that something is missing. */
	if (g->n_units == 0 && !self->corrupt)
		return NULL;
	f = coded_new(g->len, g->n_units);
	if (!f)
		return NULL;
	f->codec = self->codec;
	f->key = self->key;
	f->corrupt = self->corrupt;
	f->rtp_time = self->rtp_time;
	f->len = g->len;
	f->n_units = g->n_units;
	if (g->len)
		memcpy(f->data, g->data, g->len);
	if (g->n_units)
		memcpy(f->unit, g->unit, g->n_units * sizeof(*f->unit));
	return f;
}

/* A packet of another frame arrived while one was open: its end is the change of
 * the timestamp. Where packets are missing in between, the end is, too; what
 * the frame would still say, that something is missing, its successor says. */
static struct coded *change_frame(struct unpacker *self, uint32_t rtp_time, bool lost)
{
	struct coded *old = NULL;

	if (self->active && !lost)
		old = finish(self);
	begin(self, rtp_time);
	self->gap_before = lost;
	return old;
}

int unpacker_put(struct unpacker *self, const uint8_t *payload, size_t len,
		 uint32_t rtp_time, bool marker, bool lost, struct coded **out)
{
	struct coded *first = self->ready, *old = NULL, *now = NULL;
	bool fresh = !self->active || self->rtp_time != rtp_time;
	int r = 0;

	self->ready = NULL;
	if (len == 0 && fresh)
		goto out; /* padding between frames */
	if (fresh)
		old = change_frame(self, rtp_time, lost);
	if (lost && !fresh) {
		self->ops->end(self);
		self->corrupt = true;
	}
	if (len)
		r = self->ops->put(self, cursor_of(payload, len));
	if (r < 0)
		self->corrupt = true;
	if (marker)
		now = finish(self);
out:
	if (!first) {
		first = old;
		old = NULL;
	}
	if (!first) {
		first = now;
		now = NULL;
	}
	/* Between two packets that end two frames each there is one that ends
	 * none, so that one place is enough. */
	assert(!old || !now);
	self->ready = old ? old : now;
	*out = first;
	return r == -ENOBUFS ? -EBADMSG : r;
}

/* ---- both ways ---------------------------------------------------------------------- */

int payload_pack(struct packer *self, const struct coded *frame, int packetization_mode,
		 size_t mtu, payload_emit *emit, void *arg)
{
	if (mtu < 64 || frame->n_units == 0)
		return -EINVAL;
	switch (frame->codec) {
	case CODEC_H264:
		return h264_pack(frame, packetization_mode, mtu, emit, arg);
	case CODEC_VP8:
		return vp8_pack(self, frame, mtu, emit, arg);
	case CODEC_H263_1998:
		return h263p_pack(frame, mtu, emit, arg);
	case CODEC_H263:
		return h263_pack(frame, mtu, emit, arg);
	case CODEC_H261:
		return h261_pack(frame, mtu, emit, arg);
	default:
		return -ENOTSUP;
	}
}

bool payload_is_key(enum codec_id codec, const uint8_t *payload, size_t len)
{
	const struct unpack_ops *ops = ops_of(codec);

	return ops && ops->is_key(cursor_of(payload, len));
}
