/* SPDX-License-Identifier: GPL-3.0-or-later
 * Session descriptions for tests, as text. */
#ifndef BALAI_TESTS_UNIT_SDP_TEXT_H
#define BALAI_TESTS_UNIT_SDP_TEXT_H

#include "tests/unit/cmocka_head.h"

#include "sip/sdp.h"

#include <string.h>

#define HEAD "v=0\r\no=- 1 2 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
#define K30 "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNk"
#define FP1 "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33"
#define FP256 "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:" \
	      "10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"

/* All that we know how to say. */
static const char full[] =
	"v=0\r\no=balai 77 78 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
	"a=ice-lite\r\na=group:BUNDLE a v\r\n"
	"m=audio 4000 UDP/TLS/RTP/SAVPF 96 18 101\r\nb=TIAS:64000\r\na=mid:a\r\n"
	"a=rtpmap:96 opus/48000/2\r\na=fmtp:96 maxplaybackrate=16000;useinbandfec=1;usedtx=1\r\n"
	"a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\n"
	"a=fmtp:101 0-15\r\na=ptime:30\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\n"
	"a=ice-pwd:abcdefghijklmnopqrstuv\r\na=candidate:1 1 UDP 9 10.0.0.1 4000 typ host\r\n"
	"a=fingerprint:sha-256 " FP256 "\r\na=setup:actpass\r\na=sendrecv\r\n"
	"a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on\r\n"
	"m=video 4002 RTP/SAVP 97 99 31\r\nc=IN IP6 2001:db8::1\r\nb=TIAS:1500000\r\na=mid:v\r\n"
	"a=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1;"
	"level-asymmetry-allowed=1;max-mbps=245760;max-fs=8192\r\na=rtpmap:99 VP8/90000\r\n"
	"a=fmtp:99 max-fs=8160;max-fr=30\r\na=rtpmap:31 H261/90000\r\na=fmtp:31 CIF=1;QCIF=1\r\n"
	"a=rtcp-fb:97 nack\r\na=rtcp-fb:97 ccm fir\r\na=rtcp-fb:99 ccm fir\r\n"
	"a=content:main\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=rtcp:4009\r\n"
	"a=extmap:6/sendonly urn:3gpp:video-orientation\r\n"
	"a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:" K30 "\r\na=recvonly\r\n"
	"m=application 0 UDP/BFCP *\r\n";

static inline struct media_desc *parse(const char *text)
{
	struct media_desc *d = NULL;

	assert_int_equal(sdp_desc_parse(&d, text, strlen(text)), 0);
	assert_non_null(d);
	return d;
}

#endif
