/* SPDX-License-Identifier: MIT */
/*
 * Polls are requests too: those that the server has answered are taken off what its counter rises by.
 * lighttpd adds them up once a second, so they are taken off when they show up. A page of PHP-FPM whose
 * counter stands still while we poll it does not count us (pm.status_listen), and then nothing is taken
 * off any more, neither from the workers at work. Under traffic it stands still only between polls that
 * are made back to back, as status_search.c does first of all.
 *
 * A server was started anew when a counter fell, or its age. The first is seen by everybody from the
 * value; but a counter may have risen higher than before meanwhile, or a reload may keep it (Apache,
 * graceful), so a smaller age costs one interval without a rate.
 */
#include "collectors/requests_count.h"

#include "agent/units.h"

static const char anew_place[] = "another status page was found: counting starts anew";
static const char anew_start[] = "the web server was started anew: counting starts anew";

static bool both_have(const struct status_reading *a, const struct status_reading *b,
		      enum status_field field)
{
	return status_has(a, field) && status_has(b, field);
}

static bool has_fallen(const struct status_reading *old, const struct status_reading *new,
		       enum status_field field)
{
	return both_have(old, new, field) && new->value[field] < old->value[field];
}

/*
 * Polls of before the last one that are waited for at most: those of a second at the shortest interval,
 * and one.
 */
#define DEBT_MAX 6

/* What was served since the last reading, by others than us. */
static int64_t served(struct requests_count *count, int64_t polls,
		      const struct status_reading *reading)
{
	int64_t step = reading->value[STATUS_REQUESTS] - count->before;
	int64_t ours = polls - count->polls;
	if (reading->at_once && ours > 0 && step == 0)
		count->blind = true;
	count->debt = count->blind ? 0 : clamp_i64(count->debt, 0, DEBT_MAX) + ours;
	int64_t paid = step < count->debt ? step : count->debt;
	count->debt -= paid;
	return step - paid;
}

/* The mean of what was timed since the last reading, unless the server itself says one. */
static void find_latency(struct status_reading *reading, const struct status_reading *old,
			 int64_t requests)
{
	int64_t timed = requests;
	if (both_have(old, reading, STATUS_TIMED))
		timed = reading->value[STATUS_TIMED] - old->value[STATUS_TIMED];
	if (requests <= 0 || timed <= 0) {
		reading->known &= ~(1u << STATUS_LATENCY_US);
		return;
	}
	if (both_have(old, reading, STATUS_TIME_US) && !has_fallen(old, reading, STATUS_TIME_US))
		status_put(reading, STATUS_LATENCY_US,
			   (reading->value[STATUS_TIME_US] - old->value[STATUS_TIME_US]) / timed);
}

/* A server that is not the one from before: true, and why. */
static bool starts_anew(struct requests_count *count, size_t place,
			const struct status_reading *reading)
{
	const struct status_reading *old = &count->reading;
	if (!count->valid || count->place != place || old->kind != reading->kind) {
		count->anew = count->valid ? anew_place : NULL;
		count->blind = false;
		return true;
	}
	bool fell = status_has(old, STATUS_REQUESTS) && status_has(reading, STATUS_REQUESTS) &&
		    reading->value[STATUS_REQUESTS] < count->before;
	bool younger = has_fallen(old, reading, STATUS_AGE);
	bool seen = reading->value[STATUS_REQUESTS] < old->value[STATUS_REQUESTS];
	count->anew = (fell || younger) && !seen ? anew_start : NULL;
	return fell || younger;
}

void requests_count_take(struct requests_count *count, size_t place, int64_t polls,
			 const struct status_reading *reading)
{
	struct status_reading new = *reading;
	bool requests = status_has(reading, STATUS_REQUESTS),
	     anew = starts_anew(count, place, reading);
	count->blind = count->blind || !reading->counts_polls;
	count->times =
		status_has(reading, STATUS_TIME_US) || status_has(reading, STATUS_LATENCY_US);
	if (anew) {
		count->debt = 0;
		new.known &= ~(1u << STATUS_LATENCY_US);
	} else if (requests && status_has(&count->reading, STATUS_REQUESTS)) {
		int64_t step = served(count, polls, reading);
		new.value[STATUS_REQUESTS] = count->reading.value[STATUS_REQUESTS] + step;
		find_latency(&new, &count->reading, step);
	}
	if (count->blind && status_has(reading, STATUS_BUSY))
		new.value[STATUS_BUSY] += new.own_busy;
	count->valid = true;
	count->place = place;
	count->polls = polls;
	count->before = reading->value[STATUS_REQUESTS];
	count->reading = new;
}
