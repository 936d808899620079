/* SPDX-License-Identifier: GPL-3.0-or-later
 * The dial plan: which rule takes a call, where it leads, and why. */
#include "conf/private.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

struct lookup {
	const struct config *config;
	const struct dial_query *query;
	struct conf_span span[CONF_SPANS], diverted[CONF_SPANS], original[CONF_SPANS];
	unsigned weekday; /* 0: Monday */
	int minute;
	FILE *why;
};

static void explain(const struct lookup *l, const struct conf_rule *rule, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void explain(const struct lookup *l, const struct conf_rule *rule, const char *fmt, ...)
{
	va_list ap;

	if (!l->why)
		return;
	if (rule->line)
		fprintf(l->why, "line %u: ", rule->line);
	else
		fputs("rule used without a dial plan: ", l->why);
	va_start(ap, fmt);
	vfprintf(l->why, fmt, ap);
	va_end(ap);
	fputc('\n', l->why);
}

static void local_time(struct lookup *l, int64_t time_s)
{
	time_t t = (time_t)time_s;
	struct tm tm;

	if (!localtime_r(&t, &tm))
		memset(&tm, 0, sizeof(tm));
	l->weekday = (unsigned)(tm.tm_wday + 6) % 7;
	l->minute = tm.tm_hour * 60 + tm.tm_min;
}

/* The early hours of a span that passes midnight belong to the day before. */
bool conf_rule_holds(const struct conf_rule *rule, unsigned weekday, int minute)
{
	unsigned day = weekday;
	bool in = true;

	if (rule->from_minute >= 0 && rule->from_minute <= rule->to_minute) {
		in = minute >= rule->from_minute && minute < rule->to_minute;
	} else if (rule->from_minute >= 0) {
		in = minute >= rule->from_minute || minute < rule->to_minute;
		if (minute < rule->to_minute)
			day = (weekday + 6) % 7;
	}
	return in && (!rule->days || rule->days >> day & 1);
}

/* ---- targets --------------------------------------------------------------------------- */

/* What may stand anywhere in a SIP URI as it is: unreserved of RFC 3261 25.1,
 * and +. The rest is escaped, so that what was dialled stays in its place. */
static bool is_uri_safe(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("-_.!~*'()+", c));
}

static size_t put(char *out, size_t cap, size_t n, const char *s, size_t len, bool escape)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		bool plain = !escape || is_uri_safe(s[i]);

		if (n + (plain ? 1 : 3) >= cap)
			return cap; /* full, and stays so */
		if (plain) {
			out[n++] = s[i];
		} else {
			out[n++] = '%';
			out[n++] = hex[c >> 4];
			out[n++] = hex[c & 15];
		}
	}
	return n;
}

/* Fills the captures in. -ENAMETOOLONG. */
static int expand(const struct lookup *l, const struct conf_rule *rule, char *out, size_t cap)
{
	bool escape = rule->action == RULE_ADDRESS;
	size_t n = 0;

	for (const char *p = rule->target; *p && n < cap; p++) {
		const struct conf_span *spans = l->span;
		const char *text = l->query->dialled;
		struct conf_span s;

		if (*p != '$') {
			n = put(out, cap, n, p, 1, false);
			continue;
		}
		p++;
		if (*p == '$') {
			n = put(out, cap, n, p, 1, false);
			continue;
		}
		if (*p == 'd' || *p == 'o') {
			spans = *p == 'd' ? l->diverted : l->original;
			text = *p == 'd' ? l->query->diverted : l->query->original;
			p++;
		}
		s = spans[*p - '0'];
		if (s.from < s.to)
			n = put(out, cap, n, text + s.from, s.to - s.from, escape);
	}
	if (n >= cap)
		return -ENAMETOOLONG;
	out[n] = '\0';
	return 0;
}

/* ---- rules ------------------------------------------------------------------------------- */

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* One of the two conditions about the way a call took; as conditions(). */
static int diversion(struct lookup *l, const struct conf_rule *rule, const void *compiled,
		     const char *pattern, const char *number, const char *what,
		     struct conf_span span[CONF_SPANS])
{
	int m;

	for (int i = 0; i < CONF_SPANS; i++)
		span[i] = (struct conf_span){ 1, 0 };
	if (!compiled)
		return 1;
	if (!number || !*number || !is_printable(number)) {
		explain(l, rule, "no, the call was not sent on by anybody");
		return 0;
	}
	m = conf_pattern_match(compiled, number, span);
	if (m == 0)
		explain(l, rule, "no, the %s number \"%s\" does not match \"%s\"", what, number,
			pattern);
	return m;
}

/* 1: all conditions hold; 0: one does not; negative: cannot be told. */
static int conditions(struct lookup *l, const struct conf_rule *rule)
{
	static const char *const transports[] = { "udp", "tcp", "tls" };
	const struct dial_query *q = l->query;
	int m;

	if (rule->transport >= 0 && rule->transport != (int)q->transport) {
		explain(l, rule, "no, the call came by %s and not by %s", transports[q->transport],
			transports[rule->transport]);
		return 0;
	}
	if (rule->trunk && (!q->trunk || strcmp(rule->trunk, q->trunk))) {
		explain(l, rule, "no, the call did not come from trunk %s", rule->trunk);
		return 0;
	}
	if (!conf_rule_holds(rule, l->weekday, l->minute)) {
		explain(l, rule, "no, it is not for this day and time");
		return 0;
	}
	if (rule->caller_pattern) {
		m = conf_pattern_match(rule->caller_pattern, q->caller, NULL);
		if (m == 0)
			explain(l, rule, "no, the caller \"%s\" does not match \"%s\"", q->caller,
				rule->caller);
		if (m <= 0)
			return m;
	}
	m = diversion(l, rule, rule->diverted_pattern, rule->diverted, q->diverted, "diverting",
		      l->diverted);
	if (m <= 0)
		return m;
	m = diversion(l, rule, rule->original_pattern, rule->original, q->original, "original",
		      l->original);
	if (m <= 0)
		return m;
	for (int i = 1; i < CONF_SPANS; i++)
		l->span[i] = (struct conf_span){ 1, 0 };
	l->span[0] = (struct conf_span){ 0, strlen(q->dialled) };
	if (!rule->pattern)
		return 1;
	m = conf_pattern_match(rule->pattern, q->dialled, l->span);
	if (m == 0)
		explain(l, rule, "no, \"%s\" does not match \"%s\"", q->dialled, rule->dialled);
	return m;
}

/* The last condition, since it may cost the caller a password. -EACCES: not
 * proven yet. */
static int account_holds(const struct lookup *l, const struct conf_rule *rule)
{
	const char *account = l->query->account;
	int m;

	if (!rule->account_pattern || (account && !*account))
		return 1;
	if (!account) {
		/* Who calls from a trunk has no account here and cannot be asked. */
		if (l->query->trunk) {
			explain(l, rule, "no, it is for accounts and the call came from trunk %s",
				l->query->trunk);
			return 0;
		}
		explain(l, rule, "matches an account \"%s\": refused with 401 until the caller "
			"proves to be one", rule->account);
		return -EACCES;
	}
	m = conf_pattern_match(rule->account_pattern, account, NULL);
	if (m == 0)
		explain(l, rule, "no, the account \"%s\" does not match \"%s\"", account,
			rule->account);
	return m;
}

static void refuse(struct dial_result *out, const struct conf_rule *rule, unsigned code,
		   const char *reason)
{
	*out = (struct dial_result){
		.rule = rule, .action = RULE_REFUSE, .code = code, .reason = reason,
	};
}

/* False: the conference is not there, on to the next rule. */
static bool apply(struct lookup *l, const struct conf_rule *rule, struct dial_result *out)
{
	bool there;

	if (rule->action == RULE_REFUSE) {
		refuse(out, rule, rule->code, rule->reason);
		explain(l, rule, "matches: refused with %u %s", rule->code, rule->reason);
		return true;
	}
	*out = (struct dial_result){ .rule = rule, .action = rule->action };
	if (expand(l, rule, out->target, sizeof(out->target)) < 0) {
		refuse(out, rule, 414, "Request-URI Too Long"); /* RFC 3261 21.4.12 */
		explain(l, rule, "matches: refused with 414, what it leads to is too long");
		return true;
	}
	if (rule->action == RULE_ADDRESS) {
		explain(l, rule, "matches: sent to %s", out->target);
		return true;
	}
	there = config_conference(l->config, out->target) != NULL;
	if (!*out->target || (!there && !rule->create)) {
		explain(l, rule, "no, conference \"%s\" is not configured and the rule creates none",
			out->target);
		return false;
	}
	if (there)
		explain(l, rule, "matches: conference %s", out->target);
	else
		explain(l, rule, "matches: conference %s, created with profile %s", out->target,
			rule->conference_profile);
	return true;
}

void dialplan_lookup(const struct config *self, const struct dial_query *query,
		     struct dial_result *out, FILE *why)
{
	struct lookup l = { .config = self, .query = query, .why = why };

	refuse(out, NULL, 404, "Not Found");
	if (!is_printable(query->dialled)) {
		if (why)
			fputs("no rule: control characters were dialled\n", why);
		return;
	}
	local_time(&l, query->time_s);
	for (size_t i = 0; i < self->n_rule; i++) {
		const struct conf_rule *rule = &self->rule[i];
		int m = conditions(&l, rule);

		if (m > 0)
			m = account_holds(&l, rule);
		if (m == -EACCES) {
			refuse(out, rule, 401, "Unauthorized");
			return;
		}
		if (m < 0) {
			refuse(out, rule, 500, "Dial Plan Failed");
			explain(&l, rule, "refused with 500, matching took too long or too much memory: "
				"make the pattern simpler");
			return;
		}
		if (m && apply(&l, rule, out))
			return;
		if (m)
			refuse(out, NULL, 404, "Not Found");
	}
	if (why)
		fputs("no rule matches: refused with 404 Not Found\n", why);
}
