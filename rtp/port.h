/* SPDX-License-Identifier: GPL-3.0-or-later
 * Binding media ports: RTP on an even port, RTCP on the next (RFC 3550 11).
 * Control thread. */
#ifndef BALAI_RTP_PORT_H
#define BALAI_RTP_PORT_H

#include "codecs/codec.h"

#include <stdbool.h>
#include <stdint.h>

struct port_range {
	uint16_t min, max;   /* 0, 0: the system chooses */
	uint32_t next;       /* even port to try next, 0: a random one */
};

struct port_pair {
	int rtp, rtcp;       /* descriptors; rtcp -1: none */
	uint16_t rtp_port, rtcp_port;
};

/* The search goes on from the port given last, so that a port comes up again
 * as late as possible: packets of an old call do not hit a new one.
 * `address` numeric, NULL: any IPv4. -EINVAL: no address; -EADDRINUSE. */
int port_bind(struct port_pair *out, struct port_range *range, const char *address,
	      bool rtcp);
void port_close(struct port_pair *self);
/* DSCP EF for audio, AF41 for video (RFC 4594, RFC 8837). Any thread. */
void port_set_class(int fd, enum media_kind kind);

#endif
