/* SPDX-License-Identifier: GPL-3.0-or-later
 * The answer to an offer, RFC 3264 section 6: first each line is judged on its
 * own, then one audio, one main video and one slides line are taken, then they
 * are bundled. */
#include "mcu/mc/desc_internal.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* What came out for one line of the offer. */
struct judged {
	bool usable;
	struct codec_choice codec;
	enum desc_security security;
	int crypto;
	char security_text[96];
	char reason[160];
};

static bool is_multicast(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	if (a->ss_family == AF_INET)
		return IN_MULTICAST(ntohl(v4->sin_addr.s_addr));
	return a->ss_family == AF_INET6 && IN6_IS_ADDR_MULTICAST(&v6->sin6_addr);
}

/* Why a line is out before its codecs are looked at; NULL: it is not. */
static const char *line_unfit(const struct desc_rules *rules, const struct desc_line *line)
{
	int family = line->rtp.ss_family;

	if (line->port == 0)
		return "offered with port 0";
	if (line->kind == MEDIA_OTHER)
		return "this kind of media is not done";
	if (line->proto == PROTO_OTHER)
		return "this transport is not done";
	if (line->kind == MEDIA_VIDEO && !rules->video)
		return "audio only here";
	if (line->role == ROLE_SLIDES && !rules->policy->slides)
		return "a second video for slides is not received here (slides=\"refuse\")";
	if (is_multicast(&line->rtp))
		return "a multicast address";
	if (rules->policy->family && family && family != rules->policy->family &&
	    !(line->ice && rules->ice != ICE_OFF))
		return family == AF_INET6 ? "no IPv6 for media here" : "no IPv4 for media here";
	return NULL;
}

static void judge(const struct desc_rules *rules, const struct media_desc *offer,
		  unsigned index, struct judged *out, desc_why *why, void *arg)
{
	const struct desc_line *line = &offer->line[index];
	const char *unfit = line_unfit(rules, line);

	memset(out, 0, sizeof(*out));
	out->codec.index = -1;
	if (unfit) {
		desc_text(out->reason, sizeof(out->reason), "%s", unfit);
		for (uint32_t i = 0; why && i < line->n_codecs; i++)
			why(arg, index, (int)i, "the line is refused");
		return;
	}
	desc_choose_codec(rules, line, index, &out->codec, why, arg);
	if (out->codec.index < 0) {
		desc_text(out->reason, sizeof(out->reason), "%s", out->codec.text);
		return;
	}
	out->security = desc_choose_security(rules, line, &out->crypto, out->security_text,
					     sizeof(out->security_text));
	if (out->security == DESC_REFUSED) {
		desc_text(out->reason, sizeof(out->reason), "%s", out->security_text);
		return;
	}
	out->usable = true;
}

/* What there is one line of in a call. */
enum part { PART_AUDIO, PART_VIDEO, PART_SLIDES, PART_OTHER };

static enum part part_of(const struct desc_line *line)
{
	if (line->kind == MEDIA_VIDEO)
		return line->role == ROLE_SLIDES ? PART_SLIDES : PART_VIDEO;
	return line->kind == MEDIA_AUDIO ? PART_AUDIO : PART_OTHER;
}

/* Of several lines for one part one is taken: an encrypted one before a plain one
 * (best-effort offers of old come as two lines), else the first. ANAT
 * (RFC 4091) orders its alternatives by preference, so the first is right. */
static int pick(const struct media_desc *offer, struct judged *judged, enum part part)
{
	static const char *const names[] = { "audio", "video", "slides" };
	int best = -1;

	for (uint32_t i = 0; i < offer->n_lines; i++) {
		bool better;

		if (part_of(&offer->line[i]) != part || !judged[i].usable)
			continue;
		better = best < 0 || (judged[best].security == DESC_PLAIN &&
				      judged[i].security != DESC_PLAIN);
		if (better)
			best = (int)i;
	}
	for (uint32_t i = 0; i < offer->n_lines; i++) {
		if (part_of(&offer->line[i]) != part || !judged[i].usable || (int)i == best)
			continue;
		judged[i].usable = false;
		desc_text(judged[i].reason, sizeof(judged[i].reason),
			  "another %s line is taken", names[part]);
	}
	return best;
}

/* Slides alone are no call: nobody would be seen or heard. */
static void pick_all(const struct media_desc *offer, struct judged *judged)
{
	int audio = pick(offer, judged, PART_AUDIO), video = pick(offer, judged, PART_VIDEO);
	int slides = pick(offer, judged, PART_SLIDES);

	if (slides < 0 || audio >= 0 || video >= 0)
		return;
	judged[slides].usable = false;
	desc_text(judged[slides].reason, sizeof(judged[slides].reason),
		  "slides without sound or a main video");
}

/* ---- an accepted line ------------------------------------------------------ */

static void add_codec(const struct desc_rules *rules, struct desc_line *answer,
		      const struct desc_codec *offered)
{
	struct desc_codec *c = &answer->codec[answer->n_codecs++];

	*c = *offered;
	desc_our_format(&c->format, &offered->format, rules->video_bitrate);
	c->can_send = c->can_receive = true;
	if (answer->kind != MEDIA_VIDEO)
		c->fir = c->pli = c->nack = c->tmmbr = c->remb = false;
	desc_quirk_codec(rules->policy->quirk, c);
}

static void add_codecs(const struct desc_rules *rules, struct desc_line *answer,
		       const struct desc_line *offer, int chosen)
{
	static const enum codec_id companions[] = { CODEC_CN, CODEC_TELEPHONE_EVENT };
	const struct codec_format *with = &offer->codec[chosen].format;

	add_codec(rules, answer, &offer->codec[chosen]);
	for (size_t i = 0; offer->kind == MEDIA_AUDIO && i < 2; i++) {
		int index = desc_companion(offer, companions[i], with);
		struct desc_codec *c = &answer->codec[answer->n_codecs];

		if (index < 0)
			continue;
		add_codec(rules, answer, &offer->codec[index]);
		/* RFC 4733 section 2.5.1.1: the keys, without the tones. */
		if (companions[i] == CODEC_TELEPHONE_EVENT)
			desc_text(c->events, sizeof(c->events), "0-15");
	}
}

/* RFC 5763 section 5: active is recommended to the answerer, for the handshake
 * then runs beside the signalling. An association in force keeps its roles
 * (RFC 8842 section 5.3). Without a=setup the offerer is active (RFC 4145
 * section 4). */
static enum desc_setup answer_setup(const struct desc_rules *rules, enum desc_setup offered)
{
	switch (offered) {
	case SETUP_ACTIVE: case SETUP_NONE:
		return SETUP_PASSIVE;
	case SETUP_PASSIVE:
		return SETUP_ACTIVE;
	case SETUP_HOLDCONN:
		return SETUP_HOLDCONN;
	default:
		return rules->policy->dtls_role == SETUP_PASSIVE ? SETUP_PASSIVE : SETUP_ACTIVE;
	}
}

static void secure(const struct desc_rules *rules, struct desc_line *answer,
		   const struct desc_line *offer, const struct judged *judged)
{
	if (judged->security == DESC_SDES) {
		/* The offered tag, suite and session parameters (RFC 4568
		 * section 5.1.2); the key is the caller's to make. */
		struct sdes_line *c = &answer->crypto[0];

		answer->n_crypto = 1;
		*c = offer->crypto[judged->crypto];
		c->lifetime = 0;
		memset(&c->key, 0, sizeof(c->key));
		c->key.suite = offer->crypto[judged->crypto].key.suite;
	} else if (judged->security == DESC_DTLS) {
		answer->setup = answer_setup(rules, offer->setup);
	}
}

static unsigned answer_ptime(const struct desc_line *offer)
{
	unsigned ptime = offer->ptime;

	if (offer->maxptime && (ptime == 0 || ptime > offer->maxptime) && offer->maxptime < 20)
		ptime = offer->maxptime;
	if (ptime == 0)
		return 0;
	return ptime < 10 ? 10 : ptime > 60 ? 60 : ptime;
}

static const char *direction_text(const struct desc_line *line)
{
	if (line->send)
		return line->receive ? "sendrecv" : "sendonly";
	return line->receive ? "recvonly" : "inactive";
}

static void accept_line(const struct desc_rules *rules, struct desc_line *answer,
			const struct desc_line *offer, const struct judged *judged)
{
	answer->port = 9;
	answer->send = offer->receive && offer->role != ROLE_SLIDES;
	answer->receive = offer->send;
	add_codecs(rules, answer, offer, judged->codec.index);
	secure(rules, answer, offer, judged);
	if (answer->setup == SETUP_HOLDCONN)
		answer->send = answer->receive = false;
	answer->rtcp_mux = offer->rtcp_mux;
	answer->ice = offer->ice && rules->ice != ICE_OFF;
	answer->mid_ext = offer->mid_ext;
	answer->abs_send_time_ext = offer->abs_send_time_ext;
	if (offer->kind == MEDIA_AUDIO)
		answer->ptime = answer_ptime(offer);
	else
		answer->bandwidth = rules->video_bitrate;
	desc_text(answer->reason, sizeof(answer->reason), "%s, %s, %s%s", judged->codec.text,
		  judged->security_text, answer->role == ROLE_SLIDES ? "slides, " : "",
		  direction_text(answer));
}

/* In a BUNDLE group an id means one extension (RFC 9143 section 14), which not everybody
 * heeds. */
static bool clashes(const struct media_desc *offer, uint32_t index, uint8_t id)
{
	for (uint32_t i = 0; offer->line[index].bundled && i < offer->n_lines; i++) {
		const struct desc_line *o = &offer->line[i];

		if (i == index || !o->bundled || o->kind == offer->line[index].kind)
			continue;
		if (id == o->mid_ext || id == o->abs_send_time_ext || id == o->orientation.id ||
		    id == o->audio_level.id)
			return true;
	}
	return false;
}

/* What is told in their packets of their sound and picture is listened to. Ours tell
 * nothing of the kind: our pictures are upright. */
static void listen_to(struct media_desc *answer, const struct media_desc *offer, uint32_t index)
{
	const struct desc_line *o = &offer->line[index];
	struct desc_line *a = &answer->line[index];
	bool video = o->kind == MEDIA_VIDEO;
	const struct desc_extension *theirs = video ? &o->orientation : &o->audio_level;
	struct desc_extension *ours = video ? &a->orientation : &a->audio_level;

	if (theirs->send && !clashes(offer, index, theirs->id))
		*ours = (struct desc_extension){ .id = theirs->id, .receive = true };
}

static void begin_line(struct desc_line *answer, const struct desc_line *offer)
{
	answer->kind = offer->kind;
	answer->proto = offer->proto;
	answer->role = offer->role;
	memcpy(answer->media, offer->media, sizeof(answer->media));
	memcpy(answer->proto_text, offer->proto_text, sizeof(answer->proto_text));
	memcpy(answer->formats_text, offer->formats_text, sizeof(answer->formats_text));
	memcpy(answer->mid, offer->mid, sizeof(answer->mid));
	memcpy(answer->label, offer->label, sizeof(answer->label));
	memcpy(answer->content, offer->content, sizeof(answer->content));
}

/* RFC 9143 section 7.3: the group holds what was accepted, and every member
 * multiplexes RTCP. A line that cannot join stands alone. */
static void bundle(struct media_desc *answer, const struct media_desc *offer)
{
	for (uint32_t i = 0; i < answer->n_lines; i++) {
		const struct desc_line *o = &offer->line[i];
		struct desc_line *a = &answer->line[i];

		a->bundled = a->port && o->bundled && o->mid[0] && o->rtcp_mux;
	}
}

/* ---- the whole -------------------------------------------------------------- */

/* 488 says the first thing that would help (RFC 3261 section 20.43). */
static void refuse(struct desc_verdict *verdict, const struct media_desc *offer,
		   const struct judged *judged)
{
	verdict->status = 488;
	if (offer->too_many_lines) {
		desc_text(verdict->warning, sizeof(verdict->warning),
			  "More than %d media lines", DESC_MAX_LINES);
		return;
	}
	desc_text(verdict->warning, sizeof(verdict->warning), "No audio or video line offered");
	for (uint32_t i = 0; i < offer->n_lines; i++) {
		if (offer->line[i].kind == MEDIA_OTHER)
			continue;
		desc_text(verdict->warning, sizeof(verdict->warning), "%s: %.140s",
			  offer->line[i].kind == MEDIA_AUDIO ? "Audio" : "Video",
			  judged[i].reason);
		return;
	}
}

void desc_answer(const struct desc_policy *policy, const struct media_desc *offer,
		 struct media_desc *answer, struct desc_verdict *verdict,
		 desc_why *why, void *arg)
{
	struct judged judged[DESC_MAX_LINES];
	struct desc_rules rules;
	bool any = false;

	desc_rules_init(&rules, policy);
	memset(answer, 0, sizeof(*answer));
	memset(verdict, 0, sizeof(*verdict));
	verdict->status = 200;
	for (uint32_t i = 0; i < offer->n_lines; i++)
		judge(&rules, offer, i, &judged[i], why, arg);
	pick_all(offer, judged);
	answer->n_lines = offer->n_lines;
	for (uint32_t i = 0; i < offer->n_lines; i++) {
		struct desc_line *line = &answer->line[i];

		begin_line(line, &offer->line[i]);
		if (judged[i].usable) {
			accept_line(&rules, line, &offer->line[i], &judged[i]);
			listen_to(answer, offer, i);
			answer->ice_lite |= line->ice;
			any = true;
		} else {
			memcpy(line->reason, judged[i].reason, sizeof(line->reason));
		}
		if (why)
			why(arg, i, -1, line->reason);
	}
	bundle(answer, offer);
	if (!any || offer->too_many_lines)
		refuse(verdict, offer, judged);
}
