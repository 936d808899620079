/* SPDX-License-Identifier: GPL-3.0-or-later
 * Bounds-checked reading and writing of big-endian bytes.
 *
 * Errors are sticky: after the first read or write past the end, `bad` is set,
 * every further read gives zero and nothing more is written, so that a parser
 * checks once at its end. */
#ifndef BALAI_BASE_CURSOR_H
#define BALAI_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *p, *end;
	bool bad;
};

struct writer {
	uint8_t *base, *p, *end;
	bool bad;
};

static inline struct cursor cursor_of(const void *data, size_t len)
{
	const uint8_t *p = (const uint8_t *)data;

	return (struct cursor){ p, p ? p + len : p, false };
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->bad ? 0 : (size_t)(c->end - c->p);
}

/* The next n bytes (borrowed from the input), or NULL if there are fewer. */
static inline const uint8_t *cursor_bytes(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->bad || (size_t)(c->end - c->p) < n) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	return p;
}

static inline void cursor_skip(struct cursor *c, size_t n)
{
	(void)cursor_bytes(c, n);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_bytes(c, 1);

	return p ? p[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
	const uint8_t *p = cursor_bytes(c, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t cursor_u24(struct cursor *c)
{
	const uint8_t *p = cursor_bytes(c, 3);

	return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
	const uint8_t *p = cursor_bytes(c, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		   (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t cursor_u64(struct cursor *c)
{
	uint64_t hi = cursor_u32(c);

	return hi << 32 | cursor_u32(c);
}

/* A sub-cursor over the next n bytes, which are skipped here. */
static inline struct cursor cursor_sub(struct cursor *c, size_t n)
{
	const uint8_t *p = cursor_bytes(c, n);

	return (struct cursor){ p, p ? p + n : NULL, p == NULL };
}

static inline struct writer writer_of(void *buf, size_t cap)
{
	uint8_t *p = (uint8_t *)buf;

	return (struct writer){ p, p, p ? p + cap : p, false };
}

static inline size_t writer_len(const struct writer *w)
{
	return (size_t)(w->p - w->base);
}

/* Reserves n bytes and returns where they start, or NULL when full. */
static inline uint8_t *writer_take(struct writer *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->bad || (size_t)(w->end - w->p) < n) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	return p;
}

static inline void writer_bytes(struct writer *w, const void *data, size_t n)
{
	uint8_t *p = writer_take(w, n);

	if (p && n)
		memcpy(p, data, n);
}

static inline void writer_u8(struct writer *w, unsigned v)
{
	uint8_t *p = writer_take(w, 1);

	if (p)
		p[0] = (uint8_t)v;
}

static inline void writer_u16(struct writer *w, unsigned v)
{
	uint8_t *p = writer_take(w, 2);

	if (p) {
		p[0] = (uint8_t)(v >> 8);
		p[1] = (uint8_t)v;
	}
}

static inline void writer_u24(struct writer *w, uint32_t v)
{
	writer_u8(w, v >> 16);
	writer_u16(w, v & 0xffff);
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
	writer_u16(w, v >> 16);
	writer_u16(w, v & 0xffff);
}

static inline void writer_u64(struct writer *w, uint64_t v)
{
	writer_u32(w, (uint32_t)(v >> 32));
	writer_u32(w, (uint32_t)v);
}

#endif
