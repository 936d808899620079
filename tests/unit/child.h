/* SPDX-License-Identifier: GPL-3.0-or-later
 * Another program run by a test, and what it prints. */
#ifndef BALAI_TESTS_UNIT_CHILD_H
#define BALAI_TESTS_UNIT_CHILD_H

#include "tests/unit/cmocka_head.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct child {
	pid_t pid;
	int out, in;
	char text[65536];
	size_t len;
};

/* Programs of other people's make live in /usr/bin. */
static inline bool have_program(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/usr/bin/%s", name);
	return access(path, X_OK) == 0;
}

static inline void child_start(struct child *c, char *const argv[])
{
	posix_spawn_file_actions_t fa;
	int out[2], in[2];

	memset(c, 0, sizeof(*c));
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in[0], 0);
	posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	posix_spawn_file_actions_adddup2(&fa, out[1], 2);
	assert_int_equal(posix_spawn(&c->pid, argv[0], &fa, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&fa);
	close(out[1]);
	close(in[0]);
	c->out = out[0];
	c->in = in[1];
	fcntl(c->out, F_SETFL, O_NONBLOCK);
}

/* True when `what` has appeared in what it printed. */
static inline bool child_said(struct child *c, const char *what)
{
	ssize_t n = read(c->out, c->text + c->len, sizeof(c->text) - 1 - c->len);

	if (n > 0)
		c->len += (size_t)n;
	return strstr(c->text, what) != NULL;
}

static inline void child_stop(struct child *c)
{
	kill(c->pid, SIGTERM);
	waitpid(c->pid, NULL, 0);
	close(c->out);
	close(c->in);
}

#endif
