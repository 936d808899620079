/* SPDX-License-Identifier: GPL-3.0-or-later
 * Digest access authentication, both sides, as text and numbers (RFC 3261
 * section 22, RFC 7616, RFC 8760; qop "auth" only). No protocol stack. ⟨openssl⟩
 * One thread; pure but for the random numbers in nonces. */
#ifndef BALAI_SIP_DIGEST_H
#define BALAI_SIP_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order in which they are offered: the strongest first. */
enum digest_algorithm { DIGEST_SHA512_256, DIGEST_SHA256, DIGEST_MD5, DIGEST_ALGORITHMS };

enum { DIGEST_HEX = 65 }; /* of the longest hash, with its NUL */

/* "SHA-256" …; *out untouched and false when unknown. Case is ignored. */
bool digest_algorithm_of(enum digest_algorithm *out, const char *name, size_t len);
const char *digest_algorithm_name(enum digest_algorithm algorithm);
/* Hexadecimal digits of one. */
size_t digest_hex_len(enum digest_algorithm algorithm);

/* The parameters of a challenge or of credentials, without quotes; what is
 * escaped stays so, since that is what both sides hash. */
struct digest_params {
	char username[160], realm[160], nonce[256], uri[512], response[DIGEST_HEX];
	char cnonce[160], opaque[256];
	enum digest_algorithm algorithm; /* MD5 when none is named */
	bool known;        /* the algorithm is one of ours */
	bool qop, qop_auth; /* there is one; "auth" is in it */
	bool stale;
	uint32_t nc;       /* 0: none */
};

/* The value of WWW-Authenticate, Authorization, … from its scheme on. -EBADMSG:
 * no Digest, no such syntax, something is there twice or longer than fits.
 * username*, userhash and other parameters that are not ours are passed over. */
int digest_parse(struct digest_params *out, const char *text, size_t len);

/* H(user ":" realm ":" password) */
void digest_ha1(char out[DIGEST_HEX], enum digest_algorithm algorithm, const char *user,
		const char *realm, const char *password);
/* What the client has to answer: RFC 7616 section 3.4.1, or without qop the
 * older form of RFC 2069. */
void digest_response(char out[DIGEST_HEX], const struct digest_params *p, const char *ha1,
		     const char *method);

/* The value of an Authorization header that answers `challenge`, whose nonce is
 * used for the nc-th time. -EINVAL: not in a way we know; -ENOSPC. */
int digest_authorize(char *buf, size_t cap, const struct digest_params *challenge,
		     const char *user, const char *password, const char *method,
		     const char *uri, uint32_t nc);

/* ---- server ---------------------------------------------------------------------- */

struct digest_server;

enum { DIGEST_NONCE_S = 300 }; /* how long a nonce can be used */

struct digest_server_stats {
	uint64_t accepted, wrong, stale, replayed, forged, blocked;
};

enum digest_verdict {
	DIGEST_NONE,      /* no credentials for this realm: challenge */
	DIGEST_ACCEPTED,
	DIGEST_STALE,     /* right, but with an old or used nonce: challenge, stale=true */
	DIGEST_WRONG,     /* unknown user or wrong password: challenge again */
	DIGEST_BLOCKED,   /* too many wrong ones from that address: refuse for a while */
	DIGEST_BROKEN,    /* cannot be read, or is for another request: 400 */
};

int digest_server_new(struct digest_server **out);
struct digest_server *digest_server_free(struct digest_server *self);

/* The value of a WWW-Authenticate header with a fresh nonce. */
int digest_challenge(struct digest_server *self, char *buf, size_t cap, const char *realm,
		     enum digest_algorithm algorithm, bool stale);

struct digest_request {
	const char *method, *uri; /* of the request line */
	const char *realm;
	const char *address;      /* numeric source, for the back-off */
	unsigned algorithms;      /* bits of those that were offered */
};

/* HA1 of that user, or NULL when unknown. */
typedef const char *digest_lookup(void *arg, const char *user, enum digest_algorithm algorithm);

/* Judges one set of credentials (NULL: none). *user (in `params`) is the name
 * when accepted. A wrong name takes the same way through here as a wrong
 * password. Each nonce count is taken once; credentials without qop once per
 * nonce. */
enum digest_verdict digest_check(struct digest_server *self, struct digest_params *params,
				 const struct digest_request *request, digest_lookup *lookup,
				 void *arg);
/* Seconds until the address may try again, 0: now. */
unsigned digest_wait(const struct digest_server *self, const char *address);
void digest_server_stats(const struct digest_server *self, struct digest_server_stats *out);

#endif
