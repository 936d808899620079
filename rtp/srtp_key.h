/* SPDX-License-Identifier: GPL-3.0-or-later
 * SRTP suites and keys (RFC 3711, 4568, 6188, 7714) and the a=crypto line.
 * Plain data and pure functions. */
#ifndef BALAI_RTP_SRTP_KEY_H
#define BALAI_RTP_SRTP_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum srtp_suite {
	SRTP_SUITE_NONE,
	SRTP_AES_CM_128_HMAC_SHA1_80, SRTP_AES_CM_128_HMAC_SHA1_32,
	SRTP_AES_192_CM_HMAC_SHA1_80, SRTP_AES_192_CM_HMAC_SHA1_32,
	SRTP_AES_256_CM_HMAC_SHA1_80, SRTP_AES_256_CM_HMAC_SHA1_32,
	SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM,
	SRTP_SUITE_COUNT
};

enum { SRTP_MAX_KEY = 46, SRTP_MAX_MKI = 128 };

struct srtp_key {
	enum srtp_suite suite;
	uint8_t key[SRTP_MAX_KEY]; /* master key, then master salt */
	uint8_t mki[SRTP_MAX_MKI];
	uint8_t mki_len;           /* 0: no MKI */
};

/* One a=crypto line, RFC 4568 section 9. */
struct sdes_line {
	uint32_t tag;
	struct srtp_key key;
	uint64_t lifetime;       /* packets, 0: not given */
	bool unencrypted_srtp, unencrypted_srtcp, unauthenticated_srtp;
	bool old_name;           /* AES_CM_256_… and AES_CM_192_… for AES_256_CM_…: written back so */
	bool other_params;       /* a session parameter that changes the wire (KDR, FEC_*, WSH is ignored) */
};

const char *srtp_suite_name(enum srtp_suite suite);
enum srtp_suite srtp_suite_by_name(const char *name, size_t len);
/* Bytes of master key plus salt: 30, 38, 46; GCM 28, 44. 0 for NONE. */
size_t srtp_suite_key_len(enum srtp_suite suite);

/* Parses what stands behind "a=crypto:". -EBADMSG: not well-formed (tag, key
 * length, base64); -ENOTSUP: well-formed, of an unknown suite or key method
 * (tag is set). Several inline keys: the first is taken. */
int sdes_parse(struct sdes_line *out, const char *text, size_t len);
/* Writes it without "a=crypto:". Length, or -ENOSPC. */
int sdes_write(const struct sdes_line *self, char *buf, size_t cap);
/* True when this build can do exactly what the line asks. */
bool sdes_usable(const struct sdes_line *self);
/* A fresh random key of the suite. */
int srtp_key_random(struct srtp_key *out, enum srtp_suite suite);

#endif
