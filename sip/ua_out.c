/* SPDX-License-Identifier: GPL-3.0-or-later
 * Requests of ours and what comes back: calls out, new offers, refreshes. */
#include "sip/ua_priv.h"

#include "base/log.h"
#include "sip/info.h"
#include "sip/sdp.h"
#include "sip/ua_auth.h"
#include "sip/ua_fork.h"
#include "sip/ua_trunk.h"
#include "sip/ua_verify.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/su_uniqueid.h>

/* ---- our offer inside a call ----------------------------------------------------------- */

void ours_send(struct dialog *d)
{
	if (!d->call || d->closing)
		return;
	/* RFC 3261 14.1: not while an INVITE of theirs has no ACK. */
	if (d->unacked) {
		d->ours = OURS_WAITING;
		return;
	}
	d->ours = OURS_SENT;
	nua_invite(d->nh, SIPTAG_CONTACT_STR(d->contact), SESSION_ID(d),
		   SIPTAG_CONTENT_TYPE_STR("application/sdp"),
		   SIPTAG_PAYLOAD_STR(d->local_sdp), TAG_END());
}

/* RFC 3261 14.1: who made the Call-ID waits 2.1 to 4 seconds, the other up to
 * 2, so that they do not meet again. */
static bool retry_later(struct dialog *d, int status, const sip_t *sip)
{
	const sip_retry_after_t *after = sip ? sip->sip_retry_after : NULL;
	int ms;

	if (status == 491)
		ms = d->call->outgoing ? su_randint(210, 400) * 10 : su_randint(0, 200) * 10;
	else if (status == 500 && after && after->af_delta <= 10)
		ms = (int)after->af_delta * 1000 + 10;
	else
		return false;
	if (++d->retries > MAX_RETRIES)
		return false;
	d->sip->stats.glare += status == 491;
	d->ours = OURS_WAITING;
	timer_set(d->retry_timer, ms * 1000LL);
	return true;
}

static void ours_refused(struct dialog *d)
{
	d->ours = OURS_NONE;
	dialog_settle(d, false);
	if (d->ours_refresh)
		d->call->ours_open = d->ours_refresh = false;
	else
		call_answered(d->call, NULL);
}

/* The 200 to our offer. */
static void ours_taken(struct dialog *d, const sip_t *sip)
{
	struct media_desc *answer = NULL;
	char *text = NULL;
	bool same;

	nua_ack(d->nh, SESSION_ID(d), TAG_END());
	refresh_schedule(d, sip, false);
	if (peer_desc(&answer, &text, sip) || !answer) {
		ours_refused(d);
	} else {
		/* A refresh that changed nothing is nobody's concern. */
		same = d->ours_refresh && text && d->remote_sdp && !strcmp(text, d->remote_sdp);
		d->ours = OURS_NONE;
		d->ours_refresh = false;
		dialog_settle(d, true);
		if (text) {
			free(d->remote_sdp);
			d->remote_sdp = text;
			text = NULL;
		}
		if (same)
			d->call->ours_open = false;
		else
			call_answered(d->call, answer);
	}
	free(text);
	media_desc_free(answer);
}

/* The answer to an INVITE without SDP, which is how Sofia refreshes when our own
 * refresh did not come first: their offer, which the ACK has to answer. */
static void refresh_answered(struct dialog *d, int status, const sip_t *sip)
{
	struct media_desc *offer = NULL;
	char *text = NULL;

	if (status >= 300) {
		if (status == 491)
			timer_set(d->refresh_timer, su_randint(210, 400) * 10000LL);
		return;
	}
	refresh_schedule(d, sip, false);
	if (d->call->offer_open || d->call->ours_open || peer_desc(&offer, &text, sip) || !offer) {
		nua_ack(d->nh, SESSION_ID(d), TAG_END());
		free(text);
	} else {
		free(d->remote_sdp);
		d->remote_sdp = text;
		d->offer_on = OFFER_ACK;
		call_updated(d->call, offer);
	}
	media_desc_free(offer);
}

static void re_invite_response(struct dialog *d, int status, const sip_t *sip)
{
	if (status < 200)
		return;
	if ((status == 401 || status == 407) &&
	    auth_answer(d->nh, d->auth_key, status, sip, &d->auth_tries))
		return;
	if (status < 300)
		d->auth_tries = 0;
	if (status == 401 || status == 407) {
		/* Sofia would wait for a password for ever. */
		nua_bye(d->nh, SESSION_ID(d), TAG_END());
		dialog_end_later(d, status, "a change inside the call asks for a password");
		return;
	}
	if (d->ours != OURS_SENT)
		refresh_answered(d, status, sip);
	else if (status < 300)
		ours_taken(d, sip);
	else if (!retry_later(d, status, sip))
		ours_refused(d);
}

/* ---- a call out --------------------------------------------------------------------------- */

/* RFC 3262 section 5: in a reliable response it is the answer. */
char *out_early_answer(const sip_t *sip)
{
	struct media_desc *answer;
	char *text;

	if (!sip->sip_rseq || peer_desc(&answer, &text, sip))
		return NULL;
	media_desc_free(answer);
	return text;
}

static void early_answer(struct dialog *d, const sip_t *sip)
{
	char *text = out_early_answer(sip);

	if (text) {
		free(d->early_answer);
		d->early_answer = text;
	}
}

static void picked_up(struct dialog *d, const sip_t *sip)
{
	struct media_desc *answer = NULL;
	char *text = NULL;
	int status = peer_desc(&answer, &text, sip);

	if (!status && !answer && d->early_answer &&
	    !sdp_desc_parse(&answer, d->early_answer, strlen(d->early_answer))) {
		text = d->early_answer;
		d->early_answer = NULL;
	}
	timer_cancel(d->retry_timer);
	fork_settle(d, true);
	nua_ack(d->nh, SESSION_ID(d), TAG_END());
	d->answered = d->connected = true;
	if (!answer) {
		nua_bye(d->nh, SESSION_ID(d), SIPTAG_REASON_STR("SIP;cause=488;text=\"No usable answer\""),
			TAG_END());
		dialog_end_later(d, 488, "no usable answer");
		goto out;
	}
	d->remote_sdp = text;
	text = NULL;
	refresh_schedule(d, sip, false);
	log_info("sip: call answered call=%s by=%s agent=\"%s\" dialog=%s", d->call->id,
		 d->call->remote_uri, d->call->user_agent, d->call_id);
	call_answered(d->call, answer);
	if (d->call && !d->closing)
		call_connected(d->call);
out:
	free(text);
	media_desc_free(answer);
}

static void first_response(struct dialog *d, int status, const char *phrase, const sip_t *sip)
{
	msg_t *msg = nua_current_request(d->stack->nua);
	const su_sockaddr_t *su = msg ? msg_addr(msg) : NULL;

	if ((status == 401 || status == 407) &&
	    auth_answer(d->nh, d->auth_key, status, sip, &d->auth_tries))
		return;
	if ((status == 408 || status == 503) && out_next_host(d, status))
		return;
	if (sip && su)
		su_inet_ntop(su->su_family, SU_ADDR(su), d->call->remote_address,
			     sizeof(d->call->remote_address));
	if (sip)
		peer_identity(d->call, sip, true);
	if (sip && status >= 180 && status < 300)
		identity_learn(d, sip, "SIP/2.0");
	if (status < 200) {
		if (sip)
			early_answer(d, sip);
	} else if (status < 300) {
		picked_up(d, sip);
	} else {
		bool waits = status == 401 || status == 407;

		/* Sofia's words, where there was nobody to ask. */
		if (status == 503 && phrase && !strcmp(phrase, "DNS Error"))
			phrase = "the host's name leads to no address, or no name server answers";
		if (fork_refused(d, &status, &phrase))
			return;
		dialog_end_now(d, status, phrase);
		if (waits) /* for a password, for ever */
			dialog_free(d);
	}
}

void out_invite(struct dialog *d, int status, const char *phrase, const sip_t *sip)
{
	if (!d->call || d->closing) {
		/* It was picked up while we gave up: RFC 3261 15. */
		if (status >= 200 && status < 300 && !d->connected) {
			d->connected = true;
			nua_ack(d->nh, SESSION_ID(d), TAG_END());
			nua_bye(d->nh, SESSION_ID(d), TAG_END());
		}
		return;
	}
	if (sip && sip->sip_status && status >= 180)
		peer_learn(d, sip);
	if (sip && sip->sip_status && sip->sip_to && !d->connected)
		dialog_tags(d, sip->sip_from->a_tag, sip->sip_to->a_tag);
	if (d->connected)
		re_invite_response(d, status, sip);
	else
		first_response(d, status, phrase, sip);
}

void out_update(struct dialog *d, int status, const sip_t *sip)
{
	(void)sip;
	if (!d->call || d->closing)
		return;
	if (status >= 200 && status < 300)
		d->sip->stats.session_refreshes++;
	else if (status == 491 || status == 500)
		timer_set(d->refresh_timer, su_randint(210, 400) * 10000LL);
}

void out_info(struct dialog *d, int status, const sip_t *sip)
{
	const sip_payload_t *pl = sip ? sip->sip_payload : NULL;
	struct info info;

	if (status < 200)
		return;
	d->key_waits = false;
	if (status >= 300)
		d->key_refused = true;
	else if (pl && !info_parse(&info, sip->sip_content_type ? sip->sip_content_type->c_type :
				   NULL, pl->pl_data, pl->pl_len) && info.kind == INFO_ERROR)
		d->key_refused = true;
}

/* ---- dialling --------------------------------------------------------------------------------- */

/* With a scheme, and without what could end a header or choose a method. */
int uri_clean(char *buf, size_t cap, const char *uri)
{
	bool scheme = !strncasecmp(uri, "sip:", 4) || !strncasecmp(uri, "sips:", 5);

	for (const char *p = uri; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 127 || strchr("<>\"\\", *p))
			return -EINVAL;
	if (strcasestr(uri, ";method="))
		return -EINVAL;
	return snprintf(buf, cap, "%s%.*s", scheme ? "" : "sip:", (int)strcspn(uri, "?"), uri) <
	       (int)cap ? 0 : -EINVAL;
}

enum conf_transport transport_of(const struct stack *s, const char *uri)
{
	if (s->tls)
		return CONF_TLS;
	return !s->udp_port || strcasestr(uri, ";transport=tcp") ? CONF_TCP : CONF_UDP;
}

/* A display name in quotes, nothing in it that ends them. */
static void display_of(char *buf, size_t cap, const char *name)
{
	size_t n = 0;

	for (; name && *name && n + 1 < cap; name++)
		if ((unsigned char)*name >= ' ' && *name != 127 && !strchr("\"\\", *name))
			buf[n++] = *name;
	buf[n] = 0;
}

static void call_id_make(char *buf, size_t cap)
{
	uint8_t random[16];
	size_t n = 0;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		su_randmem(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random) && n + 3 < cap; i++)
		n += (size_t)snprintf(buf + n, cap - n, "%02x", random[i]);
}

/* From is the Contact's address without its parameters, or ours at the trunk. */
nua_handle_t *out_handle(const struct route *r, const char *contact,
			 const char *from_name, const char *call_id)
{
	char from[900], to[300], name[128], user[220];
	nua_handle_t *nh;

	display_of(name, sizeof(name), from_name);
	if (r->from_host[0]) {
		uri_escape(user, sizeof(user), r->from_user);
		snprintf(from, sizeof(from), "\"%s\" <sip:%s%s%s>", name, user, *user ? "@" : "",
			 r->from_host);
	} else {
		snprintf(from, sizeof(from), "\"%s\" %.*s>", name, (int)strcspn(contact, ";>"),
			 contact);
	}
	/* From the handle's URL Sofia makes Request-URI; To is without parameters
	 * that are about the way only. */
	snprintf(to, sizeof(to), "<sip:%s>", r->shown);
	nh = nua_handle(r->stack->nua, NULL, NUTAG_URL(r->uri), SIPTAG_FROM_STR(from),
			SIPTAG_TO_STR(to), SIPTAG_CALL_ID_STR(call_id), TAG_END());
	if (nh && (r->hop[0] || r->path[0]))
		nua_set_hparams(nh, TAG_IF(r->hop[0], NUTAG_PROXY(r->hop)),
				TAG_IF(r->path[0], NUTAG_INITIAL_ROUTE_STR(r->path)), TAG_END());
	return nh;
}

void out_send(struct dialog *d, nua_handle_t *nh, const char *contact, const char *replaces,
	      const char *by)
{
	nua_invite(nh, SIPTAG_CONTACT_STR(contact), SESSION_ID(d),
		   TAG_IF(*replaces, SIPTAG_REPLACES_STR(replaces)),
		   TAG_IF(*by, SIPTAG_REFERRED_BY_STR(by)),
		   SIPTAG_CONTENT_TYPE_STR("application/sdp"),
		   SIPTAG_PAYLOAD_STR(d->local_sdp), TAG_END());
}

static void invite_send(struct dialog *d, const char *replaces, const char *by)
{
	out_send(d, d->nh, d->contact, replaces, by);
	d->first_wait = d->trunk != NULL;
	timer_set(d->retry_timer, (d->trunk ? FIRST_S : RING_S) * 1000000LL);
}

static void dialog_by_trunk(struct dialog *d, const struct route *r, const char *from_name)
{
	display_of(d->from_name, sizeof(d->from_name), from_name);
	d->trunk = r->trunk;
	if (!d->trunk)
		return;
	d->trunk_host = r->host;
	snprintf(d->auth_key, sizeof(d->auth_key), "%s", trunk_key(d->trunk));
	snprintf(d->call->trunk, sizeof(d->call->trunk), "%s", trunk_name(d->trunk));
}

bool out_is_silent(const struct dialog *d)
{
	char address[64];
	enum conf_transport transport;

	return d->call && d->call->state == CALL_DIALLING && d->trunk && !d->closing &&
	       trace_received_by(&d->trace, "SIP/2.0", &transport, address, sizeof(address));
}

/* As if it were dialled anew, with the Call-ID that the trace goes by. */
bool out_next_host(struct dialog *d, int status)
{
	char user[160];
	struct route r;
	nua_handle_t *nh;

	if (!d->trunk || d->call->state != CALL_DIALLING || !trunk_failed(d->trunk, d->trunk_host, status))
		return false;
	snprintf(user, sizeof(user), "%.*s", (int)strcspn(d->call->remote_uri, "@"),
		 d->call->remote_uri);
	text_unescape(user, sizeof(user), user, strlen(user));
	if (trunk_route(d->trunk, &r, user) || r.host == d->trunk_host || r.stack != d->stack)
		return false;
	nh = out_handle(&r, d->contact, d->from_name, d->call_id);
	if (!nh)
		return false;
	log_warning("sip: next host of the trunk call=%s trunk=%s status=%d to=%s", d->call->id,
		    trunk_name(d->trunk), status, r.uri);
	nua_handle_bind(d->nh, NULL);
	nua_handle_destroy(d->nh);
	d->nh = nh;
	nua_handle_bind(nh, (nua_hmagic_t *)d);
	d->trunk_host = r.host;
	d->auth_tries = 0;
	snprintf(d->call->remote_uri, sizeof(d->call->remote_uri), "%s", r.shown);
	invite_send(d, "", "");
	return true;
}

static int dial(void *arg, struct call **out, const char *uri, const char *from_user,
		const char *from_name, const struct media_desc *offer)
{
	struct sip *self = arg;
	char to[300], contact[512], id[40], replaces[3 * REPLACES_TEXT], by[512];
	struct route r;
	struct dialog *d;
	struct stack *s;
	nua_handle_t *nh;
	int err;

	if (self->state != SIP_RUNNING || self->n_dialogs >= MAX_DIALOGS)
		return -EBUSY;
	err = uri_clean(to, sizeof(to), uri);
	if (!err)
		err = uri_headers(uri, replaces, sizeof(replaces), by, sizeof(by));
	if (err)
		return err;
	err = route_find(self, &r, to);
	if (err)
		return err;
	s = r.stack;
	stack_contact(s, r.from_user[0] ? r.from_user : from_user ? from_user : "", r.transport,
		      contact, sizeof(contact));
	call_id_make(id, sizeof(id));
	nh = out_handle(&r, contact, from_name, id);
	if (!nh)
		return -EINVAL;
	d = dialog_new(s, nh, true, id);
	if (!d) {
		nua_handle_destroy(nh);
		return -ENOMEM;
	}
	snprintf(d->contact, sizeof(d->contact), "%s", contact);
	snprintf(d->call->local, sizeof(d->call->local), "%s", from_user ? from_user : "");
	snprintf(d->call->remote_uri, sizeof(d->call->remote_uri), "%s", r.shown);
	snprintf(d->call->local_address, sizeof(d->call->local_address), "%s", s->shown);
	d->call->transport = r.transport;
	dialog_by_trunk(d, &r, from_name);
	*out = d->call;
	if ((r.expected[0] && verify_peer_new(&d->expected, r.expected, 0, true, NULL)) ||
	    dialog_set_local(d, offer)) {
		d->dead = true;
		dialog_end_later(d, 500, "our offer could not be written");
		return 0;
	}
	self->stats.calls_out++;
	log_info("sip: calling call=%s to=%s dialog=%s session=%s", d->call->id, r.uri, id,
		 d->call->session_id);
	if (*replaces)
		d->trunk_host = UINT_MAX; /* another host does not know that call */
	invite_send(d, replaces, by);
	fork_start(d, &r, replaces, by);
	return 0;
}

static int local_address(void *arg, const char *uri, char *buf, size_t cap)
{
	char to[300];
	struct route r;
	int err = uri_clean(to, sizeof(to), uri);

	if (!err)
		err = route_find(arg, &r, to);
	if (err)
		return err;
	snprintf(buf, cap, "%s", r.stack->shown);
	return 0;
}

static void list_registrations(void *arg,
			       void (*fn)(void *fn_arg, const struct call_registration *r),
			       void *fn_arg)
{
	register_list(arg, fn, fn_arg);
}

static void list_trunks(void *arg, void (*fn)(void *fn_arg, const struct call_trunk *t),
			void *fn_arg)
{
	trunk_list(arg, fn, fn_arg);
}

void out_dialler(struct sip *self)
{
	call_center_add_dialler(self->center, &(struct call_dialler){
		.scheme = "sip", .dial = dial, .local_address = local_address,
		.registrations = list_registrations, .trunks = list_trunks, .arg = self });
}
