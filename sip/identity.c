/* SPDX-License-Identifier: GPL-3.0-or-later
 * See identity.h. */
#include "sip/identity.h"

#include "sip/span.h"

#include <stdio.h>

enum { RANK_NONE, RANK_PREFERRED, RANK_PARTY, RANK_ASSERTED };

/* One element of a list: "Name" <uri>;params, or uri;params. */
struct element {
	struct span name, uri, params;
};

/* The length of a quoted string with its quotes; 0: it has no end. */
static size_t quoted(struct span s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return 0;
}

/* Takes all up to one of `ends` off the front, not looking into quotes. */
static struct span take_until(struct span *s, const char *ends)
{
	struct span head = { s->p, 0 };

	while (head.len < s->len && !strchr(ends, s->p[head.len])) {
		size_t q = 1;

		if (s->p[head.len] == '"') {
			q = quoted((struct span){ s->p + head.len, s->len - head.len });
			if (!q)
				q = s->len - head.len;
		}
		head.len += q;
	}
	s->p += head.len;
	s->len -= head.len;
	return head;
}

/* The next element off the front of a list; false at its end. */
static bool next_element(struct span *list, struct element *out)
{
	struct span rest;

	do {
		*list = span_trim(*list);
		if (list->len && *list->p != ',')
			break;
		if (list->len)
			span_cut(list, ',');
	} while (list->len);
	if (!list->len)
		return false;
	memset(out, 0, sizeof(*out));
	rest = take_until(list, "<,");
	if (list->len && *list->p == '<') {
		out->name = span_trim(rest);
		span_cut(list, '<');
		out->uri = span_trim(span_cut(list, '>'));
		out->params = take_until(list, ",");
	} else {
		/* Without brackets, what follows a ; is the header's (RFC 3261 20). */
		out->uri = span_trim(span_cut(&rest, ';'));
		out->params = rest;
	}
	span_cut(list, ',');
	return true;
}

/* A parameter's value; false: it is not there. */
static bool param(struct span params, const char *name, struct span *value)
{
	while (params.len) {
		struct span p = span_trim(take_until(&params, ";")), key;

		span_cut(&params, ';');
		key = span_trim(span_cut(&p, '='));
		if (key.len && span_is(key, name)) {
			*value = span_trim(p);
			if (value->len >= 2 && value->p[0] == '"' && value->p[value->len - 1] == '"') {
				value->p++;
				value->len -= 2;
			}
			return true;
		}
	}
	return false;
}

/* ---- addresses ----------------------------------------------------------------------- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False: too long, or with characters that could forge a line or end a string. */
static bool unescape(char *buf, size_t cap, struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '%' && i + 2 < s.len && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
			c = (unsigned char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
			i += 2;
		}
		if (c < ' ' || c == 0x7f || n + 1 >= cap)
			return false;
		buf[n++] = (char)c;
	}
	buf[n] = '\0';
	return true;
}

struct address {
	char user[IDENTITY_USER];
	char host[128];
	bool telephone;
};

/* sip:, sips: and tel: URIs. A number's visual separators go (RFC 3966 5.1.1). */
static bool parse_address(struct span uri, struct address *out)
{
	struct span scheme = span_cut(&uri, ':'), user, host;

	out->telephone = span_is(scheme, "tel");
	out->user[0] = out->host[0] = '\0';
	if (!out->telephone && !span_is(scheme, "sip") && !span_is(scheme, "sips"))
		return false;
	if (out->telephone) {
		size_t n = 0;

		if (!unescape(out->user, sizeof(out->user), span_cut(&uri, ';')))
			return false;
		for (const char *p = out->user; *p; p++)
			if (!strchr("-.() ", *p))
				out->user[n++] = *p;
		out->user[n] = '\0';
		return n > 0;
	}
	uri = span_cut(&uri, '?');
	host = uri;
	user = span_cut(&host, '@');
	if (user.len == uri.len) {
		host = user;
		user.len = 0;
	}
	user = span_cut(&user, ':'); /* a password is nobody's name */
	host = span_cut(&host, ';');
	if (host.len && *host.p == '[')
		host.len = memchr(host.p, ']', host.len) ?
			   (size_t)((const char *)memchr(host.p, ']', host.len) - host.p) + 1 : 0;
	else
		host = span_cut(&host, ':');
	return host.len && unescape(out->user, sizeof(out->user), span_cut(&user, ';')) &&
	       unescape(out->host, sizeof(out->host), host);
}

/* A display name without its quotes; cut where it is too long. */
static void copy_name(char *buf, size_t cap, struct span s)
{
	bool in = s.len >= 2 && s.p[0] == '"';
	size_t n = 0;

	for (size_t i = in; i < s.len && n + 1 < cap; i++) {
		if (in && s.p[i] == '"')
			break;
		if (in && s.p[i] == '\\' && i + 1 < s.len)
			i++;
		if (s.p[i])
			buf[n++] = s.p[i];
	}
	buf[n] = '\0';
}

/* ---- who calls ------------------------------------------------------------------------- */

static void take(struct identity *self, int rank, const struct element *e)
{
	struct address a;

	if (!parse_address(e->uri, &a)) {
		self->dropped++;
		return;
	}
	/* The first of the best header; a SIP URI may stand behind a telephone
	 * number of the same person (RFC 3325 section 9.1). */
	if (rank < self->rank || (rank == self->rank && !(self->telephone && !a.telephone)))
		return;
	if (rank > self->rank)
		self->name[0] = '\0';
	self->found = true;
	self->rank = rank;
	self->telephone = a.telephone;
	snprintf(self->uri, sizeof(self->uri), "%s%s%s", a.user, a.user[0] && a.host[0] ? "@" : "",
		 a.host);
	if (e->name.len)
		copy_name(self->name, sizeof(self->name), e->name);
}

static void add_identity(struct identity *self, int rank, struct span list)
{
	struct element e;
	unsigned n = 0;

	/* One of each scheme is all that is allowed. */
	while (n++ < 4 && next_element(&list, &e))
		take(self, rank, &e);
}

static void add_party(struct identity *self, struct span list, bool called)
{
	struct element e;
	struct span v;
	unsigned n = 0;

	while (n++ < 4 && next_element(&list, &e)) {
		if (param(e.params, "party", &v) && !span_is(v, called ? "called" : "calling"))
			continue;
		if (param(e.params, "screen", &v) && span_is(v, "no"))
			continue; /* the exchange itself does not believe it */
		if (param(e.params, "privacy", &v) && !span_is(v, "off") && !span_is(v, "none"))
			self->anonymous = true;
		take(self, RANK_PARTY, &e);
	}
}

static void add_privacy(struct identity *self, struct span list)
{
	while (list.len) {
		struct span one = span_cut(&list, ',');

		while (one.len) {
			struct span word = span_trim(span_cut(&one, ';'));

			if (span_is(word, "id") || span_is(word, "user"))
				self->anonymous = true;
		}
	}
}

/* ---- which way the call took ---------------------------------------------------------------- */

static bool same_user(const char *a, const char *b)
{
	return !strcasecmp(a, b);
}

/* A proxy that only sent it to another place wrote the same number again. */
static void add_history(struct identity *self, struct span list)
{
	struct element e;
	struct address a;

	while (next_element(&list, &e)) {
		if (self->n_history >= IDENTITY_MAX_ENTRIES || !parse_address(e.uri, &a) || !a.user[0]) {
			self->dropped++;
			continue;
		}
		if (self->n_history && same_user(self->history[2], a.user))
			continue;
		if (self->n_history++ == 0)
			memcpy(self->history[0], a.user, sizeof(a.user));
		memcpy(self->history[1], self->history[2], sizeof(a.user));
		memcpy(self->history[2], a.user, sizeof(a.user));
	}
}

/* The one that sent it on last stands first (RFC 5806 section 6). */
static void add_diversion(struct identity *self, struct span list)
{
	struct element e;
	struct address a;

	while (next_element(&list, &e)) {
		if (self->n_diversion >= IDENTITY_MAX_ENTRIES || !parse_address(e.uri, &a) || !a.user[0]) {
			self->dropped++;
			continue;
		}
		if (self->n_diversion++ == 0)
			memcpy(self->diversion[0], a.user, sizeof(a.user));
		memcpy(self->diversion[1], a.user, sizeof(a.user));
	}
}

void identity_add(struct identity *self, const char *name, const char *value, bool called)
{
	struct span key = span_of(name), text = span_of(value);

	if (text.len > IDENTITY_MAX_BYTES) {
		self->dropped++;
		return;
	}
	if (span_is(key, "P-Asserted-Identity"))
		add_identity(self, RANK_ASSERTED, text);
	else if (span_is(key, "P-Preferred-Identity"))
		add_identity(self, RANK_PREFERRED, text);
	else if (span_is(key, "Remote-Party-ID"))
		add_party(self, text, called);
	else if (span_is(key, "Privacy"))
		add_privacy(self, text);
	else if (span_is(key, "History-Info"))
		add_history(self, text);
	else if (span_is(key, "Diversion"))
		add_diversion(self, text);
}

void identity_finish(struct identity *self, const char *dialled)
{
	const char *original = NULL, *diverted = NULL;

	if (self->n_history) {
		/* The last entry is where the call is now, unless who sent it on did
		 * not write that one. */
		bool here = same_user(self->history[2], dialled);

		original = self->history[0];
		diverted = here ? self->history[1] : self->history[2];
		if (here && self->n_history < 2)
			original = diverted = NULL;
	}
	if (!original && self->n_diversion) {
		original = self->diversion[1];
		diverted = self->diversion[0];
	}
	snprintf(self->original, sizeof(self->original), "%s", original ? original : "");
	snprintf(self->diverted, sizeof(self->diverted), "%s", diverted ? diverted : "");
}

/* ---- Session-ID ---------------------------------------------------------------------------- */

static bool parse_uuid(struct span s, char out[33])
{
	if (s.len != 32)
		return false;
	for (size_t i = 0; i < 32; i++) {
		if (hex(s.p[i]) < 0)
			return false;
		out[i] = s.p[i] >= 'A' && s.p[i] <= 'F' ? (char)(s.p[i] | 0x20) : s.p[i];
	}
	out[32] = '\0';
	return true;
}

bool session_id_parse(const char *value, char own[33], char other[33])
{
	struct span rest = span_of(value), head, v;

	own[0] = other[0] = '\0';
	if (rest.len > 512)
		return false;
	head = span_trim(span_cut(&rest, ';'));
	if (!parse_uuid(head, own))
		return false;
	/* The older form (RFC 7329) has no `remote`. */
	if (param(rest, "remote", &v) && !parse_uuid(v, other)) {
		own[0] = '\0';
		return false;
	}
	return true;
}
