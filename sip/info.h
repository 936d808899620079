/* SPDX-License-Identifier: GPL-3.0-or-later
 * Bodies of INFO requests: DTMF as phones send it, and picture_fast_update of
 * RFC 5168. Pure functions, any thread. */
#ifndef BALAI_SIP_INFO_H
#define BALAI_SIP_INFO_H

#include <stddef.h>

enum info_kind {
	INFO_NONE,      /* no body: a keep-alive */
	INFO_DTMF,
	INFO_KEY_FRAME,
	INFO_ERROR,     /* RFC 5168 section 7.1: <general_error> */
	INFO_OTHER,     /* well-known type, nothing in it for us */
};

enum { INFO_MAX_KEYS = 32 };

struct info {
	enum info_kind kind;
	char keys[INFO_MAX_KEYS + 1]; /* of INFO_DTMF: 0-9 * # A-D, upper case */
};

/* `content_type` without its parameters, NULL when there is none. -ENOTSUP:
 * a type we do not know (415); -EBADMSG: a known one with nonsense in it. */
int info_parse(struct info *out, const char *content_type, const char *body, size_t len);

/* What RFC 5168 section 6 asks for a whole new picture with; `stream_id` "": none,
 * since some answer 500 to one they do not know, and few need it. -ENOSPC. */
int info_key_frame(char *buf, size_t cap, const char *stream_id);
extern const char info_media_control_type[];

#endif
