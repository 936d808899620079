/* SPDX-License-Identifier: GPL-3.0-or-later
 * H.264 parameter sets, slice headers, SEI and byte streams. */
#include "base/ref.h"
#include "codecs/annexb.h"
#include "codecs/h264_sps.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h264_sps s;
	struct coded *f;
	uint32_t mb;

	if (h264_sps_parse(&s, data, size) == 0 &&
	    (s.width == 0 || s.width > s.mb_width * 16 || s.height == 0 ||
	     s.height > s.mb_height * 16 || s.num_ref_frames > 16))
		abort();
	h264_first_mb(&mb, data, size);
	h264_sei_recovery(data, size);
	if (annexb_coded(&f, data, size, 0) == 0)
		ref_drop(f);
	return 0;
}
