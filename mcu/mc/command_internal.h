/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files behind mcu/mc/command.h share. Nobody else includes this. */
#ifndef BALAI_MCU_MC_COMMAND_INTERNAL_H
#define BALAI_MCU_MC_COMMAND_INTERNAL_H

#include "mcu/mc/command.h"
#include "mcu/mc/conference.h"

/* An argument: NULL or false when it is not there. */
const char *command_text(const json_t *args, const char *key);
bool command_flag(const json_t *args, const char *key);

/* Writes the sentence to `error` and returns `err`. */
int command_fail(char *error, size_t cap, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* What the arguments "participant" and "conference" name. NULL: not there, and
 * `error` says so. */
struct participant *command_participant(struct command_context *ctx, const json_t *args,
					char *error, size_t cap);
struct conference *command_conference(struct command_context *ctx, const json_t *args,
				      char *error, size_t cap);

/* Text from a peer, which need not be UTF-8, as JSON must. */
json_t *command_foreign(const char *value);

/* One participant as `participants` shows it; `streams`: with everything. */
json_t *command_participant_json(const struct participant *p, bool streams);

static inline int command_put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

/* command_list.c, command_stats.c and command_picture.c: `run` of their entries in the table. */
int command_conferences(struct command_context *ctx, const json_t *args, json_t **out,
			char *error, size_t cap);
int command_participants(struct command_context *ctx, const json_t *args, json_t **out,
			 char *error, size_t cap);
int command_calls(struct command_context *ctx, const json_t *args, json_t **out,
		  char *error, size_t cap);
int command_registrations(struct command_context *ctx, const json_t *args, json_t **out,
			  char *error, size_t cap);
int command_trunks(struct command_context *ctx, const json_t *args, json_t **out, char *error,
		   size_t cap);
int command_stats(struct command_context *ctx, const json_t *args, json_t **out,
		  char *error, size_t cap);
int command_layout(struct command_context *ctx, const json_t *args, json_t **out,
		   char *error, size_t cap);
int command_message(struct command_context *ctx, const json_t *args, json_t **out,
		    char *error, size_t cap);
int command_pin(struct command_context *ctx, const json_t *args, json_t **out,
		char *error, size_t cap);

#endif
