/* SPDX-License-Identifier: GPL-3.0-or-later
 * Pacing of video: a leaky bucket in millionths of a byte. */
#include "rtp/pacer.h"

enum {
	MIN_RATE = 30000,        /* bit/s */
	SPREAD_US = 100000,      /* a frame is gone after this */
	MIN_BURST = 3000, MAX_BURST = 16000, /* bytes at once */
	MAX_IDLE_US = 1000000,
};

/* Bytes a second that drain the queue: 2.5 times the rate or what is needed. */
static int64_t drain(const struct pacer *self)
{
	int64_t usual = (int64_t)self->rate * 5 / 16;

	return usual > self->need ? usual : self->need;
}

/* An ordinary frame with half as much again, at 25 frames a second. */
static int64_t burst(const struct pacer *self)
{
	int64_t bytes = (int64_t)self->rate * 3 / 400;

	return bytes < MIN_BURST ? MIN_BURST : bytes > MAX_BURST ? MAX_BURST : bytes;
}

static void earn(struct pacer *self, int64_t now)
{
	int64_t dt = now - self->last_us, most = burst(self) * 1000000;

	if (dt > MAX_IDLE_US)
		dt = MAX_IDLE_US;
	if (dt > 0) {
		self->credit += dt * drain(self);
		self->last_us = now;
	}
	if (self->credit > most)
		self->credit = most;
}

void pacer_init(struct pacer *self, uint32_t rate, int64_t now)
{
	*self = (struct pacer){ .last_us = now };
	pacer_set_rate(self, rate);
	self->credit = burst(self) * 1000000;
}

void pacer_set_rate(struct pacer *self, uint32_t rate)
{
	self->rate = rate < MIN_RATE ? MIN_RATE : rate;
}

void pacer_add(struct pacer *self, size_t bytes, int64_t now)
{
	int64_t need;

	earn(self, now); /* at the pace so far */
	if (!self->queued)
		self->need = 0;
	self->queued += bytes;
	need = ((int64_t)self->queued * 1000000 + SPREAD_US - 1) / SPREAD_US;
	if (need > self->need)
		self->need = need;
}

int pacer_ready(struct pacer *self, int64_t now)
{
	earn(self, now);
	return self->credit > 0;
}

void pacer_sent(struct pacer *self, size_t bytes, int64_t now)
{
	earn(self, now);
	self->credit -= (int64_t)bytes * 1000000;
	self->queued -= bytes < self->queued ? bytes : self->queued;
	if (!self->queued)
		self->need = 0;
}

void pacer_clear(struct pacer *self)
{
	self->queued = 0;
	self->need = 0;
}

int64_t pacer_next(struct pacer *self, int64_t now)
{
	earn(self, now);
	if (self->credit > 0)
		return now;
	return now + -self->credit / drain(self) + 1;
}
