/* SPDX-License-Identifier: GPL-3.0-or-later
 * Calls and their states: who may do what when. The protocol rooms report what
 * happened, the MC asks for what it wants, and here it is checked that both
 * keep to the order call.h promises. */
#include "mcu/mc/call.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum { MAX_DIALLERS = 4 };

struct call_center {
	struct list calls;
	unsigned n_calls, most;
	const struct call_handler *handler;
	void *arg;
	struct call_dialler dialler[MAX_DIALLERS];
	unsigned n_diallers;
};

/* The public call stands first, so that a hold or drop of it is one of this. */
struct call_box {
	struct call call;
	void (*fini)(struct call *call);
};

int call_center_new(struct call_center **out, const struct call_handler *handler, void *arg)
{
	struct call_center *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	list_init(&self->calls);
	self->most = UINT_MAX;
	self->handler = handler;
	self->arg = arg;
	*out = self;
	return 0;
}

struct call_center *call_center_free(struct call_center *self)
{
	if (self) {
		assert(list_empty(&self->calls));
		free(self);
	}
	return NULL;
}

struct list *call_center_calls(struct call_center *self)
{
	return &self->calls;
}

unsigned call_center_count(const struct call_center *self)
{
	return self->n_calls;
}

void call_center_set_limit(struct call_center *self, unsigned most)
{
	self->most = most;
}

bool call_center_full(const struct call_center *self)
{
	return call_center_full_to(self, false);
}

bool call_center_full_to(const struct call_center *self, bool replaces)
{
	return replaces ? self->n_calls > self->most : self->n_calls >= self->most;
}

struct call *call_center_find(struct call_center *self, const char *id)
{
	list_each(l, &self->calls) {
		struct call *call = list_entry(l, struct call, link);

		if (!strcmp(call->id, id))
			return call;
	}
	return NULL;
}

/* ---- a call ------------------------------------------------------------------ */

static void call_fini(void *self)
{
	struct call_box *box = (struct call_box *)self;

	assert(box->call.state == CALL_ENDED);
	if (box->fini)
		box->fini(&box->call);
}

/* Short enough to be typed, and not to be guessed from the one before. */
static void call_name(struct call *self)
{
	uint32_t random;

	do {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			random = (uint32_t)clock_us();
		snprintf(self->id, sizeof(self->id), "%08x", random);
	} while (call_center_find(self->center, self->id));
}

int call_new(struct call **out, struct call_center *center, const struct call_ops *ops,
	     bool outgoing, void (*fini)(struct call *call))
{
	struct call_box *box = ref_new(sizeof(*box), call_fini);

	if (!box)
		return -ENOMEM;
	box->fini = fini;
	box->call.ops = ops;
	box->call.outgoing = outgoing;
	box->call.center = center;
	box->call.state = outgoing ? CALL_DIALLING : CALL_OFFERED;
	box->call.ours_open = outgoing;
	box->call.started_us = clock_us();
	call_name(&box->call);
	list_add(&center->calls, &box->call.link);
	center->n_calls++;
	*out = &box->call;
	return 0;
}

/* ---- from the protocol room --------------------------------------------------- */

void call_offered(struct call *self, const struct media_desc *offer)
{
	assert(self->state == CALL_OFFERED && !self->offer_open && !self->outgoing);
	self->offer_open = true;
	self->delayed = !offer;
	self->center->handler->offered(self->center->arg, self, offer);
}

void call_answered(struct call *self, const struct media_desc *answer)
{
	assert(self->state != CALL_ENDED && self->ours_open);
	assert(answer || self->state == CALL_CONNECTED);
	self->ours_open = false;
	self->center->handler->answered(self->center->arg, self, answer);
}

void call_connected(struct call *self)
{
	assert(self->state == CALL_OFFERED || self->state == CALL_DIALLING);
	assert(!self->offer_open);
	self->state = CALL_CONNECTED;
	self->connected_us = clock_us();
	self->center->handler->connected(self->center->arg, self);
}

void call_updated(struct call *self, const struct media_desc *offer)
{
	assert(self->state == CALL_CONNECTED && !self->offer_open && !self->ours_open);
	self->offer_open = true;
	self->delayed = !offer;
	self->center->handler->updated(self->center->arg, self, offer);
}

void call_withdrawn(struct call *self)
{
	assert(self->state == CALL_CONNECTED && self->offer_open);
	self->offer_open = self->delayed = false;
}

void call_dtmf(struct call *self, char key)
{
	assert(self->state != CALL_ENDED);
	self->center->handler->dtmf(self->center->arg, self, key);
}

void call_key_wanted(struct call *self)
{
	assert(self->state != CALL_ENDED);
	self->center->handler->key_wanted(self->center->arg, self);
}

void call_ended(struct call *self, int status, const char *reason)
{
	assert(self->state != CALL_ENDED);
	self->state = CALL_ENDED;
	self->offer_open = self->ours_open = false;
	list_del(&self->link);
	self->center->n_calls--;
	self->center->handler->ended(self->center->arg, self, status, reason ? reason : "");
}

int call_refer(struct call *self, const struct call_refer *refer)
{
	const struct call_handler *h = self->center->handler;

	assert(self->state == CALL_CONNECTED);
	return h->refer ? h->refer(self->center->arg, self, refer) : 603;
}

void call_transferred(struct call *self, int status, const char *reason)
{
	assert(self->state != CALL_ENDED);
	if (self->center->handler->transferred)
		self->center->handler->transferred(self->center->arg, self, status, reason);
}

void call_renamed(struct call *self)
{
	assert(self->state != CALL_ENDED);
	if (self->center->handler->renamed)
		self->center->handler->renamed(self->center->arg, self);
}

/* ---- from the MC --------------------------------------------------------------- */

/* Their offer was dealt with; where they had asked for ours, that is now open. */
static int offer_close(struct call *self, int err, bool ours)
{
	if (!err) {
		self->offer_open = self->delayed = false;
		self->ours_open = ours;
	}
	return err;
}

int call_answer(struct call *self, const struct media_desc *ours)
{
	if (self->state == CALL_ENDED)
		return -EALREADY;
	if (!self->offer_open)
		return -EINVAL;
	return offer_close(self, self->ops->answer(self, ours), self->delayed);
}

int call_refuse(struct call *self, int status, const char *reason, const char *warning,
		unsigned retry_after)
{
	if (self->state == CALL_ENDED)
		return -EALREADY;
	if (!self->offer_open || status < 300 || status > 699)
		return -EINVAL;
	return offer_close(self, self->ops->refuse(self, status, reason, warning,
						   retry_after), false);
}

int call_end(struct call *self, const char *reason)
{
	if (self->state == CALL_ENDED)
		return -EALREADY;
	return self->ops->end(self, reason);
}

int call_offer(struct call *self, const struct media_desc *ours)
{
	int err;

	if (self->state == CALL_ENDED)
		return -EALREADY;
	if (self->state != CALL_CONNECTED)
		return -EINVAL;
	if (self->offer_open || self->ours_open)
		return -EBUSY;
	err = self->ops->offer(self, ours);
	self->ours_open = !err;
	return err;
}

int call_request_key(struct call *self, const struct desc_line *line)
{
	if (self->state == CALL_ENDED)
		return -EALREADY;
	if (self->state != CALL_CONNECTED)
		return -EINVAL;
	return self->ops->request_key ? self->ops->request_key(self, line) : -ENOTSUP;
}

int call_redirect(struct call *self, const char *uri)
{
	if (self->state == CALL_ENDED)
		return -EALREADY;
	if (self->state != CALL_OFFERED || !self->offer_open)
		return -EINVAL;
	if (!self->ops->redirect)
		return -ENOTSUP;
	return offer_close(self, self->ops->redirect(self, uri), false);
}

int call_transfer(struct call *self, const char *uri)
{
	if (self->state == CALL_ENDED)
		return -EALREADY;
	if (self->state != CALL_CONNECTED)
		return -EINVAL;
	return self->ops->transfer ? self->ops->transfer(self, uri) : -ENOTSUP;
}

void call_refer_progress(struct call *self, int status, const char *reason)
{
	if (self->state != CALL_ENDED && self->ops->refer_progress)
		self->ops->refer_progress(self, status, reason);
}

/* ---- calling out ----------------------------------------------------------------- */

void call_center_add_dialler(struct call_center *self, const struct call_dialler *dialler)
{
	assert(self->n_diallers < MAX_DIALLERS);
	self->dialler[self->n_diallers++] = *dialler;
}

/* Only what is known counts as a scheme: "host:5060" has none. */
static const struct call_dialler *dialler_for(const struct call_center *self, const char *uri)
{
	static const char *const known[] = { "sip", "sips", "h323", "tel" };
	size_t len = strcspn(uri, ":");
	const char *scheme = "sip";

	for (size_t i = 0; uri[len] && i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == len && !strncasecmp(uri, known[i], len))
			scheme = i == 1 ? "sip" : known[i];
	for (unsigned i = 0; i < self->n_diallers; i++)
		if (!strcmp(self->dialler[i].scheme, scheme))
			return &self->dialler[i];
	return NULL;
}

int call_center_dial(struct call_center *self, struct call **out, const char *uri,
		     const char *from_user, const char *from_name,
		     const struct media_desc *offer)
{
	const struct call_dialler *dialler = dialler_for(self, uri);

	if (!dialler)
		return -EPROTONOSUPPORT;
	return dialler->dial(dialler->arg, out, uri, from_user, from_name, offer);
}

int call_center_local_address(struct call_center *self, const char *uri, char *buf, size_t cap)
{
	const struct call_dialler *dialler = dialler_for(self, uri);

	if (!dialler)
		return -EPROTONOSUPPORT;
	return dialler->local_address(dialler->arg, uri, buf, cap);
}

void call_center_registrations(struct call_center *self,
			       void (*fn)(void *arg, const struct call_registration *r), void *arg)
{
	for (unsigned i = 0; i < self->n_diallers; i++)
		if (self->dialler[i].registrations)
			self->dialler[i].registrations(self->dialler[i].arg, fn, arg);
}

void call_center_trunks(struct call_center *self,
			void (*fn)(void *arg, const struct call_trunk *t), void *arg)
{
	for (unsigned i = 0; i < self->n_diallers; i++)
		if (self->dialler[i].trunks)
			self->dialler[i].trunks(self->dialler[i].arg, fn, arg);
}

void call_uri_header(char *uri, size_t cap, const char *name, const char *value)
{
	static const char plain[] = "-_.!~*'()";
	size_t n = strlen(uri), start = n;
	int w = snprintf(uri + n, cap - n, "%c%s=", strchr(uri, '?') ? '&' : '?', name);

	if (w < 0 || n + (size_t)w >= cap) {
		uri[start] = '\0';
		return;
	}
	n += (size_t)w;
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;
		bool as_is = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || strchr(plain, c);

		if (n + 4 > cap) {
			uri[start] = '\0'; /* half of one is worse than none */
			return;
		}
		n += (size_t)snprintf(uri + n, cap - n, as_is ? "%c" : "%%%02X", c);
	}
}
