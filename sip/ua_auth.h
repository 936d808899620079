/* SPDX-License-Identifier: GPL-3.0-or-later
 * Passwords in both directions: what we answer to challenges, and whom we ask.
 * ⟨sofia nua⟩ Control thread. */
#ifndef BALAI_SIP_UA_AUTH_H
#define BALAI_SIP_UA_AUTH_H

#include "sip/digest.h"
#include "sip/ua_priv.h"

/* ---- we are asked ------------------------------------------------------------------ */

enum { AUTH_KEY = 128 };

/* Takes the place of Sofia's own Digest, which knows MD5 only. Once is enough. */
void auth_client_start(void);

/* What is answered for `key` (without colon) from here on; user NULL: nothing. */
int auth_secret_set(const char *key, const char *user, const char *password);

/* Sends the request that got this 401 or 407 again, with credentials. False:
 * there are none for the key, the same was answered before and was not right
 * (*tries, 0 at first), or the challenge is not one we can answer. Later
 * requests of the handle carry credentials by themselves, and a stale nonce is
 * not even told. */
bool auth_answer(nua_handle_t *nh, const char *key, int status, const sip_t *sip,
		 unsigned *tries);

/* ---- we ask ---------------------------------------------------------------------------- */

/* Judges the credentials of a request; the account's name in `account` when
 * they are right. */
enum digest_verdict auth_check(struct stack *stack, const sip_t *sip, const char *address,
			       char *account, size_t cap);

/* Headers that ask for a password; ended by NULL. */
struct auth_challenge {
	char text[DIGEST_ALGORITHMS][320];
	unsigned n;
};
void auth_challenge_make(struct sip *self, struct auth_challenge *out, bool stale);
/* For nua_respond. */
#define AUTH_CHALLENGE_TAGS(c) \
	TAG_IF((c)->n > 0, SIPTAG_WWW_AUTHENTICATE_STR((c)->text[0])), \
	TAG_IF((c)->n > 1, SIPTAG_WWW_AUTHENTICATE_STR((c)->text[1])), \
	TAG_IF((c)->n > 2, SIPTAG_WWW_AUTHENTICATE_STR((c)->text[2]))

/* Answers a request whose credentials were not taken: 401, 403 or 400. False:
 * there were none, and nothing was sent. */
bool auth_refuse(struct stack *stack, nua_handle_t *nh, enum digest_verdict verdict,
		 const char *address);

#endif
