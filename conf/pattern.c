/* SPDX-License-Identifier: GPL-3.0-or-later
 * ⟨pcre2⟩ Patterns of the dial plan, bounded: who dials must not be able to
 * make the control thread think for long. Not compiled to machine code: a
 * hardened service may not map executable memory, and subjects are short. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "conf/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	NEST_LIMIT = 32,
	MATCH_LIMIT = 20000,
	DEPTH_LIMIT = 2000,
	HEAP_LIMIT_KB = 2048,
};

struct conf_pattern {
	pcre2_code *code;
	unsigned captures;
};

int conf_pattern_new(struct conf_pattern **out, const char *text, bool caseless,
		     char *error, size_t cap, size_t *offset)
{
	struct conf_pattern *self = calloc(1, sizeof(*self));
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF |
			   PCRE2_MATCH_INVALID_UTF | PCRE2_DOTALL |
			   PCRE2_NEVER_BACKSLASH_C | (caseless ? PCRE2_CASELESS : 0);
	PCRE2_SIZE at = 0;
	uint32_t captures = 0;
	int err = -ENOMEM, code;

	if (!self || !context)
		goto out;
	pcre2_set_parens_nest_limit(context, NEST_LIMIT);
	pcre2_set_max_pattern_length(context, CONF_MAX_PATTERN);
	self->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &code,
				   &at, context);
	if (!self->code) {
		if (pcre2_get_error_message(code, (PCRE2_UCHAR *)error, cap) < 0)
			snprintf(error, cap, "error %d", code);
		*offset = at;
		err = -EINVAL;
		goto out;
	}
	pcre2_pattern_info(self->code, PCRE2_INFO_CAPTURECOUNT, &captures);
	self->captures = captures;
	*out = self;
	self = NULL;
	err = 0;
out:
	pcre2_compile_context_free(context);
	free(self);
	return err;
}

struct conf_pattern *conf_pattern_free(struct conf_pattern *self)
{
	if (self)
		pcre2_code_free(self->code);
	free(self);
	return NULL;
}

unsigned conf_pattern_captures(const struct conf_pattern *self)
{
	return self->captures;
}

static void spans_of(pcre2_match_data *data, int pairs, struct conf_span span[CONF_SPANS])
{
	const PCRE2_SIZE *o = pcre2_get_ovector_pointer(data);

	for (int i = 0; i < CONF_SPANS; i++) {
		bool set = i < pairs && o[2 * i] != PCRE2_UNSET && o[2 * i] <= o[2 * i + 1];

		span[i] = set ? (struct conf_span){ o[2 * i], o[2 * i + 1] }
			      : (struct conf_span){ 1, 0 };
	}
}

int conf_pattern_match(const struct conf_pattern *self, const char *subject,
		       struct conf_span span[CONF_SPANS])
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(CONF_SPANS, NULL);
	int err = -ENOMEM, n;

	if (!context || !data)
		goto out;
	pcre2_set_match_limit(context, MATCH_LIMIT);
	pcre2_set_depth_limit(context, DEPTH_LIMIT);
	pcre2_set_heap_limit(context, HEAP_LIMIT_KB);
	n = pcre2_match(self->code, (PCRE2_SPTR)subject, strlen(subject), 0, 0, data, context);
	if (n >= 0) {
		if (span)
			spans_of(data, n ? n : CONF_SPANS, span); /* 0: more than we keep */
		err = 1;
	} else if (n == PCRE2_ERROR_NOMATCH) {
		err = 0;
	} else {
		err = n == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -E2BIG;
	}
out:
	pcre2_match_data_free(data);
	pcre2_match_context_free(context);
	return err;
}
