/* SPDX-License-Identifier: GPL-3.0-or-later
 * a=crypto lines as devices write them, and as nobody should. */
#include "tests/unit/cmocka_head.h"

#include "rtp/srtp_key.h"

#include <errno.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
/* 30, 46, 38, 28 and 44 bytes */
#define KEY30 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
#define KEY46 KEY30 "Hh8gISIjJCUmJygpKissLQ=="
#define KEY46_BARE KEY30 "Hh8gISIjJCUmJygpKissLQ"
#define KEY38 KEY30 "Hh8gISIjJCU="
#define KEY28 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="
#define KEY44 KEY30 "Hh8gISIjJCUmJygpKis="
#define CM80 "AES_CM_128_HMAC_SHA1_80 "
#define CM32 "AES_CM_128_HMAC_SHA1_32 "

static const struct {
	const char *line;
	int result;
	uint32_t tag;
	enum srtp_suite suite;
	uint64_t lifetime;
	unsigned mki_len, mki_last;
	bool usable;
} row[] = {
	/* what devices write */
	{ "1 " CM80 "inline:" KEY30, 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0, 0, true },
	{ "1 " CM80 "inline:" KEY30 "\r\n", 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0, 0, true },
	{ "0 " CM80 "inline:" KEY30 "|2^48", 0, 0, SRTP_AES_CM_128_HMAC_SHA1_80, 1ull << 48, 0, 0, true },
	{ "2 " CM80 "inline:" KEY30 "|2^48 UNENCRYPTED_SRTCP", 0, 2, SRTP_AES_CM_128_HMAC_SHA1_80,
	  1ull << 48, 0, 0, false },
	{ "3 " CM32 "inline:" KEY30 "|2^20", 0, 3, SRTP_AES_CM_128_HMAC_SHA1_32, 1 << 20, 0, 0, true },
	{ "1 " CM80 "inline:" KEY30 "|2^20|1:4", 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 1 << 20, 4, 1, true },
	{ "1 " CM80 "inline:" KEY30 "|1:4", 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 4, 1, true },
	{ "1 " CM80 "inline:" KEY30 "|18:2;inline:" KEY30 "|21|3:4", 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 2, 18, true },
	{ "1 AES_CM_256_HMAC_SHA1_80 inline:" KEY46_BARE, 0, 1, SRTP_AES_256_CM_HMAC_SHA1_80, 0, 0, 0, true },
	{ "1 AES_256_CM_HMAC_SHA1_80 inline:" KEY46, 0, 1, SRTP_AES_256_CM_HMAC_SHA1_80, 0, 0, 0, true },
	{ "1 AES_192_CM_HMAC_SHA1_32 inline:" KEY38, 0, 1, SRTP_AES_192_CM_HMAC_SHA1_32, 0, 0, 0, true },
	{ "7 AEAD_AES_128_GCM inline:" KEY28, 0, 7, SRTP_AEAD_AES_128_GCM, 0, 0, 0, true },
	{ "8 AEAD_AES_256_GCM inline:" KEY44, 0, 8, SRTP_AEAD_AES_256_GCM, 0, 0, 0, true },
	{ "1 " CM80 "inline:" KEY30 "  WSH=60", 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0, 0, true },
	{ "1 " CM80 "inline:" KEY30 " -X-MINE=1", 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0, 0, true },
	{ "1\t" CM80 "\tinline:" KEY30, 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0, 0, true },
	{ "999999999 " CM80 "inline:" KEY30, 0, 999999999, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0, 0, true },
	{ "1 aes_cm_128_hmac_sha1_80 INLINE:" KEY30 " wsh=60", 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0, 0, true },
	/* well-formed, but not to be done */
	{ "1 " CM80 "inline:" KEY30 "|2:18 KDR=23 FEC_ORDER=SRTP_FEC UNENCRYPTED_SRTP", 0, 1,
	  SRTP_AES_CM_128_HMAC_SHA1_80, 0, 18, 2, false },
	{ "1 " CM80 "inline:" KEY30 " FEC_ORDER=FEC_SRTP", 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 " FEC_KEY=inline:" KEY30 "|2^20|2:4 WSH=60", 0, 1,
	  SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 " KDR=1", 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 " UNAUTHENTICATED_SRTP", 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 " SOMETHING_NEW", 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|21", 0, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 21, 0, 0, false },
	{ "1 F8_128_HMAC_SHA1_80 inline:" KEY30 "|2^20|1:4;inline:" KEY30 "|2^20|2:4 FEC_ORDER=FEC_SRTP",
	  -ENOTSUP, 1, SRTP_SUITE_NONE, 0, 0, 0, false },
	{ "5 AES_CM_128_HMAC_SHA1_81 inline:zzz", -ENOTSUP, 5, SRTP_SUITE_NONE, 0, 0, 0, false },
	{ "6 " CM80 "other:zzz", -ENOTSUP, 6, SRTP_SUITE_NONE, 0, 0, 0, false },
	/* malformed */
	{ "", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80, -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "x " CM80 "inline:" KEY30, -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "-1 " CM80 "inline:" KEY30, -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1000000000 " CM80 "inline:" KEY30, -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 KEY30, -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY28, -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY46, -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "AA", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGx*d", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:AAECAwQFBgcICQoLDA0O=xAREhMUFRYXGBkaGxwd", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|2^", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|2^64", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|0", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|2^20|2^20", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|2^20|", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|2^20|1", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|1:", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|:4", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|1:0", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|1:129", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|256:1", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|x:4", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|1:4|2^20", -EBADMSG, 0, 0, 0, 0, 0, false },
	{ "1 " CM80 "inline:" KEY30 "|1:4|1:4", -EBADMSG, 0, 0, 0, 0, 0, false },
};

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct sdes_line l = { .tag = 4711 };
		int r = sdes_parse(&l, row[i].line, strlen(row[i].line));

		if (r != row[i].result)
			fail_msg("%s: %d", row[i].line, r);
		if (r == -EBADMSG) {
			assert_int_equal(l.tag, 4711);
			continue;
		}
		assert_int_equal(l.tag, row[i].tag);
		assert_int_equal(l.key.suite, row[i].suite);
		if (sdes_usable(&l) != row[i].usable)
			fail_msg("%s: usable %d", row[i].line, sdes_usable(&l));
		if (r)
			continue;
		assert_true(l.lifetime == row[i].lifetime);
		assert_int_equal(l.key.mki_len, row[i].mki_len);
		if (l.key.mki_len)
			assert_int_equal(l.key.mki[l.key.mki_len - 1], row[i].mki_last);
		for (size_t k = 0; k < srtp_suite_key_len(l.key.suite); k++)
			assert_int_equal(l.key.key[k], k);
	}
}

/* No length is looked beyond: a line cut off anywhere, in memory of that size. */
static void test_cut_off(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(row); i++)
		for (size_t n = 0; n < strlen(row[i].line); n++) {
			char *copy = test_malloc(n + 1);
			struct sdes_line l;

			memcpy(copy, row[i].line, n);
			copy[n] = ':';
			(void)sdes_parse(&l, copy, n);
			test_free(copy);
		}
}

static void test_written_as_read(void **state)
{
	static const char *const lines[] = {
		"1 " CM80 "inline:" KEY30,
		"0 " CM32 "inline:" KEY30 "|2^48",
		"4 " CM80 "inline:" KEY30 "|2^48 UNENCRYPTED_SRTCP",
		"1 " CM80 "inline:" KEY30 "|2^20|1:4",
		"1 " CM80 "inline:" KEY30 "|21|0:1",
		"1 " CM80 "inline:" KEY30 "|1234567890123456789012345678901234567890:17",
		"1 " CM80 "inline:" KEY30 "|1:128 UNENCRYPTED_SRTP UNENCRYPTED_SRTCP UNAUTHENTICATED_SRTP",
		"1 AES_CM_256_HMAC_SHA1_80 inline:" KEY46, "1 AES_256_CM_HMAC_SHA1_80 inline:" KEY46,
		"1 AES_CM_192_HMAC_SHA1_32 inline:" KEY38, "1 AES_192_CM_HMAC_SHA1_80 inline:" KEY38,
		"7 AEAD_AES_128_GCM inline:" KEY28, "8 AEAD_AES_256_GCM inline:" KEY44,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct sdes_line l;
		char out[512];
		int len = (int)strlen(lines[i]);

		assert_int_equal(sdes_parse(&l, lines[i], strlen(lines[i])), 0);
		assert_int_equal(sdes_write(&l, out, sizeof out), len);
		assert_string_equal(out, lines[i]);
		for (size_t cap = 0; cap <= (size_t)len; cap++)
			assert_int_equal(sdes_write(&l, out, cap), -ENOSPC);
		assert_int_equal(sdes_write(&l, out, (size_t)len + 1), len);
	}
	struct sdes_line none = { .tag = 1 };
	char out[64];

	assert_int_equal(sdes_write(&none, out, sizeof out), -EINVAL);
}

static void test_suites(void **state)
{
	static const size_t lens[SRTP_SUITE_COUNT] = { 0, 30, 30, 38, 38, 46, 46, 28, 44 };
	struct srtp_key a, b;

	(void)state;
	for (int i = 0; i < SRTP_SUITE_COUNT; i++) {
		enum srtp_suite s = (enum srtp_suite)i;
		const char *name = srtp_suite_name(s);

		assert_int_equal(srtp_suite_key_len(s), lens[i]);
		if (!i)
			continue;
		assert_int_equal(srtp_suite_by_name(name, strlen(name)), s);
		assert_int_equal(srtp_suite_by_name(name, strlen(name) - 1), SRTP_SUITE_NONE);
		assert_int_equal(srtp_key_random(&a, s), 0);
		assert_int_equal(srtp_key_random(&b, s), 0);
		assert_int_equal(a.suite, s);
		assert_memory_not_equal(a.key, b.key, lens[i]);
	}
	assert_int_equal(srtp_key_random(&a, SRTP_SUITE_NONE), -EINVAL);
	assert_int_equal(srtp_suite_key_len((enum srtp_suite)99), 0);
	assert_non_null(srtp_suite_name((enum srtp_suite)99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_written_as_read), cmocka_unit_test(test_suites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
