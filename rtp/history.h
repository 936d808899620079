/* SPDX-License-Identifier: GPL-3.0-or-later
 * The packets sent lately, to send again on a NACK: a ring bounded by count and
 * bytes, allocated once. Keep them as they went out (protected): sending the
 * same bytes again needs no second encryption under the same index. */
#ifndef BALAI_RTP_HISTORY_H
#define BALAI_RTP_HISTORY_H

#include <stddef.h>
#include <stdint.h>

struct history;

/* `packets` is rounded up to a power of two, 16 to 4096; `bytes` 16 KiB to
 * 4 MiB: -EINVAL outside. */
int history_new(struct history **out, size_t packets, size_t bytes);
struct history *history_free(struct history *self);

/* Copies one packet; the oldest make room. -EMSGSIZE: larger than 1/8 of it. */
int history_put(struct history *self, uint16_t seq, const uint8_t *data, size_t len, int64_t now);
/* The packet `seq`, borrowed until the next put, and marks it as sent at `now`.
 * NULL: not here, older than `max_age_us`, or sent less than `gap_us` ago (one
 * round trip: several NACKs ask for the same loss). */
const uint8_t *history_get(struct history *self, uint16_t seq, int64_t now, int64_t max_age_us,
			   int64_t gap_us, size_t *len);
void history_clear(struct history *self);

#endif
