/* SPDX-License-Identifier: GPL-3.0-or-later
 * The dial plan: which rule takes a call, and what it says about why. */
#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "conf/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct conf_surroundings nothing_around = { NULL, false };

static struct config *plan(const char *rules)
{
	struct config *c = NULL;
	char text[8192];
	int n = snprintf(text, sizeof(text),
			 "<balai xmlns=\"urn:balai:config:1\"><conferences>\n"
			 "<conference number=\"100\"/><conference number=\"team-a\"/>"
			 "<conference number=\"hall\" template=\"yes\"/></conferences><dial-plan>\n%s\n"
			 "</dial-plan></balai>", rules);

	assert_true(n < (int)sizeof(text));
	assert_int_equal(conf_parse(&c, text, (size_t)n, "t.xml", NULL, &nothing_around), 0);
	return c;
}

/* Saturday 21 November 2026 12:00 UTC, and times from there on */
enum { SATURDAY_NOON = 1795262400, HOUR = 3600, DAY = 24 * HOUR };

/* ---- one rule against one call ------------------------------------------------------------- */

struct row {
	const char *rule;
	const char *dialled, *caller;
	enum conf_transport transport;
	int64_t after_s;   /* after SATURDAY_NOON */
	unsigned code;     /* of a refusal, 0: not refused */
	const char *target;
};

#define CONF(number) "<conference number=\"" number "\"/></rule>"
#define MAKE(number) "<conference create=\"yes\" number=\"" number "\"/></rule>"
#define TO(uri) "<address uri=\"" uri "\"/></rule>"
#define NO "<refuse code=\"403\"/></rule>"
#define ANY "a@b", CONF_UDP, 0

static const struct row rows[] = {
	/* conferences */
	{ "<rule>" CONF("$0"), "100", ANY, 0, "100" },
	{ "<rule>" CONF("$0"), "101", ANY, 404, "" },
	{ "<rule>" CONF("$0"), "hall", ANY, 404, "" },
	{ "<rule>" CONF("$0"), "", ANY, 404, "" },
	{ "<rule>" MAKE("$0"), "101", ANY, 0, "101" },
	{ "<rule>" MAKE("$0"), "", ANY, 404, "" },
	{ "<rule>" CONF("100"), "whatever", ANY, 0, "100" },
	/* anchored at both ends */
	{ "<rule dialled=\"1[0-9]{2}\">" MAKE("$0"), "123", ANY, 0, "123" },
	{ "<rule dialled=\"1[0-9]{2}\">" MAKE("$0"), "1234", ANY, 404, "" },
	{ "<rule dialled=\"1[0-9]{2}\">" MAKE("$0"), "0123", ANY, 404, "" },
	{ "<rule dialled=\"1|12\">" MAKE("$0"), "12", ANY, 0, "12" },
	{ "<rule dialled=\"alice\">" NO, "Alice", ANY, 404, "" },
	{ "<rule dialled=\"(?i)alice\">" NO, "Alice", ANY, 403, "" },
	{ "<rule dialled=\"m.ller\">" NO, "m\xc3\xbcller", ANY, 403, "" },
	{ "<rule dialled=\"m.ller\">" NO, "m\xffller", ANY, 404, "" },
	/* captures */
	{ "<rule dialled=\"9(\\d)(\\d)\">" MAKE("$2x$1$$$0"), "912", ANY, 0, "2x1$912" },
	{ "<rule dialled=\"(a)?b(c)?\">" MAKE("[$1$2]"), "bc", ANY, 0, "[c]" },
	{ "<rule dialled=\"(a)?b(c)?\">" MAKE("[$1$2]"), "b", ANY, 0, "[]" },
	{ "<rule dialled=\"(1)(2)(3)(4)(5)(6)(7)(8)(9)(0)(.)\">" MAKE("$9$1"), "1234567890x", ANY, 0, "91" },
	{ "<rule dialled=\"t-(.*)\">" CONF("team-$1"), "t-a", ANY, 0, "team-a" },
	{ "<rule dialled=\"t-(.*)\">" CONF("team-$1"), "t-b", ANY, 404, "" },
	/* addresses: what was dialled stays where it was put */
	{ "<rule dialled=\"0(.*)\">" TO("sip:$1@pbx.example.org"), "0441", ANY, 0, "sip:441@pbx.example.org" },
	{ "<rule dialled=\"0(.*)\">" TO("sip:$1@pbx"), "0a@evil;x=1?y", ANY, 0,
	  "sip:a%40evil%3Bx%3D1%3Fy@pbx" },
	{ "<rule dialled=\"0(.*)\">" TO("sip:$1@pbx"), "0#1* \xc3\xa4", ANY, 0, "sip:%231*%20%C3%A4@pbx" },
	/* caller */
	{ "<rule caller=\".*@example\\.org\">" NO, "1", "Bob@Example.ORG", CONF_UDP, 0, 403, "" },
	{ "<rule caller=\".*@example\\.org\">" NO, "1", "bob@example.org.evil", CONF_UDP, 0, 404, "" },
	{ "<rule caller=\"bob@.*\">" NO, "1", "", CONF_UDP, 0, 404, "" },
	/* transport */
	{ "<rule transport=\"tls\">" NO, "1", "a@b", CONF_TLS, 0, 403, "" },
	{ "<rule transport=\"tls\">" NO, "1", "a@b", CONF_TCP, 0, 404, "" },
	/* time of day and days; in Berlin it is 13:00 */
	{ "<rule from=\"13:00\">" NO, "1", ANY, 403, "" },
	{ "<rule from=\"13:01\">" NO, "1", ANY, 404, "" },
	{ "<rule to=\"13:00\">" NO, "1", ANY, 404, "" },
	{ "<rule to=\"13:01\">" NO, "1", ANY, 403, "" },
	{ "<rule days=\"sat\">" NO, "1", ANY, 403, "" },
	{ "<rule days=\"sun-fri\">" NO, "1", ANY, 404, "" },
	{ "<rule days=\"sat\">" NO, "1", "a@b", CONF_UDP, 11 * HOUR, 404, "" }, /* Sunday 0:00 there */
	{ "<rule from=\"22:00\" to=\"06:00\" days=\"sat\">" NO, "1", "a@b", CONF_UDP, 9 * HOUR - 1, 404, "" },
	{ "<rule from=\"22:00\" to=\"06:00\" days=\"sat\">" NO, "1", "a@b", CONF_UDP, 9 * HOUR, 403, "" },
	{ "<rule from=\"22:00\" to=\"06:00\" days=\"sat\">" NO, "1", "a@b", CONF_UDP, 17 * HOUR - 1, 403, "" },
	{ "<rule from=\"22:00\" to=\"06:00\" days=\"sat\">" NO, "1", "a@b", CONF_UDP, 17 * HOUR, 404, "" },
	{ "<rule from=\"22:00\" to=\"06:00\" days=\"sat\">" NO, "1", "a@b", CONF_UDP, -8 * HOUR, 404, "" },
	{ "<rule from=\"22:00\" to=\"06:00\" days=\"fri\">" NO, "1", "a@b", CONF_UDP, -8 * HOUR, 403, "" },
	/* in July it is 14:00 there at noon UTC */
	{ "<rule from=\"14:00\" to=\"14:01\">" NO, "1", "a@b", CONF_UDP, 240LL * DAY, 403, "" },
	{ "<rule from=\"13:00\" to=\"13:59\">" NO, "1", "a@b", CONF_UDP, 240LL * DAY, 404, "" },
	/* nothing that could forge a line or a header is looked up */
	{ "<rule>" MAKE("$0"), "1\r\n2", ANY, 404, "" },
	{ "<rule>" MAKE("$0"), "1\x7f", ANY, 404, "" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct config *c = plan(r->rule);
		struct dial_query q = { r->dialled, r->caller, r->transport,
					SATURDAY_NOON + r->after_s, NULL, NULL, NULL, NULL };
		struct dial_result out;

		dialplan_lookup(c, &q, &out, NULL);
		if (out.code != r->code || strcmp(out.target, r->target))
			print_error("row %zu: %s dialled \"%s\"\n", i, r->rule, r->dialled);
		assert_int_equal(out.code, r->code);
		assert_string_equal(out.target, r->target);
		assert_int_equal(out.action == RULE_REFUSE, r->code != 0);
		if (r->code)
			assert_string_equal(out.reason, r->code == 403 ? "Forbidden" : "Not Found");
		else
			assert_null(out.reason);
		assert_ptr_equal(out.rule, r->code == 404 ? NULL : &c->rule[0]);
		ref_drop(c);
	}
}

/* ---- calls that were sent on -------------------------------------------------------------- */

static const struct {
	const char *rule, *diverted, *original;
	const char *target;  /* NULL: 404 */
	const char *why;     /* or a part of it */
} sent_on[] = {
	{ "<rule diverted=\"2.*\">" MAKE("x"), "2001", NULL, "x", "matches" },
	{ "<rule diverted=\"2.*\">" MAKE("x"), "3001", "2001", NULL,
	  "no, the diverting number \"3001\" does not match \"2.*\"" },
	{ "<rule diverted=\".*\">" MAKE("x"), NULL, NULL, NULL, "no, the call was not sent on by anybody" },
	{ "<rule diverted=\".*\">" MAKE("x"), "", "", NULL, "no, the call was not sent on by anybody" },
	{ "<rule diverted=\".*\">" MAKE("x"), "1\n2", NULL, NULL, "no, the call was not sent on" },
	{ "<rule original=\"2(...)\">" MAKE("$0-$o1-$o0"), NULL, "2001", "9-001-2001", "matches" },
	{ "<rule original=\"2(...)\" diverted=\"(.).*\" dialled=\"(.)\">" MAKE("$1$o1$d1$d0$$d"), "75", "2001",
	  "9001775$d", "matches" },
	{ "<rule original=\"2(...)\">" MAKE("$o1"), "2001", "3", NULL,
	  "no, the original number \"3\" does not match \"2(...)\"" },
	{ "<rule original=\".*\">" TO("sip:$o0@pbx"), NULL, "a@b;c", "sip:a%40b%3Bc@pbx", "matches" },
	{ "<rule original=\"(a)?.\">" MAKE("[$o1]"), NULL, "b", "[]", "matches" },
};

static void test_sent_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sent_on) / sizeof(sent_on[0]); i++) {
		struct config *c = plan(sent_on[i].rule);
		struct dial_query q = { .dialled = "9", .caller = "a@b", .time_s = SATURDAY_NOON,
					.diverted = sent_on[i].diverted, .original = sent_on[i].original };
		struct dial_result out;
		char *said = NULL;
		size_t n = 0;
		FILE *f = open_memstream(&said, &n);

		dialplan_lookup(c, &q, &out, f);
		fclose(f);
		if (!strstr(said, sent_on[i].why))
			fail_msg("row %zu: %s", i, said);
		assert_string_equal(out.target, sent_on[i].target ? sent_on[i].target : "");
		assert_int_equal(out.code, sent_on[i].target ? 0 : 404);
		free(said);
		ref_drop(c);
	}
}

/* ---- why ------------------------------------------------------------------------------------ */

static const char explained[] =
	"<rule transport=\"tls\">" NO "\n"
	"<rule days=\"sun\">" NO "\n"
	"<rule caller=\"eve@.*\">" NO "\n"
	"<rule dialled=\"9.*\">" TO("sip:$0@pbx") "\n"
	"<rule>" CONF("$0") "\n"
	"<rule dialled=\"[1-3].*\">" MAKE("$0") "\n"
	"<rule><refuse code=\"410\" reason=\"No longer\"/></rule>";

static const struct { const char *dialled, *why; } whys[] = {
	{ "555",
	  "line 3: no, the call came by tcp and not by tls\n"
	  "line 4: no, it is not for this day and time\n"
	  "line 5: no, the caller \"a@b\" does not match \"eve@.*\"\n"
	  "line 6: no, \"555\" does not match \"9.*\"\n"
	  "line 7: no, conference \"555\" is not configured and the rule creates none\n"
	  "line 8: no, \"555\" does not match \"[1-3].*\"\n"
	  "line 9: matches: refused with 410 No longer\n" },
	{ "911",
	  "line 3: no, the call came by tcp and not by tls\n"
	  "line 4: no, it is not for this day and time\n"
	  "line 5: no, the caller \"a@b\" does not match \"eve@.*\"\n"
	  "line 6: matches: sent to sip:911@pbx\n" },
	{ "100",
	  "line 3: no, the call came by tcp and not by tls\n"
	  "line 4: no, it is not for this day and time\n"
	  "line 5: no, the caller \"a@b\" does not match \"eve@.*\"\n"
	  "line 6: no, \"100\" does not match \"9.*\"\n"
	  "line 7: matches: conference 100\n" },
	{ "12",
	  "line 3: no, the call came by tcp and not by tls\n"
	  "line 4: no, it is not for this day and time\n"
	  "line 5: no, the caller \"a@b\" does not match \"eve@.*\"\n"
	  "line 6: no, \"12\" does not match \"9.*\"\n"
	  "line 7: no, conference \"12\" is not configured and the rule creates none\n"
	  "line 8: matches: conference 12, created with profile default\n" },
	{ "1\n", "no rule: control characters were dialled\n" },
};

static void assert_why(const struct config *c, const struct dial_query *q, const char *want)
{
	struct dial_result out;
	char *said = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&said, &n);

	dialplan_lookup(c, q, &out, f);
	fclose(f);
	assert_string_equal(said, want);
	free(said);
}

static void test_why(void **state)
{
	struct config *c = plan(explained);

	(void)state;
	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++) {
		struct dial_query q = { whys[i].dialled, "a@b", CONF_TCP, SATURDAY_NOON, NULL, NULL, NULL, NULL };

		assert_why(c, &q, whys[i].why);
	}
	ref_drop(c);
}

static void test_none(void **state)
{
	struct dial_query q = { "1", "a@b", CONF_UDP, SATURDAY_NOON, NULL, NULL, NULL, NULL };
	struct config *c = plan("");
	struct dial_result out;

	(void)state;
	dialplan_lookup(c, &q, &out, NULL);
	assert_null(out.rule);
	assert_int_equal(out.action, RULE_REFUSE);
	assert_int_equal(out.code, 404);
	assert_why(c, &q, "no rule matches: refused with 404 Not Found\n");
	ref_drop(c);
}

/* Without a dial plan, configured conferences answer to their numbers. */
static void test_no_plan(void **state)
{
	static const char text[] = "<balai xmlns=\"urn:balai:config:1\"><conferences>"
				   "<conference number=\"7\"/></conferences></balai>";
	struct dial_query q = { "7", "a@b", CONF_UDP, SATURDAY_NOON, NULL, NULL, NULL, NULL };
	struct config *c = NULL;

	(void)state;
	assert_int_equal(conf_parse(&c, text, strlen(text), "t.xml", stderr, &nothing_around), 0);
	assert_why(c, &q, "rule used without a dial plan: matches: conference 7\n");
	q.dialled = "8";
	assert_why(c, &q, "rule used without a dial plan: no, conference \"8\" is not configured and the "
		   "rule creates none\nno rule matches: refused with 404 Not Found\n");
	ref_drop(c);
}

/* ---- limits ------------------------------------------------------------------------------------ */

/* A pattern that would take ages refuses, and does not let the next rule in. */
static void test_limits(void **state)
{
	char many[200];
	struct config *c = plan("<rule dialled=\"(a|aa|a?a)+b\">" NO "<rule>" MAKE("$0"));
	struct dial_query q = { many, "a@b", CONF_UDP, SATURDAY_NOON, NULL, NULL, NULL, NULL };
	struct dial_result out;

	(void)state;
	memset(many, 'a', sizeof(many));
	memcpy(many + sizeof(many) - 3, "b!", 3);
	dialplan_lookup(c, &q, &out, NULL);
	assert_int_equal(out.action, RULE_REFUSE);
	assert_int_equal(out.code, 500);
	assert_ptr_equal(out.rule, &c->rule[0]);
	assert_why(c, &q, "line 3: refused with 500, matching took too long or too much memory: make the "
		   "pattern simpler\n");
	q.dialled = "aaab!";
	dialplan_lookup(c, &q, &out, NULL);
	assert_int_equal(out.action, RULE_CONFERENCE);
	ref_drop(c);
}

static void test_long_target(void **state)
{
	char many[400];
	struct config *c = plan("<rule dialled=\"x(.*)\">" TO("sip:$1@pbx") "<rule>" MAKE("$0"));
	struct dial_query q = { many, "a@b", CONF_UDP, SATURDAY_NOON, NULL, NULL, NULL, NULL };
	struct dial_result out;

	(void)state;
	/* exactly full: sip: + 247 + @pbx = 255 */
	memset(many, '1', sizeof(many));
	many[0] = 'x';
	many[248] = '\0';
	dialplan_lookup(c, &q, &out, NULL);
	assert_int_equal(out.action, RULE_ADDRESS);
	assert_int_equal(strlen(out.target), 255);
	many[248] = '1';
	many[249] = '\0';
	dialplan_lookup(c, &q, &out, NULL);
	assert_int_equal(out.action, RULE_REFUSE);
	assert_int_equal(out.code, 414);
	memset(many + 1, '#', 100); /* three each when escaped */
	many[101] = '\0';
	dialplan_lookup(c, &q, &out, NULL);
	assert_int_equal(out.code, 414);
	many[0] = 'y';
	dialplan_lookup(c, &q, &out, NULL);
	assert_int_equal(out.action, RULE_CONFERENCE);
	assert_string_equal(out.target, many);
	ref_drop(c);
}

/* ---- an automaton says what the pattern library does ---------------------------------------------- */

/* Whether `pattern` covers the one text is the same as whether it matches it. */
static void test_automaton(void **state)
{
	static const char *const patterns[] = {
		"", ".", ".*", "1", "12?", "[0-9]+", "[^0-9]+", "(1|2)*3", "(12|1)(2|3)", "1{2}", "1{2,}",
		"1{0,2}2", "(1{2}){2}", "\\d\\d", "\\D*", "\\w+", "[\\d_a-c]+", "[]a]", "[^]a]", "[a\\]]",
		"a\\.b", "(?:a|b)+c??", "^1|2$", "(?i)aB", "[-a]", "[a-]", "a|", "(|a)b", "\\s", "[ -/]",
	};
	static const char *const texts[] = {
		"", "1", "2", "3", "12", "13", "11", "111", "1111", "123", "1213", "a", "b", "]", "-", "a.b",
		"axb", "ab", "AB", "abc", "abab", "_", "a_1", " ", "/", "112", "1112",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct conf_automaton *wide = conf_automaton_new(patterns[i], false);
		struct conf_pattern *p = NULL;
		char error[128];
		size_t offset;

		assert_non_null(wide);
		assert_int_equal(conf_pattern_new(&p, patterns[i], false, error, sizeof(error), &offset), 0);
		for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
			char quoted[64] = "";
			unsigned budget = 1000;
			struct conf_automaton *narrow;
			bool covers;

			for (const char *t = texts[j]; *t; t++)
				snprintf(quoted + strlen(quoted), sizeof(quoted) - strlen(quoted),
					 strchr(".]-/", *t) ? "\\%c" : "%c", *t);
			narrow = conf_automaton_new(quoted, false);
			assert_non_null(narrow);
			covers = conf_automaton_covers(wide, narrow, &budget);
			if (covers != conf_pattern_match(p, texts[j], NULL))
				print_error("pattern \"%s\" text \"%s\"\n", patterns[i], texts[j]);
			assert_int_equal(covers, conf_pattern_match(p, texts[j], NULL));
			conf_automaton_free(narrow);
		}
		conf_automaton_free(wide);
		conf_pattern_free(p);
	}
}

/* What it does not understand it does not guess at. */
static void test_automaton_refuses(void **state)
{
	static const char *const patterns[] = {
		"a(?=b)", "(?<!a)b", "(a)\\1", "\\bx", "a++", "(?>a)", "[[:digit:]]", "\\x41", "\\Qa\\E",
		"(*UTF)a", "a{600}", "a^", "$a", "(^a)", "\xc3\xa4", "[\xc3\xa4]", "(?i:a)", "\\p{L}", "[\\d-z]",
		"((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))", "(){500}{500}",
		"((a{20}){20}){20}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct conf_automaton *a = conf_automaton_new(patterns[i], false);

		if (a)
			print_error("understood \"%s\"\n", patterns[i]);
		assert_null(a);
	}
}

/* Patterns whose automaton grows beyond all measure end unproven. */
static void test_automaton_budget(void **state)
{
	struct conf_automaton *wide = conf_automaton_new("(a|b)*a(a|b){14}", false);
	struct conf_automaton *narrow = conf_automaton_new("(a|b)*a(a|b){14}", false);
	unsigned budget = 100000;

	(void)state;
	assert_false(conf_automaton_covers(wide, narrow, &budget));
	assert_true(budget > 90000); /* given up at the number of pairs */
	budget = 10;
	assert_false(conf_automaton_covers(wide, narrow, &budget));
	assert_int_equal(budget, 0);
	assert_false(conf_automaton_covers(wide, wide, &budget));
	conf_automaton_free(wide);
	conf_automaton_free(narrow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_sent_on),
		cmocka_unit_test(test_why),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_no_plan),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long_target),
		cmocka_unit_test(test_automaton),
		cmocka_unit_test(test_automaton_refuses),
		cmocka_unit_test(test_automaton_budget),
	};

	/* the rule of central Europe, without a time zone database */
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
