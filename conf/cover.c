/* SPDX-License-Identifier: GPL-3.0-or-later
 * Does one pattern match all that another one matches?
 *
 * Both become automata (Thompson's construction), and a walk over the pairs
 * (state of the narrow one, set of states of the wide one) looks for a text
 * that only the narrow one takes. Understood are characters, classes, groups,
 * alternatives and repetition, as dial plans use them; for anything else
 * (assertions, back references …) nothing is proven.
 *
 * The alphabet is printable ASCII and one symbol for all the rest, since no
 * construct understood here tells two other characters apart. Only where case
 * is ignored do two more matter: the Kelvin sign is a k, the long s an s. */
#include "conf/private.h"

#include <stdlib.h>
#include <string.h>

enum {
	MAX_STATES = 512,
	MAX_NODES = 3072, /* CONF_MAX_PATTERN characters, three nodes each */
	MAX_WORK = 8192,
	MAX_DEPTH = 32,
	MAX_PAIRS = 2048, /* power of two */
	WORDS = MAX_STATES / 64,
	SYMBOL_KELVIN = 1, SYMBOL_LONG_S = 2, SYMBOL_FIRST = ' ', SYMBOL_OTHER = 127,
};

struct symbols {
	uint64_t bits[2];
};

static void symbols_add(struct symbols *s, unsigned c)
{
	s->bits[c / 64] |= UINT64_C(1) << c % 64;
}

static bool symbols_have(const struct symbols *s, unsigned c)
{
	return s->bits[c / 64] >> c % 64 & 1;
}

static struct symbols symbols_all(void)
{
	struct symbols s = { { 0, 0 } };

	symbols_add(&s, SYMBOL_KELVIN);
	symbols_add(&s, SYMBOL_LONG_S);
	for (unsigned c = SYMBOL_FIRST; c <= SYMBOL_OTHER; c++)
		symbols_add(&s, c);
	return s;
}

static struct symbols symbols_not(struct symbols s)
{
	struct symbols all = symbols_all();

	s.bits[0] = all.bits[0] & ~s.bits[0];
	s.bits[1] = all.bits[1] & ~s.bits[1];
	return s;
}

enum state_kind { STATE_TAKE, STATE_FORK, STATE_END };

struct state {
	enum state_kind kind;
	struct symbols take;
	int next, other; /* -1: not there; `other` of forks only */
};

struct conf_automaton {
	int start, n;
	struct state state[];
};

/* ---- from pattern to tree --------------------------------------------------------------- */

enum node_kind { NODE_EMPTY, NODE_TAKE, NODE_ROW, NODE_EITHER, NODE_REPEAT };

struct node {
	enum node_kind kind;
	struct symbols take;
	int a, b;     /* parts */
	int min, max; /* of a repetition; max -1: without end */
};

struct parse {
	const char *p;
	bool fold;
	bool failed;
	int n, depth;
	struct node node[MAX_NODES];
};

static int fail(struct parse *c)
{
	c->failed = true;
	return -1;
}

static int node_new(struct parse *c, enum node_kind kind, int a, int b)
{
	if (c->failed || c->n == MAX_NODES)
		return fail(c);
	c->node[c->n] = (struct node){ .kind = kind, .a = a, .b = b };
	return c->n++;
}

static void add_range(const struct parse *c, struct symbols *s, unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++) {
		symbols_add(s, i);
		if (!c->fold)
			continue;
		if (i >= 'a' && i <= 'z')
			symbols_add(s, i - 'a' + 'A');
		if (i >= 'A' && i <= 'Z')
			symbols_add(s, i - 'A' + 'a');
		if (i == 'k' || i == 'K')
			symbols_add(s, SYMBOL_KELVIN);
		if (i == 's' || i == 'S')
			symbols_add(s, SYMBOL_LONG_S);
	}
}

/* \d \w \s and their opposites; false: none of them. */
static bool add_escape(struct symbols *s, char e)
{
	struct symbols set = { { 0, 0 } };
	char low = e | 0x20;

	if (low != 'd' && low != 'w' && low != 's')
		return false;
	if (low == 's')
		symbols_add(&set, ' ');
	for (unsigned i = '0'; low != 's' && i <= '9'; i++)
		symbols_add(&set, i);
	for (unsigned i = 'a'; low == 'w' && i <= 'z'; i++) {
		symbols_add(&set, i);
		symbols_add(&set, i - 'a' + 'A');
	}
	if (low == 'w')
		symbols_add(&set, '_');
	if (e != low)
		set = symbols_not(set);
	s->bits[0] |= set.bits[0];
	s->bits[1] |= set.bits[1];
	return true;
}

static bool is_plain(char ch)
{
	return ch >= ' ' && ch <= '~';
}

static bool is_alnum(char ch)
{
	return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z');
}

/* One character of a class, which may begin a range; -1: it was \d or the like. */
static int class_char(struct parse *c, struct symbols *s)
{
	char ch = *c->p++;

	if (!is_plain(ch) || (ch == '[' && strchr(":.=", *c->p)))
		return fail(c);
	if (ch != '\\')
		return ch;
	ch = *c->p++;
	if (!is_plain(ch))
		return fail(c);
	if (!is_alnum(ch))
		return ch;
	if (!add_escape(s, ch) || (*c->p == '-' && c->p[1] != ']'))
		return fail(c);
	return -1;
}

static struct symbols parse_class(struct parse *c)
{
	struct symbols s = { { 0, 0 } };
	bool negative = *c->p == '^';
	bool first = true;

	c->p += negative;
	for (; !c->failed && (*c->p != ']' || first); first = false) {
		int from = class_char(c, &s), to = from;

		if (from < 0)
			continue;
		if (*c->p == '-' && c->p[1] != ']') {
			c->p++;
			to = class_char(c, &s);
		}
		if (to < from)
			fail(c);
		else
			add_range(c, &s, (unsigned)from, (unsigned)to);
	}
	c->p += !c->failed;
	return negative ? symbols_not(s) : s;
}

static int parse_either(struct parse *c);

static int parse_group(struct parse *c)
{
	int node;

	if (*c->p == '?') {
		if (c->p[1] != ':')
			return fail(c);
		c->p += 2;
	}
	if (*c->p == '*' || c->depth == MAX_DEPTH)
		return fail(c);
	c->depth++;
	node = parse_either(c);
	c->depth--;
	if (c->failed || *c->p != ')')
		return fail(c);
	c->p++;
	return node;
}

static int parse_atom(struct parse *c)
{
	struct symbols s = { { 0, 0 } };
	char ch = *c->p++;
	int node;

	if (ch == '(')
		return parse_group(c);
	if (ch == '[') {
		s = parse_class(c);
	} else if (ch == '.') {
		s = symbols_all();
	} else if (ch == '\\') {
		ch = *c->p++;
		if (!is_plain(ch))
			return fail(c);
		if (!is_alnum(ch))
			add_range(c, &s, (unsigned char)ch, (unsigned char)ch);
		else if (!add_escape(&s, ch))
			return fail(c);
	} else if (!is_plain(ch) || strchr("^$*+?{", ch)) {
		return fail(c);
	} else {
		add_range(c, &s, (unsigned char)ch, (unsigned char)ch);
	}
	node = node_new(c, NODE_TAKE, -1, -1);
	if (node >= 0)
		c->node[node].take = s;
	return node;
}

/* {m}, {m,} or {m,n} */
static void parse_braces(struct parse *c, int *min, int *max)
{
	char *end;

	if (c->p[1] < '0' || c->p[1] > '9') {
		fail(c);
		return;
	}
	*min = *max = (int)strtol(c->p + 1, &end, 10);
	if (*end == ',' && end[1] == '}') {
		*max = -1;
		end++;
	} else if (*end == ',' && end[1] >= '0' && end[1] <= '9') {
		*max = (int)strtol(end + 1, &end, 10);
	}
	if (*end != '}' || *min > MAX_STATES || *max > MAX_STATES || (*max >= 0 && *max < *min))
		fail(c);
	else
		c->p = end + 1;
}

static int parse_repeat(struct parse *c)
{
	int node = parse_atom(c), min = 1, max = 1;

	if (c->failed || !*c->p || !strchr("*+?{", *c->p))
		return node;
	if (*c->p == '{') {
		parse_braces(c, &min, &max);
	} else {
		min = *c->p == '+';
		max = *c->p == '?' ? 1 : -1;
		c->p++;
	}
	if (*c->p == '?')
		c->p++; /* lazy: the same texts, tried in another order */
	else if (*c->p == '+')
		fail(c); /* possessive: fewer texts */
	node = node_new(c, NODE_REPEAT, node, -1);
	if (node >= 0) {
		c->node[node].min = min;
		c->node[node].max = max;
	}
	return node;
}

static int parse_row(struct parse *c)
{
	int row = node_new(c, NODE_EMPTY, -1, -1);

	/* a pattern has to take the whole text: at its ends these say nothing */
	if (*c->p == '^' && !c->depth)
		c->p++;
	while (!c->failed && *c->p && *c->p != '|' && *c->p != ')') {
		if (*c->p == '$' && !c->depth && (!c->p[1] || c->p[1] == '|')) {
			c->p++;
			continue;
		}
		row = node_new(c, NODE_ROW, row, parse_repeat(c));
	}
	return row;
}

static int parse_either(struct parse *c)
{
	int node = parse_row(c);

	while (!c->failed && *c->p == '|') {
		c->p++;
		node = node_new(c, NODE_EITHER, node, parse_row(c));
	}
	return node;
}

/* ---- from tree to automaton: each part is told what follows it -------------------------- */

struct build {
	const struct node *node;
	struct conf_automaton *out;
	int work; /* bounds repetitions of nothing */
};

static int state_new(struct build *b, enum state_kind kind, int next, int other)
{
	struct conf_automaton *a = b->out;

	if (a->n == MAX_STATES)
		return -1;
	a->state[a->n] = (struct state){ .kind = kind, .next = next, .other = other };
	return a->n++;
}

static int build(struct build *b, int node, int next);

static int build_repeat(struct build *b, const struct node *n, int next)
{
	int start = next;

	if (n->max < 0) {
		int fork = state_new(b, STATE_FORK, -1, next);
		int body = fork < 0 ? -1 : build(b, n->a, fork);

		if (body < 0)
			return -1;
		b->out->state[fork].next = body;
		start = fork;
	}
	for (int i = n->min; i < n->max && start >= 0; i++) {
		int body = build(b, n->a, start);

		start = body < 0 ? -1 : state_new(b, STATE_FORK, body, next);
	}
	for (int i = 0; i < n->min && start >= 0; i++)
		start = build(b, n->a, start);
	return start;
}

/* Where to begin, so that the node is taken and `next` follows; -1: too large. */
static int build(struct build *b, int node, int next)
{
	const struct node *n = &b->node[node];
	int a, other;

	if (next < 0 || --b->work < 0)
		return -1;
	switch (n->kind) {
	case NODE_EMPTY:
		return next;
	case NODE_TAKE:
		a = state_new(b, STATE_TAKE, next, -1);
		if (a >= 0)
			b->out->state[a].take = n->take;
		return a;
	case NODE_ROW:
		return build(b, n->a, build(b, n->b, next));
	case NODE_EITHER:
		a = build(b, n->a, next);
		other = a < 0 ? -1 : build(b, n->b, next);
		return other < 0 ? -1 : state_new(b, STATE_FORK, a, other);
	case NODE_REPEAT:
		return build_repeat(b, n, next);
	}
	return -1;
}

static struct conf_automaton *automaton_of(const struct node *nodes, int root)
{
	struct conf_automaton *a, *small;
	struct build b = { .node = nodes, .work = MAX_WORK };

	a = calloc(1, sizeof(*a) + MAX_STATES * sizeof(a->state[0]));
	if (!a)
		return NULL;
	b.out = a;
	a->start = build(&b, root, state_new(&b, STATE_END, -1, -1));
	if (a->start < 0) {
		free(a);
		return NULL;
	}
	small = realloc(a, sizeof(*a) + (size_t)a->n * sizeof(a->state[0]));
	return small ? small : a;
}

struct conf_automaton *conf_automaton_new(const char *pattern, bool caseless)
{
	struct parse *c = calloc(1, sizeof(*c));
	struct conf_automaton *self = NULL;
	int root;

	if (!c)
		return NULL;
	c->p = pattern;
	c->fold = caseless;
	if (!strncmp(pattern, "(?i)", 4)) {
		c->fold = true;
		c->p += 4;
	}
	root = parse_either(c);
	if (!c->failed && !*c->p)
		self = automaton_of(c->node, root);
	free(c);
	return self;
}

struct conf_automaton *conf_automaton_free(struct conf_automaton *self)
{
	free(self);
	return NULL;
}

/* ---- the walk over pairs --------------------------------------------------------------- */

struct states {
	uint64_t bits[WORDS];
};

struct pair {
	int narrow; /* state that takes a symbol or ends; -1: free place */
	struct states wide;
};

struct walk {
	const struct conf_automaton *wide, *narrow;
	unsigned n_pairs, n_todo;
	bool too_large;
	struct pair pair[MAX_PAIRS];   /* hashed */
	uint16_t todo[MAX_PAIRS];
};

static bool states_have(const struct states *s, int i)
{
	return s->bits[i / 64] >> i % 64 & 1;
}

/* Adds a state and what forks lead to. */
static void states_add(const struct conf_automaton *a, struct states *s, int first)
{
	int stack[MAX_STATES], n = 0;

	if (!states_have(s, first))
		stack[n++] = first;
	s->bits[first / 64] |= UINT64_C(1) << first % 64;
	while (n) {
		const struct state *st = &a->state[stack[--n]];
		int to[2] = { st->next, st->other };

		for (int i = 0; i < 2 && st->kind == STATE_FORK; i++) {
			if (to[i] < 0 || states_have(s, to[i]))
				continue;
			s->bits[to[i] / 64] |= UINT64_C(1) << to[i] % 64;
			stack[n++] = to[i];
		}
	}
}

static void walk_add(struct walk *w, int narrow, const struct states *wide)
{
	uint64_t hash = (uint64_t)narrow * UINT64_C(0x9e3779b97f4a7c15);
	unsigned i;

	for (int k = 0; k < WORDS; k++)
		hash = (hash ^ wide->bits[k]) * UINT64_C(0x9e3779b97f4a7c15);
	for (i = (unsigned)(hash >> 40) % MAX_PAIRS; w->pair[i].narrow >= 0;
	     i = (i + 1) % MAX_PAIRS)
		if (w->pair[i].narrow == narrow &&
		    !memcmp(&w->pair[i].wide, wide, sizeof(*wide)))
			return;
	if (w->n_pairs == MAX_PAIRS / 2) {
		w->too_large = true;
		return;
	}
	w->n_pairs++;
	w->pair[i] = (struct pair){ narrow, *wide };
	w->todo[w->n_todo++] = (uint16_t)i;
}

/* Enters `narrow` through its forks, against the same set. */
static void walk_enter(struct walk *w, int narrow, const struct states *wide)
{
	struct states in = { { 0 } };

	states_add(w->narrow, &in, narrow);
	for (int i = 0; i < w->narrow->n; i++)
		if (states_have(&in, i) && w->narrow->state[i].kind != STATE_FORK)
			walk_add(w, i, wide);
}

static struct states step(const struct conf_automaton *a, const struct states *from, unsigned c)
{
	struct states to = { { 0 } };

	for (int i = 0; i < a->n; i++)
		if (states_have(from, i) && a->state[i].kind == STATE_TAKE &&
		    symbols_have(&a->state[i].take, c))
			states_add(a, &to, a->state[i].next);
	return to;
}

static bool has_end(const struct conf_automaton *a, const struct states *s)
{
	for (int i = 0; i < a->n; i++)
		if (states_have(s, i) && a->state[i].kind == STATE_END)
			return true;
	return false;
}

/* Follows every symbol that the narrow state takes. Symbols that the wide
 * states do not tell apart lead to the same set, which is found once. */
static void walk_symbols(struct walk *w, const struct pair *pair)
{
	const struct state *st = &w->narrow->state[pair->narrow];
	struct states last;
	bool have_last = false;

	for (unsigned c = 1; c <= SYMBOL_OTHER && !w->too_large; c++) {
		struct states to;

		if (!symbols_have(&st->take, c))
			continue;
		to = step(w->wide, &pair->wide, c);
		if (have_last && !memcmp(&to, &last, sizeof(to)))
			continue;
		last = to;
		have_last = true;
		walk_enter(w, st->next, &to);
	}
}

bool conf_automaton_covers(const struct conf_automaton *wide,
			   const struct conf_automaton *narrow, unsigned *budget)
{
	struct walk *w = *budget ? malloc(sizeof(*w)) : NULL;
	struct states start = { { 0 } };
	bool covers = true;

	if (!w)
		return false;
	w->wide = wide;
	w->narrow = narrow;
	w->n_pairs = w->n_todo = 0;
	w->too_large = false;
	for (int i = 0; i < MAX_PAIRS; i++)
		w->pair[i].narrow = -1;
	states_add(wide, &start, wide->start);
	walk_enter(w, narrow->start, &start);
	while (covers && w->n_todo && !w->too_large) {
		struct pair pair = w->pair[w->todo[--w->n_todo]];

		if (*budget)
			--*budget;
		else
			w->too_large = true;
		if (narrow->state[pair.narrow].kind == STATE_END)
			covers = has_end(wide, &pair.wide);
		else
			walk_symbols(w, &pair);
	}
	covers = covers && !w->too_large;
	free(w);
	return covers;
}
