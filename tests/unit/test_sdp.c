/* SPDX-License-Identifier: GPL-3.0-or-later
 * SDP in: what is tolerated, and what each attribute becomes. */
#include "tests/unit/sdp_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* HEAD, then the text. */
static struct media_desc *parse_after_head(const char *text)
{
	char buf[4096];

	snprintf(buf, sizeof(buf), "%s%s", HEAD, text);
	return parse(buf);
}

static const char *address_of(const struct sockaddr_storage *a, char buf[static 64])
{
	char host[INET6_ADDRSTRLEN] = "-";

	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, host, sizeof(host));
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, host,
			  sizeof(host));
	snprintf(buf, 64, "%s %u", host, a->ss_family == AF_UNSPEC ? 0 :
		 ntohs(((const struct sockaddr_in *)a)->sin_port));
	return buf;
}

static void tolerated(void **state)
{
	static const struct {
		const char *text;
		size_t len;   /* 0: all */
		unsigned lines, codecs;
	} rows[] = {
		{ HEAD "m=audio 4000 RTP/AVP 0 8\r\n", 0, 1, 2 },
		{ HEAD "m=audio 4000 RTP/AVP 0 8", 0, 1, 2 },                 /* no last break */
		{ "v=0\no=- 1 1 IN IP4 10.0.0.1\ns=\nt=0 0\nm=audio 1 RTP/AVP 0\n", 0, 1, 1 },
		{ "\r\n v=0\r\n m=audio 1 RTP/AVP 0\r\n", 0, 1, 1 },
		{ "noise\r\n=\r\nx\r\nv=0\r\nm=audio 1 RTP/AVP 0\r\n", 0, 1, 1 },
		{ "v=0\r\nm=audio 1 RTP/AVP 0\r\n\r\n\r\n", 0, 1, 1 },
		{ "v=1\r\nt=1 2 3\r\nr=x\r\nz=1\r\ne=\r\nu=\r\nm=audio 1 RTP/AVP 0\r\n", 0, 1, 1 },
		{ "v=0\r\nc=IN\r\nc=ATM NSAP 1\r\nb=AS\r\nb=:1\r\nk=\r\nm=audio 1 RTP/AVP 0\r\n",
		  0, 1, 1 },
		{ HEAD "m=audio 1 RTP/AVP 0\r\n\0m=video 3 RTP/AVP 31\r\n",
		  sizeof(HEAD "m=audio 1 RTP/AVP 0\r\n\0m=video 3 RTP/AVP 31\r\n") - 1, 1, 1 },
		{ HEAD "m=audio 1 RTP/AVP 0\r\n" HEAD "m=audio 3 RTP/AVP 8\r\n", 0, 1, 1 },
		{ HEAD "m=audio 1 RTP/AVP 0 140 x 0 -1 8\r\n", 0, 1, 2 },
		{ HEAD "m=audio 1/2 RTP/AVP 0\r\n", 0, 1, 1 },
		{ HEAD "m=audio 70000 RTP/AVP 0\r\nm=audio x RTP/AVP 0\r\n", 0, 2, 1 },
		{ HEAD "m=\r\nm=audio\r\nm=audio 1\r\nm=audio 1 RTP/AVP 0\r\n", 0, 1, 1 },
		{ HEAD "m=audio 1 rtp/avp 0\r\n", 0, 1, 1 },
		{ HEAD "m=audio 1 RTP/AVP 0\ra=x\r\n", 0, 1, 1 },
		{ HEAD "m=audio 1 RTP/AVP 0\r\na=\r\na=:\r\na=: x\r\na=a b:c\r\na=rtpmap\r\n"
		  "a=fmtp\r\na=crypto\r\na=rtcp\r\na=rtcp-fb\r\na=candidate\r\na=extmap\r\n"
		  "a=imageattr\r\na=fingerprint\r\na=setup\r\na=ptime\r\na=mid\r\n", 0, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_desc *d = NULL;

		assert_int_equal(sdp_desc_parse(&d, rows[i].text, rows[i].len ? rows[i].len :
						strlen(rows[i].text)), 0);
		assert_int_equal(d->n_lines, rows[i].lines);
		assert_int_equal(d->line[0].n_codecs, rows[i].codecs);
		media_desc_free(d);
	}
}

static void not_tolerated(void **state)
{
	static const char *const rows[] = {
		"", "\r\n", "hello", "m=audio 1 RTP/AVP 0\r\n", HEAD, "v=0\r\nm=audio\r\n",
		"\0v=0\r\nm=audio 1 RTP/AVP 0\r\n",
	};
	struct media_desc *d = NULL;
	char *big = (char *)calloc(1, SDP_MAX_BYTES + 1);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(sdp_desc_parse(&d, rows[i], strlen(rows[i])), -EBADMSG);
	assert_int_equal(sdp_desc_parse(&d, NULL, 0), -EBADMSG);
	memset(big, 'a', SDP_MAX_BYTES + 1);
	memcpy(big, HEAD, strlen(HEAD));
	assert_int_equal(sdp_desc_parse(&d, big, SDP_MAX_BYTES + 1), -EMSGSIZE);
	assert_int_equal(sdp_desc_parse(&d, big, SDP_MAX_BYTES), -EBADMSG);
	assert_null(d);
	free(big);
}

static void many_lines(void **state)
{
	char text[8192];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", HEAD);
	struct media_desc *d;

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "m=audio 4000 RTP/AVP 0\r\n");
	d = parse(text);
	assert_int_equal(d->n_lines, 16);
	assert_false(d->too_many_lines);
	media_desc_free(d);
	snprintf(text + n, sizeof(text) - n, "m=audio 4000 RTP/AVP 0\r\n");
	d = parse(text);
	assert_int_equal(d->n_lines, 16);
	assert_true(d->too_many_lines);
	media_desc_free(d);
}

/* ---- codecs ------------------------------------------------------------------------ */

static void codecs(void **state)
{
	static const struct {
		const char *media; /* m= line and attributes */
		enum codec_id id;  /* of the first, CODEC_NONE: none */
		uint32_t rate;
	} rows[] = {
		{ "audio 1 RTP/AVP 0", CODEC_PCMU, 8000 },
		{ "audio 1 RTP/AVP 9", CODEC_G722, 8000 },
		{ "audio 1 RTP/AVP 18", CODEC_G729, 8000 },
		{ "audio 1 RTP/AVP 13", CODEC_CN, 8000 },
		{ "audio 1 RTP/AVP 11", CODEC_NONE, 0 },  /* L16 at 44.1 kHz */
		{ "audio 1 RTP/AVP 11\r\na=rtpmap:11 L16/16000", CODEC_L16, 16000 },
		{ "audio 1 RTP/AVP 11\r\na=rtpmap:11 L16/16000/2", CODEC_NONE, 0 },
		{ "audio 1 RTP/AVP 96\r\na=rtpmap:96 PCMU/16000", CODEC_NONE, 0 },
		{ "audio 1 RTP/AVP 96\r\na=rtpmap:96 PCMU-WB/8000", CODEC_NONE, 0 },
		{ "audio 1 RTP/AVP 96\r\na=rtpmap:96 PCMU/8000", CODEC_PCMU, 8000 },
		{ "audio 1 RTP/AVP 0\r\na=rtpmap:0 pcmu/8000/1", CODEC_PCMU, 8000 },
		{ "audio 1 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000/2", CODEC_NONE, 0 },
		{ "audio 1 RTP/AVP 0\r\na=rtpmap:0 PCMU/16000", CODEC_NONE, 0 },
		{ "audio 1 RTP/AVP 18\r\na=rtpmap:18 G729a/8000", CODEC_G729, 8000 },
		{ "audio 1 RTP/AVP 9\r\na=rtpmap:9 other/16000", CODEC_NONE, 0 },
		{ "audio 1 RTP/AVP 2\r\na=rtpmap:2 G721/8000", CODEC_NONE, 0 },
		{ "audio 1 RTP/AVP 9\r\na=rtpmap:9 G722/16000", CODEC_G722, 8000 },
		{ "audio 1 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2", CODEC_OPUS, 48000 },
		{ "audio 1 RTP/AVP 96\r\na=rtpmap:96 OPUS/48000", CODEC_OPUS, 48000 },
		{ "audio 1 RTP/AVP 96\r\na=rtpmap:96 opus/8000", CODEC_NONE, 0 },
		{ "audio 1 RTP/AVP 96", CODEC_NONE, 0 },
		{ "audio 1 RTP/AVP 96\r\na=rtpmap:96 H264/90000", CODEC_NONE, 0 },
		{ "audio 1 RTP/AVP 91\r\na=rtpmap:91 telephone-event/8000", CODEC_TELEPHONE_EVENT,
		  8000 },
		{ "video 1 RTP/AVP 0", CODEC_NONE, 0 },
		{ "video 1 RTP/AVP 31", CODEC_H261, 90000 },
		{ "video 1 RTP/AVP 34", CODEC_H263, 90000 },
		{ "video 1 RTP/AVP 31\r\na=rtpmap:31 h261/90000", CODEC_H261, 90000 },
		{ "video 1 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000", CODEC_VP8, 90000 },
		{ "video 1 RTP/SAVPF 96\r\na=rtpmap:96 H264/90000", CODEC_H264, 90000 },
		{ "video 1 RTP/AVP 96\r\na=rtpmap:96 H264-SVC/90000", CODEC_NONE, 0 },
		{ "control 1 RTP/AVP 96\r\na=rtpmap:96 H264/90000", CODEC_NONE, 0 },
		{ "application 1 UDP/BFCP *", CODEC_NONE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct media_desc *d;

		snprintf(text, sizeof(text), "m=%s\r\n", rows[i].media);
		d = parse_after_head(text);
		assert_int_equal(d->n_lines, 1);
		assert_int_equal(d->line[0].n_codecs, rows[i].id != CODEC_NONE);
		assert_int_equal(d->line[0].codec[0].format.id, rows[i].id);
		assert_int_equal(d->line[0].codec[0].format.clock_rate, rows[i].rate);
		media_desc_free(d);
	}
}

/* Parameters stand before their rtpmap or after all of them, and a payload type
 * means what its own line says. */
static void parameters_by_number(void **state)
{
	struct media_desc *d = parse_after_head(
		"m=audio 1 RTP/AVP 96 97\r\na=fmtp:97 0-11,16\r\na=rtpmap:96 opus/48000/2\r\n"
		"a=rtpmap:97 telephone-event/8000\r\na=fmtp:96 useinbandfec=1;maxplaybackrate=16000\r\n"
		"m=video 3 RTP/AVP 97 96\r\na=fmtp:96 max-fs=1200;max-fr=15\r\n"
		"a=fmtp:97 max-mbps=40500 ; profile-level-id=42E00C;packetization-mode=1;max-fs=1620;"
		"max-br=900;max-smbps=3;max-cpb=4;max-dpb=5;level-asymmetry-allowed=1\r\n"
		"a=rtpmap:96 VP8/90000\r\na=rtpmap:97 H264/90000\r\n");
	const struct h264_format *h = &d->line[1].codec[0].format.h264;

	(void)state;
	assert_int_equal(d->line[0].codec[0].format.opus.max_playback_rate, 16000);
	assert_true(d->line[0].codec[0].format.opus.useinbandfec);
	assert_string_equal(d->line[0].codec[1].events, "0-11,16");
	assert_int_equal(h->profile_idc, 0x42);
	assert_int_equal(h->profile_iop, 0xe0);
	assert_int_equal(h->level_idc, 12);
	assert_int_equal(h->packetization_mode, 1);
	assert_true(h->level_asymmetry_allowed);
	assert_int_equal(h->max_mbps, 40500);
	assert_int_equal(h->max_fs, 1620);
	assert_int_equal(h->max_br, 900);
	assert_int_equal(h->max_smbps, 3);
	assert_int_equal(h->max_cpb, 4);
	assert_int_equal(h->max_dpb, 5);
	assert_int_equal(d->line[1].codec[1].format.vp8.max_fs, 1200);
	assert_int_equal(d->line[1].codec[1].format.vp8.max_fr, 15);
	media_desc_free(d);
}

static void parameter_defaults(void **state)
{
	struct media_desc *d = parse_after_head(
		"m=video 3 RTP/AVP 96 97 34 31 98\r\na=rtpmap:96 H264/90000\r\na=rtpmap:97 H264/90000\r\n"
		"a=fmtp:97 profile-level-id=42;packetization-mode=1\r\n"
		"a=fmtp:31 CIF=2;QCIF=1;D=1\r\na=rtpmap:98 H263-1998/90000\r\n"
		"a=fmtp:98 QCIF=2 MAXBR=2180 CIF4=0 CIF=99\r\n"
		"m=audio 1 RTP/AVP 18 101 102\r\na=fmtp:18 annexb=no\r\n"
		"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 events=0-15\r\n"
		"a=rtpmap:102 telephone-event/16000\r\na=fmtp:102 0-15\\x;evil\r\n");
	const struct desc_codec *c = d->line[0].codec;

	(void)state;
	/* RFC 6184: 42000A where nothing sensible is said. */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(c[i].format.h264.profile_idc, 0x42);
		assert_int_equal(c[i].format.h264.profile_iop, 0);
		assert_int_equal(c[i].format.h264.level_idc, 10);
		assert_int_equal(c[i].format.h264.packetization_mode, i);
	}
	assert_int_equal(c[2].format.h263.qcif, 2); /* H.263 without a word: QCIF */
	assert_int_equal(c[3].format.h263.cif, 2);
	assert_true(c[3].format.h263.annex_d);
	assert_int_equal(c[4].format.h263.qcif, 2); /* blanks between, 99 is no MPI */
	assert_int_equal(c[4].format.h263.cif, 0);
	assert_int_equal(c[4].format.h263.maxbr, 2180);
	assert_true(d->line[1].codec[0].format.g729.annexb_no);
	assert_string_equal(d->line[1].codec[1].events, "0-15");
	assert_string_equal(d->line[1].codec[2].events, "");
	media_desc_free(d);
}

/* ---- transport and direction ------------------------------------------------------------ */

static void addresses(void **state)
{
	static const struct {
		const char *media, *rtp, *rtcp;
		bool given;
	} rows[] = {
		{ "m=audio 4000 RTP/AVP 0\r\n", "10.0.0.1 4000", "10.0.0.1 4001", false },
		{ "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 10.0.0.2\r\n", "10.0.0.2 4000",
		  "10.0.0.2 4001", false },
		{ "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::2\r\n", "2001:db8::2 4000",
		  "2001:db8::2 4001", false },
		{ "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 10.0.0.2/127/3\r\n", "10.0.0.2 4000",
		  "10.0.0.2 4001", false },
		{ "m=audio 4000 RTP/AVP 0\r\na=rtcp:5000\r\n", "10.0.0.1 4000", "10.0.0.1 5000",
		  true },
		{ "m=audio 4000 RTP/AVP 0\r\na=rtcp:5000 IN IP4 10.0.0.3\r\n", "10.0.0.1 4000",
		  "10.0.0.3 5000", true },
		{ "m=audio 4000 RTP/AVP 0\r\na=rtcp:0\r\n", "10.0.0.1 4000", "10.0.0.1 4001",
		  false },
		{ "m=audio 4000 RTP/AVP 0\r\na=rtcp:99999\r\n", "10.0.0.1 4000",
		  "10.0.0.1 4001", false },
		{ "m=audio 65535 RTP/AVP 0\r\n", "10.0.0.1 65535", "10.0.0.1 0", false },
		{ "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 host.example.com\r\n", "- 0", "- 0", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_desc *d = parse_after_head(rows[i].media);
		char buf[64];

		assert_string_equal(address_of(&d->line[0].rtp, buf), rows[i].rtp);
		assert_string_equal(address_of(&d->line[0].rtcp, buf), rows[i].rtcp);
		assert_int_equal(d->line[0].rtcp_given, rows[i].given);
		media_desc_free(d);
	}
}

static void directions(void **state)
{
	static const struct {
		const char *text;
		bool send, receive;
	} rows[] = {
		{ "m=audio 1 RTP/AVP 0\r\n", true, true },
		{ "m=audio 1 RTP/AVP 0\r\na=sendonly\r\n", true, false },
		{ "m=audio 1 RTP/AVP 0\r\na=recvonly\r\n", false, true },
		{ "m=audio 1 RTP/AVP 0\r\na=inactive\r\n", false, false },
		{ "a=sendonly\r\nm=audio 1 RTP/AVP 0\r\n", true, false },
		{ "a=inactive\r\nm=audio 1 RTP/AVP 0\r\na=sendrecv\r\n", true, true },
		{ "m=audio 1 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n", true, false },
		{ "m=audio 1 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n", false, false },
		{ "m=audio 1 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=recvonly\r\n", false, false },
		{ "m=audio 1 RTP/AVP 0\r\nc=IN IP6 ::\r\n", true, false },
		/* With ICE the address says nothing. */
		{ "m=audio 1 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n"
		  "a=ice-pwd:abcdefghijklmnopqrstuv\r\n", true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_desc *d = parse_after_head(rows[i].text);

		assert_int_equal(d->line[0].send, rows[i].send);
		assert_int_equal(d->line[0].receive, rows[i].receive);
		media_desc_free(d);
	}
}

static void bandwidth(void **state)
{
	static const struct {
		const char *session, *audio, *video;
		uint32_t want_audio, want_video;
	} rows[] = {
		{ "", "", "", 0, 0 },
		{ "", "b=TIAS:64000\r\n", "b=TIAS:1000000\r\n", 64000, 1000000 },
		{ "", "b=AS:80\r\n", "b=AS:1000\r\n", 64000, 950000 },
		{ "", "b=AS:24\r\n", "", 8000, 0 },
		{ "", "b=AS:64\r\nb=TIAS:48000\r\n", "b=TIAS:1\r\nb=AS:9\r\n", 48000, 1 },
		{ "", "", "b=CT:1000\r\n", 0, 950000 },
		{ "b=AS:1064\r\n", "", "", 1048000, 1010800 - 64000 },
		{ "b=CT:1000\r\n", "b=TIAS:50000\r\n", "", 50000, 900000 },
		{ "b=TIAS:64000\r\n", "", "", 64000, 64000 },
		{ "b=TIAS:64000\r\n", "", "b=TIAS:9\r\n", 64000, 9 },
		{ "b=X-YZ:128\r\nb=RR:1\r\n", "b=RS:0\r\n", "", 0, 0 },
		{ "", "", "b=AS:4294967295\r\n", 0, UINT32_MAX },
		{ "", "", "b=AS:4294967296\r\n", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct media_desc *d;

		snprintf(text, sizeof(text), "%sm=audio 1 RTP/AVP 0\r\n%sm=video 3 RTP/AVP 31\r\n%s",
			 rows[i].session, rows[i].audio, rows[i].video);
		d = parse_after_head(text);
		assert_int_equal(d->line[0].bandwidth, rows[i].want_audio);
		assert_int_equal(d->line[1].bandwidth, rows[i].want_video);
		media_desc_free(d);
	}
}

static void ice(void **state)
{
	struct media_desc *d = parse_after_head(
		"a=ice-lite\r\na=ice-ufrag:SESS\r\na=ice-pwd:sessionsessionsession00\r\n"
		"m=audio 1 RTP/SAVPF 0\r\na=ice-ufrag:line\r\na=ice-pwd:linelinelinelineline00\r\n"
		"a=candidate:1 1 udp 1 10.0.0.9 7000 typ host\r\n"
		"a=candidate:1 2 udp 1 10.0.0.9 7001 typ host\r\n"
		"a=candidate:2 1 UDP 1 2001:db8::9 7002 typ srflx raddr 10.0.0.1 rport 9\r\n"
		"a=candidate:3 1 tcp 1 10.0.0.9 9 typ host tcptype active\r\n"
		"a=candidate:4 1 udp 1 10.0.0.9 7004 typ relay raddr 1.1.1.1 rport 2\r\n"
		"a=candidate: 1 udp 1 10.0.0.9 7005 typ host\r\n"
		"a=candidate:6 1 udp 1 name.local 7006 typ host\r\n"
		"a=candidate:7 1 udp 1 10.0.0.9 0 typ host\r\n"
		"a=candidate:8 1 udp 1 10.0.0.9\r\na=end-of-candidates\r\n"
		"m=video 1 RTP/SAVPF 31\r\n"
		"m=audio 1 RTP/AVP 0\r\na=ice-ufrag:\r\n");
	char buf[64];

	(void)state;
	assert_true(d->ice_lite);
	assert_true(d->line[0].ice && d->line[0].end_of_candidates);
	assert_string_equal(d->line[0].ice_ufrag, "line");
	assert_string_equal(d->line[0].ice_pwd, "linelinelinelineline00");
	assert_int_equal(d->line[0].n_candidates, 2);
	assert_string_equal(address_of(&d->line[0].candidate[0], buf), "10.0.0.9 7000");
	assert_string_equal(address_of(&d->line[0].candidate[1], buf), "2001:db8::9 7002");
	assert_true(d->line[1].ice);
	assert_string_equal(d->line[1].ice_ufrag, "SESS");
	assert_false(d->line[2].ice);
	media_desc_free(d);
}

static void keys(void **state)
{
	struct media_desc *d = parse_after_head(
		"a=fingerprint:sha-1 " FP1 "\r\na=setup:passive\r\n"
		"m=audio 1 RTP/SAVP 0\r\na=crypto:0 AES_CM_128_HMAC_SHA1_80 inline:" K30 "|2^20|1:4\r\n"
		"a=crypto:1 F8_128_HMAC_SHA1_80 inline:" K30 "\r\na=crypto:x\r\n"
		"a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:" K30 " UNENCRYPTED_SRTCP\r\n"
		"m=video 1 UDP/TLS/RTP/SAVPF 31\r\na=fingerprint:sha-1 " FP1 "\r\n"
		"a=fingerprint:sha-256 " FP256 "\r\na=setup:actpass\r\n"
		"m=audio 1 UDP/TLS/RTP/SAVP 0\r\na=fingerprint:md5 00\r\na=setup:HOLDCONN\r\n");

	(void)state;
	assert_int_equal(d->line[0].n_crypto, 2);
	assert_int_equal(d->line[0].crypto[0].tag, 0);
	assert_int_equal(d->line[0].crypto[0].key.suite, SRTP_AES_CM_128_HMAC_SHA1_80);
	assert_int_equal(d->line[0].crypto[0].key.key[0], 'A');
	assert_int_equal(d->line[0].crypto[1].tag, 2);
	assert_true(d->line[0].crypto[1].unencrypted_srtcp);
	assert_int_equal(d->line[0].setup, SETUP_PASSIVE);
	assert_string_equal(d->line[0].fingerprint.hash, "sha-1");
	assert_string_equal(d->line[1].fingerprint.hash, "sha-256");
	assert_int_equal(d->line[1].fingerprint.bytes[31], 31);
	assert_int_equal(d->line[1].setup, SETUP_ACTPASS);
	assert_string_equal(d->line[2].fingerprint.hash, "sha-1"); /* the session's */
	assert_int_equal(d->line[2].setup, SETUP_HOLDCONN);
	media_desc_free(d);
}

/* ---- other attributes -------------------------------------------------------------------- */

static void feedback(void **state)
{
	static const struct {
		const char *text;
		int fir, pli, nack, tmmbr, remb; /* bit 0: type 96, bit 1: type 97 */
	} rows[] = {
		{ "", 0, 0, 0, 0, 0 },
		{ "a=rtcp-fb:96 ccm fir\r\n", 1, 0, 0, 0, 0 },
		{ "a=rtcp-fb:* ccm fir tmmbr\r\n", 3, 0, 0, 3, 0 },
		{ "a=rtcp-fb:97 nack\r\na=rtcp-fb:96 nack pli\r\n", 0, 1, 2, 0, 0 },
		{ "a=rtcp-fb:* nack rpsi\r\na=rtcp-fb:* ccm pan\r\na=rtcp-fb:* trr-int 100\r\n",
		  0, 0, 0, 0, 0 },
		{ "a=rtcp-fb:96 goog-remb\r\na=rtcp-fb:* CCM TMMBR smaxpr=120\r\n", 0, 0, 0, 3, 1 },
		{ "a=rtcp-fb:200 nack\r\na=rtcp-fb:x nack\r\na=rtcp-fb:98 nack\r\n", 0, 0, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct media_desc *d;
		const struct desc_codec *c;

		snprintf(text, sizeof(text), "m=video 1 RTP/AVP 96 97\r\n%sa=rtpmap:96 VP8/90000\r\n"
			 "a=rtpmap:97 H264/90000\r\n", rows[i].text);
		d = parse_after_head(text);
		c = d->line[0].codec;
		assert_int_equal(c[0].fir | c[1].fir << 1, rows[i].fir);
		assert_int_equal(c[0].pli | c[1].pli << 1, rows[i].pli);
		assert_int_equal(c[0].nack | c[1].nack << 1, rows[i].nack);
		assert_int_equal(c[0].tmmbr | c[1].tmmbr << 1, rows[i].tmmbr);
		assert_int_equal(c[0].remb | c[1].remb << 1, rows[i].remb);
		media_desc_free(d);
	}
}

static void image_sizes(void **state)
{
	static const struct {
		const char *value;
		uint32_t w, h;
	} rows[] = {
		{ "96 send * recv [x=[0-1680],y=[0-1050]]", 1680, 1050 },
		{ "96 send * recv [x=[1:1920],y=[1:1080]]", 1920, 1080 },
		{ "96 send [x=4096,y=2160] recv [x=640,y=480] [x=1280,y=720,q=0.9]", 1280, 720 },
		{ "* recv [x=[480,800,640],y=[320:16:600],sar=1.1]", 800, 600 },
		{ "96 send [x=640,y=480]", 0, 0 },
		{ "96 recv *", 0, 0 }, { "96 recv [x=,y=]", 0, 0 }, { "96 recv [x=640]", 0, 0 },
		{ "96 recv [", 0, 0 }, { "96 recv [x=[", 0, 0 }, { "96", 0, 0 },
		{ "96 recv [x=99999999999999999999,y=9]", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct media_desc *d;

		snprintf(text, sizeof(text), "m=video 1 RTP/AVP 31\r\na=imageattr:%s\r\n",
			 rows[i].value);
		d = parse_after_head(text);
		if (i + 1 < sizeof(rows) / sizeof(rows[0])) {
			assert_int_equal(d->line[0].imageattr_w, rows[i].w);
			assert_int_equal(d->line[0].imageattr_h, rows[i].h);
		} else {
			/* Nonsense stays within what a number may be. */
			assert_true(d->line[0].imageattr_w < 1000000);
		}
		media_desc_free(d);
	}
}

static void names_and_numbers(void **state)
{
	struct media_desc *d = parse_after_head(
		"a=group:LS 1 2\r\na=group:BUNDLE 1 3 nobody\r\na=group:BUNDLE 2\r\n"
		"m=audio 4000 RTP/AVP 0\r\na=mid:1                                   \r\n"
		"a=ptime:30\r\na=maxptime:60.5\r\na=rtcp-mux\r\n"
		"a=extmap:3/recvonly urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
		"a=extmap:14 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
		"m=video 4002 RTP/AVP 31\r\na=mid:2\r\na=content:slides,alt\r\na=label:12\r\na=ptime:x\r\n"
		"a=extmap:15 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:0 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
		"m=video 0 RTP/AVP 31\r\na=mid:3\r\na=bundle-only\r\na=content:main\r\n"
		"m=video 0 RTP/AVP 31\r\na=bundle-only\r\n"
		"m=audio 4 RTP/AVP 0\r\na=mid:an-identifier-that-does-not-fit-in-here-at-all\r\n");

	(void)state;
	assert_string_equal(d->line[0].mid, "1");
	assert_true(d->line[0].bundled && d->line[0].rtcp_mux);
	assert_int_equal(d->line[0].ptime, 30);
	assert_int_equal(d->line[0].maxptime, 60);
	assert_int_equal(d->line[0].mid_ext, 3);
	assert_int_equal(d->line[0].abs_send_time_ext, 14);
	assert_false(d->line[1].bundled);
	assert_int_equal(d->line[1].role, ROLE_SLIDES);
	assert_string_equal(d->line[1].label, "12");
	assert_int_equal(d->line[1].ptime, 0);
	assert_int_equal(d->line[1].mid_ext, 0);
	assert_int_equal(d->line[2].port, 9); /* bundle-only is not refused … */
	assert_true(d->line[2].bundled && d->line[2].send);
	assert_int_equal(d->line[2].role, ROLE_MAIN);
	assert_int_equal(d->line[3].port, 0); /* … but outside a group it is */
	assert_string_equal(d->line[4].mid, "");
	media_desc_free(d);
}

/* What they tell of camera and voice in their packets is listened to; we tell nothing. */
static void extensions(void **state)
{
#define CAMERA "urn:3gpp:video-orientation"
#define VOICE "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	static const struct { const char *id, *kind, *uri, *answer; } rows[] = {
		{ "3", "video", CAMERA, "a=extmap:3/recvonly " CAMERA "\r\n" },
		{ "14/sendrecv", "video", CAMERA, "a=extmap:14/recvonly " CAMERA "\r\n" },
		{ "1/sendonly", "video", CAMERA, "a=extmap:1/recvonly " CAMERA "\r\n" },
		{ "3/recvonly", "video", CAMERA, NULL }, { "3/inactive", "video", CAMERA, NULL },
		{ "3/sideways", "video", CAMERA, NULL }, { "15", "video", CAMERA, NULL },
		{ "0", "video", CAMERA, NULL }, { "x", "video", CAMERA, NULL },
		{ "3", "audio", CAMERA, NULL },
		{ "7", "video", CAMERA, NULL }, /* which is that of the MID, too */
		{ "2", "audio", VOICE, "a=extmap:2/recvonly " VOICE "\r\n" },
		{ "2", "audio", VOICE " vad=on", "a=extmap:2/recvonly " VOICE "\r\n" },
		{ "2/recvonly", "audio", VOICE, NULL }, { "7", "audio", VOICE, NULL },
		{ "2", "video", VOICE, NULL },
	};
	const struct desc_policy policy = { .encryption = ENCRYPTION_PREFERRED, .video = true };
	struct desc_verdict verdict;
	char buf[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_desc *d, *answer = media_desc_new(), *back;

		snprintf(buf, sizeof(buf), "m=%s 4002 RTP/AVP %d\r\na=extmap:%s %s\r\n"
			 "a=extmap:5 " CAMERA ":6\r\n"
			 "a=extmap:7 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
			 rows[i].kind, rows[i].kind[0] == 'a' ? 0 : 31, rows[i].id, rows[i].uri);
		d = parse_after_head(buf);
		desc_answer(&policy, d, answer, &verdict, NULL, NULL);
		assert_int_equal(verdict.status, 200);
		assert_true(sdp_desc_write(answer, "10.0.0.7", buf, sizeof(buf)) > 0);
		assert_int_equal(strstr(buf, "/recvonly ") != NULL, rows[i].answer != NULL);
		assert_true(!rows[i].answer || strstr(buf, rows[i].answer));
		back = parse(buf);
		assert_memory_equal(&back->line[0].orientation, &answer->line[0].orientation,
				    sizeof(back->line[0].orientation));
		assert_memory_equal(&back->line[0].audio_level, &answer->line[0].audio_level,
				    sizeof(back->line[0].audio_level));
		media_desc_free(d);
		media_desc_free(answer);
		media_desc_free(back);
	}
}

/* In a group an id is one extension; one program gives it to two. */
static void extensions_clash(void **state)
{
	const struct desc_policy policy = { .encryption = ENCRYPTION_PREFERRED, .video = true };
	struct desc_agreed *agreed = calloc(DESC_MAX_LINES, sizeof(*agreed));
	struct desc_verdict verdict;

	(void)state;
	for (int grouped = 0; grouped < 2; grouped++) {
		struct media_desc *d, *answer = media_desc_new();
		char buf[2048];

		snprintf(buf, sizeof(buf), "a=group:BUNDLE a %s\r\n"
			 "m=audio 4002 RTP/AVP 0\r\na=mid:a\r\na=rtcp-mux\r\na=extmap:2 " VOICE "\r\n"
			 "m=video 4002 RTP/AVP 31\r\na=mid:b\r\na=rtcp-mux\r\na=extmap:2 http://"
			 "www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\na=extmap:3 " CAMERA
			 "\r\n", grouped ? "b" : "");
		d = parse_after_head(buf);
		desc_answer(&policy, d, answer, &verdict, NULL, NULL);
		assert_int_equal(answer->line[0].audio_level.id, grouped ? 0 : 2);
		assert_int_equal(desc_agree(answer, d, false, agreed), 0);
		assert_int_equal(agreed[0].level_ext, grouped ? 0 : 2);
		assert_int_equal(agreed[0].orientation_ext, 0);
		assert_int_equal(agreed[1].orientation_ext, 3);
		/* their answer to ours inside the call: they do not send it any more */
		d->line[1].orientation.send = false;
		assert_int_equal(desc_agree(answer, d, true, agreed), 0);
		assert_int_equal(agreed[1].orientation_ext, 0);
		assert_int_equal(answer->line[1].abs_send_time_ext, 2);
		assert_int_equal(answer->line[1].orientation.id, 3);
		media_desc_free(d);
		media_desc_free(answer);
	}
	free(agreed);
#undef CAMERA
#undef VOICE
}

/* Members of a group share what only its first has; a line outside does not. */
static void bundled_transport(void **state)
{
	struct media_desc *d = parse_after_head(
		"a=group:BUNDLE v a\r\n"
		"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\n"
		"m=video 9 UDP/TLS/RTP/SAVPF 31\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=rtcp-mux-only\r\n"
		"a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
		"a=fingerprint:sha-1 " FP1 "\r\na=setup:actpass\r\n"
		"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:x\r\n");

	(void)state;
	assert_true(d->line[0].bundled && d->line[1].bundled && !d->line[2].bundled);
	assert_true(d->line[0].rtcp_mux && d->line[0].ice && d->line[0].receive);
	assert_string_equal(d->line[0].ice_pwd, "abcdefghijklmnopqrstuv");
	assert_int_equal(d->line[0].fingerprint.len, 20);
	assert_int_equal(d->line[0].setup, SETUP_ACTPASS);
	assert_false(d->line[2].rtcp_mux || d->line[2].ice || d->line[2].receive);
	assert_int_equal(d->line[2].fingerprint.len, 0);
	media_desc_free(d);
}

static void words_are_kept(void **state)
{
	struct media_desc *d = parse_after_head(
		"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nm=control 49234 H323 mc\r\n"
		"m=video 0 RTP/AVP 31 34 96\r\nm=video 0 UDP/TLS/RTP/SAVPF\r\n"
		"m=vid\xc3\xa9o 3 UDP/UDT/IX *\r\n");
	char buf[2048];

	(void)state;
	assert_int_equal(sdp_desc_write(d, "10.0.0.7", buf, sizeof(buf)) > 0, 1);
	/* Nothing is accepted: drop the port of the live ones, as an answer does. */
	for (unsigned i = 0; i < d->n_lines; i++)
		d->line[i].port = 0;
	assert_true(sdp_desc_write(d, "10.0.0.7", buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
			       "m=control 0 H323 mc\r\nm=video 0 RTP/AVP 31 34 96\r\n"
			       "m=video 0 UDP/TLS/RTP/SAVPF 0\r\nm=vid??o 0 UDP/UDT/IX *\r\n"));
	media_desc_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tolerated),
		cmocka_unit_test(not_tolerated),
		cmocka_unit_test(many_lines),
		cmocka_unit_test(codecs),
		cmocka_unit_test(parameters_by_number),
		cmocka_unit_test(parameter_defaults),
		cmocka_unit_test(addresses),
		cmocka_unit_test(directions),
		cmocka_unit_test(bandwidth),
		cmocka_unit_test(ice),
		cmocka_unit_test(keys),
		cmocka_unit_test(feedback),
		cmocka_unit_test(image_sizes),
		cmocka_unit_test(names_and_numbers),
		cmocka_unit_test(extensions),
		cmocka_unit_test(extensions_clash),
		cmocka_unit_test(bundled_transport),
		cmocka_unit_test(words_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
