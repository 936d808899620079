/* SPDX-License-Identifier: GPL-3.0-or-later
 * Video of the meeting: sources (decoders) and views (composed pictures with
 * their encoders), each an actor on the pool.
 *
 * Handles belong to the control thread; setters are messages to the actor. */
#ifndef BALAI_MCU_MP_VIDEO_H
#define BALAI_MCU_MP_VIDEO_H

#include "base/pool.h"
#include "codecs/video.h"
#include "mcu/mp/label.h"
#include "rtp/wire.h"

struct video_engine;
struct source;
struct view;
struct sink;

int video_engine_new(struct video_engine **out, struct wire *wire, struct pool *pool);
struct video_engine *video_engine_free(struct video_engine *self);

struct video_engine_stats {
	uint32_t sources, views, encoders, sinks;
	uint32_t sources_kept;         /* decoded unseen: they have not answered so far */
	uint64_t probes;               /* unseen sources asked whether they answer */
	uint32_t encoders_fast;        /* that spare effort, being many */
	uint64_t turned;               /* pictures of cameras that are held askew */
	uint64_t decoded, decodes_skipped, composed, tiles_painted, tiles_unchanged;
	uint64_t tiles_missed;         /* pictures that came and went between two ticks */
	uint64_t canvas_copies;        /* an encoder still had the canvas before */
	uint64_t encoded, keys, keys_coalesced;
	uint64_t frames_sent;          /* one for each sink: more than encoded where shared */
	uint64_t frames_skipped;       /* by encoders that did not keep up */
	uint64_t ticks_skipped;        /* by views that did not keep up */
	uint32_t overload;             /* 0: no; 1..4: pictures are fewer and smaller */
	uint32_t views_small;          /* views whose pictures are made smaller now */
	int64_t decode_us, scale_us, compose_us, encode_us;
	int64_t encode_wait_us;        /* from a view's tick to its encoders' beginning */
	uint64_t late[8]; /* of view ticks, as in pool_stats */
	struct picture_stats pictures;
	struct label_maker_stats labels;
};
/* Control thread. Is the machine overloaded even with as few and small pictures as
 * can be? No further call then. */
bool video_engine_full(struct video_engine *self);
void video_engine_stats(const struct video_engine *self, struct video_engine_stats *out);

/* The label, see label_get. Control thread. */
struct label *video_label(struct video_engine *self, const struct label_spec *spec);

/* ---- source: one participant's stream, decoded while a view shows it ------- */

/* On a worker; handlers only post. */
struct source_events {
	/* The first picture, and each change of size. */
	void (*picture)(void *arg, int width, int height);
	/* After source_drop, once: nothing is called after it, `arg` may go. */
	void (*released)(void *arg);
};

/* Holds the stream (NULL: fed by source_put only, for tests and pictures). */
int source_new(struct source **out, struct video_engine *engine, struct stream *stream,
	       const struct source_events *events, void *arg);
/* A frame from the wire; takes over the reference. The stream's `frame` event
 * calls it. Any thread. */
void source_put(struct source *self, struct coded *frame);
/* Video comes (true) or is on hold (false: the last picture is let go, the tile
 * is not shown by views). */
void source_set_live(struct source *self, bool live);
/* Delays pictures so that sound and picture agree; 0..200000 us. Any thread. */
void source_set_delay(struct source *self, int64_t delay_us);
struct source *source_drop(struct source *self);

/* ---- view: one composed picture --------------------------------------------- */

enum { VIEW_MAX_TILES = 25 };

enum fit {
	FIT_LETTERBOX,
	FIT_CROP,
	FIT_WHOLE, /* as letterbox, and not even a line is cut off */
};

/* What a tile has where it shows no picture. */
enum ground {
	GROUND_BLACK,
	GROUND_CARD,  /* somebody is there who has none: grey, apart from the neighbours */
	GROUND_NONE,  /* what lies below, under its label */
};

struct view_tile {
	struct source *source; /* borrowed by view_set_scene, which holds it; NULL: empty */
	uint16_t x, y, w, h;   /* even, inside the canvas */
	enum fit fit;
	bool border;           /* of who speaks */
	struct label *label;   /* as the source; NULL: none */
	enum ground ground;
};

struct view_scene {
	uint32_t n;
	struct view_tile tile[VIEW_MAX_TILES]; /* later ones are painted over earlier */
};

int view_new(struct view **out, struct video_engine *engine, int width, int height,
	     unsigned fps);
void view_set_scene(struct view *self, const struct view_scene *scene);
/* Its sinks must be dropped first. */
struct view *view_drop(struct view *self);

/* A stream that receives the view. Sinks of one view whose parameters agree
 * share an encoder. Begins with a key frame. Holds the stream. */
int sink_new(struct sink **out, struct view *view, struct stream *stream,
	     const struct video_params *params);
/* Changes rate, size or format; moves to another encoder when needed. */
void sink_set(struct sink *self, const struct video_params *params);
/* Moves to another view of the engine without a gap or a new handle. */
void sink_move(struct sink *self, struct view *view);
/* A key frame is wanted; at most one per encoder in 500 ms, later ones wait for
 * that. Any thread that holds it. */
void sink_request_key(struct sink *self);
struct sink *sink_drop(struct sink *self);

#endif
