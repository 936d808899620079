/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/load/endpoint.h"

#include "codecs/payload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AUDIO, VIDEO, MEDIA };
enum { VIDEO_PT = 97, WINDOW = 4096, T1_US = 500000 };

struct media {
	int fd;
	uint16_t port;
	struct sockaddr_in remote;
	bool open;               /* the answer gave it a port */
	uint32_t ssrc, timestamp, remote_ssrc;
	uint16_t seq;
	int64_t due;
	unsigned at;             /* next packet or frame of the clip */
	srtp_t tx, rx;
	uint8_t key[30];
	int64_t last_us, report_due;
	/* video received: which sequence numbers of the frame now arriving */
	bool any;
	uint16_t highest, lowest; /* lowest: where it began, or a window back */
	uint8_t have[WINDOW / 8];
	uint16_t first_key;      /* where the first key frame begins */
	bool key_seen;
	uint32_t key_timestamp;
	bool key_end_seen;
	uint16_t key_end;
	int64_t nack_due, pli_due;
	uint8_t fir_seq;
};

struct endpoint {
	struct endpoint_config c;
	unsigned index;
	enum endpoint_state state;
	int64_t tick_due;        /* nothing to be done before */
	struct endpoint_stats stats;
	int sip;
	struct sockaddr_in local;
	char call_id[64], tag[16], to_tag[128], contact[256];
	int64_t retry_due, retry_us;
	unsigned tries;
	struct media media[MEDIA];
	struct sent *sent;
	size_t n_sent, cap_sent;
	uint64_t random;
	bool measuring;
	int64_t measured_from;
	uint32_t last_video_timestamp;
	struct record *record;
	size_t n_records, cap_records;
	uint8_t *recorded;
	size_t recorded_len, recorded_cap;
	struct mark_log marks;
};

static uint32_t random32(struct endpoint *self)
{
	self->random = self->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(self->random >> 32);
}

static bool lost(struct endpoint *self)
{
	return self->c.loss_permille && random32(self) % 1000 < self->c.loss_permille;
}

/* ---- sockets ------------------------------------------------------------------------ */

static int open_socket(struct in_addr address, int *fd, struct sockaddr_in *local)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = address };
	socklen_t len = sizeof(*local);
	int size = 1 << 20;

	*fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return -errno;
	setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
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
		m->ssrc = random32(self);
		m->seq = (uint16_t)random32(self);
		m->timestamp = random32(self);
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

/* ---- SIP ------------------------------------------------------------------------------ */

static const char *audio_map(enum codec_id codec, int *pt)
{
	switch (codec) {
	case CODEC_PCMA: *pt = 8; return "PCMA/8000";
	case CODEC_G722: *pt = 9; return "G722/8000";
	case CODEC_OPUS: *pt = 111; return "opus/48000/2";
	default: *pt = 0; return "PCMU/8000";
	}
}

static void write_crypto(const struct media *m, char *buf, size_t cap)
{
	char b64[64];

	EVP_EncodeBlock((unsigned char *)b64, m->key, sizeof(m->key));
	snprintf(buf, cap, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s\r\n", b64);
}

static int write_offer(struct endpoint *self, char *buf, size_t cap)
{
	const char *proto = self->c.sdes ? "RTP/SAVP" : "RTP/AVP";
	const char *direction = self->c.receive_only ? "recvonly" : "sendrecv";
	char ip[INET_ADDRSTRLEN], crypto[128] = "", video_fmt[160];
	const char *map;
	int pt, n;

	inet_ntop(AF_INET, &self->c.address, ip, sizeof(ip));
	map = audio_map(self->c.audio, &pt);
	if (self->c.sdes)
		write_crypto(&self->media[AUDIO], crypto, sizeof(crypto));
	n = snprintf(buf, cap, "v=0\r\no=load %u 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
		     "m=audio %u %s %d\r\na=rtpmap:%d %s\r\n%s%sa=rtcp-mux\r\na=ptime:20\r\na=%s\r\n",
		     self->index + 1, ip, ip, self->media[AUDIO].port, proto, pt, pt, map,
		     self->c.audio == CODEC_OPUS ? "a=fmtp:111 useinbandfec=1\r\n" : "", crypto,
		     direction);
	if (!self->c.clip)
		return n;
	if (self->c.clip->codec == CODEC_VP8)
		snprintf(video_fmt, sizeof(video_fmt), "a=rtpmap:%d VP8/90000\r\n", VIDEO_PT);
	else
		snprintf(video_fmt, sizeof(video_fmt), "a=rtpmap:%d H264/90000\r\n"
			 "a=fmtp:%d profile-level-id=42e01f;packetization-mode=1\r\n", VIDEO_PT,
			 VIDEO_PT);
	crypto[0] = '\0';
	if (self->c.sdes)
		write_crypto(&self->media[VIDEO], crypto, sizeof(crypto));
	n += snprintf(buf + n, cap - (size_t)n, "m=video %u %s %d\r\n%s%sa=rtcp-mux\r\n"
		      "a=rtcp-fb:* nack\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\na=%s\r\n",
		      self->media[VIDEO].port, proto, VIDEO_PT, video_fmt, crypto, direction);
	return n;
}

static void send_request(struct endpoint *self, const char *method, unsigned cseq,
			 const char *body)
{
	char buf[4096], ip[INET_ADDRSTRLEN], host[INET_ADDRSTRLEN], uri[300];
	bool invite = !strcmp(method, "INVITE");
	int n;

	inet_ntop(AF_INET, &self->c.address, ip, sizeof(ip));
	inet_ntop(AF_INET, &self->c.target.sin_addr, host, sizeof(host));
	snprintf(uri, sizeof(uri), "sip:%s@%s:%u", self->c.number, host,
		 ntohs(self->c.target.sin_port));
	n = snprintf(buf, sizeof(buf),
		     "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%u;branch=z9hG4bK%s%s%u;rport\r\n"
		     "From: <sip:load%u@%s>;tag=%s\r\nTo: <%s>%s%s\r\nCall-ID: %s\r\n"
		     "CSeq: %u %s\r\nContact: <sip:load%u@%s:%u>\r\nMax-Forwards: 70\r\n%s"
		     "Content-Length: %zu\r\n\r\n%s",
		     method, invite || !self->contact[0] ? uri : self->contact, ip,
		     ntohs(self->local.sin_port), self->tag, method, cseq, self->index, ip,
		     self->tag, uri, self->to_tag[0] ? ";tag=" : "", self->to_tag, self->call_id,
		     cseq, method, self->index, ip, ntohs(self->local.sin_port),
		     body ? "Content-Type: application/sdp\r\nUser-Agent: balai-load\r\n" : "",
		     body ? strlen(body) : 0, body ? body : "");
	if (n > 0 && n < (int)sizeof(buf))
		sendto(self->sip, buf, (size_t)n, 0, (struct sockaddr *)&self->c.target,
		       sizeof(self->c.target));
}

static void send_invite(struct endpoint *self)
{
	char body[2048];

	write_offer(self, body, sizeof(body));
	send_request(self, "INVITE", 1, body);
}

void endpoint_call(struct endpoint *self, int64_t now)
{
	uint32_t id[3] = { 0 };

	memset(&self->stats, 0, sizeof(self->stats));
	/* Not from the seeded sequence: two load generators would call as one, which
	 * is a loop to the bridge (482). */
	if (getrandom(id, sizeof(id), 0) != sizeof(id))
		return;
	snprintf(self->tag, sizeof(self->tag), "%08x", id[0]);
	snprintf(self->call_id, sizeof(self->call_id), "%08x%08x", id[1], id[2]);
	self->to_tag[0] = self->contact[0] = '\0';
	self->state = ENDPOINT_CALLING;
	self->tick_due = 0;
	self->stats.invite_us = now;
	self->retry_us = T1_US;
	self->retry_due = now + T1_US;
	self->tries = 0;
	send_invite(self);
}

void endpoint_leave(struct endpoint *self, int64_t now)
{
	if (self->state != ENDPOINT_UP)
		return;
	self->state = ENDPOINT_LEAVING;
	self->tick_due = 0;
	self->retry_us = T1_US;
	self->retry_due = now + T1_US;
	self->tries = 0;
	send_request(self, "BYE", 2, NULL);
}

/* The value of a header, up to its line's end, into buf. */
static bool header(const char *msg, const char *name, char *buf, size_t cap)
{
	size_t len = strlen(name), n;
	const char *p = strstr(msg, "\r\n");

	while (p && strncmp(p, "\r\n\r\n", 4)) {
		p += 2;
		if (!strncasecmp(p, name, len) && p[len] == ':') {
			p += len + 1;
			p += strspn(p, " ");
			n = strcspn(p, "\r\n");
			snprintf(buf, cap, "%.*s", (int)n, p);
			return true;
		}
		p = strstr(p, "\r\n");
	}
	return false;
}

static int srtp_open(srtp_t *out, const uint8_t key[30], bool inbound)
{
	srtp_policy_t p;

	memset(&p, 0, sizeof(p));
	srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p.rtp);
	srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p.rtcp);
	p.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
	p.key = (uint8_t *)(uintptr_t)key;
	p.window_size = 1024;
	p.allow_repeat_tx = 1;
	return srtp_create(out, &p) == srtp_err_status_ok ? 0 : -EIO;
}

static void use_crypto(struct media *m, const char *line)
{
	const char *p = strstr(line, "inline:");
	uint8_t key[48];

	if (!p || m->rx)
		return;
	if (EVP_DecodeBlock(key, (const unsigned char *)p + 7, 40) < 30)
		return;
	srtp_open(&m->rx, key, true);
	srtp_open(&m->tx, m->key, false);
}

static void use_answer(struct endpoint *self, const char *body, int64_t now)
{
	struct media *m = NULL;
	const char *p = body;

	while (p && *p) {
		unsigned port;

		if (sscanf(p, "m=audio %u", &port) == 1)
			m = &self->media[AUDIO];
		else if (sscanf(p, "m=video %u", &port) == 1)
			m = &self->media[VIDEO];
		else
			port = 0;
		if (port && m && m->fd >= 0) {
			m->remote = self->c.target;
			m->remote.sin_port = htons((uint16_t)port);
			m->open = true;
			m->due = now;
			m->report_due = now + 500000;
		}
		if (m && !strncmp(p, "a=crypto:", 9))
			use_crypto(m, p);
		p = strstr(p, "\r\n");
		if (p)
			p += 2;
	}
}

static void on_ok(struct endpoint *self, const char *msg, int64_t now)
{
	const char *body = strstr(msg, "\r\n\r\n"), *tag;
	char to[512], contact[512], *end;

	if (self->state == ENDPOINT_CALLING) {
		if (!header(msg, "To", to, sizeof(to)) || !(tag = strstr(to, "tag=")))
			return;
		snprintf(self->to_tag, sizeof(self->to_tag), "%.*s", (int)strcspn(tag + 4, "; "),
			 tag + 4);
		if (header(msg, "Contact", contact, sizeof(contact)) && strchr(contact, '<')) {
			end = strchr(contact, '>');
			if (end)
				*end = '\0';
			snprintf(self->contact, sizeof(self->contact), "%.255s",
				 strchr(contact, '<') + 1);
		}
		self->stats.ok_us = now;
		use_answer(self, body ? body + 4 : "", now);
		self->state = ENDPOINT_UP;
		self->stats.ack_us = now;
	}
	send_request(self, "ACK", 1, NULL);
}

static void answer_request(struct endpoint *self, const char *msg)
{
	char via[512] = "", from[512] = "", to[512] = "", id[256] = "", cseq[64] = "", buf[2560];
	int n;

	header(msg, "Via", via, sizeof(via));
	header(msg, "From", from, sizeof(from));
	header(msg, "To", to, sizeof(to));
	header(msg, "Call-ID", id, sizeof(id));
	header(msg, "CSeq", cseq, sizeof(cseq));
	n = snprintf(buf, sizeof(buf), "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\n"
		     "Call-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n", via, from, to, id,
		     cseq);
	sendto(self->sip, buf, (size_t)n, 0, (struct sockaddr *)&self->c.target,
	       sizeof(self->c.target));
}

static void on_sip(struct endpoint *self, const char *msg, int64_t now)
{
	char cseq[64] = "", id[128] = "";
	int status;

	header(msg, "Call-ID", id, sizeof(id));
	if (strcmp(id, self->call_id))
		return;
	self->tick_due = 0;
	header(msg, "CSeq", cseq, sizeof(cseq));
	if (sscanf(msg, "SIP/2.0 %d", &status) != 1) {
		if (strncmp(msg, "ACK ", 4))
			answer_request(self, msg);
		if (!strncmp(msg, "BYE ", 4))
			self->state = ENDPOINT_GONE;
		return;
	}
	if (strstr(cseq, "BYE")) {
		if (status >= 200 && self->state == ENDPOINT_LEAVING)
			self->state = ENDPOINT_GONE;
	} else if (strstr(cseq, "INVITE")) {
		if (status >= 100 && status < 200)
			self->retry_due = INT64_MAX;
		else if (status == 200)
			on_ok(self, msg, now);
		else if (self->state == ENDPOINT_CALLING) {
			self->stats.status = status;
			self->state = ENDPOINT_FAILED;
			send_request(self, "ACK", 1, NULL);
		}
	}
}

static void sip_tick(struct endpoint *self, int64_t now)
{
	if (now < self->retry_due ||
	    (self->state != ENDPOINT_CALLING && self->state != ENDPOINT_LEAVING))
		return;
	if (++self->tries > 6) {
		self->stats.status = 408;
		self->state = self->state == ENDPOINT_CALLING ? ENDPOINT_FAILED : ENDPOINT_GONE;
		return;
	}
	self->retry_us *= 2;
	self->retry_due = now + self->retry_us;
	if (self->state == ENDPOINT_CALLING)
		send_invite(self);
	else
		send_request(self, "BYE", 2, NULL);
}

/* ---- sending -------------------------------------------------------------------------------- */

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
	if (!lost(self))
		sendto(m->fd, buf, (size_t)len, 0, (struct sockaddr *)&m->remote, sizeof(m->remote));
}

static void send_audio(struct endpoint *self, int64_t now)
{
	struct media *m = &self->media[AUDIO];
	const struct sound *s = self->c.sound;
	uint8_t buf[600];
	int pt;

	if (!m->open || !s || self->c.receive_only)
		return;
	audio_map(self->c.audio, &pt);
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

static void send_video(struct endpoint *self, int64_t now)
{
	struct media *m = &self->media[VIDEO];
	const struct clip *c = self->c.clip;
	uint8_t buf[1600];

	if (!c || !m->open || self->c.receive_only)
		return;
	while (m->due <= now) {
		const struct clip_frame *f = &c->frame[m->at];

		for (unsigned i = 0; i < f->n; i++) {
			const struct clip_packet *p = &c->packet[f->first + i];

			put_header(buf, p->marker, VIDEO_PT, m->seq++, m->timestamp, m->ssrc);
			memcpy(buf + 12, c->data + p->offset, p->len);
			send_packet(self, m, buf, 12 + (int)p->len);
		}
		note_sent(self, m->at, now);
		self->stats.video_sent++;
		m->at = (m->at + 1) % c->n_frames;
		m->timestamp += 90000 / (unsigned)c->fps;
		m->due += 1000000 / c->fps;
	}
}

/* The bridge wants a key frame: the clip goes on at its next one. */
static void jump_to_key(struct endpoint *self)
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
static void send_rtcp(struct endpoint *self, struct media *m, const uint8_t *more, int more_len)
{
	uint8_t buf[512] = { 0x80, 201, 0, 1 };
	int len = 8 + more_len;

	put32(buf + 4, m->ssrc);
	if (more_len)
		memcpy(buf + 8, more, (size_t)more_len);
	if (m->tx && srtp_protect_rtcp(m->tx, buf, &len) != srtp_err_status_ok)
		return;
	if (!lost(self))
		sendto(m->fd, buf, (size_t)len, 0, (struct sockaddr *)&m->remote, sizeof(m->remote));
}

static bool has(const struct media *m, uint16_t seq)
{
	return m->have[seq % WINDOW / 8] >> (seq % 8) & 1;
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
		if (!has(m, s)) {
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
	send_rtcp(self, m, fb, 12 + 4 * n);
}

static void ask_again(struct endpoint *self, int64_t now)
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
		send_rtcp(self, m, pli, sizeof(pli));
	}
}

/* Of one that only has audio. */
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
	sip_tick(self, now);
	if (self->state != ENDPOINT_UP)
		return;
	send_audio(self, now);
	send_video(self, now);
	ask_again(self, now);
	for (int i = 0; i < MEDIA; i++) {
		struct media *m = &self->media[i];

		if (m->open && now >= m->report_due) {
			m->report_due = now + 2000000;
			send_rtcp(self, m, NULL, 0);
		}
	}
	self->tick_due = audio_due(self, now);
}

/* ---- receiving -------------------------------------------------------------------------------- */

static void keep(struct endpoint *self, int64_t now, const uint8_t *b, int len, uint16_t seq,
		 uint32_t timestamp)
{
	if (self->n_records == self->cap_records) {
		size_t cap = self->cap_records ? self->cap_records * 2 : 4096;
		struct record *r = realloc(self->record, cap * sizeof(*r));

		if (!r)
			return;
		self->record = r;
		self->cap_records = cap;
	}
	if (self->recorded_len + (size_t)len > self->recorded_cap) {
		size_t cap = self->recorded_cap ? self->recorded_cap * 2 : 1 << 22;
		uint8_t *d = realloc(self->recorded, cap);

		if (!d)
			return;
		self->recorded = d;
		self->recorded_cap = cap;
	}
	self->record[self->n_records++] = (struct record){
		now, timestamp, seq, (uint16_t)(len - 12), (b[1] & 0x80) != 0, self->recorded_len };
	memcpy(self->recorded + self->recorded_len, b + 12, (size_t)len - 12);
	self->recorded_len += (size_t)len - 12;
}

/* Begins a key frame that a decoder can start with: of H.264 with its SPS. */
static bool begins_key(enum codec_id codec, const uint8_t *payload, size_t len)
{
	int type = len ? payload[0] & 31 : 0;

	if (codec == CODEC_H264 && type != 7 && !(type == 24 && len > 3 && (payload[3] & 31) == 7))
		return false;
	return payload_is_key(codec, payload, len);
}

/* The first picture is complete when every packet from the beginning of the
 * first key frame to its marker is here. */
static void first_picture(struct endpoint *self, struct media *m, const uint8_t *b, int len,
			  uint16_t seq, uint32_t timestamp, int64_t now)
{
	if (begins_key(self->c.clip->codec, b + 12, (size_t)len - 12) &&
	    (!m->key_seen || (timestamp == m->key_timestamp &&
			      (int16_t)(seq - m->first_key) < 0) ||
	     (int32_t)(timestamp - m->key_timestamp) > 0)) {
		if (!m->key_seen || timestamp != m->key_timestamp)
			m->key_end_seen = false;
		m->key_seen = true;
		m->first_key = seq;
		m->key_timestamp = timestamp;
	}
	if (m->key_seen && timestamp == m->key_timestamp && (b[1] & 0x80)) {
		m->key_end_seen = true;
		m->key_end = seq;
	}
	if (!m->key_seen || !m->key_end_seen)
		return;
	for (uint16_t s = m->first_key; s != m->key_end; s++)
		if (!has(m, s))
			return;
	self->stats.first_picture_us = now;
}

static void on_video(struct endpoint *self, const uint8_t *b, int len, int64_t now)
{
	struct media *m = &self->media[VIDEO];
	uint16_t seq = (uint16_t)(b[2] << 8 | b[3]);
	uint32_t timestamp = (uint32_t)b[4] << 24 | (uint32_t)b[5] << 16 | (uint32_t)b[6] << 8 | b[7];

	self->stats.video_packets++;
	if (!m->any) {
		m->highest = (uint16_t)(seq - 1);
		m->lowest = seq;
	}
	m->any = true;
	while ((int16_t)(seq - m->highest) > 0) {
		m->highest++;
		m->have[m->highest % WINDOW / 8] &= (uint8_t)~(1 << m->highest % 8);
	}
	if ((uint16_t)(m->highest - m->lowest) > WINDOW)
		m->lowest = (uint16_t)(m->highest - WINDOW);
	m->have[seq % WINDOW / 8] |= (uint8_t)(1 << seq % 8);
	if (!self->stats.first_picture_us)
		first_picture(self, m, b, len, seq, timestamp, now);
	if ((b[1] & 0x80) && timestamp != self->last_video_timestamp) {
		self->last_video_timestamp = timestamp;
		self->stats.video_frames++;
		if (self->measuring && m->last_us && now - m->last_us > self->stats.video_gap_us)
			self->stats.video_gap_us = now - m->last_us;
		m->last_us = now;
	}
	if (self->c.record)
		keep(self, now, b, len, seq, timestamp);
}

static void on_rtcp(struct endpoint *self, const uint8_t *b, int len)
{
	for (int at = 0; at + 4 <= len; at += 4 + 4 * (b[at + 2] << 8 | b[at + 3])) {
		int fmt = b[at] & 31;

		if (b[at + 1] == 206 && (fmt == 1 || fmt == 4) && self->c.clip)
			jump_to_key(self);
	}
}

static void on_packet(struct endpoint *self, int kind, uint8_t *b, int len, int64_t now)
{
	struct media *m = &self->media[kind];

	if (len < 8 || b[0] >> 6 != 2 || lost(self))
		return;
	if (b[1] >= 192 && b[1] <= 223) {
		if (!m->rx || srtp_unprotect_rtcp(m->rx, b, &len) == srtp_err_status_ok)
			on_rtcp(self, b, len);
		return;
	}
	if (m->rx && srtp_unprotect(m->rx, b, &len) != srtp_err_status_ok)
		return;
	if (len < 13)
		return;
	m->remote_ssrc = (uint32_t)b[8] << 24 | (uint32_t)b[9] << 16 | (uint32_t)b[10] << 8 | b[11];
	if (kind == VIDEO) {
		on_video(self, b, len, now);
		return;
	}
	self->stats.audio_packets++;
	if (!self->stats.first_audio_us)
		self->stats.first_audio_us = now;
	if (self->measuring && m->last_us && now - m->last_us > self->stats.audio_gap_us)
		self->stats.audio_gap_us = now - m->last_us;
	m->last_us = now;
	if (self->c.hear && self->measuring)
		mark_log_add(&self->marks, now, (uint16_t)(b[2] << 8 | b[3]), b + 12, (size_t)len - 12);
}

static void read_sip(struct endpoint *self, int64_t now)
{
	char buf[65536];
	ssize_t n;

	while ((n = recv(self->sip, buf, sizeof(buf) - 1, 0)) > 0) {
		buf[n] = '\0';
		on_sip(self, buf, now);
	}
}

/* Audio comes one by one: what more there is makes the socket ready again. */
void endpoint_read(struct endpoint *self, unsigned which, int64_t now)
{
	uint8_t buf[2048];
	ssize_t n;

	if (!which) {
		read_sip(self, now);
		return;
	}
	while ((n = recv(self->media[which - 1].fd, buf, sizeof(buf), 0)) > 0) {
		on_packet(self, (int)which - 1, buf, (int)n, now);
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
