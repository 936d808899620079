/* SPDX-License-Identifier: GPL-3.0-or-later
 * How a line is secured: by which keying, by which of the lines offered, and never more
 * weakly than before. */
#include "tests/unit/desc_make.h"

enum outcome { REFUSED, PLAIN, SDES, DTLS };

static enum outcome outcome_of(const struct desc_line *line)
{
	return line->port == 0 ? REFUSED : line->n_crypto ? SDES :
	       line->setup != SETUP_NONE ? DTLS : PLAIN;
}

static void security_matrix(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	static const struct {
		enum desc_proto proto;
		bool crypto, fingerprint;
		enum outcome off, preferred, required;
	} rows[] = {
		{ PROTO_AVP, false, false, PLAIN, PLAIN, REFUSED },
		{ PROTO_AVP, true, false, PLAIN, SDES, SDES },
		{ PROTO_AVP, false, true, PLAIN, DTLS, DTLS },
		{ PROTO_AVP, true, true, PLAIN, SDES, SDES },
		{ PROTO_AVPF, false, false, PLAIN, PLAIN, REFUSED },
		{ PROTO_AVPF, true, false, PLAIN, SDES, SDES },
		{ PROTO_SAVP, false, false, REFUSED, REFUSED, REFUSED },
		{ PROTO_SAVP, true, false, REFUSED, SDES, SDES },
		{ PROTO_SAVPF, false, true, REFUSED, DTLS, DTLS },
		{ PROTO_SAVPF, true, true, REFUSED, SDES, SDES },
		{ PROTO_DTLS_SAVP, false, true, REFUSED, DTLS, DTLS },
		{ PROTO_DTLS_SAVPF, false, true, REFUSED, DTLS, DTLS },
		{ PROTO_DTLS_SAVPF, true, false, REFUSED, REFUSED, REFUSED },
		{ PROTO_DTLS_SAVPF, true, true, REFUSED, DTLS, DTLS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const enum outcome want[] = { rows[i].off, rows[i].preferred, rows[i].required };

		for (int e = ENCRYPTION_OFF; e <= ENCRYPTION_REQUIRED; e++) {
			struct desc_line *line;

			clear(f);
			line = put_line(f->offer, MEDIA_AUDIO, rows[i].proto);
			put_codec(line, 0, CODEC_PCMU, 8000);
			if (rows[i].crypto)
				put_crypto(line, 3, SRTP_AES_CM_128_HMAC_SHA1_80, 1);
			if (rows[i].fingerprint)
				put_fingerprint(line, SETUP_ACTPASS);
			f->policy.encryption = (enum conf_encryption)e;
			answer(f);
			assert_int_equal(outcome_of(&f->answer->line[0]), want[e]);
			assert_int_equal(f->verdict.status, want[e] == REFUSED ? 488 : 200);
			assert_int_equal(f->verdict.warning[0] != '\0', want[e] == REFUSED);
			assert_string_equal(f->answer->line[0].proto_text, line->proto_text);
		}
	}
}

/* A profile or an earlier agreement can only make it stricter. */
static void never_weaker(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct conf_profile profile = { .encryption = ENCRYPTION_REQUIRED, .video = true };
	char *codecs[] = { (char *)"PCMU" };

	put_codec(put_line(f->offer, MEDIA_AUDIO, PROTO_AVP), 0, CODEC_PCMU, 8000);
	f->policy.encryption = ENCRYPTION_OFF;
	answer(f);
	assert_int_equal(f->verdict.status, 200);
	f->policy.was_secured = true;
	answer(f);
	assert_int_equal(f->verdict.status, 488);
	assert_non_null(strstr(f->verdict.warning, "must stay"));
	f->policy.was_secured = false;
	profile.audio_codecs = codecs;
	profile.n_audio_codecs = 1;
	f->policy.profile = &profile;
	answer(f);
	assert_int_equal(f->verdict.status, 488);
	assert_non_null(strstr(f->verdict.warning, "required"));
}

/* The first line that can be done, with the tag it was offered with. */
static void first_usable_crypto(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct desc_line *line = put_line(f->offer, MEDIA_AUDIO, PROTO_SAVP);

	put_codec(line, 0, CODEC_PCMU, 8000);
	put_crypto(line, 0, SRTP_AES_CM_128_HMAC_SHA1_80, 1);
	line->crypto[0].unencrypted_srtcp = true;
	put_crypto(line, 9, SRTP_AES_CM_128_HMAC_SHA1_32, 2);
	line->crypto[1].other_params = true;
	put_crypto(line, 5, SRTP_AES_CM_128_HMAC_SHA1_32, 3);
	put_crypto(line, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 4);
	answer(f);
	assert_int_equal(f->answer->line[0].n_crypto, 1);
	assert_int_equal(f->answer->line[0].crypto[0].tag, 5);
	assert_int_equal(f->answer->line[0].crypto[0].key.suite, SRTP_AES_CM_128_HMAC_SHA1_32);
	/* A tag that stands there twice means the one that was meant. */
	line->crypto[0].tag = 5;
	line->crypto[1].tag = 5;
	answer(f);
	assert_int_equal(desc_agree(f->answer, f->offer, false, f->agreed), 0);
	assert_int_equal(f->agreed[0].rx_key.key[0], 3);
	line->n_crypto = 2;
	answer(f);
	assert_int_equal(f->verdict.status, 488);
}

/* Two lite ends: neither would check, so ICE is not used. */
static void two_lite_ends(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct desc_line *line = put_line(f->offer, MEDIA_AUDIO, PROTO_AVP);

	put_codec(line, 0, CODEC_PCMU, 8000);
	line->ice = true;
	strcpy(line->ice_ufrag, "abcd");
	strcpy(line->ice_pwd, "0123456789012345678901");
	for (int lite = 0; lite < 2; lite++) {
		f->offer->ice_lite = lite;
		answer(f);
		assert_true(f->answer->line[0].ice);
		assert_int_equal(desc_agree(f->answer, f->offer, false, f->agreed), 0);
		assert_true(f->agreed[0].active);
		assert_int_equal(f->agreed[0].ice, !lite);
	}
}

static void plain_beside_secure(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct desc_line *line = put_line(f->offer, MEDIA_AUDIO, PROTO_AVP);

	put_codec(line, 0, CODEC_PCMU, 8000);
	line = put_line(f->offer, MEDIA_AUDIO, PROTO_SAVP);
	put_codec(line, 0, CODEC_PCMU, 8000);
	put_crypto(line, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 1);
	answer(f);
	assert_int_equal(f->answer->line[0].port, 0);
	assert_int_equal(f->answer->line[1].port, 9);
	f->policy.encryption = ENCRYPTION_OFF;
	answer(f);
	assert_int_equal(f->answer->line[0].port, 9);
	assert_int_equal(f->answer->line[1].port, 0);
}

static void dtls_roles(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	static const struct {
		enum desc_setup offered, in_force, want;
	} rows[] = {
		{ SETUP_ACTPASS, SETUP_NONE, SETUP_ACTIVE },
		{ SETUP_ACTPASS, SETUP_ACTIVE, SETUP_ACTIVE },
		{ SETUP_ACTPASS, SETUP_PASSIVE, SETUP_PASSIVE },
		{ SETUP_ACTIVE, SETUP_NONE, SETUP_PASSIVE },
		{ SETUP_PASSIVE, SETUP_NONE, SETUP_ACTIVE },
		{ SETUP_NONE, SETUP_NONE, SETUP_PASSIVE },
		{ SETUP_HOLDCONN, SETUP_ACTIVE, SETUP_HOLDCONN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct desc_line *line;

		clear(f);
		line = put_line(f->offer, MEDIA_AUDIO, PROTO_DTLS_SAVPF);
		put_codec(line, 0, CODEC_PCMU, 8000);
		put_fingerprint(line, rows[i].offered);
		f->policy.dtls_role = rows[i].in_force;
		answer(f);
		assert_int_equal(f->answer->line[0].setup, rows[i].want);
		assert_int_equal(f->answer->line[0].send, rows[i].want != SETUP_HOLDCONN);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(security_matrix), T(never_weaker), T(first_usable_crypto), T(two_lite_ends),
		T(plain_beside_secure), T(dtls_roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
