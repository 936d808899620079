/* SPDX-License-Identifier: GPL-3.0-or-later
 * Speech detection by level: a background floor that falls at once and rises
 * slowly, a threshold above it, and two hysteresis times. */
#include "mcu/mp/speech.h"

#define FLOOR_START (-70.0f)
/* Whatever is louder than 8 dB above it is mixed, however steady: music, a
 * test tone, a street. */
#define FLOOR_MAX (-50.0f)
#define FLOOR_MIN (-90.0f)
#define FLOOR_RISE 0.06f  /* dB a tick: 3 dB/s */
#define ABOVE_FLOOR 8.0f
#define NEVER_BELOW (-62.0f)

enum {
	HANG_TICKS = 25,      /* 500 ms: pauses between words */
	VOICE_MAX = 25,
	VOICE_ON = 10,        /* 200 ms of sound */
	HOLD_TICKS = 60,      /* 1.2 s: pauses between sentences */
};

void speech_init(struct speech *self)
{
	*self = (struct speech){ .floor = FLOOR_START, .loud = -127, .score = -127 };
}

static void speech_floor(struct speech *self, float level)
{
	if (level < self->floor)
		self->floor += (level - self->floor) * 0.3f;
	else
		self->floor += FLOOR_RISE;
	if (self->floor > FLOOR_MAX)
		self->floor = FLOOR_MAX;
	if (self->floor < FLOOR_MIN)
		self->floor = FLOOR_MIN;
}

void speech_tick(struct speech *self, int level)
{
	float l = (float)level;
	float limit = self->floor + ABOVE_FLOOR;
	bool loud;

	if (limit < NEVER_BELOW)
		limit = NEVER_BELOW;
	loud = l > limit;
	/* Up at once, down slowly: a loud voice is not outdone between words. */
	self->loud += (l - self->loud) * (l > self->loud ? 0.5f : 0.1f);
	self->score += (l - self->score) * (l > self->score ? 0.1f : 0.02f);
	if (loud)
		self->hang = HANG_TICKS;
	else if (self->hang)
		self->hang--;
	self->active = self->hang > 0;

	if (loud && self->voice < VOICE_MAX)
		self->voice++;
	else if (!loud && self->voice)
		self->voice--;
	if (self->voice >= VOICE_ON || (self->speaking && self->voice))
		self->hold = HOLD_TICKS;
	else if (self->hold)
		self->hold--;
	self->speaking = self->hold > 0;
	speech_floor(self, l);
}
