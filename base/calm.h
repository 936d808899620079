/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a crowd took is given back when it has gone: the allocator keeps what was
 * freed, hundreds of megabytes after some hundred calls. On a thread of its own
 * that no medium waits for. Control thread. */
#ifndef BALAI_BASE_CALM_H
#define BALAI_BASE_CALM_H

#include "base/loop.h"

#include <stdint.h>

struct calm;

/* When at most a quarter of the largest crowd since the last time is there, and
 * was so for `quiet_us`, `release` (may be NULL) frees what lies about, on the
 * other thread, and the allocator gives the rest to the system. */
int calm_new(struct calm **out, struct loop *loop, int64_t quiet_us, void (*release)(void));
/* Waits for a release that runs. Returns NULL. */
struct calm *calm_free(struct calm *self);
/* How many there are now. */
void calm_crowd(struct calm *self, unsigned n);
/* How often memory was given back. */
unsigned calm_count(const struct calm *self);

#endif
