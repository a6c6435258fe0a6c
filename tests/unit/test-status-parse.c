/* SPDX-License-Identifier: MIT */
/*
 * The status pages of nginx, Apache, lighttpd and PHP-FPM: what real servers print, and what a
 * server that lies or breaks may print instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/status_answer.h"
#include "collectors/status_parse.h"

/* nginx 1.22 */
#define NGINX_PAGE                                                                                 \
	"Active connections: 3 \nserver accepts handled requests\n 16 15 1800 \n"                  \
	"Reading: 1 Writing: 4 Waiting: 2 \n"
/* Apache 2.4, with the lines in between left out */
#define APACHE_PAGE                                                                                \
	"::1\nServerVersion: Apache/2.4 (Debian)\nTotal Accesses: 345\nTotal kBytes: 3\n"          \
	"ReqPerSec: 3\nBusyWorkers: 8\nGracefulWorkers: 0\nIdleWorkers: 24\n"                      \
	"Scoreboard: ______W__________________....\n"

static int parse(const char *body, struct status_reading *reading, const char **why)
{
	*why = NULL;
	return status_parse(body, strlen(body), reading, why);
}

static void test_nginx_page(void **state)
{
	(void)state;
	struct status_reading reading;
	const char *why;
	assert_int_equal(parse(NGINX_PAGE, &reading, &why), 0);
	assert_int_equal(reading.kind, STATUS_NGINX);
	assert_true(status_has(&reading, STATUS_REQUESTS));
	assert_int_equal(reading.value[STATUS_REQUESTS], 1799); /* without the one being answered */
	assert_int_equal(reading.value[STATUS_BUSY], 4);
	assert_false(status_has(&reading, STATUS_IDLE));
	assert_null(why);

	assert_int_equal(parse("\r\nActive connections: 1\r\nserver accepts handled requests\r\n"
			       "0 0 0\r\nReading: 0 Writing: 0 Waiting: 0\r\n",
			       &reading, &why),
			 0);
	assert_int_equal(reading.value[STATUS_REQUESTS], 0); /* never below */
	assert_int_equal(reading.value[STATUS_BUSY], 0);
}

static void test_apache_page(void **state)
{
	(void)state;
	struct status_reading reading;
	const char *why;
	assert_int_equal(parse(APACHE_PAGE, &reading, &why), 0);
	assert_int_equal(reading.kind, STATUS_APACHE);
	assert_true(status_has(&reading, STATUS_REQUESTS));
	assert_int_equal(reading.value[STATUS_REQUESTS], 345);
	assert_int_equal(reading.value[STATUS_BUSY], 7);
	assert_true(status_has(&reading, STATUS_IDLE));
	assert_int_equal(reading.value[STATUS_IDLE], 24);

	/* Without ExtendedStatus there is no counter; "ReqPerSec" is never taken for one. */
	assert_int_equal(parse("BusyWorkers: 0\nIdleWorkers: 5\nReqPerSec: 7\n", &reading, &why),
			 0);
	assert_false(status_has(&reading, STATUS_REQUESTS));
	assert_int_equal(reading.value[STATUS_BUSY], 0);
	assert_int_equal(reading.value[STATUS_IDLE], 5);
}

static void test_long_scoreboard(void **state)
{
	(void)state;
	static char body[STATUS_ANSWER_MAX];
	struct status_reading reading;
	const char *why;
	strcpy(body, "Scoreboard: ");
	memset(body + strlen(body), '_', 60000);
	strcat(body, "\nTotal Accesses: 9\r\nBusyWorkers: 1\r\nIdleWorkers: 2");
	assert_int_equal(parse(body, &reading, &why), 0);
	assert_int_equal(reading.value[STATUS_REQUESTS], 9);
	assert_int_equal(reading.value[STATUS_IDLE], 2);
}

static void test_lies(void **state)
{
	(void)state;
#define NGINX_WITH(numbers, rest)                                                                  \
	"Active connections: 1\nserver accepts handled requests\n" numbers "\n" rest
	static const char *const pages[] = {
		NGINX_WITH("1 1 banana", "Reading: 0 Writing: 1 Waiting: 0"),
		NGINX_WITH("1 1 -5", "Reading: 0 Writing: 1 Waiting: 0"),
		NGINX_WITH("1 1 99999999999999999999", "Reading: 0 Writing: 1 Waiting: 0"),
		NGINX_WITH("1 1 1.5", "Reading: 0 Writing: 1 Waiting: 0"),
		NGINX_WITH("1 1", "Reading: 0 Writing: 1 Waiting: 0"),
		NGINX_WITH("1 1 1", "Reading: 0 Writing: 1"),
		NGINX_WITH("1 1 1", "Reading: 0 Writing: 1 Waiting: 0 <html>"),
		NGINX_WITH("1 1 1",
			   "Reading: 9223372036854775807 Writing: 9223372036854775807 Waiting: 0"),
		"Active connections:",
		"BusyWorkers: 1\n",
		"IdleWorkers: 1\n",
		"BusyWorkers: one\nIdleWorkers: 2\n",
		"BusyWorkers: 1\nIdleWorkers: -2\n",
		"BusyWorkers: 1\nBusyWorkers: 2\nIdleWorkers: 2\n",
		"BusyWorkers: 1\nIdleWorkers: 2\nTotal Accesses: 1e3\n",
		"BusyWorkers: 1\nIdleWorkers: 2\nTotal Accesses:\n",
		"BusyWorkers: 1\nIdleWorkers: 2\nTotal Accesses: 9223372036854775808\n",
	};
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct status_reading reading = {.value[STATUS_REQUESTS] = 77};
		const char *why;
		if (parse(pages[i], &reading, &why) != -EBADMSG)
			fail_msg("taken: %s", pages[i]);
		assert_non_null(why);
		assert_int_equal(reading.value[STATUS_REQUESTS], 77);
	}
}

/* Well formed, and absurd: the first page of each pair is the last one that is believed. */
static void test_what_is_not_plausible(void **state)
{
	(void)state;
#define NGINX_COUNTS(active, requests, reading, writing, waiting)                                  \
	"Active connections: " active "\nserver accepts handled requests\n 1 1 " requests          \
	"\nReading: " reading " Writing: " writing " Waiting: " waiting "\n"
#define APACHE_COUNTS(busy, idle, total)                                                           \
	"BusyWorkers: " busy "\nIdleWorkers: " idle "\nTotal Accesses: " total "\n"
	static const struct {
		const char *good, *bad;
	} pairs[] = {
		{NGINX_COUNTS("1000000", "1", "0", "1", "0"),
		 NGINX_COUNTS("1000001", "1", "0", "1", "0")},
		{NGINX_COUNTS("1", "9007199254740992", "0", "1", "0"),
		 NGINX_COUNTS("1", "9007199254740993", "0", "1", "0")},
		{NGINX_COUNTS("1", "1", "1000000", "1", "0"),
		 NGINX_COUNTS("1", "1", "1000001", "1", "0")},
		{NGINX_COUNTS("1", "1", "0", "1000000", "0"),
		 NGINX_COUNTS("1", "1", "0", "9223372036854775806", "0")},
		{NGINX_COUNTS("1", "1", "0", "1", "1000000"),
		 NGINX_COUNTS("1", "1", "0", "1", "1000001")},
		{APACHE_COUNTS("1000000", "1", "1"),
		 APACHE_COUNTS("9223372036854775806", "1", "1")},
		{APACHE_COUNTS("1", "1000000", "1"), APACHE_COUNTS("1", "1000001", "1")},
		{APACHE_COUNTS("1", "1", "9007199254740992"),
		 APACHE_COUNTS("1", "1", "9007199254740993")},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct status_reading reading = {.value[STATUS_REQUESTS] = 77};
		const char *why;
		if (parse(pairs[i].bad, &reading, &why) != -EBADMSG ||
		    !strstr(why, "not a plausible number"))
			fail_msg("believed: %s", pairs[i].bad);
		assert_int_equal(reading.value[STATUS_REQUESTS], 77);
		if (parse(pairs[i].good, &reading, &why) != 0)
			fail_msg("%s: %s", why, pairs[i].good);
	}
}

static void test_other_pages(void **state)
{
	(void)state;
	static const struct {
		const char *body, *why;
	} pages[] = {
		{"", "no status page of a kind"},
		{"<html>hello</html>", "no status page of a kind"},
		{"xBusyWorkers: 1\n", "no status page of a kind"},
		{"<html><head>\n<title>Apache Status</title>", "add ?auto"},
		{"{\"RequestsTotal\": 5}", "?auto"},
		{"{\"accepted conn\":5}", "leave out"},
	};
	struct status_reading reading;
	const char *why;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		assert_int_equal(parse(pages[i].body, &reading, &why), -EPROTO);
		if (!strstr(why, pages[i].why))
			fail_msg("'%s' instead of '%s'", why, pages[i].why);
	}
	static const char binary[] = NGINX_PAGE "\0 rest";
	assert_int_equal(status_parse(binary, sizeof(binary) - 1, &reading, &why), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nginx_page),
		cmocka_unit_test(test_apache_page),
		cmocka_unit_test(test_long_scoreboard),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_what_is_not_plausible),
		cmocka_unit_test(test_other_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
