/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who calls, as far as it can be believed, and the name that a session has from
 * end to end (Session-ID, RFC 7989). What is found in the headers: identity.h. */
#include "sip/ua_priv.h"

#include "base/log.h"
#include "sip/identity.h"
#include "sip/ua_trunk.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_extra.h>
#include <sofia-sip/sip_header.h>

/* ---- Session-ID -------------------------------------------------------------------
 * In all that is ours to write. What Sofia writes by itself has none, and no place to put
 * one: 100, the 200 to BYE, CANCEL and PRACK, 487, and the ACK to a refusal. */

static void session_write(struct dialog *d)
{
	static const char nil[] = "00000000000000000000000000000000";
	const struct call *call = d->call;

	snprintf(d->session_header, sizeof(d->session_header), "Session-ID: %s;remote=%s",
		 call->session_id, call->remote_session_id[0] ? call->remote_session_id : nil);
}

/* A UUID of version 4 (RFC 4122 section 4.4), without its dashes. */
void session_start(struct dialog *d)
{
	uint8_t u[16];

	if (getrandom(u, sizeof(u), 0) != sizeof(u))
		return; /* none is better than one that is not unique */
	u[6] = (uint8_t)(0x40 | (u[6] & 0x0f));
	u[8] = (uint8_t)(0x80 | (u[8] & 0x3f));
	for (unsigned i = 0; i < sizeof(u); i++)
		snprintf(d->call->session_id + 2 * i, 3, "%02x", u[i]);
	session_write(d);
}

void session_forget(struct dialog *d)
{
	d->call->remote_session_id[0] = 0;
	if (d->call->session_id[0])
		session_write(d);
}

void session_learn(struct dialog *d, const sip_t *sip)
{
	static const char zero[] = "00000000000000000000000000000000";
	char own[33], other[33];

	for (const msg_unknown_t *u = sip->sip_unknown; u; u = u->un_next) {
		if (!u->un_name || strcasecmp(u->un_name, "Session-ID") || !u->un_value)
			continue;
		if (session_id_parse(u->un_value, own, other) && strcmp(own, zero) &&
		    strcmp(own, d->call->remote_session_id)) {
			snprintf(d->call->remote_session_id, sizeof(d->call->remote_session_id),
				 "%s", own);
			if (d->call->session_id[0])
				session_write(d);
		}
		return;
	}
}

/* ---- who ---------------------------------------------------------------------------- */

static void collect(struct identity *out, const sip_t *sip, bool called)
{
	for (const msg_unknown_t *u = sip->sip_unknown; u; u = u->un_next)
		if (u->un_name && u->un_value)
			identity_add(out, u->un_name, u->un_value, called);
	if (sip->sip_privacy)
		for (const msg_param_t *p = sip->sip_privacy->priv_values; p && *p; p++)
			identity_add(out, "Privacy", *p, called);
}

/* The sender of just this message: whoever sent the first one may be another. A
 * trunk's hosts are trusted as such. */
static bool sender_trusted(const struct dialog *d, const char *method)
{
	enum conf_transport transport;
	char address[64];

	if (trace_received_by(&d->trace, method, &transport, address, sizeof(address)))
		snprintf(address, sizeof(address), "%s", d->call->remote_address);
	return config_trusts(d->sip->config, address) || trunk_of_source(d->sip, address);
}

/* False: it says nothing about who. */
static bool take(struct dialog *d, const struct identity *id)
{
	struct call *call = d->call;

	if (id->found) {
		snprintf(call->remote_uri, sizeof(call->remote_uri), "%s", id->uri);
		snprintf(call->remote_name, sizeof(call->remote_name), "%s", id->name);
		d->asserted = true;
	}
	/* The exchange knows who it is, others are not to (RFC 3323 section 4.2). */
	if (id->anonymous)
		snprintf(call->remote_name, sizeof(call->remote_name), "Anonymous");
	return id->found || id->anonymous;
}

static void way(struct dialog *d, struct identity *id)
{
	struct call *call = d->call;

	identity_finish(id, call->local);
	memcpy(call->original, id->original, sizeof(call->original));
	memcpy(call->diverted, id->diverted, sizeof(call->diverted));
	if (call->original[0])
		log_info("sip: call was sent on call=%s original=\"%s\" by=\"%s\"", call->id,
			 call->original, call->diverted);
}

void identity_learn(struct dialog *d, const sip_t *sip, const char *method)
{
	struct call *call = d->call;
	bool called = !sip->sip_request, first = !d->connected;
	struct identity *id = calloc(1, sizeof(*id));
	char uri[sizeof(call->remote_uri)], name[sizeof(call->remote_name)];

	if (!id)
		return;
	memcpy(uri, call->remote_uri, sizeof(uri));
	memcpy(name, call->remote_name, sizeof(name));
	if (sender_trusted(d, method)) {
		collect(id, sip, called);
		if (first && !called)
			way(d, id);
		/* RFC 4916: where nothing is asserted, From may have changed. */
		if (!take(d, id) && !called && !d->asserted && !first)
			peer_identity(call, sip, false);
	} else if (!called && !d->asserted && !first) {
		peer_identity(call, sip, false);
	}
	if (id->dropped)
		log_debug("sip: identity headers not understood call=%s n=%u", call->id, id->dropped);
	free(id);
	if (first || (!strcmp(uri, call->remote_uri) && !strcmp(name, call->remote_name)))
		return;
	log_info("sip: peer is now call=%s uri=%s before=%s", call->id, call->remote_uri, uri);
	call_renamed(call);
}
