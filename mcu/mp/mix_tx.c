/* SPDX-License-Identifier: GPL-3.0-or-later
 * Chains: who shares which, and how a leg changes from one to another unheard.
 *
 * Frames lie on one grid in time for all chains of a packet time, so a change
 * between two frames leaves no gap and no overlap. A leg that begins to speak
 * gets a fork of the encoder it listened to, in the same state; when it has been
 * silent for so long that both have heard the same for seconds, it returns. */
#include "mcu/mp/mix_tx.h"

#include "base/ref.h"

#include <stdlib.h>
#include <string.h>

enum {
	QUIET_TICKS = 10,       /* 200 ms until comfort noise takes over */
	NOISE_TICKS = 20,       /* a comfort noise packet at least every 400 ms */
	NOISE_LEVEL = 70,       /* -dBov: alive, not heard as noise */
};

/* ---- making ---------------------------------------------------------------- */

/* Opus has no 30 and 50 ms; what a packet cannot hold is cut. */
static unsigned chain_ptime(const struct mixer_leg_params *p)
{
	unsigned ms = p->ptime_ms ? p->ptime_ms / 10 * 10 : 20;

	if (ms < 10)
		ms = 10;
	if (ms > CHAIN_PTIME_MAX)
		ms = CHAIN_PTIME_MAX;
	if (p->tx.format.id == CODEC_OPUS && ms % 20)
		ms = ms == 10 ? 10 : ms - 10;
	while (p->tx.format.id == CODEC_L16 && ms > 10 &&
	       audio_rate(&p->tx.format) * ms / 1000 * 2 > AUDIO_MAX_BYTES - 60)
		ms -= 10;
	return ms;
}

static bool chain_fits(const struct mix_chain *c, const struct mixer_leg_params *p)
{
	return c->ptime == chain_ptime(p) && c->bitrate == p->bitrate &&
		c->comfort_noise == p->comfort_noise &&
		audio_format_equal(&c->format, &p->tx.format);
}

static struct mix_chain *chain_free(struct mix_chain *self)
{
	if (!self)
		return NULL;
	for (unsigned i = 0; i < self->n_frames; i++)
		ref_drop(self->frame[i]);
	audio_encoder_free(self->enc);
	resampler_free(self->down);
	list_del(&self->link);
	free(self);
	return NULL;
}

/* Puts the chain on the frame grid: silence up to this tick. */
static void chain_align(struct mix *mix, struct mix_chain *self)
{
	self->fill = (size_t)(mix->tick * 20 % self->ptime) / 10 * (self->rate / 100);
	memset(self->buf, 0, self->fill * sizeof(*self->buf));
	self->next_tick = mix->tick;
	self->gap = true;
}

static struct mix_chain *chain_new(struct mix *mix, const struct mixer_leg_params *p,
				   enum mix_source source)
{
	uint32_t rate = audio_rate(&p->tx.format);
	uint32_t clock = codec_clock_rate(p->tx.format.id);
	struct mix_chain *self;

	if (!rate || rate % 100 || p->tx.format.id == CODEC_CN)
		return NULL;
	self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	list_init(&self->link);
	self->format = p->tx.format;
	if (clock)
		self->format.clock_rate = clock;
	self->ptime = chain_ptime(p);
	self->bitrate = p->bitrate;
	self->comfort_noise = p->comfort_noise;
	self->source = source;
	self->since = mix->tick;
	self->rate = rate;
	if (audio_encoder_new(&self->enc, &self->format, self->bitrate) ||
	    resampler_new(&self->down, MIX_RATE, rate))
		return chain_free(self);
	chain_align(mix, self);
	list_add(&mix->chains, &self->link);
	return self;
}

/* A new encoder hears what the old one heard last. */
static int chain_prime(struct mix_chain *self, const struct mix_chain *from)
{
	size_t frame = self->rate * self->ptime / 1000, n = from->n_past / frame * frame;
	const int16_t *past = from->past + CHAIN_PAST - n;
	uint8_t buf[AUDIO_MAX_BYTES];
	int rc = audio_encoder_new(&self->enc, &self->format, self->bitrate);

	for (size_t i = 0; !rc && i < n; i += frame)
		(void)audio_encode(self->enc, past + i, frame, buf, sizeof(buf));
	return rc;
}

static struct mix_chain *chain_fork(struct mix *mix, const struct mix_chain *from)
{
	struct mix_chain *self = malloc(sizeof(*self));

	if (!self)
		return NULL;
	*self = *from;
	list_init(&self->link);
	self->enc = NULL;
	self->down = NULL;
	self->users = 0;
	self->n_frames = 0;
	if (resampler_fork(&self->down, from->down) ||
	    (audio_encoder_fork(&self->enc, from->enc) && chain_prime(self, from)))
		return chain_free(self);
	list_add(&mix->chains, &self->link);
	mix->stats.chains_forked++;
	return self;
}

/* ---- routing --------------------------------------------------------------- */

void mix_unroute(struct mix *self, struct mix_leg *leg)
{
	struct mix_chain *c = leg->chain;

	(void)self;
	leg->chain = NULL;
	if (!c)
		return;
	if (c->minus == leg) {
		c->minus = NULL;
		c->source = MIX_SILENT;
	}
	if (--c->users == 0)
		chain_free(c);
}

static void leg_attach(struct mix *self, struct mix_leg *leg, struct mix_chain *c)
{
	c->users++;
	mix_unroute(self, leg);
	leg->chain = c;
}

static struct mix_chain *find_shared(struct mix *self, const struct mix_leg *leg,
				     enum mix_source source, const struct mix_chain *not)
{
	list_each(l, &self->chains) {
		struct mix_chain *c = list_entry(l, struct mix_chain, link);

		if (c != not && c->source == source && chain_fits(c, &leg->params))
			return c;
	}
	return NULL;
}

/* Two chains that have had the same input for a while may be taken for one: the
 * state of the older codecs fades within a second. Opus chooses its modes by a
 * longer memory, and a change between two is heard: it waits for silence, but where a
 * crowd speaks there is none, and nobody hears it. */
static bool chains_agree(const struct mix *mix, const struct mix_chain *a,
			 const struct mix_chain *b, int64_t same)
{
	if (a->format.id == CODEC_OPUS && same < CHAIN_LONG_TICKS && mix->one_of_loud <= 1)
		return a->quiet > QUIET_TICKS && b->quiet > QUIET_TICKS;
	return same >= CHAIN_SAME_TICKS;
}

static void leg_merge(struct mix *self, struct mix_leg *leg)
{
	struct mix_chain *c = leg->chain, *other;
	int64_t since;

	if (c->source == MIX_MINUS)
		return;
	other = find_shared(self, leg, c->source, c);
	if (!other || other->users < c->users)
		return;
	since = c->since > other->since ? c->since : other->since;
	if (!chains_agree(self, c, other, self->tick - since))
		return;
	leg_attach(self, leg, other);
	self->stats.chains_merged++;
}

/* Sends the leg's chain another source, or a fork of it when others use it too. */
static void leg_retarget(struct mix *self, struct mix_leg *leg, enum mix_source want)
{
	struct mix_chain *c = leg->chain;
	/* Its own part has been nothing for so long that full was the same. */
	bool same = c->source == MIX_MINUS && want == MIX_FULL;

	if (c->users > 1) {
		c = chain_fork(self, c);
		if (!c)
			return; /* out of memory: better the old sound than none */
		leg_attach(self, leg, c);
	}
	if (want == MIX_MINUS)
		leg->limiter = self->limiter;
	c->source = want;
	c->minus = want == MIX_MINUS ? leg : NULL;
	c->since = same ? leg->last_mixed + 1 : self->tick;
}

static enum mix_source leg_wants(const struct mix *self, const struct mix_leg *leg)
{
	if (leg->params.deaf)
		return MIX_SILENT;
	if (leg->in_mix)
		return MIX_MINUS;
	if (leg->chain && leg->chain->source == MIX_MINUS &&
	    self->tick - leg->last_mixed < CHAIN_SAME_TICKS)
		return MIX_MINUS;
	return MIX_FULL;
}

void mix_route(struct mix *self, struct mix_leg *leg)
{
	enum mix_source want = leg_wants(self, leg);
	struct mix_chain *c;

	if (!leg->set || !leg->params.send) {
		mix_unroute(self, leg);
		return;
	}
	if (leg->chain && !chain_fits(leg->chain, &leg->params))
		mix_unroute(self, leg);
	if (leg->chain) {
		if (leg->chain->source != want)
			leg_retarget(self, leg, want);
		else
			leg_merge(self, leg);
		return;
	}
	c = want == MIX_MINUS ? NULL : find_shared(self, leg, want, NULL);
	if (!c)
		c = chain_new(self, &leg->params, want);
	if (!c)
		return;
	c->users++;
	leg->chain = c;
	if (want == MIX_MINUS) {
		c->minus = leg;
		leg->limiter = self->limiter;
	}
}

/* ---- running --------------------------------------------------------------- */

/* `at`: the time of its first sample, in steps of 10 ms. */
static void chain_emit(struct mix *mix, struct mix_chain *self, enum codec_id codec,
		       const uint8_t *data, size_t len, int64_t at)
{
	size_t skipped = codec == CODEC_CN ? 0 : audio_encoder_skipped(self->enc);
	struct coded *f;

	if (self->n_frames == CHAIN_FRAMES)
		return;
	f = coded_new(len, 1);
	if (!f) {
		self->gap = true;
		return;
	}
	memcpy(f->data, data, len);
	f->len = len;
	f->n_units = 1;
	f->unit[0] = (struct coded_unit){ 0, (uint32_t)len };
	f->codec = codec;
	f->key = true;
	f->marker = self->gap;
	f->rtp_time = (uint32_t)(at * (self->format.clock_rate / 100)) +
		(uint32_t)((uint64_t)skipped * self->format.clock_rate / self->rate);
	f->time_us = at * 10000 + (int64_t)(skipped * 1000000 / self->rate);
	self->gap = false;
	self->frame[self->n_frames++] = f;
	mix->stats.encoded++;
}

/* Comfort noise instead of coded silence (RFC 3389): now and then a packet, and
 * nothing between. The first sound after it begins a talkspurt. */
static void chain_noise(struct mix *mix, struct mix_chain *self, int64_t at)
{
	uint8_t level = NOISE_LEVEL;

	if (self->since_noise >= NOISE_TICKS) {
		self->since_noise = 0;
		self->gap = false;
		chain_emit(mix, self, CODEC_CN, &level, 1, at);
	}
	self->gap = true;
}

static void chain_remember(struct mix_chain *self, const int16_t *pcm, size_t n)
{
	size_t room = self->rate / 10;

	if (room > CHAIN_PAST)
		return;
	memmove(self->past, self->past + n, (CHAIN_PAST - n) * sizeof(*pcm));
	memcpy(self->past + CHAIN_PAST - n, pcm, n * sizeof(*pcm));
	self->n_past = self->n_past + n < room ? self->n_past + n : room;
}

static void chain_frame(struct mix *mix, struct mix_chain *self, size_t frame)
{
	/* This tick's samples end the queue. */
	int64_t at = mix->tick * 2 + 2 - (int64_t)(self->fill / (self->rate / 100));
	uint8_t buf[AUDIO_MAX_BYTES];
	int len;

	if (self->comfort_noise && self->quiet >= QUIET_TICKS) {
		chain_noise(mix, self, at);
	} else {
		len = audio_encode(self->enc, self->buf, frame, buf, sizeof(buf));
		if (len > 0)
			chain_emit(mix, self, self->format.id, buf, (size_t)len, at);
		else
			self->gap = true;
	}
	chain_remember(self, self->buf, frame);
	self->fill -= frame;
	memmove(self->buf, self->buf + frame, self->fill * sizeof(*self->buf));
}

void mix_chain_run(struct mix *self, struct mix_chain *c, const int16_t *pcm, bool silent)
{
	size_t frame = c->rate / 100 * (c->ptime / 10), cap = sizeof(c->buf) / sizeof(c->buf[0]);
	int n;

	for (unsigned i = 0; i < c->n_frames; i++)
		ref_drop(c->frame[i]);
	c->n_frames = 0;
	if (c->next_tick != self->tick) /* ticks were left out */
		chain_align(self, c);
	c->next_tick = self->tick + 1;
	c->quiet = silent ? c->quiet + 1 : 0;
	c->since_noise = silent ? c->since_noise + 1 : NOISE_TICKS;
	n = resampler_run(c->down, pcm, MIX_TICK, c->buf + c->fill, cap - c->fill);
	if (n > 0)
		c->fill += (size_t)n;
	while (c->fill >= frame)
		chain_frame(self, c, frame);
}
