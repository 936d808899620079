/* SPDX-License-Identifier: GPL-3.0-or-later
 * The io threads: epoll over the media sockets, the mailbox, the timers. */
#include "rtp/wire_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

/* Below audio's, which must not wait for a burst of video packets. */
enum { RT_PRIORITY = 5 };
/* Two turns that follow each other faster are made one. */
enum { GATHER_US = 1000 };
enum { EVENTS = 128, DEFAULT_MTU = 1200, MIN_MTU = 200, MAX_MTU = 1400, MAX_WAIT_MS = 1000 };

struct rx_ring {
	struct mmsghdr msg[RX_BATCH];
	struct iovec iov[RX_BATCH];
	struct sockaddr_storage from[RX_BATCH];
	uint8_t buf[RX_BATCH][RX_BUFFER];
};

static void wake(void *arg)
{
	struct wire *self = (struct wire *)arg;
	uint64_t one = 1;

	/* Fails only when the counter is full, and then it is awake anyway. */
	if (write(self->event_fd, &one, sizeof(one)) < 0)
		return;
}

static void wire_fini(void *obj)
{
	struct wire *self = (struct wire *)obj;

	for (unsigned i = 0; i < self->n_rest; i++)
		ref_drop(self->rest[i]);
	free(self->rest);
	mailbox_free(self->mailbox);
	ref_drop(self->identity);
	timers_fini(&self->timers);
	txq_free(self->txq);
	free(self->rx);
	if (self->epoll_fd >= 0)
		close(self->epoll_fd);
	if (self->event_fd >= 0)
		close(self->event_fd);
}

static struct rx_ring *rx_ring_new(void)
{
	struct rx_ring *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	for (int i = 0; i < RX_BATCH; i++) {
		r->iov[i] = (struct iovec){ r->buf[i], RX_BUFFER };
		r->msg[i].msg_hdr.msg_iov = &r->iov[i];
		r->msg[i].msg_hdr.msg_iovlen = 1;
		r->msg[i].msg_hdr.msg_name = &r->from[i];
	}
	return r;
}

static int open_fds(struct wire *self)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };

	self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	self->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (self->epoll_fd < 0 || self->event_fd < 0 ||
	    epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->event_fd, &ev) < 0)
		return -errno;
	return 0;
}

/* One io thread's state. */
static int thread_new(struct wire **out, const struct wire_config *config, unsigned index,
		      struct dtls_identity *identity)
{
	struct wire *self = ref_new(sizeof(*self), wire_fini);
	int r;

	if (!self)
		return -ENOMEM;
	self->epoll_fd = self->event_fd = -1;
	self->index = index;
	self->identity = (struct dtls_identity *)ref_hold(identity);
	list_init(&self->transports);
	list_init(&self->held);
	self->fan_out.tail = &self->fan_out.head;
	self->config = *config;
	self->range = (struct port_range){ config->port_min, config->port_max, 0 };
	r = -errno;
	if (getrandom(&self->random, sizeof(self->random), 0) != sizeof(self->random))
		goto out;
	r = -ENOMEM;
	self->rx = rx_ring_new();
	if (!self->rx || txq_new(&self->txq, &self->tx) < 0 || timers_init(&self->timers) < 0)
		goto out;
	r = mailbox_new(&self->mailbox, MEDIA_LIMIT, wake, self);
	if (r < 0)
		goto out;
	r = open_fds(self);
	if (r < 0)
		goto out;
	*out = self;
	return 0;
out:
	ref_drop(self);
	return r;
}

int wire_new(struct wire **out, const struct wire_config *given)
{
	struct wire_config config = *given;
	struct dtls_identity *identity = NULL;
	struct wire *self = NULL;
	int r;

	if (!config.mtu)
		config.mtu = DEFAULT_MTU;
	if (!config.threads)
		config.threads = 1;
	if (config.mtu < MIN_MTU || config.mtu > MAX_MTU || config.threads > WIRE_MAX_THREADS)
		return -EINVAL;
	r = dtls_identity_new(&identity);
	if (r == 0)
		r = thread_new(&self, &config, 0, identity);
	if (r < 0)
		goto out;
	self->rest = calloc(config.threads, sizeof(struct wire *));
	if (!self->rest)
		r = -ENOMEM;
	while (r == 0 && self->n_rest + 1 < config.threads) {
		r = thread_new(&self->rest[self->n_rest], &config, self->n_rest + 1, identity);
		if (r == 0)
			self->n_rest++;
	}
	if (r == 0) {
		*out = self;
		self = NULL;
	}
out:
	ref_drop(self);
	ref_drop(identity);
	return r;
}

/* ---- the loop ------------------------------------------------------------ */

/* Audio comes one by one, and looking for a second packet costs a third of reading
 * the first; but one that is ready turn after turn has more waiting. */
static unsigned batch_of(const struct wire *self, struct component *c)
{
	bool again = c->read_turn + 1 == self->turn;

	c->read_turn = self->turn;
	return c->transport->class == MEDIA_AUDIO && !again ? 1 : RX_BATCH;
}

/* Whoever sends more than any stream has must not keep us from the others: its
 * socket is left alone for a while, until the system drops what does not fit. */
static void component_hold(struct wire *self, struct component *c, int64_t until)
{
	if (epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL) < 0)
		return;
	c->held_until = until;
	list_add(&self->held, &c->held);
	count_add(&self->stats.held, 1);
}

static void component_resume(struct wire *self, struct component *c)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	if (component_watch(self, c) < 0)
		return; /* out of memory: later */
	list_del(&c->held);
	if (getsockopt(c->fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0 || len < sizeof(info))
		return;
	count_add(&self->stats.drop_flood, info[SK_MEMINFO_DROPS] - c->dropped);
	c->dropped = info[SK_MEMINFO_DROPS];
}

static void wire_resume(struct wire *self)
{
	list_each_safe(l, &self->held) {
		struct component *c = list_entry(l, struct component, held);

		if (c->held_until <= self->now)
			component_resume(self, c);
	}
}

/* One batch of one socket. What is left makes it ready again at once, after the
 * others had their turn. */
static void component_read(struct wire *self, struct component *c)
{
	bool video = c->transport->class == MEDIA_VIDEO;
	int64_t until;
	unsigned batch = batch_of(self, c);
	struct rx_ring *rx = self->rx;
	int n;

	/* A turn may be long: what comes last must not look early. */
	self->now = clock_us();
	for (unsigned i = 0; i < batch; i++)
		rx->msg[i].msg_hdr.msg_namelen = sizeof(rx->from[i]);
	n = recvmmsg(c->fd, rx->msg, batch, MSG_DONTWAIT, NULL);
	count_add(&self->stats.rx_calls, 1);
	for (int i = 0; i < n; i++) {
		size_t len = rx->msg[i].msg_len;

		count_add(&self->stats.rx_packets, 1);
		count_add(&self->stats.rx_bytes, len);
		if (rx->msg[i].msg_hdr.msg_flags & MSG_TRUNC)
			count_add(&self->stats.drop_version, 1);
		else
			transport_input(c, rx->buf[i], len, &rx->from[i], self->now);
	}
	until = n > 0 ? budget_spend(&c->budget, (unsigned)n, video ? BUDGET_OTHER : BUDGET_AUDIO,
				     self->now) : 0;
	if (until)
		component_hold(self, c, until);
}

static int wait_of(const struct wire *self, int wait_ms, int64_t now)
{
	int64_t next = timers_next(&self->timers), ms;

	if (self->fan_out.head)
		return 0;
	if (!list_empty(&self->held) && next > now + BUDGET_HOLD_US)
		next = now + BUDGET_HOLD_US;
	if (next == INT64_MAX)
		return wait_ms;
	ms = next <= now ? 0 : (next - now + 999) / 1000;
	return wait_ms < 0 || ms < wait_ms ? (int)(ms > MAX_WAIT_MS ? MAX_WAIT_MS : ms) : wait_ms;
}

/* Counts the turn that ends. */
static void turn_ended(struct wire *self)
{
	static const int64_t edge[] = { 1000, 2000, 5000, 10000, 20000, 50000, 100000 };
	int64_t took = clock_us() - self->begun;
	unsigned i = 0;

	while (i < 7 && took >= edge[i])
		i++;
	count_add(&self->stats.turns[i], 1);
}

void wire_turn(struct wire *self, int wait_ms)
{
	struct epoll_event ev[EVENTS];
	bool mail = false;
	uint64_t n64;
	int n = epoll_wait(self->epoll_fd, ev, EVENTS, wait_of(self, wait_ms, clock_us()));

	self->now = self->begun = clock_us();
	self->more = n == EVENTS;
	self->turn++;
	for (int i = 0; i < n; i++) {
		if (ev[i].data.ptr)
			component_read(self, (struct component *)ev[i].data.ptr);
		else
			mail = true;
		/* Whoever is left is ready still, and the next to be told so. */
		if (self->now - self->begun > READ_US) {
			self->more = mail = true;
			break;
		}
	}
	/* Only now may a message close a socket that an event named. */
	if (mail) {
		if (read(self->event_fd, &n64, sizeof(n64)) < 0)
			n64 = 0;
		self->now = clock_us();
		mailbox_run(self->mailbox, self);
	}
	self->now = clock_us();
	fan_out_run(self);
	wire_resume(self);
	timers_run(&self->timers, self->now);
	self->more |= self->fan_out.head != NULL;
	txq_flush(self->txq);
	turn_ended(self);
}

/* Where it is allowed, before whatever computes: a packet takes microseconds, and
 * sound that was mixed in time is late all the same if it waits for a decoder. */
static void wire_priority(bool first)
{
	const struct sched_param fifo = { .sched_priority = RT_PRIORITY };
	int rc;

	rc = pthread_setschedparam(pthread_self(), SCHED_FIFO, &fifo);
	log_info("event=io_thread realtime=%s%s", rc ? "no" : "yes", first ? "" : " load=normal");
}

/* Of this thread since it began. */
static int64_t cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* But not before everything for good: an operator has to be able to end a flood.
 * Once a second, for what that costs. */
static void wire_yield(struct wire *self)
{
	const struct sched_param normal = { 0 };

	if (self->now - self->busy.since_us < 1000000 ||
	    !busy_note(&self->busy, self->now, cpu_us()))
		return;
	if (!self->busy.yields) {
		wire_priority(false);
		return;
	}
	pthread_setschedparam(pthread_self(), SCHED_OTHER, &normal);
	log_warning("event=io_thread realtime=no load=full");
}

static void *wire_main(void *arg)
{
	struct wire *self = (struct wire *)arg;

	char name[16];

	snprintf(name, sizeof(name), self->index ? "io-%u" : "io", self->index + 1);
	pthread_setname_np(pthread_self(), name);
	wire_priority(true);
	while (!atomic_load_explicit(&self->stopping, memory_order_acquire)) {
		int64_t last = self->begun;

		wire_turn(self, -1);
		wire_yield(self);
		/* With hundreds of legs there is always something: waking for each
		 * packet would cost as much again as reading it, for us and for
		 * whoever is interrupted. */
		if (!self->more && self->begun - last < GATHER_US)
			clock_sleep_until(self->begun + GATHER_US);
	}
	return NULL;
}

static int thread_start(struct wire *self)
{
	int r = pthread_create(&self->thread, NULL, wire_main, self);

	self->started = r == 0;
	return -r;
}

int wire_start(struct wire *self)
{
	int r;

	if (self->started || self->stopped)
		return -EALREADY;
	r = thread_start(self);
	for (unsigned i = 0; r == 0 && i < self->n_rest; i++)
		r = thread_start(self->rest[i]);
	return r;
}

static void thread_stop(struct wire *self)
{
	self->stopped = true;
	atomic_store_explicit(&self->stopping, true, memory_order_release);
	wake(self);
	if (self->started)
		pthread_join(self->thread, NULL);
	/* What was posted before still counts: drops tell `released`. */
	mailbox_run(self->mailbox, self);
	mailbox_close(self->mailbox);
	fan_out_clear(self);
	list_each_safe(l, &self->transports)
		transport_detach(list_entry(l, struct transport, link));
	txq_flush(self->txq);
}

void wire_stop(struct wire *self)
{
	if (self->stopped)
		return;
	thread_stop(self);
	for (unsigned i = 0; i < self->n_rest; i++)
		thread_stop(self->rest[i]);
}

struct wire *wire_drop(struct wire *self)
{
	if (self)
		wire_stop(self);
	return (struct wire *)ref_drop(self);
}

/* ---- small things -------------------------------------------------------- */

const char *wire_fingerprint(const struct wire *self)
{
	return dtls_identity_fingerprint(self->identity);
}

/* SplitMix64 over a seed from the system: numbers for SSRCs, offsets and
 * timing, which must differ and be hard to guess, not keys. */
uint64_t wire_random(struct wire *self)
{
	uint64_t z;

	if (getrandom(&z, sizeof(z), GRND_NONBLOCK) == sizeof(z))
		return z;
	z = self->random += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

int wire_timer_add(struct wire *self)
{
	int r = timers_reserve(&self->timers, self->n_timers + 1);

	if (r == 0)
		self->n_timers++;
	return r;
}

void wire_timer_remove(struct wire *self)
{
	self->n_timers--;
}

struct wire *wire_least(struct wire *self)
{
	struct wire *least = self;

	for (unsigned i = 0; i < self->n_rest; i++)
		if (self->rest[i]->n_transports < least->n_transports)
			least = self->rest[i];
	return least;
}

/* Adds what one thread counted. */
static void stats_add(struct wire_stats *out, const struct wire *self)
{
	const struct wire_stats *s = &self->stats;

#define ADD(field) out->field += count_get(&s->field)
	ADD(rx_packets);
	ADD(rx_bytes);
	ADD(drop_short);
	ADD(drop_version);
	ADD(drop_source);
	ADD(drop_pt);
	ADD(drop_auth);
	ADD(drop_replay);
	ADD(drop_rtcp);
	ADD(drop_stun);
	ADD(drop_dtls);
	ADD(drop_plain);
	ADD(drop_late);
	ADD(drop_queue);
	ADD(held);
	ADD(drop_flood);
	ADD(rx_calls);
	ADD(frames_unseen);
	ADD(transports);
	ADD(streams);
	for (unsigned i = 0; i < 8; i++)
		ADD(turns[i]);
#undef ADD
	out->tx_packets += count_get(&self->tx.packets);
	out->tx_bytes += count_get(&self->tx.bytes);
	out->tx_calls += count_get(&self->tx.calls);
	out->drop_queue += count_get(&self->tx.failed) + mailbox_dropped(self->mailbox) +
			   atomic_load(&self->no_memory);
}

void wire_stats(const struct wire *self, struct wire_stats *out)
{
	*out = (struct wire_stats){ 0 };
	stats_add(out, self);
	for (unsigned i = 0; i < self->n_rest; i++)
		stats_add(out, self->rest[i]);
}
