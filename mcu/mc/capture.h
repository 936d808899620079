/* SPDX-License-Identifier: GPL-3.0-or-later
 * Captures: the signalling and the media of one call for a while, written into
 * a file that the operator opened. Control thread. */
#ifndef BALAI_MCU_MC_CAPTURE_H
#define BALAI_MCU_MC_CAPTURE_H

#include "mcu/mc/conference.h"

enum {
	CAPTURES_MAX = 4,                        /* at a time */
	CAPTURE_SECONDS = 30, CAPTURE_MAX_SECONDS = 600,
	CAPTURE_BYTES = 256 * 1024 * 1024,       /* of a file */
};

/* Begins with the messages of the call so far; ends by itself: with the time,
 * a little after the call, or when the file is full. Copies the descriptor.
 * -EBUSY: as many as may be are running; -EALREADY: one of this call is. */
int capture_start(struct controller *controller, struct call *call, int fd, unsigned seconds);

/* The call is about to go: what was said last. */
void capture_call_ended(struct controller *controller, struct call *call);

/* Ends all; waits for their files. */
void capture_end_all(struct controller *controller);

#endif
