/* SPDX-License-Identifier: GPL-3.0-or-later
 * Meetings as a whole: who gets in, who hears and sees whom, and what the operator
 * does. */
#include "tests/flow/meeting_room.h"

#include "base/clock.h"
#include "base/ref.h"
#include "mcu/mc/load.h"

#include <errno.h>

static void two_talk(struct room *r, bool sdes, const char *number)
{
	struct endpoint *a = endpoint_new(r, false, sdes), *b = endpoint_new(r, false, sdes);

	endpoint_dial(a, number);
	endpoint_dial(b, number);
	assert_int_equal(a->refused + b->refused, 0);
	endpoint_connect(a);
	endpoint_connect(b);
	hear_each_other(a, b);
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_free(a);
	endpoint_free(b);
}

static void test_two_hear_each_other(void **state)
{
	two_talk(*state, false, "1000");
}

static void test_encrypted(void **state)
{
	two_talk(*state, true, "7000");
}

static void test_see_each_other(void **state)
{
	struct room *r = *state;
	struct endpoint *e[3];
	int64_t next = 0;
	bool ok = false;
	struct video_engine_stats v;

	for (int i = 0; i < 3; i++) {
		e[i] = endpoint_new(r, true, i == 1);
		endpoint_dial(e[i], "2000");
		endpoint_connect(e[i]);
	}
	for (int64_t end = patience(); clock_us() < end && !ok;) {
		room_step(r);
		if (due(&next, 66000))
			for (int i = 0; i < 3; i++)
				endpoint_show(e[i], (uint8_t)(60 + 50 * i));
		ok = true;
		for (int i = 0; i < 3; i++)
			ok &= atomic_load(&e[i]->pictures) > 15;
	}
	assert_true(ok);
	video_engine_stats(r->video, &v);
	assert_int_equal(v.sources, 3);
	assert_int_equal(v.sinks, 3);
	assert_true(v.decoded > 10);
	for (int i = 0; i < 3; i++)
		endpoint_hang_up(e[i]);
	for (int i = 0; i < 3; i++)
		endpoint_free(e[i]);
}

/* All of them show until the one has seen some more pictures. */
static void show_all(struct endpoint *const *e, unsigned n, struct endpoint *seen_by)
{
	int until = atomic_load(&seen_by->pictures) + 10;
	int64_t next = 0;

	for (int64_t end = patience(); clock_us() < end && atomic_load(&seen_by->pictures) < until;) {
		room_step(seen_by->room);
		if (due(&next, 66000))
			for (unsigned i = 0; i < n; i++)
				endpoint_show(e[i], (uint8_t)(60 + 50 * i));
	}
	assert_true(atomic_load(&seen_by->pictures) >= until);
}

/* Who comes after somebody went sees the others in the places they have for all. */
static void test_one_picture_for_all(void **state)
{
	struct room *r = *state;
	struct endpoint *e[4];
	struct video_engine_stats v;

	for (int i = 0; i < 3; i++) {
		e[i] = endpoint_new(r, true, false);
		endpoint_dial(e[i], "7002");
		endpoint_connect(e[i]);
	}
	show_all(e, 3, e[2]);
	endpoint_hang_up(e[0]);
	e[3] = endpoint_new(r, true, false);
	endpoint_dial(e[3], "7002");
	endpoint_connect(e[3]);
	show_all(e + 1, 3, e[3]);
	/* a view that nobody looks at any more stays for a moment */
	for (int64_t end = patience(); clock_us() < end;) {
		show_all(e + 1, 3, e[3]);
		video_engine_stats(r->video, &v);
		if (v.views == 1)
			break;
	}
	assert_int_equal(v.views, 1);
	assert_int_equal(v.sinks, 3);
	for (int i = 1; i < 4; i++)
		endpoint_hang_up(e[i]);
	for (int i = 0; i < 4; i++)
		endpoint_free(e[i]);
}

/* Whose picture has the border in what a participant looks at: it alone, NULL nobody's;
 * *tiles: how many pictures there are. */
static struct source *bordered(const struct endpoint *e, unsigned *tiles)
{
	const struct participant *p = e->call->participant;
	struct source *source = NULL;
	unsigned n = 0;

	*tiles = 0;
	list_each(l, &p->conference->views) {
		const struct showing *s = list_entry(l, struct showing, link);

		for (uint32_t i = 0; s->view == p->view && i < s->scene.n; i++) {
			*tiles += s->scene.tile[i].source != NULL;
			if (s->scene.tile[i].border)
				source = s->scene.tile[i].source;
			n += s->scene.tile[i].border;
		}
	}
	return n == 1 ? source : NULL;
}

static struct source *camera(const struct endpoint *e)
{
	return leg_source(participant_leg(e->call->participant, MEDIA_VIDEO));
}

/* Two of three speak at once: each of them sees the border on the other, whoever of
 * them is the loudest, and the third on one of them. */
static void test_border(void **state)
{
	struct room *r = *state;
	struct endpoint *e[3];
	int64_t speak = 0, show = 0;
	bool ok = false;

	for (int i = 0; i < 3; i++) {
		e[i] = endpoint_new(r, true, false);
		endpoint_dial(e[i], "1000");
		endpoint_connect(e[i]);
	}
	for (int64_t end = patience(); clock_us() < end && !ok;) {
		struct source *third;
		unsigned tiles[3];

		room_step(r);
		if (due(&speak, 20000)) {
			for (int i = 0; i < 3; i++)
				endpoint_talk(e[i], i < 2 ? 440 : 0);
		}
		if (due(&show, 100000)) {
			for (int i = 0; i < 3; i++)
				endpoint_show(e[i], (uint8_t)(60 + 60 * i));
		}
		third = bordered(e[2], &tiles[2]);
		ok = bordered(e[0], &tiles[0]) == camera(e[1]) &&
		     bordered(e[1], &tiles[1]) == camera(e[0]) &&
		     (third == camera(e[0]) || third == camera(e[1])) &&
		     tiles[0] == 2 && tiles[1] == 2 && tiles[2] == 2;
	}
	assert_true(ok);
	for (int i = 0; i < 3; i++) {
		endpoint_hang_up(e[i]);
		endpoint_free(e[i]);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *number;
		int status;
	} rows[] = {
		{ "600", 603 },  /* by a rule */
		{ "9999", 404 }, /* no rule */
		{ "7005", 404 }, /* a conference that is not there */
		{ "7000", 488 }, /* encryption is required */
	};
	struct room *r = *state;
	struct endpoint *e, *first;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e = endpoint_new(r, true, false);
		endpoint_dial(e, rows[i].number);
		assert_int_equal(e->refused, rows[i].status);
		endpoint_free(e);
	}
	e = endpoint_new(r, false, false);
	endpoint_dial(e, "601");
	assert_string_equal(e->redirect, "sip:elsewhere@192.0.2.9");
	endpoint_free(e);
	first = endpoint_new(r, false, false);
	endpoint_dial(first, "7001");
	assert_int_equal(first->refused, 0);
	e = endpoint_new(r, false, false);
	endpoint_dial(e, "7001");
	assert_int_equal(e->refused, 486); /* full */
	endpoint_free(e);
	r->controller->capacity.calls = 1; /* what the machine carries */
	e = endpoint_new(r, false, false);
	endpoint_dial(e, "1000");
	assert_int_equal(e->refused, 503);
	assert_int_equal(e->retry_after, 60);
	endpoint_hang_up(first);
	endpoint_free(first);
	endpoint_free(e);
	assert_true(list_empty(&r->controller->conferences));
}

/* A machine that is full takes nobody in, says when to try again, and leaves those
 * alone who are in. */
static void test_full_machine(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, true, false), *b = endpoint_new(r, true, false);
	char error[120];
	uint32_t id;

	endpoint_dial(a, "1000");
	endpoint_connect(a);
	r->full = true;
	endpoint_dial(b, "1000");
	assert_int_equal(b->refused, 503);
	assert_in_range(b->retry_after, 1, 300);
	endpoint_free(b);
	assert_int_equal(controller_dial(r->controller, "1000", "sip:x@127.0.0.1", &id, error,
					 sizeof(error)), -EBUSY);
	assert_int_equal(call_center_count(controller_calls(r->controller)), 1);
	a->offer->session_version++;
	call_updated(a->call, a->offer);
	assert_int_equal(a->refused, 0);
	r->full = false;
	b = endpoint_new(r, true, false);
	endpoint_dial(b, "1000");
	assert_int_equal(b->refused, 0);
	endpoint_hang_up(a);
	endpoint_hang_up(b);
	endpoint_free(a);
	endpoint_free(b);
}

/* What counts as late sound. */
static void test_late_sound(void **state)
{
	(void)state;
	assert_false(load_sound_late(50, 0));
	assert_false(load_sound_late(50, 5));
	assert_true(load_sound_late(50, 6));
	assert_true(load_sound_late(6, 6));
	assert_false(load_sound_late(0, 0));
}

static void test_come_and_go(void **state)
{
	struct room *r = *state;
	struct endpoint *e[4] = { 0 };
	unsigned random = 1;
	int64_t next = 0;

	for (int i = 0; i < 60; i++) {
		struct endpoint **slot = &e[random % 4];

		random = random * 1103515245 + 12345;
		if (*slot) {
			endpoint_hang_up(*slot);
			endpoint_free(*slot);
			*slot = NULL;
		} else {
			*slot = endpoint_new(r, random >> 8 & 1, random >> 9 & 1);
			endpoint_dial(*slot, random >> 10 & 1 ? "1000" : "1001");
			assert_int_equal((*slot)->refused, 0);
			endpoint_connect(*slot);
		}
		for (int k = 0; k < (int)(random >> 16 & 7); k++) {
			room_step(r);
			for (int n = 0; due(&next, 20000) && n < 4; n++)
				if (e[n])
					endpoint_talk(e[n], 500);
			for (int n = 0; n < 4; n++)
				if (e[n] && e[n]->line[LINE_PICTURE].stream)
					endpoint_show(e[n], 80);
		}
	}
	for (int i = 0; i < 4; i++) {
		if (e[i]) {
			endpoint_hang_up(e[i]);
			endpoint_free(e[i]);
		}
	}
}

static void test_drain(void **state)
{
	struct room *r = *state;
	struct endpoint *e = endpoint_new(r, false, false), *late;

	endpoint_dial(e, "1000");
	controller_drain(r->controller, room_on_done, r);
	late = endpoint_new(r, false, false);
	endpoint_dial(late, "1000");
	assert_int_equal(late->refused, 503);
	assert_true(late->retry_after > 0);
	for (int i = 0; i < 20; i++)
		room_step(r);
	assert_false(r->done);
	endpoint_hang_up(e);
	for (int64_t end = patience(); clock_us() < end && !r->done;)
		room_step(r);
	assert_true(r->done);
	r->done = false;
	endpoint_free(e);
	endpoint_free(late);
}

static void test_commands(void **state)
{
	struct room *r = *state;
	struct endpoint *e = endpoint_new(r, true, false);
	json_t *out, *row;
	int id;

	endpoint_dial(e, "1000");
	out = room_command(r, "participants", json_object(), 0);
	assert_int_equal(json_array_size(out), 1);
	row = json_array_get(out, 0);
	assert_string_equal(json_string_value(json_object_get(row, "audio")), "PCMU");
	assert_string_equal(json_string_value(json_object_get(row, "video")), "H264");
	assert_string_equal(json_string_value(json_object_get(row, "encryption")), "none");
	id = (int)json_integer_value(json_object_get(row, "id"));
	json_decref(out);
	json_decref(room_command(r, "conferences", json_object(), 0));
	json_decref(room_command(r, "calls", json_object(), 0));
	json_decref(room_command(r, "stats", json_object(), 0));
	out = room_command(r, "mute", json_pack("{s:i}", "participant", id), 0);
	assert_true(json_is_true(json_object_get(out, "muted")));
	json_decref(out);
	out = room_command(r, "unmute", json_pack("{s:i}", "participant", id), 0);
	assert_false(json_is_true(json_object_get(out, "muted")));
	json_decref(out);
	json_decref(room_command(r, "layout", json_pack("{s:s, s:s}", "conference", "1000", "layout",
						   "1+5"), 0));
	room_command(r, "layout", json_pack("{s:s, s:s}", "conference", "1000", "layout", "odd"), -EINVAL);
	out = room_command(r, "pin", json_pack("{s:i, s:s}", "participant", id, "place", "6"), 0);
	assert_string_equal(json_string_value(json_object_get(out, "place")), "6");
	json_decref(out);
	room_command(r, "pin", json_pack("{s:i, s:s}", "participant", id, "place", "7"), -ENOENT);
	room_command(r, "pin", json_pack("{s:i, s:s}", "participant", id, "place", "door"), -ENOENT);
	out = room_command(r, "message", json_pack("{s:s, s:s, s:i}", "to", "1000", "text",
					      "Ends\n in \xe2\x80\xae five\x1b[2J", "seconds", 1), 0);
	assert_string_equal(json_string_value(json_object_get(out, "text")), "Ends in five[2J");
	json_decref(out);
	out = room_command(r, "message", json_pack("{s:o, s:s}", "to", json_sprintf("%d", id), "text", "Hello"),
		      0);
	assert_int_equal(json_integer_value(json_object_get(out, "participant")), id);
	json_decref(out);
	json_decref(room_command(r, "message", json_pack("{s:s, s:s}", "to", "1000", "text", ""), 0));
	room_command(r, "message", json_pack("{s:s, s:s}", "to", "1000", "text", "\x01\x02"), -EINVAL);
	room_command(r, "message", json_pack("{s:s, s:s}", "to", "77", "text", "a"), -ENOENT);
	room_command(r, "message", json_pack("{s:s, s:s}", "to", "-1", "text", "a"), -ENOENT);
	room_command(r, "message", json_pack("{s:s, s:s, s:i}", "to", "1000", "text", "a", "seconds", 0),
		-EINVAL);
	json_decref(room_command(r, "unpin", json_pack("{s:i}", "participant", id), 0));
	room_command(r, "mute", json_pack("{s:i}", "participant", 12345), -ENOENT);
	room_command(r, "mute", json_pack("{s:s}", "participant", "one"), -EINVAL);
	room_command(r, "mute", json_object(), -EINVAL);
	room_command(r, "conferences", json_pack("{s:i}", "extra", 1), -EINVAL);
	room_command(r, "fly", json_object(), -EINVAL);
	out = room_command(r, "dialplan test", json_pack("{s:s}", "number", "1234"), 0);
	assert_string_equal(json_string_value(json_object_get(out, "target")), "1234");
	json_decref(out);
	json_decref(room_command(r, "kick", json_pack("{s:i}", "participant", id), 0));
	for (int64_t end = patience(); clock_us() < end && e->call->state != CALL_ENDED;)
		room_step(r);
	assert_int_equal(e->call->state, CALL_ENDED);
	out = room_command(r, "participants", json_object(), 0);
	assert_int_equal(json_array_size(out), 0);
	json_decref(out);
	endpoint_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_two_hear_each_other, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_encrypted, room_open, room_close),
		cmocka_unit_test(test_late_sound),
		cmocka_unit_test_setup_teardown(test_full_machine, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_see_each_other, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_one_picture_for_all, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_border, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_refusals, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_come_and_go, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_drain, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_commands, room_open, room_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
