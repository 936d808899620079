/* SPDX-License-Identifier: GPL-3.0-or-later
 * Media descriptions: memory, rules of a policy, fingerprints. */
#include "mcu/mc/desc_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct media_desc *media_desc_new(void)
{
	return (struct media_desc *)calloc(1, sizeof(struct media_desc));
}

struct media_desc *media_desc_free(struct media_desc *self)
{
	/* It may hold SRTP keys. */
	if (self)
		explicit_bzero(self, sizeof(*self));
	free(self);
	return NULL;
}

void desc_text(char *buf, size_t cap, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, cap, fmt, ap);
	va_end(ap);
}

void desc_rules_init(struct desc_rules *self, const struct desc_policy *policy)
{
	const struct conf_profile *profile = policy->profile;

	memset(self, 0, sizeof(*self));
	self->policy = policy;
	self->encryption = policy->encryption;
	self->ice = profile ? profile->ice : ICE_OFFER;
	if (profile && profile->encryption > self->encryption)
		self->encryption = profile->encryption;
	if (policy->was_secured)
		self->encryption = ENCRYPTION_REQUIRED;
	self->video = policy->video && (!profile || profile->video);
	if (profile && profile->bandwidth && profile->bandwidth <= UINT32_MAX / 1000)
		self->video_bitrate = profile->bandwidth * 1000;
}

/* ---- fingerprints ---------------------------------------------------------- */

/* RFC 8122 section 5; MD5 and MD2 must not be used. */
static const struct {
	const char *name;
	uint8_t len;
} hashes[] = {
	{ "sha-1", 20 }, { "sha-224", 28 }, { "sha-256", 32 },
	{ "sha-384", 48 }, { "sha-512", 64 },
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int desc_fingerprint_parse(struct desc_fingerprint *out, const char *hash, const char *text)
{
	struct desc_fingerprint f = { .len = 0 };
	size_t want = 0;

	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (strcasecmp(hash, hashes[i].name) == 0) {
			want = hashes[i].len;
			memcpy(f.hash, hashes[i].name, strlen(hashes[i].name) + 1);
		}
	}
	if (want == 0)
		return -ENOTSUP;
	for (; f.len < want; f.len++) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0)
			return -EBADMSG;
		f.bytes[f.len] = (uint8_t)(high << 4 | low);
		text += 2;
		if (f.len + 1u < want && *text++ != ':')
			return -EBADMSG;
	}
	if (*text != '\0')
		return -EBADMSG;
	*out = f;
	return 0;
}
