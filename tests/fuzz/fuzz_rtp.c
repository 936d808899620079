/* SPDX-License-Identifier: GPL-3.0-or-later
 * Fuzz: one RTP packet; what parses is written again and parses to the same. */
#include "rtp/packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtp_packet p, q;
	struct rtp_ext ext[16], e;
	struct rtp_ext_iter it;
	static uint8_t buf[8192];
	struct writer w = writer_of(buf, sizeof buf);
	size_t n = 0;

	(void)packet_demux(data, size);
	if (rtp_parse(&p, data, size))
		return 0;
	require(p.header_len + p.payload_len + p.padding == size);
	for (it = rtp_ext_begin(&p); rtp_ext_next(&it, &e);) {
		require(e.id && e.data >= data && e.data + e.len <= data + size);
		if (n < 16)
			ext[n++] = e;
	}
	for (uint8_t id = 1; id < 15; id++) {
		uint8_t held = 0xff, level = 0xff;

		require(!rtp_orientation(&p, id, &held) == (held == 0xff));
		require(!rtp_audio_level(&p, id, &level) == (held == 0xff));
		require(held == 0xff || (level & 7) == held);
		require(held == 0xff || (held <= 7 && rtp_ext_find(&p, id, &e) && e.len == 1));
	}
	if (rtp_write_header(&p, ext, n, &w))
		abort(); /* 16 elements of 255 bytes always fit */
	require(rtp_parse(&q, buf, writer_len(&w)) == 0);
	require(q.seq == p.seq && q.ssrc == p.ssrc && q.timestamp == p.timestamp && q.pt == p.pt &&
		q.marker == p.marker && q.n_csrc == p.n_csrc);
	for (size_t i = 0; i < n; i++)
		require(rtp_ext_find(&q, ext[i].id, &e));
	return 0;
}
