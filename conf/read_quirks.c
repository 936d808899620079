/* SPDX-License-Identifier: GPL-3.0-or-later
 * ⟨libxml2⟩ <quirks>: what endpoints do otherwise than they say. The file's own
 * come first, those of the built-in configuration behind them. */
#include "conf/read.h"

#include <errno.h>
#include <libxml/parser.h>
#include <string.h>
#include <strings.h>

const char *const conf_key_frame_ways[] = { "auto", "rtcp", "info", NULL };

static void read_quirk(struct conf_build *b, const xmlNode *node, struct conf_quirk *q)
{
	static const char *const attrs[] = {
		"name", "agent", "offers", "key-frames", "stream-id", "nack", "tmmbr",
		"h264-mode-0", "max-bitrate", NULL
	};
	int way = KEY_FRAMES_AUTO;

	conf_read_shape(b, node, attrs, NULL);
	*q = (struct conf_quirk){ .nack = true, .tmmbr = true };
	q->name = conf_text(b, node, "name", true, CONF_MAX_TEXT);
	conf_read_pattern(b, node, "agent", true, &q->agent, &q->agent_pattern);
	q->offers = conf_name(b, node, "offers", false);
	if (!conf_has(node, "agent") && !conf_has(node, "offers"))
		conf_bad(b, node, "this quirk is for nobody, write agent=\"…\" (of the User-Agent "
			 "header) or offers=\"…\" (a codec)");
	conf_choice(b, node, "key-frames", conf_key_frame_ways, &way);
	q->key_frames = (enum conf_key_frames)way;
	q->stream_id = conf_name(b, node, "stream-id", false);
	if (q->stream_id && q->stream_id[strcspn(q->stream_id, "<>&\"'")])
		conf_bad_attr(b, node, "stream-id", "stream-id=\"%s\" does not go into XML, write "
			      "label, a number or a word", q->stream_id);
	conf_yes_no(b, node, "nack", &q->nack);
	conf_yes_no(b, node, "tmmbr", &q->tmmbr);
	conf_yes_no(b, node, "h264-mode-0", &q->h264_mode_0);
	conf_number(b, node, "max-bitrate", 64, 50000, &q->max_bitrate);
}

/* Room for all was made before. */
static void read_all(struct conf_build *b, const xmlNode *node, bool builtin)
{
	struct config *c = &b->tree->config;

	for (const xmlNode *e = NULL; (e = conf_child(node, "quirk", e));) {
		struct conf_quirk *q = &c->quirk[c->n_quirk];

		read_quirk(b, e, q);
		if (!builtin)
			q->line = conf_line(b, e);
		if (b->error)
			return;
		c->n_quirk++;
	}
}

void conf_read_quirks(struct conf_build *b, const xmlNode *node)
{
	static const char *const attrs[] = { "builtin", NULL }, *const elements[] = { "quirk", NULL };
	const char *text = (const char *)conf_builtin_default;
	const xmlNode *ready = NULL;
	bool builtin = true;
	xmlDoc *doc = NULL;
	size_t n = conf_children(node, "quirk");

	if (node) {
		conf_read_shape(b, node, attrs, elements);
		conf_yes_no(b, node, "builtin", &builtin);
	}
	if (n > CONF_MAX_QUIRKS) {
		conf_bad(b, node, "%zu quirks, write at most %d", n, CONF_MAX_QUIRKS);
		return;
	}
	if (builtin) {
		doc = xmlReadMemory(text, (int)strlen(text), "built-in", NULL, XML_PARSE_NONET);
		if (!doc) {
			b->error = -ENOMEM;
			return;
		}
		ready = conf_child(xmlDocGetRootElement(doc), "quirks", NULL);
	}
	b->tree->config.quirk = conf_alloc(b, n + conf_children(ready, "quirk"),
					   sizeof(struct conf_quirk));
	if (b->tree->config.quirk) {
		read_all(b, node, false);
		read_all(b, ready, true);
	}
	xmlFreeDoc(doc);
}

/* ---- finding ---------------------------------------------------------------------- */

/* `encodings` is "|opus|H264|…|". */
static bool offers(const char *encodings, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = encodings; p && (p = strchr(p, '|')); p++)
		if (!strncasecmp(p + 1, name, n) && p[n + 1] == '|')
			return true;
	return false;
}

const struct conf_quirk *config_quirk(const struct config *self, const char *agent,
				      const char *encodings)
{
	for (size_t i = 0; i < self->n_quirk; i++) {
		const struct conf_quirk *q = &self->quirk[i];

		if (q->agent && (!agent || conf_pattern_match(q->agent_pattern, agent, NULL) != 1))
			continue;
		if (q->offers && !offers(encodings, q->offers))
			continue;
		return q;
	}
	return NULL;
}
