/* SPDX-License-Identifier: MIT */
/*
 * What the judge and the controller learned about this machine and its site, and the line of text in
 * which it outlives the agent. Pure.
 */
#ifndef HOSTINGPI_LEARNED_H
#define HOSTINGPI_LEARNED_H

#include <stddef.h>
#include <stdint.h>

#include "agent/judge.h"

#define LEARNED_TEXT_SIZE 192

/* Zeroed: nothing was learned. */
struct learned {
	int64_t nominal_milli; /* capacity in calm; 0: unknown */
	int64_t need_milli;
	int64_t worker_bytes; /* that both are counted in */
	int64_t margin_bytes;
	int64_t wall_ms;     /* when it was written down */
	int64_t total_bytes; /* memory of the machine it was learned on */
};

void learned_take(const struct judge *judge, int64_t wall_ms, struct learned *ret_learned);
/* Hands it to a judge that was not used yet; what is old counts less. */
void learned_give(const struct learned *learned, int64_t wall_ms, struct judge *judge);
/* Drops what was learned on a machine with another amount of memory; for each sample, cheap. */
void learned_check(struct judge *judge, int64_t total_bytes);
/* Whether the two differ enough to be worth writing: a twentieth of any number. */
bool learned_differs(const struct learned *a, const struct learned *b);

void learned_format(const struct learned *learned, char text[LEARNED_TEXT_SIZE]);
/* 0, or -EINVAL for what learned_format() would not have written. */
int learned_parse(const char *text, struct learned *ret_learned);

#endif
