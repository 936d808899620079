/* SPDX-License-Identifier: GPL-3.0-or-later
 * Configuration files for tests, as text, and what is said of them. */
#ifndef BALAI_TESTS_UNIT_CONFIG_TEXT_H
#define BALAI_TESTS_UNIT_CONFIG_TEXT_H

#include "tests/unit/cmocka_head.h"

#include "base/ref.h"
#include "conf/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_OF(body) "<balai xmlns=\"urn:balai:config:1\">\n" body "\n</balai>\n"
#define NETWORK(body) FILE_OF("<network>" body "</network>")
#define PROFILES(body) FILE_OF("<profiles>" body "</profiles>")
#define PROFILE(body) PROFILES("<profile name=\"p\">" body "</profile>")
#define CONFERENCES(body) FILE_OF("<conferences>" body "</conferences><dial-plan><rule>" \
	"<conference/></rule></dial-plan>")
#define PLAN(body) FILE_OF("<dial-plan>\n" body "\n</dial-plan>")
#define LAYOUTS(body) FILE_OF("<layouts>" body "</layouts>")
#define ONE(name, attrs) \
	"<layout name=\"" name "\" columns=\"4\"><place " attrs "/></layout>"
#define NUMBER(attrs) "<conference number=\"1\" " attrs "/>"

/* A text, and the very words it gets. */
struct broken {
	const char *text;
	const char *said;
};

static const struct conf_surroundings nothing_around = { NULL, false };

static inline int parse(struct config **out, const char *text, size_t len, char **said)
{
	size_t n = 0;
	FILE *f = open_memstream(said, &n);
	int err = conf_parse(out, text, len, "t.xml", f, &nothing_around);

	fclose(f);
	return err;
}

#endif
