/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which of this machine's addresses a line's media goes out from, and which one
 * the peer is told: signalling may come over IPv6 and media over IPv4. */
#include "mcu/mc/conference.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int family_of(const char *address)
{
	return strchr(address, ':') ? AF_INET6 : AF_INET;
}

/* 0.0.0.0 of a hold, or of a description whose candidates are still to come. */
static bool says_nothing(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)a;

	if (a->ss_family == AF_INET)
		return v4->sin_addr.s_addr == 0;
	return a->ss_family != AF_INET6 || IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

void participant_address_text(const struct sockaddr_storage *a, char *out, size_t cap)
{
	const void *bytes = a->ss_family == AF_INET6 ?
		(const void *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr :
		(const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr;

	if (!inet_ntop(a->ss_family, bytes, out, (socklen_t)cap))
		snprintf(out, cap, "0.0.0.0");
}

/* The address that packets to `peer` leave from; nothing is sent. */
static int local_towards(const struct sockaddr_storage *peer, char *out, size_t cap)
{
	socklen_t len = peer->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						    : sizeof(struct sockaddr_in);
	struct sockaddr_storage a = { .ss_family = AF_UNSPEC };
	int err, fd = socket(peer->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)peer, len) ||
	      getsockname(fd, (struct sockaddr *)&a, &len) ? -errno : 0;
	if (!err)
		participant_address_text(&a, out, cap);
	close(fd);
	return err;
}

/* Ours of the family that `peer` has: the one signalling came to, or the one that
 * reaches it. Behind NAT the former is not on this machine. */
static int towards(const struct participant *self, const struct sockaddr_storage *peer,
		   struct participant_place *out)
{
	const char *advertised = self->conference->config->network.advertised;
	bool outer = advertised && !strcmp(self->local, advertised);

	if (!outer && family_of(self->local) == peer->ss_family) {
		snprintf(out->bind, sizeof(out->bind), "%s", self->local);
		return 0;
	}
	return local_towards(peer, out->bind, sizeof(out->bind));
}

static int choose(const struct participant *self, const struct desc_line *theirs,
		  struct participant_place *out)
{
	bool any = false;

	for (uint32_t i = 0; theirs && theirs->port && i <= theirs->n_candidates; i++) {
		const struct sockaddr_storage *peer = i ? &theirs->candidate[i - 1] : &theirs->rtp;

		if (says_nothing(peer))
			continue;
		any = true;
		if (!towards(self, peer, out))
			return 0;
	}
	return any ? -EAFNOSUPPORT : -ENOENT;
}

int participant_place(struct participant_place *out, const struct participant *self,
		      const struct desc_line *theirs)
{
	const struct conf_network *n = &self->conference->config->network;
	bool outer = n->advertised && !strcmp(self->local, n->advertised);
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (n->media_address)
		snprintf(out->bind, sizeof(out->bind), "%s", n->media_address);
	else
		err = choose(self, theirs, out);
	if (err == -ENOENT) {
		/* Nobody says where to: as signalling. */
		snprintf(out->bind, sizeof(out->bind), "%s", !outer ? self->local :
			 family_of(self->local) == AF_INET6 ? "::" : "0.0.0.0");
		out->guessed = true;
		err = 0;
	}
	if (err)
		return err;
	out->family = family_of(out->bind);
	snprintf(out->told, sizeof(out->told), "%s",
		 n->advertised && family_of(n->advertised) == out->family ? n->advertised : out->bind);
	return 0;
}

int participant_misplaced(const struct participant *self)
{
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		const struct sockaddr_storage *theirs = &self->theirs->line[i].rtp;
		int family = self->ours->line[i].rtp.ss_family;

		if (self->agreed[i].active && !self->agreed[i].ice && !says_nothing(theirs) &&
		    theirs->ss_family != family)
			return family;
	}
	return 0;
}

int participant_family(const struct participant *self, const struct media_desc *theirs)
{
	const char *media = self->conference->config->network.media_address;
	struct participant_place place;

	if (media)
		return family_of(media);
	for (uint32_t i = 0; theirs && i < theirs->n_lines; i++) {
		const struct desc_line *line = &theirs->line[i];

		if (line->kind != MEDIA_OTHER && participant_place(&place, self, line))
			return line->rtp.ss_family == AF_INET6 ? AF_INET : AF_INET6;
	}
	return 0;
}
