/* SPDX-License-Identifier: GPL-3.0-or-later
 * The configuration and what is around it: files on the disk, the system's ports,
 * and warnings. */
#include "tests/unit/config_text.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static void write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/balai-conf-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "c.xml", "cert.pem", "key.pem", "open.pem", "ports" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* What config_load says of a file in `dir`, whose name is written as DIR. */
static int load(struct config **out, const char *text, char said[4096])
{
	size_t n = 0, len = strlen(dir);
	char path[128], *raw = NULL, *p = said;
	FILE *f = open_memstream(&raw, &n);
	int err;

	write_file("c.xml", text, 0600);
	snprintf(path, sizeof(path), "%s/c.xml", dir);
	err = config_load(out, path, f);
	fclose(f);
	for (const char *r = raw; *r && p < said + 4000;) {
		if (!strncmp(r, dir, len)) {
			memcpy(p, "DIR", 3);
			p += 3;
			r += len;
		} else {
			*p++ = *r++;
		}
	}
	*p = '\0';
	free(raw);
	return err;
}

static void test_tls_files(void **state)
{
	struct config *c = NULL;
	char said[4096], path[128];

	(void)state;
	write_file("cert.pem", "x", 0644);
	write_file("key.pem", "x", 0600);
	write_file("open.pem", "x", 0644);
	assert_int_equal(load(&c, NETWORK("<media ports='any'/><tls certificate='cert.pem' key='key.pem'/>"),
			      said), 0);
	assert_string_equal(said, "");
	snprintf(path, sizeof(path), "%s/cert.pem", dir);
	assert_string_equal(c->network.tls_certificate, path);
	c = ref_drop(c);
	assert_int_equal(load(&c, NETWORK("<media ports='any'/><tls certificate='cert.pem' key='open.pem'/>"),
			      said), 0);
	assert_string_equal(said, "DIR/c.xml:2: warning: everybody on this machine can read the key "
			    "\"DIR/open.pem\", chmod o-rwx it\n");
	c = ref_drop(c);
	assert_int_equal(load(&c, NETWORK("<media ports='any'/>\n<tls\ncertificate='/'\nkey='no.pem'/>"),
			      said), -EINVAL);
	assert_string_equal(said,
			    "DIR/c.xml:4: certificate \"/\" is not a file, write the name of a PEM file\n"
			    "DIR/c.xml:5: key \"DIR/no.pem\": No such file or directory, write the name of a "
			    "PEM file that can be read\n");
	assert_null(c);
}

static void test_no_file(void **state)
{
	struct config *c = NULL;
	char *said = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&said, &n);

	(void)state;
	assert_int_equal(config_load(&c, "/nowhere/c.xml", f), -ENOENT);
	fclose(f);
	assert_string_equal(said, "/nowhere/c.xml:1: cannot be read: No such file or directory, write the "
			    "name of a file that can\n");
	assert_int_equal(config_load(&c, "/", NULL), -EISDIR);
	assert_null(c);
	free(said);
}

/* A reload that fails leaves what was there. */
static void test_reload(void **state)
{
	struct config *c = NULL, *before;
	char said[4096];

	(void)state;
	assert_int_equal(load(&c, NETWORK("<media ports='any'/>"), said), 0);
	before = c;
	assert_int_equal(load(&c, NETWORK("<media ports='no'/>"), said), -EINVAL);
	assert_ptr_equal(c, before);
	assert_int_equal(c->network.media_port_max, 0);
	ref_drop(c);
}

static void test_ephemeral(void **state)
{
	static const struct { const char *system, *ports; bool warned; } rows[] = {
		{ "32768\t60999\n", "20000-29999", false },
		{ "32768\t60999\n", "30000-32767", false },
		{ "32768\t60999\n", "30000-32769", true },
		{ "32768\t60999\n", "61000-65535", false },
		{ "32768\t60999\n", "60998-65535", true },
		{ "32768\t60999\n", "40000-40999", true },
		{ "32768\t60999\n", "any", false },
		{ "rubbish", "40000-40999", false },
	};
	char path[128];
	const struct conf_surroundings around = { path, false };

	(void)state;
	snprintf(path, sizeof(path), "%s/ports", dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256], *said = NULL;
		struct config *c = NULL;
		size_t n = 0;
		FILE *f = open_memstream(&said, &n);

		write_file("ports", rows[i].system, 0600);
		snprintf(text, sizeof(text), NETWORK("\n<media ports=\"%s\"/>"), rows[i].ports);
		assert_int_equal(conf_parse(&c, text, strlen(text), "t.xml", f, &around), 0);
		fclose(f);
		if (rows[i].warned) {
			char want[512];

			snprintf(want, sizeof(want), "t.xml:3: warning: media ports %s overlap with "
				 "32768-60999, which the system gives to outgoing connections, write a range "
				 "outside or change net.ipv4.ip_local_port_range\n", rows[i].ports);
			assert_string_equal(said, want);
		} else {
			assert_string_equal(said, "");
		}
		ref_drop(c);
		free(said);
	}
}

static void test_warnings(void **state)
{
	static const struct broken rows[] = {
		{ NETWORK("<media ports=\"20000-20099\"/><limits max-calls=\"30\"/>"),
		  "t.xml:2: warning: 30 calls take up to 120 media ports and there are 100, write a larger "
		  "range of ports or at most 25 calls\n" },
		/* slides take two more */
		{ FILE_OF("<network>\n<media ports=\"20000-20099\"/><limits max-calls=\"20\"/></network>"
			  "<profiles><profile name=\"a\" slides=\"receive\"/></profiles>"),
		  "t.xml:3: warning: 20 calls take up to 120 media ports and there are 100, write a larger "
		  "range of ports or at most 16 calls\n" },
		{ PROFILES("<profile name=\"a\" slides=\"receive\"><video enabled=\"no\"/></profile>"),
		  "t.xml:2: warning: slides are received by calls with video only, write <video "
		  "enabled=\"yes\"/> or leave slides out\n" },
		{ NETWORK("<listen transport=\"udp\" port=\"20020\"/>"),
		  "t.xml:2: warning: udp port 20020 is one of the media ports, write another one or another "
		  "range\n" },
		{ FILE_OF("<conferences><conference number=\"1\"/></conferences><dial-plan/>"),
		  "t.xml:2: warning: no rule leads to conference \"1\", write one such as "
		  "<rule><conference number=\"$0\"/></rule>\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = NULL;
		char *said;

		assert_int_equal(parse(&c, rows[i].text, strlen(rows[i].text), &said), 0);
		assert_string_equal(said, rows[i].said);
		ref_drop(c);
		free(said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tls_files, make_dir, remove_dir),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test_setup_teardown(test_reload, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_ephemeral, make_dir, remove_dir),
		cmocka_unit_test(test_warnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
