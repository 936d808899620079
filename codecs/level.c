/* SPDX-License-Identifier: GPL-3.0-or-later
 * The level of a piece of sound. */
#include "codecs/audio.h"

#include <math.h>

int audio_level(const int16_t *pcm, size_t n)
{
	int64_t sum = 0;
	double rms;
	int db;

	for (size_t i = 0; i < n; i++)
		sum += (int32_t)pcm[i] * pcm[i];
	if (!sum)
		return -127;
	rms = sqrt((double)sum / (double)n) / 32768;
	db = (int)lrint(20 * log10(rms));
	return db > 0 ? 0 : db < -127 ? -127 : db;
}
