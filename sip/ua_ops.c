/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the MC can ask of a SIP call: the operations of call.h. */
#include "sip/ua_priv.h"

#include "base/log.h"
#include "sip/info.h"
#include "sip/sdp.h"
#include "sip/ua_auth.h"
#include "sip/ua_fork.h"
#include "sip/ua_trunk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/url.h>

#define TYPE_SDP "application/sdp"

static struct dialog *dialog_of(struct call *call)
{
	struct dialog *d = (struct dialog *)call->protocol_data;

	return d && !d->closing ? d : NULL;
}

/* ---- our descriptions ------------------------------------------------------------------ */

static char *sdp_text(struct media_desc *desc, const char *address)
{
	char *buf = malloc(SDP_MAX_BYTES), *text = NULL;
	int len;

	if (!buf)
		return NULL;
	len = sdp_desc_write(desc, address, buf, SDP_MAX_BYTES);
	if (len >= 0)
		text = strndup(buf, (size_t)len);
	free(buf);
	return text;
}

/* RFC 3264 section 8: the version grows by one when, and only when, something
 * changes. */
int dialog_set_local(struct dialog *d, const struct media_desc *ours)
{
	struct media_desc *desc = media_desc_new();
	char *text;

	if (!desc)
		return -ENOMEM;
	*desc = *ours;
	desc->session_id = d->session_id;
	desc->session_version = d->local_sdp ? d->local_version : d->session_id;
	text = sdp_text(desc, d->call->local_address);
	if (text && d->local_sdp && strcmp(text, d->local_sdp)) {
		free(text);
		/* A refused offer had a number too. */
		desc->session_version = d->session_version + 1;
		text = sdp_text(desc, d->call->local_address);
	}
	if (text) {
		d->local_version = desc->session_version;
		if (d->session_version < d->local_version)
			d->session_version = d->local_version;
		free(d->local_sdp);
		d->local_sdp = text;
	}
	media_desc_free(desc);
	return text ? 0 : -ENOSPC;
}

int dialog_propose(struct dialog *d, const struct media_desc *ours)
{
	char *kept = d->local_sdp ? strdup(d->local_sdp) : NULL;
	uint64_t version = d->local_version;
	int err = d->local_sdp && !kept ? -ENOMEM : dialog_set_local(d, ours);

	if (err) {
		free(kept);
		return err;
	}
	free(d->kept_sdp);
	d->kept_sdp = kept;
	d->kept_version = version;
	return 0;
}

void dialog_settle(struct dialog *d, bool taken)
{
	if (d->kept_sdp && !taken) {
		free(d->local_sdp);
		d->local_sdp = d->kept_sdp;
		d->local_version = d->kept_version;
	} else {
		free(d->kept_sdp);
	}
	d->kept_sdp = NULL;
}

/* A text that goes between quotes in a header. */
static void quote(char *buf, size_t cap, const char *text)
{
	size_t n = 0;

	for (; *text && n + 3 < cap; text++) {
		if (*text == '"' || *text == '\\')
			buf[n++] = '\\';
		buf[n++] = (unsigned char)*text < ' ' || *text == 127 ? ' ' : *text;
	}
	buf[n] = 0;
}

/* ---- answer and refuse --------------------------------------------------------------------- */

static int op_answer(struct call *call, const struct media_desc *ours)
{
	struct dialog *d = dialog_of(call);
	enum offer_on on;
	int err;

	if (!d)
		return -EALREADY;
	err = call->delayed ? dialog_propose(d, ours) : dialog_set_local(d, ours);
	if (err)
		return err;
	on = d->offer_on;
	d->offer_on = OFFER_NONE;
	switch (on) {
	case OFFER_INVITE:
		d->answered = d->unacked = true;
		nua_respond(d->nh, SIP_200_OK,
			    SIPTAG_CONTACT_STR(d->contact), SESSION_ID(d),
			    SIPTAG_CONTENT_TYPE_STR(TYPE_SDP),
			    SIPTAG_PAYLOAD_STR(d->local_sdp), TAG_END());
		return 0;
	case OFFER_UPDATE:
		nua_respond(d->nh, SIP_200_OK, NUTAG_WITH_SAVED(d->update),
			    SIPTAG_CONTACT_STR(d->contact), SESSION_ID(d),
			    SIPTAG_CONTENT_TYPE_STR(TYPE_SDP),
			    SIPTAG_PAYLOAD_STR(d->local_sdp), TAG_END());
		return 0;
	case OFFER_ACK:
		nua_ack(d->nh, SESSION_ID(d), SIPTAG_CONTENT_TYPE_STR(TYPE_SDP),
			SIPTAG_PAYLOAD_STR(d->local_sdp), TAG_END());
		return 0;
	default:
		return -EINVAL;
	}
}

static int op_refuse(struct call *call, int status, const char *reason, const char *warning,
		     unsigned retry_after)
{
	struct dialog *d = dialog_of(call);
	char text[160], header[256], wait[16];
	struct auth_challenge ask = { .n = 0 };
	enum offer_on on;

	if (!d)
		return -EALREADY;
	on = d->offer_on;
	d->offer_on = OFFER_NONE;
	quote(d->phrase, sizeof(d->phrase), reason && *reason ? reason :
	      sip_status_phrase(status) ? sip_status_phrase(status) : "Refused");
	quote(text, sizeof(text), warning ? warning : "");
	/* RFC 3261 20.43: 305 incompatible media format, 399 anything else. */
	snprintf(header, sizeof(header), "%d %s%s%s \"%s\"", status == 488 || status == 606 ? 305 : 399,
		 strchr(d->stack->shown, ':') ? "[" : "", d->stack->shown,
		 strchr(d->stack->shown, ':') ? "]" : "", text);
	snprintf(wait, sizeof(wait), "%u", retry_after);
	if (on == OFFER_NONE)
		return -EINVAL;
	if (on == OFFER_ACK) {
		/* It came in a 200: there is no way to refuse it but to leave. */
		nua_ack(d->nh, SESSION_ID(d), TAG_END());
		nua_bye(d->nh, SESSION_ID(d), TAG_END());
		dialog_end_later(d, status, reason);
		return 0;
	}
	if (status == 401)
		auth_challenge_make(d->sip, &ask, false);
	nua_respond(d->nh, status, d->phrase, AUTH_CHALLENGE_TAGS(&ask),
		    TAG_IF(on == OFFER_UPDATE, NUTAG_WITH_SAVED(d->update)),
		    TAG_IF(warning && *warning, SIPTAG_WARNING_STR(header)),
		    TAG_IF(retry_after, SIPTAG_RETRY_AFTER_STR(wait)),
		    TAG_IF(status == 415, SIPTAG_ACCEPT_STR(TYPE_SDP)), SESSION_ID(d), TAG_END());
	if (!d->answered && !call->outgoing) {
		d->dead = true; /* nothing follows a refusal */
		dialog_end_later(d, status, d->phrase);
	}
	return 0;
}

static int op_redirect(struct call *call, const char *uri)
{
	struct dialog *d = dialog_of(call);
	char contact[4096], full[512];
	bool scheme = !strncmp(uri, "sip:", 4) || !strncmp(uri, "sips:", 5) ||
		      !strncmp(uri, "h323:", 5) || !strncmp(uri, "tel:", 4);
	int err;

	if (!d || d->offer_on != OFFER_INVITE || d->answered)
		return -EINVAL;
	if (snprintf(full, sizeof(full), "%s%s", scheme ? "" : "sip:", uri) >= (int)sizeof(full))
		return -EINVAL;
	err = route_redirect(d->sip, contact, sizeof(contact), full);
	if (err == -ENOTCONN)
		return op_refuse(call, 480, "Not registered", NULL, 0);
	if (err)
		return err;
	d->offer_on = OFFER_NONE;
	nua_respond(d->nh, SIP_302_MOVED_TEMPORARILY, SIPTAG_CONTACT_STR(contact), SESSION_ID(d),
		    TAG_END());
	d->dead = true;
	dialog_end_later(d, 302, "sent elsewhere");
	return 0;
}

/* ---- end -------------------------------------------------------------------------------------- */

static int op_end(struct call *call, const char *reason)
{
	struct dialog *d = dialog_of(call);
	char text[100], header[160];

	if (!d)
		return -EALREADY;
	quote(text, sizeof(text), reason ? reason : "");
	snprintf(header, sizeof(header), "SIP;cause=200;text=\"%s\"", text);
	if (call->state == CALL_DIALLING) {
		nua_cancel(d->nh, SESSION_ID(d), TAG_END());
		fork_settle(d, false);
	} else if (!d->answered && !call->outgoing) {
		nua_respond(d->nh, SIP_480_TEMPORARILY_UNAVAILABLE,
			    TAG_IF(*text, SIPTAG_REASON_STR(header)), SESSION_ID(d),
			TAG_END());
		d->dead = true;
	} else if (!d->connected && d->unacked) {
		d->bye_on_ack = true;
	} else {
		nua_bye(d->nh, TAG_IF(*text, SIPTAG_REASON_STR(header)), SESSION_ID(d),
			TAG_END());
	}
	dialog_end_later(d, 0, reason);
	return 0;
}

/* ---- our own requests ---------------------------------------------------------------------------- */

static int op_offer(struct call *call, const struct media_desc *ours)
{
	struct dialog *d = dialog_of(call);
	int err;

	if (!d)
		return -EALREADY;
	err = dialog_propose(d, ours);
	if (err)
		return err;
	d->retries = 0;
	d->ours_refresh = false;
	ours_send(d);
	return 0;
}

/* One at a time, and none after an error: a peer that cannot do it would be
 * asked twice a second for the whole call. */
static int op_request_key(struct call *call, const struct desc_line *line)
{
	struct dialog *d = dialog_of(call);
	char body[512];

	(void)line;
	if (!d)
		return -EALREADY;
	if (d->key_refused || !d->peer_info)
		return -ENOTSUP;
	if (d->key_waits)
		return 0;
	if (info_key_frame(body, sizeof(body), call->key_stream_id))
		return -ENOSPC;
	d->key_waits = true;
	nua_info(d->nh, SESSION_ID(d), SIPTAG_CONTENT_TYPE_STR(info_media_control_type),
		 SIPTAG_PAYLOAD_STR(body), TAG_END());
	return 0;
}

static int op_trace(struct call *call, FILE *out)
{
	struct dialog *d = (struct dialog *)call->protocol_data;

	return d ? trace_write(&d->trace, out) : -ENOENT;
}

static unsigned op_messages(struct call *call, unsigned first,
			    void (*fn)(void *arg, const struct call_message *message), void *arg)
{
	struct dialog *d = (struct dialog *)call->protocol_data;

	return d ? trace_each(&d->trace, first, fn, arg) : first;
}

const struct call_ops dialog_ops = {
	.protocol = "sip",
	.answer = op_answer,
	.refuse = op_refuse,
	.end = op_end,
	.offer = op_offer,
	.request_key = op_request_key,
	.redirect = op_redirect,
	.transfer = op_transfer,
	.refer_progress = op_refer_progress,
	.trace = op_trace,
	.messages = op_messages,
};
