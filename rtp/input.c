/* SPDX-License-Identifier: GPL-3.0-or-later
 * A datagram's way in: which protocol, may its source speak here, is it
 * authentic, which stream is it for (RFC 7983, RFC 8843 9.2). Whatever is not
 * wanted is counted and forgotten. */
#include "rtp/wire_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STASH_US = 5000000 };

#define DROP(c, what) count_add(&(c)->transport->wire->stats.drop_##what, 1)

/* ---- which stream -------------------------------------------------------- */

static bool expects(const struct stream *s, uint8_t pt)
{
	return s->set && s->rx.by_pt[pt] >= 0;
}

static struct stream *by_mid(struct transport *t, const struct rtp_packet *packet)
{
	struct rtp_ext e;

	list_each(l, &t->streams) {
		struct stream *s = list_entry(l, struct stream, link);
		size_t n = strnlen(s->params.mid, sizeof(s->params.mid));

		if (s->set && s->params.mid_ext && n &&
		    rtp_ext_find(packet, s->params.mid_ext, &e) && e.len == n &&
		    !memcmp(e.data, s->params.mid, n))
			return s;
	}
	return NULL;
}

static struct stream *by_ssrc(struct transport *t, uint32_t ssrc)
{
	for (unsigned i = 0; i < t->n_ssrc; i++)
		if (t->ssrc[i].ssrc == ssrc)
			return t->ssrc[i].stream;
	return NULL;
}

static struct stream *by_pt(struct transport *t, uint8_t pt)
{
	list_each(l, &t->streams) {
		struct stream *s = list_entry(l, struct stream, link);

		if (expects(s, pt))
			return s;
	}
	return NULL;
}

/* MID wins, then what the SSRC was known for, then the payload type; one that
 * is not expected by the stream found is nobody's. */
static struct stream *find_stream(struct transport *t, const struct rtp_packet *packet)
{
	struct stream *s = NULL;

	if (t->n_streams > 1) {
		s = by_mid(t, packet);
		if (!s)
			s = by_ssrc(t, packet->ssrc);
		if (s && !expects(s, packet->pt))
			s = NULL;
	}
	return s ? s : by_pt(t, packet->pt);
}

static void learn_ssrc(struct transport *t, uint32_t ssrc, struct stream *s)
{
	unsigned i;

	if (t->n_streams < 2)
		return;
	for (i = 0; i < t->n_ssrc; i++) {
		if (t->ssrc[i].ssrc == ssrc) {
			t->ssrc[i].stream = s;
			return;
		}
	}
	/* Full: the places are used again in turn. */
	if (t->n_ssrc < MAX_SSRC_MAP)
		i = t->n_ssrc++;
	else
		i = t->ssrc_next++ % MAX_SSRC_MAP;
	t->ssrc[i] = (struct ssrc_entry){ ssrc, s };
}

/* ---- security ------------------------------------------------------------ */

/* True when the packet may be looked at; it lies open then. *authentic: its
 * sender has the key. */
static bool open_packet(struct component *c, bool rtcp, uint8_t *data, size_t *len,
			bool *authentic, int64_t now)
{
	const struct transport_params *p = &c->transport->params;
	int r;

	*authentic = p->security != SECURITY_NONE;
	if (!*authentic) {
		if (p->secured_only)
			DROP(c, plain);
		return !p->secured_only;
	}
	if (p->security == SECURITY_DTLS && !c->secure) {
		DROP(c, auth);
		return false;
	}
	r = keyring_open(component_keys(c), rtcp, data, len, now);
	if (r == -EALREADY)
		DROP(c, replay);
	else if (r == -EBADMSG)
		DROP(c, short);
	else if (r < 0)
		DROP(c, auth);
	return r == 0;
}

/* ---- RTP and RTCP -------------------------------------------------------- */

static bool source_may_send(struct component *c, const struct rtp_packet *packet,
			    const struct stream *s, bool authentic,
			    const struct sockaddr_storage *from, int64_t now)
{
	const struct rtp_source *source = &s->rx.source;

	if (c->transport->params.ice) {
		if (!authentic && !ice_is_valid(&c->ice, from))
			return false;
		ice_heard(&c->ice, from, now);
		return true;
	}
	if (authentic) {
		bool newest = !source->known || source->ssrc != packet->ssrc ||
			      seq_diff(packet->seq, source->max_seq) > 0;

		latch_authentic(&c->latch, from, newest, now);
		return true;
	}
	return latch_rtp(&c->latch, from, packet->ssrc, packet->seq, now) != LATCH_DROP;
}

static void input_rtp(struct component *c, uint8_t *data, size_t len,
		      const struct sockaddr_storage *from, int64_t now)
{
	struct transport *t = c->transport;
	struct rtp_packet packet;
	struct stream *s;
	bool authentic;

	if (len < RTP_HEADER_LEN) {
		DROP(c, short);
		return;
	}
	if (!open_packet(c, false, data, &len, &authentic, now))
		return;
	if (t->tap)
		transport_tapped(c, false, from, data, len);
	if (rtp_parse(&packet, data, len) < 0) {
		DROP(c, short);
		return;
	}
	s = find_stream(t, &packet);
	if (!s) {
		DROP(c, pt);
		return;
	}
	if (!source_may_send(c, &packet, s, authentic, from, now)) {
		DROP(c, source);
		return;
	}
	learn_ssrc(t, packet.ssrc, s);
	stream_heard(s, now);
	receiver_rtp(s, &packet, authentic, now);
}

static bool rtcp_source_may_send(struct component *c, bool authentic,
				 const struct sockaddr_storage *from, int64_t now)
{
	struct transport *t = c->transport;

	if (t->params.ice) {
		if (!authentic && !ice_is_valid(&c->ice, from))
			return false;
		ice_heard(&c->ice, from, now);
		return true;
	}
	if (authentic) {
		/* Reports are too rare to say who is newest; on the RTP socket
		 * only RTP moves the destination. */
		latch_authentic(&c->latch, from, c->rtcp, now);
		return true;
	}
	if (c->rtcp)
		return latch_rtcp(&c->latch, from, &t->comp[0].latch, now) != LATCH_DROP;
	return latch_rtcp_mux(&c->latch, from, now) != LATCH_DROP;
}

/* RTCP and STUN show that the peer lives, for all streams it may have here but
 * those whose media itself is waited for. */
static void heard(struct transport *t, int64_t now)
{
	t->heard_us = now;
	list_each(l, &t->streams) {
		struct stream *s = list_entry(l, struct stream, link);

		if (!s->params.silence_of_rtp)
			stream_heard(s, now);
	}
}

static void input_rtcp(struct component *c, uint8_t *data, size_t len,
		       const struct sockaddr_storage *from, int64_t now)
{
	bool authentic;

	if (len < 8) {
		DROP(c, short);
		return;
	}
	if (!open_packet(c, true, data, &len, &authentic, now))
		return;
	if (c->transport->tap)
		transport_tapped(c, false, from, data, len);
	if (!rtcp_source_may_send(c, authentic, from, now)) {
		DROP(c, source);
		return;
	}
	if (!feedback_input(c->transport, data, len, now)) {
		DROP(c, rtcp);
		return;
	}
	heard(c->transport, now);
}

/* ---- STUN and DTLS ------------------------------------------------------- */

/* Checks are answered before the description is known too: they often arrive
 * before the answer that names their sender. */
static void input_stun(struct component *c, const uint8_t *data, size_t len,
		       const struct sockaddr_storage *from, int64_t now)
{
	struct transport *t = c->transport;
	const struct transport_params *p = &t->params;
	uint8_t buf[256];
	struct writer answer = writer_of(buf, sizeof(buf));
	enum ice_result r = ice_input(&c->ice, t->local.ufrag, t->local.pwd,
				      t->set && p->ice ? p->remote_ufrag : "", data, len,
				      from, now, &answer);

	if (writer_len(&answer) && !answer.bad)
		component_send(c, buf, writer_len(&answer), from);
	if (r == ICE_BAD)
		DROP(c, stun);
	if (r != ICE_VALID && r != ICE_SELECTED)
		return;
	heard(t, now);
	if (t->set && p->ice && p->security == SECURITY_DTLS && p->dtls_role == DTLS_ACTIVE) {
		dtls_side_connect(&c->dtls, from, now);
		transport_sooner(t, dtls_side_due(&c->dtls));
	}
}

static void input_dtls(struct component *c, const uint8_t *data, size_t len,
		       const struct sockaddr_storage *from, int64_t now)
{
	const struct transport_params *p = &c->transport->params;
	enum dtls_source source = DTLS_STRANGER;

	if (p->ice && ice_is_valid(&c->ice, from))
		source = DTLS_VALIDATED;
	else if (!p->ice && addr_same_host(from, &c->latch.signalled))
		source = DTLS_SIGNALLED;
	if (p->security != SECURITY_DTLS ||
	    (source == DTLS_STRANGER && (p->ice || !p->latch))) {
		DROP(c, dtls);
		return;
	}
	if (dtls_side_input(&c->dtls, data, len, from, source, now) < 0)
		DROP(c, dtls);
	transport_sooner(c->transport, dtls_side_due(&c->dtls));
}

/* An answer may be overtaken by the handshake it announces; the peer would send
 * its hello again only after a second. One is kept, from whoever came last. */
static void stash(struct component *c, const uint8_t *data, size_t len,
		  const struct sockaddr_storage *from, int64_t now)
{
	if (!c->early)
		c->early = malloc(sizeof(*c->early));
	if (!c->early || len > sizeof(c->early->data)) {
		DROP(c, dtls);
		return;
	}
	c->early->from = *from;
	c->early->at_us = now;
	c->early->len = len;
	memcpy(c->early->data, data, len);
}

void component_unstash(struct component *c, int64_t now)
{
	struct stash *e = c->early;

	c->early = NULL;
	if (e && now - e->at_us < STASH_US)
		input_dtls(c, e->data, e->len, &e->from, now);
	free(e);
}

void transport_input(struct component *c, uint8_t *data, size_t len,
		     const struct sockaddr_storage *from, int64_t now)
{
	enum demux kind = packet_demux(data, len);

	if (!len) {
		DROP(c, short);
		return;
	}
	if (kind == DEMUX_STUN) {
		input_stun(c, data, len, from, now);
		return;
	}
	/* Before the description is known nobody is known who might send. */
	if (!c->transport->set && kind == DEMUX_DTLS) {
		stash(c, data, len, from, now);
		return;
	}
	if (!c->transport->set) {
		DROP(c, source);
		return;
	}
	if (kind == DEMUX_DTLS)
		input_dtls(c, data, len, from, now);
	else if (kind == DEMUX_RTCP)
		input_rtcp(c, data, len, from, now);
	else if (kind == DEMUX_RTP && !c->rtcp)
		input_rtp(c, data, len, from, now);
	else
		DROP(c, version);
}
