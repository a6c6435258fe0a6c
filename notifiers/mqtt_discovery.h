/* SPDX-License-Identifier: MIT */
/*
 * Home Assistant's MQTT discovery: what this agent tells about its readings, so that they become
 * entities of one device. Pure: from the tables of metrics to text.
 */
#ifndef HOSTINGPI_MQTT_DISCOVERY_H
#define HOSTINGPI_MQTT_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/report.h"

/* The device document with about 100 components of 350 bytes. */
#define MQTT_DISCOVERY_SIZE (64 * 1024)

/* What it is made from. Strings are those of the topics in force. */
struct mqtt_discovery {
	const struct about *about; /* with its metrics */
	const char *prefix;	   /* discovery_prefix */
	const char *availability_topic, *state_topic, *weight_topic, *event_topic;
	int64_t interval_ms; /* between two samples */
};

/* Topic and document of the device form (Home Assistant 2024.11). Length or negative errno. */
int mqtt_discovery_device(const struct mqtt_discovery *discovery, char *ret_topic,
			  size_t topic_size, char *buffer, size_t size);

/* How many single components there are, and the topic and document of one of them: the older form. */
size_t mqtt_discovery_count(const struct mqtt_discovery *discovery);
int mqtt_discovery_component(const struct mqtt_discovery *discovery, size_t index, char *ret_topic,
			     size_t topic_size, char *buffer, size_t size);

#endif
