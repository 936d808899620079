/* SPDX-License-Identifier: GPL-3.0-or-later
 * The video engine on the real pool: cameras send from two threads while control
 * changes everything at random. What is checked does not depend on speed: each
 * stream begins with a key frame, its times rise, nothing is left at the end.
 * For ThreadSanitizer above all. */
#include "base/clock.h"
#include "base/ref.h"
#include "mcu/mp/layout.h"
#include "mcu/mp/video.h"
#include "tests/unit/mp_fake_codec.h"
#include "tests/unit/mp_fake_wire.h"

#include "tests/unit/cmocka_head.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { FEEDS = 6, VIEWS = 3, SINKS = 8, FEEDERS = 2, STEPS = 400 };

/* `slot` keeps the source alive for the camera while control drops it. */
struct feed {
	pthread_mutex_t lock;
	struct source *source;
	struct stream *stream;
	unsigned answered;
	_Atomic unsigned made, released;
};

static struct {
	struct video_engine *engine;
	struct pool *pool;
	struct feed feed[FEEDS];
	struct view *view[VIEWS];
	struct sink *sink[SINKS];
	struct stream *stream[SINKS];
	struct view *sink_view[SINKS];
	_Atomic bool stop;
	uint32_t random;
} m;

static void on_released(void *arg)
{
	((struct feed *)arg)->released++;
}

static const struct source_events events = { .released = on_released };

static uint32_t below(uint32_t n)
{
	m.random = m.random * 1664525u + 1013904223u;
	return (m.random >> 8) % n;
}

/* ---- cameras ------------------------------------------------------------------ */

static void feed_send(struct feed *f, uint8_t luma)
{
	struct source *source;
	unsigned asked;
	bool key;

	pthread_mutex_lock(&f->lock);
	source = ref_hold(f->source);
	asked = f->stream->key_requests;
	key = asked != f->answered || luma % 64 == 0;
	f->answered = asked;
	pthread_mutex_unlock(&f->lock);
	if (source)
		source_put(source, fake_flat(luma, key, clock_us()));
	ref_drop(source);
}

static void *feeder(void *arg)
{
	unsigned first = *(unsigned *)arg;

	for (uint8_t luma = 0; !m.stop; luma++) {
		for (unsigned i = first; i < FEEDS; i += FEEDERS)
			feed_send(&m.feed[i], luma);
		clock_sleep_until(clock_us() + 5000);
	}
	return NULL;
}

static void feed_renew(struct feed *f)
{
	struct source *old = f->source, *new = NULL;

	assert_int_equal(source_new(&new, m.engine, f->stream, &events, f), 0);
	f->made++;
	pthread_mutex_lock(&f->lock);
	f->source = new;
	pthread_mutex_unlock(&f->lock);
	source_drop(old);
}

/* ---- control ------------------------------------------------------------------ */

static struct video_params random_params(void)
{
	static const uint32_t rate[] = { 300000, 800000, 1500000 };

	return (struct video_params){
		.format = { .id = CODEC_H264, .clock_rate = 90000,
			    .h264 = { .profile_idc = 66, .profile_iop = 0xe0,
				      .level_idc = below(3) ? 31 : 22 } },
		.width = 320, .height = 180, .sar_num = 1, .sar_den = 1,
		.fps = below(2) ? 50 : 25, .bitrate = rate[below(3)],
	};
}

enum { LAYOUTS = 9 };

static void view_arrange(struct view *v)
{
	struct view_scene scene = { 0 };
	struct rect r[LAYOUT_MAX_TILES];
	unsigned n = layout_rects(layout_builtin(below(LAYOUTS)), below(FEEDS) + 1, 320, 180, r);

	for (unsigned i = 0; i < n; i++)
		scene.tile[scene.n++] = (struct view_tile){
			below(4) ? m.feed[below(FEEDS)].source : NULL,
			r[i].x, r[i].y, r[i].w, r[i].h, below(2) ? FIT_CROP : FIT_LETTERBOX, false, NULL, GROUND_BLACK
		};
	view_set_scene(v, &scene);
}

static void check_stream(const struct stream *s)
{
	if (!s->n_frames)
		return;
	assert_true(s->frame[0]->key);
	for (uint32_t i = 1; i < s->n_frames; i++)
		assert_true(s->frame[i]->time_us > s->frame[i - 1]->time_us);
}

/* Frames may still be on their way: looked at when all threads have ended. */
static struct stream *old_stream[STEPS + SINKS];
static unsigned n_old;

static void sink_end(unsigned i)
{
	m.sink[i] = sink_drop(m.sink[i]);
	m.sink_view[i] = NULL;
	if (m.stream[i])
		old_stream[n_old++] = m.stream[i];
	m.stream[i] = NULL;
}

static void sink_begin(unsigned i)
{
	struct video_params p = random_params();

	sink_end(i);
	m.stream[i] = fake_stream((int)i);
	m.sink_view[i] = m.view[below(VIEWS)];
	assert_int_equal(sink_new(&m.sink[i], m.sink_view[i], m.stream[i], &p), 0);
}

static void view_renew(unsigned k)
{
	struct view *old = m.view[k];

	assert_int_equal(view_new(&m.view[k], m.engine, 320, 180, 50), 0);
	view_arrange(m.view[k]);
	for (unsigned i = 0; i < SINKS; i++) {
		if (!old || m.sink_view[i] != old)
			continue;
		sink_move(m.sink[i], m.view[k]);
		m.sink_view[i] = m.view[k];
	}
	view_drop(old);
}

static void step(void)
{
	unsigned i = below(SINKS);
	struct video_params p = random_params();
	struct video_engine_stats s;

	switch (below(9)) {
	case 0:
		sink_begin(i);
		break;
	case 1:
		m.sink_view[i] = m.view[below(VIEWS)];
		sink_move(m.sink[i], m.sink_view[i]);
		break;
	case 2:
		sink_set(m.sink[i], &p);
		break;
	case 3:
		feed_renew(&m.feed[below(FEEDS)]);
		break;
	case 4:
		source_set_live(m.feed[below(FEEDS)].source, below(2));
		break;
	case 5:
		source_set_delay(m.feed[below(FEEDS)].source, below(100000));
		break;
	case 6:
		if (below(4) == 0)
			view_renew(below(VIEWS));
		break;
	case 7:
		view_arrange(m.view[below(VIEWS)]);
		break;
	default:
		sink_request_key(m.sink[i]);
		video_engine_stats(m.engine, &s);
	}
}

static void meeting_begin(void)
{
	assert_int_equal(pool_new(&m.pool, "video", 3), 0);
	assert_int_equal(video_engine_new(&m.engine, NULL, m.pool), 0);
	for (unsigned i = 0; i < FEEDS; i++) {
		pthread_mutex_init(&m.feed[i].lock, NULL);
		m.feed[i].stream = fake_stream((int)i);
		feed_renew(&m.feed[i]);
	}
	for (unsigned i = 0; i < VIEWS; i++)
		view_renew(i);
	for (unsigned i = 0; i < SINKS; i++)
		sink_begin(i);
}

static void meeting_end(void)
{
	for (unsigned i = 0; i < SINKS; i++)
		sink_end(i);
	for (unsigned i = 0; i < VIEWS; i++)
		view_drop(m.view[i]);
	for (unsigned i = 0; i < FEEDS; i++)
		source_drop(m.feed[i].source);
	m.engine = video_engine_free(m.engine);
	m.pool = pool_free(m.pool); /* waits for all actors */
	for (unsigned i = 0; i < FEEDS; i++) {
		assert_int_equal(m.feed[i].made, m.feed[i].released);
		ref_drop(m.feed[i].stream);
		pthread_mutex_destroy(&m.feed[i].lock);
	}
}

static void test_random(void **state)
{
	unsigned first[FEEDERS];
	pthread_t thread[FEEDERS];
	long objects = ref_live();
	uint64_t frames = 0;

	(void)state;
	m.random = 1;
	meeting_begin();
	for (unsigned i = 0; i < FEEDERS; i++) {
		first[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, feeder, &first[i]), 0);
	}
	for (int i = 0; i < STEPS; i++) {
		step();
		clock_sleep_until(clock_us() + 5000);
	}
	m.stop = true;
	for (unsigned i = 0; i < FEEDERS; i++)
		pthread_join(thread[i], NULL);
	meeting_end();
	for (unsigned i = 0; i < n_old; i++) {
		check_stream(old_stream[i]);
		frames += old_stream[i]->n_frames;
		ref_drop(old_stream[i]);
	}
	assert_true(frames > 0);
	assert_int_equal(fake_codec.encoders, 0);
	assert_int_equal(fake_codec.decoders, 0);
	fake_codec_reset();
	assert_int_equal(ref_live(), objects);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
