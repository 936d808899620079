/* SPDX-License-Identifier: GPL-3.0-or-later
 * A leg: one agreed media line of a participant, from its transport on the wire
 * to its place in the mixer or the views. Control thread. */
#ifndef BALAI_MCU_MC_LEG_H
#define BALAI_MCU_MC_LEG_H

#include "mcu/mc/controller.h"
#include "mcu/mc/outlet.h"
#include "rtp/tap.h"

struct leg;

enum leg_event {
	LEG_SECURED,      /* value: 0 or a negative errno (DTLS-SRTP) */
	LEG_KEY_WANTED,   /* the peer asks for a key frame */
	LEG_KEY_NEEDED,   /* we need one, and only signalling can ask */
	LEG_DTMF,         /* value: the key */
	LEG_RATE,         /* value: bit/s the path carries */
	LEG_SILENT, LEG_ALIVE,
	LEG_PICTURE,      /* value: width << 16 | height */
};

struct leg_place {
	const struct controller_parts *parts;
	struct mixer *mixer;       /* of the conference */
	uint32_t participant;      /* id */
	const char *cname;
	/* Control thread; `owner` as given to leg_new. */
	void (*event)(void *owner, struct leg *leg, enum leg_event event, int64_t value);
};

/* Binds its sockets on `address` (NULL: any IPv4). `share` (may be NULL): the
 * leg whose transport it uses (BUNDLE). */
int leg_new(struct leg **out, const struct leg_place *place, void *owner,
	    enum media_kind kind, const char *address, bool rtcp_socket, struct leg *share);
const struct transport_local *leg_local(const struct leg *self);

struct leg_settings {
	const struct desc_agreed *agreed;
	const struct desc_line *theirs;
	const struct conf_profile *profile;
	bool held;      /* the peer holds us: what it sends is not for the meeting */
	bool muted, deaf;
	bool hear_keys; /* unless the line has telephone events */
};

/* Puts an agreement on the wire; again after every re-negotiation or change of
 * muted and deaf. Slides (its role) are silent soon after their last packet, whatever
 * the profile says, and have no picture then; other video keeps its last one. */
void leg_apply(struct leg *self, const struct leg_settings *settings);

/* Into another meeting; what is agreed with the peer stays, and leg_apply has to
 * follow. -ENOMEM: it is where it was. */
int leg_move(struct leg *self, struct mixer *mixer);

/* Asynchronous: the wire lets go first. Returns NULL. */
struct leg *leg_drop(struct leg *self);

enum media_kind leg_kind(const struct leg *self);
/* Whether both go through one transport (bundle). */
bool leg_shares(const struct leg *self, const struct leg *other);
/* Video: the source, shown once a picture came; NULL for audio. */
struct source *leg_source(const struct leg *self);
bool leg_has_picture(const struct leg *self);
bool leg_sends_video(const struct leg *self);
/* Video out: shows this view from now on (NULL: nothing is sent). */
int leg_show(struct leg *self, struct view *view);
void leg_request_key(struct leg *self);
void leg_set_rate(struct leg *self, uint32_t bitrate);
void leg_set_audio(struct leg *self, bool muted, bool deaf);
/* Whether keys are listened for in the sound (audio). */
void leg_hear_keys(struct leg *self, bool hear);
int leg_level(const struct leg *self);
bool leg_silent(const struct leg *self);
void leg_stats(const struct leg *self, struct stream_stats *out);
/* What passes its sockets is copied there (NULL: no more). */
void leg_set_tap(struct leg *self, struct tap *tap);
/* Brings sound and picture together: audio leg and video leg of one participant. */
void leg_sync(struct leg *video, const struct leg *audio);

#endif
