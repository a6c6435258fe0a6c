/* SPDX-License-Identifier: MIT */
/* The health of a card: what each sign says, for how long, and that the worst one wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/health.h"
#include "agent/units.h"

#define HOUR_NS (3600 * NS_PER_S)
#define DAY_NS (24 * HOUR_NS)

static struct health health;
static struct readings readings;
static int64_t now_ns;

static void know(enum metric_role role, int64_t value)
{
	readings.known |= UINT64_C(1) << role;
	readings.value[role] = value;
}

static void forget(enum metric_role role)
{
	readings.known &= ~(UINT64_C(1) << role);
}

/* A calm card for which everything is known. */
static int setup(void **state)
{
	(void)state;
	health = (struct health){0};
	readings = (struct readings){0};
	now_ns = 50 * NS_PER_S;
	know(ROLE_STORAGE_QUEUE, 0);
	know(ROLE_STORAGE_FAILING, 0);
	know(ROLE_STORAGE_ERRORS, 0);
	know(ROLE_STORAGE_LATENCY, 12);
	know(ROLE_FS_ERRORS, 0);
	return 0;
}

static enum health_word after(int64_t ns)
{
	now_ns += ns;
	health_step(&health, &readings, now_ns);
	assert_true(health.reason[0] && strlen(health.reason) < sizeof(health.reason));
	return health.word;
}

static void good_is_no_news(void **state)
{
	(void)state;
	assert_false(health_step(&health, &readings, now_ns));
	assert_int_equal(health.word, HEALTH_GOOD);
	assert_false(health_step(&health, &readings, now_ns + DAY_NS));
}

static void no_disk_is_unknown(void **state)
{
	(void)state;
	readings = (struct readings){0};
	assert_int_equal(after(0), HEALTH_UNKNOWN);
	/* Root on NFS: what the kernel says of a USB stick is not about our disk. */
	know(ROLE_STORAGE_FAILING, 1);
	know(ROLE_STORAGE_ERRORS, 5);
	assert_int_equal(after(NS_PER_S), HEALTH_UNKNOWN);
	assert_string_equal(health.reason, NOT_APPLICABLE "no disk under the root");
}

static void dead_while_it_does_not_work(void **state)
{
	(void)state;
	after(0);
	know(ROLE_STORAGE_FAILING, 1);
	assert_true(health_step(&health, &readings, now_ns));
	assert_int_equal(health.word, HEALTH_DEAD);
	/* Gone: its counters are, too. */
	forget(ROLE_STORAGE_QUEUE);
	forget(ROLE_STORAGE_LATENCY);
	assert_int_equal(after(3 * DAY_NS), HEALTH_DEAD);
	/* It works again: that it did not is remembered for a day. */
	know(ROLE_STORAGE_FAILING, 0);
	assert_int_equal(after(HOUR_NS), HEALTH_FAILING);
	assert_string_equal(health.reason, "it did not work 60 min ago");
	assert_int_equal(after(23 * HOUR_NS - 1), HEALTH_FAILING);
	assert_string_equal(health.reason, "it did not work 23 h ago");
	assert_int_equal(after(1), HEALTH_GOOD);
}

static void failed_requests(void **state)
{
	(void)state;
	know(ROLE_STORAGE_ERRORS, 100); /* since the agent's start, so they count at first sight */
	assert_int_equal(after(0), HEALTH_FAILING);
	assert_string_equal(health.reason, "failed requests: 100, the last just now");
	assert_int_equal(after(23 * HOUR_NS), HEALTH_FAILING);
	know(ROLE_STORAGE_ERRORS, 103);
	assert_int_equal(after(0), HEALTH_FAILING);
	assert_string_equal(health.reason, "failed requests: 103, the last just now");
	assert_int_equal(after(DAY_NS), HEALTH_GOOD);
	/* The counter is not known for a while, and begins anew. */
	forget(ROLE_STORAGE_ERRORS);
	assert_int_equal(after(NS_PER_S), HEALTH_GOOD);
	know(ROLE_STORAGE_ERRORS, 2);
	assert_int_equal(after(NS_PER_S), HEALTH_FAILING);
	assert_string_equal(health.reason, "failed requests: 2, the last just now");
}

static void file_system_errors(void **state)
{
	(void)state;
	/* On record from before, of unknown age or older than a day. */
	know(ROLE_FS_ERRORS, 4);
	assert_int_equal(after(0), HEALTH_WORN);
	assert_string_equal(health.reason, "old file system errors: 4, until an fsck");
	know(ROLE_FS_ERROR_AGE, INT64_MAX);
	assert_int_equal(after(0), HEALTH_WORN);
	/* A new one counts, whatever the clock says. */
	know(ROLE_FS_ERRORS, 5);
	assert_int_equal(after(NS_PER_S), HEALTH_FAILING);
	assert_string_equal(health.reason, "file system errors: 1, the last just now");
	assert_int_equal(after(DAY_NS), HEALTH_WORN);
	know(ROLE_FS_ERRORS, 0);
	assert_int_equal(after(NS_PER_S), HEALTH_GOOD);
}

/* Before the agent's last start, and still today. */
static void file_system_errors_of_today(void **state)
{
	(void)state;
	know(ROLE_FS_ERRORS, 4);
	know(ROLE_FS_ERROR_AGE, 20 * 3600);
	assert_true(health_step(&health, &readings, now_ns));
	assert_int_equal(health.word, HEALTH_FAILING);
	assert_string_equal(health.reason, "file system errors: 4, the last 20 h ago");
	assert_int_equal(after(4 * HOUR_NS), HEALTH_WORN);
}

/* A clock that is behind at boot knows no age; once it is set the errors are judged, and only once. */
static void file_system_errors_before_the_clock_is_set(void **state)
{
	(void)state;
	know(ROLE_FS_ERRORS, 4);
	assert_int_equal(after(0), HEALTH_WORN);
	assert_int_equal(after(HOUR_NS), HEALTH_WORN);
	know(ROLE_FS_ERROR_AGE, 3 * 3600);
	assert_int_equal(after(NS_PER_S), HEALTH_FAILING);
	assert_string_equal(health.reason, "file system errors: 4, the last 3 h ago");
	assert_int_equal(after(21 * HOUR_NS), HEALTH_WORN);
	assert_int_equal(after(NS_PER_S), HEALTH_WORN);

	/* A new error meanwhile has told enough: the age is its own, and counts nothing twice. */
	health = (struct health){0};
	forget(ROLE_FS_ERROR_AGE);
	assert_int_equal(after(0), HEALTH_WORN);
	know(ROLE_FS_ERRORS, 5);
	assert_int_equal(after(NS_PER_S), HEALTH_FAILING);
	know(ROLE_FS_ERROR_AGE, 60);
	assert_int_equal(after(NS_PER_S), HEALTH_FAILING);
	assert_string_equal(health.reason, "file system errors: 1, the last just now");
}

static void latency(void **state)
{
	(void)state;
	know(ROLE_STORAGE_LATENCY, 500);
	assert_int_equal(after(0), HEALTH_GOOD);
	know(ROLE_STORAGE_LATENCY, 501);
	assert_int_equal(after(NS_PER_S), HEALTH_WORN);
	know(ROLE_STORAGE_LATENCY, 2000);
	assert_int_equal(after(NS_PER_S), HEALTH_WORN);
	assert_string_equal(health.reason, "writes took up to 2000 ms on average, just now");
	know(ROLE_STORAGE_LATENCY, 2500);
	assert_int_equal(after(NS_PER_S), HEALTH_FAILING);
	/* No writes: nothing new is known, what was is remembered for an hour. */
	forget(ROLE_STORAGE_LATENCY);
	assert_int_equal(after(59 * 60 * NS_PER_S), HEALTH_FAILING);
	assert_string_equal(health.reason, "writes took up to 2500 ms on average, 59 min ago");
	know(ROLE_STORAGE_LATENCY, 700);
	assert_int_equal(after(60 * NS_PER_S), HEALTH_WORN);
	know(ROLE_STORAGE_LATENCY, 20);
	assert_int_equal(after(HOUR_NS), HEALTH_GOOD);
}

static void wear(void **state)
{
	(void)state;
	know(ROLE_STORAGE_WEAR, 799999);
	assert_int_equal(after(0), HEALTH_GOOD);
	know(ROLE_STORAGE_WEAR, 900000);
	assert_int_equal(after(0), HEALTH_WORN);
	assert_string_equal(health.reason, "90 % of its life or of its spare blocks are used");
}

static int64_t some(int64_t low, int64_t high)
{
	return low + rand() % (int)(high - low + 1);
}

/*
 * Whatever comes in whatever order: news is a change of word, storage that fails now is dead, fresh errors
 * are failing at least, and a calm day ends everything but wear and old errors.
 */
static void any_history(void **state)
{
	const char *text = getenv("SEED");
	unsigned seed = text ? (unsigned)strtoul(text, NULL, 10) : (unsigned)time(NULL);

	(void)state;
	print_message("SEED=%u\n", seed);
	srand(seed);
	for (int i = 0; i < 20000; i++) {
		enum health_word before = health.word;
		int64_t errors = health.errors;
		now_ns += some(0, 2000) * NS_PER_S;
		know(ROLE_STORAGE_FAILING, some(0, 20) == 0);
		if (some(0, 50) == 0)
			know(ROLE_STORAGE_ERRORS, some(0, 1000));
		if (some(0, 50) == 0)
			know(ROLE_FS_ERRORS, some(0, 1000));
		if (some(0, 5) == 0)
			forget((enum metric_role)some(ROLE_STORAGE_FAILING, ROLE_FS_ERROR_AGE));
		if (some(0, 5) == 0)
			know(ROLE_STORAGE_LATENCY, some(0, 600));
		if (some(0, 500) == 0)
			know(ROLE_FS_ERROR_AGE, some(0, 200000));

		bool news = health_step(&health, &readings, now_ns);
		if (news)
			assert_int_not_equal(health.word, before);
		else if (before != HEALTH_UNKNOWN)
			assert_int_equal(health.word, before);
		assert_true(strlen(health.reason) < sizeof(health.reason));
		if (!health.disk_seen) {
			assert_int_equal(health.word, HEALTH_UNKNOWN);
			continue;
		}
		bool dead = readings_has(&readings, ROLE_STORAGE_FAILING) &&
			    readings.value[ROLE_STORAGE_FAILING];
		assert_int_equal(dead, health.word == HEALTH_DEAD);
		if (readings_has(&readings, ROLE_STORAGE_ERRORS) &&
		    readings.value[ROLE_STORAGE_ERRORS] > errors)
			assert_true(health.word >= HEALTH_FAILING);
	}
	know(ROLE_STORAGE_QUEUE, 0); /* may have been forgotten before it was ever seen */
	know(ROLE_STORAGE_FAILING, 0);
	know(ROLE_STORAGE_LATENCY, 10);
	know(ROLE_FS_ERRORS, 0);
	readings.value[ROLE_STORAGE_ERRORS] = health.errors;
	forget(ROLE_STORAGE_WEAR);
	after(0);
	assert_int_equal(after(DAY_NS), HEALTH_GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(good_is_no_news, setup),
		cmocka_unit_test_setup(no_disk_is_unknown, setup),
		cmocka_unit_test_setup(dead_while_it_does_not_work, setup),
		cmocka_unit_test_setup(failed_requests, setup),
		cmocka_unit_test_setup(file_system_errors, setup),
		cmocka_unit_test_setup(file_system_errors_of_today, setup),
		cmocka_unit_test_setup(file_system_errors_before_the_clock_is_set, setup),
		cmocka_unit_test_setup(latency, setup),
		cmocka_unit_test_setup(wear, setup),
		cmocka_unit_test_setup(any_history, setup),
	};
	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
