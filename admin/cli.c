/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/cli.h"

#include "admin/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

	if (a->type == ARG_TEXT) {
		value = json_string(word);
	} else if (a->type == ARG_FLAG) {
		value = json_true();
	} else {
		char *end;
		long long n = strtoll(word, &end, 10);

		if (!*word || *end)
			return fail(error, cap, "%s must be a number, not \"%s\"", a->name, word);
		value = json_integer(n);
	}
	if (!value)
		return fail(error, cap, "%s is not UTF-8 text", a->name);
	json_object_set_new(args, a->name, value);
	return 0;
}

static const struct command_arg *named(const struct command *c, const char *name)
{
	for (const struct command_arg *a = c->arg; a < c->arg + COMMAND_MAX_ARGS && a->name; a++) {
		if (!strcmp(a->name, name))
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

static int parse_words(const struct command *c, json_t *args, bool *json, int argc,
		       char *const *argv, char *error, size_t cap)
{
	for (int i = 0; i < argc; i++) {
		const struct command_arg *a;
		int err;

		if (!strcmp(argv[i], "--json")) {
			*json = true;
			continue;
		}
		if (!strncmp(argv[i], "--", 2)) {
			a = named(c, argv[i] + 2);
			if (!a)
				return fail(error, cap, "%s takes no %s; see `balai help %s`",
					    c->name, argv[i], c->name);
			if (a->type != ARG_FLAG && ++i == argc)
				return fail(error, cap, "--%s needs a value: %s", a->name, a->help);
		} else {
			a = next_open(c, args);
			if (!a)
				return fail(error, cap, "%s: \"%s\" is one word too many; see `balai help %s`",
					    c->name, argv[i], c->name);
		}
		err = add_arg(args, a, argv[i], error, cap);
		if (err)
			return err;
	}
	for (const struct command_arg *a = c->arg; a < c->arg + COMMAND_MAX_ARGS && a->name; a++) {
		if (a->required && !json_object_get(args, a->name))
			return fail(error, cap, "%s needs %s: %s", c->name, a->name, a->help);
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

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		data += n;
		len -= (size_t)n;
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

int cli_ask(const char *path, const char *command, json_t *args, json_t **result,
	    char *error, size_t cap)
{
	json_t *request = json_pack("{s:s, s:O}", "command", command, "args", args), *reply = NULL;
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL, *line = NULL;
	int fd, err = 0;

	json_decref(request);
	if (!text)
		return -ENOMEM;
	fd = connect_to(path, error, cap);
	if (fd < 0) {
		free(text);
		return fd;
	}
	if (!write_all(fd, text, strlen(text)) && !write_all(fd, "\n", 1))
		line = read_line(fd);
	close(fd);
	if (line)
		reply = json_loads(line, 0, NULL);
	if (!reply) {
		fail(error, cap, "balaid closed the connection without an answer; see its log");
		err = -EPIPE;
	} else if (!json_is_true(json_object_get(reply, "ok"))) {
		const char *why = json_string_value(json_object_get(reply, "error"));

		fail(error, cap, "%s", why ? why : "failed");
		err = -EINVAL;
	} else {
		*result = json_incref(json_object_get(reply, "result"));
	}
	json_decref(reply);
	free(line);
	free(text);
	return err;
}

/* ---- for people -------------------------------------------------------------------------------- */

enum { MAX_COLUMNS = 16, CELL = 64 };

static void cell_text(const json_t *v, char *buf, size_t cap)
{
	if (json_is_string(v))
		snprintf(buf, cap, "%s", json_string_value(v));
	else if (json_is_boolean(v))
		snprintf(buf, cap, "%s", json_is_true(v) ? "yes" : "no");
	else if (json_is_integer(v))
		snprintf(buf, cap, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(buf, cap, "%.1f", json_real_value(v));
	else
		snprintf(buf, cap, "-");
	/* Names come from peers: nothing that moves the cursor. */
	for (char *c = buf; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
}

/* Columns a UTF-8 text takes on a terminal. */
static int text_width(const char *s)
{
	mbstate_t state = { 0 };
	int width = 0;

	while (*s) {
		wchar_t wc;
		size_t n = mbrtowc(&wc, s, MB_CUR_MAX, &state);
		int w;

		if (n == (size_t)-1 || n == (size_t)-2)
			return width + (int)strlen(s);
		w = wcwidth(wc);
		width += w > 0 ? w : 0;
		s += n;
	}
	return width;
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

			cell_text(json_object_get(row, column[k]), cell, sizeof(cell));
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
			cell_text(json_object_get(row, column[k]), cell, sizeof(cell));
			print_padded(out, cell, width[k], k + 1 == n);
		}
		fputc('\n', out);
	}
}

/* A text of several lines is printed as it is, but for escape characters. */
static void print_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char ch = (unsigned char)*text;

		if (ch >= 0x20 || ch == '\n' || ch == '\t')
			fputc(ch == 0x7f ? '?' : ch, out);
		else if (ch != '\r')
			fputc('?', out);
	}
}

static void print_object(FILE *out, const json_t *object, int indent)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		const char *text = json_string_value(value);
		char cell[256];

		if (json_is_object(value)) {
			fprintf(out, "%*s%s\n", indent, "", key);
			print_object(out, value, indent + 2);
		} else if (text && strchr(text, '\n')) {
			print_text(out, text);
		} else {
			cell_text(value, cell, sizeof(cell));
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

static void print_usage(FILE *out, const struct command *c)
{
	fprintf(out, "  balai %s", c->name);
	for (const struct command_arg *a = c->arg; a < c->arg + COMMAND_MAX_ARGS && a->name; a++) {
		if (a->required)
			fprintf(out, " %s", a->name);
		else if (a->type == ARG_FLAG)
			fprintf(out, " [--%s]", a->name);
		else
			fprintf(out, " [--%s …]", a->name);
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
	     a < command->arg + COMMAND_MAX_ARGS && a->name; a++)
		fprintf(out, "      %s%-12s %s\n", a->required ? "  " : "--", a->name, a->help);
}
