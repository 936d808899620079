/* SPDX-License-Identifier: GPL-3.0-or-later
 * Transports: handles on the control thread, messages to the io thread, and
 * what a transport's sockets are told to do there. Arriving datagrams are in
 * input.c. */
#include "rtp/wire_priv.h"

#include "base/log.h"
#include "base/ref.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

static void transport_tick(struct io_timer *timer, int64_t now);
static void on_attach(struct msg *m, void *owner);
static void on_drop(struct msg *m, void *owner);
static void attach_discard(struct msg *m);
static void drop_discard(struct msg *m);
static void side_send(void *arg, const uint8_t *data, size_t len,
		      const struct sockaddr_storage *to);
static void side_done(void *arg, int status, const struct srtp_key *tx,
		      const struct srtp_key *rx, const struct sockaddr_storage *from,
		      int64_t now);

static const struct dtls_ops dtls_ops = { side_send, side_done };

static struct transport *of_attach(struct msg *m)
{
	return list_entry(m, struct transport, attach_msg);
}

static struct transport *of_drop(struct msg *m)
{
	return list_entry(m, struct transport, drop_msg);
}

/* ---- control thread ------------------------------------------------------ */

static void transport_fini(void *obj)
{
	struct transport *self = (struct transport *)obj;

	assert(!self->attached);
	for (int i = 0; i < 2; i++) {
		if (self->comp[i].fd >= 0)
			close(self->comp[i].fd);
		keyring_fini(&self->comp[i].keys);
	}
	explicit_bzero(&self->params, sizeof(self->params));
	ref_drop(self->tap);
	ref_drop(self->wire);
}

/* RFC 8445 5.3: at least 24 bits of randomness in the ufrag, 128 in the password,
 * of ice-char; 6 bits a character. */
static int ice_string(char *out, size_t len)
{
	static const char alphabet[65] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t random[32];

	assert(len <= sizeof(random));
	if (getrandom(random, len, 0) != (ssize_t)len)
		return -errno;
	for (size_t i = 0; i < len; i++)
		out[i] = alphabet[random[i] & 63];
	out[len] = '\0';
	return 0;
}

static void transport_init(struct transport *self, struct wire *wire,
			   const struct transport_events *events, void *arg)
{
	self->wire = (struct wire *)ref_hold(wire);
	if (events)
		self->events = *events;
	self->arg = arg;
	self->secured_told = 1;
	self->class = MEDIA_OTHER;
	list_init(&self->link);
	list_init(&self->streams);
	io_timer_init(&self->timer, transport_tick);
	self->attach_msg = (struct msg){ .deliver = on_attach, .discard = attach_discard };
	self->drop_msg = (struct msg){ .deliver = on_drop, .discard = drop_discard };
	for (int i = 0; i < 2; i++) {
		struct component *c = &self->comp[i];

		c->transport = self;
		c->fd = -1;
		c->rtcp = i == 1;
		list_init(&c->held);
		dtls_side_init(&c->dtls, wire->identity, &dtls_ops, c);
	}
}

int transport_new(struct transport **out, struct wire *wire, const char *address,
		  bool rtcp_socket, const struct transport_events *events, void *arg)
{
	struct transport *self;
	struct port_pair ports;
	int r;

	if (wire->stopped)
		return -ESHUTDOWN;
	self = ref_new(sizeof(*self), transport_fini);
	if (!self)
		return -ENOMEM;
	transport_init(self, wire_least(wire), events, arg);
	r = ice_string(self->local.ufrag, sizeof(self->local.ufrag) - 1);
	if (r == 0)
		r = ice_string(self->local.pwd, sizeof(self->local.pwd) - 1);
	if (r == 0)
		r = port_bind(&ports, &wire->range, address, rtcp_socket);
	if (r < 0) {
		ref_drop(self);
		return r;
	}
	self->comp[0].fd = ports.rtp;
	self->comp[1].fd = ports.rtcp;
	self->local.rtp_port = ports.rtp_port;
	self->local.rtcp_port = ports.rtcp_port;
	ref_hold(self); /* the io thread's, until it is detached */
	self->wire->n_transports++;
	mailbox_put(self->wire->mailbox, &self->attach_msg);
	*out = self;
	return 0;
}

const struct transport_local *transport_local(const struct transport *self)
{
	return &self->local;
}

struct transport *transport_drop(struct transport *self)
{
	if (self) {
		self->wire->n_transports--;
		mailbox_put(self->wire->mailbox, &self->drop_msg);
	}
	return NULL;
}

/* ---- messages ------------------------------------------------------------ */

struct set_msg {
	struct msg msg;
	struct transport *transport; /* a reference */
	struct transport_params params;
};

static void set_free(struct msg *m)
{
	struct set_msg *s = (struct set_msg *)(void *)m;

	ref_drop(s->transport);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

static void apply(struct transport *self, const struct transport_params *params);

static void on_set(struct msg *m, void *owner)
{
	struct set_msg *s = (struct set_msg *)(void *)m;

	(void)owner;
	if (s->transport->attached)
		apply(s->transport, &s->params);
	set_free(m);
}

void transport_set(struct transport *self, const struct transport_params *params)
{
	struct set_msg *s = calloc(1, sizeof(*s));

	if (!s) {
		log_error("wire transport=%u error=\"out of memory\"", self->local.rtp_port);
		return;
	}
	s->msg = (struct msg){ .deliver = on_set, .discard = set_free };
	s->transport = (struct transport *)ref_hold(self);
	s->params = *params;
	mailbox_put(self->wire->mailbox, &s->msg);
}

int component_watch(struct wire *wire, struct component *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	if (c->fd < 0)
		return 0;
	return epoll_ctl(wire->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) < 0 ? -errno : 0;
}

static void on_attach(struct msg *m, void *owner)
{
	struct transport *self = of_attach(m);
	struct wire *wire = (struct wire *)owner;
	int r = wire_timer_add(wire);

	if (r == 0) {
		self->attached = true;
		list_add(&wire->transports, &self->link);
		count_add(&wire->stats.transports, 1);
		r = component_watch(wire, &self->comp[0]);
		if (r == 0)
			r = component_watch(wire, &self->comp[1]);
		if (r == 0)
			return;
	}
	log_error("wire transport=%u error=\"%s\"", self->local.rtp_port, strerror(-r));
	if (self->attached)
		transport_detach(self);
	else
		ref_drop(self);
}

static void attach_discard(struct msg *m)
{
	ref_drop(of_attach(m));
}

void transport_detach(struct transport *self)
{
	if (!self->attached)
		return;
	self->attached = false;
	list_each_safe(l, &self->streams)
		stream_detach(list_entry(l, struct stream, link));
	for (int i = 0; i < 2; i++) {
		struct component *c = &self->comp[i];

		dtls_side_fini(&c->dtls);
		txq_flush(self->wire->txq);
		list_del(&c->held);
		if (c->fd >= 0)
			close(c->fd); /* leaves epoll with it: nobody else has it */
		c->fd = -1;
		keyring_fini(&c->keys);
		c->secure = false;
		free(c->early);
		c->early = NULL;
	}
	io_timer_set(&self->wire->timers, &self->timer, INT64_MAX);
	wire_timer_remove(self->wire);
	list_del(&self->link);
	count_add(&self->wire->stats.transports, -1u);
	ref_drop(self);
}

static void on_drop(struct msg *m, void *owner)
{
	struct transport *self = of_drop(m);

	(void)owner;
	transport_detach(self);
	drop_discard(m);
}

/* On the io thread, or when there is none any more. */
static void drop_discard(struct msg *m)
{
	struct transport *self = of_drop(m);

	if (self->events.released)
		self->events.released(self->arg);
	ref_drop(self);
}

/* ---- io: parameters ------------------------------------------------------ */

static void tell(struct transport *self, int status)
{
	if (self->secured_told == status)
		return;
	self->secured_told = status;
	if (self->events.secured)
		self->events.secured(self->arg, status);
}

static void rekeyed(struct transport *self)
{
	list_each(l, &self->streams)
		sender_rekeyed(list_entry(l, struct stream, link));
}

static void apply_addresses(struct transport *self, const struct transport_params *p, int64_t now)
{
	struct sockaddr_storage rtcp = p->remote_rtcp;

	latch_set(&self->comp[0].latch, &p->remote_rtp, p->latch, now);
	if (rtcp.ss_family == AF_UNSPEC && p->remote_rtp.ss_family != AF_UNSPEC) {
		rtcp = p->remote_rtp;
		addr_set_port(&rtcp, (uint16_t)(addr_port(&rtcp) + 1));
	}
	latch_set(&self->comp[1].latch, &rtcp, p->latch, now);
}

static const struct sockaddr_storage *component_dest(const struct component *c)
{
	const struct transport *t = c->transport;

	return t->params.ice ? ice_dest(&c->ice, t->wire->now) : latch_dest(&c->latch);
}

static void apply_dtls(struct transport *self, const struct transport_params *p, int64_t now)
{
	for (int i = 0; i < 2; i++) {
		struct component *c = &self->comp[i];
		const struct sockaddr_storage *to;

		if (c->fd < 0 || (i == 1 && p->rtcp_mux))
			continue;
		if (dtls_side_set(&c->dtls, p->dtls_role == DTLS_ACTIVE, p->fingerprint_hash,
				  p->fingerprint, p->fingerprint_len)) {
			c->secure = false;
			self->secured_told = 1;
		}
		to = component_dest(c);
		if (p->dtls_role == DTLS_ACTIVE && to && addr_usable(to))
			dtls_side_connect(&c->dtls, to, now);
		component_unstash(c, now);
		transport_sooner(self, dtls_side_due(&c->dtls));
	}
}

static void apply(struct transport *self, const struct transport_params *p)
{
	int64_t now = self->wire->now;
	bool changed = !self->set || p->security != self->params.security, tx_changed = false;
	int r = 0;

	self->params = *p;
	self->set = true;
	apply_addresses(self, p, now);
	if (p->security != SECURITY_DTLS) {
		for (int i = 0; i < 2; i++) {
			dtls_side_fini(&self->comp[i].dtls);
			self->comp[i].secure = false;
		}
	}
	if (p->security == SECURITY_SDES) {
		r = keyring_set(&self->comp[0].keys, &p->tx, &p->rx, now, &tx_changed);
		if (r < 0)
			tell(self, r);
	} else if (p->security == SECURITY_DTLS) {
		apply_dtls(self, p, now);
	}
	if (changed || tx_changed)
		rekeyed(self);
	if (r < 0)
		log_error("wire transport=%u suite=%s error=\"%s\"", self->local.rtp_port,
			  srtp_suite_name(p->tx.suite), strerror(-r));
}

/* ---- io: DTLS ------------------------------------------------------------ */

static void transport_tick(struct io_timer *timer, int64_t now)
{
	struct transport *self = list_entry(timer, struct transport, timer);

	for (int i = 0; i < 2; i++) {
		dtls_side_tick(&self->comp[i].dtls, now);
		transport_sooner(self, dtls_side_due(&self->comp[i].dtls));
	}
}

void transport_sooner(struct transport *self, int64_t at)
{
	io_timer_sooner(&self->wire->timers, &self->timer, at);
}

static void side_send(void *arg, const uint8_t *data, size_t len,
		      const struct sockaddr_storage *to)
{
	component_send((struct component *)arg, data, len, to);
}

static void side_done(void *arg, int status, const struct srtp_key *tx,
		      const struct srtp_key *rx, const struct sockaddr_storage *from,
		      int64_t now)
{
	struct component *c = (struct component *)arg;
	struct transport *self = c->transport;
	bool tx_changed = false;

	if (status == 0)
		status = keyring_set(&c->keys, tx, rx, now, &tx_changed);
	if (status < 0) {
		if (self->secured_told != status)
			log_warning("wire transport=%u dtls=failed error=\"%s\"",
				    self->local.rtp_port, strerror(-status));
		tell(self, status);
		return;
	}
	c->secure = true;
	log_info("wire transport=%u dtls=up suite=%s", self->local.rtp_port,
		 srtp_suite_name(tx->suite));
	if (!self->params.ice)
		latch_authentic(&c->latch, from, true, now);
	if (tx_changed)
		rekeyed(self);
	if (self->params.rtcp_mux || self->comp[1].fd < 0 ||
	    (self->comp[0].secure && self->comp[1].secure))
		tell(self, 0);
}

/* ---- io: sending --------------------------------------------------------- */

/* The socket that RTCP goes out of. */
static struct component *component_for(struct transport *self, bool rtcp)
{
	return &self->comp[rtcp && !self->params.rtcp_mux && self->comp[1].fd >= 0];
}

static const struct sockaddr_storage *dest_for(struct transport *self, bool rtcp)
{
	/* Without a socket of its own RTCP still goes to the peer's RTCP port. */
	if (rtcp && !self->params.rtcp_mux && !self->params.ice)
		return component_dest(&self->comp[1]);
	return component_dest(component_for(self, rtcp));
}

/* SDES has one pair of keys for both sockets. */
struct keyring *component_keys(struct component *c)
{
	struct transport *t = c->transport;

	return t->params.security == SECURITY_DTLS ? &c->keys : &t->comp[0].keys;
}

bool transport_ready(struct transport *self, bool rtcp)
{
	struct component *c = component_for(self, rtcp);
	const struct sockaddr_storage *to;

	if (!self->attached || !self->set)
		return false;
	if (self->params.security == SECURITY_NONE ? self->params.secured_only :
	    self->params.security == SECURITY_DTLS ? !c->secure : !component_keys(c)->tx)
		return false;
	to = dest_for(self, rtcp);
	return to && addr_usable(to);
}

uint8_t *transport_slot(struct transport *self, bool rtcp)
{
	return txq_slot(self->wire->txq, component_for(self, rtcp)->fd);
}

int transport_commit(struct transport *self, bool rtcp, uint8_t *packet, size_t len)
{
	struct component *c = component_for(self, rtcp);
	int r;

	if (self->tap)
		transport_tapped(c, true, dest_for(self, rtcp), packet, len);
	if (self->params.security != SECURITY_NONE) {
		r = keyring_seal(component_keys(c), rtcp, packet, &len);
		if (r < 0) {
			count_add(&self->wire->tx.failed, 1);
			return r;
		}
	}
	txq_commit(self->wire->txq, len, dest_for(self, rtcp));
	return (int)len;
}

void component_send(struct component *c, const uint8_t *data, size_t len,
		    const struct sockaddr_storage *to)
{
	struct txq *q = c->transport->wire->txq;

	if (c->fd < 0 || len > TXQ_PACKET_MAX)
		return;
	memcpy(txq_slot(q, c->fd), data, len);
	txq_commit(q, len, to);
}

void transport_resend(struct transport *self, const uint8_t *packet, size_t len)
{
	component_send(&self->comp[0], packet, len, component_dest(&self->comp[0]));
}
