/* SPDX-License-Identifier: GPL-3.0-or-later
 * Listeners: which sockets to open, one Sofia stack for each address, and which
 * of them a call out goes by.
 *
 * Sofia binds at most two URLs for a nua, and does not tell by which local
 * address a request came or went. One nua for each address (UDP and TCP
 * together, so that a large request can move to TCP; TLS apart) answers both. */
#include "sip/ua_priv.h"

#include "base/log.h"
#include "sip/dns_relay.h"
#include "sip/ua_cert.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sofia-sip/nta_tag.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/sresolv.h>
#include <sofia-sip/tport_tag.h>
#include <sofia-sip/url.h>

enum { MAX_WANTED = 2 * MAX_STACKS, IDLE_MS = 1800000, PARTIAL_MS = 30000 };

struct wanted {
	enum conf_transport transport;
	char address[64];
	uint16_t port;
	bool paired;
};

static int family_of(const char *address)
{
	return strchr(address, ':') ? AF_INET6 : AF_INET;
}

static bool is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

/* ---- from configuration to addresses ------------------------------------------------ */

static void want(struct wanted *list, size_t *n, enum conf_transport transport,
		 const char *address, uint16_t port)
{
	for (size_t i = 0; port && i < *n; i++)
		if (list[i].port == port && list[i].transport == transport &&
		    !strcmp(list[i].address, address))
			return;
	if (*n == MAX_WANTED) {
		log_warning("sip: too many addresses to listen on, left out address=%s", address);
		return;
	}
	list[*n] = (struct wanted){ .transport = transport, .port = port };
	snprintf(list[*n].address, sizeof(list[*n].address), "%s", address);
	++*n;
}

/* Every address of the family that is up; link-local ones need a scope, which a
 * SIP URI cannot hold. */
static void want_all(struct wanted *list, size_t *n, enum conf_transport transport,
		     int family, uint16_t port)
{
	struct ifaddrs *all;
	char text[64];

	if (getifaddrs(&all)) {
		log_error("sip: cannot list the addresses of this machine error=%s",
			  strerror(errno));
		return;
	}
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		const void *addr;

		if (!i->ifa_addr || i->ifa_addr->sa_family != family ||
		    !(i->ifa_flags & IFF_UP))
			continue;
		if (family == AF_INET) {
			addr = &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr;
		} else {
			addr = &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr;
			if (IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)addr))
				continue;
		}
		if (inet_ntop(family, addr, text, sizeof(text)))
			want(list, n, transport, text, port);
	}
	freeifaddrs(all);
}

static size_t wanted_of(const struct config *config, struct wanted *list)
{
	size_t n = 0;

	for (size_t i = 0; i < config->network.n_listen; i++) {
		const struct conf_listen *l = &config->network.listen[i];

		if (!strcmp(l->address, "*") || !strcmp(l->address, "0.0.0.0"))
			want_all(list, &n, l->transport, AF_INET, l->port);
		else if (!strcmp(l->address, "::"))
			want_all(list, &n, l->transport, AF_INET6, l->port);
		else
			want(list, &n, l->transport, l->address, l->port);
	}
	return n;
}

/* ---- one stack ------------------------------------------------------------------------ */

static void bind_url(char *buf, size_t cap, const struct stack *s, const struct wanted *w)
{
	bool v6 = s->family == AF_INET6, shown = strcmp(s->shown, s->address) != 0;
	const char *scheme = w->transport == CONF_TLS ? "sips" : "sip";
	const char *transport = w->transport == CONF_UDP ? ";transport=udp" :
				w->transport == CONF_TCP ? ";transport=tcp" : "";
	bool shown_v6 = strchr(s->shown, ':') != NULL;

	snprintf(buf, cap, "%s:%s%s%s:%u%s%s%s%s%s", scheme, shown_v6 ? "[" : "", s->shown,
		 shown_v6 ? "]" : "", w->port, transport, shown ? ";maddr=" : "",
		 shown && v6 ? "[" : "", shown ? s->address : "", shown && v6 ? "]" : "");
}

/* What a descriptor of ours is bound to; 0 unless it is an inet socket of the
 * address that receives datagrams or listens. */
static uint16_t bound_port(int fd, const char *address, bool stream)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char text[64];
	int type, listens = 0;
	const void *addr;
	uint16_t port;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) ||
	    (ss.ss_family != AF_INET && ss.ss_family != AF_INET6))
		return 0;
	len = sizeof(type);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) ||
	    type != (stream ? SOCK_STREAM : SOCK_DGRAM))
		return 0;
	len = sizeof(listens);
	if (stream && (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) || !listens))
		return 0;
	if (ss.ss_family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)&ss;

		addr = &in->sin_addr;
		port = ntohs(in->sin_port);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&ss;

		addr = &in6->sin6_addr;
		port = ntohs(in6->sin6_port);
	}
	if (!inet_ntop(ss.ss_family, addr, text, sizeof(text)) || strcmp(text, address))
		return 0;
	return port;
}

/* The descriptors open now, as a bit set. */
enum { FD_BITS = 65536 };

static void open_descriptors(unsigned char *set)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	memset(set, 0, FD_BITS / 8);
	while (dir && (e = readdir(dir)) != NULL) {
		unsigned fd = (unsigned)atoi(e->d_name);

		/* The one that reads the directory is gone in a moment. */
		if (e->d_name[0] != '.' && fd < FD_BITS && (int)fd != dirfd(dir))
			set[fd / 8] |= (unsigned char)(1 << fd % 8);
	}
	if (dir)
		closedir(dir);
}

/* Port 0 means that the system chose: Sofia does not say what, so the sockets
 * that were not there before are looked at. */
static uint16_t new_port(const unsigned char *before, const unsigned char *after,
			 const char *address, bool stream)
{
	for (unsigned fd = 0; fd < FD_BITS; fd++) {
		uint16_t port;

		if (!(after[fd / 8] & ~before[fd / 8] & 1 << fd % 8))
			continue;
		port = bound_port((int)fd, address, stream);
		if (port)
			return port;
	}
	return 0;
}

const char *stack_allow(const struct sip *self)
{
	return self->config->accounts.n_account ? ALLOW_ALWAYS ", REGISTER" : ALLOW_ALWAYS;
}

static nua_t *stack_nua(struct stack *s, const char *url, const char *url2, const char *cert)
{
	struct sip *sip = s->sip;
	unsigned t1 = sip->t1;

	return nua_create((su_root_t *)loop_root(sip->loop), on_sofia, (nua_magic_t *)s,
		NUTAG_URL(url),
		TAG_IF(url2, NUTAG_SIPS_URL(url2)),
		TAG_IF(cert, NUTAG_CERTIFICATE_DIR(cert)),
		SRESTAG_RESOLV_CONF(dns_relay_conf(sip->names)),
		TPTAG_LOG(1),
		TPTAG_PONG2PING(1),
		TPTAG_IDLE(IDLE_MS),
		TPTAG_TIMEOUT(PARTIAL_MS),
		NTATAG_MAXSIZE(MAX_MESSAGE),
		NTATAG_UDP_MTU(1300),
		NTATAG_SIP_T1(t1),
		NTATAG_SIP_T1X64(64 * t1),
		NTATAG_SIP_T2(8 * t1),
		NTATAG_SIP_T4(10 * t1),
		NTATAG_USER_VIA(0),
		NUTAG_MEDIA_ENABLE(0),
		NUTAG_AUTOACK(0),
		NUTAG_AUTOALERT(0),
		NUTAG_AUTOANSWER(0),
		NUTAG_MAX_RETRY_AFTER(0), /* who dialled decides when to try again */
		NUTAG_AUTO302(0),
		NUTAG_AUTO305(0),
		NUTAG_ENABLEMESSAGE(0),
		NUTAG_ENABLEMESSENGER(0),
		NUTAG_OUTBOUND("no-outbound no-options-keepalive no-natify no-validate"),
		SIPTAG_ALLOW_STR(stack_allow(sip)),
		/* INVITE and REGISTER are in the list already: were it longer, Sofia
		 * would read past its end. */
		NUTAG_APPL_METHOD("OPTIONS, UPDATE, INFO, REFER"),
		SIPTAG_SUPPORTED_STR("timer, 100rel, replaces, norefersub, from-change"),
		NUTAG_SESSION_TIMER(session_expires_of(sip)),
		NUTAG_MIN_SE(sip->min_se),
		NUTAG_UPDATE_REFRESH(0),
		SIPTAG_USER_AGENT_STR("Balai"),
		TAG_END());
}

static void add_listener(struct sip *self, const struct stack *s,
			 enum conf_transport transport, uint16_t port)
{
	static const char *const names[] = { "udp", "tcp", "tls" };
	struct sip_listener *l = &self->listener[self->n_listeners++];
	bool v6 = s->family == AF_INET6;

	l->transport = transport;
	l->port = port;
	snprintf(l->address, sizeof(l->address), "%s", s->address);
	snprintf(l->uri, sizeof(l->uri), "sip:%s%s%s:%u;transport=%s", v6 ? "[" : "",
		 s->address, v6 ? "]" : "", port, names[transport]);
	log_info("sip: listening uri=%s%s%s", l->uri,
		 strcmp(s->shown, s->address) ? " advertised=" : "",
		 strcmp(s->shown, s->address) ? s->shown : "");
}

/* NAT is between us and the world, not between us and ourselves. */
static void stack_show(struct stack *s)
{
	const char *advertised = s->sip->config->network.advertised;

	if (!advertised || is_loopback(s->address) || family_of(advertised) != s->family)
		advertised = s->address;
	snprintf(s->shown, sizeof(s->shown), "%s", advertised);
}

/* Tried before Sofia does: a nua that could not bind is never freed whole, and
 * does not tell what was wrong. */
static int can_bind(const struct wanted *w)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(w->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(w->port) };
	bool v6 = family_of(w->address) == AF_INET6;
	int fd, one = 1, err = 0;

	if (inet_pton(v6 ? AF_INET6 : AF_INET, w->address,
		      v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr) != 1)
		return -EINVAL;
	fd = socket(v6 ? AF_INET6 : AF_INET,
		    (w->transport == CONF_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* As Sofia does: connections of the one before may still linger. */
	if (w->transport != CONF_UDP)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, v6 ? (struct sockaddr *)(void *)&in6 : (struct sockaddr *)(void *)&in,
		 v6 ? sizeof(in6) : sizeof(in)) ||
	    (w->transport != CONF_UDP && listen(fd, 1)))
		err = -errno;
	close(fd);
	return err;
}

static int stack_open(struct sip *self, const struct wanted *a, const struct wanted *b,
		      const char *cert)
{
	static unsigned char before[FD_BITS / 8], after[FD_BITS / 8];
	char url[200], url2[200];
	struct stack *s;

	for (int i = 0; i < 2; i++) {
		const struct wanted *w = i ? b : a;
		int err = w ? can_bind(w) : 0;

		if (err) {
			log_error("sip: cannot listen address=%s port=%u transport=%s error=%s",
				  w->address, w->port, w->transport == CONF_UDP ? "udp" :
				  w->transport == CONF_TCP ? "tcp" : "tls", strerror(-err));
			return err;
		}
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->sip = self;
	s->tls = a->transport == CONF_TLS;
	s->family = family_of(a->address);
	snprintf(s->address, sizeof(s->address), "%s", a->address);
	stack_show(s);
	bind_url(url, sizeof(url), s, a);
	if (b)
		bind_url(url2, sizeof(url2), s, b);
	open_descriptors(before);
	s->nua = stack_nua(s, url, b ? url2 : NULL, cert);
	if (!s->nua) {
		log_error("sip: cannot listen url=%s%s%s error=%s", url, b ? " or " : "",
			  b ? url2 : "", s->tls ? "certificate or address" : strerror(errno));
		free(s);
		return -EADDRNOTAVAIL;
	}
	open_descriptors(after);
	for (int i = 0; i < 2; i++) {
		const struct wanted *w = i ? b : a;
		uint16_t port;

		if (!w)
			continue;
		port = w->port ? w->port :
		       new_port(before, after, s->address, w->transport != CONF_UDP);
		*(w->transport == CONF_UDP ? &s->udp_port : &s->tcp_port) = port;
		add_listener(self, s, w->transport, port);
	}
	self->stack[self->n_stacks++] = s;
	return 0;
}

static bool is_open(const struct sip *self, const struct wanted *w)
{
	for (size_t i = 0; i < self->n_listeners; i++) {
		const struct sip_listener *l = &self->listener[i];

		if (l->transport == w->transport && (l->port == w->port || !w->port) &&
		    !strcmp(l->address, w->address))
			return true;
	}
	return false;
}

static bool is_wanted(const struct sip_listener *l, const struct wanted *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (l->transport == list[i].transport && !strcmp(l->address, list[i].address) &&
		    (l->port == list[i].port || !list[i].port))
			return true;
	return false;
}

/* The TCP listener that goes with a UDP one: of the same port if there is. */
static struct wanted *partner(struct wanted *list, size_t n, const struct wanted *udp)
{
	struct wanted *found = NULL;

	for (size_t i = 0; i < n; i++) {
		struct wanted *w = &list[i];

		if (w->transport != CONF_TCP || w->paired || strcmp(w->address, udp->address))
			continue;
		if (!found || w->port == udp->port)
			found = w;
	}
	return found;
}

int stacks_open(struct sip *self)
{
	const struct conf_network *net = &self->config->network;
	struct wanted *list = calloc(MAX_WANTED, sizeof(*list));
	char *cert = NULL;
	size_t n;

	if (!list)
		return -ENOMEM;
	n = wanted_of(self->config, list);
	for (size_t i = 0; i < self->n_stacks; i++)
		stack_show(self->stack[i]);
	for (size_t i = 0; i < self->n_listeners; i++)
		if (!is_wanted(&self->listener[i], list, n))
			log_warning("sip: still listening until restart uri=%s",
				    self->listener[i].uri);
	for (size_t i = 0; i < n; i++)
		list[i].paired = is_open(self, &list[i]);
	/* UDP first, each with its TCP; then what is left. */
	for (int udp = 1; udp >= 0; udp--)
		for (size_t i = 0; i < n; i++) {
			struct wanted *w = &list[i], *with;

			if (w->paired || (udp && w->transport != CONF_UDP))
				continue;
			if (self->n_stacks == MAX_STACKS)
				break;
			if (w->transport == CONF_TLS && !cert &&
			    cert_dir_new(&cert, net->tls_certificate, net->tls_key)) {
				log_error("sip: no TLS listener without a certificate");
				continue;
			}
			w->paired = true;
			with = udp ? partner(list, n, w) : NULL;
			/* Where not both can be had, one may still do alone. */
			if (!stack_open(self, w, with, w->transport == CONF_TLS ? cert : NULL)) {
				if (with)
					with->paired = true;
			} else if (with) {
				stack_open(self, w, NULL, NULL);
			}
		}
	cert_dir_remove(cert);
	free(list);
	return self->n_stacks ? 0 : -EADDRNOTAVAIL;
}

/* ---- which way out ------------------------------------------------------------------- */

/* Our address towards a numeric one: a connected UDP socket sends nothing, but
 * the kernel chooses. */
static int source_towards(const char *host, char *buf, size_t cap)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len;
	const void *addr;
	int fd, err = 0;

	if (inet_pton(AF_INET, host, &((struct sockaddr_in *)(void *)&ss)->sin_addr) == 1) {
		((struct sockaddr_in *)(void *)&ss)->sin_port = htons(5060);
		ss.ss_family = AF_INET;
		len = sizeof(struct sockaddr_in);
	} else if (inet_pton(AF_INET6, host,
			     &((struct sockaddr_in6 *)(void *)&ss)->sin6_addr) == 1) {
		((struct sockaddr_in6 *)(void *)&ss)->sin6_port = htons(5060);
		ss.ss_family = AF_INET6;
		len = sizeof(struct sockaddr_in6);
	} else {
		return -EINVAL;
	}
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&ss, len)) {
		err = -errno;
		goto out;
	}
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len)) {
		err = -errno;
		goto out;
	}
	addr = ss.ss_family == AF_INET ?
	       (const void *)&((struct sockaddr_in *)(void *)&ss)->sin_addr :
	       (const void *)&((struct sockaddr_in6 *)(void *)&ss)->sin6_addr;
	if (!inet_ntop(ss.ss_family, addr, buf, (socklen_t)cap))
		err = -errno;
out:
	close(fd);
	return err;
}

/* A name is not looked up here, since that takes time: Sofia does it later, and
 * the way to the world at large is taken for it. */
static int source_for_host(const char *host, int family, char *buf, size_t cap)
{
	if (!strcasecmp(host, "localhost"))
		host = family == AF_INET6 ? "::1" : "127.0.0.1";
	if (!source_towards(host, buf, cap))
		return 0;
	return source_towards(family == AF_INET6 ? "2001:db8::1" : "192.0.2.1", buf, cap);
}

struct stack *stack_for(struct sip *self, const char *uri)
{
	char host[256], transport[16] = "", source[64];
	struct stack *best = NULL;
	su_home_t home[1] = { SU_HOME_INIT(home) };
	url_t *url = url_make(home, uri);
	bool tls, tcp, udp;
	int best_score = -1;
	size_t len;

	if (!url || !url->url_host || (url->url_type != url_sip && url->url_type != url_sips)) {
		su_home_deinit(home);
		return NULL;
	}
	snprintf(host, sizeof(host), "%s", url->url_host + (url->url_host[0] == '['));
	len = strlen(host);
	if (len && host[len - 1] == ']')
		host[len - 1] = 0;
	if (url->url_params)
		url_param(url->url_params, "transport", transport, sizeof(transport));
	tls = url->url_type == url_sips || !strcasecmp(transport, "tls");
	tcp = !strcasecmp(transport, "tcp");
	udp = !strcasecmp(transport, "udp");
	su_home_deinit(home);
	for (size_t i = 0; i < self->n_stacks; i++) {
		struct stack *s = self->stack[i];
		int score;

		if (s->tls != tls || (tcp && !s->tcp_port) || (udp && !s->udp_port))
			continue;
		if (source_for_host(host, s->family, source, sizeof(source)))
			continue;
		/* Loopback does not get out. */
		if (family_of(source) != s->family ||
		    (is_loopback(s->address) && !is_loopback(source)))
			continue;
		score = strcmp(source, s->address) ? 0 : 1;
		if (score > best_score) {
			best = s;
			best_score = score;
		}
	}
	return best;
}

/* What RFC 3261 25.1 lets stand in a user part; the rest is escaped. */
void uri_escape(char *buf, size_t cap, const char *user)
{
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)user; *p && n + 4 < cap; p++) {
		if ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
		    (*p >= 'A' && *p <= 'Z') || strchr("-_.!~*'()&=+$,;?/", *p))
			buf[n++] = (char)*p;
		else
			n += (size_t)snprintf(buf + n, cap - n, "%%%02X", *p);
	}
	buf[n] = 0;
}

void stack_contact(const struct stack *stack, const char *user, enum conf_transport transport,
		   char *buf, size_t cap)
{
	bool v6 = strchr(stack->shown, ':') != NULL;
	uint16_t port = transport == CONF_UDP ? stack->udp_port : stack->tcp_port;
	char escaped[300];

	uri_escape(escaped, sizeof(escaped), user);
	snprintf(buf, cap, "<sip:%s%s%s%s%s:%u%s>;isfocus", escaped, *escaped ? "@" : "",
		 v6 ? "[" : "", stack->shown, v6 ? "]" : "", port,
		 transport == CONF_TLS ? ";transport=tls" :
		 transport == CONF_TCP ? ";transport=tcp" : "");
}
