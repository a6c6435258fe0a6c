/* SPDX-License-Identifier: MIT */
/*
 * The notifier "files" as the core sees it, in a folder of its own. To be included by one test program each.
 */
#ifndef HOSTINGPI_TEST_FILES_WORLD_H
#define HOSTINGPI_TEST_FILES_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/units.h"
#include "notifiers/notifiers.h"

struct world {
	char directory[40], run_dir[48];
	struct env env;
	void *self;
	struct decision decision; /* what the core would say it is now */
	struct overview overview;
};

static int64_t now_ns;

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

static void publish(struct world *world, enum report_kind kind, const void *what)
{
	struct report report = {.kind = kind};

	if (kind == REPORT_DECISION)
		report.decision = what;
	else if (kind == REPORT_ABOUT)
		report.about = what;
	assert_int_equal(files_notifier.publish(world->self, &report), 0);
}

static void open_files(struct world *world)
{
	const struct about about = {.interval_ms = 1000, .overview = &world->overview};

	world->self = calloc(1, files_notifier.module.self_size);
	assert_int_equal(files_notifier.module.open(world->self, NULL, &world->env), 0);
	publish(world, REPORT_ABOUT, &about);
}

static void close_files(struct world *world)
{
	files_notifier.module.close(world->self);
	free(world->self);
	world->self = NULL;
}

static int setup_in(void **state, const char *parent)
{
	struct world *world = calloc(1, sizeof(*world));

	now_ns = 0;
	snprintf(world->directory, sizeof(world->directory), "%s/hostingpi-test-XXXXXX", parent);
	assert_non_null(mkdtemp(world->directory));
	snprintf(world->run_dir, sizeof(world->run_dir), "%s/run", world->directory);
	assert_int_equal(mkdir(world->run_dir, 0755), 0);
	world->env = (struct env){.id = "pi3",
				  .run_dir = world->run_dir,
				  .now_ns = world_now_ns,
				  .wall_ms = world_wall_ms};
	world->overview.decision = &world->decision;
	open_files(world);
	*state = world;
	return 0;
}

static int setup(void **state)
{
	return setup_in(state, "/dev/shm");
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

	close_files(world);
	assert_int_equal(nftw(world->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(world);
	return 0;
}

static void decide(struct world *world, enum control_state state, const char *reason)
{
	world->decision = (struct decision){.state = state,
					    .weight_pct = 40,
					    .maxconn = 3,
					    .balancers = 1,
					    .headroom_known = true,
					    .headroom_bytes = 123456789};
	snprintf(world->decision.reason, sizeof(world->decision.reason), "%s", reason);
	publish(world, REPORT_DECISION, &world->decision);
}

static void sample(struct world *world)
{
	now_ns += NS_PER_S;
	publish(world, REPORT_SAMPLE, NULL);
}

static const char *path_of(const struct world *world, const char *name)
{
	static char path[80];

	snprintf(path, sizeof(path), "%s/%s", world->run_dir, name);
	return path;
}

/* What stands in a file; NULL: there is none. */
static const char *text_of(const struct world *world, const char *name)
{
	static char text[2048];
	int fd = open(path_of(world, name), O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return NULL;
	length = read(fd, text, sizeof(text) - 1);
	assert_true(length >= 0);
	text[length] = '\0';
	close(fd);
	return text;
}

static double number_of(const struct world *world, const char *key)
{
	const char *text = text_of(world, "state");
	cJSON *json;
	double value = -1;

	assert_non_null(text);
	assert_int_equal(text[strlen(text) - 1], '\n');
	json = cJSON_Parse(text);
	if (!json)
		fail_msg("no JSON: %s", text);
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, key);
	assert_non_null(member);
	if (cJSON_IsNumber(member))
		value = member->valuedouble;
	if (cJSON_IsTrue(member))
		value = 1;
	cJSON_Delete(json);
	return value;
}

/* The names in run_dir, sorted, with a blank behind each. */
static const char *names(const struct world *world)
{
	static char text[256];
	struct dirent **entries;
	int count = scandir(world->run_dir, &entries, NULL, alphasort);

	text[0] = '\0';
	assert_true(count >= 2);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			strcat(text, entries[i]->d_name);
			strcat(text, " ");
		}
		free(entries[i]);
	}
	free(entries);
	return text;
}

#endif
