/* SPDX-License-Identifier: GPL-3.0-or-later
 * A participant's side of a description: what the conference allows, and what
 * its sockets, keys and addresses add to each line. */
#include "mcu/mc/conference.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

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

struct desc_policy participant_policy(const struct participant *self,
				      const struct media_desc *theirs)
{
	const struct conf_conference *c = &self->conference->settings;

	return (struct desc_policy){
		.profile = c->profile,
		.encryption = c->encryption > c->profile->encryption ?
			c->encryption : c->profile->encryption,
		.video = c->profile->video,
		.slides = c->slides == SLIDES_RECEIVE,
		.quirk = self->quirk,
		.was_secured = self->in && self->secured,
		.family = participant_family(self, theirs),
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

/* What the leg's sockets and this host say about a line. An offer names the socket
 * of its own for RTCP beside rtcp-mux, which the answer may decline; with ICE in so
 * many words (RFC 5761 section 5.1.3). */
static int fill_line(struct participant *self, unsigned i, const struct leg *leg,
		     struct media_desc *ours, const char *address, bool offer)
{
	struct desc_line *line = &ours->line[i];
	const struct transport_local *local = leg_local(leg);
	const struct desc_line *before =
		self->ours && i < self->ours->n_lines ? &self->ours->line[i] : NULL;
	int err = parse_address(address, local->rtp_port, &line->rtp);

	if (err)
		return err;
	line->port = local->rtp_port;
	if (local->rtcp_port && (offer || !line->rtcp_mux)) {
		parse_address(address, local->rtcp_port, &line->rtcp);
		line->rtcp_given = line->ice || local->rtcp_port != local->rtp_port + 1;
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
	/* Under whatever profile: RFC 8643 has DTLS under plain AVP too. */
	if (line->setup != SETUP_NONE)
		parse_fingerprint(wire_fingerprint(self->conference->controller->parts.wire),
				  &line->fingerprint);
	for (uint32_t k = 0; k < line->n_crypto && !err; k++)
		err = fill_key(&line->crypto[k], before);
	return err;
}

/* The leg whose transport the bundled line i uses too: any other of the bundle
 * that stays. */
static struct leg *bundle_carrier(struct leg *const leg[static DESC_MAX_LINES],
				  const struct media_desc *ours, unsigned i)
{
	if (!ours->line[i].bundled)
		return NULL;
	for (unsigned k = 0; k < ours->n_lines; k++) {
		if (k != i && ours->line[k].bundled && leg[k])
			return leg[k];
	}
	return NULL;
}

/* The sockets of a line in force are of the family it was told with. A hold by
 * 0.0.0.0 is no move to another. */
static bool place_stays(const struct participant *self, unsigned i, struct participant_place *at)
{
	const struct desc_line *before =
		self->ours && i < self->ours->n_lines ? &self->ours->line[i] : NULL;

	if (!before || !before->port || before->rtp.ss_family == at->family)
		return true;
	if (at->guessed)
		participant_address_text(&before->rtp, at->told, sizeof(at->told));
	return at->guessed;
}

/* Whether the leg of line i can go on with the others that do: it must share a
 * transport with the bundle, and with nobody else. */
static bool leg_stays(struct leg *const leg[static DESC_MAX_LINES],
		      const struct media_desc *ours, unsigned i)
{
	const struct desc_line *line = &ours->line[i];

	if (!leg[i] || !line->port || leg_kind(leg[i]) != line->kind)
		return false;
	for (unsigned k = 0; k < i; k++) {
		bool together = line->bundled && ours->line[k].bundled;

		if (leg[k] && leg_shares(leg[k], leg[i]) != together)
			return false;
	}
	return true;
}

static void drop_others(struct leg *leg[static DESC_MAX_LINES],
			struct leg *const keep[static DESC_MAX_LINES])
{
	for (unsigned i = DESC_MAX_LINES; i-- > 0;) {
		if (leg[i] != keep[i])
			leg[i] = leg_drop(leg[i]);
	}
}

/* Refused lines lose their leg, but not before everything new is there: where a
 * change cannot be had, what was agreed before goes on. An offer needs an RTCP
 * socket even when it offers rtcp-mux: the answer may decline that (RFC 5761
 * 5.1.1). */
int participant_fill(struct participant *self, struct media_desc *ours,
		     const struct media_desc *theirs, bool offer)
{
	struct participant_place at[DESC_MAX_LINES];
	const struct leg_place place = {
		.parts = &self->conference->controller->parts,
		.mixer = self->conference->mixer,
		.participant = self->id,
		.cname = self->conference->controller->cname,
		.event = participant_leg_event,
	};
	struct leg *next[DESC_MAX_LINES] = { NULL };
	int err = 0;

	memcpy(next, self->leg, ours->n_lines * sizeof(next[0]));
	for (unsigned i = 0; i < ours->n_lines && !err; i++) {
		if (ours->line[i].port)
			err = participant_place(&at[i], self, theirs ? &theirs->line[i] : NULL);
		if (!err && (!leg_stays(next, ours, i) || !place_stays(self, i, &at[i])))
			next[i] = NULL;
	}
	if (err)
		return err;
	for (unsigned i = 0; i < ours->n_lines && !err; i++) {
		struct desc_line *line = &ours->line[i];

		if (!line->port)
			continue;
		if (!next[i])
			err = leg_new(&next[i], &place, self, line->kind,
				      at[i].bind, offer || !line->rtcp_mux,
				      bundle_carrier(next, ours, i));
		if (!err)
			err = fill_line(self, i, next[i], ours, at[i].told, offer);
	}
	if (err) {
		for (unsigned i = DESC_MAX_LINES; i-- > 0;) {
			if (next[i] != self->leg[i])
				leg_drop(next[i]);
		}
		return err;
	}
	drop_others(self->leg, next);
	memcpy(self->leg, next, sizeof(self->leg));
	return 0;
}
