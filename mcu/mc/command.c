/* SPDX-License-Identifier: GPL-3.0-or-later
 * The command table. Each command reads or changes the controller and answers
 * with plain JSON values. */
#include "mcu/mc/command.h"

#include "base/clock.h"
#include "base/log.h"
#include "mcu/mc/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- arguments -------------------------------------------------------------------- */

static const char *text(const json_t *args, const char *key)
{
	return json_string_value(json_object_get(args, key));
}

static bool flag(const json_t *args, const char *key)
{
	return json_is_true(json_object_get(args, key));
}

static int fail(char *error, size_t cap, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int fail(char *error, size_t cap, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, cap, fmt, ap);
	va_end(ap);
	return err;
}

static struct participant *participant_of(struct command_context *ctx, const json_t *args,
					  char *error, size_t cap)
{
	json_int_t id = json_integer_value(json_object_get(args, "participant"));
	struct participant *p = id > 0 && id <= UINT32_MAX ?
		participant_find(ctx->controller, (uint32_t)id) : NULL;

	if (!p)
		fail(error, cap, 0, "No participant %lld; `balai participants` lists them",
		     (long long)id);
	return p;
}

static int64_t seconds_since(int64_t us)
{
	return us ? (clock_us() - us) / 1000000 : 0;
}

/* What peers sent need not be UTF-8, and JSON must. */
static json_t *foreign(const char *value)
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

static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

/* ---- listings ------------------------------------------------------------------------ */

static int run_conferences(struct command_context *ctx, const json_t *args, json_t **out,
			   char *error, size_t cap)
{
	json_t *list = json_array();

	(void)args; (void)error; (void)cap;
	list_each(l, &ctx->controller->conferences) {
		struct conference *c = list_entry(l, struct conference, link);
		json_t *o = json_object();

		set(o, "number", json_string(c->number));
		set(o, "name", json_string(c->settings.name ? c->settings.name : c->number));
		set(o, "participants", json_integer(c->n));
		set(o, "layout", json_string(layout_name(c->layout)));
		set(o, "views", json_integer((json_int_t)list_count(&c->views)));
		set(o, "speaker", json_integer(c->n_speakers ? c->speaker[0] : 0));
		set(o, "seconds", json_integer(seconds_since(c->started_us)));
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

		if (a->active && a->kind == kind && p->leg[i]) {
			set(o, key, json_string(codec_name(a->tx.format.id)));
			return;
		}
	}
	set(o, key, json_string("-"));
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
	set(o, "kind", json_string(a->kind == MEDIA_VIDEO ? "video" : "audio"));
	set(o, "codec", json_string(codec_name(a->tx.format.id)));
	set(o, "encryption", json_string(security_name(a)));
	set(o, "send", json_boolean(a->send));
	set(o, "receive", json_boolean(a->receive));
	set(o, "rx_packets", json_integer((json_int_t)s.rx_packets));
	set(o, "rx_kbps", json_integer(s.rx_bitrate / 1000));
	set(o, "tx_packets", json_integer((json_int_t)s.tx_packets));
	set(o, "tx_kbps", json_integer(s.tx_bitrate / 1000));
	set(o, "lost", json_integer((json_int_t)s.lost));
	set(o, "late", json_integer((json_int_t)s.late));
	set(o, "jitter_ms", json_real(s.jitter_us / 1000.0));
	set(o, "buffer_ms", json_integer(s.buffer_ms));
	set(o, "rtt_ms", json_real(s.rtt_us / 1000.0));
	set(o, "peer_loss_percent", json_integer(s.peer_loss_percent));
	set(o, "frames_in", json_integer((json_int_t)s.frames_in));
	set(o, "frames_out", json_integer((json_int_t)s.frames_out));
	set(o, "keys_in", json_integer((json_int_t)s.keys_in));
	set(o, "keys_out", json_integer((json_int_t)s.keys_out));
	set(o, "key_requests_in", json_integer((json_int_t)s.key_requests_in));
	set(o, "key_requests_out", json_integer((json_int_t)s.key_requests_out));
	set(o, "resent", json_integer((json_int_t)s.resent));
	return o;
}

static json_t *participant_json(const struct participant *p, bool streams)
{
	struct leg *audio = participant_leg(p, MEDIA_AUDIO);
	json_t *o = json_object();

	set(o, "id", json_integer(p->id));
	set(o, "conference", json_string(p->conference->number));
	set(o, "name", foreign(p->name));
	set(o, "uri", foreign(p->call ? p->call->remote_uri : ""));
	set(o, "call", json_string(p->call ? p->call->id : ""));
	add_media(o, p, MEDIA_AUDIO, "audio");
	add_media(o, p, MEDIA_VIDEO, "video");
	set(o, "encryption", json_string(encryption_of(p)));
	set(o, "muted", json_boolean(p->muted));
	set(o, "level_db", json_integer(audio ? leg_level(audio) : -127));
	set(o, "seconds", json_integer(seconds_since(p->joined_us)));
	if (!streams)
		return o;
	set(o, "layout", json_string(p->layout >= 0 ? layout_name((enum layout_id)p->layout)
						    : "conference"));
	set(o, "deaf", json_boolean(p->deaf));
	set(o, "hidden", json_boolean(p->hidden));
	set(o, "keys", json_string(p->keys));
	set(o, "streams", json_array());
	for (unsigned i = 0; i < DESC_MAX_LINES; i++) {
		if (p->leg[i] && p->agreed[i].active)
			json_array_append_new(json_object_get(o, "streams"), stream_json(p, i));
	}
	return o;
}

static int run_participants(struct command_context *ctx, const json_t *args, json_t **out,
			    char *error, size_t cap)
{
	const char *number = text(args, "conference");
	bool streams = flag(args, "streams");
	json_t *list = json_array();

	if (number && !conference_find(ctx->controller, number)) {
		json_decref(list);
		return fail(error, cap, -ENOENT,
			    "No conference %s is in progress; `balai conferences` lists them",
			    number);
	}
	list_each(l, &ctx->controller->conferences) {
		struct conference *c = list_entry(l, struct conference, link);

		if (number && strcmp(number, c->number))
			continue;
		list_each(k, &c->participants)
			json_array_append_new(list, participant_json(
				list_entry(k, struct participant, link), streams));
	}
	*out = list;
	return 0;
}

static int run_calls(struct command_context *ctx, const json_t *args, json_t **out,
		     char *error, size_t cap)
{
	static const char *const states[] = { "offered", "dialling", "connected", "ended" };
	static const char *const transports[] = { "udp", "tcp", "tls" };
	json_t *list = json_array();

	(void)args; (void)error; (void)cap;
	list_each(l, call_center_calls(ctx->controller->calls)) {
		const struct call *call = list_entry(l, struct call, link);
		const struct participant *p = call->participant;
		json_t *o = json_object();

		set(o, "call", json_string(call->id));
		set(o, "protocol", json_string(call->ops->protocol));
		set(o, "direction", json_string(call->outgoing ? "out" : "in"));
		set(o, "state", json_string(states[call->state]));
		set(o, "remote", foreign(call->remote_uri));
		set(o, "dialled", foreign(call->local));
		set(o, "transport", json_string(transports[call->transport]));
		set(o, "address", json_string(call->remote_address));
		set(o, "agent", foreign(call->user_agent));
		set(o, "conference", json_string(p ? p->conference->number : ""));
		set(o, "participant", json_integer(p ? p->id : 0));
		set(o, "seconds", json_integer(seconds_since(call->connected_us)));
		json_array_append_new(list, o);
	}
	*out = list;
	return 0;
}

/* ---- statistics ------------------------------------------------------------------------- */

static json_t *histogram(const uint64_t late[8])
{
	static const char *const edge[] = { "<1ms", "<2ms", "<5ms", "<10ms", "<20ms",
					    "<50ms", "<100ms", ">=100ms" };
	json_t *o = json_object();

	for (unsigned i = 0; i < 8; i++)
		set(o, edge[i], json_integer((json_int_t)late[i]));
	return o;
}

#define COUNT(o, s, field) set(o, #field, json_integer((json_int_t)(s).field))

static json_t *wire_json(struct wire *wire)
{
	struct wire_stats s;
	json_t *o = json_object();

	wire_stats(wire, &s);
	COUNT(o, s, transports);
	COUNT(o, s, streams);
	COUNT(o, s, rx_packets);
	COUNT(o, s, tx_packets);
	COUNT(o, s, rx_bytes);
	COUNT(o, s, tx_bytes);
	COUNT(o, s, rx_calls);
	COUNT(o, s, tx_calls);
	COUNT(o, s, drop_short);
	COUNT(o, s, drop_version);
	COUNT(o, s, drop_source);
	COUNT(o, s, drop_pt);
	COUNT(o, s, drop_auth);
	COUNT(o, s, drop_replay);
	COUNT(o, s, drop_rtcp);
	COUNT(o, s, drop_stun);
	COUNT(o, s, drop_dtls);
	COUNT(o, s, drop_plain);
	COUNT(o, s, drop_late);
	COUNT(o, s, drop_queue);
	return o;
}

static json_t *audio_json(struct audio_engine *engine)
{
	struct audio_engine_stats s;
	json_t *o = json_object();

	audio_engine_stats(engine, &s);
	COUNT(o, s, mixers);
	COUNT(o, s, legs);
	COUNT(o, s, ticks);
	COUNT(o, s, decoded);
	COUNT(o, s, concealed);
	COUNT(o, s, encoded);
	COUNT(o, s, frames_shared);
	COUNT(o, s, busy_us);
	set(o, "late", histogram(s.late));
	return o;
}

static json_t *video_json(struct video_engine *engine)
{
	struct video_engine_stats s;
	json_t *o = json_object();

	video_engine_stats(engine, &s);
	COUNT(o, s, sources);
	COUNT(o, s, views);
	COUNT(o, s, encoders);
	COUNT(o, s, encoders_fast);
	COUNT(o, s, sinks);
	COUNT(o, s, decoded);
	COUNT(o, s, decodes_skipped);
	COUNT(o, s, composed);
	COUNT(o, s, tiles_painted);
	COUNT(o, s, tiles_unchanged);
	COUNT(o, s, canvas_copies);
	COUNT(o, s, encoded);
	COUNT(o, s, keys);
	COUNT(o, s, keys_coalesced);
	COUNT(o, s, frames_skipped);
	COUNT(o, s, ticks_skipped);
	COUNT(o, s, overload);
	COUNT(o, s, decode_us);
	COUNT(o, s, scale_us);
	COUNT(o, s, compose_us);
	COUNT(o, s, encode_us);
	COUNT(o, s.pictures, scaled);
	COUNT(o, s.pictures, scale_shared);
	COUNT(o, s.pictures, live);
	COUNT(o, s.pictures, bytes);
	set(o, "late", histogram(s.late));
	return o;
}

static json_t *pool_json(struct pool *pool)
{
	struct pool_stats s;
	json_t *o = json_object();

	pool_stats(pool, &s);
	COUNT(o, s, runs);
	COUNT(o, s, busy_us);
	set(o, "late", histogram(s.late));
	return o;
}

static int run_stats(struct command_context *ctx, const json_t *args, json_t **out,
		     char *error, size_t cap)
{
	struct controller *c = ctx->controller;
	json_t *o = json_object();

	(void)args; (void)error; (void)cap;
	set(o, "calls", json_integer(call_center_count(c->calls)));
	set(o, "conferences", json_integer((json_int_t)list_count(&c->conferences)));
	set(o, "captures", json_integer((json_int_t)list_count(&c->captures)));
	set(o, "draining", json_boolean(c->draining));
	set(o, "wire", wire_json(c->parts.wire));
	set(o, "audio", audio_json(c->parts.audio));
	set(o, "video", video_json(c->parts.video));
	set(o, "pool", pool_json(c->parts.pool));
	*out = o;
	return 0;
}

/* ---- what changes something ---------------------------------------------------------------- */

static int mute(struct command_context *ctx, const json_t *args, json_t **out, char *error,
		size_t cap, bool on)
{
	struct participant *p = participant_of(ctx, args, error, cap);

	if (!p)
		return -ENOENT;
	if (flag(args, "video")) {
		p->hidden = on;
		conference_touch(p->conference);
	} else if (flag(args, "speaker")) {
		p->deaf = on;
		participant_set_muted(p, p->muted);
	} else {
		participant_set_muted(p, on);
	}
	*out = participant_json(p, true);
	json_object_del(*out, "streams");
	return 0;
}

static int run_mute(struct command_context *ctx, const json_t *args, json_t **out,
		    char *error, size_t cap)
{
	return mute(ctx, args, out, error, cap, true);
}

static int run_unmute(struct command_context *ctx, const json_t *args, json_t **out,
		      char *error, size_t cap)
{
	return mute(ctx, args, out, error, cap, false);
}

static int run_kick(struct command_context *ctx, const json_t *args, json_t **out,
		    char *error, size_t cap)
{
	struct participant *p = participant_of(ctx, args, error, cap);

	if (!p)
		return -ENOENT;
	log_info("participant kicked conference=%s participant=%u", p->conference->number, p->id);
	*out = json_pack("{s:i, s:o}", "kicked", (int)p->id, "name", foreign(p->name));
	call_end(p->call, "Removed by the operator");
	return 0;
}

static int run_layout(struct command_context *ctx, const json_t *args, json_t **out,
		      char *error, size_t cap)
{
	struct conference *c = conference_find(ctx->controller, text(args, "conference"));
	enum layout_id layout = LAYOUT_AUTO;
	bool back = !strcmp(text(args, "layout"), "default");
	json_t *id = json_object_get(args, "participant");

	if (!c)
		return fail(error, cap, -ENOENT,
			    "No conference %s is in progress; `balai conferences` lists them",
			    text(args, "conference"));
	if (!back && layout_by_name(&layout, text(args, "layout")))
		return fail(error, cap, -EINVAL,
			    "No layout %s; there are auto, 1x1, 1+1, 2x2, 3x3, 4x4, 1+5, 1+7, speaker and default",
			    text(args, "layout"));
	if (id) {
		struct participant *p = participant_of(ctx, args, error, cap);

		if (!p)
			return -ENOENT;
		if (p->conference != c)
			return fail(error, cap, -EINVAL, "Participant %u is in conference %s",
				    p->id, p->conference->number);
		p->layout = back ? -1 : (int)layout;
	} else {
		if (back)
			layout_by_name(&layout, c->settings.layout);
		c->layout = layout;
	}
	conference_touch(c);
	*out = json_pack("{s:s, s:s}", "conference", c->number, "layout",
			 back && id ? "default" : layout_name(layout));
	return 0;
}

static int run_dial(struct command_context *ctx, const json_t *args, json_t **out,
		    char *error, size_t cap)
{
	uint32_t id = 0;
	int err = controller_dial(ctx->controller, text(args, "conference"), text(args, "uri"),
				  &id, error, cap);

	if (!err)
		*out = json_pack("{s:i, s:s}", "participant", (int)id, "uri", text(args, "uri"));
	return err;
}

static int run_end(struct command_context *ctx, const json_t *args, json_t **out,
		   char *error, size_t cap)
{
	struct conference *c = conference_find(ctx->controller, text(args, "conference"));

	if (!c)
		return fail(error, cap, -ENOENT,
			    "No conference %s is in progress; `balai conferences` lists them",
			    text(args, "conference"));
	*out = json_pack("{s:s, s:i}", "conference", c->number, "participants", (int)c->n);
	list_each_safe(l, &c->participants)
		call_end(list_entry(l, struct participant, link)->call, "The conference was ended");
	return 0;
}

static int run_reload(struct command_context *ctx, const json_t *args, json_t **out,
		      char *error, size_t cap)
{
	char *report = NULL;
	int err;

	(void)args;
	if (!ctx->reload)
		return fail(error, cap, -ENOTSUP, "This process cannot reload");
	err = ctx->reload(ctx->arg, &report);
	if (err)
		fail(error, cap, err, "Nothing was changed:\n%s", report ? report : "");
	else
		*out = json_pack("{s:s}", "reloaded", ctx->controller->config->source);
	free(report);
	return err;
}

static int run_drain(struct command_context *ctx, const json_t *args, json_t **out,
		     char *error, size_t cap)
{
	(void)args;
	if (!ctx->drain)
		return fail(error, cap, -ENOTSUP, "This process cannot drain");
	*out = json_pack("{s:i}", "calls left", (int)call_center_count(ctx->controller->calls));
	ctx->drain(ctx->arg);
	return 0;
}

static int run_dialplan_test(struct command_context *ctx, const json_t *args, json_t **out,
			     char *error, size_t cap)
{
	static const char *const actions[] = { "conference", "address", "refuse" };
	static const char *const transports[] = { "udp", "tcp", "tls" };
	struct dial_query q = {
		.dialled = text(args, "number"),
		.caller = text(args, "caller") ? text(args, "caller") : "",
		.time_s = clock_wall_us() / 1000000,
	};
	const char *transport = text(args, "transport");
	char *why = NULL;
	size_t size = 0;
	struct dial_result r;
	FILE *f;

	while (transport && strcmp(transports[q.transport], transport)) {
		if (q.transport == CONF_TLS)
			return fail(error, cap, -EINVAL, "No transport %s; there are udp, tcp, tls",
				    transport);
		q.transport++;
	}
	f = open_memstream(&why, &size);
	if (!f)
		return fail(error, cap, -ENOMEM, "Out of memory");
	dialplan_lookup(ctx->controller->config, &q, &r, f);
	fclose(f);
	*out = json_object();
	set(*out, "number", json_string(q.dialled));
	set(*out, "rule", r.rule ? json_integer(r.rule->line) : json_null());
	set(*out, "action", json_string(r.rule ? actions[r.action] : "refuse"));
	if (r.rule && r.action != RULE_REFUSE)
		set(*out, "target", json_string(r.target));
	else
		set(*out, "code", json_integer(r.rule ? r.code : 404));
	set(*out, "why", json_string(why));
	free(why);
	return 0;
}

/* Why a capture cannot be; `file` is its name. */
static int capture_error(char *error, size_t cap, int err, const char *call)
{
	switch (err) {
	case -EBUSY:
		return fail(error, cap, err, "%d captures are running, and no more may; wait for one to end",
			    CAPTURES_MAX);
	case -EALREADY:
		return fail(error, cap, err, "Call %s is being captured already", call);
	default:
		return fail(error, cap, err, "Cannot capture call %s: %s", call, strerror(-err));
	}
}

static int capture(struct command_context *ctx, struct call *call, const json_t *args,
		   json_t **out, char *error, size_t cap)
{
	json_t *value = json_object_get(args, "seconds");
	json_int_t seconds = value ? json_integer_value(value) : CAPTURE_SECONDS;
	struct stat st;
	int err;

	if (seconds < 1 || seconds > CAPTURE_MAX_SECONDS)
		return fail(error, cap, -EINVAL, "seconds must be 1 to %d", CAPTURE_MAX_SECONDS);
	/* A pipe or a device could hold us up. */
	if (ctx->fd < 0 || fstat(ctx->fd, &st) || !S_ISREG(st.st_mode))
		return fail(error, cap, -EINVAL,
			    "A capture goes into a regular file that is handed over with the command, as `balai trace` does");
	err = capture_start(ctx->controller, call, ctx->fd, (unsigned)seconds);
	if (err)
		return capture_error(error, cap, err, call->id);
	*out = json_pack("{s:s, s:s, s:I}", "call", call->id, "capturing into", text(args, "pcap"),
			 "seconds", seconds);
	return 0;
}

static int run_trace(struct command_context *ctx, const json_t *args, json_t **out,
		     char *error, size_t cap)
{
	struct call *call = call_center_find(ctx->controller->calls, text(args, "call"));
	char *trace = NULL;
	size_t size = 0;
	FILE *f;
	int err;

	if (!call)
		return fail(error, cap, -ENOENT, "No call %s; `balai calls` lists them",
			    text(args, "call"));
	if (text(args, "pcap"))
		return capture(ctx, call, args, out, error, cap);
	if (json_object_get(args, "seconds"))
		return fail(error, cap, -EINVAL, "seconds goes with --pcap FILE");
	if (!call->ops->trace)
		return fail(error, cap, -ENOTSUP, "%s calls keep no messages", call->ops->protocol);
	f = open_memstream(&trace, &size);
	if (!f)
		return fail(error, cap, -ENOMEM, "Out of memory");
	err = call->ops->trace(call, f);
	fclose(f);
	if (!err)
		*out = json_pack("{s:s, s:o}", "call", call->id, "text", foreign(trace));
	else
		fail(error, cap, err, "No trace: %s", strerror(-err));
	free(trace);
	return err;
}

/* ---- the table ---------------------------------------------------------------------------------- */

static const char *const conference_columns[] = { "number", "name", "participants", "layout",
						  "views", "speaker", "seconds", NULL };
static const char *const participant_columns[] = { "id", "conference", "name", "uri", "audio",
						   "video", "encryption", "muted", "level_db",
						   "seconds", NULL };
static const char *const call_columns[] = { "call", "direction", "state", "remote", "dialled",
					    "transport", "agent", "conference", "participant",
					    "seconds", NULL };

const struct command command_table[] = {
	{ "conferences", "List the conferences in progress", { { 0 } }, run_conferences,
	  conference_columns },
	{ "participants", "List participants, of all conferences or one",
	  { { "conference", ARG_TEXT, false, "number of a conference" },
	    { "streams", ARG_FLAG, false, "with each stream's statistics (--json)" } },
	  run_participants, participant_columns },
	{ "calls", "List the calls", { { 0 } }, run_calls, call_columns },
	{ "stats", "Show counters of the engine", { { 0 } }, run_stats, NULL },
	{ "mute", "Mute a participant",
	  { { "participant", ARG_NUMBER, true, "id, from `balai participants`" },
	    { "video", ARG_FLAG, false, "hide the picture instead" },
	    { "speaker", ARG_FLAG, false, "let it hear nothing instead" } }, run_mute, NULL },
	{ "unmute", "Unmute a participant",
	  { { "participant", ARG_NUMBER, true, "id, from `balai participants`" },
	    { "video", ARG_FLAG, false, "show the picture again" },
	    { "speaker", ARG_FLAG, false, "let it hear again" } }, run_unmute, NULL },
	{ "kick", "End a participant's call",
	  { { "participant", ARG_NUMBER, true, "id, from `balai participants`" } }, run_kick,
	  NULL },
	{ "layout", "Set the layout of a conference or of one participant",
	  { { "conference", ARG_TEXT, true, "number of a conference" },
	    { "layout", ARG_TEXT, true,
	      "auto, 1x1, 1+1, 2x2, 3x3, 4x4, 1+5, 1+7, speaker; default: as configured" },
	    { "participant", ARG_NUMBER, false, "for this participant only" } }, run_layout,
	  NULL },
	{ "dial", "Call an address and join it to a conference",
	  { { "conference", ARG_TEXT, true, "number of a conference" },
	    { "uri", ARG_TEXT, true, "SIP address, such as sip:room@example.org" } }, run_dial,
	  NULL },
	{ "end", "End a conference and all its calls",
	  { { "conference", ARG_TEXT, true, "number of a conference" } }, run_end, NULL },
	{ "reload", "Read the configuration again; calls in progress are not touched",
	  { { 0 } }, run_reload, NULL },
	{ "drain", "Take no new calls and stop when the last has ended", { { 0 } }, run_drain,
	  NULL },
	{ "dialplan test", "Show which rule a number would match, and why",
	  { { "number", ARG_TEXT, true, "what is dialled" },
	    { "caller", ARG_TEXT, false, "user@host of the caller" },
	    { "transport", ARG_TEXT, false, "udp, tcp or tls" } }, run_dialplan_test, NULL },
	{ "trace", "Show the signalling messages of a call, or capture it for Wireshark",
	  { { "call", ARG_TEXT, true, "id, from `balai calls`" },
	    { "pcap", ARG_FILE, false,
	      "a new file, into which the messages and from now on the media go, decrypted" },
	    { "seconds", ARG_NUMBER, false, "how long, with --pcap; 30, at most 600" } },
	  run_trace, NULL },
	{ 0 },
};

const struct command *command_find(const char *name)
{
	for (const struct command *c = command_table; c->name; c++) {
		if (!strcmp(c->name, name))
			return c;
	}
	return NULL;
}

static bool has_type(const json_t *value, enum command_arg_type type)
{
	switch (type) {
	case ARG_TEXT:
	case ARG_FILE:
		return json_is_string(value);
	case ARG_NUMBER:
		return json_is_integer(value);
	case ARG_FLAG:
		return json_is_boolean(value);
	}
	return false;
}

static int check_args(const struct command *c, const json_t *args, char *error, size_t cap)
{
	static const char *const types[] = { "text", "a number", "true or false",
					     "the name of a file" };
	const char *key;
	json_t *value;

	for (const struct command_arg *a = c->arg; a->name && a < c->arg + COMMAND_MAX_ARGS; a++) {
		value = json_object_get(args, a->name);
		if (!value && a->required)
			return fail(error, cap, -EINVAL, "%s needs %s: %s", c->name, a->name,
				    a->help);
		if (value && !has_type(value, a->type))
			return fail(error, cap, -EINVAL, "%s of %s must be %s", a->name, c->name,
				    types[a->type]);
	}
	json_object_foreach((json_t *)(uintptr_t)args, key, value) {
		const struct command_arg *a = c->arg;

		while (a < c->arg + COMMAND_MAX_ARGS && a->name && strcmp(a->name, key))
			a++;
		if (a == c->arg + COMMAND_MAX_ARGS || !a->name)
			return fail(error, cap, -EINVAL, "%s takes no %s", c->name, key);
	}
	return 0;
}

int command_run(struct command_context *context, const char *name, const json_t *args,
		json_t **out, char *error, size_t cap)
{
	const struct command *c = command_find(name);
	json_t *result = NULL;
	int err;

	if (!c)
		return fail(error, cap, -EINVAL, "No command %s; `balai help` lists them", name);
	err = check_args(c, args, error, cap);
	if (!err)
		err = c->run(context, args, &result, error, cap);
	if (!err && !result)
		err = fail(error, cap, -ENOMEM, "Out of memory");
	if (err) {
		json_decref(result);
		return err;
	}
	*out = result;
	return 0;
}
