/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who we are in DTLS: a key, its certificate, what handshakes may use, and cookies. */
#include "rtp/dtls_priv.h"

#include "base/ref.h"
#include "rtp/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>

enum { CERT_DAYS = 5 * 365, COOKIE_LEN = 32, MAX_PEER_CHAIN = 16384 };

/* RFC 5764 4.1.2, RFC 7714 14.2; best first. */
static const char profiles[] =
	"SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_32";

static int set_serial(X509 *cert)
{
	uint64_t serial;

	if (getrandom(&serial, sizeof(serial), 0) != sizeof(serial))
		return -errno;
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1) ? 0 : -ENOMEM;
}

static X509 *self_signed(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name;

	if (!cert)
		return NULL;
	name = X509_get_subject_name(cert);
	if (!X509_set_version(cert, X509_VERSION_3) || set_serial(cert) < 0 ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -86400) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), CERT_DAYS * 86400L) ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					(const unsigned char *)"balai", -1, -1, 0) ||
	    !X509_set_issuer_name(cert, name) || !X509_set_pubkey(cert, key) ||
	    !X509_sign(cert, key, EVP_sha256())) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static int write_fingerprint(char out[DTLS_FINGERPRINT_TEXT], X509 *cert)
{
	static const char hex[16] = "0123456789ABCDEF";
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!X509_digest(cert, EVP_sha256(), md, &n) || n * 3 != DTLS_FINGERPRINT_TEXT)
		return -EIO;
	for (unsigned i = 0; i < n; i++) {
		out[i * 3] = hex[md[i] >> 4];
		out[i * 3 + 1] = hex[md[i] & 15];
		out[i * 3 + 2] = ':';
	}
	out[DTLS_FINGERPRINT_TEXT - 1] = '\0';
	return 0;
}

static int cookie_make(SSL *ssl, unsigned char *cookie, unsigned *len)
{
	const struct dtls *d = (const struct dtls *)SSL_get_app_data(ssl);
	const struct dtls_identity *id = d->side->identity;
	uint8_t msg[sizeof(struct sockaddr_storage)];
	unsigned n = COOKIE_LEN;

	memcpy(msg, &d->peer, addr_len(&d->peer));
	if (!HMAC(EVP_sha256(), id->secret, DTLS_SECRET_LEN, msg, addr_len(&d->peer), cookie, &n))
		return 0;
	*len = n;
	return 1;
}

static int cookie_check(SSL *ssl, const unsigned char *cookie, unsigned len)
{
	uint8_t want[EVP_MAX_MD_SIZE];
	unsigned n;

	if (!cookie_make(ssl, want, &n) || n != len || CRYPTO_memcmp(want, cookie, n))
		return 0;
	((struct dtls *)SSL_get_app_data(ssl))->proven = true;
	return 1;
}

/* The certificate is judged by its fingerprint once the handshake is over. */
static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok, (void)store;
	return 1;
}

static int make_context(struct dtls_identity *self, EVP_PKEY *key, X509 *cert)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_method());

	self->ctx = ctx;
	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) ||
	    !SSL_CTX_use_certificate(ctx, cert) || !SSL_CTX_use_PrivateKey(ctx, key) ||
	    /* Level 1 for the peer's certificate: old devices have RSA of 1024 bits,
	     * and what vouches for it is its fingerprint. */
	    !SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:"
				     "DHE+AES:!aNULL:!eNULL:@SECLEVEL=1") ||
	    SSL_CTX_set_tlsext_use_srtp(ctx, profiles))
		return -EIO;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
	SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET |
			    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(ctx, MAX_PEER_CHAIN);
	SSL_CTX_set_cookie_generate_cb(ctx, cookie_make);
	SSL_CTX_set_cookie_verify_cb(ctx, cookie_check);
	SSL_CTX_set_read_ahead(ctx, 1);
	return 0;
}

static void identity_fini(void *obj)
{
	struct dtls_identity *self = (struct dtls_identity *)obj;

	SSL_CTX_free(self->ctx);
	OPENSSL_cleanse(self, sizeof(*self));
}

int dtls_identity_new(struct dtls_identity **out)
{
	struct dtls_identity *self = ref_new(sizeof(*self), identity_fini);
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int r = -ENOMEM;

	if (!self)
		return r;
	key = EVP_EC_gen("P-256");
	cert = key ? self_signed(key) : NULL;
	if (!cert)
		goto out;
	r = -EIO;
	if (getrandom(self->secret, DTLS_SECRET_LEN, 0) != DTLS_SECRET_LEN)
		goto out;
	r = write_fingerprint(self->fingerprint, cert);
	if (r == 0)
		r = make_context(self, key, cert);
	if (r == 0) {
		*out = self;
		self = NULL;
	}
out:
	X509_free(cert);
	EVP_PKEY_free(key);
	ref_drop(self);
	ERR_clear_error();
	return r;
}

const char *dtls_identity_fingerprint(const struct dtls_identity *self)
{
	return self->fingerprint;
}
