/* SPDX-License-Identifier: GPL-3.0-or-later
 * See refer.h. */
#include "sip/refer.h"

#include "sip/span.h"

#include <errno.h>
#include <stdio.h>

/* What a Call-ID or a tag is made of (RFC 3261 25.1, word and token). */
static bool is_word(struct span s, bool call_id)
{
	static const char more[] = "-.!%*_+`'~", also[] = "()<>:\\\"/[]?{}@";

	if (!s.len || s.len >= REPLACES_TEXT)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z');

		if (!plain && !(c && strchr(more, c)) && !(call_id && c && strchr(also, c)))
			return false;
	}
	return true;
}

/* Once, and whole. */
static bool keep(char *to, struct span value, bool call_id)
{
	if (*to || !is_word(value, call_id))
		return false;
	memcpy(to, value.p, value.len);
	to[value.len] = '\0';
	return true;
}

int replaces_parse(struct replaces *out, const char *value, size_t len)
{
	struct span rest = { value, len };

	memset(out, 0, sizeof(*out));
	if (!keep(out->call_id, span_trim(span_cut(&rest, ';')), true))
		return -EBADMSG;
	while (rest.len) {
		struct span p = span_trim(span_cut(&rest, ';'));
		struct span name = span_trim(span_cut(&p, '='));

		p = span_trim(p);
		if (span_is(name, "to-tag")) {
			if (!keep(out->to_tag, p, false))
				return -EBADMSG;
		} else if (span_is(name, "from-tag")) {
			if (!keep(out->from_tag, p, false))
				return -EBADMSG;
		} else if (span_is(name, "early-only")) {
			out->early_only = true;
		}
	}
	return out->to_tag[0] && out->from_tag[0] ? 0 : -EBADMSG;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int replaces_of_uri(struct replaces *out, const char *headers, size_t len)
{
	char text[3 * REPLACES_TEXT + 64];
	struct span rest = { headers, len }, value = { "", 0 };
	bool found = false;
	size_t n = 0;

	while (rest.len) {
		struct span h = span_cut(&rest, '&'), name = span_cut(&h, '=');

		if (!span_is(name, "Replaces"))
			continue;
		if (found)
			return -EBADMSG;
		found = true;
		value = h;
	}
	if (!found)
		return -ENOENT;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.p[i];

		if (c == '%') {
			if (i + 2 >= value.len || digit(value.p[i + 1]) < 0 || digit(value.p[i + 2]) < 0)
				return -EBADMSG;
			c = (char)(digit(value.p[i + 1]) * 16 + digit(value.p[i + 2]));
			i += 2;
		}
		if (n == sizeof(text))
			return -EBADMSG;
		text[n++] = c;
	}
	return replaces_parse(out, text, n);
}

int replaces_write(const struct replaces *self, char *buf, size_t cap)
{
	int n = snprintf(buf, cap, "%s;to-tag=%s;from-tag=%s%s", self->call_id, self->to_tag,
			 self->from_tag, self->early_only ? ";early-only" : "");

	return n < (int)cap ? 0 : -ENOSPC;
}

int sipfrag_status(const char *body, size_t len, char *reason, size_t cap)
{
	struct span rest = { body, len }, line = span_cut(&rest, '\n'), word;
	uint64_t status;

	if (line.len && line.p[line.len - 1] == '\r')
		line.len--;
	word = span_word(&line);
	if (!span_is(word, "SIP/2.0") ||
	    !span_number(span_word(&line), 699, &status) || status < 100)
		return -EBADMSG;
	span_copy(reason, cap, span_trim(line));
	return (int)status;
}
