/* SPDX-License-Identifier: GPL-3.0-or-later
 * ⟨pango, cairo⟩ Drawing: text in whatever script by Pango, marks as paths by
 * Cairo, and from RGB to the samples of a picture. */
#include "mcu/mp/label.h"

#include <errno.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <stdlib.h>
#include <string.h>

/* For builds with a sanitizer only: the hooks by which a program tells it what is
 * not its own. Fontconfig 2.14 loses 288 bytes when it reads its configuration, once
 * in a process; and GLib's locks are not seen by the thread sanitizer, so that what
 * its users do under them looks like a race. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfontconfig.so\n";
}
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "called_from_lib:libcairo.so.2\ncalled_from_lib:libexpat.so.1\n"
	       "called_from_lib:libfontconfig.so.1\ncalled_from_lib:libfreetype.so.6\n"
	       "called_from_lib:libglib-2.0.so.0\ncalled_from_lib:libharfbuzz.so.0\n"
	       "called_from_lib:libpango-1.0.so.0\ncalled_from_lib:libpangocairo-1.0.so.0\n"
	       "called_from_lib:libpangoft2-1.0.so.0\n";
}
#endif

struct label_pen {
	PangoFontMap *map; /* our own: the default one belongs to whoever asks first */
	bool fonts;        /* there is at least one; Pango may not be asked without */
};

/* Families are listed even when there is none: Sans and the like. */
static bool map_has_fonts(PangoFontMap *map)
{
	PangoContext *context = pango_font_map_create_context(map);
	PangoFontDescription *any = pango_font_description_from_string("Sans 10");
	PangoFont *font = pango_font_map_load_font(map, context, any);

	pango_font_description_free(any);
	g_object_unref(context);
	if (!font)
		return false;
	g_object_unref(font);
	return true;
}

int label_pen_new(struct label_pen **out)
{
	struct label_pen *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;
	self->map = pango_cairo_font_map_new();
	self->fonts = self->map && map_has_fonts(self->map);
	*out = self;
	return 0;
}

struct label_pen *label_pen_free(struct label_pen *self)
{
	if (!self)
		return NULL;
	if (self->map)
		g_object_unref(self->map);
	free(self);
	return NULL;
}

/* ---- where everything stands -------------------------------------------------- */

/* All in pixels of the tile. */
struct sheet {
	double font;              /* height of the letters' line */
	int pad;
	int max_w, max_h;         /* of the text */
	int text_x, text_y;       /* where the text's own box begins there */
	int text_w, text_h;
	int mark_w;               /* width of all marks together */
	double begin;             /* where marks and text begin in the box */
	int x, y, w, h;           /* the box, even */
};

static double clamp(double v, double least, double most)
{
	return v < least ? least : v > most ? most : v;
}

static bool is_name(const struct label_spec *spec)
{
	return spec->style == LABEL_NAME || spec->style == LABEL_NAME_UP;
}

static unsigned marks_of(const struct label_spec *spec)
{
	return (unsigned)__builtin_popcount(spec->marks);
}

static void sheet_begin(struct sheet *s, const struct label_spec *spec)
{
	int used;

	*s = (struct sheet){ 0 };
	switch (spec->style) {
	case LABEL_NAME:
	case LABEL_NAME_UP:
		s->font = clamp(spec->h * 0.055, 13, 36);
		break;
	case LABEL_TITLE:
		s->font = clamp(spec->h * 0.09, 11, 64);
		break;
	case LABEL_COUNT:
		s->font = spec->h * 0.6;
		break;
	case LABEL_MESSAGE:
		s->font = clamp(spec->h * 0.22, 10, 48);
		break;
	}
	s->pad = (int)(s->font / 3 + 0.5);
	s->mark_w = (int)(marks_of(spec) * s->font * 0.95 + 0.5);
	if (s->mark_w && spec->text[0])
		s->mark_w += (int)(s->font * 0.3); /* apart from the text */
	used = 2 * s->pad + s->mark_w + (spec->style <= LABEL_TITLE ? (int)s->font : 0);
	s->max_w = spec->w > used ? spec->w - used : 0;
	s->max_h = spec->style <= LABEL_TITLE ? spec->h / 3 : spec->h - s->pad / 2;
}

static int even_up(int v)
{
	return (v + 1) & ~1;
}

/* The box around text and marks, and where it lies. */
static void sheet_place(struct sheet *s, const struct label_spec *spec)
{
	int margin = (int)(s->font / 2);

	if (spec->style == LABEL_COUNT || spec->style == LABEL_MESSAGE) {
		s->w = spec->w;
		s->h = spec->h;
		if (spec->style == LABEL_MESSAGE && even_up(s->text_h + 2 * s->pad) < s->h)
			s->h = even_up(s->text_h + 2 * s->pad);
		s->y = spec->h - s->h;
		return;
	}
	if (!s->text_w && !s->mark_w)
		return; /* nothing to see */
	s->w = even_up(2 * s->pad + s->mark_w + s->text_w);
	s->h = even_up((int)(s->text_h > s->font * 1.3 ? s->text_h : s->font * 1.3) + s->pad / 2);
	if (s->w > spec->w)
		s->w = spec->w;
	if (s->h > spec->h)
		s->h = spec->h;
	s->x = is_name(spec) ? margin & ~1 : (spec->w - s->w) / 2 & ~1;
	s->y = spec->style == LABEL_NAME ? (spec->h - s->h - margin) & ~1 :
	       spec->style == LABEL_NAME_UP ? margin & ~1 : (spec->h - s->h) / 2 & ~1;
	if (s->x + s->w > spec->w)
		s->x = spec->w - s->w;
	if (s->y + s->h > spec->h)
		s->y = spec->h - s->h;
	if (s->y < 0)
		s->y = 0;
}

/* ---- marks ---------------------------------------------------------------------- */

/* Each in a square of `size` whose corner is at the origin. */
static void draw_lock(cairo_t *cr, double size)
{
	cairo_set_line_width(cr, size * 0.1);
	cairo_new_sub_path(cr);
	cairo_arc(cr, size * 0.5, size * 0.4, size * 0.18, M_PI, 2 * M_PI);
	cairo_line_to(cr, size * 0.68, size * 0.5);
	cairo_move_to(cr, size * 0.32, size * 0.4);
	cairo_line_to(cr, size * 0.32, size * 0.5);
	cairo_stroke(cr);
	cairo_rectangle(cr, size * 0.22, size * 0.47, size * 0.56, size * 0.4);
	cairo_fill(cr);
}

static void draw_muted(cairo_t *cr, double size)
{
	cairo_set_line_width(cr, size * 0.09);
	cairo_new_sub_path(cr);
	cairo_arc(cr, size * 0.5, size * 0.25, size * 0.13, M_PI, 2 * M_PI);
	cairo_arc(cr, size * 0.5, size * 0.47, size * 0.13, 0, M_PI);
	cairo_close_path(cr);
	cairo_fill(cr);
	cairo_arc(cr, size * 0.5, size * 0.47, size * 0.24, 0, M_PI);
	cairo_stroke(cr);
	cairo_move_to(cr, size * 0.5, size * 0.7);
	cairo_line_to(cr, size * 0.5, size * 0.88);
	cairo_stroke(cr);
	cairo_set_source_rgb(cr, 1, 0.25, 0.2);
	cairo_set_line_width(cr, size * 0.12);
	cairo_move_to(cr, size * 0.2, size * 0.12);
	cairo_line_to(cr, size * 0.82, size * 0.85);
	cairo_stroke(cr);
	cairo_set_source_rgb(cr, 1, 1, 1);
}

/* A handset: a thick arc with its two ends. */
static void draw_phone(cairo_t *cr, double size)
{
	cairo_set_line_width(cr, size * 0.16);
	cairo_arc(cr, size * 0.5, size * 0.78, size * 0.36, M_PI * 1.12, M_PI * 1.88);
	cairo_stroke(cr);
	cairo_rectangle(cr, size * 0.06, size * 0.5, size * 0.24, size * 0.22);
	cairo_rectangle(cr, size * 0.7, size * 0.5, size * 0.24, size * 0.22);
	cairo_fill(cr);
}

static void draw_marks(cairo_t *cr, const struct sheet *s, unsigned marks)
{
	static void (*const draw[])(cairo_t *, double) = { draw_lock, draw_muted, draw_phone };
	double size = s->font * 0.9, x = s->begin;

	for (unsigned i = 0; i < 3; i++) {
		if (!(marks >> i & 1))
			continue;
		cairo_save(cr);
		cairo_translate(cr, x, (s->h - size) / 2);
		draw[i](cr, size);
		cairo_restore(cr);
		x += s->font * 0.95;
	}
}

/* ---- text ----------------------------------------------------------------------- */

static PangoLayout *layout_new(struct label_pen *pen, const struct label_spec *spec,
			       struct sheet *s)
{
	PangoContext *context;
	PangoFontDescription *font;
	PangoLayout *layout;
	PangoRectangle box;

	if (!pen->fonts || !spec->text[0] || s->max_w < 1)
		return NULL;
	context = pango_font_map_create_context(pen->map);
	layout = pango_layout_new(context);
	g_object_unref(context);
	font = pango_font_description_from_string("Sans");
	pango_font_description_set_absolute_size(font, s->font * 0.9 * PANGO_SCALE);
	pango_layout_set_font_description(layout, font);
	pango_font_description_free(font);
	pango_layout_set_text(layout, spec->text, -1);
	pango_layout_set_width(layout, s->max_w * PANGO_SCALE);
	pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
	if (spec->style == LABEL_MESSAGE) {
		pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
		pango_layout_set_height(layout, s->max_h * PANGO_SCALE);
		pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
	} else {
		pango_layout_set_single_paragraph_mode(layout, TRUE);
	}
	pango_layout_get_pixel_extents(layout, NULL, &box);
	s->text_x = box.x;
	s->text_y = box.y;
	s->text_w = box.width > s->max_w ? s->max_w : box.width;
	s->text_h = box.height > s->max_h ? s->max_h : box.height;
	return layout;
}

static void draw_text(cairo_t *cr, const struct sheet *s, PangoLayout *layout)
{
	double x = s->begin + s->mark_w, y = (s->h - s->text_h) / 2.0;

	cairo_move_to(cr, x - s->text_x, y - s->text_y);
	pango_cairo_show_layout(cr, layout);
}

static void draw_ground(cairo_t *cr, const struct sheet *s, const struct label_spec *spec)
{
	double r = s->h * 0.2;

	switch (spec->style) {
	case LABEL_NAME:
	case LABEL_NAME_UP:
		cairo_new_sub_path(cr);
		cairo_arc(cr, r, r, r, M_PI, M_PI * 1.5);
		cairo_arc(cr, s->w - r, r, r, -M_PI / 2, 0);
		cairo_arc(cr, s->w - r, s->h - r, r, 0, M_PI / 2);
		cairo_arc(cr, r, s->h - r, r, M_PI / 2, M_PI);
		cairo_close_path(cr);
		cairo_set_source_rgba(cr, 0, 0, 0, 0.55);
		cairo_fill(cr);
		break;
	case LABEL_TITLE:
		break;
	case LABEL_COUNT:
	case LABEL_MESSAGE:
		cairo_set_source_rgb(cr, 0.1, 0.1, 0.12);
		cairo_paint(cr);
		break;
	}
	cairo_set_source_rgb(cr, 1, 1, 1);
}

/* ---- samples -------------------------------------------------------------------- */

static struct label_image *image_new(const struct sheet *s)
{
	size_t full = (size_t)s->w * (size_t)s->h, half = full / 4;
	struct label_image *image = calloc(1, sizeof(*image) + 2 * full + 3 * half);
	uint8_t *p = (uint8_t *)(image + 1);

	if (!image)
		return NULL;
	image->x = (uint16_t)s->x;
	image->y = (uint16_t)s->y;
	image->w = (uint16_t)s->w;
	image->h = (uint16_t)s->h;
	image->luma = p;
	image->alpha = p + full;
	image->u = p + 2 * full;
	image->v = image->u + half;
	image->alpha_half = image->v + half;
	return image;
}

static uint8_t rounded(double v)
{
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

/* Cairo's pixels are multiplied by alpha already, so the offsets are, too. BT.709:
 * ITU-R BT.709-6 section 3, 8 bits, limited range. */
static void image_fill(struct label_image *image, cairo_surface_t *surface)
{
	const uint8_t *data = cairo_image_surface_get_data(surface);
	int stride = cairo_image_surface_get_stride(surface), w = image->w;

	for (int y = 0; y < image->h; y += 2)
		for (int x = 0; x < w; x += 2) {
			double r = 0, g = 0, b = 0, a = 0;
			int c = y / 2 * (w / 2) + x / 2;

			for (int k = 0; k < 4; k++) {
				int px = x + (k & 1), py = y + (k >> 1);
				uint32_t p;

				memcpy(&p, data + (ptrdiff_t)py * stride + 4 * px, sizeof(p));
				image->alpha[py * w + px] = (uint8_t)(p >> 24);
				image->luma[py * w + px] = rounded(
					(p >> 24) * 16 / 255.0 +
					(0.2126 * (p >> 16 & 255) + 0.7152 * (p >> 8 & 255) +
					 0.0722 * (p & 255)) * 219 / 255);
				a += (p >> 24) / 4.0;
				r += (p >> 16 & 255) / 4.0;
				g += (p >> 8 & 255) / 4.0;
				b += (p & 255) / 4.0;
			}
			image->alpha_half[c] = rounded(a);
			image->u[c] = rounded(a * 128 / 255 +
				(b - (0.2126 * r + 0.7152 * g + 0.0722 * b)) / 1.8556 * 224 / 255);
			image->v[c] = rounded(a * 128 / 255 +
				(r - (0.2126 * r + 0.7152 * g + 0.0722 * b)) / 1.5748 * 224 / 255);
		}
}

int label_draw(struct label_pen *self, const struct label_spec *spec, struct label_image **out)
{
	cairo_surface_t *surface = NULL;
	struct label_image *image = NULL;
	PangoLayout *layout;
	struct sheet s;
	cairo_t *cr;
	int err = -ENOMEM;

	sheet_begin(&s, spec);
	layout = layout_new(self, spec, &s);
	sheet_place(&s, spec);
	s.begin = spec->style <= LABEL_TITLE ? s.pad : (s.w - s.mark_w - s.text_w) / 2.0;
	if (is_name(spec) && (spec->w < 80 || spec->h < 60))
		s.w = s.h = 0; /* too small to be read */
	image = image_new(&s);
	if (!image)
		goto out;
	err = 0;
	if (!s.w || !s.h)
		goto out;
	surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, s.w, s.h);
	cr = cairo_create(surface);
	draw_ground(cr, &s, spec);
	draw_marks(cr, &s, spec->marks);
	if (layout)
		draw_text(cr, &s, layout);
	if (cairo_status(cr) != CAIRO_STATUS_SUCCESS)
		err = -ENOMEM;
	cairo_destroy(cr);
	cairo_surface_flush(surface);
	if (!err)
		image_fill(image, surface);
out:
	if (surface)
		cairo_surface_destroy(surface);
	if (layout)
		g_object_unref(layout);
	if (err)
		free(image);
	else
		*out = image;
	return err;
}
