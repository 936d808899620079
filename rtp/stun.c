/* SPDX-License-Identifier: GPL-3.0-or-later
 * STUN for an ICE-lite agent. */
#include "rtp/stun.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define COOKIE 0x2112a442u
#define FINGERPRINT_XOR 0x5354554eu
enum { HEADER = 20, HMAC_LEN = 20, MAX_MESSAGE = 2048 };

static uint32_t crc32(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* ---- reading ------------------------------------------------------------------- */

static void read_address(struct stun_msg *m, struct cursor a, bool xored)
{
	uint8_t family;
	uint16_t port;
	const uint8_t *ip;
	uint8_t mask[16] = { 0x21, 0x12, 0xa4, 0x42 };
	uint8_t plain[16];
	size_t len;

	cursor_skip(&a, 1);
	family = cursor_u8(&a);
	port = cursor_u16(&a);
	len = family == 1 ? 4 : family == 2 ? 16 : 0;
	ip = cursor_bytes(&a, len);
	if (!len || !ip)
		return;
	memcpy(mask + 4, m->id, 12);
	for (size_t i = 0; i < len; i++)
		plain[i] = xored ? ip[i] ^ mask[i] : ip[i];
	if (xored)
		port ^= COOKIE >> 16;
	memset(&m->mapped, 0, sizeof(m->mapped));
	if (family == 1) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&m->mapped;

		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, plain, 4);
	} else {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&m->mapped;

		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, plain, 16);
	}
}

static int read_attribute(struct stun_msg *m, uint16_t type, struct cursor a, const uint8_t *at)
{
	size_t len = cursor_left(&a);

	/* Behind the integrity only the fingerprint counts (RFC 8489 14.5). */
	if (m->integrity && type != STUN_ATTR_FINGERPRINT)
		return 0;
	switch (type) {
	case STUN_ATTR_USERNAME:
		m->username = cursor_bytes(&a, len);
		m->username_len = (uint16_t)len;
		break;
	case STUN_ATTR_INTEGRITY:
		if (len != HMAC_LEN)
			return -EBADMSG;
		m->integrity = cursor_bytes(&a, len);
		break;
	case STUN_ATTR_FINGERPRINT:
		if (len != 4 || at - m->data + 8 != (ptrdiff_t)m->len ||
		    cursor_u32(&a) != (crc32(m->data, (size_t)(at - m->data)) ^ FINGERPRINT_XOR))
			return -EBADMSG;
		m->has_fingerprint = true;
		break;
	case STUN_ATTR_PRIORITY:
		m->priority = cursor_u32(&a);
		m->has_priority = !a.bad;
		break;
	case STUN_ATTR_USE_CANDIDATE:
		m->use_candidate = true;
		break;
	case STUN_ATTR_CONTROLLED:
	case STUN_ATTR_CONTROLLING:
		m->tie_breaker = cursor_u64(&a);
		*(type == STUN_ATTR_CONTROLLED ? &m->controlled : &m->controlling) = !a.bad;
		break;
	case STUN_ATTR_MAPPED:
	case STUN_ATTR_XOR_MAPPED:
		read_address(m, a, type == STUN_ATTR_XOR_MAPPED);
		break;
	case STUN_ATTR_ERROR: {
		uint32_t v = cursor_u32(&a);

		m->error = (uint16_t)((v >> 8 & 7) * 100 + (v & 0xff));
		break;
	}
	case STUN_ATTR_UNKNOWN:
		break;
	default:
		if (type < 0x8000 && m->n_unknown < STUN_MAX_UNKNOWN)
			m->unknown[m->n_unknown++] = type;
	}
	return 0;
}

int stun_parse(struct stun_msg *out, const uint8_t *data, size_t len)
{
	struct cursor c = cursor_of(data, len);
	struct stun_msg m = { .data = data, .len = len };
	uint16_t type = cursor_u16(&c), body = cursor_u16(&c);
	uint32_t cookie = cursor_u32(&c);
	const uint8_t *id = cursor_bytes(&c, 12);

	if (c.bad || type >> 14 || cookie != COOKIE || body % 4 || body != cursor_left(&c))
		return -EBADMSG;
	memcpy(m.id, id, 12);
	m.class = (enum stun_class)((type >> 4 & 1) | (type >> 7 & 2));
	m.method = (uint16_t)((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
	while (cursor_left(&c)) {
		const uint8_t *at = c.p;
		uint16_t attr = cursor_u16(&c), n = cursor_u16(&c);
		struct cursor a = cursor_sub(&c, n);
		int err;

		cursor_skip(&c, (4u - n % 4u) % 4u);
		if (c.bad)
			return -EBADMSG;
		err = read_attribute(&m, attr, a, at);
		if (err)
			return err;
	}
	*out = m;
	return 0;
}

/* HMAC over the message up to `end`, with a length that ends behind the
 * integrity attribute (RFC 8489 14.5). */
static bool hmac(const uint8_t *data, size_t end, const void *key, size_t key_len, uint8_t *out)
{
	uint8_t copy[MAX_MESSAGE];
	unsigned n = HMAC_LEN;
	size_t body = end - HEADER + 4 + HMAC_LEN;

	if (end < HEADER || end > sizeof(copy) || key_len > 4096)
		return false;
	memcpy(copy, data, end);
	copy[2] = (uint8_t)(body >> 8);
	copy[3] = (uint8_t)body;
	return HMAC(EVP_sha1(), key, (int)key_len, copy, end, out, &n) != NULL;
}

bool stun_verify(const struct stun_msg *self, const void *key, size_t key_len)
{
	uint8_t want[HMAC_LEN];

	if (!self->integrity ||
	    !hmac(self->data, (size_t)(self->integrity - 4 - self->data), key, key_len, want))
		return false;
	return !CRYPTO_memcmp(want, self->integrity, HMAC_LEN);
}

/* ---- writing ---------------------------------------------------------------------- */

struct stun_out stun_begin(struct writer *w, enum stun_class class, const uint8_t id[static 12])
{
	struct stun_out out = { w, writer_len(w) };
	unsigned c = (unsigned)class;

	writer_u16(w, STUN_BINDING | (c & 1) << 4 | (c & 2) << 7);
	writer_u16(w, 0);
	writer_u32(w, COOKIE);
	writer_bytes(w, id, 12);
	return out;
}

void stun_add(struct stun_out *self, uint16_t type, const void *data, size_t len)
{
	writer_u16(self->w, type);
	writer_u16(self->w, (unsigned)len);
	writer_bytes(self->w, data, len);
	for (; len % 4; len++)
		writer_u8(self->w, 0);
}

void stun_add_mapped(struct stun_out *self, const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
	uint8_t a[20] = { 0, address->sa_family == AF_INET6 ? 2 : 1 };
	uint8_t mask[16] = { 0x21, 0x12, 0xa4, 0x42 };
	size_t len = address->sa_family == AF_INET6 ? 16 : 4;
	uint16_t port = ntohs(len == 16 ? v6->sin6_port : v4->sin_port) ^ (COOKIE >> 16);

	if (self->w->bad)
		return;
	memcpy(mask + 4, self->w->base + self->start + 8, 12);
	a[2] = (uint8_t)(port >> 8);
	a[3] = (uint8_t)port;
	memcpy(a + 4, len == 16 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, len);
	for (size_t i = 0; i < len; i++)
		a[4 + i] ^= mask[i];
	stun_add(self, STUN_ATTR_XOR_MAPPED, a, 4 + len);
}

void stun_add_error(struct stun_out *self, int code)
{
	const char *reason = code == 400 ? "Bad Request" : code == 401 ? "Unauthenticated" :
			     code == 420 ? "Unknown Attribute" : code == 487 ? "Role Conflict" :
			     "Server Error";
	uint8_t buf[40] = { 0, 0, (uint8_t)(code / 100), (uint8_t)(code % 100) };

	memcpy(buf + 4, reason, strlen(reason));
	stun_add(self, STUN_ATTR_ERROR, buf, 4 + strlen(reason));
}

static void set_length(struct stun_out *self)
{
	size_t body = writer_len(self->w) - self->start - HEADER;

	self->w->base[self->start + 2] = (uint8_t)(body >> 8);
	self->w->base[self->start + 3] = (uint8_t)body;
}

int stun_end(struct stun_out *self, const void *key, size_t key_len)
{
	struct writer *w = self->w;
	const uint8_t *msg = w->base + self->start;
	uint8_t mac[HMAC_LEN], crc[4];
	uint32_t v;

	if (w->bad)
		return -ENOSPC;
	if (key) {
		if (!hmac(msg, writer_len(w) - self->start, key, key_len, mac))
			return -EINVAL;
		stun_add(self, STUN_ATTR_INTEGRITY, mac, sizeof(mac));
	}
	/* The length in the header counts the fingerprint when that is computed. */
	stun_add(self, STUN_ATTR_FINGERPRINT, "\0\0\0\0", 4);
	if (w->bad)
		return -ENOSPC;
	set_length(self);
	v = crc32(msg, writer_len(w) - self->start - 8) ^ FINGERPRINT_XOR;
	for (int i = 0; i < 4; i++)
		crc[i] = (uint8_t)(v >> (24 - 8 * i));
	memcpy(w->p - 4, crc, 4);
	return (int)(writer_len(w) - self->start);
}

/* ---- ICE-lite ------------------------------------------------------------------------ */

static bool username_ok(const struct stun_msg *m, const char *ufrag, const char *remote_ufrag)
{
	size_t n = strlen(ufrag), r = strlen(remote_ufrag);

	if (!m->username || m->username_len <= n || memcmp(m->username, ufrag, n) ||
	    m->username[n] != ':')
		return false;
	return !r || (m->username_len == n + 1 + r && !memcmp(m->username + n + 1, remote_ufrag, r));
}

/* RFC 8489 9.1.3, RFC 8445 7.3. A lite agent is always controlled. */
static int judge(const struct stun_msg *m, const char *ufrag, const char *pwd,
		 const char *remote_ufrag)
{
	if (!m->integrity || !m->username)
		return 400;
	if (!username_ok(m, ufrag, remote_ufrag) || !stun_verify(m, pwd, strlen(pwd)))
		return 401;
	if (m->n_unknown)
		return 420;
	if (m->controlled)
		return 487;
	return 0;
}

static void add_unknown(struct stun_out *o, const struct stun_msg *m)
{
	uint8_t buf[2 * STUN_MAX_UNKNOWN];

	for (unsigned i = 0; i < m->n_unknown; i++) {
		buf[2 * i] = (uint8_t)(m->unknown[i] >> 8);
		buf[2 * i + 1] = (uint8_t)m->unknown[i];
	}
	stun_add(o, STUN_ATTR_UNKNOWN, buf, 2u * m->n_unknown);
}

int stun_lite_answer(struct stun_check *out, const uint8_t *data, size_t len,
		     const struct sockaddr *from, const char *ufrag, const char *pwd,
		     const char *remote_ufrag, struct writer *w)
{
	struct stun_check check = { 0 };
	struct stun_msg m;
	struct stun_out o;
	int err = stun_parse(&m, data, len);

	if (err)
		return err;
	*out = check;
	if (m.class != STUN_REQUEST)
		return 0;
	if (m.method != STUN_BINDING)
		return -EBADMSG;
	check.error = judge(&m, ufrag, pwd, remote_ufrag);
	check.ok = !check.error;
	check.nominated = check.ok && m.use_candidate;
	check.priority = m.priority;
	o = stun_begin(w, check.ok ? STUN_SUCCESS : STUN_ERROR, m.id);
	if (check.ok)
		stun_add_mapped(&o, from);
	else
		stun_add_error(&o, check.error);
	if (check.error == 420)
		add_unknown(&o, &m);
	*out = check;
	/* Whoever has no credentials gets an answer without integrity. */
	return stun_end(&o, check.error == 400 || check.error == 401 ? NULL : pwd, strlen(pwd));
}
