/* SPDX-License-Identifier: GPL-3.0-or-later
 * What an endpoint sends: its clips as RTP, reports, and what it asks for. */
#include "tests/load/endpoint_priv.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void put_header(uint8_t *b, bool marker, int pt, uint16_t seq, uint32_t ts, uint32_t ssrc)
{
	b[0] = 0x80;
	b[1] = (uint8_t)((marker ? 0x80 : 0) | pt);
	b[2] = (uint8_t)(seq >> 8);
	b[3] = (uint8_t)seq;
	for (int i = 0; i < 4; i++) {
		b[4 + i] = (uint8_t)(ts >> (24 - 8 * i));
		b[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	}
}

static void send_packet(struct endpoint *self, struct media *m, uint8_t *buf, int len)
{
	if (m->tx && srtp_protect(m->tx, buf, &len) != srtp_err_status_ok)
		return;
	if (!endpoint_lost(self))
		sendto(m->fd, buf, (size_t)len, 0, (struct sockaddr *)&m->remote, sizeof(m->remote));
}

void endpoint_send_audio(struct endpoint *self, int64_t now)
{
	struct media *m = &self->media[AUDIO];
	const struct sound *s = self->c.sound;
	uint8_t buf[600];
	int pt;

	if (!m->open || !s || self->c.receive_only)
		return;
	endpoint_audio_map(self->c.audio, &pt);
	while (m->due <= now) {
		put_header(buf, m->at == 0, pt, m->seq++, m->timestamp, m->ssrc);
		memcpy(buf + 12, s->packet[m->at % s->n].data, s->packet[m->at % s->n].len);
		if (self->c.mark && self->measuring)
			mark_log_add(&self->marks, now, m->seq, buf + 12, s->packet[m->at % s->n].len);
		send_packet(self, m, buf, 12 + s->packet[m->at % s->n].len);
		m->at++;
		m->timestamp += s->step;
		m->due += s->ptime_ms * 1000;
	}
}

static void note_sent(struct endpoint *self, unsigned counter, int64_t now)
{
	if (self->n_sent == self->cap_sent) {
		size_t cap = self->cap_sent ? self->cap_sent * 2 : 1024;
		struct sent *s = realloc(self->sent, cap * sizeof(*s));

		if (!s)
			return;
		self->sent = s;
		self->cap_sent = cap;
	}
	self->sent[self->n_sent++] = (struct sent){ now, counter };
}

void endpoint_send_video(struct endpoint *self, int64_t now)
{
	struct media *m = &self->media[VIDEO];
	const struct clip *c = self->c.clip;
	uint8_t buf[1600];

	if (!c || !m->open || self->c.receive_only)
		return;
	while (m->due <= now) {
		const struct clip_frame *f = &c->frame[m->at];
		int64_t begun = clock_us();

		for (unsigned i = 0; i < f->n; i++) {
			const struct clip_packet *p = &c->packet[f->first + i];

			put_header(buf, p->marker, VIDEO_PT, m->seq++, m->timestamp, m->ssrc);
			memcpy(buf + 12, c->data + p->offset, p->len);
			send_packet(self, m, buf, 12 + (int)p->len);
		}
		note_sent(self, m->at, begun);
		self->stats.video_sent++;
		m->at = (m->at + 1) % c->n_frames;
		m->timestamp += 90000 / (unsigned)c->fps;
		m->due += 1000000 / c->fps;
	}
}

/* The bridge wants a key frame: the clip goes on at its next one. */
void endpoint_jump_to_key(struct endpoint *self)
{
	struct media *m = &self->media[VIDEO];

	self->stats.key_requests++;
	for (unsigned i = 0; i < self->c.clip->n_frames && !self->c.clip->frame[m->at].key; i++)
		m->at = (m->at + 1) % self->c.clip->n_frames;
}

static void put32(uint8_t *b, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		b[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* An empty receiver report with `more` behind it. */
void endpoint_send_rtcp(struct endpoint *self, struct media *m, const uint8_t *more, int more_len)
{
	uint8_t buf[512] = { 0x80, 201, 0, 1 };
	int len = 8 + more_len;

	put32(buf + 4, m->ssrc);
	if (more_len)
		memcpy(buf + 8, more, (size_t)more_len);
	if (m->tx && srtp_protect_rtcp(m->tx, buf, &len) != srtp_err_status_ok)
		return;
	if (!endpoint_lost(self))
		sendto(m->fd, buf, (size_t)len, 0, (struct sockaddr *)&m->remote, sizeof(m->remote));
}

static void send_nack(struct endpoint *self, struct media *m)
{
	uint8_t fb[12 + 4 * 16] = { 0x81, 205 };
	int n = 0;
	bool joining = m->key_seen && !self->stats.first_picture_us;
	uint16_t from = joining ? m->first_key : (uint16_t)(m->highest - 64);

	if ((int16_t)(from - m->lowest) < 0)
		from = m->lowest;
	if ((uint16_t)(m->highest - from) > 512)
		from = (uint16_t)(m->highest - 512);
	for (uint16_t s = from; s != m->highest && n < 16; s++) {
		if (!media_has(m, s)) {
			fb[12 + 4 * n] = (uint8_t)(s >> 8);
			fb[13 + 4 * n] = (uint8_t)s;
			n++;
		}
	}
	if (!n)
		return;
	fb[3] = (uint8_t)(2 + n);
	put32(fb + 4, m->ssrc);
	put32(fb + 8, m->remote_ssrc);
	endpoint_send_rtcp(self, m, fb, 12 + 4 * n);
}

void endpoint_ask_again(struct endpoint *self, int64_t now)
{
	struct media *m = &self->media[VIDEO];
	uint8_t pli[12] = { 0x81, 206, 0, 2 };

	if (!m->open || !m->any || (self->stats.first_picture_us && !self->c.record))
		return;
	if (now >= m->nack_due) {
		m->nack_due = now + 30000;
		send_nack(self, m);
	}
	if (now >= m->pli_due && !self->stats.first_picture_us) {
		m->pli_due = now + 250000;
		put32(pli + 4, m->ssrc);
		put32(pli + 8, m->remote_ssrc);
		endpoint_send_rtcp(self, m, pli, sizeof(pli));
	}
}
