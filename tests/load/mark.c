/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/load/mark.h"

#include "codecs/audio.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	WINDOW_PER_S = 200,      /* 5 ms: 13 periods */
	HOP_PER_S = 1000,
	REST_US = 200000,        /* without the tone before a burst begins */
	RAMP_MS = 2,
};

double mark_sample(double ms)
{
	double at = fmod(ms, MARK_EVERY_MS), ramp;

	if (at >= MARK_MS)
		return 0;
	ramp = fmin(1, fmin(at, MARK_MS - at) / RAMP_MS);
	return ramp * sin(2 * M_PI * MARK_HZ * at / 1000);
}

void mark_log_add(struct mark_log *self, int64_t at, uint16_t seq, const uint8_t *data, size_t len)
{
	struct mark_packet *p;

	if (len > MARK_BYTES)
		return;
	if (self->n == self->cap) {
		size_t cap = self->cap ? self->cap * 2 : 512;

		p = realloc(self->packet, cap * sizeof(*p));
		if (!p)
			return;
		self->packet = p;
		self->cap = cap;
	}
	p = &self->packet[self->n++];
	p->at = at;
	p->seq = seq;
	p->len = (uint16_t)len;
	memcpy(p->data, data, len);
}

void mark_log_fini(struct mark_log *self)
{
	free(self->packet);
	*self = (struct mark_log){ 0 };
}

/* Amplitude of the tone in a window (Goertzel under a Hann window). */
static double tone_in(const int16_t *pcm, size_t n, uint32_t rate)
{
	double k = 2 * cos(2 * M_PI * MARK_HZ / rate), a = 0, b = 0;

	for (size_t i = 0; i < n; i++) {
		double v = pcm[i] * (1 - cos(2 * M_PI * (double)i / (double)n)) + k * a - b;

		b = a;
		a = v;
	}
	return sqrt(fmax(0, a * a + b * b - k * a * b)) * 2 / (double)n;
}

struct decoded {
	int16_t *pcm;
	int64_t *at;             /* of every hop's beginning */
	size_t n, hops;
};

static int decode(struct decoded *out, const struct mark_log *log,
		  const struct codec_format *format, uint32_t rate)
{
	struct audio_decoder *dec = NULL;
	size_t hop = rate / HOP_PER_S, cap = log->n * (rate / 50 + hop) + AUDIO_MAX_SAMPLES;

	*out = (struct decoded){ .pcm = calloc(cap, sizeof(int16_t)),
				 .at = calloc(cap / hop + 1, sizeof(int64_t)) };
	if (!out->pcm || !out->at || audio_decoder_new(&dec, format))
		return -1;
	for (size_t i = 0; i < log->n; i++) {
		const struct mark_packet *p = &log->packet[i];
		int n;

		if (cap - out->n < AUDIO_MAX_SAMPLES)
			break;
		n = audio_decode(dec, p->data, p->len, out->pcm + out->n, AUDIO_MAX_SAMPLES);
		for (int k = 0; n > 0 && k < n / (int)hop; k++)
			out->at[out->hops++] = p->at + k * 1000000 / HOP_PER_S;
		/* Whole hops only, so that hops and samples go together. */
		out->n += n > 0 ? (size_t)n / hop * hop : 0;
	}
	audio_decoder_free(dec);
	return 0;
}

int64_t *mark_onsets(const struct mark_log *log, const struct codec_format *format, size_t *n)
{
	uint32_t rate = audio_rate(format);
	size_t hop = rate / HOP_PER_S, window = rate / WINDOW_PER_S, whole;
	double *tone = NULL, most = 0;
	int64_t *found = NULL, quiet_since = INT64_MIN / 2;
	struct decoded d;

	*n = 0;
	if (decode(&d, log, format, rate) || d.n < window)
		goto out;
	whole = (d.n - window) / hop + 1;
	tone = calloc(whole, sizeof(*tone));
	found = calloc(whole, sizeof(*found));
	for (size_t i = 0; tone && found && i < whole; i++) {
		tone[i] = tone_in(d.pcm + i * hop, window, rate);
		most = fmax(most, tone[i]);
	}
	/* The window that is half full of the tone, at its middle. */
	for (size_t i = 0; most > 500 && i < whole; i++) {
		if (tone[i] < most / 2)
			continue;
		if (i && d.at[i] - quiet_since > REST_US)
			found[(*n)++] = d.at[i] + 500000 / WINDOW_PER_S;
		quiet_since = d.at[i];
	}
out:
	free(tone);
	free(d.pcm);
	free(d.at);
	if (!*n) {
		free(found);
		found = NULL;
	}
	return found;
}

size_t mark_latencies(const int64_t *sent, size_t n_sent, const int64_t *heard, size_t n_heard,
		      int64_t *out)
{
	size_t n = 0, s = 0;

	for (size_t i = 0; i < n_heard; i++) {
		while (s + 1 < n_sent && sent[s + 1] <= heard[i])
			s++;
		if (n_sent && sent[s] <= heard[i] && heard[i] - sent[s] < MARK_EVERY_MS * 1000)
			out[n++] = heard[i] - sent[s];
	}
	return n;
}
