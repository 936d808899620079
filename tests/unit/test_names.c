/* SPDX-License-Identifier: GPL-3.0-or-later
 * conf/ may not ask codecs/ and mcu/mp/ what they know; here, where all three
 * are seen, the names that a file may use are those that mean something, and
 * the schema has the same ones. */
#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "codecs/codec.h"
#include "conf/private.h"
#include "mcu/mp/layout.h"

#include <stdio.h>
#include <string.h>

static void assert_codecs(const char *const *names, enum media_kind kind)
{
	for (; *names; names++) {
		enum codec_id id = codec_by_name(*names);

		assert_int_not_equal(id, CODEC_NONE);
		assert_int_equal(codec_kind(id), kind);
		assert_string_equal(codec_name(id), *names);
	}
}

static void test_codecs(void **state)
{
	(void)state;
	assert_codecs(conf_audio_codecs, MEDIA_AUDIO);
	assert_codecs(conf_video_codecs, MEDIA_VIDEO);
}

static void test_layouts(void **state)
{
	unsigned n = 0;

	(void)state;
	for (; conf_layouts[n]; n++) {
		assert_non_null(layout_builtin(n));
		assert_string_equal(layout_builtin(n)->name, conf_layouts[n]);
	}
	assert_null(layout_builtin(n));
	assert_int_equal(CONF_MAX_PLACES, LAYOUT_MAX_TILES);
	assert_int_equal(CONF_MAX_CELLS, LAYOUT_MAX_CELLS);
	assert_int_equal(CONF_MAX_NAME, LAYOUT_MAX_NAME);
}

/* How often the type has an enumeration, and that it has each name. */
static void assert_enumeration(const char *type, const char *const *names)
{
	const char *xsd = config_schema_xml(), *from, *to;
	char want[128];
	unsigned n = 0, m = 0;

	snprintf(want, sizeof(want), "<xs:simpleType name=\"%s\">", type);
	from = strstr(xsd, want);
	assert_non_null(from);
	to = strstr(from, "</xs:restriction>");
	assert_non_null(to);
	for (const char *p = from; (p = strstr(p, "<xs:enumeration ")) && p < to; p++)
		n++;
	for (; names[m]; m++) {
		const char *found;

		snprintf(want, sizeof(want), "<xs:enumeration value=\"%s\"", names[m]);
		found = strstr(from, want);
		assert_non_null(found);
		assert_true(found < to);
	}
	assert_int_equal(n, m);
}

static void test_schema(void **state)
{
	(void)state;
	assert_enumeration("audio-codec", conf_audio_codecs);
	assert_enumeration("video-codec", conf_video_codecs);
	assert_enumeration("built-in-layout", conf_layouts);
}

/* What an editor shows as the default is what one gets. */
static void test_defaults(void **state)
{
	static const struct { const char *attr, *type; } rows[] = {
		{ "codecs", "audio-codecs" }, { "codecs", "video-codecs" },
	};
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_load(&c, NULL, NULL), 0);
	for (int i = 0; i < 2; i++) {
		char **list = i ? c->profile->video_codecs : c->profile->audio_codecs;
		size_t n = i ? c->profile->n_video_codecs : c->profile->n_audio_codecs;
		char want[256];

		snprintf(want, sizeof(want), "<xs:attribute name=\"%s\" type=\"%s\" default=\"",
			 rows[i].attr, rows[i].type);
		for (size_t k = 0; k < n; k++)
			snprintf(want + strlen(want), sizeof(want) - strlen(want), "%s%s", k ? " " : "",
				 list[k]);
		snprintf(want + strlen(want), sizeof(want) - strlen(want), "\"");
		assert_non_null(strstr(config_schema_xml(), want));
	}
	ref_drop(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codecs),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
