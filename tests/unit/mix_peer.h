/* SPDX-License-Identifier: GPL-3.0-or-later
 * A phone for tests of the mixer: makes sound, codes it into packets that wait
 * in a small jitter buffer, and decodes what the mixer sends. No wire, no clock. */
#ifndef BALAI_TESTS_UNIT_MIX_PEER_H
#define BALAI_TESTS_UNIT_MIX_PEER_H

#include "codecs/audio.h"
#include "mcu/mp/mix.h"
#include "tests/unit/tone.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum { PEER_QUEUE = 64, PEER_HEARD = 48000 * 40 };

struct peer {
	struct mix_leg leg;
	/* what it says */
	struct codec_format format;
	uint8_t pt;
	unsigned ptime;
	double hz, hz2, amplitude, ppm; /* hz2: a second tone, 0: none */
	bool talking, stopped;   /* stopped: no packets at all */
	double envelope;
	size_t spoken;           /* samples */
	double clock_ms;         /* of its next packet's end, since the beginning */
	struct audio_encoder *enc;
	uint16_t seq;
	uint32_t rtp_time;
	unsigned drop_every;     /* this packet of so many is lost; 0: none */
	bool tells;              /* how loud it is, with each packet (RFC 6464) … */
	uint8_t told;            /* … this, whatever it is; 0: the truth */
	uint64_t packets;
	/* the jitter buffer */
	struct audio_packet queue[PEER_QUEUE];
	bool lost[PEER_QUEUE];
	unsigned head, waiting;
	unsigned target_ms, misses;
	bool filling;
	int depth_min, depth_max;
	/* what it hears */
	struct audio_decoder *dec;
	struct codec_format heard_format;
	int16_t *heard;
	size_t n_heard;
	uint32_t next_time;
	unsigned frames, gaps, markers, noises, bad_times;
	const struct coded *last_frame;
	int64_t last_time_us;
};

static inline void peer_init(struct peer *self, uint32_t id, enum codec_id codec, uint32_t clock)
{
	memset(self, 0, sizeof(*self));
	self->format = (struct codec_format){ .id = codec, .clock_rate = clock, .channels = 1 };
	self->pt = 100;
	self->target_ms = 20;
	self->ptime = codec == CODEC_L16 && clock > 32000 ? 10 : 20; /* what fits a packet */
	self->filling = true;
	self->hz = 1000;
	self->amplitude = 8000;
	self->heard = calloc(PEER_HEARD, sizeof(*self->heard));
	assert(self->heard);
	mix_leg_init(&self->leg, self, id);
}

static inline void peer_fini(struct peer *self)
{
	audio_encoder_free(self->enc);
	audio_decoder_free(self->dec);
	free(self->heard);
}

static inline struct mixer_leg_params peer_params(const struct peer *self)
{
	struct mixer_leg_params p = { .n_rx = 1, .ptime_ms = self->ptime, .receive = true,
				      .send = true };

	p.rx[0].pt = self->pt;
	p.rx[0].format = self->format;
	p.tx = p.rx[0];
	return p;
}

/* Another codec from the next packet on. */
static inline void peer_codec(struct peer *self, enum codec_id codec, uint32_t clock, uint8_t pt)
{
	self->format = (struct codec_format){ .id = codec, .clock_rate = clock, .channels = 1 };
	self->pt = pt;
	self->enc = audio_encoder_free(self->enc);
	self->spoken = 0;
}

static inline uint32_t peer_clock(const struct codec_format *f)
{
	return codec_clock_rate(f->id) ? codec_clock_rate(f->id) : f->clock_rate;
}

static inline void peer_speak(struct peer *self, int64_t now)
{
	static int16_t pcm[AUDIO_MAX_SAMPLES];
	uint32_t rate = audio_rate(&self->format);
	size_t n = rate * self->ptime / 1000;
	unsigned at = (self->head + self->waiting) % PEER_QUEUE;
	struct audio_packet *p = &self->queue[at];
	int len;

	if (!self->enc) {
		int rc = audio_encoder_new(&self->enc, &self->format, 0);

		assert(rc == 0);
		(void)rc;
		audio_encoder_loss(self->enc, 10);
	}
	for (size_t i = 0; i < n; i++, self->spoken++) {
		double want = self->talking, step = 100.0 / rate; /* in 10 ms */

		self->envelope += want > self->envelope ? step : want < self->envelope ? -step : 0;
		self->envelope = self->envelope < 0 ? 0 : self->envelope > 1 ? 1 : self->envelope;
		pcm[i] = (int16_t)lrint(self->amplitude * self->envelope *
					(sin(2 * M_PI * self->hz * (double)self->spoken / rate) +
					 (self->hz2 > 0 ? sin(2 * M_PI * self->hz2 *
							      (double)self->spoken / rate) : 0)));
	}
	len = audio_encode(self->enc, pcm, n, p->data, sizeof(p->data));
	self->seq++;
	self->packets++;
	p->rtp_time = self->rtp_time;
	self->rtp_time += (uint32_t)((uint64_t)n * peer_clock(&self->format) / rate);
	if (len <= 0 || self->waiting == PEER_QUEUE)
		return;
	p->pt = self->pt;
	p->seq = self->seq;
	p->len = (uint16_t)len;
	p->arrival_us = now;
	p->level = !self->tells ? 0 : self->told ? self->told : (uint8_t)-audio_level(pcm, n);
	self->lost[at] = self->drop_every && self->packets % self->drop_every == 0;
	self->waiting++;
}

/* Packets whose last sample was spoken by `now`, `start` being when it began. */
static inline void peer_run(struct peer *self, int64_t start, int64_t now)
{
	for (;;) {
		double end = self->clock_ms + self->ptime * (1 - self->ppm * 1e-6);

		if ((double)(now - start) / 1000 < end)
			return;
		self->clock_ms = end;
		if (!self->stopped)
			peer_speak(self, start + (int64_t)(end * 1000));
	}
}

static inline enum pull peer_pull(void *stream, int64_t now, struct audio_packet *out, int *excess)
{
	struct peer *self = stream;
	int depth = (int)(self->waiting * self->ptime);

	if (self->filling && depth < (int)self->target_ms)
		return PULL_WAIT;
	if (!self->waiting) {
		/* As a real one: concealed for 100 ms, then it waits for more. */
		if (self->filling || self->misses * self->ptime >= 100) {
			self->filling = true;
			return PULL_WAIT;
		}
		self->misses++;
		out->len = 0;
		return PULL_LOST;
	}
	self->filling = false;
	/* How long this packet has waited, over what was meant. */
	*excess = (int)((now - self->queue[self->head].arrival_us) / 1000) -
		(self->target_ms > self->ptime ? (int)(self->target_ms - self->ptime) : 0);
	if (depth < self->depth_min)
		self->depth_min = depth;
	if (depth > self->depth_max)
		self->depth_max = depth;
	if (self->lost[self->head]) {
		self->head = (self->head + 1) % PEER_QUEUE;
		self->waiting--;
		out->len = 0;
		if (self->waiting && !self->lost[self->head])
			*out = self->queue[self->head];
		return PULL_LOST;
	}
	self->misses = 0;
	*out = self->queue[self->head];
	self->head = (self->head + 1) % PEER_QUEUE;
	self->waiting--;
	return PULL_PACKET;
}

/* Decodes a frame of the mixer; what was not sent is left as silence. */
static inline void peer_hear(struct peer *self, const struct coded *f)
{
	const struct codec_format *tx = &self->leg.params.tx.format;
	uint32_t rate = audio_rate(tx), clock = peer_clock(tx);
	size_t gap;
	int n;

	if (!self->dec || !audio_format_equal(&self->heard_format, tx)) {
		int rc;

		audio_decoder_free(self->dec);
		rc = audio_decoder_new(&self->dec, tx);
		assert(rc == 0);
		(void)rc;
		self->heard_format = *tx;
		self->next_time = f->rtp_time;
	}
	self->frames++;
	self->markers += f->marker;
	self->last_frame = f;
	self->last_time_us = f->time_us;
	if (f->rtp_time != self->next_time) {
		self->gaps++;
		gap = (size_t)((uint64_t)(f->rtp_time - self->next_time) * rate / clock);
		if (gap > 30 * rate) {
			self->bad_times++; /* it ran back */
			return;
		}
		while (gap--)
			if (self->n_heard < PEER_HEARD)
				self->heard[self->n_heard++] = 0;
	}
	if (f->codec == CODEC_CN) {
		self->noises++;
		self->next_time = f->rtp_time;
		return;
	}
	if (self->n_heard + AUDIO_MAX_SAMPLES > PEER_HEARD)
		self->n_heard = 0; /* long tests look at the last seconds */
	n = audio_decode(self->dec, f->data, f->len, self->heard + self->n_heard,
			 PEER_HEARD - self->n_heard);
	assert(n > 0);
	self->n_heard += (size_t)n;
	self->next_time = f->rtp_time + (uint32_t)((uint64_t)n * clock / rate);
}

static inline void peer_send(void *arg, void *stream, struct coded *frame)
{
	(void)arg;
	peer_hear(stream, frame);
}

#endif
