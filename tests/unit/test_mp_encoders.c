/* SPDX-License-Identifier: GPL-3.0-or-later
 * Encoders and those who watch: who shares one, who gets their own, when there are
 * key frames. */
#include "tests/unit/mp_meeting.h"

static void test_share(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000), b = watch(v, 1500000), c = watch(v, 512000);
	struct video_params mode0 = h264(1500000);
	unsigned before;

	(void)state;
	mode0.format.h264.packetization_mode = 0;
	mode0.format.h264.level_idc = 40; /* more than is needed */
	sink_set(b.sink, &mode0);
	pass(SECOND);
	assert_int_equal(stats().encoders, 2);
	assert_int_equal(stats().sinks, 3);
	assert_int_equal(stats().frames_sent, a.stream->n_frames + b.stream->n_frames +
			 c.stream->n_frames);
	assert_in_range(a.stream->n_frames, 23, 26);
	assert_int_equal(a.stream->n_frames, b.stream->n_frames);
	for (uint32_t i = 0; i < a.stream->n_frames; i++)
		assert_ptr_equal(a.stream->frame[i], b.stream->frame[i]);
	assert_ptr_not_equal(a.stream->frame[0], c.stream->frame[0]);
	check_steady(a.stream, 40000);
	/* one batch for both sharers */
	before = fake_batches();
	fake_stream_clear(a.stream);
	pass(400000);
	assert_int_equal(fake_batches() - before, 2 * a.stream->n_frames);
	unwatch(&c);
	pass(100000);
	assert_int_equal(stats().encoders, 1);
	unwatch(&a);
	unwatch(&b);
	v = view_drop(v);
}

static void test_joiner(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000), b, c;

	(void)state;
	pass(SECOND);
	assert_true(a.stream->frame[0]->key);
	assert_int_equal(count_keys(a.stream), 1);
	b = watch(v, 1500000);
	pass(100000);
	/* the last key is long ago: at once */
	assert_true(b.stream->n_frames >= 2);
	assert_true(b.stream->frame[0]->key);
	assert_int_equal(stats().encoders, 1);
	/* another one right after shares no stale frames, and waits for its key */
	c = watch(v, 1500000);
	pass(200000);
	assert_int_equal(c.stream->n_frames, 0);
	pass(300000);
	assert_true(c.stream->n_frames > 0);
	assert_true(c.stream->frame[0]->key);
	assert_int_equal(count_keys(a.stream), 3);
	check_steady(a.stream, 40000);
	unwatch(&a);
	unwatch(&b);
	unwatch(&c);
	view_drop(v);
}

static void test_key_storm(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000), b = watch(v, 1500000);
	uint64_t coalesced;

	(void)state;
	pass(2 * SECOND);
	fake_stream_clear(a.stream);
	coalesced = stats().keys_coalesced;
	for (int i = 0; i < 50; i++) {
		sink_request_key(i & 1 ? a.sink : b.sink);
		pass(20000);
	}
	assert_in_range(count_keys(a.stream), 2, 3);
	pass(SECOND);
	/* the last ones got theirs, then there is peace */
	assert_in_range(count_keys(a.stream), 2, 4);
	assert_true(stats().keys_coalesced - coalesced >= 46);
	fake_stream_clear(a.stream);
	pass(SECOND);
	assert_int_equal(count_keys(a.stream), 0);
	/* alone: answered with the next frame */
	sink_request_key(a.sink);
	pass(80000);
	assert_int_equal(count_keys(a.stream), 1);
	unwatch(&a);
	unwatch(&b);
	view_drop(v);
}

/* An encoder that swallows the key frame owes it. */
static void test_skipped_key(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a;

	(void)state;
	fake_codec.skip = 3;
	a = watch(v, 1500000);
	pass(400000);
	assert_true(a.stream->n_frames > 0);
	assert_true(a.stream->frame[0]->key);
	sink_request_key(a.sink);
	pass(SECOND);
	fake_stream_clear(a.stream);
	fake_codec.skip = 1;
	sink_request_key(a.sink);
	pass(120000);
	assert_int_equal(count_keys(a.stream), 1);
	unwatch(&a);
	view_drop(v);
}

/* Many encoders spare effort, one with many members does not, and when few are
 * left they stop sparing. Each change is one key frame. */
static void test_effort(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v[3], *shared = view_of(1, &f->source, "auto");
	struct watcher a[3], b[3];

	(void)state;
	m.engine->encode_room = 3 * 1280 * 720 * 25;
	for (int i = 0; i < 3; i++)
		b[i] = watch(shared, 1500000);
	for (int i = 0; i < 2; i++) {
		v[i] = view_of(1, &f->source, "auto");
		a[i] = watch(v[i], 1500000);
	}
	pass(15 * SECOND);
	assert_int_equal(stats().encoders, 3);
	assert_int_equal(stats().encoders_fast, 0);
	assert_false(fake_codec.params.fast);
	v[2] = view_of(1, &f->source, "auto");
	a[2] = watch(v[2], 1500000);
	pass(SECOND);
	assert_int_equal(stats().encoders, 4);
	assert_int_equal(stats().encoders_fast, 3);
	assert_int_equal(fake_codec.encoders_made, 6);
	assert_true(fake_codec.params.fast);
	assert_int_equal(count_keys(a[0].stream), 2);
	assert_int_equal(count_keys(a[2].stream), 1);
	assert_int_equal(count_keys(b[0].stream), 1);
	check_steady(a[0].stream, 40000);
	/* at its threshold nothing changes, below it everything */
	unwatch(&a[2]);
	pass(15 * SECOND);
	assert_int_equal(stats().encoders_fast, 2);
	unwatch(&a[1]);
	pass(15 * SECOND);
	assert_int_equal(stats().encoders, 2);
	assert_int_equal(stats().encoders_fast, 0);
	assert_int_equal(count_keys(a[0].stream), 3);
	unwatch(&a[0]);
	for (int i = 0; i < 3; i++) {
		unwatch(&b[i]);
		view_drop(v[i]);
	}
	view_drop(shared);
}

static void test_rate(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000), b;
	struct video_params low = h264(400000), high = h264(1500000);

	(void)state;
	pass(SECOND);
	/* alone: the encoder follows */
	sink_set(a.sink, &low);
	pass(SECOND);
	assert_int_equal(fake_codec.encoders_made, 1);
	assert_in_range(fake_codec.bitrate, 360000, 400000);
	assert_int_equal(count_keys(a.stream), 1);
	sink_set(a.sink, &high);
	pass(SECOND);
	assert_int_equal(count_keys(a.stream), 1);
	/* shared: the one with the bad line gets its own, without a gap */
	b = watch(v, 1500000);
	pass(SECOND);
	fake_stream_clear(a.stream);
	fake_stream_clear(b.stream);
	sink_set(b.sink, &low);
	pass(SECOND);
	assert_int_equal(stats().encoders, 2);
	assert_int_equal(count_keys(a.stream), 0);
	assert_int_equal(count_keys(b.stream), 1);
	check_steady(b.stream, 40000);
	/* better again: after a while they are together again */
	sink_set(b.sink, &high);
	pass(8 * SECOND);
	assert_int_equal(stats().encoders, 1);
	check_steady(b.stream, 40000);
	check_steady(a.stream, 40000);
	unwatch(&a);
	unwatch(&b);
	view_drop(v);
}

/* Two join an encoder at once: one new, one that had a picture of that very time
 * from its encoder before. Both begin with the same key frame, a picture later. */
static void test_join_together(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000), b = watch(v, 1500000), c = watch(v, 400000), d;
	struct video_params low = h264(400000);

	(void)state;
	pass(SECOND);
	fake_stream_clear(b.stream);
	fake_stream_clear(c.stream);
	sink_set(b.sink, &low);
	d = watch(v, 400000);
	pass(SECOND);
	assert_int_equal(stats().encoders, 2);
	assert_true(d.stream->n_frames > 20);
	assert_true(d.stream->frame[0]->key);
	assert_int_equal(count_keys(b.stream), 1);
	assert_int_equal(count_keys(c.stream), 1);
	check_steady(b.stream, 80000);
	check_steady(c.stream, 40000);
	unwatch(&a);
	unwatch(&b);
	unwatch(&c);
	unwatch(&d);
	view_drop(v);
}

static void check_takeover(const struct stream *s, uint16_t width)
{
	bool new = false;

	for (uint32_t i = 0; i < s->n_frames; i++) {
		if (s->frame[i]->width == width && !new) {
			new = true;
			assert_true(s->frame[i]->key);
		} else if (new) {
			assert_int_equal(s->frame[i]->width, width);
		}
	}
	assert_true(new);
}

static void test_move(void **state)
{
	struct feed *f = feed_start(0, 200), *g = feed_start(1, 100);
	struct view *v = view_of(1, &f->source, "auto"), *w;
	struct watcher a = watch(v, 1500000), b;

	(void)state;
	assert_int_equal(view_new(&w, m.engine, 640, 360, 25), 0);
	view_set_scene(w, &(struct view_scene){
				  1, { { g->source, 0, 0, 640, 360, FIT_CROP, false, NULL, GROUND_BLACK } } });
	b = watch(w, 1500000);
	pass(SECOND);
	fake_stream_clear(a.stream);
	pass(200000);
	sink_move(a.sink, w); /* joins an encoder that is there */
	pass(SECOND);
	check_takeover(a.stream, 640);
	check_steady(a.stream, 79999);
	assert_int_equal(stats().encoders, 1);
	fake_stream_clear(a.stream);
	sink_move(a.sink, v); /* a new one */
	sink_move(a.sink, w); /* no, back */
	sink_move(a.sink, v);
	pass(SECOND);
	check_takeover(a.stream, 1280);
	check_steady(a.stream, 79999);
	assert_int_equal(stats().encoders, 2);
	/* the view it came from may go at once */
	fake_stream_clear(a.stream);
	sink_move(a.sink, w);
	view_drop(v);
	pass(SECOND);
	check_takeover(a.stream, 640);
	check_steady(a.stream, 79999);
	assert_int_equal(stats().views, 1);
	unwatch(&a);
	unwatch(&b);
	view_drop(w);
}

static void test_smaller(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000);
	struct video_params p = h264(700000);

	(void)state;
	p.format.h264.level_idc = 22;
	p.fps = 10;
	sink_set(a.sink, &p);
	pass(SECOND);
	assert_int_equal(fake_codec.params.width, 640);
	assert_in_range(a.stream->n_frames, 9, 12);
	check_luma(320, 180, 200);
	/* CIF: pixels of 12:11, black above and below */
	p.format = (struct codec_format){ .id = CODEC_H263, .h263 = { .cif = 1 } };
	sink_set(a.sink, &p);
	pass(SECOND);
	assert_int_equal(fake_codec.last->width, 352);
	assert_int_equal(fake_codec.params.sar_num, 12);
	check_luma(176, 30, 16);
	check_luma(176, 40, 200);
	check_luma(176, 245, 200);
	check_luma(176, 258, 16);
	/* the canvas goes on changing under it */
	f->luma = 90;
	pass(300000);
	check_luma(176, 144, 90);
	/* nothing fits: silence, and no harm */
	p = h264(700000);
	p.format.h264.level_idc = 9;
	sink_set(a.sink, &p);
	pass(3 * SECOND);
	fake_stream_clear(a.stream);
	pass(SECOND);
	assert_int_equal(a.stream->n_frames, 0);
	p.format.h264.level_idc = 31;
	sink_set(a.sink, &p);
	pass(SECOND);
	assert_true(a.stream->n_frames > 20);
	unwatch(&a);
	view_drop(v);
}

static void test_encoder_fails(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "auto");
	struct watcher a = watch(v, 1500000), b;

	(void)state;
	pass(200000);
	fake_codec.fail = true;
	pass(60000);
	fake_codec.fail = false;
	fake_stream_clear(a.stream);
	pass(200000);
	assert_true(a.stream->n_frames > 0);
	assert_true(a.stream->frame[0]->key);
	fake_codec.no_encoder = true;
	b = watch(v, 64000);
	pass(200000);
	assert_int_equal(b.stream->n_frames, 0);
	assert_int_equal(fake_codec.encoders, 1);
	unwatch(&a);
	unwatch(&b);
	view_drop(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_share), TEST(test_joiner), TEST(test_key_storm),
		TEST(test_skipped_key), TEST(test_effort), TEST(test_rate),
		TEST(test_join_together), TEST(test_move), TEST(test_smaller),
		TEST(test_encoder_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
