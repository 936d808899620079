/* SPDX-License-Identifier: GPL-3.0-or-later
 * Everything of a bridge but its signalling, for tests of what operators do.
 * Its sockets stay unopened and its threads idle. */
#ifndef BALAI_TESTS_UNIT_SMALL_BRIDGE_H
#define BALAI_TESTS_UNIT_SMALL_BRIDGE_H

#include "base/log.h"
#include "base/ref.h"
#include "mcu/mc/command.h"

#include <stdio.h>

struct small_bridge {
	struct loop *loop;
	struct wire *wire;
	struct pool *pool;
	struct audio_engine *audio;
	struct video_engine *video;
	struct config *config;
	struct controller *controller;
	struct command_context context;
};

/* `file`: a configuration, NULL the built-in one. */
static inline int small_bridge_start(struct small_bridge *b, const char *file)
{
	const struct wire_config wire = { 0 };
	int err;

	*b = (struct small_bridge){ 0 };
	log_set_level(LOG_LEVEL_ERROR);
	err = config_load(&b->config, file, stderr);
	if (!err)
		err = loop_new(&b->loop);
	if (!err)
		err = wire_new(&b->wire, &wire);
	if (!err)
		err = pool_new(&b->pool, "pool", 1);
	if (!err)
		err = audio_engine_new(&b->audio, b->wire, 1);
	if (!err)
		err = video_engine_new(&b->video, b->wire, b->pool);
	if (!err)
		err = controller_new(&b->controller, &(struct controller_parts){
			b->loop, b->wire, b->pool, b->audio, b->video, NULL, NULL }, b->config);
	b->context = (struct command_context){ .controller = b->controller, .fd = -1 };
	return err;
}

static inline void small_bridge_stop(struct small_bridge *b)
{
	controller_free(b->controller);
	wire_stop(b->wire);
	video_engine_free(b->video);
	audio_engine_free(b->audio);
	pool_free(b->pool);
	wire_drop(b->wire);
	loop_free(b->loop);
	ref_drop(b->config);
}

#endif
