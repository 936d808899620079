/* SPDX-License-Identifier: GPL-3.0-or-later
 * H.264 levels (Rec. ITU-T H.264 Annex A, Table A-1) and what RFC 6184
 * parameters make of them. Pure. */
#ifndef BALAI_CODECS_H264_LEVEL_H
#define BALAI_CODECS_H264_LEVEL_H

#include "codecs/codec.h"

struct h264_level {
	uint8_t idc;          /* ten times the level; 9: level 1b */
	uint32_t max_mbps;    /* macroblocks a second */
	uint32_t max_fs;      /* macroblocks a picture */
	uint32_t max_dpb;     /* macroblocks */
	uint32_t max_br;      /* 1000 bit/s */
	uint32_t max_cpb;     /* 1000 bit */
};

/* The level that profile, constraint flags and level_idc name; one not in the
 * table counts as the next lower one, below all as level 1. No format (all
 * zero) is level 1: RFC 6184 8.1. */
const struct h264_level *h264_level_of(uint8_t profile_idc, uint8_t profile_iop,
				       uint8_t level_idc);

/* The same with max-mbps, max-fs, max-dpb, max-br and max-cpb, which only raise. */
struct h264_level h264_limits(const struct h264_format *format);

/* The lowest level whose limits hold a stream of this size in macroblocks, rate
 * in 1/s, bit rate and buffer in bits with one reference picture. */
const struct h264_level *h264_level_for(uint32_t mb_width, uint32_t mb_height,
					uint32_t fps, uint32_t bitrate, uint32_t buffer);

/* True when a picture of that many macroblocks is within max_fs, sides too
 * (A.3.1: no side beyond sqrt(8 max_fs)). */
bool h264_size_fits(uint32_t max_fs, uint32_t mb_width, uint32_t mb_height);

#endif
