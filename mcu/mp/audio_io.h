/* SPDX-License-Identifier: GPL-3.0-or-later
 * Inside the audio engine: the wire as the engine sees it, so that a test can
 * stand in its place. */
#ifndef BALAI_MCU_MP_AUDIO_IO_H
#define BALAI_MCU_MP_AUDIO_IO_H

#include "mcu/mp/mixer.h"

struct audio_io {
	enum pull (*pull)(void *stream, int64_t now, struct audio_packet *out, int *excess_ms);
	int (*loss)(void *stream); /* percent, as the peer reports */
	/* As send_batch_new, send_batch_add, wire_send. */
	struct send_batch *(*batch_new)(uint32_t cap);
	int (*batch_add)(struct send_batch *batch, struct stream *stream, struct coded *frame);
	void (*send)(struct wire *wire, struct send_batch *batch);
};

int audio_engine_new_io(struct audio_engine **out, const struct audio_io *io, struct wire *wire,
			unsigned shards);

#endif
