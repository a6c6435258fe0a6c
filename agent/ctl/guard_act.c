/* SPDX-License-Identifier: MIT */
/* First it is done and then said: a message may be lost, a moment of pressure not. */
#include "agent/ctl/guard_act.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/ctl/guard_say.h"
#include "agent/ctl/text.h"

/* The agent samples once a second, and four times when memory is short (design 3). */
#define CALM_MS 1000
#define NEAR_MS 250
/* Who joined the suspended ones, or was woken, is looked for this often. */
#define SWEEP_MS 1000
/* From SIGTERM to SIGKILL. */
#define GRACE_MS 10000
/* So long a pause is worth a thought, if the job holds that much. */
#define LONG_PAUSE_MS 60000
#define LARGE_JOB_BYTES (16 << 20)

static int64_t clock_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t guard_now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

/* Any number of them in one line. */
struct words {
	char text[256], seconds[TEXT_NUMBER_SIZE], bytes[TEXT_NUMBER_SIZE];
};

static const char *describe(const struct guard *guard, struct words *words)
{
	return guard_describe(&guard->view, &guard->order->rules, words->text, sizeof(words->text));
}

static const char *seconds(struct words *words, int64_t ms)
{
	return text_duration(words->seconds, (double)ms / 1000);
}

bool guard_is_loud(const struct guard *guard)
{
	return guard->order->loudness >= GUARD_NORMAL;
}

/* What is new about the agent; quiet: another line follows that says so. */
static void tell_source(struct guard *guard, bool quiet)
{
	const struct guard_view *view = &guard->view;
	bool fresh = view->source == GUARD_FRESH, changed = view->source != guard->told.source;
	struct words words;

	if (changed && !fresh && guard_is_loud(guard))
		guard_say("warning: %s; the job may run meanwhile", view->why);
	else if (changed && guard_is_loud(guard))
		guard_say("the agent is back: %s", describe(guard, &words));
	else if (fresh && view->state != guard->told.state) {
		if (view->state == CONTROL_BLIND && guard_is_loud(guard))
			guard_say("warning: the agent's own readings are stale (blind); the job "
				  "may run meanwhile");
		else if (guard->order->loudness >= GUARD_VERBOSE && !quiet)
			guard_say("%s", describe(guard, &words));
	}
	guard->told.source = view->source;
	if (!fresh)
		return;
	guard->told.state = view->state;
	if (guard->order->rules.min_headroom_bytes > 0 && !view->headroom_known &&
	    !guard->told.headroom && guard_is_loud(guard)) {
		guard_say("warning: the agent does not know the headroom; its state alone counts");
		guard->told.headroom = true;
	}
}

static enum guard_verdict look(struct guard *guard)
{
	int64_t now = guard_now_ms();
	enum guard_verdict verdict;

	guard_state_look(&guard->file, now, clock_ms(CLOCK_REALTIME), &guard->view);
	verdict = guard_judge_step(&guard->judge, &guard->view, now);
	tell_source(guard, guard->suspended == (verdict == GUARD_RUN));
	guard->look_ms = now + (guard_judge_near(&guard->judge, &guard->view) ? NEAR_MS : CALM_MS);
	return verdict;
}

bool guard_wait(struct guard *guard)
{
	int64_t start_ms = guard_now_ms();
	enum guard_verdict verdict;
	bool told = false;
	struct words words;

	while ((verdict = look(guard)) == GUARD_HALT) {
		if (!told && guard_is_loud(guard))
			guard_say("waiting: %s", describe(guard, &words));
		told = true;
		nanosleep(&(struct timespec){.tv_nsec = NEAR_MS * 1000000}, NULL);
	}
	if (verdict == GUARD_GIVE_UP) {
		guard_say("given up, there was no room for it within %s: %s",
			  seconds(&words, guard->order->rules.max_wait_ms),
			  describe(guard, &words));
		return false;
	}
	if (told && guard_is_loud(guard))
		guard_say("started after %s: %s", seconds(&words, guard_now_ms() - start_ms),
			  describe(guard, &words));
	return true;
}

static void tell_denied(struct guard *guard)
{
	if (guard->freeze.denied != 0 && !guard->told.denied)
		guard_say(
			"process %d cannot be suspended: it runs as another user; start the guard "
			"as that user, or as root ('sudo hostingpictl guard', not 'guard sudo')",
			(int)guard->freeze.denied);
	guard->told.denied = guard->told.denied || guard->freeze.denied != 0;
}

static void sweep(struct guard *guard)
{
	int result = freeze_all(&guard->freeze, watcher_root(&guard->watcher));

	guard->sweep_ms = guard_now_ms() + SWEEP_MS;
	if (result < 0 && !guard->told.unreadable) {
		guard_say("/proc: %s: the job cannot be suspended", strerror(-result));
		guard->told.unreadable = true;
	}
	tell_denied(guard);
}

static void suspend(struct guard *guard)
{
	struct words words;
	int count;

	sweep(guard);
	count = freeze_count(&guard->freeze);
	guard->suspended = true;
	guard->told.hint = false;
	guard->halted_ms = guard_now_ms();
	guard->pauses++;
	if (guard_is_loud(guard))
		guard_say("suspended %d %s, with %s of memory: %s", count,
			  count == 1 ? "process" : "processes",
			  text_bytes(words.bytes, (double)freeze_memory(&guard->freeze)),
			  describe(guard, &words));
}

void guard_resume(struct guard *guard, const char *why)
{
	int64_t took_ms = guard_now_ms() - guard->halted_ms;
	struct words words;

	if (!guard->suspended)
		return;
	freeze_thaw(&guard->freeze);
	guard->suspended = false;
	guard->paused_ms += took_ms;
	if (guard_is_loud(guard))
		guard_say("resumed after %s: %s", seconds(&words, took_ms), why);
}

/* Stopped processes hold their memory: if that is what is missing, nothing but their end helps. */
static void hint(struct guard *guard)
{
	long long bytes;
	struct words words;

	if (guard->told.hint || guard_now_ms() - guard->halted_ms < LONG_PAUSE_MS)
		return;
	guard->told.hint = true;
	bytes = freeze_memory(&guard->freeze);
	if (bytes < LARGE_JOB_BYTES || !guard_is_loud(guard))
		return;
	guard_say("still suspended, and the job itself holds %s: only its end gives that back (%s)",
		  text_bytes(words.bytes, (double)bytes),
		  guard->order->rules.max_pause_ms < 0 ? "there is no --max-pause"
						       : "--max-pause will end it");
}

static void end_job(struct guard *guard)
{
	pid_t root = watcher_root(&guard->watcher);
	struct words words;

	freeze_signal_all(&guard->freeze, root, SIGTERM);
	freeze_signal_all(&guard->freeze, root, SIGCONT);
	guard->ending = true;
	guard->kill_ms = guard_now_ms() + GRACE_MS;
	guard_say("the job is ended: it was suspended for %s (--max-pause): %s",
		  seconds(&words, guard_now_ms() - guard->halted_ms), describe(guard, &words));
	guard_resume(guard, "to end");
}

/* Until nothing of it lives, or all was killed. */
static void go_on_ending(struct guard *guard)
{
	bool late = guard_now_ms() >= guard->kill_ms;
	int living = freeze_signal_all(&guard->freeze, watcher_root(&guard->watcher),
				       late ? SIGKILL : 0);

	guard->look_ms = guard_now_ms() + NEAR_MS;
	if (guard->status != -1 && (living <= 0 || late))
		guard->ended = true;
}

void guard_tick(struct guard *guard)
{
	struct words words;

	if (guard->ending) {
		go_on_ending(guard);
		return;
	}
	switch (look(guard)) {
	case GUARD_RUN:
		guard_resume(guard, describe(guard, &words));
		return;
	case GUARD_HALT:
		if (!guard->suspended)
			suspend(guard);
		else if (guard_now_ms() >= guard->sweep_ms)
			sweep(guard);
		hint(guard);
		return;
	case GUARD_GIVE_UP:
		if (!guard->suspended)
			suspend(guard);
		end_job(guard);
		return;
	}
}

void guard_summarise(const struct guard *guard)
{
	struct words all, paused;

	if (guard->pauses == 0 || !guard_is_loud(guard))
		return;
	guard_say("suspended %d %s, %s of %s", guard->pauses, guard->pauses == 1 ? "time" : "times",
		  seconds(&paused, guard->paused_ms),
		  seconds(&all, guard_now_ms() - guard->begun_ms));
}
