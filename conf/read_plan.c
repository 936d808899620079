/* SPDX-License-Identifier: GPL-3.0-or-later
 * ⟨libxml2⟩ <dial-plan>: rules, their conditions and where they lead. */
#include "conf/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const day_names[] = {
	"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL
};

/* ---- conditions ---------------------------------------------------------------------- */

/* "HH:MM" in minutes, or -1 */
static int parse_time(const char *s)
{
	int hour, minute;

	if (strlen(s) != 5 || s[2] != ':' || strspn(s, "0123456789") != 2 ||
	    strspn(s + 3, "0123456789") != 2)
		return -1;
	hour = (s[0] - '0') * 10 + s[1] - '0';
	minute = (s[3] - '0') * 10 + s[4] - '0';
	if (minute > 59 || hour > 24 || (hour == 24 && minute))
		return -1;
	return hour * 60 + minute;
}

static int read_time(struct conf_build *b, const xmlNode *node, const char *attr)
{
	char *text = conf_text(b, node, attr, false, 64);
	int minute;

	if (!text)
		return -1;
	minute = parse_time(text);
	if (minute < 0)
		conf_bad_attr(b, node, attr, "%s=\"%s\" is no time of day, write it like 08:30 (00:00 to "
			      "24:00)", attr, text);
	return minute;
}

static void read_hours(struct conf_build *b, const xmlNode *node, struct conf_rule *rule)
{
	int from = read_time(b, node, "from"), to = read_time(b, node, "to");

	rule->from_minute = rule->to_minute = -1;
	if (from < 0 && to < 0)
		return;
	if (conf_has(node, "from") && conf_has(node, "to") && (from < 0 || to < 0))
		return; /* a mistake was said */
	from = from < 0 ? 0 : from;
	to = to < 0 ? 1440 : to;
	if (from % 1440 == to % 1440 && (from == to || from == 1440)) {
		conf_bad_attr(b, node, "from",
			      "from and to are the same time, write different ones, or leave both out "
			      "for the whole day");
		return;
	}
	rule->from_minute = from % 1440;
	rule->to_minute = to;
}

static int day_of(const char *s, size_t len)
{
	for (int i = 0; day_names[i]; i++)
		if (len == 3 && !strncmp(day_names[i], s, 3))
			return i;
	return -1;
}

/* "mon" or "mon-fri" as bits; 0: neither. fri-mon passes Sunday. */
static unsigned parse_days(const char *s)
{
	const char *dash = strchr(s, '-');
	int first = day_of(s, dash ? (size_t)(dash - s) : strlen(s));
	int last = dash ? day_of(dash + 1, strlen(dash + 1)) : first;
	unsigned days = 0;

	if (first < 0 || last < 0)
		return 0;
	for (int d = first;; d = (d + 1) % 7) {
		days |= 1U << d;
		if (d == last)
			return days;
	}
}

static unsigned read_days(struct conf_build *b, const xmlNode *node)
{
	char *text = conf_text(b, node, "days", false, 256), *save = NULL;
	unsigned days = 0;
	bool any = false;

	if (!text)
		return 0;
	for (char *w = strtok_r(text, " \t\r\n", &save); w; w = strtok_r(NULL, " \t\r\n", &save)) {
		unsigned more = parse_days(w);

		if (!more)
			conf_bad_attr(b, node, "days", "days: \"%s\" is no day, write mon, tue, wed, thu, "
				      "fri, sat, sun or a span such as mon-fri", w);
		else if (more & days)
			conf_bad_attr(b, node, "days", "days: \"%s\" repeats a day, write each once", w);
		days |= more;
		any = true;
	}
	if (!any)
		conf_bad_attr(b, node, "days", "days is empty, write a day or leave it out");
	return days;
}

/* ---- targets -------------------------------------------------------------------------- */

/* The pattern whose captures stand behind $, and its attribute. False: the
 * rule has none (and for the numbers of a diversion, it must). */
static bool capture_pattern(const struct conf_rule *rule, char letter, const char **attr,
			    const char **text, const struct conf_pattern **pattern)
{
	switch (letter) {
	case 'd':
		*attr = "diverted", *text = rule->diverted, *pattern = rule->diverted_pattern;
		return rule->diverted != NULL;
	case 'o':
		*attr = "original", *text = rule->original, *pattern = rule->original_pattern;
		return rule->original != NULL;
	default:
		*attr = "dialled", *text = rule->dialled, *pattern = rule->pattern;
		return true;
	}
}

/* Every $ has to be one that a pattern can fill. */
static void check_captures(struct conf_build *b, const xmlNode *node, const char *attr,
			   const struct conf_rule *rule, const char *target)
{
	for (const char *s = strchr(target, '$'); s; s = strchr(s, '$')) {
		const char *from, *text, *letter;
		const struct conf_pattern *p;
		unsigned n, have;

		s++;
		if (*s == '$') {
			s++;
			continue;
		}
		letter = *s == 'd' ? "d" : *s == 'o' ? "o" : "";
		if (!capture_pattern(rule, *letter, &from, &text, &p)) {
			conf_bad_attr(b, node, attr, "%s=\"%s\": $%s, but the rule has no %s pattern, write "
				      "%s=\".*\" into it", attr, target, letter, from, from);
			return;
		}
		if (text && !p)
			return; /* the pattern is a mistake of its own */
		have = p ? conf_pattern_captures(p) : 0;
		s += strlen(letter);
		if (*s < '0' || *s > '9') {
			conf_bad_attr(b, node, attr, "%s=\"%s\": a $ without a digit after it, write $0 to "
				      "$9, $d0 to $d9, $o0 to $o9, or $$ for the sign itself", attr,
				      target);
			return;
		}
		n = (unsigned)(*s - '0');
		if (n > have) {
			conf_bad_attr(b, node, attr, "%s=\"%s\": $%s%u, but the pattern has %u pair%s of "
				      "parentheses, write %s%s%s%s", attr, target, letter, n, have,
				      have == 1 ? "" : "s", have ? "a lower number or more parentheses" :
				      "$", have ? "" : letter, have ? "" :
				      "0 or put parentheses into ", have ? "" : from);
			return;
		}
	}
}

static const struct conf_conference *find_any(const struct config *c, const char *number)
{
	for (size_t i = 0; i < c->n_conference; i++)
		if (!strcmp(c->conference[i].number, number))
			return &c->conference[i];
	return NULL;
}

/* The numbers of conferences (or templates) near `word`, for a mistake. */
static const char *near_number(struct conf_build *b, const char *word, bool template, char *buf,
			       size_t cap)
{
	const struct config *c = &b->tree->config;
	const char **names = calloc(c->n_conference + 1, sizeof(*names)), *near;
	size_t n = 0;

	*buf = '\0';
	if (!names)
		return buf;
	for (size_t i = 0; i < c->n_conference; i++)
		if (c->conference[i].template_ == template)
			names[n++] = c->conference[i].number;
	near = conf_suggest(word, names);
	if (near)
		snprintf(buf, cap, ", did you mean \"%s\"?", near);
	free(names);
	return buf;
}

static void read_like(struct conf_build *b, const xmlNode *node, struct conf_rule *rule)
{
	char *like = conf_name(b, node, "like", false), near[128];
	const struct conf_conference *t = like ? find_any(&b->tree->config, like) : NULL;

	if (!like)
		return;
	if (conf_has(node, "profile"))
		conf_bad_attr(b, node, "profile", "both profile and like, leave profile out (the template "
			      "has one)");
	if (!t) {
		near_number(b, like, true, near, sizeof(near));
		conf_bad_attr(b, node, "like", "template \"%s\" does not exist%s", like, *near ? near :
			      ", write a <conference template=\"yes\"> with this number");
	} else if (!t->template_) {
		conf_bad_attr(b, node, "like", "conference \"%s\" of line %u is no template, write "
			      "template=\"yes\" there", like, t->line);
	} else {
		rule->create_as = *t;
		if (t->name == t->number)
			rule->create_as.name = NULL;
	}
}

static void read_create(struct conf_build *b, const xmlNode *node, struct conf_rule *rule)
{
	static const char *const only[] = { "profile", "like", NULL };

	conf_yes_no(b, node, "create", &rule->create);
	if (!rule->create) {
		for (int i = 0; only[i]; i++)
			if (conf_has(node, only[i]))
				conf_bad_attr(b, node, only[i], "%s is for conferences that are created, "
					      "write create=\"yes\" too or leave it out", only[i]);
		return;
	}
	conf_conference_of(b, conf_read_profile_name(b, node), &rule->create_as);
	read_like(b, node, rule);
	rule->create_as.number = NULL;
	rule->create_as.template_ = false;
	rule->create_as.line = 0;
	rule->conference_profile = rule->create_as.profile->name;
}

/* What is written without a $ must be there. */
static void check_number(struct conf_build *b, const xmlNode *node, const struct conf_rule *rule)
{
	const struct conf_conference *c = find_any(&b->tree->config, rule->target);
	char near[128];

	if (strchr(rule->target, '$'))
		return;
	if (c && c->template_)
		conf_bad_attr(b, node, "number", "\"%s\" of line %u is a template and cannot be called, "
			      "write the number of a conference", rule->target, c->line);
	else if (!c && !rule->create) {
		near_number(b, rule->target, false, near, sizeof(near));
		conf_bad_attr(b, node, "number", "conference \"%s\" is not configured%s", rule->target,
			      *near ? near : ", write it into <conferences> or create=\"yes\" here");
	}
}

static void read_conference(struct conf_build *b, const xmlNode *node, struct conf_rule *rule)
{
	static const char *const attrs[] = { "number", "create", "profile", "like", NULL };
	char *target;

	conf_read_shape(b, node, attrs, NULL);
	rule->action = RULE_CONFERENCE;
	target = conf_text(b, node, "number", false, CONF_MAX_TARGET);
	rule->target = target ? target : conf_strdup(b, "$0");
	read_create(b, node, rule);
	if (b->error || !target)
		return;
	check_captures(b, node, "number", rule, target);
	check_number(b, node, rule);
}

/* "sip:user@host", "sips:host": a scheme and a host, nothing that ends a header */
bool conf_is_sip_uri(const char *uri)
{
	const char *rest = !strncmp(uri, "sip:", 4) ? uri + 4 : !strncmp(uri, "sips:", 5) ? uri + 5
											   : NULL;
	const char *at = rest ? strrchr(rest, '@') : NULL;
	const char *host = at ? at + 1 : rest;

	if (!host || !*host || strchr(";?:>", *host) || (at && at == rest))
		return false;
	for (const char *p = uri; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("<>\"", *p))
			return false;
	return true;
}

/* Accounts and trunks are addresses whose host is a name of ours, which the
 * protocol room knows: sip:NAME@REALM and sip:NUMBER@TRUNK. */
static void read_local(struct conf_build *b, const xmlNode *node, const char *attr,
		       const char *host, struct conf_rule *rule)
{
	char *user = conf_text(b, node, attr, false, CONF_MAX_TARGET - 5 - CONF_MAX_NAME);
	size_t len = 6 + strlen(user ? user : "$0") + strlen(host);

	rule->action = RULE_ADDRESS;
	rule->target = conf_alloc(b, len, 1);
	if (!rule->target)
		return;
	snprintf(rule->target, len, "sip:%s@%s", user ? user : "$0", host);
	if (!user)
		return;
	check_captures(b, node, attr, rule, user);
	if (!conf_is_sip_uri(rule->target))
		conf_bad_attr(b, node, attr, "%s=\"%s\" cannot stand in a SIP address, write letters, "
			      "digits and $1 to $9", attr, user);
}

static void read_account(struct conf_build *b, const xmlNode *node, struct conf_rule *rule)
{
	static const char *const attrs[] = { "name", NULL };
	const struct config *c = &b->tree->config;
	const char *name;

	conf_read_shape(b, node, attrs, NULL);
	read_local(b, node, "name", c->accounts.realm, rule);
	name = rule->target ? rule->target + 4 : "$";
	if (!c->accounts.n_account)
		conf_bad(b, node, "there are no accounts, write <accounts> with an <account> in it");
	else if (!strchr(name, '$') && b->n_mistakes == 0) {
		char plain[CONF_MAX_TARGET + 1];

		snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(name, "@"), name);
		if (!config_account(c, plain))
			conf_bad_attr(b, node, "name", "account \"%s\" does not exist, write one of "
				      "<accounts>", plain);
	}
}

/* The trunk that an attribute names, or NULL after a mistake. */
static const struct conf_trunk *trunk_named(struct conf_build *b, const xmlNode *node,
					    const char *attr, bool required)
{
	const struct config *c = &b->tree->config;
	char *name = conf_name(b, node, attr, required), instead[256];
	const char *names[CONF_MAX_TRUNKS + 1] = { NULL };
	const struct conf_trunk *t = name ? config_trunk(c, name) : NULL;

	if (!name || t)
		return t;
	for (size_t i = 0; i < c->n_trunk; i++)
		names[i] = c->trunk[i].name;
	if (c->n_trunk)
		conf_bad_attr(b, node, attr, "trunk \"%s\" does not exist%s", name,
			      conf_instead(instead, sizeof(instead), name, names));
	else
		conf_bad_attr(b, node, attr, "trunk \"%s\" does not exist, write it into <trunks>",
			      name);
	return NULL;
}

static void read_trunk(struct conf_build *b, const xmlNode *node, struct conf_rule *rule)
{
	static const char *const attrs[] = { "name", "user", NULL };
	const struct conf_trunk *t;

	conf_read_shape(b, node, attrs, NULL);
	t = trunk_named(b, node, "name", true);
	read_local(b, node, "user", t ? t->name : "none", rule);
}

static void read_address(struct conf_build *b, const xmlNode *node, struct conf_rule *rule)
{
	static const char *const attrs[] = { "uri", NULL };

	conf_read_shape(b, node, attrs, NULL);
	rule->action = RULE_ADDRESS;
	rule->target = conf_text(b, node, "uri", true, CONF_MAX_TARGET);
	if (!rule->target) {
		rule->target = conf_strdup(b, "");
		return;
	}
	if (!conf_is_sip_uri(rule->target))
		conf_bad_attr(b, node, "uri", "uri=\"%s\" is no SIP address, write it like "
			      "sip:$0@pbx.example.org", rule->target);
	check_captures(b, node, "uri", rule, rule->target);
}

/* The usual phrase, RFC 3261 section 21 */
static const char *usual_reason(unsigned code)
{
	static const struct { unsigned code; const char *reason; } known[] = {
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 402, "Payment Required" },
		{ 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 408, "Request Timeout" }, { 410, "Gone" }, { 480, "Temporarily Unavailable" },
		{ 484, "Address Incomplete" }, { 486, "Busy Here" }, { 488, "Not Acceptable Here" },
		{ 500, "Server Internal Error" }, { 503, "Service Unavailable" },
		{ 600, "Busy Everywhere" }, { 603, "Decline" },
		{ 604, "Does Not Exist Anywhere" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].code == code)
			return known[i].reason;
	return "Refused";
}

static void read_refuse(struct conf_build *b, const xmlNode *node, struct conf_rule *rule)
{
	static const char *const attrs[] = { "code", "reason", NULL };
	char *reason;

	conf_read_shape(b, node, attrs, NULL);
	rule->action = RULE_REFUSE;
	rule->code = 403;
	if (!conf_has(node, "code"))
		conf_bad(b, node, "<refuse> needs an attribute \"code\", write a status from 400 to 699 "
			 "such as code=\"403\"");
	conf_number(b, node, "code", 400, 699, &rule->code);
	reason = conf_text(b, node, "reason", false, CONF_MAX_TEXT);
	for (const char *p = reason; p && *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f) {
			conf_bad_attr(b, node, "reason", "reason has a line break or control character in "
				      "it, write one line of text");
			break;
		}
	rule->reason = reason ? reason : conf_strdup(b, usual_reason(rule->code));
}

/* ---- rules ------------------------------------------------------------------------------ */

static void read_action(struct conf_build *b, const xmlNode *node, struct conf_rule *rule)
{
	static const struct {
		const char *name;
		void (*read)(struct conf_build *b, const xmlNode *node, struct conf_rule *rule);
	} actions[] = {
		{ "conference", read_conference }, { "address", read_address },
		{ "refuse", read_refuse }, { "account", read_account },
		{ "trunk", read_trunk },
	};
	const xmlNode *found = NULL;

	for (const xmlNode *c = node->children; c; c = c->next)
		for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
			if (!conf_is(c, actions[i].name))
				continue;
			if (found)
				conf_bad(b, c, "a rule leads to one place and this one has <%s> already, "
					 "leave <%s> out or write a rule for it", found->name, c->name);
			else
				actions[i].read(b, found = c, rule);
		}
	if (!found)
		conf_bad(b, node, "the rule leads nowhere, write <conference>, <address>, <account>, <trunk> "
			 "or <refuse> into it");
}

static void read_rule(struct conf_build *b, const xmlNode *node, struct conf_rule *rule)
{
	static const char *const attrs[] = {
		"dialled", "caller", "diverted", "original", "account", "trunk", "transport",
		"from", "to", "days", NULL
	};
	static const char *const elements[] = {
		"conference", "address", "account", "trunk", "refuse", NULL
	};
	const struct conf_trunk *trunk;

	conf_read_shape(b, node, attrs, elements);
	rule->line = conf_line(b, node);
	rule->transport = -1;
	conf_read_pattern(b, node, "dialled", false, &rule->dialled, &rule->pattern);
	conf_read_pattern(b, node, "caller", true, &rule->caller, &rule->caller_pattern);
	conf_read_pattern(b, node, "diverted", false, &rule->diverted, &rule->diverted_pattern);
	conf_read_pattern(b, node, "original", false, &rule->original, &rule->original_pattern);
	conf_read_pattern(b, node, "account", false, &rule->account, &rule->account_pattern);
	if (rule->account && !b->tree->config.accounts.n_account)
		conf_bad_attr(b, node, "account", "there are no accounts, write <accounts> with an "
			      "<account> in it");
	trunk = trunk_named(b, node, "trunk", false);
	rule->trunk = trunk ? trunk->name : NULL;
	conf_choice(b, node, "transport", conf_transports, &rule->transport);
	read_hours(b, node, rule);
	rule->days = read_days(b, node);
	read_action(b, node, rule);
}

/* Without a dial plan: every configured conference by its number. */
static void default_plan(struct conf_build *b)
{
	struct config *c = &b->tree->config;

	c->rule = conf_alloc(b, 1, sizeof(*c->rule));
	if (!c->rule)
		return;
	c->n_rule = 1;
	c->rule[0] = (struct conf_rule){
		.transport = -1, .from_minute = -1, .to_minute = -1,
		.action = RULE_CONFERENCE, .target = conf_strdup(b, "$0"),
	};
}

void conf_read_plan(struct conf_build *b, const xmlNode *node)
{
	static const char *const elements[] = { "rule", NULL };
	struct config *c = &b->tree->config;
	size_t n = conf_children(node, "rule");

	if (b->error)
		return;
	if (!node) {
		default_plan(b);
		return;
	}
	conf_read_shape(b, node, NULL, elements);
	if (n > CONF_MAX_RULES) {
		conf_bad(b, node, "%zu rules, write at most %d", n, CONF_MAX_RULES);
		return;
	}
	c->rule = conf_alloc(b, n, sizeof(*c->rule));
	b->rule_bad = conf_alloc(b, n, sizeof(*b->rule_bad));
	for (const xmlNode *e = NULL; !b->error && (e = conf_child(node, "rule", e));) {
		unsigned before = b->n_mistakes;

		read_rule(b, e, &c->rule[c->n_rule]);
		b->rule_bad[c->n_rule] = b->n_mistakes > before;
		c->n_rule++;
	}
}
