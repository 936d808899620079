/* SPDX-License-Identifier: GPL-3.0-or-later
 * One direction of SRTP and SRTCP under one master key (RFC 3711, 6188, 7714)
 * ⟨libsrtp2⟩. One thread at a time. */
#ifndef BALAI_RTP_SRTP_H
#define BALAI_RTP_SRTP_H

#include "rtp/srtp_key.h"

/* What protecting may add behind a packet: tag, SRTCP index, MKI. */
enum { CRYPT_MAX_TRAILER = 16 + 4 + SRTP_MAX_MKI };
/* Senders (SSRCs) that one receiving context remembers. */
enum { CRYPT_MAX_SSRC = 32 };

struct crypt;

/* `sending`: protects; otherwise opens. -ENOTSUP: not a suite this library can
 * do. The key is copied. */
int crypt_new(struct crypt **out, const struct srtp_key *key, bool sending);
struct crypt *crypt_free(struct crypt *self);
bool crypt_has_key(const struct crypt *self, const struct srtp_key *key);

/* In place; *len grows by at most CRYPT_MAX_TRAILER, for which there must be
 * room. A retransmission must be the same bytes as the first time. */
int crypt_seal_rtp(struct crypt *self, uint8_t *packet, size_t *len);
int crypt_seal_rtcp(struct crypt *self, uint8_t *packet, size_t *len);

/* In place; *len shrinks. -EACCES: not authentic, the bytes may be spoiled;
 * -EALREADY: a replay; -EBADMSG: too short. */
int crypt_open_rtp(struct crypt *self, uint8_t *packet, size_t *len);
int crypt_open_rtcp(struct crypt *self, uint8_t *packet, size_t *len);

/* ---- the keys of a transport, both directions ---------------------------- */

/* A key that was replaced is kept with its state: the receiving one for packets
 * still under way, both because going back to it must not begin at roll-over
 * count 0 again (the same keystream twice). */
struct keyring {
	struct crypt *tx, *rx, *old_tx, *old_rx;
	int64_t old_rx_until;
};

/* What stays the same goes on undisturbed. On failure (-ENOTSUP, -ENOMEM) the
 * direction has no key, and nothing passes. *tx_changed: packets protected
 * before must not be sent again. */
int keyring_set(struct keyring *self, const struct srtp_key *tx, const struct srtp_key *rx,
		int64_t now, bool *tx_changed);
/* Like crypt_open_…, with the former key too for a while after a change.
 * -ENOKEY: no key. */
int keyring_open(struct keyring *self, bool rtcp, uint8_t *packet, size_t *len, int64_t now);
int keyring_seal(struct keyring *self, bool rtcp, uint8_t *packet, size_t *len);
void keyring_fini(struct keyring *self);

#endif
