/* SPDX-License-Identifier: GPL-3.0-or-later
 * A peer that is in the call and means no good: what it costs us is bounded. */
#include "tests/unit/wire_peer.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

/* ---- DTLS ---------------------------------------------------------------- */

enum { FLIGHT = 64 };

/* One side, and the datagrams it sent that nobody took yet. */
struct end_dtls {
	struct dtls_side side;
	struct sockaddr_storage addr;
	int up;
	unsigned n;
	struct { size_t len; uint8_t data[1500]; } out[FLIGHT];
};

static void dtls_sent(void *arg, const uint8_t *data, size_t len, const struct sockaddr_storage *to)
{
	struct end_dtls *e = arg;

	(void)to;
	assert_true(e->n < FLIGHT && len <= sizeof(e->out[0].data));
	e->out[e->n].len = len;
	memcpy(e->out[e->n++].data, data, len);
}

static void dtls_is_done(void *arg, int status, const struct srtp_key *tx, const struct srtp_key *rx,
			 const struct sockaddr_storage *from, int64_t now)
{
	(void)tx, (void)rx, (void)from, (void)now;
	((struct end_dtls *)arg)->up = status == 0 ? 1 : -1;
}

static void carry(struct end_dtls *from, struct end_dtls *to)
{
	for (unsigned i = 0; i < from->n; i++)
		(void)dtls_side_input(&to->side, from->out[i].data, from->out[i].len, &from->addr,
				      DTLS_SIGNALLED, 1000000);
	from->n = 0;
}

static size_t fingerprint_of(const struct dtls_identity *id, uint8_t out[32])
{
	const char *text = dtls_identity_fingerprint(id);
	size_t n = 0;

	for (; n < 32; n++)
		out[n] = (uint8_t)strtoul(text + n * 3, NULL, 16);
	return n;
}

static const struct dtls_ops dtls_ops = { dtls_sent, dtls_is_done };

/* Two sides that know each other; a is the client and has said hello. */
static void dtls_pair(struct end_dtls *a, struct end_dtls *b, struct dtls_identity **id)
{
	uint8_t print[32];

	memset(a, 0, sizeof(*a));
	memset(b, 0, sizeof(*b));
	assert_int_equal(dtls_identity_new(id), 0);
	a->addr = loopback(4000);
	b->addr = loopback(4002);
	dtls_side_init(&a->side, *id, &dtls_ops, a);
	dtls_side_init(&b->side, *id, &dtls_ops, b);
	fingerprint_of(*id, print);
	dtls_side_set(&a->side, true, "sha-256", print, 32);
	dtls_side_set(&b->side, false, "sha-256", print, 32);
	dtls_side_connect(&a->side, &b->addr, 1000000);
}

static void dtls_pair_end(struct end_dtls *a, struct end_dtls *b, struct dtls_identity *id)
{
	dtls_side_fini(&a->side);
	dtls_side_fini(&b->side);
	ref_drop(id);
}

static void come_up(struct end_dtls *a, struct end_dtls *b)
{
	for (int i = 0; i < 10; i++) {
		carry(a, b);
		carry(b, a);
	}
	assert_int_equal(a->up, 1);
	assert_int_equal(b->up, 1);
}

/* What anybody can write the peer's address on, to a side whose peer is `peer`. */
static int forge(struct end_dtls *to, const struct end_dtls *peer, const uint8_t *data, size_t len)
{
	return dtls_side_input(&to->side, data, len, &peer->addr, DTLS_SIGNALLED, 1000000);
}

/* A record in the clear, with a handshake message of that type in it. */
static size_t handshake_record(uint8_t *out, uint8_t type, uint8_t number, uint8_t body)
{
	memcpy(out, (uint8_t[]){ 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 77, 0, 12,
				 type, 0, 0, 0, 0, number, 0, 0, 0, 0, 0, 0 }, 25);
	out[12] = (uint8_t)(12 + body);
	out[16] = out[24] = body;
	memset(out + 25, 0x5a, body);
	return 25u + body;
}

/* Alerts and whatever else is in the clear and is none of a handshake's, between
 * all its messages and to both sides. */
static void test_dtls_forged_records(void **state)
{
	static const uint8_t alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40 };
	static const uint8_t data[] = { 23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40 };
	static const uint8_t torn[] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 2, 40 };
	static struct end_dtls a, b;
	struct dtls_identity *id;
	uint8_t hello_request[64], finished[64];
	size_t nh = handshake_record(hello_request, 0, 1, 0), nf = handshake_record(finished, 20, 1, 12);

	(void)state;
	dtls_pair(&a, &b, &id);
	for (int i = 0; i < 10; i++) {
		struct end_dtls *const to[] = { &a, &b }, *const peer[] = { &b, &a };

		carry(i & 1 ? &b : &a, i & 1 ? &a : &b);
		for (int k = 0; k < 2 && !(a.up && b.up); k++) {
			if (to[k]->up)
				continue;
			assert_int_equal(forge(to[k], peer[k], alert, sizeof(alert)), -EBADMSG);
			assert_int_equal(forge(to[k], peer[k], data, sizeof(data)), -EBADMSG);
			assert_int_equal(forge(to[k], peer[k], torn, sizeof(torn)), -EBADMSG);
			assert_int_equal(forge(to[k], peer[k], hello_request, nh), -EBADMSG);
			assert_int_equal(forge(to[k], peer[k], finished, nf), -EBADMSG);
			assert_true(to[k]->up >= 0);
		}
	}
	assert_int_equal(a.up, 1);
	assert_int_equal(b.up, 1);
	/* All is well: nobody is told later that it was not. */
	dtls_side_tick(&a.side, 20000000);
	dtls_side_tick(&b.side, 20000000);
	assert_int_equal(a.up, 1);
	assert_int_equal(b.up, 1);
	dtls_pair_end(&a, &b, id);
}

/* A genuine alert cannot be told from a forged one; the call is not kept waiting
 * for ever by either. */
static void test_dtls_alert_and_nothing(void **state)
{
	static const uint8_t alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40 };
	static struct end_dtls a, b;
	struct dtls_identity *id;

	(void)state;
	dtls_pair(&a, &b, &id);
	assert_int_equal(forge(&a, &b, alert, sizeof(alert)), -EBADMSG);
	assert_true(dtls_side_due(&a.side) <= 11000000);
	dtls_side_tick(&a.side, 10999999);
	assert_int_equal(a.up, 0);
	dtls_side_tick(&a.side, 11000000);
	assert_int_equal(a.up, -1);
	dtls_pair_end(&a, &b, id);
}

/* A forged message of the right type breaks the client's handshake: it calls
 * again, but not without end. */
static void test_dtls_client_calls_again(void **state)
{
	static struct end_dtls a, b;
	struct dtls_identity *id;
	uint8_t junk[64];
	size_t len = handshake_record(junk, 2, 0, 30);
	int64_t now = 1000000;

	(void)state;
	dtls_pair(&a, &b, &id);
	a.n = 0; /* its hello is lost */
	assert_int_equal(forge(&a, &b, junk, len), -EBADMSG);
	assert_int_equal(forge(&a, &b, junk, len), -EBADMSG);
	assert_int_equal(a.up, 0);
	a.n = 0;
	dtls_side_tick(&a.side, now + 249999);
	assert_int_equal(a.n, 0);
	assert_int_equal(dtls_side_due(&a.side), now + 250000);
	dtls_side_tick(&a.side, now + 250000);
	assert_true(a.n > 0);
	come_up(&a, &b);
	dtls_pair_end(&a, &b, id);

	dtls_pair(&a, &b, &id);
	for (int i = 0; i < 5; i++) {
		a.n = 0;
		(void)dtls_side_input(&a.side, junk, len, &b.addr, DTLS_SIGNALLED, now);
		a.n = 0;
		now += 2200000;
		dtls_side_tick(&a.side, now < 10900000 ? now : 10900000);
		assert_int_equal(a.n > 0, i < 4);
		assert_int_equal(a.up, 0);
	}
	dtls_side_tick(&a.side, 11000000);
	assert_int_equal(a.up, -1);
	dtls_pair_end(&a, &b, id);
}

/* The server's breaks after its cookie came back: the hello that comes again, for
 * the client has no answer, is taken up. */
static void test_dtls_server_begins_anew(void **state)
{
	static struct end_dtls a, b;
	struct dtls_identity *id;
	uint8_t junk[64];
	size_t len = handshake_record(junk, 16, 2, 30);

	(void)state;
	dtls_pair(&a, &b, &id);
	carry(&a, &b);
	carry(&b, &a);
	assert_int_equal(a.n, 1); /* with the cookie */
	assert_int_equal(dtls_side_input(&b.side, a.out[0].data, a.out[0].len, &a.addr,
					 DTLS_SIGNALLED, 1000000), 0);
	assert_true(b.n > 0);
	b.n = 0; /* the answer is lost */
	assert_int_equal(forge(&b, &a, junk, len), -EBADMSG);
	b.n = 0;
	come_up(&a, &b);
	dtls_pair_end(&a, &b, id);
}

/* After its close_notify OpenSSL reads nothing more of an association: what still
 * comes for it must not pile up. */
static void test_dtls_after_close(void **state)
{
	static struct end_dtls a, b;
	struct dtls_identity *id;
	uint8_t junk[1200] = { 23, 0xfe, 0xfd, 0, 1 };
	size_t before;

	(void)state;
	dtls_pair(&a, &b, &id);
	come_up(&a, &b);
	dtls_side_fini(&a.side); /* says goodbye */
	assert_true(a.n > 0);
	carry(&a, &b);
	junk[11] = (sizeof(junk) - 13) >> 8;
	junk[12] = (sizeof(junk) - 13) & 255;
	before = mallinfo2().uordblks;
	for (int i = 0; i < 10000; i++) {
		(void)dtls_side_input(&b.side, junk, sizeof(junk), &a.addr, DTLS_SIGNALLED, 1000000);
		b.n = 0;
	}
	assert_true(mallinfo2().uordblks < before + 1000000);
	dtls_side_fini(&b.side);
	ref_drop(id);
}

/* ---- requests without end ------------------------------------------------ */

/* It asks for everything, all the time: it gets half of the rate more, not fifty
 * times what was sent. */
static void test_nack_flood(void **state)
{
	struct stream_params v = video_params();
	struct wire *w = bench_wire();
	size_t frame, total = 0;
	struct stream_stats st;
	uint8_t buf[512];
	uint16_t seq[64];
	struct writer m;
	struct seen s;
	struct peer p;
	struct end e;

	(void)state;
	clock_begin();
	peer_open(&p, &e, w, &v);
	send_video_frame(&e, 0, true, 60000);
	turns(w, 40);
	peer_look(&p, &s);
	frame = s.bytes;
	for (unsigned i = 0; i < 64; i++)
		seq[i] = (uint16_t)(s.first_seq + i);
	for (int i = 0; i < 400; i++) {
		for (int k = 0; k < 4; k++) {
			m = writer_of(buf, sizeof(buf));
			rtcp_write_nack(&m, p.ssrc, e.video->tx.ssrc, seq, 64);
			peer_send(&p, w, &m);
		}
		peer_look(&p, &s);
		total += s.bytes;
	}
	stream_stats(e.video, &st);
	assert_int_equal(st.nacks_in, 400 * 4 * 64);
	/* once at least, so that a lost burst is mended */
	assert_in_range(total, frame, frame * 5);
	close(p.fd);
	end_close(&e);
	wire_drop(w);
}

/* Limits that change with each packet: the encoder hears of some, and in the end
 * of the last. */
static void test_rate_flood(void **state)
{
	struct stream_params v = video_params();
	struct wire *w = bench_wire();
	uint8_t buf[128];
	struct writer m;
	struct peer p;
	struct end e;

	(void)state;
	clock_begin();
	peer_open(&p, &e, w, &v);
	for (int i = 0; i < 400; i++) {
		m = writer_of(buf, sizeof(buf));
		rtcp_write_remb(&m, p.ssrc, i % 2 ? 300000 : 1500000, &e.video->tx.ssrc, 1);
		peer_send(&p, w, &m);
	}
	assert_in_range(e.on_video.rate_calls, 10, 30);
	m = writer_of(buf, sizeof(buf));
	rtcp_write_remb(&m, p.ssrc, 777000, &e.video->tx.ssrc, 1);
	peer_send(&p, w, &m);
	turns(w, 100);
	assert_in_range(e.on_video.rate, 770000, 777000);
	assert_in_range(e.on_video.rate_calls, 10, 32);
	close(p.fd);
	end_close(&e);
	wire_drop(w);
}

/* A thousand keys in a second are not keys; a dozen that come in a burst are. */
static void test_key_flood(void **state)
{
	struct stream_params a = audio_params();
	struct wire *w = bench_wire();
	uint8_t buf[64], payload[4];
	uint32_t time = 1000;
	uint16_t seq = 1;
	struct peer p;
	struct end e;

	(void)state;
	clock_begin();
	peer_open(&p, &e, w, &a);
	for (int i = 0; i < 12 + 1000; i++) {
		struct rtp_packet h = { .pt = 101, .marker = true, .seq = seq++, .ssrc = p.ssrc,
					.timestamp = time += 400 };
		struct dtmf_event key = { .event = (uint8_t)(i % 10), .duration = 400, .end = true };
		struct writer m = writer_of(buf, sizeof(buf));

		rtp_write_header(&h, NULL, 0, &m);
		dtmf_event_write(&key, payload);
		writer_bytes(&m, payload, 4);
		if (i == 12) {
			assert_string_equal(e.on_audio.dtmf, "012345678901");
			memset(e.on_audio.dtmf, 0, sizeof(e.on_audio.dtmf));
		}
		if (i % 5 == 0 || i < 13)
			peer_send(&p, w, &m);
		else
			assert_true(sendto(p.fd, buf, writer_len(&m), 0, (struct sockaddr *)&p.to,
					   sizeof(struct sockaddr_in)) > 0);
	}
	turns(w, 5);
	assert_in_range(strlen(e.on_audio.dtmf), 10, 40);
	close(p.fd);
	end_close(&e);
	wire_drop(w);
}

/* ---- more packets than any stream has ------------------------------------- */

static void peer_rtp(struct peer *p, uint16_t seq, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rtp_packet h = { .pt = 0, .seq = (uint16_t)(seq + i), .ssrc = p->ssrc,
					.timestamp = (seq + i) * 160u };
		uint8_t buf[64];
		struct writer m = writer_of(buf, sizeof(buf));

		rtp_write_header(&h, NULL, 0, &m);
		writer_bytes(&m, (const uint8_t *)"sound", 5);
		/* A full socket drops it: that is what is looked at. */
		assert_true(sendto(p->fd, buf, writer_len(&m), 0, (struct sockaddr *)&p->to,
				   sizeof(struct sockaddr_in)) > 0);
	}
}

/* A flooded socket is read as far as its budget goes, what does not fit is counted,
 * others are read as before, and a held one closes as any other. */
static void test_flood(void **state)
{
	struct stream_params a = audio_params();
	struct wire *w = bench_wire();
	struct stream_stats bad, good;
	struct peer p[2];
	struct end e[2];
	struct wire_stats s;
	uint64_t before;

	(void)state;
	clock_begin();
	peer_open(&p[0], &e[0], w, &a);
	peer_open(&p[1], &e[1], w, &a);
	for (unsigned i = 0; i < 1000; i++) { /* 5 s: 10,000 a second beside 50 */
		peer_rtp(&p[0], (uint16_t)(i * 50), 50);
		if (i % 4 == 0)
			peer_rtp(&p[1], (uint16_t)(i / 4), 1);
		turns(w, 1);
		if (i % 2 == 0) {
			clock_fake(bench_now);
			wire_turn(w, 0); /* more than one turn at the same time */
		}
	}
	stream_stats(e[0].audio, &bad);
	stream_stats(e[1].audio, &good);
	wire_stats(w, &s);
	assert_int_equal(good.rx_packets, 250);
	assert_in_range(bad.rx_packets, 5 * BUDGET_AUDIO / 2, 5 * BUDGET_AUDIO + BUDGET_AUDIO / 2);
	assert_true(s.held > 50);
	assert_true(s.drop_flood > 10000);

	/* It ends, and the socket is as before. */
	turns(w, 2000); /* what waited in the socket */
	assert_true(list_empty(&w->held));
	stream_stats(e[0].audio, &bad);
	before = bad.rx_packets;
	peer_rtp(&p[0], 60000, 1);
	turns(w, 1);
	stream_stats(e[0].audio, &bad);
	assert_int_equal(bad.rx_packets, before + 1);

	peer_rtp(&p[0], 1, 600);
	turns(w, 1);
	for (int i = 0; i < 60; i++)
		wire_turn(w, 0);
	assert_false(list_empty(&w->held));
	for (int i = 0; i < 2; i++) {
		close(p[i].fd);
		end_close(&e[i]);
	}
	assert_true(list_empty(&w->held));
	wire_drop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dtls_forged_records),
		cmocka_unit_test(test_dtls_alert_and_nothing),
		cmocka_unit_test(test_dtls_client_calls_again),
		cmocka_unit_test(test_dtls_server_begins_anew),
		cmocka_unit_test(test_dtls_after_close), cmocka_unit_test(test_nack_flood),
		cmocka_unit_test(test_rate_flood), cmocka_unit_test(test_key_flood),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
