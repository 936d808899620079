/* SPDX-License-Identifier: GPL-3.0-or-later
 * Quirks from the XML file to what is agreed with an endpoint. */
#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "conf/config.h"
#include "mcu/mc/desc.h"
#include "sip/explain.h"
#include "sip/info.h"
#include "sip/sdp.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_OF(quirks) "<balai xmlns=\"urn:balai:config:1\">\n" quirks "</balai>"

static struct config *load(const char *text, const char *said)
{
	struct config *c = NULL;
	char *errors = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&errors, &n);
	int err = config_parse(&c, text, strlen(text), "t.xml", f);

	fclose(f);
	assert_string_equal(errors, said);
	assert_int_equal(err, *said ? -EINVAL : 0);
	free(errors);
	return c;
}

static void mistakes(void **state)
{
	static const struct { const char *text, *said; } rows[] = {
		{ FILE_OF("<quirks><quirk/></quirks>"),
		  "t.xml:2: <quirk> needs an attribute \"name\", write name=\"…\"\n"
		  "t.xml:2: this quirk is for nobody, write agent=\"…\" (of the User-Agent header) "
		  "or offers=\"…\" (a codec)\n" },
		{ FILE_OF("<quirks><quirk name=\"a\" agent=\"(\"/></quirks>"),
		  "t.xml:2: agent=\"(\": missing closing parenthesis at offset 1, correct the "
		  "pattern here: (<-- here\n" },
		{ FILE_OF("<quirks><quirk name=\"a\" offers=\"x\" key-frames=\"fir\" nack=\"0\" "
			  "max-bitrate=\"3\" stream-id=\"&lt;\" mode=\"0\"/></quirks>"),
		  "t.xml:2: <quirk> has no attribute \"mode\", write name, agent, offers, key-frames, "
		  "stream-id, nack, tmmbr, h264-mode-0 or max-bitrate\n"
		  "t.xml:2: key-frames=\"fir\" is unknown, write auto, rtcp or info\n"
		  "t.xml:2: stream-id=\"<\" does not go into XML, write label, a number or a word\n"
		  "t.xml:2: nack=\"0\" is unknown, write no or yes\n"
		  "t.xml:2: max-bitrate=\"3\" is out of range, write one from 64 to 50000\n" },
		{ FILE_OF("<quirks built-in=\"no\"/>"),
		  "t.xml:2: <quirks> has no attribute \"built-in\", did you mean \"builtin\"?\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_null(load(rows[i].text, rows[i].said));
}

static const char *name_of(const struct config *c, const char *agent, const char *encodings)
{
	const struct conf_quirk *q = config_quirk(c, agent, encodings);

	return q ? q->name : "";
}

/* The file's own come first, the built-in ones are there unless they are not wanted. */
static void order(void **state)
{
	struct config *c = load(FILE_OF("<quirks>"
		"<quirk name=\"both\" agent=\"Polycom.*\" offers=\"SIREN14\" nack=\"no\"/>"
		"<quirk name=\"codec\" offers=\"h263\" tmmbr=\"no\"/></quirks>"), "");

	(void)state;
	assert_string_equal(name_of(c, "PolycomRealPresence/5", "|G7221|SIREN14|"), "both");
	assert_string_equal(name_of(c, "PolycomRealPresence/5", "|G7221|"), "Polycom");
	assert_string_equal(name_of(c, "polycomvvx", ""), "Polycom");
	assert_string_equal(name_of(c, "x", "|H264|H263|"), "codec");
	assert_string_equal(name_of(c, "x", "|H264|H263-1998|"), "");
	assert_string_equal(name_of(c, NULL, "|VND.polycom.lpr|"), "Polycom by its offer");
	assert_string_equal(name_of(c, "My Polycom", NULL), "");
	ref_drop(c);
	c = load(FILE_OF("<quirks builtin=\"no\"/>"), "");
	assert_int_equal(c->n_quirk, 0);
	ref_drop(c);
	assert_int_equal(config_load(&c, NULL, stderr), 0);
	assert_string_equal(name_of(c, "Huawei TE40", ""), "Huawei");
	assert_true(c->quirk[0].line > 0);
	ref_drop(c);
	c = load(FILE_OF(""), "");
	assert_string_equal(name_of(c, "Cisco-CP8845/12", ""), "Cisco desk video phones");
	assert_int_equal(c->quirk[0].line, 0);
	ref_drop(c);
}

/* ---- effects ---------------------------------------------------------------------- */

#define ROOM "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n" \
	"m=audio 4000 RTP/AVP 0\r\n" \
	"m=video 4002 RTP/AVP 96 97 34\r\n" \
	"a=rtpmap:96 vnd.polycom.lpr/9000\r\na=rtpmap:97 H264/90000\r\n" \
	"a=fmtp:97 profile-level-id=42801e;packetization-mode=1\r\n" \
	"a=rtpmap:34 H263/90000\r\na=fmtp:34 CIF=1\r\n"
#define FEEDBACK "a=rtcp-fb:* nack\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\n" \
	"a=rtcp-fb:* ccm tmmbr\r\n"

static void agree(struct desc_agreed *out, struct media_desc *answer, const char *sdp,
		  const struct conf_quirk *quirk)
{
	struct desc_policy policy = { .encryption = ENCRYPTION_PREFERRED, .video = true,
				      .quirk = quirk };
	struct desc_agreed *all = calloc(DESC_MAX_LINES, sizeof(*all));
	struct desc_verdict verdict;
	struct media_desc *offer;

	assert_int_equal(sdp_desc_parse(&offer, sdp, strlen(sdp)), 0);
	assert_string_equal(offer->encodings, "|PCMU|vnd.polycom.lpr|H264|H263|");
	desc_answer(&policy, offer, answer, &verdict, NULL, NULL);
	assert_int_equal(verdict.status, 200);
	assert_int_equal(desc_agree(answer, offer, false, all), 0);
	desc_quirk_agreed(quirk, all);
	*out = all[1];
	media_desc_free(offer);
	free(all);
}

static void effects(void **state)
{
	struct media_desc *answer = media_desc_new();
	struct conf_quirk q = { .nack = true, .tmmbr = true };
	struct desc_agreed a;

	(void)state;
	agree(&a, answer, ROOM FEEDBACK, NULL);
	assert_true(a.tx.nack && a.tx.pli && a.tx.fir && a.tx.tmmbr && a.bitrate == 0);
	assert_int_equal(a.tx.format.id, CODEC_H264);
	q.nack = false;
	agree(&a, answer, ROOM FEEDBACK, &q);
	assert_true(!a.tx.nack && a.tx.pli && a.tx.fir && a.tx.tmmbr);
	assert_false(answer->line[1].codec[0].nack);
	q.tmmbr = false;
	q.key_frames = KEY_FRAMES_INFO;
	agree(&a, answer, ROOM FEEDBACK, &q);
	assert_true(!a.tx.nack && !a.tx.pli && !a.tx.fir && !a.tx.tmmbr);
	q.key_frames = KEY_FRAMES_RTCP;
	agree(&a, answer, ROOM, &q);
	assert_true(a.tx.pli && a.tx.fir && a.avpf);
	q.max_bitrate = 768;
	agree(&a, answer, ROOM "b=AS:2000\r\n", &q);
	assert_int_equal(a.bitrate, 768000);
	agree(&a, answer, ROOM "b=TIAS:512000\r\n", &q);
	assert_int_equal(a.bitrate, 512000);
	/* Mode 1 is all it has of H.264. */
	q.h264_mode_0 = true;
	agree(&a, answer, ROOM, &q);
	assert_int_equal(a.tx.format.id, CODEC_H263);
	media_desc_free(answer);
}

/* Our own offers keep to it too. */
static void offers(void **state)
{
	struct media_desc *offer = media_desc_new();
	struct conf_quirk q = { .tmmbr = true, .h264_mode_0 = true };
	struct desc_policy policy = { .encryption = ENCRYPTION_OFF, .video = true, .quirk = &q };
	unsigned h264 = 0;

	(void)state;
	desc_offer(&policy, offer);
	for (uint32_t i = 0; i < offer->line[1].n_codecs; i++) {
		const struct desc_codec *c = &offer->line[1].codec[i];

		assert_false(c->nack);
		assert_true(c->tmmbr);
		h264 += c->format.id == CODEC_H264;
		assert_true(c->format.id != CODEC_H264 || !c->format.h264.packetization_mode);
	}
	assert_int_equal(h264, 1);
	media_desc_free(offer);
}

/* RFC 5168: none, or the one that is wanted, where the schema has its place. */
static void key_frames(void **state)
{
	char body[512], small[64];
	struct info info;

	(void)state;
	assert_int_equal(info_key_frame(body, sizeof(body), ""), 0);
	assert_null(strstr(body, "stream_id"));
	assert_int_equal(info_key_frame(body, sizeof(body), "11"), 0);
	assert_non_null(strstr(body, "<vc_primitive>\r\n  <stream_id>11</stream_id>\r\n  <to_enc"));
	assert_int_equal(info_parse(&info, info_media_control_type, body, strlen(body)), 0);
	assert_int_equal(info.kind, INFO_KEY_FRAME);
	assert_int_equal(info_key_frame(small, sizeof(small), ""), -ENOSPC);
}

/* ---- sdp explain -------------------------------------------------------------------- */

static const char *explained(const char *text, const struct config *c, const char *agent,
			     char *name, size_t cap)
{
	const struct desc_policy policy = { .encryption = ENCRYPTION_PREFERRED, .video = true };
	char *buf = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&buf, &n);
	json_t *json;

	assert_int_equal(sdp_explain(text, strlen(text), &policy, c, agent, true, out), 200);
	fclose(out);
	json = json_loadb(buf, n, 0, NULL);
	snprintf(name, cap, "%s", json_is_null(json_object_get(json, "quirk")) ? "" :
		 json_string_value(json_object_get(json, "quirk")));
	json_decref(json);
	free(buf);
	return name;
}

static void explain(void **state)
{
	static const char message[] = "INVITE sip:1@h SIP/2.0\r\nUser-Agent: Huawei TE30\r\n"
		"Content-Type: application/sdp\r\n\r\n"
		"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
		"m=audio 4000 RTP/AVP 0\r\n";
	struct config *c = load(FILE_OF(""), "");
	char name[64];

	(void)state;
	assert_string_equal(explained(ROOM, c, NULL, name, 64), "Polycom by its offer");
	assert_string_equal(explained(ROOM, c, "Huawei TE30", name, 64), "Polycom by its offer");
	assert_string_equal(explained(message, c, NULL, name, 64), "Huawei");
	assert_string_equal(explained(message, c, "Cisco-CP8865", name, 64),
			    "Cisco desk video phones");
	assert_string_equal(explained(message, c, "something", name, 64), "");
	assert_string_equal(explained(message, NULL, NULL, name, 64), "");
	ref_drop(c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes), cmocka_unit_test(order), cmocka_unit_test(effects),
		cmocka_unit_test(offers), cmocka_unit_test(key_frames), cmocka_unit_test(explain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
