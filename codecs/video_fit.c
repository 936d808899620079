/* SPDX-License-Identifier: GPL-3.0-or-later
 * The largest picture and rate a receiver allows. Pure.
 *
 * H.264: Annex A.3 with what RFC 6184 8.1 raises. VP8: RFC 7741 6.1. H.263 and
 * H.261: a picture interval per standard size (RFC 4629 8.1, 4587 6.1). */
#include "codecs/h264_level.h"
#include "codecs/video.h"

#include <errno.h>

enum { QCIF_MBS = 99, QCIF_W = 176, QCIF_H = 144, CIF_MBS = 396 };

struct limits {
	uint32_t max_fs, max_mbps, max_fps; /* UINT32_MAX: none */
	uint32_t max_br;                    /* bit/s */
};

static uint32_t mbs(uint32_t samples)
{
	return (samples + 15) / 16;
}

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static bool fits(const struct limits *l, uint32_t w, uint32_t h)
{
	return h264_size_fits(l->max_fs, mbs(w), mbs(h));
}

static uint32_t fps_at(const struct limits *l, uint32_t w, uint32_t h, uint32_t fps)
{
	return min32(min32(fps, l->max_fps), l->max_mbps / (mbs(w) * mbs(h)));
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

/* How much narrower the next smaller candidate is: whole macroblocks, in steps
 * that keep the aspect ratio exactly where those lie close enough (16:9: 32). */
static uint32_t step_of(uint32_t w, uint32_t h)
{
	uint32_t exact = 2 * w / gcd(w, h);
	uint32_t step = exact / gcd(exact, 16) * 16;

	return step <= 64 ? step : 16;
}

/* The largest size of the aspect ratio that keeps two thirds of the frame rate
 * asked for: motion that jerks is worse than a picture a little smaller. */
static void largest(const struct limits *l, uint32_t *w, uint32_t *h, uint32_t *fps)
{
	uint32_t want = (min32(*fps, l->max_fps) * 2 + 2) / 3, step = step_of(*w, *h);
	uint32_t cw = *w, ch = *h;

	while (cw > step + 16 && ch > 16) {
		if (fits(l, cw, ch) &&
		    (fps_at(l, cw, ch, *fps) >= want || mbs(cw) * mbs(ch) <= QCIF_MBS))
			break;
		cw = (cw - 1) / step * step;
		ch = (cw * *h + *w / 2) / *w;
		ch = (ch + 1) & ~1u;
	}
	*w = cw;
	*h = ch;
}

static int fit_limits(const struct limits *l, uint16_t *width, uint16_t *height,
		      uint32_t *fps, uint32_t *bitrate)
{
	uint32_t w = *width, h = *height, rate;

	if (!fits(l, QCIF_W, QCIF_H) || l->max_mbps < QCIF_MBS || l->max_fps == 0)
		return -ENOTSUP;
	/* Level 1 has one size in practice. */
	if (l->max_fs < CIF_MBS && w >= QCIF_W && h >= QCIF_H) {
		w = QCIF_W;
		h = QCIF_H;
	} else {
		largest(l, &w, &h, fps);
	}
	rate = fps_at(l, w, h, *fps);
	if (rate == 0 || !fits(l, w, h))
		return -ENOTSUP;
	*width = (uint16_t)w;
	*height = (uint16_t)h;
	*fps = rate;
	*bitrate = min32(*bitrate, l->max_br);
	return 0;
}

static uint32_t or_none(uint32_t v)
{
	return v ? v : UINT32_MAX;
}

static int fit_h264(const struct h264_format *f, uint16_t *width, uint16_t *height,
		    uint32_t *fps, uint32_t *bitrate)
{
	struct h264_level level = h264_limits(f);
	struct limits l = { level.max_fs, level.max_mbps, UINT32_MAX,
			    level.max_br > UINT32_MAX / 1000 ? UINT32_MAX : level.max_br * 1000 };

	return fit_limits(&l, width, height, fps, bitrate);
}

static int fit_vp8(const struct vp8_format *f, uint16_t *width, uint16_t *height,
		   uint32_t *fps, uint32_t *bitrate)
{
	struct limits l = { or_none(f->max_fs), UINT32_MAX, or_none(f->max_fr), UINT32_MAX };

	return fit_limits(&l, width, height, fps, bitrate);
}

/* Frames a second, rounded, of an interval in 1001/30000 s. */
static uint32_t mpi_fps(uint32_t mpi)
{
	return (30000 + 500 * mpi) / (1001 * mpi);
}

static int fit_h263(const struct h263_format *f, uint16_t *width, uint16_t *height,
		    uint32_t *fps, uint32_t *bitrate)
{
	bool none = !f->sqcif && !f->qcif && !f->cif && !f->cif4 && !f->cif16;
	/* Every receiver takes QCIF. */
	/* The rate is what rooms of that time were built for: beyond it groups of
	 * blocks outgrow a packet, and the picture gains little. */
	const struct { uint16_t w, h; uint8_t mpi; uint32_t rate; } size[] = {
		{ 1408, 1152, f->cif16, 4000000 }, { 704, 576, f->cif4, 1500000 },
		{ 352, 288, f->cif, 640000 }, { 176, 144, none ? 2 : f->qcif, 192000 },
		{ 128, 96, f->sqcif, 128000 },
	};

	for (unsigned i = 0; i < sizeof(size) / sizeof(*size); i++) {
		if (size[i].mpi == 0 || size[i].w > *width || size[i].h > *height)
			continue;
		*width = size[i].w;
		*height = size[i].h;
		*fps = min32(*fps, mpi_fps(size[i].mpi) ? mpi_fps(size[i].mpi) : 1);
		*bitrate = min32(*bitrate, size[i].rate);
		if (f->maxbr)
			*bitrate = min32(*bitrate, f->maxbr > 10000000 ? UINT32_MAX
								       : f->maxbr * 100);
		return 0;
	}
	return -ENOTSUP;
}

int video_fit(const struct codec_format *format, uint16_t *width, uint16_t *height,
	      uint32_t *fps, uint32_t *bitrate)
{
	if (*width < 16 || *height < 16 || (*width | *height) & 1 || *fps == 0)
		return -EINVAL;
	switch (format->id) {
	case CODEC_H264:
		return fit_h264(&format->h264, width, height, fps, bitrate);
	case CODEC_VP8:
		return fit_vp8(&format->vp8, width, height, fps, bitrate);
	case CODEC_H263_1998:
	case CODEC_H263:
	case CODEC_H261:
		return fit_h263(&format->h263, width, height, fps, bitrate);
	default:
		return -ENOTSUP;
	}
}
