/* SPDX-License-Identifier: GPL-3.0-or-later
 * From a file to a checked tree, or nothing. */
#include "conf/private.h"

#include "base/ref.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct conf_surroundings here = {
	.port_range_file = "/proc/sys/net/ipv4/ip_local_port_range",
	.files = true,
};

const char *config_default_xml(void)
{
	return (const char *)conf_builtin_default;
}

const char *config_schema_xml(void)
{
	return (const char *)conf_builtin_schema;
}

static int index_lines(struct conf_build *b)
{
	unsigned n = 1;

	for (size_t i = 0; i < b->len; i++)
		n += b->text[i] == '\n';
	b->line_start = calloc(n, sizeof(*b->line_start));
	if (!b->line_start)
		return -ENOMEM;
	for (size_t i = 0; i < b->len; i++)
		if (b->text[i] == '\n')
			b->line_start[++b->n_lines] = (uint32_t)i + 1;
	b->n_lines++;
	return 0;
}

int conf_parse(struct config **out, const char *text, size_t len, const char *name,
	       FILE *errors, const struct conf_surroundings *around)
{
	struct conf_build *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return -ENOMEM;
	b->tree = conf_tree_new();
	if (!b->tree) {
		free(b);
		return -ENOMEM;
	}
	b->name = name;
	b->text = text;
	b->len = len;
	b->around = around;
	b->tree->config.source = conf_strdup(b, name);
	if (len > CONF_MAX_BYTES)
		conf_mistake(b, 1, "the file is larger than %d KiB, shorten it", CONF_MAX_BYTES / 1024);
	else if ((b->error = index_lines(b)) == 0)
		conf_read_xml(b);
	if (!b->stopped && !b->error)
		conf_check(b);
	err = b->error ? b->error : b->n_mistakes ? -EINVAL : 0;
	conf_messages_flush(b, errors);
	if (err)
		ref_drop(b->tree);
	else
		*out = &b->tree->config;
	free(b->line_start);
	free(b);
	return err;
}

int config_parse(struct config **out, const char *text, size_t len, const char *name,
		 FILE *errors)
{
	return conf_parse(out, text, len, name, errors, &here);
}

/* The whole file, one byte more than allowed at most. */
static int read_file(char **out, size_t *len, const char *file)
{
	FILE *f = fopen(file, "re");
	char *text = NULL;
	int err = 0;

	if (!f)
		return -errno;
	text = malloc(CONF_MAX_BYTES + 1);
	if (!text) {
		err = -ENOMEM;
		goto out;
	}
	errno = 0;
	*len = fread(text, 1, CONF_MAX_BYTES + 1, f);
	if (ferror(f)) {
		err = errno ? -errno : -EIO;
		goto out;
	}
	*out = text;
	text = NULL;
out:
	free(text);
	fclose(f);
	return err;
}

int config_load(struct config **out, const char *file, FILE *errors)
{
	const char *builtin = config_default_xml();
	char *text = NULL;
	size_t len = 0;
	int err;

	if (!file)
		return config_parse(out, builtin, strlen(builtin), "built-in", errors);
	err = read_file(&text, &len, file);
	if (err) {
		if (errors)
			fprintf(errors, "%s:1: cannot be read: %s, write the name of a file that can\n",
				file, strerror(-err));
		return err;
	}
	err = config_parse(out, text, len, file, errors);
	free(text);
	return err;
}
