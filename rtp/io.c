/* SPDX-License-Identifier: GPL-3.0-or-later
 * Timer heap, datagram batches, socket addresses. */
#include "rtp/io.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* ---- timers -------------------------------------------------------------- */

int timers_init(struct io_timers *self)
{
	*self = (struct io_timers){ 0 };
	return timers_reserve(self, 64);
}

void timers_fini(struct io_timers *self)
{
	free(self->heap);
	*self = (struct io_timers){ 0 };
}

int timers_reserve(struct io_timers *self, size_t n)
{
	struct io_timer **heap;
	size_t cap = self->cap ? self->cap : 64;

	while (cap < n + 1)
		cap *= 2;
	if (cap == self->cap)
		return 0;
	heap = realloc(self->heap, cap * sizeof(struct io_timer *));
	if (!heap)
		return -ENOMEM;
	self->heap = heap;
	self->cap = cap;
	return 0;
}

void io_timer_init(struct io_timer *self, void (*fire)(struct io_timer *self, int64_t now))
{
	*self = (struct io_timer){ .at = INT64_MAX, .fire = fire };
}

static void place(struct io_timers *t, size_t i, struct io_timer *timer)
{
	t->heap[i] = timer;
	timer->index = i;
}

static void sift_up(struct io_timers *t, size_t i)
{
	struct io_timer *timer = t->heap[i];

	while (i > 1 && t->heap[i / 2]->at > timer->at) {
		place(t, i, t->heap[i / 2]);
		i /= 2;
	}
	place(t, i, timer);
}

static void sift_down(struct io_timers *t, size_t i)
{
	struct io_timer *timer = t->heap[i];

	for (;;) {
		size_t child = i * 2;

		if (child > t->n)
			break;
		if (child < t->n && t->heap[child + 1]->at < t->heap[child]->at)
			child++;
		if (t->heap[child]->at >= timer->at)
			break;
		place(t, i, t->heap[child]);
		i = child;
	}
	place(t, i, timer);
}

static void take_out(struct io_timers *t, struct io_timer *self)
{
	size_t i = self->index;
	struct io_timer *last = t->heap[t->n--];

	self->index = 0;
	if (last == self)
		return;
	place(t, i, last);
	sift_up(t, i);
	sift_down(t, last->index);
}

void io_timer_set(struct io_timers *timers, struct io_timer *self, int64_t at)
{
	int64_t before = self->at;

	self->at = at;
	if (at == INT64_MAX) {
		if (self->index)
			take_out(timers, self);
	} else if (!self->index) {
		assert(timers->n + 1 < timers->cap);
		place(timers, ++timers->n, self);
		sift_up(timers, self->index);
	} else if (at < before) {
		sift_up(timers, self->index);
	} else {
		sift_down(timers, self->index);
	}
}

void io_timer_sooner(struct io_timers *timers, struct io_timer *self, int64_t at)
{
	if (at < self->at)
		io_timer_set(timers, self, at);
}

int64_t timers_next(const struct io_timers *self)
{
	return self->n ? self->heap[1]->at : INT64_MAX;
}

void timers_run(struct io_timers *self, int64_t now)
{
	/* A timer that sets itself to the past again must not hold the loop. */
	for (size_t left = self->n; left > 0 && self->n && self->heap[1]->at <= now; left--) {
		struct io_timer *t = self->heap[1];

		io_timer_set(self, t, INT64_MAX);
		t->fire(t, now);
	}
}

/* ---- datagrams out ------------------------------------------------------- */

struct txq {
	int fd;
	unsigned n;
	struct txq_counts *counts;
	struct mmsghdr msg[TXQ_PACKETS];
	struct iovec iov[TXQ_PACKETS];
	struct sockaddr_storage to[TXQ_PACKETS];
	uint8_t buf[TXQ_PACKETS][TXQ_PACKET_MAX];
};

int txq_new(struct txq **out, struct txq_counts *counts)
{
	struct txq *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	self->fd = -1;
	self->counts = counts;
	for (size_t i = 0; i < TXQ_PACKETS; i++) {
		self->iov[i].iov_base = self->buf[i];
		self->msg[i].msg_hdr.msg_iov = &self->iov[i];
		self->msg[i].msg_hdr.msg_iovlen = 1;
		self->msg[i].msg_hdr.msg_name = &self->to[i];
	}
	*out = self;
	return 0;
}

struct txq *txq_free(struct txq *self)
{
	free(self);
	return NULL;
}

uint8_t *txq_slot(struct txq *self, int fd)
{
	if (self->n && (self->fd != fd || self->n == TXQ_PACKETS))
		txq_flush(self);
	self->fd = fd;
	return self->buf[self->n];
}

void txq_commit(struct txq *self, size_t len, const struct sockaddr_storage *to)
{
	unsigned i = self->n;

	assert(len <= TXQ_PACKET_MAX && i < TXQ_PACKETS);
	if (!addr_usable(to)) {
		count_add(&self->counts->failed, 1);
		return;
	}
	self->iov[i].iov_len = len;
	self->to[i] = *to;
	self->msg[i].msg_hdr.msg_namelen = addr_len(to);
	self->n++;
}

/* How many of those from `first` on went out, or -1. */
static int send_some(struct txq *self, unsigned first)
{
	const struct msghdr *m = &self->msg[first].msg_hdr;

	if (self->fd < 0)
		return (int)(self->n - first);
	if (self->n - first > 1)
		return sendmmsg(self->fd, self->msg + first, self->n - first, MSG_DONTWAIT);
	/* Audio: one at a time, for which this is the shorter way. */
	return sendto(self->fd, m->msg_iov->iov_base, m->msg_iov->iov_len, MSG_DONTWAIT,
		      (const struct sockaddr *)m->msg_name, m->msg_namelen) < 0 ? -1 : 1;
}

void txq_flush(struct txq *self)
{
	unsigned sent = 0;

	while (sent < self->n) {
		int r = send_some(self, sent);

		count_add(&self->counts->calls, 1);
		if (r <= 0) {
			/* A full socket buffer takes no more now; anything else
			 * (no route, too large) concerns this datagram only. */
			unsigned lost = r < 0 && (errno == EAGAIN || errno == ENOBUFS) ?
				self->n - sent : 1;

			if (r < 0 && errno == EINTR)
				continue;
			count_add(&self->counts->failed, lost);
			sent += lost;
			continue;
		}
		for (int i = 0; i < r; i++)
			count_add(&self->counts->bytes, self->iov[sent + (unsigned)i].iov_len);
		count_add(&self->counts->packets, (unsigned)r);
		sent += (unsigned)r;
	}
	self->n = 0;
}

/* ---- addresses ----------------------------------------------------------- */

static const struct sockaddr_in *in4(const struct sockaddr_storage *a)
{
	return (const struct sockaddr_in *)(const void *)a;
}

static const struct sockaddr_in6 *in6(const struct sockaddr_storage *a)
{
	return (const struct sockaddr_in6 *)(const void *)a;
}

socklen_t addr_len(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

uint16_t addr_port(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return ntohs(in4(a)->sin_port);
	return a->ss_family == AF_INET6 ? ntohs(in6(a)->sin6_port) : 0;
}

void addr_set_port(struct sockaddr_storage *a, uint16_t port)
{
	if (a->ss_family == AF_INET)
		((struct sockaddr_in *)(void *)a)->sin_port = htons(port);
	else if (a->ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)a)->sin6_port = htons(port);
}

static bool is_any(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return in4(a)->sin_addr.s_addr == htonl(INADDR_ANY);
	return a->ss_family != AF_INET6 || IN6_IS_ADDR_UNSPECIFIED(&in6(a)->sin6_addr);
}

static bool host_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return in4(a)->sin_addr.s_addr == in4(b)->sin_addr.s_addr;
	return a->ss_family != AF_INET6 ||
	       IN6_ARE_ADDR_EQUAL(&in6(a)->sin6_addr, &in6(b)->sin6_addr);
}

bool addr_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	return host_equal(a, b) && addr_port(a) == addr_port(b);
}

bool addr_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	return !is_any(a) && host_equal(a, b);
}

bool addr_usable(const struct sockaddr_storage *a)
{
	return !is_any(a) && addr_port(a) != 0;
}
