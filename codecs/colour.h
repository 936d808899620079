/* SPDX-License-Identifier: GPL-3.0-or-later
 * Conversion between the colour spaces of 4:2:0 pictures. Room-internal. */
#ifndef BALAI_CODECS_COLOUR_H
#define BALAI_CODECS_COLOUR_H

#include "codecs/picture.h"

/* Converts the samples of `self`, which nobody else sees yet, to limited range
 * of the given matrix, in place. Nothing is done when it is so already. */
void picture_recolour(struct picture *self, enum colour to);

#endif
