/* SPDX-License-Identifier: GPL-3.0-or-later
 * H.264 levels: Table A-1 and RFC 6184 section 8.1. */
#include "codecs/h264_level.h"

#include <stddef.h>

static const struct h264_level levels[] = {
	{ 10, 1485, 99, 396, 64, 175 },
	{ 9, 1485, 99, 396, 128, 350 },
	{ 11, 3000, 396, 900, 192, 500 },
	{ 12, 6000, 396, 2376, 384, 1000 },
	{ 13, 11880, 396, 2376, 768, 2000 },
	{ 20, 11880, 396, 2376, 2000, 2000 },
	{ 21, 19800, 792, 4752, 4000, 4000 },
	{ 22, 20250, 1620, 8100, 4000, 4000 },
	{ 30, 40500, 1620, 8100, 10000, 10000 },
	{ 31, 108000, 3600, 18000, 14000, 14000 },
	{ 32, 216000, 5120, 20480, 20000, 20000 },
	{ 40, 245760, 8192, 32768, 20000, 25000 },
	{ 41, 245760, 8192, 32768, 50000, 62500 },
	{ 42, 522240, 8704, 34816, 50000, 62500 },
	{ 50, 589824, 22080, 110400, 135000, 135000 },
	{ 51, 983040, 36864, 184320, 240000, 240000 },
	{ 52, 2073600, 36864, 184320, 240000, 240000 },
};

enum { N_LEVELS = sizeof(levels) / sizeof(*levels), CONSTRAINT_SET3 = 0x10 };

const struct h264_level *h264_level_of(uint8_t profile_idc, uint8_t profile_iop,
				       uint8_t level_idc)
{
	bool low_profile = profile_idc == 66 || profile_idc == 77 || profile_idc == 88;
	const struct h264_level *best = &levels[0];

	/* 1b is level_idc 11 with constraint_set3_flag in the old profiles, and
	 * level_idc 9 in the others (7.4.2.1.1). */
	if (level_idc == 9 || (level_idc == 11 && low_profile && profile_iop & CONSTRAINT_SET3))
		return &levels[1];
	for (size_t i = 0; i < N_LEVELS; i++)
		if (levels[i].idc <= level_idc && levels[i].idc != 9)
			best = &levels[i];
	return best;
}

static void raise(uint32_t *limit, uint32_t to)
{
	if (to > *limit)
		*limit = to;
}

struct h264_level h264_limits(const struct h264_format *format)
{
	struct h264_level l =
		*h264_level_of(format->profile_idc, format->profile_iop, format->level_idc);

	raise(&l.max_mbps, format->max_mbps);
	raise(&l.max_fs, format->max_fs);
	raise(&l.max_dpb, format->max_dpb);
	raise(&l.max_br, format->max_br);
	raise(&l.max_cpb, format->max_cpb);
	return l;
}

bool h264_size_fits(uint32_t max_fs, uint32_t mb_width, uint32_t mb_height)
{
	return (uint64_t)mb_width * mb_height <= max_fs &&
	       (uint64_t)mb_width * mb_width <= 8 * (uint64_t)max_fs &&
	       (uint64_t)mb_height * mb_height <= 8 * (uint64_t)max_fs;
}

const struct h264_level *h264_level_for(uint32_t mb_width, uint32_t mb_height,
					uint32_t fps, uint32_t bitrate, uint32_t buffer)
{
	uint64_t fs = (uint64_t)mb_width * mb_height;

	for (size_t i = 0; i < N_LEVELS; i++) {
		const struct h264_level *l = &levels[i];

		if (h264_size_fits(l->max_fs, mb_width, mb_height) &&
		    fs * fps <= l->max_mbps && fs <= l->max_dpb &&
		    bitrate <= l->max_br * 1000ull && buffer <= l->max_cpb * 1000ull)
			return l;
	}
	return &levels[N_LEVELS - 1];
}
