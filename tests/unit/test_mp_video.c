/* SPDX-License-Identifier: GPL-3.0-or-later
 * The video engine's logic on a clock that the test moves, with codecs, pool and
 * wire in whose place fakes stand: who is decoded, what is painted, who shares
 * an encoder, when there are key frames. */
#include "base/clock.h"
#include "base/ref.h"
#include "mcu/mp/engine.h"
#include "mcu/mp/layout.h"
#include "mcu/mp/video.h"
#include "tests/unit/mp_fake_codec.h"
#include "tests/unit/mp_fake_pool.h"
#include "tests/unit/mp_fake_wire.h"

#include "tests/unit/cmocka_head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND INT64_C(1000000)
#define START (100 * SECOND)

/* ---- a meeting ---------------------------------------------------------------- */

enum { MAX_FEEDS = 8 };

/* A participant's camera at 25 fps. */
struct feed {
	struct stream *stream;
	struct source *source;
	uint8_t luma;
	bool on;
	bool answers;        /* makes a key frame when asked */
	bool key_next, lose_next;
	unsigned asked;      /* requests it has seen */
	unsigned frames;
	unsigned released, sizes;
	int width, height;   /* as reported by the source */
	enum codec_id codec;
	struct fake_frame look;
};

static struct {
	struct video_engine *engine;
	struct feed feed[MAX_FEEDS];
	int64_t next_frame;
	long objects;
	unsigned actors;
} m;

static void on_picture(void *arg, int width, int height)
{
	struct feed *f = arg;

	f->sizes++;
	f->width = width;
	f->height = height;
}

static void on_released(void *arg)
{
	((struct feed *)arg)->released++;
}

static const struct source_events events = { on_picture, on_released };

static struct video_engine_stats stats(void)
{
	struct video_engine_stats s;

	video_engine_stats(m.engine, &s);
	return s;
}

static struct feed *feed_start(unsigned i, uint8_t luma)
{
	struct feed *f = &m.feed[i];

	*f = (struct feed){
		.stream = fake_stream((int)i), .luma = luma, .on = true, .answers = true,
		.key_next = true, .codec = CODEC_H264,
		.look = { 640, 360, 1, 1, luma, FAKE_FLAT },
	};
	assert_int_equal(source_new(&f->source, m.engine, f->stream, &events, f), 0);
	return f;
}

static void feed_stop(struct feed *f)
{
	f->source = source_drop(f->source);
	f->stream = ref_drop(f->stream);
	f->on = false;
}

static void feed_frame(struct feed *f)
{
	bool key;

	if (f->stream->key_requests != f->asked) {
		f->asked = f->stream->key_requests;
		f->key_next = f->key_next || f->answers;
	}
	key = f->key_next;
	f->key_next = false;
	f->frames++;
	f->look.luma = f->luma;
	f->stream->rx_packets++;
	f->stream->keys_in += key && !f->lose_next;
	source_put(f->source, fake_coded(f->codec, &f->look, key, f->lose_next, clock_us()));
	f->lose_next = false;
}

/* Lets so much time pass; cameras that are on send. */
static void pass(int64_t us)
{
	int64_t end = clock_us() + us;

	while (m.next_frame <= end) {
		fake_run(m.next_frame);
		for (unsigned i = 0; i < MAX_FEEDS; i++)
			if (m.feed[i].on)
				feed_frame(&m.feed[i]);
		m.next_frame += 40000;
	}
	fake_run(end);
}

static int begin(void **state)
{
	(void)state;
	clock_fake(START);
	memset(&m, 0, sizeof(m));
	fake_codec_reset();
	m.objects = ref_live();
	m.actors = fake_actors();
	m.next_frame = START;
	return video_engine_new(&m.engine, NULL, NULL);
}

/* Everything that was started has ended, and nothing is left. */
static int end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MAX_FEEDS; i++)
		if (m.feed[i].on)
			feed_stop(&m.feed[i]);
	fake_run(clock_us() + 20 * SECOND);
	m.engine = video_engine_free(m.engine);
	fake_codec_reset();
	assert_int_equal(fake_codec.encoders, 0);
	assert_int_equal(fake_codec.decoders, 0);
	assert_int_equal(fake_actors(), m.actors);
	assert_int_equal(ref_live(), m.objects);
	clock_fake(-1);
	return 0;
}

static struct video_params h264(uint32_t bitrate)
{
	return (struct video_params){
		.format = { .id = CODEC_H264, .clock_rate = 90000,
			    .h264 = { 66, 0xe0, 31, 1, false, 0, 0, 0, 0, 0, 0 } },
		.width = 1280, .height = 720, .sar_num = 1, .sar_den = 1,
		.fps = 25, .bitrate = bitrate,
	};
}

static struct view *view_of(unsigned n, struct source *const *source, const char *layout)
{
	struct view_scene scene = { 0 };
	struct rect r[LAYOUT_MAX_TILES];
	struct view *v;
	unsigned places = layout_rects(layout_by_name(layout), n, 1280, 720, r);

	assert_int_equal(view_new(&v, m.engine, 1280, 720, 25), 0);
	for (unsigned i = 0; i < places && i < n; i++)
		scene.tile[scene.n++] = (struct view_tile){
			source[i], r[i].x, r[i].y, r[i].w, r[i].h, FIT_LETTERBOX, false, NULL
		};
	view_set_scene(v, &scene);
	return v;
}

struct watcher {
	struct stream *stream;
	struct sink *sink;
};

static struct watcher watch(struct view *v, uint32_t bitrate)
{
	struct video_params p = h264(bitrate);
	struct watcher w = { .stream = fake_stream(100) };

	assert_int_equal(sink_new(&w.sink, v, w.stream, &p), 0);
	return w;
}

static void unwatch(struct watcher *w)
{
	w->sink = sink_drop(w->sink);
	w->stream = ref_drop(w->stream);
}

static unsigned count_keys(const struct stream *s)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < s->n_frames; i++)
		n += s->frame[i]->key;
	return n;
}

/* Times rise, and no frame is missing for more than `gap`. */
static void check_steady(const struct stream *s, int64_t gap)
{
	for (uint32_t i = 1; i < s->n_frames; i++)
		assert_in_range(s->frame[i]->time_us - s->frame[i - 1]->time_us, 1, gap);
}

static uint8_t luma_at(int x, int y)
{
	assert_non_null(fake_codec.last);
	return fake_codec.last->plane[0][y * fake_codec.last->stride[0] + x];
}

/* Scaling may round. */
static void check_luma(int x, int y, int luma)
{
	assert_in_range(luma_at(x, y), luma - 2, luma + 2);
}

/* ---- encoders ----------------------------------------------------------------- */

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
				  1, { { g->source, 0, 0, 640, 360, FIT_CROP, false, NULL } } });
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

/* ---- painting ----------------------------------------------------------------- */

static void test_paint_changed(void **state)
{
	struct feed *f = feed_start(0, 200), *g = feed_start(1, 100);
	struct view *v = view_of(2, (struct source *[]){ f->source, g->source }, "1+1");
	struct watcher a = watch(v, 1500000);
	struct video_engine_stats before, after;

	(void)state;
	pass(SECOND);
	check_luma(320, 360, 200);
	check_luma(960, 360, 100);
	check_luma(320, 100, 16);
	g->on = false; /* frozen, not gone */
	pass(100000);
	before = stats();
	f->luma = 210;
	pass(SECOND);
	after = stats();
	assert_in_range(after.tiles_painted - before.tiles_painted, 24, 26);
	assert_in_range(after.tiles_unchanged - before.tiles_unchanged, 24, 26);
	assert_int_equal(after.canvas_copies, before.canvas_copies);
	check_luma(320, 360, 210);
	check_luma(960, 360, 100);
	/* nothing new anywhere: nothing is painted, frames go on */
	f->on = false;
	pass(100000);
	before = stats();
	fake_stream_clear(a.stream);
	pass(SECOND);
	assert_int_equal(stats().tiles_painted, before.tiles_painted);
	assert_in_range(a.stream->n_frames, 24, 26);
	/* for long: a few frames are enough, and a key comes when asked for */
	pass(2 * SECOND);
	fake_stream_clear(a.stream);
	pass(2 * SECOND);
	assert_in_range(a.stream->n_frames, 9, 11);
	fake_stream_clear(a.stream);
	sink_request_key(a.sink);
	pass(81000);
	assert_int_equal(count_keys(a.stream), 1);
	unwatch(&a);
	view_drop(v);
	feed_stop(f);
	feed_stop(g);
}

static void test_scene_change(void **state)
{
	struct feed *f = feed_start(0, 200), *g = feed_start(1, 100);
	struct view_scene scene = {
		2, { { f->source, 0, 0, 640, 360, FIT_CROP, false, NULL },
		     { g->source, 640, 0, 640, 360, FIT_CROP, false, NULL } },
	};
	struct view *v = view_of(0, NULL, "auto");
	struct watcher a;
	uint64_t painted;

	(void)state;
	view_set_scene(v, &scene);
	a = watch(v, 1500000);
	pass(SECOND);
	f->on = g->on = false;
	pass(100000);
	painted = stats().tiles_painted;
	/* one moves, the other stays and is not painted again */
	scene.tile[1].x = 0;
	scene.tile[1].y = 360;
	view_set_scene(v, &scene);
	pass(100000);
	assert_int_equal(stats().tiles_painted - painted, 1);
	check_luma(100, 100, 200);
	check_luma(900, 100, 16);
	check_luma(100, 500, 100);
	/* picture in picture: the later one is on top, also after a new picture below */
	scene.tile[0] = (struct view_tile){ f->source, 0, 0, 1280, 720, FIT_CROP, false, NULL };
	view_set_scene(v, &scene);
	pass(100000);
	check_luma(100, 500, 100);
	f->luma = 180;
	f->on = true;
	pass(100000);
	check_luma(100, 100, 180);
	check_luma(100, 500, 100);
	/* and away with it */
	scene.n = 1;
	view_set_scene(v, &scene);
	pass(100000);
	check_luma(100, 500, 180);
	/* tiles that leave the canvas or are odd are not painted */
	scene.n = 2;
	scene.tile[1] = (struct view_tile){ g->source, 1000, 0, 640, 360, FIT_CROP, false, NULL };
	scene.tile[0].x = 1;
	view_set_scene(v, &scene);
	pass(100000);
	check_luma(1100, 100, 16);
	/* many changes between two ticks */
	for (int i = 0; i < 60; i++) {
		scene = (struct view_scene){ 1, { { f->source, 0, 0, 640, 360, FIT_CROP, false, NULL } } };
		scene.tile[0].x = (uint16_t)(2 * i);
		view_set_scene(v, &scene);
	}
	pass(100000);
	check_luma(100, 100, 16);
	check_luma(120, 100, 180);
	check_luma(760, 100, 16);
	unwatch(&a);
	view_drop(v);
	feed_stop(g);
}

/* Somebody still reads the canvas: it must not change under them. */
static void test_canvas_in_use(void **state)
{
	struct feed *f = feed_start(0, 200), *g = feed_start(1, 100);
	struct view *v = view_of(2, (struct source *[]){ f->source, g->source }, "1+1");
	struct watcher a = watch(v, 1500000);
	struct picture *held;
	int64_t time;

	(void)state;
	pass(SECOND);
	g->on = false;
	fake_codec.hold = true;
	pass(100000);
	held = ref_hold(fake_codec.held);
	time = held->time_us;
	f->luma = 30;
	pass(400000);
	assert_true(stats().canvas_copies > 5);
	assert_int_equal(held->plane[0][360 * held->stride[0] + 320], 200);
	assert_int_equal(held->time_us, time);
	check_luma(320, 360, 30);
	check_luma(960, 360, 100);
	check_luma(960, 50, 16);
	check_steady(a.stream, 40000);
	ref_drop(held);
	unwatch(&a);
	view_drop(v);
	feed_stop(g);
}

/* Two views that show the same at the same size scale it once. */
static void test_scale_once(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct view *v = view_of(1, &f->source, "1x1");
	struct view *w = view_of(1, &f->source, "1x1");
	struct watcher a = watch(v, 1500000), b = watch(w, 1500000);
	struct video_engine_stats before, after;

	(void)state;
	pass(SECOND);
	before = stats();
	pass(SECOND);
	after = stats();
	assert_in_range(after.tiles_painted - before.tiles_painted, 48, 52);
	assert_in_range(after.pictures.scaled - before.pictures.scaled, 24, 26);
	assert_in_range(after.pictures.scale_shared - before.pictures.scale_shared, 24, 26);
	unwatch(&a);
	unwatch(&b);
	view_drop(v);
	view_drop(w);
}

/* Extent of what is brighter than 150 in the middle row and column. */
static void check_circle(int cx, int cy, int max)
{
	int w = 0, h = 0;

	for (int x = cx - max; x < cx + max; x++)
		w += luma_at(x, cy) > 150;
	for (int y = cy - max; y < cy + max; y++)
		h += luma_at(cx, y) > 150;
	assert_true(h > 100);
	assert_in_range(w * 1000, h * 980, h * 1020);
}

static void test_circle(void **state)
{
	static const struct fake_frame look[] = {
		{ 352, 288, 12, 11, 220, FAKE_CIRCLE }, { 640, 480, 1, 1, 220, FAKE_CIRCLE },
		{ 1280, 720, 1, 1, 220, FAKE_CIRCLE }, { 480, 640, 1, 1, 220, FAKE_CIRCLE },
	};
	struct feed *f = feed_start(0, 220);
	struct view *v = view_of(0, NULL, "auto");
	struct watcher a = watch(v, 1500000);

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(look); i++) {
		struct view_scene scene = {
			1, { { f->source, 320, 180, 640, 360,
			       i & 1 ? FIT_CROP : FIT_LETTERBOX, false, NULL } },
		};

		f->look = look[i / 2];
		view_set_scene(v, &scene);
		pass(200000);
		check_circle(640, 360, 178);
		/* borders are black when letterboxed, filled when cropped; a portrait is
		 * never cropped that far */
		if (look[i / 2].width * 9 != look[i / 2].height * 16)
			check_luma(330, 360, i & 1 && f->look.width != 480 ? 60 : 16);
	}
	assert_int_equal(f->sizes, 4);
	assert_int_equal(f->width, 480);
	assert_int_equal(f->height, 640);
	unwatch(&a);
	view_drop(v);
}

/* ---- sources ------------------------------------------------------------------ */

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
				  1, { { g->source, 0, 0, 1280, 720, FIT_CROP, false, NULL } } });
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
				  1, { { f->source, 0, 0, 1280, 720, FIT_CROP, false, NULL } } });
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
		feed_start(i, 200)->answers = i < 3;
	pass(1000);
	assert_int_equal(stats().sources_kept, 2);
	pass(100000);
	assert_in_range(fake_codec.decoders, 1, 2);
	for (unsigned i = 0; i < MAX_FEEDS; i++)
		late += m.feed[i].stream->key_requests == 0;
	assert_in_range(late, 1, MAX_FEEDS - 1);
	pass(10 * SECOND);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(m.feed[i].stream->key_requests, 1);
	pass(10 * SECOND);
	assert_int_equal(stats().sources_kept, 4);
	for (unsigned i = 0; i < 3; i++)
		assert_false(m.feed[i].stream->seen);
	for (unsigned i = 3; i < MAX_FEEDS; i++)
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

/* Who sends nothing is not one that does not answer. */
static void test_silent_camera(void **state)
{
	struct feed *f = feed_start(0, 200);

	(void)state;
	pass(40000);
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

/* ---- time and overload -------------------------------------------------------- */

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

static void test_governor(void **state)
{
	int64_t now = START;
	unsigned seconds = 0;

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
	/* it recovers, slowly */
	while (stats().overload && seconds < 1000) {
		work(100, 1, &now);
		seconds++;
	}
	assert_in_range(seconds, 20, 300);
	assert_int_equal(engine_divisor(m.engine, 10), 1);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* ---- labels --------------------------------------------------------------------- */

/* It is drawn by a thread that knows nothing of our clock. */
static struct label *label_of(const char *text, int w, int h)
{
	struct label_spec spec = { .style = LABEL_NAME, .w = (uint16_t)w, .h = (uint16_t)h };
	struct label *label;

	snprintf(spec.text, sizeof(spec.text), "%s", text);
	label = video_label(m.engine, &spec);
	assert_non_null(label);
	for (int i = 0; i < 60000 && !label_image(label); i++)
		usleep(1000);
	assert_non_null(label_image(label));
	return label;
}

static void read_box(uint8_t *to, const struct label_image *im)
{
	for (int y = 0; y < im->h; y++)
		memcpy(to + y * im->w, fake_codec.last->plane[0] +
		       (im->y + y) * fake_codec.last->stride[0] + im->x, im->w);
}

/* A label is blended once a painting, also where there are bars and nothing is
 * painted but it; and nothing else of the tile changes. */
static void test_label_stays(int w, int h)
{
	struct feed *f = feed_start(0, 200);
	struct view *v;
	struct label *label = label_of("Rafaela", 1280, 720);
	const struct label_image *im = label_image(label);
	uint8_t *first = malloc((size_t)im->w * im->h), *later = malloc((size_t)im->w * im->h);
	struct watcher a;

	assert_true(first && later);
	f->look.width = w;
	f->look.height = h;
	assert_int_equal(view_new(&v, m.engine, 1280, 720, 25), 0);
	view_set_scene(v, &(struct view_scene){
				  1, { { f->source, 0, 0, 1280, 720, FIT_LETTERBOX, false, label } } });
	a = watch(v, 1500000);
	pass(SECOND);
	read_box(first, im);
	check_luma(im->x + im->w / 2, im->y + 2, w == 640 ? 200 * 45 / 100 + 16 * 55 / 100 : 16);
	check_luma(640, 100, 200);
	check_luma(640, 719, 200);
	pass(2 * SECOND);
	read_box(later, im);
	assert_memory_equal(first, later, (size_t)im->w * im->h);
	/* gone with the scene, and what was below is there again */
	view_set_scene(v, &(struct view_scene){
				  1, { { f->source, 0, 0, 1280, 720, FIT_LETTERBOX, true, NULL } } });
	pass(SECOND);
	check_luma(im->x + im->w / 2, im->y + 2, w == 640 ? 200 : 16);
	check_luma(0, 300, 164); /* the border */
	ref_drop(label);
	unwatch(&a);
	view_drop(v);
	feed_stop(f);
	free(first);
	free(later);
}

static void test_labels(void **state)
{
	(void)state;
	test_label_stays(640, 360);
	test_label_stays(180, 360); /* a telephone held upright: bars */
}

/* Only the tile whose label comes is painted for it. */
static void test_label_alone(void **state)
{
	struct label *label = label_of("Rafaela", 640, 360);
	struct view *v;
	struct watcher a;
	uint64_t before;

	(void)state;
	assert_int_equal(view_new(&v, m.engine, 1280, 720, 25), 0);
	view_set_scene(v, &(struct view_scene){
				  2, { { NULL, 0, 0, 640, 360, FIT_CROP, false, NULL },
				       { NULL, 640, 0, 640, 360, FIT_CROP, false, NULL } } });
	a = watch(v, 1500000);
	pass(SECOND);
	before = stats().tiles_painted;
	pass(SECOND);
	assert_int_equal(stats().tiles_painted, before);
	view_set_scene(v, &(struct view_scene){
				  2, { { NULL, 0, 0, 640, 360, FIT_CROP, false, NULL },
				       { NULL, 640, 0, 640, 360, FIT_CROP, false, label } } });
	pass(SECOND);
	assert_int_equal(stats().tiles_painted, before + 1);
	unwatch(&a);
	view_drop(v);
	ref_drop(label);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_share), TEST(test_joiner), TEST(test_key_storm),
		TEST(test_skipped_key), TEST(test_effort), TEST(test_rate), TEST(test_join_together),
		TEST(test_move),
		TEST(test_smaller), TEST(test_encoder_fails), TEST(test_paint_changed),
		TEST(test_scene_change), TEST(test_canvas_in_use), TEST(test_scale_once),
		TEST(test_circle),
		TEST(test_not_seen), TEST(test_no_sink_no_decoding),
		TEST(test_never_answers), TEST(test_burst),
		TEST(test_silent_camera), TEST(test_answers_no_more), TEST(test_loss),
		TEST(test_hold), TEST(test_codec_change), TEST(test_delay),
		TEST(test_still), TEST(test_late_ticks), TEST(test_governor),
		TEST(test_few_ticks), TEST(test_around_the_tick),
		TEST(test_governed_view), TEST(test_arguments),
		TEST(test_labels),
		TEST(test_label_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
