/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a recorded leg saw, worked out after the run: in each tile, how many
 * pictures a second had a counter that moved on, and how old they were. */
#ifndef BALAI_TESTS_LOAD_FRESHNESS_H
#define BALAI_TESTS_LOAD_FRESHNESS_H

#include "mcu/mp/layout.h"
#include "tests/load/endpoint.h"

struct tile_result {
	double fresh_fps;
	int source;                /* index of the endpoint it shows, -1: not found out */
	double p50_ms, p99_ms;     /* source to here */
};

struct freshness {
	unsigned pictures, undecodable; /* since it was measured */
	int64_t first_full_us;          /* when all it shows was there, 0: never */
	double fps, seconds;
	int width, height;
	unsigned n_tiles;
	struct tile_result tile[LAYOUT_MAX_TILES];
};

/* `seen`: how many pictures the automatic layout shows there. */
int freshness_of(const struct endpoint *leg, struct endpoint *const *all, unsigned n_all,
		 enum codec_id codec, unsigned seen, struct freshness *out);

#endif
