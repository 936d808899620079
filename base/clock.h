/* SPDX-License-Identifier: GPL-3.0-or-later
 * Time in microseconds. Pure code takes `now` as an argument; what cannot asks
 * here, and a test may stand a fake clock in its place. Any thread. */
#ifndef BALAI_BASE_CLOCK_H
#define BALAI_BASE_CLOCK_H

#include <stdint.h>

/* Monotonic time. */
int64_t clock_us(void);

/* Microseconds since 1970 (for RTCP sender reports and records). */
int64_t clock_wall_us(void);

/* From here on both clocks stand at `us` until set again; a negative value
 * gives the real ones back. Tests only. */
void clock_fake(int64_t us);

/* Sleeps until the monotonic clock reads `us`. */
void clock_sleep_until(int64_t us);

#endif
