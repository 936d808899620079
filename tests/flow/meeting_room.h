/* SPDX-License-Identifier: GPL-3.0-or-later
 * A whole meeting in one process, for flow tests: controller, mixer, views and wire
 * on one side, endpoints made of a second wire on the other. Signalling is a table
 * of functions that passes descriptions on, so no SDP and no SIP is involved. All
 * but what is said to be otherwise on the test's thread. */
#ifndef BALAI_TESTS_FLOW_MEETING_ROOM_H
#define BALAI_TESTS_FLOW_MEETING_ROOM_H

#include "tests/unit/cmocka_head.h"

#include "base/slot.h"
#include "codecs/audio.h"
#include "codecs/video.h"
#include "mcu/mc/command.h"
#include "mcu/mc/conference.h"

#include <stdatomic.h>

/* ---- the room under test ---------------------------------------------------------- */

struct room {
	struct loop *loop;
	struct wire *wire;   /* the bridge's */
	struct wire *far;    /* the endpoints' */
	struct pool *pool;
	struct audio_engine *audio;
	struct video_engine *video;
	struct config *config;
	struct controller *controller;
	bool done, full;
};

/* Setup and teardown; the latter ends everything and sees that nothing is left. */
int room_open(void **state);
int room_close(void **state);
void room_on_done(void *arg);
void room_step(struct room *r);
/* When a test gives up: long after what it waits for, however loaded the machine. */
int64_t patience(void);
/* True once in `period` us; *next begins as 0. */
bool due(int64_t *next, int64_t period);
/* An operator's command, which has to end with `want`. Takes over args. */
json_t *room_command(struct room *r, const char *name, json_t *args, int want);

/* ---- an endpoint -------------------------------------------------------------------- */

enum { LINE_SOUND, LINE_PICTURE, LINE_SLIDES, ENDPOINT_LINES };

/* One of its lines. */
struct endpoint_line {
	struct endpoint *endpoint;
	struct transport *transport;
	struct stream *stream;
	struct video_encoder *encoder;
	unsigned frames;          /* sent */
	atomic_int keys_wanted;   /* by RTCP */
	int keys_signalled;       /* asked for by signalling (RFC 5168) */
};

struct endpoint {
	struct room *room;
	struct call *call;
	struct media_desc *offer, *answer; /* its own, and the bridge's */
	struct endpoint_line line[ENDPOINT_LINES];
	atomic_int pictures, keys, released;
	int refused, retry_after;
	bool redirected;
	char redirect[256], warning[160];
	const char *agent;        /* User-Agent, NULL: none */
	char key_stream_id[72];   /* in the last request for a key frame */
	const char *local;        /* where signalling reached the bridge, NULL: 127.0.0.1 */
	uint32_t tick;            /* audio sent, in 20 ms */
	struct call *replaces;    /* whose place its call is to take */
	int referred;             /* last report of a transfer it asked for */
	unsigned offers;          /* new ones of the bridge, the last one in `answer` */
	struct video_decoder *decoder; /* io thread; NULL: it only counts */
	struct slot seen;         /* the last picture it saw */
};

/* The endpoint offers G.711 and, if asked, H.264; plain or by SDES. */
struct endpoint *endpoint_new(struct room *r, bool video, bool sdes);
/* … and slides beside both, labelled 12. */
void endpoint_add_slides(struct endpoint *e);
/* It decodes what it receives. Before endpoint_connect. */
void endpoint_watch(struct endpoint *e);
/* `offer` NULL: it waits for the bridge's. */
void endpoint_call(struct endpoint *e, const char *number, const struct media_desc *offer);
void endpoint_dial(struct endpoint *e, const char *number);
/* Answers the bridge's offer: G.711, not a word about video. */
void endpoint_answer(struct endpoint *e);
/* Takes the answer to the endpoint's wire. Lines offered with port 0 are left. */
void endpoint_connect(struct endpoint *e);
/* Offers again what stands in `offer`, and takes the answer as above. */
void endpoint_update(struct endpoint *e);
void endpoint_hang_up(struct endpoint *e);
void endpoint_free(struct endpoint *e);
/* One 20 ms packet of a tone (0 Hz: silence), G.711 µ-law. */
void endpoint_talk(struct endpoint *e, double hz);
/* A picture of one colour on a line, LINE_PICTURE or LINE_SLIDES; a key frame when
 * the bridge wants one. */
void endpoint_show_on(struct endpoint *e, unsigned line, uint8_t luma);
void endpoint_show(struct endpoint *e, uint8_t luma);
/* The luma of what it sees at a point; -1: nothing yet. */
int endpoint_sees(struct endpoint *e, int x, int y);
void endpoint_set_address(struct sockaddr_storage *out, uint16_t port);

/* What the endpoint hears now at a frequency: pulls packets, Goertzel. */
struct ear {
	struct audio_decoder *decoder;
	int16_t pcm[1600];
	unsigned n;
};

/* Once in 20 ms, as a phone does. */
void ear_listen(struct ear *ear, struct endpoint *e);
double ear_level(const struct ear *ear, double hz);

/* Runs the two until each hears the other's tone and not its own. */
void hear_each_other(struct endpoint *a, struct endpoint *b);
/* Runs until the endpoint has seen `more` pictures of the other. */
void see_more(struct endpoint *e, struct endpoint *other, int more);
/* Runs until its call has ended. */
void wait_for_end(struct room *r, const struct endpoint *e);

#endif
