/* SPDX-License-Identifier: GPL-3.0-or-later
 * Opus (RFC 6716, RFC 7587) ⟨libopus⟩, mono at 48 kHz.
 *
 * A lost frame is concealed twice: by libopus for the sake of its state, and for
 * the ear by pitch repetition, which was measured (a voice, one packet lost) to be
 * 4 dB nearer to the lost sound and, for a tone, not to drop by 7 dB at once. */
#include "codecs/audio_ops.h"

#include <errno.h>
#include <opus/opus.h>
#include <string.h>

enum {
	/* Fullband voice; more is not heard after mixing several of them. */
	OPUS_BITRATE = 40000,
	OPUS_BITRATE_MIN = 6000,
	/* Above 5 the gain is small and the cost is not (a speaker's encoder
	 * runs for each speaker). */
	OPUS_SERVER_COMPLEXITY = 5,
	/* Expected before the first report: some FEC from the first second. */
	OPUS_FIRST_LOSS = 3,
};

struct opus_enc {
	struct audio_encoder base;
	OpusEncoder *opus;
};

struct opus_dec {
	struct audio_decoder base;
	OpusDecoder *opus;
};

/* RFC 7587 6.1: sending wider than maxplaybackrate is waste. */
static int opus_bandwidth(uint32_t rate)
{
	if (!rate || rate > 24000)
		return OPUS_BANDWIDTH_FULLBAND;
	if (rate > 16000)
		return OPUS_BANDWIDTH_SUPERWIDEBAND;
	if (rate > 12000)
		return OPUS_BANDWIDTH_WIDEBAND;
	return rate > 8000 ? OPUS_BANDWIDTH_MEDIUMBAND : OPUS_BANDWIDTH_NARROWBAND;
}

static int opus_enc_init(struct audio_encoder *base, uint32_t bitrate)
{
	struct opus_enc *self = (struct opus_enc *)base;
	const struct opus_format *f = &base->format.opus;
	uint32_t rate = OPUS_BITRATE;
	int rc;

	self->opus = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &rc);
	if (!self->opus)
		return rc == OPUS_ALLOC_FAIL ? -ENOMEM : -ENOTSUP;
	if (bitrate && bitrate < rate)
		rate = bitrate;
	if (f->max_average_bitrate && f->max_average_bitrate < rate)
		rate = f->max_average_bitrate;
	if (rate < OPUS_BITRATE_MIN)
		rate = OPUS_BITRATE_MIN;
	if (opus_encoder_ctl(self->opus, OPUS_SET_BITRATE((opus_int32)rate)) ||
	    opus_encoder_ctl(self->opus, OPUS_SET_COMPLEXITY(OPUS_SERVER_COMPLEXITY)) ||
	    opus_encoder_ctl(self->opus, OPUS_SET_VBR(!f->cbr)) ||
	    opus_encoder_ctl(self->opus, OPUS_SET_DTX(f->usedtx)) ||
	    opus_encoder_ctl(self->opus, OPUS_SET_INBAND_FEC(f->useinbandfec)) ||
	    opus_encoder_ctl(self->opus, OPUS_SET_PACKET_LOSS_PERC(f->useinbandfec ?
								   OPUS_FIRST_LOSS : 0)) ||
	    opus_encoder_ctl(self->opus, OPUS_SET_MAX_BANDWIDTH(
					 opus_bandwidth(f->max_playback_rate))))
		return -ENOTSUP;
	return 0;
}

/* The state is one piece of memory and may be copied (opus.h). */
static int opus_enc_fork(struct audio_encoder *base, const struct audio_encoder *from)
{
	struct opus_enc *self = (struct opus_enc *)base;
	int rc;

	self->opus = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &rc);
	if (!self->opus)
		return -ENOMEM;
	memcpy(self->opus, ((const struct opus_enc *)from)->opus,
	       (size_t)opus_encoder_get_size(1));
	return 0;
}

static int opus_enc_encode(struct audio_encoder *base, const int16_t *pcm, size_t samples,
			   uint8_t *buf, size_t cap)
{
	struct opus_enc *self = (struct opus_enc *)base;
	int n;

	/* Opus has frames of 10, 20, 40 and 60 ms, not of 30 and 50. */
	if (samples != 480 && samples != 960 && samples != 1920 && samples != 2880)
		return -EINVAL;
	n = opus_encode(self->opus, pcm, (int)samples, buf,
			cap > AUDIO_MAX_BYTES ? AUDIO_MAX_BYTES : (opus_int32)cap);
	if (n == OPUS_BUFFER_TOO_SMALL || n == OPUS_BAD_ARG)
		return -ENOSPC;
	if (n < 0)
		return -EIO;
	/* opus_encode(3): two bytes or less need not be sent (DTX). */
	return base->format.opus.usedtx && n <= 2 ? 0 : n;
}

static void opus_enc_loss(struct audio_encoder *base, int percent)
{
	struct opus_enc *self = (struct opus_enc *)base;

	if (base->format.opus.useinbandfec)
		(void)opus_encoder_ctl(self->opus, OPUS_SET_PACKET_LOSS_PERC(percent));
}

static void opus_enc_fini(struct audio_encoder *base)
{
	struct opus_enc *self = (struct opus_enc *)base;

	if (self->opus)
		opus_encoder_destroy(self->opus);
}

static int opus_dec_init(struct audio_decoder *base)
{
	struct opus_dec *self = (struct opus_dec *)base;
	int rc;

	self->opus = opus_decoder_create(48000, 1, &rc);
	if (!self->opus)
		return rc == OPUS_ALLOC_FAIL ? -ENOMEM : -ENOTSUP;
	return 0;
}

static int opus_dec_packet_samples(const struct audio_decoder *base, const uint8_t *data,
				   size_t len)
{
	int n;

	(void)base;
	n = opus_packet_get_nb_samples(data, (opus_int32)len, 48000);
	return n > 0 ? n : -EBADMSG;
}

static int opus_dec_decode(struct audio_decoder *base, const uint8_t *data, size_t len,
			   int16_t *pcm, size_t cap)
{
	struct opus_dec *self = (struct opus_dec *)base;
	int n = opus_decode(self->opus, data, (opus_int32)len, pcm,
			    cap > AUDIO_MAX_SAMPLES ? AUDIO_MAX_SAMPLES : (int)cap, 0);

	if (n < 0)
		return -EBADMSG;
	base->silent = len <= 2;
	return n;
}

/* True when the packet carries its predecessor's frame at a low rate (LBRR). Asked
 * for one that is not there, libopus is worse than its own concealment. RFC 6716
 * 4.2.3: the SILK layer begins with a VAD bit for each 20 ms and then that flag,
 * all of even odds, so that they are the first bits as they stand. */
static bool opus_has_fec(const uint8_t *data, size_t len)
{
	const unsigned char *frame[48];
	opus_int16 size[48];
	int ms20, n = opus_packet_parse(data, (opus_int32)len, NULL, frame, size, NULL);

	if (n <= 0 || size[0] <= 0 || data[0] & 0x80) /* 3.1: CELT only */
		return false;
	ms20 = opus_packet_get_samples_per_frame(data, 48000) / 960;
	return frame[0][0] >> (7 - (ms20 ? ms20 : 1)) & 1;
}

/* One frame of SILK (RFC 6716 4.2.3): a channel has a VAD bit for each 20 ms, then
 * the LBRR flag; with stereo the side follows the middle. */
static bool opus_frame_quiet(const unsigned char *frame, opus_int16 size, int vads, bool stereo)
{
	unsigned side = (unsigned)vads + 1, all = (1u << vads) - 1;
	unsigned mask = all << (8 - vads);

	if (size <= 0)
		return true;
	if (stereo)
		mask |= all << (8 - vads) >> side;
	return !(frame[0] & mask);
}

/* CELT alone has nothing of the kind. */
static bool opus_dec_packet_quiet(const uint8_t *data, size_t len)
{
	const unsigned char *frame[48];
	opus_int16 size[48];
	int n = opus_packet_parse(data, (opus_int32)len, NULL, frame, size, NULL), vads;

	if (n <= 0)
		return false;
	if (len <= 2)
		return true;
	if (data[0] & 0x80)
		return false;
	vads = opus_packet_get_samples_per_frame(data, 48000) / 960;
	for (int i = 0; i < n; i++)
		if (!opus_frame_quiet(frame[i], size[i], vads ? vads : 1, data[0] & 4))
			return false;
	return true;
}

/* libopus conceals whole multiples of 2.5 ms. */
enum { OPUS_STEP = 120 };

static int opus_dec_conceal(struct audio_decoder *base, const uint8_t *next, size_t next_len,
			    int16_t *pcm, size_t samples)
{
	struct opus_dec *self = (struct opus_dec *)base;
	size_t whole = samples / OPUS_STEP * OPUS_STEP;
	int n = 0;

	if (next_len && whole && opus_has_fec(next, next_len))
		n = opus_decode(self->opus, next, (opus_int32)next_len, pcm, (int)whole, 1);
	/* After DTX it is comfort noise, and as good as it gets. */
	if (n > 0 || base->silent)
		base->made_up = false;
	if (n <= 0 && whole)
		n = opus_decode(self->opus, NULL, 0, pcm, (int)whole, 0);
	if (n < 0)
		return -EIO;
	if (whole < samples) { /* an odd rest: the beginning of one step more */
		int16_t step[OPUS_STEP];

		if (opus_decode(self->opus, NULL, 0, step, OPUS_STEP, 0) < 0)
			return -EIO;
		for (size_t i = whole; i < samples; i++)
			pcm[i] = step[i - whole];
	}
	return (int)samples;
}

static void opus_dec_fini(struct audio_decoder *base)
{
	struct opus_dec *self = (struct opus_dec *)base;

	if (self->opus)
		opus_decoder_destroy(self->opus);
}

const struct audio_ops audio_opus = {
	.enc_size = sizeof(struct opus_enc),
	.dec_size = sizeof(struct opus_dec),
	.needs_plc = true,
	.enc_init = opus_enc_init,
	.enc_fork = opus_enc_fork,
	.encode = opus_enc_encode,
	.loss = opus_enc_loss,
	.enc_fini = opus_enc_fini,
	.dec_init = opus_dec_init,
	.decode = opus_dec_decode,
	.conceal = opus_dec_conceal,
	.packet_samples = opus_dec_packet_samples,
	.packet_quiet = opus_dec_packet_quiet,
	.dec_fini = opus_dec_fini,
};
