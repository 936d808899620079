/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of the user agent share. Nobody else includes this. */
#ifndef BALAI_SIP_UA_PRIV_H
#define BALAI_SIP_UA_PRIV_H

#include "base/list.h"
#include "sip/refer.h"
#include "sip/ua.h"
#include "sip/ua_trace.h"

struct digest_server;
struct dns_relay;
struct fork;
struct verify_peer;
struct registrar;
struct route;
struct trunk;

#include <sofia-sip/nua.h>

enum {
	MAX_STACKS = 32,
	MAX_DIALOGS = 20000,      /* with those that only wait for an end */
	MAX_MESSAGE = 128 * 1024, /* header and body; 413 above */
	MIN_SE = 90,              /* RFC 4028 section 4 */
	MAX_RETRIES = 6,          /* of an offer that meets with glare */
	FIRST_S = 4,              /* for a host of a trunk to say anything */
	RING_S = 120,             /* an outgoing call that nobody answers */
};

/* REFER is allowed inside calls only: to one outside of them Sofia would send
 * reports of its own, whatever it is answered. */
#define ALLOW_ALWAYS "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO"
#define ALLOW_IN_CALLS ALLOW_ALWAYS ", REFER, NOTIFY"

/* One nua for each address and TLS or not: a stack is what tells on which of
 * our addresses a peer reached us, and requests leave by the same one. */
struct stack {
	struct sip *sip;
	nua_t *nua;
	int family;
	bool tls;
	char address[64];     /* bound, numeric */
	char shown[64];       /* in Via, Contact and SDP: advertised or bound */
	uint16_t udp_port, tcp_port; /* tcp_port: of TLS on a TLS stack; 0 none */
	bool down;            /* nua_shutdown was acknowledged */
};

struct sip {
	struct loop *loop;
	struct call_center *center;
	struct config *config;
	struct stack *stack[MAX_STACKS];
	size_t n_stacks;
	struct sip_listener listener[2 * MAX_STACKS];
	size_t n_listeners;
	struct list dialogs;
	uint32_t n_dialogs;
	unsigned t1, min_se;  /* ms, s */
	bool (*draining)(void *arg);
	void *draining_arg;
	struct sip_stats stats;
	void (*stopped)(void *arg);
	void *stopped_arg;
	struct timer *stop_timer, *sweep_timer, *look_timer;
	struct digest_server *digest;   /* whom we ask for passwords */
	struct registrar *registrar;
	struct dns_relay *names;        /* whom Sofia asks for addresses */
	struct list trunks;
	struct timer *trunk_timer;
	enum { SIP_RUNNING, SIP_ENDING, SIP_STOPPING, SIP_STOPPED } state;
};

/* On which request the peer's open offer stands. */
enum offer_on { OFFER_NONE, OFFER_INVITE, OFFER_UPDATE, OFFER_ACK };

/* Where our own offer is. */
enum ours_state { OURS_NONE, OURS_SENT, OURS_WAITING };

/* A dialog: lives from the first INVITE until Sofia has said the last word; the
 * call in it ends earlier. */
struct dialog {
	struct list link;
	struct sip *sip;
	struct stack *stack;
	nua_handle_t *nh;
	struct call *call;        /* NULL once call_ended was reported */
	char *call_id;            /* the SIP one */
	char contact[512];        /* ours, as in the header */
	struct trace trace;

	bool answered;            /* the initial INVITE has its 200 */
	bool connected;           /* and its ACK */
	bool unacked;             /* a 200 of ours to an INVITE waits for its ACK */
	bool closing;             /* we ended it; call_ended follows from a timer */
	bool bye_on_ack;          /* BYE has to wait for the ACK, RFC 3261 15 */
	bool dead;                /* Sofia has said the last word */
	int end_status;           /* for call_ended */
	char end_reason[128];
	char phrase[128];         /* of a response: Sofia borrows it */
	struct timer *end_timer;  /* call_ended, and then the last resort */

	enum offer_on offer_on;
	nua_saved_event_t update[1]; /* the UPDATE that waits for its answer */
	enum ours_state ours;
	bool ours_refresh;        /* it only repeats what is agreed */
	unsigned retries;
	struct timer *retry_timer;

	uint64_t session_id, session_version; /* the last version we said */
	char *local_sdp;          /* in force, or our open offer */
	char *kept_sdp;           /* in force while our offer is open, NULL: none is */
	uint64_t local_version, kept_version; /* of those */
	char *remote_sdp;         /* the last answer or offer taken, for refreshes */
	char *early_answer;       /* in a provisional response */

	bool peer_update, peer_info; /* its Allow */
	bool peer_timer;          /* its Supported */
	struct timer *refresh_timer;
	int64_t refresh_us;
	struct fork *fork;        /* ua_fork.c; NULL: one phone only */
	struct trunk *trunk;      /* it goes through, or NULL */
	unsigned trunk_host;
	struct verify_peer *expected; /* the TLS server that is dialled, or NULL */
	bool first_wait;          /* for the host's first word */
	char from_name[128];      /* ours, for another try */
	char auth_key[128];       /* for auth_answer, "" */
	unsigned auth_tries;
	bool key_waits;           /* an INFO is on its way */
	bool key_refused;

	char *local_tag, *remote_tag; /* NULL until the dialog has both */
	char session_header[96];  /* Session-ID, empty: none */
	char *host;               /* by which the peer reached us, as in its To */
	unsigned host_port;
	bool asserted;            /* who it is was told by a trusted peer */
	struct refer *refer;      /* ua_refer.c; NULL until there is one */
};

/* For the tag list of any message of a dialog. */
#define SESSION_ID(d) TAG_IF((d)->session_header[0], SIPTAG_HEADER_STR((d)->session_header))

/* ua.c */
struct dialog *dialog_new(struct stack *stack, nua_handle_t *nh, bool outgoing,
			  const char *call_id);
void dialog_free(struct dialog *d);
/* Reports the end of the call a moment later, never from inside an operation. */
void dialog_end_later(struct dialog *d, int status, const char *reason);
/* Reports it now, if it was not. */
void dialog_end_now(struct dialog *d, int status, const char *reason);
unsigned session_expires_of(const struct sip *self);

/* ua_register.c: phones that register here */
void in_register(struct stack *stack, nua_handle_t *nh, const sip_t *sip);
void register_reload(struct sip *self);
void register_list(struct sip *self, void (*fn)(void *arg, const struct call_registration *r),
		   void *arg);

/* ua_trunk.c */
int trunks_init(struct sip *self);

/* ua_listen.c */
int stacks_open(struct sip *self);
struct stack *stack_for(struct sip *self, const char *uri);
/* A user part as it may stand in a URI. */
void uri_escape(char *buf, size_t cap, const char *user);
/* What a request to `uri` through the stack goes by. */
enum conf_transport transport_of(const struct stack *stack, const char *uri);
/* "REGISTER" is among what we allow only with accounts. */
const char *stack_allow(const struct sip *self);
void stack_contact(const struct stack *stack, const char *user, enum conf_transport transport,
		   char *buf, size_t cap);
void on_sofia(nua_event_t event, int status, const char *phrase, nua_t *nua,
	      nua_magic_t *magic, nua_handle_t *nh, nua_hmagic_t *hmagic,
	      const sip_t *sip, tagi_t tags[]);

/* ua_in.c: what arrives */
void in_invite(struct stack *stack, nua_handle_t *nh, struct dialog *d, const sip_t *sip);
void in_update(struct dialog *d, const sip_t *sip);
void in_ack(struct dialog *d, const sip_t *sip);
void in_info(struct stack *stack, nua_handle_t *nh, struct dialog *d, const sip_t *sip);
void in_options(struct stack *stack, nua_handle_t *nh, struct dialog *d, const sip_t *sip);

/* ua_identity.c */
void session_start(struct dialog *d);
void session_learn(struct dialog *d, const sip_t *sip);
/* Another phone is meant from here on. */
void session_forget(struct dialog *d);
/* Who it is from, and once it is connected whether that changed; after the
 * message's source is known. `method`: of the request, or "SIP/2.0". */
void identity_learn(struct dialog *d, const sip_t *sip, const char *method);

/* ua_replaces.c */
void dialog_tags(struct dialog *d, const char *local, const char *remote);
struct dialog *dialog_by_replaces(struct sip *self, const struct replaces *r);
int replaces_call(struct sip *self, const struct replaces *r, struct call **out);
/* 0 and the call it means, or NULL without the header; else the status. */
int replaces_of(struct sip *self, const sip_t *sip, struct call **out);

/* ua_refer.c */
void refer_free(struct dialog *d);
void in_refer(struct stack *stack, nua_handle_t *nh, struct dialog *d, const sip_t *sip,
	      const sip_event_t *event);
void in_notify(struct dialog *d, const sip_t *sip);
void out_refer(struct dialog *d, int status, const char *phrase, const sip_t *sip);
void out_notify(struct dialog *d, int status);
int op_transfer(struct call *call, const char *uri);
void op_refer_progress(struct call *call, int status, const char *reason);
/* Replaces and Referred-By of a URI's headers, or empty; -EINVAL: others. */
int uri_headers(const char *uri, char *replaces, size_t replaces_cap, char *by, size_t by_cap);

/* ua_out.c: answers to what we sent */
void out_invite(struct dialog *d, int status, const char *phrase, const sip_t *sip);
void out_update(struct dialog *d, int status, const sip_t *sip);
void out_info(struct dialog *d, int status, const sip_t *sip);
/* Sends our offer again, or for the first time when it had to wait. */
void ours_send(struct dialog *d);
void out_dialler(struct sip *self);
/* A handle for a call of ours by the route; NULL. */
nua_handle_t *out_handle(const struct route *route, const char *contact,
			 const char *from_name, const char *call_id);
/* The first INVITE, with our offer; "": no such header. */
void out_send(struct dialog *d, nua_handle_t *nh, const char *contact, const char *replaces,
	      const char *by);
/* A copy of the answer in a reliable provisional response, or NULL. */
char *out_early_answer(const sip_t *sip);
/* An address to call: with its scheme, without headers. -EINVAL. */
int uri_clean(char *buf, size_t cap, const char *uri);
/* A call out through a trunk to which nothing was said yet. */
bool out_is_silent(const struct dialog *d);
/* The same call by the trunk's next host; false: there is none. */
bool out_next_host(struct dialog *d, int status);

/* ua_ops.c */
extern const struct call_ops dialog_ops;
/* Writes the SDP of `ours` into local_sdp with the right session version. */
int dialog_set_local(struct dialog *d, const struct media_desc *ours);
/* The same for an offer inside the call: what is in force is kept until the offer
 * is taken, or comes back when it is not (RFC 3261 section 14.1). */
int dialog_propose(struct dialog *d, const struct media_desc *ours);
void dialog_settle(struct dialog *d, bool taken);

/* ua_peer.c: what a message says about the peer, and session timers */
void peer_learn(struct dialog *d, const sip_t *sip);
void peer_identity(struct call *call, const sip_t *sip, bool outgoing);
void refresh_schedule(struct dialog *d, const sip_t *sip, bool we_are_uas);
/* The body's session description: 0, or the status to refuse the request with.
 * *out NULL: none (delayed offer). *text (may be NULL): a copy of it. */
int peer_desc(struct media_desc **out, char **text, const sip_t *sip);
/* A display name or a quoted text: quotes and their backslashes go. */
void text_unquote(char *buf, size_t cap, const char *text);
char *text_unescape(char *buf, size_t cap, const char *text, size_t len);

#endif
