/* SPDX-License-Identifier: GPL-3.0-or-later
 * balai: the operator's command line. Commands go to a running balaid; `sdp
 * explain` needs none. */
#include "config.h"

#include "admin/cli.h"
#include "base/ref.h"
#include "sip/explain.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/balai/control"

static const char local_help[] =
	"  balai sdp explain FILE [--profile P] [--agent NAME] [--config FILE] [--json]\n"
	"      Print the answer to an SDP offer (or a SIP message; - is standard\n"
	"      input) and why each codec was or was not chosen. Needs no balaid.\n"
	"\n"
	"Each command takes --json. --socket PATH or BALAI_SOCKET names the balaid to\n"
	"talk to (default " DEFAULT_SOCKET ").\n";

static char *read_file(const char *name, size_t *len)
{
	FILE *f = strcmp(name, "-") ? fopen(name, "rb") : stdin;
	size_t cap = 256 * 1024, n;
	char *data;

	if (!f)
		return NULL;
	data = malloc(cap + 1);
	n = data ? fread(data, 1, cap, f) : 0;
	if (data && ferror(f)) {
		int err = errno;

		free(data);
		data = NULL;
		errno = err;
	}
	if (f != stdin)
		fclose(f);
	if (!data)
		return NULL;
	data[n] = '\0';
	*len = n;
	return data;
}

static const struct conf_profile *find_profile(const struct config *config, const char *name)
{
	const struct conf_profile *p = name ? config_profile(config, name) :
		config->n_profile ? &config->profile[0] : NULL;

	if (!p) {
		fprintf(stderr, "balai: no profile \"%s\"; there are:", name ? name : "");
		for (size_t i = 0; i < config->n_profile; i++)
			fprintf(stderr, " %s", config->profile[i].name);
		fputc('\n', stderr);
	}
	return p;
}

/* "--name VALUE" or "--name=VALUE". */
static bool option_value(const char **out, const char *name, int *i, int argc, char **argv)
{
	size_t len = strlen(name);

	if (strncmp(argv[*i], name, len))
		return false;
	if (argv[*i][len] == '=')
		*out = argv[*i] + len + 1;
	else if (!argv[*i][len] && *i + 1 < argc)
		*out = argv[++*i];
	else
		return false;
	return true;
}

static int explain_usage(const char *word)
{
	if (word)
		fprintf(stderr, "balai: sdp explain: what is \"%s\"?\n", word);
	else
		fprintf(stderr, "balai: sdp explain needs the file of an offer; - is standard input\n");
	fprintf(stderr, "Usage:\n%.*s", (int)(strstr(local_help, "\n\n") + 1 - local_help), local_help);
	return 2;
}

static int explain(bool json, int argc, char **argv)
{
	const char *file = NULL, *profile = NULL, *config_file = NULL, *agent = NULL;
	struct config *config = NULL;
	struct desc_policy policy = { 0 };
	size_t len = 0;
	char *text;
	int status;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (option_value(&profile, "--profile", &i, argc, argv) ||
			 option_value(&agent, "--agent", &i, argc, argv) ||
			 option_value(&config_file, "--config", &i, argc, argv))
			continue;
		else if (!file && strncmp(argv[i], "--", 2))
			file = argv[i];
		else
			return explain_usage(argv[i]);
	}
	if (!file)
		return explain_usage(NULL);
	text = read_file(file, &len);
	if (!text) {
		fprintf(stderr, "balai: %s: %s\n", file, strerror(errno));
		return 1;
	}
	if (config_load(&config, config_file, stderr) ||
	    !(policy.profile = find_profile(config, profile))) {
		ref_drop(config);
		free(text);
		return 1;
	}
	policy.encryption = policy.profile->encryption;
	policy.video = policy.profile->video;
	policy.slides = policy.profile->slides == SLIDES_RECEIVE;
	status = sdp_explain(text, len, &policy, config, agent, json, stdout);
	ref_drop(config);
	free(text);
	return status == 200 ? 0 : 1;
}

static int help(int argc, char **argv)
{
	const struct command *c = NULL;
	char name[64] = "";

	for (int i = 0; i < argc; i++) {
		size_t used = strlen(name);

		snprintf(name + used, sizeof(name) - used, "%s%s", i ? " " : "", argv[i]);
	}
	if (!strcmp(name, "sdp") || !strcmp(name, "sdp explain")) {
		fputs(local_help, stdout);
		return 0;
	}
	if (argc) {
		c = command_find(name);
		if (!c) {
			fprintf(stderr, "balai: no command \"%s\"; `balai help` lists them\n", name);
			return 2;
		}
	}
	cli_help(stdout, c);
	if (!c)
		fputs(local_help, stdout);
	return 0;
}

static int ask(const char *socket_path, bool json, int argc, char **argv)
{
	const struct command *command = NULL;
	json_t *args = NULL, *result = NULL;
	char error[4096] = "out of memory";
	int err = cli_parse(&command, &args, &json, argc, argv, error, sizeof(error));

	if (err) {
		fprintf(stderr, "balai: %s\n", error);
		return 2;
	}
	err = cli_ask(socket_path, command, args, &result, error, sizeof(error));
	json_decref(args);
	if (err) {
		fprintf(stderr, "balai: %s\n", error);
		return 1;
	}
	if (json) {
		/* A terminal would obey the controls that names can hold. */
		json_dumpf(result, stdout,
			   JSON_INDENT(2) | (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0));
		fputc('\n', stdout);
	} else {
		cli_print(stdout, command, result);
	}
	json_decref(result);
	return 0;
}

int main(int argc, char **argv)
{
	const char *socket_path = getenv("BALAI_SOCKET");
	bool json = false;

	/* Only to know how wide a character is: what is printed is UTF-8 anyway. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
	argc--;
	argv++;
	for (; argc; argc--, argv++) {
		if (!strcmp(argv[0], "--json")) {
			json = true;
		} else if (!strncmp(argv[0], "--socket=", 9)) {
			socket_path = argv[0] + 9;
		} else if (!strcmp(argv[0], "--socket") && argc >= 2) {
			socket_path = argv[1];
			argc--;
			argv++;
		} else {
			break;
		}
	}
	if (argc >= 2 && !strcmp(argv[argc - 1], "--help"))
		return help(argc - 1, argv);
	if (!argc || !strcmp(argv[0], "--help"))
		return help(0, argv);
	if (!strcmp(argv[0], "help"))
		return help(argc - 1, argv + 1);
	if (!strcmp(argv[0], "--version")) {
		puts("balai " PACKAGE_VERSION);
		return 0;
	}
	if (argc >= 2 && !strcmp(argv[0], "sdp") && !strcmp(argv[1], "explain"))
		return explain(json, argc - 2, argv + 2);
	return ask(socket_path && *socket_path ? socket_path : DEFAULT_SOCKET, json, argc, argv);
}
