/* SPDX-License-Identifier: GPL-3.0-or-later
 * Bounded queue of messages to one owner. A message moves ownership.
 *
 * A message is an object with its payload behind the header:
 *
 *     struct frame_msg { struct msg msg; struct coded *frame; };
 *
 * The owner calls mailbox_run() on its own thread; deliver() consumes and
 * frees the message. A message that cannot be delivered is freed by discard().
 * A full mailbox discards its oldest media message and counts it; a control
 * message is never dropped. */
#ifndef BALAI_BASE_MAILBOX_H
#define BALAI_BASE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct msg {
	struct msg *next;
	void (*deliver)(struct msg *self, void *owner);
	void (*discard)(struct msg *self);
	bool media; /* may be dropped when the owner does not keep up */
};

struct mailbox;

/* `media_limit`: how many media messages wait at most. `wake(arg)` is called
 * on the putting thread, outside the lock, when the mailbox stops being empty. */
int mailbox_new(struct mailbox **out, size_t media_limit,
		void (*wake)(void *arg), void *arg);

/* Discards what waits. Nobody may put any more. */
struct mailbox *mailbox_free(struct mailbox *self);

/* Any thread. Takes the message, always: after mailbox_close it is discarded. */
void mailbox_put(struct mailbox *self, struct msg *msg);

/* Owner. Delivers everything that waits now, in order; returns how many. */
size_t mailbox_run(struct mailbox *self, void *owner);

/* Owner. Further messages are discarded on arrival. */
void mailbox_close(struct mailbox *self);

/* Media messages dropped since the start. Any thread. */
uint64_t mailbox_dropped(const struct mailbox *self);

/* A message that calls `fn(arg, owner)` once; `drop(arg)` (may be NULL) runs
 * afterwards or when discarded. NULL when out of memory. */
struct msg *msg_call(void (*fn)(void *arg, void *owner), void (*drop)(void *arg),
		     void *arg);

#endif
