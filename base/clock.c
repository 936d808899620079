/* SPDX-License-Identifier: GPL-3.0-or-later
 * Clocks, with a fake one for tests. */
#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t fake = -1;

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_us(void)
{
	int64_t f = atomic_load_explicit(&fake, memory_order_relaxed);

	return f >= 0 ? f : read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
	int64_t f = atomic_load_explicit(&fake, memory_order_relaxed);

	return f >= 0 ? f : read_clock(CLOCK_REALTIME);
}

void clock_fake(int64_t us)
{
	atomic_store(&fake, us < 0 ? -1 : us);
}

void clock_sleep_until(int64_t us)
{
	struct timespec ts = { us / 1000000, (us % 1000000) * 1000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}
