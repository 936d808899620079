/* SPDX-License-Identifier: GPL-3.0-or-later
 * What headers say about who calls and which way the call took: pure text, and
 * every byte of it foreign. P-Asserted-Identity and P-Preferred-Identity
 * (RFC 3325), Privacy (RFC 3323), Remote-Party-ID (a draft that old exchanges
 * speak), History-Info (RFC 7044), Diversion (RFC 5806), Session-ID (RFC 7989).
 * Whether the sender is to be believed is not decided here. Any thread. */
#ifndef BALAI_SIP_IDENTITY_H
#define BALAI_SIP_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

enum {
	IDENTITY_MAX_BYTES = 16384, /* of one header; more is not looked at */
	IDENTITY_MAX_ENTRIES = 64,  /* of all History-Info or Diversion headers */
	IDENTITY_USER = 128,
};

struct identity {
	bool found;              /* uri and name say who */
	bool anonymous;          /* who does not want to be shown */
	char uri[256];           /* "user@host" or a telephone number */
	char name[512];          /* display name as sent, may be empty */
	/* Numbers that sent the call on, empty when nobody did; by identity_finish. */
	char original[IDENTITY_USER]; /* that was dialled first */
	char diverted[IDENTITY_USER]; /* that sent it on last */
	unsigned dropped;        /* entries that could not be read, or too many */
	/* identity.c's own */
	int rank;                /* of the header that `uri` is from */
	bool telephone;          /* it is a tel URI: a SIP URI beside it is better */
	unsigned n_history, n_diversion;
	char history[3][IDENTITY_USER];   /* first, last but one, last; users change */
	char diversion[2][IDENTITY_USER]; /* first and last */
};

/* A header as it came, by its name; in the order they came in. Names of no
 * interest are passed over. `called`: the message is from who was called. */
void identity_add(struct identity *self, const char *name, const char *value, bool called);
/* After the last; `dialled`: the user part of the request URI. */
void identity_finish(struct identity *self, const char *dialled);

/* Session-ID's two halves, 32 lower-case hexadecimal digits each, or the empty
 * string: the sender's own and what it knows of ours. False: malformed. */
bool session_id_parse(const char *value, char own[33], char other[33]);

#endif
