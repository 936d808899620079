/* SPDX-License-Identifier: GPL-3.0-or-later
 * See meeting_room.h. */
#include "tests/flow/meeting_room.h"

#include "base/clock.h"
#include "base/ref.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char config_xml[] =
	"<?xml version=\"1.0\"?>\n"
	"<balai xmlns=\"urn:balai:config:1\">\n"
	"  <network>\n"
	"    <listen transport=\"udp\" address=\"127.0.0.1\" port=\"0\"/>\n"
	"    <media ports=\"any\"/>\n"
	"    <control socket=\"/nowhere\"/>\n"
	"  </network>\n"
	"  <profiles>\n"
	"    <profile name=\"default\" encryption=\"preferred\" silence=\"30\">\n"
	"      <audio codecs=\"opus G722 PCMU PCMA\"/>\n"
	"      <video codecs=\"H264 VP8\" width=\"320\" height=\"180\" fps=\"15\" bandwidth=\"300\"/>\n"
	"    </profile>\n"
	"  </profiles>\n"
	"  <conferences>\n"
	"    <conference number=\"7000\" profile=\"default\" encryption=\"required\"/>\n"
	"    <conference number=\"7001\" profile=\"default\" max-participants=\"1\"/>\n"
	"    <conference number=\"7002\" profile=\"default\" self=\"yes\"/>\n"
	"    <conference number=\"7003\" profile=\"default\" slides=\"receive\" labels=\"no\"/>\n"
	"    <conference number=\"7004\" profile=\"default\" slides=\"receive\" labels=\"no\"\n"
	"      self=\"yes\" encryption=\"required\"/>\n"
	"  </conferences>\n"
	"  <dial-plan>\n"
	"    <rule dialled=\"600\"><refuse code=\"603\" reason=\"Not you\"/></rule>\n"
	"    <rule dialled=\"601\"><address uri=\"sip:elsewhere@192.0.2.9\"/></rule>\n"
	"    <rule dialled=\"7[0-9]{3}\"><conference number=\"$0\"/></rule>\n"
	"    <rule dialled=\"[1-5][0-9]{3}\"><conference number=\"$0\" create=\"yes\"/></rule>\n"
	"  </dial-plan>\n"
	"</balai>\n";

/* ---- the room under test ---------------------------------------------------------- */

static bool is_full(void *arg)
{
	return ((struct room *)arg)->full;
}

int room_open(void **state)
{
	const struct wire_config wire = { .threads = 2 };
	struct room *r = calloc(1, sizeof(*r));

	assert_int_equal(config_parse(&r->config, config_xml, strlen(config_xml), "test", stderr), 0);
	assert_int_equal(loop_new(&r->loop), 0);
	assert_int_equal(wire_new(&r->wire, &wire), 0);
	assert_int_equal(wire_start(r->wire), 0);
	assert_int_equal(wire_new(&r->far, &wire), 0);
	assert_int_equal(wire_start(r->far), 0);
	assert_int_equal(pool_new(&r->pool, "pool", 2), 0);
	assert_int_equal(audio_engine_new(&r->audio, r->wire, 1), 0);
	assert_int_equal(video_engine_new(&r->video, r->wire, r->pool), 0);
	assert_int_equal(controller_new(&r->controller, &(struct controller_parts){
		r->loop, r->wire, r->pool, r->audio, r->video, is_full, r }, r->config), 0);
	*state = r;
	return 0;
}

void room_on_done(void *arg)
{
	((struct room *)arg)->done = true;
}

void room_step(struct room *r)
{
	loop_step(r->loop, 5);
}

int64_t patience(void)
{
	return clock_us() + 60000000;
}

int room_close(void **state)
{
	struct room *r = *state;
	struct wire_stats w;
	struct video_engine_stats v;
	struct audio_engine_stats a;

	controller_end_all(r->controller, room_on_done, r);
	for (int64_t end = patience(); clock_us() < end && !r->done;)
		room_step(r);
	assert_true(r->done);
	wire_stats(r->wire, &w);
	assert_int_equal(w.transports + w.streams, 0);
	video_engine_stats(r->video, &v);
	assert_int_equal(v.sources, 0);
	audio_engine_stats(r->audio, &a);
	assert_int_equal(a.legs, 0);
	r->controller = controller_free(r->controller);
	wire_stop(r->wire);
	wire_stop(r->far);
	video_engine_free(r->video);
	audio_engine_free(r->audio);
	pool_free(r->pool);
	wire_drop(r->wire);
	wire_drop(r->far);
	loop_free(r->loop);
	ref_drop(r->config);
	free(r);
	return 0;
}

/* ---- an endpoint -------------------------------------------------------------------- */

static int op_answer(struct call *call, const struct media_desc *ours)
{
	struct endpoint *e = call->protocol_data;

	*e->answer = *ours;
	return 0;
}

static int op_refuse(struct call *call, int status, const char *reason, const char *warning,
		     unsigned retry_after)
{
	struct endpoint *e = call->protocol_data;

	(void)reason;
	e->refused = status;
	e->retry_after = (int)retry_after;
	if (warning)
		snprintf(e->warning, sizeof(e->warning), "%s", warning);
	return 0;
}

static void end_now(void *arg)
{
	struct call *call = arg;

	if (call->state != CALL_ENDED)
		call_ended(call, 0, "ended");
	ref_drop(call);
}

static int op_end(struct call *call, const char *reason)
{
	struct endpoint *e = call->protocol_data;

	(void)reason;
	return loop_call(e->room->loop, end_now, ref_hold(call));
}

static int op_redirect(struct call *call, const char *uri)
{
	struct endpoint *e = call->protocol_data;

	e->redirected = true;
	snprintf(e->redirect, sizeof(e->redirect), "%s", uri);
	return 0;
}

static int op_request_key(struct call *call, const struct desc_line *line)
{
	struct endpoint *e = call->protocol_data;

	assert_int_equal(line->kind, MEDIA_VIDEO);
	e->line[line->role == ROLE_SLIDES ? LINE_SLIDES : LINE_PICTURE].keys_signalled++;
	snprintf(e->key_stream_id, sizeof(e->key_stream_id), "%s", call->key_stream_id);
	return 0;
}

static int op_offer(struct call *call, const struct media_desc *ours)
{
	struct endpoint *e = call->protocol_data;

	e->offers++;
	*e->answer = *ours;
	return 0;
}

static void op_refer_progress(struct call *call, int status, const char *reason)
{
	(void)reason;
	((struct endpoint *)call->protocol_data)->referred = status;
}

static const struct call_ops ops = {
	.refer_progress = op_refer_progress,
	.protocol = "test", .answer = op_answer, .refuse = op_refuse, .end = op_end,
	.offer = op_offer, .redirect = op_redirect, .request_key = op_request_key,
};

static void on_frame(void *arg, struct coded *frame)
{
	struct endpoint_line *line = arg;
	struct endpoint *e = line->endpoint;
	struct picture *picture = NULL;

	/* The first one may have come before its keys. */
	if (e->decoder && (video_decode(e->decoder, frame, &picture) || !picture))
		stream_request_key(line->stream);
	if (picture)
		slot_put(&e->seen, picture);
	atomic_fetch_add(&e->pictures, 1);
	atomic_fetch_add(&e->keys, frame->key);
	ref_drop(frame);
}

static void on_key_wanted(void *arg)
{
	atomic_fetch_add(&((struct endpoint_line *)arg)->keys_wanted, 1);
}

static void on_released(void *arg)
{
	atomic_fetch_add(&((struct endpoint_line *)arg)->endpoint->released, 1);
}

static const struct stream_events events = {
	.frame = on_frame, .key_wanted = on_key_wanted, .released = on_released,
};

void endpoint_set_address(struct sockaddr_storage *out, uint16_t port)
{
	struct sockaddr_in *a = (struct sockaddr_in *)(void *)out;

	memset(out, 0, sizeof(*out));
	a->sin_family = AF_INET;
	a->sin_port = htons(port);
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static void add_line(struct endpoint *e, unsigned i, bool sdes)
{
	struct desc_line *l = &e->offer->line[i];
	struct endpoint_line *line = &e->line[i];

	line->endpoint = e;
	assert_int_equal(transport_new(&line->transport, e->room->far, "127.0.0.1", false, NULL,
				       NULL), 0);
	assert_int_equal(stream_new(&line->stream, line->transport, &events, line), 0);
	l->kind = i ? MEDIA_VIDEO : MEDIA_AUDIO;
	snprintf(l->media, sizeof(l->media), "%s", i ? "video" : "audio");
	l->proto = sdes ? PROTO_SAVP : PROTO_AVP;
	snprintf(l->proto_text, sizeof(l->proto_text), "%s", sdes ? "RTP/SAVP" : "RTP/AVP");
	l->port = transport_local(line->transport)->rtp_port;
	endpoint_set_address(&l->rtp, l->port);
	l->rtcp = l->rtp;
	l->rtcp_mux = true;
	l->send = l->receive = true;
	l->n_codecs = 1;
	l->codec[0] = (struct desc_codec){ .can_send = true, .can_receive = true,
					   .pt = i ? 97 : 0, .pli = true, .nack = true };
	l->codec[0].format.id = i ? CODEC_H264 : CODEC_PCMU;
	l->codec[0].format.clock_rate = i ? 90000 : 8000;
	l->codec[0].format.channels = 1;
	if (i)
		l->codec[0].format.h264 = (struct h264_format){ 66, 0xe0, 31, 1, false,
			0, 0, 0, 0, 0, 0 };
	if (sdes) {
		l->n_crypto = 1;
		l->crypto[0].tag = 1;
		srtp_key_random(&l->crypto[0].key, SRTP_AES_CM_128_HMAC_SHA1_80);
	}
	e->offer->n_lines = i + 1;
}

struct endpoint *endpoint_new(struct room *r, bool video, bool sdes)
{
	struct endpoint *e = calloc(1, sizeof(*e));

	e->room = r;
	e->offer = media_desc_new();
	e->answer = media_desc_new();
	slot_init(&e->seen);
	add_line(e, LINE_SOUND, sdes);
	if (video)
		add_line(e, LINE_PICTURE, sdes);
	return e;
}

void endpoint_add_slides(struct endpoint *e)
{
	struct desc_line *l = &e->offer->line[LINE_SLIDES];

	add_line(e, LINE_SLIDES, e->offer->line[LINE_SOUND].n_crypto);
	l->role = ROLE_SLIDES;
	snprintf(l->content, sizeof(l->content), "slides");
	snprintf(l->label, sizeof(l->label), "12");
}

void endpoint_watch(struct endpoint *e)
{
	assert_int_equal(video_decoder_new(&e->decoder, CODEC_H264), 0);
}

void endpoint_call(struct endpoint *e, const char *number, const struct media_desc *offer)
{
	struct call *call = NULL;

	assert_int_equal(call_new(&call, controller_calls(e->room->controller), &ops, false, NULL), 0);
	call->protocol_data = e;
	e->call = call;
	snprintf(call->local, sizeof(call->local), "%s", number);
	snprintf(call->remote_uri, sizeof(call->remote_uri), "tester@127.0.0.1");
	snprintf(call->local_address, sizeof(call->local_address), "%s",
		 e->local ? e->local : "127.0.0.1");
	if (e->agent)
		snprintf(call->user_agent, sizeof(call->user_agent), "%s", e->agent);
	call->replaces = e->replaces;
	call_offered(call, offer);
	call->replaces = NULL;
	if (e->refused || e->redirected)
		call_ended(call, e->refused, "refused");
	else
		call_connected(call);
}

void endpoint_dial(struct endpoint *e, const char *number)
{
	endpoint_call(e, number, e->offer);
}

void endpoint_answer(struct endpoint *e)
{
	struct media_desc *d = media_desc_new();

	/* One line where two were offered, as plain phones do. */
	*d = *e->offer;
	call_answered(e->call, d);
	media_desc_free(d);
}

void endpoint_connect(struct endpoint *e)
{
	for (unsigned i = 0; i < e->offer->n_lines; i++) {
		const struct desc_line *a = &e->answer->line[i];
		struct desc_line *o = &e->offer->line[i];
		struct transport_params t = { .remote_rtp = a->rtp, .remote_rtcp = a->rtp,
					      .rtcp_mux = true };
		struct stream_params s = {
			.kind = o->kind, .send = o->send, .receive = o->receive, .n_rx = 1,
			.rx[0] = { (uint8_t)o->codec[0].pt, o->codec[0].format },
			.tx = { (uint8_t)o->codec[0].pt, o->codec[0].format },
			.dtmf_tx_pt = -1, .cn_tx_pt = -1, .nack = true, .pli = true, .avpf = true,
		};

		if (!o->port)
			continue;
		assert_true(a->port);
		if (a->n_crypto && o->n_crypto) {
			t.security = SECURITY_SDES;
			t.tx = o->crypto[0].key;
			t.rx = a->crypto[0].key;
		} else if (a->fingerprint.len && o->fingerprint.len) {
			t.security = SECURITY_DTLS;
			t.dtls_role = o->setup == SETUP_ACTIVE ? DTLS_ACTIVE : DTLS_PASSIVE;
			snprintf(t.fingerprint_hash, sizeof(t.fingerprint_hash), "%s",
				 a->fingerprint.hash);
			memcpy(t.fingerprint, a->fingerprint.bytes, sizeof(t.fingerprint));
			t.fingerprint_len = a->fingerprint.len;
		}
		snprintf(s.cname, sizeof(s.cname), "endpoint");
		transport_set(e->line[i].transport, &t);
		stream_set(e->line[i].stream, &s);
	}
}

void endpoint_update(struct endpoint *e)
{
	e->offer->session_version++;
	call_updated(e->call, e->offer);
	endpoint_connect(e);
}

void endpoint_hang_up(struct endpoint *e)
{
	if (e->call->state != CALL_ENDED)
		call_ended(e->call, 0, "hung up");
}

void endpoint_free(struct endpoint *e)
{
	int streams = 0;

	for (unsigned i = 0; i < ENDPOINT_LINES; i++) {
		streams += e->line[i].stream != NULL;
		e->line[i].stream = stream_drop(e->line[i].stream);
		e->line[i].transport = transport_drop(e->line[i].transport);
	}
	while (atomic_load(&e->released) < streams)
		room_step(e->room);
	ref_drop(e->call);
	media_desc_free(e->offer);
	media_desc_free(e->answer);
	for (unsigned i = 0; i < ENDPOINT_LINES; i++)
		video_encoder_free(e->line[i].encoder);
	video_decoder_free(e->decoder);
	slot_put(&e->seen, NULL);
	slot_fini(&e->seen);
	free(e);
}

void endpoint_talk(struct endpoint *e, double hz)
{
	static struct audio_encoder *encoder;
	const struct codec_format format = { .id = CODEC_PCMU, .clock_rate = 8000, .channels = 1 };
	struct send_batch *batch = send_batch_new(1);
	struct coded *frame = coded_new(160, 0);
	int16_t pcm[160];

	if (!encoder)
		assert_int_equal(audio_encoder_new(&encoder, &format, 0), 0);
	for (unsigned i = 0; i < 160; i++)
		pcm[i] = hz > 0 ? (int16_t)(8000 * sin(2 * M_PI * hz * (e->tick * 160 + i) / 8000)) : 0;
	frame->codec = CODEC_PCMU;
	frame->rtp_time = e->tick * 160;
	frame->time_us = clock_us();
	frame->len = (size_t)audio_encode(encoder, pcm, 160, frame->data, 160);
	e->tick++;
	assert_int_equal(send_batch_add(batch, e->line[LINE_SOUND].stream, frame), 0);
	ref_drop(frame);
	wire_send(e->room->far, batch);
}

void endpoint_show_on(struct endpoint *e, unsigned line, uint8_t luma)
{
	struct endpoint_line *out = &e->line[line];
	const struct video_params params = {
		.format = e->offer->line[line].codec[0].format, .width = 320, .height = 180,
		.sar_num = 1, .sar_den = 1, .fps = 15, .bitrate = 200000,
	};
	struct picture *p = picture_new(320, 180);
	struct send_batch *batch = send_batch_new(1);
	struct coded *frame = NULL;
	bool key = !out->frames || atomic_exchange(&out->keys_wanted, 0);

	if (!out->encoder)
		assert_int_equal(video_encoder_new(&out->encoder, &params), 0);
	memset(p->plane[0], luma, (size_t)p->stride[0] * 180);
	memset(p->plane[1], 100 + (out->frames & 15), (size_t)p->stride[1] * 90);
	memset(p->plane[2], 128, (size_t)p->stride[2] * 90);
	p->sar_num = p->sar_den = 1;
	p->time_us = clock_us();
	out->frames++;
	assert_int_equal(video_encode(out->encoder, p, key, &frame), 0);
	if (frame)
		assert_int_equal(send_batch_add(batch, out->stream, frame), 0);
	ref_drop(frame);
	ref_drop(p);
	wire_send(e->room->far, batch);
}

void endpoint_show(struct endpoint *e, uint8_t luma)
{
	endpoint_show_on(e, LINE_PICTURE, luma);
}

int endpoint_sees(struct endpoint *e, int x, int y)
{
	struct picture *p = slot_get(&e->seen, NULL);
	int luma = p ? p->plane[0][y * p->stride[0] + x] : -1;

	ref_drop(p);
	return luma;
}

void ear_listen(struct ear *ear, struct endpoint *e)
{
	unsigned until = ear->n + 160;
	struct audio_packet packet;

	if (!ear->decoder)
		assert_int_equal(audio_decoder_new(&ear->decoder, &e->offer->line[0].codec[0].format), 0);
	while (ear->n < until) {
		int n = 0;

		if (stream_pull(e->line[LINE_SOUND].stream, clock_us(), &packet, NULL) == PULL_PACKET)
			n = audio_decode(ear->decoder, packet.data, packet.len, ear->pcm + ear->n,
					 160);
		if (n <= 0) {
			n = 160;
			memset(ear->pcm + ear->n, 0, 160 * sizeof(int16_t));
		}
		ear->n += (unsigned)n;
	}
}

double ear_level(const struct ear *ear, double hz)
{
	double re = 0, im = 0;

	for (unsigned i = 0; i < ear->n; i++) {
		re += ear->pcm[i] * cos(2 * M_PI * hz * i / 8000);
		im += ear->pcm[i] * sin(2 * M_PI * hz * i / 8000);
	}
	return ear->n ? 2 * sqrt(re * re + im * im) / ear->n : 0;
}

bool due(int64_t *next, int64_t period)
{
	int64_t now = clock_us();

	if (now < *next)
		return false;
	*next = *next ? *next + period : now + period;
	return true;
}

json_t *room_command(struct room *r, const char *name, json_t *args, int want)
{
	struct command_context context = { .controller = r->controller };
	char error[256] = "";
	json_t *out = NULL;

	assert_int_equal(command_run(&context, name, args, &out, error, sizeof(error)), want);
	assert_int_equal(!want, !error[0]);
	json_decref(args);
	return out;
}

/* ---- waiting --------------------------------------------------------------------------- */

void hear_each_other(struct endpoint *a, struct endpoint *b)
{
	struct ear ear[2] = { 0 };
	int64_t next = 0;
	bool ok = false;

	for (int64_t end = patience(); clock_us() < end && !ok;) {
		room_step(a->room);
		if (!due(&next, 20000))
			continue;
		endpoint_talk(a, 440);
		endpoint_talk(b, 1000);
		ear_listen(&ear[0], a);
		ear_listen(&ear[1], b);
		if (ear[0].n < 1440)
			continue;
		ok = ear_level(&ear[0], 1000) > 6000 && ear_level(&ear[0], 440) < 80 &&
		     ear_level(&ear[1], 440) > 6000 && ear_level(&ear[1], 1000) < 80;
		ear[0].n = ear[1].n = 0;
	}
	audio_decoder_free(ear[0].decoder);
	audio_decoder_free(ear[1].decoder);
	assert_true(ok);
}

void see_more(struct endpoint *e, struct endpoint *other, int more)
{
	int until = atomic_load(&e->pictures) + more;
	int64_t next = 0;

	for (int64_t end = patience(); clock_us() < end && atomic_load(&e->pictures) < until;) {
		room_step(e->room);
		if (due(&next, 66000))
			endpoint_show(other, 90);
	}
	assert_true(atomic_load(&e->pictures) >= until);
}

void wait_for_end(struct room *r, const struct endpoint *e)
{
	for (int64_t end = patience(); clock_us() < end && e->call->state != CALL_ENDED;)
		room_step(r);
	assert_int_equal(e->call->state, CALL_ENDED);
}
