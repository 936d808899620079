/* SPDX-License-Identifier: GPL-3.0-or-later
 * One encoded frame, audio or video: counted, immutable once it is shared.
 * It crosses from an encoder to the wire and from the wire to a decoder.
 *
 * Video coders and unpackers lay H.264 out with 00 00 00 01 before each unit
 * and nothing else in between, so that the data as a whole is a byte stream
 * (Annex B) and a decoder takes it as it is. A reader relies on units alone. */
#ifndef BALAI_CODECS_CODED_H
#define BALAI_CODECS_CODED_H

#include "codecs/codec.h"

#include <stddef.h>
#include <stdint.h>

/* A NAL unit without start code, or a whole frame (VP8, audio). */
struct coded_unit {
	uint32_t offset, len;
};

struct coded {
	enum codec_id codec;
	bool key;        /* video: decodable on its own */
	bool corrupt;    /* video from the wire: something before or in it is missing */
	bool marker;     /* audio: first of a talkspurt */
	uint8_t orientation; /* video from the wire: see picture_upright */
	int64_t time_us; /* monotonic capture time; 0 when not known */
	uint32_t rtp_time; /* from the wire: its timestamp. To the wire: the
			    * timestamp in the codec's clock before the
			    * stream's random offset */
	uint16_t width, height; /* video to the wire */
	uint32_t n_units;
	struct coded_unit *unit; /* n_units of them; H.264: one per NAL unit */
	size_t len;
	uint8_t *data; /* 64 readable bytes follow it (decoder padding, zero) */
};

/* Room for `cap` bytes and `units` units; NULL when out of memory. Counted
 * with ref_hold/ref_drop (base/ref.h). `cap` at most 8 MiB. */
struct coded *coded_new(size_t cap, uint32_t units);

#endif
