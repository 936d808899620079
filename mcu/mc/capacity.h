/* SPDX-License-Identifier: GPL-3.0-or-later
 * How many calls this machine carries: media ports, descriptors and memory run
 * out in the middle of setting up a call, so that more are not begun. Control
 * thread. */
#ifndef BALAI_MCU_MC_CAPACITY_H
#define BALAI_MCU_MC_CAPACITY_H

#include "conf/config.h"

struct capacity_machine {
	uint64_t files;       /* descriptors this process may have, UINT64_MAX: any number */
	uint64_t memory;      /* bytes it may have, 0: not known */
};

struct capacity {
	unsigned calls;       /* at least 1 */
	const char *limit;    /* what the next one would lack: "max-calls", "ports",
			       * "files" or "memory" */
};

/* Of this process: RLIMIT_NOFILE; RAM, or what its control group may have of it. */
void capacity_machine(struct capacity_machine *out);

/* By the configuration and the machine. max-calls is the administrator's word on
 * memory and computing; ports and descriptors it cannot make more of. */
void capacity_of(struct capacity *out, const struct config *config,
		 const struct capacity_machine *machine);

#endif
