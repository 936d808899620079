/* SPDX-License-Identifier: GPL-3.0-or-later
 * A call: the signalling of one endpoint, SIP or H.323 alike. Control thread.
 *
 *   protocol room ──call_offered, call_ended, …──→ call ──handler──→ conference
 *   conference   ──call_answer, call_end, …─────→ call ──ops──────→ protocol room
 *
 * States:  OFFERED → CONNECTED → ENDED      (they call us)
 *          DIALLING → CONNECTED → ENDED     (we call them)
 * ENDED is reached exactly once; the protocol room drops its reference then. */
#ifndef BALAI_MCU_MC_CALL_H
#define BALAI_MCU_MC_CALL_H

#include "base/list.h"
#include "mcu/mc/desc.h"

enum call_state { CALL_OFFERED, CALL_DIALLING, CALL_CONNECTED, CALL_ENDED };

struct call;

/* One signalling message as `trace` keeps it: keys are masked. Borrowed. */
struct call_message {
	int64_t wall_us;
	bool sent;
	const char *peer;     /* numeric address */
	uint16_t peer_port;
	const char *text;
	size_t len;
};

/* What a peer asks for with a transfer (RFC 3515). Borrowed. */
struct call_refer {
	const char *uri;      /* where to, as `call_center_dial` takes it */
	const char *user;     /* user part, unescaped */
	const char *host;
	bool ours;            /* host is this bridge, as the peer reached it */
	bool replaces;        /* a call there is to be taken over (RFC 3891) */
};

/* What a protocol room can do for a call. All return 0 or a negative errno,
 * and none reports an event before it returns. */
struct call_ops {
	const char *protocol; /* "sip", "h323" */
	/* Accepts with our description: the answer, or our offer when theirs did
	 * not come (delayed offer). Also answers a re-INVITE or UPDATE. */
	int (*answer)(struct call *call, const struct media_desc *ours);
	/* Refuses the offer now open: the call itself while OFFERED, only the
	 * change when CONNECTED. retry_after 0: none. */
	int (*refuse)(struct call *call, int status, const char *reason,
		      const char *warning, unsigned retry_after);
	/* Ends (BYE, CANCEL or a refusal, as the state asks). call_ended follows. */
	int (*end)(struct call *call, const char *reason);
	/* Our own new offer (re-INVITE); `answered` follows, except when the call
	 * ends. -EBUSY while another offer, ours or theirs, is open: the protocol
	 * room itself repeats one that met with glare (491). */
	int (*offer)(struct call *call, const struct media_desc *ours);
	/* A key frame by signalling (RFC 5168); -ENOTSUP. */
	int (*request_key)(struct call *call, const struct desc_line *line);
	/* Sends the caller elsewhere (302). */
	int (*redirect)(struct call *call, const char *uri);
	/* Asks the peer to call `uri` instead; `transferred` tells what becomes of
	 * it. -EBUSY while another is under way. */
	int (*transfer)(struct call *call, const char *uri);
	/* How far what the peer asked for with `refer` is; 200 and above: the end. */
	void (*refer_progress)(struct call *call, int status, const char *reason);
	/* Writes the signalling messages kept for `trace`; jsonless text. */
	int (*trace)(struct call *call, FILE *out);
	/* Hands over those from number `first` on (0: all) that are still kept;
	 * returns the number of the next to come. */
	unsigned (*messages)(struct call *call, unsigned first,
			     void (*fn)(void *arg, const struct call_message *message), void *arg);
};

/* What the MC does with calls: one table, set at start. */
struct call_handler {
	/* A new call; `offer` NULL: delayed offer. Borrowed during the call. */
	void (*offered)(void *arg, struct call *call, const struct media_desc *offer);
	/* The answer to our offer (200 to our INVITE, or ACK to a delayed offer).
	 * NULL: our new offer inside the call was refused; what was agreed before
	 * stands, and nothing is in flight any more. */
	void (*answered)(void *arg, struct call *call, const struct media_desc *answer);
	/* Established: the ACK has come or was sent. */
	void (*connected)(void *arg, struct call *call);
	/* A new offer inside the call; NULL: it asks for our offer. Must be
	 * answered by call_answer or call_refuse, now or later. */
	void (*updated)(void *arg, struct call *call, const struct media_desc *offer);
	void (*dtmf)(void *arg, struct call *call, char key);
	/* The peer asks for a key frame by signalling. */
	void (*key_wanted)(void *arg, struct call *call);
	/* The peer wants to be somewhere else. Returns 202 to do that, and tells by
	 * call_refer_progress, also from inside, or a status to refuse with. NULL
	 * in the table: all are refused. */
	int (*refer)(void *arg, struct call *call, const struct call_refer *refer);
	/* Of call_transfer: below 200 under way, 2xx done, else it failed. May be
	 * NULL; so `renamed`: the peer's name or address is another one now. */
	void (*transferred)(void *arg, struct call *call, int status, const char *reason);
	void (*renamed)(void *arg, struct call *call);
	/* Gone. status: SIP code of a failure or 0; the last event. The call is no
	 * longer in the centre's list and count. */
	void (*ended)(void *arg, struct call *call, int status, const char *reason);
};

struct call {
	/* Set by the protocol room before call_offered; read by anyone. */
	const struct call_ops *ops;
	void *protocol_data;
	char id[64];                 /* unique, printable: shown by `balai calls` */
	char local[256];             /* what was dialled: user part, unescaped */
	char remote_uri[256];        /* "user@host" */
	char remote_name[512];       /* display name as sent; not yet made safe */
	char user_agent[128];
	/* Numbers that sent the call on, by a trusted peer; empty: nobody did. */
	char original[128], diverted[128];
	char session_id[33], remote_session_id[33]; /* RFC 7989; empty: none */
	/* This call is to take the place of that one (RFC 3891): looked up by its
	 * dialog's identifiers. Only during call_offered. */
	struct call *replaces;
	char local_address[64];      /* numeric address the peer reached us at */
	char remote_address[64];     /* numeric source address of signalling */
	enum conf_transport transport;
	char account[CONF_ACCOUNT];  /* that the caller has proven to be, or "" */
	char trunk[64];              /* it came from, or goes by, or "" */
	bool outgoing;
	/* Kept by call.c */
	enum call_state state;
	bool delayed;                /* the open offer is for us to make */
	bool offer_open;             /* theirs, waits for call_answer or call_refuse */
	bool ours_open;              /* ours, waits for call_answered */
	int64_t started_us, connected_us;
	struct list link;
	struct call_center *center;
	/* The MC's own. */
	char key_stream_id[72];      /* RFC 5168: sent with request_key, "" none; fit for XML */
	void *participant;
};

/* All calls of the process. */
struct call_center;
int call_center_new(struct call_center **out, const struct call_handler *handler, void *arg);
struct call_center *call_center_free(struct call_center *self);
struct list *call_center_calls(struct call_center *self);
unsigned call_center_count(const struct call_center *self);
/* How many there may be, UINT_MAX at first. The protocol rooms refuse more with 503
 * before they are calls; what was begun already goes on. */
void call_center_set_limit(struct call_center *self, unsigned most);
bool call_center_full(const struct call_center *self);
/* For a call that takes the place of another, which ends for it: one more. */
bool call_center_full_to(const struct call_center *self, bool replaces);
struct call *call_center_find(struct call_center *self, const char *id);

/* A counted call with a fresh `id`; the protocol room owns the first reference
 * and lets it go after call_ended, which every call must reach. */
int call_new(struct call **out, struct call_center *center, const struct call_ops *ops,
	     bool outgoing, void (*fini)(struct call *call));

/* From the protocol room. Each asserts its state and tells the handler. */
void call_offered(struct call *self, const struct media_desc *offer);
void call_answered(struct call *self, const struct media_desc *answer);
void call_connected(struct call *self);
void call_updated(struct call *self, const struct media_desc *offer);
/* Their new offer was taken back (CANCEL); call_answer would now be -EINVAL. */
void call_withdrawn(struct call *self);
void call_dtmf(struct call *self, char key);
void call_key_wanted(struct call *self);
void call_ended(struct call *self, int status, const char *reason);
int call_refer(struct call *self, const struct call_refer *refer);
void call_transferred(struct call *self, int status, const char *reason);
void call_renamed(struct call *self);

/* From the MC; thin calls of the table that check the state (-EALREADY when
 * the call has ended). */
int call_answer(struct call *self, const struct media_desc *ours);
int call_refuse(struct call *self, int status, const char *reason, const char *warning,
		unsigned retry_after);
int call_end(struct call *self, const char *reason);
int call_offer(struct call *self, const struct media_desc *ours);
int call_request_key(struct call *self, const struct desc_line *line);
int call_redirect(struct call *self, const char *uri);
int call_transfer(struct call *self, const char *uri);
void call_refer_progress(struct call *self, int status, const char *reason);

/* What `registrations` and `trunks` list; borrowed while it is told. */
struct call_registration {
	const char *account, *uri, *address, *agent;
	uint16_t port;
	enum conf_transport transport;
	unsigned left_s;
};

struct call_trunk {
	const char *name;
	const char *host;         /* in use, "" when none answers */
	const char *registration; /* "-", "trying", "registered", "refused 403" … */
	unsigned left_s;          /* of the registration */
	unsigned hosts, hosts_up;
	unsigned calls;
};

/* A protocol room that can call out: registered with the centre. */
struct call_dialler {
	const char *scheme;  /* "sip", "h323" */
	/* Starts an outgoing call with our offer; call_answered and call_connected,
	 * or call_ended, follow, never before it returns. *out is borrowed. */
	int (*dial)(void *arg, struct call **out, const char *uri, const char *from_user,
		    const char *from_name, const struct media_desc *offer);
	/* The numeric local address used towards `uri`. */
	int (*local_address)(void *arg, const char *uri, char *buf, size_t cap);
	/* NULL: it has none. */
	void (*registrations)(void *arg,
			      void (*fn)(void *fn_arg, const struct call_registration *r),
			      void *fn_arg);
	void (*trunks)(void *arg, void (*fn)(void *fn_arg, const struct call_trunk *t),
		       void *fn_arg);
	void *arg;
};
/* Keeps a copy; at most 4. */
void call_center_add_dialler(struct call_center *self, const struct call_dialler *dialler);
/* By the scheme of the URI ("sips" is "sip", none too); -EPROTONOSUPPORT. */
int call_center_dial(struct call_center *self, struct call **out, const char *uri,
		     const char *from_user, const char *from_name,
		     const struct media_desc *offer);
/* Those of all protocol rooms. */
void call_center_registrations(struct call_center *self,
			       void (*fn)(void *arg, const struct call_registration *r), void *arg);
void call_center_trunks(struct call_center *self,
			void (*fn)(void *arg, const struct call_trunk *t), void *arg);
int call_center_local_address(struct call_center *self, const char *uri, char *buf, size_t cap);
/* Adds a header to a URI to be dialled, escaped (RFC 3261 19.1.1); the diallers
 * know Replaces and Referred-By. Left as it is when there is no room. */
void call_uri_header(char *uri, size_t cap, const char *name, const char *value);

#endif
