/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mcu/mp/chime.h"

#include <math.h>

enum { NOTE = 48000 * 14 / 100, EDGE = 48000 * 3 / 100, NOTES = 2 };

#define LEVEL 1000.0f /* -33 dBov: softer than speech */

/* A fifth; neither is near a DTMF frequency. */
static const float hertz[NOTES] = { 392.0f, 587.3f };

void chime_ring(struct chime *self, enum chime_kind kind)
{
	if (self->playing) {
		if (!self->waiting)
			self->next = kind;
		self->waiting = true;
		return;
	}
	*self = (struct chime){ .playing = true, .kind = kind };
}

static float chime_sample(const struct chime *self)
{
	size_t note = self->at / NOTE, at = self->at % NOTE;
	float hz = hertz[self->kind == CHIME_JOIN ? note : NOTES - 1 - note];
	size_t edge = at < EDGE ? at : at > NOTE - EDGE ? NOTE - at : EDGE;
	float soft = 0.5f - 0.5f * cosf(3.14159265f * (float)edge / EDGE);

	return LEVEL * soft * sinf(2 * 3.14159265f * hz * (float)at / 48000);
}

bool chime_run(struct chime *self, int32_t *sum, size_t n)
{
	if (!self->playing)
		return false;
	for (size_t i = 0; i < n && self->playing; i++) {
		sum[i] += (int32_t)lrintf(chime_sample(self));
		if (++self->at < NOTE * NOTES)
			continue;
		self->playing = self->waiting;
		self->waiting = false;
		self->kind = self->next;
		self->at = 0;
	}
	return true;
}
