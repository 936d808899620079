/* SPDX-License-Identifier: GPL-3.0-or-later
 * The commands that change what people see. */
#include "mcu/mc/command_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A conference by its number, else the participant of that id with theirs. */
static int message_to(struct command_context *ctx, const char *to, struct conference **c,
		      struct participant **p, char *error, size_t cap)
{
	unsigned long id;
	char *end;

	*p = NULL;
	*c = conference_find(ctx->controller, to);
	if (*c)
		return 0;
	id = strtoul(to, &end, 10);
	if (*to >= '1' && *to <= '9' && !*end && id <= UINT32_MAX)
		*p = participant_find(ctx->controller, (uint32_t)id);
	if (!*p)
		return command_fail(error, cap, -ENOENT,
				    "%s is no conference in progress and no participant; `balai participants` lists both",
				    to);
	*c = (*p)->conference;
	return 0;
}

int command_message(struct command_context *ctx, const json_t *args, json_t **out,
		    char *error, size_t cap)
{
	const char *string = command_text(args, "text");
	json_t *value = json_object_get(args, "seconds");
	json_int_t seconds = value ? json_integer_value(value) : NOTICE_SECONDS;
	struct participant *p;
	struct conference *c;
	int err = message_to(ctx, command_text(args, "to"), &c, &p, error, cap);

	if (err)
		return err;
	if (seconds < 1 || seconds > NOTICE_MAX_SECONDS)
		return command_fail(error, cap, -EINVAL, "seconds must be 1 to %d",
				    NOTICE_MAX_SECONDS);
	if (conference_notice(c, p, string, (unsigned)seconds))
		return command_fail(error, cap, -EINVAL, "There is nothing visible in that text");
	*out = json_pack("{s:s, s:s}", "conference", c->number, "text",
			 p ? p->notice.text : c->notice.text);
	if (p)
		command_put(*out, "participant", json_integer(p->id));
	return 0;
}
