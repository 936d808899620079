/* SPDX-License-Identifier: GPL-3.0-or-later
 * The user agent of ua_room.h as a program, for peers of other makers:
 *
 *   ua_host [--t1 MS] [--max-calls N] [--session-expires S] [--min-se S]
 *           [--ipv6] [--advertised ADDRESS] [--debug]
 *
 * prints "port udp N" and the like, then "ready"; then a line for each event.
 * Reads commands from standard input: "dial URI FROM_USER", "end" (all calls),
 * "trace", "drain", "stats", "listeners", "quit" (or end of file). */
#include "tests/flow/ua_room.h"

#include "base/log.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ua_room room;
static bool quit;

static void print(void *arg, const char *line)
{
	(void)arg;
	printf("%s\n", line);
}

static void for_each_call(const char *what)
{
	list_each_safe(l, call_center_calls(room.center)) {
		struct call *call = list_entry(l, struct call, link);

		if (!strcmp(what, "end"))
			call_end(call, "on command");
		else if (call->ops->trace(call, stdout))
			printf("no trace\n");
	}
	if (!strcmp(what, "trace"))
		printf("traced\n");
}

static void run_command(char *line)
{
	char *word = strtok(line, " \n");
	struct sip_stats stats;
	struct call *call;

	if (!word)
		return;
	if (!strcmp(word, "quit")) {
		quit = true;
	} else if (!strcmp(word, "dial")) {
		const char *uri = strtok(NULL, " \n"), *from = strtok(NULL, " \n");

		printf("dial %d\n", uri ? ua_room_dial(&room, &call, uri, from ? from : "answer") : -1);
	} else if (!strcmp(word, "drain")) {
		room.draining = true;
		printf("draining\n");
	} else if (!strcmp(word, "listeners")) {
		for (size_t i = 0; i < sip_listener_count(room.sip); i++)
			printf("listener %s\n", sip_listener_at(room.sip, i)->uri);
	} else if (!strcmp(word, "stats")) {
		sip_stats(room.sip, &stats);
		printf("stats dialogs=%u calls=%u in=%llu out=%llu bad=%llu tls=%u\n", stats.dialogs,
		       call_center_count(room.center), (unsigned long long)stats.calls_in,
		       (unsigned long long)stats.calls_out,
		       (unsigned long long)stats.bad_messages, stats.tls_connections);
	} else {
		for_each_call(word);
	}
}

/* Whole lines only: what of one has not come yet waits. */
static void on_input(void *arg, unsigned events)
{
	static char buf[1024];
	static size_t len;
	ssize_t n = read(STDIN_FILENO, buf + len, sizeof(buf) - 1 - len);
	char *eol;

	(void)arg;
	(void)events;
	if (n <= 0) {
		quit = true;
		return;
	}
	len += (size_t)n;
	buf[len] = 0;
	while ((eol = strchr(buf, '\n')) != NULL) {
		*eol++ = 0;
		run_command(buf);
		len -= (size_t)(eol - buf);
		memmove(buf, eol, len + 1);
	}
	if (len == sizeof(buf) - 1)
		len = 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "t1", 1, NULL, 't' }, { "max-calls", 1, NULL, 'm' },
		{ "session-expires", 1, NULL, 's' }, { "ipv6", 0, NULL, '6' },
		{ "min-se", 1, NULL, 'e' },
		{ "debug", 0, NULL, 'd' }, { "advertised", 1, NULL, 'a' }, { 0 },
	};
	struct ua_room_options o = { .address = "127.0.0.1" };
	static const char *const names[] = { "udp", "tcp", "tls" };
	unsigned t1 = 0, min_se = 0;
	struct loop_fd *input;
	int c;

	log_set_level(LOG_LEVEL_WARNING);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 't': t1 = (unsigned)atoi(optarg); break;
		case 'e': min_se = (unsigned)atoi(optarg); break;
		case 'm': o.max_calls = (unsigned)atoi(optarg); break;
		case 's': o.session_expires_s = (unsigned)atoi(optarg); break;
		case '6': o.ipv6 = true; break;
		case 'd': log_set_level(LOG_LEVEL_DEBUG); break;
		case 'a': o.advertised = optarg; o.address = NULL; break;
		default: return 2;
		}
	}
	sip_set_timers(t1, min_se);
	setvbuf(stdout, NULL, _IOLBF, 0);
	room.tell = print;
	if (ua_room_start(&room, &o))
		return 1;
	for (int t = 0; t < 3; t++)
		for (int v6 = 0; v6 <= o.ipv6; v6++)
			printf("port %s%s %u\n", names[t], v6 ? "6" : "",
			       ua_room_port(&room, (enum conf_transport)t, v6));
	printf("ready\n");
	if (loop_fd_new(&input, room.loop, STDIN_FILENO, LOOP_READ, on_input, NULL))
		return 1;
	while (!quit)
		loop_step(room.loop, 1000);
	loop_fd_free(input);
	ua_room_stop(&room);
	printf("stopped offered=%u connected=%u ended=%u\n", room.offered, room.connected,
	       room.ended);
	return 0;
}
