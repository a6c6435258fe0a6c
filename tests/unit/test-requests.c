/* SPDX-License-Identifier: MIT */
/* What the collector hands in, what it takes off, and what it does not look at. */
#include "requests-world.h"

#include "agent/state.h"

static void test_nginx_is_read(void **state)
{
	struct world *world = *state;
	const struct script script[] = {{"/s", ANSWER, OK(NGINX_PAGE("1800"))},
					{NULL, ANSWER, NOT_FOUND}};
	server_open(&world->server, &world->env, "[::1]:0", script);
	int64_t before_ns = loop_now_ns(&world->env);
	start_at(world, "/s");
	assert_false(read_news(world)); /* the loop has not run */
	run_until(&world->env, read_news(world));

	char text[256];
	snprintf(text, sizeof(text), "nginx %s/s", world->server.name);
	assert_string_equal(find(world, "source")->text, text);
	assert_int_equal(value(world, "requests_total"), 1799);
	assert_int_equal(value(world, "busy_workers"), 4);
	assert_string_equal(reason(world, "idle_workers"), "nginx does not count idle workers");
	assert_in_range(world->batch.stamp_ns, before_ns, loop_now_ns(&world->env));

	snprintf(text, sizeof(text),
		 "GET /s HTTP/1.1\r\nHost: %s\r\nUser-Agent: hostingpi-agent\r\n"
		 "Connection: close\r\n\r\n",
		 world->server.name);
	assert_string_equal(world->server.last_request, text);

	/* One poll is handed in once. */
	assert_false(read_news(world));
	assert_int_equal(world->batch.sample_count, 0);
}

static void test_apache_is_read(void **state)
{
	struct world *world = *state;
	static const char page[] = APACHE_PAGE("Total Accesses: 345\n");
	snprintf(world->text, sizeof(world->text),
		 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n%.16s\r\n%zx\r\n%s\r\n"
		 "0\r\n\r\n",
		 page, strlen(page) - 16, page + 16);
	const struct script script[] = {{"/server-status?auto", ANSWER_STAYS, world->text},
					{NULL, ANSWER, NOT_FOUND}};
	server_open(&world->server, &world->env, "127.0.0.1:0", script);
	start_at(world, ""); /* found behind the nginx paths, by its body */
	run_until(&world->env, read_news(world));
	assert_int_equal(value(world, "requests_total"), 345);
	assert_int_equal(value(world, "busy_workers"), 7);
	assert_int_equal(value(world, "idle_workers"), 24);
	assert_int_equal(world->server.requests, 4);
}

static void test_apache_without_extended_status(void **state)
{
	struct world *world = *state;
	const struct script script[] = {{NULL, ANSWER, OK(APACHE_PAGE(""))}};
	server_open(&world->server, &world->env, "[::1]:0", script);
	start_at(world, "/");
	run_until(&world->env, read_news(world));
	assert_non_null(strstr(reason(world, "requests_total"), "ExtendedStatus On"));
	assert_int_equal(value(world, "idle_workers"), 24);
}

static void test_unix_socket(void **state)
{
	struct world *world = *state;
	const struct script script[] = {{"/s?x", ANSWER, OK(NGINX_PAGE("5"))},
					{NULL, ANSWER, NOT_FOUND}};
	char folder[] = "/tmp/hostingpi-test-XXXXXX", address[64], expected[128];
	assert_non_null(mkdtemp(folder));
	snprintf(address, sizeof(address), "unix:%s/s", folder);
	server_open(&world->server, &world->env, address, script);
	start_at(world, "/s?x");
	run_until(&world->env, read_news(world));
	snprintf(expected, sizeof(expected), "nginx %s:/s?x", address);
	assert_string_equal(find(world, "source")->text, expected);
	assert_int_equal(value(world, "requests_total"), 4);
	assert_non_null(strstr(world->server.last_request, "\r\nHost: localhost\r\n"));
	unlink(address + strlen("unix:"));
	rmdir(folder);
}

static void test_localhost_is_both_families(void **state)
{
	struct world *world = *state;
	const struct script script[] = {{NULL, ANSWER, OK(NGINX_PAGE("1800"))}};
	char url[256];
	server_open(&world->server, &world->env, "127.0.0.1:0", script);
	snprintf(url, sizeof(url), "http://localhost%s/s", strchr(world->server.name, ':'));
	start(world, url, "20s"); /* nobody listens on ::1 */
	run_until(&world->env, read_value(world));
	snprintf(url, sizeof(url), "nginx %s/s", world->server.name);
	assert_string_equal(find(world, "source")->text, url);
}

/* Polls a page that says these counters, one after the other; compares what is left without us. */
static void count(struct world *world, const char *const *pages, const int64_t *totals)
{
	const struct script script[] = {{NULL, ANSWER, world->text}};
	snprintf(world->text, sizeof(world->text), OK(NGINX_PAGE("%s")), pages[0]);
	server_open(&world->server, &world->env, "[::1]:0", script);
	start_at(world, "/s");
	for (size_t i = 0; pages[i]; i++) {
		unsigned requests = world->server.requests;
		snprintf(world->text, sizeof(world->text), OK(NGINX_PAGE("%s")), pages[i]);
		run_until(&world->env, read_value(world));
		assert_int_equal(world->server.requests, requests + 1);
		assert_int_equal(value(world, "requests_total"), totals[i]);
	}
}

static void test_own_polls_do_not_count(void **state)
{
	/* Ours; ours; ours and 7 more; the server restarts; ours and 2 more. */
	static const char *const pages[] = {"100", "101", "102", "110", "3", "6", NULL};
	static const int64_t totals[] = {99, 99, 99, 106, 2, 4};
	count(*state, pages, totals);
}

static void test_a_page_that_does_not_count_us(void **state)
{
	static const char *const pages[] = {"50", "50", "50", "52", NULL};
	static const int64_t totals[] = {49, 49, 49, 49};
	count(*state, pages, totals);
}

/* A poll that was not answered in time is counted by the server as well. */
static void test_late_polls_do_not_count(void **state)
{
	struct world *world = *state;
	struct script script[] = {{NULL, ANSWER, world->text}};
	char url[256];
	snprintf(world->text, sizeof(world->text), OK(NGINX_PAGE("101")));
	server_open(&world->server, &world->env, "[::1]:0", script);
	snprintf(url, sizeof(url), "http://%s/s", world->server.name);
	start(world, url, "500ms");
	run_until(&world->env, read_value(world));
	assert_int_equal(value(world, "requests_total"), 100);
	script[0].behaviour = SILENCE;
	run_until(&world->env, read_failure(world));
	script[0].behaviour = ANSWER;
	snprintf(world->text, sizeof(world->text), OK(NGINX_PAGE("%u")),
		 101 + world->server.requests);
	run_until(&world->env, read_value(world));
	assert_int_equal(value(world, "requests_total"), 100);
}

#define PHP_FPM_PAGE(accepted)                                                                     \
	"pool: www\naccepted conn: " accepted "\nlisten queue: 0\nidle processes: 1\n"             \
	"active processes: 3\n"

/* pm.status_listen: polls back to back show it before others' requests can hide it. */
static void test_a_pool_that_does_not_count_us(void **state)
{
	struct world *world = *state;
	const struct script script[] = {{NULL, ANSWER, world->text}};
	snprintf(world->text, sizeof(world->text), OK(PHP_FPM_PAGE("50")));
	server_open(&world->server, &world->env, "[::1]:0", script);
	char url[256], error[256];
	snprintf(url, sizeof(url), "http://%s/s", world->server.name);
	set(world, "url", url);
	set(world, "interval", "30s"); /* none has to pass */
	assert_int_equal(module->check(world->conf, error, sizeof(error)), 0);
	assert_int_equal(module->open(world->self, world->conf, &world->env), 0);
	run_until(&world->env, world->server.requests == 4);
	loop_once(world->loop); /* its answer */
	snprintf(world->text, sizeof(world->text), OK(PHP_FPM_PAGE("60")));
	run_until(&world->env, read_value(world) && value(world, "requests_total") == 60);
	assert_int_equal(value(world, "busy_workers"), 3);
}

static void test_not_looked_for(void **state)
{
	struct world *world = *state;
	world->env.real_root = false;
	start(world, "", "20s");
	assert_true(read_news(world));
	assert_string_equal(reason(world, "source"), "not looked for under --root");
	module->close(world->self);

	set(world, "source", "none");
	start(world, "", "20s");
	assert_true(read_news(world));
	assert_string_equal(reason(world, "busy_workers"),
			    NOT_APPLICABLE "switched off ([requests] source = none)");
}

static void test_an_url_is_read_under_root(void **state)
{
	struct world *world = *state;
	const struct script script[] = {{NULL, ANSWER, OK(NGINX_PAGE("1800"))}};
	world->env.real_root = false;
	server_open(&world->server, &world->env, "[::1]:0", script);
	start_at(world, "/s");
	run_until(&world->env, read_value(world));
}

static void test_contradictions(void **state)
{
	struct world *world = *state;
	static const struct {
		const char *source, *url, *path, *error;
	} cases[] = {
		{"none", "http://[::1]/s", "", "source: none contradicts url"},
		{"none", "", "/s", "source: none contradicts path"},
		{"auto", "http://[::1]/s", "/s", "path: contradicts url"},
		{"auto", "http://pi.example/s", "", "url: 'pi.example' is a name"},
	};
	char error[256];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set(world, "source", cases[i].source);
		set(world, "url", cases[i].url);
		set(world, "path", cases[i].path);
		assert_int_equal(module->check(world->conf, error, sizeof(error)), -EINVAL);
		assert_ptr_equal(strstr(error, cases[i].error), error);
	}
	const struct conf_item *row = module->conf;
	assert_string_equal(row->key, "source");
	assert_int_equal(conf_value(row, "iis", world->conf, error, sizeof(error)), -EINVAL);
	assert_non_null(
		strstr(error, "auto, apache, nginx, lighttpd, php-fpm, caddy, haproxy, log, none"));
}

/* Two polls 2 s apart with 10 requests between make 5 a second, whenever they were handed in. */
static void test_rates_follow_the_stamps(void **state)
{
	(void)state;
	struct state *readings = state_new(module->metric_count);
	struct state_source source;
	struct batch batch;
	const unsigned slot = 1; /* requests_total */
	int64_t rate;
	const char *why;
	assert_non_null(readings);
	assert_string_equal(module->metrics[slot].rate_name, "requests_s");
	assert_int_equal(state_add(readings, module->metrics, module->metric_count,
				   module->max_age_ns, &source),
			 0);
	for (int64_t i = 1; i <= 2; i++) {
		batch_reset(&batch);
		batch_value(&batch, slot, 10 * i);
		batch.stamp_ns = 2 * i * NS_PER_S;
		state_update(readings, source, &batch, batch.stamp_ns + i * 300 * NS_PER_MS);
	}
	assert_int_equal(state_rate_milli(readings, slot, 5 * NS_PER_S, &rate, &why), 0);
	assert_in_range(rate, 4990, 5010);
	state_free(readings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_nginx_is_read),
		world_test(test_apache_is_read),
		world_test(test_apache_without_extended_status),
		world_test(test_unix_socket),
		world_test(test_localhost_is_both_families),
		world_test(test_own_polls_do_not_count),
		world_test(test_a_page_that_does_not_count_us),
		world_test(test_late_polls_do_not_count),
		world_test(test_a_pool_that_does_not_count_us),
		world_test(test_not_looked_for),
		world_test(test_an_url_is_read_under_root),
		world_test(test_contradictions),
		cmocka_unit_test(test_rates_follow_the_stamps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
