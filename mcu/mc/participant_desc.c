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

/* The family that media is bound to, where the configuration names an address. */
static int media_family(const struct participant *self)
{
	const char *address = self->conference->config->network.media_address;

	return !address ? 0 : strchr(address, ':') ? AF_INET6 : AF_INET;
}

struct desc_policy participant_policy(const struct participant *self)
{
	const struct conf_conference *c = &self->conference->settings;

	return (struct desc_policy){
		.profile = c->profile,
		.encryption = c->encryption > c->profile->encryption ?
			c->encryption : c->profile->encryption,
		.video = c->profile->video,
		.quirk = self->quirk,
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
static int fill_line(struct participant *self, unsigned i, const struct leg *leg,
		     struct media_desc *ours, const char *address)
{
	struct desc_line *line = &ours->line[i];
	const struct transport_local *local = leg_local(leg);
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
	/* Under whatever profile: RFC 8643 has DTLS under plain AVP too. */
	if (line->setup != SETUP_NONE)
		parse_fingerprint(wire_fingerprint(self->conference->controller->parts.wire),
				  &line->fingerprint);
	for (uint32_t k = 0; k < line->n_crypto && !err; k++)
		err = fill_key(&line->crypto[k], before);
	return err;
}

bool participant_wants_ipv6(const struct participant *self, const struct media_desc *theirs)
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
int participant_fill(struct participant *self, struct media_desc *ours, bool ipv6,
		     bool rtcp_socket)
{
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
	for (unsigned i = 0; i < ours->n_lines; i++) {
		if (!leg_stays(next, ours, i))
			next[i] = NULL;
	}
	for (unsigned i = 0; i < ours->n_lines && !err; i++) {
		struct desc_line *line = &ours->line[i];

		if (!line->port)
			continue;
		if (!next[i])
			err = leg_new(&next[i], &place, self, line->kind,
				      bind_address(self, ipv6), rtcp_socket || !line->rtcp_mux,
				      bundle_carrier(next, ours, i));
		if (!err)
			err = fill_line(self, i, next[i], ours, told_address(self));
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
