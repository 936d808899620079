/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a call takes, and how often that is there. */
#include "mcu/mc/capacity.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	FILES_PER_CALL = 1,      /* its TCP or TLS connection, beside the media sockets */
	FILES_KEPT = 64,         /* listeners, the control socket, captures, timers */
	CALL_BYTES = 1 << 20,    /* sound and signalling */
};

/* A file that holds one number; 0: there is none, or "max". */
static uint64_t read_number(const char *path)
{
	unsigned long long n = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	if (fscanf(f, "%llu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

/* The control group's, version 2: a line "0::/path". The root has no limit. */
static uint64_t group_memory(void)
{
	char line[PATH_MAX], path[PATH_MAX + 64];
	uint64_t n = 0;
	FILE *f = fopen("/proc/self/cgroup", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", line + 3);
		n = read_number(path);
	}
	if (f)
		fclose(f);
	/* In a container its own group is the root of what it sees. */
	return n ? n : read_number("/sys/fs/cgroup/memory.max");
}

void capacity_machine(struct capacity_machine *out)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	uint64_t group = group_memory();
	struct rlimit r;

	out->files = getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur == RLIM_INFINITY ?
		     UINT64_MAX : r.rlim_cur;
	out->memory = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
	if (group && (!out->memory || group < out->memory))
		out->memory = group;
}

/* The rest is for the system, and for what a crowd takes at once. */
static uint64_t usable(uint64_t memory)
{
	return memory / 4 * 3;
}

uint64_t capacity_memory_used(void)
{
	unsigned long long all, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%llu %llu", &all, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool capacity_memory_full(uint64_t used, uint64_t memory)
{
	return memory && used > usable(memory);
}

static void at_most(struct capacity *c, uint64_t calls, const char *limit)
{
	if (calls >= c->calls)
		return;
	c->calls = calls ? (unsigned)calls : 1;
	c->limit = limit;
}

void capacity_of(struct capacity *out, const struct config *config,
		 const struct capacity_machine *machine)
{
	const struct conf_network *n = &config->network;
	unsigned ports = config_ports_per_call(config);

	*out = (struct capacity){ UINT_MAX, "" };
	if (n->max_calls)
		at_most(out, n->max_calls, "max-calls");
	else if (machine->memory)
		at_most(out, usable(machine->memory) / CALL_BYTES, "memory");
	if (n->media_port_max)
		at_most(out, (n->media_port_max - n->media_port_min + 1u) / ports, "ports");
	if (machine->files != UINT64_MAX)
		at_most(out, (machine->files > FILES_KEPT ? machine->files - FILES_KEPT : 0) /
			(ports + FILES_PER_CALL), "files");
}
