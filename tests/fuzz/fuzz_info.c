/* SPDX-License-Identifier: GPL-3.0-or-later
 * Bodies of INFO: the first byte chooses the type. */
#include "sip/info.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {
		"application/dtmf-relay", "application/dtmf",
		"application/vnd.nortelnetworks.digits", "application/media_control+xml",
		"text/plain", NULL,
	};
	struct info info;

	if (!size)
		return 0;
	if (!info_parse(&info, types[data[0] % 6], (const char *)data + 1, size - 1) &&
	    (strlen(info.keys) > INFO_MAX_KEYS || (info.kind == INFO_DTMF) != (info.keys[0] != 0)))
		abort();
	return 0;
}
