/* SPDX-License-Identifier: GPL-3.0-or-later
 * See ua_auth.h.
 *
 * Sofia answers challenges of each request of a handle by itself, once it has
 * been told a password, by a table of schemes that can be added to. Its Digest
 * is MD5 only (1.12.11), so ours takes that place: auc_register_plugin means to
 * overwrite the entry of the same name and overwrites the first of another one
 * instead, which is why ours is called "digest" in small letters. It sees a
 * key where Sofia thinks of user and password: these are looked up here, and
 * may contain colons. */
#define SOFIA_EXTEND_AUTH_CLIENT 1
#include <sofia-sip/auth_client.h>
#include <sofia-sip/auth_client_plugin.h>

#include "sip/ua_auth.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>

/* ---- what we answer -------------------------------------------------------------- */

struct secret {
	struct list link;
	char *key, *user, *password;
};

static struct list secrets = { &secrets, &secrets };

static struct secret *secret_find(const char *key)
{
	list_each(l, &secrets) {
		struct secret *s = list_entry(l, struct secret, link);

		if (!strcmp(s->key, key))
			return s;
	}
	return NULL;
}

static void secret_free(struct secret *s)
{
	if (!s)
		return;
	list_del(&s->link);
	free(s->key);
	free(s->user);
	free(s->password);
	free(s);
}

int auth_secret_set(const char *key, const char *user, const char *password)
{
	struct secret *s;

	secret_free(secret_find(key));
	if (!user || !password)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	list_add(&secrets, &s->link);
	s->key = strdup(key);
	s->user = strdup(user);
	s->password = strdup(password);
	if (s->key && s->user && s->password)
		return 0;
	secret_free(s);
	return -ENOMEM;
}

/* ---- Sofia's plugin ----------------------------------------------------------------- */

/* Memory of Sofia's, which it frees without asking: nothing hangs on it. */
struct client {
	auth_client_t base;
	struct digest_params challenge;
	uint32_t nc;
	bool usable;
	bool fresh; /* not answered yet: of several in one response the first that we
		     * know is taken (RFC 8760 section 2.4) */
};

static int read_challenge(struct digest_params *out, const msg_auth_t *ch)
{
	char text[2048];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s ", ch->au_scheme);

	for (const msg_param_t *p = ch->au_params; p && *p && n < sizeof(text); p++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s, ", *p);
	return n < sizeof(text) ? digest_parse(out, text, n) : -EBADMSG;
}

static int on_challenge(auth_client_t *ca, const msg_auth_t *ch)
{
	struct client *self = (struct client *)ca;
	struct digest_params p;
	bool first = !self->usable;

	if (self->fresh || read_challenge(&p, ch) || !p.known || (p.qop && !p.qop_auth))
		return 1;
	self->challenge = p;
	self->nc = 0;
	self->usable = self->fresh = true;
	return first || p.stale ? 2 : 1;
}

static int on_authorize(auth_client_t *ca, su_home_t *home, const char *method,
			const url_t *url, const msg_payload_t *body, msg_header_t **out)
{
	struct client *self = (struct client *)ca;
	const struct secret *s = ca->ca_user ? secret_find(ca->ca_user) : NULL;
	char text[2048], *uri = url_as_string(home, url);

	(void)body;
	*out = NULL;
	if (s && uri && self->usable && !ca->ca_clear &&
	    !digest_authorize(text, sizeof(text), &self->challenge, s->user, s->password, method,
			      uri, ++self->nc)) {
		self->fresh = false;
		*out = msg_header_make(home, ca->ca_credential_class, text);
	}
	su_free(home, uri);
	return 0;
}

static int on_clear(auth_client_t *ca)
{
	ca->ca_clear = 1;
	return 1;
}

static int on_info(auth_client_t *ca, const msg_auth_info_t *info)
{
	(void)ca;
	(void)info;
	return 0;
}

/* The header leaves const out where the library does not. */
static int authorize(auth_client_t *ca, su_home_t *home, char const *method, url_t const *url,
		     msg_payload_t const *body, msg_header_t **out)
{
	return on_authorize(ca, home, method, url, body, out);
}

void auth_client_start(void)
{
	static const auth_client_plugin_t plugin = {
		.auc_plugin_size = sizeof(plugin),
		.auc_size = sizeof(struct client),
		.auc_name = "digest",
		.auc_challenge = on_challenge,
		.auc_authorize = authorize,
		.auc_info = on_info,
		.auc_clear = on_clear,
	};
	static bool done;

	if (!done && auc_register_plugin(&plugin))
		log_error("sip: no digest authentication error=%s", strerror(errno));
	done = true;
}

/* ---- answering --------------------------------------------------------------------------- */

enum { MAX_REALMS = 3 };

/* The realms, with quotes, of the challenges that we can answer. */
static unsigned realms_of(const sip_t *sip, const char *realm[MAX_REALMS])
{
	const msg_auth_t *lists[] = { sip->sip_www_authenticate, sip->sip_proxy_authenticate };
	struct digest_params p;
	unsigned n = 0;

	for (int i = 0; i < 2; i++)
		for (const msg_auth_t *ch = lists[i]; ch; ch = ch->au_next) {
			const char *r = msg_params_find(ch->au_params, "realm=");
			unsigned k = 0;

			if (!r || *r != '"' || read_challenge(&p, ch) || !p.known ||
			    (p.qop && !p.qop_auth))
				continue;
			while (k < n && strcmp(realm[k], r))
				k++;
			if (k == n && n < MAX_REALMS)
				realm[n++] = r;
		}
	return n;
}

bool auth_answer(nua_handle_t *nh, const char *key, int status, const sip_t *sip,
		 unsigned *tries)
{
	/* One for the server and one for a proxy before it. */
	unsigned bit = status == 401 ? 1 : 2;
	const char *realm[MAX_REALMS];
	char text[MAX_REALMS][AUTH_KEY + 200];
	unsigned n;

	if (!sip || !*key || !secret_find(key) || *tries & bit)
		return false;
	n = realms_of(sip, realm);
	for (unsigned i = 0; i < n; i++)
		if (snprintf(text[i], sizeof(text[i]), "Digest:%s:%s:-", realm[i], key) >=
		    (int)sizeof(text[i]))
			return false;
	if (!n)
		return false;
	*tries |= bit;
	nua_authenticate(nh, NUTAG_AUTH(text[0]), TAG_IF(n > 1, NUTAG_AUTH(text[1])),
			 TAG_IF(n > 2, NUTAG_AUTH(text[2])), TAG_END());
	return true;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Hashes of passwords that stand in the configuration as they are. */
struct lookup {
	const struct config *config;
	char ha1[DIGEST_HEX];
};

static const char *lookup_ha1(void *arg, const char *user, enum digest_algorithm algorithm)
{
	struct lookup *l = arg;
	const struct conf_account *a = config_account(l->config, user);
	/* The same work for a name that is not there. */
	const char *password = a && a->password ? a->password : "-";

	digest_ha1(l->ha1, algorithm, user, l->config->accounts.realm, password);
	if (!a)
		return NULL;
	return a->password ? l->ha1 : a->ha1[algorithm];
}

enum digest_verdict auth_check(struct stack *stack, const sip_t *sip, const char *address,
			       char *account, size_t cap)
{
	const struct config *config = stack->sip->config;
	su_home_t home[1] = { SU_HOME_INIT(home) };
	struct lookup lookup = { .config = config };
	enum digest_verdict verdict = DIGEST_NONE;
	struct digest_request request = {
		.method = sip->sip_request->rq_method_name,
		.uri = url_as_string(home, sip->sip_request->rq_url),
		.realm = config->accounts.realm,
		.address = address,
		.algorithms = config->accounts.algorithms,
	};

	for (const sip_authorization_t *au = sip->sip_authorization;
	     au && verdict == DIGEST_NONE && request.uri; au = au->au_next) {
		struct digest_params p;

		if (read_challenge(&p, au)) {
			verdict = DIGEST_BROKEN;
			break;
		}
		verdict = digest_check(stack->sip->digest, &p, &request, lookup_ha1, &lookup);
		if (verdict == DIGEST_ACCEPTED)
			snprintf(account, cap, "%s", p.username);
		else if (verdict == DIGEST_WRONG || verdict == DIGEST_BLOCKED)
			log_warning("sip: password refused method=%s source=%s%s", request.method,
				    address, verdict == DIGEST_BLOCKED ? " (too many)" : "");
	}
	su_home_deinit(home);
	return verdict;
}

void auth_challenge_make(struct sip *self, struct auth_challenge *out, bool stale)
{
	const struct conf_accounts *a = &self->config->accounts;

	out->n = 0;
	for (unsigned i = 0; i < DIGEST_ALGORITHMS; i++)
		if (a->algorithms >> i & 1 &&
		    !digest_challenge(self->digest, out->text[out->n], sizeof(out->text[0]),
				      a->realm, (enum digest_algorithm)i, stale))
			out->n++;
}

bool auth_refuse(struct stack *stack, nua_handle_t *nh, enum digest_verdict verdict,
		 const char *address)
{
	struct auth_challenge c;
	char wait[16];

	switch (verdict) {
	case DIGEST_NONE:
	case DIGEST_ACCEPTED:
		return false;
	case DIGEST_BLOCKED:
		snprintf(wait, sizeof(wait), "%u", digest_wait(stack->sip->digest, address));
		nua_respond(nh, SIP_403_FORBIDDEN, NUTAG_WITH_CURRENT(stack->nua),
			    SIPTAG_RETRY_AFTER_STR(wait), TAG_END());
		return true;
	case DIGEST_BROKEN:
		nua_respond(nh, SIP_400_BAD_REQUEST, NUTAG_WITH_CURRENT(stack->nua), TAG_END());
		return true;
	case DIGEST_STALE:
	case DIGEST_WRONG:
		auth_challenge_make(stack->sip, &c, verdict == DIGEST_STALE);
		nua_respond(nh, SIP_401_UNAUTHORIZED, NUTAG_WITH_CURRENT(stack->nua),
			    AUTH_CHALLENGE_TAGS(&c), TAG_END());
		return true;
	}
	return false;
}
