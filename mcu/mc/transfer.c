/* SPDX-License-Identifier: GPL-3.0-or-later
 * Transfers: what participants ask for, and what the operator does.
 *
 * A participant who names a number of this bridge gets what the dial plan would
 * give to somebody who calls it: another conference, where the call goes on, or
 * an address, which is called into the conference in its place. Any other host
 * must be one of those that the configuration lists. */
#include "mcu/mc/conference.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- asked for by a participant ------------------------------------------------------ */

/* Of the statuses that refuse, only some leave the call alone (RFC 5057 section
 * 5.1): a 404 to a request inside would end it. */
static int harmless(unsigned code)
{
	return code == 486 || code == 503 || code == 603 ? (int)code : 403;
}

static int move_status(int err)
{
	switch (-err) {
	case 0:
	case EALREADY:
		return 202;
	case ENOSPC:
		return 486;
	case EACCES:
		return 403;
	case EBUSY:
		return 491;
	default:
		return 500;
	}
}

/* For the log. */
static const char *error_text(int err)
{
	return err == -ENOSPC ? "The conference is full" : strerror(-err);
}

static int go_on(struct controller *self, struct participant *p, const struct dial_result *r)
{
	struct conference *to = NULL;
	int err = controller_enter(self, r, &to);

	if (!err)
		err = participant_move(p, to);
	if (to && list_empty(&to->participants))
		conference_drop(to);
	if (move_status(err) == 202)
		call_refer_progress(p->call, 200, "OK");
	else
		log_info("transfer refused call=%s conference=%s error=\"%s\"", p->call->id, r->target,
			 error_text(err));
	return move_status(err);
}

/* The one who asked is told when it answers, or why it does not; so that the
 * other side may know on whose behalf we call, it is named (RFC 3892). */
static int call_in(struct controller *self, struct participant *p, const char *uri)
{
	struct participant *next = NULL;
	/* Refuses when the conference or the machine is full, overloaded or draining, as
	 * `balai dial` does. */
	int err = controller_call_in(self, p->conference, uri, p->call->remote_uri, &next);

	if (err) {
		log_warning("transfer failed call=%s to=%s error=\"%s\"", p->call->id, uri,
			    error_text(err));
		return err == -EINVAL ? 403 : err == -ENOSPC ? 486 : 503;
	}
	next->asked_by = ref_hold(p->call);
	return 202;
}

int transfer_asked(struct controller *self, struct call *call, const struct call_refer *refer)
{
	const struct conf_transfers *allowed = &self->config->network.transfers;
	struct participant *p = call->participant;
	struct dial_result r;

	if (!allowed->accept || !p || !p->in)
		return 603;
	if (self->draining)
		return 503;
	if (p->n_refers >= allowed->per_call)
		return 403;
	p->n_refers++;
	if (!refer->ours || refer->replaces)
		return config_transfer_host(self->config, refer->host) ?
		       call_in(self, p, refer->uri) : 403;
	controller_look_up(self, call, refer->user, &r);
	if (!r.rule)
		return 403;
	switch (r.action) {
	case RULE_CONFERENCE:
		return go_on(self, p, &r);
	case RULE_ADDRESS:
		return call_in(self, p, r.target);
	case RULE_REFUSE:
		break;
	}
	return harmless(r.code);
}

void transfer_reached(struct participant *self)
{
	if (!self->asked_by)
		return;
	call_refer_progress(self->asked_by, 200, "OK");
	ref_drop(self->asked_by);
	self->asked_by = NULL;
}

void transfer_not_reached(struct participant *self, int status, const char *reason)
{
	if (!self->asked_by)
		return;
	/* Given up by us, or ended before it began. */
	call_refer_progress(self->asked_by, status >= 300 && status < 700 ? status : 487,
			    reason && *reason ? reason : "Not reached");
	ref_drop(self->asked_by);
	self->asked_by = NULL;
}

/* ---- done by the operator ---------------------------------------------------------------- */

/* Of call_transfer: the peer calls there by itself, and its call here is over
 * once that has worked (RFC 5589 section 6). */
void transfer_told(struct participant *self, int status, const char *reason)
{
	snprintf(self->transfer, sizeof(self->transfer), "%s%d %s", status < 200 ? "" :
		 status < 300 ? "done: " : "failed: ", status, reason);
	if (status < 200)
		return;
	log_info("participant transferred conference=%s participant=%u call=%s status=%d reason=\"%s\"",
		 self->conference->number, self->id, self->call->id, status, reason);
	if (status < 300)
		call_end(self->call, "Transferred");
}

static int say(char *error, size_t cap, const struct participant *p, const char *to, int err)
{
	switch (-err) {
	case 0:
		break;
	case EALREADY:
		snprintf(error, cap, "Participant %u is in conference %s already", p->id, to);
		break;
	case ENOSPC:
		snprintf(error, cap, "Conference %s is full", to);
		break;
	case EACCES:
		snprintf(error, cap, "Conference %s asks for encryption, and the call of participant %u is in the clear",
			 to, p->id);
		break;
	case EBUSY:
		snprintf(error, cap, "Participant %u is not in its conference yet, or on its way already; try again",
			 p->id);
		break;
	case EINVAL:
		snprintf(error, cap, "\"%s\" is no SIP address and no number that leads to a conference; write it like sip:room@example.org, or see `balai dialplan test %s`",
			 to, to);
		break;
	default:
		snprintf(error, cap, "Cannot transfer participant %u: %s", p->id, strerror(-err));
	}
	return err;
}

static int to_address(struct participant *p, const char *uri, char *error, size_t cap)
{
	int err = p->in ? call_transfer(p->call, uri) : -EBUSY;

	if (!err)
		snprintf(p->transfer, sizeof(p->transfer), "asked");
	return say(error, cap, p, uri, err);
}

int transfer_order(struct participant *p, const char *target, bool *moved, char *error,
		   size_t cap)
{
	struct controller *self = p->conference->controller;
	struct conference *to = NULL;
	struct dial_result r;
	int err;

	*moved = false;
	if (strchr(target, '@') || !strncmp(target, "sip:", 4) || !strncmp(target, "sips:", 5))
		return to_address(p, target, error, cap);
	err = controller_conference(self, target, &to);
	if (err == -ENOENT) {
		controller_look_up(self, p->call, target, &r);
		if (r.rule && r.action == RULE_ADDRESS)
			return to_address(p, r.target, error, cap);
		return say(error, cap, p, target, -EINVAL);
	}
	if (!err)
		err = participant_move(p, to);
	if (to && list_empty(&to->participants))
		conference_drop(to);
	*moved = !err;
	return say(error, cap, p, target, err);
}
