/* SPDX-License-Identifier: GPL-3.0-or-later
 * The mixer itself, without threads: one meeting's legs, driven tick by tick.
 * The engine drives it from a shard, tests from a fake clock. */
#ifndef BALAI_MCU_MP_MIX_H
#define BALAI_MCU_MP_MIX_H

#include "base/list.h"
#include "codecs/dtmf_tones.h"
#include "mcu/mp/gain.h"
#include "mcu/mp/limiter.h"
#include "mcu/mp/mix_rx.h"
#include "mcu/mp/mixer.h"
#include "mcu/mp/speech.h"

enum {
	MIX_SPEAKERS = 6,  /* mixed at once */
	MIX_LISTEN = 64,   /* others who speak, decoded in a tick */
	MIX_EVENT_MAX = 16 /* told at once */
};

/* What a leg is sent. */
enum mix_source {
	MIX_FULL,   /* the sum */
	MIX_MINUS,  /* the sum without the leg itself */
	MIX_SILENT, /* nothing */
};

struct mix_chain;

struct mix_leg {
	/* What every tick looks at of every leg, close together: with a thousand of
	 * them a tick costs what it fetches from memory. */
	struct list link;
	void *stream;
	struct mix_chain *chain;    /* what it is sent */
	uint32_t id;
	int level;                  /* dBov of the last tick */
	bool set;                   /* params were given */
	bool selected;              /* one of those mixed */
	bool in_mix;                /* `part` is part of this tick's sum */
	bool joined;                /* and is to be in the next */
	bool broken;                /* nothing came in the last tick */
	struct speech speech;
	int level_known;            /* dBov of what was decoded last */
	int level_last;             /* as measured in it */
	unsigned keyless;           /* ticks too soft for keys */
	int64_t last_mixed;         /* tick in which it last was */
	size_t n_native;
	struct mixer_leg_params params;
	struct mix_rx rx;
	int16_t native[MIX_TICK];   /* this tick, at rx.rate */

	/* Of those in the mix, or lately. */
	struct gain gain;
	struct dtmf_tones keys;
	struct resampler *up;
	uint32_t up_rate;
	int16_t last_out;           /* the last sample of its part */
	int16_t tail[64];           /* the end of its last tick, to prime `up` with */
	int16_t part[MIX_TICK];
	struct limiter limiter;     /* of minus */
	int16_t minus[MIX_TICK];
};

struct mix_stats {
	uint64_t decoded, concealed, rested, encoded, sent, chains_forked, chains_merged, upsampled;
};

struct mix {
	const struct mix_io *io;
	void *io_arg;
	struct list legs, chains;
	int64_t tick, tick_us;      /* number since time zero, and its time */
	struct limiter limiter;     /* of full */
	unsigned n_in_mix;
	unsigned listen;            /* MIX_LISTEN; tests have fewer */
	unsigned n_loud;            /* who speak and are not heard */
	unsigned one_of_loud;       /* of the packets of those is decoded, by the last tick */
	struct chime chime;
	int32_t sum[MIX_TICK];
	int16_t full[MIX_TICK];
	uint32_t speaker[MIX_EVENT_MAX];
	unsigned n_speakers;
	int64_t told;               /* tick of the last event */
	void (*speakers)(void *arg, const uint32_t *ids, unsigned n);
	void (*key)(void *arg, uint32_t id, char key);
	void *speakers_arg;         /* of both */
	struct mix_stats stats;
};

void mix_init(struct mix *self, const struct mix_io *io, void *io_arg);
/* All legs must be gone. */
void mix_fini(struct mix *self);

void mix_leg_init(struct mix_leg *leg, void *stream, uint32_t id);
void mix_add(struct mix *self, struct mix_leg *leg);
void mix_set(struct mix *self, struct mix_leg *leg, const struct mixer_leg_params *params);
/* Takes the leg out and releases what it holds, not the leg. */
void mix_remove(struct mix *self, struct mix_leg *leg);

/* The 20 ms that begin at tick_us, a multiple of 20000: in, mix, out. Ticks may
 * be left out, never repeated. */
void mix_tick(struct mix *self, int64_t tick_us);

#endif
