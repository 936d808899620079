/* SPDX-License-Identifier: GPL-3.0-or-later
 * balai-load: many endpoints against one bridge on loopback. SIP over UDP, RTP
 * from prepared clips, plain or SDES. Prints one JSON object. */
#include "tests/load/freshness.h"

#include "base/clock.h"
#include "codecs/audio.h"
#include "rtp/srtp_openssl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

struct load {
	struct endpoint_config config;
	unsigned participants, speaking, seconds, warmup, record, seen, half_loss;
	unsigned join_interval_ms, churn, joins, hear;
	bool dtx;
	const char *clip_file, *video;
	int width, height, fps;
	uint32_t bitrate;
	struct clip *clip;
	struct sound *speech, *marked, *quiet;
	struct endpoint **endpoint;
	int epoll;
	uint64_t random;
};

static int die(const char *what, int err)
{
	fprintf(stderr, "balai-load: %s: %s\n", what, strerror(-err));
	return 1;
}

/* ---- sound ---------------------------------------------------------------------------- */

enum sound_kind { SPEECH, MARKED, QUIET };

static struct codec_format sound_format(enum codec_id codec)
{
	return (struct codec_format){ .id = codec, .clock_rate = codec_clock_rate(codec),
				      .channels = codec == CODEC_OPUS ? 2 : 1 };
}

/* Speech-like: three partials of a low voice with syllables, also with marks for
 * the latency; or what a microphone hears in a quiet room, noise of -65 dBov. */
static int16_t sample(enum sound_kind kind, double t, uint64_t *random)
{
	double v;

	if (kind == QUIET) {
		*random = *random * 6364136223846793005ull + 1442695040888963407ull;
		return (int16_t)((int)(*random >> 33) % 64 - 32);
	}
	v = sin(2 * M_PI * 140 * t) + .6 * sin(2 * M_PI * 700 * t) + .4 * sin(2 * M_PI * 1220 * t);
	v = 4000 * v * (.6 + .4 * sin(2 * M_PI * 3 * t));
	return (int16_t)(v + (kind == MARKED ? 12000 * mark_sample(t * 1000) : 0));
}

static struct sound *make_sound(enum codec_id codec, enum sound_kind kind)
{
	struct codec_format format = sound_format(codec);
	uint64_t random = 1;
	struct audio_encoder *encoder = NULL;
	struct sound *s = calloc(1, sizeof(*s));
	uint32_t rate = audio_rate(&format);
	size_t n = rate / 50;
	int16_t *pcm = calloc(n, sizeof(*pcm));

	if (!s || !pcm || audio_encoder_new(&encoder, &format, 32000))
		return NULL;
	s->codec = codec;
	s->ptime_ms = 20;
	s->n = 100;
	s->step = format.clock_rate / 50;
	s->packet = calloc(s->n, sizeof(*s->packet));
	for (unsigned i = 0; s->packet && i < s->n; i++) {
		int len;

		for (size_t k = 0; k < n; k++)
			pcm[k] = sample(kind, (double)(i * n + k) / rate, &random);
		len = audio_encode(encoder, pcm, n, s->packet[i].data, sizeof(s->packet[i].data));
		s->packet[i].len = (uint16_t)(len > 0 ? len : 0);
	}
	audio_encoder_free(encoder);
	free(pcm);
	return s;
}

/* ---- the run ---------------------------------------------------------------------------- */

static void watch(struct load *l, unsigned i)
{
	int fd[3];

	endpoint_fds(l->endpoint[i], fd);
	for (int k = 0; k < 3; k++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u64 = (uint64_t)i << 2 | (unsigned)k };

		if (fd[k] >= 0)
			epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd[k], &e);
	}
}

/* One millisecond: what has arrived, then what is due. */
static void step(struct load *l)
{
	struct epoll_event e[256];
	int64_t now, begun;
	int n;

	/* Asleep until then, whatever comes: to be woken by each packet would cost
	 * the bridge that sends it too. */
	clock_sleep_until((clock_us() / 1000 + 1) * 1000);
	begun = clock_us();
	do {
		n = epoll_wait(l->epoll, e, 256, 0);
		now = clock_us();
		for (int i = 0; i < n; i++)
			endpoint_read(l->endpoint[e[i].data.u64 >> 2], e[i].data.u64 & 3, now);
	} while (n == 256 && now - begun < 5000);
	for (unsigned i = 0; i < l->participants; i++)
		endpoint_tick(l->endpoint[i], now);
}

static void run_for(struct load *l, int64_t us)
{
	int64_t end = clock_us() + us;

	while (clock_us() < end)
		step(l);
}

static unsigned count(const struct load *l, enum endpoint_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->participants; i++)
		n += endpoint_state(l->endpoint[i]) == state;
	return n;
}

static unsigned next_random(struct load *l, unsigned below)
{
	l->random = l->random * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)((l->random >> 33) % below);
}

/* Joins and leaves at random. */
static void churn(struct load *l)
{
	int64_t end = clock_us() + (int64_t)l->seconds * 1000000;

	while (clock_us() < end) {
		unsigned i = next_random(l, l->participants);
		enum endpoint_state s = endpoint_state(l->endpoint[i]);

		if (s == ENDPOINT_UP)
			endpoint_leave(l->endpoint[i], clock_us());
		else if (s == ENDPOINT_GONE || s == ENDPOINT_IDLE || s == ENDPOINT_FAILED)
			endpoint_call(l->endpoint[i], clock_us());
		run_for(l, 1000 * (1 + next_random(l, l->churn)));
	}
}

/* Whoever is behind the participants joins, one after the other, and leaves
 * again a little after the first picture, or when none has come for five
 * seconds. */
static void joins(struct load *l)
{
	for (unsigned i = l->participants - l->joins; i < l->participants; i++) {
		struct endpoint *e = l->endpoint[i];
		int64_t begun = clock_us();

		endpoint_measure(e, begun);
		endpoint_call(e, begun);
		while (clock_us() - begun < 5000000 && endpoint_state(e) != ENDPOINT_FAILED &&
		       !endpoint_stats(e)->first_picture_us)
			step(l);
		/* what it shows is looked at afterwards */
		run_for(l, 400000);
		endpoint_leave(e, clock_us());
		begun = clock_us();
		while (endpoint_state(e) == ENDPOINT_LEAVING && clock_us() - begun < 2000000)
			step(l);
		run_for(l, 1000 * (int64_t)next_random(l, 100));
	}
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static json_t *ms_between(int64_t from, int64_t to)
{
	return from && to ? json_real((double)(to - from) / 1000) : json_null();
}

static json_t *tiles_json(const struct freshness *f)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < f->n_tiles; i++)
		json_array_append_new(list, json_pack("{s:f, s:i, s:f, s:f}",
			"fresh_fps", f->tile[i].fresh_fps, "source", f->tile[i].source,
			"latency_ms_p50", f->tile[i].p50_ms, "latency_ms_p99", f->tile[i].p99_ms));
	return list;
}

static json_t *leg_json(const struct load *l, unsigned i, double seconds)
{
	const struct endpoint_stats *s = endpoint_stats(l->endpoint[i]);
	json_t *o = json_pack("{s:i, s:i, s:i, s:o, s:o, s:o, s:f, s:f, s:f, s:f, s:I}",
		"loss_permille", (int)endpoint_loss(l->endpoint[i]),
		"state", (int)endpoint_state(l->endpoint[i]), "status", s->status,
		"ok_ms", ms_between(s->invite_us, s->ok_us),
		"first_picture_ms", ms_between(s->ack_us, s->first_picture_us),
		"first_audio_ms", ms_between(s->ack_us, s->first_audio_us),
		"fps", seconds > 0 ? (double)s->video_frames / seconds : 0.0,
		"audio_packets_per_s", seconds > 0 ? (double)s->audio_packets / seconds : 0.0,
		"audio_gap_ms", (double)s->audio_gap_us / 1000,
		"video_gap_ms", (double)s->video_gap_us / 1000,
		"key_requests", (json_int_t)s->key_requests);

	if ((i < l->record || i >= l->participants - l->joins) && l->clip) {
		struct freshness f;

		if (!freshness_of(l->endpoint[i], l->endpoint, l->participants, l->clip->codec,
				  l->seen ? l->seen : l->participants - l->joins - !l->joins,
				  &f)) {
			json_object_set_new(o, "first_full_ms",
					    ms_between(s->ack_us, f.first_full_us));
			json_object_set_new(o, "decoded_fps", json_real(f.fps));
			json_object_set_new(o, "undecodable", json_integer(f.undecodable));
			json_object_set_new(o, "width", json_integer(f.width));
			json_object_set_new(o, "height", json_integer(f.height));
			json_object_set_new(o, "tiles", tiles_json(&f));
		}
	}
	return o;
}

/* ---- latency of the sound ---------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Of all marks that those who listen heard. */
static void add_latency(const struct load *l, json_t *out)
{
	struct codec_format format = sound_format(l->config.audio);
	size_t n_sent, n = 0;
	int64_t *sent = mark_onsets(endpoint_marks(l->endpoint[0]), &format, &n_sent);
	int64_t *all = calloc((size_t)l->hear * (l->seconds + 5) * 1000 / MARK_EVERY_MS, sizeof(*all));

	for (unsigned i = 1; all && i < l->participants; i++) {
		size_t n_heard;
		int64_t *heard = i + l->hear >= l->participants ?
			mark_onsets(endpoint_marks(l->endpoint[i]), &format, &n_heard) : NULL;

		if (heard)
			n += mark_latencies(sent, n_sent, heard, n_heard, all + n);
		free(heard);
	}
	if (n) {
		qsort(all, n, sizeof(*all), by_size);
		json_object_set_new(out, "audio_latency_ms_p50",
				    json_real((double)all[n / 2] / 1000));
		json_object_set_new(out, "audio_latency_ms_p99",
				    json_real((double)all[n * 99 / 100] / 1000));
	}
	json_object_set_new(out, "audio_marks", json_integer((json_int_t)n));
	free(all);
	free(sent);
}

/* ---- the whole -------------------------------------------------------------------------- */

static int run(struct load *l)
{
	json_t *legs = json_array(), *out;
	double cpu, seconds;
	int64_t begun;

	/* Nothing is computed ahead any more: from here on time counts. */
	printf("calling\n");
	fflush(stdout);
	for (unsigned i = 0; i < l->participants - l->joins && !l->churn; i++) {
		endpoint_call(l->endpoint[i], clock_us());
		run_for(l, (int64_t)l->join_interval_ms * 1000);
	}
	begun = clock_us();
	while (!l->churn && count(l, ENDPOINT_CALLING) && clock_us() - begun < 20000000)
		step(l);
	run_for(l, (int64_t)l->warmup * 1000000);
	/* Whoever measures the bridge starts now. */
	printf("measuring\n");
	fflush(stdout);
	for (unsigned i = 0; i < l->participants - l->joins; i++)
		endpoint_measure(l->endpoint[i], clock_us());
	cpu = cpu_seconds();
	begun = clock_us();
	if (l->churn)
		churn(l);
	else if (l->joins)
		joins(l);
	else
		run_for(l, (int64_t)l->seconds * 1000000);
	seconds = (double)(clock_us() - begun) / 1e6;
	cpu = (cpu_seconds() - cpu) / seconds;
	printf("measured\n");
	fflush(stdout);
	out = json_pack("{s:i, s:i, s:f, s:f}", "up", (int)count(l, ENDPOINT_UP), "failed",
			(int)count(l, ENDPOINT_FAILED), "seconds", seconds, "cpu", cpu);
	for (unsigned i = 0; i < l->participants; i++)
		endpoint_leave(l->endpoint[i], clock_us());
	begun = clock_us();
	while (count(l, ENDPOINT_LEAVING) && clock_us() - begun < 5000000)
		step(l);
	for (unsigned i = 0; i < l->participants; i++)
		json_array_append_new(legs, leg_json(l, i, seconds));
	if (l->hear)
		add_latency(l, out);
	json_object_set_new(out, "legs", legs);
	json_dumpf(out, stdout, JSON_COMPACT);
	printf("\n");
	json_decref(out);
	return 0;
}

/* ---- arguments ------------------------------------------------------------------------------ */

static const char usage[] =
	"usage: balai-load --target IP:PORT --number N --participants N [--seconds S] [--warmup S]\n"
	"  [--audio PCMU|PCMA|G722|opus] [--speaking K] [--dtx] [--sdes]\n"
	"  [--video H264|VP8] [--size WxH] [--fps F] [--bitrate KBIT] [--clip FILE]\n"
	"  [--record LEGS] [--seen TILES] [--join-interval MS] [--loss PERMILLE]\n"
	"  [--half-loss PERMILLE] [--churn MS] [--receive-only]\n"
	"  [--hear N]   the last N listen for marks in what the first one says: latency\n"
	"  [--joins N]  after the participants: N join and leave one by one, every second of\n"
	"               them under --half-loss; all are recorded\n";

static int parse(struct load *l, int argc, char **argv)
{
	static const struct option options[] = {
		{ "target", 1, NULL, 't' }, { "number", 1, NULL, 'n' },
		{ "participants", 1, NULL, 'p' }, { "seconds", 1, NULL, 's' },
		{ "warmup", 1, NULL, 'w' }, { "audio", 1, NULL, 'a' },
		{ "speaking", 1, NULL, 'k' }, { "dtx", 0, NULL, 'd' },
		{ "sdes", 0, NULL, 'e' }, { "video", 1, NULL, 'v' },
		{ "size", 1, NULL, 'z' }, { "fps", 1, NULL, 'f' },
		{ "bitrate", 1, NULL, 'b' }, { "clip", 1, NULL, 'c' },
		{ "record", 1, NULL, 'r' }, { "seen", 1, NULL, 'S' },
		{ "join-interval", 1, NULL, 'j' }, { "loss", 1, NULL, 'l' },
		{ "half-loss", 1, NULL, 'h' }, { "churn", 1, NULL, 'u' },
		{ "receive-only", 0, NULL, 'o' }, { "joins", 1, NULL, 'J' },
		{ "hear", 1, NULL, 'H' }, { 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned number = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;
		char ip[64] = "";
		unsigned port;

		switch (opt) {
		case 't':
			if (sscanf(optarg, "%63[0-9.]:%u", ip, &port) != 2)
				return -EINVAL;
			l->config.target.sin_family = AF_INET;
			l->config.target.sin_port = htons((uint16_t)port);
			inet_pton(AF_INET, ip, &l->config.target.sin_addr);
			l->config.address = l->config.target.sin_addr;
			break;
		case 'n': snprintf(l->config.number, sizeof(l->config.number), "%s", optarg); break;
		case 'p': l->participants = number; break;
		case 's': l->seconds = number; break;
		case 'w': l->warmup = number; break;
		case 'a': l->config.audio = codec_by_name(optarg); break;
		case 'k': l->speaking = number; break;
		case 'd': l->dtx = true; break;
		case 'e': l->config.sdes = true; break;
		case 'v': l->video = optarg; break;
		case 'z':
			if (sscanf(optarg, "%dx%d", &l->width, &l->height) != 2)
				return -EINVAL;
			break;
		case 'f': l->fps = (int)number; break;
		case 'b': l->bitrate = number * 1000; break;
		case 'c': l->clip_file = optarg; break;
		case 'r': l->record = number; break;
		case 'S': l->seen = number; break;
		case 'j': l->join_interval_ms = number; break;
		case 'l': l->config.loss_permille = number; break;
		case 'h': l->half_loss = number; break;
		case 'u': l->churn = number; break;
		case 'J': l->joins = number; break;
		case 'H': l->hear = number; break;
		case 'o': l->config.receive_only = true; break;
		default: return -EINVAL;
		}
	}
	l->participants += l->joins;
	if (l->hear >= l->participants)
		l->hear = l->participants - 1;
	return l->participants > l->joins && l->config.number[0] && l->config.target.sin_port ? 0 : -EINVAL;
}

static int make_endpoints(struct load *l)
{
	l->endpoint = calloc(l->participants, sizeof(struct endpoint *));
	for (unsigned i = 0; i < l->participants; i++) {
		struct endpoint_config c = l->config;
		int err;

		c.clip = l->clip;
		c.sound = i < l->speaking ? l->speech : l->dtx ? NULL : l->quiet;
		c.mark = l->hear && i == 0;
		c.hear = i > 0 && i + l->hear >= l->participants;
		if (c.mark)
			c.sound = l->marked;
		c.record = i < l->record || i >= l->participants - l->joins;
		if (i % 2 && (!l->joins || i >= l->participants - l->joins))
			c.loss_permille += l->half_loss;
		err = endpoint_new(&l->endpoint[i], &c, i);
		if (err)
			return err;
		watch(l, i);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct load l = {
		.config = { .audio = CODEC_PCMU }, .speaking = 3, .seconds = 10, .warmup = 2,
		.width = 1280, .height = 720, .fps = 30, .bitrate = 1500000, .record = 0,
		.join_interval_ms = 20, .random = 42,
	};
	struct rlimit files = { 65536, 65536 };
	int err = parse(&l, argc, argv), status;

	if (err) {
		fputs(usage, stderr);
		return 2;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	srtp_init();
	/* What the machine spends on the generator is not left for the bridge. */
	srtp_openssl_install();
	l.speech = make_sound(l.config.audio, SPEECH);
	l.marked = make_sound(l.config.audio, MARKED);
	l.quiet = make_sound(l.config.audio, QUIET);
	if (!l.speech || !l.marked || !l.quiet)
		return die("sound", -ENOTSUP);
	if (l.video) {
		err = clip_new(&l.clip, l.clip_file, codec_by_name(l.video), l.width, l.height,
			       l.fps, 10, l.bitrate);
		if (err)
			return die("clip", err);
	}
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	err = make_endpoints(&l);
	status = err ? die("endpoints", err) : run(&l);
	for (unsigned i = 0; i < l.participants; i++)
		endpoint_free(l.endpoint[i]);
	clip_free(l.clip);
	return status;
}
