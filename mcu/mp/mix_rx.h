/* SPDX-License-Identifier: GPL-3.0-or-later
 * What one leg sends, as 20 ms of samples a tick: packets are pulled, decoded by
 * what their payload type says, concealed, squeezed and stretched. Pure but for
 * the pull. */
#ifndef BALAI_MCU_MP_MIX_RX_H
#define BALAI_MCU_MP_MIX_RX_H

#include "codecs/audio.h"
#include "rtp/wire.h"

enum { MIX_RX_FIFO = 3 * AUDIO_MAX_SAMPLES, MIX_TICK_US = 20000, MIX_RATE = 48000,
       MIX_TICK = MIX_RATE / 50,
       /* Packets kept while they are not decoded: what brings a decoder's state
	* back, within what is heard. */
       MIX_REST_KEEP = 4, MIX_REST_BYTES = 400,
       /* One packet of so many is decoded though it says that it is quiet. */
       MIX_REST_CHECK = 25 };

/* How the mixer reaches the wire; tests have their own. */
struct mix_io {
	enum pull (*pull)(void *stream, int64_t now, struct audio_packet *out, int *excess_ms);
	/* Borrows both, holds what it keeps. */
	void (*send)(void *arg, void *stream, struct coded *frame);
	/* Loss the peer reports, percent. May be NULL. */
	int (*loss)(void *stream);
};

struct mix_rx_slot {
	uint8_t pt;
	struct codec_format format;
	struct audio_decoder *dec; /* made when its first packet comes */
	uint32_t rate;             /* of dec */
};

struct mix_rx_stats {
	uint64_t decoded, concealed, bad, unknown_pt, squeezed, stretched, overflow;
	uint64_t rested;           /* packets that were not decoded */
};

/* A leg nobody hears whose packets say that nobody speaks, or that speaks where very many
 * do: they are not decoded, but the last are kept to be decoded when that ends. Now and
 * then one is decoded all the same: a steady tone is no voice to its codec and yet to be
 * heard, and who speaks louder than those that are heard takes their place. Those who
 * speak are spared Opus only, which costs ten times what others do. */
struct mix_rest {
	bool now;                  /* the last packet was not decoded */
	unsigned n;                /* kept, the oldest first */
	unsigned since_check;      /* packets */
	struct { uint16_t len; uint8_t data[MIX_REST_BYTES]; } kept[MIX_REST_KEEP];
};

struct mix_rx {
	uint32_t n_slots;
	struct mix_rx_slot slot[STREAM_MAX_FORMATS];
	struct mix_rx_slot *now;   /* the one that decoded last */
	struct mix_rx_slot *sound; /* the same without comfort noise */
	uint32_t rate;             /* of the samples in the queue, 0: nothing yet */
	size_t packet;             /* samples in the last packet */
	size_t ahead;              /* samples concealed of one that may still come */
	size_t fill;
	float excess;              /* what waits above the target in all, smoothed, ms */
	unsigned rest;             /* packets until the next correction */
	unsigned dry;              /* ticks since the last packet */
	bool joint;                /* what comes next does not join what was before */
	int16_t last;              /* the sample before it */
	int64_t delay_us;          /* smoothed: from arrival to the mix */
	/* Set by the mixer: one of so many packets is decoded, of those that say that
	 * nobody speaks and of the others. 1: each. */
	unsigned one_of_quiet, one_of_loud;
	bool loud;                 /* the last packet did not say that nobody speaks */
	struct mix_rest rest_of;   /* sound->dec was spared these */
	struct mix_rx_stats stats;
	struct audio_packet packet_buf;
	int16_t fifo[MIX_RX_FIFO];
};

/* Decoders of formats that stay are kept. */
void mix_rx_set(struct mix_rx *self, const struct stream_format *rx, uint32_t n);
void mix_rx_fini(struct mix_rx *self);

/* Forgets what waits (the stream was on hold). */
void mix_rx_reset(struct mix_rx *self);

/* The next 20 ms at self->rate into `pcm` (room for MIX_TICK); returns the
 * samples, 0 when there is no sound. While rest_of.now they are zeros that say
 * nothing of the level. */
size_t mix_rx_tick(struct mix_rx *self, const struct mix_io *io, void *stream, int64_t now,
		   int16_t *pcm);

#endif
