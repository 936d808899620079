/* SPDX-License-Identifier: GPL-3.0-or-later
 * Writes a message into Sofia's log the way its transport does (tport_log_msg):
 * by the same format strings, line by line. ⟨sofia su_log⟩ */
#ifndef BALAI_TESTS_UNIT_TRACE_FEED_H
#define BALAI_TESTS_UNIT_TRACE_FEED_H

#include <sofia-sip/su_log.h>

#include <string.h>

#define FEED_RULE \
	"------------------------------------------------------------------------\n"

static inline void trace_feed(const char *stamp, const char *text, size_t len)
{
	const char *end = text + len, *p = text;

	su_log("%s   " FEED_RULE, stamp);
	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((eol ? eol : end) - p);

		if (n && p[n - 1] == '\r')
			n--;
		su_log("%s%.*s", "   ", (int)n, p);
		if (!eol)
			break;
		su_log("\n");
		p = eol + 1;
	}
	su_log("%s   " FEED_RULE, len && end[-1] != '\n' ? "\n" : "");
}

#endif
