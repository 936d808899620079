/* SPDX-License-Identifier: GPL-3.0-or-later
 * A transport against a peer made of bytes: RTCP as devices write it, reports at
 * their times, key frames spread by the pacer, IPv6. */
#include "tests/unit/wire_peer.h"

static void test_requests_from_peer(void **state)
{
	struct stream_params v = video_params();
	struct wire *w = bench_wire();
	struct stream_stats st;
	uint8_t buf[512];
	struct writer m;
	struct seen s;
	struct peer p;
	struct end e;
	uint32_t ours;
	int n;

	(void)state;
	clock_begin();
	v.tmmbr = v.remb = true;
	peer_open(&p, &e, w, &v);
	ours = e.video->tx.ssrc;
	/* PLI to us, to nobody (0), to a wrong SSRC: one stream can be meant */
	for (int i = 0; i < 3; i++) {
		m = writer_of(buf, sizeof(buf));
		rtcp_write_rr(&m, p.ssrc, NULL, 0);
		rtcp_write_pli(&m, p.ssrc, i == 0 ? ours : i == 1 ? 0 : 0xdeadbeef);
		peer_send(&p, w, &m);
		turns(w, 60);
	}
	assert_int_equal(e.on_video.key_wanted, 3);
	/* reduced size, FIR, twice the same */
	for (int i = 0; i < 2; i++) {
		m = writer_of(buf, sizeof(buf));
		rtcp_write_fir(&m, p.ssrc, ours, 7);
		peer_send(&p, w, &m);
	}
	assert_int_equal(e.on_video.key_wanted, 4);
	stream_stats(e.video, &st);
	assert_int_equal(st.key_requests_in, 5);
	/* fifty in a quarter of a second are one or two to the encoder */
	turns(w, 60);
	n = e.on_video.key_wanted;
	for (int i = 0; i < 50; i++) {
		m = writer_of(buf, sizeof(buf));
		rtcp_write_pli(&m, p.ssrc, ours);
		peer_send(&p, w, &m);
	}
	assert_in_range(e.on_video.key_wanted - n, 1, 2);
	/* REMB and TMMBR lower the rate; the second is confirmed */
	m = writer_of(buf, sizeof(buf));
	rtcp_write_remb(&m, p.ssrc, 700000, &ours, 1);
	peer_send(&p, w, &m);
	assert_in_range(e.on_video.rate, 600000, 700000);
	peer_look(&p, &s);
	m = writer_of(buf, sizeof(buf));
	rtcp_write_tmmbr(&m, p.ssrc, &(struct rtcp_tmmb){ ours, 300000, 40 }, 1);
	peer_send(&p, w, &m);
	assert_in_range(e.on_video.rate, 200000, 300000);
	turns(w, 1);
	peer_look(&p, &s);
	assert_int_equal(s.kind[RTCP_TMMBN], 1);
	assert_int_equal(s.tmmbn.ssrc, p.ssrc);
	assert_in_range(s.tmmbn.bitrate, 290000, 300000);
	assert_int_equal(s.tmmbn.overhead, 40);
	close(p.fd);
	end_close(&e);
	wire_drop(w);
}

/* A peer that negotiated no feedback and asks by it all the same is asked so, too; nobody
 * else is. */
static void test_method_shown(void **state)
{
	static const struct { bool fir, pli; enum rtcp_kind first; } row[] = {
		{ false, true, RTCP_PLI }, { true, false, RTCP_FIR }, { true, true, RTCP_PLI },
		{ false, false, 0 },
	};
	struct stream_params v = video_params();
	uint8_t buf[512];

	(void)state;
	v.pli = v.fir = v.nack = v.avpf = false;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct wire *w = bench_wire();
		struct writer m = writer_of(buf, sizeof(buf));
		struct coded *key;
		struct seen s;
		struct peer p;
		struct end e;

		clock_begin();
		peer_open(&p, &e, w, &v);
		/* it is heard, so that there is somebody to ask */
		key = video_of(0, true, 100);
		assert_int_equal(rtp_write_header(&(struct rtp_packet){ .pt = 96, .seq = 1, .marker = true,
			.ssrc = p.ssrc }, NULL, 0, &m), 0);
		writer_bytes(&m, key->data + key->unit[2].offset, key->unit[2].len);
		ref_drop(key);
		peer_send(&p, w, &m);
		m = writer_of(buf, sizeof(buf));
		rtcp_write_rr(&m, p.ssrc, NULL, 0);
		if (row[i].fir)
			rtcp_write_fir(&m, p.ssrc, e.video->tx.ssrc, 1);
		if (row[i].pli)
			rtcp_write_pli(&m, p.ssrc, e.video->tx.ssrc);
		peer_send(&p, w, &m);
		turns(w, 2);
		peer_look(&p, &s);
		e.on_video.unanswerable = 0;
		stream_request_key(e.video);
		turns(w, 4);
		peer_look(&p, &s);
		assert_int_equal(s.kind[RTCP_PLI] + s.kind[RTCP_FIR], row[i].fir || row[i].pli);
		if (row[i].first)
			assert_int_equal(s.kind[row[i].first], 1);
		/* and by signalling in any case */
		assert_int_equal(e.on_video.unanswerable, 1);
		close(p.fd);
		end_close(&e);
		wire_drop(w);
	}
}

static void test_nack_from_peer(void **state)
{
	struct stream_params v = video_params();
	struct wire *w = bench_wire();
	uint16_t seq[17], absent = 0;
	struct wire_stats ws;
	struct stream_stats st;
	uint8_t buf[512];
	struct writer m;
	struct seen s;
	struct peer p;
	struct end e;

	(void)state;
	clock_begin();
	peer_open(&p, &e, w, &v);
	send_video_frame(&e, 0, true, 20000);
	turns(w, 40);
	peer_look(&p, &s);
	assert_in_range(s.rtp, 17, 20);
	for (unsigned i = 0; i < 17; i++)
		seq[i] = (uint16_t)(s.first_seq + i);
	absent = (uint16_t)(s.first_seq - 100);
	/* asked for twice in a round trip: sent once */
	for (int i = 0; i < 2; i++) {
		m = writer_of(buf, sizeof(buf));
		rtcp_write_nack(&m, p.ssrc, e.video->tx.ssrc, seq, 17);
		rtcp_write_nack(&m, p.ssrc, e.video->tx.ssrc, &absent, 1);
		peer_send(&p, w, &m);
	}
	peer_look(&p, &s);
	assert_int_equal(s.rtp, 17);
	assert_int_equal(s.first_seq, seq[0]);
	assert_int_equal(s.last_seq, seq[16]);
	stream_stats(e.video, &st);
	assert_int_equal(st.nacks_in, 36);
	assert_int_equal(st.resent, 17);
	/* too old after two seconds; broken compounds are counted */
	turns(w, 400);
	peer_look(&p, &s);
	m = writer_of(buf, sizeof(buf));
	rtcp_write_nack(&m, p.ssrc, e.video->tx.ssrc, seq, 17);
	peer_send(&p, w, &m);
	peer_look(&p, &s);
	assert_int_equal(s.rtp, 0);
	wire_stats(w, &ws);
	assert_int_equal(ws.drop_rtcp, 0);
	m = writer_of(buf, sizeof(buf));
	rtcp_write_nack(&m, p.ssrc, e.video->tx.ssrc, seq, 17);
	buf[3]++;
	peer_send(&p, w, &m);
	wire_stats(w, &ws);
	assert_int_equal(ws.drop_rtcp, 1);
	close(p.fd);
	end_close(&e);
	wire_drop(w);
}

/* A minute of nothing but reports: their number is what RFC 3550 6.2 gives at
 * 200 kbit/s (1.8 s) and RFC 4585 allows (1 s here), randomized; the
 * first goes with the first packet, the last says goodbye. */
static void test_report_times(void **state)
{
	static const struct { bool avpf; unsigned min, max; } cases[] = {
		{ false, 25, 55 }, { true, 45, 110 },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct stream_params v = video_params();
		struct wire *w;
		struct seen s;
		struct peer p;
		struct end e;

		clock_begin();
		w = bench_wire();
		v.avpf = v.nack = v.pli = v.fir = cases[i].avpf;
		v.bitrate = 200000;
		peer_open(&p, &e, w, &v);
		send_video_frame(&e, 0, true, 500);
		turns(w, 2);
		peer_look(&p, &s);
		assert_int_equal(s.kind[RTCP_SR], 1);
		assert_int_equal(s.kind[RTCP_SDES], 1);
		turns(w, 60 * 200);
		peer_look(&p, &s);
		assert_in_range(s.compounds, cases[i].min, cases[i].max);
		assert_int_equal(s.kind[RTCP_SDES], s.compounds);
		e.video = stream_drop(e.video);
		turns(w, 1);
		peer_look(&p, &s);
		assert_int_equal(s.kind[RTCP_BYE], 1);
		close(p.fd);
		end_close(&e);
		wire_drop(w);
	}
}

/* A key frame of 60 kB at 1 Mbit/s goes neither at once nor late. */
static void test_pacing(void **state)
{
	struct stream_params v = video_params();
	struct wire *w = bench_wire();
	unsigned total = 0, most = 0;
	struct seen s;
	struct peer p;
	struct end e;

	(void)state;
	clock_begin();
	v.bitrate = 1000000;
	peer_open(&p, &e, w, &v);
	send_video_frame(&e, 0, true, 60000);
	for (int i = 0; i < 25; i++) {
		turns(w, 1);
		peer_look(&p, &s);
		total += s.rtp;
		if (s.rtp > most)
			most = s.rtp;
	}
	assert_in_range(total, 50, 56);
	assert_in_range(most, 2, 15);
	close(p.fd);
	end_close(&e);
	wire_drop(w);
}

static void test_ipv6(void **state)
{
	struct wire *w = bench_wire();
	struct stream_params p = audio_params();
	struct audio_packet out;
	struct transport *t[2];
	struct stream *s[2];
	unsigned got = 0;

	(void)state;
	clock_begin();
	for (int i = 0; i < 2; i++) {
		if (transport_new(&t[i], w, "::1", true, NULL, NULL) < 0) {
			wire_drop(w);
			skip(); /* no IPv6 on this machine */
		}
		assert_int_equal(stream_new(&s[i], t[i], NULL, NULL), 0);
		stream_set(s[i], &p);
	}
	for (int i = 0; i < 2; i++) {
		struct transport_params tp = { .latch = true };
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&tp.remote_rtp;

		in6->sin6_family = AF_INET6;
		in6->sin6_addr = in6addr_loopback;
		in6->sin6_port = htons(transport_local(t[!i])->rtp_port);
		transport_set(t[i], &tp);
	}
	turns(w, 1);
	for (uint32_t n = 0; n < 50; n++) {
		send_one(w, s[0], audio_of(n));
		turns(w, 4);
		got += stream_pull(s[1], bench_now, &out, NULL) == PULL_PACKET;
	}
	assert_true(got >= 40);
	/* RTCP found its port beside: the sender's clock is known */
	assert_true(stream_capture_us(s[1], out.rtp_time) != 0);
	for (int i = 0; i < 2; i++) {
		stream_drop(s[i]);
		transport_drop(t[i]);
	}
	wire_drop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_from_peer),
		cmocka_unit_test(test_method_shown),
		cmocka_unit_test(test_nack_from_peer),
		cmocka_unit_test(test_report_times),
		cmocka_unit_test(test_pacing),
		cmocka_unit_test(test_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
