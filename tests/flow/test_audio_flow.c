/* SPDX-License-Identifier: GPL-3.0-or-later
 * Sound through everything that is real: ffmpeg sends and receives RTP on
 * loopback, between are the wire, the audio engine and their threads. Three
 * phones with three codecs hear each other and not themselves. */
#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "mcu/mp/mixer.h"
#include "tests/unit/tone.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PHONES = 3, SECONDS = 6, RATE = 48000 };

struct phone {
	const char *name, *encoder, *map;
	struct stream_format format;
	double hz;
	struct transport *transport;
	struct stream *stream;
	struct mixer_leg *leg;
	uint16_t listen;         /* where its ffmpeg receives */
	pid_t sender, receiver;
};

static struct phone phone[PHONES] = {
	{ "pcma", "-ar 8000 -ac 1 -c:a pcm_alaw", "PCMA/8000",
	  { 8, { .id = CODEC_PCMA, .clock_rate = 8000, .channels = 1 } }, .hz = 440 },
	{ "g722", "-ar 16000 -ac 1 -c:a g722", "G722/8000",
	  { 9, { .id = CODEC_G722, .clock_rate = 8000, .channels = 1 } }, .hz = 610 },
	{ "opus", "-ar 48000 -ac 2 -c:a libopus -b:a 48k", "opus/48000/2",
	  { 96, { .id = CODEC_OPUS, .clock_rate = 48000, .channels = 2,
		  .opus = { .useinbandfec = true } } }, .hz = 1010 },
};

static char dir[] = "/tmp/balai-flow-XXXXXX";
static atomic_int released;

static void on_released(void *arg)
{
	(void)arg;
	atomic_fetch_add(&released, 1);
}

static const struct mixer_events mixer_events = { .released = on_released };
static const struct stream_events stream_events = { .released = on_released };
static const struct transport_events transport_events = { .released = on_released };

static pid_t spawn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static pid_t spawn(const char *fmt, ...)
{
	char line[700];
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	pid = fork();
	if (pid == 0) {
		if (chdir(dir) == 0)
			execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

/* An even port that was free a moment ago. */
static uint16_t free_port(void)
{
	for (int i = 0; i < 100; i++) {
		struct sockaddr_in a = { .sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		socklen_t len = sizeof(a);
		int fd = socket(AF_INET, SOCK_DGRAM, 0), ok;

		ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, len) == 0 &&
			getsockname(fd, (struct sockaddr *)&a, &len) == 0;
		close(fd);
		if (ok && ntohs(a.sin_port) % 2 == 0)
			return ntohs(a.sin_port);
	}
	fail_msg("no port");
	return 0;
}

static void phone_open(struct phone *p, struct wire *wire, struct mixer *mixer, uint32_t id)
{
	struct transport_params tp = { 0 };
	struct stream_params sp = { .kind = MEDIA_AUDIO, .send = true, .receive = true, .n_rx = 1,
				    .dtmf_tx_pt = -1, .cn_tx_pt = -1, .cname = "flow" };
	struct mixer_leg_params lp = { .n_rx = 1, .ptime_ms = 20, .receive = true, .send = true };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char name[40];
	FILE *f;

	p->listen = free_port();
	to.sin_port = htons(p->listen);
	memcpy(&tp.remote_rtp, &to, sizeof(to));
	to.sin_port = htons((uint16_t)(p->listen + 1));
	memcpy(&tp.remote_rtcp, &to, sizeof(to));
	sp.rx[0] = sp.tx = lp.rx[0] = lp.tx = p->format;
	assert_int_equal(transport_new(&p->transport, wire, "127.0.0.1", true, &transport_events,
				       NULL), 0);
	transport_set(p->transport, &tp);
	assert_int_equal(stream_new(&p->stream, p->transport, &stream_events, NULL), 0);
	stream_set(p->stream, &sp);
	assert_int_equal(mixer_leg_new(&p->leg, mixer, p->stream, id), 0);
	mixer_leg_set(p->leg, &lp);

	snprintf(name, sizeof(name), "%s/%s.sdp", dir, p->name);
	f = fopen(name, "w");
	assert_non_null(f);
	fprintf(f, "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
		"m=audio %u RTP/AVP %u\na=rtpmap:%u %s\n", p->listen, p->format.pt, p->format.pt,
		p->map);
	fclose(f);
	p->receiver = spawn("exec timeout 60 ffmpeg -nostdin -v error -protocol_whitelist file,udp,rtp "
			    "-i %s.sdp -t %d -f s16le -ar %d -ac 1 -y %s.raw", p->name, SECONDS,
			    RATE, p->name);
}

static void phone_speak(struct phone *p)
{
	p->sender = spawn("exec timeout 60 ffmpeg -nostdin -v error -re -f lavfi -i "
			  "sine=f=%.0f:r=48000:d=%d,volume=2 %s -f rtp -payload_type %u "
			  "rtp://127.0.0.1:%u > /dev/null", p->hz, SECONDS + 20, p->encoder, p->format.pt,
			  transport_local(p->transport)->rtp_port);
}

static void phone_close(struct phone *p)
{
	p->leg = mixer_leg_drop(p->leg);
	p->stream = stream_drop(p->stream);
	p->transport = transport_drop(p->transport);
}

/* What each heard in its best half second of the last three: whatever a busy
 * machine does to one moment, it does not make a tone that is not there. */
static void phone_judge(const struct phone *p)
{
	static int16_t pcm[RATE * (SECONDS + 1)];
	double level[PHONES] = { 0 };
	char name[40];
	size_t n;
	FILE *f;

	snprintf(name, sizeof(name), "%s/%s.raw", dir, p->name);
	f = fopen(name, "r");
	assert_non_null(f);
	n = fread(pcm, sizeof(*pcm), sizeof(pcm) / sizeof(*pcm), f);
	fclose(f);
	assert_true(n > 4 * RATE);
	for (int k = 0; k < PHONES; k++)
		for (size_t at = n - 3 * RATE; at + RATE / 2 <= n; at += RATE / 2) {
			double a = tone_find(pcm + at, RATE / 2, phone[k].hz, RATE, NULL);

			level[k] = a > level[k] ? a : level[k];
		}
	print_message("%s heard", p->name);
	for (int k = 0; k < PHONES; k++)
		print_message(" %s %.1f dB", phone[k].name, 20 * log10(level[k] / 32768 + 1e-9));
	print_message("\n");
	for (int k = 0; k < PHONES; k++) {
		if (&phone[k] == p)
			assert_true(level[k] < 8192 / 100.0); /* 40 dB below the others */
		else
			assert_true(level[k] > 8192 * 0.6 && level[k] < 8192 * 1.3);
	}
}

static void test_three_phones(void **state)
{
	struct wire_config config = { 0 };
	struct audio_engine *engine;
	struct audio_engine_stats stats;
	struct mixer *mixer;
	struct wire *wire;
	long live = ref_live();

	(void)state;
	assert_int_equal(wire_new(&wire, &config), 0);
	assert_int_equal(wire_start(wire), 0);
	assert_int_equal(audio_engine_new(&engine, wire, 2), 0);
	assert_int_equal(mixer_new(&mixer, engine, &mixer_events, NULL), 0);
	for (uint32_t i = 0; i < PHONES; i++)
		phone_open(&phone[i], wire, mixer, i + 1);
	for (int i = 0; i < PHONES; i++)
		phone_speak(&phone[i]);
	for (int i = 0; i < PHONES; i++) {
		int status;

		assert_true(waitpid(phone[i].receiver, &status, 0) == phone[i].receiver);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	audio_engine_stats(engine, &stats);
	assert_true(stats.decoded > 100);
	for (int i = 0; i < PHONES; i++) {
		assert_true(mixer_leg_level(phone[i].leg) > -40);
		/* It waited somewhere. For how long is the machine's doing here, and
		 * tested by a fake clock (test_jitter). */
		assert_true(mixer_leg_delay_us(phone[i].leg) > 0);
		kill(phone[i].sender, SIGTERM);
		waitpid(phone[i].sender, NULL, 0);
		phone_close(&phone[i]);
	}
	mixer_drop(mixer);
	audio_engine_free(engine);
	wire_stop(wire);
	wire_drop(wire);
	assert_int_equal(atomic_load(&released), 2 * PHONES + 1);
	assert_int_equal(ref_live(), live);
	for (int i = 0; i < PHONES; i++)
		phone_judge(&phone[i]);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < PHONES; i++) {
		char name[60];

		snprintf(name, sizeof(name), "%s/%s.sdp", dir, phone[i].name);
		unlink(name);
		snprintf(name, sizeof(name), "%s/%s.raw", dir, phone[i].name);
		unlink(name);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three_phones),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
