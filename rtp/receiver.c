/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP of one stream, received. */
#include "rtp/wire_priv.h"

#include "base/ref.h"

#include <errno.h>
#include <string.h>

enum {
	TAGGED = 0x80,               /* a packet says how the camera is held */
	WAIT_PLAIN_US = 20000,       /* for reordering alone */
	WAIT_MIN_US = 40000, WAIT_MAX_US = 150000,
	RTT_GUESS_US = 60000,        /* until a report says */
	DTMF_SAME_KEY_US = 200000,   /* between packets of one key at most */
	DTMF_KEY_US = 50000, DTMF_BURST_US = 16 * DTMF_KEY_US,
};

void receiver_init(struct receiver *self)
{
	pthread_mutex_init(&self->lock, NULL);
	rtp_source_init(&self->source);
	memset(self->by_pt, -1, sizeof(self->by_pt));
}

void receiver_fini(struct receiver *self)
{
	jitter_free(self->jitter);
	reorder_free(self->reorder);
	unpacker_free(self->unpacker);
	pthread_mutex_destroy(&self->lock);
}

void receiver_stop(struct stream *s)
{
	struct receiver *rx = &s->rx;

	pthread_mutex_lock(&rx->lock);
	rx->jitter = jitter_free(rx->jitter);
	pthread_mutex_unlock(&rx->lock);
	rx->reorder = reorder_free(rx->reorder);
	rx->unpacker = unpacker_free(rx->unpacker);
	rx->unpacker_codec = CODEC_NONE;
	memset(rx->by_pt, -1, sizeof(rx->by_pt));
}

static const struct codec_format *format_of(const struct stream *s, uint8_t pt)
{
	int i = s->rx.by_pt[pt];

	return i < 0 ? NULL : &s->params.rx[i].format;
}

uint32_t receiver_rate(const struct stream *s, uint8_t pt)
{
	const struct codec_format *f = format_of(s, pt & 127);

	return f ? f->clock_rate : 0;
}

/* Twice the round trip for a NACK that is lost once, within what a viewer
 * would notice. */
static void set_wait(struct stream *s)
{
	int64_t rtt = s->rx.peer.rtt_us ? s->rx.peer.rtt_us : RTT_GUESS_US;
	int64_t wait = 2 * rtt + 20000;

	if (!s->rx.reorder)
		return;
	if (wait < WAIT_MIN_US)
		wait = WAIT_MIN_US;
	if (wait > WAIT_MAX_US)
		wait = WAIT_MAX_US;
	reorder_set_wait(s->rx.reorder, s->params.nack ? wait : WAIT_PLAIN_US);
}

int receiver_apply(struct stream *s)
{
	struct receiver *rx = &s->rx;
	struct jitter *jitter = NULL;
	int r = 0;

	memset(rx->by_pt, -1, sizeof(rx->by_pt));
	for (unsigned i = 0; i < s->params.n_rx; i++)
		if (s->params.rx[i].pt < 128)
			rx->by_pt[s->params.rx[i].pt] = (int8_t)i;
	if (s->params.kind == MEDIA_AUDIO && !rx->jitter) {
		r = jitter_new(&jitter, 0, 0);
		pthread_mutex_lock(&rx->lock);
		rx->jitter = jitter;
		pthread_mutex_unlock(&rx->lock);
	} else if (s->params.kind == MEDIA_VIDEO) {
		if (!rx->reorder)
			r = reorder_new(&rx->reorder);
		set_wait(s);
	}
	/* What was let go by on hold is no loss. */
	if (s->params.receive && !rx->receiving && rx->reorder) {
		reorder_reset(rx->reorder);
		rx->gap = true;
	}
	rx->receiving = s->params.receive;
	if (!s->params.orientation_ext)
		rx->orientation = 0;
	return r;
}

/* ---- keys (RFC 4733) ----------------------------------------------------- */

/* One event a key: its packets share a timestamp; the end comes three times or
 * not at all. A key held very long goes on in segments with new timestamps and
 * no marker (2.5.1.3), which some devices do on every packet. */
static void input_dtmf(struct stream *s, const struct rtp_packet *packet, int64_t now)
{
	struct dtmf_rx *d = &s->rx.dtmf;
	struct dtmf_event e;
	bool goes_on;
	char key;

	if (dtmf_event_parse(&e, packet->payload, packet->payload_len) < 0)
		return;
	key = dtmf_event_char(e.event);
	if (!key || (d->known && rtp_time_diff(packet->timestamp, d->timestamp) < 0))
		return;
	goes_on = d->known && (packet->timestamp == d->timestamp ||
		   (e.event == d->event && !d->ended && !packet->marker &&
		    now - d->last_us < DTMF_SAME_KEY_US));
	d->ended = e.end || (goes_on && packet->timestamp == d->timestamp && d->ended);
	d->known = true;
	d->event = e.event;
	d->timestamp = packet->timestamp;
	d->last_us = now;
	/* Nobody dials more than 20 keys a second; 16 may come at once. */
	if (goes_on || d->paid_us - now > DTMF_BURST_US)
		return;
	d->paid_us = (d->paid_us > now ? d->paid_us : now) + DTMF_KEY_US;
	if (s->events.dtmf)
		s->events.dtmf(s->arg, key);
}

/* ---- audio --------------------------------------------------------------- */

static void input_audio(struct stream *s, const struct rtp_packet *packet,
			const struct codec_format *f, int64_t now)
{
	struct receiver *rx = &s->rx;
	uint8_t level = 0;
	int r = 0;

	if (s->params.level_ext)
		(void)rtp_audio_level(packet, s->params.level_ext, &level);
	pthread_mutex_lock(&rx->lock);
	if (rx->jitter && f->id == CODEC_TELEPHONE_EVENT)
		jitter_skip(rx->jitter, packet, now);
	else if (rx->jitter)
		r = jitter_put(rx->jitter, packet, f->clock_rate, f->id == CODEC_CN, level,
			       now);
	pthread_mutex_unlock(&rx->lock);
	if (r < 0)
		count_add(&s->wire->stats.drop_late, 1);
	if (f->id == CODEC_TELEPHONE_EVENT)
		input_dtmf(s, packet, now);
}

/* ---- video --------------------------------------------------------------- */

static void got_key(struct stream *s)
{
	count_add(&s->stats.keys_in, 1);
	feedback_got_key(s);
}

static void emit_frame(struct stream *s, struct coded *frame)
{
	frame->time_us = stream_capture_us(s, frame->rtp_time);
	count_add(&s->stats.frames_in, 1);
	if (frame->key && !frame->corrupt)
		got_key(s);
	if (s->events.frame)
		s->events.frame(s->arg, frame);
	else
		ref_drop(frame);
}

/* Nobody looks: a key frame is noticed all the same, once for its packets. */
static void look(struct stream *s, const struct reorder_packet *p, enum codec_id codec)
{
	struct receiver *rx = &s->rx;

	rx->unseen = true;
	if (p->marker)
		count_add(&s->wire->stats.frames_unseen, 1);
	if ((rx->key_noted && rx->key_time == p->timestamp) ||
	    !payload_is_key(codec, p->data, p->len))
		return;
	rx->key_noted = true;
	rx->key_time = p->timestamp;
	got_key(s);
}

/* One payload in sequence. */
static void unpack(struct stream *s, const struct reorder_packet *p)
{
	const struct codec_format *f = format_of(s, p->pt);
	struct receiver *rx = &s->rx;
	struct coded *frame = NULL;
	bool lost = p->lost || rx->gap;
	uint8_t before = rx->orientation;

	if (!f)
		return;
	if (p->tag)
		rx->orientation = p->tag & (uint8_t)~TAGGED;
	if (!atomic_load_explicit(&s->seen, memory_order_relaxed)) {
		look(s, p, f->id);
		return;
	}
	if (rx->unseen || rx->unpacker_codec != f->id) {
		rx->unpacker = unpacker_free(rx->unpacker);
		rx->unpacker_codec = f->id;
		rx->unseen = false;
		lost = true;
	}
	if (!rx->unpacker && unpacker_new(&rx->unpacker, f->id) < 0) {
		rx->unpacker_codec = CODEC_NONE;
		return;
	}
	rx->gap = unpacker_put(rx->unpacker, p->data, p->len, p->timestamp, p->marker, lost,
			       &frame) < 0;
	/* The last packet of a frame tells of this frame (and of those to come). */
	if (frame)
		frame->orientation = frame->rtp_time == p->timestamp ? rx->orientation : before;
	if (frame)
		emit_frame(s, frame);
}

static void drain(struct stream *s, int64_t now)
{
	struct reorder_packet p;

	while (s->rx.reorder && reorder_get(s->rx.reorder, now, &p))
		unpack(s, &p);
}

static void input_video(struct stream *s, const struct rtp_packet *packet, int64_t now)
{
	struct reorder_packet p = {
		.seq = packet->seq, .pt = packet->pt, .marker = packet->marker,
		.timestamp = packet->timestamp, .arrival_us = now,
		.data = packet->payload, .len = packet->payload_len,
	};
	int r;

	if (!s->rx.reorder)
		return;
	if (s->params.orientation_ext &&
	    rtp_orientation(packet, s->params.orientation_ext, &p.tag))
		p.tag |= TAGGED;
	r = reorder_put(s->rx.reorder, packet, p.tag, now, &p.lost);
	if (r < 0)
		count_add(&s->wire->stats.drop_late, 1);
	if (r == 1)
		unpack(s, &p);
	drain(s, now);
	stream_arm(s, now);
}

/* ---- all ----------------------------------------------------------------- */

static void source_changed(struct stream *s)
{
	struct receiver *rx = &s->rx;
	uint32_t rtt = rx->peer.rtt_us;

	rx->peer = (struct rtcp_peer){ .rtt_us = rtt };
	rx->dtmf = (struct dtmf_rx){ .paid_us = rx->dtmf.paid_us };
	pthread_mutex_lock(&rx->lock);
	rx->clock = (struct sender_clock){ .rate = rx->clock.rate };
	pthread_mutex_unlock(&rx->lock);
	if (rx->reorder)
		reorder_reset(rx->reorder);
	rx->gap = true;
	rx->orientation = 0;
}

void receiver_rtp(struct stream *s, const struct rtp_packet *packet, bool authentic,
		  int64_t now)
{
	const struct codec_format *f = format_of(s, packet->pt);
	struct receiver *rx = &s->rx;
	enum source_verdict v;
	bool media;

	if (!f)
		return;
	/* Events may have a clock of their own; they say nothing about jitter. */
	media = f->id != CODEC_TELEPHONE_EVENT;
	v = rtp_source_update(&rx->source, packet, media ? f->clock_rate : 0, authentic, now);
	if (v == SOURCE_DROP) {
		count_add(&s->wire->stats.drop_source, 1);
		return;
	}
	count_add(&s->stats.rx_packets, 1);
	count_add(&s->stats.rx_bytes, packet->header_len + packet->payload_len);
	meter_add(&s->rx_meter, packet->header_len + packet->payload_len, now);
	count_set(&s->stats.lost, rtp_source_lost(&rx->source));
	count_set(&s->stats.jitter_us, rtp_source_jitter_us(&rx->source));
	if (v != SOURCE_OK)
		source_changed(s);
	if (media && (rx->pt != packet->pt || v != SOURCE_OK)) {
		rx->pt = packet->pt;
		count_set(&s->stats.rx_pt, packet->pt);
		pthread_mutex_lock(&rx->lock);
		rx->clock.rate = f->clock_rate;
		pthread_mutex_unlock(&rx->lock);
		/* after comfort noise silence counts again */
		stream_arm(s, now);
	}
	if (!s->params.receive)
		return;
	if (s->params.kind == MEDIA_VIDEO)
		input_video(s, packet, now);
	else
		input_audio(s, packet, f, now);
}

/* RFC 3389: after comfort noise a sender may say nothing for as long as its room
 * is quiet. */
bool receiver_announced_silence(const struct stream *s)
{
	const struct codec_format *f = s->heard_us ? format_of(s, s->rx.pt) : NULL;

	return f && f->id == CODEC_CN;
}

int64_t receiver_due(const struct stream *s)
{
	int64_t at = INT64_MAX, nack;

	if (!s->rx.reorder)
		return at;
	at = reorder_due(s->rx.reorder);
	if (s->params.nack) {
		nack = reorder_nack_due(s->rx.reorder, s->rx.peer.rtt_us);
		at = nack < at ? nack : at;
	}
	return at;
}

void receiver_tick(struct stream *s, int64_t now)
{
	if (s->rx.reorder && reorder_due(s->rx.reorder) <= now)
		drain(s, now);
}

/* ---- the sender's clock -------------------------------------------------- */

/* Its reports give wall time and RTP time together. The wall clocks need not
 * agree: the least of (arrival - wall time) over the last reports is taken as
 * the difference, so that one report held up on the way does not count. */
void receiver_sr(struct stream *s, const struct rtcp_sender *sr, int64_t now)
{
	struct sender_clock *c = &s->rx.clock;
	int64_t wall = rtcp_ntp_us(sr->ntp);

	rtcp_peer_sr(&s->rx.peer, sr, now);
	set_wait(s);
	if (!sr->ntp)
		return; /* RFC 3550 6.4.1: zero, a sender without a clock */
	pthread_mutex_lock(&s->rx.lock);
	c->offset_us[c->next] = now - wall;
	c->next = (c->next + 1) % CLOCK_SAMPLES;
	if (c->n < CLOCK_SAMPLES)
		c->n++;
	c->min_offset_us = c->offset_us[0];
	for (unsigned i = 1; i < c->n; i++)
		if (c->offset_us[i] < c->min_offset_us)
			c->min_offset_us = c->offset_us[i];
	c->sr_wall_us = wall;
	c->sr_rtp = sr->rtp_time;
	pthread_mutex_unlock(&s->rx.lock);
}

int64_t stream_capture_us(struct stream *self, uint32_t rtp_time)
{
	const struct sender_clock *c = &self->rx.clock;
	int64_t us = 0;

	pthread_mutex_lock(&self->rx.lock);
	if (c->n && c->rate)
		us = c->sr_wall_us + c->min_offset_us +
		     (int64_t)rtp_time_diff(rtp_time, c->sr_rtp) * 1000000 / c->rate;
	pthread_mutex_unlock(&self->rx.lock);
	return us;
}
