/* SPDX-License-Identifier: GPL-3.0-or-later
 * SRTP suites and the a=crypto line (RFC 4568 section 9.1). */
#include "rtp/srtp_key.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

static const struct {
	const char *name, *old_name;
	size_t len;
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

const char *srtp_suite_name(enum srtp_suite suite)
{
	return suite > SRTP_SUITE_NONE && suite < SRTP_SUITE_COUNT ? suites[suite].name : "none";
}

static bool same_word(const char *name, const char *text, size_t len)
{
	return name && strlen(name) == len && !strncasecmp(name, text, len);
}

static enum srtp_suite find_suite(const char *name, size_t len, bool *old)
{
	*old = false;
	for (int i = 1; i < SRTP_SUITE_COUNT; i++) {
		*old = same_word(suites[i].old_name, name, len);
		if (*old || same_word(suites[i].name, name, len))
			return (enum srtp_suite)i;
	}
	return SRTP_SUITE_NONE;
}

enum srtp_suite srtp_suite_by_name(const char *name, size_t len)
{
	bool old;

	return find_suite(name, len, &old);
}

size_t srtp_suite_key_len(enum srtp_suite suite)
{
	return suite > SRTP_SUITE_NONE && suite < SRTP_SUITE_COUNT ? suites[suite].len : 0;
}

int srtp_key_random(struct srtp_key *out, enum srtp_suite suite)
{
	size_t len = srtp_suite_key_len(suite);
	struct srtp_key k = { .suite = suite };

	if (!len)
		return -EINVAL;
	if (getrandom(k.key, len, 0) != (ssize_t)len)
		return -EIO;
	*out = k;
	return 0;
}

bool sdes_usable(const struct sdes_line *self)
{
	return self->key.suite != SRTP_SUITE_NONE && !self->unencrypted_srtp &&
	       !self->unencrypted_srtcp && !self->unauthenticated_srtp && !self->other_params;
}

/* ---- words ------------------------------------------------------------------- */

struct text {
	const char *p, *end;
};

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

static size_t word_len(const struct text *w)
{
	return (size_t)(w->end - w->p);
}

static int read_number(struct text *t, uint64_t most, uint64_t *out)
{
	uint64_t v = 0;
	const char *start = t->p;

	while (t->p < t->end && isdigit((unsigned char)*t->p)) {
		v = v * 10 + (unsigned)(*t->p++ - '0');
		if (v > most)
			return -EBADMSG;
	}
	if (t->p == start)
		return -EBADMSG;
	*out = v;
	return 0;
}

/* ---- base64 (RFC 4648), padding may be missing ---------------------------------- */

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int decode(const struct text *w, uint8_t *out, size_t want)
{
	size_t len = word_len(w), n = 0;
	uint32_t bits = 0;
	int have = 0;

	while (len && w->p[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		int d = digit(w->p[i]);

		if (d < 0)
			return -EBADMSG;
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have >= 8) {
			have -= 8;
			if (n == want)
				return -EBADMSG;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	return n == want ? 0 : -EBADMSG;
}

static void encode(const uint8_t *data, size_t len, char *out)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)data[i] << 16 | (i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0) |
			     (i + 2 < len ? data[i + 2] : 0);

		*out++ = set[v >> 18];
		*out++ = set[v >> 12 & 63];
		*out++ = i + 1 < len ? set[v >> 6 & 63] : '=';
		*out++ = i + 2 < len ? set[v & 63] : '=';
	}
	*out = '\0';
}

/* ---- the line --------------------------------------------------------------------- */

/* "2^48" or a plain number of packets. */
static int read_lifetime(struct text *f, uint64_t *out)
{
	uint64_t v, exponent;
	int err = read_number(f, (uint64_t)1 << 48, &v);

	if (err)
		return err;
	if (f->p < f->end && *f->p == '^') {
		f->p++;
		if (v != 2 || read_number(f, 48, &exponent))
			return -EBADMSG;
		v = (uint64_t)1 << exponent;
	}
	*out = v;
	return f->p == f->end ? 0 : -EBADMSG;
}

/* "value:length" */
static int read_mki(struct text *f, struct srtp_key *key)
{
	uint64_t v, len;

	if (read_number(f, UINT64_MAX / 20, &v) || f->p == f->end || *f->p != ':')
		return -EBADMSG;
	f->p++;
	if (read_number(f, SRTP_MAX_MKI, &len) || !len || f->p != f->end)
		return -EBADMSG;
	if (len < 8 && v >> (8 * len))
		return -EBADMSG;
	memset(key->mki, 0, sizeof(key->mki));
	for (size_t i = 0; i < len && i < 8; i++)
		key->mki[len - 1 - i] = (uint8_t)(v >> (8 * i));
	key->mki_len = (uint8_t)len;
	return 0;
}

/* "inline:KEY|lifetime|MKI:length"; several, set apart by ";", the first counts. */
static int read_key(struct sdes_line *line, struct text w)
{
	const char *semi = memchr(w.p, ';', word_len(&w));
	struct text f;
	bool key_seen = false;

	if (semi)
		w.end = semi;
	if (word_len(&w) < 7 || strncasecmp(w.p, "inline:", 7))
		return -ENOTSUP;
	w.p += 7;
	while (w.p <= w.end) {
		const char *bar = memchr(w.p, '|', word_len(&w));
		int err;

		f = (struct text){ w.p, bar ? bar : w.end };
		if (!key_seen)
			err = decode(&f, line->key.key, srtp_suite_key_len(line->key.suite));
		else if (memchr(f.p, ':', word_len(&f)))
			err = line->key.mki_len ? -EBADMSG : read_mki(&f, &line->key);
		else
			err = line->lifetime || line->key.mki_len ? -EBADMSG :
			      read_lifetime(&f, &line->lifetime);
		if (err)
			return err;
		key_seen = true;
		if (!bar)
			break;
		w.p = bar + 1;
	}
	return 0;
}

static bool starts(const struct text *w, const char *with)
{
	return word_len(w) >= strlen(with) && !strncasecmp(w->p, with, strlen(with));
}

static void read_param(struct sdes_line *line, const struct text *w)
{
	if (same_word("UNENCRYPTED_SRTP", w->p, word_len(w)))
		line->unencrypted_srtp = true;
	else if (same_word("UNENCRYPTED_SRTCP", w->p, word_len(w)))
		line->unencrypted_srtcp = true;
	else if (same_word("UNAUTHENTICATED_SRTP", w->p, word_len(w)))
		line->unauthenticated_srtp = true;
	/* A hint for the replay window, and what a receiver may ignore ("-name"). */
	else if (!starts(w, "WSH=") && !starts(w, "-"))
		line->other_params = true;
}

int sdes_parse(struct sdes_line *out, const char *text, size_t len)
{
	struct text t = { text, text + len }, w;
	struct sdes_line line = { 0 };
	uint64_t tag;
	int err;

	w = next_word(&t);
	if (word_len(&w) > 9 || read_number(&w, 999999999, &tag) || w.p != w.end)
		return -EBADMSG;
	line.tag = (uint32_t)tag;
	w = next_word(&t);
	if (!word_len(&w))
		return -EBADMSG;
	line.key.suite = find_suite(w.p, word_len(&w), &line.old_name);
	w = next_word(&t);
	if (!word_len(&w))
		return -EBADMSG;
	if (line.key.suite == SRTP_SUITE_NONE) {
		*out = line;
		return -ENOTSUP;
	}
	err = read_key(&line, w);
	if (err == -ENOTSUP) {
		line.key = (struct srtp_key){ 0 };
		*out = line;
	}
	if (err)
		return err;
	for (w = next_word(&t); word_len(&w); w = next_word(&t))
		read_param(&line, &w);
	*out = line;
	return 0;
}

static const char *name_of(const struct sdes_line *self)
{
	const char *old = suites[self->key.suite].old_name;

	return self->old_name && old ? old : suites[self->key.suite].name;
}

int sdes_write(const struct sdes_line *self, char *buf, size_t cap)
{
	char key[72], life[24] = "", mki[48] = "";
	size_t key_len = srtp_suite_key_len(self->key.suite);
	uint64_t v = 0;
	int n;

	if (!key_len)
		return -EINVAL;
	encode(self->key.key, key_len, key);
	if (self->lifetime && !(self->lifetime & (self->lifetime - 1)))
		snprintf(life, sizeof(life), "|2^%d", __builtin_ctzll(self->lifetime));
	else if (self->lifetime)
		snprintf(life, sizeof(life), "|%llu", (unsigned long long)self->lifetime);
	if (self->key.mki_len) {
		for (size_t i = self->key.mki_len > 8 ? self->key.mki_len - 8u : 0;
		     i < self->key.mki_len; i++)
			v = v << 8 | self->key.mki[i];
		snprintf(mki, sizeof(mki), "|%llu:%u", (unsigned long long)v, self->key.mki_len);
	}
	n = snprintf(buf, cap, "%u %s inline:%s%s%s%s%s%s", self->tag, name_of(self), key, life, mki,
		     self->unencrypted_srtp ? " UNENCRYPTED_SRTP" : "",
		     self->unencrypted_srtcp ? " UNENCRYPTED_SRTCP" : "",
		     self->unauthenticated_srtp ? " UNAUTHENTICATED_SRTP" : "");
	return n < 0 || (size_t)n >= cap ? -ENOSPC : n;
}
