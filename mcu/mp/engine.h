/* SPDX-License-Identifier: GPL-3.0-or-later
 * What sources, views and encoders share: the counters, and the governor that
 * lowers frame rates when the machine does not keep up. Inside of the video
 * engine; not for other rooms. */
#ifndef BALAI_MCU_MP_ENGINE_H
#define BALAI_MCU_MP_ENGINE_H

#include "mcu/mp/video.h"

#include <stdatomic.h>

struct engine_counters {
	_Atomic uint32_t sources, sources_kept, views, views_small, encoders, encoders_fast, sinks;
	_Atomic uint64_t probes;
	_Atomic uint64_t encode_load; /* luma samples a second that all encoders make */
	_Atomic uint64_t decoded, turned, decodes_skipped, composed, tiles_painted,
		tiles_unchanged, tiles_missed, canvas_copies, encoded, frames_sent, keys, keys_coalesced,
		frames_skipped, ticks_skipped;
	_Atomic int64_t decode_us, scale_us, compose_us, encode_us,
		encode_wait_us;
	_Atomic uint64_t late[8];
};

/* Over windows of a second: how much of the work began too late. */
struct governor {
	_Atomic int64_t window;      /* when the window began */
	_Atomic uint32_t work, late; /* in it */
	_Atomic uint32_t busiest;    /* most sinks that one view has, in it */
	_Atomic uint32_t level;      /* 0: everything at full rate, to 4 */
	_Atomic uint32_t peak;       /* `busiest` of the window before */
	/* touched by whoever closes a window; windows are a second apart */
	_Atomic uint32_t bad, good, patience;
	_Atomic bool eased;          /* it was lowered since it last rose */
};

/* Counted. */
struct video_engine {
	struct wire *wire;
	struct pool *pool;
	struct label_maker *labels;  /* control thread; NULL once the engine is freed */
	struct engine_counters count;
	struct governor governor;
	_Atomic uint32_t view_index; /* spreads the views over the frame period */
	uint64_t encode_room;        /* above this load encoders of few work fast */
	uint32_t keep_room;          /* unseen sources that may stay decoded */
	_Atomic int64_t probe_at;    /* when the next source may be asked for a key */
	int64_t first_interval;      /* between first pictures that nobody waits for … */
	_Atomic int64_t first_at;    /* … and when the next may be decoded */
};

#define engine_count(engine, counter, n) \
	atomic_fetch_add_explicit(&(engine)->count.counter, (n), memory_order_relaxed)
#define engine_uncount(engine, counter, n) \
	atomic_fetch_sub_explicit(&(engine)->count.counter, (n), memory_order_relaxed)

/* A view's tick began `late_us` after its time. */
void engine_tick(struct video_engine *self, int64_t late_us);

/* So much work was due, and so much of it began too late or was left out. Any
 * thread. */
void engine_work(struct video_engine *self, unsigned work, unsigned late, int64_t now);

/* Is an encoder that serves few to work fast, now that it does or does not? */
bool engine_fast(struct video_engine *self, bool fast);

/* By what the frame rate of a view with so many sinks is to be divided now:
 * 1, 2 or 4. */
unsigned engine_divisor(struct video_engine *self, unsigned sinks);

/* Is a view with so many sinks to make smaller pictures now? */
bool engine_small(struct video_engine *self, unsigned sinks);

/* May one more source that nobody sees stay decoded? Half of the room is for those
 * that have shown that they do not answer (`refuses`). True: engine_unkeep must
 * follow. */
bool engine_keep(struct video_engine *self, bool refuses);
void engine_unkeep(struct video_engine *self);
/* Is the machine too busy for what nobody sees? */
bool engine_busy(struct video_engine *self);

/* When a source that nobody sees may be asked for a key frame: all of them take
 * their turns, however many have joined at once. */
int64_t engine_probe_turn(struct video_engine *self, int64_t now);

/* When a source that nobody sees may decode its first picture, which tells that it has
 * one: at once, unless very many have joined just now. */
int64_t engine_first_turn(struct video_engine *self, int64_t now);

#endif
