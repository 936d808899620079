/* SPDX-License-Identifier: GPL-3.0-or-later
 * Digest authentication: the vectors of RFC 7616 and 2069, texts of phones and
 * of attackers, and the server's memory on a fake clock. */
#include "tests/unit/cmocka_head.h"

#include "base/clock.h"
#include "sip/digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define S 1000000LL

static int parse(struct digest_params *out, const char *text)
{
	return digest_parse(out, text, strlen(text));
}

/* ---- vectors ------------------------------------------------------------------------ */

static void test_vectors(void **state)
{
	static const char rfc7616[] =
		"Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
		"uri=\"/dir/index.html\", algorithm=%s, "
		"nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "
		"cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "
		"response=\"%s\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
	static const struct { const char *algorithm, *response; } rows[] = {
		{ "MD5", "8ca523f5e9506fed4657c9700eebdbec" },
		{ "SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" },
	};
	struct digest_params p;
	char text[1024], ha1[DIGEST_HEX], response[DIGEST_HEX];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(text, sizeof(text), rfc7616, rows[i].algorithm, rows[i].response);
		assert_int_equal(parse(&p, text), 0);
		assert_true(p.known && p.qop_auth);
		digest_ha1(ha1, p.algorithm, p.username, p.realm, "Circle of Life");
		digest_response(response, &p, ha1, "GET");
		assert_string_equal(response, rows[i].response);
	}
	/* RFC 2069 (erratum 749), without qop */
	assert_int_equal(parse(&p, "Digest username=\"Mufasa\",realm=\"testrealm@host.com\","
			       "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\","
			       "uri=\"/dir/index.html\",response=\"-\""), 0);
	assert_false(p.qop);
	digest_ha1(ha1, DIGEST_MD5, "Mufasa", p.realm, "CircleOfLife");
	digest_response(response, &p, ha1, "GET");
	assert_string_equal(response, "1949323746fe6a43ef61f9606e7febea");
	/* RFC 7616 3.9.2: the hash that is named SHA-512-256 is SHA-512/256 */
	digest_ha1(ha1, DIGEST_SHA512_256, "J\303\244s\303\270n Doe", "api@example.org",
		   "Secret, or not?");
	assert_int_equal(strlen(ha1), 64);
	assert_string_equal(ha1, 
		"2d3d9f12c9f3d30011259dc5fecee005ae24de40e3e1f61806d03e65f1e6024f");
}

/* ---- texts --------------------------------------------------------------------------- */

static void test_texts(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *realm, *nonce;
		bool known, qop, qop_auth, stale;
	} rows[] = {
		{ "Digest realm=\"a\", nonce=\"b\"", 0, "a", "b", true, false, false, false },
		{ " digest\trealm = a ,nonce= b", 0, "a", "b", true, false, false, false },
		{ "Digest realm=\"a\\\"c, d=\", nonce=\"b\", stale=TRUE", 0, "a\\\"c, d=", "b", true,
		  false, false, true },
		{ "Digest realm=\"a\", nonce=\"b\", qop=\"auth-int, auth\"", 0, "a", "b", true, true,
		  true, false },
		{ "Digest realm=\"a\", nonce=\"b\", qop=\"auth-int\"", 0, "a", "b", true, true, false,
		  false },
		{ "Digest realm=\"a\",, nonce=\"b\", algorithm=AKAv1-MD5,", 0, "a", "b", false, false,
		  false, false },
		{ "Digest realm=\"a\", nonce=\"b\", algorithm=\"md5\", x=y", 0, "a", "b", true, false,
		  false, false },
		{ "Basic realm=\"a\", nonce=\"b\"", .err = -EBADMSG },
		{ "Digest", .err = -EBADMSG },
		{ "Digestrealm=a,nonce=b", .err = -EBADMSG },
		{ "Digest realm=\"a\"", .err = -EBADMSG },
		{ "Digest nonce=\"a\"", .err = -EBADMSG },
		{ "Digest realm=\"a\", realm=\"a\", nonce=\"b\"", .err = -EBADMSG },
		{ "Digest realm=\"a, nonce=b", .err = -EBADMSG },
		{ "Digest realm=\"a\\", .err = -EBADMSG },
		{ "Digest realm=\"a\r\nVia: x\", nonce=\"b\"", .err = -EBADMSG },
		{ "Digest realm=, nonce=b", .err = -EBADMSG },
		{ "Digest realm, nonce=b", .err = -EBADMSG },
		{ "Digest =x, realm=a, nonce=b", .err = -EBADMSG },
		{ "Digest realm=a\020b, nonce=b", .err = -EBADMSG },
		{ "Digest realm=a\\, nonce=b", .err = -EBADMSG },
		{ "Digest realm=a\"b\", nonce=b", .err = -EBADMSG },
		{ "Digest realm=a, nonce=b, nc=1", .err = -EBADMSG },
		{ "Digest realm=a, nonce=b, nc=0000000g", .err = -EBADMSG },
		{ "Digest realm=a, nonce=b, nc=00000000", .err = -EBADMSG },
	};
	struct digest_params p;
	char text[2000];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (parse(&p, rows[i].text) != rows[i].err)
			fail_msg("%s: not %d", rows[i].text, rows[i].err);
		if (rows[i].err)
			continue;
		assert_string_equal(p.realm, rows[i].realm);
		assert_string_equal(p.nonce, rows[i].nonce);
		assert_int_equal(p.known, rows[i].known);
		assert_int_equal(p.qop, rows[i].qop);
		assert_int_equal(p.qop_auth, rows[i].qop_auth);
		assert_int_equal(p.stale, rows[i].stale);
	}
	/* longer than there is room for */
	snprintf(text, sizeof(text), "Digest realm=a, nonce=\"%0300d\"", 0);
	assert_int_equal(parse(&p, text), -EBADMSG);
	/* a NUL in the middle ends nothing early */
	assert_int_equal(digest_parse(&p, "Digest realm=a\0, nonce=b", 24), -EBADMSG);
}

/* ---- client and server -------------------------------------------------------------- */

static const char *accounts(void *arg, const char *user, enum digest_algorithm algorithm)
{
	static char ha1[DIGEST_HEX];

	(void)arg;
	if (strcmp(user, "alice"))
		return NULL;
	digest_ha1(ha1, algorithm, user, "balai", "se:cret");
	return ha1;
}

struct attempt {
	const char *user, *password, *method, *uri;
	uint32_t nc;
};

static enum digest_verdict attempt(struct digest_server *server, const char *challenge,
				   const struct attempt *a, const char *address)
{
	struct digest_request request = { "REGISTER", "sip:balai", "balai", address, 7 };
	struct digest_params p;
	char text[1024];

	assert_int_equal(parse(&p, challenge), 0);
	assert_int_equal(digest_authorize(text, sizeof(text), &p, a->user, a->password,
					  a->method ? a->method : "REGISTER",
					  a->uri ? a->uri : "sip:balai", a->nc), 0);
	assert_int_equal(parse(&p, text), 0);
	return digest_check(server, &p, &request, accounts, NULL);
}

static struct digest_server *server_new(void)
{
	struct digest_server *server = NULL;

	clock_fake(1000 * S);
	assert_int_equal(digest_server_new(&server), 0);
	return server;
}

static void test_server(void **state)
{
	static const struct { struct attempt a; enum digest_verdict verdict; } rows[] = {
		{ { "alice", "se:cret", .nc = 1 }, DIGEST_ACCEPTED },
		{ { "alice", "se:cret", .nc = 1 }, DIGEST_STALE }, /* replayed */
		{ { "alice", "se:cret", .nc = 2 }, DIGEST_ACCEPTED },
		{ { "alice", "se:cret", .nc = 9 }, DIGEST_ACCEPTED },
		{ { "alice", "se:cret", .nc = 5 }, DIGEST_STALE },
		{ { "alice", "se:cret", .nc = 10, .uri = "sip:balai;transport=tcp" },
		  DIGEST_ACCEPTED },
		{ { "alice", "se:cret", .nc = 11, .uri = "sip:other" }, DIGEST_BROKEN },
		{ { "alice", "secret", .nc = 12 }, DIGEST_WRONG },
		{ { "bob", "se:cret", .nc = 13 }, DIGEST_WRONG },
		{ { "alice", "se:cret", .nc = 14, .method = "INVITE" }, DIGEST_WRONG },
	};
	struct digest_server *server = server_new();
	struct digest_request request = { "REGISTER", "sip:balai", "balai", "192.0.2.1", 7 };
	struct digest_server_stats stats;
	struct digest_params p;
	char challenge[320];

	(void)state;
	for (int alg = 0; alg < DIGEST_ALGORITHMS; alg++) {
		assert_int_equal(digest_challenge(server, challenge, sizeof(challenge), "balai",
						  (enum digest_algorithm)alg, false), 0);
		for (size_t i = 0; i < COUNT(rows); i++) {
			char address[40];

			snprintf(address, sizeof(address), "192.0.2.%zu", 1 + i + 20 * (size_t)alg);
			if (attempt(server, challenge, &rows[i].a, address) != rows[i].verdict)
				fail_msg("algorithm %d row %zu", alg, i);
		}
	}
	digest_server_stats(server, &stats);
	assert_int_equal(stats.accepted, 3 * 4);
	assert_int_equal(stats.replayed, 3 * 2);
	assert_int_equal(stats.wrong, 3 * 3);
	/* none, of another realm, with an algorithm that was not offered */
	assert_int_equal(digest_check(server, NULL, &request, accounts, NULL), DIGEST_NONE);
	assert_int_equal(parse(&p, "Digest realm=\"x\", nonce=\"y\""), 0);
	assert_int_equal(digest_check(server, &p, &request, accounts, NULL), DIGEST_NONE);
	request.algorithms = 2;
	assert_int_equal(parse(&p, "Digest realm=\"balai\", nonce=\"y\", uri=\"sip:balai\""), 0);
	assert_int_equal(digest_check(server, &p, &request, accounts, NULL), DIGEST_NONE);
	digest_server_free(server);
}

static void test_nonces(void **state)
{
	struct digest_server *server = server_new(), *other = server_new();
	struct attempt right = { "alice", "se:cret", .nc = 1 };
	struct digest_server_stats stats;
	char challenge[320], forged[320], first[320];
	char *at;

	(void)state;
	assert_int_equal(digest_challenge(server, challenge, sizeof(challenge), "balai",
					  DIGEST_SHA256, true), 0);
	assert_non_null(strstr(challenge, "stale=true"));
	/* of another server, or changed: no password is tried */
	assert_int_equal(attempt(other, challenge, &right, "192.0.2.1"), DIGEST_STALE);
	snprintf(forged, sizeof(forged), "%s", challenge);
	at = strstr(forged, "nonce=\"") + 7;
	at[0] = at[0] == '0' ? '1' : '0';
	assert_int_equal(attempt(server, forged, &right, "192.0.2.1"), DIGEST_STALE);
	digest_server_stats(server, &stats);
	assert_int_equal(stats.forged, 1);
	/* until its time is over */
	clock_fake((1000 + DIGEST_NONCE_S) * S);
	assert_int_equal(attempt(server, challenge, &right, "192.0.2.1"), DIGEST_ACCEPTED);
	clock_fake((1001 + DIGEST_NONCE_S) * S);
	right.nc = 2;
	assert_int_equal(attempt(server, challenge, &right, "192.0.2.1"), DIGEST_STALE);
	/* More nonces than are remembered: the first is never taken twice. */
	right.nc = 1;
	for (int i = 0; i < 8192 + 100; i++) {
		clock_fake((1001 + DIGEST_NONCE_S) * S + i + 1);
		assert_int_equal(digest_challenge(server, challenge, sizeof(challenge), "balai",
						  DIGEST_MD5, false), 0);
		if (!i)
			memcpy(first, challenge, sizeof(first));
		assert_int_equal(attempt(server, challenge, &right, "192.0.2.1"), DIGEST_ACCEPTED);
	}
	assert_int_equal(attempt(server, first, &right, "192.0.2.1"), DIGEST_STALE);
	right.nc = 7;
	assert_int_equal(attempt(server, first, &right, "192.0.2.1"), DIGEST_STALE);
	digest_server_free(server);
	digest_server_free(other);
}

static void test_without_qop(void **state)
{
	struct digest_server *server = server_new();
	struct attempt right = { "alice", "se:cret", .nc = 1 };
	char challenge[320];

	(void)state;
	assert_int_equal(digest_challenge(server, challenge, sizeof(challenge), "balai",
					  DIGEST_MD5, false), 0);
	*strstr(challenge, ", qop") = 0;
	assert_int_equal(attempt(server, challenge, &right, "192.0.2.1"), DIGEST_ACCEPTED);
	assert_int_equal(attempt(server, challenge, &right, "192.0.2.1"), DIGEST_STALE);
	digest_server_free(server);
}

static void test_guessing(void **state)
{
	struct digest_server *server = server_new();
	struct attempt wrong = { "alice", "x", .nc = 1 }, right = { "alice", "se:cret", .nc = 1 };
	static const unsigned waits[] = { 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };
	struct digest_server_stats stats;
	char challenge[320];
	int64_t now = 1000 * S;

	(void)state;
	for (size_t i = 0; i < COUNT(waits); i++) {
		assert_int_equal(digest_challenge(server, challenge, sizeof(challenge), "balai",
						  DIGEST_MD5, false), 0);
		/* an account of one's own does not buy guesses */
		assert_int_equal(attempt(server, challenge, &right, "192.0.2.1"), DIGEST_ACCEPTED);
		wrong.nc = 2;
		assert_int_equal(attempt(server, challenge, &wrong, "192.0.2.1"), DIGEST_WRONG);
		if (digest_wait(server, "192.0.2.1") != waits[i] && waits[i] < 64)
			fail_msg("guess %zu: wait %u, not %u", i, digest_wait(server, "192.0.2.1"),
				 waits[i]);
		if (digest_wait(server, "192.0.2.1")) {
			right.nc = 3;
			assert_int_equal(attempt(server, challenge, &right, "192.0.2.1"),
					 DIGEST_BLOCKED);
			assert_int_equal(attempt(server, challenge, &right, "192.0.2.2"),
					 DIGEST_ACCEPTED);
			right.nc = 1;
		}
		now += digest_wait(server, "192.0.2.1") * S;
		clock_fake(now);
		assert_int_equal(digest_wait(server, "192.0.2.1"), 0);
	}
	digest_server_stats(server, &stats);
	assert_int_equal(stats.blocked, COUNT(waits) - 4);
	/* forgiven in time */
	clock_fake(now + 3600 * S);
	assert_int_equal(digest_challenge(server, challenge, sizeof(challenge), "balai",
					  DIGEST_MD5, false), 0);
	assert_int_equal(attempt(server, challenge, &wrong, "192.0.2.1"), DIGEST_WRONG);
	assert_int_equal(digest_wait(server, "192.0.2.1"), 0);
	digest_server_free(server);
}

static void test_client_refuses(void **state)
{
	struct digest_params p;
	char text[600];

	(void)state;
	assert_int_equal(parse(&p, "Digest realm=\"a\", nonce=\"b\", algorithm=X"), 0);
	assert_int_equal(digest_authorize(text, sizeof(text), &p, "u", "p", "INVITE", "sip:a", 1),
			 -EINVAL);
	assert_int_equal(parse(&p, "Digest realm=\"a\", nonce=\"b\", qop=\"auth-int\""), 0);
	assert_int_equal(digest_authorize(text, sizeof(text), &p, "u", "p", "INVITE", "sip:a", 1),
			 -EINVAL);
	assert_int_equal(parse(&p, "Digest realm=\"a\", nonce=\"b\""), 0);
	assert_int_equal(digest_authorize(text, sizeof(text), &p, "u\"", "p", "INVITE", "sip:a", 1),
			 -EINVAL);
	assert_int_equal(digest_authorize(text, 40, &p, "u", "p", "INVITE", "sip:a", 1), -ENOSPC);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_nonces),
		cmocka_unit_test(test_without_qop),
		cmocka_unit_test(test_guessing),
		cmocka_unit_test(test_client_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
