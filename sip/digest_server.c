/* SPDX-License-Identifier: GPL-3.0-or-later
 * The server's side of digest.h: nonces that carry their time and are signed,
 * which of their counts were used, and who guesses.
 *
 * A nonce is remembered from its first use on. When there is no room, the
 * oldest goes, and everything issued before it counts as stale from then on: a
 * replay is never taken, a phone at worst asked once more. ⟨openssl⟩ */
#include "sip/digest.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

enum {
	MAX_NONCES = 8192,
	MAX_GUESSERS = 2048,
	FREE_GUESSES = 5,      /* before an address has to wait */
	MAX_WAIT_S = 300,
	FORGIVE_S = 60,        /* one wrong guess each */
	NONCE_RANDOM = 8, NONCE_MAC = 16,
	NONCE_LEN = 16 + 2 * NONCE_RANDOM + 2 * NONCE_MAC,
};

struct nonce {
	char text[NONCE_LEN + 1];
	int64_t issued_us;
	uint32_t nc;  /* highest taken */
	uint32_t next; /* in its bucket, 1-based */
};

struct guesser {
	char address[64];
	unsigned wrong;
	int64_t last_us, until_us;
};

struct digest_server {
	unsigned char secret[32];
	struct nonce *nonce;   /* a ring in the order of first use */
	uint32_t bucket[MAX_NONCES], n_nonces, next_nonce;
	int64_t floor_us;      /* issued before: stale */
	struct guesser *guesser;
	struct digest_server_stats stats;
};

int digest_server_new(struct digest_server **out)
{
	struct digest_server *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	self->nonce = calloc(MAX_NONCES, sizeof(*self->nonce));
	self->guesser = calloc(MAX_GUESSERS, sizeof(*self->guesser));
	if (!self->nonce || !self->guesser ||
	    RAND_bytes(self->secret, sizeof(self->secret)) != 1) {
		digest_server_free(self);
		return -ENOMEM;
	}
	*out = self;
	return 0;
}

struct digest_server *digest_server_free(struct digest_server *self)
{
	if (!self)
		return NULL;
	OPENSSL_cleanse(self->secret, sizeof(self->secret));
	free(self->nonce);
	free(self->guesser);
	free(self);
	return NULL;
}

/* ---- nonces ------------------------------------------------------------------------- */

static void to_hex(char *out, const unsigned char *raw, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", raw[i]);
}

/* The signature over time, random part and realm. */
static bool nonce_mac(const struct digest_server *self, char out[2 * NONCE_MAC + 1],
		      const char *head, const char *realm)
{
	char text[16 + 2 * NONCE_RANDOM + 1 + 200];
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int len = snprintf(text, sizeof(text), "%.*s:%s", 16 + 2 * NONCE_RANDOM, head, realm);

	if (len < 0 || (size_t)len >= sizeof(text) ||
	    !HMAC(EVP_sha256(), self->secret, sizeof(self->secret),
		  (const unsigned char *)text, (size_t)len, mac, &n))
		return false;
	to_hex(out, mac, NONCE_MAC);
	return true;
}

static int nonce_make(struct digest_server *self, char out[NONCE_LEN + 1], const char *realm)
{
	unsigned char random[NONCE_RANDOM];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return -EIO;
	snprintf(out, NONCE_LEN + 1, "%016llx", (unsigned long long)clock_us());
	to_hex(out + 16, random, NONCE_RANDOM);
	return nonce_mac(self, out + 16 + 2 * NONCE_RANDOM, out, realm) ? 0 : -EINVAL;
}

/* When it was issued; -1: not by us. */
static int64_t nonce_time(const struct digest_server *self, const char *nonce, const char *realm)
{
	char mac[2 * NONCE_MAC + 1], time[17];

	if (strlen(nonce) != NONCE_LEN || !nonce_mac(self, mac, nonce, realm) ||
	    CRYPTO_memcmp(mac, nonce + 16 + 2 * NONCE_RANDOM, 2 * NONCE_MAC))
		return -1;
	snprintf(time, sizeof(time), "%.16s", nonce);
	return (int64_t)strtoull(time, NULL, 16);
}

static uint32_t *bucket_of(struct digest_server *self, const char *nonce)
{
	uint32_t h = 2166136261u;

	for (; *nonce; nonce++)
		h = (h ^ (unsigned char)*nonce) * 16777619u;
	return &self->bucket[h % MAX_NONCES];
}

static void nonce_forget(struct digest_server *self, struct nonce *n)
{
	uint32_t *at = bucket_of(self, n->text);

	if (n->issued_us > self->floor_us)
		self->floor_us = n->issued_us;
	while (*at && &self->nonce[*at - 1] != n)
		at = &self->nonce[*at - 1].next;
	if (*at)
		*at = n->next;
}

/* False: that count, or a later one, was used already. */
static bool nonce_use(struct digest_server *self, const char *text, int64_t issued_us,
		      uint32_t nc)
{
	uint32_t *at = bucket_of(self, text);
	struct nonce *n;

	for (uint32_t i = *at; i; i = self->nonce[i - 1].next) {
		n = &self->nonce[i - 1];
		if (strcmp(n->text, text))
			continue;
		if (nc <= n->nc)
			return false;
		n->nc = nc;
		return true;
	}
	n = &self->nonce[self->next_nonce];
	if (self->n_nonces == MAX_NONCES) {
		nonce_forget(self, n);
		if (issued_us <= self->floor_us)
			return false; /* might be the one that was just forgotten */
	} else {
		self->n_nonces++;
	}
	memcpy(n->text, text, sizeof(n->text)); /* nonce_time saw to the length */
	n->issued_us = issued_us;
	n->nc = nc;
	n->next = *at;
	*at = self->next_nonce + 1;
	self->next_nonce = (self->next_nonce + 1) % MAX_NONCES;
	return true;
}

int digest_challenge(struct digest_server *self, char *buf, size_t cap, const char *realm,
		     enum digest_algorithm algorithm, bool stale)
{
	char nonce[NONCE_LEN + 1];
	int err = nonce_make(self, nonce, realm), n;

	if (err)
		return err;
	n = snprintf(buf, cap, "Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s",
		     realm, nonce, digest_algorithm_name(algorithm), stale ? ", stale=true" : "");
	return n < 0 || (size_t)n >= cap ? -ENOSPC : 0;
}

/* ---- guessers ------------------------------------------------------------------------- */

/* Its place or, unless it is there, the one that has been quiet for longest. */
static struct guesser *guesser_of(const struct digest_server *self, const char *address,
				  bool *there)
{
	struct guesser *oldest = &self->guesser[0];

	*there = true;
	for (size_t i = 0; i < MAX_GUESSERS; i++) {
		struct guesser *g = &self->guesser[i];

		if (!strcmp(g->address, address))
			return g;
		if (g->last_us < oldest->last_us)
			oldest = g;
	}
	*there = false;
	return oldest;
}

unsigned digest_wait(const struct digest_server *self, const char *address)
{
	bool there;
	const struct guesser *g = guesser_of(self, address, &there);
	int64_t left = there ? g->until_us - clock_us() : 0;

	return left > 0 ? (unsigned)((left + 999999) / 1000000) : 0;
}

/* Longer each time; right passwords of others from there change nothing, or an
 * account of one's own would buy guesses at all the others. */
static void guessed_wrong(struct digest_server *self, const char *address)
{
	int64_t now = clock_us(), quiet;
	bool there;
	struct guesser *g = guesser_of(self, address, &there);
	unsigned over, wait;

	if (!there) {
		memset(g, 0, sizeof(*g));
		snprintf(g->address, sizeof(g->address), "%s", address);
		g->last_us = now;
	}
	quiet = (now - g->last_us) / (FORGIVE_S * 1000000LL);
	g->wrong = quiet >= g->wrong ? 0 : g->wrong - (unsigned)quiet;
	g->last_us = now;
	g->wrong++;
	if (g->wrong < FREE_GUESSES)
		return;
	over = g->wrong - FREE_GUESSES;
	wait = over >= 9 ? MAX_WAIT_S : 1U << over;
	if (wait > MAX_WAIT_S)
		wait = MAX_WAIT_S;
	if (over > 9)
		g->wrong = FREE_GUESSES + 9;
	g->until_us = now + wait * 1000000LL;
}

/* ---- the verdict ------------------------------------------------------------------------ */

/* The address that was hashed has to be the one of the request; proxies may
 * have touched its parameters. */
static bool same_address(const char *a, const char *b)
{
	size_t n = strcspn(a, ";?"), m = strcspn(b, ";?");

	return n == m && !strncasecmp(a, b, n);
}

static bool is_right(const struct digest_params *p, const char *ha1, const char *method)
{
	char expected[DIGEST_HEX], given[DIGEST_HEX] = "";
	size_t n = digest_hex_len(p->algorithm);

	digest_response(expected, p, ha1, method);
	for (size_t i = 0; i < n && p->response[i]; i++)
		given[i] = p->response[i] >= 'A' && p->response[i] <= 'F' ?
			   (char)(p->response[i] | 0x20) : p->response[i];
	return strlen(p->response) == n && strlen(expected) == n &&
	       !CRYPTO_memcmp(expected, given, n);
}

enum digest_verdict digest_check(struct digest_server *self, struct digest_params *p,
				 const struct digest_request *request, digest_lookup *lookup,
				 void *arg)
{
	const char *ha1;
	int64_t issued;
	bool right;

	if (!p || strcmp(p->realm, request->realm))
		return DIGEST_NONE;
	if (digest_wait(self, request->address)) {
		self->stats.blocked++;
		return DIGEST_BLOCKED;
	}
	if (!p->known || !(request->algorithms & 1U << p->algorithm))
		return DIGEST_NONE;
	if (!same_address(p->uri, request->uri) || (p->qop && (!p->qop_auth || !p->nc)))
		return DIGEST_BROKEN;
	issued = nonce_time(self, p->nonce, request->realm);
	if (issued < 0) {
		/* Of before our restart, or made up: no password is tried with it. */
		self->stats.forged++;
		return DIGEST_STALE;
	}
	ha1 = lookup(arg, p->username, p->algorithm);
	right = is_right(p, ha1 ? ha1 : "-", request->method);
	if (!ha1 || !right) {
		self->stats.wrong++;
		guessed_wrong(self, request->address);
		return DIGEST_WRONG;
	}
	if (clock_us() - issued > DIGEST_NONCE_S * 1000000LL || issued <= self->floor_us) {
		self->stats.stale++;
		return DIGEST_STALE;
	}
	if (!nonce_use(self, p->nonce, issued, p->qop ? p->nc : UINT32_MAX)) {
		self->stats.replayed++;
		return DIGEST_STALE;
	}
	self->stats.accepted++;
	return DIGEST_ACCEPTED;
}

void digest_server_stats(const struct digest_server *self, struct digest_server_stats *out)
{
	*out = self->stats;
}
