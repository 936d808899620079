/* SPDX-License-Identifier: GPL-3.0-or-later
 * When a view takes the picture of a tile. Usually at its tick, the newest. Where
 * pictures arrive just around the tick, now before and now after it, that would show
 * some twice and others never: such a tile's picture is taken half a period earlier,
 * where none arrives. Pure, but for the reference that is kept until the tick. */
#ifndef BALAI_MCU_MP_BEAT_H
#define BALAI_MCU_MP_BEAT_H

#include "codecs/picture.h"

#include <stdbool.h>
#include <stdint.h>

struct beat {
	uint64_t last;           /* serial of the picture taken last */
	uint8_t n, lost, same;   /* taken in this window; that passed unseen; again */
	bool early, held;
	struct picture *picture; /* taken early, a reference; may be NULL */
	uint64_t serial;         /* of it */
};

/* The picture of this serial is taken. Returns how many passed unseen before it. */
unsigned beat_take(struct beat *self, uint64_t serial);
/* Half a period before the tick; takes over the reference. */
void beat_hold(struct beat *self, struct picture *picture, uint64_t serial);
/* At the tick: what was taken early instead of `now`, whose reference goes then. */
struct picture *beat_tick(struct beat *self, struct picture *now, uint64_t *serial);
void beat_let_go(struct beat *self);

#endif
