/* SPDX-License-Identifier: GPL-3.0-or-later
 * A source: an actor that decodes one participant's stream while a view shows
 * it, and puts the latest good picture into a slot.
 *
 * One that nobody sees is asked once whether it makes a key frame when it is asked,
 * and the wire notices the key without decoding. Until then it stays decoded, and
 * for good if it does not answer, but never more of them than the machine carries.
 *
 * Control sets what it wishes in atomics and wakes the actor, which follows.
 * `users` counts who may still wake it; whoever brings it to zero stops it, so
 * that a frame that arrives while control drops the source does no harm. */
#include "mcu/mp/source.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"
#include "base/slot.h"
#include "mcu/mp/engine.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
	SOURCE_QUEUE = 16,   /* frames that wait for the decoder */
	SOURCE_PENDING = 16, /* pictures that wait for their moment */
	SOURCE_PROBES = 5,
};

#define LINGER_US 2000000      /* decoded for so long after the last view left */
#define STALE_US 10000000      /* then the last picture is let go */
#define KEY_AGAIN_US 500000    /* between requests of ours; the wire repeats too */
#define KEY_ANSWER_US 2000000  /* a key within this time answers a request */
#define PROBE_LOOK_US 250000   /* between looks for the answer to one */
#define PROBE_AGAIN_US 10000000 /* what stayed away is asked again then */
#define KEY_GATE_US 1000000    /* then a stream without key frames is tried */
#define DELAY_MAX_US 200000
#define CAPTURE_OLD_US 1000000 /* older capture times are not believed */

struct pending {
	struct picture *picture;
	int64_t due;
};

struct source {
	struct video_engine *engine;
	struct actor *actor;
	struct stream *stream;
	struct source_events events;
	void *arg;
	/* any thread */
	_Atomic uint32_t users, watchers;
	_Atomic bool live;
	_Atomic uint32_t pauses;     /* how often it went off */
	_Atomic bool gap;            /* a frame did not get into the mailbox */
	_Atomic int64_t delay_us;
	struct slot slot;
	/* control thread */
	bool dropped;
	/* actor */
	struct video_decoder *decoder;
	enum codec_id codec;         /* of the decoder */
	enum codec_id unsupported;   /* already said so in the log */
	bool told, seen;             /* what the stream knows, and we do */
	bool was_live;
	uint32_t paused;             /* pauses that are followed */
	bool need_key;               /* wait for a key frame before decoding */
	bool had_key;                /* a key frame came since it went live */
	bool answers;                /* a key frame came when asked for */
	bool kept;                   /* has one of the engine's places for unseen ones */
	int64_t gate_until;          /* need_key is given up then; 0: not begun */
	int64_t asked_first;         /* request that is not answered, or 0 */
	int64_t asked_at;
	int64_t probe_turn;          /* is asked then, or 0 */
	int64_t probe_until;         /* a request of a probe is out until then, or 0 */
	uint64_t probe_keys, probe_packets; /* that had come when it went */
	unsigned probes;             /* without an answer */
	int64_t first_turn;          /* decodes its first picture from then on; 0: not asked */
	bool shown;                  /* a view has shown it */
	int64_t unwatched_at, linger_until;
	uint64_t dropped_before;
	struct pending pending[SOURCE_PENDING];
	unsigned n_pending;
	int64_t last_due;
	uint16_t width, height;      /* as last reported */
};

static bool source_enter(struct source *self)
{
	uint32_t users = atomic_load(&self->users);

	while (users)
		if (atomic_compare_exchange_weak(&self->users, &users, users + 1))
			return true;
	return false;
}

static void source_leave(struct source *self)
{
	if (atomic_fetch_sub(&self->users, 1) == 1)
		actor_stop(self->actor);
}

static void source_wake(struct source *self)
{
	if (source_enter(self)) {
		actor_schedule(self->actor, clock_us());
		source_leave(self);
	}
}

/* ---- pictures --------------------------------------------------------------- */

static void source_publish(struct source *self, struct picture *picture)
{
	bool changed = picture->width != self->width || picture->height != self->height;

	self->width = picture->width;
	self->height = picture->height;
	slot_put(&self->slot, picture);
	if (changed && self->events.picture)
		self->events.picture(self->arg, self->width, self->height);
}

static void pending_publish_first(struct source *self)
{
	struct picture *picture = self->pending[0].picture;

	self->n_pending--;
	for (unsigned i = 0; i < self->n_pending; i++)
		self->pending[i] = self->pending[i + 1];
	source_publish(self, picture);
}

static void pending_run(struct source *self, int64_t now)
{
	while (self->n_pending && self->pending[0].due <= now)
		pending_publish_first(self);
}

static void pending_clear(struct source *self)
{
	while (self->n_pending)
		ref_drop(self->pending[--self->n_pending].picture);
}

/* Takes over the picture. */
static void source_show(struct source *self, struct picture *picture, int64_t capture,
			int64_t now)
{
	int64_t due;

	if (capture <= 0 || capture > now || now - capture > CAPTURE_OLD_US)
		capture = now;
	due = capture + atomic_load(&self->delay_us);
	if (!self->width)
		due = now; /* the first one is waited for */
	if (due < self->last_due && self->n_pending)
		due = self->last_due; /* in order */
	self->last_due = due;
	pending_run(self, now);
	if (due <= now && !self->n_pending) {
		source_publish(self, picture);
		return;
	}
	if (self->n_pending == SOURCE_PENDING)
		pending_publish_first(self);
	self->pending[self->n_pending++] = (struct pending){ picture, due };
}

/* ---- key frames ------------------------------------------------------------- */

/* Whether it answers is known, and nobody looks. */
static bool source_in_vain(const struct source *self)
{
	return self->unwatched_at && self->probes == SOURCE_PROBES;
}

static void source_ask(struct source *self, int64_t now)
{
	if (!self->stream || source_in_vain(self) ||
	    (self->asked_at && now - self->asked_at < KEY_AGAIN_US))
		return;
	self->asked_at = now;
	if (!self->asked_first)
		self->asked_first = now;
	stream_request_key(self->stream);
}

/* From here on only a key frame helps. */
static void source_lost(struct source *self)
{
	if (!self->need_key)
		self->gate_until = 0;
	self->need_key = true;
}

/* True: this frame is of no use, a key frame is awaited. A sender that refreshes
 * its picture without key frames is decoded after a while anyway: the decoder
 * gives out whole pictures only. */
static bool source_gated(struct source *self, int64_t now)
{
	if (!self->need_key || !self->stream)
		return false;
	if (!self->gate_until)
		self->gate_until = now + KEY_GATE_US;
	source_ask(self, now);
	if (now < self->gate_until)
		return true;
	self->answers = false;
	return false;
}

static void source_key_arrived(struct source *self, int64_t now)
{
	/* The first one comes by itself. */
	if (self->had_key && self->asked_first)
		self->answers = now - self->asked_first < KEY_ANSWER_US;
	self->had_key = true;
	self->asked_first = self->asked_at = 0;
	self->need_key = false;
}

/* ---- what is decoded -------------------------------------------------------- */

static void source_set_seen(struct source *self, bool seen, int64_t now)
{
	bool first = !self->told;

	if (!first && seen == self->seen)
		return;
	self->told = true;
	self->seen = seen;
	if (self->stream)
		stream_set_seen(self->stream, seen);
	self->asked_first = self->asked_at = 0;
	if (seen) {
		source_lost(self);
		if (!first) /* a stream begins with one by itself */
			source_ask(self, now);
	} else {
		self->decoder = video_decoder_free(self->decoder);
		self->codec = CODEC_NONE;
		pending_clear(self);
	}
}

/* The answer to a probe, or its time is over. A stream that has fallen silent is
 * not one that does not answer. */
static void source_probe_check(struct source *self, const struct stream_stats *s, int64_t now)
{
	if (s->keys_in != self->probe_keys)
		self->answers = true;
	else if (now < self->probe_until)
		return;
	else if (s->rx_packets != self->probe_packets)
		self->probes++;
	else
		self->probe_turn = now + PROBE_AGAIN_US;
	self->probe_until = 0;
}

/* Asks a source that nobody sees whether it answers. Whether a key frame comes is
 * seen at the wire. */
static void source_probe(struct source *self, int64_t now)
{
	struct stream_stats s;

	if (self->answers || !self->stream || self->probes == SOURCE_PROBES)
		return;
	if (!self->probe_turn && !self->probe_until)
		self->probe_turn = engine_probe_turn(self->engine, now);
	if (now < self->probe_turn)
		return;
	stream_stats(self->stream, &s);
	if (self->probe_until) {
		source_probe_check(self, &s, now);
		return;
	}
	/* The first one comes by itself, and would be taken for an answer. */
	if (!s.keys_in && now - self->unwatched_at < KEY_ANSWER_US) {
		self->probe_turn = now + KEY_AGAIN_US;
		return;
	}
	self->probe_turn = 0;
	self->probe_until = now + KEY_ANSWER_US;
	self->probe_keys = s.keys_in;
	self->probe_packets = s.rx_packets;
	engine_count(self->engine, probes, 1);
	stream_request_key(self->stream);
}

/* Is it decoded though nobody sees it? One that has begun without can wait until it
 * is known that it does not answer. */
static bool source_keep(struct source *self, bool wish)
{
	bool refuses = self->probes == SOURCE_PROBES;

	if (self->kept && (!wish || engine_busy(self->engine))) {
		self->kept = false;
		engine_unkeep(self->engine);
	} else if (!self->kept && wish && (refuses || self->seen || !self->told)) {
		self->kept = engine_keep(self->engine, refuses);
	}
	return self->kept;
}

/* Who has shown nothing yet is seated nowhere: the first picture is decoded in any case,
 * but when hundreds join at once, in its turn. The key frame that a stream begins with
 * may be over then, and the one that comes instead is an answer. */
static bool source_first(struct source *self, int64_t now)
{
	struct stream_stats s;

	if (self->width)
		return false;
	if (!self->first_turn)
		self->first_turn = engine_first_turn(self->engine, now);
	if (now < self->first_turn)
		return false;
	if (self->told && !self->seen && self->stream) {
		stream_stats(self->stream, &s);
		self->had_key = s.keys_in > 0;
	}
	return true;
}

static void source_follow_watchers(struct source *self, bool watched, int64_t now)
{
	if (watched) {
		self->unwatched_at = self->linger_until = 0;
		self->probe_turn = self->probe_until = 0;
		self->probes = 0;
		self->shown = true;
	} else if (!self->unwatched_at) {
		self->unwatched_at = now;
		self->linger_until = self->shown ? now + LINGER_US : now;
	}
}

/* Brings the actor in line with what control wishes. */
static void source_follow(struct source *self, int64_t now)
{
	uint32_t pauses = atomic_load(&self->pauses);
	bool live = atomic_load(&self->live);
	bool watched = atomic_load(&self->watchers) > 0;
	bool unseen, kept;

	/* One that was over before anybody looked counts: who shows it waits for the
	 * first picture since. */
	if (self->paused != pauses) {
		self->paused = pauses;
		source_set_seen(self, false, now);
		slot_put(&self->slot, NULL);
		self->had_key = false;
		self->width = self->height = 0;
		self->first_turn = 0;
	}
	source_follow_watchers(self, watched, now);
	if (live && !watched && self->width)
		source_probe(self, now);
	unseen = live && !watched && self->stream && now >= self->linger_until;
	kept = source_keep(self, unseen && !self->answers);
	if (live)
		source_set_seen(self, !unseen || kept || source_first(self, now), now);
	if (!watched && !self->seen && now - self->unwatched_at >= STALE_US)
		slot_put(&self->slot, NULL);
	self->was_live = live;
}

static int source_decoder(struct source *self, enum codec_id codec)
{
	int err;

	if (self->decoder && self->codec == codec)
		return 0;
	self->decoder = video_decoder_free(self->decoder);
	err = video_decoder_new(&self->decoder, codec);
	if (err) {
		if (self->unsupported != codec)
			log_warning("video=no-decoder codec=%s error=%d", codec_name(codec),
				    err);
		self->unsupported = codec;
		return err;
	}
	if (self->codec != CODEC_NONE)
		source_lost(self); /* changed in mid-call */
	self->codec = codec;
	return 0;
}

/* Upright, as others see who held the camera so. Takes over the picture; NULL when out of
 * memory. */
static struct picture *source_turn(struct source *self, struct picture *picture,
				   unsigned orientation)
{
	struct picture *upright = picture_upright(picture, orientation);

	ref_drop(picture);
	engine_count(self->engine, turned, 1);
	return upright;
}

static void source_decode(struct source *self, const struct coded *frame, int64_t now)
{
	struct picture *picture = NULL;
	int64_t began;
	int err;

	if (source_decoder(self, frame->codec))
		return;
	if (frame->key && !frame->corrupt)
		source_key_arrived(self, now);
	if (source_gated(self, now)) {
		engine_count(self->engine, decodes_skipped, 1);
		return;
	}
	began = clock_us();
	err = video_decode(self->decoder, frame, &picture);
	if (!err && picture && frame->orientation)
		picture = source_turn(self, picture, frame->orientation);
	engine_count(self->engine, decode_us, clock_us() - began);
	engine_count(self->engine, decoded, 1);
	if (err == -EBADMSG) {
		source_ask(self, now);
		return;
	}
	if (!err && picture) {
		self->need_key = false;
		source_show(self, picture, frame->time_us, now);
	}
}

/* ---- the actor -------------------------------------------------------------- */

struct frame_msg {
	struct msg msg;
	struct coded *frame;
};

static void frame_discard(struct msg *msg)
{
	struct frame_msg *m = (struct frame_msg *)(void *)msg;

	ref_drop(m->frame);
	free(m);
}

static void frame_deliver(struct msg *msg, void *owner)
{
	struct frame_msg *m = (struct frame_msg *)(void *)msg;
	struct source *self = owner;
	int64_t now = clock_us();
	uint64_t dropped = actor_dropped(self->actor);
	bool first;

	source_follow(self, now);
	if (dropped != self->dropped_before || atomic_exchange(&self->gap, false)) {
		self->dropped_before = dropped;
		source_lost(self);
	}
	first = !self->width;
	if (self->seen)
		source_decode(self, m->frame, now);
	else
		engine_count(self->engine, decodes_skipped, 1);
	if (first && self->width)
		actor_schedule(self->actor, now); /* need it be decoded any more? */
	frame_discard(msg);
}

/* When one that nobody watches is to be looked at next. */
static void source_schedule(struct source *self, int64_t now)
{
	int64_t stale = self->unwatched_at + STALE_US;

	if (!self->width && now < self->first_turn)
		actor_schedule(self->actor, self->first_turn);
	if (now < self->linger_until)
		actor_schedule(self->actor, self->linger_until);
	else if (!self->seen && now < stale)
		actor_schedule(self->actor, stale);
	if (self->answers || !self->stream || !self->was_live)
		return;
	if (self->probe_turn)
		actor_schedule(self->actor, self->probe_turn);
	else if (self->probe_until)
		actor_schedule(self->actor, now + PROBE_LOOK_US);
	else
		actor_schedule(self->actor, now + KEY_ANSWER_US);
}

static void source_run(void *arg, int64_t now)
{
	struct source *self = arg;

	source_follow(self, now);
	pending_run(self, now);
	if (self->n_pending)
		actor_schedule(self->actor, self->pending[0].due);
	if (self->unwatched_at)
		source_schedule(self, now);
}

static void source_actor_fini(void *arg)
{
	struct source *self = arg;

	pending_clear(self);
	(void)source_keep(self, false);
	self->decoder = video_decoder_free(self->decoder);
	slot_put(&self->slot, NULL);
	self->stream = ref_drop(self->stream);
	engine_uncount(self->engine, sources, 1);
	if (self->events.released)
		self->events.released(self->arg);
	ref_drop(self);
}

/* ---- handle ----------------------------------------------------------------- */

static void source_fini(void *obj)
{
	struct source *self = obj;

	slot_fini(&self->slot);
	ref_drop(self->engine);
}

int source_new(struct source **out, struct video_engine *engine, struct stream *stream,
	       const struct source_events *events, void *arg)
{
	struct source *self = ref_new(sizeof(*self), source_fini);
	int err;

	if (!self)
		return -ENOMEM;
	slot_init(&self->slot);
	self->engine = ref_hold(engine);
	self->arg = arg;
	if (events)
		self->events = *events;
	atomic_init(&self->users, 1);
	atomic_init(&self->live, true);
	err = actor_new(&self->actor, engine->pool, SOURCE_QUEUE, source_run,
			source_actor_fini, self);
	if (err) {
		ref_drop(self);
		return err;
	}
	self->stream = ref_hold(stream);
	ref_hold(self); /* the actor's, until its fini */
	engine_count(engine, sources, 1);
	actor_schedule(self->actor, clock_us());
	*out = self;
	return 0;
}

void source_put(struct source *self, struct coded *frame)
{
	struct frame_msg *m;

	if (!source_enter(self)) {
		ref_drop(frame);
		return;
	}
	m = calloc(1, sizeof(*m));
	if (m) {
		m->msg.deliver = frame_deliver;
		m->msg.discard = frame_discard;
		m->msg.media = true;
		m->frame = frame;
		actor_post(self->actor, &m->msg);
	} else {
		ref_drop(frame);
		atomic_store(&self->gap, true);
	}
	source_leave(self);
}

void source_set_live(struct source *self, bool live)
{
	if (atomic_exchange(&self->live, live) == live)
		return;
	if (!live)
		atomic_fetch_add(&self->pauses, 1);
	source_wake(self);
}

void source_set_delay(struct source *self, int64_t delay_us)
{
	if (delay_us < 0)
		delay_us = 0;
	atomic_store(&self->delay_us, delay_us > DELAY_MAX_US ? DELAY_MAX_US : delay_us);
}

void source_watch(struct source *self, bool on)
{
	uint32_t before = on ? atomic_fetch_add(&self->watchers, 1) :
			       atomic_fetch_sub(&self->watchers, 1);

	assert(on || before > 0);
	if (before == (on ? 0 : 1) && !self->dropped)
		source_wake(self);
}

struct picture *source_picture(struct source *self, uint64_t *serial)
{
	if (!atomic_load(&self->live))
		return NULL;
	return slot_get(&self->slot, serial);
}

struct source *source_drop(struct source *self)
{
	if (!self)
		return NULL;
	assert(!self->dropped);
	self->dropped = true;
	atomic_store(&self->live, false);
	source_leave(self);
	return ref_drop(self);
}
