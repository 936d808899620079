/* SPDX-License-Identifier: GPL-3.0-or-later
 * Meetings as a whole: who hears and sees whom, what re-negotiation, transfer and
 * commands do. */
#include "tests/flow/meeting_room.h"

#include "base/clock.h"
#include "base/ref.h"
#include "mcu/mc/load.h"
#include "tests/flow/rtp_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Runs the two until each hears the other's tone and not its own. */
static void hear_each_other(struct endpoint *a, struct endpoint *b)
{
	struct ear ear[2] = { 0 };
	int64_t next = 0;
	bool ok = false;

	for (int64_t end = patience(); clock_us() < end && !ok;) {
		room_step(a->room);
		if (!due(&next, 20000))
			continue;
		endpoint_talk(a, 440);
		endpoint_talk(b, 1000);
		ear_listen(&ear[0], a);
		ear_listen(&ear[1], b);
		if (ear[0].n < 1440)
			continue;
		ok = ear_level(&ear[0], 1000) > 6000 && ear_level(&ear[0], 440) < 80 &&
		     ear_level(&ear[1], 440) > 6000 && ear_level(&ear[1], 1000) < 80;
		ear[0].n = ear[1].n = 0;
	}
	audio_decoder_free(ear[0].decoder);
	audio_decoder_free(ear[1].decoder);
	assert_true(ok);
}

static void two_talk(struct room *r, bool sdes, const char *number)
{
	struct endpoint *a = endpoint_new(r, false, sdes), *b = endpoint_new(r, false, sdes);

	endpoint_dial(a, number);
	endpoint_dial(b, number);
	assert_int_equal(a->refused + b->refused, 0);
	endpoint_connect(a);
	endpoint_connect(b);
	hear_each_other(a, b);
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_free(a);
	endpoint_free(b);
}

static void test_two_hear_each_other(void **state)
{
	two_talk(*state, false, "1000");
}

static void test_encrypted(void **state)
{
	two_talk(*state, true, "7000");
}

static void test_see_each_other(void **state)
{
	struct room *r = *state;
	struct endpoint *e[3];
	int64_t next = 0;
	bool ok = false;
	struct video_engine_stats v;

	for (int i = 0; i < 3; i++) {
		e[i] = endpoint_new(r, true, i == 1);
		endpoint_dial(e[i], "2000");
		endpoint_connect(e[i]);
	}
	for (int64_t end = patience(); clock_us() < end && !ok;) {
		room_step(r);
		if (due(&next, 66000))
			for (int i = 0; i < 3; i++)
				endpoint_show(e[i], (uint8_t)(60 + 50 * i));
		ok = true;
		for (int i = 0; i < 3; i++)
			ok &= atomic_load(&e[i]->pictures) > 15;
	}
	assert_true(ok);
	video_engine_stats(r->video, &v);
	assert_int_equal(v.sources, 3);
	assert_int_equal(v.sinks, 3);
	assert_true(v.decoded > 10);
	for (int i = 0; i < 3; i++)
		endpoint_hang_up(e[i]);
	for (int i = 0; i < 3; i++)
		endpoint_free(e[i]);
}

/* All of them show until the one has seen some more pictures. */
static void show_all(struct endpoint *const *e, unsigned n, struct endpoint *seen_by)
{
	int until = atomic_load(&seen_by->pictures) + 10;
	int64_t next = 0;

	for (int64_t end = patience(); clock_us() < end && atomic_load(&seen_by->pictures) < until;) {
		room_step(seen_by->room);
		if (due(&next, 66000))
			for (unsigned i = 0; i < n; i++)
				endpoint_show(e[i], (uint8_t)(60 + 50 * i));
	}
	assert_true(atomic_load(&seen_by->pictures) >= until);
}

/* Who comes after somebody went sees the others in the places they have for all. */
static void test_one_picture_for_all(void **state)
{
	struct room *r = *state;
	struct endpoint *e[4];
	struct video_engine_stats v;

	for (int i = 0; i < 3; i++) {
		e[i] = endpoint_new(r, true, false);
		endpoint_dial(e[i], "7002");
		endpoint_connect(e[i]);
	}
	show_all(e, 3, e[2]);
	endpoint_hang_up(e[0]);
	e[3] = endpoint_new(r, true, false);
	endpoint_dial(e[3], "7002");
	endpoint_connect(e[3]);
	show_all(e + 1, 3, e[3]);
	/* a view that nobody looks at any more stays for a moment */
	for (int64_t end = patience(); clock_us() < end;) {
		show_all(e + 1, 3, e[3]);
		video_engine_stats(r->video, &v);
		if (v.views == 1)
			break;
	}
	assert_int_equal(v.views, 1);
	assert_int_equal(v.sinks, 3);
	for (int i = 1; i < 4; i++)
		endpoint_hang_up(e[i]);
	for (int i = 0; i < 4; i++)
		endpoint_free(e[i]);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *number;
		int status;
	} rows[] = {
		{ "600", 603 },  /* by a rule */
		{ "9999", 404 }, /* no rule */
		{ "7005", 404 }, /* a conference that is not there */
		{ "7000", 488 }, /* encryption is required */
	};
	struct room *r = *state;
	struct endpoint *e, *first;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e = endpoint_new(r, true, false);
		endpoint_dial(e, rows[i].number);
		assert_int_equal(e->refused, rows[i].status);
		endpoint_free(e);
	}
	e = endpoint_new(r, false, false);
	endpoint_dial(e, "601");
	assert_string_equal(e->redirect, "sip:elsewhere@192.0.2.9");
	endpoint_free(e);
	first = endpoint_new(r, false, false);
	endpoint_dial(first, "7001");
	assert_int_equal(first->refused, 0);
	e = endpoint_new(r, false, false);
	endpoint_dial(e, "7001");
	assert_int_equal(e->refused, 486); /* full */
	endpoint_free(e);
	r->controller->capacity.calls = 1; /* what the machine carries */
	e = endpoint_new(r, false, false);
	endpoint_dial(e, "1000");
	assert_int_equal(e->refused, 503);
	assert_int_equal(e->retry_after, 60);
	endpoint_hang_up(first);
	endpoint_free(first);
	endpoint_free(e);
	assert_true(list_empty(&r->controller->conferences));
}

/* A machine that is full takes nobody in, says when to try again, and leaves those
 * alone who are in. */
static void test_full_machine(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, true, false), *b = endpoint_new(r, true, false);
	char error[120];
	uint32_t id;

	endpoint_dial(a, "1000");
	endpoint_connect(a);
	r->full = true;
	endpoint_dial(b, "1000");
	assert_int_equal(b->refused, 503);
	assert_in_range(b->retry_after, 1, 300);
	endpoint_free(b);
	assert_int_equal(controller_dial(r->controller, "1000", "sip:x@127.0.0.1", &id, error,
					 sizeof(error)), -EBUSY);
	assert_int_equal(call_center_count(controller_calls(r->controller)), 1);
	a->offer->session_version++;
	call_updated(a->call, a->offer);
	assert_int_equal(a->refused, 0);
	r->full = false;
	b = endpoint_new(r, true, false);
	endpoint_dial(b, "1000");
	assert_int_equal(b->refused, 0);
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_free(a);
	endpoint_free(b);
}

/* What counts as late sound. */
static void test_late_sound(void **state)
{
	(void)state;
	assert_false(load_sound_late(50, 0));
	assert_false(load_sound_late(50, 5));
	assert_true(load_sound_late(50, 6));
	assert_true(load_sound_late(6, 6));
	assert_false(load_sound_late(0, 0));
}

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

/* Runs until the endpoint has seen `more` pictures of the other. */
static void see_more(struct endpoint *e, struct endpoint *other, int more)
{
	int until = atomic_load(&e->pictures) + more;
	int64_t next = 0;

	for (int64_t end = patience(); clock_us() < end && atomic_load(&e->pictures) < until;) {
		room_step(e->room);
		if (due(&next, 66000))
			endpoint_show(other, 90);
	}
	assert_true(atomic_load(&e->pictures) >= until);
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

static void test_come_and_go(void **state)
{
	struct room *r = *state;
	struct endpoint *e[4] = { 0 };
	unsigned random = 1;
	int64_t next = 0;

	for (int i = 0; i < 60; i++) {
		struct endpoint **slot = &e[random % 4];

		random = random * 1103515245 + 12345;
		if (*slot) {
			endpoint_hang_up(*slot);
			endpoint_free(*slot);
			*slot = NULL;
		} else {
			*slot = endpoint_new(r, random >> 8 & 1, random >> 9 & 1);
			endpoint_dial(*slot, random >> 10 & 1 ? "1000" : "1001");
			assert_int_equal((*slot)->refused, 0);
			endpoint_connect(*slot);
		}
		for (int k = 0; k < (int)(random >> 16 & 7); k++) {
			room_step(r);
			for (int n = 0; due(&next, 20000) && n < 4; n++)
				if (e[n])
					endpoint_talk(e[n], 500);
			for (int n = 0; n < 4; n++)
				if (e[n] && e[n]->line[LINE_PICTURE].stream)
					endpoint_show(e[n], 80);
		}
	}
	for (int i = 0; i < 4; i++) {
		if (e[i]) {
			endpoint_hang_up(e[i]);
			endpoint_free(e[i]);
		}
	}
}

static void test_drain(void **state)
{
	struct room *r = *state;
	struct endpoint *e = endpoint_new(r, false, false), *late;

	endpoint_dial(e, "1000");
	controller_drain(r->controller, room_on_done, r);
	late = endpoint_new(r, false, false);
	endpoint_dial(late, "1000");
	assert_int_equal(late->refused, 503);
	assert_true(late->retry_after > 0);
	for (int i = 0; i < 20; i++)
		room_step(r);
	assert_false(r->done);
	endpoint_hang_up(e);
	for (int64_t end = patience(); clock_us() < end && !r->done;)
		room_step(r);
	assert_true(r->done);
	r->done = false;
	endpoint_free(e);
	endpoint_free(late);
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

/* Whose picture has the border in what a participant looks at: it alone, NULL nobody's;
 * *tiles: how many pictures there are. */
static struct source *bordered(const struct endpoint *e, unsigned *tiles)
{
	const struct participant *p = e->call->participant;
	struct source *source = NULL;
	unsigned n = 0;

	*tiles = 0;
	list_each(l, &p->conference->views) {
		const struct showing *s = list_entry(l, struct showing, link);

		for (uint32_t i = 0; s->view == p->view && i < s->scene.n; i++) {
			*tiles += s->scene.tile[i].source != NULL;
			if (s->scene.tile[i].border)
				source = s->scene.tile[i].source;
			n += s->scene.tile[i].border;
		}
	}
	return n == 1 ? source : NULL;
}

static struct source *camera(const struct endpoint *e)
{
	return leg_source(participant_leg(e->call->participant, MEDIA_VIDEO));
}

/* Two of three speak at once: each of them sees the border on the other, whoever of
 * them is the loudest, and the third on one of them. */
static void test_border(void **state)
{
	struct room *r = *state;
	struct endpoint *e[3];
	int64_t speak = 0, show = 0;
	bool ok = false;

	for (int i = 0; i < 3; i++) {
		e[i] = endpoint_new(r, true, false);
		endpoint_dial(e[i], "1000");
		endpoint_connect(e[i]);
	}
	for (int64_t end = patience(); clock_us() < end && !ok;) {
		struct source *third;
		unsigned tiles[3];

		room_step(r);
		if (due(&speak, 20000)) {
			for (int i = 0; i < 3; i++)
				endpoint_talk(e[i], i < 2 ? 440 : 0);
		}
		if (due(&show, 100000)) {
			for (int i = 0; i < 3; i++)
				endpoint_show(e[i], (uint8_t)(60 + 60 * i));
		}
		third = bordered(e[2], &tiles[2]);
		ok = bordered(e[0], &tiles[0]) == camera(e[1]) &&
		     bordered(e[1], &tiles[1]) == camera(e[0]) &&
		     (third == camera(e[0]) || third == camera(e[1])) &&
		     tiles[0] == 2 && tiles[1] == 2 && tiles[2] == 2;
	}
	assert_true(ok);
	for (int i = 0; i < 3; i++) {
		endpoint_hang_up(e[i]);
		endpoint_free(e[i]);
	}
}

static void wait_for_end(struct room *r, const struct endpoint *e)
{
	for (int64_t end = patience(); clock_us() < end && e->call->state != CALL_ENDED;)
		room_step(r);
	assert_int_equal(e->call->state, CALL_ENDED);
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

static unsigned id_of(const struct endpoint *e)
{
	return ((struct participant *)e->call->participant)->id;
}

/* One who was in another conference is heard and seen in this one, and there no
 * longer; with sound and picture, so that both change threads' hands. */
static void test_move(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, true, false), *b = endpoint_new(r, true, false);
	struct endpoint *plain = endpoint_new(r, false, false);
	struct call_refer there = { .uri = "sip:1000@x", .user = "1000", .host = "x", .ours = true };
	char error[256];
	unsigned id;

	endpoint_dial(a, "1000");
	endpoint_dial(b, "1001");
	endpoint_dial(plain, "1002");
	endpoint_connect(a);
	endpoint_connect(b);
	endpoint_connect(plain);
	id = id_of(b);
	json_decref(room_command(r, "transfer", json_pack("{s:i, s:s}", "participant", (int)id, "target",
						     "1000"), 0));
	assert_int_equal(id_of(b), id);
	hear_each_other(a, b);
	see_more(a, b, 10);
	/* Back and forth; a conference that nobody is left in ends. */
	for (int i = 0; i < 20; i++)
		json_decref(room_command(r, "transfer", json_pack("{s:i, s:s}", "participant", (int)id,
							     "target", i % 2 ? "1000" : "1001"), 0));
	hear_each_other(a, b);
	see_more(a, b, 10);
	assert_null(conference_find(r->controller, "1001"));
	/* Asked for by the phone itself; what it may not have it does not get. */
	assert_int_equal(call_refer(plain->call, &there), 202);
	assert_int_equal(plain->referred, 200);
	hear_each_other(a, plain);
	there.user = "7000";
	assert_int_equal(call_refer(plain->call, &there), 403);
	there.user = "600";
	assert_int_equal(call_refer(plain->call, &there), 603);
	there.ours = false;
	assert_int_equal(call_refer(plain->call, &there), 403);
	/* A full conference neither by moving nor by a call it would have us make; that
	 * the latter gets no further here is for want of a protocol to dial by. */
	endpoint_hang_up(b);
	endpoint_free(b);
	b = endpoint_new(r, false, false);
	endpoint_dial(b, "7001");
	endpoint_connect(b);
	there = (struct call_refer){ .user = "7001", .ours = true };
	assert_int_equal(call_refer(plain->call, &there), 486);
	there.user = "601";
	assert_int_equal(call_refer(a->call, &there), 503);
	assert_int_equal(call_refer(b->call, &there), 486);
	assert_int_equal(controller_dial(r->controller, "7001", "sip:x@127.0.0.1", &id, error,
					 sizeof(error)), -ENOSPC);
	assert_non_null(strstr(error, "the conference is full"));
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_hang_up(plain);
	endpoint_free(a);
	endpoint_free(b);
	endpoint_free(plain);
}

/* A call in the place of another: the number stays, the old call ends, and where
 * the new one is not let in nothing has happened. */
static void test_take_over(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, false, true), *b = endpoint_new(r, false, true);
	struct endpoint *plain = endpoint_new(r, false, false), *c = endpoint_new(r, false, true);
	unsigned id;

	endpoint_dial(a, "7000");
	endpoint_dial(b, "7000");
	endpoint_connect(a);
	endpoint_connect(b);
	id = id_of(a);
	json_decref(room_command(r, "mute", json_pack("{s:i, s:b}", "participant", (int)id, "speaker", 1), 0));
	plain->replaces = a->call;
	endpoint_dial(plain, "7000");
	assert_int_equal(plain->refused, 488);
	assert_int_equal(id_of(a), id);
	c->replaces = a->call;
	endpoint_dial(c, "600");
	assert_int_equal(c->refused, 0); /* the conference's own number does */
	endpoint_connect(c);
	assert_int_equal(id_of(c), id);
	for (int64_t end = patience(); clock_us() < end && a->call->state != CALL_ENDED;)
		room_step(r);
	assert_int_equal(a->call->state, CALL_ENDED);
	assert_true(((struct participant *)c->call->participant)->deaf);
	json_decref(room_command(r, "unmute", json_pack("{s:i, s:b}", "participant", (int)id, "speaker", 1),
			    0));
	hear_each_other(c, b);
	endpoint_hang_up(b);
	endpoint_hang_up(c);
	endpoint_free(a);
	endpoint_free(b);
	endpoint_free(c);
	endpoint_free(plain);
}

static void test_commands(void **state)
{
	struct room *r = *state;
	struct endpoint *e = endpoint_new(r, true, false);
	json_t *out, *row;
	int id;

	endpoint_dial(e, "1000");
	out = room_command(r, "participants", json_object(), 0);
	assert_int_equal(json_array_size(out), 1);
	row = json_array_get(out, 0);
	assert_string_equal(json_string_value(json_object_get(row, "audio")), "PCMU");
	assert_string_equal(json_string_value(json_object_get(row, "video")), "H264");
	assert_string_equal(json_string_value(json_object_get(row, "encryption")), "none");
	id = (int)json_integer_value(json_object_get(row, "id"));
	json_decref(out);
	json_decref(room_command(r, "conferences", json_object(), 0));
	json_decref(room_command(r, "calls", json_object(), 0));
	json_decref(room_command(r, "stats", json_object(), 0));
	out = room_command(r, "mute", json_pack("{s:i}", "participant", id), 0);
	assert_true(json_is_true(json_object_get(out, "muted")));
	json_decref(out);
	out = room_command(r, "unmute", json_pack("{s:i}", "participant", id), 0);
	assert_false(json_is_true(json_object_get(out, "muted")));
	json_decref(out);
	json_decref(room_command(r, "layout", json_pack("{s:s, s:s}", "conference", "1000", "layout",
						   "1+5"), 0));
	room_command(r, "layout", json_pack("{s:s, s:s}", "conference", "1000", "layout", "odd"), -EINVAL);
	out = room_command(r, "pin", json_pack("{s:i, s:s}", "participant", id, "place", "6"), 0);
	assert_string_equal(json_string_value(json_object_get(out, "place")), "6");
	json_decref(out);
	room_command(r, "pin", json_pack("{s:i, s:s}", "participant", id, "place", "7"), -ENOENT);
	room_command(r, "pin", json_pack("{s:i, s:s}", "participant", id, "place", "door"), -ENOENT);
	out = room_command(r, "message", json_pack("{s:s, s:s, s:i}", "to", "1000", "text",
					      "Ends\n in \xe2\x80\xae five\x1b[2J", "seconds", 1), 0);
	assert_string_equal(json_string_value(json_object_get(out, "text")), "Ends in five[2J");
	json_decref(out);
	out = room_command(r, "message", json_pack("{s:o, s:s}", "to", json_sprintf("%d", id), "text", "Hello"),
		      0);
	assert_int_equal(json_integer_value(json_object_get(out, "participant")), id);
	json_decref(out);
	json_decref(room_command(r, "message", json_pack("{s:s, s:s}", "to", "1000", "text", ""), 0));
	room_command(r, "message", json_pack("{s:s, s:s}", "to", "1000", "text", "\x01\x02"), -EINVAL);
	room_command(r, "message", json_pack("{s:s, s:s}", "to", "77", "text", "a"), -ENOENT);
	room_command(r, "message", json_pack("{s:s, s:s}", "to", "-1", "text", "a"), -ENOENT);
	room_command(r, "message", json_pack("{s:s, s:s, s:i}", "to", "1000", "text", "a", "seconds", 0),
		-EINVAL);
	json_decref(room_command(r, "unpin", json_pack("{s:i}", "participant", id), 0));
	room_command(r, "mute", json_pack("{s:i}", "participant", 12345), -ENOENT);
	room_command(r, "mute", json_pack("{s:s}", "participant", "one"), -EINVAL);
	room_command(r, "mute", json_object(), -EINVAL);
	room_command(r, "conferences", json_pack("{s:i}", "extra", 1), -EINVAL);
	room_command(r, "fly", json_object(), -EINVAL);
	out = room_command(r, "dialplan test", json_pack("{s:s}", "number", "1234"), 0);
	assert_string_equal(json_string_value(json_object_get(out, "target")), "1234");
	json_decref(out);
	json_decref(room_command(r, "kick", json_pack("{s:i}", "participant", id), 0));
	for (int64_t end = patience(); clock_us() < end && e->call->state != CALL_ENDED;)
		room_step(r);
	assert_int_equal(e->call->state, CALL_ENDED);
	out = room_command(r, "participants", json_object(), 0);
	assert_int_equal(json_array_size(out), 0);
	json_decref(out);
	endpoint_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_two_hear_each_other, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_encrypted, room_open, room_close),
		cmocka_unit_test(test_late_sound),
		cmocka_unit_test_setup_teardown(test_full_machine, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_see_each_other, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_one_picture_for_all, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_border, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_refusals, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_hold, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_delayed_offer, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_families, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_delayed_offer_family, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_delayed_offer_dtls, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_delayed_offer_ice, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_refresh, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_bundle_loses_its_head, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_keys_by_signalling, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_change_without_sockets, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_come_and_go, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_drain, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_move, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_take_over, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_commands, room_open, room_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
