/* SPDX-License-Identifier: MIT */
/* Polls are taken off, restarts are noticed, latencies are of what was served in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collectors/requests_count.h"

#define NONE -1

/* A reading of a kind that counts us; NONE: not said. */
static struct status_reading make(enum status_kind kind, int64_t requests, int64_t time_us,
				  int64_t age)
{
	struct status_reading reading = {.kind = kind, .counts_polls = true, .own_busy = 1};
	status_put(&reading, STATUS_BUSY, 2);
	if (requests != NONE)
		status_put(&reading, STATUS_REQUESTS, requests);
	if (time_us != NONE)
		status_put(&reading, STATUS_TIME_US, time_us);
	if (age != NONE)
		status_put(&reading, STATUS_AGE, age);
	return reading;
}

static int64_t take(struct requests_count *count, int64_t polls, struct status_reading reading)
{
	requests_count_take(count, 0, polls, &reading);
	return count->reading.value[STATUS_REQUESTS];
}

static void test_polls_are_taken_off(void **state)
{
	(void)state;
	struct requests_count count = {0};
	assert_int_equal(take(&count, 5, make(STATUS_APACHE, 100, NONE, NONE)), 100);
	assert_int_equal(take(&count, 6, make(STATUS_APACHE, 101, NONE, NONE)), 100);
	assert_int_equal(take(&count, 9, make(STATUS_APACHE, 110, NONE, NONE)), 106);
	assert_null(count.anew);
	assert_int_equal(count.reading.value[STATUS_BUSY], 2);
}

/* lighttpd adds up once a second: polls that are counted late are no requests of others. */
static void test_polls_that_are_counted_late(void **state)
{
	(void)state;
	struct requests_count count = {0};
	assert_int_equal(take(&count, 1, make(STATUS_LIGHTTPD, 10, NONE, NONE)), 10);
	for (int64_t polls = 2; polls <= 5; polls++)
		assert_int_equal(take(&count, polls, make(STATUS_LIGHTTPD, 10, NONE, NONE)), 10);
	assert_int_equal(take(&count, 6, make(STATUS_LIGHTTPD, 22, NONE, NONE)), 17);
	assert_int_equal(count.reading.value[STATUS_BUSY], 2);
}

/* A server that hung for a while: all that it was asked meanwhile shows up with its first answer. */
static void test_many_polls_at_once(void **state)
{
	(void)state;
	struct requests_count count = {0};
	assert_int_equal(take(&count, 1, make(STATUS_NGINX, 10, NONE, NONE)), 10);
	assert_int_equal(take(&count, 21, make(STATUS_NGINX, 33, NONE, NONE)), 13);
}

/* Random: whatever is counted late or never, what is left neither falls nor exceeds the counter. */
static void test_what_is_left_never_falls(void **state)
{
	(void)state;
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	printf("SEED=%u\n", seed);
	struct requests_count count = {0};
	int64_t said = 0, polls = 0, last = 0;
	for (int i = 0; i < 10000; i++) {
		said += rand_r(&seed) % 4;
		polls += 1 + rand_r(&seed) % 2;
		int64_t total = take(&count, polls, make(STATUS_NGINX, said, NONE, NONE));
		assert_in_range(total, last, said);
		last = total;
	}
}

/* pm.status_listen: the page is served by another pool. */
static void test_a_page_that_does_not_count_us(void **state)
{
	(void)state;
	struct requests_count count = {0};
	struct status_reading reading = make(STATUS_PHP_FPM, 50, NONE, NONE);
	reading.at_once = true;
	assert_int_equal(take(&count, 1, reading), 50);
	assert_int_equal(take(&count, 2, reading), 50);
	assert_int_equal(count.reading.value[STATUS_BUSY], 3);
	status_put(&reading, STATUS_REQUESTS, 52);
	assert_int_equal(take(&count, 3, reading), 52);
	assert_int_equal(count.reading.value[STATUS_BUSY], 3);
}

static void test_restarts(void **state)
{
	(void)state;
	struct requests_count count = {0};
	take(&count, 1, make(STATUS_APACHE, 100, NONE, 50));
	assert_null(count.anew);
	/* The counter fell: the value says it. */
	assert_int_equal(take(&count, 2, make(STATUS_APACHE, 7, NONE, 1)), 7);
	assert_null(count.anew);
	/* It has risen above the old one meanwhile, or a reload kept it: only the age says it. */
	assert_int_equal(take(&count, 3, make(STATUS_APACHE, 60, NONE, 0)), 60);
	assert_non_null(strstr(count.anew, "started anew"));
	assert_int_equal(take(&count, 4, make(STATUS_APACHE, 61, NONE, 2)), 60);
	assert_null(count.anew);
	/* It fell, but not below what was left without our polls. */
	for (int64_t polls = 5; polls < 20; polls++)
		take(&count, polls, make(STATUS_APACHE, 57 + polls, NONE, NONE));
	assert_int_equal(count.reading.value[STATUS_REQUESTS], 60);
	take(&count, 20, make(STATUS_APACHE, 70, NONE, NONE));
	assert_non_null(count.anew);
	/* Another server, or another page. */
	take(&count, 21, make(STATUS_NGINX, 900, NONE, NONE));
	assert_non_null(strstr(count.anew, "another status page"));
	struct status_reading reading = make(STATUS_NGINX, 1900, NONE, NONE);
	requests_count_take(&count, 1, 22, &reading);
	assert_non_null(strstr(count.anew, "another status page"));
}

static void test_latency(void **state)
{
	(void)state;
	struct requests_count count = {0};
	take(&count, 1, make(STATUS_APACHE, 100, 5000, NONE));
	assert_true(count.times);
	assert_false(status_has(&count.reading, STATUS_LATENCY_US));
	take(&count, 2, make(STATUS_APACHE, 105, 9000, NONE)); /* 4 but ours */
	assert_true(status_has(&count.reading, STATUS_LATENCY_US));
	assert_int_equal(count.reading.value[STATUS_LATENCY_US], 1000);
	take(&count, 3, make(STATUS_APACHE, 106, 9500, NONE));
	assert_false(status_has(&count.reading, STATUS_LATENCY_US));
	take(&count, 4, make(STATUS_APACHE, 3, 9800, NONE)); /* across a restart */
	assert_false(status_has(&count.reading, STATUS_LATENCY_US));
	take(&count, 5, make(STATUS_APACHE, 13, 9000, NONE)); /* time does not run backwards */
	assert_false(status_has(&count.reading, STATUS_LATENCY_US));

	/* What was timed may be less than what was served. */
	struct status_reading reading = make(STATUS_CADDY, 10, 0, NONE);
	status_put(&reading, STATUS_TIMED, 0);
	reading.counts_polls = false;
	take(&count, 1, reading);
	status_put(&reading, STATUS_REQUESTS, 20);
	status_put(&reading, STATUS_TIMED, 5);
	status_put(&reading, STATUS_TIME_US, 500);
	take(&count, 2, reading);
	assert_int_equal(count.reading.value[STATUS_LATENCY_US], 100);

	/* A mean that the server itself keeps counts while requests are served. */
	reading = make(STATUS_HAPROXY, 10, NONE, NONE);
	status_put(&reading, STATUS_LATENCY_US, 7000);
	reading.counts_polls = false;
	take(&count, 1, reading);
	take(&count, 2, reading);
	assert_false(status_has(&count.reading, STATUS_LATENCY_US));
	status_put(&reading, STATUS_REQUESTS, 11);
	take(&count, 3, reading);
	assert_int_equal(count.reading.value[STATUS_LATENCY_US], 7000);
}

static void test_without_a_counter(void **state)
{
	(void)state;
	struct requests_count count = {0};
	take(&count, 1, make(STATUS_APACHE, NONE, NONE, NONE));
	assert_false(status_has(&count.reading, STATUS_REQUESTS));
	assert_int_equal(take(&count, 2, make(STATUS_APACHE, 40, NONE, NONE)), 40);
	assert_null(count.anew);
	assert_int_equal(take(&count, 3, make(STATUS_APACHE, 42, NONE, NONE)), 41);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_polls_are_taken_off),
		cmocka_unit_test(test_polls_that_are_counted_late),
		cmocka_unit_test(test_many_polls_at_once),
		cmocka_unit_test(test_what_is_left_never_falls),
		cmocka_unit_test(test_a_page_that_does_not_count_us),
		cmocka_unit_test(test_restarts),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_without_a_counter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
