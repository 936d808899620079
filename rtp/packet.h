/* SPDX-License-Identifier: GPL-3.0-or-later
 * One RTP packet as bytes (RFC 3550 5.1, RFC 8285), what kind of datagram came
 * (RFC 7983), sequence numbers, and who the source is (RFC 3550 A.1, A.8).
 * Pure: no clock, no socket. Owner: whoever holds the struct, one thread. */
#ifndef BALAI_RTP_PACKET_H
#define BALAI_RTP_PACKET_H

#include "base/cursor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- which protocol ------------------------------------------------------ */

enum demux { DEMUX_UNKNOWN, DEMUX_STUN, DEMUX_ZRTP, DEMUX_DTLS, DEMUX_TURN, DEMUX_RTP, DEMUX_RTCP };

/* By the first byte (RFC 7983 section 7), RTP from RTCP by the second (RFC 5761
 * section 4: types 192 to 223 are RTCP). */
enum demux packet_demux(const uint8_t *data, size_t len);

/* ---- one packet ---------------------------------------------------------- */

enum { RTP_HEADER_LEN = 12, RTP_MAX_CSRC = 15 };

struct rtp_packet {
	bool marker;
	uint8_t pt;              /* 0..127 */
	uint8_t n_csrc;
	uint8_t padding;         /* bytes of padding that were cut off the end */
	uint16_t seq;
	uint32_t timestamp, ssrc;
	const uint8_t *csrc;     /* n_csrc times 4 bytes, big endian */
	uint16_t ext_profile;    /* 0xBEDE, 0x100x, or something else */
	uint16_t ext_len;        /* bytes in `ext` */
	const uint8_t *ext;      /* NULL: no extension */
	const uint8_t *payload;  /* may be empty, never NULL after a parse */
	size_t payload_len;
	size_t header_len;       /* bytes before the payload */
};

/* Everything in *out borrows from `data`. -EBADMSG: not version 2, or a length
 * in it points outside. */
int rtp_parse(struct rtp_packet *out, const uint8_t *data, size_t len);

/* One element of a header extension. */
struct rtp_ext {
	uint8_t id, len;
	const uint8_t *data;     /* borrowed */
};

struct rtp_ext_iter {
	struct cursor c;
	bool two_byte, none;
};

/* Walks the elements of either form (RFC 8285 4.2, 4.3); a packet without or
 * with a foreign extension has none. A truncated element ends the walk. */
struct rtp_ext_iter rtp_ext_begin(const struct rtp_packet *packet);
bool rtp_ext_next(struct rtp_ext_iter *self, struct rtp_ext *out);
/* The element with this id, or false. */
bool rtp_ext_find(const struct rtp_packet *packet, uint8_t id, struct rtp_ext *out);

/* How the camera is held, in an element with this id (3GPP TS 26.114 section 7.4.5; bits
 * as in codecs/picture.h): false when there is none of one byte. */
bool rtp_orientation(const struct rtp_packet *packet, uint8_t id, uint8_t *out);

/* How far below full scale its sound is, dB 0..127 (RFC 6464 section 3); as above. */
bool rtp_audio_level(const struct rtp_packet *packet, uint8_t id, uint8_t *out);

/* Writes the header with marker, pt, seq, timestamp, ssrc and CSRCs of `self`
 * (its ext and payload are not looked at) and `n_ext` elements: in the one-byte
 * form where all fit (id 1..14, 1..16 bytes), else in the two-byte form. The
 * caller adds the payload. -ENOSPC; -EINVAL for ids that do not exist. */
int rtp_write_header(const struct rtp_packet *self, const struct rtp_ext *ext,
		     size_t n_ext, struct writer *w);

/* ---- sequence numbers ---------------------------------------------------- */

/* a - b modulo 2^16: how far a is ahead of b. */
static inline int seq_diff(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b);
}

/* a - b modulo 2^32, in timestamp ticks. */
static inline int32_t rtp_time_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

/* The 64-bit value nearest to `last` whose low 16 bits are `seq`. */
static inline int64_t seq_extend(int64_t last, uint16_t seq)
{
	return last + seq_diff(seq, (uint16_t)last);
}

/* ---- the source ---------------------------------------------------------- */

/* Whom we listen to in one stream, and the counts for its report block.
 *
 * A stream has one sender at a time. Another SSRC takes over after two packets
 * in sequence with nothing from the old one between them; when two go on side
 * by side (simulcast, a PBX that mixes), only after the old one was silent for
 * 500 ms. The first packet of all is taken at once: it may begin a key frame. */
struct rtp_source {
	bool known;
	uint32_t ssrc;
	uint16_t max_seq;
	uint32_t cycles;          /* wraps, times 2^16 */
	uint32_t base_seq;
	uint32_t bad_seq;         /* a jump was seen; this one next means a restart */
	uint64_t received;        /* since the source began */
	uint32_t expected_prior, received_prior;
	uint32_t clock_rate;
	int64_t last_us;          /* last packet taken */
	uint32_t transit;
	bool transit_known;
	uint32_t jitter_q4;       /* RFC 3550 A.8, 1/16 ticks */
	uint64_t lost_before;     /* of earlier sources and restarts */
	/* who would like to take over */
	bool rival_known;
	uint32_t rival_ssrc;
	uint16_t rival_seq;
	uint32_t former_ssrc;     /* whom we left last */
	int64_t left_us;
	int64_t contended_us;     /* when the former was still heard */
	bool former_known, contended;
};

enum source_verdict {
	SOURCE_DROP,     /* not ours, or not proven yet: drop and count */
	SOURCE_OK,       /* in the run; possibly late or duplicate */
	SOURCE_NEW,      /* first packet, or another SSRC took over: reset what depends on it */
	SOURCE_RESTART,  /* same SSRC, the sequence starts anew: reset likewise */
};

void rtp_source_init(struct rtp_source *self);
/* One packet that arrived at `now` (us). `clock_rate` in Hz (0: leave jitter
 * alone); a change of it restarts the jitter estimate. `authentic`: SRTP vouches
 * for it, so a new SSRC needs no second packet as proof. A restarted sequence
 * does always (it may be a very late packet), unless a second of silence came
 * before it. */
enum source_verdict rtp_source_update(struct rtp_source *self, const struct rtp_packet *packet,
				      uint32_t clock_rate, bool authentic, int64_t now);
/* Highest sequence number with its wraps, as in a report block. */
uint32_t rtp_source_highest(const struct rtp_source *self);
/* Packets missing since the beginning, never negative; over all sources. */
uint64_t rtp_source_lost(const struct rtp_source *self);
/* RFC 3550 jitter in us. */
uint32_t rtp_source_jitter_us(const struct rtp_source *self);

#endif
