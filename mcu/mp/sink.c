/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sinks: who may send to a stream now. */
#include "mcu/mp/sink.h"

#include "base/ref.h"

#define SINK_SENDING UINT64_C(1)
#define SINK_CLOSED (UINT64_MAX - 1)

bool sink_superseded(struct sink *self, uint64_t generation)
{
	return atomic_load(&self->state) >> 1 > generation;
}

bool sink_claim(struct sink *self, uint64_t generation, int64_t time_us)
{
	uint64_t state = atomic_load(&self->state);

	if (state >> 1 < generation &&
	    (state & SINK_SENDING ||
	     !atomic_compare_exchange_strong(&self->state, &state, generation << 1)))
		return false;
	/* One that was superseded holds up nobody. */
	return time_us > atomic_load(&self->last_time) || state >> 1 > generation;
}

bool sink_send(struct sink *self, uint64_t generation, int64_t time_us)
{
	uint64_t state = generation << 1;

	if (!atomic_compare_exchange_strong(&self->state, &state, state | SINK_SENDING))
		return false;
	atomic_store(&self->last_time, time_us);
	return true;
}

void sink_sent(struct sink *self)
{
	atomic_fetch_and(&self->state, ~SINK_SENDING);
}

void sink_close(struct sink *self)
{
	atomic_fetch_or(&self->state, SINK_CLOSED);
}

bool sink_closed(struct sink *self)
{
	return (atomic_load(&self->state) & SINK_CLOSED) == SINK_CLOSED;
}

void sink_request_key(struct sink *self)
{
	atomic_fetch_add(&self->key_requests, 1);
}
