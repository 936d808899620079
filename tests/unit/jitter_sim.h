/* SPDX-License-Identifier: GPL-3.0-or-later
 * A sender, a network and a listener around the jitter buffer, on a fake clock. */
#ifndef BALAI_TESTS_UNIT_JITTER_SIM_H
#define BALAI_TESTS_UNIT_JITTER_SIM_H

#include "rtp/jitter.h"

#include <stdlib.h>
#include <string.h>

struct sim {
	/* set by the test */
	int64_t length_us;
	int ptime_ms;
	uint32_t rate;
	double skew;             /* of the sender's clock: 200e-6 is fast */
	double loss;
	int jitter_ms;           /* packets are held up evenly by 0 … so much */
	int64_t talk_us, silence_us; /* 0: always talking; else with DTX between */
	int64_t settle_us;       /* nothing is judged before */
	bool marker;             /* talkspurts begin with one */
	unsigned seed;
	/* what happened, after settling */
	uint64_t played, lost, waits, squeezed, stretched, sent, wrong;
	int64_t gap_us;          /* longest silence inside speech */
	int excess_max, excess_min;
	int64_t delay_max_us;    /* arrival to playing */
	struct jitter_stats stats;
};

struct sim_packet {
	int64_t at, sent;
	uint16_t seq;
	uint32_t time;
	bool marker, comfort;
};

static double sim_random(unsigned *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) / 16777216.0;
}

static int sim_by_arrival(const void *a, const void *b)
{
	const struct sim_packet *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at ? 1 : x->seq - y->seq;
}

/* All that arrives, in order of arrival. */
static struct sim_packet *sim_send(struct sim *s, size_t *n)
{
	size_t cap = (size_t)(s->length_us / (s->ptime_ms * 1000)) + 1;
	struct sim_packet *p = calloc(cap, sizeof *p);
	int64_t period = s->talk_us + s->silence_us;
	bool was_silent = true;
	uint16_t seq = 65000;

	*n = 0;
	for (size_t k = 0; k < cap; k++) {
		int64_t media = (int64_t)k * s->ptime_ms * 1000;
		bool silent = s->silence_us && media % period >= s->talk_us;
		struct sim_packet q = {
			.sent = (int64_t)((double)media / (1 + s->skew)),
			.time = (uint32_t)(media * s->rate / 1000000) + 0xffff0000u,
			.marker = s->marker && !silent && was_silent, .comfort = silent,
		};
		bool send = !silent || !was_silent;

		was_silent = silent;
		if (!send)
			continue;
		q.seq = seq++;
		q.at = 1000000 + q.sent + 30000 +
		       (int64_t)(sim_random(&s->seed) * s->jitter_ms * 1000);
		s->sent++;
		if (sim_random(&s->seed) >= s->loss)
			p[(*n)++] = q;
	}
	qsort(p, *n, sizeof *p, sim_by_arrival);
	return p;
}

/* The listener: takes 20 ms a tick, keeps less than a packet, and squeezes or
 * stretches by 5 ms where the depth, smoothed, is off. */
struct sim_listener {
	int64_t fifo_us, dry_us;
	double excess;
	int rest;
	bool hears, announced;
	int expected;            /* sequence number, -1: any */
};

static void sim_correct(struct sim *s, struct sim_listener *l, int excess_ms)
{
	double here = (double)l->fifo_us / 1000;

	l->excess += (excess_ms + here - l->excess) * 0.04;
	if (l->rest-- > 0)
		return;
	if (l->excess > 20) {
		l->fifo_us -= 5000; /* of the packet that follows */
		l->excess -= 5;
		s->squeezed++;
	} else if (l->excess - here < -10) {
		l->fifo_us += 5000;
		l->excess += 5;
		s->stretched++;
	} else {
		return;
	}
	l->rest = 10;
}

static void sim_tick(struct sim *s, struct sim_listener *l, struct jitter *j, int64_t now,
		     bool judged)
{
	static struct audio_packet out;
	int excess = 0;

	while (l->fifo_us < 20000) {
		enum pull r = jitter_pull(j, now, &out, &excess);

		if (r == PULL_WAIT)
			break;
		if (r == PULL_PACKET) {
			if (l->expected >= 0 && seq_diff(out.seq, (uint16_t)l->expected) < 0)
				s->wrong++;
			l->expected = (uint16_t)(out.seq + 1);
			l->announced = out.len <= 2;
			l->hears = true;
			if (judged) {
				s->played++;
				if (excess > s->excess_max)
					s->excess_max = excess;
				if (excess < s->excess_min)
					s->excess_min = excess;
				if (now - out.arrival_us > s->delay_max_us)
					s->delay_max_us = now - out.arrival_us;
			}
			if (l->announced) {
				l->fifo_us = l->fifo_us > 0 ? l->fifo_us : 0;
				break;
			}
			sim_correct(s, l, excess);
			l->fifo_us += s->ptime_ms * 1000;
		} else {
			l->fifo_us += s->ptime_ms * 1000;
			if (judged)
				s->lost++;
		}
	}
	if (l->fifo_us >= 20000) {
		l->fifo_us -= 20000;
		l->dry_us = 0;
		return;
	}
	if (l->hears && !l->announced && judged) {
		s->waits++;
		l->dry_us += 20000 - l->fifo_us;
		if (l->dry_us > s->gap_us)
			s->gap_us = l->dry_us;
	}
	l->fifo_us = 0;
}

static void sim_run(struct sim *s)
{
	struct sim_listener l = { .expected = -1 };
	struct jitter *j;
	size_t n, k = 0;
	struct sim_packet *p = sim_send(s, &n);
	uint8_t payload[480] = { 0 };

	if (jitter_new(&j, 0, 0))
		abort();
	for (int64_t now = 1000000; now < 1000000 + s->length_us && k < n;
	     now += 20000) {
		for (; k < n && p[k].at <= now; k++) {
			struct rtp_packet r = {
				.pt = p[k].comfort ? 13 : 0, .seq = p[k].seq, .timestamp = p[k].time,
				.ssrc = 77, .marker = p[k].marker, .payload = payload,
				.payload_len = p[k].comfort ? 1 : (size_t)s->ptime_ms * 8,
			};

			(void)jitter_put(j, &r, s->rate, p[k].comfort, 0, p[k].at);
		}
		sim_tick(s, &l, j, now, now - 1000000 > s->settle_us);
	}
	jitter_stats(j, &s->stats);
	jitter_free(j);
	free(p);
}

#endif
