/* SPDX-License-Identifier: GPL-3.0-or-later
 * ⟨libxml2⟩ Elements and attributes: the common ground of the readers. */
#include "conf/read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *const conf_transports[] = { "udp", "tcp", "tls", NULL };
const char *const conf_encryptions[] = { "off", "preferred", "required", NULL };

static unsigned element_line(const xmlNode *node)
{
	long line = xmlGetLineNo(node);

	return line > 0 ? (unsigned)line : 1;
}

static bool line_has_attr(const char *p, const char *end, const char *attr)
{
	size_t len = strlen(attr);

	for (const char *q = p; q && q + len < end; q++) {
		const char *r = q + len;

		if (memcmp(q, attr, len) || (q > p && !strchr(" \t", q[-1])))
			continue;
		while (r < end && (*r == ' ' || *r == '\t'))
			r++;
		if (r < end && *r == '=')
			return true;
	}
	return false;
}

/* "<name" or "<prefix:name" */
static bool line_begins_tag(const char *p, const char *end, const char *name)
{
	size_t len = strlen(name);

	while ((p = memchr(p, '<', (size_t)(end - p)))) {
		const char *q = ++p;

		while (q < end && !strchr(" \t\r:</>", *q))
			q++;
		if (q < end && *q == ':')
			p = q + 1;
		if ((size_t)(end - p) >= len && !memcmp(p, name, len) &&
		    (p + len == end || strchr(" \t\r/>", p[len])))
			return true;
	}
	return false;
}

enum { TAG_LINES = 50 }; /* beyond these we do not look for where it begins */

/* libxml2 knows the line on which a start tag ends. Going back from it, the
 * line on which it begins, or earlier in that search, that of the attribute. */
static unsigned find_line(const struct conf_build *b, const xmlNode *node, const char *attr)
{
	unsigned last = element_line(node);

	if (b->n_messages == CONF_MAX_MESSAGES && attr)
		return last; /* nobody will read it */
	for (unsigned line = last; line && line + TAG_LINES > last; line--) {
		const char *p, *end = b->text + b->len;

		if (line > b->n_lines)
			break;
		p = b->text + b->line_start[line - 1];
		if (line < b->n_lines)
			end = b->text + b->line_start[line];
		if (attr && line_has_attr(p, end, attr))
			return line;
		if (line_begins_tag(p, end, (const char *)node->name))
			return line;
	}
	return last;
}

unsigned conf_line(const struct conf_build *b, const xmlNode *node)
{
	return find_line(b, node, NULL);
}

unsigned conf_attr_line(const struct conf_build *b, const xmlNode *node, const char *attr)
{
	return find_line(b, node, attr);
}

static void say_text(struct conf_build *b, unsigned line, const xmlNode *node, const char *fmt,
		     va_list ap) __attribute__((format(printf, 4, 0)));

static void say_text(struct conf_build *b, unsigned line, const xmlNode *node, const char *fmt,
		     va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	conf_say(b, false, line, element_line(node), "%s", text);
}

void conf_bad(struct conf_build *b, const xmlNode *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_text(b, conf_line(b, node), node, fmt, ap);
	va_end(ap);
}

void conf_bad_attr(struct conf_build *b, const xmlNode *node, const char *attr,
		   const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_text(b, conf_attr_line(b, node, attr), node, fmt, ap);
	va_end(ap);
}

/* ---- shape ------------------------------------------------------------------- */

static bool is_ours(const xmlNode *node)
{
	return node->type == XML_ELEMENT_NODE && node->ns &&
	       !strcmp((const char *)node->ns->href, CONF_NAMESPACE);
}

static bool in_list(const char *name, const char *const *list)
{
	for (; list && *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

static void shape_attrs(struct conf_build *b, const xmlNode *node, const char *const *attrs)
{
	static const char xsi[] = "http://www.w3.org/2001/XMLSchema-instance";
	char instead[256];

	for (const xmlAttr *a = node->properties; a; a = a->next) {
		const char *name = (const char *)a->name;

		if (a->ns && !strcmp((const char *)a->ns->href, xsi))
			continue; /* schemaLocation, for editors */
		if (!a->ns && in_list(name, attrs))
			continue;
		if (!attrs || !*attrs)
			conf_bad_attr(b, node, name, "<%s> has no attribute \"%s\", leave it out",
				      node->name, name);
		else
			conf_bad_attr(b, node, name, "<%s> has no attribute \"%s\"%s", node->name,
				      name, conf_instead(instead, sizeof(instead), name, attrs));
	}
}

static bool is_blank(const xmlNode *node)
{
	const char *s = (const char *)node->content;

	return !s || !s[strspn(s, " \t\r\n")];
}

void conf_read_shape(struct conf_build *b, const xmlNode *node, const char *const *attrs,
		     const char *const *elements)
{
	char instead[256];

	shape_attrs(b, node, attrs);
	for (const xmlNode *c = node->children; c; c = c->next) {
		if (c->type == XML_TEXT_NODE && !is_blank(c))
			conf_bad(b, node, "text inside <%s>, write attributes or remove it",
				 node->name);
		if (c->type != XML_ELEMENT_NODE)
			continue;
		if (is_ours(c) && in_list((const char *)c->name, elements))
			continue;
		if (!elements)
			conf_bad(b, c, "<%s> does not belong inside <%s>, leave it out", c->name,
				 node->name);
		else if (!is_ours(c) && in_list((const char *)c->name, elements))
			conf_bad(b, c, "<%s> is not in the namespace " CONF_NAMESPACE
				 ", remove its xmlns or prefix", c->name);
		else
			conf_bad(b, c, "<%s> does not belong inside <%s>%s", c->name, node->name,
				 conf_instead(instead, sizeof(instead), (const char *)c->name,
					      elements));
	}
}

bool conf_is(const xmlNode *node, const char *name)
{
	return is_ours(node) && !strcmp((const char *)node->name, name);
}

const xmlNode *conf_child(const xmlNode *parent, const char *name, const xmlNode *after)
{
	const xmlNode *c = after ? after->next : parent ? parent->children : NULL;

	while (c && !conf_is(c, name))
		c = c->next;
	return c;
}

size_t conf_children(const xmlNode *parent, const char *name)
{
	size_t n = 0;

	for (const xmlNode *c = NULL; (c = conf_child(parent, name, c));)
		n++;
	return n;
}

const xmlNode *conf_only_child(struct conf_build *b, const xmlNode *parent, const char *name)
{
	const xmlNode *first = conf_child(parent, name, NULL), *next = first;

	while (next && (next = conf_child(parent, name, next)))
		conf_bad(b, next, "a second <%s>, put it into the first one, on line %u", name,
			 conf_line(b, first));
	return first;
}

/* ---- attributes ---------------------------------------------------------------- */

bool conf_has(const xmlNode *node, const char *attr)
{
	return xmlHasNsProp(node, (const xmlChar *)attr, NULL) != NULL;
}

char *conf_text(struct conf_build *b, const xmlNode *node, const char *attr, bool required,
		size_t max)
{
	xmlChar *raw = xmlGetNoNsProp(node, (const xmlChar *)attr);
	char *text = NULL;

	if (!raw) {
		if (required)
			conf_bad(b, node, "<%s> needs an attribute \"%s\", write %s=\"…\"", node->name,
				 attr, attr);
		return NULL;
	}
	if (!*raw)
		conf_bad_attr(b, node, attr, "%s is empty, write a value%s", attr,
			      required ? "" : " or leave it out");
	else if (strlen((const char *)raw) > max)
		conf_bad_attr(b, node, attr, "%s is too long, write at most %zu characters", attr,
			      max);
	else
		text = conf_strdup(b, (const char *)raw);
	xmlFree(raw);
	return text;
}

char *conf_name(struct conf_build *b, const xmlNode *node, const char *attr, bool required)
{
	char *text = conf_text(b, node, attr, required, CONF_MAX_NAME);

	for (const char *p = text; p && *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f) {
			conf_bad_attr(b, node, attr, "%s=\"%s\" has a space in it, write it without",
				      attr, text);
			return NULL;
		}
	return text;
}

void conf_number(struct conf_build *b, const xmlNode *node, const char *attr, unsigned min,
		 unsigned max, unsigned *value)
{
	char *text = conf_text(b, node, attr, false, 64);
	unsigned long v;

	if (!text)
		return;
	if (text[strspn(text, "0123456789")]) {
		conf_bad_attr(b, node, attr, "%s=\"%s\" is not a number, write one from %u to %u",
			      attr, text, min, max);
		return;
	}
	v = strlen(text) > 9 ? 1000000000UL : strtoul(text, NULL, 10);
	if (v < min || v > max)
		conf_bad_attr(b, node, attr, "%s=\"%s\" is out of range, write one from %u to %u",
			      attr, text, min, max);
	else
		*value = (unsigned)v;
}

void conf_choice(struct conf_build *b, const xmlNode *node, const char *attr,
		 const char *const *names, int *value)
{
	char *text = conf_text(b, node, attr, false, 256);
	char instead[256];

	if (!text)
		return;
	for (int i = 0; names[i]; i++)
		if (!strcmp(text, names[i])) {
			*value = i;
			return;
		}
	conf_bad_attr(b, node, attr, "%s=\"%s\" is unknown%s", attr, text,
		      conf_instead(instead, sizeof(instead), text, names));
}

void conf_yes_no(struct conf_build *b, const xmlNode *node, const char *attr, bool *value)
{
	static const char *const names[] = { "no", "yes", NULL };
	int v = *value;

	conf_choice(b, node, attr, names, &v);
	*value = v != 0;
}

void conf_read_pattern(struct conf_build *b, const xmlNode *node, const char *attr,
		       bool caseless, char **text, void **pattern)
{
	char error[160] = "";
	struct conf_pattern *p;
	size_t offset = 0;
	int err;

	*text = conf_text(b, node, attr, false, CONF_MAX_PATTERN);
	if (!*text)
		return;
	err = conf_pattern_new(&p, *text, caseless, error, sizeof(error), &offset);
	if (!err) {
		*pattern = p;
		return;
	}
	if (err != -EINVAL) {
		b->error = err;
		return;
	}
	if (offset > strlen(*text))
		offset = strlen(*text);
	conf_bad_attr(b, node, attr, "%s=\"%s\": %s at offset %zu, correct the pattern here: %.*s<-- here",
		      attr, *text, error, offset, (int)offset, *text);
}

/* ---- the root -------------------------------------------------------------------- */

void conf_read_root(struct conf_build *b, const xmlNode *root)
{
	static const char *const elements[] = {
		"network", "profiles", "layouts", "conferences", "accounts", "trunks", "dial-plan",
		"quirks", NULL
	};

	if (!is_ours(root) || strcmp((const char *)root->name, "balai")) {
		conf_bad(b, root, "the outermost element is <%s%s%s%s>, write <balai xmlns=\""
			 CONF_NAMESPACE "\">", root->name, root->ns ? " xmlns=\"" : "",
			 root->ns ? (const char *)root->ns->href : "", root->ns ? "\"" : "");
		b->stopped = true;
		return;
	}
	conf_read_shape(b, root, NULL, elements);
	/* in the order in which one leans on another, however they stand */
	conf_read_network(b, conf_only_child(b, root, "network"));
	conf_read_profiles(b, conf_only_child(b, root, "profiles"));
	conf_read_layouts(b, conf_only_child(b, root, "layouts"));
	conf_read_conferences(b, conf_only_child(b, root, "conferences"));
	conf_read_accounts(b, conf_only_child(b, root, "accounts"));
	conf_read_trunks(b, conf_only_child(b, root, "trunks"));
	conf_read_plan(b, conf_only_child(b, root, "dial-plan"));
	conf_read_quirks(b, conf_only_child(b, root, "quirks"));
}
