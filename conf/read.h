/* SPDX-License-Identifier: GPL-3.0-or-later
 * ⟨libxml2⟩ Reading elements and attributes, each with its own words for what
 * is wrong; xml.c, read*.c only. Every reader leaves its default standing when
 * the attribute is missing or wrong, so that one mistake is said once. */
#ifndef BALAI_CONF_READ_H
#define BALAI_CONF_READ_H

#include "conf/private.h"

#include <libxml/tree.h>

/* A mistake in the whole element, or in one attribute (its own line). */
void conf_bad(struct conf_build *b, const xmlNode *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void conf_bad_attr(struct conf_build *b, const xmlNode *node, const char *attr,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Where the element begins, and where one of its attributes stands. */
unsigned conf_line(const struct conf_build *b, const xmlNode *node);
unsigned conf_attr_line(const struct conf_build *b, const xmlNode *node, const char *attr);

/* Reports attributes that are not in the NULL-ended list, elements that are
 * not in the other (NULL: none allowed), and text. */
void conf_read_shape(struct conf_build *b, const xmlNode *node, const char *const *attrs,
		     const char *const *elements);

/* An element of ours with that name. */
bool conf_is(const xmlNode *node, const char *name);
/* The child elements of that name, one after the other; `after` NULL: the first. */
const xmlNode *conf_child(const xmlNode *parent, const char *name, const xmlNode *after);
size_t conf_children(const xmlNode *parent, const char *name);
/* The only one, NULL when there is none; more than one are a mistake. */
const xmlNode *conf_only_child(struct conf_build *b, const xmlNode *parent, const char *name);

bool conf_has(const xmlNode *node, const char *attr);
/* The value in the tree's memory; NULL: not there (a mistake if required),
 * empty or longer than `max` bytes. */
char *conf_text(struct conf_build *b, const xmlNode *node, const char *attr, bool required,
		size_t max);
/* The same, without white space or control characters, at most CONF_MAX_NAME. */
char *conf_name(struct conf_build *b, const xmlNode *node, const char *attr, bool required);
void conf_number(struct conf_build *b, const xmlNode *node, const char *attr, unsigned min,
		 unsigned max, unsigned *value);
/* Index in the NULL-ended list. */
void conf_choice(struct conf_build *b, const xmlNode *node, const char *attr,
		 const char *const *names, int *value);
/* A pattern (PCRE2), compiled; both are left as they are without or with a mistake. */
void conf_read_pattern(struct conf_build *b, const xmlNode *node, const char *attr,
		       bool caseless, char **text, void **pattern);
void conf_yes_no(struct conf_build *b, const xmlNode *node, const char *attr, bool *value);

/* A PCRE2 pattern and its text; NULL: not there, or a mistake that was said. */
void conf_read_pattern(struct conf_build *b, const xmlNode *node, const char *attr,
		       bool caseless, char **text, void **pattern);

extern const char *const conf_transports[], *const conf_encryptions[];

/* The profile that the attribute `profile` names; the one called default when
 * there is none, and some other after a mistake. */
const struct conf_profile *conf_read_profile_name(struct conf_build *b, const xmlNode *node);
/* The name of a layout, built in or own; NULL: not there, or a mistake. */
char *conf_read_layout_name(struct conf_build *b, const xmlNode *node);
/* What a conference is when only its profile is known. */
void conf_conference_of(struct conf_build *b, const struct conf_profile *profile,
			struct conf_conference *out);

/* A file name: beside the configuration file when it is relative. */
char *conf_beside(struct conf_build *b, const char *path);
/* A SIP address that a rule can lead to. */
bool conf_is_sip_uri(const char *uri);

void conf_read_root(struct conf_build *b, const xmlNode *root);
void conf_read_network(struct conf_build *b, const xmlNode *node); /* NULL: none */
/* <trusted> and <transfers> of it; `node` NULL: none */
void conf_read_trust(struct conf_build *b, const xmlNode *node, struct conf_network *n);
void conf_read_profiles(struct conf_build *b, const xmlNode *node);
void conf_read_layouts(struct conf_build *b, const xmlNode *node);
void conf_read_conferences(struct conf_build *b, const xmlNode *node);
void conf_read_accounts(struct conf_build *b, const xmlNode *node); /* NULL: none */
void conf_read_trunks(struct conf_build *b, const xmlNode *node);
void conf_read_plan(struct conf_build *b, const xmlNode *node);
void conf_read_quirks(struct conf_build *b, const xmlNode *node); /* NULL: none */

#endif
