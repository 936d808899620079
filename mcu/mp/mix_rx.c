/* SPDX-License-Identifier: GPL-3.0-or-later
 * One leg's way in: pull, decode, keep less than a packet. */
#include "mcu/mp/mix_rx.h"

#include "mcu/mp/stretch.h"

#include <string.h>

enum {
	PULLS_MAX = 32,      /* packets a tick: 2.5 ms packets, and some */
	DRY_TICKS = 50,      /* comfort noise is made for a second after the last packet */
	FADE_TICKS = 8,      /* what just stops is concealed no longer than it fades */
	CORRECT_REST = 10,   /* packets between two corrections */
	SQUEEZE_MS = 20,     /* too much waits */
	STRETCH_MS = -10,    /* too little waits */
	JOIN_MS = 5,
	URGENT_MS = 60,      /* corrected at every packet, fitting or not */
	LEVEL_QUIET = 66,    /* dB below full scale */
};

static bool rx_usable(const struct codec_format *f)
{
	uint32_t rate = audio_rate(f);

	return codec_kind(f->id) == MEDIA_AUDIO && f->id != CODEC_TELEPHONE_EVENT && rate &&
		rate % 50 == 0;
}

void mix_rx_set(struct mix_rx *self, const struct stream_format *rx, uint32_t n)
{
	struct mix_rx_slot old[STREAM_MAX_FORMATS];
	uint32_t n_old = self->n_slots;
	struct mix_rx_slot *now = NULL, *sound = NULL;

	memcpy(old, self->slot, sizeof(old));
	self->n_slots = 0;
	for (uint32_t i = 0; i < n && i < STREAM_MAX_FORMATS; i++) {
		struct mix_rx_slot *s = &self->slot[self->n_slots];

		if (!rx_usable(&rx[i].format))
			continue;
		self->n_slots++;
		*s = (struct mix_rx_slot){ .pt = rx[i].pt, .format = rx[i].format };
		for (uint32_t k = 0; k < n_old; k++) {
			if (!old[k].dec || old[k].pt != s->pt ||
			    !audio_format_equal(&old[k].format, &s->format))
				continue;
			s->dec = old[k].dec;
			s->rate = old[k].rate;
			old[k].dec = NULL;
			if (self->now == &self->slot[k])
				now = s;
			if (self->sound == &self->slot[k])
				sound = s;
			break;
		}
	}
	for (uint32_t k = 0; k < n_old; k++)
		audio_decoder_free(old[k].dec);
	self->now = now;
	self->sound = sound;
}

void mix_rx_fini(struct mix_rx *self)
{
	for (uint32_t i = 0; i < self->n_slots; i++)
		self->slot[i].dec = audio_decoder_free(self->slot[i].dec);
	self->n_slots = 0;
	self->now = self->sound = NULL;
}

void mix_rx_reset(struct mix_rx *self)
{
	self->fill = 0;
	self->excess = 0;
	self->dry = DRY_TICKS;
	self->joint = true;
	self->last = 0;
	self->rest_of.now = false;
	self->rest_of.n = 0;
}

/* Comfort noise is made at the rate of the sound it stands between. */
static int rx_decoder(const struct mix_rx *self, struct mix_rx_slot *s)
{
	struct codec_format f = s->format;

	if (f.id == CODEC_CN && self->rate)
		f.clock_rate = self->rate;
	if (s->dec && s->rate == audio_rate(&f))
		return 0;
	s->dec = audio_decoder_free(s->dec);
	s->rate = audio_rate(&f);
	return audio_decoder_new(&s->dec, &f);
}

static struct mix_rx_slot *rx_slot(struct mix_rx *self, uint8_t pt)
{
	for (uint32_t i = 0; i < self->n_slots; i++)
		if (self->slot[i].pt == pt)
			return rx_decoder(self, &self->slot[i]) ? NULL : &self->slot[i];
	return NULL;
}

/* What waits at the old rate goes on at the new one. */
static void rx_change_rate(struct mix_rx *self, uint32_t rate)
{
	struct resampler *r;
	int16_t old[AUDIO_MAX_SAMPLES];
	size_t n = self->fill < AUDIO_MAX_SAMPLES ? self->fill : AUDIO_MAX_SAMPLES;
	int got = 0;

	if (n && !resampler_new(&r, self->rate, rate)) {
		memcpy(old, self->fifo, n * sizeof(*old));
		got = resampler_run(r, old, n, self->fifo, MIX_RX_FIFO);
		resampler_free(r);
	}
	self->fill = got > 0 ? (size_t)got : 0;
	self->rate = rate;
	self->packet = 0;
}

/* Another codec: it begins anew (so did the sender's), and what it says does not
 * continue what was before. */
static int rx_change(struct mix_rx *self, struct mix_rx_slot *s)
{
	self->rest_of.now = false;
	self->rest_of.n = 0;
	if (self->sound) {
		s->dec = audio_decoder_free(s->dec);
		if (rx_decoder(self, s))
			return -1;
	}
	self->joint = self->sound != NULL;
	self->sound = s;
	if (self->rate != s->rate)
		rx_change_rate(self, s->rate);
	return 0;
}

/* From the last sample of before to the first of now in a few milliseconds
 * instead of in one step. */
static void rx_join(struct mix_rx *self, int16_t *pcm, size_t n)
{
	size_t ramp = self->rate * JOIN_MS / 1000;
	float step = (float)(self->last - pcm[0]);

	if (ramp > n)
		ramp = n;
	for (size_t i = 0; i < ramp; i++) {
		float left = 1 - (float)i / (float)ramp;
		float v = (float)pcm[i] + step * left * left;

		pcm[i] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
	}
	self->joint = false;
}

/* Squeezes or stretches the n samples at the end of the queue, when too much or
 * too little waits.
 *
 * What waits in all, in the jitter buffer and here, is delay. But only what waits
 * in the jitter buffer protects from a late packet: here is less than a tick, and
 * the next packet is needed at the next tick all the same. So the sum bounds one
 * side, the buffer alone the other, and the two limits are far enough apart for a
 * packet to go from one to the other without crossing either. */
static size_t rx_correct(struct mix_rx *self, int16_t *pcm, size_t n, int excess_ms)
{
	float here = (float)self->fill * 1000 / (float)self->rate;
	float waits = (float)excess_ms + here;
	size_t done = n;
	bool urgent;

	/* A packet is a step in the depth: smooth over half a second or so. */
	self->excess += (waits - self->excess) * (waits > URGENT_MS ? 0.2f : 0.04f);
	if (self->rest) {
		self->rest--;
		return n;
	}
	urgent = self->excess > URGENT_MS;
	if (self->excess > SQUEEZE_MS) {
		done = stretch_squeeze(pcm, n, self->rate, urgent);
		self->stats.squeezed += n - done;
	} else if (self->excess - here < STRETCH_MS) {
		done = stretch_stretch(pcm, n, MIX_RX_FIFO - self->fill, self->rate, false);
		self->stats.stretched += done - n;
	}
	if (done != n) {
		self->excess += ((float)done - (float)n) * 1000 / (float)self->rate;
		self->rest = urgent ? 1 : CORRECT_REST;
	}
	return done;
}

/* The decoder hears the last `n` packets that it was spared. */
static void rx_prime(struct mix_rx *self, unsigned n)
{
	const struct mix_rest *r = &self->rest_of;
	int16_t waste[AUDIO_MAX_SAMPLES];

	for (unsigned i = n < r->n ? r->n - n : 0; i < r->n; i++)
		(void)audio_decode(self->sound->dec, r->kept[i].data, r->kept[i].len, waste,
				   AUDIO_MAX_SAMPLES);
}

static void rx_wake(struct mix_rx *self)
{
	rx_prime(self, MIX_REST_KEEP);
	self->rest_of.now = false;
	self->rest_of.n = 0;
}

/* Does nobody speak in it, by its sender or by its codec? The level that is told has to be
 * some way below what would be mixed (speech.c). */
static bool rx_quiet(const struct mix_rx_slot *s, const struct audio_packet *p)
{
	return p->level >= LEVEL_QUIET || audio_packet_quiet(s->dec, p->data, p->len);
}

/* May this packet be spared? It is kept, and stands for silence. */
static bool rx_rests(struct mix_rx *self, const struct mix_rx_slot *s, const struct audio_packet *p)
{
	struct mix_rest *r = &self->rest_of;
	unsigned one_of;

	if (s != self->sound)
		return false;
	self->loud = !rx_quiet(s, p);
	one_of = !self->loud ? self->one_of_quiet : s->format.id == CODEC_OPUS ?
		self->one_of_loud : 1;
	if (one_of <= 1 || p->len > MIX_REST_BYTES) {
		rx_wake(self);
		return false;
	}
	r->now = ++r->since_check < one_of;
	if (!r->now) {
		r->since_check = 0;
		rx_prime(self, 1);
	}
	if (r->n == MIX_REST_KEEP)
		memmove(&r->kept[0], &r->kept[1], --r->n * sizeof(r->kept[0]));
	r->kept[r->n].len = p->len;
	memcpy(r->kept[r->n++].data, p->data, p->len);
	return r->now;
}

/* One packet's sound, or the silence that stands for it. */
static int rx_decode(struct mix_rx *self, struct mix_rx_slot *s, const struct audio_packet *p,
		     int16_t *pcm, int n)
{
	if (rx_rests(self, s, p)) {
		memset(pcm, 0, (size_t)n * sizeof(*pcm));
		self->joint = true;
		self->stats.rested++;
		return n;
	}
	n = audio_decode(s->dec, p->data, p->len, pcm, (size_t)n);
	if (n < 0)
		self->stats.bad++;
	else
		self->stats.decoded++;
	return n;
}

static void rx_packet(struct mix_rx *self, const struct audio_packet *p, int64_t now,
		      int excess_ms)
{
	struct mix_rx_slot *s = rx_slot(self, p->pt);
	int16_t *end;
	int64_t delay;
	int n;

	self->dry = 0;
	self->ahead = 0;
	if (!s) {
		self->stats.unknown_pt++;
		return;
	}
	if (s->format.id != CODEC_CN && s != self->sound && rx_change(self, s))
		return;
	end = self->fifo + self->fill;
	n = audio_packet_samples(s->dec, p->data, p->len);
	if (n < 0 || (size_t)n + (size_t)n / 2 > MIX_RX_FIFO - self->fill) {
		self->stats.bad += n < 0;
		self->stats.overflow += n >= 0;
		return;
	}
	n = rx_decode(self, s, p, end, n);
	if (n < 0)
		return;
	self->now = s;
	if (!n)
		return;
	self->packet = (size_t)n;
	if (self->joint && !self->rest_of.now)
		rx_join(self, end, (size_t)n);
	self->last = end[n - 1];
	delay = now - p->arrival_us + (int64_t)((self->fill + (size_t)n) * 1000000 / self->rate);
	self->delay_us += self->delay_us ? (delay - self->delay_us) / 32 : delay;
	self->fill += rx_correct(self, end, (size_t)n, excess_ms);
}

/* Fills `n` samples for what is missing; false: nothing to make them of. */
static bool rx_conceal(struct mix_rx *self, const struct audio_packet *next, size_t n)
{
	struct mix_rx_slot *s = self->now;
	bool fec = next && next->len && s && next->pt == s->pt;
	int got;

	if (!s || !s->dec || !self->rate || n > MIX_RX_FIFO - self->fill)
		return false;
	if (s->rate != self->rate)
		return false;
	if (self->rest_of.now && fec && self->one_of_loud <= 1 && !rx_quiet(s, next))
		rx_wake(self);
	if (self->rest_of.now) {
		memset(self->fifo + self->fill, 0, n * sizeof(*self->fifo));
		self->fill += n;
		return true;
	}
	got = audio_conceal(s->dec, fec ? next->data : NULL, fec ? next->len : 0,
			    self->fifo + self->fill, n);
	if (got <= 0)
		return false;
	self->fill += (size_t)got;
	self->last = self->fifo[self->fill - 1];
	return true;
}

/* A packet that will not come, or one that is late and may still come, which is
 * told by nothing newer being here. For the second only this tick is filled, so
 * that a long packet a little late does not cost its whole length; if it is lost
 * after all, the rest of it is concealed then. */
static bool rx_lost(struct mix_rx *self, const struct audio_packet *next)
{
	size_t tick = self->rate / 50, n = self->packet;

	self->stats.concealed++;
	if (!next->len) {
		if (n > tick - self->fill)
			n = tick - self->fill;
		self->ahead += n;
	} else {
		n = n > self->ahead ? n - self->ahead : 0;
		self->ahead = 0;
	}
	return !n || rx_conceal(self, next, n);
}

size_t mix_rx_tick(struct mix_rx *self, const struct mix_io *io, void *stream, int64_t now,
		   int16_t *pcm)
{
	struct audio_packet *p = &self->packet_buf;
	int excess = 0;
	size_t tick;

	if (self->dry < DRY_TICKS)
		self->dry++;
	for (int i = 0; i < PULLS_MAX && (!self->rate || self->fill < self->rate / 50); i++) {
		enum pull got = io->pull(stream, now, p, &excess);

		if (got == PULL_WAIT)
			break;
		if (got == PULL_PACKET) {
			rx_packet(self, p, now, excess);
			continue;
		}
		/* Lost before anything was heard: nothing to conceal. */
		if (!self->packet || !rx_lost(self, p))
			break;
	}
	tick = self->rate / 50;
	if (!tick)
		return 0;
	/* Announced silence has its noise, everything else fades and ends here. */
	if (self->fill < tick && self->now && self->now->dec &&
	    self->dry < (self->rest_of.now || audio_decoder_silent(self->now->dec) ? DRY_TICKS :
			 FADE_TICKS))
		(void)rx_conceal(self, NULL, tick - self->fill);
	if (self->fill < tick) {
		self->last = 0;
		self->joint = true;
		return 0;
	}
	memcpy(pcm, self->fifo, tick * sizeof(*pcm));
	self->fill -= tick;
	memmove(self->fifo, self->fifo + tick, self->fill * sizeof(*pcm));
	return tick;
}
