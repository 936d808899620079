/* SPDX-License-Identifier: GPL-3.0-or-later
 * A second video for slides: refused or taken, encrypted, offered again. */
#include "tests/unit/desc_make.h"

#include <stdio.h>

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(slides), T(slides_encrypted), T(slides_reoffered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
