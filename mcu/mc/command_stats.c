/* SPDX-License-Identifier: GPL-3.0-or-later
 * The command `stats`: the counters of the engine. */
#include "mcu/mc/command_internal.h"

static json_t *histogram(const uint64_t late[8])
{
	static const char *const edge[] = { "<1ms", "<2ms", "<5ms", "<10ms", "<20ms",
					    "<50ms", "<100ms", ">=100ms" };
	json_t *o = json_object();

	for (unsigned i = 0; i < 8; i++)
		command_put(o, edge[i], json_integer((json_int_t)late[i]));
	return o;
}

#define COUNT(o, s, field) command_put(o, #field, json_integer((json_int_t)(s).field))

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
	COUNT(o, s, frames_unseen);
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
	COUNT(o, s, drop_flood);
	COUNT(o, s, held);
	command_put(o, "turns", histogram(s.turns));
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
	COUNT(o, s, decodes_skipped);
	COUNT(o, s, busy_us);
	command_put(o, "late", histogram(s.late));
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
	COUNT(o, s, turned);
	COUNT(o, s, sources_kept);
	COUNT(o, s, probes);
	COUNT(o, s, composed);
	COUNT(o, s, tiles_painted);
	COUNT(o, s, tiles_unchanged);
	COUNT(o, s, tiles_missed);
	COUNT(o, s, canvas_copies);
	COUNT(o, s, encoded);
	COUNT(o, s, frames_sent);
	COUNT(o, s, keys);
	COUNT(o, s, keys_coalesced);
	COUNT(o, s, frames_skipped);
	COUNT(o, s, ticks_skipped);
	COUNT(o, s, overload);
	COUNT(o, s, views_small);
	COUNT(o, s, decode_us);
	COUNT(o, s, scale_us);
	COUNT(o, s, compose_us);
	COUNT(o, s, encode_us);
	COUNT(o, s, encode_wait_us);
	COUNT(o, s.pictures, scaled);
	COUNT(o, s.pictures, scale_shared);
	COUNT(o, s.pictures, live);
	COUNT(o, s.pictures, bytes);
	command_put(o, "labels", json_integer((json_int_t)s.labels.labels));
	command_put(o, "labels_drawn", json_integer((json_int_t)s.labels.drawn));
	command_put(o, "late", histogram(s.late));
	return o;
}

static json_t *pool_json(struct pool *pool)
{
	struct pool_stats s;
	json_t *o = json_object();

	pool_stats(pool, &s);
	COUNT(o, s, runs);
	COUNT(o, s, busy_us);
	command_put(o, "late", histogram(s.late));
	return o;
}

/* Of each conference where somebody presents: who. */
static json_t *presenters_json(const struct controller *c)
{
	json_t *o = json_object();

	list_each(l, &c->conferences) {
		const struct conference *m = list_entry(l, struct conference, link);

		if (m->presenter)
			command_put(o, m->number, json_integer(m->presenter));
	}
	return o;
}

int command_stats(struct command_context *ctx, const json_t *args, json_t **out,
		  char *error, size_t cap)
{
	struct controller *c = ctx->controller;
	json_t *o = json_object();

	(void)args; (void)error; (void)cap;
	command_put(o, "calls", json_integer(call_center_count(c->calls)));
	command_put(o, "most_calls", json_integer(c->capacity.calls));
	command_put(o, "limited_by", json_string(c->capacity.limit));
	command_put(o, "conferences", json_integer((json_int_t)list_count(&c->conferences)));
	command_put(o, "captures", json_integer((json_int_t)list_count(&c->captures)));
	command_put(o, "presenters", presenters_json(c));
	command_put(o, "draining", json_boolean(c->draining));
	command_put(o, "wire", wire_json(c->parts.wire));
	command_put(o, "audio", audio_json(c->parts.audio));
	command_put(o, "video", video_json(c->parts.video));
	command_put(o, "pool", pool_json(c->parts.pool));
	*out = o;
	return 0;
}
