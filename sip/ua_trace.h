/* SPDX-License-Identifier: GPL-3.0-or-later
 * The SIP messages of each call, kept for `balai trace`, and the way of Sofia's
 * own log into ours. Control thread.
 *
 * Sofia tells of each message on the wire through its log only, so that is
 * where they are taken: as they were received, with the transport and address
 * they really came from. */
#ifndef BALAI_SIP_UA_TRACE_H
#define BALAI_SIP_UA_TRACE_H

#include "base/list.h"
#include "conf/config.h"
#include "mcu/mc/call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	TRACE_MESSAGES = 100,               /* kept for a call */
	TRACE_BYTES = 256 * 1024,
	TRACE_ALL_BYTES = 64 * 1024 * 1024, /* kept for all calls */
	TRACE_ORPHANS = 128,                /* whose call is not known yet */
	TRACE_ORPHAN_BYTES = 512 * 1024,
};

/* The messages of one Call-ID; embedded. */
struct trace {
	struct list link, messages;
	const char *call_id; /* borrowed */
	size_t bytes;
	unsigned count, dropped;
};

/* Begins and ends to listen to Sofia; counted. */
void trace_start(void);
void trace_stop(void);

/* Messages of that Call-ID come here from now on, and those that came shortly
 * before. */
void trace_init(struct trace *self, const char *call_id);
void trace_fini(struct trace *self);

/* By what the latest received message of the kind came: transport and numeric
 * address. -ENOENT. */
int trace_received_by(const struct trace *self, const char *method,
		      enum conf_transport *transport, char *address, size_t cap);

/* Oldest first: time, direction, peer, then the message; keys are masked. */
int trace_write(const struct trace *self, FILE *out);

/* Those from number `first` on, counted from 0 with those not kept any more;
 * the number of the next to come. */
unsigned trace_each(const struct trace *self, unsigned first,
		    void (*fn)(void *arg, const struct call_message *message), void *arg);

/* Messages not kept since the start. */
uint64_t trace_dropped(void);

/* Messages since the start that were no SIP, or broken where it matters. */
uint64_t trace_bad(void);

#endif
