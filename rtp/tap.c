/* SPDX-License-Identifier: GPL-3.0-or-later
 * See tap.h. The file format is libpcap's, version 2.4, microseconds. */
#include "rtp/tap.h"

#include "base/mailbox.h"
#include "base/ref.h"
#include "rtp/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	LINKTYPE_RAW = 101,   /* the packet begins with its IP header */
	SNAPLEN = 65535,
	UDP_HEADER = 8, IP4_HEADER = 20, IP6_HEADER = 40,
	PAYLOAD_MAX = 65507,  /* of UDP over IPv4 */
};

struct tap {
	struct sockaddr_storage local;
	struct tap_limits limits;
	struct mailbox *mailbox;
	int event_fd;
	pthread_t thread;
	atomic_bool stopping, done;
	/* writer */
	FILE *file;
	/* counters: the writer writes, anyone reads */
	_Atomic uint64_t packets, bytes;
	atomic_int error;
};

struct packet_msg {
	struct msg msg;
	struct sockaddr_storage from, to;
	int64_t wall_us;
	size_t len, whole;
	uint8_t data[];
};

/* ---- headers --------------------------------------------------------------- */

static uint32_t sum_bytes(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (len & 1)
		sum += (uint32_t)p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* As an IPv6 address; IPv4 mapped (RFC 4291 2.5.5.2). */
static void addr6(uint8_t out[16], const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 16);
		return;
	}
	memset(out, 0, 16);
	out[10] = out[11] = 0xff;
	memcpy(out + 12, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
}

/* RFC 768: over addresses, protocol and length too; never 0. */
static void udp_header(uint8_t *udp, const uint8_t *addresses, size_t addresses_len,
		       const struct packet_msg *m)
{
	unsigned len = (unsigned)(UDP_HEADER + m->len);
	uint32_t sum;

	put16(udp, addr_port(&m->from));
	put16(udp + 2, addr_port(&m->to));
	put16(udp + 4, len);
	put16(udp + 6, 0);
	sum = sum_bytes(len + IPPROTO_UDP, addresses, addresses_len);
	sum = sum_bytes(sum, udp, UDP_HEADER);
	sum = ~sum_bytes(sum, m->data, m->len) & 0xffff;
	put16(udp + 6, sum ? sum : 0xffff);
}

/* IP and UDP headers; how long they are. */
static size_t headers(uint8_t out[IP6_HEADER + UDP_HEADER], const struct packet_msg *m)
{
	size_t len = UDP_HEADER + m->len;

	memset(out, 0, IP6_HEADER + UDP_HEADER);
	if (m->from.ss_family == AF_INET && m->to.ss_family == AF_INET) {
		out[0] = 0x45;
		put16(out + 2, (unsigned)(IP4_HEADER + len));
		out[6] = 0x40; /* don't fragment */
		out[8] = 64;
		out[9] = IPPROTO_UDP;
		memcpy(out + 12, &((const struct sockaddr_in *)(const void *)&m->from)->sin_addr, 4);
		memcpy(out + 16, &((const struct sockaddr_in *)(const void *)&m->to)->sin_addr, 4);
		put16(out + 10, ~sum_bytes(0, out, IP4_HEADER) & 0xffff);
		udp_header(out + IP4_HEADER, out + 12, 8, m);
		return IP4_HEADER + UDP_HEADER;
	}
	out[0] = 0x60;
	put16(out + 4, (unsigned)len);
	out[6] = IPPROTO_UDP;
	out[7] = 64;
	addr6(out + 8, &m->from);
	addr6(out + 24, &m->to);
	udp_header(out + IP6_HEADER, out + 8, 32, m);
	return IP6_HEADER + UDP_HEADER;
}

/* ---- the writer ------------------------------------------------------------ */

static void put(struct tap *self, const void *data, size_t len)
{
	if (fwrite(data, 1, len, self->file) != len && !self->error)
		self->error = errno ? -errno : -EIO;
	self->bytes += len;
}

static void write_file_header(struct tap *self)
{
	/* In this host's byte order, which the first word tells. */
	const uint32_t magic = 0xa1b2c3d4;
	const uint16_t version[2] = { 2, 4 };
	const uint32_t rest[4] = { 0, 0, SNAPLEN, LINKTYPE_RAW };

	put(self, &magic, sizeof(magic));
	put(self, version, sizeof(version));
	put(self, rest, sizeof(rest));
}

static void write_packet(struct tap *self, const struct packet_msg *m)
{
	uint8_t head[IP6_HEADER + UDP_HEADER];
	size_t n = headers(head, m);
	const uint32_t record[4] = { (uint32_t)(m->wall_us / 1000000),
				     (uint32_t)(m->wall_us % 1000000), (uint32_t)(n + m->len),
				     (uint32_t)(n + m->whole) };

	if (self->error)
		return;
	if (self->bytes + sizeof(record) + n + m->len > self->limits.bytes) {
		self->error = -EFBIG;
		return;
	}
	put(self, record, sizeof(record));
	put(self, head, n);
	put(self, m->data, m->len);
	self->packets++;
}

static void on_packet(struct msg *msg, void *owner)
{
	write_packet((struct tap *)owner, (struct packet_msg *)(void *)msg);
	free(msg);
}

static void packet_discard(struct msg *msg)
{
	free(msg);
}

static void *writer(void *arg)
{
	struct tap *self = (struct tap *)arg;
	bool last = false;
	uint64_t n;

	write_file_header(self);
	while (!last) {
		if (read(self->event_fd, &n, sizeof(n)) < 0 && errno != EINTR)
			break;
		/* Asked before: what was put in before the stop is written. */
		last = self->stopping;
		mailbox_run(self->mailbox, self);
		if (fflush(self->file) && !self->error)
			self->error = -errno;
		last |= self->error != 0;
	}
	mailbox_close(self->mailbox);
	if (fclose(self->file) && !self->error)
		self->error = -errno;
	self->done = true;
	return NULL;
}

/* ---- any thread ------------------------------------------------------------- */

static void wake(void *arg)
{
	struct tap *self = (struct tap *)arg;
	uint64_t one = 1;

	(void)!write(self->event_fd, &one, sizeof(one));
}

static void tap_fini(void *obj)
{
	struct tap *self = (struct tap *)obj;

	mailbox_free(self->mailbox);
	if (self->event_fd >= 0)
		close(self->event_fd);
}

static int parse_local(struct sockaddr_storage *out, const char *text)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		out->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		out->ss_family = AF_INET6;
	else
		return -EINVAL;
	return 0;
}

int tap_new(struct tap **out, int fd, const char *local, const struct tap_limits *limits)
{
	struct tap *self = (struct tap *)ref_new(sizeof(*self), tap_fini);
	int err, own;

	if (!self)
		return -ENOMEM;
	self->limits = *limits;
	self->event_fd = eventfd(0, EFD_CLOEXEC);
	err = self->event_fd < 0 ? -errno : parse_local(&self->local, local);
	if (!err)
		err = mailbox_new(&self->mailbox, TAP_QUEUE, wake, self);
	if (err)
		goto out;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	self->file = own < 0 ? NULL : fdopen(own, "wb");
	if (!self->file) {
		err = -errno;
		if (own >= 0)
			close(own);
		goto out;
	}
	err = -pthread_create(&self->thread, NULL, writer, self);
	if (!err) {
		*out = self;
		return 0;
	}
	fclose(self->file);
out:
	ref_drop(self);
	return err;
}

void tap_local(const struct tap *self, uint16_t port, struct sockaddr_storage *out)
{
	*out = self->local;
	addr_set_port(out, port);
}

void tap_packet(struct tap *self, bool media, const struct sockaddr_storage *from,
		const struct sockaddr_storage *to, int64_t wall_us, const uint8_t *data, size_t len)
{
	size_t kept = len < PAYLOAD_MAX ? len : PAYLOAD_MAX;
	struct packet_msg *m;

	if (self->stopping || self->error || wall_us > self->limits.wall_us)
		return;
	m = malloc(sizeof(*m) + kept);
	if (!m)
		return;
	m->msg = (struct msg){ .deliver = on_packet, .discard = packet_discard, .media = media };
	m->from = *from;
	m->to = *to;
	m->wall_us = wall_us;
	m->len = kept;
	m->whole = len;
	memcpy(m->data, data, kept);
	mailbox_put(self->mailbox, &m->msg);
}

void tap_stop(struct tap *self)
{
	self->stopping = true;
	wake(self);
}

bool tap_done(const struct tap *self)
{
	return self->done;
}

struct tap *tap_end(struct tap *self)
{
	if (!self)
		return NULL;
	tap_stop(self);
	pthread_join(self->thread, NULL);
	return (struct tap *)ref_drop(self);
}

void tap_stats(const struct tap *self, struct tap_stats *out)
{
	out->packets = self->packets;
	out->bytes = self->bytes;
	out->dropped = mailbox_dropped(self->mailbox);
	out->error = self->error;
}
