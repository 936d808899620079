/* SPDX-License-Identifier: GPL-3.0-or-later
 * The telephone's media side. */
#include "tests/flow/rtp_peer.h"

#include "tests/unit/tone.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	PACKET = 1500, FLIGHT = 128, HEARD_S = 4, MAX_RATE = 48000,
	RTCP_US = 1000000, KEY_US = 100000, KEY_ENDS = 3,
};

struct flying {
	bool used;
	int64_t at;
	size_t len;
	uint8_t data[PACKET];
};

struct rtp_peer {
	struct rtp_peer_config config;
	int fd[2];                   /* RTP, RTCP (-1: mux) */
	struct sockaddr_in to[2];
	srtp_t out, in;
	pthread_mutex_t lock;
	pthread_t thread;
	bool started;
	atomic_bool stopping;
	/* under the lock */
	unsigned random;
	int64_t begin, next_rtp, next_rtcp;
	bool begun, paused, marker;
	uint16_t seq;
	uint32_t time;
	uint64_t samples;            /* of the tone, so that its phase goes on */
	unsigned loss, jitter_ms;
	char key;
	int64_t key_end;
	uint32_t key_time;
	unsigned key_ends;
	struct flying flight[FLIGHT];
	bool heard_any;
	uint16_t last_seq;
	uint32_t first_time, newest; /* newest: samples heard since the first */
	uint32_t last_key_time;
	bool last_key;
	int16_t heard[HEARD_S * MAX_RATE];
	struct rtp_peer_stats stats;
};

/* ---- G.711 (ITU-T G.711), the plain way ---------------------------------- */

static uint8_t ulaw(int16_t x)
{
	int sign = x < 0 ? 0x80 : 0, v = x < 0 ? -(int)x : x, seg = 7;

	v = (v > 32635 ? 32635 : v) + 132;
	while (seg > 0 && !(v & 0x80 << seg))
		seg--;
	return (uint8_t)~(sign | seg << 4 | (v >> (seg + 3) & 15));
}

static int16_t from_ulaw(uint8_t u)
{
	int v, seg;

	u = (uint8_t)~u;
	seg = u >> 4 & 7;
	v = (((u & 15) << 3) + 132) << seg;
	return (int16_t)(u & 0x80 ? 132 - v : v - 132);
}

static uint8_t alaw(int16_t x)
{
	int sign = x < 0 ? 0 : 0x80, v = x < 0 ? -(int)x - 1 : x, seg = 0;

	v >>= 4; /* 12 bits are left, without sign */
	while (v >> seg > 31)
		seg++;
	v = seg || v > 15 ? (seg + 1) << 4 | (v >> seg & 15) : v;
	return (uint8_t)((sign | v) ^ 0x55);
}

static int16_t from_alaw(uint8_t a)
{
	int seg, v;

	a ^= 0x55;
	seg = a >> 4 & 7;
	v = (a & 15) << 4 | 8;
	if (seg)
		v = (v | 0x100) << (seg - 1);
	return (int16_t)(a & 0x80 ? v : -v);
}

static size_t encode(enum rtp_peer_codec codec, const int16_t *pcm, size_t n, uint8_t *out)
{
	for (size_t i = 0; i < n; i++) {
		if (codec == RTP_PEER_PCMU) {
			out[i] = ulaw(pcm[i]);
		} else if (codec == RTP_PEER_PCMA) {
			out[i] = alaw(pcm[i]);
		} else {
			out[2 * i] = (uint8_t)((uint16_t)pcm[i] >> 8);
			out[2 * i + 1] = (uint8_t)pcm[i];
		}
	}
	return codec == RTP_PEER_L16 ? 2 * n : n;
}

static int16_t decode(enum rtp_peer_codec codec, const uint8_t *p, size_t i)
{
	if (codec == RTP_PEER_PCMU)
		return from_ulaw(p[i]);
	if (codec == RTP_PEER_PCMA)
		return from_alaw(p[i]);
	return (int16_t)(p[2 * i] << 8 | p[2 * i + 1]);
}

/* ---- making one ---------------------------------------------------------- */

static int policy_of(srtp_policy_t *p, const char *suite)
{
	static const struct {
		const char *name;
		void (*rtp)(srtp_crypto_policy_t *);
		void (*rtcp)(srtp_crypto_policy_t *);
	} table[] = {
		{ "AES_CM_128_HMAC_SHA1_80", srtp_crypto_policy_set_rtp_default,
		  srtp_crypto_policy_set_rtp_default },
		{ "AES_CM_128_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
		  srtp_crypto_policy_set_rtp_default },
		{ "AES_256_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
		  srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80 },
		{ "AES_256_CM_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
		  srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80 },
		{ "AES_192_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80,
		  srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80 },
		{ "AEAD_AES_128_GCM", srtp_crypto_policy_set_aes_gcm_128_16_auth,
		  srtp_crypto_policy_set_aes_gcm_128_16_auth },
		{ "AEAD_AES_256_GCM", srtp_crypto_policy_set_aes_gcm_256_16_auth,
		  srtp_crypto_policy_set_aes_gcm_256_16_auth },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(suite, table[i].name)) {
			table[i].rtp(&p->rtp);
			table[i].rtcp(&p->rtcp);
			return 0;
		}
	return -ENOTSUP;
}

static int make_session(srtp_t *out, const char *suite, const uint8_t *key, bool sending)
{
	uint8_t copy[64] = { 0 };
	srtp_policy_t p = { 0 };
	int r = policy_of(&p, suite);

	if (r)
		return r;
	memcpy(copy, key, (size_t)p.rtp.cipher_key_len);
	p.key = copy;
	p.ssrc.type = sending ? ssrc_any_outbound : ssrc_any_inbound;
	p.window_size = 256;
	if (srtp_create(out, &p) == srtp_err_status_ok)
		return 0;
	/* The library is not up yet. It cannot be asked, and comes up only once. */
	if (srtp_init() != srtp_err_status_ok)
		return -EIO;
	return srtp_create(out, &p) == srtp_err_status_ok ? 0 : -EIO;
}

/* An even port and, without mux, the one above. */
static int open_sockets(struct rtp_peer *self)
{
	for (int i = 0; i < 200; i++) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		socklen_t len = sizeof(a);
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), other = -1;
		bool ok;

		if (fd < 0)
			return -errno;
		ok = bind(fd, (struct sockaddr *)&a, len) == 0 &&
			getsockname(fd, (struct sockaddr *)&a, &len) == 0 && ntohs(a.sin_port) % 2 == 0;
		if (ok && !self->config.rtcp_mux) {
			other = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
			a.sin_port = htons((uint16_t)(ntohs(a.sin_port) + 1));
			ok = other >= 0 && bind(other, (struct sockaddr *)&a, len) == 0;
		}
		if (ok) {
			self->fd[0] = fd;
			self->fd[1] = other;
			return 0;
		}
		close(fd);
		if (other >= 0)
			close(other);
	}
	return -EADDRINUSE;
}

static unsigned random_of(struct rtp_peer *self, unsigned below)
{
	self->random = self->random * 1664525u + 1013904223u;
	return (self->random >> 8) % below;
}

static uint32_t random_word(struct rtp_peer *self)
{
	return random_of(self, 65536) << 16 | random_of(self, 65536);
}

static void new_source(struct rtp_peer *self)
{
	self->stats.ssrc = random_word(self);
	self->seq = (uint16_t)random_word(self) & 0x7fff;
	self->time = random_word(self);
	self->marker = true;
}

int rtp_peer_new(struct rtp_peer **out, const struct rtp_peer_config *config)
{
	struct rtp_peer *self = calloc(1, sizeof(*self));
	int r;

	if (!self)
		return -ENOMEM;
	self->config = *config;
	self->fd[0] = self->fd[1] = -1;
	if (!self->config.rate)
		self->config.rate = 8000;
	if (!self->config.ptime_ms)
		self->config.ptime_ms = 20;
	self->random = config->seed * 2654435761u + 12345;
	pthread_mutex_init(&self->lock, NULL);
	new_source(self);
	r = open_sockets(self);
	if (!r && config->suite)
		r = make_session(&self->out, config->suite, config->tx_key, true);
	if (!r && config->suite)
		r = make_session(&self->in, config->suite, config->rx_key, false);
	if (r)
		rtp_peer_free(self);
	else
		*out = self;
	return r;
}

struct rtp_peer *rtp_peer_free(struct rtp_peer *self)
{
	if (!self)
		return NULL;
	rtp_peer_stop(self);
	for (int i = 0; i < 2; i++)
		if (self->fd[i] >= 0)
			close(self->fd[i]);
	if (self->out)
		srtp_dealloc(self->out);
	if (self->in)
		srtp_dealloc(self->in);
	pthread_mutex_destroy(&self->lock);
	free(self);
	return NULL;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof(a);

	(void)getsockname(fd, (struct sockaddr *)&a, &len);
	return ntohs(a.sin_port);
}

uint16_t rtp_peer_port(const struct rtp_peer *self)
{
	return port_of(self->fd[0]);
}

uint16_t rtp_peer_rtcp_port(const struct rtp_peer *self)
{
	return port_of(self->fd[self->fd[1] >= 0]);
}

void rtp_peer_connect(struct rtp_peer *self, uint16_t rtp, uint16_t rtcp)
{
	pthread_mutex_lock(&self->lock);
	for (int i = 0; i < 2; i++)
		self->to[i] = (struct sockaddr_in){ .sin_family = AF_INET,
						    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
						    .sin_port = htons(i ? rtcp : rtp) };
	pthread_mutex_unlock(&self->lock);
}

/* ---- sending ------------------------------------------------------------- */

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void send_now(struct rtp_peer *self, bool rtcp, const uint8_t *data, size_t len)
{
	int fd = self->fd[rtcp && self->fd[1] >= 0];
	const struct sockaddr_in *to = &self->to[rtcp && !self->config.rtcp_mux];

	if (to->sin_port)
		(void)!sendto(fd, data, len, 0, (const struct sockaddr *)to, sizeof(*to));
}

/* Through the network that the test asked for. */
static void send_rtp(struct rtp_peer *self, uint8_t *data, size_t len, int64_t now)
{
	int n = (int)len;

	if (self->out && srtp_protect(self->out, data, &n) != srtp_err_status_ok)
		return;
	self->stats.sent++;
	if (random_of(self, 1000) < self->loss)
		return;
	if (!self->jitter_ms) {
		send_now(self, false, data, (size_t)n);
		return;
	}
	for (int i = 0; i < FLIGHT; i++) {
		struct flying *f = &self->flight[i];

		if (f->used)
			continue;
		f->used = true;
		f->at = now + (int64_t)random_of(self, self->jitter_ms * 1000);
		f->len = (size_t)n;
		memcpy(f->data, data, (size_t)n);
		return;
	}
}

static void land(struct rtp_peer *self, int64_t now)
{
	for (int i = 0; i < FLIGHT; i++) {
		struct flying *f = &self->flight[i];

		if (f->used && f->at <= now) {
			send_now(self, false, f->data, f->len);
			f->used = false;
		}
	}
}

static size_t rtp_head(struct rtp_peer *self, uint8_t *p, uint8_t pt, bool marker, uint32_t time)
{
	p[0] = 0x80;
	p[1] = (uint8_t)(pt | (marker ? 0x80 : 0));
	p[2] = (uint8_t)(self->seq >> 8);
	p[3] = (uint8_t)self->seq++;
	put32(p + 4, time);
	put32(p + 8, self->stats.ssrc);
	return 12;
}

static uint8_t event_of(char key)
{
	return (uint8_t)(key >= '0' && key <= '9' ? key - '0' : key == '*' ? 10 : 11);
}

/* A packet of the key instead of sound. */
static size_t key_packet(struct rtp_peer *self, uint8_t *p, size_t samples, int64_t now)
{
	bool first = !self->key_end, end;
	uint32_t lasted;
	size_t len;

	if (first) {
		self->key_end = now + KEY_US;
		self->key_time = self->time;
	}
	end = now >= self->key_end;
	lasted = self->time - self->key_time + (uint32_t)samples;
	len = rtp_head(self, p, (uint8_t)self->config.dtmf_pt, first, self->key_time);
	p[len++] = event_of(self->key);
	p[len++] = (uint8_t)((end ? 0x80 : 0) | 10);
	p[len++] = (uint8_t)(lasted >> 8);
	p[len++] = (uint8_t)lasted;
	if (end && ++self->key_ends == KEY_ENDS)
		self->key = 0;
	return len;
}

static void speak(struct rtp_peer *self, int64_t now)
{
	uint32_t rate = self->config.rate;
	size_t n = rate * self->config.ptime_ms / 1000, len;
	int16_t pcm[MAX_RATE / 10];
	uint8_t p[PACKET] = { 0 };

	if (n * 2 + 64 > PACKET)
		n = (PACKET - 64) / 2;
	if (self->key) {
		len = key_packet(self, p, n, now);
	} else {
		tone_make(pcm, n, self->samples, self->config.hz, self->config.amplitude, rate);
		len = rtp_head(self, p, self->config.pt, self->marker, self->time);
		len += encode(self->config.codec, pcm, n, p + len);
		self->marker = false;
	}
	self->samples += n;
	self->time += (uint32_t)n;
	if (!self->paused)
		send_rtp(self, p, len, now);
	else
		self->seq--;
}

/* SR without report blocks, and a CNAME. */
static void report(struct rtp_peer *self)
{
	uint8_t p[128] = { 0x80, 200, 0, 6 };
	struct timespec t;
	int n = 28 + 16;

	clock_gettime(CLOCK_REALTIME, &t);
	put32(p + 4, self->stats.ssrc);
	put32(p + 8, (uint32_t)(t.tv_sec + 2208988800ll));
	put32(p + 12, (uint32_t)((uint64_t)t.tv_nsec * 4294967296u / 1000000000u));
	put32(p + 16, self->time);
	put32(p + 20, (uint32_t)self->stats.sent);
	memcpy(p + 28, "\x81\xca\0\3", 4);
	put32(p + 32, self->stats.ssrc);
	memcpy(p + 36, "\1\4peer\0", 7);
	if (self->out && srtp_protect_rtcp(self->out, p, &n) != srtp_err_status_ok)
		return;
	send_now(self, true, p, (size_t)n);
	self->stats.rtcp_sent++;
}

/* ---- ICE checks ---------------------------------------------------------- */

static size_t put_attribute(uint8_t *p, uint16_t type, const void *value, size_t len)
{
	p[0] = (uint8_t)(type >> 8);
	p[1] = (uint8_t)type;
	p[2] = (uint8_t)(len >> 8);
	p[3] = (uint8_t)len;
	memset(p + 4, 0, (len + 3) & ~(size_t)3);
	if (len)
		memcpy(p + 4, value, len);
	return 4 + ((len + 3) & ~(size_t)3);
}

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
	uint32_t crc = ~0u;

	while (n--) {
		crc ^= *p++;
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* A binding request, RFC 8489 sections 5 and 14; the length it names counts in what
 * is signed, up to the signature. */
static size_t make_check(struct rtp_peer *self, uint8_t *p, const char *user, const char *pwd)
{
	static const uint8_t priority[4] = { 0x6e, 0x7f, 0xff, 0xff };
	uint8_t tie_breaker[8] = { 0 }, hmac[20], crc[4];
	size_t n = 20;

	memcpy(p, "\0\1\0\0\x21\x12\xa4\x42", 8);
	for (int i = 8; i < 20; i += 4)
		put32(p + i, random_word(self));
	put32(tie_breaker, self->stats.ssrc);
	n += put_attribute(p + n, 0x0006, user, strlen(user));
	n += put_attribute(p + n, 0x0024, priority, 4);
	n += put_attribute(p + n, 0x802a, tie_breaker, 8);
	n += put_attribute(p + n, 0x0025, NULL, 0);
	p[3] = (uint8_t)(n - 20 + 24);
	HMAC(EVP_sha1(), pwd, (int)strlen(pwd), p, n, hmac, NULL);
	n += put_attribute(p + n, 0x0008, hmac, sizeof(hmac));
	p[3] = (uint8_t)(n - 20 + 8);
	put32(crc, crc32_of(p, n) ^ 0x5354554e);
	return n + put_attribute(p + n, 0x8028, crc, 4);
}

void rtp_peer_check(struct rtp_peer *self, bool rtcp, const char *user, const char *pwd)
{
	uint8_t p[256];

	if (strlen(user) > 100)
		return;
	pthread_mutex_lock(&self->lock);
	send_now(self, rtcp, p, make_check(self, p, user, pwd));
	pthread_mutex_unlock(&self->lock);
}

/* ---- hearing ------------------------------------------------------------- */

static void note_key(struct rtp_peer *self, const uint8_t *p, size_t len, uint32_t time)
{
	size_t n = strlen(self->stats.keys);

	if (len < 4 || p[0] > 11 || (self->last_key && self->last_key_time == time))
		return;
	self->last_key = true;
	self->last_key_time = time;
	if (n + 1 < sizeof(self->stats.keys))
		self->stats.keys[n] = "0123456789*#"[p[0]];
}

static void note_order(struct rtp_peer *self, uint16_t seq, uint32_t ssrc)
{
	int16_t ahead = (int16_t)(uint16_t)(seq - self->last_seq);

	if (self->heard_any && ssrc == self->stats.peer_ssrc) {
		if (ahead > 1)
			self->stats.lost += (uint64_t)ahead - 1;
		if (ahead < 1)
			self->stats.disordered++;
		if (ahead < 0)
			return;
	}
	self->last_seq = seq;
}

static void clear_to(struct rtp_peer *self, uint32_t newest)
{
	const uint32_t cap = HEARD_S * self->config.rate;

	if (newest - self->newest >= cap)
		memset(self->heard, 0, sizeof(self->heard));
	else
		for (uint32_t i = self->newest; i != newest; i++)
			self->heard[i % cap] = 0;
	self->newest = newest;
}

static void hear(struct rtp_peer *self, const uint8_t *p, size_t len, uint32_t time)
{
	const uint32_t cap = HEARD_S * self->config.rate;
	size_t n = self->config.codec == RTP_PEER_L16 ? len / 2 : len;
	uint32_t at;

	if (!self->heard_any)
		self->first_time = time;
	at = time - self->first_time;
	if ((int32_t)at < 0)
		return; /* from before the beginning */
	if ((int32_t)(at + (uint32_t)n - self->newest) > 0)
		clear_to(self, at + (uint32_t)n);
	if (self->newest - at > cap)
		return; /* older than what is kept */
	for (size_t i = 0; i < n; i++)
		self->heard[(at + i) % cap] = decode(self->config.codec, p, i);
}

static void take_rtp(struct rtp_peer *self, uint8_t *p, int n)
{
	uint8_t pt = p[1] & 127;
	size_t head;

	if (n < 12 || p[0] >> 6 != 2 ||
	    (self->in && srtp_unprotect(self->in, p, &n) != srtp_err_status_ok)) {
		self->stats.refused++;
		return;
	}
	head = 12 + 4u * (p[0] & 15);
	if ((size_t)n < head || p[0] & 0x30 || (pt != self->config.pt && pt != self->config.dtmf_pt)) {
		self->stats.refused++;
		return;
	}
	note_order(self, (uint16_t)(p[2] << 8 | p[3]), get32(p + 8));
	if (self->heard_any && get32(p + 8) != self->stats.peer_ssrc)
		self->heard_any = false;
	self->stats.peer_ssrc = get32(p + 8);
	self->stats.received++;
	if (self->config.dtmf_pt && pt == self->config.dtmf_pt)
		note_key(self, p + head, (size_t)n - head, get32(p + 4));
	else
		hear(self, p + head, (size_t)n - head, get32(p + 4));
	self->heard_any = true;
}

static void take_rtcp(struct rtp_peer *self, uint8_t *p, int n)
{
	int at = 0;

	if (n < 8 || (self->in && srtp_unprotect_rtcp(self->in, p, &n) != srtp_err_status_ok)) {
		self->stats.refused++;
		return;
	}
	self->stats.rtcp_received++;
	while (at + 4 <= n) {
		int len = 4 + 4 * (p[at + 2] << 8 | p[at + 3]);
		int block = at + (p[at + 1] == 200 ? 28 : 8);

		if (at + len > n)
			return;
		if (p[at + 1] == 203)
			self->stats.bye++;
		if ((p[at + 1] == 200 || p[at + 1] == 201) && p[at] & 31 && block + 24 <= at + len &&
		    get32(p + block) == self->stats.ssrc)
			self->stats.peer_fraction = p[block + 4];
		at += len;
	}
}

static void listen_to(struct rtp_peer *self, int fd)
{
	uint8_t p[PACKET + 64];
	ssize_t n;

	while (fd >= 0 && (n = recv(fd, p, sizeof(p), 0)) > 0) {
		if (n >= 20 && p[0] < 2) /* RFC 7983 */
			self->stats.checks += p[0] == 1 && p[1] == 1;
		else if (n >= 2 && p[1] >= 192 && p[1] <= 223)
			take_rtcp(self, p, (int)n);
		else if (n >= 2)
			take_rtp(self, p, (int)n);
	}
}

/* ---- running ------------------------------------------------------------- */

void rtp_peer_step(struct rtp_peer *self, int64_t now)
{
	pthread_mutex_lock(&self->lock);
	if (!self->begun) {
		self->begun = true;
		self->begin = self->next_rtp = now;
		self->next_rtcp = now + RTCP_US / 5;
	}
	for (; self->next_rtp <= now; self->next_rtp += self->config.ptime_ms * 1000)
		speak(self, self->next_rtp);
	for (; self->next_rtcp <= now; self->next_rtcp += RTCP_US)
		report(self);
	land(self, now);
	listen_to(self, self->fd[0]);
	listen_to(self, self->fd[1]);
	pthread_mutex_unlock(&self->lock);
}

static void *run(void *arg)
{
	struct rtp_peer *self = arg;

	while (!atomic_load(&self->stopping)) {
		struct timespec t, pause = { 0, 2000000 };

		clock_gettime(CLOCK_MONOTONIC, &t);
		rtp_peer_step(self, (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int rtp_peer_start(struct rtp_peer *self)
{
	int r;

	atomic_store(&self->stopping, false);
	r = pthread_create(&self->thread, NULL, run, self);
	self->started = r == 0;
	return -r;
}

void rtp_peer_stop(struct rtp_peer *self)
{
	if (!self->started)
		return;
	atomic_store(&self->stopping, true);
	pthread_join(self->thread, NULL);
	self->started = false;
}

/* ---- what the test changes and asks -------------------------------------- */

void rtp_peer_set_tone(struct rtp_peer *self, double hz, double amplitude)
{
	pthread_mutex_lock(&self->lock);
	self->config.hz = hz;
	self->config.amplitude = amplitude;
	pthread_mutex_unlock(&self->lock);
}

void rtp_peer_new_source(struct rtp_peer *self)
{
	pthread_mutex_lock(&self->lock);
	new_source(self);
	pthread_mutex_unlock(&self->lock);
}

void rtp_peer_set_ptime(struct rtp_peer *self, unsigned ms)
{
	pthread_mutex_lock(&self->lock);
	self->config.ptime_ms = ms;
	pthread_mutex_unlock(&self->lock);
}

void rtp_peer_pause(struct rtp_peer *self, bool pause)
{
	pthread_mutex_lock(&self->lock);
	self->marker = self->marker || (self->paused && !pause);
	self->paused = pause;
	pthread_mutex_unlock(&self->lock);
}

void rtp_peer_set_network(struct rtp_peer *self, unsigned loss, unsigned jitter_ms)
{
	pthread_mutex_lock(&self->lock);
	self->loss = loss;
	self->jitter_ms = jitter_ms;
	pthread_mutex_unlock(&self->lock);
}

void rtp_peer_press(struct rtp_peer *self, char key)
{
	pthread_mutex_lock(&self->lock);
	if (self->config.dtmf_pt) {
		self->key = key;
		self->key_end = 0;
		self->key_ends = 0;
	}
	pthread_mutex_unlock(&self->lock);
}

void rtp_peer_stats(struct rtp_peer *self, struct rtp_peer_stats *out)
{
	pthread_mutex_lock(&self->lock);
	*out = self->stats;
	pthread_mutex_unlock(&self->lock);
}

size_t rtp_peer_heard(struct rtp_peer *self, int16_t *out, size_t n)
{
	const uint32_t cap = HEARD_S * self->config.rate;

	pthread_mutex_lock(&self->lock);
	if (n > self->newest)
		n = self->newest;
	if (n > cap)
		n = cap;
	for (size_t i = 0; i < n; i++)
		out[i] = self->heard[(self->newest - n + i) % cap];
	pthread_mutex_unlock(&self->lock);
	return n;
}

double rtp_peer_hears(struct rtp_peer *self, double hz, unsigned ms)
{
	size_t n = self->config.rate / 1000 * ms;
	int16_t *pcm = calloc(n ? n : 1, sizeof(*pcm));
	double level = 0;

	if (pcm && (n = rtp_peer_heard(self, pcm, n)) > 0)
		level = tone_find(pcm, n, hz, self->config.rate, NULL);
	free(pcm);
	return level;
}
