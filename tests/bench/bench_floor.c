/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the codecs alone cost: the decodes, scalings, compositions and encodes
 * that a case asks of the bridge, straight in a loop on one thread, through
 * libavcodec and libyuv, with the engine's own encoder options (VP8: libvpx
 * behind the engine's thin wrapper). No network, no threads, no queues.
 *
 * Prints one JSON object; times are CPU milliseconds an item, `floor` is cores. */
#include "base/clock.h"
#include "base/ref.h"
#include "codecs/audio.h"
#include "codecs/payload.h"
#include "codecs/video_int.h"
#include "mcu/mp/encoder.h"
#include "mcu/mp/engine.h"
#include "mcu/mp/layout.h"
#include "tests/load/clip.h"

#include <getopt.h>
#include <libavcodec/avcodec.h>
#include <libyuv/convert.h>
#include <libyuv/scale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 1280, HEIGHT = 720, FPS = 30, MAX_PARTICIPANTS = 4096, WARM_UP = 15 };

enum item { DECODE, SCALE, COMPOSE, ENCODE, ITEMS };

static const char *const item_name[ITEMS] = { "decode", "scale", "compose", "encode" };

struct floor {
	unsigned participants, tiles, sources, views, frames;
	bool personal;
	int width, height; /* of what is sent to the bridge */
	uint32_t bitrate;
	enum codec_id codec;
	const char *clip_file;
	struct clip *clip;
	struct coded **coded; /* the clip's frames, as units */
	struct rect rect[LAYOUT_MAX_TILES];
	AVCodecContext **decoder;
	AVFrame **decoded;
	struct picture **tile;
	struct picture **canvas;
	AVCodecContext **h264;
	struct video_encoder **vp8;
	AVPacket *packet;
	double ms[ITEMS];
	unsigned long n[ITEMS];
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_floor: %s\n", what);
	exit(1);
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double rss_mib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size = 0, pages = 0;

	if (f) {
		must(fscanf(f, "%lu %lu", &size, &pages) == 2, "statm");
		fclose(f);
	}
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

/* ---- the clip, as a decoder wants it ------------------------------------------------ */

static void load_clip(struct floor *f)
{
	struct unpacker *unpacker = NULL;

	must(!clip_new(&f->clip, f->clip_file, f->codec, f->width, f->height, FPS, 10,
		       f->bitrate), "clip");
	f->coded = calloc(f->clip->n_frames, sizeof(*f->coded));
	must(f->coded && !unpacker_new(&unpacker, f->codec), "memory");
	for (unsigned i = 0; i < f->clip->n_frames; i++) {
		const struct clip_frame *frame = &f->clip->frame[i];

		for (unsigned k = 0; k < frame->n; k++) {
			const struct clip_packet *p = &f->clip->packet[frame->first + k];

			unpacker_put(unpacker, f->clip->data + p->offset, p->len, i * 3000,
				     p->marker, false, &f->coded[i]);
		}
	}
	unpacker_free(unpacker);
}

/* The byte stream libavcodec takes. */
static void fill_packet(AVPacket *out, const struct coded *c)
{
	static const uint8_t start[4] = { 0, 0, 0, 1 };
	size_t at = 0;

	must(!av_new_packet(out, (int)(c->len + 4 * c->n_units)), "memory");
	for (uint32_t i = 0; i < c->n_units; i++) {
		const struct coded_unit *u = &c->unit[i];

		if (c->codec == CODEC_H264) {
			memcpy(out->data + at, start, 4);
			at += 4;
		}
		memcpy(out->data + at, c->data + u->offset, u->len);
		at += u->len;
	}
	av_shrink_packet(out, (int)at);
}

/* ---- the work ------------------------------------------------------------------------ */

/* Would the engine, with so many encoders, have them work fast? */
static bool is_fast(const struct floor *f)
{
	struct video_engine *engine = NULL;
	bool fast;

	must(!video_engine_new(&engine, NULL, NULL), "memory");
	engine_count(engine, encode_load, (uint64_t)f->views * WIDTH * HEIGHT * FPS);
	fast = f->personal && engine_fast(engine, false);
	video_engine_free(engine);
	return fast;
}

static void start(struct floor *f)
{
	const AVCodec *codec = avcodec_find_decoder(f->codec == CODEC_H264 ? AV_CODEC_ID_H264 :
								    AV_CODEC_ID_VP8);
	struct video_params asked = { .format = { .id = f->codec, .clock_rate = 90000 },
				      .fps = FPS, .bitrate = 2000000 }, params;

	if (f->codec == CODEC_H264)
		asked.format.h264 = (struct h264_format){ .profile_idc = 66, .profile_iop = 0xe0,
			.level_idc = 31, .packetization_mode = 1 };
	must(!encoder_fit(&params, &asked, WIDTH, HEIGHT, FPS), "parameters");
	params.fast = is_fast(f);
	f->packet = av_packet_alloc();
	f->decoder = calloc(f->sources, sizeof(*f->decoder));
	f->decoded = calloc(f->sources, sizeof(*f->decoded));
	f->tile = calloc(f->sources, sizeof(*f->tile));
	f->canvas = calloc(f->views, sizeof(*f->canvas));
	f->h264 = calloc(f->views, sizeof(*f->h264));
	f->vp8 = calloc(f->views, sizeof(*f->vp8));
	must(f->packet && f->decoder && f->decoded && f->tile && f->canvas && f->h264 && f->vp8,
	     "memory");
	for (unsigned i = 0; i < f->sources; i++) {
		f->decoder[i] = avcodec_alloc_context3(codec);
		f->decoded[i] = av_frame_alloc();
		f->tile[i] = picture_new(f->rect[0].w, f->rect[0].h);
		must(f->decoder[i] && f->decoded[i] && f->tile[i], "memory");
		f->decoder[i]->thread_count = 1;
		f->decoder[i]->flags |= AV_CODEC_FLAG_LOW_DELAY;
		must(avcodec_open2(f->decoder[i], codec, NULL) >= 0, "decoder");
	}
	for (unsigned i = 0; i < f->views; i++) {
		f->canvas[i] = picture_new(WIDTH, HEIGHT);
		must(f->canvas[i], "memory");
		f->canvas[i]->sar_num = f->canvas[i]->sar_den = 1;
		f->canvas[i]->colour = COLOUR_BT709;
		picture_fill_black(f->canvas[i], 0, 0, WIDTH, HEIGHT);
		must(f->codec == CODEC_H264 ? !h264_encoder_context(&f->h264[i], &params) :
					      !video_encoder_new(&f->vp8[i], &params), "encoder");
	}
}

static void count(struct floor *f, enum item item, double *since)
{
	double now = cpu_ms();

	f->ms[item] += now - *since;
	f->n[item]++;
	*since = now;
}

static void decode(struct floor *f, unsigned i, unsigned n)
{
	/* everybody at another place, and all at a key frame to begin with */
	unsigned from = i * 37 / FPS * FPS;
	double t;

	fill_packet(f->packet, f->coded[(n + from) % f->clip->n_frames]);
	t = cpu_ms();
	must(!avcodec_send_packet(f->decoder[i], f->packet), "decode");
	av_frame_unref(f->decoded[i]);
	must(!avcodec_receive_frame(f->decoder[i], f->decoded[i]), "decode");
	count(f, DECODE, &t);
	av_packet_unref(f->packet);
}

static void scale(struct floor *f, unsigned i)
{
	const AVFrame *s = f->decoded[i];
	struct picture *d = f->tile[i];
	double t = cpu_ms();

	I420Scale(s->data[0], s->linesize[0], s->data[1], s->linesize[1], s->data[2],
		  s->linesize[2], s->width, s->height, d->plane[0], d->stride[0], d->plane[1],
		  d->stride[1], d->plane[2], d->stride[2], d->width, d->height, kFilterBox);
	count(f, SCALE, &t);
}

static void compose(struct floor *f, unsigned view)
{
	struct picture *c = f->canvas[view];
	double t = cpu_ms();

	for (unsigned k = 0, i = 0; k < f->tiles; i++) {
		const struct picture *s = f->tile[i % f->sources];
		const struct rect *r = &f->rect[k];

		if (f->personal && i == view && f->sources > 1)
			continue;
		I420Copy(s->plane[0], s->stride[0], s->plane[1], s->stride[1], s->plane[2],
			 s->stride[2], c->plane[0] + r->y * c->stride[0] + r->x, c->stride[0],
			 c->plane[1] + r->y / 2 * c->stride[1] + r->x / 2, c->stride[1],
			 c->plane[2] + r->y / 2 * c->stride[2] + r->x / 2, c->stride[2],
			 s->width, s->height);
		k++;
	}
	count(f, COMPOSE, &t);
}

static void encode_vp8(struct floor *f, unsigned view, unsigned n)
{
	struct coded *out = NULL;
	double t;

	f->canvas[view]->time_us = (int64_t)n * 1000000 / FPS;
	t = cpu_ms();
	must(!video_encode(f->vp8[view], f->canvas[view], n == 0, &out), "encode");
	count(f, ENCODE, &t);
	ref_drop(out);
}

static void keep_canvas(void *arg, uint8_t *data)
{
	(void)arg;
	(void)data;
}

static void encode(struct floor *f, unsigned view, unsigned n)
{
	struct picture *c = f->canvas[view];
	AVFrame frame = { .width = WIDTH, .height = HEIGHT, .format = AV_PIX_FMT_YUV420P,
			  .pts = n, .extended_data = frame.data };
	double t;

	if (f->codec == CODEC_VP8) {
		encode_vp8(f, view, n);
		return;
	}
	frame.pict_type = n ? AV_PICTURE_TYPE_NONE : AV_PICTURE_TYPE_I;
	for (int k = 0; k < 3; k++) {
		frame.data[k] = c->plane[k];
		frame.linesize[k] = c->stride[k];
	}
	/* without it libavcodec copies the picture */
	frame.buf[0] = av_buffer_create(c->plane[0], (size_t)c->stride[0] * HEIGHT,
					keep_canvas, NULL, AV_BUFFER_FLAG_READONLY);
	must(frame.buf[0], "memory");
	t = cpu_ms();
	must(!avcodec_send_frame(f->h264[view], &frame), "encode");
	if (!avcodec_receive_packet(f->h264[view], f->packet))
		av_packet_unref(f->packet);
	count(f, ENCODE, &t);
	av_buffer_unref(&frame.buf[0]);
}

static double loop(struct floor *f)
{
	for (unsigned n = 0; n < f->frames + WARM_UP; n++) {
		if (n == WARM_UP) {
			memset(f->ms, 0, sizeof(f->ms));
			memset(f->n, 0, sizeof(f->n));
		}
		for (unsigned i = 0; i < f->sources; i++)
			decode(f, i, n);
		for (unsigned i = 0; i < f->sources; i++)
			scale(f, i);
		for (unsigned i = 0; i < f->views; i++) {
			compose(f, i);
			encode(f, i, n);
		}
	}
	return (f->ms[DECODE] + f->ms[SCALE] + f->ms[COMPOSE] + f->ms[ENCODE]) / f->frames * FPS /
	       1000;
}

static void run_video(struct floor *f)
{
	double before, rss, cores;

	f->sources = f->personal ? f->participants : f->participants < LAYOUT_MAX_TILES ?
		f->participants : LAYOUT_MAX_TILES;
	f->views = f->personal ? f->participants : 1;
	f->tiles = f->personal && f->participants > 1 ? f->participants - 1 : f->sources;
	if (f->tiles > LAYOUT_MAX_TILES)
		f->tiles = LAYOUT_MAX_TILES;
	layout_rects(layout_builtin(0), f->tiles, WIDTH, HEIGHT, f->rect);
	load_clip(f);
	before = rss_mib();
	start(f);
	cores = loop(f);
	rss = rss_mib() - before;
	printf("{\"floor\": %.4f, \"rss_mib\": %.1f, \"fast\": %s", cores, rss,
	       is_fast(f) ? "true" : "false");
	for (int i = 0; i < ITEMS; i++)
		printf(", \"%s_ms\": %.4f, \"%s_n\": %lu", item_name[i],
		       f->n[i] ? f->ms[i] / (double)f->n[i] : 0, item_name[i], f->n[i]);
	printf("}\n");
}

static void finish(struct floor *f)
{
	for (unsigned i = 0; i < f->sources; i++) {
		avcodec_free_context(&f->decoder[i]);
		av_frame_free(&f->decoded[i]);
		ref_drop(f->tile[i]);
	}
	for (unsigned i = 0; i < f->views; i++) {
		avcodec_free_context(&f->h264[i]);
		video_encoder_free(f->vp8[i]);
		ref_drop(f->canvas[i]);
	}
	for (unsigned i = 0; f->clip && i < f->clip->n_frames; i++)
		ref_drop(f->coded[i]);
	free(f->coded);
	free(f->decoder);
	free(f->decoded);
	free(f->tile);
	free(f->canvas);
	free(f->h264);
	free(f->vp8);
	av_packet_free(&f->packet);
	clip_free(f->clip);
}

/* ---- sound ------------------------------------------------------------------------------ */

/* `legs` decodes a tick, and an encode for each speaker and one for all others. */
static void run_audio(enum codec_id codec, unsigned legs, unsigned speaking, unsigned ticks)
{
	struct codec_format format = { .id = codec, .clock_rate = codec_clock_rate(codec),
				       .channels = codec == CODEC_OPUS ? 2 : 1 };
	unsigned sending = speaking < legs ? speaking : legs, encoders = sending + 1;
	struct audio_decoder **decoder = calloc(legs, sizeof(struct audio_decoder *));
	struct audio_encoder **encoder = calloc(encoders, sizeof(struct audio_encoder *));
	uint8_t packet[AUDIO_MAX_BYTES], out[AUDIO_MAX_BYTES];
	int16_t pcm[AUDIO_MAX_SAMPLES];
	size_t n = audio_rate(&format) / 50;
	double t, decode_ms = 0, encode_ms = 0;
	int len;

	must(decoder && encoder, "memory");
	for (unsigned i = 0; i < legs; i++)
		must(!audio_decoder_new(&decoder[i], &format), "audio decoder");
	for (unsigned i = 0; i < encoders; i++)
		must(!audio_encoder_new(&encoder[i], &format, 32000), "audio encoder");
	for (unsigned k = 0; k < ticks; k++) {
		for (size_t i = 0; i < n; i++)
			pcm[i] = (int16_t)(6000 * sin((double)(k * n + i) * 880 / (double)n));
		t = cpu_ms();
		for (unsigned i = 0; i < encoders; i++)
			len = audio_encode(encoder[i], pcm, n, i ? out : packet, sizeof(out));
		encode_ms += cpu_ms() - t;
		len = audio_encode(encoder[0], pcm, n, packet, sizeof(packet));
		must(len > 0, "audio encode");
		t = cpu_ms();
		for (unsigned i = 0; i < legs; i++)
			must(audio_decode(decoder[i], packet, (size_t)len, pcm,
					  AUDIO_MAX_SAMPLES) >= 0, "audio decode");
		decode_ms += cpu_ms() - t;
	}
	printf("{\"floor\": %.4f, \"decode_ms\": %.5f, \"encode_ms\": %.5f}\n",
	       (decode_ms + encode_ms) / ticks * 50 / 1000, decode_ms / ticks / legs,
	       encode_ms / ticks / encoders);
	for (unsigned i = 0; i < legs; i++)
		audio_decoder_free(decoder[i]);
	for (unsigned i = 0; i < encoders; i++)
		audio_encoder_free(encoder[i]);
	free(decoder);
	free(encoder);
}

/* ---- arguments -------------------------------------------------------------------------- */

static const char usage[] =
	"usage: bench_floor --participants N [--personal] [--size WxH] [--video H264|VP8]\n"
	"  [--bitrate KBIT] [--clip FILE] [--frames N]\n"
	"       bench_floor --audio CODEC --participants N [--speaking K] [--frames TICKS]\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "participants", 1, NULL, 'p' }, { "personal", 0, NULL, 'o' },
		{ "size", 1, NULL, 'z' }, { "video", 1, NULL, 'v' }, { "bitrate", 1, NULL, 'b' },
		{ "clip", 1, NULL, 'c' }, { "frames", 1, NULL, 'f' }, { "audio", 1, NULL, 'a' },
		{ "speaking", 1, NULL, 'k' }, { 0 },
	};
	struct floor f = { .width = WIDTH, .height = HEIGHT, .bitrate = 1500000, .frames = 90,
			   .codec = CODEC_H264 };
	enum codec_id audio = CODEC_NONE;
	unsigned speaking = 3;
	int opt, sized = 2;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned number = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;

		switch (opt) {
		case 'p': f.participants = number; break;
		case 'o': f.personal = true; break;
		case 'z': sized = sscanf(optarg, "%dx%d", &f.width, &f.height); break;
		case 'v': f.codec = codec_by_name(optarg); break;
		case 'b': f.bitrate = number * 1000; break;
		case 'c': f.clip_file = optarg; break;
		case 'f': f.frames = number; break;
		case 'a': audio = codec_by_name(optarg); break;
		case 'k': speaking = number; break;
		default: f.participants = 0; sized = 0; break;
		}
	}
	if (!f.participants || f.participants > MAX_PARTICIPANTS || !f.frames || sized != 2 ||
	    (f.codec != CODEC_H264 && f.codec != CODEC_VP8)) {
		fputs(usage, stderr);
		return 2;
	}
	video_init();
	if (audio != CODEC_NONE) {
		run_audio(audio, f.participants, speaking, f.frames);
		return 0;
	}
	run_video(&f);
	finish(&f);
	return 0;
}
