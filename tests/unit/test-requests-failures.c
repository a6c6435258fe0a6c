/* SPDX-License-Identifier: MIT */
/*
 * Web servers that refuse, hang, drip, flood, hang up or move. Nothing is asserted about how long
 * anything takes.
 */
#include "requests-world.h"

static void test_failures_are_told(void **state)
{
	struct world *world = *state;
	static const struct {
		struct script row;
		const char *timeout, *text;
	} cases[] = {
		{{NULL, ANSWER, "HTTP/1.1 403 No\r\n\r\n"},
		 "20s",
		 "HTTP 403: allow this host in the nginx stub_status location"},
		{{NULL, ANSWER, "HTTP/1.1 301 Go\r\nLocation: http://[::1]/\r\n\r\n"},
		 "20s",
		 "HTTP 301: redirects are not followed"},
		{{NULL, ANSWER, NOT_FOUND}, "20s", "HTTP 404: "},
		{{NULL, ANSWER, OK("<html>")}, "20s", "this is no status page of a kind"},
		{{NULL, ANSWER, OK(NGINX_PAGE("-1"))}, "20s", "malformed nginx stub_status page"},
		{{NULL, ANSWER, OK(APACHE_PAGE(""))},
		 "20s",
		 "this is Apache's status page, but source"},
		{{NULL, ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"},
		 "20s",
		 "the server closed before its answer was complete"},
		{{NULL, HANG_UP, NULL}, "20s", "the server closed before its answer was complete"},
		{{NULL, RESET, NULL}, "20s", "the server broke the connection"},
		{{NULL, ANSWER_STAYS, "220 mail ESMTP\r\n"}, "20s", "the answer is not HTTP"},
		{{NULL, SILENCE, NULL}, "50ms", "no answer within 50 ms"},
		{{NULL, DRIP, "HTTP/1.1 200 OK\r\nX: "}, "50ms", "no answer within 50 ms"},
		{{NULL, FLOOD, "HTTP/1.1 200 OK\r\nX: "}, "20s", "answer larger than 65536 bytes"},
		{{NULL, FLOOD, OK("Scoreboard: ")}, "20s", "answer larger than 65536 bytes"},
	};
	set(world, "source", "nginx");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char url[256], expected[256];
		server_open(&world->server, &world->env, i % 2 ? "127.0.0.1:0" : "[::1]:0",
			    &cases[i].row);
		snprintf(url, sizeof(url), "http://%s/s", world->server.name);
		start(world, url, cases[i].timeout);
		run_until(&world->env, read_news(world));
		snprintf(expected, sizeof(expected), "%s/s: ", world->server.name);
		const char *text = reason(world, "requests_total");
		if (strncmp(text, expected, strlen(expected)) != 0 || !strstr(text, cases[i].text))
			fail_msg("'%s' instead of '%s'", text, cases[i].text);
		assert_string_equal(reason(world, "source"), text);
		module->close(world->self);
		memset(world->self, 0, module->self_size);
		server_close(&world->server);
		world->server = (struct server){0};
	}
}

static void test_the_most_telling_failure_is_shown(void **state)
{
	struct world *world = *state;
	const struct script script[] = {{"/stub_status", ANSWER, "HTTP/1.1 403 No\r\n\r\n"},
					{NULL, ANSWER, NOT_FOUND}};
	char url[256], expected[512];
	server_open(&world->server, &world->env, "127.0.0.1:0", script);
	snprintf(url, sizeof(url), "http://localhost%s", strchr(world->server.name, ':'));
	start(world, url, "20s");
	run_until(&world->env, read_news(world));
	snprintf(expected, sizeof(expected),
		 "no status page at 6 places (hostingpi.conf(5) shows how to switch one on); "
		 "%s/stub_status: HTTP 403: allow this host in the "
		 "nginx stub_status location",
		 world->server.name);
	assert_string_equal(reason(world, "busy_workers"), expected);
	/* It looks again, and finds what has come up since. */
	world->server.script = (const struct script[]){{NULL, ANSWER, OK(NGINX_PAGE("7"))}};
	run_until(&world->env, read_value(world));
}

static void test_a_lost_page_is_searched_again(void **state)
{
	struct world *world = *state;
	const struct script at_nginx_status[] = {{"/nginx_status", ANSWER, OK(NGINX_PAGE("70"))},
						 {NULL, ANSWER, NOT_FOUND}};
	const struct script at_server_status[] = {{"/server-status?auto", ANSWER,
						   OK(APACHE_PAGE("Total Accesses: 900\n"))},
						  {NULL, ANSWER, NOT_FOUND}};
	server_open(&world->server, &world->env, "[::1]:0", at_nginx_status);
	start_at(world, "");
	run_until(&world->env, read_value(world));

	/* Each failure is told at once, but the place is kept for two of them. */
	world->server.script = at_server_status;
	run_until(&world->env, read_failure(world));
	assert_non_null(strstr(reason(world, "requests_total"), "/nginx_status: HTTP 404"));
	assert_int_equal(find(world, "source")->kind, SAMPLE_TEXT);
	unsigned requests = world->server.requests;
	run_until(&world->env, read_value(world));
	assert_int_equal(world->server.requests, requests + 2 + 4);
	assert_non_null(strstr(find(world, "source")->text, "/server-status?auto"));

	/* Its counter is not the one from before: no rate across the two. */
	assert_non_null(strstr(reason(world, "requests_total"), "starts anew"));
	run_until(&world->env, read_value(world));
	assert_int_equal(value(world, "requests_total"), 900);
}

static void test_closed_during_a_poll(void **state)
{
	struct world *world = *state;
	const struct script script[] = {{NULL, SILENCE, NULL}};
	server_open(&world->server, &world->env, "[::1]:0", script);
	start_at(world, "/s");
	run_until(&world->env, world->server.requests == 1);
	assert_false(read_news(world));
}

static void test_without_a_loop(void **state)
{
	struct world *world = *state;
	struct env env = world->env;
	env.loop = NULL;
	assert_int_equal(module->open(world->self, world->conf, &env), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_failures_are_told),
		world_test(test_the_most_telling_failure_is_shown),
		world_test(test_a_lost_page_is_searched_again),
		world_test(test_closed_during_a_poll),
		world_test(test_without_a_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
