/* SPDX-License-Identifier: MIT */
/*
 * The notifier "post" as the core sees it, with clocks that are set by hand and a shell script for
 * hostingpi-post, which notes what it gets and answers with what stands in a file. To be included by one
 * test program each.
 */
#ifndef HOSTINGPI_TEST_POSTER_WORLD_H
#define HOSTINGPI_TEST_POSTER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <ftw.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/state.h"
#include "notifiers/post_self.h"

/* 2026-10-02 12:00 UTC, and a machine that was booted 1000 s before. */
#define WALL_MS INT64_C(1790942400000)
#define BOOT_MS (WALL_MS - 1000000)

struct world {
	char directory[40], run_dir[48], log[48], answer[48];
	struct env env;
	struct post_conf conf;
	struct post *self; /* NULL: closed */
	struct state *state;
	struct batch batch;
	char events[2048]; /* "severity text\n" of all, since the last look */
};

static int64_t now_ns;
static bool synced;
static uint32_t dice;

static int64_t world_now_ns(const struct env *env)
{
	(void)env;
	return now_ns;
}

static int64_t world_wall_ms(const struct env *env)
{
	(void)env;
	return BOOT_MS + now_ns / NS_PER_MS;
}

static bool world_synced(const struct env *env)
{
	(void)env;
	return synced;
}

static uint32_t world_entropy(const struct env *env)
{
	(void)env;
	return dice += 0x9e3779b9;
}

static void write_text(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	chmod(path, mode);
}

/* What the program says next: members after the id, or a whole line of shell after '!'. */
static inline void answer_with(struct world *world, const char *text)
{
	write_text(world->answer, text, 0600);
}

#define POSTED                                                                                     \
	"\"result\":\"posted\",\"status\":201,\"remote_id\":\"42\",\"via\":\"nat64\",\"prefix\":\"64:ff9b::/96\""

static void world_open(struct world *world)
{
	world->self = calloc(1, sizeof(*world->self));
	assert_int_equal(
		post_notifier.module.check(&world->conf, world->events, sizeof(world->events)), 0);
	assert_int_equal(post_notifier.module.open(world->self, &world->conf, &world->env), 0);
}

static void world_close(struct world *world)
{
	if (world->self) {
		post_notifier.module.close(world->self);
		free(world->self);
	}
	world->self = NULL;
}

/* As by SIGKILL: nothing is written any more. The program dies with us. */
static inline void world_kill(struct world *world)
{
	child_close(&world->self->child);
	post_outbox_close(&world->self->outbox);
	free(world->self);
	world->self = NULL;
}

static void world_paths(struct world *world)
{
	char script[512];

	snprintf(world->run_dir, sizeof(world->run_dir), "%s/run", world->directory);
	snprintf(world->log, sizeof(world->log), "%s/log", world->directory);
	snprintf(world->answer, sizeof(world->answer), "%s/answer", world->directory);
	snprintf(world->conf.program, sizeof(world->conf.program), "%s/program", world->directory);
	snprintf(world->conf.mastodon.credential_file, sizeof(world->conf.mastodon.credential_file),
		 "%s/credentials", world->directory);
	assert_int_equal(mkdir(world->run_dir, 0755), 0);
	snprintf(script, sizeof(script),
		 "#!/bin/sh\nread -r input\necho \"$input\" >>%s\nread -r answer <%s\n"
		 "case $answer in !*) eval \"${answer#!}\"; exit $? ;; esac\n"
		 "id=${input#*:\\\"}\necho \"{\\\"id\\\":\\\"${id%%%%\\\"*}\\\",$answer}\"\n",
		 world->log, world->answer);
	write_text(world->conf.program, script, 0700);
	write_text(world->conf.mastodon.credential_file, "access_token = x\n", 0600);
	write_text(world->log, "", 0600);
}

static int world_setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct conf_section sections[] = {{"post", post_conf_items, &world->conf},
					  {"x", post_conf_more[0].items, &world->conf},
					  {"mastodon", post_conf_more[1].items, &world->conf},
					  {"nat64", post_conf_more[2].items, &world->conf},
					  {0}};

	setenv("TZ", "UTC", 1);
	conf_defaults(sections);
	world->conf.service = POST_MASTODON;
	strcpy(world->conf.mastodon.url, "https://social.example");
	strcpy(world->directory, "/dev/shm/hostingpi-test-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	world_paths(world);
	answer_with(world, POSTED);
	now_ns = 1000 * NS_PER_S;
	synced = true;
	dice = 0;
	world->env = (struct env){.id = "pi3",
				  .run_dir = world->run_dir,
				  .now_ns = world_now_ns,
				  .wall_ms = world_wall_ms,
				  .wall_synced = world_synced,
				  .entropy = world_entropy};
	world->state = state_new(1);
	world_open(world);
	*state = world;
	return 0;
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int world_teardown(void **state)
{
	struct world *world = *state;

	world_close(world);
	state_free(world->state);
	assert_int_equal(nftw(world->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(world);
	return 0;
}

static void decide(struct world *world, enum control_state state)
{
	const struct decision decision = {.state = state,
					  .reason = "memory shrinks",
					  .weight_pct = state == CONTROL_NORMAL ? 100 : 40,
					  .headroom_known = true,
					  .headroom_bytes = 123000000};
	const struct report report = {.kind = REPORT_DECISION, .decision = &decision};

	assert_int_equal(post_notifier.publish(world->self, &report), 0);
}

static void look(struct world *world)
{
	batch_reset(&world->batch);
	assert_int_equal(post_notifier.module.read(world->self, now_ns, &world->batch), 0);
	assert_false(world->batch.overflow);
	assert_int_equal(world->batch.sample_count, post_notifier.module.metric_count);
	for (size_t i = 0; i < world->batch.event_count; i++) {
		size_t used = strlen(world->events);
		snprintf(world->events + used, sizeof(world->events) - used, "%s %s\n",
			 severity_words[world->batch.events[i].severity],
			 world->batch.events[i].text);
	}
}

/* Lets seconds pass; a program that was started ends within its second. */
static void pass(struct world *world, int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++) {
		now_ns += NS_PER_S;
		look(world);
		while (world->self->child.pid) {
			const struct child *child = &world->self->child;
			struct pollfd fds[] = {{.fd = child->pid_fd, .events = POLLIN},
					       {.fd = child->out_fd, .events = POLLIN}};
			assert_true(poll(fds, 2, 60000) > 0);
			post_hear(world->self, now_ns);
		}
	}
	look(world);
}

/* How often the program was started, and what it got. */
static size_t starts(const struct world *world, char text[static 8192])
{
	FILE *file = fopen(world->log, "re");
	size_t length, count = 0;

	assert_non_null(file);
	length = fread(text, 1, 8191, file);
	text[length] = '\0';
	fclose(file);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		count++;
	return count;
}

#define assert_starts(world, expected)                                                             \
	do {                                                                                       \
		char text_[8192];                                                                  \
		assert_int_equal(starts(world, text_), expected);                                  \
	} while (0)

static inline void assert_event(struct world *world, const char *part)
{
	if (!strstr(world->events, part))
		fail_msg("\"%s\" is not in \"%s\"", part, world->events);
	world->events[0] = '\0';
}

/* An operator's message whose text is its name. */
static inline void say(struct world *world, const char *id)
{
	const struct operator_message message = {.id = id, .text = id};
	const struct report report = {.kind = REPORT_MESSAGE, .message = &message};

	assert_int_equal(post_notifier.publish(world->self, &report), 0);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

#endif
