/* SPDX-License-Identifier: GPL-3.0-or-later
 * Telephones that are nothing of ours (rtp_peer) in a meeting of wire and mixer,
 * with all their threads: each suite, what devices change in mid-call, a bad
 * network, keys. First the telephone itself, stepped by hand. */
#include "tests/unit/cmocka_head.h"

#include "base/clock.h"
#include "base/ref.h"
#include "mcu/mp/mixer.h"
#include "rtp/srtp.h"
#include "tests/flow/rtp_peer.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { MAX_PHONES = 8 };
#define AMPLITUDE 8000.0

static double db(double amplitude)
{
	return 20 * log10(amplitude / AMPLITUDE + 1e-9);
}

static void make_key(uint8_t key[64], unsigned seed)
{
	for (unsigned i = 0; i < 64; i++)
		key[i] = (uint8_t)(seed * 59 + i * 7 + 1);
}

/* ---- the telephone alone ------------------------------------------------- */

static void run_two(struct rtp_peer *a, struct rtp_peer *b, int64_t *now, int ms)
{
	for (int i = 0; i < ms; i += 5, *now += 5000) {
		rtp_peer_step(a, *now);
		rtp_peer_step(b, *now);
	}
}

static void test_two_peers(void **state)
{
	static const char *const suites[] = { NULL, "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM" };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		uint8_t ka[64], kb[64];
		struct rtp_peer_config c = { .codec = (enum rtp_peer_codec)i, .pt = 8, .dtmf_pt = 101,
					     .rtcp_mux = i == 1, .suite = suites[i], .tx_key = ka,
					     .rx_key = kb, .hz = 500, .amplitude = AMPLITUDE };
		struct rtp_peer_stats st;
		struct rtp_peer *a, *b;
		int64_t now = 1000000;

		make_key(ka, 1);
		make_key(kb, 2);
		assert_int_equal(rtp_peer_new(&a, &c), 0);
		c.tx_key = kb;
		c.rx_key = ka;
		c.hz = 900;
		c.seed = 1;
		assert_int_equal(rtp_peer_new(&b, &c), 0);
		rtp_peer_connect(a, rtp_peer_port(b), rtp_peer_rtcp_port(b));
		rtp_peer_connect(b, rtp_peer_port(a), rtp_peer_rtcp_port(a));
		run_two(a, b, &now, 2000);
		assert_true(fabs(db(rtp_peer_hears(a, 900, 500))) < 0.2);
		assert_true(db(rtp_peer_hears(a, 500, 500)) < -45);
		assert_true(fabs(db(rtp_peer_hears(b, 500, 500))) < 0.2);
		rtp_peer_press(a, '5');
		rtp_peer_new_source(b);
		run_two(a, b, &now, 1000);
		assert_true(fabs(db(rtp_peer_hears(a, 900, 500))) < 0.2);
		rtp_peer_stats(b, &st);
		assert_string_equal(st.keys, "5");
		assert_int_equal(st.lost, 0);
		assert_int_equal(st.refused, 0);
		assert_true(st.rtcp_received >= 2);
		rtp_peer_set_network(a, 200, 0);
		run_two(a, b, &now, 2000);
		rtp_peer_stats(b, &st);
		assert_in_range(st.lost, 10, 35);
		rtp_peer_free(a);
		rtp_peer_free(b);
	}
}

/* ---- the meeting --------------------------------------------------------- */

struct phone {
	struct rtp_peer *peer;
	struct transport *transport;
	struct stream *stream;
	struct mixer_leg *leg;
	double hz;
	char keys[32];
	atomic_int n_keys;
};

struct meeting {
	struct wire *wire;
	struct audio_engine *engine;
	struct mixer *mixer;
	struct phone phone[MAX_PHONES];
	unsigned n;
	long live;
};

static atomic_int released;

static void on_released(void *arg)
{
	(void)arg;
	atomic_fetch_add(&released, 1);
}

static void on_dtmf(void *arg, char key)
{
	struct phone *p = arg;
	int n = atomic_load(&p->n_keys);

	if (n + 1 < (int)sizeof(p->keys))
		p->keys[n] = key;
	atomic_store(&p->n_keys, n + 1);
}

static const struct mixer_events mixer_events = { .released = on_released };
static const struct stream_events stream_events = { .released = on_released, .dtmf = on_dtmf };
static const struct transport_events transport_events = { .released = on_released };

static void meeting_open(struct meeting *m)
{
	const struct wire_config config = { 0 };

	memset(m, 0, sizeof(*m));
	atomic_store(&released, 0);
	m->live = ref_live();
	assert_int_equal(wire_new(&m->wire, &config), 0);
	assert_int_equal(wire_start(m->wire), 0);
	assert_int_equal(audio_engine_new(&m->engine, m->wire, 2), 0);
	assert_int_equal(mixer_new(&m->mixer, m->engine, &mixer_events, NULL), 0);
}

static struct sockaddr_storage loopback(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_storage s = { 0 };

	memcpy(&s, &in, sizeof(in));
	return s;
}

static struct stream_format format_of(const struct rtp_peer_config *c)
{
	static const enum codec_id ids[] = { CODEC_PCMU, CODEC_PCMA, CODEC_L16 };

	return (struct stream_format){ c->pt, { .id = ids[c->codec], .clock_rate = c->rate, .channels = 1 } };
}

static void security_of(struct transport_params *tp, const struct rtp_peer_config *c)
{
	size_t n;

	if (!c->suite)
		return;
	tp->security = SECURITY_SDES;
	tp->secured_only = true;
	tp->tx.suite = tp->rx.suite = srtp_suite_by_name(c->suite, strlen(c->suite));
	n = srtp_suite_key_len(tp->tx.suite);
	assert_true(n > 0);
	memcpy(tp->tx.key, c->rx_key, n);
	memcpy(tp->rx.key, c->tx_key, n);
}

/* A telephone comes in; it begins to speak at once. */
static struct phone *meeting_add(struct meeting *m, enum rtp_peer_codec codec, unsigned ptime_ms,
				 const char *suite, bool mux)
{
	struct phone *p = &m->phone[m->n];
	uint8_t tx[64], rx[64];
	struct rtp_peer_config c = { .codec = codec, .pt = codec == RTP_PEER_L16 ? 97 : codec * 8,
				     .rate = codec == RTP_PEER_L16 ? 16000 : 8000, .ptime_ms = ptime_ms,
				     .dtmf_pt = 101, .rtcp_mux = mux, .suite = suite, .tx_key = tx,
				     .rx_key = rx, .hz = 400 + 210 * m->n, .amplitude = AMPLITUDE,
				     .seed = m->n };
	struct transport_params tp = { .rtcp_mux = mux, .latch = true };
	struct stream_params sp = { .kind = MEDIA_AUDIO, .send = true, .receive = true, .n_rx = 2,
				    .dtmf_tx_pt = 101, .cn_tx_pt = -1, .cname = "flow" };
	struct mixer_leg_params lp = { .n_rx = 1, .ptime_ms = 20, .receive = true, .send = true };

	make_key(tx, m->n * 2);
	make_key(rx, m->n * 2 + 1);
	p->hz = c.hz;
	assert_int_equal(rtp_peer_new(&p->peer, &c), 0);
	tp.remote_rtp = loopback(rtp_peer_port(p->peer));
	tp.remote_rtcp = loopback(rtp_peer_rtcp_port(p->peer));
	security_of(&tp, &c);
	sp.rx[0] = sp.tx = lp.rx[0] = lp.tx = format_of(&c);
	sp.rx[1] = (struct stream_format){ 101, { .id = CODEC_TELEPHONE_EVENT, .clock_rate = c.rate } };
	assert_int_equal(transport_new(&p->transport, m->wire, "127.0.0.1", !mux, &transport_events,
				       NULL), 0);
	transport_set(p->transport, &tp);
	assert_int_equal(stream_new(&p->stream, p->transport, &stream_events, p), 0);
	stream_set(p->stream, &sp);
	assert_int_equal(mixer_leg_new(&p->leg, m->mixer, p->stream, m->n + 1), 0);
	mixer_leg_set(p->leg, &lp);
	rtp_peer_connect(p->peer, transport_local(p->transport)->rtp_port,
			 mux ? transport_local(p->transport)->rtp_port :
			 transport_local(p->transport)->rtcp_port);
	assert_int_equal(rtp_peer_start(p->peer), 0);
	m->n++;
	return p;
}

static void meeting_close(struct meeting *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		struct phone *p = &m->phone[i];

		p->leg = mixer_leg_drop(p->leg);
		p->stream = stream_drop(p->stream);
		p->transport = transport_drop(p->transport);
	}
	mixer_drop(m->mixer);
	audio_engine_free(m->engine);
	wire_stop(m->wire);
	wire_drop(m->wire);
	assert_int_equal(atomic_load(&released), 2 * m->n + 1);
	assert_int_equal(ref_live(), m->live);
	for (unsigned i = 0; i < m->n; i++)
		rtp_peer_free(m->phone[i].peer);
}

static void wait_ms(int ms)
{
	clock_sleep_until(clock_us() + ms * 1000ll);
}

/* Waits until all hear all others, and nobody themselves, in half a second of
 * sound. A busy machine may take its time, but not minutes. */
static void all_hear_all(struct meeting *m, const char *when)
{
	int64_t end = clock_us() + 60000000;

	for (;;) {
		bool good = true;

		for (unsigned i = 0; i < m->n; i++)
			for (unsigned k = 0; k < m->n; k++) {
				double level = db(rtp_peer_hears(m->phone[i].peer, m->phone[k].hz, 500));

				good = good && (i == k ? level < -30 : level > -4 && level < 2);
			}
		if (good)
			return;
		if (clock_us() > end)
			break;
		wait_ms(50);
	}
	for (unsigned i = 0; i < m->n; i++) {
		print_message("%u hears", i);
		for (unsigned k = 0; k < m->n; k++)
			print_message(" %.1f", db(rtp_peer_hears(m->phone[i].peer, m->phone[k].hz, 500)));
		print_message("\n");
	}
	fail_msg("%s: they do not hear each other", when);
}

static void test_suites(void **state)
{
	static const char *const suites[] = {
		"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AES_192_CM_HMAC_SHA1_80",
		"AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM",
	};
	static struct meeting m;

	(void)state;
	/* Two at a time, so that nobody is too many to be mixed. */
	for (unsigned i = 0; i < 7; i++) {
		meeting_open(&m);
		meeting_add(&m, RTP_PEER_PCMA, 20, suites[i], i % 2);
		meeting_add(&m, RTP_PEER_PCMU, 20, NULL, false);
		all_hear_all(&m, suites[i]);
		for (unsigned k = 0; k < m.n; k++) {
			struct rtp_peer_stats st;

			rtp_peer_stats(m.phone[k].peer, &st);
			assert_int_equal(st.refused, 0);
			assert_int_equal(st.lost, 0);
			assert_true(st.rtcp_received > 0);
		}
		meeting_close(&m);
	}
}

/* What devices change in mid-call without a word, and everybody still hears. */
static void test_changes(void **state)
{
	static const unsigned ptimes[] = { 10, 40, 60, 30, 20 };
	static struct meeting m;
	struct phone *a;

	(void)state;
	meeting_open(&m);
	a = meeting_add(&m, RTP_PEER_PCMU, 20, "AES_CM_128_HMAC_SHA1_80", true);
	meeting_add(&m, RTP_PEER_PCMA, 30, NULL, false);
	meeting_add(&m, RTP_PEER_L16, 20, NULL, true);
	all_hear_all(&m, "at first");
	for (int i = 0; i < 3; i++) {
		rtp_peer_new_source(m.phone[i].peer);
		wait_ms(700);
		all_hear_all(&m, "another source");
	}
	for (size_t i = 0; i < sizeof(ptimes) / sizeof(ptimes[0]); i++) {
		rtp_peer_set_ptime(a->peer, ptimes[i]);
		wait_ms(700);
		all_hear_all(&m, "another ptime");
	}
	rtp_peer_pause(a->peer, true);
	for (int64_t end = clock_us() + 60000000; clock_us() < end; wait_ms(50))
		if (db(rtp_peer_hears(m.phone[1].peer, a->hz, 500)) < -30)
			break;
	assert_true(db(rtp_peer_hears(m.phone[1].peer, a->hz, 500)) < -30);
	wait_ms(1000);
	rtp_peer_pause(a->peer, false);
	all_hear_all(&m, "after silence");
	meeting_close(&m);
}

/* Three of a hundred packets are lost and all are held up by up to 40 ms: the
 * others hear a tone without holes. */
static void test_bad_network(void **state)
{
	static struct meeting m;
	static int16_t pcm[8000];
	struct phone *a, *b;
	int64_t end = clock_us() + 60000000;
	struct stream_stats st;
	unsigned holes;

	(void)state;
	meeting_open(&m);
	a = meeting_add(&m, RTP_PEER_PCMU, 20, NULL, true);
	b = meeting_add(&m, RTP_PEER_PCMA, 20, NULL, true);
	rtp_peer_set_network(a->peer, 30, 40);
	all_hear_all(&m, "at first");
	/* A second without a hole of 20 ms; a busy machine may make one of its own. */
	do {
		size_t n;

		wait_ms(1000);
		n = rtp_peer_heard(b->peer, pcm, 8000);
		holes = n < 8000;
		for (size_t at = 0; at + 160 <= n; at += 80) {
			double power = 0;

			for (size_t i = 0; i < 160; i++)
				power += (double)pcm[at + i] * pcm[at + i];
			holes += sqrt(power / 160) < AMPLITUDE / 20;
		}
	} while (holes && clock_us() < end);
	assert_int_equal(holes, 0);
	stream_stats(a->stream, &st);
	assert_true(st.lost > 0);
	assert_true(st.concealed > 0);
	meeting_close(&m);
}

static void test_keys(void **state)
{
	static const char pressed[] = "159*#";
	static struct meeting m;
	struct phone *a, *b;
	struct rtp_peer_stats st = { 0 };
	int64_t end = clock_us() + 60000000;

	(void)state;
	meeting_open(&m);
	a = meeting_add(&m, RTP_PEER_PCMU, 20, "AEAD_AES_128_GCM", true);
	b = meeting_add(&m, RTP_PEER_PCMA, 20, NULL, false);
	all_hear_all(&m, "at first");
	for (int i = 0; pressed[i]; i++) {
		rtp_peer_press(a->peer, pressed[i]);
		stream_send_dtmf(b->stream, pressed[i], 100);
		while (atomic_load(&a->n_keys) <= i && clock_us() < end)
			wait_ms(10);
		wait_ms(200);
	}
	while (strlen(st.keys) < 5 && clock_us() < end) {
		wait_ms(20);
		rtp_peer_stats(b->peer, &st);
	}
	assert_string_equal(a->keys, pressed);
	assert_string_equal(st.keys, pressed);
	meeting_close(&m);
}

/* The wire brings libsrtp2 up, before a telephone does. */
static int library_up(void **state)
{
	struct srtp_key key;
	struct crypt *c;

	(void)state;
	if (srtp_key_random(&key, SRTP_AES_CM_128_HMAC_SHA1_80) < 0 || crypt_new(&c, &key, true) < 0)
		return -1;
	crypt_free(c);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_peers), cmocka_unit_test(test_suites),
		cmocka_unit_test(test_changes), cmocka_unit_test(test_bad_network),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, library_up, NULL);
}
