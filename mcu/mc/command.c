/* SPDX-License-Identifier: GPL-3.0-or-later
 * The command table, and the commands that change something. Each reads or
 * changes the controller and answers with plain JSON values. */
#include "mcu/mc/command_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "mcu/mc/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- arguments -------------------------------------------------------------------- */

const char *command_text(const json_t *args, const char *key)
{
	return json_string_value(json_object_get(args, key));
}

bool command_flag(const json_t *args, const char *key)
{
	return json_is_true(json_object_get(args, key));
}

int command_fail(char *error, size_t cap, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, cap, fmt, ap);
	va_end(ap);
	return err;
}

struct participant *command_participant(struct command_context *ctx, const json_t *args,
					char *error, size_t cap)
{
	json_int_t id = json_integer_value(json_object_get(args, "participant"));
	struct participant *p = id > 0 && id <= UINT32_MAX ?
		participant_find(ctx->controller, (uint32_t)id) : NULL;

	if (!p)
		command_fail(error, cap, 0, "No participant %lld; `balai participants` lists them",
			     (long long)id);
	return p;
}

struct conference *command_conference(struct command_context *ctx, const json_t *args,
				      char *error, size_t cap)
{
	const char *number = command_text(args, "conference");
	struct conference *c = conference_find(ctx->controller, number);

	if (!c)
		command_fail(error, cap, 0,
			     "No conference %s is in progress; `balai conferences` lists them",
			     number);
	return c;
}

/* ---- what changes something ---------------------------------------------------------------- */

static int mute(struct command_context *ctx, const json_t *args, json_t **out, char *error,
		size_t cap, bool on)
{
	struct participant *p = command_participant(ctx, args, error, cap);

	if (!p)
		return -ENOENT;
	if (command_flag(args, "video")) {
		p->hidden = on;
		conference_touch(p->conference);
	} else if (command_flag(args, "speaker")) {
		p->deaf = on;
		participant_set_muted(p, p->muted);
	} else {
		participant_set_muted(p, on);
	}
	*out = command_participant_json(p, true);
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
	struct participant *p = command_participant(ctx, args, error, cap);

	if (!p)
		return -ENOENT;
	log_info("participant kicked conference=%s participant=%u", p->conference->number, p->id);
	*out = json_pack("{s:i, s:o}", "kicked", (int)p->id, "name", command_foreign(p->name));
	call_end(p->call, "Removed by the operator");
	return 0;
}

static int run_transfer(struct command_context *ctx, const json_t *args, json_t **out,
			char *error, size_t cap)
{
	struct participant *p = command_participant(ctx, args, error, cap);
	const char *target = command_text(args, "target");
	bool moved;
	int err;

	if (!p)
		return -ENOENT;
	err = transfer_order(p, target, &moved, error, cap);
	if (!err)
		*out = json_pack("{s:i, s:s, s:s}", "participant", (int)p->id,
				 moved ? "conference" : "target", moved ? p->conference->number : target,
				 "transfer", moved ? "done" : "asked");
	return err;
}

static int run_dial(struct command_context *ctx, const json_t *args, json_t **out,
		    char *error, size_t cap)
{
	uint32_t id = 0;
	const char *uri = command_text(args, "uri");
	int err = controller_dial(ctx->controller, command_text(args, "conference"), uri, &id,
				  error, cap);

	if (!err)
		*out = json_pack("{s:i, s:s}", "participant", (int)id, "uri", uri);
	return err;
}

static int run_end(struct command_context *ctx, const json_t *args, json_t **out,
		   char *error, size_t cap)
{
	struct conference *c = command_conference(ctx, args, error, cap);

	if (!c)
		return -ENOENT;
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
		return command_fail(error, cap, -ENOTSUP, "This process cannot reload");
	err = ctx->reload(ctx->arg, &report);
	if (err)
		command_fail(error, cap, err, "Nothing was changed:\n%s", report ? report : "");
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
		return command_fail(error, cap, -ENOTSUP, "This process cannot drain");
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
		.dialled = command_text(args, "number"),
		.caller = command_text(args, "caller") ? command_text(args, "caller") : "",
		.diverted = command_text(args, "diverted"),
		.original = command_text(args, "original"),
		.time_s = clock_wall_us() / 1000000,
	};
	const char *transport = command_text(args, "transport");
	char *why = NULL;
	size_t size = 0;
	struct dial_result r;
	FILE *f;

	while (transport && strcmp(transports[q.transport], transport)) {
		if (q.transport == CONF_TLS)
			return command_fail(error, cap, -EINVAL,
					    "No transport %s; there are udp, tcp, tls", transport);
		q.transport++;
	}
	f = open_memstream(&why, &size);
	if (!f)
		return command_fail(error, cap, -ENOMEM, "Out of memory");
	dialplan_lookup(ctx->controller->config, &q, &r, f);
	fclose(f);
	*out = json_object();
	command_put(*out, "number", json_string(q.dialled));
	command_put(*out, "rule", r.rule ? json_integer(r.rule->line) : json_null());
	command_put(*out, "action", json_string(r.rule ? actions[r.action] : "refuse"));
	if (r.rule && r.action != RULE_REFUSE)
		command_put(*out, "target", json_string(r.target));
	else
		command_put(*out, "code", json_integer(r.rule ? r.code : 404));
	command_put(*out, "why", json_string(why));
	free(why);
	return 0;
}

/* Why a capture cannot be; `file` is its name. */
static int capture_error(char *error, size_t cap, int err, const char *call)
{
	switch (err) {
	case -EBUSY:
		return command_fail(error, cap, err,
				    "%d captures are running, and no more may; wait for one to end",
				    CAPTURES_MAX);
	case -EALREADY:
		return command_fail(error, cap, err, "Call %s is being captured already", call);
	default:
		return command_fail(error, cap, err, "Cannot capture call %s: %s", call,
				    strerror(-err));
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
		return command_fail(error, cap, -EINVAL, "seconds must be 1 to %d",
				    CAPTURE_MAX_SECONDS);
	/* A pipe or a device could hold us up. */
	if (ctx->fd < 0 || fstat(ctx->fd, &st) || !S_ISREG(st.st_mode))
		return command_fail(error, cap, -EINVAL,
				    "A capture goes into a regular file that is handed over with the command, as `balai trace` does");
	err = capture_start(ctx->controller, call, ctx->fd, (unsigned)seconds);
	if (err)
		return capture_error(error, cap, err, call->id);
	*out = json_pack("{s:s, s:s, s:I}", "call", call->id, "capturing into",
			 command_text(args, "pcap"), "seconds", seconds);
	return 0;
}

static int run_trace(struct command_context *ctx, const json_t *args, json_t **out,
		     char *error, size_t cap)
{
	struct call *call = call_center_find(ctx->controller->calls, command_text(args, "call"));
	char *trace = NULL;
	size_t size = 0;
	FILE *f;
	int err;

	if (!call)
		return command_fail(error, cap, -ENOENT, "No call %s; `balai calls` lists them",
				    command_text(args, "call"));
	if (command_text(args, "pcap"))
		return capture(ctx, call, args, out, error, cap);
	if (json_object_get(args, "seconds"))
		return command_fail(error, cap, -EINVAL, "seconds goes with --pcap FILE");
	if (!call->ops->trace)
		return command_fail(error, cap, -ENOTSUP, "%s calls keep no messages",
				    call->ops->protocol);
	f = open_memstream(&trace, &size);
	if (!f)
		return command_fail(error, cap, -ENOMEM, "Out of memory");
	err = call->ops->trace(call, f);
	fclose(f);
	if (!err)
		*out = json_pack("{s:s, s:o}", "call", call->id, "text", command_foreign(trace));
	else
		command_fail(error, cap, err, "No trace: %s", strerror(-err));
	free(trace);
	return err;
}

/* ---- the table ---------------------------------------------------------------------------------- */

static const char *const conference_columns[] = { "number", "name", "participants", "layout",
						  "views", "speaker", "presenter", "seconds",
						  NULL };
static const char *const participant_columns[] = { "id", "conference", "name", "uri", "audio",
						   "video", "slides", "encryption", "muted",
						   "level_db", "seconds", NULL };
static const char *const call_columns[] = { "call", "direction", "state", "remote", "dialled",
					    "transport", "agent", "conference", "participant",
					    "seconds", "session_id", NULL };

static const char *const registration_columns[] = { "account", "uri", "transport", "address",
						    "port", "agent", "seconds", NULL };
static const char *const trunk_columns[] = { "trunk", "host", "up", "hosts", "registration",
					     "seconds", "calls", NULL };

const struct command command_table[] = {
	{ "conferences", "List the conferences in progress", { { 0 } }, command_conferences,
	  conference_columns },
	{ "participants", "List participants, of all conferences or one",
	  { { "conference", ARG_TEXT, false, "number of a conference" },
	    { "streams", ARG_FLAG, false, "with each stream's statistics (--json)" } },
	  command_participants, participant_columns },
	{ "calls", "List the calls", { { 0 } }, command_calls, call_columns },
	{ "registrations", "List the phones that are registered here", { { 0 } },
	  command_registrations, registration_columns },
	{ "trunks", "List the trunks, whether they answer and where we are registered",
	  { { 0 } }, command_trunks, trunk_columns },
	{ "stats", "Show counters of the engine", { { 0 } }, command_stats, NULL },
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
	{ "transfer", "Send a participant to another conference or address",
	  { { "participant", ARG_NUMBER, true, "id, from `balai participants`" },
	    { "target", ARG_TEXT, true,
	      "number of a conference, or a SIP address, which the participant is asked to call" } },
	  run_transfer, NULL },
	{ "layout", "Set the layout of a conference or of one participant",
	  { { "conference", ARG_TEXT, true, "number of a conference" },
	    { "layout", ARG_TEXT, true,
	      "auto, 1x1, 1+1, 2x2, 3x3, 4x4, 1+4, 1+5, 1+7, 1+9, 1+12, 2+8, side-by-side, speaker, pip, overlay, one of your own; default: as configured" },
	    { "participant", ARG_NUMBER, false, "for this participant only" } }, command_layout,
	  NULL },
	{ "pin", "Give a participant a place in the picture for good",
	  { { "participant", ARG_NUMBER, true, "id, from `balai participants`" },
	    { "place", ARG_TEXT, true, "its number, from 1, or its name" } }, command_pin, NULL },
	{ "unpin", "Take a participant's place in the picture away again",
	  { { "participant", ARG_NUMBER, true, "id, from `balai participants`" } }, command_pin,
	  NULL },
	{ "message", "Show a text on the picture of a conference or of one participant",
	  { { "to", ARG_TEXT, true, "number of a conference, or id of a participant" },
	    { "text", ARG_TEXT, true, "at most 200 characters; empty: take it away" },
	    { "seconds", ARG_NUMBER, false, "how long; 10, at most 3600" } }, command_message,
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
	    { "diverted", ARG_TEXT, false, "number that sent the call on" },
	    { "original", ARG_TEXT, false, "number that was dialled first" },
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
			return command_fail(error, cap, -EINVAL, "%s needs %s: %s", c->name, a->name,
					    a->help);
		if (value && !has_type(value, a->type))
			return command_fail(error, cap, -EINVAL, "%s of %s must be %s", a->name, c->name,
					    types[a->type]);
	}
	json_object_foreach((json_t *)(uintptr_t)args, key, value) {
		const struct command_arg *a = c->arg;

		while (a < c->arg + COMMAND_MAX_ARGS && a->name && strcmp(a->name, key))
			a++;
		if (a == c->arg + COMMAND_MAX_ARGS || !a->name)
			return command_fail(error, cap, -EINVAL, "%s takes no %s", c->name, key);
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
		return command_fail(error, cap, -EINVAL,
				    "No command %s; `balai help` lists them", name);
	err = check_args(c, args, error, cap);
	if (!err)
		err = c->run(context, args, &result, error, cap);
	if (!err && !result)
		err = command_fail(error, cap, -ENOMEM, "Out of memory");
	if (err) {
		json_decref(result);
		return err;
	}
	*out = result;
	return 0;
}
