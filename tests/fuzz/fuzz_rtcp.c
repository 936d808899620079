/* SPDX-License-Identifier: GPL-3.0-or-later
 * Fuzz: an RTCP compound, every packet and every item of it. */
#include "rtp/rtcp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

static void eat(const uint8_t *p, size_t n)
{
	while (n--)
		sink += *p++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtcp_iter it;
	struct rtcp_packet p;
	struct rtcp_block b;
	struct rtcp_peer peer = { 0 };
	struct rtcp_tmmb t;
	const uint8_t *cname;
	size_t len, packets = 0, items = 0;
	uint32_t ssrc;
	uint16_t seq;
	uint8_t fir;

	if (!size || rtcp_begin(&it, data + 1, size - 1, data[0] & 1))
		return 0;
	while (rtcp_next(&it, &p)) {
		struct rtcp_packet q = p;

		packets++;
		eat((const uint8_t *)&p.sender, sizeof p.sender);
		if (p.kind == RTCP_SR)
			rtcp_peer_sr(&peer, &p.sender, 1000000);
		while (rtcp_block_next(&p, &b)) {
			items++;
			(void)rtcp_peer_rtt(&peer, &b, 1700000000000000);
			(void)rtcp_ntp_us(p.sender.ntp);
		}
		while (rtcp_bye_next(&p, &ssrc) || rtcp_fir_next(&p, &ssrc, &fir) ||
		       rtcp_remb_next(&p, &ssrc) || rtcp_tmmb_next(&p, &t))
			items++;
		while (rtcp_nack_next(&p, &seq))
			items++;
		if (rtcp_sdes_cname(&q, &cname, &len))
			eat(cname, len);
	}
	/* No input is worth more than 17 items for 4 bytes. */
	if (packets > size / 4 || items > size * 17 / 4)
		abort();
	return 0;
}
