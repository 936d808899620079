/* SPDX-License-Identifier: GPL-3.0-or-later
 * Inside of a view: its ticks are in view.c, its sinks in view_sinks.c. */
#ifndef BALAI_MCU_MP_VIEW_H
#define BALAI_MCU_MP_VIEW_H

#include "base/list.h"
#include "mcu/mp/composer.h"
#include "mcu/mp/encoder.h"

#include <stdatomic.h>

struct view {
	struct video_engine *engine;
	struct actor *actor;
	int width, height;
	unsigned fps;
	int64_t phase;               /* of its ticks, 0..999999 millionths of a period */
	_Atomic bool closing;        /* view_drop was called */
	_Atomic uint32_t users;      /* of the actor: control and itself */
	/* control thread */
	uint32_t n_sinks;
	uint32_t n_shown;            /* sources it watches while it has sinks */
	struct source *shown[VIEW_MAX_TILES];
	/* actor */
	struct composer composer;
	struct list members, encoders; /* view_member, view_encoder */
	uint32_t n_members, seq;
	bool ticking, stopped;
	bool small;                  /* the machine is overloaded */
	int64_t next_tick, peek_at, last_change, close_at, look_at;
};

/* One encoder of the view, as the view sees it. */
struct view_encoder {
	struct list link;
	struct encoder *encoder;
	struct video_params params;
	uint32_t members;
	bool kick;                   /* somebody joined: a picture at once */
	int64_t next_due, last_put;
	int64_t twin_since;          /* equals an earlier one since then, or 0 */
};

/* A sink at an encoder. While it changes encoders a sink is there twice. */
struct view_member {
	struct list link;
	struct sink *sink;
	uint64_t generation;
	struct view_encoder *encoder; /* NULL: nothing fits what it asked for */
	struct video_params asked;
	int64_t leave_at;            /* it leaves then at the latest; 0: stays */
};

/* All on the actor. */
void view_join(struct view *self, struct sink *sink, uint32_t epoch,
	       const struct video_params *asked, int64_t now);
void view_change(struct view *self, struct sink *sink, const struct video_params *asked,
		 int64_t now);
void view_leave(struct view *self, struct sink *sink, int64_t now);
/* Lets those go that were dropped or have been taken over, and brings encoders
 * together that have become equal. */
void view_settle(struct view *self, int64_t now);
void view_dismiss(struct view *self);

/* Control thread: the first sink came, or the last one left. */
void view_watch(struct view *self, bool on);

#endif
