/* SPDX-License-Identifier: GPL-3.0-or-later
 * The mixer behind the real jitter buffer, with networks that delay, lose and
 * reorder, and clocks that disagree. Time is ours. */
#include "tests/unit/cmocka_head.h"

#include "mcu/mp/mix_tx.h"
#include "rtp/jitter.h"
#include "tests/unit/mix_peer.h"

#include <stdio.h>

enum { START_US = 1000000000, IN_FLIGHT = 256 };

struct net {
	struct peer peer;        /* first: the stream */
	struct jitter *jitter;
	unsigned jitter_us;      /* extra delay, evenly from 0 to this */
	unsigned loss;           /* percent */
	uint32_t random;
	uint64_t lost;
	bool dropped;
	unsigned n;
	struct { int64_t at; struct audio_packet p; } flight[IN_FLIGHT];
};

static uint32_t net_random(struct net *self)
{
	self->random = self->random * 1664525u + 1013904223u;
	return self->random >> 8;
}

static struct net *net_new(uint32_t id, enum codec_id codec, uint32_t clock)
{
	struct net *self = calloc(1, sizeof(*self));

	assert_non_null(self);
	peer_init(&self->peer, id, codec, clock);
	self->random = id;
	assert_int_equal(jitter_new(&self->jitter, 0, 0), 0);
	return self;
}

static void net_free(struct net *self)
{
	peer_fini(&self->peer);
	jitter_free(self->jitter);
	free(self);
}

/* Sends what was spoken, delivers what arrives by `now`, earliest first. */
static void net_run(struct net *self, int64_t now)
{
	struct peer *p = &self->peer;

	peer_run(p, START_US, now);
	for (; p->waiting; p->waiting--, p->head = (p->head + 1) % PEER_QUEUE) {
		struct audio_packet *a = &p->queue[p->head];

		/* Never two in a row: 120 ms of nothing must fade. */
		self->dropped = net_random(self) % 100 < self->loss && !self->dropped;
		if (self->dropped) {
			self->lost++;
			continue;
		}
		assert_true(self->n < IN_FLIGHT);
		self->flight[self->n].p = *a;
		self->flight[self->n++].at = a->arrival_us +
			(self->jitter_us ? net_random(self) % self->jitter_us : 0);
	}
	for (;;) {
		unsigned first = 0;
		struct rtp_packet rp = { .ssrc = 1 };

		for (unsigned i = 1; i < self->n; i++)
			if (self->flight[i].at < self->flight[first].at)
				first = i;
		if (!self->n || self->flight[first].at > now)
			return;
		rp.pt = self->flight[first].p.pt;
		rp.seq = self->flight[first].p.seq;
		rp.timestamp = self->flight[first].p.rtp_time;
		rp.payload = self->flight[first].p.data;
		rp.payload_len = self->flight[first].p.len;
		(void)jitter_put(self->jitter, &rp, peer_clock(&p->format), rp.pt == 13,
				 0, self->flight[first].at);
		self->flight[first] = self->flight[--self->n];
	}
}

static enum pull net_pull(void *stream, int64_t now, struct audio_packet *out, int *excess)
{
	return jitter_pull(((struct net *)stream)->jitter, now, out, excess);
}

static void net_send(void *arg, void *stream, struct coded *frame)
{
	(void)arg;
	peer_hear(&((struct net *)stream)->peer, frame);
}

static const struct mix_io io = { .pull = net_pull, .send = net_send };

/* One speaks, one listens in 48 kHz. */
struct pair {
	struct mix mix;
	int64_t now;
	struct net *a, *b;
};

static void pair_init(struct pair *self, enum codec_id codec, uint32_t clock, unsigned ptime)
{
	struct mixer_leg_params p;

	memset(self, 0, sizeof(*self));
	mix_init(&self->mix, &io, NULL);
	self->now = START_US;
	self->a = net_new(1, codec, clock);
	self->b = net_new(2, CODEC_L16, 48000);
	self->a->peer.ptime = ptime;
	self->a->peer.format.opus.useinbandfec = true;
	self->a->peer.hz = 300;
	self->a->peer.talking = true;
	p = peer_params(&self->a->peer);
	p.rx[1].pt = 13;
	p.rx[1].format = (struct codec_format){ .id = CODEC_CN, .clock_rate = 8000 };
	p.n_rx = 2;
	mix_add(&self->mix, &self->a->peer.leg);
	mix_set(&self->mix, &self->a->peer.leg, &p);
	p = peer_params(&self->b->peer);
	mix_add(&self->mix, &self->b->peer.leg);
	mix_set(&self->mix, &self->b->peer.leg, &p);
	self->b->peer.stopped = true;
}

static void pair_run(struct pair *self, unsigned ms)
{
	for (unsigned i = 0; i < ms; i += 20) {
		net_run(self->a, self->now);
		net_run(self->b, self->now);
		mix_tick(&self->mix, self->now);
		self->now += MIX_TICK_US;
	}
}

static void pair_fini(struct pair *self)
{
	mix_remove(&self->mix, &self->a->peer.leg);
	mix_remove(&self->mix, &self->b->peer.leg);
	mix_fini(&self->mix);
	net_free(self->a);
	net_free(self->b);
}

/* No jitter: from the mouth to the packet that leaves in 60 ms, at any phase of
 * the sender's packets. */
static void test_latency(void **state)
{
	unsigned sum = 0;

	(void)state;
	for (int phase = 0; phase < 20; phase += 3) {
		struct pair r;
		double spoken, heard;
		size_t onset = 0;

		pair_init(&r, CODEC_PCMU, 8000, 20);
		r.a->peer.talking = false;
		r.a->peer.clock_ms = phase;
		pair_run(&r, 4000);
		r.a->peer.talking = true;
		spoken = r.a->peer.clock_ms;
		pair_run(&r, 1000);
		while (onset < r.b->peer.n_heard && abs(r.b->peer.heard[onset]) < 500)
			onset++;
		heard = (double)onset / 48;
		print_message("phase %d ms: %.1f ms\n", phase, heard - spoken);
		assert_true(heard - spoken < 70);
		sum += (unsigned)(heard - spoken);
		assert_in_range(r.a->peer.leg.rx.delay_us, 25000, 62000);
		pair_fini(&r);
	}
	assert_true(sum / 7 < 60);
}

static void test_drift(void **state)
{
	static const double ppm[] = { 200, -200 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		double pure = 2 * M_PI * 300 / 48000 * 8000;
		int64_t least = INT64_MAX, most = 0;
		struct jitter_stats stats;
		struct pair r;

		pair_init(&r, CODEC_PCMA, 8000, 20);
		r.a->peer.ppm = ppm[i];
		pair_run(&r, 10000);
		for (int s = 0; s < 1800; s += 10) {
			const struct peer *b = &r.b->peer;

			r.b->peer.n_heard = 0;
			pair_run(&r, 10000);
			assert_true(tone_step(b->heard, b->n_heard) < pure * 1.3 + 60);
			assert_true(tone_rms(b->heard, b->n_heard) > 5400);
			if (r.a->peer.leg.rx.delay_us < least)
				least = r.a->peer.leg.rx.delay_us;
			if (r.a->peer.leg.rx.delay_us > most)
				most = r.a->peer.leg.rx.delay_us;
		}
		jitter_stats(r.a->jitter, &stats);
		print_message("%+.0f ppm: delay %lld to %lld us, out %llu, in %llu\n", ppm[i],
			      (long long)least, (long long)most,
			      (unsigned long long)r.a->peer.leg.rx.stats.squeezed,
			      (unsigned long long)r.a->peer.leg.rx.stats.stretched);
		assert_int_equal(stats.underrun + stats.lost + stats.skipped + stats.resync, 0);
		assert_int_equal(r.a->peer.leg.rx.stats.concealed, 0);
		assert_true(most - least <= 20000 && most < 70000);
		pair_fini(&r);
	}
}

/* 5 % loss and 50 ms of jitter, every packet time: concealed, no hole. */
static void test_bad_network(void **state)
{
	static const struct {
		enum codec_id codec;
		uint32_t clock;
		unsigned ptime;
	} row[] = {
		{ CODEC_PCMU, 8000, 10 }, { CODEC_PCMU, 8000, 20 }, { CODEC_PCMA, 8000, 30 },
		{ CODEC_G722, 8000, 20 }, { CODEC_OPUS, 48000, 20 }, { CODEC_G722, 8000, 40 },
		{ CODEC_PCMU, 8000, 60 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		unsigned holes = 0;
		struct pair r;

		pair_init(&r, row[i].codec, row[i].clock, row[i].ptime);
		r.a->jitter_us = 50000;
		pair_run(&r, 10000);
		r.a->loss = 5;
		r.b->peer.n_heard = 0;
		r.a->lost = 0;
		pair_run(&r, 30000);
		for (size_t k = 0; k + 960 < r.b->peer.n_heard; k += 480)
			holes += tone_rms(r.b->peer.heard + k, 960) < 300;
		print_message("%s %u ms: lost %llu, concealed %llu, holes %u, delay %lld us\n",
			      codec_name(row[i].codec), row[i].ptime,
			      (unsigned long long)r.a->lost,
			      (unsigned long long)r.a->peer.leg.rx.stats.concealed, holes,
			      (long long)r.a->peer.leg.rx.delay_us);
		assert_true(r.a->lost > 0);
		assert_int_equal(holes, 0);
		assert_true(r.a->peer.leg.rx.delay_us < 150000 + 2000 * row[i].ptime);
		pair_fini(&r);
	}
}

/* Silence suppression: the sender stops with comfort noise and comes back. */
static void test_pauses(void **state)
{
	double pure = 2 * M_PI * 300 / 48000 * 8000;
	struct pair r;

	(void)state;
	pair_init(&r, CODEC_PCMU, 8000, 20);
	pair_run(&r, 2000);
	for (int i = 0; i < 10; i++) {
		struct peer *a = &r.a->peer;
		struct audio_packet *p = &a->queue[(a->head + a->waiting) % PEER_QUEUE];
		unsigned ms = 500 + 260 * (unsigned)i;

		a->talking = false;
		pair_run(&r, 60);
		a->stopped = true;
		*p = (struct audio_packet){ .pt = 13, .len = 1, .seq = ++a->seq,
					    .rtp_time = a->rtp_time, .arrival_us = r.now };
		p->data[0] = 60;
		a->waiting++;
		pair_run(&r, ms);
		a->rtp_time += ms * 8;
		a->stopped = false;
		a->talking = true;
		r.b->peer.n_heard = 0;
		pair_run(&r, 1000);
		assert_true(tone_rms(r.b->peer.heard + 10000, 30000) > 5400);
		assert_true(tone_step(r.b->peer.heard, r.b->peer.n_heard) < pure * 1.5 + 300);
	}
	assert_int_equal(r.b->peer.gaps, 0);
	pair_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_bad_network),
		cmocka_unit_test(test_pauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
