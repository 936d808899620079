/* SPDX-License-Identifier: GPL-3.0-or-later
 * Automatic gain of one leg: brings speech, and nothing but speech, to a common
 * loudness. Speech is what has a pitch and comes in syllables; a steady tone, a
 * hum and noise, however loud or uneven, never move it. Slow, within limits, and
 * held between words. Pure. */
#ifndef BALAI_MCU_MP_GAIN_H
#define BALAI_MCU_MP_GAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GAIN_HISTORY = 80 }; /* 20 ms at 4 kHz */

struct gain {
	float db;        /* in force at the end of the last tick */
	float learned;   /* what this speaker needs, dB */
	float energy;    /* of syllables lately, summed over `ticks` */
	float ticks;
	/* The syllable that goes on. */
	float peak;      /* dBov, of its loudest tick */
	float part;      /* its energy */
	unsigned length; /* its ticks, 0: none */
	unsigned since;  /* ticks since the last one ended */
	unsigned row;    /* syllables in a row, without a long pause */
	float high;      /* of pitched ticks, dBov: up at once, down slowly */
	float old[GAIN_HISTORY];
};

void gain_init(struct gain *self);

/* One tick of 20 ms as the leg sent it, at `rate` Hz (a multiple of 4000 that
 * divides into it; others are taken for no speech) and `level` dBov. */
void gain_hear(struct gain *self, int level, const int16_t *pcm, size_t n, uint32_t rate);

/* Brings a tick to the gain, in a ramp over its length; clips. */
void gain_run(struct gain *self, int16_t *pcm, size_t n);

#endif
