/* SPDX-License-Identifier: GPL-3.0-or-later
 * A sink, as views and encoders see it.
 *
 * While a sink moves from one encoder to another it is a member of both. Which
 * of them may send is decided by generations: each membership has a larger one
 * than those before it, and an encoder takes the sink over when it is about to
 * make a key frame for it. So there is neither a gap nor a frame of the old
 * encoder after the first of the new one. */
#ifndef BALAI_MCU_MP_SINK_H
#define BALAI_MCU_MP_SINK_H

#include "mcu/mp/video.h"

#include <stdatomic.h>

/* Counted. */
struct sink {
	struct video_engine *engine;
	struct stream *stream;
	/* control thread */
	struct view *view;
	uint32_t epoch;              /* grows with each move to another view */
	struct video_params params;
	/* any thread */
	_Atomic uint32_t key_requests; /* since the last key frame */
	_Atomic uint64_t state;      /* generation << 1 | sending */
	_Atomic int64_t last_time;   /* of the last frame that was sent */
};

/* The membership `seq` of an epoch. */
static inline uint64_t sink_generation(uint32_t epoch, uint32_t seq)
{
	return (uint64_t)epoch << 32 | seq;
}

/* Has a later membership taken over, or was the sink dropped? */
bool sink_superseded(struct sink *self, uint64_t generation);

/* The encoder of this membership is going to make a key frame of that time: from
 * now on nobody else sends. False: not at this time, because the one before has
 * sent such a picture, or is sending just now. The next one will do. */
bool sink_claim(struct sink *self, uint64_t generation, int64_t time_us);

/* May this membership send now? If so, sink_sent must follow. */
bool sink_send(struct sink *self, uint64_t generation, int64_t time_us);
void sink_sent(struct sink *self);

/* Nobody may send any more. */
void sink_close(struct sink *self);
bool sink_closed(struct sink *self);

#endif
