/* SPDX-License-Identifier: GPL-3.0-or-later
 * The pool: one worker at a time per actor, deadline order, orderly stop. */
#include "tests/unit/cmocka_head.h"

#include "base/clock.h"
#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counted {
	struct actor *actor;
	atomic_int inside, runs, messages, finis;
	int again;
};

static void counted_run(void *arg, int64_t now)
{
	struct counted *c = arg;

	assert_true(now > 0);
	assert_int_equal(atomic_fetch_add(&c->inside, 1), 0);
	atomic_fetch_add(&c->runs, 1);
	if (c->again > 0) {
		c->again--;
		actor_schedule(c->actor, now);
	}
	atomic_fetch_sub(&c->inside, 1);
}

static void counted_fini(void *arg)
{
	atomic_fetch_add(&((struct counted *)arg)->finis, 1);
}

static void on_message(void *arg, void *owner)
{
	struct counted *c = owner;

	assert_ptr_equal(arg, c);
	atomic_fetch_add(&c->messages, 1);
}

static void *flood(void *arg)
{
	struct counted *c = arg;

	for (int i = 0; i < 2000; i++)
		actor_post(c->actor, msg_call(on_message, NULL, c));
	return NULL;
}

static void wait_a_little(void)
{
	clock_sleep_until(clock_us() + 1000);
}

static void test_messages_from_many_threads(void **state)
{
	struct counted c = { 0 };
	struct pool *pool = NULL;
	pthread_t t[4];

	(void)state;
	assert_int_equal(pool_new(&pool, "test", 3), 0);
	assert_int_equal(actor_new(&c.actor, pool, 4, counted_run, counted_fini, &c), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, flood, &c), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	while (atomic_load(&c.messages) < 8000)
		wait_a_little();
	actor_stop(c.actor);
	pool_free(pool);
	assert_int_equal(atomic_load(&c.messages), 8000);
	assert_int_equal(atomic_load(&c.finis), 1);
}

static void test_schedule_from_inside(void **state)
{
	struct counted c = { .again = 50 };
	struct pool *pool = NULL;

	(void)state;
	assert_int_equal(pool_new(&pool, "test", 2), 0);
	assert_int_equal(actor_new(&c.actor, pool, 4, counted_run, counted_fini, &c), 0);
	actor_schedule(c.actor, clock_us());
	while (atomic_load(&c.runs) < 51)
		wait_a_little();
	actor_stop(c.actor);
	pool_free(pool);
	assert_int_equal(atomic_load(&c.runs), 51);
}

/* Deadline order: while the only worker is held, three become due. */
static int order[3];
static atomic_int n_order, held;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void gate_run(void *arg, int64_t now)
{
	(void)arg;
	(void)now;
	atomic_store(&held, 1);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
}

static void order_run(void *arg, int64_t now)
{
	int n = atomic_load(&n_order);

	(void)now;
	order[n] = *(int *)arg;
	atomic_store(&n_order, n + 1);
}

static void test_earliest_deadline_first(void **state)
{
	int id[3] = { 0, 1, 2 };
	struct pool *pool = NULL;
	struct actor *g, *a[3];
	int64_t now;

	(void)state;
	pthread_mutex_lock(&gate);
	assert_int_equal(pool_new(&pool, "test", 1), 0);
	assert_int_equal(actor_new(&g, pool, 1, gate_run, NULL, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(actor_new(&a[i], pool, 1, order_run, NULL, &id[i]), 0);
	actor_schedule(g, clock_us());
	while (!atomic_load(&held))
		wait_a_little();
	now = clock_us();
	actor_schedule(a[0], now - 1000);
	actor_schedule(a[1], now - 2000);
	actor_schedule(a[2], now + 1000000);
	actor_schedule(a[2], now - 3000); /* the earlier one counts */
	pthread_mutex_unlock(&gate);
	while (atomic_load(&n_order) < 3)
		wait_a_little();
	actor_stop(g);
	for (int i = 0; i < 3; i++)
		actor_stop(a[i]);
	pool_free(pool);
	assert_int_equal(order[0], 2);
	assert_int_equal(order[1], 1);
	assert_int_equal(order[2], 0);
}

static void test_stop_discards(void **state)
{
	struct counted c = { 0 };
	struct pool *pool = NULL;

	(void)state;
	for (int i = 0; i < 200; i++) {
		assert_int_equal(pool_new(&pool, "test", 2), 0);
		assert_int_equal(actor_new(&c.actor, pool, 4, counted_run, counted_fini, &c), 0);
		for (int k = 0; k < 10; k++)
			actor_post(c.actor, msg_call(on_message, NULL, &c));
		actor_stop(c.actor);
		pool_free(pool);
		assert_int_equal(atomic_load(&c.finis), i + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_from_many_threads),
		cmocka_unit_test(test_schedule_from_inside),
		cmocka_unit_test(test_earliest_deadline_first),
		cmocka_unit_test(test_stop_discards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
