/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the parts of an endpoint share: endpoint.c (its life, sockets, clock),
 * endpoint_sip.c (the call), endpoint_send.c (RTP and feedback out) and
 * endpoint_receive.c (what comes in). */
#ifndef BALAI_TESTS_LOAD_ENDPOINT_PRIV_H
#define BALAI_TESTS_LOAD_ENDPOINT_PRIV_H

#include "tests/load/endpoint.h"

#include <srtp2/srtp.h>

enum { AUDIO, VIDEO, MEDIA };
enum { VIDEO_PT = 97, WINDOW = 4096 };

struct media {
	int fd;
	uint16_t port;
	struct sockaddr_in remote;
	bool open;               /* the answer gave it a port */
	uint32_t ssrc, timestamp, remote_ssrc;
	uint16_t seq;
	int64_t due;
	unsigned at;             /* next packet or frame of the clip */
	srtp_t tx, rx;
	uint8_t key[30];
	int64_t last_us, report_due;
	/* video received: which sequence numbers of the frame now arriving */
	bool any;
	uint16_t highest, lowest; /* lowest: where it began, or a window back */
	uint8_t have[WINDOW / 8];
	uint16_t first_key;      /* where the first key frame begins */
	bool key_seen;
	uint32_t key_timestamp;
	bool key_end_seen;
	uint16_t key_end;
	int64_t nack_due, pli_due;
	uint8_t fir_seq;
};

struct endpoint {
	struct endpoint_config c;
	unsigned index;
	enum endpoint_state state;
	int64_t tick_due;        /* nothing to be done before */
	struct endpoint_stats stats;
	int sip;
	struct sockaddr_in local;
	char call_id[64], tag[16], to_tag[128], contact[256];
	int64_t retry_due, retry_us;
	unsigned tries;
	struct media media[MEDIA];
	struct sent *sent;
	size_t n_sent, cap_sent;
	uint64_t random;
	bool measuring;
	int64_t measured_from;
	uint32_t last_video_timestamp;
	struct record *record;
	size_t n_records, cap_records;
	uint8_t *recorded;
	size_t recorded_len, recorded_cap;
	struct mark_log marks;
};

static inline bool media_has(const struct media *m, uint16_t seq)
{
	return m->have[seq % WINDOW / 8] >> (seq % 8) & 1;
}

/* Repeatable, of this endpoint's own sequence. */
uint32_t endpoint_random(struct endpoint *self);
/* Whether the network loses a packet, either way. */
bool endpoint_lost(struct endpoint *self);

/* ---- endpoint_sip.c ------------------------------------------------------------------- */

const char *endpoint_audio_map(enum codec_id codec, int *pt);
/* One message, as a string. */
void endpoint_on_sip(struct endpoint *self, const char *msg, int64_t now);
/* Repeats what got no answer. */
void endpoint_sip_tick(struct endpoint *self, int64_t now);

/* ---- endpoint_send.c ------------------------------------------------------------------ */

/* What is due. */
void endpoint_send_audio(struct endpoint *self, int64_t now);
void endpoint_send_video(struct endpoint *self, int64_t now);
/* The bridge wants a key frame: the clip goes on at its next one. */
void endpoint_jump_to_key(struct endpoint *self);
/* An empty receiver report with `more` behind it. */
void endpoint_send_rtcp(struct endpoint *self, struct media *m, const uint8_t *more, int more_len);
/* For missing packets, and for a key frame until there is a picture. */
void endpoint_ask_again(struct endpoint *self, int64_t now);

/* ---- endpoint_receive.c --------------------------------------------------------------- */

/* One RTP or RTCP packet, decrypted in place. */
void endpoint_on_packet(struct endpoint *self, int kind, uint8_t *b, int len, int64_t now);

#endif
