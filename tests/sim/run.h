/* SPDX-License-Identifier: MIT */
/* Runs of the model: pure functions of (scenario, law, seed). */
#ifndef HOSTINGPI_SIM_RUN_H
#define HOSTINGPI_SIM_RUN_H

#include "tests/sim/law.h"
#include "tests/sim/world.h"

struct run {
	const struct scenario *scenario;
	const struct settings *settings;
	uint64_t seed;
};

/* world is scratch memory; series is filled if it is not NULL. */
void run_law(struct world *world, const struct run *run, const struct law *law,
	     struct series *series, struct run_result *ret_result);

/* A series for this scenario, freed with series_free(); NULL without memory. */
struct series *series_new(const struct scenario *scenario);
void series_free(struct series *series);

#endif
