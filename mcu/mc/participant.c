/* SPDX-License-Identifier: GPL-3.0-or-later
 * A participant: offer and answer become legs, legs' events become what the
 * conference does. */
#include "mcu/mc/conference.h"

#include "base/clock.h"
#include "base/display.h"
#include "base/log.h"
#include "base/ref.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- putting an agreement in force -------------------------------------------------- */

/* A peer that talked and listened and now only sends holds us: what comes is
 * its music on hold. One that only ever sent is a camera or a stream. */
static bool is_held(struct participant *self, unsigned i)
{
	const struct desc_agreed *a = &self->agreed[i];

	if (a->send && a->receive)
		self->was_sendrecv[i] = true;
	return !a->send && self->was_sendrecv[i];
}

void participant_apply(struct participant *self)
{
	bool any = false, secured = true;

	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		const struct desc_agreed *a = &self->agreed[i];
		struct leg_settings s = {
			.agreed = a,
			.profile = self->conference->settings.profile,
			.muted = self->muted, .deaf = self->deaf,
			.hear_keys = !self->signals_keys,
		};

		if (!self->leg[i])
			continue;
		if (!a->active) {
			self->leg[i] = leg_drop(self->leg[i]);
			continue;
		}
		s.theirs = &self->theirs->line[i];
		s.held = is_held(self, i);
		leg_apply(self->leg[i], &s);
		any = true;
		if (a->security == AGREED_PLAIN)
			secured = false;
	}
	self->secured = any && secured;
	if (!self->in) {
		self->in = true;
		self->joined_us = clock_us();
		log_info("participant joined conference=%s participant=%u call=%s name=\"%s\" encrypted=%s",
			 self->conference->number, self->id, self->call->id, self->name,
			 self->secured ? "yes" : "no");
		participant_taken_over(self);
		conference_chime(self->conference, CHIME_JOIN);
	}
	conference_touch(self->conference);
}

/* Takes over both descriptions. */
static int agree(struct participant *self, struct media_desc *ours, struct media_desc *theirs,
		 bool we_offered)
{
	struct desc_agreed *agreed = calloc(DESC_MAX_LINES, sizeof(*agreed));
	int err = agreed ? desc_agree(ours, theirs, we_offered, agreed) : -ENOMEM;

	if (!err) {
		desc_quirk_agreed(self->quirk, agreed);
		memcpy(self->agreed, agreed, sizeof(self->agreed));
		media_desc_free(self->ours);
		self->ours = ours;
		media_desc_free(self->theirs);
		self->theirs = theirs;
	}
	free(agreed);
	return err;
}

static struct media_desc *copy_desc(const struct media_desc *d)
{
	struct media_desc *c = media_desc_new();

	if (c)
		*c = *d;
	return c;
}

/* ---- offers and answers ---------------------------------------------------------------- */

static void refuse(struct participant *self, int status, const char *reason,
		   const char *warning)
{
	log_warning("offer refused conference=%s call=%s status=%d reason=\"%s\"",
		    self->conference->number, self->call->id, status,
		    warning && warning[0] ? warning : reason);
	call_refuse(self->call, status, reason, warning, 0);
}

static void refuse_error(struct participant *self, int err)
{
	if (err == -EADDRINUSE) {
		log_error("no media port is free; widen media ports in the configuration call=%s",
			  self->call->id);
		call_refuse(self->call, 503, "No media ports free", NULL, 30);
	} else if (err == -EMFILE || err == -ENFILE || err == -ENOBUFS || err == -ENOMEM) {
		/* Of this host there is no more; another may have it. */
		log_error("call refused call=%s error=%s; raise the limit of the service (LimitNOFILE, memory) or set max-calls",
			  self->call->id, strerror(-err));
		call_refuse(self->call, 503, "Out of resources", NULL, 30);
	} else if (err == -EBADMSG) {
		refuse(self, 488, "Not Acceptable Here", "The description does not fit the one before");
	} else {
		log_error("offer failed call=%s error=%s", self->call->id, strerror(-err));
		call_refuse(self->call, 500, "Internal error", NULL, 0);
	}
}

/* The answer is in our books but did not go out: an offer must not stay open for
 * ever, and a call whose two sides know different things is no call. */
static void unanswered(struct participant *self, int err)
{
	bool in = self->in;

	refuse_error(self, err);
	if (in)
		call_end(self->call, "Internal error");
}

/* What is known of the endpoint, by its name and by what it says of itself. */
static void take_quirk(struct participant *self, const struct media_desc *theirs)
{
	const struct conf_quirk *before = self->quirk;

	self->quirk = config_quirk(self->conference->config, self->call ?
				   self->call->user_agent : NULL,
				   theirs ? theirs->encodings : "");
	if (self->quirk && self->quirk != before)
		log_info("quirk applies call=%s quirk=\"%s\"", self->call->id,
			 self->quirk->name);
}

static void answer_offer(struct participant *self, const struct media_desc *offer)
{
	struct desc_policy policy;
	struct media_desc *ours = media_desc_new(), *theirs = copy_desc(offer);
	struct desc_verdict verdict = { 0 };
	int err = ours && theirs ? 0 : -ENOMEM;

	if (err)
		goto out;
	take_quirk(self, offer);
	policy = participant_policy(self, offer);
	desc_answer(&policy, offer, ours, &verdict, NULL, NULL);
	if (verdict.status != 200) {
		refuse(self, verdict.status, "Not Acceptable Here", verdict.warning);
		goto free;
	}
	err = participant_fill(self, ours, offer, false);
	if (!err)
		err = agree(self, ours, theirs, false);
	if (!err) {
		err = call_answer(self->call, self->ours);
		if (!err)
			participant_apply(self);
		else if (err != -EALREADY)
			unanswered(self, err);
		return;
	}
out:
	refuse_error(self, err);
free:
	media_desc_free(ours);
	media_desc_free(theirs);
}

int participant_offer(struct participant *self)
{
	struct desc_policy policy;
	struct media_desc *offer = media_desc_new();
	int err;

	if (!offer)
		return -ENOMEM;
	if (!self->in)
		take_quirk(self, NULL);
	policy = participant_policy(self, NULL);
	if (self->in) {
		/* Sockets and keys are those in force. */
		desc_reoffer(&policy, self->ours, self->theirs, offer);
		err = 0;
	} else {
		desc_offer(&policy, offer);
		err = participant_fill(self, offer, NULL, true);
	}
	if (err) {
		media_desc_free(offer);
		return err;
	}
	media_desc_free(self->proposed);
	self->proposed = offer;
	return 0;
}

void participant_offered(struct participant *self, const struct media_desc *offer)
{
	int err;

	if (offer) {
		answer_offer(self, offer);
		return;
	}
	err = participant_offer(self);
	if (!err)
		err = call_answer(self->call, self->proposed);
	if (err && err != -EALREADY)
		refuse_error(self, err);
}

/* ---- an answer of the other address family ----------------------------------------------- */

/* Who was offered IPv6, because signalling came by it, may have media at IPv4 only, or
 * the other way about. */
static void cannot_turn(struct participant *self, int err)
{
	bool v6 = self->turning == AF_INET6;

	log_warning("media unreachable, call ended call=%s error=\"%s\"; our offer names IPv%d and the "
		    "answer IPv%d: let the peer call over IPv%d, or write an IPv%d address in <media "
		    "address=\"…\">", self->call->id, strerror(-err), v6 ? 6 : 4, v6 ? 4 : 6,
		    v6 ? 4 : 6, v6 ? 4 : 6);
	call_end(self->call, v6 ? "No IPv4 for media here" : "No IPv6 for media here");
}

/* A new offer, from sockets of the answer's family; the lines it refused stay so. */
static void turn(struct participant *self)
{
	struct desc_policy policy = participant_policy(self, self->theirs);
	struct media_desc *offer = media_desc_new();
	int err = offer ? 0 : -ENOMEM;

	if (!err) {
		desc_reoffer(&policy, self->ours, self->theirs, offer);
		for (unsigned i = 0; i < offer->n_lines; i++) {
			if (!self->agreed[i].active)
				offer->line[i].port = 0;
		}
		err = participant_fill(self, offer, self->theirs, true);
	}
	if (!err)
		err = call_offer(self->call, offer);
	if (err) {
		media_desc_free(offer);
		cannot_turn(self, err);
		return;
	}
	log_info("media offered anew in the answer's address family call=%s", self->call->id);
	self->proposed = offer;
}

/* Whether the agreement waits for another offer of ours, or will never be. */
static bool must_turn(struct participant *self)
{
	bool again = self->turning != 0;

	self->turning = participant_misplaced(self);
	if (!self->turning)
		return false;
	if (again)
		cannot_turn(self, -EAFNOSUPPORT);
	else if (self->call->state == CALL_CONNECTED)
		turn(self);
	return true;
}

void participant_connected(struct participant *self)
{
	if (self->turning && !self->proposed)
		turn(self);
}

/* ---- answers ------------------------------------------------------------------------------- */

void participant_answered(struct participant *self, const struct media_desc *answer)
{
	struct desc_policy policy = participant_policy(self, NULL);
	struct media_desc *theirs, *ours = self->proposed;
	bool any = false;
	int err;

	self->proposed = NULL;
	if (!answer) {
		/* Our new offer was refused: what was agreed before goes on. */
		log_warning("re-offer refused call=%s", self->call->id);
		media_desc_free(ours);
		if (self->turning)
			cannot_turn(self, -ECONNREFUSED);
		return;
	}
	/* The protocol room refreshed the session with what is in force, and the
	 * other side took the occasion to change something. */
	if (!ours && self->in)
		ours = copy_desc(self->ours);
	take_quirk(self, answer);
	theirs = copy_desc(answer);
	err = theirs && ours ? agree(self, ours, theirs, true) : -ENOMEM;
	if (err) {
		media_desc_free(theirs);
		media_desc_free(ours);
		log_warning("answer unusable call=%s error=%s", self->call->id, strerror(-err));
		call_end(self->call, "The answer does not fit the offer");
		return;
	}
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		const struct desc_agreed *a = &self->agreed[i];

		if (!a->active)
			continue;
		any = true;
		if (a->security == AGREED_PLAIN &&
		    (policy.encryption == ENCRYPTION_REQUIRED || policy.was_secured)) {
			log_warning("answer without encryption refused call=%s", self->call->id);
			call_end(self->call, "Encryption is required");
			return;
		}
	}
	if (!any) {
		call_end(self->call, "No common media");
		return;
	}
	if (!must_turn(self))
		participant_apply(self);
}

/* ---- events of the legs ------------------------------------------------------------------ */

static void all_silent(struct participant *self)
{
	bool any = false;

	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		if (!self->leg[i] || !self->agreed[i].receive)
			continue;
		if (!leg_silent(self->leg[i]))
			return;
		any = any || self->agreed[i].role == ROLE_MAIN;
	}
	/* Slides fall silent whenever they are over. */
	if (!any)
		return;
	log_warning("call silent, ended conference=%s call=%s seconds=%u",
		    self->conference->number, self->call->id,
		    self->conference->settings.profile->silence_s);
	call_end(self->call, "No RTP and RTCP received");
}

static void key_stream_id(struct participant *self, const struct desc_line *line)
{
	const char *id = self->quirk ? self->quirk->stream_id : NULL;

	if (id && !strcmp(id, "label"))
		id = line->label[strcspn(line->label, "<>&\"'")] ? NULL : line->label;
	snprintf(self->call->key_stream_id, sizeof(self->call->key_stream_id), "%s",
		 id ? id : "");
}

static void key_needed(struct participant *self, const struct leg *leg)
{
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		if (self->leg[i] == leg && self->theirs) {
			self->key_requests++;
			key_stream_id(self, &self->theirs->line[i]);
			call_request_key(self->call, &self->theirs->line[i]);
		}
	}
}

void participant_leg_event(void *owner, struct leg *leg, enum leg_event event, int64_t value)
{
	struct participant *self = owner;

	switch (event) {
	case LEG_SECURED:
		if (value) {
			log_warning("DTLS failed, call ended call=%s error=%s", self->call->id,
				    strerror((int)-value));
			call_end(self->call, "DTLS-SRTP failed");
		}
		break;
	case LEG_KEY_WANTED:
		leg_request_key(leg);
		break;
	case LEG_KEY_NEEDED:
		key_needed(self, leg);
		break;
	case LEG_DTMF:
		participant_key(self, (char)value);
		break;
	case LEG_RATE:
		leg_set_rate(leg, (uint32_t)value);
		break;
	case LEG_SILENT:
		conference_touch(self->conference);
		all_silent(self);
		break;
	case LEG_PICTURE:
		conference_touch(self->conference);
		break;
	case LEG_ALIVE:
		break;
	}
}

/* ---- life ---------------------------------------------------------------------------------- */

/* A name for people: the display name, else the user part of the URI. Log lines
 * have it between quotes. */
static void take_name(struct participant *self)
{
	const struct call *call = self->call;
	const char *uri = call->remote_uri;

	if (!display_text(self->name, sizeof(self->name), call->remote_name,
			  strlen(call->remote_name), DISPLAY_MAX))
		display_text(self->name, sizeof(self->name), uri, strcspn(uri, "@"), DISPLAY_MAX);
	for (char *c = self->name; *c; c++) {
		if (*c == '"')
			*c = '\'';
	}
}

void participant_rename(struct participant *self)
{
	take_name(self);
	log_info("participant renamed conference=%s participant=%u call=%s name=\"%s\"",
		 self->conference->number, self->id, self->call->id, self->name);
	conference_touch(self->conference);
}

void participant_set_call(struct participant *self, struct call *call)
{
	if (self->call)
		self->call->participant = NULL;
	ref_drop(self->call);
	self->call = ref_hold(call);
	call->participant = self;
	if (!self->local[0])
		snprintf(self->local, sizeof(self->local), "%s", call->local_address);
	take_name(self);
}

int participant_new(struct participant **out, struct conference *conference, struct call *call)
{
	struct participant *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	list_init(&self->link);
	self->id = ++conference->controller->last_participant;
	self->conference = conference;
	if (call)
		participant_set_call(self, call);
	list_add(&conference->participants, &self->link);
	conference->n++;
	*out = self;
	return 0;
}

void participant_drop(struct participant *self)
{
	struct conference *conference = self->conference;
	bool in = self->in;

	participant_untie(self);
	transfer_not_reached(self, 0, NULL);
	if (in)
		log_info("participant left conference=%s participant=%u call=%s name=\"%s\"",
			 conference->number, self->id, self->call->id, self->name);
	/* Bundled legs lean on an earlier one's transport. */
	for (unsigned i = DESC_MAX_LINES; i-- > 0;)
		self->leg[i] = leg_drop(self->leg[i]);
	list_del(&self->link);
	conference->n--;
	if (self->call)
		self->call->participant = NULL;
	ref_drop(self->call);
	media_desc_free(self->ours);
	media_desc_free(self->theirs);
	media_desc_free(self->proposed);
	if (self->stage)
		stage_clear(self->stage);
	free(self->stage);
	free(self->dialled);
	free(self);
	if (list_empty(&conference->participants)) {
		conference_drop(conference);
		return;
	}
	if (in)
		conference_chime(conference, CHIME_LEAVE);
	conference_touch(conference);
}

struct leg *participant_leg(const struct participant *self, enum media_kind kind)
{
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		if (self->leg[i] && self->agreed[i].active && leg_kind(self->leg[i]) == kind &&
		    self->agreed[i].role == ROLE_MAIN)
			return self->leg[i];
	}
	return NULL;
}

void participant_set_muted(struct participant *self, bool muted)
{
	struct leg *audio = participant_leg(self, MEDIA_AUDIO);

	self->muted = muted;
	if (audio)
		leg_set_audio(audio, self->muted, self->deaf);
	conference_touch(self->conference);
	log_info("participant %s conference=%s participant=%u", muted ? "muted" : "unmuted",
		 self->conference->number, self->id);
}

struct participant *participant_find(struct controller *controller, uint32_t id)
{
	list_each(l, &controller->conferences) {
		struct participant *p =
			conference_participant(list_entry(l, struct conference, link), id);

		if (p)
			return p;
	}
	return NULL;
}
