/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sound made shorter or longer by one period, unheard: overlap-add at the place
 * of greatest likeness. Pure. For jitter buffers that drift. */
#ifndef BALAI_MCU_MP_STRETCH_H
#define BALAI_MCU_MP_STRETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Both change `pcm` in place and return the new length, which is `n` when the
 * sound has no fitting period; `force`: then too. At least 10 ms are needed, and
 * at most half of n is taken out or put in. */
size_t stretch_squeeze(int16_t *pcm, size_t n, uint32_t rate, bool force);
/* `cap` at least 3/2 n. */
size_t stretch_stretch(int16_t *pcm, size_t n, size_t cap, uint32_t rate, bool force);

#endif
