/* SPDX-License-Identifier: GPL-3.0-or-later
 * References, cursor, list, mailbox, slot, loop. */
#include "tests/unit/cmocka_head.h"

#include "base/calm.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mailbox.h"
#include "base/ref.h"
#include "base/slot.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static int fini_calls;

static void count_fini(void *self)
{
	(void)self;
	fini_calls++;
}

static void test_ref(void **state)
{
	long before = ref_live();
	int *p = ref_new(sizeof(*p), count_fini);

	(void)state;
	fini_calls = 0;
	assert_int_equal(*p, 0);
	assert_ptr_equal(ref_hold(p), p);
	assert_int_equal(ref_count(p), 2);
	assert_null(ref_drop(p));
	assert_int_equal(fini_calls, 0);
	assert_int_equal(ref_live(), before + 1);
	p = ref_drop(p);
	assert_int_equal(fini_calls, 1);
	assert_int_equal(ref_live(), before);
	assert_null(ref_drop(NULL));
	assert_null(ref_hold(NULL));
	assert_null(ref_new(SIZE_MAX, NULL));
}

static void test_cursor(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct cursor c = cursor_of(bytes, sizeof(bytes)), sub;

	(void)state;
	assert_int_equal(cursor_u8(&c), 1);
	assert_int_equal(cursor_u16(&c), 0x0203);
	sub = cursor_sub(&c, 3);
	assert_int_equal(cursor_u24(&sub), 0x040506);
	assert_int_equal(cursor_u8(&sub), 0);
	assert_true(sub.bad);
	assert_false(c.bad);
	assert_int_equal(cursor_left(&c), 3);
	assert_int_equal(cursor_u32(&c), 0);
	assert_true(c.bad);
	assert_int_equal(cursor_left(&c), 0);
	/* Sticky: what would fit is refused too. */
	assert_null(cursor_bytes(&c, 1));
	c = cursor_of(NULL, 0);
	assert_int_equal(cursor_left(&c), 0);
	assert_int_equal(cursor_u64(&c), 0);
	assert_true(c.bad);
	c = cursor_of(bytes, 8);
	assert_true(cursor_u64(&c) == 0x0102030405060708ull);
	assert_false(c.bad);
}

static void test_writer(void **state)
{
	uint8_t buf[10];
	struct writer w = writer_of(buf, sizeof(buf));

	(void)state;
	writer_u8(&w, 0x101);
	writer_u16(&w, 0x0203);
	writer_u24(&w, 0x040506);
	writer_u32(&w, 0x0708090a);
	assert_false(w.bad);
	assert_int_equal(writer_len(&w), 10);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(buf[i], i + 1);
	writer_u8(&w, 9);
	assert_true(w.bad);
	assert_int_equal(writer_len(&w), 10);
}

static void test_list(void **state)
{
	struct item { int v; struct list link; } a = { 1, { 0 } }, b = { 2, { 0 } };
	struct list head;
	int sum = 0;

	(void)state;
	list_init(&head);
	list_add(&head, &a.link);
	list_add(&head, &b.link);
	assert_int_equal(list_count(&head), 2);
	list_each(l, &head)
		sum = sum * 10 + list_entry(l, struct item, link)->v;
	assert_int_equal(sum, 12);
	list_each_safe(l, &head)
		list_del(l);
	assert_true(list_empty(&head));
	list_del(&a.link);
}

struct note {
	struct msg msg;
	int v;
};

static int notes[64], n_notes, n_discarded, n_wakes;

static void note_discard(struct msg *m)
{
	n_discarded++;
	free(m);
}

static void note_deliver(struct msg *m, void *owner)
{
	(void)owner;
	notes[n_notes++] = ((struct note *)(void *)m)->v;
	free(m);
}

static struct msg *note(int v, bool media)
{
	struct note *n = calloc(1, sizeof(*n));

	n->msg.deliver = note_deliver;
	n->msg.discard = note_discard;
	n->msg.media = media;
	n->v = v;
	return &n->msg;
}

static void on_wake(void *arg)
{
	(void)arg;
	n_wakes++;
}

static void test_mailbox_drops_oldest_media(void **state)
{
	struct mailbox *mb = NULL;

	(void)state;
	n_notes = n_discarded = n_wakes = 0;
	assert_int_equal(mailbox_new(&mb, 2, on_wake, NULL), 0);
	mailbox_put(mb, note(1, true));
	mailbox_put(mb, note(2, false));
	mailbox_put(mb, note(3, true));
	mailbox_put(mb, note(4, true));  /* 1 goes */
	mailbox_put(mb, note(5, false)); /* control never goes */
	assert_int_equal(n_wakes, 1);
	assert_int_equal(n_discarded, 1);
	assert_int_equal(mailbox_dropped(mb), 1);
	assert_int_equal(mailbox_run(mb, NULL), 4);
	assert_int_equal(notes[0], 2);
	assert_int_equal(notes[1], 3);
	assert_int_equal(notes[2], 4);
	assert_int_equal(notes[3], 5);
	mailbox_put(mb, note(6, true));
	assert_int_equal(n_wakes, 2);
	mailbox_put(mb, note(7, true));
	mailbox_put(mb, note(8, true)); /* the oldest is the first of the queue */
	mailbox_close(mb);
	assert_int_equal(n_discarded, 4);
	mailbox_put(mb, note(9, false));
	assert_int_equal(n_discarded, 5);
	assert_null(mailbox_free(mb));
	/* No media allowed at all: refused, not crashed. */
	assert_int_equal(mailbox_new(&mb, 0, NULL, NULL), 0);
	mailbox_put(mb, note(1, true));
	assert_int_equal(n_discarded, 6);
	mailbox_free(mb);
}

static void test_slot(void **state)
{
	struct slot s;
	uint64_t serial = 7;
	int *a = ref_new(sizeof(*a), count_fini), *b;

	(void)state;
	fini_calls = 0;
	slot_init(&s);
	assert_null(slot_get(&s, &serial));
	assert_int_equal(serial, 0);
	slot_put(&s, a);
	b = slot_get(&s, &serial);
	assert_ptr_equal(a, b);
	assert_int_equal(serial, 1);
	slot_put(&s, NULL);
	assert_int_equal(fini_calls, 0);
	ref_drop(b);
	assert_int_equal(fini_calls, 1);
	slot_fini(&s);
}

static void test_log_level(void **state)
{
	enum log_level l = LOG_LEVEL_ERROR;

	(void)state;
	assert_int_equal(log_level_parse(&l, "debug"), 0);
	assert_int_equal(l, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse(&l, "loud"), -EINVAL);
}

/* ---- loop ---- */

struct loop_case {
	struct loop *loop;
	struct timer *timer;
	struct loop_fd *fd;
	int fds[2], calls, fired, readable;
};

static void called(void *arg)
{
	struct loop_case *c = arg;

	assert_true(loop_here(c->loop));
	if (++c->calls == 100)
		timer_set(c->timer, 1000);
}

static void fired(void *arg)
{
	struct loop_case *c = arg;

	c->fired++;
	c->timer = timer_free(c->timer);
	assert_int_equal(write(c->fds[1], "x", 1), 1);
}

static void readable(void *arg, unsigned events)
{
	struct loop_case *c = arg;

	assert_true(events & LOOP_READ);
	c->readable++;
	c->fd = loop_fd_free(c->fd);
	loop_stop(c->loop);
}

static void *poster(void *arg)
{
	struct loop_case *c = arg;

	assert_false(loop_here(c->loop));
	for (int i = 0; i < 100; i++)
		assert_int_equal(loop_call(c->loop, called, c), 0);
	return NULL;
}

static void test_loop(void **state)
{
	struct loop_case c = { 0 };
	pthread_t thread;

	(void)state;
	assert_int_equal(pipe(c.fds), 0);
	assert_int_equal(loop_new(&c.loop), 0);
	assert_non_null(loop_root(c.loop));
	assert_int_equal(timer_new(&c.timer, c.loop, fired, &c), 0);
	assert_int_equal(loop_fd_new(&c.fd, c.loop, c.fds[0], LOOP_READ, readable, &c), 0);
	timer_set(c.timer, 1000000);
	timer_cancel(c.timer);
	assert_int_equal(pthread_create(&thread, NULL, poster, &c), 0);
	loop_run(c.loop);
	pthread_join(thread, NULL);
	assert_int_equal(c.calls, 100);
	assert_int_equal(c.fired, 1);
	assert_int_equal(c.readable, 1);
	/* What is posted and never run is freed with the loop. */
	assert_int_equal(loop_call(c.loop, called, &c), 0);
	assert_null(loop_free(c.loop));
	assert_int_equal(c.calls, 100);
	close(c.fds[0]);
	close(c.fds[1]);
}

/* ---- calm ---- */

static atomic_int releases;

static void release(void)
{
	atomic_fetch_add(&releases, 1);
}

/* The timer is due at once, so a few steps are enough for what does not happen. */
static unsigned given(struct loop *loop, const struct calm *calm)
{
	for (int i = 0; i < 5; i++)
		loop_step(loop, 2);
	return calm_count(calm);
}

static void test_calm(void **state)
{
	struct calm *calm;
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(calm_new(&calm, loop, 0, release), 0);
	calm_crowd(calm, 0);
	assert_int_equal(given(loop, calm), 0);  /* there was nobody */
	calm_crowd(calm, 100);
	calm_crowd(calm, 26);
	assert_int_equal(given(loop, calm), 0);  /* more than a quarter */
	calm_crowd(calm, 25);
	calm_crowd(calm, 60);
	assert_int_equal(given(loop, calm), 0);  /* they came back */
	calm_crowd(calm, 25);
	assert_int_equal(given(loop, calm), 1);
	assert_int_equal(given(loop, calm), 1);  /* once */
	calm_crowd(calm, 7);
	assert_int_equal(given(loop, calm), 1);
	calm_crowd(calm, 6);
	calm_crowd(calm, 0);
	assert_int_equal(given(loop, calm), 2);
	calm_free(calm); /* waits for the last */
	assert_int_equal(atomic_load(&releases), 2);
	loop_free(loop);
}

static void test_clock_fake(void **state)
{
	int64_t t = clock_us();

	(void)state;
	assert_true(t > 0);
	clock_fake(5000);
	assert_int_equal(clock_us(), 5000);
	assert_int_equal(clock_wall_us(), 5000);
	clock_fake(-1);
	assert_true(clock_us() >= t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ref),
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_mailbox_drops_oldest_media),
		cmocka_unit_test(test_slot),
		cmocka_unit_test(test_log_level),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_calm),
		cmocka_unit_test(test_clock_fake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
