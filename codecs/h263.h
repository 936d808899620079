/* SPDX-License-Identifier: GPL-3.0-or-later
 * The picture layer of H.263 (5.1) and H.261 (4.2.1), as far as packets and
 * decoders need it. Pure, for foreign bytes. */
#ifndef BALAI_CODECS_H263_H
#define BALAI_CODECS_H263_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h263_picture {
	uint8_t temporal_reference;
	uint8_t source_format; /* 1 sub-QCIF … 5 16CIF, 7: extended */
	bool intra;
	bool umv, sac, ap, pb; /* of PTYPE; false in an extended one */
};

/* A picture header at the first byte. -EBADMSG: there is none. */
int h263_picture_parse(struct h263_picture *out, const uint8_t *data, size_t len);

/* The next start code (17 bits: 16 zeros and a one) on a byte boundary at or
 * after `from`, or `len`. */
size_t h263_next_start(const uint8_t *data, size_t len, size_t from);

struct h261_picture {
	uint8_t temporal_reference;
	bool cif;
	bool release; /* freeze picture release: the answer to a fast update request */
};

/* A picture header in the first byte: up to seven zero bits may stand before
 * its start code, which is not aligned. */
int h261_picture_parse(struct h261_picture *out, const uint8_t *data, size_t len);

/* The bit where the next GOB start code (15 zeros and a one) begins at or after
 * bit `from`, or the number of bits. */
size_t h261_next_start(const uint8_t *data, size_t bits, size_t from);

#endif
