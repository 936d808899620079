/* SPDX-License-Identifier: GPL-3.0-or-later
 * Our own offers, at first and inside a call. */
#include "tests/unit/desc_make.h"

static void offers(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	const struct desc_line *line;

	desc_offer(&f->policy, f->offer);
	assert_int_equal(f->offer->n_lines, 2);
	line = &f->offer->line[0];
	assert_int_equal(line->codec[0].format.id, CODEC_OPUS);
	for (unsigned i = 0; i < line->n_codecs; i++) {
		assert_true(desc_codec_supported(line->codec[i].format.id));
		assert_int_not_equal(line->codec[i].format.id, CODEC_L16);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(line->codec[i].pt, line->codec[j].pt);
	}
	line = &f->offer->line[1];
	assert_int_equal(line->codec[0].format.h264.packetization_mode, 1);
	assert_int_equal(line->codec[1].format.h264.packetization_mode, 0);
	for (unsigned i = 0; i < line->n_codecs; i++) {
		assert_true(desc_codec_supported(line->codec[i].format.id));
		assert_true(line->codec[i].fir && line->codec[i].pli);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(line->codec[i].pt, line->codec[j].pt);
	}
	f->policy.encryption = ENCRYPTION_REQUIRED;
	desc_offer(&f->policy, f->offer);
	assert_int_equal(f->offer->line[0].proto, PROTO_SAVP);
	f->policy.encryption = ENCRYPTION_OFF;
	f->policy.video = false;
	desc_offer(&f->policy, f->offer);
	assert_int_equal(f->offer->line[0].proto, PROTO_AVP);
	assert_int_equal(f->offer->line[0].n_crypto, 0);
	assert_int_equal(f->offer->line[0].setup, SETUP_NONE);
	assert_int_equal(f->offer->n_lines, 1);
}

/* A profile with nothing of a kind offers no line of it. */
static void offer_of_little(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	char *audio[] = { (char *)"G729" }, *video[] = { (char *)"H261" };
	struct conf_profile profile = {
		.video = true, .audio_codecs = audio, .n_audio_codecs = 1,
		.video_codecs = video, .n_video_codecs = desc_codec_supported(CODEC_H261) ? 0 : 1,
	};

	f->policy.profile = &profile;
	desc_offer(&f->policy, f->offer);
	assert_int_equal(f->offer->n_lines, 1);
	assert_int_equal(f->offer->line[0].codec[0].pt, 18);
	profile.n_audio_codecs = 0;
	desc_offer(&f->policy, f->offer);
	assert_int_equal(f->offer->n_lines, 0);
}

/* Our own answer to our own offer: everything fits. */
static void offer_meets_answer(void **state)
{
	struct fixture *f = (struct fixture *)*state;

	for (int e = ENCRYPTION_OFF; e <= ENCRYPTION_REQUIRED; e++) {
		f->policy.encryption = (enum conf_encryption)e;
		desc_offer(&f->policy, f->offer);
		answer(f);
		assert_int_equal(f->verdict.status, 200);
		assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
		for (unsigned i = 0; i < 2; i++) {
			assert_true(f->agreed[i].active && f->agreed[i].send &&
				    f->agreed[i].receive && f->agreed[i].rtcp_mux);
			assert_int_equal(f->agreed[i].security,
					 e == ENCRYPTION_OFF ? AGREED_PLAIN : AGREED_SDES);
		}
	}
}

static int pt_of(const struct desc_line *line, enum codec_id id, uint32_t rate)
{
	for (unsigned i = 0; i < line->n_codecs; i++) {
		if (line->codec[i].format.id == id && line->codec[i].format.clock_rate == rate)
			return line->codec[i].pt;
	}
	return -1;
}

/* Inside a call nothing moves: lines, numbers, keys; the rest is offered beside. */
static void offer_inside_a_call(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct media_desc *again = media_desc_new();
	struct desc_line *line = put_line(f->offer, MEDIA_OTHER, PROTO_OTHER);
	const struct desc_line *got;

	line = put_line(f->offer, MEDIA_AUDIO, PROTO_SAVP);
	put_codec(line, 100, CODEC_OPUS, 48000);
	put_codec(line, 101, CODEC_TELEPHONE_EVENT, 8000);
	strcpy(line->formats_text, "96 97 98 102 103 100 101 8 7777 x");
	put_crypto(line, 4, SRTP_AES_CM_128_HMAC_SHA1_32, 1);
	line->send = true;
	line->receive = false;
	line = put_line(f->offer, MEDIA_VIDEO, PROTO_DTLS_SAVPF);
	put_h264(line, 96, 0x42801f, 1);
	strcpy(line->formats_text, "96 97");
	put_fingerprint(line, SETUP_ACTPASS);
	answer(f);
	assert_int_equal(f->verdict.status, 200);
	memset(f->answer->line[1].crypto[0].key.key, 9, SRTP_MAX_KEY);
	f->answer->line[1].port = 20000;
	desc_reoffer(&f->policy, f->answer, f->offer, again);

	assert_int_equal(again->n_lines, 3);
	assert_int_equal(again->line[0].port, 0);
	assert_string_equal(again->line[0].proto_text, "UDP/BFCP");
	got = &again->line[1];
	assert_int_equal(got->port, 20000);
	assert_true(got->send && got->receive);
	assert_int_equal(got->n_crypto, 1);
	assert_int_equal(got->crypto[0].tag, 4);
	assert_int_equal(got->crypto[0].key.key[0], 9);
	assert_int_equal(pt_of(got, CODEC_OPUS, 48000), 100);
	assert_int_equal(pt_of(got, CODEC_TELEPHONE_EVENT, 8000), 101);
	assert_int_equal(pt_of(got, CODEC_TELEPHONE_EVENT, 48000), 104);
	assert_int_equal(pt_of(got, CODEC_G722, 8000), 9);
	assert_int_equal(pt_of(got, CODEC_PCMU, 8000), 0);
	/* 8 stood in their list for something we did not know. */
	assert_int_equal(pt_of(got, CODEC_PCMA, 8000), 99);
	got = &again->line[2];
	assert_int_equal(got->setup, SETUP_ACTPASS);
	assert_int_equal(got->codec[0].pt, 96);
	assert_int_equal(got->codec[0].format.h264.packetization_mode, 1);
	assert_true(got->n_codecs > 2);
	for (unsigned i = 0; i < got->n_codecs; i++) {
		assert_int_not_equal(got->codec[i].pt, 97);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(got->codec[i].pt, got->codec[j].pt);
	}
	media_desc_free(again);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(offers), T(offer_of_little), T(offer_meets_answer), T(offer_inside_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
