/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the jitter buffer gives: the words of the audio crossing. */
#ifndef BALAI_RTP_PULL_H
#define BALAI_RTP_PULL_H

#include <stdbool.h>
#include <stdint.h>

/* io puts, one audio shard pulls: the one locked crossing. */
enum pull {
	PULL_PACKET,  /* out holds the next packet */
	PULL_LOST,    /* the next packet will not come: conceal; out holds the one
		       * after it if it is here (for FEC), else len 0 */
	PULL_WAIT,    /* nothing due: still filling, or the sender is silent */
};

struct audio_packet {
	uint8_t pt;
	bool marker;
	uint16_t seq;
	uint32_t rtp_time;
	int64_t arrival_us;
	uint8_t level;        /* dB below full scale as its sender says (RFC 6464); 0: it may
			       * be loud */
	uint16_t len;
	uint8_t data[1500];
};

#endif
