/* SPDX-License-Identifier: GPL-3.0-or-later
 * ICE-lite in descriptions: who says it in an offer, who in an answer, and when both
 * agree on it. */
#include "tests/unit/cmocka_head.h"

#include "mcu/mc/desc.h"

#include <string.h>

static struct desc_policy policy_of(struct conf_profile *profile, enum conf_ice ice)
{
	static char opus[] = "opus", h264[] = "H264";
	static char *audio[] = { opus }, *video[] = { h264 };

	*profile = (struct conf_profile){
		.audio_codecs = audio, .n_audio_codecs = 1, .video_codecs = video,
		.n_video_codecs = 1, .bandwidth = 1000, .ice = ice, .video = true,
		.encryption = ENCRYPTION_PREFERRED,
	};
	return (struct desc_policy){ .profile = profile, .video = true };
}

/* What a leg and a full agent at the other end add to a line. */
static void credentials(struct media_desc *d, const char *ufrag)
{
	for (uint32_t i = 0; i < d->n_lines; i++) {
		struct desc_line *l = &d->line[i];

		if (!l->ice)
			continue;
		strcpy(l->ice_ufrag, ufrag);
		strcpy(l->ice_pwd, "0123456789012345678901");
	}
}

static void test_offer(void **state)
{
	static const struct {
		enum conf_ice ice;
		bool offered, answered;
	} rows[] = {
		{ ICE_OFF, false, false }, { ICE_ANSWER, false, true }, { ICE_OFFER, true, true },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct conf_profile profile;
		struct desc_policy policy = policy_of(&profile, rows[k].ice);
		struct media_desc *ours = media_desc_new(), *theirs = media_desc_new();
		struct media_desc *answer = media_desc_new();
		struct desc_agreed agreed[DESC_MAX_LINES];
		struct desc_verdict verdict;

		desc_offer(&policy, ours);
		assert_int_equal(ours->n_lines, 2);
		assert_int_equal(ours->ice_lite, rows[k].offered);
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(ours->line[i].ice, rows[k].offered);
		/* a peer that has ICE, as offerer */
		*theirs = *ours;
		theirs->ice_lite = false;
		theirs->line[0].ice = theirs->line[1].ice = true;
		credentials(theirs, "peer");
		desc_answer(&policy, theirs, answer, &verdict, NULL, NULL);
		assert_int_equal(verdict.status, 200);
		assert_int_equal(answer->ice_lite, rows[k].answered);
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(answer->line[i].ice, rows[k].answered);
		assert_int_equal(desc_agree(answer, theirs, false, agreed), 0);
		assert_int_equal(agreed[0].ice, rows[k].answered);
		/* and as answerer, who has it even when nobody asked */
		credentials(ours, "ours");
		assert_int_equal(desc_agree(ours, theirs, true, agreed), 0);
		assert_true(agreed[0].active);
		assert_int_equal(agreed[0].ice, rows[k].offered);
		/* without it, and lite itself: as without ICE */
		theirs->ice_lite = true;
		assert_int_equal(desc_agree(ours, theirs, true, agreed), 0);
		assert_false(agreed[0].ice);
		theirs->ice_lite = theirs->line[0].ice = theirs->line[1].ice = false;
		assert_int_equal(desc_agree(ours, theirs, true, agreed), 0);
		assert_true(agreed[0].active && agreed[1].active);
		assert_false(agreed[0].ice || agreed[1].ice);
		media_desc_free(ours);
		media_desc_free(theirs);
		media_desc_free(answer);
	}
}

/* A new offer in the call has the credentials that are in force: others would be a
 * restart (RFC 8839 section 4.4.1.1). One that began without ICE stays so. */
static void test_reoffer(void **state)
{
	struct conf_profile profile;
	struct desc_policy policy = policy_of(&profile, ICE_OFFER);
	struct media_desc *ours = media_desc_new(), *again = media_desc_new();

	(void)state;
	for (int ice = 0; ice < 2; ice++) {
		profile.ice = ice ? ICE_OFFER : ICE_ANSWER;
		desc_offer(&policy, ours);
		credentials(ours, "ours");
		profile.ice = ICE_OFFER;
		desc_reoffer(&policy, ours, ours, again);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(again->line[i].ice, ice);
			assert_string_equal(again->line[i].ice_ufrag, ice ? "ours" : "");
			assert_string_equal(again->line[i].ice_pwd, ours->line[i].ice_pwd);
		}
		assert_int_equal(again->ice_lite, ice);
	}
	media_desc_free(ours);
	media_desc_free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer),
		cmocka_unit_test(test_reoffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
