/* SPDX-License-Identifier: GPL-3.0-or-later
 * RTCP as bytes: RFC 3550 section 6, RFC 4585 (NACK, PLI), RFC 5104 (FIR,
 * TMMBR, TMMBN), RFC 5506 (reduced size), draft-alvestrand-rmcat-remb-03; when
 * to send it, and what reports say. Pure: clock and randomness passed in. */
#ifndef BALAI_RTP_RTCP_H
#define BALAI_RTP_RTCP_H

#include "base/cursor.h"
#include "rtp/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rtcp_type {
	RTCP_TYPE_SR = 200, RTCP_TYPE_RR, RTCP_TYPE_SDES, RTCP_TYPE_BYE, RTCP_TYPE_APP,
	RTCP_TYPE_RTPFB, RTCP_TYPE_PSFB, RTCP_TYPE_XR
};

enum rtcp_kind {
	RTCP_OTHER,  /* well-formed, of no interest (XR, SLI, RPSI, TWCC, unknown) */
	RTCP_SR, RTCP_RR, RTCP_SDES, RTCP_BYE, RTCP_APP,
	RTCP_NACK, RTCP_TMMBR, RTCP_TMMBN,
	RTCP_PLI, RTCP_FIR, RTCP_REMB
};

/* Sender part of an SR. */
struct rtcp_sender {
	uint64_t ntp;            /* seconds since 1900 in 32.32 */
	uint32_t rtp_time, packets, octets;
};

/* One report block, RFC 3550 6.4.1. */
struct rtcp_block {
	uint32_t ssrc;
	uint8_t fraction;        /* lost of 256 */
	int32_t lost;            /* 24 bits, may be negative */
	uint32_t highest, jitter, lsr, dlsr;
};

struct rtcp_packet {
	enum rtcp_kind kind;
	uint8_t type, count;     /* packet type; RC, SC or FMT */
	uint32_t ssrc;           /* who sent it; SDES, BYE: the first one listed, 0 if none */
	uint32_t media_ssrc;     /* feedback: about whom (0 in FIR, TMMBR, REMB) */
	struct rtcp_sender sender; /* SR */
	uint8_t app_name[4];     /* APP */
	uint64_t remb;           /* REMB, bit/s; its SSRCs by rtcp_remb_next */
	struct cursor items;     /* what the _next functions read */
	uint32_t nack_mask;      /* private to rtcp_nack_next */
	uint16_t nack_pid;
};

/* Walks a compound or a reduced-size packet. */
struct rtcp_iter {
	struct cursor c;
};

/* Checks the whole before anything is looked at: every part is version 2 and the
 * lengths add up (RFC 3550 A.2). With `reduced` false the first must be an SR
 * or RR. -EBADMSG. */
int rtcp_begin(struct rtcp_iter *out, const uint8_t *data, size_t len, bool reduced);
/* The next packet; false at the end. One whose inside does not fit its kind is
 * given as RTCP_OTHER. Borrows the data. */
bool rtcp_next(struct rtcp_iter *self, struct rtcp_packet *out);

/* Items of a packet of the fitting kind, one after the other. Called on another
 * kind they give false. */
bool rtcp_block_next(struct rtcp_packet *self, struct rtcp_block *out);   /* SR, RR */
bool rtcp_bye_next(struct rtcp_packet *self, uint32_t *ssrc);             /* BYE */
bool rtcp_nack_next(struct rtcp_packet *self, uint16_t *seq);             /* NACK */
bool rtcp_fir_next(struct rtcp_packet *self, uint32_t *ssrc, uint8_t *seq); /* FIR */
bool rtcp_remb_next(struct rtcp_packet *self, uint32_t *ssrc);            /* REMB */
/* TMMBR, TMMBN: bit/s and the bytes of overhead per packet counted in it. */
struct rtcp_tmmb {
	uint32_t ssrc;
	uint64_t bitrate;
	uint16_t overhead;
};
bool rtcp_tmmb_next(struct rtcp_packet *self, struct rtcp_tmmb *out);
/* The CNAME of the first chunk that has one (borrowed, not terminated). */
bool rtcp_sdes_cname(const struct rtcp_packet *self, const uint8_t **cname, size_t *len);

/* ---- writing: each adds one packet to the compound, or -ENOSPC (then nothing
 * of it is written and the compound so far stays good) -------------------- */

/* At most 31 blocks: -EINVAL. */
int rtcp_write_sr(struct writer *w, uint32_t ssrc, const struct rtcp_sender *sender,
		  const struct rtcp_block *block, size_t n);
int rtcp_write_rr(struct writer *w, uint32_t ssrc, const struct rtcp_block *block, size_t n);
int rtcp_write_sdes(struct writer *w, uint32_t ssrc, const char *cname);
/* `reason` may be NULL. */
int rtcp_write_bye(struct writer *w, uint32_t ssrc, const char *reason);
int rtcp_write_pli(struct writer *w, uint32_t ssrc, uint32_t media_ssrc);
/* `seq` goes up by one for each new request, and stays for a repetition
 * (RFC 5104 4.3.1.1). */
int rtcp_write_fir(struct writer *w, uint32_t ssrc, uint32_t media_ssrc, uint8_t seq);
/* `seq` in ascending order (modulo 2^16). What fits 17 to a pair is packed. */
int rtcp_write_nack(struct writer *w, uint32_t ssrc, uint32_t media_ssrc,
		    const uint16_t *seq, size_t n);
int rtcp_write_remb(struct writer *w, uint32_t ssrc, uint64_t bitrate,
		    const uint32_t *ssrcs, size_t n);
int rtcp_write_tmmbr(struct writer *w, uint32_t ssrc, const struct rtcp_tmmb *entry, size_t n);
int rtcp_write_tmmbn(struct writer *w, uint32_t ssrc, const struct rtcp_tmmb *entry, size_t n);

/* ---- reception ----------------------------------------------------------- */

/* NTP time in 32.32 of microseconds since 1970. */
uint64_t rtcp_ntp(int64_t wall_us);
/* Back to microseconds since 1970 (era of 1900 to 2036 and the next, by half). */
int64_t rtcp_ntp_us(uint64_t ntp);

/* What one end remembers of the other's sender reports. */
struct rtcp_peer {
	bool sr_known;
	struct rtcp_sender sr;   /* the last */
	int64_t sr_us;           /* when it came, monotonic */
	uint32_t rtt_us;         /* smoothed, 0: not known */
	uint32_t rtt_last_us;
};

void rtcp_peer_sr(struct rtcp_peer *self, const struct rtcp_sender *sr, int64_t now);
/* A block about us: round trip from LSR and DLSR (RFC 3550 6.4.1). `wall_us`:
 * this host's time when it came. A block without LSR, or one that gives a
 * negative or absurd (over 10 s) trip changes nothing: false. */
bool rtcp_peer_rtt(struct rtcp_peer *self, const struct rtcp_block *block, int64_t wall_us);
/* The block about `source` for our next report, and begins its next interval.
 * RFC 3550 A.3. */
void rtcp_block_fill(struct rtcp_block *out, struct rtp_source *source,
		     const struct rtcp_peer *peer, int64_t now);

/* ---- timing -------------------------------------------------------------- */

struct rtcp_timing {
	/* set by the owner at any time */
	bool avpf;               /* early feedback allowed (RFC 4585) */
	bool sending;            /* we sent RTP since the last two reports */
	uint32_t bandwidth;      /* session bandwidth, bit/s; 5 % of it is RTCP */
	uint32_t members, senders; /* 0: taken as 2 and 2 */
	/* private */
	int64_t next_us, last_us;
	int64_t early_us;        /* early feedback so far is paid for then */
	bool initial;
	uint32_t average_size;   /* bytes with UDP and IP, times 16 */
	uint64_t random;
};

/* `random`: any number, different per stream. The first report is due within
 * half of the interval (RFC 3550 6.2). */
void rtcp_timing_init(struct rtcp_timing *self, uint64_t random, int64_t now);
/* When the next regular report is due. */
int64_t rtcp_timing_next(const struct rtcp_timing *self);
/* A regular compound of `bytes` (without UDP and IP) went out at now. */
void rtcp_timing_sent(struct rtcp_timing *self, size_t bytes, int64_t now);
/* May feedback of about `bytes` go at once? Not under AVP: it rides in the next
 * regular compound. Under AVPF two members need no dithering (RFC 4585 3.5.2);
 * where the RFC allows one early packet between two regular ones, this counts
 * bytes: the RTCP share of the bandwidth, at least 1000 a second, two seconds of
 * it ahead, so that a NACK does not wait because another went before it. On true
 * the bytes are taken off and count towards the average. */
bool rtcp_timing_early(struct rtcp_timing *self, size_t bytes, int64_t now);
/* The deterministic interval in us before randomization (RFC 3550 6.3.1):
 * at least 5 s, 360/kbps s where that is less; AVPF: no minimum but 1 s here,
 * so that loss and round trip are known in time. */
int64_t rtcp_timing_interval(const struct rtcp_timing *self);

#endif
