/* SPDX-License-Identifier: MIT */
/* When the daily summary is due: once on each local day, from a time of the day on. Pure but for TZ. */
#ifndef HOSTINGPI_POST_DAILY_H
#define HOSTINGPI_POST_DAILY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * *day is the number of the local day whose summary was told last, 0: nothing is known yet; then the day
 * that is already past daily_at ("HH:MM", checked) counts as told. Returns true once a day, and sets *day.
 */
bool post_daily_due(const char *daily_at, int64_t wall_ms, int64_t *day);

#endif
