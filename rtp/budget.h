/* SPDX-License-Identifier: GPL-3.0-or-later
 * What a flood may take of the io thread: how many packets of one socket are read,
 * and when the thread itself has to stand back. Pure; one owner. */
#ifndef BALAI_RTP_BUDGET_H
#define BALAI_RTP_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* Packets a second of one socket, several times what a stream has (audio of 2.5 ms
 * packets: 400; video of 20 Mbit/s: 2,500, with what is sent again: twice that).
 * BUDGET_BURST_US of them may come at once. */
enum { BUDGET_AUDIO = 2000, BUDGET_OTHER = 20000, BUDGET_BURST_US = 250000,
       BUDGET_HOLD_US = 10000 };

struct budget {
	int64_t paid_us;          /* the packets read so far are worth the time until then */
};

/* `n` packets were read. 0, or the time until which no more may be. */
int64_t budget_spend(struct budget *self, unsigned n, unsigned per_second, int64_t now);

/* A real-time thread that computes all the time keeps everybody else from working,
 * where there are few cores. */
struct busy {
	int64_t since_us, cpu_us; /* of the second that is measured */
	unsigned hot;             /* seconds in a row */
	bool yields;
};

/* `cpu_us`: what the thread has used since it began. True when `yields` changed: it
 * is set after two seconds of nearly all the time, cleared when a quarter is free. */
bool busy_note(struct busy *self, int64_t now, int64_t cpu_us);

#endif
