/* SPDX-License-Identifier: GPL-3.0-or-later
 * H.264 byte streams (Annex B): finding NAL units, and frames made of them. */
#ifndef BALAI_CODECS_ANNEXB_H
#define BALAI_CODECS_ANNEXB_H

#include "base/cursor.h"
#include "codecs/coded.h"

enum nal_type {
	NAL_SLICE = 1, NAL_IDR = 5, NAL_SEI = 6, NAL_SPS = 7, NAL_PPS = 8, NAL_AUD = 9,
	NAL_FILLER = 12, NAL_STAP_A = 24, NAL_FU_A = 28
};

/* The next NAL unit without its start code and trailing zeros (borrowed), or
 * NULL at the end. What stands before the first start code is skipped. */
const uint8_t *annexb_next(struct cursor *c, size_t *len);

/* A frame for the NAL units of one access unit: each stands behind a start code
 * of four bytes, so that the data as a whole is a byte stream again. Empty
 * units and those whose type has its bit in `skip_types` are left out.
 * -EBADMSG: nothing remains; -ENOMEM. */
int annexb_coded(struct coded **out, const uint8_t *data, size_t len, uint32_t skip_types);

#endif
