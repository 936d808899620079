/* SPDX-License-Identifier: GPL-3.0-or-later
 * Names of strangers: the first byte chooses the limits. What comes out is valid,
 * fits, and comes out the same when it goes in again. */
#include "base/display.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char buf[263], again[263];
	size_t cap, len;
	unsigned max;

	if (!size)
		return 0;
	cap = 8 + data[0];
	max = 1 + data[0] % 70;
	len = display_text(buf, cap, (const char *)data + 1, size - 1, max);
	if (len >= cap || len != strlen(buf) || !display_is_utf8(buf, len))
		abort();
	if (display_text(again, cap, buf, len, max) != len || strcmp(buf, again))
		abort();
	return 0;
}
