/* SPDX-License-Identifier: GPL-3.0-or-later
 * Media ports. */
#include "rtp/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* A key frame may come in one burst while the io thread is at something else. */
enum { RECEIVE_BUFFER = 512 * 1024, SEND_BUFFER = 512 * 1024, SYSTEM_TRIES = 32 };
enum { DSCP_EF = 46 << 2, DSCP_AF41 = 34 << 2 };

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int address_parse(union address *out, const char *text)
{
	memset(out, 0, sizeof(*out));
	out->in.sin_family = AF_INET;
	if (!text || inet_pton(AF_INET, text, &out->in.sin_addr) == 1)
		return 0;
	out->in6.sin6_family = AF_INET6;
	return inet_pton(AF_INET6, text, &out->in6.sin6_addr) == 1 ? 0 : -EINVAL;
}

/* A bound socket, or a negative errno. *port becomes what it got. */
static int bind_one(union address *a, uint16_t *port)
{
	int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = a->sa.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
	int one = 1, rx = RECEIVE_BUFFER, tx = SEND_BUFFER, r;

	if (fd < 0)
		return -errno;
	if (a->sa.sa_family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		a->in6.sin6_port = htons(*port);
	} else {
		a->in.sin_port = htons(*port);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rx, sizeof(rx));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &tx, sizeof(tx));
	if (bind(fd, &a->sa, len) < 0 || getsockname(fd, &a->sa, &len) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*port = ntohs(a->sa.sa_family == AF_INET ? a->in.sin_port : a->in6.sin6_port);
	return fd;
}

/* Both sockets of a pair at `port` (0: the system chooses), or none. */
static int bind_pair(struct port_pair *out, union address *a, uint16_t port, bool rtcp)
{
	struct port_pair p = { .rtp = -1, .rtcp = -1, .rtp_port = port };

	p.rtp = bind_one(a, &p.rtp_port);
	if (p.rtp < 0)
		return p.rtp;
	if (rtcp) {
		p.rtcp_port = (uint16_t)(p.rtp_port + 1);
		p.rtcp = p.rtp_port % 2 ? -EADDRINUSE : bind_one(a, &p.rtcp_port);
		if (p.rtcp < 0) {
			close(p.rtp);
			return p.rtcp;
		}
	}
	*out = p;
	return 0;
}

/* The system's ports are mostly odd and even by turns: try for a pair a while. */
static int bind_system(struct port_pair *out, union address *a, bool rtcp)
{
	int r = -EADDRINUSE;

	for (int i = 0; i < SYSTEM_TRIES && r == -EADDRINUSE; i++)
		r = bind_pair(out, a, 0, rtcp);
	return r;
}

int port_bind(struct port_pair *out, struct port_range *range, const char *address, bool rtcp)
{
	uint32_t first = (range->min + 1u) & ~1u, count, i;
	union address a;
	int r = address_parse(&a, address);

	if (r < 0)
		return r;
	if (!range->min && !range->max)
		return bind_system(out, &a, rtcp);
	if (range->max < first + 1)
		return -EINVAL;
	count = (range->max - first + 1) / 2;
	if (!range->next) {
		uint32_t random = 0;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			random = 0;
		range->next = first + random % count * 2;
	}
	for (i = 0; i < count; i++) {
		uint32_t port = range->next;

		range->next = port + 2 > first + (count - 1) * 2 ? first : port + 2;
		r = bind_pair(out, &a, (uint16_t)port, rtcp);
		/* -EACCES: a port that this process may not have. */
		if (r != -EADDRINUSE && r != -EACCES)
			return r;
	}
	return -EADDRINUSE;
}

void port_close(struct port_pair *self)
{
	if (self->rtp >= 0)
		close(self->rtp);
	if (self->rtcp >= 0)
		close(self->rtcp);
	self->rtp = self->rtcp = -1;
}

void port_set_class(int fd, enum media_kind kind)
{
	int tos = kind == MEDIA_AUDIO ? DSCP_EF : DSCP_AF41;

	/* One of the two applies; the other fails, and that is all right. */
	setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
}
