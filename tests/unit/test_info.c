/* SPDX-License-Identifier: GPL-3.0-or-later
 * Bodies of INFO as phones and room systems send them. */
#include "tests/unit/cmocka_head.h"

#include "sip/info.h"

#include <errno.h>
#include <string.h>

#define RELAY "application/dtmf-relay"
#define PLAIN "application/dtmf"
#define NORTEL "application/vnd.nortelnetworks.digits"
#define MEDIA "application/media_control+xml"

static void test_bodies(void **state)
{
	static const struct {
		const char *type, *body;
		int err;
		enum info_kind kind;
		const char *keys;
	} row[] = {
		{ NULL, "", 0, INFO_NONE, "" },
		{ RELAY, "", 0, INFO_NONE, "" },
		{ NULL, "Signal=1", -ENOTSUP, INFO_NONE, "" },
		{ "text/plain", "1", -ENOTSUP, INFO_NONE, "" },
		{ RELAY, "Signal=5\r\nDuration=160\r\n", 0, INFO_DTMF, "5" },
		{ RELAY, "Signal= 5\r\nDuration= 160", 0, INFO_DTMF, "5" },
		{ RELAY, "Duration=100\nSignal=#\n", 0, INFO_DTMF, "#" },
		{ RELAY, "signal = *", 0, INFO_DTMF, "*" },
		{ RELAY, "Signal=11\r\nDuration=100", 0, INFO_DTMF, "#" },
		{ RELAY, "Signal=10", 0, INFO_DTMF, "*" },
		{ RELAY, "Signal=15", 0, INFO_DTMF, "D" },
		{ RELAY, "Signal=a", 0, INFO_DTMF, "A" },
		{ "Application/DTMF-Relay", "Signal=7", 0, INFO_DTMF, "7" },
		{ RELAY, "Signal=16", -EBADMSG, INFO_NONE, "" },
		{ RELAY, "Signal=", -EBADMSG, INFO_NONE, "" },
		{ RELAY, "Signal", -EBADMSG, INFO_NONE, "" },
		{ RELAY, "Signals=5", -EBADMSG, INFO_NONE, "" },
		{ RELAY, "5", -EBADMSG, INFO_NONE, "" },
		{ PLAIN, "5", 0, INFO_DTMF, "5" },
		{ PLAIN, " #\r\n", 0, INFO_DTMF, "#" },
		{ PLAIN, "Signal=3\r\nDuration=20", 0, INFO_DTMF, "3" },
		{ PLAIN, "55", -EBADMSG, INFO_NONE, "" },
		{ PLAIN, "x", -EBADMSG, INFO_NONE, "" },
		{ NORTEL, "p=Digit-Collection\r\ny=Digits\r\n\r\nd=123#\r\n", 0, INFO_DTMF, "123#" },
		{ NORTEL, "d=", -EBADMSG, INFO_NONE, "" },
		{ NORTEL, "d=1234567890123456789012345678901234567890", -EBADMSG, INFO_NONE, "" },
		{ MEDIA, "<media_control><vc_primitive><to_encoder><picture_fast_update>"
			 "</picture_fast_update></to_encoder></vc_primitive></media_control>",
		  0, INFO_KEY_FRAME, "" },
		{ MEDIA, "<mc:picture_fast_update/>", 0, INFO_KEY_FRAME, "" },
		{ MEDIA, "<picture_fast_update2/>", 0, INFO_OTHER, "" },
		{ MEDIA, "picture_fast_update", 0, INFO_OTHER, "" },
		{ MEDIA, "<media_control><general_error>x</general_error></media_control>", 0,
		  INFO_ERROR, "" },
		{ MEDIA, "<<<:<:<", 0, INFO_OTHER, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct info info = { 0 };
		int err = info_parse(&info, row[i].type, row[i].body, strlen(row[i].body));

		if (err != row[i].err || (!err && (info.kind != row[i].kind ||
						   strcmp(info.keys, row[i].keys))))
			fail_msg("row %zu: %d, kind %d, keys \"%s\"", i, err, info.kind, info.keys);
	}
}

/* A body is bytes, not a string: nothing behind its end is read. */
static void test_cut(void **state)
{
	static const char body[] = "Signal=5\r\nDuration=160";
	struct info info;

	(void)state;
	for (size_t n = 1; n < sizeof(body); n++) {
		char *copy = test_malloc(n);
		int err;

		memcpy(copy, body, n);
		err = info_parse(&info, RELAY, copy, n);
		assert_int_equal(err, n < 8 ? -EBADMSG : 0);
		test_free(copy);
	}
	assert_int_equal(info_parse(&info, MEDIA, NULL, 0), 0);
	assert_int_equal(info.kind, INFO_NONE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
