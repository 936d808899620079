/* SPDX-License-Identifier: GPL-3.0-or-later
 * `balai sdp explain`: the answer Balai would give to an offer, and why. Needs
 * no daemon; addresses, ports and keys are placeholders that are always the
 * same. Any thread. */
#ifndef BALAI_SIP_EXPLAIN_H
#define BALAI_SIP_EXPLAIN_H

#include "mcu/mc/desc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* `text` is a session description or a whole SIP message; a message without
 * one (delayed offer) is answered by our offer. Writes to `out` what a person
 * reads, or with `json` one object: {"status", "reason", "answer", "mlines":
 * [{"media", "port", "codec", "payload_type", "direction", "reason",
 * "codecs": [{"payload_type", "codec", "fmtp", "chosen", "reason"}]}]}; a refusal has
 * no "answer". With a configuration (may be NULL) its quirks count, by `agent` (NULL: the
 * User-Agent of the message) and the offer: {"quirk": name or null}. Returns the status (200, 400, 415, 488), or -ENOMEM. */
int sdp_explain(const char *text, size_t len, const struct desc_policy *policy,
		const struct config *config, const char *agent, bool json, FILE *out);

#endif
