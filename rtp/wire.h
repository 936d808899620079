/* SPDX-License-Identifier: GPL-3.0-or-later
 * The wire: the io threads that own the media sockets, both ways. One unless the
 * configuration asks for more; a transport and its streams stay with one of them.
 *
 *   socket → demux (RFC 7983) → STUN | DTLS | SRTP → RTP → jitter buffer / frames
 *   frames → packetize → pace → SRTP → socket          RTCP both ways
 *
 * A transport is a port (pair) with its ICE, DTLS and SRTP state. A stream is
 * one RTP session with a role on it; bundled streams share a transport.
 * Handles are counted objects made and dropped on the control thread; every
 * setter is a message to their io thread, so nothing blocks. */
#ifndef BALAI_RTP_WIRE_H
#define BALAI_RTP_WIRE_H

#include "codecs/codec.h"
#include "codecs/coded.h"
#include "rtp/pull.h"
#include "rtp/srtp_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct wire;
struct transport;
struct stream;

enum { WIRE_MAX_THREADS = 16 };

struct wire_config {
	uint16_t port_min, port_max; /* even..odd; 0,0: the system chooses (tests) */
	uint16_t mtu;                /* largest RTP payload in bytes, 0: 1200 */
	unsigned threads;            /* up to WIRE_MAX_THREADS, 0: one */
};

/* Makes the DTLS identity (ECDSA P-256, fresh) and the state of the io threads. */
int wire_new(struct wire **out, const struct wire_config *config);
int wire_start(struct wire *self);
/* Closes every socket, joins the threads. Transports and streams that are still
 * held become inert. */
void wire_stop(struct wire *self);
struct wire *wire_drop(struct wire *self);

/* SHA-256 fingerprint of the DTLS certificate, "AB:CD:…", 95 characters. */
const char *wire_fingerprint(const struct wire *self);

struct wire_stats {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
	uint64_t drop_short, drop_version, drop_source, drop_pt, drop_auth, drop_replay,
		drop_rtcp, drop_stun, drop_dtls, drop_plain, drop_late, drop_queue;
	/* Sockets that had more than their share and had to wait, and what the
	 * system dropped of them meanwhile. */
	uint64_t held, drop_flood;
	uint64_t rx_calls, tx_calls; /* system calls */
	uint64_t frames_unseen; /* of video, not assembled: nobody looks */
	uint32_t transports, streams;
	/* How long turns of an io thread took: below 1, 2, 5, 10, 20, 50, 100 ms, more. What
	 * is to be sent may have waited so long. */
	uint64_t turns[8];
};
/* Of all io threads together. */
void wire_stats(const struct wire *self, struct wire_stats *out);

/* ---- transports ---------------------------------------------------------- */

enum transport_security { SECURITY_NONE, SECURITY_SDES, SECURITY_DTLS };
enum dtls_role { DTLS_PASSIVE, DTLS_ACTIVE };

/* On the io thread; handlers only post a message to whom it concerns. */
struct transport_events {
	/* DTLS-SRTP is up (0) or failed (negative errno: -EACCES another
	 * certificate than signalled, -EPROTO, -ETIMEDOUT). SDES: only -ENOTSUP,
	 * keys that this build cannot use; nothing passes then. */
	void (*secured)(void *arg, int status);
	/* Nothing is called after it: `arg` may go. May be NULL. */
	void (*released)(void *arg);
};

struct transport_local {
	uint16_t rtp_port, rtcp_port; /* rtcp_port 0: none bound (mux only) */
	char ufrag[9], pwd[25];       /* ICE, RFC 8445; always made */
};

struct transport_params {
	struct sockaddr_storage remote_rtp, remote_rtcp; /* ss_family 0: not known yet */
	bool rtcp_mux;
	bool latch;     /* follow the source of arriving packets (RFC 4961, NAT) */
	bool secured_only; /* security must not be NONE: plain packets are dropped */
	enum transport_security security;
	struct srtp_key tx, rx;       /* SDES */
	enum dtls_role dtls_role;
	char fingerprint_hash[16];    /* "sha-256", "sha-1", … */
	uint8_t fingerprint[64];
	uint8_t fingerprint_len;
	bool ice;                     /* ICE-lite: answer checks, send to the nominated pair */
	char remote_ufrag[257], remote_pwd[257];
};

/* Binds the sockets at once, on `address` (numeric; NULL: any IPv4).
 * -EADDRINUSE: no port (pair) is free in the range. */
int transport_new(struct transport **out, struct wire *wire, const char *address,
		  bool rtcp_socket, const struct transport_events *events, void *arg);
const struct transport_local *transport_local(const struct transport *self);
/* May be called again (re-INVITE): what did not change goes on undisturbed,
 * the same keys keep their SRTP state. */
void transport_set(struct transport *self, const struct transport_params *params);
/* Closes the sockets. Events may still come until `released`. NULL is returned. */
struct transport *transport_drop(struct transport *self);

/* ---- streams ------------------------------------------------------------- */

enum { STREAM_MAX_FORMATS = 16 };

struct stream_format {
	uint8_t pt;
	struct codec_format format;
};

struct stream_params {
	enum media_kind kind;
	bool send, receive;
	uint32_t n_rx;
	struct stream_format rx[STREAM_MAX_FORMATS]; /* what may arrive, DTMF and CN too */
	struct stream_format tx;     /* what is sent */
	int dtmf_tx_pt, cn_tx_pt;    /* -1: not negotiated */
	bool avpf;                   /* early RTCP feedback allowed (RFC 4585) */
	bool nack, pli, fir, tmmbr, remb;        /* both ways */
	char mid[32];
	uint8_t mid_ext, abs_send_time_ext;      /* RFC 8285 ids, 0: none */
	/* The same; received only: how their camera is held, how loud they are (RFC 6464). */
	uint8_t orientation_ext, level_ext;
	uint32_t bitrate;            /* most we may send, bit/s; 0: no limit given */
	char cname[40];
	int64_t silence_us;          /* no RTP and no RTCP for so long: `silent`; 0: never.
				      * Not while comfort noise was the last that came. */
	bool silence_of_rtp;         /* RTCP is no sign of life for silence_us */
};

/* On the io thread; handlers only post a message to whom it concerns. */
struct stream_events {
	/* Video: a whole frame in order (takes over the reference). */
	void (*frame)(void *arg, struct coded *frame);
	/* The peer asks for a key frame (PLI, FIR). */
	void (*key_wanted)(void *arg);
	/* A key was pressed; once per key, at its beginning. */
	void (*dtmf)(void *arg, char key);
	/* The peer (REMB, TMMBR) or its loss reports ask for at most this, bit/s. */
	void (*rate_wanted)(void *arg, uint32_t bitrate, int loss_percent);
	/* A key frame is needed and the peer negotiated no RTCP means to ask. */
	void (*key_unanswerable)(void *arg);
	/* Nothing arrived for silence_us. Once, until something arrives again. */
	void (*silent)(void *arg);
	/* First packet ever, or the first after `silent`. */
	void (*alive)(void *arg);
	/* After stream_drop, once: nothing is called after it, `arg` may go. Any
	 * handler, this one too, may be NULL. */
	void (*released)(void *arg);
};

int stream_new(struct stream **out, struct transport *transport,
	       const struct stream_events *events, void *arg);
void stream_set(struct stream *self, const struct stream_params *params);
/* Sends RTCP BYE. Events may still come until `released`. NULL is returned. */
struct stream *stream_drop(struct stream *self);

/* Any thread that holds a reference. Asks the sender for a key frame by the
 * best means negotiated; repeated until one arrives, backing off; many calls
 * are one request. */
void stream_request_key(struct stream *self);
/* Any thread. Video that nobody sees: keep timestamps and statistics, emit no
 * frames. */
void stream_set_seen(struct stream *self, bool seen);
/* Any thread. Sends a key by RFC 4733, duration in ms. */
void stream_send_dtmf(struct stream *self, char key, unsigned ms);

/* Frames for streams: the only way media goes out. One batch is one message to
 * each io thread that has a stream in it; the batch, its frames and its stream
 * references are taken over. Any thread. */
struct send_item {
	struct stream *stream; /* a reference */
	struct coded *frame;   /* a reference */
};
struct send_batch {
	uint32_t n, cap;
	struct send_item item[];
};
struct send_batch *send_batch_new(uint32_t cap);
/* Holds both. A full batch refuses: -ENOSPC. */
int send_batch_add(struct send_batch *self, struct stream *stream, struct coded *frame);
void wire_send(struct wire *self, struct send_batch *batch);

/* ---- the audio crossing -------------------------------------------------- */

/* Audio shard. The next packet in sequence if it is due at `now`. `depth_ms`
 * (may be NULL): how much audio waits in the buffer above the target depth
 * (negative: below); the shard stretches or squeezes by that. */
enum pull stream_pull(struct stream *self, int64_t now, struct audio_packet *out,
		      int *excess_ms);

/* Capture time of an RTP timestamp by the sender's reports (RFC 3550 6.4.1) in
 * this host's monotonic clock, 0 when no report has come yet. Any thread. */
int64_t stream_capture_us(struct stream *self, uint32_t rtp_time);

struct stream_stats {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, lost, late, concealed;
	uint32_t jitter_us, rtt_us, buffer_ms;
	uint32_t rx_bitrate, tx_bitrate;   /* over the last second or so */
	uint64_t frames_in, frames_out, keys_in, keys_out;
	uint64_t key_requests_in, key_requests_out, nacks_in, nacks_out, resent;
	uint8_t peer_loss_percent;         /* as the peer last reported */
	uint8_t rx_pt;
	bool alive;
};
void stream_stats(struct stream *self, struct stream_stats *out);

#endif
