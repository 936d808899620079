/* SPDX-License-Identifier: GPL-3.0-or-later
 * Whether the TLS servers that we connect to are who they should be: Sofia's
 * connections ask here as their handshake begins (RFC 5922, and RFC 6066 SNI).
 * Control thread. */
#ifndef BALAI_SIP_UA_VERIFY_H
#define BALAI_SIP_UA_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

/* For servers that nobody expected (below), whose name is not known: whether
 * their certificate has to be valid. `ca`: a PEM file of authorities beside the
 * system's, for these and all others; NULL: none. */
void verify_default(bool verify, const char *ca);

/* A server that we are about to connect to, as long as this is not freed: a
 * numeric address, whose certificate has to name it, or a host name. Where
 * several names are expected at a time the certificate has to be for one of
 * them, since which is connected to is not known. verify false: for numeric
 * ones only, -EINVAL. port 0: any. */
struct verify_peer;
int verify_peer_new(struct verify_peer **out, const char *host, uint16_t port, bool verify,
		    const char *ca);
struct verify_peer *verify_peer_free(struct verify_peer *self);

/* An SSL object of this thread that was just made, by whichever side. */
void verify_watch(void *ssl);

/* Certificates refused since the start. */
uint64_t verify_refused(void);

#endif
