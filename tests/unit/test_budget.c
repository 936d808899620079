/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/cmocka_head.h"

#include "rtp/budget.h"

/* Read as a socket is: not while it is held. Packets a second that got through. */
static unsigned rate_of(unsigned sent_per_ms, unsigned per_second, unsigned seconds)
{
	struct budget b = { 0 };
	int64_t held = 0;
	unsigned read = 0;

	for (int64_t now = 1000; now <= (int64_t)seconds * 1000000; now += 1000) {
		int64_t until;

		if (now < held)
			continue;
		until = budget_spend(&b, sent_per_ms, per_second, now);
		read += sent_per_ms;
		if (until) {
			assert_true(until > now && until <= now + 300000);
			held = until;
		}
	}
	return read / seconds;
}

static void test_rates(void **state)
{
	(void)state;
	/* Below it nobody is held, above it what was agreed gets through, and the burst. */
	assert_int_equal(rate_of(1, BUDGET_AUDIO, 10), 1000);
	assert_int_equal(rate_of(19, BUDGET_OTHER, 10), 19000);
	assert_in_range(rate_of(16, BUDGET_AUDIO, 10), BUDGET_AUDIO, BUDGET_AUDIO + 60);
	assert_in_range(rate_of(16 * 20, BUDGET_OTHER, 10), BUDGET_OTHER, BUDGET_OTHER + 600);
}

static void test_burst(void **state)
{
	struct budget b = { 0 };

	(void)state;
	/* A quarter of a second's worth at once, and again after a while. */
	assert_int_equal(budget_spend(&b, BUDGET_AUDIO / 4, BUDGET_AUDIO, 5000000), 0);
	assert_int_equal(budget_spend(&b, 1, BUDGET_AUDIO, 5000000), 5000000 + 500 + BUDGET_HOLD_US);
	assert_int_equal(budget_spend(&b, 1, BUDGET_AUDIO, 5010500), 0);
	assert_int_equal(budget_spend(&b, BUDGET_AUDIO / 4, BUDGET_AUDIO, 9000000), 0);
}

static void test_busy(void **state)
{
	static const struct {
		int percent;  /* in this second */
		bool yields;
	} row[] = {
		{ 30, false }, { 100, false }, { 90, false }, { 97, false }, { 99, true },
		{ 100, true }, { 80, true }, { 76, true }, { 74, false }, { 96, false },
		{ 95, true },
	};
	struct busy b = { 0 };
	int64_t now = 1700000000000000, cpu = 5000;
	bool was = false;

	(void)state;
	assert_false(busy_note(&b, now, cpu));
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_false(busy_note(&b, now + 500000, cpu + 500000));
		now += 1000000;
		cpu += row[i].percent * 10000;
		assert_int_equal(busy_note(&b, now, cpu), row[i].yields != was);
		assert_int_equal(b.yields, row[i].yields);
		was = b.yields;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates), cmocka_unit_test(test_burst),
		cmocka_unit_test(test_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
