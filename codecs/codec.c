/* SPDX-License-Identifier: GPL-3.0-or-later
 * The table of codec names, RTP clock rates and static payload types. */
#include "codecs/codec.h"

#include <stddef.h>
#include <strings.h>

struct codec_row {
	const char *name;
	enum media_kind kind;
	uint32_t clock_rate;
	int static_pt;
};

/* RFC 3551 tables 4 and 5, and the registry of audio and video media types.
 * G.722 has the famous 8000 (RFC 3551 4.5.2). L16 has static types for 44.1 kHz
 * only, which are of no use here, so it has none. */
static const struct codec_row table[CODEC_COUNT] = {
	[CODEC_NONE] = { "none", MEDIA_OTHER, 0, -1 },
	[CODEC_PCMU] = { "PCMU", MEDIA_AUDIO, 8000, 0 },
	[CODEC_PCMA] = { "PCMA", MEDIA_AUDIO, 8000, 8 },
	[CODEC_G722] = { "G722", MEDIA_AUDIO, 8000, 9 },
	[CODEC_OPUS] = { "opus", MEDIA_AUDIO, 48000, -1 },
	[CODEC_L16] = { "L16", MEDIA_AUDIO, 0, -1 },
	[CODEC_G729] = { "G729", MEDIA_AUDIO, 8000, 18 },
	[CODEC_CN] = { "CN", MEDIA_AUDIO, 8000, 13 },
	[CODEC_TELEPHONE_EVENT] = { "telephone-event", MEDIA_AUDIO, 0, -1 },
	[CODEC_H264] = { "H264", MEDIA_VIDEO, 90000, -1 },
	[CODEC_VP8] = { "VP8", MEDIA_VIDEO, 90000, -1 },
	[CODEC_H263_1998] = { "H263-1998", MEDIA_VIDEO, 90000, -1 },
	[CODEC_H263] = { "H263", MEDIA_VIDEO, 90000, 34 },
	[CODEC_H261] = { "H261", MEDIA_VIDEO, 90000, 31 },
};

static const struct codec_row *codec_row(enum codec_id id)
{
	return &table[(unsigned)id < CODEC_COUNT ? id : CODEC_NONE];
}

const char *codec_name(enum codec_id id)
{
	return codec_row(id)->name;
}

enum media_kind codec_kind(enum codec_id id)
{
	return codec_row(id)->kind;
}

enum codec_id codec_by_name(const char *name)
{
	for (unsigned i = CODEC_NONE + 1; i < CODEC_COUNT; i++)
		if (name && !strcasecmp(name, table[i].name))
			return (enum codec_id)i;
	return CODEC_NONE;
}

uint32_t codec_clock_rate(enum codec_id id)
{
	return codec_row(id)->clock_rate;
}

int codec_static_pt(enum codec_id id)
{
	return codec_row(id)->static_pt;
}
