/* SPDX-License-Identifier: GPL-3.0-or-later
 * Fuzz: an a=crypto line; what can be used is written again and reads the same. */
#include "rtp/srtp_key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sdes_line line, again;
	char buf[1024];
	int r = sdes_parse(&line, (const char *)data, size), n;

	if (r && r != -EBADMSG && r != -ENOTSUP)
		abort();
	if (r)
		return 0;
	n = sdes_write(&line, buf, sizeof buf);
	if (n < 0 || sdes_parse(&again, buf, (size_t)n))
		abort();
	if (again.tag != line.tag || memcmp(&again.key, &line.key, sizeof line.key) ||
	    again.lifetime != line.lifetime || again.old_name != line.old_name)
		abort();
	/* Parameters that change the wire in ways not written are not usable. */
	if (sdes_usable(&line) && !sdes_usable(&again))
		abort();
	return 0;
}
