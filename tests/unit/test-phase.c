/* SPDX-License-Identifier: MIT */
/* Sampling phases: in range, where the id says, and spread over the interval. */
#include "agent/phase.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <setjmp.h>

#include <cmocka.h>

#include "agent/units.h"

#define WALL_MS 1763725000000

static void test_range_and_phase(void **state)
{
	static const int64_t intervals_ns[] = {NS_PER_MS, 100 * NS_PER_MS, NS_PER_S, 60 * NS_PER_S};
	(void)state;

	for (size_t i = 0; i < sizeof(intervals_ns) / sizeof(*intervals_ns); i++) {
		int64_t interval_ms = intervals_ns[i] / NS_PER_MS;
		int64_t due_ms =
			WALL_MS + phase_wait_ns("pi-1", intervals_ns[i], WALL_MS) / NS_PER_MS;
		for (int64_t t = WALL_MS; t < WALL_MS + 3 * interval_ms; t += 1 + interval_ms / 7) {
			int64_t wait_ns = phase_wait_ns("pi-1", intervals_ns[i], t);
			assert_in_range(wait_ns, 1, intervals_ns[i]);
			/* Whenever it is asked: whole intervals apart. */
			assert_int_equal((t + wait_ns / NS_PER_MS - due_ms) % interval_ms, 0);
		}
	}
}

/* 1,000 agents over 20 parts of a second: 50 in each if they were dealt out. */
static void test_spread(void **state)
{
	unsigned parts[20] = {0};
	(void)state;

	for (int i = 0; i < 1000; i++) {
		char id[32];
		snprintf(id, sizeof(id), "pi-%d", i);
		int64_t wait_ms = phase_wait_ns(id, NS_PER_S, WALL_MS) / NS_PER_MS;
		parts[(wait_ms - 1) / 50]++;
	}
	for (size_t i = 0; i < 20; i++)
		assert_in_range(parts[i], 25, 90);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range_and_phase),
		cmocka_unit_test(test_spread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
