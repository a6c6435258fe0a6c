/* SPDX-License-Identifier: MIT */
/* Readings, spans and times as people write them; no locale, and no line break inside. */
#ifndef HOSTINGPI_PAGE_UNITS_H
#define HOSTINGPI_PAGE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/metric.h"

/* A 64-bit number with commas has 26 characters; with a unit, or a date with its zone. */
#define UNITS_SIZE 64

/* "412 MiB", "1.25 GiB", "-3.5 MiB". */
char *units_bytes(char text[static UNITS_SIZE], int64_t bytes);
/* "1,204,331" */
char *units_count(char text[static UNITS_SIZE], int64_t count);
/* Thousandths with at most so many decimals (0..3), rounded; without trailing zeroes. */
char *units_milli(char text[static UNITS_SIZE], int64_t milli, unsigned decimals);
/* "40 s", "2 h 14 min", "3 days 4 h"; less than nothing is nothing. */
char *units_span(char text[static UNITS_SIZE], int64_t seconds);
/* "2 h 14 min ago", "just now" (also where clocks disagree). */
char *units_ago(char text[static UNITS_SIZE], int64_t ms);

/* Local time: "14:03:07", on another day than now_ms "11 Feb, 14:03:07". */
char *units_clock(char text[static UNITS_SIZE], int64_t wall_ms, int64_t now_ms);
/* "14:03" */
char *units_hour(char text[static UNITS_SIZE], int64_t wall_ms);
/* "13 Feb 2026, 14:03:07 CEST (UTC+02:00)" */
char *units_date(char text[static UNITS_SIZE], int64_t wall_ms);
/* "2026-02-13T13:03:07Z", as the attribute of a time element. */
char *units_stamp(char text[static UNITS_SIZE], int64_t wall_ms);
/* Seconds that local time is ahead of UTC. */
int64_t units_zone_s(int64_t wall_ms);

/*
 * A reading with its unit. rate: the value is a rate per second in thousandths. Words go through a
 * text of their own; a text is no number and not for here.
 */
char *units_reading(char text[static UNITS_SIZE], const struct metric *metric, bool rate,
		    int64_t value);
/* True if the value says that something is wrong, or went wrong. */
bool units_trouble(const struct metric *metric, int64_t value);

#endif
