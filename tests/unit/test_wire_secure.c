/* SPDX-License-Identifier: GPL-3.0-or-later
 * DTLS-SRTP and ICE-lite of a transport: between two of ours, against the
 * openssl program, against strangers. */
#include "tests/unit/child.h"
#include "tests/unit/wire_bench.h"

#include "rtp/stun.h"

#include <stdio.h>
#include <stdlib.h>

static struct audio_packet pulled;

static unsigned talk(struct end *from, struct end *to, uint32_t first, unsigned n)
{
	unsigned got = 0;

	for (unsigned i = 0; i < n; i++) {
		send_audio(from, first + i);
		turns(from->wire, 4);
		got += stream_pull(to->audio, bench_now, &pulled, NULL) == PULL_PACKET;
	}
	return got;
}

static void parse_fingerprint(const char *text, uint8_t out[64], uint8_t *len)
{
	unsigned v;

	*len = 0;
	while (*len < 64 && sscanf(text, "%2x", &v) == 1) {
		out[(*len)++] = (uint8_t)v;
		text += text[2] == ':' ? 3 : 2;
		if (text[-1] != ':')
			break;
	}
}

static struct transport_params dtls_params(const struct end *e, enum dtls_role role,
					   const char *fingerprint, bool mux)
{
	struct transport_params p = plain_params(e, mux);

	p.security = SECURITY_DTLS;
	p.secured_only = true;
	p.dtls_role = role;
	memcpy(p.fingerprint_hash, "SHA-256", 8);
	parse_fingerprint(fingerprint, p.fingerprint, &p.fingerprint_len);
	assert_int_equal(p.fingerprint_len, 32);
	return p;
}

/* A socket that is nobody of ours. */
struct agent {
	int fd;
	struct sockaddr_storage to;
	uint8_t id;
};

static void agent_open(struct agent *g, uint16_t port)
{
	struct sockaddr_storage any = loopback(0);

	memset(g, 0, sizeof(*g));
	g->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(g->fd, (struct sockaddr *)&any, sizeof(struct sockaddr_in)), 0);
	g->to = loopback(port);
}

static uint16_t agent_port(const struct agent *g)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	assert_int_equal(getsockname(g->fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

/* ---- between two of ours ------------------------------------------------- */

static void test_dtls_roles(void **state)
{
	(void)state;
	clock_begin();
	for (int i = 0; i < 4; i++) {
		bool mux = i & 1;
		struct wire *wa = bench_wire(), *wb = bench_wire();
		struct stream_params p = audio_params();
		struct transport_params ta, tb;
		struct end a, b;
		unsigned got = 0;

		end_open(&a, wa, !mux);
		end_open(&b, wb, !mux);
		end_point(&a, &b);
		end_point(&b, &a);
		ta = dtls_params(&a, i & 2 ? DTLS_ACTIVE : DTLS_PASSIVE, wire_fingerprint(wb), mux);
		tb = dtls_params(&b, i & 2 ? DTLS_PASSIVE : DTLS_ACTIVE, wire_fingerprint(wa), mux);
		transport_set(a.t, &ta);
		transport_set(b.t, &tb);
		add_audio(&a, &p);
		add_audio(&b, &p);
		for (int n = 0; n < 100 && (a.on_t.secured || b.on_t.secured); n++) {
			turns(wa, 1);
			turns(wb, 1);
		}
		assert_int_equal(a.on_t.secured, 0);
		assert_int_equal(b.on_t.secured, 0);
		assert_int_equal(a.on_t.secured_calls, 1);
		assert_int_equal(a.t->comp[0].keys.tx != NULL, 1);
		for (uint32_t n = 0; n < 300; n++) {
			send_audio(&a, n);
			turns(wa, 2);
			turns(wb, 2);
			got += stream_pull(b.audio, bench_now, &pulled, NULL) == PULL_PACKET;
			/* a re-INVITE with the same does not disturb */
			if (n == 100)
				transport_set(a.t, &ta);
		}
		assert_true(got >= 290);
		assert_true(stream_capture_us(b.audio, 0) != 0); /* RTCP came through */
		end_close(&a);
		end_close(&b);
		wire_drop(wa);
		wire_drop(wb);
	}
}

/* The hello overtakes the answer: it is not lost, for the next would come a
 * second later. (Time stands still for OpenSSL here: it sends none again.) */
static void test_dtls_early_hello(void **state)
{
	struct wire *w = bench_wire();
	struct transport_params t;
	struct end a, b;

	(void)state;
	clock_begin();
	end_open(&a, w, false);
	end_open(&b, w, false);
	end_point(&a, &b);
	end_point(&b, &a);
	t = dtls_params(&b, DTLS_ACTIVE, wire_fingerprint(w), true);
	transport_set(b.t, &t);
	turns(w, 4);
	assert_int_equal(a.on_t.secured_calls, 0);
	t = dtls_params(&a, DTLS_PASSIVE, wire_fingerprint(w), true);
	transport_set(a.t, &t);
	turns(w, 8);
	assert_int_equal(a.on_t.secured, 0);
	assert_int_equal(b.on_t.secured, 0);
	end_close(&a);
	end_close(&b);
	wire_drop(w);
}

static void test_dtls_wrong_fingerprint(void **state)
{
	struct wire *w = bench_wire();
	struct stream_params p = audio_params();
	struct transport_params ta, tb;
	char wrong[96];
	struct end a, b;

	(void)state;
	clock_begin();
	memcpy(wrong, wire_fingerprint(w), sizeof(wrong));
	wrong[0] = wrong[0] == '0' ? '1' : '0';
	end_open(&a, w, false);
	end_open(&b, w, false);
	end_point(&a, &b);
	end_point(&b, &a);
	ta = dtls_params(&a, DTLS_PASSIVE, wrong, true);
	tb = dtls_params(&b, DTLS_ACTIVE, wire_fingerprint(w), true);
	transport_set(a.t, &ta);
	transport_set(b.t, &tb);
	add_audio(&a, &p);
	add_audio(&b, &p);
	turns(w, 20);
	assert_int_equal(a.on_t.secured, -EACCES);
	assert_int_equal(talk(&b, &a, 0, 30), 0);
	assert_int_equal(talk(&a, &b, 0, 30), 0);
	/* told the right one, it comes up */
	ta = dtls_params(&a, DTLS_PASSIVE, wire_fingerprint(w), true);
	tb.dtls_role = DTLS_PASSIVE;
	transport_set(b.t, &tb);
	ta.dtls_role = DTLS_ACTIVE;
	turns(w, 1);
	transport_set(a.t, &ta);
	turns(w, 20);
	assert_int_equal(a.on_t.secured, 0);
	assert_int_equal(b.on_t.secured, 0);
	assert_true(talk(&b, &a, 100, 50) >= 40);
	end_close(&a);
	end_close(&b);
	wire_drop(w);
}

/* Strangers that open handshakes, right or wrong, keep nobody out. */
static void test_dtls_strangers(void **state)
{
	struct wire *w = bench_wire(), *evil = bench_wire();
	struct stream_params p = audio_params();
	struct transport_params t;
	struct end a, b, x[5];

	(void)state;
	clock_begin();
	end_open(&a, w, false);
	end_open(&b, w, false);
	end_point(&a, &b);
	end_point(&b, &a);
	/* the peer is known by a private address only: every source is a stranger */
	t = dtls_params(&a, DTLS_PASSIVE, wire_fingerprint(w), true);
	t.remote_rtp = loopback(9);
	((struct sockaddr_in *)(void *)&t.remote_rtp)->sin_addr.s_addr = htonl(0x0a000001);
	transport_set(a.t, &t);
	add_audio(&a, &p);
	turns(w, 1);
	for (int i = 0; i < 5; i++) {
		end_open(&x[i], evil, false);
		end_point(&x[i], &a);
		t = dtls_params(&x[i], DTLS_ACTIVE, wire_fingerprint(w), true);
		transport_set(x[i].t, &t);
		turns(evil, 1);
		turns(w, 1);
	}
	for (int i = 0; i < 20; i++) {
		turns(evil, 1);
		turns(w, 1);
	}
	assert_int_equal(a.on_t.secured_calls, 0);
	t = dtls_params(&b, DTLS_ACTIVE, wire_fingerprint(w), true);
	transport_set(b.t, &t);
	add_audio(&b, &p);
	turns(w, 40);
	assert_int_equal(a.on_t.secured, 0);
	assert_true(talk(&b, &a, 0, 50) >= 40);
	assert_true(talk(&a, &b, 0, 50) >= 40);
	/* nor afterwards */
	for (int i = 0; i < 5; i++)
		end_close(&x[i]);
	turns(w, 4);
	assert_true(talk(&b, &a, 50, 50) >= 48);
	end_close(&a);
	end_close(&b);
	wire_drop(evil);
	wire_drop(w);
}

/* Hellos from forged addresses cost next to nothing, are answered by less than
 * they are, and keep the peer out for a moment at most. */
static void test_dtls_forged_hellos(void **state)
{
	struct wire *w = bench_wire();
	struct sockaddr_storage any = loopback(0), to;
	struct transport_params t;
	struct wire_stats ws;
	struct end a, b;
	uint8_t hello[1500], answer[1500];
	ssize_t len, n;
	int fd[40];

	(void)state;
	clock_begin();
	for (int i = 0; i < 40; i++) {
		fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		assert_int_equal(bind(fd[i], (struct sockaddr *)&any,
				      sizeof(struct sockaddr_in)), 0);
	}
	/* a hello to play again */
	end_open(&b, w, false);
	b.remote = loopback(agent_port(&(struct agent){ .fd = fd[0] }));
	t = dtls_params(&b, DTLS_ACTIVE, wire_fingerprint(w), true);
	transport_set(b.t, &t);
	turns(w, 1);
	len = recv(fd[0], hello, sizeof(hello), 0);
	assert_in_range(len, 100, 1200);
	end_close(&b);
	end_open(&a, w, false);
	end_open(&b, w, false);
	end_point(&a, &b);
	end_point(&b, &a);
	to = loopback(transport_local(a.t)->rtp_port);
	t = dtls_params(&a, DTLS_PASSIVE, wire_fingerprint(w), true);
	transport_set(a.t, &t);
	turns(w, 1);
	for (int i = 0; i < 40; i++)
		assert_int_equal(sendto(fd[i], hello, (size_t)len, 0, (struct sockaddr *)&to,
					sizeof(struct sockaddr_in)), len);
	turns(w, 60);
	for (int i = 0; i < 40; i++) {
		n = recv(fd[i], answer, sizeof(answer), 0);
		assert_true(n < 0 || n < len / 2);
		if (n > 0)
			assert_true(recv(fd[i], answer, sizeof(answer), 0) < 0);
		close(fd[i]);
	}
	wire_stats(w, &ws);
	assert_int_equal(ws.drop_dtls, 40 - DTLS_SLOTS);
	t = dtls_params(&b, DTLS_ACTIVE, wire_fingerprint(w), true);
	transport_set(b.t, &t);
	turns(w, 10);
	assert_int_equal(a.on_t.secured, 0);
	assert_int_equal(b.on_t.secured, 0);
	end_close(&a);
	end_close(&b);
	wire_drop(w);
}

/* ---- against the openssl program ----------------------------------------- */

/* A certificate for the program, and its fingerprint. */
static void make_cert(char dir[32], char fingerprint[128])
{
	char cmd[512];
	FILE *f;

	memcpy(dir, "/tmp/balai-dtls-XXXXXX", sizeof("/tmp/balai-dtls-XXXXXX"));
	assert_non_null(mkdtemp(dir));
	snprintf(cmd, sizeof(cmd),
		 "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=peer "
		 "-keyout %s/key.pem -out %s/cert.pem -days 2 2>/dev/null && "
		 "openssl x509 -in %s/cert.pem -noout -fingerprint -sha256 | cut -d= -f2",
		 dir, dir, dir);
	f = popen(cmd, "r");
	assert_non_null(f);
	assert_non_null(fgets(fingerprint, 128, f));
	assert_int_equal(pclose(f), 0);
}

static void remove_cert(const char *dir)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/key.pem", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/cert.pem", dir);
	unlink(path);
	rmdir(dir);
}

/* The keys that the program exported are ours, the right way round. */
static void check_exported(struct child *c, const struct component *comp, bool we_are_client)
{
	struct srtp_key client = { .suite = SRTP_AES_CM_128_HMAC_SHA1_80 }, server = client;
	const char *p = strstr(c->text, "Keying material: ");
	uint8_t m[60];

	assert_non_null(p);
	p += strlen("Keying material: ");
	for (int i = 0; i < 60; i++) {
		unsigned v;

		assert_int_equal(sscanf(p + 2 * i, "%2x", &v), 1);
		m[i] = (uint8_t)v;
	}
	memcpy(client.key, m, 16);
	memcpy(server.key, m + 16, 16);
	memcpy(client.key + 16, m + 32, 14);
	memcpy(server.key + 16, m + 46, 14);
	assert_true(crypt_has_key(comp->keys.tx, we_are_client ? &client : &server));
	assert_true(crypt_has_key(comp->keys.rx, we_are_client ? &server : &client));
}

static void run_until(struct wire *w, struct child *c, const char *text, const int *secured)
{
	for (int i = 0; i < 2000; i++) {
		bool said = child_said(c, text);

		wire_turn(w, 5);
		if (said && (!secured || *secured == 0))
			return;
	}
	fail_msg("openssl did not say %s, secured %d:\n%s", text, secured ? *secured : 0, c->text);
}

static void test_dtls_s_client(void **state)
{
	struct wire *w;
	struct transport_params t;
	struct end a;
	struct child c;
	char dir[32], fp[128], connect[32], cert[64], key[64];

	(void)state;
	if (!have_program("openssl"))
		skip();
	clock_fake(-1);
	w = bench_wire();
	make_cert(dir, fp);
	end_open(&a, w, false);
	a.remote = a.remote_rtcp = loopback(9); /* any port of that host */
	t = dtls_params(&a, DTLS_PASSIVE, fp, true);
	transport_set(a.t, &t);
	wire_turn(w, 0);
	snprintf(connect, sizeof(connect), "127.0.0.1:%u", transport_local(a.t)->rtp_port);
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	child_start(&c, (char *[]){ "/usr/bin/openssl", "s_client", "-dtls1_2", "-connect", connect,
		    "-cert", cert, "-key", key, "-use_srtp", "SRTP_AES128_CM_SHA1_80",
		    "-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "60", NULL });
	run_until(w, &c, "Keying material: ", &a.on_t.secured);
	run_until(w, &c, "---\n", NULL);
	check_exported(&c, &a.t->comp[0], false);
	child_stop(&c);
	clock_begin();
	end_close(&a);
	wire_drop(w);
	remove_cert(dir);
}

static void test_dtls_s_server(void **state)
{
	struct wire *w;
	struct transport_params t;
	struct end a;
	struct child c;
	struct transport *reserved;
	char dir[32], fp[128], accept[32], cert[64], key[64];

	(void)state;
	if (!have_program("openssl"))
		skip();
	clock_fake(-1);
	w = bench_wire();
	make_cert(dir, fp);
	/* a port that was free a moment ago */
	assert_int_equal(transport_new(&reserved, w, "127.0.0.1", false, NULL, NULL), 0);
	snprintf(accept, sizeof(accept), "127.0.0.1:%u", transport_local(reserved)->rtp_port);
	end_open(&a, w, false);
	a.remote = a.remote_rtcp = loopback(transport_local(reserved)->rtp_port);
	transport_drop(reserved);
	wire_turn(w, 0);
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	child_start(&c, (char *[]){ "/usr/bin/openssl", "s_server", "-dtls1_2", "-accept", accept,
		    "-cert", cert, "-key", key, "-Verify", "1", "-use_srtp",
		    "SRTP_AES128_CM_SHA1_80", "-keymatexport", "EXTRACTOR-dtls_srtp",
		    "-keymatexportlen", "60", NULL });
	run_until(w, &c, "ACCEPT", NULL);
	t = dtls_params(&a, DTLS_ACTIVE, fp, true);
	transport_set(a.t, &t);
	run_until(w, &c, "Keying material: ", &a.on_t.secured);
	for (int i = 0; i < 20; i++) {
		child_said(&c, "-");
		wire_turn(w, 5);
	}
	check_exported(&c, &a.t->comp[0], true);
	child_stop(&c);
	clock_begin();
	end_close(&a);
	wire_drop(w);
	remove_cert(dir);
}

/* ---- ICE-lite ------------------------------------------------------------ */

static void agent_check(struct agent *g, const char *user, const char *pwd, bool nominate)
{
	uint8_t buf[512], id[12] = { 0 }, priority[4] = { 0x6e, 0, 1, 0xff }, tie[8] = { 1 };
	struct writer w = writer_of(buf, sizeof(buf));
	struct stun_out o;

	id[0] = ++g->id;
	o = stun_begin(&w, STUN_REQUEST, id);
	stun_add(&o, STUN_ATTR_USERNAME, user, strlen(user));
	stun_add(&o, STUN_ATTR_PRIORITY, priority, 4);
	stun_add(&o, STUN_ATTR_CONTROLLING, tie, 8);
	if (nominate)
		stun_add(&o, STUN_ATTR_USE_CANDIDATE, NULL, 0);
	assert_true(stun_end(&o, pwd, strlen(pwd)) > 0);
	assert_int_equal(sendto(g->fd, buf, writer_len(&w), 0, (struct sockaddr *)&g->to,
				sizeof(struct sockaddr_in)), (ssize_t)writer_len(&w));
}

/* The class of the answer, -1: none. */
static int agent_answer(struct agent *g, const char *pwd)
{
	static uint8_t buf[1500];
	struct stun_msg m;
	ssize_t n = recv(g->fd, buf, sizeof(buf), 0);

	if (n <= 0)
		return -1;
	if (packet_demux(buf, (size_t)n) != DEMUX_STUN)
		return -2;
	assert_int_equal(stun_parse(&m, buf, (size_t)n), 0);
	if (m.class == STUN_SUCCESS) {
		struct sockaddr_storage me = loopback(agent_port(g));

		assert_true(stun_verify(&m, pwd, strlen(pwd)));
		assert_true(m.has_fingerprint);
		assert_true(addr_equal(&m.mapped, &me));
	}
	return (int)m.class;
}

/* RTP packets that wait at the agent. */
static unsigned agent_rtp(struct agent *g)
{
	uint8_t buf[1500];
	unsigned rtp = 0;
	ssize_t n;

	while ((n = recv(g->fd, buf, sizeof(buf), 0)) > 0)
		rtp += packet_demux(buf, (size_t)n) == DEMUX_RTP;
	return rtp;
}

static void agent_send_rtp(struct agent *g, uint16_t seq)
{
	uint8_t buf[172] = { 0x80, 0, (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0,
			     (uint8_t)(seq * 160 >> 8), (uint8_t)(seq * 160), 0, 0, 0, 9 };

	assert_int_equal(sendto(g->fd, buf, sizeof(buf), 0, (struct sockaddr *)&g->to,
				sizeof(struct sockaddr_in)), sizeof(buf));
}

static void ice_end(struct end *a, struct wire *w, char user[64])
{
	struct stream_params p = audio_params();
	struct transport_params t;

	end_open(a, w, false);
	t = plain_params(a, true);
	t.ice = true;
	memcpy(t.remote_ufrag, "peer", 5);
	memcpy(t.remote_pwd, "peerpassword0123456789", 23);
	transport_set(a->t, &t);
	add_audio(a, &p);
	turns(w, 1);
	snprintf(user, 64, "%s:peer", transport_local(a->t)->ufrag);
}

static void test_ice(void **state)
{
	struct wire *w = bench_wire();
	struct wire_stats ws;
	struct stream_stats s;
	struct agent g, h, evil;
	struct end a;
	char user[64];
	const char *pwd;

	(void)state;
	clock_begin();
	ice_end(&a, w, user);
	pwd = transport_local(a.t)->pwd;
	agent_open(&g, transport_local(a.t)->rtp_port);
	agent_open(&h, transport_local(a.t)->rtp_port);
	agent_open(&evil, transport_local(a.t)->rtp_port);
	/* nothing is sent before a check, whatever the description says */
	send_audio(&a, 0);
	turns(w, 2);
	assert_int_equal(agent_rtp(&g) + agent_rtp(&h), 0);
	/* wrong credentials: refused, and nothing is sent there */
	agent_check(&evil, user, "wrongpassword0123456789", true);
	turns(w, 1);
	assert_int_equal(agent_answer(&evil, pwd), STUN_ERROR);
	agent_check(&evil, "some:one", pwd, true);
	turns(w, 1);
	assert_int_equal(agent_answer(&evil, pwd), STUN_ERROR);
	for (uint16_t i = 0; i < 20; i++)
		agent_send_rtp(&evil, i);
	turns(w, 4);
	wire_stats(w, &ws);
	assert_true(ws.drop_source >= 20);
	assert_int_equal(ws.drop_stun, 2);
	stream_stats(a.audio, &s);
	assert_int_equal(s.rx_packets, 0);
	/* a check, then a nomination elsewhere; both may send, one receives */
	agent_check(&g, user, pwd, false);
	turns(w, 1);
	assert_int_equal(agent_answer(&g, pwd), STUN_SUCCESS);
	agent_check(&h, user, pwd, true);
	turns(w, 1);
	assert_int_equal(agent_answer(&h, pwd), STUN_SUCCESS);
	agent_check(&g, user, pwd, false);
	turns(w, 1);
	assert_int_equal(agent_answer(&g, pwd), STUN_SUCCESS);
	for (uint32_t i = 1; i < 11; i++)
		send_audio(&a, i);
	turns(w, 1);
	assert_int_equal(agent_rtp(&h), 10);
	assert_int_equal(agent_rtp(&g) + agent_rtp(&evil), 0);
	for (uint16_t i = 0; i < 20; i++)
		agent_send_rtp(&g, i);
	turns(w, 4);
	stream_stats(a.audio, &s);
	assert_int_equal(s.rx_packets, 20);
	/* it is nominated in turn */
	agent_check(&g, user, pwd, true);
	turns(w, 1);
	send_audio(&a, 11);
	turns(w, 1);
	assert_int_equal(agent_rtp(&g), 1);
	/* consent runs out when nothing is heard for 30 s, and comes back */
	for (uint32_t i = 12; i < 2012; i++) {
		send_audio(&a, i);
		turns(w, 4);
		if (i == 800 || i == 1900)
			agent_rtp(&g);
	}
	assert_int_equal(agent_rtp(&g), 0);
	agent_check(&g, user, pwd, true);
	turns(w, 1);
	send_audio(&a, 2013);
	turns(w, 1);
	assert_true(agent_rtp(&g) >= 1);
	close(g.fd);
	close(h.fd);
	close(evil.fd);
	end_close(&a);
	wire_drop(w);
}

/* More addresses than are kept: no memory, no loss of the one in use. */
static void test_ice_many_pairs(void **state)
{
	struct wire *w = bench_wire();
	struct agent g, more[3 * ICE_PAIRS];
	struct end a;
	char user[64];
	const char *pwd;

	(void)state;
	clock_begin();
	ice_end(&a, w, user);
	pwd = transport_local(a.t)->pwd;
	agent_open(&g, transport_local(a.t)->rtp_port);
	agent_check(&g, user, pwd, true);
	turns(w, 1);
	for (int i = 0; i < 3 * ICE_PAIRS; i++) {
		agent_open(&more[i], transport_local(a.t)->rtp_port);
		agent_check(&more[i], user, pwd, false);
		turns(w, 1);
		assert_int_equal(agent_answer(&more[i], pwd), STUN_SUCCESS);
		close(more[i].fd);
	}
	agent_rtp(&g);
	send_audio(&a, 1);
	turns(w, 1);
	assert_true(agent_rtp(&g) >= 1);
	close(g.fd);
	end_close(&a);
	wire_drop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dtls_roles),
		cmocka_unit_test(test_dtls_early_hello),
		cmocka_unit_test(test_dtls_wrong_fingerprint),
		cmocka_unit_test(test_dtls_strangers),
		cmocka_unit_test(test_dtls_forged_hellos),
		cmocka_unit_test(test_dtls_s_client),
		cmocka_unit_test(test_dtls_s_server),
		cmocka_unit_test(test_ice),
		cmocka_unit_test(test_ice_many_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
