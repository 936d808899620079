/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which DTLS records may reach a handshake that is not over: until then anybody
 * who can write the peer's address on a datagram can say anything. Pure. */
#ifndef BALAI_RTP_DTLS_RECORD_H
#define BALAI_RTP_DTLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DTLS_RECORD_HEAD = 13 };

struct dtls_admitted {
	size_t len;          /* of what was kept, 0: nothing */
	unsigned dropped;    /* records, or a piece of one */
	bool alert;          /* one of them was an alert in the clear */
};

/* Copies the records of a datagram that a handshake can be fed with to `out`, as
 * large as the datagram: none in the clear but handshake messages that the other
 * side may send (`server`: we are the server) and ChangeCipherSpec. What is
 * encrypted is for whoever has the keys (RFC 6347 section 4.1.2.7: what is
 * invalid should be discarded silently). */
void dtls_admit(struct dtls_admitted *result, uint8_t *out, const uint8_t *data, size_t len,
		bool server);

/* A datagram that begins with a ClientHello in the clear. */
bool dtls_is_client_hello(const uint8_t *data, size_t len);
/* Its message number: 1 when a cookie was asked for (RFC 6347 section 4.2.2). */
unsigned dtls_hello_number(const uint8_t *data, size_t len);

#endif
