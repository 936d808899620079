/* SPDX-License-Identifier: GPL-3.0-or-later
 * SRTP over libsrtp2: one session with an any-SSRC template a direction. The
 * library clones the template per SSRC after authentication; this file bounds
 * how many it may keep. */
#include "rtp/srtp.h"

#include "base/log.h"
#include "rtp/srtp_openssl.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <srtp2/srtp.h>

/* Packets. The receiving window covers reordering of a video burst; the
 * sending one bounds how old a packet may be when it is sent again. */
enum { WINDOW_RX = 1024, WINDOW_TX = 4096 };

/* How long packets under the former key are still taken. */
enum { OLD_KEY_US = 3000000, MAX_DATAGRAM = 2048 };

struct crypt {
	srtp_t session;
	struct srtp_key key;
	bool sending;
	bool mki;
	uint32_t n_ssrc, clock;
	struct {
		uint32_t ssrc, used;
	} ssrc[CRYPT_MAX_SSRC];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int init_status;

static void library_init(void)
{
	init_status = srtp_init() == srtp_err_status_ok ? 0 : -ENOSYS;
	if (init_status == 0 && srtp_openssl_install() < 0)
		log_warning("srtp cipher=builtin error=\"cannot use OpenSSL's\"");
}

/* SRTCP always carries the long tag with the _32 suites (RFC 4568 6.2.2,
 * RFC 6188 section 7.2). */
static int policy_suite(srtp_policy_t *p, enum srtp_suite suite)
{
	switch (suite) {
	case SRTP_AES_CM_128_HMAC_SHA1_80:
		srtp_crypto_policy_set_rtp_default(&p->rtp);
		srtp_crypto_policy_set_rtcp_default(&p->rtcp);
		return 0;
	case SRTP_AES_CM_128_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&p->rtp);
		srtp_crypto_policy_set_rtcp_default(&p->rtcp);
		return 0;
	case SRTP_AES_192_CM_HMAC_SHA1_80:
		srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80(&p->rtp);
		srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80(&p->rtcp);
		return 0;
	case SRTP_AES_192_CM_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32(&p->rtp);
		srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80(&p->rtcp);
		return 0;
	case SRTP_AES_256_CM_HMAC_SHA1_80:
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&p->rtp);
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&p->rtcp);
		return 0;
	case SRTP_AES_256_CM_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(&p->rtp);
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&p->rtcp);
		return 0;
	case SRTP_AEAD_AES_128_GCM:
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&p->rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&p->rtcp);
		return 0;
	case SRTP_AEAD_AES_256_GCM:
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&p->rtp);
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&p->rtcp);
		return 0;
	case SRTP_SUITE_NONE:
	case SRTP_SUITE_COUNT:
		break;
	}
	return -ENOTSUP;
}

int crypt_new(struct crypt **out, const struct srtp_key *key, bool sending)
{
	srtp_policy_t policy = { 0 };
	srtp_master_key_t master, *masters[1] = { &master };
	struct crypt *self;
	srtp_err_status_t st;
	int r = policy_suite(&policy, key->suite);

	if (r < 0)
		return r;
	pthread_once(&once, library_init);
	if (init_status < 0)
		return init_status;
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->key = *key;
	self->sending = sending;
	self->mki = key->mki_len > 0;
	policy.ssrc.type = sending ? ssrc_any_outbound : ssrc_any_inbound;
	policy.window_size = sending ? WINDOW_TX : WINDOW_RX;
	policy.allow_repeat_tx = sending;
	if (self->mki) {
		master = (srtp_master_key_t){ .key = self->key.key, .mki_id = self->key.mki,
					      .mki_size = self->key.mki_len };
		policy.keys = masters;
		policy.num_master_keys = 1;
	} else {
		policy.key = self->key.key;
	}
	st = srtp_create(&self->session, &policy);
	if (st != srtp_err_status_ok) {
		OPENSSL_cleanse(self, sizeof(*self));
		free(self);
		return st == srtp_err_status_alloc_fail ? -ENOMEM : -ENOTSUP;
	}
	*out = self;
	return 0;
}

struct crypt *crypt_free(struct crypt *self)
{
	if (!self)
		return NULL;
	srtp_dealloc(self->session);
	OPENSSL_cleanse(self, sizeof(*self));
	free(self);
	return NULL;
}

bool crypt_has_key(const struct crypt *self, const struct srtp_key *key)
{
	size_t n = srtp_suite_key_len(key->suite);

	return self->key.suite == key->suite && self->key.mki_len == key->mki_len &&
	       !CRYPTO_memcmp(self->key.key, key->key, n) &&
	       !CRYPTO_memcmp(self->key.mki, key->mki, key->mki_len);
}

static int error_of(srtp_err_status_t st)
{
	switch (st) {
	case srtp_err_status_ok:
		return 0;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
		return -EALREADY;
	case srtp_err_status_bad_param:
	case srtp_err_status_parse_err:
		return -EBADMSG;
	case srtp_err_status_alloc_fail:
		return -ENOMEM;
	default:
		return -EACCES;
	}
}

/* A peer that holds the key may still invent SSRCs without end: of more than
 * CRYPT_MAX_SSRC the one heard longest ago is forgotten. */
static void remember(struct crypt *self, uint32_t ssrc)
{
	uint32_t i, oldest = 0;

	self->clock++;
	for (i = 0; i < self->n_ssrc; i++) {
		if (self->ssrc[i].ssrc == ssrc) {
			self->ssrc[i].used = self->clock;
			return;
		}
		if (self->clock - self->ssrc[i].used > self->clock - self->ssrc[oldest].used)
			oldest = i;
	}
	if (self->n_ssrc < CRYPT_MAX_SSRC) {
		i = self->n_ssrc++;
	} else {
		i = oldest;
		srtp_remove_stream(self->session, self->ssrc[i].ssrc);
	}
	self->ssrc[i].ssrc = ssrc;
	self->ssrc[i].used = self->clock;
}

static uint32_t ssrc_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int crypt_seal_rtp(struct crypt *self, uint8_t *packet, size_t *len)
{
	int n = (int)*len;
	srtp_err_status_t st;

	assert(self->sending);
	st = srtp_protect_mki(self->session, packet, &n, self->mki, 0);
	if (st == srtp_err_status_ok)
		*len = (size_t)n;
	return error_of(st);
}

int crypt_seal_rtcp(struct crypt *self, uint8_t *packet, size_t *len)
{
	int n = (int)*len;
	srtp_err_status_t st;

	assert(self->sending);
	st = srtp_protect_rtcp_mki(self->session, packet, &n, self->mki, 0);
	if (st == srtp_err_status_ok)
		*len = (size_t)n;
	return error_of(st);
}

int crypt_open_rtp(struct crypt *self, uint8_t *packet, size_t *len)
{
	int n = (int)*len;
	srtp_err_status_t st;

	assert(!self->sending);
	if (*len < 12)
		return -EBADMSG;
	st = srtp_unprotect_mki(self->session, packet, &n, self->mki);
	if (st != srtp_err_status_ok)
		return error_of(st);
	*len = (size_t)n;
	remember(self, ssrc_at(packet + 8));
	return 0;
}

int crypt_open_rtcp(struct crypt *self, uint8_t *packet, size_t *len)
{
	int n = (int)*len;
	srtp_err_status_t st;

	assert(!self->sending);
	if (*len < 8)
		return -EBADMSG;
	st = srtp_unprotect_rtcp_mki(self->session, packet, &n, self->mki);
	if (st != srtp_err_status_ok)
		return error_of(st);
	*len = (size_t)n;
	remember(self, ssrc_at(packet + 4));
	return 0;
}

/* ---- keyring ------------------------------------------------------------- */

static int replace(struct crypt **cur, struct crypt **old, const struct srtp_key *key,
		   bool sending, bool *changed)
{
	struct crypt *fresh = NULL;
	int r = 0;

	*changed = false;
	if (*cur && crypt_has_key(*cur, key))
		return 0;
	*changed = true;
	if (*old && crypt_has_key(*old, key)) {
		fresh = *old;
		*old = *cur;
		*cur = fresh;
		return 0;
	}
	r = crypt_new(&fresh, key, sending);
	if (*cur) {
		crypt_free(*old);
		*old = *cur;
	}
	*cur = fresh;
	return r;
}

int keyring_set(struct keyring *self, const struct srtp_key *tx, const struct srtp_key *rx,
		int64_t now, bool *tx_changed)
{
	bool rx_changed;
	int r = replace(&self->tx, &self->old_tx, tx, true, tx_changed);
	int r2 = replace(&self->rx, &self->old_rx, rx, false, &rx_changed);

	if (rx_changed)
		self->old_rx_until = now + OLD_KEY_US;
	return r < 0 ? r : r2;
}

static int open_one(struct crypt *c, bool rtcp, uint8_t *packet, size_t *len)
{
	return rtcp ? crypt_open_rtcp(c, packet, len) : crypt_open_rtp(c, packet, len);
}

int keyring_open(struct keyring *self, bool rtcp, uint8_t *packet, size_t *len, int64_t now)
{
	uint8_t copy[MAX_DATAGRAM];
	size_t n = *len;
	int r;

	if (!self->rx)
		return -ENOKEY;
	if (!self->old_rx || now >= self->old_rx_until || n > sizeof(copy))
		return open_one(self->rx, rtcp, packet, len);
	memcpy(copy, packet, n);
	r = open_one(self->rx, rtcp, packet, len);
	if (r != -EACCES)
		return r;
	r = open_one(self->old_rx, rtcp, copy, &n);
	if (r < 0)
		return r;
	memcpy(packet, copy, n);
	*len = n;
	return 0;
}

int keyring_seal(struct keyring *self, bool rtcp, uint8_t *packet, size_t *len)
{
	if (!self->tx)
		return -ENOKEY;
	return rtcp ? crypt_seal_rtcp(self->tx, packet, len) : crypt_seal_rtp(self->tx, packet, len);
}

void keyring_fini(struct keyring *self)
{
	crypt_free(self->tx);
	crypt_free(self->rx);
	crypt_free(self->old_tx);
	crypt_free(self->old_rx);
	*self = (struct keyring){ 0 };
}
