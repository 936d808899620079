/* SPDX-License-Identifier: GPL-3.0-or-later
 * STUN messages (RFC 8489 sections 5, 14) and the answers of an ICE-lite agent
 * (RFC 8445 7.3). */
#include "rtp/stun.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum {
	HEADER_LEN = 20, MAX_LEN = 2048, SHA1_LEN = 20,
	INTEGRITY_LEN = 4 + SHA1_LEN, FINGERPRINT_LEN = 8,
};
static const uint32_t magic = 0x2112a442, fingerprint_xor = 0x5354554e;

/* CRC-32 of ISO 3309, four bits at a time. */
static uint32_t crc32_of(const uint8_t *data, size_t len)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* HMAC-SHA1 over the first `len` bytes, as if the message ended right behind
 * the MESSAGE-INTEGRITY that follows them (RFC 8489 14.5). */
static bool integrity_of(uint8_t out[static SHA1_LEN], const uint8_t *msg, size_t len,
			 const void *key, size_t key_len)
{
	uint8_t copy[MAX_LEN];
	size_t body = len - HEADER_LEN + INTEGRITY_LEN;
	unsigned n = SHA1_LEN;

	if (len < HEADER_LEN || len > sizeof copy || key_len > 1024)
		return false;
	memcpy(copy, msg, len);
	copy[2] = (uint8_t)(body >> 8);
	copy[3] = (uint8_t)body;
	return HMAC(EVP_sha1(), key, (int)key_len, copy, len, out, &n) != NULL;
}

static bool parse_address(struct sockaddr_storage *out, struct cursor c, bool xored,
			  const uint8_t *data)
{
	uint8_t family;
	uint16_t port;
	size_t n;
	const uint8_t *addr;
	uint8_t plain[16];

	cursor_skip(&c, 1);
	family = cursor_u8(&c);
	port = cursor_u16(&c);
	n = family == 2 ? 16 : 4;
	addr = cursor_bytes(&c, n);
	if (!addr || (family != 1 && family != 2))
		return false;
	/* The cookie and the transaction follow each other in the header. */
	for (size_t i = 0; i < n; i++)
		plain[i] = addr[i] ^ (xored ? data[4 + i] : 0);
	if (xored)
		port ^= magic >> 16;
	memset(out, 0, sizeof *out);
	if (family == 1) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, plain, 4);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, plain, 16);
	}
	return true;
}

static bool parse_attribute(struct stun_msg *m, uint16_t type, struct cursor v)
{
	size_t len = cursor_left(&v);

	switch (type) {
	case STUN_ATTR_USERNAME:
		if (len > 513)
			return false;
		m->username_len = (uint16_t)len;
		m->username = cursor_bytes(&v, len);
		return true;
	case STUN_ATTR_PRIORITY:
		m->priority = cursor_u32(&v);
		m->has_priority = !v.bad;
		return len == 4;
	case STUN_ATTR_USE_CANDIDATE:
		m->use_candidate = true;
		return true;
	case STUN_ATTR_CONTROLLED:
	case STUN_ATTR_CONTROLLING:
		*(type == STUN_ATTR_CONTROLLED ? &m->controlled : &m->controlling) = true;
		m->tie_breaker = cursor_u64(&v);
		return len == 8;
	case STUN_ATTR_XOR_MAPPED:
		return parse_address(&m->mapped, v, true, m->data);
	case STUN_ATTR_MAPPED:
		return m->mapped.ss_family || parse_address(&m->mapped, v, false, m->data);
	case STUN_ATTR_ERROR:
		cursor_skip(&v, 2);
		m->error = (uint16_t)((cursor_u8(&v) & 7) * 100);
		m->error = (uint16_t)(m->error + cursor_u8(&v));
		return !v.bad;
	case STUN_ATTR_UNKNOWN:
	case 0x0014: case 0x0015: /* REALM, NONCE: long-term credentials, not used here */
	case 0x001c:              /* MESSAGE-INTEGRITY-SHA256: ICE uses the older one */
		return true;
	default:
		if (type < 0x8000 && m->n_unknown < STUN_MAX_UNKNOWN)
			m->unknown[m->n_unknown++] = type;
		return true;
	}
}

/* One attribute; false: the message is malformed. */
static bool take_attribute(struct stun_msg *m, struct cursor *c)
{
	const uint8_t *at = c->p;
	uint16_t type = cursor_u16(c), len = cursor_u16(c);
	struct cursor v = cursor_sub(c, len);

	cursor_skip(c, (4 - len % 4) % 4);
	if (c->bad)
		return false;
	if (type == STUN_ATTR_FINGERPRINT) {
		uint32_t want = crc32_of(m->data, (size_t)(at - m->data)) ^ fingerprint_xor;

		m->has_fingerprint = len == 4 && cursor_u32(&v) == want;
		return m->has_fingerprint && !cursor_left(c);
	}
	if (m->integrity)
		return true; /* what follows the integrity is not protected: ignored */
	if (type == STUN_ATTR_INTEGRITY) {
		m->integrity = v.p;
		return len == SHA1_LEN;
	}
	return parse_attribute(m, type, v);
}

int stun_parse(struct stun_msg *out, const uint8_t *data, size_t len)
{
	struct cursor c = cursor_of(data, len);
	struct stun_msg m = { .data = data, .len = len };
	uint16_t type = cursor_u16(&c), body = cursor_u16(&c);
	uint32_t cookie = cursor_u32(&c);
	const uint8_t *id = cursor_bytes(&c, sizeof m.id);

	if (!id || type >> 14 || cookie != magic || body % 4 || body != cursor_left(&c) ||
	    len > MAX_LEN)
		return -EBADMSG;
	memcpy(m.id, id, sizeof m.id);
	m.class = (enum stun_class)((type >> 4 & 1) | (type >> 7 & 2));
	m.method = (uint16_t)((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
	while (cursor_left(&c))
		if (!take_attribute(&m, &c))
			return -EBADMSG;
	*out = m;
	return 0;
}

bool stun_verify(const struct stun_msg *self, const void *key, size_t key_len)
{
	uint8_t want[SHA1_LEN];

	if (!self->integrity)
		return false;
	if (!integrity_of(want, self->data, (size_t)(self->integrity - 4 - self->data), key, key_len))
		return false;
	return CRYPTO_memcmp(want, self->integrity, SHA1_LEN) == 0;
}

/* ---- writing ------------------------------------------------------------- */

struct stun_out stun_begin(struct writer *w, enum stun_class class, const uint8_t id[static 12])
{
	struct stun_out self = { w, writer_len(w) };
	unsigned c = (unsigned)class;

	writer_u16(w, (c & 1) << 4 | (c & 2) << 7 | STUN_BINDING);
	writer_u16(w, 0);
	writer_u32(w, magic);
	writer_bytes(w, id, 12);
	return self;
}

void stun_add(struct stun_out *self, uint16_t type, const void *data, size_t len)
{
	if (len > MAX_LEN) {
		self->w->bad = true;
		return;
	}
	writer_u16(self->w, type);
	writer_u16(self->w, (unsigned)len);
	writer_bytes(self->w, data, len);
	writer_bytes(self->w, "\0\0\0", (4 - len % 4) % 4);
}

void stun_add_mapped(struct stun_out *self, const struct sockaddr *address)
{
	uint8_t v[20] = { 0, 1 };
	size_t n = 4;
	uint16_t port = 0;

	if (self->w->bad)
		return;
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof in);
		port = ntohs(in.sin_port);
		memcpy(v + 4, &in.sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof in6);
		port = ntohs(in6.sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) { /* a dual-stack socket */
			memcpy(v + 4, in6.sin6_addr.s6_addr + 12, 4);
		} else {
			v[1] = 2;
			n = 16;
			memcpy(v + 4, &in6.sin6_addr, 16);
		}
	} else {
		self->w->bad = true;
		return;
	}
	port ^= magic >> 16;
	v[2] = (uint8_t)(port >> 8);
	v[3] = (uint8_t)port;
	for (size_t i = 0; i < n; i++)
		v[4 + i] ^= self->w->base[self->start + 4 + i];
	stun_add(self, STUN_ATTR_XOR_MAPPED, v, 4 + n);
}

void stun_add_error(struct stun_out *self, int code)
{
	static const struct { int code; const char *reason; } reasons[] = {
		{ 400, "Bad Request" }, { 401, "Unauthenticated" },
		{ 420, "Unknown Attribute" }, { 487, "Role Conflict" },
	};
	uint8_t v[64] = { 0, 0, (uint8_t)(code / 100), (uint8_t)(code % 100) };
	size_t len = 4;

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].code == code) {
			size_t n = strlen(reasons[i].reason);

			memcpy(v + 4, reasons[i].reason, n);
			len += n;
		}
	stun_add(self, STUN_ATTR_ERROR, v, len);
}

static void patch_length(struct stun_out *self, size_t body)
{
	self->w->base[self->start + 2] = (uint8_t)(body >> 8);
	self->w->base[self->start + 3] = (uint8_t)body;
}

int stun_end(struct stun_out *self, const void *key, size_t key_len)
{
	struct writer *w = self->w;
	uint8_t mac[SHA1_LEN];
	size_t len = writer_len(w) - self->start;
	uint32_t crc;
	uint8_t v[4];

	if (w->bad || len > MAX_LEN)
		return -ENOSPC;
	if (key) {
		if (!integrity_of(mac, w->base + self->start, len, key, key_len))
			return -EINVAL;
		stun_add(self, STUN_ATTR_INTEGRITY, mac, sizeof mac);
		len += INTEGRITY_LEN;
	}
	if (w->bad)
		return -ENOSPC;
	patch_length(self, len - HEADER_LEN + FINGERPRINT_LEN);
	crc = crc32_of(w->base + self->start, len) ^ fingerprint_xor;
	for (int i = 0; i < 4; i++)
		v[i] = (uint8_t)(crc >> (24 - 8 * i));
	stun_add(self, STUN_ATTR_FINGERPRINT, v, sizeof v);
	return w->bad ? -ENOSPC : (int)(len + FINGERPRINT_LEN);
}

/* ---- ICE-lite ------------------------------------------------------------ */

static bool username_fits(const struct stun_msg *m, const char *ufrag, const char *remote)
{
	size_t n = strlen(ufrag), r = strlen(remote);

	if (m->username_len < n + 1 || memcmp(m->username, ufrag, n) || m->username[n] != ':')
		return false;
	return !r || (m->username_len == n + 1 + r && !memcmp(m->username + n + 1, remote, r));
}

/* What a check deserves: 0 or an error code (RFC 8489 9.1.3, 6.3.1; RFC 8445
 * 7.3.1.1: the lite side of a full peer is always controlled). */
static int judge(const struct stun_msg *m, const char *ufrag, const char *pwd,
		 const char *remote_ufrag)
{
	if (!m->username || !m->integrity)
		return 400;
	if (!username_fits(m, ufrag, remote_ufrag) || !stun_verify(m, pwd, strlen(pwd)))
		return 401;
	if (m->n_unknown)
		return 420;
	if (m->controlled)
		return 487;
	return 0;
}

int stun_lite_answer(struct stun_check *out, const uint8_t *data, size_t len,
		     const struct sockaddr *from, const char *ufrag, const char *pwd,
		     const char *remote_ufrag, struct writer *w)
{
	struct stun_msg m;
	struct stun_check check = { 0 };
	struct stun_out answer;
	int r = stun_parse(&m, data, len);

	if (r)
		return r;
	*out = check;
	if (m.class != STUN_REQUEST || m.method != STUN_BINDING)
		return 0;
	check.error = judge(&m, ufrag, pwd, remote_ufrag);
	check.ok = !check.error;
	check.nominated = check.ok && m.use_candidate;
	check.priority = m.priority;
	answer = stun_begin(w, check.error ? STUN_ERROR : STUN_SUCCESS, m.id);
	if (check.error)
		stun_add_error(&answer, check.error);
	else
		stun_add_mapped(&answer, from);
	if (check.error == 420) {
		uint8_t list[2 * STUN_MAX_UNKNOWN];

		for (unsigned i = 0; i < m.n_unknown; i++) {
			list[2 * i] = (uint8_t)(m.unknown[i] >> 8);
			list[2 * i + 1] = (uint8_t)m.unknown[i];
		}
		stun_add(&answer, STUN_ATTR_UNKNOWN, list, 2u * m.n_unknown);
	}
	/* Who did not show the password gets no proof of it. */
	bool known = check.error != 400 && check.error != 401;

	r = stun_end(&answer, known ? pwd : NULL, strlen(pwd));
	if (r > 0)
		*out = check;
	return r;
}
