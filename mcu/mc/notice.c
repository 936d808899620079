/* SPDX-License-Identifier: GPL-3.0-or-later
 * Messages of the operator on the picture, and when they go again. */
#include "mcu/mc/conference.h"

#include "base/clock.h"
#include "base/display.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

/* Drops it when its time is over; otherwise `next` is no later than its end. */
static bool notice_expire(struct notice *self, int64_t now, int64_t *next)
{
	if (!self->text[0])
		return false;
	if (self->until_us <= now) {
		self->text[0] = 0;
		return true;
	}
	if (!*next || self->until_us < *next)
		*next = self->until_us;
	return false;
}

void conference_notices_due(void *arg)
{
	struct conference *self = arg;
	int64_t now = clock_us(), next = 0;
	bool changed = notice_expire(&self->notice, now, &next);

	list_each(l, &self->participants) {
		struct participant *p = list_entry(l, struct participant, link);

		changed = notice_expire(&p->notice, now, &next) || changed;
	}
	if (next)
		timer_set(self->notice_end, next - now);
	if (changed)
		conference_touch(self);
}

int conference_notice(struct conference *self, struct participant *participant,
		      const char *text, unsigned seconds)
{
	struct notice *notice = participant ? &participant->notice : &self->notice;
	struct notice fresh = { .until_us = clock_us() + seconds * INT64_C(1000000) };

	if (*text && !display_text(fresh.text, sizeof(fresh.text), text, strlen(text),
				   NOTICE_MAX_CHARACTERS))
		return -EINVAL;
	*notice = fresh;
	log_info("message shown conference=%s participant=%u seconds=%u text=\"%s\"", self->number,
		 participant ? participant->id : 0, seconds, notice->text);
	conference_notices_due(self);
	conference_touch(self);
	return 0;
}

const char *conference_notice_for(const struct conference *self,
				  const struct participant *participant)
{
	if (participant->notice.text[0])
		return participant->notice.text;
	return self->notice.text[0] ? self->notice.text : NULL;
}
