/* SPDX-License-Identifier: MIT */
/*
 * Differences over a window need the counters as they were at its beginning. Not every reading is
 * kept for that: one for each twelfth of the window does.
 */
#include "collectors/disk_window.h"

#include <string.h>

#include "collectors/disk.h"

static void drop(struct disk_window *window, size_t count)
{
	window->count -= count;
	memmove(window->points, window->points + count, window->count * sizeof(window->points[0]));
}

bool disk_window_take(struct disk_window *window, int64_t span_ns, const struct disk_point *point,
		      struct disk_point *ret_way)
{
	size_t old = 0;
	while (old + 1 < window->count && point->at_ns - window->points[old + 1].at_ns >= span_ns)
		old++;
	drop(window, old);

	const struct disk_point *first = &window->points[0];
	bool comparable = window->count > 0 && point->at_ns > first->at_ns;
	if (comparable) {
		struct disk_point way = {
			.at_ns = point->at_ns - first->at_ns,
			.writes = disk_stat_step(first->writes, point->writes),
			.write_ms = disk_stat_step_ms(first->write_ms, point->write_ms),
			.queue_ms = disk_stat_step_ms(first->queue_ms, point->queue_ms),
			.write_bytes = disk_stat_step_bytes(first->write_bytes, point->write_bytes),
			.busy_ns = point->busy_ns - first->busy_ns,
		};
		comparable = way.writes >= 0 && way.write_bytes >= 0;
		if (comparable)
			*ret_way = way;
		else
			window->count = 0;
	}

	if (window->count > 0 && point->at_ns - window->points[window->count - 1].at_ns <
					 span_ns / (DISK_WINDOW_POINTS - 1))
		return comparable;
	if (window->count == DISK_WINDOW_POINTS)
		drop(window, 1);
	window->points[window->count++] = *point;
	return comparable;
}
