/* SPDX-License-Identifier: GPL-3.0-or-later
 * VP8 encoder ⟨libvpx⟩: real time, one thread, no delay, key frames on request.
 *
 * libvpx itself and not libavcodec's wrapper, because the wrapper hands the bit
 * rate over once, when it is opened. VP8 has no colour signalling beyond "like
 * BT.601" (RFC 6386 9.2), so BT.601 is what it is given. */
#include "codecs/video_int.h"

#include "base/ref.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

struct vp8_encoder {
	struct video_encoder base;
	vpx_codec_ctx_t ctx;
	bool open;
	vpx_codec_enc_cfg_t cfg;
	vpx_codec_pts_t count;
};

/* Speed in libvpx's units, negative: fixed, so that equal input gives equal
 * output whatever the load. */
enum { SPEED = -10 };

static void vp8_close(struct video_encoder *base)
{
	struct vp8_encoder *self = (struct vp8_encoder *)(void *)base;

	if (self->open)
		vpx_codec_destroy(&self->ctx);
	free(self);
}

static int configure(vpx_codec_enc_cfg_t *cfg, const struct video_params *p)
{
	if (vpx_codec_enc_config_default(vpx_codec_vp8_cx(), cfg, 0) != VPX_CODEC_OK)
		return -ENOTSUP;
	cfg->g_w = p->width;
	cfg->g_h = p->height;
	cfg->g_timebase.num = 1;
	cfg->g_timebase.den = (int)p->fps;
	cfg->g_threads = 1;
	cfg->g_lag_in_frames = 0;
	cfg->g_error_resilient = 0; /* after a loss comes a key frame */
	cfg->rc_end_usage = VPX_CBR;
	cfg->rc_target_bitrate = p->bitrate / 1000 ? p->bitrate / 1000 : 1;
	cfg->rc_min_quantizer = 4;
	cfg->rc_max_quantizer = 56;
	cfg->rc_undershoot_pct = 100;
	cfg->rc_overshoot_pct = 15;
	cfg->rc_buf_initial_sz = 300;
	cfg->rc_buf_optimal_sz = 400;
	cfg->rc_buf_sz = 600;
	cfg->rc_dropframe_thresh = 30;
	cfg->kf_mode = VPX_KF_DISABLED;
	return 0;
}

static bool control(vpx_codec_ctx_t *ctx, unsigned fps)
{
	/* A key frame takes at most half of the optimal buffer, in percent of
	 * the bits of an average frame. */
	unsigned intra = 400 / 2 * fps / 10;

	return vpx_codec_control(ctx, VP8E_SET_CPUUSED, SPEED) == VPX_CODEC_OK &&
	       vpx_codec_control(ctx, VP8E_SET_TOKEN_PARTITIONS, VP8_ONE_TOKENPARTITION) ==
		       VPX_CODEC_OK &&
	       vpx_codec_control(ctx, VP8E_SET_NOISE_SENSITIVITY, 0u) == VPX_CODEC_OK &&
	       vpx_codec_control(ctx, VP8E_SET_STATIC_THRESHOLD, 1u) == VPX_CODEC_OK &&
	       vpx_codec_control(ctx, VP8E_SET_MAX_INTRA_BITRATE_PCT,
				 intra < 300 ? 300 : intra) == VPX_CODEC_OK;
}

static int vp8_open(struct video_encoder **out, const struct video_params *params)
{
	struct vp8_encoder *self = calloc(1, sizeof(*self));
	int r;

	if (!self)
		return -ENOMEM;
	self->base.params = *params;
	r = configure(&self->cfg, params);
	if (r < 0)
		goto out;
	r = -ENOTSUP;
	if (vpx_codec_enc_init(&self->ctx, vpx_codec_vp8_cx(), &self->cfg, 0) != VPX_CODEC_OK)
		goto out;
	self->open = true;
	if (!control(&self->ctx, params->fps))
		goto out;
	*out = &self->base;
	return 0;
out:
	vp8_close(&self->base);
	return r;
}

/* What the encoder has to give: at most one packet, as nothing lags. */
static int collect(struct vp8_encoder *self, struct coded **out)
{
	vpx_codec_iter_t iter = NULL;
	const vpx_codec_cx_pkt_t *pkt;

	while ((pkt = vpx_codec_get_cx_data(&self->ctx, &iter))) {
		struct coded *frame;

		if (pkt->kind != VPX_CODEC_CX_FRAME_PKT || pkt->data.frame.sz == 0)
			continue;
		frame = coded_new(pkt->data.frame.sz, 1);
		if (!frame)
			return -ENOMEM;
		memcpy(frame->data, pkt->data.frame.buf, pkt->data.frame.sz);
		frame->len = pkt->data.frame.sz;
		frame->n_units = 1;
		frame->unit[0] = (struct coded_unit){ 0, (uint32_t)frame->len };
		frame->key = (pkt->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
		ref_drop(*out);
		*out = frame;
	}
	return 0;
}

static int vp8_encode(struct video_encoder *base, struct picture *picture, bool key,
		      struct coded **out)
{
	struct vp8_encoder *self = (struct vp8_encoder *)(void *)base;
	struct picture *p = picture_converted(picture, COLOUR_BT601);
	vpx_image_t img;
	int r = -EIO;

	if (!p)
		return -ENOMEM;
	vpx_img_wrap(&img, VPX_IMG_FMT_I420, p->width, p->height, 1, p->plane[0]);
	for (int i = 0; i < 3; i++) {
		img.planes[i] = p->plane[i];
		img.stride[i] = p->stride[i];
	}
	if (vpx_codec_encode(&self->ctx, &img, self->count++, 1,
			     key ? VPX_EFLAG_FORCE_KF : 0, VPX_DL_REALTIME) == VPX_CODEC_OK)
		r = collect(self, out);
	ref_drop(p);
	return r;
}

static void vp8_bitrate(struct video_encoder *base, uint32_t bitrate)
{
	struct vp8_encoder *self = (struct vp8_encoder *)(void *)base;

	self->cfg.rc_target_bitrate = bitrate / 1000 ? bitrate / 1000 : 1;
	(void)vpx_codec_enc_config_set(&self->ctx, &self->cfg);
}

const struct video_encoder_ops vp8_encoder_ops = {
	.open = vp8_open,
	.encode = vp8_encode,
	.bitrate = vp8_bitrate,
	.close = vp8_close,
};
