/* SPDX-License-Identifier: GPL-3.0-or-later
 * Is there room for one more call? What the machine carries is measured, not
 * counted: it is full when pictures are late though they are as few and small as
 * can be, when sound is late, or when memory comes to its end. Control thread. */
#ifndef BALAI_MCU_MC_LOAD_H
#define BALAI_MCU_MC_LOAD_H

#include "base/loop.h"
#include "mcu/mp/mixer.h"
#include "mcu/mp/video.h"

struct load;

/* Looks once a second. Borrows all. -ENOMEM. */
int load_new(struct load **out, struct loop *loop, struct audio_engine *audio,
	     struct video_engine *video);
struct load *load_free(struct load *self);
/* For controller_parts; `arg` is the load. */
bool load_full(void *arg);

/* Of so many ticks of the sound in a second, so many began 20 ms late or more: are
 * they too many? Pure. */
bool load_sound_late(uint64_t ticks, uint64_t late);

#endif
