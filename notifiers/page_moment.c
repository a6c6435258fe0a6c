/* SPDX-License-Identifier: MIT */
/*
 * A moment is told twice: as a time of the day, to be compared with a log, and as how long ago it was, to be
 * understood at once. Programs read the attribute.
 */
#include "notifiers/page_parts.h"
#include "notifiers/page_units.h"

void page_put_moment(struct page *page, int64_t wall_ms)
{
	int64_t now_ms = page->snapshot.ts_ms;
	char stamp[UNITS_SIZE], clock[UNITS_SIZE], ago[UNITS_SIZE];

	html_format(&page->html, "<time datetime=\"%s\">%s</time>, %s", units_stamp(stamp, wall_ms),
		    units_clock(clock, wall_ms, now_ms), units_ago(ago, now_ms - wall_ms));
}
