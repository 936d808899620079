/* SPDX-License-Identifier: GPL-3.0-or-later
 * ICE-lite. */
#include "rtp/ice.h"

#include "rtp/io.h"
#include "rtp/stun.h"

#include <string.h>

enum { CONSENT_US = 30000000 };

static struct ice_pair *find(const struct ice *self, const struct sockaddr_storage *from)
{
	for (unsigned i = 0; i < self->n; i++)
		if (addr_equal(&self->pair[i].remote, from))
			return (struct ice_pair *)&self->pair[i];
	return NULL;
}

/* A place for a new pair: a free one, or that of the pair heard longest ago
 * which is not in use. Only holders of our password get here. */
static struct ice_pair *take_pair(struct ice *self, const struct sockaddr_storage *from)
{
	struct ice_pair *p = NULL;

	if (self->n < ICE_PAIRS) {
		p = &self->pair[self->n++];
	} else {
		for (unsigned i = 0; i < ICE_PAIRS; i++) {
			struct ice_pair *q = &self->pair[i];

			if ((int)i + 1 != self->selected && (!p || q->heard_us < p->heard_us))
				p = q;
		}
	}
	*p = (struct ice_pair){ .remote = *from };
	return p;
}

enum ice_result ice_input(struct ice *self, const char *ufrag, const char *pwd,
			  const char *remote_ufrag, const uint8_t *data, size_t len,
			  const struct sockaddr_storage *from, int64_t now,
			  struct writer *answer)
{
	struct stun_check check;
	struct ice_pair *p;
	bool selected_nominated;
	int index;
	int r = stun_lite_answer(&check, data, len, (const struct sockaddr *)(const void *)from,
				 ufrag, pwd, remote_ufrag, answer);

	if (r < 0)
		return ICE_BAD;
	if (!check.ok || check.error)
		return r > 0 ? ICE_BAD : ICE_IGNORED;
	p = find(self, from);
	if (!p)
		p = take_pair(self, from);
	p->check_us = p->heard_us = now;
	p->nominated = p->nominated || check.nominated;
	index = (int)(p - self->pair) + 1;
	selected_nominated = self->selected && self->pair[self->selected - 1].nominated;
	if (index == self->selected || (selected_nominated && !check.nominated))
		return ICE_VALID;
	self->selected = index;
	return ICE_SELECTED;
}

bool ice_is_valid(const struct ice *self, const struct sockaddr_storage *from)
{
	return find(self, from) != NULL;
}

void ice_heard(struct ice *self, const struct sockaddr_storage *from, int64_t now)
{
	struct ice_pair *p = find(self, from);

	if (p)
		p->heard_us = now;
}

const struct sockaddr_storage *ice_dest(const struct ice *self, int64_t now)
{
	const struct ice_pair *p;

	if (!self->selected)
		return NULL;
	p = &self->pair[self->selected - 1];
	return now - p->heard_us <= CONSENT_US ? &p->remote : NULL;
}
