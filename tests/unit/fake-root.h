/* SPDX-License-Identifier: MIT */
/*
 * A root directory in a scratch folder, clock and loop that are turned by hand and one collector that
 * is read by hand. To be included by one test program each.
 */
#ifndef HOSTINGPI_TEST_FAKE_ROOT_H
#define HOSTINGPI_TEST_FAKE_ROOT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/collector.h"
#include "agent/units.h"

struct fixture {
	char directory[40];
	struct env env;
	const struct module *module;
	void *conf, *self;
	bool open;
	struct batch batch;
};

/* The loop has room for one watch, whose function the test calls. */
struct watch {
	int fd;
	watch_fn *fn;
	void *context;
	bool active;
};

static struct watch the_watch;
static int wakes;

struct watch *env_watch(const struct env *env, int fd, unsigned events, watch_fn *fn, void *context)
{
	if (!env->loop)
		return NULL;
	assert_false(the_watch.active);
	assert_int_equal(events, WATCH_READ);
	the_watch = (struct watch){.fd = fd, .fn = fn, .context = context, .active = true};
	return &the_watch;
}

void watch_end(struct watch *watch)
{
	if (watch)
		watch->active = false;
}

void env_wake(const struct env *env)
{
	(void)env;
	wakes++;
}

static int64_t clock_ns;

static int64_t fake_now_ns(const struct env *env)
{
	(void)env;
	return clock_ns;
}

static int64_t wall_clock_ms = INT64_C(1800000000000);

static int64_t fake_wall_ms(const struct env *env)
{
	(void)env;
	return wall_clock_ms;
}

static struct fixture *fixture_new(const struct collector *collector)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	strcpy(fixture->directory, "/tmp/hostingpi-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	fixture->env.root_fd = open(fixture->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fixture->env.root_fd >= 0);
	fixture->env.now_ns = fake_now_ns;
	fixture->env.wall_ms = fake_wall_ms;
	clock_ns = 1000 * NS_PER_S;

	fixture->module = &collector->module;
	fixture->self = calloc(1, fixture->module->self_size);
	fixture->conf = calloc(1, fixture->module->conf_size + 1);
	assert_non_null(fixture->self);
	assert_non_null(fixture->conf);
	if (fixture->module->conf) {
		struct conf_section sections[] = {
			{fixture->module->name, fixture->module->conf, fixture->conf}, {0}};
		conf_defaults(sections);
	}
	return fixture;
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void fixture_free(struct fixture *fixture)
{
	if (fixture->open)
		fixture->module->close(fixture->self);
	close(fixture->env.root_fd);
	nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(fixture->self);
	free(fixture->conf);
	free(fixture);
}

/* Sets one setting, as it would stand in the file. */
static inline void set(struct fixture *fixture, const char *key, const char *value)
{
	char error[256];
	const struct conf_item *item = fixture->module->conf;

	while (item->key && strcmp(item->key, key) != 0)
		item++;
	assert_non_null(item->key);
	assert_int_equal(conf_value(item, value, fixture->conf, error, sizeof(error)), 0);
}

static inline void make_parents(struct fixture *fixture, const char *path)
{
	char part[256];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		assert_true(mkdirat(fixture->env.root_fd, part, 0755) == 0 || errno == EEXIST);
	}
}

static void put_bytes(struct fixture *fixture, const char *path, int flags, const char *bytes,
		      size_t length)
{
	make_parents(fixture, path);
	int fd = openat(fixture->env.root_fd, path, O_WRONLY | O_CREAT | flags, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

/* Writes a file anew, in place: descriptors that are open see it. */
static inline void put(struct fixture *fixture, const char *path, const char *text)
{
	put_bytes(fixture, path, O_TRUNC, text, strlen(text));
}

static inline void append(struct fixture *fixture, const char *path, const char *text)
{
	put_bytes(fixture, path, O_APPEND, text, strlen(text));
}

static inline void put_link(struct fixture *fixture, const char *path, const char *target)
{
	make_parents(fixture, path);
	assert_int_equal(symlinkat(target, fixture->env.root_fd, path), 0);
}

static inline void start(struct fixture *fixture)
{
	assert_int_equal(fixture->module->open(fixture->self, fixture->conf, &fixture->env), 0);
	fixture->open = true;
}

/* Lets time pass and reads. */
static inline void sample_after(struct fixture *fixture, int64_t ns)
{
	clock_ns += ns;
	batch_reset(&fixture->batch);
	assert_int_equal(fixture->module->read(fixture->self, clock_ns, &fixture->batch), 0);
	assert_false(fixture->batch.overflow);
}

/* The newest sample of a metric; every metric must have been handed in, and once. */
static inline const struct sample *sample_of(struct fixture *fixture, unsigned metric)
{
	const struct sample *found = NULL;

	assert_int_equal(fixture->batch.sample_count, fixture->module->metric_count);
	for (size_t i = 0; i < fixture->batch.sample_count; i++) {
		if (fixture->batch.samples[i].metric == metric) {
			assert_null(found);
			found = &fixture->batch.samples[i];
		}
	}
	assert_non_null(found);
	return found;
}

/* The index of a metric by its place in the documents; name NULL finds the one without. */
static inline unsigned metric_of(struct fixture *fixture, const char *group, const char *name)
{
	for (unsigned i = 0; i < fixture->module->metric_count; i++) {
		const struct metric *metric = &fixture->module->metrics[i];
		const char *field = metric->name ? metric->name : metric->rate_name;
		if (strcmp(metric->group, group) == 0 &&
		    (name && field ? strcmp(field, name) == 0 : name == field))
			return i;
	}
	fail_msg("no metric %s.%s", group, name ? name : "(without name)");
	return 0;
}

static inline int64_t value_of(struct fixture *fixture, const char *group, const char *name)
{
	const struct sample *sample = sample_of(fixture, metric_of(fixture, group, name));
	if (sample->kind != SAMPLE_VALUE)
		fail_msg("%s.%s is no value: %s", group, name ? name : "-", sample->text);
	return sample->value;
}

static inline const char *text_of(struct fixture *fixture, const char *group, const char *name)
{
	const struct sample *sample = sample_of(fixture, metric_of(fixture, group, name));
	assert_int_equal(sample->kind, SAMPLE_TEXT);
	return sample->text;
}

static inline const char *reason_of(struct fixture *fixture, const char *group, const char *name)
{
	const struct sample *sample = sample_of(fixture, metric_of(fixture, group, name));
	assert_int_equal(sample->kind, SAMPLE_UNKNOWN);
	assert_non_null(sample->text);
	return sample->text;
}

#endif
