/* SPDX-License-Identifier: GPL-3.0-or-later
 * Labels: blending to the bit, drawing whatever a stranger calls themselves, and
 * the table of those that were drawn. */
#include "tests/unit/cmocka_head.h"

#include "base/clock.h"
#include "base/display.h"
#include "base/ref.h"
#include "mcu/mp/overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

/* ---- blending --------------------------------------------------------------------- */

enum { W = 64, H = 48, BOX_W = 20, BOX_H = 10 };

struct box {
	struct label_image image;
	uint8_t luma[BOX_W * BOX_H], alpha[BOX_W * BOX_H];
	uint8_t u[BOX_W * BOX_H / 4], v[BOX_W * BOX_H / 4], half[BOX_W * BOX_H / 4];
};

/* Random samples, each multiplied by its alpha; `alpha` < 0: random, too. */
static void box_fill(struct box *b, int alpha)
{
	b->image = (struct label_image){ 6, 4, BOX_W, BOX_H, b->luma, b->alpha, b->u, b->v, b->half };
	for (int i = 0; i < BOX_W * BOX_H; i++) {
		b->alpha[i] = (uint8_t)(alpha < 0 ? (int)random_below(256) : alpha);
		b->luma[i] = (uint8_t)(random_below(256) * b->alpha[i] / 255);
	}
	for (int i = 0; i < BOX_W * BOX_H / 4; i++) {
		b->half[i] = (uint8_t)(alpha < 0 ? (int)random_below(256) : alpha);
		b->u[i] = (uint8_t)(random_below(256) * b->half[i] / 255);
		b->v[i] = (uint8_t)(random_below(256) * b->half[i] / 255);
	}
}

static struct picture *noise(void)
{
	struct picture *p = picture_new(W, H);

	assert_non_null(p);
	for (int i = 0; i < 3; i++)
		for (int y = 0; y < (i ? H / 2 : H); y++)
			for (int x = 0; x < (i ? W / 2 : W); x++)
				p->plane[i][y * p->stride[i] + x] = (uint8_t)random_below(256);
	return p;
}

static uint8_t blended(uint8_t to, uint8_t from, uint8_t alpha)
{
	double v = from + (double)(to * (255 - alpha)) / 255;

	return (uint8_t)(v > 255 ? 255 : (int)(v + 0.5));
}

/* Plane i of both, where x0, y0 is the corner of the label on the canvas. */
static void check_plane(const struct picture *before, const struct picture *after, int i,
			int x0, int y0, const struct box *b)
{
	const uint8_t *from = i == 0 ? b->luma : i == 1 ? b->u : b->v;
	const uint8_t *alpha = i ? b->half : b->alpha;
	int w = i ? BOX_W / 2 : BOX_W, h = i ? BOX_H / 2 : BOX_H;

	for (int y = 0; y < (i ? H / 2 : H); y++)
		for (int x = 0; x < (i ? W / 2 : W); x++) {
			uint8_t was = before->plane[i][y * before->stride[i] + x];
			uint8_t is = after->plane[i][y * after->stride[i] + x];
			int lx = x - (i ? x0 / 2 : x0), ly = y - (i ? y0 / 2 : y0);

			if (lx < 0 || ly < 0 || lx >= w || ly >= h)
				assert_int_equal(is, was);
			else
				assert_int_equal(is, blended(was, from[ly * w + lx], alpha[ly * w + lx]));
		}
}

static void test_blend(void **state)
{
	static const int alphas[] = { 0, 255, 128, -1, -1, -1 };
	static const int corners[][2] = { { 0, 0 }, { 10, 8 }, { W - BOX_W - 6, H - BOX_H - 4 } };
	struct box b;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(alphas); i++)
		for (size_t k = 0; k < ARRAY_SIZE(corners); k++) {
			struct picture *before = noise(), *after = picture_new(W, H);

			box_fill(&b, alphas[i]);
			picture_blit(after, before, 0, 0);
			overlay_label(after, corners[k][0], corners[k][1], &b.image);
			for (int p = 0; p < 3; p++)
				check_plane(before, after, p, corners[k][0] + 6, corners[k][1] + 4, &b);
			ref_drop(before);
			ref_drop(after);
		}
}

/* What does not fit is left out, not written elsewhere. */
static void test_outside(void **state)
{
	static const int corners[][2] = { { W - BOX_W - 4, 0 }, { 0, H - BOX_H - 2 }, { W, H } };
	struct picture *before = noise(), *after = picture_new(W, H);
	struct box b;

	(void)state;
	box_fill(&b, 255);
	picture_blit(after, before, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(corners); i++)
		overlay_label(after, corners[i][0], corners[i][1], &b.image);
	b.image.w = b.image.h = 0;
	overlay_label(after, 0, 0, &b.image);
	for (int y = 0; y < H; y++)
		assert_memory_equal(before->plane[0] + y * before->stride[0],
				    after->plane[0] + y * after->stride[0], W);
	ref_drop(before);
	ref_drop(after);
}

/* A frame of even width inside the tile, and nothing anywhere else. */
static void test_border(void **state)
{
	const struct rect tile = { 8, 6, 40, 30 };
	struct picture *p = picture_new(W, H);

	(void)state;
	picture_fill_black(p, 0, 0, W, H);
	overlay_border(p, &tile);
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++) {
			bool in = x >= 8 && x < 48 && y >= 6 && y < 36;
			bool deep = x >= 10 && x < 46 && y >= 8 && y < 34;

			if (in && !deep)
				assert_true(p->plane[0][y * p->stride[0] + x] > 100);
			else
				assert_int_equal(p->plane[0][y * p->stride[0] + x], 16);
		}
	ref_drop(p);
}

/* ---- drawing ---------------------------------------------------------------------- */

static const char *const names[] = {
	"Rafaela", "Müller-Łukasiewicz", "محمد عبد الله", "王小明", "ꦗꦮꦶꦧꦸꦱꦿꦶ", "שלום", "🦊",
};

static void set_text(struct label_spec *spec, const char *text, size_t len)
{
	display_text(spec->text, sizeof(spec->text), text, len, DISPLAY_MAX);
}

/* Inside the tile, even, and samples that can be those of a picture. */
static void check_image(const struct label_image *im, const struct label_spec *spec)
{
	assert_int_equal((im->x | im->y | im->w | im->h) & 1, 0);
	assert_true(im->x + im->w <= spec->w && im->y + im->h <= spec->h);
	for (int i = 0; i < im->w * im->h; i++)
		assert_in_range(im->luma[i] * 255 + 255, im->alpha[i] * 16,
				im->alpha[i] * 235 + 510);
	for (int i = 0; i < im->w * im->h / 4; i++) {
		assert_in_range(im->u[i] * 255 + 255, im->alpha_half[i] * 16,
				im->alpha_half[i] * 240 + 510);
		assert_in_range(im->v[i] * 255 + 255, im->alpha_half[i] * 16,
				im->alpha_half[i] * 240 + 510);
	}
}

static unsigned bright(const struct label_image *im)
{
	unsigned n = 0;

	for (int i = 0; i < im->w * im->h; i++)
		n += im->luma[i] > 180;
	return n;
}

static void test_draw(void **state)
{
	static const uint16_t sizes[][2] = {
		{ 1280, 720 }, { 640, 360 }, { 320, 180 }, { 88, 72 }, { 2, 2 }, { 4096, 2 },
		{ 2, 4096 }, { 3840, 2160 },
	};
	struct label_pen *pen;

	(void)state;
	assert_int_equal(label_pen_new(&pen), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (size_t k = 0; k < ARRAY_SIZE(names) * 5; k++) {
			struct label_spec spec = {
				.style = (enum label_style)(k % 5), .w = sizes[i][0], .h = sizes[i][1],
				.marks = (unsigned)(k / 5 + i) % 8,
			};
			struct label_image *im;

			set_text(&spec, names[k / 5], strlen(names[k / 5]));
			assert_int_equal(label_draw(pen, &spec, &im), 0);
			check_image(im, &spec);
			free(im);
		}
	label_pen_free(pen);
}

static struct label_image *drawn(struct label_pen *pen, enum label_style style, unsigned marks,
				 const char *text)
{
	struct label_spec spec = { .style = style, .marks = marks, .w = 1280, .h = 120 };
	struct label_image *im;

	snprintf(spec.text, sizeof(spec.text), "%s", text);
	assert_int_equal(label_draw(pen, &spec, &im), 0);
	return im;
}

/* Names above or below, a mark apart from the text, and a message that takes no more
 * of the picture than it needs. */
static void test_places(void **state)
{
	struct label_pen *pen;
	struct label_image *below, *above, *marked, *one, *more;
	int bare = 0;

	(void)state;
	assert_int_equal(label_pen_new(&pen), 0);
	below = drawn(pen, LABEL_NAME, 0, "Rafaela");
	above = drawn(pen, LABEL_NAME_UP, 0, "Rafaela");
	marked = drawn(pen, LABEL_NAME, LABEL_PHONE, "Rafaela");
	assert_int_equal(above->x, below->x);
	assert_true(above->y < 20 && below->y > 60);
	assert_int_equal(above->w, below->w);
	/* one column at least between them in which nothing is written */
	for (int x = 0; x < marked->w - below->w + 8; x++) {
		bool empty = true;

		for (int y = 0; y < marked->h; y++)
			empty = empty && marked->luma[y * marked->w + x] <= 100;
		bare = empty ? bare + 1 : 0;
		if (bare > 2 && x > marked->w - below->w)
			break;
	}
	assert_true(bare > 2);
	one = drawn(pen, LABEL_MESSAGE, 0, "The meeting ends in five minutes");
	more = drawn(pen, LABEL_MESSAGE, 0, "The meeting ends in five minutes, and then there is one of "
		     "the board in this very room, so that all of you who are not of the board are kindly "
		     "asked to hang up by then");
	assert_int_equal(one->w, 1280);
	assert_true(one->h < 60 && more->h > one->h && more->h <= 120);
	assert_int_equal(one->y + one->h, 120);
	assert_int_equal(more->y + more->h, 120);
	free(below);
	free(above);
	free(marked);
	free(one);
	free(more);
	label_pen_free(pen);
}

/* Of every script something is seen, and different names look different. */
static void test_scripts(void **state)
{
	struct label_image *im[ARRAY_SIZE(names)];
	struct label_pen *pen;

	(void)state;
	assert_int_equal(label_pen_new(&pen), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct label_spec spec = { .style = LABEL_NAME, .w = 640, .h = 360 };

		set_text(&spec, names[i], strlen(names[i]));
		assert_int_equal(label_draw(pen, &spec, &im[i]), 0);
		assert_true(bright(im[i]) > 20);
		for (size_t k = 0; k < i; k++)
			assert_true(im[k]->w != im[i]->w || im[k]->h != im[i]->h ||
				    memcmp(im[k]->luma, im[i]->luma, (size_t)(im[i]->w * im[i]->h)) != 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		free(im[i]);
	label_pen_free(pen);
}

static size_t hostile(char *buf, size_t cap, int kind)
{
	static const char *const pieces[] = {
		"\x01\x1b[2J\x7f\xc2\x85", "a", ("\xe2\x80\xae" "evil\xe2\x81\xa6"), "Z\xcc\xb5\xcd\x99\xcc\x9b",
		"\xff\xfe\xc0\xaf\xed\xa0\x80", "\xf0\x9f\x91\xa9\xe2\x80\x8d", "<b>&amp;</b>\n", "%s%n",
		"\xef\xb7\xbd", "\xe0\xbf\xbf\xf4\x8f\xbf\xbf",
	};
	const char *p = pieces[kind];
	size_t n = 0;

	while (n + strlen(p) < cap) {
		memcpy(buf + n, p, strlen(p));
		n += strlen(p);
	}
	return n;
}

/* 10 kB of it. Made safe as it is everywhere, and raw as it never should come. */
static void test_hostile(void **state)
{
	static char raw[10240];
	struct label_pen *pen;

	(void)state;
	assert_int_equal(label_pen_new(&pen), 0);
	for (int kind = 0; kind < 10; kind++) {
		struct label_spec spec = { .style = LABEL_NAME, .w = 426, .h = 240, .marks = 3 };
		size_t len = hostile(raw, sizeof(raw), kind);
		struct label_image *im;

		set_text(&spec, raw, len);
		assert_int_equal(label_draw(pen, &spec, &im), 0);
		check_image(im, &spec);
		free(im);
		memcpy(spec.text, raw, LABEL_MAX_TEXT);
		spec.style = LABEL_MESSAGE;
		if (display_is_utf8(spec.text, strlen(spec.text))) {
			assert_int_equal(label_draw(pen, &spec, &im), 0);
			check_image(im, &spec);
			free(im);
		}
	}
	label_pen_free(pen);
}

/* ---- without a font ----------------------------------------------------------------- */

static int draw_without_fonts(void)
{
	struct label_spec spec = { .style = LABEL_NAME, .w = 640, .h = 360, .text = "Rafaela" };
	struct label_image *name, *lock;
	struct label_pen *pen;
	bool ok;

	if (label_pen_new(&pen) || label_draw(pen, &spec, &name))
		return 2;
	spec.marks = LABEL_LOCK;
	if (label_draw(pen, &spec, &lock))
		return 3;
	ok = name->w == 0 && lock->w > 0 && bright(lock) > 10;
	free(name);
	free(lock);
	label_pen_free(pen);
	return ok ? 0 : 4;
}

static void test_no_fonts(void **state)
{
	char dir[] = "/tmp/balai-fonts-XXXXXX", file[64];
	int status = -1;
	pid_t pid;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/fonts.conf", dir);
	f = fopen(file, "w");
	assert_non_null(f);
	fprintf(f, "<?xml version=\"1.0\"?>\n<fontconfig><dir>%s</dir></fontconfig>\n", dir);
	fclose(f);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("FONTCONFIG_FILE", file, 1);
		_exit(draw_without_fonts());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(file);
	rmdir(dir);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- the table ---------------------------------------------------------------------- */

static struct label_spec numbered(unsigned i)
{
	struct label_spec spec = { .style = LABEL_NAME, .w = 320, .h = 180 };

	snprintf(spec.text, sizeof(spec.text), "Room %u", i);
	return spec;
}

static const struct label_image *wait_for(const struct label *label)
{
	int64_t end = clock_us() + 60 * INT64_C(1000000);

	while (!label_image(label) && clock_us() < end)
		usleep(1000);
	assert_non_null(label_image(label));
	return label_image(label);
}

static void test_same(void **state)
{
	struct label_spec a = numbered(1), b = numbered(1), c = numbered(1), d = numbered(1);
	struct label *la, *lb, *lc, *ld;
	struct label_maker *maker;
	struct label_maker_stats stats;
	long objects = ref_live();

	(void)state;
	c.marks = LABEL_LOCK;
	d.h = 182;
	assert_int_equal(label_maker_new(&maker), 0);
	la = label_get(maker, &a);
	lb = label_get(maker, &b);
	lc = label_get(maker, &c);
	ld = label_get(maker, &d);
	assert_ptr_equal(la, lb);
	assert_ptr_not_equal(la, lc);
	assert_ptr_not_equal(la, ld);
	assert_true(wait_for(lc)->w > wait_for(la)->w); /* with a lock */
	wait_for(ld);
	label_maker_stats(maker, &stats);
	assert_int_equal(stats.labels, 3);
	assert_int_equal(stats.drawn, 3);
	/* they outlive their maker */
	label_maker_free(maker);
	assert_true(label_image(la)->w > 0);
	ref_drop(la);
	ref_drop(lb);
	ref_drop(lc);
	ref_drop(ld);
	assert_int_equal(ref_live(), objects);
}

/* However many come and go, few are kept; those shown stay what they are. The
 * maker goes while some still wait to be drawn. */
static void test_bounds(void **state)
{
	struct label *shown[10], *last = NULL;
	struct label_maker_stats stats;
	struct label_maker *maker;
	struct label_spec spec;
	long objects = ref_live();

	(void)state;
	assert_int_equal(label_maker_new(&maker), 0);
	for (unsigned i = 0; i < 10; i++) {
		spec = numbered(i);
		shown[i] = label_get(maker, &spec);
	}
	for (unsigned i = 10; i < 2000; i++) {
		spec = numbered(i);
		ref_drop(last);
		last = label_get(maker, &spec);
		assert_non_null(last);
		wait_for(last);
	}
	label_maker_stats(maker, &stats);
	assert_in_range(stats.labels, 11, 10 + LABEL_MAX_UNUSED + 2);
	assert_int_equal(stats.drawn, 2000);
	for (unsigned i = 0; i < 10; i++) {
		struct label *again;

		spec = numbered(i);
		again = label_get(maker, &spec);
		assert_ptr_equal(again, shown[i]);
		ref_drop(again);
		ref_drop(shown[i]);
	}
	for (unsigned i = 5000; i < 5200; i++) {
		spec = numbered(i);
		ref_drop(label_get(maker, &spec));
	}
	ref_drop(last);
	label_maker_free(maker);
	assert_int_equal(ref_live(), objects);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_fonts), /* first: fonts are looked for once */
		cmocka_unit_test(test_blend),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_border),
		cmocka_unit_test(test_draw), cmocka_unit_test(test_places),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
