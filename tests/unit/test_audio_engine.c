/* SPDX-License-Identifier: GPL-3.0-or-later
 * The audio engine with its real threads and streams that are not there. Nothing
 * here depends on how fast the machine is: it waits for things to happen. */
#include "tests/unit/cmocka_head.h"

#include "base/clock.h"
#include "base/ref.h"
#include "mcu/mp/audio_io.h"
#include "tests/unit/tone.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_US = 60000000, LEGS = 12 };

/* A phone that hums in PCMU, a packet per tick, and counts what it is sent. */
struct phone {
	atomic_bool humming;
	atomic_uint pulled, got, others; /* packets out, frames in, frames of another codec */
	atomic_uint last_time;
	atomic_bool went_back;
	int64_t last_pull;
	struct codec_format format;
};

static struct phone *phone_new(void)
{
	return ref_new(sizeof(struct phone), NULL);
}

static enum pull phone_pull(void *stream, int64_t now, struct audio_packet *out, int *excess_ms)
{
	struct phone *self = stream;

	if (self->last_pull == now)
		return PULL_WAIT;
	self->last_pull = now;
	*excess_ms = 0;
	*out = (struct audio_packet){ .pt = 0, .len = 160, .arrival_us = now };
	memset(out->data, 0xff, 160);
	for (int i = 0; i < 160 && atomic_load(&self->humming); i++)
		out->data[i] = i / 8 % 2 ? 0x9f : 0x1f; /* a square of 500 Hz */
	atomic_fetch_add(&self->pulled, 1);
	return PULL_PACKET;
}

static struct send_batch *batch_new(uint32_t cap)
{
	struct send_batch *b = calloc(1, sizeof(*b) + cap * sizeof(b->item[0]));

	b->cap = cap;
	return b;
}

static int batch_add(struct send_batch *self, struct stream *stream, struct coded *frame)
{
	assert_true(self->n < self->cap);
	self->item[self->n++] = (struct send_item){ ref_hold(stream), ref_hold(frame) };
	return 0;
}

static void batch_send(struct wire *wire, struct send_batch *self)
{
	(void)wire;
	for (uint32_t i = 0; i < self->n; i++) {
		struct phone *p = (struct phone *)(void *)self->item[i].stream;
		struct coded *f = self->item[i].frame;

		if (atomic_fetch_add(&p->got, 1) &&
		    (int32_t)(f->rtp_time - atomic_load(&p->last_time)) <= 0)
			atomic_store(&p->went_back, true);
		atomic_store(&p->last_time, f->rtp_time);
		atomic_fetch_add(&p->others, f->codec != CODEC_PCMU);
		ref_drop(p);
		ref_drop(f);
	}
	free(self);
}

static int phone_loss(void *stream)
{
	(void)stream;
	return 2;
}

static const struct audio_io io = {
	.pull = phone_pull, .loss = phone_loss, .batch_new = batch_new,
	.batch_add = batch_add, .send = batch_send,
};

struct meeting {
	atomic_uint events, last_n, last_id, released;
};

static void on_speakers(void *arg, const uint32_t *ids, unsigned n)
{
	struct meeting *m = arg;

	atomic_store(&m->last_id, n ? ids[0] : 0);
	atomic_store(&m->last_n, n);
	atomic_fetch_add(&m->events, 1);
}

static void on_released(void *arg)
{
	atomic_fetch_add(&((struct meeting *)arg)->released, 1);
}

static const struct mixer_events events = { .speakers = on_speakers, .released = on_released };

static const struct mixer_leg_params params = {
	.n_rx = 1,
	.rx = { { 0, { .id = CODEC_PCMU, .clock_rate = 8000, .channels = 1 } } },
	.tx = { 0, { .id = CODEC_PCMU, .clock_rate = 8000, .channels = 1 } },
	.ptime_ms = 20, .receive = true, .send = true,
};

#define WAIT_FOR(condition) \
	do { \
		int64_t until = clock_us() + PATIENCE_US; \
		while (!(condition) && clock_us() < until) \
			clock_sleep_until(clock_us() + 5000); \
		assert_true(condition); \
	} while (0)

static void test_meeting(void **state)
{
	struct meeting meeting = { 0 };
	struct audio_engine_stats stats;
	struct audio_engine *engine;
	struct mixer *mixer;
	struct mixer_leg *leg[3];
	struct phone *phone[3];
	long live = ref_live();

	(void)state;
	assert_int_equal(audio_engine_new_io(&engine, &io, NULL, 2), 0);
	assert_int_equal(mixer_new(&mixer, engine, &events, &meeting), 0);
	for (uint32_t i = 0; i < 3; i++) {
		phone[i] = phone_new();
		assert_int_equal(mixer_leg_new(&leg[i], mixer, (struct stream *)(void *)phone[i],
					       i + 1), 0);
		assert_int_equal(mixer_leg_level(leg[i]), -127);
		mixer_leg_set(leg[i], &params);
	}
	WAIT_FOR(atomic_load(&phone[0]->got) > 10 && atomic_load(&phone[2]->got) > 10);
	assert_int_equal(atomic_load(&meeting.events), 0);
	atomic_store(&phone[1]->humming, true);
	WAIT_FOR(atomic_load(&meeting.last_n) == 1 && atomic_load(&meeting.last_id) == 2);
	WAIT_FOR(mixer_leg_level(leg[1]) > -30);
	assert_true(mixer_leg_level(leg[0]) < -60);
	WAIT_FOR(mixer_leg_delay_us(leg[1]) == 20000);
	audio_engine_stats(engine, &stats);
	assert_int_equal(stats.legs, 3);
	assert_int_equal(stats.mixers, 1);
	assert_true(stats.ticks > 10 && stats.decoded > 30 && stats.encoded > 10);
	assert_true(stats.frames_shared >= stats.encoded / 2);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(atomic_load(&phone[i]->others), 0);
		assert_false(atomic_load(&phone[i]->went_back));
		mixer_leg_drop(leg[i]);
	}
	assert_null(mixer_drop(mixer));
	WAIT_FOR(atomic_load(&meeting.released) == 1);
	audio_engine_stats(engine, &stats);
	assert_int_equal(stats.legs + stats.mixers, 0);
	audio_engine_free(engine);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ref_count(phone[i]), 1);
		ref_drop(phone[i]);
	}
	assert_int_equal(ref_live(), live);
}

/* Handles are made, changed and dropped while the shards run. */
static void test_churn(void **state)
{
	static const enum codec_id codecs[] = { CODEC_PCMU, CODEC_G722, CODEC_OPUS };
	struct audio_engine *engine;
	struct meeting meeting[4] = { 0 };
	struct mixer *mixer[4];
	struct mixer_leg *leg[LEGS] = { NULL };
	struct phone *phone[LEGS];
	long live = ref_live();
	uint32_t random = 1;

	(void)state;
	assert_int_equal(audio_engine_new_io(&engine, &io, NULL, 3), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(mixer_new(&mixer[i], engine, &events, &meeting[i]), 0);
	for (int i = 0; i < LEGS; i++) {
		phone[i] = phone_new();
		atomic_store(&phone[i]->humming, i % 3 == 0);
	}
	for (int i = 0; i < 300; i++) {
		struct mixer_leg_params p = params;
		int k;

		random = random * 1664525u + 1013904223u;
		k = (int)((random >> 16) % LEGS);
		p.tx.format.id = codecs[(random >> 8) % 3];
		p.tx.format.clock_rate = codec_clock_rate(p.tx.format.id);
		p.muted = random >> 30 & 1;
		p.receive = random >> 29 & 1;
		if (leg[k] && random >> 31) {
			leg[k] = mixer_leg_drop(leg[k]);
		} else {
			if (!leg[k])
				assert_int_equal(mixer_leg_new(&leg[k], mixer[k % 4],
							       (struct stream *)(void *)phone[k],
							       (uint32_t)k), 0);
			mixer_leg_set(leg[k], &p);
			(void)mixer_leg_level(leg[k]);
		}
		if (i % 3 == 0)
			clock_sleep_until(clock_us() + 7000);
	}
	for (int i = 0; i < LEGS; i++)
		mixer_leg_drop(leg[i]);
	for (int i = 0; i < 4; i++)
		mixer_drop(mixer[i]);
	/* Without waiting: stopping lets go of everything. */
	audio_engine_free(engine);
	for (int i = 0; i < 4; i++)
		assert_int_equal(atomic_load(&meeting[i].released), 1);
	for (int i = 0; i < LEGS; i++) {
		assert_int_equal(ref_count(phone[i]), 1);
		ref_drop(phone[i]);
	}
	assert_int_equal(ref_live(), live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meeting),
		cmocka_unit_test(test_churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
