/* SPDX-License-Identifier: GPL-3.0-or-later
 * See dns_relay.h. */
#include "sip/dns_relay.h"

#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum {
	WORKERS = 4,
	HEAD_LEN = 12,     /* RFC 1035 section 4.1.1 */
	QUERY_LEN = 1536, ANSWER_LEN = 4096,
	WAIT_S = 2,      /* for one server, the first time */
	TRIES = 2,       /* of all servers */
};

/* Sofia repeats what was not answered yet: one worker for each is enough. */
struct query {
	bool busy;
	struct sockaddr_in from;
	uint8_t id[2];
};

struct dns_relay {
	int sock, stop, conf;
	char path[40];
	pthread_t thread[WORKERS];
	unsigned threads;
	pthread_mutex_t lock;
	struct query query[WORKERS]; /* under lock */
	atomic_bool silent;          /* the last query found no server */
};

static struct query *query_begin(struct dns_relay *self, const struct sockaddr_in *from,
				 const uint8_t *id)
{
	struct query *q = NULL;

	pthread_mutex_lock(&self->lock);
	for (unsigned i = 0; i < WORKERS; i++) {
		struct query *k = &self->query[i];

		if (!k->busy) {
			q = k;
		} else if (k->from.sin_port == from->sin_port && !memcmp(k->id, id, 2)) {
			q = NULL;
			break;
		}
	}
	if (q)
		*q = (struct query){ .busy = true, .from = *from, .id = { id[0], id[1] } };
	pthread_mutex_unlock(&self->lock);
	return q;
}

static void query_end(struct dns_relay *self, struct query *q)
{
	pthread_mutex_lock(&self->lock);
	q->busy = false;
	pthread_mutex_unlock(&self->lock);
}

/* State changes only: a log line for each query would be a stranger's to write. */
static void tell(struct dns_relay *self, const uint8_t *query, int len, int error)
{
	char name[NS_MAXDNAME];

	if (atomic_exchange(&self->silent, error != 0) == (error != 0))
		return;
	if (!error)
		log_info("sip: a name server answers again");
	else if (dn_expand(query, query + len, query + HEAD_LEN, name, sizeof(name)) >= 0)
		log_warning("sip: no name server of resolv.conf has an answer name=%s error=\"%s\"",
			    name, error == ETIMEDOUT ? "none answers in time" :
			    "none can be reached, or all refuse");
}

/* SERVFAIL to the same question. */
static int failure(uint8_t *answer, const uint8_t *query, int len)
{
	memcpy(answer, query, (size_t)len);
	answer[2] |= 0x80;                  /* QR */
	answer[3] = 0x80 | ns_r_servfail;   /* RA */
	return len;
}

static void ask(struct dns_relay *self, const uint8_t *query, int len,
		const struct sockaddr_in *from)
{
	struct __res_state state;
	uint8_t answer[ANSWER_LEN];
	int n = -1, error = ENETUNREACH;

	memset(&state, 0, sizeof(state));
	if (!res_ninit(&state)) {
		if (state.retrans > WAIT_S)
			state.retrans = WAIT_S;
		if (state.retry > TRIES)
			state.retry = TRIES;
		state.options |= RES_IGNTC; /* Sofia takes what fits into a datagram */
		errno = 0;
		n = res_nsend(&state, query, len, answer, sizeof(answer));
		error = errno ? errno : EIO;
		res_nclose(&state);
	}
	tell(self, query, len, n < HEAD_LEN ? error : 0);
	if (n < HEAD_LEN)
		n = failure(answer, query, len);
	else if (n > ANSWER_LEN)
		n = ANSWER_LEN;
	if (sendto(self->sock, answer, (size_t)n, 0, (const struct sockaddr *)from,
		   sizeof(*from)) != n)
		log_debug("sip: answer about a name not delivered error=%s", strerror(errno));
}

static void *work(void *arg)
{
	struct dns_relay *self = arg;
	struct pollfd fd[2] = { { .fd = self->sock, .events = POLLIN },
				{ .fd = self->stop, .events = POLLIN } };
	uint8_t packet[QUERY_LEN];

	for (;;) {
		struct sockaddr_in from = { .sin_family = AF_INET };
		socklen_t from_len = sizeof(from);
		struct query *q;
		ssize_t n;

		if (poll(fd, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (fd[1].revents)
			return NULL;
		n = recvfrom(self->sock, packet, sizeof(packet), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_len);
		if (n < HEAD_LEN || packet[2] & 0x80)
			continue;
		q = query_begin(self, &from, packet);
		if (!q)
			continue;
		ask(self, packet, (int)n, &from);
		query_end(self, q);
	}
}

static int open_socket(struct dns_relay *self)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	char text[80];
	int n;

	self->sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	self->stop = eventfd(0, EFD_CLOEXEC);
	self->conf = memfd_create("resolv.conf", MFD_CLOEXEC);
	if (self->sock < 0 || self->stop < 0 || self->conf < 0 ||
	    bind(self->sock, (struct sockaddr *)&sin, sizeof(sin)) ||
	    getsockname(self->sock, (struct sockaddr *)&sin, &len))
		return -errno;
	/* The port goes for the servers behind it. */
	n = snprintf(text, sizeof(text), "port %u\nnameserver 127.0.0.1\n",
		     ntohs(sin.sin_port));
	if (write(self->conf, text, (size_t)n) != n)
		return -EIO;
	snprintf(self->path, sizeof(self->path), "/proc/self/fd/%d", self->conf);
	return 0;
}

int dns_relay_new(struct dns_relay **out)
{
	struct dns_relay *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->sock = self->stop = self->conf = -1;
	pthread_mutex_init(&self->lock, NULL);
	err = open_socket(self);
	while (!err && self->threads < WORKERS) {
		err = -pthread_create(&self->thread[self->threads], NULL, work, self);
		self->threads += !err;
	}
	if (err) {
		dns_relay_free(self);
		return err;
	}
	*out = self;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

struct dns_relay *dns_relay_free(struct dns_relay *self)
{
	if (!self)
		return NULL;
	if (self->stop >= 0)
		eventfd_write(self->stop, 1);
	for (unsigned i = 0; i < self->threads; i++)
		pthread_join(self->thread[i], NULL);
	close_fd(self->sock);
	close_fd(self->stop);
	close_fd(self->conf);
	pthread_mutex_destroy(&self->lock);
	free(self);
	return NULL;
}

const char *dns_relay_conf(const struct dns_relay *self)
{
	return self->path;
}
