/* SPDX-License-Identifier: MIT */
/*
 * Each sign leaves a mark, which fades: what failed counts for a day, what was slow for an hour, so that
 * the word does not go back and forth with every minute. The worst mark that is left gives the word.
 *
 * Dead is not sticky. What is final says so by itself for as long as it lasts (a card that is gone, a
 * file system that the kernel stopped), and a stall that ended has ended; after any of them the word is
 * "failing" for a day.
 *
 * Levels of latency: an SD card promises to be ready 250 ms after a write (SDXC: 500 ms), and the kernel
 * waits at most 3 s for it.
 */
#include "agent/health.h"

#include <stdio.h>

#include "agent/sample.h"
#include "agent/units.h"

#define MINUTE_NS (60 * NS_PER_S)
#define HOUR_NS (60 * MINUTE_NS)
#define DAY_NS (24 * HOUR_NS)

enum {
	SLOW_MS = 500,
	VERY_SLOW_MS = 2000,
	WORN_PPM = 800000,
};

const char *const health_words[] = {
	[HEALTH_UNKNOWN] = "unknown", [HEALTH_GOOD] = "good", [HEALTH_WORN] = "worn",
	[HEALTH_FAILING] = "failing", [HEALTH_DEAD] = "dead", NULL,
};

static void fade(struct health_mark *mark, int64_t hold_ns, int64_t now_ns)
{
	if (mark->set && now_ns - mark->at_ns >= hold_ns)
		*mark = (struct health_mark){0};
}

static void mark_add(struct health_mark *mark, int64_t amount, int64_t now_ns)
{
	mark->set = true;
	mark->at_ns = now_ns;
	mark->amount += amount;
}

static void mark_worst(struct health_mark *mark, int64_t amount, int64_t now_ns)
{
	mark->set = true;
	mark->at_ns = now_ns;
	if (amount > mark->amount)
		mark->amount = amount;
}

static bool is_true(const struct readings *readings, enum metric_role role)
{
	return readings_has(readings, role) && readings->value[role];
}

/* The counter begins anew when its collector does: then all it says is new. */
static void take_errors(struct health *health, const struct readings *readings, int64_t now_ns)
{
	if (!readings_has(readings, ROLE_STORAGE_ERRORS))
		return;
	int64_t errors = readings->value[ROLE_STORAGE_ERRORS];
	int64_t added = errors >= health->errors ? errors - health->errors : errors;
	if (added > 0)
		mark_add(&health->failed, added, now_ns);
	health->errors = errors;
}

/*
 * This one survives reboots: what it says at first is of any age, which the other reading tells. That
 * one waits for the clock on a Pi, which has none of its own; until then the errors are old ones.
 */
static void take_fs_errors(struct health *health, const struct readings *readings, int64_t now_ns)
{
	if (!readings_has(readings, ROLE_FS_ERRORS))
		return;
	int64_t errors = readings->value[ROLE_FS_ERRORS];
	if (!health->fs_errors_seen) {
		health->fs_age_open = true;
	} else if (errors > health->fs_errors) {
		mark_add(&health->fs_failed, errors - health->fs_errors, now_ns);
		health->fs_age_open = false; /* from now on it is that of the new ones */
	}
	if (errors == 0)
		health->fs_age_open = false;
	if (health->fs_age_open && readings_has(readings, ROLE_FS_ERROR_AGE)) {
		int64_t age_s = readings->value[ROLE_FS_ERROR_AGE];
		if (age_s < DAY_NS / NS_PER_S)
			mark_add(&health->fs_failed, errors, now_ns - age_s * NS_PER_S);
		health->fs_age_open = false;
	}
	health->fs_errors_seen = true;
	health->fs_errors = errors;
}

static void take(struct health *health, const struct readings *readings, int64_t now_ns)
{
	fade(&health->lost, DAY_NS, now_ns);
	fade(&health->failed, DAY_NS, now_ns);
	fade(&health->fs_failed, DAY_NS, now_ns);
	fade(&health->slow, HOUR_NS, now_ns);
	fade(&health->very_slow, HOUR_NS, now_ns);

	health->disk_seen |= readings_has(readings, ROLE_STORAGE_QUEUE);
	if (is_true(readings, ROLE_STORAGE_FAILING))
		mark_worst(&health->lost, 0, now_ns);
	take_errors(health, readings, now_ns);
	take_fs_errors(health, readings, now_ns);
	if (readings_has(readings, ROLE_STORAGE_LATENCY)) {
		int64_t ms = readings->value[ROLE_STORAGE_LATENCY];
		if (ms > VERY_SLOW_MS)
			mark_worst(&health->very_slow, ms, now_ns);
		if (ms > SLOW_MS)
			mark_worst(&health->slow, ms, now_ns);
	}
}

/* "5 min ago" */
struct ago {
	char text[24];
};

static struct ago ago(const struct health_mark *mark, int64_t now_ns)
{
	struct ago words;
	int64_t age_ns = now_ns - mark->at_ns;
	if (age_ns < MINUTE_NS)
		snprintf(words.text, sizeof(words.text), "just now");
	else if (age_ns < 2 * HOUR_NS)
		snprintf(words.text, sizeof(words.text), "%d min ago", (int)(age_ns / MINUTE_NS));
	else
		snprintf(words.text, sizeof(words.text), "%d h ago", (int)(age_ns / HOUR_NS));
	return words;
}

static enum health_word find_word(const struct health *health, const struct readings *readings,
				  int64_t now_ns, char *reason, size_t size)
{
	if (!health->disk_seen) {
		snprintf(reason, size, NOT_APPLICABLE "no disk under the root");
		return HEALTH_UNKNOWN;
	}
	if (is_true(readings, ROLE_STORAGE_FAILING)) {
		snprintf(reason, size, "it is gone, stalled or stopped by the kernel");
		return HEALTH_DEAD;
	}
	if (health->lost.set) {
		snprintf(reason, size, "it did not work %s", ago(&health->lost, now_ns).text);
		return HEALTH_FAILING;
	}
	if (health->failed.set) {
		snprintf(reason, size, "failed requests: %lld, the last %s",
			 (long long)health->failed.amount, ago(&health->failed, now_ns).text);
		return HEALTH_FAILING;
	}
	if (health->fs_failed.set) {
		snprintf(reason, size, "file system errors: %lld, the last %s",
			 (long long)health->fs_failed.amount, ago(&health->fs_failed, now_ns).text);
		return HEALTH_FAILING;
	}
	if (health->very_slow.set) {
		snprintf(reason, size, "writes took up to %lld ms on average, %s",
			 (long long)health->very_slow.amount, ago(&health->very_slow, now_ns).text);
		return HEALTH_FAILING;
	}
	if (health->slow.set) {
		snprintf(reason, size, "writes took up to %lld ms on average, %s",
			 (long long)health->slow.amount, ago(&health->slow, now_ns).text);
		return HEALTH_WORN;
	}
	if (readings_has(readings, ROLE_STORAGE_WEAR) &&
	    readings->value[ROLE_STORAGE_WEAR] >= WORN_PPM) {
		snprintf(reason, size, "%lld %% of its life or of its spare blocks are used",
			 (long long)(readings->value[ROLE_STORAGE_WEAR] / 10000));
		return HEALTH_WORN;
	}
	if (health->fs_errors_seen && health->fs_errors > 0) {
		snprintf(reason, size, "old file system errors: %lld, until an fsck",
			 (long long)health->fs_errors);
		return HEALTH_WORN;
	}
	snprintf(reason, size, "no bad sign");
	return HEALTH_GOOD;
}

bool health_step(struct health *health, const struct readings *readings, int64_t now_ns)
{
	enum health_word before = health->word;

	take(health, readings, now_ns);
	health->word = find_word(health, readings, now_ns, health->reason, sizeof(health->reason));
	return health->word != before && !(before == HEALTH_UNKNOWN && health->word == HEALTH_GOOD);
}
