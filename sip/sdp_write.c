/* SPDX-License-Identifier: GPL-3.0-or-later
 * A media description written as SDP, in the order of RFC 8866 section 9. */
#include "sip/sdp.h"

#include "sip/sdp_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct text {
	char *buf;
	size_t cap, len;
	bool bad;
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
	size_t left = t->cap - t->len;
	va_list ap;
	int n;

	if (t->bad)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, left, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= left)
		t->bad = true;
	else
		t->len += (size_t)n;
}

static const char *address_type(const char *address)
{
	return strchr(address, ':') ? "IP6" : "IP4";
}

/* The numeric address, or "" when there is none. */
static void address_text(const struct sockaddr_storage *a, char buf[static INET6_ADDRSTRLEN])
{
	const void *p = a->ss_family == AF_INET ?
			(const void *)&((const struct sockaddr_in *)a)->sin_addr :
			(const void *)&((const struct sockaddr_in6 *)a)->sin6_addr;

	buf[0] = '\0';
	if (a->ss_family == AF_INET || a->ss_family == AF_INET6)
		inet_ntop(a->ss_family, p, buf, INET6_ADDRSTRLEN);
}

static uint16_t address_port(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)a)->sin_port) :
	       a->ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)a)->sin6_port) : 0;
}

/* ---- a line -------------------------------------------------------------------- */

/* A refused line repeats what was written (RFC 3264 section 6), and the grammar
 * wants at least one format. */
static void put_refused(struct text *t, const struct desc_line *line)
{
	put(t, "m=%s 0 %s %s\r\n", line->media, line->proto_text,
	    line->formats_text[0] ? line->formats_text : "0");
}

static void put_codec(struct text *t, const struct desc_codec *c)
{
	char fmtp[512];

	put(t, "a=rtpmap:%d %s/%u%s\r\n", c->pt, codec_name(c->format.id),
	    c->format.clock_rate, c->format.id == CODEC_OPUS ? "/2" : "");
	if (sdp_fmtp_write(c, fmtp, sizeof(fmtp)) > 0)
		put(t, "a=fmtp:%d %s\r\n", c->pt, fmtp);
}

/* What a codec may be told by RTCP, in a line's order. Each goes on a line of its
 * own: not everybody reads "ccm fir tmmbr". */
static const struct feedback {
	const char *text;
	size_t offset;       /* of its bool in desc_codec */
} feedbacks[] = {
	{ "nack", offsetof(struct desc_codec, nack) },
	{ "nack pli", offsetof(struct desc_codec, pli) },
	{ "ccm fir", offsetof(struct desc_codec, fir) },
	{ "ccm tmmbr", offsetof(struct desc_codec, tmmbr) },
	{ "goog-remb", offsetof(struct desc_codec, remb) },
};

static bool has_feedback(const struct desc_codec *c, const struct feedback *f)
{
	return *(const bool *)((const char *)c + f->offset);
}

/* In one line what all codecs have: our offer has seven of them. */
static void put_feedback(struct text *t, const struct desc_line *line)
{
	for (size_t k = 0; k < sizeof(feedbacks) / sizeof(feedbacks[0]); k++) {
		const struct feedback *f = &feedbacks[k];
		bool all = line->n_codecs > 1;

		for (uint32_t i = 0; all && i < line->n_codecs; i++)
			all = has_feedback(&line->codec[i], f);
		if (all)
			put(t, "a=rtcp-fb:* %s\r\n", f->text);
		for (uint32_t i = 0; !all && i < line->n_codecs; i++) {
			if (has_feedback(&line->codec[i], f))
				put(t, "a=rtcp-fb:%d %s\r\n", line->codec[i].pt, f->text);
		}
	}
}

static void put_candidates(struct text *t, const struct desc_line *line)
{
	char address[INET6_ADDRSTRLEN];
	bool rtcp = line->rtcp_given && address_port(&line->rtcp);

	for (uint32_t i = 0; i < line->n_candidates; i++) {
		/* RFC 8445 section 5.1.2.1: type 126, the earlier the better. */
		uint32_t priority = (126u << 24) + ((65535u - i) << 8) + 255u;

		address_text(&line->candidate[i], address);
		put(t, "a=candidate:%u 1 UDP %u %s %u typ host\r\n", i + 1, priority, address,
		    address_port(&line->candidate[i]));
		/* Beside rtcp-mux it is for an answer without that (RFC 5761 5.1.3). */
		if (rtcp && i == 0)
			put(t, "a=candidate:%u 2 UDP %u %s %u typ host\r\n", i + 1,
			    priority - 1, address, address_port(&line->rtcp));
	}
	if (line->n_candidates)
		put(t, "a=end-of-candidates\r\n");
}

static void put_security(struct text *t, const struct desc_line *line)
{
	static const char *const setups[] = {
		[SETUP_ACTIVE] = "active", [SETUP_PASSIVE] = "passive",
		[SETUP_ACTPASS] = "actpass", [SETUP_HOLDCONN] = "holdconn",
	};
	char buf[512];

	for (uint32_t i = 0; i < line->n_crypto; i++) {
		if (sdes_write(&line->crypto[i], buf, sizeof(buf)) < 0)
			t->bad = true;
		else
			put(t, "a=crypto:%s\r\n", buf);
	}
	explicit_bzero(buf, sizeof(buf));
	if (line->fingerprint.len) {
		put(t, "a=fingerprint:%s ", line->fingerprint.hash);
		for (unsigned i = 0; i < line->fingerprint.len; i++)
			put(t, "%s%02X", i ? ":" : "", line->fingerprint.bytes[i]);
		put(t, "\r\n");
	}
	if (line->setup != SETUP_NONE)
		put(t, "a=setup:%s\r\n", setups[line->setup]);
}

static void put_transport(struct text *t, const struct desc_line *line)
{
	char address[INET6_ADDRSTRLEN];

	if (line->rtcp_given && address_port(&line->rtcp)) {
		address_text(&line->rtcp, address);
		put(t, "a=rtcp:%u IN %s %s\r\n", address_port(&line->rtcp),
		    address_type(address), address);
	}
	if (line->rtcp_mux)
		put(t, "a=rtcp-mux\r\n");
	if (line->ice) {
		put(t, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", line->ice_ufrag, line->ice_pwd);
		put_candidates(t, line);
	}
}

static void put_extension(struct text *t, const struct desc_extension *e, const char *uri)
{
	if (e->id)
		put(t, "a=extmap:%u%s %s\r\n", e->id, e->send && e->receive ? "" :
		    e->send ? "/sendonly" : e->receive ? "/recvonly" : "/inactive", uri);
}

static void put_extensions(struct text *t, const struct desc_line *line)
{
	put_extension(t, &line->orientation, "urn:3gpp:video-orientation");
	put_extension(t, &line->audio_level, "urn:ietf:params:rtp-hdrext:ssrc-audio-level");
	if (line->mid_ext)
		put(t, "a=extmap:%u urn:ietf:params:rtp-hdrext:sdes:mid\r\n", line->mid_ext);
	if (line->abs_send_time_ext)
		put(t, "a=extmap:%u http://www.webrtc.org/experiments/rtp-hdrext/"
		    "abs-send-time\r\n", line->abs_send_time_ext);
}

static const char *direction(const struct desc_line *line)
{
	if (line->send)
		return line->receive ? "sendrecv" : "sendonly";
	return line->receive ? "recvonly" : "inactive";
}

/* AS for those who do not know TIAS, with a twentieth for headers. */
static void put_bandwidth(struct text *t, const struct desc_line *line)
{
	if (line->bandwidth == 0)
		return;
	put(t, "b=AS:%u\r\n", (line->bandwidth + line->bandwidth / 20 + 999) / 1000);
	put(t, "b=TIAS:%u\r\n", line->bandwidth);
}

static void put_line(struct text *t, const struct desc_line *line, const char *session_address)
{
	char address[INET6_ADDRSTRLEN];

	if (line->port == 0 || line->n_codecs == 0) {
		put_refused(t, line);
		return;
	}
	put(t, "m=%s %u %s", line->media, line->port, line->proto_text);
	for (uint32_t i = 0; i < line->n_codecs; i++)
		put(t, " %d", line->codec[i].pt);
	put(t, "\r\n");
	address_text(&line->rtp, address);
	if (address[0] && strcmp(address, session_address) != 0)
		put(t, "c=IN %s %s\r\n", address_type(address), address);
	put_bandwidth(t, line);
	if (line->mid[0])
		put(t, "a=mid:%s\r\n", line->mid);
	for (uint32_t i = 0; i < line->n_codecs; i++)
		put_codec(t, &line->codec[i]);
	put_feedback(t, line);
	if (line->ptime)
		put(t, "a=ptime:%u\r\n", line->ptime);
	if (line->maxptime)
		put(t, "a=maxptime:%u\r\n", line->maxptime);
	if (line->label[0])
		put(t, "a=label:%s\r\n", line->label);
	if (line->content[0])
		put(t, "a=content:%s\r\n", line->content);
	put_extensions(t, line);
	put_transport(t, line);
	put_security(t, line);
	put(t, "a=%s\r\n", direction(line));
}

/* ---- the whole ----------------------------------------------------------------- */

static void put_group(struct text *t, const struct media_desc *self)
{
	bool any = false;

	for (uint32_t i = 0; i < self->n_lines; i++) {
		const struct desc_line *line = &self->line[i];

		if (!line->bundled || line->port == 0 || line->mid[0] == '\0')
			continue;
		put(t, "%s %s", any ? "" : "a=group:BUNDLE", line->mid);
		any = true;
	}
	if (any)
		put(t, "\r\n");
}

int sdp_desc_write(const struct media_desc *self, const char *address, char *buf, size_t cap)
{
	struct text t = { .buf = buf, .cap = cap };

	if (cap == 0)
		return -ENOSPC;
	put(&t, "v=0\r\no=%s %" PRIu64 " %" PRIu64 " IN %s %s\r\ns=-\r\n",
	    self->username[0] ? self->username : "-", self->session_id, self->session_version,
	    address_type(address), address);
	put(&t, "c=IN %s %s\r\nt=0 0\r\n", address_type(address), address);
	if (self->ice_lite)
		put(&t, "a=ice-lite\r\n");
	put_group(&t, self);
	for (uint32_t i = 0; i < self->n_lines; i++)
		put_line(&t, &self->line[i], address);
	return t.bad ? -ENOSPC : (int)t.len;
}

int sdp_desc_follow(struct media_desc *next, const struct media_desc *previous,
		    const char *address, uint64_t session_id)
{
	char *a = NULL, *b = NULL;
	int la, lb, err = 0;

	if (!previous) {
		next->session_id = session_id;
		next->session_version = 1;
		return 0;
	}
	next->session_id = previous->session_id;
	next->session_version = previous->session_version;
	a = (char *)malloc(SDP_MAX_BYTES);
	b = (char *)malloc(SDP_MAX_BYTES);
	err = -ENOMEM;
	if (!a || !b)
		goto out;
	la = sdp_desc_write(previous, address, a, SDP_MAX_BYTES);
	lb = sdp_desc_write(next, address, b, SDP_MAX_BYTES);
	err = 0;
	if (la < 0 || la != lb || memcmp(a, b, (size_t)la) != 0)
		next->session_version++;
out:
	if (a)
		explicit_bzero(a, SDP_MAX_BYTES);
	if (b)
		explicit_bzero(b, SDP_MAX_BYTES);
	free(a);
	free(b);
	return err;
}
