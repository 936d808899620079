/* SPDX-License-Identifier: GPL-3.0-or-later
 * Whole configuration files with the tree they become, cut ones, and large ones. */
#include "tests/unit/config_text.h"

static void assert_profile_default(const struct conf_profile *p)
{
	static const char *const audio[] = { "opus", "G722", "PCMU", "PCMA", "G729", "L16" };
	static const char *const video[] = { "H264", "VP8", "H263-1998", "H263", "H261" };

	assert_non_null(p);
	assert_int_equal(p->width, 1280);
	assert_int_equal(p->height, 720);
	assert_int_equal(p->fps, 30);
	assert_int_equal(p->bandwidth, 2000);
	assert_int_equal(p->n_audio_codecs, 6);
	for (int i = 0; i < 6; i++)
		assert_string_equal(p->audio_codecs[i], audio[i]);
	assert_true(p->gain);
	assert_int_equal(p->n_video_codecs, 5);
	for (int i = 0; i < 5; i++)
		assert_string_equal(p->video_codecs[i], video[i]);
	assert_int_equal(p->encryption, ENCRYPTION_PREFERRED);
	assert_int_equal(p->slides, SLIDES_REFUSE);
	assert_true(p->video);
	assert_int_equal(p->ice, ICE_OFFER);
	assert_int_equal(p->silence_s, 30);
	assert_int_equal(p->session_expires_s, 1800);
}

static void assert_network_default(const struct conf_network *n)
{
	static const struct conf_listen listen[] = {
		{ .transport = CONF_UDP, .address = "*", .port = 5060 },
		{ .transport = CONF_UDP, .address = "::", .port = 5060 },
		{ .transport = CONF_TCP, .address = "*", .port = 5060 },
		{ .transport = CONF_TCP, .address = "::", .port = 5060 },
		{ .transport = CONF_TLS, .address = "*", .port = 5061 },
		{ .transport = CONF_TLS, .address = "::", .port = 5061 },
	};

	assert_int_equal(n->n_listen, 6);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(n->listen[i].transport, listen[i].transport);
		assert_string_equal(n->listen[i].address, listen[i].address);
		assert_int_equal(n->listen[i].port, listen[i].port);
	}
	assert_null(n->advertised);
	assert_null(n->media_address);
	assert_int_equal(n->media_port_min, 20000);
	assert_int_equal(n->media_port_max, 29999);
	assert_null(n->tls_certificate);
	assert_null(n->tls_key);
	assert_string_equal(n->control_socket, "/run/balai/control");
	assert_int_equal(n->workers, 0);
	assert_int_equal(n->max_calls, 0);
}

static void test_default(void **state)
{
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_load(&c, NULL, stderr), 0);
	assert_string_equal(c->source, "built-in");
	assert_network_default(&c->network);
	assert_int_equal(c->n_profile, 1);
	assert_profile_default(config_profile(c, "default"));
	assert_int_equal(c->n_conference, 0);
	assert_int_equal(c->n_rule, 2);
	assert_true(c->rule[0].create);
	assert_string_equal(c->rule[0].conference_profile, "default");
	assert_ptr_equal(c->rule[0].create_as.profile, config_profile(c, "default"));
	assert_int_equal(c->rule[1].action, RULE_REFUSE);
	assert_int_equal(c->rule[1].code, 404);
	ref_drop(c);
}

static void test_empty(void **state)
{
	const char *text = "<balai xmlns=\"urn:balai:config:1\"/>";
	struct config *c = NULL;
	char *said;

	(void)state;
	assert_int_equal(parse(&c, text, strlen(text), &said), 0);
	assert_string_equal(said, "");
	assert_network_default(&c->network);
	assert_profile_default(config_profile(c, "default"));
	assert_null(config_profile(c, "other"));
	assert_int_equal(c->n_rule, 1);
	assert_int_equal(c->network.n_trusted, 0);
	assert_true(c->network.transfers.accept);
	assert_int_equal(c->network.transfers.per_call, 5);
	assert_false(config_trusts(c, "127.0.0.1"));
	assert_false(config_transfer_host(c, "localhost"));
	ref_drop(c);
	free(said);
}

static void test_peers(void **state)
{
	static const struct { const char *address; bool trusted; } rows[] = {
		{ "192.0.2.10", true }, { "192.0.2.11", false }, { "::ffff:192.0.2.10", true },
		{ "10.127.255.255", true }, { "10.128.0.0", false }, { "9.255.255.255", false },
		{ "2001:db8:0:7fff::1", true }, { "2001:db8:0:8000::1", false }, { "::", false },
		{ "", false }, { "pbx", false }, { "192.0.2.10 ", false },
	};
	const char *text = FILE_OF("<network><trusted address=\"192.0.2.10\"/><trusted "
				   "address=\"10.0.0.0/9\"/><trusted address=\"2001:db8::/49\"/>"
				   "<transfers hosts=\"PBX.example.org 10.0.0.5\" per-call=\"2\"/></network>");
	struct config *c = NULL;
	char *said;

	(void)state;
	assert_int_equal(parse(&c, text, strlen(text), &said), 0);
	assert_string_equal(said, "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (config_trusts(c, rows[i].address) != rows[i].trusted)
			fail_msg("%s", rows[i].address);
	assert_true(c->network.transfers.accept);
	assert_int_equal(c->network.transfers.per_call, 2);
	assert_true(config_transfer_host(c, "pbx.EXAMPLE.org"));
	assert_true(config_transfer_host(c, "10.0.0.5"));
	assert_false(config_transfer_host(c, "example.org"));
	ref_drop(c);
	free(said);
}

/* Everything at once, and in an order in which nobody would write it. */
static const char everything[] =
	"<?xml version=\"1.0\"?>\n"
	"<b:balai xmlns:b=\"urn:balai:config:1\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"\n"
	"  xsi:schemaLocation=\"urn:balai:config:1 balai.xsd\">\n"
	" <!-- a comment --><?and an instruction?>\n"
	" <b:dial-plan>\n"
	"  <b:rule dialled='9(\\d+)' caller='.*@example\\.org' transport='tls' from='22:00' to='06:00'\n"
	"    days='mon-wed sat'><b:address uri='sip:$1@pbx'/></b:rule>\n"
	"  <b:rule dialled='5...'><b:conference number='$0' create='yes' like='hall'/></b:rule>\n"
	"  <b:rule dialled='6...'><b:conference create='yes' profile='hd'/></b:rule>\n"
	"  <b:rule from='18:00'><b:refuse code='480'/></b:rule>\n"
	"  <b:rule><b:conference/></b:rule>\n"
	"  <b:rule><b:refuse code='603' reason='Nein &amp; nochmals nein'/></b:rule>\n"
	" </b:dial-plan>\n"
	" <b:conferences>\n"
	"  <b:conference number='700' name='Große Runde' profile='hd' encryption='required' layout='1+5'\n"
	"    slides='refuse' self='auto' crop='yes' labels='no' audio-only='tile' max-participants='25' tones='8'/>\n"
	"  <b:conference number='hall' template='yes' layout='speaker' self='yes'/>\n"
	" </b:conferences>\n"
	" <b:profiles>\n"
	"  <b:profile name='hd' encryption='preferred' ice='answer' slides='receive' silence='0' "
	"session-expires='90'>\n"
	"   <b:video codecs='VP8' width='1920' height='1080' fps='25' bandwidth='4000'/>\n"
	"   <b:audio codecs='G722 opus G729' gain='off'/>\n"
	"  </b:profile>\n"
	"  <b:profile name='default'><b:video enabled='no'/></b:profile>\n"
	" </b:profiles>\n"
	" <b:layouts>\n"
	"  <b:layout name='hörsaal' columns='10' rows='8'>\n"
	"   <b:place x='0' y='0' width='10' height='8' role='speaker'/>\n"
	"   <b:place x='7' y='5' width='3' height='3' role='fixed' name='Pult' caller='dozent@.*'/>\n"
	"   <b:place x='0' y='7'/>\n"
	"  </b:layout>\n"
	" </b:layouts>\n"
	" <b:network>\n"
	"  <b:limits workers='3' io-threads='2' max-calls='40'/>\n"
	"  <b:control socket='/tmp/c'/>\n"
	"  <b:tls certificate='/etc/a.pem' key='b.pem'/>\n"
	"  <b:media address='2001:db8::1' ports='any'/>\n"
	"  <b:advertised address='203.0.113.5'/>\n"
	"  <b:listen transport='tcp' address='127.0.0.1' port='0'/>\n"
	"  <b:listen transport='tls'/>\n"
	" </b:network>\n"
	"</b:balai>\n";

static void assert_everything_network(const struct conf_network *n)
{
	assert_int_equal(n->n_listen, 2);
	assert_int_equal(n->listen[0].transport, CONF_TCP);
	assert_string_equal(n->listen[0].address, "127.0.0.1");
	assert_int_equal(n->listen[0].port, 0);
	assert_int_equal(n->listen[0].line, 39);
	assert_int_equal(n->listen[1].transport, CONF_TLS);
	assert_string_equal(n->listen[1].address, "*");
	assert_int_equal(n->listen[1].port, 5061);
	assert_string_equal(n->advertised, "203.0.113.5");
	assert_string_equal(n->media_address, "2001:db8::1");
	assert_int_equal(n->media_port_min, 0);
	assert_int_equal(n->media_port_max, 0);
	assert_string_equal(n->tls_certificate, "/etc/a.pem");
	assert_string_equal(n->tls_key, "b.pem");
	assert_string_equal(n->control_socket, "/tmp/c");
	assert_int_equal(n->workers, 3);
	assert_int_equal(n->io_threads, 2);
	assert_int_equal(n->max_calls, 40);
}

static void assert_everything_layouts(const struct config *c)
{
	const struct conf_layout *l = config_layout(c, "hörsaal");
	const struct conf_place *p;

	assert_int_equal(c->n_layout, 1);
	assert_ptr_equal(l, c->layout);
	assert_null(config_layout(c, "auto"));
	assert_int_equal(l->columns, 10);
	assert_int_equal(l->rows, 8);
	assert_int_equal(l->n_place, 3);
	p = l->place;
	assert_int_equal(p[0].role, ROLE_SPEAKER);
	assert_int_equal(p[0].width * 100 + p[0].height, 1008);
	assert_false(conf_place_takes(&p[0], "dozent@uni"));
	assert_int_equal(p[1].role, ROLE_FIXED);
	assert_int_equal(p[1].x * 10 + p[1].y, 75);
	assert_string_equal(p[1].name, "Pult");
	assert_true(conf_place_takes(&p[1], "Dozent@uni"));
	assert_false(conf_place_takes(&p[1], "student@uni"));
	assert_int_equal(p[2].role, ROLE_OTHER);
	assert_int_equal(p[2].width * 10 + p[2].height, 11);
	assert_null(p[2].name);
}

static void assert_everything_meeting(const struct config *c)
{
	const struct conf_profile *p = config_profile(c, "hd");
	const struct conf_conference *m = config_conference(c, "700");

	assert_int_equal(c->n_profile, 2);
	assert_int_equal(p->width, 1920);
	assert_int_equal(p->height, 1080);
	assert_int_equal(p->fps, 25);
	assert_int_equal(p->bandwidth, 4000);
	assert_int_equal(p->n_audio_codecs, 3);
	assert_false(p->gain);
	assert_string_equal(p->audio_codecs[2], "G729");
	assert_int_equal(p->n_video_codecs, 1);
	assert_string_equal(p->video_codecs[0], "VP8");
	assert_int_equal(p->ice, ICE_ANSWER);
	assert_int_equal(p->silence_s, 0);
	assert_int_equal(p->session_expires_s, 90);
	assert_int_equal(p->slides, SLIDES_RECEIVE);
	assert_int_equal(m->slides, SLIDES_REFUSE);
	assert_false(config_profile(c, "default")->video);
	assert_string_equal(m->name, "Große Runde");
	assert_ptr_equal(m->profile, p);
	assert_int_equal(m->encryption, ENCRYPTION_REQUIRED);
	assert_string_equal(m->layout, "1+5");
	assert_int_equal(m->self, SELF_AUTO);
	assert_true(m->crop);
	assert_false(m->labels);
	assert_int_equal(m->audio_only, AUDIO_ONLY_TILE);
	assert_int_equal(m->max_participants, 25);
	assert_int_equal(m->tones, 8);
	assert_int_equal(m->line, 15);
	assert_null(config_conference(c, "hall")); /* a template */
	assert_null(config_conference(c, "701"));
}

static void assert_everything_plan(const struct config *c)
{
	const struct conf_rule *r = c->rule;

	assert_int_equal(c->n_rule, 6);
	assert_int_equal(r[0].line, 6);
	assert_string_equal(r[0].dialled, "9(\\d+)");
	assert_string_equal(r[0].caller, ".*@example\\.org");
	assert_int_equal(r[0].transport, CONF_TLS);
	assert_int_equal(r[0].from_minute, 22 * 60);
	assert_int_equal(r[0].to_minute, 6 * 60);
	assert_int_equal(r[0].days, 0x27);
	assert_int_equal(r[0].action, RULE_ADDRESS);
	assert_string_equal(r[0].target, "sip:$1@pbx");
	assert_true(r[1].create);
	assert_string_equal(r[1].conference_profile, "default");
	assert_string_equal(r[1].create_as.layout, "speaker");
	assert_true(r[1].create_as.labels);
	assert_int_equal(r[1].create_as.audio_only, AUDIO_ONLY_COUNT);
	assert_int_equal(r[1].create_as.self, SELF_YES);
	assert_null(r[1].create_as.number);
	assert_null(r[1].create_as.name);
	assert_false(r[1].create_as.template_);
	assert_string_equal(r[2].conference_profile, "hd");
	assert_string_equal(r[2].create_as.layout, "auto");
	assert_string_equal(r[2].target, "$0");
	assert_int_equal(r[3].from_minute, 18 * 60);
	assert_int_equal(r[3].to_minute, 24 * 60);
	assert_string_equal(r[3].reason, "Temporarily Unavailable");
	assert_int_equal(r[4].from_minute, -1);
	assert_int_equal(r[4].transport, -1);
	assert_int_equal(r[4].days, 0);
	assert_false(r[4].create);
	assert_int_equal(r[5].code, 603);
	assert_string_equal(r[5].reason, "Nein & nochmals nein");
}

static void test_everything(void **state)
{
	struct config *c = NULL;
	long live = ref_live();
	char *said;

	(void)state;
	assert_int_equal(parse(&c, everything, strlen(everything), &said), 0);
	assert_string_equal(said, "");
	assert_string_equal(c->source, "t.xml");
	assert_everything_network(&c->network);
	assert_everything_layouts(c);
	assert_everything_meeting(c);
	assert_everything_plan(c);
	assert_int_equal(ref_live(), live + 1);
	ref_drop(c);
	assert_int_equal(ref_live(), live);
	free(said);
}

/* Cut off anywhere, the file is refused and nothing leaks. */
static void test_cut(void **state)
{
	size_t len = strlen(everything) - strlen("</b:balai>\n");

	(void)state;
	for (size_t i = 0; i < len; i += 7) {
		struct config *c = NULL;
		char *said;

		assert_int_equal(parse(&c, everything, i, &said), -EINVAL);
		assert_int_equal(strncmp(said, "t.xml:", 6), 0);
		assert_null(c);
		free(said);
	}
}

static void test_large(void **state)
{
	char *text = malloc(CONF_MAX_BYTES + 1), *said;
	struct config *c = NULL;

	(void)state;
	memset(text, ' ', CONF_MAX_BYTES + 1);
	memcpy(text, "<balai xmlns=\"urn:balai:config:1\">", 34);
	memcpy(text + CONF_MAX_BYTES - 8, "</balai>", 8);
	assert_int_equal(parse(&c, text, CONF_MAX_BYTES, &said), 0);
	ref_drop(c);
	free(said);
	c = NULL;
	assert_int_equal(parse(&c, text, CONF_MAX_BYTES + 1, &said), -EINVAL);
	assert_string_equal(said, "t.xml:1: the file is larger than 1024 KiB, shorten it\n");
	assert_null(c);
	free(said);
	free(text);
}

static void test_many_mistakes(void **state)
{
	char *text = NULL, *said, *end;
	struct config *c = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	fputs("<balai xmlns=\"urn:balai:config:1\"><dial-plan>\n", f);
	for (int i = 0; i < 250; i++)
		fprintf(f, "<rule from=\"08:00\" to=\"09:00\" dialled=\"%d\"><refuse/></rule>\n", i);
	fputs("</dial-plan></balai>\n", f);
	fclose(f);
	assert_int_equal(parse(&c, text, len, &said), -EINVAL);
	end = strstr(said, "t.xml: and ");
	assert_non_null(end);
	assert_string_equal(end, "t.xml: and 150 more\n");
	free(said);
	free(text);
}

static void test_too_many(void **state)
{
	char *text = NULL, *said;
	struct config *c = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	fputs("<balai xmlns=\"urn:balai:config:1\"><dial-plan>\n", f);
	for (int i = 0; i < CONF_MAX_RULES + 1; i++)
		fprintf(f, "<rule dialled=\"%d\"><refuse code=\"403\"/></rule>\n", i);
	fputs("</dial-plan></balai>\n", f);
	fclose(f);
	assert_int_equal(parse(&c, text, len, &said), -EINVAL);
	assert_string_equal(said, "t.xml:1: 1001 rules, write at most 1000\n");
	free(said);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_many_mistakes),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
