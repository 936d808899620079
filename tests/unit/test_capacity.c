/* SPDX-License-Identifier: GPL-3.0-or-later
 * How many calls a machine carries, and by what it is limited. */
#include "tests/unit/cmocka_head.h"

#include "mcu/mc/capacity.h"

#include <string.h>

static void test_table(void **state)
{
	static const uint64_t gb = UINT64_C(1) << 30;
	static const struct {
		unsigned max_calls, first, last; /* media ports */
		uint64_t files, memory;
		unsigned calls;
		const char *limit;
	} rows[] = {
		/* four ports a call */
		{ 0, 20000, 29999, UINT64_MAX, 0, 2500, "ports" },
		{ 0, 20000, 20999, 65536, 64 * gb, 250, "ports" },
		/* five descriptors a call, and 64 for the rest */
		{ 0, 20000, 29999, 1024, 64 * gb, 192, "files" },
		{ 0, 0, 0, 1024, 64 * gb, 192, "files" },
		/* three quarters of it, a megabyte a telephone */
		{ 0, 20000, 29999, 65536, 4 * gb, 2500, "ports" },
		{ 0, 20000, 29999, 65536, 2 * gb, 1536, "memory" },
		/* the administrator's number, also where memory is said to be less … */
		{ 2000, 20000, 29999, 65536, 2 * gb, 2000, "max-calls" },
		{ 40, 20000, 29999, 65536, 64 * gb, 40, "max-calls" },
		/* … but there are no more ports and descriptors by that */
		{ 300, 20000, 20999, 65536, 64 * gb, 250, "ports" },
		{ 300, 20000, 29999, 1024, 64 * gb, 192, "files" },
		/* one call is let in wherever balaid starts at all */
		{ 0, 20000, 29999, 10, 64 * gb, 1, "files" },
		{ 0, 0, 0, UINT64_MAX, 1, 1, "memory" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct capacity_machine machine = { rows[i].files, rows[i].memory };
		struct config config = { 0 };
		struct capacity c;

		config.network.max_calls = rows[i].max_calls;
		config.network.media_port_min = (uint16_t)rows[i].first;
		config.network.media_port_max = (uint16_t)rows[i].last;
		capacity_of(&c, &config, &machine);
		assert_int_equal(c.calls, rows[i].calls);
		assert_string_equal(c.limit, rows[i].limit);
	}
}

/* Slides need two more ports of every call, if any conference takes them. */
static void test_slides(void **state)
{
	struct conf_profile profile = { .slides = SLIDES_REFUSE };
	struct conf_conference conference = { .slides = SLIDES_REFUSE };
	struct config config = {
		.network = { .media_port_min = 20000, .media_port_max = 20599 },
		.profile = &profile, .n_profile = 1, .conference = &conference, .n_conference = 1,
	};
	struct capacity_machine machine = { UINT64_MAX, 0 };
	struct capacity c;

	(void)state;
	capacity_of(&c, &config, &machine);
	assert_int_equal(c.calls, 150);
	conference.slides = SLIDES_RECEIVE;
	capacity_of(&c, &config, &machine);
	assert_int_equal(c.calls, 100);
	conference.slides = SLIDES_REFUSE;
	profile.slides = SLIDES_RECEIVE;
	machine.files = 64 + 700;
	capacity_of(&c, &config, &machine);
	assert_int_equal(c.calls, 100);
	machine.files = 64 + 699;
	capacity_of(&c, &config, &machine);
	assert_int_equal(c.calls, 99);
}

static void test_memory(void **state)
{
	static const uint64_t gb = UINT64_C(1) << 30;

	(void)state;
	assert_false(capacity_memory_full(3 * gb, 4 * gb));
	assert_true(capacity_memory_full(3 * gb + 1, 4 * gb));
	assert_false(capacity_memory_full(3 * gb, 0)); /* not known */
	assert_false(capacity_memory_full(0, 4 * gb));
	/* this program is no smaller than a page and no larger than it may be */
	assert_true(capacity_memory_used() >= 4096);
	assert_true(capacity_memory_used() < 4 * gb);
}

/* Whatever this machine is, it has something, and not more than the kernel says. */
static void test_machine(void **state)
{
	struct capacity_machine m = { 0 };

	(void)state;
	capacity_machine(&m);
	assert_true(m.files >= 16);
	assert_true(m.memory > 16 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_slides),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
