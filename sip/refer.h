/* SPDX-License-Identifier: GPL-3.0-or-later
 * The texts that transfers are made of: Replaces (RFC 3891), and the message
 * fragments that report their progress (RFC 3515, 3420). Pure; any thread. */
#ifndef BALAI_SIP_REFER_H
#define BALAI_SIP_REFER_H

#include <stdbool.h>
#include <stddef.h>

enum { REPLACES_TEXT = 256 };

struct replaces {
	char call_id[REPLACES_TEXT];
	char to_tag[REPLACES_TEXT], from_tag[REPLACES_TEXT]; /* as who gets it sees them: to is ours */
	bool early_only;
};

/* The header's value. Both tags have to be there, once, and whole: one that is
 * cut could match another dialog. -EBADMSG. */
int replaces_parse(struct replaces *out, const char *value, size_t len);
/* The same out of the headers of a URI, percent-escaped: "Replaces=…&Other=…".
 * -ENOENT: there is none in it. */
int replaces_of_uri(struct replaces *out, const char *headers, size_t len);
/* As it stands in a header. -ENOSPC. */
int replaces_write(const struct replaces *self, char *buf, size_t cap);

/* The status of a body of message/sipfrag, 100 to 699, or -EBADMSG. `reason` is
 * printable ASCII. */
int sipfrag_status(const char *body, size_t len, char *reason, size_t cap);

#endif
