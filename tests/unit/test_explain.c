/* SPDX-License-Identifier: GPL-3.0-or-later
 * `balai sdp explain`: the status, what is said of each line and codec, and the text. */
#include "tests/unit/sdp_text.h"

#include "sip/explain.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *explain(const char *text, int status)
{
	const struct desc_policy policy = { .encryption = ENCRYPTION_PREFERRED, .video = true };
	char *buf = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&buf, &size);
	json_t *json;

	assert_int_equal(sdp_explain(text, strlen(text), &policy, NULL, NULL, true, out), status);
	fclose(out);
	json = json_loadb(buf, size, 0, NULL);
	assert_non_null(json);
	free(buf);
	assert_int_equal(json_integer_value(json_object_get(json, "status")), status);
	assert_int_equal(json_object_get(json, "answer") != NULL, status == 200);
	return json;
}

#define INVITE "INVITE sip:1@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1\r\n"

static void explained_status(void **state)
{
	static const struct {
		const char *text;
		int status;
		unsigned lines;
	} rows[] = {
		{ HEAD "m=audio 1 RTP/AVP 0\r\n", 200, 1 },
		{ HEAD "m=audio 1 RTP/AVP 3\r\n", 488, 1 },
		{ "rubbish", 400, 0 }, { "", 400, 0 },
		{ INVITE "Content-Type: application/sdp\r\n\r\n" HEAD "m=audio 1 RTP/AVP 0\r\n", 200, 1 },
		{ INVITE "c: application/sdp\r\n\r\n" HEAD "m=audio 1 RTP/AVP 0\r\n", 200, 1 },
		{ INVITE "Content-Type: application/unknown\r\n\r\n<x/>", 415, 0 },
		{ INVITE "Content-Length: 0\r\n\r\n", 200, 2 }, /* our offer */
		{ INVITE "Content-Type: multipart/mixed\r\n\r\n--x\r\n", 400, 0 },
		{ INVITE "Content-Type: application/sdp\r\n\r\nhello", 400, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *json = explain(rows[i].text, rows[i].status);

		assert_int_equal(json_array_size(json_object_get(json, "mlines")), rows[i].lines);
		json_decref(json);
	}
}

static void explained_lines(void **state)
{
	json_t *json = explain(HEAD "m=audio 1 RTP/AVP 96 97 8\r\na=rtpmap:96 x\xffy/8000\r\n"
			       "a=rtpmap:97 G7221/32000\r\na=fmtp:97 bit\xffrate=1\r\n"
			       "a=sendonly\r\nm=\xff 1 x y\r\n", 200);
	json_t *line = json_array_get(json_object_get(json, "mlines"), 0), *codec;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(line, "media")), "audio");
	assert_string_equal(json_string_value(json_object_get(line, "codec")), "PCMA");
	assert_int_equal(json_integer_value(json_object_get(line, "payload_type")), 8);
	assert_string_equal(json_string_value(json_object_get(line, "direction")), "recvonly");
	assert_true(json_integer_value(json_object_get(line, "port")) > 0);
	codec = json_array_get(json_object_get(line, "codecs"), 0);
	assert_string_equal(json_string_value(json_object_get(codec, "codec")), "?");
	codec = json_array_get(json_object_get(line, "codecs"), 1);
	assert_string_equal(json_string_value(json_object_get(codec, "codec")), "G7221/32000");
	assert_string_equal(json_string_value(json_object_get(codec, "fmtp")), "bit?rate=1");
	assert_string_equal(json_string_value(json_object_get(codec, "reason")),
			    "Debian 12 has no G.722.1");
	line = json_array_get(json_object_get(json, "mlines"), 1);
	assert_true(json_is_null(json_object_get(line, "codec")));
	assert_int_equal(json_integer_value(json_object_get(line, "port")), 0);
	assert_string_equal(json_string_value(json_object_get(line, "media")), "?");
	json_decref(json);
}

/* Twice the same text gives twice the same answer. */
static void explained_text(void **state)
{
	const struct desc_policy policy = { .encryption = ENCRYPTION_PREFERRED, .video = true };
	char *text[2] = { NULL, NULL };

	(void)state;
	for (int i = 0; i < 2; i++) {
		size_t size = 0;
		FILE *out = open_memstream(&text[i], &size);

		assert_int_equal(sdp_explain(full, strlen(full), &policy, NULL, NULL, false, out), 200);
		fclose(out);
	}
	assert_string_equal(text[0], text[1]);
	assert_non_null(strstr(text[0], "line 2 application: refused"));
	free(text[0]);
	free(text[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explained_status),
		cmocka_unit_test(explained_lines),
		cmocka_unit_test(explained_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
