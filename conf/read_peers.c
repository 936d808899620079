/* SPDX-License-Identifier: GPL-3.0-or-later
 * ⟨libxml2⟩ <accounts>: who may register here. <trunks>: where we register and
 * call through. */
#include "conf/read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

const char *const conf_digests[] = { "SHA-512-256", "SHA-256", "MD5", NULL };

enum {
	MAX_SECRET = 256,
	/* Phones give up on the first challenge they do not know (libre 1.1 does),
	 * though RFC 8760 has them look at the next one. */
	MD5_ONLY = 1 << 2,
};

/* ---- secrets ------------------------------------------------------------------------ */

/* What is in this file is nobody else's business. */
static void check_secret_file(struct conf_build *b, const xmlNode *node, const char *attr,
			      const char *path)
{
	struct stat st;

	if (!b->around->files || stat(path, &st) || !S_ISREG(st.st_mode) ||
	    !(st.st_mode & S_IRWXO))
		return;
	conf_warning(b, conf_attr_line(b, node, attr), "everybody on this machine can read the "
		     "secret in \"%s\", chmod o-rwx it", path);
}

/* The first line of the file. */
static char *read_secret_file(struct conf_build *b, const xmlNode *node, const char *attr,
			      const char *name)
{
	char *path = conf_beside(b, name), line[MAX_SECRET + 2] = "";
	FILE *f;
	bool got;

	if (!path || !b->around->files)
		return conf_strdup(b, "-");
	f = fopen(path, "re");
	if (!f) {
		conf_bad_attr(b, node, attr, "%s \"%s\": %s, write the name of a file with the "
			      "password in its first line", attr, path, strerror(errno));
		return NULL;
	}
	got = fgets(line, sizeof(line), f) != NULL;
	fclose(f);
	check_secret_file(b, node, attr, path);
	line[strcspn(line, "\r\n")] = 0;
	if (!got || !*line || strlen(line) > MAX_SECRET) {
		conf_bad_attr(b, node, attr, "%s \"%s\": its first line is %s, write the password there",
			      attr, path, *line ? "too long" : "empty");
		return NULL;
	}
	return conf_strdup(b, line);
}

/* password="…" or password-file="…"; NULL: neither. */
static char *read_password(struct conf_build *b, const xmlNode *node)
{
	char *inside = conf_text(b, node, "password", false, MAX_SECRET);
	char *file = conf_text(b, node, "password-file", false, 4000);

	if (inside && file) {
		conf_bad_attr(b, node, "password", "password and password-file, leave one of them out");
		return inside;
	}
	if (inside)
		check_secret_file(b, node, "password", b->name);
	return inside ? inside : file ? read_secret_file(b, node, "password-file", file) : NULL;
}

/* ---- accounts ------------------------------------------------------------------------- */

static char *read_ha1(struct conf_build *b, const xmlNode *node, const char *attr, size_t digits)
{
	char *hex = conf_text(b, node, attr, false, 128);

	if (!hex)
		return NULL;
	for (char *p = hex; *p; p++)
		if (*p >= 'A' && *p <= 'F')
			*p = (char)(*p | 0x20);
	if (strlen(hex) != digits || hex[strspn(hex, "0123456789abcdef")]) {
		conf_bad_attr(b, node, attr, "%s is no hash, write %zu hexadecimal digits: of "
			      "name:realm:password", attr, digits);
		return NULL;
	}
	check_secret_file(b, node, attr, b->name);
	return hex;
}

/* What can be a user part as it is. */
static bool is_plain(const char *name)
{
	return !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789-_.+*")];
}

static void read_account(struct conf_build *b, const xmlNode *node, struct conf_account *out)
{
	static const char *const attrs[] = {
		"name", "password", "password-file", "sha-512-256", "sha-256", "md5", NULL
	};
	unsigned offered = b->tree->config.accounts.algorithms;
	bool any = false;

	conf_read_shape(b, node, attrs, NULL);
	out->line = conf_line(b, node);
	out->name = conf_name(b, node, "name", true);
	if (out->name && !is_plain(out->name)) {
		conf_bad_attr(b, node, "name", "name=\"%s\" has something else than letters, digits and "
			      "-_.+* in it, write it without", out->name);
		out->name = NULL;
	}
	out->password = read_password(b, node);
	for (unsigned i = 0; i < CONF_DIGESTS; i++) {
		out->ha1[i] = read_ha1(b, node, attrs[3 + i], i == 2 ? 32 : 64);
		any = any || conf_has(node, attrs[3 + i]);
		if (out->ha1[i] && !(offered >> i & 1))
			conf_warning(b, conf_attr_line(b, node, attrs[3 + i]), "%s is not among the "
				     "algorithms of <accounts>, write it there or leave the hash out",
				     conf_digests[i]);
	}
	if (!any && !conf_has(node, "password") && !conf_has(node, "password-file"))
		conf_bad(b, node, "the account has no password, write password-file=\"…\", password=\"…\", "
			 "or its hashes");
	if (any && out->password)
		conf_bad(b, node, "the account has a password and hashes of one, leave one of them out");
}

static unsigned read_algorithms(struct conf_build *b, const xmlNode *node)
{
	char *text = conf_text(b, node, "algorithms", false, 128), *save = NULL, instead[256];
	unsigned bits = 0;

	if (!text)
		return MD5_ONLY;
	for (char *w = strtok_r(text, " \t\r\n", &save); w; w = strtok_r(NULL, " \t\r\n", &save)) {
		unsigned i = 0;

		while (conf_digests[i] && strcmp(conf_digests[i], w))
			i++;
		if (conf_digests[i])
			bits |= 1U << i;
		else
			conf_bad_attr(b, node, "algorithms", "algorithms: \"%s\" is unknown%s", w,
				      conf_instead(instead, sizeof(instead), w, conf_digests));
	}
	return bits ? bits : MD5_ONLY;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct conf_account *)a)->name,
		      ((const struct conf_account *)b)->name);
}

static void check_accounts(struct conf_build *b, struct conf_accounts *a)
{
	qsort(a->account, a->n_account, sizeof(*a->account), by_name);
	for (size_t i = 1; i < a->n_account; i++) {
		const struct conf_account *one = &a->account[i - 1], *two = &a->account[i];

		if (!strcmp(one->name, two->name))
			conf_mistake(b, one->line > two->line ? one->line : two->line,
				     "account \"%s\" is there already, on line %u, write another name",
				     two->name, one->line < two->line ? one->line : two->line);
	}
}

/* What stands in a quoted string and after an @: a host name. */
static bool is_host(const char *text)
{
	struct in6_addr in6;

	if (inet_pton(AF_INET6, text, &in6) == 1)
		return true;
	return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789-_.")];
}

static char *read_host(struct conf_build *b, const xmlNode *node, const char *attr, bool required)
{
	char *text = conf_text(b, node, attr, required, 253);

	if (!text || is_host(text))
		return text;
	conf_bad_attr(b, node, attr, "%s=\"%s\" is no host, write a name such as sip.example.org or a "
		      "numeric address, without sip: and port", attr, text);
	return NULL;
}

void conf_read_accounts(struct conf_build *b, const xmlNode *node)
{
	static const char *const attrs[] = {
		"realm", "algorithms", "min-expires", "max-expires", "max-bindings", NULL
	};
	static const char *const elements[] = { "account", NULL };
	struct conf_accounts *a = &b->tree->config.accounts;
	size_t n = conf_children(node, "account");
	char *realm = NULL;

	a->min_expires_s = 60;
	a->max_expires_s = 3600;
	a->max_bindings = 10;
	a->algorithms = MD5_ONLY;
	if (node) {
		conf_read_shape(b, node, attrs, elements);
		realm = read_host(b, node, "realm", false);
		if (realm && strlen(realm) > CONF_MAX_NAME) {
			conf_bad_attr(b, node, "realm", "realm is too long, write at most %d characters",
				      CONF_MAX_NAME);
			realm = NULL;
		}
		a->algorithms = read_algorithms(b, node);
		conf_number(b, node, "min-expires", 1, 3600, &a->min_expires_s);
		conf_number(b, node, "max-expires", 1, 604800, &a->max_expires_s);
		conf_number(b, node, "max-bindings", 1, 100, &a->max_bindings);
		if (a->max_expires_s < a->min_expires_s)
			conf_bad_attr(b, node, "max-expires", "max-expires is less than min-expires (%u), "
				      "write more", a->min_expires_s);
	}
	a->realm = realm ? realm : conf_strdup(b, "balai");
	if (n > CONF_MAX_ACCOUNTS) {
		conf_bad(b, node, "%zu accounts, write at most %d", n, CONF_MAX_ACCOUNTS);
		return;
	}
	a->account = n ? conf_alloc(b, n, sizeof(*a->account)) : NULL;
	for (const xmlNode *e = NULL; a->account && !b->error &&
	     (e = conf_child(node, "account", e));) {
		read_account(b, e, &a->account[a->n_account]);
		if (a->account[a->n_account].name)
			a->n_account++;
	}
	if (a->n_account)
		check_accounts(b, a);
}

/* ---- trunks ------------------------------------------------------------------------------ */

static void read_trunk_hosts(struct conf_build *b, const xmlNode *node, struct conf_trunk *out)
{
	static const char *const attrs[] = { "address", "port", NULL };
	size_t n = conf_children(node, "host");

	if (!n || n > CONF_MAX_TRUNK_HOSTS) {
		conf_bad(b, node, "a trunk leads to %s, write 1 to %d <host address=\"…\"/> into it",
			 n ? "too many hosts" : "no host", CONF_MAX_TRUNK_HOSTS);
		return;
	}
	out->host = conf_alloc(b, n, sizeof(*out->host));
	for (const xmlNode *e = NULL; out->host && (e = conf_child(node, "host", e));) {
		struct conf_trunk_host *h = &out->host[out->n_host];
		unsigned port = 0;

		conf_read_shape(b, e, attrs, NULL);
		h->host = read_host(b, e, "address", true);
		conf_number(b, e, "port", 1, 65535, &port);
		h->port = (uint16_t)port;
		out->n_host += h->host != NULL;
	}
}

static char *read_user(struct conf_build *b, const xmlNode *node, const char *attr)
{
	char *user = conf_name(b, node, attr, false);

	if (!user || !strpbrk(user, "\"\\<>@:;,?"))
		return user;
	conf_bad_attr(b, node, attr, "%s=\"%s\" has a character in it that ends a user name, write it "
		      "without sip: and @", attr, user);
	return NULL;
}

static void read_trunk_tls(struct conf_build *b, const xmlNode *node, struct conf_trunk *out)
{
	char *ca = conf_text(b, node, "ca", false, 4000);
	FILE *f;

	out->verify = true;
	conf_yes_no(b, node, "verify", &out->verify);
	out->ca = ca ? conf_beside(b, ca) : NULL;
	if (out->transport != CONF_TLS && (conf_has(node, "verify") || ca))
		conf_bad_attr(b, node, ca ? "ca" : "verify", "%s is for transport=\"tls\", write that too "
			      "or leave it out", ca ? "ca" : "verify");
	if (!out->ca || !b->around->files)
		return;
	f = fopen(out->ca, "re");
	if (f)
		fclose(f);
	else
		conf_bad_attr(b, node, "ca", "ca \"%s\": %s, write the name of a PEM file that can be read",
			      out->ca, strerror(errno));
}

/* Whom a name leads to is found out by Sofia, so that a connection is known by a
 * numeric address only; and a name that nobody verifies is worth nothing. */
static void check_unverified(struct conf_build *b, const xmlNode *node,
			     const struct conf_trunk *t)
{
	struct in6_addr any;

	for (size_t i = 0; !t->verify && i < t->n_host; i++)
		if (inet_pton(AF_INET, t->host[i].host, &any) != 1 &&
		    inet_pton(AF_INET6, t->host[i].host, &any) != 1)
			conf_bad_attr(b, node, "verify", "verify=\"no\" is for numeric addresses, write "
				      "that of \"%s\", or leave it out and name the authority with "
				      "ca=\"…\"", t->host[i].host);
}

static void read_trunk(struct conf_build *b, const xmlNode *node, struct conf_trunk *out)
{
	static const char *const attrs[] = {
		"name", "transport", "verify", "ca", "user", "password", "password-file", "domain",
		"caller", "register", "expires", "check", NULL
	};
	static const char *const elements[] = { "host", NULL };
	static const char *const transports[] = { "udp", "tcp", "tls", "dns", NULL };

	conf_read_shape(b, node, attrs, elements);
	out->line = conf_line(b, node);
	out->name = conf_name(b, node, "name", true);
	if (out->name && !is_host(out->name)) {
		conf_bad_attr(b, node, "name", "name=\"%s\" has to stand in an address like "
			      "sip:123@NAME, write letters, digits and -_.", out->name);
		out->name = NULL;
	}
	out->transport = CONF_UDP;
	conf_choice(b, node, "transport", transports, &out->transport);
	if (out->transport == 3)
		out->transport = -1;
	read_trunk_tls(b, node, out);
	out->user = read_user(b, node, "user");
	out->password = read_password(b, node);
	out->domain = read_host(b, node, "domain", false);
	out->caller = read_user(b, node, "caller");
	conf_yes_no(b, node, "register", &out->register_);
	out->expires_s = 600;
	out->check_s = 30;
	conf_number(b, node, "expires", 60, 86400, &out->expires_s);
	conf_number(b, node, "check", 0, 3600, &out->check_s);
	read_trunk_hosts(b, node, out);
	check_unverified(b, node, out);
	if (out->register_ && !out->user)
		conf_bad(b, node, "register=\"yes\" needs a name to register, write user=\"…\"");
	if (out->password && !out->user)
		conf_bad(b, node, "a password without a user, write user=\"…\" too");
}

static void check_trunk_name(struct conf_build *b, const struct conf_trunk *t)
{
	const struct config *c = &b->tree->config;
	const struct conf_trunk *other = config_trunk(c, t->name);

	if (other != t)
		conf_mistake(b, t->line, "trunk \"%s\" is there already, on line %u, write another name",
			     t->name, other->line);
	if (!strcasecmp(t->name, c->accounts.realm) || !strcasecmp(t->name, "balai"))
		conf_mistake(b, t->line, "the name \"%s\" stands for the accounts here, write another one",
			     t->name);
}

void conf_read_trunks(struct conf_build *b, const xmlNode *node)
{
	static const char *const elements[] = { "trunk", NULL };
	struct config *c = &b->tree->config;
	size_t n = conf_children(node, "trunk");

	if (!node || b->error)
		return;
	conf_read_shape(b, node, NULL, elements);
	if (n > CONF_MAX_TRUNKS) {
		conf_bad(b, node, "%zu trunks, write at most %d", n, CONF_MAX_TRUNKS);
		return;
	}
	c->trunk = n ? conf_alloc(b, n, sizeof(*c->trunk)) : NULL;
	for (const xmlNode *e = NULL; c->trunk && !b->error && (e = conf_child(node, "trunk", e));) {
		read_trunk(b, e, &c->trunk[c->n_trunk]);
		if (c->trunk[c->n_trunk].name)
			c->n_trunk++;
	}
	for (size_t i = 0; i < c->n_trunk; i++)
		check_trunk_name(b, &c->trunk[i]);
}
