/* SPDX-License-Identifier: GPL-3.0-or-later
 * What only the whole tree shows: listeners that take each other's port, rules
 * behind one that leaves them nothing, conferences nobody can reach. */
#include "conf/private.h"

#include <stdlib.h>
#include <string.h>

/* ---- network --------------------------------------------------------------------------- */

static bool is_wild(const char *address)
{
	return !strcmp(address, "*") || !strcmp(address, "0.0.0.0") || !strcmp(address, "::");
}

static bool same_place(const struct conf_listen *a, const struct conf_listen *b)
{
	bool v6 = strchr(a->address, ':') != NULL;

	if (v6 != (strchr(b->address, ':') != NULL))
		return false;
	return is_wild(a->address) || is_wild(b->address) || !strcmp(a->address, b->address);
}

static void check_listen(struct conf_build *b)
{
	static const char *const names[] = { "udp", "tcp", "tls" };
	const struct conf_network *n = &b->tree->config.network;

	for (size_t i = 0; i < n->n_listen; i++) {
		const struct conf_listen *l = &n->listen[i];

		if (l->port && l->transport == CONF_UDP && l->port >= n->media_port_min &&
		    l->port <= n->media_port_max)
			conf_warning(b, l->line, "udp port %u is one of the media ports, write another "
				     "one or another range", l->port);
		for (size_t j = 0; j < i; j++) {
			const struct conf_listen *o = &n->listen[j];

			if (!l->port || l->port != o->port || !same_place(l, o) ||
			    (l->transport == CONF_UDP) != (o->transport == CONF_UDP))
				continue;
			conf_mistake(b, l->line, "port %u on \"%s\" is taken by %s of line %u already, write "
				     "another port or leave it out", l->port, l->address,
				     names[o->transport], o->line);
			break;
		}
	}
}

static void check_ports(struct conf_build *b)
{
	const struct config *c = &b->tree->config;
	const struct conf_network *n = &c->network;
	unsigned ports = n->media_port_max ? n->media_port_max - n->media_port_min + 1U : 0;
	unsigned each = config_ports_per_call(c);

	if (ports && n->max_calls > ports / each)
		conf_warning(b, n->max_calls_line,
			     "%u calls take up to %u media ports and there are %u, write a larger range "
			     "of ports or at most %u calls", n->max_calls, n->max_calls * each,
			     ports, ports / each);
}

/* ---- slides ------------------------------------------------------------------------------ */

static void check_slides(struct conf_build *b)
{
	const struct config *c = &b->tree->config;

	for (size_t i = 0; i < c->n_profile; i++)
		if (c->profile[i].slides == SLIDES_RECEIVE && !c->profile[i].video)
			conf_warning(b, c->profile[i].line, "slides are received by calls with video only, "
				     "write <video enabled=\"yes\"/> or leave slides out");
	for (size_t i = 0; i < c->n_conference; i++) {
		const struct conf_conference *m = &c->conference[i];

		if (m->slides == SLIDES_RECEIVE && m->profile->slides == SLIDES_REFUSE &&
		    !m->profile->video)
			conf_warning(b, m->line, "profile \"%s\" is without video, so slides are refused, "
				     "write another profile or leave slides out", m->profile->name);
	}
}

/* ---- conferences ------------------------------------------------------------------------ */

static void check_reached(struct conf_build *b)
{
	const struct config *c = &b->tree->config;

	for (size_t i = 0; i < c->n_rule; i++)
		if (c->rule[i].target && strchr(c->rule[i].target, '$'))
			return; /* a pattern may lead to any of them */
	for (size_t i = 0; i < c->n_conference; i++) {
		const struct conf_conference *m = &c->conference[i];
		bool reached = m->template_;

		for (size_t j = 0; j < c->n_rule && !reached; j++)
			reached = c->rule[j].action == RULE_CONFERENCE && c->rule[j].target &&
				  !strcmp(c->rule[j].target, m->number);
		if (!reached)
			conf_warning(b, m->line, "no rule leads to conference \"%s\", write one such as "
				     "<rule><conference number=\"$0\"/></rule>", m->number);
	}
}

/* ---- rules that are never reached ---------------------------------------------------------- */

struct facts {
	struct conf_automaton *dialled, *caller, *diverted, *original;
	uint8_t week[CONF_WEEK_BYTES];
};

/* Enough for a thousand rules of the usual kind. */
enum { COVER_BUDGET = 100000 };

void conf_rule_week(const struct conf_rule *rule, uint8_t week[CONF_WEEK_BYTES])
{
	memset(week, 0, CONF_WEEK_BYTES);
	for (int i = 0; i < CONF_WEEK_MINUTES; i++)
		if (conf_rule_holds(rule, (unsigned)i / 1440, i % 1440))
			week[i / 8] |= (uint8_t)(1U << i % 8);
}

static bool week_covers(const uint8_t *wide, const uint8_t *narrow)
{
	for (int i = 0; i < CONF_WEEK_BYTES; i++)
		if (narrow[i] & ~wide[i])
			return false;
	return true;
}

static bool pattern_covers(const char *wide_text, const struct conf_automaton *wide,
			   const char *narrow_text, const struct conf_automaton *narrow,
			   unsigned *budget)
{
	if (!wide_text)
		return true;
	if (!narrow_text)
		narrow_text = ""; /* everything: only an automaton can tell */
	else if (!strcmp(wide_text, narrow_text))
		return true;
	return wide && narrow && conf_automaton_covers(wide, narrow, budget);
}

/* The same for a condition that only diverted calls can meet: whatever its
 * pattern is, it does not take those that were not. */
static bool diversion_covers(const char *wide_text, const struct conf_automaton *wide,
			     const char *narrow_text, const struct conf_automaton *narrow,
			     unsigned *budget)
{
	return !wide_text || (narrow_text && pattern_covers(wide_text, wide, narrow_text, narrow,
							    budget));
}

/* A rule to conferences that may not be there passes calls on. */
static bool always_ends(const struct conf_rule *rule)
{
	return rule->action != RULE_CONFERENCE || rule->create ||
	       (rule->target && !strchr(rule->target, '$'));
}

static bool rule_covers(const struct conf_rule *wide, const struct facts *wf,
			const struct conf_rule *narrow, const struct facts *nf, unsigned *budget)
{
	return always_ends(wide) &&
	       (!wide->trunk || (narrow->trunk && !strcmp(wide->trunk, narrow->trunk))) &&
	       (!wide->account || (narrow->account && !strcmp(wide->account, narrow->account))) &&
	       (wide->transport < 0 || wide->transport == narrow->transport) &&
	       week_covers(wf->week, nf->week) &&
	       pattern_covers(wide->dialled, wf->dialled, narrow->dialled, nf->dialled, budget) &&
	       pattern_covers(wide->caller, wf->caller, narrow->caller, nf->caller, budget) &&
	       diversion_covers(wide->diverted, wf->diverted, narrow->diverted, nf->diverted,
				budget) &&
	       diversion_covers(wide->original, wf->original, narrow->original, nf->original,
				budget);
}

static bool bad(const struct conf_build *b, size_t rule)
{
	return b->rule_bad && b->rule_bad[rule];
}

static void check_rules(struct conf_build *b)
{
	const struct config *c = &b->tree->config;
	struct facts *facts = c->n_rule ? calloc(c->n_rule, sizeof(*facts)) : NULL;
	unsigned budget = COVER_BUDGET;

	for (size_t i = 0; facts && i < c->n_rule; i++) {
		const struct conf_rule *r = &c->rule[i];

		conf_rule_week(r, facts[i].week);
		facts[i].dialled = conf_automaton_new(r->dialled ? r->dialled : ".*", false);
		facts[i].caller = conf_automaton_new(r->caller ? r->caller : ".*", true);
		facts[i].diverted = r->diverted ? conf_automaton_new(r->diverted, false) : NULL;
		facts[i].original = r->original ? conf_automaton_new(r->original, false) : NULL;
		for (size_t j = 0; j < i && !bad(b, i); j++) {
			if (bad(b, j) || !rule_covers(&c->rule[j], &facts[j], r, &facts[i], &budget))
				continue;
			conf_mistake(b, r->line, "this rule is never reached: the one on line %u takes "
				     "everything it matches, move it before that one or remove it",
				     c->rule[j].line);
			break;
		}
	}
	for (size_t i = 0; facts && i < c->n_rule; i++) {
		conf_automaton_free(facts[i].dialled);
		conf_automaton_free(facts[i].caller);
		conf_automaton_free(facts[i].diverted);
		conf_automaton_free(facts[i].original);
	}
	free(facts);
}

void conf_check(struct conf_build *b)
{
	check_listen(b);
	check_ports(b);
	check_slides(b);
	check_reached(b);
	check_rules(b);
}
