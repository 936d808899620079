/* SPDX-License-Identifier: GPL-3.0-or-later
 * <accounts> and <trunks>: what is read, what is said of mistakes, and the rules
 * of the dial plan that name them. */
#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "conf/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define XML(inside) "<balai xmlns=\"urn:balai:config:1\">\n" inside "</balai>"
#define ACCOUNTS(inside) XML("<accounts realm=\"r.test\">\n" inside "</accounts>")
#define TRUNKS(inside) XML("<trunks>\n" inside "</trunks>")
#define HOST "<host address=\"192.0.2.1\"/></trunk>"
#define ALICE "<account name=\"alice\" password=\"x\"/>"
#define PLAN(rule) XML("<accounts>" ALICE "</accounts><trunks><trunk name=\"pbx\">" HOST \
		       "</trunks><conferences><conference number=\"1\"/></conferences>" \
		       "<dial-plan>\n" rule "</dial-plan>")

static const struct conf_surroundings nothing_around = { NULL, false };

static struct config *parse(const char *xml)
{
	struct config *c = NULL;

	if (conf_parse(&c, xml, strlen(xml), "t.xml", stderr, &nothing_around))
		fail_msg("not read: %s", xml);
	return c;
}

static void test_read(void **state)
{
	struct config *c = parse(XML(
		"<accounts realm=\"r.test\" algorithms=\"MD5 SHA-256\" min-expires=\"30\" "
		"max-expires=\"100\" max-bindings=\"2\">"
		"<account name=\"zoe\" md5=\"0123456789ABCDEF0123456789abcdef\"/>"
		"<account name=\"alice\" password=\"a:b\"/></accounts>"
		"<trunks><trunk name=\"pbx\" transport=\"dns\" user=\"u\" password=\"p\" "
		"domain=\"d.test\" caller=\"+49\" register=\"yes\" expires=\"90\" check=\"0\">"
		"<host address=\"2001:db8::1\" port=\"5070\"/><host address=\"h.test\"/></trunk>"
		"</trunks>"));
	const struct conf_account *a = config_account(c, "zoe");
	const struct conf_trunk *t = config_trunk(c, "PBX");

	(void)state;
	assert_string_equal(c->accounts.realm, "r.test");
	assert_int_equal(c->accounts.algorithms, 6);
	assert_int_equal(c->accounts.min_expires_s, 30);
	assert_int_equal(c->accounts.max_expires_s, 100);
	assert_int_equal(c->accounts.max_bindings, 2);
	assert_non_null(a);
	assert_null(a->password);
	assert_string_equal(a->ha1[2], "0123456789abcdef0123456789abcdef");
	assert_string_equal(config_account(c, "alice")->password, "a:b");
	assert_null(config_account(c, "Alice"));
	assert_non_null(t);
	assert_int_equal(t->transport, -1);
	assert_true(t->verify && t->register_);
	assert_string_equal(t->caller, "+49");
	assert_int_equal(t->expires_s, 90);
	assert_int_equal(t->check_s, 0);
	assert_int_equal(t->n_host, 2);
	assert_string_equal(t->host[0].host, "2001:db8::1");
	assert_int_equal(t->host[0].port, 5070);
	assert_int_equal(t->host[1].port, 0);
	ref_drop(c);
	c = parse(XML(""));
	assert_string_equal(c->accounts.realm, "balai");
	assert_int_equal(c->accounts.algorithms, 4);
	assert_int_equal(c->accounts.n_account, 0);
	assert_int_equal(c->n_trunk, 0);
	ref_drop(c);
}

static void test_mistakes(void **state)
{
	static const struct { const char *xml, *says; } rows[] = {
		{ ACCOUNTS("<account name=\"a\"/>"), "t.xml:3: the account has no password" },
		{ ACCOUNTS("<account name=\"a b\" password=\"x\"/>"), "t.xml:3: name=\"a b\" has a space" },
		{ ACCOUNTS("<account name=\"a@b\" password=\"x\"/>"), "t.xml:3: name=\"a@b\" has something" },
		{ ACCOUNTS("<account name=\"a\" md5=\"12\"/>"), "t.xml:3: md5 is no hash, write 32" },
		{ ACCOUNTS("<account name=\"a\" password=\"x\" password-file=\"y\"/>"),
		  "t.xml:3: password and password-file" },
		{ ACCOUNTS(ALICE "\n" ALICE), "t.xml:4: account \"alice\" is there already, on line 3" },
		{ XML("<accounts realm=\"a b\">" ALICE "</accounts>"), "t.xml:2: realm=\"a b\" is no host" },
		{ XML("<accounts algorithms=\"SHA256\">" ALICE "</accounts>"),
		  "algorithms: \"SHA256\" is unknown, did you mean \"SHA-256\"?" },
		{ XML("<accounts min-expires=\"600\" max-expires=\"60\"/>"), "max-expires is less" },
		{ TRUNKS("<trunk name=\"pbx\"></trunk>"), "t.xml:3: a trunk leads to no host" },
		{ TRUNKS("<trunk name=\"a/b\">" HOST), "t.xml:3: name=\"a/b\" has to stand in" },
		{ TRUNKS("<trunk name=\"balai\">" HOST), "stands for the accounts here" },
		{ TRUNKS("<trunk name=\"a\">" HOST "\n<trunk name=\"A\">" HOST), "is there already" },
		{ TRUNKS("<trunk name=\"a\" register=\"yes\">" HOST), "needs a name to register" },
		{ TRUNKS("<trunk name=\"a\" password=\"x\">" HOST), "a password without a user" },
		{ TRUNKS("<trunk name=\"a\" user=\"x@y\">" HOST), "without sip: and @" },
		{ TRUNKS("<trunk name=\"a\" verify=\"no\">" HOST), "verify is for transport=\"tls\"" },
		{ TRUNKS("<trunk name=\"a\"><host address=\"sip:x\"/></trunk>"), "is no host" },
		{ PLAN("<rule trunk=\"pbz\"><conference number=\"1\"/></rule>"),
		  "t.xml:3: trunk \"pbz\" does not exist, did you mean \"pbx\"?" },
		{ PLAN("<rule><trunk name=\"pbz\"/></rule>"), "t.xml:3: trunk \"pbz\" does not exist" },
		{ PLAN("<rule><trunk name=\"pbx\" user=\"a b\"/></rule>"), "cannot stand in a SIP address" },
		{ PLAN("<rule><account name=\"bob\"/></rule>"), "t.xml:3: account \"bob\" does not exist" },
		{ PLAN("<rule account=\"(\"><conference number=\"1\"/></rule>"), "t.xml:3: account=\"(\":" },
		{ XML("<dial-plan><rule account=\".*\"><refuse code=\"403\"/></rule></dial-plan>"),
		  "there are no accounts" },
		{ PLAN("<rule trunk=\"pbx\"><refuse code=\"403\"/></rule>\n"
		       "<rule trunk=\"pbx\" dialled=\"1\"><conference number=\"1\"/></rule>"),
		  "t.xml:4: this rule is never reached" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config *c = NULL;
		char *said = NULL;
		size_t size = 0;
		FILE *f = open_memstream(&said, &size);

		assert_non_null(f);
		assert_int_equal(conf_parse(&c, rows[i].xml, strlen(rows[i].xml), "t.xml", f,
					    &nothing_around), -EINVAL);
		fclose(f);
		if (!strstr(said, rows[i].says))
			fail_msg("%s\nsays: %s\nnot: %s", rows[i].xml, said, rows[i].says);
		free(said);
	}
}

static void test_rules(void **state)
{
	static const char plan[] = PLAN(
		"<rule dialled=\"1\" account=\"ali.*\"><conference number=\"1\"/></rule>"
		"<rule dialled=\"1\" trunk=\"pbx\"><refuse code=\"480\"/></rule>"
		"<rule dialled=\"0(.*)\"><trunk name=\"pbx\" user=\"$1\"/></rule>"
		"<rule dialled=\"alice\"><account/></rule>");
	static const struct {
		const char *dialled, *account, *trunk, *target;
		unsigned code;
	} rows[] = {
		{ "1", NULL, NULL, "", 401 },
		{ "1", "alice", NULL, "1", 0 },
		{ "1", "bob", NULL, "", 404 },
		{ "1", "", NULL, "1", 0 },           /* the operator */
		{ "1", NULL, "pbx", "", 480 },       /* who cannot be asked */
		{ "1", NULL, "other", "", 404 },
		{ "0123", NULL, NULL, "sip:123@pbx", 0 },
		{ "0a b", NULL, NULL, "sip:a%20b@pbx", 0 },
		{ "alice", NULL, NULL, "sip:alice@balai", 0 },
	};
	struct config *c = parse(plan);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct dial_query q = { .dialled = rows[i].dialled, .caller = "a@b",
			.account = rows[i].account, .trunk = rows[i].trunk };
		struct dial_result r;

		dialplan_lookup(c, &q, &r, NULL);
		if (r.code != rows[i].code || strcmp(r.target, rows[i].target))
			fail_msg("row %zu: %u \"%s\"", i, r.code, r.target);
	}
	ref_drop(c);
}

/* Files of secrets: found beside the configuration, and not for everybody. */
static void test_files(void **state)
{
	static const struct conf_surroundings files = { NULL, true };
	static const char xml[] = ACCOUNTS("<account name=\"a\" password-file=\"secret\"/>");
	char folder[] = "/tmp/balai-peers-XXXXXX", name[64], secret[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(name, sizeof(name), "%s/t.xml", folder);
	snprintf(secret, sizeof(secret), "%s/secret", folder);
	for (int i = 0; i < 4; i++) {
		static const char *const text[] = { NULL, "", "open sesame\nmore\n", "x\n" };
		static const char *const says[] = { "No such file", "is empty", "", "chmod o-rwx" };
		struct config *c = NULL;
		char *said = NULL;
		size_t size = 0;
		FILE *f;

		if (text[i]) {
			f = fopen(secret, "w");
			assert_non_null(f);
			fputs(text[i], f);
			fclose(f);
			assert_int_equal(chmod(secret, i == 3 ? 0644 : 0600), 0);
		}
		f = open_memstream(&said, &size);
		assert_non_null(f);
		assert_int_equal(conf_parse(&c, xml, strlen(xml), name, f, &files),
				 i < 2 ? -EINVAL : 0);
		fclose(f);
		assert_non_null(strstr(said, says[i]));
		if (i == 2) {
			assert_string_equal(said, "");
			assert_string_equal(config_account(c, "a")->password, "open sesame");
		}
		if (c)
			ref_drop(c);
		free(said);
	}
	unlink(secret);
	rmdir(folder);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
