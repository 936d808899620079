/* SPDX-License-Identifier: GPL-3.0-or-later
 * The leaky bucket. Credit grows at 2.5 times the rate, or faster where that
 * would not empty the queue by its deadline, and is kept for one frame only. */
#include "rtp/pacer.h"

#define SPREAD_US 100000
#define FRAME_US 33333

void pacer_init(struct pacer *self, uint32_t rate, int64_t now)
{
	*self = (struct pacer){ .rate = rate ? rate : 1, .last_us = now };
	self->credit = (int64_t)self->rate / 8 * FRAME_US / 1000000;
}

void pacer_set_rate(struct pacer *self, uint32_t rate)
{
	self->rate = rate ? rate : 1;
}

/* Bytes a second that may leave now. */
static int64_t speed(const struct pacer *self, int64_t now)
{
	int64_t v = (int64_t)self->rate * 5 / 2 / 8;

	if (self->queued) {
		int64_t left = self->deadline_us - now;
		int64_t need = (int64_t)self->queued * 1000000 / (left > 1000 ? left : 1000);

		if (need > v)
			v = need;
	}
	return v > 1250 ? v : 1250;
}

/* What an ordinary frame needs, with room for a frame twice as large. */
static int64_t most_credit(const struct pacer *self)
{
	int64_t frame = (int64_t)self->rate / 8 * FRAME_US / 1000000 * 2;

	return frame > 3000 ? frame : 3000;
}

static void count_up(struct pacer *self, int64_t now)
{
	int64_t dt = now - self->last_us;

	if (dt <= 0)
		return;
	if (dt > 1000000)
		dt = 1000000;
	self->credit += speed(self, now) * dt / 1000000;
	if (self->credit > most_credit(self))
		self->credit = most_credit(self);
	self->last_us = now;
}

void pacer_add(struct pacer *self, size_t bytes, int64_t now)
{
	count_up(self, now);
	/* The deadline is the youngest frame's; older ones are gone before. */
	self->deadline_us = now + SPREAD_US;
	self->queued += bytes;
}

int pacer_ready(struct pacer *self, int64_t now)
{
	count_up(self, now);
	return self->credit > 0;
}

void pacer_sent(struct pacer *self, size_t bytes, int64_t now)
{
	count_up(self, now);
	self->credit -= (int64_t)bytes;
	self->queued -= bytes < self->queued ? bytes : self->queued;
}

void pacer_clear(struct pacer *self)
{
	self->queued = 0;
	if (self->credit < 0)
		self->credit = 0;
}

int64_t pacer_next(struct pacer *self, int64_t now)
{
	count_up(self, now);
	if (self->credit > 0)
		return now;
	return now + (-self->credit + 1) * 1000000 / speed(self, now) + 1;
}
