/* SPDX-License-Identifier: GPL-3.0-or-later
 * One tick of a meeting: in, who is heard, sum, out. */
#include "mcu/mp/mix.h"

#include "base/ref.h"
#include "mcu/mp/mix_tx.h"

#include <assert.h>
#include <string.h>

enum {
	RAMP_IN = 240,       /* 5 ms at 48 kHz: an onset stays one */
	DECLICK = 240,
	KEYS_LEAST = -50,    /* dBov */
	KEYS_TICKS = 4,
	EVENT_TICKS = 5,     /* at most ten events a second */
	LOSS_TICKS = 50,     /* the loss that peers report is looked at once a second */
	/* Percent. Some FEC always, for the first packet that goes missing; more
	 * than the most costs more than it gives. */
	LOSS_MIN = 3, LOSS_MAX = 30,
};

#define STAY_DB 3.0f     /* who is mixed stays before another who is as loud … */
#define CROWD_STAY_DB 6.0f /* … all the more before one of whom little is known */
#define ORDER_DB 6.0f    /* who comes first stays first */

void mix_init(struct mix *self, const struct mix_io *io, void *io_arg)
{
	memset(self, 0, sizeof(*self));
	self->io = io;
	self->io_arg = io_arg;
	self->tick = -1;
	self->listen = MIX_LISTEN;
	list_init(&self->legs);
	list_init(&self->chains);
}

void mix_fini(struct mix *self)
{
	assert(list_empty(&self->legs) && list_empty(&self->chains));
	(void)self;
}

void mix_leg_init(struct mix_leg *leg, void *stream, uint32_t id)
{
	memset(leg, 0, sizeof(*leg));
	list_init(&leg->link);
	leg->stream = stream;
	leg->id = id;
	leg->level = leg->level_known = leg->level_last = -127;
	leg->last_mixed = INT64_MIN / 2;
	mix_rx_reset(&leg->rx);
	leg->rx.rest_of.since_check = id % MIX_REST_CHECK; /* not all in one tick */
	speech_init(&leg->speech);
	gain_init(&leg->gain);
	dtmf_tones_init(&leg->keys);
}

void mix_add(struct mix *self, struct mix_leg *leg)
{
	list_add(&self->legs, &leg->link);
}

void mix_set(struct mix *self, struct mix_leg *leg, const struct mixer_leg_params *params)
{
	(void)self;
	if (leg->set && !leg->params.receive && params->receive)
		mix_rx_reset(&leg->rx);
	leg->params = *params;
	leg->set = true;
	mix_rx_set(&leg->rx, params->rx, params->n_rx);
}

void mix_remove(struct mix *self, struct mix_leg *leg)
{
	mix_unroute(self, leg);
	mix_rx_fini(&leg->rx);
	leg->up = resampler_free(leg->up);
	list_del(&leg->link);
}

/* ---- in -------------------------------------------------------------------- */

static bool leg_heard(const struct mix_leg *leg)
{
	return leg->set && leg->params.receive && !leg->params.muted;
}

/* Far below the softest key, and after a few ticks of it nothing is left of the last
 * one either: most legs, most of the time. */
static void leg_keys(struct mix *self, struct mix_leg *leg)
{
	char key;

	leg->keyless = leg->level < KEYS_LEAST ? leg->keyless + 1 : 0;
	if (leg->keyless > KEYS_TICKS)
		return;
	key = dtmf_tones_hear(&leg->keys, leg->native, leg->n_native, leg->rx.rate);
	if (key && self->key)
		self->key(self->speakers_arg, leg->id, key);
}

/* How much of what it sends must be decoded to know whether it is to be heard? */
static void leg_may_rest(const struct mix *self, struct mix_leg *leg)
{
	bool unheard = !leg->selected && !leg->in_mix;

	/* Keys in the sound of such a leg are lost in a crowd: Opus phones send events. */
	leg->rx.one_of_loud = unheard ? self->one_of_loud : 1;
	leg->rx.one_of_quiet = unheard && !leg->speech.active ? MIX_REST_CHECK :
							       leg->rx.one_of_loud;
}

/* Speaks in Opus, and is not heard. */
static bool leg_waits(const struct mix_leg *leg)
{
	return leg->n_native && !leg->selected && leg->rx.sound &&
		leg->rx.sound->format.id == CODEC_OPUS && (leg->rx.loud || leg->speech.active);
}

/* Where very many speak, those who are not heard are listened to by turns: so many of them
 * are decoded in a tick, each behind the packet before it. */
static void mix_crowd(struct mix *self)
{
	self->one_of_loud = self->n_loud > self->listen ?
		(2 * self->n_loud + self->listen - 1) / self->listen : 1;
	self->n_loud = 0;
}

/* A decoder that was spared packets is off by up to 10 dB in the next one, both ways: who
 * is listened to by turns is as loud as the softer of two. */
static void leg_measure(struct mix_leg *leg)
{
	int level = audio_level(leg->native, leg->n_native);
	bool doubted = leg->rx.one_of_loud > 1 && leg->level_last < level;

	leg->level_known = doubted ? leg->level_last : level;
	leg->level_last = level;
}

static void leg_in(struct mix *self, struct mix_leg *leg, int64_t now)
{
	uint64_t decoded = leg->rx.stats.decoded, concealed = leg->rx.stats.concealed;
	uint64_t rested = leg->rx.stats.rested;

	/* The end of the last tick, should the leg be mixed from this one on. */
	if (leg->n_native) {
		size_t n = sizeof(leg->tail) / sizeof(leg->tail[0]);

		memcpy(leg->tail, leg->native + leg->n_native - n, sizeof(leg->tail));
	} else {
		memset(leg->tail, 0, sizeof(leg->tail));
	}
	leg->n_native = 0;
	leg->level = -127;
	if (leg->set && leg->params.receive) {
		leg_may_rest(self, leg);
		leg->n_native = mix_rx_tick(&leg->rx, self->io, leg->stream, now, leg->native);
		if (leg->n_native && !leg->rx.rest_of.now)
			leg_measure(leg);
		if (leg->n_native)
			leg->level = leg->level_known;
		if (leg->params.hear_keys)
			leg_keys(self, leg);
		self->n_loud += leg_waits(leg);
	}
	speech_tick(&leg->speech, leg_heard(leg) ? leg->level : -127);
	self->stats.decoded += leg->rx.stats.decoded - decoded;
	self->stats.concealed += leg->rx.stats.concealed - concealed;
	self->stats.rested += leg->rx.stats.rested - rested;
}

/* ---- who is heard ----------------------------------------------------------- */

static float leg_loudness(const struct mix *self, const struct mix_leg *leg)
{
	float stay = self->one_of_loud > 1 ? CROWD_STAY_DB : STAY_DB;

	return leg->speech.loud + (leg->selected ? stay : 0);
}

/* The loudest of those who make sound. */
static void mix_select(struct mix *self)
{
	struct mix_leg *best[MIX_SPEAKERS];
	unsigned n = 0;

	list_each(l, &self->legs) {
		struct mix_leg *leg = list_entry(l, struct mix_leg, link);
		unsigned at;

		if (!leg_heard(leg) || !leg->speech.active)
			continue;
		for (at = n; at > 0; at--) {
			float d = leg_loudness(self, leg) - leg_loudness(self, best[at - 1]);

			/* Of equals the lower id, so that order does not matter. */
			if (d < 0 || (d == 0 && leg->id > best[at - 1]->id))
				break;
			if (at < MIX_SPEAKERS)
				best[at] = best[at - 1];
		}
		if (at < MIX_SPEAKERS)
			best[at] = leg;
		if (n < MIX_SPEAKERS)
			n++;
	}
	list_each(l, &self->legs)
		list_entry(l, struct mix_leg, link)->selected = false;
	for (unsigned i = 0; i < n; i++)
		best[i]->selected = true;
}

/* ---- sum ------------------------------------------------------------------- */

/* A resampler that has just heard what the leg said before this tick. */
static int leg_up(struct mix *self, struct mix_leg *leg, bool goes_on)
{
	uint32_t rate = leg->rx.rate;
	int16_t waste[sizeof(leg->tail) / sizeof(leg->tail[0]) * 6 + 1];

	if (!leg->up || leg->up_rate != rate) {
		memset(leg->tail, 0, sizeof(leg->tail)); /* of another rate */
		leg->up = resampler_free(leg->up);
		if (resampler_new(&leg->up, rate, MIX_RATE))
			return -1;
		leg->up_rate = rate;
		goes_on = false;
	}
	if (!goes_on) {
		resampler_reset(leg->up);
		(void)resampler_run(leg->up, leg->tail, sizeof(leg->tail) / sizeof(leg->tail[0]),
				    waste, sizeof(waste) / sizeof(waste[0]));
	}
	self->stats.upsampled++;
	return resampler_run(leg->up, leg->native, leg->n_native, leg->part, MIX_TICK) == MIX_TICK ?
		0 : -1;
}

/* Goes from the last sample of before to what comes now in a few milliseconds
 * instead of in one step. */
static void leg_declick(struct mix_leg *leg)
{
	int step = leg->last_out - leg->part[0];

	for (int i = 0; i < DECLICK; i++) {
		int left = DECLICK - i;
		int v = leg->part[i] + (int)((int64_t)step * left * left / (DECLICK * DECLICK));

		leg->part[i] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
	}
}

static void leg_ramp(struct mix_leg *leg, bool up)
{
	int n = up ? RAMP_IN : MIX_TICK;

	for (int i = 0; i < n; i++)
		leg->part[i] = (int16_t)(leg->part[i] * (up ? i : n - i) / n);
}

static void leg_gain(struct mix_leg *leg)
{
	gain_hear(&leg->gain, leg->level, leg->native, leg->n_native, leg->rx.rate);
	gain_run(&leg->gain, leg->part, MIX_TICK);
}

/* The leg's part in the sum: nothing, or 48 kHz that begins and ends softly. */
static void leg_part(struct mix *self, struct mix_leg *leg)
{
	bool was_in = leg->joined, broken = leg->broken || leg->up_rate != leg->rx.rate;

	leg->joined = leg->selected;
	leg->in_mix = leg->selected || was_in;
	if (!leg->in_mix)
		return;
	if (leg->n_native && leg_up(self, leg, was_in && !broken) == 0) {
		leg->broken = false;
		if (leg->params.gain)
			leg_gain(leg);
		if (was_in && broken)
			leg_declick(leg);
		else if (!was_in)
			leg_ramp(leg, true);
		if (!leg->selected)
			leg_ramp(leg, false);
	} else { /* it ended in mid-air: a hold, or packets stopped */
		memset(leg->part, 0, sizeof(leg->part));
		leg->broken = true; /* the resampler's past is not its own */
		leg_declick(leg);
	}
	leg->last_out = leg->part[MIX_TICK - 1];
	leg->last_mixed = self->tick;
	for (int i = 0; i < MIX_TICK; i++)
		self->sum[i] += leg->part[i];
	self->n_in_mix++;
}

/* ---- out ------------------------------------------------------------------- */

static void leg_minus(struct mix *self, struct mix_leg *leg)
{
	int32_t rest[MIX_TICK];

	if (!leg->in_mix) {
		limiter_run(&leg->limiter, self->sum, leg->minus, MIX_TICK);
		return;
	}
	for (int i = 0; i < MIX_TICK; i++)
		rest[i] = self->sum[i] - leg->part[i];
	limiter_run(&leg->limiter, rest, leg->minus, MIX_TICK);
}

static void mix_run_chains(struct mix *self)
{
	static const int16_t nothing[MIX_TICK];

	list_each(l, &self->legs) {
		struct mix_leg *leg = list_entry(l, struct mix_leg, link);

		if (!leg->chain || leg->chain->source != MIX_MINUS)
			continue;
		leg_minus(self, leg);
		mix_chain_run(self, leg->chain, leg->minus,
			      self->n_in_mix == (leg->in_mix ? 1u : 0u));
	}
	limiter_run(&self->limiter, self->sum, self->full, MIX_TICK);
	list_each(l, &self->chains) {
		struct mix_chain *c = list_entry(l, struct mix_chain, link);

		if (c->source == MIX_FULL)
			mix_chain_run(self, c, self->full, self->n_in_mix == 0);
		else if (c->source == MIX_SILENT)
			mix_chain_run(self, c, nothing, true);
	}
}

static void mix_send(struct mix *self)
{
	list_each(l, &self->legs) {
		struct mix_leg *leg = list_entry(l, struct mix_leg, link);

		for (unsigned i = 0; leg->chain && i < leg->chain->n_frames; i++) {
			self->io->send(self->io_arg, leg->stream, leg->chain->frame[i]);
			self->stats.sent++;
		}
	}
}

/* The encoder of several legs prepares for the worst of their networks. */
static void mix_loss(struct mix *self)
{
	if (!self->io->loss || self->tick % LOSS_TICKS)
		return;
	list_each(l, &self->chains)
		list_entry(l, struct mix_chain, link)->worst = LOSS_MIN;
	list_each(l, &self->legs) {
		struct mix_leg *leg = list_entry(l, struct mix_leg, link);
		int loss = leg->chain ? self->io->loss(leg->stream) : 0;

		if (leg->chain && loss > leg->chain->worst)
			leg->chain->worst = loss < LOSS_MAX ? loss : LOSS_MAX;
	}
	list_each(l, &self->chains) {
		struct mix_chain *c = list_entry(l, struct mix_chain, link);

		if (c->worst != c->loss)
			audio_encoder_loss(c->enc, c->worst);
		c->loss = c->worst;
	}
}

/* ---- who speaks, for others --------------------------------------------------- */

static struct mix_leg *mix_speaking(struct mix *self, uint32_t id)
{
	list_each(l, &self->legs) {
		struct mix_leg *leg = list_entry(l, struct mix_leg, link);

		if (leg->id == id)
			return leg_heard(leg) && leg->speech.speaking ? leg : NULL;
	}
	return NULL;
}

/* Speakers in order: those told last time keep their places unless another is
 * clearly louder, new ones follow. */
static unsigned mix_order(struct mix *self, struct mix_leg *out[static MIX_EVENT_MAX])
{
	unsigned n = 0, old;

	for (unsigned i = 0; i < self->n_speakers; i++) {
		struct mix_leg *leg = mix_speaking(self, self->speaker[i]);

		if (leg)
			out[n++] = leg;
	}
	old = n;
	list_each(l, &self->legs) {
		struct mix_leg *leg = list_entry(l, struct mix_leg, link);
		bool known = !leg_heard(leg) || !leg->speech.speaking;
		unsigned at;

		for (unsigned i = 0; i < old; i++)
			known = known || out[i] == leg;
		if (known)
			continue;
		for (at = n; at > old; at--) {
			if (leg->speech.score < out[at - 1]->speech.score ||
			    (leg->speech.score == out[at - 1]->speech.score &&
			     leg->id > out[at - 1]->id))
				break;
			if (at < MIX_EVENT_MAX)
				out[at] = out[at - 1];
		}
		if (at < MIX_EVENT_MAX)
			out[at] = leg;
		if (n < MIX_EVENT_MAX)
			n++;
	}
	for (unsigned i = 1; i < n; i++) {
		for (unsigned k = i; k > 0; k--) {
			struct mix_leg *swap = out[k];

			if (swap->speech.score < out[k - 1]->speech.score + ORDER_DB)
				break;
			out[k] = out[k - 1];
			out[k - 1] = swap;
		}
	}
	return n;
}

static void mix_tell(struct mix *self)
{
	struct mix_leg *leg[MIX_EVENT_MAX];
	bool changed;
	unsigned n;

	if (!self->speakers || self->tick - self->told < EVENT_TICKS)
		return;
	n = mix_order(self, leg);
	changed = n != self->n_speakers;
	for (unsigned i = 0; i < n && !changed; i++)
		changed = leg[i]->id != self->speaker[i];
	if (!changed)
		return;
	for (unsigned i = 0; i < n; i++)
		self->speaker[i] = leg[i]->id;
	self->n_speakers = n;
	self->told = self->tick;
	self->speakers(self->speakers_arg, self->speaker, n);
}

/* ---- the tick ---------------------------------------------------------------- */

void mix_tick(struct mix *self, int64_t tick_us)
{
	assert(tick_us % MIX_TICK_US == 0 && tick_us / MIX_TICK_US > self->tick);
	self->tick = tick_us / MIX_TICK_US;
	self->tick_us = tick_us;
	mix_crowd(self);
	list_each(l, &self->legs)
		leg_in(self, list_entry(l, struct mix_leg, link), tick_us);
	mix_select(self);
	memset(self->sum, 0, sizeof(self->sum));
	self->n_in_mix = 0;
	list_each(l, &self->legs)
		leg_part(self, list_entry(l, struct mix_leg, link));
	if (chime_run(&self->chime, self->sum, MIX_TICK))
		self->n_in_mix++; /* as one who is never told from the others */
	list_each(l, &self->legs)
		mix_route(self, list_entry(l, struct mix_leg, link));
	mix_loss(self);
	mix_run_chains(self);
	mix_send(self);
	mix_tell(self);
}
