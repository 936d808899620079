/* SPDX-License-Identifier: GPL-3.0-or-later
 * Trunks: PBXs and proxies that we register with and call through, and where
 * addresses lead. ⟨sofia nua⟩ Control thread. */
#ifndef BALAI_SIP_UA_TRUNK_H
#define BALAI_SIP_UA_TRUNK_H

#include "sip/ua_priv.h"

struct binding;
struct trunk;

/* The way of a call out. */
struct route {
	struct stack *stack;
	char uri[512];       /* of the request */
	char shown[256];     /* "user@host" of To, and for people */
	char hop[300];       /* where it is sent instead, "" */
	char path[1100];     /* Route header, "" */
	char address[64];    /* numeric peer where it is known */
	enum conf_transport transport;
	char expected[256];  /* whose certificate it has to be, "": settled elsewhere */
	const struct binding *binding; /* of an account; until the registrar changes */
	struct trunk *trunk; /* NULL: none */
	unsigned host;       /* of the trunk */
	char from_user[72];  /* our number there, "": the caller's own */
	char from_host[264]; /* "": our address */
};

/* `uri` has its scheme. -ENOTCONN: an account that is not registered, or a
 * trunk none of whose hosts answers; -EHOSTUNREACH. */
int route_find(struct sip *self, struct route *out, const char *uri);
/* To one of an account's phones; -EHOSTUNREACH: where it registered nobody listens
 * any more. */
int route_binding(struct sip *self, struct route *out, const struct binding *binding);
/* The Contact header for a caller who is sent to `uri`: all phones of an account, with
 * their q. */
int route_redirect(struct sip *self, char *buf, size_t cap, const char *uri);

/* Makes the trunks of the configuration and lets go of those that are no longer
 * in it; at start and after each reload. */
void trunks_open(struct sip *self);
/* Takes back our registrations, and is true when there are some; trunks_free
 * later. */
bool trunks_stop(struct sip *self);
void trunks_free(struct sip *self);

struct trunk *trunk_find(struct sip *self, const char *name);
/* The trunk that has this numeric address, or NULL. */
struct trunk *trunk_of_source(struct sip *self, const char *address);
const char *trunk_name(const struct trunk *self);
/* For auth_answer. */
const char *trunk_key(const struct trunk *self);
/* By the first host that is not known to be down; user "": none. */
int trunk_route(struct trunk *self, struct route *out, const char *user);
/* A host did not take a call: 408, 503 or nothing at all. The next time another
 * one is tried; false: there is none. */
bool trunk_failed(struct trunk *self, unsigned host, int status);

/* An event of one of the trunks' own handles; true when it was. */
bool trunk_event(struct sip *self, nua_event_t event, int status, const char *phrase,
		 nua_handle_t *nh, const sip_t *sip);

void trunk_list(struct sip *self, void (*fn)(void *arg, const struct call_trunk *t), void *arg);

#endif
