/* SPDX-License-Identifier: GPL-3.0-or-later
 * Linear prediction: the spectrum of a piece of sound as an all-pole filter
 * 1/A(z), A(z) = 1 + a[1] z^-1 + … + a[order] z^-order. Pure. */
#ifndef BALAI_CODECS_LPC_H
#define BALAI_CODECS_LPC_H

#include <stddef.h>

enum { LPC_MAX_ORDER = 32 };

/* From n samples (windowed inside): a[1..order], reflection coefficients
 * k[1..order], |k| < 1. Index 0 is unused. Silence gives zeros. */
void lpc_analyse(const float *x, size_t n, unsigned order, float *a, float *k);

#endif
