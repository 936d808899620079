/* SPDX-License-Identifier: GPL-3.0-or-later
 * Fuzz: any order of puts, skips, pulls and waits on the jitter buffer and on the
 * reordering of video, fed alike. What comes out must be what went in. */
#include "rtp/jitter.h"
#include "rtp/reorder.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

struct world {
	struct jitter *j;
	struct reorder *r;
	int64_t now;
	struct rtp_packet p;
	uint8_t payload[8];
};

static void check_payload(const uint8_t *d, size_t len, uint16_t seq)
{
	if (len >= 2)
		require(d[0] == seq >> 8 && d[1] == (seq & 0xff));
}

static void drain(struct world *w)
{
	struct reorder_packet p;
	struct reorder_stats st;
	uint16_t seq[16];
	size_t n;

	while (reorder_get(w->r, w->now, &p))
		check_payload(p.data, p.len, p.seq);
	reorder_stats(w->r, &st);
	require(st.waiting <= REORDER_SLOTS);
	require(reorder_due(w->r) > w->now);
	n = reorder_nacks(w->r, w->now, 30000, seq, 16);
	require(n <= 16 && (n == 16 || reorder_nack_due(w->r, 30000) > w->now));
}

static void put(struct world *w, uint8_t how)
{
	static const uint32_t rates[] = { 8000, 16000, 48000, 90000 };
	static const size_t lens[] = { 8, 2, 1, 0 };
	bool lost;
	int r;

	w->payload[0] = (uint8_t)(w->p.seq >> 8);
	w->payload[1] = (uint8_t)w->p.seq;
	w->p.payload = w->payload;
	w->p.payload_len = lens[how >> 2 & 3];
	w->p.marker = how >> 4 & 1;
	r = jitter_put(w->j, &w->p, rates[how & 3], how >> 5 & 1, 0, w->now);
	require(r <= 0);
	r = reorder_put(w->r, &w->p, 0, w->now, &lost);
	require(r == 0 || r == 1);
	drain(w);
}

static void pull(struct world *w)
{
	static struct audio_packet out;
	struct jitter_stats st;
	int excess;
	enum pull r = jitter_pull(w->j, w->now, &out, &excess);

	require(r == PULL_PACKET || r == PULL_LOST || r == PULL_WAIT);
	if (r == PULL_PACKET || (r == PULL_LOST && out.len))
		check_payload(out.data, out.len, out.seq);
	jitter_stats(w->j, &st);
	require(st.packets <= JITTER_SLOTS && st.target_ms >= 20 && st.target_ms <= 400);
}

/* One operation of two or three bytes. */
static size_t step(struct world *w, const uint8_t *d, size_t left)
{
	if (left < 3)
		return left;
	switch (d[0] & 7) {
	case 0: /* the next packet */
		w->p.seq++;
		w->p.timestamp += 160;
		put(w, d[1]);
		return 2;
	case 1: /* any sequence number */
		w->p.seq = (uint16_t)(d[1] << 8 | d[2]);
		put(w, d[0]);
		return 3;
	case 2: /* near by */
		w->p.seq = (uint16_t)(w->p.seq + (int8_t)d[1]);
		w->p.timestamp += (uint32_t)((int8_t)d[1] * 160);
		put(w, d[2]);
		return 3;
	case 3: /* a leap of time */
		w->p.timestamp += (uint32_t)d[1] << 24 | (uint32_t)d[2] << 10;
		return 3;
	case 4:
		w->p.ssrc ^= d[1];
		return 2;
	case 5: {
		struct rtp_packet p = w->p;

		p.seq = ++w->p.seq;
		jitter_skip(w->j, &p, w->now);
		return 1;
	}
	case 6: /* time goes on, by up to half a minute */
		w->now += (int64_t)d[1] * d[1] * 500;
		drain(w);
		return 2;
	default:
		if (d[1] == 255) {
			jitter_reset(w->j);
			reorder_reset(w->r);
		}
		for (int i = 0; i < (d[1] & 7) + 1; i++)
			pull(w);
		w->now += 20000;
		drain(w);
		return 2;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .now = 1000000, .p = { .seq = 65000, .ssrc = 1 } };

	if (size > 4096 || jitter_new(&w.j, 0, 0) || reorder_new(&w.r))
		return 0;
	reorder_set_wait(w.r, 100000);
	for (size_t at = 0; at < size;)
		at += step(&w, data + at, size - at);
	jitter_free(w.j);
	reorder_free(w.r);
	return 0;
}
