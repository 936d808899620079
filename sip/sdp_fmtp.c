/* SPDX-License-Identifier: GPL-3.0-or-later
 * a=fmtp: the parameters of each format, both ways. */
#include "sip/sdp_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* ---- reading -------------------------------------------------------------------- */

/* The next "name=value"; separated by ';', by blanks where a phone forgot it. */
static bool next_parameter(struct span *rest, struct span *name, struct span *value)
{
	while (rest->len) {
		size_t n = 0;

		while (n < rest->len && rest->p[n] != ';' && !span_blank(rest->p[n]))
			n++;
		*value = (struct span){ rest->p, n };
		n += n < rest->len ? 1 : 0;
		rest->p += n;
		rest->len -= n;
		*name = span_cut(value, '=');
		if (name->len)
			return true;
	}
	return false;
}

static uint32_t number(struct span s, uint32_t max)
{
	uint64_t n;

	return span_number(s, max, &n) ? (uint32_t)n : 0;
}

static bool hex_byte(const char *p, uint8_t *out)
{
	unsigned v = 0;

	for (int i = 0; i < 2; i++) {
		char c = p[i];
		unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') :
			     c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) :
			     c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10) : 16;

		if (d > 15)
			return false;
		v = v << 4 | d;
	}
	*out = (uint8_t)v;
	return true;
}

static void profile_level(struct h264_format *h, struct span v)
{
	uint8_t b[3];

	if (v.len != 6 || !hex_byte(v.p, &b[0]) || !hex_byte(v.p + 2, &b[1]) ||
	    !hex_byte(v.p + 4, &b[2]))
		return;
	h->profile_idc = b[0];
	h->profile_iop = b[1];
	h->level_idc = b[2];
}

/* RFC 6184 section 8.1. */
static void h264_parameter(struct h264_format *h, struct span name, struct span v)
{
	if (span_is(name, "profile-level-id"))
		profile_level(h, v);
	else if (span_is(name, "packetization-mode"))
		h->packetization_mode = (uint8_t)number(v, 255);
	else if (span_is(name, "level-asymmetry-allowed"))
		h->level_asymmetry_allowed = number(v, 1) == 1;
	else if (span_is(name, "max-mbps"))
		h->max_mbps = number(v, UINT32_MAX);
	else if (span_is(name, "max-fs"))
		h->max_fs = number(v, UINT32_MAX);
	else if (span_is(name, "max-smbps"))
		h->max_smbps = number(v, UINT32_MAX);
	else if (span_is(name, "max-cpb"))
		h->max_cpb = number(v, UINT32_MAX);
	else if (span_is(name, "max-dpb"))
		h->max_dpb = number(v, UINT32_MAX);
	else if (span_is(name, "max-br"))
		h->max_br = number(v, UINT32_MAX);
}

static void vp8_parameter(struct vp8_format *f, struct span name, struct span v)
{
	if (span_is(name, "max-fr"))
		f->max_fr = number(v, UINT32_MAX);
	else if (span_is(name, "max-fs"))
		f->max_fs = number(v, UINT32_MAX);
}

/* RFC 7587 section 6.1. */
static void opus_parameter(struct opus_format *f, struct span name, struct span v)
{
	bool on = number(v, 1) == 1;

	if (span_is(name, "maxplaybackrate"))
		f->max_playback_rate = number(v, 48000);
	else if (span_is(name, "sprop-maxcapturerate"))
		f->sprop_max_capture_rate = number(v, 48000);
	else if (span_is(name, "maxaveragebitrate"))
		f->max_average_bitrate = number(v, 510000);
	else if (span_is(name, "stereo"))
		f->stereo = on;
	else if (span_is(name, "sprop-stereo"))
		f->sprop_stereo = on;
	else if (span_is(name, "cbr"))
		f->cbr = on;
	else if (span_is(name, "useinbandfec"))
		f->useinbandfec = on;
	else if (span_is(name, "usedtx"))
		f->usedtx = on;
}

/* RFC 4629 section 8.1.1 and RFC 4587 section 6.1.1; MPI is 1 to 32. */
static void h263_parameter(struct h263_format *f, struct span name, struct span v)
{
	uint8_t mpi = (uint8_t)number(v, 32);

	if (span_is(name, "SQCIF"))
		f->sqcif = mpi;
	else if (span_is(name, "QCIF"))
		f->qcif = mpi;
	else if (span_is(name, "CIF"))
		f->cif = mpi;
	else if (span_is(name, "CIF4") || span_is(name, "4CIF"))
		f->cif4 = mpi;
	else if (span_is(name, "CIF16") || span_is(name, "16CIF"))
		f->cif16 = mpi;
	else if (span_is(name, "MAXBR"))
		f->maxbr = number(v, UINT32_MAX / 100);
	else if (span_is(name, "PROFILE"))
		f->profile = (uint8_t)number(v, 10);
	else if (span_is(name, "LEVEL"))
		f->level = (uint8_t)number(v, 100);
	else if (span_is(name, "D"))
		f->annex_d = number(v, 1) == 1;
}

static void parameter(struct codec_format *f, struct span name, struct span v)
{
	switch (f->id) {
	case CODEC_H264:
		h264_parameter(&f->h264, name, v);
		break;
	case CODEC_VP8:
		vp8_parameter(&f->vp8, name, v);
		break;
	case CODEC_OPUS:
		opus_parameter(&f->opus, name, v);
		break;
	case CODEC_H263_1998: case CODEC_H263: case CODEC_H261:
		h263_parameter(&f->h263, name, v);
		break;
	case CODEC_G729:
		if (span_is(name, "annexb"))
			f->g729.annexb_no = span_is(v, "no");
		break;
	default:
		break;
	}
}

/* RFC 4733 section 2.4.1: a bare list of numbers; some write "events=" before. */
static void events(struct desc_codec *codec, struct span list)
{
	list = span_trim(list);
	if (span_begins(list, "events="))
		span_cut(&list, '=');
	for (size_t i = 0; i < list.len; i++) {
		if (!memchr("0123456789-, ", list.p[i], 13))
			return;
	}
	span_copy(codec->events, sizeof(codec->events), list);
}

static void defaults_before(struct codec_format *f)
{
	/* RFC 6184 section 8.1: Baseline at level 1 unless it says otherwise. */
	if (f->id == CODEC_H264) {
		f->h264.profile_idc = 66;
		f->h264.level_idc = 10;
	}
}

static void defaults_after(struct codec_format *f)
{
	struct h263_format *h = &f->h263;

	/* RFC 4629 section 8.1.1: without a size, QCIF at 15 a second is safe. */
	if ((f->id == CODEC_H263_1998 || f->id == CODEC_H263 || f->id == CODEC_H261) &&
	    !h->sqcif && !h->qcif && !h->cif && !h->cif4 && !h->cif16)
		h->qcif = 2;
}

void sdp_fmtp_parse(struct desc_codec *codec, const char *fmtp)
{
	struct span rest = span_of(fmtp), name, value;

	defaults_before(&codec->format);
	if (codec->format.id == CODEC_TELEPHONE_EVENT)
		events(codec, rest);
	else
		while (next_parameter(&rest, &name, &value))
			parameter(&codec->format, name, value);
	defaults_after(&codec->format);
}

/* ---- writing ---------------------------------------------------------------------- */

struct list {
	char *buf;
	size_t cap, len;
	bool bad;
};

static void add(struct list *list, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct list *list, const char *fmt, ...)
{
	size_t left = list->cap - list->len;
	va_list ap;
	int n;

	if (list->len && left > 1) {
		list->buf[list->len++] = ';';
		left--;
	}
	va_start(ap, fmt);
	n = vsnprintf(list->buf + list->len, left, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= left)
		list->bad = true;
	else
		list->len += (size_t)n;
}

static void add_number(struct list *list, const char *name, uint32_t value)
{
	if (value && !list->bad)
		add(list, "%s=%u", name, value);
}

static void h264_list(struct list *list, const struct h264_format *h)
{
	add(list, "profile-level-id=%02x%02x%02x", h->profile_idc, h->profile_iop, h->level_idc);
	add_number(list, "packetization-mode", h->packetization_mode);
	add_number(list, "level-asymmetry-allowed", h->level_asymmetry_allowed);
	add_number(list, "max-mbps", h->max_mbps);
	add_number(list, "max-fs", h->max_fs);
	add_number(list, "max-smbps", h->max_smbps);
	add_number(list, "max-cpb", h->max_cpb);
	add_number(list, "max-dpb", h->max_dpb);
	add_number(list, "max-br", h->max_br);
}

static void opus_list(struct list *list, const struct opus_format *f)
{
	add_number(list, "maxplaybackrate", f->max_playback_rate);
	add_number(list, "sprop-maxcapturerate", f->sprop_max_capture_rate);
	add_number(list, "maxaveragebitrate", f->max_average_bitrate);
	add_number(list, "stereo", f->stereo);
	add_number(list, "sprop-stereo", f->sprop_stereo);
	add_number(list, "cbr", f->cbr);
	add_number(list, "useinbandfec", f->useinbandfec);
	add_number(list, "usedtx", f->usedtx);
}

static void h263_list(struct list *list, const struct h263_format *f)
{
	/* The largest first: the order is the preference (RFC 4629 section 8.2). */
	add_number(list, "CIF16", f->cif16);
	add_number(list, "CIF4", f->cif4);
	add_number(list, "CIF", f->cif);
	add_number(list, "QCIF", f->qcif);
	add_number(list, "SQCIF", f->sqcif);
	add_number(list, "PROFILE", f->profile);
	add_number(list, "LEVEL", f->level);
	add_number(list, "MAXBR", f->maxbr);
}

int sdp_fmtp_write(const struct desc_codec *codec, char *buf, size_t cap)
{
	const struct codec_format *f = &codec->format;
	struct list list = { .buf = buf, .cap = cap };

	if (cap == 0)
		return -ENOSPC;
	buf[0] = '\0';
	switch (f->id) {
	case CODEC_H264:
		h264_list(&list, &f->h264);
		break;
	case CODEC_VP8:
		add_number(&list, "max-fs", f->vp8.max_fs);
		add_number(&list, "max-fr", f->vp8.max_fr);
		break;
	case CODEC_OPUS:
		opus_list(&list, &f->opus);
		break;
	case CODEC_H263_1998: case CODEC_H263: case CODEC_H261:
		h263_list(&list, &f->h263);
		break;
	case CODEC_G729:
		if (f->g729.annexb_no)
			add(&list, "annexb=no");
		break;
	case CODEC_TELEPHONE_EVENT:
		if (codec->events[0])
			add(&list, "%s", codec->events);
		break;
	default:
		break;
	}
	return list.bad ? -ENOSPC : (int)list.len;
}
