/* SPDX-License-Identifier: GPL-3.0-or-later
 * Transfers (RFC 3515), both ways, inside calls only: a REFER outside of one is
 * refused, since nobody would know who asks. Sofia keeps the subscriptions that
 * a REFER makes; what they report is ours. */
#include "sip/ua_priv.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/sip_extra.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>

enum {
	REPORT_S = 180,  /* what a report of ours may take: longer than it rings */
	OUTCOME_S = 120, /* what the peer has to say how it ended */
};

struct refer {
	/* theirs */
	bool busy, subscribed, answering;
	char event[40];
	int status;          /* to be reported once the REFER has its answer */
	char reason[80];
	/* ours */
	bool asked, accepted;
	struct timer *timer;
};

static struct refer *refer_of(struct dialog *d)
{
	if (!d->refer)
		d->refer = calloc(1, sizeof(*d->refer));
	return d->refer;
}

void refer_free(struct dialog *d)
{
	if (d->refer)
		timer_free(d->refer->timer);
	free(d->refer);
	d->refer = NULL;
}

/* ---- theirs: what they want --------------------------------------------------------- */

static const char *unbracketed(const char *host, char *buf, size_t cap)
{
	if (*host != '[')
		return host;
	snprintf(buf, cap, "%.*s", (int)strcspn(host + 1, "]"), host + 1);
	return buf;
}

/* Whether the address leads back to us: one of our sockets, or the name by which
 * the peer found us, whose port people leave out. */
static bool is_ours(const struct dialog *d, const url_t *url)
{
	char buf[64];
	const char *host = unbracketed(url->url_host, buf, sizeof(buf));
	unsigned port = url->url_port ? (unsigned)atoi(url->url_port) :
			url->url_type == url_sips ? 5061 : 5060;

	if (d->host && !strcasecmp(url->url_host, d->host) &&
	    (!url->url_port || port == d->host_port))
		return true;
	for (size_t i = 0; i < d->sip->n_stacks; i++) {
		const struct stack *s = d->sip->stack[i];

		if ((!strcasecmp(host, s->address) || !strcasecmp(host, s->shown)) &&
		    (port == s->udp_port || port == s->tcp_port))
			return true;
	}
	return false;
}

/* What they want, as the MC takes it; 0 or the status to refuse with, none that
 * would end the call as well (RFC 5057 section 5.1). The target
 * keeps its way (transport) and, of the headers that its URI may bring along,
 * Replaces alone: a stranger's headers in a request of ours are nobody's need. */
static int target_of(struct dialog *d, const sip_t *sip, struct call_refer *out, char *uri,
		     size_t cap, char *user, size_t user_cap)
{
	const sip_refer_to_t *r = sip->sip_refer_to;
	const url_t *url = r ? r->r_url : NULL;
	struct replaces replaces;
	char header[3 * REPLACES_TEXT];
	const char *transport;
	int err = -ENOENT;

	if (!url || r->r_next)
		return 400;
	if (url->url_type != url_sip && url->url_type != url_sips)
		return 403;
	if (!url->url_host || !*url->url_host)
		return 400;
	if (url->url_params && url_has_param(url, "method") && !strcasestr(url->url_params, "method=INVITE"))
		return 403;
	if (url->url_headers)
		err = replaces_of_uri(&replaces, url->url_headers, strlen(url->url_headers));
	if (err && err != -ENOENT)
		return 400;
	transport = url->url_params ? strcasestr(url->url_params, "transport=") : NULL;
	if (snprintf(uri, cap, "%s:%s%s%s%s%s%s%.*s", url->url_type == url_sips ? "sips" : "sip",
		     url->url_user ? url->url_user : "", url->url_user ? "@" : "", url->url_host,
		     url->url_port ? ":" : "", url->url_port ? url->url_port : "",
		     transport ? ";" : "", transport ? (int)strcspn(transport, ";") : 0,
		     transport ? transport : "") >= (int)cap)
		return 403;
	if (!err && !replaces_write(&replaces, header, sizeof(header)))
		call_uri_header(uri, cap, "Replaces", header);
	text_unescape(user, user_cap, url->url_user ? url->url_user : "",
		      url->url_user ? strlen(url->url_user) : 0);
	*out = (struct call_refer){ .uri = uri, .user = user, .host = url->url_host,
				    .ours = is_ours(d, url), .replaces = !err };
	return 0;
}

/* ---- theirs: how far it is -------------------------------------------------------------- */

static void report(struct dialog *d, int status, const char *reason)
{
	bool last = status >= 200;
	char body[120];

	if (!d->refer->subscribed)
		return;
	snprintf(body, sizeof(body), "SIP/2.0 %d %s\r\n", status, reason);
	nua_notify(d->nh, SIPTAG_EVENT_STR(d->refer->event),
		   SIPTAG_SUBSCRIPTION_STATE_STR(last ? "terminated;reason=noresource" :
						 "active;expires=180"),
		   NUTAG_SUBSTATE(last ? nua_substate_terminated : nua_substate_active),
		   SIPTAG_CONTENT_TYPE_STR("message/sipfrag;version=2.0"),
		   SESSION_ID(d), SIPTAG_PAYLOAD_STR(body), TAG_END());
}

void op_refer_progress(struct call *call, int status, const char *reason)
{
	struct dialog *d = (struct dialog *)call->protocol_data;
	struct refer *r = d ? d->refer : NULL;
	char clean[80];
	size_t n = 0;

	if (!r || !r->busy || d->closing)
		return;
	for (; reason && *reason && n + 1 < sizeof(clean); reason++)
		clean[n++] = *reason >= ' ' && *reason < 0x7f ? *reason : '?';
	clean[n] = '\0';
	if (r->answering) {
		r->status = status;
		memcpy(r->reason, clean, sizeof(clean));
		return;
	}
	report(d, status, clean);
	if (status >= 200) {
		log_info("sip: transfer asked for ended call=%s status=%d", call->id, status);
		r->busy = r->subscribed = false;
	}
}

static void refuse(struct stack *stack, nua_handle_t *nh, int status)
{
	const char *phrase = sip_status_phrase(status);

	nua_respond(nh, status, phrase ? phrase : "Refused", NUTAG_WITH_CURRENT(stack->nua),
		    TAG_END());
}

static void accept_refer(struct dialog *d, const sip_t *sip, const sip_event_t *event)
{
	struct refer *r = d->refer;
	const sip_refer_sub_t *sub = sip_refer_sub(sip);
	bool silent = sub && sub->rs_value && !strcasecmp(sub->rs_value, "false");

	/* RFC 4488: no reports are wanted, and the answer says that none come. */
	r->subscribed = !silent;
	snprintf(r->event, sizeof(r->event), "refer%s%.20s", event && event->o_id ? ";id=" : "",
		 event && event->o_id ? event->o_id : "");
	nua_respond(d->nh, SIP_202_ACCEPTED, NUTAG_WITH_CURRENT(d->stack->nua),
		    SIPTAG_CONTACT_STR(d->contact), SESSION_ID(d),
		    TAG_IF(silent, SIPTAG_REFER_SUB_STR("false")), TAG_END());
	report(d, 100, "Trying");
	r->answering = false;
	if (r->status)
		op_refer_progress(d->call, r->status, r->reason);
}

void in_refer(struct stack *stack, nua_handle_t *nh, struct dialog *d, const sip_t *sip,
	      const sip_event_t *event)
{
	char uri[800], user[256];
	struct call_refer want;
	struct refer *r;
	int status;

	if (!d) {
		stack->sip->stats.stray++;
		refuse(stack, nh, 403);
		nua_handle_destroy(nh);
		return;
	}
	r = refer_of(d);
	status = !d->call || d->closing || !d->connected ? 481 : !r ? 500 : r->busy ? 491 :
		 target_of(d, sip, &want, uri, sizeof(uri), user, sizeof(user));
	if (status) {
		refuse(stack, nh, status);
		return;
	}
	*r = (struct refer){ .busy = true, .answering = true, .asked = r->asked,
			     .accepted = r->accepted, .timer = r->timer };
	log_info("sip: transfer asked for call=%s to=%.200s%s", d->call->id, want.uri,
		 want.ours ? " here=yes" : "");
	status = call_refer(d->call, &want);
	if (status != 202) {
		log_info("sip: transfer refused call=%s status=%d", d->call->id, status);
		r->busy = r->answering = false;
		refuse(stack, nh, status);
		return;
	}
	accept_refer(d, sip, event);
}

/* They want no more of it, or are gone. */
void out_notify(struct dialog *d, int status)
{
	if (status >= 300 && d->refer)
		d->refer->subscribed = false;
}

/* ---- ours --------------------------------------------------------------------------------- */

static void outcome(struct dialog *d, int status, const char *reason)
{
	struct refer *r = d->refer;

	if (!r || !r->asked || !d->call || d->closing)
		return;
	if (status >= 200) {
		r->asked = r->accepted = false;
		timer_cancel(r->timer);
		log_info("sip: transfer ended call=%s status=%d reason=\"%s\"", d->call->id, status,
			 reason);
	}
	call_transferred(d->call, status, reason);
}

static void on_timer(void *arg)
{
	outcome(arg, 408, "No report of the transfer");
}

int op_transfer(struct call *call, const char *uri)
{
	struct dialog *d = (struct dialog *)call->protocol_data;
	char to[300], refer_to[320], by[600];
	struct refer *r;
	int err = uri_clean(to, sizeof(to), uri);

	if (err)
		return err;
	if (!d || d->closing)
		return -EALREADY;
	r = refer_of(d);
	if (!r || (!r->timer && timer_new(&r->timer, d->sip->loop, on_timer, d)))
		return -ENOMEM;
	if (r->asked)
		return -EBUSY;
	r->asked = true;
	r->accepted = false;
	snprintf(refer_to, sizeof(refer_to), "<%s>", to);
	/* RFC 3892: who asks is the address this call knows us by. */
	snprintf(by, sizeof(by), "%.*s>", (int)strcspn(d->contact, ";>"), d->contact);
	nua_refer(d->nh, SIPTAG_REFER_TO_STR(refer_to), SIPTAG_REFERRED_BY_STR(by),
		  SIPTAG_CONTACT_STR(d->contact), SESSION_ID(d), TAG_END());
	timer_set(r->timer, OUTCOME_S * 1000000LL);
	log_info("sip: transfer call=%s to=%s", call->id, to);
	return 0;
}

void out_refer(struct dialog *d, int status, const char *phrase, const sip_t *sip)
{
	const sip_refer_sub_t *sub = sip ? sip_refer_sub(sip) : NULL;

	if (!d->refer || !d->refer->asked || status < 200)
		return;
	if (status >= 300) {
		outcome(d, status, phrase);
		return;
	}
	d->refer->accepted = true;
	/* It will not tell: to be taken at its word. */
	if (sub && sub->rs_value && !strcasecmp(sub->rs_value, "false"))
		outcome(d, 200, "Accepted");
	else
		outcome(d, 100, "Accepted");
}

void in_notify(struct dialog *d, const sip_t *sip)
{
	const sip_payload_t *pl = sip ? sip->sip_payload : NULL;
	const sip_subscription_state_t *state = sip ? sip->sip_subscription_state : NULL;
	bool last = state && state->ss_substate && !strcasecmp(state->ss_substate, "terminated");
	char reason[80] = "";
	int status = -EBADMSG;

	if (!d->refer || !d->refer->asked)
		return;
	if (pl && pl->pl_data && sip->sip_content_type && sip->sip_content_type->c_type &&
	    !strcasecmp(sip->sip_content_type->c_type, "message/sipfrag"))
		status = sipfrag_status(pl->pl_data, pl->pl_len, reason, sizeof(reason));
	if (status >= 200 || (status >= 100 && !last))
		outcome(d, status, reason);
	else if (last)
		outcome(d, 487, "No outcome was reported");
}

/* ---- headers in the URI of a call out ----------------------------------------------------- */

/* Takes the header `name` out of what stands behind the question mark. */
static void header_of(char *buf, size_t cap, const char *headers, const char *name)
{
	size_t len = strlen(name);

	buf[0] = '\0';
	for (const char *p = headers; *p;) {
		size_t n = strcspn(p, "&");

		if (n > len && !strncasecmp(p, name, len) && p[len] == '=' && n - len - 1 < cap)
			text_unescape(buf, cap, p + len + 1, n - len - 1);
		p += n + (p[n] == '&');
	}
}

static bool is_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

int uri_headers(const char *uri, char *replaces, size_t replaces_cap, char *by, size_t by_cap)
{
	const char *headers = strchr(uri, '?');
	struct replaces r;

	replaces[0] = by[0] = '\0';
	if (!headers)
		return 0;
	for (const char *p = headers + 1; *p; p += strcspn(p, "&") + (strchr(p, '&') != NULL))
		if (strncasecmp(p, "Replaces=", 9) && strncasecmp(p, "Referred-By=", 12))
			return -EINVAL;
	header_of(replaces, replaces_cap, headers + 1, "Replaces");
	header_of(by, by_cap, headers + 1, "Referred-By");
	if (*replaces && (replaces_parse(&r, replaces, strlen(replaces)) ||
			  replaces_write(&r, replaces, replaces_cap)))
		return -EINVAL;
	return is_line(by) ? 0 : -EINVAL;
}
