/* SPDX-License-Identifier: GPL-3.0-or-later
 * Neutral media description: what a side can send and can receive. SDP and
 * H.245 capabilities both become it, and one intersection serves both. Plain
 * data, pure functions, any thread. */
#ifndef BALAI_MCU_MC_DESC_H
#define BALAI_MCU_MC_DESC_H

#include "codecs/codec.h"
#include "conf/config.h"
#include "rtp/srtp_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { DESC_MAX_LINES = 16, DESC_MAX_CODECS = 48, DESC_MAX_CRYPTO = 16 };

enum desc_proto {
	PROTO_OTHER, PROTO_AVP, PROTO_AVPF, PROTO_SAVP, PROTO_SAVPF,
	PROTO_DTLS_SAVP, PROTO_DTLS_SAVPF /* UDP/TLS/RTP/SAVP[F], RFC 5764 */
};
enum desc_role { ROLE_MAIN, ROLE_SLIDES }; /* slides: of video only */
enum desc_setup { SETUP_NONE, SETUP_ACTIVE, SETUP_PASSIVE, SETUP_ACTPASS, SETUP_HOLDCONN };

struct desc_codec {
	int pt;
	struct codec_format format;
	bool can_send, can_receive;  /* SDP: both; H.245: as the side said */
	bool fir, pli, nack, tmmbr, remb; /* rtcp-fb for this payload type, wildcards spread */
	char events[32];             /* telephone-event fmtp, "" when none */
};

struct desc_fingerprint {
	char hash[16];               /* lower case; "" none */
	uint8_t bytes[64];
	uint8_t len;
};

/* A header extension that either side may send or not (RFC 8285 section 8). */
struct desc_extension {
	uint8_t id;                  /* 0: none */
	bool send, receive;          /* from the side that wrote the description */
};

struct desc_line {
	enum media_kind kind;
	char media[32], proto_text[32]; /* as written; an answer repeats them */
	char formats_text[256];      /* the format list as written, for refused lines */
	enum desc_proto proto;
	enum desc_role role;
	uint16_t port;               /* 0: refused or not used */
	struct sockaddr_storage rtp, rtcp; /* where media goes; rtcp: a=rtcp or port+1 */
	bool rtcp_given;             /* an a=rtcp attribute was there */
	bool send, receive;          /* from the side that wrote the description */
	uint32_t n_codecs;
	struct desc_codec codec[DESC_MAX_CODECS]; /* preferred first; only known ones */
	unsigned ptime, maxptime;    /* ms, 0: not given */
	uint32_t bandwidth;          /* bit/s of the media it is ready to receive, 0: not given */
	uint32_t n_crypto;
	struct sdes_line crypto[DESC_MAX_CRYPTO]; /* well-formed ones, unusable ones too */
	struct desc_fingerprint fingerprint;
	enum desc_setup setup;
	bool rtcp_mux;
	bool ice;                    /* ufrag and pwd are there */
	char ice_ufrag[257], ice_pwd[257];
	bool end_of_candidates;
	struct sockaddr_storage candidate[8]; /* usable UDP host/srflx ones, component 1 */
	uint32_t n_candidates;
	char mid[32];
	bool bundled;                /* its mid is in the BUNDLE group */
	uint8_t mid_ext, abs_send_time_ext; /* RFC 8285 ids, 0: none */
	struct desc_extension orientation; /* of the camera, 3GPP TS 26.114 section 7.4.5 */
	struct desc_extension audio_level; /* RFC 6464 */
	char label[32], content[32];
	uint32_t imageattr_w, imageattr_h;  /* the largest receive size given, 0: none */
	char reason[160];            /* in an answer: why it is as it is */
};

struct media_desc {
	uint32_t n_lines;
	struct desc_line line[DESC_MAX_LINES];
	bool ice_lite;
	uint64_t session_id, session_version;
	bool too_many_lines;         /* more than fit: refuse the whole with 488 */
	char username[64];           /* o= */
	char encodings[512];         /* "|opus|H264|…|": names of all codecs, ours or not */
};

/* What this side is ready to do in one call. */
struct desc_policy {
	const struct conf_profile *profile;
	enum conf_encryption encryption; /* the stricter of profile and conference */
	bool video;                  /* false: audio only (desk-phone conference) */
	bool slides;                 /* a second video for slides is received */
	const struct conf_quirk *quirk;  /* of this endpoint, may be NULL */
	bool was_secured;            /* an earlier agreement was encrypted: never weaker now */
	int family;                  /* AF_INET or AF_INET6 when media has only that; 0: both */
	enum desc_setup dtls_role;   /* ACTIVE or PASSIVE: in force, kept by a re-INVITE (RFC 8842
				      * section 5.3); NONE: no DTLS association yet */
};

struct desc_verdict {
	int status;                  /* 200, 488 … */
	char warning[160];           /* text of a Warning header, "" none */
};

/* True when this build can code and decode it; an answer never has another. */
bool desc_codec_supported(enum codec_id id);

/* `text` is "AB:CD:…" as in RFC 8122 section 5. -EBADMSG: not pairs of hex
 * digits, or a length that is not the hash's; -ENOTSUP: MD2, MD5 or unknown. */
int desc_fingerprint_parse(struct desc_fingerprint *out, const char *hash, const char *text);

struct media_desc *media_desc_new(void); /* zeroed, NULL when out of memory */
struct media_desc *media_desc_free(struct media_desc *self);

/* Answers `offer` under the policy: chooses codecs (one audio and DTMF, one
 * main video, and one for slides that is only received, RFC 4796), security line,
 * direction, bundling, feedback. Ports, keys, ICE and
 * fingerprint of accepted lines are left for the caller to fill: an accepted
 * line has port 9. Every line has its reason, and so has every codec in the
 * offer by `why` (may be NULL), a callback (arg, line, codec index or -1, text).
 * 200 as soon as one audio or main video line is accepted, otherwise 488. */
typedef void desc_why(void *arg, unsigned line, int codec, const char *text);
void desc_answer(const struct desc_policy *policy, const struct media_desc *offer,
		 struct media_desc *answer, struct desc_verdict *verdict,
		 desc_why *why, void *arg);

/* An offer of everything the policy allows: one audio and one main video line; of
 * slides nothing, since we send none. */
void desc_offer(const struct desc_policy *policy, struct media_desc *offer);

/* Puts an offer that let the other side choose between keys and plain media under
 * RTP/SAVP, for those who take keys there only. False: there was nothing to choose. */
bool desc_insist(struct media_desc *offer);

/* Takes the keys out of an offer under RTP/SAVP, for those who cannot encrypt and refuse
 * what they do not know. Only where encryption is not required. False: there were none. */
bool desc_relent(struct media_desc *offer);

/* An offer inside a call (re-INVITE, or asked for by one without SDP): the lines
 * of our description in force stay in place with their words, numbers, keys,
 * ICE and mid; a codec keeps the payload type it had in theirs; everything else
 * the policy allows is offered beside it. Slides stay as they are, or are closed
 * where the policy has none any more. Ports, addresses, fingerprint and ICE
 * are copied from `ours`; DTLS roles are open again (RFC 8842 section 5.2). */
void desc_reoffer(const struct desc_policy *policy, const struct media_desc *ours,
		  const struct media_desc *theirs, struct media_desc *offer);

/* One line as both sides agreed: what goes to the wire and the mixer. */
struct desc_agreed {
	bool active;                 /* the line is in use */
	enum media_kind kind;
	enum desc_role role;
	bool send, receive;          /* ours */
	uint32_t n_rx;
	struct desc_codec rx[DESC_MAX_CODECS]; /* what may arrive */
	struct desc_codec tx;        /* what we send; format: what the peer receives */
	int dtmf_tx_pt, cn_tx_pt;    /* -1 none */
	unsigned ptime;              /* ms of what we send, audio */
	uint32_t bitrate;            /* bit/s we may send, 0: no limit given */
	enum { AGREED_PLAIN, AGREED_SDES, AGREED_DTLS } security;
	struct srtp_key tx_key, rx_key;
	struct desc_fingerprint fingerprint;
	bool dtls_active;            /* we are the DTLS client */
	bool avpf, rtcp_mux, ice;
	uint8_t orientation_ext, level_ext; /* RFC 8285 ids in what they send, 0: none */
	int bundled_with;            /* index of the line whose transport it shares, -1: own */
};

/* What a quirk (may be NULL) changes in what was agreed. */
void desc_quirk_agreed(const struct conf_quirk *quirk, struct desc_agreed agreed[DESC_MAX_LINES]);

/* Puts our description and theirs together, line by line; `we_offered` tells
 * which is the offer. -EBADMSG when the answer does not fit the offer (too many
 * lines, media types). Lines that an answer to our offer leaves out count as
 * refused; one with codecs never offered keeps those that were. */
int desc_agree(const struct media_desc *ours, const struct media_desc *theirs,
	       bool we_offered, struct desc_agreed agreed[DESC_MAX_LINES]);

#endif
