/* SPDX-License-Identifier: GPL-3.0-or-later
 * An offer inside a call, RFC 3264 section 8: nothing that is in force may move. */
#include "mcu/mc/desc_internal.h"

#include <string.h>

static bool same_codec(const struct codec_format *a, const struct codec_format *b)
{
	return a->id == b->id && a->clock_rate == b->clock_rate &&
	       (a->id != CODEC_H264 ||
		(a->h264.packetization_mode == b->h264.packetization_mode &&
		 a->h264.profile_idc == b->h264.profile_idc));
}

/* The number a codec had in either description, or -1. */
static int known_pt(const struct desc_line *ours, const struct desc_line *theirs,
		    const struct codec_format *f)
{
	const struct desc_line *both[] = { ours, theirs };

	for (int i = 0; i < 2; i++) {
		for (uint32_t j = 0; j < both[i]->n_codecs; j++) {
			if (same_codec(&both[i]->codec[j].format, f))
				return both[i]->codec[j].pt;
		}
	}
	return -1;
}

/* Every number either side ever named on this line is taken, known or not: it
 * must not get another meaning (RFC 3264 section 8.3.2). */
static void take_numbers(bool taken[static 128], const char *formats)
{
	unsigned n = 0;
	bool digits = false;

	for (const char *p = formats; ; p++) {
		if (*p >= '0' && *p <= '9') {
			n = n < 1000 ? n * 10 + (unsigned)(*p - '0') : n;
			digits = true;
			continue;
		}
		if (digits && n < 128)
			taken[n] = true;
		n = 0;
		digits = false;
		if (*p == '\0')
			return;
	}
}

static int free_pt(bool taken[static 128])
{
	for (int pt = 96; pt < 128; pt++) {
		if (!taken[pt]) {
			taken[pt] = true;
			return pt;
		}
	}
	return -1;
}

/* The codecs of a fresh offer, in the numbers of this call. */
static void renumber(struct desc_line *line, const struct desc_line *ours,
		     const struct desc_line *theirs)
{
	bool taken[128] = { false };
	uint32_t n = 0;

	take_numbers(taken, theirs->formats_text);
	for (uint32_t i = 0; i < ours->n_codecs; i++)
		taken[ours->codec[i].pt & 127] = true;
	for (uint32_t i = 0; i < theirs->n_codecs; i++)
		taken[theirs->codec[i].pt & 127] = true;
	for (uint32_t i = 0; i < line->n_codecs; i++) {
		struct desc_codec c = line->codec[i];
		int pt = known_pt(ours, theirs, &c.format);

		if (pt < 0 && c.pt < 96 && !taken[c.pt])
			pt = c.pt;
		if (pt < 0)
			pt = free_pt(taken);
		if (pt < 0)
			continue;
		taken[pt] = true;
		c.pt = pt;
		line->codec[n++] = c;
	}
	line->n_codecs = n;
}

static void open_again(struct desc_line *line)
{
	if (line->setup != SETUP_NONE)
		line->setup = SETUP_ACTPASS;
	line->reason[0] = '\0';
}

/* A line in use: everything of ours, but the codecs and the direction anew. */
static void reoffer_line(struct desc_line *line, const struct desc_line *fresh,
			 const struct desc_line *theirs)
{
	struct desc_line ours = *line;

	memcpy(line->codec, fresh->codec, sizeof(line->codec));
	line->n_codecs = fresh->n_codecs;
	renumber(line, &ours, theirs);
	line->send = line->receive = true;
	open_again(line);
}

/* A line for slides stays open for theirs, in its codec, or is closed. */
static void keep_slides(struct desc_line *line, bool allowed)
{
	line->receive = true;
	if (!allowed)
		line->port = 0;
	open_again(line);
}

void desc_reoffer(const struct desc_policy *policy, const struct media_desc *ours,
		  const struct media_desc *theirs, struct media_desc *offer)
{
	struct media_desc *fresh = media_desc_new();

	*offer = *ours;
	if (!fresh || ours->n_lines != theirs->n_lines) {
		/* What is in force is an offer too, if a narrow one. */
		media_desc_free(fresh);
		return;
	}
	desc_offer(policy, fresh);
	for (uint32_t i = 0; i < offer->n_lines; i++) {
		struct desc_line *line = &offer->line[i];

		if (line->port && line->role == ROLE_SLIDES) {
			keep_slides(line, policy->slides && policy->video);
			continue;
		}
		for (uint32_t j = 0; line->port && j < fresh->n_lines; j++) {
			if (fresh->line[j].kind == line->kind)
				reoffer_line(line, &fresh->line[j], &theirs->line[i]);
		}
	}
	media_desc_free(fresh);
}
