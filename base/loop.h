/* SPDX-License-Identifier: GPL-3.0-or-later
 * The control loop: one thread, a Sofia root underneath, so that SIP, timers,
 * sockets and messages from other threads all run on it. ⟨sofia su⟩ is
 * included by loop.c alone. */
#ifndef BALAI_BASE_LOOP_H
#define BALAI_BASE_LOOP_H

#include "base/mailbox.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct timer;
struct loop_fd;

/* The calling thread becomes the control thread. */
int loop_new(struct loop **out);
struct loop *loop_free(struct loop *self);

/* Runs until loop_stop. */
void loop_run(struct loop *self);
/* Runs what is due, waiting at most `ms`. Tests. */
void loop_step(struct loop *self, int ms);
/* Any thread. */
void loop_stop(struct loop *self);

/* The su_root_t underneath, for sip/. */
void *loop_root(struct loop *self);

/* True on the control thread; for assertions. */
bool loop_here(const struct loop *self);

/* Any thread. Delivered on the control thread with owner NULL; never dropped. */
void loop_post(struct loop *self, struct msg *msg);

/* Any thread. fn(arg) on the control thread. -ENOMEM. */
int loop_call(struct loop *self, void (*fn)(void *arg), void *arg);

/* One-shot timer; setting it again moves it. Control thread. The callback may
 * free the timer. */
int timer_new(struct timer **out, struct loop *loop, void (*fn)(void *arg), void *arg);
void timer_set(struct timer *self, int64_t delay_us);
void timer_cancel(struct timer *self);
struct timer *timer_free(struct timer *self);

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4 };

/* Watches a descriptor (borrowed). Control thread. The callback may free it. */
int loop_fd_new(struct loop_fd **out, struct loop *loop, int fd, unsigned events,
		void (*fn)(void *arg, unsigned events), void *arg);
void loop_fd_events(struct loop_fd *self, unsigned events);
struct loop_fd *loop_fd_free(struct loop_fd *self);

#endif
