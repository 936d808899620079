/* SPDX-License-Identifier: GPL-3.0-or-later
 * Who presents: whose second video, of slides (RFC 4796), is shown to the others. */
#include "mcu/mc/conference.h"

#include "base/log.h"

struct leg *participant_slides(const struct participant *self)
{
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		if (self->leg[i] && self->agreed[i].active && self->agreed[i].role == ROLE_SLIDES)
			return self->leg[i];
	}
	return NULL;
}

static bool presents(const struct participant *p)
{
	const struct leg *slides = participant_slides(p);

	return slides && p->in && !p->hidden && leg_has_picture(slides) &&
	       p->conference->settings.slides == SLIDES_RECEIVE;
}

/* The one who began last: whoever was shown before is shown again after that. */
void conference_follow_slides(struct conference *self)
{
	struct participant *latest = NULL;
	uint32_t id;

	list_each(l, &self->participants) {
		struct participant *p = list_entry(l, struct participant, link);

		if (!presents(p))
			p->presents = 0;
		else if (!p->presents)
			p->presents = ++self->presentations;
		if (p->presents && (!latest || p->presents > latest->presents))
			latest = p;
	}
	id = latest ? latest->id : 0;
	if (id == self->presenter)
		return;
	self->presenter = id;
	if (latest)
		log_info("slides shown conference=%s participant=%u name=\"%s\"", self->number, id,
			 latest->name);
	else
		log_info("slides over conference=%s", self->number);
}
