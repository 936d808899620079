/* SPDX-License-Identifier: GPL-3.0-or-later
 * The two soft notes by which those present hear somebody come (rising) or go
 * (falling). Pure. */
#ifndef BALAI_MCU_MP_CHIME_H
#define BALAI_MCU_MP_CHIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum chime_kind { CHIME_JOIN, CHIME_LEAVE };

struct chime {
	bool playing, waiting;     /* one may wait behind the one that is heard */
	enum chime_kind kind, next;
	size_t at;                 /* samples of it so far */
};

/* One that is asked for while another waits already is not played: a crowd that
 * comes is heard once or twice, not for a minute. Zeroed: nothing plays. */
void chime_ring(struct chime *self, enum chime_kind kind);

/* Adds its next `n` samples at 48 kHz to `sum`; false: it has none. */
bool chime_run(struct chime *self, int32_t *sum, size_t n);

#endif
