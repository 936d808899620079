/* SPDX-License-Identifier: GPL-3.0-or-later
 * Fuzz: a transport's whole way in, without sockets. The input is a list of
 * datagrams: one byte of where it comes from and on which transport, two of
 * length, the bytes. Some are protected first, so that the code behind SRTP is
 * reached too. */
#include "base/clock.h"
#include "base/ref.h"
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
	.mid = "a", .mid_ext = 1, .cname = "fuzz", .silence_us = 1000000,
};

static const struct stream_params video = {
	.kind = MEDIA_VIDEO, .send = true, .receive = true, .n_rx = 2,
	.rx = { { 96, { .id = CODEC_H264, .clock_rate = 90000 } },
		{ 97, { .id = CODEC_VP8, .clock_rate = 90000 } } },
	.tx = { 97, { .id = CODEC_VP8, .clock_rate = 90000 } }, .dtmf_tx_pt = -1, .cn_tx_pt = -1,
	.avpf = true, .nack = true, .pli = true, .fir = true, .tmmbr = true, .remb = true,
	.mid = "v", .mid_ext = 1, .bitrate = 1000000, .cname = "fuzz",
};

static void set_up(void)
{
	const struct wire_config config = { 0 };

	clock_fake(now);
	if (wire_new(&wire, &config) < 0)
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
		ref_drop(stream[i][0]);
		ref_drop(stream[i][1]);
		ref_drop(transport[i]);
	}
	wire = wire_drop(wire);
}

static void one(const uint8_t *data, size_t len, uint8_t how, struct crypt *crypt)
{
	struct sockaddr_storage s = from(how >> 2 & 3);
	uint8_t buf[RX_BUFFER + CRYPT_MAX_TRAILER];
	struct audio_packet *out = malloc(sizeof(*out));

	memcpy(buf, data, len);
	if ((how & 3) == 1 && how & 0x80 && len >= 12 &&
	    (packet_demux(buf, len) == DEMUX_RTCP ? crypt_seal_rtcp(crypt, buf, &len) :
	     crypt_seal_rtp(crypt, buf, &len)) < 0)
		goto out;
	now += (how & 0x70) * 500;
	clock_fake(now);
	wire->now = now;
	transport_input(&transport[how & 3]->comp[0], buf, len, &s, now);
	if (out)
		stream_pull(stream[how & 3][0], now, out, NULL);
out:
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(data, size);
	struct crypt *crypt = NULL;

	set_up();
	if (crypt_new(&crypt, &key, true) < 0)
		abort();
	for (int i = 0; i < MAX_DATAGRAMS && cursor_left(&c) > 3; i++) {
		uint8_t how = cursor_u8(&c);
		size_t len = cursor_u16(&c) % RX_BUFFER;
		const uint8_t *p;

		if (len > cursor_left(&c))
			len = cursor_left(&c);
		p = cursor_bytes(&c, len);
		one(p, len, how, crypt);
		wire_turn(wire, 0);
	}
	crypt_free(crypt);
	tear_down();
	return 0;
}
