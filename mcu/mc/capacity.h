/* SPDX-License-Identifier: GPL-3.0-or-later
 * How many calls this machine carries: media ports, descriptors and memory run
 * out in the middle of setting up a call, so that more are not begun. Control
 * thread. */
#ifndef BALAI_MCU_MC_CAPACITY_H
#define BALAI_MCU_MC_CAPACITY_H

#include "conf/config.h"

#include <stdbool.h>
#include <stdint.h>

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

/* By the configuration and the machine. Memory counts for as many telephones: what
 * pictures take depends on who sends which, and is looked at (capacity_memory_full).
 * max-calls is the administrator's word on memory and computing; ports and
 * descriptors it cannot make more of. */
void capacity_of(struct capacity *out, const struct config *config,
		 const struct capacity_machine *machine);

/* Bytes of memory this process has now; 0: not known. */
uint64_t capacity_memory_used(void);
/* Is what is left needed for those who are in, and for the system? Pure. */
bool capacity_memory_full(uint64_t used, uint64_t memory);

#endif
