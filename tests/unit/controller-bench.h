/* SPDX-License-Identifier: MIT */
/* A controller with a Pi of 1000 MiB around it that has room for 20 requests at rest. */
#ifndef HOSTINGPI_TESTS_CONTROLLER_BENCH_H
#define HOSTINGPI_TESTS_CONTROLLER_BENCH_H

#include <stdlib.h>

#include "agent/controller.h"
#include "agent/units.h"

#define MIB (INT64_C(1) << 20)

struct bench {
	struct controller controller;
	struct controller_conf conf;
	struct verdict verdict;
	struct decision decision;
	int64_t now_ns;
	int64_t balancers;
	bool changed;
};

static inline struct bench bench_new(void)
{
	return (struct bench){
		.conf = {.blind_weight = 70},
		.verdict =
			{
				.known = true,
				.total_bytes = 1000 * MIB,
				.headroom_bytes = 600 * MIB,
				.projected_bytes = 600 * MIB,
				.soon_bytes = 600 * MIB,
				.reserve_bytes = 200 * MIB,
				.inner_bytes = 80 * MIB,
				.near_bytes = 50 * MIB,
				.budget_bytes = 400 * MIB,
				.worker_bytes = 20 * MIB,
				.demand_known = true,
				.demand_bytes = 400 * MIB, /* 20 requests */
				.scale_pct = 100,
			},
		.now_ns = NS_PER_S,
		.balancers = 1,
	};
}

static inline void headroom(struct bench *bench, int64_t mib)
{
	bench->verdict.headroom_bytes = mib * MIB;
	bench->verdict.soon_bytes = mib * MIB;
	bench->verdict.projected_bytes = mib * MIB;
	bench->verdict.budget_bytes = (mib - 200) * MIB;
}

static inline void step_with(struct bench *bench, enum control_request request, const char *reason)
{
	const struct control_input input = {
		.verdict = &bench->verdict,
		.request = request,
		.request_reason = reason,
		.balancers = bench->balancers,
		.now_ns = bench->now_ns,
		.wall_ms = bench->now_ns / NS_PER_MS,
		.entropy = (uint32_t)rand(),
	};
	controller_step(&bench->controller, &bench->conf, &input, &bench->decision,
			&bench->changed);
	bench->now_ns += NS_PER_S;
}

static inline void step(struct bench *bench)
{
	step_with(bench, REQUEST_NONE, NULL);
}

#endif
