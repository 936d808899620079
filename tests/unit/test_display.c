/* SPDX-License-Identifier: GPL-3.0-or-later
 * Strangers' texts made safe to show. */
#include "base/display.h"
#include "tests/unit/cmocka_head.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RLO "\xe2\x80\xae"
#define LRI "\xe2\x81\xa6"
#define PDI "\xe2\x81\xa9"
#define DOTS "\xe2\x80\xa6"
#define BAD "\xef\xbf\xbd"
#define ACUTE "\xcc\x81"
#define E_ACUTE ("e" ACUTE)

static const struct {
	const char *in, *out;
	unsigned max;
} rows[] = {
	{ "", "", 64 },
	{ "Ada Lovelace", "Ada Lovelace", 64 },
	{ "  Ada\t\r\n  Lovelace  ", "Ada Lovelace", 64 },
	{ "Ada\xc2\xa0\xe3\x80\x80Lovelace", "Ada Lovelace", 64 },
	{ "line\xe2\x80\xa8two", "line two", 64 },
	{ "be\x07ll\x1b[31m", "bell[31m", 64 },
	{ "\xc2\x80\xc2\x9f" "C1", "C1", 64 },
	{ "\xc2\x85NEL", "NEL", 64 },
	/* scripts */
	{ "محمد علی", "محمد علی", 64 },
	{ "王小明", "王小明", 64 },
	{ "ꦱꦫꦱ꧀ꦮꦠꦶ", "ꦱꦫꦱ꧀ꦮꦠꦶ", 64 },
	{ "می\xe2\x80\x8cخواهم", "می\xe2\x80\x8cخواهم", 64 },
	{ "Ame" ACUTE "lie", "Ame" ACUTE "lie", 64 },
	{ "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac", 64 },
	/* direction */
	{ "Bob" RLO "gnp.exe", "Bobgnp.exe", 64 },
	{ LRI "Bob" PDI "\xe2\x80\x8f", "Bob", 64 },
	{ "\xd8\x9c\xe2\x80\x8e", "", 64 },
	/* invisible */
	{ "a\xe2\x80\x8b\xef\xbb\xbf\xc2\xad" "b", "ab", 64 },
	{ "x\xf3\xa0\x81\x81y", "xy", 64 },
	{ "\xe2\xa0\x80\xe3\x85\xa4", "", 64 },
	{ "p\xee\x80\x80q\xef\xbf\xbf", "pq", 64 },
	/* not UTF-8: Latin-1, overlong, surrogate, beyond, cut off */
	{ "M\xfcller", "M" BAD "ller", 64 },
	{ "\xc0\xaf/", BAD "/", 64 },
	{ "\xe0\x80\xaf", BAD, 64 },
	{ "\xed\xa0\x80z", BAD "z", 64 },
	{ "\xf4\x90\x80\x80", BAD, 64 },
	{ "\xf8\x88\x80\x80\x80", BAD, 64 },
	{ "end\xe7\x8e", "end" BAD, 64 },
	/* length */
	{ "abcde", "abcde", 5 },
	{ "abcde  ", "abcde", 5 },
	{ "abcdef", "abcd" DOTS, 5 },
	{ "ab cdef", "ab c" DOTS, 5 },
	{ "abc def", "abc" DOTS, 4 },
	{ "e" ACUTE "e" ACUTE "e" ACUTE, "e" ACUTE "e" ACUTE "e" ACUTE, 3 },
	{ "e" ACUTE "e" ACUTE "e" ACUTE, "e" ACUTE DOTS, 2 },
	{ "ab", DOTS, 1 },
	/* heaps of marks, and marks on nothing */
	{ "Z" ACUTE ACUTE ACUTE ACUTE ACUTE ACUTE "o", "Z" ACUTE ACUTE ACUTE ACUTE "o", 64 },
	{ ACUTE "a " ACUTE "b", "a b", 64 },
};

static void test_table(void **state)
{
	char buf[256], again[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = display_text(buf, sizeof(buf), rows[i].in, strlen(rows[i].in), rows[i].max);

		assert_string_equal(buf, rows[i].out);
		assert_int_equal(n, strlen(buf));
		display_text(again, sizeof(again), buf, n, rows[i].max);
		assert_string_equal(again, buf);
	}
}

/* A NUL inside, and ten thousand bytes of one kind or another. */
static void test_long(void **state)
{
	static const char *const parts[] = { "x", "王", ACUTE, E_ACUTE, " ", RLO, "\xff", "a b", "\x01" };
	char *text = malloc(10240), buf[128];

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t n = 0, len = strlen(parts[i]);

		while (n + len <= 10240) {
			memcpy(text + n, parts[i], len);
			n += len;
		}
		for (size_t cap = 8; cap <= sizeof(buf); cap++) {
			len = display_text(buf, cap, text, n, DISPLAY_MAX);
			assert_true(len < cap && len == strlen(buf));
			assert_true(display_is_utf8(buf, len));
		}
	}
	assert_int_equal(display_text(buf, sizeof(buf), "a\0b", 3, DISPLAY_MAX), 2);
	assert_string_equal(buf, "ab");
	free(text);
}

/* Whatever the bytes: valid, short enough, nothing of what must not be there,
 * and nothing more to do the second time. */
static void test_noise(void **state)
{
	uint32_t seed = 20101;
	char in[200], buf[100], again[100];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n, len;

		for (size_t i = 0; i < sizeof(in); i++) {
			seed = seed * 1664525 + 1013904223;
			/* Half of it from the ranges where the controls stand. */
			in[i] = seed >> 31 ? (char)(seed >> 16) : "\xe2\x80\x81\xae\xcc \xf0\x9f"[seed >> 20 & 7];
		}
		n = seed >> 8 & 127;
		len = display_text(buf, sizeof(buf), in, n, 20);
		assert_true(display_is_utf8(buf, len) && len == strlen(buf));
		for (size_t i = 0; i < len; i++)
			assert_true((unsigned char)buf[i] >= ' ' && buf[i] != 0x7f);
		assert_null(strstr(buf, RLO));
		assert_int_equal(display_text(again, sizeof(again), buf, len, 20), len);
		assert_string_equal(again, buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
