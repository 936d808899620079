/* SPDX-License-Identifier: GPL-3.0-or-later
 * See digest.h: the texts and the hashes. The server's memory of nonces and
 * addresses is in digest_server.c. ⟨openssl⟩ */
#include "sip/digest.h"

#include "sip/span.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

static const char *const names[] = { "SHA-512-256", "SHA-256", "MD5" };

bool digest_algorithm_of(enum digest_algorithm *out, const char *name, size_t len)
{
	for (int i = 0; i < DIGEST_ALGORITHMS; i++)
		if (span_is((struct span){ name, len }, names[i])) {
			*out = (enum digest_algorithm)i;
			return true;
		}
	return false;
}

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
	return names[algorithm];
}

size_t digest_hex_len(enum digest_algorithm algorithm)
{
	return algorithm == DIGEST_MD5 ? 32 : 64;
}

/* ---- reading -------------------------------------------------------------------- */

static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("-.!%*_+`'~", c));
}

static void skip(struct span *s, const char *set)
{
	while (s->len && strchr(set, *s->p)) {
		if (!*s->p)
			return;
		s->p++;
		s->len--;
	}
}

static struct span token(struct span *s)
{
	struct span t = { s->p, 0 };

	while (t.len < s->len && is_token(s->p[t.len]))
		t.len++;
	s->p += t.len;
	s->len -= t.len;
	return t;
}

/* A token, or what stands between quotes. */
static int value(struct span *s, struct span *out)
{
	size_t n = 1;

	if (!s->len || *s->p != '"') {
		*out = *s;
		for (n = 0; n < s->len && (unsigned char)s->p[n] > ' ' && s->p[n] != 127 &&
		     !strchr(",\"\\", s->p[n]); )
			n++;
		out->len = n; /* nothing that would not stand between quotes */
		s->p += n;
		s->len -= n;
		return n ? 0 : -EBADMSG;
	}
	while (n < s->len && s->p[n] != '"') {
		if ((unsigned char)s->p[n] < ' ' && s->p[n] != '\t')
			return -EBADMSG;
		n += s->p[n] == '\\' ? 2 : 1;
	}
	if (n >= s->len)
		return -EBADMSG;
	*out = (struct span){ s->p + 1, n - 1 };
	s->p += n + 1;
	s->len -= n + 1;
	return 0;
}

static int keep(char *buf, size_t cap, struct span v)
{
	if (v.len >= cap)
		return -EBADMSG;
	memcpy(buf, v.p, v.len);
	buf[v.len] = 0;
	return 0;
}

static int read_nc(uint32_t *out, struct span v)
{
	uint32_t nc = 0;

	if (v.len != 8)
		return -EBADMSG;
	for (size_t i = 0; i < 8; i++) {
		char c = v.p[i] | 0x20;
		int d = v.p[i] >= '0' && v.p[i] <= '9' ? v.p[i] - '0' :
			c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (d < 0)
			return -EBADMSG;
		nc = nc << 4 | (uint32_t)d;
	}
	*out = nc;
	return nc ? 0 : -EBADMSG;
}

static void read_qop(struct digest_params *p, struct span v)
{
	p->qop = true;
	while (v.len)
		p->qop_auth = span_is(span_trim(span_cut(&v, ',')), "auth") || p->qop_auth;
}

enum { P_USERNAME, P_REALM, P_NONCE, P_URI, P_RESPONSE, P_CNONCE, P_OPAQUE, P_ALGORITHM,
       P_QOP, P_NC, P_STALE, P_COUNT };

static int read_param(struct digest_params *p, int which, struct span v)
{
	switch (which) {
	case P_USERNAME:
		return keep(p->username, sizeof(p->username), v);
	case P_REALM:
		return keep(p->realm, sizeof(p->realm), v);
	case P_NONCE:
		return keep(p->nonce, sizeof(p->nonce), v);
	case P_URI:
		return keep(p->uri, sizeof(p->uri), v);
	case P_RESPONSE:
		return keep(p->response, sizeof(p->response), v);
	case P_CNONCE:
		return keep(p->cnonce, sizeof(p->cnonce), v);
	case P_OPAQUE:
		return keep(p->opaque, sizeof(p->opaque), v);
	case P_ALGORITHM:
		p->known = digest_algorithm_of(&p->algorithm, v.p, v.len);
		return 0;
	case P_QOP:
		read_qop(p, v);
		return 0;
	case P_NC:
		return read_nc(&p->nc, v);
	default:
		p->stale = span_is(v, "true");
		return 0;
	}
}

int digest_parse(struct digest_params *out, const char *text, size_t len)
{
	static const char *const params[] = { "username", "realm", "nonce", "uri", "response",
		"cnonce", "opaque", "algorithm", "qop", "nc", "stale" };
	struct digest_params p = { .algorithm = DIGEST_MD5, .known = true };
	struct span s = { text, len }, name, v;
	unsigned seen = 0;
	int err, which;

	skip(&s, " \t\r\n");
	if (!span_is(token(&s), "Digest") || !s.len || !strchr(" \t\r\n", *s.p) || !*s.p)
		return -EBADMSG;
	for (skip(&s, " \t\r\n,"); s.len; skip(&s, " \t\r\n,")) {
		name = token(&s);
		skip(&s, " \t\r\n");
		if (!name.len || !s.len || *s.p != '=')
			return -EBADMSG;
		s.p++;
		s.len--;
		skip(&s, " \t\r\n");
		err = value(&s, &v);
		if (err)
			return err;
		for (which = 0; which < P_COUNT && !span_is(name, params[which]); )
			which++;
		if (which == P_COUNT)
			continue;
		if (seen & 1U << which)
			return -EBADMSG;
		seen |= 1U << which;
		err = read_param(&p, which, v);
		if (err)
			return err;
	}
	if (!(seen & 1U << P_REALM) || !(seen & 1U << P_NONCE))
		return -EBADMSG;
	*out = p;
	return 0;
}

/* ---- hashes ------------------------------------------------------------------------ */

/* Of the texts one after the other with colons between; ended by NULL. */
static void hash(char out[DIGEST_HEX], enum digest_algorithm algorithm, ...)
{
	const EVP_MD *md = algorithm == DIGEST_MD5 ? EVP_md5() :
			   algorithm == DIGEST_SHA256 ? EVP_sha256() : EVP_sha512_256();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool ok = ctx && EVP_DigestInit_ex(ctx, md, NULL);
	const char *text;
	va_list ap;
	int i = 0;

	va_start(ap, algorithm);
	while (ok && (text = va_arg(ap, const char *)) != NULL)
		ok = (!i++ || EVP_DigestUpdate(ctx, ":", 1)) &&
		     EVP_DigestUpdate(ctx, text, strlen(text));
	va_end(ap);
	ok = ok && EVP_DigestFinal_ex(ctx, raw, &n) && n * 2 < DIGEST_HEX;
	EVP_MD_CTX_free(ctx);
	/* Without memory: a text that no hash equals. */
	snprintf(out, DIGEST_HEX, "-");
	for (unsigned k = 0; ok && k < n; k++)
		snprintf(out + 2 * k, DIGEST_HEX - 2 * k, "%02x", raw[k]);
}

void digest_ha1(char out[DIGEST_HEX], enum digest_algorithm algorithm, const char *user,
		const char *realm, const char *password)
{
	hash(out, algorithm, user, realm, password, NULL);
}

void digest_response(char out[DIGEST_HEX], const struct digest_params *p, const char *ha1,
		     const char *method)
{
	char ha2[DIGEST_HEX], nc[16];

	snprintf(nc, sizeof(nc), "%08x", p->nc);
	hash(ha2, p->algorithm, method, p->uri, NULL);
	if (p->qop)
		hash(out, p->algorithm, ha1, p->nonce, nc, p->cnonce, "auth", ha2, NULL);
	else
		hash(out, p->algorithm, ha1, p->nonce, ha2, NULL);
}

/* ---- the client's header -------------------------------------------------------------- */

/* What would end a quoted string early. */
static bool can_quote(const char *text)
{
	for (; *text; text++)
		if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ')
			return false;
	return true;
}

int digest_authorize(char *buf, size_t cap, const struct digest_params *challenge,
		     const char *user, const char *password, const char *method,
		     const char *uri, uint32_t nc)
{
	struct digest_params p = *challenge;
	char ha1[DIGEST_HEX], response[DIGEST_HEX], counted[240] = "";
	unsigned char random[12];
	int n;

	if (!p.known || (p.qop && !p.qop_auth) || !can_quote(user) || !can_quote(uri) ||
	    strlen(uri) >= sizeof(p.uri))
		return -EINVAL;
	snprintf(p.uri, sizeof(p.uri), "%s", uri);
	p.nc = nc;
	if (RAND_bytes(random, sizeof(random)) != 1)
		return -EIO;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(p.cnonce + 2 * i, sizeof(p.cnonce) - 2 * i, "%02x", random[i]);
	digest_ha1(ha1, p.algorithm, user, p.realm, password);
	digest_response(response, &p, ha1, method);
	if (p.qop)
		snprintf(counted, sizeof(counted), ", qop=auth, nc=%08x, cnonce=\"%s\"", nc,
			 p.cnonce);
	n = snprintf(buf, cap, "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", "
		     "response=\"%s\", algorithm=%s%s%s%s%s", user, p.realm, p.nonce, uri,
		     response, digest_algorithm_name(p.algorithm), counted,
		     p.opaque[0] ? ", opaque=\"" : "", p.opaque, p.opaque[0] ? "\"" : "");
	return n < 0 || (size_t)n >= cap ? -ENOSPC : 0;
}
