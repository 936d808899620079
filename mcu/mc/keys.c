/* SPDX-License-Identifier: GPL-3.0-or-later
 * Keys that a participant presses, by whichever way they come: telephone events,
 * INFO, or heard in the sound. A phone that signals them sounds them too. */
#include "mcu/mc/conference.h"

#include "base/clock.h"
#include "base/log.h"

#include <string.h>

/* A signal comes at the latest when the key is let go. */
#define SAME_PRESS_US 2000000

static void keep(struct participant *self, char key)
{
	size_t n = strlen(self->keys);

	if (n == sizeof(self->keys) - 1)
		memmove(self->keys, self->keys + 1, n--);
	self->keys[n] = key;
	self->keys[n + 1] = '\0';
}

void participant_key(struct participant *self, char key)
{
	struct leg *audio = participant_leg(self, MEDIA_AUDIO);
	bool same = self->heard_key == key && clock_us() - self->heard_us < SAME_PRESS_US;

	self->heard_key = 0;
	if (!self->signals_keys) {
		self->signals_keys = true;
		if (audio)
			leg_hear_keys(audio, false);
	}
	if (!same)
		keep(self, key);
}

void participant_key_heard(struct participant *self, char key)
{
	if (self->signals_keys)
		return;
	self->heard_key = key;
	self->heard_us = clock_us();
	log_debug("key heard conference=%s participant=%u", self->conference->number, self->id);
	keep(self, key);
}
