/* SPDX-License-Identifier: GPL-3.0-or-later
 * The send rate towards one peer. */
#include "rtp/rate.h"

#define REMB_LIFE_US 10000000
#define DOWN_GAP_US 300000

void rate_init(struct rate *self, uint32_t min, uint32_t max, int64_t now)
{
	*self = (struct rate){ .min = min ? min : 1, .max = max, .loss_rate = max, .told = max,
			       .report_us = now };
}

void rate_set_max(struct rate *self, uint32_t max)
{
	/* Not held down by loss before: not held down after. */
	if (self->loss_rate >= self->max || self->loss_rate > max)
		self->loss_rate = max;
	self->max = max;
}

void rate_report(struct rate *self, uint8_t fraction, uint32_t rtt_us, int64_t now)
{
	int64_t dt = now - self->report_us;
	uint32_t loss = fraction * 100u / 256;

	self->report_us = now;
	/* Rounded towards what is new, so that it gets there. */
	self->loss = (uint8_t)((self->loss * 3u + loss + (loss > self->loss ? 3 : 0)) / 4);
	if (fraction > 26) { /* over 10 % */
		uint64_t r = self->loss_rate;

		if (now - self->down_us < DOWN_GAP_US + (int64_t)rtt_us)
			return;
		r -= r * fraction / 512;
		self->loss_rate = r < self->min ? self->min : (uint32_t)r;
		self->down_us = now;
	} else if (fraction < 5) { /* under 2 % */
		uint64_t r = self->loss_rate;

		if (dt > 1000000)
			dt = 1000000;
		if (dt > 0)
			r += r * 8 * (uint64_t)dt / 100000000 + 1000 * (uint64_t)dt / 1000000;
		self->loss_rate = r > self->max ? self->max : (uint32_t)r;
	}
}

static uint32_t clamp32(uint64_t v)
{
	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

void rate_remb(struct rate *self, uint64_t bitrate, int64_t now)
{
	self->remb = clamp32(bitrate);
	self->remb_us = now;
}

void rate_tmmbr(struct rate *self, uint64_t bitrate, unsigned overhead,
		unsigned packets_per_second, int64_t now)
{
	uint64_t head = (uint64_t)overhead * 8 * packets_per_second;

	(void)now;
	self->tmmbr = clamp32(bitrate > head ? bitrate - head : 1);
	if (!self->tmmbr)
		self->tmmbr = 1;
}

uint32_t rate_get(struct rate *self, int64_t now)
{
	uint32_t r = self->loss_rate < self->max ? self->loss_rate : self->max;

	if (self->remb && now - self->remb_us > REMB_LIFE_US)
		self->remb = 0;
	if (self->remb && self->remb < r)
		r = self->remb;
	if (self->tmmbr && self->tmmbr < r)
		r = self->tmmbr;
	return r < self->min ? self->min : r;
}

bool rate_changed(struct rate *self, int64_t now, uint32_t *out)
{
	uint64_t r = rate_get(self, now);

	if (r * 100 > (uint64_t)self->told * 95 && r * 100 < (uint64_t)self->told * 110 &&
	    (r < self->max || self->told >= self->max))
		return false;
	if (r == self->told)
		return false;
	self->told = (uint32_t)r;
	*out = self->told;
	return true;
}
