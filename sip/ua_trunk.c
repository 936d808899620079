/* SPDX-License-Identifier: GPL-3.0-or-later
 * See ua_trunk.h. Each host of a trunk is asked by OPTIONS now and then; the
 * registration is held with one of those that answer. A look every second
 * starts what is due, so that nothing here waits for anything. */
#include "sip/ua_trunk.h"

#include "base/clock.h"
#include "base/log.h"
#include "sip/ua_auth.h"
#include "sip/ua_verify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_tag.h>

enum { MAX_SOURCES = 8, DOWN_S = 30, RETRY_S = 15 };

enum host_state { HOST_UNKNOWN, HOST_UP, HOST_DOWN };

struct host {
	struct verify_peer *expected; /* over TLS, else NULL */
	nua_handle_t *options;  /* in flight, or NULL */
	enum host_state state;
	int64_t check_us;       /* next OPTIONS */
	int64_t down_until_us;  /* when it may be tried again without one */
	unsigned tries;
	char source[MAX_SOURCES][64]; /* addresses it answered from */
	unsigned n_sources;
};

enum register_state { REGISTER_NOT, REGISTER_TRYING, REGISTER_DONE, REGISTER_REFUSED };

struct trunk {
	struct list link;
	struct sip *sip;
	const struct conf_trunk *conf; /* of sip->config */
	char key[AUTH_KEY];
	struct host host[8];
	nua_handle_t *reg;
	enum register_state state;
	unsigned reg_host, tries;
	int reg_status;
	int64_t reg_us;         /* next attempt, or end of the registration */
	bool seen;              /* while the configuration is read again */
};

const char *trunk_name(const struct trunk *self)
{
	return self->conf->name;
}

const char *trunk_key(const struct trunk *self)
{
	return self->key;
}

struct trunk *trunk_find(struct sip *self, const char *name)
{
	list_each(l, &self->trunks) {
		struct trunk *t = list_entry(l, struct trunk, link);

		if (!strcasecmp(t->conf->name, name))
			return t;
	}
	return NULL;
}

/* ---- where its hosts are -------------------------------------------------------------- */

static bool is_numeric(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

/* The URI of a host, without user; by DNS when it has neither port nor transport. */
static void host_uri(const struct trunk *t, unsigned i, const char *user, char *buf, size_t cap)
{
	static const char *const transports[] = { ";transport=udp", ";transport=tcp",
						  ";transport=tls" };
	const struct conf_trunk_host *h = &t->conf->host[i];
	bool v6 = strchr(h->host, ':') != NULL;
	char port[8] = "";

	if (h->port)
		snprintf(port, sizeof(port), ":%u", h->port);
	snprintf(buf, cap, "sip:%s%s%s%s%s%s%s", user, *user ? "@" : "", v6 ? "[" : "", h->host,
		 v6 ? "]" : "", port, t->conf->transport < 0 ? "" :
		 transports[t->conf->transport]);
}

static const char *domain_of(const struct trunk *t, unsigned i)
{
	return t->conf->domain ? t->conf->domain : t->conf->host[i].host;
}

/* With brackets. */
static void domain_text(const struct trunk *t, unsigned i, char *buf, size_t cap)
{
	const char *d = domain_of(t, i);
	bool v6 = strchr(d, ':') != NULL;

	snprintf(buf, cap, "%s%s%s", v6 ? "[" : "", d, v6 ? "]" : "");
}

static void learn_source(struct trunk *t, unsigned i)
{
	struct host *h = &t->host[i];
	char uri[300], address[64];
	struct stack *s;
	msg_t *msg;
	const su_sockaddr_t *su;

	host_uri(t, i, "", uri, sizeof(uri));
	s = stack_for(t->sip, uri);
	msg = s ? nua_current_request(s->nua) : NULL;
	su = msg ? msg_addr(msg) : NULL;
	if (!su || !su_inet_ntop(su->su_family, SU_ADDR(su), address, sizeof(address)))
		return;
	for (unsigned k = 0; k < MAX_SOURCES; k++)
		if (!strcmp(h->source[k], address))
			return;
	snprintf(h->source[h->n_sources++ % MAX_SOURCES], sizeof(h->source[0]), "%s", address);
}

struct trunk *trunk_of_source(struct sip *self, const char *address)
{
	list_each(l, &self->trunks) {
		struct trunk *t = list_entry(l, struct trunk, link);

		for (unsigned i = 0; i < t->conf->n_host; i++) {
			if (!strcmp(t->conf->host[i].host, address))
				return t;
			for (unsigned k = 0; k < MAX_SOURCES; k++)
				if (*address && !strcmp(t->host[i].source[k], address))
					return t;
		}
	}
	return NULL;
}

/* ---- which host --------------------------------------------------------------------------- */

static bool is_usable(const struct trunk *t, unsigned i)
{
	const struct host *h = &t->host[i];

	/* Without OPTIONS, time heals. */
	return h->state != HOST_DOWN || (!t->conf->check_s && h->down_until_us <= clock_us());
}

static int first_usable(const struct trunk *t)
{
	for (unsigned i = 0; i < t->conf->n_host; i++)
		if (is_usable(t, i))
			return (int)i;
	return -1;
}

static void host_set(struct trunk *t, unsigned i, bool up, int status)
{
	struct host *h = &t->host[i];
	enum host_state state = up ? HOST_UP : HOST_DOWN;

	if (!up)
		h->down_until_us = clock_us() + DOWN_S * 1000000LL;
	if (h->state == state)
		return;
	if (up)
		log_info("sip: trunk host answers trunk=%s host=%s", t->conf->name,
			 t->conf->host[i].host);
	else
		log_warning("sip: trunk host is down trunk=%s host=%s status=%d", t->conf->name,
			    t->conf->host[i].host, status);
	/* One that was away may have forgotten whom it knew. */
	if (up && h->state == HOST_DOWN && t->state == REGISTER_DONE && i == t->reg_host && t->reg)
		nua_register(t->reg, TAG_END());
	h->state = state;
	/* The registration moves to the best that answers. */
	if (t->conf->register_ && first_usable(t) >= 0 &&
	    (t->state != REGISTER_DONE || (unsigned)first_usable(t) != t->reg_host))
		t->reg_us = 0;
}

bool trunk_failed(struct trunk *self, unsigned host, int status)
{
	if (host >= self->conf->n_host)
		return false;
	host_set(self, host, false, status);
	return first_usable(self) >= 0;
}

int trunk_route(struct trunk *self, struct route *out, const char *user)
{
	char escaped[200];
	int i = first_usable(self);
	char hop[300], domain[264];

	memset(out, 0, sizeof(*out));
	/* None answers: the first may by now. */
	out->trunk = self;
	out->host = i < 0 ? 0 : (unsigned)i;
	uri_escape(escaped, sizeof(escaped), user);
	host_uri(self, out->host, "", hop, sizeof(hop));
	host_uri(self, out->host, escaped, out->uri, sizeof(out->uri));
	domain_text(self, out->host, domain, sizeof(domain));
	if (self->conf->domain) {
		snprintf(out->uri, sizeof(out->uri), "sip:%s%s%s", escaped, *escaped ? "@" : "",
			 domain);
		snprintf(out->hop, sizeof(out->hop), "%s", hop);
	}
	if (snprintf(out->shown, sizeof(out->shown), "%s%s%s", escaped, *escaped ? "@" : "",
		     domain) >= (int)sizeof(out->shown))
		return -EINVAL;
	if (is_numeric(self->conf->host[out->host].host))
		snprintf(out->address, sizeof(out->address), "%s",
			 self->conf->host[out->host].host);
	snprintf(out->from_user, sizeof(out->from_user), "%s",
		 self->conf->caller ? self->conf->caller : self->conf->user ? self->conf->user : "");
	if (self->conf->user || self->conf->domain)
		snprintf(out->from_host, sizeof(out->from_host), "%s", domain);
	out->stack = stack_for(self->sip, hop);
	if (!out->stack)
		return -EHOSTUNREACH;
	out->transport = transport_of(out->stack, hop);
	return 0;
}

/* ---- OPTIONS ---------------------------------------------------------------------------------- */

static void check_host(struct trunk *t, unsigned i)
{
	struct host *h = &t->host[i];
	char uri[300], to[320];
	struct stack *s;

	h->check_us = clock_us() + t->conf->check_s * 1000000LL;
	if (h->options)
		return; /* no answer yet: Sofia says when it has waited enough */
	host_uri(t, i, "", uri, sizeof(uri));
	s = stack_for(t->sip, uri);
	if (!s) {
		host_set(t, i, false, 503);
		return;
	}
	snprintf(to, sizeof(to), "<%s>", uri);
	h->options = nua_handle(s->nua, NULL, NUTAG_URL(uri), SIPTAG_TO_STR(to), TAG_END());
	h->tries = 0;
	if (h->options)
		nua_options(h->options, TAG_END());
}

/* Whatever it says but that it cannot now, it is there. */
static void on_options(struct trunk *t, unsigned i, int status, const sip_t *sip)
{
	struct host *h = &t->host[i];

	if (status < 200)
		return;
	if ((status == 401 || status == 407) &&
	    auth_answer(h->options, t->key, status, sip, &h->tries))
		return;
	if (sip)
		learn_source(t, i);
	nua_handle_destroy(h->options);
	h->options = NULL;
	host_set(t, i, sip && status != 503 && status != 408, status);
}

/* ---- REGISTER ----------------------------------------------------------------------------------- */

static void register_end(struct trunk *t, enum register_state state, unsigned again_s)
{
	if (t->reg)
		nua_handle_destroy(t->reg);
	t->reg = NULL;
	t->state = state;
	t->reg_us = clock_us() + again_s * 1000000LL;
}

static void register_start(struct trunk *t)
{
	char uri[300], aor[400], contact[512], registrar[300], expires[16], domain[264];
	int i = first_usable(t);
	struct stack *s;

	t->reg_host = i < 0 ? 0 : (unsigned)i;
	host_uri(t, t->reg_host, "", uri, sizeof(uri));
	domain_text(t, t->reg_host, domain, sizeof(domain));
	s = stack_for(t->sip, uri);
	if (!s) {
		register_end(t, REGISTER_NOT, RETRY_S);
		return;
	}
	register_end(t, REGISTER_TRYING, 0);
	t->reg_us = INT64_MAX; /* Sofia says how it went */
	snprintf(aor, sizeof(aor), "<sip:%s@%s>", t->conf->user, domain);
	snprintf(registrar, sizeof(registrar), "sip:%s", domain);
	snprintf(expires, sizeof(expires), "%u", t->conf->expires_s);
	stack_contact(s, t->conf->user, transport_of(s, uri), contact, sizeof(contact));
	t->reg = nua_handle(s->nua, NULL, SIPTAG_TO_STR(aor), SIPTAG_FROM_STR(aor), TAG_END());
	t->tries = 0;
	if (t->reg)
		nua_register(t->reg, NUTAG_REGISTRAR(t->conf->domain ? registrar : uri),
			     TAG_IF(t->conf->domain, NUTAG_PROXY(uri)),
			     SIPTAG_CONTACT_STR(contact), SIPTAG_EXPIRES_STR(expires),
			     TAG_END());
}

static unsigned granted(const struct trunk *t, const sip_t *sip)
{
	const sip_contact_t *m = sip->sip_contact;
	unsigned s = sip->sip_expires ? (unsigned)sip->sip_expires->ex_delta : t->conf->expires_s;

	for (; m; m = m->m_next)
		if (m->m_url->url_user && !strcmp(m->m_url->url_user, t->conf->user) &&
		    m->m_expires)
			return (unsigned)strtoul(m->m_expires, NULL, 10);
	return s;
}

static void on_register(struct trunk *t, int status, const char *phrase, const sip_t *sip)
{
	if (status < 200)
		return;
	if ((status == 401 || status == 407) &&
	    auth_answer(t->reg, t->key, status, sip, &t->tries))
		return;
	if (status < 300 && sip) {
		unsigned s = granted(t, sip);

		if (t->state != REGISTER_DONE)
			log_info("sip: registered with trunk=%s host=%s seconds=%u",
				 t->conf->name, t->conf->host[t->reg_host].host, s);
		learn_source(t, t->reg_host);
		t->state = REGISTER_DONE;
		t->tries = 0;
		/* Sofia refreshes before; should that fail we hear of it. */
		t->reg_us = clock_us() + s * 1000000LL;
		host_set(t, t->reg_host, true, status);
		return;
	}
	log_warning("sip: registration failed trunk=%s host=%s status=%d reason=\"%s\"",
		    t->conf->name, t->conf->host[t->reg_host].host, status, phrase);
	t->reg_status = status;
	if (status == 408 || status == 503 || !sip) {
		register_end(t, REGISTER_NOT, RETRY_S);
		if (trunk_failed(t, t->reg_host, status))
			t->reg_us = 0;
	} else {
		register_end(t, REGISTER_REFUSED, 4 * RETRY_S);
	}
}

/* At the end there is nothing to wait for when the last is taken back. */
static void unregistered(struct sip *self, struct trunk *t)
{
	register_end(t, REGISTER_NOT, 24 * 3600);
	list_each(l, &self->trunks)
		if (list_entry(l, struct trunk, link)->state == REGISTER_DONE)
			return;
	if (self->state == SIP_ENDING && !self->n_dialogs)
		timer_set(self->stop_timer, 0);
}

/* ---- events and time ---------------------------------------------------------------------------- */

bool trunk_event(struct sip *self, nua_event_t event, int status, const char *phrase,
		 nua_handle_t *nh, const sip_t *sip)
{
	list_each(l, &self->trunks) {
		struct trunk *t = list_entry(l, struct trunk, link);

		if (nh && nh == t->reg) {
			if (event == nua_r_unregister && status >= 200)
				unregistered(self, t);
			else if (event == nua_r_register)
				on_register(t, status, phrase, sip);
			return true;
		}
		for (unsigned i = 0; i < t->conf->n_host; i++)
			if (nh && nh == t->host[i].options) {
				if (event == nua_r_options)
					on_options(t, i, status, sip);
				return true;
			}
	}
	return false;
}

static void on_tick(void *arg)
{
	struct sip *self = arg;
	int64_t now = clock_us();

	list_each(l, &self->trunks) {
		struct trunk *t = list_entry(l, struct trunk, link);

		for (unsigned i = 0; t->conf->check_s && i < t->conf->n_host; i++)
			if (t->host[i].check_us <= now)
				check_host(t, i);
		if (t->conf->register_ && t->reg_us <= now)
			register_start(t);
	}
	if (!list_empty(&self->trunks))
		timer_set(self->trunk_timer, 1000000);
}

/* ---- from the configuration -------------------------------------------------------------------- */

static void trunk_free(struct trunk *t)
{
	for (unsigned i = 0; i < t->conf->n_host; i++) {
		if (t->host[i].options)
			nua_handle_destroy(t->host[i].options);
		verify_peer_free(t->host[i].expected);
	}
	if (t->reg)
		nua_handle_destroy(t->reg);
	list_each(l, &t->sip->dialogs) {
		struct dialog *d = list_entry(l, struct dialog, link);

		if (d->trunk == t)
			d->trunk = NULL;
	}
	auth_secret_set(t->key, NULL, NULL);
	list_del(&t->link);
	free(t);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Whether what it is doing still fits; a new password is taken in any case. */
static bool is_same(const struct conf_trunk *a, const struct conf_trunk *b)
{
	if (a->transport != b->transport || a->register_ != b->register_ ||
	    a->n_host != b->n_host || a->verify != b->verify || !same_text(a->ca, b->ca) ||
	    !same_text(a->user, b->user) ||
	    !same_text(a->domain, b->domain))
		return false;
	for (size_t i = 0; i < a->n_host; i++)
		if (a->host[i].port != b->host[i].port ||
		    strcmp(a->host[i].host, b->host[i].host))
			return false;
	return true;
}

static struct trunk *trunk_new(struct sip *self, const struct conf_trunk *conf)
{
	struct trunk *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->sip = self;
	t->conf = conf;
	snprintf(t->key, sizeof(t->key), "%p.%s", (void *)self, conf->name);
	list_add(&self->trunks, &t->link);
	for (size_t i = 0; conf->transport != CONF_UDP && conf->transport != CONF_TCP &&
	     i < conf->n_host; i++)
		if (verify_peer_new(&t->host[i].expected, conf->host[i].host, conf->host[i].port,
				    conf->verify, conf->ca))
			log_error("sip: trunk host cannot be verified trunk=%s host=%s", conf->name,
				  conf->host[i].host);
	return t;
}

void trunks_open(struct sip *self)
{
	list_each_safe(l, &self->trunks) {
		struct trunk *t = list_entry(l, struct trunk, link);
		const struct conf_trunk *fresh = config_trunk(self->config, t->conf->name);

		if (fresh && is_same(t->conf, fresh))
			t->conf = fresh;
		else
			trunk_free(t);
	}
	for (size_t i = 0; i < self->config->n_trunk; i++) {
		const struct conf_trunk *conf = &self->config->trunk[i];
		struct trunk *t = trunk_find(self, conf->name);

		if (!t)
			t = trunk_new(self, conf);
		if (!t || auth_secret_set(t->key, conf->user, conf->password))
			log_error("sip: no memory for trunk=%s", conf->name);
	}
	if (!list_empty(&self->trunks))
		timer_set(self->trunk_timer, 0);
}

bool trunks_stop(struct sip *self)
{
	bool any = false;

	timer_cancel(self->trunk_timer);
	list_each(l, &self->trunks) {
		struct trunk *t = list_entry(l, struct trunk, link);

		if (t->state != REGISTER_DONE || !t->reg)
			continue;
		nua_unregister(t->reg, TAG_END());
		any = true;
	}
	return any;
}

void trunks_free(struct sip *self)
{
	list_each_safe(l, &self->trunks)
		trunk_free(list_entry(l, struct trunk, link));
}

int trunks_init(struct sip *self)
{
	list_init(&self->trunks);
	return timer_new(&self->trunk_timer, self->loop, on_tick, self);
}

/* ---- the list --------------------------------------------------------------------------------- */

void trunk_list(struct sip *self, void (*fn)(void *arg, const struct call_trunk *t), void *arg)
{
	list_each(l, &self->trunks) {
		const struct trunk *t = list_entry(l, struct trunk, link);
		int i = first_usable(t);
		int64_t left = t->state == REGISTER_DONE ? t->reg_us - clock_us() : 0;
		char refused[32];
		struct call_trunk row = {
			.name = t->conf->name, .host = i < 0 ? "" : t->conf->host[i].host,
			.hosts = (unsigned)t->conf->n_host,
			.left_s = left > 0 ? (unsigned)(left / 1000000) : 0,
		};

		snprintf(refused, sizeof(refused), "refused %d", t->reg_status);
		row.registration = !t->conf->register_ ? "-" :
				   t->state == REGISTER_DONE ? "registered" :
				   t->state == REGISTER_REFUSED ? refused : "trying";
		for (unsigned k = 0; k < t->conf->n_host; k++)
			row.hosts_up += is_usable(t, k);
		list_each(k, &self->dialogs)
			row.calls += list_entry(k, struct dialog, link)->trunk == t;
		fn(arg, &row);
	}
}
