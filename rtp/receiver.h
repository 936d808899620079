/* SPDX-License-Identifier: GPL-3.0-or-later
 * The receiving half of a stream: RTP to jitter buffer, frames and keys. io
 * thread, but for what the lock guards. */
#ifndef BALAI_RTP_RECEIVER_H
#define BALAI_RTP_RECEIVER_H

#include "codecs/codec.h"
#include "codecs/payload.h"
#include "rtp/jitter.h"
#include "rtp/packet.h"
#include "rtp/reorder.h"
#include "rtp/rtcp.h"

#include <pthread.h>

struct stream;

/* One clock of the sender against ours, from its reports. */
enum { CLOCK_SAMPLES = 8 };

struct sender_clock {
	unsigned n, next;
	int64_t offset_us[CLOCK_SAMPLES];  /* arrival minus the sender's wall time */
	int64_t min_offset_us;
	int64_t sr_wall_us;                /* of the last report */
	uint32_t sr_rtp;
	uint32_t rate;
};

struct dtmf_rx {
	bool known, ended;
	uint8_t event;
	uint32_t timestamp;
	int64_t last_us;
	int64_t paid_us;             /* keys so far are paid for then */
};

struct receiver {
	struct rtp_source source;
	struct rtcp_peer peer;
	int8_t by_pt[128];           /* index in params.rx, -1: not expected */
	uint8_t pt;                  /* of the last media packet */
	/* crossing to the audio shard and readers of the clock */
	pthread_mutex_t lock;
	struct jitter *jitter;       /* lock */
	struct sender_clock clock;   /* lock */
	/* video */
	struct reorder *reorder;
	struct unpacker *unpacker;
	enum codec_id unpacker_codec;
	bool receiving;              /* not on hold */
	bool gap;                    /* what comes next follows a hole */
	bool unseen;                 /* the last packet was not unpacked */
	uint8_t orientation;         /* as last heard; 0: upright */
	bool key_noted;              /* a key frame that nobody saw … */
	uint32_t key_time;           /* … and its timestamp */
	struct dtmf_rx dtmf;
};

void receiver_init(struct receiver *self);
void receiver_fini(struct receiver *self);
/* New parameters of the stream (already in it). -ENOMEM. */
int receiver_apply(struct stream *s);
/* Nothing more comes: what is waiting is dropped, pulls find nothing. */
void receiver_stop(struct stream *s);
/* A packet for this stream whose payload type is expected. `authentic`: SRTP. */
void receiver_rtp(struct stream *s, const struct rtp_packet *packet, bool authentic,
		  int64_t now);
/* A sender report of our source. */
void receiver_sr(struct stream *s, const struct rtcp_sender *sr, int64_t now);
/* Comfort noise was the last that came. */
bool receiver_announced_silence(const struct stream *s);
int64_t receiver_due(const struct stream *s);
void receiver_tick(struct stream *s, int64_t now);
/* Clock rate of the format with this payload type, 0: none. */
uint32_t receiver_rate(const struct stream *s, uint8_t pt);

#endif
