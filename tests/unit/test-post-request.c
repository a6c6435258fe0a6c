/* SPDX-License-Identifier: MIT */
/* Requests of each service, credentials that are not good enough, and that no secret is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "notifiers/post/request.h"

static const struct request_secrets secrets = {
	.consumer_key = "ck",
	.consumer_secret = "consumer-secret",
	.token = "tk",
	.token_secret = "token-secret",
	.access_token = "access-secret",
};

static struct post_conf conf_for(int service)
{
	struct post_conf conf = {.service = service};
	strcpy(conf.x.url, "https://api.x.com/2/tweets");
	strcpy(conf.mastodon.url, "https://social.example");
	strcpy(conf.mastodon.language, "en");
	return conf;
}

static const char *header(const struct request *request, const char *name)
{
	for (size_t i = 0; i < REQUEST_HEADERS && request->headers[i]; i++) {
		size_t length = strlen(name);
		if (strncmp(request->headers[i], name, length) == 0 &&
		    strncmp(request->headers[i] + length, ": ", 2) == 0)
			return request->headers[i] + length + 2;
	}
	return NULL;
}

static void assert_member(const struct request *request, const char *name, const char *value)
{
	cJSON *body = cJSON_Parse(request->body);
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(body, name);

	assert_true(cJSON_IsString(member));
	assert_string_equal(member->valuestring, value);
	cJSON_Delete(body);
}

static void test_x(void **state)
{
	struct post_conf conf = conf_for(POST_X);
	struct request request;
	char error[256];
	(void)state;

	assert_int_equal(request_make(&conf, &secrets, "id-1", "61.2 \u00b0C \"fine\"\n& more",
				      &request, error, sizeof(error)),
			 0);
	assert_string_equal(request.url, "https://api.x.com/2/tweets");
	assert_string_equal(request.host, "api.x.com");
	assert_int_equal(request.port, 443);
	assert_string_equal(header(&request, "Content-Type"), "application/json");
	assert_memory_equal(header(&request, "Authorization"), "OAuth ", 6);
	assert_null(header(&request, "Idempotency-Key"));
	assert_member(&request, "text", "61.2 \u00b0C \"fine\"\n& more");
	request_free(&request);
}

static void test_x_form(void **state)
{
	struct post_conf conf = conf_for(POST_X);
	struct request request;
	char error[256];
	(void)state;

	conf.x.api = POST_X_V11;
	strcpy(conf.x.url, "https://api.example:8443/1.1/statuses/update.json");
	assert_int_equal(request_make(&conf, &secrets, "id-1", "a b&c=\u00b0+~", &request, error,
				      sizeof(error)),
			 0);
	assert_string_equal(request.body, "status=a%20b%26c%3D%C2%B0%2B~");
	assert_string_equal(header(&request, "Content-Type"), "application/x-www-form-urlencoded");
	assert_string_equal(request.host, "api.example");
	assert_int_equal(request.port, 8443);
	assert_string_equal(request.url, conf.x.url);
	request_free(&request);
}

static void test_mastodon(void **state)
{
	struct post_conf conf = conf_for(POST_MASTODON);
	struct request request;
	char error[256];
	(void)state;

	conf.mastodon.visibility = 1;
	assert_int_equal(
		request_make(&conf, &secrets, "id-1", "hi", &request, error, sizeof(error)), 0);
	assert_string_equal(request.url, "https://social.example/api/v1/statuses");
	assert_string_equal(header(&request, "Authorization"), "Bearer access-secret");
	assert_string_equal(header(&request, "Idempotency-Key"), "id-1");
	assert_member(&request, "status", "hi");
	assert_member(&request, "visibility", "unlisted");
	assert_member(&request, "language", "en");
	request_free(&request);
}

static void test_urls(void **state)
{
	static const struct {
		const char *url, *host, *signed_url;
		int port;
	} rows[] = {
		{"https://a.example", "a.example", "https://a.example/api/v1/statuses", 443},
		{"https://a.example/", "a.example", "https://a.example/api/v1/statuses", 443},
		{"https://a.example:443/x", "a.example", "https://a.example/x", 443},
		{"https://a.example:444/x", "a.example", "https://a.example:444/x", 444},
		{"https://[2001:db8::1]/x", "[2001:db8::1]", "https://[2001:db8::1]/x", 443},
		{"https://[::1]:8443", "[::1]", "https://[::1]:8443/api/v1/statuses", 8443},
		{"https://192.0.2.1:8443/x", "192.0.2.1", "https://192.0.2.1:8443/x", 8443},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct post_conf conf = conf_for(POST_MASTODON);
		struct request request;
		char error[256];

		strcpy(conf.mastodon.url, rows[i].url);
		assert_int_equal(post_conf_check(&conf, error, sizeof(error)), -EINVAL);
		strcpy(conf.mastodon.credential_file, "/c");
		strcpy(conf.nat64.prefix, "auto");
		if (post_conf_check(&conf, error, sizeof(error)) != 0)
			fail_msg("%s: %s", rows[i].url, error);
		assert_int_equal(
			request_make(&conf, &secrets, "i", "t", &request, error, sizeof(error)), 0);
		assert_string_equal(request.host, rows[i].host);
		assert_string_equal(request.url, rows[i].signed_url);
		assert_int_equal(request.port, rows[i].port);
		request_free(&request);
	}
}

static void test_refused_urls(void **state)
{
	static const char *const urls[] = {
		"",
		"http://a.example/",
		"https://",
		"https:///x",
		"https://:443/",
		"https://A.example/",
		"https://a.example:/x",
		"https://a.example:0/",
		"https://a.example:65536/",
		"https://a.example:x/",
		"https://u@a.example/",
		"https://a.example/?q",
		"https://a.example/#f",
		"https://a.example/ x",
		"https://a.example/\xc3\xa4",
		"a.example",
		"https://a.example:99999999999999999999/",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct post_conf conf = conf_for(POST_X);
		char error[256] = "";

		strcpy(conf.x.url, urls[i]);
		strcpy(conf.x.credential_file, "/c");
		strcpy(conf.nat64.prefix, "auto");
		if (post_conf_check(&conf, error, sizeof(error)) != -EINVAL ||
		    !strstr(error, "[x] url"))
			fail_msg("\"%s\": %s", urls[i], error);
	}
}

static void test_settings(void **state)
{
	struct post_conf conf = conf_for(POST_X);
	char error[256];
	(void)state;

	strcpy(conf.nat64.prefix, "64:ff9b::/97");
	assert_int_equal(post_conf_check(&conf, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "[nat64] prefix"));
	strcpy(conf.nat64.prefix, "none");
	strcpy(conf.nat64.dns64, "192.0.2.1");
	assert_int_equal(post_conf_check(&conf, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "[nat64] dns64"));
	strcpy(conf.nat64.dns64, "2001:db8::53");
	assert_int_equal(post_conf_check(&conf, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "[x] credential_file must be set"));
	strcpy(conf.x.credential_file, "/c");
	assert_int_equal(post_conf_check(&conf, error, sizeof(error)), 0);
	conf.x.api = POST_X_V11; /* its form does not go to the address of v2 */
	assert_int_equal(post_conf_check(&conf, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "[x] url"));
	conf.x.api = POST_X_V2;
	strcpy(conf.daily_at, "24:00");
	assert_int_equal(post_conf_check(&conf, error, sizeof(error)), -EINVAL);
	assert_memory_equal(error, "daily_at", 8);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void test_secrets(void **state)
{
	struct post_conf conf = conf_for(POST_X);
	struct request_secrets read;
	char path[] = "/tmp/hostingpi-test-XXXXXX", error[256] = "";
	int fd = mkstemp(path);
	(void)state;

	close(fd);
	strcpy(conf.x.credential_file, path);
	write_file(path, "consumer_key = a\nconsumer_secret=b\ntoken = c\ntoken_secret = d\n",
		   0600);
	assert_int_equal(request_read_secrets(&conf, &read, error, sizeof(error)), 0);
	assert_string_equal(read.token_secret, "d");

	write_file(path, "consumer_key = a\nconsumer_secret=b\ntoken = c\n", 0600);
	assert_int_equal(request_read_secrets(&conf, &read, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "[x] credential_file"));
	assert_non_null(strstr(error, "token_secret"));
	assert_string_equal(read.consumer_key, ""); /* nothing is known then */

	write_file(path, "consumer_key = a\nconsumer_secret=b\ntoken = c\ntoken_secret = d\n",
		   0644);
	assert_int_equal(request_read_secrets(&conf, &read, error, sizeof(error)), -EPERM);
	assert_non_null(strstr(error, "chmod 600"));
	unlink(path);
	assert_int_equal(request_read_secrets(&conf, &read, error, sizeof(error)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x),
		cmocka_unit_test(test_x_form),
		cmocka_unit_test(test_mastodon),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_refused_urls),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
