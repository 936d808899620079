/* SPDX-License-Identifier: GPL-3.0-or-later
 * A meeting for tests of the video engine's logic: cameras and who watches, on a
 * clock that the test moves, with codecs, pool and wire in whose place fakes stand. */
#ifndef BALAI_TESTS_UNIT_MP_MEETING_H
#define BALAI_TESTS_UNIT_MP_MEETING_H

#include "base/clock.h"
#include "base/ref.h"
#include "mcu/mp/engine.h"
#include "mcu/mp/layout.h"
#include "mcu/mp/video.h"
#include "tests/unit/mp_fake_codec.h"
#include "tests/unit/mp_fake_pool.h"
#include "tests/unit/mp_fake_wire.h"

#include "tests/unit/cmocka_head.h"

#include <string.h>

#define SECOND INT64_C(1000000)
#define START (100 * SECOND)

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
	uint8_t orientation;
};

static struct {
	struct video_engine *engine;
	struct feed feed[MAX_FEEDS];
	int64_t next_frame;
	long objects;
	unsigned actors;
} m;

static inline void on_picture(void *arg, int width, int height)
{
	struct feed *f = arg;

	f->sizes++;
	f->width = width;
	f->height = height;
}

static inline void on_released(void *arg)
{
	((struct feed *)arg)->released++;
}

static const struct source_events events = { on_picture, on_released };

static inline struct video_engine_stats stats(void)
{
	struct video_engine_stats s;

	video_engine_stats(m.engine, &s);
	return s;
}

static inline struct feed *feed_start(unsigned i, uint8_t luma)
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

static inline void feed_stop(struct feed *f)
{
	f->source = source_drop(f->source);
	f->stream = ref_drop(f->stream);
	f->on = false;
}

static inline void feed_frame(struct feed *f)
{
	struct coded *frame;
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
	frame = fake_coded(f->codec, &f->look, key, f->lose_next, clock_us());
	frame->orientation = f->orientation;
	source_put(f->source, frame);
	f->lose_next = false;
}

/* Lets so much time pass; cameras that are on send. */
static inline void pass(int64_t us)
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

static inline int begin(void **state)
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
static inline int end(void **state)
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

static inline struct video_params h264(uint32_t bitrate)
{
	return (struct video_params){
		.format = { .id = CODEC_H264, .clock_rate = 90000,
			    .h264 = { 66, 0xe0, 31, 1, false, 0, 0, 0, 0, 0, 0 } },
		.width = 1280, .height = 720, .sar_num = 1, .sar_den = 1,
		.fps = 25, .bitrate = bitrate,
	};
}

static inline struct view *view_of(unsigned n, struct source *const *source, const char *layout)
{
	struct view_scene scene = { 0 };
	struct rect r[LAYOUT_MAX_TILES];
	struct view *v;
	unsigned places = layout_rects(layout_by_name(layout), n, 1280, 720, r);

	assert_int_equal(view_new(&v, m.engine, 1280, 720, 25), 0);
	for (unsigned i = 0; i < places && i < n; i++)
		scene.tile[scene.n++] = (struct view_tile){
			source[i], r[i].x, r[i].y, r[i].w, r[i].h, FIT_LETTERBOX, false, NULL, GROUND_BLACK
		};
	view_set_scene(v, &scene);
	return v;
}

struct watcher {
	struct stream *stream;
	struct sink *sink;
};

static inline struct watcher watch(struct view *v, uint32_t bitrate)
{
	struct video_params p = h264(bitrate);
	struct watcher w = { .stream = fake_stream(100) };

	assert_int_equal(sink_new(&w.sink, v, w.stream, &p), 0);
	return w;
}

static inline void unwatch(struct watcher *w)
{
	w->sink = sink_drop(w->sink);
	w->stream = ref_drop(w->stream);
}

static inline unsigned count_keys(const struct stream *s)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < s->n_frames; i++)
		n += s->frame[i]->key;
	return n;
}

/* Times rise, and no frame is missing for more than `gap`. */
static inline void check_steady(const struct stream *s, int64_t gap)
{
	for (uint32_t i = 1; i < s->n_frames; i++)
		assert_in_range(s->frame[i]->time_us - s->frame[i - 1]->time_us, 1, gap);
}

static inline uint8_t luma_at(int x, int y)
{
	assert_non_null(fake_codec.last);
	return fake_codec.last->plane[0][y * fake_codec.last->stride[0] + x];
}

/* Scaling may round. */
static inline void check_luma(int x, int y, int luma)
{
	assert_in_range(luma_at(x, y), luma - 2, luma + 2);
}

/* A test that begins with an empty engine and leaves nothing behind. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
