/* SPDX-License-Identifier: GPL-3.0-or-later
 * See ua_room.h. */
#include "tests/flow/ua_room.h"

#include "base/ref.h"
#include "mcu/mc/desc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of each TLS connection it opens, Sofia 1.12.11 loses the names in the peer's
 * certificate (tls_connect, some hundred bytes). */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:tls_connect\n";
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

/* What the room knows of a call. */
struct guest {
	struct ua_room *room;
	struct call *call;
	struct timer *timer;
	struct media_desc *ours;
	char behaviour[32];
	unsigned step;
};

static char *audio_names[] = { (char []){ "PCMA" }, (char []){ "PCMU" } };
static char *video_names[] = { (char []){ "H264" }, (char []){ "VP8" } };

static void tell(struct ua_room *self, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void tell(struct ua_room *self, const char *fmt, ...)
{
	char line[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (self->tell)
		self->tell(self->arg, line);
}

static struct desc_policy policy_of(struct ua_room *self, bool large)
{
	return (struct desc_policy){ .profile = &self->config->profile[0], .video = large,
				     .encryption = large ? ENCRYPTION_PREFERRED : ENCRYPTION_OFF };
}

static void fill_ports(struct media_desc *desc, const char *address)
{
	for (uint32_t i = 0; i < desc->n_lines; i++) {
		struct desc_line *line = &desc->line[i];
		struct sockaddr_in *in = (struct sockaddr_in *)&line->rtp;
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&line->rtp;

		if (!line->port)
			continue;
		line->port = 40000;
		if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
			in->sin_family = AF_INET;
			in->sin_port = htons(40000);
		} else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
			in6->sin6_family = AF_INET6;
			in6->sin6_port = htons(40000);
		}
	}
}

static bool behaves(const struct guest *g, const char *name)
{
	return !strcmp(g->behaviour, name);
}

/* Answers, or offers when there is nothing to answer. */
static void answer(struct guest *g, const struct media_desc *offer)
{
	struct desc_policy policy = policy_of(g->room, false);
	struct media_desc *ours = media_desc_new();
	struct desc_verdict verdict = { .status = 200 };

	if (offer)
		desc_answer(&policy, offer, ours, &verdict, NULL, NULL);
	else if (g->ours)
		*ours = *g->ours;
	else
		desc_offer(&policy, ours);
	if (verdict.status != 200) {
		call_refuse(g->call, verdict.status, "Not Acceptable Here", verdict.warning, 0);
		media_desc_free(ours);
		return;
	}
	fill_ports(ours, g->call->local_address);
	media_desc_free(g->ours);
	g->ours = ours;
	if (call_answer(g->call, ours))
		tell(g->room, "answer failed");
}

/* A later answer needs the offer no more: it repeats what is agreed, or answers
 * with our own description. */
static void answer_later(struct guest *g)
{
	struct desc_policy policy = policy_of(g->room, false);

	if (!g->ours) {
		g->ours = media_desc_new();
		desc_offer(&policy, g->ours);
		fill_ports(g->ours, g->call->local_address);
	}
	tell(g->room, "late %d", call_answer(g->call, g->ours));
}

static void on_timer(void *arg)
{
	struct guest *g = arg;

	if (behaves(g, "key") && g->call->state == CALL_CONNECTED) {
		tell(g->room, "key %d", call_request_key(g->call, NULL));
		if (g->step++ < 2)
			timer_set(g->timer, 200000);
	} else {
		answer_later(g);
	}
}

static struct guest *guest_new(struct ua_room *room, struct call *call, const char *behaviour)
{
	struct guest *g = calloc(1, sizeof(*g));

	g->room = room;
	g->call = ref_hold(call);
	snprintf(g->behaviour, sizeof(g->behaviour), "%.*s", (int)strcspn(behaviour, "-"), behaviour);
	timer_new(&g->timer, room->loop, on_timer, g);
	call->participant = g;
	return g;
}

/* ---- events ------------------------------------------------------------------------- */

static const char *transport_name(const struct call *call)
{
	static const char *const names[] = { "udp", "tcp", "tls" };

	return names[call->transport];
}

static void on_offered(void *arg, struct call *call, const struct media_desc *offer)
{
	struct ua_room *self = arg;
	struct guest *g = guest_new(self, call, call->local);
	int code = atoi(g->behaviour);

	self->offered++;
	tell(self, "offered to=%s from=%s name=\"%s\" by=%s at=%s agent=%s%s", call->local,
	     call->remote_uri, call->remote_name, transport_name(call), call->local_address,
	     call->user_agent, offer ? "" : " delayed");
	if (code == 302)
		call_redirect(call, "sip:elsewhere@example.org");
	else if (code >= 300)
		call_refuse(call, code, NULL, code == 488 ? "No \"common\" codec" : NULL,
			    code == 503 ? 7 : 0);
	else if (behaves(g, "slow"))
		timer_set(g->timer, 300000);
	else if (!behaves(g, "never"))
		answer(g, offer);
}

static void on_answered(void *arg, struct call *call, const struct media_desc *desc)
{
	struct ua_room *self = arg;

	self->answered++;
	tell(self, "answered lines=%d", desc ? (int)desc->n_lines : -1);
	if (behaves(call->participant, "unfit"))
		call_end(call, "unfit");
}

static void on_connected(void *arg, struct call *call)
{
	struct ua_room *self = arg;
	struct guest *g = call->participant;

	self->connected++;
	tell(self, "connected");
	if (behaves(g, "hangup")) {
		call_end(call, "enough");
	} else if (behaves(g, "reoffer")) {
		tell(self, "offer %d", call_offer(call, g->ours));
	} else if (behaves(g, "change")) {
		struct media_desc *other = media_desc_new();

		*other = *g->ours;
		other->line[0].receive = false;
		tell(self, "offer %d", call_offer(call, other));
		media_desc_free(other);
	} else if (behaves(g, "key")) {
		timer_set(g->timer, 0);
	}
}

static void on_updated(void *arg, struct call *call, const struct media_desc *offer)
{
	struct ua_room *self = arg;
	struct guest *g = call->participant;
	const struct desc_line *line = offer ? &offer->line[0] : NULL;

	self->updated++;
	tell(self, "updated %s%s", line ? line->send ? "send" : "" : "delayed",
	     line && line->receive ? "recv" : "");
	if (behaves(g, "later"))
		timer_set(g->timer, 300000);
	else if (behaves(g, "keep"))
		call_refuse(call, 488, NULL, "As it is", 0);
	else
		answer(g, offer);
}

static void on_dtmf(void *arg, struct call *call, char key)
{
	(void)call;
	tell(arg, "dtmf %c", key);
}

static void on_key_wanted(void *arg, struct call *call)
{
	(void)call;
	tell(arg, "key wanted");
}

static void on_ended(void *arg, struct call *call, int status, const char *reason)
{
	struct ua_room *self = arg;
	struct guest *g = call->participant;

	self->ended++;
	tell(self, "ended %d %s", status, reason);
	if (g) {
		timer_free(g->timer);
		media_desc_free(g->ours);
		ref_drop(g->call);
		free(g);
	}
}

static const struct call_handler handler = {
	.offered = on_offered, .answered = on_answered, .connected = on_connected,
	.updated = on_updated, .dtmf = on_dtmf, .key_wanted = on_key_wanted,
	.ended = on_ended,
};

/* ---- start and stop --------------------------------------------------------------------- */

/* A port that was free for both a moment ago. */
static uint16_t common_port(const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof(in);
	uint16_t port = 0;

	inet_pton(AF_INET, address, &in.sin_addr);
	for (int i = 0; i < 100 && !port; i++) {
		int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);

		in.sin_port = 0;
		if (!bind(udp, (struct sockaddr *)&in, len) &&
		    !getsockname(udp, (struct sockaddr *)&in, &len) &&
		    !bind(tcp, (struct sockaddr *)&in, len))
			port = ntohs(in.sin_port);
		close(udp);
		close(tcp);
	}
	return port;
}

static struct config *make_config(const struct ua_room_options *o)
{
	struct config *c = ref_new(sizeof(*c), NULL);
	static struct conf_listen listen[6];
	static struct conf_profile profile[1];
	uint16_t port = o->same_port ? common_port(o->address) : 0;
	size_t n = 0;

	for (int v6 = 0; v6 <= o->ipv6; v6++)
		for (int t = 0; t < 3; t++)
			listen[n++] = (struct conf_listen){
				.transport = (enum conf_transport)t,
				.port = t == CONF_TLS ? 0 : port,
				.address = (char *)(uintptr_t)(v6 ? "::1" :
					o->address ? o->address : "*") };
	profile[0] = (struct conf_profile){ .audio_codecs = audio_names, .n_audio_codecs = 2,
					    .video_codecs = video_names, .n_video_codecs = 2,
					    .video = true, .width = 1280, .height = 720,
					    .fps = 30, .bandwidth = 1500,
					    .encryption = ENCRYPTION_OFF,
					    .session_expires_s = o->session_expires_s };
	c->network.listen = listen;
	c->network.n_listen = n;
	c->network.advertised = (char *)(uintptr_t)o->advertised;
	c->profile = profile;
	c->n_profile = 1;
	c->network.tls_verify = o->verify;
	return c;
}

static bool is_draining(void *arg)
{
	return ((struct ua_room *)arg)->draining;
}

int ua_room_start(struct ua_room *self, const struct ua_room_options *options)
{
	int err = loop_new(&self->loop);

	if (err)
		return err;
	self->config = make_config(options);
	err = call_center_new(&self->center, &handler, self);
	if (!err && options->max_calls)
		call_center_set_limit(self->center, options->max_calls);
	if (!err)
		err = sip_new(&self->sip, self->loop, self->center, self->config);
	if (!err)
		sip_set_draining(self->sip, is_draining, self);
	return err;
}

static void on_stopped(void *arg)
{
	((struct ua_room *)arg)->stopped = true;
}

void ua_room_stop(struct ua_room *self)
{
	sip_stop(self->sip, on_stopped, self);
	while (!self->stopped)
		loop_step(self->loop, 100);
	sip_free(self->sip);
	call_center_free(self->center);
	ref_drop(self->config);
	loop_free(self->loop);
}

int ua_room_offer(struct ua_room *self, struct call *call)
{
	struct guest *g = call->participant;

	(void)self;
	return call_offer(call, g->ours);
}

int ua_room_dial(struct ua_room *self, struct call **out, const char *uri, const char *from_user)
{
	struct desc_policy policy = policy_of(self, !strcmp(from_user, "large"));
	struct media_desc *offer = media_desc_new();
	char address[64];
	struct guest *g;
	int err;

	err = call_center_local_address(self->center, uri, address, sizeof(address));
	if (err)
		goto out;
	desc_offer(&policy, offer);
	fill_ports(offer, address);
	err = call_center_dial(self->center, out, uri, from_user, "The \"Room\"", offer);
	if (err)
		goto out;
	g = guest_new(self, *out, from_user);
	g->ours = offer;
	offer = NULL;
out:
	media_desc_free(offer);
	return err;
}

unsigned ua_room_port(const struct ua_room *self, enum conf_transport transport, bool ipv6)
{
	for (size_t i = 0; i < sip_listener_count(self->sip); i++) {
		const struct sip_listener *l = sip_listener_at(self->sip, i);

		if (l->transport == transport && (strchr(l->address, ':') != NULL) == ipv6)
			return l->port;
	}
	return 0;
}
