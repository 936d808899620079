/* SPDX-License-Identifier: GPL-3.0-or-later
 * The session description inside a SIP message body, which may be a part of
 * multipart/mixed (RFC 5621, RFC 2046 section 5.1). Pure functions, any thread. */
#ifndef BALAI_SIP_BODY_H
#define BALAI_SIP_BODY_H

#include <stddef.h>

/* Finds application/sdp. *out borrows from `body`; a part ends before the line
 * break that belongs to its boundary. `content_type` is the header's value,
 * parameters included; NULL or "": taken for SDP when the body begins like one.
 * -ENOENT: the body is empty; -ENOTSUP: no session description in it (415);
 * -EBADMSG: multipart without a usable boundary. Nested multiparts are
 * searched, four deep. */
int body_find_sdp(const char **out, size_t *out_len, const char *content_type,
		  const char *body, size_t len);

#endif
