/* SPDX-License-Identifier: GPL-3.0-or-later
 * What an H.264 sequence parameter set says (Rec. ITU-T H.264 7.3.2.1.1, Annex
 * E.1.1), and the first words of other NAL units. Pure, for foreign bytes. */
#ifndef BALAI_CODECS_H264_SPS_H
#define BALAI_CODECS_H264_SPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h264_sps {
	uint8_t profile_idc, profile_iop, level_idc;
	uint8_t chroma_format_idc, bit_depth_luma, bit_depth_chroma;
	uint8_t id, log2_max_frame_num, poc_type;
	uint32_t num_ref_frames;
	bool gaps_allowed, frame_mbs_only;
	uint32_t mb_width, mb_height; /* of a frame */
	uint32_t width, height;       /* after cropping */
	bool vui, vui_broken;         /* broken: nothing below was taken from it */
	uint16_t sar_num, sar_den;    /* 0/0: not given */
	bool colour_given, full_range;
	uint8_t primaries, transfer, matrix; /* 2: not given */
	bool timing, fixed_rate;
	uint32_t num_units_in_tick, time_scale;
	bool restriction;             /* the next two are given */
	uint32_t max_reorder, max_dec_buffering;
};

/* `nal` begins with the NAL unit header. -EBADMSG: malformed or impossible. What
 * is wrong in the usability information is no reason to refuse a stream, as it
 * is not needed to decode (Annex E). */
int h264_sps_parse(struct h264_sps *out, const uint8_t *nal, size_t len);

/* first_mb_in_slice of a slice NAL unit (types 1 and 5), or -EBADMSG. */
int h264_first_mb(uint32_t *out, const uint8_t *nal, size_t len);

/* True when an SEI NAL unit holds a recovery point message (D.1.8). */
bool h264_sei_recovery(const uint8_t *nal, size_t len);

#endif
