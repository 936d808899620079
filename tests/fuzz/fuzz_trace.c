/* SPDX-License-Identifier: GPL-3.0-or-later
 * Messages on their way into a trace: nothing of a key may come out. */
#include "sip/ua_trace.h"
#include "tests/unit/trace_feed.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum conf_transport transport;
	char address[64], *out = NULL;
	struct trace t;
	size_t len;
	FILE *f;

	trace_start();
	trace_feed("recv 9 bytes from udp/[192.0.2.9]:5070 at 12:34:56.1:\n",
		   (const char *)data, size);
	trace_init(&t, "x");
	trace_feed("send 9 bytes to udp/[192.0.2.9]:5070 at 12:34:56.1:\n",
		   (const char *)data, size);
	trace_received_by(&t, "INVITE", &transport, address, sizeof(address));
	f = open_memstream(&out, &len);
	if (f && !trace_write(&t, f)) {
		fclose(f);
		free(out);
	}
	trace_fini(&t);
	trace_stop();
	return 0;
}
