/* SPDX-License-Identifier: GPL-3.0-or-later
 * The control socket against clients of every kind, in one process and thread:
 * the loop is stepped until a client's expectation is met. */
#include "tests/unit/cmocka_head.h"

#include "admin/control.h"
#include "tests/unit/small_bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { STEPS = 2000 };

static struct small_bridge bridge;
static struct control *control;
static char folder[64], path[80];
static int reloads, drains, reload_result;
static const char *reload_report;

static int on_reload(void *arg, char **report)
{
	(void)arg;
	reloads++;
	*report = reload_report ? strdup(reload_report) : NULL;
	return reload_result;
}

static void on_drain(void *arg)
{
	(void)arg;
	drains++;
}

/* ---- a client -------------------------------------------------------------------------- */

static int client_open(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, path, strlen(path));
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void say_bytes(int fd, const void *data, size_t len)
{
	const char *p = data;

	for (int i = 0; len && i < STEPS; i++) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
		loop_step(bridge.loop, 0);
	}
	assert_int_equal(len, 0);
}

static void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

/* The next line, without its break; NULL: the server closed. To be freed. */
static char *hear(int fd)
{
	size_t len = 0, cap = 8 << 20;
	char *line = malloc(cap);

	for (int i = 0; i < STEPS * 100 && len < cap; i++) {
		ssize_t n = recv(fd, line + len, 1, 0);

		if (n > 0 && line[len] == '\n') {
			line[len] = '\0';
			return line;
		}
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			free(line);
			return NULL;
		}
		if (n > 0)
			len++, i--;
		else
			loop_step(bridge.loop, 1);
	}
	fail_msg("no answer");
	return NULL;
}

static json_t *hear_json(int fd)
{
	char *line = hear(fd);
	json_t *reply;

	assert_non_null(line);
	reply = json_loads(line, 0, NULL);
	assert_non_null(reply);
	free(line);
	return reply;
}

static void expect_ok(int fd)
{
	json_t *reply = hear_json(fd);

	assert_true(json_is_true(json_object_get(reply, "ok")));
	assert_non_null(json_object_get(reply, "result"));
	json_decref(reply);
}

static void expect_error(int fd, const char *what)
{
	json_t *reply = hear_json(fd);
	const char *error = json_string_value(json_object_get(reply, "error"));

	assert_true(json_is_false(json_object_get(reply, "ok")));
	assert_non_null(error);
	if (!strstr(error, what))
		fail_msg("\"%s\" holds no \"%s\"", error, what);
	json_decref(reply);
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void test_partial(void **state)
{
	static const char line[] = "{\"command\": \"conferences\", \"args\": {}}\n";
	int fd = client_open();

	(void)state;
	for (size_t i = 0; line[i]; i++) {
		say_bytes(fd, line + i, 1);
		loop_step(bridge.loop, 0);
	}
	expect_ok(fd);
	say(fd, "{\"command\": \"calls\"}\r\n");
	expect_ok(fd);
	close(fd);
}

static void test_two_at_once(void **state)
{
	int fd = client_open();

	(void)state;
	say(fd, "{\"command\": \"conferences\"}\n{\"command\": \"nonsense\"}\n{\"comm");
	expect_ok(fd);
	expect_error(fd, "No command nonsense");
	say(fd, "and\": \"stats\"}\n");
	expect_ok(fd);
	close(fd);
}

/* Lines that are no command, and what is said about them. */
static const struct {
	const char *line, *error;
} wrong[] = {
	{ "\n", "Expected {\"command\"" },
	{ "hello\n", "Expected {\"command\"" },
	{ "GET / HTTP/1.1\r\n", "Expected {\"command\"" },
	{ "[]\n", "Expected {\"command\"" },
	{ "{}\n", "Expected {\"command\"" },
	{ "{\"command\": 3}\n", "Expected {\"command\"" },
	{ "{\"command\": \"stats\"\n", "Expected {\"command\"" },
	{ "{\"command\": \"stats\", \"command\": \"drain\"}\n", "duplicate" },
	{ "{\"command\": \"stats\", \"args\": []}\n", "Expected {\"command\"" },
	{ "{\"command\": \"\"}\n", "No command" },
	{ "{\"command\": \"\xff\"}\n", "Expected {\"command\"" },
	{ "{\"command\": \"stats\\u0000\"}\n", "Expected {\"command\"" },
	{ "{\"command\": \"stats\", \"args\": {\"x\": 1}}\n", "stats takes no x" },
	{ "{\"command\": \"mute\"}\n", "mute needs participant" },
	{ "{\"command\": \"mute\", \"args\": {\"participant\": \"1\"}}\n", "must be a number" },
	{ "{\"command\": \"mute\", \"args\": {\"participant\": 1.5}}\n", "must be a number" },
	{ "{\"command\": \"mute\", \"args\": {\"participant\": 1, \"video\": 1}}\n",
	  "must be true or false" },
	{ "{\"command\": \"mute\", \"args\": {\"participant\": -1}}\n", "No participant -1" },
	{ "{\"command\": \"mute\", \"args\": {\"participant\": 4294967296}}\n",
	  "No participant 4294967296" },
	{ "{\"command\": \"kick\", \"args\": {\"participant\": 1}}\n", "No participant 1" },
	{ "{\"command\": \"layout\", \"args\": {\"conference\": \"9\", \"layout\": \"auto\"}}\n",
	  "No conference 9" },
	{ "{\"command\": \"end\", \"args\": {\"conference\": \"9\"}}\n", "No conference 9" },
	{ "{\"command\": \"participants\", \"args\": {\"conference\": \"9\"}}\n",
	  "No conference 9" },
	{ "{\"command\": \"trace\", \"args\": {\"call\": \"x\"}}\n", "No call x" },
	{ "{\"command\": \"dialplan test\", \"args\": {\"number\": \"1\", \"transport\": \"x\"}}\n",
	  "No transport x" },
};

static void test_wrong(void **state)
{
	int fd = client_open();

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		say(fd, wrong[i].line);
		expect_error(fd, wrong[i].error);
	}
	/* and a NUL in the middle of a line */
	say_bytes(fd, "{\"command\"\0: 1}\n", 16);
	expect_error(fd, "Expected {\"command\"");
	say(fd, "{\"command\": \"conferences\"}\n");
	expect_ok(fd);
	close(fd);
}

static void test_too_long(void **state)
{
	int fd = client_open();
	char *line = malloc(CONTROL_MAX_LINE);

	(void)state;
	/* the longest that is served: spaces are JSON */
	memset(line, ' ', CONTROL_MAX_LINE);
	memcpy(line, "{\"command\": \"stats\"}", 20);
	line[CONTROL_MAX_LINE - 1] = '\n';
	say_bytes(fd, line, CONTROL_MAX_LINE);
	expect_ok(fd);
	/* one more */
	line[CONTROL_MAX_LINE - 1] = ' ';
	say_bytes(fd, line, CONTROL_MAX_LINE);
	expect_error(fd, "at most 65535 bytes");
	assert_null(hear(fd));
	close(fd);
	free(line);
}

static void test_too_many(void **state)
{
	int fd[CONTROL_MAX_CLIENTS], more;

	(void)state;
	for (int i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		fd[i] = client_open();
		say(fd[i], "{\"command\": \"calls\"}\n");
		expect_ok(fd[i]);
	}
	more = client_open();
	expect_error(more, "Too many programs");
	assert_null(hear(more));
	close(more);
	/* the others are served, and one that goes makes room */
	say(fd[7], "{\"command\": \"calls\"}\n");
	expect_ok(fd[7]);
	close(fd[7]);
	for (int i = 0; i < 10; i++)
		loop_step(bridge.loop, 0);
	fd[7] = client_open();
	say(fd[7], "{\"command\": \"calls\"}\n");
	expect_ok(fd[7]);
	for (int i = 0; i < CONTROL_MAX_CLIENTS; i++)
		close(fd[i]);
	for (int i = 0; i < 200; i++)
		loop_step(bridge.loop, 0);
}

/* A configuration whose dial plan takes many lines to explain. */
static void big_plan(const char *file)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fputs("<balai xmlns=\"urn:balai:config:1\"><dial-plan>\n", f);
	for (int i = 0; i < 900; i++)
		fprintf(f, "<rule dialled=\"%d%0200d\"><refuse code=\"404\"/></rule>\n", i + 1000, 7);
	fputs("</dial-plan></balai>\n", f);
	assert_int_equal(fclose(f), 0);
}

static void test_slow_reader(void **state)
{
	static const char ask[] = "{\"command\": \"dialplan test\", \"args\": {\"number\": \"5\"}}\n";
	char file[100];
	struct config *big = NULL;
	struct config *before = controller_config(bridge.controller);
	int slow, quick, small = 4096, n = 0;

	(void)state;
	snprintf(file, sizeof(file), "%s/big.xml", folder);
	big_plan(file);
	assert_int_equal(config_load(&big, file, stderr), 0);
	before = ref_hold(before);
	controller_set_config(bridge.controller, big);
	slow = client_open();
	quick = client_open();
	setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	/* Ten answers of a quarter megabyte wait, of which it reads nothing. */
	for (int i = 0; i < 10; i++)
		say(slow, ask);
	for (int i = 0; i < 50; i++)
		loop_step(bridge.loop, 0);
	/* Others are served meanwhile. */
	say(quick, "{\"command\": \"calls\"}\n");
	expect_ok(quick);
	/* Then it reads, and all are there, whole. */
	for (int i = 0; i < 10; i++) {
		json_t *reply = hear_json(slow);
		const char *why = json_string_value(
			json_object_get(json_object_get(reply, "result"), "why"));

		assert_non_null(why);
		if (strlen(why) > 100000)
			n++;
		json_decref(reply);
	}
	assert_int_equal(n, 10);
	/* One that goes away in the middle of its answer. */
	for (int i = 0; i < 3; i++)
		say(slow, ask);
	close(slow);
	for (int i = 0; i < 50; i++)
		loop_step(bridge.loop, 0);
	say(quick, "{\"command\": \"calls\"}\n");
	expect_ok(quick);
	close(quick);
	controller_set_config(bridge.controller, before);
	ref_drop(before);
	ref_drop(big);
	unlink(file);
}

static void test_reload(void **state)
{
	char *report = malloc(40000);
	int fd = client_open();

	(void)state;
	say(fd, "{\"command\": \"reload\"}\n{\"command\": \"drain\"}\n");
	expect_ok(fd);
	expect_ok(fd);
	assert_int_equal(reloads, 1);
	assert_int_equal(drains, 1);
	/* what was wrong is passed on: also when it is long, and no UTF-8 */
	reload_result = -EINVAL;
	reload_report = "balai.xml:7: no profile \"\xff\"\n";
	say(fd, "{\"command\": \"reload\"}\n");
	expect_error(fd, "balai.xml:7: no profile");
	memset(report, 'x', 40000);
	for (int i = 16000; i < 39000; i += 2)
		memcpy(report + i, "\xc3\xbc", 2);
	report[39999] = '\0';
	reload_report = report;
	say(fd, "{\"command\": \"reload\"}\n");
	expect_error(fd, "Nothing was changed:\nxxx");
	reload_result = 0;
	reload_report = NULL;
	bridge.context.reload = NULL;
	bridge.context.drain = NULL;
	say(fd, "{\"command\": \"reload\"}\n{\"command\": \"drain\"}\n");
	expect_error(fd, "cannot reload");
	expect_error(fd, "cannot drain");
	bridge.context.reload = on_reload;
	bridge.context.drain = on_drain;
	close(fd);
	free(report);
}

/* Sends a line with descriptors. */
static void say_with(int fd, const char *text, const int *passed, size_t n)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} space = { .head = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec part = { (void *)(uintptr_t)text, strlen(text) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space.space,
			    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };

	space.head.cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&space.head), passed, n * sizeof(int));
	assert_int_equal(sendmsg(fd, &m, MSG_NOSIGNAL), strlen(text));
}

static int count_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Descriptors that come along are closed, used or not; a command without any
 * gets none. */
static void test_descriptors(void **state)
{
	static const char line[] = "{\"command\": \"calls\"}\n";
	int fd = client_open(), before, passed[8];

	(void)state;
	say(fd, line);
	expect_ok(fd);
	for (int i = 0; i < 8; i++)
		passed[i] = STDIN_FILENO;
	before = count_open();
	say_with(fd, line, passed, 1);
	expect_ok(fd);
	say_with(fd, line, passed, 8);
	expect_ok(fd);
	assert_int_equal(count_open(), before);
	/* the line is not whole yet */
	say_with(fd, "{\"command\":", passed, 1);
	for (int i = 0; i < 10; i++)
		loop_step(bridge.loop, 0);
	assert_int_equal(count_open(), before + 1);
	say(fd, " \"calls\"}\n");
	expect_ok(fd);
	assert_int_equal(count_open(), before);
	say_with(fd, "{\"command\":", passed, 1);
	for (int i = 0; i < 10; i++)
		loop_step(bridge.loop, 0);
	close(fd);
	for (int i = 0; i < 50; i++)
		loop_step(bridge.loop, 0);
	assert_int_equal(count_open(), before - 2);
	assert_int_equal(bridge.context.fd, -1);
}

static void test_places(void **state)
{
	struct control *second = NULL;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char other[100], longer[300];
	struct stat st;
	int fd;

	(void)state;
	/* only its user and group may */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	/* a living one */
	assert_int_equal(control_new(&second, bridge.loop, path, &bridge.context), -EADDRINUSE);
	assert_null(second);
	assert_int_equal(stat(path, &st), 0);
	/* what a dead one left */
	snprintf(other, sizeof(other), "%s/stale", folder);
	memcpy(addr.sun_path, other, strlen(other));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(control_new(&second, bridge.loop, other, &bridge.context), 0);
	second = control_free(second);
	assert_int_equal(stat(other, &st), -1);
	/* one that listens but is too busy to accept */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 0), 0);
	int waiting = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(waiting, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(control_new(&second, bridge.loop, other, &bridge.context), -EADDRINUSE);
	close(waiting);
	close(fd);
	unlink(other);
	/* a file that somebody needs */
	fd = open(other, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(control_new(&second, bridge.loop, other, &bridge.context), -ENOTSOCK);
	assert_int_equal(stat(other, &st), 0);
	unlink(other);
	/* a folder that is missing is made, its parent is not */
	snprintf(other, sizeof(other), "%s/new/control", folder);
	assert_int_equal(control_new(&second, bridge.loop, other, &bridge.context), 0);
	second = control_free(second);
	snprintf(other, sizeof(other), "%s/new", folder);
	assert_int_equal(rmdir(other), 0);
	snprintf(other, sizeof(other), "%s/a/b/control", folder);
	assert_int_equal(control_new(&second, bridge.loop, other, &bridge.context), -ENOENT);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(control_new(&second, bridge.loop, longer, &bridge.context), -ENAMETOOLONG);
	assert_null(second);
}

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/balai-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/control", folder);
	assert_int_equal(small_bridge_start(&bridge, NULL), 0);
	bridge.context.reload = on_reload;
	bridge.context.drain = on_drain;
	assert_int_equal(control_new(&control, bridge.loop, path, &bridge.context), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	/* one client is left, in the middle of a line */
	say(client_open(), "{\"command\"");
	control_free(control);
	small_bridge_stop(&bridge);
	rmdir(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partial), cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_wrong), cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_too_many), cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_reload), cmocka_unit_test(test_descriptors), cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
