/* SPDX-License-Identifier: GPL-3.0-or-later
 * Headers about who calls, and Replaces: the first byte chooses which it is, and
 * the rest are headers of that kind, one a line. */
#include "sip/identity.h"
#include "sip/refer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lines(char *text, uint8_t kind)
{
	static const char *const names[] = {
		"P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Privacy",
		"History-Info", "Diversion",
	};
	struct identity id = { 0 };
	char own[33], other[33], *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		identity_add(&id, names[(kind + (unsigned char)*l) % 6], l, kind & 1);
		session_id_parse(l, own, other);
	}
	identity_finish(&id, "2001");
	for (const char *p = id.uri; *p; p++)
		if ((unsigned char)*p < ' ')
			abort();
	for (const char *p = id.original; *p; p++)
		if ((unsigned char)*p < ' ')
			abort();
	if (!id.original[0] != !id.diverted[0])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct replaces r, again;
	char out[3 * REPLACES_TEXT], reason[40], *text;

	if (!size)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (!replaces_of_uri(&r, text, size - 1) || !replaces_parse(&r, text, size - 1)) {
		if (replaces_write(&r, out, sizeof(out)) || replaces_parse(&again, out, strlen(out)) ||
		    memcmp(&r, &again, sizeof(r)))
			abort();
	}
	sipfrag_status(text, size - 1, reason, sizeof(reason));
	lines(text, data[0]);
	free(text);
	return 0;
}
