/* SPDX-License-Identifier: GPL-3.0-or-later
 * Other people's SRTP and RTCP against ours: ffmpeg (its own SRTP), GStreamer
 * (libsrtp2 as Debian builds it) and tshark. A program that is not installed is
 * skipped. Real time: the programs have no other. */
#include "tests/unit/child.h"
#include "tests/unit/wire_bench.h"

#include <stdlib.h>

#include <openssl/evp.h>

static struct srtp_key test_key(enum srtp_suite suite)
{
	struct srtp_key k = { .suite = suite };

	for (size_t i = 0; i < srtp_suite_key_len(suite); i++)
		k.key[i] = (uint8_t)(i * 5 + 1);
	return k;
}

static void open_sdes(struct end *e, struct wire *w, enum srtp_suite suite)
{
	struct srtp_key key = test_key(suite);
	struct stream_params p = audio_params();
	struct transport_params t;

	end_open(e, w, false);
	e->remote = e->remote_rtcp = loopback(9);
	t = plain_params(e, true);
	t.security = SECURITY_SDES;
	t.tx = t.rx = key;
	transport_set(e->t, &t);
	add_audio(e, &p);
	wire_turn(w, 0);
}

/* The program sends us some packets; all of them open. */
static void receive(struct wire *w, struct end *e, struct child *c)
{
	struct wire_stats ws;
	struct stream_stats s;

	for (int i = 0; i < 4000; i++) {
		wire_turn(w, 5);
		child_said(c, "never");
		stream_stats(e->audio, &s);
		if (s.rx_packets >= 30)
			break;
	}
	wire_stats(w, &ws);
	if (s.rx_packets < 30)
		print_message("%s\n", c->text);
	assert_true(s.rx_packets >= 30);
	assert_int_equal(ws.drop_auth + ws.drop_replay + ws.drop_rtcp + ws.drop_pt, 0);
}

static void finish(struct wire *w, struct end *e)
{
	clock_begin();
	end_close(e);
	wire_drop(w);
}

static void test_ffmpeg_sends(void **state)
{
	static const struct { enum srtp_suite suite; char *name; } cases[] = {
		{ SRTP_AES_CM_128_HMAC_SHA1_80, "AES_CM_128_HMAC_SHA1_80" },
		{ SRTP_AES_CM_128_HMAC_SHA1_32, "AES_CM_128_HMAC_SHA1_32" },
	};

	(void)state;
	if (!have_program("ffmpeg"))
		skip();
	for (size_t i = 0; i < 2; i++) {
		struct srtp_key key = test_key(cases[i].suite);
		char b64[64], url[64];
		struct wire *w;
		struct child c;
		struct end e;

		clock_fake(-1);
		w = bench_wire();
		open_sdes(&e, w, cases[i].suite);
		EVP_EncodeBlock((unsigned char *)b64, key.key, 30);
		snprintf(url, sizeof(url), "srtp://127.0.0.1:%u?pkt_size=300",
			 transport_local(e.t)->rtp_port);
		child_start(&c, (char *[]){ "/usr/bin/ffmpeg", "-hide_banner", "-loglevel", "error",
			    "-re", "-f", "lavfi", "-i", "sine=r=8000", "-t", "20", "-c:a",
			    "pcm_mulaw", "-f", "rtp", "-srtp_out_suite", cases[i].name,
			    "-srtp_out_params", b64, url, NULL });
		receive(w, &e, &c);
		child_stop(&c);
		finish(w, &e);
	}
}

static void test_gstreamer_sends(void **state)
{
	static const struct { enum srtp_suite suite; char *cipher, *auth; } cases[] = {
		{ SRTP_AES_CM_128_HMAC_SHA1_80, "aes-128-icm", "hmac-sha1-80" },
		{ SRTP_AES_CM_128_HMAC_SHA1_32, "aes-128-icm", "hmac-sha1-32" },
		{ SRTP_AES_256_CM_HMAC_SHA1_80, "aes-256-icm", "hmac-sha1-80" },
		{ SRTP_AES_256_CM_HMAC_SHA1_32, "aes-256-icm", "hmac-sha1-32" },
		{ SRTP_AEAD_AES_128_GCM, "aes-128-gcm", "null" },
		{ SRTP_AEAD_AES_256_GCM, "aes-256-gcm", "null" },
	};

	(void)state;
	if (!have_program("gst-launch-1.0"))
		skip();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct srtp_key key = test_key(cases[i].suite);
		char hex[128], keyarg[160], cipher[64], auth[64], cipher2[64], auth2[64], port[32];
		struct wire *w;
		struct child c;
		struct end e;

		clock_fake(-1);
		w = bench_wire();
		open_sdes(&e, w, cases[i].suite);
		for (size_t j = 0; j < srtp_suite_key_len(cases[i].suite); j++)
			snprintf(hex + 2 * j, 3, "%02x", key.key[j]);
		snprintf(keyarg, sizeof(keyarg), "key=%s", hex);
		snprintf(cipher, sizeof(cipher), "rtp-cipher=%s", cases[i].cipher);
		snprintf(auth, sizeof(auth), "rtp-auth=%s", cases[i].auth);
		snprintf(cipher2, sizeof(cipher2), "rtcp-cipher=%s", cases[i].cipher);
		snprintf(auth2, sizeof(auth2), "rtcp-auth=%s",
			 strcmp(cases[i].auth, "null") ? "hmac-sha1-80" : "null");
		snprintf(port, sizeof(port), "port=%u", transport_local(e.t)->rtp_port);
		child_start(&c, (char *[]){ "/usr/bin/gst-launch-1.0", "audiotestsrc", "is-live=true",
			    "samplesperbuffer=160", "!", "audio/x-raw,rate=8000,channels=1", "!",
			    "mulawenc", "!", "rtppcmupay", "!", "srtpenc", keyarg, cipher, auth,
			    cipher2, auth2, "!", "udpsink", "host=127.0.0.1", port, NULL });
		receive(w, &e, &c);
		child_stop(&c);
		finish(w, &e);
	}
}

/* ---- what we send -------------------------------------------------------- */

/* ffmpeg opens what we protect: it hears a whole second of it. */
static void test_ffmpeg_receives(void **state)
{
	static const struct { enum srtp_suite suite; const char *name; } cases[] = {
		{ SRTP_AES_CM_128_HMAC_SHA1_80, "AES_CM_128_HMAC_SHA1_80" },
		{ SRTP_AES_CM_128_HMAC_SHA1_32, "AES_CM_128_HMAC_SHA1_32" },
	};

	(void)state;
	if (!have_program("ffmpeg"))
		skip();
	for (size_t i = 0; i < 2; i++) {
		struct srtp_key key = test_key(cases[i].suite);
		char b64[64], path[] = "/tmp/balai-sdp-XXXXXX";
		struct transport *reserved;
		struct transport_params t;
		struct wire *w;
		struct child c;
		struct end e;
		FILE *f;
		int fd = mkstemp(path);

		clock_fake(-1);
		w = bench_wire();
		open_sdes(&e, w, cases[i].suite);
		assert_int_equal(transport_new(&reserved, w, "127.0.0.1", true, NULL, NULL), 0);
		EVP_EncodeBlock((unsigned char *)b64, key.key, 30);
		f = fdopen(fd, "w");
		assert_non_null(f);
		fprintf(f, "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
			"m=audio %u RTP/SAVP 0\na=crypto:1 %s inline:%s\n",
			transport_local(reserved)->rtp_port, cases[i].name, b64);
		fclose(f);
		e.remote = loopback(transport_local(reserved)->rtp_port);
		t = e.t->params;
		t.remote_rtp = t.remote_rtcp = e.remote;
		transport_drop(reserved);
		transport_set(e.t, &t);
		wire_turn(w, 0);
		child_start(&c, (char *[]){ "/usr/bin/ffmpeg", "-hide_banner", "-loglevel", "error",
			    "-protocol_whitelist", "file,udp,rtp,srtp,crypto", "-analyzeduration",
			    "100000", "-i", path, "-t", "1", "-progress", "-", "-f", "s16le", "-y",
			    "/dev/null", NULL });
		for (uint32_t n = 0; n < 1000 && !child_said(&c, "progress=end"); n++) {
			bench_now = clock_us();
			send_audio(&e, n);
			clock_sleep_until(clock_us() + 15000);
			wire_turn(w, 1);
		}
		assert_true(child_said(&c, "progress=end"));
		assert_non_null(strstr(c.text, "out_time=00:00:01.0"));
		assert_null(strstr(c.text, "HMAC mismatch"));
		child_stop(&c);
		unlink(path);
		finish(w, &e);
	}
}

/* tshark reads all the RTCP we write, and finds nothing wrong in it. */
static void write_text_pcap(const char *path, const struct relay *r)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (unsigned i = 0; i < r->n_rtcp; i++) {
		for (size_t j = 0; j < r->rtcp_len[i]; j++) {
			if (j % 16 == 0)
				fprintf(f, "%s%06zx", j ? "\n" : "", j);
			fprintf(f, " %02x", r->rtcp[i][j]);
		}
		fprintf(f, "\n\n");
	}
	fclose(f);
}

static void record_rtcp(struct relay *r)
{
	struct stream_params p = video_params();
	struct wire *w = bench_wire();
	struct transport_params t;
	struct end a, b;

	clock_begin();
	end_open(&a, w, false);
	end_open(&b, w, false);
	relay_open(r, &a, &b);
	r->record = true;
	r->lose = 100;
	t = plain_params(&a, true);
	transport_set(a.t, &t);
	t = plain_params(&b, true);
	transport_set(b.t, &t);
	add_video(&a, &p);
	add_video(&b, &p);
	for (uint32_t n = 0; n < 100; n++) {
		send_video_frame(&a, n, n == 0, 5000);
		send_video_frame(&b, n, n == 0, 500);
		if (n == 50)
			stream_request_key(b.video);
		relay_turns(w, r, 7);
	}
	b.video = stream_drop(b.video);
	relay_turns(w, r, 2);
	end_close(&a);
	end_close(&b);
	relay_close(r);
	wire_drop(w);
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static void test_tshark_reads(void **state)
{
	static char text[1 << 18];
	static struct relay r;
	char dir[] = "/tmp/balai-rtcp-XXXXXX", hex[64], cmd[512];
	size_t len;
	FILE *f;

	(void)state;
	if (!have_program("tshark") || !have_program("text2pcap"))
		skip();
	record_rtcp(&r);
	assert_true(r.n_rtcp >= 20);
	assert_non_null(mkdtemp(dir));
	snprintf(hex, sizeof(hex), "%s/hex", dir);
	write_text_pcap(hex, &r);
	snprintf(cmd, sizeof(cmd), "cd %s && text2pcap -q -u 5005,5005 hex pcap 2>/dev/null && "
		 "tshark -n -r pcap -d udp.port==5005,rtcp -V 2>/dev/null", dir);
	f = popen(cmd, "r");
	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	pclose(f);
	assert_int_equal(count_of(text, "Malformed"), 0);
	assert_int_equal(count_of(text, "Expert Info (Error"), 0);
	assert_int_equal(count_of(text, "Expert Info (Warning"), 0);
	assert_int_equal(count_of(text, "RTCP frame length check: OK"), r.n_rtcp);
	assert_true(count_of(text, "Sender Report") >= 10);
	assert_true(count_of(text, "Generic negative acknowledgement") >= 5);
	assert_true(count_of(text, "Picture Loss Indication") >= 1);
	assert_true(count_of(text, "test@bench") >= r.n_rtcp);
	assert_true(count_of(text, "Goodbye") >= 1);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

/* ---- a WebRTC end: ICE, DTLS, BUNDLE ------------------------------------- */

static void echo_frame(void *arg, struct coded *frame)
{
	struct end *e = (struct end *)arg;

	e->on_video.frames++;
	send_one(e->wire, e->video, frame);
}

static const struct stream_events echo_events = { .frame = echo_frame };

static void echo_audio(struct end *e)
{
	static struct audio_packet packet;
	struct coded *f;

	while (stream_pull(e->audio, clock_us(), &packet, NULL) == PULL_PACKET) {
		f = coded_new(packet.len, 1);
		assert_non_null(f);
		f->codec = CODEC_OPUS;
		f->rtp_time = packet.rtp_time;
		f->len = packet.len;
		memcpy(f->data, packet.data, packet.len);
		send_one(e->wire, e->audio, f);
	}
}

static void add_webrtc_streams(struct end *e)
{
	struct stream_params a = audio_params(), v = video_params();

	a.n_rx = 1;
	a.rx[0] = a.tx = (struct stream_format){ 96, { .id = CODEC_OPUS, .clock_rate = 48000,
						       .channels = 2 } };
	a.dtmf_tx_pt = a.cn_tx_pt = -1;
	v.rx[0] = v.tx = (struct stream_format){ 97, { .id = CODEC_VP8, .clock_rate = 90000 } };
	v.fir = false;
	v.remb = true;
	a.mid_ext = v.mid_ext = 1;
	v.abs_send_time_ext = 3;
	a.mid[0] = '0';
	v.mid[0] = '1';
	add_audio(e, &a);
	assert_int_equal(stream_new(&e->video, e->t, &echo_events, e), 0);
	stream_set(e->video, &v);
}

/* The value of the first line that begins with `name`, up to its end. */
static void value_of(const char *sdp, const char *name, char *out, size_t cap)
{
	const char *p = strstr(sdp, name);
	size_t n;

	assert_non_null(p);
	p += strlen(name);
	n = strcspn(p, "\r\n");
	assert_true(n < cap);
	memcpy(out, p, n);
	out[n] = '\0';
}

static void set_webrtc(struct end *e, const char *offer, bool active)
{
	struct transport_params t = { .rtcp_mux = true, .latch = true, .ice = true,
				      .secured_only = true, .security = SECURITY_DTLS,
				      .dtls_role = active ? DTLS_ACTIVE : DTLS_PASSIVE };
	char fp[128];

	value_of(offer, "a=ice-ufrag:", t.remote_ufrag, sizeof(t.remote_ufrag));
	value_of(offer, "a=ice-pwd:", t.remote_pwd, sizeof(t.remote_pwd));
	value_of(offer, "a=fingerprint:sha-256 ", fp, sizeof(fp));
	memcpy(t.fingerprint_hash, "sha-256", 8);
	for (t.fingerprint_len = 0; t.fingerprint_len < 32; t.fingerprint_len++)
		t.fingerprint[t.fingerprint_len] =
			(uint8_t)strtoul(fp + 3 * t.fingerprint_len, NULL, 16);
	transport_set(e->t, &t);
}

static void write_answer(struct end *e, struct child *c, bool active)
{
	static const char *const media[2] = {
		"UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 opus/48000/2\na=mid:0\n",
		"UDP/TLS/RTP/SAVPF 97\na=rtpmap:97 VP8/90000\na=rtcp-fb:97 nack\n"
		"a=rtcp-fb:97 nack pli\na=mid:1\n"
		"a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\n",
	};
	const struct transport_local *l = transport_local(e->t);
	FILE *f = fdopen(dup(c->in), "w");

	assert_non_null(f);
	fprintf(f, "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE 0 1\na=ice-lite\n");
	for (int i = 0; i < 2; i++) {
		fprintf(f, "m=%s %u %s", i ? "video" : "audio", l->rtp_port, media[i]);
		fprintf(f, "c=IN IP4 127.0.0.1\na=sendrecv\na=rtcp-mux\na=ice-ufrag:%s\n"
			"a=ice-pwd:%s\na=fingerprint:sha-256 %s\na=setup:%s\n"
			"a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\n"
			"a=candidate:1 1 udp 2130706431 127.0.0.1 %u typ host\na=end-of-candidates\n",
			l->ufrag, l->pwd, wire_fingerprint(e->wire), active ? "active" : "passive",
			l->rtp_port);
	}
	fprintf(f, ".\n");
	fclose(f);
}

static void wait_for(struct wire *w, struct end *e, struct child *c, const char *text, int turns_max)
{
	for (int i = 0; i < turns_max && !child_said(c, text); i++) {
		wire_turn(w, 5);
		echo_audio(e);
	}
	if (!strstr(c->text, text))
		print_message("%s\n", c->text);
	assert_non_null(strstr(c->text, text));
}

static void test_aiortc(void **state)
{
	const char *dir = getenv("srcdir");
	char script[512];

	(void)state;
	snprintf(script, sizeof(script), "%s/tests/unit/aiortc_peer.py", dir ? dir : "..");
	if (access(script, R_OK) || system("/usr/bin/python3 -c 'import aiortc' 2>/dev/null"))
		skip();
	for (int active = 0; active < 2; active++) {
		struct wire_stats ws;
		struct stream_stats s;
		struct wire *w;
		struct child c;
		struct end e;

		clock_fake(-1);
		w = bench_wire();
		end_open(&e, w, false);
		add_webrtc_streams(&e);
		child_start(&c, (char *[]){ "/usr/bin/python3", script, NULL });
		wait_for(w, &e, &c, "offer done", 6000);
		set_webrtc(&e, c.text, active);
		write_answer(&e, &c, active);
		wait_for(w, &e, &c, "state connected", 4000);
		wait_for(w, &e, &c, "got audio 100\n", 6000);
		wait_for(w, &e, &c, "got video 60\n", 6000);
		assert_int_equal(e.on_t.secured, 0);
		stream_stats(e.video, &s);
		assert_true(s.frames_in >= 60);
		assert_true(s.rtt_us > 0);
		wire_stats(w, &ws);
		assert_int_equal(ws.drop_auth + ws.drop_rtcp + ws.drop_stun + ws.drop_source, 0);
		child_stop(&c);
		finish(w, &e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ffmpeg_sends),
		cmocka_unit_test(test_gstreamer_sends),
		cmocka_unit_test(test_ffmpeg_receives),
		cmocka_unit_test(test_tshark_reads),
		cmocka_unit_test(test_aiortc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
