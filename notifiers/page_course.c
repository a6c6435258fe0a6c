/* SPDX-License-Identifier: MIT */
/*
 * A plot on a phone has fewer columns than a day has steps: neighbours are joined, their least, their
 * most, and the mean of their means. A column in which nothing was known is a gap.
 */
#include "notifiers/page_course.h"

#include "agent/units.h"

static void note(struct course *course, const struct history_point *point, size_t ago)
{
	if (!course->any || point->least <= course->least) {
		course->least = point->least;
		course->least_ago = ago;
	}
	if (!course->any || point->most >= course->most) {
		course->most = point->most;
		course->most_ago = ago;
	}
	course->any = true;
}

static void join(struct history_point *point, const struct history_point *other)
{
	point->least = other->least < point->least ? other->least : point->least;
	point->most = other->most > point->most ? other->most : point->most;
}

void course_take(const struct history *history, size_t series, enum history_span span,
		 int64_t now_ns, struct course *ret_course)
{
	size_t steps = history_steps(span);
	size_t width = (steps + COURSE_COLUMNS - 1) / COURSE_COLUMNS;
	struct course *course = ret_course;

	*course = (struct course){.count = steps / width, .steps = steps / width * width};
	for (size_t column = 0; column < course->count; column++) {
		struct history_point *joined = &course->points[column], point;
		int64_t sum = 0, found = 0;

		for (size_t i = 0; i < width; i++) {
			size_t ago = course->steps - 1 - (column * width + i);
			if (!history_get(history, series, span, ago, now_ns, &point)) {
				course->unknown++;
				continue;
			}
			note(course, &point, ago);
			if (found++ == 0)
				*joined = point;
			else
				join(joined, &point);
			sum += clamp_i64(point.mean, INT64_MIN / 1024, INT64_MAX / 1024);
		}
		course->known[column] = found > 0;
		if (found > 0)
			joined->mean = sum / found;
	}
}

/* Multiples of the step around a value, also below zero. */
static int64_t floor_to(int64_t value, int64_t step)
{
	int64_t rest = value % step;

	return value - rest - (rest < 0 ? step : 0);
}

struct scale scale_choose(int64_t least, int64_t most, int64_t byte)
{
	static const int64_t factors[] = {2, 5, 10};
	/* A thousandth of the largest number: what is added below never overflows. */
	int64_t low = clamp_i64(least, INT64_MIN / 1024, INT64_MAX / 1024);
	int64_t high = clamp_i64(most, low, INT64_MAX / 1024);
	int64_t decade = 1, step = byte > 0 ? byte : 1;

	for (size_t i = 0; (high - low) / step >= 4; i++) {
		if (byte > 0) {
			step *= 2;
		} else {
			step = decade * factors[i % 3];
			if (i % 3 == 2)
				decade = step;
		}
	}
	low = floor_to(low, step);
	high = -floor_to(-high, step);
	return (struct scale){.low = low, .high = high > low ? high : low + step, .step = step};
}

int64_t scale_at(const struct scale *scale, int64_t value, int64_t size)
{
	int64_t inside = clamp_i64(value, scale->low, scale->high);

	return mul_div(inside - scale->low, size, scale->high - scale->low);
}
