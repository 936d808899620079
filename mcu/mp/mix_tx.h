/* SPDX-License-Identifier: GPL-3.0-or-later
 * The way out of a mixer: chains of resampler and encoder, each shared by all
 * legs that are sent the same sound in the same form. */
#ifndef BALAI_MCU_MP_MIX_TX_H
#define BALAI_MCU_MP_MIX_TX_H

#include "mcu/mp/mix.h"

enum {
	CHAIN_PTIME_MAX = 60,
	CHAIN_FRAMES = 2,             /* a tick has at most two frames of 10 ms */
	/* Two chains become one when they have had the same input for 3 s;
	 * Opus: in silence, or after 30 s in any case. */
	CHAIN_SAME_TICKS = 150, CHAIN_LONG_TICKS = 1500,
	/* 100 ms at 16 kHz, for codecs whose state cannot be copied; none of
	 * those has a higher rate. */
	CHAIN_PAST = 1600,
};

struct mix_chain {
	struct list link;
	struct codec_format format;
	unsigned ptime;               /* ms, as the codec can do it */
	uint32_t bitrate;
	bool comfort_noise;

	enum mix_source source;
	const struct mix_leg *minus;  /* of MIX_MINUS: whose */
	int64_t since;                /* tick from which its input was that of `source` */
	unsigned users;
	int loss, worst;              /* told to the encoder; of the legs, percent */

	uint32_t rate;
	struct audio_encoder *enc;
	struct resampler *down;
	unsigned quiet;               /* ticks of nothing at its input */
	unsigned since_noise;         /* ticks since the last comfort noise packet */
	bool gap;                     /* nothing was sent: the next has the marker */

	int64_t next_tick;
	size_t fill;                  /* samples that wait in buf */
	size_t n_past;
	unsigned n_frames;
	struct coded *frame[CHAIN_FRAMES]; /* made in this tick */
	int16_t buf[MIX_RATE * (CHAIN_PTIME_MAX + 20) / 1000];
	int16_t past[CHAIN_PAST];     /* what was encoded last, the latest at the end */
};

/* Finds or makes the chain that the leg's parameters and its part in the mix ask
 * for. After this leg->chain is right, or NULL: nothing is sent. */
void mix_route(struct mix *self, struct mix_leg *leg);
/* Lets go of leg->chain. */
void mix_unroute(struct mix *self, struct mix_leg *leg);
/* Feeds one tick of 48 kHz sound; `silent`: it is all zero. */
void mix_chain_run(struct mix *self, struct mix_chain *chain, const int16_t *pcm, bool silent);

#endif
