/* SPDX-License-Identifier: GPL-3.0-or-later
 * The mistakes of a file: gathered, put in order and written at the end, and
 * the guess at what was meant. */
#include "conf/private.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void conf_say(struct conf_build *b, bool warning, unsigned line, unsigned element_line,
	      const char *fmt, ...)
{
	struct conf_message *m;
	va_list ap;
	char *text = NULL;
	int n;

	b->n_mistakes += !warning;
	if (b->n_messages == CONF_MAX_MESSAGES) {
		b->n_left_out++;
		return;
	}
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->error = -ENOMEM;
		return;
	}
	for (char *p = text; *p; p++) /* a message is one line, whatever was quoted */
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	m = &b->message[b->n_messages];
	*m = (struct conf_message){ line, element_line, b->n_messages, warning, text };
	b->n_messages++;
}

static int message_order(const void *pa, const void *pb)
{
	const struct conf_message *a = pa, *b = pb;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void conf_messages_flush(struct conf_build *b, FILE *errors)
{
	qsort(b->message, b->n_messages, sizeof(b->message[0]), message_order);
	for (unsigned i = 0; i < b->n_messages; i++) {
		struct conf_message *m = &b->message[i];

		if (errors)
			fprintf(errors, "%s:%u: %s%s\n", b->name, m->line,
				m->warning ? "warning: " : "", m->text);
		free(m->text);
	}
	if (errors && b->n_left_out)
		fprintf(errors, "%s: and %u more\n", b->name, b->n_left_out);
	b->n_messages = 0;
}

void *conf_alloc(struct conf_build *b, size_t n, size_t size)
{
	void *p = conf_tree_alloc(b->tree, n ? n : 1, size);

	if (!p)
		b->error = -ENOMEM;
	return p;
}

char *conf_strdup(struct conf_build *b, const char *s)
{
	size_t len = strlen(s) + 1;
	char *p = conf_alloc(b, len, 1);

	if (p)
		memcpy(p, s, len);
	return p;
}

/* ---- what was meant ------------------------------------------------------------ */

enum { WORD_MAX = 32 };

/* Edit distance without regard to case; neighbours swapped count once. */
static unsigned distance(const char *a, const char *b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			int x = tolower((unsigned char)a[i - 1]);
			int y = tolower((unsigned char)b[j - 1]);
			unsigned v = d[i - 1][j - 1] + (x != y);

			if (v > d[i - 1][j] + 1)
				v = d[i - 1][j] + 1;
			if (v > d[i][j - 1] + 1)
				v = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			    y == tolower((unsigned char)a[i - 2]) && v > d[i - 2][j - 2] + 1)
				v = d[i - 2][j - 2] + 1;
			d[i][j] = v;
		}
	return d[n][m];
}

const char *conf_suggest(const char *word, const char *const *names)
{
	const char *best = NULL;
	unsigned least = WORD_MAX, n_best = 0;

	for (; *names; names++) {
		unsigned d = distance(word, *names);
		size_t len = strlen(*names);

		/* at most a third of the word may differ */
		if (d > least || (d && d > (len + 1) / 3))
			continue;
		n_best = d == least ? n_best + 1 : 1;
		least = d;
		best = *names;
	}
	return n_best == 1 ? best : NULL;
}

const char *conf_instead(char *buf, size_t cap, const char *word, const char *const *names)
{
	const char *near = conf_suggest(word, names);
	size_t n = 0;

	if (near) {
		snprintf(buf, cap, ", did you mean \"%s\"?", near);
		return buf;
	}
	snprintf(buf, cap, ", write ");
	for (unsigned i = 0; names[i]; i++) {
		n = strlen(buf);
		snprintf(buf + n, cap - n, "%s%s",
			 !i ? "" : names[i + 1] ? ", " : " or ", names[i]);
	}
	return buf;
}
