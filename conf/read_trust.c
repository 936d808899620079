/* SPDX-License-Identifier: GPL-3.0-or-later
 * ⟨libxml2⟩ Of <network>: whose word is taken for who calls, and what
 * participants may ask for by a transfer. */
#include "conf/read.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { MAX_TRUSTED = 256, MAX_HOSTS = 64, MAX_HOST = 253, MAX_PER_CALL = 100 };

/* ---- trusted ---------------------------------------------------------------------- */

static bool parse_address(const char *text, uint8_t out[16], unsigned *bits)
{
	*bits = 128;
	if (inet_pton(AF_INET6, text, out) == 1)
		return true;
	*bits = 32;
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	return inet_pton(AF_INET, text, out + 12) == 1;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	return !memcmp(a, b, bits / 8) &&
	       (bits % 8 == 0 || !((a[bits / 8] ^ b[bits / 8]) & (0xff00 >> bits % 8 & 0xff)));
}

bool config_trusts(const struct config *self, const char *address)
{
	uint8_t bytes[16];
	unsigned bits;

	if (!parse_address(address, bytes, &bits))
		return false;
	for (size_t i = 0; i < self->network.n_trusted; i++) {
		const struct conf_net *n = &self->network.trusted[i];

		if (same_bits(bytes, n->address, n->bits))
			return true;
	}
	return false;
}

/* "192.0.2.10", "10.0.0.0/8", "2001:db8::/32": what stands behind the prefix is
 * zero, or the range is not the one that was meant. */
static const char *parse_net(const char *text, struct conf_net *out)
{
	static const uint8_t zero[16];
	char host[64];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned most, bits = 0, all;
	uint8_t rest[16];

	if (len >= sizeof(host))
		return "is no numeric address";
	memcpy(host, text, len);
	host[len] = '\0';
	if (!parse_address(host, out->address, &most))
		return "is no numeric address";
	if (slash && (!slash[1] || strlen(slash + 1) > 3 || slash[1 + strspn(slash + 1, "0123456789")]))
		return "has no number behind the /";
	for (const char *p = slash ? slash + 1 : ""; *p; p++)
		bits = bits * 10 + (unsigned)(*p - '0');
	if (!slash)
		bits = most;
	if (bits > most)
		return "has more bits than an address";
	if (!bits)
		return "is everybody, whose word is worth nothing";
	out->bits = all = 128 - most + bits;
	memcpy(rest, out->address, sizeof(rest));
	memset(rest, 0, all / 8);
	if (all % 8)
		rest[all / 8] &= (uint8_t)(0xff >> all % 8);
	return memcmp(rest, zero, sizeof(rest)) ? "has bits set behind its prefix" : NULL;
}

static void read_trusted(struct conf_build *b, const xmlNode *parent, struct conf_network *n)
{
	static const char *const attrs[] = { "address", NULL };
	size_t count = conf_children(parent, "trusted");

	if (count > MAX_TRUSTED) {
		conf_bad(b, conf_child(parent, "trusted", NULL),
			 "%zu <trusted> elements, write at most %d", count, MAX_TRUSTED);
		return;
	}
	n->trusted = conf_alloc(b, count, sizeof(*n->trusted));
	for (const xmlNode *c = NULL; n->trusted && (c = conf_child(parent, "trusted", c));) {
		struct conf_net net = { .line = conf_line(b, c) };
		const char *fault;
		char *text;

		conf_read_shape(b, c, attrs, NULL);
		text = conf_text(b, c, "address", true, 64);
		fault = text ? parse_net(text, &net) : NULL;
		if (fault)
			conf_bad_attr(b, c, "address", "address=\"%s\" %s, write one such as 192.0.2.10, "
				      "10.1.0.0/16 or 2001:db8::/32", text, fault);
		else if (text)
			n->trusted[n->n_trusted++] = net;
	}
}

/* ---- transfers ---------------------------------------------------------------------- */

bool config_transfer_host(const struct config *self, const char *host)
{
	const struct conf_transfers *t = &self->network.transfers;

	for (size_t i = 0; i < t->n_host; i++)
		if (!strcasecmp(t->host[i], host))
			return true;
	return false;
}

static bool is_host(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
	uint8_t bytes[16];
	unsigned bits;

	return parse_address(s, bytes, &bits) ||
	       (strlen(s) <= MAX_HOST && !s[strspn(s, letters)] && *s != '.' && *s != '-');
}

static void read_hosts(struct conf_build *b, const xmlNode *node, struct conf_transfers *t)
{
	char *text = conf_text(b, node, "hosts", false, 4000), *save = NULL;

	t->host = text ? conf_alloc(b, MAX_HOSTS, sizeof(*t->host)) : NULL;
	if (!t->host)
		return;
	for (char *w = strtok_r(text, " \t\r\n", &save); w; w = strtok_r(NULL, " \t\r\n", &save)) {
		if (t->n_host == MAX_HOSTS) {
			conf_bad_attr(b, node, "hosts", "hosts has more than %d names, write fewer",
				      MAX_HOSTS);
			return;
		}
		if (is_host(w))
			t->host[t->n_host++] = w;
		else
			conf_bad_attr(b, node, "hosts", "hosts: \"%s\" is no host, write a name such as "
				      "pbx.example.org or a numeric address, without a port", w);
	}
	if (!t->n_host)
		conf_bad_attr(b, node, "hosts", "hosts is empty, write a host or leave it out");
}

static void read_transfers(struct conf_build *b, const xmlNode *parent, struct conf_transfers *t)
{
	static const char *const attrs[] = { "accept", "hosts", "per-call", NULL };
	const xmlNode *node = conf_only_child(b, parent, "transfers");

	t->accept = true;
	t->per_call = 5;
	if (!node)
		return;
	conf_read_shape(b, node, attrs, NULL);
	conf_yes_no(b, node, "accept", &t->accept);
	conf_number(b, node, "per-call", 1, MAX_PER_CALL, &t->per_call);
	read_hosts(b, node, t);
	if (!t->accept && (conf_has(node, "hosts") || conf_has(node, "per-call")))
		conf_warning(b, conf_line(b, node), "accept=\"no\" refuses every transfer, leave the other "
			     "attributes out");
}

void conf_read_trust(struct conf_build *b, const xmlNode *node, struct conf_network *n)
{
	read_trusted(b, node, n);
	read_transfers(b, node, &n->transfers);
}
