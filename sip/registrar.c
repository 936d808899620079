/* SPDX-License-Identifier: GPL-3.0-or-later
 * See registrar.h. */
#include "sip/registrar.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BUCKETS = 1024, MAX_URI = 255, MAX_PATH = 1024 };

struct registrar {
	struct list bucket[BUCKETS]; /* by account; latest first */
	unsigned count;
};

static struct list *bucket_of(struct registrar *self, const char *account)
{
	uint32_t h = 2166136261u;

	for (; *account; account++)
		h = (h ^ (unsigned char)*account) * 16777619u;
	return &self->bucket[h % BUCKETS];
}

int registrar_new(struct registrar **out)
{
	struct registrar *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	for (size_t i = 0; i < BUCKETS; i++)
		list_init(&self->bucket[i]);
	*out = self;
	return 0;
}

static void binding_free(struct binding *b)
{
	if (!b)
		return;
	free(b->account);
	free(b->uri);
	free(b->instance);
	free(b->call_id);
	free(b->path);
	free(b->agent);
	free(b);
}

static void forget(struct registrar *self, struct binding *b)
{
	list_del(&b->link);
	self->count--;
	binding_free(b);
}

struct registrar *registrar_free(struct registrar *self)
{
	for (size_t i = 0; self && i < BUCKETS; i++)
		list_each_safe(l, &self->bucket[i])
			forget(self, list_entry(l, struct binding, link));
	free(self);
	return NULL;
}

/* ---- a request ------------------------------------------------------------------ */

/* RFC 5626 5.1: an instance that says reg-id replaces itself, whatever address
 * it has by now. */
static bool is_same(const struct binding *b, const char *account,
		    const struct registrar_contact *c)
{
	if (strcmp(b->account, account))
		return false;
	if (c->instance && c->reg_id && b->instance && b->reg_id)
		return b->reg_id == c->reg_id && !strcasecmp(b->instance, c->instance);
	return !strcasecmp(b->uri, c->uri);
}

static struct binding *find(struct registrar *self, const char *account,
			    const struct registrar_contact *c)
{
	list_each(l, bucket_of(self, account)) {
		struct binding *b = list_entry(l, struct binding, link);

		if (is_same(b, account, c))
			return b;
	}
	return NULL;
}

/* RFC 3261 10.3, step 7: requests of one phone that overtook each other. */
static bool is_older(const struct binding *b, const struct registrar_request *r)
{
	return !strcmp(b->call_id, r->call_id) && r->cseq <= b->cseq;
}

static int64_t expires_of(const struct registrar_request *r, const struct registrar_contact *c,
			  const struct registrar_limits *limits)
{
	int64_t s = c->expires_s >= 0 ? c->expires_s : r->expires_s >= 0 ? r->expires_s :
		    limits->default_s;

	return s > limits->max_s ? limits->max_s : s;
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static struct binding *binding_new(const char *account, const struct registrar_request *r,
				   const struct registrar_contact *c, int64_t expires_s)
{
	struct binding *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	list_init(&b->link);
	b->account = strdup(account);
	b->uri = strdup(c->uri);
	b->call_id = strdup(r->call_id);
	b->instance = copy(c->instance);
	b->path = copy(r->flow.path);
	b->agent = copy(r->flow.agent);
	b->reg_id = c->reg_id;
	b->cseq = r->cseq;
	b->q = c->q;
	b->transport = r->flow.transport;
	b->port = r->flow.port;
	b->direct = r->flow.direct;
	snprintf(b->address, sizeof(b->address), "%s", r->flow.address);
	snprintf(b->local, sizeof(b->local), "%s", r->flow.local);
	b->since_us = clock_us();
	b->until_us = b->since_us + expires_s * 1000000;
	if (!b->account || !b->uri || !b->call_id || (c->instance && !b->instance) ||
	    (r->flow.path && !b->path)) {
		binding_free(b);
		return NULL;
	}
	return b;
}

static int remove_all(struct registrar *self, const char *account,
		      const struct registrar_request *r)
{
	struct list *bucket = bucket_of(self, account);

	if (r->n_contacts || r->expires_s != 0)
		return 400;
	list_each(l, bucket) {
		struct binding *b = list_entry(l, struct binding, link);

		if (!strcmp(b->account, account) && is_older(b, r))
			return 500;
	}
	list_each_safe(l, bucket) {
		struct binding *b = list_entry(l, struct binding, link);

		if (!strcmp(b->account, account))
			forget(self, b);
	}
	return 200;
}

/* Whether all of it can be done; how many bindings there would be. */
static int judge(struct registrar *self, const char *account, const struct registrar_request *r,
		 const struct registrar_limits *limits)
{
	unsigned n = 0;

	if (r->n_contacts > REGISTRAR_CONTACTS)
		return 403;
	if (r->flow.path && strlen(r->flow.path) > MAX_PATH)
		return 400;
	for (const struct binding *b = NULL; (b = registrar_next(self, account, b)) != NULL; )
		n++;
	for (size_t i = 0; i < r->n_contacts; i++) {
		const struct registrar_contact *c = &r->contact[i];
		const struct binding *b = find(self, account, c);
		int64_t s = expires_of(r, c, limits);

		if (!*c->uri || strlen(c->uri) > MAX_URI)
			return 400;
		if (s && s < limits->min_s)
			return 423;
		if (b && is_older(b, r))
			return 500;
		n += s && !b;
	}
	return n > limits->max_bindings ? 403 : 200;
}

int registrar_update(struct registrar *self, const char *account,
		     const struct registrar_request *r, const struct registrar_limits *limits)
{
	struct binding *fresh[REGISTRAR_CONTACTS] = { NULL };
	int status;

	registrar_sweep(self, NULL, NULL);
	if (r->all)
		return remove_all(self, account, r);
	status = judge(self, account, r, limits);
	/* All memory first, so that it is everything or nothing. */
	for (size_t i = 0; status == 200 && i < r->n_contacts; i++) {
		int64_t s = expires_of(r, &r->contact[i], limits);

		if (s && !(fresh[i] = binding_new(account, r, &r->contact[i], s)))
			status = 500;
	}
	for (size_t i = 0; i < r->n_contacts && i < REGISTRAR_CONTACTS; i++) {
		struct binding *old = status == 200 ? find(self, account, &r->contact[i]) : NULL;

		if (old)
			forget(self, old);
		if (status == 200 && fresh[i]) {
			/* in front: the latest is found first */
			list_add(bucket_of(self, account)->next, &fresh[i]->link);
			self->count++;
		} else {
			binding_free(fresh[i]);
		}
	}
	return status;
}

/* ---- asking ------------------------------------------------------------------------ */

/* Whether `a` is to be called before `b`. */
static bool goes_before(const struct binding *a, const struct binding *b)
{
	if (a->q != b->q)
		return a->q > b->q;
	return a->since_us != b->since_us ? a->since_us > b->since_us : a < b;
}

const struct binding *registrar_next(struct registrar *self, const char *account,
				     const struct binding *after)
{
	const struct binding *best = NULL;
	int64_t now = clock_us();

	list_each(l, bucket_of(self, account)) {
		const struct binding *b = list_entry(l, struct binding, link);

		if (strcmp(b->account, account) || b->until_us <= now ||
		    (after && !goes_before(after, b)))
			continue;
		if (!best || goes_before(b, best))
			best = b;
	}
	return best;
}

const struct binding *registrar_each(struct registrar *self, const struct binding *after)
{
	const struct list *at = after ? after->link.next : self->bucket[0].next;
	size_t i = after ? (size_t)(bucket_of(self, after->account) - self->bucket) : 0;
	int64_t now = clock_us();

	for (;;) {
		while (at == &self->bucket[i]) {
			if (++i == BUCKETS)
				return NULL;
			at = self->bucket[i].next;
		}
		if (list_entry(at, const struct binding, link)->until_us > now)
			return list_entry(at, const struct binding, link);
		at = at->next;
	}
}

unsigned binding_left_s(const struct binding *binding)
{
	int64_t left = binding->until_us - clock_us();

	return left > 0 ? (unsigned)((left + 999999) / 1000000) : 0;
}

void registrar_sweep(struct registrar *self, bool (*known)(void *arg, const char *account),
		     void *arg)
{
	int64_t now = clock_us();

	for (size_t i = 0; i < BUCKETS; i++)
		list_each_safe(l, &self->bucket[i]) {
			struct binding *b = list_entry(l, struct binding, link);

			if (b->until_us <= now || (known && !known(arg, b->account)))
				forget(self, b);
		}
}

unsigned registrar_count(const struct registrar *self)
{
	return self->count;
}
