/* SPDX-License-Identifier: GPL-3.0-or-later
 * What we encode ffmpeg decodes, and the other way round. ffmpeg is a test
 * dependency: without it this fails. */
#include "tests/unit/cmocka_head.h"

#include "codecs/audio.h"
#include "tests/unit/ogg.h"
#include "tests/unit/tone.h"

#include <string.h>
#include <unistd.h>

enum { TONE = 1004, SECONDS = 2 };

struct row {
	struct codec_format format;
	const char *ff;      /* options that name the bare format, as input and output */
	const char *encoder; /* ffmpeg's, NULL: it has none */
	double snr;
};

static const struct row rows[] = {
	{ { .id = CODEC_PCMU, .clock_rate = 8000, .channels = 1 },
	  "-f mulaw", "-c:a pcm_mulaw", 35 },
	{ { .id = CODEC_PCMA, .clock_rate = 8000, .channels = 1 },
	  "-f alaw", "-c:a pcm_alaw", 35 },
	{ { .id = CODEC_G722, .clock_rate = 8000, .channels = 1 },
	  "-f g722", "-c:a g722", 40 },
	{ { .id = CODEC_L16, .clock_rate = 24000, .channels = 1 },
	  "-f s16be", "-c:a pcm_s16be", 60 },
	{ { .id = CODEC_G729, .clock_rate = 8000, .channels = 1, .g729 = { .annexb_no = true } },
	  "-f g729", NULL, 15 },
	{ { .id = CODEC_OPUS, .clock_rate = 48000, .channels = 2, .opus = { .useinbandfec = true } },
	  "-f ogg", "-c:a libopus -b:a 48k", 28 },
};

static char dir[] = "/tmp/balai-audio-XXXXXX";
static int16_t in[48000 * SECONDS], out[48000 * (SECONDS + 1)];

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *fmt, ...)
{
	char args[600], line[800];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(args, sizeof(args), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "cd %s && timeout 60 ffmpeg -nostdin -v error -y %s", dir, args);
	if (system(line) != 0)
		fail_msg("%s", line);
}

static FILE *file(const char *name, const char *mode)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, mode);
	assert_non_null(f);
	return f;
}

static const char *rate_args(const struct row *r)
{
	static char text[40];

	/* Raw formats that imply their rate refuse to be told. */
	if (r->format.id == CODEC_OPUS || r->format.id == CODEC_G722 || r->format.id == CODEC_G729)
		return "";
	snprintf(text, sizeof(text), "-ar %u -ac 1", audio_rate(&r->format));
	return text;
}

static void judge(const struct row *r, const char *way, size_t n)
{
	uint32_t rate = audio_rate(&r->format);
	double snr, a;

	assert_true(n > rate * SECONDS * 9 / 10);
	/* The second half second: settled, and before any padding at the end. */
	snr = tone_snr(out + rate / 2, rate / 2, TONE, rate);
	a = tone_find(out + rate / 2, rate / 2, TONE, rate, NULL);
	print_message("%-4s %s: %.1f dB, amplitude %.0f\n", codec_name(r->format.id), way, snr, a);
	assert_true(snr > r->snr);
	assert_true(fabs(a / 10000 - 1) < 0.2);
}

static void test_we_encode(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		uint32_t rate = audio_rate(&r->format), page = 2;
		struct audio_encoder *enc;
		size_t n = rate * SECONDS, frame = rate / 50;
		FILE *f = file("ours", "w");
		uint8_t buf[2000];

		tone_make(in, n, 0, TONE, 10000, rate);
		assert_int_equal(audio_encoder_new(&enc, &r->format, 0), 0);
		if (r->format.id == CODEC_OPUS)
			ogg_write_heads(f);
		for (size_t k = 0; k < n; k += frame) {
			int len = audio_encode(enc, in + k, frame, buf, sizeof(buf));

			assert_true(len > 0);
			if (r->format.id == CODEC_OPUS)
				ogg_write(f, page++, k + frame == n ? 4 : 0, k + frame, buf,
					  (size_t)len);
			else
				fwrite(buf, 1, (size_t)len, f);
		}
		fclose(f);
		audio_encoder_free(enc);
		run("%s %s -i ours -f s16le -ar %u -ac 1 back", r->ff, rate_args(r), rate);
		f = file("back", "r");
		n = fread(out, 2, sizeof(out) / 2, f);
		fclose(f);
		judge(r, "ours by ffmpeg", n);
	}
}

static void test_we_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		uint32_t rate = audio_rate(&r->format);
		struct audio_decoder *dec;
		struct ogg_reader ogg = { 0 };
		size_t n = rate * SECONDS, made = 0, skip = 2;
		uint8_t buf[1500];
		int len;
		FILE *f;

		if (!r->encoder)
			continue;
		tone_make(in, n, 0, TONE, 10000, rate);
		f = file("pcm", "w");
		fwrite(in, 2, n, f);
		fclose(f);
		run("-f s16le -ar %u -ac 1 -i pcm %s %s theirs", rate, r->encoder, r->ff);
		f = file("theirs", "r");
		ogg.f = f;
		assert_int_equal(audio_decoder_new(&dec, &r->format), 0);
		for (;;) {
			if (r->format.id == CODEC_OPUS)
				len = ogg_read(&ogg, buf, sizeof(buf));
			else
				len = (int)fread(buf, 1, r->format.id == CODEC_L16 ? 960 : 160, f);
			if (len <= 0)
				break;
			if (r->format.id == CODEC_OPUS && skip) { /* its two headers */
				skip--;
				continue;
			}
			len = audio_decode(dec, buf, (size_t)len, out + made,
					   sizeof(out) / 2 - made);
			assert_true(len > 0);
			made += (size_t)len;
		}
		fclose(f);
		audio_decoder_free(dec);
		judge(r, "ffmpeg's by us", made);
	}
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = { "ours", "back", "pcm", "theirs" };
	char path[100];

	(void)state;
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_we_encode),
		cmocka_unit_test(test_we_decode),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
