/* SPDX-License-Identifier: GPL-3.0-or-later
 * `balai`: words to arguments, and results to what a terminal may be shown. */
#include "tests/unit/cmocka_head.h"

#include "admin/cli.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ------------------------------------------------------------------------------ */

struct words {
	const char *words[8];
	const char *command, *args; /* NULL: an error that holds … */
	const char *error;          /* … this */
	bool json;
};

static const struct words word_table[] = {
	{ { "conferences" }, "conferences", "{}", NULL, false },
	{ { "conferences", "--json" }, "conferences", "{}", NULL, true },
	{ { "mute", "3" }, "mute", "{\"participant\":3}", NULL, false },
	{ { "mute", "--participant", "3" }, "mute", "{\"participant\":3}", NULL, false },
	{ { "mute", "--participant=3" }, "mute", "{\"participant\":3}", NULL, false },
	{ { "mute", "--json", "3", "--video" }, "mute", "{\"participant\":3,\"video\":true}", NULL,
	  true },
	{ { "mute", "-1" }, "mute", "{\"participant\":-1}", NULL, false },
	{ { "dialplan", "test", "100" }, "dialplan test", "{\"number\":\"100\"}", NULL, false },
	{ { "dialplan test", "100" }, "dialplan test", "{\"number\":\"100\"}", NULL, false },
	{ { "dialplan", "test", "100", "--caller", "a@b", "--transport", "tls" }, "dialplan test",
	  "{\"number\":\"100\",\"caller\":\"a@b\",\"transport\":\"tls\"}", NULL, false },
	{ { "dialplan", "test", "100", "a@b" }, "dialplan test",
	  "{\"number\":\"100\",\"caller\":\"a@b\"}", NULL, false },
	{ { "dialplan", "test", "--", "--json" }, "dialplan test", "{\"number\":\"--json\"}", NULL,
	  false },
	{ { "dialplan", "test", "" }, "dialplan test", "{\"number\":\"\"}", NULL, false },
	{ { "dialplan", "test", "100", "--caller=" }, "dialplan test",
	  "{\"number\":\"100\",\"caller\":\"\"}", NULL, false },
	{ { "trace", "0a1b", "--pcap", "x.pcap", "--seconds=5" }, "trace",
	  "{\"call\":\"0a1b\",\"pcap\":\"x.pcap\",\"seconds\":5}", NULL, false },
	{ { "layout", "2001", "1+5", "7" }, "layout",
	  "{\"conference\":\"2001\",\"layout\":\"1+5\",\"participant\":7}", NULL, false },
	{ { "layout", "--participant", "7", "2001", "1+5" }, "layout",
	  "{\"conference\":\"2001\",\"layout\":\"1+5\",\"participant\":7}", NULL, false },

	{ { NULL }, NULL, NULL, "Which command?", false },
	{ { "" }, NULL, NULL, "No command \"\"; `balai help`", false },
	{ { "dialplan" }, NULL, NULL, "No command \"dialplan\"", false },
	{ { "nonsense" }, NULL, NULL, "No command \"nonsense\"; `balai help`", false },
	{ { "conferences", "x" }, NULL, NULL, "\"x\" is one word too many", false },
	{ { "mute" }, NULL, NULL, "mute needs participant", false },
	{ { "mute", "x" }, NULL, NULL, "participant must be a number, not \"x\"", false },
	{ { "mute", "3x" }, NULL, NULL, "not \"3x\"", false },
	{ { "mute", " 3" }, NULL, NULL, "not \" 3\"", false },
	{ { "mute", "" }, NULL, NULL, "not \"\"", false },
	{ { "mute", "99999999999999999999" }, NULL, NULL, "must be a number", false },
	{ { "mute", "3", "4" }, NULL, NULL, "\"4\" is one word too many", false },
	{ { "mute", "3", "--participant", "4" }, NULL, NULL, "participant is given twice", false },
	{ { "mute", "3", "--participant" }, NULL, NULL, "--participant needs a value", false },
	{ { "mute", "3", "--video=yes" }, NULL, NULL, "--video takes no value", false },
	{ { "mute", "3", "--vid" }, NULL, NULL, "mute takes no --vid; see `balai help mute`", false },
	{ { "mute", "3", "--videos=1" }, NULL, NULL, "mute takes no --videos;", false },
	{ { "mute", "3", "--" "=" }, NULL, NULL, "mute takes no --;", false },
	{ { "dialplan", "test", "\xff" }, NULL, NULL, "number is not UTF-8", false },
};

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(word_table) / sizeof(word_table[0]); i++) {
		const struct words *t = &word_table[i];
		const struct command *command = NULL;
		json_t *args = NULL;
		char error[256] = "";
		bool json = false;
		int argc = 0, err;

		while (argc < 8 && t->words[argc])
			argc++;
		err = cli_parse(&command, &args, &json, argc, (char *const *)(uintptr_t)t->words,
				error, sizeof(error));
		if (t->error) {
			assert_int_equal(err, -EINVAL);
			assert_null(args);
			assert_null(command);
			if (!strstr(error, t->error))
				fail_msg("\"%s\" holds no \"%s\"", error, t->error);
			continue;
		}
		if (err)
			fail_msg("row %zu: %s", i, error);
		char *text = json_dumps(args, JSON_COMPACT | JSON_PRESERVE_ORDER);
		json_t *want = json_loads(t->args, 0, NULL);

		if (strcmp(command->name, t->command) || !json_equal(args, want))
			fail_msg("row %zu: %s %s", i, command->name, text);
		assert_int_equal(json, t->json);
		free(text);
		json_decref(want);
		json_decref(args);
	}
}

/* ---- printing --------------------------------------------------------------------------- */

static char *print(const char *command, const char *json)
{
	json_t *result = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(result);
	assert_non_null(f);
	cli_print(f, command ? command_find(command) : NULL, result);
	fclose(f);
	json_decref(result);
	return text;
}

static void expect(const char *command, const char *json, const char *want)
{
	char *got = print(command, json);

	assert_string_equal(got, want);
	free(got);
}

static void test_tables(void **state)
{
	(void)state;
	expect(NULL, "[]", "None.\n");
	expect(NULL, "[{\"id\": 1, \"name\": \"a\"}, {\"id\": 12, \"name\": \"bob\"}]",
	       "id  name\n1   a\n12  bob\n");
	expect(NULL, "[{\"on\": true, \"level\": -3.25, \"none\": null, \"text\": \"\"}]",
	       "on   level  none  text\nyes  -3.2   -     -\n");
	/* nested values have no column when the command names none */
	expect(NULL, "[{\"id\": 1, \"in\": {\"a\": 1}, \"list\": [1]}]", "id\n1\n");
	/* columns of the command, in its order, missing ones too */
	expect("conferences", "[{\"name\": \"Hall\", \"number\": \"2001\"}]",
	       "number  name  participants  layout  views  speaker  presenter  seconds\n"
	       "2001    Hall  -             -       -      -        -          -\n");
	expect(NULL, "{\"calls\": 2, \"wire\": {\"rx\": 5}, \"text\": \"one\"}",
	       "calls              2\nwire\n  rx                 5\ntext               one\n");
	expect(NULL, "{\"text\": \"one\\r\\ntwo\"}", "one\ntwo\n");
}

/* Names that would move the cursor, reverse the line or hide, as JSON can carry
 * them, and what is shown. */
static const struct {
	const char *in, *out;
} hostile[] = {
	{ "\\u001b[2J", "?[2J" },
	{ "a\\nb\\tc", "a?b?c" },
	{ "\\u007f", "?" },
	{ "\\u009b31m", "?31m" },                 /* CSI of the second control set */
	{ "\\u202egnp.exe", "?gnp.exe" },         /* right to left from here */
	{ "\\u2066x\\u2069", "?x?" },
	{ "\\u200b\\ufeff", "??" },
	{ "\\u2028", "?" },
	{ "M\\u00fcller", "M\xc3\xbcller" },
	{ "\\u4f1a\\u8b70", "\xe4\xbc\x9a\xe8\xad\xb0" },
	{ "\\ud83d\\ude00", "\xf0\x9f\x98\x80" },
};

static void test_hostile(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		char json[128], want[128];

		snprintf(json, sizeof(json), "[{\"name\": \"%s\"}]", hostile[i].in);
		snprintf(want, sizeof(want), "name\n%s\n", hostile[i].out);
		expect(NULL, json, want);
	}
	/* a text of lines keeps its lines, and nothing else */
	expect(NULL, "{\"text\": \"a\\u001b[1m\\nb\\u202e\\tc\\n\"}", "a?[1m\nb?\tc\n");
}

static void test_wide(void **state)
{
	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	/* two columns each, one, and none: what follows stands in line */
	expect(NULL,
	       "[{\"n\": \"\\u4f1a\\u8b70\", \"i\": 1}, {\"n\": \"M\\u00fc\", \"i\": 2},"
	       " {\"n\": \"e\\u0301\", \"i\": 3}]",
	       "n     i\n\xe4\xbc\x9a\xe8\xad\xb0  1\nM\xc3\xbc    2\ne\xcc\x81     3\n");
}

static void test_long(void **state)
{
	char json[4200], *got;
	size_t n = 0;

	(void)state;
	/* cut at 60 columns, between characters */
	n += (size_t)snprintf(json, sizeof(json), "[{\"n\": \"");
	for (int i = 0; i < 500; i++)
		n += (size_t)snprintf(json + n, sizeof(json) - n, "\xe4\xbc\x9a");
	snprintf(json + n, sizeof(json) - n, "\", \"i\": 1}]");
	setlocale(LC_CTYPE, "C.UTF-8");
	got = print(NULL, json);
	/* 29 of two columns and the dots make 59 */
	for (n = 0; n < 29; n++)
		assert_memory_equal(strchr(got, '\n') + 1 + 3 * n, "\xe4\xbc\x9a", 3);
	assert_string_equal(strchr(got, '\n') + 1 + 3 * n, "\xe2\x80\xa6  1\n");
	free(got);
	/* a row of exactly 60 stays */
	snprintf(json, sizeof(json), "[{\"n\": \"%060d\", \"i\": 1}]", 7);
	got = print(NULL, json);
	assert_null(strstr(got, "\xe2\x80\xa6"));
	free(got);
	snprintf(json, sizeof(json), "[{\"n\": \"%061d\", \"i\": 1}]", 7);
	got = print(NULL, json);
	assert_non_null(strstr(got, "00\xe2\x80\xa6  1\n"));
	free(got);
}

/* ---- help ---------------------------------------------------------------------------------- */

static void test_help(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	cli_help(f, NULL);
	fflush(f);
	for (const struct command *c = command_table; c->name; c++) {
		char line[96];

		snprintf(line, sizeof(line), "  balai %s", c->name);
		assert_non_null(strstr(text, line));
		assert_non_null(strstr(text, c->help));
	}
	fclose(f);
	free(text);
	text = NULL;
	f = open_memstream(&text, &size);
	cli_help(f, command_find("mute"));
	fclose(f);
	assert_non_null(strstr(text, "balai mute PARTICIPANT [--video] [--speaker]"));
	assert_non_null(strstr(text, "hide the picture"));
	free(text);
}

/* Whatever the table says can be typed: names are words, required ones first. */
static void test_table_is_sound(void **state)
{
	(void)state;
	for (const struct command *c = command_table; c->name; c++) {
		bool optional = false;

		assert_ptr_equal(command_find(c->name), c);
		assert_non_null(c->run);
		for (const struct command_arg *a = c->arg;
		     a < c->arg + COMMAND_MAX_ARGS && a->name; a++) {
			assert_string_not_equal(a->name, "json");
			assert_int_equal(strspn(a->name, "abcdefghijklmnopqrstuvwxyz-"),
					 strlen(a->name));
			assert_non_null(a->help);
			assert_false(a->required && optional);
			optional |= !a->required;
		}
	}
}

static void test_nobody_there(void **state)
{
	char error[512] = "", path[200];
	json_t *args = json_object(), *result = NULL;

	(void)state;
	assert_int_equal(cli_ask("/nonexistent/control", command_find("stats"), args, &result, error,
				 sizeof(error)), -ENOTCONN);
	assert_non_null(strstr(error, "/nonexistent/control"));
	assert_non_null(strstr(error, "is it running?"));
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(cli_ask(path, command_find("stats"), args, &result, error,
				 sizeof(error)), -ENOTCONN);
	assert_non_null(strstr(error, "too long"));
	assert_null(result);
	json_decref(args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words), cmocka_unit_test(test_tables),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_wide),
		cmocka_unit_test(test_long), cmocka_unit_test(test_help),
		cmocka_unit_test(test_table_is_sound), cmocka_unit_test(test_nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
