/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files behind sip/sdp.h share. Nobody else includes this. */
#ifndef BALAI_SIP_SDP_INTERNAL_H
#define BALAI_SIP_SDP_INTERNAL_H

#include "mcu/mc/desc.h"
#include "sip/span.h"

#include <sofia-sip/sdp.h>

/* ---- sdp_tidy.c: from what came to what Sofia reads --------------------------- */

/* b=NAME:value comes through as the attribute of this name and NAME. */
#define SDP_BANDWIDTH "x-balai-bandwidth-"

/* An m= line as it was written. */
struct tidy_media {
	struct span media, proto, formats;
	uint16_t port;
	bool rtp;                /* an RTP profile: its formats are payload types */
};

struct tidy {
	char *text;              /* clean SDP, ended by NUL */
	size_t len;
	unsigned n_media;
	struct tidy_media media[DESC_MAX_LINES]; /* borrowed from the input */
	bool too_many;           /* there were more */
};

/* -EBADMSG: no session description; -ENOMEM. */
int tidy_init(struct tidy *self, const char *text, size_t len);
void tidy_fini(struct tidy *self);

enum desc_proto sdp_proto_of(struct span proto);

/* ---- sdp_fmtp.c: format parameters ------------------------------------------- */

/* Reads a=fmtp (NULL: none) into a format whose id, rate and channels are set. */
void sdp_fmtp_parse(struct desc_codec *codec, const char *fmtp);
/* Writes the parameters, "" when there are none. Length or -ENOSPC. */
int sdp_fmtp_write(const struct desc_codec *codec, char *buf, size_t cap);

/* ---- sdp_attr.c: attributes of a line ------------------------------------------ */

/* A numeric address; false (and AF_UNSPEC) when it is none. */
bool sdp_address(struct sockaddr_storage *out, const char *text, uint16_t port);

/* What a line may inherit stands in the session attributes. */
void sdp_attributes_read(struct desc_line *line, const sdp_attribute_t *media,
			 const sdp_attribute_t *session);

#endif
