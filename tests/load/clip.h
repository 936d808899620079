/* SPDX-License-Identifier: GPL-3.0-or-later
 * A clip ready to be sent: made and cut into RTP payloads before a run, so that
 * nothing is encoded while it runs. A counter is burnt into every picture. */
#ifndef BALAI_TESTS_LOAD_CLIP_H
#define BALAI_TESTS_LOAD_CLIP_H

#include "codecs/codec.h"
#include "codecs/picture.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The counter: CLIP_BITS cells in one row, most significant first, white is
 * one, between a white and a black reference cell. */
enum { CLIP_BITS = 10, CLIP_MODULO = 1 << CLIP_BITS };

struct clip_packet {
	uint32_t offset, len;
	bool marker;
};

struct clip_frame {
	uint32_t first, n; /* packets */
	bool key;
};

struct clip {
	enum codec_id codec;
	int width, height, fps;
	unsigned n_frames; /* frame i carries counter i */
	struct clip_frame *frame;
	struct clip_packet *packet;
	unsigned n_packets;
	uint8_t *data;
	size_t len;
};

/* `file`: an H.264 byte stream that is played in a loop under the counter, NULL:
 * a moving pattern. A key frame every second. */
int clip_new(struct clip **out, const char *file, enum codec_id codec, int width, int height,
	     int fps, unsigned seconds, uint32_t bitrate);
struct clip *clip_free(struct clip *self);

/* The counter in the rectangle (a tile) of a picture, or -1 when none is
 * legible there. */
int clip_read_counter(const struct picture *picture, int x, int y, int w, int h);

#endif
