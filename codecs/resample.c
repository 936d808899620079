/* SPDX-License-Identifier: GPL-3.0-or-later
 * Polyphase resampler: a Kaiser-windowed sinc of 32 samples of the lower rate.
 * Not libswresample, because a mixer copies, primes and resets a running one
 * (a speaker's own encoder goes on where the shared one was), and because its
 * filters are shared by all resamplers of a pair of rates here. */
#include "codecs/audio_ops.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	TAPS = 32,     /* at the lower rate */
	CHUNK = 480,   /* input samples worked on at a time */
	MAX_TAPS = 192 /* TAPS * 48000 / 8000 */
};

static const uint32_t rates[] = {
	8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000,
};

/* The filter of one pair of rates; kept for good, there are few pairs. */
struct bank {
	struct bank *next;
	uint32_t up, down;  /* out_rate/in_rate in lowest terms */
	uint32_t taps;
	float *coeff;       /* up rows of `taps`, oldest sample first */
};

struct resampler {
	const struct bank *bank; /* NULL: equal rates */
	uint32_t at;             /* next output's place in 1/up input samples */
	float buf[MAX_TAPS + CHUNK]; /* taps - 1 old samples, then the new */
};

static pthread_mutex_t bank_lock = PTHREAD_MUTEX_INITIALIZER;
static struct bank *banks;

bool audio_rate_known(uint32_t rate)
{
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (rates[i] == rate)
			return true;
	return false;
}

static double bessel_i0(double x)
{
	double sum = 1, term = 1;

	for (int i = 1; i < 40; i++) {
		term *= x / 2 / i;
		sum += term * term;
	}
	return sum;
}

/* Row `phase`: the impulse response around a point phase/up after the sample
 * that stands at taps/2 - 1. */
static void bank_row(const struct bank *self, uint32_t phase, float *row)
{
	/* Cut 6 % below the lower rate's half: what folds back lies above 94 %
	 * of it. Beta 7: 70 dB. */
	double low = self->up < self->down ? (double)self->up / self->down : 1;
	double cut = 0.94 * low, half = self->taps / 2.0, beta = 7, sum = 0;

	for (uint32_t i = 0; i < self->taps; i++) {
		double t = (double)i - (half - 1) - (double)phase / self->up;
		double u = t / half, w = u * u < 1 ? bessel_i0(beta * sqrt(1 - u * u)) : 0;
		double s = fabs(t) < 1e-9 ? 1 : sin(M_PI * cut * t) / (M_PI * cut * t);

		row[i] = (float)(s * w);
		sum += s * w;
	}
	for (uint32_t i = 0; i < self->taps; i++)
		row[i] = (float)(row[i] / sum);
}

static struct bank *bank_make(uint32_t up, uint32_t down)
{
	struct bank *self = calloc(1, sizeof(*self));

	if (!self)
		return NULL;
	self->up = up;
	self->down = down;
	self->taps = down > up ? (TAPS * down + up - 1) / up : TAPS;
	self->taps += self->taps & 1;
	self->coeff = calloc((size_t)up * self->taps, sizeof(*self->coeff));
	if (!self->coeff) {
		free(self);
		return NULL;
	}
	for (uint32_t p = 0; p < up; p++)
		bank_row(self, p, self->coeff + (size_t)p * self->taps);
	return self;
}

static const struct bank *bank_get(uint32_t up, uint32_t down)
{
	struct bank *b;

	pthread_mutex_lock(&bank_lock);
	for (b = banks; b; b = b->next)
		if (b->up == up && b->down == down)
			break;
	if (!b) {
		b = bank_make(up, down);
		if (b) {
			b->next = banks;
			banks = b;
		}
	}
	pthread_mutex_unlock(&bank_lock);
	return b;
}

int resampler_new(struct resampler **out, uint32_t in_rate, uint32_t out_rate)
{
	struct resampler *self;
	uint32_t a = in_rate, b = out_rate;

	if (!audio_rate_known(in_rate) || !audio_rate_known(out_rate))
		return -ENOTSUP;
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	while (b) {
		uint32_t t = a % b;

		a = b;
		b = t;
	}
	if (in_rate != out_rate) {
		self->bank = bank_get(out_rate / a, in_rate / a);
		if (!self->bank) {
			free(self);
			return -ENOMEM;
		}
	}
	*out = self;
	return 0;
}

/* Four floats at a time; the compiler may not reorder sums of floats on its own. */
typedef float float4 __attribute__((vector_size(16)));

static float4 load4(const float *p)
{
	float4 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static float dot(const float *x, const float *c, uint32_t n)
{
	float4 s = { 0 }, t = { 0 };
	float rest = 0;
	uint32_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		s += load4(x + i) * load4(c + i);
		t += load4(x + i + 4) * load4(c + i + 4);
	}
	for (; i < n; i++)
		rest += x[i] * c[i];
	s += t;
	return (s[0] + s[1]) + (s[2] + s[3]) + rest;
}

static size_t resampler_chunk(struct resampler *self, const int16_t *in, size_t n, int16_t *out)
{
	const struct bank *bank = self->bank;
	size_t old = bank->taps - 1, made = 0;

	for (size_t i = 0; i < n; i++)
		self->buf[old + i] = in[i];
	while (self->at < n * bank->up) {
		float v = dot(self->buf + self->at / bank->up,
			      bank->coeff + (size_t)(self->at % bank->up) * bank->taps,
			      bank->taps);

		out[made++] = (int16_t)lrintf(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
		self->at += bank->down;
	}
	self->at -= (uint32_t)(n * bank->up);
	memmove(self->buf, self->buf + n, old * sizeof(*self->buf));
	return made;
}

int resampler_run(struct resampler *self, const int16_t *in, size_t n, int16_t *out, size_t cap)
{
	size_t made = 0;

	if (n > AUDIO_MAX_SAMPLES)
		return -EINVAL;
	if (!self->bank) {
		if (cap < n)
			return -ENOSPC;
		memcpy(out, in, n * sizeof(*in));
		return (int)n;
	}
	if (cap < (n * self->bank->up + self->bank->down - 1) / self->bank->down)
		return -ENOSPC;
	for (size_t i = 0; i < n; i += CHUNK)
		made += resampler_chunk(self, in + i, n - i < CHUNK ? n - i : CHUNK, out + made);
	return (int)made;
}

int resampler_fork(struct resampler **out, const struct resampler *from)
{
	struct resampler *self = malloc(sizeof(*self));

	if (!self)
		return -ENOMEM;
	*self = *from;
	*out = self;
	return 0;
}

void resampler_reset(struct resampler *self)
{
	memset(self->buf, 0, sizeof(self->buf));
	self->at = 0;
}

struct resampler *resampler_free(struct resampler *self)
{
	free(self);
	return NULL;
}
