/* SPDX-License-Identifier: MIT */
/*
 * Numbers are written by the writer of the state document, so that one reading is the same number everywhere: a
 * rate of microseconds is milliseconds per second, millionths are a ratio.
 */
#include "notifiers/http_reading.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/json.h"
#include "agent/state.h"

size_t http_reading_positions(const struct snapshot *snapshot)
{
	return 2 * (size_t)state_count(snapshot->state);
}

static void write_number(struct http_reading *reading, int64_t value, unsigned digits)
{
	struct json json;

	json_start(&json, reading->number, sizeof(reading->number));
	json_decimal(&json, NULL, value, digits);
	json_finish(&json);
}

static void write_value(struct http_reading *reading)
{
	switch (reading->metric->unit) {
	case UNIT_COUNT:
	case UNIT_BYTES:
	case UNIT_MS:
	case UNIT_US:
	case UNIT_S:
	case UNIT_HZ:
	case UNIT_WORD:
		write_number(reading, reading->value, 0);
		return;
	case UNIT_MILLI:
	case UNIT_MILLI_CELSIUS:
		write_number(reading, reading->value, 3);
		return;
	case UNIT_PPM:
		write_number(reading, reading->value, 6);
		return;
	case UNIT_BOOL:
		write_number(reading, reading->value != 0, 0);
		return;
	case UNIT_TEXT:
		break;
	}
}

static void write_rate(struct http_reading *reading)
{
	switch (reading->metric->unit) {
	case UNIT_BYTES:
		write_number(reading, reading->value / 1000, 0);
		return;
	case UNIT_US:
		write_number(reading, reading->value / 1000, 3);
		return;
	case UNIT_PPM:
		write_number(reading, reading->value / 1000, 6);
		return;
	case UNIT_COUNT:
	case UNIT_MS:
	case UNIT_S:
	case UNIT_HZ:
	case UNIT_MILLI:
	case UNIT_MILLI_CELSIUS:
	case UNIT_BOOL:
	case UNIT_WORD:
	case UNIT_TEXT:
		break;
	}
	write_number(reading, reading->value, 3);
}

bool http_reading_get(const struct snapshot *snapshot, size_t position,
		      struct http_reading *ret_reading)
{
	unsigned slot = state_ordered(snapshot->state, (unsigned)(position / 2));
	const struct metric *metric = state_metric(snapshot->state, slot);
	struct http_reading reading = {.metric = metric, .rate = position % 2};
	struct state_reading known;

	reading.name = reading.rate ? metric->rate_name : metric->name;
	if (!reading.name)
		return false;
	if (state_reading(snapshot->state, slot, reading.rate, snapshot->now_ns, &known,
			  &reading.unknown) == 0) {
		reading.unknown = NULL;
		reading.text = known.text;
		reading.value = known.value;
		(reading.rate ? write_rate : write_value)(&reading);
	}
	*ret_reading = reading;
	return true;
}

void http_write(struct http_writer *writer, const char *format, ...)
{
	size_t room = writer->size - writer->used;
	va_list values;

	va_start(values, format);
	int length = vsnprintf(writer->buffer + writer->used, room, format, values);
	va_end(values);
	if (writer->full || (size_t)length >= room)
		writer->full = true;
	else
		writer->used += (size_t)length;
}

int http_writer_end(const struct http_writer *writer)
{
	return writer->full ? -ENOSPC : (int)writer->used;
}
