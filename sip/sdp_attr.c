/* SPDX-License-Identifier: GPL-3.0-or-later
 * The attributes of a line: transport, security, ICE, feedback, grouping. */
#include "sip/sdp_internal.h"

#include <arpa/inet.h>
#include <stdio.h>

static const char *value_of(const sdp_attribute_t *list, const char *name)
{
	const sdp_attribute_t *a = sdp_attribute_find(list, name);

	return a ? (a->a_value ? a->a_value : "") : NULL;
}

/* The line's own, else the session's. */
static const char *inherited(const sdp_attribute_t *media, const sdp_attribute_t *session,
			     const char *name)
{
	const char *v = value_of(media, name);

	return v ? v : value_of(session, name);
}

static bool address_parse(struct sockaddr_storage *out, struct span text, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	struct sockaddr_storage a = { .ss_family = AF_UNSPEC };
	char buf[INET6_ADDRSTRLEN];

	if (text.len >= sizeof(buf))
		return false;
	span_copy(buf, sizeof(buf), text);
	*out = a;
	if (inet_pton(AF_INET, buf, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return true;
	}
	*out = a;
	if (inet_pton(AF_INET6, buf, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return true;
	}
	*out = a;
	return false;
}

bool sdp_address(struct sockaddr_storage *out, const char *text, uint16_t port)
{
	return address_parse(out, span_of(text), port);
}

/* a=rtcp:port [IN IP4 address], RFC 3605. */
static void read_rtcp(struct desc_line *line, const char *value)
{
	struct span rest, port;
	struct sockaddr_storage a;
	uint64_t n;

	if (!value)
		return;
	rest = span_of(value);
	port = span_word(&rest);
	if (!span_number(port, 65535, &n) || n == 0)
		return;
	line->rtcp_given = true;
	span_word(&rest); /* IN */
	span_word(&rest); /* IP4 */
	if (address_parse(&a, span_word(&rest), (uint16_t)n)) {
		line->rtcp = a;
	} else if (line->rtp.ss_family == AF_INET) {
		((struct sockaddr_in *)&line->rtcp)->sin_port = htons((uint16_t)n);
	} else if (line->rtp.ss_family == AF_INET6) {
		((struct sockaddr_in6 *)&line->rtcp)->sin6_port = htons((uint16_t)n);
	}
}

/* Line by line: one that cannot be read does not spoil the others. */
static void read_crypto(struct desc_line *line, const sdp_attribute_t *list)
{
	for (const sdp_attribute_t *a = list; a; a = a->a_next) {
		if (strcasecmp(a->a_name, "crypto") != 0 || !a->a_value ||
		    line->n_crypto == DESC_MAX_CRYPTO)
			continue;
		if (sdes_parse(&line->crypto[line->n_crypto], a->a_value,
			       strlen(a->a_value)) == 0)
			line->n_crypto++;
	}
}

/* Several may stand there (RFC 8122 section 5): SHA-256 before the first. */
static void read_fingerprint(struct desc_line *line, const sdp_attribute_t *list)
{
	for (const sdp_attribute_t *a = list; a; a = a->a_next) {
		struct desc_fingerprint f;
		struct span rest;
		char hash[16], text[256];

		if (strcasecmp(a->a_name, "fingerprint") != 0 || !a->a_value)
			continue;
		rest = span_of(a->a_value);
		span_copy(hash, sizeof(hash), span_word(&rest));
		span_copy(text, sizeof(text), span_trim(rest));
		if (desc_fingerprint_parse(&f, hash, text) != 0)
			continue;
		if (line->fingerprint.len == 0 || strcmp(f.hash, "sha-256") == 0)
			line->fingerprint = f;
	}
}

static enum desc_setup setup_of(const char *value)
{
	struct span s = span_of(value);

	return span_is(s, "active") ? SETUP_ACTIVE : span_is(s, "passive") ? SETUP_PASSIVE :
	       span_is(s, "actpass") ? SETUP_ACTPASS :
	       span_is(s, "holdconn") ? SETUP_HOLDCONN : SETUP_NONE;
}

/* a=candidate:foundation component udp priority address port typ type, RFC 8839
 * section 5.1. An empty foundation shifts the words, so the place of "typ" is
 * what tells a candidate. */
static void read_candidate(struct desc_line *line, const char *value)
{
	struct span rest = span_of(value), word[8];
	struct sockaddr_storage a;
	uint64_t component, port;

	for (size_t i = 0; i < 8; i++)
		word[i] = span_word(&rest);
	if (!span_is(word[2], "udp") || !span_is(word[6], "typ") ||
	    (!span_is(word[7], "host") && !span_is(word[7], "srflx")) ||
	    !span_number(word[1], 256, &component) || component != 1 ||
	    !span_number(word[5], 65535, &port) || port == 0 ||
	    !address_parse(&a, word[4], (uint16_t)port))
		return;
	if (line->n_candidates < sizeof(line->candidate) / sizeof(line->candidate[0]))
		line->candidate[line->n_candidates++] = a;
}

static void read_ice(struct desc_line *line, const sdp_attribute_t *media,
		     const sdp_attribute_t *session)
{
	const char *ufrag = inherited(media, session, "ice-ufrag");
	const char *pwd = inherited(media, session, "ice-pwd");

	line->end_of_candidates = inherited(media, session, "end-of-candidates") != NULL;
	if (!ufrag || !pwd || ufrag[0] == '\0' || pwd[0] == '\0' ||
	    strlen(ufrag) >= sizeof(line->ice_ufrag) || strlen(pwd) >= sizeof(line->ice_pwd))
		return;
	line->ice = true;
	span_copy(line->ice_ufrag, sizeof(line->ice_ufrag), span_of(ufrag));
	span_copy(line->ice_pwd, sizeof(line->ice_pwd), span_of(pwd));
	for (const sdp_attribute_t *a = media; a; a = a->a_next) {
		if (strcasecmp(a->a_name, "candidate") == 0 && a->a_value)
			read_candidate(line, a->a_value);
	}
}

/* RFC 4585 section 4.2, RFC 5104 section 7.1; several ccm messages may share a
 * line. */
static void read_feedback(struct desc_line *line, const char *value)
{
	struct span rest = span_of(value), pt = span_word(&rest), type = span_word(&rest), word;
	bool fir = false, pli = false, nack = false, tmmbr = false, remb = false;
	uint64_t n = 0;
	bool all = span_is(pt, "*");

	if (!all && !span_number(pt, 127, &n))
		return;
	if (span_is(type, "goog-remb"))
		remb = true;
	else if (span_is(type, "nack") && span_trim(rest).len == 0)
		nack = true;
	else if (span_is(type, "nack"))
		pli = span_is(span_word(&rest), "pli");
	else if (span_is(type, "ccm"))
		while ((word = span_word(&rest)).len) {
			fir |= span_is(word, "fir");
			tmmbr |= span_is(word, "tmmbr");
		}
	for (uint32_t i = 0; i < line->n_codecs; i++) {
		struct desc_codec *c = &line->codec[i];

		if (!all && c->pt != (int)n)
			continue;
		c->fir |= fir;
		c->pli |= pli;
		c->nack |= nack;
		c->tmmbr |= tmmbr;
		c->remb |= remb;
	}
}

static struct desc_extension extension_of(uint8_t id, struct span direction)
{
	bool both = direction.len == 0 || span_is(direction, "sendrecv");

	return (struct desc_extension){ id, both || span_is(direction, "sendonly"),
					both || span_is(direction, "recvonly") };
}

/* a=extmap:id[/direction] URI, RFC 8285 section 8. Ids 1 to 14 go in one byte. */
static void read_extmap(struct desc_line *line, const char *value)
{
	struct span rest = span_of(value), id = span_word(&rest), uri = span_word(&rest);
	struct span number = span_cut(&id, '/'); /* the direction is left */
	uint64_t n;

	if (!span_number(number, 14, &n) || n == 0)
		return;
	if (span_is(uri, "urn:3gpp:video-orientation"))
		line->orientation = extension_of((uint8_t)n, id);
	else if (span_is(uri, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"))
		line->audio_level = extension_of((uint8_t)n, id);
	if (span_is(uri, "urn:ietf:params:rtp-hdrext:sdes:mid"))
		line->mid_ext = (uint8_t)n;
	else if (span_is(uri, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"))
		line->abs_send_time_ext = (uint8_t)n;
}

/* The largest number of "x=…": one value, [a,b,c], [min:step:max], and
 * "[0-1680]" as one program writes it. */
static uint32_t largest_number(struct span s)
{
	uint32_t best = 0, v = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(s.p[i] - '0');

		v = digit <= 9 && v < 100000 ? v * 10 + digit : 0;
		best = v > best ? v : best;
	}
	return best;
}

static uint32_t image_side(struct span set, const char *key)
{
	for (; set.len > 2; set.p++, set.len--) {
		struct span v = set;
		size_t n = 0;

		if (!span_begins(set, key))
			continue;
		v.p += strlen(key);
		v.len -= strlen(key);
		if (v.len && v.p[0] == '[') {
			while (n < v.len && v.p[n] != ']')
				n++;
		} else {
			while (n < v.len && v.p[n] != ',' && v.p[n] != ']')
				n++;
		}
		v.len = n;
		return largest_number(v);
	}
	return 0;
}

/* a=imageattr:PT send … recv [x=…,y=…] [x=…,y=…], RFC 6236 section 3.1: what
 * this side can receive. */
static void read_imageattr(struct desc_line *line, const char *value)
{
	struct span rest = span_of(value), word;
	bool receive = false;

	span_word(&rest); /* payload type */
	while ((word = span_word(&rest)).len) {
		uint32_t w, h;

		if (word.p[0] != '[') {
			receive = span_is(word, "recv");
			continue;
		}
		w = image_side(word, "x=");
		h = image_side(word, "y=");
		if (receive && (uint64_t)w * h >
		    (uint64_t)line->imageattr_w * line->imageattr_h) {
			line->imageattr_w = w;
			line->imageattr_h = h;
		}
	}
}

static unsigned milliseconds(const char *value)
{
	struct span s = span_of(value), whole;
	uint64_t n;

	whole = span_cut(&s, '.');
	return value && span_number(span_trim(whole), 1000, &n) ? (unsigned)n : 0;
}

static void read_names(struct desc_line *line, const sdp_attribute_t *media)
{
	const char *mid = value_of(media, "mid"), *label = value_of(media, "label");
	const char *content = value_of(media, "content");
	struct span list = span_of(content);

	/* A name that does not fit cannot be repeated, so it is none. */
	if (mid && strlen(mid) < sizeof(line->mid) + 64) {
		struct span s = span_trim(span_of(mid));

		if (s.len < sizeof(line->mid))
			span_copy(line->mid, sizeof(line->mid), s);
	}
	if (label)
		span_copy(line->label, sizeof(line->label), span_trim(span_of(label)));
	if (content)
		span_copy(line->content, sizeof(line->content), span_trim(list));
	/* RFC 4796 section 5. */
	while (list.len && line->kind == MEDIA_VIDEO) {
		if (span_is(span_trim(span_cut(&list, ',')), "slides"))
			line->role = ROLE_SLIDES;
	}
}

void sdp_attributes_read(struct desc_line *line, const sdp_attribute_t *media,
			 const sdp_attribute_t *session)
{
	for (const sdp_attribute_t *a = media; a; a = a->a_next) {
		if (!a->a_value)
			continue;
		if (strcasecmp(a->a_name, "rtcp-fb") == 0)
			read_feedback(line, a->a_value);
		else if (strcasecmp(a->a_name, "extmap") == 0)
			read_extmap(line, a->a_value);
		else if (strcasecmp(a->a_name, "imageattr") == 0)
			read_imageattr(line, a->a_value);
	}
	/* An id that stands for two extensions is no id (RFC 8285 section 5). */
	if (line->orientation.id == line->mid_ext || line->orientation.id == line->abs_send_time_ext)
		memset(&line->orientation, 0, sizeof(line->orientation));
	if (line->audio_level.id == line->mid_ext || line->audio_level.id == line->abs_send_time_ext)
		memset(&line->audio_level, 0, sizeof(line->audio_level));
	line->ptime = milliseconds(value_of(media, "ptime"));
	line->maxptime = milliseconds(value_of(media, "maxptime"));
	line->rtcp_mux = value_of(media, "rtcp-mux") != NULL ||
			 value_of(media, "rtcp-mux-only") != NULL; /* RFC 8858 */
	line->setup = setup_of(inherited(media, session, "setup"));
	read_rtcp(line, value_of(media, "rtcp"));
	read_crypto(line, media);
	read_fingerprint(line, media);
	if (line->fingerprint.len == 0)
		read_fingerprint(line, session);
	read_ice(line, media, session);
	read_names(line, media);
}
