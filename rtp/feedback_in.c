/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTCP that arrives, to the streams it is about. Devices often name the wrong
 * SSRC, or none: where only one stream can be meant, it is. */
#include "rtp/wire_priv.h"

enum { NACKS_PER_COMPOUND = 256 };

/* The stream whose sender is `ssrc`. */
static struct stream *by_source(struct transport *t, uint32_t ssrc)
{
	list_each(l, &t->streams) {
		struct stream *s = list_entry(l, struct stream, link);

		if (s->set && s->rx.source.known && s->rx.source.ssrc == ssrc)
			return s;
	}
	return NULL;
}

/* The stream that sends as `ssrc`. */
static struct stream *by_target(struct transport *t, uint32_t ssrc)
{
	list_each(l, &t->streams) {
		struct stream *s = list_entry(l, struct stream, link);

		if (s->set && s->tx.ssrc == ssrc)
			return s;
	}
	return NULL;
}

/* The same, or the only video stream there is. */
static struct stream *video_target(struct transport *t, uint32_t ssrc)
{
	struct stream *s = by_target(t, ssrc), *only = NULL;

	if (s)
		return s->params.kind == MEDIA_VIDEO ? s : NULL;
	list_each(l, &t->streams) {
		s = list_entry(l, struct stream, link);
		if (!s->set || s->params.kind != MEDIA_VIDEO)
			continue;
		if (only)
			return NULL;
		only = s;
	}
	return only;
}

static void on_key(struct stream *s, bool fir, int64_t now)
{
	if (!s)
		return;
	s->fb.showed_fir |= fir;
	s->fb.showed_pli |= !fir;
	count_add(&s->stats.key_requests_in, 1);
	feedback_key_asked(s, now);
}

static void on_report(struct transport *t, struct rtcp_packet *p, int64_t now)
{
	struct stream *s = by_source(t, p->ssrc);
	struct rtcp_block block;

	if (p->kind == RTCP_SR && s)
		receiver_sr(s, &p->sender, now);
	while (rtcp_block_next(p, &block)) {
		s = by_target(t, block.ssrc);
		if (s)
			feedback_block(s, &block, now);
	}
}

static void on_nack(struct transport *t, struct rtcp_packet *p, unsigned *budget, int64_t now)
{
	struct stream *s = by_target(t, p->media_ssrc);
	uint16_t seq;

	while (s && *budget && rtcp_nack_next(p, &seq)) {
		--*budget;
		count_add(&s->stats.nacks_in, 1);
		sender_resend(s, seq, now);
	}
}

static void on_fir(struct transport *t, struct rtcp_packet *p, int64_t now)
{
	uint32_t ssrc;
	uint8_t seq;

	while (rtcp_fir_next(p, &ssrc, &seq))
		on_key(video_target(t, ssrc), true, now);
}

static void on_remb(struct transport *t, struct rtcp_packet *p, int64_t now)
{
	uint64_t rate = p->remb;
	uint32_t ssrc;

	while (rtcp_remb_next(p, &ssrc)) {
		struct stream *s = video_target(t, ssrc);

		if (!s || !s->fb.rate_set)
			continue;
		rate_remb(&s->fb.rate, rate, now);
		feedback_check_rate(s, now);
	}
}

static void on_tmmbr(struct transport *t, struct rtcp_packet *p, int64_t now)
{
	struct rtcp_tmmb entry;

	while (rtcp_tmmb_next(p, &entry)) {
		struct stream *s = video_target(t, entry.ssrc);
		unsigned pps;

		if (!s || !s->fb.rate_set)
			continue;
		/* About as many packets a second as the rate gives full ones. */
		pps = (unsigned)(entry.bitrate / 8 / s->wire->config.mtu) + 1;
		rate_tmmbr(&s->fb.rate, entry.bitrate, entry.overhead, pps, now);
		s->fb.tmmbr = entry;
		s->fb.tmmbr_from = p->ssrc;
		s->fb.tmmbn_due = true;
		feedback_check_rate(s, now);
		stream_arm(s, now);
	}
}

bool feedback_input(struct transport *t, const uint8_t *data, size_t len, int64_t now)
{
	unsigned nacks = NACKS_PER_COMPOUND;
	struct rtcp_iter it;
	struct rtcp_packet p;

	if (rtcp_begin(&it, data, len, true) < 0)
		return false;
	while (rtcp_next(&it, &p)) {
		switch (p.kind) {
		case RTCP_SR:
		case RTCP_RR:
			on_report(t, &p, now);
			break;
		case RTCP_NACK:
			on_nack(t, &p, &nacks, now);
			break;
		case RTCP_PLI:
			on_key(video_target(t, p.media_ssrc), false, now);
			break;
		case RTCP_FIR:
			on_fir(t, &p, now);
			break;
		case RTCP_REMB:
			on_remb(t, &p, now);
			break;
		case RTCP_TMMBR:
			on_tmmbr(t, &p, now);
			break;
		default:
			break;
		}
	}
	return true;
}
