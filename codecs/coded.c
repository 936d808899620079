/* SPDX-License-Identifier: GPL-3.0-or-later
 * Encoded frames: one allocation each, units and bytes behind the header. */
#include "codecs/coded.h"

#include "base/ref.h"

enum { CODED_MAX_BYTES = 8 << 20, CODED_MAX_UNITS = 1 << 16, CODED_PADDING = 64 };

struct coded *coded_new(size_t cap, uint32_t units)
{
	struct coded *self;
	size_t head = sizeof(*self);

	if (cap > CODED_MAX_BYTES || units > CODED_MAX_UNITS)
		return NULL;
	self = ref_new(head + units * sizeof(*self->unit) + cap + CODED_PADDING, NULL);
	if (!self)
		return NULL;
	self->unit = (struct coded_unit *)(void *)((char *)self + head);
	self->data = (uint8_t *)(self->unit + units);
	return self;
}
