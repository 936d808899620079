/* SPDX-License-Identifier: GPL-3.0-or-later
 * SRTP suites and the a=crypto line: RFC 4568 section 9, RFC 6188, RFC 7714. */
#include "rtp/srtp_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

/* `old`: how devices wrote the suite before RFC 6188 fixed its name. */
static const struct suite {
	const char *name, *old;
	uint8_t key_len;
} suites[SRTP_SUITE_COUNT] = {
	[SRTP_AES_CM_128_HMAC_SHA1_80] = { "AES_CM_128_HMAC_SHA1_80", NULL, 30 },
	[SRTP_AES_CM_128_HMAC_SHA1_32] = { "AES_CM_128_HMAC_SHA1_32", NULL, 30 },
	[SRTP_AES_192_CM_HMAC_SHA1_80] = { "AES_192_CM_HMAC_SHA1_80", "AES_CM_192_HMAC_SHA1_80", 38 },
	[SRTP_AES_192_CM_HMAC_SHA1_32] = { "AES_192_CM_HMAC_SHA1_32", "AES_CM_192_HMAC_SHA1_32", 38 },
	[SRTP_AES_256_CM_HMAC_SHA1_80] = { "AES_256_CM_HMAC_SHA1_80", "AES_CM_256_HMAC_SHA1_80", 46 },
	[SRTP_AES_256_CM_HMAC_SHA1_32] = { "AES_256_CM_HMAC_SHA1_32", "AES_CM_256_HMAC_SHA1_32", 46 },
	[SRTP_AEAD_AES_128_GCM] = { "AEAD_AES_128_GCM", NULL, 28 },
	[SRTP_AEAD_AES_256_GCM] = { "AEAD_AES_256_GCM", NULL, 44 },
};

/* 2^48 packets is the most an AES-CM key may protect (RFC 3711 9.2); a shorter
 * one than 2^20 could end within a call, and this build does not re-key. */
static const uint64_t max_lifetime = 1ull << 48, min_lifetime = 1ull << 20;

const char *srtp_suite_name(enum srtp_suite suite)
{
	if ((unsigned)suite >= SRTP_SUITE_COUNT || !suites[suite].name)
		return "";
	return suites[suite].name;
}

/* ABNF strings know no case (RFC 5234 2.3). */
static bool same(const char *name, const char *text, size_t len)
{
	return name && strlen(name) == len && !strncasecmp(name, text, len);
}

enum srtp_suite srtp_suite_by_name(const char *name, size_t len)
{
	for (int i = 1; i < SRTP_SUITE_COUNT; i++)
		if (same(suites[i].name, name, len) || same(suites[i].old, name, len))
			return (enum srtp_suite)i;
	return SRTP_SUITE_NONE;
}

size_t srtp_suite_key_len(enum srtp_suite suite)
{
	return (unsigned)suite < SRTP_SUITE_COUNT ? suites[suite].key_len : 0;
}

/* ---- reading ------------------------------------------------------------- */

struct text {
	const char *p, *end;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The next word between blanks; empty at the end. */
static struct text next_word(struct text *t)
{
	struct text w;

	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
		t->p++;
	w.p = t->p;
	while (t->p < t->end && *t->p != ' ' && *t->p != '\t')
		t->p++;
	w.end = t->p;
	return w;
}

static size_t text_len(struct text t)
{
	return (size_t)(t.end - t.p);
}

/* The text up to `c` (which is skipped) or the end. */
static struct text split(struct text *t, char c)
{
	struct text head = *t;
	const char *at = memchr(t->p, c, text_len(*t));

	head.end = at ? at : t->end;
	t->p = at ? at + 1 : t->end;
	return head;
}

static bool starts(struct text *t, const char *prefix)
{
	size_t n = strlen(prefix);

	if (text_len(*t) < n || strncasecmp(t->p, prefix, n))
		return false;
	t->p += n;
	return true;
}

/* All of it is one decimal number of at most `digits` digits. */
static bool number(uint64_t *out, struct text t, size_t digits)
{
	uint64_t v = 0;

	if (t.p == t.end || text_len(t) > digits)
		return false;
	for (; t.p < t.end; t.p++) {
		if (!is_digit(*t.p))
			return false;
		v = v * 10 + (unsigned)(*t.p - '0');
	}
	*out = v;
	return true;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Exactly `want` bytes, with the padding or without it (Polycom). OpenSSL's
 * decoder insists on it and skips blanks, so it is of no use here. */
static bool base64_decode(uint8_t *out, size_t want, struct text t)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t n = 0, pad = 0;

	while (t.end > t.p && t.end[-1] == '=' && pad < 2) {
		t.end--;
		pad++;
	}
	if (pad && (text_len(t) + pad) % 4)
		return false;
	if (text_len(t) != (want * 8 + 5) / 6)
		return false;
	for (; t.p < t.end; t.p++) {
		int v = base64_value(*t.p);

		if (v < 0)
			return false;
		acc = acc << 6 | (unsigned)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (uint8_t)(acc >> bits);
		}
	}
	return n == want;
}

/* ["2^"]digits */
static bool parse_lifetime(uint64_t *out, struct text t)
{
	uint64_t v;

	if (starts(&t, "2^")) {
		if (!number(&v, t, 2) || v > 63)
			return false;
		v = 1ull << v;
	} else if (!number(&v, t, 19) || !v) {
		return false;
	}
	*out = v > max_lifetime ? max_lifetime : v;
	return true;
}

/* value:length, the value a decimal number as long as it likes. */
static bool parse_mki(struct srtp_key *key, struct text t)
{
	struct text value = split(&t, ':');
	uint64_t len;

	if (value.p == value.end || !number(&len, t, 3) || !len || len > SRTP_MAX_MKI)
		return false;
	memset(key->mki, 0, sizeof key->mki);
	for (; value.p < value.end; value.p++) {
		unsigned carry = (unsigned)(*value.p - '0');

		if (!is_digit(*value.p))
			return false;
		for (size_t i = len; i-- > 0;) {
			carry += key->mki[i] * 10u;
			key->mki[i] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry)
			return false; /* does not fit its own length */
	}
	key->mki_len = (uint8_t)len;
	return true;
}

/* key||salt ["|" lifetime] ["|" mki ":" length] */
static bool parse_inline(struct sdes_line *line, struct text t)
{
	struct text key = split(&t, '|');
	bool had_lifetime = false;

	if (!base64_decode(line->key.key, srtp_suite_key_len(line->key.suite), key))
		return false;
	/* A bar with nothing after it is not a parameter. */
	if (key.end < t.end && t.p == t.end)
		return false;
	while (t.p < t.end) {
		bool more = memchr(t.p, '|', text_len(t)) != NULL;
		struct text part = split(&t, '|');

		if (memchr(part.p, ':', text_len(part))) {
			if (more || !parse_mki(&line->key, part))
				return false;
		} else {
			if (had_lifetime || !parse_lifetime(&line->lifetime, part))
				return false;
			had_lifetime = true;
			if (more && t.p == t.end)
				return false;
		}
	}
	return true;
}

static void parse_session_param(struct sdes_line *line, struct text t)
{
	struct text name = split(&t, '=');

	if (name.p == name.end)
		line->other_params = true;
	else if (same("UNENCRYPTED_SRTP", name.p, text_len(name)))
		line->unencrypted_srtp = true;
	else if (same("UNENCRYPTED_SRTCP", name.p, text_len(name)))
		line->unencrypted_srtcp = true;
	else if (same("UNAUTHENTICATED_SRTP", name.p, text_len(name)))
		line->unauthenticated_srtp = true;
	else if (!same("WSH", name.p, text_len(name)) && *name.p != '-')
		line->other_params = true; /* KDR, FEC_ORDER, FEC_KEY; unknown ones
					    * unless marked optional by '-' */
}

int sdes_parse(struct sdes_line *out, const char *text, size_t len)
{
	struct sdes_line line = { 0 };
	struct text t = { text, text + len }, suite, keys, first, word;
	uint64_t tag;
	int r = 0;

	while (t.end > t.p && (t.end[-1] == '\r' || t.end[-1] == '\n'))
		t.end--;
	if (memchr(t.p, 0, text_len(t)))
		return -EBADMSG;
	if (!number(&tag, next_word(&t), 9))
		return -EBADMSG;
	line.tag = (uint32_t)tag;
	suite = next_word(&t);
	keys = next_word(&t);
	if (suite.p == suite.end || keys.p == keys.end)
		return -EBADMSG;
	line.key.suite = srtp_suite_by_name(suite.p, text_len(suite));
	line.old_name = line.key.suite && !same(suites[line.key.suite].name, suite.p, text_len(suite));
	first = split(&keys, ';');
	if (!memchr(first.p, ':', text_len(first)))
		return -EBADMSG;
	if (!line.key.suite || !starts(&first, "inline:"))
		r = -ENOTSUP;
	else if (!parse_inline(&line, first))
		return -EBADMSG;
	if (r)
		line.key.suite = SRTP_SUITE_NONE;
	for (word = next_word(&t); word.p < word.end; word = next_word(&t))
		parse_session_param(&line, word);
	*out = line;
	return r;
}

bool sdes_usable(const struct sdes_line *self)
{
	return srtp_suite_key_len(self->key.suite) && !self->unencrypted_srtp &&
	       !self->unencrypted_srtcp && !self->unauthenticated_srtp && !self->other_params &&
	       (!self->lifetime || self->lifetime >= min_lifetime);
}

/* ---- writing ------------------------------------------------------------- */

static void base64_encode(char *out, const uint8_t *in, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)in[i + 1] << 8;
		if (i + 2 < len)
			v |= in[i + 2];
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*out++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*out = 0;
}

/* The MKI as a decimal number. Length. */
static size_t mki_decimal(char *out, size_t cap, const struct srtp_key *key)
{
	uint8_t v[SRTP_MAX_MKI];
	char digit[SRTP_MAX_MKI * 3];
	size_t n = 0;
	bool rest;

	memcpy(v, key->mki, key->mki_len);
	do {
		unsigned carry = 0;

		rest = false;
		for (size_t i = 0; i < key->mki_len; i++) {
			carry = carry << 8 | v[i];
			v[i] = (uint8_t)(carry / 10);
			carry %= 10;
			rest |= v[i] != 0;
		}
		digit[n++] = (char)('0' + carry);
	} while (rest && n < sizeof digit);
	for (size_t i = 0; i < n && i < cap; i++)
		out[i] = digit[n - 1 - i];
	return n < cap ? n : cap;
}

static int log2_exact(uint64_t v)
{
	return v && !(v & (v - 1)) ? __builtin_ctzll(v) : -1;
}

int sdes_write(const struct sdes_line *self, char *buf, size_t cap)
{
	size_t key_len = srtp_suite_key_len(self->key.suite);
	char key[(SRTP_MAX_KEY + 2) / 3 * 4 + 1], life[24] = "", mki[SRTP_MAX_MKI * 3 + 8] = "";
	const struct suite *suite = &suites[key_len ? self->key.suite : 0];
	int n;

	if (!key_len || self->key.mki_len > SRTP_MAX_MKI)
		return -EINVAL;
	base64_encode(key, self->key.key, key_len);
	if (self->lifetime && log2_exact(self->lifetime) >= 0)
		snprintf(life, sizeof life, "|2^%d", log2_exact(self->lifetime));
	else if (self->lifetime)
		snprintf(life, sizeof life, "|%llu", (unsigned long long)self->lifetime);
	if (self->key.mki_len) {
		mki[0] = '|';
		size_t m = 1 + mki_decimal(mki + 1, sizeof mki - 7, &self->key);

		snprintf(mki + m, sizeof mki - m, ":%u", self->key.mki_len);
	}
	n = snprintf(buf, cap, "%u %s inline:%s%s%s%s%s%s", self->tag,
		     self->old_name && suite->old ? suite->old : suite->name, key, life, mki,
		     self->unencrypted_srtp ? " UNENCRYPTED_SRTP" : "",
		     self->unencrypted_srtcp ? " UNENCRYPTED_SRTCP" : "",
		     self->unauthenticated_srtp ? " UNAUTHENTICATED_SRTP" : "");
	return n < 0 || (size_t)n >= cap ? -ENOSPC : n;
}

int srtp_key_random(struct srtp_key *out, enum srtp_suite suite)
{
	struct srtp_key key = { .suite = suite };
	size_t len = srtp_suite_key_len(suite);

	if (!len)
		return -EINVAL;
	if (getrandom(key.key, len, 0) != (ssize_t)len)
		return -EIO;
	*out = key;
	return 0;
}
