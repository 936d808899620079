/* SPDX-License-Identifier: GPL-3.0-or-later
 * `balai`: turns words on the command line into a command for the control
 * socket, and its answer into a table or JSON. */
#ifndef BALAI_ADMIN_CLI_H
#define BALAI_ADMIN_CLI_H

#include "mcu/mc/command.h"

#include <stdio.h>

/* Finds the command in the words argv[0..argc) and reads its arguments: those
 * that are required stand in order, others as --name VALUE (or --name for a
 * flag), or in order behind the required ones. *args is a new reference.
 * Otherwise writes one sentence to `error` and returns -EINVAL. `json` is set
 * when --json was among the words. */
int cli_parse(const struct command **command, json_t **args, bool *json, int argc,
	      char *const *argv, char *error, size_t cap);

/* Asks the server at `path`. Makes the file that an ARG_FILE names; it must be
 * a new one, and goes again when the command fails. *result is a new reference. */
int cli_ask(const char *path, const struct command *command, json_t *args, json_t **result,
	    char *error, size_t cap);

/* Prints a result for people: arrays as tables, objects as lines. */
void cli_print(FILE *out, const struct command *command, const json_t *result);

/* Prints all commands, or one with its arguments. */
void cli_help(FILE *out, const struct command *command);

#endif
