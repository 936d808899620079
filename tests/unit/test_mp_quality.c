/* SPDX-License-Identifier: GPL-3.0-or-later
 * What arrives, with the real codecs: pictures are encoded as an endpoint would,
 * decoded, composed, encoded, decoded, and compared by SSIM with the composition
 * drawn ideally. The clock stands still between steps, so that a slow machine
 * gives the same pictures. With BALAI_TEST_DUMP=DIR what was seen is left there
 * as raw I420. */
#include "base/clock.h"
#include "base/ref.h"
#include "mcu/mp/layout.h"
#include "mcu/mp/video.h"
#include "tests/unit/mp_fake_pool.h"
#include "tests/unit/mp_fake_wire.h"

#include "tests/unit/cmocka_head.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define PERIOD 40000

enum { W = 1280, H = 720 };

/* ---- what is to be seen ------------------------------------------------------- */

/* A picture of the world of one camera at a time: soft shading, fine stripes,
 * blocks like letters, a disc that moves. u and v go from 0 to 1. */
static double world(unsigned camera, double t, double u, double v)
{
	double l = 110 + 50 * sin(6.3 * (u + 0.3 * camera)) * cos(4.7 * v);
	double dx = (u - 0.5 - 0.3 * sin(1.3 * t + camera)) * 16 / 9;
	double dy = v - 0.5 - 0.2 * cos(1.7 * t);

	if (v > 0.8 && v < 0.95) { /* a line of blocks */
		int k = (int)(u * 40), row = (int)(v * 40);

		l = (k * 7 + row * 3 + (int)camera) % 5 < 2 ? 210 : 40;
	}
	if (v < 0.15 && u > 0.6)
		l += 30 * sin(u * 250);
	if (dx * dx + dy * dy < 0.03)
		l = 190 - 600 * (dx * dx + dy * dy) * 4;
	return l < 20 ? 20 : l > 230 ? 230 : l;
}

/* Draws it into a rectangle, every sample the mean of its area. */
static void draw(struct picture *p, const struct rect *r, unsigned camera, double t)
{
	for (int y = 0; y < r->h; y++) {
		uint8_t *row = p->plane[0] + (r->y + y) * p->stride[0] + r->x;

		for (int x = 0; x < r->w; x++) {
			double sum = 0;

			for (int i = 0; i < 4; i++)
				sum += world(camera, t, (x + 0.25 + i % 2 * 0.5) / r->w,
					     (y + 0.25 + i / 2 * 0.5) / r->h);
			row[x] = (uint8_t)(sum / 4 + 0.5);
		}
	}
	for (int y = 0; y < r->h / 2; y++) {
		uint8_t *u = p->plane[1] + (r->y / 2 + y) * p->stride[1] + r->x / 2;
		uint8_t *v = p->plane[2] + (r->y / 2 + y) * p->stride[2] + r->x / 2;

		for (int x = 0; x < r->w / 2; x++) {
			u[x] = (uint8_t)(100 + 56 * x * 2 / r->w);
			v[x] = (uint8_t)(96 + 16 * camera + 32 * y * 2 / r->h);
		}
	}
}

/* Mean SSIM of the luma over windows of 8×8, every 4 samples. */
static double ssim(const struct picture *a, const struct picture *b)
{
	double total = 0;
	long n = 0;

	for (int y = 0; y + 8 <= a->height; y += 4) {
		for (int x = 0; x + 8 <= a->width; x += 4) {
			double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;

			for (int i = 0; i < 64; i++) {
				double p = a->plane[0][(y + i / 8) * a->stride[0] + x + i % 8];
				double q = b->plane[0][(y + i / 8) * b->stride[0] + x + i % 8];

				sa += p;
				sb += q;
				saa += p * p;
				sbb += q * q;
				sab += p * q;
			}
			sa /= 64;
			sb /= 64;
			saa = saa / 64 - sa * sa;
			sbb = sbb / 64 - sb * sb;
			sab = sab / 64 - sa * sb;
			total += (2 * sa * sb + 6.5025) * (2 * sab + 58.5225) /
				 ((sa * sa + sb * sb + 6.5025) * (saa + sbb + 58.5225));
			n++;
		}
	}
	return total / (double)n;
}

static void dump(const struct picture *p, const char *name)
{
	const char *dir = getenv("BALAI_TEST_DUMP");
	char path[256];
	FILE *f;

	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/%s-%ux%u.yuv", dir, name, p->width, p->height);
	f = fopen(path, "wb");
	assert_non_null(f);
	for (int i = 0; i < 3; i++)
		for (int y = 0; y < (i ? p->height / 2 : p->height); y++)
			fwrite(p->plane[i] + y * p->stride[i], 1,
			       (size_t)(i ? p->width / 2 : p->width), f);
	fclose(f);
}

/* ---- cameras and eyes --------------------------------------------------------- */

enum { MAX_CAMERAS = 4 };

struct camera {
	struct source *source;
	struct video_encoder *encoder;
	struct picture *still;
	int w, h;
};

static struct {
	struct video_engine *engine;
	struct camera camera[MAX_CAMERAS];
	unsigned n;
	bool moving;
	int64_t began;
	long objects;
} m;

static struct video_params params_of(enum codec_id id, int w, int h, uint32_t bitrate)
{
	struct video_params p = {
		.format = { .id = id, .clock_rate = 90000 },
		.width = (uint16_t)w, .height = (uint16_t)h, .sar_num = 1, .sar_den = 1,
		.fps = 25, .bitrate = bitrate,
	};

	if (id == CODEC_H264)
		p.format.h264 = (struct h264_format){ .profile_idc = 66, .profile_iop = 0xe0,
						      .level_idc = 31 };
	return p;
}

static void camera_start(unsigned i, int w, int h)
{
	struct camera *c = &m.camera[i];
	struct video_params p = params_of(CODEC_H264, w, h, 4000000);
	struct rect all = { 0, 0, (uint16_t)w, (uint16_t)h };

	c->w = w;
	c->h = h;
	assert_int_equal(source_new(&c->source, m.engine, NULL, NULL, NULL), 0);
	assert_int_equal(video_encoder_new(&c->encoder, &p), 0);
	c->still = picture_new(w, h);
	assert_non_null(c->still);
	draw(c->still, &all, i, 0);
	m.n = i + 1;
}

static void camera_frame(unsigned i)
{
	struct camera *c = &m.camera[i];
	struct picture *p = picture_new(c->w, c->h);
	struct rect all = { 0, 0, (uint16_t)c->w, (uint16_t)c->h };
	struct coded *frame = NULL;

	assert_non_null(p);
	if (m.moving)
		draw(p, &all, i, (double)(clock_us() - m.began) / 1e6);
	else
		picture_blit(p, c->still, 0, 0);
	p->time_us = clock_us();
	assert_int_equal(video_encode(c->encoder, p, false, &frame), 0);
	ref_drop(p);
	if (frame)
		source_put(c->source, frame);
}

/* One period: cameras send, the engine runs. */
static void step(void)
{
	for (unsigned i = 0; i < m.n; i++)
		camera_frame(i);
	fake_run(clock_us() + PERIOD);
}

static int begin(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	clock_fake(50 * SECOND);
	m.began = clock_us();
	m.objects = ref_live();
	return video_engine_new(&m.engine, NULL, NULL);
}

static int end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < m.n; i++) {
		source_drop(m.camera[i].source);
		video_encoder_free(m.camera[i].encoder);
		ref_drop(m.camera[i].still);
	}
	fake_run(clock_us() + 20 * SECOND);
	video_engine_free(m.engine);
	assert_int_equal(fake_actors(), 0);
	assert_int_equal(ref_live(), m.objects);
	clock_fake(-1);
	return 0;
}

/* The endpoint's own decoder. */
struct eye {
	struct stream *stream;
	struct sink *sink;
	struct video_decoder *decoder;
	uint32_t next;
	size_t bytes;
	struct picture *seen;
};

static void eye_open(struct eye *e, struct view *v, enum codec_id codec, int w, int h,
		     uint32_t bitrate)
{
	struct video_params p = params_of(codec, w, h, bitrate);

	*e = (struct eye){ .stream = fake_stream(1) };
	assert_int_equal(video_decoder_new(&e->decoder, codec), 0);
	assert_int_equal(sink_new(&e->sink, v, e->stream, &p), 0);
}

static void eye_look(struct eye *e)
{
	for (; e->next < e->stream->n_frames; e->next++) {
		struct picture *p = NULL;

		e->bytes += e->stream->frame[e->next]->len;
		assert_int_equal(video_decode(e->decoder, e->stream->frame[e->next], &p), 0);
		if (!p)
			continue;
		ref_drop(e->seen);
		e->seen = p;
	}
}

/* What was received, for other decoders to look at. */
static void eye_dump(const struct eye *e, const char *name)
{
	const char *dir = getenv("BALAI_TEST_DUMP");
	char path[256];
	FILE *f;

	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/%s.h264", dir, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	for (uint32_t i = 0; i < e->stream->n_frames; i++) {
		const struct coded *c = e->stream->frame[i];

		for (uint32_t k = 0; k < c->n_units; k++) {
			fwrite("\0\0\0\1", 1, 4, f);
			fwrite(c->data + c->unit[k].offset, 1, c->unit[k].len, f);
		}
	}
	fclose(f);
}

static void eye_close(struct eye *e)
{
	sink_drop(e->sink);
	video_decoder_free(e->decoder);
	ref_drop(e->seen);
	ref_drop(e->stream);
}

static struct view *view_of(const char *layout)
{
	struct view_scene scene = { 0 };
	struct rect r[LAYOUT_MAX_TILES];
	struct view *v;
	unsigned places = layout_rects(layout_by_name(layout), m.n, W, H, r);

	assert_int_equal(view_new(&v, m.engine, W, H, 25), 0);
	for (unsigned i = 0; i < places && i < m.n; i++)
		scene.tile[scene.n++] = (struct view_tile){
			m.camera[i].source, r[i].x, r[i].y, r[i].w, r[i].h, FIT_LETTERBOX, false, NULL, GROUND_BLACK
		};
	view_set_scene(v, &scene);
	return v;
}

static struct picture *ideal(const char *layout, double t)
{
	struct rect r[LAYOUT_MAX_TILES];
	struct picture *p = picture_new(W, H);
	unsigned places = layout_rects(layout_by_name(layout), m.n, W, H, r);

	assert_non_null(p);
	picture_fill_black(p, 0, 0, W, H);
	for (unsigned i = 0; i < places && i < m.n; i++)
		draw(p, &r[i], i, t);
	return p;
}

static void check_still(const char *layout, enum codec_id codec, const char *name)
{
	struct view *v = view_of(layout);
	struct picture *want = ideal(layout, 0);
	struct eye e;
	double s;

	eye_open(&e, v, codec, W, H, 1500000);
	for (int i = 0; i < 50; i++) {
		step();
		eye_look(&e);
	}
	assert_non_null(e.seen);
	s = ssim(e.seen, want);
	print_message("%s: SSIM %.4f, %zu kbit/s\n", name, s, e.bytes * 8 / 2000);
	dump(e.seen, name);
	dump(want, "ideal");
	assert_true(s >= 0.95);
	assert_true(e.bytes * 8 / 2 < 1800000);
	ref_drop(want);
	eye_close(&e);
	view_drop(v);
}

static void test_still(void **state)
{
	(void)state;
	camera_start(0, 1280, 720);
	camera_start(1, 640, 360);
	camera_start(2, 848, 480);
	check_still("2x2", CODEC_H264, "still-2x2-h264");
	check_still("1+5", CODEC_VP8, "still-1+5-vp8");
	check_still("1x1", CODEC_H264, "still-1x1-h264");
}

/* Compared with the camera at the moment that is shown. */
static void test_moving(void **state)
{
	struct view *v;
	struct eye e;
	double worst = 1;

	(void)state;
	m.moving = true;
	camera_start(0, W, H);
	v = view_of("1x1");
	eye_open(&e, v, CODEC_H264, W, H, 1500000);
	for (int i = 0; i < 50; i++) {
		step();
		eye_look(&e);
		if (i < 25 || i % 4)
			continue;
		/* The picture of this step or of the one before. */
		double best = 0;

		for (int back = 1; back <= 2; back++) {
			double t = (double)(clock_us() - m.began - back * PERIOD) / 1e6;
			struct picture *want = ideal("1x1", t);
			double s = ssim(e.seen, want);

			best = s > best ? s : best;
			ref_drop(want);
		}
		worst = best < worst ? best : worst;
	}
	print_message("moving: worst SSIM %.4f, %zu kbit/s\n", worst, e.bytes * 8 / 2000);
	dump(e.seen, "moving");
	assert_true(worst >= 0.90);
	eye_close(&e);
	view_drop(v);
}

/* From view to view and from rate to rate: a decoder takes every frame, and sees
 * the new picture soon after. */
static void test_changes(void **state)
{
	struct video_params low = params_of(CODEC_H264, W, H, 500000);
	struct view *v, *w;
	struct eye e, other;
	struct picture *want;

	(void)state;
	camera_start(0, W, H);
	camera_start(1, 640, 360);
	v = view_of("1x1");
	w = view_of("2x2");
	eye_open(&e, v, CODEC_H264, W, H, 1500000);
	eye_open(&other, w, CODEC_H264, W, H, 1500000);
	for (int i = 0; i < 80; i++) {
		if (i % 20 == 10)
			sink_move(e.sink, i % 40 < 20 ? w : v);
		if (i == 15)
			sink_set(e.sink, &low); /* leaves the encoder it shares */
		step();
		eye_look(&e);
		eye_look(&other);
	}
	assert_in_range(e.next, 75, 85); /* views tick at their own moments */
	assert_non_null(e.seen);
	want = ideal("1x1", 0);
	assert_true(ssim(e.seen, want) >= 0.9);
	ref_drop(want);
	eye_dump(&e, "changes");
	eye_close(&e);
	eye_close(&other);
	view_drop(v);
	view_drop(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_still), TEST(test_moving),
					   TEST(test_changes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
