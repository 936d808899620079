/* SPDX-License-Identifier: GPL-3.0-or-later
 * Inside of mcu/mc: conferences, participants and the controller that holds
 * them. Control thread. */
#ifndef BALAI_MCU_MC_CONFERENCE_H
#define BALAI_MCU_MC_CONFERENCE_H

#include "mcu/mc/capacity.h"
#include "mcu/mc/leg.h"
#include "mcu/mp/layout.h"

struct controller {
	struct controller_parts parts;
	struct config *config;
	struct call_center *calls;
	struct capacity capacity;
	struct calm *calm;         /* gives back what a crowd took */
	struct list conferences;
	struct list captures;
	uint32_t last_participant;
	bool draining;
	void (*done)(void *arg);   /* of drain or end_all */
	void *done_arg;
	struct timer *settle;      /* looks whether the last leg is gone */
	char cname[40];
};

/* A layout in use: a copy, and what its places are taken from, so that no reload
 * takes it away. */
struct stage {
	struct layout layout;
	struct config *config;         /* held when `own` is in it */
	const struct conf_layout *own; /* NULL: built in */
};

/* A text on the picture. */
struct notice {
	char text[LABEL_MAX_TEXT + 1]; /* made safe; "": none */
	int64_t until_us;
};

enum { NOTICE_SECONDS = 10, NOTICE_MAX_SECONDS = 3600, NOTICE_MAX_CHARACTERS = 200 };

struct conference {
	struct list link;
	struct controller *controller;
	struct config *config;     /* held: number, name and profile are in it */
	struct conf_conference settings; /* its strings are the config's */
	char number[64];
	struct stage stage;
	struct list participants;  /* in order of joining */
	unsigned n;
	struct mixer *mixer;
	struct outlet *outlet;     /* of the mixer's events */
	struct list views;
	struct seating seating;    /* of those who see everybody */
	struct timer *arrange;     /* set when the scene must be laid out again */
	bool arranging;            /* it is set */
	struct timer *sync;
	uint32_t speaker[16];      /* who spoke, most recent first */
	unsigned n_speakers;
	uint32_t talker[2];        /* who speaks now: the loudest, the next; 0: nobody */
	uint32_t presenter;        /* whose slides are shown, 0: nobody's */
	uint64_t presentations;    /* that have begun */
	struct notice notice;
	struct timer *notice_end;  /* of the notice that ends first */
	int64_t started_us;
};

struct participant {
	struct list link;
	uint32_t id;
	struct conference *conference;
	struct call *call;         /* held */
	char name[256];            /* fit to be shown (base/display.h) */
	char *dialled;             /* whom we call, NULL: they called */
	char local[64];            /* our numeric address towards the peer */
	struct media_desc *ours, *theirs; /* in force, or our answer */
	struct media_desc *proposed; /* our offer that waits for its answer */
	struct desc_agreed agreed[DESC_MAX_LINES];
	struct leg *leg[DESC_MAX_LINES];
	const struct conf_quirk *quirk; /* of its endpoint, NULL none; the conference's config */
	bool in;                   /* an agreement is in force */
	int turning;               /* our address family, where it answered in the other; or 0 */
	bool was_sendrecv[DESC_MAX_LINES];
	bool secured;              /* every active line is encrypted */
	bool muted, deaf, hidden;  /* by an operator: sound, hearing, picture */
	struct stage *stage;       /* of its own, NULL: the conference's */
	char place[LAYOUT_MAX_NAME + 1]; /* name or number of the place it is pinned to */
	struct seating seating;
	uint64_t presents;         /* which presentation its slides are, 0: none come */
	struct notice notice;
	struct view *view;         /* borrowed: the one it looks at, NULL none */
	char keys[17];             /* the last keys pressed */
	bool signals_keys;         /* it has another way to send them than as sound */
	char heard_key;            /* the last one heard in the sound, and when */
	int64_t heard_us;
	int64_t joined_us;
	unsigned key_requests;
	/* Until the agreement of one of them is in force. Borrowed. */
	struct participant *replaces, *replaced_by;
	struct call *asked_by;     /* held: who wants to know whether this one answers */
	unsigned n_refers;         /* transfers it asked for */
	char transfer[64];         /* of the last one we asked it for, empty: none */
};

/* A view and who looks at it. */
struct showing {
	struct list link;
	struct view *view;
	bool taken;                /* in the arrangement now being made */
	struct view_scene scene;
	int width, height;
	unsigned fps;
};

/* ---- conference.c ---- */
int conference_new(struct conference **out, struct controller *controller,
		   const struct conf_conference *settings, const char *number);
void conference_drop(struct conference *self);
struct conference *conference_find(struct controller *controller, const char *number);
/* The pictures must be laid out anew soon. */
void conference_touch(struct conference *self);
/* Somebody came or goes: those present hear it, where that is wished. */
void conference_chime(struct conference *self, enum chime_kind kind);
struct participant *conference_participant(struct conference *self, uint32_t id);
/* By its max-participants; who comes in the place of one that leaves is one more. */
bool conference_full(const struct conference *self, bool replaces);

/* ---- scene.c ---- */
/* Seats everybody, shares views between those who see the same. */
void conference_arrange(struct conference *self);
void conference_drop_views(struct conference *self);

/* ---- slides.c ---- */
/* The leg of a second video for slides, NULL: there is none. */
struct leg *participant_slides(const struct participant *self);
/* Whose slides are shown from now on: the latest that began and still come. */
void conference_follow_slides(struct conference *self);

/* ---- stage.c ---- */
/* The layout of that name, of those built in or of the configuration in force;
 * replaces what was in `self`. -EINVAL: there is none. */
int stage_set(struct stage *self, struct config *config, const char *name);
void stage_clear(struct stage *self);
/* Who has which place, as seating_update wants it. */
void stage_fixed(const struct stage *self, struct conference *conference,
		 uint32_t fixed[LAYOUT_MAX_TILES]);
/* What participants see, `participant` NULL: all who have none of their own;
 * `name` NULL: as before again. -EINVAL: no such layout; -ENOMEM. */
int conference_set_layout(struct conference *self, struct participant *participant,
			  const char *name);
/* Gives the participant that place (name or number, from 1) for good, and whoever
 * had it loses it; NULL: none any more. -ENOENT: the layout has no such place. */
int participant_pin(struct participant *self, const char *place);

/* ---- notice.c ---- */
/* Shows the text to everybody (participant NULL) or to one, for so long; an empty
 * one takes away what is shown. -EINVAL: nothing of it can be seen. */
int conference_notice(struct conference *self, struct participant *participant,
		      const char *text, unsigned seconds);
/* What the participant is to read now, NULL: nothing. */
const char *conference_notice_for(const struct conference *self,
				  const struct participant *participant);
void conference_notices_due(void *self); /* for the timer */

/* ---- participant.c ---- */
int participant_new(struct participant **out, struct conference *conference,
		    struct call *call); /* NULL: set later */
/* The call is over: everything of the participant goes. */
void participant_drop(struct participant *self);
/* Their offer, or NULL for none: answers, or makes our offer. Refuses the call
 * itself when nothing fits. */
void participant_offered(struct participant *self, const struct media_desc *offer);
void participant_answered(struct participant *self, const struct media_desc *answer);
/* The call is established: what had to wait for that. */
void participant_connected(struct participant *self);
/* Makes our offer for an outgoing call, `proposed`; `local` is set before. */
int participant_offer(struct participant *self);
/* An outgoing call was started for a participant made without one, or again. */
void participant_set_call(struct participant *self, struct call *call);
/* Of sound or of the main video. */
struct leg *participant_leg(const struct participant *self, enum media_kind kind);
void participant_set_muted(struct participant *self, bool muted);
struct participant *participant_find(struct controller *controller, uint32_t id);
/* Puts what is agreed in force, and what changed about the participant. */
void participant_apply(struct participant *self);
/* The call's name or address changed. */
void participant_rename(struct participant *self);

/* ---- participant_move.c ---- */
/* A new participant, without media yet, gets the number, place and state of
 * `old`, whose call ends when the new one's agreement is in force. */
void participant_take_over(struct participant *self, struct participant *old);
void participant_taken_over(struct participant *self);
/* Before a participant goes: nobody takes it over, and it nobody. */
void participant_untie(struct participant *self);
/* The call goes on in another conference. -EALREADY: it is there; -ENOSPC: full;
 * -EACCES: it is not encrypted and would have to be; -EBUSY: not in yet. */
int participant_move(struct participant *self, struct conference *to);

/* ---- transfer.c ---- */
/* As `refer` of struct call_handler. */
int transfer_asked(struct controller *self, struct call *call, const struct call_refer *refer);
/* What became of a call that somebody asked for. */
void transfer_reached(struct participant *self);
void transfer_not_reached(struct participant *self, int status, const char *reason);
/* As `transferred` of struct call_handler. */
void transfer_told(struct participant *self, int status, const char *reason);
/* Sends a participant to a conference's number or to an address. *moved: it is
 * there now; else the peer was asked. */
int transfer_order(struct participant *p, const char *target, bool *moved, char *error,
		   size_t cap);

/* ---- keys.c ---- */
/* A key was pressed, by a telephone event or in signalling. */
void participant_key(struct participant *self, char key);
/* A key was heard. Not taken from who signals keys. */
void participant_key_heard(struct participant *self, char key);

/* ---- participant_address.c ---- */
/* Numeric addresses of a line's media. */
struct participant_place {
	int family;
	bool guessed;              /* the peer named no address */
	char bind[64];
	char told[64];             /* to the peer: the outer one behind NAT */
};
/* By where the peer's line (NULL: not known yet) has its media, by its candidates
 * where it names no address, else as signalling. -EAFNOSUPPORT: this machine
 * reaches none of them. */
int participant_place(struct participant_place *out, const struct participant *self,
		      const struct desc_line *theirs);
void participant_address_text(const struct sockaddr_storage *a, char *out, size_t cap);
/* The family of our offer where the answer names, for a line in use, an address of the
 * other, so that nothing can come or go; else 0. By ICE checks show what can. */
int participant_misplaced(const struct participant *self);
/* The only family there is for this peer's media; 0: every line can be reached. */
int participant_family(const struct participant *self, const struct media_desc *theirs);

/* ---- participant_desc.c: for participant.c ---- */
/* `theirs` is what will be answered, NULL: nothing. */
struct desc_policy participant_policy(const struct participant *self,
				      const struct media_desc *theirs);
/* Sockets for every accepted line of `ours`, and the line filled in from them;
 * `theirs` as above; `offer`: ours is one. -EAFNOSUPPORT. */
int participant_fill(struct participant *self, struct media_desc *ours,
		     const struct media_desc *theirs, bool offer);
void participant_leg_event(void *owner, struct leg *leg, enum leg_event event, int64_t value);

/* ---- controller.c ---- */
/* The conference of a number: in progress, configured, or made as the dial
 * plan's rules would for somebody who dials it. -ENOENT: none of these;
 * -ENAMETOOLONG. */
int controller_conference(struct controller *self, const char *number,
			  struct conference **out);
/* What the dial plan says to that caller about `dialled`. */
void controller_look_up(struct controller *self, const struct call *call, const char *dialled,
			struct dial_result *r);
/* The conference a rule leads to, made when it has to be. */
int controller_enter(struct controller *self, const struct dial_result *r,
		     struct conference **out);
/* Calls `uri` into a conference, on behalf of `by` (user@host, NULL: nobody).
 * -ESHUTDOWN, -EAGAIN or -EBUSY: draining, overloaded, or all lines are in use. */
int controller_call_in(struct controller *self, struct conference *conference, const char *uri,
		       const char *by, struct participant **out);
/* Calls `uri` and lets the answer join `number`. */
int controller_dial(struct controller *self, const char *number, const char *uri,
		    uint32_t *participant, char *error, size_t cap);

#endif
