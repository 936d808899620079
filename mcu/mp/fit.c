/* SPDX-License-Identifier: GPL-3.0-or-later
 * Fitting by the display aspect ratio: width × SAR : height. */
#include "mcu/mp/fit.h"

/* num/den to the nearest even number in 2..max; max is even. */
static int even_ratio(int64_t num, int64_t den, int max)
{
	int64_t v = 2 * ((num + den) / (2 * den));

	if (v < 2)
		return 2;
	return v > max ? max : (int)v;
}

/* The same shape but for 1/64: 848×480 in a tile of 16:9. A border of a line or
 * two would look like a fault; as much is cut off instead. */
static bool fit_nearly(int64_t a, int64_t b)
{
	int64_t gap = a > b ? a - b : b - a;

	return gap < (a > b ? a : b) / 64;
}

/* Filling the tile would cut off more than half of the picture: a telephone held
 * upright in a wide tile would lose the head. */
static bool fit_too_much(int64_t a, int64_t b)
{
	return 2 * (a < b ? a : b) < (a < b ? b : a);
}

static struct rect rect_centred(int w, int h, int in_w, int in_h)
{
	return (struct rect){
		.x = (uint16_t)((in_w - w) / 2 & ~1),
		.y = (uint16_t)((in_h - h) / 2 & ~1),
		.w = (uint16_t)w,
		.h = (uint16_t)h,
	};
}

void fit_shape(struct fitting *out, enum fit fit, const struct frame_shape *picture,
	       const struct frame_shape *tile)
{
	int64_t sn = picture->sar_num && picture->sar_den ? picture->sar_num : 1;
	int64_t sd = picture->sar_num && picture->sar_den ? picture->sar_den : 1;
	int64_t dn = tile->sar_num && tile->sar_den ? tile->sar_num : 1;
	int64_t dd = tile->sar_num && tile->sar_den ? tile->sar_den : 1;
	/* The picture is num:den when drawn in pixels shaped as the tile's. */
	int64_t num = picture->w * sn * dd, den = picture->h * sd * dn;
	int w = tile->w, h = tile->h;
	bool wider;

	/* So that no product below overflows, however odd the pixels are. */
	while (num > INT32_MAX || den > INT32_MAX) {
		num = num / 2 > 0 ? num / 2 : 1;
		den = den / 2 > 0 ? den / 2 : 1;
	}
	wider = num * h >= den * w;
	if (fit == FIT_WHOLE || (fit == FIT_LETTERBOX && !fit_nearly(num * h, den * w)) ||
	    fit_too_much(num * h, den * w)) {
		if (wider)
			h = even_ratio(w * den, num, h);
		else
			w = even_ratio(h * num, den, w);
		out->crop = rect_centred(picture->w, picture->h, picture->w, picture->h);
		out->place = rect_centred(w, h, tile->w, tile->h);
		return;
	}
	w = picture->w;
	h = picture->h;
	if (wider)
		w = even_ratio(w * tile->w * den, tile->h * num, w);
	else
		h = even_ratio(h * tile->h * num, tile->w * den, h);
	out->crop = rect_centred(w, h, picture->w, picture->h);
	out->place = rect_centred(tile->w, tile->h, tile->w, tile->h);
}
