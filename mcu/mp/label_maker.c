/* SPDX-License-Identifier: GPL-3.0-or-later
 * Labels, each drawn once: a table of those there are, and the thread that draws. */
#include "mcu/mp/label.h"

#include "base/list.h"
#include "base/log.h"
#include "base/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BUCKETS = 256, DRAW_NICE = 10 };

struct label {
	struct label_spec spec;
	_Atomic(struct label_image *) image;
};

/* A label in the table. */
struct kept {
	struct list bucket, age;
	struct label *label;
};

struct label_maker {
	/* control thread */
	struct list bucket[BUCKETS];
	struct list age;             /* the last that was asked for at the end */
	uint32_t n;
	pthread_t thread;
	/* between both */
	struct mailbox *mailbox;
	int event_fd;
	atomic_bool stopping;
	_Atomic uint64_t drawn;
	/* the thread */
	struct label_pen *pen;
};

struct draw_msg {
	struct msg msg;
	struct label *label;
};

static void label_fini(void *obj)
{
	struct label *self = obj;

	free(atomic_load(&self->image));
}

const struct label_image *label_image(const struct label *self)
{
	struct label *l = (struct label *)(uintptr_t)self;

	return atomic_load_explicit(&l->image, memory_order_acquire);
}

/* ---- the thread ------------------------------------------------------------------ */

static void draw_discard(struct msg *msg)
{
	struct draw_msg *m = (struct draw_msg *)(void *)msg;

	ref_drop(m->label);
	free(m);
}

static void draw_deliver(struct msg *msg, void *owner)
{
	struct draw_msg *m = (struct draw_msg *)(void *)msg;
	struct label_maker *self = owner;
	struct label_image *image = NULL;
	int err = 0;

	if (atomic_load(&self->stopping)) {
		draw_discard(msg);
		return;
	}
	if (!self->pen)
		err = label_pen_new(&self->pen);
	if (!err)
		err = label_draw(self->pen, &m->label->spec, &image);
	if (err) {
		log_error("label=lost error=%s", strerror(-err));
	} else {
		atomic_store_explicit(&m->label->image, image, memory_order_release);
		atomic_fetch_add(&self->drawn, 1);
	}
	draw_discard(msg);
}

static void maker_wake(void *arg)
{
	struct label_maker *self = arg;
	uint64_t one = 1;

	while (write(self->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void *maker_run(void *arg)
{
	struct label_maker *self = arg;
	uint64_t n;

	/* Of this thread only (Linux): whatever is on time goes first. */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), DRAW_NICE);
	while (!atomic_load(&self->stopping)) {
		if (read(self->event_fd, &n, sizeof(n)) < 0 && errno != EINTR)
			break;
		mailbox_run(self->mailbox, self);
	}
	self->pen = label_pen_free(self->pen);
	return NULL;
}

/* ---- the table ------------------------------------------------------------------- */

static bool spec_equal(const struct label_spec *a, const struct label_spec *b)
{
	return a->style == b->style && a->marks == b->marks && a->w == b->w && a->h == b->h &&
	       !strcmp(a->text, b->text);
}

/* FNV-1a */
static uint32_t spec_hash(const struct label_spec *s)
{
	uint32_t h = 2166136261u ^ ((uint32_t)s->w << 16 | s->h);

	for (const char *p = s->text; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	return (h ^ s->marks ^ (uint32_t)s->style << 4) * 16777619u;
}

static void kept_drop(struct label_maker *self, struct kept *k)
{
	list_del(&k->bucket);
	list_del(&k->age);
	ref_drop(k->label);
	free(k);
	self->n--;
}

/* Those nobody else holds, the longest unused first, until few enough are left. */
static void maker_trim(struct label_maker *self)
{
	unsigned unused = 0;

	list_each(l, &self->age)
		unused += ref_count(list_entry(l, struct kept, age)->label) == 1;
	list_each_safe(l, &self->age) {
		struct kept *k = list_entry(l, struct kept, age);

		if (unused <= LABEL_MAX_UNUSED)
			return;
		if (ref_count(k->label) == 1) {
			kept_drop(self, k);
			unused--;
		}
	}
}

/* Holds the label for the table and asks the thread to draw it. */
static struct kept *kept_new(struct label_maker *self, const struct label_spec *spec)
{
	struct kept *k = calloc(1, sizeof(*k));
	struct draw_msg *m = calloc(1, sizeof(*m));
	struct label *label = ref_new(sizeof(*label), label_fini);

	if (!k || !m || !label) {
		free(k);
		free(m);
		ref_drop(label);
		return NULL;
	}
	label->spec = *spec;
	k->label = label;
	m->msg.deliver = draw_deliver;
	m->msg.discard = draw_discard;
	m->label = ref_hold(label);
	mailbox_put(self->mailbox, &m->msg);
	self->n++;
	return k;
}

struct label *label_get(struct label_maker *self, const struct label_spec *spec)
{
	struct list *bucket = &self->bucket[spec_hash(spec) % BUCKETS];
	struct kept *k;

	list_each(l, bucket) {
		k = list_entry(l, struct kept, bucket);
		if (!spec_equal(&k->label->spec, spec))
			continue;
		list_del(&k->age);
		list_add(&self->age, &k->age);
		return ref_hold(k->label);
	}
	maker_trim(self);
	k = kept_new(self, spec);
	if (!k)
		return NULL;
	list_add(bucket, &k->bucket);
	list_add(&self->age, &k->age);
	return ref_hold(k->label);
}

/* ---- life ------------------------------------------------------------------------ */

int label_maker_new(struct label_maker **out)
{
	struct label_maker *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&self->bucket[i]);
	list_init(&self->age);
	self->event_fd = eventfd(0, EFD_CLOEXEC);
	if (self->event_fd < 0) {
		err = -errno;
		free(self);
		return err;
	}
	err = mailbox_new(&self->mailbox, 0, maker_wake, self);
	if (!err)
		err = -pthread_create(&self->thread, NULL, maker_run, self);
	if (err) {
		mailbox_free(self->mailbox);
		close(self->event_fd);
		free(self);
		return err;
	}
	*out = self;
	return 0;
}

struct label_maker *label_maker_free(struct label_maker *self)
{
	if (!self)
		return NULL;
	atomic_store(&self->stopping, true);
	maker_wake(self);
	pthread_join(self->thread, NULL);
	mailbox_free(self->mailbox);
	list_each_safe(l, &self->age)
		kept_drop(self, list_entry(l, struct kept, age));
	close(self->event_fd);
	free(self);
	return NULL;
}

void label_maker_stats(const struct label_maker *self, struct label_maker_stats *out)
{
	struct label_maker *m = (struct label_maker *)(uintptr_t)self;

	out->labels = m->n;
	out->drawn = atomic_load(&m->drawn);
}
