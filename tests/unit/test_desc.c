/* SPDX-License-Identifier: GPL-3.0-or-later
 * Media descriptions without any protocol: each rule of the answer, the offer
 * and the agreement in a table. */
#include "tests/unit/cmocka_head.h"

#include "mcu/mc/desc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- building ---------------------------------------------------------------- */

static struct desc_codec *put_codec(struct desc_line *line, int pt, enum codec_id id, uint32_t rate)
{
	struct desc_codec *c = &line->codec[line->n_codecs++];

	c->pt = pt;
	c->format.id = id;
	c->format.clock_rate = rate;
	c->format.channels = 1;
	c->can_send = c->can_receive = true;
	return c;
}

static struct desc_line *put_line(struct media_desc *d, enum media_kind kind, enum desc_proto proto)
{
	static const char *const names[] = {
		[PROTO_OTHER] = "UDP/BFCP", [PROTO_AVP] = "RTP/AVP", [PROTO_AVPF] = "RTP/AVPF",
		[PROTO_SAVP] = "RTP/SAVP", [PROTO_SAVPF] = "RTP/SAVPF",
		[PROTO_DTLS_SAVP] = "UDP/TLS/RTP/SAVP", [PROTO_DTLS_SAVPF] = "UDP/TLS/RTP/SAVPF",
	};
	struct desc_line *line = &d->line[d->n_lines++];

	line->kind = kind;
	line->proto = proto;
	strcpy(line->media, kind == MEDIA_AUDIO ? "audio" : kind == MEDIA_VIDEO ? "video" :
	       "application");
	strcpy(line->proto_text, names[proto]);
	strcpy(line->formats_text, "0");
	line->port = 4000;
	line->send = line->receive = true;
	return line;
}

static struct desc_codec *put_h264(struct desc_line *line, int pt, uint32_t plid, uint8_t mode)
{
	struct desc_codec *c = put_codec(line, pt, CODEC_H264, 90000);

	c->format.h264.profile_idc = (uint8_t)(plid >> 16);
	c->format.h264.profile_iop = (uint8_t)(plid >> 8);
	c->format.h264.level_idc = (uint8_t)plid;
	c->format.h264.packetization_mode = mode;
	return c;
}

static void put_crypto(struct desc_line *line, uint32_t tag, enum srtp_suite suite, uint8_t fill)
{
	struct sdes_line *c = &line->crypto[line->n_crypto++];

	c->tag = tag;
	c->key.suite = suite;
	memset(c->key.key, fill, sizeof(c->key.key));
}

static void put_fingerprint(struct desc_line *line, enum desc_setup setup)
{
	strcpy(line->fingerprint.hash, "sha-256");
	line->fingerprint.len = 32;
	line->setup = setup;
}

struct fixture {
	struct media_desc *offer, *answer;
	struct desc_verdict verdict;
	struct desc_policy policy;
	struct desc_agreed *agreed;
};

static int setup(void **state)
{
	struct fixture *f = (struct fixture *)calloc(1, sizeof(*f));

	f->offer = media_desc_new();
	f->answer = media_desc_new();
	f->agreed = (struct desc_agreed *)calloc(DESC_MAX_LINES, sizeof(*f->agreed));
	f->policy = (struct desc_policy){ .encryption = ENCRYPTION_PREFERRED, .video = true };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = (struct fixture *)*state;

	media_desc_free(f->offer);
	media_desc_free(f->answer);
	free(f->agreed);
	free(f);
	return 0;
}

static void clear(struct fixture *f)
{
	memset(f->offer, 0, sizeof(*f->offer));
	memset(f->answer, 0, sizeof(*f->answer));
}

static void answer(struct fixture *f)
{
	desc_answer(&f->policy, f->offer, f->answer, &f->verdict, NULL, NULL);
}

/* ---- security ------------------------------------------------------------------ */

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

/* ---- lines ------------------------------------------------------------------------ */

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

/* A line for slides at `line`, else the usual call of two lines. */
static struct desc_line *offer_with_slides(struct fixture *f, unsigned line)
{
	struct desc_line *slides = NULL;

	clear(f);
	for (unsigned i = 0; i < 3; i++) {
		if (i == line) {
			slides = put_line(f->offer, MEDIA_VIDEO, PROTO_AVP);
			slides->role = ROLE_SLIDES;
			put_h264(slides, 110, 0x42801f, 1)->fir = true;
			snprintf(slides->label, sizeof(slides->label), "12");
			snprintf(slides->content, sizeof(slides->content), "slides");
		} else if (i == 0 || (i == 1 && line == 0)) {
			put_codec(put_line(f->offer, MEDIA_AUDIO, PROTO_AVP), 0, CODEC_PCMU, 8000);
		} else {
			put_h264(put_line(f->offer, MEDIA_VIDEO, PROTO_AVP), 97, 0x42801f, 1);
		}
	}
	return slides;
}

/* Slides are received and not sent, wherever their line stands, and never instead
 * of the main video. */
static void slides(void **state)
{
	struct fixture *f = (struct fixture *)*state;

	for (unsigned at = 0; at < 3; at++) {
		for (unsigned way = 0; way < 8; way++) {
			struct desc_line *line = offer_with_slides(f, at);
			const struct desc_line *ours = &f->answer->line[at];
			unsigned main = at == 2 ? 1 : 2;

			line->send = way & 1;
			line->receive = way & 2;
			f->policy.slides = way & 4;
			answer(f);
			assert_int_equal(f->verdict.status, 200);
			assert_int_equal(ours->port != 0, f->policy.slides);
			assert_true(ours->reason[0] != '\0');
			assert_int_equal(desc_agree(f->answer, f->offer, false, f->agreed), 0);
			assert_true(f->agreed[main].active && f->agreed[main].send);
			assert_int_equal(f->agreed[main].role, ROLE_MAIN);
			assert_int_equal(f->agreed[at].active, f->policy.slides);
			assert_false(f->agreed[at].send);
			if (!f->policy.slides)
				continue;
			assert_false(ours->send);
			assert_int_equal(ours->receive, line->send);
			assert_string_equal(ours->label, "12");
			assert_string_equal(ours->content, "slides");
			assert_int_equal(f->agreed[at].role, ROLE_SLIDES);
			assert_int_equal(f->agreed[at].receive, line->send);
			assert_int_equal(f->agreed[at].rx[0].pt, 110);
			assert_true(f->agreed[at].tx.fir);
		}
	}
	f->policy.video = false;
	answer(f);
	assert_int_equal(f->answer->line[2].port, 0);
}

/* Where a call must be encrypted, so must slides; in one that is, they stay so. */
static void slides_encrypted(void **state)
{
	struct fixture *f = (struct fixture *)*state;

	f->policy.slides = true;
	for (int was = 0; was < 2; was++) {
		struct desc_line *line = offer_with_slides(f, 2);

		put_crypto(&f->offer->line[0], 1, SRTP_AES_CM_128_HMAC_SHA1_80, 1);
		put_crypto(&f->offer->line[1], 1, SRTP_AES_CM_128_HMAC_SHA1_80, 2);
		f->policy.encryption = was ? ENCRYPTION_PREFERRED : ENCRYPTION_REQUIRED;
		f->policy.was_secured = was;
		answer(f);
		assert_int_equal(f->verdict.status, 200);
		assert_int_equal(f->answer->line[1].port, 9);
		assert_int_equal(f->answer->line[2].port, 0);
		put_crypto(line, 1, SRTP_AES_CM_128_HMAC_SHA1_80, 3);
		answer(f);
		assert_int_equal(f->answer->line[2].port, 9);
		assert_int_equal(f->answer->line[2].n_crypto, 1);
	}
	/* alone they are no call, however well encrypted */
	f->offer->line[0].port = f->offer->line[1].port = 0;
	answer(f);
	assert_int_equal(f->verdict.status, 488);
	assert_int_equal(f->answer->line[2].port, 0);
}

/* Our offer in a call with slides leaves their line in place, to be received in
 * its codec; where they are not wanted any more, it is closed. */
static void slides_reoffered(void **state)
{
	struct fixture *f = (struct fixture *)*state;
	struct media_desc *again = media_desc_new();
	struct desc_line *line = offer_with_slides(f, 1);

	line->send = false; /* paused */
	f->policy.slides = true;
	answer(f);
	desc_reoffer(&f->policy, f->answer, f->offer, again);
	assert_int_equal(again->n_lines, 3);
	assert_int_equal(again->line[1].role, ROLE_SLIDES);
	assert_int_equal(again->line[1].port, f->answer->line[1].port);
	assert_int_equal(again->line[1].n_codecs, 1);
	assert_int_equal(again->line[1].codec[0].pt, 110);
	assert_true(again->line[1].receive && !again->line[1].send);
	assert_true(again->line[2].send && again->line[2].n_codecs > 1);
	f->policy.slides = false;
	desc_reoffer(&f->policy, f->answer, f->offer, again);
	assert_int_equal(again->line[1].port, 0);
	assert_int_equal(again->line[2].port, f->answer->line[2].port);
	/* A fresh offer has none. */
	f->policy.slides = true;
	desc_offer(&f->policy, again);
	assert_int_equal(again->n_lines, 2);
	media_desc_free(again);
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

/* ---- codecs ------------------------------------------------------------------------ */

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

/* ---- agreement --------------------------------------------------------------------- */

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

/* ---- offers ------------------------------------------------------------------------- */

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

/* ---- fingerprints ------------------------------------------------------------------- */

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
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(security_matrix), T(never_weaker), T(first_usable_crypto),
		T(two_lite_ends), T(plain_beside_secure), T(dtls_roles), T(directions), T(which_lines),
		T(slides), T(slides_encrypted), T(slides_reoffered),
		T(addresses), T(alternatives), T(bundling), T(too_many), T(audio_preference),
		T(video_preference), T(h264_receive), T(reasons), T(feedback), T(agreed_keys),
		T(agreed_opportunistic), T(agreed_keying), T(agreed_dtls),
		T(agreed_loose_answer),
		T(agreed_own_answer), T(agreed_directions), T(agreed_ptime), T(agreed_annexb),
		T(offers), T(offer_of_little), T(offer_meets_answer), T(offer_inside_a_call),
		cmocka_unit_test(fingerprints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
