/* SPDX-License-Identifier: GPL-3.0-or-later
 * The audio engine on the real wire. */
#include "mcu/mp/audio_io.h"

static enum pull wire_pull(void *stream, int64_t now, struct audio_packet *out, int *excess_ms)
{
	return stream_pull(stream, now, out, excess_ms);
}

static int wire_loss(void *stream)
{
	struct stream_stats stats;

	stream_stats(stream, &stats);
	return stats.peer_loss_percent;
}

static const struct audio_io wire_io = {
	.pull = wire_pull,
	.loss = wire_loss,
	.batch_new = send_batch_new,
	.batch_add = send_batch_add,
	.send = wire_send,
};

int audio_engine_new(struct audio_engine **out, struct wire *wire, unsigned shards)
{
	return audio_engine_new_io(out, &wire_io, wire, shards);
}
