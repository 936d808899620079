/* SPDX-License-Identifier: GPL-3.0-or-later
 * SDP out and in again: nothing is lost on the way round, versions rise when something
 * changes, and memory may run out anywhere. */
#include "tests/unit/sdp_text.h"

#include "sip/explain.h"
#include "sip/sdp_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The nth allocation from here on fails (our own objects; Sofia's are behind a
 * shared library). */
static long fail_at = -1;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_malloc(size_t n)
{
	return fail_at >= 0 && fail_at-- == 0 ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fail_at >= 0 && fail_at-- == 0 ? NULL : __real_calloc(n, size);
}

static void compare(const struct media_desc *a, const struct media_desc *b)
{
	assert_int_equal(a->n_lines, b->n_lines);
	assert_int_equal(a->session_id, b->session_id);
	assert_int_equal(a->session_version, b->session_version);
	for (unsigned i = 0; i < a->n_lines; i++) {
		const struct desc_line *x = &a->line[i], *y = &b->line[i];

		assert_int_equal(x->port, y->port);
		assert_int_equal(x->kind, y->kind);
		assert_int_equal(x->proto, y->proto);
		assert_int_equal(x->n_codecs, y->n_codecs);
		for (unsigned j = 0; j < x->n_codecs; j++) {
			assert_int_equal(x->codec[j].pt, y->codec[j].pt);
			assert_memory_equal(&x->codec[j].format, &y->codec[j].format,
					    sizeof(x->codec[j].format));
			assert_string_equal(x->codec[j].events, y->codec[j].events);
			assert_int_equal(x->codec[j].fir, y->codec[j].fir);
			assert_int_equal(x->codec[j].nack, y->codec[j].nack);
		}
		assert_int_equal(x->send, y->send);
		assert_int_equal(x->receive, y->receive);
		assert_int_equal(x->ptime, y->ptime);
		assert_int_equal(x->bandwidth, y->bandwidth);
		assert_int_equal(x->n_crypto, y->n_crypto);
		for (unsigned j = 0; j < x->n_crypto; j++) {
			assert_int_equal(x->crypto[j].tag, y->crypto[j].tag);
			assert_memory_equal(x->crypto[j].key.key, y->crypto[j].key.key,
					    srtp_suite_key_len(x->crypto[j].key.suite));
		}
		assert_int_equal(x->setup, y->setup);
		assert_memory_equal(&x->fingerprint, &y->fingerprint, sizeof(x->fingerprint));
		assert_int_equal(x->rtcp_mux, y->rtcp_mux);
		assert_string_equal(x->ice_ufrag, y->ice_ufrag);
		assert_int_equal(x->n_candidates, y->n_candidates);
		assert_string_equal(x->mid, y->mid);
		assert_int_equal(x->bundled, y->bundled);
		assert_int_equal(x->mid_ext, y->mid_ext);
		assert_memory_equal(&x->orientation, &y->orientation, sizeof(x->orientation));
		assert_memory_equal(&x->audio_level, &y->audio_level, sizeof(x->audio_level));
		assert_string_equal(x->content, y->content);
	}
}

static void round_trip(void **state)
{
	struct media_desc *a = parse(full), *b;
	char buf[SDP_MAX_BYTES];
	int len = sdp_desc_write(a, "10.0.0.1", buf, sizeof(buf));

	(void)state;
	assert_true(len > 0 && buf[len] == '\0');
	b = parse(buf);
	compare(a, b);
	/* Every size that is too small is told, and nothing is written past it. */
	for (size_t cap = 0; cap <= (size_t)len; cap++) {
		char *small = (char *)malloc(cap ? cap : 1);

		assert_int_equal(sdp_desc_write(a, "10.0.0.1", small, cap), -ENOSPC);
		free(small);
	}
	media_desc_free(a);
	media_desc_free(b);
}

static void offer_round_trip(void **state)
{
	struct media_desc *a = media_desc_new(), *b;
	const struct desc_policy policy = { .encryption = ENCRYPTION_PREFERRED, .video = true };
	char buf[SDP_MAX_BYTES];

	(void)state;
	desc_offer(&policy, a);
	assert_true(sdp_desc_write(a, "2001:db8::7", buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "c=IN IP6 2001:db8::7\r\n"));
	b = parse(buf);
	compare(a, b);
	media_desc_free(a);
	media_desc_free(b);
}

/* Our offer with ICE, in words: both components, the second for who will have no
 * rtcp-mux, and what it falls back to (RFC 5761 section 5.1.3); with rtcp-mux agreed,
 * one. */
static void ice_in_words(void **state)
{
	struct media_desc *d = media_desc_new();
	const struct desc_policy policy = { .encryption = ENCRYPTION_OFF, .video = false };
	char buf[SDP_MAX_BYTES];
	struct desc_line *line = &d->line[0];

	(void)state;
	desc_offer(&policy, d);
	assert_true(line->ice && line->rtcp_mux && d->ice_lite);
	strcpy(line->ice_ufrag, "abcd");
	strcpy(line->ice_pwd, "0123456789012345678901");
	line->port = 4000;
	assert_true(sdp_address(&line->rtp, "192.0.2.1", 4000));
	assert_true(sdp_address(&line->rtcp, "192.0.2.1", 4001));
	line->rtcp_given = true;
	line->candidate[0] = line->rtp;
	line->n_candidates = 1;
	assert_true(sdp_desc_write(d, "192.0.2.1", buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "t=0 0\r\na=ice-lite\r\n"));
	assert_non_null(strstr(buf, "a=rtcp:4001 IN IP4 192.0.2.1\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\n"
			       "a=ice-pwd:0123456789012345678901\r\n"
			       "a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host\r\n"
			       "a=candidate:1 2 UDP 2130706430 192.0.2.1 4001 typ host\r\n"
			       "a=end-of-candidates\r\n"));
	line->rtcp = line->rtp;
	line->rtcp_given = false;
	assert_true(sdp_desc_write(d, "192.0.2.1", buf, sizeof(buf)) > 0);
	assert_null(strstr(buf, "a=rtcp:"));
	assert_null(strstr(buf, "a=candidate:1 2"));
	media_desc_free(d);
}

/* What all codecs of a line have is said once, for "*", and the rest of each. */
static void feedback_in_words(void **state)
{
	struct media_desc *d = media_desc_new();
	const struct desc_policy policy = { .encryption = ENCRYPTION_OFF, .video = true };
	char buf[SDP_MAX_BYTES];

	(void)state;
	desc_offer(&policy, d);
	for (unsigned i = 0; i < 2; i++)
		assert_true(sdp_address(&d->line[i].rtp, "192.0.2.1", 4000));
	assert_true(sdp_desc_write(d, "192.0.2.1", buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "a=rtcp-fb:* nack\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\n"
			       "a=rtcp-fb:* ccm tmmbr\r\na=rtcp-fb:97 goog-remb\r\n"));
	assert_null(strstr(buf, "a=rtcp-fb:97 nack"));
	assert_null(strstr(buf, "a=rtcp-fb:31"));
	/* one codec less has it: named one by one */
	d->line[1].codec[0].nack = false;
	assert_true(sdp_desc_write(d, "192.0.2.1", buf, sizeof(buf)) > 0);
	assert_null(strstr(buf, "a=rtcp-fb:* nack\r\n"));
	assert_null(strstr(buf, "a=rtcp-fb:97 nack\r\n"));
	assert_non_null(strstr(buf, "a=rtcp-fb:98 nack\r\n"));
	assert_non_null(strstr(buf, "a=rtcp-fb:31 nack\r\n"));
	media_desc_free(d);
}

/* Versions: RFC 3264 section 8. */
static void versions(void **state)
{
	struct media_desc *first = parse(full), *same = parse(full), *changed = parse(full);

	(void)state;
	assert_int_equal(sdp_desc_follow(first, NULL, "10.0.0.1", 5), 0);
	assert_int_equal(first->session_id, 5);
	assert_int_equal(sdp_desc_follow(same, first, "10.0.0.1", 9), 0);
	assert_int_equal(same->session_id, 5);
	assert_int_equal(same->session_version, first->session_version);
	changed->line[1].send = true;
	assert_int_equal(sdp_desc_follow(changed, first, "10.0.0.1", 9), 0);
	assert_int_equal(changed->session_version, first->session_version + 1);
	media_desc_free(first);
	media_desc_free(same);
	media_desc_free(changed);
}

static void out_of_memory(void **state)
{
	const struct desc_policy policy = { .encryption = ENCRYPTION_PREFERRED, .video = true };
	struct media_desc *d = NULL, *before = parse(full), *next = parse(full);
	FILE *null = fopen("/dev/null", "w");
	int err = -ENOMEM;
	long n;

	(void)state;
	for (n = 0; err == -ENOMEM && n < 1000; n++) {
		fail_at = n;
		err = sdp_desc_parse(&d, full, strlen(full));
		fail_at = -1;
		assert_true(err == 0 || (err == -ENOMEM && d == NULL));
	}
	assert_int_equal(err, 0);
	assert_true(n > 2);
	media_desc_free(d);
	for (err = -ENOMEM, n = 0; err == -ENOMEM && n < 1000; n++) {
		fail_at = n;
		err = sdp_desc_follow(next, before, "10.0.0.1", 1);
		fail_at = -1;
	}
	assert_int_equal(err, 0);
	assert_true(n > 2);
	for (err = -ENOMEM, n = 0; err == -ENOMEM && n < 1000; n++) {
		fail_at = n;
		err = sdp_explain(full, strlen(full), &policy, NULL, NULL, false, null);
		fail_at = -1;
	}
	assert_int_equal(err, 200);
	assert_true(n > 4);
	fclose(null);
	media_desc_free(before);
	media_desc_free(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(offer_round_trip),
		cmocka_unit_test(ice_in_words),
		cmocka_unit_test(feedback_in_words),
		cmocka_unit_test(versions),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
