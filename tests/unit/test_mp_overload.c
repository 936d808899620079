/* SPDX-License-Identifier: GPL-3.0-or-later
 * Late ticks, a machine that has too much to do, and what it saves then. */
#include "tests/unit/mp_meeting.h"

static void test_late_ticks(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000);
	struct video_engine_stats s;

	(void)state;
	pass(SECOND);
	s = stats();
	assert_int_equal(s.ticks_skipped, 0);
	assert_int_equal(s.late[0], s.composed);
	/* the machine stands still for 210 ms, then goes on in step */
	clock_fake(clock_us() + 210000);
	m.next_frame = clock_us();
	pass(SECOND);
	s = stats();
	assert_in_range(s.ticks_skipped, 4, 5);
	assert_int_equal(s.late[7], 1);
	for (uint32_t i = 1; i < a.stream->n_frames; i++)
		assert_int_equal((a.stream->frame[i]->time_us -
				  a.stream->frame[i - 1]->time_us) % 40000, 0);
	unwatch(&a);
	view_drop(v);
}

static void work(unsigned n, unsigned late, int64_t *now)
{
	for (unsigned i = 0; i < n; i++)
		engine_work(m.engine, 1, i < late, *now + (int64_t)i * SECOND / n);
	*now += SECOND;
}

/* Good seconds until the level has fallen so far. */
static unsigned seconds_to_level(uint32_t level, int64_t *now)
{
	unsigned seconds = 0;

	while (stats().overload > level && seconds < 1000) {
		work(100, 1, now);
		seconds++;
	}
	return seconds;
}

static void test_governor(void **state)
{
	int64_t now = START;

	(void)state;
	(void)engine_divisor(m.engine, 10);
	work(100, 0, &now);
	(void)engine_divisor(m.engine, 10);
	work(100, 5, &now);
	(void)engine_divisor(m.engine, 10);
	work(1, 0, &now);
	assert_int_equal(engine_divisor(m.engine, 10), 1);
	/* one bad second is nothing */
	work(100, 50, &now);
	work(100, 0, &now);
	assert_int_equal(stats().overload, 0);
	for (int i = 0; i < 20 && stats().overload < 1; i++) {
		(void)engine_divisor(m.engine, 10);
		work(100, 40, &now);
	}
	(void)engine_divisor(m.engine, 10);
	assert_int_equal(stats().overload, 1);
	assert_int_equal(engine_divisor(m.engine, 10), 1);
	assert_int_equal(engine_divisor(m.engine, 1), 2);
	for (int i = 0; i < 20; i++) {
		(void)engine_divisor(m.engine, 10);
		work(100, 40, &now);
	}
	assert_int_equal(stats().overload, 4);
	(void)engine_divisor(m.engine, 10);
	assert_int_equal(engine_divisor(m.engine, 10), 4);
	/* it recovers, step by step */
	assert_int_equal(seconds_to_level(3, &now), 1 + 5); /* one was bad still */
	assert_int_equal(seconds_to_level(0, &now), 3 * 5);
	assert_int_equal(engine_divisor(m.engine, 10), 1);
	/* and slower each time it was too early */
	for (unsigned patience = 10; patience <= 80; patience *= 2) {
		for (int i = 0; i < 20 && stats().overload < 1; i++)
			work(100, 40, &now);
		assert_int_equal(seconds_to_level(0, &now), 1 + (patience > 60 ? 60 : patience));
	}
}

/* Pictures arrive now just before the tick and now just after it: each is shown all
 * the same, once this has been noticed. */
static void test_around_the_tick(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000);
	struct video_engine_stats before;
	uint32_t random = 1;

	(void)state;
	for (int k = 1; k <= 300; k++) {
		random = random * 1664525 + 1013904223;
		fake_run(START + (int64_t)k * 40000 + (random >> 31 ? 2000 : -2000));
		f->luma = (uint8_t)(50 + k % 2 * 100);
		feed_frame(f);
		if (k == 100)
			before = stats();
	}
	assert_in_range(before.tiles_missed, 3, 30);
	assert_int_equal(stats().tiles_missed, before.tiles_missed);
	assert_in_range(stats().tiles_painted - before.tiles_painted, 198, 201);
	check_steady(a.stream, 40000);
	m.next_frame = clock_us();
	/* a camera that is switched off is let go at once */
	source_set_live(f->source, false);
	pass(80000);
	check_luma(640, 360, 16);
	unwatch(&a);
	view_drop(v);
}

/* A machine that makes one frame a second of each view, or none, is overloaded. */
static void test_few_ticks(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000);

	(void)state;
	pass(SECOND);
	for (int i = 0; i < 10; i++) {
		clock_fake(clock_us() + SECOND);
		m.next_frame = clock_us();
		pass(40000);
	}
	assert_int_equal(stats().overload, 4);
	assert_true(video_engine_full(m.engine));
	/* smaller pictures, without a gap */
	pass(2 * SECOND);
	assert_int_equal(stats().views_small, 1);
	assert_int_equal(fake_codec.params.width, 640);
	assert_int_equal(fake_codec.params.height, 360);
	fake_stream_clear(a.stream);
	pass(SECOND);
	check_steady(a.stream, 160000);
	/* and as they were, when it has recovered */
	for (int i = 0; i < 600 && stats().overload; i++) {
		fake_stream_clear(a.stream);
		pass(SECOND);
	}
	pass(2 * SECOND);
	assert_int_equal(stats().views_small, 0);
	assert_int_equal(fake_codec.params.width, 1280);
	assert_int_equal(stats().encoders, 1);
	/* nobody is left to say that nothing is late */
	atomic_store(&m.engine->governor.level, 4);
	unwatch(&a);
	assert_true(video_engine_full(m.engine));
	pass(4 * SECOND);
	assert_false(video_engine_full(m.engine));
	assert_int_equal(stats().overload, 0);
	view_drop(v);
}

static void test_governed_view(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000);
	int64_t now = START + SECOND;

	(void)state;
	pass(SECOND);
	for (int i = 0; i < 6 && stats().overload < 2; i++)
		work(100, 100, &now);
	assert_int_equal(stats().overload, 2);
	pass(200000);
	fake_stream_clear(a.stream);
	pass(SECOND);
	assert_in_range(a.stream->n_frames, 12, 13);
	check_steady(a.stream, 80000);
	unwatch(&a);
	view_drop(v);
}

static void test_arguments(void **state)
{
	struct view *v;

	(void)state;
	assert_int_not_equal(view_new(&v, m.engine, 1281, 720, 30), 0);
	assert_int_not_equal(view_new(&v, m.engine, 0, 0, 30), 0);
	assert_int_not_equal(view_new(&v, m.engine, 8192, 720, 30), 0);
	assert_null(source_drop(NULL));
	assert_null(view_drop(NULL));
	assert_null(sink_drop(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_late_ticks), TEST(test_governor), TEST(test_few_ticks),
		TEST(test_around_the_tick), TEST(test_governed_view), TEST(test_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
