/* SPDX-License-Identifier: GPL-3.0-or-later
 * Fuzz: a STUN message to an ICE-lite agent. Its fingerprint and integrity are
 * made right first if the first byte says so, or nothing would get far. */
#include "rtp/stun.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char ufrag[] = "us12", pwd[] = "secret-password-22-chr";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(9) };
	uint8_t in[2048], out[2048];
	struct writer w = writer_of(out, sizeof out), made = writer_of(in, sizeof in);
	struct stun_check check;
	struct stun_msg m;
	int n;

	if (size < 14 || size > 1500)
		return 0;
	if (data[0] & 1) {
		struct stun_out o = stun_begin(&made, (enum stun_class)(data[0] >> 1 & 3), data + 1);

		writer_bytes(&made, data + 13, (size - 13) & ~(size_t)3);
		n = stun_end(&o, data[0] & 8 ? pwd : NULL, sizeof pwd - 1);
		if (n < 0)
			abort();
		data = in;
		size = (size_t)n;
	}
	n = stun_lite_answer(&check, data, size, (struct sockaddr *)&from, ufrag, pwd, "", &w);
	if (n > 0) {
		if ((size_t)n != writer_len(&w) || stun_parse(&m, out, (size_t)n) || !m.has_fingerprint)
			abort();
		/* Never an amplifier worth the name. */
		if ((size_t)n > size + 80)
			abort();
		if (check.ok != (m.class == STUN_SUCCESS) || (check.nominated && !check.ok))
			abort();
	} else if (writer_len(&w)) {
		abort();
	}
	return 0;
}
