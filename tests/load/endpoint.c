/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/load/endpoint_priv.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

uint32_t endpoint_random(struct endpoint *self)
{
	self->random = self->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(self->random >> 32);
}

bool endpoint_lost(struct endpoint *self)
{
	return self->c.loss_permille && endpoint_random(self) % 1000 < self->c.loss_permille;
}

static int open_socket(struct in_addr address, int *fd, struct sockaddr_in *local)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = address };
	socklen_t len = sizeof(*local);
	int size = 1 << 20, on = 1;

	*fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return -errno;
	setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(*fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (bind(*fd, (struct sockaddr *)&a, sizeof(a)))
		return -errno;
	getsockname(*fd, (struct sockaddr *)local, &len);
	return 0;
}

int endpoint_new(struct endpoint **out, const struct endpoint_config *config, unsigned index)
{
	struct endpoint *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->c = *config;
	self->index = index;
	self->random = index * 7919u + 1;
	self->sip = self->media[AUDIO].fd = self->media[VIDEO].fd = -1;
	err = open_socket(config->address, &self->sip, &self->local);
	for (int i = 0; !err && i < MEDIA; i++) {
		struct media *m = &self->media[i];
		struct sockaddr_in local;

		if (i == VIDEO && !config->clip)
			continue;
		err = open_socket(config->address, &m->fd, &local);
		m->port = ntohs(local.sin_port);
		m->ssrc = endpoint_random(self);
		m->seq = (uint16_t)endpoint_random(self);
		m->timestamp = endpoint_random(self);
		if (getrandom(m->key, sizeof(m->key), 0) != sizeof(m->key))
			err = -EIO;
	}
	if (config->clip)
		self->media[VIDEO].at = index * 37 % config->clip->n_frames;
	if (err) {
		endpoint_free(self);
		return err;
	}
	*out = self;
	return 0;
}

struct endpoint *endpoint_free(struct endpoint *self)
{
	if (!self)
		return NULL;
	for (int i = 0; i < MEDIA; i++) {
		if (self->media[i].fd >= 0)
			close(self->media[i].fd);
		if (self->media[i].tx)
			srtp_dealloc(self->media[i].tx);
		if (self->media[i].rx)
			srtp_dealloc(self->media[i].rx);
	}
	if (self->sip >= 0)
		close(self->sip);
	free(self->record);
	free(self->sent);
	free(self->recorded);
	mark_log_fini(&self->marks);
	free(self);
	return NULL;
}

/* Of one that only media_has audio. */
static int64_t audio_due(const struct endpoint *self, int64_t now)
{
	const struct media *m = &self->media[AUDIO];

	if (self->c.clip || !m->open)
		return now;
	return m->due < m->report_due && self->c.sound && !self->c.receive_only ? m->due :
		m->report_due;
}

void endpoint_tick(struct endpoint *self, int64_t now)
{
	if (now < self->tick_due)
		return;
	endpoint_sip_tick(self, now);
	if (self->state != ENDPOINT_UP)
		return;
	endpoint_send_audio(self, now);
	endpoint_send_video(self, now);
	endpoint_ask_again(self, now);
	for (int i = 0; i < MEDIA; i++) {
		struct media *m = &self->media[i];

		if (m->open && now >= m->report_due) {
			m->report_due = now + 2000000;
			endpoint_send_rtcp(self, m, NULL, 0);
		}
	}
	self->tick_due = audio_due(self, now);
}

static void read_sip(struct endpoint *self, int64_t now)
{
	char buf[65536];
	ssize_t n;

	while ((n = recv(self->sip, buf, sizeof(buf) - 1, 0)) > 0) {
		buf[n] = '\0';
		endpoint_on_sip(self, buf, now);
	}
}

/* When the system took the packet in: our own waiting for the processor is none of the
 * bridge's. */
static int64_t arrival(const struct msghdr *m, int64_t now)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct timespec ts;
	int64_t age;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
		return now;
	memcpy(&ts, CMSG_DATA(c), sizeof(ts));
	age = clock_wall_us() - ((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
	return age > 0 && age < 1000000 ? clock_us() - age : now;
}

static ssize_t receive(int fd, uint8_t *buf, size_t size, int64_t now, int64_t *at)
{
	uint8_t control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec iov = { buf, size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, 0);

	*at = n > 0 ? arrival(&m, now) : now;
	return n;
}

/* Audio comes one by one: what more there is makes the socket ready again. */
void endpoint_read(struct endpoint *self, unsigned which, int64_t now)
{
	uint8_t buf[2048];
	int64_t at;
	ssize_t n;

	if (!which) {
		read_sip(self, now);
		return;
	}
	while ((n = receive(self->media[which - 1].fd, buf, sizeof(buf), now, &at)) > 0) {
		endpoint_on_packet(self, (int)which - 1, buf, (int)n, at);
		if (which - 1 == AUDIO)
			break;
	}
}

const struct mark_log *endpoint_marks(const struct endpoint *self)
{
	return &self->marks;
}

void endpoint_measure(struct endpoint *self, int64_t now)
{
	self->measuring = true;
	self->measured_from = now;
	self->media[AUDIO].last_us = self->media[VIDEO].last_us = 0;
	self->marks.n = 0;
	self->stats.audio_gap_us = self->stats.video_gap_us = 0;
	self->stats.video_frames = self->stats.audio_packets = 0;
}

int64_t endpoint_measured_from(const struct endpoint *self)
{
	return self->measured_from;
}

enum endpoint_state endpoint_state(const struct endpoint *self)
{
	return self->state;
}

const struct endpoint_stats *endpoint_stats(const struct endpoint *self)
{
	return &self->stats;
}

unsigned endpoint_loss(const struct endpoint *self)
{
	return self->c.loss_permille;
}

void endpoint_fds(const struct endpoint *self, int fd[3])
{
	fd[0] = self->sip;
	fd[1] = self->media[AUDIO].fd;
	fd[2] = self->media[VIDEO].fd;
}

const struct sent *endpoint_sent(const struct endpoint *self, size_t *n)
{
	*n = self->n_sent;
	return self->sent;
}

const struct record *endpoint_records(const struct endpoint *self, size_t *n,
				      const uint8_t **data)
{
	*n = self->n_records;
	*data = self->recorded;
	return self->record;
}
