/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the video encoders promise: parameter sets, slices, key frames when asked for,
 * and the rate. */
#include "codecs/annexb.h"
#include "codecs/h264_level.h"
#include "codecs/h264_sps.h"
#include "tests/unit/video_chain.h"

#include <stdio.h>
#include <string.h>

static const uint8_t *unit_of(const struct coded *f, unsigned type, size_t *len)
{
	for (uint32_t i = 0; i < f->n_units; i++)
		if ((f->data[f->unit[i].offset] & 31) == type) {
			*len = f->unit[i].len;
			return f->data + f->unit[i].offset;
		}
	return NULL;
}

struct sps_row {
	struct h264_format format;
	uint16_t w, h;
	uint32_t fps, bitrate;
	uint8_t profile, level;
	bool set1;           /* constraint_set1_flag: Main decoders take it */
	uint16_t sar_num, sar_den;
};

#define F(...) { __VA_ARGS__ }

static const struct sps_row sps_rows[] = {
	{ F(.profile_idc = 0), 176, 144, 15, 64000, 66, 10, true, 12, 11 },
	{ F(.profile_idc = 66, .profile_iop = 0xe0, .level_idc = 31), 1280, 720, 30, 1500000,
	  66, 31, true, 1, 1 },
	{ F(.profile_idc = 66, .level_idc = 51), 1280, 720, 30, 1500000, 66, 31, true, 1, 1 },
	{ F(.profile_idc = 88, .level_idc = 31), 640, 360, 30, 500000, 66, 30, true, 1, 1 },
	/* 4d with constraint_set0 is Constrained Baseline, too (RFC 6184 Table 5) */
	{ F(.profile_idc = 77, .profile_iop = 0x80, .level_idc = 31), 640, 360, 30, 500000,
	  66, 30, true, 1, 1 },
	{ F(.profile_idc = 77, .level_idc = 31), 1280, 720, 30, 1500000, 77, 31, true, 1, 1 },
	{ F(.profile_idc = 100, .level_idc = 40), 1920, 1080, 30, 4000000, 100, 40, false, 1, 1 },
	{ F(.profile_idc = 100, .profile_iop = 0x0c, .level_idc = 31), 1280, 720, 30, 1500000,
	  100, 31, false, 1, 1 },
	/* raised by max-fs and max-mbps: the level the stream really has */
	{ F(.profile_idc = 66, .profile_iop = 0x80, .level_idc = 22, .max_fs = 8160,
	    .max_mbps = 490000), 1920, 1080, 30, 4000000, 66, 40, true, 1, 1 },
	{ F(.profile_idc = 66, .level_idc = 13, .max_fs = 3600, .max_mbps = 108000), 1280, 720,
	  30, 700000, 66, 31, true, 1, 1 },
	/* by max-br alone: 1.3 would end at 768 kbit/s */
	{ F(.profile_idc = 66, .level_idc = 13, .max_br = 1500), 352, 288, 30, 1500000, 66, 20,
	  true, 12, 11 },
	/* by max-mbps alone */
	{ F(.profile_idc = 66, .level_idc = 13, .max_mbps = 23760), 352, 288, 60, 700000, 66, 30,
	  true, 12, 11 },
	/* level 1b is 11 with constraint_set3 */
	{ F(.profile_idc = 66, .profile_iop = 0xf0, .level_idc = 11), 176, 144, 15, 128000, 66,
	  11, true, 1, 1 },
	{ F(.profile_idc = 66, .level_idc = 13), 416, 234, 30, 700000, 66, 13, true, 40, 33 },
};

static void check_sps(const struct sps_row *r)
{
	struct video_params p = { .width = r->w, .height = r->h, .fps = r->fps,
				  .bitrate = r->bitrate, .sar_num = r->sar_num,
				  .sar_den = r->sar_den,
				  .format = { .id = CODEC_H264, .h264 = r->format } };
	struct picture *in = clip_picture(r->w, r->h, 0);
	struct video_encoder *enc;
	const struct h264_level *level;
	struct h264_sps s;
	struct coded *f;
	const uint8_t *nal;
	size_t len = 0;

	assert_int_equal(video_encoder_new(&enc, &p), 0);
	f = encode(enc, in, false); /* the first is a key frame, asked for or not */
	assert_non_null(f);
	assert_true(f->key);
	nal = unit_of(f, NAL_SPS, &len);
	assert_non_null(nal);
	assert_int_equal(h264_sps_parse(&s, nal, len), 0);
	assert_int_equal(s.profile_idc, r->profile);
	assert_int_equal(s.level_idc, r->level);
	assert_int_equal((s.profile_iop & 0x40) != 0, r->set1);
	assert_int_equal(s.width, r->w);
	assert_int_equal(s.height, r->h);
	assert_int_equal(s.sar_num, r->sar_num);
	assert_int_equal(s.sar_den, r->sar_den);
	assert_true(s.frame_mbs_only && s.chroma_format_idc == 1 && s.num_ref_frames == 1);
	/* BT.709, limited range, said so */
	assert_true(s.vui && s.colour_given && !s.full_range);
	assert_int_equal(s.primaries, 1);
	assert_int_equal(s.transfer, 1);
	assert_int_equal(s.matrix, 1);
	/* the level holds the stream, 1b included (11 with constraint_set3) */
	level = h264_level_of(s.profile_idc, s.profile_iop, s.level_idc);
	assert_true(h264_size_fits(level->max_fs, s.mb_width, s.mb_height));
	assert_true(s.mb_width * s.mb_height * r->fps <= level->max_mbps);
	assert_true(s.mb_width * s.mb_height <= level->max_dpb);
	assert_true(r->bitrate <= level->max_br * 1000);
	/* a decoder need not wait */
	assert_true(s.restriction);
	assert_int_equal(s.max_reorder, 0);
	assert_int_equal(s.max_dec_buffering, 1);
	assert_non_null(unit_of(f, NAL_PPS, &len));
	ref_drop(f);
	ref_drop(in);
	video_encoder_free(enc);
}

static void test_sps(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sps_rows) / sizeof(*sps_rows); i++)
		check_sps(&sps_rows[i]);
}

/* No NAL unit ever exceeds the slice size, whatever the picture and rate. */
static void test_slices(void **state)
{
	static const struct { uint32_t slice, rate, profile; } row[] = {
		{ 0, 1500000, 66 }, { 0, 20000000, 66 }, { 0, 20000000, 100 }, { 800, 4000000, 77 },
		{ 1000, 30000000, 66 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct video_params p = params_of(CODEC_H264, 640, 360, row[i].rate);
		size_t limit = row[i].slice ? row[i].slice : 1200, largest = 0;
		struct video_encoder *enc;

		p.slice_bytes = row[i].slice;
		p.format.h264.profile_idc = (uint8_t)row[i].profile;
		p.format.h264.profile_iop = 0;
		assert_int_equal(video_encoder_new(&enc, &p), 0);
		for (int n = 0; n < 20; n++) {
			struct picture *in = n % 5 == 4 ? clip_picture(640, 360, n)
							: noise_picture(640, 360, n);
			struct coded *f = encode(enc, in, n % 7 == 3);

			assert_non_null(f);
			for (uint32_t k = 0; k < f->n_units; k++) {
				unsigned type = f->data[f->unit[k].offset] & 31;

				largest = f->unit[k].len > largest ? f->unit[k].len : largest;
				assert_true(type == NAL_SLICE || type == NAL_IDR ||
					    type == NAL_SPS || type == NAL_PPS);
			}
			ref_drop(f);
			ref_drop(in);
		}
		assert_in_range(largest, limit / 2, limit);
		video_encoder_free(enc);
	}
}

/* H.263 and H.261: what is divided at groups only stays within packets (the
 * packetizer of H.261 would refuse it), whatever the picture; and what was coded
 * again decodes. */
static void old_noise(enum codec_id codec)
{
	struct video_params p = params_of(codec, 352, 288, 2000000);
	struct chain c;
	int got = 0;

	chain_init(&c, &p);
	for (int n = 0; n < 20; n++) {
		struct picture *in = n % 4 ? clip_picture(352, 288, n) : noise_picture(352, 288, n);
		struct picture *out;
		int r;

		in->time_us = 1 + n * 33333;
		r = chain_run(&c, in, n == 0, NULL, &out);
		assert_true(r == 0 || r == -EAGAIN);
		got += out != NULL;
		ref_drop(out);
		ref_drop(in);
	}
	assert_in_range(got, 4, 20);
	chain_fini(&c);
}

static void test_old_noise(void **state)
{
	(void)state;
	old_noise(CODEC_H263);
	old_noise(CODEC_H263_1998);
	old_noise(CODEC_H261);
}

/* A key frame comes with the very frame it is asked for, and only then. */
static void forced_keys(enum codec_id codec, int w, int h)
{
	struct video_params p = params_of(codec, w, h, 1000000);
	struct video_encoder *enc;

	assert_int_equal(video_encoder_new(&enc, &p), 0);
	for (int n = 0; n < (codec > CODEC_VP8 ? 120 : 400); n++) {
		bool ask = n == 7 || n == 8 || n == 100;
		/* a cut in between must not bring one of its own */
		struct picture *in = n == 50 && codec <= CODEC_VP8 ? noise_picture(w, h, n)
								   : clip_picture(w, h, n);
		struct coded *f = encode(enc, in, ask);
		size_t len;

		if (f) {
			assert_int_equal(f->key, ask || n == 0);
			if (codec == CODEC_H264)
				assert_int_equal(unit_of(f, NAL_SPS, &len) != NULL, f->key);
		} else {
			assert_false(ask);
		}
		ref_drop(f);
		ref_drop(in);
	}
	video_encoder_free(enc);
}

static void test_forced_keys(void **state)
{
	(void)state;
	forced_keys(CODEC_H264, 320, 180);
	forced_keys(CODEC_VP8, 320, 180);
	forced_keys(CODEC_H263_1998, 352, 288);
	forced_keys(CODEC_H263, 352, 288);
	forced_keys(CODEC_H261, 352, 288);
}

/* Bytes of `count` frames of noise-like motion. */
static size_t spend(struct video_encoder *enc, int w, int h, int *n, int count, bool *key)
{
	size_t bytes = 0;

	for (int i = 0; i < count; i++, (*n)++) {
		struct picture *in = clip_picture(w, h, *n * 3);
		struct coded *f;

		in->time_us = 1 + *n * 33333;
		f = encode(enc, in, false);
		if (f) {
			bytes += f->len;
			*key |= f->key;
		}
		ref_drop(f);
		ref_drop(in);
	}
	return bytes;
}

/* The rate follows what is set while running, without a key frame. */
static void running_rate(enum codec_id codec, int w, int h)
{
	static const uint32_t rates[] = { 1200000, 300000, 150000, 900000 };
	struct video_params p = params_of(codec, w, h, rates[0]);
	struct video_encoder *enc;
	int n = 0;

	p.format.h264.profile_idc = codec == CODEC_H264 ? 66 : p.format.h264.profile_idc;
	assert_int_equal(video_encoder_new(&enc, &p), 0);
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		bool key = false;
		size_t bytes, low;

		video_encoder_bitrate(enc, rates[i]);
		spend(enc, w, h, &n, 15, &key); /* half a second to get there */
		key &= i == 0;
		bytes = spend(enc, w, h, &n, 60, &key);
		if (codec <= CODEC_VP8) /* the old ones have theirs every 128 pictures */
			assert_int_equal(key, i == 0);
		/* two seconds: within a fifth above, not below half, where CIF can
		 * use that much */
		low = codec > CODEC_VP8 && rates[i] > 300000 ? 100000 : rates[i] / 2;
		if (bytes * 4 > rates[i] / 5 * 6 || bytes * 4 < low)
			fprintf(stderr, "codec %d at %u: %zu\n", codec, rates[i], bytes * 4);
		assert_in_range(bytes * 4, low, rates[i] / 5 * 6);
	}
	video_encoder_free(enc);
}

static void test_running_rate(void **state)
{
	(void)state;
	running_rate(CODEC_H264, 640, 360);
	running_rate(CODEC_VP8, 640, 360);
	running_rate(CODEC_H263, 352, 288);
	running_rate(CODEC_H261, 352, 288);
}

static void test_refused(void **state)
{
	struct video_params p = params_of(CODEC_H264, 320, 180, 500000);
	struct picture *other = clip_picture(322, 180, 0);
	struct video_encoder *enc = NULL;
	struct video_decoder *dec = NULL;
	struct coded *f = NULL;

	(void)state;
	assert_int_equal(video_encoder_new(&enc, &p), 0);
	assert_int_equal(video_encode(enc, other, false, &f), -EINVAL);
	assert_null(f);
	enc = video_encoder_free(enc);
	p.width = 321;
	assert_int_equal(video_encoder_new(&enc, &p), -EINVAL);
	p.width = 320;
	p.fps = 0;
	assert_int_equal(video_encoder_new(&enc, &p), -EINVAL);
	p.fps = 30;
	p.bitrate = 0;
	assert_int_equal(video_encoder_new(&enc, &p), -EINVAL);
	p.bitrate = 500000;
	p.format.id = CODEC_OPUS;
	assert_int_equal(video_encoder_new(&enc, &p), -ENOTSUP);
	assert_int_equal(video_decoder_new(&dec, CODEC_OPUS), -ENOTSUP);
	assert_null(enc);
	assert_null(dec);
	ref_drop(other);
}

/* A still, busy picture with a light that goes on and off: refinement after a
 * key frame must not end in one key frame after the other. */
static void test_h263_still(void **state)
{
	const struct video_params params = {
		.format = { .id = CODEC_H263, .clock_rate = 90000, .h263 = { .cif = 1 } },
		.width = 352, .height = 288, .sar_num = 12, .sar_den = 11, .fps = 15,
		.bitrate = 640000,
	};
	struct video_encoder *encoder = NULL;
	unsigned keys = 0;

	(void)state;
	assert_int_equal(video_encoder_new(&encoder, &params), 0);
	for (int i = 0; i < 300; i++) {
		struct picture *p = picture_new(352, 288);
		struct coded *frame = NULL;

		for (int k = 0; k < p->stride[0] * 288; k++)
			p->plane[0][k] = (uint8_t)((k * 7919 >> 5 & 63) + 60);
		for (int c = 1; c < 3; c++)
			memset(p->plane[c], 128, (size_t)p->stride[c] * 144);
		for (int y = 200; y < 230 && i % 15 < 7; y++)
			memset(p->plane[0] + y * p->stride[0] + 100, 235, 60);
		p->sar_num = 12;
		p->sar_den = 11;
		p->time_us = i * 66666;
		assert_int_equal(video_encode(encoder, p, false, &frame), 0);
		if (frame)
			keys += frame->key;
		ref_drop(frame);
		ref_drop(p);
	}
	video_encoder_free(encoder);
	/* The first, those that refresh, and one or two for groups that did not fit. */
	assert_in_range(keys, 3, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_h263_still),
		cmocka_unit_test(test_sps),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_old_noise),
		cmocka_unit_test(test_forced_keys),
		cmocka_unit_test(test_running_rate),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
