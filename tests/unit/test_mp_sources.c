/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who is decoded and what is shown of them: cameras that nobody sees, that answer
 * key requests or do not, lose frames, are held, change or are late. */
#include "tests/unit/mp_meeting.h"

static void test_not_seen(void **state)
{
	struct feed *f = feed_start(0, 200), *g = feed_start(1, 100);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000);
	unsigned requests, decoded;

	(void)state;
	pass(6 * SECOND);
	/* g was asked whether it answers, did, and is not decoded any more */
	assert_false(g->stream->seen);
	assert_true(f->stream->seen);
	requests = g->stream->key_requests;
	decoded = fake_codec.decoded;
	pass(SECOND);
	assert_in_range(fake_codec.decoded - decoded, 24, 26);
	assert_true(stats().decodes_skipped >= 25);
	assert_int_equal(g->stream->key_requests, requests);
	/* it becomes visible: a key is asked for, and nothing before it is decoded */
	g->answers = false;
	view_set_scene(v, &(struct view_scene){
				  1, { { g->source, 0, 0, 1280, 720, FIT_CROP, false, NULL, GROUND_BLACK } } });
	pass(1000);
	assert_true(g->stream->seen);
	assert_int_equal(g->stream->key_requests, requests + 1);
	g->on = true;
	f->on = false;
	decoded = fake_codec.decoded;
	pass(300000);
	assert_int_equal(fake_codec.decoded, decoded);
	g->key_next = true;
	pass(100000);
	assert_true(fake_codec.decoded > decoded);
	check_luma(640, 360, 100);
	/* seen a moment ago: goes on being decoded for a while, no key needed */
	requests = f->stream->key_requests;
	f->on = true;
	view_set_scene(v, &(struct view_scene){
				  1, { { f->source, 0, 0, 1280, 720, FIT_CROP, false, NULL, GROUND_BLACK } } });
	pass(100000);
	assert_int_equal(f->stream->key_requests, requests);
	check_luma(640, 360, 200);
	unwatch(&a);
	view_drop(v);
}

static void test_no_sink_no_decoding(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a;

	(void)state;
	pass(6 * SECOND);
	assert_false(f->stream->seen); /* the view has no sink */
	a = watch(v, 1500000);
	pass(200000);
	assert_true(f->stream->seen);
	check_luma(640, 360, 200);
	unwatch(&a);
	pass(3 * SECOND);
	assert_false(f->stream->seen);
	assert_int_equal(stats().encoders, 0);
	view_drop(v);
}

static void test_never_answers(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v;
	struct watcher a;
	unsigned decoded;

	(void)state;
	f->answers = false;
	pass(30 * SECOND);
	assert_true(f->stream->seen);
	assert_true(f->stream->key_requests >= 1);
	assert_in_range(f->stream->key_requests, 1, 6);
	decoded = fake_codec.decoded;
	pass(SECOND);
	assert_in_range(fake_codec.decoded - decoded, 24, 26);
	v = view_of(1, &f->source, "auto");
	a = watch(v, 1500000);
	pass(100000);
	check_luma(640, 360, 200); /* at once */
	unwatch(&a);
	view_drop(v);
}

/* More join than may be decoded unseen: each is asked in its turn, by the wire alone,
 * and only those that do not answer are decoded, as many as there is room for. */
static void test_burst(void **state)
{
	unsigned decoded, late = 0;

	(void)state;
	m.engine->keep_room = 4;
	for (unsigned i = 0; i < MAX_FEEDS; i++)
		feed_start(i, 200)->answers = i >= MAX_FEEDS - 3;
	pass(1000);
	assert_int_equal(stats().sources_kept, 2);
	pass(100000);
	assert_in_range(fake_codec.decoders, 1, 2);
	for (unsigned i = 0; i < MAX_FEEDS; i++)
		late += m.feed[i].stream->key_requests == 0;
	assert_in_range(late, 1, MAX_FEEDS - 1);
	pass(10 * SECOND);
	for (unsigned i = MAX_FEEDS - 3; i < MAX_FEEDS; i++)
		assert_int_equal(m.feed[i].stream->key_requests, 1);
	pass(10 * SECOND);
	assert_int_equal(stats().sources_kept, 4);
	for (unsigned i = MAX_FEEDS - 3; i < MAX_FEEDS; i++)
		assert_false(m.feed[i].stream->seen);
	for (unsigned i = 0; i < MAX_FEEDS - 3; i++)
		assert_in_range(m.feed[i].stream->key_requests, 5, 20);
	assert_int_equal(stats().probes, 3 + 5 * 5);
	/* a machine that is too busy decodes none of them */
	atomic_store(&m.engine->governor.level, 1);
	pass(100000);
	decoded = fake_codec.decoded;
	pass(2 * SECOND);
	assert_int_equal(stats().sources_kept, 0);
	assert_int_equal(fake_codec.decoded, decoded);
	atomic_store(&m.engine->governor.level, 0);
}

/* Hundreds join at once: first pictures are decoded in turns, by a key frame that is asked
 * for, and nobody is kept decoded meanwhile. Who is shown does not wait. */
static void test_crowd(void **state)
{
	int64_t turn;
	struct view *v;
	struct watcher a;
	unsigned shown = 0;

	(void)state;
	m.engine->first_interval = 100000;
	for (unsigned i = 0; i < 15 + 20; i++)
		turn = engine_first_turn(m.engine, START);
	assert_int_equal(turn, START + 19 * 100000);
	for (unsigned i = 0; i < MAX_FEEDS; i++)
		feed_start(i, 200);
	v = view_of(1, &m.feed[0].source, "auto");
	a = watch(v, 1500000);
	pass(100000);
	check_luma(640, 360, 200);
	assert_int_equal(fake_codec.decoders, 1);
	assert_int_equal(stats().sources_kept, 0);
	for (unsigned i = 1; i < MAX_FEEDS; i++)
		assert_int_equal(m.feed[i].stream->key_requests, 0);
	pass(2000000 + 200000);
	for (unsigned i = 1; i < MAX_FEEDS; i++)
		shown += m.feed[i].stream->key_requests == 1;
	assert_in_range(shown, 1, 4);
	pass(MAX_FEEDS * 100000);
	/* that was the answer: nobody is probed, or decoded, any more */
	pass(5 * SECOND);
	for (unsigned i = 1; i < MAX_FEEDS; i++) {
		assert_int_equal(m.feed[i].stream->key_requests, 1);
		assert_false(m.feed[i].stream->seen);
	}
	assert_int_equal(stats().probes, 0);
	assert_int_equal(fake_codec.decoders, 1);
	unwatch(&a);
	view_drop(v);
}

/* Who sends nothing is not one that does not answer. */
static void test_silent_camera(void **state)
{
	struct feed *f = feed_start(0, 200);

	(void)state;
	pass(30000); /* one picture, no answer yet */
	f->on = false;
	pass(60 * SECOND);
	assert_in_range(stats().probes, 3, 7);
	f->on = true;
	m.next_frame = clock_us();
	pass(20 * SECOND);
	assert_false(f->stream->seen);
	assert_int_equal(stats().sources_kept, 0);
}

/* It answered once, and not now: after a second it is tried without. */
static void test_answers_no_more(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v;
	struct watcher a;

	(void)state;
	pass(6 * SECOND);
	assert_false(f->stream->seen);
	f->answers = false;
	v = view_of(1, &f->source, "auto");
	a = watch(v, 1500000);
	pass(3 * SECOND);
	f->key_next = true; /* by itself */
	pass(100000);
	check_luma(640, 360, 200);
	unwatch(&a);
	pass(10 * SECOND);
	assert_true(f->stream->seen); /* not trusted again */
	view_drop(v);
}

static void test_loss(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000);
	unsigned requests;

	(void)state;
	pass(SECOND);
	requests = f->stream->key_requests;
	f->answers = false;
	f->lose_next = true;
	f->luma = 90;
	pass(400000);
	assert_int_equal(f->stream->key_requests, requests + 1);
	check_luma(640, 360, 200); /* the last good one stays */
	pass(300000);
	assert_int_equal(f->stream->key_requests, requests + 2);
	/* a key frame that is broken itself does not help */
	f->key_next = f->lose_next = true;
	pass(100000);
	check_luma(640, 360, 200);
	f->answers = true;
	pass(600000);
	check_luma(640, 360, 90);
	/* more at once than the decoder may have waiting: it begins anew with a key */
	for (int i = 0; i < 40; i++)
		source_put(f->source, fake_flat(50, false, clock_us()));
	fake_run(clock_us() + 100000);
	check_luma(640, 360, 90);
	m.next_frame = clock_us();
	pass(300000);
	check_luma(640, 360, 90);
	assert_true(f->stream->key_requests > requests + 2);
	unwatch(&a);
	view_drop(v);
}

static void test_hold(void **state)
{
	struct feed *f = feed_start(0, 200), *g = feed_start(1, 100);
	struct view *v = view_of(2, (struct source *[]){ f->source, g->source }, "1+1");
	struct watcher a = watch(v, 1500000);
	unsigned requests;

	(void)state;
	pass(SECOND);
	requests = f->stream->key_requests;
	source_set_live(g->source, false);
	pass(100000);
	check_luma(320, 360, 200);
	check_luma(960, 360, 16);
	assert_false(g->stream->seen);
	/* frames that still come from it show nothing */
	pass(SECOND);
	check_luma(960, 360, 16);
	check_luma(320, 360, 200);
	check_steady(a.stream, 40000);
	assert_int_equal(f->stream->key_requests, requests);
	for (int i = 0; i < 10; i++) {
		source_set_live(g->source, true);
		pass(200000);
		check_luma(960, 360, 100);
		source_set_live(g->source, false);
		pass(50000);
		check_luma(960, 360, 16);
	}
	assert_int_equal(count_keys(a.stream), 1);
	/* on hold and back before anybody looked: the first picture since is told, too */
	source_set_live(g->source, true);
	pass(200000);
	requests = g->sizes;
	source_set_live(g->source, false);
	source_set_live(g->source, true);
	pass(200000);
	assert_int_equal(g->sizes, requests + 1);
	source_set_live(g->source, false);
	pass(50000);
	/* dropped while it is shown */
	source_set_live(g->source, true);
	pass(200000);
	check_luma(960, 360, 100);
	feed_stop(g);
	pass(100000);
	assert_int_equal(g->released, 1);
	check_luma(960, 360, 16);
	check_luma(320, 360, 200);
	unwatch(&a);
	view_drop(v);
}

static void test_codec_change(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000);

	(void)state;
	pass(SECOND);
	f->codec = CODEC_VP8;
	f->luma = 120;
	f->look.width = 320;
	f->look.height = 180;
	pass(400000);
	check_luma(640, 360, 120);
	assert_int_equal(fake_codec.decoders_made, 2);
	assert_int_equal(fake_codec.decoders, 1);
	assert_int_equal(f->width, 320);
	/* one that nobody can decode: what was there stays */
	f->codec = CODEC_H261;
	pass(400000);
	check_luma(640, 360, 120);
	f->codec = CODEC_H264;
	f->luma = 130;
	pass(400000);
	check_luma(640, 360, 130);
	unwatch(&a);
	view_drop(v);
}

static void test_delay(void **state)
{
	struct feed *f = feed_start(0, 40);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000);
	int64_t changed;

	(void)state;
	source_set_delay(f->source, 150000);
	pass(SECOND);
	f->luma = 222;
	changed = m.next_frame; /* the capture time of the first such frame */
	while (luma_at(640, 360) != 222 && clock_us() < changed + SECOND)
		pass(5000);
	assert_in_range(clock_us() - changed, 150000, 195000);
	/* every picture is shown, one after another */
	check_steady(a.stream, 40000);
	/* less delay: nothing waits any more */
	source_set_delay(f->source, -5);
	pass(400000);
	f->luma = 111;
	changed = m.next_frame;
	while (luma_at(640, 360) != 111 && clock_us() < changed + SECOND)
		pass(5000);
	assert_in_range(clock_us() - changed, 0, 45000);
	unwatch(&a);
	view_drop(v);
}

/* A picture that is not from a stream. */
static void test_still(void **state)
{
	struct source *s;
	struct view *v;
	struct watcher a;

	(void)state;
	assert_int_equal(source_new(&s, m.engine, NULL, NULL, NULL), 0);
	source_put(s, fake_flat(77, true, 0));
	pass(20 * SECOND);
	v = view_of(1, &s, "auto");
	a = watch(v, 1500000);
	pass(200000);
	check_luma(640, 360, 77);
	source_drop(s);
	unwatch(&a);
	view_drop(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_not_seen), TEST(test_no_sink_no_decoding), TEST(test_never_answers),
		TEST(test_burst), TEST(test_crowd), TEST(test_silent_camera), TEST(test_answers_no_more),
		TEST(test_loss), TEST(test_hold), TEST(test_codec_change), TEST(test_delay),
		TEST(test_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
