/* SPDX-License-Identifier: GPL-3.0-or-later
 * Every audio codec: a tone through it, hostile packets, concealment, FEC,
 * comfort noise; and the resampler. */
#include "tests/unit/cmocka_head.h"

#include "codecs/audio.h"
#include "tests/unit/tone.h"

#include <errno.h>
#include <string.h>

static const struct codec_format formats[] = {
	{ .id = CODEC_PCMU, .clock_rate = 8000, .channels = 1 },
	{ .id = CODEC_PCMA, .clock_rate = 8000, .channels = 1 },
	{ .id = CODEC_G722, .clock_rate = 8000, .channels = 1 },
	{ .id = CODEC_OPUS, .clock_rate = 48000, .channels = 2, .opus = { .useinbandfec = true } },
	{ .id = CODEC_OPUS, .clock_rate = 48000, .channels = 2, .opus = { .cbr = true } },
	{ .id = CODEC_L16, .clock_rate = 16000, .channels = 1 },
	{ .id = CODEC_L16, .clock_rate = 44100, .channels = 1 },
	{ .id = CODEC_G729, .clock_rate = 8000, .channels = 1, .g729 = { .annexb_no = true } },
	{ .id = CODEC_G729, .clock_rate = 8000, .channels = 1 },
};
enum { OPUS_FEC = 3, N_FORMATS = sizeof(formats) / sizeof(formats[0]) };

/* Telephony's 1 kHz, which is no whole fraction of a sampling rate. */
enum { TONE = 1004 };

/* What a codec must keep of a 1 kHz tone; G.729 is no codec for tones. */
static double snr_wanted(enum codec_id id)
{
	return id == CODEC_G729 ? 5 : id == CODEC_L16 ? 60 : id == CODEC_G722 ? 40 : 30;
}

/* Sends `n` samples through in frames of ms; returns the samples that came out. */
static size_t through(const struct codec_format *format, const int16_t *in, size_t n,
		      unsigned ms, int16_t *out)
{
	struct audio_encoder *enc;
	struct audio_decoder *dec;
	size_t frame = audio_rate(format) * ms / 1000, made = 0;
	uint8_t buf[8192];

	assert_int_equal(audio_encoder_new(&enc, format, 0), 0);
	assert_int_equal(audio_decoder_new(&dec, format), 0);
	for (size_t i = 0; i + frame <= n; i += frame) {
		int len = audio_encode(enc, in + i, frame, buf, sizeof(buf)), got;

		assert_true(len >= 0);
		if (len == 0) { /* no codec sees silence here, G.729's own detector may */
			assert_int_equal(format->id, CODEC_G729);
			got = audio_conceal(dec, NULL, 0, out + made, frame);
		} else {
			assert_int_equal(audio_encoder_skipped(enc), 0);
			got = audio_decode(dec, buf, (size_t)len, out + made, frame);
		}
		assert_int_equal(got, frame);
		made += (size_t)got;
	}
	audio_encoder_free(enc);
	audio_decoder_free(dec);
	return made;
}

static void test_tone(void **state)
{
	static const unsigned times[] = { 10, 20, 30, 40, 60 };
	static int16_t in[48000], out[48000];

	(void)state;
	for (int f = 0; f < N_FORMATS; f++) {
		uint32_t rate = audio_rate(&formats[f]);

		tone_make(in, rate, 0, TONE, 10000, rate);
		for (int t = 0; t < 5; t++) {
			size_t n, from = rate / 4;
			double snr;

			if (formats[f].id == CODEC_OPUS && times[t] == 30)
				continue;
			if (formats[f].id == CODEC_L16 && rate * times[t] / 500 > AUDIO_MAX_BYTES)
				continue; /* more than a packet holds */
			n = through(&formats[f], in, rate, times[t], out);
			snr = tone_snr(out + from, n - from, TONE, rate);
			print_message("%-4s %5u Hz %2u ms: %.1f dB\n", codec_name(formats[f].id),
				      rate, times[t], snr);
			assert_true(snr > snr_wanted(formats[f].id));
			assert_true(fabs(tone_find(out + from, n - from, TONE, rate, NULL) /
					 10000 - 1) < 0.2);
		}
	}
}

static void test_refused(void **state)
{
	static const struct codec_format bad[] = {
		{ .id = CODEC_H264, .clock_rate = 90000 },
		{ .id = CODEC_TELEPHONE_EVENT, .clock_rate = 8000 },
		{ .id = CODEC_NONE },
		{ .id = CODEC_L16, .clock_rate = 0, .channels = 1 },
		{ .id = CODEC_L16, .clock_rate = 8001, .channels = 1 },
		{ .id = CODEC_L16, .clock_rate = 4000000000u, .channels = 1 },
		{ .id = CODEC_L16, .clock_rate = 44100, .channels = 2 },
	};
	struct audio_encoder *enc = NULL;
	struct audio_decoder *dec = NULL;
	int16_t pcm[960] = { 0 };
	uint8_t buf[100];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(audio_encoder_new(&enc, &bad[i], 0), -ENOTSUP);
		assert_int_equal(audio_decoder_new(&dec, &bad[i]), -ENOTSUP);
	}
	assert_null(enc);
	assert_null(dec);
	for (int f = 0; f < N_FORMATS; f++) {
		assert_int_equal(audio_encoder_new(&enc, &formats[f], 0), 0);
		assert_int_equal(audio_encode(enc, pcm, 0, buf, sizeof(buf)), -EINVAL);
		assert_int_equal(audio_encode(enc, pcm, 100000, buf, sizeof(buf)), -EINVAL);
		/* A buffer too small is told, not overrun. */
		if (formats[f].id != CODEC_OPUS)
			assert_int_equal(audio_encode(enc, pcm, audio_rate(&formats[f]) / 50,
						      buf, 5), -ENOSPC);
		audio_encoder_loss(enc, 1000);
		audio_encoder_loss(enc, -5);
		enc = audio_encoder_free(enc);
	}
}

static void test_packets(void **state)
{
	static const struct {
		enum codec_id id;
		size_t len;
		int samples;
	} row[] = {
		{ CODEC_PCMU, 160, 160 }, { CODEC_PCMU, 1, 1 }, { CODEC_PCMU, 0, -EBADMSG },
		{ CODEC_PCMU, 1500, 1500 }, { CODEC_PCMU, 1501, -EBADMSG },
		{ CODEC_G722, 160, 320 }, { CODEC_G722, 33, 66 },
		{ CODEC_L16, 320, 160 }, { CODEC_L16, 321, -EBADMSG }, { CODEC_L16, 1, -EBADMSG },
		{ CODEC_G729, 20, 160 }, { CODEC_G729, 12, 160 }, { CODEC_G729, 2, 80 },
		{ CODEC_G729, 11, -EBADMSG }, { CODEC_G729, 9, -EBADMSG },
		{ CODEC_G729, 1500, -EBADMSG }, /* 1.5 s */
		{ CODEC_CN, 1, 0 }, { CODEC_CN, 11, 0 }, { CODEC_CN, 1000, 0 },
		{ CODEC_CN, 0, -EBADMSG },
	};
	static int16_t pcm[AUDIO_MAX_SAMPLES];
	uint8_t data[1600] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct codec_format f = { .id = row[i].id, .clock_rate = 8000, .channels = 1 };
		struct audio_decoder *dec;
		int want = row[i].samples;

		assert_int_equal(audio_decoder_new(&dec, &f), 0);
		assert_int_equal(audio_packet_samples(dec, data, row[i].len), want);
		assert_int_equal(audio_decode(dec, data, row[i].len, pcm, AUDIO_MAX_SAMPLES), want);
		if (want > 1)
			assert_int_equal(audio_decode(dec, data, row[i].len, pcm,
						      (size_t)want - 1), -EBADMSG);
		audio_decoder_free(dec);
	}
}

static void test_opus_hostile(void **state)
{
	static const struct {
		uint8_t bytes[4];
		size_t len;
	} row[] = {
		{ { 0x03, 0x00 }, 2 },       /* code 3, no frames */
		{ { 0x03, 0xff }, 2 },       /* 63 frames: longer than 120 ms */
		{ { 0x03 }, 1 },             /* code 3, count missing */
		{ { 0x01, 1, 2 }, 3 },       /* code 1, two unequal halves: 2 bytes is fine */
		{ { 0x02, 0xff }, 2 },       /* code 2, length missing */
	};
	static int16_t pcm[AUDIO_MAX_SAMPLES];
	struct audio_decoder *dec;

	(void)state;
	assert_int_equal(audio_decoder_new(&dec, &formats[3]), 0);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int n = audio_decode(dec, row[i].bytes, row[i].len, pcm, AUDIO_MAX_SAMPLES);

		assert_true(n == -EBADMSG || i == 3);
		assert_int_equal(audio_conceal(dec, row[i].bytes, row[i].len, pcm, 960), 960);
	}
	/* An odd number of samples, as after a change of clock. */
	assert_int_equal(audio_conceal(dec, NULL, 0, pcm, 77), 77);
	assert_int_equal(audio_conceal(dec, NULL, 0, pcm, 961), 961);
	assert_int_equal(audio_conceal(dec, NULL, 0, pcm, AUDIO_MAX_SAMPLES), AUDIO_MAX_SAMPLES);
	assert_int_equal(audio_conceal(dec, NULL, 0, pcm, AUDIO_MAX_SAMPLES + 1), -EINVAL);
	audio_decoder_free(dec);
}

/* ---- loss ----------------------------------------------------------------- */

struct lossy {
	const struct codec_format *format;
	const char *pattern; /* per 20 ms, from 500 ms on: x is lost */
	bool fec;
};

static size_t through_loss(const struct lossy *l, const int16_t *in, size_t n, int16_t *out)
{
	struct audio_encoder *enc;
	struct audio_decoder *dec;
	size_t frame = audio_rate(l->format) / 50, frames = n / frame, plen = strlen(l->pattern);
	static uint8_t buf[200][1500];
	static int len[200];

	assert_true(frames <= 200);
	assert_int_equal(audio_encoder_new(&enc, l->format, 0), 0);
	audio_encoder_loss(enc, 20);
	assert_int_equal(audio_decoder_new(&dec, l->format), 0);
	for (size_t i = 0; i < frames; i++)
		len[i] = audio_encode(enc, in + i * frame, frame, buf[i], sizeof(buf[i]));
	for (size_t i = 0; i < frames; i++) {
		bool lost = i >= 25 && i < 25 + plen && l->pattern[i - 25] == 'x';
		bool next = l->fec && lost && i + 1 < frames && l->pattern[i + 1 - 25] != 'x';
		int got;

		if (lost)
			got = audio_conceal(dec, next ? buf[i + 1] : NULL,
					    next ? (size_t)len[i + 1] : 0, out + i * frame, frame);
		else
			got = audio_decode(dec, buf[i], (size_t)len[i], out + i * frame, frame);
		assert_int_equal(got, frame);
	}
	audio_encoder_free(enc);
	audio_decoder_free(dec);
	return frames * frame;
}

/* One packet, and three in a row, out of a tone: no click, and the first 20 ms
 * are hardly weaker than before. */
static void test_conceal_tone(void **state)
{
	static const double tones[] = { 1000, 437, 210 };
	static const char *const patterns[] = { "x", "xxx", "x.x.x", "xxxxxxxxxx" };
	static int16_t in[96000], out[96000];

	(void)state;
	for (int f = 0; f < N_FORMATS; f++) {
		uint32_t rate = audio_rate(&formats[f]);
		size_t n = rate, frame = rate / 50, at = 25 * frame;
		bool own = formats[f].id == CODEC_OPUS;

		if (formats[f].id == CODEC_G729 || rate == 44100)
			continue;
		for (int t = 0; t < 3; t++) {
			for (int p = 0; p < 4; p++) {
				struct lossy l = { &formats[f], patterns[p], false };
				double slope = 2 * M_PI * tones[t] / rate * 10000;
				int step, pure;

				tone_make(in, n, 0, tones[t], 10000, rate);
				through_loss(&l, in, n, out);
				pure = tone_step(out + at - 4 * frame, 4 * frame);
				step = tone_step(out + at - 2, (strlen(l.pattern) + 4) * frame);
				print_message("%-4s %5u %4.0f Hz %-10s step %5d (%5d, %5.0f) rms %.2f\n",
					      codec_name(l.format->id), rate, tones[t], l.pattern,
					      step, pure, slope, tone_rms(out + at, frame) / 7071);
				/* libopus conceals in its own way: it fades sooner. */
				assert_true(step < (own ? 2 : 1.5) * pure + 600);
				assert_true(tone_rms(out + at, frame) > (own ? 0.35 : 0.9) * 7071);
				/* Sound again soon after. */
				assert_true(tone_rms(out + at + (strlen(l.pattern) + own) * frame,
						     frame) > 0.6 * 7071);
				/* After 200 ms next to nothing is left. */
				if (strlen(l.pattern) == 10)
					assert_true(tone_rms(out + at + 8 * frame, frame) < 700);
			}
		}
	}
}

/* No sound is made of silence, and none before the first packet. */
static void test_conceal_silence(void **state)
{
	(void)state;
	for (int f = 0; f < N_FORMATS; f++) {
		struct audio_decoder *dec;
		int16_t pcm[960];

		assert_int_equal(audio_decoder_new(&dec, &formats[f]), 0);
		for (int i = 0; i < 20; i++) {
			memset(pcm, 0x55, sizeof(pcm));
			assert_int_equal(audio_conceal(dec, NULL, 0, pcm, 160), 160);
			assert_true(tone_rms(pcm, 160) < 10);
		}
		audio_decoder_free(dec);
	}
}

static double difference(const int16_t *a, const int16_t *b, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)(a[i] - b[i]) * (a[i] - b[i]);
	return sum / (double)n;
}

/* With in-band FEC a lost packet is nearer to what was sent than without. */
static void test_fec(void **state)
{
	static int16_t in[96000], whole[96000], fec[96000], plain[96000];
	const char *pattern = "x...x....x...x..x....x...x...x....x";
	struct lossy l = { &formats[3], "", false };
	double lost_plain = 0, lost_fec = 0;

	(void)state;
	voice_make(in, 96000, 48000, 3);
	through_loss(&l, in, 96000, whole);
	l.pattern = pattern;
	through_loss(&l, in, 96000, plain);
	l.fec = true;
	through_loss(&l, in, 96000, fec);
	for (size_t i = 0; pattern[i]; i++) {
		size_t at = (25 + i) * 960;

		if (pattern[i] != 'x')
			continue;
		lost_plain += difference(whole + at, plain + at, 960);
		lost_fec += difference(whole + at, fec + at, 960);
	}
	print_message("error power: concealed %.0f, recovered %.0f\n", lost_plain, lost_fec);
	assert_true(lost_plain > 0);
	assert_true(lost_fec < lost_plain / 4);
}

/* ---- silence -------------------------------------------------------------- */

/* G.729 annex B: silence is described, then not sent; a decoder goes on with
 * noise. With annexb=no every frame is a frame. */
static void test_g729_silence(void **state)
{
	static int16_t voice[16000];
	int16_t pcm[160] = { 0 }, out[160];

	(void)state;
	voice_make(voice, 16000, 8000, 1);
	for (int no = 0; no < 2; no++) {
		struct codec_format f = { .id = CODEC_G729, .clock_rate = 8000, .channels = 1,
					  .g729 = { .annexb_no = no } };
		unsigned speech = 0, sid = 0, nothing = 0;
		struct audio_encoder *enc;
		struct audio_decoder *dec;
		uint8_t buf[64];

		assert_int_equal(audio_encoder_new(&enc, &f, 0), 0);
		assert_int_equal(audio_decoder_new(&dec, &f), 0);
		for (size_t i = 0; i < 300; i++) {
			bool talk = i < 100 || i > 250;
			int len = audio_encode(enc, talk ? voice + i % 100 * 160 : pcm, 160, buf,
					       sizeof(buf));

			assert_true(len >= 0);
			if (len == 0) {
				nothing++;
				audio_conceal(dec, NULL, 0, out, 160);
				assert_true(tone_rms(out, 160) < 200);
				continue;
			}
			sid += len % 10 == 2;
			speech += len % 10 == 0;
			/* A packet that begins late says so. */
			if (audio_encoder_skipped(enc))
				assert_int_equal(audio_packet_samples(dec, buf, (size_t)len) +
						 (int)audio_encoder_skipped(enc), 160);
			assert_true(audio_decode(dec, buf, (size_t)len, out, 160) > 0);
			assert_int_equal(audio_decoder_silent(dec), len % 10 == 2);
		}
		print_message("annexb %s: %u speech, %u sid, %u not sent\n", no ? "no" : "yes",
			      speech, sid, nothing);
		if (no) {
			assert_int_equal(speech, 300);
		} else {
			assert_true(sid >= 1 && sid < 60);
			assert_true(nothing > 80);
			assert_true(speech > 50);
		}
		audio_encoder_free(enc);
		audio_decoder_free(dec);
	}
}

static void test_opus_dtx(void **state)
{
	struct codec_format f = { .id = CODEC_OPUS, .clock_rate = 48000, .channels = 2,
				  .opus = { .usedtx = true } };
	static int16_t voice[48000], silence[960];
	struct audio_encoder *enc;
	unsigned sent = 0, kept = 0;
	uint8_t buf[1500];

	(void)state;
	voice_make(voice, 48000, 48000, 2);
	assert_int_equal(audio_encoder_new(&enc, &f, 0), 0);
	for (size_t i = 0; i < 50; i++)
		sent += audio_encode(enc, voice + i * 960, 960, buf, sizeof(buf)) > 0;
	for (size_t i = 0; i < 150; i++)
		kept += audio_encode(enc, silence, 960, buf, sizeof(buf)) == 0;
	assert_true(sent > 40);
	assert_true(kept > 100);
	audio_encoder_free(enc);
}

/* What peers report changes the expected loss from second to second, and at a low
 * rate with it the mode (SILK or hybrid): a tone must not hear any of it. A fork
 * goes on as if nothing had been. */
static void test_opus_loss_changes(void **state)
{
	static const uint32_t rates[] = { 0, 32000, 28000, 24000, 20000, 16000 };
	static const int losses[] = { 3, 5, 3, 10, 3, 20, 30, 3, 4, 15, 12, 3, 30, 0, 1 };
	enum { N = sizeof(losses) / sizeof(losses[0]), SECOND = 48000, HALF = SECOND / 2 };
	static int16_t in[N * SECOND], out[N * SECOND];
	unsigned modes = 0;

	(void)state;
	tone_make(in, N * SECOND, 0, 1000, 9830, SECOND);
	for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		struct audio_encoder *enc, *fork;
		struct audio_decoder *dec;
		double least = 99;
		uint8_t buf[1500], toc = 0;

		assert_int_equal(audio_encoder_new(&enc, &formats[OPUS_FEC], rates[r]), 0);
		assert_int_equal(audio_decoder_new(&dec, &formats[OPUS_FEC]), 0);
		for (size_t i = 0; i < N * 50; i++) {
			int len;

			if (i % 50 == 0)
				audio_encoder_loss(enc, losses[i / 50]);
			if (i % 70 == 0) {
				assert_int_equal(audio_encoder_fork(&fork, enc), 0);
				audio_encoder_free(enc);
				enc = fork;
			}
			len = audio_encode(enc, in + i * 960, 960, buf, sizeof(buf));
			assert_true(len > 0);
			modes += i > 0 && (toc ^ buf[0]) >> 3;
			toc = buf[0];
			assert_int_equal(audio_decode(dec, buf, (size_t)len, out + i * 960, 960),
					 960);
		}
		for (size_t k = SECOND; k < N * SECOND; k += HALF) {
			double snr = tone_snr(out + k, HALF, 1000, SECOND);

			if (snr < least)
				least = snr;
		}
		print_message("%5u bit/s: at least %.1f dB in half a second\n", rates[r], least);
		assert_true(least >= 25);
		audio_encoder_free(enc);
		audio_decoder_free(dec);
	}
	assert_true(modes > 4); /* else nothing was tried */
}

/* Background described, transmitted and made again: same level and colour. */
static void test_comfort_noise(void **state)
{
	struct codec_format f = { .id = CODEC_CN, .clock_rate = 8000, .channels = 1 };
	static const int levels[] = { 20, 40, 60, 70, 80 };
	static int16_t in[8000], out[8000];
	struct audio_encoder *enc;
	struct audio_decoder *dec;
	uint8_t buf[32];
	uint32_t random = 1;

	(void)state;
	for (int l = 0; l < 5; l++) {
		double rms = 32768 * pow(10, -levels[l] / 20.0), last = 0;
		int len, low_in = 0, low_out = 0;

		for (int i = 0; i < 8000; i++) { /* low-pass noise */
			random = random * 1664525u + 1013904223u;
			last = 0.9 * last + ((double)random / 2147483648.0 - 1);
			in[i] = (int16_t)lrint(last * rms * sqrt(3 * (1 - 0.81)));
		}
		assert_int_equal(audio_encoder_new(&enc, &f, 0), 0);
		assert_int_equal(audio_decoder_new(&dec, &f), 0);
		len = audio_encode(enc, in, 960, buf, sizeof(buf));
		assert_true(len == 9 || (levels[l] >= 75 && len == 1));
		assert_int_equal(audio_decode(dec, buf, (size_t)len, out, 8000), 0);
		assert_true(audio_decoder_silent(dec));
		assert_int_equal(audio_conceal(dec, NULL, 0, out, 2000), 2000);
		assert_int_equal(audio_conceal(dec, NULL, 0, out, 5000), 5000);
		assert_true(abs(audio_level(out, 5000) + levels[l]) <= 2);
		if (len == 1)
			goto next;
		/* Samples with the sign of the one before: the colour. */
		for (int i = 1; i < 5000; i++) {
			low_in += (in[i] > 0) == (in[i - 1] > 0);
			low_out += (out[i] > 0) == (out[i - 1] > 0);
		}
		assert_true(abs(low_in - low_out) < 600);
next:
		audio_encoder_free(enc);
		audio_decoder_free(dec);
	}
}

/* A filter on the edge of stability stays bounded, and 127 is silence. */
static void test_comfort_noise_hostile(void **state)
{
	struct codec_format f = { .id = CODEC_CN, .clock_rate = 8000, .channels = 1 };
	struct audio_decoder *dec;
	int16_t out[4000];
	uint8_t buf[64];

	(void)state;
	for (int v = 0; v < 256; v += 5) {
		assert_int_equal(audio_decoder_new(&dec, &f), 0);
		memset(buf, v, sizeof(buf));
		buf[0] = 20;
		audio_decode(dec, buf, sizeof(buf), out, 4000);
		audio_conceal(dec, NULL, 0, out, 4000);
		assert_true(tone_rms(out, 4000) < 20000);
		buf[0] = 127;
		audio_decode(dec, buf, 1, out, 4000);
		audio_conceal(dec, NULL, 0, out, 4000);
		audio_conceal(dec, NULL, 0, out, 4000);
		assert_true(tone_rms(out, 4000) < 2);
		audio_decoder_free(dec);
	}
}

static void test_level(void **state)
{
	static const double amplitude[] = { 32767, 10000, 1000, 30, 1 };
	int16_t pcm[4800];

	(void)state;
	for (int i = 0; i < 5; i++) {
		double want = 20 * log10(amplitude[i] / 32768 / sqrt(2));

		tone_make(pcm, 4800, 0, 1000, amplitude[i], 48000);
		assert_true(fabs(audio_level(pcm, 4800) - want) < 1.5);
	}
	memset(pcm, 0, sizeof(pcm));
	assert_int_equal(audio_level(pcm, 4800), -127);
	for (int i = 0; i < 4800; i++)
		pcm[i] = -32768;
	assert_int_equal(audio_level(pcm, 4800), 0);
}

/* ---- resampler ------------------------------------------------------------ */

static void test_resample(void **state)
{
	static const uint32_t rates[] = { 8000, 16000, 24000, 32000, 44100, 48000, 11025, 22050 };
	static int16_t in[48000], out[48100];

	(void)state;
	for (int a = 0; a < 8; a++) {
		for (int b = 0; b < 8; b++) {
			struct resampler *r;
			size_t n = rates[a], frame = 1, made = 0, from = rates[b] / 10;
			double snr, hz[] = { 300, 1000, 3000 };

			for (int t = 0; t < 3; t++) {
				tone_make(in, n, 0, hz[t], 10000, rates[a]);
				assert_int_equal(resampler_new(&r, rates[a], rates[b]), 0);
				made = 0;
				for (size_t i = 0; i < n; i += frame) {
					/* Pieces of odd sizes, never longer than cap says. */
					int got;

					frame = i % 977 + 1 < n - i ? i % 977 + 1 : n - i;
					got = resampler_run(r, in + i, frame, out + made,
							    frame * rates[b] / rates[a] + 1);
					assert_true(got >= 0);
					made += (size_t)got;
				}
				resampler_free(r);
				assert_int_equal(made, rates[b]);
				snr = tone_snr(out + from, made - from, hz[t], rates[b]);
				if (snr < 60)
					print_message("%u to %u, %.0f Hz: %.1f dB\n", rates[a],
						      rates[b], hz[t], snr);
				assert_true(snr > 60);
				assert_true(fabs(tone_find(out + from, made - from, hz[t],
							   rates[b], NULL) / 10000 - 1) < 0.02);
			}
		}
	}
}

/* What a lower rate cannot carry must not come back as something else. */
static void test_resample_alias(void **state)
{
	static int16_t in[48000], out[48000];
	static const double hz[] = { 4500, 5000, 7000, 12000, 20000 };

	(void)state;
	for (int t = 0; t < 5; t++) {
		struct resampler *r;
		int n;

		tone_make(in, 4800, 0, hz[t], 10000, 48000);
		assert_int_equal(resampler_new(&r, 48000, 8000), 0);
		n = resampler_run(r, in, 4800, out, 800);
		assert_int_equal(n, 800);
		assert_true(tone_rms(out + 100, 700) < 7071 * 0.002);
		assert_int_equal(resampler_run(r, in, 4800, out, 799), -ENOSPC);
		resampler_reset(r);
		memset(in, 0, 9600);
		assert_int_equal(resampler_run(r, in, 4800, out, 800), 800);
		assert_true(tone_rms(out, 800) < 1e-9);
		resampler_free(r);
	}
}

/* The delay is what the header says. */
static void test_resample_delay(void **state)
{
	static const uint32_t rate[][2] = { { 8000, 48000 }, { 48000, 8000 }, { 48000, 16000 },
					    { 16000, 48000 }, { 44100, 48000 }, { 48000, 48000 } };
	int16_t in[4800], out[48000];

	(void)state;
	for (int i = 0; i < 6; i++) {
		uint32_t low = rate[i][0] < rate[i][1] ? rate[i][0] : rate[i][1];
		struct resampler *r;
		int n, peak = 0;
		double us, want = rate[i][0] == rate[i][1] ? 0 : 16e6 / low;

		memset(in, 0, sizeof(in));
		for (int k = 960; k < 966; k++)
			in[k] = 20000;
		assert_int_equal(resampler_new(&r, rate[i][0], rate[i][1]), 0);
		n = resampler_run(r, in, 4800, out, 48000);
		for (int k = 0; k < n; k++)
			if (out[k] > out[peak])
				peak = k;
		us = peak * 1e6 / rate[i][1] - 962.5 * 1e6 / rate[i][0];
		assert_true(fabs(us - want) < 4e6 / low);
		resampler_free(r);
	}
	assert_int_equal(resampler_new(&(struct resampler *){ NULL }, 8001, 48000), -ENOTSUP);
	assert_int_equal(resampler_new(&(struct resampler *){ NULL }, 48000, 0), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tone),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_opus_hostile),
		cmocka_unit_test(test_conceal_tone),
		cmocka_unit_test(test_conceal_silence),
		cmocka_unit_test(test_fec),
		cmocka_unit_test(test_g729_silence),
		cmocka_unit_test(test_opus_dtx),
		cmocka_unit_test(test_opus_loss_changes),
		cmocka_unit_test(test_comfort_noise),
		cmocka_unit_test(test_comfort_noise_hostile),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_resample),
		cmocka_unit_test(test_resample_alias),
		cmocka_unit_test(test_resample_delay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
