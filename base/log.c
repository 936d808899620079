/* SPDX-License-Identifier: GPL-3.0-or-later
 * The log: each line is one write(2), so that lines of threads never mix. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = { "error", "warning", "info", "debug" };
static _Atomic int current = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	atomic_store(&current, (int)level);
}

enum log_level log_level(void)
{
	return (enum log_level)atomic_load_explicit(&current, memory_order_relaxed);
}

int log_level_parse(enum log_level *out, const char *name)
{
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i], name)) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	struct timespec ts;
	struct tm tm;
	va_list ap;
	size_t head, len;
	int n;

	if (level > log_level())
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	head = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
	head += (size_t)snprintf(line + head, sizeof(line) - head, ".%03ldZ %s ",
				 ts.tv_nsec / 1000000, names[level]);
	va_start(ap, fmt);
	n = vsnprintf(line + head, sizeof(line) - head - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	len = head + (size_t)n;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	for (size_t i = head; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c < 0x20 || c == 0x7f)
			line[i] = '?';
	}
	line[len++] = '\n';
	while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
		;
}
