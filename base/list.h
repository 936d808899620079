/* SPDX-License-Identifier: GPL-3.0-or-later
 * Intrusive doubly linked list. Not thread-safe: the owner's thread only. */
#ifndef BALAI_BASE_LIST_H
#define BALAI_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define list_entry(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#define list_each(pos, head) \
	for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

/* Like list_each, but `pos` may be removed inside the body. */
#define list_each_safe(pos, head) \
	for (struct list *pos = (head)->next, *pos##_next = pos->next; \
	     pos != (head); pos = pos##_next, pos##_next = pos->next)

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* Adds `item` at the end of `head`. */
static inline void list_add(struct list *head, struct list *item)
{
	item->prev = head->prev;
	item->next = head;
	head->prev->next = item;
	head->prev = item;
}

/* Removes and re-initialises `item`, so that removing twice is harmless. */
static inline void list_del(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

static inline size_t list_count(const struct list *head)
{
	size_t n = 0;

	list_each(l, head)
		n++;
	return n;
}

#endif
