/* SPDX-License-Identifier: GPL-3.0-or-later
 * The application/sdp part of a message body. */
#include "sip/body.h"

#include "sip/span.h"

#include <errno.h>

enum { BODY_MAX_DEPTH = 4, BOUNDARY_MAX = 70 /* RFC 2046 section 5.1.1 */ };

/* "type/subtype" without parameters. */
static struct span media_type(struct span content_type)
{
	return span_trim(span_cut(&content_type, ';'));
}

/* A parameter of a Content-Type, quotes taken off; len 0 when it is not there. */
static struct span parameter(struct span content_type, const char *name)
{
	span_cut(&content_type, ';');
	while (content_type.len) {
		struct span value = content_type, key;
		bool quoted = false;
		size_t n = 0;

		for (; n < value.len && (quoted || value.p[n] != ';'); n++)
			quoted ^= value.p[n] == '"';
		value.len = n;
		n += n < content_type.len ? 1 : 0;
		content_type.p += n;
		content_type.len -= n;
		key = span_trim(span_cut(&value, '='));
		if (!span_is(key, name))
			continue;
		value = span_trim(value);
		if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"') {
			value.p++;
			value.len -= 2;
		}
		return value;
	}
	return span_of("");
}

/* One header line, folded lines not joined: the types we look for never are. */
static bool header_line(struct span *rest, struct span *line)
{
	if (rest->len == 0)
		return false;
	*line = span_cut(rest, '\n');
	if (line->len && line->p[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* Splits a part into its Content-Type ("text/plain" when not said, RFC 2045
 * section 5.2) and its content. */
static void part_split(struct span part, struct span *type, struct span *content)
{
	struct span line;

	*type = span_of("text/plain");
	while (header_line(&part, &line) && line.len) {
		struct span value = line, name = span_trim(span_cut(&value, ':'));

		if (span_is(name, "Content-Type") || span_is(name, "c"))
			*type = span_trim(value);
	}
	*content = part;
}

/* True when `line` is a delimiter of `boundary`; `last`: the closing one. */
static bool is_delimiter(struct span line, struct span boundary, bool *last)
{
	if (line.len < boundary.len + 2 || memcmp(line.p, "--", 2) != 0 ||
	    memcmp(line.p + 2, boundary.p, boundary.len) != 0)
		return false;
	line.p += boundary.len + 2;
	line.len -= boundary.len + 2;
	*last = line.len >= 2 && memcmp(line.p, "--", 2) == 0;
	if (*last) {
		line.p += 2;
		line.len -= 2;
	}
	return span_trim(line).len == 0;
}

/* The line break before a delimiter belongs to it. */
static struct span without_break(const char *begin, const char *end)
{
	if (end > begin && end[-1] == '\n')
		end--;
	if (end > begin && end[-1] == '\r')
		end--;
	return (struct span){ begin, (size_t)(end - begin) };
}

static int find(struct span *out, struct span type, struct span body, int depth);

static int find_in_parts(struct span *out, struct span boundary, struct span body, int depth)
{
	const char *begin = NULL;
	struct span line, rest = body;
	bool last = false;

	/* A body cut off before its closing delimiter still has its parts. */
	while (!last) {
		const char *at = rest.p;
		bool more = header_line(&rest, &line);

		if (!more)
			last = true;
		else if (!is_delimiter(line, boundary, &last))
			continue;
		if (begin) {
			struct span type, content;

			part_split(more ? without_break(begin, at) :
				   (struct span){ begin, (size_t)(at - begin) },
				   &type, &content);
			if (find(out, type, content, depth + 1) == 0)
				return 0;
		}
		begin = rest.p;
	}
	return -ENOTSUP;
}

static int find(struct span *out, struct span content_type, struct span body, int depth)
{
	struct span type = media_type(content_type);

	if (span_is(type, "application/sdp")) {
		if (body.len == 0)
			return -ENOENT;
		*out = body;
		return 0;
	}
	if (span_begins(type, "multipart/") && depth < BODY_MAX_DEPTH) {
		struct span boundary = parameter(content_type, "boundary");

		if (boundary.len == 0 || boundary.len > BOUNDARY_MAX)
			return -EBADMSG;
		return find_in_parts(out, boundary, body, depth);
	}
	return -ENOTSUP;
}

/* Without a type: what begins like SDP is SDP. */
static bool looks_like_sdp(struct span body)
{
	while (body.len && (span_blank(body.p[0]) || body.p[0] == '\r' || body.p[0] == '\n')) {
		body.p++;
		body.len--;
	}
	return span_begins(body, "v=");
}

int body_find_sdp(const char **out, size_t *out_len, const char *content_type,
		  const char *body, size_t len)
{
	struct span all = { body, len }, type = span_trim(span_of(content_type)), sdp;
	int err;

	if (len == 0)
		return -ENOENT;
	if (type.len == 0)
		type = looks_like_sdp(all) ? span_of("application/sdp") : span_of("text/plain");
	err = find(&sdp, type, all, 0);
	if (err)
		return err;
	*out = sdp.p;
	*out_len = sdp.len;
	return 0;
}
