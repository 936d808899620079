/* SPDX-License-Identifier: GPL-3.0-or-later
 * The tolerant pass before Sofia's parser: keeps the lines that are lines, puts
 * each section in the order of RFC 8866, drops what nobody here reads, and
 * gives Sofia only what it can digest. What was written for an m= line is kept
 * beside it, since an answer must repeat it. */
#include "sip/sdp_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A section is the session or one medium; lines of a section come out sorted by
 * the order of these letters. */
static const char session_order[] = "vosctba", media_order[] = "mcba";

struct scan {
	struct span rest;
};

/* The next line of the form x=…, without blanks round it and with line ends of
 * any kind. Others (wrapped tails, noise) are skipped. */
static bool next_line(struct scan *scan, char *type, struct span *value)
{
	while (scan->rest.len) {
		struct span *rest = &scan->rest, line = { rest->p, 0 };

		while (line.len < rest->len && rest->p[line.len] != '\n' &&
		       rest->p[line.len] != '\r')
			line.len++;
		rest->p += line.len + (line.len < rest->len);
		rest->len -= line.len + (line.len < rest->len);
		line = span_trim(line);
		if (line.len < 2 || line.p[1] != '=' || line.p[0] < 'a' || line.p[0] > 'z')
			continue;
		*type = line.p[0];
		value->p = line.p + 2;
		value->len = line.len - 2;
		return true;
	}
	return false;
}

/* ---- writing ------------------------------------------------------------------ */

struct out {
	char *buf;
	size_t len, cap;
	bool bad;
};

static void put(struct out *out, const void *data, size_t n)
{
	if (out->bad || out->cap - out->len <= n) {
		out->bad = true;
		return;
	}
	if (n)
		memcpy(out->buf + out->len, data, n);
	out->len += n;
}

static void put_line(struct out *out, char type, struct span value)
{
	char head[2] = { type, '=' };

	put(out, head, 2);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.p[i];

		/* A stray CR or control character would end the line for Sofia. */
		if ((unsigned char)c < 0x20 && c != '\t')
			c = ' ';
		put(out, &c, 1);
	}
	put(out, "\r\n", 2);
}

/* ---- lines that Sofia is strict about ------------------------------------------- */

/* RFC 8866 section 9. */
static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c <= 0x20 || c == 0x7f || strchr("\"(),/:;<=>?@[\\]", c))
			return false;
	}
	return s.len > 0;
}

/* The address in o= is nobody's business here. */
static void put_origin(struct out *out, struct span value)
{
	struct span user = span_word(&value), id = span_word(&value), version = span_word(&value);
	uint64_t a = 0, b = 0;
	char name[64], text[160];
	int n;

	if (!span_number(id, UINT64_MAX, &a) || !span_number(version, UINT64_MAX, &b))
		a = b = 0;
	span_copy(name, sizeof(name), user.len ? user : span_of("-"));
	n = snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64 " IN IP4 0.0.0.0", name, a, b);
	put_line(out, 'o', (struct span){ text, (size_t)n });
}

/* Digits, letters, dots, colons and dashes: any address, any host name. */
static bool is_address(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
		      c == '.' || c == ':' || c == '-'))
			return false;
	}
	return s.len > 0 && s.len <= 100;
}

/* c=IN IP4 addr[/ttl[/count]]: the tail is for multicast, which is refused
 * anyway. */
static void put_connection(struct out *out, struct span value)
{
	struct span net = span_word(&value), type = span_word(&value), address = span_word(&value);
	char text[128];
	int n;

	address = span_cut(&address, '/');
	if (!span_is(net, "IN") || !is_address(address) ||
	    (!span_is(type, "IP4") && !span_is(type, "IP6")))
		return;
	n = snprintf(text, sizeof(text), "IN %.3s %.*s", span_is(type, "IP6") ? "IP6" : "IP4",
		     (int)address.len, address.p);
	put_line(out, 'c', (struct span){ text, (size_t)n });
}

/* Sofia 1.12.11 reads b=AS as an unknown kind and every unknown kind as AS,
 * name forgotten; as an attribute of this name it comes through. */
static void put_bandwidth(struct out *out, struct span value)
{
	struct span name = span_cut(&value, ':');
	char text[64];
	uint64_t n;
	int len;

	if (!is_token(name) || name.len > 16 || !span_number(span_trim(value), UINT32_MAX, &n))
		return;
	len = snprintf(text, sizeof(text), SDP_BANDWIDTH "%.*s:%lu", (int)name.len, name.p,
		       (unsigned long)n);
	put_line(out, 'a', (struct span){ text, (size_t)len });
}

/* a=rtpmap:PT name/rate[/channels]; one that is broken must not spoil others. */
static bool rtpmap_sound(struct span value)
{
	struct span rest = value, name, rate;
	uint64_t n;

	span_cut(&rest, ':');
	if (!span_number(span_word(&rest), 127, &n))
		return false;
	rest = span_trim(rest);
	name = span_cut(&rest, '/');
	rate = span_cut(&rest, '/');
	return is_token(name) && span_number(span_trim(rate), UINT32_MAX, &n);
}

static bool fmtp_sound(struct span value)
{
	struct span rest = value;
	uint64_t n;

	span_cut(&rest, ':');
	return span_number(span_word(&rest), 127, &n) && span_trim(rest).len > 0;
}

static void put_attribute(struct out *out, struct span value)
{
	struct span rest = value, name = span_cut(&rest, ':');

	if (!is_token(name))
		return;
	if (span_is(name, "rtpmap") && !rtpmap_sound(value))
		return;
	if (span_is(name, "fmtp") && !fmtp_sound(value))
		return;
	put_line(out, 'a', value);
}

/* ---- m= --------------------------------------------------------------------------- */

enum desc_proto sdp_proto_of(struct span proto)
{
	static const struct {
		const char *text;
		enum desc_proto proto;
	} known[] = {
		{ "RTP/AVP", PROTO_AVP }, { "RTP/AVPF", PROTO_AVPF },
		{ "RTP/SAVP", PROTO_SAVP }, { "RTP/SAVPF", PROTO_SAVPF },
		{ "UDP/TLS/RTP/SAVP", PROTO_DTLS_SAVP },
		{ "UDP/TLS/RTP/SAVPF", PROTO_DTLS_SAVPF },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (span_is(proto, known[i].text))
			return known[i].proto;
	}
	return PROTO_OTHER;
}

static bool media_parse(struct tidy_media *out, struct span value)
{
	struct span port;
	uint64_t n;

	out->media = span_word(&value);
	port = span_word(&value);
	out->proto = span_word(&value);
	out->formats = span_trim(value);
	out->rtp = sdp_proto_of(out->proto) != PROTO_OTHER;
	/* "port/count": the first port counts. A port that is none cannot be
	 * used, but the line must be answered. */
	out->port = span_number(span_cut(&port, '/'), 65535, &n) ? (uint16_t)n : 0;
	return out->media.len && out->proto.len;
}

/* Sofia knows RTP/AVP and RTP/SAVP only and fails the whole body over a format
 * that is no payload type, so every RTP line becomes RTP/AVP with the sound
 * ones, and every other an unknown kind with no format at all. With port 0 it
 * would forget the direction. */
static void put_media(struct out *out, const struct tidy_media *media)
{
	struct span rest = media->formats, word;
	bool seen[128] = { false };
	char text[1024];
	size_t len;
	uint64_t pt;

	len = (size_t)snprintf(text, sizeof(text), "%s %u %s",
			       span_is(media->media, "audio") ? "audio" :
			       span_is(media->media, "video") ? "video" : "application",
			       media->port ? media->port : 9, media->rtp ? "RTP/AVP" : "x");
	while (media->rtp && (word = span_word(&rest)).len) {
		if (!span_number(word, 127, &pt) || seen[pt])
			continue;
		seen[pt] = true;
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %u", (unsigned)pt);
	}
	put_line(out, 'm', (struct span){ text, len });
}

/* ---- sections ----------------------------------------------------------------- */

static void put_typed(struct out *out, char type, struct span value)
{
	switch (type) {
	case 'o':
		put_origin(out, value);
		break;
	case 'c':
		put_connection(out, value);
		break;
	case 'b':
		put_bandwidth(out, value);
		break;
	case 'a':
		put_attribute(out, value);
		break;
	default:
		break;
	}
}

/* All lines of one type in a section; `first`: only one is allowed. */
static void put_all(struct out *out, struct scan section, char type, bool first)
{
	struct span value;
	char t;

	while (next_line(&section, &t, &value)) {
		if (t != type)
			continue;
		put_typed(out, type, value);
		if (first)
			return;
	}
}

static bool has(struct scan section, char type)
{
	struct span value;
	char t;

	while (next_line(&section, &t, &value)) {
		if (t == type)
			return true;
	}
	return false;
}

static void put_session(struct out *out, struct scan section)
{
	for (const char *order = session_order; *order; order++) {
		switch (*order) {
		case 'v':
			put_line(out, 'v', span_of("0"));
			break;
		case 's':
			put_line(out, 's', span_of("-"));
			break;
		case 't':
			put_line(out, 't', span_of("0 0"));
			break;
		case 'o':
			if (!has(section, 'o'))
				put_origin(out, span_of(""));
			put_all(out, section, 'o', true);
			break;
		default:
			put_all(out, section, *order, false);
			break;
		}
	}
}

static void put_medium(struct out *out, struct tidy *tidy, struct span head,
		       struct scan section)
{
	struct tidy_media media;

	/* An m= line that is none leaves no line to answer; its attributes must
	 * not fall to the line before it. */
	if (!media_parse(&media, head))
		return;
	if (tidy->n_media == DESC_MAX_LINES) {
		tidy->too_many = true;
		return;
	}
	tidy->media[tidy->n_media++] = media;
	put_media(out, &media);
	for (const char *order = media_order + 1; *order; order++)
		put_all(out, section, *order, false);
}

/* From the current place to the next m= or v= line. */
static struct scan section_of(struct scan *scan)
{
	struct scan section = *scan, before = *scan;
	struct span value;
	char type;

	while (next_line(scan, &type, &value)) {
		if (type == 'm' || type == 'v') {
			*scan = before;
			break;
		}
		before = *scan;
	}
	section.rest.len = (size_t)(scan->rest.p - section.rest.p);
	return section;
}

static int tidy_sections(struct tidy *self, struct out *out, struct span all)
{
	struct scan scan = { all };
	struct span value;
	char type;

	/* The first v= begins it, whatever stands before; a second one ends it. */
	do {
		if (!next_line(&scan, &type, &value))
			return -EBADMSG;
	} while (type != 'v');
	put_session(out, section_of(&scan));
	while (next_line(&scan, &type, &value) && type == 'm')
		put_medium(out, self, value, section_of(&scan));
	return self->n_media ? 0 : -EBADMSG;
}

int tidy_init(struct tidy *self, const char *text, size_t len)
{
	const char *nul = len ? (const char *)memchr(text, '\0', len) : NULL;
	struct span all = { text ? text : "", nul ? (size_t)(nul - text) : len };
	/* At most: two bytes more a line, and what is put in where it lacks. */
	struct out out = { .cap = 2 * all.len + 1024 };
	int err;

	memset(self, 0, sizeof(*self));
	out.buf = (char *)malloc(out.cap);
	if (!out.buf)
		return -ENOMEM;
	err = tidy_sections(self, &out, all);
	if (err == 0 && out.bad)
		err = -EBADMSG;
	if (err) {
		free(out.buf);
		return err;
	}
	out.buf[out.len] = '\0';
	self->text = out.buf;
	self->len = out.len;
	return 0;
}

void tidy_fini(struct tidy *self)
{
	free(self->text);
	self->text = NULL;
}
