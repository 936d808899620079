/* SPDX-License-Identifier: GPL-3.0-or-later
 * Name queries of Sofia's resolver, answered by the C library's.
 *
 * Sofia 1.12.11 loops for ever, on the thread that asks, when none of its name
 * servers can be reached: where connect() fails it marks a server as bad until the
 * end of time (SRES_TIME_MAX), adds ten seconds to that, and finds it good again.
 * So it is given one server that can always be reached, a socket of ours on
 * loopback, and threads here ask those of resolv.conf (read anew for each query),
 * within bounds. NAPTR and SRV go through as they are. Control thread. */
#ifndef BALAI_SIP_DNS_RELAY_H
#define BALAI_SIP_DNS_RELAY_H

struct dns_relay;

int dns_relay_new(struct dns_relay **out);
/* Waits for the queries under way, some seconds at most. */
struct dns_relay *dns_relay_free(struct dns_relay *self);

/* A file that says in the words of resolv.conf where the relay is; gone with it. */
const char *dns_relay_conf(const struct dns_relay *self);

#endif
