/* SPDX-License-Identifier: GPL-3.0-or-later
 * The SIP user agent (RFC 3261 and the extensions named in ua_*.c): dialogs
 * become calls of the call centre, SDP becomes media descriptions. Control
 * thread throughout. ⟨sofia nua⟩ is included by sip/ua*.c alone. */
#ifndef BALAI_SIP_UA_H
#define BALAI_SIP_UA_H

#include "base/loop.h"
#include "conf/config.h"
#include "mcu/mc/call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sip;

/* Opens the listeners of the configuration and registers the dialler "sip".
 * Holds the configuration; borrows the rest. A listener that cannot be opened
 * is logged and left out; -EADDRNOTAVAIL when none is left.
 *
 * "*" and "::" are all addresses of the machine at that moment, each with its
 * own socket, so that it is known which of them a peer reached. */
int sip_new(struct sip **out, struct loop *loop, struct call_center *center,
	    struct config *config);

/* Timers of what is started by sip_new from here on: RFC 3261 T1 in ms (0: 500)
 * and the shortest session of RFC 4028 in s (0: 90). Tests. */
void sip_set_timers(unsigned t1_ms, unsigned min_se_s);

/* Ends every call, then the stacks; `done(arg)` when the last has gone, after
 * two seconds at most for calls whose peer does not answer. Once. */
void sip_stop(struct sip *self, void (*done)(void *arg), void *arg);

/* After `done` of sip_stop, and not from a callback of the loop. */
struct sip *sip_free(struct sip *self);

/* For new calls from here on: limits, session timer, advertised address (in
 * Contact and SDP; the Via of a listener that was open keeps the old one).
 * Listeners that are new are opened; those no longer wanted stay until the
 * program ends (a warning says so). */
void sip_set_config(struct sip *self, struct config *config);

/* Asked for each OPTIONS: true answers 503, so that a proxy looks elsewhere. */
void sip_set_draining(struct sip *self, bool (*draining)(void *arg), void *arg);

/* What was opened, to print and to dial. */
struct sip_listener {
	enum conf_transport transport;
	char address[64];   /* numeric, without brackets */
	uint16_t port;      /* the real one */
	char uri[128];      /* "sip:192.0.2.1:5060;transport=tcp" */
};
size_t sip_listener_count(const struct sip *self);
const struct sip_listener *sip_listener_at(const struct sip *self, size_t i);

struct sip_stats {
	uint32_t dialogs;         /* now, those that wait for the end of a BYE too */
	uint32_t tls_connections; /* now, and closed in the last seconds */
	uint64_t calls_in, calls_out, refused_full;
	uint64_t bad_messages;    /* no SIP, or broken: dropped or 400 */
	uint64_t bad_bodies;      /* 400, 406, 415 */
	uint64_t stray;           /* requests without a dialog that was theirs */
	uint64_t info_unknown, glare, session_refreshes;
	unsigned registrations;   /* now */
	uint64_t registers_refused, passwords_wrong, passwords_replayed, passwords_blocked;
	uint64_t trace_dropped;   /* messages not kept for want of room */
};
void sip_stats(const struct sip *self, struct sip_stats *out);

#endif
