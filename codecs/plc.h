/* SPDX-License-Identifier: GPL-3.0-or-later
 * Concealment of lost audio for codecs that have none of their own: the last
 * pitch period goes on, fading, and the sound that comes back is blended in.
 * Pure; adds no delay. */
#ifndef BALAI_CODECS_PLC_H
#define BALAI_CODECS_PLC_H

#include <stddef.h>
#include <stdint.h>

struct plc;

/* `rate` 8000 to 48000 Hz. */
int plc_new(struct plc **out, uint32_t rate);
struct plc *plc_free(struct plc *self);

/* Sound that did arrive. After a loss its beginning is changed in place. */
void plc_good(struct plc *self, int16_t *pcm, size_t n);
/* Sound that did not. */
void plc_lost(struct plc *self, int16_t *pcm, size_t n);

#endif
