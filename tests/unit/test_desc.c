/* SPDX-License-Identifier: GPL-3.0-or-later
 * Media descriptions without any protocol: which lines an answer takes and what it says
 * of them, and fingerprints. */
#include "tests/unit/desc_make.h"

#include <arpa/inet.h>
#include <errno.h>

static void directions(void **state)
{
	struct fixture *f = (struct fixture *)*state;

	for (int i = 0; i < 4; i++) {
		struct desc_line *line;

		clear(f);
		line = put_line(f->offer, MEDIA_AUDIO, PROTO_AVP);
		put_codec(line, 0, CODEC_PCMU, 8000);
		line->send = i & 1;
		line->receive = i & 2;
		answer(f);
		assert_int_equal(f->verdict.status, 200);
		assert_int_equal(f->answer->line[0].send, line->receive);
		assert_int_equal(f->answer->line[0].receive, line->send);
	}
}

/* One audio and one main video; the rest keeps its words with port 0. */
static void which_lines(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct desc_line *line;
	static const bool want[] = { false, true, false, false, true, false, false };

	line = put_line(f->offer, MEDIA_VIDEO, PROTO_AVP);
	line->role = ROLE_SLIDES;
	put_h264(line, 97, 0x42801f, 1);
	put_codec(put_line(f->offer, MEDIA_AUDIO, PROTO_AVP), 0, CODEC_PCMU, 8000);
	put_line(f->offer, MEDIA_OTHER, PROTO_OTHER);
	put_codec(put_line(f->offer, MEDIA_AUDIO, PROTO_AVP), 8, CODEC_PCMA, 8000);
	put_h264(put_line(f->offer, MEDIA_VIDEO, PROTO_AVP), 97, 0x42801f, 1);
	put_h264(put_line(f->offer, MEDIA_VIDEO, PROTO_AVP), 97, 0x42801f, 1);
	put_h264(put_line(f->offer, MEDIA_VIDEO, PROTO_AVP), 97, 0x42801f, 1)->pt = 99;
	f->offer->line[6].port = 0;
	answer(f);
	assert_int_equal(f->answer->n_lines, 7);
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(f->answer->line[i].port != 0, want[i]);
		assert_string_equal(f->answer->line[i].media, f->offer->line[i].media);
		assert_string_equal(f->answer->line[i].formats_text,
				    f->offer->line[i].formats_text);
		assert_true(f->answer->line[i].reason[0] != '\0');
	}
	f->policy.video = false;
	answer(f);
	assert_int_equal(f->answer->line[4].port, 0);
	assert_int_equal(f->answer->line[1].port, 9);
}

static void addresses(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	static const struct {
		int family;
		const char *address;
		int only;
		int status;
	} rows[] = {
		{ AF_INET, "10.0.0.1", 0, 200 }, { AF_INET6, "2001:db8::1", 0, 200 },
		{ AF_INET, "224.2.0.1", 0, 488 }, { AF_INET6, "ff15::101", 0, 488 },
		{ AF_INET6, "2001:db8::1", AF_INET, 488 }, { AF_INET, "10.0.0.1", AF_INET6, 488 },
		{ AF_INET, "10.0.0.1", AF_INET, 200 }, { AF_UNSPEC, "", AF_INET, 200 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct desc_line *line;
		struct sockaddr_in *v4;
		struct sockaddr_in6 *v6;

		clear(f);
		line = put_line(f->offer, MEDIA_AUDIO, PROTO_AVP);
		put_codec(line, 0, CODEC_PCMU, 8000);
		v4 = (struct sockaddr_in *)&line->rtp;
		v6 = (struct sockaddr_in6 *)&line->rtp;
		line->rtp.ss_family = (sa_family_t)rows[i].family;
		inet_pton(rows[i].family == AF_INET6 ? AF_INET6 : AF_INET, rows[i].address,
			  rows[i].family == AF_INET6 ? (void *)&v6->sin6_addr
						     : (void *)&v4->sin_addr);
		f->policy.family = rows[i].only;
		answer(f);
		assert_int_equal(f->verdict.status, rows[i].status);
	}
}

/* ANAT: two families of the same stream; one is taken, by order, or the one
 * there is. */
static void alternatives(void **state)
{
	struct fixture *f = (struct fixture *)*state;

	put_codec(put_line(f->offer, MEDIA_AUDIO, PROTO_AVP), 0, CODEC_PCMU, 8000);
	put_codec(put_line(f->offer, MEDIA_AUDIO, PROTO_AVP), 0, CODEC_PCMU, 8000);
	f->offer->line[0].rtp.ss_family = AF_INET6;
	f->offer->line[1].rtp.ss_family = AF_INET;
	answer(f);
	assert_int_equal(f->answer->line[0].port, 9);
	assert_int_equal(f->answer->line[1].port, 0);
	f->policy.family = AF_INET;
	answer(f);
	assert_int_equal(f->answer->line[0].port, 0);
	assert_int_equal(f->answer->line[1].port, 9);
}

static void bundling(void **state)
{
	struct fixture *f = (struct fixture *)*state;

	put_codec(put_line(f->offer, MEDIA_AUDIO, PROTO_AVPF), 0, CODEC_PCMU, 8000);
	put_h264(put_line(f->offer, MEDIA_VIDEO, PROTO_AVPF), 97, 0x42e01f, 1);
	for (unsigned i = 0; i < 2; i++) {
		f->offer->line[i].bundled = f->offer->line[i].rtcp_mux = true;
		strcpy(f->offer->line[i].mid, i ? "v" : "a");
	}
	answer(f);
	assert_true(f->answer->line[0].bundled && f->answer->line[1].bundled);
	assert_string_equal(f->answer->line[1].mid, "v");
	assert_int_equal(desc_agree(f->answer, f->offer, false, f->agreed), 0);
	assert_int_equal(f->agreed[0].bundled_with, -1);
	assert_int_equal(f->agreed[1].bundled_with, 0);

	/* Without rtcp-mux a line stands alone; a refused one is no member, and
	 * the next is the first then. */
	f->offer->line[0].rtcp_mux = false;
	answer(f);
	assert_false(f->answer->line[0].bundled);
	assert_int_equal(desc_agree(f->answer, f->offer, false, f->agreed), 0);
	assert_int_equal(f->agreed[1].bundled_with, -1);
	f->offer->line[0].rtcp_mux = true;
	f->policy.video = false;
	answer(f);
	assert_false(f->answer->line[1].bundled);
}

static void too_many(void **state)
{
	struct fixture *f = (struct fixture *)*state;

	put_codec(put_line(f->offer, MEDIA_AUDIO, PROTO_AVP), 0, CODEC_PCMU, 8000);
	f->offer->too_many_lines = true;
	answer(f);
	assert_int_equal(f->verdict.status, 488);
	assert_non_null(strstr(f->verdict.warning, "16"));
	clear(f);
	answer(f);
	assert_int_equal(f->verdict.status, 488);
}

static void fingerprints(void **state)
{
	static const struct {
		const char *hash, *text;
		int err;
	} rows[] = {
		{ "sha-1", "00:11:22:33:44:55:66:77:88:99:aa:BB:cc:DD:ee:FF:00:11:22:33", 0 },
		{ "SHA-1", "00:11:22:33:44:55:66:77:88:99:aa:BB:cc:DD:ee:FF:00:11:22:33", 0 },
		{ "sha-1", "00:11", -EBADMSG }, { "sha-1", "", -EBADMSG },
		{ "sha-1", "00:11:22:33:44:55:66:77:88:99:aa:BB:cc:DD:ee:FF:00:11:22:33:44", -EBADMSG },
		{ "sha-1", "0011:22:33:44:55:66:77:88:99:aa:BB:cc:DD:ee:FF:00:11:22:33", -EBADMSG },
		{ "sha-1", "0g:11:22:33:44:55:66:77:88:99:aa:BB:cc:DD:ee:FF:00:11:22:33", -EBADMSG },
		{ "sha-256", "00:11:22", -EBADMSG },
		{ "md5", "00:11:22:33:44:55:66:77:88:99:aa:BB:cc:DD:ee:FF", -ENOTSUP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct desc_fingerprint f = { .len = 99 };

		assert_int_equal(desc_fingerprint_parse(&f, rows[i].hash, rows[i].text),
				 rows[i].err);
		assert_int_equal(f.len, rows[i].err ? 99 : 20);
		if (rows[i].err == 0) {
			assert_string_equal(f.hash, "sha-1");
			assert_int_equal(f.bytes[10], 0xaa);
			assert_int_equal(f.bytes[19], 0x33);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(directions), T(which_lines), T(addresses), T(alternatives), T(bundling),
		T(too_many), cmocka_unit_test(fingerprints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
