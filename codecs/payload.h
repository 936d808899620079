/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTP payload formats as pure byte functions: RFC 6184 (H.264), RFC 7741 (VP8),
 * RFC 4629 (H.263-1998), RFC 2190 (H.263), RFC 4587 (H.261), RFC 4733 (telephone-event), RFC 3389 (comfort noise). Any thread. */
#ifndef BALAI_CODECS_PAYLOAD_H
#define BALAI_CODECS_PAYLOAD_H

#include "codecs/coded.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called once per packet, in order. The payload is `head` followed by `body`
 * (both borrowed, only during the call), so that a unit is never copied just
 * to stand behind two bytes. Return non-zero to stop. */
typedef int payload_emit(void *arg, const uint8_t *head, size_t head_len,
			 const uint8_t *body, size_t body_len, bool last);

/* What a packetizer keeps from frame to frame (VP8: picture id, …). */
struct packer {
	uint16_t picture_id;
	uint8_t tl0picidx;
};

/* Cuts a frame into payloads of at most `mtu` bytes. `packetization_mode` is
 * H.264's (0: one NAL unit a packet, -EMSGSIZE if one does not fit; 1: STAP-A
 * and FU-A). */
int payload_pack(struct packer *self, const struct coded *frame, int packetization_mode,
		 size_t mtu, payload_emit *emit, void *arg);

/* Collects the payloads of one stream into frames. */
struct unpacker;
int unpacker_new(struct unpacker **out, enum codec_id codec);
/* One payload in sequence order. `lost`: packets are missing just before it.
 * *out receives a finished frame (new reference) or NULL; a frame ends with the
 * marker bit or when the timestamp changes. -EBADMSG: malformed, dropped. At
 * most 4 MiB and 4096 units a frame. */
int unpacker_put(struct unpacker *self, const uint8_t *payload, size_t len,
		 uint32_t rtp_time, bool marker, bool lost, struct coded **out);
struct unpacker *unpacker_free(struct unpacker *self);

/* True when the payload begins a frame that decodes on its own (looks at the
 * payload alone: IDR or SPS, VP8 key frame). For sources nobody decodes. */
bool payload_is_key(enum codec_id codec, const uint8_t *payload, size_t len);

struct dtmf_event {
	uint8_t event;      /* 0-9, 10 *, 11 #, 12-15 A-D */
	bool end;
	uint8_t volume;     /* -dBm0 */
	uint16_t duration;  /* in timestamp units */
};
int dtmf_event_parse(struct dtmf_event *out, const uint8_t *payload, size_t len);
size_t dtmf_event_write(const struct dtmf_event *self, uint8_t buf[static 4]);
/* '0'..'9' '*' '#' 'A'..'D', or 0. */
char dtmf_event_char(uint8_t event);
/* The event of a key, -1 when there is none. */
int dtmf_char_event(char c);

#endif
