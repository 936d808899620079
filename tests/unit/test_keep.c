/* SPDX-License-Identifier: GPL-3.0-or-later
 * Kept results and pooled blocks. */
#include "base/bufpool.h"
#include "base/keep.h"
#include "base/ref.h"
#include "tests/unit/cmocka_head.h"

#include <string.h>

static int makes;

static void *make(void *arg)
{
	int *obj = arg ? ref_new(sizeof(int), NULL) : NULL;

	makes++;
	if (obj)
		*obj = *(int *)arg;
	return obj;
}

static const uint8_t *key_of(int n)
{
	static uint8_t key[KEEP_KEY];

	memset(key, n, sizeof(key));
	return key;
}

static void test_keep(void **state)
{
	struct keep k;
	long live = ref_live();
	bool made;
	int *a, *b;

	(void)state;
	keep_init(&k);
	makes = 0;
	for (int i = 0; i < KEEP_ITEMS + 3; i++) {
		a = keep_get(&k, key_of(i), make, &i, &made);
		b = keep_get(&k, key_of(i), make, &i, &made);
		assert_int_equal(*a, i);
		assert_int_equal(*b, i);
		/* the last three find no place and are made each time */
		assert_int_equal(a == b, i < KEEP_ITEMS);
		assert_int_equal(made, i >= KEEP_ITEMS);
		ref_drop(a);
		ref_drop(b);
	}
	assert_int_equal(makes, KEEP_ITEMS + 6);
	assert_int_equal(ref_live(), live + KEEP_ITEMS);
	keep_fini(&k);
	assert_int_equal(ref_live(), live);
}

/* What could not be made is not kept, and asked for again. */
static void test_keep_failure(void **state)
{
	struct keep k;
	bool made;
	int one = 1, *a;

	(void)state;
	keep_init(&k);
	assert_null(keep_get(&k, key_of(1), make, NULL, &made));
	assert_true(made);
	a = keep_get(&k, key_of(1), make, &one, &made);
	assert_non_null(a);
	assert_true(made);
	ref_drop(a);
	keep_fini(&k);
}

static void test_bufpool(void **state)
{
	struct bufpool p = BUFPOOL_INIT(1000);
	void *a = bufpool_get(&p, 400), *b = bufpool_get(&p, 400), *c = bufpool_get(&p, 300);

	(void)state;
	assert_int_equal((uintptr_t)a % 64, 0);
	bufpool_put(&p, a, 400);
	assert_ptr_equal(bufpool_get(&p, 400), a);
	assert_int_equal(p.allocated, 3);
	bufpool_put(&p, c, 300);
	bufpool_put(&p, a, 400);
	assert_int_equal(p.free_bytes, 700);
	/* beyond the limit what was not asked for the longest goes */
	bufpool_put(&p, b, 400);
	assert_int_equal(p.free_bytes, 800);
	assert_int_equal(p.free_blocks, 2);
	/* larger than the limit: never kept */
	bufpool_put(&p, bufpool_get(&p, 5000), 5000);
	assert_int_equal(p.free_bytes, 800);
	bufpool_put(&p, NULL, 10);
	/* more sizes than lists: the idle lists change their size */
	for (size_t size = 64; size < 64 + 3 * BUFPOOL_SIZES; size++)
		bufpool_put(&p, bufpool_get(&p, size), size);
	assert_true(p.free_bytes <= 1000);
	bufpool_trim(&p);
	assert_int_equal(p.free_bytes, 0);
	assert_int_equal(p.free_blocks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_keep_failure),
		cmocka_unit_test(test_bufpool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
