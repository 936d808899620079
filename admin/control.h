/* SPDX-License-Identifier: GPL-3.0-or-later
 * The control socket: commands over a Unix stream socket, one JSON object a
 * line each way. {"command": "mute", "args": {"participant": 3}} is answered by
 * {"ok": true, "result": …} or {"ok": false, "error": "what to do"}. A command
 * that fills a file gets its descriptor with the bytes of its line (SCM_RIGHTS):
 * the server writes only what the operator could open, and opens no path that
 * somebody names. Who may
 * open the socket (mode 0660) may command. Control thread. */
#ifndef BALAI_ADMIN_CONTROL_H
#define BALAI_ADMIN_CONTROL_H

#include "mcu/mc/command.h"

struct control;

/* A line that is too long is answered, and then the connection is closed; so is
 * one connection too many. */
enum { CONTROL_MAX_LINE = 65536, CONTROL_MAX_CLIENTS = 32 };

/* Listens at `path`; makes its directory when only that is missing. A socket
 * that a dead process left behind is replaced. -EADDRINUSE: a living one
 * listens there; -ENOTSOCK: something else is there, and stays. Borrows all but
 * `path`. */
int control_new(struct control **out, struct loop *loop, const char *path,
		struct command_context *context);
struct control *control_free(struct control *self);

/* The answer to one line, with its line break; to be freed. NULL: no memory. */
char *control_answer(struct command_context *context, const char *line, size_t len);

#endif
