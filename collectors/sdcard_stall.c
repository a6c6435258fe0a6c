/* SPDX-License-Identifier: MIT */
/*
 * A card that is about to fail often finishes one request in ten seconds or more. That is one stall and
 * not one for each request: so a stall ends when the disk had nothing to do for a while, or when for
 * longer no request had to wait too long.
 */
#include "collectors/sdcard_stall.h"

#include <stddef.h>

#include "agent/units.h"

/* Longer than a card may take that finishes something now and then: the kernel gives up after 60 s. */
#define CALM_NS (60 * NS_PER_S)
/* Whoever waited for the disk has had time to ask for more. */
#define EMPTY_NS (5 * NS_PER_S)

static void tell_begin(const struct sdcard_stall *stall, int64_t in_flight, int64_t now_ns,
		       const char *device, struct batch *batch)
{
	int64_t quiet_s = (now_ns - stall->began_ns) / NS_PER_S;
	struct event *event = batch_event(batch, "sd-stall", SEVERITY_CRITICAL,
					  "%s: %lld requests wait and none has finished for %lld s",
					  device, (long long)in_flight, (long long)quiet_s);
	event_put(event, "in_flight", in_flight);
	event_put(event, "quiet_s", quiet_s);
}

static void tell_end(const struct sdcard_stall *stall, const char *device, struct batch *batch)
{
	int64_t quiet_s = (stall->waited_ns - stall->began_ns) / NS_PER_S;
	struct event *event =
		batch_event(batch, "sd-stall-end", SEVERITY_INFO,
			    "%s finishes requests again, after %lld s", device, (long long)quiet_s);
	event_put(event, "quiet_s", quiet_s);
}

void sdcard_stall_take(struct sdcard_stall *stall, const struct disk_stat *before,
		       const struct disk_stat *stat, int64_t limit_ns, int64_t now_ns,
		       const char *device, struct batch *batch)
{
	bool was_empty = !before || before->in_flight == 0;
	/* From the first reading that saw a request: an agent may sample less often than the limit. */
	if (was_empty || stat->in_flight == 0 || disk_stat_finished(before, stat))
		stall->progress_ns = now_ns;
	if (!was_empty || stat->in_flight > 0)
		stall->used_ns = now_ns;

	/* A wait that is too long is seen no sooner than limit_ns after it began. */
	int64_t calm_ns = limit_ns > CALM_NS / 2 ? 2 * limit_ns : CALM_NS;
	bool waits = now_ns - stall->progress_ns >= limit_ns;
	if (waits || stall->waits)
		stall->waited_ns = now_ns;
	stall->waits = waits;

	if (!stall->stalled && waits) {
		stall->stalled = true;
		stall->began_ns = stall->progress_ns;
		tell_begin(stall, stat->in_flight, now_ns, device, batch);
	} else if (stall->stalled && !waits &&
		   (now_ns - stall->waited_ns >= calm_ns || now_ns - stall->used_ns >= EMPTY_NS)) {
		stall->stalled = false;
		tell_end(stall, device, batch);
	}
}
