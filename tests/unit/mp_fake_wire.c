/* SPDX-License-Identifier: GPL-3.0-or-later
 * The wire, for tests of the video engine. */
#include "tests/unit/mp_fake_wire.h"

#include "base/ref.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned batches;

static void stream_fini(void *obj)
{
	fake_stream_clear(obj);
}

struct stream *fake_stream(int number)
{
	struct stream *s = ref_new(sizeof(*s), stream_fini);

	assert(s);
	s->number = number;
	return s;
}

void fake_stream_clear(struct stream *self)
{
	while (self->n_frames)
		ref_drop(self->frame[--self->n_frames]);
}

void stream_request_key(struct stream *self)
{
	self->key_requests++;
}

void stream_stats(struct stream *self, struct stream_stats *out)
{
	*out = (struct stream_stats){ .keys_in = self->keys_in,
				      .rx_packets = self->rx_packets };
}

void stream_set_seen(struct stream *self, bool seen)
{
	self->seen = seen;
}

struct send_batch *send_batch_new(uint32_t cap)
{
	struct send_batch *b = calloc(1, sizeof(*b) + cap * sizeof(b->item[0]));

	assert(b);
	b->cap = cap;
	return b;
}

int send_batch_add(struct send_batch *self, struct stream *stream, struct coded *frame)
{
	if (self->n == self->cap)
		return -ENOSPC;
	self->item[self->n++] = (struct send_item){ ref_hold(stream), ref_hold(frame) };
	return 0;
}

void wire_send(struct wire *self, struct send_batch *batch)
{
	(void)self;
	pthread_mutex_lock(&lock);
	if (batch->n)
		batches++;
	for (uint32_t i = 0; i < batch->n; i++) {
		struct stream *s = batch->item[i].stream;

		assert(s->n_frames < FAKE_FRAMES);
		s->frame[s->n_frames++] = batch->item[i].frame;
		ref_drop(s);
	}
	pthread_mutex_unlock(&lock);
	free(batch);
}

unsigned fake_batches(void)
{
	return batches;
}
