/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mcu/mp/beat.h"

#include "base/ref.h"

/* A camera of another rate loses pictures or repeats them, but not both so often. */
enum { WINDOW = 24, OFTEN = 3 };

unsigned beat_take(struct beat *self, uint64_t serial)
{
	uint64_t steps = self->last ? serial - self->last : 1;

	self->last = serial;
	self->same += steps == 0;
	self->lost += steps > 1;
	if (++self->n == WINDOW) {
		if (self->lost >= OFTEN && self->same >= OFTEN)
			self->early = !self->early;
		self->n = self->lost = self->same = 0;
	}
	return steps > 1 ? (unsigned)steps - 1 : 0;
}

void beat_hold(struct beat *self, struct picture *picture, uint64_t serial)
{
	beat_let_go(self);
	self->held = true;
	self->picture = picture;
	self->serial = serial;
}

struct picture *beat_tick(struct beat *self, struct picture *now, uint64_t *serial)
{
	/* What is gone by now is not shown, whatever was there before. */
	if (!self->held || !self->picture || !now) {
		beat_let_go(self);
		return now;
	}
	ref_drop(now);
	now = self->picture;
	*serial = self->serial;
	self->picture = NULL;
	self->held = false;
	return now;
}

void beat_let_go(struct beat *self)
{
	self->picture = ref_drop(self->picture);
	self->held = false;
}
