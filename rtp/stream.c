/* SPDX-License-Identifier: GPL-3.0-or-later
 * Streams: handles, messages to the io thread, the timer, signs of life. */
#include "rtp/wire_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void stream_tick(struct io_timer *timer, int64_t now);

static struct stream *of_attach(struct msg *m)
{
	return list_entry(m, struct stream, attach_msg);
}

static struct stream *of_drop(struct msg *m)
{
	return list_entry(m, struct stream, drop_msg);
}

static struct stream *of_key(struct msg *m)
{
	return list_entry(m, struct stream, key_msg);
}

/* ---- attach, drop -------------------------------------------------------- */

static void attach_discard(struct msg *m)
{
	struct stream *self = of_attach(m);

	self->attach_to = ref_drop(self->attach_to);
	ref_drop(self);
}

static void on_attach(struct msg *m, void *owner)
{
	struct stream *self = of_attach(m);
	struct wire *wire = (struct wire *)owner;
	struct transport *t = self->attach_to;

	if (!t->attached || t->n_streams >= MAX_TRANSPORT_STREAMS || wire_timer_add(wire) < 0) {
		log_warning("wire transport=%u stream not attached", t->local.rtp_port);
		attach_discard(m);
		return;
	}
	self->transport = t;
	list_add(&t->streams, &self->link);
	t->n_streams++;
	count_add(&wire->stats.streams, 1);
	sender_init(&self->tx, wire);
	feedback_init(&self->fb, wire, wire->now);
	self->attach_to = ref_drop(self->attach_to);
}

void stream_detach(struct stream *self)
{
	struct transport *t = self->transport;

	if (!t)
		return;
	feedback_bye(self, self->wire->now);
	receiver_stop(self);
	sender_stop(self);
	for (unsigned i = 0; i < t->n_ssrc; i++)
		while (i < t->n_ssrc && t->ssrc[i].stream == self)
			t->ssrc[i] = t->ssrc[--t->n_ssrc];
	io_timer_set(&self->wire->timers, &self->timer, INT64_MAX);
	wire_timer_remove(self->wire);
	self->transport = NULL;
	list_del(&self->link);
	t->n_streams--;
	count_add(&self->wire->stats.streams, -1u);
	ref_drop(self);
}

static void drop_discard(struct msg *m)
{
	struct stream *self = of_drop(m);

	if (self->events.released)
		self->events.released(self->arg);
	ref_drop(self);
}

static void on_drop(struct msg *m, void *owner)
{
	(void)owner;
	stream_detach(of_drop(m));
	drop_discard(m);
}

static void key_discard(struct msg *m)
{
	struct stream *self = of_key(m);

	atomic_store(&self->key_pending, false);
	ref_drop(self);
}

static void on_key(struct msg *m, void *owner)
{
	struct stream *self = of_key(m);
	struct wire *wire = (struct wire *)owner;

	atomic_store(&self->key_pending, false);
	if (self->transport && self->set) {
		feedback_want_key(self, wire->now);
		stream_arm(self, wire->now);
	}
	ref_drop(self);
}

static void stream_fini(void *obj)
{
	struct stream *self = (struct stream *)obj;

	assert(!self->transport);
	receiver_fini(&self->rx);
	sender_fini(&self->tx);
	ref_drop(self->wire);
}

int stream_new(struct stream **out, struct transport *transport,
	       const struct stream_events *events, void *arg)
{
	struct stream *self = ref_new(sizeof(*self), stream_fini);

	if (!self)
		return -ENOMEM;
	self->wire = (struct wire *)ref_hold(transport->wire);
	self->attach_to = (struct transport *)ref_hold(transport);
	if (events)
		self->events = *events;
	self->arg = arg;
	atomic_init(&self->seen, true);
	list_init(&self->link);
	io_timer_init(&self->timer, stream_tick);
	receiver_init(&self->rx);
	self->attach_msg = (struct msg){ .deliver = on_attach, .discard = attach_discard };
	self->drop_msg = (struct msg){ .deliver = on_drop, .discard = drop_discard };
	self->key_msg = (struct msg){ .deliver = on_key, .discard = key_discard };
	ref_hold(self); /* the transport's, until it is detached */
	mailbox_put(self->wire->mailbox, &self->attach_msg);
	*out = self;
	return 0;
}

struct stream *stream_drop(struct stream *self)
{
	if (self)
		mailbox_put(self->wire->mailbox, &self->drop_msg);
	return NULL;
}

/* ---- other messages ------------------------------------------------------ */

struct param_msg {
	struct msg msg;
	struct stream *stream; /* a reference */
	struct stream_params params;
};

static void param_free(struct msg *m)
{
	struct param_msg *p = (struct param_msg *)(void *)m;

	ref_drop(p->stream);
	free(p);
}

static void on_param(struct msg *m, void *owner)
{
	struct param_msg *p = (struct param_msg *)(void *)m;
	struct wire *wire = (struct wire *)owner;

	if (p->stream->transport)
		stream_apply(p->stream, &p->params, wire->now);
	param_free(m);
}

void stream_set(struct stream *self, const struct stream_params *params)
{
	struct param_msg *p = calloc(1, sizeof(*p));

	if (!p) {
		log_error("wire stream error=\"out of memory\"");
		return;
	}
	p->msg = (struct msg){ .deliver = on_param, .discard = param_free };
	p->stream = (struct stream *)ref_hold(self);
	p->params = *params;
	mailbox_put(self->wire->mailbox, &p->msg);
}

void stream_request_key(struct stream *self)
{
	if (atomic_exchange(&self->key_pending, true))
		return;
	ref_hold(self);
	mailbox_put(self->wire->mailbox, &self->key_msg);
}

void stream_set_seen(struct stream *self, bool seen)
{
	atomic_store(&self->seen, seen);
}

struct dtmf_msg {
	struct msg msg;
	struct stream *stream; /* a reference */
	char key;
	unsigned ms;
};

static void dtmf_free(struct msg *m)
{
	struct dtmf_msg *d = (struct dtmf_msg *)(void *)m;

	ref_drop(d->stream);
	free(d);
}

static void on_dtmf(struct msg *m, void *owner)
{
	struct dtmf_msg *d = (struct dtmf_msg *)(void *)m;
	struct wire *wire = (struct wire *)owner;

	if (d->stream->transport && d->stream->set) {
		sender_dtmf(d->stream, d->key, d->ms, wire->now);
		stream_arm(d->stream, wire->now);
	}
	dtmf_free(m);
}

void stream_send_dtmf(struct stream *self, char key, unsigned ms)
{
	struct dtmf_msg *d = calloc(1, sizeof(*d));

	if (!d)
		return;
	d->msg = (struct msg){ .deliver = on_dtmf, .discard = dtmf_free };
	d->stream = (struct stream *)ref_hold(self);
	d->key = key;
	d->ms = ms;
	mailbox_put(self->wire->mailbox, &d->msg);
}

/* ---- io: parameters, life ------------------------------------------------ */

static void set_class(struct stream *self)
{
	struct transport *t = self->transport;
	enum media_kind kind = self->params.kind;

	/* Video beside audio makes the whole transport video's class. */
	if (t->class == kind || t->class == MEDIA_VIDEO)
		return;
	t->class = kind;
	for (int i = 0; i < 2; i++)
		if (t->comp[i].fd >= 0)
			port_set_class(t->comp[i].fd, kind);
}

void stream_apply(struct stream *self, const struct stream_params *params, int64_t now)
{
	bool watch = params->silence_us > 0 && !(self->set && self->params.silence_us > 0);
	int r, r2;

	self->params = *params;
	self->params.n_rx = params->n_rx < STREAM_MAX_FORMATS ? params->n_rx : STREAM_MAX_FORMATS;
	self->params.mid[sizeof(self->params.mid) - 1] = '\0';
	self->params.cname[sizeof(self->params.cname) - 1] = '\0';
	if (watch)
		self->silence_from_us = now;
	self->set = true;
	set_class(self);
	r = receiver_apply(self);
	r2 = sender_apply(self, now);
	feedback_apply(self, now);
	if (r < 0 || r2 < 0)
		log_error("wire transport=%u error=\"%s\"", self->transport->local.rtp_port,
			  strerror(r < 0 ? -r : -r2));
	stream_arm(self, now);
}

void stream_heard(struct stream *self, int64_t now)
{
	bool first = !self->heard_us;

	if (!self->set)
		return;
	self->heard_us = now;
	if (!first && !self->silent_told)
		return;
	self->silent_told = false;
	__atomic_store_n(&self->stats.alive, true, __ATOMIC_RELAXED);
	if (self->events.alive)
		self->events.alive(self->arg);
	stream_arm(self, now);
}

static int64_t silence_due(const struct stream *self)
{
	int64_t from = self->heard_us > self->silence_from_us ? self->heard_us :
		       self->silence_from_us;

	if (!self->set || self->params.silence_us <= 0 || self->silent_told ||
	    receiver_announced_silence(self))
		return INT64_MAX;
	return from + self->params.silence_us;
}

static void silence_tick(struct stream *self, int64_t now)
{
	if (silence_due(self) > now)
		return;
	self->silent_told = true;
	__atomic_store_n(&self->stats.alive, false, __ATOMIC_RELAXED);
	if (self->events.silent)
		self->events.silent(self->arg);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t due(struct stream *self, int64_t now)
{
	int64_t at = earlier(silence_due(self), receiver_due(self));

	at = earlier(at, sender_due(self, now));
	return earlier(at, feedback_due(self, now));
}

/* Deadlines that moved later are found when the timer fires. */
void stream_arm(struct stream *self, int64_t now)
{
	if (self->transport && self->set)
		io_timer_sooner(&self->wire->timers, &self->timer, due(self, now));
}

static void stream_tick(struct io_timer *timer, int64_t now)
{
	struct stream *self = list_entry(timer, struct stream, timer);

	silence_tick(self, now);
	receiver_tick(self, now);
	sender_tick(self, now);
	feedback_tick(self, now);
	stream_arm(self, now);
}

/* ---- any thread ---------------------------------------------------------- */

enum { METER_US = 1000000 };

void meter_add(struct meter *self, size_t bytes, int64_t now)
{
	int64_t span = now - self->start_us;

	if (span >= METER_US) {
		uint64_t rate = span > 4 * METER_US ? 0 :
			self->bytes * 8 * 1000000 / (uint64_t)span;

		count_set(&self->rate, rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate);
		count_set(&self->start_us, now);
		self->bytes = 0;
	}
	self->bytes += bytes;
}

uint32_t meter_get(const struct meter *self, int64_t now)
{
	return now - count_get(&self->start_us) > 3 * METER_US ? 0 : count_get(&self->rate);
}

enum pull stream_pull(struct stream *self, int64_t now, struct audio_packet *out, int *excess_ms)
{
	enum pull r = PULL_WAIT;

	if (excess_ms)
		*excess_ms = 0;
	pthread_mutex_lock(&self->rx.lock);
	if (self->rx.jitter)
		r = jitter_pull(self->rx.jitter, now, out, excess_ms);
	pthread_mutex_unlock(&self->rx.lock);
	return r;
}

void stream_stats(struct stream *self, struct stream_stats *out)
{
	const struct stream_stats *s = &self->stats;
	struct jitter_stats j = { 0 };
	int64_t now = clock_us();

	pthread_mutex_lock(&self->rx.lock);
	if (self->rx.jitter)
		jitter_stats(self->rx.jitter, &j);
	pthread_mutex_unlock(&self->rx.lock);
	*out = (struct stream_stats){
		.rx_packets = count_get(&s->rx_packets), .rx_bytes = count_get(&s->rx_bytes),
		.tx_packets = count_get(&s->tx_packets), .tx_bytes = count_get(&s->tx_bytes),
		.lost = count_get(&s->lost), .late = count_get(&s->late) + j.late,
		.concealed = j.concealed,
		.jitter_us = count_get(&s->jitter_us), .rtt_us = count_get(&s->rtt_us),
		.buffer_ms = j.depth_ms,
		.rx_bitrate = meter_get(&self->rx_meter, now),
		.tx_bitrate = meter_get(&self->tx_meter, now),
		.frames_in = count_get(&s->frames_in), .frames_out = count_get(&s->frames_out),
		.keys_in = count_get(&s->keys_in), .keys_out = count_get(&s->keys_out),
		.key_requests_in = count_get(&s->key_requests_in),
		.key_requests_out = count_get(&s->key_requests_out),
		.nacks_in = count_get(&s->nacks_in), .nacks_out = count_get(&s->nacks_out),
		.resent = count_get(&s->resent),
		.peer_loss_percent = count_get(&s->peer_loss_percent),
		.rx_pt = count_get(&s->rx_pt), .alive = count_get(&s->alive),
	};
}
