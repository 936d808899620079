/* SPDX-License-Identifier: GPL-3.0-or-later
 * How a camera is held, as its packets tell (3GPP TS 26.114 section 7.4.5, RFC 8285),
 * and which frames it goes to: plain, and bundled under SRTP. And how loud they are. */
#include "tests/unit/wire_peer.h"

#include "rtp/srtp.h"

enum { EXT = 4, MID = 3, NONE = -1 };

/* One packet, which is a NAL unit. */
struct sent {
	uint16_t seq;
	uint32_t time;
	int held;                /* NONE: does not say */
	bool marker;
	uint8_t nal;
};

static void packet_of(struct writer *w, const struct sent *s, uint32_t ssrc, const char *mid)
{
	struct rtp_packet p = { .marker = s->marker, .pt = 96, .seq = s->seq,
				.timestamp = s->time, .ssrc = ssrc };
	const uint8_t held = (uint8_t)s->held;
	struct rtp_ext ext[2];
	size_t n = 0;

	if (mid)
		ext[n++] = (struct rtp_ext){ MID, (uint8_t)strlen(mid), (const uint8_t *)mid };
	if (s->held != NONE)
		ext[n++] = (struct rtp_ext){ EXT, 1, &held };
	assert_int_equal(rtp_write_header(&p, ext, n, w), 0);
	writer_u8(w, s->nal);
	writer_u8(w, 0x88);
	writer_u8(w, s->seq & 255);
}

/* Three packets make a frame. */
static struct sent part(unsigned frame, unsigned k, int held)
{
	static const uint8_t key[] = { 0x67, 0x68, 0x65 };

	return (struct sent){ .seq = (uint16_t)(100 + frame * 3 + k), .time = frame * 3000,
			      .held = held, .marker = k == 2, .nal = frame ? 0x41 : key[k] };
}

static void peer_part(struct peer *p, struct wire *w, struct sent s)
{
	uint8_t buf[128];
	struct writer m = writer_of(buf, sizeof(buf));

	packet_of(&m, &s, p->ssrc, NULL);
	peer_send(p, w, &m);
}

static void peer_frame(struct peer *p, struct wire *w, unsigned frame, int first, int mid, int last)
{
	const int held[] = { first, mid, last };

	for (unsigned k = 0; k < 3; k++)
		peer_part(p, w, part(frame, k, held[k]));
}

static int held_of(const struct end *e, int frame)
{
	assert_true(e->on_video.frames > frame);
	assert_false(e->on_video.frame[frame]->corrupt);
	return e->on_video.frame[frame]->orientation;
}

struct room {
	struct stream_params v;
	struct wire *w;
	struct peer p;
	struct end e;
};

static void room_open(struct room *r)
{
	clock_begin();
	r->v = video_params();
	r->v.orientation_ext = EXT;
	r->w = bench_wire();
	peer_open(&r->p, &r->e, r->w, &r->v);
}

static void room_close(struct room *r)
{
	end_close(&r->e);
	close(r->p.fd);
	wire_drop(r->w);
}

static void test_frames(void **state)
{
	static const struct { int said[3], held; } row[] = {
		{ { NONE, NONE, NONE }, 0 }, /* nobody has told yet: upright */
		{ { NONE, NONE, 1 }, 1 },    /* the last packet says it */
		{ { NONE, NONE, NONE }, 1 }, /* it stays so */
		{ { NONE, NONE, 7 }, 7 },
		{ { 2, NONE, NONE }, 2 },    /* elsewhere than at the end */
		{ { 3, 1, 0xf5 }, 5 },       /* the last one counts; the camera does not */
		{ { NONE, NONE, 0 }, 0 },
		{ { NONE, NONE, NONE }, 0 },
	};
	struct room r;

	(void)state;
	room_open(&r);
	for (unsigned i = 0; i < sizeof(row) / sizeof(*row); i++) {
		peer_frame(&r.p, r.w, i, row[i].said[0], row[i].said[1], row[i].said[2]);
		assert_int_equal(held_of(&r.e, (int)i), row[i].held);
	}
	/* not negotiated any more: foreign bytes, and what they said is forgotten */
	peer_frame(&r.p, r.w, 8, NONE, NONE, 1);
	assert_int_equal(held_of(&r.e, 8), 1);
	r.v.orientation_ext = 0;
	stream_set(r.e.video, &r.v);
	peer_frame(&r.p, r.w, 9, NONE, NONE, 3);
	assert_int_equal(held_of(&r.e, 9), 0);
	room_close(&r);
}

/* What is out of order says it of the frame that it belongs to. */
static void test_order(void **state)
{
	static const struct { unsigned frame, k; int held; } come[] = {
		{ 0, 0, NONE }, { 0, 1, NONE }, { 0, 2, 1 },
		/* the end of the second before its middle, and the third before both */
		{ 1, 0, NONE }, { 2, 0, NONE }, { 2, 1, NONE }, { 2, 2, 3 }, { 1, 2, 2 },
		{ 1, 1, NONE },
		{ 3, 0, NONE }, { 3, 1, NONE }, { 3, 2, NONE },
	};
	struct room r;

	(void)state;
	room_open(&r);
	for (unsigned i = 0; i < sizeof(come) / sizeof(*come); i++)
		peer_part(&r.p, r.w, part(come[i].frame, come[i].k, come[i].held));
	assert_int_equal(held_of(&r.e, 0), 1);
	assert_int_equal(held_of(&r.e, 1), 2);
	assert_int_equal(held_of(&r.e, 2), 3);
	assert_int_equal(held_of(&r.e, 3), 3);
	room_close(&r);
}

/* Without markers a frame ends when the next begins, whose first packet may tell already. */
static void test_no_markers(void **state)
{
	struct room r;

	(void)state;
	room_open(&r);
	for (unsigned i = 0; i < 5; i++) {
		struct sent s[2] = { part(i, 0, (int)i), part(i, 2, NONE) };

		s[0].seq = (uint16_t)(100 + 2 * i);
		s[1].seq = (uint16_t)(101 + 2 * i);
		peer_part(&r.p, r.w, s[0]);
		s[1].marker = false;
		peer_part(&r.p, r.w, s[1]);
	}
	assert_int_equal(r.e.on_video.frames, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(held_of(&r.e, i), i);
	room_close(&r);
}

/* Nobody looks: it is remembered all the same. Another sender begins upright. */
static void test_unseen_and_changed(void **state)
{
	struct room r;

	(void)state;
	room_open(&r);
	stream_set_seen(r.e.video, false);
	turns(r.w, 1);
	peer_frame(&r.p, r.w, 0, NONE, NONE, 3);
	assert_int_equal(r.e.on_video.frames, 0);
	stream_set_seen(r.e.video, true);
	turns(r.w, 1);
	peer_frame(&r.p, r.w, 1, NONE, NONE, NONE);
	assert_int_equal(r.e.on_video.frames, 1);
	assert_int_equal(r.e.on_video.frame[0]->orientation, 3);
	/* another device took the call over: after some silence, so that it is believed */
	turns(r.w, 300);
	r.p.ssrc++;
	forget_frames(&r.e.on_video);
	for (unsigned i = 2; i < 5; i++)
		peer_frame(&r.p, r.w, i, NONE, NONE, NONE);
	assert_true(r.e.on_video.frames >= 2);
	assert_int_equal(r.e.on_video.frame[r.e.on_video.frames - 1]->orientation, 0);
	room_close(&r);
}

/* One transport for sound and picture, encrypted, both with the same payload type: told
 * apart by their MIDs, which stand beside. */
static void test_bundled_and_encrypted(void **state)
{
	struct stream_params a = audio_params();
	struct transport_params t;
	struct crypt *crypt;
	struct room r;

	(void)state;
	room_open(&r);
	r.v.mid_ext = a.mid_ext = MID;
	memcpy(r.v.mid, "v", 2);
	memcpy(a.mid, "a", 2);
	a.rx[0].pt = a.tx.pt = 96;
	stream_set(r.e.video, &r.v);
	add_audio(&r.e, &a);
	t = plain_params(&r.e, true);
	t.security = SECURITY_SDES;
	srtp_key_random(&t.rx, SRTP_AES_CM_128_HMAC_SHA1_80);
	srtp_key_random(&t.tx, SRTP_AES_CM_128_HMAC_SHA1_80);
	transport_set(r.e.t, &t);
	assert_int_equal(crypt_new(&crypt, &t.rx, true), 0);
	turns(r.w, 1);
	for (unsigned i = 0; i < 9; i++) {
		struct sent s = part(i / 3, i % 3, i % 3 == 2 ? (int)(i / 3) + 1 : NONE);
		uint8_t buf[256];
		struct writer m = writer_of(buf, sizeof(buf));
		size_t len;

		packet_of(&m, &s, r.p.ssrc, "v");
		len = writer_len(&m);
		assert_int_equal(crypt_seal_rtp(crypt, buf, &len), 0);
		m.p = buf + len;
		peer_send(&r.p, r.w, &m);
	}
	assert_int_equal(r.e.on_video.frames, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(held_of(&r.e, i), i + 1);
	crypt_free(crypt);
	room_close(&r);
}

/* RFC 6464: it comes with the packet, where that is agreed. */
static void test_level(void **state)
{
	struct stream_params a = audio_params();

	(void)state;
	for (int agreed = 0; agreed < 2; agreed++) {
		struct wire *w = bench_wire();
		unsigned got = 0;
		struct peer p;
		struct end e;

		clock_begin();
		a.level_ext = agreed ? EXT : 0;
		peer_open(&p, &e, w, &a);
		for (uint16_t i = 0; i < 30; i++) {
			const uint8_t level = (uint8_t)(0x80 | (60 + i)), sound[160] = { 0 };
			const struct rtp_ext ext = { EXT, 1, &level };
			struct audio_packet out;
			uint8_t buf[256];
			struct writer m = writer_of(buf, sizeof(buf));

			assert_int_equal(rtp_write_header(&(struct rtp_packet){ .seq = i,
				.timestamp = i * 160u, .ssrc = p.ssrc }, &ext, i % 3 > 0, &m), 0);
			writer_bytes(&m, sound, sizeof(sound));
			peer_send(&p, w, &m);
			turns(w, 3);
			if (stream_pull(e.audio, bench_now, &out, NULL) != PULL_PACKET)
				continue;
			got++;
			assert_int_equal(out.level, agreed && out.seq % 3 ? 60 + out.seq : 0);
		}
		assert_true(got > 20);
		close(p.fd);
		end_close(&e);
		wire_drop(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_no_markers),
		cmocka_unit_test(test_unseen_and_changed),
		cmocka_unit_test(test_bundled_and_encrypted),
		cmocka_unit_test(test_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
