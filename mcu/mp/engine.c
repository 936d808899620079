/* SPDX-License-Identifier: GPL-3.0-or-later
 * The engine: counters and governor.
 *
 * Under overload frames go before anything else does (audio has its own
 * threads). Views that fewer participants see are slowed first: one more view
 * costs as much as the one that everybody sees. Levels:
 *
 *   1  views of few: half the frames
 *   2  all views: half the frames
 *   3  views of few: a quarter of the frames, half the width and height
 *   4  all views so; video_engine_full, and the controller refuses new calls
 *
 * The level rises when more than a fifth of the work of two seconds in a row began
 * too late or was left out, or half of the work of one second, and falls after some
 * good seconds; more of them each time it had to rise again after it had fallen, so
 * that a crowd that joins is soon forgotten and a machine that is too small does not
 * try every few seconds. A tick that did not
 * happen is work, so that a view of one frame a second tells as much as one of
 * thirty. */
#include "mcu/mp/engine.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"

#include <errno.h>
#include <unistd.h>

enum {
	GOVERNOR_SMALL = 3, GOVERNOR_TOP = 4,
	GOVERNOR_LEAST = 10, /* pieces of work in a window that mean something */
	GOVERNOR_PATIENCE = 5, GOVERNOR_PATIENCE_MAX = 60, /* good windows */
};
#define GOVERNOR_WINDOW_US 1000000
#define GOVERNOR_IDLE_US 3000000 /* without any work there is no overload */

/* Unseen sources are decoded for what a quarter of a core can do. */
enum { KEEP_PER_CORE = 8 };
#define PROBE_INTERVAL_US 50000
#define CROWD_US 250000
/* To open a decoder and decode a key frame takes what twenty pictures take. */
enum { FIRST_PER_CORE = 16, FIRST_BURST = 16 };

/* Four encoders of 720p30 take half of a core at full effort; what decodes for
 * them takes a fifth. */
#define ENCODE_ROOM_PER_CORE (UINT64_C(4) * 1280 * 720 * 30)

int video_engine_new(struct video_engine **out, struct wire *wire, struct pool *pool)
{
	struct video_engine *self = ref_new(sizeof(*self), NULL);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	int err;

	if (!self)
		return -ENOMEM;
	err = label_maker_new(&self->labels);
	if (err) {
		ref_drop(self);
		return err;
	}
	self->wire = wire;
	self->pool = pool;
	self->encode_room = ENCODE_ROOM_PER_CORE * (cores > 0 ? (uint64_t)cores : 1);
	self->first_interval = 1000000 / (FIRST_PER_CORE * (cores > 0 ? cores : 1));
	self->keep_room = KEEP_PER_CORE * (cores > 0 ? (uint32_t)cores : 1);
	atomic_init(&self->governor.patience, GOVERNOR_PATIENCE);
	*out = self;
	return 0;
}

struct video_engine *video_engine_free(struct video_engine *self)
{
	if (self)
		self->labels = label_maker_free(self->labels);
	/* Actors that are still ending hold it. */
	return ref_drop(self);
}

struct label *video_label(struct video_engine *self, const struct label_spec *spec)
{
	return label_get(self->labels, spec);
}

#define GET(counter) atomic_load_explicit(&self->count.counter, memory_order_relaxed)

void video_engine_stats(const struct video_engine *engine, struct video_engine_stats *out)
{
	struct video_engine *self = (struct video_engine *)(uintptr_t)engine;

	*out = (struct video_engine_stats){
		.sources = GET(sources),
		.sources_kept = GET(sources_kept),
		.probes = GET(probes),
		.views = GET(views),
		.views_small = GET(views_small),
		.encoders = GET(encoders),
		.encoders_fast = GET(encoders_fast),
		.sinks = GET(sinks),
		.decoded = GET(decoded),
		.turned = GET(turned),
		.decodes_skipped = GET(decodes_skipped),
		.composed = GET(composed),
		.tiles_painted = GET(tiles_painted),
		.tiles_unchanged = GET(tiles_unchanged),
		.tiles_missed = GET(tiles_missed),
		.canvas_copies = GET(canvas_copies),
		.encoded = GET(encoded),
		.frames_sent = GET(frames_sent),
		.keys = GET(keys),
		.keys_coalesced = GET(keys_coalesced),
		.frames_skipped = GET(frames_skipped),
		.ticks_skipped = GET(ticks_skipped),
		.overload = atomic_load(&self->governor.level),
		.decode_us = GET(decode_us),
		.scale_us = GET(scale_us),
		.compose_us = GET(compose_us),
		.encode_us = GET(encode_us),
		.encode_wait_us = GET(encode_wait_us),
	};
	for (unsigned i = 0; i < 8; i++)
		out->late[i] = GET(late[i]);
	picture_stats(&out->pictures);
	label_maker_stats(engine->labels, &out->labels);
}

void engine_tick(struct video_engine *self, int64_t late_us)
{
	static const int64_t edge[] = { 1000, 2000, 5000, 10000, 20000, 50000, 100000 };
	unsigned i = 0;

	while (i < 7 && late_us >= edge[i])
		i++;
	engine_count(self, late[i], 1);
}

static void governor_close(struct governor *g, uint32_t work, uint32_t late)
{
	uint32_t level = atomic_load(&g->level), patience = atomic_load(&g->patience);

	if (work >= GOVERNOR_LEAST && late * 5 > work) {
		atomic_store(&g->good, 0);
		if ((atomic_fetch_add(&g->bad, 1) + 1 < 2 && late * 2 <= work) ||
		    level == GOVERNOR_TOP)
			return;
		atomic_store(&g->bad, 0);
		atomic_store(&g->level, level + 1);
		if (atomic_exchange(&g->eased, false))
			patience *= 2;
		atomic_store(&g->patience, patience > GOVERNOR_PATIENCE_MAX ?
						   GOVERNOR_PATIENCE_MAX : patience);
		log_warning("video=overload level=%u late=%u of=%u", level + 1, late, work);
		return;
	}
	atomic_store(&g->bad, 0);
	if (late * 20 > work) {
		atomic_store(&g->good, 0);
		return;
	}
	if (atomic_fetch_add(&g->good, 1) + 1 < patience)
		return;
	atomic_store(&g->good, 0);
	if (level) {
		atomic_store(&g->level, level - 1);
		atomic_store(&g->eased, true);
		log_info("video=overload level=%u", level - 1);
	} else if (patience > GOVERNOR_PATIENCE) {
		atomic_store(&g->patience, patience / 2);
	}
}

void engine_work(struct video_engine *self, unsigned work, unsigned late, int64_t now)
{
	struct governor *g = &self->governor;
	int64_t began = atomic_load(&g->window);

	atomic_fetch_add(&g->work, work);
	atomic_fetch_add(&g->late, late);
	if (now - began < GOVERNOR_WINDOW_US ||
	    !atomic_compare_exchange_strong(&g->window, &began, now))
		return;
	atomic_store(&g->peak, atomic_exchange(&g->busiest, 0));
	governor_close(g, atomic_exchange(&g->work, 0), atomic_exchange(&g->late, 0));
}

bool engine_fast(struct video_engine *self, bool fast)
{
	uint64_t room = self->encode_room;

	/* back at three quarters, so that one who comes and goes changes nothing */
	return atomic_load_explicit(&self->count.encode_load, memory_order_relaxed) >
	       (fast ? room - room / 4 : room);
}

/* The level as it is for a view with so many sinks. */
static uint32_t level_for(struct video_engine *self, unsigned sinks)
{
	struct governor *g = &self->governor;

	return atomic_load(&g->level) + (sinks < atomic_load(&g->peak));
}

unsigned engine_divisor(struct video_engine *self, unsigned sinks)
{
	struct governor *g = &self->governor;
	uint32_t level = level_for(self, sinks), busiest = atomic_load(&g->busiest);

	while (sinks > busiest &&
	       !atomic_compare_exchange_weak(&g->busiest, &busiest, sinks))
		;
	return level < 2 ? 1 : level < 4 ? 2 : 4;
}

bool engine_small(struct video_engine *self, unsigned sinks)
{
	return level_for(self, sinks) > GOVERNOR_SMALL;
}

bool video_engine_full(struct video_engine *self)
{
	struct governor *g = &self->governor;
	uint32_t level = atomic_load(&g->level);

	/* Who closes windows has gone: nothing is late any more. */
	if (level && clock_us() - atomic_load(&g->window) > GOVERNOR_IDLE_US) {
		log_info("video=overload level=0 reason=idle");
		atomic_store(&g->level, level = 0);
	}
	return level == GOVERNOR_TOP;
}

bool engine_busy(struct video_engine *self)
{
	return atomic_load_explicit(&self->governor.level, memory_order_relaxed) > 0;
}

/* So many join that the turns of their probes or first pictures are far off. */
static bool engine_crowded(struct video_engine *self)
{
	int64_t by = clock_us() + CROWD_US;

	return atomic_load_explicit(&self->probe_at, memory_order_relaxed) > by ||
	       atomic_load_explicit(&self->first_at, memory_order_relaxed) > by;
}

bool engine_keep(struct video_engine *self, bool refuses)
{
	uint32_t room = refuses ? self->keep_room : self->keep_room / 2;
	uint32_t kept = atomic_load(&self->count.sources_kept);

	if (engine_busy(self) || (!refuses && engine_crowded(self)))
		return false;
	while (kept < room)
		if (atomic_compare_exchange_weak(&self->count.sources_kept, &kept, kept + 1))
			return true;
	return false;
}

void engine_unkeep(struct video_engine *self)
{
	engine_uncount(self, sources_kept, 1);
}

/* The next of turns that are `interval` apart and come no earlier than `least`. */
static int64_t take_turn(_Atomic int64_t *next, int64_t least, int64_t interval)
{
	int64_t at = atomic_load(next), turn;

	do
		turn = at > least ? at : least;
	while (!atomic_compare_exchange_weak(next, &at, turn + interval));
	return turn;
}

int64_t engine_probe_turn(struct video_engine *self, int64_t now)
{
	return take_turn(&self->probe_at, now, PROBE_INTERVAL_US);
}

int64_t engine_first_turn(struct video_engine *self, int64_t now)
{
	return take_turn(&self->first_at, now - (FIRST_BURST - 1) * self->first_interval,
			 self->first_interval);
}
