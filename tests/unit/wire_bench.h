/* SPDX-License-Identifier: GPL-3.0-or-later
 * A test bench for the wire: two ends on loopback on a fake clock, turned by
 * hand, with a relay between them that may lose packets. */
#ifndef BALAI_TESTS_UNIT_WIRE_BENCH_H
#define BALAI_TESTS_UNIT_WIRE_BENCH_H

#include "tests/unit/cmocka_head.h"

#include "base/clock.h"
#include "base/ref.h"
#include "rtp/wire.h"
#include "rtp/wire_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FRAMES = 256 };

/* What the events of one end said. */
struct heard {
	int secured, secured_calls, released, frames, keys, key_wanted, unanswerable;
	int silent, alive, rate_calls;
	uint32_t rate;
	int loss;
	char dtmf[64];
	struct coded *frame[MAX_FRAMES];
};

struct end {
	struct wire *wire;
	struct transport *t;
	struct stream *audio, *video;
	struct heard on_t, on_audio, on_video;
	struct sockaddr_storage remote, remote_rtcp;
};

static int64_t bench_now;

static inline void on_secured(void *arg, int status)
{
	struct heard *h = (struct heard *)arg;

	h->secured = status;
	h->secured_calls++;
}

static inline void on_released(void *arg)
{
	((struct heard *)arg)->released++;
}

static inline void on_frame(void *arg, struct coded *frame)
{
	struct heard *h = (struct heard *)arg;

	if (frame->key && !frame->corrupt)
		h->keys++;
	if (h->frames < MAX_FRAMES)
		h->frame[h->frames] = frame;
	else
		ref_drop(frame);
	h->frames++;
}

static inline void on_key_wanted(void *arg)
{
	((struct heard *)arg)->key_wanted++;
}

static inline void on_unanswerable(void *arg)
{
	((struct heard *)arg)->unanswerable++;
}

static inline void on_silent(void *arg)
{
	((struct heard *)arg)->silent++;
}

static inline void on_alive(void *arg)
{
	((struct heard *)arg)->alive++;
}

static inline void on_rate(void *arg, uint32_t rate, int loss)
{
	struct heard *h = (struct heard *)arg;

	h->rate_calls++;
	h->rate = rate;
	h->loss = loss;
}

static inline void on_dtmf_key(void *arg, char key)
{
	struct heard *h = (struct heard *)arg;
	size_t n = strlen(h->dtmf);

	if (n + 1 < sizeof(h->dtmf)) {
		h->dtmf[n] = key;
		h->dtmf[n + 1] = '\0';
	}
}

static const struct transport_events bench_transport_events = { on_secured, on_released };
static const struct stream_events bench_stream_events = {
	.frame = on_frame, .key_wanted = on_key_wanted, .dtmf = on_dtmf_key,
	.rate_wanted = on_rate, .key_unanswerable = on_unanswerable, .silent = on_silent,
	.alive = on_alive, .released = on_released,
};

static inline void forget_frames(struct heard *h)
{
	for (int i = 0; i < h->frames && i < MAX_FRAMES; i++)
		ref_drop(h->frame[i]);
	h->frames = h->keys = 0;
}

/* ---- time ---------------------------------------------------------------- */

static inline void clock_begin(void)
{
	bench_now = 1700000000000000;
	clock_fake(bench_now);
}

/* `n` turns, 5 ms apart. */
static inline void turns(struct wire *w, int n)
{
	for (int i = 0; i < n; i++) {
		bench_now += 5000;
		clock_fake(bench_now);
		wire_turn(w, 0);
	}
}

/* ---- ends ---------------------------------------------------------------- */

static inline struct sockaddr_storage loopback(uint16_t port)
{
	struct sockaddr_storage s = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&s;

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return s;
}

static inline struct wire *bench_wire(void)
{
	const struct wire_config config = { 0 };
	struct wire *w;

	assert_int_equal(wire_new(&w, &config), 0);
	return w;
}

static inline void end_open(struct end *e, struct wire *w, bool rtcp)
{
	memset(e, 0, sizeof(*e));
	e->wire = w;
	e->on_t.secured = 1;
	assert_int_equal(transport_new(&e->t, w, "127.0.0.1", rtcp, &bench_transport_events,
				       &e->on_t), 0);
}

static inline void end_point(struct end *from, const struct end *to)
{
	const struct transport_local *l = transport_local(to->t);

	from->remote = loopback(l->rtp_port);
	from->remote_rtcp = l->rtcp_port ? loopback(l->rtcp_port) : from->remote;
}

static inline struct transport_params plain_params(const struct end *e, bool mux)
{
	return (struct transport_params){ .remote_rtp = e->remote, .remote_rtcp = e->remote_rtcp,
					  .rtcp_mux = mux, .latch = true };
}

static inline void end_close(struct end *e)
{
	e->audio = stream_drop(e->audio);
	e->video = stream_drop(e->video);
	e->t = transport_drop(e->t);
	turns(e->wire, 1);
	assert_int_equal(e->on_t.released, 1);
	forget_frames(&e->on_video);
}

static inline struct stream_params audio_params(void)
{
	return (struct stream_params){
		.kind = MEDIA_AUDIO, .send = true, .receive = true, .n_rx = 3,
		.rx = { { 0, { .id = CODEC_PCMU, .clock_rate = 8000, .channels = 1 } },
			{ 101, { .id = CODEC_TELEPHONE_EVENT, .clock_rate = 8000 } },
			{ 13, { .id = CODEC_CN, .clock_rate = 8000 } } },
		.tx = { 0, { .id = CODEC_PCMU, .clock_rate = 8000, .channels = 1 } },
		.dtmf_tx_pt = 101, .cn_tx_pt = 13, .cname = "test@bench",
	};
}

static inline struct stream_params video_params(void)
{
	struct stream_params p = {
		.kind = MEDIA_VIDEO, .send = true, .receive = true, .n_rx = 1,
		.rx = { { 96, { .id = CODEC_H264, .clock_rate = 90000 } } },
		.tx = { 96, { .id = CODEC_H264, .clock_rate = 90000 } },
		.dtmf_tx_pt = -1, .cn_tx_pt = -1, .avpf = true, .nack = true, .pli = true,
		.fir = true, .bitrate = 2000000, .cname = "test@bench",
	};

	p.tx.format.h264.packetization_mode = 1;
	p.rx[0].format.h264.packetization_mode = 1;
	return p;
}

static inline void add_audio(struct end *e, const struct stream_params *p)
{
	assert_int_equal(stream_new(&e->audio, e->t, &bench_stream_events, &e->on_audio), 0);
	stream_set(e->audio, p);
}

static inline void add_video(struct end *e, const struct stream_params *p)
{
	assert_int_equal(stream_new(&e->video, e->t, &bench_stream_events, &e->on_video), 0);
	stream_set(e->video, p);
}

/* ---- media --------------------------------------------------------------- */

static inline void send_one(struct wire *w, struct stream *s, struct coded *frame)
{
	struct send_batch *b = send_batch_new(1);

	assert_non_null(b);
	assert_int_equal(send_batch_add(b, s, frame), 0);
	assert_int_equal(send_batch_add(b, s, frame), -ENOSPC);
	wire_send(w, b);
	ref_drop(frame);
}

static inline struct coded *audio_of(uint32_t n)
{
	struct coded *f = coded_new(160, 1);

	assert_non_null(f);
	f->codec = CODEC_PCMU;
	f->marker = n == 0;
	f->rtp_time = n * 160;
	f->time_us = bench_now;
	f->len = 160;
	memset(f->data, (int)n, 160);
	f->n_units = 1;
	f->unit[0] = (struct coded_unit){ 0, 160 };
	return f;
}

static inline void send_audio(struct end *e, uint32_t n)
{
	send_one(e->wire, e->audio, audio_of(n));
}

/* A picture of one slice (behind SPS and PPS when `key`) of `bytes`. */
static inline struct coded *video_of(uint32_t n, bool key, size_t bytes)
{
	static const uint8_t sps[] = { 0x67, 0x42, 0xc0, 0x1f, 1, 2, 3 }, pps[] = { 0x68, 4, 5 };
	struct coded *f = coded_new(bytes + 16, 3);
	uint32_t x = n * 2654435761u + 1;
	size_t at = 0;

	assert_non_null(f);
	f->codec = CODEC_H264;
	f->key = key;
	f->rtp_time = n * 3150; /* 35 ms, seven turns */
	f->time_us = bench_now;
	if (key) {
		memcpy(f->data, sps, sizeof(sps));
		memcpy(f->data + sizeof(sps), pps, sizeof(pps));
		f->unit[0] = (struct coded_unit){ 0, sizeof(sps) };
		f->unit[1] = (struct coded_unit){ sizeof(sps), sizeof(pps) };
		at = sizeof(sps) + sizeof(pps);
		f->n_units = 2;
	}
	f->unit[f->n_units++] = (struct coded_unit){ (uint32_t)at, (uint32_t)bytes };
	f->len = at + bytes;
	for (size_t i = 0; i < bytes; i++) {
		x = x * 1664525 + 1013904223;
		f->data[at + i] = (uint8_t)(x >> 24);
	}
	f->data[at] = key ? 0x65 : 0x41;
	f->data[at + 1] |= 0x80; /* first_mb_in_slice 0 */
	return f;
}

static inline void send_video_frame(struct end *e, uint32_t n, bool key, size_t bytes)
{
	send_one(e->wire, e->video, video_of(n, key, bytes));
}

/* ---- relay --------------------------------------------------------------- */

struct relay {
	int fd[2];                      /* towards end 0, towards end 1 */
	struct sockaddr_storage to[2];
	unsigned lose;                  /* of 1000 RTP packets to end 1 */
	uint32_t random;
	unsigned passed, lost;
	bool record;                    /* keeps the RTCP that went to end 0 */
	uint8_t rtcp[64][512];
	size_t rtcp_len[64];
	unsigned n_rtcp;
};

static inline uint16_t relay_port(const struct relay *r, int side)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	assert_int_equal(getsockname(r->fd[side], (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

/* Both ends (mux, not yet told an address) speak through it. */
static inline void relay_open(struct relay *r, struct end *a, struct end *b)
{
	memset(r, 0, sizeof(*r));
	r->random = 1;
	for (int i = 0; i < 2; i++) {
		struct sockaddr_storage any = loopback(0);

		r->fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		assert_true(r->fd[i] >= 0);
		assert_int_equal(bind(r->fd[i], (struct sockaddr *)&any,
				      sizeof(struct sockaddr_in)), 0);
		r->to[i] = loopback(transport_local(i ? b->t : a->t)->rtp_port);
	}
	a->remote = a->remote_rtcp = loopback(relay_port(r, 0));
	b->remote = b->remote_rtcp = loopback(relay_port(r, 1));
}

static inline void relay_run(struct relay *r)
{
	uint8_t buf[2048];
	ssize_t n;

	for (int i = 0; i < 2; i++) {
		while ((n = recv(r->fd[i], buf, sizeof(buf), 0)) > 0) {
			bool rtp = packet_demux(buf, (size_t)n) == DEMUX_RTP;

			r->random = r->random * 1664525 + 1013904223;
			if (i == 0 && rtp && (r->random >> 10) % 1000 < r->lose) {
				r->lost++;
				continue;
			}
			if (i == 1 && !rtp && r->record && r->n_rtcp < 64 && n <= 512) {
				memcpy(r->rtcp[r->n_rtcp], buf, (size_t)n);
				r->rtcp_len[r->n_rtcp++] = (size_t)n;
			}
			r->passed++;
			assert_int_equal(sendto(r->fd[!i], buf, (size_t)n, 0,
						(struct sockaddr *)&r->to[!i],
						sizeof(struct sockaddr_in)), n);
		}
	}
}

static inline void relay_turns(struct wire *w, struct relay *r, int n)
{
	for (int i = 0; i < n; i++) {
		turns(w, 1);
		relay_run(r);
	}
}

static inline void relay_close(struct relay *r)
{
	close(r->fd[0]);
	close(r->fd[1]);
}

#endif
