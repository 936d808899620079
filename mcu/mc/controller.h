/* SPDX-License-Identifier: GPL-3.0-or-later
 * The multipoint controller: conferences and their participants. It turns
 * calls into participants, agreed descriptions into streams, and events of the
 * MP into scenes. Control thread. */
#ifndef BALAI_MCU_MC_CONTROLLER_H
#define BALAI_MCU_MC_CONTROLLER_H

#include "base/loop.h"
#include "conf/config.h"
#include "mcu/mc/call.h"
#include "mcu/mp/mixer.h"
#include "mcu/mp/video.h"

struct controller;

struct controller_parts {
	struct loop *loop;
	struct wire *wire;
	struct pool *pool;
	struct audio_engine *audio;
	struct video_engine *video;
	/* Has the machine no room for one more call? NULL: it always has. */
	bool (*full)(void *arg);
	void *full_arg;
};

/* Borrows the parts; holds the config. */
int controller_new(struct controller **out, const struct controller_parts *parts,
		   struct config *config);
/* Every call must have ended. */
struct controller *controller_free(struct controller *self);

struct call_center *controller_calls(struct controller *self);
struct config *controller_config(struct controller *self);
/* For new calls from here on; those in progress keep what they have. */
void controller_set_config(struct controller *self, struct config *config);

/* Refuses new calls with 503; `done(arg)` once the last call is gone. */
void controller_drain(struct controller *self, void (*done)(void *arg), void *arg);
bool controller_draining(const struct controller *self);
/* Ends every call (shutdown); `done(arg)` once the last is gone. */
void controller_end_all(struct controller *self, void (*done)(void *arg), void *arg);

#endif
