/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP of one stream, sent. */
#include "rtp/wire_priv.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	QUEUE_MAX = 4 << 20,          /* bytes behind the pacer */
	RESEND_RATE_MIN = 256000,     /* bit/s */
	DEFAULT_RATE = 4000000,       /* nobody named a limit */
	HISTORY_PACKETS = 1024, HISTORY_MIN = 128 << 10, HISTORY_MAX = 1 << 20,
	RESEND_AGE_US = 1000000, RESEND_GAP_US = 20000, RESEND_BURST_US = 500000,
	MAX_AGE_US = 10000000,        /* of a frame with a capture time to believe */
	DTMF_STEP_US = 20000, DTMF_PAUSE_US = 60000,
	DTMF_MIN_MS = 40, DTMF_MAX_MS = 5000, DTMF_ENDS = 3, DTMF_VOLUME = 10,
};

/* What stands before each payload in a queued frame. */
enum { ENTRY_HEAD = 3 };

struct queued_frame {
	struct queued_frame *next;
	uint8_t pt;
	uint32_t timestamp;
	struct cursor rest;           /* what is still to be sent … */
	struct writer fill;           /* … and what has been put in */
	uint8_t data[];
};

void sender_init(struct sender *self, struct wire *wire)
{
	self->ssrc = (uint32_t)wire_random(wire);
	self->offset = (uint32_t)wire_random(wire);
	/* In the lower half, so that a lost first packet cannot hide a wrap from
	 * the receiver's SRTP (RFC 3711 3.3.1). */
	self->seq = (uint16_t)(wire_random(wire) & 0x7fff);
	self->tail = &self->head;
	self->map_rtp = self->offset;
	self->map_us = wire->now;
}

static void clear_queue(struct sender *self)
{
	while (self->head) {
		struct queued_frame *q = self->head;

		self->head = q->next;
		free(q);
	}
	self->tail = &self->head;
	self->queued = 0;
	pacer_clear(&self->pacer);
}

void sender_fini(struct sender *self)
{
	clear_queue(self);
	history_free(self->history);
}

void sender_stop(struct stream *s)
{
	clear_queue(&s->tx);
	s->tx.history = history_free(s->tx.history);
	s->tx.dtmf.n = 0;
	s->tx.dtmf.running = false;
}

void sender_set_rate(struct stream *s, uint32_t rate)
{
	pacer_set_rate(&s->tx.pacer, rate ? rate : DEFAULT_RATE);
}

int sender_apply(struct stream *s, int64_t now)
{
	struct sender *tx = &s->tx;
	uint32_t rate = s->params.bitrate ? s->params.bitrate : DEFAULT_RATE;
	bool remember = s->params.kind == MEDIA_VIDEO && s->params.nack;
	size_t bytes = (size_t)rate / 8 * 3 / 2; /* a second, with a key frame in it */
	int r = 0;

	if (!tx->pacer.rate)
		pacer_init(&tx->pacer, rate, now);
	tx->clock_rate = s->params.tx.format.clock_rate;
	if (!s->params.send)
		clear_queue(tx);
	/* Whoever joins a stream under way cannot begin with its middle. */
	if (!s->params.send || !tx->begun)
		tx->starved = s->params.kind == MEDIA_VIDEO;
	if (bytes < HISTORY_MIN)
		bytes = HISTORY_MIN;
	if (bytes > HISTORY_MAX)
		bytes = HISTORY_MAX;
	if (remember && !tx->history)
		r = history_new(&tx->history, HISTORY_PACKETS, bytes);
	else if (!remember)
		tx->history = history_free(tx->history);
	return r;
}

void sender_rekeyed(struct stream *s)
{
	if (s->tx.history)
		history_clear(s->tx.history);
}

uint32_t sender_time_at(const struct sender *self, int64_t us)
{
	return self->map_rtp + (uint32_t)((us - self->map_us) * self->clock_rate / 1000000);
}

/* A timestamp as sent goes with the time its media was captured at. */
static void set_map(struct sender *self, uint32_t timestamp, const struct coded *frame, int64_t now)
{
	int64_t age = now - frame->time_us;

	self->map_rtp = timestamp;
	self->map_us = age >= 0 && age < MAX_AGE_US ? frame->time_us : now;
}

/* ---- one packet ---------------------------------------------------------- */

/* Absolute send time: 24 bits of 6.18 fixed point seconds. */
static void write_send_time(uint8_t out[3], int64_t wall_us)
{
	uint64_t t = ((uint64_t)wall_us << 18) / 1000000;

	out[0] = (uint8_t)(t >> 16);
	out[1] = (uint8_t)(t >> 8);
	out[2] = (uint8_t)t;
}

/* The header with its extensions. A packet sent again repeats these very bytes:
 * under GCM the same index over another header would give the key away. */
static int write_header(struct stream *s, struct writer *w, uint8_t pt, bool marker,
			uint32_t timestamp)
{
	const struct stream_params *p = &s->params;
	struct rtp_packet header = { .marker = marker, .pt = pt, .seq = s->tx.seq,
				     .timestamp = timestamp, .ssrc = s->tx.ssrc };
	struct rtp_ext ext[2];
	uint8_t sent[3];
	size_t n = 0;

	if (p->mid_ext && p->mid[0])
		ext[n++] = (struct rtp_ext){ p->mid_ext, (uint8_t)strlen(p->mid),
					     (const uint8_t *)p->mid };
	if (p->abs_send_time_ext) {
		write_send_time(sent, clock_wall_us());
		ext[n++] = (struct rtp_ext){ p->abs_send_time_ext, sizeof(sent), sent };
	}
	return rtp_write_header(&header, ext, n, w);
}

/* Sends one packet now; its sequence number is used up only if it went. */
static int send_packet(struct stream *s, uint8_t pt, bool marker, uint32_t timestamp,
		       const uint8_t *head, size_t head_len, const uint8_t *body,
		       size_t body_len, int64_t now)
{
	struct sender *tx = &s->tx;
	uint8_t *slot = transport_slot(s->transport, false);
	struct writer w = writer_of(slot, TXQ_PACKET_MAX - CRYPT_MAX_TRAILER);
	int r = write_header(s, &w, pt, marker, timestamp);

	if (r < 0)
		return r;
	writer_bytes(&w, head, head_len);
	writer_bytes(&w, body, body_len);
	if (w.bad)
		return -EMSGSIZE;
	r = transport_commit(s->transport, false, slot, writer_len(&w));
	if (r < 0)
		return r;
	if (tx->history)
		history_put(tx->history, tx->seq, slot, (size_t)r, now);
	tx->seq++;
	tx->begun = true;
	tx->packets++;
	tx->octets += (uint32_t)(head_len + body_len);
	tx->last_us = now;
	count_add(&s->stats.tx_packets, 1);
	count_add(&s->stats.tx_bytes, writer_len(&w));
	meter_add(&s->tx_meter, writer_len(&w), now);
	return (int)writer_len(&w);
}

/* ---- video --------------------------------------------------------------- */

enum { HEADER_GUESS = RTP_HEADER_LEN + 16 };

static int count_emit(void *arg, const uint8_t *head, size_t head_len, const uint8_t *body,
		      size_t body_len, bool last)
{
	size_t *total = (size_t *)arg;

	(void)head, (void)body, (void)last;
	total[0] += head_len + body_len;
	total[1]++;
	return 0;
}

struct video_out {
	struct stream *stream;
	struct queued_frame *queue;   /* where what must wait goes, NULL: nothing yet */
	size_t room;                  /* bytes it needs at most */
	uint8_t pt;
	uint32_t timestamp;
	int64_t now;
};

static void send_video(struct stream *s, uint8_t pt, bool marker, uint32_t timestamp,
		       const uint8_t *head, size_t head_len, const uint8_t *body,
		       size_t body_len, int64_t now)
{
	send_packet(s, pt, marker, timestamp, head, head_len, body, body_len, now);
	pacer_sent(&s->tx.pacer, head_len + body_len + HEADER_GUESS, now);
}

static int video_emit(void *arg, const uint8_t *head, size_t head_len, const uint8_t *body,
		      size_t body_len, bool last)
{
	struct video_out *o = (struct video_out *)arg;
	struct sender *tx = &o->stream->tx;
	struct queued_frame *q = o->queue;

	if (!tx->head && pacer_ready(&tx->pacer, o->now)) {
		send_video(o->stream, o->pt, last, o->timestamp, head, head_len, body,
			   body_len, o->now);
		return 0;
	}
	if (!q) {
		q = malloc(sizeof(*q) + o->room);
		if (!q)
			return -ENOMEM;
		*q = (struct queued_frame){ .pt = o->pt, .timestamp = o->timestamp,
					    .rest = cursor_of(q->data, 0),
					    .fill = writer_of(q->data, o->room) };
		*tx->tail = o->queue = q;
		tx->tail = &q->next;
	}
	writer_u16(&q->fill, (unsigned)(head_len + body_len));
	writer_u8(&q->fill, last);
	writer_bytes(&q->fill, head, head_len);
	writer_bytes(&q->fill, body, body_len);
	q->rest.end = q->fill.p;
	tx->queued += head_len + body_len;
	return q->fill.bad ? -ENOSPC : 0;
}

/* Sends from the queue what the pacer lets go. */
static void drain(struct stream *s, int64_t now)
{
	struct sender *tx = &s->tx;

	while (tx->head && pacer_ready(&tx->pacer, now)) {
		struct queued_frame *q = tx->head;
		size_t len = cursor_u16(&q->rest);
		bool last = cursor_u8(&q->rest);
		const uint8_t *payload = cursor_bytes(&q->rest, len);

		if (payload && transport_ready(s->transport, false))
			send_video(s, q->pt, last, q->timestamp, NULL, 0, payload, len, now);
		else if (payload)
			pacer_sent(&tx->pacer, len + HEADER_GUESS, now);
		tx->queued -= payload ? len : 0;
		if (cursor_left(&q->rest))
			continue;
		tx->head = q->next;
		if (!tx->head)
			tx->tail = &tx->head;
		free(q);
	}
}

/* A decoder that missed a frame needs a key frame next; until one comes there
 * is no use in sending the rest. */
static bool worth_sending(struct stream *s, const struct coded *frame, int64_t now)
{
	struct sender *tx = &s->tx;

	if (!transport_ready(s->transport, false)) {
		tx->starved = true;
		return false;
	}
	if (atomic_exchange_explicit(&s->frame_lost, false, memory_order_relaxed))
		tx->starved = true;
	if (tx->queued > QUEUE_MAX) {
		count_add(&s->wire->stats.drop_queue, 1);
		tx->starved = true;
	} else if (frame->key) {
		tx->starved = false;
	}
	if (tx->starved)
		feedback_key_asked(s, now);
	return !tx->starved;
}

static void video_frame(struct stream *s, const struct coded *frame, int64_t now)
{
	const struct stream_format *f = &s->params.tx;
	int mode = f->format.id == CODEC_H264 ? f->format.h264.packetization_mode : 0;
	size_t mtu = s->wire->config.mtu, total[2] = { 0 };
	struct packer trial = s->tx.packer;
	struct video_out o = { .stream = s, .pt = f->pt, .now = now,
			       .timestamp = frame->rtp_time + s->tx.offset };

	if (!worth_sending(s, frame, now))
		return;
	if (payload_pack(&trial, frame, mode, mtu, count_emit, total) < 0) {
		count_add(&s->wire->stats.drop_queue, 1);
		return;
	}
	o.room = total[0] + total[1] * ENTRY_HEAD;
	pacer_add(&s->tx.pacer, total[0] + total[1] * HEADER_GUESS, now);
	if (payload_pack(&s->tx.packer, frame, mode, mtu, video_emit, &o) < 0) {
		count_add(&s->wire->stats.drop_queue, 1);
		s->tx.starved = true;
	}
	set_map(&s->tx, o.timestamp, frame, now);
	count_add(&s->stats.frames_out, 1);
	if (frame->key)
		count_add(&s->stats.keys_out, 1);
	drain(s, now);
	stream_arm(s, now);
}

/* ---- audio --------------------------------------------------------------- */

static void audio_frame(struct stream *s, const struct coded *frame, int64_t now)
{
	struct sender *tx = &s->tx;
	uint32_t timestamp = frame->rtp_time + tx->offset;
	int pt = frame->codec == CODEC_CN ? s->params.cn_tx_pt : s->params.tx.pt;
	bool first = !tx->begun;

	set_map(tx, timestamp, frame, now);
	/* A key takes the place of the sound (RFC 4733 2.2). */
	if (pt < 0 || tx->dtmf.running || !transport_ready(s->transport, false))
		return;
	if (send_packet(s, (uint8_t)pt, frame->marker, timestamp, NULL, 0, frame->data,
			frame->len, now) < 0)
		count_add(&s->wire->stats.drop_queue, 1);
	else
		count_add(&s->stats.frames_out, 1);
	if (first)
		stream_arm(s, now); /* a report is due */
}

void sender_frame(struct stream *s, const struct coded *frame, int64_t now)
{
	if (!s->params.send)
		return;
	if (frame->codec != s->params.tx.format.id && frame->codec != CODEC_CN) {
		/* Encoded before the last renegotiation. */
		count_add(&s->wire->stats.drop_queue, 1);
		return;
	}
	if (s->params.kind == MEDIA_VIDEO)
		video_frame(s, frame, now);
	else
		audio_frame(s, frame, now);
}

/* Half of the rate may go into sending again, half a second of that at once:
 * whoever asks for everything all the time, and gives a round trip of nothing,
 * must not be sent many times what the stream has. */
static bool resend_paid(struct sender *tx, size_t len, int64_t now)
{
	uint32_t rate = tx->pacer.rate > RESEND_RATE_MIN ? tx->pacer.rate : RESEND_RATE_MIN;

	if (tx->resend_until_us < now)
		tx->resend_until_us = now;
	if (tx->resend_until_us - now > RESEND_BURST_US)
		return false;
	tx->resend_until_us += (int64_t)len * 16 * 1000000 / rate;
	return true;
}

bool sender_resend(struct stream *s, uint16_t seq, int64_t now)
{
	struct sender *tx = &s->tx;
	int64_t rtt = s->rx.peer.rtt_us;
	int64_t gap = rtt > RESEND_GAP_US ? rtt : RESEND_GAP_US;
	const uint8_t *packet;
	size_t len;

	if (!tx->history || !transport_ready(s->transport, false))
		return false;
	packet = history_get(tx->history, seq, now, RESEND_AGE_US, gap, &len);
	if (!packet || !resend_paid(tx, len, now))
		return false;
	transport_resend(s->transport, packet, len);
	pacer_sent(&tx->pacer, len, now);
	count_add(&s->stats.resent, 1);
	return true;
}

/* ---- keys (RFC 4733) ----------------------------------------------------- */

void sender_dtmf(struct stream *s, char key, unsigned ms, int64_t now)
{
	struct dtmf_tx *d = &s->tx.dtmf;
	int event = dtmf_char_event(key);

	if (event < 0 || s->params.dtmf_tx_pt < 0 || !s->params.send || d->n == DTMF_QUEUE)
		return;
	if (ms < DTMF_MIN_MS)
		ms = DTMF_MIN_MS;
	if (ms > DTMF_MAX_MS)
		ms = DTMF_MAX_MS;
	d->key[d->n].event = (uint8_t)event;
	d->key[d->n].ms = (uint16_t)ms;
	if (!d->n++ && d->next_us < now)
		d->next_us = now;
}

/* The clock of the events: their own format's where it was offered to us, else
 * that of the audio. */
static uint32_t dtmf_rate(const struct stream *s)
{
	uint32_t rate = receiver_rate(s, (uint8_t)s->params.dtmf_tx_pt);

	return rate ? rate : s->tx.clock_rate;
}

static void dtmf_step(struct stream *s, int64_t now)
{
	struct dtmf_tx *d = &s->tx.dtmf;
	int64_t length = (int64_t)d->key[0].ms * 1000, elapsed;
	struct dtmf_event e = { .event = d->key[0].event, .volume = DTMF_VOLUME };
	uint8_t payload[4];

	if (!d->running) {
		d->running = true;
		d->packets = d->ends = 0;
		d->begin_us = d->next_us;
		d->timestamp = sender_time_at(&s->tx, now);
	}
	elapsed = d->next_us + DTMF_STEP_US - d->begin_us;
	e.end = elapsed >= length;
	if (e.end) {
		elapsed = length;
		d->ends++;
	}
	e.duration = (uint16_t)(elapsed * dtmf_rate(s) / 1000000 > UINT16_MAX ? UINT16_MAX :
				elapsed * dtmf_rate(s) / 1000000);
	if (transport_ready(s->transport, false))
		send_packet(s, (uint8_t)s->params.dtmf_tx_pt, d->packets == 0, d->timestamp,
			    payload, dtmf_event_write(&e, payload), NULL, 0, now);
	d->packets++;
	d->next_us += DTMF_STEP_US;
	if (d->ends < DTMF_ENDS)
		return;
	d->running = false;
	d->next_us += DTMF_PAUSE_US;
	d->n--;
	memmove(&d->key[0], &d->key[1], d->n * sizeof(d->key[0]));
}

/* ---- time ---------------------------------------------------------------- */

int64_t sender_due(struct stream *s, int64_t now)
{
	struct sender *tx = &s->tx;
	int64_t at = INT64_MAX;

	if (tx->head)
		at = pacer_next(&tx->pacer, now);
	if (tx->dtmf.n && tx->dtmf.next_us < at)
		at = tx->dtmf.next_us;
	return at;
}

void sender_tick(struct stream *s, int64_t now)
{
	drain(s, now);
	if (s->params.dtmf_tx_pt < 0)
		s->tx.dtmf.n = 0;
	if (!s->tx.dtmf.n)
		s->tx.dtmf.running = false;
	while (s->tx.dtmf.n && s->tx.dtmf.next_us <= now)
		dtmf_step(s, now);
}
