/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a packet costs on the wire, in and out, system calls included: N pairs of
 * transports on loopback, CPU time of the io thread's work over packets.
 *
 *     bench_wire [pairs] [ticks] */
#include "base/clock.h"
#include "base/ref.h"
#include "rtp/wire_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_PAIRS = 500 };

struct leg {
	struct transport *t;
	struct stream *s;
};

static struct leg leg[MAX_PAIRS][2];

static double cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void drop_frame(void *arg, struct coded *frame)
{
	(void)arg;
	ref_drop(frame);
}

static const struct stream_events events = { .frame = drop_frame };

static void open_leg(struct leg *l, struct wire *w, const struct stream_params *p)
{
	if (transport_new(&l->t, w, "127.0.0.1", false, NULL, NULL) < 0 ||
	    stream_new(&l->s, l->t, &events, NULL) < 0)
		abort();
	stream_set(l->s, p);
}

static void join(struct leg *l, const struct leg *peer, enum srtp_suite suite, int side)
{
	struct transport_params p = { .rtcp_mux = true, .latch = true };
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&p.remote_rtp;

	in->sin_family = AF_INET;
	in->sin_port = htons(transport_local(peer->t)->rtp_port);
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (suite != SRTP_SUITE_NONE) {
		p.security = SECURITY_SDES;
		p.tx.suite = p.rx.suite = suite;
		memset(p.tx.key, side + 1, sizeof(p.tx.key));
		memset(p.rx.key, 2 - side, sizeof(p.rx.key));
	}
	transport_set(l->t, &p);
}

static struct coded *frame_of(const struct stream_params *p, uint32_t n)
{
	size_t len = p->kind == MEDIA_AUDIO ? 160 : 5500;
	struct coded *f = coded_new(len, 8);

	if (!f)
		abort();
	f->codec = p->tx.format.id;
	f->len = len;
	f->key = p->kind == MEDIA_VIDEO;
	f->time_us = clock_us();
	f->rtp_time = n * p->tx.format.clock_rate / 50;
	memset(f->data, 0x41, len);
	for (; p->kind == MEDIA_VIDEO && f->n_units < 5; f->n_units++)
		f->unit[f->n_units] = (struct coded_unit){ f->n_units * 1100, 1100 };
	return f;
}

static void run(int pairs, int ticks, enum srtp_suite suite, const struct stream_params *p)
{
	const struct wire_config config = { 0 };
	struct audio_packet *packet = malloc(sizeof(*packet));
	struct wire_stats s;
	struct wire *w;
	double spent = 0;

	if (!packet || wire_new(&w, &config) < 0)
		abort();
	for (int i = 0; i < pairs; i++) {
		open_leg(&leg[i][0], w, p);
		open_leg(&leg[i][1], w, p);
		join(&leg[i][0], &leg[i][1], suite, 0);
		join(&leg[i][1], &leg[i][0], suite, 1);
	}
	wire_turn(w, 0);
	for (int t = 0; t < ticks; t++) {
		struct send_batch *b = send_batch_new((uint32_t)pairs * 2);
		struct coded *f = frame_of(p, (uint32_t)t);
		int64_t next = clock_us() + 20000;
		double before;

		for (int i = 0; i < pairs * 2; i++)
			send_batch_add(b, leg[i / 2][i % 2].s, f);
		ref_drop(f);
		wire_send(w, b);
		before = cpu();
		for (int i = 0; i < pairs * 2 / 100 + 5; i++)
			wire_turn(w, 0);
		spent += cpu() - before;
		for (int i = 0; i < pairs * 2; i++)
			stream_pull(leg[i / 2][i % 2].s, clock_us(), packet, NULL);
		while (clock_us() < next)
			wire_turn(w, 1);
	}
	wire_stats(w, &s);
	printf("%-5s %-24s %8llu packets in, %8llu out, %.2f us a packet in and out\n",
	       p->kind == MEDIA_AUDIO ? "audio" : "video",
	       suite ? srtp_suite_name(suite) : "plain", (unsigned long long)s.rx_packets,
	       (unsigned long long)s.tx_packets, spent / (double)s.rx_packets);
	for (int i = 0; i < pairs * 2; i++) {
		stream_drop(leg[i / 2][i % 2].s);
		transport_drop(leg[i / 2][i % 2].t);
	}
	wire_drop(w);
	free(packet);
}

int main(int argc, char **argv)
{
	struct stream_params audio = {
		.kind = MEDIA_AUDIO, .send = true, .receive = true, .n_rx = 1,
		.rx = { { 0, { .id = CODEC_PCMU, .clock_rate = 8000 } } },
		.tx = { 0, { .id = CODEC_PCMU, .clock_rate = 8000 } },
		.dtmf_tx_pt = -1, .cn_tx_pt = -1, .cname = "bench",
	};
	struct stream_params video = {
		.kind = MEDIA_VIDEO, .send = true, .receive = true, .n_rx = 1,
		.rx = { { 96, { .id = CODEC_H264, .clock_rate = 90000 } } },
		.tx = { 96, { .id = CODEC_H264, .clock_rate = 90000 } },
		.dtmf_tx_pt = -1, .cn_tx_pt = -1, .nack = true, .avpf = true, .pli = true,
		.bitrate = 20000000, .cname = "bench",
	};
	int pairs = argc > 1 ? atoi(argv[1]) : 100, ticks = argc > 2 ? atoi(argv[2]) : 100;

	if (pairs < 1 || pairs > MAX_PAIRS || ticks < 1)
		return 2;
	video.tx.format.h264.packetization_mode = 1;
	for (int s = SRTP_SUITE_NONE; s < SRTP_SUITE_COUNT; s++)
		run(pairs, ticks, (enum srtp_suite)s, &audio);
	run(pairs / 4 + 1, ticks, SRTP_SUITE_NONE, &video);
	run(pairs / 4 + 1, ticks, SRTP_AES_CM_128_HMAC_SHA1_80, &video);
	return 0;
}
