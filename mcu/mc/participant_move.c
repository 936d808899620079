/* SPDX-License-Identifier: GPL-3.0-or-later
 * Participants who change their place: one call takes over another's (RFC 3891),
 * and one call goes on in another conference. */
#include "mcu/mc/conference.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>

/* ---- one call in the place of another --------------------------------------------- */

/* Its number, its own layout, the place it is pinned to. */
static void hand_over(struct participant *from, struct participant *to)
{
	uint32_t id = to->id;

	to->id = from->id;
	from->id = id;
	to->stage = from->stage;
	from->stage = NULL;
	memcpy(to->place, from->place, sizeof(to->place));
	from->place[0] = '\0';
}

/* Before its media is made, since that is known by the number too. */
void participant_take_over(struct participant *self, struct participant *old)
{
	hand_over(old, self);
	self->replaces = old;
	old->replaced_by = self;
	self->muted = old->muted;
	self->deaf = old->deaf;
	self->hidden = old->hidden;
	self->seating = old->seating;
	memcpy(self->keys, old->keys, sizeof(self->keys));
	/* Listed, and so seated, where the old one is. */
	list_del(&self->link);
	list_add(&old->link, &self->link);
}

void participant_taken_over(struct participant *self)
{
	struct participant *old = self->replaces;

	if (!old)
		return;
	self->replaces = NULL;
	old->replaced_by = NULL;
	self->joined_us = old->joined_us;
	log_info("participant replaced conference=%s participant=%u call=%s by=%s name=\"%s\"",
		 self->conference->number, self->id, old->call->id, self->call->id, self->name);
	call_end(old->call, "Replaced");
}

void participant_untie(struct participant *self)
{
	if (self->replaces) {
		/* It came to nothing: the old one has everything back. */
		hand_over(self, self->replaces);
		self->replaces->replaced_by = NULL;
		self->replaces = NULL;
	}
	if (self->replaced_by) {
		self->replaced_by->replaces = NULL;
		self->replaced_by = NULL;
	}
}

/* ---- into another conference ---------------------------------------------------------- */

/* A call in the clear does not get where encryption is asked for. */
static int may_move(const struct participant *self, const struct conference *to)
{
	const struct conf_conference *c = &to->settings;

	if (!self->in || self->replaces || self->replaced_by)
		return -EBUSY;
	if (self->conference == to)
		return -EALREADY;
	if (conference_full(to, false))
		return -ENOSPC;
	if (!self->secured && (c->encryption == ENCRYPTION_REQUIRED ||
			       c->profile->encryption == ENCRYPTION_REQUIRED))
		return -EACCES;
	return 0;
}

static void move_back(struct participant *self, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (self->leg[i] && leg_move(self->leg[i], self->conference->mixer))
			log_error("participant without sound call=%s", self->call->id);
}

static void change_conference(struct participant *self, struct conference *to)
{
	struct conference *from = self->conference;

	(void)conference_set_layout(from, self, NULL);
	self->place[0] = '\0';
	list_del(&self->link);
	from->n--;
	list_add(&to->participants, &self->link);
	to->n++;
	self->conference = to;
	self->view = NULL;
	self->presents = 0;
	memset(&self->seating, 0, sizeof(self->seating));
	if (list_empty(&from->participants))
		conference_drop(from);
	else
		conference_touch(from);
}

int participant_move(struct participant *self, struct conference *to)
{
	bool other = self->conference->settings.profile != to->settings.profile ||
		     (participant_slides(self) && to->settings.slides == SLIDES_REFUSE);
	int err = may_move(self, to);

	if (err)
		return err;
	for (unsigned i = 0; i < DESC_MAX_LINES && !err; i++) {
		if (self->leg[i])
			err = leg_move(self->leg[i], to->mixer);
		if (err) {
			move_back(self, i);
			participant_apply(self);
			return err;
		}
	}
	log_info("participant moved from=%s conference=%s participant=%u call=%s name=\"%s\"",
		 self->conference->number, to->number, self->id, self->call->id, self->name);
	change_conference(self, to);
	participant_apply(self);
	/* What may be sent here is negotiated; what flows meanwhile is agreed. */
	if (other && !self->proposed && !participant_offer(self) &&
	    call_offer(self->call, self->proposed)) {
		media_desc_free(self->proposed);
		self->proposed = NULL;
	}
	return 0;
}
