/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/load/freshness.h"

#include "base/ref.h"
#include "codecs/payload.h"
#include "codecs/video.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sight {
	int64_t at;
	int counter;
};

struct tile_log {
	struct sight *sight;
	size_t n, cap;
	unsigned fresh;
	int last;
};

static void note(struct tile_log *t, int64_t at, int counter)
{
	if (counter < 0)
		return;
	if (counter == t->last)
		return;
	t->last = counter;
	t->fresh++;
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 1024;
		struct sight *s = realloc(t->sight, cap * sizeof(*s));

		if (!s)
			return;
		t->sight = s;
		t->cap = cap;
	}
	t->sight[t->n++] = (struct sight){ at, counter };
}

/* What came before `from` is only looked through for the first full picture. */
static void look(struct picture *p, int64_t at, int64_t from, unsigned seen, bool whole,
		 struct freshness *out, struct tile_log *log)
{
	struct rect rect[LAYOUT_MAX_TILES];
	unsigned legible = 0;

	out->pictures += at >= from;
	out->width = p->width;
	out->height = p->height;
	out->n_tiles = layout_rects(layout_builtin(0), seen, p->width, p->height, rect);
	if (out->n_tiles > seen)
		out->n_tiles = seen;
	for (unsigned i = 0; i < out->n_tiles; i++) {
		/* The clip is 16:9 and may stand letterboxed in its tile. */
		int w = rect[i].w, h = w * 9 / 16, counter;

		if (h > rect[i].h) {
			h = rect[i].h;
			w = h * 16 / 9;
		}
		counter = clip_read_counter(p, rect[i].x + (rect[i].w - w) / 2,
					    rect[i].y + (rect[i].h - h) / 2, w, h);
		legible += counter >= 0;
		if (at >= from)
			note(&log[i], at, counter);
	}
	if (!out->first_full_us && whole && legible == seen)
		out->first_full_us = at;
}

static int by_value(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

/* Ages of what a tile showed if it showed this endpoint; how many fit. */
static size_t ages(const struct tile_log *t, const struct endpoint *source, double *age)
{
	size_t n_sent, n = 0, k = 0;
	const struct sent *sent = endpoint_sent(source, &n_sent);

	for (size_t i = 0; i < t->n; i++) {
		size_t m;

		/* The last time this counter was sent before it was seen. */
		while (k + 1 < n_sent && sent[k + 1].at <= t->sight[i].at)
			k++;
		for (m = k; m < n_sent && t->sight[i].at - sent[m].at < 1000000; m--) {
			if ((int)sent[m].counter == t->sight[i].counter) {
				age[n++] = (double)(t->sight[i].at - sent[m].at) / 1000;
				break;
			}
			if (!m)
				break;
		}
	}
	return n;
}

struct fit {
	size_t n;       /* sights that this endpoint explains; 0: it does not count */
	double p50, p99;
};

/* How well each endpoint explains what a tile showed. */
static void fit_tile(const struct tile_log *t, struct endpoint *const *all, unsigned n_all,
		     double *age, struct fit *fit)
{
	size_t best = t->n / 2;

	for (unsigned i = 0; i < n_all; i++) {
		size_t n = ages(t, all[i], age);

		if (n <= t->n / 2)
			continue;
		qsort(age, n, sizeof(*age), by_value);
		fit[i] = (struct fit){ n, age[n / 2], age[n * 99 / 100] };
		best = n > best ? n : best;
	}
	for (unsigned i = 0; i < n_all; i++)
		if (fit[i].n * 20 < best * 19)
			fit[i].n = 0;
}

/* Endpoints less than a second apart in the clip explain a tile equally well, with
 * other latencies. Each is in one tile at most, and the closest pair goes first; who
 * is exchanged for another that way leaves the mean of the latencies as it is. */
static void find_sources(const struct tile_log *log, struct endpoint *const *all,
			 unsigned n_all, struct freshness *out)
{
	struct fit *fit = calloc((size_t)out->n_tiles * n_all + 1, sizeof(*fit));
	double *age;
	size_t most = 0, at;

	for (unsigned i = 0; i < out->n_tiles; i++) {
		out->tile[i].source = -1;
		most = log[i].n > most ? log[i].n : most;
	}
	age = calloc(most + 1, sizeof(*age));
	for (unsigned i = 0; fit && age && i < out->n_tiles; i++)
		fit_tile(&log[i], all, n_all, age, fit + (size_t)i * n_all);
	while (fit && age) {
		at = SIZE_MAX;
		for (size_t k = 0; k < (size_t)out->n_tiles * n_all; k++)
			if (fit[k].n && (at == SIZE_MAX || fit[k].p50 < fit[at].p50))
				at = k;
		if (at == SIZE_MAX)
			break;
		out->tile[at / n_all].source = (int)(at % n_all);
		out->tile[at / n_all].p50_ms = fit[at].p50;
		out->tile[at / n_all].p99_ms = fit[at].p99;
		for (size_t k = 0; k < (size_t)out->n_tiles * n_all; k++)
			if (k / n_all == at / n_all || k % n_all == at % n_all)
				fit[k].n = 0;
	}
	free(fit);
	free(age);
}

/* The records in the order they were sent (what was sent again came late), each
 * as late as all before it: a decoder waits. */
static struct record *in_order(const struct record *r, size_t n)
{
	struct record *sorted = calloc(n + 1, sizeof(*sorted));
	int64_t latest = 0;

	if (!sorted)
		return NULL;
	if (n)
		memcpy(sorted, r, n * sizeof(*r));
	for (size_t i = 1; i < n; i++) {
		struct record one = sorted[i];
		size_t k = i;

		while (k && (int16_t)(sorted[k - 1].seq - one.seq) > 0) {
			sorted[k] = sorted[k - 1];
			k--;
		}
		sorted[k] = one;
	}
	for (size_t i = 0; i < n; i++) {
		if (sorted[i].at < latest)
			sorted[i].at = latest;
		latest = sorted[i].at;
	}
	return sorted;
}

int freshness_of(const struct endpoint *leg, struct endpoint *const *all, unsigned n_all,
		 enum codec_id codec, unsigned seen, struct freshness *out)
{
	struct tile_log log[LAYOUT_MAX_TILES];
	struct unpacker *unpacker = NULL;
	struct video_decoder *decoder = NULL;
	int64_t from = endpoint_measured_from(leg);
	const uint8_t *data;
	const struct record *recorded;
	struct record *r;
	size_t n, first = 0;
	bool whole = false; /* nothing is missing since a key frame */
	int err;

	memset(out, 0, sizeof(*out));
	memset(log, 0, sizeof(log));
	for (unsigned i = 0; i < LAYOUT_MAX_TILES; i++)
		log[i].last = -1;
	recorded = endpoint_records(leg, &n, &data);
	r = in_order(recorded, n);
	err = r ? unpacker_new(&unpacker, codec) : -ENOMEM;
	if (!err)
		err = video_decoder_new(&decoder, codec);
	for (size_t i = 0; !err && i < n; i++) {
		bool gap = i && r[i].seq != (uint16_t)(r[i - 1].seq + 1);
		struct coded *frame = NULL;
		struct picture *p = NULL;

		if (i && r[i].seq == r[i - 1].seq)
			continue;
		whole = whole && !gap;
		unpacker_put(unpacker, data + r[i].offset, r[i].len, r[i].timestamp, r[i].marker,
			     gap, &frame);
		if (!frame)
			continue;
		if (video_decode(decoder, frame, &p) || !p) {
			out->undecodable += r[i].at >= from;
		} else {
			whole = whole || frame->key;
			look(p, r[i].at, from, seen, whole, out, log);
		}
		ref_drop(p);
		ref_drop(frame);
	}
	while (r && first < n && r[first].at < from)
		first++;
	if (n > first + 1)
		out->seconds = (double)(r[n - 1].at - r[first].at) / 1e6;
	if (out->seconds > 0)
		out->fps = out->pictures / out->seconds;
	for (unsigned i = 0; i < out->n_tiles; i++) {
		out->tile[i].fresh_fps = out->seconds > 0 ? log[i].fresh / out->seconds : 0;
	}
	find_sources(log, all, n_all, out);
	for (unsigned i = 0; i < LAYOUT_MAX_TILES; i++)
		free(log[i].sight);
	free(r);
	unpacker_free(unpacker);
	video_decoder_free(decoder);
	return err;
}
