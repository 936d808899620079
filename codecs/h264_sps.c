/* SPDX-License-Identifier: GPL-3.0-or-later
 * H.264 parameter sets: a bounds-checked bit reader that steps over emulation
 * prevention bytes (7.4.1.1), and the fields in their order. */
#include "codecs/h264_sps.h"

#include <errno.h>
#include <string.h>

struct bits {
	const uint8_t *p, *end;
	unsigned zeros; /* zero bytes just before p */
	unsigned left;  /* bits left in `byte` */
	uint8_t byte;
	bool bad;       /* read past the end: zeros from there */
};

static struct bits bits_of(const uint8_t *p, size_t len)
{
	return (struct bits){ .p = p, .end = p + len };
}

static bool load(struct bits *b)
{
	if (b->zeros >= 2 && b->p < b->end && *b->p == 3) {
		b->p++;
		b->zeros = 0;
	}
	if (b->p >= b->end) {
		b->bad = true;
		return false;
	}
	b->byte = *b->p++;
	b->zeros = b->byte ? 0 : b->zeros + 1;
	b->left = 8;
	return true;
}

static uint32_t get(struct bits *b, unsigned n)
{
	uint32_t v = 0;

	while (n--) {
		if (b->left == 0 && !load(b))
			return 0;
		b->left--;
		v = v << 1 | (b->byte >> b->left & 1u);
	}
	return v;
}

static bool flag(struct bits *b)
{
	return get(b, 1) != 0;
}

/* Exp-Golomb (9.1). */
static uint32_t ue(struct bits *b)
{
	unsigned zeros = 0;

	while (!b->bad && !flag(b))
		if (++zeros > 31) {
			b->bad = true;
			return 0;
		}
	return b->bad ? 0 : (uint32_t)((1ull << zeros) - 1 + get(b, zeros));
}

static int32_t se(struct bits *b)
{
	uint32_t k = ue(b);

	return k & 1 ? (int32_t)(k / 2 + 1) : -(int32_t)(k / 2);
}

static void skip_scaling_list(struct bits *b, unsigned size)
{
	int32_t last = 8, next = 8;

	for (unsigned i = 0; i < size && !b->bad; i++) {
		if (next != 0)
			next = (int32_t)(((int64_t)last + se(b) + 256) % 256);
		last = next == 0 ? last : next;
	}
}

static bool has_chroma_fields(uint8_t profile_idc)
{
	static const uint8_t with[] = { 100, 110, 122, 244, 44, 83, 86, 118, 128,
					138, 139, 134, 135 };

	return memchr(with, profile_idc, sizeof(with)) != NULL;
}

static void chroma_fields(struct bits *b, struct h264_sps *s)
{
	uint32_t chroma = ue(b), luma_depth, chroma_depth;

	if (chroma > 3)
		b->bad = true;
	s->chroma_format_idc = (uint8_t)chroma;
	if (chroma == 3)
		flag(b); /* separate_colour_plane_flag */
	luma_depth = ue(b);
	chroma_depth = ue(b);
	if (luma_depth > 6 || chroma_depth > 6)
		b->bad = true;
	s->bit_depth_luma = (uint8_t)(8 + luma_depth);
	s->bit_depth_chroma = (uint8_t)(8 + chroma_depth);
	flag(b); /* qpprime_y_zero_transform_bypass_flag */
	if (flag(b))
		for (unsigned i = 0; i < (chroma == 3 ? 12u : 8u); i++)
			if (flag(b))
				skip_scaling_list(b, i < 6 ? 16 : 64);
}

static void poc_fields(struct bits *b, struct h264_sps *s)
{
	uint32_t type = ue(b), n;

	if (type > 2)
		b->bad = true;
	s->poc_type = (uint8_t)type;
	if (type == 0) {
		if (ue(b) > 12)
			b->bad = true;
	} else if (type == 1) {
		flag(b);
		se(b);
		se(b);
		n = ue(b);
		if (n > 255)
			b->bad = true;
		for (uint32_t i = 0; i < n && !b->bad; i++)
			se(b);
	}
}

/* Sizes in macroblocks and the cropping rectangle (7-19 to 7-22). */
static void size_fields(struct bits *b, struct h264_sps *s)
{
	uint32_t w = ue(b), h = ue(b), crop[4] = { 0 }, unit_x, unit_y;

	s->frame_mbs_only = flag(b);
	if (!s->frame_mbs_only)
		flag(b);
	flag(b); /* direct_8x8_inference_flag */
	if (flag(b))
		for (int i = 0; i < 4; i++)
			crop[i] = ue(b);
	if (w > 1055 || h > 1055) { /* beyond sqrt(8 MaxFS) of level 6.2 */
		b->bad = true;
		return;
	}
	s->mb_width = w + 1;
	s->mb_height = (h + 1) * (s->frame_mbs_only ? 1 : 2);
	s->width = s->mb_width * 16;
	s->height = s->mb_height * 16;
	unit_x = s->chroma_format_idc == 1 || s->chroma_format_idc == 2 ? 2 : 1;
	unit_y = (s->chroma_format_idc == 1 ? 2 : 1) * (s->frame_mbs_only ? 1 : 2);
	if (((uint64_t)crop[0] + crop[1]) * unit_x >= s->width ||
	    ((uint64_t)crop[2] + crop[3]) * unit_y >= s->height) {
		b->bad = true;
		return;
	}
	s->width -= (crop[0] + crop[1]) * unit_x;
	s->height -= (crop[2] + crop[3]) * unit_y;
}

static void hrd_fields(struct bits *b)
{
	uint32_t n = ue(b);

	if (n > 31) {
		b->bad = true;
		return;
	}
	get(b, 8);
	for (uint32_t i = 0; i <= n && !b->bad; i++) {
		ue(b);
		ue(b);
		flag(b);
	}
	get(b, 20);
}

/* Table E-1. */
static void sar_fields(struct bits *b, struct h264_sps *s)
{
	static const uint8_t table[][2] = {
		{ 0, 0 }, { 1, 1 }, { 12, 11 }, { 10, 11 }, { 16, 11 }, { 40, 33 },
		{ 24, 11 }, { 20, 11 }, { 32, 11 }, { 80, 33 }, { 18, 11 }, { 15, 11 },
		{ 64, 33 }, { 160, 99 }, { 4, 3 }, { 3, 2 }, { 2, 1 }
	};
	uint32_t idc = get(b, 8);

	if (idc == 255) {
		s->sar_num = (uint16_t)get(b, 16);
		s->sar_den = (uint16_t)get(b, 16);
	} else if (idc < sizeof(table) / sizeof(*table)) {
		s->sar_num = table[idc][0];
		s->sar_den = table[idc][1];
	}
	if (s->sar_num == 0 || s->sar_den == 0)
		s->sar_num = s->sar_den = 0;
}

static void signal_fields(struct bits *b, struct h264_sps *s)
{
	get(b, 3); /* video_format */
	s->full_range = flag(b);
	s->colour_given = flag(b);
	if (s->colour_given) {
		s->primaries = (uint8_t)get(b, 8);
		s->transfer = (uint8_t)get(b, 8);
		s->matrix = (uint8_t)get(b, 8);
	}
}

static void restriction_fields(struct bits *b, struct h264_sps *s)
{
	flag(b); /* motion_vectors_over_pic_boundaries_flag */
	ue(b);
	ue(b);
	ue(b);
	ue(b);
	s->max_reorder = ue(b);
	s->max_dec_buffering = ue(b);
	if (s->max_reorder > 16 || s->max_dec_buffering > 16)
		b->bad = true;
}

static void vui_fields(struct bits *b, struct h264_sps *s)
{
	bool nal_hrd, vcl_hrd;

	if (flag(b))
		sar_fields(b, s);
	if (flag(b))
		flag(b); /* overscan_appropriate_flag */
	if (flag(b))
		signal_fields(b, s);
	if (flag(b)) {
		ue(b);
		ue(b);
	}
	s->timing = flag(b);
	if (s->timing) {
		s->num_units_in_tick = get(b, 32);
		s->time_scale = get(b, 32);
		s->fixed_rate = flag(b);
	}
	nal_hrd = flag(b);
	if (nal_hrd)
		hrd_fields(b);
	vcl_hrd = flag(b);
	if (vcl_hrd)
		hrd_fields(b);
	if (nal_hrd || vcl_hrd)
		flag(b); /* low_delay_hrd_flag */
	flag(b);         /* pic_struct_present_flag */
	s->restriction = flag(b);
	if (s->restriction)
		restriction_fields(b, s);
}

int h264_sps_parse(struct h264_sps *out, const uint8_t *nal, size_t len)
{
	struct h264_sps s = { .chroma_format_idc = 1, .bit_depth_luma = 8,
			      .bit_depth_chroma = 8, .primaries = 2, .transfer = 2,
			      .matrix = 2 };
	struct bits b;
	uint32_t id, log2_frame;

	if (len < 5 || (nal[0] & 31) != 7)
		return -EBADMSG;
	b = bits_of(nal + 1, len - 1);
	s.profile_idc = (uint8_t)get(&b, 8);
	s.profile_iop = (uint8_t)get(&b, 8);
	s.level_idc = (uint8_t)get(&b, 8);
	id = ue(&b);
	if (has_chroma_fields(s.profile_idc))
		chroma_fields(&b, &s);
	log2_frame = ue(&b);
	if (id > 31 || log2_frame > 12)
		return -EBADMSG;
	s.id = (uint8_t)id;
	s.log2_max_frame_num = (uint8_t)(log2_frame + 4);
	poc_fields(&b, &s);
	s.num_ref_frames = ue(&b);
	s.gaps_allowed = flag(&b);
	size_fields(&b, &s);
	if (b.bad || s.num_ref_frames > 16)
		return -EBADMSG;
	s.vui = flag(&b);
	if (b.bad)
		return -EBADMSG;
	*out = s;
	if (!s.vui)
		return 0;
	vui_fields(&b, &s);
	if (b.bad)
		out->vui_broken = true;
	else
		*out = s;
	return 0;
}

int h264_first_mb(uint32_t *out, const uint8_t *nal, size_t len)
{
	struct bits b;
	uint32_t v;

	if (len < 2)
		return -EBADMSG;
	b = bits_of(nal + 1, len - 1);
	v = ue(&b);
	if (b.bad)
		return -EBADMSG;
	*out = v;
	return 0;
}

/* One of payload_type and payload_size (7.3.2.3.1). */
static uint32_t sei_number(struct bits *b)
{
	uint32_t v = 0, byte;

	do {
		byte = get(b, 8);
		v += byte;
	} while (byte == 255 && !b->bad);
	return v;
}

bool h264_sei_recovery(const uint8_t *nal, size_t len)
{
	enum { RECOVERY_POINT = 6 };
	struct bits b;

	if (len < 3 || (nal[0] & 31) != 6)
		return false;
	b = bits_of(nal + 1, len - 1);
	while (!b.bad) {
		uint32_t type = sei_number(&b), size = sei_number(&b);

		if (b.bad)
			return false;
		if (type == RECOVERY_POINT)
			return true;
		for (uint32_t i = 0; i < size && !b.bad; i++)
			get(&b, 8);
	}
	return false;
}
