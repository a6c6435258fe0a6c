/* SPDX-License-Identifier: MIT */
/* What becomes one entity in Home Assistant: a reading, or one of what other topics tell. */
#ifndef HOSTINGPI_MQTT_DISCOVERY_COMPONENT_H
#define HOSTINGPI_MQTT_DISCOVERY_COMPONENT_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/json.h"
#include "notifiers/mqtt_discovery.h"
#include "notifiers/mqtt_discovery_reading.h"

/* What unique_id and the device's identifier start with: they are shared with all that uses MQTT. */
#define MQTT_DISCOVERY_OURS "hostingpi_"

/* Of "group_name"; the longest that the tables of this program need is 31. */
#define MQTT_COMPONENT_KEY_SIZE 72

struct mqtt_extra;

struct mqtt_component {
	char key[MQTT_COMPONENT_KEY_SIZE];
	const struct mqtt_extra *extra; /* NULL: a reading of the state document */
	struct mqtt_reading reading;
	struct mqtt_look look;
	const char *platform, *topic;
	bool is_connection; /* tells whether we are there, so it is always available itself */
};

size_t mqtt_component_count(const struct mqtt_discovery *discovery);

/* Finds one, index below the count. Returns 0 or -ENAMETOOLONG. */
int mqtt_component_find(const struct mqtt_discovery *discovery, size_t index,
			struct mqtt_component *ret_component);

/* Writes the members that both forms have. */
void mqtt_component_write(struct json *json, const struct mqtt_discovery *discovery,
			  const struct mqtt_component *component);

/* Writes an array of texts; NULL: an empty one. */
void mqtt_component_write_texts(struct json *json, const char *key, const char *const *texts);

#endif
