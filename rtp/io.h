/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the io thread stands on: timers with absolute deadlines, and the queue of
 * datagrams that go out in batches. No thread of its own; one owner. */
#ifndef BALAI_RTP_IO_H
#define BALAI_RTP_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* ---- timers -------------------------------------------------------------- */

struct io_timer {
	int64_t at;                                      /* INT64_MAX: not set */
	size_t index;                                    /* place in the heap, 0: none */
	void (*fire)(struct io_timer *self, int64_t now);
};

struct io_timers {
	struct io_timer **heap;                          /* from 1; heap[1] is next */
	size_t n, cap;
};

int timers_init(struct io_timers *self);
void timers_fini(struct io_timers *self);
/* Room for one timer more; a timer set later cannot fail. */
int timers_reserve(struct io_timers *self, size_t n);
void io_timer_init(struct io_timer *self, void (*fire)(struct io_timer *self, int64_t now));
/* Moves it to `at`, earlier or later. INT64_MAX takes it out. */
void io_timer_set(struct io_timers *timers, struct io_timer *self, int64_t at);
/* Moves it to `at` only if that is earlier than what is set. */
void io_timer_sooner(struct io_timers *timers, struct io_timer *self, int64_t at);
/* When the first is due, INT64_MAX: never. */
int64_t timers_next(const struct io_timers *self);
/* Fires what is due. Each is taken out before it fires. */
void timers_run(struct io_timers *self, int64_t now);

/* ---- datagrams out ------------------------------------------------------- */

enum { TXQ_PACKETS = 32, TXQ_PACKET_MAX = 1800 };

struct txq;

struct txq_counts {
	uint64_t packets, bytes, calls, failed; /* relaxed atomics: any thread reads */
};

int txq_new(struct txq **out, struct txq_counts *counts);
struct txq *txq_free(struct txq *self);
/* A buffer of TXQ_PACKET_MAX bytes to build the next datagram of `fd` in; what
 * waits for another descriptor goes out first. A negative fd: it goes nowhere. */
uint8_t *txq_slot(struct txq *self, int fd);
/* The slot given last holds `len` bytes for `to`. */
void txq_commit(struct txq *self, size_t len, const struct sockaddr_storage *to);
/* Sends what waits. Before any descriptor in it is closed. */
void txq_flush(struct txq *self);

/* ---- counters: one writer, any reader ------------------------------------ */

#define count_add(p, n) __atomic_store_n((p), *(p) + (n), __ATOMIC_RELAXED)
#define count_set(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define count_get(p) __atomic_load_n((p), __ATOMIC_RELAXED)

/* ---- addresses ----------------------------------------------------------- */

socklen_t addr_len(const struct sockaddr_storage *a);
/* Same family, address and port; two unset ones are equal. */
bool addr_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b);
/* Same family and address; false if either is unset or is the any-address. */
bool addr_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b);
uint16_t addr_port(const struct sockaddr_storage *a);
void addr_set_port(struct sockaddr_storage *a, uint16_t port);
/* An address and port that can be sent to: set, not any, not port 0. */
bool addr_usable(const struct sockaddr_storage *a);

#endif
