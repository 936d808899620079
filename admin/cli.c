/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/cli.h"

#include "admin/control.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <wchar.h>

/* ---- words to arguments --------------------------------------------------------------- */

static int fail(char *error, size_t cap, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(char *error, size_t cap, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, cap, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* A command's name may be two words. Returns how many were used. */
static int find_command(const struct command **out, int argc, char *const *argv)
{
	char two[64];

	if (argc >= 2) {
		snprintf(two, sizeof(two), "%s %s", argv[0], argv[1]);
		*out = command_find(two);
		if (*out)
			return 2;
	}
	*out = argc >= 1 ? command_find(argv[0]) : NULL;
	return *out ? 1 : 0;
}

static int add_arg(json_t *args, const struct command_arg *a, const char *word, char *error,
		   size_t cap)
{
	json_t *value = NULL;

	if (a->type == ARG_TEXT || a->type == ARG_FILE) {
		value = json_string(word);
	} else if (a->type == ARG_FLAG) {
		value = json_true();
	} else {
		char *end;
		long long n;

		errno = 0;
		n = strtoll(word, &end, 10);
		if (!*word || *end || isspace((unsigned char)*word) || errno)
			return fail(error, cap, "%s must be a number, not \"%s\"", a->name, word);
		value = json_integer(n);
	}
	if (!value)
		return fail(error, cap, "%s is not UTF-8 text", a->name);
	if (json_object_get(args, a->name)) {
		json_decref(value);
		return fail(error, cap, "%s is given twice", a->name);
	}
	return json_object_set_new(args, a->name, value) ? -ENOMEM : 0;
}

/* Of "--name" or "--name=value". */
static const struct command_arg *named(const struct command *c, const char *word)
{
	size_t len = strcspn(word + 2, "=");

	for (const struct command_arg *a = c->arg; a < c->arg + COMMAND_MAX_ARGS && a->name; a++) {
		if (strlen(a->name) == len && !strncmp(a->name, word + 2, len))
			return a;
	}
	return NULL;
}

/* The next argument that a bare word can fill. */
static const struct command_arg *next_open(const struct command *c, const json_t *args)
{
	for (int required = 1; required >= 0; required--) {
		for (const struct command_arg *a = c->arg;
		     a < c->arg + COMMAND_MAX_ARGS && a->name; a++) {
			if (a->required == (bool)required && a->type != ARG_FLAG &&
			    !json_object_get(args, a->name))
				return a;
		}
	}
	return NULL;
}

/* Takes the option argv[*i], and its value from behind it when it has one. */
static int parse_option(const struct command *c, json_t *args, int *i, int argc,
			char *const *argv, char *error, size_t cap)
{
	const struct command_arg *a = named(c, argv[*i]);
	const char *value = strchr(argv[*i], '=');

	if (!a)
		return fail(error, cap, "%s takes no %.*s; see `balai help %s`", c->name,
			    (int)strcspn(argv[*i], "="), argv[*i], c->name);
	if (a->type == ARG_FLAG && value)
		return fail(error, cap, "--%s takes no value", a->name);
	if (a->type != ARG_FLAG && !value && ++*i == argc)
		return fail(error, cap, "--%s needs a value: %s", a->name, a->help);
	return add_arg(args, a, value ? value + 1 : argv[*i], error, cap);
}

static int parse_words(const struct command *c, json_t *args, bool *json, int argc,
		       char *const *argv, char *error, size_t cap)
{
	bool options = true; /* until "--" */

	for (int i = 0; i < argc; i++) {
		const struct command_arg *a;
		int err;

		if (options && !strcmp(argv[i], "--json")) {
			*json = true;
		} else if (options && !strcmp(argv[i], "--")) {
			options = false;
		} else if (options && !strncmp(argv[i], "--", 2)) {
			err = parse_option(c, args, &i, argc, argv, error, cap);
			if (err)
				return err;
		} else {
			a = next_open(c, args);
			if (!a)
				return fail(error, cap, "%s: \"%s\" is one word too many; see `balai help %s`",
					    c->name, argv[i], c->name);
			err = add_arg(args, a, argv[i], error, cap);
			if (err)
				return err;
		}
	}
	for (const struct command_arg *a = c->arg; a < c->arg + COMMAND_MAX_ARGS && a->name; a++) {
		if (a->required && !json_object_get(args, a->name))
			return fail(error, cap, "%s needs %s: %s; see `balai help %s`", c->name,
				    a->name, a->help, c->name);
	}
	return 0;
}

int cli_parse(const struct command **command, json_t **args, bool *json, int argc,
	      char *const *argv, char *error, size_t cap)
{
	const struct command *c = NULL;
	int used = find_command(&c, argc, argv), err;
	json_t *object;

	if (!used)
		return fail(error, cap, argc ? "No command \"%s\"; `balai help` lists them"
					     : "Which command? `balai help` lists them%s",
			    argc ? argv[0] : "");
	object = json_object();
	if (!object)
		return -ENOMEM;
	err = parse_words(c, object, json, argc - used, argv + used, error, cap);
	if (err) {
		json_decref(object);
		return err;
	}
	*command = c;
	*args = object;
	return 0;
}

enum { ANSWER_S = 30 };

/* ---- the socket --------------------------------------------------------------------------- */

static int connect_to(const char *path, char *error, size_t cap)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return fail(error, cap, "The socket path is too long: %s", path);
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	if (fd >= 0) {
		int err = errno;

		close(fd);
		errno = err;
	}
	if (errno == EACCES)
		fail(error, cap, "You may not open %s; join the group that owns it, or use sudo", path);
	else
		fail(error, cap, "balaid does not listen at %s (%s); is it running? Another place is named by --socket or BALAI_SOCKET",
		     path, strerror(errno));
	return -ENOTCONN;
}

/* Sends a line; a descriptor (-1: none) goes with its first byte. */
static int send_line(int fd, const char *line, int passed)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS } };
	struct iovec part = { (void *)(uintptr_t)line, strlen(line) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	if (passed >= 0) {
		memcpy(CMSG_DATA(&control.head), &passed, sizeof(int));
		m.msg_control = control.space;
		m.msg_controllen = sizeof(control.space);
	}
	while (part.iov_len) {
		ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		part.iov_base = (char *)part.iov_base + n;
		part.iov_len -= (size_t)n;
		m.msg_control = NULL;
		m.msg_controllen = 0;
	}
	return 0;
}

/* Reads to the first line break; to be freed. */
static char *read_line(int fd)
{
	const size_t most = 64 * 1024 * 1024;
	size_t len = 0, cap = 65536;
	char *line = malloc(cap);

	while (line && !memchr(line, '\n', len)) {
		ssize_t n;

		if (len == cap) {
			char *more = cap < most ? realloc(line, cap * 2) : NULL;

			if (!more)
				break;
			line = more;
			cap *= 2;
		}
		n = recv(fd, line + len, cap - len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		/* Only the new part can hold the end, but lines are short. */
		len += (size_t)n;
		if (memchr(line + len - n, '\n', (size_t)n)) {
			line[len - 1] = '\0';
			return line;
		}
	}
	free(line);
	return NULL;
}

/* The file that the arguments name, or none. */
static const char *file_of(const struct command *c, const json_t *args)
{
	for (const struct command_arg *a = c->arg; a < c->arg + COMMAND_MAX_ARGS && a->name; a++) {
		if (a->type == ARG_FILE && json_object_get(args, a->name))
			return json_string_value(json_object_get(args, a->name));
	}
	return NULL;
}

static int make_file(int *out, const char *name, char *error, size_t cap)
{
	/* For its owner only: there are people's voices in it. */
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return fail(error, cap, "%s exists; remove it or name another file", name);
	if (fd < 0)
		return fail(error, cap, "Cannot make %s: %s", name, strerror(errno));
	*out = fd;
	return 0;
}

/* What the server says to a line; NULL with the reason in `error`. */
static json_t *exchange(const char *path, const char *line, int passed, char *error, size_t cap)
{
	const struct timeval patience = { ANSWER_S, 0 };
	int fd = connect_to(path, error, cap);
	json_t *reply = NULL;
	char *answer;
	bool late;

	if (fd < 0)
		return NULL;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* One who does not take it all may still say why. */
	send_line(fd, line, passed);
	errno = 0;
	answer = read_line(fd);
	late = !answer && (errno == EAGAIN || errno == EWOULDBLOCK);
	close(fd);
	if (answer)
		reply = json_loads(answer, 0, NULL);
	free(answer);
	if (!reply && late)
		fail(error, cap, "balaid has not answered for %d seconds; see its log", ANSWER_S);
	else if (!reply)
		fail(error, cap, "balaid closed the connection without an answer; see its log");
	return reply;
}

static char *request_line(const char *command, json_t *args)
{
	json_t *request = json_pack("{s:s, s:O}", "command", command, "args", args);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL, *line = NULL;

	json_decref(request);
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	return line;
}

int cli_ask(const char *path, const struct command *command, json_t *args, json_t **result,
	    char *error, size_t cap)
{
	const char *file = file_of(command, args);
	char *line = request_line(command->name, args);
	int passed = -1, err = line ? 0 : fail(error, cap, "Out of memory");
	json_t *reply = NULL;

	if (!err && file)
		err = make_file(&passed, file, error, cap);
	if (!err) {
		reply = exchange(path, line, passed, error, cap);
		err = reply ? 0 : -ENOTCONN;
	}
	if (reply && !json_is_true(json_object_get(reply, "ok"))) {
		const char *why = json_string_value(json_object_get(reply, "error"));

		err = fail(error, cap, "%s", why ? why : "failed");
	} else if (reply) {
		*result = json_incref(json_object_get(reply, "result"));
	}
	if (passed >= 0) {
		close(passed);
		if (err)
			unlink(file);
	}
	json_decref(reply);
	free(line);
	return err;
}

/* ---- for people -------------------------------------------------------------------------------- */

enum { MAX_COLUMNS = 16, CELL = 256, CELL_COLUMNS = 60, LINE_COLUMNS = 200 };

/* Takes one character of UTF-8 text; -1 and one byte when it is none. */
static int32_t next_char(const char **s)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)*s;
	unsigned more = p[0] < 0x80 ? 0 : (p[0] & 0xe0) == 0xc0 ? 1 : (p[0] & 0xf0) == 0xe0 ? 2 :
			(p[0] & 0xf8) == 0xf0 ? 3 : 4;
	uint32_t c = more ? p[0] & (0x3fu >> more) : p[0];

	(*s)++;
	if (more == 4)
		return -1;
	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return -1;
	*s += more;
	return (int32_t)c;
}

/* Names come from peers. Nothing of them may move the cursor, turn the writing
 * around or hide: controls of both sets, bidirectional marks, separators. */
static bool is_hostile(int32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xfffb) ||
	       (c >= 0xe0000 && c <= 0xe007f);
}

/* Columns that a character takes on a terminal. */
static int char_width(int32_t c)
{
	int w = wcwidth((wchar_t)c);

	return w < 0 ? 1 : w;
}

/* Columns of a text that show_text made. */
static int text_width(const char *s)
{
	int width = 0;

	while (*s)
		width += char_width(next_char(&s));
	return width;
}

/* Copies what can be shown as it is and '?' for the rest; what does not fit
 * into `most` columns ends with '…'. */
static void show_text(char *out, size_t cap, int most, const char *s)
{
	static const char dots[] = "\xe2\x80\xa6";
	char *end = out + cap - sizeof(dots), *cut = out;
	int width = 0;

	while (*s) {
		const char *from = s;
		int32_t c = next_char(&s);
		bool bad = is_hostile(c);
		size_t len = bad ? 1 : (size_t)(s - from);

		width += bad ? 1 : char_width(c);
		if (width > most || out + len > end) {
			memcpy(cut, dots, sizeof(dots));
			return;
		}
		memcpy(out, bad ? "?" : from, len);
		out += len;
		if (width < most)
			cut = out; /* the dots fit behind this one */
	}
	*out = '\0';
}

static void cell_text(const json_t *v, char *buf, size_t cap, int most)
{
	if (json_is_string(v))
		show_text(buf, cap, most, json_string_value(v));
	else if (json_is_boolean(v))
		snprintf(buf, cap, "%s", json_is_true(v) ? "yes" : "no");
	else if (json_is_integer(v))
		snprintf(buf, cap, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(buf, cap, "%.1f", json_real_value(v));
	else
		snprintf(buf, cap, "-");
	if (!*buf)
		snprintf(buf, cap, "-");
}

static unsigned choose_columns(const struct command *c, const json_t *rows,
			       const char *column[MAX_COLUMNS])
{
	unsigned n = 0;
	const char *key;
	json_t *value;

	if (c && c->columns) {
		while (n < MAX_COLUMNS && c->columns[n]) {
			column[n] = c->columns[n];
			n++;
		}
		return n;
	}
	json_object_foreach(json_array_get(rows, 0), key, value) {
		if (n < MAX_COLUMNS && !json_is_object(value) && !json_is_array(value))
			column[n++] = key;
	}
	return n;
}

static void print_padded(FILE *out, const char *text, int width, bool last)
{
	int pad = last ? 0 : width - text_width(text) + 2;

	fprintf(out, "%s%*s", text, pad > 0 ? pad : 0, "");
}

static void print_table(FILE *out, const struct command *c, const json_t *rows)
{
	const char *column[MAX_COLUMNS];
	unsigned n = choose_columns(c, rows, column);
	int width[MAX_COLUMNS];
	char cell[CELL];
	size_t i;
	json_t *row;

	for (unsigned k = 0; k < n; k++)
		width[k] = text_width(column[k]);
	json_array_foreach(rows, i, row) {
		for (unsigned k = 0; k < n; k++) {
			int w;

			cell_text(json_object_get(row, column[k]), cell, sizeof(cell),
				  CELL_COLUMNS);
			w = text_width(cell);
			if (w > width[k])
				width[k] = w;
		}
	}
	for (unsigned k = 0; k < n; k++)
		print_padded(out, column[k], width[k], k + 1 == n);
	fputc('\n', out);
	json_array_foreach(rows, i, row) {
		for (unsigned k = 0; k < n; k++) {
			cell_text(json_object_get(row, column[k]), cell, sizeof(cell),
				  CELL_COLUMNS);
			print_padded(out, cell, width[k], k + 1 == n);
		}
		fputc('\n', out);
	}
}

/* A text of several lines is printed as it is, but for what is hostile. */
static void print_text(FILE *out, const char *text)
{
	const char *from = text;
	int32_t c = '\n';

	while (*text) {
		from = text;
		c = next_char(&text);
		if (c == '\r' && *text == '\n')
			continue;
		if (is_hostile(c) && c != '\n' && c != '\t')
			fputc('?', out);
		else
			fwrite(from, 1, (size_t)(text - from), out);
	}
	if (c != '\n')
		fputc('\n', out);
}

static void print_object(FILE *out, const json_t *object, int indent)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		const char *text = json_string_value(value);
		char cell[1024];

		if (json_is_object(value)) {
			fprintf(out, "%*s%s\n", indent, "", key);
			print_object(out, value, indent + 2);
		} else if (text && strchr(text, '\n')) {
			print_text(out, text);
		} else {
			cell_text(value, cell, sizeof(cell), LINE_COLUMNS);
			fprintf(out, "%*s%-18s %s\n", indent, "", key, cell);
		}
	}
}

void cli_print(FILE *out, const struct command *command, const json_t *result)
{
	if (json_is_array(result) && !json_array_size(result))
		fprintf(out, "None.\n");
	else if (json_is_array(result))
		print_table(out, command, result);
	else
		print_object(out, result, 0);
}

/* The placeholder of an argument: its name in capitals. */
static const char *placeholder(const struct command_arg *a, char buf[32])
{
	size_t n = 0;

	for (; a->name[n] && n < 31; n++)
		buf[n] = (char)toupper((unsigned char)a->name[n]);
	buf[n] = '\0';
	return buf;
}

static void print_usage(FILE *out, const struct command *c)
{
	char name[32];

	fprintf(out, "  balai %s", c->name);
	for (const struct command_arg *a = c->arg; a < c->arg + COMMAND_MAX_ARGS && a->name; a++) {
		if (a->required)
			fprintf(out, " %s", placeholder(a, name));
		else if (a->type == ARG_FLAG)
			fprintf(out, " [--%s]", a->name);
		else
			fprintf(out, " [--%s %s]", a->name, a->type == ARG_NUMBER ? "N" :
				a->type == ARG_FILE ? "FILE" : "TEXT");
	}
	fprintf(out, "\n      %s.\n", c->help);
}

void cli_help(FILE *out, const struct command *command)
{
	if (!command) {
		for (const struct command *c = command_table; c->name; c++)
			print_usage(out, c);
		return;
	}
	print_usage(out, command);
	for (const struct command_arg *a = command->arg;
	     a < command->arg + COMMAND_MAX_ARGS && a->name; a++) {
		char name[32];

		fprintf(out, "      %s%-14s %s\n", a->required ? "" : "--",
			a->required ? placeholder(a, name) : a->name, a->help);
	}
}
