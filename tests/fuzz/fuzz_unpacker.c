/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video payloads from the wire: the input is a row of packets, each with a
 * length and a byte of flags. Finished frames are held to their limits. */
#include "base/ref.h"
#include "base/cursor.h"
#include "codecs/payload.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct coded *f)
{
	size_t end = 0;

	if (f->len > 4 << 20 || f->n_units > 4096)
		abort();
	for (uint32_t i = 0; i < f->n_units; i++) {
		if (f->unit[i].offset < end || f->unit[i].len == 0)
			abort();
		end = (size_t)f->unit[i].offset + f->unit[i].len;
	}
	if (end != f->len)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(data, size);
	static const enum codec_id codecs[] = { CODEC_H264, CODEC_VP8, CODEC_H263_1998,
					      CODEC_H263, CODEC_H261 };
	enum codec_id codec = codecs[cursor_u8(&c) % (sizeof(codecs) / sizeof(*codecs))];
	struct unpacker *u;
	uint32_t ts = 0;

	if (unpacker_new(&u, codec) < 0)
		return 0;
	while (cursor_left(&c) >= 2) {
		uint8_t flags = cursor_u8(&c);
		size_t len = cursor_u8(&c);
		const uint8_t *p;
		struct coded *f = NULL;

		len = len > cursor_left(&c) ? cursor_left(&c) : len;
		p = cursor_bytes(&c, len);
		ts += flags & 1;
		unpacker_put(u, p, len, ts, flags & 2, flags & 4, &f);
		payload_is_key(codec, p, len);
		if (f)
			check(f);
		ref_drop(f);
	}
	unpacker_free(u);
	return 0;
}
