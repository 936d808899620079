/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which layout is in use, and who has a place of their own in it: because an
 * operator pinned them there, or because the configuration says so. */
#include "mcu/mc/conference.h"

#include "base/log.h"
#include "base/ref.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void copy_name(char out[LAYOUT_MAX_NAME + 1], const char *name)
{
	snprintf(out, LAYOUT_MAX_NAME + 1, "%s", name ? name : "");
}

static void from_own(struct layout *out, const struct conf_layout *own)
{
	static const enum place_role roles[] = {
		[ROLE_OTHER] = PLACE_OTHER, [ROLE_SPEAKER] = PLACE_SPEAKER,
		[ROLE_FIXED] = PLACE_FIXED,
	};

	*out = (struct layout){
		.columns = (uint8_t)own->columns, .rows = (uint8_t)own->rows,
	};
	copy_name(out->name, own->name);
	for (size_t i = 0; i < own->n_place && out->n < LAYOUT_MAX_TILES; i++) {
		const struct conf_place *p = &own->place[i];
		struct layout_place *place = &out->place[out->n++];

		*place = (struct layout_place){
			.x = (uint8_t)p->x, .y = (uint8_t)p->y, .w = (uint8_t)p->width,
			.h = (uint8_t)p->height, .role = (uint8_t)roles[p->role],
		};
		copy_name(place->name, p->name);
	}
}

void stage_clear(struct stage *self)
{
	ref_drop(self->config);
	*self = (struct stage){ 0 };
}

int stage_set(struct stage *self, struct config *config, const char *name)
{
	const struct layout *builtin = layout_by_name(name);
	const struct conf_layout *own = builtin ? NULL : config_layout(config, name);

	if (!builtin && !own)
		return -EINVAL;
	stage_clear(self);
	if (builtin) {
		self->layout = *builtin;
		return 0;
	}
	from_own(&self->layout, own);
	self->config = ref_hold(config);
	self->own = own;
	return 0;
}

/* The place of that name or number, from 0; -1: the layout has none. An automatic
 * one may come to have any number. */
static int place_of(const struct layout *layout, const char *place)
{
	unsigned most = layout->automatic ? LAYOUT_MAX_TILES : layout->n;
	unsigned long number;
	char *end;

	for (unsigned i = 0; i < layout->n; i++)
		if (layout->place[i].name[0] && !strcasecmp(layout->place[i].name, place))
			return (int)i;
	if (*place < '1' || *place > '9')
		return -1;
	number = strtoul(place, &end, 10);
	return !*end && number <= most ? (int)number - 1 : -1;
}

/* Who calls, as the dial plan sees it. */
static const char *caller_of(const struct participant *p)
{
	return p->call ? p->call->remote_uri : "";
}

/* The first of those whom the place is for and who have none yet. */
static uint32_t caller_for(const struct conf_place *place, struct conference *c,
			   const uint32_t fixed[LAYOUT_MAX_TILES])
{
	list_each(l, &c->participants) {
		struct participant *p = list_entry(l, struct participant, link);
		bool has = false;

		for (unsigned i = 0; i < LAYOUT_MAX_TILES; i++)
			has = has || fixed[i] == p->id;
		if (p->in && !has && conf_place_takes(place, caller_of(p)))
			return p->id;
	}
	return 0;
}

void stage_fixed(const struct stage *self, struct conference *conference,
		 uint32_t fixed[LAYOUT_MAX_TILES])
{
	memset(fixed, 0, LAYOUT_MAX_TILES * sizeof(*fixed));
	list_each(l, &conference->participants) {
		struct participant *p = list_entry(l, struct participant, link);
		int place = p->place[0] ? place_of(&self->layout, p->place) : -1;

		if (place >= 0)
			fixed[place] = p->id;
	}
	for (size_t i = 0; self->own && i < self->layout.n; i++)
		if (!fixed[i] && self->own->place[i].caller)
			fixed[i] = caller_for(&self->own->place[i], conference, fixed);
}

/* Places of another layout are others: whoever kept theirs would leave gaps. */
static void seat_anew(struct conference *self, struct participant *participant)
{
	self->seating = (struct seating){ 0 };
	list_each(l, &self->participants) {
		struct participant *p = list_entry(l, struct participant, link);

		if (!participant || p == participant)
			p->seating = (struct seating){ 0 };
	}
}

int conference_set_layout(struct conference *self, struct participant *participant,
			  const char *name)
{
	struct config *config = self->controller->config;
	int err = 0;

	if (!participant && !name) {
		/* what it was configured with, which this tree has */
		err = stage_set(&self->stage, self->config, self->settings.layout);
	} else if (!participant) {
		err = stage_set(&self->stage, config, name);
	} else if (!name) {
		if (participant->stage)
			stage_clear(participant->stage);
		free(participant->stage);
		participant->stage = NULL;
	} else {
		struct stage *stage = calloc(1, sizeof(*stage));

		err = stage ? stage_set(stage, config, name) : -ENOMEM;
		if (err) {
			free(stage);
			return err;
		}
		(void)conference_set_layout(self, participant, NULL);
		participant->stage = stage;
	}
	if (!err) {
		seat_anew(self, participant);
		conference_touch(self);
	}
	return err;
}

int participant_pin(struct participant *self, const char *place)
{
	const struct layout *layout = &self->conference->stage.layout;
	int at = place ? place_of(layout, place) : -1;

	if (place && at < 0)
		return -ENOENT;
	list_each(l, &self->conference->participants) {
		struct participant *p = list_entry(l, struct participant, link);

		if (place && p->place[0] && place_of(layout, p->place) == at)
			p->place[0] = 0;
	}
	copy_name(self->place, place);
	log_info("participant %s conference=%s participant=%u place=%s",
		 place ? "pinned" : "unpinned", self->conference->number, self->id,
		 place ? place : "-");
	conference_touch(self->conference);
	return 0;
}
