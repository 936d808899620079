/* SPDX-License-Identifier: GPL-3.0-or-later
 * ICE-lite for one component (RFC 8445): answers the peer's checks, remembers
 * which addresses passed one, and which the peer nominated. Pure. */
#ifndef BALAI_RTP_ICE_H
#define BALAI_RTP_ICE_H

#include "base/cursor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ICE_PAIRS = 8 };

struct ice_pair {
	struct sockaddr_storage remote;
	bool nominated;
	int64_t check_us;        /* last good check */
	int64_t heard_us;        /* last good check or authentic packet */
};

struct ice {
	unsigned n;
	struct ice_pair pair[ICE_PAIRS];
	int selected;            /* index plus 1, 0: none */
};

enum ice_result {
	ICE_BAD,                 /* dropped or refused: count it */
	ICE_IGNORED,             /* well-formed, of no consequence */
	ICE_VALID,               /* a check with our credentials */
	ICE_SELECTED,            /* and the destination is another now */
};

/* Takes a STUN datagram; an answer, if one is due, is in *answer afterwards. */
enum ice_result ice_input(struct ice *self, const char *ufrag, const char *pwd,
			  const char *remote_ufrag, const uint8_t *data, size_t len,
			  const struct sockaddr_storage *from, int64_t now,
			  struct writer *answer);
/* Did a check come from there? Only such addresses may send us media. */
bool ice_is_valid(const struct ice *self, const struct sockaddr_storage *from);
/* An authentic packet came: the peer still consents to the pair. */
void ice_heard(struct ice *self, const struct sockaddr_storage *from, int64_t now);
/* Where to send: the pair nominated last, before that the one checked last; NULL
 * when there is none or nothing was heard on it for 30 s (RFC 7675). */
const struct sockaddr_storage *ice_dest(const struct ice *self, int64_t now);

#endif
