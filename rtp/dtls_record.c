/* SPDX-License-Identifier: GPL-3.0-or-later
 * DTLS records, RFC 6347 section 4.1, and the heads of handshake messages, 4.2.2. */
#include "rtp/dtls_record.h"

#include "base/cursor.h"

#include <string.h>

enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, HANDSHAKE_HEAD = 12 };
enum { CLIENT_HELLO = 1 };

/* Handshake types by who sends them, RFC 5246 section 7.4. Finished is never in
 * the clear, and nobody is asked to begin anew. */
#define BIT(n) (UINT32_C(1) << (n))
#define FROM_CLIENT (BIT(1) | BIT(11) | BIT(15) | BIT(16))
#define FROM_SERVER (BIT(2) | BIT(3) | BIT(4) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | BIT(22))

struct record {
	uint8_t type;
	uint16_t epoch;
	const uint8_t *body;
	uint16_t len;
};

static bool record_read(struct record *out, struct cursor *c)
{
	out->type = cursor_u8(c);
	cursor_skip(c, 2);
	out->epoch = cursor_u16(c);
	cursor_skip(c, 6);
	out->len = cursor_u16(c);
	out->body = cursor_bytes(c, out->len);
	return !c->bad;
}

static bool admitted(const struct record *r, bool server)
{
	if (r->epoch != 0)
		return true;
	if (r->type == CHANGE_CIPHER_SPEC)
		return true;
	return r->type == HANDSHAKE && r->len >= HANDSHAKE_HEAD && r->body[0] < 32 &&
	       (BIT(r->body[0]) & (server ? FROM_CLIENT : FROM_SERVER));
}

void dtls_admit(struct dtls_admitted *result, uint8_t *out, const uint8_t *data, size_t len,
		bool server)
{
	struct cursor c = cursor_of(data, len);

	*result = (struct dtls_admitted){ 0 };
	while (cursor_left(&c) > 0) {
		const uint8_t *at = data + len - cursor_left(&c);
		struct record r;

		if (!record_read(&r, &c)) {
			result->dropped++;
			return;
		}
		if (!admitted(&r, server)) {
			result->dropped++;
			result->alert |= r.type == ALERT;
			continue;
		}
		memcpy(out + result->len, at, DTLS_RECORD_HEAD + (size_t)r.len);
		result->len += DTLS_RECORD_HEAD + (size_t)r.len;
	}
}

bool dtls_is_client_hello(const uint8_t *data, size_t len)
{
	return len >= DTLS_RECORD_HEAD + HANDSHAKE_HEAD && data[0] == HANDSHAKE && data[3] == 0 &&
	       data[4] == 0 && data[DTLS_RECORD_HEAD] == CLIENT_HELLO;
}

unsigned dtls_hello_number(const uint8_t *data, size_t len)
{
	const uint8_t *p = data + DTLS_RECORD_HEAD + 4;

	return dtls_is_client_hello(data, len) ? (unsigned)p[0] << 8 | p[1] : 0;
}
