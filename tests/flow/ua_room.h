/* SPDX-License-Identifier: GPL-3.0-or-later
 * A SIP user agent with an MC of a few lines behind it: what was dialled says
 * how it behaves, and every event is told. For tests of sip/ua. */
#ifndef BALAI_TESTS_FLOW_UA_ROOM_H
#define BALAI_TESTS_FLOW_UA_ROOM_H

#include "base/loop.h"
#include "conf/config.h"
#include "mcu/mc/call.h"
#include "sip/ua.h"

/* Dialled, up to the first '-':
 *   answer    answers at once
 *   slow      answers after 300 ms
 *   never     does not answer
 *   404 …     refuses with that code (503: Retry-After 7, 488: a Warning)
 *   302       sends to sip:elsewhere@example.org
 *   hangup    answers, ends the call once it is connected
 *   reoffer   answers, sends an offer of its own once connected
 *   key       answers, asks for a key frame once connected, and twice more
 *   later     answers; answers changes after 300 ms
 *   keep      answers; refuses changes with 488
 *   unfit     ends the call on the first answer
 *   large     offers all it can: a request that is too long for UDP
 * A call out behaves by its from_user. */
struct ua_room {
	struct loop *loop;
	struct config *config;
	struct call_center *center;
	struct sip *sip;
	/* Told one line without line end for each event. */
	void (*tell)(void *arg, const char *line);
	void *arg;
	bool draining, stopped;
	unsigned offered, answered, connected, updated, ended;
};

struct ua_room_options {
	const char *address;     /* "127.0.0.1", NULL: all */
	bool ipv6;               /* and "::1" */
	bool same_port;          /* UDP and TCP of one number */
	unsigned max_calls, session_expires_s;
	const char *advertised;
	bool verify;             /* TLS servers; ours has a certificate of its own making */
};

int ua_room_start(struct ua_room *self, const struct ua_room_options *options);
/* Runs the loop until all is gone; then frees. */
void ua_room_stop(struct ua_room *self);
/* An offer of its own (-EBUSY … as call_offer). */
int ua_room_offer(struct ua_room *self, struct call *call);
int ua_room_dial(struct ua_room *self, struct call **out, const char *uri, const char *from_user);
/* The port of the first listener of that transport. */
unsigned ua_room_port(const struct ua_room *self, enum conf_transport transport, bool ipv6);

#endif
