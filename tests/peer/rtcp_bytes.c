/* SPDX-License-Identifier: GPL-3.0-or-later
 * What we write, as hexadecimal dumps for text2pcap: one RTCP packet a datagram,
 * or RTP and STUN. For tests/peer/rtcp. */
#include "rtp/packet.h"
#include "rtp/stun.h"
#include "tests/unit/rtcp_golden.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static void dump(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i % 16 == 0)
			printf("%s%06zx", i ? "\n" : "", i);
		printf(" %02x", p[i]);
	}
	printf("\n");
}

static void rtcp(void)
{
	for (size_t i = 0; i < COUNT(golden); i++) {
		uint8_t buf[512];
		struct writer w = writer_of(buf, sizeof buf);

		(void)golden[i].write(&w);
		dump(buf, writer_len(&w));
	}
}

static void rtp(void)
{
	static const uint8_t csrc[] = { 0, 0, 0, 7 };
	static const struct rtp_ext one[] = { { 1, 1, (const uint8_t *)"a" }, { 3, 3, (const uint8_t *)"bcd" } };
	static const struct rtp_ext two[] = { { 20, 2, (const uint8_t *)"ef" } };
	struct rtp_packet p = { .marker = true, .pt = 0, .seq = 4660, .timestamp = 305419896,
				.ssrc = OURS, .n_csrc = 1, .csrc = csrc };

	for (int i = 0; i < 3; i++) {
		uint8_t buf[200];
		struct writer w = writer_of(buf, sizeof buf);

		(void)rtp_write_header(&p, i == 1 ? one : i == 2 ? two : NULL, i == 1 ? 2 : i == 2 ? 1 : 0, &w);
		writer_bytes(&w, "payload!", 8);
		dump(buf, writer_len(&w));
	}
}

static void stun(void)
{
	static const uint8_t id[12] = "abcdefghijkl";
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(5004) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(5006) };

	inet_pton(AF_INET, "192.0.2.7", &v4.sin_addr);
	inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr);
	for (int i = 0; i < 3; i++) {
		uint8_t buf[200];
		struct writer w = writer_of(buf, sizeof buf);
		struct stun_out o = stun_begin(&w, i == 2 ? STUN_ERROR : STUN_SUCCESS, id);

		if (i == 2)
			stun_add_error(&o, 487);
		else
			stun_add_mapped(&o, i ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4);
		(void)stun_end(&o, "password", 8);
		dump(buf, writer_len(&w));
	}
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	if (!strcmp(argv[1], "rtcp"))
		rtcp();
	else if (!strcmp(argv[1], "rtp"))
		rtp();
	else
		stun();
	return 0;
}
