/* SPDX-License-Identifier: GPL-3.0-or-later
 * Media descriptions for tests, line by line, and their answers. */
#ifndef BALAI_TESTS_UNIT_DESC_MAKE_H
#define BALAI_TESTS_UNIT_DESC_MAKE_H

#include "tests/unit/cmocka_head.h"

#include "mcu/mc/desc.h"

#include <stdlib.h>
#include <string.h>

static inline struct desc_codec *put_codec(struct desc_line *line, int pt, enum codec_id id, uint32_t rate)
{
	struct desc_codec *c = &line->codec[line->n_codecs++];

	c->pt = pt;
	c->format.id = id;
	c->format.clock_rate = rate;
	c->format.channels = 1;
	c->can_send = c->can_receive = true;
	return c;
}

static inline struct desc_line *put_line(struct media_desc *d, enum media_kind kind, enum desc_proto proto)
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

static inline struct desc_codec *put_h264(struct desc_line *line, int pt, uint32_t plid, uint8_t mode)
{
	struct desc_codec *c = put_codec(line, pt, CODEC_H264, 90000);

	c->format.h264.profile_idc = (uint8_t)(plid >> 16);
	c->format.h264.profile_iop = (uint8_t)(plid >> 8);
	c->format.h264.level_idc = (uint8_t)plid;
	c->format.h264.packetization_mode = mode;
	return c;
}

static inline void put_crypto(struct desc_line *line, uint32_t tag, enum srtp_suite suite, uint8_t fill)
{
	struct sdes_line *c = &line->crypto[line->n_crypto++];

	c->tag = tag;
	c->key.suite = suite;
	memset(c->key.key, fill, sizeof(c->key.key));
}

static inline void put_fingerprint(struct desc_line *line, enum desc_setup setup)
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

static inline int setup(void **state)
{
	struct fixture *f = (struct fixture *)calloc(1, sizeof(*f));

	f->offer = media_desc_new();
	f->answer = media_desc_new();
	f->agreed = (struct desc_agreed *)calloc(DESC_MAX_LINES, sizeof(*f->agreed));
	f->policy = (struct desc_policy){ .encryption = ENCRYPTION_PREFERRED, .video = true };
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = (struct fixture *)*state;

	media_desc_free(f->offer);
	media_desc_free(f->answer);
	free(f->agreed);
	free(f);
	return 0;
}

static inline void clear(struct fixture *f)
{
	memset(f->offer, 0, sizeof(*f->offer));
	memset(f->answer, 0, sizeof(*f->answer));
}

static inline void answer(struct fixture *f)
{
	desc_answer(&f->policy, f->offer, f->answer, &f->verdict, NULL, NULL);
}

/* A test that has a fixture. */
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
