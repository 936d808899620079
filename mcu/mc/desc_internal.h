/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files behind mcu/mc/desc.h share. Nobody else includes this. */
#ifndef BALAI_MCU_MC_DESC_INTERNAL_H
#define BALAI_MCU_MC_DESC_INTERNAL_H

#include "mcu/mc/desc.h"

#include <stdarg.h>

/* Who decides what: the policy, spread into what the steps ask. */
struct desc_rules {
	const struct desc_policy *policy;
	enum conf_encryption encryption; /* was_secured counted in */
	enum conf_ice ice;
	bool video;
	uint32_t video_bitrate;          /* bit/s, 0: not given */
};

void desc_rules_init(struct desc_rules *self, const struct desc_policy *policy);

/* What a choice says about one codec of an offer. */
struct codec_choice {
	int index;          /* -1: nothing common */
	char text[96];      /* why this one, or why none */
};

/* Chooses the audio or video codec of `line`; tells `why` (may be NULL) about
 * every codec of it. */
void desc_choose_codec(const struct desc_rules *rules, const struct desc_line *line,
		       unsigned index, struct codec_choice *out, desc_why *why, void *arg);

/* The telephone-event or comfort noise that goes with a codec, or -1. */
int desc_companion(const struct desc_line *line, enum codec_id id,
		   const struct codec_format *with);

/* What we receive of `offered`: same codec, same profile, our own limits. */
void desc_our_format(struct codec_format *out, const struct codec_format *offered,
		     uint32_t bitrate);

/* Our codecs in the order of the profile; returns how many (at most cap). */
unsigned desc_profile_codecs(const struct desc_rules *rules, enum media_kind kind,
			     enum codec_id *out, unsigned cap);

/* What a quirk (may be NULL) takes from a codec that we name, and whether it wants
 * it not named at all. */
void desc_quirk_codec(const struct conf_quirk *quirk, struct desc_codec *codec);
bool desc_quirk_forbids(const struct conf_quirk *quirk, const struct codec_format *format);

enum desc_security { DESC_REFUSED, DESC_PLAIN, DESC_SDES, DESC_DTLS };

/* How a line would be secured; `text` says why. `crypto` is the index of the
 * chosen a=crypto line when DESC_SDES. */
enum desc_security desc_choose_security(const struct desc_rules *rules,
					const struct desc_line *line, int *crypto,
					char *text, size_t cap);

static inline bool desc_proto_dtls(enum desc_proto proto)
{
	return proto == PROTO_DTLS_SAVP || proto == PROTO_DTLS_SAVPF;
}

static inline bool desc_proto_plain(enum desc_proto proto)
{
	return proto == PROTO_AVP || proto == PROTO_AVPF;
}

static inline bool desc_proto_feedback(enum desc_proto proto)
{
	return proto == PROTO_AVPF || proto == PROTO_SAVPF || proto == PROTO_DTLS_SAVPF;
}

/* snprintf that cannot be forgotten to end: truncates. */
void desc_text(char *buf, size_t cap, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
