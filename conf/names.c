/* SPDX-License-Identifier: GPL-3.0-or-later
 * Names whose meaning other rooms know. conf/ stands below codecs/ and mcu/mp/
 * and cannot ask them; tests/unit/test_names.c holds the lists together. */
#include "conf/private.h"

const char *const conf_audio_codecs[] = {
	"opus", "G722", "PCMA", "PCMU", "G729", "L16", NULL
};

const char *const conf_video_codecs[] = {
	"H264", "VP8", "H263-1998", "H263", "H261", NULL
};

const char *const conf_layouts[] = {
	"auto", "1x1", "1+1", "2x2", "3x3", "4x4", "1+4", "1+5", "1+7", "1+9", "1+12", "2+8",
	"side-by-side", "speaker", "pip", "overlay", NULL
};
