/* SPDX-License-Identifier: GPL-3.0-or-later
 * A tap: packets of one call, in the clear, on their way into a pcap file for
 * tshark and its kind. Whoever sees a packet copies it into a bounded queue; a
 * writer thread of the tap's own gives each an IP and UDP header and writes it
 * (LINKTYPE_RAW). Bounded in bytes, in time and in what waits; what did not fit
 * is counted. Counted object. */
#ifndef BALAI_RTP_TAP_H
#define BALAI_RTP_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct tap;
struct transport;

enum { TAP_QUEUE = 4096 }; /* packets that wait for the writer */

struct tap_limits {
	uint64_t bytes;    /* of the file */
	int64_t wall_us;   /* nothing later than this */
};

struct tap_stats {
	uint64_t packets, bytes, dropped;
	int error;         /* 0, or the negative errno that ended it */
};

/* Begins to write, to a copy of the descriptor (of a regular file: a pipe could
 * hold the writer up for ever). `local`: numeric address that stands for this host in the headers. */
int tap_new(struct tap **out, int fd, const char *local, const struct tap_limits *limits);

/* This host with a port. */
void tap_local(const struct tap *self, uint16_t port, struct sockaddr_storage *out);

/* Any thread; never waits for the file. Copies; beyond 65,507 bytes it is cut.
 * `media`: may be dropped when the writer does not keep up. */
void tap_packet(struct tap *self, bool media, const struct sockaddr_storage *from,
		const struct sockaddr_storage *to, int64_t wall_us, const uint8_t *data,
		size_t len);

/* Any thread. What waits is written still, then the file is closed. */
void tap_stop(struct tap *self);
/* Any thread. The file is closed. */
bool tap_done(const struct tap *self);
/* Once, by who made it: stops, waits for the writer, gives the reference back. */
struct tap *tap_end(struct tap *self);
/* Any thread. */
void tap_stats(const struct tap *self, struct tap_stats *out);

/* Control thread. What passes the transport's sockets is copied into `tap` from
 * now on (NULL: no more); holds it. RTP and RTCP only, after decryption and
 * before encryption; a packet sent again is not seen, its first sending was. */
void transport_set_tap(struct transport *self, struct tap *tap);

#endif
