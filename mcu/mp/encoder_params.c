/* SPDX-License-Identifier: GPL-3.0-or-later
 * Which sinks can share an encoder: what they ask for, fitted to what they can
 * receive, and compared. */
#include "mcu/mp/encoder.h"

#include <stddef.h>

/* A bit rate rounded down to one of eight steps per octave. A peer whose
 * estimate wavers then stays with the others most of the time. */
static uint32_t rate_class(uint32_t bitrate)
{
	uint32_t step = 1;

	while (bitrate / step >= 16)
		step *= 2;
	return bitrate / step * step;
}

static bool codec_is_h26x(enum codec_id id)
{
	return id == CODEC_H261 || id == CODEC_H263 || id == CODEC_H263_1998;
}

static bool h264_level_1b(const struct h264_format *f)
{
	return f->level_idc == 9 || (f->level_idc == 11 && f->profile_iop & 0x10);
}

static bool h264_suffices(const struct video_params *p, const struct h264_format *f)
{
	struct codec_format format = p->format;
	uint16_t width = p->width, height = p->height;
	uint32_t fps = p->fps, bitrate = p->bitrate;

	format.h264 = *f;
	return !video_fit(&format, &width, &height, &fps, &bitrate) &&
	       width == p->width && height == p->height && fps == p->fps &&
	       bitrate == p->bitrate;
}

/* Devices declare their limits in many ways. What is sent needs only the lowest
 * level that allows it, and that is the same for most of them. RFC 6184 8.1:
 * a receiver of a level decodes the lower ones too. */
static void h264_lowest(struct video_params *p)
{
	static const uint8_t level[] = { 10, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42,
					 50, 51, 52 };
	struct h264_format f = p->format.h264;

	/* Slices fit a packet in either mode. */
	f.packetization_mode = 0;
	f.level_asymmetry_allowed = false;
	p->format.h264 = f;
	if (h264_level_1b(&f))
		return;
	/* Only constrained baseline is sent to any kind of baseline. */
	if (f.profile_idc == 66)
		f.profile_iop = 0xe0;
	for (size_t i = 0; i < sizeof(level) && level[i] <= p->format.h264.level_idc; i++) {
		f.level_idc = level[i];
		f.max_mbps = f.max_fs = f.max_smbps = f.max_cpb = f.max_dpb = f.max_br = 0;
		if (h264_suffices(p, &f)) {
			p->format.h264 = f;
			return;
		}
	}
}

int encoder_fit(struct video_params *out, const struct video_params *asked, int width,
		int height, unsigned fps)
{
	struct video_params p = *asked;
	int err;

	/* Nothing is gained by encoding more than the canvas has. */
	if (!p.width || !p.height || (p.width >= width && p.height >= height)) {
		p.width = (uint16_t)width;
		p.height = (uint16_t)height;
	}
	if (!p.fps || p.fps > fps)
		p.fps = fps;
	if (!p.sar_num || !p.sar_den)
		p.sar_num = p.sar_den = 1;
	if (!p.slice_bytes)
		p.slice_bytes = 1200;
	err = video_fit(&p.format, &p.width, &p.height, &p.fps, &p.bitrate);
	if (err)
		return err;
	/* The picture formats of H.261 and H.263 have pixels of 12:11. */
	if (codec_is_h26x(p.format.id)) {
		p.sar_num = 12;
		p.sar_den = 11;
	}
	p.bitrate = rate_class(p.bitrate);
	if (p.format.id == CODEC_H264)
		h264_lowest(&p);
	*out = p;
	return 0;
}

static bool h264_equal(const struct h264_format *a, const struct h264_format *b)
{
	return a->profile_idc == b->profile_idc && a->profile_iop == b->profile_iop &&
	       a->level_idc == b->level_idc && a->max_mbps == b->max_mbps &&
	       a->max_fs == b->max_fs && a->max_smbps == b->max_smbps &&
	       a->max_cpb == b->max_cpb && a->max_dpb == b->max_dpb &&
	       a->max_br == b->max_br;
}

static bool h263_equal(const struct h263_format *a, const struct h263_format *b)
{
	return a->sqcif == b->sqcif && a->qcif == b->qcif && a->cif == b->cif &&
	       a->cif4 == b->cif4 && a->cif16 == b->cif16 && a->maxbr == b->maxbr &&
	       a->profile == b->profile && a->level == b->level &&
	       a->annex_d == b->annex_d;
}

static bool format_equal(const struct codec_format *a, const struct codec_format *b)
{
	if (a->id != b->id)
		return false;
	switch (a->id) {
	case CODEC_H264:
		return h264_equal(&a->h264, &b->h264);
	case CODEC_H261:
	case CODEC_H263:
	case CODEC_H263_1998:
		return h263_equal(&a->h263, &b->h263);
	default:
		/* VP8: its limits are in the size and the rate already. */
		return true;
	}
}

bool encoder_params_equal(const struct video_params *a, const struct video_params *b,
			  bool rate)
{
	return format_equal(&a->format, &b->format) && a->width == b->width &&
	       a->height == b->height && a->sar_num == b->sar_num &&
	       a->sar_den == b->sar_den && a->fps == b->fps &&
	       a->slice_bytes == b->slice_bytes && (!rate || a->bitrate == b->bitrate);
}
