/* SPDX-License-Identifier: MIT */
/*
 * What a state means and what to do, in sentences for somebody who was woken by it. The word and the
 * shape say the same as the colour.
 */
#include "notifiers/page_parts.h"

#include <string.h>

/* Shapes: a disc, a triangle, an octagon, a square, a diamond; each with a mark cut out of it. */
#define DISC "<circle class='f' cx='24' cy='24' r='22'/>"
#define CUT(d) "<path class='m' d='" d "'/>"

static const struct page_mood moods[CONTROL_STATES] = {
	[CONTROL_NORMAL] =
		{
			.word = "Normal",
			.tone = "good",
			.shape = DISC CUT("M14 25l7 7 13-15"),
			.sentence = "Everything fits. The load balancers may send this Pi its "
				    "full share.",
		},
	[CONTROL_SHED] =
		{
			.word = "Shedding",
			.tone = "warn",
			.shape = "<path class='f' d='M2 5h44L24 45z'/>" CUT(
				"M24 12v17m-7-7l7 7 7-7"),
			.sentence = "It asks the load balancers for less traffic, so that it stays "
				    "out of swap.",
			.advice = "Nothing to do now. If it lasts, look for what takes the memory, "
				  "or what makes it hot.",
		},
	[CONTROL_RECOVER] =
		{
			.word = "Recovering",
			.tone = "warn",
			.shape = DISC CUT("M24 36V14m-9 8l9-9 9 9"),
			.sentence = "The trouble is over. It takes traffic back step by step.",
		},
	[CONTROL_HARD] =
		{
			.word = "In trouble",
			.tone = "bad",
			.shape = "<path class='f' d='M15 2h18l13 13v18L33 46H15L2 33V15z'/>" CUT(
				"M24 12v15m0 8v1"),
			.sentence = "It asks for as little traffic as possible.",
			.advice =
				"What happened stands below. Find what takes the memory, and stop "
				"it: ps aux --sort -rss",
		},
	[CONTROL_HOLD] =
		{
			.word = "Drained",
			.tone = "idle",
			.shape = "<rect class='f' x='3' y='3' width='42' height='42' rx='5'/>" CUT(
				"M18 14v20m12-20v20"),
			.sentence = "An operator took it out: the load balancers send nothing new.",
			.advice = "To bring it back, type on this Pi: hostingpictl ready",
		},
	[CONTROL_BLIND] =
		{
			.word = "Blind",
			.tone = "bad",
			.shape = "<path class='f' d='M24 1l23 23-23 23L1 24z'/>" CUT(
				"M18 20c0-8 12-8 12 0 0 5-6 4-6 9m0 5v1"),
			.sentence = "It cannot read its own memory, so the weight it tells is a "
				    "fixed one.",
			.advice = "To see why, type on this Pi: hostingpid --doctor",
		},
};

static const struct page_mood starting = {
	.word = "Starting",
	.tone = "idle",
	.shape = DISC CUT("M24 12v13l8 5"),
	.sentence = "Nothing is decided yet; load balancers wait for the first readings.",
};

/* The hard level where it is not for want of memory. */
static const char storage_advice[] =
	"What happened stands below. Save what you need while it can still be read, then replace the "
	"card or disk, or look after its supply.";

/* Before the first decision its weight is none. */
const struct page_mood *page_mood(const struct decision *decision)
{
	return decision->weight_pct < 1 ? &starting : &moods[decision->state];
}

const char *page_advice(const struct page *page)
{
	struct readings readings;

	state_readings(page->snapshot.state, page->snapshot.now_ns, &readings);
	if (page->decision->state == CONTROL_HARD && page->decision->weight_pct > 0 &&
	    readings_has(&readings, ROLE_STORAGE_FAILING) && readings.value[ROLE_STORAGE_FAILING])
		return storage_advice;
	return page_mood(page->decision)->advice;
}
