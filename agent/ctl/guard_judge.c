/* SPDX-License-Identifier: MIT */
/*
 * One rule for both kinds of waiting, before the start and suspended: not before all has been well for a
 * moment, because a job that comes back at the first good sample takes the memory that made it good.
 * Who was suspended stays so for a while, too: to stop and go on each second is work for nobody.
 *
 * recover counts as well. The agent stays there for ten seconds or more while it gives the weight back; a
 * job that waited for the end of it would wait for visitors that nobody keeps away any more.
 *
 * An agent that is dead, or whose file says nothing, must not stop backups for ever: the job runs then.
 */
#include "agent/ctl/guard_judge.h"

#include <stddef.h>

/* Two samples of a calm agent (1 Hz). */
#define FINE_MS 2000
#define SHORTEST_PAUSE_MS 3000
/* No look for so long: the guard itself was stopped (Ctrl-Z), and that time does not count. */
#define GAP_MS 5000
/* The agent itself looks four times a second from here on (design 3). */
#define NEAR_MS 60000

void guard_judge_init(struct guard_judge *judge, const struct guard_rules *rules, int64_t now_ms)
{
	*judge = (struct guard_judge){
		.rules = *rules,
		.halted = true,
		.since_ms = now_ms,
		.excused_ms = INT64_MIN,
		.step_ms = now_ms,
	};
}

static bool has_headroom(const struct guard_judge *judge, const struct guard_view *view)
{
	int64_t least = judge->rules.min_headroom_bytes;

	if (least == 0 || !view->headroom_known)
		return true;
	/* To come back takes a tenth more, or it would go to and fro at the limit. */
	if (judge->halted && judge->looked)
		least += least / 10;
	return view->headroom_bytes >= least;
}

static bool is_well(const struct guard_judge *judge, const struct guard_view *view)
{
	if (view->source != GUARD_FRESH)
		return true;
	switch (view->state) {
	case CONTROL_NORMAL:
	case CONTROL_RECOVER:
	case CONTROL_BLIND:
		return has_headroom(judge, view);
	case CONTROL_SHED:
	case CONTROL_HARD:
	case CONTROL_HOLD:
	case CONTROL_STATES:
		break;
	}
	return false;
}

static bool may_go(const struct guard_judge *judge, int64_t now_ms)
{
	if (!judge->looked || now_ms < judge->excused_ms)
		return true;
	return now_ms - judge->fine_ms >= FINE_MS &&
	       (!judge->begun || now_ms - judge->since_ms >= SHORTEST_PAUSE_MS);
}

enum guard_verdict guard_judge_step(struct guard_judge *judge, const struct guard_view *view,
				    int64_t now_ms)
{
	bool well = is_well(judge, view) || now_ms < judge->excused_ms;
	int64_t gap_ms = now_ms - judge->step_ms, limit_ms;

	if (gap_ms > GAP_MS) {
		judge->since_ms += gap_ms;
		judge->fine_ms += gap_ms;
	}
	judge->step_ms = now_ms;
	if (!well && !judge->halted) {
		judge->halted = true;
		judge->since_ms = now_ms;
	}
	if (well && !judge->fine)
		judge->fine_ms = now_ms;
	judge->fine = well;
	if (judge->halted && well && may_go(judge, now_ms))
		judge->halted = false;
	judge->looked = true;
	if (!judge->halted) {
		judge->begun = true;
		return GUARD_RUN;
	}
	limit_ms = judge->begun ? judge->rules.max_pause_ms : judge->rules.max_wait_ms;
	return limit_ms >= 0 && now_ms - judge->since_ms >= limit_ms ? GUARD_GIVE_UP : GUARD_HALT;
}

void guard_judge_excuse(struct guard_judge *judge, int64_t until_ms)
{
	if (until_ms > judge->excused_ms)
		judge->excused_ms = until_ms;
}

bool guard_judge_near(const struct guard_judge *judge, const struct guard_view *view)
{
	if (judge->halted)
		return true;
	if (view->source != GUARD_FRESH)
		return false;
	if (view->time_to_swap_known && view->time_to_swap_ms < NEAR_MS)
		return true;
	return view->headroom_known && judge->rules.min_headroom_bytes > 0 &&
	       view->headroom_bytes / 2 < judge->rules.min_headroom_bytes;
}
