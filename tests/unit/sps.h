/* SPDX-License-Identifier: GPL-3.0-or-later
 * Writes sequence parameter sets, field by field, for tests. */
#ifndef BALAI_TESTS_UNIT_SPS_H
#define BALAI_TESTS_UNIT_SPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sps_bits {
	uint8_t raw[512];
	size_t n; /* bits */
};

static inline void put_bits(struct sps_bits *b, uint32_t v, unsigned n)
{
	while (n--) {
		if (b->n / 8 >= sizeof(b->raw))
			return;
		if (b->n % 8 == 0)
			b->raw[b->n / 8] = 0;
		b->raw[b->n / 8] |= (uint8_t)((v >> n & 1) << (7 - b->n % 8));
		b->n++;
	}
}

static inline void put_ue(struct sps_bits *b, uint32_t v)
{
	unsigned len = 0;

	while ((uint64_t)(v + 1ull) >> (len + 1))
		len++;
	put_bits(b, 0, len);
	put_bits(b, 1, 1);
	put_bits(b, (uint32_t)(v + 1ull - (1ull << len)), len);
}

static inline void put_se(struct sps_bits *b, int32_t v)
{
	put_ue(b, v > 0 ? 2 * (uint32_t)v - 1 : 2 * (uint32_t)-v);
}

/* Stop bit, emulation prevention, NAL header. The length. */
static inline size_t finish_sps(struct sps_bits *b, uint8_t nal[1024])
{
	size_t n = 1, zeros = 0, bytes;

	put_bits(b, 1, 1);
	bytes = (b->n + 7) / 8;
	nal[0] = 0x67;
	for (size_t i = 0; i < bytes && n + 2 < 1024; i++) {
		if (zeros >= 2 && b->raw[i] <= 3) {
			nal[n++] = 3;
			zeros = 0;
		}
		nal[n++] = b->raw[i];
		zeros = b->raw[i] ? 0 : zeros + 1;
	}
	return n;
}

/* What the writer varies. */
struct sps_case {
	uint8_t profile, iop, level;
	uint32_t chroma;      /* chroma_format_idc, high profiles */
	uint32_t depth;       /* bit depth minus 8 */
	bool scaling;         /* a scaling matrix with one list of each kind */
	uint32_t poc_type;
	uint32_t refs;
	uint32_t mb_w, mb_h;  /* of a frame */
	bool fields;          /* frame_mbs_only_flag 0 */
	uint32_t crop[4];     /* left, right, top, bottom, in units */
	bool vui, hrd;
	uint8_t sar_idc;
	uint16_t sar_num, sar_den; /* with sar_idc 255 */
	bool full;
	uint8_t matrix;       /* 0: no colour description */
	uint32_t reorder, buffering;
};

static inline void put_sps_hrd(struct sps_bits *b)
{
	put_ue(b, 1); /* two of them */
	put_bits(b, 0x34, 8);
	for (int i = 0; i < 2; i++) {
		put_ue(b, 70000);
		put_ue(b, 80000);
		put_bits(b, 1, 1);
	}
	put_bits(b, 0x12345, 20);
}

static inline void put_sps_vui(struct sps_bits *b, const struct sps_case *c)
{
	put_bits(b, c->sar_idc != 0, 1);
	if (c->sar_idc) {
		put_bits(b, c->sar_idc, 8);
		if (c->sar_idc == 255) {
			put_bits(b, c->sar_num, 16);
			put_bits(b, c->sar_den, 16);
		}
	}
	put_bits(b, 1, 1); /* overscan */
	put_bits(b, 0, 1);
	put_bits(b, 1, 1); /* video signal type */
	put_bits(b, 5, 3);
	put_bits(b, c->full, 1);
	put_bits(b, c->matrix != 0, 1);
	if (c->matrix) {
		put_bits(b, c->matrix, 8);
		put_bits(b, c->matrix, 8);
		put_bits(b, c->matrix, 8);
	}
	put_bits(b, 1, 1); /* chroma location */
	put_ue(b, 2);
	put_ue(b, 2);
	put_bits(b, 1, 1); /* timing: zeros, so that emulation prevention is needed */
	put_bits(b, 1, 32);
	put_bits(b, 60, 32);
	put_bits(b, 1, 1);
	put_bits(b, c->hrd, 1);
	if (c->hrd)
		put_sps_hrd(b);
	put_bits(b, c->hrd, 1);
	if (c->hrd) {
		put_sps_hrd(b);
		put_bits(b, 0, 1);
	}
	put_bits(b, 0, 1);
	put_bits(b, 1, 1); /* bitstream restriction */
	put_bits(b, 1, 1);
	put_ue(b, 0);
	put_ue(b, 0);
	put_ue(b, 11);
	put_ue(b, 11);
	put_ue(b, c->reorder);
	put_ue(b, c->buffering);
}

static inline void put_sps_high(struct sps_bits *b, const struct sps_case *c)
{
	put_ue(b, c->chroma);
	if (c->chroma == 3)
		put_bits(b, 0, 1);
	put_ue(b, c->depth);
	put_ue(b, c->depth);
	put_bits(b, 0, 1);
	put_bits(b, c->scaling, 1);
	for (unsigned i = 0; c->scaling && i < (c->chroma == 3 ? 12u : 8u); i++) {
		put_bits(b, i == 0 || i == 6, 1);
		if (i == 0)
			put_se(b, -8); /* next 0: the rest falls back */
		for (unsigned k = 0; i == 6 && k < 64; k++)
			put_se(b, k % 2 ? 3 : -2);
	}
}

static inline size_t make_sps(const struct sps_case *c, uint8_t nal[1024])
{
	struct sps_bits b = { .n = 0 };

	put_bits(&b, c->profile, 8);
	put_bits(&b, c->iop, 8);
	put_bits(&b, c->level, 8);
	put_ue(&b, 3); /* id */
	if (c->profile >= 100)
		put_sps_high(&b, c);
	put_ue(&b, 5); /* log2_max_frame_num_minus4 */
	put_ue(&b, c->poc_type);
	if (c->poc_type == 0)
		put_ue(&b, 2);
	if (c->poc_type == 1) {
		put_bits(&b, 0, 1);
		put_se(&b, -3);
		put_se(&b, 4);
		put_ue(&b, 2);
		put_se(&b, 100000);
		put_se(&b, -100000);
	}
	put_ue(&b, c->refs);
	put_bits(&b, 0, 1);
	put_ue(&b, c->mb_w - 1);
	put_ue(&b, (c->fields ? c->mb_h / 2 : c->mb_h) - 1);
	put_bits(&b, !c->fields, 1);
	if (c->fields)
		put_bits(&b, 1, 1);
	put_bits(&b, 1, 1);
	put_bits(&b, c->crop[0] || c->crop[1] || c->crop[2] || c->crop[3], 1);
	if (c->crop[0] || c->crop[1] || c->crop[2] || c->crop[3])
		for (int i = 0; i < 4; i++)
			put_ue(&b, c->crop[i]);
	put_bits(&b, c->vui, 1);
	if (c->vui)
		put_sps_vui(&b, c);
	return finish_sps(&b, nal);
}

#endif
