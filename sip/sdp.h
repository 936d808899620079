/* SPDX-License-Identifier: GPL-3.0-or-later
 * SDP (RFC 8866, offer and answer as in RFC 3264) to media description and
 * back. Pure functions, any thread. ⟨sofia sdp⟩ is included by sip/sdp_*.c
 * alone; it has an sdp_parse of its own, hence the names here. */
#ifndef BALAI_SIP_SDP_H
#define BALAI_SIP_SDP_H

#include "mcu/mc/desc.h"

#include <stddef.h>

/* The longest body that is read, and room enough for any that is written. */
enum { SDP_MAX_BYTES = 65536 };

/* Reads one session description. Broken lines, missing s= or t=, bare line
 * feeds, a second v= section and what follows a NUL are tolerated and ignored.
 * -EBADMSG: not a session description; -EMSGSIZE: longer than SDP_MAX_BYTES;
 * -ENOMEM. Free with media_desc_free(). */
int sdp_desc_parse(struct media_desc **out, const char *text, size_t len);

/* Writes one. `address` (numeric, IPv4 or IPv6) stands in o= and c=; a line
 * whose own `rtp` has an address gets that. A line with port 0 keeps its media,
 * proto and formats_text. Of `crypto` every line is written (an answer holds
 * one), of `rtcp` when rtcp_given. Length without the final NUL, or -ENOSPC. */
int sdp_desc_write(const struct media_desc *self, const char *address, char *buf, size_t cap);

/* Makes `next` follow `previous` in one dialog (RFC 3264 section 8): the same
 * session id, and a version that is one higher when the text differs, else the
 * same. `previous` NULL: a new session, of the id given. -ENOMEM. */
int sdp_desc_follow(struct media_desc *next, const struct media_desc *previous,
		    const char *address, uint64_t session_id);

#endif
