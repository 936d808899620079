/* SPDX-License-Identifier: GPL-3.0-or-later
 * H.264 byte streams (Annex B). */
#include "codecs/annexb.h"

#include "base/ref.h"

#include <errno.h>

enum { START = 4 };

/* The 1 of the next 00 00 01 at or after p, or NULL. */
static const uint8_t *start_code(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *from = p;

	while (end - p > 2) {
		const uint8_t *one = memchr(p + 2, 1, (size_t)(end - p) - 2);

		if (!one)
			return NULL;
		if (one - from >= 2 && one[-1] == 0 && one[-2] == 0)
			return one;
		p = one - 1;
	}
	return NULL;
}

const uint8_t *annexb_next(struct cursor *c, size_t *len)
{
	const uint8_t *one, *nal, *end;

	if (c->bad || !c->p)
		return NULL;
	one = start_code(c->p, c->end);
	if (!one) {
		c->p = c->end;
		return NULL;
	}
	nal = one + 1;
	one = start_code(nal, c->end);
	end = one ? one - 2 : c->end;
	c->p = end;
	while (end > nal && end[-1] == 0)
		end--;
	*len = (size_t)(end - nal);
	return nal;
}

static bool wanted(const uint8_t *nal, size_t len, uint32_t skip_types)
{
	return len > 0 && !(skip_types >> (nal[0] & 31) & 1);
}

int annexb_coded(struct coded **out, const uint8_t *data, size_t len, uint32_t skip_types)
{
	struct cursor c = cursor_of(data, len);
	struct coded *frame;
	const uint8_t *nal;
	size_t n, bytes = 0;
	uint32_t units = 0;

	while ((nal = annexb_next(&c, &n)))
		if (wanted(nal, n, skip_types)) {
			units++;
			bytes += START + n;
		}
	if (units == 0)
		return -EBADMSG;
	frame = coded_new(bytes, units);
	if (!frame)
		return -ENOMEM;
	frame->codec = CODEC_H264;
	c = cursor_of(data, len);
	while ((nal = annexb_next(&c, &n))) {
		uint8_t *to = frame->data + frame->len;

		if (!wanted(nal, n, skip_types))
			continue;
		to[3] = 1; /* the memory is zero */
		memcpy(to + START, nal, n);
		frame->unit[frame->n_units++] =
			(struct coded_unit){ (uint32_t)frame->len + START, (uint32_t)n };
		frame->len += START + n;
		frame->key |= (nal[0] & 31) == NAL_IDR;
	}
	*out = frame;
	return 0;
}
