/* SPDX-License-Identifier: GPL-3.0-or-later
 * The inside of the wire, shared by the files that make it up; nobody else
 * includes it (tests and fuzz targets may).
 *
 * Who owns what: `io` fields belong to the io thread (before wire_start and
 * after wire_stop: to the control thread). A transport is held by its control
 * handle and, from attach to detach, by the wire's list; a stream by its handle,
 * by batches, by whoever pulls, and by its transport's list. Detached, both are
 * inert: fd -1, no transport. The last reference frees memory only. */
#ifndef BALAI_RTP_WIRE_PRIV_H
#define BALAI_RTP_WIRE_PRIV_H

#include "base/list.h"
#include "base/mailbox.h"
#include "rtp/budget.h"
#include "rtp/dtls.h"
#include "rtp/ice.h"
#include "rtp/io.h"
#include "rtp/latch.h"
#include "rtp/packet.h"
#include "rtp/port.h"
#include "rtp/receiver.h"
#include "rtp/feedback.h"
#include "rtp/sender.h"
#include "rtp/srtp.h"
#include "rtp/tap.h"
#include "rtp/wire.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	RX_BATCH = 16,          /* datagrams of one socket at a time: nobody starves others */
	RX_BUFFER = 2048,
	MAX_TRANSPORT_STREAMS = 16,
	MAX_SSRC_MAP = 32,      /* remote SSRCs of one transport, for BUNDLE */
	MEDIA_LIMIT = 1024,     /* batches that wait in the mailbox */
	FAN_OUT_AT_ONCE = 16,   /* legs that are sent a picture without looking at the clock */
	FAN_OUT_US = 2000,      /* for that in a turn */
	FAN_OUT_BATCHES = 512,  /* pictures that wait for it */
	READ_US = 3000,         /* for reading in a turn; what is left comes in the next */
};

/* ---- wire ---------------------------------------------------------------- */

struct rx_ring;

/* One io thread. The first of several is the handle that others have: it knows
 * the rest, and gives out the ports. */
struct wire {
	struct wire_config config;
	struct port_range range;        /* control; the first's */
	struct wire **rest;             /* references; the first's */
	unsigned n_rest, index;
	unsigned n_transports;          /* control: made and not dropped yet */
	struct mailbox *mailbox;
	struct dtls_identity *identity; /* a reference */
	int epoll_fd, event_fd;
	pthread_t thread;
	bool started, stopped;          /* control */
	atomic_bool stopping;
	atomic_ulong no_memory;         /* frames lost to it in wire_send */
	/* io */
	struct io_timers timers;
	size_t n_timers;
	struct txq *txq;
	struct rx_ring *rx;
	struct list transports;
	struct list held;               /* components that are not read for now */
	struct {
		struct msg *head, **tail; /* batches that go out bit by bit */
		unsigned n;
		uint32_t at;            /* items of the first that went */
	} fan_out;
	struct busy busy;
	int64_t now;
	uint64_t turn;                  /* of the loop */
	int64_t begun;                  /* when it woke */
	bool more;                      /* and had more to read than fits a turn */
	uint64_t random;
	/* counters: io writes, anyone reads */
	struct txq_counts tx;
	struct wire_stats stats;
};

/* One turn of the io thread, waiting at most `wait_ms`. Tests call it instead of
 * wire_start. */
void wire_turn(struct wire *self, int wait_ms);
/* io. Sends some of what waits for it. */
void fan_out_run(struct wire *self);
void fan_out_clear(struct wire *self);
/* control. The thread with the fewest transports. */
struct wire *wire_least(struct wire *self);
/* io. A number nobody can guess. */
uint64_t wire_random(struct wire *self);
/* io. Room for one timer more, and back. */
int wire_timer_add(struct wire *self);
void wire_timer_remove(struct wire *self);

/* ---- transport ----------------------------------------------------------- */

/* A datagram kept for later. */
struct stash {
	struct sockaddr_storage from;
	int64_t at_us;
	size_t len;
	uint8_t data[RX_BUFFER];
};

/* One socket: RTP (and with mux everything), or RTCP. */
struct component {
	struct transport *transport;
	int fd;
	bool rtcp;
	uint64_t read_turn;             /* when it was read last */
	struct budget budget;
	struct list held;
	int64_t held_until;
	uint32_t dropped;               /* of it by the system, as far as counted */
	struct latch latch;
	struct ice ice;
	struct dtls_side dtls;
	struct keyring keys;            /* SDES: those of the first component serve both */
	bool secure;                    /* DTLS: keys are there */
	struct stash *early;            /* a DTLS hello from before the description */
};

struct ssrc_entry {
	uint32_t ssrc;
	struct stream *stream;
};

struct transport {
	struct wire *wire;              /* a reference */
	struct transport_events events;
	void *arg;
	struct transport_local local;
	struct msg attach_msg, drop_msg;
	/* io */
	bool attached, set;
	struct list link, streams;
	unsigned n_streams;
	struct transport_params params;
	struct component comp[2];
	struct io_timer timer;
	int64_t heard_us;               /* last RTCP or STUN that was good, 0: none */
	int secured_told;               /* 1: told nothing yet */
	enum media_kind class;
	struct tap *tap;                /* a reference; NULL: nobody looks */
	unsigned n_ssrc, ssrc_next;
	struct ssrc_entry ssrc[MAX_SSRC_MAP];
};

/* io. A datagram that arrived on a component; the bytes are worked on in place. */
void transport_input(struct component *c, uint8_t *data, size_t len,
		     const struct sockaddr_storage *from, int64_t now);
/* io. Waits for datagrams of the component's socket, if it has one. */
int component_watch(struct wire *wire, struct component *c);
/* io. The description is there: what came too early is looked at now. */
void component_unstash(struct component *c, int64_t now);
/* io. May media go out now: address and keys are there? */
bool transport_ready(struct transport *self, bool rtcp);
/* io. A buffer to build an RTP or RTCP packet in; only when transport_ready. */
uint8_t *transport_slot(struct transport *self, bool rtcp);
/* io. Protects and queues what was built there. The length as it goes out, or a
 * negative errno. */
int transport_commit(struct transport *self, bool rtcp, uint8_t *packet, size_t len);
/* io. Sends again what transport_commit made, as it went out then. */
void transport_resend(struct transport *self, const uint8_t *packet, size_t len);
/* io. Takes the transport off the wire: streams become inert, sockets close. */
void transport_detach(struct transport *self);
/* io. Sends raw bytes from a component (STUN, DTLS). */
void component_send(struct component *c, const uint8_t *data, size_t len,
		    const struct sockaddr_storage *to);
/* io. A packet in the clear, for the tap that is there. */
void transport_tapped(struct component *c, bool sent, const struct sockaddr_storage *peer,
		      const uint8_t *data, size_t len);
/* io. The keys that a component's packets are under. */
struct keyring *component_keys(struct component *c);
/* io. Something of the transport is due at `at`. */
void transport_sooner(struct transport *self, int64_t at);

/* ---- stream -------------------------------------------------------------- */

struct meter {
	int64_t start_us;
	uint64_t bytes;
	uint32_t rate;                  /* bit/s of the last whole second */
};

struct stream {
	struct wire *wire;              /* a reference */
	struct stream_events events;
	void *arg;
	struct msg attach_msg, drop_msg, key_msg;
	struct transport *attach_to;    /* a reference, until attached */
	atomic_bool key_pending;        /* key_msg is in the mailbox */
	atomic_bool seen;
	atomic_bool frame_lost;         /* one did not get as far as here */
	/* io */
	struct list link;
	struct transport *transport;    /* NULL: inert */
	bool set, silent_told;
	struct stream_params params;
	struct io_timer timer;
	int64_t heard_us, silence_from_us;
	struct receiver rx;
	struct sender tx;
	struct feedback fb;
	/* counters: io writes, anyone reads */
	struct stream_stats stats;
	struct meter rx_meter, tx_meter;
};

/* io. */
void stream_detach(struct stream *self);
void stream_heard(struct stream *self, int64_t now);
void stream_apply(struct stream *self, const struct stream_params *params, int64_t now);
/* Looks again at when the stream's timer must fire. */
void stream_arm(struct stream *self, int64_t now);
void meter_add(struct meter *self, size_t bytes, int64_t now);
uint32_t meter_get(const struct meter *self, int64_t now);

#endif
