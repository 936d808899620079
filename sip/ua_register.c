/* SPDX-License-Identifier: GPL-3.0-or-later
 * REGISTER of phones and rooms: from Sofia's request to registrar.c and back
 * (RFC 3261 section 10.3). */
#include "sip/ua_auth.h"
#include "sip/registrar.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/sip_util.h>

enum { MAX_CONTACTS_TEXT = 8192 };

/* ---- what the request says ----------------------------------------------------------- */

static int64_t delta(const char *text)
{
	if (!text)
		return -1;
	/* RFC 3261 20.10: what cannot be read is an hour. */
	if (!*text || text[strspn(text, "0123456789")])
		return 3600;
	return strlen(text) > 9 ? INT32_MAX : strtol(text, NULL, 10);
}

/* "0.7" in thousandths */
static unsigned q_of(const char *text)
{
	unsigned q = 0, digit = 100;

	if (!text || *text == '1')
		return 1000;
	if (text[0] != '0' || text[1] != '.')
		return 0;
	for (text += 2; *text >= '0' && *text <= '9' && digit; text++, digit /= 10)
		q += (unsigned)(*text - '0') * digit;
	return q;
}

/* Status of a request that cannot be, or 200. */
static int read_contacts(struct registrar_request *r, struct registrar_contact *contact,
			 const sip_t *sip, su_home_t *home)
{
	for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next) {
		struct registrar_contact *c = &contact[r->n_contacts];
		const char *id = msg_params_find(m->m_params, "reg-id=");

		if (m->m_url->url_type == url_any) {
			r->all = true;
			continue;
		}
		if (m->m_url->url_type != url_sip && m->m_url->url_type != url_sips)
			return 400;
		if (r->n_contacts == REGISTRAR_CONTACTS)
			return 403;
		c->uri = url_as_string(home, m->m_url);
		if (!c->uri || m->m_url->url_headers)
			return 400;
		c->instance = msg_params_find(m->m_params, "+sip.instance=");
		c->reg_id = id ? (uint32_t)strtoul(id, NULL, 10) : 0;
		c->expires_s = delta(m->m_expires);
		c->q = q_of(m->m_q);
		r->n_contacts++;
	}
	r->contact = contact;
	return 200;
}

/* Where it came from: behind NAT that is where the phone is reached. */
static void read_flow(struct registrar_request *r, struct stack *stack, const sip_t *sip,
		      char *address, size_t cap, su_home_t *home)
{
	msg_t *msg = nua_current_request(stack->nua);
	const su_sockaddr_t *su = msg ? msg_addr(msg) : NULL;
	const char *via = sip->sip_via && sip->sip_via->v_protocol ? sip->sip_via->v_protocol : "";
	const sip_path_t *path = sip->sip_path;

	if (su && su_inet_ntop(su->su_family, SU_ADDR(su), address, cap))
		r->flow.port = ntohs(su->su_port);
	r->flow.address = address;
	r->flow.transport = stack->tls ? CONF_TLS :
			    stack->tcp_port && strcasestr(via, "/tcp") ? CONF_TCP : CONF_UDP;
	r->flow.local = stack->address;
	r->flow.direct = sip->sip_via && !sip->sip_via->v_next && !path;
	r->flow.agent = sip->sip_user_agent ? sip->sip_user_agent->g_string : NULL;
	for (char *text = NULL; path; path = path->r_next) {
		char *one = sip_header_as_string(home, (const sip_header_t *)path);

		text = text ? su_sprintf(home, "%s, %s", text, one ? one : "") : one;
		r->flow.path = text;
	}
}

/* ---- the answer ------------------------------------------------------------------------- */

static void answer_bindings(struct stack *stack, nua_handle_t *nh, const sip_t *sip,
			    const char *account, const struct registrar_request *r)
{
	struct registrar *registrar = stack->sip->registrar;
	char *text = malloc(MAX_CONTACTS_TEXT);
	bool path = r->flow.path && sip_has_feature(sip->sip_supported, "path");
	size_t n = 0;

	if (!text) {
		nua_respond(nh, SIP_500_INTERNAL_SERVER_ERROR, NUTAG_WITH_CURRENT(stack->nua),
			    TAG_END());
		return;
	}
	text[0] = 0;
	for (const struct binding *b = NULL;
	     (b = registrar_next(registrar, account, b)) != NULL && n < MAX_CONTACTS_TEXT; ) {
		int len = snprintf(text + n, MAX_CONTACTS_TEXT - n, "%s<%s>;expires=%u%s%s",
				   n ? ", " : "", b->uri, binding_left_s(b),
				   b->instance ? ";+sip.instance=" : "",
				   b->instance ? b->instance : "");

		if (len < 0 || (size_t)len >= MAX_CONTACTS_TEXT - n) {
			text[n] = 0; /* those that fit */
			break;
		}
		n += (size_t)len;
	}
	nua_respond(nh, SIP_200_OK, NUTAG_WITH_CURRENT(stack->nua),
		    TAG_IF(n, SIPTAG_CONTACT_STR(text)),
		    TAG_IF(path, SIPTAG_PATH_STR(r->flow.path)), TAG_END());
	free(text);
}

static void answer(struct stack *stack, nua_handle_t *nh, const sip_t *sip, const char *account,
		   int status, const struct registrar_request *r)
{
	const char *phrase = sip_status_phrase(status);
	char min[16];

	if (status == 200) {
		answer_bindings(stack, nh, sip, account, r);
		return;
	}
	stack->sip->stats.registers_refused++;
	snprintf(min, sizeof(min), "%u", stack->sip->config->accounts.min_expires_s);
	nua_respond(nh, status, phrase ? phrase : "Refused", NUTAG_WITH_CURRENT(stack->nua),
		    TAG_IF(status == 423, SIPTAG_MIN_EXPIRES_STR(min)), TAG_END());
}

/* ---- the request ------------------------------------------------------------------------ */

static void update(struct stack *stack, nua_handle_t *nh, const sip_t *sip, const char *account,
		   struct registrar_request *r, su_home_t *home)
{
	const struct conf_accounts *a = &stack->sip->config->accounts;
	const struct registrar_limits limits = { a->min_expires_s, a->max_expires_s,
						 a->max_expires_s, a->max_bindings };
	struct registrar_contact contact[REGISTRAR_CONTACTS];
	unsigned before = registrar_count(stack->sip->registrar);
	int status = read_contacts(r, contact, sip, home);

	r->call_id = sip->sip_call_id->i_id;
	r->cseq = sip->sip_cseq->cs_seq;
	r->expires_s = sip->sip_expires ? (int64_t)sip->sip_expires->ex_delta : -1;
	if (status == 200)
		status = registrar_update(stack->sip->registrar, account, r, &limits);
	if (status != 200)
		log_info("sip: registration refused account=%s source=%s status=%d", account,
			 r->flow.address, status);
	else if (registrar_count(stack->sip->registrar) != before)
		log_info("sip: registration account=%s source=%s bindings=%u", account,
			 r->flow.address, registrar_count(stack->sip->registrar));
	answer(stack, nh, sip, account, status, r);
}

void in_register(struct stack *stack, nua_handle_t *nh, const sip_t *sip)
{
	struct sip *self = stack->sip;
	struct registrar_request r = { .expires_s = -1 };
	char address[64] = "", proven[CONF_ACCOUNT] = "", account[CONF_ACCOUNT] = "";
	su_home_t home[1] = { SU_HOME_INIT(home) };
	const url_t *to = sip->sip_to->a_url;
	enum digest_verdict verdict;
	struct auth_challenge c;

	if (!self->config->accounts.n_account) {
		nua_respond(nh, SIP_405_METHOD_NOT_ALLOWED, NUTAG_WITH_CURRENT(stack->nua),
			    TAG_END());
		goto out;
	}
	read_flow(&r, stack, sip, address, sizeof(address), home);
	verdict = auth_check(stack, sip, address, proven, sizeof(proven));
	if (verdict == DIGEST_NONE) {
		auth_challenge_make(self, &c, false);
		nua_respond(nh, SIP_401_UNAUTHORIZED, NUTAG_WITH_CURRENT(stack->nua),
			    AUTH_CHALLENGE_TAGS(&c), TAG_END());
		goto out;
	}
	if (auth_refuse(stack, nh, verdict, address)) {
		self->stats.registers_refused++;
		goto out;
	}
	if (to->url_user)
		text_unescape(account, sizeof(account), to->url_user, strlen(to->url_user));
	/* Nobody registers for somebody else. */
	if (strcmp(account, proven))
		answer(stack, nh, sip, proven, 403, &r);
	else
		update(stack, nh, sip, account, &r, home);
out:
	su_home_deinit(home);
	nua_handle_destroy(nh);
}

/* ---- the list ------------------------------------------------------------------------------ */

void register_list(struct sip *self, void (*fn)(void *arg, const struct call_registration *r),
		   void *arg)
{
	for (const struct binding *b = NULL; (b = registrar_each(self->registrar, b)) != NULL; ) {
		struct call_registration r = {
			.account = b->account, .uri = b->uri, .address = b->address,
			.port = b->port, .transport = b->transport,
			.agent = b->agent ? b->agent : "", .left_s = binding_left_s(b),
		};

		fn(arg, &r);
	}
}

static bool is_account(void *arg, const char *account)
{
	return config_account(arg, account) != NULL;
}

/* After the configuration has changed. */
void register_reload(struct sip *self)
{
	registrar_sweep(self->registrar, is_account, self->config);
}
