/* SPDX-License-Identifier: GPL-3.0-or-later
 * A tap on a transport. */
#include "rtp/wire_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ref.h"

#include <stdlib.h>

struct tap_msg {
	struct msg msg;
	struct transport *transport; /* a reference */
	struct tap *tap;             /* a reference, or NULL */
};

static void tap_msg_free(struct msg *m)
{
	struct tap_msg *t = (struct tap_msg *)(void *)m;

	ref_drop(t->tap);
	ref_drop(t->transport);
	free(t);
}

static void on_tap(struct msg *m, void *owner)
{
	struct tap_msg *t = (struct tap_msg *)(void *)m;
	struct tap *before = t->transport->tap;

	(void)owner;
	t->transport->tap = t->tap;
	t->tap = before;
	tap_msg_free(m);
}

void transport_set_tap(struct transport *self, struct tap *tap)
{
	struct tap_msg *t = calloc(1, sizeof(*t));

	if (!t) {
		log_error("wire transport=%u error=\"out of memory\"", self->local.rtp_port);
		return;
	}
	t->msg = (struct msg){ .deliver = on_tap, .discard = tap_msg_free };
	t->transport = (struct transport *)ref_hold(self);
	t->tap = (struct tap *)ref_hold(tap);
	mailbox_put(self->wire->mailbox, &t->msg);
}

void transport_tapped(struct component *c, bool sent, const struct sockaddr_storage *peer,
		      const uint8_t *data, size_t len)
{
	struct transport *t = c->transport;
	struct sockaddr_storage here;

	tap_local(t->tap, c->rtcp ? t->local.rtcp_port : t->local.rtp_port, &here);
	tap_packet(t->tap, true, sent ? &here : peer, sent ? peer : &here, clock_wall_us(), data,
		   len);
}
