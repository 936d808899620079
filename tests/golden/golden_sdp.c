/* SPDX-License-Identifier: GPL-3.0-or-later
 * golden_sdp DIR [DEVIATIONS]: every *.sdp of DIR gets its answer, which is held
 * against the row of DIR/expected.json with the same name, line by line. The
 * answer is read here as text, not with the code that wrote it. DEVIATIONS is a
 * JSON object of "name/line" to a reason: rows that are known to differ, each of
 * which must still differ. Exit status 0 when every row is as it must be. */
#include "base/ref.h"
#include "sip/explain.h"
#include "sip/sdp.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <sofia-sip/sdp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct run {
	struct config *config; /* the built-in one */
	json_t *expected, *deviations;
	unsigned passed, failed, deviating;
	char problem[512];  /* of the row at hand, "" none */
};

/* An m= section of the answer, or the session's lines. */
struct section {
	const char *begin, *end;
	char media[32], proto[64], formats[512];
	int port;
};

enum { MAX_SECTIONS = 32 };

__attribute__((format(printf, 2, 3)))
static bool fail(struct run *run, const char *fmt, ...)
{
	va_list ap;

	if (run->problem[0])
		return false;
	va_start(ap, fmt);
	vsnprintf(run->problem, sizeof(run->problem), fmt, ap);
	va_end(ap);
	return false;
}

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *text = f ? (char *)malloc(1 << 20) : NULL;

	if (text) {
		*len = fread(text, 1, (1 << 20) - 1, f);
		text[*len] = '\0';
	}
	if (f)
		fclose(f);
	return text;
}

/* ---- reading the answer as text ------------------------------------------------- */

static unsigned split(const char *text, struct section *out)
{
	unsigned n = 0;
	const char *at = text;

	out[0] = (struct section){ .begin = text, .end = text + strlen(text) };
	while ((at = strstr(at, "\r\nm=")) && n + 1 < MAX_SECTIONS) {
		out[n].end = at + 2;
		n++;
		out[n] = (struct section){ .begin = at + 2, .end = text + strlen(text) };
		if (sscanf(at + 4, "%31s %d %63s %511[^\r]", out[n].media, &out[n].port,
			   out[n].proto, out[n].formats) < 4)
			out[n].port = -1;
		at += 4;
	}
	return n;
}

/* The nth line of the section that begins with `head`; what follows it goes to
 * `buf`. */
static bool line_of(const struct section *s, const char *head, unsigned nth, char *buf, size_t cap)
{
	for (const char *p = s->begin; p < s->end; ) {
		const char *eol = strstr(p, "\r\n");
		size_t n = eol ? (size_t)(eol - p) : (size_t)(s->end - p);

		if (n >= strlen(head) && strncasecmp(p, head, strlen(head)) == 0 && nth-- == 0) {
			snprintf(buf, cap, "%.*s", (int)(n - strlen(head)), p + strlen(head));
			return true;
		}
		p += n + 2;
	}
	return false;
}

static unsigned count_of(const struct section *s, const char *head)
{
	char buf[512];
	unsigned n = 0;

	while (line_of(s, head, n, buf, sizeof(buf)))
		n++;
	return n;
}

/* ---- one line ------------------------------------------------------------------------ */

static const char *text_of(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s ? s : "";
}

/* "H264/116 mode 1 42800d", "opus/111", "H263/34", "H263-1998/98 CIF=1;QCIF=1". */
static bool codec_is(const struct section *s, const char *want)
{
	char name[32], head[48], map[128] = "", fmtp[512] = "";
	int pt, mode = -1;
	char profile[32] = "";

	if (sscanf(want, "%31[^/]/%d mode %d %6s", name, &pt, &mode, profile) < 2 ||
	    atoi(s->formats) != pt)
		return false;
	snprintf(head, sizeof(head), "a=rtpmap:%d ", pt);
	if (!line_of(s, head, 0, map, sizeof(map)) ||
	    strncasecmp(map, name, strlen(name)) != 0 || map[strlen(name)] != '/')
		return false;
	if (mode < 0)
		return true;
	snprintf(head, sizeof(head), "a=fmtp:%d ", pt);
	line_of(s, head, 0, fmtp, sizeof(fmtp));
	if (!!strstr(fmtp, "packetization-mode=1") != (mode == 1))
		return false;
	snprintf(head, sizeof(head), "profile-level-id=%.4s", profile);
	return strcasestr(fmtp, head) != NULL;
}

static bool check_codec(struct run *run, const struct section *s, const json_t *row)
{
	const char *best = text_of(row, "best"), *order = text_of(row, "offer_order");

	if (codec_is(s, best) || (order[0] && codec_is(s, order)))
		return true;
	return fail(run, "codec is \"%s\", wanted %s or %s", s->formats, best, order);
}

static bool check_events(struct run *run, const struct section *s, const json_t *row)
{
	const json_t *want = json_object_get(row, "telephone_event");
	char map[128] = "", head[48];
	int pt = -1;

	if (!want)
		return true;
	for (unsigned i = 0; line_of(s, "a=rtpmap:", i, map, sizeof(map)); i++) {
		if (strcasestr(map, "telephone-event"))
			pt = atoi(map);
	}
	snprintf(head, sizeof(head), "%d", pt);
	if (json_is_null(want) ? pt < 0 : json_integer_value(want) == pt)
		return true;
	return fail(run, "telephone-event is %s", head);
}

static bool check_direction(struct run *run, const struct section *s, const json_t *row)
{
	const char *want = text_of(row, "direction");
	char head[32], rest[64];

	snprintf(head, sizeof(head), "a=%s", want);
	if (!want[0] || (line_of(s, head, 0, rest, sizeof(rest)) && rest[0] == '\0'))
		return true;
	return fail(run, "direction is not %s", want);
}

static bool check_name(struct run *run, const struct section *s, const json_t *row,
		       const char *key)
{
	const char *want = text_of(row, key);
	char head[32], got[128] = "";

	snprintf(head, sizeof(head), "a=%s:", key);
	if (!want[0] || (line_of(s, head, 0, got, sizeof(got)) && strcmp(got, want) == 0))
		return true;
	return fail(run, "%s is \"%s\", wanted %s", key, got, want);
}

static bool check_security(struct run *run, const struct section *s, const json_t *row)
{
	const char *want = text_of(row, "security");
	char crypto[512] = "", head[128];
	unsigned tag;
	char suite[64];

	line_of(s, "a=crypto:", 0, crypto, sizeof(crypto));
	if (sscanf(want, "SDES tag %u %63s", &tag, suite) == 2) {
		snprintf(head, sizeof(head), "%u %s inline:", tag, suite);
		if (count_of(s, "a=crypto:") != 1 || strncmp(crypto, head, strlen(head)) != 0)
			return fail(run, "wanted %s, got \"%.40s\"", want, crypto);
	} else if (strncmp(want, "DTLS", 4) == 0) {
		if (!count_of(s, "a=fingerprint:") || !count_of(s, "a=setup:"))
			return fail(run, "wanted DTLS");
	} else if (!want[0] && (crypto[0] || count_of(s, "a=fingerprint:"))) {
		return fail(run, "encrypted although nothing of it was offered");
	}
	return true;
}

static bool check_transport(struct run *run, const struct section *s, const json_t *row)
{
	if (json_is_true(json_object_get(row, "ice")) != (count_of(s, "a=ice-ufrag:") == 1))
		return fail(run, "ICE does not mirror the offer");
	if (json_is_true(json_object_get(row, "rtcp_mux")) != (count_of(s, "a=rtcp-mux") == 1))
		return fail(run, "rtcp-mux does not mirror the offer");
	if (json_is_true(json_object_get(row, "fir_or_pli")) !=
	    (count_of(s, "a=rtcp-fb:") > 0))
		return fail(run, "feedback does not mirror the offer");
	return true;
}

/* The format words of the nth m= line as they were sent. */
static void offered_formats(const char *text, unsigned nth, char *buf, size_t cap)
{
	const char *p = text;

	buf[0] = '\0';
	while (*p) {
		size_t n = strcspn(p, "\r\n"), blank = strspn(p, " ");

		if (blank < n && strncmp(p + blank, "m=", 2) == 0 && nth-- == 0) {
			char line[1024];
			int at = 0;

			snprintf(line, sizeof(line), "%.*s", (int)(n - blank), p + blank);
			sscanf(line, "m=%*s %*s %*s %n", &at);
			snprintf(buf, cap, "%.500s", at > 0 ? line + at : "");
			return;
		}
		p += n + strspn(p + n, "\r\n");
	}
}

/* A refused line repeats them; where there are none, something must stand. */
static bool check_words(struct run *run, const struct section *s, const char *text, unsigned nth)
{
	char want[512];

	offered_formats(text, nth, want, sizeof(want));
	if (strcmp(s->formats, want[0] ? want : "0") == 0)
		return true;
	return fail(run, "formats are \"%s\", wanted \"%s\"", s->formats, want);
}

static bool check_line(struct run *run, const struct section *s, const json_t *row, bool refused_ok)
{
	const json_t *accept = json_object_get(row, "accept");

	if (strcmp(s->media, text_of(row, "m")) != 0 || strcmp(s->proto, text_of(row, "proto")) != 0)
		return fail(run, "line reads \"%s %s\"", s->media, s->proto);
	if (s->port == 0) {
		if (json_is_true(accept) && !refused_ok)
			return fail(run, "refused");
		return true;
	}
	if (json_is_false(accept) || s->port < 0)
		return fail(run, "accepted (port %d)", s->port);
	return check_codec(run, s, row) && check_events(run, s, row) &&
	       check_direction(run, s, row) && check_name(run, s, row, "label") &&
	       check_name(run, s, row, "content") && check_security(run, s, row) &&
	       check_transport(run, s, row);
}

/* ---- one body -------------------------------------------------------------------------- */

static void report(struct run *run, const char *name, int line)
{
	char key[300];
	const char *known;

	if (line < 0)
		snprintf(key, sizeof(key), "%s", name);
	else
		snprintf(key, sizeof(key), "%s/%d", name, line);
	known = json_string_value(json_object_get(run->deviations, key));
	if (run->problem[0] && known) {
		printf("deviates %s: %s (%s)\n", key, run->problem, known);
		run->deviating++;
	} else if (run->problem[0]) {
		printf("FAILED %s: %s\n", key, run->problem);
		run->failed++;
	} else if (known) {
		printf("FAILED %s: listed as a deviation, but is as it must be\n", key);
		run->failed++;
	} else {
		run->passed++;
	}
	run->problem[0] = '\0';
}

/* The group may name accepted lines only. */
static bool check_bundle(struct run *run, const struct section *s, unsigned n)
{
	char group[256], mid[64], *word, *save = NULL;

	if (!line_of(&s[0], "a=group:BUNDLE", 0, group, sizeof(group)))
		return true;
	for (word = strtok_r(group, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		bool found = false;

		for (unsigned i = 1; i <= n; i++)
			found |= s[i].port > 0 && line_of(&s[i], "a=mid:", 0, mid, sizeof(mid)) &&
				 strcmp(mid, word) == 0;
		if (!found)
			return fail(run, "the BUNDLE group names %s", word);
	}
	return true;
}

/* Sofia, which wrote none of it, must read it. */
static bool check_sound(struct run *run, const char *answer, unsigned n)
{
	sdp_parser_t *p = sdp_parse(NULL, answer, (issize_t)strlen(answer), sdp_f_strict);
	sdp_session_t *session = sdp_session(p);
	unsigned count = 0;

	if (!session)
		fail(run, "Sofia: %s", sdp_parsing_error(p));
	for (sdp_media_t *m = session ? session->sdp_media : NULL; m; m = m->m_next)
		count++;
	sdp_parser_free(p);
	return count == n ? true : fail(run, "Sofia reads %u lines of %u", count, n);
}

/* A body marked as an answer, against an offer of ours that it fits. */
static bool check_agreed(struct run *run, const char *text, size_t len, const json_t *rows,
			 const struct desc_policy *policy)
{
	struct desc_agreed *agreed = (struct desc_agreed *)calloc(DESC_MAX_LINES, sizeof(*agreed));
	struct media_desc *theirs = NULL, *ours = media_desc_new();
	struct desc_verdict verdict;
	bool ok = false;

	if (!agreed || !ours || sdp_desc_parse(&theirs, text, len) != 0) {
		fail(run, "not read as an answer");
		goto out;
	}
	desc_answer(policy, theirs, ours, &verdict, NULL, NULL);
	for (uint32_t i = 0; i < ours->n_lines; i++) {
		if (ours->line[i].setup != SETUP_NONE)
			ours->line[i].setup = SETUP_ACTPASS;
	}
	if (desc_agree(ours, theirs, true, agreed) != 0) {
		fail(run, "does not fit the offer");
		goto out;
	}
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *accept = json_object_get(json_array_get(rows, i), "accept");

		if (!json_is_string(accept) && agreed[i].active != json_is_true(accept))
			fail(run, "line %zu is %s use", i, agreed[i].active ? "in" : "out of");
	}
	ok = true;
out:
	media_desc_free(theirs);
	media_desc_free(ours);
	free(agreed);
	return ok;
}

static void check_answer(struct run *run, const char *name, const json_t *row,
			 const char *offer, const char *answer)
{
	const json_t *rows = json_object_get(row, "mlines");
	struct section s[MAX_SECTIONS];
	unsigned n = split(answer, s);
	bool refused_ok = json_object_get(row, "note") != NULL;

	if (n != json_array_size(rows))
		fail(run, "%u lines for %zu", n, json_array_size(rows));
	check_sound(run, answer, n);
	check_bundle(run, s, n);
	report(run, name, -1);
	for (unsigned i = 0; i < n && i < json_array_size(rows); i++) {
		check_line(run, &s[i + 1], json_array_get(rows, i), refused_ok);
		if (s[i + 1].port == 0)
			check_words(run, &s[i + 1], offer, i);
		report(run, name, (int)i);
	}
}

/* No answer: right when no line need be accepted. */
static void check_refusal(struct run *run, const char *name, const json_t *row, int status)
{
	const json_t *rows = json_object_get(row, "mlines");
	bool any = false;

	for (size_t i = 0; i < json_array_size(rows); i++)
		any |= json_is_true(json_object_get(json_array_get(rows, i), "accept"));
	if ((any && !json_object_get(row, "note")) || status != 488)
		fail(run, "refused with %d", status);
	report(run, name, -1);
}

static json_t *explain(const char *text, size_t len, const struct desc_policy *policy, int *status)
{
	char *buf = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&buf, &size);
	json_t *json;

	if (!out)
		return NULL;
	*status = sdp_explain(text, len, policy, NULL, NULL, true, out);
	fclose(out);
	json = json_loadb(buf, size, 0, NULL);
	free(buf);
	return json;
}

/* The answer of a conference that receives slides, or does not. */
static void check_text(struct run *run, const char *name, const char *text, size_t len,
		       const json_t *row, bool slides)
{
	const struct conf_profile *profile = config_profile(run->config, "default");
	const struct desc_policy policy = {
		.profile = profile, .encryption = profile->encryption, .video = true,
		.slides = slides,
	};
	int status = 0;
	json_t *got = explain(text, len, &policy, &status);

	if (!got || (status != 200) != !json_object_get(got, "answer")) {
		fail(run, "no explanation (status %d)", status);
		report(run, name, -1);
		json_decref(got);
		return;
	}
	if (strcmp(text_of(row, "role"), "answer") == 0)
		check_agreed(run, text, len, json_object_get(row, "mlines"), &policy);
	if (status == 200)
		check_answer(run, name, row, text, text_of(got, "answer"));
	else
		check_refusal(run, name, row, status);
	json_decref(got);
}

static void check_body(struct run *run, const char *dir, const char *file)
{
	char name[256], path[1024];
	json_t *row, *with_slides;
	char *text;
	size_t len = 0;

	snprintf(name, sizeof(name), "%.*s", (int)strlen(file) - 4, file);
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	row = json_object_get(run->expected, name);
	text = read_file(path, &len);
	if (!row || !text) {
		fail(run, row ? "cannot be read" : "has no row in expected.json");
		report(run, name, -1);
		free(text);
		return;
	}
	check_text(run, name, text, len, row, false);
	with_slides = json_object_get(row, "with_slides");
	if (with_slides) {
		snprintf(path, sizeof(path), "%s+slides", name);
		check_text(run, path, text, len, with_slides, true);
	}
	free(text);
}

static int is_sdp(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 4 && strcmp(e->d_name + n - 4, ".sdp") == 0;
}

/* A row without a body, or a deviation without a row, is a mistake too. */
static void check_complete(struct run *run, struct dirent **files, int n)
{
	const char *key;
	json_t *value;

	json_object_foreach(run->expected, key, value) {
		char file[300];
		bool found = false;

		snprintf(file, sizeof(file), "%s.sdp", key);
		for (int i = 0; i < n; i++)
			found |= strcmp(files[i]->d_name, file) == 0;
		/* Rows of whole messages (.sip) are another runner's. */
		if (!found && !json_is_true(json_object_get(value, "message"))) {
			fail(run, "has no body");
			report(run, key, -1);
		}
	}
}

int main(int argc, char **argv)
{
	struct run run = { .passed = 0 };
	struct dirent **files = NULL;
	char path[1024];
	int n;

	if (argc < 2) {
		fprintf(stderr, "usage: golden_sdp DIR [DEVIATIONS]\n");
		return 2;
	}
	if (config_load(&run.config, NULL, stderr) != 0)
		return 2;
	snprintf(path, sizeof(path), "%s/expected.json", argv[1]);
	run.expected = json_load_file(path, 0, NULL);
	run.deviations = argc > 2 ? json_load_file(argv[2], 0, NULL) : json_object();
	n = scandir(argv[1], &files, is_sdp, alphasort);
	if (!run.expected || !run.deviations || n <= 0) {
		fprintf(stderr, "golden_sdp: %s: no bodies, no expected.json or no list of "
			"deviations\n", argv[1]);
		return 2;
	}
	for (int i = 0; i < n; i++)
		check_body(&run, argv[1], files[i]->d_name);
	check_complete(&run, files, n);
	printf("%d bodies: %u rows passed, %u failed, %u deviate\n", n, run.passed, run.failed,
	       run.deviating);
	for (int i = 0; i < n; i++)
		free(files[i]);
	free(files);
	json_decref(run.expected);
	json_decref(run.deviations);
	ref_drop(run.config);
	return run.failed ? 1 : 0;
}
