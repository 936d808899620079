/* SPDX-License-Identifier: GPL-3.0-or-later
 * The call of an endpoint: offer, INVITE to BYE, and the keys of the answer. */
#include "tests/load/endpoint_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

enum { T1_US = 500000 };

const char *endpoint_audio_map(enum codec_id codec, int *pt)
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
	map = endpoint_audio_map(self->c.audio, &pt);
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

void endpoint_on_sip(struct endpoint *self, const char *msg, int64_t now)
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

void endpoint_sip_tick(struct endpoint *self, int64_t now)
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
