/* SPDX-License-Identifier: MIT */
/* How one reading looks in Home Assistant: its name for people, class, unit and template. */
#ifndef HOSTINGPI_MQTT_DISCOVERY_READING_H
#define HOSTINGPI_MQTT_DISCOVERY_READING_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/metric.h"

/* The longest that the tables of this program need is 61. */
#define MQTT_READING_NAME_SIZE 96

struct mqtt_reading {
	const struct metric *metric;
	bool rate; /* its rate per second, not its value */
};

struct mqtt_look {
	const char *device_class;      /* NULL: none */
	const char *state_class;       /* NULL: not a number */
	const char *unit;	       /* NULL: none */
	const char *const *words;      /* NULL: not one of a few words */
	int precision;		       /* decimals to show; -1: as they come */
	bool binary, percent, enabled; /* percent: the document has a ratio */
};

/* The field in the JSON document. */
const char *mqtt_reading_field(const struct mqtt_reading *reading);

void mqtt_reading_look(const struct mqtt_reading *reading, struct mqtt_look *ret_look);

/* The name for people, e.g. "SoC temperature". Cut if it is too long; a test sees that none is. */
void mqtt_reading_name(const struct mqtt_reading *reading, char ret_name[MQTT_READING_NAME_SIZE]);

#endif
