/* SPDX-License-Identifier: GPL-3.0-or-later
 * A stretch of foreign text and careful ways to take it apart. Borrowed, never
 * ended by a NUL; nothing here reads past `len`. */
#ifndef BALAI_SIP_SPAN_H
#define BALAI_SIP_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct span {
	const char *p;
	size_t len;
};

static inline struct span span_of(const char *text)
{
	return (struct span){ text ? text : "", text ? strlen(text) : 0 };
}

static inline bool span_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline struct span span_trim(struct span s)
{
	while (s.len && span_blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len && span_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

/* Takes what stands before `sep` (or everything) off the front of `s`, the
 * separator too. */
static inline struct span span_cut(struct span *s, char sep)
{
	const char *at = s->len ? (const char *)memchr(s->p, sep, s->len) : NULL;
	struct span head = { s->p, at ? (size_t)(at - s->p) : s->len };
	size_t used = head.len + (at ? 1 : 0);

	s->p += used;
	s->len -= used;
	return head;
}

/* The next word between blanks; len 0 at the end. */
static inline struct span span_word(struct span *s)
{
	struct span head;

	*s = span_trim(*s);
	head.p = s->p;
	for (head.len = 0; head.len < s->len && !span_blank(s->p[head.len]); )
		head.len++;
	s->p += head.len;
	s->len -= head.len;
	return head;
}

static inline bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && (s.len == 0 || strncasecmp(s.p, text, s.len) == 0);
}

static inline bool span_begins(struct span s, const char *text)
{
	size_t n = strlen(text);

	return s.len >= n && strncasecmp(s.p, text, n) == 0;
}

/* A decimal number that is the whole span and at most `max`. */
static inline bool span_number(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.len == 0 || s.len > 20)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(s.p[i] - '0');

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

/* As text, cut to what fits. What is not printable ASCII becomes '?': nothing
 * that we repeat to others, log or print has a place for it. */
static inline void span_copy(char *buf, size_t cap, struct span s)
{
	size_t n = s.len < cap ? s.len : cap - 1;

	for (size_t i = 0; i < n; i++)
		buf[i] = s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '?';
	buf[n] = '\0';
}

#endif
