/* SPDX-License-Identifier: GPL-3.0-or-later
 * Legs. Teardown runs downstream: the stream goes first, and only when the wire
 * has let go of it (LEG_RELEASED) is the source it feeds dropped. */
#include "mcu/mc/leg.h"

#include "base/log.h"
#include "base/ref.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A transport that bundled legs share; the last one to go drops it. */
struct carrier {
	struct transport *transport;
	unsigned users;
	const struct leg *setter;      /* which of them sets it up; NULL: who is next */
};

struct release_msg {
	struct msg msg;
	struct feed *feed;
};

/* What the threads below see of a leg. It keeps the source alive for as long as
 * the io thread may put frames into it. */
struct feed {
	struct outlet *outlet;
	struct source *source;
	struct release_msg *release;
};

struct leg {
	struct leg_place place;
	void *owner;
	enum media_kind kind;
	struct carrier *carrier;
	struct outlet *outlet;
	struct feed *feed;
	struct stream *stream;
	struct mixer_leg *mixer_leg;
	struct mixer_leg_params audio;
	struct sink *sink;
	struct view *view;             /* borrowed: what the sink shows */
	struct video_params video;
	uint32_t agreed_bitrate, path_bitrate;
	bool sends, receives, picture, silent;
	bool slides;
};

/* Rooms send a few pictures a second of slides that stand still. */
#define SLIDES_SILENCE_US 5000000

/* ---- handlers on other threads: they post, no more ------------------------------ */

static void on_secured(void *arg, int status)
{
	outlet_post(arg, LEG_SECURED, status);
}

static void drop_outlet(void *arg)
{
	ref_drop(arg);
}

static void on_picture(void *arg, int width, int height)
{
	outlet_post(arg, LEG_PICTURE, (int64_t)width << 16 | height);
}

static void on_frame(void *arg, struct coded *frame)
{
	struct feed *f = arg;

	if (f->source)
		source_put(f->source, frame);
	else
		ref_drop(frame);
}

static void post(void *arg, enum leg_event event, int64_t value)
{
	outlet_post(((struct feed *)arg)->outlet, event, value);
}

static void on_key_wanted(void *arg)
{
	post(arg, LEG_KEY_WANTED, 0);
}

static void on_key_unanswerable(void *arg)
{
	post(arg, LEG_KEY_NEEDED, 0);
}

static void on_dtmf(void *arg, char key)
{
	post(arg, LEG_DTMF, key);
}

static void on_rate(void *arg, uint32_t bitrate, int loss_percent)
{
	(void)loss_percent;
	post(arg, LEG_RATE, bitrate);
}

static void on_silent(void *arg)
{
	post(arg, LEG_SILENT, 0);
}

static void on_alive(void *arg)
{
	post(arg, LEG_ALIVE, 0);
}

/* The source is dropped on the control thread, and by whoever empties the loop
 * when it has stopped. The message was made with the feed, so that this cannot
 * fail. */
static void release_discard(struct msg *m)
{
	struct feed *f = ((struct release_msg *)(void *)m)->feed;

	f->source = source_drop(f->source);
	ref_drop(f->outlet);
	free(f);
	free(m);
}

static void release_deliver(struct msg *m, void *owner)
{
	(void)owner;
	release_discard(m);
}

static void on_stream_released(void *arg)
{
	struct feed *f = arg;

	loop_post(outlet_loop(f->outlet), &f->release->msg);
}

static const struct transport_events transport_events = {
	.secured = on_secured,
	.released = drop_outlet,
};

static const struct stream_events stream_events = {
	.frame = on_frame,
	.key_wanted = on_key_wanted,
	.dtmf = on_dtmf,
	.rate_wanted = on_rate,
	.key_unanswerable = on_key_unanswerable,
	.silent = on_silent,
	.alive = on_alive,
	.released = on_stream_released,
};

static const struct source_events source_events = {
	.picture = on_picture,
	.released = drop_outlet,
};

/* ---- events on the control thread ------------------------------------------------ */

/* Whether what comes is to be seen. */
static bool leg_live(const struct leg *self)
{
	return self->receives && !(self->slides && self->silent);
}

static void follow_live(struct leg *self)
{
	bool live = leg_live(self);

	if (self->kind != MEDIA_VIDEO)
		return;
	source_set_live(self->feed->source, live);
	self->picture = self->picture && live;
}

static void leg_on_event(void *owner, const struct outlet_event *e)
{
	struct leg *self = owner;

	if (!self)
		return;
	switch (e->kind) {
	case LEG_PICTURE:
		self->picture = leg_live(self);
		break;
	case LEG_SILENT:
		self->silent = true;
		follow_live(self);
		break;
	case LEG_ALIVE:
		self->silent = false;
		follow_live(self);
		break;
	}
	self->place.event(self->owner, self, (enum leg_event)e->kind, e->value);
}

/* ---- making ------------------------------------------------------------------------ */

static int carrier_new(struct leg *self, const char *address, bool rtcp_socket)
{
	struct carrier *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	err = transport_new(&c->transport, self->place.parts->wire, address, rtcp_socket,
			    &transport_events, ref_hold(self->outlet));
	if (err) {
		ref_drop(self->outlet);
		free(c);
		return err;
	}
	c->users = 1;
	self->carrier = c;
	return 0;
}

static void carrier_leave(struct leg *self)
{
	struct carrier *c = self->carrier;

	if (!c)
		return;
	if (c->setter == self)
		c->setter = NULL;
	if (--c->users == 0) {
		transport_drop(c->transport);
		free(c);
	}
}

static int feed_new(struct leg *self)
{
	struct feed *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->release = calloc(1, sizeof(*f->release));
	if (!f->release) {
		free(f);
		return -ENOMEM;
	}
	f->release->msg.deliver = release_deliver;
	f->release->msg.discard = release_discard;
	f->release->feed = f;
	f->outlet = ref_hold(self->outlet);
	err = stream_new(&self->stream, self->carrier->transport, &stream_events, f);
	if (err) {
		release_discard(&f->release->msg);
		return err;
	}
	self->feed = f;
	return 0;
}

int leg_new(struct leg **out, const struct leg_place *place, void *owner,
	    enum media_kind kind, const char *address, bool rtcp_socket, struct leg *share)
{
	struct leg *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->place = *place;
	self->owner = owner;
	self->kind = kind;
	err = outlet_new(&self->outlet, place->parts->loop, self, leg_on_event);
	if (err)
		goto out;
	if (share) {
		self->carrier = share->carrier;
		self->carrier->users++;
	} else {
		err = carrier_new(self, address, rtcp_socket);
		if (err)
			goto out;
	}
	err = feed_new(self);
	if (err)
		goto out;
	if (kind == MEDIA_VIDEO) {
		err = source_new(&self->feed->source, place->parts->video, self->stream,
				 &source_events, ref_hold(self->outlet));
		if (err) {
			ref_drop(self->outlet);
			goto out;
		}
	} else {
		err = mixer_leg_new(&self->mixer_leg, place->mixer, self->stream,
				    place->participant);
		if (err)
			goto out;
	}
	*out = self;
	return 0;
out:
	leg_drop(self);
	return err;
}

struct leg *leg_drop(struct leg *self)
{
	if (!self)
		return NULL;
	self->sink = sink_drop(self->sink);
	self->mixer_leg = mixer_leg_drop(self->mixer_leg);
	if (self->feed && self->feed->source)
		source_set_live(self->feed->source, false);
	/* The feed goes with `released`. */
	self->stream = stream_drop(self->stream);
	carrier_leave(self);
	outlet_close(self->outlet);
	free(self);
	return NULL;
}

int leg_move(struct leg *self, struct mixer *mixer)
{
	struct mixer_leg *next = NULL;
	int err;

	if (self->mixer_leg) {
		err = mixer_leg_new(&next, mixer, self->stream, self->place.participant);
		if (err)
			return err;
		mixer_leg_drop(self->mixer_leg);
		self->mixer_leg = next;
	}
	self->place.mixer = mixer;
	leg_show(self, NULL);
	return 0;
}

void leg_set_tap(struct leg *self, struct tap *tap)
{
	transport_set_tap(self->carrier->transport, tap);
}

const struct transport_local *leg_local(const struct leg *self)
{
	return transport_local(self->carrier->transport);
}

bool leg_shares(const struct leg *self, const struct leg *other)
{
	return self->carrier == other->carrier;
}

/* ---- applying an agreement ----------------------------------------------------------- */

static void apply_transport(struct leg *self, const struct leg_settings *s)
{
	const struct desc_agreed *a = s->agreed;
	struct transport_params p = {
		.remote_rtp = s->theirs->rtp,
		.remote_rtcp = s->theirs->rtcp,
		.rtcp_mux = a->rtcp_mux,
		.latch = true,
		.secured_only = a->security != AGREED_PLAIN,
		.ice = a->ice,
	};

	switch (a->security) {
	case AGREED_PLAIN:
		p.security = SECURITY_NONE;
		break;
	case AGREED_SDES:
		p.security = SECURITY_SDES;
		p.tx = a->tx_key;
		p.rx = a->rx_key;
		break;
	case AGREED_DTLS:
		p.security = SECURITY_DTLS;
		p.dtls_role = a->dtls_active ? DTLS_ACTIVE : DTLS_PASSIVE;
		memcpy(p.fingerprint_hash, a->fingerprint.hash, sizeof(p.fingerprint_hash));
		memcpy(p.fingerprint, a->fingerprint.bytes, sizeof(p.fingerprint));
		p.fingerprint_len = a->fingerprint.len;
		break;
	}
	memcpy(p.remote_ufrag, s->theirs->ice_ufrag, sizeof(p.remote_ufrag));
	memcpy(p.remote_pwd, s->theirs->ice_pwd, sizeof(p.remote_pwd));
	transport_set(self->carrier->transport, &p);
}

/* A receive-only peer owes us no packets; session timers watch over it. */
static int64_t silence_limit(const struct leg_settings *s)
{
	if (!s->agreed->receive || s->held)
		return 0;
	if (s->agreed->role == ROLE_SLIDES)
		return SLIDES_SILENCE_US;
	return (int64_t)s->profile->silence_s * 1000000;
}

static void apply_stream(struct leg *self, const struct leg_settings *s)
{
	const struct desc_agreed *a = s->agreed;
	struct stream_params p = {
		.kind = a->kind,
		.send = a->send,
		.receive = a->receive,
		.tx = { (uint8_t)a->tx.pt, a->tx.format },
		.dtmf_tx_pt = a->dtmf_tx_pt,
		.cn_tx_pt = a->cn_tx_pt,
		.avpf = a->avpf,
		.nack = a->tx.nack, .pli = a->tx.pli, .fir = a->tx.fir,
		.tmmbr = a->tx.tmmbr, .remb = a->tx.remb,
		.mid_ext = s->theirs->mid_ext,
		.abs_send_time_ext = s->theirs->abs_send_time_ext,
		.orientation_ext = a->orientation_ext,
		.level_ext = a->level_ext,
		.bitrate = self->agreed_bitrate,
		.silence_us = silence_limit(s),
		.silence_of_rtp = a->role == ROLE_SLIDES,
	};

	for (uint32_t i = 0; i < a->n_rx && p.n_rx < STREAM_MAX_FORMATS; i++)
		p.rx[p.n_rx++] = (struct stream_format){ (uint8_t)a->rx[i].pt, a->rx[i].format };
	memcpy(p.mid, s->theirs->mid, sizeof(p.mid));
	strncpy(p.cname, self->place.cname, sizeof(p.cname) - 1);
	stream_set(self->stream, &p);
	self->audio.n_rx = p.n_rx;
	memcpy(self->audio.rx, p.rx, sizeof(p.rx));
	self->audio.tx = p.tx;
}

static bool has_events(const struct desc_agreed *agreed)
{
	for (uint32_t i = 0; i < agreed->n_rx; i++) {
		if (agreed->rx[i].format.id == CODEC_TELEPHONE_EVENT)
			return true;
	}
	return false;
}

static void apply_audio(struct leg *self, const struct leg_settings *s)
{
	self->audio.ptime_ms = s->agreed->ptime ? s->agreed->ptime : 20;
	self->audio.bitrate = s->agreed->bitrate;
	self->audio.gain = s->profile->gain;
	self->audio.hear_keys = s->hear_keys && !has_events(s->agreed);
	self->audio.comfort_noise = s->agreed->cn_tx_pt >= 0;
	self->audio.receive = s->agreed->receive && !s->held;
	self->audio.send = s->agreed->send;
	leg_set_audio(self, s->muted, s->deaf);
}

/* What the description and the path allow. The wire has smoothed the path's
 * rate, and the views put nearly equal ones into one encoder. */
static uint32_t send_rate(const struct leg *self)
{
	enum { LEAST = 64000 };
	uint32_t rate = self->agreed_bitrate;

	if (self->path_bitrate && self->path_bitrate < rate)
		rate = self->path_bitrate > LEAST ? self->path_bitrate : LEAST;
	return rate < self->agreed_bitrate ? rate : self->agreed_bitrate;
}

static void apply_video(struct leg *self, const struct leg_settings *s)
{
	const struct conf_profile *profile = s->profile;
	uint32_t most = profile->bandwidth * 1000u;

	if (s->agreed->bitrate && s->agreed->bitrate < most)
		most = s->agreed->bitrate;
	self->agreed_bitrate = most;
	self->video = (struct video_params){
		.format = s->agreed->tx.format,
		.width = profile->width, .height = profile->height,
		.sar_num = 1, .sar_den = 1,
		.fps = profile->fps,
		.bitrate = send_rate(self),
	};
	self->sends = s->agreed->send;
	self->receives = s->agreed->receive && !s->held;
	self->slides = s->agreed->role == ROLE_SLIDES;
	follow_live(self);
	/* A new sink comes with the next arrangement of views. */
	if (!self->sends)
		leg_show(self, NULL);
	else if (self->sink)
		sink_set(self->sink, &self->video);
}

void leg_apply(struct leg *self, const struct leg_settings *settings)
{
	/* Where the leg that did this was dropped, another of the bundle goes on. */
	if (!self->carrier->setter)
		self->carrier->setter = self;
	if (self->carrier->setter == self)
		apply_transport(self, settings);
	if (self->kind == MEDIA_VIDEO)
		apply_video(self, settings);
	apply_stream(self, settings);
	if (self->kind == MEDIA_AUDIO)
		apply_audio(self, settings);
}

/* ---- in the meeting ------------------------------------------------------------------- */

int leg_show(struct leg *self, struct view *view)
{
	if (!view || !self->sends) {
		self->sink = sink_drop(self->sink);
		self->view = NULL;
		return 0;
	}
	if (self->view == view && self->sink)
		return 0;
	self->view = view;
	if (self->sink) {
		sink_move(self->sink, view);
		return 0;
	}
	return sink_new(&self->sink, view, self->stream, &self->video);
}

void leg_set_rate(struct leg *self, uint32_t bitrate)
{
	uint32_t rate;

	if (self->kind != MEDIA_VIDEO)
		return;
	self->path_bitrate = bitrate;
	rate = send_rate(self);
	if (rate == self->video.bitrate)
		return;
	self->video.bitrate = rate;
	if (self->sink)
		sink_set(self->sink, &self->video);
}

void leg_set_audio(struct leg *self, bool muted, bool deaf)
{
	if (!self->mixer_leg)
		return;
	self->audio.muted = muted;
	self->audio.deaf = deaf;
	mixer_leg_set(self->mixer_leg, &self->audio);
}

void leg_hear_keys(struct leg *self, bool hear)
{
	if (!self->mixer_leg || self->audio.hear_keys == hear)
		return;
	self->audio.hear_keys = hear;
	mixer_leg_set(self->mixer_leg, &self->audio);
}

void leg_request_key(struct leg *self)
{
	if (self->sink)
		sink_request_key(self->sink);
}

void leg_sync(struct leg *video, const struct leg *audio)
{
	/* Composing and encoding take about 20 ms behind the mixer. Sound that comes
	 * 25 ms after its picture is not noticed (ITU-R BT.1359-1), so that much the
	 * picture need not wait. */
	const int64_t ahead_us = 20000 + 25000;
	int64_t delay;

	if (!video->feed->source || !audio->mixer_leg)
		return;
	delay = mixer_leg_delay_us(audio->mixer_leg) - ahead_us;
	source_set_delay(video->feed->source, delay < 0 ? 0 : delay > 200000 ? 200000 : delay);
}

enum media_kind leg_kind(const struct leg *self)
{
	return self->kind;
}

struct source *leg_source(const struct leg *self)
{
	return self->feed->source;
}

bool leg_has_picture(const struct leg *self)
{
	return self->picture;
}

bool leg_sends_video(const struct leg *self)
{
	return self->kind == MEDIA_VIDEO && self->sends;
}

int leg_level(const struct leg *self)
{
	return self->mixer_leg ? mixer_leg_level(self->mixer_leg) : -127;
}

bool leg_silent(const struct leg *self)
{
	return self->silent;
}

void leg_stats(const struct leg *self, struct stream_stats *out)
{
	stream_stats(self->stream, out);
}
