/* SPDX-License-Identifier: GPL-3.0-or-later
 * The wire with its threads, one and several: handles made and dropped under load, pulled and sent
 * to by others; nothing is used after it went, nothing is left behind. */
#include "tests/unit/wire_bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { PAIRS = 8, ROUNDS = 40 };

static atomic_bool stop;
static atomic_int released, secured;

static void count_released(void *arg)
{
	(void)arg;
	atomic_fetch_add(&released, 1);
}

static void count_secured(void *arg, int status)
{
	(void)arg;
	if (status == 0)
		atomic_fetch_add(&secured, 1);
}

static void drop_frame(void *arg, struct coded *frame)
{
	(void)arg;
	ref_drop(frame);
}

static const struct transport_events t_events = { count_secured, count_released };
static const struct stream_events s_events = { .frame = drop_frame, .released = count_released };

struct leg {
	struct transport *t;
	struct stream *audio, *video;
};

/* What the other threads work on: references of their own. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stream *shared[PAIRS * 4];

static struct stream *borrow(unsigned i)
{
	struct stream *s;

	pthread_mutex_lock(&lock);
	s = (struct stream *)ref_hold(shared[i]);
	pthread_mutex_unlock(&lock);
	return s;
}

static void lend(unsigned i, struct stream *s)
{
	struct stream *old;

	pthread_mutex_lock(&lock);
	old = shared[i];
	shared[i] = (struct stream *)ref_hold(s);
	pthread_mutex_unlock(&lock);
	ref_drop(old);
}

static void *shard(void *arg)
{
	struct audio_packet *p = malloc(sizeof(*p));

	(void)arg;
	while (!atomic_load(&stop)) {
		for (unsigned i = 0; i < PAIRS * 4; i += 2) {
			struct stream *s = borrow(i);
			struct stream_stats st;
			int excess;

			if (!s)
				continue;
			stream_pull(s, clock_us(), p, &excess);
			stream_stats(s, &st);
			ref_drop(s);
		}
	}
	free(p);
	return NULL;
}

static void *encoder(void *arg)
{
	struct wire *w = (struct wire *)arg;
	uint32_t n = 0;

	while (!atomic_load(&stop)) {
		struct send_batch *b = send_batch_new(PAIRS * 4);
		struct coded *audio, *video;

		bench_now = clock_us();
		audio = audio_of(n);
		video = video_of(n, n % 20 == 0, 5000);
		for (unsigned i = 0; i < PAIRS * 4; i++) {
			struct stream *s = borrow(i);

			if (s) {
				send_batch_add(b, s, i % 2 ? video : audio);
				if (i % 2) {
					stream_request_key(s);
					stream_set_seen(s, n % 3 != 0);
				} else {
					stream_send_dtmf(s, '1', 50);
				}
			}
			ref_drop(s);
		}
		ref_drop(audio);
		ref_drop(video);
		wire_send(w, b);
		n++;
		usleep(2000);
	}
	return NULL;
}

static void leg_open(struct leg *l, struct wire *w)
{
	assert_int_equal(transport_new(&l->t, w, "127.0.0.1", false, &t_events, NULL), 0);
	assert_int_equal(stream_new(&l->audio, l->t, &s_events, NULL), 0);
	assert_int_equal(stream_new(&l->video, l->t, &s_events, NULL), 0);
}

static void leg_set(struct leg *l, const struct leg *peer, struct wire *w, bool active, unsigned how)
{
	struct stream_params a = audio_params(), v = video_params();
	struct transport_params p = { .rtcp_mux = true, .latch = true };
	const char *fp = wire_fingerprint(w);

	p.remote_rtp = loopback(transport_local(peer->t)->rtp_port);
	if (how == 1) {
		p.security = SECURITY_SDES;
		p.tx.suite = p.rx.suite = SRTP_AEAD_AES_128_GCM;
		memset(p.tx.key, active, sizeof(p.tx.key));
		memset(p.rx.key, !active, sizeof(p.rx.key));
	} else if (how == 2) {
		p.security = SECURITY_DTLS;
		p.dtls_role = active ? DTLS_ACTIVE : DTLS_PASSIVE;
		memcpy(p.fingerprint_hash, "sha-256", 8);
		for (p.fingerprint_len = 0; p.fingerprint_len < 32; p.fingerprint_len++, fp += 3)
			p.fingerprint[p.fingerprint_len] = (uint8_t)strtoul(fp, NULL, 16);
	}
	transport_set(l->t, &p);
	stream_set(l->audio, &a);
	stream_set(l->video, &v);
}

static void leg_close(struct leg *l, unsigned how)
{
	if (how % 2)
		l->t = transport_drop(l->t);
	l->audio = stream_drop(l->audio);
	l->video = stream_drop(l->video);
	l->t = transport_drop(l->t);
}

static void under_load(unsigned n_threads)
{
	const struct wire_config config = { .threads = n_threads };
	struct leg leg[PAIRS][2];
	pthread_t threads[2];
	struct wire *w;
	long live = ref_live();
	int made = 0;

	atomic_store(&stop, false);
	atomic_store(&released, 0);
	atomic_store(&secured, 0);
	clock_fake(-1);
	assert_int_equal(wire_new(&w, &config), 0);
	assert_int_equal(wire_start(w), 0);
	assert_int_equal(wire_start(w), -EALREADY);
	pthread_create(&threads[0], NULL, shard, NULL);
	pthread_create(&threads[1], NULL, encoder, w);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < PAIRS; i++) {
			if (round >= 1)
				for (int j = 0; j < 2; j++)
					leg_close(&leg[i][j], round + i);
			leg_open(&leg[i][0], w);
			leg_open(&leg[i][1], w);
			made += 6;
			leg_set(&leg[i][0], &leg[i][1], w, true, (round + i) % 3);
			leg_set(&leg[i][1], &leg[i][0], w, false, (round + i) % 3);
			for (unsigned j = 0; j < 2; j++) {
				lend(i * 4 + j * 2, leg[i][j].audio);
				lend(i * 4 + j * 2 + 1, leg[i][j].video);
			}
		}
		usleep(10000);
	}
	/* the last ones live until a handshake is through */
	for (int i = 0; i < 2000 && !atomic_load(&secured); i++)
		usleep(10000);
	/* the wire stops while all of it is in use; half is dropped afterwards */
	for (unsigned i = 0; i < PAIRS / 2; i++)
		for (int j = 0; j < 2; j++)
			leg_close(&leg[i][j], 0);
	wire_stop(w);
	for (unsigned i = PAIRS / 2; i < PAIRS; i++)
		for (int j = 0; j < 2; j++)
			leg_close(&leg[i][j], 1);
	usleep(10000);
	atomic_store(&stop, true);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	for (unsigned i = 0; i < PAIRS * 4; i++)
		lend(i, NULL);
	assert_int_equal(atomic_load(&released), made);
	assert_true(atomic_load(&secured) > 0);
	wire_drop(w);
	assert_int_equal(ref_live(), live);
}

static void test_under_load(void **state)
{
	(void)state;
	under_load(0);
}

static void test_several_under_load(void **state)
{
	(void)state;
	under_load(3);
}

enum { SPREAD = 6 };
static atomic_int got[SPREAD];
static _Atomic(pthread_t) by[SPREAD];

static void note_frame(void *arg, struct coded *frame)
{
	atomic_int *n = arg;

	atomic_store(&by[n - got], pthread_self());
	atomic_fetch_add(n, 1);
	ref_drop(frame);
}

/* Transports are spread evenly, a batch reaches the streams of every thread, and
 * nobody's frames come on two. */
static void test_spread(void **state)
{
	const struct stream_events events = { .frame = note_frame };
	const struct wire_config config = { .threads = 3 }, too_many = { .threads = 17 };
	struct wire *w = NULL;
	struct leg leg[SPREAD];
	struct wire_stats st;
	struct send_batch *b;
	long live = ref_live();
	unsigned sent = 0;

	(void)state;
	clock_fake(-1);
	assert_int_equal(wire_new(&w, &too_many), -EINVAL);
	assert_int_equal(wire_new(&w, &config), 0);
	assert_int_equal(wire_start(w), 0);
	for (unsigned i = 0; i < SPREAD; i++) {
		leg_open(&leg[i], w);
		leg[i].video = stream_drop(leg[i].video);
		assert_int_equal(stream_new(&leg[i].video, leg[i].t, &events, &got[i]), 0);
	}
	assert_int_equal(w->n_transports, SPREAD / 3);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(w->rest[i]->n_transports, SPREAD / 3);
	/* in pairs, over to another thread */
	for (unsigned i = 0; i < SPREAD; i++)
		leg_set(&leg[i], &leg[i ^ 1], w, true, 0);
	for (unsigned i = 0, all = 0; i < 2000 && all < SPREAD; i++) {
		struct coded *video;

		bench_now = clock_us();
		video = video_of(i, true, 3000);
		b = send_batch_new(SPREAD);
		for (unsigned k = 0; k < SPREAD; k++)
			send_batch_add(b, leg[k].video, video);
		ref_drop(video);
		wire_send(w, b);
		usleep(10000);
		for (unsigned k = all = 0; k < SPREAD; k++)
			all += atomic_load(&got[k]) > 0;
		sent = all;
	}
	assert_int_equal(sent, SPREAD);
	for (unsigned i = 0; i < SPREAD; i++)
		for (unsigned k = 0; k < i; k++)
			assert_int_equal(pthread_equal(by[i], by[k]),
					 leg[i].t->wire == leg[k].t->wire);
	wire_stats(w, &st);
	assert_int_equal(st.transports, SPREAD);
	assert_true(st.tx_packets >= SPREAD && st.rx_packets >= SPREAD);
	for (unsigned i = 0; i < SPREAD; i++)
		leg_close(&leg[i], 0);
	assert_int_equal(w->n_transports + w->rest[0]->n_transports + w->rest[1]->n_transports, 0);
	wire_drop(w);
	assert_int_equal(ref_live(), live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_under_load),
		cmocka_unit_test(test_several_under_load),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
