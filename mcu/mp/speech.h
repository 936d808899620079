/* SPDX-License-Identifier: GPL-3.0-or-later
 * Is there sound worth mixing, and does somebody speak? From the level of each
 * 20 ms alone. Pure. */
#ifndef BALAI_MCU_MP_SPEECH_H
#define BALAI_MCU_MP_SPEECH_H

#include <stdbool.h>

struct speech {
	float floor;    /* of the background, dBov */
	float loud;     /* smoothed over some 100 ms: who is mixed */
	float score;    /* smoothed over a second: who speaks most */
	unsigned hang;  /* ticks for which it stays active */
	unsigned voice; /* loud ticks lately */
	unsigned hold;  /* ticks for which it stays speaking */
	bool active;    /* worth mixing: at once, so that no syllable is cut */
	bool speaking;  /* for events: has lasted, and outlasts pauses */
};

void speech_init(struct speech *self);
/* One tick of 20 ms at `level` dBov (audio_level). */
void speech_tick(struct speech *self, int level);

#endif
