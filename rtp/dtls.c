/* SPDX-License-Identifier: GPL-3.0-or-later
 * DTLS-SRTP over OpenSSL with memory BIOs: associations and who the peer is. */
#include "rtp/dtls_priv.h"

#include "base/clock.h"
#include "rtp/dtls_record.h"
#include "rtp/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

enum {
	FIRST_TIMEOUT_US = 250000, LAST_TIMEOUT_US = 4000000,
	GIVE_UP_US = 30000000,       /* an association we began or trust */
	STRANGER_US = 2000000,       /* one of a stranger, when its place is wanted … */
	UNPROVEN_US = 200000,        /* … and may be forged */
	/* A handshake that went wrong may have been made to by somebody else: whom
	 * we called is asked again, after pauses that double; and it is the peer's
	 * failure only when it does not come about in the end. */
	AGAIN_US = 250000, AGAIN_MAX = 4,
	TROUBLE_US = 10000000,
	MAX_DATAGRAM = 2048,         /* what the sockets read */
};

/* RFC 5764 4.1.2, RFC 7714 14.2. */
static const struct {
	unsigned long id;
	int suite;
	size_t key, salt;
} profile_table[] = {
	{ SRTP_AEAD_AES_256_GCM, SUITE_GCM_256, 32, 12 },
	{ SRTP_AEAD_AES_128_GCM, SUITE_GCM_128, 16, 12 },
	{ SRTP_AES128_CM_SHA1_80, SRTP_AES_CM_128_HMAC_SHA1_80, 16, 14 },
	{ SRTP_AES128_CM_SHA1_32, SRTP_AES_CM_128_HMAC_SHA1_32, 16, 14 },
};

/* ---- one association ----------------------------------------------------- */

static unsigned next_timeout(SSL *ssl, unsigned us)
{
	(void)ssl;
	if (!us)
		return FIRST_TIMEOUT_US;
	return us * 2 > LAST_TIMEOUT_US ? LAST_TIMEOUT_US : us * 2;
}

static struct dtls *dtls_free(struct dtls *self)
{
	if (self)
		SSL_free(self->ssl);
	free(self);
	ERR_clear_error();
	return NULL;
}

static struct dtls *dtls_new(struct dtls_side *side, bool active,
			     const struct sockaddr_storage *peer, enum dtls_source source,
			     int64_t now)
{
	struct dtls *self = calloc(1, sizeof(*self));

	if (!self)
		return NULL;
	self->side = side;
	self->peer = *peer;
	self->source = source;
	self->begun_us = now;
	self->ssl = SSL_new(side->identity->ctx);
	self->in = BIO_new(BIO_s_mem());
	self->out = BIO_new(BIO_s_mem());
	if (!self->ssl || !self->in || !self->out) {
		BIO_free(self->in);
		BIO_free(self->out);
		return dtls_free(self);
	}
	BIO_set_mem_eof_return(self->in, -1);
	BIO_set_mem_eof_return(self->out, -1);
	SSL_set_bio(self->ssl, self->in, self->out);
	SSL_set_app_data(self->ssl, self);
	SSL_set_mtu(self->ssl, DTLS_MTU);
	DTLS_set_timer_cb(self->ssl, next_timeout);
	if (active) {
		SSL_set_connect_state(self->ssl);
	} else {
		SSL_set_accept_state(self->ssl);
		/* RFC 6347 4.2.1: no key exchange is computed, and nothing larger
		 * than the question sent, for a forged address. */
		if (source != DTLS_VALIDATED)
			SSL_set_options(self->ssl, SSL_OP_COOKIE_EXCHANGE);
	}
	return self;
}

/* What OpenSSL wrote is a run of records: they go out whole, as many to a
 * datagram as fit. */
static void flush(struct dtls *self)
{
	struct dtls_side *side = self->side;
	char *data;
	long left = BIO_get_mem_data(self->out, &data), n = 0;

	while (left - n >= DTLS_RECORD_HEAD) {
		const uint8_t *p = (const uint8_t *)data + n;
		long len = DTLS_RECORD_HEAD + (p[11] << 8 | p[12]);

		if (len > left - n)
			break;
		if (n && n + len > DTLS_MTU) {
			side->ops->send(side->arg, (uint8_t *)data, (size_t)n, &self->peer);
			data += n;
			left -= n;
			n = 0;
			continue;
		}
		n += len;
	}
	if (n)
		side->ops->send(side->arg, (uint8_t *)data, (size_t)n, &self->peer);
	BIO_reset(self->out);
}

static const EVP_MD *hash_of(const char *name)
{
	/* RFC 8122 5; MD5 and MD2 are no proof any more. */
	static const struct { const char *name, *digest; } table[] = {
		{ "sha-1", "SHA1" }, { "sha-224", "SHA224" }, { "sha-256", "SHA256" },
		{ "sha-384", "SHA384" }, { "sha-512", "SHA512" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcasecmp(name, table[i].name))
			return EVP_get_digestbyname(table[i].digest);
	return NULL;
}

static int check_peer(const struct dtls *self)
{
	const struct dtls_side *side = self->side;
	X509 *cert = SSL_get1_peer_certificate(self->ssl);
	const EVP_MD *hash = hash_of(side->hash);
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int r = -EACCES;

	if (cert && hash && X509_digest(cert, hash, md, &n) && n == side->fingerprint_len &&
	    !CRYPTO_memcmp(md, side->fingerprint, n))
		r = 0;
	X509_free(cert);
	return r;
}

/* RFC 5764 4.2: client key, server key, client salt, server salt. */
static int export_keys(const struct dtls *self, struct srtp_key *tx, struct srtp_key *rx)
{
	static const char label[] = "EXTRACTOR-dtls_srtp";
	SRTP_PROTECTION_PROFILE *p = SSL_get_selected_srtp_profile(self->ssl);
	struct srtp_key *client = self->side->active ? tx : rx;
	struct srtp_key *server = self->side->active ? rx : tx;
	uint8_t m[2 * SRTP_MAX_KEY];
	size_t i, k, s;

	for (i = 0; p && i < sizeof(profile_table) / sizeof(profile_table[0]); i++)
		if (profile_table[i].id == p->id)
			break;
	if (!p || i == sizeof(profile_table) / sizeof(profile_table[0]))
		return -EPROTO;
	k = profile_table[i].key;
	s = profile_table[i].salt;
	if (!SSL_export_keying_material(self->ssl, m, 2 * (k + s), label, sizeof(label) - 1,
					NULL, 0, 0))
		return -EPROTO;
	*client = *server = (struct srtp_key){ .suite = (enum srtp_suite)profile_table[i].suite };
	memcpy(client->key, m, k);
	memcpy(client->key + k, m + 2 * k, s);
	memcpy(server->key, m + k, k);
	memcpy(server->key + k, m + 2 * k + s, s);
	OPENSSL_cleanse(m, sizeof(m));
	return 0;
}

/* ---- a side -------------------------------------------------------------- */

void dtls_side_init(struct dtls_side *self, struct dtls_identity *identity,
		    const struct dtls_ops *ops, void *arg)
{
	*self = (struct dtls_side){ .identity = identity, .ops = ops, .arg = arg };
}

static void drop_slot(struct dtls_side *self, int i)
{
	if (self->up == self->slot[i])
		self->up = NULL;
	self->slot[i] = dtls_free(self->slot[i]);
}

static int slot_of(const struct dtls_side *self, const struct dtls *d)
{
	for (int i = 0; i < DTLS_SLOTS; i++)
		if (d && self->slot[i] == d)
			return i;
	return -1;
}

void dtls_side_fini(struct dtls_side *self)
{
	for (int i = 0; i < DTLS_SLOTS; i++) {
		if (!self->slot[i])
			continue;
		if (self->slot[i]->done) {
			SSL_shutdown(self->slot[i]->ssl);
			flush(self->slot[i]);
		}
		drop_slot(self, i);
	}
	self->on = false;
	self->trouble_us = 0;
}

bool dtls_side_set(struct dtls_side *self, bool active, const char *hash,
		   const uint8_t *fingerprint, size_t len)
{
	if (len > sizeof(self->fingerprint))
		len = 0;
	if (self->on && self->active == active && self->fingerprint_len == len &&
	    !memcmp(self->fingerprint, fingerprint, len) &&
	    !strncasecmp(self->hash, hash, sizeof(self->hash) - 1))
		return false;
	for (int i = 0; i < DTLS_SLOTS; i++)
		drop_slot(self, i);
	self->on = true;
	self->active = active;
	self->trouble_us = 0;
	memset(self->hash, 0, sizeof(self->hash));
	memcpy(self->hash, hash, strnlen(hash, sizeof(self->hash) - 1));
	self->fingerprint_len = (uint8_t)len;
	memcpy(self->fingerprint, fingerprint, len);
	return true;
}

/* Anybody behind the peer's address can send a bad hello, so one whose cookie has
 * not come back is nobody yet. */
static bool is_known(const struct dtls_side *self, const struct dtls *d)
{
	return d->source != DTLS_STRANGER && !self->up &&
	       (d->proven || d->source == DTLS_VALIDATED || self->active);
}

/* It ended badly: the slot is free again; told only if it was the peer. */
static void failed(struct dtls_side *self, struct dtls *d, int status, int64_t now)
{
	bool tell = is_known(self, d);
	struct sockaddr_storage peer = d->peer;

	drop_slot(self, slot_of(self, d));
	if (tell)
		self->ops->done(self->arg, status, NULL, NULL, &peer, now);
}

/* Somebody said, unproven, that it will come to nothing: the peer has not much
 * more time to show the contrary. */
static void trouble(struct dtls_side *self, const struct dtls *d, int64_t now)
{
	if (self->trouble_us || !is_known(self, d))
		return;
	self->trouble_us = now + TROUBLE_US;
	self->trouble_peer = d->peer;
}

/* A record in the clear broke the handshake. Whom we called is called again by a
 * new one; who called us has to say hello again. */
static void broken(struct dtls_side *self, struct dtls *d, int64_t now)
{
	trouble(self, d, now);
	if (self->active && d->tries < AGAIN_MAX) {
		d->again_us = now + ((int64_t)AGAIN_US << d->tries++);
		return;
	}
	drop_slot(self, slot_of(self, d));
}

static void succeeded(struct dtls_side *self, struct dtls *d, int64_t now)
{
	struct srtp_key tx, rx;
	int r = check_peer(d);

	if (r == 0)
		r = export_keys(d, &tx, &rx);
	if (r < 0) {
		failed(self, d, r, now);
		return;
	}
	d->done = true;
	self->trouble_us = 0;
	d->source = DTLS_VALIDATED;
	self->up = d;
	for (int i = 0; i < DTLS_SLOTS; i++)
		if (self->slot[i] && self->slot[i] != d)
			drop_slot(self, i);
	self->ops->done(self->arg, 0, &tx, &rx, &d->peer, now);
	OPENSSL_cleanse(&tx, sizeof(tx));
	OPENSSL_cleanse(&rx, sizeof(rx));
}

/* Lets OpenSSL work on what is there. */
static void step(struct dtls_side *self, struct dtls *d, int64_t now)
{
	uint8_t scratch[2048];
	int r, e;

	ERR_clear_error();
	if (d->done) {
		/* Nothing of use comes any more: an answer to a lost last flight,
		 * an alert. Media silence ends a call, not close_notify. */
		while (SSL_read(d->ssl, scratch, sizeof(scratch)) > 0)
			;
		/* After a fatal alert it reads no more: nothing may pile up. */
		(void)BIO_reset(d->in);
		ERR_clear_error();
		flush(d);
		return;
	}
	r = SSL_do_handshake(d->ssl);
	e = r == 1 ? SSL_ERROR_NONE : SSL_get_error(d->ssl, r);
	flush(d);
	if (r == 1)
		succeeded(self, d, now);
	else if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
		broken(self, d, now);
	ERR_clear_error();
}

void dtls_side_connect(struct dtls_side *self, const struct sockaddr_storage *to, int64_t now)
{
	if (!self->on || !self->active || self->slot[0])
		return;
	self->slot[0] = dtls_new(self, true, to, DTLS_VALIDATED, now);
	if (self->slot[0])
		step(self, self->slot[0], now);
}

/* ---- input --------------------------------------------------------------- */

static struct dtls *find(struct dtls_side *self, const struct sockaddr_storage *from, bool pending)
{
	for (int i = 0; i < DTLS_SLOTS; i++) {
		struct dtls *d = self->slot[i];

		if (d && (!pending || !d->done) && addr_equal(&d->peer, from))
			return d;
	}
	return NULL;
}

/* A place for a new association: a free one, or that of someone less known, or of
 * a stranger who takes too long. The established one is never given up for it. */
static int free_slot(struct dtls_side *self, enum dtls_source source, int64_t now)
{
	int best = -1;

	for (int i = 0; i < DTLS_SLOTS; i++) {
		const struct dtls *d = self->slot[i];
		int64_t patience;

		if (!d)
			return i;
		patience = d->proven || d->source == DTLS_VALIDATED ? STRANGER_US : UNPROVEN_US;
		if (d != self->up && (d->source < source || now - d->begun_us > patience) &&
		    (best < 0 || d->begun_us < self->slot[best]->begun_us))
			best = i;
	}
	if (best >= 0)
		drop_slot(self, best);
	return best;
}

/* A new association for a hello. One with a cookie is of a handshake that broke
 * here after the question: the cookie tells as much as the answer to it would. */
static int greet(struct dtls_side *self, struct dtls **out, const uint8_t *data, size_t len,
		 const struct sockaddr_storage *from, enum dtls_source source, int64_t now)
{
	int i = free_slot(self, source, now);
	struct dtls *d;
	BIO_ADDR *unused;

	if (i < 0)
		return -EBADMSG;
	d = self->slot[i] = dtls_new(self, false, from, source, now);
	if (!d || BIO_write(d->in, data, (int)len) != (int)len)
		return -ENOMEM;
	*out = d;
	if (!dtls_hello_number(data, len) || source == DTLS_VALIDATED)
		return 0;
	unused = BIO_ADDR_new();
	if (unused && DTLSv1_listen(d->ssl, unused) <= 0)
		drop_slot(self, i);
	BIO_ADDR_free(unused);
	ERR_clear_error();
	return self->slot[i] ? 0 : -EBADMSG;
}

/* What is in the clear in a handshake is looked at first. */
static int feed(struct dtls_side *self, struct dtls *d, const uint8_t *data, size_t len,
		int64_t now)
{
	uint8_t buf[MAX_DATAGRAM];
	struct dtls_admitted a = { .len = len };

	if (d->again_us || len > sizeof(buf))
		return -EBADMSG;
	if (!d->done) {
		dtls_admit(&a, buf, data, len, !self->active);
		data = buf;
		if (a.alert)
			trouble(self, d, now);
	}
	if (a.len && BIO_write(d->in, data, (int)a.len) != (int)a.len)
		return -ENOMEM;
	if (a.len)
		step(self, d, now);
	return a.dropped || slot_of(self, d) < 0 || d->again_us ? -EBADMSG : 0;
}

int dtls_side_input(struct dtls_side *self, const uint8_t *data, size_t len,
		    const struct sockaddr_storage *from, enum dtls_source source, int64_t now)
{
	bool hello = dtls_is_client_hello(data, len);
	struct dtls *d;
	int r;

	if (!self->on || len < DTLS_RECORD_HEAD)
		return -EBADMSG;
	/* A hello on an established association is the peer beginning anew. */
	d = find(self, from, hello && !self->active);
	if (!d && self->active && self->slot[0] && addr_same_host(&self->slot[0]->peer, from))
		d = self->slot[0];
	if (d)
		return feed(self, d, data, len, now);
	if (self->active || !hello)
		return -EBADMSG;
	r = greet(self, &d, data, len, from, source, now);
	if (r == 0)
		step(self, d, now);
	return r;
}

/* ---- timers -------------------------------------------------------------- */

int64_t dtls_side_due(const struct dtls_side *self)
{
	int64_t at = self->trouble_us ? self->trouble_us : INT64_MAX;

	for (int i = 0; i < DTLS_SLOTS; i++) {
		struct timeval left;

		if (self->slot[i] && self->slot[i]->again_us) {
			at = self->slot[i]->again_us < at ? self->slot[i]->again_us : at;
		} else if (self->slot[i] && DTLSv1_get_timeout(self->slot[i]->ssl, &left)) {
			int64_t t = clock_us() + left.tv_sec * 1000000 + left.tv_usec;

			at = t < at ? t : at;
		}
	}
	return at;
}

/* The same once more from the beginning, in the same place. */
static void try_again(struct dtls_side *self, int i, int64_t now)
{
	struct dtls *old = self->slot[i];
	struct dtls *d = dtls_new(self, true, &old->peer, old->source, old->begun_us);

	if (!d) {
		old->again_us = now + AGAIN_US;
		return;
	}
	d->tries = old->tries;
	drop_slot(self, i);
	self->slot[i] = d;
	step(self, d, now);
}

void dtls_side_tick(struct dtls_side *self, int64_t now)
{
	for (int i = 0; i < DTLS_SLOTS; i++) {
		struct dtls *d = self->slot[i];
		int r;

		if (!d)
			continue;
		if (!d->done && now - d->begun_us > GIVE_UP_US) {
			failed(self, d, -ETIMEDOUT, now);
			continue;
		}
		if (d->again_us) {
			if (now >= d->again_us)
				try_again(self, i, now);
			continue;
		}
		ERR_clear_error();
		r = DTLSv1_handle_timeout(d->ssl);
		flush(d);
		if (r < 0)
			failed(self, d, -ETIMEDOUT, now);
	}
	if (self->trouble_us && now >= self->trouble_us) {
		self->trouble_us = 0;
		for (int i = 0; i < DTLS_SLOTS; i++)
			drop_slot(self, i);
		self->ops->done(self->arg, -EPROTO, NULL, NULL, &self->trouble_peer, now);
	}
}
