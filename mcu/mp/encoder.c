/* SPDX-License-Identifier: GPL-3.0-or-later
 * The encoder actor: one canvas in, one coded frame out, one batch to the wire
 * for all members.
 *
 * Key frames: made at once for a new encoder, and otherwise at most every
 * KEY_INTERVAL_US; whoever asks in between, or joins, shares the next one.
 *
 * Effort: where there are many encoders, one that serves few works fast. What is
 * saved that way at an encoder with many members is not worth their picture. */
#include "mcu/mp/encoder.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/ref.h"
#include "mcu/mp/engine.h"

#include <errno.h>
#include <stdlib.h>

#define KEY_INTERVAL_US 500000
#define EFFORT_INTERVAL_US 10000000
enum { ENCODER_MAX_MEMBERS = 65536, ENCODER_MAX_ERRORS = 5, ENCODER_FEW = 2 };

struct encoder_member {
	struct sink *sink;
	uint64_t generation;
	bool fresh;   /* has not had a key frame */
	bool sending; /* between sink_send and sink_sent */
};

struct encoder {
	struct video_engine *engine;
	struct actor *actor;
	struct video_params params;
	/* actor */
	struct video_encoder *codec;
	bool failed;
	unsigned errors;     /* in a row */
	struct encoder_member *member;
	size_t n, cap;
	bool want_key;
	uint64_t requests;   /* since the last key frame */
	int64_t last_key;    /* clock, 0: never */
	int64_t effort_at;   /* clock when it last changed, 0: never */
	int64_t last_time;   /* of the last picture */
	/* the picture that is to be encoded */
	struct canvas *canvas;
	uint64_t version;
	int64_t time_us, period_us;
	/* the canvas brought to our size */
	struct picture *work;
	uint64_t work_version;
	bool work_done;
};

/* ---- members ---------------------------------------------------------------- */

static int members_add(struct encoder *self, struct sink *sink, uint64_t generation)
{
	if (self->n == self->cap) {
		size_t cap = self->cap ? self->cap * 2 : 4;
		struct encoder_member *m;

		if (self->n >= ENCODER_MAX_MEMBERS)
			return -ENOSPC;
		m = realloc(self->member, cap * sizeof(*m));
		if (!m)
			return -ENOMEM;
		self->member = m;
		self->cap = cap;
	}
	self->member[self->n++] =
		(struct encoder_member){ ref_hold(sink), generation, true, false };
	return 0;
}

static void members_remove(struct encoder *self, size_t i)
{
	ref_drop(self->member[i].sink);
	self->member[i] = self->member[--self->n];
}

/* Who was dropped or has been taken over leaves. */
static void members_sweep(struct encoder *self)
{
	for (size_t i = self->n; i-- > 0;)
		if (sink_superseded(self->member[i].sink, self->member[i].generation))
			members_remove(self, i);
}

/* ---- messages --------------------------------------------------------------- */

enum order_what { ORDER_JOIN, ORDER_LEAVE, ORDER_BITRATE };

struct order_msg {
	struct msg msg;
	enum order_what what;
	struct sink *sink;
	uint64_t generation;
	uint32_t bitrate;
};

static void order_discard(struct msg *msg)
{
	struct order_msg *m = (struct order_msg *)(void *)msg;

	ref_drop(m->sink);
	free(m);
}

static void order_deliver(struct msg *msg, void *owner)
{
	struct order_msg *m = (struct order_msg *)(void *)msg;
	struct encoder *self = owner;

	switch (m->what) {
	case ORDER_JOIN:
		if (members_add(self, m->sink, m->generation))
			log_error("video=sink-lost reason=memory");
		break;
	case ORDER_LEAVE:
		for (size_t i = self->n; i-- > 0;)
			if (self->member[i].sink == m->sink &&
			    self->member[i].generation == m->generation)
				members_remove(self, i);
		break;
	case ORDER_BITRATE:
		self->params.bitrate = m->bitrate;
		if (self->codec)
			video_encoder_bitrate(self->codec, m->bitrate);
		break;
	}
	order_discard(msg);
}

static int encoder_order(struct encoder *self, enum order_what what, struct sink *sink,
			 uint64_t generation, uint32_t bitrate)
{
	struct order_msg *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	*m = (struct order_msg){
		.msg = { .deliver = order_deliver, .discard = order_discard },
		.what = what,
		.sink = ref_hold(sink),
		.generation = generation,
		.bitrate = bitrate,
	};
	actor_post(self->actor, &m->msg);
	return 0;
}

int encoder_join(struct encoder *self, struct sink *sink, uint64_t generation)
{
	return encoder_order(self, ORDER_JOIN, sink, generation, 0);
}

void encoder_leave(struct encoder *self, struct sink *sink, uint64_t generation)
{
	/* Without memory the member stays, superseded or closed, until swept. */
	(void)encoder_order(self, ORDER_LEAVE, sink, generation, 0);
}

void encoder_bitrate(struct encoder *self, uint32_t bitrate)
{
	(void)encoder_order(self, ORDER_BITRATE, NULL, 0, bitrate);
}

struct canvas_msg {
	struct msg msg;
	struct video_engine *engine;
	struct canvas *canvas;
	uint64_t version;
	int64_t time_us, period_us;
};

static void canvas_discard(struct msg *msg)
{
	struct canvas_msg *m = (struct canvas_msg *)(void *)msg;

	engine_count(m->engine, frames_skipped, 1);
	engine_work(m->engine, 1, 1, clock_us());
	canvas_done(m->canvas);
	ref_drop(m->engine);
	free(m);
}

static void canvas_deliver(struct msg *msg, void *owner)
{
	struct canvas_msg *m = (struct canvas_msg *)(void *)msg;
	struct encoder *self = owner;

	canvas_done(self->canvas);
	self->canvas = m->canvas;
	self->version = m->version;
	self->time_us = m->time_us;
	self->period_us = m->period_us;
	ref_drop(m->engine);
	free(m);
}

void encoder_put(struct encoder *self, struct canvas *canvas, int64_t time_us,
		 int64_t period_us)
{
	struct canvas_msg *m = calloc(1, sizeof(*m));
	bool scaled = self->params.width != canvas->picture->width ||
		      self->params.height != canvas->picture->height;

	if (!m)
		return;
	*m = (struct canvas_msg){
		.msg = { .deliver = canvas_deliver, .discard = canvas_discard, .media = true },
		.engine = ref_hold(self->engine),
		.canvas = canvas_read(canvas, scaled),
		.version = canvas->version,
		.time_us = time_us,
		.period_us = period_us,
	};
	actor_post(self->actor, &m->msg);
}

/* ---- the picture ------------------------------------------------------------ */

/* The canvas at our size, with black around it when the shape differs. */
static int encoder_scale(struct encoder *self)
{
	const struct video_params *p = &self->params;
	struct picture *canvas = self->canvas->picture, *scaled;
	struct fitting f;
	int64_t began = clock_us();

	/* The codec may still hold what it was given last. */
	if (self->work && ref_count(self->work) > 1)
		self->work = ref_drop(self->work);
	if (!self->work) {
		self->work = picture_new(p->width, p->height);
		if (!self->work)
			return -ENOMEM;
		self->work->sar_num = p->sar_num;
		self->work->sar_den = p->sar_den;
		self->work->colour = COLOUR_BT709;
		self->work->full_range = false;
		self->work_done = false;
	}
	if (self->work_done && self->work_version == self->version)
		return 0;
	fit_shape(&f, FIT_LETTERBOX,
		  &(struct frame_shape){ canvas->width, canvas->height, 1, 1 },
		  &(struct frame_shape){ p->width, p->height, p->sar_num, p->sar_den });
	scaled = picture_scaled(canvas, f.crop.x, f.crop.y, f.crop.w, f.crop.h, f.place.w,
				f.place.h);
	if (!scaled)
		return -ENOMEM;
	if (!self->work_done)
		picture_fill_black(self->work, 0, 0, p->width, p->height);
	picture_blit(self->work, scaled, f.place.x, f.place.y);
	ref_drop(scaled);
	self->work_done = true;
	self->work_version = self->version;
	engine_count(self->engine, scale_us, clock_us() - began);
	return 0;
}

/* Borrowed; NULL when there is no memory. */
static struct picture *encoder_picture(struct encoder *self)
{
	struct picture *canvas = self->canvas->picture;

	if (canvas->width == self->params.width && canvas->height == self->params.height)
		return canvas;
	if (encoder_scale(self))
		return NULL;
	self->work->time_us = self->time_us;
	return self->work;
}

/* ---- encoding and sending --------------------------------------------------- */

/* Is a key frame to be made now? */
static bool encoder_wants_key(struct encoder *self, int64_t now)
{
	for (size_t i = 0; i < self->n; i++) {
		struct encoder_member *m = &self->member[i];
		uint32_t requests;

		if (m->fresh) {
			self->want_key = true;
			continue;
		}
		requests = atomic_exchange(&m->sink->key_requests, 0);
		self->requests += requests;
		self->want_key = self->want_key || requests;
	}
	return self->want_key && (!self->last_key || now - self->last_key >= KEY_INTERVAL_US);
}

static void encoder_key_made(struct encoder *self, int64_t now)
{
	self->last_key = now;
	self->want_key = false;
	engine_count(self->engine, keys, 1);
	if (self->requests > 1)
		engine_count(self->engine, keys_coalesced, self->requests - 1);
	self->requests = 0;
}

/* Takes over those who are to begin with the next frame; false: not all of them
 * can begin with this one. */
static bool members_claim(struct encoder *self)
{
	bool all = true;

	for (size_t i = 0; i < self->n; i++)
		if (self->member[i].fresh &&
		    !sink_claim(self->member[i].sink, self->member[i].generation,
				self->time_us))
			all = false;
	return all;
}

/* May the member have this frame? Its requests so far are answered by a key. */
static bool member_takes(struct encoder_member *m, const struct coded *frame)
{
	if (m->fresh && !frame->key)
		return false;
	if (!sink_send(m->sink, m->generation, frame->time_us))
		return false;
	if (frame->key && m->fresh)
		atomic_store(&m->sink->key_requests, 0);
	return true;
}

static void encoder_send(struct encoder *self, struct coded *frame)
{
	struct send_batch *batch = send_batch_new((uint32_t)self->n);

	if (!batch) {
		/* What follows is of no use to anybody without this one. */
		for (size_t i = 0; i < self->n; i++)
			self->member[i].fresh = true;
		return;
	}
	for (size_t i = 0; i < self->n; i++) {
		struct encoder_member *m = &self->member[i];

		if (!member_takes(m, frame))
			continue;
		m->fresh = false;
		m->sending = true; /* nobody else sends to it meanwhile */
		engine_count(self->engine, frames_sent, 1);
		(void)send_batch_add(batch, m->sink->stream, frame);
	}
	wire_send(self->engine->wire, batch);
	for (size_t i = 0; i < self->n; i++) {
		if (self->member[i].sending)
			sink_sent(self->member[i].sink);
		self->member[i].sending = false;
	}
}

/* ---- the codec and its effort ----------------------------------------------- */

static uint64_t encoder_load(const struct encoder *self)
{
	return (uint64_t)self->params.width * self->params.height * self->params.fps;
}

static bool encoder_fast(const struct encoder *self)
{
	return self->n <= ENCODER_FEW && engine_fast(self->engine, self->params.fast);
}

static void encoder_codec_drop(struct encoder *self)
{
	if (self->codec && self->params.fast)
		engine_uncount(self->engine, encoders_fast, 1);
	self->codec = video_encoder_free(self->codec);
}

static int encoder_codec_make(struct encoder *self, bool fast, int64_t now)
{
	struct video_params params = self->params;
	struct video_encoder *codec = NULL;
	int err;

	params.fast = fast;
	err = video_encoder_new(&codec, &params);
	if (err)
		return err;
	if (fast != self->params.fast)
		self->effort_at = now;
	encoder_codec_drop(self);
	self->codec = codec;
	self->params.fast = fast;
	if (fast)
		engine_count(self->engine, encoders_fast, 1);
	return 0;
}

/* Another effort takes another codec, and that begins with a key frame. */
static bool encoder_wants_effort(const struct encoder *self, int64_t now)
{
	return encoder_fast(self) != self->params.fast &&
	       (!self->effort_at || now - self->effort_at >= EFFORT_INTERVAL_US);
}

static bool encoder_ready(struct encoder *self, int64_t now)
{
	int err;

	if (self->codec)
		return true;
	if (self->failed)
		return false;
	err = encoder_codec_make(self, encoder_fast(self), now);
	if (err) {
		self->failed = true;
		log_error("video=no-encoder codec=%s width=%u height=%u error=%d",
			  codec_name(self->params.format.id), self->params.width,
			  self->params.height, err);
	}
	return !err;
}

/* Tries a new codec a few times, then gives up. */
static void encoder_broken(struct encoder *self, int err)
{
	log_warning("video=encode-failed codec=%s error=%d",
		    codec_name(self->params.format.id), err);
	encoder_codec_drop(self);
	self->want_key = true;
	self->last_key = 0;
	self->failed = ++self->errors >= ENCODER_MAX_ERRORS;
}

static void encoder_encode(struct encoder *self, int64_t now)
{
	struct picture *picture;
	struct coded *frame = NULL;
	int64_t began;
	bool key;
	int err;

	members_sweep(self);
	if (!self->n || self->time_us <= self->last_time || !encoder_ready(self, now))
		return;
	self->want_key = self->want_key || encoder_wants_effort(self, now);
	key = encoder_wants_key(self, now);
	picture = encoder_picture(self);
	if (!picture)
		return;
	if (key && !members_claim(self)) {
		if (!self->last_key)
			return; /* nobody waits for what is not a key frame */
		key = false;
	}
	self->last_time = self->time_us;
	if (key && encoder_fast(self) != self->params.fast)
		(void)encoder_codec_make(self, !self->params.fast, now); /* or as before */
	began = clock_us();
	err = video_encode(self->codec, picture, key, &frame);
	engine_count(self->engine, encode_us, clock_us() - began);
	if (err) {
		encoder_broken(self, err);
		return;
	}
	self->errors = 0;
	if (!frame)
		return;
	engine_count(self->engine, encoded, 1);
	if (frame->key)
		encoder_key_made(self, now);
	encoder_send(self, frame);
	ref_drop(frame);
}

/* ---- the actor -------------------------------------------------------------- */

static void encoder_run(void *arg, int64_t now)
{
	struct encoder *self = arg;

	if (!self->canvas)
		return;
	engine_work(self->engine, 1, now - self->time_us > self->period_us, now);
	engine_count(self->engine, encode_wait_us, now - self->time_us);
	encoder_encode(self, now);
	self->canvas = canvas_done(self->canvas);
}

static void encoder_fini(void *arg)
{
	struct encoder *self = arg;

	while (self->n)
		members_remove(self, self->n - 1);
	free(self->member);
	canvas_done(self->canvas);
	ref_drop(self->work);
	encoder_codec_drop(self);
	engine_uncount(self->engine, encoders, 1);
	engine_uncount(self->engine, encode_load, encoder_load(self));
	ref_drop(self->engine);
	free(self);
}

int encoder_new(struct encoder **out, struct video_engine *engine,
		const struct video_params *params)
{
	struct encoder *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->params = *params;
	/* One picture waits at most: the newest. */
	err = actor_new(&self->actor, engine->pool, 1, encoder_run, encoder_fini, self);
	if (err) {
		free(self);
		return err;
	}
	self->engine = ref_hold(engine);
	engine_count(engine, encoders, 1);
	engine_count(engine, encode_load, encoder_load(self));
	*out = self;
	return 0;
}

struct encoder *encoder_stop(struct encoder *self)
{
	if (self)
		actor_stop(self->actor);
	return NULL;
}
