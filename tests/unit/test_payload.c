/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP payload formats of video: both ways, lost packets, malformed ones. */
#include "base/ref.h"
#include "codecs/payload.h"
#include "tests/unit/cmocka_head.h"

#include <errno.h>
#include <string.h>

enum { MAX_PACKETS = 256, MTU = 1200 };

struct packet {
	uint8_t data[1600];
	size_t len;
	bool marker;
};

struct wire {
	struct packet p[MAX_PACKETS];
	unsigned n;
	size_t mtu;
};

static int emit(void *arg, const uint8_t *head, size_t head_len, const uint8_t *body,
		size_t body_len, bool last)
{
	struct wire *w = arg;
	struct packet *p = &w->p[w->n];

	assert_true(w->n < MAX_PACKETS);
	assert_true(head_len + body_len <= w->mtu);
	memcpy(p->data, head, head_len);
	if (body_len)
		memcpy(p->data + head_len, body, body_len);
	p->len = head_len + body_len;
	p->marker = last;
	w->n++;
	return 0;
}

/* A frame of units with the given first byte and length; the rest counts up. */
static struct coded *frame_of(enum codec_id codec, const uint8_t *first, const size_t *len,
			      uint32_t n)
{
	size_t total = 0;
	struct coded *f;

	for (uint32_t i = 0; i < n; i++)
		total += len[i];
	f = coded_new(total, n);
	assert_non_null(f);
	f->codec = codec;
	for (uint32_t i = 0; i < n; i++) {
		f->unit[i] = (struct coded_unit){ (uint32_t)f->len, (uint32_t)len[i] };
		for (size_t k = 0; k < len[i]; k++)
			f->data[f->len + k] = (uint8_t)(k * 7 + i);
		f->data[f->len] = first[i];
		if (codec == CODEC_H264 && len[i] > 1)
			f->data[f->len + 1] = 0x88; /* first_mb_in_slice 0 */
		f->len += len[i];
	}
	f->n_units = n;
	return f;
}

static void pack(struct wire *w, const struct coded *f, int mode, size_t mtu)
{
	struct packer packer = { 0 };

	w->n = 0;
	w->mtu = mtu;
	assert_int_equal(payload_pack(&packer, f, mode, mtu, emit, w), 0);
	assert_true(w->n > 0);
	for (unsigned i = 0; i < w->n; i++)
		assert_int_equal(w->p[i].marker, i + 1 == w->n);
}

static void same_units(const struct coded *a, const struct coded *b)
{
	assert_int_equal(a->n_units, b->n_units);
	for (uint32_t i = 0; i < a->n_units; i++) {
		assert_int_equal(a->unit[i].len, b->unit[i].len);
		assert_memory_equal(a->data + a->unit[i].offset, b->data + b->unit[i].offset,
				    a->unit[i].len);
	}
}

/* Feeds the packets whose bit in `lost` is not set; a loss is told with the next. */
static struct coded *feed(struct unpacker *u, const struct wire *w, uint64_t lost,
			  uint32_t ts, bool lost_before)
{
	struct coded *out = NULL;
	bool gap = lost_before;

	for (unsigned i = 0; i < w->n; i++) {
		struct coded *f = NULL;

		if (i < 64 && lost >> i & 1) {
			gap = true;
			continue;
		}
		unpacker_put(u, w->p[i].data, w->p[i].len, ts, w->p[i].marker, gap, &f);
		gap = false;
		if (f) {
			assert_null(out);
			out = f;
		}
	}
	return out;
}

static const uint8_t key_types[] = { 0x67, 0x68, 0x65, 0x65, 0x65 };
static const size_t key_lens[] = { 20, 6, 1200, 3000, 17 };
static const uint8_t delta_types[] = { 0x41, 0x41, 0x01 };
static const size_t delta_lens[] = { 1200, 1199, 1 };

static void test_h264_round_trip(void **state)
{
	static struct wire w;
	static const size_t mtus[] = { 64, 100, 500, 1199, 1200, 1400, 1500 };
	long live = ref_live();

	(void)state;
	for (size_t m = 0; m < sizeof(mtus) / sizeof(*mtus); m++)
		for (int key = 0; key < 2; key++) {
			struct coded *f = key ? frame_of(CODEC_H264, key_types, key_lens, 5)
					      : frame_of(CODEC_H264, delta_types, delta_lens, 3);
			struct unpacker *u;
			struct coded *g;

			assert_int_equal(unpacker_new(&u, CODEC_H264), 0);
			pack(&w, f, 1, mtus[m]);
			assert_int_equal(payload_is_key(CODEC_H264, w.p[0].data, w.p[0].len), key);
			g = feed(u, &w, 0, 3000, false);
			assert_non_null(g);
			same_units(f, g);
			assert_int_equal(g->key, key);
			assert_false(g->corrupt);
			assert_int_equal(g->rtp_time, 3000);
			ref_drop(g);
			ref_drop(f);
			unpacker_free(u);
		}
	assert_int_equal(ref_live(), live);
}

static void test_h264_shapes(void **state)
{
	static struct wire w;
	struct coded *f = frame_of(CODEC_H264, key_types, key_lens, 5);

	(void)state;
	pack(&w, f, 1, MTU);
	/* STAP-A of both parameter sets: F 0, NRI the highest, sizes before each */
	assert_int_equal(w.p[0].data[0], 0x78);
	assert_int_equal(w.p[0].len, 1 + 2 + 20 + 2 + 6);
	assert_int_equal(w.p[0].data[2], 20);
	assert_int_equal(w.p[0].data[3], 0x67);
	/* one whole, then FU-A: start, middle, end of type 5 with the same NRI */
	assert_int_equal(w.p[1].data[0], 0x65);
	assert_int_equal(w.p[2].data[0], 0x7c);
	assert_int_equal(w.p[2].data[1], 0x85);
	assert_int_equal(w.p[3].data[1], 0x05);
	assert_int_equal(w.p[4].data[1], 0x45);
	assert_int_equal(w.p[5].data[0], 0x65);
	assert_int_equal(w.n, 6);
	ref_drop(f);
}

static void test_h264_mode0(void **state)
{
	static struct wire w;
	struct coded *f = frame_of(CODEC_H264, key_types, key_lens, 3);
	struct coded *big = frame_of(CODEC_H264, key_types, key_lens, 5);
	struct packer packer = { 0 };

	(void)state;
	pack(&w, f, 0, MTU);
	assert_int_equal(w.n, 3); /* one NAL unit a packet, no STAP-A */
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(w.p[i].len, f->unit[i].len);
		assert_int_equal(w.p[i].data[0], key_types[i]);
	}
	w.n = 0;
	assert_int_equal(payload_pack(&packer, big, 0, MTU, emit, &w), -EMSGSIZE);
	assert_int_equal(w.n, 0); /* and nothing of it was sent */
	ref_drop(f);
	ref_drop(big);
}

/* Every pattern of losses in a frame of several packets. */
static void loss_patterns(enum codec_id codec, const struct coded *f)
{
	static struct wire w;
	struct unpacker *u;

	pack(&w, f, 1, MTU);
	assert_in_range(w.n, 3, 12);
	for (uint64_t lost = 0; lost < 1u << w.n; lost++) {
		struct coded *g, *next;
		bool last_lost = lost >> (w.n - 1) & 1;

		assert_int_equal(unpacker_new(&u, codec), 0);
		g = feed(u, &w, lost, 1000, false);
		if (last_lost) {
			assert_null(g); /* its end is not known yet */
		} else {
			assert_non_null(g);
			assert_int_equal(g->corrupt, lost != 0);
			if (!lost)
				same_units(f, g);
		}
		ref_drop(g);
		/* the next one is whole; a key frame does not mind what was before */
		next = feed(u, &w, 0, 4000, last_lost);
		assert_non_null(next);
		assert_int_equal(next->corrupt, last_lost && !f->key);
		assert_int_equal(next->rtp_time, 4000);
		same_units(f, next);
		ref_drop(next);
		unpacker_free(u);
	}
}

static void test_loss(void **state)
{
	static const uint8_t vp8_key = 0x10, vp8_delta = 0x11;
	static const size_t vp8_len = 5000;
	struct coded *f;

	(void)state;
	f = frame_of(CODEC_H264, key_types, key_lens, 5);
	f->key = true;
	loss_patterns(CODEC_H264, f);
	ref_drop(f);
	f = frame_of(CODEC_H264, delta_types, delta_lens, 3);
	loss_patterns(CODEC_H264, f);
	ref_drop(f);
	f = frame_of(CODEC_VP8, &vp8_key, &vp8_len, 1);
	f->key = true;
	loss_patterns(CODEC_VP8, f);
	ref_drop(f);
	f = frame_of(CODEC_VP8, &vp8_delta, &vp8_len, 1);
	loss_patterns(CODEC_VP8, f);
	ref_drop(f);
}

/* A sender that sets no marker; then one that forgets it once before a frame of
 * a single packet. */
static void test_end_by_timestamp(void **state)
{
	static const uint8_t nal[] = { 0x41, 0x88, 1 }, idr[] = { 0x65, 0x88, 2 };
	struct unpacker *u;
	struct coded *f;

	(void)state;
	assert_int_equal(unpacker_new(&u, CODEC_H264), 0);
	assert_int_equal(unpacker_put(u, nal, 3, 100, false, false, &f), 0);
	assert_null(f);
	assert_int_equal(unpacker_put(u, nal, 3, 200, false, false, &f), 0);
	assert_non_null(f);
	assert_int_equal(f->rtp_time, 100);
	assert_false(f->corrupt);
	ref_drop(f);
	assert_int_equal(unpacker_put(u, idr, 3, 300, true, false, &f), 0);
	assert_non_null(f);
	assert_int_equal(f->rtp_time, 200);
	ref_drop(f);
	/* padding only: no frame of its own, but what waits comes out */
	assert_int_equal(unpacker_put(u, NULL, 0, 350, false, false, &f), 0);
	assert_non_null(f);
	assert_int_equal(f->rtp_time, 300);
	assert_true(f->key);
	ref_drop(f);
	assert_int_equal(unpacker_put(u, NULL, 0, 360, true, false, &f), 0);
	assert_null(f);
	unpacker_free(u);
}

/* Each: one payload, what put says, whether the frame that ends with it is
 * corrupt and how many units are in it. */
static void test_h264_malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int want;
		bool corrupt;
		uint32_t units;
	} row[] = {
		{ "\x41\x88", 2, 0, false, 1 },
		{ "\x00\x88", 2, -EBADMSG, true, 0 },         /* type 0 */
		{ "\x1e\x88", 2, -EBADMSG, true, 0 },         /* reserved */
		{ "\x19\x00\x01\x00\x02\x41\x88", 7, -EBADMSG, true, 0 }, /* STAP-B */
		{ "\x1a\x00", 2, -EBADMSG, true, 0 },         /* MTAP16 */
		{ "\x1b\x00", 2, -EBADMSG, true, 0 },         /* MTAP24 */
		{ "\x1d\x85\x00\x01\x00", 5, -EBADMSG, true, 0 }, /* FU-B */
		{ "\x18\x00\x02\x41\x88", 5, 0, false, 1 },   /* STAP-A of one */
		{ "\x18\x00\x03\x41\x88", 5, -EBADMSG, true, 0 }, /* longer than there is */
		{ "\x18\x00\x02\x41\x88\x00", 6, -EBADMSG, true, 1 }, /* half a size */
		{ "\x18\x00\x00\x00\x02\x41\x88", 7, -EBADMSG, true, 0 }, /* empty unit */
		{ "\x18\x00\x02\x18\x00", 5, -EBADMSG, true, 0 }, /* STAP in STAP */
		{ "\x7c", 1, -EBADMSG, true, 0 },             /* FU-A without header */
		{ "\x7c\x85", 2, -EBADMSG, true, 0 },         /* without body */
		{ "\x7c\x05\x88", 3, -EBADMSG, true, 0 },     /* without beginning */
		{ "\x7c\x45\x88", 3, -EBADMSG, true, 0 },
		{ "\x7c\x9c\x88", 3, -EBADMSG, true, 0 },     /* FU of a FU */
		{ "\x7c\x85\x88", 3, 0, true, 0 },            /* begun, the frame ends */
		{ "\x7c\xc5\x88", 3, 0, false, 1 },           /* both ends in one */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct unpacker *u;
		struct coded *f = NULL;

		assert_int_equal(unpacker_new(&u, CODEC_H264), 0);
		assert_int_equal(unpacker_put(u, (const uint8_t *)row[i].bytes, row[i].len, 1,
					      true, false, &f), row[i].want);
		assert_non_null(f);
		assert_int_equal(f->corrupt, row[i].corrupt);
		assert_int_equal(f->n_units, row[i].units);
		ref_drop(f);
		unpacker_free(u);
	}
}

static void test_vp8_descriptor(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		int want;
		bool is_key;
	} row[] = {
		{ "\x10\x00", 2, 0, true },
		{ "\x10\x01", 2, 0, false },
		{ "\x90\x80\x11\x00", 4, 0, true },              /* 7-bit picture id */
		{ "\x90\x80\x91\x22\x00", 5, 0, true },          /* 15-bit */
		{ "\x90\xe0\x91\x22\x05\x60\x00", 7, 0, true },  /* id, TL0PICIDX, TID */
		{ "\xb0\xf0\x91\x22\x05\x7f\x01", 7, 0, false }, /* and KEYIDX, N */
		{ "\x90\x10\x1f\x00", 4, 0, true },              /* KEYIDX alone */
		{ "\x11\x00", 2, -EBADMSG, false },              /* starts partition 1 */
		{ "\x00\x00", 2, -EBADMSG, false },              /* no beginning */
		{ "\x10", 1, -EBADMSG, false },
		{ "\x90", 1, -EBADMSG, false },
		{ "\x90\x80", 2, -EBADMSG, false },
		{ "\x90\x80\x91", 3, -EBADMSG, false },
		{ "\x90\xf0\x91\x22\x05\x7f", 6, -EBADMSG, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		const uint8_t *p = (const uint8_t *)row[i].bytes;
		struct unpacker *u;
		struct coded *f = NULL;

		assert_int_equal(unpacker_new(&u, CODEC_VP8), 0);
		assert_int_equal(unpacker_put(u, p, row[i].len, 1, true, false, &f), row[i].want);
		assert_non_null(f);
		assert_int_equal(f->corrupt, row[i].want != 0);
		assert_int_equal(f->key, row[i].is_key);
		assert_int_equal(payload_is_key(CODEC_VP8, p, row[i].len), row[i].is_key);
		ref_drop(f);
		unpacker_free(u);
	}
}

static void test_vp8_picture_id(void **state)
{
	static const uint8_t first = 0x11;
	static const size_t len = 2500;
	struct coded *f = frame_of(CODEC_VP8, &first, &len, 1);
	struct packer packer = { .picture_id = 0x7ffe };
	static const uint16_t want[] = { 0x7ffe, 0x7fff, 0, 1 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		static struct wire w;

		w.n = 0;
		w.mtu = MTU;
		assert_int_equal(payload_pack(&packer, f, 1, MTU, emit, &w), 0);
		assert_int_equal(w.n, 3);
		for (unsigned k = 0; k < w.n; k++) {
			assert_int_equal(w.p[k].data[0], k ? 0x80 : 0x90);
			assert_int_equal(w.p[k].data[1], 0x80);
			assert_int_equal(w.p[k].data[2], 0x80 | want[i] >> 8);
			assert_int_equal(w.p[k].data[3], want[i] & 0xff);
		}
	}
	ref_drop(f);
}

/* ---- H.263 and H.261 ---------------------------------------------------------------- */

/* A baseline picture header (CIF, intra or inter) and groups behind it, which
 * are no valid pictures but have their start codes. */
static struct coded *h263_frame(enum codec_id codec, bool intra, const size_t *len, uint32_t n)
{
	static const uint8_t first[8] = { 0 };
	struct coded *f = frame_of(codec, first, len, n);

	for (uint32_t i = 0; i < n; i++) {
		uint8_t *p = f->data + f->unit[i].offset;

		for (size_t k = 3; k < len[i]; k++) /* no start code in between */
			p[k] |= 1;
		p[0] = p[1] = 0;
		p[2] = (uint8_t)(0x80 | i << 2);
	}
	/* TR 5, PTYPE: 1 0 0 0 0, CIF 011, type, no options */
	f->data[2] = 0x80;
	f->data[3] = 5 << 2 | 2;
	f->data[4] = (uint8_t)(0x0c | (intra ? 0 : 2));
	f->data[5] = 0x01;
	f->key = intra;
	return f;
}

static void same_bytes(const struct coded *a, const struct coded *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

static void test_h263(void **state)
{
	static const size_t lens[] = { 700, 400, 90, 1190, 3000, 20, 30 };
	static const enum codec_id codecs[] = { CODEC_H263_1998, CODEC_H263 };
	static const size_t mtus[] = { 64, 500, 1200, 1400 };
	static struct wire w;

	(void)state;
	for (int i = 0; i < 2; i++)
		for (size_t m = 0; m < 4; m++)
			for (int intra = 0; intra < 2; intra++) {
				struct coded *f = h263_frame(codecs[i], intra, lens, 7), *g;
				struct unpacker *u;

				assert_int_equal(unpacker_new(&u, codecs[i]), 0);
				pack(&w, f, 1, mtus[m]);
				assert_int_equal(payload_is_key(codecs[i], w.p[0].data, w.p[0].len),
						 intra);
				for (unsigned k = 1; k < w.n; k++)
					assert_false(payload_is_key(codecs[i], w.p[k].data,
								    w.p[k].len));
				g = feed(u, &w, 0, 900, false);
				assert_non_null(g);
				assert_false(g->corrupt);
				assert_int_equal(g->key, intra);
				same_bytes(f, g);
				ref_drop(g);
				ref_drop(f);
				unpacker_free(u);
			}
}

/* Headers as the RFCs draw them, with 1200 bytes a packet. */
static void test_h263_shapes(void **state)
{
	static const size_t lens[] = { 700, 400, 90, 1190, 3000, 20, 30 };
	static struct wire w;
	struct coded *f = h263_frame(CODEC_H263_1998, true, lens, 7);

	(void)state;
	pack(&w, f, 1, MTU);
	/* 700+400+90 | 1190 | 3000 in three | 20+30: P set where a start code is */
	assert_int_equal(w.n, 6);
	assert_int_equal(w.p[0].len, 2 + 1190 - 2);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(w.p[i].data[0], i == 3 || i == 4 ? 0 : 0x04);
		assert_int_equal(w.p[i].data[1], 0);
		if (i != 3 && i != 4)
			assert_true(w.p[i].data[2] & 0x80);
	}
	f->codec = CODEC_H263;
	pack(&w, f, 1, MTU);
	assert_int_equal(w.n, 6);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(w.p[i].data[0], 0);        /* mode A, whole bytes */
		assert_int_equal(w.p[i].data[1], 3 << 5);   /* CIF, intra, no options */
	}
	ref_drop(f);
}

/* Modes B and C, and pieces that share a byte. */
static void test_h263_bits(void **state)
{
	static const uint8_t want[] = { 0, 0, 0x80, 0x16, 0x0c, 0x01, 0xab, 0xcd, 0xef };
	static const uint8_t a[] = { 0x04, 0x60, 0, 0, 0, 0, 0x80, 0x16, 0x0c, 0x01, 0xaf };
	static const uint8_t b[] = { 0x80 | 4 << 3 | 3, 0, 0, 0, 0, 0, 0, 0, 0xfb, 0xcf };
	static const uint8_t c[] = { 0xc0 | 5 << 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe5, 0xef };
	static const uint8_t wrong[] = { 0x80 | 1 << 3, 0, 0, 0, 0, 0, 0, 0, 0xfb, 0xcf };
	struct unpacker *u;
	struct coded *f;

	(void)state;
	assert_int_equal(unpacker_new(&u, CODEC_H263), 0);
	assert_int_equal(unpacker_put(u, a, sizeof(a), 1, false, false, &f), 0);
	assert_int_equal(unpacker_put(u, b, sizeof(b), 1, false, false, &f), 0);
	assert_int_equal(unpacker_put(u, c, sizeof(c), 1, true, false, &f), 0);
	assert_non_null(f);
	assert_false(f->corrupt);
	assert_true(f->key);
	assert_int_equal(f->len, sizeof(want));
	assert_memory_equal(f->data, want, sizeof(want));
	ref_drop(f);
	/* bits that do not continue what is there */
	assert_int_equal(unpacker_put(u, a, sizeof(a), 2, false, false, &f), 0);
	assert_int_equal(unpacker_put(u, wrong, sizeof(wrong), 2, true, false, &f), -EBADMSG);
	assert_non_null(f);
	assert_true(f->corrupt);
	ref_drop(f);
	unpacker_free(u);
}

static void test_old_malformed(void **state)
{
	static const struct {
		enum codec_id codec;
		const char *bytes;
		size_t len;
	} row[] = {
		{ CODEC_H263_1998, "\x04", 1 },
		{ CODEC_H263_1998, "\x04\x00", 2 },
		{ CODEC_H263_1998, "\x00\x00\x80\x02\x0c", 5 },     /* no beginning */
		{ CODEC_H263_1998, "\x04\x00\x88\x02\x0c", 5 },     /* a group's, not a picture's */
		{ CODEC_H263_1998, "\x05\xf8\x80\x02\x0c", 5 },     /* extra header beyond the end */
		{ CODEC_H263_1998, "\x06\x00\x80", 3 },             /* VRC byte, and nothing */
		{ CODEC_H263, "\x00\x60\x00\x00", 4 },
		{ CODEC_H263, "\x80\x60\x00\x00\x00\x00\x80", 7 },
		{ CODEC_H263, "\xc0\x60\x00\x00\x00\x00\x80\x02\x0c\x01\x00", 11 },
		{ CODEC_H263, "\x00\x60\x00\x00\x12\x34\x56", 7 },
		{ CODEC_H263, "\x08\x60\x00\x00\x00\x00\x80\x02", 8 }, /* begins within a byte */
		{ CODEC_H261, "\x01\x00\x00\x00", 4 },
		{ CODEC_H261, "\x01\x00\x00\x00\x00\x00\x00\x00", 8 },
		{ CODEC_H261, "\x01\x00\x00\x00\x00\x03\x00\x00", 8 },
		{ CODEC_H261, "\x01\x00\x00\x00\x00\x01\x10\x00", 8 }, /* a group, no picture */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct unpacker *u;
		struct coded *f = NULL;

		assert_int_equal(unpacker_new(&u, row[i].codec), 0);
		assert_int_equal(unpacker_put(u, (const uint8_t *)row[i].bytes, row[i].len, 1,
					      true, false, &f), -EBADMSG);
		assert_non_null(f);
		assert_true(f->corrupt);
		assert_false(payload_is_key(row[i].codec, (const uint8_t *)row[i].bytes,
					    row[i].len));
		ref_drop(f);
		unpacker_free(u);
	}
}

/* A row of groups whose start codes stand on every bit; the picture header
 * answers a request. */
static struct coded *h261_frame(unsigned groups, unsigned group_bits)
{
	struct coded *f = coded_new(groups * (group_bits / 8 + 1) + 64, 1);
	size_t at = 0;

	f->codec = CODEC_H261;
	for (unsigned g = 0; g < groups; g++)
		for (unsigned k = 0; k < (g ? group_bits : 32); k++, at++) {
			/* picture: 0x00010 TR 1, PTYPE 001100; groups: 15 zeros, a one, ones */
			bool one = g == 0 ? k == 15 || k == 24 || k == 27 || k == 28
					  : k == 15 || (k > 15 && k % 9 != 0);

			if (one)
				f->data[at / 8] |= (uint8_t)(0x80 >> at % 8);
		}
	f->len = (at + 7) / 8;
	f->n_units = 1;
	f->unit[0].len = (uint32_t)f->len;
	return f;
}

static void test_h261(void **state)
{
	static struct wire w;
	static const unsigned bits[] = { 100, 333, 1001, 3001, 9003 };

	(void)state;
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
		struct coded *f = h261_frame(13, bits[i]), *g;
		struct unpacker *u;
		bool shared = false;

		assert_int_equal(unpacker_new(&u, CODEC_H261), 0);
		pack(&w, f, 1, MTU);
		assert_true(payload_is_key(CODEC_H261, w.p[0].data, w.p[0].len));
		for (unsigned k = 1; k < w.n; k++) {
			unsigned start = w.p[k].data[0] >> 5;

			/* the rest of a shared byte, and a start code at each beginning */
			assert_int_equal((start + (w.p[k - 1].data[0] >> 2 & 7)) % 8, 0);
			assert_int_equal(w.p[k].data[4] & 0xff >> start, 0);
			shared |= start != 0;
		}
		assert_true(shared || w.n == 1);
		g = feed(u, &w, 0, 1, false);
		assert_non_null(g);
		assert_true(g->key && !g->corrupt);
		same_bytes(f, g);
		ref_drop(g);
		ref_drop(f);
		unpacker_free(u);
	}
}

/* A picture whose start code begins within a byte, as a coder gives it that
 * aligns nothing. */
static void test_h261_unaligned(void **state)
{
	static const uint8_t one[] = { 5 << 5 | 4 << 2 | 1, 0, 0, 0, 0xf8, 0x00, 0x20, 0x39, 0x8f };
	static const uint8_t two[] = { 4 << 5 | 1, 0, 0, 0, 0xfa, 0xbc };
	static const uint8_t want[] = { 0x00, 0x00, 0x20, 0x39, 0x8a, 0xbc };
	struct unpacker *u;
	struct coded *f;

	(void)state;
	assert_int_equal(unpacker_new(&u, CODEC_H261), 0);
	assert_int_equal(unpacker_put(u, one, sizeof(one), 1, false, false, &f), 0);
	assert_int_equal(unpacker_put(u, two, sizeof(two), 1, true, false, &f), 0);
	assert_non_null(f);
	assert_false(f->corrupt);
	assert_int_equal(f->len, sizeof(want));
	assert_memory_equal(f->data, want, sizeof(want));
	ref_drop(f);
	unpacker_free(u);
}

/* A group larger than a packet is refused as a whole. */
static void test_h261_too_large(void **state)
{
	static struct wire w;
	struct coded *f = h261_frame(3, 9700);
	struct packer packer = { 0 };

	(void)state;
	w.n = 0;
	w.mtu = MTU;
	assert_int_equal(payload_pack(&packer, f, 1, MTU, emit, &w), -EMSGSIZE);
	assert_int_equal(w.n, 0);
	ref_drop(f);
}

/* 4 MiB and 4096 units a frame, whatever arrives. */
static void test_limits(void **state)
{
	static uint8_t big[1400] = { 0x41, 0x88 };
	struct unpacker *u;
	struct coded *f = NULL;
	int r = 0, n = 0;

	(void)state;
	assert_int_equal(unpacker_new(&u, CODEC_H264), 0);
	for (; r == 0 && n < 5000; n++)
		r = unpacker_put(u, big, sizeof(big), 1, false, false, &f);
	assert_int_equal(r, -EBADMSG);
	assert_in_range(n, 2900, 3000);
	unpacker_put(u, big, 2, 1, true, false, &f);
	assert_non_null(f);
	assert_true(f->corrupt);
	assert_true(f->len <= 4 << 20);
	ref_drop(f);
	r = 0;
	for (n = 0; r == 0 && n < 5000; n++)
		r = unpacker_put(u, big, 2, 2, false, false, &f);
	assert_int_equal(r, -EBADMSG);
	assert_int_equal(n, 4097);
	unpacker_free(u);
}

static void test_not_video(void **state)
{
	struct unpacker *u = NULL;
	struct coded *f = coded_new(10, 1);
	struct packer packer = { 0 };

	(void)state;
	assert_int_equal(unpacker_new(&u, CODEC_OPUS), -ENOTSUP);
	assert_null(u);
	assert_int_equal(payload_pack(&packer, f, 1, MTU, emit, NULL), -EINVAL);
	f->n_units = 1;
	f->codec = CODEC_H264;
	assert_int_equal(payload_pack(&packer, f, 1, MTU, emit, NULL), -EINVAL);
	f->codec = CODEC_PCMU;
	assert_int_equal(payload_pack(&packer, f, 1, MTU, emit, NULL), -ENOTSUP);
	assert_false(payload_is_key(CODEC_PCMU, f->data, 10));
	ref_drop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_h264_round_trip),
		cmocka_unit_test(test_h264_shapes),
		cmocka_unit_test(test_h264_mode0),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_end_by_timestamp),
		cmocka_unit_test(test_h264_malformed),
		cmocka_unit_test(test_vp8_descriptor),
		cmocka_unit_test(test_vp8_picture_id),
		cmocka_unit_test(test_h263),
		cmocka_unit_test(test_h263_shapes),
		cmocka_unit_test(test_h263_bits),
		cmocka_unit_test(test_old_malformed),
		cmocka_unit_test(test_h261),
		cmocka_unit_test(test_h261_unaligned),
		cmocka_unit_test(test_h261_too_large),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_not_video),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
