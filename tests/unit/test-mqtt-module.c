/* SPDX-License-Identifier: MIT */
/*
 * The MQTT notifier as the core sees it, without a loop: whatever is wrong with MQTT, it opens, says
 * so, and tries again. Time is a number here.
 */
#include "tests/unit/test-mqtt-world.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "agent/log.h"
#include "notifiers/notifiers.h"

static int64_t now_ns = 1000 * NS_PER_S, wall_ms = 5;

static int64_t get_now_ns(const struct env *env)
{
	(void)env;
	return now_ns;
}

static int64_t get_wall_ms(const struct env *env)
{
	(void)env;
	return wall_ms;
}

static uint32_t fixed_entropy(const struct env *env)
{
	(void)env;
	return 5;
}

static void test_without_host_nothing_starts(void **state)
{
	(void)state;
	const struct env env = {
		.id = "i",
		.run_dir = "",
		.now_ns = get_now_ns,
		.wall_ms = get_wall_ms,
		.entropy = fixed_entropy,
	};
	struct mqtt_conf conf = {.prefix = "p"};
	const struct module *module = &mqtt_notifier.module;
	void *self = calloc(1, module->self_size);
	const struct report report = {.kind = REPORT_EVENT, .event = &(struct event){.id = 1}};
	struct batch batch;
	struct json json;
	char text[1024];

	assert_non_null(self);
	assert_int_equal(module->open(self, &conf, &env), 0);
	batch_reset(&batch);
	assert_int_equal(module->read(self, 0, &batch), 0);
	assert_int_equal(batch.sample_count, module->metric_count);
	for (size_t i = 0; i < batch.sample_count; i++) {
		assert_int_equal(batch.samples[i].kind, SAMPLE_UNKNOWN);
		assert_non_null(strstr(batch.samples[i].text, "set host in section [mqtt]"));
	}
	assert_int_equal(mqtt_notifier.publish(self, &report), 0);
	json_start(&json, text, sizeof(text));
	json_object(&json, NULL);
	mqtt_notifier.status(self, &json);
	json_object_end(&json);
	assert_true(json_finish(&json) > 0);
	assert_string_equal(text, "{\"configured\":false}");
	assert_true(mqtt_notifier.stop(self));
	module->close(self);

	free(self);
}

struct fixture {
	struct env env;
	struct mqtt_conf conf;
	void *self;
	int log, before; /* standard error now, and as it was */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->self = calloc(1, mqtt_notifier.module.self_size);
	f->env = (struct env){.id = "i",
			      .run_dir = "",
			      .now_ns = get_now_ns,
			      .wall_ms = get_wall_ms,
			      .entropy = fixed_entropy};
	f->conf = (struct mqtt_conf){.host = "127.0.0.1",
				     .port = 1,
				     .prefix = "p",
				     .keepalive = 30 * NS_PER_S,
				     .reconnect_min = NS_PER_S,
				     .reconnect_max = NS_PER_S,
				     .history_rate = 10,
				     .discovery = MQTT_CONF_DISCOVERY_OFF};
	f->before = dup(STDERR_FILENO);
	f->log = memfd_create("log", MFD_CLOEXEC);
	/* Two threads write to it. */
	assert_int_equal(fcntl(f->log, F_SETFL, O_APPEND), 0);
	assert_int_equal(dup2(f->log, STDERR_FILENO), STDERR_FILENO);
	log_open(LOG_LEVEL_DEBUG);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	mqtt_notifier.module.close(f->self);
	await_threads(1);
	dup2(f->before, STDERR_FILENO);
	close(f->before);
	close(f->log);
	free(f->self);
	free(f);
	return 0;
}

/* How often the text stands in the log of this test. */
static size_t count_log(const struct fixture *f, const char *text)
{
	static char log[65536];
	ssize_t length = pread(f->log, log, sizeof(log) - 1, 0);
	size_t count = 0;

	assert_true(length >= 0);
	log[length] = '\0';
	for (const char *at = log; (at = strstr(at, text)); at++)
		count++;
	return count;
}

static const char *read_status(const struct fixture *f)
{
	static char text[2048];
	struct json json;

	json_start(&json, text, sizeof(text));
	json_object(&json, NULL);
	mqtt_notifier.status(f->self, &json);
	json_object_end(&json);
	assert_true(json_finish(&json) > 0);
	return text;
}

static struct batch look(struct fixture *f)
{
	struct batch batch;

	batch_reset(&batch);
	assert_int_equal(mqtt_notifier.module.read(f->self, now_ns, &batch), 0);
	assert_int_equal(batch.sample_count, mqtt_notifier.module.metric_count);
	return batch;
}

static void await_status(struct fixture *f, const char *text)
{
	time_t deadline = time(NULL) + DEADLINE_MS / 1000;

	while (!strstr(read_status(f), text)) {
		if (time(NULL) > deadline)
			fail_msg("waited for \"%s\": %s", text, read_status(f));
		look(f);
	}
}

/* No descriptor can be opened from now on. Returns the limit as it was. */
static struct rlimit forbid_descriptors(void)
{
	int first_free = dup(STDERR_FILENO);
	struct rlimit limit, none;

	assert_true(first_free >= 0);
	close(first_free);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)first_free, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	return limit;
}

static void test_bad_credential_file_is_no_reason_to_stop(void **state)
{
	struct fixture *f = *state;

	strcpy(f->conf.credential_file, "/nonexistent/secret");
	assert_int_equal(mqtt_notifier.module.open(f->self, &f->conf, &f->env), 0);
	await_status(f, "\"last_error\":\"credential_file: /nonexistent/secret: No such file");
	assert_non_null(strstr(read_status(f), "\"connected\":false"));
	for (int i = 0; i < 100; i++)
		look(f);
	assert_int_equal(count_log(f, "warning: mqtt: broker 127.0.0.1:1: credential_file: "), 1);
	assert_int_equal(count_log(f, "make it, with mode 0600"), 1);
	assert_int_equal(count_log(f, "error: "), 0);
	assert_true(mqtt_notifier.stop(f->self));
}

static void test_thread_that_cannot_start_is_tried_again(void **state)
{
	struct fixture *f = *state;
	const struct report report = {.kind = REPORT_EVENT, .event = &(struct event){.id = 1}};
	struct rlimit limit = forbid_descriptors();

	assert_int_equal(mqtt_notifier.module.open(f->self, &f->conf, &f->env), 0);
	for (int i = 0; i < 3; i++, now_ns += 60 * NS_PER_S) {
		struct batch batch = look(f);
		assert_int_equal(batch.samples[0].kind, SAMPLE_UNKNOWN);
		assert_non_null(strstr(batch.samples[0].text, "see the log"));
		/* The core keeps it. */
		assert_int_equal(mqtt_notifier.publish(f->self, &report), NOTIFIER_BUSY);
		assert_non_null(strstr(read_status(f), "Too many open files"));
		assert_non_null(strstr(read_status(f), "\"configured\":true"));
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(count_log(f, "warning: mqtt: "), 1);
	assert_int_equal(count_log(f, "cannot start the thread: Too many open files"), 1);
	/* Not before its time, and not after the goodbye. */
	now_ns -= 1;
	assert_int_equal(look(f).samples[0].kind, SAMPLE_UNKNOWN);
	now_ns += 1;
	assert_int_equal(look(f).samples[0].kind, SAMPLE_VALUE);
	while (mqtt_notifier.publish(f->self, &report) == NOTIFIER_BUSY)
		;
	await_status(f, "Connection refused");
}

static void test_nothing_starts_after_the_goodbye(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit = forbid_descriptors();

	assert_int_equal(mqtt_notifier.module.open(f->self, &f->conf, &f->env), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(mqtt_notifier.stop(f->self));
	now_ns += 61 * NS_PER_S;
	assert_int_equal(look(f).samples[0].kind, SAMPLE_UNKNOWN);
	assert_int_equal(count_threads(), 1);
}

static void test_id_that_is_too_long(void **state)
{
	struct fixture *f = *state;
	char id[200];

	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	f->env.id = id;
	assert_int_equal(mqtt_notifier.module.open(f->self, &f->conf, &f->env), 0);
	assert_int_equal(count_log(f, "set another one in [agent]"), 1);
	assert_non_null(strstr(read_status(f), "the id of this Pi is too long"));
}

/* It came and went between two looks: there is no address left to be told. */
static void test_short_connection_is_no_news(void **state)
{
	struct fixture *f = *state;
	struct world *world = world_new();
	unsigned char packet[4096];
	time_t deadline = time(NULL) + DEADLINE_MS / 1000;

	assert_int_equal(listen(world->listener, 1), 0);
	f->conf.port = world->port;
	assert_int_equal(mqtt_notifier.module.open(f->self, &f->conf, &f->env), 0);
	take_call(world);
	take_packet(world, packet);
	say(world, CONNACK_WELCOME, sizeof(CONNACK_WELCOME));
	take_packet(world, packet); /* "online": the thread takes itself for connected */
	close(world->listener);
	close(world->peer);
	world->peer = -1;
	world->listener = -1;
	while (!count_log(f, "Connection refused"))
		assert_true(time(NULL) <= deadline);
	await_status(f, "\"connections\":1");
	assert_int_equal(count_log(f, "connected to "), 0);
	free(world);
}

static void publish_event(struct fixture *f, uint64_t id)
{
	const struct report report = {.kind = REPORT_EVENT, .event = &(struct event){.id = id}};

	while (mqtt_notifier.publish(f->self, &report) == NOTIFIER_BUSY)
		;
}

static void reopen(struct fixture *f)
{
	mqtt_notifier.module.close(f->self);
	memset(f->self, 0, mqtt_notifier.module.self_size);
	assert_int_equal(mqtt_notifier.module.open(f->self, &f->conf, &f->env), 0);
}

/* A reload with other settings, and a restart, are the same for what waits. */
static void test_what_waits_is_kept(void **state)
{
	struct fixture *f = *state;
	char folder[] = "/dev/shm/hostingpi-test-XXXXXX", path[64];

	if (!mkdtemp(folder)) {
		print_message("no tmpfs at /dev/shm\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/mqtt-ring", folder);
	f->env.run_dir = folder;
	/* Who only has a look leaves no trace. */
	f->env.passing = true;
	assert_int_equal(mqtt_notifier.module.open(f->self, &f->conf, &f->env), 0);
	assert_int_equal(access(path, F_OK), -1);
	f->env.passing = false;
	reopen(f);
	await_status(f, "\"ring\":\"file\"");
	publish_event(f, 1);
	publish_event(f, 2);
	await_status(f, "\"events_waiting\":2");
	assert_int_equal(count_log(f, "wait from before"), 0);
	reopen(f);
	assert_int_equal(count_log(f, "mqtt: 0 samples and 2 events wait from before"), 1);
	await_status(f, "\"events_waiting\":2");
	publish_event(f, 3);
	await_status(f, "\"waiting\":3,");
	assert_int_equal(look(f).samples[0].value, 3);
	mqtt_notifier.module.close(f->self);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* A clock that is set takes it along: it tells how long ago that was. */
static void test_since_follows_the_clock(void **state)
{
	struct fixture *f = *state;

	wall_ms = 1000000;
	assert_int_equal(mqtt_notifier.module.open(f->self, &f->conf, &f->env), 0);
	assert_non_null(strstr(read_status(f), "\"since\":1000000,"));
	now_ns += 70 * NS_PER_S;
	wall_ms += 70000;
	assert_non_null(strstr(read_status(f), "\"since\":1000000,"));
	wall_ms += INT64_C(28800000);
	assert_non_null(strstr(read_status(f), "\"since\":29800000,"));
	wall_ms = 5;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_host_nothing_starts),
		TEST(bad_credential_file_is_no_reason_to_stop),
		TEST(thread_that_cannot_start_is_tried_again),
		TEST(nothing_starts_after_the_goodbye),
		TEST(id_that_is_too_long),
		TEST(short_connection_is_no_news),
		TEST(what_waits_is_kept),
		TEST(since_follows_the_clock),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
