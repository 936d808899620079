/* SPDX-License-Identifier: GPL-3.0-or-later
 * Names and other texts of strangers made safe to show. */
#include "base/display.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { MARKS_MAX = 4, REPLACEMENT = 0xfffd, BROKEN = -1 };

struct range {
	uint32_t from, to;
};

/* Nothing to see, or it changes how others are seen: bidirectional controls
 * (UAX 9), tags and fillers, interlinear annotation, private use, and code
 * points that are no characters. */
static const struct range hidden[] = {
	{ 0x0000, 0x0008 }, { 0x000e, 0x001f }, { 0x007f, 0x0084 }, { 0x0086, 0x009f },
	{ 0x00ad, 0x00ad }, { 0x034f, 0x034f }, { 0x061c, 0x061c }, { 0x115f, 0x1160 },
	{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x200b, 0x200b }, { 0x200e, 0x200f },
	{ 0x202a, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 }, { 0xe000, 0xf8ff },
	{ 0xfdd0, 0xfdef }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
	{ 0xfffe, 0xffff }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe00ff }, { 0xe01f0, 0x10ffff },
};

static const struct range spaces[] = {
	{ 0x0009, 0x000d }, { 0x0020, 0x0020 }, { 0x0085, 0x0085 }, { 0x00a0, 0x00a0 },
	{ 0x1680, 0x1680 }, { 0x2000, 0x200a }, { 0x2028, 0x2029 }, { 0x202f, 0x202f },
	{ 0x205f, 0x205f }, { 0x2800, 0x2800 }, { 0x3000, 0x3000 },
};

/* Marks that stand on the character before them. Only those that can be heaped
 * on it: a vowel sign that takes place of its own counts as a character. */
static const struct range marks[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x05bf, 0x05bf },
	{ 0x05c1, 0x05c2 }, { 0x0610, 0x061a }, { 0x064b, 0x065f }, { 0x0670, 0x0670 },
	{ 0x06d6, 0x06dc }, { 0x06df, 0x06e4 }, { 0x06e7, 0x06e8 }, { 0x06ea, 0x06ed },
	{ 0x0711, 0x0711 }, { 0x0730, 0x074a }, { 0x08d3, 0x08ff }, { 0x0900, 0x0902 },
	{ 0x093c, 0x093c }, { 0x0941, 0x0948 }, { 0x094d, 0x094d }, { 0x0951, 0x0957 },
	{ 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e }, { 0x0eb1, 0x0eb1 },
	{ 0x0eb4, 0x0ebc }, { 0x0ec8, 0x0ecd }, { 0x0f71, 0x0f84 }, { 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff }, { 0x200c, 0x200d }, { 0x20d0, 0x20ff }, { 0x302a, 0x302f },
	{ 0x3099, 0x309a }, { 0xa66f, 0xa672 }, { 0xa674, 0xa67d }, { 0xa980, 0xa982 },
	{ 0xa9b3, 0xa9b3 }, { 0xa9b6, 0xa9b9 }, { 0xa9bc, 0xa9bd }, { 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f }, { 0x1f3fb, 0x1f3ff }, { 0xe0100, 0xe01ef },
};

#define IN(table, c) in_table(table, sizeof(table) / sizeof((table)[0]), c)

static bool in_table(const struct range *table, size_t n, uint32_t c)
{
	size_t low = 0;

	while (low < n) {
		size_t mid = (low + n) / 2;

		if (c < table[mid].from)
			n = mid;
		else if (c > table[mid].to)
			low = mid + 1;
		else
			return true;
	}
	return false;
}

/* The character at *p, which moves behind it; BROKEN: an ill-formed byte. */
static int32_t next_char(const uint8_t **p, const uint8_t *end)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const uint8_t *s = *p;
	unsigned more = *s < 0x80 ? 0 : *s >= 0xf0 && *s < 0xf5 ? 3 : *s >= 0xe0 && *s < 0xf0 ? 2 :
			*s >= 0xc2 && *s < 0xe0 ? 1 : 4;
	uint32_t c;

	*p = s + 1;
	if (more == 4 || (size_t)(end - s) <= more)
		return BROKEN;
	c = more ? *s & (0x3fU >> more) : *s;
	for (unsigned i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return BROKEN;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return BROKEN;
	*p = s + 1 + more;
	return (int32_t)c;
}

static size_t put_char(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

int display_is_utf8(const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + len;

	while (p < end)
		if (next_char(&p, end) == BROKEN)
			return 0;
	return 1;
}

struct line {
	char *buf;
	size_t cap, n;
	size_t cut;       /* the last place where U+2026 has room */
	unsigned chars, max, marks;
	bool space;       /* one is due before the next character */
};

static bool is_mark(const struct line *l, uint32_t c)
{
	return IN(marks, c) && l->n && !l->space;
}

/* For U+2026 behind what is there. */
static bool has_room(const struct line *l)
{
	return l->n + 3 < l->cap && l->chars < l->max;
}

/* False: it does not fit any more. */
static bool line_add(struct line *l, uint32_t c)
{
	char text[5];
	size_t len = 0;
	bool mark = is_mark(l, c);

	if (!mark && IN(marks, c))
		return true; /* on nothing */
	if (mark && l->marks++ >= MARKS_MAX)
		return true;
	if (l->space)
		text[len++] = ' ';
	len += put_char(text + len, c);
	if (l->n + len >= l->cap || (!mark && l->chars + 1 + l->space > l->max))
		return false;
	if (!mark) {
		if (has_room(l))
			l->cut = l->n;
		l->chars += 1 + l->space;
		l->marks = 0;
	}
	memcpy(l->buf + l->n, text, len);
	l->n += len;
	l->space = false;
	return true;
}

size_t display_text(char *buf, size_t cap, const char *text, size_t len, unsigned max)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + len;
	struct line l = { .buf = buf, .cap = cap, .max = max ? max : 1 };
	bool broken = false, fits = true;

	while (p < end && fits) {
		int32_t c = next_char(&p, end);
		bool again = c == BROKEN && broken;

		broken = c == BROKEN;
		if (again || (!broken && IN(hidden, (uint32_t)c)))
			continue;
		if (!broken && IN(spaces, (uint32_t)c)) {
			l.space = l.n > 0;
			continue;
		}
		fits = line_add(&l, broken ? REPLACEMENT : (uint32_t)c);
	}
	if (!fits) {
		l.n = has_room(&l) ? l.n : l.cut;
		l.n += put_char(buf + l.n, 0x2026);
	}
	buf[l.n] = '\0';
	return l.n;
}
