/* SPDX-License-Identifier: GPL-3.0-or-later
 * The threads of the audio: shards on an absolute 20 ms clock. A mixer lives
 * wholly in one shard; the control thread's handles post to its mailbox, which
 * is emptied before each tick. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/ref.h"
#include "mcu/mp/audio_io.h"
#include "mcu/mp/mix.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SHARDS_MAX = 64,
	RT_PRIORITY = 10,
	BATCH_MIN = 64,
	/* Later than that, and ticks are left out instead of caught up with. */
	LATE_MAX_US = 5 * MIX_TICK_US,
};

/* Written by the shard, read by anybody. */
struct shard_stats {
	atomic_uint_fast64_t ticks, late[8], decoded, concealed, rested, encoded,
		frames_shared;
	atomic_int_fast64_t busy_us;
	atomic_uint_fast32_t legs, mixers;
};

struct shard {
	struct audio_engine *engine;
	unsigned index;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	struct mailbox *mailbox;
	struct list mixers;
	unsigned load;              /* legs given to it; control thread */
	struct send_batch *batch;
	uint32_t batch_cap;         /* as many as the last tick sent, and some */
	uint32_t batch_used;
	struct shard_stats stats;
};

struct audio_engine {
	const struct audio_io *io;
	struct mix_io mix_io;
	struct wire *wire;          /* borrowed, outlives the engine */
	unsigned n_shards;
	struct shard shard[];
};

/* Owner: the shard, from its `add` message on; the handle itself is only named by
 * the control thread. The messages are part of it, so that none can fail. */
struct mixer {
	struct msg add, drop;
	struct list link;
	struct shard *shard;
	struct mixer_events events;
	void *arg;
	struct mix mix;
};

struct mixer_leg {
	struct msg add, drop;
	struct mixer *mixer;
	struct mix_leg leg;
	atomic_int level;
	atomic_int_fast64_t delay_us;
};

struct chime_msg {
	struct msg msg;
	struct mixer *mixer;
	enum chime_kind kind;
};

struct leg_set_msg {
	struct msg msg;
	struct mixer_leg *leg;
	struct mixer_leg_params params;
};

/* ---- sending --------------------------------------------------------------- */

static void shard_flush(struct shard *self)
{
	if (!self->batch)
		return;
	self->engine->io->send(self->engine->wire, self->batch);
	self->batch = NULL;
	self->batch_used = 0;
}

static void shard_send(void *arg, void *stream, struct coded *frame)
{
	struct shard *self = arg;
	const struct audio_io *io = self->engine->io;

	if (self->batch && self->batch_used == self->batch_cap)
		shard_flush(self);
	if (!self->batch) {
		uint32_t legs = (uint32_t)atomic_load_explicit(&self->stats.legs,
							       memory_order_relaxed);

		/* One frame a leg and tick, two at 10 ms. */
		self->batch_cap = legs < BATCH_MIN ? BATCH_MIN : legs + legs / 8;
		self->batch = io->batch_new(self->batch_cap);
		if (!self->batch)
			return;
	}
	if (io->batch_add(self->batch, stream, frame) == 0)
		self->batch_used++;
}

/* ---- the clock ------------------------------------------------------------- */

#define ADD(counter, n) atomic_fetch_add_explicit(&(counter), (n), memory_order_relaxed)

static void shard_count_late(struct shard *self, int64_t late_us)
{
	static const int64_t limit_us[7] = { 1000, 2000, 5000, 10000, 20000, 50000, 100000 };
	unsigned i = 0;

	while (i < 7 && late_us >= limit_us[i])
		i++;
	ADD(self->stats.late[i], 1);
	ADD(self->stats.ticks, 1);
}

static void mixer_tick(struct shard *self, struct mixer *m, int64_t tick_us)
{
	struct mix_stats was = m->mix.stats;
	const struct mix_stats *is = &m->mix.stats;

	mix_tick(&m->mix, tick_us);
	list_each(l, &m->mix.legs) {
		struct mix_leg *leg = list_entry(l, struct mix_leg, link);
		struct mixer_leg *handle = list_entry(leg, struct mixer_leg, leg);

		atomic_store_explicit(&handle->level, leg->level, memory_order_relaxed);
		atomic_store_explicit(&handle->delay_us, leg->rx.delay_us, memory_order_relaxed);
	}
	ADD(self->stats.decoded, is->decoded - was.decoded);
	ADD(self->stats.concealed, is->concealed - was.concealed);
	ADD(self->stats.rested, is->rested - was.rested);
	ADD(self->stats.encoded, is->encoded - was.encoded);
	/* A frame for n legs saved n - 1 encodings. */
	if (is->sent - was.sent > is->encoded - was.encoded)
		ADD(self->stats.frames_shared,
		    (is->sent - was.sent) - (is->encoded - was.encoded));
}

static void shard_priority(struct shard *self)
{
	struct sched_param p = { .sched_priority = RT_PRIORITY };
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "audio-%u", self->index);
	(void)pthread_setname_np(pthread_self(), name);
	rc = pthread_setschedparam(pthread_self(), SCHED_FIFO, &p);
	log_info("event=audio_shard shard=%u realtime=%s", self->index, rc ? "no" : "yes");
}

static void *shard_main(void *arg)
{
	struct shard *self = arg;
	int64_t next = (clock_us() / MIX_TICK_US + 1) * MIX_TICK_US;

	shard_priority(self);
	while (!atomic_load(&self->stop)) {
		int64_t now;

		clock_sleep_until(next);
		now = clock_us();
		shard_count_late(self, now - next);
		if (now - next > LATE_MAX_US)
			next = now / MIX_TICK_US * MIX_TICK_US;
		mailbox_run(self->mailbox, self);
		list_each(l, &self->mixers)
			mixer_tick(self, list_entry(l, struct mixer, link), next);
		shard_flush(self);
		ADD(self->stats.busy_us, clock_us() - now);
		next += MIX_TICK_US;
	}
	return NULL;
}

/* ---- engine ---------------------------------------------------------------- */

static int shard_start(struct shard *self, struct audio_engine *engine, unsigned index)
{
	int rc;

	self->engine = engine;
	self->index = index;
	list_init(&self->mixers);
	rc = mailbox_new(&self->mailbox, 0, NULL, NULL);
	if (rc)
		return rc;
	rc = -pthread_create(&self->thread, NULL, shard_main, self);
	self->running = rc == 0;
	return rc;
}

static void shard_finish(struct shard *self)
{
	atomic_store(&self->stop, true);
	if (self->running)
		pthread_join(self->thread, NULL);
	if (!self->mailbox)
		return;
	/* What was posted after the last tick: drops and their releases. */
	mailbox_run(self->mailbox, self);
	mailbox_free(self->mailbox);
}

int audio_engine_new_io(struct audio_engine **out, const struct audio_io *io, struct wire *wire,
			unsigned shards)
{
	struct audio_engine *self;
	int rc = 0;

	if (!shards) {
		long cores = sysconf(_SC_NPROCESSORS_ONLN);

		shards = cores > 0 ? (unsigned)cores : 1;
	}
	if (shards > SHARDS_MAX)
		shards = SHARDS_MAX;
	self = calloc(1, sizeof(*self) + shards * sizeof(self->shard[0]));
	if (!self)
		return -ENOMEM;
	self->io = io;
	self->mix_io = (struct mix_io){ .pull = io->pull, .send = shard_send, .loss = io->loss };
	self->wire = wire;
	for (; !rc && self->n_shards < shards; self->n_shards++)
		rc = shard_start(&self->shard[self->n_shards], self, self->n_shards);
	if (rc) {
		audio_engine_free(self);
		return rc;
	}
	*out = self;
	return 0;
}

struct audio_engine *audio_engine_free(struct audio_engine *self)
{
	if (!self)
		return NULL;
	for (unsigned i = 0; i < self->n_shards; i++)
		shard_finish(&self->shard[i]);
	free(self);
	return NULL;
}

void audio_engine_stats(const struct audio_engine *self, struct audio_engine_stats *out)
{
	*out = (struct audio_engine_stats){ 0 };
	for (unsigned i = 0; i < self->n_shards; i++) {
		const struct shard_stats *s = &self->shard[i].stats;

		out->ticks += s->ticks;
		for (int k = 0; k < 8; k++)
			out->late[k] += s->late[k];
		out->decoded += s->decoded;
		out->concealed += s->concealed;
		out->decodes_skipped += s->rested;
		out->encoded += s->encoded;
		out->frames_shared += s->frames_shared;
		out->busy_us += s->busy_us;
		out->legs += (uint32_t)s->legs;
		out->mixers += (uint32_t)s->mixers;
	}
}

/* ---- mixers ---------------------------------------------------------------- */

static void mixer_tell(void *arg, const uint32_t *ids, unsigned n)
{
	struct mixer *self = arg;

	self->events.speakers(self->arg, ids, n);
}

static void mixer_key(void *arg, uint32_t id, char key)
{
	struct mixer *self = arg;

	self->events.key(self->arg, id, key);
}

static void mixer_added(struct msg *msg, void *owner)
{
	struct mixer *self = list_entry(msg, struct mixer, add);
	struct shard *shard = owner;

	list_add(&shard->mixers, &self->link);
	ADD(shard->stats.mixers, 1);
}

static void mixer_dropped(struct msg *msg, void *owner)
{
	struct mixer *self = list_entry(msg, struct mixer, drop);
	struct shard *shard = owner;

	list_del(&self->link);
	mix_fini(&self->mix);
	atomic_fetch_sub(&shard->stats.mixers, 1);
	if (self->events.released)
		self->events.released(self->arg);
	free(self);
}

/* Messages that are part of their object are never discarded: the mailbox is
 * emptied before it is freed. */
static void msg_kept(struct msg *msg)
{
	(void)msg;
}

int mixer_new(struct mixer **out, struct audio_engine *engine,
	      const struct mixer_events *events, void *arg)
{
	struct mixer *self = calloc(1, sizeof(*self));
	struct shard *best = &engine->shard[0];

	if (!self)
		return -ENOMEM;
	for (unsigned i = 1; i < engine->n_shards; i++)
		if (engine->shard[i].load < best->load)
			best = &engine->shard[i];
	best->load++;
	self->add = (struct msg){ .deliver = mixer_added, .discard = msg_kept };
	self->drop = (struct msg){ .deliver = mixer_dropped, .discard = msg_kept };
	list_init(&self->link);
	self->shard = best;
	if (events)
		self->events = *events;
	self->arg = arg;
	mix_init(&self->mix, &engine->mix_io, best);
	self->mix.speakers_arg = self;
	if (self->events.speakers)
		self->mix.speakers = mixer_tell;
	if (self->events.key)
		self->mix.key = mixer_key;
	mailbox_put(best->mailbox, &self->add);
	*out = self;
	return 0;
}

struct mixer *mixer_drop(struct mixer *self)
{
	if (!self)
		return NULL;
	self->shard->load--;
	mailbox_put(self->shard->mailbox, &self->drop);
	return NULL;
}

static void chime_discard(struct msg *msg)
{
	free(list_entry(msg, struct chime_msg, msg));
}

static void chime_deliver(struct msg *msg, void *owner)
{
	struct chime_msg *m = list_entry(msg, struct chime_msg, msg);

	(void)owner;
	chime_ring(&m->mixer->mix.chime, m->kind);
	free(m);
}

void mixer_chime(struct mixer *self, enum chime_kind kind)
{
	struct chime_msg *m = calloc(1, sizeof(*m));

	if (!m)
		return; /* nobody misses it */
	m->msg = (struct msg){ .deliver = chime_deliver, .discard = chime_discard };
	m->mixer = self;
	m->kind = kind;
	mailbox_put(self->shard->mailbox, &m->msg);
}

/* ---- legs ------------------------------------------------------------------ */

static void leg_added(struct msg *msg, void *owner)
{
	struct mixer_leg *self = list_entry(msg, struct mixer_leg, add);
	struct shard *shard = owner;

	mix_add(&self->mixer->mix, &self->leg);
	ADD(shard->stats.legs, 1);
}

static void leg_dropped(struct msg *msg, void *owner)
{
	struct mixer_leg *self = list_entry(msg, struct mixer_leg, drop);
	struct shard *shard = owner;

	mix_remove(&self->mixer->mix, &self->leg);
	atomic_fetch_sub(&shard->stats.legs, 1);
	ref_drop(self->leg.stream);
	free(self);
}

int mixer_leg_new(struct mixer_leg **out, struct mixer *mixer, struct stream *stream,
		  uint32_t id)
{
	struct mixer_leg *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	self->add = (struct msg){ .deliver = leg_added, .discard = msg_kept };
	self->drop = (struct msg){ .deliver = leg_dropped, .discard = msg_kept };
	self->mixer = mixer;
	mix_leg_init(&self->leg, ref_hold(stream), id);
	atomic_init(&self->level, -127);
	atomic_init(&self->delay_us, 0);
	mixer->shard->load++;
	mailbox_put(mixer->shard->mailbox, &self->add);
	*out = self;
	return 0;
}

static void leg_set(struct msg *msg, void *owner)
{
	struct leg_set_msg *self = list_entry(msg, struct leg_set_msg, msg);

	(void)owner;
	mix_set(&self->leg->mixer->mix, &self->leg->leg, &self->params);
	free(self);
}

static void leg_set_discard(struct msg *msg)
{
	free(list_entry(msg, struct leg_set_msg, msg));
}

void mixer_leg_set(struct mixer_leg *self, const struct mixer_leg_params *params)
{
	struct leg_set_msg *m = calloc(1, sizeof(*m));

	if (!m) {
		log_error("event=audio_leg_set error=out-of-memory");
		return;
	}
	m->msg = (struct msg){ .deliver = leg_set, .discard = leg_set_discard };
	m->leg = self;
	m->params = *params;
	mailbox_put(self->mixer->shard->mailbox, &m->msg);
}

struct mixer_leg *mixer_leg_drop(struct mixer_leg *self)
{
	if (!self)
		return NULL;
	self->mixer->shard->load--;
	mailbox_put(self->mixer->shard->mailbox, &self->drop);
	return NULL;
}

int mixer_leg_level(const struct mixer_leg *self)
{
	return atomic_load_explicit(&((struct mixer_leg *)self)->level, memory_order_relaxed);
}

int64_t mixer_leg_delay_us(const struct mixer_leg *self)
{
	return atomic_load_explicit(&((struct mixer_leg *)self)->delay_us, memory_order_relaxed);
}
