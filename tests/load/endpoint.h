/* SPDX-License-Identifier: GPL-3.0-or-later
 * One endpoint of the load generator: a SIP call over UDP and its two RTP
 * streams, sent from prepared clips. Single-threaded; the caller drives time. */
#ifndef BALAI_TESTS_LOAD_ENDPOINT_H
#define BALAI_TESTS_LOAD_ENDPOINT_H

#include "tests/load/clip.h"
#include "tests/load/mark.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct sound {
	enum codec_id codec;
	unsigned ptime_ms, n;      /* packets, played in a loop */
	uint32_t step;             /* of the timestamp */
	struct { uint16_t len; uint8_t data[400]; } *packet;
};

struct endpoint_config {
	struct sockaddr_in target; /* of the bridge's SIP */
	struct in_addr address;    /* ours */
	char number[32];
	const struct clip *clip;   /* NULL: audio only */
	const struct sound *sound; /* what is sent, NULL: nothing (DTX) */
	enum codec_id audio;
	bool sdes;
	bool receive_only;
	unsigned loss_permille;    /* of packets dropped, each way */
	bool record;               /* keeps received video for video_freshness */
	bool mark, hear;           /* keeps the audio it sends, receives */
};

enum endpoint_state { ENDPOINT_IDLE, ENDPOINT_CALLING, ENDPOINT_UP, ENDPOINT_LEAVING,
		      ENDPOINT_GONE, ENDPOINT_FAILED };

struct endpoint_stats {
	int64_t invite_us, ok_us, ack_us, first_audio_us, first_picture_us;
	uint64_t audio_packets, video_packets, video_frames, frames_incomplete;
	int64_t audio_gap_us, video_gap_us; /* longest between two arrivals, once up */
	uint64_t video_sent, key_requests;
	int status;                 /* of a failure */
};

struct endpoint;

int endpoint_new(struct endpoint **out, const struct endpoint_config *config, unsigned index);
struct endpoint *endpoint_free(struct endpoint *self);

void endpoint_call(struct endpoint *self, int64_t now);
void endpoint_leave(struct endpoint *self, int64_t now);
/* Reads what has arrived on the socket at that place of endpoint_fds. */
void endpoint_read(struct endpoint *self, unsigned which, int64_t now);
/* Sends what is due and repeats what was not answered. */
void endpoint_tick(struct endpoint *self, int64_t now);
/* Gaps and frames are counted from here on; what is recorded begins with the
 * call, since a decoder needs its key frame. */
void endpoint_measure(struct endpoint *self, int64_t now);
int64_t endpoint_measured_from(const struct endpoint *self);

enum endpoint_state endpoint_state(const struct endpoint *self);
const struct endpoint_stats *endpoint_stats(const struct endpoint *self);
unsigned endpoint_loss(const struct endpoint *self);
/* The three descriptors: SIP, audio, video (-1: none). */
void endpoint_fds(const struct endpoint *self, int fd[3]);
/* Audio sent (mark) or received (hear) while it was measured. */
const struct mark_log *endpoint_marks(const struct endpoint *self);

/* Every picture that was sent while it was measured, in order. */
struct sent {
	int64_t at;
	unsigned counter;
};
const struct sent *endpoint_sent(const struct endpoint *self, size_t *n);

/* A received packet that was recorded. */
struct record {
	int64_t at;
	uint32_t timestamp;
	uint16_t seq, len;
	bool marker;
	size_t offset;
};
const struct record *endpoint_records(const struct endpoint *self, size_t *n,
				      const uint8_t **data);

#endif
