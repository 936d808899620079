/* SPDX-License-Identifier: GPL-3.0-or-later
 * Picture headers and start codes of H.263 and H.261. */
#include "codecs/h263.h"

#include <errno.h>

struct bits {
	const uint8_t *p;
	size_t n, at; /* bits */
	bool bad;
};

static struct bits bits_of(const uint8_t *data, size_t len)
{
	/* no header is longer; keeps the count of bits small */
	return (struct bits){ data, (len > 64 ? 64 : len) * 8, 0, false };
}

static uint32_t get(struct bits *b, unsigned n)
{
	uint32_t v = 0;

	while (n--) {
		if (b->at >= b->n) {
			b->bad = true;
			return 0;
		}
		v = v << 1 | (b->p[b->at / 8] >> (7 - b->at % 8) & 1u);
		b->at++;
	}
	return v;
}

/* PLUSPTYPE (5.1.4): the picture type stands in its mandatory part. */
static void extended(struct bits *b, struct h263_picture *p)
{
	uint32_t ufep = get(b, 3);

	if (ufep > 1)
		b->bad = true;
	if (ufep == 1)
		get(b, 18); /* OPPTYPE */
	p->intra = get(b, 3) == 0;
}

int h263_picture_parse(struct h263_picture *out, const uint8_t *data, size_t len)
{
	struct h263_picture p = { 0 };
	struct bits b = bits_of(data, len);

	if (get(&b, 22) != 0x20)
		return -EBADMSG;
	p.temporal_reference = (uint8_t)get(&b, 8);
	if (get(&b, 2) != 2) /* tells it from H.261 */
		return -EBADMSG;
	get(&b, 3); /* split screen, document camera, freeze picture release */
	p.source_format = (uint8_t)get(&b, 3);
	if (p.source_format == 0 || p.source_format == 6)
		return -EBADMSG;
	if (p.source_format == 7) {
		extended(&b, &p);
	} else {
		p.intra = get(&b, 1) == 0;
		p.umv = get(&b, 1);
		p.sac = get(&b, 1);
		p.ap = get(&b, 1);
		p.pb = get(&b, 1);
	}
	if (b.bad)
		return -EBADMSG;
	*out = p;
	return 0;
}

size_t h263_next_start(const uint8_t *data, size_t len, size_t from)
{
	for (size_t i = from; i + 2 < len; i++)
		if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] & 0x80)
			return i;
	return len;
}

int h261_picture_parse(struct h261_picture *out, const uint8_t *data, size_t len)
{
	struct h261_picture p = { 0 };
	struct bits b = bits_of(data, len);
	unsigned zeros = 0;

	while (!b.bad && get(&b, 1) == 0)
		zeros++;
	if (zeros < 15 || zeros > 15 + 7 || get(&b, 4) != 0)
		return -EBADMSG;
	p.temporal_reference = (uint8_t)get(&b, 5);
	get(&b, 2); /* split screen, document camera */
	p.release = get(&b, 1);
	p.cif = get(&b, 1);
	get(&b, 2);
	if (b.bad)
		return -EBADMSG;
	*out = p;
	return 0;
}

size_t h261_next_start(const uint8_t *data, size_t bits, size_t from)
{
	unsigned zeros = 0;

	for (size_t i = from; i < bits; i++) {
		if (data[i / 8] >> (7 - i % 8) & 1) {
			if (zeros >= 15)
				return i - 15;
			zeros = 0;
		} else {
			zeros++;
		}
	}
	return bits;
}
