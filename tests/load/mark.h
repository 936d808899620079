/* SPDX-License-Identifier: GPL-3.0-or-later
 * How long sound takes from a packet in to a packet out: bursts of one tone are
 * put into what one endpoint sends and looked for, with one and the same detector,
 * in what it sent and in what others received. A sample's time is that of its
 * packet plus its place in it, on both sides. */
#ifndef BALAI_TESTS_LOAD_MARK_H
#define BALAI_TESTS_LOAD_MARK_H

#include "codecs/codec.h"

#include <stddef.h>
#include <stdint.h>

/* A burst of 40 ms begins every half second: longer than any latency worth
 * measuring. Its tone is far from the partials of the load's voices. */
enum { MARK_EVERY_MS = 500, MARK_MS = 40, MARK_HZ = 2600, MARK_BYTES = 400 };

struct mark_packet {
	int64_t at;              /* sent or received, us */
	uint16_t seq, len;
	uint8_t data[MARK_BYTES];
};

struct mark_log {
	struct mark_packet *packet;
	size_t n, cap;
};

/* The burst at `ms` of the sound, -1..1. */
double mark_sample(double ms);

/* Longer payloads, and what memory is missing for, are left out. */
void mark_log_add(struct mark_log *self, int64_t at, uint16_t seq, const uint8_t *data, size_t len);
void mark_log_fini(struct mark_log *self);

/* When bursts begin in `log`, in us, in order; to be freed. NULL: none, or out of
 * memory. */
int64_t *mark_onsets(const struct mark_log *log, const struct codec_format *format, size_t *n);

/* Appends to `out` (room for n_heard) the latency of each burst in `heard`, in us:
 * since the last burst in `sent` before it. Returns how many. */
size_t mark_latencies(const int64_t *sent, size_t n_sent, const int64_t *heard, size_t n_heard,
		      int64_t *out);

#endif
