/* SPDX-License-Identifier: GPL-3.0-or-later
 * STUN binding requests and responses (RFC 8489) as ICE-lite needs them
 * (RFC 8445 7.3). Pure; ⟨OpenSSL⟩ for HMAC-SHA1 in stun.c alone. */
#ifndef BALAI_RTP_STUN_H
#define BALAI_RTP_STUN_H

#include "base/cursor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };
enum { STUN_BINDING = 1, STUN_MAX_UNKNOWN = 8 };

struct stun_msg {
	enum stun_class class;
	uint16_t method;
	uint8_t id[12];              /* transaction */
	const uint8_t *username;     /* borrowed; NULL: none */
	uint16_t username_len;
	bool has_priority, use_candidate, controlling, controlled;
	uint32_t priority;
	uint64_t tie_breaker;
	struct sockaddr_storage mapped; /* XOR-MAPPED-ADDRESS or MAPPED-ADDRESS; AF_UNSPEC: none */
	uint16_t error;              /* ERROR-CODE, 0: none */
	bool has_fingerprint;        /* it was there and was right */
	const uint8_t *integrity;    /* MESSAGE-INTEGRITY, NULL: none */
	uint16_t unknown[STUN_MAX_UNKNOWN]; /* comprehension-required ones not known */
	uint8_t n_unknown;
	const uint8_t *data;
	size_t len;
};

/* -EBADMSG: no STUN message (cookie, length, attribute lengths, a wrong
 * fingerprint). Borrows the data. */
int stun_parse(struct stun_msg *out, const uint8_t *data, size_t len);
/* True when MESSAGE-INTEGRITY is there and made with this key (short-term: the
 * password itself). Compares in constant time. */
bool stun_verify(const struct stun_msg *self, const void *key, size_t key_len);

/* Writing: begin, attributes, end. Errors stick in the writer. */
struct stun_out {
	struct writer *w;
	size_t start;
};
struct stun_out stun_begin(struct writer *w, enum stun_class class, const uint8_t id[static 12]);
void stun_add(struct stun_out *self, uint16_t type, const void *data, size_t len);
void stun_add_mapped(struct stun_out *self, const struct sockaddr *address); /* XOR-MAPPED-ADDRESS */
void stun_add_error(struct stun_out *self, int code);
/* Adds MESSAGE-INTEGRITY (unless key is NULL) and FINGERPRINT. Length of the
 * message, -ENOSPC. */
int stun_end(struct stun_out *self, const void *key, size_t key_len);

enum {
	STUN_ATTR_MAPPED = 0x0001, STUN_ATTR_USERNAME = 0x0006, STUN_ATTR_INTEGRITY = 0x0008,
	STUN_ATTR_ERROR = 0x0009, STUN_ATTR_UNKNOWN = 0x000a, STUN_ATTR_XOR_MAPPED = 0x0020,
	STUN_ATTR_PRIORITY = 0x0024, STUN_ATTR_USE_CANDIDATE = 0x0025,
	STUN_ATTR_SOFTWARE = 0x8022, STUN_ATTR_FINGERPRINT = 0x8028,
	STUN_ATTR_CONTROLLED = 0x8029, STUN_ATTR_CONTROLLING = 0x802a,
};

/* One check from the peer, as an ICE-lite agent answers it. */
struct stun_check {
	bool ok;                     /* credentials were right: the address is the peer's */
	bool nominated;              /* USE-CANDIDATE */
	uint32_t priority;
	int error;                   /* what was answered: 0, 400, 401, 420, 487 */
};

/* Takes a datagram that demux calls STUN. Returns the length of the answer now
 * in `w`, 0: nothing to answer (not a request; `out` is zero), -EBADMSG: drop
 * it. The username must be `ufrag`:anything, or exactly ufrag:remote_ufrag when
 * `remote_ufrag` is not empty. */
int stun_lite_answer(struct stun_check *out, const uint8_t *data, size_t len,
		     const struct sockaddr *from, const char *ufrag, const char *pwd,
		     const char *remote_ufrag, struct writer *w);

#endif
