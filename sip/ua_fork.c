/* SPDX-License-Identifier: GPL-3.0-or-later
 * See ua_fork.h. d->nh is always one of the phones that ring; the rest are branches. */
#include "sip/ua_fork.h"

#include "base/log.h"
#include "sip/registrar.h"
#include "sip/ua_trunk.h"

#include <stdlib.h>
#include <string.h>

#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>

enum {
	MAX_BRANCHES = 15, /* that ring at once, beside d->nh */
	TURN_S = 20,       /* for phones while others with a lower q wait */
};

#define ELSEWHERE "SIP;cause=200;text=\"Call completed elsewhere\"" /* RFC 3326 */

/* A phone. `lost`: it was cancelled, or came too late. */
struct branch {
	struct list link;
	nua_handle_t *nh;
	struct stack *stack;
	enum conf_transport transport;
	char contact[512];  /* ours to it */
	char *early_answer; /* as of a dialog, and so are these */
	bool peer_update, peer_info, peer_timer;
	bool lost;
};

struct fork {
	struct list branches; /* those that d->nh is not */
	char account[CONF_ACCOUNT];
	char *replaces, *by;
	unsigned q;         /* of those that ring */
	int status;         /* the best of the refusals, 0: none */
	char reason[128];
	bool over;          /* nobody else is to ring */
};

static void branch_free(struct branch *b)
{
	if (b->nh) {
		nua_handle_bind(b->nh, NULL);
		nua_handle_destroy(b->nh);
	}
	list_del(&b->link);
	free(b->early_answer);
	free(b);
}

void fork_free(struct dialog *d)
{
	if (!d->fork)
		return;
	list_each_safe(l, &d->fork->branches)
		branch_free(list_entry(l, struct branch, link));
	free(d->fork->replaces);
	free(d->fork->by);
	free(d->fork);
	d->fork = NULL;
}

/* ---- ringing ---------------------------------------------------------------------------- */

/* All have the same offer, and so the address in it. */
static bool fits(const struct dialog *d, const struct route *r)
{
	return !strcmp(r->stack->shown, d->call->local_address);
}

static struct branch *branch_new(struct dialog *d, const struct route *r)
{
	struct branch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	list_init(&b->link);
	b->stack = r->stack;
	b->transport = r->transport;
	stack_contact(r->stack, d->call->local, r->transport, b->contact, sizeof(b->contact));
	b->nh = out_handle(r, b->contact, d->from_name, d->call_id);
	if (!b->nh) {
		branch_free(b);
		return NULL;
	}
	nua_handle_bind(b->nh, (nua_hmagic_t *)d);
	nua_set_hparams(b->nh, SIPTAG_ALLOW_STR(ALLOW_IN_CALLS), TAG_END());
	out_send(d, b->nh, b->contact, d->fork->replaces, d->fork->by);
	log_info("sip: rings too call=%s to=%s dialog=%s", d->call->id, r->uri, d->call_id);
	return b;
}

/* Those of the account after `after` (NULL: all) with this q. */
static void ring(struct dialog *d, const struct binding *after, unsigned q)
{
	struct registrar *registrar = d->sip->registrar;
	struct fork *f = d->fork;
	unsigned n = 0;

	for (const struct binding *b = after;
	     (b = registrar_next(registrar, f->account, b)) != NULL && n < MAX_BRANCHES; ) {
		struct branch *branch = NULL;
		struct route r;

		if (b->q != q)
			continue;
		if (route_binding(d->sip, &r, b))
			log_warning("sip: cannot ring call=%s to=%s", d->call->id, b->uri);
		else if (!fits(d, &r))
			log_info("sip: not rung, it registered with another address call=%s to=%s "
				 "address=%s", d->call->id, b->uri, r.stack->shown);
		else
			branch = branch_new(d, &r);
		if (!branch)
			continue;
		list_add(&f->branches, &branch->link);
		n++;
	}
	f->q = q;
}

/* The best of those that come after the q that rings; NULL: none does. */
static const struct binding *lower(struct dialog *d)
{
	for (const struct binding *b = NULL;
	     (b = registrar_next(d->sip->registrar, d->fork->account, b)) != NULL; ) {
		struct route r;

		if (b->q < d->fork->q && !route_binding(d->sip, &r, b) && fits(d, &r))
			return b;
	}
	return NULL;
}

static void wait_for_answer(struct dialog *d)
{
	timer_set(d->retry_timer, (lower(d) ? TURN_S : RING_S) * 1000000LL);
}

void fork_start(struct dialog *d, const struct route *route, const char *replaces,
		const char *by)
{
	struct fork *f = route->binding ? calloc(1, sizeof(*f)) : NULL;

	if (!f)
		return;
	list_init(&f->branches);
	snprintf(f->account, sizeof(f->account), "%s", route->binding->account);
	f->replaces = strdup(replaces);
	f->by = strdup(by);
	d->fork = f;
	if (!f->replaces || !f->by) {
		fork_free(d);
		return;
	}
	ring(d, route->binding, route->binding->q);
	wait_for_answer(d);
}

/* ---- who has the call --------------------------------------------------------------------- */

static struct branch *branch_of(struct dialog *d, const nua_handle_t *nh)
{
	if (d->fork)
		list_each(l, &d->fork->branches) {
			struct branch *b = list_entry(l, struct branch, link);

			if (b->nh == nh)
				return b;
		}
	return NULL;
}

static void swap_flag(bool *a, bool *b)
{
	bool was = *a;

	*a = *b;
	*b = was;
}

/* The branch becomes what the dialog was, and the other way round. */
static void exchange(struct dialog *d, struct branch *b)
{
	const struct branch was = *b;

	b->nh = d->nh;
	b->stack = d->stack;
	b->early_answer = d->early_answer;
	d->nh = was.nh;
	d->stack = was.stack;
	d->early_answer = was.early_answer;
	swap_flag(&d->peer_update, &b->peer_update);
	swap_flag(&d->peer_info, &b->peer_info);
	swap_flag(&d->peer_timer, &b->peer_timer);
	if (d->call) {
		b->transport = d->call->transport;
		d->call->transport = was.transport;
		session_forget(d);
	}
	memcpy(b->contact, d->contact, sizeof(b->contact));
	memcpy(d->contact, was.contact, sizeof(d->contact));
}

static void lose(struct branch *b, bool answered)
{
	if (b->lost)
		return;
	b->lost = true;
	nua_cancel(b->nh, TAG_IF(answered, SIPTAG_REASON_STR(ELSEWHERE)), TAG_END());
}

void fork_settle(struct dialog *d, bool answered)
{
	if (!d->fork)
		return;
	d->fork->over = true;
	list_each(l, &d->fork->branches)
		lose(list_entry(l, struct branch, link), answered);
}

/* One of the branches takes the place of d->nh, which is let go of. */
static bool promote(struct dialog *d, bool lost)
{
	list_each(l, &d->fork->branches) {
		struct branch *b = list_entry(l, struct branch, link);

		if (b->lost == lost) {
			exchange(d, b);
			branch_free(b);
			return true;
		}
	}
	return false;
}

/* The phones whose turn is next instead of those that ring. `refused`: d->nh has
 * had its final response, and needs no CANCEL. */
static bool take_turn(struct dialog *d, bool refused)
{
	const struct binding *b = d->fork && !d->fork->over ? lower(d) : NULL;
	struct branch *first;
	struct route r;

	if (!b || route_binding(d->sip, &r, b))
		return false;
	first = branch_new(d, &r);
	if (!first)
		return false;
	list_each(l, &d->fork->branches)
		lose(list_entry(l, struct branch, link), false);
	exchange(d, first);
	if (refused) {
		branch_free(first);
	} else {
		list_add(&d->fork->branches, &first->link);
		lose(first, false);
	}
	ring(d, b, b->q);
	wait_for_answer(d);
	return true;
}

bool fork_next(struct dialog *d)
{
	return take_turn(d, false);
}

static bool is_global(int status)
{
	return status >= 600 && status < 700;
}

/* RFC 3261 16.7, 6: what ends all of them, else the lowest class; that a dead phone
 * did not answer tells least. */
static bool is_better(int status, int than)
{
	if (!than || is_global(status) || is_global(than))
		return !is_global(than);
	return status / 100 < than / 100 || (status / 100 == than / 100 && than == 408);
}

bool fork_refused(struct dialog *d, int *status, const char **phrase)
{
	struct fork *f = d->fork;

	if (!f || f->over)
		return false;
	if (is_better(*status, f->status)) {
		f->status = *status;
		snprintf(f->reason, sizeof(f->reason), "%s", *phrase ? *phrase : "");
	}
	if (!is_global(*status) && (promote(d, false) || take_turn(d, true)))
		return true;
	fork_settle(d, false);
	*status = f->status;
	*phrase = f->reason;
	return false;
}

bool fork_outlives(struct dialog *d)
{
	fork_settle(d, false);
	if (!d->fork || !promote(d, true))
		return false;
	d->connected = false; /* a late 200 of it is to be met with BYE */
	return true;
}

/* ---- events --------------------------------------------------------------------------------- */

/* True: that was all. */
static bool response(struct dialog *d, struct branch *b, int status, const sip_t *sip)
{
	bool wanted = d->call && !d->closing && !d->connected && !b->lost;

	if (status < 200) {
		if (wanted && sip && !b->early_answer)
			b->early_answer = out_early_answer(sip);
		return true;
	}
	if (wanted) {
		exchange(d, b);
		return false;
	}
	if (status < 300) {
		/* It picked up too late: RFC 3261 13.2.2.4. */
		b->lost = true;
		nua_ack(b->nh, TAG_END());
		nua_bye(b->nh, SIPTAG_REASON_STR(ELSEWHERE), TAG_END());
	} else {
		branch_free(b);
	}
	return true;
}

bool fork_event(struct dialog *d, nua_event_t event, int status, const sip_t *sip,
		nua_handle_t *nh)
{
	struct branch *b = branch_of(d, nh);

	if (!b)
		return true;
	switch (event) {
	case nua_r_invite:
		return response(d, b, status, sip);
	case nua_i_invite:
	case nua_i_update:
	case nua_i_info:
	case nua_i_options:
	case nua_i_refer:
	case nua_i_notify:
		nua_respond(nh, SIP_481_NO_CALL, NUTAG_WITH_CURRENT(b->stack->nua), TAG_END());
		return true;
	case nua_i_terminated:
		branch_free(b);
		return true;
	default:
		return true;
	}
}
