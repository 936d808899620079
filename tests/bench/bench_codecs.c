/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a frame costs: decoding, scaling, composing, encoding, one thread.
 *
 *     bench_codecs [FILE.h264 [FRAMES]]
 *
 * The file is a byte stream whose every access unit is one picture; without one
 * a synthetic clip of 1280×720 is drawn. Times are CPU milliseconds a frame. */
#include "base/ref.h"
#include "codecs/annexb.h"
#include "codecs/h264_sps.h"
#include "codecs/video.h"
#include "tests/unit/clip.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MAX_FRAMES = 300 };

static struct picture *clip[MAX_FRAMES];
static int frames;

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void *must(void *p)
{
	if (!p) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return p;
}

static void report(const char *what, double ms, int n)
{
	printf("%-34s %7.3f ms\n", what, ms / (n ? n : 1));
}

static uint8_t *slurp(const char *name, size_t *len)
{
	FILE *f = fopen(name, "rb");
	uint8_t *data = must(malloc(64 << 20));

	if (!f) {
		perror(name);
		exit(1);
	}
	*len = fread(data, 1, 64 << 20, f);
	fclose(f);
	return data;
}

/* True when a picture begins with this unit and one is open already. */
static bool begins(const uint8_t *nal, size_t len, bool open)
{
	unsigned type = len ? nal[0] & 31 : 0;
	uint32_t mb;

	if (!open)
		return false;
	if (type == NAL_SLICE || type == NAL_IDR)
		return h264_first_mb(&mb, nal, len) == 0 && mb == 0;
	return type >= NAL_SEI && type <= NAL_AUD;
}

/* Counts the time, or keeps the picture: memory that comes and goes costs less
 * than fresh memory, and only the former is what a bridge sees. */
static void decode_one(struct video_decoder *dec, const uint8_t *data, size_t len, bool hold,
		       double *ms)
{
	struct coded *frame;
	struct picture *p = NULL;
	double t;

	if (annexb_coded(&frame, data, len, 0) < 0)
		return;
	t = cpu_ms();
	if (video_decode(dec, frame, &p) == 0 && p) {
		*ms += cpu_ms() - t;
		p->time_us = 1000000 + frames * 33333LL;
		clip[frames++] = hold ? p : ref_drop(p);
	}
	ref_drop(frame);
}

static void decode_all(const uint8_t *data, size_t len, int max, bool hold)
{
	const uint8_t *from = data, *nal;
	struct cursor c = cursor_of(data, len);
	struct video_decoder *dec;
	bool open = false;
	double ms = 0;
	size_t n;

	frames = 0;
	if (video_decoder_new(&dec, CODEC_H264) < 0)
		exit(1);
	while (frames < max && (nal = annexb_next(&c, &n))) {
		if (begins(nal, n, open)) {
			decode_one(dec, from, (size_t)(nal - 3 - from), hold, &ms);
			from = nal - 3;
			open = false;
		}
		open |= n && ((nal[0] & 31) == NAL_SLICE || (nal[0] & 31) == NAL_IDR);
	}
	if (!hold)
		report("decode H.264 (the file)", ms, frames);
	video_decoder_free(dec);
}

static void load(const char *name, int max)
{
	size_t len;
	uint8_t *data = slurp(name, &len);

	decode_all(data, len, max, false);
	decode_all(data, len, max, true);
	free(data);
}

static void draw(int max)
{
	for (; frames < max; frames++)
		clip[frames] = must(clip_picture(1280, 720, frames));
}

static void bench_codec(const char *name, enum codec_id id, int profile, uint32_t bitrate)
{
	struct video_params p = { .width = clip[0]->width, .height = clip[0]->height,
				  .fps = 30, .bitrate = bitrate };
	struct video_encoder *enc;
	struct video_decoder *dec;
	double enc_ms = 0, dec_ms = 0, ssim = 0, t;
	size_t bytes = 0, key_bytes = 0;
	int n = 0;
	char what[64];

	p.format.id = id;
	if (id == CODEC_H264)
		p.format.h264 = (struct h264_format){ .profile_idc = (uint8_t)profile,
							.level_idc = 40 };
	if (video_encoder_new(&enc, &p) < 0 || video_decoder_new(&dec, id) < 0)
		exit(1);
	for (int i = 0; i < frames; i++) {
		struct coded *f = NULL;
		struct picture *out = NULL;

		t = cpu_ms();
		video_encode(enc, clip[i], i == 0, &f);
		enc_ms += cpu_ms() - t;
		if (!f)
			continue;
		bytes += f->len;
		if (f->key)
			key_bytes = f->len;
		t = cpu_ms();
		video_decode(dec, f, &out);
		dec_ms += cpu_ms() - t;
		if (out && i % 10 == 9) {
			struct picture *same = must(picture_converted(out, COLOUR_BT709));
			struct picture *in = must(picture_converted(clip[i], COLOUR_BT709));

			ssim += clip_ssim(in, same);
			n++;
			ref_drop(same);
			ref_drop(in);
		}
		ref_drop(f);
		ref_drop(out);
	}
	snprintf(what, sizeof(what), "encode %s %u kbit/s", name, bitrate / 1000);
	report(what, enc_ms, frames);
	snprintf(what, sizeof(what), "decode %s", name);
	report(what, dec_ms, frames);
	printf("    %.0f kbit/s at 30 fps, first frame %zu bytes, ssim %.4f\n",
	       (double)bytes * 8 * 30 / frames / 1000, key_bytes, n ? ssim / n : 0);
	video_encoder_free(enc);
	video_decoder_free(dec);
}

/* The copies stay with their pictures: more distinct sizes would be fresh memory. */
static void bench_scale(int w, int h)
{
	char what[64];
	double t = cpu_ms();

	for (int i = 0; i < frames; i++) {
		struct picture *p = picture_scaled(clip[i], 0, 0, clip[i]->width,
						   clip[i]->height, w, h);

		ref_drop(must(p));
	}
	snprintf(what, sizeof(what), "scale to %dx%d", w, h);
	report(what, cpu_ms() - t, frames);
}

static void bench_compose(void)
{
	struct picture *canvas = must(picture_new(1280, 720)), *tile;
	double t;

	tile = must(picture_scaled(clip[0], 0, 0, clip[0]->width, clip[0]->height, 640, 360));
	t = cpu_ms();
	for (int i = 0; i < frames; i++)
		for (int k = 0; k < 4; k++)
			picture_blit(canvas, tile, k % 2 * 640, k / 2 * 360);
	report("compose four tiles of 640x360", cpu_ms() - t, frames);
	ref_drop(tile);
	ref_drop(canvas);
}

static void bench_colour(void)
{
	double t = cpu_ms();

	for (int i = 0; i < frames; i++) {
		enum colour other = clip[i]->colour == COLOUR_BT601 ? COLOUR_BT709 : COLOUR_BT601;

		ref_drop(must(picture_converted(clip[i], other)));
	}
	report("convert BT.601 and BT.709", cpu_ms() - t, frames);
}

int main(int argc, char **argv)
{
	int max = argc > 2 ? atoi(argv[2]) : 150;

	max = max < 1 ? 1 : max > MAX_FRAMES ? MAX_FRAMES : max;
	if (argc > 1)
		load(argv[1], max);
	else
		draw(max);
	if (frames == 0)
		return 1;
	printf("%d frames of %ux%u\n", frames, clip[0]->width, clip[0]->height);
	bench_scale(640, 360);
	bench_scale(320, 180);
	bench_scale(1920, 1080);
	bench_colour();
	bench_compose();
	bench_codec("H.264 baseline", CODEC_H264, 66, 1500000);
	bench_codec("H.264 main", CODEC_H264, 77, 1500000);
	bench_codec("H.264 high", CODEC_H264, 100, 1500000);
	bench_codec("VP8", CODEC_VP8, 0, 1500000);
	for (int i = 0; i < frames; i++)
		ref_drop(clip[i]);
	return 0;
}
