/* SPDX-License-Identifier: GPL-3.0-or-later
 * One picture for many streams: sound overtakes it, and what does not get out in time is
 * lost in whole pictures, up to the next key frame. */
#include "tests/unit/wire_bench.h"

enum { LEGS = FAN_OUT_AT_ONCE + 4 };

struct crowd {
	struct wire *wire;
	struct end leg[LEGS];
	int socket; /* where all of it goes */
};

static void crowd_open(struct crowd *c)
{
	struct stream_params video = video_params(), audio = audio_params();
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);
	int size = 1 << 22;

	clock_begin();
	c->socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	setsockopt(c->socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	assert_int_equal(bind(c->socket, (struct sockaddr *)&a, sizeof(a)), 0);
	getsockname(c->socket, (struct sockaddr *)&a, &len);
	c->wire = bench_wire();
	video.silence_us = audio.silence_us = 0;
	for (unsigned i = 0; i < LEGS; i++) {
		struct end *e = &c->leg[i];
		struct transport_params p;

		end_open(e, c->wire, false);
		e->remote = e->remote_rtcp = loopback(ntohs(a.sin_port));
		p = plain_params(e, true);
		transport_set(e->t, &p);
		add_video(e, &video);
		add_audio(e, &audio);
	}
	turns(c->wire, 1);
}

static void crowd_close(struct crowd *c)
{
	for (unsigned i = 0; i < LEGS; i++)
		end_close(&c->leg[i]);
	wire_drop(c->wire);
	close(c->socket);
	clock_fake(-1);
}

static void post_picture(struct crowd *c, uint32_t n, bool key)
{
	struct send_batch *b = send_batch_new(LEGS);
	struct coded *f = video_of(n, key, 500);

	for (unsigned i = 0; i < LEGS; i++)
		assert_int_equal(send_batch_add(b, c->leg[i].video, f), 0);
	ref_drop(f);
	wire_send(c->wire, b);
}

/* RTP that has arrived: how many of video, and how many of those before the first of
 * audio. */
static void collect(const struct crowd *c, unsigned *video, unsigned *before)
{
	uint8_t buf[2048];
	bool heard = false;

	*video = *before = 0;
	for (ssize_t n; (n = recv(c->socket, buf, sizeof(buf), 0)) > 0;) {
		if (n < 12 || (buf[1] >= 200 && buf[1] <= 207)) /* RTCP */
			continue;
		heard = heard || (buf[1] & 127) == 0;
		*video += (buf[1] & 127) == 96;
		*before += (buf[1] & 127) == 96 && !heard;
	}
}

static void test_sound_first(void **state)
{
	struct crowd c;
	unsigned video, before;

	(void)state;
	crowd_open(&c);
	post_picture(&c, 0, true);
	turns(c.wire, 2);
	collect(&c, &video, &before);
	post_picture(&c, 1, false);
	send_audio(&c.leg[LEGS - 1], 0);
	post_picture(&c, 2, false);
	turns(c.wire, 1);
	collect(&c, &video, &before);
	assert_int_equal(before, 0);
	assert_int_equal(video, 2 * LEGS);
	/* a thread that stops leaves what waits, and its references */
	post_picture(&c, 3, false);
	crowd_close(&c);
}

/* A stream's next picture, from an encoder of its own, does not overtake the one before. */
static void test_in_order(void **state)
{
	struct crowd c;
	unsigned video, before;
	uint8_t buf[2048];
	uint32_t last = 0, time;

	(void)state;
	crowd_open(&c);
	post_picture(&c, 0, true);
	turns(c.wire, 2);
	collect(&c, &video, &before);
	post_picture(&c, 1, false);
	send_video_frame(&c.leg[0], 2, false, 500);
	turns(c.wire, 1);
	video = 0;
	for (ssize_t n; (n = recv(c.socket, buf, sizeof(buf), 0)) > 0;) {
		uint32_t ssrc;

		memcpy(&ssrc, buf + 8, sizeof(ssrc));
		if (n < 12 || (buf[1] & 127) != 96 || ntohl(ssrc) != c.leg[0].video->tx.ssrc)
			continue;
		memcpy(&time, buf + 4, sizeof(time));
		time = ntohl(time) - c.leg[0].video->tx.offset;
		assert_true(time > last);
		last = time;
		video++;
	}
	assert_int_equal(video, 2);
	crowd_close(&c);
}

static void test_too_many(void **state)
{
	enum { MORE = 5 };
	struct crowd c;
	struct wire_stats before, after;
	unsigned video, first;

	(void)state;
	crowd_open(&c);
	post_picture(&c, 0, true);
	turns(c.wire, 2);
	collect(&c, &video, &first);
	assert_true(video >= LEGS);
	wire_stats(c.wire, &before);
	for (unsigned n = 0; n < FAN_OUT_BATCHES + MORE; n++)
		post_picture(&c, 1 + n, false);
	turns(c.wire, 1);
	wire_stats(c.wire, &after);
	assert_int_equal(after.drop_queue - before.drop_queue, MORE);
	collect(&c, &video, &first);
	assert_int_equal(video, 0); /* nothing that refers to what was lost */
	for (unsigned i = 0; i < LEGS; i++)
		assert_true(c.leg[i].on_video.key_wanted > 0);
	turns(c.wire, 20);
	post_picture(&c, 100, true);
	turns(c.wire, 20);
	collect(&c, &video, &first);
	assert_true(video >= LEGS);
	/* and so in the mailbox, before it comes to that */
	for (unsigned n = 0; n < MEDIA_LIMIT + 1; n++)
		post_picture(&c, 101 + n, false);
	turns(c.wire, 1);
	collect(&c, &video, &first);
	assert_int_equal(video, 0);
	wire_stats(c.wire, &before);
	assert_int_equal(before.drop_queue - after.drop_queue, 1 + MEDIA_LIMIT - FAN_OUT_BATCHES);
	crowd_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound_first),
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
