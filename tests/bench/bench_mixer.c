/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a tick of the mixer costs: legs of one codec, three of them speaking.
 *
 *     bench_mixer [LEGS [SECONDS]]
 *
 * Prints, per codec, the CPU time of a 20 ms tick without the phones' own work. */
#include "tests/unit/mix_peer.h"

#include <stdio.h>
#include <time.h>

enum { START_US = 1000000000 };

/* All listeners but one only take what they are sent. */
static void count_send(void *arg, void *stream, struct coded *frame)
{
	(void)stream;
	(void)frame;
	++*(uint64_t *)arg;
}

static const struct mix_io io = { .pull = peer_pull, .send = count_send };

static double cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void bench(enum codec_id codec, unsigned legs, unsigned seconds)
{
	struct peer *peer = calloc(legs, sizeof(*peer));
	uint32_t clock = codec_clock_rate(codec);
	uint64_t sent = 0, ticks = 0;
	double us = 0, worst = 0;
	struct mix *mix = calloc(1, sizeof(*mix));

	if (!peer || !mix)
		return;
	mix_init(mix, &io, &sent);
	for (unsigned i = 0; i < legs; i++) {
		struct mixer_leg_params params;

		peer_init(&peer[i], i, codec, clock ? clock : 16000);
		peer[i].talking = i < 3;
		peer[i].hz = 300 + 70 * i;
		params = peer_params(&peer[i]);
		mix_add(mix, &peer[i].leg);
		mix_set(mix, &peer[i].leg, &params);
	}
	for (unsigned t = 0; t < seconds * 50; t++) {
		int64_t now = START_US + (int64_t)t * MIX_TICK_US;
		double before;

		for (unsigned i = 0; i < legs; i++)
			peer_run(&peer[i], START_US, now);
		before = cpu_us();
		mix_tick(mix, now);
		before = cpu_us() - before;
		if (t < 50)
			continue;
		us += before;
		worst = before > worst ? before : worst;
		ticks++;
	}
	printf("%-5s %4u legs: %7.0f us a tick, worst %7.0f, %5.2f us a leg; %.1f encodings a tick\n",
	       codec_name(codec), legs, us / (double)ticks, worst, us / (double)ticks / legs,
	       (double)mix->stats.encoded / (seconds * 50));
	for (unsigned i = 0; i < legs; i++) {
		mix_remove(mix, &peer[i].leg);
		peer_fini(&peer[i]);
	}
	free(mix);
	free(peer);
}

int main(int argc, char **argv)
{
	static const enum codec_id codecs[] = { CODEC_PCMU, CODEC_G722, CODEC_OPUS, CODEC_L16,
						CODEC_G729 };
	unsigned legs = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
	unsigned seconds = argc > 2 ? (unsigned)atoi(argv[2]) : 5;

	for (int i = 0; i < 5; i++)
		bench(codecs[i], legs < 4 ? 4 : legs, seconds < 2 ? 2 : seconds);
	return 0;
}
