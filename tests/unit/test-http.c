/* SPDX-License-Identifier: MIT */
/* What callers see of the HTTP notifier: each document in each state, what is refused, who is listed. */
#include "tests/unit/http-fixture.h"

#include <sys/resource.h>

#include "notifiers/http_reply.h"

#define OK "HTTP/1.1 200 OK\r\n"

static void test_nobody_is_answered_before_the_first_decision(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(http_notifier.module.open(f->self, f->conf, &f->env), 0);
	read_ports(&http_notifier, f->self, f->ports);
	int fd = dial(&f->ports[1], "GET /health HTTP/1.0\r\n\r\n");
	assert_int_equal(run_once(&f->loop, 0), 0);
	/* After a reload the decision comes first, at the start the other one. */
	publish_decision(f);
	assert_int_equal(run_once(&f->loop, 0), 0);
	publish_about(f);
	read_all(&f->loop, fd, f->answer, sizeof(f->answer));
	assert_true(begins(f->answer, OK));
	close(fd);
}

static void check_health(struct fixture *f, enum control_state now, int plain, int soft)
{
	char status[32];

	f->decision.state = now;
	f->decision.drain = now == CONTROL_HOLD;
	for (int i = 0; i < 2; i++) {
		snprintf(status, sizeof(status), "HTTP/1.1 %d ", i ? soft : plain);
		const char *answer = get(f, i ? "/health?soft=404" : "/health");
		bool less = now == CONTROL_SHED || now == CONTROL_RECOVER;

		assert_true(begins(answer, status));
		assert_int_equal(strstr(answer, "\r\nx-envoy-degraded: 1\r\n") != NULL,
				 less && !f->env.dry_run);
		assert_int_equal(strstr(answer, "\r\nRetry-After: ") != NULL,
				 (i ? soft : plain) == 503);
		assert_int_equal(strstr(answer, "\r\nX-Hostingpi-Dry-Run: 1\r\n") != NULL,
				 f->env.dry_run);
		assert_non_null(strstr(answer, "\r\nCache-Control: no-store\r\n"));
		assert_non_null(strstr(answer, "\r\nX-Hostingpi-Weight: 40\r\n"));
		snprintf(status, sizeof(status), "\r\nX-Hostingpi-State: %s\r\n",
			 control_state_words[now]);
		assert_non_null(strstr(answer, status));
	}
}

static void test_health(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	f->decision.weight_pct = 40;
	check_health(f, CONTROL_NORMAL, 200, 200);
	check_health(f, CONTROL_SHED, 200, 404);
	check_health(f, CONTROL_RECOVER, 200, 200);
	check_health(f, CONTROL_BLIND, 200, 200);
	check_health(f, CONTROL_HARD, 503, 503);
	check_health(f, CONTROL_HOLD, 503, 404);
	f->env.dry_run = true;
	for (int i = 0; i < CONTROL_STATES; i++)
		check_health(f, (enum control_state)i, 200, 200);
}

static void test_health_in_full(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	assert_string_equal(
		get(f, "/health"),
		OK "Content-Type: text/plain; charset=utf-8\r\n"
		   "Content-Length: 33\r\n"
		   "Cache-Control: no-store\r\n"
		   "X-Content-Type-Options: nosniff\r\n"
		   "Referrer-Policy: no-referrer\r\n"
		   "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
		   "X-Hostingpi-State: normal\r\n"
		   "X-Hostingpi-Weight: 100\r\n"
		   "X-Hostingpi-Maxconn: 12\r\n"
		   "X-Hostingpi-Reason: fine\r\n"
		   "Connection: close\r\n\r\n"
		   "up 100% maxconn:12 # normal fine\n" +
			0);
}

static void test_health_of_odd_decisions(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	f->decision.maxconn_known = false;
	assert_null(strstr(get(f, "/health"), "Maxconn"));
	f->decision.maxconn_known = true;
	f->decision.maxconn = 0;
	f->decision.weight_pct = 0;
	assert_non_null(strstr(get(f, "/health"), "X-Hostingpi-Maxconn: 1\r\n"));
	assert_non_null(strstr(f->answer, "X-Hostingpi-Weight: 1\r\n"));
	/* Whatever a reason came from, it makes no field of its own. */
	memset(f->decision.reason, '\xff', sizeof(f->decision.reason));
	memcpy(f->decision.reason, "a\r\nSet-Cookie: b", 16);
	assert_non_null(strstr(get(f, "/health"), "X-Hostingpi-Reason: a??Set-Cookie: b????"));
	f->decision = NORMAL;
	f->decision.maxconn = INT32_MAX;
	memset(f->decision.reason, 'x', sizeof(f->decision.reason) - 1);
	f->decision.state = CONTROL_SHED;
	assert_non_null(strstr(get(f, "/health"), "\r\nx-envoy-degraded: 1\r\n"));
	assert_true(begins(get(f, "/health?soft=200"), "HTTP/1.1 400 "));
}

static void test_documents(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	assert_true(begins(get(f, "/status.json"), OK "Content-Type: application/json\r\n"
						      "Content-Length: 100\r\n"));
	assert_true(begins(get(f, "/nothing"), "HTTP/1.1 404 "));
	assert_true(begins(get(f, "/health/"), "HTTP/1.1 404 "));
	assert_true(begins(ask(f, "POST / HTTP/1.0\r\n\r\n"), "HTTP/1.1 405 "));
	assert_non_null(strstr(f->answer, "\r\nAllow: GET, HEAD\r\n"));
	assert_non_null(
		strstr(get(f, "/?format=text"), "soc.temp_c                     unknown: no"));
	assert_non_null(strstr(f->answer, "state      normal: fine\n"));
	assert_non_null(strstr(f->answer, "soc.throttled                  yes\n"));
	f->status_length = -1;
	assert_true(begins(get(f, "/status.json"), "HTTP/1.1 500 "));
}

static void test_head(void **state)
{
	struct fixture *f = *state;
	static const char *const paths[] = {"/health", "/status.json", "/", "/nothing"};

	open_notifier(f);
	for (size_t i = 0; i < 4; i++) {
		char text[64], *end;

		snprintf(text, sizeof(text), "HEAD %s HTTP/1.0\r\n\r\n", paths[i]);
		end = strstr(ask(f, text), "\r\n\r\n");
		assert_non_null(end);
		assert_string_equal(end, "\r\n\r\n");
		assert_null(strstr(f->answer, "Content-Length: 0"));
	}
}

static void test_metrics(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	const char *answer = strstr(get(f, "/metrics"), "\r\n\r\n") + 4;
	assert_string_equal(
		answer,
		"# TYPE hostingpi_info gauge\n"
		"# HELP hostingpi_info what this Pi and its agent are\n"
		"hostingpi_info{id=\"lab\",version=\"1\"} 1\n"
		"# TYPE hostingpi_mem_total_bytes gauge\n"
		"# HELP hostingpi_mem_total_bytes all memory\n"
		"hostingpi_mem_total_bytes 1024000\n"
		"# TYPE hostingpi_mem_psi_ratio gauge\n"
		"# HELP hostingpi_mem_psi_ratio pressure\n"
		"hostingpi_mem_psi_ratio 0.25\n"
		"# TYPE hostingpi_soc_throttled gauge\n"
		"# HELP hostingpi_soc_throttled clock is lowered\n"
		"hostingpi_soc_throttled 1\n"
		"# TYPE hostingpi_swap_kind gauge\n"
		"# HELP hostingpi_swap_kind swap\n"
		"hostingpi_swap_kind{hostingpi_swap_kind=\"none\"} 0\n"
		"hostingpi_swap_kind{hostingpi_swap_kind=\"disk\"} 1\n"
		"# TYPE hostingpi_web_requests_total counter\n"
		"# HELP hostingpi_web_requests_total requests\n"
		"hostingpi_web_requests_total 42\n"
		"# TYPE hostingpi_sd_errors_total counter\n"
		"# HELP hostingpi_sd_errors_total errors\n"
		"hostingpi_sd_errors_total 7\n"
		"# TYPE hostingpi_lb_reason_info gauge\n"
		"# HELP hostingpi_lb_reason_info why\n"
		"hostingpi_lb_reason_info{reason=\"memory shrinks # MB/s\"} 1\n"
		"# TYPE hostingpi_unknown gauge\n"
		"# HELP hostingpi_unknown readings without a value now, and why\n"
		"hostingpi_unknown{reading=\"soc.temp_c\",reason=\"no sensor \\\"x\\\\y\\\", "
		"tried # of them\"} 1\n"
		"hostingpi_unknown{reading=\"web.requests_s\",reason=\"a rate needs two "
		"readings\"} 1\n"
		"hostingpi_unknown{reading=\"net.rx_bytes_s\",reason=\"a rate needs two "
		"readings\"} 1\n");
}

static void test_openmetrics(void **state)
{
	struct fixture *f = *state;

	f->loop.now_ns += 2 * NS_PER_S;
	fixture_read(f);
	open_notifier(f);
	const char *answer = ask(f, "GET /metrics HTTP/1.0\r\n"
				    "Accept: application/openmetrics-text;version=1.0.0\r\n\r\n");
	assert_non_null(strstr(answer, "\r\nContent-Type: application/openmetrics-text; "
				       "version=1.0.0; charset=utf-8\r\n"));
	assert_non_null(strstr(answer, "# TYPE hostingpi info\n"));
	assert_non_null(strstr(answer, "# UNIT hostingpi_mem_total_bytes bytes\n"));
	assert_non_null(strstr(answer, "# UNIT hostingpi_mem_psi_ratio ratio\n"));
	assert_non_null(strstr(answer, "# TYPE hostingpi_swap_kind stateset\n"));
	assert_non_null(strstr(answer, "# TYPE hostingpi_web_requests counter\n"));
	assert_non_null(strstr(answer, "\nhostingpi_web_requests_total 42\n"));
	assert_non_null(strstr(answer, "# TYPE hostingpi_web_requests_s gauge\n"));
	assert_non_null(strstr(answer, "# HELP hostingpi_net_rx_bytes_s received, per second\n"));
	assert_non_null(strstr(answer, "\nhostingpi_net_rx_bytes_s 0\n"));
	assert_non_null(strstr(answer, "# TYPE hostingpi_lb_reason info\n"));
	assert_non_null(strstr(answer, "\nhostingpi_lb_reason_info{"));
	assert_string_equal(answer + strlen(answer) - 7, "\n# EOF\n");
}

static void test_balancers(void **state)
{
	struct fixture *f = *state;
	struct balancer list[8];

	open_notifier(f);
	get(f, "/metrics");
	assert_int_equal(http_notifier.balancers(f->self, list, 8), 0);
	ask(f, "GET /health HTTP/1.0\r\nUser-Agent: Envoy/HC\r\n\r\n");
	f->loop.now_ns += 2 * NS_PER_S;
	f->decision.state = CONTROL_HOLD;
	f->decision.drain = true;
	ask(f, "GET /health HTTP/1.0\r\nUser-Agent: Envoy/HC\r\n\r\n");
	get(f, "/health");
	assert_int_equal(http_notifier.balancers(f->self, list, 8), 2);
	assert_int_equal(http_notifier.balancers(f->self, list, 1), 1);
	assert_string_equal(list[0].name, "Envoy/HC");
	assert_string_equal(list[0].address, "::1");
	assert_string_equal(list[0].by, "http");
	assert_string_equal(list[0].told, "drain");
	assert_int_equal(list[0].interval_ns, 2 * NS_PER_S);
	assert_int_equal(list[0].seen_ns, f->loop.now_ns);
	assert_string_equal(list[1].name, "");
	f->decision = NORMAL;
	assert_int_equal(http_notifier.balancers(f->self, list, 8), 2);
	assert_null(list[0].told);
	f->loop.now_ns += 11 * NS_PER_S;
	assert_int_equal(http_notifier.balancers(f->self, list, 8), 0);
}

static void test_proxy_headers(void **state)
{
	struct fixture *f = *state;
	struct balancer list[8];

	configure(f, "proxy_protocol", "optional");
	open_notifier(f);
	assert_true(begins(
		ask(f, "PROXY TCP4 192.0.2.7 192.0.2.2 1 2\r\nGET /health HTTP/1.0\r\n\r\n"), OK));
	assert_true(begins(get(f, "/health"), OK));
	assert_true(begins(ask(f, "\r\n\r\nGET /health HTTP/1.0\r\n\r\n"), OK));
	assert_true(begins(ask(f, "PROXY nonsense\r\n"), "HTTP/1.1 400 "));
	assert_int_equal(http_notifier.balancers(f->self, list, 8), 2);
	assert_string_equal(list[0].address, "192.0.2.7");
	assert_string_equal(list[1].address, "::1");
}

static void test_a_proxy_header_may_be_required_or_unknown(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "PROXY UNKNOWN\r\nGET /health HTTP/1.0\r\n\r\n";

	configure(f, "proxy_protocol", "required");
	open_notifier(f);
	assert_true(begins(ask(f, text), OK));
	assert_true(begins(get(f, "/health"), "HTTP/1.1 400 "));
	assert_non_null(strstr(f->answer, "proxy_protocol in [http]"));
	http_notifier.module.close(f->self);
	memset(f->self, 0, http_notifier.module.self_size);
	configure(f, "proxy_protocol", "off");
	open_notifier(f);
	assert_true(begins(ask(f, text), "HTTP/1.1 400 "));
}

/* Who has the last descriptor is not pushed out for somebody who is not there. */
static void test_the_last_descriptor(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit, low;
	int fill[64], filled = 0;

	open_notifier(f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	int fd = dial(&f->ports[0], NULL);
	low = (struct rlimit){.rlim_cur = (rlim_t)fd + 2, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (filled < 64 && (fill[filled] = dup(0)) >= 0)
		filled++;
	assert_in_range(filled, 1, 63);
	close(fill[--filled]);
	run_once(&f->loop, DEADLINE_MS);
	assert_false(is_closed(f, fd));
	say(fd, "GET /health HTTP/1.0\r\n\r\n");
	assert_true(begins(read_one(f, fd), OK));
	while (filled > 0)
		close(fill[--filled]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	close(fd);
}

/* What a page may say must fit in front of it. */
static void test_pages_fit(void **state)
{
	(void)state;
	for (const struct http_page *page = http_pages; page->path; page++) {
		assert_true(page->path[0] == '/');
		assert_true(strlen(page->content_type) <= HTTP_REPLY_TYPE_MAX);
		assert_true(!page->policy || strlen(page->policy) <= HTTP_REPLY_POLICY_MAX);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_nobody_is_answered_before_the_first_decision),
		CASE(test_health),
		CASE(test_health_in_full),
		CASE(test_health_of_odd_decisions),
		CASE(test_documents),
		CASE(test_head),
		CASE(test_metrics),
		CASE(test_openmetrics),
		CASE(test_balancers),
		CASE(test_proxy_headers),
		CASE(test_a_proxy_header_may_be_required_or_unknown),
		CASE(test_the_last_descriptor),
		CASE(test_pages_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
