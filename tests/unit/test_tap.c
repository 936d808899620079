/* SPDX-License-Identifier: GPL-3.0-or-later
 * Taps: the bytes of their files, and their limits. */
#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "rtp/io.h"
#include "rtp/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

enum { FILE_HEADER = 24, RECORD = 16 };

static const struct tap_limits wide = { 1 << 20, INT64_MAX };

static struct sockaddr_storage addr(const char *text, uint16_t port)
{
	struct sockaddr_storage a = { 0 };

	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)(void *)&a)->sin_addr) == 1)
		a.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)(void *)&a)->sin6_addr) == 1)
		a.ss_family = AF_INET6;
	addr_set_port(&a, port);
	return a;
}

static size_t read_all(int fd, uint8_t *buf, size_t cap)
{
	ssize_t n = pread(fd, buf, cap, 0);

	assert_true(n >= 0);
	return (size_t)n;
}

/* Sums worked out by hand (RFC 1071). */
static void test_ipv4(void **state)
{
	static const uint8_t want[] = {
		0x45, 0, 0, 30, 0, 0, 0x40, 0, 64, 17, 0x3c, 0xcd, 127, 0, 0, 1, 127, 0, 0, 1,
		0x03, 0xe8, 0x07, 0xd0, 0, 10, 0x8d, 0xb6, 'h', 'i',
	};
	struct sockaddr_storage from = addr("127.0.0.1", 1000), to = addr("127.0.0.1", 2000);
	int fd = memfd_create("tap", 0);
	uint32_t record[4], head[6];
	struct tap_stats stats;
	struct tap *tap = NULL;
	uint8_t buf[256];
	size_t n;

	(void)state;
	assert_int_equal(tap_new(&tap, fd, "127.0.0.1", &wide), 0);
	tap_packet(tap, true, &from, &to, 1700000000123456, (const uint8_t *)"hi", 2);
	ref_hold(tap);
	tap_end(tap);
	assert_true(tap_done(tap));
	tap_stats(tap, &stats);
	ref_drop(tap);
	n = read_all(fd, buf, sizeof(buf));
	assert_int_equal(n, FILE_HEADER + RECORD + sizeof(want));
	assert_int_equal(stats.packets, 1);
	assert_int_equal(stats.bytes, n);
	assert_int_equal(stats.dropped, 0);
	assert_int_equal(stats.error, 0);
	memcpy(head, buf, sizeof(head));
	assert_int_equal(head[0], 0xa1b2c3d4);
	assert_int_equal(head[5], 101);
	memcpy(record, buf + FILE_HEADER, sizeof(record));
	assert_int_equal(record[0], 1700000000);
	assert_int_equal(record[1], 123456);
	assert_int_equal(record[2], sizeof(want));
	assert_int_equal(record[3], sizeof(want));
	assert_memory_equal(buf + FILE_HEADER + RECORD, want, sizeof(want));
	close(fd);
}

/* RFC 768, RFC 8200 8.1: what is summed with its sum gives 0xffff. */
static unsigned sum_of(const uint8_t *p, size_t len, unsigned sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (unsigned)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void test_ipv6(void **state)
{
	static const uint8_t data[3] = { 1, 2, 3 };
	struct sockaddr_storage from = addr("2001:db8::1", 5060), to = addr("192.0.2.7", 6000);
	int fd = memfd_create("tap", 0);
	const uint8_t *ip, *udp;
	struct tap *tap = NULL;
	uint8_t buf[256];
	size_t n;

	(void)state;
	assert_int_equal(tap_new(&tap, fd, "2001:db8::1", &wide), 0);
	tap_packet(tap, true, &from, &to, 1, data, sizeof(data));
	tap_end(tap);
	n = read_all(fd, buf, sizeof(buf));
	assert_int_equal(n, FILE_HEADER + RECORD + 40 + 8 + 3);
	ip = buf + FILE_HEADER + RECORD;
	udp = ip + 40;
	assert_int_equal(ip[0], 0x60);
	assert_int_equal(ip[5], 11);
	assert_int_equal(ip[6], 17);
	assert_int_equal(udp[5], 11);
	/* the other family as a mapped address */
	assert_memory_equal(ip + 24, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07", 16);
	assert_int_equal(sum_of(udp, 11, sum_of(ip + 8, 32, 11 + 17)), 0xffff);
	close(fd);
}

static void test_limits(void **state)
{
	const struct tap_limits small = { FILE_HEADER + 2 * (RECORD + 28 + 100), 1000 };
	struct sockaddr_storage a = addr("127.0.0.1", 1), b = addr("127.0.0.1", 2);
	int fd = memfd_create("tap", 0);
	struct tap_stats stats;
	struct tap *tap = NULL;
	static uint8_t data[70000];

	(void)state;
	assert_int_equal(tap_new(&tap, fd, "nonsense", &small), -EINVAL);
	assert_null(tap);
	assert_int_equal(tap_new(&tap, -1, "127.0.0.1", &small), -EBADF);
	assert_null(tap);
	assert_int_equal(tap_new(&tap, fd, "127.0.0.1", &small), 0);
	tap_packet(tap, true, &a, &b, 1001, data, 100);   /* after its time */
	tap_packet(tap, true, &a, &b, 999, data, 100);
	tap_packet(tap, true, &a, &b, 1000, data, 100);
	tap_packet(tap, true, &a, &b, 1000, data, 100);   /* too much */
	ref_hold(tap);
	tap_end(tap);
	tap_stats(tap, &stats);
	assert_int_equal(stats.packets, 2);
	assert_int_equal(stats.bytes, small.bytes);
	assert_int_equal(stats.error, -EFBIG);
	tap_packet(tap, true, &a, &b, 1, data, 100);      /* after the end */
	ref_drop(tap);
	/* a packet that no UDP could carry is cut */
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(tap_new(&tap, fd, "127.0.0.1", &wide), 0);
	tap_packet(tap, false, &a, &b, 1, data, sizeof(data));
	tap_end(tap);
	assert_int_equal(lseek(fd, 0, SEEK_END), FILE_HEADER + RECORD + 28 + 65507);
	close(fd);
}

/* The disk is full: the tap ends, and says why. */
static void test_full(void **state)
{
	struct sockaddr_storage a = addr("127.0.0.1", 1), b = addr("127.0.0.1", 2);
	struct rlimit before, none = { 0, RLIM_INFINITY };
	int fd = memfd_create("tap", 0);
	struct tap_stats stats;
	struct tap *tap = NULL;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(tap_new(&tap, fd, "127.0.0.1", &wide), 0);
	tap_packet(tap, true, &a, &b, 1, (const uint8_t *)"x", 1);
	ref_hold(tap);
	tap_end(tap);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	tap_stats(tap, &stats);
	assert_int_equal(stats.error, -EFBIG);
	ref_drop(tap);
	close(fd);
}

/* Many threads put at once; every packet is written or counted as dropped. */
struct putter {
	struct tap *tap;
	pthread_t thread;
};

enum { PUTTERS = 4, PUTS = 3000 };

static void *put_many(void *arg)
{
	struct putter *p = (struct putter *)arg;
	struct sockaddr_storage a = addr("127.0.0.1", 1), b = addr("127.0.0.1", 2);

	for (int i = 0; i < PUTS; i++)
		tap_packet(p->tap, true, &a, &b, 1, (const uint8_t *)"12345678", 8);
	return NULL;
}

static void test_threads(void **state)
{
	const struct tap_limits huge = { 1ull << 30, INT64_MAX };
	struct putter p[PUTTERS];
	int fd = memfd_create("tap", 0);
	struct tap_stats stats;
	struct tap *tap = NULL;

	(void)state;
	assert_int_equal(tap_new(&tap, fd, "127.0.0.1", &huge), 0);
	for (int i = 0; i < PUTTERS; i++) {
		p[i].tap = (struct tap *)ref_hold(tap);
		assert_int_equal(pthread_create(&p[i].thread, NULL, put_many, &p[i]), 0);
	}
	for (int i = 0; i < PUTTERS; i++) {
		pthread_join(p[i].thread, NULL);
		ref_drop(p[i].tap);
	}
	ref_hold(tap);
	tap_end(tap);
	tap_stats(tap, &stats);
	assert_int_equal(stats.packets + stats.dropped, PUTTERS * PUTS);
	assert_int_equal(lseek(fd, 0, SEEK_END), FILE_HEADER + stats.packets * (RECORD + 28 + 8));
	ref_drop(tap);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4), cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_full),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
