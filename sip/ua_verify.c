/* SPDX-License-Identifier: GPL-3.0-or-later
 * See ua_verify.h. Sofia can verify for all connections of a stack or for none,
 * knows no authorities of the system and no SNI. OpenSSL tells when a handshake
 * begins: then it is known that we are the client and to whom the socket leads,
 * and nothing has been sent yet. ⟨openssl⟩ */
#include "sip/ua_verify.h"

#include "base/list.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { DEPTH = 6 };

struct verify_peer {
	struct list link;
	char host[256];
	uint16_t port;
	bool numeric, verify;
	X509_STORE *store; /* NULL: the common one */
};

static struct list peers = { &peers, &peers };
static bool by_default = true;
static X509_STORE *common;
static char *common_ca;
static uint64_t refused;

/* ---- authorities ------------------------------------------------------------------ */

/* Those of the system and those in the files; NULL: no memory. */
static X509_STORE *store_new(const char *ca, const char *more)
{
	X509_STORE *store = X509_STORE_new();
	const char *files[] = { ca, more };

	if (!store)
		return NULL;
	X509_STORE_set_default_paths(store);
	for (size_t i = 0; i < 2; i++)
		if (files[i] && !X509_STORE_load_file(store, files[i]))
			log_error("tls: no certificates can be read file=%s", files[i]);
	return store;
}

void verify_default(bool verify, const char *ca)
{
	by_default = verify;
	X509_STORE_free(common);
	common = NULL; /* made when it is needed */
	free(common_ca);
	common_ca = ca ? strdup(ca) : NULL;
}

static X509_STORE *store_of(const struct verify_peer *peer)
{
	if (peer && peer->store)
		return peer->store;
	if (!common)
		common = store_new(common_ca, NULL);
	return common;
}

/* ---- who is expected ----------------------------------------------------------------- */

static bool is_numeric(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

int verify_peer_new(struct verify_peer **out, const char *host, uint16_t port, bool verify,
		    const char *ca)
{
	struct verify_peer *self;

	if (strlen(host) >= sizeof(self->host) || (!verify && !is_numeric(host)))
		return -EINVAL;
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	list_init(&self->link);
	snprintf(self->host, sizeof(self->host), "%s", host);
	self->port = port;
	self->verify = verify;
	self->numeric = is_numeric(host);
	if (ca && !(self->store = store_new(ca, common_ca))) {
		free(self);
		return -ENOMEM;
	}
	list_add(&peers, &self->link);
	*out = self;
	return 0;
}

struct verify_peer *verify_peer_free(struct verify_peer *self)
{
	if (!self)
		return NULL;
	list_del(&self->link);
	X509_STORE_free(self->store);
	free(self);
	return NULL;
}

/* ---- a handshake ----------------------------------------------------------------------- */

/* Where the socket leads. */
static bool address_of(const SSL *ssl, char *host, size_t cap, uint16_t *port)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	BIO *bio = SSL_get_rbio(ssl);
	int fd = bio ? (int)BIO_get_fd(bio, NULL) : -1;
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&ss;

	if (fd < 0 || getpeername(fd, (struct sockaddr *)&ss, &len))
		return false;
	*port = ntohs(ss.ss_family == AF_INET ? in->sin_port : in6->sin6_port);
	return inet_ntop(ss.ss_family, ss.ss_family == AF_INET ? (const void *)&in->sin_addr :
			 (const void *)&in6->sin6_addr, host, (socklen_t)cap) != NULL;
}

static int on_certificate(int ok, X509_STORE_CTX *ctx)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	char host[64] = "";
	uint16_t port = 0;

	if (ok)
		return 1;
	refused++;
	address_of(ssl, host, sizeof(host), &port);
	log_warning("tls: certificate refused server=%s port=%u depth=%d reason=\"%s\"", host, port,
		    X509_STORE_CTX_get_error_depth(ctx),
		    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	return 0;
}

static const struct verify_peer *expected_at(const char *host, uint16_t port)
{
	list_each(l, &peers) {
		const struct verify_peer *p = list_entry(l, const struct verify_peer, link);

		if (p->numeric && !strcmp(p->host, host) && (!p->port || p->port == port))
			return p;
	}
	return NULL;
}

/* All names that are expected now; the name for SNI when there is one only. */
static bool names_set(SSL *ssl, X509_VERIFY_PARAM *param, const struct verify_peer **one)
{
	bool any = false, several = false;

	*one = NULL;
	list_each(l, &peers) {
		const struct verify_peer *p = list_entry(l, const struct verify_peer, link);

		if (p->numeric)
			continue;
		if (!X509_VERIFY_PARAM_add1_host(param, p->host, 0))
			return false;
		several = several || (any && strcasecmp((*one)->host, p->host));
		any = true;
		if (!*one || p->store)
			*one = p;
	}
	if (any && !several)
		SSL_set_tlsext_host_name(ssl, (*one)->host);
	return true;
}

static void client_begins(SSL *ssl)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	const struct verify_peer *peer = NULL;
	char host[64] = "";
	uint16_t port = 0;
	bool ok = address_of(ssl, host, sizeof(host), &port), verify = true;

	if (ok)
		peer = expected_at(host, port);
	if (peer) {
		verify = peer->verify;
		ok = X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
	} else if (ok) {
		ok = names_set(ssl, param, &peer);
		verify = peer || by_default;
	}
	if (!verify)
		return;
	/* Whatever went wrong: then nothing is valid. */
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, on_certificate);
	SSL_set_verify_depth(ssl, DEPTH);
	if (!ok || !store_of(peer) || !SSL_set1_verify_cert_store(ssl, store_of(peer))) {
		log_error("tls: server cannot be verified server=%s", host);
		X509_VERIFY_PARAM_set1_host(param, "invalid.", 0);
	}
}

static void on_info(const SSL *ssl, int where, int ret)
{
	(void)ret;
	/* Again when keys are changed later: the same once more does no harm, but
	 * others may be expected by then. */
	if (where & SSL_CB_HANDSHAKE_START && !SSL_is_server(ssl) && !SSL_is_init_finished(ssl) &&
	    SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
		client_begins((SSL *)(uintptr_t)ssl);
}

void verify_watch(void *ssl)
{
	SSL_set_info_callback(ssl, on_info);
}

uint64_t verify_refused(void)
{
	return refused;
}
