/* SPDX-License-Identifier: GPL-3.0-or-later
 * Calls that go on in another conference, take over another call, or are refused
 * there. */
#include "tests/flow/meeting_room.h"

#include "base/clock.h"
#include "base/ref.h"

#include <errno.h>
#include <string.h>

static unsigned id_of(const struct endpoint *e)
{
	return ((struct participant *)e->call->participant)->id;
}

/* One who was in another conference is heard and seen in this one, and there no
 * longer; with sound and picture, so that both change threads' hands. */
static void test_move(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, true, false), *b = endpoint_new(r, true, false);
	struct endpoint *plain = endpoint_new(r, false, false);
	struct call_refer there = { .uri = "sip:1000@x", .user = "1000", .host = "x", .ours = true };
	char error[256];
	unsigned id;

	endpoint_dial(a, "1000");
	endpoint_dial(b, "1001");
	endpoint_dial(plain, "1002");
	endpoint_connect(a);
	endpoint_connect(b);
	endpoint_connect(plain);
	id = id_of(b);
	json_decref(room_command(r, "transfer", json_pack("{s:i, s:s}", "participant", (int)id, "target",
						     "1000"), 0));
	assert_int_equal(id_of(b), id);
	hear_each_other(a, b);
	see_more(a, b, 10);
	/* Back and forth; a conference that nobody is left in ends. */
	for (int i = 0; i < 20; i++)
		json_decref(room_command(r, "transfer", json_pack("{s:i, s:s}", "participant", (int)id,
							     "target", i % 2 ? "1000" : "1001"), 0));
	hear_each_other(a, b);
	see_more(a, b, 10);
	assert_null(conference_find(r->controller, "1001"));
	/* Asked for by the phone itself; what it may not have it does not get. */
	assert_int_equal(call_refer(plain->call, &there), 202);
	assert_int_equal(plain->referred, 200);
	hear_each_other(a, plain);
	there.user = "7000";
	assert_int_equal(call_refer(plain->call, &there), 403);
	there.user = "600";
	assert_int_equal(call_refer(plain->call, &there), 603);
	there.ours = false;
	assert_int_equal(call_refer(plain->call, &there), 403);
	/* A full conference neither by moving nor by a call it would have us make; that
	 * the latter gets no further here is for want of a protocol to dial by. */
	endpoint_hang_up(b);
	endpoint_free(b);
	b = endpoint_new(r, false, false);
	endpoint_dial(b, "7001");
	endpoint_connect(b);
	there = (struct call_refer){ .user = "7001", .ours = true };
	assert_int_equal(call_refer(plain->call, &there), 486);
	there.user = "601";
	assert_int_equal(call_refer(a->call, &there), 503);
	assert_int_equal(call_refer(b->call, &there), 486);
	assert_int_equal(controller_dial(r->controller, "7001", "sip:x@127.0.0.1", &id, error,
					 sizeof(error)), -ENOSPC);
	assert_non_null(strstr(error, "the conference is full"));
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_hang_up(plain);
	endpoint_free(a);
	endpoint_free(b);
	endpoint_free(plain);
}

/* A call in the place of another: the number stays, the old call ends, and where
 * the new one is not let in nothing has happened. */
static void test_take_over(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, false, true), *b = endpoint_new(r, false, true);
	struct endpoint *plain = endpoint_new(r, false, false), *c = endpoint_new(r, false, true);
	unsigned id;

	endpoint_dial(a, "7000");
	endpoint_dial(b, "7000");
	endpoint_connect(a);
	endpoint_connect(b);
	id = id_of(a);
	json_decref(room_command(r, "mute", json_pack("{s:i, s:b}", "participant", (int)id, "speaker", 1), 0));
	plain->replaces = a->call;
	endpoint_dial(plain, "7000");
	assert_int_equal(plain->refused, 488);
	assert_int_equal(id_of(a), id);
	c->replaces = a->call;
	endpoint_dial(c, "600");
	assert_int_equal(c->refused, 0); /* the conference's own number does */
	endpoint_connect(c);
	assert_int_equal(id_of(c), id);
	for (int64_t end = patience(); clock_us() < end && a->call->state != CALL_ENDED;)
		room_step(r);
	assert_int_equal(a->call->state, CALL_ENDED);
	assert_true(((struct participant *)c->call->participant)->deaf);
	json_decref(room_command(r, "unmute", json_pack("{s:i, s:b}", "participant", (int)id, "speaker", 1),
			    0));
	hear_each_other(c, b);
	endpoint_hang_up(b);
	endpoint_hang_up(c);
	endpoint_free(a);
	endpoint_free(b);
	endpoint_free(c);
	endpoint_free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_move, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_take_over, room_open, room_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
