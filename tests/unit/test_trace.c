/* SPDX-License-Identifier: GPL-3.0-or-later
 * Messages of a call as they are kept: whose they are, how many, without keys. */
#include "tests/unit/cmocka_head.h"

#include "base/clock.h"
#include "sip/ua_trace.h"
#include "tests/unit/trace_feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define RECEIVED "recv 300 bytes from udp/[192.0.2.9]:5070 at 12:34:56.123456:\n"
#define SENT "send 300 bytes to tls/[2001:db8::9]:5071 at 12:34:56.223456:\n"

static void feed(const char *stamp, const char *text)
{
	trace_feed(stamp, text, strlen(text));
}

static char *written(const struct trace *t)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(trace_write(t, f), 0);
	fclose(f);
	return text;
}

static void test_belongs(void **state)
{
	static const struct { const char *head; bool ours; } row[] = {
		{ "INVITE sip:a@b SIP/2.0\r\nCall-ID: ours\r\n\r\n", true },
		{ "INVITE sip:a@b SIP/2.0\r\ni: ours\r\n\r\n", true },
		{ "INVITE sip:a@b SIP/2.0\r\ncall-id \t:  ours \r\n\r\n", true },
		{ "INVITE sip:a@b SIP/2.0\r\nX: y\r\nCALL-ID:ours\r\n\r\n", true },
		{ "INVITE sip:a@b SIP/2.0\r\nCall-ID: ours2\r\n\r\n", false },
		{ "INVITE sip:a@b SIP/2.0\r\nCall-ID: our\r\n\r\n", false },
		{ "INVITE sip:a@b SIP/2.0\r\nX-Call-ID: ours\r\n\r\n", false },
		{ "INVITE sip:a@b SIP/2.0\r\nX: y\r\n\r\nCall-ID: ours\r\n", false },
		{ "INVITE sip:a@b SIP/2.0\r\nCall-ID:\r\n\r\n", false },
		{ "\r\n\r\n", false },
		{ "Call-ID", false },
	};

	(void)state;
	trace_start();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct trace t;

		/* One that comes before the call is known, and one after. */
		feed(RECEIVED, row[i].head);
		trace_init(&t, "ours");
		assert_int_equal(t.count, row[i].ours);
		feed(SENT, row[i].head);
		assert_int_equal(t.count, row[i].ours ? 2 : 0);
		trace_fini(&t);
	}
	trace_stop();
}

/* What a password could be guessed from is not kept; what explains a refusal is. */
static void test_credentials(void **state)
{
	static const struct { const char *in, *out; } row[] = {
		{ "Authorization: Digest username=\"a\", response=\"0123abcd\", nc=00000001\r\n",
		  "Authorization: Digest username=\"a\", response=\"********\", nc=00000001\n" },
		{ "proxy-authorization : Digest realm=\"r\",Response = \"0123\",cnonce=\"c\"\r\n",
		  "proxy-authorization : Digest realm=\"r\",Response = \"****\",cnonce=\"c\"\n" },
		{ "Authorization: Digest response=0123,x=y\r\n",
		  "Authorization: Digest response=****,x=y\n" },
		{ "Authorization: Digest nonce=\"n\",\r\n response=\"0123\",\r\n\tqop=auth\r\n",
		  "Authorization: Digest nonce=\"n\",\n response=\"****\",\n\tqop=auth\n" },
		{ "Authorization: Digest xresponse=\"0123\", response\r\n",
		  "Authorization: Digest xresponse=\"0123\", response\n" },
		{ "Authorization: Digest response=\"0123\r\nX: y\r\n",
		  "Authorization: Digest response=\"****\nX: y\n" },
		{ "X-Authorization: response=\"0123\"\r\n", "X-Authorization: response=\"0123\"\n" },
		{ "Authorization: Digest response=\"01\"\r\nAuthorization: Digest response=\"23\"\r\n",
		  "Authorization: Digest response=\"**\"\nAuthorization: Digest response=\"**\"\n" },
	};

	(void)state;
	trace_start();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char in[400];
		struct trace t;
		char *text;

		snprintf(in, sizeof(in), "INVITE sip:a@b SIP/2.0\r\nCall-ID: x\r\n%s\r\n", row[i].in);
		trace_init(&t, "x");
		feed(RECEIVED, in);
		text = written(&t);
		if (!strstr(text, row[i].out))
			fail_msg("row %zu: %s", i, text);
		free(text);
		trace_fini(&t);
	}
	trace_stop();
}

static void test_text(void **state)
{
	enum conf_transport transport = CONF_UDP;
	char address[64] = "", *text;
	struct trace t;

	(void)state;
	clock_fake(1700000000123456);
	trace_start();
	trace_init(&t, "x");
	assert_int_equal(trace_received_by(&t, "INVITE", &transport, address, sizeof(address)),
			 -ENOENT);
	feed("recv 99 bytes from tcp/[192.0.2.9]:5070 at 00:00:00.000001:\n",
	     "INVITE sip:a@b SIP/2.0\r\nCall-ID: x\r\n\r\nv=0\r\n"
	     "   ------------------------------------------------------------------------\r\n"
	     "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET1+/=|2^31|1:4\r\n"
	     "a=Crypto:2 F8 inline:SECRET2;inline:SECRET3|x KDR=1\r\n"
	     "a=ice-ufrag:abcd\r\na=ice-pwd:SECRET5+/\r\n"
	     " a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET6\r\n"
	     "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:SECRET4");
	feed(SENT, "SIP/2.0 200 OK\r\nCall-ID: x\r\n\r\n");
	text = written(&t);
	assert_string_equal(text,
		"2023-11-14T22:13:20.123Z from tcp 192.0.2.9 5070, 99 bytes\n"
		"INVITE sip:a@b SIP/2.0\nCall-ID: x\n\nv=0\n"
		"   ------------------------------------------------------------------------\n"
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:**********|2^31|1:4\n"
		"a=Crypto:2 F8 inline:*******;inline:*******|x KDR=1\n"
		"a=ice-ufrag:abcd\na=ice-pwd:*********\n"
		" a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:*******\n"
		"a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:*******\n\n"
		"2023-11-14T22:13:20.123Z to tls 2001:db8::9 5071, 300 bytes\n"
		"SIP/2.0 200 OK\nCall-ID: x\n\n\n");
	free(text);
	assert_int_equal(trace_received_by(&t, "INVITE", &transport, address, sizeof(address)), 0);
	assert_int_equal(transport, CONF_TCP);
	assert_string_equal(address, "192.0.2.9");
	assert_int_equal(trace_received_by(&t, "INV", &transport, address, sizeof(address)),
			 -ENOENT);
	trace_fini(&t);
	trace_stop();
	clock_fake(-1);
}

static void test_limits(void **state)
{
	size_t big = 100 * 1024;
	char *text = malloc(400 * 1024), *out;
	struct trace t;
	int n;

	(void)state;
	trace_start();
	trace_init(&t, "x");
	for (int i = 0; i < TRACE_MESSAGES + 7; i++) {
		n = snprintf(text, 400 * 1024, "INFO %d SIP/2.0\r\nCall-ID: x\r\n\r\n", i);
		trace_feed(RECEIVED, text, (size_t)n);
	}
	assert_int_equal(t.count, TRACE_MESSAGES);
	assert_int_equal(t.dropped, 7);
	out = written(&t);
	assert_non_null(strstr(out, "(7 older messages were not kept)"));
	assert_null(strstr(out, "INFO 6 "));
	assert_non_null(strstr(out, "INFO 7 "));
	free(out);
	/* Large ones push the small ones out, and each other. */
	n = snprintf(text, 400 * 1024, "INVITE 0 SIP/2.0\r\nCall-ID: x\r\n\r\n");
	memset(text + n, 'y', big);
	for (int i = 0; i < 4; i++)
		trace_feed(RECEIVED, text, (size_t)n + big);
	assert_true(t.bytes <= TRACE_BYTES);
	assert_int_equal(t.count, 2);
	/* One that is longer than can be taken is cut. */
	memset(text + n, '\n', 300 * 1024);
	trace_feed(RECEIVED, text, (size_t)n + 300 * 1024);
	assert_true(t.bytes <= TRACE_BYTES);
	trace_fini(&t);
	trace_stop();
	free(text);
}

static void test_orphans(void **state)
{
	char text[128];
	struct trace t;

	(void)state;
	trace_start();
	for (int i = 0; i < TRACE_ORPHANS + 10; i++) {
		int n = snprintf(text, sizeof(text), "OPTIONS x SIP/2.0\r\nCall-ID: n%d\r\n\r\n", i);

		trace_feed(RECEIVED, text, (size_t)n);
	}
	trace_init(&t, "n9");
	assert_int_equal(t.count, 0);
	trace_fini(&t);
	trace_init(&t, "n10");
	assert_int_equal(t.count, 1);
	trace_fini(&t);
	trace_stop();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_belongs),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_orphans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
