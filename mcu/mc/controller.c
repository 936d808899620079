/* SPDX-License-Identifier: GPL-3.0-or-later
 * The controller: calls come in by the dial plan and become participants. */
#include "mcu/mc/capture.h"

#include "base/calm.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { RETRY_AFTER_FULL_S = 60, RETRY_AFTER_BUSY_S = 20, RETRY_AFTER_DRAIN_S = 300 };

/* After a crowd its memory goes when so long nobody has come back. */
#define CALM_US 10000000

/* How often the end of a drain is looked for while media is being let go. */
#define SETTLE_PERIOD_US 20000

/* ---- who may come in --------------------------------------------------------------- */

/* Again with every configuration. */
static void take_capacity(struct controller *self)
{
	struct capacity_machine machine;
	struct capacity before = self->capacity;

	capacity_machine(&machine);
	capacity_of(&self->capacity, self->config, &machine);
	call_center_set_limit(self->calls, self->capacity.calls);
	if (before.calls != self->capacity.calls)
		log_info("capacity calls=%u limit=%s", self->capacity.calls, self->capacity.limit);
}

static bool is_full(const struct controller *self, bool replaces)
{
	/* The new call is counted already. */
	return call_center_count(self->calls) > self->capacity.calls + replaces;
}

static bool is_busy(const struct controller *self)
{
	return self->parts.full && self->parts.full(self->parts.full_arg);
}

/* What stands against a call of ours: 0, -ESHUTDOWN, -EAGAIN (overload) or -EBUSY
 * (no line). One that is to replace another costs no more than that. */
static int may_call(const struct controller *self, bool replaces)
{
	if (self->draining)
		return -ESHUTDOWN;
	if (is_busy(self) && !replaces)
		return -EAGAIN;
	return call_center_full_to(self->calls, replaces) ? -EBUSY : 0;
}

static void refuse(struct call *call, int status, const char *reason, unsigned retry_after)
{
	log_info("call refused call=%s from=\"%s\" to=\"%s\" status=%d reason=\"%s\"", call->id,
		 call->remote_uri, call->local, status, reason);
	call_refuse(call, status, reason, NULL, retry_after);
}

void controller_look_up(struct controller *self, const struct call *call, const char *dialled,
			struct dial_result *r)
{
	const struct dial_query q = {
		.dialled = dialled,
		.caller = call->remote_uri,
		.diverted = call->diverted, .original = call->original,
		.account = call->account[0] ? call->account : NULL,
		.trunk = call->trunk[0] ? call->trunk : NULL,
		.transport = call->transport,
		.time_s = clock_wall_us() / 1000000,
	};

	dialplan_lookup(self->config, &q, r, NULL);
}

int controller_enter(struct controller *self, const struct dial_result *r,
		     struct conference **out)
{
	const struct conf_conference *settings;

	*out = conference_find(self, r->target);
	if (*out)
		return 0;
	settings = config_conference(self->config, r->target);
	if (!settings && r->rule->create)
		settings = &r->rule->create_as;
	if (!settings)
		return -ENOENT;
	return conference_new(out, self, settings, r->target);
}

int controller_conference(struct controller *self, const char *number, struct conference **out)
{
	const struct dial_query q = {
		.dialled = number, .caller = "", .account = "", .transport = CONF_TLS,
		.time_s = clock_wall_us() / 1000000,
	};
	const struct conf_conference *settings = config_conference(self->config, number);
	struct dial_result r;

	*out = conference_find(self, number);
	if (*out)
		return 0;
	if (settings)
		return conference_new(out, self, settings, number);
	dialplan_lookup(self->config, &q, &r, NULL);
	if (!r.rule || r.action != RULE_CONFERENCE)
		return -ENOENT;
	return controller_enter(self, &r, out);
}

static void join(struct controller *self, struct call *call, const struct dial_result *r,
		 const struct media_desc *offer)
{
	struct conference *conference = NULL;
	struct participant *p = NULL;
	int err = controller_enter(self, r, &conference);

	if (!err && conference_full(conference, false)) {
		refuse(call, 486, "Conference full", 0);
		return;
	}
	if (!err)
		err = participant_new(&p, conference, call);
	if (err) {
		log_error("call failed call=%s conference=%s error=%s", call->id, r->target,
			  strerror(-err));
		if (conference && list_empty(&conference->participants))
			conference_drop(conference);
		call_refuse(call, 500, "Internal error", NULL, 0);
		return;
	}
	participant_offered(p, offer);
}

/* Who takes over a call gets where the dial plan lets them by themselves, too. */
static bool may_enter(struct controller *self, const struct call *call, const char *dialled,
		      const struct conference *to, int *status)
{
	struct dial_result r;

	controller_look_up(self, call, dialled, &r);
	*status = r.rule && r.action == RULE_REFUSE ? (int)r.code : 403;
	return r.rule && r.action == RULE_CONFERENCE && !strcmp(r.target, to->number);
}

static void take_over(struct controller *self, struct call *call, const struct media_desc *offer)
{
	struct participant *old = call->replaces->participant, *p = NULL;
	int status = 403;

	if (!old || old->replaces || old->replaced_by) {
		refuse(call, 603, "Decline", 0);
		return;
	}
	/* What it dialled is the address of that call, which may have moved since. */
	if (!may_enter(self, call, call->local, old->conference, &status) &&
	    !may_enter(self, call, old->conference->number, old->conference, &status)) {
		refuse(call, status, "Not allowed here", 0);
		return;
	}
	if (participant_new(&p, old->conference, call)) {
		refuse(call, 503, "Out of resources", RETRY_AFTER_FULL_S);
		return;
	}
	participant_take_over(p, old);
	participant_offered(p, offer);
}

static void on_offered(void *arg, struct call *call, const struct media_desc *offer)
{
	struct controller *self = arg;
	struct dial_result r;

	calm_crowd(self->calm, call_center_count(self->calls));
	if (self->draining) {
		refuse(call, 503, "Shutting down", RETRY_AFTER_DRAIN_S);
		return;
	}
	if (is_full(self, call->replaces != NULL)) {
		refuse(call, 503, "All lines are in use", RETRY_AFTER_FULL_S);
		return;
	}
	if (is_busy(self) && !call->replaces) {
		refuse(call, 503, "The bridge is busy", RETRY_AFTER_BUSY_S);
		return;
	}
	if (call->replaces) {
		take_over(self, call, offer);
		return;
	}
	controller_look_up(self, call, call->local, &r);
	if (!r.rule) {
		refuse(call, 404, "Not Found", 0);
		return;
	}
	switch (r.action) {
	case RULE_CONFERENCE:
		join(self, call, &r, offer);
		break;
	case RULE_ADDRESS:
		log_info("call redirected call=%s to=\"%s\"", call->id, r.target);
		if (call_redirect(call, r.target))
			refuse(call, 502, "Cannot redirect", 0);
		break;
	case RULE_REFUSE:
		refuse(call, (int)r.code, r.reason ? r.reason : "Refused", 0);
		break;
	}
}

/* ---- calling out ------------------------------------------------------------------------ */

static int call_out(struct controller *self, struct participant *p)
{
	const struct conference *c = p->conference;
	struct call *call = NULL;
	int err = call_center_dial(self->calls, &call, p->dialled, c->number, c->settings.name,
				   p->proposed);

	if (!err)
		participant_set_call(p, call);
	calm_crowd(self->calm, call_center_count(self->calls));
	return err;
}

/* Keys under RTP/AVP, which leave a plain phone the choice, are refused by some who
 * must encrypt: those are called once more, and can only encrypt. Others refuse any
 * keys: where encryption is a wish, they are called without. */
static const char *offer_otherwise(const struct participant *p)
{
	if (desc_insist(p->proposed))
		return "under RTP/SAVP";
	if (participant_policy(p, NULL).encryption < ENCRYPTION_REQUIRED &&
	    desc_relent(p->proposed))
		return "without encryption";
	return NULL;
}

static bool call_again(struct controller *self, struct call *call, int status)
{
	struct participant *p = call->participant;
	const char *how = NULL;
	int err;

	if ((status == 488 || status == 606) && !self->draining && p && p->dialled && !p->in &&
	    p->proposed)
		how = offer_otherwise(p);
	if (!how)
		return false;
	err = call_out(self, p);
	if (err)
		log_warning("cannot call again call=%s error=%s", call->id, strerror(-err));
	else
		log_info("calling again %s call=%s before=%s", how, p->call->id, call->id);
	return !err;
}

/* ---- the rest of a call's life ------------------------------------------------------- */

static void on_answered(void *arg, struct call *call, const struct media_desc *answer)
{
	(void)arg;
	if (call->participant)
		participant_answered(call->participant, answer);
}

static void on_connected(void *arg, struct call *call)
{
	(void)arg;
	log_info("call connected call=%s remote=\"%s\" agent=\"%s\"", call->id, call->remote_uri,
		 call->user_agent);
	if (call->participant) {
		participant_connected(call->participant);
		transfer_reached(call->participant);
	}
}

static void on_updated(void *arg, struct call *call, const struct media_desc *offer)
{
	(void)arg;
	if (call->participant)
		participant_offered(call->participant, offer);
	else
		call_refuse(call, 481, "No such call", NULL, 0);
}

static void on_dtmf(void *arg, struct call *call, char key)
{
	(void)arg;
	if (call->participant)
		participant_key(call->participant, key);
}

static void on_key_wanted(void *arg, struct call *call)
{
	struct participant *p = call->participant;
	struct leg *video = p ? participant_leg(p, MEDIA_VIDEO) : NULL;

	(void)arg;
	if (video)
		leg_request_key(video);
}

static void on_ended(void *arg, struct call *call, int status, const char *reason)
{
	struct controller *self = arg;

	capture_call_ended(self, call);
	log_info("call ended call=%s remote=\"%s\" status=%d reason=\"%s\"", call->id,
		 call->remote_uri, status, reason);
	if (call->participant && !call_again(self, call, status)) {
		transfer_not_reached(call->participant, status, reason);
		participant_drop(call->participant);
	}
	calm_crowd(self->calm, call_center_count(self->calls));
}

static int on_refer(void *arg, struct call *call, const struct call_refer *refer)
{
	return transfer_asked(arg, call, refer);
}

static void on_transferred(void *arg, struct call *call, int status, const char *reason)
{
	(void)arg;
	if (call->participant)
		transfer_told(call->participant, status, reason);
}

static void on_renamed(void *arg, struct call *call)
{
	(void)arg;
	if (call->participant)
		participant_rename(call->participant);
}

static const struct call_handler handler = {
	.offered = on_offered,
	.answered = on_answered,
	.connected = on_connected,
	.updated = on_updated,
	.dtmf = on_dtmf,
	.key_wanted = on_key_wanted,
	.refer = on_refer,
	.transferred = on_transferred,
	.renamed = on_renamed,
	.ended = on_ended,
};

/* ---- an operator calls out --------------------------------------------------------------- */

/* An address that can stand in a header as it is. */
static bool is_address(const char *s)
{
	static const char more[] = "-_.!~*'()+@:[]%&=$";

	if (!strchr(s, '@'))
		return false;
	for (; *s; s++)
		if (!(*s >= '0' && *s <= '9') && !(*s >= 'a' && *s <= 'z') &&
		    !(*s >= 'A' && *s <= 'Z') && !strchr(more, *s))
			return false;
	return true;
}

int controller_call_in(struct controller *self, struct conference *conference, const char *uri,
		       const char *by, struct participant **out)
{
	struct participant *p = NULL;
	char to[1600], who[300];
	bool replaces = strstr(uri, "?Replaces=") != NULL;
	int err = may_call(self, replaces);

	if (!err && conference_full(conference, replaces))
		err = -ENOSPC;
	if (!err && snprintf(to, sizeof(to), "%s", uri) >= (int)sizeof(to) / 2)
		err = -EINVAL;
	if (err)
		return err;
	if (by && is_address(by)) {
		snprintf(who, sizeof(who), "<sip:%s>", by);
		call_uri_header(to, sizeof(to), "Referred-By", who);
	}
	err = participant_new(&p, conference, NULL);
	if (!err) {
		p->dialled = strdup(to);
		err = p->dialled ? 0 : -ENOMEM;
	}
	if (!err)
		err = call_center_local_address(self->calls, uri, p->local, sizeof(p->local));
	if (!err)
		err = participant_offer(p);
	if (!err)
		err = call_out(self, p);
	if (err) {
		if (p)
			participant_drop(p);
		return err;
	}
	*out = p;
	return 0;
}

static void dial_error(char *error, size_t cap, const char *uri, int err)
{
	switch (-err) {
	case EINVAL:
		snprintf(error, cap, "\"%s\" is no SIP address; write it like sip:room@example.org",
			 uri);
		break;
	case EHOSTUNREACH:
		snprintf(error, cap, "No network that Balai listens on reaches \"%s\"; is it an address like sip:room@example.org?",
			 uri);
		break;
	case EPROTONOSUPPORT:
		snprintf(error, cap, "\"%s\" is of a protocol that is not spoken here; SIP addresses are like sip:room@example.org",
			 uri);
		break;
	case ENOTCONN:
		snprintf(error, cap, "%s is not registered; `balai registrations` lists who is",
			 uri);
		break;
	case ESHUTDOWN:
		snprintf(error, cap, "The bridge is draining; no new calls");
		break;
	case EAGAIN:
		snprintf(error, cap, "The machine is overloaded; no new calls until `balai stats` shows no overload");
		break;
	case ENOSPC:
		snprintf(error, cap, "Cannot call %s: the conference is full (max-participants)", uri);
		break;
	case EBUSY:
		snprintf(error, cap, "Cannot call %s: all lines are in use; `balai calls` lists them",
			 uri);
		break;
	default:
		snprintf(error, cap, "Cannot call %s: %s", uri, strerror(-err));
	}
}

/* A number without a host is dialled as the dial plan says, if that leads out of
 * this bridge. */
static int number_out(struct controller *self, const char *number, struct dial_result *r,
		      char *error, size_t cap)
{
	const struct dial_query q = {
		.dialled = number, .caller = "", .account = "", .transport = CONF_TLS,
		.time_s = clock_wall_us() / 1000000,
	};

	dialplan_lookup(self->config, &q, r, NULL);
	if (r->rule && r->action == RULE_ADDRESS)
		return 0;
	snprintf(error, cap, "The dial plan leads %s to no address; see `balai dialplan test %s`",
		 number, number);
	return -ENOENT;
}

int controller_dial(struct controller *self, const char *number, const char *uri,
		    uint32_t *participant, char *error, size_t cap)
{
	struct conference *conference = NULL;
	struct participant *p = NULL;
	bool fresh = !conference_find(self, number);
	struct dial_result r;
	int err = may_call(self, false);

	if (err) {
		dial_error(error, cap, uri, err);
		return err == -EAGAIN ? -EBUSY : err;
	}
	if (*uri && !uri[strspn(uri, "0123456789+*#")]) {
		err = number_out(self, uri, &r, error, cap);
		if (err)
			return err;
		uri = r.target;
	}
	err = controller_conference(self, number, &conference);
	if (err == -ENOENT) {
		snprintf(error, cap, "No conference \"%s\"; see `balai dialplan test %s`", number,
			 number);
		return err;
	}
	if (!err) {
		err = controller_call_in(self, conference, uri, NULL, &p);
		if (err && fresh && conference_find(self, number) &&
		    list_empty(&conference->participants))
			conference_drop(conference);
	}
	if (err)
		dial_error(error, cap, uri, err);
	else
		*participant = p->id;
	return err;
}

/* ---- life ----------------------------------------------------------------------------------- */

int controller_new(struct controller **out, const struct controller_parts *parts,
		   struct config *config)
{
	struct controller *self = calloc(1, sizeof(*self));
	uint8_t r[12];
	int err;

	if (!self)
		return -ENOMEM;
	self->parts = *parts;
	self->config = ref_hold(config);
	list_init(&self->conferences);
	list_init(&self->captures);
	/* A random CNAME tells nothing about this host (RFC 7022). */
	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		memset(r, 0, sizeof(r));
	for (unsigned i = 0; i < sizeof(r); i++)
		snprintf(self->cname + 2 * i, 3, "%02x", r[i]);
	err = call_center_new(&self->calls, &handler, self);
	if (!err)
		err = calm_new(&self->calm, parts->loop, CALM_US, picture_trim);
	if (err) {
		controller_free(self);
		return err;
	}
	take_capacity(self);
	*out = self;
	return 0;
}

struct controller *controller_free(struct controller *self)
{
	if (!self)
		return NULL;
	assert(list_empty(&self->conferences));
	capture_end_all(self);
	timer_free(self->settle);
	calm_free(self->calm);
	call_center_free(self->calls);
	ref_drop(self->config);
	free(self);
	return NULL;
}

struct call_center *controller_calls(struct controller *self)
{
	return self->calls;
}

struct config *controller_config(struct controller *self)
{
	return self->config;
}

void controller_set_config(struct controller *self, struct config *config)
{
	struct config *old = self->config;

	self->config = ref_hold(config);
	ref_drop(old);
	take_capacity(self);
}

/* ---- drain ----------------------------------------------------------------------------------- */

/* Calls end before the wire, mixer and views have let go of their media. */
static void settle(void *arg)
{
	struct controller *self = arg;

	if (call_center_count(self->calls) || !list_empty(&self->conferences) || outlet_live()) {
		timer_set(self->settle, SETTLE_PERIOD_US);
		return;
	}
	self->done(self->done_arg);
}

void controller_drain(struct controller *self, void (*done)(void *arg), void *arg)
{
	self->draining = true;
	self->done = done;
	self->done_arg = arg;
	log_info("draining calls=%u", call_center_count(self->calls));
	if (!self->settle && timer_new(&self->settle, self->parts.loop, settle, self)) {
		log_error("out of memory");
		return;
	}
	timer_set(self->settle, 0);
}

bool controller_draining(const struct controller *self)
{
	return self->draining;
}

void controller_end_all(struct controller *self, void (*done)(void *arg), void *arg)
{
	controller_drain(self, done, arg);
	list_each_safe(l, call_center_calls(self->calls))
		call_end(list_entry(l, struct call, link), "Shutting down");
}
