/* SPDX-License-Identifier: GPL-3.0-or-later
 * The names of the codecs, and what a format parameter says about each.
 * Plain data: shared by descriptions, wire and media. */
#ifndef BALAI_CODECS_CODEC_H
#define BALAI_CODECS_CODEC_H

#include <stdbool.h>
#include <stdint.h>

enum media_kind { MEDIA_AUDIO, MEDIA_VIDEO, MEDIA_OTHER };

enum codec_id {
	CODEC_NONE,
	CODEC_PCMU, CODEC_PCMA, CODEC_G722, CODEC_OPUS, CODEC_L16, CODEC_G729,
	CODEC_CN, CODEC_TELEPHONE_EVENT,
	CODEC_H264, CODEC_VP8, CODEC_H263_1998, CODEC_H263, CODEC_H261,
	CODEC_COUNT
};

/* RFC 6184 8.1. Zero means "not given". Units as there: max_mbps macroblocks
 * a second, max_fs macroblocks, max_br and max_cpb in 1000 or 1200 bits. */
struct h264_format {
	uint8_t profile_idc, profile_iop, level_idc;
	uint8_t packetization_mode; /* 0 or 1 */
	bool level_asymmetry_allowed;
	uint32_t max_mbps, max_fs, max_smbps, max_cpb, max_dpb, max_br;
};

/* RFC 7741 6.1; zero: not given. */
struct vp8_format {
	uint32_t max_fr, max_fs;
};

/* RFC 7587 6.1. */
struct opus_format {
	uint32_t max_playback_rate, sprop_max_capture_rate; /* Hz, 0: 48000 */
	uint32_t max_average_bitrate;                       /* bit/s, 0: not given */
	bool stereo, sprop_stereo, cbr, useinbandfec, usedtx;
};

/* RFC 2190, 4629 and 4587: minimum picture interval in 1/29.97 s per size,
 * zero: size not supported. maxbr in 100 bit/s. */
struct h263_format {
	uint8_t sqcif, qcif, cif, cif4, cif16;
	uint32_t maxbr;
	uint8_t profile, level;
	bool annex_d; /* H.261: still images, not used */
};

struct codec_format {
	enum codec_id id;
	uint32_t clock_rate; /* of the RTP timestamp: 8000 for G.722 */
	uint8_t channels;
	union {
		struct h264_format h264;
		struct vp8_format vp8;
		struct opus_format opus;
		struct h263_format h263;
		struct { bool annexb_no; } g729;
	};
};

/* The encoding name of the media type registry: "PCMU", "H264", … */
const char *codec_name(enum codec_id id);
enum media_kind codec_kind(enum codec_id id);
/* Case-insensitive exact match; CODEC_NONE when unknown. */
enum codec_id codec_by_name(const char *name);
/* The RTP clock rate; 0 for L16 and telephone-event, which state theirs. */
uint32_t codec_clock_rate(enum codec_id id);
/* The static payload type of RFC 3551, or -1. */
int codec_static_pt(enum codec_id id);

#endif
