/* SPDX-License-Identifier: GPL-3.0-or-later
 * The user agent calls itself, over each transport: both sides of everything in
 * one process. What other programs see of it: tests/peer/sip_ua.py. */
#include "tests/unit/cmocka_head.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"
#include "sip/ua_verify.h"
#include "tests/flow/ua_room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char told[8192];

static void tell(void *arg, const char *line)
{
	size_t at = strlen(told);

	(void)arg;
	snprintf(told + at, sizeof(told) - at, "%s\n", line);
}

static unsigned times(const char *line)
{
	unsigned n = 0;

	for (const char *p = told; (p = strstr(p, line)) != NULL; p += strlen(line))
		n++;
	return n;
}

static struct ua_room *room_new(const struct ua_room_options *options)
{
	static const struct ua_room_options plain = { .address = "127.0.0.1" };
	struct ua_room *room = calloc(1, sizeof(*room));

	told[0] = 0;
	room->tell = tell;
	sip_set_timers(100, 0);
	assert_int_equal(ua_room_start(room, options ? options : &plain), 0);
	return room;
}

static void room_free(struct ua_room *room)
{
	ua_room_stop(room);
	free(room);
}

/* Until the line was told so often. The time is only how long a failure takes. */
static void until(struct ua_room *room, const char *line, unsigned n)
{
	int64_t end = clock_us() + 30000000;

	while (times(line) < n) {
		if (clock_us() > end)
			fail_msg("\"%s\" not %u times in:\n%s", line, n, told);
		loop_step(room->loop, 50);
	}
}

static void until_gone(struct ua_room *room)
{
	int64_t end = clock_us() + 30000000;
	struct sip_stats stats;

	do {
		loop_step(room->loop, 50);
		sip_stats(room->sip, &stats);
		if (clock_us() > end)
			fail_msg("%u dialogs are left", stats.dialogs);
	} while (stats.dialogs || call_center_count(room->center));
}

static const char *uri_of(struct ua_room *room, const char *user, enum conf_transport transport)
{
	static const char *const names[] = { "udp", "tcp", "tls" };
	static char uri[128];

	snprintf(uri, sizeof(uri), "sip:%s@127.0.0.1:%u;transport=%s", user,
		 ua_room_port(room, transport, false), names[transport]);
	return uri;
}

static struct call *dial(struct ua_room *room, const char *uri, const char *from)
{
	struct call *call = NULL;

	assert_int_equal(ua_room_dial(room, &call, uri, from), 0);
	assert_non_null(call);
	assert_int_equal(call->state, CALL_DIALLING);
	return call;
}

/* The other of the two calls. */
static struct call *other(struct ua_room *room, struct call *call)
{
	list_each(l, call_center_calls(room->center)) {
		struct call *c = list_entry(l, struct call, link);

		if (c != call)
			return c;
	}
	fail_msg("there is no other call");
	return NULL;
}

/* ---- tests --------------------------------------------------------------------------- */

static void test_call(void **state)
{
	struct ua_room *room = room_new(NULL);

	(void)state;
	for (int t = CONF_UDP; t <= CONF_TLS; t++) {
		struct call *call, *theirs;
		char by[8];

		told[0] = 0;
		snprintf(by, sizeof(by), " by=%s", t == CONF_UDP ? "udp" : t == CONF_TCP ? "tcp" : "tls");
		call = dial(room, uri_of(room, "answer", (enum conf_transport)t), "caller");
		until(room, "connected", 2);
		assert_int_equal(times(by), 1);
		assert_int_equal(times("name=\"The Room\""), 1);
		assert_int_equal(times(" at=127.0.0.1 "), 1);
		theirs = other(room, call);
		assert_string_equal(call->local_address, "127.0.0.1");
		assert_string_equal(call->remote_address, "127.0.0.1");
		assert_string_equal(theirs->remote_address, "127.0.0.1");
		assert_string_equal(theirs->user_agent, "Balai");
		assert_int_equal(theirs->transport, t);
		/* A change from each side, and a key frame each way. */
		assert_int_equal(ua_room_offer(room, call), 0);
		assert_int_equal(ua_room_offer(room, call), -EBUSY);
		until(room, "updated", 1);
		until(room, "answered", 2);
		assert_int_equal(ua_room_offer(room, theirs), 0);
		until(room, "updated", 2);
		until(room, "answered", 3);
		assert_int_equal(call_request_key(call, NULL), 0);
		until(room, "key wanted", 1);
		assert_int_equal(call_request_key(theirs, NULL), 0);
		until(room, "key wanted", 2);
		assert_int_equal(call_end(call, "done"), 0);
		assert_int_equal(call_end(call, "again"), -EALREADY);
		until(room, "ended 0", 2);
		until_gone(room);
	}
	room_free(room);
}

/* Both offer at once: each gets 491, waits its time, and is answered. */
/* A certificate that nobody vouches for. Sofia does not say that the handshake
 * failed, only that nobody answered. */
static void test_verify(void **state)
{
	static const struct ua_room_options options = { .address = "127.0.0.1", .verify = true };
	struct ua_room *room = room_new(&options);
	unsigned before = (unsigned)verify_refused();

	(void)state;
	dial(room, uri_of(room, "answer", CONF_TLS), "caller");
	until(room, "ended 408", 1);
	assert_int_equal(times("offered"), 0);
	assert_int_equal(verify_refused(), before + 1);
	until_gone(room);
	room_free(room);
}

static void test_glare(void **state)
{
	struct ua_room *room = room_new(NULL);
	struct call *call = dial(room, uri_of(room, "answer", CONF_UDP), "caller");
	struct sip_stats stats;

	(void)state;
	until(room, "connected", 2);
	told[0] = 0;
	assert_int_equal(ua_room_offer(room, call), 0);
	assert_int_equal(ua_room_offer(room, other(room, call)), 0);
	/* The side that waits longer may be overtaken by the other's offer: then
	 * its own is given back (-1). */
	until(room, "answered", 2);
	assert_true(times("updated") >= 1);
	sip_stats(room->sip, &stats);
	assert_true(stats.glare >= 1);
	call_end(call, "done");
	until_gone(room);
	room_free(room);
}

static void test_refused(void **state)
{
	static const struct { const char *user, *line; } row[] = {
		{ "404", "ended 404 Not Found" },
		{ "486", "ended 486 Busy Here" },
		{ "488", "ended 488 Not Acceptable Here" },
		{ "503", "ended 503 Service Unavailable" },
		{ "302", "ended 302 " },
	};
	struct ua_room *room = room_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		told[0] = 0;
		dial(room, uri_of(room, row[i].user, CONF_TCP), "caller");
		until(room, row[i].line, 2);
		until_gone(room);
	}
	room_free(room);
}

static void test_given_up(void **state)
{
	struct ua_room *room = room_new(NULL);
	struct call *call = dial(room, uri_of(room, "never", CONF_UDP), "caller");

	(void)state;
	until(room, "offered", 1);
	assert_int_equal(call_end(call, "changed my mind"), 0);
	until(room, "ended 0 changed my mind", 1);
	until(room, "ended 487", 1);
	until_gone(room);
	/* Before anything was sent, too. */
	told[0] = 0;
	call = dial(room, uri_of(room, "never", CONF_UDP), "caller");
	assert_int_equal(call_end(call, "at once"), 0);
	until(room, "ended 0 at once", 1);
	until_gone(room);
	room_free(room);
}

/* RFC 3261 18.1.1: what is too long for UDP goes by TCP, though UDP was asked. */
static void test_large(void **state)
{
	static const struct ua_room_options o = { .address = "127.0.0.1", .same_port = true };
	struct ua_room *room = room_new(&o);
	char uri[64];

	(void)state;
	snprintf(uri, sizeof(uri), "sip:answer@127.0.0.1:%u", ua_room_port(room, CONF_UDP, false));
	dial(room, uri, "large");
	until(room, "connected", 2);
	assert_int_equal(times(" by=tcp"), 1);
	room_free(room);
}

static void test_bad_uris(void **state)
{
	static const char *const row[] = {
		"sip:a@127.0.0.1\r\nX: y", "sip:a b@127.0.0.1", "sip:<a>@127.0.0.1",
		"sip:a@127.0.0.1?Subject=x", "sip:a@127.0.0.1;method=BYE", "sip:", "",
	};
	struct ua_room *room = room_new(NULL);
	struct call *call = NULL;
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (!ua_room_dial(room, &call, row[i], "caller"))
			fail_msg("dialled \"%s\"", row[i]);
	assert_null(call);
	/* Only loopback is open here. */
	assert_int_equal(ua_room_dial(room, &call, "sip:a@192.0.2.99", "caller"), -EHOSTUNREACH);
	assert_int_equal(ua_room_dial(room, &call, "h323:a", "caller"), -EPROTONOSUPPORT);
	assert_int_equal(call_center_local_address(room->center, "sip:a@127.0.0.1", buf,
						   sizeof(buf)), 0);
	assert_string_equal(buf, "127.0.0.1");
	assert_int_equal(call_center_local_address(room->center, "sip:a@localhost;transport=tls",
						   buf, sizeof(buf)), 0);
	assert_int_equal(room->offered, 0);
	room_free(room);
}

/* A new configuration: its limit holds for the next call, its new listener is
 * open, and what was open stays. */
static void test_reload(void **state)
{
	struct ua_room *room = room_new(NULL);
	size_t before = sip_listener_count(room->sip);
	struct conf_listen listen[] = {
		{ .transport = CONF_UDP, .address = (char []){ "127.0.0.1" },
		  .port = (uint16_t)ua_room_port(room, CONF_UDP, false) },
		{ .transport = CONF_UDP, .address = (char []){ "127.0.0.2" } },
	};
	struct config *config = ref_new(sizeof(*config), NULL);
	struct call *call;

	(void)state;
	*config = *room->config;
	config->network.listen = listen;
	config->network.n_listen = 2;
	log_set_level(LOG_LEVEL_ERROR);
	sip_set_config(room->sip, config);
	call_center_set_limit(room->center, 2);
	log_set_level(LOG_LEVEL_WARNING);
	assert_int_equal(sip_listener_count(room->sip), before + 1);
	assert_string_equal(sip_listener_at(room->sip, before)->address, "127.0.0.2");
	call = dial(room, uri_of(room, "answer", CONF_UDP), "caller");
	until(room, "connected", 2);
	dial(room, uri_of(room, "answer", CONF_UDP), "caller");
	until(room, "ended 503", 1);
	call_end(call, "done");
	until(room, "ended 0", 2);
	/* TCP is in the new file no more, but still open. */
	call = dial(room, uri_of(room, "answer", CONF_TCP), "caller");
	until(room, "connected", 4);
	call_end(call, "done");
	until_gone(room);
	room_free(room);
	ref_drop(config);
}

/* Stopped with calls in every state: each ends once, nothing is left. */
static void test_stop(void **state)
{
	struct ua_room *room = room_new(NULL);

	(void)state;
	dial(room, uri_of(room, "answer", CONF_UDP), "caller");
	dial(room, uri_of(room, "answer", CONF_TLS), "caller");
	until(room, "connected", 4);
	dial(room, uri_of(room, "never", CONF_TCP), "caller");
	until(room, "offered", 3);
	dial(room, uri_of(room, "slow", CONF_TCP), "caller");
	ua_room_stop(room);
	assert_int_equal(room->ended, room->offered + 4);
	free(room);
}

static void test_nothing_to_open(void **state)
{
	static const struct ua_room_options o = { .address = "192.0.2.77" };
	struct ua_room room = { .tell = tell };

	(void)state;
	log_set_level(LOG_LEVEL_ERROR - 1);
	assert_int_equal(ua_room_start(&room, &o), -EADDRNOTAVAIL);
	log_set_level(LOG_LEVEL_WARNING);
	call_center_free(room.center);
	ref_drop(room.config);
	loop_free(room.loop);
}

static int teardown(void **state)
{
	(void)state;
	return ref_live() ? -1 : 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_call, teardown),
		cmocka_unit_test_teardown(test_verify, teardown),
		cmocka_unit_test_teardown(test_glare, teardown),
		cmocka_unit_test_teardown(test_refused, teardown),
		cmocka_unit_test_teardown(test_given_up, teardown),
		cmocka_unit_test_teardown(test_large, teardown),
		cmocka_unit_test_teardown(test_bad_uris, teardown),
		cmocka_unit_test_teardown(test_reload, teardown),
		cmocka_unit_test_teardown(test_stop, teardown),
		cmocka_unit_test_teardown(test_nothing_to_open, teardown),
	};

	log_set_level(LOG_LEVEL_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
