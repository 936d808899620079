/* SPDX-License-Identifier: GPL-3.0-or-later
 * The user agent as a whole: start, stop, its dialogs, and which of Sofia's
 * events goes where. */
#include "sip/ua_priv.h"

#include "base/log.h"
#include "base/ref.h"
#include "sip/dns_relay.h"
#include "sip/registrar.h"
#include "sip/ua_auth.h"
#include "sip/ua_fork.h"
#include "sip/ua_tls.h"
#include "sip/ua_trunk.h"
#include "sip/ua_verify.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>

enum { LINGER_US = 100000, SWEEP_US = 5000000 };

static unsigned next_t1, next_min_se;

void sip_set_timers(unsigned t1_ms, unsigned min_se_s)
{
	next_t1 = t1_ms;
	next_min_se = min_se_s;
}

/* ---- dialogs ------------------------------------------------------------------------ */

static void on_end_timer(void *arg);

static void on_retry_timer(void *arg)
{
	struct dialog *d = arg;

	if (d->first_wait) {
		d->first_wait = false;
		if (!out_is_silent(d) || !out_next_host(d, 408))
			timer_set(d->retry_timer, (RING_S - FIRST_S) * 1000000LL);
		return;
	}
	if (d->call && d->call->state == CALL_DIALLING) {
		if (fork_next(d))
			return;
		nua_cancel(d->nh, SESSION_ID(d), TAG_END());
		fork_settle(d, false);
		dialog_end_later(d, 408, "no answer");
	} else {
		ours_send(d);
	}
}

static void on_refresh_timer(void *arg)
{
	struct dialog *d = arg;

	/* Where an offer is on its way the session is refreshed by that. */
	if (!d->call || d->call->offer_open || d->call->ours_open || !d->local_sdp)
		return;
	d->call->ours_open = true;
	d->ours_refresh = true;
	d->retries = 0;
	d->sip->stats.session_refreshes++;
	ours_send(d);
}

struct dialog *dialog_new(struct stack *stack, nua_handle_t *nh, bool outgoing,
			  const char *call_id)
{
	struct sip *self = stack->sip;
	struct dialog *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->sip = self;
	d->stack = stack;
	d->call_id = strdup(call_id);
	if (!d->call_id || timer_new(&d->end_timer, self->loop, on_end_timer, d) ||
	    timer_new(&d->retry_timer, self->loop, on_retry_timer, d) ||
	    timer_new(&d->refresh_timer, self->loop, on_refresh_timer, d) ||
	    getrandom(&d->session_id, sizeof(d->session_id), 0) < 0 ||
	    call_new(&d->call, self->center, &dialog_ops, outgoing, NULL)) {
		timer_free(d->end_timer);
		timer_free(d->retry_timer);
		timer_free(d->refresh_timer);
		free(d->call_id);
		free(d);
		return NULL;
	}
	/* Some read it as a signed 64-bit number, some as 32 bits. */
	d->session_id &= 0x7fffffff;
	d->call->protocol_data = d;
	session_start(d);
	d->nh = nh;
	nua_handle_bind(nh, (nua_hmagic_t *)d);
	nua_set_hparams(nh, SIPTAG_ALLOW_STR(ALLOW_IN_CALLS), TAG_END());
	trace_init(&d->trace, d->call_id);
	list_add(&self->dialogs, &d->link);
	self->n_dialogs++;
	return d;
}

void dialog_free(struct dialog *d)
{
	struct sip *self = d->sip;

	assert(!d->call);
	fork_free(d);
	nua_handle_bind(d->nh, NULL);
	nua_handle_destroy(d->nh);
	nua_destroy_event(d->update);
	timer_free(d->end_timer);
	timer_free(d->retry_timer);
	timer_free(d->refresh_timer);
	trace_fini(&d->trace);
	list_del(&d->link);
	self->n_dialogs--;
	free(d->local_sdp);
	free(d->kept_sdp);
	verify_peer_free(d->expected);
	free(d->remote_sdp);
	free(d->early_answer);
	refer_free(d);
	free(d->local_tag);
	free(d->remote_tag);
	free(d->host);
	free(d->call_id);
	free(d);
	if (self->state == SIP_ENDING && !self->n_dialogs)
		timer_set(self->stop_timer, 0);
}

void dialog_end_now(struct dialog *d, int status, const char *reason)
{
	struct call *call = d->call;

	if (!call)
		return;
	log_info("sip: call ended call=%s status=%d reason=\"%s\" dialog=%s", call->id, status,
		 reason, d->call_id);
	d->call = NULL;
	d->offer_on = OFFER_NONE;
	d->ours = OURS_NONE;
	timer_cancel(d->retry_timer);
	timer_cancel(d->refresh_timer);
	/* What was said last can still be asked for while this runs. */
	call_ended(call, status, reason);
	call->protocol_data = NULL;
	ref_drop(call);
	/* Sofia gives up a BYE after 64*T1; whatever went wrong, this is the end. */
	timer_set(d->end_timer, 2 * 64LL * d->sip->t1 * 1000 + 5000000);
}

void dialog_end_later(struct dialog *d, int status, const char *reason)
{
	if (d->closing)
		return;
	d->closing = true;
	d->end_status = status;
	snprintf(d->end_reason, sizeof(d->end_reason), "%s", reason ? reason : "");
	timer_cancel(d->retry_timer);
	timer_cancel(d->refresh_timer);
	timer_set(d->end_timer, 0);
}

static void on_end_timer(void *arg)
{
	struct dialog *d = arg;
	bool had_call = d->call != NULL;

	dialog_end_now(d, d->end_status, d->end_reason);
	if (had_call && d->dead) {
		/* A refusal may still be on its way to Sofia, and borrows d->phrase. */
		timer_set(d->end_timer, LINGER_US);
	} else if (!had_call) {
		if (!d->dead)
			log_warning("sip: dialog given up dialog=%s", d->call_id);
		dialog_free(d);
	}
}

/* Sofia has said the last word of the session. */
static void dialog_dead(struct dialog *d, int status, const char *reason)
{
	if (d->dead)
		return;
	if (fork_outlives(d)) {
		if (!d->closing)
			dialog_end_now(d, status, reason);
		return;
	}
	d->dead = true;
	if (d->call && d->closing)
		return; /* the timer reports and frees */
	dialog_end_now(d, status, reason);
	dialog_free(d);
}

/* ---- events --------------------------------------------------------------------------- */

static void on_shutdown(struct stack *s, int status);

/* For a handle of no dialog: Sofia waits for us to let it go. */
static void let_go(nua_handle_t *nh)
{
	if (nh)
		nua_handle_destroy(nh);
}

static void on_terminated(struct dialog *d, int status, const char *phrase)
{
	/* A BYE is no failure. */
	if (status < 300)
		dialog_dead(d, 0, d->end_reason[0] ? d->end_reason :
			    "the other side ended the call");
	else
		dialog_dead(d, status, phrase);
}

/* A request inside the call, not INVITE, was met with 401 or 407: it is sent again
 * with what they ask for. Where we have nothing it has to be let go of: Sofia would
 * wait for a password for ever, and every later request, BYE too, for that. */
static bool asked_who_we_are(struct dialog *d, int status, const sip_t *sip)
{
	if (status != 401 && status != 407) {
		if (status >= 200)
			d->auth_tries = 0;
		return false;
	}
	if (auth_answer(d->nh, d->auth_key, status, sip, &d->auth_tries))
		return true;
	nua_authenticate(d->nh, TAG_END());
	return false;
}

static void on_dialog_event(struct dialog *d, nua_event_t event, int status,
			    const char *phrase, const sip_t *sip)
{
	switch (event) {
	case nua_i_invite:
		in_invite(d->stack, d->nh, d, sip);
		break;
	case nua_i_update:
		in_update(d, sip);
		break;
	case nua_i_ack:
		in_ack(d, sip);
		break;
	case nua_i_bye:
		if (sip && sip->sip_reason && sip->sip_reason->re_text)
			text_unquote(d->end_reason, sizeof(d->end_reason), sip->sip_reason->re_text);
		break;
	case nua_i_cancel:
		if (d->call && d->answered && d->call->offer_open && d->offer_on == OFFER_INVITE) {
			d->offer_on = OFFER_NONE;
			call_withdrawn(d->call);
		}
		break;
	case nua_i_info:
		in_info(d->stack, d->nh, d, sip);
		break;
	case nua_i_options:
		in_options(d->stack, d->nh, d, sip);
		break;
	case nua_r_invite:
		out_invite(d, status, phrase, sip);
		break;
	case nua_r_update:
		if (!asked_who_we_are(d, status, sip))
			out_update(d, status, sip);
		break;
	case nua_r_info:
		if (!asked_who_we_are(d, status, sip))
			out_info(d, status, sip);
		break;
	case nua_r_bye:
		asked_who_we_are(d, status, sip);
		break;
	case nua_r_refer:
		if (!asked_who_we_are(d, status, sip))
			out_refer(d, status, phrase, sip);
		break;
	case nua_i_notify:
		in_notify(d, sip);
		break;
	case nua_r_notify:
		if (!asked_who_we_are(d, status, sip))
			out_notify(d, status);
		break;
	case nua_i_error:
		/* No ACK in 64*T1: Sofia sends the BYE. */
		if (status == 408)
			dialog_end_now(d, 408, phrase);
		break;
	case nua_i_terminated:
		on_terminated(d, status, phrase);
		break;
	default:
		break;
	}
}

void on_sofia(nua_event_t event, int status, const char *phrase, nua_t *nua,
	      nua_magic_t *magic, nua_handle_t *nh, nua_hmagic_t *hmagic,
	      const sip_t *sip, tagi_t tags[])
{
	struct stack *s = (struct stack *)magic;
	struct dialog *d = (struct dialog *)hmagic;

	(void)nua;
	if (event == nua_r_shutdown) {
		on_shutdown(s, status);
		return;
	}
	if (trunk_event(s->sip, event, status, phrase ? phrase : "", nh, sip))
		return;
	if (d && nh != d->nh && fork_event(d, event, status, sip, nh))
		return;
	if (event == nua_i_refer) {
		const sip_event_t *refer = NULL;

		tl_gets(tags, NUTAG_REFER_EVENT_REF(refer), TAG_END());
		in_refer(s, nh, d, sip, refer);
		return;
	}
	if (d) {
		on_dialog_event(d, event, status, phrase ? phrase : "", sip);
		return;
	}
	switch (event) {
	case nua_i_invite:
		in_invite(s, nh, NULL, sip);
		break;
	case nua_i_register:
		in_register(s, nh, sip);
		break;
	case nua_i_options:
		in_options(s, nh, NULL, sip);
		break;
	case nua_i_info:
		in_info(s, nh, NULL, sip);
		break;
	case nua_i_update:
		s->sip->stats.stray++;
		nua_respond(nh, SIP_481_NO_CALL, NUTAG_WITH_CURRENT(s->nua), TAG_END());
		let_go(nh);
		break;
	case nua_i_state:
	case nua_i_active:
	case nua_i_terminated:
	case nua_i_error:
		break; /* of a handle already let go */
	default:
		if (nh && event < nua_r_set_params)
			s->sip->stats.stray++;
		let_go(nh);
		break;
	}
}

/* ---- start and stop -------------------------------------------------------------------- */

static void on_stop_timer(void *arg);

static void on_tls_new(void *arg)
{
	timer_set(((struct sip *)arg)->look_timer, 0);
}

static void on_look_timer(void *arg)
{
	(void)arg;
	tls_watch_look();
}

static void on_sweep_timer(void *arg)
{
	struct sip *self = arg;

	tls_watch_sweep();
	timer_set(self->sweep_timer, SWEEP_US);
}

/* The least of the profiles: at the time of the INVITE it is not known which
 * conference it will be. */
unsigned session_expires_of(const struct sip *self)
{
	unsigned least = 0;

	for (size_t i = 0; i < self->config->n_profile; i++) {
		unsigned s = self->config->profile[i].session_expires_s;

		if (s && (!least || s < least))
			least = s;
	}
	return least && least < self->min_se ? self->min_se : least;
}

int sip_new(struct sip **out, struct loop *loop, struct call_center *center,
	    struct config *config)
{
	struct sip *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->loop = loop;
	self->center = center;
	self->config = ref_hold(config);
	self->t1 = next_t1 ? next_t1 : 500;
	self->min_se = next_min_se ? next_min_se : MIN_SE;
	list_init(&self->dialogs);
	trace_start();
	auth_client_start();
	list_init(&self->trunks);
	tls_watch_start(on_tls_new, self);
	verify_default(config->network.tls_verify, config->network.tls_ca);
	err = timer_new(&self->stop_timer, loop, on_stop_timer, self);
	if (!err)
		err = timer_new(&self->sweep_timer, loop, on_sweep_timer, self);
	if (!err)
		err = timer_new(&self->look_timer, loop, on_look_timer, self);
	if (!err)
		err = trunks_init(self);
	if (!err)
		err = digest_server_new(&self->digest);
	if (!err)
		err = registrar_new(&self->registrar);
	if (!err)
		err = dns_relay_new(&self->names);
	if (!err)
		err = stacks_open(self);
	if (err) {
		self->state = SIP_STOPPED;
		sip_free(self);
		return err;
	}
	timer_set(self->sweep_timer, SWEEP_US);
	trunks_open(self);
	out_dialler(self);
	*out = self;
	return 0;
}

void sip_set_config(struct sip *self, struct config *config)
{
	struct config *old = self->config;

	self->config = ref_hold(config);
	verify_default(config->network.tls_verify, config->network.tls_ca);
	stacks_open(self);
	trunks_open(self);
	register_reload(self);
	ref_drop(old); /* the trunks looked into it */
	for (size_t i = 0; i < self->n_stacks; i++)
		nua_set_params(self->stack[i]->nua, SIPTAG_ALLOW_STR(stack_allow(self)),
			       NUTAG_SESSION_TIMER(session_expires_of(self)), TAG_END());
}

void sip_set_draining(struct sip *self, bool (*draining)(void *arg), void *arg)
{
	self->draining = draining;
	self->draining_arg = arg;
}

static void shut_stacks(struct sip *self)
{
	self->state = SIP_STOPPING;
	timer_cancel(self->stop_timer);
	trunks_free(self);
	list_each_safe(l, &self->dialogs) {
		struct dialog *d = list_entry(l, struct dialog, link);

		dialog_end_now(d, 0, "shutdown");
		dialog_free(d);
	}
	for (size_t i = 0; i < self->n_stacks; i++)
		nua_shutdown(self->stack[i]->nua);
	if (!self->n_stacks)
		timer_set(self->stop_timer, 0);
}

/* While ending: looks again until every dialog has gone, two seconds at most. */
static void on_stop_timer(void *arg)
{
	struct sip *self = arg;

	if (self->state == SIP_ENDING) {
		shut_stacks(self);
		return;
	}
	self->state = SIP_STOPPED;
	if (self->stopped)
		self->stopped(self->stopped_arg);
}

static void on_shutdown(struct stack *s, int status)
{
	struct sip *self = s->sip;

	if (status < 200)
		return;
	s->down = true;
	for (size_t i = 0; i < self->n_stacks; i++)
		if (!self->stack[i]->down)
			return;
	timer_set(self->stop_timer, 0);
}

void sip_stop(struct sip *self, void (*done)(void *arg), void *arg)
{
	assert(self->state == SIP_RUNNING);
	self->state = SIP_ENDING;
	self->stopped = done;
	self->stopped_arg = arg;
	list_each_safe(l, &self->dialogs) {
		struct dialog *d = list_entry(l, struct dialog, link);

		if (d->call)
			call_end(d->call, "shutdown");
	}
	timer_set(self->stop_timer, trunks_stop(self) || self->n_dialogs ? 2000000 : 0);
}

struct sip *sip_free(struct sip *self)
{
	if (!self)
		return NULL;
	assert(self->state == SIP_STOPPED && list_empty(&self->dialogs));
	/* Not from inside the loop: it takes timers from under its feet. */
	for (size_t i = 0; i < self->n_stacks; i++) {
		nua_destroy(self->stack[i]->nua);
		free(self->stack[i]);
	}
	timer_free(self->stop_timer);
	timer_free(self->sweep_timer);
	timer_free(self->look_timer);
	timer_free(self->trunk_timer);
	dns_relay_free(self->names);
	registrar_free(self->registrar);
	digest_server_free(self->digest);
	ref_drop(self->config);
	tls_watch_stop();
	trace_stop();
	free(self);
	return NULL;
}

/* ---- what is there ------------------------------------------------------------------------ */

size_t sip_listener_count(const struct sip *self)
{
	return self->n_listeners;
}

const struct sip_listener *sip_listener_at(const struct sip *self, size_t i)
{
	return i < self->n_listeners ? &self->listener[i] : NULL;
}

void sip_stats(const struct sip *self, struct sip_stats *out)
{
	struct digest_server_stats passwords;

	digest_server_stats(self->digest, &passwords);
	*out = self->stats;
	out->registrations = registrar_count(self->registrar);
	out->passwords_wrong = passwords.wrong;
	out->passwords_replayed = passwords.replayed;
	out->passwords_blocked = passwords.blocked;
	out->dialogs = self->n_dialogs;
	out->trace_dropped = trace_dropped();
	out->bad_messages = trace_bad();
	out->tls_connections = tls_watch_count();
}
