/* SPDX-License-Identifier: MIT */
/*
 * Many agents in one process, as far as a broker can tell:
 *
 *   fleet PORT AGENTS FILE ours|fixed spread|together RATE STATE DOCUMENT...
 *
 * Each has a connection to [::1] through the real mqtt_link, the real pauses between calls (or, for
 * comparison, the fixed second of libmosquitto's own loop), and the real phase of its samples (or all
 * the same). What it publishes was recorded from a real agent: each file has a topic in its first line
 * and a document in the rest. STATE gets another ts and seq each second; each DOCUMENT is retained and
 * goes out once per connection. The id in them is replaced. What the broker did not confirm is replayed
 * as history, RATE samples a second. What happens is appended to FILE (fleet.h), so that it shows as
 * well when this program comes too late.
 *
 * One thread and one epoll serve all. SIGTERM ends it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/units.h"
#include "tests/bench/fleet_agent.h"

#define EVENTS 256
/* fleet.py follows the records while we run. */
#define FLUSH_NS (NS_PER_S / 10)

static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

static int64_t first_due(const struct fleet *fleet, int64_t latest_ns)
{
	int64_t first_ns = latest_ns;

	for (unsigned i = 0; i < fleet->count; i++) {
		int64_t next_ns = fleet_agent_next_ns(&fleet->agents[i]);
		if (next_ns < first_ns)
			first_ns = next_ns;
	}
	return first_ns;
}

static void serve(const struct fleet *fleet)
{
	struct epoll_event events[EVENTS];
	int64_t now_ns = fleet_clock_ns(CLOCK_MONOTONIC), flush_ns = now_ns;

	while (!ended) {
		int64_t wait_ns = first_due(fleet, flush_ns) - fleet_clock_ns(CLOCK_MONOTONIC);
		int64_t wait_ms = wait_ns > 0 ? (wait_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
		int count = epoll_wait(fleet->epoll_fd, events, EVENTS, (int)wait_ms);

		now_ns = fleet_clock_ns(CLOCK_MONOTONIC);
		for (int i = 0; i < count; i++)
			fleet_agent_step(events[i].data.ptr, events[i].events, now_ns);
		for (unsigned i = 0; i < fleet->count; i++) {
			now_ns = fleet_clock_ns(CLOCK_MONOTONIC);
			if (fleet_agent_next_ns(&fleet->agents[i]) <= now_ns)
				fleet_agent_tick(&fleet->agents[i], now_ns);
		}
		if (now_ns >= flush_ns) {
			fflush(fleet->records);
			flush_ns = now_ns + FLUSH_NS;
		}
	}
}

static struct fleet_document read_document(const char *path)
{
	struct fleet_document document = {.text = calloc(1, FLEET_DOCUMENT_SIZE)};
	FILE *file = fopen(path, "re");

	if (!file || !document.text || !fgets(document.topic, sizeof(document.topic), file))
		fleet_die(path);
	document.topic[strcspn(document.topic, "\n")] = '\0';
	document.length = (int)fread(document.text, 1, FLEET_DOCUMENT_SIZE - 1, file);
	if (ferror(file) || fgetc(file) != EOF) {
		errno = EMSGSIZE;
		fleet_die(path);
	}
	fclose(file);
	return document;
}

/* Leaves of the recorded state what follows its ts and seq. */
static void cut_state(struct fleet_document *state)
{
	char *rest = strstr(state->text, ",\"interval_ms\"");

	if (!rest) {
		errno = EINVAL;
		fleet_die("the state document");
	}
	state->length = (int)strlen(rest);
	memmove(state->text, rest, (size_t)state->length + 1);
}

/* A client of libmosquitto has three descriptors. */
static void raise_limit(unsigned agents)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 3 * agents + 16) {
		errno = EMFILE;
		fleet_die("limit of open files");
	}
}

static void read_arguments(struct fleet *fleet, int argc, char **argv)
{
	int rate = 0;

	if (argc >= 8 && argc <= 8 + FLEET_DOCUMENTS) {
		fleet->port = atoi(argv[1]);
		fleet->count = (unsigned)atoi(argv[2]);
		rate = atoi(argv[6]);
	}
	if (rate < 1 || fleet->count < 1 || fleet->count > FLEET_MOST) {
		fputs("fleet PORT AGENTS FILE ours|fixed spread|together RATE STATE DOCUMENT...\n",
		      stderr);
		exit(2);
	}
	fleet->records = fopen(argv[3], "we");
	if (!fleet->records)
		fleet_die(argv[3]);
	fleet->fixed = strcmp(argv[4], "fixed") == 0;
	fleet->together = strcmp(argv[5], "together") == 0;
	fleet->history_step_ns = NS_PER_S / rate;
	fleet->state = read_document(argv[7]);
	cut_state(&fleet->state);
	for (int i = 8; i < argc; i++)
		fleet->documents[fleet->document_count++] = read_document(argv[i]);
}

int main(int argc, char **argv)
{
	struct fleet fleet = {
		.address = {.family = AF_INET6, .literal = "::1", .text = "::1"},
		.wall_ns = fleet_clock_ns(CLOCK_REALTIME) - fleet_clock_ns(CLOCK_MONOTONIC),
		.epoll_fd = epoll_create1(EPOLL_CLOEXEC),
	};
	int64_t now_ns = fleet_clock_ns(CLOCK_MONOTONIC);

	read_arguments(&fleet, argc, argv);
	raise_limit(fleet.count);
	fleet.agents = calloc(fleet.count, sizeof(*fleet.agents));
	if (!fleet.agents || fleet.epoll_fd < 0 || mqtt_link_library_open() < 0)
		fleet_die("start");
	for (unsigned i = 0; i < fleet.count; i++)
		fleet_agent_init(&fleet.agents[i], &fleet, i, now_ns);
	signal(SIGTERM, end);
	serve(&fleet);
	for (unsigned i = 0; i < fleet.count; i++) {
		mqtt_link_goodbye(&fleet.agents[i].link);
		mqtt_link_close(&fleet.agents[i].link);
	}
	mqtt_link_library_close();
	for (size_t i = 0; i < fleet.document_count; i++)
		free(fleet.documents[i].text);
	free(fleet.state.text);
	free(fleet.agents);
	close(fleet.epoll_fd);
	return fclose(fleet.records) ? 1 : 0;
}
