/* SPDX-License-Identifier: GPL-3.0-or-later
 * The server's side of the control socket. */
#include "admin/control.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct control {
	struct loop *loop;
	struct command_context *context;
	struct loop_fd *watch;
	struct list clients;
	unsigned n_clients;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

struct client {
	struct list link;
	struct control *control;
	struct loop_fd *watch;
	int fd;
	char in[CONTROL_MAX_LINE];
	size_t in_len;
	int passed;             /* descriptor that came with what is in `in`, -1: none */
	char *out;              /* what the peer has not taken yet */
	size_t out_len, out_done;
	bool ending;            /* after what is in `out` */
};

static void forget_passed(struct client *c)
{
	if (c->passed >= 0)
		close(c->passed);
	c->passed = -1;
}

static void client_free(struct client *c)
{
	list_del(&c->link);
	c->control->n_clients--;
	loop_fd_free(c->watch);
	close(c->fd);
	forget_passed(c);
	free(c->out);
	free(c);
}

static int client_write(struct client *c)
{
	while (c->out_done < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->out_done, c->out_len - c->out_done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			loop_fd_events(c->watch, LOOP_WRITE);
			return 0;
		}
		if (n < 0)
			return -errno;
		c->out_done += (size_t)n;
	}
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_done = 0;
	loop_fd_events(c->watch, LOOP_READ);
	return 0;
}

/* Errors quote what came from outside, and may end in the middle of a
 * character: JSON must be UTF-8. */
static json_t *error_text(char *error)
{
	json_t *text = json_string(error);

	for (unsigned char *c = (unsigned char *)error; !text && *c; c++) {
		if (*c >= 0x80)
			*c = '?';
	}
	return text ? text : json_string(error);
}

static char *dump_line(json_t *reply)
{
	char *line = reply ? json_dumps(reply, JSON_COMPACT) : NULL;

	json_decref(reply);
	if (line) {
		size_t len = strlen(line);
		char *longer = realloc(line, len + 2);

		if (!longer) {
			free(line);
			return NULL;
		}
		line = longer;
		memcpy(line + len, "\n", 2);
	}
	return line;
}

static char *refusal(char *error)
{
	return dump_line(json_pack("{s:b, s:o}", "ok", 0, "error", error_text(error)));
}

char *control_answer(struct command_context *context, const char *line, size_t len)
{
	json_error_t bad;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &bad);
	json_t *args = json_object_get(request, "args"), *result = NULL;
	const char *name = json_string_value(json_object_get(request, "command"));
	json_t *none = json_object();
	char error[16384] = "";
	char *reply;
	int err = -EINVAL;

	if (!request)
		snprintf(error, sizeof(error), "Expected {\"command\": …, \"args\": {…}} on one line: %s",
			 bad.text);
	else if (!name || (args && !json_is_object(args)))
		snprintf(error, sizeof(error), "Expected {\"command\": …, \"args\": {…}} on one line");
	else
		err = command_run(context, name, args ? args : none, &result, error,
				  sizeof(error));
	reply = err ? refusal(error)
		    : dump_line(json_pack("{s:b, s:o}", "ok", 1, "result", result));
	json_decref(none);
	json_decref(request);
	return reply;
}

/* Serves one whole line at a time; the next waits until the peer has taken the
 * answer to this one. */
static int client_serve(struct client *c)
{
	static const char too_long[] = "A command is one line of at most %d bytes";

	while (!c->out && !c->ending) {
		char *end = memchr(c->in, '\n', c->in_len);
		size_t used;

		if (end) {
			used = (size_t)(end - c->in) + 1;
			c->control->context->fd = c->passed;
			c->out = control_answer(c->control->context, c->in, used - 1);
			c->control->context->fd = -1;
			forget_passed(c);
			memmove(c->in, c->in + used, c->in_len - used);
			c->in_len -= used;
		} else if (c->in_len == sizeof(c->in)) {
			char error[64];

			snprintf(error, sizeof(error), too_long, CONTROL_MAX_LINE - 1);
			c->out = refusal(error);
			c->ending = true; /* where the next one begins is not known */
		} else {
			return 0;
		}
		if (!c->out)
			return -ENOMEM;
		c->out_len = strlen(c->out);
		if (client_write(c))
			return -EPIPE;
	}
	return c->ending && !c->out ? -EMSGSIZE : 0;
}

/* Reads bytes and with them, at most, a descriptor; the last of several. */
static ssize_t client_read(struct client *c)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec part = { c->in + c->in_len, sizeof(c->in) - c->in_len };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space,
			    .msg_controllen = sizeof(control.space) };
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return n;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= h->cmsg_len; at += sizeof(int)) {
			forget_passed(c);
			memcpy(&c->passed, CMSG_DATA(h) + at, sizeof(int));
		}
	}
	return n;
}

static void on_client(void *arg, unsigned events)
{
	struct client *c = arg;
	ssize_t n;

	if (events & LOOP_WRITE) {
		if (client_write(c) || client_serve(c))
			client_free(c);
		return;
	}
	if (c->out)
		return;
	n = client_read(c);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_free(c);
		return;
	}
	c->in_len += (size_t)n;
	if (client_serve(c))
		client_free(c);
}

static void on_listen(void *arg, unsigned events)
{
	struct control *self = arg;
	int fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c;

	(void)events;
	if (fd < 0)
		return;
	c = self->n_clients < CONTROL_MAX_CLIENTS ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		char error[] = "Too many programs are connected to the control socket";
		char *line = refusal(error);

		log_warning("control connection refused open=%u", self->n_clients);
		/* It fits the empty buffer of a new socket. */
		if (line)
			(void)!send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
		free(line);
		close(fd);
		return;
	}
	c->control = self;
	c->fd = fd;
	c->passed = -1;
	list_add(&self->clients, &c->link);
	self->n_clients++;
	if (loop_fd_new(&c->watch, self->loop, fd, LOOP_READ, on_client, c))
		client_free(c);
}

/* Removes what a dead process left. Anything but a socket stays: the path may
 * be a mistake. -EADDRINUSE: somebody answers there, or is just too busy to;
 * -ENOTSOCK. */
static int remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, err;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? errno : 0;
	close(fd);
	if (!err || err == EAGAIN)
		return -EADDRINUSE;
	if (err != ECONNREFUSED)
		return -err;
	return unlink(addr->sun_path) ? -errno : 0;
}

static void make_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[108];

	if (!slash || slash == path || (size_t)(slash - path) >= sizeof(dir))
		return;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	mkdir(dir, 0750);
}

int control_new(struct control **out, struct loop *loop, const char *path,
		struct command_context *context)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct control *self;
	mode_t mask;
	int err = 0;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path));
	self = calloc(1, sizeof(*self));
	if (!self)
		return -ENOMEM;
	self->loop = loop;
	self->context = context;
	list_init(&self->clients);
	self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (self->fd < 0) {
		err = -errno;
		goto out;
	}
	make_directory(path);
	err = remove_stale(&addr);
	if (err)
		goto out;
	mask = umask(0117);
	if (bind(self->fd, (struct sockaddr *)&addr, sizeof(addr)))
		err = -errno;
	umask(mask);
	if (err)
		goto out;
	memcpy(self->path, addr.sun_path, sizeof(self->path));
	if (listen(self->fd, 16)) {
		err = -errno;
		goto out;
	}
	err = loop_fd_new(&self->watch, loop, self->fd, LOOP_READ, on_listen, self);
	if (err)
		goto out;
	*out = self;
	return 0;
out:
	control_free(self);
	return err;
}

struct control *control_free(struct control *self)
{
	if (!self)
		return NULL;
	list_each_safe(l, &self->clients)
		client_free(list_entry(l, struct client, link));
	loop_fd_free(self->watch);
	if (self->path[0])
		unlink(self->path);
	if (self->fd >= 0)
		close(self->fd);
	free(self);
	return NULL;
}
