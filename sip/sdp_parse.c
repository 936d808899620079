/* SPDX-License-Identifier: GPL-3.0-or-later
 * A session description read: tidied, taken apart by Sofia, and put into a
 * media description. */
#include "sip/sdp.h"

#include "sip/sdp_internal.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>

/* ---- codecs --------------------------------------------------------------------- */

/* The codec of a payload type by its rtpmap; CODEC_NONE when it is none of
 * ours. The clock must match: PCMU/16000 is another codec than PCMU, and
 * "PCMU-WB" one too. A static number keeps its meaning under a name nobody
 * knows ("G729a" on 18), not under a known one (L16/16000 on 11). */
static enum codec_id codec_of(const sdp_rtpmap_t *map)
{
	static const enum codec_id statics[] = {
		CODEC_PCMU, CODEC_PCMA, CODEC_G722, CODEC_G729, CODEC_CN, CODEC_H263, CODEC_H261,
	};
	enum codec_id id = codec_by_name(map->rm_encoding);

	for (size_t i = 0; id == CODEC_NONE && i < sizeof(statics) / sizeof(statics[0]); i++) {
		if (codec_static_pt(statics[i]) == (int)map->rm_pt &&
		    codec_clock_rate(statics[i]) == map->rm_rate)
			id = statics[i];
	}
	return id;
}

static bool clock_fits(enum codec_id id, uint64_t rate)
{
	switch (id) {
	case CODEC_L16:
		/* 20 ms of more would not fit a packet. */
		return rate == 8000 || rate == 16000;
	case CODEC_TELEPHONE_EVENT:
		return rate >= 8000 && rate <= 48000;
	case CODEC_G722:
		/* 16000 is a known mistake (RFC 3551 section 4.5.2). */
		return rate == 8000 || rate == 16000;
	case CODEC_CN:
		return rate >= 8000 && rate <= 48000;
	default:
		return rate == codec_clock_rate(id);
	}
}

static bool channels_fit(enum codec_id id, const char *params)
{
	struct span s = span_trim(span_of(params));

	if (codec_kind(id) != MEDIA_AUDIO || s.len == 0)
		return true;
	return span_is(s, "1") || (id == CODEC_OPUS && span_is(s, "2"));
}

static void add_codec(struct desc_line *line, const sdp_rtpmap_t *map)
{
	enum codec_id id = codec_of(map);
	struct desc_codec *c = &line->codec[line->n_codecs];

	if (id == CODEC_NONE || codec_kind(id) != line->kind ||
	    !clock_fits(id, map->rm_rate) || !channels_fit(id, map->rm_params) ||
	    line->n_codecs == DESC_MAX_CODECS)
		return;
	c->pt = (int)map->rm_pt;
	c->format.id = id;
	c->format.clock_rate = id == CODEC_G722 ? 8000 : (uint32_t)map->rm_rate;
	c->format.channels = id == CODEC_OPUS ? 2 : 1;
	c->can_send = c->can_receive = true;
	sdp_fmtp_parse(c, map->rm_fmtp);
	line->n_codecs++;
}

/* ---- bandwidth ------------------------------------------------------------------ */

/* TIAS is the media alone (RFC 3890); AS and CT count the headers below too:
 * 16 kbit/s of them for audio at 20 ms, a twentieth for video. */
static uint32_t without_headers(enum media_kind kind, uint64_t kbit)
{
	uint64_t bits = kbit * 1000;

	if (kind == MEDIA_AUDIO)
		bits = bits > 24000 ? bits - 16000 : bits > 0 ? 8000 : 0;
	else
		bits -= bits / 20;
	return bits > UINT32_MAX ? UINT32_MAX : (uint32_t)bits;
}

/* False when it is not there. */
static bool bandwidth_find(const sdp_attribute_t *list, const char *name, uint64_t *out)
{
	const sdp_attribute_t *a = sdp_attribute_find(list, name);

	return a && a->a_value && span_number(span_of(a->a_value), UINT32_MAX, out);
}

static uint32_t bandwidth_of(const sdp_attribute_t *list, enum media_kind kind)
{
	uint64_t n;

	if (bandwidth_find(list, SDP_BANDWIDTH "TIAS", &n))
		return (uint32_t)n;
	if (bandwidth_find(list, SDP_BANDWIDTH "AS", &n) ||
	    bandwidth_find(list, SDP_BANDWIDTH "CT", &n))
		return without_headers(kind, n);
	return 0;
}

/* The line before the session. What stands for the whole session leaves video
 * what the audio beside it does not take. */
static void read_bandwidth(struct media_desc *desc, const sdp_session_t *session,
			   const sdp_media_t *const *media)
{
	uint32_t audio = 0;

	for (uint32_t i = 0; i < desc->n_lines; i++) {
		struct desc_line *line = &desc->line[i];

		line->bandwidth = bandwidth_of(media[i]->m_attributes, line->kind);
		if (line->kind == MEDIA_AUDIO && line->port && audio == 0)
			audio = line->bandwidth ? line->bandwidth : 64000;
	}
	for (uint32_t i = 0; i < desc->n_lines; i++) {
		struct desc_line *line = &desc->line[i];
		uint32_t all = bandwidth_of(session->sdp_attributes, line->kind);

		if (line->bandwidth || all == 0)
			continue;
		line->bandwidth = line->kind == MEDIA_VIDEO && all > 2 * audio ? all - audio : all;
	}
}

/* ---- a line ------------------------------------------------------------------------ */

static bool is_unspecified(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	if (a->ss_family == AF_INET)
		return v4->sin_addr.s_addr == INADDR_ANY;
	return a->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

static void read_address(struct desc_line *line, const sdp_media_t *m)
{
	const sdp_connection_t *c = sdp_media_connections(m);

	/* A name would have to be looked up; the source of what arrives tells
	 * where to send, as behind a NAT. */
	if (!c || !c->c_address || !sdp_address(&line->rtp, c->c_address, line->port))
		return;
	line->rtcp = line->rtp;
	if (line->rtp.ss_family == AF_INET)
		((struct sockaddr_in *)&line->rtcp)->sin_port =
			htons(line->port < 65535 ? (uint16_t)(line->port + 1) : 0);
	else
		((struct sockaddr_in6 *)&line->rtcp)->sin6_port =
			htons(line->port < 65535 ? (uint16_t)(line->port + 1) : 0);
}

/* c=0.0.0.0 is hold as RFC 2543 had it: nothing may be sent there (RFC 3264
 * section 8.4). With ICE it only means that candidates decide. */
static void read_direction(struct desc_line *line, const sdp_media_t *m)
{
	line->send = (m->m_mode & sdp_sendonly) != 0;
	line->receive = (m->m_mode & sdp_recvonly) != 0;
	if (!line->ice && is_unspecified(&line->rtp))
		line->receive = false;
}

/* As many whole words as fit. */
static void copy_formats(char *buf, size_t cap, struct span formats)
{
	size_t n = formats.len;

	if (n >= cap) {
		n = cap - 1;
		while (n && !span_blank(formats.p[n]))
			n--;
	}
	span_copy(buf, cap, span_trim((struct span){ formats.p, n }));
}

static void read_line(struct desc_line *line, const struct tidy_media *written,
		      const sdp_media_t *m, const sdp_attribute_t *session)
{
	line->proto = sdp_proto_of(written->proto);
	span_copy(line->media, sizeof(line->media), written->media);
	span_copy(line->proto_text, sizeof(line->proto_text), written->proto);
	copy_formats(line->formats_text, sizeof(line->formats_text), written->formats);
	line->kind = line->proto == PROTO_OTHER ? MEDIA_OTHER :
		     span_is(written->media, "audio") ? MEDIA_AUDIO :
		     span_is(written->media, "video") ? MEDIA_VIDEO : MEDIA_OTHER;
	line->role = ROLE_MAIN;
	line->port = written->port;
	for (const sdp_rtpmap_t *map = m->m_rtpmaps; map; map = map->rm_next)
		add_codec(line, map);
	read_address(line, m);
	sdp_attributes_read(line, m->m_attributes, session);
}

/* Every name once, as long as there is room. */
static void note_encodings(struct media_desc *desc, const sdp_media_t *m)
{
	for (const sdp_rtpmap_t *map = m->m_rtpmaps; map; map = map->rm_next) {
		struct span name = span_of(map->rm_encoding);
		size_t at = strlen(desc->encodings);
		char word[68];

		if (!name.len || name.len > 64)
			continue;
		word[0] = '|';
		span_copy(word + 1, sizeof(word) - 2, name);
		memcpy(word + 1 + name.len, "|", 2);
		if (strstr(desc->encodings, word) || at + name.len + 2 > sizeof(desc->encodings))
			continue;
		memcpy(desc->encodings + at, word + (at > 0), name.len + 3 - (at > 0));
	}
}

/* What belongs to the transport may stand in the first member of a group alone
 * (RFC 9143 section 7.1.3, RFC 8859 category TRANSPORT). */
static void inherit_transport(struct desc_line *line, const struct desc_line *head)
{
	line->rtcp_mux |= head->rtcp_mux;
	if (line->fingerprint.len == 0 && line->n_crypto == 0) {
		line->fingerprint = head->fingerprint;
		line->setup = head->setup;
	}
	if (!line->ice && head->ice) {
		line->ice = true;
		memcpy(line->ice_ufrag, head->ice_ufrag, sizeof(line->ice_ufrag));
		memcpy(line->ice_pwd, head->ice_pwd, sizeof(line->ice_pwd));
	}
}

/* The members of one a=group:BUNDLE. */
static void read_group(struct media_desc *desc, struct span members)
{
	const struct desc_line *head = NULL;
	struct span word;

	while ((word = span_word(&members)).len) {
		for (uint32_t i = 0; i < desc->n_lines; i++) {
			struct desc_line *line = &desc->line[i];

			if (line->bundled || strlen(line->mid) != word.len ||
			    memcmp(line->mid, word.p, word.len) != 0)
				continue;
			line->bundled = true;
			if (head)
				inherit_transport(line, head);
			else
				head = line;
			break;
		}
	}
}

/* The first group counts. A line with a=bundle-only has port 0 and is not
 * refused (RFC 9143 section 6). */
static void read_bundle(struct media_desc *desc, const sdp_session_t *session,
			const sdp_media_t *const *media)
{
	for (const sdp_attribute_t *a = session->sdp_attributes; a; a = a->a_next) {
		struct span rest;

		if (strcasecmp(a->a_name, "group") != 0 || !a->a_value)
			continue;
		rest = span_of(a->a_value);
		if (span_is(span_word(&rest), "BUNDLE")) {
			read_group(desc, rest);
			break;
		}
	}
	for (uint32_t i = 0; i < desc->n_lines; i++) {
		struct desc_line *line = &desc->line[i];

		if (line->port == 0 && line->bundled &&
		    sdp_attribute_find(media[i]->m_attributes, "bundle-only"))
			line->port = 9;
	}
}

static int read_session(struct media_desc *desc, const struct tidy *tidy,
			const sdp_session_t *session)
{
	const sdp_media_t *media[DESC_MAX_LINES], *m = session->sdp_media;

	for (unsigned i = 0; i < tidy->n_media; i++, m = m->m_next) {
		if (!m)
			return -EBADMSG;
		media[i] = m;
		read_line(&desc->line[i], &tidy->media[i], m, session->sdp_attributes);
		note_encodings(desc, m);
	}
	desc->n_lines = tidy->n_media;
	desc->too_many_lines = tidy->too_many;
	desc->ice_lite = sdp_attribute_find(session->sdp_attributes, "ice-lite") != NULL;
	if (session->sdp_origin) {
		desc->session_id = session->sdp_origin->o_id;
		desc->session_version = session->sdp_origin->o_version;
		if (session->sdp_origin->o_username)
			span_copy(desc->username, sizeof(desc->username),
				  span_of(session->sdp_origin->o_username));
	}
	read_bandwidth(desc, session, media);
	read_bundle(desc, session, media);
	/* Only now is known whether there is ICE. */
	for (uint32_t i = 0; i < desc->n_lines; i++)
		read_direction(&desc->line[i], media[i]);
	return 0;
}

int sdp_desc_parse(struct media_desc **out, const char *text, size_t len)
{
	struct media_desc *desc = NULL;
	sdp_parser_t *parser = NULL;
	sdp_session_t *session;
	struct tidy tidy;
	int err;

	if (len > SDP_MAX_BYTES)
		return -EMSGSIZE;
	err = tidy_init(&tidy, text, len);
	if (err)
		return err;
	err = -ENOMEM;
	desc = media_desc_new();
	if (!desc)
		goto out;
	parser = sdp_parse(NULL, tidy.text, (issize_t)tidy.len,
			   sdp_f_insane | sdp_f_c_missing | sdp_f_anynet);
	if (!parser)
		goto out;
	session = sdp_session(parser);
	err = session ? read_session(desc, &tidy, session) : -EBADMSG;
	if (err)
		goto out;
	*out = desc;
	desc = NULL;
out:
	sdp_parser_free(parser);
	tidy_fini(&tidy);
	media_desc_free(desc);
	return err;
}
