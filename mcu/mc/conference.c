/* SPDX-License-Identifier: GPL-3.0-or-later
 * A conference: its mixer, its participants, who speaks. */
#include "mcu/mc/conference.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFERENCE_SPEAKERS, CONFERENCE_KEY };

/* A burst of joins or speaker changes is laid out once. */
#define ARRANGE_DELAY_US 20000
#define SYNC_PERIOD_US 1000000

/* On an audio shard. */
static void on_speakers(void *arg, const uint32_t *ids, unsigned n)
{
	outlet_post_ids(arg, CONFERENCE_SPEAKERS, ids, n);
}

static void on_key(void *arg, uint32_t id, char key)
{
	outlet_post(arg, CONFERENCE_KEY, (int64_t)id << 8 | (uint8_t)key);
}

static void on_released(void *arg)
{
	ref_drop(arg);
}

static const struct mixer_events mixer_events = {
	.speakers = on_speakers,
	.key = on_key,
	.released = on_released,
};

/* Moves `id` to the front of those who spoke. */
static void spoke(struct conference *self, uint32_t id)
{
	const unsigned most = sizeof(self->speaker) / sizeof(self->speaker[0]);
	unsigned i = 0;

	while (i < self->n_speakers && self->speaker[i] != id)
		i++;
	if (i == self->n_speakers) {
		if (self->n_speakers < most)
			self->n_speakers++;
		else
			i--;
	}
	memmove(self->speaker + 1, self->speaker, i * sizeof(self->speaker[0]));
	self->speaker[0] = id;
}

static void key_heard(struct conference *self, int64_t value)
{
	struct participant *p = conference_participant(self, (uint32_t)(value >> 8));

	if (p)
		participant_key_heard(p, (char)(value & 0xff));
}

static void conference_event(void *owner, const struct outlet_event *e)
{
	struct conference *self = owner;
	uint32_t before, talker[2] = { 0 };

	if (self && e->kind == CONFERENCE_KEY)
		key_heard(self, e->value);
	if (!self || e->kind != CONFERENCE_SPEAKERS)
		return;
	before = self->n_speakers ? self->speaker[0] : 0;
	/* Loudest first, so the loudest is put in front last. */
	for (unsigned i = e->n; i-- > 0;)
		spoke(self, e->id[i]);
	/* The mixer's first stays first until it has been silent for a while. */
	for (unsigned i = 0; i < 2 && i < e->n; i++)
		talker[i] = e->id[i];
	if ((self->n_speakers && self->speaker[0] != before) ||
	    (self->settings.labels && memcmp(talker, self->talker, sizeof(talker)) != 0))
		conference_touch(self);
	memcpy(self->talker, talker, sizeof(talker));
}

static void arrange_due(void *arg)
{
	struct conference *self = arg;

	self->arranging = false;
	conference_arrange(self);
}

void conference_touch(struct conference *self)
{
	if (!self->arranging) {
		self->arranging = true;
		timer_set(self->arrange, ARRANGE_DELAY_US);
	}
}

static void sync_due(void *arg)
{
	struct conference *self = arg;

	list_each(l, &self->participants) {
		struct participant *p = list_entry(l, struct participant, link);
		struct leg *audio = participant_leg(p, MEDIA_AUDIO);
		struct leg *video = participant_leg(p, MEDIA_VIDEO);

		if (audio && video)
			leg_sync(video, audio);
	}
	timer_set(self->sync, SYNC_PERIOD_US);
}

int conference_new(struct conference **out, struct controller *controller,
		   const struct conf_conference *settings, const char *number)
{
	struct conference *self;
	int err;

	if (strlen(number) >= sizeof(self->number))
		return -ENAMETOOLONG;
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->controller = controller;
	self->config = ref_hold(controller->config);
	list_init(&self->link);
	list_init(&self->participants);
	list_init(&self->views);
	snprintf(self->number, sizeof(self->number), "%s", number);
	self->settings = *settings;
	self->settings.number = self->number;
	/* `settings` are of the configuration in force, and that was checked. */
	if (stage_set(&self->stage, self->config, settings->layout))
		self->stage.layout = *layout_builtin(0);
	self->started_us = clock_us();
	err = timer_new(&self->arrange, controller->parts.loop, arrange_due, self);
	if (!err)
		err = timer_new(&self->sync, controller->parts.loop, sync_due, self);
	if (!err)
		err = timer_new(&self->notice_end, controller->parts.loop,
				conference_notices_due, self);
	if (!err)
		err = outlet_new(&self->outlet, controller->parts.loop, self, conference_event);
	if (err)
		goto out;
	err = mixer_new(&self->mixer, controller->parts.audio, &mixer_events,
			ref_hold(self->outlet));
	if (err) {
		ref_drop(self->outlet);
		goto out;
	}
	timer_set(self->sync, SYNC_PERIOD_US);
	list_add(&controller->conferences, &self->link);
	log_info("conference started conference=%s", self->number);
	*out = self;
	return 0;
out:
	conference_drop(self);
	return err;
}

void conference_drop(struct conference *self)
{
	if (self->mixer)
		log_info("conference ended conference=%s", self->number);
	list_del(&self->link);
	conference_drop_views(self);
	self->mixer = mixer_drop(self->mixer);
	outlet_close(self->outlet);
	timer_free(self->arrange);
	timer_free(self->sync);
	timer_free(self->notice_end);
	stage_clear(&self->stage);
	ref_drop(self->config);
	free(self);
}

void conference_chime(struct conference *self, enum chime_kind kind)
{
	if (self->n <= self->settings.tones)
		mixer_chime(self->mixer, kind);
}

struct conference *conference_find(struct controller *controller, const char *number)
{
	list_each(l, &controller->conferences) {
		struct conference *c = list_entry(l, struct conference, link);

		if (!strcmp(c->number, number))
			return c;
	}
	return NULL;
}

bool conference_full(const struct conference *self, bool replaces)
{
	unsigned most = self->settings.max_participants;

	return most && self->n >= most + replaces;
}

struct participant *conference_participant(struct conference *self, uint32_t id)
{
	list_each(l, &self->participants) {
		struct participant *p = list_entry(l, struct participant, link);

		if (p->id == id)
			return p;
	}
	return NULL;
}
