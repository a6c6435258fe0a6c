/* SPDX-License-Identifier: MIT */
/* What decides weight and maxconn of a Pi: our agent, and what it is compared with. */
#ifndef HOSTINGPI_SIM_LAW_H
#define HOSTINGPI_SIM_LAW_H

#include <stdbool.h>

struct world;
struct pi;

struct law {
	const char *name;
	const char *help;
	bool static_cap; /* the balancers' configuration has one; it holds until an agent says more */
	/* Sets pi->told and when to come again; NULL: there is no agent. */
	void (*step)(struct world *world, struct pi *pi);
};

/* Ended by one without name. */
extern const struct law laws[];

/* NULL: there is none of this name. */
const struct law *law_find(const char *name);

/* laws of their own files */
void law_ours(struct world *world, struct pi *pi);
void law_ours_weight(struct world *world, struct pi *pi);
void law_threshold(struct world *world, struct pi *pi);
void law_feedback(struct world *world, struct pi *pi);
void law_free_share(struct world *world, struct pi *pi);
void law_aimd(struct world *world, struct pi *pi);
void law_reference(struct world *world, struct pi *pi);
void law_oracle(struct world *world, struct pi *pi);

#endif
