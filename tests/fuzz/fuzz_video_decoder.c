/* SPDX-License-Identifier: GPL-3.0-or-later
 * Frames to a video decoder, as an unpacker would give them: H.264 as a byte
 * stream cut at every delimiter, VP8 in pieces with a length before each. */
#include "base/cursor.h"
#include "base/ref.h"
#include "codecs/annexb.h"
#include "codecs/video.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(struct video_decoder *dec, struct coded *f)
{
	struct picture *p = NULL;

	if (video_decode(dec, f, &p) < 0 && p)
		abort();
	if (p && (p->width < 2 || p->width > 4096 || p->height < 2 || p->height > 4096 ||
		  p->sar_num == 0 || p->sar_den == 0))
		abort();
	ref_drop(p);
}

static void h264(struct video_decoder *dec, const uint8_t *data, size_t size)
{
	while (size > 0) {
		const uint8_t *cut = size > 1 ? memmem(data + 1, size - 1, "\0\0\1\x09", 4) : NULL;
		size_t n = cut ? (size_t)(cut - data) : size;
		struct coded *f;

		if (annexb_coded(&f, data, n, 0) == 0) {
			decode(dec, f);
			ref_drop(f);
		}
		data += n;
		size -= n;
	}
}

static void pieces(struct video_decoder *dec, enum codec_id codec, struct cursor c)
{
	while (cursor_left(&c) > 2) {
		size_t n = cursor_u16(&c);
		struct coded *f;

		n = n > cursor_left(&c) ? cursor_left(&c) : n;
		f = coded_new(n, 1);
		if (!f)
			return;
		f->codec = codec;
		f->len = n;
		f->n_units = 1;
		f->unit[0].len = (uint32_t)n;
		if (n)
			memcpy(f->data, cursor_bytes(&c, n), n);
		decode(dec, f);
		ref_drop(f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum codec_id codecs[] = { CODEC_H264, CODEC_VP8, CODEC_H263_1998,
					      CODEC_H263, CODEC_H261 };
	enum codec_id codec;
	struct video_decoder *dec;

	if (size < 2)
		return 0;
	codec = codecs[data[0] % (sizeof(codecs) / sizeof(*codecs))];
	if (video_decoder_new(&dec, codec) < 0)
		return 0;
	if (codec == CODEC_H264)
		h264(dec, data + 1, size - 1);
	else
		pieces(dec, codec, cursor_of(data + 1, size - 1));
	video_decoder_free(dec);
	return 0;
}
