/* SPDX-License-Identifier: MIT */
/*
 * A bucket of B tokens that gets R of them a day lets through at most B + R - 1 in less than 24 hours. So
 * that this is max_per_day: a quarter of that as burst, the rest and one for the rate. A third of the
 * burst is kept for those that must not wait. With 24 a day: 6 at once, 19 a day, of which 2 are kept.
 *
 * Fractions of a token are kept as time, so that nothing is rounded away however often we look.
 */
#include "notifiers/post_budget.h"

#include "agent/units.h"

#define DAY_NS (INT64_C(86400) * NS_PER_S)

void post_budget_init(struct post_budget *budget, int64_t max_per_day, int64_t gap_ns,
		      int64_t now_ns)
{
	int64_t burst = max_per_day < 8 ? 1 : max_per_day / 4;

	*budget = (struct post_budget){
		.token_ns = DAY_NS / (max_per_day - burst + 1) + 1,
		.burst = burst,
		.reserve = burst / 3,
		.gap_ns = gap_ns,
		.stamp_ns = now_ns,
	};
	budget->credit_ns = burst * budget->token_ns;
}

static void fill(struct post_budget *budget, int64_t now_ns)
{
	int64_t full_ns = budget->burst * budget->token_ns;

	if (now_ns > budget->stamp_ns)
		budget->credit_ns += now_ns - budget->stamp_ns;
	if (budget->credit_ns > full_ns)
		budget->credit_ns = full_ns;
	budget->stamp_ns = now_ns;
}

void post_budget_restore(struct post_budget *budget, const struct post_budget *kept, int64_t now_ns)
{
	budget->credit_ns = clamp_i64(kept->credit_ns, 0, budget->burst * budget->token_ns);
	budget->stamp_ns = clamp_i64(kept->stamp_ns, 0, now_ns);
	budget->gone = kept->gone;
	budget->last_ns = clamp_i64(kept->last_ns, 0, now_ns);
	fill(budget, now_ns);
}

int64_t post_budget_when(struct post_budget *budget, bool reserve, bool paid, int64_t now_ns)
{
	int64_t need_ns = (1 + (reserve ? 0 : budget->reserve)) * budget->token_ns;
	int64_t when_ns = now_ns;

	fill(budget, now_ns);
	if (!paid && budget->credit_ns < need_ns)
		when_ns = now_ns + need_ns - budget->credit_ns;
	if (budget->gone && budget->last_ns + budget->gap_ns > when_ns)
		when_ns = budget->last_ns + budget->gap_ns;
	return when_ns;
}

void post_budget_take(struct post_budget *budget, int64_t now_ns)
{
	fill(budget, now_ns);
	budget->credit_ns =
		budget->credit_ns > budget->token_ns ? budget->credit_ns - budget->token_ns : 0;
}

void post_budget_gone(struct post_budget *budget, int64_t now_ns)
{
	budget->gone = true;
	budget->last_ns = now_ns;
}
