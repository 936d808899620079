/* SPDX-License-Identifier: GPL-3.0-or-later
 * A meeting for tests of the mixer, on a clock of its own, with phones that are
 * not there. */
#ifndef BALAI_TESTS_UNIT_MIX_ROOM_H
#define BALAI_TESTS_UNIT_MIX_ROOM_H

#include "tests/unit/cmocka_head.h"

#include "tests/unit/mix_peer.h"

#include <stdlib.h>

enum { START_US = 1000000000, MAX_PEERS = 32 };

static const struct mix_io room_io = { .pull = peer_pull, .send = peer_send };

struct room {
	struct mix mix;
	int64_t now;
	unsigned n;
	struct peer *peer[MAX_PEERS];
	unsigned events;
	uint32_t told[MIX_EVENT_MAX];
	unsigned n_told;
};

static inline void on_speakers(void *arg, const uint32_t *ids, unsigned n)
{
	struct room *r = arg;

	r->events++;
	r->n_told = n;
	memcpy(r->told, ids, n * sizeof(*ids));
}

static inline void room_init(struct room *r)
{
	memset(r, 0, sizeof(*r));
	mix_init(&r->mix, &room_io, r);
	r->mix.speakers = on_speakers;
	r->mix.speakers_arg = r;
	r->now = START_US;
}

static inline struct peer *room_add(struct room *r, enum codec_id codec, uint32_t clock, double hz,
				    bool talking)
{
	struct peer *p = malloc(sizeof(*p));
	struct mixer_leg_params params;

	assert_non_null(p);
	peer_init(p, r->n + 1, codec, clock);
	p->hz = hz;
	p->talking = talking;
	p->clock_ms = (double)(r->now - START_US) / 1000;
	r->peer[r->n++] = p;
	params = peer_params(p);
	mix_add(&r->mix, &p->leg);
	mix_set(&r->mix, &p->leg, &params);
	return p;
}

static inline void room_run(struct room *r, unsigned ms)
{
	for (unsigned i = 0; i < ms; i += 20) {
		for (unsigned k = 0; k < r->n; k++)
			peer_run(r->peer[k], START_US, r->now);
		mix_tick(&r->mix, r->now);
		r->now += MIX_TICK_US;
	}
}

static inline void room_fini(struct room *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		mix_remove(&r->mix, &r->peer[i]->leg);
		peer_fini(r->peer[i]);
		free(r->peer[i]);
	}
	mix_fini(&r->mix);
}

/* Amplitude of a tone in the last `ms` heard, dB of 32768. */
static inline double heard_db(const struct peer *p, double hz, unsigned ms)
{
	uint32_t rate = audio_rate(&p->heard_format);
	size_t n = (size_t)rate * ms / 1000;

	assert_true(p->n_heard >= n);
	return 20 * log10(tone_find(p->heard + p->n_heard - n, n, hz, rate, NULL) / 32768 + 1e-9);
}

/* What remains of the last `ms` after these tones, dB below their sum. */
static inline double heard_snr(const struct peer *p, const double *hz, unsigned n_hz, unsigned ms)
{
	uint32_t rate = audio_rate(&p->heard_format);
	size_t n = (size_t)rate * ms / 1000;
	const int16_t *x = p->heard + p->n_heard - n;
	double *rest = malloc(n * sizeof(*rest)), all = 0, left = 0;

	for (size_t i = 0; i < n; i++) {
		rest[i] = x[i];
		all += rest[i] * rest[i];
	}
	for (int round = 0; round < 4; round++) { /* tones are not quite orthogonal */
		for (unsigned h = 0; h < n_hz; h++) {
			double s = 0, c = 0, w = 2 * M_PI * hz[h] / rate;

			for (size_t i = 0; i < n; i++) {
				s += rest[i] * sin(w * (double)i);
				c += rest[i] * cos(w * (double)i);
			}
			for (size_t i = 0; i < n; i++)
				rest[i] -= 2 / (double)n * (s * sin(w * (double)i) +
							    c * cos(w * (double)i));
		}
	}
	for (size_t i = 0; i < n; i++)
		left += rest[i] * rest[i];
	free(rest);
	return 10 * log10(all / (left + 1e-6));
}

/* What a leg does is changed in mid-call, so: leg_flags(&r, p, hold). */
static inline void leg_flags(struct room *r, struct peer *p, void (*change)(struct mixer_leg_params *))
{
	struct mixer_leg_params params = p->leg.params;

	change(&params);
	mix_set(&r->mix, &p->leg, &params);
}

static inline void hold(struct mixer_leg_params *p) { p->receive = false; }
static inline void unhold(struct mixer_leg_params *p) { p->receive = true; }
static inline void mute(struct mixer_leg_params *p) { p->muted = true; }
static inline void unmute(struct mixer_leg_params *p) { p->muted = false; }
static inline void deafen(struct mixer_leg_params *p) { p->deaf = true; }
static inline void undeafen(struct mixer_leg_params *p) { p->deaf = false; }
static inline void shut(struct mixer_leg_params *p) { p->send = false; }
static inline void unshut(struct mixer_leg_params *p) { p->send = true; }

#endif
