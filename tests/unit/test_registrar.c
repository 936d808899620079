/* SPDX-License-Identifier: GPL-3.0-or-later
 * Bindings: RFC 3261 section 10.3 step by step, on a fake clock. */
#include "tests/unit/cmocka_head.h"

#include "base/clock.h"
#include "sip/registrar.h"

#include <stdio.h>
#include <string.h>

#define S 1000000LL

static const struct registrar_limits limits = { 60, 3600, 3600, 3 };
static struct registrar *registrar;

static int setup(void **state)
{
	(void)state;
	clock_fake(1000 * S);
	return registrar_new(&registrar);
}

static int teardown(void **state)
{
	(void)state;
	registrar = registrar_free(registrar);
	return 0;
}

/* One contact, or none with uri NULL. */
static int ask(const char *account, const char *uri, int64_t expires, const char *call_id,
	       uint32_t cseq)
{
	struct registrar_contact c = { .uri = uri, .expires_s = expires, .q = 1000 };
	struct registrar_request r = {
		.call_id = call_id, .cseq = cseq, .expires_s = -1, .contact = &c,
		.n_contacts = uri != NULL,
		.flow = { CONF_TCP, "192.0.2.7", 40000, "192.0.2.1", true, NULL, "phone/1" },
	};

	return registrar_update(registrar, account, &r, &limits);
}

static unsigned count(const char *account)
{
	unsigned n = 0;

	for (const struct binding *b = NULL; (b = registrar_next(registrar, account, b)) != NULL; )
		n++;
	return n;
}

static void test_life(void **state)
{
	const struct binding *b;

	(void)state;
	assert_null(registrar_next(registrar, "alice", NULL));
	assert_int_equal(ask("alice", "sip:alice@10.0.0.5:5060", 600, "a", 1), 200);
	b = registrar_next(registrar, "alice", NULL);
	assert_non_null(b);
	assert_string_equal(b->uri, "sip:alice@10.0.0.5:5060");
	assert_string_equal(b->address, "192.0.2.7");
	assert_int_equal(b->port, 40000);
	assert_int_equal(binding_left_s(b), 600);
	assert_int_equal(count("bob"), 0);
	/* a question changes nothing */
	assert_int_equal(ask("alice", NULL, -1, "b", 1), 200);
	assert_int_equal(count("alice"), 1);
	/* refreshed, then too old or repeated, then by another call */
	clock_fake(1300 * S);
	assert_int_equal(ask("alice", "sip:alice@10.0.0.5:5060", 600, "a", 2), 200);
	assert_int_equal(ask("alice", "sip:alice@10.0.0.5:5060", 0, "a", 2), 500);
	assert_int_equal(ask("alice", "sip:alice@10.0.0.5:5060", 0, "a", 1), 500);
	assert_int_equal(count("alice"), 1);
	assert_int_equal(ask("alice", "sip:alice@10.0.0.5:5060", 700, "c", 1), 200);
	/* gone with its time */
	clock_fake(1999 * S);
	assert_int_equal(count("alice"), 1);
	clock_fake(2000 * S);
	assert_int_equal(count("alice"), 0);
	assert_null(registrar_each(registrar, NULL));
	registrar_sweep(registrar, NULL, NULL);
	assert_int_equal(registrar_count(registrar), 0);
	/* removed */
	assert_int_equal(ask("alice", "sip:a@1.2.3.4", 60, "a", 3), 200);
	assert_int_equal(ask("alice", "sip:a@1.2.3.4", 0, "a", 4), 200);
	assert_int_equal(registrar_count(registrar), 0);
}

static void test_limits(void **state)
{
	static const struct { int64_t asked; int status; unsigned left; } rows[] = {
		{ 59, 423, 0 }, { 1, 423, 0 }, { 60, 200, 60 }, { 3600, 200, 3600 },
		{ 100000, 200, 3600 }, { INT32_MAX, 200, 3600 }, { -1, 200, 3600 }, { 0, 200, 0 },
	};
	char uri[300];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct binding *b;

		assert_int_equal(ask("alice", "sip:a@1.2.3.4", rows[i].asked, "x", 1 + (uint32_t)i),
				 rows[i].status);
		b = registrar_next(registrar, "alice", NULL);
		assert_int_equal(b ? binding_left_s(b) : 0, rows[i].left);
	}
	for (int i = 0; i < 5; i++) {
		snprintf(uri, sizeof(uri), "sip:a@1.2.3.%d", i);
		assert_int_equal(ask("alice", uri, 60, uri, 1), i < 3 ? 200 : 403);
	}
	assert_int_equal(count("alice"), 3);
	/* others have their own, and a refresh is not one more */
	assert_int_equal(ask("bob", "sip:a@1.2.3.4", 60, "x", 1), 200);
	assert_int_equal(ask("alice", "sip:a@1.2.3.1", 60, "y", 1), 200);
	memset(uri, 'a', sizeof(uri));
	memcpy(uri, "sip:", 4);
	uri[sizeof(uri) - 1] = 0;
	assert_int_equal(ask("bob", uri, 60, "z", 1), 400);
}

/* Several in one request: all or nothing. */
static void test_several(void **state)
{
	struct registrar_contact c[20] = {
		{ .uri = "sip:low@1.2.3.4", .expires_s = -1, .q = 200 },
		{ .uri = "sip:high@1.2.3.4", .expires_s = 600, .q = 900 },
	};
	struct registrar_request r = { .call_id = "a", .cseq = 1, .expires_s = 300, .contact = c,
		.n_contacts = 2, .flow = { .address = "::1", .local = "::1" } };
	const struct binding *b;

	(void)state;
	assert_int_equal(registrar_update(registrar, "alice", &r, &limits), 200);
	b = registrar_next(registrar, "alice", NULL);
	assert_string_equal(b->uri, "sip:high@1.2.3.4");
	assert_int_equal(binding_left_s(b), 600);
	b = registrar_next(registrar, "alice", b);
	assert_string_equal(b->uri, "sip:low@1.2.3.4");
	assert_int_equal(binding_left_s(b), 300);
	assert_null(registrar_next(registrar, "alice", b));
	/* the second cannot be, so the first is not touched */
	r.cseq = 2;
	c[0].expires_s = 0;
	c[1].expires_s = 5;
	assert_int_equal(registrar_update(registrar, "alice", &r, &limits), 423);
	assert_int_equal(count("alice"), 2);
	/* "*" is for all, alone, and with Expires: 0 */
	r.all = true;
	r.expires_s = 0;
	assert_int_equal(registrar_update(registrar, "alice", &r, &limits), 400);
	r.n_contacts = 0;
	r.expires_s = 60;
	assert_int_equal(registrar_update(registrar, "alice", &r, &limits), 400);
	r.expires_s = 0;
	r.cseq = 1;
	assert_int_equal(registrar_update(registrar, "alice", &r, &limits), 500);
	r.cseq = 2;
	assert_int_equal(registrar_update(registrar, "alice", &r, &limits), 200);
	assert_int_equal(registrar_count(registrar), 0);
	r.all = false;
	r.n_contacts = 17;
	assert_int_equal(registrar_update(registrar, "alice", &r, &limits), 403);
}

/* A phone that comes back with another address (RFC 5626). */
static void test_instance(void **state)
{
	struct registrar_contact c = { .uri = "sip:a@1.2.3.4:1111", .instance = "\"<urn:uuid:1>\"",
				       .reg_id = 1, .expires_s = 600, .q = 1000 };
	struct registrar_request r = { .call_id = "a", .cseq = 1, .expires_s = -1, .contact = &c,
		.n_contacts = 1, .flow = { .address = "::1", .local = "::1", .path = "<sip:p;lr>" } };

	(void)state;
	assert_int_equal(registrar_update(registrar, "alice", &r, &limits), 200);
	c.uri = "sip:a@1.2.3.4:2222";
	r.call_id = "b";
	assert_int_equal(registrar_update(registrar, "alice", &r, &limits), 200);
	assert_int_equal(count("alice"), 1);
	assert_string_equal(registrar_next(registrar, "alice", NULL)->uri, c.uri);
	assert_string_equal(registrar_next(registrar, "alice", NULL)->path, "<sip:p;lr>");
	c.reg_id = 2;
	assert_int_equal(registrar_update(registrar, "alice", &r, &limits), 200);
	assert_int_equal(count("alice"), 2);
}

static bool is_bob(void *arg, const char *account)
{
	(void)arg;
	return !strcmp(account, "bob");
}

static void test_each(void **state)
{
	unsigned n = 0;

	(void)state;
	for (int i = 0; i < 50; i++) {
		char name[16];

		snprintf(name, sizeof(name), "a%d", i);
		assert_int_equal(ask(name, "sip:x@1.2.3.4", 60, "c", 1), 200);
	}
	assert_int_equal(ask("bob", "sip:x@1.2.3.4", 60, "c", 1), 200);
	for (const struct binding *b = NULL; (b = registrar_each(registrar, b)) != NULL; )
		n++;
	assert_int_equal(n, 51);
	registrar_sweep(registrar, is_bob, NULL);
	assert_int_equal(registrar_count(registrar), 1);
	assert_string_equal(registrar_each(registrar, NULL)->account, "bob");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several, setup, teardown),
		cmocka_unit_test_setup_teardown(test_instance, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
