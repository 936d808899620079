/* SPDX-License-Identifier: GPL-3.0-or-later
 * ⟨libxml2⟩ <profiles> and <conferences>. */
#include "conf/read.h"

#include <errno.h>
#include <string.h>

/* ---- codecs ------------------------------------------------------------------------ */

static const char *find(const char *const *names, const char *word)
{
	for (; *names; names++)
		if (!strcmp(*names, word))
			return *names;
	return NULL;
}

static void bad_codec(struct conf_build *b, const xmlNode *node, const char *word,
		      const char *const *names)
{
	bool video = names == conf_video_codecs;
	const char *const *others = video ? conf_audio_codecs : conf_video_codecs;
	char instead[256];

	if (find(others, word))
		conf_bad_attr(b, node, "codecs", "%s is not for %s, write it in <%s>", word,
			      video ? "video" : "audio", video ? "audio" : "video");
	else if (!strcmp(word, "CN") || !strcmp(word, "telephone-event"))
		conf_bad_attr(b, node, "codecs", "%s comes by itself, leave it out", word);
	else
		conf_bad_attr(b, node, "codecs", "codec \"%s\" is unknown%s", word,
			      conf_instead(instead, sizeof(instead), word, names));
}

static void read_codecs(struct conf_build *b, const xmlNode *node, const char *const *names,
			char ***out, size_t *n_out)
{
	char *text = conf_text(b, node, "codecs", false, 256);
	char *save = NULL, **list;
	size_t n = 0, max = 0;
	bool any = false;

	if (!text)
		return;
	while (names[max])
		max++;
	list = conf_alloc(b, max, sizeof(*list));
	if (!list)
		return;
	for (char *w = strtok_r(text, " \t\r\n", &save); w; w = strtok_r(NULL, " \t\r\n", &save)) {
		size_t i = 0;

		any = true;
		if (!find(names, w)) {
			bad_codec(b, node, w, names);
			continue;
		}
		while (i < n && strcmp(list[i], w))
			i++;
		if (i < n)
			conf_bad_attr(b, node, "codecs", "%s is there twice, write it once", w);
		else
			list[n++] = conf_strdup(b, w);
	}
	if (!any)
		conf_bad_attr(b, node, "codecs", "codecs is empty, write a value or leave it out");
	*out = list;
	*n_out = n;
}

static const char *const slides_words[] = { "refuse", "receive", NULL };

/* ---- profiles ------------------------------------------------------------------------ */

static void copy_names(struct conf_build *b, const char *const *from, size_t n, char ***out,
		       size_t *n_out)
{
	*out = conf_alloc(b, n, sizeof(char *));
	for (*n_out = 0; *out && *n_out < n; ++*n_out)
		(*out)[*n_out] = conf_strdup(b, from[*n_out]);
}

static void default_codecs(struct conf_build *b, struct conf_profile *p)
{
	static const char *const audio[] = { "opus", "G722", "PCMU", "PCMA", "G729", "L16" };
	static const char *const video[] = { "H264", "VP8", "H263-1998", "H263", "H261" };

	copy_names(b, audio, sizeof(audio) / sizeof(audio[0]), &p->audio_codecs,
		   &p->n_audio_codecs);
	copy_names(b, video, sizeof(video) / sizeof(video[0]), &p->video_codecs,
		   &p->n_video_codecs);
}

static void default_profile(struct conf_build *b, struct conf_profile *p)
{
	*p = (struct conf_profile){
		.name = conf_strdup(b, "default"),
		.width = 1280,
		.height = 720,
		.fps = 30,
		.bandwidth = 2000,
		.encryption = ENCRYPTION_PREFERRED,
		.ice = ICE_OFFER,
		.gain = true,
		.video = true,
		.silence_s = 30,
		.session_expires_s = 1800,
	};
	default_codecs(b, p);
}

static void read_size(struct conf_build *b, const xmlNode *node, const char *attr, unsigned min,
		      unsigned max, uint16_t *out)
{
	unsigned v = *out;

	conf_number(b, node, attr, min, max, &v);
	if (v % 2)
		conf_bad_attr(b, node, attr, "%s=\"%u\" is odd, write an even number such as %u", attr,
			      v, v < max ? v + 1 : v - 1);
	else
		*out = (uint16_t)v;
}

static void read_video(struct conf_build *b, const xmlNode *parent, struct conf_profile *p)
{
	static const char *const attrs[] = {
		"enabled", "codecs", "width", "height", "fps", "bandwidth", NULL
	};
	const xmlNode *node = conf_only_child(b, parent, "video");

	if (!node)
		return;
	conf_read_shape(b, node, attrs, NULL);
	conf_yes_no(b, node, "enabled", &p->video);
	read_codecs(b, node, conf_video_codecs, &p->video_codecs, &p->n_video_codecs);
	read_size(b, node, "width", 128, 3840, &p->width);
	read_size(b, node, "height", 96, 2160, &p->height);
	conf_number(b, node, "fps", 1, 60, &p->fps);
	conf_number(b, node, "bandwidth", 64, 50000, &p->bandwidth);
}

static void read_audio(struct conf_build *b, const xmlNode *node, struct conf_profile *p)
{
	static const char *const attrs[] = { "codecs", "gain", NULL };
	static const char *const gains[] = { "off", "auto", NULL };
	int gain = p->gain;

	conf_read_shape(b, node, attrs, NULL);
	read_codecs(b, node, conf_audio_codecs, &p->audio_codecs, &p->n_audio_codecs);
	conf_choice(b, node, "gain", gains, &gain);
	p->gain = gain != 0;
}

static void read_profile(struct conf_build *b, const xmlNode *node, struct conf_profile *p)
{
	static const char *const attrs[] = {
		"name", "encryption", "ice", "slides", "silence", "session-expires", NULL
	};
	static const char *const elements[] = { "audio", "video", NULL };
	static const char *const ices[] = { "off", "answer", "offer", NULL };
	const xmlNode *audio = conf_only_child(b, node, "audio");
	int encryption = p->encryption, ice = p->ice, slides = p->slides;
	char *name;

	conf_read_shape(b, node, attrs, elements);
	name = conf_name(b, node, "name", true);
	if (name)
		p->name = name;
	conf_choice(b, node, "encryption", conf_encryptions, &encryption);
	p->encryption = (enum conf_encryption)encryption;
	conf_choice(b, node, "slides", slides_words, &slides);
	p->slides = (enum conf_slides)slides;
	conf_choice(b, node, "ice", ices, &ice);
	p->ice = (enum conf_ice)ice;
	conf_number(b, node, "silence", 0, 86400, &p->silence_s);
	conf_number(b, node, "session-expires", 0, 86400, &p->session_expires_s);
	if (p->session_expires_s && p->session_expires_s < 90) /* RFC 4028 section 5 */
		conf_bad_attr(b, node, "session-expires",
			      "session-expires=\"%u\" is too short, write 90 or more, or 0 for none",
			      p->session_expires_s);
	if (audio)
		read_audio(b, audio, p);
	read_video(b, node, p);
	p->line = conf_line(b, node);
}

static void same_profile(struct conf_build *b, const xmlNode *node, const struct conf_profile *p)
{
	const struct conf_profile *first = config_profile(&b->tree->config, p->name);

	if (first && first != p && conf_has(node, "name"))
		conf_bad_attr(b, node, "name", "profile \"%s\" is there already, on line %u, write "
			      "another name", p->name, first->line);
}

void conf_read_profiles(struct conf_build *b, const xmlNode *node)
{
	static const char *const elements[] = { "profile", NULL };
	struct config *c = &b->tree->config;
	size_t n = conf_children(node, "profile");

	if (node)
		conf_read_shape(b, node, NULL, elements);
	if (n > CONF_MAX_PROFILES) {
		conf_bad(b, node, "%zu profiles, write at most %d", n, CONF_MAX_PROFILES);
		n = 0;
	}
	c->profile = conf_alloc(b, n + 1, sizeof(*c->profile));
	for (const xmlNode *e = NULL; n && c->profile && (e = conf_child(node, "profile", e));) {
		struct conf_profile *p = &c->profile[c->n_profile];

		default_profile(b, p);
		if (b->error)
			return;
		read_profile(b, e, p);
		c->n_profile++;
		same_profile(b, e, p);
	}
	if (c->profile && !b->error && !config_profile(c, "default")) {
		default_profile(b, &c->profile[c->n_profile]);
		c->n_profile++;
	}
}

/* ---- conferences ----------------------------------------------------------------------- */

const struct conf_profile *conf_read_profile_name(struct conf_build *b, const xmlNode *node)
{
	const char *names[CONF_MAX_PROFILES + 2] = { NULL };
	const struct config *c = &b->tree->config;
	char *name = conf_name(b, node, "profile", false), instead[1024];
	const struct conf_profile *p = config_profile(c, name ? name : "default");

	if (p)
		return p;
	for (size_t i = 0; i < c->n_profile; i++)
		names[i] = c->profile[i].name;
	if (name)
		conf_bad_attr(b, node, "profile", "profile \"%s\" does not exist%s", name,
			      conf_instead(instead, sizeof(instead), name, names));
	return &c->profile[0];
}

static void read_stricter(struct conf_build *b, const xmlNode *node, struct conf_conference *out)
{
	int encryption = out->profile->encryption;

	conf_choice(b, node, "encryption", conf_encryptions, &encryption);
	if (encryption < (int)out->profile->encryption)
		conf_bad_attr(b, node, "encryption",
			      "encryption=\"%s\" is weaker than \"%s\" of profile \"%s\", write at least "
			      "that or choose another profile", conf_encryptions[encryption],
			      conf_encryptions[out->profile->encryption], out->profile->name);
	else
		out->encryption = (enum conf_encryption)encryption;
}

void conf_conference_of(struct conf_build *b, const struct conf_profile *profile,
			struct conf_conference *out)
{
	*out = (struct conf_conference){
		.profile = profile,
		.encryption = profile->encryption,
		.slides = profile->slides,
		.layout = conf_strdup(b, "auto"),
		.self = SELF_NO,
		.labels = true,
	};
}

static void read_conference(struct conf_build *b, const xmlNode *node,
			    struct conf_conference *out)
{
	static const char *const attrs[] = {
		"number", "name", "profile", "encryption", "slides", "layout", "self", "crop",
		"labels", "audio-only", "max-participants", "template", "tones", NULL
	};
	static const char *const selves[] = { "no", "yes", "auto", NULL };
	static const char *const audio_only[] = { "count", "tile", "hide", NULL };
	int self = SELF_NO, heard = AUDIO_ONLY_COUNT, slides;
	char *number, *name, *layout;

	conf_read_shape(b, node, attrs, NULL);
	conf_conference_of(b, conf_read_profile_name(b, node), out);
	slides = out->slides;
	number = conf_name(b, node, "number", true);
	name = conf_text(b, node, "name", false, CONF_MAX_TEXT);
	out->number = number ? number : conf_strdup(b, "");
	out->name = name ? name : out->number;
	read_stricter(b, node, out);
	conf_choice(b, node, "slides", slides_words, &slides);
	out->slides = (enum conf_slides)slides;
	layout = conf_read_layout_name(b, node);
	if (layout)
		out->layout = layout;
	conf_choice(b, node, "self", selves, &self);
	out->self = (enum conf_self)self;
	conf_yes_no(b, node, "crop", &out->crop);
	conf_yes_no(b, node, "labels", &out->labels);
	conf_choice(b, node, "audio-only", audio_only, &heard);
	out->audio_only = (enum conf_audio_only)heard;
	conf_number(b, node, "max-participants", 0, 100000, &out->max_participants);
	conf_number(b, node, "tones", 0, 1000, &out->tones);
	conf_yes_no(b, node, "template", &out->template_);
	out->line = conf_line(b, node);
}

/* Numbers and names of templates are one set: they stand in one attribute. */
static void same_number(struct conf_build *b, const xmlNode *node,
			const struct conf_conference *self)
{
	const struct config *c = &b->tree->config;

	for (const struct conf_conference *o = c->conference; o != self; o++)
		if (*self->number && !strcmp(o->number, self->number)) {
			conf_bad_attr(b, node, "number", "number \"%s\" is there already, on line %u, "
				      "write another one", self->number, o->line);
			return;
		}
}

void conf_read_conferences(struct conf_build *b, const xmlNode *node)
{
	static const char *const elements[] = { "conference", NULL };
	struct config *c = &b->tree->config;
	size_t n = conf_children(node, "conference");

	if (!node || b->error)
		return;
	conf_read_shape(b, node, NULL, elements);
	if (n > CONF_MAX_CONFERENCES) {
		conf_bad(b, node, "%zu conferences, write at most %d", n, CONF_MAX_CONFERENCES);
		return;
	}
	c->conference = conf_alloc(b, n, sizeof(*c->conference));
	for (const xmlNode *e = NULL; c->conference && (e = conf_child(node, "conference", e));) {
		struct conf_conference *out = &c->conference[c->n_conference];

		read_conference(b, e, out);
		if (b->error)
			return;
		c->n_conference++;
		same_number(b, e, out);
	}
}
