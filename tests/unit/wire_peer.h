/* SPDX-License-Identifier: GPL-3.0-or-later
 * A far end made of bytes, for tests of the wire. */
#ifndef BALAI_TESTS_UNIT_WIRE_PEER_H
#define BALAI_TESTS_UNIT_WIRE_PEER_H

#include "tests/unit/wire_bench.h"

/* The far end: a socket. */
struct peer {
	int fd;
	struct sockaddr_storage to;
	uint32_t ssrc;
};

static inline uint16_t port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

static inline void peer_open(struct peer *p, struct end *e, struct wire *w, const struct stream_params *v)
{
	struct sockaddr_storage any = loopback(0);
	struct transport_params t;

	end_open(e, w, false);
	p->ssrc = 0x01020304;
	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&any, sizeof(struct sockaddr_in)), 0);
	p->to = loopback(transport_local(e->t)->rtp_port);
	e->remote = e->remote_rtcp = loopback(port_of(p->fd));
	t = plain_params(e, true);
	transport_set(e->t, &t);
	if (v->kind == MEDIA_VIDEO)
		add_video(e, v);
	else
		add_audio(e, v);
	turns(w, 1);
}

static inline void peer_send(struct peer *p, struct wire *w, const struct writer *m)
{
	assert_false(m->bad);
	assert_int_equal(sendto(p->fd, m->base, writer_len(m), 0, (struct sockaddr *)&p->to,
				sizeof(struct sockaddr_in)), (ssize_t)writer_len(m));
	turns(w, 1);
}

/* What waits at the peer: RTP packets counted, RTCP packets by kind. */
struct seen {
	unsigned rtp, compounds, kind[RTCP_REMB + 1];
	struct rtcp_tmmb tmmbn;
	uint16_t first_seq, last_seq;
	size_t bytes;
};

static inline void peer_look(struct peer *p, struct seen *s)
{
	uint8_t buf[2048];
	struct rtcp_packet r;
	struct rtcp_iter it;
	ssize_t n;

	memset(s, 0, sizeof(*s));
	while ((n = recv(p->fd, buf, sizeof(buf), 0)) > 0) {
		s->bytes += (size_t)n;
		if (packet_demux(buf, (size_t)n) == DEMUX_RTP) {
			s->last_seq = (uint16_t)(buf[2] << 8 | buf[3]);
			if (!s->rtp++)
				s->first_seq = s->last_seq;
			continue;
		}
		/* every compound is whole: SR or RR first (RFC 3550 6.1) */
		assert_int_equal(rtcp_begin(&it, buf, (size_t)n, false), 0);
		s->compounds++;
		while (rtcp_next(&it, &r)) {
			s->kind[r.kind]++;
			if (r.kind == RTCP_TMMBN)
				assert_true(rtcp_tmmb_next(&r, &s->tmmbn));
		}
	}
}

#endif
