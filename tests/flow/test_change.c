/* SPDX-License-Identifier: GPL-3.0-or-later
 * Offers inside a call: holds, refreshes, lines and addresses that change, what cannot
 * be had, and key frames asked for by signalling. */
#include "tests/flow/meeting_room.h"

#include "base/clock.h"
#include "base/ref.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static void offer_again(struct endpoint *e, bool send, bool receive)
{
	for (unsigned i = 0; i < e->offer->n_lines; i++) {
		e->offer->line[i].send = send;
		e->offer->line[i].receive = receive;
	}
	e->offer->session_version++;
	e->refused = 0;
	call_updated(e->call, e->offer);
}

/* Ten holds: ports and keys stay, a held leg's music is not heard, and after it
 * all both hear each other as before. */
static void test_hold(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, false, true), *b = endpoint_new(r, false, true);
	struct srtp_key key;
	uint16_t port;

	endpoint_dial(a, "1000");
	endpoint_dial(b, "1000");
	port = a->answer->line[0].port;
	key = a->answer->line[0].crypto[0].key;
	for (int i = 0; i < 10; i++) {
		offer_again(a, i & 1, false); /* inactive, sendonly */
		assert_int_equal(a->refused, 0);
		assert_false(a->answer->line[0].send);
		assert_int_equal(a->answer->line[0].receive, i & 1);
		offer_again(a, true, true);
		assert_true(a->answer->line[0].send && a->answer->line[0].receive);
		assert_int_equal(a->answer->line[0].port, port);
		assert_memory_equal(&a->answer->line[0].crypto[0].key, &key, sizeof(key));
	}
	endpoint_connect(a);
	endpoint_connect(b);
	hear_each_other(a, b);
	/* Music on hold: what A sends now must not reach B. */
	offer_again(a, true, false);
	{
		struct ear ear = { 0 };
		int64_t next = 0;
		int windows = 0;

		for (int64_t end = patience(); clock_us() < end && windows < 6;) {
			room_step(r);
			if (!due(&next, 20000))
				continue;
			endpoint_talk(a, 440);
			endpoint_talk(b, 0);
			ear_listen(&ear, b);
			if (ear.n < 1440)
				continue;
			/* The first windows may hold what came before the hold. */
			if (++windows > 3)
				assert_true(ear_level(&ear, 440) < 80);
			ear.n = 0;
		}
		audio_decoder_free(ear.decoder);
		assert_int_equal(windows, 6);
	}
	/* Plain may not take the place of encrypted. */
	a->offer->line[0].n_crypto = 0;
	a->offer->line[0].proto = PROTO_AVP;
	snprintf(a->offer->line[0].proto_text, sizeof(a->offer->line[0].proto_text), "RTP/AVP");
	offer_again(a, true, true);
	assert_int_equal(a->refused, 488);
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_free(a);
	endpoint_free(b);
}

/* A session refresh repeats what is in force, made by the protocol room alone;
 * the other side may change something in its answer. */
static void test_refresh(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, false, true), *b = endpoint_new(r, false, false);

	endpoint_dial(a, "1000");
	endpoint_dial(b, "1000");
	endpoint_connect(a);
	endpoint_connect(b);
	hear_each_other(a, b);
	for (int i = 0; i < 2; i++) {
		a->offer->session_version++;
		a->call->ours_open = true;
		call_answered(a->call, a->offer);
		hear_each_other(a, b);
	}
	assert_int_equal(a->call->state, CALL_CONNECTED);
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_free(a);
	endpoint_free(b);
}

/* The line that carried the bundle is refused in a change that moves the media
 * too: the line that stays must hear of it. When the first line comes back it
 * joins the transport in use. */
static void test_bundle_loses_its_head(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, true, false), *b = endpoint_new(r, true, false);
	struct desc_line *audio = &a->offer->line[0], *video = &a->offer->line[1];
	const struct desc_line there = *video;
	uint16_t port;

	audio->bundled = video->bundled = true;
	snprintf(audio->mid, sizeof(audio->mid), "a");
	snprintf(video->mid, sizeof(video->mid), "v");
	video->port = audio->port;
	video->rtp = video->rtcp = audio->rtp;
	endpoint_dial(a, "1000");
	assert_int_equal(a->refused, 0);
	port = a->answer->line[0].port;
	assert_int_equal(a->answer->line[1].port, port);
	endpoint_connect(a);
	endpoint_dial(b, "1000");
	endpoint_connect(b);
	audio->port = 0;
	video->port = there.port;
	video->rtp = video->rtcp = there.rtp;
	a->offer->session_version++;
	call_updated(a->call, a->offer);
	assert_int_equal(a->answer->line[0].port, 0);
	assert_int_equal(a->answer->line[1].port, port);
	see_more(a, b, 5);
	audio->port = video->port;
	audio->rtp = audio->rtcp = video->rtp;
	a->offer->session_version++;
	call_updated(a->call, a->offer);
	assert_int_equal(a->answer->line[0].port, port);
	assert_int_equal(a->answer->line[1].port, port);
	see_more(a, b, 5);
	/* Out of the bundle it has a transport of its own. */
	audio->bundled = false;
	a->offer->session_version++;
	call_updated(a->call, a->offer);
	assert_int_not_equal(a->answer->line[0].port, a->answer->line[1].port);
	see_more(a, b, 5);
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_free(a);
	endpoint_free(b);
}

/* A peer without feedback in RTCP is asked for key frames by signalling, and
 * what it asks for that way comes (RFC 5168). */
static void test_keys_by_signalling(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, true, false), *b = endpoint_new(r, true, false);
	struct desc_codec *codec = &a->offer->line[1].codec[0];
	int64_t next = 0, end;
	int keys;

	codec->pli = codec->nack = false;
	/* nobody sees it: it is asked whether it answers */
	endpoint_dial(a, "1000");
	endpoint_connect(a);
	for (end = patience(); clock_us() < end && !a->line[LINE_PICTURE].keys_signalled;) {
		room_step(r);
		if (due(&next, 66000))
			endpoint_show(a, 60);
	}
	assert_true(a->line[LINE_PICTURE].keys_signalled);
	endpoint_dial(b, "1000");
	endpoint_connect(b);
	atomic_store(&a->line[LINE_PICTURE].keys_wanted, 1);
	see_more(b, a, 5);
	see_more(a, b, 5);
	keys = atomic_load(&a->keys);
	call_key_wanted(a->call);
	for (end = patience(); clock_us() < end && atomic_load(&a->keys) == keys;) {
		room_step(r);
		if (due(&next, 66000))
			endpoint_show(b, 90);
	}
	assert_true(atomic_load(&a->keys) > keys);
	assert_int_equal(b->line[LINE_PICTURE].keys_signalled, 0);
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_free(a);
	endpoint_free(b);
}

/* A change that there are no sockets for is refused, and what it would have
 * taken away stays. */
static void test_change_without_sockets(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, true, false), *b = endpoint_new(r, false, false);
	const uint16_t port = a->offer->line[0].port;
	struct rlimit all, none;

	a->offer->n_lines = 1;
	endpoint_dial(a, "1000");
	endpoint_dial(b, "1000");
	endpoint_connect(a);
	endpoint_connect(b);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = all;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	a->offer->n_lines = 2;
	a->offer->line[0].port = 0;
	call_updated(a->call, a->offer);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	assert_int_equal(a->refused, 503);
	assert_true(a->retry_after > 0);
	a->offer->n_lines = 1;
	a->offer->line[0].port = port;
	hear_each_other(a, b);
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_free(a);
	endpoint_free(b);
}

/* Signalling over IPv6 and media over IPv4: the answer has the media's family, a
 * hold by 0.0.0.0 moves nothing, and where there is no way to their address the
 * line is refused. */
static void test_families(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, true, false), *b = endpoint_new(r, false, false), *c;
	struct sockaddr_in6 *nowhere;
	struct sockaddr_storage before = a->offer->line[0].rtp;
	uint16_t port;

	a->local = "::1";
	endpoint_dial(a, "1000");
	endpoint_dial(b, "1000");
	assert_int_equal(a->refused, 0);
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_storage want;

		endpoint_set_address(&want, a->answer->line[i].port);
		assert_memory_equal(&a->answer->line[i].rtp, &want, sizeof(struct sockaddr_in));
	}
	endpoint_connect(a);
	endpoint_connect(b);
	hear_each_other(a, b);
	port = a->answer->line[0].port;
	((struct sockaddr_in *)(void *)&a->offer->line[0].rtp)->sin_addr.s_addr = 0;
	offer_again(a, true, false);
	assert_int_equal(a->answer->line[0].port, port);
	assert_int_equal(a->answer->line[0].rtp.ss_family, AF_INET);
	a->offer->line[0].rtp = before;
	offer_again(a, true, true);
	assert_int_equal(a->answer->line[0].port, port);
	hear_each_other(a, b);

	/* Of a link nobody named: no packet can be sent there. */
	c = endpoint_new(r, false, false);
	nowhere = (struct sockaddr_in6 *)(void *)&c->offer->line[0].rtp;
	memset(nowhere, 0, sizeof(*nowhere));
	nowhere->sin6_family = AF_INET6;
	nowhere->sin6_port = htons(4000);
	assert_int_equal(inet_pton(AF_INET6, "fe80::1", &nowhere->sin6_addr), 1);
	endpoint_dial(c, "1000");
	assert_int_equal(c->refused, 488);
	assert_non_null(strstr(c->warning, "no IPv6 for media here"));
	endpoint_free(c);
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_free(a);
	endpoint_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hold, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_families, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_refresh, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_bundle_loses_its_head, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_keys_by_signalling, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_change_without_sockets, room_open, room_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
