/* SPDX-License-Identifier: MIT */
/* Where status pages are looked for, what is refused, and in which words a failure is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/units.h"
#include "collectors/status_failure.h"
#include "collectors/status_places.h"

#define BOTH ((1u << STATUS_NGINX) | (1u << STATUS_APACHE))
#define ALL ((1u << STATUS_KINDS) - 1)

/* Makes the list and writes it as "NAME(HOST) NAME(HOST) ...". */
static int list(const char *url, const char *path, unsigned kinds, char *ret_text, size_t size)
{
	struct places_wish wish = {.url = url, .path = path, .kinds = kinds};
	struct places places;
	char error[512] = "";
	int r = places_make(&wish, &places, error, sizeof(error));
	if (r < 0) {
		assert_true(error[0]);
		snprintf(ret_text, size, "%s", error);
		return r;
	}
	assert_string_equal(error, "");

	struct place place;
	size_t used = 0;
	ret_text[0] = '\0';
	for (bool more = places_first(&places, &place); more;
	     more = places_next(&places, false, &place)) {
		char name[PLACES_NAME_SIZE];
		used += (size_t)snprintf(ret_text + used, size - used, "%s%s(%s)", used ? " " : "",
					 places_name(&places, place, name),
					 places.endpoints[place.endpoint].host);
		assert_true(used < size);
	}
	return 0;
}

static void test_urls(void **state)
{
	(void)state;
	static const struct {
		const char *url, *path, *places;
	} cases[] = {
		{"http://[::1]:8080/nginx_status", "", "[::1]:8080/nginx_status([::1]:8080)"},
		{"http://[::1]/server-status?auto", "", "[::1]:80/server-status?auto([::1])"},
		{"http://192.0.2.7/s", "", "192.0.2.7:80/s(192.0.2.7)"},
		{"http://192.0.2.7:81/", "", "192.0.2.7:81/(192.0.2.7:81)"},
		{"http://localhost/s", "", "[::1]:80/s(localhost) 127.0.0.1:80/s(localhost)"},
		{"http://LocalHost:99", "/p?auto",
		 "[::1]:99/p?auto(LocalHost:99) 127.0.0.1:99/p?auto(LocalHost:99)"},
		{"unix:/run/x.sock:/status", "", "unix:/run/x.sock:/status(localhost)"},
		{"unix:/run/x.sock", "/s", "unix:/run/x.sock:/s(localhost)"},
		{"http://[::1]:81", "",
		 "[::1]:81/nginx_status([::1]:81) [::1]:81/stub_status([::1]:81) "
		 "[::1]:81/basic_status([::1]:81) [::1]:81/server-status?auto([::1]:81)"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];
		assert_int_equal(list(cases[i].url, cases[i].path, BOTH, text, sizeof(text)), 0);
		assert_string_equal(text, cases[i].places);
	}
}

static void test_urls_of_other_protocols(void **state)
{
	(void)state;
	static const struct {
		const char *url, *path, *places;
	} cases[] = {
		{"fcgi:unix:/run/php/php8.2-fpm.sock:/s", "",
		 "unix:/run/php/php8.2-fpm.sock:/s(localhost)"},
		{"fcgi:unix:/run/x.sock", "/s?full", "unix:/run/x.sock:/s?full(localhost)"},
		{"fcgi:unix:/run/x.sock", "",
		 "unix:/run/x.sock:/status(localhost) unix:/run/x.sock:/fpm-status(localhost)"},
		{"fcgi://[::1]/s", "", "[::1]:9000/s([::1]:9000)"},
		{"FCGI://127.0.0.1:9001/s", "", "127.0.0.1:9001/s(127.0.0.1:9001)"},
		{"haproxy:unix:/run/h.sock", "", "unix:/run/h.sock(localhost)"},
		{"http://[::1]:2019/metrics", "", "[::1]:2019/metrics([::1]:2019)"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];
		assert_int_equal(list(cases[i].url, cases[i].path, ALL, text, sizeof(text)), 0);
		assert_string_equal(text, cases[i].places);
	}

	static const struct {
		const char *url, *path;
		unsigned kinds;
		const char *error;
	} refused[] = {
		{"haproxy:unix:/run/h.sock:/s", "", ALL, "url: a path: the stats socket"},
		{"haproxy:unix:/run/h.sock", "/s", ALL, "path: the stats socket"},
		{"", "/s", 1u << STATUS_HAPROXY, "path: the stats socket"},
		{"haproxy://[::1]:9999", "", ALL, "url: must be like"},
		{"fcgi:/run/x.sock", "", ALL, "url: must be like"},
		{"fcgi:unix:x.sock", "", ALL, "absolute path"},
		{"fcgi://php/s", "", ALL, "'php' is a name"},
		{"http://[::1]/s", "", 1u << STATUS_PHP_FPM, "source: contradicts url"},
		{"fcgi://[::1]/s", "", BOTH, "source: contradicts url"},
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char text[1024];
		assert_int_equal(list(refused[i].url, refused[i].path, refused[i].kinds, text,
				      sizeof(text)),
				 -EINVAL);
		if (!strstr(text, refused[i].error))
			fail_msg("'%s' instead of '%s'", text, refused[i].error);
	}
}

/* Whose page is looked for, for the advice when it is not there. */
static void test_who_is_sought(void **state)
{
	(void)state;
	static const struct {
		const char *url;
		enum status_kind kind;
	} cases[] = {
		{"http://[::1]/s", STATUS_NGINX},
		{"http://[::1]/server-status?auto", STATUS_APACHE},
		{"http://[::1]:2019/metrics", STATUS_CADDY},
		{"fcgi://[::1]/metrics", STATUS_PHP_FPM},
		{"haproxy:unix:/run/h.sock", STATUS_HAPROXY},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct places_wish wish = {.url = cases[i].url, .path = "", .kinds = ALL};
		struct places places;
		struct place place;
		char error[256];
		assert_int_equal(places_make(&wish, &places, error, sizeof(error)), 0);
		assert_true(places_first(&places, &place));
		assert_int_equal(places_sought(&places, place), cases[i].kind);
	}
}

static void test_refused(void **state)
{
	(void)state;
	char long_url[400] = "http://[::1]/";
	memset(long_url + strlen(long_url), 'x', 300);
	const struct {
		const char *url, *path, *error;
	} cases[] = {
		{"http://www.example.org/s", "",
		 "'www.example.org' is a name, and names are never"},
		{"http://pi/s", "", "'pi' is a name"},
		{"http://192.0.2.300/s", "", "url: '192.0.2.300'"},
		{"http://[::zz]/s", "", "url: "},
		{"http://::1/s", "", "url: "},
		{"https://[::1]/s", "", "https is not spoken here"},
		{"ftp://[::1]/s", "", "url: must be like"},
		{"[::1]:80/s", "", "url: must be like"},
		{"http://", "", "url: must be like"},
		{"http://user:word@[::1]/s", "", "url: must be like"},
		{"http://[::1]/s#part", "", "url: must be like"},
		{"http://[::1]/a b", "", "url: must be like"},
		{"http://[::1]/a\r\nX: y", "", "url: must be like"},
		{"http://[::1]:0/s", "", "port 0"},
		{"http://[::1]:65536/s", "", "url: "},
		{"http://[::1]?auto", "", "no path before the '?'"},
		{"unix:/run/x\n.sock:/s", "", "url: there is a control character in it"},
		{"unix:run/x.sock:/s", "", "absolute path"},
		{"unix:/run/x.sock:s", "", "url: 's' must be a path"},
		{"unix:/run/x.sock:", "", "url: '' must be a path"},
		{long_url, "", "at most 127 bytes"},
		{"http://[::1]/s", "/t", "path: contradicts url, which has the path '/s'"},
		{"", "/a b", "path: '/a b' must be a path"},
		{"", "/a#b", "path: '/a#b' must be a path"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];
		if (list(cases[i].url, cases[i].path, BOTH, text, sizeof(text)) != -EINVAL)
			fail_msg("taken: %s %s", cases[i].url, cases[i].path);
		if (!strstr(text, cases[i].error))
			fail_msg("'%s' instead of '%s'", text, cases[i].error);
	}
}

static unsigned count(const char *text, const char *part)
{
	unsigned found = 0;
	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		found++;
	return found;
}

static void test_usual_places(void **state)
{
	(void)state;
	char text[4096];
	assert_int_equal(list("", "", BOTH, text, sizeof(text)), 0);
	assert_int_equal(count(text, "unix:/run/nginx/"), 4 * 3);
	assert_int_equal(count(text, "[::1]:80/"), 4);
	assert_int_equal(count(text, "127.0.0.1:80/"), 4);
	assert_int_equal(count(text, "[::1]:8080/"), 4);
	assert_int_equal(count(text, "127.0.0.1:8080/"), 4);
	assert_non_null(strstr(text, "[::1]:80/server-status?auto(localhost) "
				     "127.0.0.1:80/nginx_status(localhost) "));
	assert_non_null(strstr(text, "[::1]:8080/nginx_status(localhost:8080)"));

	/* All others besides; HAProxy's has no path. */
	assert_int_equal(list("", "", ALL, text, sizeof(text)), 0);
	assert_int_equal(count(text, ":2019/metrics(localhost:2019)"), 2);
	assert_int_equal(count(text, "unix:/run/php/fpm-status.sock:/"), 2);
	assert_int_equal(count(text, "unix:/run/php/php-fpm.sock:/"), 2);
	assert_int_equal(count(text, "unix:/run/haproxy/admin.sock("), 1);
	assert_int_equal(count(text, "("), 4 * 3 + 4 * 4 + 2 + 4 + 1);

	assert_int_equal(list("", "", 1u << STATUS_APACHE, text, sizeof(text)), 0);
	assert_string_equal(text, "[::1]:80/server-status?auto(localhost) "
				  "127.0.0.1:80/server-status?auto(localhost) "
				  "[::1]:8080/server-status?auto(localhost:8080) "
				  "127.0.0.1:8080/server-status?auto(localhost:8080)");
	assert_int_equal(list("", "/mine", 1u << STATUS_NGINX, text, sizeof(text)), 0);
	assert_int_equal(count(text, "/mine("), 8);
	assert_int_equal(count(text, "("), 8);
}

/* The socket of our manual is pm.status_listen: the one who answers there is never counted. */
static void test_who_answers_apart(void **state)
{
	(void)state;
	struct places_wish wish = {.url = "", .path = "", .kinds = ALL};
	struct places places;
	char error[256];
	assert_int_equal(places_make(&wish, &places, error, sizeof(error)), 0);
	for (size_t i = 0; i < places.endpoint_count; i++)
		assert_int_equal(places.endpoints[i].apart,
				 strstr(places.endpoints[i].name, "fpm-status.sock") != NULL);
}

/* Ports from 1024 on are free for all; who names one vouches for it. */
static void test_where_anybody_may_listen(void **state)
{
	(void)state;
	struct places_wish wish = {.url = "", .path = "", .kinds = ALL};
	struct places places;
	char error[256];
	assert_int_equal(places_make(&wish, &places, error, sizeof(error)), 0);
	for (size_t i = 0; i < places.endpoint_count; i++) {
		const struct place_endpoint *endpoint = &places.endpoints[i];
		bool local = endpoint->addr.any.sa.sa_family == AF_UNIX;
		const char *port = local ? NULL : strrchr(endpoint->name, ':');
		assert_int_equal(endpoint->anybody, port && atoi(port + 1) >= 1024);
	}
	wish.url = "http://[::1]:8080/nginx_status";
	assert_int_equal(places_make(&wish, &places, error, sizeof(error)), 0);
	assert_false(places.endpoints[0].anybody);
}

static void test_an_endpoint_is_skipped(void **state)
{
	(void)state;
	struct places_wish wish = {.url = "http://localhost", .path = "", .kinds = BOTH};
	struct places places;
	struct place place;
	char error[128], name[PLACES_NAME_SIZE];
	assert_int_equal(places_make(&wish, &places, error, sizeof(error)), 0);
	assert_true(places_first(&places, &place));
	assert_true(places_next(&places, false, &place));
	assert_true(places_next(&places, true, &place));
	assert_string_equal(places_name(&places, place, name), "127.0.0.1:80/nginx_status");
	assert_false(places_next(&places, true, &place));
}

/* In rising order of what they tell; equal ones share a step. */
static const struct {
	unsigned step;
	struct failure failure;
	const char *text;
} failures[] = {
	{1, {.result = {PAGE_NO_CONNECT, ENOENT}}, "no such socket"},
	{2, {.result = {PAGE_NO_CONNECT, ECONNREFUSED}}, "connection refused"},
	{2,
	 {.result = {PAGE_NO_CONNECT, EACCES}, .sought = STATUS_PHP_FPM},
	 "permission denied: let the agent's user write to the socket"},
	{2, {.result = {PAGE_NO_CONNECT, EAGAIN}}, "the server's queue of connections is full"},
	{2, {.result = {PAGE_NO_CONNECT, EMFILE}}, "Too many open files"},
	{2, {.result = {PAGE_NO_CONNECT, 99999}}, "unknown error"},
	{3,
	 {.result = {PAGE_STATUS, 404}},
	 "HTTP 404: add an nginx stub_status location, or set url to where it is"},
	{3,
	 {.result = {PAGE_STATUS, 404}, .sought = STATUS_APACHE},
	 "HTTP 404: enable Apache's mod_status, or set url to where it is"},
	{3, {.result = {PAGE_BODY, 0}, .body = "not it"}, "not it"},
	{4,
	 {.result = {PAGE_STATUS, 301}},
	 "HTTP 301: redirects are not followed, exempt the status path or set url"},
	{4, {.result = {PAGE_STATUS, 503}}, "HTTP 503: the web server fails, see its error log"},
	{4, {.result = {PAGE_STATUS, 418}}, "HTTP 418"},
	{5, {.result = {PAGE_TIMEOUT, 0}, .timeout_ns = 2 * NS_PER_S}, "no answer within 2 s"},
	{5,
	 {.result = {PAGE_TIMEOUT, 0}, .timeout_ns = 1500 * NS_PER_MS},
	 "no answer within 1500 ms"},
	{5, {.result = {PAGE_TOO_LARGE, 65536}}, "answer larger than 65536 bytes"},
	{5, {.result = {PAGE_ALIEN, 0}}, "the answer is not HTTP"},
	{5, {.result = {PAGE_LOST, ECONNRESET}}, "the server broke the connection"},
	{5, {.result = {PAGE_CUT_OFF, 0}}, "the server closed before its answer was complete"},
	{6,
	 {.result = {PAGE_STATUS, 403}},
	 "HTTP 403: allow this host in the nginx stub_status location"},
	{6,
	 {.result = {PAGE_STATUS, 403}, .sought = STATUS_APACHE},
	 "HTTP 403: allow this host ('Require local') in Apache's server-status location"},
	{6, {.result = {PAGE_STATUS, 401}}, "HTTP 401: allow this host without a password"},
	{6,
	 {.result = {PAGE_NO_CONNECT, EACCES}},
	 "permission denied: let the agent's user write to the socket"},
	{7, {.result = {PAGE_BODY, 0}, .body = "bad", .recognised = true}, "bad"},
};

static void test_failures(void **state)
{
	(void)state;
	unsigned step = 0, rank = 0;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		char text[FAILURE_TEXT_SIZE];
		assert_string_equal(failure_text(&failures[i].failure, text), failures[i].text);
		unsigned this = failure_rank(&failures[i].failure);
		if (failures[i].step == step)
			assert_int_equal(this, rank);
		else
			assert_true(this > rank);
		step = failures[i].step;
		rank = this;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_usual_places),
		cmocka_unit_test(test_who_answers_apart),
		cmocka_unit_test(test_where_anybody_may_listen),
		cmocka_unit_test(test_an_endpoint_is_skipped),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_urls_of_other_protocols),
		cmocka_unit_test(test_who_is_sought),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
