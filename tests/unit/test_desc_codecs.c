/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which codecs an answer takes, with which parameters, and why. */
#include "tests/unit/desc_make.h"

struct offered {
	int pt;
	enum codec_id id;
	uint32_t rate;
};

static void audio_preference(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	static const struct {
		const char *profile[5];
		struct offered offer[6];
		int pt;           /* -1: none */
		int events, noise; /* payload types, -1: none */
	} rows[] = {
		/* The default: Opus, G.722, G.711 in the offer's order, G.729, L16. */
		{ {0}, { { 0, CODEC_PCMU, 8000 }, { 9, CODEC_G722, 8000 },
			 { 96, CODEC_OPUS, 48000 } }, 96, -1, -1 },
		{ {0}, { { 0, CODEC_PCMU, 8000 }, { 8, CODEC_PCMA, 8000 } }, 0, -1, -1 },
		{ {0}, { { 8, CODEC_PCMA, 8000 }, { 0, CODEC_PCMU, 8000 } }, 8, -1, -1 },
		{ {0}, { { 18, CODEC_G729, 8000 }, { 8, CODEC_PCMA, 8000 } }, 8, -1, -1 },
		{ {0}, { { 18, CODEC_G729, 8000 } }, 18, -1, -1 },
		{ {0}, { { 96, CODEC_L16, 16000 }, { 18, CODEC_G729, 8000 } }, 18, -1, -1 },
		{ {0}, { { 96, CODEC_L16, 16000 } }, 96, -1, -1 },
		{ {0}, { { 101, CODEC_TELEPHONE_EVENT, 8000 }, { 13, CODEC_CN, 8000 } },
		  -1, -1, -1 },
		/* A profile decides, and its order of the two G.711 does when they
		 * do not stand side by side. */
		{ { "PCMA", "opus" }, { { 96, CODEC_OPUS, 48000 }, { 8, CODEC_PCMA, 8000 } },
		  8, -1, -1 },
		{ { "pcma", "G722", "PCMU" }, { { 0, CODEC_PCMU, 8000 },
		  { 8, CODEC_PCMA, 8000 } }, 8, -1, -1 },
		{ { "PCMA", "PCMU" }, { { 0, CODEC_PCMU, 8000 }, { 8, CODEC_PCMA, 8000 } },
		  0, -1, -1 },
		{ { "opus" }, { { 0, CODEC_PCMU, 8000 } }, -1, -1, -1 },
		{ { "L16", "PCMU" }, { { 96, CODEC_L16, 8000 }, { 0, CODEC_PCMU, 8000 } },
		  0, -1, -1 },
		{ { "H264", "nonsense", "CN" }, { { 0, CODEC_PCMU, 8000 } }, -1, -1, -1 },
		/* What goes with it, by clock. */
		{ {0}, { { 96, CODEC_OPUS, 48000 }, { 101, CODEC_TELEPHONE_EVENT, 8000 },
			 { 110, CODEC_TELEPHONE_EVENT, 48000 }, { 13, CODEC_CN, 8000 } },
		  96, 110, -1 },
		{ {0}, { { 96, CODEC_OPUS, 48000 }, { 101, CODEC_TELEPHONE_EVENT, 8000 } },
		  96, 101, -1 },
		{ {0}, { { 110, CODEC_TELEPHONE_EVENT, 48000 }, { 9, CODEC_G722, 8000 },
			 { 101, CODEC_TELEPHONE_EVENT, 8000 }, { 13, CODEC_CN, 8000 },
			 { 105, CODEC_CN, 16000 } }, 9, 101, 13 },
		{ {0}, { { 0, CODEC_PCMU, 8000 }, { 110, CODEC_TELEPHONE_EVENT, 48000 } },
		  0, -1, -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *names[5];
		struct conf_profile profile = { .video = true, .audio_codecs = names };
		const struct desc_line *got;
		struct desc_line *line;
		int events = -1, noise = -1;

		clear(f);
		line = put_line(f->offer, MEDIA_AUDIO, PROTO_AVP);
		for (int j = 0; j < 6 && rows[i].offer[j].id; j++)
			put_codec(line, rows[i].offer[j].pt, rows[i].offer[j].id,
				  rows[i].offer[j].rate);
		for (int j = 0; j < 5 && rows[i].profile[j]; j++)
			names[profile.n_audio_codecs++] = (char *)rows[i].profile[j];
		f->policy.profile = rows[i].profile[0] ? &profile : NULL;
		answer(f);
		got = &f->answer->line[0];
		if (rows[i].pt < 0) {
			assert_int_equal(f->verdict.status, 488);
			assert_int_equal(got->port, 0);
			continue;
		}
		assert_int_equal(got->codec[0].pt, rows[i].pt);
		for (unsigned j = 1; j < got->n_codecs; j++) {
			if (got->codec[j].format.id == CODEC_CN)
				noise = got->codec[j].pt;
			else
				events = got->codec[j].pt;
		}
		assert_int_equal(events, rows[i].events);
		assert_int_equal(noise, rows[i].noise);
	}
}

static void video_preference(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	/* plid 0: VP8, 1: H.261 */
	static const struct {
		struct {
			uint32_t plid;
			uint8_t mode;
		} offer[5];
		unsigned n;
		int want; /* index in the offer, -1 */
	} rows[] = {
		{ { { 0x42801f, 0 }, { 0x42801f, 1 } }, 2, 1 },
		{ { { 0x64001f, 1 }, { 0x42801f, 0 } }, 2, 1 },
		{ { { 0x64001f, 1 }, { 0x4d401f, 1 } }, 2, 0 },
		{ { { 0x64001f, 0 }, { 0x4d401f, 1 } }, 2, 1 },
		{ { { 0, 0 }, { 0x640c1f, 1 } }, 2, 1 },
		{ { { 0, 0 } }, 1, 0 },
		{ { { 0x42801f, 2 }, { 0, 0 } }, 2, 1 },   /* interleaved */
		{ { { 0x6e001f, 1 }, { 0x7a001f, 1 } }, 2, -1 }, /* High 10, High 4:2:2 */
		{ { { 0x58001f, 1 } }, 1, -1 },             /* Extended alone */
		{ { { 0x58801f, 1 } }, 1, 0 },              /* Extended that is Baseline */
		{ { { 1, 0 } }, 1, 0 },                     /* H.261 when there is nothing else */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct desc_line *line;

		clear(f);
		line = put_line(f->offer, MEDIA_VIDEO, PROTO_AVP);
		for (unsigned j = 0; j < rows[i].n; j++) {
			if (rows[i].offer[j].plid > 1)
				put_h264(line, 96 + (int)j, rows[i].offer[j].plid,
					 rows[i].offer[j].mode);
			else
				put_codec(line, 96 + (int)j, rows[i].offer[j].plid ? CODEC_H261 :
					  CODEC_VP8, 90000);
		}
		answer(f);
		if (rows[i].want < 0) {
			assert_int_equal(f->answer->line[0].port, 0);
			continue;
		}
		assert_int_equal(f->answer->line[0].n_codecs, 1);
		assert_int_equal(f->answer->line[0].codec[0].pt, 96 + rows[i].want);
	}
}

/* The profile of the offer, the lower level, and our limits above it. */
static void h264_receive(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	static const struct {
		uint32_t plid, level;
		unsigned kbit;
		uint32_t mbps, fs, dpb, br;
	} rows[] = {
		{ 0x42000a, 10, 0, 245760, 8192, 12288, 20000 },
		{ 0x42e01f, 31, 2000, 245760, 8192, 12288, 0 },
		{ 0x42e00d, 13, 2000, 245760, 8192, 12288, 2000 },
		{ 0x428009, 9, 2000, 245760, 8192, 12288, 2000 },
		{ 0x428020, 32, 50000, 245760, 8192, 12288, 0 },
		{ 0x640028, 40, 2000, 0, 0, 0, 0 },
		{ 0x428034, 40, 2000, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *names[] = { (char *)"H264" };
		struct conf_profile profile = {
			.video = true, .video_codecs = names, .n_video_codecs = 1,
			.bandwidth = rows[i].kbit,
		};
		const struct h264_format *h;

		clear(f);
		put_h264(put_line(f->offer, MEDIA_VIDEO, PROTO_AVP), 97, rows[i].plid, 1)
			->format.h264.max_fs = 99;
		f->policy.profile = &profile;
		answer(f);
		h = &f->answer->line[0].codec[0].format.h264;
		assert_int_equal(h->profile_idc << 8 | h->profile_iop, rows[i].plid >> 8);
		assert_int_equal(h->level_idc, rows[i].level);
		assert_int_equal(h->packetization_mode, 1);
		assert_int_equal(h->max_mbps, rows[i].mbps);
		assert_int_equal(h->max_fs, rows[i].fs);
		assert_int_equal(h->max_dpb, rows[i].dpb);
		assert_int_equal(h->max_br, rows[i].br);
		assert_int_equal(f->answer->line[0].bandwidth, rows[i].kbit * 1000);
	}
}

struct said {
	unsigned lines, codecs, chosen;
};

static void count_why(void *arg, unsigned line, int codec, const char *text)
{
	struct said *said = (struct said *)arg;

	(void)line;
	assert_true(text[0] != '\0');
	if (codec < 0)
		said->lines++;
	else
		said->codecs++;
	said->chosen += strcmp(text, "chosen") == 0;
}

/* Every line and every codec of the offer gets its reason. */
static void reasons(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct desc_line *line = put_line(f->offer, MEDIA_AUDIO, PROTO_AVP);
	struct said said = { 0, 0, 0 };

	put_codec(line, 0, CODEC_PCMU, 8000);
	put_codec(line, 18, CODEC_G729, 8000);
	put_codec(line, 101, CODEC_TELEPHONE_EVENT, 8000);
	line = put_line(f->offer, MEDIA_VIDEO, PROTO_AVP);
	line->role = ROLE_SLIDES;
	put_h264(line, 97, 0x42801f, 1);
	put_line(f->offer, MEDIA_OTHER, PROTO_OTHER);
	desc_answer(&f->policy, f->offer, f->answer, &f->verdict, count_why, &said);
	assert_int_equal(said.lines, 3);
	assert_int_equal(said.codecs, 4);
	assert_int_equal(said.chosen, 1);
}

/* Feedback is repeated where it was offered, on plain AVP too; never for audio. */
static void feedback(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct desc_codec *c = put_codec(put_line(f->offer, MEDIA_AUDIO, PROTO_AVP), 0,
					 CODEC_PCMU, 8000);

	c->tmmbr = c->nack = true;
	c = put_h264(put_line(f->offer, MEDIA_VIDEO, PROTO_AVP), 97, 0x42801f, 1);
	c->fir = c->tmmbr = true;
	answer(f);
	assert_false(f->answer->line[0].codec[0].tmmbr || f->answer->line[0].codec[0].nack);
	assert_true(f->answer->line[1].codec[0].fir && f->answer->line[1].codec[0].tmmbr);
	assert_false(f->answer->line[1].codec[0].pli);
	assert_int_equal(desc_agree(f->answer, f->offer, false, f->agreed), 0);
	assert_false(f->agreed[0].avpf);
	assert_true(f->agreed[1].avpf && f->agreed[1].tx.fir && !f->agreed[1].tx.pli);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(audio_preference), T(video_preference), T(h264_receive), T(reasons),
		T(feedback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
