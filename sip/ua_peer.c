/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a message tells about the peer: who it is, what it can do, its session
 * description, and the session timer that was agreed (RFC 4028). */
#include "sip/ua_priv.h"

#include "base/log.h"
#include "sip/body.h"
#include "sip/sdp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su_alloc.h>

/* ---- texts ------------------------------------------------------------------------ */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %00 stays as it is: a C string would end there (RFC 4475 3.1.1.4). */
char *text_unescape(char *buf, size_t cap, const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < cap; i++) {
		int hi = -1, lo = -1;

		if (text[i] == '%' && i + 2 < len) {
			hi = hex(text[i + 1]);
			lo = hex(text[i + 2]);
		}
		if (hi >= 0 && lo >= 0 && (hi || lo)) {
			buf[n++] = (char)(hi * 16 + lo);
			i += 2;
		} else {
			buf[n++] = text[i];
		}
	}
	buf[n] = 0;
	return buf;
}

void text_unquote(char *buf, size_t cap, const char *text)
{
	size_t n = 0;
	bool quoted = *text == '"';

	for (text += quoted; *text && n + 1 < cap; text++) {
		if (quoted && *text == '"')
			break;
		if (quoted && *text == '\\' && text[1])
			text++;
		buf[n++] = *text;
	}
	buf[n] = 0;
}

static void uri_text(char *buf, size_t cap, const url_t *url)
{
	char user[160] = "";

	if (url->url_user)
		text_unescape(user, sizeof(user), url->url_user, strlen(url->url_user));
	snprintf(buf, cap, "%s%s%s", user, user[0] ? "@" : "", url->url_host ? url->url_host : "");
}

void peer_identity(struct call *call, const sip_t *sip, bool outgoing)
{
	const sip_addr_t *a = outgoing ? sip->sip_to : sip->sip_from;
	const char *agent = sip->sip_user_agent ? sip->sip_user_agent->g_string :
			    sip->sip_server ? sip->sip_server->g_string : NULL;

	/* What was dialled stays the name of who was called. */
	if (a && !outgoing) {
		uri_text(call->remote_uri, sizeof(call->remote_uri), a->a_url);
		if (a->a_display)
			text_unquote(call->remote_name, sizeof(call->remote_name), a->a_display);
	}
	if (agent)
		snprintf(call->user_agent, sizeof(call->user_agent), "%s", agent);
}

void peer_learn(struct dialog *d, const sip_t *sip)
{
	session_learn(d, sip);
	if (sip->sip_allow) {
		bool update = sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE);

		d->peer_info = sip_is_allowed(sip->sip_allow, SIP_METHOD_INFO);
		if (update != d->peer_update) {
			d->peer_update = update;
			/* Sofia's other refresh is an INVITE without SDP, which
			 * asks for a whole new negotiation. */
			nua_set_hparams(d->nh, NUTAG_UPDATE_REFRESH(update), TAG_END());
		}
	}
	if (sip->sip_supported)
		d->peer_timer = sip_has_feature(sip->sip_supported, "timer");
}

/* ---- session timer ------------------------------------------------------------------- */

/* Sofia keeps the timer: headers, 422, refresh by UPDATE, and the BYE when the
 * peer does not refresh. It is only where we refresh a peer without UPDATE that
 * a re-INVITE with the SDP as it is has to come before Sofia's INVITE without
 * one. The rules for who refreshes are those of RFC 4028 section 7.2 and 9. */
void refresh_schedule(struct dialog *d, const sip_t *sip, bool we_are_uas)
{
	unsigned ours = session_expires_of(d->sip), interval = 0;
	const sip_session_expires_t *x = sip->sip_session_expires;
	bool local;

	timer_cancel(d->refresh_timer);
	d->refresh_us = 0;
	if (x)
		interval = (unsigned)(x->x_delta > 1000000 ? 1000000 : x->x_delta);
	if (!interval || (ours && ours < interval))
		interval = ours;
	if (sip->sip_min_se && interval && interval < sip->sip_min_se->min_delta)
		interval = (unsigned)sip->sip_min_se->min_delta;
	/* A peer that asks for less than is allowed would have us refresh without
	 * end (RFC 4028 section 5). */
	if (interval && interval < d->sip->min_se)
		interval = d->sip->min_se;
	if (x && x->x_refresher)
		local = !strcasecmp(x->x_refresher, we_are_uas ? "uas" : "uac");
	else
		local = !we_are_uas || !d->peer_timer;
	if (!interval || !local || d->peer_update)
		return;
	d->refresh_us = interval * 400000LL;
	timer_set(d->refresh_timer, d->refresh_us);
}

/* ---- bodies ---------------------------------------------------------------------------- */

static bool accepts_sdp(const sip_t *sip)
{
	const sip_accept_t *a = sip->sip_accept;

	if (!a)
		return true;
	for (; a; a = a->ac_next) {
		if (!a->ac_type || (a->ac_q && strtod(a->ac_q, NULL) <= 0))
			continue;
		if (!strcasecmp(a->ac_type, "application/sdp") ||
		    !strcasecmp(a->ac_type, "application/*") || !strcmp(a->ac_type, "*/*"))
			return true;
	}
	return false;
}

static bool encoded(const sip_t *sip)
{
	const sip_content_encoding_t *e = sip->sip_content_encoding;

	for (const msg_param_t *p = e ? e->k_items : NULL; p && *p; p++)
		if (strcasecmp(*p, "identity"))
			return true;
	return false;
}

/* RFC 3261 20.11: what need not be understood is not there. */
static bool optional(const sip_t *sip)
{
	const sip_content_disposition_t *c = sip->sip_content_disposition;

	return c && c->cd_handling && !strcasecmp(c->cd_handling, "optional");
}

int peer_desc(struct media_desc **out, char **text, const sip_t *sip)
{
	const sip_payload_t *pl = sip->sip_payload;
	su_home_t home[1] = { SU_HOME_INIT(home) };
	const char *type = NULL, *sdp;
	size_t len;
	int err;

	*out = NULL;
	if (text)
		*text = NULL;
	if (sip->sip_request && !accepts_sdp(sip))
		return 406;
	if (!pl || !pl->pl_data || !pl->pl_len)
		return 0;
	if (encoded(sip))
		return optional(sip) ? 0 : 415;
	if (sip->sip_content_type)
		type = sip_header_as_string(home, (sip_header_t *)sip->sip_content_type);
	err = body_find_sdp(&sdp, &len, type, pl->pl_data, pl->pl_len);
	su_home_deinit(home);
	if (err == -ENOENT)
		return 0;
	if (err == -ENOTSUP)
		return optional(sip) ? 0 : 415;
	if (err)
		return 400;
	err = sdp_desc_parse(out, sdp, len);
	if (err)
		return err == -EMSGSIZE ? 413 : err == -ENOMEM ? 500 : 400;
	if (text)
		*text = strndup(sdp, len);
	return 0;
}
