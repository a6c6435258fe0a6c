/* SPDX-License-Identifier: MIT */
/*
 * The text that the process before left: whatever stands there, the judge that goes on from it makes
 * decisions that may be told, and reads back what it writes itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/handover.h"
#include "agent/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_NS (5000 * NS_PER_S)
#define MIB (INT64_C(1) << 20)

static void check(int condition)
{
	if (!condition)
		abort();
}

static void put(struct readings *readings, enum metric_role role, int64_t value, int64_t now_ns)
{
	readings->known |= UINT64_C(1) << role;
	readings->value[role] = value;
	readings->stamp_ns[role] = now_ns;
}

static void go_on(struct judge *judge)
{
	static const struct settings settings = {
		.pressure = {.reserve = {.relative = true, .value = 30},
			     .horizon_ns = 10 * NS_PER_S},
		.controller = {.blind_weight = 100},
	};

	for (int i = 1; i <= 5; i++) {
		int64_t now_ns = NOW_NS + i * NS_PER_S;
		struct readings readings = {0};
		const struct judge_input input = {.now_ns = now_ns, .wall_ms = 1};

		put(&readings, ROLE_MEM_TOTAL, 1000 * MIB, now_ns);
		put(&readings, ROLE_MEM_FREE, (900 - i * 100) * MIB, now_ns);
		put(&readings, ROLE_FILE_ACTIVE, 5 * MIB, now_ns);
		put(&readings, ROLE_FILE_INACTIVE, 5 * MIB, now_ns);
		if (i > 2) {
			put(&readings, ROLE_WEB_WORKERS, i, now_ns);
			put(&readings, ROLE_WEB_BYTES, i * 20 * MIB, now_ns);
			put(&readings, ROLE_WEB_BUSY, 1, now_ns);
		}
		judge_readings(judge, &settings, &readings, &input);
		const struct decision *decision = &judge->decision;
		check(decision->weight_pct >= 1 && decision->weight_pct <= 100);
		check(decision->maxconn >= 1 && decision->balancers >= 1);
		check(decision->state >= 0 && decision->state < CONTROL_STATES);
		for (const char *at = decision->reason; *at; at++)
			check(*at >= ' ' && *at <= '~' && *at != '#');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct handover_time time = {NOW_NS, 7000000};
	struct judge judge = {0}, again = {0};
	char text[HANDOVER_SIZE] = "";

	memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
	if (handover_parse(text, &time, &judge) < 0)
		return 0;
	handover_format(&judge, &time, text);
	check(text[0] && handover_parse(text, &time, &again) == 0);
	check(again.controller.capacity.given_milli == judge.controller.capacity.given_milli);
	check(again.pressure.sum_bytes == judge.pressure.sum_bytes);
	go_on(&judge);
	return 0;
}
