/* SPDX-License-Identifier: GPL-3.0-or-later
 * What is laid over a tile that was painted: its label, and the border of who
 * speaks. Pure. */
#ifndef BALAI_MCU_MP_OVERLAY_H
#define BALAI_MCU_MP_OVERLAY_H

#include "codecs/picture.h"
#include "mcu/mp/label.h"
#include "mcu/mp/layout.h"

/* Blends the label over the tile at (x, y), even; where it is clear the picture
 * stays as it is, where it is opaque it is the label. It has to lie inside. */
void overlay_label(struct picture *canvas, int x, int y, const struct label_image *label);

/* A frame along the inner edge of the tile. */
void overlay_border(struct picture *canvas, const struct rect *tile);

#endif
