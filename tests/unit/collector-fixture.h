/* SPDX-License-Identifier: MIT */
/*
 * One collector on a root directory of its own, with a clock that is set by hand. The root is either
 * an empty scratch directory that the test fills, or one of the board trees below tests/roots. To be
 * included by one test program each.
 */
#ifndef HOSTINGPI_TEST_COLLECTOR_FIXTURE_H
#define HOSTINGPI_TEST_COLLECTOR_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/units.h"
#include "collectors/collectors.h"

struct world {
	struct env env; /* first: world_now_ns() finds the world by it */
	int64_t now_ns;
	int descriptors;  /* open ones, before there was this world */
	char scratch[64]; /* empty: a board tree, which is only read */
	const struct collector *collector;
	void *self;
	void *conf;
	struct batch batch;
};

static inline int64_t world_now_ns(const struct env *env)
{
	return ((const struct world *)env)->now_ns;
}

static inline int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static inline void world_use(struct world *world, const char *root)
{
	world->descriptors = count_descriptors();
	world->env.root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(world->env.root_fd >= 0);
	world->env.run_dir = "/nonexistent";
	world->env.now_ns = world_now_ns;
	world->now_ns = 1000 * NS_PER_S;
}

/* A world with an empty root. */
static inline struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	strcpy(world->scratch, "/tmp/hostingpi-test-XXXXXX");
	assert_non_null(mkdtemp(world->scratch));
	world_use(world, world->scratch);
	return world;
}

/* A world on a board tree; tests run in the top directory, or are told where it is. */
static inline struct world *world_board(const char *board)
{
	const char *top = getenv("HOSTINGPI_SOURCE");
	struct world *world = calloc(1, sizeof(*world));
	char path[4096];

	assert_non_null(world);
	snprintf(path, sizeof(path), "%s/tests/roots/%s", top ? top : ".", board);
	world_use(world, path);
	return world;
}

/* Writes a file below the scratch root, with the directories above it. */
static inline void world_write_bytes(struct world *world, const char *path, const char *text,
				     size_t length)
{
	char folder[256];
	int fd;

	assert_true(world->scratch[0] != '\0' && strlen(path) < sizeof(folder));
	strcpy(folder, path);
	for (char *slash = strchr(folder, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(world->env.root_fd, folder, 0755) < 0)
			assert_int_equal(errno, EEXIST);
		*slash = '/';
	}
	fd = openat(world->env.root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	close(fd);
}

static inline void world_write(struct world *world, const char *path, const char *text)
{
	world_write_bytes(world, path, text, strlen(text));
}

static inline void world_remove(struct world *world, const char *path)
{
	assert_int_equal(unlinkat(world->env.root_fd, path, 0), 0);
}

/* Opens the collector with its defaults, except for one setting (key may be NULL). */
static inline void world_open(struct world *world, const struct collector *collector,
			      const char *key, const char *value)
{
	const struct module *module = &collector->module;
	char error[256] = "";

	world->collector = collector;
	world->self = calloc(1, module->self_size);
	world->conf = calloc(1, module->conf_size + 1);
	assert_true(world->self && world->conf);
	for (const struct conf_item *row = module->conf; row && row->key; row++) {
		const char *text = key && strcmp(key, row->key) == 0 ? value : row->fallback;

		if (conf_value(row, text, world->conf, error, sizeof(error)) < 0)
			fail_msg("%s = %s: %s", row->key, text, error);
	}
	assert_int_equal(module->open(world->self, world->conf, &world->env), 0);
}

/* One reading; each metric must come exactly once, and an unknown one with a reason. */
static inline void world_read(struct world *world)
{
	const struct module *module = &world->collector->module;
	unsigned seen[BATCH_SAMPLES] = {0};

	batch_reset(&world->batch);
	assert_int_equal(module->read(world->self, world->now_ns, &world->batch), 0);
	assert_false(world->batch.overflow);
	for (size_t i = 0; i < world->batch.sample_count; i++) {
		const struct sample *sample = &world->batch.samples[i];

		assert_in_range(sample->metric, 0, module->metric_count - 1);
		seen[sample->metric]++;
		if (sample->kind == SAMPLE_UNKNOWN)
			assert_true(sample->text && sample->text[0]);
	}
	for (unsigned i = 0; i < module->metric_count; i++)
		assert_int_equal(seen[i], 1);
}

/* The sample whose field in the JSON documents is GROUP.NAME (or, for unpublished ones, the role). */
static inline const struct sample *world_sample(const struct world *world, const char *group,
						const char *name, enum metric_role role)
{
	const struct module *module = &world->collector->module;

	for (size_t i = 0; i < world->batch.sample_count; i++) {
		const struct sample *sample = &world->batch.samples[i];
		const struct metric *metric = &module->metrics[sample->metric];

		if (name ? strcmp(metric->group, group) == 0 &&
				    ((metric->name && strcmp(metric->name, name) == 0) ||
				     (metric->rate_name && strcmp(metric->rate_name, name) == 0))
			 : metric->role == role)
			return sample;
	}
	fail_msg("nothing handed in for %s.%s, role %d", group, name ? name : "-", (int)role);
	return NULL;
}

static inline int64_t sample_known(const struct sample *sample)
{
	if (sample->kind != SAMPLE_VALUE)
		fail_msg("metric %u unknown: %s", sample->metric, sample->text);
	return sample->value;
}

static inline int64_t world_value(const struct world *world, const char *group, const char *name)
{
	return sample_known(world_sample(world, group, name, ROLE_NONE));
}

static inline int64_t world_role(const struct world *world, enum metric_role role)
{
	return sample_known(world_sample(world, "-", NULL, role));
}

/* The reason of an unknown one. */
static inline const char *world_reason(const struct world *world, const char *group,
				       const char *name)
{
	const struct sample *sample = world_sample(world, group, name, ROLE_NONE);

	if (sample->kind != SAMPLE_UNKNOWN)
		fail_msg("%s.%s is known: %lld", group, name, (long long)sample->value);
	return sample->text;
}

#define assert_text_has(text, part)                                                                \
	do {                                                                                       \
		if (!strstr((text), (part)))                                                       \
			fail_msg("\"%s\" does not contain \"%s\"", (text), (part));                \
	} while (0)

static inline int world_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* Closes and checks that no descriptor is left. */
static inline void world_free(struct world *world)
{
	if (world->self)
		world->collector->module.close(world->self);
	free(world->self);
	free(world->conf);
	close(world->env.root_fd);
	assert_int_equal(count_descriptors(), world->descriptors);
	if (world->scratch[0] != '\0')
		nftw(world->scratch, world_unlink, 16, FTW_DEPTH | FTW_PHYS);
	free(world);
}

#endif
