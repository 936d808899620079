/* SPDX-License-Identifier: GPL-3.0-or-later
 * See ua_trace.h. Sofia writes a message in pieces: a line that begins it, the
 * lines of the message, a line that ends it; the format strings tell which is
 * which, so that nothing in a message can pass for its end. ⟨sofia su_log⟩ */
#include "sip/ua_trace.h"

#include "base/clock.h"
#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <sofia-sip/su_log.h>

enum { MAX_CAPTURE = 192 * 1024, BUCKETS = 256 };

struct message {
	struct list link;
	int64_t wall_us;
	bool sent;
	char proto[8], peer[72];
	unsigned bytes; /* on the wire */
	const char *call_id; /* inside text, not terminated */
	size_t call_id_len, len;
	char text[];
};

static struct {
	unsigned users;
	struct list bucket[BUCKETS];
	struct list orphans;
	size_t orphan_bytes, all_bytes;
	unsigned n_orphans;
	uint64_t dropped, bad;
	/* the message being written */
	bool in_message, line_start, cut;
	char stamp[160];
	char *buf;
	size_t len;
	/* a line of the rest of the log */
	char line[512];
	size_t line_len;
} store;

static struct list *bucket_of(const char *call_id, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)call_id[i]) * 16777619u;
	return &store.bucket[h % BUCKETS];
}

/* ---- keeping ------------------------------------------------------------------- */

static size_t message_size(const struct message *m)
{
	return sizeof(*m) + m->len;
}

static void message_free(struct message *m)
{
	list_del(&m->link);
	free(m);
}

static void drop_oldest(struct trace *t)
{
	struct message *m = list_entry(t->messages.next, struct message, link);

	t->bytes -= message_size(m);
	store.all_bytes -= message_size(m);
	t->count--;
	t->dropped++;
	store.dropped++;
	message_free(m);
}

static void keep(struct trace *t, struct message *m)
{
	size_t size = message_size(m);

	while (t->count && (t->count >= TRACE_MESSAGES || t->bytes + size > TRACE_BYTES ||
			    store.all_bytes + size > TRACE_ALL_BYTES))
		drop_oldest(t);
	if (size > TRACE_BYTES || store.all_bytes + size > TRACE_ALL_BYTES) {
		t->dropped++;
		store.dropped++;
		free(m);
		return;
	}
	list_add(&t->messages, &m->link);
	t->count++;
	t->bytes += size;
	store.all_bytes += size;
}

static void orphan_free(struct message *m)
{
	store.orphan_bytes -= message_size(m);
	store.n_orphans--;
	message_free(m);
}

/* Not counted as dropped: most are OPTIONS, which belong to no call. */
static void keep_orphan(struct message *m)
{
	while (store.n_orphans && (store.n_orphans >= TRACE_ORPHANS ||
				   store.orphan_bytes + message_size(m) > TRACE_ORPHAN_BYTES))
		orphan_free(list_entry(store.orphans.next, struct message, link));
	list_add(&store.orphans, &m->link);
	store.n_orphans++;
	store.orphan_bytes += message_size(m);
}

static bool same_id(const struct message *m, const char *call_id)
{
	return strlen(call_id) == m->call_id_len &&
	       !memcmp(call_id, m->call_id, m->call_id_len);
}

void trace_init(struct trace *self, const char *call_id)
{
	self->call_id = call_id;
	self->bytes = 0;
	self->count = self->dropped = 0;
	list_init(&self->messages);
	list_add(bucket_of(call_id, strlen(call_id)), &self->link);
	list_each_safe(l, &store.orphans) {
		struct message *m = list_entry(l, struct message, link);

		if (!same_id(m, call_id))
			continue;
		store.orphan_bytes -= message_size(m);
		store.n_orphans--;
		list_del(&m->link);
		keep(self, m);
	}
}

void trace_fini(struct trace *self)
{
	list_each_safe(l, &self->messages) {
		struct message *m = list_entry(l, struct message, link);

		store.all_bytes -= message_size(m);
		message_free(m);
	}
	list_del(&self->link);
}

/* ---- taking ---------------------------------------------------------------------- */

/* The value of a header field at the start of a line, long or compact name. */
static const char *header_of(const char *text, size_t len, const char *name, char compact,
			     size_t *out_len)
{
	const char *end = text + len;
	size_t n = strlen(name);

	for (const char *p = text; p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		const char *stop = eol ? eol : end, *v = NULL;

		if (p == stop)
			return NULL; /* end of the header */
		if ((size_t)(stop - p) > n && !strncasecmp(p, name, n))
			v = p + n;
		else if (tolower((unsigned char)*p) == compact)
			v = p + 1;
		while (v && v < stop && (*v == ' ' || *v == '\t'))
			v++;
		if (v && v < stop && *v == ':') {
			for (v++; v < stop && (*v == ' ' || *v == '\t');)
				v++;
			while (stop > v && (unsigned char)stop[-1] <= ' ')
				stop--;
			*out_len = (size_t)(stop - v);
			return v;
		}
		p = eol ? eol + 1 : end;
	}
	return NULL;
}

static void mask(char *from, const char *stop, const char *ends)
{
	for (; from < stop && !strchr(ends, *from); from++)
		*from = '*';
}

/* "response" of Digest (RFC 7616 section 3.4): from it and the rest of its header
 * passwords can be guessed, at any speed. As a parameter only, so that nothing
 * else ends in the word; quoted or not, on lines that are continued too. */
static void mask_response(char *from, const char *stop)
{
	static const char name[] = "response";

	for (char *p = from; p < stop; p++) {
		char *v = p + sizeof(name) - 1;

		if ((size_t)(stop - p) < sizeof(name) || strncasecmp(p, name, sizeof(name) - 1) ||
		    (p > from && !strchr(" \t\r\n,", p[-1])))
			continue;
		while (v < stop && strchr(" \t\r\n", *v))
			v++;
		if (v == stop || *v != '=')
			continue;
		for (v++; v < stop && strchr(" \t\r\n", *v);)
			v++;
		if (v < stop && *v == '"')
			mask(v + 1, stop, "\"\r\n");
		else
			mask(v, stop, ", \t\r\n");
	}
}

/* The end of the header field that begins here, with the lines that continue it. */
static char *field_end(char *p, char *end)
{
	while (p < end) {
		char *eol = memchr(p, '\n', (size_t)(end - p));

		if (!eol)
			return end;
		p = eol + 1;
		if (p == end || (*p != ' ' && *p != '\t'))
			return p;
	}
	return end;
}

static void mask_credentials(char *text, size_t len)
{
	static const char *const names[] = { "authorization", "proxy-authorization" };
	char *end = text + len;

	for (char *p = text; p < end && *p != '\n';) {
		char *next = field_end(p, end);

		for (unsigned i = 0; i < 2; i++) {
			size_t n = strlen(names[i]);

			if ((size_t)(next - p) > n && !strncasecmp(p, names[i], n) &&
			    strchr(": \t", p[n]))
				mask_response(p + n, next);
		}
		p = next;
	}
}

/* RFC 4568 keys: what stands behind each "inline:", in whatever line, up to the
 * lifetime or the next blank. And ICE passwords (RFC 8839 5.4): who knows one can
 * send media elsewhere. */
static void mask_keys(char *text, size_t len)
{
	static const char pwd[] = "a=ice-pwd:";
	char *end = text + len;

	for (char *p = text; p < end; p++) {
		if ((size_t)(end - p) > 7 && !strncasecmp(p, "inline:", 7))
			mask(p + 7, end, "|; \t\r\n");
		else if ((size_t)(end - p) > sizeof(pwd) - 1 &&
			 !strncasecmp(p, pwd, sizeof(pwd) - 1))
			mask(p + sizeof(pwd) - 1, end, "\r\n");
	}
}

static void take(void)
{
	char what[8], peer[64];
	unsigned bytes, port;
	struct message *m;
	size_t id_len;
	const char *id;

	m = malloc(sizeof(*m) + store.len + 1);
	if (!m)
		return;
	*m = (struct message){ .wall_us = clock_wall_us(), .len = store.len };
	list_init(&m->link);
	memcpy(m->text, store.buf, store.len);
	m->text[store.len] = 0;
	if (sscanf(store.stamp, "%7s %u bytes %*s %7[^/]/[%63[^]]]:%u", what, &bytes, m->proto,
		   peer, &port) != 5) {
		free(m);
		return;
	}
	m->sent = !strcmp(what, "send") || !strcmp(what, "sent");
	m->bytes = bytes;
	snprintf(m->peer, sizeof(m->peer), "%s", peer);
	snprintf(m->peer + strlen(m->peer), sizeof(m->peer) - strlen(m->peer), " %u", port);
	id = header_of(m->text, m->len, "call-id", 'i', &id_len);
	if (!id || !id_len) {
		free(m);
		return;
	}
	m->call_id = id;
	m->call_id_len = id_len;
	mask_keys(m->text, m->len);
	mask_credentials(m->text, m->len);
	list_each(l, bucket_of(id, id_len)) {
		struct trace *t = list_entry(l, struct trace, link);

		if (same_id(m, t->call_id)) {
			keep(t, m);
			return;
		}
	}
	keep_orphan(m);
}

__attribute__((format(printf, 1, 0)))
static void message_piece(const char *fmt, va_list ap)
{
	size_t left = MAX_CAPTURE - store.len, skip;
	char *at = store.buf + store.len;
	int n = vsnprintf(at, left, fmt, ap);

	if (n < 0)
		return;
	if ((size_t)n >= left) {
		store.cut = true;
		n = left ? (int)left - 1 : 0;
	}
	/* Each line is indented by three blanks. */
	skip = store.line_start && n >= 3 && !memcmp(at, "   ", 3) ? 3 : 0;
	memmove(at, at + skip, (size_t)n - skip);
	store.len += (size_t)n - skip;
	if (n)
		store.line_start = (size_t)n > skip && at[(size_t)n - skip - 1] == '\n';
}

/* What Sofia says of a message that it drops or refuses because it is broken. */
static bool tells_of_bad(const char *line)
{
	static const char *const words[] = {
		"garbage", "Bad message", "failed sanity check", "has bad", "has invalid",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(line, words[i]))
			return true;
	return false;
}

__attribute__((format(printf, 1, 0)))
static void rest_of_log(const char *fmt, va_list ap)
{
	size_t left = sizeof(store.line) - store.line_len;
	char *eol;
	int n;

	n = vsnprintf(store.line + store.line_len, left, fmt, ap);
	if (n < 0)
		return;
	store.line_len += (size_t)n < left ? (size_t)n : left - 1;
	eol = strchr(store.line, '\n');
	if (eol || store.line_len + 1 >= sizeof(store.line)) {
		if (eol)
			*eol = 0;
		store.bad += tells_of_bad(store.line);
		log_debug("sofia: %s", store.line);
		store.line_len = 0;
		store.line[0] = 0;
	}
}

__attribute__((format(printf, 2, 0)))
static void on_log(void *stream, const char *fmt, va_list ap)
{
	(void)stream;
	if (!fmt)
		return;
	if (!strncmp(fmt, "%s   --------", 13)) {
		if (!store.in_message) {
			vsnprintf(store.stamp, sizeof(store.stamp), fmt, ap);
			store.len = 0;
			store.line_start = true;
		} else if (store.len) {
			take();
		}
		store.in_message = !store.in_message;
	} else if (store.in_message) {
		message_piece(fmt, ap);
	} else {
		rest_of_log(fmt, ap);
	}
}

void trace_start(void)
{
	extern su_log_t nua_log[], nta_log[], tport_log[], nea_log[], su_log_default[];
	su_log_t *const logs[] = { su_log_default, nua_log, nta_log, tport_log, nea_log };
	unsigned debug = log_level() >= LOG_LEVEL_DEBUG ? 5 : 0;

	if (store.users++)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		list_init(&store.bucket[i]);
	list_init(&store.orphans);
	store.buf = malloc(MAX_CAPTURE);
	if (!store.buf) {
		log_warning("sip: no memory for message traces");
		return;
	}
	su_log_redirect(su_log_default, on_log, NULL);
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++)
		/* These two tell of broken messages, which are counted. */
		su_log_set_level(logs[i], logs[i] == nta_log || logs[i] == tport_log ? 5 : debug);
}

static void no_log(void *stream, const char *fmt, va_list ap)
{
	(void)stream;
	(void)fmt;
	(void)ap;
}

void trace_stop(void)
{
	extern su_log_t su_log_default[];

	if (--store.users)
		return;
	su_log_redirect(su_log_default, no_log, NULL);
	while (store.n_orphans)
		orphan_free(list_entry(store.orphans.next, struct message, link));
	free(store.buf);
	store.buf = NULL;
	store.in_message = false;
}

uint64_t trace_dropped(void)
{
	return store.dropped;
}

uint64_t trace_bad(void)
{
	return store.bad;
}

/* ---- giving ------------------------------------------------------------------------ */

int trace_received_by(const struct trace *self, const char *method,
		      enum conf_transport *transport, char *address, size_t cap)
{
	size_t n = strlen(method);

	for (struct list *l = self->messages.prev; l != &self->messages; l = l->prev) {
		struct message *m = list_entry(l, struct message, link);

		if (m->sent || m->len <= n || memcmp(m->text, method, n) || m->text[n] != ' ')
			continue;
		*transport = !strcasecmp(m->proto, "tls") ? CONF_TLS :
			     !strcasecmp(m->proto, "tcp") ? CONF_TCP : CONF_UDP;
		snprintf(address, cap, "%.*s", (int)strcspn(m->peer, " "), m->peer);
		return 0;
	}
	return -ENOENT;
}

int trace_write(const struct trace *self, FILE *out)
{
	if (self->dropped)
		fprintf(out, "(%u older messages were not kept)\n\n", self->dropped);
	list_each(l, &self->messages) {
		const struct message *m = list_entry(l, struct message, link);
		time_t s = (time_t)(m->wall_us / 1000000);
		struct tm tm;
		char when[32];

		gmtime_r(&s, &tm);
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
		fprintf(out, "%s.%03dZ %s %s %s, %u bytes\n", when,
			(int)(m->wall_us / 1000 % 1000), m->sent ? "to" : "from", m->proto,
			m->peer, m->bytes);
		fwrite(m->text, 1, m->len, out);
		fputs(m->len && m->text[m->len - 1] == '\n' ? "\n" : "\n\n", out);
	}
	return ferror(out) ? -EIO : 0;
}

unsigned trace_each(const struct trace *self, unsigned first,
		    void (*fn)(void *arg, const struct call_message *message), void *arg)
{
	unsigned number = self->dropped;

	list_each(l, &self->messages) {
		const struct message *m = list_entry(l, struct message, link);
		struct call_message c = { .wall_us = m->wall_us, .sent = m->sent, .text = m->text,
					  .len = m->len };
		size_t n = strcspn(m->peer, " ");
		char peer[sizeof(m->peer)];

		if (number++ < first)
			continue;
		snprintf(peer, sizeof(peer), "%.*s", (int)n, m->peer);
		c.peer = peer;
		c.peer_port = (uint16_t)strtoul(m->peer + n, NULL, 10);
		fn(arg, &c);
	}
	return number;
}
