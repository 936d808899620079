/* SPDX-License-Identifier: GPL-3.0-or-later
 * A camera held askew, in a whole meeting: its packets pass a relay that writes into the
 * last of each frame how it is held (3GPP TS 26.114 section 7.4.5), and what another
 * endpoint is sent is decoded and looked at. */
#include "tests/flow/meeting_room.h"

#include "base/clock.h"
#include "rtp/packet.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EXT = 6, LUMA = 180, BLACK = 16 };

/* Of the 320×180 picture: in the middle, and where a picture held upright has a bar. */
#define MIDDLE 160, 90
#define SIDE 40, 90

struct relay {
	int fd;
	struct sockaddr_in bridge, phone;
	int held;                /* -1: does not say */
	unsigned told;
};

static void relay_open(struct relay *r, struct endpoint *e)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct desc_line *theirs = &e->answer->line[LINE_PICTURE];
	socklen_t len = sizeof(own);

	r->held = -1;
	r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(r->fd, (struct sockaddr *)&own, len), 0);
	assert_int_equal(getsockname(r->fd, (struct sockaddr *)&own, &len), 0);
	r->phone = r->bridge = own;
	r->phone.sin_port = htons(e->offer->line[LINE_PICTURE].port);
	r->bridge.sin_port = htons(theirs->port);
	/* the endpoint takes the relay for the bridge */
	endpoint_set_address(&theirs->rtp, ntohs(own.sin_port));
}

/* The packet with its extension; how long it is now. */
static size_t add_extension(struct relay *r, uint8_t *data, size_t len, size_t cap)
{
	const uint8_t held = (uint8_t)r->held;
	struct rtp_packet p;
	uint8_t copy[2048];
	struct writer w = writer_of(copy, sizeof(copy));

	if (r->held < 0 || packet_demux(data, len) != DEMUX_RTP)
		return len;
	assert_int_equal(rtp_parse(&p, data, len), 0);
	if (!p.marker)
		return len;
	assert_int_equal(rtp_write_header(&p, &(struct rtp_ext){ EXT, 1, &held }, 1, &w), 0);
	writer_bytes(&w, p.payload, p.payload_len);
	assert_true(!w.bad && writer_len(&w) <= cap);
	memcpy(data, copy, writer_len(&w));
	r->told++;
	return writer_len(&w);
}

static void relay_run(struct relay *r)
{
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t buf[2048];
	ssize_t n;

	while ((n = recvfrom(r->fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &from_len)) > 0) {
		bool out = from.sin_port == r->phone.sin_port;
		const struct sockaddr_in *to = out ? &r->bridge : &r->phone;
		size_t len = out ? add_extension(r, buf, (size_t)n, sizeof(buf)) : (size_t)n;

		(void)!sendto(r->fd, buf, len, 0, (const struct sockaddr *)to, sizeof(*to));
	}
}

/* Both send until the viewer sees what it is to at the side, and the picture in the middle. */
static void until_side(struct relay *r, struct endpoint *camera, struct endpoint *viewer, int luma)
{
	int64_t next = 0;
	bool ok = false;

	for (int64_t end = patience(); clock_us() < end && !ok;) {
		room_step(camera->room);
		if (due(&next, 66000)) {
			endpoint_show(camera, LUMA);
			endpoint_show(viewer, 90);
		}
		relay_run(r);
		ok = abs(endpoint_sees(viewer, SIDE) - luma) <= 8 &&
		     abs(endpoint_sees(viewer, MIDDLE) - LUMA) <= 8;
	}
	if (!ok)
		print_error("held %d: %d at the side, %d in the middle\n", r->held,
			    endpoint_sees(viewer, SIDE), endpoint_sees(viewer, MIDDLE));
	assert_true(ok);
}

static uint64_t turned(struct room *room)
{
	struct video_engine_stats s;

	video_engine_stats(room->video, &s);
	return s.turned;
}

static void test_turned(void **state)
{
	struct room *room = *state;
	struct endpoint *camera = endpoint_new(room, true, false);
	struct endpoint *viewer = endpoint_new(room, true, true);
	struct relay r = { 0 };

	camera->offer->line[LINE_PICTURE].orientation.id = EXT;
	camera->offer->line[LINE_PICTURE].orientation.send = true;
	camera->offer->line[LINE_PICTURE].orientation.receive = true;
	endpoint_dial(camera, "1000");
	assert_int_equal(camera->answer->line[LINE_PICTURE].orientation.id, EXT);
	assert_false(camera->answer->line[LINE_PICTURE].orientation.send);
	assert_true(camera->answer->line[LINE_PICTURE].orientation.receive);
	relay_open(&r, camera);
	endpoint_connect(camera);
	endpoint_dial(viewer, "1000");
	assert_int_equal(viewer->answer->line[LINE_PICTURE].orientation.id, 0);
	endpoint_watch(viewer);
	endpoint_connect(viewer);
	until_side(&r, camera, viewer, LUMA);
	assert_int_equal(turned(room), 0);
	r.held = 1;
	until_side(&r, camera, viewer, BLACK); /* a portrait, with bars beside */
	assert_true(turned(room) > 0);
	r.held = 2;
	until_side(&r, camera, viewer, LUMA);
	r.held = 7;
	until_side(&r, camera, viewer, BLACK);
	/* what was said last holds */
	r.held = -1;
	for (int i = 0; i < 3; i++)
		until_side(&r, camera, viewer, BLACK);
	r.held = 0;
	until_side(&r, camera, viewer, LUMA);
	assert_true(r.told > 3);
	endpoint_hang_up(camera);
	endpoint_hang_up(viewer);
	endpoint_free(camera);
	endpoint_free(viewer);
	close(r.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_turned, room_open, room_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
