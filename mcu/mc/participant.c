/* SPDX-License-Identifier: GPL-3.0-or-later
 * A participant: offer and answer become legs, legs' events become what the
 * conference does. */
#include "mcu/mc/conference.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_leg_event(void *owner, struct leg *leg, enum leg_event event, int64_t value);

/* ---- policy --------------------------------------------------------------------- */

/* Our DTLS role, which a re-negotiation keeps. */
static enum desc_setup dtls_role(const struct participant *self)
{
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		const struct desc_agreed *a = &self->agreed[i];

		if (a->active && a->security == AGREED_DTLS)
			return a->dtls_active ? SETUP_ACTIVE : SETUP_PASSIVE;
	}
	return SETUP_NONE;
}

/* The family that media is bound to, where the configuration names an address. */
static int media_family(const struct participant *self)
{
	const char *address = self->conference->config->network.media_address;

	return !address ? 0 : strchr(address, ':') ? AF_INET6 : AF_INET;
}

static struct desc_policy policy_of(const struct participant *self)
{
	const struct conf_conference *c = &self->conference->settings;

	return (struct desc_policy){
		.profile = c->profile,
		.encryption = c->encryption > c->profile->encryption ?
			c->encryption : c->profile->encryption,
		.video = c->profile->video,
		.was_secured = self->in && self->secured,
		.family = media_family(self),
		.dtls_role = dtls_role(self),
	};
}

/* ---- our side of a description ----------------------------------------------------- */

static int parse_address(const char *text, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return 0;
	}
	return -EINVAL;
}

static void parse_fingerprint(const char *text, struct desc_fingerprint *out)
{
	unsigned byte;

	memset(out, 0, sizeof(*out));
	snprintf(out->hash, sizeof(out->hash), "sha-256");
	while (out->len < 32 && sscanf(text, "%2x", &byte) == 1) {
		out->bytes[out->len++] = (uint8_t)byte;
		text += 2;
		if (*text == ':')
			text++;
	}
}

/* The key of a crypto line: the one in use when the suite stays, so that a
 * re-negotiation does not disturb what flows. */
static int fill_key(struct sdes_line *line, const struct desc_line *before)
{
	for (uint32_t i = 0; before && i < before->n_crypto; i++) {
		if (before->crypto[i].key.suite == line->key.suite) {
			line->key = before->crypto[i].key;
			return 0;
		}
	}
	return srtp_key_random(&line->key, line->key.suite);
}

/* What the leg's sockets and this host say about a line. */
static int fill_line(struct participant *self, unsigned i, struct media_desc *ours,
		     const char *address)
{
	struct desc_line *line = &ours->line[i];
	const struct transport_local *local = leg_local(self->leg[i]);
	const struct desc_line *before =
		self->ours && i < self->ours->n_lines ? &self->ours->line[i] : NULL;
	int err = parse_address(address, local->rtp_port, &line->rtp);

	if (err)
		return err;
	line->port = local->rtp_port;
	if (local->rtcp_port) {
		parse_address(address, local->rtcp_port, &line->rtcp);
		line->rtcp_given = local->rtcp_port != local->rtp_port + 1;
	} else {
		line->rtcp = line->rtp;
		line->rtcp_given = false;
	}
	if (line->ice) {
		snprintf(line->ice_ufrag, sizeof(line->ice_ufrag), "%s", local->ufrag);
		snprintf(line->ice_pwd, sizeof(line->ice_pwd), "%s", local->pwd);
		line->candidate[0] = line->rtp;
		line->n_candidates = 1;
		line->end_of_candidates = true;
		ours->ice_lite = true;
	}
	if (line->proto == PROTO_DTLS_SAVP || line->proto == PROTO_DTLS_SAVPF)
		parse_fingerprint(wire_fingerprint(self->conference->controller->parts.wire),
				  &line->fingerprint);
	for (uint32_t k = 0; k < line->n_crypto && !err; k++)
		err = fill_key(&line->crypto[k], before);
	return err;
}

static bool wants_ipv6(const struct participant *self, const struct media_desc *theirs)
{
	for (uint32_t i = 0; theirs && i < theirs->n_lines; i++) {
		if (theirs->line[i].port && theirs->line[i].rtp.ss_family)
			return theirs->line[i].rtp.ss_family == AF_INET6;
	}
	return strchr(self->local, ':') != NULL;
}

/* What peers are told to send to. */
static const char *told_address(const struct participant *self)
{
	const struct conf_network *n = &self->conference->config->network;

	return n->advertised ? n->advertised : self->local;
}

/* Media goes out from the address that the peer is told, or it comes back with
 * another source than ICE and symmetric RTP expect: the one signalling came to,
 * unless the configuration names one or the peer's media is of the other family. */
static const char *bind_address(const struct participant *self, bool ipv6)
{
	const struct conf_network *n = &self->conference->config->network;

	if (n->media_address)
		return n->media_address;
	if (self->local[0] && (strchr(self->local, ':') != NULL) == ipv6)
		return self->local;
	return ipv6 ? "::" : NULL;
}

/* The first accepted line of the bundle before line i: it carries the rest. */
static struct leg *bundle_carrier(const struct participant *self,
				  const struct media_desc *ours, unsigned i)
{
	if (!ours->line[i].bundled)
		return NULL;
	for (unsigned k = 0; k < i; k++) {
		if (ours->line[k].bundled && ours->line[k].port && self->leg[k])
			return self->leg[k];
	}
	return NULL;
}

/* Sockets for every accepted line, and the line filled in from them. Lines
 * that were refused lose their leg. An offer needs an RTCP socket even when it
 * offers rtcp-mux: the answer may decline that (RFC 5761 5.1.1). */
static int fill_desc(struct participant *self, struct media_desc *ours, bool ipv6,
		     bool rtcp_socket)
{
	const struct leg_place place = {
		.parts = &self->conference->controller->parts,
		.mixer = self->conference->mixer,
		.participant = self->id,
		.cname = self->conference->controller->cname,
		.event = on_leg_event,
	};

	for (unsigned i = 0; i < ours->n_lines; i++) {
		struct desc_line *line = &ours->line[i];
		int err = 0;

		if (self->leg[i] && (!line->port || leg_kind(self->leg[i]) != line->kind))
			self->leg[i] = leg_drop(self->leg[i]);
		if (!line->port)
			continue;
		if (!self->leg[i])
			err = leg_new(&self->leg[i], &place, self, line->kind,
				      bind_address(self, ipv6), rtcp_socket || !line->rtcp_mux,
				      bundle_carrier(self, ours, i));
		if (!err)
			err = fill_line(self, i, ours, told_address(self));
		if (err)
			return err;
	}
	return 0;
}

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

static void apply(struct participant *self)
{
	bool any = false, secured = true;

	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		const struct desc_agreed *a = &self->agreed[i];
		struct leg_settings s = {
			.agreed = a,
			.profile = self->conference->settings.profile,
			.muted = self->muted, .deaf = self->deaf,
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
	} else if (err == -EBADMSG) {
		refuse(self, 488, "Not Acceptable Here", "The description does not fit the one before");
	} else {
		log_error("offer failed call=%s error=%s", self->call->id, strerror(-err));
		call_refuse(self->call, 500, "Internal error", NULL, 0);
	}
}

static void answer_offer(struct participant *self, const struct media_desc *offer)
{
	struct desc_policy policy = policy_of(self);
	struct media_desc *ours = media_desc_new(), *theirs = copy_desc(offer);
	struct desc_verdict verdict = { 0 };
	int err = ours && theirs ? 0 : -ENOMEM;

	if (err)
		goto out;
	desc_answer(&policy, offer, ours, &verdict, NULL, NULL);
	if (verdict.status != 200) {
		refuse(self, verdict.status, "Not Acceptable Here", verdict.warning);
		goto free;
	}
	err = fill_desc(self, ours, wants_ipv6(self, offer), false);
	if (!err)
		err = agree(self, ours, theirs, false);
	if (!err) {
		err = call_answer(self->call, self->ours);
		if (!err)
			apply(self);
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
	struct desc_policy policy = policy_of(self);
	struct media_desc *offer = media_desc_new();
	int err;

	if (!offer)
		return -ENOMEM;
	if (self->in) {
		/* Sockets and keys are those in force. */
		desc_reoffer(&policy, self->ours, self->theirs, offer);
		err = 0;
	} else {
		desc_offer(&policy, offer);
		err = fill_desc(self, offer, wants_ipv6(self, NULL), true);
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

void participant_answered(struct participant *self, const struct media_desc *answer)
{
	struct desc_policy policy = policy_of(self);
	struct media_desc *theirs, *ours = self->proposed;
	bool any = false;
	int err;

	self->proposed = NULL;
	if (!answer) {
		/* Our new offer was refused: what was agreed before goes on. */
		log_warning("re-offer refused call=%s", self->call->id);
		media_desc_free(ours);
		return;
	}
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
	apply(self);
}

/* ---- events of the legs ------------------------------------------------------------------ */

static void all_silent(struct participant *self)
{
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		if (self->leg[i] && self->agreed[i].receive && !leg_silent(self->leg[i]))
			return;
	}
	log_warning("call silent, ended conference=%s call=%s seconds=%u",
		    self->conference->number, self->call->id,
		    self->conference->settings.profile->silence_s);
	call_end(self->call, "No RTP and RTCP received");
}

static void key_needed(struct participant *self, const struct leg *leg)
{
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		if (self->leg[i] == leg && self->theirs) {
			self->key_requests++;
			call_request_key(self->call, &self->theirs->line[i]);
		}
	}
}

void participant_key(struct participant *self, char key)
{
	size_t n = strlen(self->keys);

	if (n == sizeof(self->keys) - 1)
		memmove(self->keys, self->keys + 1, n--);
	self->keys[n] = key;
	self->keys[n + 1] = '\0';
}

static void on_leg_event(void *owner, struct leg *leg, enum leg_event event, int64_t value)
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

/* A name for people: the display name, else the user part of the URI. */
static void take_name(struct participant *self)
{
	const struct call *call = self->call;

	if (call->remote_name[0])
		snprintf(self->name, sizeof(self->name), "%s", call->remote_name);
	else
		snprintf(self->name, sizeof(self->name), "%.*s",
			 (int)strcspn(call->remote_uri, "@"), call->remote_uri);
	for (char *c = self->name; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '"')
			*c = '?';
	}
}

void participant_set_call(struct participant *self, struct call *call)
{
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
	self->layout = -1;
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

	if (self->in)
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
	free(self);
	if (list_empty(&conference->participants))
		conference_drop(conference);
	else
		conference_touch(conference);
}

struct leg *participant_leg(const struct participant *self, enum media_kind kind)
{
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		if (self->leg[i] && self->agreed[i].active && leg_kind(self->leg[i]) == kind)
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
