/* SPDX-License-Identifier: GPL-3.0-or-later
 * Any bytes as a configuration; what passes is dialled into. */
#include "base/ref.h"
#include "conf/private.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct conf_surroundings nothing_around = { NULL, false };
	static const char *const dialled[] = {
		"", "1000", "911", "alice", "0441-23", "#1*", "m\xc3\xbcller", "\xff\xfe", "aaaaaaaaaaaaaab",
	};
	struct config *c = NULL;

	if (conf_parse(&c, (const char *)data, size, "fuzz", NULL, &nothing_around))
		return 0;
	for (size_t i = 0; i < sizeof(dialled) / sizeof(dialled[0]); i++) {
		struct dial_query q = {
			.dialled = dialled[i],
			.caller = "a@b.example",
			.transport = CONF_TLS,
			.time_s = (int64_t)i * 100000,
			.diverted = i % 2 ? dialled[i - 1] : NULL,
			.original = i % 3 ? dialled[0] : "4711",
			.account = i % 2 ? "alice" : NULL,
			.trunk = i % 3 ? "pbx" : NULL,
		};
		struct dial_result r;

		dialplan_lookup(c, &q, &r, NULL);
		if (r.action == RULE_REFUSE && (r.code < 400 || r.code > 699 || !r.reason))
			abort();
	}
	ref_drop(c);
	return 0;
}
