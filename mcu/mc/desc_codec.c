/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which codec a line gets, and what we say about our side of it. */
#include "mcu/mc/desc_internal.h"

#include <limits.h>
#include <string.h>

/* What this build codes and decodes. A codec that is missing here is refused
 * with that reason, whatever the profile lists. */
static const bool built[CODEC_COUNT] = {
	[CODEC_PCMU] = true, [CODEC_PCMA] = true, [CODEC_G722] = true,
	[CODEC_OPUS] = true, [CODEC_L16] = true, [CODEC_G729] = true,
	[CODEC_CN] = true, [CODEC_TELEPHONE_EVENT] = true,
	[CODEC_H264] = true, [CODEC_VP8] = true,
	[CODEC_H263_1998] = true, [CODEC_H263] = true, [CODEC_H261] = true,
};

bool desc_codec_supported(enum codec_id id)
{
	return id > CODEC_NONE && id < CODEC_COUNT && built[id];
}

static const enum codec_id default_audio[] = {
	CODEC_OPUS, CODEC_G722, CODEC_PCMU, CODEC_PCMA, CODEC_G729, CODEC_L16,
};
static const enum codec_id default_video[] = {
	CODEC_H264, CODEC_VP8, CODEC_H263_1998, CODEC_H263, CODEC_H261,
};

unsigned desc_profile_codecs(const struct desc_rules *rules, enum media_kind kind,
			     enum codec_id *out, unsigned cap)
{
	const struct conf_profile *profile = rules->policy->profile;
	bool audio = kind == MEDIA_AUDIO;
	char **names = profile ? (audio ? profile->audio_codecs : profile->video_codecs) : NULL;
	size_t n = profile ? (audio ? profile->n_audio_codecs : profile->n_video_codecs) : 0;
	const enum codec_id *fallback = audio ? default_audio : default_video;
	size_t n_fallback = audio ? sizeof(default_audio) / sizeof(default_audio[0])
				  : sizeof(default_video) / sizeof(default_video[0]);
	unsigned count = 0;

	for (size_t i = 0; i < (profile ? n : n_fallback) && count < cap; i++) {
		enum codec_id id = profile ? codec_by_name(names[i]) : fallback[i];

		if (id != CODEC_NONE && codec_kind(id) == kind &&
		    id != CODEC_CN && id != CODEC_TELEPHONE_EVENT)
			out[count++] = id;
	}
	return count;
}

/* ---- preference ------------------------------------------------------------ */

enum { RANK_NONE = INT_MAX, RANK_STEP = 16, RANK_LAST = 1 << 20 };

static int list_index(const enum codec_id *list, unsigned n, enum codec_id id)
{
	for (unsigned i = 0; i < n; i++) {
		if (list[i] == id)
			return (int)i;
	}
	return -1;
}

/* The two laws of G.711 are worth the same: where the profile has them side by
 * side, the offer's order decides. */
static int g711_index(const enum codec_id *list, unsigned n, enum codec_id id)
{
	int u = list_index(list, n, CODEC_PCMU), a = list_index(list, n, CODEC_PCMA);

	if (u >= 0 && a >= 0 && (u - a == 1 || a - u == 1))
		return u < a ? u : a;
	return id == CODEC_PCMU ? u : a;
}

/* Profiles whose streams we read and write (RFC 6184 section 8.1, table 5):
 * Baseline, Main, High in 4:2:0 with 8 bits; Extended only where it is at the
 * same time Baseline or Main. */
static bool h264_profile_known(const struct h264_format *h)
{
	switch (h->profile_idc) {
	case 66: case 77: case 100:
		return true;
	case 88:
		return (h->profile_iop & 0xc0) != 0;
	default:
		return false;
	}
}

/* Within H.264: Baseline in mode 1, Baseline in mode 0, then the others as
 * offered. One Constrained Baseline stream serves all of them (it conforms to
 * Main and High too), so that they can share an encoder. */
static int h264_rank(const struct h264_format *h, const char **why)
{
	if (h->packetization_mode > 1) {
		*why = "interleaved packetization is not done";
		return RANK_NONE;
	}
	if (!h264_profile_known(h)) {
		*why = "this H.264 profile is not done";
		return RANK_NONE;
	}
	if (h->profile_idc == 66)
		return h->packetization_mode == 1 ? 0 : 1;
	return h->packetization_mode == 1 ? 2 : 3;
}

static int codec_rank(const struct desc_rules *rules, const struct codec_format *f,
		      const enum codec_id *list, unsigned n, const char **why)
{
	int index, inner = 0;

	if (desc_quirk_forbids(rules->policy->quirk, f)) {
		*why = "not for this endpoint (quirk)";
		return RANK_NONE;
	}
	if (!desc_codec_supported(f->id)) {
		*why = "this build cannot do it";
		return RANK_NONE;
	}
	index = f->id == CODEC_PCMU || f->id == CODEC_PCMA ? g711_index(list, n, f->id)
							   : list_index(list, n, f->id);
	if (index < 0) {
		*why = "not in the profile";
		return RANK_NONE;
	}
	if (f->id == CODEC_L16) {
		*why = "uncompressed: only when nothing else is common";
		return RANK_LAST;
	}
	if (f->id == CODEC_H264) {
		inner = h264_rank(&f->h264, why);
		if (inner == RANK_NONE)
			return RANK_NONE;
	}
	*why = "another is preferred";
	return index * RANK_STEP + inner;
}

static bool is_companion(const struct desc_codec *c)
{
	return c->format.id == CODEC_CN || c->format.id == CODEC_TELEPHONE_EVENT;
}

static void tell(const struct desc_line *line, unsigned index, int chosen,
		 const char *const *texts, desc_why *why, void *arg)
{
	if (!why)
		return;
	for (uint32_t i = 0; i < line->n_codecs; i++) {
		const struct codec_format *with = chosen >= 0 ? &line->codec[chosen].format : NULL;
		const char *text = (int)i == chosen ? "chosen" : texts[i];

		if (is_companion(&line->codec[i])) {
			bool used = with && desc_companion(line, line->codec[i].format.id,
							   with) == (int)i;
			text = used ? "goes with the chosen codec" : "not for the chosen codec";
		}
		why(arg, index, (int)i, text);
	}
}

static void name_codec(char *buf, size_t cap, const struct codec_format *f)
{
	if (f->id == CODEC_H264)
		desc_text(buf, cap, "H264 mode %u profile %02x%02x", f->h264.packetization_mode,
			  f->h264.profile_idc, f->h264.profile_iop);
	else
		desc_text(buf, cap, "%s/%u", codec_name(f->id), f->clock_rate);
}

void desc_choose_codec(const struct desc_rules *rules, const struct desc_line *line,
		       unsigned index, struct codec_choice *out, desc_why *why, void *arg)
{
	enum codec_id list[CODEC_COUNT];
	unsigned n = desc_profile_codecs(rules, line->kind, list, CODEC_COUNT);
	const char *texts[DESC_MAX_CODECS];
	int best = RANK_NONE;

	out->index = -1;
	desc_text(out->text, sizeof(out->text), "no common codec");
	for (uint32_t i = 0; i < line->n_codecs; i++) {
		const struct desc_codec *c = &line->codec[i];
		int rank;

		texts[i] = "not for the chosen codec";
		if (is_companion(c))
			continue;
		if (!c->can_send && !c->can_receive) {
			texts[i] = "neither sent nor received";
			continue;
		}
		rank = codec_rank(rules, &c->format, list, n, &texts[i]);
		if (rank == RANK_NONE && out->index < 0)
			desc_text(out->text, sizeof(out->text), "no common codec: %s: %s",
				  codec_name(c->format.id), texts[i]);
		if (rank < best) {
			best = rank;
			out->index = (int)i;
		}
	}
	if (out->index >= 0)
		name_codec(out->text, sizeof(out->text), &line->codec[out->index].format);
	tell(line, index, out->index, texts, why, arg);
}

/* RFC 4733 section 2.1 and RFC 3389 section 4: with the clock of the codec.
 * Many devices offer telephone-event/8000 only, beside Opus too, and take it. */
int desc_companion(const struct desc_line *line, enum codec_id id,
		   const struct codec_format *with)
{
	int narrow = -1;

	for (uint32_t i = 0; i < line->n_codecs; i++) {
		const struct codec_format *f = &line->codec[i].format;

		if (f->id != id)
			continue;
		if (f->clock_rate == with->clock_rate)
			return (int)i;
		if (f->clock_rate == 8000 && narrow < 0)
			narrow = (int)i;
	}
	/* Opus has its own silence (RFC 7587 section 3.1.3), G.729 its Annex B. */
	return id == CODEC_TELEPHONE_EVENT ? narrow : -1;
}

/* ---- our side of a format ------------------------------------------------- */

/* We receive up to 1080p at 30: level 4.0 (H.264 table A-1). max-dpb counts in
 * units of 8/3 macroblocks, max-br in 1000 bits (RFC 6184 section 8.1). */
enum {
	OUR_LEVEL = 40, OUR_MBPS = 245760, OUR_FS = 8192, OUR_DPB = 12288, OUR_BR = 20000,
	OUR_VP8_FS = 8160, OUR_VP8_FR = 30
};

/* MaxBR of the levels below ours, H.264 table A-1; 1b is 9 or 11. */
static uint32_t h264_level_br(uint8_t level_idc)
{
	static const struct {
		uint8_t level_idc;
		uint16_t br;
	} levels[] = {
		{ 9, 128 }, { 10, 64 }, { 11, 192 }, { 12, 384 }, { 13, 768 }, { 20, 2000 },
		{ 21, 4000 }, { 22, 4000 }, { 30, 10000 }, { 31, 14000 }, { 32, 20000 },
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (levels[i].level_idc == level_idc)
			return levels[i].br;
	}
	return OUR_BR;
}

/* Level: the lower of both, so that a side that does not know asymmetric
 * levels understands it, then raised to what we really do by the max-* of
 * RFC 6184, which must not be below what the level says already. */
static void h264_ours(struct h264_format *out, const struct h264_format *offered,
		      uint32_t bitrate)
{
	uint32_t br = bitrate ? bitrate / 1000 : OUR_BR;

	memset(out, 0, sizeof(*out));
	out->profile_idc = offered->profile_idc;
	out->profile_iop = offered->profile_iop;
	out->packetization_mode = offered->packetization_mode;
	out->level_asymmetry_allowed = offered->level_asymmetry_allowed;
	out->level_idc = offered->level_idc < OUR_LEVEL ? offered->level_idc : OUR_LEVEL;
	if (out->level_idc == OUR_LEVEL)
		return;
	out->max_mbps = OUR_MBPS;
	out->max_fs = OUR_FS;
	out->max_dpb = OUR_DPB;
	br = br < OUR_BR ? br : OUR_BR;
	if (br > h264_level_br(out->level_idc))
		out->max_br = br;
}

/* Every picture size that was offered, at the interval offered: a decoder of
 * ours that does 30 pictures a second does all of them (RFC 4629 section 8.2). */
static void h263_ours(struct h263_format *out, const struct h263_format *offered)
{
	memset(out, 0, sizeof(*out));
	out->sqcif = offered->sqcif;
	out->qcif = offered->qcif;
	out->cif = offered->cif;
	out->cif4 = offered->cif4;
	out->level = offered->level;
}

void desc_our_format(struct codec_format *out, const struct codec_format *offered,
		     uint32_t bitrate)
{
	struct codec_format f = {
		.id = offered->id,
		.clock_rate = offered->clock_rate,
		.channels = offered->channels,
	};

	switch (offered->id) {
	case CODEC_H264:
		h264_ours(&f.h264, &offered->h264, bitrate);
		break;
	case CODEC_VP8:
		f.vp8.max_fs = OUR_VP8_FS;
		f.vp8.max_fr = OUR_VP8_FR;
		break;
	case CODEC_OPUS:
		/* The mixer is mono, and loss is heard less with FEC. */
		f.opus.useinbandfec = true;
		break;
	case CODEC_H263_1998: case CODEC_H263: case CODEC_H261:
		h263_ours(&f.h263, &offered->h263);
		break;
	case CODEC_G729:
		/* RFC 4856 section 2.1.9: "no" on either side rules Annex B out. */
		f.g729.annexb_no = offered->g729.annexb_no;
		break;
	default:
		break;
	}
	*out = f;
}
