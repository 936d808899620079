/* SPDX-License-Identifier: GPL-3.0-or-later
 * Fuzz: a transport's whole way in, without sockets. The input is a list of
 * datagrams: one byte of which transport it comes to and from where, one of what
 * is put right in it (so that the code behind header checks and SRTP is reached
 * too) and how much time passes, two of length, the bytes. */
#include "base/clock.h"
#include "base/ref.h"
#include "rtp/stun.h"
#include "rtp/wire_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRANSPORTS = 4, MAX_DATAGRAMS = 64 };

static struct wire *wire;
static struct transport *transport[TRANSPORTS];
static struct stream *stream[TRANSPORTS][2];
static struct srtp_key key;
static int64_t now = 1000000000;

static void on_frame(void *arg, struct coded *frame)
{
	(void)arg;
	ref_drop(frame);
}

static const struct stream_events events = { .frame = on_frame };

static struct sockaddr_storage from(uint8_t host)
{
	struct sockaddr_storage s = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&s;

	in->sin_family = AF_INET;
	in->sin_port = htons(4000);
	in->sin_addr.s_addr = htonl(0x7f000001u + host);
	return s;
}

static const struct stream_params audio = {
	.kind = MEDIA_AUDIO, .send = true, .receive = true, .n_rx = 4,
	.rx = { { 0, { .id = CODEC_PCMU, .clock_rate = 8000 } },
		{ 111, { .id = CODEC_OPUS, .clock_rate = 48000 } },
		{ 101, { .id = CODEC_TELEPHONE_EVENT, .clock_rate = 8000 } },
		{ 13, { .id = CODEC_CN, .clock_rate = 8000 } } },
	.tx = { 0, { .id = CODEC_PCMU, .clock_rate = 8000 } }, .dtmf_tx_pt = 101, .cn_tx_pt = 13,
	.mid = "a", .mid_ext = 1, .level_ext = 2, .cname = "fuzz", .silence_us = 1000000,
};

static const struct stream_params video = {
	.kind = MEDIA_VIDEO, .send = true, .receive = true, .n_rx = 2,
	.rx = { { 96, { .id = CODEC_H264, .clock_rate = 90000 } },
		{ 97, { .id = CODEC_VP8, .clock_rate = 90000 } } },
	.tx = { 97, { .id = CODEC_VP8, .clock_rate = 90000 } }, .dtmf_tx_pt = -1, .cn_tx_pt = -1,
	.avpf = true, .nack = true, .pli = true, .fir = true, .tmmbr = true, .remb = true,
	.mid = "v", .mid_ext = 1, .orientation_ext = 2, .bitrate = 1000000, .cname = "fuzz",
};

static void set_up(void)
{
	const struct wire_config config = { 0 };

	clock_fake(now);
	if (!wire && wire_new(&wire, &config) < 0)
		abort();
	key.suite = SRTP_AES_CM_128_HMAC_SHA1_80;
	memset(key.key, 7, sizeof(key.key));
	for (int i = 0; i < TRANSPORTS; i++) {
		struct transport_params p = { .remote_rtp = from(0), .rtcp_mux = true,
					      .latch = true };

		if (i == 1) {
			p.security = SECURITY_SDES;
			p.tx = p.rx = key;
		} else if (i == 2) {
			p.security = SECURITY_DTLS;
			memcpy(p.fingerprint_hash, "sha-256", 8);
			p.fingerprint_len = 32;
		} else if (i == 3) {
			p.ice = true;
		}
		if (transport_new(&transport[i], wire, "127.0.0.1", false, NULL, NULL) < 0 ||
		    stream_new(&stream[i][0], transport[i], &events, NULL) < 0 ||
		    stream_new(&stream[i][1], transport[i], &events, NULL) < 0)
			abort();
		transport_set(transport[i], &p);
		stream_set(stream[i][0], &audio);
		stream_set(stream[i][1], &video);
	}
	wire_turn(wire, 0);
	/* nothing leaves this process */
	for (int i = 0; i < TRANSPORTS; i++) {
		close(transport[i]->comp[0].fd);
		transport[i]->comp[0].fd = -1;
	}
}

static void tear_down(void)
{
	for (int i = 0; i < TRANSPORTS; i++) {
		stream_drop(stream[i][0]);
		stream_drop(stream[i][1]);
		transport_drop(transport[i]);
	}
	wire_turn(wire, 0);
	if (wire->stats.transports || wire->stats.streams)
		abort();
}

enum shape { SHAPE_RAW, SHAPE_RTP, SHAPE_RTCP, SHAPE_STUN };

/* In sequence but for what the bytes themselves say. */
static void shape_rtp(uint8_t *p)
{
	static const uint8_t pts[8] = { 0, 96, 97, 101, 96, 97, 111, 13 };
	static uint16_t seq;
	uint16_t n = (uint16_t)(seq += (p[2] & 7) == 7 ? p[3] : 1);

	p[0] = (uint8_t)(0x80 | (p[0] & 0x3f & (p[1] & 8 ? 0xff : 0)));
	p[1] = (uint8_t)(pts[p[1] & 7] | (p[1] & 0x80));
	p[2] = (uint8_t)(n >> 8);
	p[3] = (uint8_t)n;
	p[4] = p[5] = 0; /* timestamps near each other */
	memset(p + 8, 0, 3);
	p[11] &= 3;
}

static void shape_rtcp(uint8_t *p, size_t *len, const struct transport *t)
{
	const struct stream *s = list_entry(t->streams.prev, struct stream, link);
	uint32_t ssrc = s->tx.ssrc;

	*len &= ~(size_t)3;
	p[0] = (uint8_t)(0x80 | (p[0] & 31));
	p[1] = (uint8_t)(200 + p[1] % 8);
	p[2] = 0;
	p[3] = (uint8_t)(*len / 4 - 1);
	memset(p + 4, 0, 3);
	p[7] &= 3;
	for (size_t at = p[1] <= 201 && *len >= 32 ? 8 + (p[1] == 200 ? 20u : 0u) : 8u, i = 0;
	     i < 4 && at + i < *len; i++)
		p[at + i] = (uint8_t)(ssrc >> (24 - 8 * i));
}

/* A check with the right password and whatever attributes there are. */
static size_t shape_stun(uint8_t *p, size_t cap, size_t len, const struct transport *t)
{
	uint8_t copy[RX_BUFFER], id[12] = { 1 };
	struct cursor c = cursor_of(copy, len);
	struct writer w = writer_of(p, cap);
	struct stun_out o;

	memcpy(copy, p, len);
	o = stun_begin(&w, (enum stun_class)(cursor_u8(&c) & 3), id);
	stun_add(&o, STUN_ATTR_USERNAME, t->local.ufrag, strlen(t->local.ufrag));
	while (cursor_left(&c) > 3) {
		uint16_t type = cursor_u16(&c);
		size_t n = cursor_u8(&c) % (cursor_left(&c) + 1);

		stun_add(&o, type, cursor_bytes(&c, n), n);
	}
	stun_end(&o, t->local.pwd, strlen(t->local.pwd));
	return writer_len(&w);
}

static void one(const uint8_t *data, size_t len, uint8_t where, uint8_t what,
		struct crypt *crypt)
{
	static struct audio_packet out;
	struct transport *t = transport[where & 3];
	struct sockaddr_storage s = from(where >> 2 & 3);
	uint8_t buf[RX_BUFFER + CRYPT_MAX_TRAILER];

	memcpy(buf, data, len);
	if (len >= 12 && (what & 3) == SHAPE_RTP)
		shape_rtp(buf);
	else if (len >= 12 && (what & 3) == SHAPE_RTCP)
		shape_rtcp(buf, &len, t);
	else if ((what & 3) == SHAPE_STUN)
		len = shape_stun(buf, RX_BUFFER, len, t);
	if (t == transport[1] && what & 4 && len >= 12 &&
	    (packet_demux(buf, len) == DEMUX_RTCP ? crypt_seal_rtcp(crypt, buf, &len) :
	     crypt_seal_rtp(crypt, buf, &len)) < 0)
		return;
	now += (what >> 3) * 2000;
	clock_fake(now);
	wire->now = now;
	transport_input(&t->comp[0], buf, len, &s, now);
	stream_pull(stream[where & 3][0], now, &out, NULL);
	if (where & 0x40)
		stream_request_key(stream[where & 3][1]);
	if (where & 0x80)
		stream_set_seen(stream[where & 3][1], where & 0x20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(data, size);
	struct crypt *crypt = NULL;

	set_up();
	if (crypt_new(&crypt, &key, true) < 0)
		abort();
	for (int i = 0; i < MAX_DATAGRAMS && cursor_left(&c) > 3; i++) {
		uint8_t where = cursor_u8(&c), what = cursor_u8(&c);
		size_t len = cursor_u16(&c) % RX_BUFFER;
		const uint8_t *p;

		if (len > cursor_left(&c))
			len = cursor_left(&c);
		p = cursor_bytes(&c, len);
		if (!p)
			break;
		one(p, len, where, what, crypt);
		wire_turn(wire, 0);
	}
	crypt_free(crypt);
	tear_down();
	return 0;
}
