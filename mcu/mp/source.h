/* SPDX-License-Identifier: GPL-3.0-or-later
 * What views need of a source, beside video.h. */
#ifndef BALAI_MCU_MP_SOURCE_H
#define BALAI_MCU_MP_SOURCE_H

#include "mcu/mp/video.h"

/* The picture to show now (new reference), NULL when there is none or the
 * source is not live. `serial` grows with each picture. Any thread that holds
 * the source, after source_drop too. */
struct picture *source_picture(struct source *self, uint64_t *serial);

/* One more view, or one less, shows it. Control thread; after source_drop it
 * does nothing. */
void source_watch(struct source *self, bool on);

#endif
