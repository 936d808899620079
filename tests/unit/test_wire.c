/* SPDX-License-Identifier: GPL-3.0-or-later
 * Two transports on loopback talk to each other: plain and SRTP, audio, video,
 * keys, loss, key requests, floods, silence, teardown. */
#include "tests/unit/wire_bench.h"

static struct audio_packet pulled;

/* Two ends of one wire with audio, each told where the other is. */
static void audio_pair(struct wire *w, struct end *a, struct end *b, bool mux)
{
	struct stream_params p = audio_params();
	struct transport_params ta, tb;

	end_open(a, w, !mux);
	end_open(b, w, !mux);
	end_point(a, b);
	end_point(b, a);
	ta = plain_params(a, mux);
	tb = plain_params(b, mux);
	transport_set(a->t, &ta);
	transport_set(b->t, &tb);
	add_audio(a, &p);
	add_audio(b, &p);
	turns(w, 1);
}

/* Sends n frames, 20 ms apart, and pulls on the other side; how many came. */
static unsigned talk(struct end *from, struct end *to, uint32_t first, unsigned n)
{
	unsigned got = 0;

	for (unsigned i = 0; i < n; i++) {
		send_audio(from, first + i);
		turns(from->wire, 4);
		if (stream_pull(to->audio, bench_now, &pulled, NULL) == PULL_PACKET) {
			assert_int_equal(pulled.len, 160);
			got++;
		}
	}
	return got;
}

/* ---- audio --------------------------------------------------------------- */

static void test_plain_audio(void **state)
{
	struct wire *w;
	struct end a, b;
	struct stream_stats s;
	struct wire_stats ws;

	(void)state;
	clock_begin();
	for (int mux = 0; mux < 2; mux++) {
		w = bench_wire();
		audio_pair(w, &a, &b, mux);
		assert_int_equal(transport_local(a.t)->rtcp_port != 0, !mux);
		assert_true(talk(&a, &b, 0, 500) >= 490);
		/* reports came: the sender's clock is known, to a few ms */
		assert_in_range((uint64_t)stream_capture_us(b.audio, pulled.rtp_time),
				(uint64_t)bench_now - 200000, (uint64_t)bench_now);
		assert_true(talk(&b, &a, 0, 50) >= 40);
		assert_int_equal(b.on_audio.alive, 1);
		stream_stats(b.audio, &s);
		assert_int_equal(s.rx_packets, 500);
		assert_int_equal(s.tx_packets, 50);
		assert_int_equal(s.lost, 0);
		assert_int_equal(s.rx_pt, 0);
		assert_true(s.alive);
		assert_in_range(s.rx_bitrate, 60000, 80000);
		wire_stats(w, &ws);
		assert_int_equal(ws.transports, 2);
		assert_int_equal(ws.streams, 2);
		assert_int_equal(ws.drop_source + ws.drop_pt + ws.drop_rtcp + ws.drop_queue, 0);
		end_close(&a);
		end_close(&b);
		wire_stats(w, &ws);
		assert_int_equal(ws.transports + ws.streams, 0);
		wire_drop(w);
	}
}

static void test_dtmf(void **state)
{
	struct wire *w = bench_wire();
	struct stream_stats s;
	struct end a, b;
	uint32_t n = 0;

	(void)state;
	clock_begin();
	audio_pair(w, &a, &b, true);
	talk(&a, &b, n, 10);
	n += 10;
	for (const char *k = "1123*#D"; *k; k++)
		stream_send_dtmf(a.audio, *k, 100);
	stream_send_dtmf(a.audio, 'x', 100);
	for (int i = 0; i < 100; i++, n++)
		talk(&a, &b, n, 1);
	assert_string_equal(b.on_audio.dtmf, "1123*#D");
	/* sound goes on afterwards, and the keys were no loss */
	assert_true(talk(&a, &b, n, 50) >= 40);
	stream_stats(b.audio, &s);
	assert_int_equal(s.lost, 0);
	end_close(&a);
	end_close(&b);
	wire_drop(w);
}

static void test_silence(void **state)
{
	struct wire *w = bench_wire();
	struct stream_params p = audio_params();
	struct end a, b;

	(void)state;
	clock_begin();
	audio_pair(w, &a, &b, true);
	p.silence_us = 10000000;
	stream_set(b.audio, &p);
	talk(&a, &b, 0, 10);
	assert_int_equal(b.on_audio.alive, 1);
	/* no RTP, but reports: alive, for as long as it likes */
	turns(w, 60 * 200);
	assert_int_equal(b.on_audio.silent, 0);
	a.audio = stream_drop(a.audio);
	turns(w, 9 * 200);
	assert_int_equal(b.on_audio.silent, 0);
	turns(w, 2 * 200);
	assert_int_equal(b.on_audio.silent, 1);
	turns(w, 30 * 200);
	assert_int_equal(b.on_audio.silent, 1);
	/* where media itself is waited for, reports are none */
	p.silence_us = 5000000;
	p.silence_of_rtp = true;
	stream_set(b.audio, &p);
	p.silence_us = 0;
	add_audio(&a, &p);
	talk(&a, &b, 0, 10);
	assert_int_equal(b.on_audio.alive, 2);
	turns(w, 4 * 200);
	assert_int_equal(b.on_audio.silent, 1);
	turns(w, 2 * 200);
	assert_int_equal(b.on_audio.silent, 2);
	turns(w, 30 * 200);
	assert_int_equal(b.on_audio.silent, 2);
	assert_int_equal(b.on_audio.alive, 2);
	talk(&a, &b, 10, 10);
	assert_int_equal(b.on_audio.alive, 3);
	end_close(&a);
	end_close(&b);
	wire_drop(w);
}

/* ---- garbage and strangers ----------------------------------------------- */

static void test_garbage(void **state)
{
	struct wire *w = bench_wire();
	struct wire_stats ws;
	struct end a, b;
	struct sockaddr_storage to;
	uint8_t buf[1500];
	uint32_t x = 7;
	unsigned got = 0, sent = 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	clock_begin();
	audio_pair(w, &a, &b, true);
	to = loopback(transport_local(b.t)->rtp_port);
	talk(&a, &b, 0, 20);
	for (uint32_t n = 20; n < 220; n++) {
		for (int i = 0; i < 40; i++) {
			size_t len;

			x = x * 1664525 + 1013904223;
			len = (x >> 16) % sizeof(buf);
			for (size_t j = 0; j < len; j++) {
				x = x * 1664525 + 1013904223;
				buf[j] = (uint8_t)(x >> 24);
			}
			/* half of it looks like RTP of the expected type */
			if (len > 12 && i % 2) {
				buf[0] = 0x80;
				buf[1] = 0;
			}
			sent += sendto(fd, buf, len, 0, (struct sockaddr *)&to,
				       sizeof(struct sockaddr_in)) == (ssize_t)len;
		}
		got += talk(&a, &b, n, 1);
	}
	assert_true(got >= 190);
	/* What was sent in the last turn is still on its way. */
	wire_stats(w, &ws);
	for (int i = 0; i < 20 && ws.rx_packets - ws.tx_packets != sent; i++) {
		turns(w, 1);
		wire_stats(w, &ws);
	}
	assert_int_equal(ws.rx_packets - ws.tx_packets, sent);
	assert_int_equal(ws.drop_short + ws.drop_version + ws.drop_source + ws.drop_pt +
			 ws.drop_rtcp + ws.drop_stun + ws.drop_dtls, sent);
	assert_string_equal(b.on_audio.dtmf, "");
	close(fd);
	end_close(&a);
	end_close(&b);
	wire_drop(w);
}

static void test_secured_only(void **state)
{
	struct wire *w = bench_wire();
	struct transport_params p;
	struct wire_stats ws;
	struct end a, b;

	(void)state;
	clock_begin();
	audio_pair(w, &a, &b, true);
	p = plain_params(&b, true);
	p.secured_only = true;
	transport_set(b.t, &p);
	turns(w, 1);
	assert_int_equal(talk(&a, &b, 0, 20), 0);
	assert_int_equal(talk(&b, &a, 0, 20), 0);
	wire_stats(w, &ws);
	assert_true(ws.drop_plain >= 20);
	end_close(&a);
	end_close(&b);
	wire_drop(w);
}

static void test_ports_run_out(void **state)
{
	struct wire_config config = { 0 };
	struct transport *t, *more = NULL;
	struct wire *w = bench_wire();
	uint16_t port;

	(void)state;
	clock_begin();
	assert_int_equal(transport_new(&t, w, "127.0.0.1", true, NULL, NULL), 0);
	port = transport_local(t)->rtp_port;
	transport_drop(t);
	wire_drop(w);
	config.port_min = port;
	config.port_max = (uint16_t)(port + 1);
	assert_int_equal(wire_new(&w, &config), 0);
	assert_int_equal(transport_new(&t, w, "127.0.0.1", true, NULL, NULL), 0);
	assert_int_equal(transport_local(t)->rtp_port, port);
	assert_int_equal(transport_new(&more, w, "127.0.0.1", true, NULL, NULL), -EADDRINUSE);
	assert_null(more);
	/* and is free again afterwards */
	transport_drop(t);
	turns(w, 1);
	assert_int_equal(transport_new(&t, w, "127.0.0.1", true, NULL, NULL), 0);
	transport_drop(t);
	wire_stop(w);
	assert_int_equal(transport_new(&t, w, "127.0.0.1", true, NULL, NULL), -ESHUTDOWN);
	wire_drop(w);
}

/* ---- SDES ---------------------------------------------------------------- */

static void set_sdes(struct end *e, const struct srtp_key *tx, const struct srtp_key *rx, bool mux)
{
	struct transport_params p = plain_params(e, mux);

	p.security = SECURITY_SDES;
	p.secured_only = true;
	p.tx = *tx;
	p.rx = *rx;
	transport_set(e->t, &p);
}

static void test_sdes_suites(void **state)
{
	(void)state;
	clock_begin();
	for (int s = SRTP_AES_CM_128_HMAC_SHA1_80; s < SRTP_SUITE_COUNT; s++) {
		struct wire *w = bench_wire();
		struct srtp_key ka, kb, kc;
		struct wire_stats ws;
		struct end a, b;
		uint32_t n = 0;

		srtp_key_random(&ka, (enum srtp_suite)s);
		srtp_key_random(&kb, (enum srtp_suite)s);
		srtp_key_random(&kc, (enum srtp_suite)s);
		audio_pair(w, &a, &b, s % 2);
		set_sdes(&a, &ka, &kb, s % 2);
		set_sdes(&b, &kb, &ka, s % 2);
		turns(w, 1);
		assert_true(talk(&a, &b, n, 300) >= 290);
		assert_true(talk(&b, &a, n, 30) >= 20);
		n += 300;
		/* the same again does not disturb, nor does a new key */
		set_sdes(&a, &ka, &kb, s % 2);
		set_sdes(&b, &kb, &ka, s % 2);
		assert_true(talk(&a, &b, n, 50) >= 48);
		n += 50;
		set_sdes(&b, &kb, &kc, s % 2);
		set_sdes(&a, &kc, &kb, s % 2);
		assert_true(talk(&a, &b, n, 50) >= 48);
		n += 50;
		wire_stats(w, &ws);
		assert_int_equal(ws.drop_auth + ws.drop_replay + ws.drop_plain, 0);
		assert_int_equal(ws.drop_rtcp + ws.drop_source, 0);
		/* with the wrong key nothing comes through */
		set_sdes(&a, &ka, &kb, s % 2);
		turns(w, 4 * 200);
		talk(&a, &b, n, 20);
		assert_int_equal(talk(&a, &b, n + 20, 20), 0);
		wire_stats(w, &ws);
		assert_true(ws.drop_auth >= 40);
		end_close(&a);
		end_close(&b);
		wire_drop(w);
	}
}

/* Under SRTP the destination follows whoever has the key. */
static void test_sdes_follows(void **state)
{
	struct stream_params p = audio_params();
	struct wire *w = bench_wire();
	struct srtp_key ka, kb;
	struct end a, b, c;

	(void)state;
	clock_begin();
	srtp_key_random(&ka, SRTP_AES_CM_128_HMAC_SHA1_80);
	srtp_key_random(&kb, SRTP_AES_CM_128_HMAC_SHA1_80);
	audio_pair(w, &a, &b, true);
	set_sdes(&a, &ka, &kb, true);
	set_sdes(&b, &kb, &ka, true);
	turns(w, 1);
	talk(&a, &b, 0, 20);
	/* the peer comes from elsewhere all at once: another transport, same keys */
	end_open(&c, w, false);
	end_point(&c, &b);
	add_audio(&c, &p);
	set_sdes(&c, &ka, &kb, true);
	turns(w, 1);
	assert_true(talk(&c, &b, 500, 20) > 0);
	assert_true(talk(&b, &c, 0, 50) >= 40);
	end_close(&a);
	end_close(&b);
	end_close(&c);
	wire_drop(w);
}

/* ---- video --------------------------------------------------------------- */

static void video_pair(struct wire *w, struct end *a, struct end *b, struct relay *r,
		       const struct stream_params *pa, const struct stream_params *pb)
{
	struct transport_params ta, tb;

	end_open(a, w, false);
	end_open(b, w, false);
	relay_open(r, a, b);
	ta = plain_params(a, true);
	tb = plain_params(b, true);
	transport_set(a->t, &ta);
	transport_set(b->t, &tb);
	add_video(a, pa);
	add_video(b, pb);
	turns(w, 1);
}

static void assert_same_frame(const struct coded *got, const struct coded *sent)
{
	assert_int_equal(got->n_units, sent->n_units);
	assert_int_equal(got->key, sent->key);
	assert_false(got->corrupt);
	for (uint32_t i = 0; i < got->n_units; i++) {
		assert_int_equal(got->unit[i].len, sent->unit[i].len);
		assert_memory_equal(got->data + got->unit[i].offset,
				    sent->data + sent->unit[i].offset, got->unit[i].len);
	}
}

/* 200 frames, a key frame of 40 kB every 50; all arrive whole and in order. */
static void frames_arrive(unsigned lose)
{
	struct stream_params p = video_params();
	struct wire *w = bench_wire();
	struct stream_stats sa, sb;
	struct relay r;
	struct end a, b;
	int64_t begun;

	clock_begin();
	video_pair(w, &a, &b, &r, &p, &p);
	r.lose = lose;
	begun = bench_now;
	for (uint32_t n = 0; n < 200; n++) {
		send_video_frame(&a, n, n % 50 == 0, n % 50 ? 6000 : 40000);
		relay_turns(w, &r, 7);
	}
	relay_turns(w, &r, 100);
	stream_stats(a.video, &sa);
	stream_stats(b.video, &sb);
	assert_int_equal(b.on_video.frames, 200);
	assert_int_equal(b.on_video.keys, 4);
	assert_int_equal(sb.keys_in, 4);
	assert_int_equal(sa.keys_out, 4);
	for (uint32_t n = 0; n < 200; n++) {
		struct coded *sent = video_of(n, n % 50 == 0, n % 50 ? 6000 : 40000);

		assert_same_frame(b.on_video.frame[n], sent);
		ref_drop(sent);
	}
	/* lip-sync: the capture time of the last frame, within the clock's steps */
	assert_in_range((uint64_t)b.on_video.frame[199]->time_us,
			(uint64_t)(begun + 199 * 35000 - 20000),
			(uint64_t)(begun + 199 * 35000 + 20000));
	if (lose) {
		assert_true(r.lost > 20);
		assert_int_equal(sa.resent, sa.nacks_in);
		assert_true(sa.resent >= r.lost * 9 / 10);
	} else {
		assert_int_equal(sb.nacks_out, 0);
		assert_int_equal(sb.lost, 0);
	}
	end_close(&a);
	end_close(&b);
	relay_close(&r);
	wire_drop(w);
}

static void test_video(void **state)
{
	(void)state;
	frames_arrive(0);
}

static void test_nack_recovers(void **state)
{
	(void)state;
	frames_arrive(50);
}

static void test_key_requests(void **state)
{
	struct stream_params pa = video_params(), pb = video_params();
	struct wire *w = bench_wire();
	struct stream_stats s;
	struct relay r;
	struct end a, b;

	(void)state;
	clock_begin();
	video_pair(w, &a, &b, &r, &pa, &pb);
	send_video_frame(&a, 0, true, 3000);
	relay_turns(w, &r, 10);
	assert_int_equal(b.on_video.keys, 1);
	for (int i = 0; i < 50; i++)
		stream_request_key(b.video);
	relay_turns(w, &r, 4);
	assert_int_equal(a.on_video.key_wanted, 1);
	/* no answer: asked again, less and less often */
	relay_turns(w, &r, 200);
	assert_in_range(a.on_video.key_wanted, 2, 4);
	relay_turns(w, &r, 2000);
	assert_in_range(a.on_video.key_wanted, 6, 9);
	stream_stats(b.video, &s);
	assert_int_equal(s.key_requests_out, a.on_video.key_wanted);
	a.on_video.key_wanted = 0;
	send_video_frame(&a, 1, false, 1000);
	send_video_frame(&a, 2, true, 3000);
	relay_turns(w, &r, 2000);
	assert_int_equal(b.on_video.keys, 2);
	assert_int_equal(a.on_video.key_wanted, 0);
	/* nobody looks: no frames, but a key frame is noticed */
	stream_set_seen(b.video, false);
	stream_request_key(b.video);
	relay_turns(w, &r, 4);
	assert_int_equal(a.on_video.key_wanted, 1);
	send_video_frame(&a, 3, true, 3000);
	relay_turns(w, &r, 1000);
	assert_int_equal(a.on_video.key_wanted, 1);
	assert_int_equal(b.on_video.keys, 2);
	stream_stats(b.video, &s);
	assert_int_equal(s.keys_in, 3);
	end_close(&a);
	end_close(&b);
	relay_close(&r);
	wire_drop(w);
}

static void test_key_unanswerable(void **state)
{
	struct stream_params p = video_params();
	struct wire *w = bench_wire();
	struct relay r;
	struct end a, b;

	(void)state;
	clock_begin();
	p.pli = p.fir = false;
	video_pair(w, &a, &b, &r, &p, &p);
	send_video_frame(&a, 0, true, 3000);
	relay_turns(w, &r, 4);
	stream_request_key(b.video);
	relay_turns(w, &r, 4);
	assert_int_equal(b.on_video.unanswerable, 1);
	relay_turns(w, &r, 400);
	assert_in_range(b.on_video.unanswerable, 2, 4);
	assert_int_equal(a.on_video.key_wanted, 0);
	end_close(&a);
	end_close(&b);
	relay_close(&r);
	wire_drop(w);
}

/* 20 % loss without NACK: the reports lower the rate, and torn frames say so. */
static void test_loss_lowers_rate(void **state)
{
	struct stream_params p = video_params();
	struct wire *w = bench_wire();
	struct relay r;
	struct end a, b;

	(void)state;
	clock_begin();
	p.nack = false;
	video_pair(w, &a, &b, &r, &p, &p);
	r.lose = 200;
	for (uint32_t n = 0; n < 600; n++) {
		send_video_frame(&a, n, n % 50 == 0, 6000);
		relay_turns(w, &r, 7);
	}
	assert_true(a.on_video.rate_calls >= 2);
	assert_true(a.on_video.rate < 1500000);
	assert_in_range(a.on_video.loss, 5, 40);
	end_close(&a);
	end_close(&b);
	relay_close(&r);
	wire_drop(w);
}

/* Nothing goes out before a key frame: not at first, not after hold, not when
 * the peer could not be reached. Hold is no loss for the other side. */
static void test_begins_with_key(void **state)
{
	struct stream_params p = video_params(), hold = video_params();
	struct wire *w = bench_wire();
	struct stream_stats s;
	struct relay r;
	struct end a, b;

	(void)state;
	clock_begin();
	hold.send = hold.receive = false;
	video_pair(w, &a, &b, &r, &p, &p);
	send_video_frame(&a, 0, false, 3000);
	relay_turns(w, &r, 7);
	assert_int_equal(a.on_video.key_wanted, 1);
	assert_int_equal(b.on_video.frames, 0);
	send_video_frame(&a, 1, true, 3000);
	relay_turns(w, &r, 7);
	send_video_frame(&a, 2, false, 3000);
	relay_turns(w, &r, 7);
	assert_int_equal(b.on_video.frames, 2);
	/* we hold; they go on for a while and are not heard */
	stream_set(b.video, &hold);
	for (uint32_t n = 3; n < 30; n++) {
		send_video_frame(&a, n, false, 3000);
		relay_turns(w, &r, 7);
	}
	assert_int_equal(b.on_video.frames, 2);
	stream_set(b.video, &p);
	send_video_frame(&a, 30, true, 3000);
	relay_turns(w, &r, 7);
	stream_stats(b.video, &s);
	assert_int_equal(b.on_video.frames, 3);
	assert_false(b.on_video.frame[2]->corrupt);
	assert_int_equal(s.nacks_out, 0);
	/* they hold */
	stream_set(a.video, &hold);
	send_video_frame(&a, 31, true, 3000);
	relay_turns(w, &r, 7);
	stream_set(a.video, &p);
	send_video_frame(&a, 32, false, 3000);
	relay_turns(w, &r, 7);
	assert_int_equal(b.on_video.frames, 3);
	assert_int_equal(a.on_video.key_wanted, 2);
	send_video_frame(&a, 33, true, 3000);
	relay_turns(w, &r, 7);
	assert_int_equal(b.on_video.frames, 4);
	end_close(&a);
	end_close(&b);
	relay_close(&r);
	wire_drop(w);
}

/* ---- BUNDLE, changed SSRC ------------------------------------------------ */

static void bundle_params(struct stream_params *audio, struct stream_params *video)
{
	*audio = audio_params();
	*video = video_params();
	audio->mid_ext = video->mid_ext = 3;
	video->abs_send_time_ext = 5;
	memcpy(audio->mid, "a0", 3);
	memcpy(video->mid, "v1", 3);
	/* the same payload type in both: only the MID tells them apart */
	video->rx[0].pt = video->tx.pt = 0;
}

static void test_bundle(void **state)
{
	struct stream_params pa, pv;
	struct transport_params t;
	struct wire *w = bench_wire();
	struct stream_stats s;
	struct end a, b;

	(void)state;
	clock_begin();
	bundle_params(&pa, &pv);
	end_open(&a, w, false);
	end_open(&b, w, false);
	end_point(&a, &b);
	end_point(&b, &a);
	t = plain_params(&a, true);
	transport_set(a.t, &t);
	t = plain_params(&b, true);
	transport_set(b.t, &t);
	add_audio(&a, &pa);
	add_video(&a, &pv);
	add_video(&b, &pv); /* the other order */
	add_audio(&b, &pa);
	turns(w, 1);
	for (uint32_t n = 0; n < 50; n++) {
		send_video_frame(&a, n, n == 0, 3000);
		talk(&a, &b, n, 1);
	}
	turns(w, 20);
	assert_int_equal(b.on_video.frames, 50);
	stream_stats(b.audio, &s);
	assert_int_equal(s.rx_packets, 50);
	assert_int_equal(s.lost, 0);
	/* another SSRC in mid-call, without a word in signalling */
	a.audio = stream_drop(a.audio);
	a.video = stream_drop(a.video);
	turns(w, 150);
	add_audio(&a, &pa);
	add_video(&a, &pv);
	turns(w, 1);
	forget_frames(&b.on_video);
	assert_true(talk(&a, &b, 1000, 50) >= 40);
	for (uint32_t n = 0; n < 20; n++) {
		send_video_frame(&a, n, n == 0, 5000);
		turns(w, 7);
	}
	assert_in_range(b.on_video.frames, 19, 20);
	assert_int_equal(b.on_video.keys, 1);
	end_close(&a);
	end_close(&b);
	wire_drop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_audio),
		cmocka_unit_test(test_dtmf),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_secured_only),
		cmocka_unit_test(test_ports_run_out),
		cmocka_unit_test(test_sdes_suites),
		cmocka_unit_test(test_sdes_follows),
		cmocka_unit_test(test_video),
		cmocka_unit_test(test_nack_recovers),
		cmocka_unit_test(test_key_requests),
		cmocka_unit_test(test_key_unanswerable),
		cmocka_unit_test(test_loss_lowers_rate),
		cmocka_unit_test(test_begins_with_key),
		cmocka_unit_test(test_bundle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
