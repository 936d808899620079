/* SPDX-License-Identifier: GPL-3.0-or-later
 * Offer and answer put together: what goes to the wire from now on. */
#include "tests/unit/desc_make.h"

#include <errno.h>

static void agreed_keys(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct desc_line *line = put_line(f->offer, MEDIA_AUDIO, PROTO_SAVP);

	put_codec(line, 0, CODEC_PCMU, 8000);
	put_crypto(line, 1, SRTP_AEAD_AES_128_GCM, 1);
	put_crypto(line, 2, SRTP_AES_CM_128_HMAC_SHA1_80, 2);
	line->crypto[0].other_params = true;
	answer(f);
	memset(f->answer->line[0].crypto[0].key.key, 9, SRTP_MAX_KEY);

	/* We answered: we send with our key, they with theirs. */
	assert_int_equal(desc_agree(f->answer, f->offer, false, f->agreed), 0);
	assert_int_equal(f->agreed[0].security, AGREED_SDES);
	assert_int_equal(f->agreed[0].tx_key.key[0], 9);
	assert_int_equal(f->agreed[0].rx_key.key[0], 2);

	/* The same pair seen from the side that offered. */
	line->crypto[0].other_params = false;
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
	assert_int_equal(f->agreed[0].tx_key.key[0], 2);
	assert_int_equal(f->agreed[0].rx_key.key[0], 9);

	/* A tag never offered, or another suite under it: not in use, and above
	 * all not plain. */
	f->answer->line[0].crypto[0].tag = 7;
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
	assert_false(f->agreed[0].active);
	f->answer->line[0].crypto[0].tag = 1;
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
	assert_false(f->agreed[0].active);
	f->answer->line[0].n_crypto = 0;
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
	assert_false(f->agreed[0].active);
	/* … nor when the answer says RTP/AVP to RTP/SAVP. */
	f->answer->line[0].proto = PROTO_AVP;
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
	assert_false(f->agreed[0].active);
}

static void agreed_opportunistic(void **state)
{
	struct fixture *f = (struct fixture *)*state;

	f->policy.video = false;
	desc_offer(&f->policy, f->offer);
	assert_int_equal(f->offer->line[0].proto, PROTO_AVP);
	assert_true(f->offer->line[0].n_crypto > 1);
	put_codec(put_line(f->answer, MEDIA_AUDIO, PROTO_AVP), 0, CODEC_PCMU, 8000);
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
	assert_true(f->agreed[0].active);
	assert_int_equal(f->agreed[0].security, AGREED_PLAIN);
	put_crypto(&f->answer->line[0], f->offer->line[0].crypto[1].tag,
		   f->offer->line[0].crypto[1].key.suite, 4);
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
	assert_int_equal(f->agreed[0].security, AGREED_SDES);
	assert_int_equal(f->agreed[0].tx_key.suite, f->offer->line[0].crypto[1].key.suite);
	/* A key that accepts nothing we offered: they would send encrypted. */
	f->answer->line[0].crypto[0].tag = 99;
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
	assert_false(f->agreed[0].active);
}

/* An offer of ours with both keyings: the answer takes one, line by line. */
static void agreed_keying(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct media_desc *again = media_desc_new();
	struct desc_line *audio, *video;

	for (int e = ENCRYPTION_PREFERRED; e <= ENCRYPTION_REQUIRED; e++) {
		enum desc_proto proto = e == ENCRYPTION_REQUIRED ? PROTO_SAVP : PROTO_AVP;

		clear(f);
		f->policy.encryption = (enum conf_encryption)e;
		desc_offer(&f->policy, f->offer);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(f->offer->line[i].proto, proto);
			assert_true(f->offer->line[i].n_crypto > 1);
			assert_int_equal(f->offer->line[i].setup, SETUP_ACTPASS);
			assert_true(f->offer->line[i].rtcp_mux);
		}
		/* Only what leaves a choice can insist. */
		*again = *f->offer;
		assert_int_equal(desc_insist(again), e == ENCRYPTION_PREFERRED);
		assert_int_equal(again->line[1].proto, PROTO_SAVP);
		assert_string_equal(again->line[1].proto_text, "RTP/SAVP");
		assert_false(desc_insist(again));
		for (unsigned i = 0; i < 2; i++)
			assert_true(again->line[i].ice);
		/* Who refuses that too is offered no keys, where they are a wish (whether
		 * they are is not said by the offer). */
		again->line[0].fingerprint.len = 32;
		assert_true(desc_relent(again));
		assert_int_equal(again->line[0].fingerprint.len, 0);
		assert_false(again->ice_lite);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(again->line[i].proto, PROTO_AVP);
			assert_string_equal(again->line[i].proto_text, "RTP/AVP");
			assert_int_equal(again->line[i].n_crypto, 0);
			assert_int_equal(again->line[i].setup, SETUP_NONE);
			assert_false(again->line[i].ice);
		}
		assert_false(desc_relent(again));
		assert_false(desc_insist(again));
		audio = put_line(f->answer, MEDIA_AUDIO, proto);
		put_codec(audio, 0, CODEC_PCMU, 8000);
		put_fingerprint(audio, SETUP_ACTIVE);
		video = put_line(f->answer, MEDIA_VIDEO, proto);
		put_h264(video, 97, 0x42801f, 1);
		put_crypto(video, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 9);
		assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
		assert_int_equal(f->agreed[0].security, AGREED_DTLS);
		assert_false(f->agreed[0].dtls_active);
		assert_int_equal(f->agreed[1].security, AGREED_SDES);
		assert_int_equal(f->agreed[1].rx_key.key[0], 9);
		/* One that names both gets one. */
		put_crypto(audio, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 9);
		assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
		assert_int_equal(f->agreed[0].security, AGREED_SDES);
		/* Neither: plain where that is allowed, and nothing elsewhere. */
		audio->n_crypto = audio->fingerprint.len = 0;
		assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
		assert_int_equal(f->agreed[0].active, e == ENCRYPTION_PREFERRED);
		audio->proto = PROTO_AVP;
		assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
		assert_int_equal(f->agreed[0].active, e == ENCRYPTION_PREFERRED);
	}
	media_desc_free(again);
}

static void agreed_dtls(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	static const struct {
		enum desc_setup ours, theirs;
		bool active;
	} rows[] = {
		{ SETUP_ACTPASS, SETUP_ACTIVE, false }, { SETUP_ACTPASS, SETUP_PASSIVE, true },
		{ SETUP_ACTIVE, SETUP_ACTPASS, true }, { SETUP_PASSIVE, SETUP_ACTPASS, false },
		{ SETUP_ACTPASS, SETUP_NONE, true }, { SETUP_ACTIVE, SETUP_PASSIVE, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct desc_line *line;

		clear(f);
		line = put_line(f->offer, MEDIA_AUDIO, PROTO_DTLS_SAVPF);
		put_codec(line, 0, CODEC_PCMU, 8000);
		put_fingerprint(line, rows[i].ours);
		f->answer->line[0] = *line;
		f->answer->n_lines = 1;
		f->answer->line[0].setup = rows[i].theirs;
		f->answer->line[0].fingerprint.bytes[3] = 42;
		assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
		assert_int_equal(f->agreed[0].security, AGREED_DTLS);
		assert_int_equal(f->agreed[0].dtls_active, rows[i].active);
		assert_int_equal(f->agreed[0].fingerprint.bytes[3], 42);
		f->answer->line[0].fingerprint.len = 0;
		assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
		assert_false(f->agreed[0].active);
	}
}

/* Answers as they really come: codecs never offered, several at once, other
 * payload types, another H.264 word. */
static void agreed_loose_answer(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct desc_line *line;

	f->policy.encryption = ENCRYPTION_OFF;
	desc_offer(&f->policy, f->offer);
	assert_int_equal(f->offer->n_lines, 2);
	line = put_line(f->answer, MEDIA_AUDIO, PROTO_AVP);
	put_codec(line, 102, CODEC_L16, 16000);           /* never offered */
	put_codec(line, 101, CODEC_TELEPHONE_EVENT, 8000);
	put_codec(line, 8, CODEC_PCMA, 8000);
	put_codec(line, 0, CODEC_PCMU, 8000);
	line = put_line(f->answer, MEDIA_VIDEO, PROTO_AVP);
	put_h264(line, 120, 0x428014, 0);                 /* not our number */
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
	assert_int_equal(f->agreed[0].tx.pt, 8);
	assert_int_equal(f->agreed[0].dtmf_tx_pt, 101);
	assert_int_equal(f->agreed[0].rx[0].format.id, CODEC_TELEPHONE_EVENT);
	assert_int_equal(f->agreed[0].rx[1].pt, 8);
	assert_int_equal(f->agreed[0].rx[2].pt, 0);
	assert_int_equal(f->agreed[1].tx.pt, 120);
	assert_int_equal(f->agreed[1].tx.format.h264.packetization_mode, 0);
	assert_int_equal(f->agreed[1].tx.format.h264.level_idc, 0x14);
	/* Both our number and theirs may arrive. */
	assert_int_equal(f->agreed[1].rx[0].pt, 98);
	assert_int_equal(f->agreed[1].rx[f->agreed[1].n_rx - 1].pt, 120);
	assert_int_equal(f->agreed[1].rx[f->agreed[1].n_rx - 1].format.h264.packetization_mode, 0);

	f->answer->line[0].n_codecs = 2;                  /* nothing we said */
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
	assert_false(f->agreed[0].active);
	/* A phone that leaves the video line out of its answer refuses it; the
	 * other way round is no answer. */
	f->answer->n_lines = 1;
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
	assert_false(f->agreed[1].active);
	assert_int_equal(desc_agree(f->offer, f->answer, false, f->agreed), -EBADMSG);
	f->answer->n_lines = 3;
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), -EBADMSG);
	f->answer->n_lines = 2;
	f->answer->line[1].kind = MEDIA_AUDIO;
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), -EBADMSG);
}

/* What we answered is what we send: not the first of the offer. */
static void agreed_own_answer(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct desc_line *line = put_line(f->offer, MEDIA_VIDEO, PROTO_AVP);

	put_h264(line, 97, 0x42801f, 0)->format.h264.max_fs = 3600;
	put_h264(line, 126, 0x42801f, 1)->format.h264.max_fs = 8160;
	line->bandwidth = 768000;
	answer(f);
	assert_int_equal(desc_agree(f->answer, f->offer, false, f->agreed), 0);
	assert_int_equal(f->agreed[0].tx.pt, 126);
	assert_int_equal(f->agreed[0].tx.format.h264.max_fs, 8160);
	assert_int_equal(f->agreed[0].tx.format.h264.packetization_mode, 1);
	assert_int_equal(f->agreed[0].bitrate, 768000);
	assert_int_equal(f->agreed[0].rx[0].pt, 126);
	assert_int_equal(f->agreed[0].rx[0].format.h264.max_fs, 8192);
}

static void agreed_directions(void **state)
{
	struct fixture *f = (struct fixture *)*state;

	for (int i = 0; i < 16; i++) {
		struct desc_line *line;

		clear(f);
		line = put_line(f->offer, MEDIA_AUDIO, PROTO_AVP);
		put_codec(line, 0, CODEC_PCMU, 8000);
		f->answer->line[0] = *line;
		f->answer->n_lines = 1;
		line->send = i & 1;
		line->receive = i & 2;
		f->answer->line[0].send = i & 4;
		f->answer->line[0].receive = i & 8;
		assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
		assert_true(f->agreed[0].active);
		assert_int_equal(f->agreed[0].send, (i & 1) && (i & 8));
		assert_int_equal(f->agreed[0].receive, (i & 2) && (i & 4));
	}
	f->answer->line[0].port = 0;
	assert_int_equal(desc_agree(f->offer, f->answer, true, f->agreed), 0);
	assert_false(f->agreed[0].active);
}

static void agreed_ptime(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	static const struct {
		enum codec_id id;
		uint32_t rate;
		unsigned ptime, maxptime, want, in_answer;
	} rows[] = {
		{ CODEC_PCMU, 8000, 0, 0, 20, 0 }, { CODEC_PCMU, 8000, 30, 0, 30, 30 },
		{ CODEC_PCMU, 8000, 60, 40, 40, 60 }, { CODEC_PCMU, 8000, 5, 0, 10, 10 },
		{ CODEC_PCMU, 8000, 200, 0, 60, 60 }, { CODEC_PCMU, 8000, 25, 0, 20, 25 },
		{ CODEC_PCMU, 8000, 0, 10, 10, 10 }, { CODEC_PCMU, 8000, 0, 150, 20, 0 },
		{ CODEC_OPUS, 48000, 30, 0, 20, 30 }, { CODEC_OPUS, 48000, 50, 0, 40, 50 },
		{ CODEC_OPUS, 48000, 60, 0, 60, 60 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct desc_line *line;

		clear(f);
		line = put_line(f->offer, MEDIA_AUDIO, PROTO_AVP);
		put_codec(line, 0, rows[i].id, rows[i].rate);
		line->ptime = rows[i].ptime;
		line->maxptime = rows[i].maxptime;
		answer(f);
		assert_int_equal(f->answer->line[0].ptime, rows[i].in_answer);
		assert_int_equal(desc_agree(f->answer, f->offer, false, f->agreed), 0);
		assert_int_equal(f->agreed[0].ptime, rows[i].want);
	}
}

static void agreed_annexb(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct desc_codec *c = put_codec(put_line(f->offer, MEDIA_AUDIO, PROTO_AVP), 18,
					 CODEC_G729, 8000);

	c->format.g729.annexb_no = true;
	answer(f);
	assert_true(f->answer->line[0].codec[0].format.g729.annexb_no);
	c->format.g729.annexb_no = false;
	assert_int_equal(desc_agree(f->answer, f->offer, false, f->agreed), 0);
	assert_true(f->agreed[0].tx.format.g729.annexb_no);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(agreed_keys), T(agreed_opportunistic), T(agreed_keying), T(agreed_dtls),
		T(agreed_loose_answer), T(agreed_own_answer), T(agreed_directions),
		T(agreed_ptime), T(agreed_annexb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
