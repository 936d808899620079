/* SPDX-License-Identifier: GPL-3.0-or-later
 * A body from anybody: read, answered under every policy, written, read again,
 * agreed. What the tolerant pass lets through, Sofia must take; what we write,
 * we must read with as many lines. */
#include "sip/explain.h"
#include "sip/sdp.h"
#include "sip/sdp_internal.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void fill(struct media_desc *d)
{
	for (uint32_t i = 0; i < d->n_lines; i++) {
		struct desc_line *line = &d->line[i];

		must(line->port == 0 || line->n_codecs > 0);
		if (line->setup != SETUP_NONE) {
			line->fingerprint.len = 32;
			span_copy(line->fingerprint.hash, sizeof(line->fingerprint.hash),
				  span_of("sha-256"));
		}
		if (line->ice) {
			span_copy(line->ice_ufrag, sizeof(line->ice_ufrag), span_of("abcd"));
			span_copy(line->ice_pwd, sizeof(line->ice_pwd),
				  span_of("abcdefghijklmnopqrstuv"));
		}
	}
}

static void check_answer(const struct media_desc *offer, enum conf_encryption encryption)
{
	static struct desc_agreed agreed[DESC_MAX_LINES];
	static char buf[SDP_MAX_BYTES];
	const struct desc_policy policy = { .encryption = encryption, .video = true,
					    .slides = encryption != ENCRYPTION_OFF };
	struct media_desc *answer = media_desc_new(), *again = NULL;
	struct desc_verdict verdict;
	int len;

	desc_answer(&policy, offer, answer, &verdict, NULL, NULL);
	must(answer->n_lines == offer->n_lines);
	fill(answer);
	len = sdp_desc_write(answer, "192.0.2.1", buf, sizeof(buf));
	must(len > 0);
	must(sdp_desc_parse(&again, buf, (size_t)len) == 0);
	must(again->n_lines == answer->n_lines);
	for (uint32_t i = 0; i < answer->n_lines; i++) {
		must((again->line[i].port == 0) == (answer->line[i].port == 0));
		must(answer->line[i].port == 0 ||
		     again->line[i].n_codecs == answer->line[i].n_codecs);
	}
	must(desc_agree(answer, offer, false, agreed) == (offer->too_many_lines ? -EBADMSG : 0));
	for (uint32_t i = 0; i < answer->n_lines && !offer->too_many_lines; i++) {
		must(agreed[i].active == (answer->line[i].port != 0));
		must(agreed[i].role != ROLE_SLIDES || !agreed[i].send);
		must(agreed[i].role != ROLE_SLIDES || !agreed[i].active || policy.slides);
		must(!agreed[i].active || encryption != ENCRYPTION_REQUIRED ||
		     agreed[i].security != AGREED_PLAIN);
	}
	media_desc_free(again);
	media_desc_free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *null;
	const struct desc_policy policy = { .encryption = ENCRYPTION_PREFERRED, .video = true };
	struct media_desc *offer = NULL;
	struct tidy tidy;
	int err;

	if (size > 8192)
		return 0;
	if (!null)
		null = fopen("/dev/null", "w");
	err = sdp_desc_parse(&offer, (const char *)data, size);
	if (tidy_init(&tidy, (const char *)data, size) == 0) {
		must(err == 0);
		tidy_fini(&tidy);
	}
	if (err == 0) {
		check_answer(offer, ENCRYPTION_OFF);
		check_answer(offer, ENCRYPTION_PREFERRED);
		check_answer(offer, ENCRYPTION_REQUIRED);
	}
	media_desc_free(offer);
	sdp_explain((const char *)data, size, &policy, NULL, NULL, size & 1, null);
	return 0;
}
