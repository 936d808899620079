/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a quirk of the configuration changes in a description. */
#include "mcu/mc/desc_internal.h"

void desc_quirk_codec(const struct conf_quirk *quirk, struct desc_codec *codec)
{
	if (!quirk)
		return;
	codec->nack = codec->nack && quirk->nack;
	codec->tmmbr = codec->tmmbr && quirk->tmmbr;
	/* Without either, key frames are asked for in signalling. */
	if (quirk->key_frames == KEY_FRAMES_INFO)
		codec->fir = codec->pli = false;
}

bool desc_quirk_forbids(const struct conf_quirk *quirk, const struct codec_format *format)
{
	return quirk && quirk->h264_mode_0 && format->id == CODEC_H264 &&
		format->h264.packetization_mode != 0;
}

void desc_quirk_agreed(const struct conf_quirk *quirk, struct desc_agreed agreed[DESC_MAX_LINES])
{
	for (unsigned i = 0; quirk && i < DESC_MAX_LINES; i++) {
		struct desc_agreed *a = &agreed[i];
		uint32_t most = quirk->max_bitrate * 1000;

		if (!a->active || a->kind != MEDIA_VIDEO)
			continue;
		if (most && (!a->bitrate || a->bitrate > most))
			a->bitrate = most;
		/* It understands them, whatever it says. */
		if (quirk->key_frames == KEY_FRAMES_RTCP)
			a->tx.fir = a->tx.pli = a->avpf = true;
	}
}
