/* SPDX-License-Identifier: GPL-3.0-or-later
 * The states of a call: what each verb does in each of them. */
#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "mcu/mc/call.h"

#include <errno.h>
#include <string.h>

/* ---- a protocol room and an MC that write down what they are told ------------- */

static char heard[256];
static int ops_result;
static int n_fini;

static void hear(const char *what)
{
	size_t at = strlen(heard);

	snprintf(heard + at, sizeof(heard) - at, "%s%s", at ? " " : "", what);
}

static int op_answer(struct call *c, const struct media_desc *d)
{
	(void)c;
	(void)d;
	hear("op-answer");
	return ops_result;
}

static int op_refuse(struct call *c, int status, const char *reason, const char *warning,
		     unsigned retry_after)
{
	char text[64];

	(void)c;
	(void)warning;
	snprintf(text, sizeof(text), "op-refuse(%d,%s,%u)", status, reason, retry_after);
	hear(text);
	return ops_result;
}

static int op_end(struct call *c, const char *reason)
{
	(void)c;
	(void)reason;
	hear("op-end");
	return ops_result;
}

static int op_offer(struct call *c, const struct media_desc *d)
{
	(void)c;
	(void)d;
	hear("op-offer");
	return ops_result;
}

static int op_key(struct call *c, const struct desc_line *l)
{
	(void)c;
	(void)l;
	hear("op-key");
	return ops_result;
}

static int op_redirect(struct call *c, const char *uri)
{
	(void)c;
	(void)uri;
	hear("op-redirect");
	return ops_result;
}

static const struct call_ops full_ops = {
	.protocol = "test", .answer = op_answer, .refuse = op_refuse, .end = op_end,
	.offer = op_offer, .request_key = op_key, .redirect = op_redirect,
};
static const struct call_ops bare_ops = {
	.protocol = "bare", .answer = op_answer, .refuse = op_refuse, .end = op_end,
	.offer = op_offer,
};

static void on_offered(void *arg, struct call *c, const struct media_desc *d)
{
	(void)arg;
	(void)c;
	hear(d ? "offered" : "offered-none");
}

static void on_answered(void *arg, struct call *c, const struct media_desc *d)
{
	(void)arg;
	(void)c;
	hear(d ? "answered" : "answered-none");
}

static void on_connected(void *arg, struct call *c)
{
	(void)arg;
	(void)c;
	hear("connected");
}

static void on_updated(void *arg, struct call *c, const struct media_desc *d)
{
	(void)arg;
	(void)c;
	hear(d ? "updated" : "updated-none");
}

static void on_dtmf(void *arg, struct call *c, char key)
{
	char text[2] = { key, 0 };

	(void)arg;
	(void)c;
	hear(text);
}

static void on_key(void *arg, struct call *c)
{
	(void)arg;
	(void)c;
	hear("key");
}

static void on_ended(void *arg, struct call *c, int status, const char *reason)
{
	char text[64];

	(void)arg;
	snprintf(text, sizeof(text), "ended(%d,%s,left %u)", status, reason,
		 call_center_count(c->center));
	hear(text);
}

static const struct call_handler handler = {
	.offered = on_offered, .answered = on_answered, .connected = on_connected,
	.updated = on_updated, .dtmf = on_dtmf, .key_wanted = on_key, .ended = on_ended,
};

static void fini(struct call *c)
{
	(void)c;
	n_fini++;
}

static struct media_desc some;

/* ---- every verb in every state -------------------------------------------------- */

enum situation {
	OFFERED, OFFERED_DELAYED, ANSWERED, ANSWERED_DELAYED, DIALLING,
	CONNECTED, UPDATED, UPDATED_DELAYED, WE_OFFERED, WITHDRAWN, ENDED, N_SITUATIONS
};

static struct call *call_in(struct call_center *center, enum situation s)
{
	struct call *c;

	ops_result = 0;
	assert_int_equal(call_new(&c, center, &full_ops, s == DIALLING, fini), 0);
	if (s == DIALLING)
		return c;
	call_offered(c, s == OFFERED_DELAYED || s == ANSWERED_DELAYED ? NULL : &some);
	if (s == OFFERED || s == OFFERED_DELAYED)
		return c;
	assert_int_equal(call_answer(c, &some), 0);
	if (s == ANSWERED || s == ANSWERED_DELAYED)
		return c;
	call_connected(c);
	if (s == UPDATED || s == UPDATED_DELAYED || s == WITHDRAWN)
		call_updated(c, s == UPDATED_DELAYED ? NULL : &some);
	if (s == WITHDRAWN)
		call_withdrawn(c);
	if (s == WE_OFFERED)
		assert_int_equal(call_offer(c, &some), 0);
	if (s == ENDED)
		call_ended(c, 0, "over");
	return c;
}

enum verb { ANSWER, REFUSE, END, OFFER, KEY, REDIRECT, N_VERBS };

static int say(struct call *c, enum verb v)
{
	switch (v) {
	case ANSWER: return call_answer(c, &some);
	case REFUSE: return call_refuse(c, 488, "No", NULL, 0);
	case END: return call_end(c, "bye");
	case OFFER: return call_offer(c, &some);
	case KEY: return call_request_key(c, NULL);
	default: return call_redirect(c, "sip:other@example.org");
	}
}

static void test_states(void **state)
{
	static const int expected[N_SITUATIONS][N_VERBS] = {
		/*                    ANSWER     REFUSE     END OFFER      KEY      REDIRECT */
		[OFFERED] =          { 0,        0,        0, -EINVAL,   -EINVAL, 0 },
		[OFFERED_DELAYED] =  { 0,        0,        0, -EINVAL,   -EINVAL, 0 },
		[ANSWERED] =         { -EINVAL,  -EINVAL,  0, -EINVAL,   -EINVAL, -EINVAL },
		[ANSWERED_DELAYED] = { -EINVAL,  -EINVAL,  0, -EINVAL,   -EINVAL, -EINVAL },
		[DIALLING] =         { -EINVAL,  -EINVAL,  0, -EINVAL,   -EINVAL, -EINVAL },
		[CONNECTED] =        { -EINVAL,  -EINVAL,  0, 0,         0,       -EINVAL },
		[UPDATED] =          { 0,        0,        0, -EBUSY,    0,       -EINVAL },
		[UPDATED_DELAYED] =  { 0,        0,        0, -EBUSY,    0,       -EINVAL },
		[WE_OFFERED] =       { -EINVAL,  -EINVAL,  0, -EBUSY,    0,       -EINVAL },
		[WITHDRAWN] =        { -EINVAL,  -EINVAL,  0, 0,         0,       -EINVAL },
		[ENDED] =            { -EALREADY, -EALREADY, -EALREADY, -EALREADY, -EALREADY,
				       -EALREADY },
	};
	struct call_center *center;
	long live = ref_live();

	(void)state;
	assert_int_equal(call_center_new(&center, &handler, NULL), 0);
	for (int s = 0; s < N_SITUATIONS; s++)
		for (int v = 0; v < N_VERBS; v++)
			for (int fails = 0; fails < 2; fails++) {
				struct call *c = call_in(center, (enum situation)s);
				int want = expected[s][v], got;

				heard[0] = 0;
				/* An operation that fails changes nothing: it may
				 * be asked for again. */
				ops_result = -EIO;
				got = fails ? say(c, (enum verb)v) : want;
				if (fails && !want)
					assert_int_equal(got, -EIO);
				ops_result = 0;
				got = say(c, (enum verb)v);
				if (got != want)
					fail_msg("situation %d verb %d: %d, not %d", s, v, got, want);
				assert_int_equal(!want, heard[0] != 0);
				if (c->state != CALL_ENDED)
					call_ended(c, 0, "over");
				ref_drop(c);
			}
	assert_int_equal(call_center_count(center), 0);
	call_center_free(center);
	assert_int_equal(ref_live(), live);
}

static void test_events(void **state)
{
	struct call_center *center;
	struct call *c;

	(void)state;
	assert_int_equal(call_center_new(&center, &handler, NULL), 0);
	heard[0] = 0;
	ops_result = 0;
	n_fini = 0;
	assert_int_equal(call_new(&c, center, &full_ops, false, fini), 0);
	assert_int_equal(call_center_count(center), 1);
	assert_ptr_equal(call_center_find(center, c->id), c);
	assert_null(call_center_find(center, "nobody"));
	call_offered(c, NULL);
	assert_int_equal(call_answer(c, &some), 0);
	call_answered(c, &some);
	call_connected(c);
	call_dtmf(c, '#');
	call_key_wanted(c);
	assert_int_equal(call_offer(c, &some), 0);
	call_answered(c, NULL);
	call_updated(c, NULL);
	assert_int_equal(call_refuse(c, 503, "Later", NULL, 7), 0);
	call_updated(c, &some);
	call_ended(c, 408, NULL);
	assert_string_equal(heard, "offered-none op-answer answered connected # key op-offer "
			    "answered-none updated-none op-refuse(503,Later,7) updated "
			    "ended(408,,left 0)");
	assert_null(call_center_find(center, c->id));
	assert_int_equal(n_fini, 0);
	ref_drop(c);
	assert_int_equal(n_fini, 1);
	call_center_free(center);
}

static void test_not_supported(void **state)
{
	struct call_center *center;
	struct call *c;

	(void)state;
	assert_int_equal(call_center_new(&center, &handler, NULL), 0);
	assert_int_equal(call_new(&c, center, &bare_ops, false, NULL), 0);
	call_offered(c, &some);
	assert_int_equal(call_redirect(c, "sip:x@y"), -ENOTSUP);
	assert_int_equal(call_refuse(c, 200, "no", NULL, 0), -EINVAL);
	assert_int_equal(call_answer(c, &some), 0);
	call_connected(c);
	assert_int_equal(call_request_key(c, NULL), -ENOTSUP);
	call_ended(c, 0, "over");
	ref_drop(c);
	call_center_free(center);
}

/* ---- diallers ------------------------------------------------------------------- */

static int dial(void *arg, struct call **out, const char *uri, const char *user,
		const char *name, const struct media_desc *offer)
{
	(void)out;
	(void)user;
	(void)name;
	(void)offer;
	hear(arg);
	hear(uri);
	return 0;
}

static int local_address(void *arg, const char *uri, char *buf, size_t cap)
{
	(void)uri;
	snprintf(buf, cap, "of-%s", (const char *)arg);
	return 0;
}

static void test_diallers(void **state)
{
	static char sip[] = "SIP", h323[] = "H323";
	static const struct { const char *uri, *heard; int result; } row[] = {
		{ "sip:a@b", "SIP sip:a@b", 0 },
		{ "SIPS:a@b", "SIP SIPS:a@b", 0 },
		{ "a@b", "SIP a@b", 0 },
		{ "host:5060", "SIP host:5060", 0 },
		{ "h323:a@b", "H323 h323:a@b", 0 },
		{ "tel:+1", "", -EPROTONOSUPPORT },
	};
	struct call_center *center;
	struct call *c;
	char buf[16];

	(void)state;
	assert_int_equal(call_center_new(&center, &handler, NULL), 0);
	assert_int_equal(call_center_dial(center, &c, "sip:a@b", "u", "n", &some),
			 -EPROTONOSUPPORT);
	call_center_add_dialler(center, &(struct call_dialler){ "h323", dial, local_address, NULL, NULL, h323 });
	call_center_add_dialler(center, &(struct call_dialler){ "sip", dial, local_address, NULL, NULL, sip });
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		heard[0] = 0;
		assert_int_equal(call_center_dial(center, &c, row[i].uri, "u", "n", &some),
				 row[i].result);
		assert_string_equal(heard, row[i].heard);
	}
	assert_int_equal(call_center_local_address(center, "h323:x", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "of-H323");
	call_center_free(center);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_not_supported),
		cmocka_unit_test(test_diallers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
