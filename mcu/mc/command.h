/* SPDX-License-Identifier: GPL-3.0-or-later
 * What an operator can ask for: one typed table, served by the Unix socket now
 * and by HTTP later. ⟨jansson⟩ Control thread. */
#ifndef BALAI_MCU_MC_COMMAND_H
#define BALAI_MCU_MC_COMMAND_H

#include "mcu/mc/controller.h"

#include <jansson.h>

struct command_context;

/* ARG_FILE: a file that the result goes into. Who asks opens it, with the
 * operator's own rights, and hands over the descriptor; the argument itself is
 * its name, for people. */
enum command_arg_type { ARG_TEXT, ARG_NUMBER, ARG_FLAG, ARG_FILE };

struct command_arg {
	const char *name;     /* key in the JSON arguments, metavariable in help */
	enum command_arg_type type;
	bool required;
	const char *help;
};

enum { COMMAND_MAX_ARGS = 8 };

struct command {
	const char *name;     /* "participants", "dialplan test" */
	const char *help;     /* one line */
	struct command_arg arg[COMMAND_MAX_ARGS]; /* ended by name NULL */
	/* `args` is checked against the table before. Sets *out (new reference;
	 * an array of flat objects is printed as a table) or writes one plain
	 * sentence to `error` that says what to do, and returns a negative errno. */
	int (*run)(struct command_context *context, const json_t *args, json_t **out,
		   char *error, size_t cap);
	const char *const *columns; /* of the table, NULL: the keys as they come */
};

struct command_context {
	struct controller *controller;
	/* Set by main: read the file again (*report: what it said, to be freed);
	 * drain and stop. NULL: not offered. */
	int (*reload)(void *arg, char **report);
	void (*drain)(void *arg);
	void *arg;
	/* The descriptor that came with the command now running, -1: none.
	 * Borrowed. */
	int fd;
};

extern const struct command command_table[]; /* ended by name NULL */

const struct command *command_find(const char *name);
/* Checks the arguments and runs. */
int command_run(struct command_context *context, const char *name, const json_t *args,
		json_t **out, char *error, size_t cap);

#endif
