/* SPDX-License-Identifier: GPL-3.0-or-later
 * How a line is secured: SDES (RFC 4568), DTLS-SRTP (RFC 5763), either of them
 * offered under plain AVP (opportunistic, RFC 8643), or not at all. */
#include "mcu/mc/desc_internal.h"

#include <string.h>

static int first_usable(const struct desc_line *line)
{
	for (uint32_t i = 0; i < line->n_crypto; i++) {
		if (sdes_usable(&line->crypto[i]))
			return (int)i;
	}
	return -1;
}

static enum desc_security sdes(const struct desc_line *line, int index, int *crypto,
			       char *text, size_t cap)
{
	const struct sdes_line *c = &line->crypto[index];

	*crypto = index;
	desc_text(text, cap, "SDES tag %u %s%s", c->tag, srtp_suite_name(c->key.suite),
		  desc_proto_plain(line->proto) ? " (opportunistic)" : "");
	return DESC_SDES;
}

static enum desc_security dtls(const struct desc_line *line, char *text, size_t cap)
{
	desc_text(text, cap, "DTLS-SRTP%s",
		  desc_proto_plain(line->proto) ? " (opportunistic)" : "");
	return DESC_DTLS;
}

static enum desc_security refused(char *text, size_t cap, const char *why)
{
	desc_text(text, cap, "%s", why);
	return DESC_REFUSED;
}

enum desc_security desc_choose_security(const struct desc_rules *rules,
					const struct desc_line *line, int *crypto,
					char *text, size_t cap)
{
	bool fingerprint = line->fingerprint.len > 0;
	int usable = first_usable(line);

	*crypto = -1;
	if (rules->encryption == ENCRYPTION_OFF) {
		if (!desc_proto_plain(line->proto))
			return refused(text, cap, "the offer demands encryption, which is "
				       "switched off in this profile");
		desc_text(text, cap, "not encrypted (switched off)");
		return DESC_PLAIN;
	}
	if (desc_proto_dtls(line->proto))
		return fingerprint ? dtls(line, text, cap)
				   : refused(text, cap, "DTLS without a usable a=fingerprint");
	if (usable >= 0)
		return sdes(line, usable, crypto, text, cap);
	/* Early WebRTC wrote RTP/SAVPF for DTLS; RFC 8643 allows it under AVP. */
	if (fingerprint)
		return dtls(line, text, cap);
	if (!desc_proto_plain(line->proto))
		return refused(text, cap, line->n_crypto ?
			       "encryption without an a=crypto line this build can do" :
			       "encryption without a usable a=crypto or a=fingerprint");
	if (rules->encryption == ENCRYPTION_REQUIRED)
		return refused(text, cap, rules->policy->was_secured ?
			       "the call was encrypted and must stay so" :
			       "encryption is required here and the line offers none");
	desc_text(text, cap, "not encrypted");
	return DESC_PLAIN;
}
