/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mcu/mc/load.h"

#include "base/log.h"
#include "mcu/mc/capacity.h"

#include <errno.h>
#include <stdlib.h>

#define PERIOD_US 1000000
enum { LATE_20MS = 5, TICKS_LEAST = 5 };

struct load {
	struct audio_engine *audio;
	struct video_engine *video;
	struct timer *timer;
	uint64_t ticks, late; /* at the last look */
	bool sound_late;
	uint64_t memory;      /* bytes we may have, 0: not known */
	bool memory_full;     /* as last said */
};

bool load_sound_late(uint64_t ticks, uint64_t late)
{
	return ticks >= TICKS_LEAST && late * 10 > ticks;
}

/* Asked for each call: many may come within a second. */
static bool memory_full(struct load *self)
{
	uint64_t used = capacity_memory_used();
	bool full = capacity_memory_full(used, self->memory);

	if (full != self->memory_full)
		log_warning("memory=%s used_mib=%llu of_mib=%llu", full ? "full" : "enough",
			    (unsigned long long)(used >> 20),
			    (unsigned long long)(self->memory >> 20));
	return self->memory_full = full;
}

static void look(void *arg)
{
	struct load *self = arg;
	struct audio_engine_stats s;
	uint64_t late = 0;
	bool before = self->sound_late;

	audio_engine_stats(self->audio, &s);
	for (unsigned i = LATE_20MS; i < 8; i++)
		late += s.late[i];
	self->sound_late = load_sound_late(s.ticks - self->ticks, late - self->late);
	if (self->sound_late != before)
		log_warning("audio=%s late=%llu of=%llu", self->sound_late ? "overload" : "in-time",
			    (unsigned long long)(late - self->late),
			    (unsigned long long)(s.ticks - self->ticks));
	self->ticks = s.ticks;
	self->late = late;
	timer_set(self->timer, PERIOD_US);
}

int load_new(struct load **out, struct loop *loop, struct audio_engine *audio,
	     struct video_engine *video)
{
	struct load *self = calloc(1, sizeof(*self));
	struct capacity_machine machine;

	if (!self)
		return -ENOMEM;
	capacity_machine(&machine);
	self->memory = machine.memory;
	self->audio = audio;
	self->video = video;
	if (timer_new(&self->timer, loop, look, self)) {
		free(self);
		return -ENOMEM;
	}
	timer_set(self->timer, PERIOD_US);
	*out = self;
	return 0;
}

struct load *load_free(struct load *self)
{
	if (self)
		timer_free(self->timer);
	free(self);
	return NULL;
}

bool load_full(void *arg)
{
	struct load *self = arg;

	return self->sound_late || video_engine_full(self->video) || memory_full(self);
}
