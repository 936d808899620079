/* SPDX-License-Identifier: GPL-3.0-or-later
 * One call to an account rings all of its phones (RFC 3261 section 16.6 and 16.7, as a
 * proxy would): those of the same q at once, lower ones when none of these answers. All
 * get the same offer under one Call-ID; the first that picks up has the call, the others
 * get CANCEL. ⟨sofia nua⟩ Control thread. */
#ifndef BALAI_SIP_UA_FORK_H
#define BALAI_SIP_UA_FORK_H

#include "sip/ua_priv.h"

struct route;

/* The INVITE to the first phone of `route` has been sent by d->nh: rings those beside
 * it. Nothing for a route to no account. Without memory only that one rings. */
void fork_start(struct dialog *d, const struct route *route, const char *replaces,
		const char *by);

/* An event of a phone that d->nh is not. True: none of that was for the dialog. False:
 * it is d->nh from here on, and the event is for it. */
bool fork_event(struct dialog *d, nua_event_t event, int status, const sip_t *sip,
		nua_handle_t *nh);

/* The phone of d->nh refused. True: others ring, by whom it is replaced. False: that was
 * the last; *status and *phrase are what the caller is to hear of all. */
bool fork_refused(struct dialog *d, int *status, const char **phrase);
/* Nobody answers. True: phones with a lower q ring instead now. */
bool fork_next(struct dialog *d);
/* d->nh has the call, or everybody is given up: CANCEL for the others. */
void fork_settle(struct dialog *d, bool answered);

/* d->nh is over. True: a phone is left that has not confirmed its CANCEL, for which the
 * dialog has to stay. */
bool fork_outlives(struct dialog *d);
void fork_free(struct dialog *d);

#endif
