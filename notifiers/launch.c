/* SPDX-License-Identifier: MIT */
/*
 * A program has to be read from the disk. While that fails, or the kernel itself does, it would hang there or
 * die half-way, and each read may be the one that the disk does not survive.
 *
 * But what happened has to get out, and a card that loses a request now and then lives for months. So what
 * counts is how fresh the trouble is, and not the word for people (health.h), which stays for a day: after the
 * last sign the disk must have been quiet for a minute, and in its second half have finished requests. The
 * first half is for what was on its way when it failed. One that failed as well would have been a sign.
 *
 * Slow is not failing: a disk that finishes nothing for ten seconds is a stall, which is a sign, and the
 * program has a time limit of its own.
 */
#include "notifiers/launch.h"

#include <string.h>

#include "agent/state.h"

static bool is_sign(enum metric_role role)
{
	return role == ROLE_STORAGE_FAILING || role == ROLE_SWAP_FAILING ||
	       role == ROLE_KERNEL_FAILING;
}

/* Once: the core does not add any later. */
static void find(struct launch *launch, const struct state *state)
{
	launch->found = true;
	launch->errors[0].slot = launch->errors[1].slot = launch->finished.slot = -1;
	launch->errors[0].anew = true;
	for (unsigned slot = 0; slot < state_count(state); slot++) {
		enum metric_role role = state_metric(state, slot)->role;

		if (is_sign(role) && launch->count < LAUNCH_SIGNS)
			launch->signs[launch->count++] = slot;
		else if (role == ROLE_STORAGE_ERRORS)
			launch->errors[0].slot = (int)slot;
		else if (role == ROLE_FS_ERRORS)
			launch->errors[1].slot = (int)slot;
		else if (role == ROLE_STORAGE_FINISHED)
			launch->finished.slot = (int)slot;
	}
}

static bool value_of(const struct snapshot *snapshot, unsigned slot, int64_t *ret_value)
{
	const char *reason;

	return state_value(snapshot->state, slot, snapshot->now_ns, ret_value, &reason) == 0;
}

/* Takes the present value in. Returns by how much it grew since it was known last. */
static int64_t step(struct launch_count *count, const struct snapshot *snapshot)
{
	int64_t value, before = count->value;
	bool known = count->known;

	if (count->slot < 0 || !value_of(snapshot, (unsigned)count->slot, &value))
		return 0;
	count->known = true;
	count->value = value;
	if (!known)
		return count->anew ? value : 0;
	return value >= before ? value - before : value; /* it began anew */
}

static void take_trouble(struct launch *launch, int64_t now_ns)
{
	launch->troubled = true;
	launch->trouble_ns = now_ns;
}

/* What fails now; NULL: nothing does. */
static const char *find_sign(struct launch *launch, const struct snapshot *snapshot)
{
	const char *why = NULL;
	int64_t value;

	for (unsigned i = 0; i < launch->count; i++) {
		unsigned slot = launch->signs[i];

		if (!value_of(snapshot, slot, &value) || !value)
			continue;
		if (state_metric(snapshot->state, slot)->role != ROLE_KERNEL_FAILING) {
			take_trouble(launch, snapshot->now_ns);
			return "storage is failing";
		}
		why = "the kernel is failing";
	}
	return why;
}

/* Why not yet, after it failed. */
static const char *find_quiet(struct launch *launch, int64_t now_ns)
{
	int64_t quiet_ns = now_ns - launch->trouble_ns;

	if (!launch->troubled)
		return NULL;
	if (quiet_ns < LAUNCH_QUIET_NS / 2)
		launch->finished_then = launch->finished.value;
	if (quiet_ns < LAUNCH_QUIET_NS)
		return "storage failed less than a minute ago";
	if (launch->finished.known && launch->finished.value == launch->finished_then &&
	    quiet_ns < LAUNCH_IDLE_NS)
		return "storage failed and has finished nothing since: waits 10 minutes";
	launch->troubled = false;
	return NULL;
}

const char *launch_forbidden(struct launch *launch, const struct snapshot *snapshot)
{
	const char *why;

	if (!launch->found)
		find(launch, snapshot->state);
	for (unsigned i = 0; i < LAUNCH_COUNTERS; i++)
		if (step(&launch->errors[i], snapshot) > 0)
			take_trouble(launch, snapshot->now_ns);
	step(&launch->finished, snapshot);
	why = find_sign(launch, snapshot);
	return why ? why : find_quiet(launch, snapshot->now_ns);
}
