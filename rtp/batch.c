/* SPDX-License-Identifier: GPL-3.0-or-later
 * Frames on their way out: batches from the encoders, and how one for hundreds of
 * streams goes out without keeping everything else waiting. */
#include "rtp/wire_priv.h"

#include "base/clock.h"
#include "base/ref.h"

#include <errno.h>
#include <stdlib.h>

struct send_msg {
	struct msg msg;
	struct send_batch batch;
};

static struct send_msg *of_batch(struct send_batch *b)
{
	return list_entry(b, struct send_msg, batch);
}

struct send_batch *send_batch_new(uint32_t cap)
{
	struct send_msg *m;

	if (cap > 65536)
		return NULL;
	m = calloc(1, sizeof(*m) + cap * sizeof(struct send_item));
	if (!m)
		return NULL;
	m->batch.cap = cap;
	return &m->batch;
}

int send_batch_add(struct send_batch *self, struct stream *stream, struct coded *frame)
{
	if (self->n >= self->cap)
		return -ENOSPC;
	self->item[self->n].stream = (struct stream *)ref_hold(stream);
	self->item[self->n].frame = (struct coded *)ref_hold(frame);
	self->n++;
	return 0;
}

static void batch_free(struct msg *m)
{
	struct send_msg *s = (struct send_msg *)(void *)m;

	for (uint32_t i = 0; i < s->batch.n; i++) {
		ref_drop(s->batch.item[i].stream);
		ref_drop(s->batch.item[i].frame);
	}
	free(s);
}

static void send_item(const struct send_item *i, int64_t now)
{
	if (i->stream->transport && i->stream->set)
		sender_frame(i->stream, i->frame, now);
}

/* What it holds from there on is lost to its streams, whose next frames would refer to
 * it. Any thread. */
static void batch_lose_from(struct msg *m, uint32_t first)
{
	struct send_msg *s = (struct send_msg *)(void *)m;

	for (uint32_t i = first; i < s->batch.n; i++)
		atomic_store_explicit(&s->batch.item[i].stream->frame_lost, true,
				      memory_order_relaxed);
	batch_free(m);
}

static void batch_lose(struct msg *m)
{
	batch_lose_from(m, 0);
}

/* A picture for hundreds is many packets, and sound must not wait for all of them: it
 * goes out bit by bit, between turns. Pictures behind it keep their order: one of them
 * may be for a stream that is in it. */
static void on_batch(struct msg *m, void *owner)
{
	struct send_msg *s = (struct send_msg *)(void *)m;
	struct wire *wire = (struct wire *)owner;

	if ((s->batch.n > FAN_OUT_AT_ONCE || wire->fan_out.head) && s->batch.n &&
	    s->batch.item[0].stream->params.kind == MEDIA_VIDEO) {
		m->next = NULL;
		*wire->fan_out.tail = m;
		wire->fan_out.tail = &m->next;
		wire->fan_out.n++;
		return;
	}
	for (uint32_t i = 0; i < s->batch.n; i++)
		send_item(&s->batch.item[i], wire->now);
	batch_free(m);
}

static struct msg *fan_out_take(struct wire *self)
{
	struct msg *m = self->fan_out.head;

	self->fan_out.head = m->next;
	if (!m->next)
		self->fan_out.tail = &self->fan_out.head;
	self->fan_out.n--;
	self->fan_out.at = 0;
	return m;
}

static void fan_out_drop(struct wire *self)
{
	uint32_t first = self->fan_out.at;

	count_add(&self->stats.drop_queue, 1);
	batch_lose_from(fan_out_take(self), first);
}

void fan_out_run(struct wire *self)
{
	int64_t begun = self->now;

	while (self->fan_out.n > FAN_OUT_BATCHES)
		fan_out_drop(self);
	while (self->fan_out.head && self->now - begun < FAN_OUT_US) {
		struct send_msg *s = (struct send_msg *)(void *)self->fan_out.head;
		uint32_t end = self->fan_out.at + FAN_OUT_AT_ONCE;

		if (end > s->batch.n)
			end = s->batch.n;
		while (self->fan_out.at < end)
			send_item(&s->batch.item[self->fan_out.at++], self->now);
		if (end == s->batch.n)
			batch_free(fan_out_take(self));
		self->now = clock_us();
	}
}

void fan_out_clear(struct wire *self)
{
	while (self->fan_out.head)
		batch_free(fan_out_take(self));
}

static void batch_put(struct wire *thread, struct send_batch *batch)
{
	struct send_msg *m = of_batch(batch);

	m->msg = (struct msg){ .deliver = on_batch, .discard = batch_lose, .media = true };
	mailbox_put(thread->mailbox, &m->msg);
}

/* Takes what `thread` sends out of a batch, with the references. */
static struct send_batch *batch_part(struct send_batch *self, const struct wire *thread)
{
	struct send_batch *part = send_batch_new(self->n);
	uint32_t left = 0;

	for (uint32_t i = 0; part && i < self->n; i++) {
		if (self->item[i].stream->wire == thread)
			part->item[part->n++] = self->item[i];
		else
			self->item[left++] = self->item[i];
	}
	if (part)
		self->n = left;
	return part;
}

void wire_send(struct wire *self, struct send_batch *batch)
{
	/* Each thread's part, until the rest is all of one's. */
	while (self->n_rest && batch->n) {
		struct wire *thread = batch->item[0].stream->wire;
		uint32_t i = 1;
		struct send_batch *part;

		while (i < batch->n && batch->item[i].stream->wire == thread)
			i++;
		if (i == batch->n) {
			batch_put(thread, batch);
			return;
		}
		part = batch_part(batch, thread);
		if (!part) {
			/* It goes the way of what does not fit a mailbox. */
			atomic_fetch_add(&self->no_memory, batch->n);
			batch_lose(&of_batch(batch)->msg);
			return;
		}
		batch_put(thread, part);
	}
	batch_put(self, batch);
}
