/* SPDX-License-Identifier: GPL-3.0-or-later
 * The log: one line per state change, `key=value`, to stderr.
 *
 * error: someone must act; warning: something was wrong and was handled; info:
 * a state change; debug: for a developer. Never a secret, never per packet.
 * Any thread. */
#ifndef BALAI_BASE_LOG_H
#define BALAI_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
enum log_level log_level(void);

/* "error", "warning", "info", "debug" to a level; -EINVAL otherwise. */
int log_level_parse(enum log_level *out, const char *name);

/* True when stderr leads to systemd's journal (JOURNAL_STREAM, systemd.exec(5)): lines
 * begin with their priority from now on, sd-daemon(3), so that `journalctl -p err` finds
 * them, and leave the time to the journal. */
bool log_find_journal(void);

/* Writes one line: time, level, message. Line breaks and control characters
 * in the message are written as '?', so that a hostile name cannot forge one. */
void log_write(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) \
	do { \
		if (log_level() >= LOG_LEVEL_DEBUG) \
			log_write(LOG_LEVEL_DEBUG, __VA_ARGS__); \
	} while (0)

#endif
