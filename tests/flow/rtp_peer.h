/* SPDX-License-Identifier: GPL-3.0-or-later
 * A telephone's media side for flow tests, made of nothing of ours: its own RTP,
 * RTCP, STUN checks and G.711, SRTP by libsrtp2 itself. It speaks a tone and keeps what it
 * hears. Either its thread runs it in real time, or the test steps it. */
#ifndef BALAI_TESTS_FLOW_RTP_PEER_H
#define BALAI_TESTS_FLOW_RTP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct rtp_peer;

enum rtp_peer_codec { RTP_PEER_PCMU, RTP_PEER_PCMA, RTP_PEER_L16 };

struct rtp_peer_config {
	enum rtp_peer_codec codec;
	uint8_t pt;                  /* sent and expected */
	uint32_t rate;               /* Hz, of clock and samples; 0: 8000 */
	unsigned ptime_ms;           /* 0: 20 */
	bool rtcp_mux;
	int dtmf_pt;                 /* 0: none */
	const char *suite;           /* as in a=crypto; NULL: plain RTP */
	const uint8_t *tx_key, *rx_key; /* master key and salt, as long as the suite needs */
	double hz, amplitude;        /* of the tone; amplitude 0: silence is sent */
	unsigned seed;               /* of everything random */
};

struct rtp_peer_stats {
	uint64_t sent, received, rtcp_sent, rtcp_received, bye;
	uint64_t lost, disordered;   /* of what was received, by sequence number */
	uint64_t refused;            /* not RTP, not authentic, another payload type */
	uint32_t ssrc, peer_ssrc;
	uint8_t peer_fraction;       /* lost of 256, as the peer's last report says of us */
	char keys[32];               /* pressed at the other end */
	unsigned checks;             /* ICE: answered with success */
};

/* Binds to 127.0.0.1. -ENOTSUP: an unknown suite. Where the wire is in the same
 * process it must have had keys before the first one with a suite is made:
 * libsrtp2 can be initialised only once, and the wire wants to do it. */
int rtp_peer_new(struct rtp_peer **out, const struct rtp_peer_config *config);
struct rtp_peer *rtp_peer_free(struct rtp_peer *self);
uint16_t rtp_peer_port(const struct rtp_peer *self);
uint16_t rtp_peer_rtcp_port(const struct rtp_peer *self);
/* Where to send; both are ports of 127.0.0.1. */
void rtp_peer_connect(struct rtp_peer *self, uint16_t rtp, uint16_t rtcp);

/* Sends what is due until `now` (us, any clock that grows) and reads what came.
 * The first call sets the beginning. */
void rtp_peer_step(struct rtp_peer *self, int64_t now);
/* The same every 2 ms on a thread, until stopped. The rest may be called meanwhile. */
int rtp_peer_start(struct rtp_peer *self);
void rtp_peer_stop(struct rtp_peer *self);

void rtp_peer_set_tone(struct rtp_peer *self, double hz, double amplitude);
/* From the next packet on, without a word: what devices do in mid-call. */
void rtp_peer_new_source(struct rtp_peer *self);          /* SSRC, sequence, timestamp */
void rtp_peer_set_ptime(struct rtp_peer *self, unsigned ms);
void rtp_peer_pause(struct rtp_peer *self, bool pause);   /* sends nothing */
/* Loses so many of 1000 packets, and holds each up by 0 to `jitter_ms`. */
void rtp_peer_set_network(struct rtp_peer *self, unsigned loss, unsigned jitter_ms);
/* ICE, as the controlling agent: one check that nominates (RFC 8445 section 7.2), from
 * the RTP socket or that for RTCP. `user` is "theirs:ours", `pwd` theirs. */
void rtp_peer_check(struct rtp_peer *self, bool rtcp, const char *user, const char *pwd);
/* One key for 100 ms by RFC 4733. */
void rtp_peer_press(struct rtp_peer *self, char key);

void rtp_peer_stats(struct rtp_peer *self, struct rtp_peer_stats *out);
/* The newest `n` samples that were heard (what is missing is zero); how many there
 * are since the beginning, at most n. At most four seconds. */
size_t rtp_peer_heard(struct rtp_peer *self, int16_t *out, size_t n);
/* The amplitude of a tone in the last `ms` of it. */
double rtp_peer_hears(struct rtp_peer *self, double hz, unsigned ms);

#endif
