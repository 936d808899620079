/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of conf/ share while they turn text into a tree:
 *
 *   load.c ──text──→ xml.c ──document──→ read*.c ──tree──→ check.c ──→ struct config
 *                      └──────────────────┴────────────────┴─ message.c: the mistakes
 *
 * A build lives for one config_parse, on one thread. */
#ifndef BALAI_CONF_PRIVATE_H
#define BALAI_CONF_PRIVATE_H

#include "conf/config.h"

enum {
	CONF_MAX_BYTES = 1 << 20,
	CONF_MAX_LISTEN = 32,
	CONF_MAX_PROFILES = 256,
	CONF_MAX_CONFERENCES = 5000,
	CONF_MAX_RULES = 1000,
	CONF_MAX_QUIRKS = 256,
	CONF_MAX_LAYOUTS = 256,
	CONF_MAX_PLACES = 16,
	CONF_MAX_CELLS = 100, /* columns, rows */
	CONF_MAX_ACCOUNTS = 10000,
	CONF_MAX_TRUNKS = 64,
	CONF_MAX_TRUNK_HOSTS = 8,
	CONF_MAX_MESSAGES = 100, /* the rest is counted */
	CONF_MAX_NAME = 64,
	CONF_MAX_TEXT = 128,
	CONF_MAX_PATTERN = 1024,
	CONF_MAX_TARGET = 255,
};

#define CONF_NAMESPACE "urn:balai:config:1"

/* ---- the tree and its memory (tree.c) ---------------------------------------- */

struct conf_chunk;

struct conf_tree {
	struct config config; /* first: what the world sees */
	struct conf_chunk *chunks;
};

/* An empty tree with one reference (ref_drop), or NULL. */
struct conf_tree *conf_tree_new(void);
/* Zeroed memory that lives as long as the tree, or NULL. */
void *conf_tree_alloc(struct conf_tree *self, size_t n, size_t size);

/* ---- what it is told from outside --------------------------------------------- */

struct conf_surroundings {
	const char *port_range_file; /* of the system's ephemeral ports, NULL: none */
	bool files;                  /* look whether the TLS files are there */
};

int conf_parse(struct config **out, const char *text, size_t len, const char *name,
	       FILE *errors, const struct conf_surroundings *around);

/* ---- mistakes (message.c) ------------------------------------------------------ */

struct conf_message {
	unsigned line;
	unsigned element_line; /* where libxml2 sees the element, 0: no element */
	unsigned order;
	bool warning;
	char *text;
};

struct conf_build {
	struct conf_tree *tree;
	const char *name;      /* of the file, in messages */
	const char *text;
	size_t len;
	uint32_t *line_start;  /* offsets of the lines */
	unsigned n_lines;
	const struct conf_surroundings *around;
	struct conf_message message[CONF_MAX_MESSAGES];
	unsigned n_messages, n_left_out;
	unsigned n_mistakes;   /* messages but warnings */
	int error;             /* sticky: -ENOMEM */
	bool stopped;          /* not to be read any further */
	bool *rule_bad;        /* per rule: has mistakes, its reach is not known */
};

void conf_say(struct conf_build *b, bool warning, unsigned line, unsigned element_line,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
#define conf_mistake(b, line, ...) conf_say(b, false, line, 0, __VA_ARGS__)
#define conf_warning(b, line, ...) conf_say(b, true, line, 0, __VA_ARGS__)
/* Writes them in the order of lines and frees them. */
void conf_messages_flush(struct conf_build *b, FILE *errors);

void *conf_alloc(struct conf_build *b, size_t n, size_t size);
char *conf_strdup(struct conf_build *b, const char *s);

/* The one name in the NULL-ended list that `word` was probably meant to be, or NULL. */
const char *conf_suggest(const char *word, const char *const *names);
/* ", did you mean \"x\"?" or, when nothing is near, ", write a, b or c" in buf. */
const char *conf_instead(char *buf, size_t cap, const char *word, const char *const *names);

/* ---- names that other rooms give meaning to (names.c) -------------------------- */

extern const char *const conf_audio_codecs[], *const conf_video_codecs[];
extern const char *const conf_layouts[];

/* ---- patterns ⟨pcre2⟩ (pattern.c) ---------------------------------------------- */

struct conf_pattern;

struct conf_span {
	size_t from, to; /* from > to: the parentheses took no part */
};

enum { CONF_SPANS = 10 };

/* -EINVAL: `error` says what is wrong at `*offset`. */
int conf_pattern_new(struct conf_pattern **out, const char *text, bool caseless,
		     char *error, size_t cap, size_t *offset);
struct conf_pattern *conf_pattern_free(struct conf_pattern *self);
unsigned conf_pattern_captures(const struct conf_pattern *self);
/* 1 matched, 0 not, -E2BIG over a limit, -ENOMEM. `span` may be NULL. */
int conf_pattern_match(const struct conf_pattern *self, const char *subject,
		       struct conf_span span[CONF_SPANS]);

/* ---- which pattern takes all that another one takes (cover.c) ------------------ */

struct conf_automaton;

/* NULL when the pattern uses more than cover.c understands, or no memory. */
struct conf_automaton *conf_automaton_new(const char *pattern, bool caseless);
struct conf_automaton *conf_automaton_free(struct conf_automaton *self);
/* True when it is proven that `wide` matches whatever `narrow` matches.
 * `budget` is counted down; at zero nothing is proven any more. */
bool conf_automaton_covers(const struct conf_automaton *wide,
			   const struct conf_automaton *narrow, unsigned *budget);

/* ---- reading and checking ------------------------------------------------------- */

/* xml.c: reads b->text, has it read into the tree, and checks the schema. */
void conf_read_xml(struct conf_build *b);
/* check.c: what needs the whole tree. */
void conf_check(struct conf_build *b);
/* Minutes of the week (Monday 0:00 is 0) at which a rule holds, 7 × 1440 bits. */
enum { CONF_WEEK_MINUTES = 7 * 1440, CONF_WEEK_BYTES = CONF_WEEK_MINUTES / 8 };
void conf_rule_week(const struct conf_rule *rule, uint8_t week[CONF_WEEK_BYTES]);
/* dialplan.c: whether the rule holds at this minute of the local day. */
bool conf_rule_holds(const struct conf_rule *rule, unsigned weekday, int minute);

/* builtin.c, made of conf/default.xml and conf/balai.xsd */
extern const unsigned char conf_builtin_default[], conf_builtin_schema[];

#endif
