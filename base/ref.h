/* SPDX-License-Identifier: GPL-3.0-or-later
 * Counted references.
 *
 * Any thread may hold or drop. The thread that drops the last reference runs
 * the object's fini, so fini must not assume a thread. */
#ifndef BALAI_BASE_REF_H
#define BALAI_BASE_REF_H

#include <stddef.h>

/* A zeroed object of `size` bytes with one reference, or NULL when out of
 * memory. `fini` (may be NULL) releases what the object holds; the memory
 * itself is freed after it. */
void *ref_new(size_t size, void (*fini)(void *self));

/* Adds a reference; NULL is passed through. Returns self. */
void *ref_hold(void *self);

/* Gives one reference back; NULL is allowed. Always returns NULL, so that
 * `p = ref_drop(p);` leaves no dangling pointer. */
void *ref_drop(void *self);

/* References now held; for assertions and tests only. */
unsigned ref_count(const void *self);

/* Live objects in the process; tests use it to see that nothing leaks. */
long ref_live(void);

#endif
