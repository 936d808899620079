/* SPDX-License-Identifier: GPL-3.0-or-later
 * The tree's memory, which goes all at once, and finding things in it. */
#include "conf/private.h"

#include "base/ref.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct conf_chunk {
	struct conf_chunk *next;
	max_align_t data[];
};

static void tree_fini(void *arg)
{
	struct conf_tree *self = arg;

	for (size_t i = 0; i < self->config.n_rule; i++) {
		conf_pattern_free(self->config.rule[i].pattern);
		conf_pattern_free(self->config.rule[i].caller_pattern);
		conf_pattern_free(self->config.rule[i].diverted_pattern);
		conf_pattern_free(self->config.rule[i].original_pattern);
		conf_pattern_free(self->config.rule[i].account_pattern);
	}
	for (size_t i = 0; i < self->config.n_layout; i++) {
		struct conf_layout *l = &self->config.layout[i];

		for (size_t k = 0; k < l->n_place; k++)
			conf_pattern_free(l->place[k].caller_pattern);
	}
	for (size_t i = 0; i < self->config.n_quirk; i++)
		conf_pattern_free(self->config.quirk[i].agent_pattern);
	while (self->chunks) {
		struct conf_chunk *c = self->chunks;

		self->chunks = c->next;
		free(c);
	}
}

struct conf_tree *conf_tree_new(void)
{
	return ref_new(sizeof(struct conf_tree), tree_fini);
}

void *conf_tree_alloc(struct conf_tree *self, size_t n, size_t size)
{
	struct conf_chunk *c;
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) ||
	    __builtin_add_overflow(bytes, sizeof(*c), &bytes))
		return NULL;
	c = calloc(1, bytes);
	if (!c)
		return NULL;
	c->next = self->chunks;
	self->chunks = c;
	return c->data;
}

const struct conf_profile *config_profile(const struct config *self, const char *name)
{
	for (size_t i = 0; i < self->n_profile; i++)
		if (!strcmp(self->profile[i].name, name))
			return &self->profile[i];
	return NULL;
}

unsigned config_ports_per_call(const struct config *self)
{
	for (size_t i = 0; i < self->n_profile; i++)
		if (self->profile[i].slides == SLIDES_RECEIVE)
			return CONF_PORTS_WITH_SLIDES;
	for (size_t i = 0; i < self->n_conference; i++)
		if (self->conference[i].slides == SLIDES_RECEIVE)
			return CONF_PORTS_WITH_SLIDES;
	return CONF_PORTS_PER_CALL;
}

const struct conf_layout *config_layout(const struct config *self, const char *name)
{
	for (size_t i = 0; i < self->n_layout; i++)
		if (!strcasecmp(self->layout[i].name, name))
			return &self->layout[i];
	return NULL;
}

bool conf_place_takes(const struct conf_place *self, const char *caller)
{
	return self->caller_pattern && conf_pattern_match(self->caller_pattern, caller, NULL) == 1;
}

const struct conf_conference *config_conference(const struct config *self, const char *number)
{
	for (size_t i = 0; i < self->n_conference; i++)
		if (!self->conference[i].template_ && !strcmp(self->conference[i].number, number))
			return &self->conference[i];
	return NULL;
}

/* Sorted by name (read_peers.c). */
const struct conf_account *config_account(const struct config *self, const char *name)
{
	size_t from = 0, to = self->accounts.n_account;

	while (from < to) {
		size_t mid = (from + to) / 2;
		int order = strcmp(name, self->accounts.account[mid].name);

		if (!order)
			return &self->accounts.account[mid];
		if (order < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return NULL;
}

const struct conf_trunk *config_trunk(const struct config *self, const char *name)
{
	for (size_t i = 0; i < self->n_trunk; i++)
		if (!strcasecmp(self->trunk[i].name, name))
			return &self->trunk[i];
	return NULL;
}
