/* SPDX-License-Identifier: MIT */
/*
 * Sections that show some readings only name them as the documents do: no module's order of slots stands in
 * them, and a reading that this agent lacks is one that is not found.
 */
#include <string.h>

#include "notifiers/page_parts.h"

int page_find(const struct page *page, const char *group, const char *name, bool *ret_rate)
{
	const struct state *state = page->snapshot.state;

	for (unsigned slot = 0; slot < state_count(state); slot++) {
		const struct metric *metric = state_metric(state, slot);
		if (strcmp(metric->group, group) != 0)
			continue;
		bool rate = metric->rate_name && strcmp(metric->rate_name, name) == 0;
		if (!rate && (!metric->name || strcmp(metric->name, name) != 0))
			continue;
		*ret_rate = rate;
		return (int)slot;
	}
	return -1;
}

bool page_value(const struct page *page, const char *group, const char *name, int64_t *ret_value)
{
	const struct state *state = page->snapshot.state;
	int64_t now_ns = page->snapshot.now_ns;
	const char *reason;
	bool rate;
	int slot = page_find(page, group, name, &rate);

	if (slot < 0)
		return false;
	return rate ? state_rate_milli(state, (unsigned)slot, now_ns, ret_value, &reason) == 0
		    : state_value(state, (unsigned)slot, now_ns, ret_value, &reason) == 0;
}
