/* SPDX-License-Identifier: GPL-3.0-or-later
 * balaid: arguments, wiring, signals. The rooms are put together here and
 * nowhere else; main's thread is the control thread. */
#include "config.h"

#include "admin/control.h"
#include "base/log.h"
#include "base/ref.h"
#include "mcu/mc/load.h"
#include "sip/ua.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

struct daemon {
	const char *config_file, *socket_path;
	struct config *config;
	struct loop *loop;
	struct wire *wire;
	struct pool *pool;
	struct audio_engine *audio;
	struct video_engine *video;
	struct controller *controller;
	struct sip *sip;
	struct control *control;
	struct command_context context;
	struct loop_fd *signals;
	struct timer *watchdog;
	struct load *load;
	int64_t watchdog_us;
	int signal_fd;
	bool ending, gone;
};

/* ---- configuration ------------------------------------------------------------------ */

/* Loads the file anew; what is wrong with it stands in *report. */
static int load(const char *file, struct config **out, char **report)
{
	size_t size = 0;
	FILE *f = open_memstream(report, &size);
	int err;

	if (!f)
		return -ENOMEM;
	err = config_load(out, file, f);
	fclose(f);
	if (err && !size) {
		free(*report);
		if (asprintf(report, "%s: %s\n", file, strerror(-err)) < 0)
			*report = NULL;
	}
	return err;
}

static int reload(void *arg, char **report)
{
	struct daemon *d = arg;
	struct config *fresh = NULL;
	int err;

	sd_notify(0, "RELOADING=1");
	err = load(d->config_file, &fresh, report);
	if (err) {
		log_error("reload failed, nothing was changed file=%s: %s", d->config_file,
			  *report ? *report : "");
	} else {
		controller_set_config(d->controller, fresh);
		sip_set_config(d->sip, fresh);
		ref_drop(d->config);
		d->config = fresh;
		log_info("configuration reloaded file=%s", fresh->source);
	}
	sd_notify(0, "READY=1");
	return err;
}

/* ---- the end -------------------------------------------------------------------------- */

static void stopped(void *arg)
{
	loop_stop(((struct daemon *)arg)->loop);
}

static void drained(void *arg)
{
	struct daemon *d = arg;

	/* Told twice: drained, and ended while that was going on. */
	if (d->gone)
		return;
	d->gone = true;
	log_info("the last call has ended");
	sip_stop(d->sip, stopped, d);
}

static void drain(void *arg)
{
	struct daemon *d = arg;

	sd_notify(0, "STATUS=Draining");
	controller_drain(d->controller, drained, d);
}

static void end(struct daemon *d)
{
	if (d->ending) {
		log_warning("stopped at once");
		_exit(1);
	}
	d->ending = true;
	sd_notify(0, "STOPPING=1");
	controller_end_all(d->controller, drained, d);
}

static bool is_draining(void *arg)
{
	return controller_draining(arg);
}

/* ---- signals ------------------------------------------------------------------------------ */

static void on_signal(void *arg, unsigned events)
{
	struct daemon *d = arg;
	struct signalfd_siginfo info;
	char *report = NULL;

	(void)events;
	if (read(d->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGHUP:
		reload(d, &report);
		free(report);
		break;
	case SIGTERM:
	case SIGINT:
		end(d);
		break;
	}
}

/* Before any thread starts, so that all of them inherit the mask. */
static int block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void watchdog(void *arg)
{
	struct daemon *d = arg;

	sd_notify(0, "WATCHDOG=1");
	timer_set(d->watchdog, d->watchdog_us);
}

static void start_watchdog(struct daemon *d)
{
	uint64_t us = 0;

	if (sd_watchdog_enabled(0, &us) <= 0 || timer_new(&d->watchdog, d->loop, watchdog, d))
		return;
	d->watchdog_us = (int64_t)us / 2;
	timer_set(d->watchdog, d->watchdog_us);
}

/* ---- wiring ---------------------------------------------------------------------------------- */

static int fail(const char *what, int err)
{
	log_error("%s: %s", what, strerror(-err));
	return err;
}

static int start_media(struct daemon *d)
{
	const struct conf_network *n = &d->config->network;
	const struct wire_config wire = { n->media_port_min, n->media_port_max, 0,
					  n->io_threads };
	int err = wire_new(&d->wire, &wire);

	if (!err)
		err = wire_start(d->wire);
	if (err)
		return fail("media wire", err);
	err = pool_new(&d->pool, "pool", n->workers);
	if (err)
		return fail("worker pool", err);
	err = audio_engine_new(&d->audio, d->wire, 0);
	if (err)
		return fail("audio engine", err);
	err = video_engine_new(&d->video, d->wire, d->pool);
	return err ? fail("video engine", err) : 0;
}

static int start_control(struct daemon *d)
{
	const char *path = d->socket_path ? d->socket_path : d->config->network.control_socket;
	int err = control_new(&d->control, d->loop, path, &d->context);

	if (err == -EADDRINUSE)
		log_error("control socket %s: another balaid listens there; stop it or name another place with --socket",
			  path);
	else if (err == -ENOTSOCK)
		log_error("control socket %s: there is a file that is no socket; remove it or name another place with --socket",
			  path);
	else if (err)
		log_error("control socket %s: %s; name another place with --socket", path,
			  strerror(-err));
	else
		log_info("control socket=%s", path);
	return err;
}

/* A call has up to four sockets; shells give 1,024 unless asked. */
static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur >= r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r))
		log_warning("open files stay limited error=%s", strerror(errno));
}

static int start(struct daemon *d)
{
	int err;

	raise_limits();
	err = loop_new(&d->loop);

	if (err)
		return fail("control loop", err);
	err = loop_fd_new(&d->signals, d->loop, d->signal_fd, LOOP_READ, on_signal, d);
	if (!err)
		err = start_media(d);
	if (err)
		return err;
	err = load_new(&d->load, d->loop, d->audio, d->video);
	if (err)
		return fail("load", err);
	err = controller_new(&d->controller, &(struct controller_parts){
		d->loop, d->wire, d->pool, d->audio, d->video, load_full, d->load }, d->config);
	if (err)
		return fail("controller", err);
	d->context = (struct command_context){ d->controller, reload, drain, d, -1 };
	err = start_control(d);
	if (err)
		return err;
	err = sip_new(&d->sip, d->loop, controller_calls(d->controller), d->config);
	if (err) {
		log_error("no SIP listener could be opened. If another program uses the ports (ss -lntup tells which), stop it, or write other ports into a configuration: <listen transport=\"udp\" port=\"…\"/>");
		return err;
	}
	sip_set_draining(d->sip, is_draining, d->controller);
	start_watchdog(d);
	return 0;
}

/* The reverse of start, from wherever it came to. */
static void finish(struct daemon *d)
{
	timer_free(d->watchdog);
	control_free(d->control);
	sip_free(d->sip);
	controller_free(d->controller);
	load_free(d->load);
	wire_stop(d->wire);
	video_engine_free(d->video);
	audio_engine_free(d->audio);
	pool_free(d->pool);
	wire_drop(d->wire);
	loop_fd_free(d->signals);
	loop_free(d->loop);
	ref_drop(d->config);
	if (d->signal_fd >= 0)
		close(d->signal_fd);
}

/* An address that only this machine can dial. */
static bool is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strncmp(address, "[::1]", 5);
}

/* One line per way in, those for others first, then what may be dialled. */
static void print_addresses(const struct daemon *d)
{
	printf("Balai " PACKAGE_VERSION " is ready. Dial a number at one of these addresses:\n");
	for (int loopback = 0; loopback < 2; loopback++) {
		for (size_t i = 0; i < sip_listener_count(d->sip); i++) {
			const char *address = sip_listener_at(d->sip, i)->uri + strlen("sip:");

			if (is_loopback(address) == (bool)loopback)
				printf("  sip:NUMBER@%s\n", address);
		}
	}
	for (size_t i = 0; i < d->config->n_conference; i++) {
		if (!d->config->conference[i].template_)
			printf("  conference %s\n", d->config->conference[i].number);
	}
	for (size_t i = 0; i < d->config->n_rule; i++) {
		const struct conf_rule *r = &d->config->rule[i];

		if (r->action == RULE_CONFERENCE && r->create)
			printf("  any number%s%s makes a conference\n",
			       r->dialled ? " that matches " : "", r->dialled ? r->dialled : "");
	}
	fflush(stdout);
}

/* ---- arguments ----------------------------------------------------------------------------------- */

static const char usage[] =
	"Usage: balaid [--config FILE] [--socket PATH] [--log LEVEL]\n"
	"       balaid --check FILE\n"
	"       balaid --print-default | --print-schema | --version\n"
	"\n"
	"  --config FILE    the configuration; without it, a built-in one that makes a\n"
	"                   conference for any number in a range\n"
	"  --check FILE     say what is wrong with a configuration, and stop\n"
	"  --socket PATH    where `balai` finds this process, instead of the configured place\n"
	"  --log LEVEL      error, warning, info (default) or debug\n"
	"  --print-default  print the built-in configuration, to start one's own from\n"
	"  --print-schema   print the XML Schema of the configuration\n";

static int check(const char *file)
{
	struct config *config = NULL;

	if (config_load(&config, file, stderr)) /* says why itself */
		return 1;
	printf("%s: no mistakes\n", file);
	ref_drop(config);
	return 0;
}

/* Returns the exit status of a program that is to stop here, or -1. */
static int parse_arguments(struct daemon *d, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", required_argument, NULL, 'k' },
		{ "socket", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'l' },
		{ "print-default", no_argument, NULL, 'd' },
		{ "print-schema", no_argument, NULL, 'x' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum log_level level;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			d->config_file = optarg;
			break;
		case 'k':
			return check(optarg);
		case 's':
			d->socket_path = optarg;
			break;
		case 'l':
			if (log_level_parse(&level, optarg)) {
				fprintf(stderr, "balaid: no log level %s; there are error, warning, info, debug\n",
					optarg);
				return 2;
			}
			log_set_level(level);
			break;
		case 'd':
			fputs(config_default_xml(), stdout);
			return 0;
		case 'x':
			fputs(config_schema_xml(), stdout);
			return 0;
		case 'v':
			puts("balaid " PACKAGE_VERSION);
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "balaid: what is \"%s\"?\n%s", argv[optind], usage);
		return 2;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct daemon d = { .signal_fd = -1 };
	char *report = NULL;
	int status = parse_arguments(&d, argc, argv);

	if (status >= 0)
		return status;
	if (load(d.config_file, &d.config, &report)) {
		fputs(report ? report : "out of memory\n", stderr);
		fprintf(stderr, "balaid: not started\n");
		free(report);
		return 1;
	}
	/* Warnings that are no mistakes. */
	if (report)
		fputs(report, stderr);
	free(report);
	log_find_journal();
	d.signal_fd = block_signals();
	status = start(&d) ? 1 : 0;
	if (!status) {
		print_addresses(&d);
		sd_notify(0, "READY=1");
		loop_run(d.loop);
		log_info("stopped");
	}
	finish(&d);
	return status;
}
