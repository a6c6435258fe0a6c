/* SPDX-License-Identifier: MIT */
/*
 * What was written in the last two seconds is still in memory and is at most a few MiB. A poll that
 * leaves some is repeated soon, and the owner is told when nothing is left, so that a rate counts
 * what was written in the time between two tellings. Where lines were skipped there is no count, rather
 * than one that is too low; where most lines show no status, there is no count of errors.
 */
#include "collectors/access_log_source.h"

#include <errno.h>

#include "agent/units.h"

#define LONGEST_PAUSE_NS (2 * NS_PER_S)
/* Between two polls where some was left: 10 MiB a second, and the loop is free most of the time. */
#define MORE_PAUSE_NS (100 * NS_PER_MS)
/* Before the second poll, so that a rate is there within the 1.2 s of --once. */
#define SOON_NS (300 * NS_PER_MS)

static int poll(struct access_log_source *source, int64_t now_ns,
		struct access_log_reading *ret_lines)
{
	struct access_log *log = &source->log;
	int r = access_log_poll(log, now_ns, ret_lines);
	for (unsigned i = 0; i < log->count; i++)
		if (log->follows[i].changed_ns == now_ns) /* perhaps of another directory */
			access_log_notice_about(&source->notice, log->follows[i].path);
	return r;
}

/* A file came: it is opened before it can be gone again. What it holds is told at the next poll. */
static void on_notice(void *context)
{
	struct access_log_source *source = context;
	struct access_log_reading ignored;
	poll(source, env_now_ns(source->log.env), &ignored);
}

static void tell(struct access_log_source *source, const struct access_log_reading *lines)
{
	const struct access_log_tally *tally = &lines->tally;
	struct status_reading reading = {.kind = STATUS_LOG};
	bool whole = lines->skipped_bytes == source->skipped_bytes;
	source->skipped_bytes = lines->skipped_bytes;
	if (whole)
		status_put(&reading, STATUS_REQUESTS, tally->requests);
	if (whole && tally->unparsed <= tally->requests / 2)
		status_put(&reading, STATUS_ERRORS_5XX, tally->errors_5xx);
	source->fn(source->context, &reading);
}

static void on_timer(void *context)
{
	struct access_log_source *source = context;
	struct access_log_reading reading;
	int64_t now_ns = env_now_ns(source->log.env);
	access_log_notice_rearm(&source->notice);
	int r = poll(source, now_ns, &reading);

	if (r == ACCESS_LOG_MORE && now_ns - source->told_ns < source->interval_ns + NS_PER_S) {
		timer_arm(source->timer, MORE_PAUSE_NS);
		return;
	}
	bool first = source->told_ns == 0;
	source->told_ns = now_ns;
	timer_arm(source->timer,
		  first && SOON_NS < source->interval_ns ? SOON_NS : source->interval_ns);
	if (r < 0)
		source->fn(source->context, NULL);
	else
		tell(source, &reading);
}

int access_log_source_open(struct access_log_source *source, const struct env *env,
			   const char *setting, int64_t interval_ns, access_log_source_fn *fn,
			   void *context)
{
	source->fn = fn;
	source->context = context;
	source->interval_ns = interval_ns < LONGEST_PAUSE_NS ? interval_ns : LONGEST_PAUSE_NS;
	source->timer = env_timer(env, on_timer, source);
	if (!source->timer)
		return -ENOSPC;
	access_log_open(&source->log, env, setting);
	access_log_notice_open(&source->notice, env, on_notice, source);
	for (unsigned i = 0; i < source->log.count; i++)
		access_log_notice_about(&source->notice, source->log.follows[i].path);
	timer_arm(source->timer, 0);
	return 0;
}

bool access_log_source_is_open(const struct access_log_source *source)
{
	return source->timer != NULL;
}

void access_log_source_close(struct access_log_source *source)
{
	timer_end(source->timer);
	source->timer = NULL;
	access_log_notice_close(&source->notice);
	access_log_close(&source->log);
}
