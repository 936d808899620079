/* SPDX-License-Identifier: GPL-3.0-or-later
 * The session description inside a body. */
#include "tests/unit/cmocka_head.h"

#include "sip/body.h"

#include <errno.h>
#include <string.h>

#define SDP "v=0\r\nm=audio 1 RTP/AVP 0"

static void bodies(void **state)
{
	static const struct {
		const char *type, *body;
		int err;
		const char *want;
	} rows[] = {
		{ "application/sdp", SDP "\r\n", 0, SDP "\r\n" },
		{ "Application/SDP ; charset=utf-8", SDP, 0, SDP },
		{ NULL, SDP, 0, SDP }, { "", "\r\n " SDP, 0, "\r\n " SDP },
		{ NULL, "hello", -ENOTSUP, NULL },
		{ "application/sdp", "", -ENOENT, NULL }, { NULL, "", -ENOENT, NULL },
		{ "application/sdpx", SDP, -ENOTSUP, NULL },
		{ "text/plain", SDP, -ENOTSUP, NULL },
		/* The break before the boundary belongs to the boundary. */
		{ "multipart/mixed;boundary=b1", "--b1\r\nContent-Type: application/sdp\r\n\r\n" SDP
		  "\r\n--b1\r\nContent-Type: application/gtd\r\n\r\nx\r\n--b1--\r\n", 0, SDP },
		{ "multipart/mixed; x=y; boundary=\"b 1\"", "preamble\r\n--b 1\r\nContent-Type: a/b\r\n"
		  "\r\nv=1\r\n--b 1  \r\nc: application/sdp\r\n\r\n" SDP "\r\n\r\n--b 1--", 0,
		  SDP "\r\n" },
		{ "multipart/mixed;boundary=\"a;b\"", "--a;b\nContent-Type: application/sdp\n\n" SDP
		  "\n--a;b--\n", 0, SDP },
		/* Cut off before the end. */
		{ "multipart/mixed;boundary=b1", "--b1\r\nContent-Type: application/sdp\r\n\r\n" SDP
		  "\r\n", 0, SDP "\r\n" },
		{ "multipart/mixed;boundary=o", "--o\r\nContent-Type: multipart/alternative; boundary=i\r\n"
		  "\r\n--i\r\n\r\ntext\r\n--i\r\nContent-Type: application/sdp\r\n\r\n" SDP
		  "\r\n--i--\r\n--o--\r\n", 0, SDP },
		/* A boundary that begins like another one. */
		{ "multipart/mixed;boundary=b", "--b\r\nContent-Type: application/sdp\r\n\r\n" SDP
		  "\r\n--bb\r\n--b--", 0, SDP "\r\n--bb" },
		{ "multipart/mixed", "--b\r\n\r\n", -EBADMSG, NULL },
		{ "multipart/mixed;boundary=", "--\r\n\r\n", -EBADMSG, NULL },
		{ "multipart/mixed;boundary=0123456789012345678901234567890123456789"
		  "0123456789012345678901234567890", "x", -EBADMSG, NULL },
		{ "multipart/mixed;boundary=b1", "--b1\r\n\r\ntext\r\n--b1--", -ENOTSUP, NULL },
		{ "multipart/mixed;boundary=b1", "nothing here", -ENOTSUP, NULL },
		{ "multipart/mixed;boundary=b1", "--b1--", -ENOTSUP, NULL },
		{ "multipart/mixed;boundary=b1", "--b1\r\nContent-Type: application/sdp\r\n\r\n"
		  "\r\n--b1--", -ENOTSUP, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *out = NULL;
		size_t len = 0;

		assert_int_equal(body_find_sdp(&out, &len, rows[i].type, rows[i].body,
					       strlen(rows[i].body)), rows[i].err);
		if (rows[i].err) {
			assert_null(out);
			continue;
		}
		assert_int_equal(len, strlen(rows[i].want));
		assert_memory_equal(out, rows[i].want, len);
	}
}

/* Multiparts in multiparts end somewhere. */
static void nested_too_deep(void **state)
{
	static const char nested[] =
		"--a\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n"
		"--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n"
		"--c\r\nContent-Type: multipart/mixed;boundary=d\r\n\r\n"
		"--d\r\nContent-Type: multipart/mixed;boundary=e\r\n\r\n"
		"--e\r\nContent-Type: application/sdp\r\n\r\n" SDP "\r\n--e--\r\n"
		"--d--\r\n--c--\r\n--b--\r\n--a--\r\n";
	const char *out = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(body_find_sdp(&out, &len, "multipart/mixed;boundary=a", nested,
				       sizeof(nested) - 1), -ENOTSUP);
	assert_int_equal(body_find_sdp(&out, &len, "multipart/mixed;boundary=b", nested,
				       sizeof(nested) - 1), 0);
	assert_memory_equal(out, SDP, len);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies), cmocka_unit_test(nested_too_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
