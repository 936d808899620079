/* SPDX-License-Identifier: GPL-3.0-or-later
 * Replaces, and the fragments that report a transfer. */
#include "tests/unit/cmocka_head.h"

#include "sip/refer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct { const char *value, *call_id, *to, *from; bool early; } rows[] = {
	{ "425928@bobster.example.org;to-tag=7743;from-tag=6472", "425928@bobster.example.org", "7743", "6472",
	  false },
	{ " x ; from-tag=f ;to-tag= t ;early-only", "x", "t", "f", true },
	{ "x;to-tag=t;from-tag=f;other=1;Early-Only", "x", "t", "f", true },
	{ "x;to-tag=t", NULL, "", "", false },
	{ "x;from-tag=t", NULL, "", "", false },
	{ "x", NULL, "", "", false }, { "", NULL, "", "", false },
	{ ";to-tag=t;from-tag=f", NULL, "", "", false },
	{ "x;to-tag=;from-tag=f", NULL, "", "", false },
	{ "x;to-tag=t;to-tag=u;from-tag=f", NULL, "", "", false },
	{ "x;to-tag=t u;from-tag=f", NULL, "", "", false },
	{ "x\r\nVia: y;to-tag=t;from-tag=f", NULL, "", "", false },
	{ "x;to-tag=\"t\";from-tag=f", NULL, "", "", false },
};

static void test_replaces(void **state)
{
	struct replaces r, again;
	char text[3 * REPLACES_TEXT], small[8];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = replaces_parse(&r, rows[i].value, strlen(rows[i].value));

		if (err != (rows[i].call_id ? 0 : -EBADMSG))
			fail_msg("row %zu: %d", i, err);
		if (err)
			continue;
		assert_string_equal(r.call_id, rows[i].call_id);
		assert_string_equal(r.to_tag, rows[i].to);
		assert_string_equal(r.from_tag, rows[i].from);
		assert_int_equal(r.early_only, rows[i].early);
		assert_int_equal(replaces_write(&r, text, sizeof(text)), 0);
		assert_int_equal(replaces_parse(&again, text, strlen(text)), 0);
		assert_memory_equal(&r, &again, sizeof(r));
		assert_int_equal(replaces_write(&r, small, sizeof(small)), -ENOSPC);
	}
}

/* One letter too many is refused, not cut: a shorter tag may be another's. */
static void test_long(void **state)
{
	char text[2 * REPLACES_TEXT] = "x;from-tag=f;to-tag=";
	struct replaces r;
	size_t n = strlen(text);

	(void)state;
	memset(text + n, 'a', REPLACES_TEXT - 1);
	assert_int_equal(replaces_parse(&r, text, n + REPLACES_TEXT - 1), 0);
	text[n + REPLACES_TEXT - 1] = 'a';
	assert_int_equal(replaces_parse(&r, text, n + REPLACES_TEXT), -EBADMSG);
}

static void test_uri(void **state)
{
	static const struct { const char *headers; int err; const char *call_id; } row[] = {
		{ "Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2", 0, "a@b" },
		{ "Subject=x&replaces=a%3Bto-tag=1%3Bfrom-tag=2&y=z", 0, "a" },
		{ "Subject=x", -ENOENT, NULL }, { "", -ENOENT, NULL },
		{ "Replaces=a%4", -EBADMSG, NULL }, { "Replaces=a%zz", -EBADMSG, NULL },
		{ "Replaces=", -EBADMSG, NULL },
		{ "Replaces=a%3Bto-tag=1%3Bfrom-tag=2&Replaces=a%3Bto-tag=1%3Bfrom-tag=2", -EBADMSG, NULL },
		{ "Replaces=a%0d%0aX: y%3Bto-tag=1%3Bfrom-tag=2", -EBADMSG, NULL },
		{ "Replaces=a%00%3Bto-tag=1%3Bfrom-tag=2", -EBADMSG, NULL },
	};
	struct replaces r;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(replaces_of_uri(&r, row[i].headers, strlen(row[i].headers)), row[i].err);
		if (!row[i].err)
			assert_string_equal(r.call_id, row[i].call_id);
	}
}

static void test_sipfrag(void **state)
{
	static const struct { const char *body; int status; const char *reason; } row[] = {
		{ "SIP/2.0 200 OK\r\n", 200, "OK" }, { "SIP/2.0 100 Trying", 100, "Trying" },
		{ "SIP/2.0 603 Nein \xc3\xa4\nTo: x\r\n", 603, "Nein ??" }, { "SIP/2.0 486\r\n", 486, "" },
		{ "", -EBADMSG, "" }, { "SIP/2.0", -EBADMSG, "" }, { "SIP/2.0 99 x", -EBADMSG, "" },
		{ "SIP/2.0 700 x", -EBADMSG, "" }, { "SIP/3.0 200 OK", -EBADMSG, "" },
		{ "INVITE sip:a@b SIP/2.0", -EBADMSG, "" }, { "SIP/2.0 2000 x", -EBADMSG, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char reason[20] = "";

		assert_int_equal(sipfrag_status(row[i].body, strlen(row[i].body), reason, sizeof(reason)),
				 row[i].status);
		assert_string_equal(reason, row[i].reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_uri),
		cmocka_unit_test(test_sipfrag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
