/* SPDX-License-Identifier: GPL-3.0-or-later
 * In place of the pool, for tests of the video engine: actors run on the test's
 * own thread and on a clock that the test moves. The real one is in an archive,
 * and whoever defines its functions first wins. */
#ifndef BALAI_TESTS_UNIT_MP_FAKE_POOL_H
#define BALAI_TESTS_UNIT_MP_FAKE_POOL_H

#include "base/pool.h"

/* Runs every actor that is due, in order of time, until the clock reads `until`. */
void fake_run(int64_t until);
/* Live actors; zero when everything has ended. */
unsigned fake_actors(void);

#endif
