/* SPDX-License-Identifier: GPL-3.0-or-later
 * ⟨libxml2⟩ <network>: where we listen, what we tell others, what we may use. */
#include "conf/read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_numeric(const char *address)
{
	struct in6_addr any;

	return inet_pton(AF_INET, address, &any) == 1 || inet_pton(AF_INET6, address, &any) == 1;
}

/* A numeric address; "*" too where `wild`. */
static char *read_address(struct conf_build *b, const xmlNode *node, bool required, bool wild)
{
	char *text = conf_text(b, node, "address", required, 64);

	if (!text || is_numeric(text) || (wild && !strcmp(text, "*")))
		return text;
	conf_bad_attr(b, node, "address",
		      "address=\"%s\" is no numeric address, write one such as 192.0.2.10 or 2001:db8::10%s",
		      text, wild ? ", * for all IPv4 or :: for all IPv6" : "");
	return NULL;
}

/* ---- listen ---------------------------------------------------------------------- */

static void read_listen(struct conf_build *b, const xmlNode *node, struct conf_listen *out)
{
	static const char *const attrs[] = { "transport", "address", "port", NULL };
	int transport = CONF_UDP;
	unsigned port;

	conf_read_shape(b, node, attrs, NULL);
	if (conf_has(node, "transport"))
		conf_choice(b, node, "transport", conf_transports, &transport);
	else
		conf_bad(b, node, "<listen> needs an attribute \"transport\", write udp, tcp or tls");
	port = transport == CONF_TLS ? 5061 : 5060;
	conf_number(b, node, "port", 0, 65535, &port);
	out->transport = (enum conf_transport)transport;
	out->address = read_address(b, node, false, true);
	if (!out->address)
		out->address = conf_strdup(b, "*");
	out->port = (uint16_t)port;
	out->line = conf_line(b, node);
}

static void default_listen(struct conf_build *b, struct conf_network *n)
{
	static const struct { enum conf_transport transport; uint16_t port; } of[] = {
		{ CONF_UDP, 5060 }, { CONF_TCP, 5060 }, { CONF_TLS, 5061 },
	};

	n->listen = conf_alloc(b, 6, sizeof(*n->listen));
	if (!n->listen)
		return;
	n->n_listen = 6;
	for (unsigned i = 0; i < 6; i++)
		n->listen[i] = (struct conf_listen){
			.transport = of[i / 2].transport,
			.address = conf_strdup(b, i % 2 ? "::" : "*"),
			.port = of[i / 2].port,
		};
}

static void read_listens(struct conf_build *b, const xmlNode *node, struct conf_network *n)
{
	size_t count = conf_children(node, "listen");

	if (count > CONF_MAX_LISTEN) {
		conf_bad(b, conf_child(node, "listen", NULL),
			 "%zu <listen> elements, write at most %d", count, CONF_MAX_LISTEN);
		count = 0;
	}
	if (!count) {
		default_listen(b, n);
		return;
	}
	n->listen = conf_alloc(b, count, sizeof(*n->listen));
	for (const xmlNode *c = NULL; n->listen && (c = conf_child(node, "listen", c));)
		read_listen(b, c, &n->listen[n->n_listen++]);
}

/* ---- media ------------------------------------------------------------------------- */

/* "first-last"; false: not of this form. */
static bool parse_range(const char *text, unsigned *min, unsigned *max)
{
	char *end;

	if (text[strspn(text, "0123456789-")] || *text == '-')
		return false;
	*min = (unsigned)strtoul(text, &end, 10);
	if (*end++ != '-' || *end == '-' || !*end)
		return false;
	*max = (unsigned)strtoul(end, &end, 10);
	return !*end;
}

static const char *range_fault(unsigned min, unsigned max)
{
	if (min > 65535 || max > 65535)
		return "has no such port, write numbers up to 65535";
	if (min > max)
		return "is backwards, write the lower port first";
	if (min < 1024)
		return "begins below 1024, where ports are reserved, write 1024 or more";
	if (min % 2)
		return "begins with an odd port, write an even one (RTP is even, RTCP the odd one after it)";
	if (max % 2 == 0)
		return "ends with an even port, write an odd one (RTP is even, RTCP the odd one after it)";
	if (max - min + 1 < 2 * CONF_PORTS_PER_CALL)
		return "is too small for a conference of two, write at least 8 ports";
	return NULL;
}

static void read_ports(struct conf_build *b, const xmlNode *node, struct conf_network *n)
{
	char *text = conf_text(b, node, "ports", false, 32);
	unsigned min, max;
	const char *fault;

	if (!text)
		return;
	if (!strcmp(text, "any")) {
		n->media_port_min = n->media_port_max = 0;
		return;
	}
	if (!parse_range(text, &min, &max)) {
		conf_bad_attr(b, node, "ports",
			      "ports=\"%s\" is no range, write it like 20000-29999, or any", text);
		return;
	}
	fault = range_fault(min, max);
	if (fault) {
		conf_bad_attr(b, node, "ports", "ports=\"%s\" %s", text, fault);
		return;
	}
	n->media_port_min = (uint16_t)min;
	n->media_port_max = (uint16_t)max;
}

/* Ports that the system also hands out for outgoing connections may be taken
 * by another program just when a call wants them. */
static void check_ephemeral(struct conf_build *b, unsigned line, const struct conf_network *n)
{
	unsigned low = 0, high = 0;
	const char *name = b->around->port_range_file;
	FILE *f = name ? fopen(name, "re") : NULL;

	if (!f)
		return;
	if (fscanf(f, "%u %u", &low, &high) == 2 && n->media_port_max &&
	    n->media_port_min <= high && n->media_port_max >= low)
		conf_warning(b, line, "media ports %u-%u overlap with %u-%u, which the system gives to "
			     "outgoing connections, write a range outside or change "
			     "net.ipv4.ip_local_port_range",
			     n->media_port_min, n->media_port_max, low, high);
	fclose(f);
}

static void read_media(struct conf_build *b, const xmlNode *parent, struct conf_network *n)
{
	static const char *const attrs[] = { "address", "ports", NULL };
	const xmlNode *node = conf_only_child(b, parent, "media");

	n->media_port_min = 20000;
	n->media_port_max = 29999;
	if (node) {
		conf_read_shape(b, node, attrs, NULL);
		n->media_address = read_address(b, node, false, false);
		read_ports(b, node, n);
	}
	check_ephemeral(b, node ? conf_attr_line(b, node, "ports") : 1, n);
}

/* ---- files --------------------------------------------------------------------------- */

char *conf_beside(struct conf_build *b, const char *path)
{
	const char *slash = strrchr(b->name, '/');
	size_t dir = slash ? (size_t)(slash - b->name) + 1 : 0;
	char *full;

	if (*path == '/' || !dir)
		return conf_strdup(b, path);
	full = conf_alloc(b, dir + strlen(path) + 1, 1);
	if (full) {
		memcpy(full, b->name, dir);
		memcpy(full + dir, path, strlen(path) + 1);
	}
	return full;
}

static char *read_pem(struct conf_build *b, const xmlNode *node, const char *attr, bool secret)
{
	char *path = conf_text(b, node, attr, true, 4000);
	struct stat st;

	if (path)
		path = conf_beside(b, path);
	if (!path || !b->around->files)
		return path;
	if (stat(path, &st) < 0 || access(path, R_OK) < 0) {
		conf_bad_attr(b, node, attr, "%s \"%s\": %s, write the name of a PEM file that can be read",
			      attr, path, strerror(errno));
		return path;
	}
	if (!S_ISREG(st.st_mode))
		conf_bad_attr(b, node, attr, "%s \"%s\" is not a file, write the name of a PEM file",
			      attr, path);
	else if (secret && (st.st_mode & S_IRWXO))
		conf_warning(b, conf_attr_line(b, node, attr),
			     "everybody on this machine can read the key \"%s\", chmod o-rwx it", path);
	return path;
}

static void read_tls(struct conf_build *b, const xmlNode *parent, struct conf_network *n)
{
	static const char *const attrs[] = { "certificate", "key", NULL };
	const xmlNode *node = conf_only_child(b, parent, "tls");

	if (!node)
		return;
	conf_read_shape(b, node, attrs, NULL);
	n->tls_certificate = read_pem(b, node, "certificate", false);
	n->tls_key = read_pem(b, node, "key", true);
}

static void read_verify(struct conf_build *b, const xmlNode *parent, struct conf_network *n)
{
	static const char *const attrs[] = { "servers", "ca", NULL };
	const xmlNode *node = conf_only_child(b, parent, "verify");

	n->tls_verify = true;
	if (!node)
		return;
	conf_read_shape(b, node, attrs, NULL);
	conf_yes_no(b, node, "servers", &n->tls_verify);
	if (conf_has(node, "ca"))
		n->tls_ca = read_pem(b, node, "ca", false);
}

static void read_control(struct conf_build *b, const xmlNode *parent, struct conf_network *n)
{
	static const char *const attrs[] = { "socket", NULL };
	const xmlNode *node = conf_only_child(b, parent, "control");
	char *path = NULL;

	if (node) {
		conf_read_shape(b, node, attrs, NULL);
		path = conf_text(b, node, "socket", false,
				 sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
		if (path && *path != '/')
			conf_bad_attr(b, node, "socket",
				      "socket=\"%s\" is a relative name, write it from / on", path);
	}
	n->control_socket = path ? path : conf_strdup(b, "/run/balai/control");
}

static void read_limits(struct conf_build *b, const xmlNode *parent, struct conf_network *n)
{
	static const char *const attrs[] = { "workers", "io-threads", "max-calls", NULL };
	const xmlNode *node = conf_only_child(b, parent, "limits");

	if (!node)
		return;
	conf_read_shape(b, node, attrs, NULL);
	conf_number(b, node, "workers", 0, 256, &n->workers);
	conf_number(b, node, "io-threads", 1, 16, &n->io_threads);
	conf_number(b, node, "max-calls", 0, 100000, &n->max_calls);
	n->max_calls_line = conf_attr_line(b, node, "max-calls");
}

void conf_read_network(struct conf_build *b, const xmlNode *node)
{
	static const char *const elements[] = {
		"listen", "advertised", "media", "tls", "verify", "control", "limits", "trusted",
		"transfers", NULL
	};
	static const char *const advertised_attrs[] = { "address", NULL };
	struct conf_network *n = &b->tree->config.network;
	const xmlNode *advertised;

	if (node)
		conf_read_shape(b, node, NULL, elements);
	read_listens(b, node, n);
	advertised = conf_only_child(b, node, "advertised");
	if (advertised) {
		conf_read_shape(b, advertised, advertised_attrs, NULL);
		n->advertised = read_address(b, advertised, true, false);
	}
	read_media(b, node, n);
	read_tls(b, node, n);
	read_verify(b, node, n);
	read_control(b, node, n);
	read_limits(b, node, n);
	conf_read_trust(b, node, n);
}
