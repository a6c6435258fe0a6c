/* SPDX-License-Identifier: MIT */
/*
 * The requests collector on the real loop, with a web server beside it. A test that ends with a
 * descriptor more than it began with fails. To be included by one test program each.
 */
#ifndef HOSTINGPI_TEST_REQUESTS_WORLD_H
#define HOSTINGPI_TEST_REQUESTS_WORLD_H

#include "status-server.h"

#include <dirent.h>
#include <errno.h>

#include "collectors/collectors.h"

#define NGINX_PAGE(requests)                                                                       \
	"Active connections: 3 \nserver accepts handled requests\n 16 15 " requests                \
	" \nReading: 1 Writing: 4 Waiting: 2 \n"
#define APACHE_PAGE(requests)                                                                      \
	"::1\nServerVersion: Apache\n" requests "BusyWorkers: 8\nIdleWorkers: 24\n"                \
	"Scoreboard: ______W__________________....\n"
#define OK(body) "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" body
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

static const struct module *const module = &requests_collector.module;

struct world {
	struct env env;
	struct loop *loop;
	struct server server;
	void *conf, *self;
	struct batch batch;
	int descriptors;
	char text[2048]; /* of a script that changes */
};

static inline int count_descriptors(void)
{
	int count = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static inline int world_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	loop_free(loop_new(NULL)); /* what libuv opens once for the process */
	world->descriptors = count_descriptors();
	world->loop = loop_new(NULL);
	assert_non_null(world->loop);
	world->env = (struct env){
		.real_root = true,
		.run_dir = "/nonexistent",
		.now_ns = loop_now_ns,
		.wall_ms = loop_wall_ms,
		.entropy = loop_entropy,
		.loop = world->loop,
	};
	world->conf = calloc(1, module->conf_size);
	world->self = calloc(1, module->self_size);
	assert_true(world->conf && world->self);
	char error[256];
	for (const struct conf_item *row = module->conf; row->key; row++)
		assert_int_equal(conf_value(row, row->fallback, world->conf, error, sizeof(error)),
				 0);
	*state = world;
	return 0;
}

static inline int world_down(void **state)
{
	struct world *world = *state;
	module->close(world->self);
	if (world->server.env)
		server_close(&world->server);
	loop_free(world->loop);
	assert_int_equal(count_descriptors(), world->descriptors);
	free(world->conf);
	free(world->self);
	free(world);
	return 0;
}

static inline void set(struct world *world, const char *key, const char *value)
{
	char error[256] = "";
	for (const struct conf_item *row = module->conf; row->key; row++) {
		if (strcmp(row->key, key) != 0)
			continue;
		if (conf_value(row, value, world->conf, error, sizeof(error)) < 0)
			fail_msg("%s = %s: %s", key, value, error);
		return;
	}
	fail_msg("no setting %s", key);
}

/* Opens the collector with short times and an url (empty: the usual places). */
static inline void start(struct world *world, const char *url, const char *timeout)
{
	char error[256];
	set(world, "interval", "200ms");
	set(world, "timeout", timeout);
	set(world, "url", url);
	if (module->check(world->conf, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	assert_int_equal(module->open(world->self, world->conf, &world->env), 0);
}

static inline void start_at(struct world *world, const char *path)
{
	char url[256];
	bool local = world->server.addr.any.sa.sa_family == AF_UNIX;
	snprintf(url, sizeof(url), "%s%s%s%s", local ? "" : "http://", world->server.name,
		 local && path[0] ? ":" : "", path);
	start(world, url, "20s");
}

/* The newest sample of web.NAME, or NULL. */
static inline const struct sample *find(const struct world *world, const char *name)
{
	for (size_t i = 0; i < world->batch.sample_count; i++) {
		const struct sample *sample = &world->batch.samples[i];
		if (strcmp(module->metrics[sample->metric].name, name) == 0)
			return sample;
	}
	return NULL;
}

static inline const char *reason(const struct world *world, const char *name)
{
	const struct sample *sample = find(world, name);
	assert_non_null(sample);
	assert_int_equal(sample->kind, SAMPLE_UNKNOWN);
	return sample->text;
}

static inline int64_t value(const struct world *world, const char *name)
{
	const struct sample *sample = find(world, name);
	assert_non_null(sample);
	if (sample->kind != SAMPLE_VALUE)
		fail_msg("%s: %s", name, sample->text);
	return sample->value;
}

/* Reads; true if something is handed in that is not "nothing yet". */
static inline bool read_news(struct world *world)
{
	batch_reset(&world->batch);
	assert_int_equal(module->read(world->self, loop_now_ns(&world->env), &world->batch), 0);
	assert_false(world->batch.overflow);
	const struct sample *busy = find(world, "busy_workers");
	return busy &&
	       (busy->kind != SAMPLE_UNKNOWN || !strstr(busy->text, "no status page has answered"));
}

static inline bool read_value(struct world *world)
{
	return read_news(world) && find(world, "busy_workers")->kind == SAMPLE_VALUE;
}

static inline bool read_failure(struct world *world)
{
	return read_news(world) && find(world, "busy_workers")->kind == SAMPLE_UNKNOWN;
}

#define world_test(name) cmocka_unit_test_setup_teardown(name, world_up, world_down)

#endif
