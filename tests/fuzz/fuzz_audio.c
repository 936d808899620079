/* SPDX-License-Identifier: GPL-3.0-or-later
 * Hostile audio packets: the first byte chooses the codec, then each packet has
 * a byte that says what is done and one for its length. */
#include "codecs/audio.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct codec_format formats[] = {
		{ .id = CODEC_PCMU, .clock_rate = 8000, .channels = 1 },
		{ .id = CODEC_PCMA, .clock_rate = 8000, .channels = 1 },
		{ .id = CODEC_G722, .clock_rate = 8000, .channels = 1 },
		{ .id = CODEC_OPUS, .clock_rate = 48000, .channels = 2 },
		{ .id = CODEC_L16, .clock_rate = 16000, .channels = 1 },
		{ .id = CODEC_L16, .clock_rate = 48000, .channels = 1 },
		{ .id = CODEC_G729, .clock_rate = 8000, .channels = 1 },
		{ .id = CODEC_CN, .clock_rate = 8000, .channels = 1 },
	};
	static int16_t pcm[AUDIO_MAX_SAMPLES];
	struct audio_decoder *dec;

	if (!size || audio_decoder_new(&dec, &formats[data[0] % 8]))
		return 0;
	data++;
	size--;
	while (size >= 2) {
		size_t len = (size_t)data[1] * (data[0] & 0x80 ? 8 : 1);
		int n;

		if (len > size - 2)
			len = size - 2;
		switch (data[0] & 3) {
		case 0:
			n = audio_conceal(dec, data + 2, len, pcm, (size_t)(data[0] & 0x7c) * 8);
			break;
		case 1:
			n = audio_conceal(dec, NULL, 0, pcm, data[1]);
			len = 0;
			break;
		default:
			n = audio_decode(dec, data + 2, len, pcm, AUDIO_MAX_SAMPLES);
		}
		if (n > AUDIO_MAX_SAMPLES)
			abort();
		(void)audio_level(pcm, n > 0 ? (size_t)n : 1);
		data += 2 + len;
		size -= 2 + len;
	}
	audio_decoder_free(dec);
	return 0;
}
