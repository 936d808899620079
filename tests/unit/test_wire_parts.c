/* SPDX-License-Identifier: GPL-3.0-or-later
 * The wire's parts, each alone: timers, port pairs, latching, SRTP contexts. */
#include "tests/unit/cmocka_head.h"

#include "rtp/io.h"
#include "rtp/latch.h"
#include "rtp/port.h"
#include "rtp/srtp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

/* ---- timers -------------------------------------------------------------- */

struct probe {
	struct io_timer timer;
	int64_t fired_at;
	int order;
};

static int fire_count;
static struct io_timers *fire_timers;

static void probe_fire(struct io_timer *t, int64_t now)
{
	struct probe *p = (struct probe *)(void *)t;

	p->fired_at = now;
	p->order = fire_count++;
}

static void again_fire(struct io_timer *t, int64_t now)
{
	fire_count++;
	io_timer_set(fire_timers, t, now - 1);
}

static void test_timers_order(void **state)
{
	enum { N = 200 };
	struct probe p[N];
	struct io_timers t;
	uint32_t x = 1;
	int64_t last = 0;

	(void)state;
	fire_count = 0;
	assert_int_equal(timers_init(&t), 0);
	assert_int_equal(timers_reserve(&t, N), 0);
	assert_true(timers_next(&t) == INT64_MAX);
	for (int i = 0; i < N; i++) {
		io_timer_init(&p[i].timer, probe_fire);
		p[i].order = -1;
	}
	/* set, moved both ways, taken out */
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < N; i++) {
			x = x * 1664525 + 1013904223;
			io_timer_set(&t, &p[i].timer, 1000 + x % 5000);
		}
	for (int i = 0; i < N; i += 7)
		io_timer_set(&t, &p[i].timer, INT64_MAX);
	io_timer_set(&t, &p[1].timer, 900);
	io_timer_sooner(&t, &p[1].timer, 950);
	assert_true(timers_next(&t) == 900);
	while (timers_next(&t) != INT64_MAX) {
		int64_t at = timers_next(&t);

		assert_true(at >= last);
		last = at;
		timers_run(&t, at);
	}
	for (int i = 0; i < N; i++)
		assert_true((p[i].order >= 0) == (i % 7 != 0));
	assert_int_equal(p[1].order, 0);
	timers_fini(&t);
}

/* One that always wants to run again does not keep the loop for itself. */
static void test_timers_again(void **state)
{
	struct io_timer timer;
	struct io_timers t;

	(void)state;
	fire_count = 0;
	assert_int_equal(timers_init(&t), 0);
	fire_timers = &t;
	io_timer_init(&timer, again_fire);
	io_timer_set(&t, &timer, 10);
	timers_run(&t, 20);
	assert_int_equal(fire_count, 1);
	timers_fini(&t);
}

/* ---- ports --------------------------------------------------------------- */

static void test_port_pairs(void **state)
{
	struct port_range range = { 0, 0, 0 };
	struct port_pair probe, p[4], more;
	uint16_t base;
	int n = 0, r;

	(void)state;
	/* a free stretch, as the system has one */
	assert_int_equal(port_bind(&probe, &range, "127.0.0.1", true), 0);
	base = probe.rtp_port;
	assert_int_equal(base % 2, 0);
	assert_int_equal(probe.rtcp_port, base + 1);
	port_close(&probe);
	/* two pairs fit; the range starts odd, so its first port is not used */
	range = (struct port_range){ (uint16_t)(base - 1), (uint16_t)(base + 3), 0 };
	while (n < 4 && (r = port_bind(&p[n], &range, "127.0.0.1", true)) == 0) {
		assert_int_equal(p[n].rtp_port % 2, 0);
		assert_int_equal(p[n].rtcp_port, p[n].rtp_port + 1);
		assert_in_range(p[n].rtp_port, base, base + 2);
		n++;
	}
	assert_int_equal(r, -EADDRINUSE);
	assert_in_range(n, 1, 2); /* another program may hold one of them */
	port_close(&p[0]);
	assert_int_equal(port_bind(&more, &range, "127.0.0.1", true), 0);
	assert_int_equal(more.rtp_port, p[0].rtp_port);
	port_close(&more);
	while (--n > 0)
		port_close(&p[n]);
}

static void test_port_addresses(void **state)
{
	static const struct { const char *address; int status; } cases[] = {
		{ "127.0.0.1", 0 }, { "::1", 0 }, { NULL, 0 }, { "::", 0 },
		{ "localhost", -EINVAL }, { "", -EINVAL }, { "1.2.3", -EINVAL },
	};
	struct port_range range = { 0, 0, 0 };
	struct port_pair p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = port_bind(&p, &range, cases[i].address, i % 2);

		assert_int_equal(r, cases[i].status);
		if (r == 0) {
			assert_int_equal(p.rtcp >= 0, i % 2);
			port_set_class(p.rtp, MEDIA_AUDIO);
			port_close(&p);
		}
	}
	range = (struct port_range){ 4001, 4001, 0 };
	assert_int_equal(port_bind(&p, &range, NULL, true), -EINVAL);
}

/* ---- latching ------------------------------------------------------------ */

static struct sockaddr_storage at(const char *host, unsigned port)
{
	struct sockaddr_storage s = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&s;

	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	assert_int_equal(inet_pton(AF_INET, host, &in->sin_addr), 1);
	return s;
}

#define MS 1000

/* `n` packets 20 ms apart; the verdict on the last. */
static enum latch_verdict run(struct latch *l, const struct sockaddr_storage *from, uint32_t ssrc,
			      uint16_t seq, int n, int64_t *now)
{
	enum latch_verdict v = LATCH_DROP;

	for (int i = 0; i < n; i++) {
		v = latch_rtp(l, from, ssrc, (uint16_t)(seq + i), *now);
		*now += 20 * MS;
	}
	return v;
}

static void test_latch_signalled(void **state)
{
	struct sockaddr_storage phone = at("192.0.2.1", 4000), other_port = at("192.0.2.1", 4002);
	struct sockaddr_storage evil = at("203.0.113.9", 4000);
	struct latch l = { 0 };
	int64_t now = 1000 * MS;

	(void)state;
	latch_set(&l, &phone, true, now);
	assert_true(addr_equal(latch_dest(&l), &phone));
	assert_int_equal(latch_rtp(&l, &evil, 9, 1, now), LATCH_DROP);
	assert_int_equal(latch_rtp(&l, &other_port, 1, 1, now), LATCH_MOVED);
	assert_true(addr_equal(latch_dest(&l), &other_port));
	/* a stranger neither injects nor steals, however many packets it sends */
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(latch_rtp(&l, &evil, 9, (uint16_t)i, now), LATCH_DROP);
		assert_int_equal(latch_rtp(&l, &other_port, 1, (uint16_t)i, now), LATCH_OK);
		now += 20 * MS;
	}
	/* a phone that is silent but for its reports is not stolen either */
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(latch_rtp(&l, &evil, 9, (uint16_t)i, now), LATCH_DROP);
		if (i % 250 == 0)
			assert_int_equal(latch_rtcp_mux(&l, &other_port, now), LATCH_OK);
		now += 20 * MS;
	}
	/* the same description again, or hold by 0.0.0.0, changes nothing */
	latch_set(&l, &phone, true, now);
	evil = at("0.0.0.0", 4000);
	latch_set(&l, &evil, true, now);
	assert_true(addr_equal(latch_dest(&l), &other_port));
	/* another address does */
	evil = at("192.0.2.7", 4000);
	latch_set(&l, &evil, true, now);
	assert_true(addr_equal(latch_dest(&l), &evil));
	assert_int_equal(latch_rtp(&l, &other_port, 1, 1, now), LATCH_DROP);
}

static void test_latch_nat(void **state)
{
	struct sockaddr_storage private = at("10.0.0.5", 4000), nat = at("198.51.100.1", 61000);
	struct sockaddr_storage rebound = at("198.51.100.1", 61001), evil = at("203.0.113.9", 1);
	struct latch l = { 0 };
	int64_t now = 1000 * MS;

	(void)state;
	latch_set(&l, &private, true, now);
	assert_int_equal(run(&l, &nat, 7, 100, 4, &now), LATCH_DROP);
	/* strangers with many addresses do not push the proof away */
	for (unsigned i = 0; i < 3; i++) {
		struct sockaddr_storage s = at("203.0.113.9", 1000 + i);

		assert_int_equal(latch_rtp(&l, &s, i, (uint16_t)(i * 1000), now), LATCH_DROP);
	}
	assert_int_equal(run(&l, &nat, 7, 104, 1, &now), LATCH_MOVED);
	assert_true(addr_equal(latch_dest(&l), &nat));
	/* rebinding: the same SSRC after a short silence */
	now += 400 * MS;
	assert_int_equal(run(&l, &rebound, 7, 130, 1, &now), LATCH_DROP);
	assert_int_equal(run(&l, &rebound, 7, 131, 1, &now), LATCH_MOVED);
	/* a stranger waits much longer, and sends in sequence */
	now += 1000 * MS;
	assert_int_equal(run(&l, &evil, 8, 1, 50, &now), LATCH_DROP);
	now += 8000 * MS;
	assert_int_equal(run(&l, &evil, 8, 1000, 9, &now), LATCH_DROP);
	assert_int_equal(run(&l, &evil, 8, 1009, 1, &now), LATCH_MOVED);
}

static void test_latch_off(void **state)
{
	struct sockaddr_storage phone = at("192.0.2.1", 4000), port = at("192.0.2.1", 5000);
	struct sockaddr_storage evil = at("203.0.113.9", 4000), none = { 0 };
	struct latch l = { 0 }, rtcp = { 0 };
	int64_t now = 1000 * MS;

	(void)state;
	latch_set(&l, &phone, false, now);
	assert_int_equal(run(&l, &evil, 8, 1, 500, &now), LATCH_DROP);
	/* asymmetric devices are heard, but sent to where they said */
	assert_int_not_equal(run(&l, &port, 1, 1, 2, &now), LATCH_DROP);
	assert_true(addr_equal(latch_dest(&l), &phone));
	assert_int_equal(latch_authentic(&l, &evil, true, now), LATCH_OK);
	assert_true(addr_equal(latch_dest(&l), &phone));
	/* RTCP comes from the host of the RTP */
	latch_set(&rtcp, &none, true, now);
	assert_int_equal(latch_rtcp(&rtcp, &evil, &l, now), LATCH_DROP);
	latch_set(&l, &phone, true, now);
	assert_int_equal(latch_rtcp(&rtcp, &port, &l, now), LATCH_MOVED);
	assert_true(addr_equal(latch_dest(&rtcp), &port));
	/* what is authentic is followed, but not backwards */
	assert_int_equal(latch_authentic(&l, &evil, false, now), LATCH_OK);
	assert_int_equal(latch_authentic(&l, &evil, true, now), LATCH_MOVED);
	assert_true(addr_equal(latch_dest(&l), &evil));
}

/* ---- SRTP contexts ------------------------------------------------------- */

static struct srtp_key key_of(enum srtp_suite suite, uint8_t mki_len)
{
	struct srtp_key k;

	assert_int_equal(srtp_key_random(&k, suite), 0);
	k.mki_len = mki_len;
	for (int i = 0; i < mki_len; i++)
		k.mki[i] = (uint8_t)(i + 1);
	return k;
}

static size_t packet(uint8_t *buf, uint32_t ssrc, uint16_t seq, size_t payload)
{
	const uint8_t head[12] = { 0x80, 0, (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0, 0, 1,
				   (uint8_t)(ssrc >> 24), (uint8_t)(ssrc >> 16),
				   (uint8_t)(ssrc >> 8), (uint8_t)ssrc };

	memcpy(buf, head, 12);
	for (size_t i = 0; i < payload; i++)
		buf[12 + i] = (uint8_t)(i * 7 + seq);
	return 12 + payload;
}

static void test_crypt_suites(void **state)
{
	(void)state;
	for (int s = SRTP_AES_CM_128_HMAC_SHA1_80; s < SRTP_SUITE_COUNT; s++) {
		for (int mki = 0; mki <= 4; mki += 4) {
			struct srtp_key k = key_of((enum srtp_suite)s, (uint8_t)mki);
			struct crypt *tx, *rx;
			uint8_t buf[1600], plain[1600], copy[1600];
			size_t n, len, spoiled;

			assert_int_equal(crypt_new(&tx, &k, true), 0);
			assert_int_equal(crypt_new(&rx, &k, false), 0);
			for (uint16_t seq = 65530; seq != 10; seq++) {
				n = len = packet(plain, 0x1234, seq, 160);
				memcpy(buf, plain, n);
				assert_int_equal(crypt_seal_rtp(tx, buf, &len), 0);
				assert_true(len > n && len <= n + CRYPT_MAX_TRAILER);
				assert_memory_not_equal(buf + 12, plain + 12, n - 12);
				memcpy(copy, buf, len);
				spoiled = len;
				copy[20] ^= 1;
				assert_int_equal(crypt_open_rtp(rx, copy, &spoiled), -EACCES);
				assert_int_equal(crypt_open_rtp(rx, buf, &len), 0);
				assert_int_equal(len, n);
				assert_memory_equal(buf, plain, n);
			}
			crypt_free(tx);
			crypt_free(rx);
		}
	}
}

static void test_crypt_replay_and_limits(void **state)
{
	struct srtp_key k = key_of(SRTP_AES_CM_128_HMAC_SHA1_80, 0), bad = { 0 };
	struct crypt *tx, *rx, *none = NULL;
	uint8_t buf[1600], again[1600];
	size_t len, n;

	(void)state;
	assert_int_equal(crypt_new(&none, &bad, true), -ENOTSUP);
	assert_null(none);
	assert_int_equal(crypt_new(&tx, &k, true), 0);
	assert_int_equal(crypt_new(&rx, &k, false), 0);
	len = packet(buf, 1, 1, 100);
	assert_int_equal(crypt_seal_rtp(tx, buf, &len), 0);
	memcpy(again, buf, len);
	n = len;
	assert_int_equal(crypt_open_rtp(rx, buf, &len), 0);
	assert_int_equal(crypt_open_rtp(rx, again, &n), -EALREADY);
	n = 4;
	assert_int_equal(crypt_open_rtp(rx, again, &n), -EBADMSG);
	n = 7;
	assert_int_equal(crypt_open_rtcp(rx, again, &n), -EBADMSG);
	/* far more senders than are remembered: all are heard, none pile up */
	for (uint32_t ssrc = 100; ssrc < 100 + 10 * CRYPT_MAX_SSRC; ssrc++) {
		len = packet(buf, ssrc, 1, 100);
		assert_int_equal(crypt_seal_rtp(tx, buf, &len), 0);
		assert_int_equal(crypt_open_rtp(rx, buf, &len), 0);
	}
	crypt_free(tx);
	crypt_free(rx);
}

/* Keys change and come back: no packet is lost, no index used twice. */
static void test_keyring(void **state)
{
	struct srtp_key a = key_of(SRTP_AES_CM_128_HMAC_SHA1_80, 0);
	struct srtp_key b = key_of(SRTP_AEAD_AES_256_GCM, 0);
	struct keyring here = { 0 }, there = { 0 };
	uint8_t buf[1600], late[1600];
	size_t len, late_len;
	bool changed;

	(void)state;
	len = packet(buf, 1, 1, 50);
	assert_int_equal(keyring_seal(&here, false, buf, &len), -ENOKEY);
	assert_int_equal(keyring_open(&here, false, buf, &len, 0), -ENOKEY);
	assert_int_equal(keyring_set(&here, &a, &b, 0, &changed), 0);
	assert_true(changed);
	assert_int_equal(keyring_set(&there, &b, &a, 0, &changed), 0);
	/* wrap once, so that the roll-over count is 1 */
	for (uint32_t seq = 65000; seq < 65600; seq++) {
		len = packet(buf, 1, (uint16_t)seq, 50);
		assert_int_equal(keyring_seal(&here, false, buf, &len), 0);
		assert_int_equal(keyring_open(&there, false, buf, &len, 0), 0);
	}
	assert_int_equal(keyring_set(&here, &a, &b, 0, &changed), 0);
	assert_false(changed);
	late_len = packet(late, 1, 100, 50);
	assert_int_equal(keyring_seal(&here, false, late, &late_len), 0);
	/* both change; what was under way still opens, for a while */
	assert_int_equal(keyring_set(&here, &b, &a, 0, &changed), 0);
	assert_true(changed);
	assert_int_equal(keyring_set(&there, &a, &b, 0, &changed), 0);
	memcpy(buf, late, late_len);
	len = late_len;
	assert_int_equal(keyring_open(&there, false, buf, &len, 4000000), -EACCES);
	assert_int_equal(keyring_open(&there, false, late, &late_len, 1000000), 0);
	/* and back: the old contexts go on with their count */
	assert_int_equal(keyring_set(&here, &a, &b, 0, &changed), 0);
	assert_int_equal(keyring_set(&there, &b, &a, 0, &changed), 0);
	len = packet(buf, 1, 101, 50);
	assert_int_equal(keyring_seal(&here, false, buf, &len), 0);
	assert_int_equal(keyring_open(&there, false, buf, &len, 9000000), 0);
	/* a key that cannot be had leaves nothing that would go out plain */
	b.suite = SRTP_SUITE_NONE;
	assert_int_equal(keyring_set(&here, &b, &b, 0, &changed), -ENOTSUP);
	len = packet(buf, 1, 102, 50);
	assert_int_equal(keyring_seal(&here, false, buf, &len), -ENOKEY);
	keyring_fini(&here);
	keyring_fini(&there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers_order),
		cmocka_unit_test(test_timers_again),
		cmocka_unit_test(test_port_pairs),
		cmocka_unit_test(test_port_addresses),
		cmocka_unit_test(test_latch_signalled),
		cmocka_unit_test(test_latch_nat),
		cmocka_unit_test(test_latch_off),
		cmocka_unit_test(test_crypt_suites),
		cmocka_unit_test(test_crypt_replay_and_limits),
		cmocka_unit_test(test_keyring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
