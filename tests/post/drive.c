/* SPDX-License-Identifier: MIT */
/*
 * drive CONFIG RUN_DIR SECOND: the daemon's posting notifier without the daemon, on a clock of its own that
 * starts at SECOND. While hostingpi-post runs this clock stands still, otherwise it goes as fast as
 * it can: hours of back-off pass in milliseconds, and what the program and the service do is real.
 *
 * Commands on standard input, one in a line; each is answered with the events that it made, and a dot:
 *   state WORD        the decision from now on
 *   message ID TEXT   an operator's message
 *   incident KIND TEXT
 *   run SECONDS       lets time pass
 *   drain SECONDS     the same, until nothing waits any more
 *   status            the status document
 * An event is "SECOND EVENT-TEXT". The end of the input closes the notifier as the daemon does.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/conf.h"
#include "agent/env.h"
#include "agent/state.h"
#include "notifiers/notifiers.h"
#include "notifiers/post_self.h"

#define WALL_MS INT64_C(1795219200000) /* 2026-11-21 00:00 UTC, at second 0 */
#define PEEK_NS 1000000		       /* how often the end of the program is looked for */

static int64_t clock_ns; /* a clock is global */

static int64_t now_ns(const struct env *env)
{
	(void)env;
	return clock_ns;
}

static int64_t wall_ms(const struct env *env)
{
	(void)env;
	return WALL_MS + clock_ns / NS_PER_MS;
}

static bool wall_synced(const struct env *env)
{
	(void)env;
	return true;
}

static uint32_t entropy(const struct env *env)
{
	(void)env;
	return (uint32_t)random();
}

static void on_conf_error(void *context, const char *message)
{
	(void)context;
	fprintf(stderr, "drive: %s\n", message);
}

static bool load(const char *path, struct post_conf *conf)
{
	struct conf_section sections[8] = {{"post", post_conf_items, conf}};
	size_t count = 1;

	for (const struct conf_section *more = post_conf_more; more->name; more++)
		sections[count++] = (struct conf_section){more->name, more->items, conf};
	conf_defaults(sections);
	return conf_read_all(path, sections, false, on_conf_error, NULL) == 0;
}

/* What the messages tell of: warmer by day, and less memory under pressure. */
enum { HEADROOM, REQUESTS, TEMPERATURE, READINGS };

static const struct metric metrics[READINGS] = {
	[HEADROOM] = {.group = "mem",
		      .name = "headroom_bytes",
		      .kind = METRIC_GAUGE,
		      .unit = UNIT_BYTES},
	[REQUESTS] = {.group = "web",
		      .name = "requests_total",
		      .kind = METRIC_COUNTER,
		      .unit = UNIT_COUNT},
	[TEMPERATURE] = {.group = "soc",
			 .name = "temp_c",
			 .kind = METRIC_GAUGE,
			 .unit = UNIT_MILLI_CELSIUS,
			 .role = ROLE_SOC_TEMP},
};

static void read_machine(struct post *post)
{
	static struct state *state;
	static struct state_source source;
	int64_t second = clock_ns / NS_PER_S;
	struct snapshot snapshot = {.ts_ms = wall_ms(NULL), .now_ns = clock_ns};
	struct batch batch;

	if (!state) {
		state = state_new(READINGS);
		state_add(state, metrics, READINGS, 10 * NS_PER_S, &source);
	}
	batch_reset(&batch);
	batch_value(&batch, HEADROOM, post->decision.headroom_bytes - second % 60 * 100000);
	batch_value(&batch, REQUESTS, 3 * second);
	batch_value(&batch, TEMPERATURE, 45000 + second / 4 % 21600);
	state_update(state, source, &batch, clock_ns);
	snapshot.state = state;
	post_notifier.publish(post, &(struct report){.kind = REPORT_SAMPLE, .snapshot = &snapshot});
}

static void step(struct post *post)
{
	const struct timespec pause = {.tv_nsec = PEEK_NS};
	struct batch batch;

	do {
		batch_reset(&batch);
		post_notifier.module.read(post, clock_ns, &batch);
		for (size_t i = 0; i < batch.event_count; i++)
			printf("%lld %s\n", (long long)(clock_ns / NS_PER_S), batch.events[i].text);
		fflush(stdout);
		if (post->child.pid)
			nanosleep(&pause, NULL);
	} while (post->child.pid);
}

static void run(struct post *post, long seconds, bool drain)
{
	while (seconds-- > 0 && !(drain && post->outbox.count == 0)) {
		clock_ns += NS_PER_S;
		read_machine(post);
		step(post);
	}
}

static void publish(struct post *post, const struct report *report)
{
	int result = post_notifier.publish(post, report);

	if (result < 0)
		printf("refused: %s\n", strerrordesc_np(-result));
}

static void set_state(struct post *post, const char *word)
{
	struct decision decision = {.weight_pct = 100, .maxconn = 20, .balancers = 1};

	for (int i = 0; i < CONTROL_STATES; i++) {
		if (strcmp(control_state_words[i], word) == 0)
			decision.state = (enum control_state)i;
	}
	snprintf(decision.reason, sizeof(decision.reason), "driven");
	decision.headroom_known = true;
	decision.headroom_bytes = decision.state == CONTROL_NORMAL ? 300000000 : 90000000;
	if (decision.state != CONTROL_NORMAL)
		decision.weight_pct = decision.state == CONTROL_HARD ? 1 : 40;
	publish(post, &(struct report){.kind = REPORT_DECISION, .decision = &decision});
}

static void tell_incident(struct post *post, const char *kind, const char *text)
{
	struct event event = {.id = 1, .severity = SEVERITY_CRITICAL};

	snprintf(event.kind, sizeof(event.kind), "%s", kind);
	snprintf(event.text, sizeof(event.text), "%s", text);
	publish(post, &(struct report){.kind = REPORT_EVENT, .event = &event});
}

static void print_status(const struct post *post)
{
	char text[8192];
	struct json json;

	json_start(&json, text, sizeof(text));
	json_object(&json, NULL);
	post_notifier.status(post, &json);
	json_object_end(&json);
	puts(json_finish(&json) < 0 ? "{}" : text);
}

static void obey(struct post *post, char *line)
{
	char *rest = line, *verb = strsep(&rest, " "), *word = strsep(&rest, " ");

	if (strcmp(verb, "state") == 0 && word)
		set_state(post, word);
	else if (strcmp(verb, "message") == 0 && rest)
		publish(post, &(struct report){
				      .kind = REPORT_MESSAGE,
				      .message = &(struct operator_message){word, rest},
			      });
	else if (strcmp(verb, "incident") == 0 && rest)
		tell_incident(post, word, rest);
	else if (strcmp(verb, "status") == 0)
		print_status(post);
	else if ((strcmp(verb, "run") == 0 || strcmp(verb, "drain") == 0) && word)
		run(post, strtol(word, NULL, 10), verb[0] == 'd');
	else
		printf("unknown: %s\n", verb);
	puts(".");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct post post;
	struct post_conf conf;
	struct env env = {.root_fd = -1,
			  .id = "driven",
			  .now_ns = now_ns,
			  .wall_ms = wall_ms,
			  .wall_synced = wall_synced,
			  .entropy = entropy};
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (argc != 4 || !load(argv[1], &conf))
		return 2;
	env.conf_path = argv[1];
	env.run_dir = argv[2];
	signal(SIGPIPE, SIG_IGN); /* as the daemon has it */
	clock_ns = strtoll(argv[3], NULL, 10) * NS_PER_S;
	srandom((unsigned)strtoul(argv[3], NULL, 10)); /* the same life again */
	if (post_notifier.module.open(&post, &conf, &env) < 0)
		return 1;
	while ((length = getline(&line, &size, stdin)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		obey(&post, line);
	}
	free(line);
	while (post_notifier.stop && !post_notifier.stop(&post))
		nanosleep(&(struct timespec){.tv_nsec = PEEK_NS}, NULL);
	post_notifier.module.close(&post);
	return 0;
}
