/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a payload format fills in, and the frame that an unpacker collects.
 * Room-internal. */
#ifndef BALAI_CODECS_PAYLOAD_INT_H
#define BALAI_CODECS_PAYLOAD_INT_H

#include "base/cursor.h"
#include "codecs/payload.h"

enum { FRAME_MAX_BYTES = 4 << 20, FRAME_MAX_UNITS = 4096 };

/* A frame being collected: bytes and units grow up to the limits. */
struct gather {
	uint8_t *data;
	size_t len, cap;
	struct coded_unit *unit;
	uint32_t n_units, units_cap;
};

void gather_fini(struct gather *self);
/* Appends bytes; -ENOBUFS beyond the limit, -ENOMEM. */
int gather_bytes(struct gather *self, const uint8_t *data, size_t len);
/* Begins a unit at the present end; its length is set by gather_unit_end. */
int gather_unit(struct gather *self);
void gather_unit_end(struct gather *self);
/* Takes the last unit and the bytes from `len` on away again. */
void gather_unit_undo(struct gather *self, size_t len);

/* Appends a piece of a bit string to a frame of one unit: the first `start` bits
 * of its first byte and the last `end` bits of its last belong to its
 * neighbours (before the first piece they become zeros). -EBADMSG where it does
 * not continue what is there. */
int unpacker_bits(struct unpacker *self, const uint8_t *data, size_t len, unsigned start,
		  unsigned end);

struct unpacker {
	enum codec_id codec;
	const struct unpack_ops *ops;
	struct gather frame;
	bool active;     /* a frame is being collected */
	bool corrupt;    /* and something is missing in it */
	bool gap_before; /* or just before it */
	bool key;
	bool begun;      /* format: its first bytes are there (nothing missing in front) */
	bool in_unit;    /* format: a fragmented unit is open */
	size_t unit_start; /* format: where the open unit began in the data */
	uint8_t end_bits;  /* format: bits of the last byte that are not there yet */
	uint32_t rtp_time;
	struct coded *ready; /* a second frame that one packet finished */
};

struct unpack_ops {
	/* One payload of the present frame. -EBADMSG: malformed. */
	int (*put)(struct unpacker *self, struct cursor payload);
	/* The present frame ends: closes what is open. */
	void (*end)(struct unpacker *self);
	bool (*is_key)(struct cursor payload);
};

extern const struct unpack_ops h264_unpack_ops;
extern const struct unpack_ops vp8_unpack_ops;
extern const struct unpack_ops h263p_unpack_ops; /* RFC 4629 */
extern const struct unpack_ops h263_unpack_ops;  /* RFC 2190 */
extern const struct unpack_ops h261_unpack_ops;

int h264_pack(const struct coded *frame, int packetization_mode, size_t mtu,
	      payload_emit *emit, void *arg);
int h263p_pack(const struct coded *frame, size_t mtu, payload_emit *emit, void *arg);
int h263_pack(const struct coded *frame, size_t mtu, payload_emit *emit, void *arg);
int h261_pack(const struct coded *frame, size_t mtu, payload_emit *emit, void *arg);
int vp8_pack(struct packer *self, const struct coded *frame, size_t mtu,
	     payload_emit *emit, void *arg);

#endif
