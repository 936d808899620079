/* SPDX-License-Identifier: GPL-3.0-or-later
 * Our own offer: for a call without one (RFC 3261 section 13.2.1) and for calls
 * we make. */
#include "mcu/mc/desc_internal.h"

#include <string.h>

/* First the suite everybody has; a strong one follows for those who care. Not
 * all eight: a body over UDP had better stay small (RFC 3261 section 18.1.1). */
static const enum srtp_suite offered_suites[] = {
	SRTP_AES_CM_128_HMAC_SHA1_80, SRTP_AEAD_AES_256_GCM, SRTP_AES_CM_128_HMAC_SHA1_32,
};

static struct desc_codec *add(struct desc_line *line, enum codec_id id, int pt)
{
	struct desc_codec *c = &line->codec[line->n_codecs++];

	c->pt = pt;
	c->format.id = id;
	c->format.clock_rate = codec_clock_rate(id);
	c->format.channels = id == CODEC_OPUS ? 2 : 1;
	c->can_send = c->can_receive = true;
	return c;
}

static void add_events(struct desc_line *line, uint32_t rate, int pt)
{
	struct desc_codec *c = add(line, CODEC_TELEPHONE_EVENT, pt);

	c->format.clock_rate = rate;
	desc_text(c->events, sizeof(c->events), "0-15");
}

/* The limits stand in the format that we offer as "ours": asking for our side
 * of the highest profile gives them. */
static void add_h264(struct desc_line *line, const struct desc_rules *rules, uint8_t profile,
		     uint8_t iop, uint8_t mode, int pt)
{
	struct codec_format wish = {
		.id = CODEC_H264, .clock_rate = 90000, .channels = 1,
		.h264 = {
			.profile_idc = profile, .profile_iop = iop, .level_idc = 40,
			.packetization_mode = mode, .level_asymmetry_allowed = true,
		},
	};
	struct desc_codec *c = add(line, CODEC_H264, pt);

	desc_our_format(&c->format, &wish, rules->video_bitrate);
	if (desc_quirk_forbids(rules->policy->quirk, &c->format))
		line->n_codecs--;
}

static void add_h263(struct desc_line *line, enum codec_id id, int pt)
{
	struct desc_codec *c = add(line, id, pt);

	c->format.h263.qcif = c->format.h263.cif = 1;
	c->format.h263.cif4 = id == CODEC_H261 ? 0 : 1;
}

static void add_audio(struct desc_line *line, const struct desc_rules *rules)
{
	enum codec_id list[CODEC_COUNT];
	unsigned n = desc_profile_codecs(rules, MEDIA_AUDIO, list, CODEC_COUNT);
	bool opus = false, narrow = false;

	for (unsigned i = 0; i < n; i++) {
		struct desc_codec *c;

		/* L16 is a last resort, which an offer has no words for. */
		if (!desc_codec_supported(list[i]) || list[i] == CODEC_L16)
			continue;
		c = add(line, list[i], list[i] == CODEC_OPUS ? 96 : codec_static_pt(list[i]));
		if (list[i] == CODEC_OPUS)
			c->format.opus.useinbandfec = opus = true;
		else
			narrow = true;
	}
	if (narrow)
		add_events(line, 8000, 101);
	if (opus)
		add_events(line, 48000, 100);
	if (narrow)
		add(line, CODEC_CN, 13)->format.clock_rate = 8000;
}

static void add_video(struct desc_line *line, const struct desc_rules *rules)
{
	enum codec_id list[CODEC_COUNT];
	unsigned n = desc_profile_codecs(rules, MEDIA_VIDEO, list, CODEC_COUNT);

	for (unsigned i = 0; i < n; i++) {
		if (!desc_codec_supported(list[i]))
			continue;
		switch (list[i]) {
		case CODEC_H264:
			add_h264(line, rules, 66, 0xe0, 1, 97);
			add_h264(line, rules, 66, 0xe0, 0, 98);
			add_h264(line, rules, 100, 0x00, 1, 102);
			break;
		case CODEC_VP8: {
			struct desc_codec *c = add(line, CODEC_VP8, 99);
			struct codec_format wish = c->format;

			desc_our_format(&c->format, &wish, 0);
			break;
		}
		case CODEC_H263_1998:
			add_h263(line, list[i], 103);
			break;
		default:
			add_h263(line, list[i], codec_static_pt(list[i]));
			break;
		}
	}
	for (uint32_t i = 0; i < line->n_codecs; i++) {
		struct desc_codec *c = &line->codec[i];

		c->fir = c->pli = c->nack = c->tmmbr = true;
		c->remb = c->format.id == CODEC_H264 || c->format.id == CODEC_VP8;
		desc_quirk_codec(rules->policy->quirk, c);
	}
	line->bandwidth = rules->video_bitrate;
}

/* required: RTP/SAVP, so that a side that cannot refuses. preferred: under RTP/AVP
 * (RFC 8643), so that it answers plain. Both keyings stand side by side, and the
 * answer takes one: a=crypto for devices, DTLS-SRTP for those who know only that.
 * Whoever knows neither attribute skips it (RFC 8866 section 5.13). */
static void secure(struct desc_line *line, const struct desc_rules *rules)
{
	bool required = rules->encryption == ENCRYPTION_REQUIRED;

	line->proto = required ? PROTO_SAVP : PROTO_AVP;
	desc_text(line->proto_text, sizeof(line->proto_text), "%s",
		  required ? "RTP/SAVP" : "RTP/AVP");
	if (rules->encryption == ENCRYPTION_OFF)
		return;
	for (size_t i = 0; i < sizeof(offered_suites) / sizeof(offered_suites[0]); i++) {
		struct sdes_line c = { .tag = (uint32_t)i + 1 };

		c.key.suite = offered_suites[i];
		if (sdes_usable(&c))
			line->crypto[line->n_crypto++] = c;
	}
	line->setup = SETUP_ACTPASS;
}

bool desc_insist(struct media_desc *offer)
{
	bool any = false;

	for (uint32_t i = 0; i < offer->n_lines; i++) {
		struct desc_line *line = &offer->line[i];

		if (line->proto != PROTO_AVP || line->setup == SETUP_NONE)
			continue;
		line->proto = PROTO_SAVP;
		desc_text(line->proto_text, sizeof(line->proto_text), "RTP/SAVP");
		any = true;
	}
	return any;
}

bool desc_relent(struct media_desc *offer)
{
	bool any = false;

	for (uint32_t i = 0; i < offer->n_lines; i++) {
		struct desc_line *line = &offer->line[i];

		if (line->proto != PROTO_SAVP)
			continue;
		line->proto = PROTO_AVP;
		desc_text(line->proto_text, sizeof(line->proto_text), "RTP/AVP");
		line->n_crypto = 0;
		line->setup = SETUP_NONE;
		line->fingerprint.len = 0;
		line->ice = false; /* some refuse an offer for its candidates */
		any = true;
	}
	offer->ice_lite = offer->ice_lite && !any;
	return any;
}

static struct desc_line *add_line(struct media_desc *offer, const struct desc_rules *rules,
				  enum media_kind kind, const char *media)
{
	struct desc_line *line = &offer->line[offer->n_lines++];

	line->kind = kind;
	line->role = ROLE_MAIN;
	line->port = 9;
	line->send = line->receive = true;
	line->rtcp_mux = true;
	line->ice = rules->ice == ICE_OFFER;
	/* Who has ICE often tells lines apart by their mid (RFC 5888), and no device
	 * minds it. Not in a BUNDLE group: each line has a transport of its own. */
	if (line->ice)
		desc_text(line->mid, sizeof(line->mid), "%u", offer->n_lines - 1);
	desc_text(line->media, sizeof(line->media), "%s", media);
	secure(line, rules);
	return line;
}

/* A profile may leave nothing of a kind that this build can do. */
static void drop_empty(struct media_desc *offer)
{
	struct desc_line *line = &offer->line[offer->n_lines - 1];

	if (line->n_codecs > 0)
		return;
	memset(line, 0, sizeof(*line));
	offer->n_lines--;
}

void desc_offer(const struct desc_policy *policy, struct media_desc *offer)
{
	struct desc_rules rules;
	struct desc_line *line;

	desc_rules_init(&rules, policy);
	memset(offer, 0, sizeof(*offer));
	offer->ice_lite = rules.ice == ICE_OFFER;
	line = add_line(offer, &rules, MEDIA_AUDIO, "audio");
	line->ptime = 20;
	add_audio(line, &rules);
	drop_empty(offer);
	if (!rules.video)
		return;
	add_video(add_line(offer, &rules, MEDIA_VIDEO, "video"), &rules);
	drop_empty(offer);
}
