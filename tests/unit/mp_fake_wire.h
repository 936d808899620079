/* SPDX-License-Identifier: GPL-3.0-or-later
 * In place of the wire, for tests of the video engine: frames that go out are
 * kept with their stream. */
#ifndef BALAI_TESTS_UNIT_MP_FAKE_WIRE_H
#define BALAI_TESTS_UNIT_MP_FAKE_WIRE_H

#include "rtp/wire.h"

#include <stdatomic.h>

enum { FAKE_FRAMES = 4096 };

/* Counted. What the engine did to a stream. */
struct stream {
	int number;
	_Atomic bool seen;
	_Atomic unsigned key_requests;
	_Atomic unsigned keys_in, rx_packets; /* what stream_stats says */
	uint32_t n_frames;
	struct coded *frame[FAKE_FRAMES]; /* sent, oldest first */
};

struct stream *fake_stream(int number);
/* Forgets the frames sent so far. */
void fake_stream_clear(struct stream *self);

/* Batches given to the wire. */
unsigned fake_batches(void);

#endif
