/* SPDX-License-Identifier: GPL-3.0-or-later
 * See info.h. None of the DTMF types has an RFC; they are read as Cisco
 * (dtmf-relay), Cisco's older and other makers' phones (dtmf) and Nortel
 * (vnd.nortelnetworks.digits) write them. */
#include "sip/info.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char info_media_control_type[] = "application/media_control+xml";
int info_key_frame(char *buf, size_t cap, const char *stream_id)
{
	bool has = stream_id[0] != '\0';
	int n = snprintf(buf, cap, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
			 "<media_control>\r\n"
			 " <vc_primitive>\r\n"
			 "%s%s%s"
			 "  <to_encoder>\r\n"
			 "   <picture_fast_update/>\r\n"
			 "  </to_encoder>\r\n"
			 " </vc_primitive>\r\n"
			 "</media_control>\r\n", has ? "  <stream_id>" : "", stream_id,
			 has ? "</stream_id>\r\n" : "");

	return n < 0 || (size_t)n >= cap ? -ENOSPC : 0;
}

struct text {
	const char *p, *end;
};

static bool key_of(char c, char *out)
{
	if (!c || !strchr("0123456789*#ABCDabcd", c))
		return false;
	*out = (char)toupper((unsigned char)c);
	return true;
}

/* Blanks and line ends at both ends are not part of a value. */
static struct text trim(struct text t)
{
	while (t.p < t.end && (unsigned char)*t.p <= ' ')
		t.p++;
	while (t.p < t.end && (unsigned char)t.end[-1] <= ' ')
		t.end--;
	return t;
}

/* RFC 4733 events as numbers: 10 is *, 11 is #, 12 to 15 are A to D. */
static bool key_by_number(struct text t, char *out)
{
	int n = 0;

	if (t.end - t.p != 2)
		return false;
	for (const char *p = t.p; p < t.end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		n = n * 10 + (*p - '0');
	}
	if (n < 10 || n > 15)
		return false;
	*out = "*#ABCD"[n - 10];
	return true;
}

static int one_key(struct info *out, struct text t)
{
	char key;

	t = trim(t);
	if (!key_by_number(t, &key) && (t.end - t.p != 1 || !key_of(*t.p, &key)))
		return -EBADMSG;
	out->kind = INFO_DTMF;
	out->keys[0] = key;
	out->keys[1] = 0;
	return 0;
}

static int all_keys(struct info *out, struct text t)
{
	size_t n = 0;
	char key;

	for (t = trim(t); t.p < t.end; t.p++) {
		if (n == INFO_MAX_KEYS || !key_of(*t.p, &key))
			return -EBADMSG;
		out->keys[n++] = key;
	}
	out->keys[n] = 0;
	out->kind = INFO_DTMF;
	return n ? 0 : -EBADMSG;
}

/* The value of "name=value" or "name = value" on a line of its own. */
static bool field(struct text body, const char *name, struct text *out)
{
	size_t len = strlen(name);

	while (body.p < body.end) {
		const char *eol = memchr(body.p, '\n', (size_t)(body.end - body.p));
		struct text line = trim((struct text){ body.p, eol ? eol : body.end });

		if ((size_t)(line.end - line.p) > len && !strncasecmp(line.p, name, len)) {
			struct text rest = trim((struct text){ line.p + len, line.end });

			if (rest.p < rest.end && (*rest.p == '=' || *rest.p == ':')) {
				rest.p++;
				*out = trim(rest);
				return true;
			}
		}
		body.p = eol ? eol + 1 : body.end;
	}
	return false;
}

/* True when an element of that local name opens somewhere: <name, <ns:name. */
static bool element(struct text t, const char *name)
{
	size_t len = strlen(name);

	while (t.p < t.end && (t.p = memchr(t.p, '<', (size_t)(t.end - t.p))) != NULL) {
		const char *p = ++t.p, *colon;
		size_t left = (size_t)(t.end - p);
		size_t word = 0;

		while (word < left && (isalnum((unsigned char)p[word]) ||
				       (p[word] && strchr("_-.:", p[word]))))
			word++;
		colon = memchr(p, ':', word);
		if (colon) {
			word -= (size_t)(colon + 1 - p);
			p = colon + 1;
		}
		if (word == len && !memcmp(p, name, len))
			return true;
	}
	return false;
}

int info_parse(struct info *out, const char *content_type, const char *body, size_t len)
{
	struct text t = { body, body ? body + len : body }, value;
	struct info info = { .kind = INFO_OTHER };
	int err = 0;

	if (!body || !len) {
		info.kind = INFO_NONE;
	} else if (!content_type) {
		return -ENOTSUP;
	} else if (!strcasecmp(content_type, "application/dtmf-relay")) {
		err = field(t, "Signal", &value) ? one_key(&info, value) : -EBADMSG;
	} else if (!strcasecmp(content_type, "application/dtmf")) {
		/* Some write the same fields as in dtmf-relay. */
		err = one_key(&info, field(t, "Signal", &value) ? value : t);
	} else if (!strcasecmp(content_type, "application/vnd.nortelnetworks.digits")) {
		err = field(t, "d", &value) ? all_keys(&info, value) : -EBADMSG;
	} else if (!strcasecmp(content_type, info_media_control_type)) {
		if (element(t, "picture_fast_update"))
			info.kind = INFO_KEY_FRAME;
		else if (element(t, "general_error"))
			info.kind = INFO_ERROR;
	} else {
		return -ENOTSUP;
	}
	if (!err)
		*out = info;
	return err;
}
