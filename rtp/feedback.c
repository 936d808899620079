/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTCP that a stream sends. What it receives is in feedback_in.c. */
#include "rtp/wire_priv.h"

#include "base/clock.h"

#include <string.h>

enum {
	RTCP_MTU = 1200,
	KEY_FIRST_US = 250000, KEY_LAST_US = 2000000, /* between requests: backing off */
	KEY_PASS_US = 200000,       /* requests of the peer passed on at most so often */
	RATE_TELL_US = 100000, RATE_BURST_US = 5 * RATE_TELL_US,
	NACK_HEAD = 80,             /* bytes of a compound around its NACK, about */
	RATE_MIN = 64000, RATE_DEFAULT = 4000000,
	NACK_MAX = 128,
	LOSS_STEP = 2,              /* percent worth telling an audio encoder */
	SENDER_FOR_US = 10000000,   /* SR until so long after the last packet */
	IDLE_BYTES = 100,           /* what a report that could not go counts as */
};

void feedback_init(struct feedback *self, struct wire *wire, int64_t now)
{
	rtcp_timing_init(&self->timing, wire_random(wire), now);
	self->fir_seq = (uint8_t)wire_random(wire);
}

void feedback_apply(struct stream *s, int64_t now)
{
	const struct stream_params *p = &s->params;
	uint32_t rate = p->bitrate ? p->bitrate : RATE_DEFAULT;
	struct feedback *fb = &s->fb;

	/* Whoever negotiates feedback under plain AVP, as many room systems do,
	 * wants it at once too. */
	fb->timing.avpf = p->avpf || p->nack || p->pli || p->fir;
	fb->timing.bandwidth = p->kind == MEDIA_VIDEO ? rate : p->bitrate ? p->bitrate : 64000;
	if (p->kind != MEDIA_VIDEO)
		return;
	if (!fb->rate_set)
		rate_init(&fb->rate, rate < RATE_MIN ? rate : RATE_MIN, rate, now);
	else
		rate_set_max(&fb->rate, rate);
	fb->rate_set = true;
	feedback_check_rate(s, now);
}

void feedback_check_rate(struct stream *s, int64_t now)
{
	struct feedback *fb = &s->fb;
	uint32_t rate;

	if (!fb->rate_set)
		return;
	/* A peer that changes its mind with each packet is heard ten times a
	 * second: encoders have to follow. */
	fb->rate_waits = fb->rate_paid_us - now > RATE_BURST_US;
	if (fb->rate_waits || !rate_changed(&fb->rate, now, &rate))
		return;
	fb->rate_paid_us = (fb->rate_paid_us > now ? fb->rate_paid_us : now) + RATE_TELL_US;
	sender_set_rate(s, rate);
	if (s->events.rate_wanted)
		s->events.rate_wanted(s->arg, rate, fb->rate.loss);
}

void feedback_block(struct stream *s, const struct rtcp_block *block, int64_t now)
{
	struct feedback *fb = &s->fb;
	unsigned loss = block->fraction * 100u / 256;
	unsigned change = loss > fb->loss_told ? loss - fb->loss_told : fb->loss_told - loss;

	rtcp_peer_rtt(&s->rx.peer, block, clock_wall_us());
	count_set(&s->stats.rtt_us, s->rx.peer.rtt_us);
	count_set(&s->stats.peer_loss_percent, (uint8_t)loss);
	if (fb->rate_set) {
		rate_report(&fb->rate, block->fraction, s->rx.peer.rtt_us, now);
		feedback_check_rate(s, now);
	} else if (change >= LOSS_STEP && s->events.rate_wanted) {
		fb->loss_told = (uint8_t)loss;
		s->events.rate_wanted(s->arg, s->params.bitrate, (int)loss);
	}
}

/* ---- key frames ---------------------------------------------------------- */

void feedback_want_key(struct stream *s, int64_t now)
{
	struct feedback *fb = &s->fb;

	if (fb->key_wanted || s->params.kind != MEDIA_VIDEO)
		return;
	fb->key_wanted = true;
	fb->key_tries = 0;
	fb->key_next_us = now;
	fb->fir_seq++;
}

void feedback_got_key(struct stream *s)
{
	s->fb.key_wanted = false;
}

void feedback_key_asked(struct stream *s, int64_t now)
{
	struct feedback *fb = &s->fb;

	if (fb->key_asked && now - fb->key_asked_us < KEY_PASS_US)
		return;
	fb->key_asked = true;
	fb->key_asked_us = now;
	if (s->events.key_wanted)
		s->events.key_wanted(s->arg);
}

static bool negotiated(const struct stream *s)
{
	return s->params.pli || s->params.fir;
}

/* The next request of a run; PLI and FIR by turns where the peer said it knows
 * both, for not every one that says so does. */
static void write_key_request(struct stream *s, struct writer *w)
{
	struct feedback *fb = &s->fb;
	bool fir = negotiated(s) ? s->params.fir && (!s->params.pli || fb->key_tries % 2) :
				   !fb->showed_pli;

	if (fir)
		rtcp_write_fir(w, s->tx.ssrc, s->rx.source.ssrc, fb->fir_seq);
	else
		rtcp_write_pli(w, s->tx.ssrc, s->rx.source.ssrc);
	count_add(&s->stats.key_requests_out, 1);
}

/* True when a request should go now; the next time is set. */
static bool key_step(struct stream *s, int64_t now)
{
	struct feedback *fb = &s->fb;
	int64_t wait = KEY_FIRST_US;

	if (!fb->key_wanted || !s->params.receive || fb->key_next_us > now)
		return false;
	fb->key_next_us = now + wait;
	/* Nobody to ask yet. What begins, begins with a key frame. */
	if (!s->rx.source.known)
		return false;
	for (unsigned i = 0; i < fb->key_tries && wait < KEY_LAST_US; i++)
		wait *= 2;
	fb->key_next_us = now + (wait < KEY_LAST_US ? wait : KEY_LAST_US);
	if (negotiated(s))
		return transport_ready(s->transport, true);
	/* Who says nothing of feedback is asked by signalling, and in the way it asks us. */
	if (s->events.key_unanswerable)
		s->events.key_unanswerable(s->arg);
	if ((fb->showed_pli || fb->showed_fir) && transport_ready(s->transport, true))
		return true;
	fb->key_tries++;
	return false;
}

/* ---- compounds ----------------------------------------------------------- */

static bool is_sender(const struct stream *s, int64_t now)
{
	return s->tx.begun && now - s->tx.last_us < SENDER_FOR_US;
}

/* SR or RR, with a report block if `block`, and the CNAME. */
static void write_head(struct stream *s, struct writer *w, bool block, int64_t now)
{
	const char *cname = s->params.cname[0] ? s->params.cname : s->transport->local.ufrag;
	struct rtcp_block b;
	size_t n = 0;

	if (block && s->rx.source.known) {
		rtcp_block_fill(&b, &s->rx.source, &s->rx.peer, now);
		n = 1;
	}
	if (is_sender(s, now)) {
		struct rtcp_sender sr = {
			.ntp = rtcp_ntp(clock_wall_us()), .rtp_time = sender_time_at(&s->tx, now),
			.packets = s->tx.packets, .octets = s->tx.octets,
		};

		rtcp_write_sr(w, s->tx.ssrc, &sr, &b, n);
	} else {
		rtcp_write_rr(w, s->tx.ssrc, &b, n);
	}
	rtcp_write_sdes(w, s->tx.ssrc, cname);
}

static void write_tmmbn(struct stream *s, struct writer *w)
{
	struct rtcp_tmmb entry = s->fb.tmmbr;

	/* RFC 5104 4.2.2: the entry names whose limit it is. */
	entry.ssrc = s->fb.tmmbr_from;
	rtcp_write_tmmbn(w, s->tx.ssrc, &entry, 1);
	s->fb.tmmbn_due = false;
}

static struct writer begin(struct stream *s)
{
	return writer_of(transport_slot(s->transport, true), RTCP_MTU);
}

static void send_regular(struct stream *s, int64_t now)
{
	struct feedback *fb = &s->fb;
	struct writer w;

	fb->timing.sending = is_sender(s, now);
	if (!transport_ready(s->transport, true)) {
		rtcp_timing_sent(&fb->timing, IDLE_BYTES, now);
		return;
	}
	w = begin(s);
	write_head(s, &w, true, now);
	transport_commit(s->transport, true, w.base, writer_len(&w));
	rtcp_timing_sent(&fb->timing, writer_len(&w), now);
	fb->reported = true;
	fb->sender_reported = s->tx.begun;
}

/* Feedback that cannot wait for the next report, in one compound. */
static void send_early(struct stream *s, bool key, const uint16_t *seq, size_t n, int64_t now)
{
	struct feedback *fb = &s->fb;
	struct writer w;

	if (!transport_ready(s->transport, true))
		return;
	w = begin(s);
	write_head(s, &w, false, now);
	if (n && rtcp_write_nack(&w, s->tx.ssrc, s->rx.source.ssrc, seq, n) == 0)
		count_add(&s->stats.nacks_out, n);
	if (key) {
		write_key_request(s, &w);
		fb->key_tries++;
	}
	if (fb->tmmbn_due)
		write_tmmbn(s, &w);
	transport_commit(s->transport, true, w.base, writer_len(&w));
}

void feedback_bye(struct stream *s, int64_t now)
{
	struct writer w;

	if (!s->fb.reported || !transport_ready(s->transport, true))
		return;
	w = begin(s);
	write_head(s, &w, true, now);
	rtcp_write_bye(&w, s->tx.ssrc, NULL);
	transport_commit(s->transport, true, w.base, writer_len(&w));
}

/* ---- time ---------------------------------------------------------------- */

/* The first report of a sender goes at once: without it there is no lip-sync. */
static bool first_due(struct stream *s)
{
	return s->tx.begun && !s->fb.sender_reported && transport_ready(s->transport, true);
}

int64_t feedback_due(struct stream *s, int64_t now)
{
	const struct feedback *fb = &s->fb;
	int64_t at = rtcp_timing_next(&fb->timing);

	if (fb->key_wanted && s->params.receive && fb->key_next_us < at)
		at = fb->key_next_us;
	if (fb->rate_waits && fb->rate_paid_us - RATE_BURST_US < at)
		at = fb->rate_paid_us - RATE_BURST_US;
	return fb->tmmbn_due || first_due(s) ? now : at;
}

void feedback_tick(struct stream *s, int64_t now)
{
	struct feedback *fb = &s->fb;
	uint16_t seq[NACK_MAX];
	size_t n = 0;
	bool key;

	if (!s->set)
		return;
	if (rtcp_timing_next(&fb->timing) <= now || first_due(s))
		send_regular(s, now);
	/* Asked for even when it cannot be sent: the list moves on with time. */
	if (s->params.nack && s->rx.reorder)
		n = reorder_nacks(s->rx.reorder, now, s->rx.peer.rtt_us, seq, NACK_MAX);
	if (n && !rtcp_timing_early(&fb->timing, NACK_HEAD + n * 2, now))
		n = 0; /* holes without end: RTCP has its share and no more */
	if (fb->rate_waits)
		feedback_check_rate(s, now);
	key = key_step(s, now);
	if (n || key || fb->tmmbn_due)
		send_early(s, key, seq, n, now);
	fb->tmmbn_due = false;
}
