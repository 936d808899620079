/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a view paints: what changed, once for all, round circles, and labels on it. */
#include "tests/unit/mp_meeting.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

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
		2, { { f->source, 0, 0, 640, 360, FIT_CROP, false, NULL, GROUND_BLACK },
		     { g->source, 640, 0, 640, 360, FIT_CROP, false, NULL, GROUND_BLACK } },
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
	scene.tile[0] = (struct view_tile){ f->source, 0, 0, 1280, 720, FIT_CROP, false, NULL, GROUND_BLACK };
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
	scene.tile[1] = (struct view_tile){ g->source, 1000, 0, 640, 360, FIT_CROP, false, NULL, GROUND_BLACK };
	scene.tile[0].x = 1;
	view_set_scene(v, &scene);
	pass(100000);
	check_luma(1100, 100, 16);
	/* many changes between two ticks */
	for (int i = 0; i < 60; i++) {
		scene = (struct view_scene){ 1, { { f->source, 0, 0, 640, 360, FIT_CROP, false, NULL, GROUND_BLACK } } };
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
			       i & 1 ? FIT_CROP : FIT_LETTERBOX, false, NULL, GROUND_BLACK } },
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

/* A camera held askew: its picture is turned before anybody sees it, with its pixels, and
 * so has the shape that a layout reckons with. Who holds it upright costs nothing. */
static void test_turned(void **state)
{
	struct feed *f = feed_start(0, 220);
	struct view *v = view_of(0, NULL, "auto");
	struct watcher a = watch(v, 1500000);
	const struct view_scene scene = {
		1, { { f->source, 0, 0, 1280, 720, FIT_LETTERBOX, false, NULL, GROUND_BLACK } },
	};
	uint64_t turned;

	(void)state;
	f->look = (struct fake_frame){ 352, 288, 12, 11, 220, FAKE_CIRCLE };
	view_set_scene(v, &scene);
	pass(200000);
	assert_int_equal(stats().turned, 0);
	assert_int_equal(f->width, 352);
	for (uint8_t o = 1; o < 8; o++) {
		f->orientation = o;
		turned = stats().turned;
		pass(200000);
		assert_in_range(stats().turned - turned, 4, 6);
		assert_int_equal(f->width, o & 1 ? 288 : 352);
		assert_int_equal(f->height, o & 1 ? 352 : 288);
		check_circle(640, 360, 350);
		check_luma(330, 360, o & 1 ? 16 : 60); /* 540 or 960 columns of 1280 */
	}
	f->orientation = 0;
	pass(40000);
	turned = stats().turned;
	pass(400000);
	assert_int_equal(stats().turned, turned);
	unwatch(&a);
	view_drop(v);
}

/* It is drawn by a thread that knows nothing of our clock. */
static struct label *label_made(const struct label_spec *spec)
{
	struct label *label = video_label(m.engine, spec);

	assert_non_null(label);
	for (int i = 0; i < 60000 && !label_image(label); i++)
		usleep(1000);
	assert_non_null(label_image(label));
	return label;
}

static struct label *label_of(const char *text, int w, int h)
{
	struct label_spec spec = { .style = LABEL_NAME, .w = (uint16_t)w, .h = (uint16_t)h };

	snprintf(spec.text, sizeof(spec.text), "%s", text);
	return label_made(&spec);
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
				  1, { { f->source, 0, 0, 1280, 720, FIT_LETTERBOX, false, label, GROUND_BLACK } } });
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
				  1, { { f->source, 0, 0, 1280, 720, FIT_LETTERBOX, true, NULL, GROUND_BLACK } } });
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
				  2, { { NULL, 0, 0, 640, 360, FIT_CROP, false, NULL, GROUND_BLACK },
				       { NULL, 640, 0, 640, 360, FIT_CROP, false, NULL, GROUND_BLACK } } });
	a = watch(v, 1500000);
	pass(SECOND);
	before = stats().tiles_painted;
	pass(SECOND);
	assert_int_equal(stats().tiles_painted, before);
	view_set_scene(v, &(struct view_scene){
				  2, { { NULL, 0, 0, 640, 360, FIT_CROP, false, NULL, GROUND_BLACK },
				       { NULL, 640, 0, 640, 360, FIT_CROP, false, label, GROUND_BLACK } } });
	pass(SECOND);
	assert_int_equal(stats().tiles_painted, before + 1);
	unwatch(&a);
	view_drop(v);
	ref_drop(label);
}

/* Who has no picture is on a card, apart from the neighbours; a message lies over what
 * is there, and what it does not cover is seen. */
static void test_grounds(void **state)
{
	struct feed *f = feed_start(0, 200);
	struct label_spec spec = { .style = LABEL_MESSAGE, .w = 1280, .h = 120,
				   .text = "Five minutes" };
	struct label *message = label_made(&spec);
	struct view *v;
	struct watcher a;

	(void)state;
	assert_in_range(label_image(message)->h, 10, 60);
	assert_int_equal(view_new(&v, m.engine, 1280, 720, 25), 0);
	view_set_scene(v, &(struct view_scene){
		3, { { f->source, 0, 0, 640, 720, FIT_CROP, false, NULL, GROUND_BLACK },
		     { NULL, 640, 0, 640, 720, FIT_CROP, false, NULL, GROUND_CARD },
		     { NULL, 0, 600, 1280, 120, FIT_CROP, false, message, GROUND_NONE } } });
	a = watch(v, 1500000);
	for (int i = 0; i < 3; i++) {
		pass(SECOND);
		check_luma(100, 300, 200);
		check_luma(960, 300, 40);
		check_luma(642, 300, 16);
		check_luma(960, 2, 16);
		check_luma(100, 610, 200); /* above the message */
		check_luma(960, 610, 40);
		assert_true(luma_at(20, 716) < 60 && luma_at(1270, 716) < 60);
		f->on = i == 0; /* a still picture: nothing is painted over and over */
	}
	/* and gone again */
	f->on = true;
	m.next_frame = clock_us();
	view_set_scene(v, &(struct view_scene){
		2, { { f->source, 0, 0, 640, 720, FIT_CROP, false, NULL, GROUND_BLACK },
		     { NULL, 640, 0, 640, 720, FIT_CROP, false, NULL, GROUND_CARD } } });
	pass(SECOND);
	check_luma(20, 716, 200);
	check_luma(960, 690, 40);
	unwatch(&a);
	view_drop(v);
	ref_drop(message);
	feed_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_paint_changed), TEST(test_scene_change), TEST(test_canvas_in_use),
		TEST(test_scale_once), TEST(test_circle), TEST(test_turned),
		TEST(test_labels), TEST(test_label_alone), TEST(test_grounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
