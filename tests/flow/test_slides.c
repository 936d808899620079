/* SPDX-License-Identifier: GPL-3.0-or-later
 * A second video for slides, in a whole meeting: endpoints send two pictures of one
 * colour each, and what the others are sent is decoded and looked at. */
#include "tests/flow/meeting_room.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Points of the 320×180 picture: in the middle, in the first of the small places
 * beside slides, in a corner that slides leave black and a full picture does not. */
#define MIDDLE 128, 90
#define BESIDE 288, 36
#define CORNER 20, 6

/* Who is there, and the luma of what they send; slides 0: none. */
struct actor_role {
	struct endpoint *e;
	uint8_t luma, slides;
};

struct cast {
	struct actor_role actor[3];
	unsigned n;
};

static void play(struct cast *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct actor_role *a = &c->actor[i];

		if (!a->e)
			continue;
		endpoint_show(a->e, a->luma);
		if (a->slides)
			endpoint_show_on(a->e, LINE_SLIDES, a->slides);
	}
}

static bool near(int got, int want)
{
	return got >= 0 && abs(got - want) <= 8;
}

struct view_of {
	int x, y, luma;
};

/* Everybody sends until the viewer sees what it is to. */
static void until_seen(struct cast *c, struct endpoint *viewer, const struct view_of *want,
		       unsigned n)
{
	int64_t next = 0;
	bool ok = false;

	for (int64_t end = patience(); clock_us() < end && !ok;) {
		room_step(viewer->room);
		if (due(&next, 66000))
			play(c);
		ok = true;
		for (unsigned i = 0; i < n; i++)
			ok &= near(endpoint_sees(viewer, want[i].x, want[i].y), want[i].luma);
	}
	for (unsigned i = 0; i < n; i++)
		if (!near(endpoint_sees(viewer, want[i].x, want[i].y), want[i].luma))
			print_error("at %d,%d %d instead of %d\n", want[i].x, want[i].y,
				    endpoint_sees(viewer, want[i].x, want[i].y), want[i].luma);
	assert_true(ok);
}

#define SEEN(cast, viewer, ...) \
	until_seen(cast, viewer, (const struct view_of[]){ __VA_ARGS__ }, \
		   sizeof((const struct view_of[]){ __VA_ARGS__ }) / sizeof(struct view_of))

static void enter(struct cast *c, const char *number, uint8_t luma, bool slides, bool sdes,
		  struct room *r)
{
	struct endpoint *e = endpoint_new(r, true, sdes);

	if (slides)
		endpoint_add_slides(e);
	endpoint_watch(e);
	endpoint_dial(e, number);
	assert_int_equal(e->refused, 0);
	endpoint_connect(e);
	c->actor[c->n++] = (struct actor_role){ e, luma, 0 };
}

static void all_leave(struct cast *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (!c->actor[i].e)
			continue;
		endpoint_hang_up(c->actor[i].e);
		endpoint_free(c->actor[i].e);
	}
}

/* What `balai participants` says of slides, in the order of joining: "shown,ready". */
static void assert_listed(struct room *r, const char *want)
{
	json_t *list = room_command(r, "participants", json_object(), 0), *p;
	char got[128] = "";
	size_t i;

	json_array_foreach(list, i, p) {
		size_t len = strlen(got);

		snprintf(got + len, sizeof(got) - len, "%s%s", i ? "," : "",
			 json_string_value(json_object_get(p, "slides")));
	}
	assert_string_equal(got, want);
	json_decref(list);
}

/* Whom `balai stats` names as presenter of the conference, 0: nobody. */
static json_int_t presenter(struct room *r, const char *number)
{
	json_t *stats = room_command(r, "stats", json_object(), 0);
	json_int_t id = json_integer_value(json_object_get(json_object_get(stats, "presenters"),
							   number));

	json_decref(stats);
	return id;
}

/* Slides are large for the others, with those present beside them; who presents
 * sees the others. They end by inactive, begin again, and end with the line. */
static void present_and_stop(struct room *r, const char *number, bool sdes)
{
	struct cast c = { .n = 0 };
	struct desc_line *line;
	struct endpoint *a, *b;

	enter(&c, number, 60, true, sdes, r);
	enter(&c, number, 110, false, sdes, r);
	a = c.actor[0].e;
	b = c.actor[1].e;
	line = &a->offer->line[LINE_SLIDES];
	assert_true(a->answer->line[LINE_SLIDES].receive && !a->answer->line[LINE_SLIDES].send);
	assert_string_equal(a->answer->line[LINE_SLIDES].label, "12");
	SEEN(&c, b, { MIDDLE, 60 }, { CORNER, 60 });
	SEEN(&c, a, { MIDDLE, 110 });
	assert_listed(r, "ready,-");
	assert_int_equal(presenter(r, number), 0);

	c.actor[0].slides = 200;
	SEEN(&c, b, { MIDDLE, 200 }, { BESIDE, 60 }, { CORNER, 16 });
	SEEN(&c, a, { MIDDLE, 110 }, { CORNER, 110 });
	assert_listed(r, "shown,-");
	assert_int_not_equal(presenter(r, number), 0);
	c.actor[0].slides = 170; /* the next one */
	SEEN(&c, b, { MIDDLE, 170 }, { BESIDE, 60 });

	line->send = line->receive = false;
	endpoint_update(a);
	SEEN(&c, b, { MIDDLE, 60 }, { CORNER, 60 });
	assert_listed(r, "ready,-");
	line->send = true;
	endpoint_update(a);
	SEEN(&c, b, { MIDDLE, 170 }, { BESIDE, 60 }, { CORNER, 16 });
	line->port = 0;
	endpoint_update(a);
	assert_int_equal(a->answer->line[LINE_SLIDES].port, 0);
	assert_int_not_equal(a->answer->line[LINE_PICTURE].port, 0);
	c.actor[0].slides = 0;
	SEEN(&c, b, { MIDDLE, 60 }, { CORNER, 60 });
	assert_listed(r, "-,-");
	all_leave(&c);
}

static void test_present(void **state)
{
	present_and_stop(*state, "7003", false);
}

static void test_present_encrypted(void **state)
{
	present_and_stop(*state, "7003", true);
}

/* Of two the later one is seen, and the earlier one again after that. One that
 * sends no more packets is over, though its reports go on. */
static void test_two_present(void **state)
{
	struct room *r = *state;
	struct cast c = { .n = 0 };
	struct endpoint *viewer;

	for (int i = 0; i < 3; i++)
		enter(&c, "7003", (uint8_t)(40 + 40 * i), i < 2, false, r);
	viewer = c.actor[2].e;
	/* a layout of one place shows them alone */
	json_decref(room_command(r, "layout", json_pack("{s:s, s:s}", "conference", "7003",
							"layout", "speaker"), 0));
	c.actor[0].slides = 180;
	SEEN(&c, viewer, { MIDDLE, 180 }, { CORNER, 180 });
	c.actor[1].slides = 220;
	SEEN(&c, viewer, { MIDDLE, 220 });
	assert_listed(r, "waits,shown,-");
	/* the later one sees no slides, for its own are those of all */
	SEEN(&c, c.actor[1].e, { MIDDLE, 40 });
	SEEN(&c, c.actor[0].e, { MIDDLE, 220 });
	endpoint_hang_up(c.actor[1].e);
	endpoint_free(c.actor[1].e);
	c.actor[1].e = NULL;
	SEEN(&c, viewer, { MIDDLE, 180 });
	assert_listed(r, "shown,-");
	/* silent: no packets, but the stream is there and reports */
	c.actor[0].slides = 0;
	SEEN(&c, viewer, { MIDDLE, 40 });
	assert_listed(r, "ready,-");
	c.actor[0].slides = 150;
	SEEN(&c, viewer, { MIDDLE, 150 });
	/* the operator takes them away, with the picture, and gives them back */
	json_decref(room_command(r, "mute", json_pack("{s:i, s:b}", "participant",
						      (int)presenter(r, "7003"), "video", 1), 0));
	SEEN(&c, viewer, { MIDDLE, 16 });
	all_leave(&c);
}

/* With self="yes" all see the same, the presenter too. In a bundle slides share
 * the transport; where encryption is required they have it or are refused. */
static void test_shared_and_bundled(void **state)
{
	struct room *r = *state;
	struct cast c = { .n = 0 };
	struct endpoint *a = endpoint_new(r, true, true), *bare;
	struct video_engine_stats v;

	endpoint_add_slides(a);
	endpoint_watch(a);
	for (unsigned i = 0; i < 3; i++) {
		struct desc_line *l = &a->offer->line[i];

		l->bundled = true;
		snprintf(l->mid, sizeof(l->mid), "%u", i);
		l->mid_ext = 3;
	}
	endpoint_dial(a, "7004");
	assert_int_equal(a->answer->line[LINE_SLIDES].port, a->answer->line[LINE_SOUND].port);
	assert_true(a->answer->line[LINE_SLIDES].bundled);
	bare = endpoint_new(r, true, true);
	endpoint_add_slides(bare);
	bare->offer->line[LINE_SLIDES].n_crypto = 0;
	bare->offer->line[LINE_SLIDES].proto = PROTO_AVP;
	endpoint_dial(bare, "7004");
	assert_int_equal(bare->refused, 0);
	assert_int_equal(bare->answer->line[LINE_SLIDES].port, 0);
	assert_int_not_equal(bare->answer->line[LINE_PICTURE].port, 0);
	endpoint_hang_up(bare);
	endpoint_free(bare);
	endpoint_hang_up(a);
	endpoint_free(a);

	enter(&c, "7004", 60, true, true, r);
	enter(&c, "7004", 110, false, true, r);
	SEEN(&c, c.actor[0].e, { 80, 90, 60 }, { 240, 90, 110 });
	c.actor[0].slides = 200;
	for (unsigned i = 0; i < 2; i++)
		SEEN(&c, c.actor[i].e, { MIDDLE, 200 }, { BESIDE, 110 }, { BESIDE + 36, 60 });
	for (int64_t end = patience(), next = 0; clock_us() < end;) {
		room_step(r);
		if (due(&next, 66000))
			play(&c);
		video_engine_stats(r->video, &v);
		if (v.views == 1)
			break;
	}
	assert_int_equal(v.views, 1);
	all_leave(&c);
}

/* Without feedback in RTCP on the line of slides, whole pictures of them are asked
 * for by signalling, and only of them: by their label, where a quirk says so. */
static void test_keys_by_signalling(void **state)
{
	struct room *r = *state;
	struct cast c = { .n = 0 };
	struct endpoint *a = endpoint_new(r, true, false);
	struct desc_codec *codec;

	endpoint_add_slides(a);
	codec = &a->offer->line[LINE_SLIDES].codec[0];
	codec->pli = codec->nack = false;
	a->agent = "Huawei TE40";
	endpoint_dial(a, "7003");
	endpoint_connect(a);
	c.actor[c.n++] = (struct actor_role){ a, 60, 200 };
	enter(&c, "7003", 110, false, false, r);
	SEEN(&c, c.actor[1].e, { MIDDLE, 200 });
	/* who comes back later begins with a whole picture */
	endpoint_hang_up(c.actor[1].e);
	endpoint_free(c.actor[1].e);
	for (int64_t end = patience(), next = 0;
	     clock_us() < end && !a->line[LINE_SLIDES].keys_signalled;) {
		room_step(r);
		if (due(&next, 66000))
			play(&(struct cast){ { c.actor[0] }, 1 });
	}
	assert_true(a->line[LINE_SLIDES].keys_signalled > 0);
	assert_int_equal(a->line[LINE_PICTURE].keys_signalled, 0);
	assert_string_equal(a->key_stream_id, "12");
	c.n = 1;
	all_leave(&c);
}

/* Where they are refused nothing else changes; nor where they come in another
 * conference, by a move. */
static void test_refused(void **state)
{
	struct room *r = *state;
	struct cast c = { .n = 0 };
	struct endpoint *a;
	json_t *list;
	uint16_t port;

	enter(&c, "7003", 60, true, false, r);
	enter(&c, "1000", 110, false, false, r);
	a = c.actor[0].e;
	port = a->answer->line[LINE_PICTURE].port;
	c.actor[0].slides = 200;
	SEEN(&c, c.actor[1].e, { MIDDLE, 16 });
	list = room_command(r, "participants", json_pack("{s:s}", "conference", "7003"), 0);
	json_decref(room_command(r, "transfer", json_pack("{s:o, s:s}", "participant",
		json_incref(json_object_get(json_array_get(list, 0), "id")), "target", "1000"), 0));
	json_decref(list);
	SEEN(&c, c.actor[1].e, { MIDDLE, 60 }, { CORNER, 60 });
	assert_int_equal(presenter(r, "1000"), 0);
	/* the line is closed, and only that */
	assert_int_equal(a->offers, 1);
	assert_int_equal(a->answer->line[LINE_SLIDES].port, 0);
	assert_int_equal(a->answer->line[LINE_PICTURE].port, port);
	a->offer->line[LINE_SLIDES].port = 0;
	call_answered(a->call, a->offer);
	assert_listed(r, "-,-");
	SEEN(&c, c.actor[1].e, { MIDDLE, 60 }, { CORNER, 60 });
	all_leave(&c);
}

static void test_refused_at_first(void **state)
{
	struct room *r = *state;
	struct endpoint *a = endpoint_new(r, true, false);
	struct cast c = { .n = 0 };

	endpoint_add_slides(a);
	endpoint_dial(a, "1000");
	assert_int_equal(a->refused, 0);
	assert_int_equal(a->answer->line[LINE_SLIDES].port, 0);
	a->offer->n_lines = 2; /* what was agreed */
	endpoint_connect(a);
	c.actor[c.n++] = (struct actor_role){ a, 60, 0 };
	enter(&c, "1000", 110, false, false, r);
	SEEN(&c, c.actor[1].e, { MIDDLE, 60 });
	assert_listed(r, "-,-");
	all_leave(&c);
}

/* One of: comes, goes, begins or stops sending, has its line inactive, closed or
 * back, is hidden. */
static void stir(struct room *r, struct actor_role *a, unsigned what)
{
	struct desc_line *line = a->e ? &a->e->offer->line[LINE_SLIDES] : NULL;
	struct participant *p = a->e ? a->e->call->participant : NULL;
	bool moved = p && !strcmp(p->conference->number, "1000"); /* no slides there */

	if (!a->e) {
		a->e = endpoint_new(r, true, what & 1);
		endpoint_add_slides(a->e);
		endpoint_dial(a->e, what & 2 ? "7003" : "7004");
		if (a->e->refused) { /* 7004 wants encryption */
			endpoint_free(a->e);
			a->e = NULL;
			return;
		}
		endpoint_connect(a->e);
		a->luma = 60;
		a->slides = what & 4 ? 200 : 0;
		return;
	}
	switch (what % 6) {
	case 0:
		endpoint_hang_up(a->e);
		endpoint_free(a->e);
		a->e = NULL;
		break;
	case 1:
		a->slides = a->slides ? 0 : 180;
		break;
	case 2:
		line->send = !line->send;
		if (!moved)
			endpoint_update(a->e);
		break;
	case 3:
		line->port = line->port ? 0 :
			transport_local(a->e->line[LINE_SLIDES].transport)->rtp_port;
		if (!moved)
			endpoint_update(a->e);
		break;
	case 4:
		p->hidden = !p->hidden;
		conference_touch(p->conference);
		break;
	case 5:
		if (moved)
			break;
		json_decref(room_command(r, "transfer", json_pack("{s:i, s:s}", "participant",
								  (int)p->id, "target", "1000"), 0));
		if (a->e->offers) {
			line->port = 0;
			call_answered(a->e->call, a->e->offer);
		}
		break;
	}
}

/* Whatever happens in whatever order, nothing is left and nothing is used that is
 * gone (the sanitizers look). */
static void test_come_and_go(void **state)
{
	struct room *r = *state;
	struct cast c = { .n = 3 };
	unsigned random = 7;

	for (int i = 0; i < 120; i++) {
		struct actor_role *a;

		random = random * 1103515245 + 12345;
		a = &c.actor[(random >> 16) % 3];
		stir(r, a, random >> 20);
		for (unsigned k = 0; k < (random >> 28) % 5; k++) {
			play(&c);
			room_step(r);
		}
	}
	all_leave(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_present, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_present_encrypted, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_two_present, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_shared_and_bundled, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_keys_by_signalling, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_refused, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_refused_at_first, room_open, room_close),
		cmocka_unit_test_setup_teardown(test_come_and_go, room_open, room_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
