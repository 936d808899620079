/* SPDX-License-Identifier: GPL-3.0-or-later
 * ⟨libxml2⟩ <layouts>: the administrator's own. */
#include "conf/read.h"

#include <string.h>
#include <strings.h>

/* One coordinate of a place along an axis of `cells` cells. */
static bool read_span(struct conf_build *b, const xmlNode *node, const char *from_attr,
		      const char *size_attr, const char *axis, unsigned cells, unsigned *from,
		      unsigned *size)
{
	unsigned before = b->n_mistakes;

	*from = 0;
	*size = 1;
	conf_number(b, node, from_attr, 0, CONF_MAX_CELLS - 1, from);
	conf_number(b, node, size_attr, 1, CONF_MAX_CELLS, size);
	if (!conf_has(node, from_attr))
		conf_bad(b, node, "<place> needs an attribute \"%s\", write %s=\"…\" from 0 to %u",
			 from_attr, from_attr, cells - 1);
	if (b->n_mistakes != before)
		return false;
	if (*from + *size <= cells)
		return true;
	if (*from >= cells)
		conf_bad_attr(b, node, from_attr,
			      "%s=\"%u\" is outside the picture, which has %u %s, write one from 0 to %u",
			      from_attr, *from, cells, axis, cells - 1);
	else
		conf_bad_attr(b, node, size_attr,
			      "%s=\"%u\" reaches outside the picture, which has %u %s, write at most %u",
			      size_attr, *size, cells, axis, cells - *from);
	return false;
}

static void same_name(struct conf_build *b, const xmlNode *node, const struct conf_layout *l,
		      const struct conf_place *self)
{
	for (const struct conf_place *o = l->place; o < self; o++)
		if (self->name && o->name && !strcasecmp(o->name, self->name)) {
			conf_bad_attr(b, node, "name", "place \"%s\" is there already, on line %u, write "
				      "another name", self->name, o->line);
			return;
		}
}

static void read_place(struct conf_build *b, const xmlNode *node, const struct conf_layout *l,
		       struct conf_place *p)
{
	static const char *const attrs[] = {
		"x", "y", "width", "height", "role", "name", "caller", NULL
	};
	static const char *const roles[] = { "other", "speaker", "fixed", NULL };
	int role = ROLE_OTHER;

	conf_read_shape(b, node, attrs, NULL);
	p->line = conf_line(b, node);
	read_span(b, node, "x", "width", "columns", l->columns, &p->x, &p->width);
	read_span(b, node, "y", "height", "rows", l->rows, &p->y, &p->height);
	conf_choice(b, node, "role", roles, &role);
	p->role = (enum conf_role)role;
	p->name = conf_name(b, node, "name", false);
	if (p->name && !p->name[strspn(p->name, "0123456789")])
		conf_bad_attr(b, node, "name",
			      "name=\"%s\" is a number, and places have numbers already, write a word",
			      p->name);
	same_name(b, node, l, p);
	conf_read_pattern(b, node, "caller", true, &p->caller, &p->caller_pattern);
}

/* A picture that wholly lies under a later one is never seen. */
static void check_hidden(struct conf_build *b, const struct conf_layout *l)
{
	for (size_t i = 0; i < l->n_place; i++)
		for (size_t k = i + 1; k < l->n_place; k++) {
			const struct conf_place *p = &l->place[i], *o = &l->place[k];

			if (o->x > p->x || o->y > p->y || o->x + o->width < p->x + p->width ||
			    o->y + o->height < p->y + p->height)
				continue;
			conf_mistake(b, p->line, "the place on line %u lies over all of this one, move one of "
				     "them, or put the smaller one behind the larger", o->line);
			break;
		}
}

static bool is_builtin(const char *name)
{
	for (const char *const *n = conf_layouts; *n; n++)
		if (!strcasecmp(*n, name))
			return true;
	return false;
}

static void read_layout(struct conf_build *b, const xmlNode *node, struct conf_layout *l)
{
	static const char *const attrs[] = { "name", "columns", "rows", NULL };
	static const char *const elements[] = { "place", NULL };
	size_t n = conf_children(node, "place");
	unsigned before = b->n_mistakes;
	char *name;

	conf_read_shape(b, node, attrs, elements);
	l->line = conf_line(b, node);
	name = conf_name(b, node, "name", true);
	l->name = name ? name : conf_strdup(b, "");
	if (name && (is_builtin(name) || !strcasecmp(name, "default")))
		conf_bad_attr(b, node, "name", "layout \"%s\" is built in, write another name", name);
	l->columns = l->rows = 1;
	conf_number(b, node, "columns", 1, CONF_MAX_CELLS, &l->columns);
	l->rows = l->columns;
	conf_number(b, node, "rows", 1, CONF_MAX_CELLS, &l->rows);
	if (!conf_has(node, "columns"))
		conf_bad(b, node, "<layout> needs an attribute \"columns\", write how many cells the "
			 "picture is wide");
	if (!n || n > CONF_MAX_PLACES) {
		conf_bad(b, node, "%zu places, write 1 to %d", n, CONF_MAX_PLACES);
		return;
	}
	l->place = conf_alloc(b, n, sizeof(*l->place));
	for (const xmlNode *e = NULL; l->place && (e = conf_child(node, "place", e));)
		read_place(b, e, l, &l->place[l->n_place++]);
	if (b->n_mistakes == before)
		check_hidden(b, l);
}

void conf_read_layouts(struct conf_build *b, const xmlNode *node)
{
	static const char *const elements[] = { "layout", NULL };
	struct config *c = &b->tree->config;
	size_t n = conf_children(node, "layout");

	if (!node || b->error)
		return;
	conf_read_shape(b, node, NULL, elements);
	if (n > CONF_MAX_LAYOUTS) {
		conf_bad(b, node, "%zu layouts, write at most %d", n, CONF_MAX_LAYOUTS);
		return;
	}
	c->layout = conf_alloc(b, n, sizeof(*c->layout));
	for (const xmlNode *e = NULL; c->layout && (e = conf_child(node, "layout", e));) {
		struct conf_layout *l = &c->layout[c->n_layout];
		const struct conf_layout *first;

		read_layout(b, e, l);
		c->n_layout++;
		if (b->error)
			return;
		first = config_layout(c, l->name);
		if (first != l && *l->name)
			conf_bad_attr(b, e, "name", "layout \"%s\" is there already, on line %u, write "
				      "another name", l->name, first->line);
	}
}

char *conf_read_layout_name(struct conf_build *b, const xmlNode *node)
{
	enum { MOST = 32 + CONF_MAX_LAYOUTS };
	const struct config *c = &b->tree->config;
	const char *names[MOST + 1] = { NULL };
	char *name = conf_name(b, node, "layout", false), instead[1024];
	size_t n = 0;

	if (!name || config_layout(c, name))
		return name;
	for (; conf_layouts[n] && n < MOST; n++) {
		if (!strcmp(conf_layouts[n], name))
			return name;
		names[n] = conf_layouts[n];
	}
	for (size_t i = 0; i < c->n_layout && n < MOST; i++)
		names[n++] = c->layout[i].name;
	conf_bad_attr(b, node, "layout", "layout=\"%s\" is unknown%s", name,
		      conf_instead(instead, sizeof(instead), name, names));
	return NULL;
}
