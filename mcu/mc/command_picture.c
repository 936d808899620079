/* SPDX-License-Identifier: GPL-3.0-or-later
 * The commands that change what people see. */
#include "mcu/mc/command_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "auto, 1x1, …": all there are. */
static void list_layouts(const struct config *config, char *out, size_t cap)
{
	const struct layout *l;
	size_t n = 0;

	for (unsigned i = 0; (l = layout_builtin(i)) && n < cap; i++)
		n += (size_t)snprintf(out + n, cap - n, "%s%s", i ? ", " : "", l->name);
	for (size_t i = 0; i < config->n_layout && n < cap; i++)
		n += (size_t)snprintf(out + n, cap - n, ", %s", config->layout[i].name);
}

int command_layout(struct command_context *ctx, const json_t *args, json_t **out,
		   char *error, size_t cap)
{
	struct conference *c = command_conference(ctx, args, error, cap);
	const char *name = command_text(args, "layout");
	bool back = !strcmp(name, "default");
	struct participant *p = NULL;
	char names[512];
	int err;

	if (!c)
		return -ENOENT;
	if (json_object_get(args, "participant")) {
		p = command_participant(ctx, args, error, cap);
		if (!p)
			return -ENOENT;
		if (p->conference != c)
			return command_fail(error, cap, -EINVAL, "Participant %u is in conference %s",
					    p->id, p->conference->number);
	}
	err = conference_set_layout(c, p, back ? NULL : name);
	if (err == -EINVAL) {
		list_layouts(ctx->controller->config, names, sizeof(names));
		return command_fail(error, cap, err, "No layout %s; there are %s and default", name,
				    names);
	}
	if (err)
		return command_fail(error, cap, err, "Cannot change the layout: %s", strerror(-err));
	*out = json_pack("{s:s, s:s}", "conference", c->number, "layout",
			 back && p ? "default" : p ? p->stage->layout.name : c->stage.layout.name);
	return 0;
}

/* Both pin and unpin, which has no place. */
int command_pin(struct command_context *ctx, const json_t *args, json_t **out,
		char *error, size_t cap)
{
	struct participant *p = command_participant(ctx, args, error, cap);
	const char *place = command_text(args, "place");
	const struct layout *l;

	if (!p)
		return -ENOENT;
	l = &p->conference->stage.layout;
	if (participant_pin(p, place))
		return command_fail(error, cap, -ENOENT,
				    "Layout %s has no place %s; they have numbers, 1 to %u, and the names in the configuration",
				    l->name, place, l->automatic ? LAYOUT_MAX_TILES : l->n);
	*out = json_pack("{s:i, s:s}", "participant", (int)p->id, "place", place ? place : "");
	return 0;
}
