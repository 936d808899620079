/* SPDX-License-Identifier: GPL-3.0-or-later
 * Calls for which the bridge makes the offer: keyings side by side, ICE, and answers of
 * the other address family. */
#include "tests/flow/meeting_room.h"

#include "base/clock.h"
#include "base/ref.h"
#include "tests/flow/rtp_peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static void test_delayed_offer(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, false, false), *b = endpoint_new(r, false, false);
	uint16_t port;

	endpoint_call(a, "1000", NULL);
	assert_true(a->answer->n_lines >= 2 && a->answer->line[1].port);
	port = a->answer->line[0].port;
	endpoint_answer(a);
	endpoint_dial(b, "1000");
	endpoint_connect(a);
	endpoint_connect(b);
	hear_each_other(a, b);
	/* A re-INVITE without SDP: the same line, with all it could be again. */
	call_updated(a->call, NULL);
	assert_int_equal(a->answer->line[0].port, port);
	assert_true(a->answer->line[0].n_codecs > 2);
	endpoint_answer(a);
	hear_each_other(a, b);
	/* And once more, but the endpoint will not have it: all goes on as it was. */
	call_updated(a->call, NULL);
	call_answered(a->call, NULL);
	hear_each_other(a, b);
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_free(a);
	endpoint_free(b);
}

/* Our own offer names IPv6, since signalling came by it, and the answer IPv4: we offer
 * anew, at IPv4. Who refuses that, or changes its mind, is not kept in silence. */
static void test_delayed_offer_family(void **state)
{
	struct room *r = *state;
	struct endpoint *b = endpoint_new(r, false, false);

	endpoint_dial(b, "1000");
	endpoint_connect(b);
	for (int k = 0; k < 3; k++) {
		struct endpoint *a = endpoint_new(r, false, false);
		struct desc_line *l = &a->offer->line[0];

		a->local = "::1";
		endpoint_call(a, "1000", NULL);
		assert_int_equal(a->answer->line[0].rtp.ss_family, AF_INET6);
		endpoint_answer(a);
		assert_int_equal(a->offers, 1);
		assert_int_equal(a->answer->line[0].rtp.ss_family, AF_INET);
		/* it has answered one line of two */
		assert_int_equal(a->answer->line[1].port, 0);
		if (k == 0) {
			endpoint_answer(a);
			assert_int_equal(a->offers, 1);
			endpoint_connect(a);
			hear_each_other(a, b);
			endpoint_hang_up(a);
		} else {
			if (k == 1) {
				memset(&l->rtp, 0, sizeof(l->rtp));
				l->rtp.ss_family = AF_INET6;
				((struct sockaddr_in6 *)(void *)&l->rtp)->sin6_addr = in6addr_loopback;
				endpoint_answer(a);
			} else {
				call_answered(a->call, NULL);
			}
			wait_for_end(r, a);
			assert_int_equal(a->offers, 1);
		}
		endpoint_free(a);
	}
	endpoint_hang_up(b);
	endpoint_free(b);
}

static bool has_encryption(struct room *r, const char *want)
{
	json_t *out = room_command(r, "participants", json_object(), 0), *p;
	bool has = false;
	size_t i;

	json_array_foreach(out, i, p)
		has |= !strcmp(json_string_value(json_object_get(p, "encryption")), want);
	json_decref(out);
	return has;
}

/* Who knows only DTLS-SRTP takes that of the two keyings we offer, in either role,
 * and keeps it when the offer comes again. */
static void test_delayed_offer_dtls(void **state)
{
	struct room *r = *state;

	for (int active = 0; active < 2; active++) {
		struct endpoint *a = endpoint_new(r, false, false), *b = endpoint_new(r, false, false);
		struct desc_line *l = &a->offer->line[0];

		assert_int_equal(desc_fingerprint_parse(&l->fingerprint, "sha-256",
							wire_fingerprint(r->far)), 0);
		l->setup = active ? SETUP_ACTIVE : SETUP_PASSIVE;
		endpoint_call(a, "1000", NULL);
		for (unsigned i = 0; i < 2; i++) {
			assert_true(a->answer->line[i].n_crypto > 0);
			assert_int_equal(a->answer->line[i].fingerprint.len, 32);
			assert_int_equal(a->answer->line[i].setup, SETUP_ACTPASS);
		}
		endpoint_answer(a);
		endpoint_dial(b, "1000");
		endpoint_connect(a);
		endpoint_connect(b);
		hear_each_other(a, b);
		assert_true(has_encryption(r, "DTLS-SRTP"));
		call_updated(a->call, NULL);
		assert_int_equal(a->answer->line[0].setup, SETUP_ACTPASS);
		endpoint_answer(a);
		hear_each_other(a, b);
		/* Never weaker than it was. */
		call_updated(a->call, NULL);
		l->fingerprint.len = 0;
		l->setup = SETUP_NONE;
		endpoint_answer(a);
		wait_for_end(r, a);
		endpoint_hang_up(b);
		endpoint_free(a);
		endpoint_free(b);
	}
}

/* What a full ICE agent answers our offer with: plain G.711 at the phone's sockets. */
static void answer_with_ice(struct endpoint *e, const struct rtp_peer *phone, bool mux)
{
	struct desc_line *l = &e->offer->line[0];

	l->port = rtp_peer_port(phone);
	endpoint_set_address(&l->rtp, l->port);
	endpoint_set_address(&l->rtcp, mux ? l->port : rtp_peer_rtcp_port(phone));
	l->rtcp_mux = mux;
	l->ice = true;
	strcpy(l->ice_ufrag, "peer");
	strcpy(l->ice_pwd, "peerpassword0123456789");
	endpoint_answer(e);
}

/* Our own offer has ICE: a full agent that takes it is sent nothing before its check,
 * and everything after, RTCP too where it declines to have that on the same port. */
static void test_delayed_offer_ice(void **state)
{
	const struct rtp_peer_config config = { .hz = 700, .amplitude = 8000, .seed = 3 };
	struct room *r = *state;

	for (int mux = 0; mux < 2; mux++) {
		struct endpoint *a = endpoint_new(r, false, false), *b = endpoint_new(r, false, false);
		struct rtp_peer_config c = config;
		struct rtp_peer_stats s = { 0 };
		struct rtp_peer *phone;
		struct ear ear = { 0 };
		const struct desc_line *ours;
		struct wire_stats before, w;
		int64_t next = 0, end;
		char user[300];
		bool ok = false;

		c.rtcp_mux = mux;
		assert_int_equal(rtp_peer_new(&phone, &c), 0);
		endpoint_call(a, "1000", NULL);
		ours = &a->answer->line[0];
		assert_true(a->answer->ice_lite && ours->ice && ours->n_candidates == 1);
		assert_true(ours->rtcp_given);
		assert_memory_equal(&ours->candidate[0], &ours->rtp, sizeof(ours->rtp));
		rtp_peer_connect(phone, ours->port,
				 ntohs(((const struct sockaddr_in *)(const void *)&ours->rtcp)->sin_port));
		snprintf(user, sizeof(user), "%s:peer", ours->ice_ufrag);
		answer_with_ice(a, phone, mux);
		endpoint_dial(b, "1000");
		endpoint_connect(b);
		wire_stats(r->wire, &before);
		for (end = patience(); clock_us() < end && !ok;) {
			room_step(r);
			rtp_peer_step(phone, clock_us());
			wire_stats(r->wire, &w);
			ok = w.drop_source > before.drop_source + 20;
		}
		rtp_peer_stats(phone, &s);
		assert_true(ok);
		assert_int_equal(s.received + s.rtcp_received, 0);
		rtp_peer_check(phone, false, user, ours->ice_pwd);
		if (!mux)
			rtp_peer_check(phone, true, user, ours->ice_pwd);
		for (end = patience(), ok = false; clock_us() < end && !ok;) {
			room_step(r);
			rtp_peer_step(phone, clock_us());
			if (!due(&next, 20000))
				continue;
			endpoint_talk(b, 1000);
			ear_listen(&ear, b);
			if (ear.n < 1440)
				continue;
			rtp_peer_stats(phone, &s);
			ok = ear_level(&ear, 700) > 6000 && rtp_peer_hears(phone, 1000, 100) > 6000 &&
			     s.rtcp_received > 0;
			ear.n = 0;
		}
		assert_true(ok);
		assert_int_equal(s.checks, mux ? 1 : 2);
		audio_decoder_free(ear.decoder);
		rtp_peer_free(phone);
		endpoint_hang_up(a);
		endpoint_hang_up(b);
		endpoint_free(a);
		endpoint_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_delayed_offer, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_delayed_offer_family, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_delayed_offer_dtls, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_delayed_offer_ice, room_open, room_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
