/* SPDX-License-Identifier: GPL-3.0-or-later
 * See capture.h. Media comes from the taps of the call's transports; messages
 * are looked for a few times a second, and so are transports that came later. */
#include "mcu/mc/capture.h"

#include "base/clock.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	LOOK_US = 200000,
	LINGER_US = 1000000,  /* after the call: the last packets of its media */
	SIP_PORT = 5060,      /* readers know by it what a packet is */
};

struct capture {
	struct list link;
	struct controller *controller;
	struct call *call;    /* borrowed; NULL: has ended */
	char id[64];          /* of the call */
	struct tap *tap;
	struct timer *timer;
	int64_t until_us;
	unsigned next_message;
};

static void set_taps(const struct capture *c, struct tap *tap)
{
	const struct participant *p = c->call ? c->call->participant : NULL;

	for (unsigned i = 0; p && i < DESC_MAX_LINES; i++) {
		if (p->leg[i])
			leg_set_tap(p->leg[i], tap);
	}
}

static void capture_free(struct capture *c)
{
	struct tap_stats s = { 0 };

	set_taps(c, NULL);
	if (c->tap) {
		tap_stats(c->tap, &s);
		log_info("capture ended call=%s packets=%llu bytes=%llu dropped=%llu error=\"%s\"",
			 c->id, (unsigned long long)s.packets, (unsigned long long)s.bytes,
			 (unsigned long long)s.dropped, s.error ? strerror(-s.error) : "");
	}
	tap_end(c->tap);
	timer_free(c->timer);
	list_del(&c->link);
	free(c);
}

/* ---- messages ------------------------------------------------------------------- */

static int parse_address(struct sockaddr_storage *out, const char *text, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		out->ss_family = AF_INET;
		v4->sin_port = htons(port);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		out->ss_family = AF_INET6;
		v6->sin6_port = htons(port);
		return 0;
	}
	return -EINVAL;
}

/* "m=audio 4000 RTP/SAVP 0" becomes "m=audio 4000 RTP/AVP 0 ". */
static void plain_profile(char *line, char *end)
{
	static const char *const secure[] = { "UDP/TLS/RTP/SAVP", "RTP/SAVP" };

	for (size_t i = 0; i < 2; i++) {
		size_t len = strlen(secure[i]), tail;
		char *at = memmem(line, (size_t)(end - line), secure[i], len);

		if (!at)
			continue;
		tail = (size_t)(end - (at + len));
		memcpy(at, "RTP/AVP", 7);
		memmove(at + 7, at + len, tail);
		memset(at + 7 + tail, ' ', len - 7);
		return;
	}
}

/* The file holds media that is not encrypted, and readers take its description
 * at its word: without this they would look for keys and cut off what they take
 * for authentication tags. Lengths stay. `trace` shows what really was said. */
static void describe_plain(char *text, size_t len)
{
	char *end = text + len;

	for (char *p = text; p < end;) {
		char *eol = memchr(p, '\n', (size_t)(end - p)), *stop = eol ? eol : end;

		if (stop > p && stop[-1] == '\r')
			stop--;
		if (stop - p > 2 && !memcmp(p, "m=", 2))
			plain_profile(p, stop);
		else if (stop - p > 9 && !strncasecmp(p, "a=crypto:", 9))
			memcpy(p, "a=hidden:", 9);
		p = eol ? eol + 1 : end;
	}
}

static void on_message(void *arg, const struct call_message *m)
{
	struct capture *c = arg;
	struct sockaddr_storage here, peer;
	char *text;

	if (parse_address(&peer, m->peer, m->peer_port))
		return;
	text = malloc(m->len + 1);
	if (!text)
		return;
	memcpy(text, m->text, m->len);
	describe_plain(text, m->len);
	tap_local(c->tap, SIP_PORT, &here);
	tap_packet(c->tap, false, m->sent ? &here : &peer, m->sent ? &peer : &here, m->wall_us,
		   (const uint8_t *)text, m->len);
	free(text);
}

static void look(struct capture *c)
{
	if (!c->call)
		return;
	if (c->call->ops->messages)
		c->next_message = c->call->ops->messages(c->call, c->next_message, on_message, c);
	set_taps(c, c->tap);
}

/* ---- time ------------------------------------------------------------------------- */

static void on_timer(void *arg)
{
	struct capture *c = arg;
	struct tap_stats s;

	if (tap_done(c->tap)) {
		capture_free(c);
		return;
	}
	look(c);
	tap_stats(c->tap, &s);
	/* Its thread ends soon after it was told; it is not waited for here. */
	if (clock_us() >= c->until_us || s.error) {
		set_taps(c, NULL);
		tap_stop(c->tap);
	}
	timer_set(c->timer, LOOK_US);
}

/* ---- begin and end ------------------------------------------------------------------ */

static const char *address_of(const struct call *call)
{
	const struct participant *p = call->participant;

	return p && *p->local ? p->local : call->local_address;
}

int capture_start(struct controller *controller, struct call *call, int fd, unsigned seconds)
{
	const struct tap_limits limits = { CAPTURE_BYTES,
					   clock_wall_us() + (int64_t)seconds * 1000000 };
	struct capture *c;
	int err;

	list_each(l, &controller->captures) {
		if (list_entry(l, struct capture, link)->call == call)
			return -EALREADY;
	}
	if (list_count(&controller->captures) >= CAPTURES_MAX)
		return -EBUSY;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	list_init(&c->link);
	c->controller = controller;
	c->call = call;
	c->until_us = clock_us() + (int64_t)seconds * 1000000;
	memcpy(c->id, call->id, sizeof(c->id));
	err = timer_new(&c->timer, controller->parts.loop, on_timer, c);
	if (!err)
		err = tap_new(&c->tap, fd, address_of(call), &limits);
	if (err) {
		c->call = NULL;
		capture_free(c);
		return err;
	}
	list_add(&controller->captures, &c->link);
	log_info("capture begun call=%s seconds=%u", c->id, seconds);
	look(c);
	timer_set(c->timer, LOOK_US);
	return 0;
}

void capture_call_ended(struct controller *controller, struct call *call)
{
	list_each(l, &controller->captures) {
		struct capture *c = list_entry(l, struct capture, link);
		int64_t until = clock_us() + LINGER_US;

		if (c->call != call)
			continue;
		look(c);
		c->call = NULL;
		if (until < c->until_us)
			c->until_us = until;
	}
}

void capture_end_all(struct controller *controller)
{
	list_each_safe(l, &controller->captures)
		capture_free(list_entry(l, struct capture, link));
}
