/* SPDX-License-Identifier: GPL-3.0-or-later
 * Audio of one meeting: 48 kHz, the active speakers summed once in 32 bits,
 * mix-minus for those who speak, clipped once at the end.
 *
 * Threads: the engine's shards run on an absolute 20 ms clock. Handles belong
 * to the control thread; setters are messages to the shard. */
#ifndef BALAI_MCU_MP_MIXER_H
#define BALAI_MCU_MP_MIXER_H

#include "mcu/mp/chime.h"
#include "rtp/wire.h"

struct audio_engine;
struct mixer;
struct mixer_leg;

/* Borrows the wire, which must outlive it. `shards` 0: one a core. A meeting lives
 * in the one with the fewest legs when it begins. */
int audio_engine_new(struct audio_engine **out, struct wire *wire, unsigned shards);
/* Stops the shards. Every mixer must have been dropped. */
struct audio_engine *audio_engine_free(struct audio_engine *self);

struct audio_engine_stats {
	uint64_t ticks, late[8]; /* lateness: <1, <2, <5, <10, <20, <50, <100, more ms */
	uint64_t decoded, concealed, encoded, frames_shared;
	uint64_t decodes_skipped; /* of packets that say that nobody speaks in them */
	int64_t busy_us;
	uint32_t legs, mixers;
};
void audio_engine_stats(const struct audio_engine *self, struct audio_engine_stats *out);

/* On a shard; the handler only posts. */
struct mixer_events {
	/* The participants now speaking, loudest first (ids given to legs); only
	 * when that changed, with hysteresis, at most ten times a second. */
	void (*speakers)(void *arg, const uint32_t *ids, unsigned n);
	/* After mixer_drop, once: nothing is called after it, `arg` may go. */
	void (*released)(void *arg);
	/* A key was heard in the sound of a leg that asks for it (hear_keys). */
	void (*key)(void *arg, uint32_t id, char key);
};

int mixer_new(struct mixer **out, struct audio_engine *engine,
	      const struct mixer_events *events, void *arg);
/* Frees once the shard has let go. NULL is returned. Legs must be dropped first. */
struct mixer *mixer_drop(struct mixer *self);

/* All of the meeting hear it, once; softly. */
void mixer_chime(struct mixer *self, enum chime_kind kind);

struct mixer_leg_params {
	uint32_t n_rx;
	struct stream_format rx[STREAM_MAX_FORMATS]; /* as in the stream */
	struct stream_format tx;
	unsigned ptime_ms;   /* of what we send: 10..60; what the codec cannot do
			      * (Opus: 30 and 50) becomes the next shorter one */
	uint32_t bitrate;    /* bit/s, 0: default */
	bool comfort_noise;  /* CN negotiated: silence may be sent as RFC 3389 */
	bool gain;           /* automatic: speech is brought to a common loudness */
	bool hear_keys;      /* it has no other way to send DTMF than as sound */
	bool muted;          /* what it sends is not mixed */
	bool deaf;           /* it is sent silence */
	bool receive, send;  /* directions of the stream */
};

/* `id`: the participant, for events. Holds the stream. */
int mixer_leg_new(struct mixer_leg **out, struct mixer *mixer, struct stream *stream,
		  uint32_t id);
void mixer_leg_set(struct mixer_leg *self, const struct mixer_leg_params *params);
struct mixer_leg *mixer_leg_drop(struct mixer_leg *self);

/* Level of what the leg sends, dBov (0 loudest, -127 silence). Any thread. */
int mixer_leg_level(const struct mixer_leg *self);

/* Delay of its sound through jitter buffer and mixer now, in us; for lip-sync. */
int64_t mixer_leg_delay_us(const struct mixer_leg *self);

#endif
