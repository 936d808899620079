/* SPDX-License-Identifier: GPL-3.0-or-later
 * From 32-bit sums to 16-bit samples: what is too loud is turned down for a
 * while instead of cut, and cut once at the very end. Pure. */
#ifndef BALAI_MCU_MP_LIMITER_H
#define BALAI_MCU_MP_LIMITER_H

#include <stddef.h>
#include <stdint.h>

struct limiter {
	float gain; /* of the last sample; 0: not used yet, as 1 */
};

void limiter_run(struct limiter *self, const int32_t *in, int16_t *out, size_t n);

#endif
