/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who is registered where: bindings of accounts to addresses (RFC 3261 section
 * 10.3), with the flow each came by (as RFC 5626 means it) and the path of RFC
 * 3327. Pure, on clock_us; control thread. */
#ifndef BALAI_SIP_REGISTRAR_H
#define BALAI_SIP_REGISTRAR_H

#include "base/list.h"
#include "conf/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REGISTRAR_CONTACTS = 16 }; /* in one request */

/* One Contact of a REGISTER. */
struct registrar_contact {
	const char *uri;       /* without <>, at most 255 bytes */
	const char *instance;  /* +sip.instance, NULL: none */
	uint32_t reg_id;       /* RFC 5626, 0: none */
	int64_t expires_s;     /* its parameter, -1: none */
	unsigned q;            /* thousandths; 1000 when not said */
};

/* Where a REGISTER came from. Texts are borrowed. */
struct registrar_flow {
	enum conf_transport transport;
	const char *address;   /* numeric source */
	uint16_t port;
	const char *local;     /* numeric address of ours that it reached */
	bool direct;           /* no proxy between: the flow leads to the phone */
	const char *path;      /* the Path header, for Route; NULL: none */
	const char *agent;
};

struct registrar_request {
	const char *call_id;
	uint32_t cseq;
	bool all;              /* Contact: * */
	int64_t expires_s;     /* the Expires header, -1: none */
	const struct registrar_contact *contact;
	size_t n_contacts;
	struct registrar_flow flow;
};

struct registrar_limits {
	unsigned min_s, max_s, default_s; /* seconds a binding may last */
	unsigned max_bindings;            /* of one account */
};

struct binding {
	struct list link;
	char *account, *uri, *instance, *call_id, *path, *agent;
	uint32_t reg_id, cseq;
	unsigned q;
	enum conf_transport transport;
	char address[64], local[64];
	uint16_t port;
	bool direct;
	int64_t since_us, until_us;
};

struct registrar;

int registrar_new(struct registrar **out);
struct registrar *registrar_free(struct registrar *self);

/* Does what an authenticated request for `account` asks, all of it or nothing:
 * 200, or 400 ("*" beside something else), 403 (too many), 423 (too short), 500
 * (an older request, or no memory). */
int registrar_update(struct registrar *self, const char *account,
		     const struct registrar_request *request,
		     const struct registrar_limits *limits);

/* Those of the account that have not expired, one after the other, the one to
 * call first: highest q, then latest. `after` NULL: the first. */
const struct binding *registrar_next(struct registrar *self, const char *account,
				     const struct binding *after);
/* The same for all accounts, as they came. */
const struct binding *registrar_each(struct registrar *self, const struct binding *after);
/* Whole seconds that it still lasts. */
unsigned binding_left_s(const struct binding *binding);
/* Forgets what has expired, and accounts that `known` does not know (may be NULL). */
void registrar_sweep(struct registrar *self, bool (*known)(void *arg, const char *account),
		     void *arg);
unsigned registrar_count(const struct registrar *self);

#endif
