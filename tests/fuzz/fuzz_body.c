/* SPDX-License-Identifier: GPL-3.0-or-later
 * A message body: the first line is its Content-Type. What is found must lie
 * inside. */
#include "sip/body.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *eol = size ? (const uint8_t *)memchr(data, '\n', size) : NULL;
	const char *body, *out;
	size_t head, len, found;
	char type[256];

	if (!eol)
		return 0;
	head = (size_t)(eol - data);
	if (head >= sizeof(type))
		return 0;
	memcpy(type, data, head);
	type[head] = '\0';
	body = (const char *)eol + 1;
	len = size - head - 1;
	if (body_find_sdp(&out, &found, type, body, len) == 0 &&
	    (out < body || found == 0 || found > len || out + found > body + len))
		abort();
	return 0;
}
