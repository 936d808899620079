/* SPDX-License-Identifier: GPL-3.0-or-later
 * DTLS-SRTP (RFC 5763, 5764) on one socket ⟨OpenSSL⟩. No socket inside: bytes
 * in, bytes out by a callback. io thread.
 *
 * A listening side may be spoken to by strangers: each source gets its own
 * association, a few at a time, and the first whose certificate has the
 * signalled fingerprint is the peer. An established association stays until
 * another one has proven itself. */
#ifndef BALAI_RTP_DTLS_H
#define BALAI_RTP_DTLS_H

#include "rtp/srtp_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct dtls_identity;

/* A fresh ECDSA P-256 key with a self-signed certificate. */
int dtls_identity_new(struct dtls_identity **out);
/* Counted: base/ref.h. */
/* SHA-256, "AB:CD:…". */
const char *dtls_identity_fingerprint(const struct dtls_identity *self);

enum { DTLS_SLOTS = 3, DTLS_MTU = 1200 };

struct dtls;

struct dtls_ops {
	void (*send)(void *arg, const uint8_t *data, size_t len,
		     const struct sockaddr_storage *to);
	/* 0: keys are there and the peer is who it should be. Negative: the peer
	 * (no stranger, or whom we called) failed: -EACCES another
	 * certificate, -EPROTO no agreement, -ETIMEDOUT. What anybody could have
	 * forged is no failure yet: -EPROTO comes when there was still no
	 * agreement ten seconds later. */
	void (*done)(void *arg, int status, const struct srtp_key *tx,
		     const struct srtp_key *rx, const struct sockaddr_storage *from,
		     int64_t now);
};

/* Zeroed memory is a side that is off. */
struct dtls_side {
	struct dtls_identity *identity;  /* borrowed */
	const struct dtls_ops *ops;
	void *arg;
	bool on, active;
	char hash[16];
	uint8_t fingerprint[64], fingerprint_len;
	struct dtls *slot[DTLS_SLOTS];
	struct dtls *up;                 /* one of the slots, NULL: none */
	int64_t trouble_us;              /* given up then, 0: nothing is wrong */
	struct sockaddr_storage trouble_peer;
};

void dtls_side_init(struct dtls_side *self, struct dtls_identity *identity,
		    const struct dtls_ops *ops, void *arg);
/* Turns it on. The same again changes nothing; another role or fingerprint begins
 * anew, and keys from before no longer hold. True when it began anew. -EINVAL is
 * told by `done` later for a hash that is unknown or too weak. */
bool dtls_side_set(struct dtls_side *self, bool active, const char *hash,
		   const uint8_t *fingerprint, size_t len);
/* Active: begins the handshake with `to` unless one is under way or done. */
void dtls_side_connect(struct dtls_side *self, const struct sockaddr_storage *to, int64_t now);
/* How much is known of the address that a datagram came from. */
enum dtls_source {
	DTLS_STRANGER,    /* nothing: its place goes to whoever is more than that */
	DTLS_SIGNALLED,   /* the host is the peer's, but anybody may have forged it */
	DTLS_VALIDATED,   /* it answered there (ICE): no cookie is needed */
};
/* A datagram. -EBADMSG: dropped, or records of it. */
int dtls_side_input(struct dtls_side *self, const uint8_t *data, size_t len,
		    const struct sockaddr_storage *from, enum dtls_source source,
		    int64_t now);
/* When dtls_side_tick has something to do; INT64_MAX: never. */
int64_t dtls_side_due(const struct dtls_side *self);
void dtls_side_tick(struct dtls_side *self, int64_t now);
/* Says goodbye and frees. The side is off afterwards. */
void dtls_side_fini(struct dtls_side *self);

#endif
