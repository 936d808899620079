/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who calls and which way the call took, as exchanges write it; Session-ID. */
#include "tests/unit/cmocka_head.h"

#include "sip/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAI "P-Asserted-Identity"
#define PPI "P-Preferred-Identity"
#define RPID "Remote-Party-ID"

static const struct {
	const char *header[3][2];
	bool called;
	const char *uri, *name; /* uri NULL: nothing found */
	bool anonymous;
} who[] = {
	{ { { PAI, "\"Anna B\" <sip:anna@example.org>" } }, false, "anna@example.org", "Anna B", false },
	{ { { "p-asserted-identity", "sip:anna@example.org" } }, false, "anna@example.org", "", false },
	{ { { PAI, "sip:anna@example.org;x=1" } }, false, "anna@example.org", "", false },
	{ { { PAI, "Anna <sips:anna;ext=1:pw@example.org:5061;user=phone?x=y>;p=q" } }, false,
	  "anna@example.org", "Anna", false },
	{ { { PAI, "<sip:example.org>" } }, false, "example.org", "", false },
	{ { { PAI, "<sip:a@[2001:db8::1]:5060>" } }, false, "a@[2001:db8::1]", "", false },
	{ { { PAI, "<sip:%61nna@example.org>" } }, false, "anna@example.org", "", false },
	{ { { PAI, "<tel:+49-30-1234;phone-context=x>" } }, false, "+49301234", "", false },
	{ { { PAI, "\"T\" <tel:+4930>, \"S\" <sip:anna@h>" } }, false, "anna@h", "S", false },
	{ { { PAI, "<sip:anna@h>" }, { PAI, "<tel:+4930>" } }, false, "anna@h", "", false },
	{ { { PAI, "\"a \\\"q\\\", <sip:x@y>\" <sip:anna@h>" } }, false, "anna@h", "a \"q\", <sip:x@y>", false },
	{ { { PAI, ", ,<sip:anna@h>" } }, false, "anna@h", "", false },
	/* the better header counts, whatever comes first */
	{ { { PPI, "\"P\" <sip:p@h>" }, { PAI, "<sip:a@h>" } }, false, "a@h", "", false },
	{ { { PAI, "<sip:a@h>" }, { RPID, "\"R\" <sip:r@h>" } }, false, "a@h", "", false },
	{ { { RPID, "\"R\" <sip:r@h>;party=calling;screen=yes;privacy=off" } }, false, "r@h", "R", false },
	{ { { RPID, "<sip:r@h>;party=called" } }, false, NULL, "", false },
	{ { { RPID, "<sip:r@h>;party=called" } }, true, "r@h", "", false },
	{ { { RPID, "<sip:r@h>;screen=no" } }, false, NULL, "", false },
	{ { { RPID, "<sip:r@h>;privacy=\"full\"" } }, false, "r@h", "", true },
	{ { { PAI, "<sip:a@h>" }, { "Privacy", "header;id" } }, false, "a@h", "", true },
	{ { { "Privacy", "none" } }, false, NULL, "", false },
	/* nothing to go by */
	{ { { PAI, "" } }, false, NULL, "", false },
	{ { { PAI, "<>" } }, false, NULL, "", false },
	{ { { PAI, "<sip:>" } }, false, NULL, "", false },
	{ { { PAI, "<sip:a@>" } }, false, NULL, "", false },
	{ { { PAI, "<http://h>" } }, false, NULL, "", false },
	{ { { PAI, "<sip:a%0d%0ab@h>" } }, false, NULL, "", false },
	{ { { PAI, "<sip:a%00b@h>" } }, false, NULL, "", false },
	{ { { PAI, "<sip:a@[::1>" } }, false, NULL, "", false },
	{ { { PAI, "<tel:--->" } }, false, NULL, "", false },
	{ { { PAI, "\"no end <sip:a@h>" } }, false, NULL, "", false },
	{ { { "X-Other", "<sip:a@h>" } }, false, NULL, "", false },
};

static void test_who(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		struct identity id = { 0 };

		for (int k = 0; k < 3 && who[i].header[k][0]; k++)
			identity_add(&id, who[i].header[k][0], who[i].header[k][1], who[i].called);
		if (id.found != (who[i].uri != NULL) || (who[i].uri && strcmp(id.uri, who[i].uri)) ||
		    strcmp(id.name, who[i].name) || id.anonymous != who[i].anonymous)
			fail_msg("row %zu: found=%d uri=\"%s\" name=\"%s\" anonymous=%d", i, id.found, id.uri,
				 id.name, id.anonymous);
	}
}

#define HI "History-Info"
#define DIV "Diversion"

static const struct {
	const char *header[3][2];
	const char *original, *diverted; /* 9000 was dialled */
} ways[] = {
	{ { { HI, "<sip:2001@p>;index=1, <sip:9000@b?Reason=SIP%3Bcause%3D302>;index=1.1" } }, "2001", "2001" },
	{ { { HI, "<sip:2001@p>;index=1,<sip:2002@p>;index=1.1,<sip:9000@b>;index=1.1.1" } }, "2001", "2002" },
	{ { { HI, "<sip:2001@p>;index=1" }, { HI, "<sip:2002@p>;index=1.1" }, { HI, "<sip:9000@b>" } },
	  "2001", "2002" },
	/* our own entry was not written */
	{ { { HI, "<sip:2001@p>;index=1" } }, "2001", "2001" },
	{ { { HI, "<sip:2001@p>;index=1,<sip:2002@p>;index=1.1" } }, "2001", "2002" },
	/* only sent to another place, by nobody */
	{ { { HI, "<sip:9000@p>;index=1, <sip:9000@gw>;index=1.1" } }, "", "" },
	{ { { HI, "<sip:2001@p>;index=1,<sip:2001@q>;index=1.1,<sip:9000@b>;index=1.1.1" } }, "2001", "2001" },
	{ { { DIV, "<sip:2002@p>;reason=busy, <tel:+2001>;reason=unconditional;counter=1" } }, "+2001", "2002" },
	{ { { DIV, "\"Q, R\" <sip:2002@p>" }, { DIV, "<sip:2001@p>" } }, "2001", "2002" },
	{ { { DIV, "<sip:1@p>" }, { HI, "<sip:2001@p>;index=1" } }, "2001", "2001" },
	{ { { DIV, "<sip:1@p>" }, { HI, "<sip:9000@p>;index=1" } }, "1", "1" },
	/* not to be read */
	{ { { HI, "<sip:h>;index=1" } }, "", "" },
	{ { { DIV, "<sip:a%0ab@p>" } }, "", "" },
	{ { { DIV, "unknown" } }, "", "" },
};

static void test_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct identity id = { 0 };

		for (int k = 0; k < 3 && ways[i].header[k][0]; k++)
			identity_add(&id, ways[i].header[k][0], ways[i].header[k][1], false);
		identity_finish(&id, "9000");
		if (strcmp(id.original, ways[i].original) || strcmp(id.diverted, ways[i].diverted))
			fail_msg("row %zu: original=\"%s\" diverted=\"%s\"", i, id.original, id.diverted);
	}
}

/* Too long a header is not looked at, too long a number is none, and of a hundred
 * entries the first count. */
static void test_limits(void **state)
{
	char *text = malloc(2 * IDENTITY_MAX_BYTES);
	struct identity id = { 0 };
	size_t n = 0;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', IDENTITY_MAX_BYTES);
	strcpy(text + IDENTITY_MAX_BYTES, "<sip:a@h>");
	identity_add(&id, PAI, text, false);
	assert_false(id.found);
	memset(text, 'a', 600);
	strcpy(text + 600, "@h");
	memcpy(text, "sip:", 4);
	identity_add(&id, PAI, text, false);
	assert_false(id.found);
	identity_add(&id, DIV, text, false);
	assert_int_equal(id.dropped, 3);
	for (int i = 0; i < 100; i++)
		n += (size_t)sprintf(text + n, "<sip:%d@h>,", 1000 + i);
	identity_add(&id, HI, text, false);
	identity_finish(&id, "9000");
	assert_string_equal(id.original, "1000");
	assert_string_equal(id.diverted, "1063");
	assert_int_equal(id.dropped, 3 + 36);
	/* A name is cut, not left out. */
	n = (size_t)sprintf(text, "\"");
	memset(text + n, 'x', 3000);
	strcpy(text + n + 3000, "\" <sip:a@h>");
	identity_add(&id, PAI, text, false);
	assert_true(id.found);
	assert_int_equal(strlen(id.name), sizeof(id.name) - 1);
	free(text);
}

#define U1 "ab30317f1a784dc48ff824d0d3715d86"
#define U2 "47755a9de7794ba387653f2099600ef2"

static void test_session_id(void **state)
{
	static const struct { const char *value, *own, *other; } row[] = {
		{ U1 ";remote=" U2, U1, U2 }, { U1, U1, "" }, { " " U1 " ; x=y; remote = " U2, U1, U2 },
		{ "AB30317F1A784DC48FF824D0D3715D86", U1, "" }, { "", NULL, "" }, { "ab30", NULL, "" },
		{ U1 "0", NULL, "" }, { U1 ";remote=zz", NULL, "" }, { "xb30317f1a784dc48ff824d0d3715d86", NULL, "" },
	};
	char own[33], other[33];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(session_id_parse(row[i].value, own, other), row[i].own != NULL);
		assert_string_equal(own, row[i].own ? row[i].own : "");
		assert_string_equal(other, row[i].other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_session_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
