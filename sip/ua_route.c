/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where an address leads: to a phone that is registered here, through a trunk,
 * or straight there. */
#include "sip/ua_trunk.h"
#include "sip/registrar.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const char *const transports[] = { "udp", "tcp", "tls" };

/* "sip:host:port;transport=…" with brackets where they belong */
static void hop(char *buf, size_t cap, const char *host, uint16_t port,
		enum conf_transport transport)
{
	bool v6 = strchr(host, ':') != NULL;

	snprintf(buf, cap, "sip:%s%s%s:%u;transport=%s", v6 ? "[" : "", host, v6 ? "]" : "", port,
		 transports[transport]);
}

/* User and host of an address whose scheme was checked; the host without
 * brackets and port. */
static void split(const char *uri, char *user, size_t user_cap, char *host, size_t host_cap)
{
	const char *from = strchr(uri, ':') + 1, *at = strrchr(from, '@');
	const char *h = at ? at + 1 : from;
	size_t n = *h == '[' ? strcspn(++h, "]") : strcspn(h, ":;?");

	snprintf(host, host_cap, "%.*s", (int)n, h);
	user[0] = 0;
	if (at)
		text_unescape(user, user_cap, from, (size_t)(at - from));
}

/* Whether the host is this bridge, so that the user may be one of our accounts. */
static bool is_our_host(const struct sip *self, const char *host)
{
	if (!strcasecmp(host, self->config->accounts.realm) || !strcasecmp(host, "balai"))
		return true;
	for (size_t i = 0; i < self->n_stacks; i++)
		if (!strcmp(host, self->stack[i]->address) || !strcmp(host, self->stack[i]->shown))
			return true;
	return false;
}

/* The stack that the phone registered through. */
static struct stack *stack_of(struct sip *self, const struct binding *b)
{
	for (size_t i = 0; i < self->n_stacks; i++) {
		struct stack *s = self->stack[i];

		if (!strcmp(s->address, b->local) && s->tls == (b->transport == CONF_TLS) &&
		    (b->transport == CONF_UDP ? s->udp_port : s->tcp_port))
			return s;
	}
	return NULL;
}

/* RFC 5626 5.3: by the flow that the registration came by, unless a proxy is
 * between, which knows the way itself. */
int route_binding(struct sip *self, struct route *out, const struct binding *b)
{
	memset(out, 0, sizeof(*out));
	if (snprintf(out->uri, sizeof(out->uri), "%s", b->uri) >= (int)sizeof(out->uri))
		return -EINVAL;
	snprintf(out->shown, sizeof(out->shown), "%s@%s", b->account,
		 self->config->accounts.realm);
	out->binding = b;
	out->transport = b->transport;
	out->stack = stack_of(self, b);
	if (b->direct) {
		hop(out->hop, sizeof(out->hop), b->address, b->port, b->transport);
		snprintf(out->address, sizeof(out->address), "%s", b->address);
	} else {
		snprintf(out->path, sizeof(out->path), "%s", b->path ? b->path : "");
	}
	return out->stack ? 0 : -EHOSTUNREACH;
}

/* The first of its phones that can be reached. */
static int to_account(struct sip *self, struct route *out, const char *account)
{
	int err = -ENOTCONN;

	for (const struct binding *b = NULL;
	     err && (b = registrar_next(self->registrar, account, b)) != NULL; )
		err = route_binding(self, out, b);
	return err;
}

int route_find(struct sip *self, struct route *out, const char *uri)
{
	char user[160], host[256];
	struct trunk *trunk;

	memset(out, 0, sizeof(*out));
	split(uri, user, sizeof(user), host, sizeof(host));
	if (*user && self->config->accounts.n_account && is_our_host(self, host)) {
		if (config_account(self->config, user))
			return to_account(self, out, user);
		if (!strcasecmp(host, "balai") ||
		    !strcasecmp(host, self->config->accounts.realm))
			return -ENOTCONN;
	}
	trunk = trunk_find(self, host);
	if (trunk)
		return trunk_route(trunk, out, user);
	snprintf(out->uri, sizeof(out->uri), "%s", uri);
	snprintf(out->shown, sizeof(out->shown), "%.*s",
		 (int)strcspn(strchr(uri, ':') + 1, ";"), strchr(uri, ':') + 1);
	out->stack = stack_for(self, uri);
	if (!out->stack)
		return -EHOSTUNREACH;
	out->transport = transport_of(out->stack, uri);
	if (out->transport == CONF_TLS && self->config->network.tls_verify)
		snprintf(out->expected, sizeof(out->expected), "%s", host);
	return 0;
}

/* One more address of a Contact header. */
static int contact_add(char *buf, size_t cap, size_t *n, const char *uri, const char *params)
{
	int len;

	for (const char *p = uri; *p; p++)
		if ((unsigned char)*p <= ' ' || strchr("<>\"\\,", *p) || *p == 127)
			return -EINVAL;
	len = snprintf(buf + *n, cap - *n, "%s<%s>%s", *n ? ", " : "", uri, params);
	if (len < 0 || (size_t)len >= cap - *n) {
		buf[*n] = 0;
		return -ENOSPC;
	}
	*n += (size_t)len;
	return 0;
}

/* With q, so that the caller rings them as we would (RFC 3261 8.1.3.4). */
static int account_contacts(struct sip *self, char *buf, size_t cap, const char *account)
{
	size_t n = 0;

	for (const struct binding *b = NULL;
	     (b = registrar_next(self->registrar, account, b)) != NULL; ) {
		char q[24];

		snprintf(q, sizeof(q), ";q=%u.%03u", b->q / 1000, b->q % 1000);
		if (contact_add(buf, cap, &n, b->uri, q) == -ENOSPC)
			break; /* those that fit */
	}
	return n ? 0 : -EINVAL;
}

int route_redirect(struct sip *self, char *buf, size_t cap, const char *uri)
{
	struct route r;
	size_t n = 0;
	int err;

	if (strncasecmp(uri, "sip:", 4) && strncasecmp(uri, "sips:", 5))
		err = -EPROTONOSUPPORT;
	else
		err = route_find(self, &r, uri);
	if (err == -ENOTCONN)
		return err;
	if (!err && r.binding)
		return account_contacts(self, buf, cap, r.binding->account);
	/* What leads out of here without us is repeated as it is. */
	return contact_add(buf, cap, &n, err || !r.trunk ? uri : r.uri, "");
}
