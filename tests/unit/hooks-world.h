/* SPDX-License-Identifier: MIT */
/*
 * The notifier "hook" as the core sees it, with clocks that are set by hand and a shell as its program. To be
 * included by one test program each.
 */
#ifndef HOSTINGPI_TEST_HOOKS_WORLD_H
#define HOSTINGPI_TEST_HOOKS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "agent/state.h"
#include "agent/units.h"
#include "notifiers/child.h"
#include "notifiers/launch.h"
#include "notifiers/notifiers.h"

/* The settings as the rows fill them. */
struct settings {
	char program[CHILD_PATH_SIZE];
	int64_t timeout;
};

enum { SIGN_STORAGE, SIGN_SWAP, SIGN_KERNEL, SIGNS };

static const struct metric signs[SIGNS] = {
	[SIGN_STORAGE] = {.group = "sd", .unit = UNIT_BOOL, .role = ROLE_STORAGE_FAILING},
	[SIGN_SWAP] = {.group = "swap", .unit = UNIT_BOOL, .role = ROLE_SWAP_FAILING},
	[SIGN_KERNEL] = {.group = "self", .unit = UNIT_BOOL, .role = ROLE_KERNEL_FAILING},
};

struct world {
	char directory[40], log[64], go[64];
	struct env env;
	struct settings conf;
	struct overview overview;
	struct state *state;
	struct state_source source;
	void *self;
};

static int64_t now_ns;
static uid_t user;

/* Instead of the library's: the tests run as root here and there. */
uid_t geteuid(void)
{
	return user;
}

static int64_t world_now_ns(const struct env *env)
{
	(void)env;
	return now_ns;
}

static int64_t world_wall_ms(const struct env *env)
{
	(void)env;
	return INT64_C(1795255000000) + now_ns / NS_PER_MS;
}

static struct snapshot world_snapshot(const struct overview *overview)
{
	const struct world *world = overview->context;

	return (struct snapshot){.now_ns = now_ns, .state = world->state};
}

static void write_script(const struct world *world, const char *script)
{
	FILE *file = fopen(world->conf.program, "we");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\nread -r input\necho \"$1 $input\" >>%s\n%s\n", world->log,
		script);
	fclose(file);
	chmod(world->conf.program, 0755);
}

static void open_hook(struct world *world)
{
	const struct about about = {.overview = &world->overview};
	const struct report report = {.kind = REPORT_ABOUT, .about = &about};

	world->self = calloc(1, hook_notifier.module.self_size);
	assert_int_equal(hook_notifier.module.open(world->self, &world->conf, &world->env), 0);
	assert_int_equal(hook_notifier.publish(world->self, &report), 0);
}

static void close_hook(struct world *world)
{
	hook_notifier.module.close(world->self);
	free(world->self);
}

static void show(struct world *world, unsigned sign, int64_t value)
{
	struct batch batch;

	batch_reset(&batch);
	for (unsigned i = 0; i < SIGNS; i++)
		batch_value(&batch, i, i == sign ? value : 0);
	state_update(world->state, world->source, &batch, now_ns);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct conf_section sections[] = {{"hook", hook_notifier.module.conf, &world->conf}, {0}};

	assert_int_equal(hook_notifier.module.conf_size, sizeof(struct settings));
	conf_defaults(sections);
	user = 1000;
	now_ns = NS_PER_S;
	strcpy(world->directory, "/tmp/hostingpi-test-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	snprintf(world->conf.program, sizeof(world->conf.program), "%s/program", world->directory);
	snprintf(world->log, sizeof(world->log), "%s/log", world->directory);
	snprintf(world->go, sizeof(world->go), "%s/go", world->directory);
	write_script(world, "");
	world->state = state_new(SIGNS);
	assert_int_equal(state_add(world->state, signs, SIGNS, 3600 * NS_PER_S, &world->source), 0);
	world->overview.snapshot = world_snapshot;
	world->overview.context = world;
	world->env = (struct env){.id = "pi3", .now_ns = world_now_ns, .wall_ms = world_wall_ms};
	open_hook(world);
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

static int teardown(void **state)
{
	struct world *world = *state;

	close_hook(world);
	state_free(world->state);
	assert_int_equal(nftw(world->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(world);
	return 0;
}

static void decide(struct world *world, enum control_state state)
{
	const struct decision decision = {.state = state,
					  .reason = "memory low",
					  .weight_pct = 40,
					  .maxconn = 3,
					  .headroom_known = true,
					  .headroom_bytes = 123456789};
	const struct report report = {.kind = REPORT_DECISION, .decision = &decision};

	assert_int_equal(hook_notifier.publish(world->self, &report), 0);
}

static const char *status(const struct world *world)
{
	static char text[2048];
	struct json json;

	json_start(&json, text, sizeof(text));
	json_object(&json, NULL);
	hook_notifier.status(world->self, &json);
	json_object_end(&json);
	assert_true(json_finish(&json) > 0);
	return text;
}

static bool is_running(const struct world *world)
{
	return strstr(status(world), "\"running\":true") != NULL;
}

static void look(struct world *world)
{
	struct batch batch;

	batch_reset(&batch);
	assert_int_equal(hook_notifier.module.read(world->self, now_ns, &batch), 0);
}

/* Lets it end by itself, and what comes after it. */
static void finish(struct world *world)
{
	while (is_running(world)) {
		sched_yield();
		look(world);
	}
}

static const char *text_of(const char *path)
{
	static char text[8192];
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		return "";
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	return text;
}

/* The states that programs were told, in order, with a blank behind each. */
static const char *told(const struct world *world)
{
	static char words[512];
	const char *line = text_of(world->log);

	words[0] = '\0';
	for (; *line; line = strchr(line, '\n') + 1)
		snprintf(words + strlen(words), 32, "%.*s ", (int)strcspn(line, " "), line);
	return words;
}

static void assert_status(const struct world *world, const char *part)
{
	if (!strstr(status(world), part))
		fail_msg("no %s in %s", part, status(world));
}

#endif
