/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files behind rtp/dtls.h share. Nobody else includes this. ⟨OpenSSL⟩ */
#ifndef BALAI_RTP_DTLS_PRIV_H
#define BALAI_RTP_DTLS_PRIV_H

#include "rtp/dtls.h"

/* OpenSSL has macros of the same names as two of our suites. */
enum { SUITE_GCM_128 = SRTP_AEAD_AES_128_GCM, SUITE_GCM_256 = SRTP_AEAD_AES_256_GCM };

#include <openssl/ssl.h>

enum {
	DTLS_FINGERPRINT_TEXT = 32 * 3, /* with the final NUL */
	DTLS_SECRET_LEN = 32,
};

struct dtls_identity {
	SSL_CTX *ctx;
	uint8_t secret[DTLS_SECRET_LEN];  /* of the cookies */
	char fingerprint[DTLS_FINGERPRINT_TEXT];
};

/* One association. */
struct dtls {
	struct dtls_side *side;
	SSL *ssl;
	BIO *in, *out;               /* owned by ssl */
	struct sockaddr_storage peer;
	enum dtls_source source;
	bool proven, done;           /* the cookie came back; the handshake is over */
	int64_t begun_us;
	unsigned tries;              /* of one we began */
	int64_t again_us;            /* the next one is due then; 0: this one runs */
};

#endif
