/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keys that are heard: DTMF in the sound itself (ITU-T Q.23, with the tolerances
 * of Q.24), for phones that have no other way. Pure; one per direction of a call. */
#ifndef BALAI_CODECS_DTMF_TONES_H
#define BALAI_CODECS_DTMF_TONES_H

#include <stddef.h>
#include <stdint.h>

enum { DTMF_WINDOW = 160, DTMF_HOP = 80 }; /* 20 and 10 ms at 8 kHz */

struct dtmf_tones {
	float window[DTMF_WINDOW];
	int16_t pcm[DTMF_WINDOW]; /* at 8 kHz */
	size_t fill;
	int key;            /* row * 4 + column of what sounds, -1: nothing */
	int told;           /* the key that was told and has not ended, -1 */
	float re[2], im[2]; /* of its two tones in the last window */
	float peak, sum;    /* power of the pair: its most, and summed over windows */
	unsigned good;      /* windows in a row that have all a key must have */
	unsigned away;      /* windows in a row without what was told */
};

void dtmf_tones_init(struct dtmf_tones *self);

/* The next 10 to 60 ms at `rate` Hz, a multiple of 8000 (else nothing is found).
 * The key that these samples made certain ('0'..'9' '*' '#' 'A'..'D'), or 0: at
 * most one, some 40 ms after it began, however long it lasts. Keys last 40 ms or
 * more, with pauses as long. */
char dtmf_tones_hear(struct dtmf_tones *self, const int16_t *pcm, size_t n, uint32_t rate);

#endif
