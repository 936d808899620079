/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where events of other threads leave for the control thread.
 *
 * Handlers on io, audio and pool threads get an outlet as their argument: a
 * counted object that outlives what it speaks for. `owner` is touched on the
 * control thread only; whoever owned it sets it to NULL when it goes, and a
 * late event then finds nobody. */
#ifndef BALAI_MCU_MC_OUTLET_H
#define BALAI_MCU_MC_OUTLET_H

#include "base/loop.h"

#include <stdint.h>

struct outlet;

struct outlet_event {
	struct outlet *outlet; /* borrowed */
	int kind;              /* the owner's own enumeration */
	int64_t value;
	uint32_t n, id[16];
};

/* `event` runs on the control thread; owner may be NULL by then. */
int outlet_new(struct outlet **out, struct loop *loop, void *owner,
	       void (*event)(void *owner, const struct outlet_event *event));

/* Control thread: the owner goes, its reference is given back. Returns NULL. */
struct outlet *outlet_close(struct outlet *self);

/* Any thread that holds a reference. */
void outlet_post(struct outlet *self, int kind, int64_t value);
void outlet_post_ids(struct outlet *self, int kind, const uint32_t *ids, unsigned n);

/* The loop its events go to. */
struct loop *outlet_loop(const struct outlet *self);

/* Outlets that are still held somewhere, of this process. */
unsigned outlet_live(void);

#endif
