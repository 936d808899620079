/* SPDX-License-Identifier: GPL-3.0-or-later
 * STUN: the vectors of RFC 5769, malformed messages, the answers of ICE-lite. */
#include "tests/unit/cmocka_head.h"

#include "rtp/stun.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define ID 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae

static const char vector_password[] = "VOkJxbRl1RmTxUk/WvJxBt";
static const uint8_t vector_id[12] = { ID };

/* RFC 5769 2.1 */
static const uint8_t request[] = {
	0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, ID,
	0x80, 0x22, 0x00, 0x10, 'S', 'T', 'U', 'N', ' ', 't', 'e', 's', 't', ' ', 'c', 'l', 'i', 'e', 'n', 't',
	0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
	0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36,
	0x00, 0x06, 0x00, 0x09, 'e', 'v', 't', 'j', ':', 'h', '6', 'v', 'Y', 0x20, 0x20, 0x20,
	0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5,
	0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2,
	0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
};
/* 2.2 */
static const uint8_t response_v4[] = {
	0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, ID,
	0x80, 0x22, 0x00, 0x0b, 't', 'e', 's', 't', ' ', 'v', 'e', 'c', 't', 'o', 'r', 0x20,
	0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
	0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9,
	0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7,
	0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96,
};
/* 2.3 */
static const uint8_t response_v6[] = {
	0x01, 0x01, 0x00, 0x48, 0x21, 0x12, 0xa4, 0x42, ID,
	0x80, 0x22, 0x00, 0x0b, 't', 'e', 's', 't', ' ', 'v', 'e', 'c', 't', 'o', 'r', 0x20,
	0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79,
	0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
	0x00, 0x08, 0x00, 0x14, 0xa3, 0x82, 0x95, 0x4e, 0x4b, 0xe6, 0x7b, 0xf1, 0x17, 0x84, 0xc9, 0x7c,
	0x82, 0x92, 0xc2, 0x75, 0xbf, 0xe3, 0xed, 0x41,
	0x80, 0x28, 0x00, 0x04, 0xc8, 0xfb, 0x0b, 0x4c,
};

static bool verify(const struct stun_msg *m)
{
	return stun_verify(m, vector_password, strlen(vector_password));
}

static void test_vectors(void **state)
{
	struct stun_msg m;
	char text[64];

	(void)state;
	assert_int_equal(stun_parse(&m, request, sizeof request), 0);
	assert_int_equal(m.class, STUN_REQUEST);
	assert_int_equal(m.method, STUN_BINDING);
	assert_memory_equal(m.id, vector_id, 12);
	assert_int_equal(m.username_len, 9);
	assert_memory_equal(m.username, "evtj:h6vY", 9);
	assert_true(m.has_priority && m.controlled && !m.controlling && !m.use_candidate);
	assert_int_equal(m.priority, 0x6e0001ff);
	assert_true(m.tie_breaker == 0x932ff9b151263b36u);
	assert_true(m.has_fingerprint);
	assert_true(verify(&m));
	assert_false(stun_verify(&m, "other", 5));
	assert_int_equal(m.n_unknown, 0);

	assert_int_equal(stun_parse(&m, response_v4, sizeof response_v4), 0);
	assert_int_equal(m.class, STUN_SUCCESS);
	assert_true(verify(&m));
	struct sockaddr_in *v4 = (struct sockaddr_in *)&m.mapped;

	assert_int_equal(v4->sin_family, AF_INET);
	assert_int_equal(ntohs(v4->sin_port), 32853);
	assert_string_equal(inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text), "192.0.2.1");

	assert_int_equal(stun_parse(&m, response_v6, sizeof response_v6), 0);
	assert_true(verify(&m));
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&m.mapped;

	assert_int_equal(v6->sin6_family, AF_INET6);
	assert_int_equal(ntohs(v6->sin6_port), 32853);
	assert_string_equal(inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text),
			    "2001:db8:1234:5678:11:2233:4455:6677");
}

/* Each bit matters: a flipped one is malformed or fails the integrity. */
static void test_flipped_bits(void **state)
{
	uint8_t bytes[sizeof request];
	struct stun_msg m;

	(void)state;
	for (size_t bit = 0; bit < sizeof request * 8; bit++) {
		memcpy(bytes, request, sizeof bytes);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* Whether the fingerprint is told from an unknown attribute or not. */
		if (!stun_parse(&m, bytes, sizeof bytes) && m.has_fingerprint)
			fail_msg("bit %zu", bit);
	}
	for (size_t len = 0; len < sizeof request; len++)
		assert_int_equal(stun_parse(&m, request, len), -EBADMSG);
	/* Protected bytes, looked at without the fingerprint. */
	for (size_t i = 20; i < sizeof request - 8; i++) {
		memcpy(bytes, request, sizeof bytes);
		bytes[3] -= 8;
		bytes[i] ^= 1;
		if (!stun_parse(&m, bytes, sizeof bytes - 8))
			assert_false(verify(&m));
	}
	memcpy(bytes, request, sizeof bytes);
	bytes[3] -= 8;
	assert_int_equal(stun_parse(&m, bytes, sizeof bytes - 8), 0);
	assert_false(m.has_fingerprint);
	assert_true(verify(&m));
}

#define HEAD(len) 0x00, 0x01, 0x00, (len), 0x21, 0x12, 0xa4, 0x42, ID

static void test_malformed(void **state)
{
	static const struct {
		const char *name;
		uint8_t bytes[64];
		size_t len;
		int result;
	} row[] = {
		{ "no attributes", { HEAD(0) }, 20, 0 },
		{ "old cookie", { 0, 1, 0, 0, 1, 2, 3, 4, ID }, 20, -EBADMSG },
		{ "length of more", { HEAD(4) }, 20, -EBADMSG },
		{ "length of less", { HEAD(0), 0, 0, 0, 0 }, 24, -EBADMSG },
		{ "odd length", { HEAD(3), 0, 0, 0 }, 23, -EBADMSG },
		{ "two high bits", { 0x80, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ID }, 20, -EBADMSG },
		{ "attribute too long", { HEAD(8), 0, 6, 0, 5, 1, 2, 3, 4 }, 28, -EBADMSG },
		{ "attribute without padding", { HEAD(8), 0, 6, 0, 3, 1, 2, 3, 0 }, 28, 0 },
		{ "priority of three bytes", { HEAD(8), 0, 0x24, 0, 3, 1, 2, 3, 0 }, 28, -EBADMSG },
		{ "tie breaker of four", { HEAD(8), 0x80, 0x2a, 0, 4, 1, 2, 3, 0 }, 28, -EBADMSG },
		{ "integrity of four", { HEAD(8), 0, 8, 0, 4, 1, 2, 3, 0 }, 28, -EBADMSG },
		{ "a wrong fingerprint", { HEAD(8), 0x80, 0x28, 0, 4, 1, 2, 3, 0 }, 28, -EBADMSG },
		{ "address family 3", { HEAD(12), 0, 0x20, 0, 8, 0, 3, 0, 0, 0, 0, 0, 0 }, 32, -EBADMSG },
		{ "address cut off", { HEAD(8), 0, 0x20, 0, 4, 0, 1, 0, 0 }, 28, -EBADMSG },
		{ "IPv6 with four bytes", { HEAD(12), 0, 0x20, 0, 8, 0, 2, 0, 0, 0, 0, 0, 0 }, 32, -EBADMSG },
		{ "error without a number", { HEAD(4), 0, 9, 0, 0 }, 24, -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		struct stun_msg m = { .error = 7 };
		int r = stun_parse(&m, row[i].bytes, row[i].len);

		if (r != row[i].result)
			fail_msg("%s: %d", row[i].name, r);
		if (r)
			assert_int_equal(m.error, 7);
	}
}

/* What we write is what the vectors have, but for their padding with blanks. */
static void test_writing(void **state)
{
	uint8_t buf[512];
	struct writer w = writer_of(buf, sizeof buf);
	struct stun_out o;
	struct stun_msg m;
	int n;

	(void)state;
	writer_u32(&w, 0xffffffff); /* a message may begin anywhere in the buffer */
	o = stun_begin(&w, STUN_REQUEST, vector_id);
	stun_add(&o, STUN_ATTR_SOFTWARE, "STUN test client", 16);
	stun_add(&o, STUN_ATTR_PRIORITY, "\x6e\x00\x01\xff", 4);
	stun_add(&o, STUN_ATTR_CONTROLLED, "\x93\x2f\xf9\xb1\x51\x26\x3b\x36", 8);
	n = stun_end(&o, NULL, 0);
	assert_int_equal(n, 20 + 20 + 8 + 12 + 8);
	assert_memory_equal(buf + 4 + 4, request + 4, 20 + 20 + 8 + 12 - 4);
	assert_int_equal(stun_parse(&m, buf + 4, (size_t)n), 0);
	assert_true(m.has_fingerprint && m.controlled);

	for (size_t cap = 0; cap < 200; cap++) {
		struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(32853) };

		inet_pton(AF_INET, "192.0.2.1", &from.sin_addr);
		w = writer_of(buf, cap);
		o = stun_begin(&w, STUN_SUCCESS, vector_id);
		stun_add_mapped(&o, (struct sockaddr *)&from);
		n = stun_end(&o, vector_password, strlen(vector_password));
		assert_int_equal(n, cap < 64 ? -ENOSPC : 64);
		if (n < 0)
			continue;
		assert_memory_equal(buf + 20, response_v4 + 36, 12);
		assert_int_equal(stun_parse(&m, buf, 64), 0);
		assert_true(m.has_fingerprint && verify(&m));
	}
}

/* ---- ICE-lite ------------------------------------------------------------ */

enum {
	GOOD = 0, NO_USER = 1, OTHER_USER = 2, NO_INTEGRITY = 4, OTHER_KEY = 8, UNKNOWN = 16,
	CONTROLLED = 32, NOMINATE = 64, UNKNOWN_OPTIONAL = 128, SHORT_USER = 256,
};

static size_t make_check(uint8_t *buf, size_t cap, enum stun_class class, unsigned how)
{
	struct writer w = writer_of(buf, cap);
	struct stun_out o = stun_begin(&w, class, vector_id);
	const char *user = how & OTHER_USER ? "them:you1" : how & SHORT_USER ? "us12" : "us12:them";
	const char *key = how & OTHER_KEY ? "wrong" : "secret-password-22-chr";
	int n;

	if (!(how & NO_USER))
		stun_add(&o, STUN_ATTR_USERNAME, user, strlen(user));
	stun_add(&o, how & CONTROLLED ? STUN_ATTR_CONTROLLED : STUN_ATTR_CONTROLLING, "12345678", 8);
	stun_add(&o, STUN_ATTR_PRIORITY, "\0\0\1\0", 4);
	if (how & NOMINATE)
		stun_add(&o, STUN_ATTR_USE_CANDIDATE, NULL, 0);
	if (how & UNKNOWN)
		stun_add(&o, 0x7777, "abc", 3);
	if (how & UNKNOWN_OPTIONAL)
		stun_add(&o, 0xc057, "abc", 3);
	n = stun_end(&o, how & NO_INTEGRITY ? NULL : key, strlen(key));
	assert_true(n > 0);
	return (size_t)n;
}

static void test_lite(void **state)
{
	static const struct {
		unsigned how;
		const char *remote;
		int error;
		bool signed_answer;
	} row[] = {
		{ GOOD, "them", 0, true }, { GOOD, "", 0, true }, { GOOD | NOMINATE, "them", 0, true },
		{ UNKNOWN_OPTIONAL, "", 0, true },
		{ NO_USER, "", 400, false }, { NO_INTEGRITY, "", 400, false },
		{ OTHER_USER, "", 401, false }, { OTHER_KEY, "", 401, false },
		{ SHORT_USER, "", 401, false }, { GOOD, "the", 401, false },
		{ GOOD, "them2", 401, false }, { OTHER_KEY | NOMINATE, "", 401, false },
		{ UNKNOWN | NOMINATE, "", 420, true }, { CONTROLLED | NOMINATE, "", 487, true },
	};
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(5000) };

	(void)state;
	inet_pton(AF_INET, "203.0.113.9", &from.sin_addr);
	for (size_t i = 0; i < COUNT(row); i++) {
		uint8_t in[512], answer[512];
		size_t len = make_check(in, sizeof in, STUN_REQUEST, row[i].how);
		struct writer w = writer_of(answer, sizeof answer);
		struct stun_check check;
		struct stun_msg m;
		int n = stun_lite_answer(&check, in, len, (struct sockaddr *)&from, "us12",
					 "secret-password-22-chr", row[i].remote, &w);

		assert_true(n > 0 && (size_t)n == writer_len(&w));
		if (check.error != row[i].error)
			fail_msg("row %zu: %d", i, check.error);
		assert_int_equal(check.ok, !row[i].error);
		assert_int_equal(check.nominated, !row[i].error && row[i].how & NOMINATE ? 1 : 0);
		assert_int_equal(stun_parse(&m, answer, (size_t)n), 0);
		assert_int_equal(m.class, row[i].error ? STUN_ERROR : STUN_SUCCESS);
		assert_int_equal(m.error, row[i].error);
		assert_memory_equal(m.id, vector_id, 12);
		assert_true(m.has_fingerprint);
		assert_int_equal(stun_verify(&m, "secret-password-22-chr", 22), row[i].signed_answer);
		if (!row[i].error)
			assert_memory_equal(&m.mapped, &from, sizeof from);
		/* No room for the answer: then nobody may take the check for good. */
		w = writer_of(answer, (size_t)n - 1);
		n = stun_lite_answer(&check, in, len, (struct sockaddr *)&from, "us12",
				     "secret-password-22-chr", row[i].remote, &w);
		assert_int_equal(n, -ENOSPC);
		assert_false(check.ok);
	}
}

static void test_lite_is_silent(void **state)
{
	static const enum stun_class class[] = { STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };
	struct sockaddr_in from = { .sin_family = AF_INET };
	uint8_t in[512], answer[512];
	struct stun_check check;

	(void)state;
	for (size_t i = 0; i < COUNT(class); i++) {
		size_t len = make_check(in, sizeof in, class[i], GOOD);
		struct writer w = writer_of(answer, sizeof answer);

		assert_int_equal(stun_lite_answer(&check, in, len, (struct sockaddr *)&from, "us12",
						  "secret-password-22-chr", "", &w), 0);
		assert_int_equal(writer_len(&w), 0);
		assert_false(check.ok);
	}
	struct writer w = writer_of(answer, sizeof answer);

	assert_int_equal(stun_lite_answer(&check, in, 19, (struct sockaddr *)&from, "a", "b", "", &w),
			 -EBADMSG);
	assert_int_equal(writer_len(&w), 0);
}

/* A dual-stack socket shows IPv4 as ::ffff:a.b.c.d; the peer wants a.b.c.d. */
static void test_mapped_v4(void **state)
{
	struct sockaddr_in6 from = { .sin6_family = AF_INET6, .sin6_port = htons(32853) };
	uint8_t buf[128];
	struct writer w = writer_of(buf, sizeof buf);
	struct stun_out o = stun_begin(&w, STUN_SUCCESS, vector_id);

	(void)state;
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &from.sin6_addr);
	stun_add_mapped(&o, (struct sockaddr *)&from);
	assert_memory_equal(buf + 20, response_v4 + 36, 12);
	inet_pton(AF_INET6, "2001:db8:1234:5678:11:2233:4455:6677", &from.sin6_addr);
	w = writer_of(buf, sizeof buf);
	o = stun_begin(&w, STUN_SUCCESS, vector_id);
	stun_add_mapped(&o, (struct sockaddr *)&from);
	assert_memory_equal(buf + 20, response_v6 + 36, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_writing),
		cmocka_unit_test(test_lite), cmocka_unit_test(test_lite_is_silent),
		cmocka_unit_test(test_mapped_v4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
