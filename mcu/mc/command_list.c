/* SPDX-License-Identifier: GPL-3.0-or-later
 * The commands that list: conferences, participants, calls, registrations and
 * trunks. */
#include "mcu/mc/command_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const transports[] = { "udp", "tcp", "tls" };

static int64_t seconds_since(int64_t us)
{
	return us ? (clock_us() - us) / 1000000 : 0;
}

json_t *command_foreign(const char *value)
{
	json_t *s = json_string(value);
	char *copy;

	if (s)
		return s;
	copy = strdup(value);
	if (!copy)
		return json_null();
	for (char *c = copy; *c; c++) {
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	}
	s = json_string(copy);
	free(copy);
	return s;
}

int command_conferences(struct command_context *ctx, const json_t *args, json_t **out,
			char *error, size_t cap)
{
	json_t *list = json_array();

	(void)args; (void)error; (void)cap;
	list_each(l, &ctx->controller->conferences) {
		struct conference *c = list_entry(l, struct conference, link);
		json_t *o = json_object();

		command_put(o, "number", json_string(c->number));
		command_put(o, "name", json_string(c->settings.name ? c->settings.name : c->number));
		command_put(o, "participants", json_integer(c->n));
		command_put(o, "layout", json_string(c->stage.layout.name));
		command_put(o, "views", json_integer((json_int_t)list_count(&c->views)));
		command_put(o, "speaker", json_integer(c->n_speakers ? c->speaker[0] : 0));
		command_put(o, "presenter", json_integer(c->presenter));
		command_put(o, "seconds", json_integer(seconds_since(c->started_us)));
		json_array_append_new(list, o);
	}
	*out = list;
	return 0;
}

static const char *security_name(const struct desc_agreed *a)
{
	switch (a->security) {
	case AGREED_SDES:
		return srtp_suite_name(a->tx_key.suite);
	case AGREED_DTLS:
		return "DTLS-SRTP";
	case AGREED_PLAIN:
		break;
	}
	return "none";
}

static void add_media(json_t *o, const struct participant *p, enum media_kind kind,
		      const char *key)
{
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		const struct desc_agreed *a = &p->agreed[i];

		if (a->active && a->kind == kind && a->role == ROLE_MAIN && p->leg[i]) {
			command_put(o, key, json_string(codec_name(a->tx.format.id)));
			return;
		}
	}
	command_put(o, key, json_string("-"));
}

/* "-": has no line for slides; "ready": could present; "shown": presents; "waits":
 * would, but somebody else began later. */
static const char *slides_of(const struct participant *p)
{
	if (!participant_slides(p))
		return "-";
	if (!p->presents)
		return "ready";
	return p->conference->presenter == p->id ? "shown" : "waits";
}

static const char *encryption_of(const struct participant *p)
{
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		if (p->agreed[i].active && p->agreed[i].security == AGREED_PLAIN)
			return "none";
	}
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		if (p->agreed[i].active)
			return security_name(&p->agreed[i]);
	}
	return "none";
}

static json_t *stream_json(const struct participant *p, unsigned i)
{
	const struct desc_agreed *a = &p->agreed[i];
	struct stream_stats s;
	json_t *o = json_object();

	leg_stats(p->leg[i], &s);
	command_put(o, "kind", json_string(a->role == ROLE_SLIDES ? "slides" :
					   a->kind == MEDIA_VIDEO ? "video" : "audio"));
	command_put(o, "codec", json_string(codec_name(a->tx.format.id)));
	command_put(o, "encryption", json_string(security_name(a)));
	command_put(o, "send", json_boolean(a->send));
	command_put(o, "receive", json_boolean(a->receive));
	command_put(o, "rx_packets", json_integer((json_int_t)s.rx_packets));
	command_put(o, "rx_kbps", json_integer(s.rx_bitrate / 1000));
	command_put(o, "tx_packets", json_integer((json_int_t)s.tx_packets));
	command_put(o, "tx_kbps", json_integer(s.tx_bitrate / 1000));
	command_put(o, "lost", json_integer((json_int_t)s.lost));
	command_put(o, "late", json_integer((json_int_t)s.late));
	command_put(o, "jitter_ms", json_real(s.jitter_us / 1000.0));
	command_put(o, "buffer_ms", json_integer(s.buffer_ms));
	command_put(o, "rtt_ms", json_real(s.rtt_us / 1000.0));
	command_put(o, "peer_loss_percent", json_integer(s.peer_loss_percent));
	command_put(o, "frames_in", json_integer((json_int_t)s.frames_in));
	command_put(o, "frames_out", json_integer((json_int_t)s.frames_out));
	command_put(o, "keys_in", json_integer((json_int_t)s.keys_in));
	command_put(o, "keys_out", json_integer((json_int_t)s.keys_out));
	command_put(o, "key_requests_in", json_integer((json_int_t)s.key_requests_in));
	command_put(o, "key_requests_out", json_integer((json_int_t)s.key_requests_out));
	command_put(o, "resent", json_integer((json_int_t)s.resent));
	return o;
}

json_t *command_participant_json(const struct participant *p, bool streams)
{
	struct leg *audio = participant_leg(p, MEDIA_AUDIO);
	json_t *o = json_object();

	command_put(o, "id", json_integer(p->id));
	command_put(o, "conference", json_string(p->conference->number));
	command_put(o, "name", command_foreign(p->name));
	command_put(o, "uri", command_foreign(p->call ? p->call->remote_uri : ""));
	command_put(o, "call", json_string(p->call ? p->call->id : ""));
	add_media(o, p, MEDIA_AUDIO, "audio");
	add_media(o, p, MEDIA_VIDEO, "video");
	command_put(o, "slides", json_string(slides_of(p)));
	command_put(o, "encryption", json_string(encryption_of(p)));
	command_put(o, "muted", json_boolean(p->muted));
	command_put(o, "level_db", json_integer(audio ? leg_level(audio) : -127));
	command_put(o, "seconds", json_integer(seconds_since(p->joined_us)));
	if (!streams)
		return o;
	command_put(o, "layout", json_string(p->stage ? p->stage->layout.name : "conference"));
	command_put(o, "place", json_string(p->place));
	command_put(o, "deaf", json_boolean(p->deaf));
	command_put(o, "hidden", json_boolean(p->hidden));
	command_put(o, "keys", json_string(p->keys));
	command_put(o, "transfer", command_foreign(p->transfer));
	command_put(o, "streams", json_array());
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		if (p->leg[i] && p->agreed[i].active)
			json_array_append_new(json_object_get(o, "streams"), stream_json(p, i));
	}
	return o;
}

int command_participants(struct command_context *ctx, const json_t *args, json_t **out,
			 char *error, size_t cap)
{
	struct conference *only = NULL;
	bool streams = command_flag(args, "streams");
	json_t *list;

	if (command_text(args, "conference")) {
		only = command_conference(ctx, args, error, cap);
		if (!only)
			return -ENOENT;
	}
	list = json_array();
	list_each(l, &ctx->controller->conferences) {
		struct conference *c = list_entry(l, struct conference, link);

		if (only && c != only)
			continue;
		list_each(k, &c->participants)
			json_array_append_new(list, command_participant_json(
				list_entry(k, struct participant, link), streams));
	}
	*out = list;
	return 0;
}

int command_calls(struct command_context *ctx, const json_t *args, json_t **out,
		  char *error, size_t cap)
{
	static const char *const states[] = { "offered", "dialling", "connected", "ended" };
	json_t *list = json_array();

	(void)args; (void)error; (void)cap;
	list_each(l, call_center_calls(ctx->controller->calls)) {
		const struct call *call = list_entry(l, struct call, link);
		const struct participant *p = call->participant;
		json_t *o = json_object();

		command_put(o, "call", json_string(call->id));
		command_put(o, "protocol", json_string(call->ops->protocol));
		command_put(o, "direction", json_string(call->outgoing ? "out" : "in"));
		command_put(o, "state", json_string(states[call->state]));
		command_put(o, "remote", command_foreign(call->remote_uri));
		command_put(o, "dialled", command_foreign(call->local));
		command_put(o, "transport", json_string(transports[call->transport]));
		command_put(o, "address", json_string(call->remote_address));
		command_put(o, "agent", command_foreign(call->user_agent));
		command_put(o, "original", command_foreign(call->original));
		command_put(o, "diverted", command_foreign(call->diverted));
		command_put(o, "session_id", json_string(call->session_id));
		command_put(o, "remote_session_id", json_string(call->remote_session_id));
		command_put(o, "conference", json_string(p ? p->conference->number : ""));
		command_put(o, "participant", json_integer(p ? p->id : 0));
		command_put(o, "seconds", json_integer(seconds_since(call->connected_us)));
		json_array_append_new(list, o);
	}
	*out = list;
	return 0;
}

static void add_registration(void *arg, const struct call_registration *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "account", command_foreign(r->account));
	json_object_set_new(o, "uri", command_foreign(r->uri));
	json_object_set_new(o, "transport", json_string(transports[r->transport]));
	json_object_set_new(o, "address", json_string(r->address));
	json_object_set_new(o, "port", json_integer(r->port));
	json_object_set_new(o, "agent", command_foreign(r->agent));
	json_object_set_new(o, "seconds", json_integer(r->left_s));
	json_array_append_new(arg, o);
}

int command_registrations(struct command_context *ctx, const json_t *args, json_t **out,
			  char *error, size_t cap)
{
	(void)args; (void)error; (void)cap;
	*out = json_array();
	call_center_registrations(ctx->controller->calls, add_registration, *out);
	return 0;
}

static void add_trunk(void *arg, const struct call_trunk *t)
{
	json_t *o = json_object();

	json_object_set_new(o, "trunk", json_string(t->name));
	json_object_set_new(o, "host", json_string(t->host));
	json_object_set_new(o, "up", json_integer(t->hosts_up));
	json_object_set_new(o, "hosts", json_integer(t->hosts));
	json_object_set_new(o, "registration", json_string(t->registration));
	json_object_set_new(o, "seconds", json_integer(t->left_s));
	json_object_set_new(o, "calls", json_integer(t->calls));
	json_array_append_new(arg, o);
}

int command_trunks(struct command_context *ctx, const json_t *args, json_t **out, char *error,
		   size_t cap)
{
	(void)args; (void)error; (void)cap;
	*out = json_array();
	call_center_trunks(ctx->controller->calls, add_trunk, *out);
	return 0;
}
