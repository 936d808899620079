/* SPDX-License-Identifier: GPL-3.0-or-later
 * As much of Ogg (RFC 3533) and its Opus mapping (RFC 7845) as a test needs to
 * exchange packets with ffmpeg. Trusted files only. */
#ifndef BALAI_TESTS_UNIT_OGG_H
#define BALAI_TESTS_UNIT_OGG_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static inline uint32_t ogg_crc(const uint8_t *p, size_t n)
{
	uint32_t crc = 0;

	while (n--) {
		crc ^= (uint32_t)*p++ << 24;
		for (int i = 0; i < 8; i++)
			crc = crc << 1 ^ (crc & 0x80000000u ? 0x04c11db7u : 0);
	}
	return crc;
}

static inline void ogg_le(uint8_t *p, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* One page with one packet of less than 60 kB. `flags`: 2 first, 4 last. */
static inline void ogg_write(FILE *f, uint32_t page, uint8_t flags, uint64_t granule,
			     const uint8_t *data, size_t len)
{
	static uint8_t buf[65536];
	size_t segs = len / 255 + 1, at = 27 + segs;

	memset(buf, 0, at);
	memcpy(buf, "OggS", 4);
	buf[5] = flags;
	ogg_le(buf + 6, granule, 8);
	ogg_le(buf + 14, 1, 4);
	ogg_le(buf + 18, page, 4);
	buf[26] = (uint8_t)segs;
	memset(buf + 27, 255, segs - 1);
	buf[27 + segs - 1] = (uint8_t)(len % 255);
	memcpy(buf + at, data, len);
	ogg_le(buf + 22, ogg_crc(buf, at + len), 4);
	fwrite(buf, 1, at + len, f);
}

static inline void ogg_write_heads(FILE *f)
{
	uint8_t head[19] = "OpusHead\1\1", tags[16] = "OpusTags";

	ogg_le(head + 12, 48000, 4);
	ogg_write(f, 0, 2, 0, head, 19);
	ogg_write(f, 1, 0, 0, tags, 16);
}

struct ogg_reader {
	FILE *f;
	uint8_t lace[255];
	int n, at;
};

/* The next packet's length, or -1 at the end. */
static inline int ogg_read(struct ogg_reader *self, uint8_t *out, size_t cap)
{
	size_t len = 0;

	for (;;) {
		uint8_t head[27], seg;

		if (self->at == self->n) {
			if (fread(head, 1, 27, self->f) != 27 || memcmp(head, "OggS", 4))
				return -1;
			self->n = head[26];
			self->at = 0;
			if (fread(self->lace, 1, (size_t)self->n, self->f) != (size_t)self->n)
				return -1;
			continue;
		}
		seg = self->lace[self->at++];
		if (len + seg > cap || fread(out + len, 1, seg, self->f) != seg)
			return -1;
		len += seg;
		if (seg < 255)
			return (int)len;
	}
}

#endif
