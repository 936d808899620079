/* SPDX-License-Identifier: GPL-3.0-or-later
 * What comes of the offers that real endpoints make (tests/golden/offers/endpoint-*),
 * from their text to the parameters of the encoder: codecs, the picture they are sent,
 * keys, and how they are asked for a key frame. That each line is answered in its place
 * is tests/golden/sdp's to say. */
#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "mcu/mc/desc.h"
#include "mcu/mp/encoder.h"
#include "sip/sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum ask { ASK_INFO = 0, ASK_FIR = 1, ASK_PLI = 2 };

struct endpoint {
	const char *name, *agent;
	enum codec_id audio;
	enum codec_id video;
	int pt, mode;            /* of the video; mode: H.264's */
	unsigned width, height, fps, kbits; /* as it is sent at 1280x720, 30 fps, 2 Mbit/s;
					     * rates come in eight steps an octave */
	int ask;                 /* for key frames */
	const char *stream_id;   /* where that is by INFO */
	int tag;                 /* of its a=crypto, -1: plain */
};

static const struct endpoint endpoints[] = {
	/* Level 2.2 alone would be 672x378 at 20 fps; max-fs and max-mbps are what counts. Of
	 * the four keys the first is taken, and opus though it is the last. */
	{ "cisco-room", "TANDBERG/529", CODEC_OPUS, CODEC_H264, 98, 1, 1280, 720, 30, 1966,
	  ASK_FIR | ASK_PLI, NULL, 1 },
	/* Level 1.3 alone would be CIF. Keys under RTP/AVP. b=TIAS makes the rate. */
	{ "tandberg-te4", "TANDBERG/518 (TE4.1.1)", CODEC_G722, CODEC_H264, 98, 1, 1280, 720, 30,
	  1048, ASK_PLI, NULL, 0 },
	{ "polycom-group500", "PolycomRealPresenceGroup500/6.2", CODEC_G722, CODEC_H264, 110, 1,
	  1280, 720, 30, 1966, ASK_FIR, "1", -1 },
	{ "poly-x30", "PolyStudioX30/4.0", CODEC_G722, CODEC_H264, 110, 1, 1280, 720, 30, 1966,
	  ASK_FIR, "1", -1 },
	/* max-mbps without max-fs: no larger than its level's pictures, which are CIF's
	 * macroblocks, and max-br makes the rate. */
	{ "polycom-soft", "Polycom RealPresence Desktop", CODEC_G722, CODEC_H264, 110, 1, 416, 234,
	  30, 1441, ASK_FIR | ASK_PLI, "1", -1 },
	/* Nothing raises its level: 390 of CIF's 396 macroblocks. */
	{ "polycom-vvx500", "PolycomVVX-VVX_500-UA/5.9", CODEC_G722, CODEC_H264, 109, 0, 416, 234,
	  30, 491, ASK_INFO, "1", -1 },
	/* b=AS, less what headers take. */
	{ "yealink-vc", "Yealink VC800", CODEC_OPUS, CODEC_H264, 98, 1, 1280, 720, 30, 1835,
	  ASK_FIR | ASK_PLI, NULL, -1 },
	{ "huawei-te", "Huawei TE40", CODEC_G722, CODEC_H264, 106, 1, 1280, 720, 30, 1703,
	  ASK_INFO, "11", -1 },
	{ "grandstream-gxv", "Grandstream GXV3275", CODEC_OPUS, CODEC_H264, 99, 1, 672, 378, 20,
	  917, ASK_PLI, NULL, -1 },
};

/* ---- files ------------------------------------------------------------------------------ */

static struct media_desc *offer_of(const char *name, char text[static 8192])
{
	const char *dir = getenv("srcdir");
	struct media_desc *d;
	char path[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/golden/offers/endpoint-%s.sdp", dir ? dir : ".", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s cannot be read", path);
	n = fread(text, 1, 8191, f);
	text[n] = '\0';
	fclose(f);
	assert_int_equal(sdp_desc_parse(&d, text, n), 0);
	return d;
}

/* One call: their offer, our answer, and what both agreed on. */
struct talk {
	char text[8192];
	struct config *config;
	const struct conf_quirk *quirk;
	struct desc_policy policy;
	struct media_desc *offer, *answer;
	struct desc_agreed *agreed;
	int audio, video;        /* lines in use */
};

static void talk_open(struct talk *t, const char *name, const char *agent)
{
	struct desc_verdict verdict;

	memset(t, 0, sizeof(*t));
	assert_int_equal(config_load(&t->config, NULL, stderr), 0);
	t->offer = offer_of(name, t->text);
	t->quirk = config_quirk(t->config, agent, t->offer->encodings);
	t->policy = (struct desc_policy){ .encryption = ENCRYPTION_PREFERRED, .video = true,
					  .quirk = t->quirk };
	t->answer = media_desc_new();
	t->agreed = calloc(DESC_MAX_LINES, sizeof(*t->agreed));
	desc_answer(&t->policy, t->offer, t->answer, &verdict, NULL, NULL);
	assert_int_equal(verdict.status, 200);
	/* the caller's to make */
	for (unsigned i = 0; i < t->answer->n_lines; i++)
		if (t->answer->line[i].n_crypto)
			srtp_key_random(&t->answer->line[i].crypto[0].key,
					t->answer->line[i].crypto[0].key.suite);
	assert_int_equal(desc_agree(t->answer, t->offer, false, t->agreed), 0);
	desc_quirk_agreed(t->quirk, t->agreed);
	t->audio = t->video = -1;
	for (unsigned i = 0; i < t->answer->n_lines; i++) {
		if (!t->agreed[i].active || t->agreed[i].role != ROLE_MAIN)
			continue;
		if (t->agreed[i].kind == MEDIA_AUDIO)
			t->audio = (int)i;
		else if (t->agreed[i].kind == MEDIA_VIDEO)
			t->video = (int)i;
	}
}

static void talk_close(struct talk *t)
{
	media_desc_free(t->offer);
	media_desc_free(t->answer);
	free(t->agreed);
	ref_drop(t->config);
}

/* What a conference of 720p, 30 fps and 2 Mbit/s sends there. */
static void sent(const struct desc_agreed *a, struct video_params *out)
{
	struct video_params asked = {
		.format = a->tx.format, .width = 1280, .height = 720, .sar_num = 1, .sar_den = 1,
		.fps = 30, .bitrate = 2000000,
	};

	if (a->bitrate && a->bitrate < asked.bitrate)
		asked.bitrate = a->bitrate;
	assert_int_equal(encoder_fit(out, &asked, 1280, 720, 30), 0);
}

/* ---- tests ------------------------------------------------------------------------------ */

static void test_picture(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++) {
		const struct endpoint *e = &endpoints[i];
		const struct desc_codec *tx;
		struct video_params p;
		struct talk t;

		talk_open(&t, e->name, e->agent);
		assert_true(t.audio >= 0 && t.video >= 0);
		assert_int_equal(t.agreed[t.audio].tx.format.id, e->audio);
		tx = &t.agreed[t.video].tx;
		sent(&t.agreed[t.video], &p);
		if (tx->format.id != e->video || tx->pt != e->pt ||
		    tx->format.h264.packetization_mode != e->mode || p.width != e->width ||
		    p.height != e->height || p.fps != e->fps || p.bitrate / 1000 != e->kbits)
			fail_msg("%s: %d mode %d: %ux%u at %u fps, %u kbit/s", e->name, tx->pt,
				 tx->format.h264.packetization_mode, p.width, p.height, p.fps,
				 p.bitrate / 1000);
		talk_close(&t);
	}
}

/* By what it declares; who declares nothing by INFO, as that endpoint wants it. */
static void test_key_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++) {
		const struct endpoint *e = &endpoints[i];
		const struct desc_codec *tx;
		const char *id;
		struct talk t;

		talk_open(&t, e->name, e->agent);
		tx = &t.agreed[t.video].tx;
		id = t.quirk ? t.quirk->stream_id : NULL;
		if (id && strcmp(id, "label") == 0)
			id = t.offer->line[t.video].label;
		if ((tx->fir ? ASK_FIR : 0) + (tx->pli ? ASK_PLI : 0) != e->ask)
			fail_msg("%s: fir %d pli %d", e->name, tx->fir, tx->pli);
		if ((id == NULL) != (e->stream_id == NULL) || (id && strcmp(id, e->stream_id) != 0))
			fail_msg("%s: stream_id %s", e->name, id ? id : "none");
		talk_close(&t);
	}
}

static void test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++) {
		const struct endpoint *e = &endpoints[i];
		struct talk t;

		talk_open(&t, e->name, e->agent);
		for (int k = 0; k < 2; k++) {
			int line = k ? t.video : t.audio;

			assert_int_equal(t.agreed[line].security,
					 e->tag < 0 ? AGREED_PLAIN : AGREED_SDES);
			assert_int_equal(t.answer->line[line].n_crypto, e->tag >= 0);
			if (e->tag >= 0)
				assert_int_equal(t.answer->line[line].crypto[0].tag, e->tag);
		}
		talk_close(&t);
	}
}

/* Cisco desk video phones say that they understand FIR and PLI, and want INFO. */
static void test_desk_video_phone(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t, "grandstream-gxv", "Cisco-CP8865/12.8");
	assert_false(t.agreed[t.video].tx.fir || t.agreed[t.video].tx.pli);
	assert_false(t.answer->line[t.video].codec[0].pli);
	assert_null(t.quirk->stream_id);
	talk_close(&t);
}

/* Every offer of a room that has them is taken with the oldest codecs alone, too. */
static void test_old_codecs(void **state)
{
	static const struct { enum codec_id id; char *name; } left[] = {
		{ CODEC_H263_1998, "H263-1998" }, { CODEC_H263, "H263" }, { CODEC_H261, "H261" },
	};
	static char *sound[] = { "PCMA" };
	static const char *const rooms[] = { "cisco-room", "tandberg-te4", "polycom-group500" };

	(void)state;
	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++) {
		for (size_t k = 0; k < sizeof(left) / sizeof(*left); k++) {
			char *picture[] = { left[k].name };
			const struct conf_profile profile = {
				.audio_codecs = sound, .n_audio_codecs = 1, .video = true,
				.video_codecs = picture, .n_video_codecs = 1, .bandwidth = 2000,
			};
			struct video_params p;
			struct desc_verdict verdict;
			struct talk t;

			talk_open(&t, rooms[i], "");
			t.policy.profile = &profile;
			desc_answer(&t.policy, t.offer, t.answer, &verdict, NULL, NULL);
			assert_int_equal(verdict.status, 200);
			assert_int_equal(desc_agree(t.answer, t.offer, false, t.agreed), 0);
			assert_int_equal(t.agreed[t.audio].tx.format.id, CODEC_PCMA);
			assert_int_equal(t.agreed[t.video].tx.format.id, left[k].id);
			sent(&t.agreed[t.video], &p);
			assert_int_equal(p.width, left[k].id == CODEC_H261 ? 352 : 704);
			assert_int_equal(p.sar_num * 11, p.sar_den * 12);
			talk_close(&t);
		}
	}
}

/* Poly X30: our re-INVITE is answered with codecs that were never offered, LPR first, and
 * with ports for lines that we had refused. What was offered goes on. */
static void test_answer_with_more(void **state)
{
	struct media_desc *again = media_desc_new(), *theirs;
	char text[8192];
	struct talk t;
	struct video_params p;

	(void)state;
	talk_open(&t, "poly-x30", "PolyStudioX30/4.0");
	desc_reoffer(&t.policy, t.answer, t.offer, again);
	assert_int_equal(again->n_lines, 4);
	theirs = offer_of("poly-x30-answer", text);
	memset(t.agreed, 0, DESC_MAX_LINES * sizeof(*t.agreed));
	assert_int_equal(desc_agree(again, theirs, true, t.agreed), 0);
	assert_true(t.agreed[0].active && t.agreed[1].active);
	assert_false(t.agreed[2].active || t.agreed[3].active);
	assert_int_equal(t.agreed[0].tx.format.id, CODEC_G722);
	assert_int_equal(t.agreed[1].tx.pt, 110);
	assert_int_equal(t.agreed[1].tx.format.id, CODEC_H264);
	for (unsigned i = 0; i < t.agreed[1].n_rx; i++)
		assert_int_not_equal(t.agreed[1].rx[i].pt, 116);
	sent(&t.agreed[1], &p);
	assert_int_equal(p.width, 1280);
	media_desc_free(again);
	media_desc_free(theirs);
	talk_close(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_picture), cmocka_unit_test(test_key_frames),
		cmocka_unit_test(test_keys), cmocka_unit_test(test_desk_video_phone),
		cmocka_unit_test(test_old_codecs), cmocka_unit_test(test_answer_with_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
