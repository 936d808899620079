/* SPDX-License-Identifier: GPL-3.0-or-later
 * The administrator's XML file as one plain typed tree. ⟨libxml2⟩ and ⟨pcre2⟩
 * stay inside conf/. A loaded tree is immutable and counted: a reload makes a
 * new one, and whoever holds the old one keeps it. Any thread. */
#ifndef BALAI_CONF_CONFIG_H
#define BALAI_CONF_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum conf_transport { CONF_UDP, CONF_TCP, CONF_TLS };
enum conf_encryption { ENCRYPTION_OFF, ENCRYPTION_PREFERRED, ENCRYPTION_REQUIRED };
/* Never; when the other side offers it; in our own offers too (RFC 8839). */
enum conf_ice { ICE_OFF, ICE_ANSWER, ICE_OFFER };
enum conf_self { SELF_NO, SELF_YES, SELF_AUTO };
enum conf_audio_only { AUDIO_ONLY_COUNT, AUDIO_ONLY_TILE, AUDIO_ONLY_HIDE };
enum conf_slides { SLIDES_REFUSE, SLIDES_RECEIVE };

struct conf_listen {
	enum conf_transport transport;
	char *address;      /* numeric; "*" all IPv4, "::" all IPv6 */
	uint16_t port;      /* 0: the system chooses (tests) */
	unsigned line;      /* in the file; so below */
};

/* A network of peers: 128 bits, IPv4 as ::ffff:0:0/96. */
struct conf_net {
	uint8_t address[16];
	unsigned bits;
	unsigned line;
};

/* What a participant may ask for with REFER. */
struct conf_transfers {
	bool accept;
	unsigned per_call;  /* at most, in the life of a call */
	char **host;        /* that a transfer may lead to beside this bridge */
	size_t n_host;
};

/* RTP and RTCP of sound and picture, and of slides where they are received. */
enum { CONF_PORTS_PER_CALL = 4, CONF_PORTS_WITH_SLIDES = 6 };

struct conf_network {
	struct conf_listen *listen;
	size_t n_listen;
	char *advertised;   /* address told to peers behind NAT, NULL: own */
	char *media_address; /* numeric address media binds to, NULL: as signalling */
	uint16_t media_port_min, media_port_max; /* 0,0: the system chooses */
	bool tls_verify;    /* of servers we connect to: certificate and name */
	char *tls_ca;       /* PEM file of authorities beside the system's, NULL */
	char *tls_certificate, *tls_key; /* PEM files; NULL: self-signed at start */
	char *control_socket;            /* Unix socket of `balai` */
	unsigned workers;                /* 0: one per core */
	unsigned io_threads;             /* of the wire, up to 16; 0: one */
	unsigned max_calls;              /* 0: what memory carries (mcu/mc/capacity.h) */
	unsigned max_calls_line;
	struct conf_net *trusted;        /* peers that say who calls (RFC 3325) */
	size_t n_trusted;
	struct conf_transfers transfers;
};

struct conf_profile {
	char *name;
	uint16_t width, height; /* of the picture we send, at most */
	unsigned fps;
	unsigned bandwidth;     /* kbit/s of video we send, at most */
	char **audio_codecs;    /* encoding names, preferred first */
	size_t n_audio_codecs;
	bool gain;              /* automatic, of what participants say */
	char **video_codecs;
	size_t n_video_codecs;
	enum conf_encryption encryption;
	enum conf_slides slides; /* a second video with content:slides (RFC 4796) */
	enum conf_ice ice;
	bool video;
	unsigned silence_s;     /* a call without RTP and RTCP ends; 0: never */
	unsigned session_expires_s; /* RFC 4028, 0: off */
	unsigned line;
};

enum conf_role { ROLE_OTHER, ROLE_SPEAKER, ROLE_FIXED };

/* A rectangle of cells; inside the grid of its layout, none empty. */
struct conf_place {
	unsigned x, y, width, height;
	enum conf_role role;
	char *name;             /* NULL: has none */
	char *caller;           /* whose it is: PCRE2 pattern over user@host; NULL: nobody's */
	void *caller_pattern;   /* compiled; conf/ only */
	unsigned line;
};

/* A layout of the administrator's own, beside those built in. */
struct conf_layout {
	char *name;
	unsigned columns, rows; /* cells that the picture is divided into */
	struct conf_place *place; /* later ones lie over earlier */
	size_t n_place;
	unsigned line;
};

struct conf_conference {
	char *number;           /* what the dial plan leads to */
	char *name;             /* for people */
	const struct conf_profile *profile;
	enum conf_encryption encryption; /* never weaker than the profile's */
	enum conf_slides slides; /* left out: the profile's */
	char *layout;           /* name of a layout: "auto", "1+5", … or an own one */
	enum conf_self self;
	bool crop;              /* fill tiles by cropping instead of letterbox */
	enum conf_audio_only audio_only; /* how those are shown who are heard only */
	bool labels;            /* names, marks, and a border on who speaks */
	unsigned max_participants; /* 0: no limit */
	unsigned tones;         /* joining and leaving are heard while at most so many are there */
	bool template_;         /* nobody can call it: rules copy it (`like`) */
	unsigned line;
};

/* How an endpoint is asked for a key frame: by what it says, or whatever it says. */
enum conf_key_frames { KEY_FRAMES_AUTO, KEY_FRAMES_RTCP, KEY_FRAMES_INFO };

/* What is done otherwise for some endpoint. */
struct conf_quirk {
	char *name;
	char *agent;            /* PCRE2 pattern over its User-Agent, caseless; NULL: any */
	char *offers;           /* an encoding name its offer shows; NULL: any */
	enum conf_key_frames key_frames;
	char *stream_id;        /* RFC 5168: NULL none, "label" its a=label, else as it is */
	bool nack, tmmbr;       /* false: not agreed */
	bool h264_mode_0;       /* packetization mode 0 only */
	unsigned max_bitrate;   /* kbit/s of video it is sent, 0: no limit */
	unsigned line;          /* 0: built in */
	void *agent_pattern;    /* compiled; conf/ only */
};

/* Passwords as RFC 7616 hashes them, H(user:realm:password), in the order of
 * conf_digests. */
enum { CONF_DIGESTS = 3,
       CONF_ACCOUNT = 65 }; /* an account's name, with its end */

/* Somebody who may register and is dialled by name. */
struct conf_account {
	char *name;
	char *password;         /* NULL: the hashes */
	char *ha1[CONF_DIGESTS]; /* lower case hex or NULL */
	unsigned line;
};

struct conf_accounts {
	char *realm;            /* also the host of their addresses */
	unsigned algorithms;    /* bits by conf_digests that are offered */
	unsigned min_expires_s, max_expires_s;
	unsigned max_bindings;  /* phones of one account */
	struct conf_account *account;
	size_t n_account;
};

struct conf_trunk_host {
	char *host;             /* a name or a numeric address without brackets */
	uint16_t port;          /* 0: by DNS, or the usual one */
};

/* A PBX or proxy that calls go out through and come in from. */
struct conf_trunk {
	char *name;
	int transport;          /* enum conf_transport, -1: DNS says (NAPTR) */
	bool verify;            /* TLS: the certificate and its name */
	char *ca;               /* PEM file beside the system's, NULL */
	char *user, *password;  /* for its challenges, NULL: none */
	char *domain;           /* of our address there; NULL: its host */
	char *caller;           /* our number there; NULL: user, or the conference */
	bool register_;
	unsigned expires_s;     /* of the registration */
	unsigned check_s;       /* between two OPTIONS, 0: none */
	struct conf_trunk_host *host; /* in the order of preference */
	size_t n_host;
	unsigned line;
};

enum rule_action { RULE_CONFERENCE, RULE_ADDRESS, RULE_REFUSE };

struct conf_rule {
	unsigned line;
	char *dialled;          /* PCRE2 pattern over the user part, anchored; NULL: any */
	char *caller;           /* the same over the From URI without scheme, caseless */
	char *diverted;         /* over the number that sent the call on last; NULL: any */
	char *original;         /* over the number that was dialled first; NULL: any */
	char *account;          /* PCRE2 over the account that the caller proved to
				 * be; NULL: any, proven or not */
	char *trunk;            /* name of the trunk the call came from, NULL: any */
	int transport;          /* enum conf_transport, -1: any */
	int from_minute, to_minute; /* of the local day, `to` excluded; -1: any. May
				     * pass midnight: the day is that of the evening */
	unsigned days;          /* bit 0 Monday … bit 6 Sunday; 0: any */
	enum rule_action action;
	char *target;           /* conference number or SIP URI; $1…$9 captures, $0
				 * all that was dialled, $$ a dollar sign, $d0…$d9
				 * of `diverted`, $o0…$o9 of `original` */
	bool create;            /* the conference is made when it is not configured */
	char *conference_profile; /* of created ones; NULL unless create */
	/* What a created one is to be: copy it and set `number` to the target.
	 * Its strings live as long as the config. Only when create. */
	struct conf_conference create_as;
	unsigned code;          /* of a refusal */
	char *reason;
	void *pattern, *caller_pattern, *diverted_pattern, *original_pattern,
		*account_pattern; /* compiled; conf/ only */
};

struct config {
	char *source;           /* file name, or "built-in" */
	struct conf_network network;
	struct conf_profile *profile;
	size_t n_profile;
	struct conf_layout *layout;
	size_t n_layout;
	struct conf_conference *conference;
	size_t n_conference;
	struct conf_rule *rule;
	size_t n_rule;
	struct conf_quirk *quirk;  /* the file's own first */
	size_t n_quirk;
	struct conf_accounts accounts;
	struct conf_trunk *trunk;
	size_t n_trunk;
};

/* Reads `file` (NULL: the built-in default), checks it and gives the tree
 * (ref_hold/ref_drop). Every mistake is written to `errors` (may be NULL) as
 * "file:line: what is wrong, what to write instead"; returns -EINVAL when
 * there was one, -errno when the file cannot be read. What is allowed but
 * hardly meant is written as "file:line: warning: …" and is no error. */
int config_load(struct config **out, const char *file, FILE *errors);
/* The same from memory; `name` stands in messages. */
int config_parse(struct config **out, const char *text, size_t len, const char *name,
		 FILE *errors);

/* The built-in default configuration and the schema, as text. */
const char *config_default_xml(void);
const char *config_schema_xml(void);

/* The most ports a call may take up. */
unsigned config_ports_per_call(const struct config *self);
const struct conf_profile *config_profile(const struct config *self, const char *name);
/* One of the administrator's own, case ignored; NULL: there is none. */
const struct conf_layout *config_layout(const struct config *self, const char *name);
/* Is the place for this caller, "user@host"? Any thread. */
bool conf_place_takes(const struct conf_place *self, const char *caller);
/* Templates are not found: they are nothing to call. */
const struct conf_conference *config_conference(const struct config *self, const char *number);
/* Whether the numeric address is one of a <trusted> peer. */
bool config_trusts(const struct config *self, const char *address);
/* Whether a transfer may lead to that host directly (case ignored). */
bool config_transfer_host(const struct config *self, const char *host);
const struct conf_account *config_account(const struct config *self, const char *name);
const struct conf_trunk *config_trunk(const struct config *self, const char *name);

/* "SHA-512-256", "SHA-256", "MD5"; ended by NULL. */
extern const char *const conf_digests[CONF_DIGESTS + 1];

/* The first quirk that is for an endpoint with this User-Agent (NULL: none) and an
 * offer of these encodings, as in media_desc; NULL: it has none. */
const struct conf_quirk *config_quirk(const struct config *self, const char *agent,
				      const char *encodings);

/* ---- dial plan --------------------------------------------------------------- */

struct dial_query {
	const char *dialled;    /* user part of the request URI, unescaped */
	const char *caller;     /* "user@host" */
	enum conf_transport transport;
	int64_t time_s;         /* Unix time; local day and time are taken from it */
	/* User parts, NULL or empty: the call was not sent on (RFC 7044, 5806). */
	const char *diverted;   /* who sent it here */
	const char *original;   /* who was called first */
	const char *account;    /* that the caller proved to be, NULL: none; "": the
				 * operator, to whom rules for accounts are open */
	const char *trunk;      /* it came from, NULL: none */
};

struct dial_result {
	const struct conf_rule *rule; /* NULL: nothing matched → 404 */
	enum rule_action action;
	char target[256];
	unsigned code;
	const char *reason;
};

/* First matching rule wins. A rule for accounts whose other conditions hold
 * refuses a caller who has not proven any with 401: the protocol asks for it,
 * and the call comes again. A rule that leads to a conference which is not
 * configured and may not be created does not match. A rule that cannot be
 * decided (match limit, target too long) refuses, lest a later one lets in
 * whom it was to stop. `why` (may be NULL) receives a line for each rule looked
 * at: matched, or what did not. In an address, captures are percent-escaped.
 * Any thread. */
void dialplan_lookup(const struct config *self, const struct dial_query *query,
		     struct dial_result *out, FILE *why);

#endif
