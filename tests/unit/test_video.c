/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video codecs: through an encoder, packets, and a decoder. */
#include "base/ref.h"
#include "codecs/annexb.h"
#include "codecs/h264_level.h"
#include "codecs/h264_sps.h"
#include "codecs/payload.h"
#include "codecs/video.h"
#include "tests/unit/clip.h"
#include "tests/unit/cmocka_head.h"
#include "tests/unit/sps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct video_params params_of(enum codec_id codec, int w, int h, uint32_t bitrate)
{
	struct video_params p = { .width = (uint16_t)w, .height = (uint16_t)h, .fps = 30,
				  .bitrate = bitrate };

	p.format.id = codec;
	if (codec == CODEC_H264)
		p.format.h264 = (struct h264_format){ 66, 0xe0, 31, .packetization_mode = 1 };
	return p;
}

/* Encoder, packetizer, a line that loses, depacketizer, decoder. */
struct chain {
	struct video_encoder *enc;
	struct video_decoder *dec;
	struct packer packer;
	struct unpacker *unpacker;
	int mode;
	unsigned sent, kept; /* packets */
	uint32_t seed, loss; /* per mille */
	bool gap;
	uint32_t rtp_time;
	size_t largest, bytes;
	struct coded *arrived;
};

static void chain_init(struct chain *c, const struct video_params *p)
{
	memset(c, 0, sizeof(*c));
	assert_int_equal(video_encoder_new(&c->enc, p), 0);
	assert_int_equal(video_decoder_new(&c->dec, p->format.id), 0);
	assert_int_equal(unpacker_new(&c->unpacker, p->format.id), 0);
	c->mode = p->format.id == CODEC_H264 ? p->format.h264.packetization_mode : 1;
}

static void chain_fini(struct chain *c)
{
	video_encoder_free(c->enc);
	video_decoder_free(c->dec);
	unpacker_free(c->unpacker);
	ref_drop(c->arrived);
}

static int carry(void *arg, const uint8_t *head, size_t head_len, const uint8_t *body,
		 size_t body_len, bool last)
{
	struct chain *c = arg;
	uint8_t buf[1500];
	struct coded *f = NULL;

	assert_true(head_len + body_len <= 1200);
	memcpy(buf, head, head_len);
	if (body_len)
		memcpy(buf + head_len, body, body_len);
	c->sent++;
	c->bytes += head_len + body_len;
	if (clip_hash(c->seed++) % 1000 < c->loss) {
		c->gap = true;
		return 0;
	}
	c->kept++;
	assert_int_equal(unpacker_put(c->unpacker, buf, head_len + body_len, c->rtp_time, last,
				      c->gap, &f) == 0 || c->loss > 0, 1);
	c->gap = false;
	if (f) {
		assert_null(c->arrived);
		c->arrived = f;
	}
	return 0;
}

/* One picture through it all. *coded_out (may be NULL) receives the frame. What
 * the decoder said is returned, -EAGAIN when nothing arrived. */
static int chain_run(struct chain *c, struct picture *in, bool key, struct coded **coded_out,
		     struct picture **out)
{
	struct coded *f = NULL, *got;
	int r;

	*out = NULL;
	assert_int_equal(video_encode(c->enc, in, key, &f), 0);
	if (!f)
		return -EAGAIN;
	assert_int_equal(f->width, in->width);
	assert_int_equal(f->time_us, in->time_us);
	assert_int_equal(f->rtp_time, (uint32_t)(in->time_us * 9 / 100));
	c->rtp_time = f->rtp_time;
	assert_int_equal(payload_pack(&c->packer, f, c->mode, 1200, carry, c), 0);
	if (coded_out)
		*coded_out = f;
	else
		ref_drop(f);
	got = c->arrived;
	c->arrived = NULL;
	if (!got)
		return -EAGAIN;
	got->time_us = in->time_us;
	r = video_decode(c->dec, got, out);
	ref_drop(got);
	return r;
}

static void to_709(struct picture **p)
{
	struct picture *back = picture_converted(*p, COLOUR_BT709);

	assert_non_null(back);
	ref_drop(*p);
	*p = back;
}

/* ---- quality ---------------------------------------------------------------------- */

static void round_trip(enum codec_id codec, int mode, int w, int h, uint32_t bitrate,
		       bool still, double want)
{
	struct video_params p = params_of(codec, w, h, bitrate);
	struct chain c;
	double ssim = 0, lowest = 1;
	long live = ref_live();

	p.format.h264.packetization_mode = (uint8_t)(codec == CODEC_H264 ? mode : 0);
	chain_init(&c, &p);
	for (int n = 0; n < (still ? 60 : 30); n++) {
		struct picture *in = clip_picture(w, h, still ? 0 : n), *out;
		int r;

		in->time_us = 1000000 + n * 33333;
		r = chain_run(&c, in, n == 0, NULL, &out);
		if (r == -EAGAIN) { /* the rate control may skip, but not the first */
			assert_true(n > 0 && codec != CODEC_H264);
			ref_drop(in);
			continue;
		}
		assert_int_equal(r, 0);
		assert_non_null(out); /* one in, one out */
		assert_int_equal(out->time_us, in->time_us);
		assert_int_equal(out->width, w);
		assert_int_equal(out->height, h);
		assert_int_equal(out->colour, codec == CODEC_H264 ? COLOUR_BT709 : COLOUR_BT601);
		assert_false(out->full_range);
		assert_int_equal(out->sar_num, codec > CODEC_VP8 ? 12 : 1);
		to_709(&out);
		ssim = clip_ssim(in, out);
		lowest = ssim < lowest ? ssim : lowest;
		ref_drop(in);
		ref_drop(out);
	}
	if (ssim < want)
		fprintf(stderr, "codec %d %dx%d: ssim %.4f, lowest %.4f\n", codec, w, h, ssim,
			lowest);
	assert_true(ssim >= want);
	chain_fini(&c);
	assert_int_equal(ref_live(), live);
}

static void test_round_trip(void **state)
{
	(void)state;
	round_trip(CODEC_H264, 1, 320, 180, 1000000, false, 0.90);
	round_trip(CODEC_H264, 0, 320, 180, 1000000, false, 0.90);
	round_trip(CODEC_VP8, 1, 320, 180, 1000000, false, 0.90);
	round_trip(CODEC_H264, 1, 1280, 720, 1500000, true, 0.95);
	round_trip(CODEC_VP8, 1, 1280, 720, 1500000, true, 0.95);
	round_trip(CODEC_H264, 1, 178, 98, 500000, false, 0.90); /* cropped both ways */
	round_trip(CODEC_H263_1998, 1, 352, 288, 1000000, false, 0.85);
	round_trip(CODEC_H263, 1, 352, 288, 1000000, false, 0.85);
	round_trip(CODEC_H261, 1, 352, 288, 1000000, false, 0.85);
	round_trip(CODEC_H263, 1, 176, 144, 256000, true, 0.95);
	round_trip(CODEC_H261, 1, 176, 144, 256000, true, 0.95);
	round_trip(CODEC_H263_1998, 1, 704, 576, 2000000, true, 0.90);
}

/* ---- loss --------------------------------------------------------------------------- */

static void through_loss(enum codec_id codec, int w, int h)
{
	struct video_params p = params_of(codec, w, h, 1000000);
	struct chain c;
	bool key = true;
	int good = 0, bad = 0;

	chain_init(&c, &p);
	c.loss = 10;
	c.seed = 7;
	for (int n = 0; n < 300; n++) {
		struct picture *in = clip_picture(w, h, n), *out;
		int r = chain_run(&c, in, key, NULL, &out);

		key = r == -EBADMSG; /* asks, and the next one is */
		if (r == 0) {
			/* never torn: it looks like what was sent */
			assert_non_null(out);
			to_709(&out);
			assert_true(clip_ssim(in, out) > (codec > CODEC_VP8 ? 0.75 : 0.85));
			good++;
		} else {
			assert_null(out);
			bad++;
		}
		ref_drop(in);
		ref_drop(out);
	}
	assert_true(c.sent > c.kept);
	assert_true(bad > 0);
	assert_true(good > 240);
	chain_fini(&c);
}

static void test_loss(void **state)
{
	(void)state;
	through_loss(CODEC_H264, 320, 180);
	through_loss(CODEC_VP8, 320, 180);
	through_loss(CODEC_H263_1998, 352, 288);
	through_loss(CODEC_H263, 352, 288);
	through_loss(CODEC_H261, 352, 288);
}

/* ---- what the encoder promises ---------------------------------------------------- */

static struct coded *encode(struct video_encoder *enc, struct picture *in, bool key)
{
	struct coded *f = NULL;

	assert_int_equal(video_encode(enc, in, key, &f), 0);
	return f;
}

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

/* White noise, changing: the worst an encoder can get. */
static struct picture *noise_picture(int w, int h, int n)
{
	struct picture *p = picture_new(w, h);
	uint32_t x = (uint32_t)n * 12345 + 1;

	for (int i = 0; i < 3; i++)
		for (int y = 0; y < h >> !!i; y++)
			for (int k = 0; k < w >> !!i; k++) {
				x = x * 1664525 + 1013904223;
				p->plane[i][y * p->stride[i] + k] = (uint8_t)(x >> 24);
			}
	p->time_us = 1 + n * 33333;
	return p;
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

/* ---- what the decoder promises ------------------------------------------------------ */

/* 1920×1080 is coded as 1920×1088 and comes out as it went in; the size may
 * change in mid-stream, at a key frame. */
static void test_sizes(void **state)
{
	static const struct { int w, h; } size[] = {
		{ 1920, 1080 }, { 320, 180 }, { 176, 144 }, { 640, 480 }, { 322, 182 },
	};

	(void)state;
	for (int codec = CODEC_H264; codec <= CODEC_VP8; codec++) {
		struct video_decoder *dec;

		assert_int_equal(video_decoder_new(&dec, (enum codec_id)codec), 0);
		for (size_t i = 0; i < sizeof(size) / sizeof(*size); i++) {
			struct video_params p = params_of((enum codec_id)codec, size[i].w,
							  size[i].h, 2000000);
			struct video_encoder *enc;

			p.sar_num = 12;
			p.sar_den = 11;
			assert_int_equal(video_encoder_new(&enc, &p), 0);
			for (int n = 0; n < 2; n++) {
				struct picture *in = clip_picture(size[i].w, size[i].h, n);
				struct coded *f = encode(enc, in, false);
				struct picture *out = NULL;

				assert_int_equal(video_decode(dec, f, &out), 0);
				assert_non_null(out);
				assert_int_equal(out->width, size[i].w);
				assert_int_equal(out->height, size[i].h);
				assert_int_equal(out->sar_num, codec == CODEC_H264 ? 12 : 1);
				assert_int_equal(out->sar_den, codec == CODEC_H264 ? 11 : 1);
				ref_drop(out);
				ref_drop(f);
				ref_drop(in);
			}
			video_encoder_free(enc);
		}
		video_decoder_free(dec);
	}
}

/* A picture outlives its decoder, and so does what was scaled from it. */
static void test_picture_outlives(void **state)
{
	struct video_params p = params_of(CODEC_H264, 320, 180, 500000);
	struct picture *in = clip_picture(320, 180, 0), *out, *small;
	struct chain c;
	long live = ref_live();

	(void)state;
	chain_init(&c, &p);
	assert_int_equal(chain_run(&c, in, true, NULL, &out), 0);
	chain_fini(&c);
	small = picture_scaled(out, 0, 0, 320, 180, 160, 90);
	assert_true(clip_ssim(in, out) > 0.9);
	ref_drop(out);
	assert_non_null(small);
	ref_drop(small);
	assert_int_equal(ref_live(), live);
	ref_drop(in);
}

/* Decoding begins at a key frame; parameter sets may come in a frame before. */
static void test_begin(void **state)
{
	struct video_params p = params_of(CODEC_H264, 320, 180, 500000);
	struct picture *in = clip_picture(320, 180, 0), *out = NULL;
	struct video_encoder *enc;
	struct video_decoder *dec;
	struct coded *key, *delta, *params, *rest;

	(void)state;
	assert_int_equal(video_encoder_new(&enc, &p), 0);
	assert_int_equal(video_decoder_new(&dec, CODEC_H264), 0);
	key = encode(enc, in, true);
	delta = encode(enc, in, false);
	assert_int_equal(video_decode(dec, delta, &out), -EBADMSG);
	assert_int_equal(annexb_coded(&params, key->data, key->len, 1u << NAL_IDR), 0);
	assert_int_equal(annexb_coded(&rest, key->data, key->len,
				      1u << NAL_SPS | 1u << NAL_PPS), 0);
	/* without parameter sets nothing can be made of it */
	assert_int_equal(video_decode(dec, rest, &out), -EBADMSG);
	assert_null(out);
	assert_int_equal(video_decode(dec, params, &out), 0);
	assert_null(out);
	assert_int_equal(video_decode(dec, rest, &out), 0);
	assert_non_null(out);
	out = ref_drop(out);
	assert_int_equal(video_decode(dec, delta, &out), 0);
	assert_non_null(out);
	ref_drop(out);
	out = NULL;
	/* parameter sets are kept even out of a frame that cannot be used */
	video_decoder_free(dec);
	assert_int_equal(video_decoder_new(&dec, CODEC_H264), 0);
	key->corrupt = true;
	assert_int_equal(video_decode(dec, key, &out), -EBADMSG);
	assert_int_equal(video_decode(dec, rest, &out), 0);
	assert_non_null(out);
	ref_drop(out);
	ref_drop(key);
	ref_drop(delta);
	ref_drop(params);
	ref_drop(rest);
	ref_drop(in);
	video_encoder_free(enc);
	video_decoder_free(dec);
}

/* A frame without its last slices, and nobody said so: still not shown. */
static void test_missing_slices(void **state)
{
	struct video_params p = params_of(CODEC_H264, 640, 360, 4000000);
	struct video_encoder *enc;
	struct video_decoder *dec;
	struct picture *out = NULL;

	(void)state;
	assert_int_equal(video_encoder_new(&enc, &p), 0);
	assert_int_equal(video_decoder_new(&dec, CODEC_H264), 0);
	for (int n = 0; n < 12; n++) {
		struct picture *in = noise_picture(640, 360, n);
		struct coded *f = encode(enc, in, n == 6);
		bool cut = n == 3 || n == 7;

		assert_true(f->n_units > 4);
		if (cut) {
			f->n_units -= n == 3 ? 1 : 3;
			f->len = f->unit[f->n_units - 1].offset + f->unit[f->n_units - 1].len;
		}
		if ((n >= 3 && n < 6) || n >= 7) { /* from the damage to the next key */
			assert_int_equal(video_decode(dec, f, &out), -EBADMSG);
			assert_null(out);
		} else {
			assert_int_equal(video_decode(dec, f, &out), 0);
			assert_non_null(out);
			out = ref_drop(out);
		}
		ref_drop(f);
		ref_drop(in);
	}
	video_encoder_free(enc);
	video_decoder_free(dec);
}

/* Flipped bits and cut frames: refused or decoded, never a crash, never a size
 * that was not announced; and a key frame heals it all. */
static void hostile(enum codec_id codec, int w, int h)
{
	struct video_params p = params_of(codec, w, h, 800000);
	struct video_encoder *enc;
	struct video_decoder *dec;
	uint32_t x = 99;

	assert_int_equal(video_encoder_new(&enc, &p), 0);
	assert_int_equal(video_decoder_new(&dec, codec), 0);
	for (int n = 0; n < 200; n++) {
		struct picture *in = clip_picture(w, h, n), *out = NULL;
		struct coded *f = encode(enc, in, n % 10 == 0);

		if (!f) {
			ref_drop(in);
			continue;
		}
		if (n % 10 != 0) {
			for (int k = 0; k < 1 + n % 5; k++) {
				x = x * 1664525 + 1013904223;
				f->data[x % f->len] ^= (uint8_t)(1u << (x >> 29));
			}
			if (n % 3 == 0 && codec == CODEC_VP8)
				f->unit[0].len = (uint32_t)(f->len = 1 + x % f->len);
			video_decode(dec, f, &out);
		} else {
			assert_int_equal(video_decode(dec, f, &out), 0);
			assert_non_null(out);
			assert_int_equal(out->width, w);
		}
		ref_drop(out);
		ref_drop(f);
		ref_drop(in);
	}
	video_encoder_free(enc);
	video_decoder_free(dec);
}

static void test_hostile(void **state)
{
	(void)state;
	hostile(CODEC_H264, 320, 180);
	hostile(CODEC_VP8, 320, 180);
	hostile(CODEC_H263, 352, 288);
	hostile(CODEC_H263_1998, 176, 144);
	hostile(CODEC_H261, 352, 288);
}

/* A stream that would need more memory than the largest level is refused. */
static void test_bombs(void **state)
{
	/* 16383×16383; then 4096×2304 with as many reference pictures as level 5.2
	 * has, one more, sizes beyond it, more than 8 bits, 4:2:2 */
	static const uint8_t vp8[] = { 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff,
				       0x3f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const struct { struct sps_case c; int want; } sps[] = {
		{ { .profile = 66, .level = 52, .refs = 5, .mb_w = 256, .mb_h = 144 }, 0 },
		{ { .profile = 66, .level = 52, .refs = 6, .mb_w = 256, .mb_h = 144 }, -EBADMSG },
		{ { .profile = 66, .level = 52, .refs = 1, .mb_w = 256, .mb_h = 146 }, -EBADMSG },
		{ { .profile = 66, .level = 52, .refs = 1, .mb_w = 257, .mb_h = 10 }, -EBADMSG },
		{ { .profile = 110, .level = 31, .refs = 1, .chroma = 1, .depth = 2, .mb_w = 80,
		    .mb_h = 45 }, -EBADMSG },
		{ { .profile = 122, .level = 31, .refs = 1, .chroma = 2, .mb_w = 80, .mb_h = 45 },
		  -EBADMSG },
	};
	uint8_t nal[1024 + 4] = { 0, 0, 0, 1 };
	struct video_decoder *dec;
	struct picture *out = NULL;
	struct coded *f = coded_new(sizeof(vp8), 1);

	(void)state;
	f->codec = CODEC_VP8;
	f->len = sizeof(vp8);
	f->n_units = 1;
	f->unit[0].len = sizeof(vp8);
	memcpy(f->data, vp8, sizeof(vp8));
	assert_int_equal(video_decoder_new(&dec, CODEC_VP8), 0);
	assert_int_equal(video_decode(dec, f, &out), -EBADMSG);
	video_decoder_free(dec);
	ref_drop(f);
	for (size_t i = 0; i < sizeof(sps) / sizeof(*sps); i++) {
		size_t len = make_sps(&sps[i].c, nal + 4);

		assert_int_equal(annexb_coded(&f, nal, len + 4, 0), 0);
		assert_int_equal(video_decoder_new(&dec, CODEC_H264), 0);
		assert_int_equal(video_decode(dec, f, &out), sps[i].want);
		video_decoder_free(dec);
		ref_drop(f);
	}
	assert_null(out);
}

static void test_empty(void **state)
{
	struct video_decoder *dec;
	struct coded *f = coded_new(8, 1);
	struct picture *out = NULL;

	(void)state;
	for (int codec = CODEC_H264; codec <= CODEC_VP8; codec++) {
		assert_int_equal(video_decoder_new(&dec, (enum codec_id)codec), 0);
		f->codec = (enum codec_id)codec;
		f->len = 0;
		f->n_units = 0;
		assert_int_equal(video_decode(dec, f, &out), -EBADMSG);
		f->n_units = 1; /* of no length */
		f->len = 4;
		assert_int_equal(video_decode(dec, f, &out), codec == CODEC_VP8 ? -EBADMSG : 0);
		assert_null(out);
		f->codec = CODEC_OPUS;
		assert_int_equal(video_decode(dec, f, &out), -EBADMSG);
		video_decoder_free(dec);
	}
	ref_drop(f);
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
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_sps),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_old_noise),
		cmocka_unit_test(test_forced_keys),
		cmocka_unit_test(test_running_rate),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_picture_outlives),
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_missing_slices),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
