/* SPDX-License-Identifier: GPL-3.0-or-later
 * Media time, transit and lateness. */
#include "rtp/jitter_clock.h"

#include "rtp/packet.h"

#include <string.h>

enum {
	LEAP_EARLY_US = 300000,  /* so much earlier than ever: the timestamps leapt */
	LEAP_LATE_US = 1000000,  /* so much later: they stood still meanwhile */
	LEAP_QUIET_US = 120000,  /* the same after silence, where it costs nothing */
	PTIME_MIN_US = 2500, PTIME_MAX_US = 120000,
	ROUTE_US = 40000,        /* a base this much lower is another way through the net */
};

/* ---- media time ---------------------------------------------------------- */

void jitter_clock_init(struct jitter_clock *self)
{
	*self = (struct jitter_clock){ .ptime_us = 20000 };
}

/* A step between two neighbours that is seen twice in a row is the ptime. */
static void note_ptime(struct jitter_clock *self, int64_t step)
{
	int64_t d = step - self->ptime_seen_us;

	if (step < PTIME_MIN_US || step > PTIME_MAX_US)
		return;
	if (!self->ptime_seen_us || (d > -1000 && d < 1000))
		self->ptime_us = step;
	self->ptime_seen_us = step;
}

/* Where the sound goes on when the timestamp does not tell. */
static int64_t resync(struct jitter_clock *self, int64_t base_us, int64_t ext, int64_t now)
{
	int64_t after = self->media_us + (ext - self->ext) * self->ptime_us;

	self->resyncs++;
	self->ptime_seen_us = 0;
	return now - base_us > after ? now - base_us : after;
}

/* An older packet: it must lie before the newest one. */
static int64_t older(const struct jitter_clock *self, int64_t ext, uint32_t rtp_time, uint32_t rate)
{
	int64_t media = self->media_us +
			(int64_t)rtp_time_diff(rtp_time, self->rtp_time) * 1000000 / rate;
	int64_t usual = self->media_us - (self->ext - ext) * self->ptime_us;

	return media >= self->media_us || media < usual - LEAP_LATE_US ? usual : media;
}

int64_t jitter_clock_media(struct jitter_clock *self, int64_t base_us, int64_t ext,
			   uint32_t rtp_time, uint32_t rate, bool marker, bool renewed,
			   int64_t now)
{
	int64_t media, late;

	if (self->known && ext <= self->ext)
		return older(self, ext, rtp_time, rate);
	if (!self->known) {
		media = now - base_us;
	} else if (renewed || rate != self->rate) {
		media = resync(self, base_us, ext, now);
	} else {
		media = self->media_us +
			(int64_t)rtp_time_diff(rtp_time, self->rtp_time) * 1000000 / rate;
		late = now - media - base_us;
		if (media <= self->media_us || late < -LEAP_EARLY_US || late > LEAP_LATE_US ||
		    (late > LEAP_QUIET_US && (marker || self->quiet)))
			media = resync(self, base_us, ext, now);
		else if (ext == self->ext + 1 && !marker && !self->quiet)
			note_ptime(self, media - self->media_us);
	}
	self->known = true;
	self->rate = rate;
	self->ext = ext;
	self->media_us = media;
	self->rtp_time = rtp_time;
	self->quiet = false;
	return media;
}

/* ---- transit ------------------------------------------------------------- */

void transit_init(struct transit *self)
{
	memset(self, 0, sizeof *self);
	for (int i = 0; i < TRANSIT_WINDOW_S; i++)
		self->window[i].second = INT64_MIN / 2;
	/* As if two packets had come 10 ms late: a start that is soon forgotten,
	 * and of the first hundred packets the latest one counts anyway. */
	self->gain = 1;
	self->lateness[2] = self->sum = 2;
}

/* The base moved up by whole buckets (down: negative): what was measured
 * against the old one stands lower (higher) now. */
static void shift(struct transit *self, int64_t buckets)
{
	float moved[LATENESS_BUCKETS] = { 0 };

	for (int i = 0; i < LATENESS_BUCKETS; i++) {
		int64_t to = i - buckets;

		to = to < 0 ? 0 : to >= LATENESS_BUCKETS ? LATENESS_BUCKETS - 1 : to;
		moved[to] += self->lateness[i];
	}
	memcpy(self->lateness, moved, sizeof moved);
}

static void move_base(struct transit *self, int64_t base_us)
{
	int64_t by = base_us - self->base_us, buckets;

	self->base_us = base_us;
	if (by < -ROUTE_US || !by)
		return;
	self->rest_us += by;
	buckets = self->rest_us / LATENESS_BUCKET_US;
	self->rest_us -= buckets * LATENESS_BUCKET_US;
	if (buckets)
		shift(self, buckets);
}

static int64_t least(struct transit *self, int64_t transit_us, int64_t now)
{
	int64_t second = now / 1000000, v = transit_us;
	unsigned at = (unsigned)((uint64_t)second % TRANSIT_WINDOW_S);

	if (self->window[at].second != second || transit_us < self->window[at].least_us) {
		self->window[at].second = second;
		self->window[at].least_us = transit_us;
	}
	for (int i = 0; i < TRANSIT_WINDOW_S; i++)
		if (self->window[i].second > second - TRANSIT_WINDOW_S &&
		    self->window[i].second <= second && self->window[i].least_us < v)
			v = self->window[i].least_us;
	return v;
}

/* Old packets are forgotten by giving new ones more weight: half of the weight
 * is on the last 350 packets. */
static void count(struct transit *self, int64_t late_us)
{
	int64_t bucket = late_us / LATENESS_BUCKET_US;

	self->gain *= 1.002f;
	self->lateness[bucket >= LATENESS_BUCKETS ? LATENESS_BUCKETS - 1 : bucket] += self->gain;
	self->sum += self->gain;
	if (self->gain < 1e6f)
		return;
	self->sum = 0;
	for (int i = 0; i < LATENESS_BUCKETS; i++) {
		self->lateness[i] /= self->gain;
		self->sum += self->lateness[i];
	}
	self->gain = 1;
}

void transit_note(struct transit *self, int64_t transit_us, int64_t now)
{
	int64_t base_us = least(self, transit_us, now);

	if (!self->known)
		self->base_us = base_us;
	self->known = true;
	move_base(self, base_us);
	count(self, transit_us - base_us);
}

int64_t transit_late_us(const struct transit *self)
{
	float rest = self->sum / 100, here;
	int i = LATENESS_BUCKETS - 1;

	for (; i > 0 && rest >= self->lateness[i]; i--)
		rest -= self->lateness[i];
	/* Between the edges of the bucket, so that the depth does not go in steps. */
	here = self->lateness[i] > rest ? 1 - rest / self->lateness[i] : 0;
	return (int64_t)(((float)i + here) * LATENESS_BUCKET_US);
}
