/* SPDX-License-Identifier: GPL-3.0-or-later
 * Requests that arrive: INVITE and re-INVITE, ACK, UPDATE, INFO, OPTIONS. */
#include "sip/ua_priv.h"

#include "base/log.h"
#include "sip/info.h"
#include "sip/sdp.h"
#include "sip/ua_auth.h"
#include "sip/ua_trunk.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/su_uniqueid.h>

#define ACCEPT_SDP "application/sdp, multipart/mixed"
#define ACCEPT_INFO "application/dtmf-relay, application/dtmf, " \
		    "application/vnd.nortelnetworks.digits, application/media_control+xml"

static const char *phrase_of(int status)
{
	const char *phrase = sip_status_phrase(status);

	return phrase ? phrase : "Refused";
}

/* ---- a new call ------------------------------------------------------------------------ */

static void refuse_new(struct stack *stack, nua_handle_t *nh, int status,
		       const char *retry_after)
{
	struct sip *self = stack->sip;

	if (status == 503)
		self->stats.refused_full++;
	else
		self->stats.bad_bodies++;
	nua_respond(nh, status, phrase_of(status),
		    TAG_IF(status == 415, SIPTAG_ACCEPT_STR(ACCEPT_SDP)),
		    TAG_IF(status == 415, SIPTAG_ACCEPT_ENCODING_STR("identity")),
		    TAG_IF(retry_after, SIPTAG_RETRY_AFTER_STR(retry_after)),
		    TAG_END());
	nua_handle_destroy(nh);
}

static bool is_full(const struct sip *self, bool replaces)
{
	return self->state != SIP_RUNNING || self->n_dialogs >= MAX_DIALOGS ||
	       call_center_full_to(self->center, replaces);
}

/* The address behind the transport, not what the Via claims. */
static void source_of(struct dialog *d, const sip_t *sip)
{
	struct call *call = d->call;
	msg_t *msg = nua_current_request(d->stack->nua);
	const su_sockaddr_t *su = msg ? msg_addr(msg) : NULL;
	const char *via = sip->sip_via && sip->sip_via->v_protocol ? sip->sip_via->v_protocol : "";

	if (!trace_received_by(&d->trace, "INVITE", &call->transport, call->remote_address,
			       sizeof(call->remote_address)))
		return;
	call->transport = d->stack->tls ? CONF_TLS :
			  d->stack->tcp_port && strcasestr(via, "/tcp") ? CONF_TCP : CONF_UDP;
	if (su)
		su_inet_ntop(su->su_family, SU_ADDR(su), call->remote_address,
			     sizeof(call->remote_address));
}

static bool is_private(const char *host)
{
	struct in_addr in;
	uint32_t a;

	if (inet_pton(AF_INET, host, &in) != 1)
		return false;
	a = ntohl(in.s_addr);
	return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 22 == 0x191 ||
	       a >> 16 == 0xa9fe;
}

/* A phone behind NAT gives a Contact that only its own network can reach: what
 * we send goes to where its requests come from. Not through a proxy (more than
 * one Via, or Record-Route), which knows the way itself. */
static void behind_nat(struct dialog *d, const sip_t *sip)
{
	const sip_via_t *via = sip->sip_via;
	const char *host = sip->sip_contact ? sip->sip_contact->m_url->url_host : NULL;
	const char *from = d->call->remote_address;
	msg_t *msg = nua_current_request(d->stack->nua);
	const su_sockaddr_t *su = msg ? msg_addr(msg) : NULL;
	char proxy[128];

	if (!host || !via || via->v_next || sip->sip_record_route || !su ||
	    !is_private(host) || !strcmp(host, from))
		return;
	snprintf(proxy, sizeof(proxy), "sip:%s%s%s:%u;lr;transport=%s",
		 strchr(from, ':') ? "[" : "", from, strchr(from, ':') ? "]" : "",
		 ntohs(su->su_port), d->call->transport == CONF_TLS ? "tls" :
		 d->call->transport == CONF_TCP ? "tcp" : "udp");
	nua_set_hparams(d->nh, NUTAG_PROXY(proxy), TAG_END());
	log_info("sip: peer behind NAT call=%s contact=%s source=%s", d->call->id, host, from);
}

/* Credentials that come with an INVITE are judged; whether there have to be
 * some is for the dial plan to say. False: it was refused. */
static bool caller_proves(struct stack *stack, nua_handle_t *nh, const sip_t *sip,
			  char *account, size_t cap)
{
	msg_t *msg = nua_current_request(stack->nua);
	const su_sockaddr_t *su = msg ? msg_addr(msg) : NULL;
	char address[64] = "";

	if (!sip->sip_authorization || !stack->sip->config->accounts.n_account)
		return true;
	if (su)
		su_inet_ntop(su->su_family, SU_ADDR(su), address, sizeof(address));
	if (!auth_refuse(stack, nh, auth_check(stack, sip, address, account, cap), address))
		return true;
	nua_handle_destroy(nh);
	return false;
}

static void new_call(struct stack *stack, nua_handle_t *nh, const sip_t *sip)
{
	struct sip *self = stack->sip;
	struct call *replaces = NULL;
	struct media_desc *offer = NULL;
	const url_t *target = sip->sip_request->rq_url;
	char *text = NULL, account[CONF_ACCOUNT] = "";
	struct trunk *trunk;
	struct dialog *d;
	int status;

	status = replaces_of(self, sip, &replaces);
	if (is_full(self, replaces != NULL)) {
		refuse_new(stack, nh, 503, "30");
		return;
	}
	/* RFC 3261 19.1.1: no headers in a request URI. */
	if (target->url_headers)
		status = 400;
	if (!status)
		status = peer_desc(&offer, &text, sip);
	if (status) {
		refuse_new(stack, nh, status, NULL);
		return;
	}
	if (!caller_proves(stack, nh, sip, account, sizeof(account)))
		goto out;
	d = dialog_new(stack, nh, false, sip->sip_call_id->i_id);
	if (!d) {
		refuse_new(stack, nh, 500, NULL);
		goto out;
	}
	self->stats.calls_in++;
	d->remote_sdp = text;
	text = NULL;
	if (target->url_user)
		text_unescape(d->call->local, sizeof(d->call->local), target->url_user,
			      strlen(target->url_user));
	peer_identity(d->call, sip, false);
	source_of(d, sip);
	snprintf(d->call->account, sizeof(d->call->account), "%s", account);
	trunk = trunk_of_source(self, d->call->remote_address);
	if (trunk) {
		d->trunk = trunk;
		snprintf(d->call->trunk, sizeof(d->call->trunk), "%s", trunk_name(trunk));
		snprintf(d->auth_key, sizeof(d->auth_key), "%s", trunk_key(trunk));
	}
	snprintf(d->call->local_address, sizeof(d->call->local_address), "%s", stack->shown);
	peer_learn(d, sip);
	identity_learn(d, sip, "INVITE");
	if (sip->sip_to && sip->sip_to->a_url->url_host)
		d->host = strdup(sip->sip_to->a_url->url_host);
	d->host_port = sip->sip_to && sip->sip_to->a_url->url_port ?
		       (unsigned)atoi(sip->sip_to->a_url->url_port) : 0;
	refresh_schedule(d, sip, true);
	timer_cancel(d->refresh_timer); /* starts with the ACK */
	behind_nat(d, sip);
	stack_contact(stack, d->call->local, d->call->transport, d->contact, sizeof(d->contact));
	d->offer_on = OFFER_INVITE;
	log_info("sip: call offered call=%s from=%s to=%s source=%s agent=\"%s\" dialog=%s session=%s;%s%s%s",
		 d->call->id, d->call->remote_uri, d->call->local, d->call->remote_address,
		 d->call->user_agent, d->call_id, d->call->session_id, d->call->remote_session_id,
		 replaces ? " replaces=" : "", replaces ? replaces->id : "");
	d->call->replaces = replaces;
	call_offered(d->call, offer);
	if (d->call)
		d->call->replaces = NULL;
out:
	media_desc_free(offer);
	free(text);
}

/* ---- a change inside a call --------------------------------------------------------------- */

static void refuse_change(struct dialog *d, bool update, int status, const char *retry_after)
{
	if (status == 491)
		d->sip->stats.glare++;
	else if (status != 500)
		d->sip->stats.bad_bodies++;
	nua_respond(d->nh, status, phrase_of(status),
		    TAG_IF(update, NUTAG_WITH_CURRENT(d->stack->nua)),
		    TAG_IF(status == 415, SIPTAG_ACCEPT_STR(ACCEPT_SDP)),
		    TAG_IF(retry_after, SIPTAG_RETRY_AFTER_STR(retry_after)),
		    SESSION_ID(d), TAG_END());
}

/* Hands their new offer on. One of ours that waits to be repeated gives way:
 * both sides waiting for each other would be worse. */
static void changed(struct dialog *d, enum offer_on on, const struct media_desc *offer, char *text)
{
	struct call *call = d->call;

	if (d->ours == OURS_WAITING) {
		d->ours = OURS_NONE;
		timer_cancel(d->retry_timer);
		dialog_settle(d, false);
		if (d->ours_refresh)
			call->ours_open = d->ours_refresh = false;
		else
			call_answered(call, NULL);
	}
	if (text) {
		free(d->remote_sdp);
		d->remote_sdp = text;
	}
	d->offer_on = on;
	call_updated(call, offer);
}

/* An offer of ours has no answer yet: in an INVITE, or in a 200 to one of theirs. */
static bool ours_flies(const struct dialog *d)
{
	return d->ours == OURS_SENT || (d->call->ours_open && d->ours != OURS_WAITING);
}

static void re_invite(struct dialog *d, const sip_t *sip)
{
	struct media_desc *offer = NULL;
	char *text = NULL;
	int status;

	if (!d->call || d->closing) {
		nua_respond(d->nh, SIP_481_NO_CALL, SESSION_ID(d), TAG_END());
		return;
	}
	peer_learn(d, sip);
	status = ours_flies(d) ? 491 : d->call->offer_open || !d->connected ? 500 :
		 peer_desc(&offer, &text, sip);
	if (status) {
		refuse_change(d, false, status, status == 500 ? "3" : NULL);
		return;
	}
	identity_learn(d, sip, "INVITE");
	refresh_schedule(d, sip, true);
	changed(d, OFFER_INVITE, offer, text);
	media_desc_free(offer);
}

void in_invite(struct stack *stack, nua_handle_t *nh, struct dialog *d, const sip_t *sip)
{
	if (d)
		re_invite(d, sip);
	else
		new_call(stack, nh, sip);
}

void in_update(struct dialog *d, const sip_t *sip)
{
	struct media_desc *offer = NULL;
	char *text = NULL, wait[16];
	int status;

	if (!d->call || d->closing) {
		nua_respond(d->nh, SIP_481_NO_CALL, NUTAG_WITH_CURRENT(d->stack->nua),
			    SESSION_ID(d), TAG_END());
		return;
	}
	peer_learn(d, sip);
	status = peer_desc(&offer, &text, sip);
	/* RFC 3311 5.2: 491 when ours is open, 500 when theirs is. An UPDATE
	 * without SDP refreshes the session and disturbs nothing. */
	if (!status && offer && ours_flies(d))
		status = 491;
	if (!status && offer && (d->call->offer_open || !d->connected))
		status = 500;
	if (status) {
		snprintf(wait, sizeof(wait), "%d", su_randint(0, 10));
		refuse_change(d, true, status, status == 500 ? wait : NULL);
		media_desc_free(offer);
		free(text);
		return;
	}
	if (d->connected)
		identity_learn(d, sip, "UPDATE");
	refresh_schedule(d, sip, true);
	if (!offer) {
		nua_respond(d->nh, SIP_200_OK, NUTAG_WITH_CURRENT(d->stack->nua),
			    SIPTAG_CONTACT_STR(d->contact), SESSION_ID(d), TAG_END());
		return;
	}
	nua_destroy_event(d->update);
	nua_save_event(d->stack->nua, d->update);
	changed(d, OFFER_UPDATE, offer, text);
	media_desc_free(offer);
}

/* ---- ACK ------------------------------------------------------------------------------------ */

/* The answer to our offer in a 200. False: there is none to work with. */
static bool ack_answer(struct dialog *d, const sip_t *sip)
{
	struct media_desc *answer = NULL;
	char *text = NULL;
	int status = peer_desc(&answer, &text, sip);

	if (status || !answer) {
		free(text);
		/* Some refresh by a re-INVITE without SDP and let our offer be. */
		dialog_settle(d, false);
		if (d->connected && !status)
			call_answered(d->call, NULL);
		return d->connected && !status;
	}
	free(d->remote_sdp);
	d->remote_sdp = text;
	dialog_settle(d, true);
	call_answered(d->call, answer);
	media_desc_free(answer);
	return true;
}

void in_ack(struct dialog *d, const sip_t *sip)
{
	d->unacked = false;
	if (sip && sip->sip_to && sip->sip_from)
		dialog_tags(d, sip->sip_to->a_tag, sip->sip_from->a_tag);
	if (d->bye_on_ack) {
		d->bye_on_ack = false;
		nua_bye(d->nh, SESSION_ID(d), TAG_END());
		return;
	}
	if (!d->call || d->closing)
		return;
	if (d->call->ours_open && d->ours == OURS_NONE && !ack_answer(d, sip)) {
		nua_bye(d->nh, SESSION_ID(d), SIPTAG_REASON_STR("SIP;cause=488;text=\"No usable answer\""),
			TAG_END());
		dialog_end_later(d, 488, "no usable answer in the ACK");
		return;
	}
	if (d->closing)
		return;
	if (d->refresh_us)
		timer_set(d->refresh_timer, d->refresh_us);
	if (!d->connected) {
		d->connected = true;
		call_connected(d->call);
	}
	/* An offer of ours that was made before this ACK. */
	if (d->call && d->ours == OURS_WAITING && !d->retries)
		ours_send(d);
}

/* ---- INFO, OPTIONS ------------------------------------------------------------------------------ */

void in_info(struct stack *stack, nua_handle_t *nh, struct dialog *d, const sip_t *sip)
{
	const sip_payload_t *pl = sip->sip_payload;
	struct info info;
	int err;

	if (!d || !d->call || d->closing) {
		stack->sip->stats.stray++;
		nua_respond(nh, SIP_481_NO_CALL, NUTAG_WITH_CURRENT(stack->nua), TAG_END());
		if (!d)
			nua_handle_destroy(nh);
		return;
	}
	err = info_parse(&info, sip->sip_content_type ? sip->sip_content_type->c_type : NULL,
			 pl ? pl->pl_data : NULL, pl ? pl->pl_len : 0);
	if (err) {
		int status = err == -ENOTSUP ? 415 : 400;

		stack->sip->stats.info_unknown++;
		nua_respond(nh, status, phrase_of(status), NUTAG_WITH_CURRENT(stack->nua),
			    TAG_IF(status == 415, SIPTAG_ACCEPT_STR(ACCEPT_INFO)), SESSION_ID(d),
			    TAG_END());
		return;
	}
	nua_respond(nh, SIP_200_OK, NUTAG_WITH_CURRENT(stack->nua), SESSION_ID(d), TAG_END());
	if (info.kind == INFO_KEY_FRAME)
		call_key_wanted(d->call);
	else if (info.kind == INFO_ERROR)
		d->key_refused = true;
	else if (info.kind == INFO_DTMF)
		for (const char *k = info.keys; *k && d->call && !d->closing; k++)
			call_dtmf(d->call, *k);
}

void in_options(struct stack *stack, nua_handle_t *nh, struct dialog *d, const sip_t *sip)
{
	struct sip *self = stack->sip;
	bool busy = !d && (is_full(self, false) || (self->draining && self->draining(self->draining_arg)));
	char contact[512];

	(void)sip;
	stack_contact(stack, "", stack->tls ? CONF_TLS : stack->udp_port ? CONF_UDP : CONF_TCP,
		      contact, sizeof(contact));
	/* RFC 3261 11.2: as an INVITE would be answered. */
	if (busy)
		nua_respond(nh, SIP_503_SERVICE_UNAVAILABLE, NUTAG_WITH_CURRENT(stack->nua),
			    SIPTAG_RETRY_AFTER_STR("30"), TAG_END());
	else
		nua_respond(nh, SIP_200_OK, NUTAG_WITH_CURRENT(stack->nua),
			    TAG_IF(!d, SIPTAG_CONTACT_STR(contact)),
			    TAG_IF(d && d->session_header[0],
				   SIPTAG_HEADER_STR(d ? d->session_header : NULL)),
			    SIPTAG_ACCEPT_STR(ACCEPT_SDP ", " ACCEPT_INFO),
			    SIPTAG_ACCEPT_ENCODING_STR("identity"),
			    SIPTAG_ACCEPT_LANGUAGE_STR("en"), TAG_END());
	if (!d)
		nua_handle_destroy(nh);
}
