/* SPDX-License-Identifier: GPL-3.0-or-later
 * Challenges and credentials of strangers: read, judged, answered, and what we
 * answer can be read again. */
#include "sip/digest.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *nobody(void *arg, const char *user, enum digest_algorithm algorithm)
{
	(void)arg;
	(void)algorithm;
	assert(strlen(user) < 160);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct digest_server *server;
	struct digest_params p, again;
	struct digest_request request = { "INVITE", "sip:a", "a", "192.0.2.1", 7 };
	char *text = malloc(size ? size : 1), answer[2048];

	if (!server)
		assert(!digest_server_new(&server));
	if (size)
		memcpy(text, data, size); /* its own end, so that reading past it is seen */
	if (!digest_parse(&p, text, size)) {
		if (!digest_authorize(answer, sizeof(answer), &p, "u", "p", "INVITE", "sip:a", 1)) {
			assert(!digest_parse(&again, answer, strlen(answer)));
			assert(!strcmp(again.realm, p.realm) && !strcmp(again.nonce, p.nonce));
		}
		assert(digest_check(server, &p, &request, nobody, NULL) != DIGEST_ACCEPTED);
	}
	free(text);
	return 0;
}
