/* SPDX-License-Identifier: GPL-3.0-or-later
 * `balai sdp explain`: what is said about an offer, and how it is printed. */
#include "sip/explain.h"

#include "sip/body.h"
#include "sip/sdp.h"
#include "sip/sdp_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#define EXPLAIN_ADDRESS "192.0.2.1" /* RFC 5737 */

struct explained_codec {
	int pt;
	char name[48], fmtp[100], reason[64];
	bool chosen;
};

struct explained_line {
	unsigned n_codecs;
	struct explained_codec codec[128];
};

struct explained {
	int status;
	char reason[200];
	struct media_desc *offer, *ours; /* ours: the answer, or our offer */
	bool we_offer;
	const struct config *config;     /* NULL: no quirks */
	const char *agent;               /* NULL: as the message says */
	char its_agent[128];
	const struct conf_quirk *quirk;  /* what applies, NULL: none */
	char *text;                      /* ours as SDP, NULL: a refusal */
	struct explained_line line[DESC_MAX_LINES];
};

/* ---- the body -------------------------------------------------------------------- */

static bool is_message(struct span text)
{
	struct span line = span_cut(&text, '\n');

	while (line.len && line.p[line.len - 1] == '\r')
		line.len--;
	return span_begins(line, "SIP/2.0 ") ||
	       (line.len > 8 && span_begins((struct span){ line.p + line.len - 8, 8 }, " SIP/2.0"));
}

/* Content-Type and User-Agent of a SIP message ("" when it has none) and its body. */
static struct span message_body(struct span text, char *type, size_t cap, char *agent,
				size_t agent_cap)
{
	type[0] = '\0';
	while (text.len) {
		struct span line = span_cut(&text, '\n'), name;

		while (line.len && line.p[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0)
			break;
		name = span_trim(span_cut(&line, ':'));
		if (span_is(name, "Content-Type") || span_is(name, "c"))
			span_copy(type, cap, span_trim(line));
		if (span_is(name, "User-Agent"))
			span_copy(agent, agent_cap, span_trim(line));
	}
	return text;
}

static int find_body(struct explained *self, struct span all, struct span *sdp)
{
	char type[512];
	struct span body;

	if (!is_message(all)) {
		*sdp = all;
		return all.len ? 0 : -EBADMSG;
	}
	body = message_body(all, type, sizeof(type), self->its_agent, sizeof(self->its_agent));
	return body_find_sdp(&sdp->p, &sdp->len, type, body.p, body.len);
}

/* ---- what came, by name --------------------------------------------------------- */

/* Why a codec that we have no name for is not done. */
static const char *unknown(const char *name)
{
	static const struct { const char *name, *why; } known[] = {
		{ "MP4A-LATM", "AAC-LD can be read here but not written" },
		{ "mpeg4-generic", "AAC-LD can be read here but not written" },
		{ "G7221", "Debian 12 has no G.722.1" },
		{ "SIREN14", "Debian 12 has no G.722.1" },
		{ "vnd.polycom.lpr", "loss recovery of its own, not needed" },
		{ "H265", "not done" }, { "H264-SVC", "not done" },
		{ "red", "not done" }, { "ulpfec", "not done" }, { "rtx", "not done" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcasecmp(name, known[i].name))
			return known[i].why;
	return "not known here";
}

static void list_codecs(struct explained_line *line, const sdp_media_t *m)
{
	for (const sdp_rtpmap_t *map = m->m_rtpmaps; map && line->n_codecs < 128;
	     map = map->rm_next) {
		struct explained_codec *c = &line->codec[line->n_codecs++];
		bool named = map->rm_encoding && map->rm_encoding[0];

		c->pt = (int)map->rm_pt;
		span_copy(c->name, 33, span_of(named ? map->rm_encoding : "?"));
		if (named)
			snprintf(c->name + strlen(c->name), sizeof(c->name) - strlen(c->name),
				 "/%lu", map->rm_rate);
		span_copy(c->fmtp, sizeof(c->fmtp), span_of(map->rm_fmtp));
		snprintf(c->reason, sizeof(c->reason), "%s", named ? unknown(map->rm_encoding) :
			 "a dynamic payload type without a=rtpmap");
	}
}

/* Our description keeps only what we know; a person wants to see the rest too. */
static int list_all(struct explained *self, struct span sdp)
{
	sdp_parser_t *parser;
	sdp_session_t *session;
	struct tidy tidy;
	unsigned i = 0;
	int err = tidy_init(&tidy, sdp.p, sdp.len);

	if (err)
		return err;
	parser = sdp_parse(NULL, tidy.text, (issize_t)tidy.len,
			   sdp_f_insane | sdp_f_c_missing | sdp_f_anynet);
	session = parser ? sdp_session(parser) : NULL;
	if (session)
		for (sdp_media_t *m = session->sdp_media; m && i < tidy.n_media; m = m->m_next, i++)
			list_codecs(&self->line[i], m);
	sdp_parser_free(parser);
	tidy_fini(&tidy);
	return 0;
}

static void on_why(void *arg, unsigned index, int codec, const char *text)
{
	struct explained *self = (struct explained *)arg;
	struct explained_line *line = &self->line[index];
	int pt;

	if (codec < 0)
		return;
	pt = self->offer->line[index].codec[codec].pt;
	for (unsigned i = 0; i < line->n_codecs; i++) {
		if (line->codec[i].pt != pt)
			continue;
		snprintf(line->codec[i].reason, sizeof(line->codec[i].reason), "%.60s", text);
		line->codec[i].chosen = strcmp(text, "chosen") == 0;
	}
}

/* ---- placeholders ----------------------------------------------------------------- */

static void fill_address(struct desc_line *line, uint16_t port, bool offer)
{
	line->port = port;
	sdp_address(&line->rtp, EXPLAIN_ADDRESS, port);
	sdp_address(&line->rtcp, EXPLAIN_ADDRESS, (uint16_t)(port + 1));
	if (line->ice) {
		snprintf(line->ice_ufrag, sizeof(line->ice_ufrag), "balai0");
		snprintf(line->ice_pwd, sizeof(line->ice_pwd), "placeholderplaceholder");
		line->candidate[0] = line->rtp;
		line->n_candidates = 1;
		line->rtcp_given = offer || !line->rtcp_mux;
	}
}

static void fill_keys(struct desc_line *line)
{
	for (uint32_t i = 0; i < line->n_crypto; i++) {
		for (size_t j = 0; j < srtp_suite_key_len(line->crypto[i].key.suite); j++)
			line->crypto[i].key.key[j] = (uint8_t)(j + i);
	}
	if (line->setup == SETUP_NONE)
		return;
	snprintf(line->fingerprint.hash, sizeof(line->fingerprint.hash), "sha-256");
	line->fingerprint.len = 32;
	for (unsigned j = 0; j < 32; j++)
		line->fingerprint.bytes[j] = (uint8_t)j;
}

static void fill(struct media_desc *ours, bool offer)
{
	uint16_t port = 40000, shared = 0;

	for (uint32_t i = 0; i < ours->n_lines; i++) {
		struct desc_line *line = &ours->line[i];

		if (line->port == 0)
			continue;
		fill_address(line, line->bundled && shared ? shared : port, offer);
		if (line->bundled && !shared)
			shared = port;
		fill_keys(line);
		port += 2;
	}
	ours->session_id = ours->session_version = 1;
	snprintf(ours->username, sizeof(ours->username), "balai");
}

/* ---- the explanation -------------------------------------------------------------- */

static int write_ours(struct explained *self)
{
	fill(self->ours, self->we_offer);
	self->text = (char *)malloc(SDP_MAX_BYTES);
	if (!self->text)
		return -ENOMEM;
	return sdp_desc_write(self->ours, EXPLAIN_ADDRESS, self->text, SDP_MAX_BYTES) < 0 ?
	       -ENOSPC : 0;
}

static void refuse(struct explained *self, int status, const char *reason)
{
	self->status = status;
	snprintf(self->reason, sizeof(self->reason), "%s", reason);
}

static void take_quirk(struct explained *self, struct desc_policy *policy)
{
	if (self->config)
		self->quirk = config_quirk(self->config,
					   self->agent ? self->agent : self->its_agent,
					   self->offer ? self->offer->encodings : "");
	policy->quirk = self->quirk;
}

static int answer_offer(struct explained *self, struct span sdp, const struct desc_policy *policy)
{
	struct desc_policy with = *policy;
	struct desc_verdict verdict;
	int err = sdp_desc_parse(&self->offer, sdp.p, sdp.len);

	if (err == -EBADMSG)
		refuse(self, 400, "The body is not a session description");
	else if (err == -EMSGSIZE)
		refuse(self, 413, "The body is too long");
	if (err)
		return err == -ENOMEM ? err : 0;
	err = list_all(self, sdp);
	if (err)
		return err;
	take_quirk(self, &with);
	desc_answer(&with, self->offer, self->ours, &verdict, on_why, self);
	refuse(self, verdict.status, verdict.warning);
	return verdict.status == 200 ? write_ours(self) : 0;
}

static int explain(struct explained *self, struct span all, const struct desc_policy *policy)
{
	struct span sdp = span_of("");
	struct desc_policy with = *policy;
	int err = find_body(self, all, &sdp);

	switch (err) {
	case 0:
		return answer_offer(self, sdp, policy);
	case -ENOENT:
		refuse(self, 200, "No offer came: the answer to the call holds our offer");
		self->we_offer = true;
		take_quirk(self, &with);
		desc_offer(&with, self->ours);
		return write_ours(self);
	case -ENOTSUP:
		refuse(self, 415, "No application/sdp in the body");
		return 0;
	default:
		refuse(self, 400, "The body cannot be read");
		return 0;
	}
}

/* ---- printing -------------------------------------------------------------------- */

static const char *direction(const struct desc_line *line)
{
	if (line->port == 0)
		return "inactive";
	if (line->send)
		return line->receive ? "sendrecv" : "sendonly";
	return line->receive ? "recvonly" : "inactive";
}

static json_t *codecs_json(const struct explained_line *line)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < line->n_codecs; i++) {
		const struct explained_codec *c = &line->codec[i];

		json_array_append_new(list, json_pack("{s:i s:s s:s s:b s:s}", "payload_type",
						      c->pt, "codec", c->name, "fmtp", c->fmtp,
						      "chosen", c->chosen, "reason", c->reason));
	}
	return list;
}

static json_t *line_json(const struct explained *self, uint32_t i)
{
	const struct desc_line *line = &self->ours->line[i];
	bool used = line->port != 0 && line->n_codecs > 0;
	json_t *o = json_object();

	json_object_set_new(o, "media", json_string(line->media));
	json_object_set_new(o, "port", json_integer(line->port));
	json_object_set_new(o, "codec", used ?
			    json_string(codec_name(line->codec[0].format.id)) : json_null());
	json_object_set_new(o, "payload_type", used ?
			    json_integer(line->codec[0].pt) : json_null());
	json_object_set_new(o, "direction", json_string(direction(line)));
	json_object_set_new(o, "reason", json_string(line->reason));
	json_object_set_new(o, "codecs", codecs_json(&self->line[i]));
	return o;
}

static int print_json(const struct explained *self, FILE *out)
{
	json_t *root = json_object(), *lines = json_array();
	int err;

	for (uint32_t i = 0; i < self->ours->n_lines; i++)
		json_array_append_new(lines, line_json(self, i));
	json_object_set_new(root, "status", json_integer(self->status));
	json_object_set_new(root, "reason", json_string(self->reason));
	json_object_set_new(root, "quirk", self->quirk ? json_string(self->quirk->name) :
			    json_null());
	if (self->text)
		json_object_set_new(root, "answer", json_string(self->text));
	json_object_set_new(root, "mlines", lines);
	err = json_dumpf(root, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(root);
	return err ? -ENOMEM : 0;
}

static void print_line(const struct explained *self, uint32_t i, FILE *out)
{
	const struct desc_line *line = &self->ours->line[i];
	const struct explained_line *from = &self->line[i];

	fprintf(out, "\nline %u %s: %s%s%s\n", i, line->media,
		line->port ? "accepted" : "refused", line->reason[0] ? ": " : "", line->reason);
	for (unsigned j = 0; j < from->n_codecs; j++) {
		const struct explained_codec *c = &from->codec[j];

		fprintf(out, "  %c %3d  %-23s %s%s%s\n", c->chosen ? '*' : ' ', c->pt, c->name,
			c->reason, c->fmtp[0] ? "  | " : "", c->fmtp);
	}
}

static void print_text(const struct explained *self, FILE *out)
{
	fprintf(out, "%d %s%s%s\n", self->status, self->status == 200 ? "OK" : "refused",
		self->reason[0] ? ": " : "", self->reason);
	if (self->quirk && self->quirk->line)
		fprintf(out, "quirk: %s (line %u)\n", self->quirk->name, self->quirk->line);
	else if (self->quirk)
		fprintf(out, "quirk: %s (built in)\n", self->quirk->name);
	for (uint32_t i = 0; i < self->ours->n_lines; i++)
		print_line(self, i, out);
	if (self->text)
		fprintf(out, "\n%s:\n\n%s", self->we_offer ? "our offer" : "the answer",
			self->text);
}

int sdp_explain(const char *text, size_t len, const struct desc_policy *policy,
		const struct config *config, const char *agent, bool json, FILE *out)
{
	struct explained *self = (struct explained *)calloc(1, sizeof(*self));
	int err = -ENOMEM;

	if (!self)
		return -ENOMEM;
	self->config = config;
	self->agent = agent;
	self->ours = media_desc_new();
	if (!self->ours)
		goto out;
	err = explain(self, (struct span){ text, len }, policy);
	if (err)
		goto out;
	if (json)
		err = print_json(self, out);
	else
		print_text(self, out);
	if (err == 0)
		err = self->status;
out:
	free(self->text);
	media_desc_free(self->offer);
	media_desc_free(self->ours);
	free(self);
	return err;
}
