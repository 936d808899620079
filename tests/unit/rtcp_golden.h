/* SPDX-License-Identifier: GPL-3.0-or-later
 * One RTCP packet of each kind: how it is written, and its bytes by the RFCs. */
#ifndef BALAI_TESTS_UNIT_RTCP_GOLDEN_H
#define BALAI_TESTS_UNIT_RTCP_GOLDEN_H

#include "rtp/rtcp.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

enum { OURS = 0x11223344, THEIRS = 0x55667788 };

static int write_sr(struct writer *w)
{
	static const struct rtcp_sender sender = { 0xe1234567890abcdeu, 160000, 1000, 160000 };
	static const struct rtcp_block block[] = {
		{ THEIRS, 64, -2, 0x00021234, 80, 0x45678901, 0x00018000 },
		{ 0x99aabbcc, 255, 0x7fffff, 1, 2, 3, 4 },
	};

	return rtcp_write_sr(w, OURS, &sender, block, 2);
}

static int write_rr(struct writer *w)
{
	return rtcp_write_rr(w, OURS, NULL, 0);
}

static int write_sdes(struct writer *w)
{
	return rtcp_write_sdes(w, OURS, "a@b.org");
}

static int write_sdes_full(struct writer *w) /* the end falls on a word */
{
	return rtcp_write_sdes(w, OURS, "ab");
}

static int write_bye(struct writer *w)
{
	return rtcp_write_bye(w, OURS, NULL);
}

static int write_bye_reason(struct writer *w)
{
	return rtcp_write_bye(w, OURS, "ended");
}

static int write_pli(struct writer *w)
{
	return rtcp_write_pli(w, OURS, THEIRS);
}

static int write_fir(struct writer *w)
{
	return rtcp_write_fir(w, OURS, THEIRS, 201);
}

static int write_nack(struct writer *w)
{
	static const uint16_t seq[] = { 65530, 65533, 9, 11, 100 };

	return rtcp_write_nack(w, OURS, THEIRS, seq, COUNT(seq));
}

static int write_remb(struct writer *w)
{
	static const uint32_t ssrcs[] = { THEIRS, 0x99aabbcc };

	return rtcp_write_remb(w, OURS, 1499137, ssrcs, 2);
}

static int write_tmmbr(struct writer *w)
{
	static const struct rtcp_tmmb entry = { THEIRS, 768000, 40 };

	return rtcp_write_tmmbr(w, OURS, &entry, 1);
}

static int write_tmmbn(struct writer *w)
{
	static const struct rtcp_tmmb entry = { 0x99aabbcc, 131072, 200 };

	return rtcp_write_tmmbn(w, OURS, &entry, 1);
}

static int write_tmmbn_none(struct writer *w)
{
	return rtcp_write_tmmbn(w, OURS, NULL, 0);
}

#define WE 0x11, 0x22, 0x33, 0x44
#define THEY 0x55, 0x66, 0x77, 0x88

static const struct golden {
	const char *name;
	enum rtcp_kind kind;
	int (*write)(struct writer *w);
	uint8_t bytes[80];
	size_t len;
} golden[] = {
	{ "sr", RTCP_SR, write_sr, { 0x82, 200, 0, 18, WE,
	  0xe1, 0x23, 0x45, 0x67, 0x89, 0x0a, 0xbc, 0xde, 0, 2, 0x71, 0, 0, 0, 3, 0xe8, 0, 2, 0x71, 0,
	  THEY, 64, 0xff, 0xff, 0xfe, 0, 2, 0x12, 0x34, 0, 0, 0, 80, 0x45, 0x67, 0x89, 1, 0, 1, 0x80, 0,
	  0x99, 0xaa, 0xbb, 0xcc, 255, 0x7f, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4 }, 76 },
	{ "rr", RTCP_RR, write_rr, { 0x80, 201, 0, 1, WE }, 8 },
	{ "sdes", RTCP_SDES, write_sdes,
	  { 0x81, 202, 0, 4, WE, 1, 7, 'a', '@', 'b', '.', 'o', 'r', 'g', 0, 0, 0 }, 20 },
	{ "sdes that fills a word", RTCP_SDES, write_sdes_full,
	  { 0x81, 202, 0, 3, WE, 1, 2, 'a', 'b', 0, 0, 0, 0 }, 16 },
	{ "bye", RTCP_BYE, write_bye, { 0x81, 203, 0, 1, WE }, 8 },
	{ "bye with a reason", RTCP_BYE, write_bye_reason,
	  { 0x81, 203, 0, 3, WE, 5, 'e', 'n', 'd', 'e', 'd', 0, 0 }, 16 },
	{ "pli", RTCP_PLI, write_pli, { 0x81, 206, 0, 2, WE, THEY }, 12 },
	{ "fir", RTCP_FIR, write_fir, { 0x84, 206, 0, 4, WE, 0, 0, 0, 0, THEY, 201, 0, 0, 0 }, 20 },
	{ "nack", RTCP_NACK, write_nack, { 0x81, 205, 0, 5, WE, THEY,
	  0xff, 0xfa, 0x40, 0x04, 0, 11, 0, 0, 0, 100, 0, 0 }, 24 },
	{ "remb", RTCP_REMB, write_remb, { 0x8f, 206, 0, 6, WE, 0, 0, 0, 0, 'R', 'E', 'M', 'B',
	  2, 0x0e, 0xdc, 0x00, THEY, 0x99, 0xaa, 0xbb, 0xcc }, 28 },
	{ "tmmbr", RTCP_TMMBR, write_tmmbr, { 0x83, 205, 0, 4, WE, 0, 0, 0, 0, THEY,
	  0x0e, 0xee, 0x00, 0x28 }, 20 },
	{ "tmmbn", RTCP_TMMBN, write_tmmbn, { 0x84, 205, 0, 4, WE, 0, 0, 0, 0, 0x99, 0xaa, 0xbb, 0xcc,
	  0x06, 0x00, 0x00, 0xc8 }, 20 },
	{ "tmmbn of nobody", RTCP_TMMBN, write_tmmbn_none, { 0x84, 205, 0, 2, WE, 0, 0, 0, 0 }, 12 },
};

#endif
